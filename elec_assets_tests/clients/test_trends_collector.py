"""Collecting partitions of Google Trends against the sandbox: what is asked, stored, made, and told of gaps."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from elec_assets.clients.store import open_store
from elec_assets.clients.trends_archive import ArchiveDamaged, TrendsArchive
from elec_assets.clients.trends_collector import until_block_ends
from elec_assets.clients.trends_replay import TrendsReplay
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.registry import DatedStatus, TrendsNames, TrendsPlan
from elec_assets.domain.tables import CALIBRATED_INTEREST, INTEREST_OVER_TIME, REQUESTS
from elec_assets.domain.trends import Cadence, Endpoint, TrendsTable
from elec_assets.domain.windows import DAY, HOUR, Window, iso
from elec_assets.sandbox.trends_faults import TrendsFault
from elec_assets.transforms.trends import latest_sample
from elec_assets_tests.clients.hours import Clock
from elec_assets_tests.clients.trends import EXPLORE, WIDGETS, Google
from elec_assets_tests.clients.trends_days import (
    ALL,
    ALONE,
    HOURS,
    LINES,
    MONDAY,
    TODAY,
    WEEK,
    collector,
    election,
    person,
    place,
    question_of,
    questions,
    said,
    stored_documents,
    tables_of,
)
from elec_assets_tests.sandbox.trends import WORLD

StartGoogle = Callable[..., Google]
DAILY, HOURLY, WEEKLY = Cadence.DAILY, Cadence.HOURLY, Cadence.WEEKLY
TOPICS = TrendsTable.RELATED_TOPICS
STATE = "state/google_trends/ladder/xx_2027/fr_daily.json"
HOURLY_STATE = "state/google_trends/ladder/xx_2027/fr_hourly.json"


def test_a_day_has_every_table_of_every_candidate(google: StartGoogle) -> None:
    world = google()
    found = collector(world.store, world.clock, world.backend(), election(6)).collect("fr", DAILY, TODAY, ALL)
    assert found.complete
    assert (found.stopped_by, found.resume_at, found.pending) == (None, None, ())
    assert len({(u.table, u.candidate) for u in found.row.units}) == len(found.row.units) == 6 * len(ALL)
    assert {u.outcome for u in found.row.units} <= {Outcome.OK, Outcome.EMPTY}
    assert found.row.outcome is Outcome.OK
    assert found.requests == len(world.server.requests) - 1  # that for the cookie
    for table, made in found.tables.items():
        assert (made.stored, made.written, made.samples, made.findings) == (True, True, (1,), ())
        assert made.frame is not None
        assert made.frame.height == made.rows > 0
        assert set(made.frame["candidate_id"]) == {f"c{n:02d}" for n in range(6)}, table
        assert len(world.store.get(made.key)) == made.size
    closure = found.tables[TrendsTable.CALIBRATED_INTEREST].closure
    assert closure is not None
    assert closure.triangles
    assert TrendsArchive(world.store, "xx_2027").coverage(found.place) == found.row


def test_nothing_is_asked_twice(google: StartGoogle) -> None:
    world = google()
    first = collector(world.store, world.clock, world.backend()).collect("fr", DAILY, TODAY, ALL)
    before = tables_of(world.store)
    again = collector(world.store, world.clock, world.backend()).collect("fr", DAILY, TODAY, ALL)
    assert (again.requests, again.complete) == (0, True)
    assert not any(made.written for made in again.tables.values())
    assert tables_of(world.store) == before
    assert again.row == first.row
    assert len(world.server.requests) == 1 + first.requests


def test_france_then_the_world_asks_for_the_empty_geo(google: StartGoogle) -> None:
    """The library keeps the last geo where the next is empty: the world's tables would hold France."""
    world = google()
    backend = world.backend()
    for area in ("fr", "world"):
        start = len(world.server.requests)
        found = collector(world.store, world.clock, backend).collect(area, DAILY, TODAY, ALL)
        assert found.complete
        asked = {r.asked.geo for r in world.server.requests[start:] if r.asked.endpoint != "cookie"}
        assert asked == {"FR" if area == "fr" else ""}
        for made in found.tables.values():
            assert made.frame is not None
            assert set(made.frame["area"]) == {area}
    regions = said(found)[TrendsTable.INTEREST_BY_REGION]
    assert "DE" in set(regions["geo_code"])


