"""deploy/compose.celery.yaml and deploy/launchers/celery.yaml: what must hold whatever runs them."""

import re
import ssl
from typing import Any

import pytest
import yaml
from celery import Celery

from elec_assets_tests.deploy.recipe import DEPLOY, dockerfile, image_environment, services
from elec_assets_tests.deployment import REPOSITORY

CELERY: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.celery.yaml").read_text(encoding="utf-8"))
ADDED: dict[str, dict[str, Any]] = CELERY["services"]
TOGETHER = "".join((DEPLOY / name).read_text(encoding="utf-8") for name in ("dagster.yaml", "launchers/celery.yaml"))
INSTANCE: dict[str, Any] = yaml.safe_load(TOGETHER)
LAUNCHER: dict[str, Any] = INSTANCE["run_launcher"]["config"]
OF_DAGSTER = ("code", "webserver", "daemon", "worker")


def environment(name: str) -> set[str]:
    """The variables of a service, both files together."""
    return {*services().get(name, {}).get("environment", {}), *ADDED[name].get("environment", {})}


def test_the_launcher_is_a_block_more_that_repeats_none() -> None:
    """A second block of the same name would replace the first without a word."""
    blocks = re.findall(r"^(\w+):", TOGETHER, re.MULTILINE)
    assert len(blocks) == len(set(blocks))
    assert "run_launcher" in blocks


@pytest.mark.parametrize("name", OF_DAGSTER)
def test_all_processes_of_dagster_launch_runs_the_same_way(name: str) -> None:
    assert ADDED[name]["environment"]["DAGSTER_HOME"] == "/opt/elec/dagster-celery"
    named = set(re.findall(r"\{env: ([A-Z_]+)\}", TOGETHER))
    assert {"DAGSTER_CELERY_BROKER", "DAGSTER_CELERY_BACKEND"} < named
    assert named <= image_environment().keys() | environment(name)


def test_another_redis_can_be_named_for_all() -> None:
    """Another Postgres, too: test_compose.py."""
    for name in OF_DAGSTER:
        assert ADDED[name]["environment"]["DAGSTER_CELERY_BROKER"] == "${DAGSTER_CELERY_BROKER:-redis://redis:6379/0}"


def test_the_image_has_the_instance_that_they_name() -> None:
    copied = [step.rest for step in dockerfile() if step.word == "COPY"]
    assert any(rest.endswith(" /opt/elec/dagster-celery") for rest in copied)
    made = (DEPLOY / "install.sh").read_text(encoding="utf-8")
    assert "cat deploy/dagster.yaml deploy/launchers/celery.yaml" in made


def test_workers_have_a_place_for_every_run_that_the_queue_lets_go() -> None:
    """A run that waits in Redis is starting, and run monitoring ends what has not started after 5 minutes."""
    worker = ADDED["worker"]
    places = worker["deploy"]["replicas"] * int(worker["command"][worker["command"].index("--concurrency") + 1])
    assert places >= INSTANCE["concurrency"]["runs"]["max_concurrent_runs"]


def test_no_run_is_delivered_twice_while_it_is_at_work() -> None:
    config = LAUNCHER["config_source"]
    assert config["broker_transport_options"]["visibility_timeout"] > INSTANCE["run_monitoring"]["max_runtime_seconds"]
    assert config["task_acks_late"] is True
    assert config["worker_prefetch_multiplier"] == 1


def test_a_lost_run_is_ended_and_tried_again() -> None:
    assert LAUNCHER["lost_after_seconds"] >= 3 * INSTANCE["run_monitoring"]["poll_interval_seconds"]
    assert INSTANCE["run_monitoring"]["enabled"] is True
    assert INSTANCE["run_retries"]["enabled"] is True
    # Dagster's resuming would go on within the run that is lost; retries make a new one.
    assert "max_resume_run_attempts" not in INSTANCE["run_monitoring"]


def test_a_new_code_server_ends_no_run() -> None:
    """On one box its start ends the runs of the one before; here they are at work elsewhere."""
    assert "orphans" in " ".join(services()["code"]["command"])
    assert "orphans" not in " ".join(ADDED["code"]["command"])
    assert ADDED["code"]["command"] == services()["code"]["command"][-1].split("exec ")[1].split()


def test_workers_do_what_runs_beside_the_code_server_did() -> None:
    worker, code = ADDED["worker"], services()["code"]
    assert worker["env_file"] == code["env_file"]
    assert set(worker["volumes"]) == {volume for volume in code["volumes"] if "spool" not in volume}
    assert worker["networks"] == code["networks"]
    assert {"init", "restart", "security_opt", "cap_drop", "logging"} <= worker.keys()
    assert worker["stop_grace_period"] == "6m"


def test_only_what_is_of_dagster_reaches_redis_and_it_forgets_nothing() -> None:
    redis = ADDED["redis"]
    assert redis["networks"] == ["records"]
    assert "ports" not in redis
    assert "--appendonly yes" in " ".join(redis["command"])
    assert "noeviction" in redis["command"]
    assert redis["volumes"] == ["redis:/data"]
    assert CELERY["volumes"] == {"redis": {}}


@pytest.mark.parametrize("name", ["redis", "worker"])
def test_each_new_process_is_watched_started_again_and_cannot_fill_the_disk_with_its_log(name: str) -> None:
    assert ADDED[name]["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
    assert ADDED[name]["restart"] == "unless-stopped"
    assert ADDED[name]["logging"]["options"].keys() == {"max-size", "max-file"}


def test_there_is_still_one_daemon() -> None:
    assert services()["daemon"]["deploy"] == {"replicas": 1}
    assert "deploy" not in ADDED["daemon"]
    assert not any("dagster-daemon" in " ".join(service.get("command", [])) for service in ADDED.values())


def test_the_address_that_the_page_names_is_one_that_celery_takes() -> None:
    """Without `ssl_cert_reqs` a `rediss://` address is refused, and no worker starts."""
    page = (REPOSITORY / "docs" / "deployment.md").read_text(encoding="utf-8")
    [address] = re.findall(r"`(rediss://[^`]+)`", page)
    for name in (address, address.replace("/0?", "/1?")):
        app = Celery(broker=name, backend=name)
        assert app.backend.connparams["ssl_cert_reqs"] is ssl.CERT_REQUIRED
