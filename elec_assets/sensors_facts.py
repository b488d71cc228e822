"""What the alert sensor finds at one look: Dagster's instance, the store, what capture says on this host, the disks."""

import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

import dagster as dg

from elec_assets.assets import parts
from elec_assets.capture.status import Status, StatusUnreadable, read_status
from elec_assets.clients import alert_sources
from elec_assets.clients.alert_sources import AlertSources, Coverage
from elec_assets.clients.store import Store
from elec_assets.clients.watch_seen import read_seen
from elec_assets.dagster_state import AssetState, Checks, Materialized, asset_states, fail_window, failed_runs
from elec_assets.domain.due import BATCHES, WINDOWS, Late, late, late_batches, newest_due
from elec_assets.domain.layout_trends import TrendsPlace
from elec_assets.domain.registry import Election
from elec_assets.domain.release_due import LateRelease, late_release
from elec_assets.domain.trends import SOURCE, Cadence
from elec_assets.domain.watches import Watch
from elec_assets.domain.windows import parse_iso
from elec_assets.freshness import POLICIES
from elec_assets.resources import SEARCH_POOL
from elec_assets.settings import Settings
from elec_assets.transforms.alert_facts import Captured, Covered, Disk, Facts, Product, Stale, Watched
from elec_assets.transforms.watch_state import Seen

# A status of capture that is older says nothing of now: that nothing comes is told by the batches.
_STATUS_COUNTS = timedelta(minutes=5)
_DATASET = dg.AssetKey(["kaggle", "dataset"])


@dataclass(frozen=True, slots=True)
class Made:
    """A product of an election, as in `alert_facts.Product`, and its assets."""

    election: Election
    name: str
    product: str
    keys: tuple[dg.AssetKey, ...]


class Gatherer:
    """Gathers what alerts judge. It lives as long as the definitions, and remembers what cannot change."""

    def __init__(
        self,
        settings: Settings,
        elections: Iterable[Election],
        watches: Mapping[str, Watch],
        blocking: Mapping[dg.AssetCheckKey, bool],
    ) -> None:
        self._settings = settings
        self._elections = tuple(elections)
        self._watches = watches
        self._checks = Checks(blocking)
        self._materialized = Materialized()
        self._sources = AlertSources()

    def facts(
        self,
        instance: dg.DagsterInstance,
        store: Store,
        now: datetime,
        assets_of: Callable[[str], Collection[dg.AssetKey]],
    ) -> Facts:
        """All of it, at a time. `assets_of` gives the assets of a job.

        Raises:
            StoreError: the store refused; nothing can be judged.
        """
        running = [election for election in self._elections if election.active_at(now)]
        seen = read_seen(store)
        made = [each for e in running for each in self._made(e, seen)]
        states = asset_states(instance, [key for each in made for key in each.keys])
        settings = self._settings
        dataset = settings.kaggle_dataset
        return Facts(
            now=now,
            timezone=running[0].timezone if running else "UTC",
            products=[
                *(product for e in running if (product := self._batches(instance, e, seen, now)) is not None),
                *(self._product(instance, each, states, now) for each in made),
            ],
            watching=bool(running or self._watches),
            seen_at=None if seen is None else seen.at,
            watched=[Watched(w, None if seen is None else seen.watches.get(name)) for name, w in self._watches.items()],
            runs=failed_runs(instance, now, assets_of),
            checks=self._checks.failed(instance),
            covered=[covered for each in made if (covered := self._covered(store, each, states, now)) is not None],
            search_over_budget=self._searches_stopped(store, now),
            trends_refused=alert_sources.trends_refused(store, now) if settings.trends_on else None,
            captured=_captured(settings.spool_path, now),
            disks=[*_disk("store", _directory(store)), *_disk("spool", settings.spool_path)],
            release=None if dataset is None else self._release(instance, store, dataset, now),
        )

    def _release(self, instance: dg.DagsterInstance, store: Store, dataset: str, now: datetime) -> LateRelease | None:
        """Where nothing was ever released it counts from when Dagster first knew of it: a new deployment."""
        released_at = self._sources.released_at(store, dataset)
        if released_at is None:
            released_at = _never_made_since(asset_states(instance, [_DATASET])[_DATASET])
        return late_release(self._elections, released_at, now)

    def _made(self, election: Election, seen: Seen | None) -> Iterator[Made]:
        """What this deployment makes of an election; what it may not ask for is not late."""
        settings = self._settings
        captures = settings.x_capture_configured or (seen is not None and election.key in seen.batches)
        products = ["twitter/weekly", "twitter/volume", "coverage/weekly"]
        for product in ["twitter/tweets", *products] if settings.x_configured or captures else products:
            yield Made(election, product, product, (parts.key(election, *product.split("/")),))
        planned = {cadence: election.trends.tables(cadence) for cadence in Cadence}
        if any(planned.values()):
            yield Made(election, f"{SOURCE}/weekly", f"{SOURCE}/rollup", (parts.key(election, SOURCE, "weekly"),))
        for area in election.areas if settings.trends_on else ():
            for cadence, tables in planned.items():
                keys = tuple(parts.key(election, SOURCE, area, cadence, table) for table in tables)
                if keys:
                    yield Made(election, f"{SOURCE}/{area}/{cadence}", f"{SOURCE}/{cadence}", keys)

    def _batches(
        self, instance: dg.DagsterInstance, election: Election, seen: Seen | None, now: datetime
    ) -> Product | None:
        """The stream, if it is to be listened to; judged as of the last look.

        Where it never came it counts from when Dagster first knew of it: a new deployment.
        """
        held = None if seen is None else seen.batches.get(election.key)
        if seen is None or (held is None and not self._settings.x_capture_configured):
            return None
        covered_to = None if held is None else held.covered_to
        if covered_to is None:
            key = parts.key(election, *BATCHES.split("/"))
            covered_to = _never_made_since(asset_states(instance, [key])[key])
        found = late_batches(election, min(now, seen.at), covered_to)
        return Product(election.key, BATCHES, BATCHES, election.timezone, late=found)

    def _product(
        self,
        instance: dg.DagsterInstance,
        made: Made,
        states: Mapping[dg.AssetKey, AssetState],
        now: datetime,
    ) -> Product:
        """Its tables are judged one by one, and the worst speaks."""
        lates, stales = [], []
        window = WINDOWS[made.product]
        for key in made.keys:
            state = states[key]
            if _is_new(made.product, state, now):
                continue
            stored = self._materialized.stored(instance, key, state.made_id, window.grain, window.reach)
            found = late(made.product, made.election, now, stored)
            if found is not None and _is_beginning(made.product, self._materialized.first_at(instance, key), now):
                continue
            lates.append(found)
            stales.append(_stale(made, state, now))
        return Product(
            made.election.key,
            made.name,
            made.product,
            made.election.timezone,
            late=_worst([each for each in lates if each is not None]),
            stale=max(
                (each for each in stales if each is not None),
                key=lambda s: (s.state != "WARN", -s.since.timestamp()),
                default=None,
            ),
        )

    def _covered(
        self, store: Store, made: Made, states: Mapping[dg.AssetKey, AssetState], now: datetime
    ) -> Covered | None:
        version = tuple(states[key].made_id for key in made.keys)
        found: Coverage | None = None
        what = "last day's planned time"
        if made.product == "twitter/tweets":
            found = self._sources.last_day(store, made.election.key, now, version)
        elif made.name.count("/") == 2:  # an area's tables of Google Trends
            what = "newest partition"
            cadence = Cadence(made.name.rpartition("/")[2])
            partition = newest_due(made.product, made.election, now)
            if partition is not None:
                place = TrendsPlace(made.election.key, made.name.split("/")[1], cadence, partition)
                found = self._sources.partition(store, place, version)
        if found is None:
            return None
        asset = f"{made.election.key}/{made.name}"
        return Covered(asset, made.election.timezone, found.share, what, found.outcome)

    def _searches_stopped(self, store: Store, now: datetime) -> bool:
        settings = self._settings
        if not settings.x_configured or settings.x_is_loopback:
            return False
        budget = settings.x_fill_budget_usd
        return alert_sources.search_over_budget(store, SEARCH_POOL, budget, settings.x_prices, now)


