"""What came of a script, held against what was wrong in truth; and the same of the rule of 2021."""

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bench.alert_feeds import MINUTE, Feed
from bench.alert_phone import Event, events
from bench.alert_truths import PARIS, Script, Truth
from elec_assets.domain.windows import HOUR, iso
from elec_assets.transforms.alert_state import Message
from elec_assets.transforms.sms import SMS_SEPTETS, septets

SLACK = 2 * MINUTE
"""Two looks 30 s apart, and the moment of the clock's own between."""
REMIND = {"critical": 4 * HOUR, "warning": 24 * HOUR}
_EVERY_2021 = 4 * HOUR
_MAX_AGE, _TICK = 15 * MINUTE, 5 * MINUTE
Arrived = Sequence[tuple[datetime, Message]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one script.

    Attributes:
        messages: how many came, those of the dead-man switch and the signs of life among them.
        waits: minutes from the moment that something is past its window to its first message; one for each told.
        lost, twice, false, late: promises that were not kept, a sentence each.
    """

    messages: int
    waits: Sequence[float]
    lost: Sequence[str]
    twice: Sequence[str]
    false: Sequence[str]
    late: Sequence[str]

    @property
    def broken(self) -> list[str]:
        """All that was not kept."""
        return [*self.lost, *self.twice, *self.false, *self.late]


@dataclass
class _Found:
    """Sentences as they are found."""

    script: str
    said: dict[str, list[str]]

    def add(self, what: str, sentence: str) -> None:
        """Add one."""
        self.said[what].append(f"{self.script}: {sentence}")


@dataclass(frozen=True, slots=True)
class _Incident:
    """What was told of one incident."""

    name: str
    opened: Sequence[datetime]
    raised: Sequence[datetime]
    reminded: Sequence[datetime]
    over: Sequence[datetime]

    @property
    def first(self) -> datetime:
        """Its first message."""
        return min((*self.opened, *self.raised, *self.reminded, *self.over))


def judge(script: Script, arrived: Arrived, dead: Arrived, step: timedelta) -> Verdict:
    """Compare what came with the truth; `step` is the longest time between two looks."""
    found = _Found(script.kind, defaultdict(list))
    told = _by_asset(events(arrived))
    waits: list[float] = []
    for asset in sorted({*told, *(truth.asset for truth in script.truths)}):
        wanted = sorted((t for t in script.truths if t.asset == asset and t.spoken), key=lambda t: t.wrong)
        got = told.get(asset, [])
        for truth in wanted[len(got) :]:
            found.add("lost", f"{asset} is wrong from {iso(truth.wrong)}, and nobody is told")
        for incident in got[len(wanted) :]:
            found.add("false", f"{asset}: a message at {iso(incident.first)}, and nothing is wrong")
        for truth, incident in zip(wanted, got, strict=False):
            _compare(truth, incident, step, found)
            if truth.opened:
                waits.append((incident.first - truth.wrong) / MINUTE)
    _others(script, arrived, found)
    _dead(script, dead, found)
    return Verdict(len(arrived) + len(dead), waits, *(found.said[name] for name in ("lost", "twice", "false", "late")))


def _by_asset(told: Sequence[Event]) -> Mapping[str, list[_Incident]]:
    """Incidents by asset, in the order in which they began."""
    grouped: dict[tuple[str, str], list[Event]] = defaultdict(list)
    for event in sorted(told, key=lambda each: each.since):
        grouped[event.asset, event.incident].append(event)
    found: dict[str, list[_Incident]] = defaultdict(list)
    for (asset, name), its in grouped.items():
        times = {kind: [e.at for e in its if e.kind == kind] for kind in ("NEW", "WORSE", "STILL", "OVER")}
        found[asset].append(_Incident(name, times["NEW"], times["WORSE"], times["STILL"], times["OVER"]))
    return found


def _compare(truth: Truth, incident: _Incident, step: timedelta, found: _Found) -> None:
    where = f"{truth.asset} #{incident.name}"
    # One that came and went before it could be told is told once, as over.
    wanted = 0 if not truth.opened or (truth.hampered and not incident.opened) else 1
    for what, times, count in (("opening", incident.opened, wanted), ("resolving", incident.over, 1)):
        if len(times) < count:
            found.add("lost", f"{where} has no {what} message")
        if len(times) > count:
            found.add("twice", f"{where} has {len(times)} {what} messages")
    if len(incident.raised) > 1:
        found.add("twice", f"{where} is said to be worse {len(incident.raised)} times")
    for at in incident.opened:
        _timely(where, "opened", at, (truth.heard, truth.heard_by + SLACK), found)
    for at in incident.over:
        _timely(where, "resolved", at, (truth.over, truth.over_by + SLACK), found)
    _reminded(truth, incident, step, where, found)


def _timely(where: str, what: str, at: datetime, allowed: tuple[datetime, datetime], found: _Found) -> None:
    first, last = allowed
    if at < first:
        found.add("false", f"{where} is {what} at {iso(at)}, not before {iso(first)}")
    if at > last:
        found.add("late", f"{where} is {what} at {iso(at)}, not by {iso(last)}")


def _reminded(truth: Truth, incident: _Incident, step: timedelta, where: str, found: _Found) -> None:
    """As many reminders as are due between the last other message and the end, give or take the steps of the clock."""
    if not incident.over:
        return
    before = [at for at in (*incident.opened, *incident.raised) if at < incident.over[0]]
    told = max(before, default=truth.severe or truth.wrong)
    every = REMIND["critical" if truth.severe is not None and truth.severe <= told + SLACK else "warning"]
    most = (incident.over[0] - told) // every
    least = 0 if truth.hampered else (truth.over - told) // (every + step)
    after = sum(at > told for at in incident.reminded)
    if not least <= after <= most:
        found.add("late" if after < least else "twice", f"{where} has {after} reminders, not {least} to {most}")


def _others(script: Script, arrived: Arrived, found: _Found) -> None:
    """Messages about no incident: signs of life of Mondays, notices of the cap; and SMS that are too long."""
    alive = [at for at, message in arrived if message.alive]
    if alive[:1] != [at for at, _ in arrived[:1]]:
        found.add("lost", "there is no sign of life at the start")
    for at in alive[1:]:
        local = at.astimezone(ZoneInfo(PARIS))
        if local.weekday() or local.hour != 10:
            found.add("false", f"a sign of life at {iso(at)}")
    weeks = (script.window.end - script.window.start) // timedelta(days=8)
    if len(alive) - 1 < weeks:
        found.add("lost", f"{len(alive)} signs of life in {weeks} weeks")
    for at, message in arrived:
        if message.limit and not script.flaps:
            found.add("false", f"a cap is said to be reached at {iso(at)}")
        if not 0 < (septets(message.sms) or 0) <= SMS_SEPTETS:
            found.add("false", f"the SMS of message {message.number} is not one of 160 characters")


def _dead(script: Script, dead: Arrived, found: _Found) -> None:
    """The dead-man switch speaks once for each time that no look was made, and once when looks are made again."""
    wanted = []
    for window in script.dead:
        wanted += [("DEAD", window.start + _MAX_AGE - MINUTE, window.start + _MAX_AGE + _TICK)]
        wanted += [("alive again", window.end, window.end + _TICK)]
    for (words, first, last), (at, message) in zip(wanted, dead, strict=False):
        if words not in message.sms:
            found.add("false", f"the dead-man switch says {message.sms!r}")
        _timely("the dead-man switch", "heard", at, (first, last + SLACK), found)
    if len(dead) < len(wanted):
        found.add("lost", f"the dead-man switch speaks {len(dead)} times, not {len(wanted)}")
    for at, _ in dead[len(wanted) :]:
        found.add("false", f"the dead-man switch speaks at {iso(at)}")


@dataclass(frozen=True, slots=True)
class Verdict2021:
    """What the rule of 2021 makes of a script; `waits` are minutes as in `Verdict`, of the outages that it told."""

    messages: int
    false: int
    missed: int
    waits: Sequence[float]


def judge_2021(script: Script, draw: random.Random) -> Verdict2021:
    """An SMS at every look at which the newest upload of something is too old; looks are 4 hours apart."""
    looks = list(_looks_2021(script, draw))
    data = [truth for truth in script.truths if truth.data]
    alarms = [(at, feed.asset) for at in looks for feed in script.feeds if _stale_2021(feed, at)]
    false = [a for a in alarms if not any(t.asset == a[1] and t.wrong <= a[0] < t.over for t in data)]
    waits, missed = [], 0
    for truth in (t for t in data if t.spoken):
        heard = [at for at, asset in alarms if asset == truth.asset and truth.wrong <= at < truth.over]
        missed += not heard
        waits += [(heard[0] - truth.wrong) / MINUTE] if heard else []
    return Verdict2021(len(alarms), len(false), missed, waits)


def _looks_2021(script: Script, draw: random.Random) -> Iterator[datetime]:
    at = script.window.start + draw.random() * _EVERY_2021
    while at < script.window.end:
        yield at
        at += _EVERY_2021


def _stale_2021(feed: Feed, now: datetime) -> bool:
    modified = feed.modified(now)
    if modified is None or feed.threshold_s is None:
        return False
    # As it was written: without the days.
    return (now - modified).seconds > feed.threshold_s
