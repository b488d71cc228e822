"""What goes wrong with the stream, by script: at a time of the server's clock, or after so many lines.

`do` says what:

- To the connection that runs: `close` (in good order), `reset` (TCP), `cut` (inside a line), `stall` (no byte for
  `for_s`, or until the client leaves), `disconnect` (a notice with `disconnect_type`, then `close`), `ghost` (a reset,
  and the place stays taken for `for_s`). One whose time comes while nobody is connected does nothing (a `ghost` does).
- To new connections: `refuse` (`preset`, or `status` and `body`, with `headers`; `reset_s` adds a rate limit that is
  over so long after; or `redirect`), `gzip` (the stream is coded), `plain` (it is not chunked).
- To lines: `duplicate` (sent again up to `delay_s` later), `late` and `shuffle` (posts made in the time come `delay_s`,
  or up to that, later than they would), `bad_json` (half a line before the line), `notice` (`body`, of a type unknown,
  before the line), `no_tag`, `empty_tag`, `null_tag` (and an integer id, as in 2021) and `no_rules` (as in 2020)
  in `matching_rules`, `post_spelling` (X's names of 2026).

Faults of new connections and of lines last `for_s`; without it, for the next `times` connections or lines.
"""

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from elec_assets.sandbox.faults import Fault, fault_of, read_faults
from elec_assets.sandbox.x_errors import PRESETS

ENDINGS = ("close", "reset", "cut", "stall", "disconnect", "ghost")
CONNECTS = ("refuse", "gzip", "plain")
DELAYS = ("late", "shuffle")
LINES = (
    *("duplicate", "bad_json", "notice"),
    *("no_tag", "empty_tag", "null_tag", "no_rules", "post_spelling"),
)
KINDS = (*ENDINGS, *CONNECTS, *DELAYS, *LINES)
# X's specification 2.159.
DISCONNECT_TYPES = (
    *("OperationalDisconnect", "UpstreamOperationalDisconnect", "ForceDisconnect", "UpstreamUncleanDisconnect"),
    *("SlowReader", "InternalError", "ClientApplicationStateDegraded", "InvalidRules"),
)


@dataclass(frozen=True, slots=True)
class StreamFault:
    """One fault of the stream (see the module).

    Attributes:
        do: what happens.
        at: when, UTC. Exactly one of `at`, `after_s` and `after_lines`.
        after_s: when, in seconds of the server's clock after it started.
        after_lines: when so many lines of posts were sent in all.
        for_s: how long, in seconds.
        times: how many connections or lines, where `for_s` is 0.
        share: of the lines or posts of the time, the part that is spoilt, 0 to 1.
        delay_s: of `late`, `shuffle` and `duplicate`.
        ghost_s: how long the place stays taken after `reset`, `cut`, `close`, `disconnect`, or after the client left a
            `stall`; None for the server's own `ghost_s` after a `stall`, and 0 after the others.
        disconnect_type: of `disconnect`.
        preset: of `refuse`, one of `x_errors.PRESETS`.
        status: of `refuse`.
        body: of `refuse` and `notice`: JSON.
        headers: of `refuse`; without any, X's own of rate limits are there, unless `bare`.
        bare: of `refuse`: without the headers of rate limits.
        reset_s: of `refuse`: `x-rate-limit-remaining: 0`, and `x-rate-limit-reset` so many seconds ahead.
        redirect: of `refuse`: `location` of a 302 answer.

    Raises:
        ValueError: a value that is not allowed, or does not go with the others.
    """

    do: str
    at: datetime | None = None
    after_s: float | None = None
    after_lines: int | None = None
    for_s: float = 0.0
    times: int = 1
    share: float = 1.0
    delay_s: float = 5.0
    ghost_s: float | None = None
    disconnect_type: str = "OperationalDisconnect"
    preset: str | None = None
    status: int | None = None
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    bare: bool = False
    reset_s: float | None = None
    redirect: str | None = None

    def __post_init__(self) -> None:
        _choice("do", self.do, KINDS)
        _choice("disconnect_type", self.disconnect_type, DISCONNECT_TYPES)
        if self.preset is not None:
            _choice("preset", self.preset, PRESETS)
        if sum(when is not None for when in (self.at, self.after_s, self.after_lines)) != 1:
            raise ValueError(f"{self.do} needs exactly one of at, after_s and after_lines")
        if self.at is not None and self.at.utcoffset() != timedelta(0):
            raise ValueError(f"at is {self.at}, must be a UTC time, such as 2027-02-01T13:05:00Z")
        numbers = (self.after_s, self.after_lines, self.for_s, self.delay_s, self.ghost_s, self.reset_s)
        if any(n is not None and n < 0 for n in numbers) or self.times < 1 or not 0 < self.share <= 1:
            raise ValueError("times must be 1 or more, share above 0 and at most 1, all other numbers 0 or more")
        if self.do in DELAYS and (self.after_lines is not None or not self.for_s):
            raise ValueError(f"{self.do} needs a time: at or after_s, and for_s")
        if self.do == "refuse" and self.preset is None and self.status is None and self.redirect is None:
            raise ValueError("refuse needs one of preset, status and redirect")


