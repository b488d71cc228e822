"""`watches.yaml`: what is read, the form of 2021, every problem at once, and when a watch is stale."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elec_assets.domain.registry_problems import Problem, RegistryInvalid
from elec_assets.domain.watches import Schedule, Watch, parse_watches

GOOD = """\
watches:
  tweets:
    bucket: my-bucket
    prefix: data/raw/twitter/
    time_threshold: 600
  office:
    bucket: other
    prefix: ''
    time_threshold: 60
    severity: warning
    owner: Ada
    judged_by: upload
    schedule: {timezone: Europe/Paris, days: [fri, mon], from: "08:00", to: "20:00"}
"""
OFFICE = Schedule("Europe/Paris", (0, 4), time(8), time(20))
FORM_2021 = """\
{"alerts": {"x_2022": {"bucket": "b-2", "prefix": "data/", "time_threshold": 7200}},
 "phone_number": "",
 "aws_key": {"aws_access_key_id": "", "aws_secret_access_key": "CANARY"}}
"""


def problems(text: str) -> list[str]:
    with pytest.raises(RegistryInvalid) as caught:
        parse_watches(text, "watches.yaml")
    return [str(problem) for problem in caught.value.problems]


def test_a_watch_has_defaults_and_may_say_more() -> None:
    watches, warnings = parse_watches(GOOD, "watches.yaml")
    assert watches == {
        "tweets": Watch("tweets", "my-bucket", "data/raw/twitter/", 600),
        "office": Watch("office", "other", "", 60, "warning", "Ada", "upload", OFFICE),
    }
    assert warnings == ()


def test_the_form_of_2021_is_read_and_its_keys_are_ignored_with_a_warning_that_shows_no_secret() -> None:
    watches, warnings = parse_watches(FORM_2021, "config.json")
    assert watches == {"x_2022": Watch("x_2022", "b-2", "data/", 7200)}
    told = [str(warning) for warning in warnings]
    assert told[0] == "config.json:2: phone_number: is ignored: set ELEC_ALERT_PHONE"
    assert told[1].startswith("config.json:3: aws_key: is ignored: ")
    assert "holds a value" in told[1]
    assert "CANARY" not in "".join(told)


def test_the_recorded_configuration_of_2021_is_accepted_as_it_is() -> None:
    named = os.environ.get("ELEC_TEST_RECORDINGS")
    folder = Path(named) if named else Path(__file__).parents[3] / "shared" / "data"
    path = folder / "watches_2021_format.json"
    if not path.is_file():
        pytest.skip(f"no recording at {path}: set ELEC_TEST_RECORDINGS")
    watches, warnings = parse_watches(path.read_text(encoding="utf-8"), "watches.yaml")
    assert {watch.threshold_s for watch in watches.values()} == {600, 7200}
    assert [warning.field for warning in warnings] == ["phone_number", "aws_key"]


def test_every_problem_is_told_at_once_by_line_and_field() -> None:
    text = """\
watches:
  9lives: {bucket: b-1, prefix: a/, time_threshold: 60}
  a:
    bucket: UPPER
    prefix: no-slash
    time_threshold: 59
    severty: warning
    severity: loud
    schedule: {timezone: Europe/Nowhere, days: [], from: "25:00"}
  b: 3
"""
    told = problems(text)
    places = [line.split(": ")[0] + " " + line.split(": ")[1] for line in told]
    assert places == [
        "watches.yaml:2 watches.9lives",
        "watches.yaml:4 watches.a.bucket",
        "watches.yaml:5 watches.a.prefix",
        "watches.yaml:6 watches.a.time_threshold",
        "watches.yaml:7 watches.a.severty",
        "watches.yaml:8 watches.a.severity",
        "watches.yaml:9 watches.a.schedule.timezone",
        "watches.yaml:9 watches.a.schedule.days",
        "watches.yaml:9 watches.a.schedule.from",
        "watches.yaml:10 watches.b",
    ]
    assert "59 is not allowed; use whole seconds from 60" in told[3]
    assert "did you mean severity?" in told[4]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"alerts": 3}', "watches: 3", "other: {}", "watches:", "{}"])
def test_what_is_no_list_of_watches_is_refused(text: str) -> None:
    assert problems(text)


def test_no_watches_at_all_are_allowed() -> None:
    assert parse_watches("watches: {}\n", "watches.yaml") == ({}, ())


@given(st.text() | st.text("{}[]:,\"' \nabwatchesler_0123456789-"))
def test_any_text_is_read_or_refused_with_problems(text: str) -> None:
    told: tuple[Problem, ...] = ()
    watches: Mapping[str, Watch] = {}
    try:
        watches, _ = parse_watches(text, "watches.yaml")
    except RegistryInvalid as error:
        told = error.problems
    assert told or all(watch.threshold_s >= 60 for watch in watches.values())


def test_age_counts_days_as_well_as_seconds() -> None:
    """The monitor of 2021 took `delta.seconds`, which has no days: 24 hours and 10 s were 10 s."""
    now = datetime(2027, 2, 3, tzinfo=UTC)
    watch = Watch("a", "b-1", "", 600)
    assert watch.stale_since(now - timedelta(seconds=600), now) is None
    for age in (timedelta(seconds=601), timedelta(days=1, seconds=10), timedelta(days=2, seconds=1)):
        assert watch.stale_since(now - age, now) == now - age + timedelta(seconds=600)
    assert watch.stale_since(now + timedelta(hours=1), now) is None
    assert watch.stale_since(None, now) == now - timedelta(seconds=600)


def test_a_schedule_pauses_a_watch_and_begins_its_count_anew() -> None:
    watch = Watch("a", "b-1", "", 600, schedule=OFFICE)
    friday = datetime(2027, 2, 5, 18, 30, tzinfo=UTC)
    monday = datetime(2027, 2, 8, 7, 0, tzinfo=UTC)  # 08:00 in Paris
    assert watch.stale_since(friday, friday + timedelta(hours=1)) is None
    assert watch.stale_since(friday, monday + timedelta(seconds=600)) is None
    assert watch.stale_since(friday, monday + timedelta(seconds=601)) == monday + timedelta(seconds=600)
    assert watch.stale_since(None, monday + timedelta(seconds=601)) == monday + timedelta(seconds=600)


@pytest.mark.parametrize("day", [datetime(2027, 3, 28, tzinfo=UTC), datetime(2027, 10, 31, tzinfo=UTC)])
def test_a_schedule_follows_the_clocks_of_its_time_zone(day: datetime) -> None:
    daily = Schedule("Europe/Paris", start=time(8), end=time(20))
    summer = day.month == 3
    first = day + timedelta(hours=6 if summer else 7)
    assert daily.opened(first) == first
    assert daily.opened(first - timedelta(seconds=1)) is None
    assert daily.opened(first + timedelta(hours=12, seconds=-1)) == first
    assert daily.opened(first + timedelta(hours=12)) is None


@given(st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis wants naive bounds
def test_a_schedule_of_whole_days_is_always_open_and_one_over_midnight_spans_it(now: datetime) -> None:
    opened = Schedule("Europe/Paris").opened(now)
    assert opened is not None
    assert now - opened > timedelta(days=7)
    night = Schedule("UTC", start=time(22), end=time(6))
    assert (night.opened(now) is not None) == (now.hour >= 22 or now.hour < 6)
