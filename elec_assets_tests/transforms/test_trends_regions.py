"""French regions: old codes lead to new ones, and codes that nobody knows are named."""

import polars as pl

from elec_assets.transforms.trends_regions import crosswalk, new_code, unknown_codes, unknown_regions


def test_all_22_old_regions_lead_to_the_13_new_ones() -> None:
    old = [region.old_code for region in crosswalk()]
    assert old == [f"FR-{letter}" for letter in "ABCDEFGHIJKLMNOPQRSTUV"]
    new = {region.new_code for region in crosswalk()}
    assert new == {
        f"FR-{c}" for c in ["ARA", "BFC", "BRE", "CVL", "20R", "GES", "HDF", "IDF", "NOR", "NAQ", "OCC", "PDL", "PAC"]
    }
    names = {(region.new_code, region.new_name) for region in crosswalk()}
    assert len(names) == len(new)


def test_a_code_of_either_kind_gives_the_new_one() -> None:
    assert new_code("FR-A") == new_code("FR-M") == new_code("FR-G") == new_code("FR-GES") == "FR-GES"
    assert new_code("FR-COR") == new_code("FR-H") == new_code("FR-20R") == "FR-20R"
    assert new_code("FR-75") is None
    assert new_code("FR") is None


def test_unknown_codes_are_named_once_and_in_order() -> None:
    assert unknown_codes(["FR-Z", "FR-A", "FR-IDF", "FR-75C", "FR-Z"]) == ("FR-75C", "FR-Z")


def test_only_regions_of_france_are_looked_at() -> None:
    frame = pl.DataFrame(
        {
            "geo": ["FR", "FR", "", "FR", "FR"],
            "geo_level": ["REGION", "REGION", "COUNTRY", "CITY", "REGION"],
            "geo_code": ["FR-J", "FR-X", "DE", "FR-Q1", None],
        }
    )
    assert unknown_regions(frame) == ("FR-X",)
