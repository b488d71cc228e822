"""Object keys of live capture, built and parsed back: with `layout.py`, the only module that writes a path."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from elec_assets.domain.journal import slot_of
from elec_assets.domain.windows import Grain, Window, epoch_ms, from_epoch_ms, window_at

_FIRST_YEAR = 1000  # strftime pads no year before
_BATCH = re.compile(
    r"(?P<election>[^/]+)/data/raw/twitter/(?P<day>\d{8})/(?P=day)_(?P<time>\d{4})_(?P<spool>[0-9a-f]{8})"
    r"\.(?P<suffix>jsonl\.gz|journal\.json)",
    re.ASCII,
)
_LATE = re.compile(
    r"(?P<election>[^/]+)/data/raw/twitter_late/(?P<day>\d{8})/(?P=day)_(?P<hour>\d{2})"
    r"_(?P<slot>\d{8}T\d{4})_(?P<spool>[0-9a-f]{8})\.json",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, order=True)
class BatchKey:
    """A batch: its election, the start of its slot (UTC), and the id of its spool (8 hex digits)."""

    election: str
    slot: datetime
    spool: str

    @staticmethod
    def of(election: str, slot_ms: int, spool: str) -> "BatchKey":
        """The batch of a slot given in ms since 1970."""
        return BatchKey(election, from_epoch_ms(slot_ms), spool)

    @property
    def slot_ms(self) -> int:
        """Start of the slot in ms since 1970."""
        return epoch_ms(self.slot)

    @property
    def stem(self) -> str:
        """The key without suffix."""
        return f"{_raw(self.election)}/{self.slot:%Y%m%d}/{self.slot:%Y%m%d_%H%M}_{self.spool}"

    @property
    def body(self) -> str:
        """Key of the lines, as received."""
        return f"{self.stem}.jsonl.gz"

    @property
    def journal(self) -> str:
        """Key of the journal."""
        return f"{self.stem}.journal.json"


def parse_batch(key: str) -> BatchKey | None:
    """The batch that a body's or journal's key names; None if the key is not one of a batch."""
    match = _BATCH.fullmatch(key)
    slot = None if match is None else _time(match["day"] + match["time"], "%Y%m%d%H%M")
    return None if match is None or slot is None or not _starts(slot) else BatchKey(match[1], slot, match["spool"])


def batches_day(election: str, day: Window) -> str:
    """Prefix of the batches of a day, bodies and journals."""
    return f"{_raw(election)}/{day.start:%Y%m%d}/"


def batches_hour(election: str, hour: Window) -> str:
    """Prefix of the batches of an hour, bodies and journals."""
    return f"{batches_day(election, hour)}{hour.start:%Y%m%d_%H}"


@dataclass(frozen=True, slots=True, order=True)
class LateKey:
    """A pointer from an hour (its start, UTC) to a batch that holds posts of it, though not of its time."""

    election: str
    hour: datetime
    slot: datetime
    spool: str

    @property
    def key(self) -> str:
        """Key of the pointer."""
        hour = window_at(self.hour, Grain.HOUR)
        return f"{late_hour(self.election, hour)}{self.slot:%Y%m%dT%H%M}_{self.spool}.json"

    @property
    def batch(self) -> BatchKey:
        """The batch that it points to."""
        return BatchKey(self.election, self.slot, self.spool)


def parse_late(key: str) -> LateKey | None:
    """The pointer that a key names; None if the key is not one."""
    match = _LATE.fullmatch(key)
    if match is None:
        return None
    hour = _time(match["day"] + match["hour"], "%Y%m%d%H")
    slot = _time(match["slot"], "%Y%m%dT%H%M")
    if hour is None or slot is None or not _starts(slot):
        return None
    return LateKey(match["election"], hour, slot, match["spool"])


def late_day(election: str, day: Window) -> str:
    """Prefix of the pointers from the hours of a day."""
    return f"{election}/data/raw/twitter_late/{day.start:%Y%m%d}/"


def late_hour(election: str, hour: Window) -> str:
    """Prefix of the pointers from an hour."""
    return f"{late_day(election, hour)}{hour.start:%Y%m%d_%H}_"


def _raw(election: str) -> str:
    return f"{election}/data/raw/twitter"


def _starts(slot: datetime) -> bool:
    return slot_of(epoch_ms(slot)) == epoch_ms(slot)


def _time(digits: str, form: str) -> datetime | None:
    try:
        moment = datetime.strptime(digits, form).replace(tzinfo=UTC)
    except ValueError:  # digits that are no time, such as hour 25
        return None
    return moment if moment.year >= _FIRST_YEAR else None
