"""Capture plans by phase and event, from the registry file; the others stand in test_registry_file.py."""

from pathlib import Path
from textwrap import indent

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from elec_assets.domain.phases import Phase
from elec_assets.domain.registry import CaptureChanges, CapturePlan, Election, PhasePlan
from elec_assets.domain.registry_content import read_content
from elec_assets.domain.registry_file import Problem, RegistryInvalid
from elec_assets_tests.domain.test_registry_file import changed, load, problems

SLOTS = CapturePlan("slots", slots=10, slot_s=60)
TEN_MINUTES = CapturePlan("every", every_s=3600, length_s=600)
ALWAYS = CapturePlan()
FIELD = "elections.fr_2027.capture"


def capture(written: str) -> str:
    return changed("capture: continuous", f"capture: {written}")


@pytest.mark.parametrize(
    ("written", "plan", "changes"),
    [
        ("{default: continuous}", ALWAYS, CaptureChanges()),
        ("{default: {slots: 10, seconds: 60}, phases: {}}", SLOTS, CaptureChanges()),
        ("{default: {slots: 10, seconds: 60}, events: continuous}", SLOTS, CaptureChanges((), ALWAYS)),
        (
            "{events: {plan: {every: 1h, for: 10min}, before: 30min, after: 1h30min}, default: continuous}",
            ALWAYS,
            CaptureChanges((), TEN_MINUTES, 1800, 5400),
        ),
        ("{default: continuous, events: {slots: 10, seconds: 60}}", ALWAYS, CaptureChanges((), SLOTS)),
        (
            "{default: {slots: 10, seconds: 60}, phases: {vote: continuous, early: {every: 1h, for: 10min}}}",
            SLOTS,
            CaptureChanges((PhasePlan(Phase.EARLY, TEN_MINUTES), PhasePlan(Phase.VOTE, ALWAYS))),
        ),
    ],
)
def test_plans_of_phases_and_events_are_read(written: str, plan: CapturePlan, changes: CaptureChanges) -> None:
    registry = load(capture(written))
    election = registry.elections["fr_2027"]
    assert (election.capture, election.capture_changes) == (plan, changes)
    assert read_content(registry.content.encode(), registry.version) == registry.elections


@pytest.mark.parametrize(
    ("written", "field", "message"),
    [
        ("{}", "", "a mapping is not allowed; use continuous, {slots, seconds}, {every, for} or {default, phases, ev"),
        ("{slot: 10, seconds: 60}", ".slot", "is not a known key; did you mean slots?"),
        ("{defaults: continuous}", ".defaults", "did you mean default?"),
        ("{phases: {vote: continuous}}", ".default", "is missing; it is required"),
        ("{default: continuous, slots: 10}", ".slots", "is not a known key"),
        ("{default: {default: continuous}}", ".default", "use continuous, {slots, seconds} or {every, for}"),
        ("{default: sometimes}", ".default", "'sometimes' is not allowed; use continuous, {slots, seconds} or"),
        ("{default: continuous, phases: {votes: continuous}}", ".phases.votes", "did you mean vote?"),
        ("{default: continuous, phases: {x: continuous}}", ".phases.x", "allowed are early, campaign, vote, transit"),
        ("{default: continuous, phases: continuous}", ".phases", "use a mapping with the keys early, campaign, vote"),
        ("{default: continuous, phases: {vote: {slots: 99, seconds: 60}}}", ".phases.vote", "do not fit into an hour"),
        ("{default: continuous, phases: {vote: {every: 7min, for: 1min}}}", ".phases.vote.every", "divides an hour"),
        ("{default: continuous, events: always}", ".events", "or {every, for}, or {plan, before, after}"),
        ("{default: continuous, events: {before: 1h}}", ".events.plan", "is missing; it is required"),
        ("{default: continuous, events: {plan: continuous, before: 1}}", ".events.before", "use a duration such as 3h"),
        ("{default: continuous, events: {plan: continuous, margin: 1h}}", ".events.margin", "allowed are plan, before"),
        ("[continuous]", "", "a list is not allowed; use continuous"),
    ],
)
def test_one_wrong_thing_of_a_plan_is_named_once(written: str, field: str, message: str) -> None:
    text = capture(written)
    found = [problem for problem in problems(text) if problem.field == f"{FIELD}{field}"]
    assert len(found) == 1, problems(text)
    assert message in found[0].message
    assert (found[0].file, found[0].line) == ("candidates.yaml", text[: text.index("capture:")].count("\n") + 1)


def test_registries_that_do_not_use_the_new_forms_keep_their_version() -> None:
    """Computed before phases and events had plans: versions name what the store keeps."""
    assert load(capture("{default: continuous}")).version == load(capture("continuous")).version
    assert load(capture("continuous")).version == "f173e0c8ef72"
    assert load(capture("{slots: 10, seconds: 60}")).version == "c2f9b4fa6c49"
    assert load(capture("{default: continuous, events: continuous}")).version != "f173e0c8ef72"


def test_the_plan_that_the_readme_shows_is_one() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (block,) = [part for part in readme.split("```yaml\n")[1:] if part.startswith("capture:")]
    shown = indent(block[: block.index("```")], "    ").strip()
    election = load(changed("capture: continuous", shown)).elections["fr_2027"]
    assert election.capture == SLOTS
    assert election.capture_changes == CaptureChanges((PhasePlan(Phase.VOTE, ALWAYS),), ALWAYS, 1800, 3600)


_WORDS = st.sampled_from(["continuous", "always", "1h", "5min", "10min", "0s", "", None, 10, 60, -1, 3601, True])
_NAMES = st.sampled_from(
    ["slots", "seconds", "every", "for", "default", "phases", "events", "plan", "before", "after", "vote", "early", "x"]
)
_PLANS = st.recursive(_WORDS, lambda of: st.dictionaries(_NAMES, of, max_size=3) | st.lists(of, max_size=2))


@settings(deadline=None, max_examples=60)
@given(_PLANS)
def test_whatever_is_written_is_a_plan_or_a_problem_on_its_line(written: object) -> None:
    text = capture(yaml.safe_dump(written, default_flow_style=True, width=10_000).removesuffix("...\n").strip())
    found = read_or_refused(text)
    if isinstance(found, tuple):
        line = text[: text.index("capture:")].count("\n") + 1
        assert {(problem.line, problem.field.startswith(FIELD)) for problem in found} == {(line, True)}
        return
    plans = [found.capture, *(special.plan for special in found.capture_changes.phases)]
    plans += [found.capture_changes.events] if found.capture_changes.events else []
    assert all(plan.mode in ("continuous", "slots", "every") for plan in plans)
    assert all(0 <= plan.slots * plan.slot_s <= 3600 and plan.length_s <= plan.every_s for plan in plans)


def read_or_refused(text: str) -> Election | tuple[Problem, ...]:
    try:
        return load(text).elections["fr_2027"]
    except RegistryInvalid as invalid:
        return invalid.problems