# Blocks


def test_the_first_hour_asks_for_its_whole_block_and_the_others_cut(google: StartGoogle) -> None:
    world = google()
    hours = [HOURS[6], HOURS[4], HOURS[7], HOURS[5]]
    backend = world.backend()
    found = {h: collector(world.store, world.clock, backend).collect("fr", HOURLY, h, LINES) for h in hours}
    assert [each.requests > 0 for each in found.values()] == [True, False, False, False]
    block = place("fr", HOURLY, HOURS[4])
    assert {key.startswith(block.documents) for key in stored_documents(world.store)} == {True}
    assert {q.timeframe for q in questions(world.server)} == {"2027-02-01T04 2027-02-01T08"}
    for hour, each in found.items():
        assert each.row.outcome is Outcome.OK
        for made in each.tables.values():
            assert made.frame is not None
            assert set(made.frame["ts"]) == {hour.start + n * timedelta(minutes=1) for n in range(60)}
            assert set(made.frame["period_start"]) == {HOURS[4].start}
            assert set(made.frame["period_end"]) == {HOURS[7].end}
    requests = [TrendsArchive(world.store, "xx_2027").frame(place("fr", HOURLY, h), REQUESTS) for h in HOURS[4:8]]
    assert requests[0] is not None
    assert requests[0].height == len(world.server.requests) - 1
    assert requests[1:] == [None] * 3


def test_the_order_in_which_hours_are_collected_changes_nothing(google: StartGoogle, tmp_path: object) -> None:
    made = []
    for n, hours in enumerate((HOURS[8:12], HOURS[11:7:-1])):
        world = google()
        store = open_store(f"file://{tmp_path}/{n}")
        world = replace(world, store=store)
        backend = world.backend()
        found = {h: said(collector(store, world.clock, backend).collect("fr", HOURLY, h, LINES)) for h in hours}
        made.append([found[h] for h in HOURS[8:12]])
    for one, other in zip(*made, strict=True):
        for table in LINES:
            assert one[table].equals(other[table])


def test_a_block_that_is_not_over_is_not_asked(google: StartGoogle) -> None:
    world = google()
    world.clock.now = HOURS[7].start
    found = collector(world.store, world.clock, world.backend()).collect("fr", HOURLY, HOURS[5], LINES)
    assert (found.requests, found.complete, found.resume_at) == (0, False, HOURS[7].end)
    assert found.row.outcome is Outcome.NOT_RUN
    assert {u.reason for u in found.row.units} == {"its block ends at 2027-02-01T08:00:00Z: it is asked for after that"}
    assert not world.server.requests
    assert collector(world.store, world.clock, None).wanted_requests("fr", HOURLY, HOURS[5], LINES) == ()


# Who is asked about


def test_only_those_followed_in_the_window_are_asked(google: StartGoogle) -> None:
    gone = person(4, status=(DatedStatus(1), DatedStatus(-1, MONDAY)))
    late = person(5, since=MONDAY + DAY)
    some = person(6, until=MONDAY + 21 * HOUR)
    people = {p.key: p for p in (*(person(n) for n in range(4)), gone, late, some)}
    chosen = election(candidates=people)
    world = google()
    backend = world.backend()
    day = collector(world.store, world.clock, backend, chosen).collect("fr", DAILY, TODAY, ALL)
    followed = {"c00", "c01", "c02", "c03", "c06"}
    assert {u.candidate for u in day.row.units} == followed
    assert {k for q in questions(world.server) for k in q.keywords} == {f"/m/0nom{n}" for n in (0, 1, 2, 3, 6)}
    before, after = (
        collector(world.store, world.clock, backend, chosen).collect("fr", HOURLY, h, LINES) for h in HOURS[20:22]
    )
    assert {u.candidate for u in before.row.units} == followed
    assert {u.candidate for u in after.row.units} == followed - {"c06"}
    assert set(said(after)[LINES[0]]["candidate_id"]) == followed - {"c06"}


