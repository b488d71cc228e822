"""A canary in every secret setting: found in no log, event, message, state, file or error of sensors and alerts."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from pydantic import SecretStr

from elec_assets.settings import Settings, SettingsInvalid, load_settings
from elec_assets_tests.alerting import START, Alerting
from elec_assets_tests.clients.sns_place import environment, refusing
from elec_assets_tests.deployment import write_registry

# What looks like a number is one, or loading would stop; the others are of no form.
PHONE = "+33687654321"
OTHERS = {"AWS_SECRET_ACCESS_KEY": "CANARYaws0secret", "AWS_SESSION_TOKEN": "CANARYaws0session"}


def secret_settings() -> dict[str, str]:
    """A value for every setting that is a secret, by variable."""
    fields = {str(f.alias): f for f in Settings.model_fields.values() if f.annotation == SecretStr | None}
    return {name: PHONE if name == "ELEC_ALERT_PHONE" else f"CANARY{name.lower()}" for name in fields}


def test_all_secrets_are_secret_strings() -> None:
    """What is one by its name is shown in errors and in `repr` unless its type says so."""
    names = {str(field.alias) for field in Settings.model_fields.values()}
    suspects = {n for n in names if any(part in n for part in ("TOKEN", "KEY", "PHONE", "SECRET", "PASSWORD"))}
    suspects.remove("ELEC_SECRETS")  # where they are
    assert suspects <= set(secret_settings())
    assert {"X_BEARER_TOKEN", "ELEC_ALERT_PHONE"} <= suspects


@pytest.fixture
def secrets(bare: pytest.MonkeyPatch) -> dict[str, str]:
    found = secret_settings() | OTHERS
    for name, value in found.items():
        bare.setenv(name, value)
    return found


def leaks(secrets: dict[str, str], texts: Iterator[tuple[str, bytes]]) -> list[str]:
    needles = {name: value.lstrip("+").encode() for name, value in secrets.items()}
    return [f"{name} in {where}" for where, text in texts for name, needle in needles.items() if needle in text]


def files(*folders: Path) -> Iterator[tuple[str, bytes]]:
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file() and path.name != ".env":
                yield str(path), path.read_bytes()


@pytest.mark.parametrize("status", [404, 0])
def test_a_failing_phone_and_all_that_is_kept_of_it_hold_no_secret(
    tmp_path: Path,
    sqlite: dg.DagsterInstance,
    secrets: dict[str, str],
    bare: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    status: int,
) -> None:
    """SNS answers with all that it was sent, as it does for a number that is none; the instance is a file each run."""
    answer = f"Invalid parameter: PhoneNumber Reason: {PHONE} is not valid {' '.join(secrets.values())}"
    with refusing(status, "InvalidParameter", answer) as (url, requests_got):
        for name, value in {**environment(url), **secrets}.items():
            bare.setenv(name, value)
        bare.setenv("AWS_ENDPOINT_URL", url)
        bare.setenv("AWS_REGION", "eu-west-3")
        bare.setenv("AWS_MAX_ATTEMPTS", "1")
        (tmp_path / "workspace.yaml").touch()
        bare.chdir(tmp_path)
        bare.setenv("ELEC_X_BASE_URL", "http://127.0.0.1:9")
        bare.setenv("ELEC_STORE", str(tmp_path / "store"))
        with caplog.at_level(logging.DEBUG):
            settings = load_settings()
            alerting = Alerting(tmp_path, write_registry(tmp_path), sqlite, settings)
            alerting.all_is_well()
            said = [alerting.look() for _ in range(2)]
    assert requests_got, "nothing was sent to SNS, so nothing could leak"
    assert all("could not be sent" in each for each in said)
    quiet = [r for r in caplog.records if not r.name.startswith(("botocore", "boto3", "urllib3"))]
    logs = "\n".join(logging.Formatter().format(record) for record in quiet)
    printed = "".join(capfd.readouterr())
    texts = [("logs", logs), ("output", printed), ("tick", "\n".join(said)), ("repr", repr(settings))]
    texts.append(("resources", repr(alerting.definitions.resources)))
    found = leaks(secrets, ((where, text.encode()) for where, text in texts))
    assert found + leaks(secrets, files(tmp_path)) == []
    assert alerting.now > START


def test_an_error_about_a_secret_does_not_show_it(bare: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`ELEC_ALERT_PHONE` would have been shown: only names with TOKEN in them were taken for secrets (2026-11)."""
    (tmp_path / "workspace.yaml").touch()
    bare.chdir(tmp_path)
    bare.setenv("ELEC_ALERT_PER_HOUR", "zero")
    with pytest.raises(SettingsInvalid, match="found 'zero'"):
        load_settings()
    for name, value in secret_settings().items():
        bare.setenv(name, value)
    with pytest.raises(SettingsInvalid) as raised:
        load_settings()
    assert leaks(secret_settings(), iter([("error", str(raised.value).encode())])) == []
    assert os.environ["ELEC_ALERT_PHONE"] == PHONE
