import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from elec_assets.clients import kaggle_job
from elec_assets.settings import KAGGLE, Settings, SettingsInvalid, env_example, home, is_loopback, load_settings

REPOSITORY = Path(__file__).parents[1]
CANARY = "AAAAcanary%2Ftoken"


@pytest.fixture
def place(bare: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder with a workspace.yaml, no setting in the environment, the working directory two folders below."""
    (tmp_path / "workspace.yaml").touch()
    (tmp_path / "deep" / "er").mkdir(parents=True)
    bare.chdir(tmp_path / "deep" / "er")
    return tmp_path


def test_every_setting_is_named_and_described() -> None:
    for name, field in Settings.model_fields.items():
        assert field.alias is not None, name
        assert field.alias.isupper(), name
        assert field.description is not None, name
        assert field.description.endswith("."), name


def test_the_example_in_the_repository_is_the_one_made_from_the_settings() -> None:
    """Make it again with `python -m elec_assets.settings > .env.example`."""
    assert (REPOSITORY / ".env.example").read_text(encoding="utf-8") == env_example()


def test_the_example_as_it_is_changes_nothing(place: Path) -> None:
    default = load_settings()
    uncommented = [line.removeprefix("# ") for line in env_example().splitlines() if "=" in line]
    (place / ".env").write_text("\n".join(uncommented), encoding="utf-8")
    assert load_settings() == default
    assert len(uncommented) == len(Settings.model_fields)


def test_a_setting_comes_from_the_environment_then_from_the_file(place: Path, bare: pytest.MonkeyPatch) -> None:
    (place / ".env").write_text("ELEC_X_ARCHIVE=recent\nELEC_X_TIMEOUT_S=5\nSOMETHING_ELSE=1\n", encoding="utf-8")
    bare.setenv("ELEC_X_TIMEOUT_S", "7")
    found = load_settings()
    assert (found.x_archive, found.x_timeout_s) == ("recent", 7.0)


def test_an_empty_variable_counts_as_unset(place: Path, bare: pytest.MonkeyPatch) -> None:
    (place / ".env").write_text("ELEC_X_ARCHIVE=recent\nELEC_X_TIMEOUT_S=\n", encoding="utf-8")
    default = Settings.model_validate({"x_archive": "recent"})
    for name in [f.alias for f in Settings.model_fields.values() if f.alias]:
        bare.setenv(name, "")
    found = load_settings()
    assert found == default
    assert found.x_bearer_token is None
    assert not found.x_configured


@pytest.mark.parametrize("name", ["STORE", "REGISTRY", "LOG", "log", "X_BASE_URL", "X_BUDGET_USD"])
@pytest.mark.usefixtures("place")
def test_variables_of_other_programs_are_not_read(bare: pytest.MonkeyPatch, name: str) -> None:
    """`LOG=debug` in a shell stopped everything, and `STORE` moved the store: field names were read as variables."""
    default = load_settings()
    bare.setenv(name, "1")
    assert load_settings() == default


def test_relative_paths_start_at_the_folder_of_the_workspace(place: Path, bare: pytest.MonkeyPatch) -> None:
    bare.setenv("ELEC_STORE", "some where/data")
    bare.setenv("ELEC_REGISTRY", "../registry.yaml")
    for working in (place, place / "deep", place / "deep" / "er"):
        bare.chdir(working)
        found = load_settings()
        assert home() == place
        assert found.store_url == (place / "some where" / "data").as_uri()
        assert found.registry_path.resolve() == place.parent / "registry.yaml"


def test_the_list_of_watches_is_beside_the_registry_unless_it_is_named(place: Path, bare: pytest.MonkeyPatch) -> None:
    """In the image the registry is in a folder of its own, where the documentation has the list of watches too.

    It was looked for beside workspace.yaml, where nobody can put it: nothing was watched, and nothing said so.
    """
    assert load_settings().watches_path == place / "watches.yaml"
    bare.setenv("ELEC_REGISTRY", "config/candidates.yaml")
    assert load_settings().watches_path == place / "config" / "watches.yaml"
    bare.setenv("ELEC_REGISTRY", "/etc/elec/candidates.yaml")
    assert load_settings().watches_path == Path("/etc/elec/watches.yaml")
    bare.setenv("ELEC_WATCHES", "old.json")
    assert load_settings().watches_path == place / "old.json"


def test_without_a_workspace_above_the_checkout_is_home(bare: pytest.MonkeyPatch) -> None:
    bare.chdir("/")
    assert home() == REPOSITORY
    assert load_settings().registry_path == REPOSITORY / "candidates.yaml"


@pytest.mark.parametrize(
    ("store", "url"),
    [
        ("/abs/olute", "file:///abs/olute"),
        ("file:///abs/olute", "file:///abs/olute"),
        ("s3://bucket/pre/fix", "s3://bucket/pre/fix"),
    ],
)
@pytest.mark.usefixtures("place")
def test_stores_that_are_no_relative_path(bare: pytest.MonkeyPatch, store: str, url: str) -> None:
    bare.setenv("ELEC_STORE", store)
    assert load_settings().store_url == url


@pytest.mark.usefixtures("place")
def test_a_store_of_another_kind_is_refused_by_name(bare: pytest.MonkeyPatch) -> None:
    bare.setenv("ELEC_STORE", "gs://bucket/x")
    with pytest.raises(SettingsInvalid, match="ELEC_STORE is 'gs://bucket/x'; allowed: a directory or s3://"):
        load_settings().store_url  # noqa: B018 - the property under test


@pytest.mark.usefixtures("place")
def test_all_wrong_settings_are_named_at_once_with_what_was_found(bare: pytest.MonkeyPatch) -> None:
    wrong = {
        "ELEC_X_ARCHIVE": "everything",
        "ELEC_X_BUDGET_USD": "-1",
        "ELEC_X_FILL_SHARE": "20%",
        "ELEC_X_POST_USD": "nan",
        "ELEC_X_TIMEOUT_S": "0",
        "ELEC_X_BASE_URL": "api.x.com",
    }
    for name, value in wrong.items():
        bare.setenv(name, value)
    bare.setenv("X_BEARER_TOKEN", CANARY)
    with pytest.raises(SettingsInvalid) as told:
        load_settings()
    text = str(told.value)
    for name, value in wrong.items():
        assert name in text
        assert repr(value) in text
    assert "X_BEARER_TOKEN" not in text
    assert CANARY not in text
    assert told.value.__cause__ is None
    assert told.value.__suppress_context__


@pytest.mark.parametrize("url", ["http://[", "ftp://api.x.com", "https://", "api.x.com", "http://api.x.com"])
@pytest.mark.usefixtures("place")
def test_an_address_that_cannot_be_asked_safely_is_refused_by_name(bare: pytest.MonkeyPatch, url: str) -> None:
    """Such an address failed only when X was asked, as "no whole answer"; one without TLS would show the token."""
    bare.setenv("ELEC_X_BASE_URL", url)
    with pytest.raises(SettingsInvalid, match=r"ELEC_X_BASE_URL: .*(https://|IPv6)"):
        load_settings()


@pytest.mark.parametrize("value", [CANARY, f" {CANARY} ", f'"{CANARY}'])
@pytest.mark.usefixtures("place")
def test_a_token_is_never_shown(bare: pytest.MonkeyPatch, value: str) -> None:
    bare.setenv("X_BEARER_TOKEN", value)
    found = load_settings()
    assert isinstance(found.x_bearer_token, SecretStr)
    assert CANARY in found.x_bearer_token.get_secret_value()
    for shown in (
        repr(found),
        str(found),
        repr(found.model_dump()),
        found.model_dump_json(),
        f"{found.x_bearer_token}",
    ):
        assert CANARY not in shown


def test_a_token_that_cannot_be_read_is_named_but_not_shown() -> None:
    script = """
from elec_assets import settings
try:
    settings.load_settings()
except settings.SettingsInvalid as error:
    print(error)
"""
    env = {"PATH": os.defpath, "X_BEARER_TOKEN": CANARY, "ELEC_X_ARCHIVE": "some", "HOME": "/"}
    done = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, env=env, capture_output=True, text=True)
    assert done.stdout.startswith("ELEC_X_ARCHIVE: ")
    assert CANARY not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("values", "configured"),
    [
        ({}, False),
        ({"x_bearer_token": "t"}, False),
        ({"x_bearer_token": "t", "x_budget_usd": 1}, True),
        ({"x_budget_usd": 1}, False),
        ({"x_bearer_token": "t", "x_base_url": "http://127.0.0.1:8000"}, True),
        ({"x_base_url": "http://127.0.0.1:8000", "x_budget_usd": 1}, False),
        ({"x_bearer_token": "t", "x_base_url": "https://127.0.0.1.example.org"}, False),
    ],
)
@pytest.mark.usefixtures("bare")
def test_x_is_asked_only_with_a_token_and_a_budget_or_at_a_free_address(
    values: dict[str, Any], configured: bool
) -> None:
    assert Settings.model_validate(values).x_configured is configured


@pytest.mark.parametrize(
    ("url", "free"),
    [
        ("http://127.0.0.1:1", True),
        ("http://localhost", True),
        ("http://[::1]:80/x", True),
        ("https://api.x.com", False),
        ("https://127.0.0.1@api.x.com", False),
        ("https://localhost.x.com", False),
    ],
)
def test_only_this_machine_is_free(url: str, free: bool) -> None:
    assert is_loopback(url) is free


def test_an_emulator_without_tls_is_allowed_for_the_store() -> None:
    assert Settings.model_validate({"aws_endpoint_url": "http://127.0.0.1:5000"}).store_allows_http
    assert not Settings.model_validate({"aws_endpoint_url": "https://minio.example.org"}).store_allows_http
    assert not Settings().store_allows_http


def test_what_the_file_names_reaches_those_who_read_the_environment(place: Path, bare: pytest.MonkeyPatch) -> None:
    """Dagster's EnvVar and the AWS clients read the environment only; `elec` once left `.env` to Dagster (2026-11)."""
    (place / ".env").write_text("AWS_REGION=eu-west-3\nX_BEARER_TOKEN=from-the-file\n", encoding="utf-8")
    bare.setenv("X_BEARER_TOKEN", "")
    load_settings()
    assert (os.environ["AWS_REGION"], os.environ["X_BEARER_TOKEN"]) == ("eu-west-3", "from-the-file")


@pytest.mark.parametrize(
    "values",
    [
        {"ELEC_TRENDS_PACE_PER_H": "19"},
        {"ELEC_TRENDS_PACE_PER_H": "201"},
        {"ELEC_TRENDS_PACE_PER_H": "0"},
        {"ELEC_TRENDS_FLOOR_PER_H": "91"},
        {"ELEC_TRENDS_CEILING_PER_H": "89"},
        {"ELEC_TRENDS_PACE_PER_H": "10", "ELEC_TRENDS_BASE_URL": "http://127.0.0.1:1/trends"},
    ],
)
@pytest.mark.usefixtures("place")
def test_a_pace_of_trends_outside_its_limits_is_refused(bare: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    for name, value in values.items():
        bare.setenv(name, value)
    with pytest.raises(
        SettingsInvalid, match=r"ELEC_TRENDS_PACE_PER_H: .*ELEC_TRENDS_FLOOR_PER_H .* to ELEC_TRENDS_CEI"
    ):
        load_settings()


@pytest.mark.parametrize("name", ["FLOOR_PER_H", "CEILING_PER_H", "BASE_URL", "DAILY_CAP", "BURST", "TIMEOUT_S"])
@pytest.mark.usefixtures("place")
def test_a_wrong_limit_of_trends_is_named_alone(bare: pytest.MonkeyPatch, name: str) -> None:
    bare.setenv(f"ELEC_TRENDS_{name}", "-1")
    with pytest.raises(SettingsInvalid) as told:
        load_settings()
    assert str(told.value).startswith(f"ELEC_TRENDS_{name}: ")
    assert "; " not in str(told.value)


@pytest.mark.usefixtures("place")
def test_the_sandbox_of_trends_may_be_asked_without_pace_and_google_only_over_tls(bare: pytest.MonkeyPatch) -> None:
    bare.setenv("ELEC_TRENDS_BASE_URL", "http://127.0.0.1:8000/trends")
    bare.setenv("ELEC_TRENDS_PACE_PER_H", "0")
    assert load_settings().trends_is_loopback
    bare.setenv("ELEC_TRENDS_BASE_URL", "http://trends.google.com/trends")
    with pytest.raises(SettingsInvalid, match=r"ELEC_TRENDS_BASE_URL: .*https://.* the cookie goes there"):
        load_settings()


@pytest.mark.parametrize(
    ("switch", "url", "on"),
    [
        (None, "https://trends.google.com/trends", False),
        ("on", "https://trends.google.com/trends", True),
        ("off", "https://trends.google.com/trends", False),
        (None, "http://127.0.0.1:8091/trends", True),
        ("off", "http://127.0.0.1:8091/trends", False),
    ],
)
def test_google_is_never_asked_unless_the_operator_says_so(switch: str | None, url: str, on: bool) -> None:
    """It needs no credentials: nothing but this setting holds a first try back from asking the real Google."""
    assert Settings.model_validate({"trends": switch, "trends_base_url": url}).trends_on is on


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({}, "set ELEC_KAGGLE_DATASET to owner/slug"),
        ({"ELEC_KAGGLE_DATASET": "owner/elections"}, "set KAGGLE_USERNAME and KAGGLE_KEY, or KAGGLE_API_TOKEN"),
        ({"ELEC_KAGGLE_DATASET": "owner/elections", "KAGGLE_KEY": CANARY}, "KAGGLE_KEY is set without KAGGLE_USERNAME"),
        (
            {"ELEC_KAGGLE_DATASET": "owner/elections", "KAGGLE_KEY": CANARY, "KAGGLE_API_TOKEN": CANARY},
            "KAGGLE_KEY and KAGGLE_API_TOKEN are both set, keep one of them",
        ),
        ({"ELEC_KAGGLE_DATASET": "owner/elections", "KAGGLE_API_TOKEN": CANARY}, None),
        ({"ELEC_KAGGLE_DATASET": "owner/elections", "KAGGLE_USERNAME": CANARY, "KAGGLE_KEY": CANARY}, None),
    ],
)
@pytest.mark.usefixtures("place")
def test_releases_need_a_dataset_and_exactly_one_credential(
    bare: pytest.MonkeyPatch, variables: dict[str, str], problem: str | None
) -> None:
    """A stale token beside a good key is sent with every call by Kaggle's own client: never both."""
    for name, value in variables.items():
        bare.setenv(name, value)
    found = load_settings()
    assert (problem or "") in (found.kaggle_problem or "")
    assert (found.kaggle_problem is None) == (problem is None)
    assert CANARY not in repr(found) + str(found.kaggle_problem)


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("ELEC_KAGGLE_BASE_URL", "https://www.kaggle.com", "https://api.kaggle.com exactly is allowed"),
        ("ELEC_KAGGLE_BASE_URL", "http://127.0.0.1:80@example.org", "http://127.0.0.1:PORT"),
        ("ELEC_KAGGLE_BASE_URL", "http://localhost:8000", "http://127.0.0.1:PORT"),
        ("ELEC_KAGGLE_DATASET", "elections", "owner/slug is allowed"),
        ("ELEC_KAGGLE_DATASET", "owner/short", "6 to 50"),
        ("ELEC_KAGGLE_TITLE", "X", "at least 6"),
        ("ELEC_PRIVACY", "open", "'public' or 'private'"),
    ],
)
@pytest.mark.usefixtures("place")
def test_settings_of_releases_are_refused_by_name(
    bare: pytest.MonkeyPatch, variable: str, value: str, allowed: str
) -> None:
    bare.setenv(variable, value)
    with pytest.raises(SettingsInvalid) as told:
        load_settings()
    assert str(told.value).startswith(f"{variable}: ")
    assert allowed in str(told.value)
    assert repr(value) in str(told.value)


def test_what_settings_let_through_is_what_publishing_lets_through() -> None:
    assert kaggle_job.PRODUCTION == KAGGLE
    for url in (KAGGLE, "http://127.0.0.1:8080"):
        assert kaggle_job.checked_endpoint(url) == Settings.model_validate({"kaggle_base_url": url}).kaggle_base_url
    name = "Owner-1/elections-on-x"
    assert kaggle_job.checked_dataset(name) == Settings.model_validate({"kaggle_dataset": name}).kaggle_dataset
