"""`elec doctor`: whether this deployment can work, check by check, and what to do where it cannot."""

import random
import shutil
import socket
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from elec_assets.clients.rate_governor import RateGovernor, lock_path
from elec_assets.clients.registry_history import TO_ACCEPT, TO_DATE, HistoryUnreadable, RegistryHistory
from elec_assets.clients.registry_source import load_registry
from elec_assets.clients.search_fill import page_usd
from elec_assets.clients.spend_ledger import LedgerUnreadable, SpendLedger
from elec_assets.clients.store import Store, StoreError, open_store
from elec_assets.clients.trends_errors import GovernorUnreadable
from elec_assets.clients.trends_pace import TrendsLimits
from elec_assets.clients.x_api import XApi
from elec_assets.clients.x_errors import XError
from elec_assets.domain.registry import Registry
from elec_assets.domain.registry_file import RegistryInvalid
from elec_assets.domain.registry_history import sentences
from elec_assets.domain.windows import from_epoch_ms, iso
from elec_assets.operations.doctor_alerts import alert_checks
from elec_assets.operations.doctor_capture import capture_checks
from elec_assets.operations.doctor_check import Check, State
from elec_assets.operations.doctor_kaggle import kaggle_checks
from elec_assets.operations.doctor_secrets import settings_and_secrets
from elec_assets.operations.report import DONE, FAILED, WRONG_INPUT
from elec_assets.settings import Settings, SettingsInvalid, home

_PROBE = "state/doctor/probe"
_LEAST_FREE_BYTES = 5_000_000_000
_MARKS: dict[State, str] = {"ok": "ok  ", "warn": "warn", "fail": "FAIL"}


@dataclass(frozen=True, slots=True)
class DoctorReport:
    """All checks."""

    checks: tuple[Check, ...]
    wrong_input: bool = False

    @property
    def exit_code(self) -> int:
        """2 for wrong settings or registry, 1 if something else fails."""
        if self.wrong_input:
            return WRONG_INPUT
        return FAILED if any(c.state == "fail" for c in self.checks) else DONE

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {"ok": self.exit_code == DONE, "checks": [asdict(c) for c in self.checks]}

    def lines(self) -> list[str]:
        """For a person."""
        return [f"{_MARKS[c.state]}  {c.name}: {c.found}" + (f". {c.todo}" if c.todo else "") for c in self.checks]


def doctor(now: datetime) -> DoctorReport:
    """Look at settings, registry, store, disk, X, budget, live capture, Google Trends and releases.

    Asks X one unbilled question, if a token is set; of Google nothing: each request counts there.
    """
    try:
        settings, secrets = settings_and_secrets()
        _ = settings.store_url  # judged when it is asked for
    except SettingsInvalid as error:
        return DoctorReport((Check("settings", "fail", str(error), "Mend the variable or .env"),), wrong_input=True)
    checks = [Check("settings", "ok", f"read, relative paths start at {home()}"), secrets]
    registry, judged = _registry(settings, now)
    store, looked = _store(settings)
    checks += [judged, *looked]
    wrong_input = registry is None
    if store is not None and registry is not None:
        history, wrong_input = _history(store, registry, now)
        checks.append(history)
    checks.append(_x(settings))
    if store is not None:
        checks.append(_budget(settings, store))
    checks += capture_checks(settings, now)
    if store is not None:
        checks.append(_trends(settings, store))
    checks += alert_checks(settings, store, now)
    checks += kaggle_checks(settings, store, registry, now)
    return DoctorReport(tuple(checks), wrong_input)


def _registry(settings: Settings, now: datetime) -> tuple[Registry | None, Check]:
    try:
        registry = load_registry(settings.registry_path)
    except RegistryInvalid as error:
        todo = f"Mend it, then: elec candidates check {settings.registry_path}"
        return None, Check("registry", "fail", str(error), todo)
    return registry, _calendars(registry, now)


def _calendars(registry: Registry, now: datetime) -> Check:
    active = [e.key for e in registry.active(now)]
    unconfirmed = [e.key for e in registry.active(now) if not e.calendar.confirmed]
    if not active:
        return Check(
            "registry", "warn", f"{len(registry.elections)} elections, none active now", "Nothing is collected"
        )
    if unconfirmed:
        todo = "Check the dates, then set calendar.confirmed: true"
        return Check("registry", "warn", f"dates of {', '.join(unconfirmed)} are not confirmed", todo)
    return Check("registry", "ok", f"active: {', '.join(active)}")


def _history(store: Store, registry: Registry, now: datetime) -> tuple[Check, bool]:
    """Whether the registry is, or may come, into force; and whether it is refused because it rewrites the past."""
    name, version = "registry history", f"version {registry.version}"
    try:
        standing = RegistryHistory(store).standing(registry, now)
    except (HistoryUnreadable, StoreError) as error:
        return Check(name, "fail", str(error)), False
    if standing.changes:
        found = f"{version} is refused: {'; '.join(sentences(standing.changes))}"
        return Check(name, "fail", found, f"Either {TO_DATE}; or record that the past changes: {TO_ACCEPT}"), True
    held = standing.in_force
    if held is not None and held.version == registry.version:
        return Check(name, "ok", f"{version} is in force since {iso(held.admitted_at)}"), False
    return Check(name, "ok", f"{version} comes into force with the next run, and changes nobody's past"), False


