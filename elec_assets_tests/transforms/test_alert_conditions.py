"""What is found becomes conditions: keys that stay, texts without numbers that identify, causes that mute."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from elec_assets.domain.due import Late
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.release_due import LateRelease
from elec_assets.domain.watches import Schedule, Watch
from elec_assets.domain.windows import HOUR, Window
from elec_assets.transforms.alert_conditions import KINDS, conditions
from elec_assets.transforms.alert_facts import (
    Captured,
    CheckFailed,
    Covered,
    Disk,
    Facts,
    Product,
    RunsFailed,
    Stale,
    Watched,
)
from elec_assets.transforms.alert_state import Condition, Rules, Severity, State
from elec_assets.transforms.alerts import advance
from elec_assets.transforms.sms import septets
from elec_assets.transforms.watch_state import SeenWatch

NOW = datetime(2027, 2, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WATCH = Watch("w", "bucket", "data/", 600)
NOTHING = Facts(now=NOW, watching=True, seen_at=NOW)


def late(ago: timedelta, *, fail: bool, missing: int = 1) -> Late:
    hour = NOW.replace(minute=0) - 2 * HOUR
    return Late(Window(hour, hour + HOUR), missing, NOW - ago, fail)


def product(name: str, judged: str = "", **found: Late | Stale) -> Product:
    return replace(Product("fr", name, judged or name, "Europe/Paris"), **found)  # type: ignore[arg-type]  # by name


def by_key(facts: Facts) -> dict[str, Condition]:
    found = conditions(facts)
    assert len({each.key for each in found}) == len(found)
    return {each.key: each for each in found}


def seen(state: str = "found", fresh_ago: timedelta | None = MINUTE, since_ago: timedelta = MINUTE) -> SeenWatch:
    fresh_at = None if fresh_ago is None else NOW - fresh_ago
    return SeenWatch(state=state, since=NOW - since_ago, fresh_at=fresh_at)


def everything() -> Facts:
    """One of each kind."""
    return replace(
        NOTHING,
        seen_at=NOW - 20 * MINUTE,
        products=[product("twitter/tweets", late=late(HOUR, fail=True, missing=3))],
        watched=[Watched(WATCH, seen("no bucket"))],
        runs=[RunsFailed("fr/candidates", 2, "", NOW - HOUR, NOW + HOUR)],
        checks=[CheckFailed("kaggle/staged", "gate", blocking=True, since=NOW)],
        covered=[
            Covered("fr/twitter/tweets", "Europe/Paris", 0.5, "last day's planned time", Outcome.REFUSED),
            Covered("fr/google_trends/fr/daily", "Europe/Paris", 0.9, "newest partition", Outcome.OVER_BUDGET),
        ],
        captured=Captured(0.97, near_full=True, upload_problem_since=NOW - HOUR, over_budget=True, problems=1),
        disks=[Disk("store", 1_000_000_000)],
        release=LateRelease(NOW - HOUR, fail=False),
    )


def test_nothing_is_wrong_where_nothing_was_found() -> None:
    assert conditions(NOTHING) == ()


def test_every_kind_is_known() -> None:
    kinds = {key.partition(":")[0] for key in by_key(everything())}
    assert kinds == set(KINDS) - {"silences"}


def test_a_failed_run_alone_is_forgotten_at_some_time() -> None:
    forgotten = {key: found.forget_at for key, found in by_key(everything()).items() if found.forget_at is not None}
    assert forgotten == {"run_failed:fr/candidates": NOW + HOUR}


def test_every_text_is_short_and_of_the_alphabet_of_sms() -> None:
    for condition in conditions(everything()):
        assert 0 < (septets(condition.wrong) or 0) <= 60, condition
        assert condition.since <= NOW


def test_what_the_calendar_and_what_dagster_say_of_a_product_is_one_condition() -> None:
    stale = Stale("FAIL", NOW - 3 * HOUR)
    both = product("twitter/tweets", late=late(HOUR, fail=False, missing=2), stale=stale)
    [condition] = conditions(replace(NOTHING, products=[both]))
    assert condition.key == "late:fr/twitter/tweets"
    assert (condition.severity, condition.since) == (Severity.CRITICAL, NOW - 3 * HOUR)
    assert condition.wrong == "1h00m late, 2 missing"
    assert condition.timezone == "Europe/Paris"


def test_a_backfill_that_makes_an_asset_fresh_hides_nothing() -> None:
    """Dagster says PASS, which is no `Stale`; the newest planned partition is missing all the same."""
    [condition] = conditions(replace(NOTHING, products=[product("twitter/tweets", late=late(100 * MINUTE, fail=True))]))
    assert (condition.severity, condition.wrong) == (Severity.CRITICAL, "1h40m late")


@pytest.mark.parametrize(
    ("state", "severity", "wrong"),
    [
        ("WARN", Severity.WARNING, "nothing new for its window (warn)"),
        ("FAIL", Severity.CRITICAL, "nothing new for its window (fail)"),
        ("UNKNOWN", Severity.CRITICAL, "never made"),
    ],
)
def test_each_state_of_dagster_has_its_own_words(state: str, severity: Severity, wrong: str) -> None:
    facts = replace(NOTHING, products=[product("twitter/weekly", stale=Stale(state, NOW - HOUR))])
    [condition] = conditions(facts)
    assert (condition.severity, condition.wrong) == (severity, wrong)


def test_an_outage_upstream_speaks_for_all_that_it_makes_late() -> None:
    """One message, not five: batches, hours, week, coverage and release are late together."""
    names = ["twitter/batches", "twitter/tweets", "twitter/weekly", "twitter/volume", "coverage/weekly"]
    facts = replace(
        NOTHING,
        products=[product(name, late=late(HOUR, fail=True)) for name in names],
        release=LateRelease(NOW, fail=True),
    )
    causes = {key: each.cause for key, each in by_key(facts).items()}
    assert causes["late:fr/twitter/batches"] is None
    assert causes["late:fr/twitter/tweets"] == "late:fr/twitter/batches"
    assert causes["late:fr/twitter/weekly"] == "late:fr/twitter/tweets"
    assert causes["late:fr/coverage/weekly"] == "late:fr/twitter/tweets"
    assert causes["late:kaggle/dataset"] == "late:fr/twitter/weekly"
    rules, state = Rules(alive=False), State()
    for tick in range(2):
        state = advance(state, conditions(facts), (), NOW + tick * MINUTE, rules)
    assert state.outbox is not None
    assert state.outbox.opened == (state.incidents["late:fr/twitter/batches"].id,)


def test_a_warning_upstream_never_mutes_what_is_critical() -> None:
    products = [
        product("google_trends/fr/daily", "google_trends/daily", late=late(HOUR, fail=True)),
    ]
    facts = replace(NOTHING, products=products, trends_refused=(NOW - HOUR, NOW + HOUR))
    found = by_key(facts)
    assert found["late:fr/google_trends/fr/daily"].cause == "refused:google_trends"
    state = advance(State(), found.values(), (), NOW, Rules(ticks=1, alive=False))
    assert state.incidents["late:fr/google_trends/fr/daily"].muted == ""


def test_any_late_table_of_google_trends_explains_late_weekly_files() -> None:
    facts = replace(
        NOTHING,
        products=[
            product("google_trends/weekly", "google_trends/rollup", late=late(HOUR, fail=False)),
            product("google_trends/fr/daily", "google_trends/daily", late=late(HOUR, fail=True)),
        ],
    )
    assert by_key(facts)["late:fr/google_trends/weekly"].cause == "late:fr/google_trends/fr/daily"


def test_old_data_of_a_prefix_is_late_by_the_severity_of_its_watch() -> None:
    old = Watched(replace(WATCH, severity="warning"), seen(fresh_ago=timedelta(hours=25, seconds=10)))
    [condition] = conditions(replace(NOTHING, watched=[old]))
    assert (condition.key, condition.severity) == ("late:watch/w", Severity.WARNING)
    assert condition.wrong == "newest data 25h00m old (max 10m)"
    assert condition.since == NOW - timedelta(hours=24, minutes=50, seconds=10)


def test_a_healthy_prefix_does_not_grow_old_between_two_looks() -> None:
    """Prefixes are looked at once a minute, alerts twice: with a threshold of 60 s a file every 10 s was an outage."""
    often, looked = replace(WATCH, threshold_s=60), NOW - timedelta(seconds=55)
    facts = replace(NOTHING, seen_at=looked)
    assert conditions(replace(facts, watched=[Watched(often, seen(fresh_ago=timedelta(seconds=65)))])) == ()
    [old] = conditions(replace(facts, watched=[Watched(often, seen(fresh_ago=timedelta(seconds=120)))]))
    assert (old.key, old.since) == ("late:watch/w", NOW - MINUTE)


def test_an_empty_prefix_is_late_and_says_so() -> None:
    [condition] = conditions(replace(NOTHING, watched=[Watched(WATCH, seen("empty", None))]))
    assert (condition.key, condition.wrong) == ("late:watch/w", "no data (max 10m)")


@pytest.mark.parametrize("state", ["no bucket", "no permission", "no answer"])
def test_a_prefix_that_cannot_be_listed_is_never_taken_for_old(state: str) -> None:
    """Its data was new when it was last seen, an hour ago: nobody knows how new it is now."""
    unseen = Watched(WATCH, seen(state, fresh_ago=61 * MINUTE, since_ago=60 * MINUTE))
    [condition] = conditions(replace(NOTHING, watched=[unseen]))
    assert (condition.key, condition.wrong, condition.severity) == ("unreadable:watch/w", state, Severity.CRITICAL)
    [fresh] = conditions(replace(NOTHING, watched=[Watched(WATCH, seen(state, since_ago=5 * MINUTE))]))
    assert fresh.severity is Severity.WARNING


def test_data_that_was_late_before_its_prefix_could_not_be_listed_is_not_over_by_that() -> None:
    unseen = Watched(WATCH, seen("no permission", fresh_ago=3 * HOUR, since_ago=HOUR))
    found = by_key(replace(NOTHING, watched=[unseen]))
    assert found["late:watch/w"].cause == "unreadable:watch/w"


def test_a_watch_outside_its_hours_is_not_late() -> None:
    office = replace(WATCH, schedule=Schedule("Europe/Paris", days=(5, 6)))  # a Monday
    assert conditions(replace(NOTHING, watched=[Watched(office, seen(fresh_ago=9 * HOUR))])) == ()


@pytest.mark.parametrize(
    ("ago", "severity"),
    [(4 * MINUTE, None), (6 * MINUTE, Severity.WARNING), (16 * MINUTE, Severity.CRITICAL)],
)
def test_who_looks_at_prefixes_is_itself_watched(ago: timedelta, severity: Severity | None) -> None:
    found = by_key(replace(NOTHING, seen_at=NOW - ago))
    assert (found["unseen:watched_prefixes"].severity if found else None) is severity


def test_where_nothing_is_watched_nobody_has_to_look() -> None:
    assert conditions(replace(NOTHING, watching=False, seen_at=None)) == ()


def test_coverage_warns_below_its_threshold_and_a_refusal_explains_it() -> None:
    covered = Covered("fr/twitter/tweets", "Europe/Paris", 0.949, "last day's planned time", Outcome.REFUSED)
    found = by_key(replace(NOTHING, covered=[covered]))
    assert found["coverage:fr/twitter/tweets"].severity is Severity.WARNING
    assert found["coverage:fr/twitter/tweets"].cause == "refused:fr/twitter/tweets"
    assert found["refused:fr/twitter/tweets"].severity is Severity.CRITICAL
    fine = replace(covered, share=0.95, outcome=Outcome.PARTIAL)
    assert conditions(replace(NOTHING, covered=[fine])) == ()
    bad = replace(covered, share=0.79, outcome=Outcome.PARTIAL)
    assert conditions(replace(NOTHING, covered=[bad]))[0].severity is Severity.CRITICAL


def test_a_check_that_blocks_is_critical_and_another_warns() -> None:
    checks = [
        CheckFailed("kaggle/staged", "gate", blocking=True, since=NOW),
        CheckFailed("fr/twitter/tweets", "ids_unique", blocking=False, since=NOW),
    ]
    found = by_key(replace(NOTHING, checks=checks))
    assert found["check_failed:kaggle/staged:gate"].severity is Severity.CRITICAL
    assert found["check_failed:fr/twitter/tweets:ids_unique"].severity is Severity.WARNING


def test_a_full_spool_and_a_full_disk_are_louder_than_nearly_full_ones() -> None:
    calm = Captured(0.9, near_full=True, upload_problem_since=NOW - MINUTE, over_budget=False, problems=0)
    found = by_key(replace(NOTHING, captured=calm, disks=[Disk("spool", 1_900_000_000), Disk("store", 5_000_000_000)]))
    assert {key: each.severity for key, each in found.items()} == {
        "spool:capture": Severity.WARNING,
        "disk:spool": Severity.WARNING,
    }
    full = replace(calm, used_share=1.0, upload_problem_since=NOW - HOUR, over_budget=True)
    found = by_key(replace(NOTHING, captured=full, disks=[Disk("store", 400_000_000)]))
    assert {key for key, each in found.items() if each.severity is Severity.CRITICAL} == {
        "spool:capture",
        "upload:capture",
        "budget:x_capture",
        "disk:store",
    }


def test_what_stops_the_collector_explains_that_no_batches_come() -> None:
    captured = Captured(1.0, near_full=True, upload_problem_since=None, over_budget=False, problems=0)
    facts = replace(NOTHING, captured=captured, products=[product("twitter/batches", late=late(HOUR, fail=True))])
    assert by_key(facts)["late:fr/twitter/batches"].cause == "spool:capture"
