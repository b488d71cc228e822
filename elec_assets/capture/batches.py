"""From a closed segment to the batches of the elections: which lines are whose, and what the slot proves for each."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from elec_assets.capture.bodies import Body, PlainBody
from elec_assets.capture.connection_spans import ConnectionSpans
from elec_assets.capture.evidence import Evidence, read_rules
from elec_assets.capture.lines import LineRead, Sort, read_line
from elec_assets.capture.records import Kind, Record
from elec_assets.capture.segments import Segment
from elec_assets.domain.intervals import NOWHERE, Intervals
from elec_assets.domain.journal import BatchJournal
from elec_assets.domain.layout_capture import BatchKey, LateKey
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.registry_fields import KEY
from elec_assets.domain.rule_sync import OUR_TAGS
from elec_assets.domain.rules import rule_tag_prefix
from elec_assets.domain.windows import HOUR_MS, Grain, created_ms, from_epoch_ms, key_of, window_at

UNKNOWN = "unknown"
"""The version of a registry that no record names."""


@dataclass(frozen=True, slots=True)
class SlotPlan:
    """What an election wanted of a slot, and how the tags of its rules begin (`rules.rule_tag_prefix`).

    `due`: whether it gets a batch even where nothing shows that it was listened to.
    """

    election: str
    planned: Intervals
    tag_prefix: str
    registry_version: str
    due: bool = True


@dataclass(frozen=True, slots=True)
class ElectionBatch:
    r"""The batch of one election: its key, its lines as received (in the form of a `Body`), journal, and pointers.

    Every line of the body ends with a line end: one that was cut off before its own gets `\r\n`, and one that has
    others inside counts as several, so that the journal's receive times fit to the lines.
    """

    key: BatchKey
    body: bytes
    journal: BatchJournal
    late: tuple[LateKey, ...]


def batches_of(
    segment: Segment,
    records: Iterable[Record],
    plans: Mapping[str, SlotPlan],
    body: Callable[[], Body] = PlainBody,
) -> list[ElectionBatch]:
    """The batch of each planned election, in the order of `plans`, and of each other that lines or proofs are of.

    A line goes to the elections that its tags name, planned or not; to all where they name none, or it cannot be read.

    Raises:
        SpoolDamaged: a record's payload cannot be read.
        OSError: what `records` raises.
    """
    sorter, evidence, spans, causes = _Sorter(plans.values(), body), Evidence(), ConnectionSpans(), _Causes()
    for record in records:
        if record.kind is Kind.LINE:
            for raw in _ended(record.payload):
                sorter.sort(record, raw)
        causes.note(record, evidence)
        evidence.apply(record)
        spans.apply(record, evidence)
        sorter.note(record, evidence)
    causes.see(evidence)
    evidence.settle()
    return [pile.batch(segment, evidence, spans, causes) for pile in sorter.piles(evidence)]


@dataclass(slots=True)
class _Pile:
    plan: SlotPlan
    body: Body
    received_ms: list[int] = field(default_factory=list)
    connections: list[int] = field(default_factory=list)
    sorts: Counter[Sort] = field(default_factory=Counter)
    hours: Counter[int] = field(default_factory=Counter)
    named: bool = False
    stood: bool = False

    def counts(self, evidence: Evidence) -> bool:
        """Whether there is something to say of the election."""
        heard = self.named or (self.stood and bool(self.plan.planned))
        return self.plan.due or heard or bool(evidence.proven.get(self.plan.election))

    def add(self, record: Record, raw: bytes, read: LineRead, hour: int | None) -> None:
        self.body.add(raw)
        self.received_ms.append(record.at_ms)
        self.connections.append(record.connection)
        self.sorts[read.sort] += 1
        if hour is not None:
            self.hours[hour] += 1

    def batch(self, segment: Segment, evidence: Evidence, spans: ConnectionSpans, causes: "_Causes") -> ElectionBatch:
        plan = self.plan
        key = BatchKey.of(plan.election, segment.slot_ms, segment.spool)
        windows = {hour: window_at(from_epoch_ms(hour * HOUR_MS), Grain.HOUR) for hour in sorted(self.hours)}
        journal = BatchJournal(
            spool=segment.spool,
            election=plan.election,
            slot_ms=segment.slot_ms,
            registry_version=plan.registry_version,
            planned=plan.planned,
            covered=evidence.proven.get(plan.election, NOWHERE),
            connections=spans.spans(),
            received_ms=tuple(self.received_ms),
            line_connections=tuple(self.connections),
            hours={key_of(window, Grain.HOUR): self.hours[hour] for hour, window in windows.items()},
            posts=self.sorts[Sort.POST],
            notices=self.sorts[Sort.NOTICE],
            unreadable=self.sorts[Sort.UNREADABLE],
            causes=causes.all(),
        )
        own = segment.slot_ms // HOUR_MS
        late = (
            LateKey(plan.election, window.start, key.slot, segment.spool)
            for hour, window in windows.items()
            if hour not in (own, own - 1)
        )
        return ElectionBatch(key, self.body.end(), journal, tuple(late))


def _ended(payload: bytes) -> list[bytes]:
    """The lines of what should be one."""
    if payload.find(b"\n") == len(payload) - 1 >= 0:
        return [payload]
    pieces = [piece + b"\n" for piece in payload.split(b"\n")]
    last = pieces.pop()
    return pieces if last == b"\n" and pieces else [*pieces, last[:-1] + b"\r\n"]


class _Sorter:
    """Puts lines on the piles of their elections; a pile is begun for each that is met."""

    def __init__(self, plans: Iterable[SlotPlan], body: Callable[[], Body]) -> None:
        self._body = body
        self._piles = [_Pile(plan, body()) for plan in plans]
        self._by_prefix = {pile.plan.tag_prefix: pile for pile in self._piles}
        # Few combinations of tags occur; looking each up anew took as long as reading the line (2026-11-22).
        self._known: dict[tuple[str, ...], list[_Pile]] = {}

    def note(self, record: Record, evidence: Evidence) -> None:
        """Take in a record, after the evidence did: lines that name no election may be of each whose rules stand."""
        if record.kind is Kind.RULES:
            said = read_rules(record)
            self._of(said.election, said.registry_version)
        if record.kind is Kind.RULES or record.kind is Kind.CARRY:
            for key in evidence.standing():
                self._of(key).stood = True

    def sort(self, record: Record, raw: bytes) -> None:
        """Read a line and put it where it belongs."""
        read = read_line(raw)
        made = None if read.post_id is None else created_ms(read.post_id)
        hour = None if made is None else made // HOUR_MS
        for pile in self._known.get(read.tags) or self._find(read.tags):
            pile.add(record, raw, read, hour)

    def piles(self, evidence: Evidence) -> list[_Pile]:
        """Those that are made batches; all, rather than lose lines that name none."""
        return [pile for pile in self._piles if pile.counts(evidence)] or [p for p in self._piles if p.received_ms]

    def _find(self, tags: tuple[str, ...]) -> list[_Pile]:
        named = [self._of(key) for key in dict.fromkeys(map(_election, tags)) if key is not None]
        for pile in named:
            pile.named = True
        # The list itself, which grows.
        self._known[tags] = named or self._piles
        return self._known[tags]

    def _of(self, key: str, version: str = "") -> _Pile:
        """The pile of an election; one without a plan says what is known of its registry."""
        prefix = rule_tag_prefix(key)
        pile = self._by_prefix.get(prefix)
        if pile is None:
            plan = SlotPlan(key, NOWHERE, prefix, version or UNKNOWN, due=False)
            pile = self._by_prefix[prefix] = _Pile(plan, self._body())
            self._piles.append(pile)
        elif version and pile.plan.registry_version == UNKNOWN:
            pile.plan = replace(pile.plan, registry_version=version)
        return pile


def _election(tag: str) -> str | None:
    """The election that a tag of a rule names; None where it is none of ours."""
    key = tag.removeprefix(OUR_TAGS).partition(":")[0]
    return key if KEY.fullmatch(key) and tag.startswith(rule_tag_prefix(key)) else None


class _Causes:
    """Why planned time was not listened to, in the order in which it became known."""

    def __init__(self) -> None:
        self._found: dict[tuple[Outcome, str], None] = {}
        self._lost = 0

    def note(self, record: Record, evidence: Evidence) -> None:
        """Take in a record, before the evidence does."""
        if record.kind is Kind.DAMAGE:
            self._lost += int(record.payload)
        elif record.kind is Kind.OPEN:  # from here on they hold no more
            self.see(evidence)

    def see(self, evidence: Evidence) -> None:
        """Take in what holds now."""
        for stop in evidence.state.stops:
            self._found[stop.outcome, stop.sentence] = None

    def all(self) -> tuple[tuple[Outcome, str], ...]:
        """Cause and sentence."""
        if self._lost:
            self._found[Outcome.ERROR, f"{self._lost:,} bytes of the spool were damaged on disk"] = None
        return tuple(self._found)
