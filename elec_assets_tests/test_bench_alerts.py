"""The benchmark of alerts: every kind of script keeps its promises, and a promise that is broken is named."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from bench import alerts
from bench.alert_feeds import MINUTE
from bench.alert_judge import Verdict, judge
from bench.alert_phone import Phone
from bench.alert_scripts import KINDS, script
from bench.alert_truths import PARIS, Script
from bench.report import FAILED, WRONG_INPUT, main
from elec_assets.transforms.alert_state import Rules, changed

STEP = timedelta(seconds=600)
HEALTHY = [number for number, kind in enumerate(KINDS) if kind.__name__.startswith("healthy")]
INCIDENTS = [number for number in range(len(KINDS)) if number not in HEALTHY]
# A part of them each time.
QUICK = ("midnight", "clocks_change", "daemon_down", "restart", "two_sensors", "backfill", "stuck")
SEED = 7


@pytest.mark.parametrize(
    "number",
    [pytest.param(n, marks=() if KINDS[n].__name__ in QUICK else pytest.mark.prove) for n in INCIDENTS],
    ids=lambda number: KINDS[number].__name__,
)
def test_each_incident_is_told_once_when_it_opens_and_once_when_it_is_over(number: int) -> None:
    run = alerts.run(number, SEED, STEP)
    assert run.ours.broken == []
    assert run.script.truths
    assert len(run.ours.waits) == sum(truth.spoken and truth.opened for truth in run.script.truths)


@pytest.mark.prove
def test_thirty_healthy_days_are_silent_and_the_rule_of_2021_is_not() -> None:
    """The month in which collection ends, as planned, and a project works by day alone."""
    run = alerts.run(HEALTHY[-1], SEED, STEP)
    assert (run.ours.broken, run.ours.waits) == ([], [])
    assert run.ours.messages == 6, "one sign of life at the start, and one a Monday, the first day's among them"
    assert run.of_2021.false > 10


@pytest.mark.prove
@pytest.mark.timeout(1800)
def test_thirty_healthy_days_are_silent_at_every_look_of_30_s() -> None:
    """The month of the vote: 86,400 looks, through the night in which clocks change, a blackout, a change of phase."""
    number = next(n for n in HEALTHY if KINDS[n].__name__ == "healthy_spring")
    run = alerts.run(number, SEED, timedelta(seconds=30))
    assert (run.ours.broken, run.ours.waits) == ([], [])


@pytest.mark.prove
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(2))
def test_forty_scripts_keep_every_promise(seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(alerts.parser(), alerts.bench, ["--json", "--seed", str(seed)]) == 0
    told = json.loads(capsys.readouterr().out)["headline"]
    assert told["scripts"] == 40
    assert {told[name] for name in ("lost", "twice", "false", "late")} == {0}
    assert told["missed_2021"] > 0
    assert told["false_2021"] > 0


# The judge itself: a message that is missing, comes twice, or where nothing is wrong, is found.


@pytest.fixture(scope="module")
def midnight() -> tuple[Script, Phone]:
    """A script, and all that came of it."""
    story = script(next(n for n, kind in enumerate(KINDS) if kind.__name__ == "midnight"), SEED)
    return story, alerts.heard(story, STEP, SEED)


def verdict(phone: Phone, story: Script) -> Verdict:
    return judge(story, phone.messages, [], STEP + MINUTE)


def without(phone: Phone, kind: str) -> Phone:
    """As if messages with such an event had not come."""
    return replace(phone, got=[(at, m) for at, m in phone.got if f"\n{kind} " not in m.text])


@pytest.mark.parametrize(("kind", "said"), [("NEW", "has no opening message"), ("OVER", "has no resolving message")])
def test_a_message_that_does_not_come_is_lost(midnight: tuple[Script, Phone], kind: str, said: str) -> None:
    story, phone = midnight
    assert verdict(phone, story).broken == []
    found = verdict(without(phone, kind), story)
    assert any(said in sentence or "nobody is told" in sentence for sentence in found.lost)


def test_a_message_that_comes_again_under_another_number_is_told_twice(midnight: tuple[Script, Phone]) -> None:
    story, phone = midnight
    at, message = next((at, m) for at, m in phone.got if "\nNEW " in m.text)
    again = replace(phone, got=[*phone.got, (at + alerts.LOOK, changed(message, number=99))])
    assert any("has 2 opening messages" in sentence for sentence in verdict(again, story).twice)
    copied = replace(phone, got=[*phone.got, (at + alerts.LOOK, message)])
    assert verdict(copied, story).broken == []


def test_a_message_where_nothing_is_wrong_is_false_and_one_too_late_is_late(midnight: tuple[Script, Phone]) -> None:
    story, phone = midnight
    assert verdict(phone, replace(story, truths=())).false
    slow = replace(phone, got=[(at + 3 * MINUTE, message) for at, message in phone.got])
    assert any("not by" in sentence for sentence in verdict(slow, story).late)
    early = replace(phone, got=[(at - 4 * MINUTE, message) for at, message in phone.got])
    assert any("not before" in sentence for sentence in verdict(early, story).false)


def test_a_broken_promise_ends_the_benchmark_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As if something had to last a quarter of an hour before it is told."""
    late = Rules(timezone=PARIS, ticks=30)
    monkeypatch.setattr(alerts, "RULES", late)
    assert main(alerts.parser(), alerts.bench, ["--json", "--size", "1"]) == FAILED
    said = capsys.readouterr()
    figures = json.loads(said.out)["headline"]
    assert figures["late"] + figures["lost"] > 0
    assert "broken: midnight UTC: " in said.err


def test_a_step_that_the_dead_man_switch_takes_for_death_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(alerts.parser(), alerts.bench, ["--step", "900"]) == WRONG_INPUT
    assert "30 to 600 seconds" in capsys.readouterr().err


def test_a_seed_gives_the_same_scripts_and_another_seed_others() -> None:
    def moments(seed: int) -> Sequence[object]:
        return [script(number, seed).window for number in INCIDENTS]

    assert moments(1) == moments(1)
    assert moments(1) != moments(2)
