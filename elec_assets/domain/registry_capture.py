"""The capture plan of an election, from the fields of the registry.

A plan is `continuous`, `{slots: 10, seconds: 60}` (random in equal parts of each hour) or `{every: 1h, for: 10min}`
(the first part of each period). `{default: PLAN, phases: {vote: PLAN}, events: PLAN}` gives phases and events plans of
their own; `events: {plan: PLAN, before: 30min, after: 1h}` lets events begin earlier and end later.
"""

from datetime import timedelta
from difflib import get_close_matches

from elec_assets.domain.phases import Phase
from elec_assets.domain.registry import CaptureChanges, CapturePlan, PhasePlan
from elec_assets.domain.registry_fields import Value, get
from elec_assets.domain.registry_tree import Mapping
from elec_assets.domain.windows import HOUR

_SECOND = timedelta(seconds=1)
_HOUR_S = HOUR // _SECOND
_SLOTS = ("slots", "seconds")
_EVERY = ("every", "for")
_BY_TIME = ("default", "phases", "events")
_EVENTS = ("plan", "before", "after")
_PLAN = "continuous, {slots, seconds} or {every, for}"
_CAPTURE = "continuous, {slots, seconds}, {every, for} or {default, phases, events}"


def read_capture(value: Value) -> tuple[CapturePlan, CaptureChanges] | None:
    """When the stream is listened to, and where otherwise; None, with problems noted, where it is no plan."""
    if _form(value, _BY_TIME, _EVERY, _SLOTS) != _BY_TIME:
        plan = _plan(value, _CAPTURE)
        return None if plan is None else (plan, CaptureChanges())
    fields = value.fields(required=_BY_TIME[:1], optional=_BY_TIME[1:])
    if fields is None:
        return None
    default = get(fields, "default", _plan)
    phases = get(fields, "phases", _phases) or ()
    events = get(fields, "events", _events)
    if default is None:
        return None
    plan, before, after = events or (None, 0, 0)
    return default, CaptureChanges(phases, plan, before, after)


def _form(value: Value, *forms: tuple[str, ...]) -> tuple[str, ...]:
    """The form that a mapping is written in: the first with a key of it, else with a key like one of it."""
    if not isinstance(value.node, Mapping):
        return ()
    keys = list(value.node.entries)
    for near in (1.0, 0.6):
        for form in forms:
            if any(get_close_matches(key, form, n=1, cutoff=near) for key in keys):
                return form
    return ()


def _plan(value: Value, allowed: str = _PLAN) -> CapturePlan | None:
    form = _form(value, _EVERY, _SLOTS)
    if form:
        return _every(value) if form == _EVERY else _slots(value)
    if not isinstance(value.node, Mapping) and value.raw(allowed) == "continuous":
        return CapturePlan()
    value.reject(allowed)
    return None


def _phases(value: Value) -> tuple[PhasePlan, ...]:
    fields = value.fields(required=(), optional=tuple(Phase))
    read = [(phase, get(fields or {}, phase, _plan)) for phase in Phase]
    return tuple(PhasePlan(phase, plan) for phase, plan in read if plan is not None)


def _events(value: Value) -> tuple[CapturePlan, int, int] | None:
    if _form(value, _EVENTS, _EVERY, _SLOTS) != _EVENTS:
        plan = _plan(value, f"{_PLAN}, or {{plan, before, after}}")
        return None if plan is None else (plan, 0, 0)
    fields = value.fields(required=_EVENTS[:1], optional=_EVENTS[1:])
    if fields is None:
        return None
    plan = get(fields, "plan", _plan)
    before, after = (get(fields, key, Value.duration) or timedelta() for key in _EVENTS[1:])
    return None if plan is None else (plan, before // _SECOND, after // _SECOND)


def _slots(value: Value) -> CapturePlan | None:
    fields = value.fields(required=_SLOTS)
    if fields is None:
        return None
    slots = get(fields, "slots", _count)
    seconds = get(fields, "seconds", _count)
    if slots is None or seconds is None:
        return None
    if slots * seconds > _HOUR_S:
        value.wrong(f"{slots} slots of {seconds} seconds do not fit into an hour of {_HOUR_S} seconds")
        return None
    return CapturePlan(mode="slots", slots=slots, slot_s=seconds)


def _count(value: Value) -> int | None:
    allowed = f"a whole number from 1 to {_HOUR_S}"
    number = value.integer(allowed)
    if number is None or 1 <= number <= _HOUR_S:
        return number
    value.reject(allowed)
    return None


def _every(value: Value) -> CapturePlan | None:
    fields = value.fields(required=_EVERY)
    if fields is None:
        return None
    every = get(fields, "every", Value.duration)
    length = get(fields, "for", Value.duration)
    if every is not None and HOUR % every:
        fields["every"].reject("a duration that divides an hour, such as 5min, 10min, 30min or 1h")
        return None
    if every is None or length is None:
        return None
    if length > every:
        fields["for"].wrong(f"{fields['for'].shown} is longer than every, {fields['every'].shown}")
        return None
    return CapturePlan(mode="every", every_s=every // _SECOND, length_s=length // _SECOND)
