"""Assembly: settings -> registry -> resources -> Definitions; nothing else.

To add a source: its client in `clients/`, its transform in `transforms/`, its table in `domain/tables.py`, its keys in
`domain/layout.py`, its assets in `assets/`, its policy in `freshness.py`, its checks in `checks.py`, and a line here.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg

from elec_assets.assets.candidates import candidates_asset
from elec_assets.assets.coverage import coverage_weekly_asset
from elec_assets.assets.trends import trends_asset
from elec_assets.assets.trends_weekly import trends_weekly_asset
from elec_assets.assets.tweets import tweets_asset
from elec_assets.assets.volume import volume_asset
from elec_assets.assets.weekly import tweets_weekly_asset
from elec_assets.checks import election_checks
from elec_assets.clients.registry_source import load_registry
from elec_assets.domain.registry import Election, Registry
from elec_assets.domain.trends import Cadence
from elec_assets.resources import StoreResource, TrendsResource, XSearchResource
from elec_assets.schedules import election_schedules, scheduled_until
from elec_assets.schedules_trends import trends_schedules
from elec_assets.sensors import registry_sensor
from elec_assets.settings import Settings, load_settings

# A run process loads definitions twice within a second, before and after it reads the plan of its run (Dagster 1.13.27:
# `core_execute_run`). The second time cost 0.46 s of its 4.83 s of CPU (best of 6), and now 0.02 s (2026-11).
_KEPT_FOR = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class _Made:
    """Definitions, and of what they were made."""

    settings: Settings
    registry: Registry
    at: datetime
    definitions: dg.Definitions

    def are_of(self, settings: Settings, registry: Registry, now: datetime) -> bool:
        """Whether the same would be made again."""
        return (self.settings, self.registry) == (settings, registry) and abs(now - self.at) < _KEPT_FOR


class Loader:
    """Makes definitions, and gives those made last again while nothing they are made of has changed."""

    def __init__(self) -> None:
        self._last: _Made | None = None

    def load(self, settings: Settings, registry: Registry, now: datetime) -> dg.Definitions:
        """The definitions for given settings and registry, as of a time."""
        if self._last is None or not self._last.are_of(settings, registry, now):
            self._last = _Made(settings, registry, now, build_definitions(settings, registry, now))
        return self._last.definitions


_LOADER = Loader()


@dg.definitions
def defs() -> dg.Definitions:
    """The definitions of this deployment; a broken setting or registry stops loading with all that is wrong."""
    settings = load_settings()
    return _LOADER.load(settings, load_registry(settings.registry_path), datetime.now(UTC))


def build_definitions(settings: Settings, registry: Registry, now: datetime) -> dg.Definitions:
    """The definitions for given settings and registry, as of a time: past elections have no schedule and policy."""
    elections = list(registry.elections.values())
    running = [e for e in elections if now < e.calendar.collect_until]
    scheduled = [e for e in elections if now < scheduled_until(e)]
    return dg.Definitions(
        assets=[
            asset
            for e in elections
            for asset in _assets(e, registry, active=e in running, paced=not settings.trends_is_loopback)
        ],
        asset_checks=[check for e in elections for check in election_checks(e)],
        schedules=[
            *(s for e in scheduled for s in election_schedules(e, asks_x=settings.x_configured)),
            *(s for e in scheduled for s in trends_schedules(e, trends_on=settings.trends_on)),
        ],
        sensors=[registry_sensor(elections)],
        resources=_resources(settings),
        # One process a run: starting a process for a step costs 3 to 9 s (measured 2026-11), and no step is heavy.
        executor=dg.in_process_executor,
    )


def _assets(election: Election, registry: Registry, *, active: bool, paced: bool) -> list[dg.AssetsDefinition]:
    return [
        candidates_asset(election, registry),
        tweets_asset(election, registry, active=active),
        tweets_weekly_asset(election, active=active),
        volume_asset(election, active=active),
        coverage_weekly_asset(election, active=active),
        *(
            trends_asset(election, registry, area, cadence, active=active, paced=paced)
            for area in election.areas
            for cadence in Cadence
        ),
        trends_weekly_asset(election, active=active),
    ]


def _resources(settings: Settings) -> dict[str, object]:
    x_search = XSearchResource(
        token=None if settings.x_bearer_token is None else dg.EnvVar("X_BEARER_TOKEN"),
        base_url=settings.x_base_url,
        archive=settings.x_archive,
        timeout_s=settings.x_timeout_s,
        pace_s=0.0 if settings.x_is_loopback else settings.x_search_pace_s,
        budget_usd=settings.x_fill_budget_usd,
        post_usd=settings.x_post_usd,
        user_usd=settings.x_user_usd,
        count_usd=settings.x_count_usd,
        free=settings.x_is_loopback,
    )
    trends = TrendsResource(
        on=settings.trends_on,
        base_url=settings.trends_base_url,
        loopback=settings.trends_is_loopback,
        timeout_s=settings.trends_timeout_s,
        pace_per_h=settings.trends_pace_per_h,
        burst=settings.trends_burst,
        floor_per_h=settings.trends_floor_per_h,
        ceiling_per_h=settings.trends_ceiling_per_h,
        daily_cap=settings.trends_daily_cap,
    )
    return {
        "store": StoreResource(url=settings.store_url, allow_http=settings.store_allows_http),
        "x_search": x_search,
        "trends": trends,
    }
