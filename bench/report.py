"""What all benchmarks share: options, the table for people, the JSON object for scripts, exit codes."""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.measure import PathFailed

_HOURS_OF_WEEK = 168
DONE, FAILED, WRONG_INPUT = 0, 1, 2
Row = dict[str, object]


class WrongOption(Exception):
    """An option holds what is not allowed; the text says what is."""


@dataclass(frozen=True, slots=True)
class Report:
    """A benchmark's result: figures by name (ratios above 1: the first named costs more), and its rows.

    `broken`: promises that were not kept, a sentence each; with any, the exit code is 1.
    """

    headline: Mapping[str, float]
    rows: Sequence[Row]
    notes: Sequence[str] = ()
    more: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    broken: Sequence[str] = ()


def options(
    name: str, about: str, *, size: int, unit: str, peers: Sequence[str] = (), week: bool = True
) -> argparse.ArgumentParser:
    """The options that benchmarks have, with those of a week's input and of peers where it has them."""
    parser = argparse.ArgumentParser(
        prog=f"python -m bench.{name}", description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=7, help="the same seed gives the same input (default 7)")
    parser.add_argument("--size", type=int, default=size, help=f"{unit} (default {size:,})")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    parser.add_argument("--repeat", type=int, default=1, help="run each so often, in turn, show the median (default 1)")
    if week:
        _add_week(parser)
    if peers:
        parser.add_argument("--only", default=",".join(peers), help="what to run, of: %(default)s (default all)")
    return parser


def _add_week(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--hours", type=int, default=168, help="put the posts in so many hours of the week: for tries (default 168)"
    )
    parser.add_argument(
        "--dir",
        type=Path,
        default=Path(tempfile.gettempdir(), "elec-bench"),
        help="keeps the input for the next time, and holds results while it runs (default %(default)s)",
    )


def chosen(only: str, peers: Sequence[str]) -> list[str]:
    """The peers named by `--only`, in the benchmark's order.

    Raises:
        WrongOption: one of them is none.
    """
    named = only.split(",")
    unknown = [name for name in named if name not in peers]
    if unknown:
        raise WrongOption(f"--only: {', '.join(unknown)!r} found; allowed: {', '.join(peers)}")
    return [peer for peer in peers if peer in named]


def main(
    parser: argparse.ArgumentParser,
    bench: Callable[[argparse.Namespace], Report],
    argv: Sequence[str] | None = None,
) -> int:
    """Run a benchmark and print its report; returns the exit code."""
    args = parser.parse_args(argv)
    try:
        _check(args)
        report = bench(args)
    except WrongOption as error:
        print(error, file=sys.stderr)
        return WRONG_INPUT
    except PathFailed as error:
        print(error, file=sys.stderr)
        return FAILED
    if args.json:
        more = {name: list(rows) for name, rows in report.more.items()}
        print(json.dumps({"headline": dict(report.headline), "rows": list(report.rows), **more}))
    else:
        print(text(report))
    for sentence in report.broken:
        print(f"broken: {sentence}", file=sys.stderr)
    return FAILED if report.broken else DONE


def _check(args: argparse.Namespace) -> None:
    if args.size < 1 or args.repeat < 1:
        raise WrongOption(f"--size {args.size} --repeat {args.repeat} found; both must be at least 1")
    if not 1 <= getattr(args, "hours", 1) <= _HOURS_OF_WEEK:
        raise WrongOption(f"--hours {args.hours} found; allowed: 1 to {_HOURS_OF_WEEK}")


def text(report: Report) -> str:
    """A report for people."""
    parts = [table(report.rows)]
    parts += [f"{name}\n{table(rows)}" for name, rows in report.more.items() if rows]
    parts.append("\n".join(f"{name} = {value:g}" for name, value in report.headline.items()))
    return "\n\n".join([*parts, *report.notes])


def table(rows: Sequence[Row]) -> str:
    """Rows under the names of their columns; numbers to the right."""
    if not rows:
        return "(no rows)"
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [[_shown(row.get(name)) for name in names] for row in rows]
    widths = [max(len(line[i]) for line in [names, *cells]) for i in range(len(names))]
    right = [all(not isinstance(row.get(name), str) for row in rows) for name in names]
    lines = [names, ["-" * width for width in widths], *cells]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    )


def _shown(value: object) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else str(value)


def progress(words: str) -> None:
    """Say on standard error what happens now."""
    print(words, file=sys.stderr, flush=True)


def ratio(of: float, to: float) -> float:
    """A quotient to three digits after the point."""
    return round(of / to, 3)
