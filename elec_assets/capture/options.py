"""What the service is made of, and what it says at its end."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from elec_assets.capture.parts import Connections, Stream
from elec_assets.capture.rule_keeper import RulesAtX
from elec_assets.clients.store import Store
from elec_assets.domain.prices import Prices
from elec_assets.domain.registry import Registry


class CaptureRefused(Exception):
    """There is nothing to capture, or not so; the text says what to do."""


@dataclass(frozen=True, slots=True)
class CaptureOptions:
    """How to capture.

    Attributes:
        registry: path of the registry.
        spool: directory of the spool.
        cap_bytes: most bytes of the spool.
        budget_usd: USD a month for the stream.
        prices: of a post and a user; zero where it is free.
        sandbox: whether X is one.
        elections: only these; all where none is named.
        for_s: capture so long, whatever the plan says, and upload; None: until stopped.
        store: opens the store; raises `StoreError`.
    """

    registry: Path
    spool: Path
    cap_bytes: int
    budget_usd: float
    prices: Prices
    sandbox: bool
    store: Callable[[], Store]
    elections: tuple[str, ...] = ()
    for_s: float | None = None


@dataclass(frozen=True, slots=True)
class XParts:
    """The three sides of X's stream."""

    stream: Stream
    connections: Connections
    rules: RulesAtX


@dataclass(frozen=True, slots=True)
class CaptureSummary:
    """What a run did. `problems` are sentences; `waiting` slots are still in the spool."""

    seconds: float
    lines: int
    keep_alives: int
    connections: int
    uploaded: int
    waiting: int
    spent_usd: float
    problems: tuple[str, ...]


def refuse_nothing(options: CaptureOptions, registry: Registry, now: datetime) -> None:
    """See that there is something to capture.

    Raises:
        CaptureRefused: an election is not known, or none collects (any more).
    """
    for key in options.elections:
        if key not in registry.elections:
            known = ", ".join(registry.elections)
            raise CaptureRefused(f"there is no election {key} in {registry.source}; it has {known}")
    chosen = [e for key, e in registry.elections.items() if not options.elections or key in options.elections]
    if any(e.active_at(now) for e in chosen):
        return
    later = any(e.calendar.collect_from > now for e in chosen)
    if options.for_s is not None or not later:
        when = "now" if later else "now or later"
        raise CaptureRefused(f"no election collects {when}: see collect_from and collect_until in {registry.source}")
