"""What is left to ask: decided from stored documents alone, in an order that favours nobody."""

from collections import Counter
from datetime import timedelta
from itertools import chain

from elec_assets.domain.trends import Cadence, Endpoint
from elec_assets.domain.trends_requests import TrendsRequest
from elec_assets.transforms import trends_ladder
from elec_assets.transforms.trends_documents import RawTrendsDocument
from elec_assets.transforms.trends_ladder import Pinned
from elec_assets.transforms.trends_questions import Block, Group, Ladder, singles_wanted
from elec_assets.transforms.trends_read import Documents
from elec_assets_tests.transforms.trends_wire import DAY, FETCHED, document, people, point, regions, timeline

NAMES = [f"c{n:02d}" for n in range(10)]
BLOCK = Block("fr", "FR", Cadence.DAILY, DAY, tuple(people(*NAMES)), "fr daily 2027-02-01")
MAPS = [Endpoint.REGIONS]


def of(partition: str) -> Block:
    return Block("fr", "FR", Cadence.DAILY, DAY, tuple(people(*NAMES)), partition)


def pinned(names: list[str]) -> Pinned:
    found = trends_ladder.pin(people(*names), None, "p", "v")
    ordered = sorted(found.keywords, key=lambda k: k.candidate)
    return Pinned(registry_version="v", known=True, keywords=tuple(ordered))


def answer(request: TrendsRequest, days: float = 0) -> RawTrendsDocument:
    """A line on which every candidate can be measured."""
    rng = range(len(request.keywords))
    points = [point(minute, *(100 - 9 * n - minute % 3 for n in rng)) for minute in range(0, 1440, 60)]
    at = FETCHED + timedelta(days=days)
    return document(request, Endpoint.TIMELINE, timeline(*points), fetched_at=at)


def test_an_early_stop_silences_no_candidate_more_than_another() -> None:
    """The 2021 script asked in the order of its file, from far left to far right."""
    orders = [[w.request.candidates[0] for w in singles_wanted(of(f"p{n}"), MAPS, [], {}, None)] for n in range(500)]
    assert all(sorted(order) == NAMES for order in orders)
    asked = Counter(chain.from_iterable(order[:5] for order in orders))
    assert all(abs(asked[name] / 500 - 0.5) < 0.1 for name in NAMES)
    firsts = Counter(order[0] for order in orders)
    assert all(20 <= firsts[name] <= 90 for name in NAMES)


def test_the_same_questions_come_in_the_same_order_however_often_they_are_asked_for() -> None:
    ladder = Ladder(BLOCK, pinned(NAMES), Documents())
    whole = ladder.next_of(1, {})
    assert {r.candidates for r in whole} == set(trends_ladder.comparisons(NAMES, known=True))
    stored = Documents(answer(request) for request in whole[:2])
    assert Ladder(BLOCK, pinned(NAMES), stored).next_of(1, {}) == whole[2:]


def test_repairs_are_decided_by_what_is_stored_whatever_the_order_it_came_in() -> None:
    """Without an order the batches share nobody: their winners are compared next."""
    unknown = Pinned(registry_version="v", known=False, keywords=pinned(NAMES).keywords)
    first = Ladder(BLOCK, unknown, Documents()).next_of(1, {})
    assert Counter(c for r in first for c in r.candidates) == dict.fromkeys(NAMES, 1)
    answers = [answer(request) for request in first]
    (repair,) = Ladder(BLOCK, unknown, Documents(answers)).next_of(1, {})
    assert len(repair.candidates) == len(first) == 2
    assert Ladder(BLOCK, unknown, Documents(answers[::-1])).next_of(1, {}) == [repair]
    whole = Documents([*answers, answer(repair)])
    assert Ladder(BLOCK, unknown, whole).next_of(1, {}) == []
    given_up: dict[tuple[str, Endpoint], Group] = {(repair.request_id, Endpoint.EXPLORE): repair.candidates}
    others = Ladder(BLOCK, unknown, Documents(answers)).next_of(1, given_up)
    assert repair not in others


