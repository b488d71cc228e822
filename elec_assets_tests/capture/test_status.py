"""What the service says of itself: the file, and how it is told."""

from pathlib import Path

import msgspec
import pytest

from elec_assets.capture.meter import Meter
from elec_assets.capture.status import Status, StatusUnreadable, progress, read_status, told, write_status
from elec_assets.domain.windows import X_EPOCH_MS

AT_MS = 1_801_684_800_000
STATUS = msgspec.convert(
    {
        "at": "2027-02-03T20:05:00Z",
        "pid": 42,
        "running": True,
        "started": "2027-02-03T19:00:00Z",
        "connection": {"state": "connected", "number": 3, "since": "2027-02-03T19:30:00Z", "last_byte": None},
        "lines": 12_345,
        "per_minute": 321,
        "lag_s": 2.345,
        "connections": 3,
        "planned": "planned now",
        "spool": {
            "used_bytes": 12_345_678,
            "cap_bytes": 20_000_000_000,
            "waiting": 2,
            "oldest": "2027-02-03T19:55:00Z",
            "near_full": False,
            "disputed": 0,
        },
        "upload": {"slots": 11, "last": None, "problem": "the store is down", "problem_since": None},
        "spend": {
            "month": "202702",
            "spent_usd": 3.2109,
            "reserved_usd": 0.2,
            "lost_usd": 0.5,
            "share_usd": 40.0,
            "free": False,
        },
        "registry": {"version": "abc", "elections": ["xx_2027"], "rules": 7, "problems": ["a rule is refused"]},
        "alerts": ["the store is down"],
    },
    Status,
)


def test_a_status_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert read_status(tmp_path) is None
    write_status(tmp_path, STATUS)
    assert read_status(tmp_path) == STATUS


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"version":1}', b"\xff", b"[" * 50_000])
def test_a_damaged_status_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "status.json").write_bytes(content)
    with pytest.raises(StatusUnreadable, match=r"status\.json: not a status .*`elec capture` writes it anew"):
        read_status(tmp_path)


def test_a_newer_status_asks_for_an_upgrade(tmp_path: Path) -> None:
    (tmp_path / "status.json").write_bytes(b'{"version":2}')
    with pytest.raises(StatusUnreadable, match="version 2, this program reads up to 1; upgrade"):
        read_status(tmp_path)


def test_a_person_is_told_connection_rate_lag_spool_spend_and_plan() -> None:
    text = "\n".join(told(STATUS))
    for part in (
        "number 3, open since 2027-02-03T19:30:00Z",
        "321 posts in the last minute, 12,345 since",
        "2.3 s",
        "12,345,678 of 20,000,000,000 bytes, 2 slots wait, the oldest of 2027-02-03T19:55:00Z",
        "3.21 of 40.00 USD, 0.50 of it left by crashes",
        "planned now",
        "xx_2027, 7 rules",
        "! the store is down",
        "! a rule is refused",
    ):
        assert part in text


def test_one_line_tells_how_it_goes() -> None:
    line = progress(STATUS)
    assert line == (
        "connected since 2027-02-03T19:30:00Z | 321 posts/min, lag 2.3 s | spool 12.3 MB, 2 slots wait | "
        "3.21 of 40.00 USD, 0.50 of it left by crashes | planned now"
    )
    waiting = msgspec.structs.replace(
        STATUS, connection=msgspec.structs.replace(STATUS.connection, since=None, state="waiting 5 s"), lag_s=None
    )
    assert progress(waiting).startswith("waiting 5 s | 321 posts/min | ")


def test_the_meter_counts_the_last_minute_and_the_median_lag_of_a_post_a_second() -> None:
    meter = Meter()
    meter.opened(1, AT_MS)
    for n in range(600):
        at = AT_MS + n * 200
        made = ((at - 2000 - (n == 300) * 10_000_000) - X_EPOCH_MS) << 22
        meter.line(b'{"data":{"id":"%d","text":""}}\r\n' % made, at)
    assert meter.connected
    assert meter.per_minute(at) == pytest.approx(300, abs=5)
    assert meter.per_minute(at + 30_000) == pytest.approx(150, abs=5)
    assert meter.per_minute(at + 61_000) == 0
    assert meter.lag_s == 2.0
    meter.kept_alive(at + 20_000)
    assert (meter.last_byte_ms, meter.keep_alives, meter.lines) == (at + 20_000, 1, 600)
    meter.closed()
    assert not meter.connected
