"""The list of watches on disk: missing, of 2021, wrong."""

from pathlib import Path

import pytest

from elec_assets.clients.watches_source import load_watches
from elec_assets.domain.registry_problems import RegistryInvalid

REPOSITORY = Path(__file__).parents[2]


def test_the_list_that_is_shipped_is_empty_and_its_example_is_valid(tmp_path: Path) -> None:
    assert load_watches(REPOSITORY / "watches.yaml") == ({}, ())
    text = (REPOSITORY / "watches.yaml").read_text(encoding="utf-8")
    example = [line.removeprefix("# ") for line in text.splitlines() if line.startswith("#   ") or line == "# watches:"]
    path = tmp_path / "watches.yaml"
    path.write_text("\n".join(example), encoding="utf-8")
    watches, _ = load_watches(path)
    assert watches["frenchpresidential2022_twitter"].threshold_s == 600


def test_a_missing_list_is_none_at_all_or_an_error_if_it_was_named(tmp_path: Path) -> None:
    assert load_watches(tmp_path / "no.yaml", optional=True) == ({}, ())
    with pytest.raises(RegistryInvalid, match=r"no\.yaml: there is no such file; the setting ELEC_WATCHES"):
        load_watches(tmp_path / "no.yaml")


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"\xff", "byte 0xFF"), (b"watches: {a: {}}", "bucket"), (b"watches: 3", "watches")],
)
def test_a_wrong_list_names_what_is_wrong(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "watches.yaml"
    path.write_bytes(content)
    with pytest.raises(RegistryInvalid, match=said):
        load_watches(path, optional=True)


def test_a_folder_is_no_list(tmp_path: Path) -> None:
    with pytest.raises(RegistryInvalid, match="cannot be read"):
        load_watches(tmp_path, optional=True)
