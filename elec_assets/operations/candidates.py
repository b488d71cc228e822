"""`elec candidates check`: is the registry right, and who is followed now? Starts without Dagster, polars or tweepy."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from elec_assets.clients.registry_source import load_candidates, load_registry
from elec_assets.domain.registry import Candidate, Election
from elec_assets.domain.registry_file import Problem, RegistryInvalid
from elec_assets.domain.windows import Grain, floor, iso
from elec_assets.operations.report import DONE, WRONG_INPUT


@dataclass(frozen=True, slots=True)
class ElectionReport:
    """One election of the registry, or one bare candidates file (`active` and `confirmed` are None: it has no dates).

    `followed` counts the candidates collected at the moment of the check: none where the election is not active.
    `shared_accounts` maps a handle without `@` to the keys of the candidates who have it, where there are several.
    """

    key: str
    active: bool | None
    confirmed: bool | None
    candidates: int
    followed: int
    shared_accounts: Mapping[str, tuple[str, ...]]

    def lines(self) -> list[str]:
        """The report for people."""
        state = {True: "active", False: "not active", None: "candidates only"}[self.active]
        dates = ", dates not confirmed" if self.confirmed is False else ""
        head = f"{self.key}: {state}{dates}, {self.followed} of {self.candidates} candidates followed"
        shared = (f"  @{handle} is shared by {', '.join(keys)}" for handle, keys in self.shared_accounts.items())
        return [head, *shared]


@dataclass(frozen=True, slots=True)
class CandidatesReport:
    """What a check of a registry, or of a candidates file, found. `version` is that of a valid registry."""

    source: str
    checked_at: datetime
    problems: tuple[Problem, ...] = ()
    elections: tuple[ElectionReport, ...] = ()
    version: str | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    @property
    def exit_code(self) -> int:
        """2 where something is wrong: it is input."""
        return WRONG_INPUT if self.problems else DONE

    def as_dict(self) -> dict[str, Any]:
        """The report for `--json`."""
        return {
            "ok": self.ok,
            "source": self.source,
            "version": self.version,
            "checked_at": iso(self.checked_at),
            "problems": [
                {"file": p.file, "line": p.line, "field": p.field, "message": p.message} for p in self.problems
            ],
            "elections": [
                {
                    "key": e.key,
                    "active": e.active,
                    "confirmed": e.confirmed,
                    "candidates": e.candidates,
                    "followed": e.followed,
                    "shared_accounts": {handle: list(keys) for handle, keys in e.shared_accounts.items()},
                }
                for e in self.elections
            ],
        }

    def lines(self) -> list[str]:
        """The report for people: one line a problem, or one an election and one a shared account."""
        if self.problems:
            count = len(self.problems)
            return [*map(str, self.problems), f"{self.source}: {count} problem{'s' if count > 1 else ''}"]
        version = f", version {self.version}" if self.version else ""
        head = f"{self.source}: ok at {iso(self.checked_at)}{version}"
        return [head, *(line for election in self.elections for line in election.lines())]


def check(path: Path, now: datetime) -> CandidatesReport:
    """Checks a registry (YAML), or a bare candidates file in the 2021 form where the name ends in `.json`.

    Never raises for what a file holds or lacks: that is in `problems`.
    """
    source = str(path)
    try:
        if path.suffix.lower() == ".json":
            people = load_candidates(path)
            return CandidatesReport(source, now, elections=(_people(path.stem, people, now),))
        registry = load_registry(path)
    except RegistryInvalid as invalid:
        return CandidatesReport(source, now, problems=invalid.problems)
    elections = tuple(_election(election, now) for election in registry.elections.values())
    return CandidatesReport(source, now, elections=elections, version=registry.version)


def _election(election: Election, now: datetime) -> ElectionReport:
    active = election.active_at(now)
    return ElectionReport(
        key=election.key,
        active=active,
        confirmed=election.calendar.confirmed,
        candidates=len(election.candidates),
        followed=len(election.as_of(floor(now, Grain.HOUR))) if active else 0,
        shared_accounts=_shared(election.candidates),
    )


def _people(key: str, candidates: Mapping[str, Candidate], now: datetime) -> ElectionReport:
    return ElectionReport(
        key=key,
        active=None,
        confirmed=None,
        candidates=len(candidates),
        followed=sum(candidate.followed_at(now) for candidate in candidates.values()),
        shared_accounts=_shared(candidates),
    )


def _shared(candidates: Mapping[str, Candidate]) -> dict[str, tuple[str, ...]]:
    holders: dict[str, list[str]] = {}
    spelling: dict[str, str] = {}
    for key, candidate in sorted(candidates.items()):
        for account in candidate.accounts:
            name = spelling.setdefault(account.casefold(), account)
            holders.setdefault(name, []).append(key)
    return {handle: tuple(keys) for handle, keys in sorted(holders.items()) if len(keys) > 1}
