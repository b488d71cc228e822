"""What a release changes of the one before, and in words: Kaggle's version notes, and an entry of `CHANGELOG.md`. Pure.

An entry of the changelog is part of the release: it holds no clock, no run and not the release's own id, which ends
with a hash over it. How often releases are made is a matter of the day, so only the notes tell it.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

NOTES_LIMIT = 480
"""Characters of version notes: Kaggle's limit is not published, 500 is kept to, and the content's marker takes 19."""
_NAMED = 5
_CUT = "More in CHANGELOG.md."
_DICTIONARY = "DATA_DICTIONARY.md"


@dataclass(frozen=True, slots=True)
class Files:
    """Paths of the release's files, but for the changelog itself, by what became of them; each sorted."""

    new: tuple[str, ...]
    changed: tuple[str, ...]
    same: tuple[str, ...]
    removed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SourceRows:
    """Rows of the weekly files of a source of an election.

    Attributes:
        election: its key.
        source: `twitter`, `twitter_volume`, `google_trends` or `coverage`.
        weeks: weeks of which a file is new.
        revised: weeks of which a file is changed or gone.
        new: rows of the new files.
        late: rows more, or fewer if negative, in files that were there before.
    """

    election: str
    source: str
    weeks: tuple[str, ...]
    revised: tuple[str, ...]
    new: int
    late: int

    @property
    def added(self) -> int:
        """All rows more than before; negative if fewer."""
        return self.new + self.late


@dataclass(frozen=True, slots=True)
class CandidateDays:
    """What the daily summary tells of a candidate that it did not tell before.

    Attributes:
        election: key of the election.
        candidate: key of the candidate.
        days: days that are new.
        posts: estimated posts of the new days as published, originals and retweets; null where none is published.
        share: mean share of searches on the new days, 0 to 1; null without one.
        revised_days: days told before of which a number is another now.
        revised_posts: by how many estimated posts they differ in all.
        lost_days: days told before, and no more.
    """

    election: str
    candidate: str
    days: int
    posts: float | None
    share: float | None
    revised_days: int
    revised_posts: float
    lost_days: int


