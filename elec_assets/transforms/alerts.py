"""What is wrong -> who is told what, once: the state machine of alerts. Pure: conditions and time come in.

An incident is a condition over time: pending -> firing -> reminded -> resolved. It fires after `Rules.ticks` looks in a
row, and is over after as many without it. What is told goes into `State.outbox`, one grouped `Message` at a time:

    state = advance(state, conditions, silences, now, rules)    commit; if there is an outbox: publish it, then
    state = sent(state, now, rules)                             it was accepted: commit
    state = refused(state)                                      it was not: commit, all of it is told in the next one,
                                                                by number alone if it was the text that is unfit

Whoever stops between publish and commit finds the outbox again and sends the same message, by its number and incident
ids, a second time: at least once, and recognisable. What is muted is never announced while it is; what was announced
is always resolved.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from elec_assets.domain.silences import Silence, silencing
from elec_assets.transforms.alert_limits import has_room, held_back, room_at, with_sent
from elec_assets.transforms.alert_muting import muted_by
from elec_assets.transforms.alert_state import Condition, Incident, Message, Rules, State, changed, incident_id
from elec_assets.transforms.alert_texts import Told, alive_message, grouped_message, limit_message, plain_message

__all__ = ["advance", "refused", "sent"]


def advance(
    state: State, conditions: Iterable[Condition], silences: Sequence[Silence], now: datetime, rules: Rules
) -> State:
    """The state after one look, with a message in its outbox if one is due.

    A look sooner than `Rules.least_gap` after the last one changes nothing: two sensors at once count as one.
    """
    # What an earlier look left may have arrived.
    state = changed(state, in_doubt=state.outbox is not None)
    gap = None if state.looked_at is None else now - state.looked_at
    if gap is not None and timedelta(0) <= gap < rules.least_gap:
        return state
    seen = _by_key(conditions)
    state = _looked(state, seen, now, rules)
    state = _muted(state, silences, now, rules)
    if state.outbox is None:
        state = _composed(state, now, rules)
    return changed(state, looked_at=now)


def sent(state: State, now: datetime, rules: Rules) -> State:
    """The state once the message in the outbox was accepted."""
    message = state.outbox
    if message is None:
        return state
    told = {*message.opened, *message.raised, *message.reminded}
    incidents = {key: _told(i, message, now) if i.id in told else i for key, i in state.incidents.items()}
    over = [_told(i, message, now) if i.id in told else i for i in state.over]
    ended = [i for i in over if i.id in message.resolved]
    state = changed(
        state,
        incidents=incidents,
        over=[i for i in over if i.id not in message.resolved],
        outbox=None,
        in_doubt=False,
        plain=False,
        limited_since=(state.limited_since or now) if message.limit else None if message.opens else state.limited_since,
        alive_at=now if message.alive else state.alive_at,
    )
    return _kept(state if message.limit else with_sent(state, now), ended, now, rules)


def refused(state: State, *, unfit: bool = False) -> State:
    """The state once the message in the outbox was refused for certain: what it told is due again, in a new message.

    One in doubt stays as it is, or what had arrived would be told twice; unless it is `unfit`, never to be accepted:
    then the next one names nothing. If that is unfit too it is not for its text, and names are tried again.
    """
    if unfit:
        return changed(state, outbox=None, in_doubt=False, plain=not state.plain)
    return state if state.in_doubt else changed(state, outbox=None)


def _by_key(conditions: Iterable[Condition]) -> dict[str, Condition]:
    """One condition a key: the most severe, then the oldest."""
    found: dict[str, Condition] = {}
    for condition in conditions:
        other = found.get(condition.key)
        if other is None or (-condition.severity.rank, condition.since) < (-other.severity.rank, other.since):
            found[condition.key] = condition
    return found


def _looked(state: State, seen: Mapping[str, Condition], now: datetime, rules: Rules) -> State:
    """Count who was seen and who was not; what is over leaves `incidents`."""
    incidents: dict[str, Incident] = {}
    over: list[Incident] = []
    for key, incident in state.incidents.items():
        if key in seen:
            incidents[key] = _seen(incident, seen[key], now, rules)
        elif incident.fired_at is not None:
            missed = _missed(incident, now)
            if missed.misses < rules.ticks:
                incidents[key] = missed
            else:
                over.append(missed)
    for key, condition in seen.items():
        if key not in incidents:
            new = Incident(incident_id(key, now), condition, first_seen=now)
            incidents[key] = changed(new, fired_at=now) if rules.ticks <= 1 else new
    # Announced, or due to be when it ended: both its messages are owed.
    sending = state.outbox.opened if state.outbox else ()
    owed = [i for i in over if i.announced_at is not None or not i.muted or i.id in sending]
    unsaid = [i for i in over if i not in owed]
    return _kept(changed(state, incidents=incidents, over=[*state.over, *owed]), unsaid, now, rules)


def _seen(incident: Incident, condition: Condition, now: datetime, rules: Rules) -> Incident:
    hits = incident.hits + 1
    since = min(incident.condition.since, condition.since)
    fired = incident.fired_at or (now if hits >= rules.ticks else None)
    return changed(
        incident,
        condition=changed(condition, since=since),
        hits=hits,
        misses=0,
        ended_at=None,
        fired_at=fired,
        # A part of it is not looked for any more, while the rest goes on.
        forgotten=not incident.misses and (incident.forgotten or incident.condition.is_forgotten(now)),
    )


def _missed(incident: Incident, now: datetime) -> Incident:
    at = incident.ended_at or now
    forgotten = incident.forgotten or incident.condition.is_forgotten(at)
    return changed(incident, misses=incident.misses + 1, ended_at=at, forgotten=forgotten)


def _muted(state: State, silences: Sequence[Silence], now: datetime, rules: Rules) -> State:
    """Note of each incident why it is muted now, or that it is not."""
    incidents = {}
    for key, incident in state.incidents.items():
        silence = silencing(silences, (key, incident.condition.asset), now)
        if silence is not None:
            incidents[key] = changed(incident, muted=f"silence: {silence.reason}")
        else:
            why, until = muted_by(incident, state.incidents, now, rules)
            incidents[key] = changed(incident, muted=why, muted_until=until)
    return changed(state, incidents=incidents)


def _composed(state: State, now: datetime, rules: Rules) -> State:
    due = _due(state, now, rules)
    if due.events and not has_room(state, now, rules):
        if state.limited_since is not None or not due.changes:
            return state
        return _out(state, limit_message(len(due.changes), room_at(state, now, rules), rules, state.number + 1))
    if due.events and state.plain:
        return _out(state, plain_message(due, rules, state.number + 1))
    if due.events:
        return _out(state, grouped_message(due, held_back(state, due), now, rules, state.number + 1))
    if state.limited_since is not None and has_room(state, now, rules):
        state = changed(state, limited_since=None)
    if rules.alive_due(state.alive_at, now) and has_room(state, now, rules):
        firing = sum(i.fired_at is not None for i in state.incidents.values())
        return _out(state, alive_message(firing, now, rules, state.number + 1))
    return state


def _out(state: State, message: Message) -> State:
    return changed(state, outbox=message, number=message.number)


def _due(state: State, now: datetime, rules: Rules) -> Told:
    firing = [i for i in state.incidents.values() if i.fired_at is not None and not i.muted]
    told = [i for i in firing if i.announced_at is not None and not i.misses]
    over = [i for i in state.over if not _waits_for_morning(i, now, rules)]
    return Told(
        opened=_ordered(i for i in (*firing, *over) if i.announced_at is None),
        raised=_ordered(i for i in told if i.is_raised),
        reminded=_ordered(i for i in told if not i.is_raised and _reminder_due(i, now, rules)),
        resolved=_ordered(over),
    )


def _reminder_due(incident: Incident, now: datetime, rules: Rules) -> bool:
    return incident.told_at is not None and now - incident.told_at >= rules.remind_after(incident.severity)


def _waits_for_morning(incident: Incident, now: datetime, rules: Rules) -> bool:
    return rules.is_quiet(incident.loudest, incident.condition.timezone, now)


def _ordered(incidents: Iterable[Incident]) -> tuple[Incident, ...]:
    return tuple(sorted(incidents, key=lambda i: (-i.loudest.rank, i.condition.since, i.condition.key)))


def _told(incident: Incident, message: Message, now: datetime) -> Incident:
    opened = incident.id in message.opened
    at = incident.announced_at or (now if opened else None)
    severity = message.severities.get(incident.id, incident.severity)
    return changed(incident, announced_at=at, told_at=now, told_severity=severity)


def _kept(state: State, ended: Iterable[Incident], now: datetime, rules: Rules) -> State:
    """Add to the past what is over, and forget what is long past."""
    past = [*state.past, *ended]
    recent = [i for i in past if (i.ended_at or now) > now - rules.keep]
    return changed(state, past=recent[-rules.keep_most :])
