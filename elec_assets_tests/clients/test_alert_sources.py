"""What the store tells alerts; what cannot have changed is read once."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from elec_assets.clients.alert_sources import AlertSources, Coverage, search_over_budget, trends_refused
from elec_assets.clients.kaggle_states import Entry, Ledger, Publication, State
from elec_assets.clients.search_fill import page_usd
from elec_assets.clients.spend_ledger import SpendLedger
from elec_assets.clients.store import Store
from elec_assets.clients.trends_pace import Pace
from elec_assets.domain import layout, layout_trends
from elec_assets.domain.intervals import Intervals
from elec_assets.domain.layout_trends import TrendsPlace
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.prices import Prices
from elec_assets.domain.trends import Cadence, TrendsTable
from elec_assets.domain.windows import HOUR, Grain, Window, epoch_ms
from elec_assets.transforms import coverage, trends_coverage
from elec_assets.transforms.coverage import Counts
from elec_assets.transforms.trends_coverage import TrendsCoverage, Unit

NOW = datetime(2027, 2, 1, 12, 45, tzinfo=UTC)
NOTHING = Counts(rows=0, received=0, duplicates=0, strays=0, rejects=0, raw_objects=0, queries=0)


def put_hour(store: Store, ago: int, captured_s: int, cause: Outcome = Outcome.PARTIAL) -> None:
    start = datetime(2027, 2, 1, 12, tzinfo=UTC) - ago * HOUR
    hour = Window(start, start + HOUR)
    row = coverage.hour_coverage(
        "fr",
        hour,
        planned=Intervals.between(hour),
        captured=Intervals.between(Window(start, start + timedelta(seconds=captured_s))),
        filled=Intervals(),
        causes={cause: "said"},
        counts=NOTHING,
    )
    store.put(layout.coverage_row("fr", "twitter", hour, Grain.HOUR), coverage.encode(row))


def test_the_last_day_is_the_sealed_hours_that_should_be_there(on_disk: Store) -> None:
    """At 12:45 the hour from 12:00 is not over, that from 11:00 is sealed."""
    put_hour(on_disk, 0, 1)
    put_hour(on_disk, 1, 1800, Outcome.REFUSED)
    put_hour(on_disk, 24, 3600)
    put_hour(on_disk, 25, 1)
    assert AlertSources().last_day(on_disk, "fr", NOW, 1) == Coverage(0.75, Outcome.REFUSED)
    assert AlertSources().last_day(on_disk, "other", NOW, 1) is None


def test_hours_are_read_again_when_one_was_made_or_the_hour_turned(on_disk: Store) -> None:
    sources = AlertSources()
    put_hour(on_disk, 1, 1800)
    assert sources.last_day(on_disk, "fr", NOW, 1) == Coverage(0.5, Outcome.PARTIAL)
    put_hour(on_disk, 1, 3600)
    assert sources.last_day(on_disk, "fr", NOW, 1) == Coverage(0.5, Outcome.PARTIAL), "nothing was made since"
    assert sources.last_day(on_disk, "fr", NOW, 2) == Coverage(1.0, Outcome.EMPTY)


def test_a_row_that_cannot_be_read_is_left_to_sealing(on_disk: Store) -> None:
    put_hour(on_disk, 1, 1800)
    start = datetime(2027, 2, 1, 10, tzinfo=UTC)
    on_disk.put(layout.coverage_row("fr", "twitter", Window(start, start + HOUR), Grain.HOUR), b"{")
    assert AlertSources().last_day(on_disk, "fr", NOW, 1) == Coverage(0.5, Outcome.PARTIAL)


def test_a_partition_of_google_trends_is_its_settled_share(on_disk: Store) -> None:
    day = datetime(2027, 1, 31, tzinfo=UTC)
    place = TrendsPlace("fr", "fr", Cadence.DAILY, Window(day, day + timedelta(days=1)))
    units = tuple(
        Unit(table=TrendsTable.INTEREST_OVER_TIME, candidate=f"c{n}", outcome=outcome, rows=0)
        for n, outcome in enumerate((Outcome.OK, Outcome.EMPTY, Outcome.OK, Outcome.REFUSED))
    )
    row = TrendsCoverage(
        election="fr",
        area="fr",
        window=Cadence.DAILY,
        partition="2027-01-31",
        outcome=Outcome.REFUSED,
        resume_at=None,
        units=units,
    )
    sources = AlertSources()
    assert sources.partition(on_disk, place, ()) is None
    on_disk.put(place.coverage, trends_coverage.encode(row))
    assert sources.partition(on_disk, place, (1,)) == Coverage(0.75, Outcome.REFUSED)
    on_disk.put(place.coverage, b"{")
    assert sources.partition(on_disk, place, (1,)) == Coverage(0.75, Outcome.REFUSED)
    assert sources.partition(on_disk, place, (2,)) is None


def publication(state: State, at: str, dataset: str = "owner/slug") -> Publication:
    return Publication(
        dataset=dataset,
        state=state,
        notes="",
        content_sha256="",
        metadata_sha256="",
        started_at=at,
        changed_at=at,
    )


def test_the_newest_release_is_the_last_that_was_verified(on_disk: Store) -> None:
    sources, ledger = AlertSources(), Ledger(on_disk)
    assert sources.released_at(on_disk, "owner/slug") is None
    first, second = "2027_03-00000000", "2027_04-00000000"
    ledger.write(Entry(release_id=first, publications=[publication(State.DONE, "2027-01-20T05:00:00Z")]))
    failed = [publication(State.FAILED, "2027-01-27T05:00:00Z")]
    ledger.write(Entry(release_id=second, publications=failed))
    on_disk.put("releases/ledger/2027_05-00000000.json", b"{")
    assert sources.released_at(on_disk, "owner/slug") == datetime(2027, 1, 20, 5, tzinfo=UTC)
    assert sources.released_at(on_disk, "another/slug") is None
    again = [*failed, publication(State.VERIFIED, "2027-01-28T05:00:00Z")]
    ledger.write(Entry(release_id=second, publications=again))
    assert sources.released_at(on_disk, "owner/slug") == datetime(2027, 1, 28, 5, tzinfo=UTC)


def test_a_release_that_changed_nothing_is_one_on_time(on_disk: Store) -> None:
    """Each morning's run told "Kaggle shows the same already", and on Friday the release was told as late (2026-11-22).

    Only versions were counted: an unchanged release left nothing in the ledger.
    """
    sources, ledger = AlertSources(), Ledger(on_disk)
    shown = publication(State.DONE, "2027-04-06T05:40:00Z")
    ledger.write(Entry(release_id="2027_13-00000000", publications=[shown]))
    assert sources.released_at(on_disk, "owner/slug") == datetime(2027, 4, 6, 5, 40, tzinfo=UTC)
    checked = msgspec.structs.replace(shown, checked_at="2027-04-09T05:31:00Z")
    ledger.write(Entry(release_id="2027_13-00000000", publications=[checked]))
    assert sources.released_at(on_disk, "owner/slug") == datetime(2027, 4, 9, 5, 31, tzinfo=UTC)


def test_searches_are_stopped_when_the_next_page_does_not_fit_the_budget(on_disk: Store) -> None:
    prices = Prices(0.005, 0.010)
    budget = page_usd(prices) + 1
    assert not search_over_budget(on_disk, "x_search", budget, prices, NOW)
    SpendLedger(on_disk, "x_search", budget, lambda: NOW).reserve("call", 1.5)
    assert search_over_budget(on_disk, "x_search", budget, prices, NOW)
    assert not search_over_budget(on_disk, "x_search", budget, prices, NOW + timedelta(days=28)), "another month"
    on_disk.put(layout.spend_ledger("x_search", NOW), b"{")
    assert not search_over_budget(on_disk, "x_search", budget, prices, NOW), "the run that needs it fails, and is told"


@pytest.mark.parametrize(
    ("refused_ago", "resume_in", "told"), [(5, 1, False), (5, 40, True), (300, -1, False), (10, 25, True)]
)
def test_a_long_cool_down_is_told_while_it_lasts(on_disk: Store, refused_ago: int, resume_in: int, told: bool) -> None:
    since, until = NOW - timedelta(minutes=refused_ago), NOW + timedelta(minutes=resume_in)
    pace = Pace(1, epoch_ms(NOW), 90.0, 90.0, refused_at_ms=epoch_ms(since), resume_at_ms=epoch_ms(until))
    on_disk.put(layout_trends.governor(), msgspec.json.encode(pace))
    assert trends_refused(on_disk, NOW) == ((since, until) if told else None)


def test_without_a_governor_or_with_a_damaged_one_nothing_is_told(on_disk: Store) -> None:
    assert trends_refused(on_disk, NOW) is None
    on_disk.put(layout_trends.governor(), b"{")
    assert trends_refused(on_disk, NOW) is None
