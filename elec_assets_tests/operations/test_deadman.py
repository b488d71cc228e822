"""`elec deadman`: no Dagster, one sentence, 0 alive and 3 dead; and who is told."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from elec_assets import cli
from elec_assets.clients.store import open_store
from elec_assets.domain import layout_alerts
from elec_assets.transforms.heartbeat import Heartbeat
from elec_assets_tests.clients.sns_place import PHONE, environment, sent_sms

# Everything that takes long to import, or is none of its business.
HEAVY = ["dagster", "polars", "tweepy", "pytrends", "kaggle", "numpy", "moto"]


def deadman(folder: Path, *options: str, **variables: str) -> tuple[int, str, str, list[str]]:
    """Run it in a process of its own: exit code, output, errors, and what heavy modules it imported."""
    code = (
        "import json, sys\nfrom elec_assets.cli import main\n"
        f"try:\n main({['deadman', *options]!r})\nexcept SystemExit as ended:\n code = ended.code or 0\n"
        f"print(json.dumps([code, [m for m in {HEAVY!r} if m in sys.modules]]), file=sys.stderr)\n"
    )
    (folder / "workspace.yaml").write_text("load_from: []\n", encoding="utf-8")
    env = {"PATH": "/usr/bin:/bin", "ELEC_STORE": str(folder / "store"), "AWS_REGION": "eu-west-3", **variables}
    env["TMPDIR"] = str(folder)
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, env=env, capture_output=True, text=True, timeout=60)
    *errors, last = done.stderr.splitlines()
    exit_code, heavy = json.loads(last)
    return exit_code, done.stdout, "\n".join(errors), heavy


def beat(folder: Path, age: timedelta) -> None:
    store = open_store((folder / "store").as_uri())
    store.put(layout_alerts.heartbeat(), Heartbeat(at=datetime.now(UTC) - age).encoded())


def test_it_ends_with_0_while_the_alerts_live_and_with_3_when_they_do_not(sns_server: str, tmp_path: Path) -> None:
    """It was 1, as of a crash and of an SNS that refuses: a health check took all of them for work."""
    before = len(sent_sms(sns_server))
    told = {**environment(sns_server), "ELEC_ALERT_PHONE": PHONE, "ELEC_ALERT_LABEL": "prod"}
    beat(tmp_path, timedelta(minutes=1))
    assert deadman(tmp_path, "--max-age", "15m", **told) == (0, "alive\n", "", [])
    code, out, errors, heavy = deadman(tmp_path, "--max-age", "30s", "--json", **told)
    assert (code, errors, heavy) == (3, "", [])
    answer = json.loads(out)
    assert (answer["alive"], answer["target"]) == (False, "+33***44")
    ((number, text),) = sent_sms(sns_server)[before:]
    assert (number, text) == (PHONE, answer["told"])
    assert text.startswith("prod CRIT: alerts are DEAD: nothing was looked at for 1m (max 0m)")
    open_store((tmp_path / "store").as_uri()).delete(layout_alerts.deadman())  # as if it had not taken it
    code, out, _, _ = deadman(tmp_path, "--max-age", "30s", **told)
    assert (code, out.strip().endswith("was told less than 4 hours ago")) == (3, True)
    assert len(sent_sms(sns_server)) == before + 1


@pytest.mark.parametrize(
    ("variables", "code", "said"),
    [
        ({}, 2, "set one of ELEC_ALERT_TOPIC_ARN and ELEC_ALERT_PHONE"),
        ({"ELEC_ALERT_PHONE": "0611223344"}, 2, "ELEC_ALERT_PHONE is not a number"),
        ({"ELEC_ALERT_TOPIC_ARN": "mine"}, 2, "ELEC_ALERT_TOPIC_ARN is 'mine'"),
        ({"ELEC_ALERT_PHONE": PHONE, "ELEC_STORE": "gs://x"}, 2, "ELEC_STORE is 'gs://x'"),
        ({"ELEC_ALERT_PHONE": PHONE, **environment("http://127.0.0.1:9")}, 1, "no answer from SNS"),
    ],
)
def test_what_keeps_it_from_speaking_is_one_sentence(
    tmp_path: Path, bare: pytest.MonkeyPatch, variables: dict[str, str], code: int, said: str
) -> None:
    bare.chdir(tmp_path)
    env = {"ELEC_STORE": str(tmp_path / "store"), "AWS_REGION": "eu-west-3", "TMPDIR": str(tmp_path), **variables}
    done = CliRunner().invoke(cli.main, ["deadman"], env=env, catch_exceptions=False)
    assert (done.exit_code, done.stdout) == (code, "")
    assert done.stderr.startswith("elec: ")
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr
    assert "0611223344" not in done.stderr


def test_an_age_that_is_none_ends_with_2() -> None:
    done = CliRunner().invoke(cli.main, ["deadman", "--max-age", "15"])
    assert (done.exit_code, done.stdout) == (2, "")
    assert "'15' is not a length such as 90s, 15m, 2h or 3d" in done.stderr
