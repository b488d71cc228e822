"""What must hold for the small objects of the store: sidecars, coverage rows, ledgers, keys."""

import json
from datetime import UTC, datetime

import msgspec

from elec_assets.clients.spend_ledger import LedgerUnreadable, SpendLedger
from elec_assets.clients.store import Store
from elec_assets.domain import layout
from elec_assets.domain.calendar import planned
from elec_assets.domain.registry import Calendar, Election
from elec_assets.domain.tables import COVERAGE
from elec_assets.domain.windows import Grain, window_at
from elec_assets.transforms import coverage
from elec_assets.transforms.coverage import CoverageUnreadable
from elec_assets.transforms.search_coverage import causes, filled, needed, read_meta

NOW = datetime(2022, 9, 25, 23, tzinfo=UTC)
ELECTION = Election(
    "fr",
    "Election",
    "FR",
    Calendar(
        datetime(2022, 9, 19, tzinfo=UTC), datetime(2022, 10, 3, tzinfo=UTC), (NOW.date(),), NOW.replace(day=30).date()
    ),
    {},
)
HOUR = window_at(NOW, Grain.HOUR)
WEEK = window_at(NOW, Grain.WEEK)


def _agrees(data: bytes, read: msgspec.Struct) -> None:
    """Whatever the text says of a field is what the field holds."""
    # Integers beyond 4,300 digits stand only where no field is.
    text = data.decode("utf-8", "surrogateescape")
    found = json.loads(text, parse_int=lambda digits: int(digits[:4000]))
    for name in read.__struct_fields__:
        if name in found:
            value = msgspec.to_builtins(getattr(read, name))
            assert _same(found[name], value), f"{name}: written {found[name]!r}, read {value!r}"


def _same(written: object, read: object) -> bool:
    """Equal; an integer may be read as the nearest float."""
    if isinstance(written, dict) and isinstance(read, dict):
        return written.keys() == read.keys() and all(_same(written[key], read[key]) for key in written)
    return written == read or (isinstance(read, float) and isinstance(written, int) and float(written) == read)


def check_meta(data: bytes) -> None:
    """A sidecar, or a ValueError; what it proves can always be worked out."""
    try:
        meta = read_meta(data)
    except (ValueError, RecursionError):
        return
    _agrees(data, meta)
    plan = planned(ELECTION, HOUR)
    for packings in ([[meta.query]], [[meta.query, "other"], ["another"]]):
        needed(plan, packings, [meta])
        causes(plan, packings, [meta])
        assert filled(plan, packings, [meta]).seconds <= plan.seconds
    for window in (plan - filled(plan, [[meta.query]], [meta])).windows():
        assert window.seconds > 0


def check_coverage(data: bytes) -> None:
    """A coverage row, or CoverageUnreadable; the week's table can always be made of it."""
    try:
        row = coverage.decode(data, "key")
    except CoverageUnreadable:
        return
    _agrees(data, row)
    assert coverage.decode(coverage.encode(row), "key") == row, "written again it says something else"
    here = msgspec.structs.replace(row, partition="2022-09-25-23:00")
    table = coverage.week_table(ELECTION, WEEK, [here])
    sealed = table.filter(table["partition"] == here.partition)
    assert sealed.height == 1
    for name in ("planned_s", "captured_s", "filled_s", "missed_s"):
        assert sealed[name][0] == getattr(row, name), name
    assert table.columns == list(COVERAGE.names)


def check_ledger(data: bytes) -> None:
    """A ledger that says what is written, or LedgerUnreadable."""
    ledger = SpendLedger(One(data), "x_search", 10.0, lambda: NOW)
    try:
        month = ledger.month()
    except LedgerUnreadable:
        return
    _agrees(data, month)


class One(Store):
    """A store that holds one object, whatever its key."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def find(self, key: str) -> bytes | None:  # noqa: ARG002 - every key
        return self._data


def check_key(data: bytes) -> None:
    """A key is none of a search page, or exactly the one that its page writes."""
    key = data.decode("utf-8", "replace")
    page = layout.parse_search_page(key)
    assert page is None or key in (page.body, page.meta), f"{key!r} read as {page}"
