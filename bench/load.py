"""What live capture costs, and whether it keeps up: its CPU beside a bare loop's, bursts, memory over hours."""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.measure import Figures, PathFailed, measure
from bench.peers.load_server import serving
from bench.report import Report, Row, WrongOption, main, options, progress, ratio
from elec_assets.domain.windows import X_EPOCH_MS

USUAL, MOST, BURST = 50, 250, 2000
"""Posts a second: of a busy evening, what X sends at most to one app, and what piles up behind a stalled network."""
BURST_S, BURSTS, BETWEEN_S = 2, 3, 5
CPU_RATIO = 2.0
FLAT_MIB, FLAT_FILES = 8.0, 2
# By then two slots were packed and stored: what that takes is taken.
_WARM_S = 660.0
_ABOUT = f"""\
A sandbox of X in a process of its own sends prepared lines of 3 kB at a rate. `elec capture` runs as one process on
one core, with the real clock: it reads, spools, journals, packs and uploads to a directory, all of which is counted.

  cpu     {USUAL} posts a second for --size seconds; `bare` is a loop that reads the same bytes from the same socket and
          writes them to a file, with one fsync a second. CPU is user and system time from the connection's opening to
          the end. Promised: capture takes at most {CPU_RATIO:g} times as much
  burst   {MOST} posts a second, the most that X sends, for --size seconds, then {BURSTS} times {BURST:,} a second for
          {BURST_S} s. Promised: every line is stored, once, over one connection
  soak    with --soak SECONDS: {USUAL} posts a second so long; memory and open files after a tenth of it, but not
          before two slots were stored ({_WARM_S:g} s), in the middle and at the end. Promised: at most {FLAT_MIB:g} MiB
          and {FLAT_FILES} files more at the end

Exit code 1 where a promise is broken. The full measure is --size 600 --soak 7200. With --repeat `cpu` is measured so
often, both in turn, and the run of median CPU of each counts."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent: pairs of seconds and lines a second; and at which seconds the process looks at itself.

    `rest_s`: how long is listened after the last line.
    """

    phases: tuple[tuple[float, float], ...]
    looks_s: tuple[float, ...] = ()
    rest_s: float = 3.0

    @property
    def seconds(self) -> float:
        """How long it takes."""
        return sum(seconds for seconds, _ in self.phases)

    @property
    def lines(self) -> int:
        """How many lines that are."""
        return int(sum(seconds * rate for seconds, rate in self.phases))


def bench(args: argparse.Namespace) -> Report:
    """Measure one after another.

    Raises:
        WrongOption: a soak that is too short.
        PathFailed: a path failed.
    """
    if args.soak and args.soak < 2 * _WARM_S:
        raise WrongOption(f"--soak {args.soak} found; allowed: 0, or at least {2 * _WARM_S:g} seconds")
    usual = Load(((args.size, USUAL),))
    bursts = ((BURST_S, BURST), (BETWEEN_S, MOST)) * BURSTS
    pairs = [(run("capture", usual, args.seed), run("bare", usual, args.seed)) for _ in range(args.repeat)]
    capture, bare = (_median(same) for same in zip(*pairs, strict=True))
    burst = run("capture", Load(((args.size, MOST), *bursts)), args.seed)
    found = {"capture": capture, "bare": bare, "burst": burst}
    if args.soak:
        soak = float(args.soak)
        looks = (max(0.1 * soak, _WARM_S), 0.5 * soak, 0.99 * soak)
        found["soak"] = run("capture", Load(((soak, USUAL),), looks), args.seed)
    return report(found)


