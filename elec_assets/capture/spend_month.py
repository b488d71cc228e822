"""The form of a month's ledger of the stream, and how it is read back."""

from pathlib import Path
from typing import Annotated

import msgspec

from elec_assets.clients.spend_ledger import LedgerUnreadable

VERSION = 1

_Usd = Annotated[float, msgspec.Meta(ge=0)]
_Count = Annotated[int, msgspec.Meta(ge=0)]


class _Versioned(msgspec.Struct):
    version: int


class CaptureMonth(msgspec.Struct):
    """A month's ledger.

    Attributes:
        version: of this form.
        month: `202702`.
        settled_usd: what was counted, with reservations that crashes left.
        reserved_usd: what may be spent until the next write.
        lost_usd: the part of `settled_usd` that crashes left: reserved, and perhaps not spent.
        lines: lines received.
        posts: posts billed, those sent along too.
        users: users billed.
    """

    version: int
    month: str
    settled_usd: _Usd = 0.0
    reserved_usd: _Usd = 0.0
    lost_usd: _Usd = 0.0
    lines: _Count = 0
    posts: _Count = 0
    users: _Count = 0

    @property
    def total_usd(self) -> float:
        """Counted and reserved, USD."""
        return self.settled_usd + self.reserved_usd


def read_month(path: Path, month: str) -> CaptureMonth:
    """The ledger in a file; an empty one where there is none.

    Raises:
        LedgerUnreadable: it is damaged, of another month, or of a newer version.
        OSError: it cannot be read.
    """
    try:
        text = path.read_bytes().decode()
        version = msgspec.json.decode(text, type=_Versioned).version
        if version > VERSION:
            raise LedgerUnreadable(f"{path}: version {version}, this program reads up to {VERSION}; upgrade")
        held = msgspec.json.decode(text, type=CaptureMonth)
    except FileNotFoundError:
        return CaptureMonth(VERSION, month)
    except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, or nested without end
        raise LedgerUnreadable(f"{path}: not a spend ledger ({error}); restore it or move it away") from error
    if held.month != month:
        raise LedgerUnreadable(
            f"{path}: holds month {held.month}, and is named for {month}; restore it or move it away"
        )
    return held
