"""What the service says of itself: `status.json` in the spool's folder, replaced every few seconds."""

from pathlib import Path

import msgspec

from elec_assets.capture.files import replace_file

VERSION = 1
EVERY_S = 5.0
STALE_S = 30.0
"""A status older than this: the service does not run, or is stuck."""
_FILE = "status.json"


class StatusUnreadable(Exception):
    """The file is not a status, or a newer program wrote it; the text says what to do."""


class Connected(msgspec.Struct, frozen=True):
    """The connection: `since` and `last_byte` are ISO times, None where there is none; `state` is in words."""

    state: str
    number: int
    since: str | None
    last_byte: str | None


class SpoolUse(msgspec.Struct, frozen=True):
    """The spool: bytes used and allowed, slots that wait for their upload and the oldest of them (ISO time)."""

    used_bytes: int
    cap_bytes: int
    waiting: int
    oldest: str | None
    near_full: bool
    disputed: int


class Uploading(msgspec.Struct, frozen=True):
    """Uploads: slots since the start, the last one, and why the next is not (since when)."""

    slots: int
    last: str | None
    problem: str | None
    problem_since: str | None


class Money(msgspec.Struct, frozen=True):
    """Spend of the month, USD: counted, reserved, left over by crashes, and the share of the budget. Free: all zero."""

    month: str
    spent_usd: float
    reserved_usd: float
    lost_usd: float
    share_usd: float
    free: bool


class Following(msgspec.Struct, frozen=True):
    """The registry that is followed: its version, the elections, the rules at X, and what is wrong with it."""

    version: str
    elections: tuple[str, ...]
    rules: int
    problems: tuple[str, ...]


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The service at a moment. Times are ISO 8601 UTC, or None."""

    version: int = VERSION
    at: str
    pid: int
    running: bool
    started: str
    connection: Connected
    lines: int
    per_minute: int
    lag_s: float | None
    connections: int
    planned: str
    spool: SpoolUse
    upload: Uploading
    spend: Money
    registry: Following
    alerts: tuple[str, ...]


class _Header(msgspec.Struct):
    version: int


def write_status(folder: Path, status: Status) -> None:
    """Replace the status. Raises OSError where the file system refuses."""
    replace_file(folder / _FILE, msgspec.json.format(msgspec.json.encode(status), indent=1) + b"\n", durable=False)


def read_status(folder: Path) -> Status | None:
    """The last status; None where there is none.

    Raises:
        StatusUnreadable: it cannot be read.
    """
    path = folder / _FILE
    try:
        data = path.read_bytes()
        version = msgspec.json.decode(data, type=_Header).version
        if version > VERSION:
            raise StatusUnreadable(f"{path}: version {version}, this program reads up to {VERSION}; upgrade")
        return msgspec.json.decode(data, type=Status)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StatusUnreadable(f"{path} cannot be read: {error.strerror}; check ELEC_SPOOL and its rights") from error
    except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, or nested without end
        raise StatusUnreadable(f"{path}: not a status ({error}); `elec capture` writes it anew") from error


def told(status: Status) -> list[str]:
    """A status for a person."""
    c, s, u, m = status.connection, status.spool, status.upload, status.spend
    opened = f"number {c.number}, open since {c.since}, last byte {c.last_byte}" if c.since else c.state
    lag = "unknown: no post yet" if status.lag_s is None else f"{status.lag_s:.1f} s"
    waiting = f"{s.waiting} slots wait, the oldest of {s.oldest}" if s.waiting else "nothing waits"
    lines = [
        f"connection  {opened}",
        f"rate        {status.per_minute:,} posts in the last minute, {status.lines:,} since {status.started}",
        f"lag         {lag}",
        f"spool       {s.used_bytes:,} of {s.cap_bytes:,} bytes, {waiting}",
        f"uploads     {u.slots:,} slots, last {u.last or 'none'}" + (f"; {u.problem}" if u.problem else ""),
        f"spend       {_money(m)}",
        f"plan        {status.planned}",
        f"registry    version {status.registry.version}: {', '.join(status.registry.elections) or 'none active'}, "
        f"{status.registry.rules} rules",
    ]
    return [*lines, *[f"! {text}" for text in (*status.alerts, *status.registry.problems)]]


def progress(status: Status) -> str:
    """A status in one line."""
    s, m = status.spool, status.spend
    state = f"connected since {status.connection.since}" if status.connection.since else status.connection.state
    lag = "" if status.lag_s is None else f", lag {status.lag_s:.1f} s"
    spool = f"spool {s.used_bytes / 1e6:,.1f} MB, {s.waiting} slots wait"
    return f"{state} | {status.per_minute:,} posts/min{lag} | {spool} | {_money(m)} | {status.planned}"


def _money(money: Money) -> str:
    if money.free:
        return "free (127.0.0.1)"
    lost = f", {money.lost_usd:.2f} of it left by crashes" if money.lost_usd else ""
    return f"{money.spent_usd:.2f} of {money.share_usd:.2f} USD{lost}"
