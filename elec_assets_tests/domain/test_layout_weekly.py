import pytest

from elec_assets.domain import layout
from elec_assets.domain.layout_weekly import parse_weekly, weekly_files
from elec_assets.domain.windows import Grain, window_of_key

WEEK = window_of_key("2027-02-01", Grain.WEEK)


@pytest.mark.parametrize("product", ["twitter", "google_trends/requests"])
def test_the_week_of_a_weekly_file_is_read_back_from_its_key(product: str) -> None:
    key = layout.weekly("fr_2027", product, WEEK, "parquet")
    assert key.startswith(weekly_files("fr_2027", product))
    assert parse_weekly(key) == "2027_05"


@pytest.mark.parametrize(
    "key", ["fr/weekly/twitter/2027_05.csv.gz", "fr/weekly/2027_05.parquet", "fr/data/x/2027_05.parquet"]
)
def test_other_keys_have_no_week(key: str) -> None:
    assert parse_weekly(key) is None
