from datetime import UTC, datetime, timedelta

import polars as pl

from elec_assets.domain.tables import CANDIDATES
from elec_assets.domain.windows import Grain, window_at
from elec_assets.transforms import verification
from elec_assets.transforms.frames import TIME, empty

HOUR = window_at(datetime(2027, 2, 1, 13, tzinfo=UTC), Grain.HOUR)


def times(*moments: datetime) -> pl.Series:
    return pl.Series("created_at", moments, dtype=TIME)


def test_columns_must_be_those_of_the_table_in_its_order() -> None:
    frame = empty(CANDIDATES)
    assert verification.columns(frame.schema, CANDIDATES) == []
    (found,) = verification.columns(frame.drop("name").schema, CANDIDATES)
    assert (found.check, found.text) == ("columns", "name is None, not String")
    (found,) = verification.columns(frame.with_columns(extra=1).schema, CANDIDATES)
    assert found.text == "extra is not a column of candidates"
    (found,) = verification.columns(frame.with_columns(name=pl.lit(1)).schema, CANDIDATES)
    assert found.text == "name is Int32, not String"
    (found,) = verification.columns(frame.select(reversed(frame.columns)).schema, CANDIDATES)
    assert found.text == "the order of columns differs"


def test_ids_that_stand_twice_are_counted_and_the_first_named() -> None:
    assert verification.ids_unique(pl.Series(["1", "2"])) == []
    assert verification.ids_unique(pl.Series([], dtype=pl.String)) == []
    (found,) = verification.ids_unique(pl.Series(["3", "2", "3", "2", "2", "1"]))
    assert (found.check, found.text) == ("ids_unique", "2 ids stand more than once, the first 2")


def test_times_outside_the_window_are_counted_and_the_first_named() -> None:
    tick = timedelta(milliseconds=1)
    assert verification.times_inside(times(HOUR.start, HOUR.end - tick), HOUR) == []
    assert verification.times_inside(times(), HOUR) == []
    (found,) = verification.times_inside(times(HOUR.start, HOUR.end, HOUR.start - tick), HOUR)
    assert found.check == "times_inside_window"
    assert found.text.startswith("2 rows lie outside 2027-02-01T13:00:00Z to 2027-02-01T14:00:00Z, the first at ")
    assert found.text.endswith("2027-02-01T14:00:00Z")


def test_a_table_may_grow_but_not_shrink() -> None:
    assert verification.not_shrunk(5, None) == verification.not_shrunk(5, 5) == verification.not_shrunk(6, 5) == []
    (found,) = verification.not_shrunk(4, 5)
    assert (found.check, found.text) == ("not_shrunk", "4 rows, 5 before")
    assert {found.check} <= set(verification.HOUR_CHECKS)