def test_a_window_that_is_not_planned_has_a_row_that_says_so(google: StartGoogle) -> None:
    world = google()
    day = Window(datetime(2026, 12, 1, tzinfo=UTC), datetime(2026, 12, 2, tzinfo=UTC))
    found = collector(world.store, world.clock, world.backend()).collect("fr", DAILY, day, ALL)
    assert (found.row.outcome, found.row.units, found.requests) == (Outcome.NOT_PLANNED, (), 0)
    assert not any(made.stored for made in found.tables.values())
    assert not world.server.requests


def test_a_table_outside_the_plan_works_by_hand_and_leaves_the_others_alone(google: StartGoogle) -> None:
    world = google()
    backend = world.backend()
    lines = collector(world.store, world.clock, backend).collect("fr", HOURLY, HOURS[4], LINES)
    found = collector(world.store, world.clock, backend).collect("fr", HOURLY, HOURS[4], [TOPICS])
    assert found.tables[TOPICS].stored
    assert [u for u in found.row.units if u.table in LINES] == list(lines.row.units)
    assert {u.outcome for u in found.row.units if u.table is TOPICS} <= {Outcome.OK, Outcome.EMPTY}
    assert found.complete


def test_tables_of_the_plan_that_no_run_has_made_are_not_run(google: StartGoogle) -> None:
    world = google()
    found = collector(world.store, world.clock, world.backend()).collect("fr", DAILY, TODAY, [TOPICS])
    assert Counter(u.outcome for u in found.row.units if u.table is not TOPICS) == {Outcome.NOT_RUN: 12}
    assert found.row.outcome is Outcome.PARTIAL


def test_an_area_that_the_election_does_not_have_is_refused(google: StartGoogle) -> None:
    world = google()
    with pytest.raises(ValueError, match="has no area 'mars'; allowed: fr, world"):
        collector(world.store, world.clock, None).collect("mars", DAILY, TODAY, ALL)


def test_a_keyword_that_changed_is_asked_from_the_next_partition_on(google: StartGoogle) -> None:
    world = google()
    backend = world.backend()
    collector(world.store, world.clock, backend).collect("fr", DAILY, TODAY, ALL)
    changed = person(2, trends=TrendsNames(term="Prénom Nom2"))
    chosen = election(candidates={**election().candidates, "c02": changed})
    again = collector(world.store, world.clock, backend, chosen).collect("fr", DAILY, TODAY, ALL)
    assert (again.requests, again.complete, again.row.outcome) == (0, True, Outcome.OK)
    refreshed = collector(world.store, world.clock, backend, chosen).collect(
        "fr", DAILY, TODAY, ALONE, refresh=world.clock.now
    )
    frame = said(refreshed)[TrendsTable.INTEREST_BY_REGION]
    assert set(frame.filter(pl.col("candidate_id") == "c02")["keyword"]) == {"Prénom Nom2"}


def test_a_candidate_who_came_later_is_asked_alone_beside_what_is_stored(google: StartGoogle) -> None:
    world = google()
    backend = world.backend()
    collector(world.store, world.clock, backend, election(6)).collect("fr", DAILY, TODAY, LINES)
    before = len(world.server.requests)
    found = collector(world.store, world.clock, backend, election(7)).collect("fr", DAILY, TODAY, LINES)
    assert found.complete
    asked = questions(world.server, before)
    assert all("/m/0nom6" in q.keywords for q in asked)
    assert 1 <= len(asked) <= 3
    assert not any(made.missing for made in found.tables.values())
    assert max(questions(world.server).values()) == 1


