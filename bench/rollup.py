"""From a week's raw batch files to its weekly file: the project, the way of 2021, DuckDB, and the least possible."""

import argparse
import sys
import tempfile
from functools import partial
from pathlib import Path

from bench import posts
from bench.measure import Measured, PathFailed, measure, medians, warm
from bench.peers.columns import FLAT, MATCHED
from bench.report import Report, Row, WrongOption, chosen, main, options, progress, ratio

PEERS = ("ours", "ours_bare", "2021", "duckdb", "floor")
_ABOUT = """\
One ISO week of X's filtered stream (3 kB a post), in 2,016 five-minute .jsonl.gz files, becomes one weekly .csv.gz.

  ours       the project: 168 hours sealed one by one to Parquet, then the week streamed to .csv.gz and .parquet
  ours_bare  the same without candidates and weekly .parquet: what the peers do, and no more
  2021       json.loads -> pandas -> .csv.gz per batch; then all read again, concatenated, drop_duplicates, to_csv
  duckdb     one statement: read_json -> last copy of each id -> flat columns -> COPY; 2 threads, 6 GB
  floor      what nobody can avoid: gunzip (zlib-ng), parse (simdjson), gzip level 6 of our CSV (the cheaper zlib)

All make the same columns, but only ours finds the candidates and writes Parquet too. Each runs in a fresh process;
cpu_s is user + system time with imports. At the end the ids of all and some columns are compared."""


def bench(args: argparse.Namespace) -> Report:
    """Prepare, measure, compare.

    Raises:
        WrongOption: `floor` without `ours`, whose CSV it packs.
        PathFailed: a path failed, or two do not hold the same posts.
    """
    paths = chosen(args.only, PEERS)
    if "floor" in paths and "ours" not in paths:
        raise WrongOption("--only: floor packs the CSV of ours again; name both")
    progress(f"{args.size:,} posts of seed {args.seed}: making or finding the batch files in {args.dir}")
    folder = posts.prepare(args.dir, args.seed, args.size, args.hours)
    warm(folder)
    with tempfile.TemporaryDirectory(prefix="rollup-", dir=args.dir) as work:
        measured = medians([partial(_measure, path, folder, Path(work)) for path in paths], args.repeat)
        _compare([m for m in measured if m.path != "floor"])
    return _report({m.path: m for m in measured}, folder)


def _measure(path: str, folder: Path, work: Path) -> Measured:
    progress(f"running {path}")
    out = work / path
    out.mkdir(exist_ok=True)
    job: dict[str, object] = {"input": str(folder), "out": str(out), "bare": path == "ours_bare"}
    if path == "floor":
        [csv] = (work / "ours").rglob("*.csv.gz")
        job["csv"] = str(csv)
    return measure(path, f"bench.peers.rollup_{'ours' if path == 'ours_bare' else path}", job)


def _compare(measured: list[Measured]) -> None:
    """Raises PathFailed where the files differ in ids, columns or values."""
    progress("comparing what they wrote")
    checked = measure("check", "bench.peers.check", {"csv": {m.path: m.figures["csv"] for m in measured}}).figures
    for path, found in checked.items():
        if found["rows"] != found["unique"]:
            raise PathFailed(f"{path}: {found['rows']} rows of {found['unique']} posts")
        if [name for name in found["columns"] if name not in MATCHED] != list(FLAT):
            raise PathFailed(f"{path}: its columns are not those of the others")
    for what in ("ids", "values"):
        if len({found[what] for found in checked.values()}) > 1:
            raise PathFailed(f"the weekly files do not hold the same {what}: {checked}")


def _report(measured: dict[str, Measured], folder: Path) -> Report:
    lines = posts.corpus(folder).lines
    rows: list[Row] = []
    for path, m in measured.items():
        if path != "floor":
            per_s = round(lines / m.cpu_s)
            rows.append({**m.row(), "lines_per_cpu_s": per_s, "out_mb": round(m.figures["out_mb"], 2)})
    floors = _floors(measured["floor"]) if "floor" in measured else {}
    rows += [
        {"path": name, "cpu_s": round(cpu, 3), "lines_per_cpu_s": round(lines / cpu)} for name, cpu in floors.items()
    ]
    stages = [
        {"path": path, "stage": stage, "cpu_s": round(cpu, 3)}
        for path, m in measured.items()
        for stage, cpu in [*m.stages.items(), *([("imports", m.import_cpu_s)] if path != "floor" else [])]
    ]
    return Report(_headline(measured, floors, lines), rows, more={"stages": stages})


def _floors(floor: Measured) -> dict[str, float]:
    """CPU seconds by library that packs; the interpreter's start is not part of a floor."""
    packing = {name: cpu for name, cpu in floor.stages.items() if name.startswith("gzip")}
    rest = sum(cpu for name, cpu in floor.stages.items() if name not in packing)
    return {f"floor, {name}": rest + cpu for name, cpu in packing.items()}


def _headline(measured: dict[str, Measured], floors: dict[str, float], lines: int) -> dict[str, float]:
    if "ours" not in measured:
        return {}
    ours = measured["ours"]
    figures = {
        f"cpu_{p}_over_{own}": ratio(measured[p].cpu_s, measured[own].cpu_s)
        for own in ("ours", "ours_bare")
        for p in ("2021", "duckdb")
        if p in measured and own in measured
    }
    if floors:
        figures["cpu_ours_over_floor"] = ratio(ours.cpu_s, min(floors.values()))
        for name, cpu in floors.items():
            library = name.partition("(")[2].rstrip(")").replace("-", "_")
            figures[f"cpu_ours_over_floor_{library}"] = ratio(ours.cpu_s, cpu)
    return {**figures, "lines": lines, "cpu_s_ours": round(ours.cpu_s, 2), "peak_mib_ours": round(ours.peak_mib)}


if __name__ == "__main__":
    sys.exit(main(options("rollup", _ABOUT, size=100_000, unit="posts of the week", peers=PEERS), bench))
