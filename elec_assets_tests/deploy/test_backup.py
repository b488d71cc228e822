"""deploy/backup.sh and deploy/restore.sh: what is restored is what was, and nothing is ever overwritten."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from elec_assets.capture.spool import Spool
from elec_assets.capture.spool_state import read_state
from elec_assets.sandbox.x_http import XServer
from elec_assets_tests.deploy.conftest import instance_environment, made_home
from elec_assets_tests.deploy.postgres import Postgres
from elec_assets_tests.deploy.recipe import DEPLOY
from elec_assets_tests.deployment import BUILT_DAY, BUILT_WEEK, Deployment, key, write_registry

NAME = "20270201T020000Z"


def place(folder: Path) -> dict[str, Path]:
    """Where the parts of a deployment are."""
    return {kind: folder / kind.lower() for kind in ("STORE", "SPOOL", "CONFIG", "HOME")}


def script(
    name: str, *arguments: str, backups: Path, parts: Mapping[str, Path], more: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("PG", "BACKUP_"))}
    variables = {f"BACKUP_{kind}": str(path) for kind, path in parts.items()}
    env = {**kept, "BACKUP_DIR": str(backups), **variables, **(more or {})}
    command = ["bash", str(DEPLOY / name), *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)


def tree(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Mode and bytes of all files of a folder."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): (path.stat().st_mode, path.read_bytes()) for path in files}


@pytest.fixture
def parts(tmp_path: Path) -> dict[str, Path]:
    """A store, a spool that no one uses, a registry; no records of Dagster but a file."""
    found = place(tmp_path / "box")
    for path in found.values():
        path.mkdir(parents=True)
    table = found["STORE"] / "xx_2027/data/tables/twitter/20270201/18.parquet"
    table.parent.mkdir(parents=True)
    table.write_bytes(b"table")
    (found["STORE"] / ".tmp").mkdir()
    (found["STORE"] / ".tmp" / "half").write_bytes(b"half of an obj")
    with Spool(found["SPOOL"], cap_bytes=1_000_000):
        pass
    (found["CONFIG"] / "candidates.yaml").write_text("elections: {}\n", encoding="utf-8")
    (found["HOME"] / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
    return found


def restored(tmp_path: Path, backups: Path, **more: str) -> tuple[dict[str, Path], subprocess.CompletedProcess[str]]:
    to = place(tmp_path / "other")
    return to, script("restore.sh", NAME, backups=backups, parts=to, more=more)


def test_what_was_backed_up_is_restored_byte_for_byte(tmp_path: Path, parts: dict[str, Path]) -> None:
    backups = tmp_path / "backups"
    done = script("backup.sh", NAME, backups=backups, parts=parts)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (backups / NAME).iterdir()} == {
        "home.tar", "spool.tar", "store.tar", "config.tar", "SHA256SUMS",
    }  # fmt: skip
    to, done = restored(tmp_path, backups)
    assert done.returncode == 0, done.stderr
    assert "half" not in str(tree(to["STORE"]))
    (parts["STORE"] / ".tmp" / "half").unlink()
    (parts["SPOOL"] / "spool.lock").unlink()
    for kind, path in parts.items():
        assert tree(to[kind]) == tree(path), kind
        assert tree(path)
    # A second time, over what is there, nothing is done.
    before = {kind: tree(path) for kind, path in to.items()}
    _, again = restored(tmp_path, backups)
    assert again.returncode == 2
    assert "is not empty, and nothing is overwritten" in again.stderr
    assert {kind: tree(path) for kind, path in to.items()} == before
    again = script("backup.sh", NAME, backups=backups, parts=parts)
    assert (again.returncode, "is there already, and is left as it is" in again.stderr) == (2, True)


def test_a_spool_in_use_is_backed_up_without_its_name_and_the_slot_under_way(
    tmp_path: Path, parts: dict[str, Path]
) -> None:
    """It goes on where it is: two spools of one name would send other bytes under the same key."""
    backups = tmp_path / "backups"
    segments = parts["SPOOL"] / "segments"
    with Spool(parts["SPOOL"], cap_bytes=1_000_000) as spool:
        (segments / f"20270201T1800Z_{spool.id}.seg").write_bytes(b"waits")
        (segments / f"20270201T1805Z_{spool.id}.part").write_bytes(b"under way")
        assert script("backup.sh", NAME, backups=backups, parts=parts).returncode == 0
        name = spool.id
    to, done = restored(tmp_path, backups)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (to["SPOOL"] / "segments").iterdir()] == [f"20270201T1800Z_{name}.seg"]
    assert read_state(to["SPOOL"]) is None


def test_a_damaged_backup_restores_nothing(tmp_path: Path, parts: dict[str, Path]) -> None:
    backups = tmp_path / "backups"
    assert script("backup.sh", NAME, backups=backups, parts=parts).returncode == 0
    with (backups / NAME / "store.tar").open("r+b") as file:
        file.seek(700)
        file.write(b"\xff")
    to, done = restored(tmp_path, backups)
    assert done.returncode == 1
    assert "store.tar: FAILED" in done.stdout + done.stderr
    assert not any(path.exists() for path in to.values())


def test_a_restore_that_fails_half_way_takes_back_what_it_wrote(tmp_path: Path, parts: dict[str, Path]) -> None:
    """So that it can be tried again once the reason is mended; here the store's place is a file."""
    backups = tmp_path / "backups"
    assert script("backup.sh", NAME, backups=backups, parts=parts).returncode == 0
    to = place(tmp_path / "other")
    to["STORE"].parent.mkdir()
    to["STORE"].write_bytes(b"")
    done = script("restore.sh", NAME, backups=backups, parts=to)
    assert done.returncode != 0
    assert "it ended before its end" in done.stderr
    assert tree(to["HOME"]) == tree(to["SPOOL"]) == tree(to["CONFIG"]) == {}
    to["STORE"].unlink()
    assert script("restore.sh", NAME, backups=backups, parts=to).returncode == 0