def test_candidates_who_share_a_keyword_are_told_so(google: StartGoogle) -> None:
    people = {**election(4).candidates, "z": person(9, key="z", trends=TrendsNames(topic_mid="/m/0nom0"))}
    world = google()
    found = collector(world.store, world.clock, world.backend(), election(candidates=people)).collect(
        "fr", DAILY, TODAY, LINES
    )
    units = {(u.table, u.candidate): u for u in found.row.units}
    assert units[LINES[0], "z"].outcome is Outcome.ERROR
    assert "another candidate's too" in (units[LINES[0], "z"].reason or "")
    assert units[LINES[0], "c00"].outcome is Outcome.OK


@pytest.mark.parametrize("count", [1, 2])
def test_an_election_of_one_or_two_candidates_is_collected(google: StartGoogle, count: int) -> None:
    world = google()
    chosen = election(count)
    found = collector(world.store, world.clock, world.backend(), chosen).collect("fr", DAILY, TODAY, ALL)
    assert (found.complete, found.row.outcome) == (True, Outcome.OK)
    assert not any(made.missing for made in found.tables.values())


# Gaps


def test_an_absent_widget_is_told_and_never_filled_with_a_neighbours_data(google: StartGoogle) -> None:
    world = google(faults=[TrendsFault(path=EXPLORE, drop_widget="GEO_MAP")])
    found = collector(world.store, world.clock, world.backend()).collect("fr", DAILY, TODAY, ALONE)
    regions = TrendsTable.INTEREST_BY_REGION
    (missing,) = found.tables[regions].missing
    assert (missing.outcome, missing.rows) == (Outcome.ERROR, 0)
    assert "no such widget" in (missing.reason or "")
    frame = said(found)[regions]
    assert missing.candidate not in set(frame["candidate_id"])
    assert frame["candidate_id"].n_unique() == 2
    assert found.complete
    assert not found.tables[TOPICS].missing
    again = collector(world.store, world.clock, world.backend()).collect("fr", DAILY, TODAY, ALONE)
    assert (again.requests, again.row) == (0, found.row)
    refreshed = collector(world.store, world.clock, world.backend()).collect(
        "fr", DAILY, TODAY, ALONE, refresh=world.clock.now
    )
    assert not refreshed.tables[regions].missing


def test_a_request_that_google_does_not_take_is_never_sent_again(google: StartGoogle) -> None:
    world = google(faults=[TrendsFault(path=EXPLORE, status=400)])
    found = collector(world.store, world.clock, world.backend()).collect("fr", DAILY, TODAY, ALONE)
    units = [u for u in found.row.units if u.table in ALONE]
    assert Counter(u.outcome for u in units) == {Outcome.ERROR: 3, Outcome.OK: 6}
    assert found.complete
    again = collector(world.store, world.clock, world.backend()).collect("fr", DAILY, TODAY, ALONE)
    assert (again.requests, again.row) == (0, found.row)
    requests = TrendsArchive(world.store, "xx_2027").frame(found.place, REQUESTS)
    assert requests is not None
    assert requests["error_kind"].to_list().count("invalid") == 1


def test_after_an_error_of_one_question_the_next_is_asked(google: StartGoogle) -> None:
    world = google(faults=[TrendsFault(path=EXPLORE, preset="server_error", times=3)])
    found = collector(world.store, world.clock, world.backend()).collect("fr", DAILY, TODAY, [TOPICS])
    (missing,) = found.tables[TOPICS].missing
    assert (missing.outcome, found.complete, found.stopped_by) == (Outcome.ERROR, False, None)
    again = collector(world.store, world.clock, world.backend()).collect("fr", DAILY, TODAY, [TOPICS])
    assert (again.requests, again.complete) == (2, True)
    assert not again.tables[TOPICS].missing
    assert max(questions(world.server).values()) == 1