def _choice(name: str, value: object, allowed: Iterable[str]) -> None:
    if value not in tuple(allowed):
        raise ValueError(f"{name} is {value!r}, must be one of {', '.join(allowed)}")


def load_x_faults(path: Path) -> list[Fault | StreamFault]:
    """Faults of X from a JSON file: a list of objects, with `do` those of the stream, without it those of `Fault`.

    `at` is a text in ISO 8601 with an offset of 0, such as 2027-02-01T13:05:00Z.

    Raises:
        ValueError: the file is not such a list; the message names the file and the entry.
    """
    return read_faults(path, _x_fault)


def _x_fault(entry: object, where: str) -> Fault | StreamFault:
    if not isinstance(entry, dict) or "do" not in entry:
        return fault_of(entry, Fault, where)
    if entry.get("at") is None:
        return fault_of(entry, StreamFault, where)
    try:
        moment = datetime.fromisoformat(str(entry["at"]))
    except ValueError as error:
        raise ValueError(f"{where}: at is {entry['at']!r}, must be a UTC time, such as 2027-02-01T13:05:00Z") from error
    return fault_of({**entry, "at": moment}, StreamFault, where)


def faults_from_seed(seed: int, start: datetime, hours: int, *, fatal: bool = False) -> list[StreamFault]:
    """A script: in each hour from `start` (UTC) on, every kind that a collector must survive, at times that are drawn.

    Connections end in ten ways, one in each tenth of the hour; six of them let nobody in for up to three minutes. With
    `fatal` X refuses for some minutes, once an hour, what only a person can mend: 402, 403, or a used up cap.
    """
    faults: list[StreamFault] = []
    for hour in range(hours):
        # Seeded by text: the same on every machine and Python version.
        rng = random.Random(f"{seed} stream {hour}")  # noqa: S311 - must repeat, keeps no secret
        begin = start + timedelta(hours=hour)
        endings = [*_endings(rng, fatal=fatal)]
        rng.shuffle(endings)
        tenth = timedelta(hours=1) / len(endings)
        for number, ending in enumerate(endings):
            moment = _whole(begin + tenth * (number + 0.1 + 0.5 * rng.random()))
            faults += [replace(fault, at=moment, after_s=None) for fault in ending]
        for fault in _lasting(rng):
            moment = _whole(begin + timedelta(hours=0.9 * rng.random()))
            faults.append(replace(fault, at=moment, after_s=None))
    return sorted(faults, key=lambda fault: str(fault.at))


def _whole(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _endings(rng: random.Random, *, fatal: bool) -> Iterator[list[StreamFault]]:
    """How connections end; `after_s` is replaced by a time."""
    yield [StreamFault("close", after_s=0)]
    yield [StreamFault("reset", after_s=0)]
    yield [StreamFault("cut", after_s=0)]
    yield [StreamFault("stall", after_s=0)]
    yield [StreamFault("disconnect", after_s=0, disconnect_type=rng.choice(DISCONNECT_TYPES[:4]))]
    yield [StreamFault("disconnect", after_s=0, disconnect_type="SlowReader", ghost_s=rng.uniform(5, 60))]
    yield [StreamFault("reset", after_s=0, ghost_s=rng.uniform(30, 180))]
    yield [StreamFault("ghost", after_s=0, for_s=rng.uniform(30, 180))]
    down_s = rng.uniform(10, 90)
    yield [
        StreamFault("close", after_s=0),
        StreamFault("refuse", after_s=0, for_s=down_s, preset="service_unavailable", bare=True),
    ]
    reset_s, bare = (rng.uniform(20, 120), False) if rng.random() < 0.5 else (None, True)
    limit = StreamFault("refuse", after_s=0, times=1, preset="rate_limit", reset_s=reset_s, bare=bare)
    yield [StreamFault("reset", after_s=0), limit]
    if fatal:
        kind = rng.choice(("credits_depleted", "client_not_enrolled", "usage_cap_exceeded"))
        refusal = StreamFault("refuse", after_s=0, for_s=rng.uniform(60, 300), preset=kind)
        yield [StreamFault("close", after_s=0), refusal]


def _lasting(rng: random.Random) -> Iterator[StreamFault]:
    """What happens to lines and new connections for a time; `after_s` is replaced by a time."""
    for kind in LINES:
        yield StreamFault(kind, after_s=0, for_s=rng.uniform(60, 300), share=rng.uniform(0.2, 1.0))
    yield StreamFault("shuffle", after_s=0, for_s=rng.uniform(60, 300), delay_s=rng.uniform(5, 12))
    late_s = rng.uniform(60, 300)
    yield StreamFault("late", after_s=0, for_s=rng.uniform(30, 120), delay_s=late_s, share=rng.uniform(0.2, 0.6))
    yield StreamFault("gzip", after_s=0, times=2)
