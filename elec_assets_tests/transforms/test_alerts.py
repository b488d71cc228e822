"""One alert says one thing once: incidents over a stepped clock."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elec_assets.domain.silences import Silence
from elec_assets.transforms.alert_state import Rules, changed, incident_id
from elec_assets.transforms.sms import SMS_SEPTETS, septets
from elec_assets_tests.transforms.alerts_world import OUTCOMES, QUIETLESS, START, TICK, Alerts, condition

A, B, C = condition("a"), condition("b"), condition("c")
WARN = condition("w", critical=False)


def test_a_condition_fires_at_its_second_look_and_is_over_after_two_without_it() -> None:
    alerts = Alerts()
    assert alerts.look(A) == []
    (opening,) = alerts.look(A)
    assert alerts.looks(10, A) == []
    assert alerts.look() == []
    (over,) = alerts.look()
    (ended,) = alerts.state.past
    assert (opening.opened, opening.resolved) == ((ended.id,), ())
    assert (over.opened, over.resolved) == ((), (ended.id,))
    assert f"#{ended.id}" in opening.sms
    assert f"#{ended.id}" in over.sms
    # Over at the first look without it: 12 looks with it, from 12:00:30 on.
    assert ended.ended_at == START + 13 * TICK
    assert "lasted 6m" in over.sms


def test_what_is_there_at_one_look_only_is_never_told() -> None:
    alerts = Alerts()
    for _ in range(20):
        alerts.look(A)
        alerts.look()
    assert alerts.arrived == []
    assert alerts.state.past == []


def test_what_is_gone_at_one_look_only_is_not_over() -> None:
    alerts = Alerts()
    alerts.looks(2, A)
    for _ in range(20):
        alerts.look()
        alerts.look(A)
    assert len(alerts.arrived) == 1


def test_looks_close_together_count_once() -> None:
    """Two sensors at once: the same condition seen twice in a second has not lasted."""
    alerts = Alerts()
    alerts.look(A)
    assert alerts.look(A, step=timedelta(seconds=1)) == []
    assert alerts.state.incidents["a"].hits == 1


def test_thirty_failures_at_once_are_one_message_that_names_three_and_counts_the_rest() -> None:
    alerts = Alerts()
    many = [condition(f"asset_{n:02}", critical=n > 3) for n in range(30)]
    (message,) = alerts.looks(2, *many)
    assert len(message.opened) == 30
    assert message.sms.count("#") == 3
    assert message.sms.endswith("+27 more")
    assert "set_04: late 11m" in message.sms  # the first by name of those that are critical
    assert (septets(message.sms) or 0) <= SMS_SEPTETS
    assert all(f"fr_2027/asset_{n:02}\n" in message.text for n in range(30))


def test_a_cause_mutes_its_consequences_and_they_end_unsaid() -> None:
    alerts = Alerts()
    late, later = condition("late", cause="a"), condition("later", cause="late")
    (opening,) = alerts.looks(4, A, late, later)
    assert opening.opened == (incident_id("a", START + TICK),)
    assert alerts.state.incidents["later"].muted == "cause: late"
    (over,) = alerts.looks(4)
    assert over.resolved == opening.opened
    assert {i.condition.key for i in alerts.state.past} == {"a", "late", "later"}


def test_a_consequence_that_outlives_its_cause_is_told_after_a_while() -> None:
    alerts = Alerts()
    late = condition("late", cause="a")
    alerts.looks(4, A, late)
    (over,) = alerts.looks(20, late)
    assert not over.opened
    (opening,) = alerts.looks(20, late)
    assert opening.opened == (alerts.state.incidents["late"].id,)


def test_a_warning_never_mutes_what_is_critical() -> None:
    alerts = Alerts()
    (opening,) = alerts.looks(2, WARN, condition("bad", cause="w"))
    assert len(opening.opened) == 2


@pytest.mark.parametrize("length", [1, 2, 3])
def test_causes_that_go_round_in_a_circle_do_not_silence_each_other(length: int) -> None:
    alerts = Alerts()
    circle = [condition(f"k{n}", cause=f"k{(n + 1) % length}") for n in range(length)]
    (opening,) = alerts.looks(4, *circle, condition("beside", cause="k0"))
    assert opening.opened == (alerts.state.incidents["k0"].id,)


def test_a_raised_severity_is_told_at_once_and_a_lower_one_is_not() -> None:
    alerts = Alerts()
    alerts.looks(4, condition("a", critical=False))
    (raised,) = alerts.look(A)
    assert raised.raised == (alerts.state.incidents["a"].id,)
    assert raised.severity == "critical"
    assert alerts.looks(4, condition("a", critical=False), A) == []
    (over,) = alerts.looks(2)
    assert over.severity == "critical"


def test_reminders_come_at_their_times() -> None:
    alerts = Alerts()
    hours = 50
    alerts.looks(2, A, WARN)
    for _ in range(hours * 4):
        alerts.look(A, WARN, step=timedelta(minutes=15))
    said = {key: alerts.state.incidents[key].id for key in ("a", "w")}
    reminders = [m.reminded for m in alerts.messages()[1:]]
    assert sum(said["a"] in r for r in reminders) == hours // 4
    assert sum(said["w"] in r for r in reminders) == hours // 24


def test_a_silence_mutes_until_it_ends_and_what_is_still_wrong_is_told_then() -> None:
    alerts = Alerts()
    silence = Silence("fr_2027/*", START + timedelta(minutes=10), "planned")
    for _ in range(30):
        for message in alerts.look(A, silences=[silence]):
            assert alerts.now >= silence.until
            assert message.opened == (alerts.state.incidents["a"].id,)
    assert len(alerts.arrived) == 1


def test_what_was_told_is_resolved_even_while_it_is_silenced() -> None:
    alerts = Alerts()
    alerts.looks(2, A)
    silence = [Silence("a", START + timedelta(hours=1), "planned")]
    assert alerts.look(A, silences=silence) == []
    alerts.look(silences=silence)
    assert len(alerts.look(silences=silence)) == 1


@pytest.mark.parametrize(
    ("evening", "morning"),
    [
        (datetime(2027, 3, 27, 22, tzinfo=UTC), datetime(2027, 3, 28, 6, tzinfo=UTC)),
        (datetime(2027, 10, 30, 21, tzinfo=UTC), datetime(2027, 10, 31, 7, tzinfo=UTC)),
        (datetime(2027, 6, 1, 21, tzinfo=UTC), datetime(2027, 6, 2, 6, tzinfo=UTC)),
    ],
)
def test_a_warning_at_night_waits_for_eight_in_paris_and_a_critical_one_does_not(
    evening: datetime, morning: datetime
) -> None:
    alerts = Alerts(rules=Rules(alive=False), now=evening)
    brief = condition("brief", critical=False)
    alerts.looks(3, WARN, brief)
    (loud,) = alerts.looks(2, WARN, A)
    assert loud.opened == (alerts.state.incidents["a"].id,)
    while len(alerts.arrived) == 1:
        alerts.look(WARN, A, step=timedelta(minutes=5))
        assert alerts.now < morning + timedelta(hours=1)
        if not alerts.arrived[-1][1].opened:
            alerts.arrived.pop()
    assert morning <= alerts.now < morning + timedelta(minutes=5)
    assert alerts.arrived[-1][1].opened == (alerts.state.incidents["w"].id,)
    assert [i.condition.key for i in alerts.state.past] == ["brief"]


def test_caps_hold_messages_back_say_so_once_and_lose_nothing() -> None:
    rules = changed(QUIETLESS, per_hour=3)
    alerts = Alerts(rules=rules)
    for _ in range(30):  # flapping: 12 messages in 1 h 30 min without caps
        alerts.look(A, step=timedelta(seconds=45))
        alerts.look(A, step=timedelta(seconds=45))
        alerts.looks(2)
    limits = [m for m in alerts.messages() if m.limit]
    for _ in range(400):
        alerts.look()
    assert limits
    assert "1 held back" in limits[0].sms
    assert alerts.opened() == alerts.resolved()
    assert set(alerts.opened().values()) == {1}
    assert len(alerts.opened()) == 30
    times = [at for at, m in alerts.arrived if not m.limit]
    assert all(late - early >= timedelta(hours=1) for early, late in zip(times, times[3:], strict=False))
    assert any("were held back" in m.sms for m in alerts.messages())


def test_a_message_that_may_have_arrived_is_not_told_anew_when_its_second_try_is_refused() -> None:
    """A refusal of the second try says nothing of the first: the opening was made anew, and told twice."""
    alerts = Alerts()
    alerts.look(A)
    for fate in ("doubt", "refused", "refused", "ok"):
        alerts.look(A, publish=fate)
    assert [m.number for _, m in alerts.arrived] == [1, 1]
    assert list(alerts.opened().values()) == [1]


def test_a_monthly_cap_ends_with_the_month() -> None:
    alerts = Alerts(rules=changed(QUIETLESS, per_month=2), now=datetime(2027, 2, 26, tzinfo=UTC))
    alerts.looks(2, A)
    alerts.looks(2)
    (limit,) = alerts.looks(40, B)
    assert limit.limit
    assert "2027-03-01T00:00:00Z" in limit.sms
    while not (came := alerts.look(B, step=timedelta(hours=1))):
        assert alerts.now < datetime(2027, 3, 2, tzinfo=UTC)
    assert alerts.now >= datetime(2027, 3, 1, tzinfo=UTC)
    assert came[0].opened == (alerts.state.incidents["b"].id,)


def test_thirty_healthy_days_are_silent_but_for_the_sign_of_life_of_each_monday() -> None:
    alerts = Alerts(rules=Rules(timezone="Europe/Paris"))
    for _ in range(30 * 24):
        alerts.look(step=timedelta(hours=1))
    assert all(m.alive and not m.opens for m in alerts.messages())
    assert [at.isoformat()[:13] for at, _ in alerts.arrived] == [
        "2027-02-01T13",
        "2027-02-08T09",
        "2027-02-15T09",
        "2027-02-22T09",
        "2027-03-01T09",
    ]


@pytest.mark.parametrize("day", range(1, 8))
def test_whenever_it_began_the_next_monday_says_that_alerts_are_alive(day: int) -> None:
    """Six days had to lie between: begun from Wednesday on, the first Monday said nothing."""
    alerts = Alerts(rules=Rules(timezone="Europe/Paris"), now=datetime(2027, 2, day, 15, tzinfo=UTC))
    for _ in range(15 * 24):
        alerts.look(step=timedelta(hours=1))
    mondays = [at for at, message in alerts.arrived[1:] if message.alive]
    assert [f"{at:%m-%d %H}" for at in mondays] == ["02-08 09", "02-15 09", "02-22 09"][: 2 + (day == 7)]


def test_what_is_begun_on_a_monday_morning_speaks_again_at_ten() -> None:
    alerts = Alerts(rules=Rules(timezone="Europe/Paris"), now=datetime(2027, 2, 8, 7, tzinfo=UTC))
    for _ in range(5 * 24):
        alerts.look(step=timedelta(hours=1))
    assert [at.hour for at, _ in alerts.arrived] == [8, 9]


def test_a_message_that_is_unfit_is_followed_by_one_that_names_nothing_and_counts_as_telling_all() -> None:
    """The same message was composed again at each look, for ever; nothing that came later was told."""
    alerts = Alerts()
    alerts.look(A, B)
    assert alerts.look(A, B, publish="unfit") == []
    (plain,) = alerts.look(A, B)
    assert len(plain.opened) == 2
    assert plain.sms == "elec CRIT: 2 alerts whose text SNS does not take; elec watch ls shows them"
    assert "fr_2027" not in plain.text + plain.subject
    (later,) = alerts.looks(2, A, B, C)
    assert later.opened == (alerts.state.incidents["c"].id,)
    assert f"#{later.opened[0]}" in later.sms, "the next one names again"
    (over,) = alerts.looks(2)
    assert set(over.resolved) == {*plain.opened, *later.opened}


def test_where_nothing_is_taken_nothing_counts_as_told_and_what_is_mended_tells_by_name() -> None:
    """SNS calls the number or the topic a value that is not allowed, too: then no text is to blame."""
    alerts = Alerts()
    alerts.look(A)
    for _ in range(6):
        assert alerts.look(A, publish="unfit") == []
        assert alerts.state.incidents["a"].announced_at is None
    (opening,) = alerts.look(A)
    assert f"#{opening.opened[0]}" in opening.sms


def test_what_is_no_longer_looked_for_is_not_told_to_be_over() -> None:
    """A failed run that nobody had mended was told as OVER after two days."""
    alerts = Alerts()
    forgets = changed(A, forget_at=START + timedelta(hours=1))
    alerts.looks(2, forgets)
    alerts.now = START + timedelta(hours=1)
    (dropped,) = alerts.looks(2)
    assert "DROPPED fr_2027/a: not mended, forgotten after 60m" in dropped.sms.replace("1h00m", "60m")
    assert "OVER" not in dropped.sms + dropped.text + dropped.subject
    assert alerts.opened() == alerts.resolved()


def test_what_ends_before_it_would_be_forgotten_is_over() -> None:
    alerts = Alerts()
    alerts.looks(2, changed(A, forget_at=alerts.now + 4 * TICK))
    (over,) = alerts.looks(4)
    assert "OVER fr_2027/a: lasted 1m" in over.sms


def test_one_run_of_several_that_was_forgotten_is_not_over_when_the_others_are() -> None:
    alerts = Alerts()
    alerts.looks(2, changed(A, forget_at=START + 3 * TICK))
    alerts.looks(4, changed(A, forget_at=START + timedelta(days=1)))
    (dropped,) = alerts.looks(2)
    assert "DROPPED" in dropped.sms


def test_an_hour_without_looks_loses_nothing_and_repeats_nothing() -> None:
    alerts = Alerts()
    alerts.looks(2, A)
    assert alerts.look(A, B, step=timedelta(hours=1)) == []
    (message,) = alerts.look(A, B)
    assert message.opened == (alerts.state.incidents["b"].id,)
    assert message.reminded == ()


SEQUENCES = st.lists(st.booleans(), min_size=1, max_size=40)
# A message is unfit at each of its tries, or at none: that has a test of its own.
FATES = st.lists(st.sampled_from([fate for fate in OUTCOMES if fate != "unfit"]), max_size=45)


def runs(looks: list[bool]) -> int:
    """How many incidents a script of looks holds: two in a row begin one, two without in a row end it."""
    count, firing = 0, False
    for before, at in zip([False, *looks], looks, strict=False):
        if not firing and before and at:
            count, firing = count + 1, True
        elif firing and not before and not at:
            firing = False
    return count


@given(st.lists(SEQUENCES, min_size=1, max_size=4), FATES, st.sampled_from([1, 3, 100]))
@settings(max_examples=60, deadline=None)
def test_each_incident_is_opened_and_resolved_in_exactly_one_message_whatever_fails(
    scripts: list[list[bool]], fates: list[str], per_hour: int
) -> None:
    alerts = Alerts(rules=changed(QUIETLESS, per_hour=per_hour))
    for n in range(max(map(len, scripts))):
        there = [condition(f"k{k}") for k, script in enumerate(scripts) if n < len(script) and script[n]]
        alerts.look(*there, publish=fates[n] if n < len(fates) else "ok")
    for _ in range(8):
        alerts.look()
    for _ in range(6):
        alerts.look(step=timedelta(minutes=61))
    assert alerts.state.incidents == {}
    assert (alerts.state.over, alerts.state.outbox) == ([], None)
    assert len(alerts.opened()) == sum(runs(script) for script in scripts)
    assert set(alerts.opened().values()) <= {1}
    assert alerts.opened() == alerts.resolved()
    first: dict[str, int] = {}
    for message in alerts.messages():
        first.update(dict.fromkeys(message.opened, message.number))
        assert all(first[each] <= message.number for each in message.resolved)


@given(
    st.lists(st.lists(st.integers(0, 2), max_size=25), min_size=3, max_size=3),
    st.lists(st.sampled_from([None, "a", "b", "c"]), min_size=3, max_size=3),
    st.lists(st.booleans(), max_size=25),
    FATES,
    st.integers(0, 23),
)
@settings(max_examples=30, deadline=None)
def test_muting_loses_nothing_that_is_still_wrong_and_says_nothing_twice(
    scripts: list[list[int]], causes: list[str | None], silent: list[bool], fates: list[str], hour: int
) -> None:
    alerts = Alerts(rules=Rules(alive=False), now=START.replace(hour=hour))
    silence = [Silence("a", START + timedelta(days=9), "planned")]
    levels = [0, 0, 0]
    for n in range(25):
        levels = [script[n] if n < len(script) else levels[k] for k, script in enumerate(scripts)]
        there = [condition("abc"[k], critical=level == 2, cause=causes[k]) for k, level in enumerate(levels) if level]
        quiet = silence if n < len(silent) and silent[n] else []
        for message in alerts.look(*there, publish=fates[n] if n < len(fates) else "ok", silences=quiet):
            assert message.opens
    there = [condition("abc"[k], critical=level == 2) for k, level in enumerate(levels) if level]
    for _ in range(60):
        alerts.look(*there, step=timedelta(minutes=15))
    assert all(i.announced_at is not None for i in alerts.state.incidents.values())
    assert len(alerts.state.incidents) == len(there)
    for _ in range(60):
        alerts.look(step=timedelta(minutes=15))
    assert set(alerts.opened().values()) <= {1}
    assert alerts.opened() == alerts.resolved()
