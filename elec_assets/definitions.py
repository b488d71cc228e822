"""Assembly: settings -> registry -> resources -> Definitions; nothing else.

To add a source: its client in `clients/`, its transform in `transforms/`, its table in `domain/tables.py`, its keys in
`domain/layout.py`, its assets in `assets/`, its policy in `freshness.py`, its checks in `checks.py`, and a line here.
"""

import gc
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache

import dagster as dg

from elec_assets.assets.candidates import candidates_asset
from elec_assets.assets.compliance import compliance_asset
from elec_assets.assets.coverage import coverage_weekly_asset
from elec_assets.assets.dataset import dataset_asset, staged_asset
from elec_assets.assets.dataset_checks import shown_check
from elec_assets.assets.trends import trends_asset
from elec_assets.assets.trends_weekly import trends_weekly_asset
from elec_assets.assets.tweets import tweets_asset
from elec_assets.assets.volume import volume_asset
from elec_assets.assets.watched import batches_spec, incidents_spec, watch_spec
from elec_assets.assets.weekly import tweets_weekly_asset
from elec_assets.checks import election_checks
from elec_assets.clients.registry_source import load_registry
from elec_assets.clients.watches_source import load_watches
from elec_assets.domain.registry import Election, Registry
from elec_assets.domain.release_cadence import final_day
from elec_assets.domain.trends import Cadence
from elec_assets.domain.watches import Watch
from elec_assets.resources import KaggleResource, StoreResource, TrendsResource, XSearchResource
from elec_assets.schedules import election_schedules, scheduled_until
from elec_assets.schedules_compliance import compliance_schedule
from elec_assets.schedules_releases import looks_schedule, releases_schedule
from elec_assets.schedules_trends import trends_schedules
from elec_assets.secrets_source import read_secrets
from elec_assets.sensors import registry_sensor
from elec_assets.sensors_alerts import alerts_sensor
from elec_assets.sensors_watched import watched_sensor
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
    watches: Mapping[str, Watch] = field(default_factory=dict)

    def are_of(self, settings: Settings, registry: Registry, watches: Mapping[str, Watch], now: datetime) -> bool:
        """Whether the same would be made again."""
        same = (self.settings, self.registry, self.watches) == (settings, registry, watches)
        return same and abs(now - self.at) < _KEPT_FOR


class Loader:
    """Makes definitions, and gives those made last again while nothing they are made of has changed."""

    def __init__(self) -> None:
        self._last: _Made | None = None

    def load(
        self, settings: Settings, registry: Registry, now: datetime, watches: Mapping[str, Watch] | None = None
    ) -> dg.Definitions:
        """The definitions for given settings, registry and watches, as of a time."""
        watched = watches or {}
        if self._last is None or not self._last.are_of(settings, registry, watched, now):
            made = build_definitions(settings, registry, now, watched)
            self._last = _Made(settings, registry, now, made, watched)
        return self._last.definitions


_LOADER = Loader()
_LOG = logging.getLogger(__name__)


@dg.definitions
def defs() -> dg.Definitions:
    """The definitions of this deployment; a broken setting, registry or list of watches stops loading, all named."""
    settings = load_settings(read_secrets)
    watches, warnings = load_watches(settings.watches_path, optional=settings.watches is None)
    for warning in warnings:
        _LOG.warning(str(warning))
    definitions = _LOADER.load(settings, load_registry(settings.registry_path), datetime.now(UTC), watches)
    _keep_from_collector()
    return definitions


@cache
def _keep_from_collector() -> None:
    """Once a process: what is there now stays, and Python's garbage collector need not look through it again.

    It did so most at the end of the process. Of the 6.6 s of CPU of an hourly run it was 1.2 (median of 5, 2026-11-22).
    """
    gc.freeze()


def build_definitions(
    settings: Settings, registry: Registry, now: datetime, watches: Mapping[str, Watch] | None = None
) -> dg.Definitions:
    """The definitions for given settings and registry, as of a time: past elections have no schedule and policy.

    Raises:
        SnsTargetInvalid: who is told is set twice, or not in a form that SNS takes.
    """
    elections = list(registry.elections.values())
    running = [e for e in elections if now < e.calendar.collect_until]
    scheduled = [e for e in elections if now < scheduled_until(e)]
    assets = [
        asset
        for e in elections
        for asset in _assets(e, registry, active=e in running, paced=not settings.trends_is_loopback)
    ] + _releases(settings, registry, now)
    checks = [*(check for e in elections for check in election_checks(e)), shown_check(registry)]
    watched = watches or {}
    return dg.Definitions(
        assets=[*assets, *_external(elections, running, watched)],
        asset_checks=checks,
        schedules=[
            *(s for e in scheduled for s in election_schedules(e, asks_x=settings.x_configured)),
            *(s for e in scheduled for s in trends_schedules(e, trends_on=settings.trends_on)),
            # X's terms last as long as its posts are kept: past elections too.
            *(compliance_schedule(e) for e in elections),
            releases_schedule(registry),
            looks_schedule(),
        ],
        sensors=[
            registry_sensor(elections),
            watched_sensor(elections, watched, allow_http=settings.store_allows_http),
            alerts_sensor(settings, elections, watched, _blocking([*assets, *checks])),
        ],
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
        compliance_asset(election, registry),
        coverage_weekly_asset(election, active=active),
        *(
            trends_asset(election, registry, area, cadence, active=active, paced=paced)
            for area in election.areas
            for cadence in Cadence
        ),
        trends_weekly_asset(election, active=active),
    ]


def _external(
    elections: Iterable[Election], running: Sequence[Election], watches: Mapping[str, Watch]
) -> list[dg.AssetSpec]:
    """What others make: the stream's batches, watched prefixes, incidents."""
    batches = [batches_spec(election, active=election in running) for election in elections]
    return [*batches, *(watch_spec(watch) for watch in watches.values()), incidents_spec()]


def _blocking(made: Iterable[dg.AssetsDefinition]) -> dict[dg.AssetCheckKey, bool]:
    """All asset checks, and whether each holds back what comes after."""
    return {spec.key: spec.blocking for each in made for spec in each.check_specs}


def _releases(settings: Settings, registry: Registry, now: datetime) -> list[dg.AssetsDefinition]:
    active = any(now <= final_day(election) for election in registry.elections.values())
    return [
        staged_asset(registry, active=active),
        dataset_asset(registry, active=active, paced=not settings.kaggle_is_loopback),
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
        function=settings.trends_lambda,
        region=settings.aws_region,
        stop_after_s=settings.trends_lambda_stop_s,
    )
    return {
        "store": StoreResource(url=settings.store_url, allow_http=settings.store_allows_http),
        "x_search": x_search,
        "trends": trends,
        "kaggle": KaggleResource(
            dataset=settings.kaggle_dataset,
            title=settings.kaggle_title,
            profile=settings.privacy,
            base_url=settings.kaggle_base_url,
            username=None if settings.kaggle_username is None else dg.EnvVar("KAGGLE_USERNAME"),
            key=None if settings.kaggle_key is None else dg.EnvVar("KAGGLE_KEY"),
            token=None if settings.kaggle_api_token is None else dg.EnvVar("KAGGLE_API_TOKEN"),
            problem=settings.kaggle_problem,
        ),
    }