def test_a_comparison_that_fails_makes_gaps_of_its_own_candidates_alone(google: StartGoogle) -> None:
    """Joined by repairs, the others are calibrated: one bad keyword must not hold back all of a partition."""
    world = google(faults=[TrendsFault(path=EXPLORE, preset="server_error", times=3)])
    chosen = election(8, trends=TrendsPlan(daily=LINES))
    found = collector(world.store, world.clock, world.backend(), chosen).collect("fr", DAILY, TODAY, LINES)
    assert (found.row.outcome, found.complete, found.stopped_by) == (Outcome.ERROR, False, None)
    for made in found.tables.values():
        assert {u.outcome for u in made.missing} == {Outcome.ERROR}
        assert len(made.missing) in (3, 5)
    rebuilt = collector(world.store, world.clock, None, chosen).collect("fr", DAILY, TODAY, LINES)
    assert rebuilt.row == found.row
    whole = collector(world.store, world.clock, world.backend(), chosen).collect("fr", DAILY, TODAY, LINES)
    assert (whole.row.outcome, whole.complete) == (Outcome.OK, True)
    assert max(questions(world.server).values()) == 1


def test_a_run_stops_where_google_does_not_answer_at_all(google: StartGoogle) -> None:
    world = google(faults=[TrendsFault(preset="server_error", times=99, path=EXPLORE)])
    found = collector(world.store, world.clock, world.backend()).collect("fr", DAILY, TODAY, ALL)
    assert found.requests == 12  # four questions, three times each
    assert {u.outcome for u in found.row.units} == {Outcome.ERROR}
    assert "in a row" in (found.stopped_by or "")
    assert not any(made.stored for made in found.tables.values())


def test_a_refused_run_ends_at_once_with_what_it_has_and_says_when_it_resumes(google: StartGoogle) -> None:
    world = google(faults=[TrendsFault(preset="too_many_requests", path=WIDGETS, skip=6)])
    found = collector(world.store, world.clock, world.backend()).collect("fr", DAILY, TODAY, ALL)
    assert found.row.outcome is Outcome.REFUSED
    assert found.resume_at is not None
    assert timedelta(0) < found.resume_at - world.clock.now <= timedelta(seconds=60)
    assert found.row.resume_at == iso(found.resume_at)
    assert all(u.outcome.settled or u.reason for u in found.row.units)
    assert {u.outcome for u in found.row.units} <= {Outcome.OK, Outcome.EMPTY, Outcome.REFUSED}
    asked = len(world.server.requests)
    cooling = collector(world.store, world.clock, world.backend()).collect("fr", DAILY, TODAY, ALL)
    assert len(world.server.requests) == asked
    assert (cooling.row.outcome, cooling.requests) == (Outcome.REFUSED, 0)
    rebuilt = collector(world.store, world.clock, None).collect("fr", DAILY, TODAY, ALL)
    assert rebuilt.row == cooling.row
    world.clock.now = found.resume_at
    whole = collector(world.store, world.clock, world.backend()).collect("fr", DAILY, TODAY, ALL)
    assert (whole.complete, whole.row.outcome, whole.row.resume_at) == (True, Outcome.OK, None)
    assert max(questions(world.server).values()) == 1


def test_a_partition_with_nothing_keeps_what_was_there(google: StartGoogle) -> None:
    world = google()
    found = collector(world.store, world.clock, world.backend()).collect("fr", DAILY, TODAY, [TOPICS])
    kept = world.store.get(found.tables[TOPICS].key)
    for key in list(stored_documents(world.store))[1:]:
        world.store.delete(key)
    fewer = collector(world.store, world.clock, None).collect("fr", DAILY, TODAY, [TOPICS])
    assert world.store.get(found.tables[TOPICS].key) == kept
    assert [f.check for f in fewer.tables[TOPICS].findings] == ["not_shrunk"]
    assert (fewer.tables[TOPICS].written, fewer.tables[TOPICS].rows) == (False, found.tables[TOPICS].rows)
    assert len(fewer.tables[TOPICS].missing) == 2