@pytest.mark.parametrize(
    ("name", "arguments", "unset", "told"),
    [
        ("backup.sh", [NAME], "BACKUP_DIR", "BACKUP_DIR is not set"),
        ("backup.sh", [NAME], "BACKUP_HOME", "set PGDATABASE (Postgres) or BACKUP_HOME (SQLite)"),
        ("backup.sh", ["../x"], "", "has other characters than letters"),
        ("restore.sh", [], "", "which backup? There are:"),
        ("restore.sh", ["none"], "", "is no backup; there are:"),
    ],
)
def test_what_is_missing_is_named(
    tmp_path: Path, parts: dict[str, Path], name: str, arguments: list[str], unset: str, told: str
) -> None:
    (tmp_path / "backups").mkdir()
    done = script(name, *arguments, backups=tmp_path / "backups", parts=parts, more={unset: ""} if unset else {})
    assert done.returncode == 2
    assert told in done.stderr
    assert list((tmp_path / "backups").iterdir()) == []


def test_a_part_that_has_nowhere_to_go_is_named(tmp_path: Path, parts: dict[str, Path]) -> None:
    backups = tmp_path / "backups"
    assert script("backup.sh", NAME, backups=backups, parts=parts).returncode == 0
    _, done = restored(tmp_path, backups, BACKUP_SPOOL="")
    assert (done.returncode, done.stderr) == (
        2, "restore: the backup holds spool: say where it goes, BACKUP_SPOOL\n",
    )  # fmt: skip


def test_the_oldest_backups_go_and_what_is_named_by_hand_stays(tmp_path: Path, parts: dict[str, Path]) -> None:
    backups = tmp_path / "backups"
    for day in ("20270101", "20270102", "20270103"):
        assert script("backup.sh", f"{day}T020000Z", backups=backups, parts=parts).returncode == 0
    assert script("backup.sh", "before-upgrade", backups=backups, parts=parts).returncode == 0
    done = script("backup.sh", NAME, backups=backups, parts=parts, more={"BACKUP_KEEP": "2"})
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in backups.iterdir()) == ["20270103T020000Z", NAME, "before-upgrade"]


def recorded(instance: dg.DagsterInstance, deployment: Deployment) -> dict[str, dict[str, object]]:
    """For each asset of the graph its partitions, and what their last materializations say."""
    found: dict[str, dict[str, object]] = {}
    for asset in deployment.definitions().resolve_asset_graph().materializable_asset_keys:
        records = instance.fetch_materializations(asset, limit=1000, ascending=True).records
        made = [r.asset_materialization for r in records if r.asset_materialization is not None]
        found[asset.to_user_string()] = {str(m.partition): m.metadata for m in made}
    return found


@pytest.mark.prove
def test_a_deployment_on_postgres_is_the_same_after_a_restore_and_goes_on(
    postgres: Postgres, tmp_path: Path, x: XServer, bare: pytest.MonkeyPatch
) -> None:
    """On an empty machine: the same graph, partitions and bytes, and the same bytes when they are made again."""
    bare.setenv("X_BEARER_TOKEN", "sandbox-token")
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    registry = write_registry(old)
    variables = {name: postgres.variables(postgres.new(name)) for name in ("before", "after")}

    def opened(database: str, folder: Path) -> dg.DagsterInstance:
        for variable, value in instance_environment(postgres, database, folder / "logs").items():
            bare.setenv(variable, value)
        return dg.DagsterInstance.from_config(str(made_home(folder)))

    with opened("before", old) as instance:
        first = Deployment(old, registry, instance, x.url)
        assert first.run("twitter/tweets", span=BUILT_DAY).success
        assert first.run("twitter/weekly", "coverage/weekly", partition=BUILT_WEEK).success
        assert first.run("candidates").success
        graph, objects = recorded(instance, first), first.objects()
    parts, backups = {"STORE": old / "store"}, tmp_path / "backups"
    done = script("backup.sh", NAME, backups=backups, parts=parts, more=variables["before"])
    assert done.returncode == 0, done.stderr
    to = {"STORE": new / "store"}
    done = script("restore.sh", NAME, backups=backups, parts=to, more=variables["after"])
    assert done.returncode == 0, done.stderr
    with opened("after", new) as instance:
        second = replace(first, folder=new, instance=instance)
        assert recorded(instance, second) == graph
        assert len(graph[key("twitter/tweets").to_user_string()]) == 24
        assert second.objects() == objects
        assert instance.get_runs_count() == 3
        assert second.run("twitter/tweets", span=BUILT_DAY).success
        assert second.run("twitter/weekly", partition=BUILT_WEEK).success
        tables = {name for name in objects if "/tables/" in name or "/weekly/twitter/" in name}
        assert tables
        assert {name: second.objects()[name] for name in tables} == {name: objects[name] for name in tables}
    # Into a database that holds something, nothing goes.
    done = script("restore.sh", NAME, backups=backups, parts={"STORE": tmp_path / "third"}, more=variables["after"])
    assert done.returncode == 2
    assert "and nothing is overwritten; make an empty one" in done.stderr
    assert not (tmp_path / "third").exists()
