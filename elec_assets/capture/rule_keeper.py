"""The rules at X are those of the registry, or the spool knows since when they are not.

An election is proven only while all its rules stand: not where X does not take one, or cannot be asked about a change,
nor from before its rules go because it is not listened to (it has ended, a start was for other elections) until they
are back.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Protocol

from elec_assets.capture import records
from elec_assets.capture.clock import CaptureClock
from elec_assets.capture.records import Record
from elec_assets.clients.x_rules import Synced
from elec_assets.domain.registry import Election
from elec_assets.domain.rule_sync import HeldRule, difference
from elec_assets.domain.rules import StreamRule, rule_tag_prefix, stream_rules
from elec_assets.domain.windows import Grain, floor, from_epoch_ms

AHEAD = timedelta(seconds=60)
"""Rules of a candidate stand so long before the hours that they are wanted for, and so long after: X takes 20 s."""


class RulesAtX(Protocol):
    """See `clients.x_rules.XRules`."""

    def held(self, prefix: str = "") -> tuple[HeldRule, ...]:
        """The rules that X holds."""
        ...

    def sync(self, wanted: Iterable[StreamRule]) -> Synced:
        """Bring them to the wanted ones."""
        ...


class Noting(Protocol):
    """The spool, as it is told of rules."""

    def standing(self) -> frozenset[str]:
        """The elections of which it takes time for proven."""
        ...

    def append(self, record: Record) -> None:
        """Write a record."""
        ...


class RuleKeeper:
    """Keeps the rules of the active elections at X, and writes down when they changed. Thread-safe.

    Attributes:
        refused: sentences about rules that X does not take.
        count: rules that are wanted.
    """

    def __init__(self, *, rules: RulesAtX, spool: Noting, clock: CaptureClock, say: Callable[[str], None]) -> None:
        self.refused: tuple[str, ...] = ()
        self.count = 0
        self._rules = rules
        self._spool = spool
        self._clock = clock
        self._say = say
        self._lock = threading.Lock()
        # What stands at X, as far as is known; and elections of which that is not all.
        self._standing: dict[str, frozenset[StreamRule]] = {}
        self._incomplete: set[str] = set()
        self._known = False

    def due(self, elections: Iterable[Election]) -> bool:
        """Whether the rules of these elections are not those that were last seen to stand at X."""
        return self._wanted(elections) != self._standing

    def ensure(self, elections: Iterable[Election], version: str) -> None:
        """Bring X's rules to those of the elections, as they are in the registry of this version.

        Raises:
            XError: X refused, or could not be reached: what it holds is not known to be complete.
            SpoolFull, OSError: the spool refused.
        """
        with self._lock:
            wanted = self._wanted(elections)
            # The spool's own, not what X holds of them: another program may have deleted their rules already.
            self._ask(self._spool.standing() - wanted.keys())
            if self._known:  # before that, nothing is connected, and what X holds may be what is wanted
                self._doubt({key for key in wanted if wanted[key] != self._standing.get(key)})
            self._standing = {key: held for key, held in self._standing.items() if held == wanted.get(key)}
            rules = [rule for key in sorted(wanted) for rule in sorted(wanted[key], key=lambda r: (r.tag, r.value))]
            change = difference(rules, self._rules.held())
            touched = {r.tag for r in (*change.add, *change.left_out)} | {r.tag for r in change.delete_first}
            changed = {key for key in wanted if _any_of(touched, key)}
            bad: set[str] = set()
            if not change.nothing or change.left_out:
                self._doubt(changed)
                bad = self._told(self._rules.sync(rules))
            self._stand(wanted, {key for key in wanted if not _any_of(bad, key)}, changed, version)
            self.count = len(rules)

    def _doubt(self, keys: set[str]) -> None:
        """Nothing is proven for these elections from now on."""
        self._ask(keys - self._incomplete)
        self._incomplete |= keys

    def _ask(self, keys: Iterable[str]) -> None:
        for key in sorted(keys):
            self._spool.append(records.rules_asked(self._clock.now_ms(), key))

    def _stand(
        self, wanted: Mapping[str, frozenset[StreamRule]], complete: set[str], changed: set[str], version: str
    ) -> None:
        now = self._clock.now_ms()
        for key in sorted(complete):
            self._spool.append(records.rules(now, key, now if key in changed else 0, version))
        self._incomplete = wanted.keys() - complete
        self._standing = dict(wanted)
        self._known = True

    def _told(self, synced: Synced) -> set[str]:
        """Tell what X did not take; the tags of that."""
        texts = [f"X does not take the rule {r.rule.tag}: {r.why}; mend the candidate's terms" for r in synced.refused]
        texts += [f"X has no place for the rule {r.tag}: an app has 1,000; follow fewer" for r in synced.left_out]
        for text in texts:
            if text not in self.refused:
                self._say(text)
        self.refused = tuple(texts)
        if synced.added or synced.deleted:
            self._say(f"rules at X: {len(synced.added)} added, {len(synced.deleted)} deleted; they work within 20 s")
        return {r.rule.tag for r in synced.refused} | {r.tag for r in synced.left_out}

    def _wanted(self, elections: Iterable[Election]) -> dict[str, frozenset[StreamRule]]:
        """The rules of each election that collects now or soon: of who is followed in the hour of now or of close by.

        By whole hours, as rows, searches and volume count (docs/decisions/0015): a part of an hour with other rules
        would be a hole in an hour that is said to be captured.
        """
        now = from_epoch_ms(self._clock.now_ms())
        times = (now - AHEAD, now, now + AHEAD)
        return {
            e.key: frozenset(rule for t in times if e.active_at(t) for rule in stream_rules(e, floor(t, Grain.HOUR)))
            for e in elections
            if any(e.active_at(t) for t in times)
        }


def _any_of(tags: Iterable[str], election: str) -> bool:
    return any(tag.startswith(rule_tag_prefix(election)) for tag in tags)