def test_a_run_makes_way_between_questions_and_the_next_goes_on(google: StartGoogle) -> None:
    world = google()
    backend = world.backend()
    runs = []
    for _ in range(99):
        runs.append(
            collector(world.store, world.clock, backend).collect("fr", DAILY, TODAY, ALL, should_yield=lambda: True)
        )
        if runs[-1].complete:
            break
    *parts, whole = runs
    assert len(parts) == 3
    assert all(part.yielded and part.requests for part in parts)
    assert {part.row.outcome for part in parts} == {Outcome.PARTIAL}
    assert (whole.yielded, whole.row.outcome) == (False, Outcome.OK)
    assert max(questions(world.server).values()) == 1


def test_long_runs_make_way_once_a_block_of_hours_has_ended() -> None:
    clock = Clock(datetime(2027, 2, 1, 5, 30, tzinfo=UTC))
    should_yield = until_block_ends(clock)
    told = []
    for hour, minute in ((5, 30), (7, 59), (8, 9), (8, 10), (9, 0)):
        clock.now = datetime(2027, 2, 1, hour, minute, tzinfo=UTC)
        told.append(should_yield())
    assert told == [False, False, False, True, True]


# Samples


def test_the_ladder_of_a_day_is_asked_again_on_the_eighth_day(google: StartGoogle) -> None:
    world = google()
    first = collector(world.store, world.clock, world.backend()).collect("fr", DAILY, TODAY, ALL)
    asked = questions(world.server)
    world.clock.now = TODAY.end + 7 * DAY - timedelta(seconds=1)
    assert collector(world.store, world.clock, None).wanted_requests("fr", DAILY, TODAY, ALL) == ()
    world.clock.now = TODAY.end + 7 * DAY
    wanted = collector(world.store, world.clock, None).wanted_requests("fr", DAILY, TODAY, ALL)
    assert {w.request.sample_no for w in wanted} == {2}
    start = len(world.server.requests)
    second = collector(world.store, world.clock, world.backend()).collect("fr", DAILY, TODAY, ALL)
    again = questions(world.server, start)
    assert again.keys() == {q for q in asked if q.widget == "TIMESERIES"}
    assert set(again.values()) == {1}
    assert (second.complete, second.row.outcome) == (True, Outcome.OK)
    for table in LINES:
        made = second.tables[table]
        assert made.samples == (1, 2)
        assert made.rows == 2 * first.tables[table].rows
        assert made.frame is not None
        assert set(made.frame["sample_no"]) == {2}
        assert set(made.frame["sample_kind"]) == {"archive"}
        stored = TrendsArchive(world.store, "xx_2027").frame(
            second.place, {LINES[0]: INTEREST_OVER_TIME, LINES[1]: CALIBRATED_INTEREST}[table]
        )
        assert stored is not None
        assert set(stored["sample_no"]) == {1, 2}
        assert latest_sample(stored).equals(made.frame)
    for table in ALONE:
        assert (second.tables[table].samples, second.tables[table].written) == ((1,), False)
    world.clock.now += DAY
    assert collector(world.store, world.clock, None).wanted_requests("fr", DAILY, TODAY, ALL) == ()


def test_half_a_second_sample_hides_nothing_of_the_first(google: StartGoogle) -> None:
    world = google()
    chosen = election(6, trends=TrendsPlan(daily=LINES))
    first = collector(world.store, world.clock, world.backend(), chosen).collect("fr", DAILY, TODAY, LINES)
    world.clock.now = TODAY.end + 7 * DAY
    world.server.faults.add(TrendsFault(preset="too_many_requests", path=WIDGETS, skip=1))
    half = collector(world.store, world.clock, world.backend(), chosen).collect("fr", DAILY, TODAY, LINES)
    assert half.requests > 2
    assert (half.row.outcome, half.complete) == (Outcome.OK, False)
    assert half.row.resume_at is not None
    assert any("sample 2" in text for text in half.pending)
    assert [half.tables[t].samples for t in LINES] == [(1,), (1,)]
    assert said(half)[LINES[0]].equals(said(first)[LINES[0]])
    assert half.resume_at is not None
    world.clock.now = half.resume_at
    whole = collector(world.store, world.clock, world.backend(), chosen).collect("fr", DAILY, TODAY, LINES)
    assert (whole.complete, whole.tables[LINES[0]].samples) == (True, (1, 2))


