"""Which version of the registry came into force after which, in the store; an edit of the past needs a reason.

Every version that comes into force is kept (`state/registry/{version}.json`), and then written down as the next
admission (`state/registry/history/{number}.json`). Both are create-only: nothing is ever changed, a crash between
them leaves a version that nothing refers to, and of several processes at once one takes the next number; the others
look again at what is in force now. The version in force is that of the last admission.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from elec_assets.clients.store import ObjectExists, ObjectMissing, Store, StoreError
from elec_assets.domain import layout
from elec_assets.domain.registry import Election, Registry
from elec_assets.domain.registry_content import ContentUnreadable, read_content
from elec_assets.domain.registry_history import PastChange, Searched, past_changes, searched_otherwise, sentences

FORMAT = 1
# What a registry calls its versions; sidecars name them too, and may hold anything.
_VERSION = re.compile("[0-9a-f]{12}")
# Admissions of others between our look and our write before we give up; each means that somebody else got on.
_RACES = 20
TO_DATE = (
    "put it back and give the change a date to come (since, until, or status: [{value: 1}, {from: DATE, value: -1}])"
)
TO_ACCEPT = "elec candidates accept --reason TEXT"
_RESTORE = f"restore it from a backup, or move {layout.registry_history()} away to begin the history anew"


class PastRewritten(Exception):
    """The registry would change who was followed in the past. `changes` holds all of it, and `str()` names it."""

    def __init__(self, registry: Registry, in_force: str, changes: Sequence[PastChange]) -> None:
        self.changes = tuple(changes)
        super().__init__(
            f"{registry.source} (version {registry.version}; in force is {in_force}) would change the past: "
            f"{'; '.join(sentences(changes))}. Nothing was done. Either {TO_DATE}; or, if the past was written wrong, "
            f"record that it changes: {TO_ACCEPT}"
        )


class HistoryUnreadable(Exception):
    """An object of the history is damaged, or a newer program wrote it; the text names it. Nothing was changed."""


class Admission(msgspec.Struct, frozen=True):
    """A version coming into force.

    `previous` is the version before it; `searched_otherwise` the candidates with a past whose words or accounts are
    others than before; `changes` what it changes of the past, where that was accepted for `reason`; `absent` the
    elections that it lacks, with the last version that had them.
    """

    format: int
    number: int
    version: str
    admitted_at: datetime
    previous: str | None = None
    searched_otherwise: tuple[Searched, ...] = ()
    changes: tuple[PastChange, ...] = ()
    reason: str | None = None
    absent: dict[str, str] = {}


class _Header(msgspec.Struct):
    format: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How a registry stands to the version in force (None: there is none yet)."""

    in_force: Admission | None
    changes: tuple[PastChange, ...] = ()
    searched_otherwise: tuple[Searched, ...] = ()
    absent: Mapping[str, str] = field(default_factory=dict)


