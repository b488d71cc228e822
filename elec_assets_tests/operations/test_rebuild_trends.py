"""`elec rebuild` of tables of Google Trends: from documents alone, byte for byte."""

from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from elec_assets import cli
from elec_assets.clients.google_trends import GoogleTrends
from elec_assets.clients.store import Store, open_store
from elec_assets.clients.trends_collector import TrendsCollector
from elec_assets.clients.trends_pace import TrendsLimits
from elec_assets.clients.trends_session import TrendsSession
from elec_assets.domain.layout_trends import TrendsPlace
from elec_assets.domain.registry import Registry
from elec_assets.domain.trends import Cadence, TrendsTable
from elec_assets.domain.windows import DAY, Window
from elec_assets.operations.rebuild import TABLES, RebuildReport
from elec_assets.operations.rebuild_trends import rebuild_trends
from elec_assets.operations.sandboxes import trends_scene_of
from elec_assets.sandbox.serve import start_trends
from elec_assets.settings import Settings
from elec_assets_tests.clients.hours import Clock
from elec_assets_tests.clients.trends import governor
from elec_assets_tests.deployment import ELECTION
from elec_assets_tests.trends_place import trends_registry

NOW = datetime(2026, 2, 7, 12, tzinfo=UTC)
WINDOW = Window(datetime(2026, 2, 5, tzinfo=UTC), datetime(2026, 2, 5, tzinfo=UTC) + DAY)
PLACE = TrendsPlace(ELECTION, "fr", Cadence.DAILY, WINDOW)
MADE = (TrendsTable.INTEREST_OVER_TIME, TrendsTable.CALIBRATED_INTEREST, TrendsTable.RELATED_TOPICS)


@dataclass(frozen=True)
class Asked:
    """A day that was asked for; nobody answers any more."""

    folder: Path
    registry: Registry
    store: Store

    def again(self, table: TrendsTable) -> RebuildReport:
        settings = Settings.model_validate({"store": str(self.folder / "store")})
        since = WINDOW.start - DAY
        return rebuild_trends(settings, self.registry, NOW, table=table, since=since, progress=lambda *_: None)

    def objects(self) -> dict[str, bytes]:
        root = self.folder / "store" / ELECTION
        return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    registry = trends_registry(tmp_path)
    election = registry.elections[ELECTION]
    store = open_store((tmp_path / "store").as_uri())
    clock = Clock(NOW)
    with (
        start_trends(world=trends_scene_of([election], seed=3), clock=clock) as server,
        closing(TrendsSession(server.url, store, 10.0, clock)) as session,
    ):
        backend = GoogleTrends(
            session=session,
            governor=governor(store, clock, TrendsLimits.none()),
            clock=clock,
            sleep=clock.sleep,
            uniform=lambda low, _: low,
        )
        collector = TrendsCollector(
            election=election, registry_version=registry.version, store=store, backend=backend, clock=clock
        )
        assert collector.collect("fr", Cadence.DAILY, WINDOW, MADE).complete
    return Asked(tmp_path, registry, store)


def test_the_same_documents_give_the_same_bytes(asked: Asked) -> None:
    before = asked.objects()
    for table in MADE:
        asked.store.put(PLACE.table(table), b"")
        report = asked.again(table)
        assert (report.rebuilt, report.changed, report.failed) == (1, (f"{ELECTION} fr daily 2026-02-05",), ())
        assert asked.again(table).changed == ()
    assert asked.objects() == before
    assert asked.again(MADE[0]).lines() == ["interest_over_time: 1 partitions made again from raw objects, 0 changed."]


def test_tables_that_are_all_damaged_are_made_again_one_after_the_other(asked: Asked) -> None:
    """Each wanted to count the rows of the others for the coverage row: of two damaged ones neither could be made."""
    before = asked.objects()
    for table in MADE:
        asked.store.put(PLACE.table(table), b"damaged")
    assert [asked.again(table).failed for table in MADE] == [()] * len(MADE)
    assert asked.objects() == before


def test_what_was_never_made_is_not_made_now(asked: Asked) -> None:
    before = asked.objects()
    assert asked.again(TrendsTable.RELATED_QUERIES).rebuilt == 0
    assert asked.objects() == before


def test_a_damaged_document_is_named(asked: Asked) -> None:
    name = next(n for n in asked.objects() if n.endswith("_topics.json.gz"))
    asked.store.put(f"{ELECTION}/{name}", b"no gzip")
    report = asked.again(TrendsTable.RELATED_TOPICS)
    assert (report.rebuilt, report.exit_code) == (0, 1)
    assert name in report.failed[0]


def test_the_command_takes_every_table() -> None:
    assert cli._TABLES == TABLES
