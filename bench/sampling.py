"""How well a sample of each hour tells the posts of a week: random slots beside the first minutes of each hour."""

import argparse
import math
import statistics
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from itertools import pairwise

import numpy as np
import polars as pl

from bench.report import Report, Row, WrongOption, main, options, progress
from bench.sampled_weeks import Counts, Weeks
from elec_assets.domain import calendar
from elec_assets.domain.registry import Calendar, CapturePlan, Election
from elec_assets.domain.windows import WEEK, Grain, Window, epoch_ms, split
from elec_assets.transforms.estimates import WEAK, Unit, estimate, sample_units

PLANS = {
    "slots": CapturePlan("slots", slots=10, slot_s=60),
    "fixed": CapturePlan("every", every_s=3600, length_s=600),
}
_MONDAY = datetime(2027, 1, 4, tzinfo=UTC)
AIM = 2_000
_EDGES = (0, 500, AIM, 10_000, 50_000)
_MINUTE = 60
_ABOUT = """\
Seeded weeks of 40 candidates with 150 to 150,000 posts a week: the course of a day, slow ups and downs, viral posts
(a jump that decays within 6 or 40 minutes, of very different sizes), a debate of two and a half hours, more posts on
the full, half and quarter hour (planned posts, news), and noise in each minute. Of each hour 10 minutes are covered:

  slots   the project: one slot of 60 s in each of 10 equal parts, drawn by `calendar.planned`
  fixed   as in 2017: the first 10 minutes of each hour

Both are counted up by `transforms/estimates.py`. `bias` is the mean of estimate / truth - 1 over all weeks and
candidates of a row, `worst_bias` that of the worst candidate; `rmse` its spread, and `half` the median half of the 95 %
interval, relative to the estimate; `cover95` the part of weeks whose truth is within the interval, by candidate at
least `cover_least` and at most `cover_most` (of 200 weeks chance alone moves these two by 3 %); `flagged` the part
whose quality is `weak`, and `cover_sure` the part that holds of the others. With `--flat` nobody posts more on the
hour: the bias that fixed minutes keep is the debate's, which begins in the half hour after 20:00 and not on it."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Which part of which minute of a week a unit covers."""

    minute: int
    unit: int
    seconds: int


def units_of(plan: CapturePlan, week: Window) -> list[Unit]:
    """The units of a week that everything planned of was covered."""
    dates = Calendar(_MONDAY, datetime(2099, 1, 1, tzinfo=UTC), (date(2098, 1, 1),), date(2098, 6, 1))
    election = Election("xx_bench_2027", "Bench", "XX", dates, {}, capture=plan)
    hours = split(week, Grain.HOUR)
    return [unit for hour in hours for unit in sample_units(hour, calendar.planned(election, hour))]


