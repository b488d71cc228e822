"""Questions to Google Trends as values."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elec_assets.domain.registry import Candidate, DatedStatus, TrendsNames
from elec_assets.domain.trends import Cadence, Shape
from elec_assets.domain.trends_requests import (
    Keyword,
    KeywordKind,
    TrendsRequest,
    comparison,
    keyword_of,
    shuffled,
    single_requests,
)
from elec_assets.domain.windows import HOUR, Window

BLOCK = Window(datetime(2027, 2, 1, 4, tzinfo=UTC), datetime(2027, 2, 1, 8, tzinfo=UTC))
ADA = Candidate("ada", "Ada Lovelace", (DatedStatus(1),), trends=TrendsNames("/m/0ada", "Lovelace"))
BOB = Candidate("bob", "Bob", (DatedStatus(1),), trends=TrendsNames(term="Robert B"))
CYD = Candidate("cyd", "Cyd", (DatedStatus(1),))
ASKED = comparison("fr", "FR", Cadence.HOURLY, BLOCK, [ADA, BOB])


def people(count: int) -> list[Candidate]:
    return [Candidate(f"c{n}", f"Name {n}", (DatedStatus(1),)) for n in range(count)]


def test_the_topic_is_asked_for_first_then_the_term_then_the_name() -> None:
    assert keyword_of(ADA) == Keyword("ada", "/m/0ada", KeywordKind.TOPIC)
    assert keyword_of(BOB) == Keyword("bob", "Robert B", KeywordKind.TERM)
    assert keyword_of(CYD) == Keyword("cyd", "Cyd", KeywordKind.TERM)


def test_an_id_stays_what_it_was() -> None:
    """Stored answers are found by it: another way to make it would ask for everything again."""
    assert ASKED.request_id == "58d95ae98221d839"
    assert json.loads(json.dumps(ASKED.spec)) == ASKED.spec


@pytest.mark.parametrize(
    "change",
    [
        lambda r: replace(r, area="world"),
        lambda r: replace(r, geo=""),
        lambda r: replace(r, cadence=Cadence.DAILY),
        lambda r: replace(r, block=Window(BLOCK.start - 4 * HOUR, BLOCK.start)),
        lambda r: replace(r, keywords=r.keywords[::-1]),
        lambda r: replace(r, keywords=r.keywords[:1]),
        lambda r: replace(r, keywords=(replace(r.keywords[0], text="x"), r.keywords[1])),
        lambda r: replace(r, keywords=(replace(r.keywords[0], kind=KeywordKind.TERM), r.keywords[1])),
        lambda r: replace(r, keywords=(replace(r.keywords[0], candidate="x"), r.keywords[1])),
        lambda r: replace(r, hl="fr-FR"),
        lambda r: replace(r, tz=-60),
        lambda r: replace(r, category=16),
        lambda r: replace(r, gprop="news"),
        lambda r: replace(r, sample_no=2),
    ],
)
def test_any_other_question_has_another_id(change: Callable[[TrendsRequest], TrendsRequest]) -> None:
    assert change(ASKED).request_id != ASKED.request_id


def test_both_samples_of_a_comparison_share_its_batch_and_not_its_id() -> None:
    second = ASKED.sample(2)
    assert second.batch_id == ASKED.batch_id != ASKED.request_id
    assert second.request_id != ASKED.request_id
    alone = single_requests("fr", "FR", Cadence.DAILY, BLOCK, [ADA], "2027-02-01")[0]
    assert alone.shape is Shape.SINGLE
    assert alone.batch_id is None


@pytest.mark.parametrize(
    ("candidates", "message"),
    [
        ([], "found 0"),
        (people(6), "found 6"),
        ([CYD, replace(CYD, key="x", name="CYD")], "each keyword and candidate once"),
        ([CYD, replace(CYD, name="Other")], "each keyword and candidate once"),
        ([replace(CYD, name="x" * 101)], "1 to 100 characters, found 101"),
        ([replace(CYD, name="  ")], "1 to 100 characters"),
    ],
)
def test_what_google_would_refuse_is_never_asked(candidates: list[Candidate], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        comparison("fr", "FR", Cadence.DAILY, BLOCK, candidates)


def test_samples_are_numbered_from_one() -> None:
    with pytest.raises(ValueError, match="numbered from 1, found 0"):
        ASKED.sample(0)


@settings(deadline=None, max_examples=15)
@given(st.permutations(people(12)), st.text(max_size=10))
def test_the_order_is_that_of_the_partition_and_not_of_the_registry(order: list[Candidate], partition: str) -> None:
    one = shuffled(partition, order)
    assert one == shuffled(partition, people(12))
    assert sorted(c.key for c in one) == sorted(c.key for c in people(12))


def test_an_early_stop_falls_on_everyone_alike() -> None:
    """The script of 2021 went from far left to far right, each time: who came last was missing most."""
    crowd = people(10)
    days = [f"2027-{month:02d}-{day:02d}" for month in range(1, 13) for day in range(1, 29)]
    last = [shuffled(day, crowd)[-1].key for day in days]
    assert {key: last.count(key) for key in sorted(set(last))}.keys() == {c.key for c in crowd}
    assert max(last.count(c.key) for c in crowd) < 2 * len(days) / len(crowd)
