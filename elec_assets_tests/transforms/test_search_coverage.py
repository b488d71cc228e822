from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from elec_assets.domain.intervals import NOWHERE, Intervals
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.windows import X_EPOCH_MS, Grain, Window, epoch_ms, id_bounds, iso_ms, window_at
from elec_assets.transforms.search_coverage import (
    INDEX_LAG,
    PageMeta,
    answered_by,
    asked,
    causes,
    filled,
    needed,
    query_id,
)

HOUR = window_at(datetime(2027, 2, 1, 13, tzinfo=UTC), Grain.HOUR)
WHOLE = Intervals.between(HOUR)
LATER = HOUR.end + timedelta(hours=1)


def minutes(first: float, last: float) -> Window:
    return Window(HOUR.start + timedelta(minutes=first), HOUR.start + timedelta(minutes=last))


def tweet_id(minute: float) -> str:
    ms = epoch_ms(HOUR.start + timedelta(minutes=minute))
    return str(((ms - X_EPOCH_MS) << 22) + 77)


def meta(
    window: Window = HOUR,
    *,
    query: str = "q",
    page: int = 1,
    asked_at: datetime = LATER,
    oldest: float | None = None,
    last: bool = False,
    outcome: Outcome | None = None,
) -> PageMeta:
    since_id, until_id = id_bounds(window)
    return PageMeta(
        election="e",
        hour="h",
        query=query,
        query_id="00000000",
        since_id=str(since_id),
        until_id=str(until_id),
        page=page,
        endpoint="/2",
        registry_version="v",
        asked_at=iso_ms(asked_at),
        status=200 if outcome is None else 500,
        oldest_id=None if oldest is None else tweet_id(oldest),
        last=last,
        outcome=outcome,
        problem=None if outcome is None else f"{outcome} happened",
    )


def covered(*metas: PageMeta, query: str = "q") -> list[Window]:
    return answered_by(metas, query).windows()


def test_a_question_answered_to_its_last_page_covers_its_time() -> None:
    assert covered(meta(last=True)) == [HOUR]
    assert covered(meta(oldest=40), meta(page=2, oldest=20), meta(page=3, oldest=5, last=True)) == [HOUR]
    assert covered(meta(last=True), query="other") == []


def test_an_answer_that_stopped_has_covered_the_time_after_its_oldest_post() -> None:
    """Other posts of the oldest post's millisecond may be on the next page."""
    found = covered(meta(oldest=40), meta(page=2, oldest=20), meta(page=3, outcome=Outcome.ERROR))
    assert found == [Window(HOUR.start + timedelta(minutes=20, milliseconds=1), HOUR.end)]


def test_pages_after_a_missing_one_prove_nothing() -> None:
    found = covered(meta(oldest=40), meta(page=3, oldest=5, last=True))
    assert found == [Window(HOUR.start + timedelta(minutes=40, milliseconds=1), HOUR.end)]
    assert covered(meta(page=2, last=True)) == []


def test_an_empty_page_that_is_not_the_last_proves_nothing_more() -> None:
    assert covered(meta(oldest=30), meta(page=2)) == covered(meta(oldest=30))
    assert covered(meta()) == []


def test_a_question_asked_too_early_leaves_the_newest_time_open() -> None:
    """X finds a post about half a minute after it was made."""
    assert covered(meta(last=True, asked_at=HOUR.end)) == [Window(HOUR.start, HOUR.end - INDEX_LAG)]
    assert covered(meta(last=True, asked_at=HOUR.end + INDEX_LAG)) == [HOUR]
    assert covered(meta(last=True, asked_at=HOUR.start)) == []


def test_questions_at_several_times_are_united() -> None:
    first = [meta(oldest=30), meta(page=2, outcome=Outcome.THROTTLED)]
    rest = Window(HOUR.start, HOUR.start + timedelta(minutes=30, milliseconds=1))
    assert needed(WHOLE, [["q"]], first) == {"q": Intervals.between(rest)}
    assert covered(*first, meta(rest, last=True, asked_at=LATER + timedelta(hours=1))) == [HOUR]


def test_time_is_filled_when_every_query_has_answered_it() -> None:
    metas = [meta(minutes(0, 40), last=True), meta(minutes(20, 60), query="r", last=True)]
    assert filled(WHOLE, [["q", "r"]], metas).windows() == [minutes(20, 40)]
    assert needed(WHOLE, [["q", "r"]], metas) == {
        "q": Intervals.between(minutes(40, 60)),
        "r": Intervals.between(minutes(0, 20)),
    }
    assert filled(WHOLE, [[]], []) == WHOLE
    assert filled(NOWHERE, [["q"]], metas) == NOWHERE
    assert needed(NOWHERE, [["q"]], metas) == {}


def test_the_cause_is_what_happened_when_the_missing_time_was_last_asked() -> None:
    failed = meta(outcome=Outcome.REFUSED)
    assert causes(WHOLE, [["q"]], [failed]) == {Outcome.REFUSED: "refused happened"}
    later = meta(asked_at=LATER + timedelta(hours=1), outcome=Outcome.THROTTLED)
    assert causes(WHOLE, [["q"]], [failed, later]) == {Outcome.THROTTLED: "throttled happened"}
    assert causes(WHOLE, [["q"]], [failed, meta(asked_at=LATER + timedelta(hours=2), last=True)]) == {}
    assert causes(WHOLE, [["q"]], []) == {}


