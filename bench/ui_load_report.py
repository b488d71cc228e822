"""What the loads showed: tables, figures, and the promises that were not kept."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from bench.report import Report, Row, ratio
from bench.ui_load_box import Stored
from bench.ui_load_clients import Answers, Asked
from bench.ui_load_costs import Cost, Span
from bench.ui_load_hour import LATENESS, PAST_HOUR, Sealed
from bench.ui_load_pages import Page

BROWSERS = "browsers"
_LATE_S = LATENESS.warn.total_seconds()
_SHOWN = 12
_OPENING_S = 5.0
_POLLS = 3
_LOADS = 2
# Of the service, and of the command that uploads what it left in the spool.
_CONNECTS = 2


@dataclass(frozen=True, slots=True)
class Phase:
    """One of the loads as it went; `began` and `ended` in seconds since 1970."""

    name: str
    began: float
    ended: float
    sealed: Sealed
    span: Span
    answers: Answers

    @property
    def seconds(self) -> float:
        """How long it was."""
        return self.ended - self.began

    @property
    def late_s(self) -> float:
        """How long after its end the hour was sealed, if the schedule ticks when it does."""
        return PAST_HOUR.total_seconds() + self.sealed.end_s


@dataclass(frozen=True, slots=True)
class Found:
    """All that was measured; `sent` and `connects` are the sandbox's count, `rate` is lines a second.

    `busy` is the load average of the machine before anything was started: what else ran.
    """

    phases: Sequence[Phase]
    pages: Sequence[Page]
    stored: Stored
    sent: int
    connects: int
    rate: float
    busy: float

    def due_s(self, number: int) -> float:
        """When a line was to be sent, in seconds since 1970."""
        return self.stored.opened_ms / 1000 + (number + 1) / self.rate

    def numbers(self, phase: Phase) -> list[int]:
        """The lines that were to be sent in a phase."""
        return [number for number in range(self.sent) if phase.began <= self.due_s(number) < phase.ended]

    @property
    def lost(self) -> int:
        """Lines that were sent and are not stored."""
        return sum(number not in self.stored.received_ms for number in range(self.sent))


def report(found: Found) -> Report:
    """The figures."""
    rows = [_row(found, phase) for phase in found.phases]
    more = {
        "processes": _processes(found.phases),
        "pages": [_page(page) for page in found.pages],
        "questions": _questions(found.phases),
    }
    notes = [f"{p.name}: a run failed, and was tried again: {said}" for p in found.phases for said in p.sealed.failed]
    return Report(_headline(found), rows, notes=notes, more=more, broken=broken(found))


def _headline(found: Found) -> dict[str, float]:
    asked = [each for phase in found.phases for each in phase.answers.asked]
    quiet, loaded = ([p for p in found.phases if (p.name == BROWSERS) is busy] for busy in (False, True))
    figures = {
        "sent": found.sent,
        "lost": found.lost,
        "late_s": round(max(phase.late_s for phase in loaded)),
        "late_s_allowed": _LATE_S,
        "seal_over_quiet": ratio(max(p.sealed.end_s for p in loaded), max(p.sealed.end_s for p in quiet)),
        "errors": sum(each.problem is not None for each in asked),
        "load_average_before": found.busy,
    }
    if asked:
        figures |= {f"graphql_{name}": value for name, value in _times([each.took_s for each in asked]).items()}
    return figures


def broken(found: Found) -> list[str]:
    """The promises that were not kept, a sentence each."""
    told = []
    if found.lost or found.stored.twice or found.connects != _CONNECTS:
        kept = {"sent": found.sent, "lost": found.lost, "twice": found.stored.twice, "connects": found.connects}
        told.append(f"not every line is stored once, over one connection and one that uploads the rest: {kept}")
    for phase in found.phases:
        if phase.late_s > _LATE_S:
            told.append(
                f"{phase.name}: hour {phase.sealed.partition} was sealed {phase.late_s:.0f} s after its end, it is "
                f"late after {_LATE_S:.0f} s"
            )
        problems = sorted({f"{each.operation}: {each.problem}" for each in phase.answers.asked if each.problem})
        if problems:
            told.append(f"{phase.name}: answers of GraphQL failed: {'; '.join(problems[:5])}")
    return told


def _row(found: Found, phase: Phase) -> Row:
    numbers = found.numbers(phase)
    received = found.stored.received_ms
    lags = [received[number] / 1000 - found.due_s(number) for number in numbers if number in received]
    asked = phase.answers.asked
    row: Row = {
        "load": phase.name,
        "seconds": round(phase.seconds),
        "lines": len(numbers),
        "lost": sum(number not in received for number in numbers),
        **{f"lag_{name}": value for name, value in _times(lags).items()},
        "started_s": round(phase.sealed.started_s, 1),
        "sealed_s": round(phase.sealed.end_s, 1),
        "late_s": round(phase.late_s),
        "failed_runs": len(phase.sealed.failed),
        "asked": len(asked),
        "errors": sum(each.problem is not None for each in asked),
    }
    return row | {f"graphql_{name}": value for name, value in _times([each.took_s for each in asked]).items()}


def _times(seconds: Sequence[float]) -> dict[str, float]:
    """Median, the time that 95 of 100 are below, and the longest, in seconds."""
    if not seconds:
        return {}
    ordered = sorted(seconds)
    p95 = ordered[min(len(ordered) - 1, len(ordered) * 95 // 100)]
    return {"s": round(median(ordered), 3), "p95_s": round(p95, 3), "max_s": round(ordered[-1], 2)}


def _processes(phases: Sequence[Phase]) -> list[Row]:
    """Parts of a core, and MiB of the largest process of a name, load by load."""
    names = sorted({name for phase in phases for name in phase.span.costs})
    return [{"process": name} | _costs(name, phases) for name in names]


def _costs(name: str, phases: Sequence[Phase]) -> Row:
    row: Row = {}
    for number, phase in enumerate(phases):
        # With --repeat there are several of a name.
        label = phase.name if len(phases) <= _LOADS else f"{phase.name} {number // _LOADS + 1}"
        cost = phase.span.costs.get(name, Cost())
        row[f"{label} core_%"] = round(100 * cost.cpu_s / phase.seconds, 1)
        row[f"{label} MiB"] = round(cost.largest_mib)
    return row


def _page(page: Page) -> Row:
    opening = sum(request.at_s <= _OPENING_S for request in page.requests)
    later = len(page.requests) - opening
    rest_s = page.seconds - _OPENING_S
    return {
        "page": page.name,
        "asked": len(page.requests),
        "in_first_5_s": opening,
        "a_second_then": round(later / rest_s, 2) if rest_s > 0 else 0.0,
        "sockets": len(page.sockets),
        "again_every": ", ".join(f"{name} {every_s:.1f} s" for name, every_s in _polled(page)),
    }


def _polled(page: Page) -> list[tuple[str, float]]:
    """Questions that a page asked more than once, and the mean time between, most often first."""
    times: dict[str, list[float]] = {}
    for request in page.requests:
        times.setdefault(request.body, []).append(request.at_s)
    names = {request.body: request.operation for request in page.requests}
    every = {names[body]: (max(at) - min(at)) / (len(at) - 1) for body, at in times.items() if len(at) > 1}
    return sorted(every.items(), key=lambda item: item[1])[:_POLLS]


def _questions(phases: Iterable[Phase]) -> list[Row]:
    """Those that took most time in all."""
    found: dict[str, list[Asked]] = {}
    for phase in phases:
        for each in phase.answers.asked:
            found.setdefault(each.operation, []).append(each)
    most = sorted(found.items(), key=lambda item: -sum(each.took_s for each in item[1]))[:_SHOWN]
    return [
        {
            "question": operation,
            "asked": len(asked),
            "errors": sum(each.problem is not None for each in asked),
            **_times([each.took_s for each in asked]),
            "kB": round(median(each.size for each in asked) / 1000, 1),
        }
        for operation, asked in most
    ]