def _store(settings: Settings) -> tuple[Store | None, list[Check]]:
    try:
        store = open_store(settings.store_url, allow_http=settings.store_allows_http)
        store.put(_PROBE, b"")
        store.delete(_PROBE)
    except StoreError as error:
        return None, [Check("store", "fail", str(error), "Set ELEC_STORE to a place that can be written")]
    checks = [Check("store", "ok", f"{settings.store} can be written")]
    if settings.store_url.startswith("file://"):
        free = shutil.disk_usage(Path(unquote(urlsplit(settings.store_url).path))).free
        state: State = "ok" if free > _LEAST_FREE_BYTES else "warn"
        todo = "" if state == "ok" else "A million posts need about 1 GB; free some space"
        checks.append(Check("disk", state, f"{free / 1e9:.1f} GB free", todo))
    return store, checks


def _x(settings: Settings) -> Check:
    if settings.x_bearer_token is None:
        return Check("x", "warn", "no token: X is not asked, hours stay not_run", "Set X_BEARER_TOKEN to collect")
    api = XApi(
        token=settings.x_bearer_token.get_secret_value(),
        base_url=settings.x_base_url,
        archive=settings.x_archive,
        timeout_s=settings.x_timeout_s,
        pace_s=0.0,
        clock=lambda: datetime.now(UTC),
        sleep=time.sleep,
    )
    try:
        usage = api.usage()
    except XError as error:
        return Check("x", "fail", str(error))
    return Check("x", "ok", f"{settings.x_base_url} accepts the token; posts read this cycle: {usage}")


def _budget(settings: Settings, store: Store) -> Check:
    if settings.x_is_loopback:
        return Check("budget", "ok", "X is on 127.0.0.1: free")
    share = settings.x_fill_budget_usd
    if not share:
        return Check("budget", "warn", "0 USD: no paid call is made", "See `elec plan`, then set ELEC_X_BUDGET_USD")
    try:
        spent = SpendLedger(store, "x_search", share, lambda: datetime.now(UTC)).month().total_usd
    except LedgerUnreadable as error:
        return Check("budget", "fail", str(error))
    page = page_usd(settings.x_prices)
    found = f"{spent:.2f} of {share:.2f} USD spent or reserved this month for searches"
    if share - spent < page:
        todo = f"A page may cost {page:.2f} USD, so none is asked for: raise ELEC_X_BUDGET_USD or ELEC_X_FILL_SHARE"
        return Check("budget", "fail" if share < page else "warn", found, todo)
    return Check("budget", "ok" if share - spent > share * 0.1 else "warn", found)


def _trends(settings: Settings, store: Store) -> Check:
    """Whether Google Trends may be asked, and how it stands with the governor; whether a sandbox is there."""
    if not settings.trends_on:
        return Check("google trends", "warn", "off: nothing is asked, partitions stay not_run", "Set ELEC_TRENDS=on")
    try:
        pace = _governor(settings, store).look()
    except GovernorUnreadable as error:
        return Check("google trends", "fail", str(error))
    sent = f"{len(pace.sent_ms)} requests in 24 hours"
    if pace.circuit_open_until_ms is not None:
        found = f"{sent}; Google refused, and is not asked before {iso(from_epoch_ms(pace.circuit_open_until_ms))}"
        return Check("google trends", "warn", found, "Nothing to do: schedules wait, and go on then")
    if settings.trends_is_loopback:
        return _sandbox_of_trends(settings, sent)
    cap = settings.trends_daily_cap
    found = f"{sent} of {cap}, {pace.rate_per_h:.0f} an hour at most"
    return Check("google trends", "ok" if len(pace.sent_ms) < cap else "warn", found)


def _governor(settings: Settings, store: Store) -> RateGovernor:
    limits = TrendsLimits(
        settings.trends_pace_per_h,
        settings.trends_burst,
        settings.trends_floor_per_h,
        settings.trends_ceiling_per_h,
        settings.trends_daily_cap,
    )
    return RateGovernor(
        store=store,
        limits=TrendsLimits.none() if settings.trends_is_loopback else limits,
        lock=lock_path(store.url),
        clock=lambda: datetime.now(UTC),
        sleep=time.sleep,
        uniform=random.uniform,
    )


def _sandbox_of_trends(settings: Settings, sent: str) -> Check:
    parts = urlsplit(settings.trends_base_url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname or "", port), timeout=2.0).close()
    except OSError as error:
        todo = "Start it (`elec sandbox trends`), or change ELEC_TRENDS_BASE_URL"
        return Check("google trends", "fail", f"{settings.trends_base_url} does not answer ({error})", todo)
    return Check("google trends", "ok", f"{settings.trends_base_url} answers; {sent}")
