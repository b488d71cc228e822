"""A process that collects partitions when told to, in a child that can be killed.

Run as `python -m` with a store's URL, days and candidates. Each line of standard input, the sandbox's URL, starts one
run in a forked child; its pid is told, then its exit status. What a run needs is imported once: they are killed by
the hundred.
"""

import os
import random
import sys
import time
from datetime import UTC, datetime, timedelta

import pytrends.request  # noqa: F401  # loads pandas, which every run would have to do

from elec_assets.clients.google_trends import GoogleTrends
from elec_assets.clients.rate_governor import RateGovernor, lock_path
from elec_assets.clients.store import open_store
from elec_assets.clients.trends_pace import TrendsLimits
from elec_assets.clients.trends_session import TrendsSession
from elec_assets.domain.trends import Cadence
from elec_assets.domain.windows import DAY, Window
from elec_assets_tests.clients.trends_days import ALL, MONDAY, collector, election

NOW = datetime(2027, 2, 2, 15, 0, tzinfo=UTC)
_BEGUN = time.monotonic()


def plan(days: int) -> list[tuple[str, Window]]:
    """The partitions of a run, in its order."""
    return [(area, Window(MONDAY - n * DAY, MONDAY - (n - 1) * DAY)) for n in range(days) for area in ("fr", "world")]


def clock() -> datetime:
    """Some minutes of one day: the sandbox's answers to a question are the same all day."""
    return NOW + timedelta(seconds=time.monotonic() - _BEGUN)


def collect(store_url: str, base_url: str, days: int, count: int) -> None:
    """One whole run."""
    store = open_store(store_url)
    session = TrendsSession(base_url, store, 30.0, clock)
    governor = RateGovernor(
        store=store,
        limits=TrendsLimits.none(),
        lock=lock_path(store_url),
        clock=clock,
        sleep=time.sleep,
        uniform=random.uniform,
    )
    backend = GoogleTrends(session=session, governor=governor, clock=clock, sleep=time.sleep, uniform=random.uniform)
    try:
        for area, day in plan(days):
            found = collector(store, clock, backend, election(count)).collect(area, Cadence.DAILY, day, ALL)
            assert found.complete, found.summary
    finally:
        session.close()


def tell(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def main() -> None:
    store_url, days, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            collect(store_url, line.strip(), days, count)
            os._exit(0)
        tell(pid)
        tell(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    main()