def test_one_failed_slot_of_ten_keeps_its_cause() -> None:
    """The later slots were answered, and the hour was called partial "not asked yet" instead of by what happened."""
    slots = Intervals.of(
        s for w in (minutes(0, 1), minutes(10, 11), minutes(20, 21)) for s in Intervals.between(w).spans
    )
    metas = [
        meta(minutes(0, 1), outcome=Outcome.THROTTLED),
        meta(minutes(10, 11), last=True, asked_at=LATER + timedelta(milliseconds=1)),
        meta(minutes(20, 21), last=True, asked_at=LATER + timedelta(milliseconds=2)),
    ]
    assert causes(slots, [["q"]], metas) == {Outcome.THROTTLED: "throttled happened"}


def test_causes_of_several_queries_are_all_told() -> None:
    metas = [meta(outcome=Outcome.ERROR), meta(query="r", outcome=Outcome.OVER_BUDGET), meta(query="s", last=True)]
    assert causes(WHOLE, [["q", "r", "s"]], metas).keys() == {Outcome.ERROR, Outcome.OVER_BUDGET}


PAGES = st.builds(
    meta,
    st.tuples(st.integers(0, 59), st.integers(1, 60)).map(lambda t: minutes(min(t), max(t) + (t[0] == t[1]) + 1)),
    page=st.integers(1, 3),
    asked_at=st.integers(0, 90).map(lambda m: HOUR.start + timedelta(minutes=m)),
    oldest=st.none() | st.integers(0, 61),
    last=st.booleans(),
    outcome=st.none() | st.sampled_from([Outcome.ERROR, Outcome.THROTTLED]),
)


@given(st.lists(PAGES, max_size=8, unique_by=lambda m: (m.asked_at, m.since_id, m.page)))
def test_whatever_was_asked_is_split_into_filled_and_needed(metas: Sequence[PageMeta]) -> None:
    """Filled and needed share nothing and are the plan together; the order of sidecars does not matter."""
    done, rest = filled(WHOLE, [["q"]], metas), needed(WHOLE, [["q"]], metas).get("q", NOWHERE)
    assert not done & rest
    assert done | rest == WHOLE
    assert filled(WHOLE, [["q"]], list(reversed(metas))) == done
    assert bool(causes(WHOLE, [["q"]], metas)) <= bool(rest)


def test_a_sidecar_survives_the_store() -> None:
    page = meta(oldest=3, outcome=Outcome.ERROR)
    assert msgspec.json.decode(msgspec.json.encode(page), type=PageMeta) == page


def test_time_is_filled_when_all_queries_of_either_packing_have_answered_it() -> None:
    """ELEC_X_ARCHIVE packs the same terms into fewer, longer queries: a change of it asked for whole months again."""
    packings = [["ab"], ["a", "b"]]
    shorter = [meta(query="a", last=True), meta(minutes(0, 40), query="b", last=True)]
    assert filled(WHOLE, packings, shorter).windows() == [minutes(0, 40)]
    assert needed(WHOLE, packings, shorter) == {"ab": Intervals.between(minutes(40, 60))}
    both = [*shorter, meta(minutes(30, 60), query="ab", last=True)]
    assert filled(WHOLE, packings, both) == WHOLE
    assert needed(WHOLE, packings, both) == {}
    assert causes(WHOLE, packings, both) == {}


def test_answers_to_half_a_packing_fill_nothing() -> None:
    packings = [["ab", "c"], ["a", "bc"]]
    metas = [meta(query="ab", last=True), meta(query="a", last=True)]
    assert filled(WHOLE, packings, metas) == NOWHERE
    assert needed(WHOLE, packings, metas) == {"c": WHOLE}


def test_the_cause_is_that_of_the_packing_asked_last() -> None:
    packings = [["ab"], ["a", "b"]]
    before = [meta(query="a", last=True), meta(query="b", outcome=Outcome.OVER_BUDGET)]
    assert causes(WHOLE, packings, before).keys() == {Outcome.OVER_BUDGET}
    later = meta(query="ab", asked_at=LATER + timedelta(hours=1), outcome=Outcome.THROTTLED)
    assert causes(WHOLE, packings, [*before, later]).keys() == {Outcome.THROTTLED}


def test_where_nothing_is_to_be_asked_all_is_filled() -> None:
    assert filled(WHOLE, [[]], []) == WHOLE
    assert needed(WHOLE, [[]], []) == {}
    assert causes(WHOLE, [[]], []) == {}


PACKED = [["ab"], ["a", "b"]]


@given(
    st.lists(
        st.builds(
            meta,
            st.tuples(st.integers(0, 59), st.integers(0, 59)).map(lambda t: minutes(min(t), max(t) + 1)),
            query=st.sampled_from(["a", "b", "ab"]),
            last=st.booleans(),
            oldest=st.none() | st.integers(0, 60),
            asked_at=st.integers(60, 90).map(lambda m: HOUR.start + timedelta(minutes=m)),
        ),
        max_size=8,
        unique_by=lambda m: (m.query, m.asked_at, m.since_id),
    )
)
def test_of_two_packings_filled_is_what_either_fills_alone(metas: Sequence[PageMeta]) -> None:
    together = filled(WHOLE, PACKED, metas)
    assert together == filled(WHOLE, PACKED[:1], metas) | filled(WHOLE, PACKED[1:], metas)
    assert needed(WHOLE, PACKED, metas).get("ab", NOWHERE) == WHOLE - together


def test_queries_are_named_by_their_hash() -> None:
    assert query_id("a") == "ca978112"


def test_time_asked_for_is_known_whatever_came_of_it() -> None:
    refused = meta(minutes(0, 10), outcome=Outcome.REFUSED)
    found = asked([refused, meta(minutes(30, 40), oldest=35)])
    assert found == Intervals.between(minutes(0, 10)) | Intervals.between(minutes(30, 40))
