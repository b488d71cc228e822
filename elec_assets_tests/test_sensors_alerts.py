"""The alert sensor over a whole deployment: what opens, what stays muted, what ends, and what is never told."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange

from elec_assets.clients.sns import SnsTargetInvalid
from elec_assets.clients.store import StoreError
from elec_assets.dagster_state import RUNS_COUNT
from elec_assets.definitions import build_definitions
from elec_assets.domain import layout, layout_alerts
from elec_assets.domain.intervals import Intervals
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.windows import HOUR, Grain, Window, key_of, window_of_key
from elec_assets.settings import Settings
from elec_assets.transforms.alert_state import Rules, Severity
from elec_assets.transforms.coverage import Counts, hour_coverage
from elec_assets.transforms.coverage import encode as encode_row
from elec_assets_tests.alerting import GATE, PHONE, START, Alerting, names, settings_of
from elec_assets_tests.clients.sns_place import refusing, sent_sms
from elec_assets_tests.deployment import ELECTION, REGISTRY, write_registry

MINUTE = timedelta(minutes=1)
TWEETS, BATCHES = f"late:{ELECTION}/twitter/tweets", f"late:{ELECTION}/twitter/batches"


@pytest.fixture
def alerting(tmp_path: Path, instance: dg.DagsterInstance, moto: str) -> Alerting:
    assert moto
    return Alerting(tmp_path, write_registry(tmp_path), instance, settings_of(tmp_path))


def sms(endpoint: str) -> list[str]:
    return [text for _, text in sent_sms(endpoint)]


def test_a_healthy_deployment_says_that_it_is_alive_and_nothing_else(alerting: Alerting, moto: str) -> None:
    before = len(sms(moto))
    alerting.all_is_well()
    assert alerting.look() == "0 things are wrong, message 1 sent"
    assert alerting.look() == "0 things are wrong"
    [alive] = sms(moto)[before:]
    assert alive.startswith("elec: alerts are alive")
    assert alerting.store.get(layout_alerts.heartbeat()).startswith(b'{"at":"2026-02-16T12:01:00Z","firing":0')
    assert alerting.events("alerts", "incidents") == []
    assert sent_sms(moto)[-1][0] == PHONE
    kept = "".join(path.read_text() for path in (alerting.folder / "store" / "state").glob("*.json"))
    assert "alive_at" in kept
    assert PHONE[1:] not in kept
    alerting.now = datetime(2026, 3, 13, tzinfo=UTC)
    alerting.looks(2)
    assert alerting.open() == {}, "after collection nothing is late"
    assert alerting.store.get(layout_alerts.heartbeat()).startswith(b'{"at":"2026-03-13T00:01:00Z"')


def test_the_sensors_of_the_definitions_tick_by_the_time_of_this_machine(
    alerting: Alerting, sqlite: dg.DagsterInstance
) -> None:
    """As the daemon does it: an instance in files, the repository with its checks, the resources of the deployment."""
    repository = alerting.definitions.get_repository_def()
    for name, said in (("watched_prefixes", "nothing to watch"), ("alerts", "0 things are wrong, message 1 sent")):
        sensor = repository.get_sensor_def(name)
        assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
        store = {"store": (alerting.definitions.resources or {})["store"]}
        with dg.build_sensor_context(instance=sqlite, repository_def=repository, resources=store) as context:
            assert str(sensor.evaluate_tick(context).skip_message).startswith(said)


def test_a_failed_gate_is_critical(alerting: Alerting) -> None:
    alerting.all_is_well()
    for passed in (False, True):
        result = dg.AssetCheckEvaluation(asset_key=GATE.asset_key, check_name=GATE.name, passed=passed)
        alerting.instance.report_runless_asset_event(result)
        alerting.looks(2)
        assert alerting.told() == ([] if passed else ["check_failed:kaggle/staged:gate"])


def test_an_outage_is_opened_once_and_resolved_once_and_mutes_what_follows_from_it(
    alerting: Alerting, moto: str
) -> None:
    alerting.all_is_well()
    alerting.look()
    before = len(sms(moto))
    alerting.now = START + 3 * HOUR
    alerting.looks(2)
    assert names(alerting.open().values()) == [BATCHES, TWEETS]
    assert alerting.told() == [BATCHES]
    assert alerting.open()[TWEETS].muted == f"cause: {BATCHES}"
    assert "google" not in str(names(alerting.state.incidents.values())), "Google Trends is off here"
    [opened] = sms(moto)[before:]
    assert opened.startswith("elec CRIT: NEW test_2026/twitter/batches: 3h01m late")
    alerting.captured(alerting.now)
    alerting.made("twitter/tweets", "2026-02-16-13:00", "2026-02-16-14:00")
    alerting.looks(2)
    [_, over] = sms(moto)[before:]
    assert over.startswith("elec CRIT: OVER test_2026/twitter/batches: lasted 3h")
    assert names(alerting.state.past) == [BATCHES, TWEETS]


def test_a_backfill_of_an_old_hour_hides_no_outage(alerting: Alerting) -> None:
    """Dagster's policy passes again when any partition is made; the newest planned one is missing all the same."""
    alerting.all_is_well()
    alerting.now = START + 150 * MINUTE
    alerting.captured(alerting.now)
    alerting.freshness("twitter/tweets", FreshnessState.PASS, alerting.now)
    alerting.made("twitter/tweets", "2026-02-05-03:00")
    alerting.looks(2)
    incident = alerting.open()[TWEETS]
    assert (incident.condition.wrong, incident.severity) == ("1h01m late, 2 missing", Severity.CRITICAL)
    assert incident.condition.since == START + 90 * MINUTE