def _median(same: Sequence[Figures]) -> Figures:
    """The run of median CPU."""
    return sorted(same, key=lambda figures: float(figures["cpu_s"]))[(len(same) - 1) // 2]


def run(path: str, load: Load, seed: int = 7) -> Figures:
    """Run `capture` or `bare` under a load: what it tells of itself, with `sent`, `connects`, `seconds`.

    Raises:
        PathFailed: it failed, or not all was sent.
    """
    progress(f"running {path}: {load.lines:,} lines in {load.seconds:,.0f} s")
    own, others = _cores()
    first_id = (int(time.time() * 1000) - X_EPOCH_MS) << 22
    with (
        tempfile.TemporaryDirectory(prefix="elec-load-") as folder,
        serving(load.phases, first_id, others, seed) as server,
    ):
        job: dict[str, object] = {"url": server.url, "seconds": load.seconds + load.rest_s, "out": folder}
        job |= {"cores": own, "first_id": first_id, "looks_s": load.looks_s}
        measured = measure(path, f"bench.peers.load_{path}", job)
    if server.told["sent"] != load.lines:
        raise PathFailed(f"{path}: {server.told['sent']:,} of {load.lines:,} lines were sent: {server.told}")
    figures = {"wall_s": measured.wall_s, "peak_mib": measured.peak_mib, **measured.figures}
    return {**figures, "sent": server.told["sent"], "connects": server.told["connects"], "seconds": load.seconds}


def _cores() -> tuple[list[int], list[int]]:
    """The core of what is measured, and those of the rest; none where they cannot be chosen."""
    if not hasattr(os, "sched_setaffinity"):
        return [], []
    cores = sorted(os.sched_getaffinity(0))
    return cores[-1:], cores[:-1] or cores


def report(found: dict[str, Figures]) -> Report:
    """Figures by path as a report."""
    rows = [_row(path, figures) for path, figures in found.items()]
    headline = {
        "cpu_capture_over_bare": ratio(found["capture"]["cpu_s"], found["bare"]["cpu_s"]),
        "lost": sum(_lost(figures) for figures in found.values()),
        "peak_mib": round(max(float(figures["peak_mib"]) for path, figures in found.items() if path != "bare")),
    }
    looks = found.get("soak", {}).get("looks", [])
    if looks:
        headline["soak_grown_mib"] = round(looks[-1]["rss_mib"] - looks[0]["rss_mib"], 1)
        headline["soak_grown_files"] = looks[-1]["files"] - looks[0]["files"]
    return Report(headline, rows, more={"soak": looks}, broken=broken(found, headline))


def _row(path: str, figures: Figures) -> Row:
    lines = int(figures["sent"])
    return {
        "path": path,
        "seconds": round(figures["seconds"]),
        "lines": lines,
        "lost": _lost(figures),
        "cpu_s": round(figures["cpu_s"], 2),
        "us_a_line": round(1e6 * figures["cpu_s"] / lines),
        "core_%": round(100 * figures["cpu_s"] / figures["seconds"], 1),
        "peak_mib": round(figures["peak_mib"]),
    }


def _lost(figures: Figures) -> int:
    """Lines that were sent and are not stored; the bare loop stores none."""
    return int(figures["sent"]) - int(figures["stored"]) + int(figures["twice"]) if "stored" in figures else 0


def broken(found: dict[str, Figures], headline: dict[str, float]) -> Sequence[str]:
    """The promises that were not kept, a sentence each."""
    told = []
    if headline["cpu_capture_over_bare"] > CPU_RATIO:
        told.append(f"capture takes {headline['cpu_capture_over_bare']:g} times the CPU of a bare loop")
    for path, figures in found.items():
        if "stored" in figures and not _whole(figures):
            kept = {name: figures[name] for name in ("sent", "stored", "journaled", "twice", "missing", "connects")}
            told.append(f"{path}: not every line is stored once, over one connection: {kept}")
    if headline.get("soak_grown_mib", 0.0) > FLAT_MIB or headline.get("soak_grown_files", 0.0) > FLAT_FILES:
        told.append(f"soak: memory or open files grow: {found['soak']['looks']}")
    return told


def _whole(figures: Figures) -> bool:
    same = figures["sent"] == figures["stored"] == figures["journaled"]
    return same and not figures["twice"] and not figures["missing"] and figures["connects"] == 1


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = options("load", _ABOUT, size=60, unit="seconds of each load", week=False)
    made.add_argument("--soak", type=float, default=0.0, help="seconds of a soak (default none)")
    return made


if __name__ == "__main__":
    sys.exit(main(parser(), bench))
