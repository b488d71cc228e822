"""Keys of releases."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elec_assets.domain import layout_releases


@given(st.integers(2000, 2100), st.integers(1, 53), st.binary(min_size=4, max_size=4))
def test_a_ledger_key_is_parsed_back_to_its_release(year: int, week: int, digits: bytes) -> None:
    release = f"{year:04d}_{week:02d}-{digits.hex()}"
    assert layout_releases.is_release_id(release)
    assert layout_releases.parse_ledger(layout_releases.ledger(release)) == release


@pytest.mark.parametrize(
    "key",
    [
        "releases/ledger/2027_05.json",
        "releases/2027_05-9f3ac2d1/manifest.json",
        "releases/ledger/2027_05-9F3AC2D1.json",
        "releases/ledger/2027_05-9f3ac2d1.json.part",
    ],
)
def test_another_key_is_none_of_a_ledger(key: str) -> None:
    assert layout_releases.parse_ledger(key) is None


def test_a_release_lies_in_a_folder_of_its_own() -> None:
    release = "2027_05-9f3ac2d1"
    assert layout_releases.staged_manifest(release) == "releases/2027_05-9f3ac2d1/manifest.json"
    assert layout_releases.staged_file(release, "fr/twitter/2027_05.csv.gz").startswith(layout_releases.staged(release))
    assert not layout_releases.ledger(release).startswith(layout_releases.staged(release))
