"""`elec watch`: what is watched, what alerts make of it, and what is muted. Reads the store; asks nobody else."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from elec_assets.clients.alert_state import add_silence, read_silences, read_state
from elec_assets.clients.store import Store, open_store
from elec_assets.clients.watch_seen import read_seen
from elec_assets.clients.watches_source import load_watches
from elec_assets.domain import layout_alerts
from elec_assets.domain.due import BATCHES
from elec_assets.domain.registry import Election
from elec_assets.domain.registry_problems import RegistryInvalid
from elec_assets.domain.silences import Silence, parse_silences, silencing
from elec_assets.domain.watches import Watch
from elec_assets.domain.windows import iso
from elec_assets.operations.watch_newest import newest_data, watchables
from elec_assets.operations.watch_report import Row, SilenceReport, WatchReport
from elec_assets.settings import Settings
from elec_assets.transforms.alert_state import State
from elec_assets.transforms.watch_state import Seen, SeenWatch

# The sensor looks once a minute; twice that, and its next start.
_OLD = timedelta(minutes=5)


def watched(settings: Settings, elections: Iterable[Election], now: datetime) -> WatchReport:
    """What is watched now, and what alerts remember.

    Raises:
        RegistryInvalid: watches.yaml cannot be read.
        AlertStateUnreadable: what alerts remember cannot be read.
        StoreError: the store refused.
    """
    store = _store(settings)
    watches, warnings = load_watches(settings.watches_path, optional=settings.watches is None)
    state, seen = read_state(store), read_seen(store)
    silences, problems = _silences(store, now)
    rows = [
        *(_prefix(watch, seen, now) for watch in watches.values()),
        *(row for e in elections if e.active_at(now) for row in _products(settings, store, e, seen, now)),
    ]
    known = {row.asset for row in rows}
    extra = sorted({i.condition.asset for i in state.incidents.values()} - known)
    rows += [Row(asset, "ok", None) for asset in extra]
    return WatchReport(
        now,
        [_judged(row, state, silences, now) for row in rows],
        state,
        silences,
        [*problems, *(str(warning) for warning in warnings), *_unlooked(seen, now)],
    )


def silence(settings: Settings, name: str, until: datetime | timedelta, reason: str, now: datetime) -> SilenceReport:
    """Mute something until a moment, or for a length of time.

    Raises:
        ValueError: the end, the name or the reason is not one that is allowed.
        RegistryInvalid: the silences that there are cannot be read; they are left as they are.
        AlertStateUnreadable: what alerts remember cannot be read; it is silenced all the same.
        StoreError: the store refused.
    """
    store = _store(settings)
    end = now + until if isinstance(until, timedelta) else until
    new = Silence(name, end.replace(microsecond=0), reason.strip())
    add_silence(store, new, now)
    incidents = read_state(store).incidents.values()
    muted = [i for i in incidents if silencing([new], (i.condition.key, i.condition.asset), now) is not None]
    return SilenceReport(new, muted)


def _store(settings: Settings) -> Store:
    return open_store(settings.store_url, allow_http=settings.store_allows_http)


def _silences(store: Store, now: datetime) -> tuple[Sequence[Silence], list[str]]:
    """The silences that are not over, and what is wrong with their file."""
    held, unreadable = read_silences(store, now)
    if unreadable is None:
        return [each for each in held if each.until > now], []
    key = layout_alerts.silences()
    try:
        parse_silences((store.find(key) or b"").decode("utf-8", "replace"), key)
    except RegistryInvalid as error:
        return (), [str(error)]
    return (), [f"{key}: not UTF-8 text; mend or delete it"]


def _unlooked(seen: Seen | None, now: datetime) -> list[str]:
    if seen is None or now - seen.at > _OLD:
        since = (
            "nobody has looked at prefixes and the stream" if seen is None else f"nobody looked since {iso(seen.at)}"
        )
        return [f"{since}: the sensor `watched_prefixes` of Dagster does, once a minute"]
    return []


def _prefix(watch: Watch, seen: Seen | None, now: datetime) -> Row:
    asset = f"watch/{watch.name}"
    looked: SeenWatch | None = None if seen is None else seen.watches.get(watch.name)
    if looked is None:
        return Row(asset, "not looked at", None, watch.threshold_s)
    stale = looked.state in ("found", "empty") and watch.stale_since(looked.fresh_at, now) is not None
    state = "stale" if stale else "ok" if looked.state == "found" else looked.state
    return Row(asset, state, looked.fresh_at, watch.threshold_s, said=looked.said)


def _products(settings: Settings, store: Store, election: Election, seen: Seen | None, now: datetime) -> Iterable[Row]:
    """The assets of an election that alerts judge, with the end of their newest data."""
    batches = None if seen is None else seen.batches.get(election.key)
    yield Row(f"{election.key}/{BATCHES}", "ok", None if batches is None else batches.covered_to)
    for each in watchables(election, trends_on=settings.trends_on):
        yield Row(f"{election.key}/{each.name}", "ok", newest_data(store, election, each, now))


def _judged(row: Row, state: State, silences: Sequence[Silence], now: datetime) -> Row:
    """The row with what alerts say of it."""
    about = [i for i in state.incidents.values() if i.condition.asset == row.asset and i.fired_at is not None]
    muting = silencing(silences, (row.asset, *(i.condition.key for i in about)), now)
    muted = f"silenced until {iso(muting.until)}" if muting else ", ".join(sorted({i.muted for i in about if i.muted}))
    wrong = "; ".join(i.condition.wrong for i in about) if row.state == "ok" and about else row.state
    return Row(row.asset, wrong, row.newest_at, row.limit_s, muted, tuple(i.id for i in about), row.said)
