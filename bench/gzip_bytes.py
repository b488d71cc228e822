"""Whether the weekly files are the same bytes whatever the number of threads and however the hours were cut."""

import argparse
import hashlib
import sys
import tempfile
from pathlib import Path

from bench import hours
from bench.measure import measure
from bench.report import Report, Row, main, options, progress

CUTS = ("hours", "sevenths", "1000 rows", "7 rows a chunk")
THREADS = (1, 2)
_ABOUT = """\
The same sealed week is written by the project with 1 and with 2 threads of polars, its rows handed on as hours, as
sevenths of the week, in frames of 1,000 rows, and as one frame of many small chunks. The .csv.gz and the .parquet
must be the same bytes each time: sha256 is shown, and same_csv_gz and same_parquet are 1 if they are."""


def bench(args: argparse.Namespace) -> Report:
    """Write the week in all ways and compare.

    Raises:
        PathFailed: one of them failed.
    """
    folder = hours.prepare(args.dir, args.seed, args.size, args.hours)
    with tempfile.TemporaryDirectory(prefix="bytes-", dir=args.dir) as work:
        ways = [(threads, cut) for threads in THREADS for cut in CUTS]
        rows = [_way(folder, Path(work), threads, cut) for threads, cut in ways]
    same = {kind: len({row[kind] for row in rows}) == 1 for kind in ("csv_gz", "parquet")}
    return Report({f"same_{kind}": int(equal) for kind, equal in same.items()}, rows)


def _way(folder: Path, work: Path, threads: int, cut: str) -> Row:
    progress(f"writing with {threads} threads, cut into {cut}")
    out = work / f"{threads}-{CUTS.index(cut)}"
    out.mkdir()
    job = {"input": str(folder), "out": str(out), "cut": cut}
    measured = measure(cut, "bench.peers.week_ours", job, {"POLARS_MAX_THREADS": str(threads)})
    csv = Path(measured.figures["csv"])
    return {
        "threads": threads,
        "cut": cut,
        "rows": measured.figures["rows"],
        "csv_gz": _sha256(csv),
        "parquet": _sha256(csv.with_name(csv.name.replace(".csv.gz", ".parquet"))),
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    sys.exit(main(options("gzip_bytes", _ABOUT, size=20_000, unit="posts of the week"), bench))
