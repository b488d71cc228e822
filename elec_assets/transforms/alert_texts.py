"""The texts of alerts: an SMS, a subject, an e-mail. Conditions, times and incident ids, nothing else.

Every text holds the id (`#a1f3e2`) of each incident it names: SNS may deliver a message twice. All are bounded,
however many incidents wait: what is too long is refused, and would never be told.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from elec_assets.domain.windows import iso
from elec_assets.transforms.alert_state import Incident, Message, Rules, Severity, changed
from elec_assets.transforms.sms import SMS_SEPTETS, cut, gsm, septets, shortened, subject

TOP = 3
"""How many incidents an SMS names, before it counts."""
NAMED = 100
"""How many an e-mail names at most."""
TEXT_BYTES = 90_000
"""Of the incidents in an e-mail, as JSON escapes them: SNS takes 262,144 with the text twice."""
_ASSET, _WRONG, _LABEL = 200, 300, 20
_WORDS = {Severity.CRITICAL: "CRIT", Severity.WARNING: "WARN"}
_MINUTES, _HOURS = 60, 48
_NARROWEST = 12


@dataclass(frozen=True, slots=True)
class Told:
    """What one message tells, each the most severe first. An incident that came and went may be opened and resolved."""

    opened: Sequence[Incident] = ()
    raised: Sequence[Incident] = ()
    reminded: Sequence[Incident] = ()
    resolved: Sequence[Incident] = ()

    @property
    def events(self) -> tuple[tuple[str, Incident], ...]:
        """All of it, in the order in which it is told; an incident that is over is told as such."""
        gone = {incident.id for incident in self.resolved}
        return (
            *(("NEW", i) for i in self.opened if i.id not in gone),
            *(("WORSE", i) for i in self.raised),
            *(("STILL", i) for i in self.reminded),
            *(("DROPPED" if i.forgotten else "OVER", i) for i in self.resolved),
        )

    @property
    def changes(self) -> frozenset[str]:
        """Ids of the incidents that are new, worse or over."""
        return frozenset(i.id for part in (self.opened, self.raised, self.resolved) for i in part)


def grouped_message(told: Told, held: int, now: datetime, rules: Rules, number: int) -> Message:
    """One message about everything that is due; `held`: how many of the incidents a cap has held back.

    All of them count as told, also those that it does not name.
    """
    events = told.events
    severity = _loudest(events)
    count = f"{len(events)} alerts" if len(events) > 1 else f"{events[0][0]} {events[0][1].condition.asset}"
    message = Message(
        number,
        severity,
        subject=subject(f"[{rules.label} {_WORDS[severity]}] {count} #{events[0][1].id}"),
        sms=_sms(events, severity, held, now, rules),
        text=_text(events, held, now, rules, number),
    )
    return _telling(message, told)


def plain_message(told: Told, rules: Rules, number: int) -> Message:
    """The same by number alone, where SNS does not take the texts."""
    severity, count = _loudest(told.events), len(told.events)
    whose = f"{count} alerts whose text" if count > 1 else "1 alert whose text"
    head = f"{shortened(gsm(rules.label), _LABEL)} {_WORDS[severity]}: "
    said = f"{head}{whose} SNS does not take; elec watch ls shows {'them' if count > 1 else 'it'}"
    title = subject(f"[{rules.label} {_WORDS[severity]}] {count} alert{'s' if count > 1 else ''}")
    return _telling(Message(number, severity, title, cut(said), f"{said}\n\nMessage {number}.\n"), told)


def _telling(message: Message, told: Told) -> Message:
    return changed(
        message,
        opened=tuple(i.id for i in told.opened),
        raised=tuple(i.id for i in told.raised),
        reminded=tuple(i.id for i in told.reminded),
        resolved=tuple(i.id for i in told.resolved),
        severities={i.id: i.loudest for _, i in told.events},
    )


def _loudest(events: Sequence[tuple[str, Incident]]) -> Severity:
    return max((i.loudest for _, i in events), key=lambda each: each.rank)


def limit_message(held: int, until: datetime, rules: Rules, number: int) -> Message:
    """The one message that says that a cap is reached."""
    line = f"limit of {rules.per_hour} messages an hour, {rules.per_month} a month reached"
    said = gsm(f"{line}: {held} held back; they are told from {iso(until)} on")
    return _plain(said, "limit of messages reached", rules, number, limit=True)


def alive_message(firing: int, now: datetime, rules: Rules, number: int) -> Message:
    """The weekly proof that a message reaches the phone."""
    said = gsm(f"alerts are alive at {iso(now)}, {firing} open. If this stops coming on Mondays, look.")
    return _plain(said, "alerts are alive", rules, number, alive=True)


def length(span: timedelta) -> str:
    """A length of time as people say it: `47m`, `2h40m`, `3d4h`."""
    minutes = max(0, int(span.total_seconds() // 60))
    if minutes < _MINUTES:
        return f"{minutes}m"
    hours, rest = divmod(minutes, _MINUTES)
    if hours < _HOURS:
        return f"{hours}h{rest:02d}m"
    return f"{hours // 24}d{hours % 24}h"


def _plain(said: str, title: str, rules: Rules, number: int, *, limit: bool = False, alive: bool = False) -> Message:
    head = f"{shortened(gsm(rules.label), _LABEL)}: "
    return Message(
        number,
        Severity.CRITICAL,
        subject=subject(f"[{rules.label}] {title}"),
        sms=cut(head + said),
        text=f"{head}{said}\n\nMessage {number}.\n",
        limit=limit,
        alive=alive,
    )


def _sms(events: Sequence[tuple[str, Incident]], severity: Severity, held: int, now: datetime, rules: Rules) -> str:
    """The first three by name, then a count. Assets, then what is wrong, give way; ids never do."""
    head = f"{shortened(gsm(rules.label), _LABEL)} {_WORDS[severity]}: "
    rest = len(events) - TOP
    tail = (f" +{rest} more" if rest > 0 else "") + (f" ({held} were held back)" if held else "")
    shown = events[:TOP]
    share = (SMS_SEPTETS - len(tail) - (septets(head) or len(head)) - 2 * (len(shown) - 1)) // len(shown)
    return cut(head + "; ".join(_item(kind, incident, share, now) for kind, incident in shown) + tail)


def _item(kind: str, incident: Incident, most: int, now: datetime) -> str:
    """One incident in at most so many septets."""
    mark = f" #{incident.id}"
    what = _ended(kind, incident, now) or gsm(incident.condition.wrong)
    asset = gsm(incident.condition.asset)
    since = "" if _ended(kind, incident, now) else f" since {incident.condition.since:%H:%M}Z"
    whole = f"{kind} {asset}: {what}{since}"
    room = most - len(mark)
    if (septets(whole) or 0) <= room:
        return whole + mark
    left = max(_NARROWEST, room - len(kind) - 3 - (septets(what) or 0))
    return cut(f"{kind} {shortened(asset, left)}: {what}", room) + mark


def _ended(kind: str, incident: Incident, now: datetime) -> str:
    """How it ended; empty: it did not."""
    lasted = length((incident.ended_at or now) - incident.condition.since)
    return {"OVER": f"lasted {lasted}", "DROPPED": f"not mended, forgotten after {lasted}"}.get(kind, "")


def _text(events: Sequence[tuple[str, Incident]], held: int, now: datetime, rules: Rules, number: int) -> str:
    """The e-mail: every incident on lines of its own, as many as there is room for, the most severe first."""
    label = shortened(rules.label, _LABEL)
    lines = [f"{label}: {len(events)} alert{'s' if len(events) > 1 else ''} at {iso(now)}"]
    if held:
        lines.append(f"{held} of them were held back by the limit of messages.")
    ordered = sorted(events, key=lambda event: -event[1].loudest.rank)
    named = _named(ordered, now)
    lines += [line for block in named for line in block]
    rest = Counter(kind for kind, _ in ordered[len(named) :])
    if rest:
        lines += ["", f"+{rest.total()} more: {', '.join(f'{count} {kind}' for kind, count in rest.items())}"]
    lines += [
        "",
        f"Message {number}. `elec watch ls` shows what is open, `elec watch silence` mutes with an expiry.",
        "",
    ]
    return "\n".join(lines)


def _named(events: Sequence[tuple[str, Incident]], now: datetime) -> list[list[str]]:
    """The lines of the first incidents that an e-mail has room for."""
    blocks, room = [], TEXT_BYTES
    for kind, incident in events[:NAMED]:
        block = _block(kind, incident, now)
        room -= len(json.dumps("\n".join(block)))
        if room < 0:
            break
        blocks.append(block)
    return blocks


def _block(kind: str, incident: Incident, now: datetime) -> list[str]:
    condition, ended = incident.condition, _ended(kind, incident, now)
    over = f" until {iso(incident.ended_at or now)}, {ended}" if ended else ""
    return [
        "",
        f"{kind} {incident.loudest} #{incident.id} {shortened(condition.asset, _ASSET)}",
        f"  {shortened(' '.join(condition.wrong.split()), _WRONG)}",
        f"  since {iso(condition.since)}{over}",
    ]
