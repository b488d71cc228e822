"""The weekly step alone: sealed hours into one weekly file, beside polars, pandas and DuckDB."""

import argparse
import sys
import tempfile
from functools import partial
from pathlib import Path

from bench import hours
from bench.measure import Measured, PathFailed, measure, medians, warm
from bench.report import Report, WrongOption, chosen, main, options, progress, ratio

PEERS = ("ours", "ours_csv", "polars_sink", "polars_both", "polars_sort", "pandas", "duckdb")
_SAME_BYTES = ("ours", "ours_csv", "polars_sink", "polars_both", "polars_sort")
_SAME_WORK = {"ours": "polars_both", "ours_csv": "polars_sink"}
_ABOUT = """\
The 168 sealed hours of a week, Parquet files that are deduplicated and sorted already, become one weekly .csv.gz.

  ours         the project: hour by hour, checked, into .csv.gz and .parquet at once, then put into a store
  ours_csv     the same, without the .parquet and the store
  polars_sink  scan_parquet -> sink_csv(gzip 6), streaming: the peer to hold against
  polars_both  the same scan -> sink_csv and sink_parquet at once: the peer of ours with both files
  polars_sort  read all, sort all by id, write_csv(gzip 6)
  pandas       read all, sort all by id, to_csv(gzip 6)
  duckdb       read_parquet -> COPY gzip; 2 threads, 6 GB

Each runs in a fresh process; cpu_s is user + system time with imports. At the end ids and some columns are compared,
and the plain bytes of ours and of polars. Above 300,000 posts the rows of each hour are repeated, shuffled, under
new ids."""


def bench(args: argparse.Namespace) -> Report:
    """Prepare, measure, compare; with `--grow`, ours once more on a larger week.

    Raises:
        WrongOption: `--grow` without `ours`, or below 1.
        PathFailed: a path failed, or two do not hold the same posts.
    """
    paths = chosen(args.only, PEERS)
    if args.grow and (args.grow < 1 or "ours" not in paths):
        raise WrongOption(f"--grow {args.grow} found; allowed: 1 or more, with `ours` among --only")
    folder = hours.prepare(args.dir, args.seed, args.size, args.hours)
    warm(folder)
    with tempfile.TemporaryDirectory(prefix="week-", dir=args.dir) as work:
        runs = [partial(_measure, path, folder, Path(work, path)) for path in paths]
        measured = {m.path: m for m in medians(runs, args.repeat)}
        _compare(measured)
        grown = _grown(args, Path(work, "grown")) if args.grow else None
    return _report(args, measured, grown)


def _measure(path: str, folder: Path, out: Path) -> Measured:
    progress(f"running {path}")
    out.mkdir(exist_ok=True)
    module = "week_ours" if path == "ours_csv" else f"week_{path}"
    job = {"input": str(folder), "out": str(out), "csv_only": path == "ours_csv"}
    return measure(path, f"bench.peers.{module}", job)


def _grown(args: argparse.Namespace, out: Path) -> Measured:
    size = round(args.size * args.grow)
    folder = hours.prepare(args.dir, args.seed, size, args.hours)
    warm(folder)
    [grown] = medians([partial(_measure, "ours", folder, out)], args.repeat)
    return grown


def _compare(measured: dict[str, Measured]) -> None:
    progress("comparing what they wrote")
    job = {"csv": {path: m.figures["csv"] for path, m in measured.items()}, "plain": _SAME_BYTES}
    checked = measure("check", "bench.peers.check", job).figures
    for what in ("columns", "ids", "values"):
        if len({str(found[what]) for found in checked.values()}) > 1:
            raise PathFailed(f"the weekly files do not hold the same {what}: {checked}")
    if len({found["plain"] for found in checked.values()} - {None}) > 1:
        raise PathFailed(f"{', '.join(_SAME_BYTES)} do not write the same CSV: {checked}")


def _report(args: argparse.Namespace, measured: dict[str, Measured], grown: Measured | None) -> Report:
    every = [*measured.items(), *([(f"ours x {args.grow:g}", grown)] if grown else [])]
    rows = []
    for path, m in every:
        size = round(args.size * args.grow) if m is grown else args.size
        per_s = round(size / m.cpu_s)
        rows.append({**m.row(), "path": path, "rows_per_cpu_s": per_s, "out_mb": round(m.figures["out_mb"], 2)})
    figures: dict[str, float] = {}
    for path, peer in _SAME_WORK.items():
        if path in measured and peer in measured:
            figures[f"cpu_{path}_over_{peer}"] = ratio(measured[path].cpu_s, measured[peer].cpu_s)
    if "ours" in measured:
        figures["peak_mib_ours"] = round(measured["ours"].peak_mib)
        if grown:
            figures["peak_growth"] = ratio(grown.peak_mib, measured["ours"].peak_mib)
    return Report(figures, rows)


if __name__ == "__main__":
    parser = options("week", _ABOUT, size=1_000_000, unit="posts of the week", peers=PEERS)
    parser.add_argument(
        "--grow", type=float, default=0, help="run ours on a week this many times larger too, and compare the peaks"
    )
    sys.exit(main(parser, bench))