class RegistryHistory:
    """The history of a store's registry. Several processes at once may use it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def in_force(self) -> Admission | None:
        """The last admission; None where there is none yet.

        Raises:
            HistoryUnreadable: it is damaged, or a newer program wrote it.
        """
        listed = [info.key for info in self._store.list(layout.registry_history())]
        numbers = [number for key in listed if (number := layout.parse_registry_admission(key)) is not None]
        return self._admission(layout.registry_admission(max(numbers))) if numbers else None

    def standing(self, registry: Registry, now: datetime) -> Standing:
        """What a registry would change of the past (to the second) that the version in force has. Writes nothing.

        Raises:
            HistoryUnreadable: the version in force cannot be read.
        """
        held = self.in_force()
        if held is None or held.version == registry.version:
            return Standing(held)
        known = self._elections(held.version)
        gone = dict.fromkeys(known, held.version) | held.absent
        # An election that was away comes back to the past that it left.
        known |= {key: self._elections(v)[key] for key, v in held.absent.items() if key in registry.elections}
        # A clock set back does not make the past shorter.
        past = max(now.replace(microsecond=0), held.admitted_at)
        return Standing(
            held,
            past_changes(known, registry.elections, past),
            searched_otherwise(known, registry.elections, past),
            {key: version for key, version in sorted(gone.items()) if key not in registry.elections},
        )

    def check(self, registry: Registry, now: datetime) -> Standing:
        """How a registry that may be used stands. Writes nothing.

        Raises:
            PastRewritten: it would change who was followed before now.
            HistoryUnreadable: the version in force cannot be read.
        """
        standing = self.standing(registry, now)
        if standing.in_force is not None and standing.changes:
            raise PastRewritten(registry, standing.in_force.version, standing.changes)
        return standing

    def admit(self, registry: Registry, now: datetime) -> Admission:
        """Bring a registry into force, unless it is; returns its admission.

        Raises:
            PastRewritten: it would change who was followed before now; nothing was written.
            HistoryUnreadable: the version in force cannot be read; nothing was written.
            StoreError: the store refused.
        """
        for _ in range(_RACES):
            standing = self.check(registry, now)
            if standing.in_force is not None and standing.in_force.version == registry.version:
                return standing.in_force
            admission = _next(standing, registry, now, None)
            if self._written(admission, registry):
                return admission
        raise self._beaten()

    def accept(self, registry: Registry, now: datetime, reason: str) -> Admission | None:
        """Bring a registry into force although it changes the past, and record why; None where it changes none.

        Raises:
            ValueError: the reason is empty.
            HistoryUnreadable: the version in force cannot be read; nothing was written.
            StoreError: the store refused.
        """
        told = " ".join(reason.split())
        if not told:
            raise ValueError("the reason is empty: say why the past changes")
        for _ in range(_RACES):
            standing = self.standing(registry, now)
            if not standing.changes:
                return None
            admission = _next(standing, registry, now, told)
            if self._written(admission, registry):
                return admission
        raise self._beaten()

    def election(self, version: str, key: str) -> Election | None:
        """An election as a version had it that was in force; None where nobody knows any more, or it had none.

        Raises:
            StoreError: the store refused.
        """
        if not _VERSION.fullmatch(version):
            return None
        data = self._store.find(layout.registry_version(version))
        if data is None:
            return None
        try:
            return read_content(data, version).get(key)
        except ContentUnreadable:
            return None

    def _written(self, admission: Admission, registry: Registry) -> bool:
        """Whether the admission is the one of its number: somebody else may have been first."""
        with suppress(ObjectExists):  # in force before, or left by a crash
            self._store.create(layout.registry_version(registry.version), registry.content.encode())
        try:
            self._store.create(layout.registry_admission(admission.number), msgspec.json.encode(admission))
        except ObjectExists:
            return False
        return True

    def _beaten(self) -> StoreError:
        return StoreError(f"{self._store.url}: others brought {_RACES} versions of the registry into force; run again")

    def _elections(self, version: str) -> dict[str, Election]:
        key = layout.registry_version(version)
        try:
            return read_content(self._store.get(key), version)
        except ObjectMissing:
            raise HistoryUnreadable(f"{key}: is missing, and was in force; {_RESTORE}") from None
        except ContentUnreadable as error:
            raise HistoryUnreadable(f"{key}: {error}") from error

    def _admission(self, key: str) -> Admission:
        data = self._store.get(key)
        try:
            written = msgspec.json.decode(data, type=_Header).format
            if written > FORMAT:
                raise HistoryUnreadable(f"{key}: format {written}, this program reads up to {FORMAT}; upgrade")
            return msgspec.json.decode(data, type=Admission)
        except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, or nested without end
            raise HistoryUnreadable(f"{key}: not an admission of the registry ({error}); {_RESTORE}") from error


def _next(standing: Standing, registry: Registry, now: datetime, reason: str | None) -> Admission:
    held = standing.in_force
    return Admission(
        format=FORMAT,
        number=1 if held is None else held.number + 1,
        version=registry.version,
        admitted_at=now.replace(microsecond=0),
        previous=None if held is None else held.version,
        searched_otherwise=standing.searched_otherwise,
        changes=standing.changes,
        reason=reason,
        absent=dict(standing.absent),
    )
