"""The scene of the demo: the project writes, stops by itself, its SMS is shown, and it writes again."""

import subprocess
import sys
import textwrap
from datetime import UTC, datetime
from pathlib import Path

import pytest

from elec_assets.domain.watches import parse_watches
from elec_assets.operations.demo_alerts import ASSET, THRESHOLD_S

# In a process of its own: moto warns of its own code, which is none of ours.
SCENE = """
    import sys, time
    from datetime import UTC, datetime, timedelta
    from pathlib import Path
    from elec_assets.clients.sns import Sns, SnsTarget
    from elec_assets.clients.watched import look
    from elec_assets.domain.watches import parse_watches
    from elec_assets.operations.demo_alerts import Pace, alerting
    from elec_assets.transforms.alert_state import Message, Severity
    import os

    folder = Path(sys.argv[1])
    quick = Pace(timedelta(milliseconds=200), timedelta(seconds=1), timedelta(seconds=1))
    with alerting(folder, lambda line: print(line, flush=True), quick) as alerts:
        os.environ.update(alerts.environment)
        (watch,) = parse_watches((folder / "watches.yaml").read_text(), "watches.yaml")[0].values()
        def wait(wanted):
            until = time.monotonic() + 20
            while not wanted(look(watch, datetime.now(UTC), allow_http=True).newest):
                assert time.monotonic() < until
                time.sleep(0.2)
        wait(lambda newest: newest is not None)
        print(*alerts.begin(datetime.now(UTC)), sep="\\n", flush=True)
        time.sleep(1.5)
        stopped = look(watch, datetime.now(UTC), allow_http=True).newest.modified
        sns = Sns(SnsTarget(topic_arn=alerts.environment["ELEC_ALERT_TOPIC_ARN"]))
        text = f"elec CRIT: NEW {sys.argv[2]}: newest data 2m old #abc123"
        time.sleep(1.5)
        assert look(watch, datetime.now(UTC), allow_http=True).newest.modified == stopped
        sns.publish(Message(1, Severity.CRITICAL, "s", text, text))
        wait(lambda newest: newest.modified > stopped)
"""


@pytest.mark.prove
def test_the_project_stops_its_sms_is_shown_and_it_writes_again(tmp_path: Path, bare: pytest.MonkeyPatch) -> None:
    assert bare
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCENE), str(tmp_path), ASSET], capture_output=True, text=True, timeout=90
    )
    assert done.returncode == 0, done.stderr
    assert "It stops by itself at" in done.stdout
    (sms,) = [line for line in done.stdout.splitlines() if line.startswith("SMS ")]
    assert sms.endswith(f"| elec CRIT: NEW {ASSET}: newest data 2m old #abc123")
    assert datetime.strptime(sms[4:12], "%H:%M:%S").replace(tzinfo=UTC)
    watches, warnings = parse_watches((tmp_path / "watches.yaml").read_text(encoding="utf-8"), "watches.yaml")
    assert (watches["neighbour"].threshold_s, warnings) == (THRESHOLD_S, ())