def test_hours_and_days_that_were_asked_late_have_one_sample(google: StartGoogle) -> None:
    world = google()
    world.clock.now = TODAY.end + 20 * DAY
    for cadence, window in ((HOURLY, HOURS[3]), (DAILY, TODAY), (WEEKLY, WEEK)):
        found = collector(world.store, world.clock, world.backend()).collect("fr", cadence, window, LINES)
        assert found.complete
        world.clock.now += 8 * DAY
        assert collector(world.store, world.clock, None).wanted_requests("fr", cadence, window, LINES) == ()


def test_a_refresh_asks_everything_once_more_as_the_next_sample(google: StartGoogle) -> None:
    world = google()
    first = collector(world.store, world.clock, world.backend()).collect("fr", DAILY, TODAY, ALL)
    world.server.faults.add(TrendsFault(preset="too_many_requests", path=WIDGETS, skip=4))
    since = world.clock.now
    refused = collector(world.store, world.clock, world.backend()).collect("fr", DAILY, TODAY, ALL, refresh=since)
    assert refused.resume_at is not None
    world.clock.now = refused.resume_at
    whole = collector(world.store, world.clock, world.backend()).collect("fr", DAILY, TODAY, ALL, refresh=since)
    assert whole.complete
    assert {made.samples for made in whole.tables.values()} == {(1, 2)}
    assert set(questions(world.server).values()) == {2}
    assert all(whole.tables[t].rows >= first.tables[t].rows for t in ALL)


# The ladder's order


def test_the_next_ladder_starts_from_the_last_estimates(google: StartGoogle) -> None:
    world = google()
    backend = world.backend()
    chosen = election(8)
    archive = TrendsArchive(world.store, "xx_2027")
    days = [Window(MONDAY + n * DAY, MONDAY + (n + 1) * DAY) for n in (-2, -1, 0)]
    for day in (days[1], days[2], days[0]):
        collector(world.store, world.clock, backend, chosen).collect("fr", DAILY, day, LINES)
    unknown, known, middle = (archive.pinned(place("fr", DAILY, day)) for day in (days[1], days[2], days[0]))
    assert unknown is not None
    assert known is not None
    assert middle is not None
    assert [unknown.known, known.known, middle.known] == [False, True, True]
    true = sorted(chosen.candidates, key=lambda c: -_share(chosen.candidates[c].trends.topic_mid or "", days[1]))
    seen = list(known.named)[:5]
    assert [c for c in true if c in seen] == seen
    state = archive.ladder_state("fr", DAILY)
    assert state is not None
    assert state.block_start == "2027-02-01T00:00:00Z"  # an older day, collected later, does not replace it
    assert set(state.order) == set(chosen.candidates)
    assert archive.ladder_state("world", DAILY) is None


def _share(keyword: str, window: Window) -> float:
    return WORLD.share(keyword, "FR", window.start, window.end)


def test_a_pinned_ladder_is_kept_whatever_changed_since(google: StartGoogle) -> None:
    world = google(faults=[TrendsFault(preset="too_many_requests", path=WIDGETS, skip=1)])
    chosen = election(8)
    first = collector(world.store, world.clock, world.backend(), chosen).collect("fr", DAILY, TODAY, LINES)
    assert first.resume_at is not None
    pinned = world.store.get(first.place.ladder)
    world.clock.now = first.resume_at
    other = Window(MONDAY - DAY, MONDAY)
    collector(world.store, world.clock, world.backend(), chosen).collect("fr", DAILY, other, LINES)
    assert TrendsArchive(world.store, "xx_2027").ladder_state("fr", DAILY) is not None
    whole = collector(world.store, world.clock, world.backend(), chosen).collect("fr", DAILY, TODAY, LINES)
    assert whole.complete
    assert world.store.get(first.place.ladder) == pinned
    assert max(questions(world.server).values()) == 1


# Rebuilding


