"""deploy/compose.yaml and deploy/Dockerfile: what must hold whatever runs them."""

import re
from pathlib import Path
from typing import Any

import pytest

from elec_assets.cli import main
from elec_assets.settings import Settings
from elec_assets_tests.deploy.recipe import (
    DEPLOY,
    compose,
    dockerfile,
    given,
    image_environment,
    ours,
    services,
    with_celery,
)
from elec_assets_tests.deployment import REPOSITORY

SETTINGS = {str(field.alias) for field in Settings.model_fields.values()}
FILES = sorted(p for p in DEPLOY.rglob("*") if p.is_file() and p.name not in (".env", ".gitignore"))
LONG_LIVED = [name for name, service in services().items() if "profiles" not in service]
# What libpq reads, by what the image calls it.
LIBPQ = {"PGHOST": "HOST", "PGPORT": "PORT", "PGDATABASE": "DB", "PGUSER": "USER", "PGPASSWORD": "PASSWORD"}
ELSEWHERE = {
    "DAGSTER_POSTGRES_HOST": "db.example.org",
    "DAGSTER_POSTGRES_PORT": "6432",
    "DAGSTER_POSTGRES_DB": "records",
    "DAGSTER_POSTGRES_USER": "elec",
    "DAGSTER_POSTGRES_PASSWORD": "of it",
    "PGSSLMODE": "verify-full",
}
HERE = {
    "DAGSTER_POSTGRES_HOST": "postgres",
    "DAGSTER_POSTGRES_PORT": "5432",
    "DAGSTER_POSTGRES_DB": "dagster",
    "DAGSTER_POSTGRES_USER": "dagster",
    "DAGSTER_POSTGRES_PASSWORD": "of it",
}
WITH_DATABASE = ("code", "webserver", "daemon", "purge", "worker", "backup", "restore")


def words(service: dict[str, Any]) -> list[str]:
    return " ".join(service["command"]).split()


def running(*command: str) -> list[str]:
    """The services whose command holds these words in a row."""
    wanted = list(command)
    return [
        name
        for name, service in ours().items()
        if any(words(service)[i : i + len(wanted)] == wanted for i in range(len(words(service))))
    ]


def test_each_process_runs_once_and_is_the_only_one() -> None:
    assert running("dagster-daemon", "run") == ["daemon"]
    assert running("elec", "capture") == ["capture"]
    assert running("dagster", "code-server", "start") == ["code"]
    for name in ("daemon", "capture"):
        assert services()[name]["deploy"] == {"replicas": 1}
        # A fixed name: `--scale` cannot make a second one.
        assert services()[name]["container_name"] == f"elec-{name}"


def test_only_this_machine_reaches_the_webserver_and_nobody_the_rest() -> None:
    published = {name: service["ports"] for name, service in services().items() if "ports" in service}
    assert published == {"webserver": ["127.0.0.1:3000:3000"]}
    assert not any("network_mode" in service for service in services().values())


def test_only_what_is_of_dagster_reaches_the_database() -> None:
    assert compose()["networks"] == {"records": {"internal": True}}
    reach = {name for name, service in services().items() if "records" in service.get("networks", [])}
    assert reach == {"postgres", "code", "webserver", "daemon", "purge", "backup", "restore"}
    assert services()["postgres"]["networks"] == ["records"]


@pytest.mark.parametrize("name", LONG_LIVED)
def test_each_process_is_watched_started_again_and_cannot_fill_the_disk_with_its_log(name: str) -> None:
    service = services()[name]
    assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
    assert service["restart"] == "unless-stopped"
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}


