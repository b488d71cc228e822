"""What `elec doctor` looks at of live capture: the spool and its disk, the stream's part of the budget, the service."""

import os
import shutil
from datetime import datetime
from pathlib import Path

from elec_assets.capture.status import StatusUnreadable
from elec_assets.operations.doctor_check import Check
from elec_assets.operations.plan_budget import too_small
from elec_assets.operations.status import StatusReport, status
from elec_assets.settings import Settings

# An hour at 10 posts a second, 3 kB each: less leaves no time to look after a store that is down.
_LEAST_FREE_BYTES = 100_000_000
_TODO = "Start it with `elec capture`; until then search fills the hours, which finds no retweets"


def capture_checks(settings: Settings, now: datetime) -> tuple[Check, ...]:
    """The checks, none of which writes or asks anyone."""
    return _spool(settings), _budget(settings), _service(settings, now)


def _spool(settings: Settings) -> Check:
    """Whether the spool, which `elec capture` makes, can be written, and has room for what it may hold."""
    folder = settings.spool_path
    standing = _standing(folder)
    if not standing.is_dir() or not os.access(standing, os.W_OK | os.X_OK):
        todo = "Set ELEC_SPOOL to a directory on a local disk that can be written"
        return Check("spool", "fail", f"{folder} cannot be written", todo)
    free, cap = shutil.disk_usage(standing).free, settings.spool_max_bytes
    found = f"{folder} can be written; {free / 1e9:.1f} GB free, it may hold {cap / 1e9:.1f} GB"
    if free < _LEAST_FREE_BYTES:
        return Check("spool", "fail", found, "Free some space: a full disk ends the capture")
    if free < cap:
        return Check(
            "spool", "warn", found, "The disk is full before ELEC_SPOOL_MAX_BYTES warns: lower it, or free some"
        )
    return Check("spool", "ok", found)


def _standing(folder: Path) -> Path:
    """The folder, or the one above it that is there."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def _budget(settings: Settings) -> Check:
    name = "stream budget"
    if settings.x_is_loopback:
        return Check(name, "ok", "X is on 127.0.0.1: free")
    share = settings.x_capture_budget_usd
    if not settings.x_budget_usd:
        return Check(name, "warn", "0 USD: the stream is not listened to", "See `elec plan`, set ELEC_X_BUDGET_USD")
    found = f"{share:.2f} of {settings.x_budget_usd:.2f} USD a month for the stream, the rest for searches"
    if not share:
        return Check(name, "warn", found, "Lower ELEC_X_FILL_SHARE (0.2 is the default) to capture live")
    problem = too_small(settings)
    if problem is not None:
        return Check(name, "warn", problem, "See `elec plan`: it tells what a month costs")
    return Check(name, "ok", found)


def _service(settings: Settings, now: datetime) -> Check:
    """Whether the service runs with this spool, and what it says."""
    try:
        report = status(settings.spool_path, now)
    except StatusUnreadable as error:
        return Check("capture", "fail", str(error))
    said = report.status
    if said is None:
        return Check("capture", "warn", "never ran with this spool", _TODO)
    if not report.running:
        return Check("capture", "warn", _stopped(report), _TODO)
    problems = [*said.alerts, *said.registry.problems]
    waiting = f"{said.spool.waiting} slots wait for their upload"
    found = f"process {said.pid}, {said.connection.state}; {said.lines:,} posts since {said.started}, {waiting}"
    if problems:
        return Check("capture", "warn", f"{found}; {'; '.join(problems)}", "`elec status` tells all")
    return Check("capture", "ok", found)


def _stopped(report: StatusReport) -> str:
    if report.status is None:
        return "never ran"
    if not report.status.running:
        return f"stopped at {report.status.at}"
    return f"process {report.status.pid} said nothing since {report.status.at}"
