"""What live capture keeps of an hour in which everything goes wrong, and the way of 2021 on the same hour."""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.fault_script import KEEP_ALIVE_S
from bench.measure import Figures, measure
from bench.report import Report, Row, WrongOption, chosen, main, options, progress
from elec_assets.domain.journal import KEEP_ALIVE_MS, MARGIN_MS

PEERS = ("ours", "2021")
_QUIET = 10  # every third script has so many times fewer posts: then keep-alives are what proves the time
_ABOUT = f"""\
Each script is an hour of X's filtered stream with scripted faults, drawn by seed: the connection is closed, reset, cut
inside a line, stalls without keep-alive, ends with an operational disconnect, leaves a ghost that X answers with 429,
or X answers 503 or 429 for minutes; lines come twice, late, out of order, without tags, in two spellings, or are no
JSON; answers are packed; a post can be searched 30 s after it was made, and 2 % of the posts are deleted by then.
Every third script is a quiet hour. Time runs `--speed` times as fast as the wall, for X and its clients alike.

  ours  `elec capture` listens and uploads; the hour is sealed as it is every hour, with search for what was missed
  2021  a stock tweepy StreamingClient listens for 5 minutes, a file is written, and again; what starting a process
        takes is not counted, and its waits run as fast as all time does

What is promised of ours, against what the sandbox of X knows to be true; exit code 1 if one is broken:

  - every post that search returns is in the sealed hour (`searchable_%` = 100), delivered by the stream or not;
  - none twice, none that was never made, each as it was made;
  - what is lost was made in time that the journals tell as missing, and search does not return it: retweets, posts
    deleted since, posts that name a candidate only in the text they quote (`lost_...`);
  - missing time contains every true outage, and exceeds it by at most one keep-alive interval
    ({KEEP_ALIVE_MS // 1000} s) and the margin ({MARGIN_MS // 1000} s) for each outage (`worst_excess_s`).

Keep-alives come after {KEEP_ALIVE_S:g} s here. `held_up_s` is how long the machine kept the process from running at
worst, in seconds of the script: above 5, the machine was too busy, and a broken promise may be its doing; use less
`--speed` then."""


def bench(args: argparse.Namespace) -> Report:
    """Play the scripts, some at a time.

    Raises:
        WrongOption: no posts, no speed, or none at a time.
        PathFailed: a path failed.
    """
    if args.posts < 1 or args.speed < 1 or args.together < 1:
        told = f"--posts {args.posts} --speed {args.speed} --together {args.together}"
        raise WrongOption(f"{told} found; all must be at least 1")
    paths = chosen(args.only, PEERS)
    jobs = [(path, args.seed + number) for number in range(args.size) for path in paths]
    with tempfile.TemporaryDirectory(prefix="elec-recall-") as root, ThreadPoolExecutor(args.together) as pool:
        found = list(pool.map(lambda job: _play(job[0], job[1], args, Path(root)), jobs))
    return report(dict(zip(jobs, found, strict=True)))


def _play(path: str, seed: int, args: argparse.Namespace, root: Path) -> Figures:
    progress(f"script {seed}, {path}")
    posts = max(1, args.posts // _QUIET) if seed % 3 == 0 else args.posts
    out = root / f"{seed}-{path}"
    out.mkdir()
    job: dict[str, object] = {"seed": seed, "posts": posts, "speed": args.speed, "out": str(out)}
    return measure(f"script {seed}, {path}", f"bench.peers.recall_{path}", job).figures


def report(found: Mapping[tuple[str, int], Figures]) -> Report:
    """Figures by path and seed as a report."""
    seeds = sorted({seed for _, seed in found})
    rows = [_row(seed, {path: found[path, seed] for path in PEERS if (path, seed) in found}) for seed in seeds]
    broken = [
        f"script {seed}: {sentence}"
        for (path, seed), figures in found.items()
        if path == "ours"
        for sentence in figures["broken"]
    ]
    headline: dict[str, float] = {"scripts": len(seeds), "broken": len(broken)}
    for path in PEERS:
        headline |= _headline(path, [figures for (of, _), figures in found.items() if of == path])
    return Report(headline, rows, broken=broken)


def _row(seed: int, paths: Mapping[str, Figures]) -> Row:
    some = next(iter(paths.values()))
    row: Row = {"script": seed, "posts": some["posts"], "searchable": some["searchable"]}
    ours = paths.get("ours")
    if ours is not None:
        row |= _shares("ours", ours)
        row |= {f"lost_{kind}": ours["lost"].get(kind, 0) for kind in ("retweets", "deleted", "quoted_text")}
        holes = ours["holes"]
        row |= {
            "outages": holes["outages"],
            "outage_s": round(holes["outage_s"]),
            "missing_s": round(holes["missing_s"]),
        }
        row |= {"worst_excess_s": round(holes["worst_s"], 1), "held_up_s": round(ours["held_up_s"], 1)}
    if "2021" in paths:
        row |= _shares("2021", paths["2021"])
    return row


def _shares(path: str, figures: Figures) -> Row:
    return {
        f"{path}_all_%": _share(figures["had"], figures["posts"]),
        f"{path}_searchable_%": _share(figures["searchable_had"], figures["searchable"]),
        f"{path}_retweets_%": _share(figures["retweets_had"], figures["retweets"]),
        f"{path}_connects": figures["connects"],
    }


def _headline(path: str, found: Sequence[Figures]) -> dict[str, float]:
    if not found:
        return {}
    total: Counter[str] = Counter()
    for figures in found:
        total.update({name: value for name, value in figures.items() if isinstance(value, int)})
    told = {f"recall_%_{path}": _share(total["had"], total["posts"])}
    told[f"recall_searchable_%_{path}"] = _share(total["searchable_had"], total["searchable"])
    told[f"recall_searchable_%_{path}_worst"] = min(_share(f["searchable_had"], f["searchable"]) for f in found)
    if path == "ours":
        lost: Counter[str] = Counter()
        for figures in found:
            lost.update(figures["lost"])
        told |= {f"lost_{kind}": lost[kind] for kind in ("retweets", "deleted", "quoted_text")}
        told["worst_excess_s"] = round(max(_hole(figures, "worst_s") for figures in found), 1)
        told["outage_s"] = round(sum(_hole(figures, "outage_s") for figures in found))
        told["missing_s"] = round(sum(_hole(figures, "missing_s") for figures in found))
        told["outage_told_as_covered_s"] = round(sum(_hole(figures, "untold_s") for figures in found), 3)
    return told


def _hole(figures: Figures, name: str) -> float:
    holes: dict[str, Any] = figures["holes"]
    return float(holes[name])


def _share(of: int, to: int) -> float:
    return round(100 * of / to, 2) if to else 100.0


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = options("recall", _ABOUT, size=10, unit="scripts, seeds one after another", peers=PEERS, week=False)
    made.add_argument("--posts", type=int, default=1500, help="posts of an hour in the mean (default 1,500)")
    made.add_argument("--speed", type=float, default=40.0, help="seconds of a script in one of the wall (default 40)")
    made.add_argument("--together", type=int, default=5, help="so many at a time; each takes 0.1 core (default 5)")
    return made


if __name__ == "__main__":
    sys.exit(main(parser(), bench))
