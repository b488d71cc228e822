from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elec_assets.domain import layout_compliance as layout
from elec_assets.domain.layout import SearchPage
from elec_assets.domain.layout_capture import BatchKey, LateKey
from elec_assets.domain.windows import DAY as DAY_LENGTH
from elec_assets.domain.windows import Grain, window_at

MOMENT = datetime(2027, 2, 1, 18, 5, tzinfo=UTC)
DAY = window_at(MOMENT, Grain.DAY)
HOUR = window_at(MOMENT, Grain.HOUR)


@given(st.integers(0, 3_000_000))
def test_keys_of_a_day_are_parsed_back(number: int) -> None:
    day = window_at(datetime(1000, 1, 1, tzinfo=UTC) + DAY_LENGTH * number, Grain.DAY)
    made = {
        "tombstones": layout.tombstones_day("e", day),
        "todo": layout.todo_day("e", day),
        "held": layout.held_day("e", day),
    }
    for name, key in made.items():
        assert layout.parse_compliance_day(key) == (name, day)
        assert key.startswith(layout.compliance("e"))


@pytest.mark.parametrize(
    "key",
    [
        layout.compliance_job("e"),
        layout.compliance_table("e"),
        layout.forgotten(),
        "e/data/compliance/twitter/20271301/todo.json",
        "e/data/compliance/twitter/00010101/todo.json",
        "e/data/compliance/twitter/20270101/other.json",
    ],
)
def test_other_keys_are_none_of_a_day(key: str) -> None:
    assert layout.parse_compliance_day(key) is None


def test_bodies_have_a_day_and_an_hour_and_what_lies_beside_them_has_none() -> None:
    batch = BatchKey("e", MOMENT, "0123abcd")
    page = SearchPage("e", HOUR.start, MOMENT, "0123abcd", 1)
    for body in (batch.body, page.body):
        assert (layout.raw_day(body), layout.raw_hour(body)) == (DAY, HOUR)
        assert body.startswith(layout.raw_posts("e"))
    late = LateKey("e", HOUR.start, MOMENT, "0123abcd")
    for beside in (batch.journal, page.meta, late.key, "e/data/tables/twitter/20270201/18.parquet"):
        assert (layout.raw_day(beside), layout.raw_hour(beside)) == (None, None)
    assert not late.key.startswith(layout.raw_posts("e"))