def pieces_of(units: Sequence[Unit], start_ms: int) -> list[Piece]:
    """Units cut at the minutes of their week."""
    return [
        Piece(minute, number, min(last, (minute + 1) * _MINUTE) - max(first, minute * _MINUTE))
        for number, unit in enumerate(units)
        for first, last in (((a - start_ms) // 1000, (b - start_ms) // 1000) for a, b in unit.spans)
        for minute in range(first // _MINUTE, (last - 1) // _MINUTE + 1)
    ]


def seen(posts: Counts, pieces: Iterable[Piece], units: int, rng: np.random.Generator) -> Counts:
    """Posts of each candidate in each unit: those of a minute lie anywhere in it, and in one unit at most."""
    left, found = posts.copy(), np.zeros((units, len(posts)), dtype=np.int64)
    free: dict[int, int] = {}
    rounds: dict[int, list[tuple[Piece, float]]] = {}
    taken: dict[int, int] = {}
    for piece in pieces:
        rest = free.get(piece.minute, _MINUTE)
        rounds.setdefault(taken.get(piece.minute, 0), []).append((piece, piece.seconds / rest))
        free[piece.minute] = rest - piece.seconds
        taken[piece.minute] = taken.get(piece.minute, 0) + 1
    for _, of_round in sorted(rounds.items()):
        minutes = np.array([piece.minute for piece, _ in of_round])
        drawn = rng.binomial(left[:, minutes], np.array([part for _, part in of_round]))
        left[:, minutes] -= drawn
        np.add.at(found, np.array([piece.unit for piece, _ in of_round]), drawn.T)
    return found.T


def week_estimates(weeks: Weeks, seed: int, number: int) -> pl.DataFrame:
    """Truth and estimates of one week: a row for each plan and candidate."""
    posts = weeks.week(seed, number)
    start = _MONDAY + WEEK * number
    frames = []
    for path, plan in PLANS.items():
        units = units_of(plan, Window(start, start + WEEK))
        rng = np.random.default_rng([seed, number, len(path)])
        counts = seen(posts, pieces_of(units, epoch_ms(start)), len(units), rng)
        table = pl.DataFrame(
            {
                "candidate": np.repeat(np.arange(len(posts)), len(units)),
                "posts": counts.ravel(),
                "seconds": np.tile([unit.seconds for unit in units], len(posts)),
                "weight": np.tile([unit.weight for unit in units], len(posts)),
            }
        )
        found = estimate(table, ["candidate"]).with_columns(
            pl.lit(path).alias("path"), pl.lit(number).alias("week"), pl.Series("truth", posts.sum(axis=1))
        )
        frames.append(found)
    return pl.concat(frames)


def rows_of(found: pl.DataFrame) -> list[Row]:
    """The table: by plan and size of candidates."""
    judged = found.with_columns(
        (pl.col("estimate") / pl.col("truth") - 1).alias("error"),
        ((pl.col("low") <= pl.col("truth")) & (pl.col("truth") <= pl.col("high"))).alias("held"),
        ((pl.col("high") - pl.col("low")) / 2 / pl.col("estimate")).alias("half"),
        (pl.col("quality") == WEAK).alias("weak"),
        pl.col("truth").mean().over("candidate").alias("size"),
    ).filter(pl.col("truth") > 0)
    edges = [*_EDGES, math.inf]
    return [
        _row(path, low, part)
        for path in PLANS
        for low, high in pairwise(edges)
        if not (part := judged.filter(path=path).filter(pl.col("size").is_between(low, high, closed="left"))).is_empty()
    ]


def _row(path: str, low: float, part: pl.DataFrame) -> Row:
    sure = part.filter(~pl.col("weak"))
    by_candidate = part.group_by("candidate").agg(pl.col("held", "error").mean())
    held, bias = _floats(by_candidate["held"]), _floats(by_candidate["error"])
    worst = max(bias, key=abs)
    return {
        "posts_a_week": f"from {low:,.0f}",
        "plan": path,
        "candidates": part["candidate"].n_unique(),
        "bias": _mean(part["error"]),
        "worst_bias": round(worst, 4),
        "rmse": round(math.sqrt(statistics.fmean(e * e for e in _floats(part["error"]))), 4),
        "half": round(statistics.median(_floats(part["half"]) or [math.inf]), 4),
        "cover95": _mean(part["held"]),
        "cover_least": round(min(held), 3),
        "cover_most": round(max(held), 3),
        "flagged": _mean(part["weak"]),
        "cover_sure": _mean(sure["held"]),
    }


def _floats(values: pl.Series) -> list[float]:
    return [float(value) for value in values.to_list()]


def _mean(values: pl.Series) -> float | None:
    return round(statistics.fmean(_floats(values)), 4) if len(values) else None


def bench(args: argparse.Namespace) -> Report:
    """Both plans over all weeks.

    Raises:
        WrongOption: fewer candidates than two.
    """
    if args.candidates < 2:
        raise WrongOption(f"--candidates {args.candidates} found; allowed: 2 or more")
    weeks = Weeks(args.candidates)
    if args.flat:
        weeks = replace(weeks, on_the_hour=0.0)
    frames = []
    for number in range(args.size):
        if number % 20 == 0:
            progress(f"week {number} of {args.size}")
        frames.append(week_estimates(weeks, args.seed, number))
    rows = rows_of(pl.concat(frames))
    return Report(_headline(rows), rows, missed(rows))


def _chosen(rows: Iterable[Row], plan: str, name: str, *, large: bool) -> list[float]:
    found = [row[name] for row in rows if row["plan"] == plan and (_from(row) >= AIM) is large]
    return [float(value) for value in found if isinstance(value, (int, float))]


def _from(row: Row) -> int:
    return int(str(row["posts_a_week"]).removeprefix("from ").replace(",", ""))


def _headline(rows: Sequence[Row]) -> Mapping[str, float]:
    """The worst of the rows: of candidates above 2,000 posts a week, and of the others."""
    figures: dict[str, float] = {}
    for plan in PLANS:
        figures |= {
            f"{plan}_bias_worst": max((abs(b) for b in _chosen(rows, plan, "bias", large=True)), default=0.0),
            f"{plan}_cover95_least": min(_chosen(rows, plan, "cover95", large=True), default=1.0),
            f"{plan}_cover95_most": max(_chosen(rows, plan, "cover95", large=True), default=1.0),
            f"{plan}_small_cover_least": min(_chosen(rows, plan, "cover_sure", large=False), default=1.0),
        }
    return figures


def missed(rows: Iterable[Row]) -> list[str]:
    """What random slots did not reach of their aims, a sentence each."""
    found = []
    for row in (row for row in rows if row["plan"] == "slots"):
        large = _from(row) >= AIM
        bias, cover = float(str(row["bias"])), row["cover95" if large else "cover_sure"]
        if large and abs(bias) >= 0.01:
            found.append(f"missed: bias {bias} {row['posts_a_week']} posts a week")
        least, most = (0.93, 0.97) if large else (0.9, 1.0)
        if isinstance(cover, float) and not least <= cover <= most:
            found.append(f"missed: intervals hold in {cover} {row['posts_a_week']} posts a week")
    return found or [
        f"slots, from {AIM:,} posts a week: bias < 1 %, intervals hold in 93 to 97 %; below: in 90 % or flagged"
    ]


if __name__ == "__main__":
    parser = options("sampling", _ABOUT, size=200, unit="weeks", week=False)
    parser.add_argument("--candidates", type=int, default=40, help="candidates in each week (default 40)")
    parser.add_argument("--flat", action="store_true", help="nobody posts more on the hour")
    sys.exit(main(parser, bench))
