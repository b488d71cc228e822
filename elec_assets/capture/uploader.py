"""Closed slots to the store, oldest first, each object created once; the spool keeps a slot until the store has it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from elec_assets.capture.outbox import Outbox, Parcel
from elec_assets.capture.records import SpoolDamaged
from elec_assets.capture.segments import Segment
from elec_assets.clients.store import ObjectExists, Store, StoreError


class Slots(Protocol):
    """The spool, as uploads see it."""

    def closed(self) -> list[Segment]:
        """The segments that wait, oldest first."""
        ...

    def forget(self, segment: Segment) -> None:
        """The store has it."""
        ...


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What became of an attempt: slots uploaded, and why the next one was not (a sentence), if it was not."""

    slots: int
    problem: str | None = None


class Uploader:
    """Uploads closed slots. `pack` makes the parcels of a segment; `say` tells a person. One thread uses it at a time.

    `store` gives the store to write to; it raises `StoreError` where nothing may be written yet.
    """

    def __init__(
        self,
        *,
        slots: Slots,
        store: Callable[[], Store],
        outbox: Outbox,
        pack: Callable[[Segment], list[Parcel]],
        say: Callable[[str], None],
    ) -> None:
        self._slots = slots
        self._store = store
        self._outbox = outbox
        self._pack = pack
        self._say = say
        self._looked = False
        outbox.sweep(slots.closed())

    def upload(self, *, stop: Callable[[], bool]) -> Uploaded:
        """Upload what waits, slot after slot, until all is done, the store refuses, or `stop` says so."""
        done = 0
        try:
            if not self._looked:  # what is wrong with the store is known before the first slot ends
                self._store()
                self._looked = True
            for segment in self._slots.closed():
                if stop():
                    break
                self._send(self._store(), segment)
                done += 1
        except StoreError as error:
            return Uploaded(done, f"{error}; what waits stays in the spool, and is sent when the store takes it")
        except SpoolDamaged as error:
            return Uploaded(done, str(error))
        except OSError as error:
            return Uploaded(done, f"the spool cannot be used: {error}; free space or mend the rights of ELEC_SPOOL")
        return Uploaded(done)

    def _send(self, store: Store, segment: Segment) -> None:
        parcels = self._outbox.find(segment)
        tried = parcels is not None
        if parcels is None:
            parcels = self._pack(segment)
            self._outbox.put(segment, parcels)
        for parcel in parcels:
            for why in self._refused(store, parcel, tried=tried):
                path = self._outbox.dispute(segment, parcel)
                self._say(f"{why}; nothing was overwritten, and this spool's own is kept in {path}")
        self._slots.forget(segment)
        self._outbox.remove(segment)

    def _refused(self, store: Store, parcel: Parcel, *, tried: bool) -> Iterator[str]:
        """Create the objects of a parcel; what was there before and is not ours, as sentences.

        Raises:
            StoreError: the store did not take one; those before it are there.
        """
        for key, data in parcel.objects:
            try:
                store.create(key, data)
            except ObjectExists:
                same = _same(store, key, data)
                if same is False:
                    # What follows describes, or belongs to, the object that is not ours.
                    yield (
                        f"{key}: the store holds other bytes under the name of this spool and slot: another process "
                        "uses a copy of ELEC_SPOOL; give it an empty directory of its own"
                    )
                    return
                if same is None and not tried:
                    yield f"{key}: is in the store before it was sent, and may not be read to compare"


def _same(store: Store, key: str, data: bytes) -> bool | None:
    """Whether the store holds these bytes; None where it may not be read."""
    try:
        return store.get(key) == data
    except StoreError:
        return None
