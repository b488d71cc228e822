"""What others make: the sensor that looks at watched prefixes and at the stream's batches, once a minute.

When the newest data moved it records an event, which is what freshness policies count from; what it saw goes into one
object (`state/watches.json`), which alerts judge. It starts no run.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import dagster as dg

from elec_assets.assets.watched import batches_key, watch_key
from elec_assets.clients.watch_seen import BatchesSeen, read_seen
from elec_assets.clients.watched import Looked, look
from elec_assets.domain import layout_alerts
from elec_assets.domain.registry import Election
from elec_assets.domain.watches import Watch
from elec_assets.domain.windows import iso, parse_iso
from elec_assets.resources import StoreResource, utc_now
from elec_assets.transforms.watch_state import Seen, SeenWatch, encode_seen

NAME = "watched_prefixes"
_EVERY_S = 60
# A tick must end within 60 s (Dagster 1.13.27), and prefixes that do not answer must not keep others from being seen.
_TIMEOUT_S = 8.0
_AT_ONCE = 16
_FRESH = "fresh_at"


def watched_sensor(
    elections: Iterable[Election],
    watches: Mapping[str, Watch],
    *,
    allow_http: bool = False,
    clock: Callable[[], datetime] = utc_now,
) -> dg.SensorDefinition:
    """The sensor `watched_prefixes`; `allow_http` is for an emulator of S3."""
    followed, journals = tuple(elections), BatchesSeen()

    @dg.sensor(
        name=NAME,
        minimum_interval_seconds=_EVERY_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Looks once a minute at the newest data of every prefix in watches.yaml and of every running election's "
            "stream, by the time in keys and journals, and records an event when it moved. Starts no run."
        ),
    )
    def watched_prefixes(context: dg.SensorEvaluationContext, store: StoreResource) -> dg.SkipReason:
        now = clock()
        running = [election for election in followed if election.active_at(now)]
        if not running and not watches:
            return dg.SkipReason("nothing to watch: watches.yaml is empty, and no election is collected now")
        opened = store.open()
        before = read_seen(opened)
        batches = {e.key: each for e in running if (each := journals.look(opened, e.key, now)) is not None}
        seen = Seen(at=now, watches=_watched(before, watches, now, allow_http=allow_http), batches=batches)
        moved = _record(context.instance, _events(running, seen))
        opened.put(layout_alerts.watches(), encode_seen(seen))
        unseen = [f"{name}: {each.said}" for name, each in seen.watches.items() if each.said]
        for text in unseen:
            context.log.warning(text)
        return dg.SkipReason(
            f"{len(watches)} prefixes and {len(running)} streams looked at: {moved} moved, {len(unseen)} not seen"
        )

    return watched_prefixes


def _watched(
    before: Seen | None, watches: Mapping[str, Watch], now: datetime, *, allow_http: bool
) -> dict[str, SeenWatch]:
    """All prefixes, looked at side by side."""
    if not watches:
        return {}
    held = before.watches if before is not None else {}
    with ThreadPoolExecutor(min(_AT_ONCE, len(watches))) as threads:
        looked = threads.map(
            lambda watch: look(watch, now, allow_http=allow_http, timeout_s=_TIMEOUT_S), watches.values()
        )
        return {name: _seen(held.get(name), each, now) for name, each in zip(watches, looked, strict=True)}


def _seen(before: SeenWatch | None, looked: Looked, now: datetime) -> SeenWatch:
    """What is remembered of a look: where a prefix could not be listed, the newest data that it held before."""
    same = before is not None and before.state == looked.state
    since = before.since if before is not None and same else now
    newest = looked.newest
    if newest is None:
        known = before.fresh_at if before is not None else None
        return SeenWatch(state=looked.state.value, since=since, fresh_at=known, said=looked.said)
    return SeenWatch(
        state=looked.state.value,
        since=since,
        fresh_at=newest.fresh_at,
        key=newest.key,
        size=newest.size,
        modified=newest.modified,
        named_at=newest.named_at,
        objects=newest.objects,
    )


def _events(running: Sequence[Election], seen: Seen) -> dict[dg.AssetKey, tuple[datetime, dict[str, str | int]]]:
    """How new each asset is, and what is told of it."""
    events: dict[dg.AssetKey, tuple[datetime, dict[str, str | int]]] = {}
    for name, watch in seen.watches.items():
        if watch.key and watch.fresh_at is not None:
            told: dict[str, str | int] = {"key": watch.key, "bytes": watch.size, "objects": watch.objects}
            times = {"named_at": watch.named_at, "uploaded": watch.modified}
            events[watch_key(name)] = watch.fresh_at, told | {n: iso(at) for n, at in times.items() if at is not None}
    for election in running:
        batches = seen.batches.get(election.key)
        if batches is not None and batches.covered_to is not None:
            events[batches_key(election)] = batches.covered_to, {"key": batches.key}
    return events


def _record(instance: dg.DagsterInstance, events: Mapping[dg.AssetKey, tuple[datetime, dict[str, str | int]]]) -> int:
    """Record an event of each asset whose data is newer than that of its last event; how many there were."""
    last = instance.get_latest_materialization_events(list(events)) if events else {}
    moved = 0
    for key, (fresh_at, told) in events.items():
        entry = last.get(key)
        recorded = None if entry is None else entry.asset_materialization
        before = None if recorded is None else recorded.metadata.get(_FRESH)
        if before is None or parse_iso(str(before.value)) < parse_iso(iso(fresh_at)):
            metadata = {_FRESH: iso(fresh_at), **told}
            instance.report_runless_asset_event(dg.AssetMaterialization(key, metadata=metadata))
            moved += 1
    return moved
