"""What is about to be uploaded of a slot, kept on disk until the store has it: a second attempt sends the same bytes.

The plan of a slot comes from the registry, which may change between two attempts; and a collector that may only write
cannot look at what an earlier attempt left. So the objects of a slot are made once, and written down before the first
attempt.
"""

from collections.abc import Collection
from pathlib import Path

import msgspec

from elec_assets.capture.files import make_folder, replace_file
from elec_assets.capture.segments import Segment


class Parcel(msgspec.Struct, frozen=True):
    """The objects of one election and slot, key and bytes, in the order in which they are written."""

    election: str
    objects: tuple[tuple[str, bytes], ...]


class Outbox:
    """The parcels of closed segments in a folder, which is made where it is missing.

    Raises:
        OSError: the folder cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept = folder / "disputed"
        make_folder(self._kept)

    def find(self, segment: Segment) -> list[Parcel] | None:
        """The parcels of a segment; None where there are none that can be read.

        Raises:
            OSError: they cannot be read.
        """
        try:
            return msgspec.msgpack.decode(self._path(segment).read_bytes(), type=list[Parcel])
        except (FileNotFoundError, ValueError):
            return None

    def put(self, segment: Segment, parcels: list[Parcel]) -> None:
        """Keep the parcels of a segment, durably.

        Raises:
            OSError: they cannot be written.
        """
        replace_file(self._path(segment), msgspec.msgpack.encode(parcels))

    def remove(self, segment: Segment) -> None:
        """The store has them."""
        self._path(segment).unlink(missing_ok=True)

    def sweep(self, waiting: Collection[Segment]) -> None:
        """Remove the parcels of segments that do not wait any more: a crash came after their upload."""
        names = {str(segment) for segment in waiting}
        for path in self._folder.glob("*.parcels"):
            if path.stem not in names:
                path.unlink(missing_ok=True)

    def dispute(self, segment: Segment, parcel: Parcel) -> Path:
        """Keep for good what the store may not have taken; returns where.

        Raises:
            OSError: it cannot be written.
        """
        path = self._kept / f"{segment}_{parcel.election}.parcel"
        replace_file(path, msgspec.msgpack.encode(parcel))
        return path

    def disputed(self) -> int:
        """How many parcels are kept for good."""
        return sum(1 for _ in self._kept.glob("*.parcel"))

    def _path(self, segment: Segment) -> Path:
        return self._folder / f"{segment}.parcels"