def test_a_new_deployment_is_no_outage_until_its_windows_have_passed(alerting: Alerting) -> None:
    """Nothing was ever made: without a grace the first minutes of every deployment were an alarm about all of it."""
    products = ("twitter/tweets", "twitter/weekly", "twitter/volume", "coverage/weekly")
    alerting.captured(alerting.now)
    for product in products:
        alerting.freshness(product, FreshnessState.UNKNOWN, START)
    alerting.looks(2)
    assert alerting.open() == {}
    alerting.now = START + 155 * MINUTE
    alerting.captured(alerting.now)
    alerting.looks(2)
    incident = alerting.open()[TWEETS]
    assert incident.severity is Severity.CRITICAL
    assert names(alerting.open().values()) == [TWEETS]


def test_a_stream_that_never_came_is_no_outage_until_its_window_has_passed(alerting: Alerting) -> None:
    """The election was collected for days, this deployment for a minute: its stream was told to be two days late."""
    alerting.all_is_well()
    for key in alerting.store.list(f"{ELECTION}/data/raw/twitter/"):
        alerting.store.delete(key.key)
    alerting.freshness("twitter/batches", FreshnessState.UNKNOWN, START)
    alerting.looks(4)
    assert alerting.open() == {}
    alerting.now = START + 11 * MINUTE
    alerting.looks(2)
    assert names(alerting.open().values()) == [BATCHES]


def test_a_deployment_that_is_being_filled_is_no_outage(
    tmp_path: Path, instance: dg.DagsterInstance, moto: str
) -> None:
    """The first old hour of a backfill made `twitter/tweets` an asset that is 8 days late, and said so by SMS."""
    assert moto
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)  # Dagster dates its events itself
    begun, ended = (today + timedelta(days=days) for days in (-10, 20))
    text = REGISTRY.replace("2026-02-04", f"{begun:%Y-%m-%d}").replace("2026-03-12", f"{ended:%Y-%m-%d}")
    text = text.replace("2026-02-22", f"{today:%Y-%m-%d}").replace(
        "2026-03-01", f"{today + timedelta(days=9):%Y-%m-%d}"
    )
    place = Alerting(tmp_path, write_registry(tmp_path, text), instance, settings_of(tmp_path), now=datetime.now(UTC))
    place.made("twitter/tweets", key_of(Window(begun, begun + HOUR), Grain.HOUR))
    place.looks(2)
    assert TWEETS not in place.state.incidents
    place.now += timedelta(minutes=155)
    place.looks(2)
    assert place.open()[TWEETS].severity is Severity.CRITICAL


def test_what_was_never_released_counts_from_when_it_was_first_known(
    tmp_path: Path, instance: dg.DagsterInstance, moto: str
) -> None:
    """The first minute of the demo said by SMS that its release was 8 hours late: counted from midnight."""
    assert moto
    settings = settings_of(tmp_path, kaggle_dataset="someone/elections")
    place = Alerting(tmp_path, write_registry(tmp_path), instance, settings)
    place.all_is_well()
    instance.report_runless_asset_event(
        FreshnessStateChange(
            key=dg.AssetKey(["kaggle", "dataset"]),
            previous_state=FreshnessState.UNKNOWN,
            new_state=FreshnessState.UNKNOWN,
            state_change_timestamp=START.timestamp(),
        )
    )
    place.looks(2)
    assert "late:kaggle/dataset" not in place.state.incidents
    place.now = START + timedelta(days=2, hours=1)
    place.looks(2)
    assert "late:kaggle/dataset" in place.open()


def test_a_quiet_stream_is_not_late_between_two_looks(alerting: Alerting) -> None:
    """A batch proves its slot to 50 s before its end, comes 30 s after, and is noticed at the next look of a minute."""
    alerting.all_is_well()
    alerting.look()
    alerting.now += timedelta(minutes=5, seconds=55)
    alerting.look()
    for _ in range(3):
        alerting.look(watch=False, step=timedelta(seconds=20))
    assert BATCHES not in alerting.state.incidents


