"""The registry on disk: what is read, relative to what, and what is said of a file that cannot be read."""

from pathlib import Path

import pytest

from elec_assets.clients.registry_source import load_candidates, load_registry
from elec_assets.domain.registry_file import RegistryInvalid

REGISTRY = """\
elections:
  fr_2027:
    name: Test
    country: FR
    calendar: {collect_from: 2026-11-02, rounds: [2027-04-11], inauguration: 2027-05-13}
    candidates_file: people/2021.json
"""
PEOPLE = '{"ada": {"name": "Ada Élise", "status": 1, "twitter_account": ["@ada_l"]}}'


def write(folder: Path, people: str) -> Path:
    (folder / "people").mkdir()
    (folder / "people" / "2021.json").write_text(people, encoding="utf-8")
    path = folder / "candidates.yaml"
    path.write_text(REGISTRY, encoding="utf-8")
    return path


def test_a_candidates_file_is_relative_to_the_registry(tmp_path: Path) -> None:
    path = write(tmp_path, PEOPLE)
    registry = load_registry(path)
    assert registry.source == str(path)
    assert registry.elections["fr_2027"].candidates == load_candidates(tmp_path / "people" / "2021.json")
    assert registry.elections["fr_2027"].candidates["ada"].name == "Ada Élise"


def test_problems_name_the_candidates_file_as_it_can_be_opened(tmp_path: Path) -> None:
    path = write(tmp_path, PEOPLE.replace('"status": 1', '"status": 5'))
    with pytest.raises(RegistryInvalid) as caught:
        load_registry(path)
    (problem,) = caught.value.problems
    assert Path(problem.file) == tmp_path / "people" / "2021.json"
    assert (problem.line, problem.field) == (1, "ada.status")


def test_a_missing_file_is_named_with_the_setting(tmp_path: Path) -> None:
    path = tmp_path / "nowhere.yaml"
    with pytest.raises(RegistryInvalid) as caught:
        load_registry(path)
    assert str(caught.value) == f"{path}: there is no such file; name the registry with the setting ELEC_REGISTRY"


def test_a_folder_is_no_registry(tmp_path: Path) -> None:
    with pytest.raises(RegistryInvalid) as caught:
        load_registry(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path}: cannot be read: Is a directory")


def test_a_file_that_is_not_utf8_is_named_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "candidates.yaml"
    path.write_bytes("elections:\n  a: 1\n  b: é\n".encode("latin-1"))
    with pytest.raises(RegistryInvalid) as caught:
        load_registry(path)
    assert str(caught.value) == f"{path}:3: not UTF-8 text (byte 0xE9); save it as UTF-8"
