"""A deployment that asks Google Trends: three candidates, two areas, the default plan, the sandbox of Google Trends."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import dagster as dg

from elec_assets.domain.registry import Registry
from elec_assets.operations.sandboxes import trends_scene_of
from elec_assets.sandbox.serve import start_trends
from elec_assets.sandbox.trends_http import TrendsServer
from elec_assets_tests.deployment import ELECTION, REGISTRY, Deployment, write_registry

NO_PLAN = "    trends: {hourly: [], daily: [], weekly: []}\n"
PEOPLE = ("amartin", "bleroux", "cdubois")
TRENDS_REGISTRY = (
    REGISTRY.replace(NO_PLAN, '    areas: {fr: FR, world: ""}\n')
    + "      cdubois: {name: Côme Dubois-Vannier, status: 1}\n"
)
DAY, BLOCK, WEEK = "2026-02-05", ("2026-02-05-04:00", "2026-02-05-07:00"), "2026-02-02"
TABLES = ("calibrated_interest", "interest_by_region", "interest_over_time", "related_queries", "related_topics")


@dataclass(frozen=True)
class Searched:
    """A deployment and the Google Trends that it asks."""

    place: Deployment
    google: TrendsServer

    def run(self, *products: str, **options: object) -> dg.ExecuteInProcessResult:
        """Materialize products of the election (`google_trends/fr/daily/...`), as `Deployment.run`."""
        return self.place.run(*products, **options)  # type: ignore[arg-type]  # handed on as they are

    def off(self) -> "Searched":
        """The same without leave to ask Google."""
        return replace(self, place=replace(self.place, trends_url=None))


def trends_registry(folder: Path) -> Registry:
    assert NO_PLAN in REGISTRY
    return write_registry(folder, TRENDS_REGISTRY)


def product(area: str, cadence: str, *tables: str) -> list[str]:
    """Products of an area and cadence, all five tables where none is named."""
    return [f"google_trends/{area}/{cadence}/{table}" for table in tables or TABLES]


@contextmanager
def searched(folder: Path, instance: dg.DagsterInstance) -> Iterator[Searched]:
    registry = trends_registry(folder)
    # Three decades of popularity between three people are more than one comparison sees.
    world = replace(trends_scene_of([registry.elections[ELECTION]], seed=3), decades=1.0)
    with start_trends(world=world) as google:
        yield Searched(Deployment(folder, registry, instance, "http://127.0.0.1:9", None, google.url), google)