def test_what_dagster_finds_stale_counts_only_where_the_calendar_wants_something_newer(alerting: Alerting) -> None:
    """An asset made after its newest planned partition was over is complete, whatever its policy says."""
    alerting.all_is_well()
    alerting.freshness("twitter/tweets", FreshnessState.FAIL, START)
    alerting.freshness("twitter/weekly", FreshnessState.WARN, START)
    alerting.looks(2)
    assert alerting.open() == {}, "the events of this test are of now, long after every partition was over"


def test_a_restart_and_a_second_sensor_change_nothing(alerting: Alerting, moto: str) -> None:
    alerting.all_is_well()
    alerting.now = START + 3 * HOUR
    alerting.looks(3)
    before, opened = len(sms(moto)), alerting.open()
    other = alerting.restarted()
    other.looks(2)
    alerting.now = other.now
    assert alerting.look(step=timedelta(seconds=1)).startswith("2 things are wrong")
    assert sms(moto)[before:] == []
    assert {key: each.id for key, each in other.open().items()} == {key: each.id for key, each in opened.items()}


def test_without_a_target_it_skips_and_says_what_to_set(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    settings = settings_of(tmp_path, alert_phone=None)
    alerting = Alerting(tmp_path, write_registry(tmp_path), instance, settings)
    assert alerting.look() == "nobody to tell: set ELEC_ALERT_TOPIC_ARN or ELEC_ALERT_PHONE"
    assert alerting.store.find(layout_alerts.alerts()) is None


def test_a_target_that_cannot_be_one_stops_loading_and_is_not_shown(tmp_path: Path) -> None:
    """A wrong number would be noticed when the first alert is due."""
    settings = settings_of(tmp_path, alert_phone="0611223344")
    with pytest.raises(SnsTargetInvalid, match="its value is not shown here") as raised:
        build_definitions(settings, write_registry(tmp_path), START)
    assert "0611223344" not in str(raised.value)


def test_a_store_that_does_not_answer_raises_and_nothing_is_taken_to_be_over(alerting: Alerting) -> None:
    alerting.all_is_well()
    alerting.now = START + 3 * HOUR
    alerting.looks(2)
    before = {key: alerting.store.get(key) for key in (layout_alerts.alerts(), layout_alerts.heartbeat())}
    state = alerting.folder / "store" / "state"
    state.rename(alerting.folder / "moved")
    state.write_text("not a folder")
    with pytest.raises(StoreError):
        alerting.look(watch=False)
    state.unlink()
    (alerting.folder / "moved").rename(state)
    assert {key: alerting.store.get(key) for key in before} == before


def test_a_failed_message_is_an_error_of_the_tick_and_leaves_no_heartbeat(
    alerting: Alerting, bare: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with refusing(404, "NotFound") as (url, _):
        bare.setenv("AWS_ENDPOINT_URL", url)
        with caplog.at_level(logging.ERROR):
            said = alerting.restarted().look()
    assert "the message could not be sent" in said
    assert alerting.store.find(layout_alerts.heartbeat()) is None


def test_a_failed_run_warns_and_its_repetition_ends_it(alerting: Alerting) -> None:
    """The registry names a past that is not the one that was followed: the run of `candidates` refuses it."""
    alerting.all_is_well()
    job = alerting.definitions.resolve_implicit_global_asset_job_def()
    entry = alerting.folder / "store" / "state" / "registry" / "history" / "000001.json"
    entry.parent.mkdir(parents=True)
    entry.write_bytes(b"{")
    key = dg.AssetKey([ELECTION, "candidates"])
    alerting.now = datetime.now(UTC)  # runs have the time of this machine
    result = job.execute_in_process(instance=alerting.instance, asset_selection=[key], raise_on_error=False)
    assert not result.success
    alerting.looks(2)
    incident = alerting.open()[f"run_failed:{ELECTION}/candidates"]
    assert (incident.condition.wrong, incident.severity) == ("run failed", Severity.WARNING)
    entry.unlink()
    assert job.execute_in_process(instance=alerting.instance, asset_selection=[key]).success
    alerting.looks(2)
    assert alerting.open() == {}
    assert not alerting.state.past[-1].forgotten


def test_a_failed_run_that_nobody_mends_is_dropped_after_two_days_and_not_over(alerting: Alerting, moto: str) -> None:
    """It was told as OVER, as if it had been mended."""
    job = alerting.definitions.resolve_implicit_global_asset_job_def()
    entry = alerting.folder / "store" / "state" / "registry" / "history" / "000001.json"
    entry.parent.mkdir(parents=True)
    entry.write_bytes(b"{")
    key = dg.AssetKey([ELECTION, "candidates"])
    alerting.now = datetime.now(UTC).replace(hour=12) + timedelta(days=1)
    assert not job.execute_in_process(instance=alerting.instance, asset_selection=[key], raise_on_error=False).success
    alerting.looks(2)
    alerting.now += RUNS_COUNT
    alerting.looks(2)
    assert alerting.open() == {}
    assert alerting.state.past[-1].forgotten
    dropped = sms(moto)[-1]
    assert "DROPPED test_2026/candidates: not mended, forgotten after " in dropped


def put_rows(alerting: Alerting, outcome: Outcome, missed_share: float) -> None:
    """Coverage rows of the last day."""
    for back in range(1, 25):
        hour = window_of_key(f"{START - back * HOUR:%Y-%m-%d-%H:00}", Grain.HOUR)
        planned = Intervals.between(hour)
        captured = Intervals.between(Window(hour.start, hour.end - missed_share * HOUR))
        row = hour_coverage(
            ELECTION,
            hour,
            planned=planned,
            captured=captured,
            filled=Intervals(),
            causes={outcome: "X answered @someone: private"},
            counts=Counts(rows=1, received=1, duplicates=0, strays=0, rejects=0, raw_objects=1, queries=1),
        )
        alerting.store.put(layout.coverage_row(ELECTION, "twitter", hour, Grain.HOUR), encode_row(row))


def test_missing_coverage_of_the_last_day_is_told_and_a_refusal_explains_it(alerting: Alerting) -> None:
    alerting.all_is_well()
    put_rows(alerting, Outcome.REFUSED, 0.25)
    alerting.looks(2)
    found = alerting.open()
    coverage = found[f"coverage:{ELECTION}/twitter/tweets"]
    assert coverage.condition.wrong == "75% of last day's planned time (min 95%)"
    assert alerting.told() == [f"refused:{ELECTION}/twitter/tweets"]
    assert "@someone" not in alerting.store.get(layout_alerts.alerts()).decode()


def test_incidents_are_shown_with_a_picture_when_they_change(alerting: Alerting) -> None:
    alerting.all_is_well()
    alerting.now = START + 3 * HOUR
    alerting.looks(3)
    events = alerting.events("alerts", "incidents")
    assert [(e.metadata["open"].value, e.metadata["muted"].value) for e in events] == [(1, 1)]
    assert str(events[0].metadata["timeline"].value).startswith("![incidents of the last 7 days](data:image/svg+xml")
    records = events[0].metadata["incidents"].value.records  # type: ignore[union-attr]  # a table
    assert [(record.data["state"], record.data["condition"]) for record in records] == [
        ("open", BATCHES),
        ("muted", TWEETS),
    ]
    alerting.now = START + 4 * HOUR
    alerting.look()
    assert len(alerting.events("alerts", "incidents")) == 2, "once an hour while something is open"
    alerting.captured(alerting.now)
    alerting.made("twitter/tweets", "2026-02-16-14:00")
    alerting.looks(2)
    assert alerting.events("alerts", "incidents")[-1].metadata["open"].value == 0


def test_a_disk_and_a_spool_are_judged_where_they_are(alerting: Alerting, monkeypatch: pytest.MonkeyPatch) -> None:
    alerting.all_is_well()
    monkeypatch.setattr("elec_assets.transforms.alert_conditions.DISK_WARN_BYTES", 10**18)
    alerting.looks(2)
    assert alerting.told() == ["disk:store"]
    (alerting.folder / "spool").mkdir()
    alerting.looks(2)
    assert alerting.told() == ["disk:spool", "disk:store"]


def test_settings_reach_the_rules(tmp_path: Path, instance: dg.DagsterInstance, moto: str) -> None:
    settings = settings_of(tmp_path, alert_label="prod", alert_per_hour=1)
    alerting = Alerting(tmp_path, write_registry(tmp_path), instance, settings)
    alerting.all_is_well()
    alerting.look()
    before = len(sms(moto))
    alerting.now = START + 3 * HOUR
    alerting.looks(2)
    assert sms(moto)[-1].startswith("prod CRIT: NEW")
    alerting.captured(alerting.now)
    alerting.made("twitter/tweets", "2026-02-16-13:00", "2026-02-16-14:00")
    alerting.looks(3)
    assert len(sms(moto)) == before + 2, "the one of this hour, then that the limit is reached"
    assert "limit of 1 messages an hour" in sms(moto)[-1]


def test_the_defaults_are_those_of_the_rules() -> None:
    settings, rules = Settings.model_validate({"store": "nowhere"}), Rules()
    assert settings.alert_label == rules.label
    assert (settings.alert_per_hour, settings.alert_per_month) == (rules.per_hour, rules.per_month)
