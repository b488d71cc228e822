"""How much a spool may hold: most of it for what is heard, and a reserve for why nothing is heard any more."""

from pathlib import Path

from elec_assets.capture.records import HEADER_BYTES, Kind
from elec_assets.capture.segments import SpoolFull

_RESERVE_BYTES = 1 << 20
HEARD = (Kind.LINE, Kind.KEEP_ALIVE)
_LISTENING = (*HEARD, Kind.OPEN)


class Room:
    """The cap of a spool. `used` is kept by the spool, in bytes."""

    def __init__(self, folder: Path, cap_bytes: int, warn_share: float) -> None:
        self.cap_bytes = cap_bytes
        self.used = 0
        self._folder = folder
        self._warn_bytes = cap_bytes * warn_share
        self._heard_bytes = cap_bytes - min(_RESERVE_BYTES, cap_bytes // 16)

    @property
    def near(self) -> bool:
        """Whether the cap is near."""
        return self.used >= self._warn_bytes

    def check(self, kind: Kind, payload: int) -> None:
        """See that a record with so many bytes of payload may be written.

        Raises:
            SpoolFull: it would pass the cap, or come out of the reserve.
        """
        limit = self._heard_bytes if kind in _LISTENING else self.cap_bytes
        if self.used + HEADER_BYTES + payload > limit:
            raise SpoolFull(
                f"{self._folder} holds {self.used:,} bytes of at most {self.cap_bytes:,}: see that the store takes "
                "what waits, or raise ELEC_SPOOL_MAX_BYTES"
            )
