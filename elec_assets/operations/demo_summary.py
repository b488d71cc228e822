"""What `elec demo` made: a row an asset, and what became of the evening that was captured live."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from elec_assets.clients.store import open_store
from elec_assets.clients.tweet_archive import TweetArchive
from elec_assets.clients.weekly_archive import WeeklyArchive
from elec_assets.domain import calendar
from elec_assets.domain.intervals import Intervals
from elec_assets.domain.registry import Election
from elec_assets.domain.tables import COVERAGE, TWEETS
from elec_assets.domain.windows import Grain, Window, epoch_ms, from_epoch_ms, iso, key_of, parse_iso, split, year_week
from elec_assets.operations.demo_evening import Heard
from elec_assets.operations.demo_release import ReleasesShown
from elec_assets.operations.demo_setup import ELECTION
from elec_assets.operations.demo_trends import Row, summary_rows
from elec_assets.operations.report import DONE, FAILED, columns
from elec_assets.transforms.coverage import HourCoverage

_CANDIDATES_S = 90.0


@dataclass(frozen=True, slots=True)
class CaptureShown:
    """The hours of the evening: how they were sealed first, while X was down, and how they stand.

    Attributes:
        hours: partition keys.
        planned_s: seconds planned; the others are of them.
        captured_s: captured live.
        hole: what was not, as ISO times.
        first_outcomes: outcome of each hour when it was sealed first.
        first_missed_s: missed then.
        filled_s: filled by search since.
        missed_s: missed still.
        retweets_missed_s: in which retweets are lost for good: search has none.
        outages: when the sandbox sent nothing, in truth, as ISO times.
        posts: rows of the hours.
        retweets: of them, retweets.
    """

    hours: tuple[str, ...]
    planned_s: float
    captured_s: float
    hole: tuple[tuple[str, str], ...]
    first_outcomes: tuple[str, ...]
    first_missed_s: float
    filled_s: float
    missed_s: float
    retweets_missed_s: float
    outages: tuple[tuple[str, str], ...]
    posts: int
    retweets: int

    @property
    def healed(self) -> bool:
        """Whether there was a hole, and it is filled."""
        return bool(self.hole) and self.first_missed_s > 0 and self.captured_s > 0 and not self.missed_s

    def lines(self) -> list[str]:
        """For a person."""
        hole = "; ".join(f"{since[11:19]} to {until[11:19]} UTC" for since, until in self.hole)
        return [
            f"Captured live, the evening of the debate ({self.hours[0]} and the hour after, on a faster clock): "
            f"{_minutes(self.captured_s)} of {_minutes(self.planned_s)}.",
            f"Not heard: {hole or 'nothing'}. "
            f"Sealed while search was down too: {', '.join(self.first_outcomes)}, "
            f"{_minutes(self.first_missed_s)} missed.",
            f"Sealed again: {_minutes(self.filled_s)} filled by search, {_minutes(self.missed_s)} missed. "
            f"Retweets of {_minutes(self.retweets_missed_s)} are lost: search has none ({self.retweets:,} of "
            f"{self.posts:,} posts are retweets).",
        ]


@dataclass(frozen=True, slots=True)
class DemoSummary:
    """What the demo made: a row an asset, the captured evening, the releases, and how long it took."""

    rows: tuple[Row, ...]
    captured: CaptureShown
    released: ReleasesShown
    seconds: float
    complete: bool

    @property
    def exit_code(self) -> int:
        """1 if anything is missing."""
        return DONE if self.complete else FAILED

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        names = ("asset", "partitions", "rows", "coverage")
        rows = [dict(zip(names, row, strict=True)) for row in self.rows]
        captured = {**asdict(self.captured), "healed": self.captured.healed}
        return {
            "assets": rows,
            "captured": captured,
            "releases": self.released.as_dict(),
            "seconds": round(self.seconds, 1),
            "complete": self.complete,
        }

    def lines(self) -> list[str]:
        """For a person."""
        table = columns([("asset", "partitions", "rows", "coverage"), *self.rows])
        return [
            *table,
            "",
            *self.captured.lines(),
            "",
            *self.released.lines(),
            "",
            f"{self.seconds:.0f} s. No account, no network: X, Google Trends and Kaggle were on 127.0.0.1.",
        ]


def archive(folder: Path) -> TweetArchive:
    """The demo's hours."""
    return TweetArchive(open_store((folder / "data").resolve().as_uri()), ELECTION)


