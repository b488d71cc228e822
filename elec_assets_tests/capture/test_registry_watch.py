"""Which registry capture follows: an edit that is wrong, or that would change the past, does not count."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from elec_assets.capture.registry_watch import RegistryWatch
from elec_assets.clients.registry_history import RegistryHistory
from elec_assets.clients.store import Store, StoreError, open_store
from elec_assets.domain.registry_file import RegistryInvalid
from elec_assets_tests.capture.place import REGISTRY, write_registry

NOW = datetime(2027, 2, 3, 12, tzinfo=UTC)
MORE = "      clejeune: {name: Chloé Lejeune, status: 1, since: 2027-02-10}\n"
REWRITTEN = REGISTRY.replace("  bleroux:", "  bleroux2:")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store((tmp_path / "store").as_uri())


def down() -> Store:
    raise StoreError("the store is down")


def edit(folder: Path, text: str) -> None:
    """Two edits within one tick of the file system's clock must differ too."""
    path = folder / "candidates.yaml"
    before = path.stat().st_mtime_ns
    path.write_text(text.replace("CAPTURE", "continuous"), encoding="utf-8")
    os.utime(path, ns=(before + 1_000_000, before + 1_000_000))


def test_a_valid_edit_is_followed_and_no_edit_asks_nobody(tmp_path: Path, store: Store) -> None:
    first = write_registry(tmp_path)
    watch = RegistryWatch(tmp_path / "candidates.yaml")
    assert not watch.looked(down, NOW)
    assert watch.unchecked is None
    edit(tmp_path, REGISTRY + MORE)
    assert watch.looked(lambda: store, NOW)
    assert watch.registry.version != first.version
    assert watch.problem is None
    assert not watch.looked(down, NOW)


def test_a_broken_edit_leaves_the_one_before_in_force_until_it_is_mended(tmp_path: Path, store: Store) -> None:
    first = write_registry(tmp_path)
    watch = RegistryWatch(tmp_path / "candidates.yaml")
    edit(tmp_path, "elections: {")
    assert not watch.looked(lambda: store, NOW)
    assert watch.registry.version == first.version
    assert "is not valid, and the one before stays in force: " in str(watch.problem)
    assert "candidates.yaml" in str(watch.problem)
    edit(tmp_path, REGISTRY)
    assert not watch.looked(lambda: store, NOW), "as it was"
    assert not watch.problem
    (tmp_path / "candidates.yaml").unlink()
    assert not watch.looked(lambda: store, NOW)
    assert "there is no such file" in str(watch.problem)


def test_an_edit_of_the_past_is_refused_where_the_store_can_be_read(tmp_path: Path, store: Store) -> None:
    first = write_registry(tmp_path)
    RegistryHistory(store).admit(first, NOW)
    watch = RegistryWatch(tmp_path / "candidates.yaml")
    assert not watch.checked(lambda: store, NOW)
    edit(tmp_path, REWRITTEN)
    assert not watch.looked(lambda: store, NOW)
    assert watch.registry.version == first.version
    assert "is refused, and the one before stays in force" in str(watch.problem)
    assert "elec candidates accept" in str(watch.problem)


def test_an_edit_of_the_past_before_the_start_is_refused_for_the_version_of_the_store(
    tmp_path: Path, store: Store
) -> None:
    first = write_registry(tmp_path)
    RegistryHistory(store).admit(first, NOW)
    edit(tmp_path, REWRITTEN)
    watch = RegistryWatch(tmp_path / "candidates.yaml")
    assert watch.registry.version != first.version
    assert watch.checked(lambda: store, NOW)
    assert watch.registry.version == first.version
    assert watch.registry.elections == first.elections
    assert "is refused, and the one in force before is followed" in str(watch.problem)


def test_without_rights_to_read_the_file_counts_and_it_is_said(tmp_path: Path) -> None:
    write_registry(tmp_path)
    watch = RegistryWatch(tmp_path / "candidates.yaml")
    assert not watch.checked(down, NOW)
    edit(tmp_path, REGISTRY + MORE)
    assert watch.looked(down, NOW)
    assert watch.problem is None
    assert "is not known here: the store is down" in str(watch.unchecked)


def test_a_candidates_file_is_watched_too(tmp_path: Path, store: Store) -> None:
    text = REGISTRY.partition("    candidates:")[0] + "    candidates_file: people.json\n"
    people = '{"amartin": {"name": "Agathe Martin", "status": 1}%s}'
    (tmp_path / "people.json").write_text(people % "", encoding="utf-8")
    first = write_registry(tmp_path, text=text)
    watch = RegistryWatch(tmp_path / "candidates.yaml")
    (tmp_path / "people.json").write_text(people % ', "b": {"name": "Bea Roux", "status": 1}', encoding="utf-8")
    assert watch.looked(lambda: store, NOW)
    assert watch.registry.version != first.version
    assert len(watch.registry.elections["xx_2027"].candidates) == 2


def test_there_must_be_a_registry_to_begin_with(tmp_path: Path) -> None:
    with pytest.raises(RegistryInvalid, match="there is no such file"):
        RegistryWatch(tmp_path / "candidates.yaml")
