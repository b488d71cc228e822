"""Secrets from SSM and Secrets Manager: read where nothing else sets them, by all that needs them, and never shown."""

import json
import logging
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner, Result

from elec_assets import cli
from elec_assets.clients.store import open_store
from elec_assets.definitions import defs
from elec_assets.domain import layout_alerts
from elec_assets.operations.sandboxes import scene_of
from elec_assets.sandbox.serve import start_x
from elec_assets.secrets_source import SecretsUnreadable, read_secrets
from elec_assets.settings import Settings, SettingsInvalid, load_settings, secret_names
from elec_assets.transforms.heartbeat import Heartbeat
from elec_assets_tests.aws_secrets import Answering, Kept, answering, kept, parameters, secret
from elec_assets_tests.clients.sns_place import environment, sent_sms
from elec_assets_tests.deployment import key, write_registry
from elec_assets_tests.test_canaries import files, leaks, secret_settings

KINDS = ("ssm", "secretsmanager")
NAMES = tuple(secret_settings())


@pytest.fixture
def moto(sns_server: str) -> str:
    """What is sent is read with all that moto holds, and some of S3 it cannot show."""
    return sns_server


@pytest.fixture
def place(bare: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """A folder of settings, and an environment without any."""
    (tmp_path / "workspace.yaml").touch()
    bare.chdir(tmp_path)
    return bare


def given(place: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        place.setenv(name, value)


@pytest.mark.parametrize("kind", KINDS)
def test_every_secret_is_read_from_there_and_is_where_dagster_and_clients_look(
    moto: str, place: pytest.MonkeyPatch, kind: str
) -> None:
    values = secret_settings()
    given(place, kept(kind, moto, {**values, "SOMETHING_ELSE": "of another program"}).variables)
    assert load_settings().x_bearer_token is None  # by a command that needs none
    found = load_settings(read_secrets)
    assert {name: os.environ.get(name) for name in secret_names()} == values
    assert found == Settings()
    assert found.x_bearer_token is not None
    assert found.x_bearer_token.get_secret_value() == values["X_BEARER_TOKEN"]
    assert "SOMETHING_ELSE" not in os.environ
    assert dg.EnvVar("KAGGLE_API_TOKEN").get_value() == values["KAGGLE_API_TOKEN"]


def test_the_environment_comes_first_then_the_file_then_that_place(
    moto: str, place: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    names = ("X_BEARER_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY")
    given(place, kept("ssm", moto, {**dict.fromkeys(names, "there"), "KAGGLE_API_TOKEN": " there\n"}).variables)
    (tmp_path / ".env").write_text("X_BEARER_TOKEN=file\nKAGGLE_USERNAME=file\nKAGGLE_KEY=\n", encoding="utf-8")
    place.setenv("X_BEARER_TOKEN", "environment")
    load_settings(read_secrets)
    assert [os.environ[name] for name in names] == ["environment", "file", "there"]
    assert os.environ["KAGGLE_API_TOKEN"] == "there", "files end with a line end, which no header may hold"
    assert "ELEC_ALERT_PHONE" not in os.environ, "what is not there stays unset"
    # A run takes over the environment of its code server, and needs no AWS to start.
    place.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert load_settings(read_secrets) == Settings()


def test_nothing_is_asked_where_nothing_is_missing_or_no_place_is_named(place: pytest.MonkeyPatch) -> None:
    with answering(Answering(500, "Never")) as url:
        given(place, environment(url))
        load_settings(read_secrets)
        given(place, {**secret_settings(), "ELEC_SECRETS": "ssm:/elec/"})
        load_settings(read_secrets)


def test_a_place_whose_only_secret_is_set_elsewhere_too_is_no_error(moto: str, place: pytest.MonkeyPatch) -> None:
    """Capture's token on ECS comes from ECS: runs would not have started where SSM held nothing else (2026-11)."""
    given(place, kept("ssm", moto, {"X_BEARER_TOKEN": "there"}).variables)
    place.setenv("X_BEARER_TOKEN", "environment")
    found = load_settings(read_secrets)
    assert found.x_bearer_token is not None
    assert found.x_bearer_token.get_secret_value() == "environment"


@pytest.mark.parametrize(
    "wrong", ["ssm:", "ssm:elec/", "ssm:/elec", "ssm://", "secretsmanager:", "vault:x", "/elec/", "secretsmanager:a b"]
)
def test_a_place_of_another_form_is_refused_by_name(place: pytest.MonkeyPatch, wrong: str) -> None:
    place.setenv("ELEC_SECRETS", wrong)
    with pytest.raises(SettingsInvalid, match=r"ELEC_SECRETS: .*ssm:/PATH/ is allowed.*secretsmanager:NAME"):
        load_settings()


def unreadable(found: Kept) -> str:
    with pytest.raises(SecretsUnreadable) as told:
        read_secrets(Settings.model_validate({"secrets": found.place, "aws_region": "eu-west-3"}), NAMES)
    assert told.value.__cause__ is None
    assert told.value.__suppress_context__ or told.value.__context__ is None
    assert "CANARY" not in str(told.value)
    text = str(told.value)
    assert text.startswith("ELEC_SECRETS: the ")
    assert found.place.partition(":")[2] in text
    return text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("CANARY", "its text is not a JSON object", marks=pytest.mark.prove),
        ('["CANARY"]', "its text is not a JSON object"),
        ('{"x_bearer_token": "CANARY"}', f"it holds none of {', '.join(NAMES)}"),
        pytest.param('{"X_BEARER_TOKEN": ""}', "it holds none of X_BEARER_TOKEN", marks=pytest.mark.prove),
        pytest.param('{"X_BEARER_TOKEN": 17}', "X_BEARER_TOKEN in it is not one line of", marks=pytest.mark.prove),
        pytest.param('{"KAGGLE_KEY": "CANARY\\u0000x"}', "KAGGLE_KEY in it is not one line", marks=pytest.mark.prove),
        pytest.param('{"KAGGLE_KEY": "CANARY\\ud800x"}', "KAGGLE_KEY in it is not one line", marks=pytest.mark.prove),
        ('{"KAGGLE_KEY": "CANARY\\nX: y"}', "KAGGLE_KEY in it is not one line of text"),
    ],
)
def test_a_secret_that_is_not_in_its_form_is_named_and_not_shown(
    moto: str, place: pytest.MonkeyPatch, text: str, why: str
) -> None:
    found = secret(moto, text)
    given(place, found.variables)
    assert why in unreadable(found)


def test_a_path_or_a_name_at_which_nothing_is_is_said(moto: str, place: pytest.MonkeyPatch) -> None:
    nothing = parameters(moto, {})
    given(place, nothing.variables)
    assert "it holds none of X_BEARER_TOKEN, " in unreadable(nothing)
    assert "there is no such secret" in unreadable(Kept(moto, "secretsmanager:elec/never-made"))


@pytest.mark.parametrize(
    ("place_of", "code", "why"),
    [
        ("ssm:/elec/", "AccessDeniedException", "no permission (AccessDeniedException); allow ssm:GetParameters on it"),
        (
            "secretsmanager:elec",
            "ExpiredTokenException",
            "(ExpiredTokenException); allow secretsmanager:GetSecretValue",
        ),
        ("secretsmanager:elec", "CANARY said", "AWS answered no code"),
    ],
)
def test_what_aws_refuses_is_one_sentence_without_its_words(
    place: pytest.MonkeyPatch, place_of: str, code: str, why: str
) -> None:
    with answering(Answering(400, code, "CANARY")) as url:
        given(place, environment(url))
        assert why in unreadable(Kept(url, place_of))


def test_an_aws_that_does_not_answer_holds_nobody_up(place: pytest.MonkeyPatch) -> None:
    settings = Settings.model_validate({"secrets": "ssm:/elec/", "aws_region": "eu-west-3"})
    silent = Answering(0, "")
    with answering(silent) as url:
        given(place, environment(url))
        with pytest.raises(SecretsUnreadable, match=r"/elec/.* no answer within 0.5 s; check the network"):
            read_secrets(settings, NAMES, longest_s=0.5)
        until = time.monotonic() + 60
        while not silent.got:
            assert time.monotonic() < until, "nothing was asked, so nothing could be waited for"
            time.sleep(0.05)
    given(place, environment("http://127.0.0.1:9"))
    with pytest.raises(SecretsUnreadable, match=r"no answer \(EndpointConnectionError\); check the network"):
        read_secrets(settings, NAMES)


@pytest.mark.prove
def test_without_credentials_or_region_it_says_what_to_set(place: pytest.MonkeyPatch) -> None:
    given(place, environment("http://127.0.0.1:9"))
    assert "set AWS_REGION" in str(_told(Settings.model_validate({"secrets": "ssm:/elec/"})))
    place.delenv("AWS_ACCESS_KEY_ID")
    place.delenv("AWS_SECRET_ACCESS_KEY")
    told = str(_told(Settings.model_validate({"secrets": "ssm:/elec/", "aws_region": "eu-west-3"})))
    assert "no AWS credentials; set AWS_ACCESS_KEY_ID" in told


def _told(settings: Settings) -> SecretsUnreadable:
    with pytest.raises(SecretsUnreadable) as told:
        read_secrets(settings, NAMES)
    return told.value


def test_a_run_asks_x_with_the_token_from_there_and_keeps_it_nowhere(
    moto: str,
    place: pytest.MonkeyPatch,
    tmp_path: Path,
    instance: dg.DagsterInstance,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    values = secret_settings()
    registry = write_registry(tmp_path)
    scene = scene_of(registry.elections.values(), seed=3, posts_per_hour=60)
    with start_x(scene=scene, token=values["X_BEARER_TOKEN"]) as x, caplog.at_level(logging.DEBUG):
        given(place, kept("ssm", moto, values).variables)
        given(place, {"ELEC_X_BASE_URL": x.url, "ELEC_STORE": str(tmp_path / "store")})
        made = defs()
        job = made.resolve_implicit_global_asset_job_def()
        result = job.execute_in_process(
            instance=instance, asset_selection=[key("twitter/tweets")], partition_key="2026-02-04-13:00"
        )
        assert result.success
        assert [request.status for request in x.requests if "search" in request.path] == [200]
    said = "\n".join(r.getMessage() for r in caplog.records if not r.name.startswith(("botocore", "urllib3")))
    events = "\n".join(str(event) for event in instance.all_logs(result.run_id))
    texts = {"log": said, "events": events, "output": "".join(capfd.readouterr()), "resources": repr(made.resources)}
    assert leaks(values, ((name, text.encode()) for name, text in texts.items())) == []
    assert leaks(values, files(tmp_path)) == []


def elec(*words: str) -> Result:
    return CliRunner().invoke(cli.main, words)


def test_the_dead_man_switch_tells_the_number_from_there(moto: str, place: pytest.MonkeyPatch, tmp_path: Path) -> None:
    number = "+33699887766"
    given(place, secret(moto, json.dumps({"ELEC_ALERT_PHONE": number})).variables)
    place.setenv("ELEC_STORE", str(tmp_path / "store"))
    beaten = Heartbeat(at=datetime.now(UTC) - timedelta(hours=1)).encoded()
    open_store((tmp_path / "store").as_uri()).put(layout_alerts.heartbeat(), beaten)
    place.setenv("TMPDIR", str(tmp_path))
    told = elec("deadman")
    assert told.exit_code == 3
    assert "DEAD" in told.output
    assert [to for to, _ in sent_sms(moto)][-1] == number


def test_capture_starts_with_the_token_from_there_and_is_started_again_where_aws_was_away(
    moto: str, place: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Exit code 2 is for good: systemd would not try again."""
    write_registry(tmp_path)
    given(place, kept("ssm", moto, {"X_BEARER_TOKEN": "CANARY"}).variables)
    held = elec("capture")
    assert (held.exit_code, "X_BEARER_TOKEN" in held.output) == (2, False)
    assert "ELEC_X_BUDGET_USD" in held.output  # the next thing that it needs
    place.delenv("X_BEARER_TOKEN")
    place.delenv("ELEC_SECRETS_READ")
    with answering(Answering(400, "AccessDeniedException")) as url:
        place.setenv("AWS_ENDPOINT_URL", url)
        away = elec("capture")
        assert away.exit_code == 1
        assert away.output.startswith("elec: ELEC_SECRETS: the parameters /elec/")
        assert len(away.output.splitlines()) == 1


def test_a_health_check_asks_aws_nothing(place: pytest.MonkeyPatch) -> None:
    refusing = Answering(400, "AccessDeniedException")
    with answering(refusing) as url:
        given(place, Kept(url, "ssm:/elec/").variables)
        assert "no capture ever ran" in elec("status").output
    assert refusing.got == []


@pytest.mark.prove
def test_doctor_says_where_each_secret_comes_from(moto: str, place: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As a person runs it, in a process of its own, which says nothing of Dagster's own warnings."""
    write_registry(tmp_path)
    there = kept("ssm", moto, {"KAGGLE_API_TOKEN": "CANARY"})
    (tmp_path / ".env").write_text("KAGGLE_USERNAME=CANARY\n", encoding="utf-8")
    given(place, {**there.variables, "X_BEARER_TOKEN": "CANARY", "ELEC_X_BASE_URL": "http://127.0.0.1:9"})
    command = [sys.executable, "-m", "elec_assets.cli", "doctor", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    [found] = [check for check in json.loads(done.stdout)["checks"] if check["name"] == "secrets"]
    assert (found["state"], found["found"]) == (
        "ok",
        f"X_BEARER_TOKEN from the environment; KAGGLE_USERNAME from .env; KAGGLE_API_TOKEN from {there.place}",
    )
    assert done.stderr == ""
    assert "CANARY" not in done.stdout


def test_doctor_goes_on_where_they_cannot_be_read(place: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_registry(tmp_path)
    with answering(Answering(400, "AccessDeniedException", "CANARY")) as url:
        given(place, {**Kept(url, "ssm:/elec/").variables, "ELEC_X_BASE_URL": "http://127.0.0.1:9"})
        told = elec("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(told.output)["checks"]}
    assert told.exit_code == 1
    assert (checks["secrets"]["state"], checks["x"]["state"]) == ("fail", "warn")
    assert "no permission (AccessDeniedException)" in checks["secrets"]["found"]
