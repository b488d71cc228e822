"""`elec comply`: what X or a person wants gone is taken out of the store, its tables and its weekly files.

Reports counts alone: which posts are gone is told nobody.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from elec_assets.clients.compliance import Complied, Complier, Plan, comply_alone
from elec_assets.clients.held_posts import Person
from elec_assets.clients.registry_history import RegistryHistory
from elec_assets.clients.store import Store, open_store
from elec_assets.clients.tombstones import comply_lock
from elec_assets.clients.x_compliance import XCompliance, asking
from elec_assets.domain.registry import Election, Registry
from elec_assets.domain.rules import query_limit
from elec_assets.operations.report import DONE, FAILED, columns
from elec_assets.settings import Settings

Say = Callable[[str], None]
NOT_ASKED = "X was not asked: set X_BEARER_TOKEN. What was noted before is applied"
NEXT = "The next release follows by the usual rules: weeks that changed are marked as redacted."


@dataclass(frozen=True, slots=True)
class ComplyPlan:
    """What a run would do, by election."""

    plans: dict[str, Plan]
    asks: bool

    @property
    def exit_code(self) -> int:
        """Always 0."""
        return DONE

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        names = ("days", "posts", "asked", "jobs", "pending")
        plans = {key: {name: getattr(plan, name) for name in names} for key, plan in self.plans.items()}
        return {"dry_run": True, "asks_x": self.asks, "elections": plans}

    def lines(self) -> list[str]:
        """For a person."""
        head = ("election", "days", "posts held", "to ask about", "jobs at X", "to be taken out")
        rows = [(key, p.days, p.posts, p.asked, p.jobs, p.pending) for key, p in self.plans.items()]
        told = [*columns([head, *rows]), "Nothing was asked, and nothing changed."]
        return told if self.asks else [*told, f"{NOT_ASKED} by a real run."]


@dataclass(frozen=True, slots=True)
class ComplyReport:
    """What a run did, by election; `users` is how many people are to be forgotten, None where X was asked."""

    done: dict[str, Complied]
    asked: bool
    users: int | None = None

    @property
    def exit_code(self) -> int:
        """1 if X could not be asked to the end, or something that must be made again could not be."""
        return FAILED if any(each.error or each.redacted.failed for each in self.done.values()) else DONE

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        told: dict[str, Any] = {"dry_run": False, "asked_x": self.asked}
        if self.users is not None:
            told["users"] = self.users
        return {**told, "elections": {key: counts(each) for key, each in self.done.items()}}

    def lines(self) -> list[str]:
        """For a person."""
        told = [] if self.asked or self.users is not None else [f"{NOT_ASKED}."]
        for key, each in self.done.items():
            told += _lines(key, each)
        if any(each.redacted.weeks for each in self.done.values()):
            told.append(NEXT)
        return told


def counts(done: Complied) -> dict[str, Any]:
    """What a run did in an election, in counts: nothing else is recorded anywhere."""
    redacted = done.redacted
    return {
        "posts_held": done.posts,
        "posts_asked": done.asked,
        "told": dict(sorted(done.told.items())),
        "tombstones_new": done.posts_new,
        "places_new": done.places_new,
        "objects_rewritten": redacted.objects,
        "posts_removed": redacted.posts,
        "copies_removed": redacted.copies,
        "profiles_removed": redacted.profiles,
        "places_removed": redacted.places,
        "hours_sealed_again": len(redacted.hours),
        "weeks_built_again": redacted.weeks,
        "waiting_for_x": done.waiting,
        "error": None if done.error is None else str(done.error),
        "failed": redacted.failed,
    }


def _lines(key: str, done: Complied) -> Iterator[str]:
    redacted = done.redacted
    if done.asked:
        said = ", ".join(f"{number} {reason}" for reason, number in sorted(done.told.items())) or "none is gone"
        yield f"{key}: X was asked about {done.asked} of {done.posts} posts held: {said}."
    if done.error is not None:
        yield f"{key}: X could not be asked: {done.error}."
    if done.waiting:
        yield f"{key}: X still works on the job; run again later, it takes the results."
    yield (
        f"{key}: {redacted.objects} raw objects rewritten without {redacted.posts} posts, {redacted.copies} copies of "
        f"posts, {redacted.profiles} profiles and {redacted.places} places; {len(redacted.hours)} hours sealed, "
        f"{len(redacted.weeks)} weeks built again."
    )
    yield from (f"  failed: {why}; run again" for why in redacted.failed)


def comply(
    settings: Settings,
    registry: Registry,
    now: datetime,
    *,
    election: str | None,
    everything: bool,
    say: Say,
) -> ComplyReport:
    """Ask X which posts held are gone, and take those out.

    Raises:
        PastRewritten: the registry would change who was followed in the past; nothing was done.
        ComplyBusy: another run works on the store.
        ValueError: there is no such election.
        StoreError, ArchiveDamaged: see `Complier.run`.
    """
    chosen = _chosen(registry, election)
    with _opened(settings, registry, now) as store, _asking(settings, store) as x:
        made = {key: _complier(settings, registry, store, each, x, say) for key, each in chosen.items()}
        return ComplyReport({key: each.run(now, everything=everything) for key, each in made.items()}, x is not None)


def plan(
    settings: Settings,
    registry: Registry,
    now: datetime,
    *,
    election: str | None,
    everything: bool,
    say: Say,
) -> ComplyPlan:
    """What `comply` would do; nothing is asked, and nothing is changed.

    Raises:
        ValueError: there is no such election.
        StoreError, ArchiveDamaged: see `Complier.plan`.
    """
    store = open_store(settings.store_url, allow_http=settings.store_allows_http)
    plans = {
        key: _complier(settings, registry, store, each, None, say, keep=False).plan(now, everything=everything)
        for key, each in _chosen(registry, election).items()
    }
    return ComplyPlan(plans, settings.x_bearer_token is not None)


def forget(settings: Settings, registry: Registry, now: datetime, *, who: str, say: Say) -> ComplyReport:
    """Take out all that a person posted, of every election, and keep nothing of it from now on.

    Raises:
        PastRewritten: the registry would change who was followed in the past; nothing was done.
        ComplyBusy: another run works on the store.
        ValueError: it is no user id or handle, or nobody of that handle is held.
        StoreError, ArchiveDamaged: see `Complier.forget`.
    """
    named = who.removeprefix("@")
    if not named.isascii() or not (named.isdecimal() if named == who else named.replace("_", "").isalnum()):
        raise ValueError(f"{who!r} is no user id (digits) or @handle")
    with _opened(settings, registry, now) as store:
        made = {key: _complier(settings, registry, store, each, None, say) for key, each in registry.elections.items()}
        found = [each.person(who) for each in made.values()]
        person = Person(frozenset().union(*(p.users for p in found)), frozenset().union(*(p.posts for p in found)))
        if not person.users:
            raise ValueError(f"no post by {who} is held; if the handle was changed, give the user id")
        return ComplyReport(
            {key: each.forget(person) for key, each in made.items()}, asked=False, users=len(person.users)
        )


def _chosen(registry: Registry, election: str | None) -> dict[str, Election]:
    if election is None:
        return dict(registry.elections)
    if election not in registry.elections:
        raise ValueError(f"--election is {election!r}; the registry has {', '.join(registry.elections)}")
    return {election: registry.elections[election]}


@contextmanager
def _opened(settings: Settings, registry: Registry, now: datetime) -> Iterator[Store]:
    store = open_store(settings.store_url, allow_http=settings.store_allows_http)
    RegistryHistory(store).check(registry, now)
    with comply_alone(comply_lock(store.url)):
        yield store


def _asking(settings: Settings, store: Store) -> AbstractContextManager[XCompliance | None]:
    return asking(
        store,
        token=None if settings.x_bearer_token is None else settings.x_bearer_token.get_secret_value(),
        base_url=settings.x_base_url,
        timeout_s=settings.x_timeout_s,
        sandbox=settings.x_is_loopback,
    )


def _complier(
    settings: Settings,
    registry: Registry,
    store: Store,
    election: Election,
    x: XCompliance | None,
    say: Say,
    *,
    keep: bool = True,
) -> Complier:
    return Complier(
        store=store,
        election=election,
        registry_version=registry.version,
        query_limit=query_limit(settings.x_archive),
        x=x,
        say=lambda text: say(f"{election.key}: {text}"),
        keep=keep,
    )
