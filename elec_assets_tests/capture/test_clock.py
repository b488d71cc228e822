"""The clocks of capture."""

import threading
import time

import pytest

from elec_assets.capture.clock import FastClock, WallClock


def test_the_wall_clock_tells_the_time_and_never_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = WallClock()
    assert abs(clock.now_ms() - time.time() * 1000) < 1000
    before = clock.now_ms()
    monkeypatch.setattr(time, "time_ns", lambda: (before - 3_600_000) * 1_000_000)
    assert clock.now_ms() == before
    monkeypatch.setattr(time, "time_ns", lambda: (before + 5) * 1_000_000)
    assert clock.now_ms() == before + 5


def test_a_fast_clock_runs_so_many_times_faster_for_all_who_share_its_beginning() -> None:
    clock = FastClock(1_000_000, 1000.0)
    other = FastClock(1_000_000, 1000.0, clock._began_s)
    time.sleep(0.02)
    first, second = clock.now_ms(), other.now_ms()
    assert first >= 1_000_000 + 20_000
    assert second - first < 5_000
    assert clock.real(60) == 0.06


def test_a_wait_takes_the_seconds_of_its_clock_and_ends_with_the_event() -> None:
    event = threading.Event()
    clock = FastClock(0, 1000.0)
    before = time.monotonic()
    assert not clock.wait(event, 30)
    assert 0.03 <= time.monotonic() - before < 5
    event.set()
    assert clock.wait(event, 1e9)
    assert WallClock().wait(event, 1e9)
    assert not WallClock().wait(threading.Event(), -1)


@pytest.mark.parametrize("speed", [0, -1])
def test_a_clock_that_stands_or_runs_back_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        FastClock(0, speed)
