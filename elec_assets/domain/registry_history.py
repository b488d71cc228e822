"""What an edit of the registry does to the past: who was followed, and would not be, or the reverse. Pure.

A candidate is followed at a moment if the election collects then (`collect_from` <= moment < `collect_until`) and the
candidate's status, `since` and `until` say so. That changes only at the dates in the file, so two versions are compared
between those dates, and the answer is exact.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from elec_assets.domain.registry import Candidate, Election
from elec_assets.domain.windows import Window, iso

Elections = Mapping[str, Election]


@dataclass(frozen=True, slots=True)
class PastChange:
    """One candidate of one election who was followed throughout a window and would not be; or the reverse."""

    election: str
    candidate: str
    window: Window
    was_followed: bool

    def __str__(self) -> str:
        return _sentence(self.election, [self.candidate], self.window, was_followed=self.was_followed)


@dataclass(frozen=True, slots=True, order=True)
class Searched:
    """A candidate followed before now who is searched for by other words, accounts or languages than before."""

    election: str
    candidate: str


def past_changes(before: Elections, after: Elections, now: datetime) -> tuple[PastChange, ...]:
    """Who was followed before `now` by one version and not by the other, by election, candidate and time.

    An election that `before` does not know has no past to change; one that `after` lacks had all that it followed.
    """
    return tuple(
        change
        for key, old in sorted(before.items())
        for candidate in sorted(old.candidates.keys() | _people(after.get(key)))
        for change in _changes(old, after.get(key), candidate, now)
    )


def searched_otherwise(before: Elections, after: Elections, now: datetime) -> tuple[Searched, ...]:
    """Who has a past and is searched for otherwise: hours sealed before hold the posts that the old words found."""
    return tuple(
        Searched(key, name)
        for key, new in sorted(after.items())
        if (old := before.get(key)) is not None
        for name in sorted(old.candidates.keys() & new.candidates.keys())
        if _search(old, name) != _search(new, name) and _has_past(new, name, now)
    )


def sentences(changes: Iterable[PastChange]) -> list[str]:
    """The changes for a person: candidates of an election whose spans are the same share a sentence."""
    groups: dict[tuple[str, Window, bool], list[str]] = {}
    for change in changes:
        groups.setdefault((change.election, change.window, change.was_followed), []).append(change.candidate)
    return [_sentence(election, names, window, was_followed=was) for (election, window, was), names in groups.items()]


def _sentence(election: str, candidates: list[str], window: Window, *, was_followed: bool) -> str:
    verb = "was" if len(candidates) == 1 else "were"
    told = "followed" if was_followed else "not followed"
    would = "would not be" if was_followed else "would be"
    return (
        f"{election}: {', '.join(candidates)} {verb} {told} from {iso(window.start)} to {iso(window.end)}, and {would}"
    )


def _people(election: Election | None) -> frozenset[str]:
    return frozenset(election.candidates if election else ())


def _changes(old: Election, new: Election | None, candidate: str, now: datetime) -> Iterator[PastChange]:
    """The changes of one candidate; spans that touch and say the same are one."""
    start: datetime | None = None
    was = False
    for moment in (*_dates_before(now, candidate, old, new), now):
        followed, would = (moment < now and _followed(e, candidate, moment) for e in (old, new))
        if start is not None and (followed == would or followed != was):
            yield PastChange(old.key, candidate, Window(start, moment), was)
            start = None
        if start is None and followed != would:
            start, was = moment, followed


def _dates_before(now: datetime, candidate: str, *elections: Election | None) -> list[datetime]:
    """Every moment before now at which it can change whether the candidate is followed, in order."""
    dates: set[datetime] = set()
    for election in elections:
        if election is not None:
            dates |= {election.calendar.collect_from, election.calendar.collect_until}
            dates |= _dates(election.candidates.get(candidate))
    return sorted(date for date in dates if date < now)


def _dates(candidate: Candidate | None) -> set[datetime]:
    if candidate is None:
        return set()
    named = (candidate.since, candidate.until, *(status.since for status in candidate.status))
    return {date for date in named if date is not None}


def _followed(election: Election | None, candidate: str, moment: datetime) -> bool:
    if election is None or not election.active_at(moment):
        return False
    person = election.candidates.get(candidate)
    return person is not None and person.followed_at(moment)


def _has_past(election: Election, candidate: str, now: datetime) -> bool:
    return any(_followed(election, candidate, date) for date in _dates_before(now, candidate, election))


def _search(election: Election, candidate: str) -> tuple[object, ...]:
    person = election.candidates[candidate]
    lists = (person.accounts, person.terms, person.exclude, election.languages)
    return person.name, *(frozenset(words) for words in lists)