def _never_made_since(state: AssetState) -> datetime | None:
    """Since when Dagster has known an asset that was never made; None where it was, or Dagster does not say."""
    return state.freshness_since if state.freshness == "UNKNOWN" and state.made_id is None else None


def _is_new(product: str, state: AssetState, now: datetime) -> bool:
    """Whether it was never made, and Dagster has not known it for longer than its policy allows: a new deployment."""
    return _within_grace(product, _never_made_since(state), now)


def _is_beginning(product: str, first_at: datetime | None, now: datetime) -> bool:
    """Whether an asset was made for the first time less than its policy's window ago: a new deployment is filled."""
    return _within_grace(product, first_at, now)


def _within_grace(product: str, since: datetime | None, now: datetime) -> bool:
    """Whether a time is no longer ago than a product's policy allows without anything new."""
    return since is not None and since <= now <= since + fail_window(POLICIES[product])


def _stale(made: Made, state: AssetState, now: datetime) -> Stale | None:
    """What Dagster says, where the calendar wants a partition that is over, and nothing was made since its end."""
    if state.freshness not in ("WARN", "FAIL", "UNKNOWN") or state.freshness_since is None:
        return None
    due = newest_due(made.product, made.election, now)
    if due is None or (state.made_at is not None and state.made_at >= due.end):
        return None
    if state.freshness != "UNKNOWN":
        return Stale(state.freshness, state.freshness_since)
    since = state.freshness_since + fail_window(POLICIES[made.product])
    return None if state.made_id is not None else Stale("UNKNOWN", since)


def _worst(lates: Sequence[Late]) -> Late | None:
    return max(lates, key=lambda each: (each.fail, -each.since.timestamp()), default=None)


def _captured(spool: Path, now: datetime) -> Captured | None:
    """What capture says of itself on this host; None where it does not run here, or has not spoken lately."""
    try:
        status = read_status(spool)
    except StatusUnreadable:
        return None
    if status is None or now - parse_iso(status.at) > _STATUS_COUNTS:
        return None
    since = status.upload.problem_since
    over = _over_budget(status)
    told = [status.spool.near_full, status.upload.problem is not None, over].count(True)
    return Captured(
        used_share=status.spool.used_bytes / status.spool.cap_bytes,
        near_full=status.spool.near_full,
        upload_problem_since=None if since is None else parse_iso(since),
        over_budget=over,
        problems=max(0, len(status.alerts) - told) + len(status.registry.problems),
    )


def _over_budget(status: Status) -> bool:
    """Whether capture has stopped for its budget: before the last dollar, by what may be under way."""
    return any(text.startswith("over budget") for text in status.alerts)


def _directory(store: Store) -> Path | None:
    parts_of_url = urlsplit(store.url)
    return Path(unquote(parts_of_url.path)) if parts_of_url.scheme == "file" else None


def _disk(name: str, folder: Path | None) -> Iterator[Disk]:
    if folder is not None and folder.is_dir():
        yield Disk(name, shutil.disk_usage(folder).free)