def test_what_is_given_up_is_not_asked_and_counts_as_asked() -> None:
    ladder = Ladder(BLOCK, pinned(NAMES), Documents())
    first, *others = ladder.next_of(1, {})
    for endpoint in (Endpoint.EXPLORE, Endpoint.TIMELINE):
        assert ladder.next_of(1, {(first.request_id, endpoint): first.candidates}) == others


def test_a_second_sample_repeats_every_comparison_of_the_first_and_is_due_once() -> None:
    ladder = Ladder(BLOCK, pinned(NAMES[:5]), Documents())
    block = Block("fr", "FR", Cadence.DAILY, DAY, tuple(people(*NAMES[:5])), "p")
    (only,) = Ladder(block, pinned(NAMES[:5]), Documents()).next_of(1, {})
    first = answer(only)
    due = DAY.end + timedelta(days=7)
    ladder = Ladder(block, pinned(NAMES[:5]), Documents([first]))
    assert ladder.samples(due - timedelta(seconds=1), None) == [1]
    assert ladder.samples(due, None) == [1, 2]
    (again,) = ladder.next_of(2, {})
    assert (again.sample_no, again.batch_id) == (2, only.batch_id)
    assert ladder.usable({}) == [1]
    both = Ladder(block, pinned(NAMES[:5]), Documents([first, answer(again, days=8)]))
    assert both.samples(due + timedelta(days=9), None) == [1, 2]
    assert both.usable({}) == [1, 2]
    late = Ladder(block, pinned(NAMES[:5]), Documents([answer(only, days=8)]))
    assert late.samples(due + timedelta(days=9), None) == [1]


def test_a_refresh_asks_once_more_and_resumes() -> None:
    block = Block("fr", "FR", Cadence.DAILY, DAY, tuple(people("a", "b")), "p")
    since = FETCHED + timedelta(days=1)
    one, two = (w.request for w in singles_wanted(block, MAPS, [], {}, None))
    stored = [document(r, Endpoint.REGIONS, regions()) for r in (one, two)]
    assert singles_wanted(block, MAPS, stored, {}, None) == []
    assert [w.request for w in singles_wanted(block, MAPS, stored, {}, since)] == [one.sample(2), two.sample(2)]
    stored.append(document(one.sample(2), Endpoint.REGIONS, regions(), fetched_at=since))
    assert [w.request for w in singles_wanted(block, MAPS, stored, {}, since)] == [two.sample(2)]
    assert [w.request for w in singles_wanted(block, MAPS, stored, {}, None)] == [two.sample(2)]


def test_one_explore_call_serves_all_endpoints_that_are_missing() -> None:
    block = Block("fr", "FR", Cadence.DAILY, DAY, tuple(people("a")), "p")
    (wanted,) = singles_wanted(block, [Endpoint.REGIONS, Endpoint.TOPICS], [], {}, None)
    assert (wanted.endpoints, wanted.http) == ((Endpoint.REGIONS, Endpoint.TOPICS), 3)
    stored = [document(wanted.request, Endpoint.REGIONS, regions())]
    (left,) = singles_wanted(block, [Endpoint.REGIONS, Endpoint.TOPICS], stored, {}, None)
    assert (left.request, left.endpoints) == (wanted.request, (Endpoint.TOPICS,))


def test_who_is_followed_no_more_is_asked_no_more() -> None:
    fewer = Block("fr", "FR", Cadence.DAILY, DAY, tuple(people(*NAMES[1:])), "p")
    found = Ladder(fewer, pinned(NAMES), Documents()).next_of(1, {})
    assert {c for r in found for c in r.candidates} == set(NAMES[1:])
    first = Ladder(BLOCK, pinned(NAMES), Documents()).next_of(1, {})
    stored = Documents(answer(request) for request in first)
    assert Ladder(fewer, pinned(NAMES), stored).next_of(1, {}) == []