def captured(
    folder: Path, election: Election, hours: Sequence[Window], first: Sequence[HourCoverage], heard: Heard
) -> CaptureShown:
    """The evening: `first` are the rows of its hours when they were sealed first."""
    held = archive(folder)
    rows = held.coverages(list(hours))
    tables = [frame for hour in hours if (frame := held.frame(hour)) is not None]
    hole = Intervals.of(span for hour in hours for span in calendar.planned(election, hour).spans) - _spans(rows)
    return CaptureShown(
        hours=tuple(key_of(hour, Grain.HOUR) for hour in hours),
        planned_s=sum(row.planned_s for row in rows),
        captured_s=round(sum(row.captured_s for row in rows), 3),
        hole=tuple((iso(from_epoch_ms(since)), iso(from_epoch_ms(until))) for since, until in hole.spans),
        first_outcomes=tuple(row.outcome.value for row in first),
        first_missed_s=round(sum(row.missed_s for row in first), 3),
        filled_s=round(sum(row.filled_s for row in rows), 3),
        missed_s=round(sum(row.missed_s for row in rows), 3),
        retweets_missed_s=round(sum(row.retweets_missed_s for row in rows), 3),
        outages=tuple((iso(outage.start), iso(outage.end)) for outage in heard.outages),
        posts=sum(frame.height for frame in tables),
        retweets=sum(int((frame["kind"] == "retweet").sum()) for frame in tables),
    )


def summary(
    folder: Path,
    election: Election,
    weeks: list[Window],
    seconds: float,
    shown: CaptureShown,
    released: ReleasesShown,
) -> DemoSummary:
    """All that was made of the past weeks, and what was released."""
    store = open_store((folder / "data").resolve().as_uri())
    candidates = _candidates(folder)
    hours = collected_hours(election, weeks)
    rows = archive(folder).coverages(hours)
    planned = sum(row.planned_s for row in rows) or 1.0
    covered = f"{1 - sum(row.missed_s for row in rows) / planned:.2%} of planned time"
    table: list[Row] = [
        (f"{election.key}/candidates", 1, candidates, ""),
        (f"{election.key}/twitter/tweets", len(rows), sum(row.rows for row in rows), covered),
    ]
    for product, shape in (("twitter", TWEETS), ("coverage", COVERAGE)):
        weekly = WeeklyArchive(store, election.key, product, shape)
        frames = [frame for week in weeks if (frame := weekly.read(week, [shape.key[0]])) is not None]
        files = ", ".join(f"{year_week(week)}.csv.gz" for week in weeks)
        name = f"{election.key}/{product}/weekly"
        table.append((name, len(frames), sum(frame.height for frame in frames), files))
    trends, answered = summary_rows(store, election, weeks)
    complete = bool(candidates) and len(rows) == len(hours) and all(row.outcome.settled for row in rows)
    complete = complete and answered and table[1][2] == table[2][2] and all(row[2] > 0 for row in [*table, *trends])
    return DemoSummary((*table, *trends), shown, released, seconds, complete and shown.healed and released.complete)


def collected_hours(election: Election, weeks: Sequence[Window]) -> list[Window]:
    """The hours of weeks from the start of the collection."""
    hours = [hour for week in weeks for hour in split(week, Grain.HOUR)]
    return [hour for hour in hours if hour.start >= election.calendar.collect_from]


def _spans(rows: Iterable[HourCoverage]) -> Intervals:
    """What the rows say was captured."""
    return Intervals.of(
        (epoch_ms(parse_iso(since)), epoch_ms(parse_iso(until))) for r in rows for since, until in r.captured
    )


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} min"


def _candidates(folder: Path) -> int:
    """Rows of the candidates table, made by the automation sensor meanwhile."""
    table = folder / "data" / ELECTION / "data" / "tables" / "candidates.csv"
    until = time.monotonic() + _CANDIDATES_S
    while not table.exists() and time.monotonic() < until:
        time.sleep(0.5)
    return len(table.read_text(encoding="utf-8").splitlines()) - 1 if table.exists() else 0