@dataclass(frozen=True, slots=True)
class ClosedWeek:
    """A file of a closed week that is changed, or left out (rows null), and why; reason null: none was given."""

    path: str
    rows_before: int
    rows: int | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class ReleaseDiff:
    """A release against the one before.

    Attributes:
        week: newest week, `2027_05`.
        previous: release id of the one before; null for the first.
        last_day: last day of the daily summaries, `2027-02-07`; null without one.
        files: by what became of them.
        rows: a source each that is new, changed or gone, sorted.
        candidates: those of whom anything is new, sorted.
        closed: files of closed weeks that are changed.
        columns: columns that are new, `table.column`, and tables that are new, `table`.
        fraction_before: part of the ids held before; 1 for the first.
        fraction: part of the ids held now.
    """

    week: str
    previous: str | None
    last_day: str | None
    files: Files
    rows: tuple[SourceRows, ...]
    candidates: tuple[CandidateDays, ...]
    closed: tuple[ClosedWeek, ...]
    columns: tuple[str, ...]
    fraction_before: float
    fraction: float

    @property
    def unchanged(self) -> bool:
        """Whether every file but the changelog is that of the release before."""
        return self.previous is not None and not (self.files.new or self.files.changed or self.files.removed)

    @property
    def rows_added(self) -> int:
        """Rows of all weekly files more than before; negative if fewer."""
        return sum(row.added for row in self.rows)

    @property
    def elections(self) -> tuple[str, ...]:
        """Keys of the elections of which anything changed."""
        return tuple(sorted({row.election for row in self.rows} | {row.election for row in self.candidates}))

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {**asdict(self), "rows_added": self.rows_added, "unchanged": self.unchanged}

    def notes(self, kind: str) -> str:
        """Notes of Kaggle's version, at most `NOTES_LIMIT` characters, whole lines.

        The first line is for programs: `2027-W05 | weekly | +412,306 rows`.

        Args:
            kind: of release: `weekly`, `hotfix`, ... one word.
        """
        first = f"{_iso(self.week)} | {kind} | {_rows(self.rows_added)}"
        return _within([first, *self._noted()], NOTES_LIMIT)

    def changelog_entry(self) -> str:
        """The entry of `CHANGELOG.md`, Markdown, from its heading to a line's end."""
        after = "first release" if self.previous is None else f"after {self.previous}"
        upto = f", days up to {self.last_day}" if self.last_day else ""
        parts = [f"## {_iso(self.week)}, {after}", f"{_rows(self.rows_added)}{upto}."]
        parts += ["\n".join(lines) for lines in self._general() if lines]
        for election in self.elections:
            parts += [f"### {election}", *self._of_election(election)]
        return "\n\n".join(parts) + "\n"

    def _noted(self) -> Iterator[str]:
        for closed in self.closed:
            yield f"Closed week changed: {_closed(closed)}"
        if self.files.removed:
            yield f"Removed: {_named(self.files.removed)}"
        if self.fraction < self.fraction_before:
            yield self._thinned()
        if self.columns and self.previous is not None:
            yield f"New columns: {_named(self.columns)}"
        for election in self.elections:
            sources = [f"{row.source} {row.added:+,}" for row in self.rows if row.election == election]
            weeks = _weeks({w for row in self.rows if row.election == election for w in row.weeks})
            told = f"{', '.join(sources)} rows" if sources else "daily summary alone"
            yield f"{election}{', week ' + weeks if weeks else ''}: {told}"
            posts = self._told(election)
            if posts:
                yield f"Posts of new days: {_named(posts)}"

    def _told(self, election: str) -> list[str]:
        """Posts of the new days of each candidate, most first."""
        of_election = [row for row in self.candidates if row.election == election]
        known = [(row.posts, row.candidate) for row in of_election if row.posts is not None]
        return [f"{name} {posts:,.0f}" for posts, name in sorted(known, key=lambda pair: (-pair[0], pair[1]))]

    def _general(self) -> Iterator[list[str]]:
        yield [f"- Closed week changed: {_closed(closed)}" for closed in self.closed]
        gone = {closed.path for closed in self.closed}
        yield [f"- Removed: `{path}`" for path in self.files.removed if path not in gone]
        yield [f"- {self._thinned()}"] if self.fraction < self.fraction_before else []
        yield [f"- New: `{name}`" for name in self.columns] if self.previous is not None else []
        yield [f"- Text of columns changed: {_DICTIONARY}"] if _DICTIONARY in self.files.changed else []

    def _thinned(self) -> str:
        return f"Ids of posts held: {self.fraction:.1%}, before {self.fraction_before:.1%}; past weeks are thinned too"

    def _of_election(self, election: str) -> Iterator[str]:
        rows = [row for row in self.rows if row.election == election]
        lines = [_source(row) for row in rows]
        if lines:
            head = "| source | new weeks | rows | weeks revised | rows |\n|---|---|---|---|---|"
            yield "\n".join([head, *lines])
        days = [_days(row) for row in self.candidates if row.election == election]
        if days:
            head = "| candidate | new days | posts | search | days revised | posts |\n|---|---|---|---|---|---|"
            yield "\n".join([head, *days])
            yield "Posts are estimates as in `daily_summary.csv`, originals and retweets; search is the mean share."


def _source(row: SourceRows) -> str:
    new, late = f"{row.new:+,}" if row.weeks else "", f"{row.late:+,}" if row.revised else ""
    return f"| {row.source} | {_weeks(row.weeks)} | {new} | {_weeks(row.revised)} | {late} |"


def _days(row: CandidateDays) -> str:
    posts = "" if row.posts is None else f"{row.posts:,.0f}"
    share = "" if row.share is None else f"{row.share:.1%}"
    revised = f"{row.revised_posts:+,.0f}" if row.revised_days else ""
    days = ", ".join(
        [*([str(row.revised_days)] if row.revised_days else []), *([f"{row.lost_days} gone"] if row.lost_days else [])]
    )
    return f"| {row.candidate} | {row.days} | {posts} | {share} | {days} | {revised} |"


def _closed(closed: ClosedWeek) -> str:
    became = "left out" if closed.rows is None else f"{closed.rows - closed.rows_before:+,} rows"
    return f"{closed.path} ({became}): {closed.reason or 'no reason was given'}"


def _weeks(weeks: tuple[str, ...] | set[str]) -> str:
    known = sorted(weeks)
    return ", ".join(known) if len(known) <= _NAMED else f"{known[0]} to {known[-1]} ({len(known)})"


def _named(names: tuple[str, ...] | list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _rows(count: int) -> str:
    return f"{count:+,} rows"


def _iso(week: str) -> str:
    return week.replace("_", "-W")


def _within(lines: list[str], limit: int) -> str:
    """The first line, and of the others as many as fit, whole; a last one says so if some do not."""
    if len("\n".join(lines)) <= limit:
        return "\n".join(lines)
    kept, room = lines[:1], limit - len(lines[0]) - len(_CUT) - 1
    for line in lines[1:]:
        if len(line) + 1 <= room:
            kept.append(line)
            room -= len(line) + 1
    return "\n".join([*kept, _CUT])
