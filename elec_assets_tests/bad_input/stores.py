"""Stores that cannot be written, that two runs write at once, or that a newer version of this program wrote."""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq  # type: ignore[import-untyped]  # publishes no types

from elec_assets.clients.source_claim import X, claim
from elec_assets.clients.spend_ledger import LedgerUnreadable
from elec_assets.clients.store import StoreError
from elec_assets.clients.tweet_archive import ArchiveDamaged
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.registry import Registry
from elec_assets.domain.tables import SCHEMA_VERSION
from elec_assets.operations.coverage import coverage
from elec_assets.sandbox.faults import Fault
from elec_assets.settings import Settings
from elec_assets.transforms.coverage import CoverageUnreadable
from elec_assets.transforms.parquet import VERSION_KEY
from elec_assets_tests.bad_input.case import Case
from elec_assets_tests.bad_input.place import CLAIM, LEDGER, NOW, PARTITION, RAW, ROW, TABLE, WHOLE_ROWS, Place
from elec_assets_tests.clients.hours import HOUR, election

_NOTHING = "Everything stored before; nothing is written."
_NEWER = SCHEMA_VERSION + 1
_UPGRADE = f"schema version {_NEWER}, this program writes {SCHEMA_VERSION} and would lose what is newer; upgrade"


def _two_runs(place: Place) -> str:
    # Each has seen what is missing, and asked for it, before the other has an answer.
    place.server.faults.add(Fault(delay_s=1.5, times=2))
    told = place.seal_in_children(["--turn", "0"], ["--turn", "1"])
    assert told[0] == told[1], told
    return told[0]


def _full_disk(place: Place) -> str:
    return place.seal_in_children(["--largest-file", "5000"])[0]


def _read_only(place: Place) -> str:
    with _without_write_rights(place.folder):
        return place.seal_in_children(["--nobody"])[0]


@contextmanager
def _without_write_rights(folder: Path) -> Iterator[None]:
    folders = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    for path in folders:
        path.chmod(0o555)
    yield
    for path in folders:
        path.chmod(0o755)


def _run(place: Place) -> str:
    """A run, as `assets/tweets.py` makes it: what an hour cannot do becomes the sentence of its failure."""
    try:
        return place.seal()
    except ArchiveDamaged as error:
        return f"{PARTITION}: {error}"
    except LedgerUnreadable as error:
        return f"{PARTITION}: {error}. The run ends here; what was stored is unchanged."


def _command(place: Place) -> str:
    """`elec coverage`."""
    settings = Settings.model_validate({"store": str(place.folder)})
    try:
        coverage(
            settings, Registry({"xx_2027": election()}, "v", "candidates.yaml"), NOW, since=HOUR.start, election=None
        )
    except CoverageUnreadable as error:
        return f"elec: {error}"
    raise AssertionError("the row was read")


def _claim(place: Place) -> str:
    """A run begins with it (`resources.py`)."""
    try:
        claim(place.store, X, sandbox=True)
    except StoreError as error:
        return str(error)
    return place.seal()


def _sidecar(place: Place) -> str:
    return next(key for key in place.objects() if key.startswith(f"{RAW}20270201_18_") and key.endswith(".meta.json"))


def _changed(key: Callable[[Place], str], **values: object) -> Callable[[Place], None]:
    def change(place: Place) -> None:
        content = json.loads(place.store.get(key(place))) | values
        place.store.put(key(place), json.dumps(content).encode())

    return change


def _newer_table(place: Place) -> None:
    table = pq.read_table(io.BytesIO(place.store.get(TABLE)))
    table = table.append_column("newer", table["tweet_id"])
    out = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({VERSION_KEY: str(_NEWER).encode()}), out)
    place.store.put(TABLE, out.getvalue())


def _newer(name: str, what: str, prepare: Callable[[Place], None], *says: str, **more: object) -> Case:
    values = {"outcome": Outcome.ERROR, "requests": 0, "kept": _NOTHING, "replaced": (), "raw": 0, "work": _run}
    return Case(name=name, comes=f"{what} that a newer version wrote", says=says, prepare=prepare, **{**values, **more})  # type: ignore[arg-type]  # fields of Case by name


STORES = (
    Case(
        "a_store_that_refuses_writes",
        "A store that refuses writes",
        _read_only,
        ("cannot write 'state/spend/x_search/202702.json' in ./data", "no permission; check the rights"),
        Outcome.ERROR,
        0,
        "Everything stored before; X is not asked for what could not be kept.",
        replaced=(),
        raw=0,
    ),
    Case(
        "a_full_disk",
        "A full disk",
        _full_disk,
        ("cannot write 'xx_2027/data/raw/twitter_search/20270201/", "in ./data", "the disk is full", "free space"),
        Outcome.ERROR,
        1,
        "Everything stored before; what the page may have cost stays reserved in the spend ledger.",
        replaced=(LEDGER,),
        raw=0,
    ),
    Case(
        "two_runs_at_once",
        "Two runs of the same hour at once",
        _two_runs,
        (f"{PARTITION}: ok, {WHOLE_ROWS} rows",),
        Outcome.OK,
        4,
        "Everything, once; each keeps its pages under its own names, and the table is one of all of them.",
        rows=WHOLE_ROWS,
        raw=8,
        replaced=(ROW, LEDGER, TABLE),
    ),
    _newer(
        *("a_newer_sidecar", "A sidecar of a search page", _changed(_sidecar, version=2), f"{PARTITION}: {RAW}"),
        *(".meta.json: version 2, this program reads up to 1; upgrade",),
    ),
    _newer(
        *("a_newer_coverage_row", "A coverage row", _changed(lambda _: ROW, schema_version=_NEWER, mood="good")),
        *(f"{PARTITION}: {ROW}: {_UPGRADE}",),
        outcome=None,
    ),
    _newer(
        *("a_newer_coverage_row_in_a_report", "`elec coverage` of a coverage row"),
        _changed(lambda _: ROW, schema_version=_NEWER),
        *(f"elec: {ROW}: schema version {_NEWER}", "upgrade"),
        outcome=None,
        work=_command,
    ),
    _newer(
        *("a_newer_table", "A table", _newer_table, f"{PARTITION}: {TABLE}: {_UPGRADE}"),
        kept="Everything stored before, and the pages that came.",
        requests=2,
        raw=4,
        replaced=(LEDGER,),
        rows=None,
    ),
    _newer(
        *("a_newer_source_claim", "A note of whose posts the store holds"),
        lambda place: place.store.put(CLAIM, b'{"version":2,"x":["x","elsewhere"]}'),
        *(f"{CLAIM}: does not say whose posts the store holds", "restore it or upgrade"),
        work=_claim,
    ),
    _newer(
        *("a_newer_spend_ledger", "A spend ledger", _changed(lambda _: LEDGER, version=2)),
        *(f"{PARTITION}: {LEDGER}: version 2, this program reads up to 1; upgrade",),
    ),
)