def test_every_table_is_rebuilt_from_documents_with_the_same_bytes(google: StartGoogle) -> None:
    world = google()
    backend = world.backend()
    for cadence, window, tables in ((HOURLY, HOURS[5], LINES), (DAILY, TODAY, ALL), (WEEKLY, WEEK, ALL)):
        collector(world.store, world.clock, backend).collect("fr", cadence, window, tables)
    before = tables_of(world.store)
    asked = len(world.server.requests)
    for replay in (None, TrendsReplay(world.store, "xx_2027")):
        for key in before:
            world.store.delete(key)
        for cadence, window, tables in ((HOURLY, HOURS[5], LINES), (DAILY, TODAY, ALL), (WEEKLY, WEEK, ALL)):
            found = collector(world.store, world.clock, replay).collect("fr", cadence, window, tables)
            assert (found.requests, found.complete) == (0, True)
        assert tables_of(world.store) == before
    assert len(world.server.requests) == asked


def test_a_lost_ladder_is_read_off_its_documents(google: StartGoogle) -> None:
    world = google()
    found = collector(world.store, world.clock, world.backend(), election(8)).collect("fr", DAILY, TODAY, LINES)
    before = tables_of(world.store)
    world.store.delete(found.place.ladder)
    again = collector(world.store, world.clock, world.backend(), election(8)).collect("fr", DAILY, TODAY, LINES)
    assert (again.requests, again.row) == (0, found.row)
    assert tables_of(world.store) == before


def test_the_documents_are_what_the_wire_said(google: StartGoogle) -> None:
    world = google()
    collector(world.store, world.clock, world.backend()).collect("fr", DAILY, TODAY, ALL)
    documents = stored_documents(world.store).values()
    assert Counter(question_of(d) for d in documents) == questions(world.server)
    assert {d.endpoint for d in documents} == set(Endpoint) - {Endpoint.EXPLORE}


@pytest.mark.parametrize(
    ("what", "content"), [("document", b"no gzip"), ("ladder", b"{}"), ("state", b'{"version": 99}')]
)
def test_a_damaged_object_is_named_and_nothing_is_asked(google: StartGoogle, what: str, content: bytes) -> None:
    world = google()
    found = collector(world.store, world.clock, world.backend()).collect("fr", DAILY, TODAY, LINES)
    key = {"document": next(iter(stored_documents(world.store))), "ladder": found.place.ladder, "state": STATE}[what]
    world.store.put(key, content)
    asked = len(world.server.requests)
    before = tables_of(world.store)
    with pytest.raises(ArchiveDamaged, match=key):
        collector(world.store, world.clock, world.backend()).collect("fr", DAILY, TODAY, LINES)
    assert len(world.server.requests) == asked
    assert tables_of(world.store) == before


def test_a_damaged_order_is_made_again(google: StartGoogle) -> None:
    world = google()
    collector(world.store, world.clock, world.backend(), election(6)).collect("fr", HOURLY, HOURS[0], LINES)
    state = world.store.get(HOURLY_STATE)
    world.store.put(HOURLY_STATE, b"{")
    found = collector(world.store, world.clock, None, election(6)).collect("fr", HOURLY, HOURS[0], LINES)
    assert found.complete
    assert world.store.get(HOURLY_STATE) == state


def test_what_a_newer_version_made_is_not_replaced(google: StartGoogle) -> None:
    world = google()
    world.store.put(place("fr", DAILY, TODAY).coverage, b'{"schema_version": 999}')
    with pytest.raises(ArchiveDamaged, match="schema version 999"):
        collector(world.store, world.clock, world.backend()).collect("fr", DAILY, TODAY, LINES)
    assert not world.server.requests


def test_a_plan_without_tables_at_a_cadence_still_makes_what_is_asked_by_hand(google: StartGoogle) -> None:
    world = google()
    chosen = election(trends=TrendsPlan(hourly=(), daily=(), weekly=()))
    found = collector(world.store, world.clock, world.backend(), chosen).collect("fr", DAILY, TODAY, [TOPICS])
    assert (found.complete, found.tables[TOPICS].stored, len(found.row.units)) == (True, True, 3)