@pytest.mark.parametrize("name", ours())
def test_what_is_ours_has_an_init_and_no_rights_of_the_kernel(name: str) -> None:
    service = ours()[name]
    assert service["init"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "user" not in service


def test_the_image_does_not_run_as_root() -> None:
    users = [step.rest for step in dockerfile() if step.word == "USER"]
    assert users == ["10001:10001"]
    # Nothing is run or copied as that user, who could not write.
    assert dockerfile()[-1].word == "USER"
    owned = [step.rest for step in dockerfile() if "chown" in step.rest]
    assert owned
    assert all("10001:10001" in step for step in owned)


def test_capture_waits_longer_than_a_batch_and_depends_on_nothing() -> None:
    """An upgrade or a failure of anything else is no reason to stop listening."""
    capture = services()["capture"]
    assert capture["stop_grace_period"] == "6m"
    assert "depends_on" not in capture
    assert services()["capture"]["oom_score_adj"] < 0


def test_dagster_waits_for_its_database() -> None:
    for name in ("code", "webserver", "daemon", "purge"):
        assert services()[name]["depends_on"]["postgres"] == {"condition": "service_healthy"}


def database_of(name: str, env_file: dict[str, str]) -> dict[str, str]:
    """Which database a service opens, by the names of the image; `env_file` is what deploy/.env holds."""
    own = given(with_celery()[name], env_file)
    asked = {f"DAGSTER_POSTGRES_{word}": own[libpq] for libpq, word in LIBPQ.items() if libpq in own}
    asked |= {variable: value for variable, value in own.items() if variable in ELSEWHERE}
    return {**{n: v for n, v in image_environment().items() if n in HERE}, **asked}


@pytest.mark.parametrize("name", WITH_DATABASE)
def test_all_open_the_database_that_is_named_elsewhere_and_can_reach_it(name: str) -> None:
    """The backup named the database of this box, whatever .env said.

    With the records on a server of their own it saved an empty one, and ended with 0; and it ran in a network that has
    no way out. Port, name, user and TLS reached those that are given all of .env, not daemon, webserver, purge, backup.
    """
    assert database_of(name, ELSEWHERE) == ELSEWHERE
    inside = {network for network, how in compose()["networks"].items() if (how or {}).get("internal")}
    assert set(with_celery()[name]["networks"]) - inside


@pytest.mark.parametrize("name", WITH_DATABASE)
def test_where_none_is_named_all_open_the_one_of_this_box(name: str) -> None:
    assert database_of(name, {"DAGSTER_POSTGRES_PASSWORD": "of it"}) == HERE
    assert "records" in with_celery()[name]["networks"]
    made = given(services()["postgres"], HERE)
    assert (made["POSTGRES_DB"], made["POSTGRES_USER"]) == (HERE["DAGSTER_POSTGRES_DB"], HERE["DAGSTER_POSTGRES_USER"])


def test_no_secret_is_written_anywhere_and_the_password_must_be_set() -> None:
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        named = re.findall(r"(?:PASSWORD|TOKEN|SECRET|KEY)[A-Z_]*[=:] *['\"]?([^\s'\",}]+)", text)
        allowed = ("{", "$", "!", "...", "AWS_", "PGPASSWORD", "password")
        assert [value for value in named if not value.startswith(allowed)] == [], path
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    assert len(re.findall(r"\$\{DAGSTER_POSTGRES_PASSWORD:\?", text)) == text.count("DAGSTER_POSTGRES_PASSWORD:?") == 3


def test_tokens_are_given_only_to_who_needs_them() -> None:
    assert [name for name, service in services().items() if "env_file" in service] == ["code", "capture", "deadman"]
    for name in ("webserver", "daemon", "purge"):
        assert {n for n in services()[name]["environment"] if "TOKEN" in n or n.startswith("KAGGLE")} == set()


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(DEPLOY).as_posix())
def test_every_setting_that_is_named_is_one(path: Path) -> None:
    named = set(re.findall(r"\b(?:ELEC|X|KAGGLE)_[A-Z_]+\b", path.read_text(encoding="utf-8")))
    assert named <= SETTINGS


def test_every_command_of_ours_is_one() -> None:
    named = {
        match
        for service in ours().values()
        for match in re.findall(r"\belec ([a-z]+)", " ".join(words(service) + service["healthcheck"]["test"]))
    }
    assert named <= set(main.commands)
    assert {"capture", "status", "purge"} <= named


def test_what_the_instance_and_the_workspace_read_is_set() -> None:
    needed = set()
    for file in ("dagster.yaml", "workspace.yaml"):
        needed |= set(re.findall(r"\{env: ([A-Z_]+)\}", (DEPLOY / file).read_text(encoding="utf-8")))
    for name in ("code", "webserver", "daemon", "purge"):
        assert needed <= image_environment().keys() | services()[name]["environment"].keys()


def test_what_is_written_is_in_a_volume() -> None:
    image = image_environment()
    for name, variables in {
        "code": ("ELEC_STORE", "DAGSTER_LOGS_DIR"),
        "capture": ("ELEC_STORE", "ELEC_SPOOL"),
        "deadman": ("ELEC_STORE",),
        "webserver": ("DAGSTER_LOGS_DIR",),
    }.items():
        mounted = [volume.split(":")[1] for volume in services()[name]["volumes"] if not volume.endswith(":ro")]
        assert {image[variable] for variable in variables} <= set(mounted), name
    named = {volume.split(":")[0] for s in services().values() for volume in s.get("volumes", [])}
    assert {volume for volume in named if not volume.startswith(".")} == set(compose()["volumes"])


def test_files_that_are_copied_and_mounted_are_there() -> None:
    for step in dockerfile():
        if step.word == "COPY" and "--from" not in step.rest:
            for source in step.rest.split()[:-1]:
                assert (REPOSITORY / source).exists(), source
    for service in services().values():
        for script in re.findall(r"/deploy/(\S+)", " ".join(service.get("entrypoint", []))):
            assert (DEPLOY / script).is_file()


def test_the_builder_is_sent_what_it_copies_and_nothing_else() -> None:
    ignored = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored
    sent = {line[1:] for line in ignored if line.startswith("!")}
    copied = {
        source.split("/")[0]
        for step in dockerfile()
        if step.word == "COPY" and "--from" not in step.rest
        for source in step.rest.split()[:-1]
    }
    assert sent == copied
    assert {"deploy/.env", "deploy/config", "deploy/backups"} <= set(ignored)
