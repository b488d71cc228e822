"""Alerts over a whole deployment: ticks of both sensors by a stepped clock, with a phone that is moto or a refusal."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

import dagster as dg
from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange

from elec_assets.clients.alert_state import read_state
from elec_assets.clients.store import Store, open_store
from elec_assets.definitions import build_definitions
from elec_assets.domain.intervals import Intervals
from elec_assets.domain.journal import SLOT_MS, BatchJournal, slot_of
from elec_assets.domain.layout_capture import BatchKey
from elec_assets.domain.registry import Registry
from elec_assets.domain.watches import Watch
from elec_assets.domain.windows import epoch_ms
from elec_assets.resources import StoreResource
from elec_assets.sensors_alerts import alerts_sensor
from elec_assets.sensors_watched import watched_sensor
from elec_assets.settings import Settings
from elec_assets.transforms.alert_state import Incident, State
from elec_assets.transforms.journals import encode_journal
from elec_assets_tests.deployment import ELECTION

START = datetime(2026, 2, 16, 12, 0, tzinfo=UTC)
LOOK = timedelta(seconds=30)
PHONE = "+33611223344"
SPOOL = "0123abcd"
GATE = dg.AssetCheckKey(dg.AssetKey(["kaggle", "staged"]), "gate")


@dataclass
class Alerting:
    """Both sensors of a deployment; `now` is what they take for the time."""

    folder: Path
    registry: Registry
    instance: dg.DagsterInstance
    settings: Settings
    watches: Mapping[str, Watch] = field(default_factory=dict)
    now: datetime = START
    cursor: str | None = None

    def __post_init__(self) -> None:
        elections = list(self.registry.elections.values())
        blocking = dict.fromkeys([GATE], True)
        self._watched = watched_sensor(elections, self.watches, allow_http=True, clock=lambda: self.now)
        self._alerts = alerts_sensor(self.settings, elections, self.watches, blocking, clock=lambda: self.now)

    @cached_property
    def definitions(self) -> dg.Definitions:
        """Those of the deployment: a second of CPU, so only where a test needs them."""
        return build_definitions(self.settings, self.registry, self.now, self.watches)

    @property
    def store(self) -> Store:
        return open_store(self.settings.store_url, allow_http=True)

    @property
    def state(self) -> State:
        return read_state(self.store)

    def restarted(self) -> "Alerting":
        """As after a restart of Dagster: nothing is remembered but the store and the instance."""
        return replace(self)

    def look(self, *, watch: bool = True, step: timedelta = LOOK) -> str:
        """A tick of both sensors after `step`; what the alerts' tick says."""
        self.now += step
        if watch:
            self._tick(self._watched)
        return self._tick(self._alerts)

    def looks(self, count: int) -> None:
        for _ in range(count):
            self.look()

    def open(self) -> dict[str, Incident]:
        """What is wrong and told, or muted, by key."""
        return {key: each for key, each in self.state.incidents.items() if each.fired_at is not None}

    def told(self) -> list[str]:
        """The keys of what is open and not muted."""
        return sorted(key for key, each in self.open().items() if not each.muted)

    def captured(self, until: datetime) -> None:
        """The journal of the last whole slot before a time, which proves it to the end; uploaded at that time."""
        slot_ms = slot_of(epoch_ms(until)) - SLOT_MS
        covered = Intervals.of([(slot_ms, slot_ms + SLOT_MS)])
        journal = BatchJournal(
            SPOOL, ELECTION, slot_ms, self.registry.version, covered, covered, (), (), (), {}, 0, 0, 0, ()
        )
        key = BatchKey.of(ELECTION, slot_ms, SPOOL).journal
        self.store.put(key, encode_journal(journal))
        os.utime(self.folder / "store" / key, (until.timestamp() + 5, until.timestamp() + 5))

    def made(self, product: str, *partitions: str) -> None:
        """Dagster's events of partitions of an asset."""
        key = dg.AssetKey([ELECTION, *product.split("/")])
        for partition in partitions:
            self.instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=partition))

    def all_is_well(self) -> None:
        """Everything due at START is there, and capture goes on."""
        self.captured(self.now)
        self.made("twitter/tweets", "2026-02-16-10:00", "2026-02-16-11:00")
        for product in ("twitter/weekly", "twitter/volume", "coverage/weekly"):
            self.made(product, "2026-02-02", "2026-02-09")

    def freshness(self, product: str, new: FreshnessState, at: datetime) -> None:
        """What Dagster's freshness daemon would record."""
        change = FreshnessStateChange(
            key=dg.AssetKey([ELECTION, *product.split("/")]),
            previous_state=FreshnessState.UNKNOWN,
            new_state=new,
            state_change_timestamp=at.timestamp(),
        )
        self.instance.report_runless_asset_event(change)

    def events(self, *path: str) -> list[dg.AssetMaterialization]:
        """The recorded events of an asset, oldest first."""
        records = self.instance.fetch_materializations(dg.AssetKey(list(path)), limit=100, ascending=True).records
        return [each.asset_materialization for each in records if each.asset_materialization is not None]

    def _tick(self, sensor: dg.SensorDefinition) -> str:
        with dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursor if sensor is self._alerts else None,
            resources={"store": StoreResource(url=self.settings.store_url, allow_http=True)},
        ) as context:
            data = sensor.evaluate_tick(context)
        if sensor is self._alerts:
            self.cursor = data.cursor
        return str(data.skip_message)


def settings_of(folder: Path, **values: object) -> Settings:
    """Of a deployment with a phone, and X in a sandbox that nobody has to answer."""
    given = {
        "store": str(folder / "store"),
        "spool": str(folder / "spool"),
        "x_bearer_token": "token",
        "x_base_url": "http://127.0.0.1:9",
        "alert_phone": PHONE,
        "aws_region": "eu-west-3",
    }
    return Settings.model_validate(given | values)


def names(incidents: Iterable[Incident]) -> list[str]:
    return sorted(incident.condition.key for incident in incidents)
