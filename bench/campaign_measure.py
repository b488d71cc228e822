"""What is measured of the filled deployment: pages in a browser, ticks of the daemon, iterations for freshness."""

import os
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy.engine import Connection

from bench.campaign_browser import Page, browser
from bench.campaign_ticks import ticks_since
from bench.measure import measure
from bench.report import Row, progress

_WITHIN_S = 120.0
_WARM = 3


@dataclass(frozen=True, slots=True)
class Shown:
    """A page: its address after the webserver's, and what is true once it shows what one comes for (JavaScript).

    `link` is what a person who has the page before it open clicks to get there, as a CSS selector.
    """

    name: str
    path: str
    shows: str
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """How long a page took in seconds, and the machine's load then.

    In a new browser (cold), loaded again in the same (warm, the median), and by a click in the open UI, which loads no
    program of the UI again (the median; None where no link was given).
    """

    name: str
    cold_s: float
    warm_s: float
    click_s: float | None
    load: float

    def row(self) -> Row:
        """As a row of a table."""
        return {
            "page": self.name,
            "cold_s": round(self.cold_s, 2),
            "warm_s": round(self.warm_s, 2),
            "click_s": None if self.click_s is None else round(self.click_s, 2),
            "load": round(self.load, 1),
        }


def pages(url: str, shown: Sequence[Shown], pictures: Path | None) -> list[Opened]:
    """Open pages, the first in a browser that has never seen the webserver; then each again.

    Raises:
        PathFailed: one did not show.
    """
    found = []
    with browser() as page:
        for each in shown:
            progress(f"opening {each.name}")
            load = os.getloadavg()[0]
            cold = page.opened(url + each.path, each.shows, _WITHIN_S)
            _picture(page, pictures, each.name)
            warm = [page.opened(url + each.path, each.shows, _WITHIN_S) for _ in range(_WARM)]
            found.append(Opened(each.name, cold, statistics.median(warm), None, load))
        clicks = [[_clicked(page, url, *pair) for pair in _linked(shown)] for _ in range(_WARM)]
    medians = dict(
        zip([to.name for _, to in _linked(shown)], map(statistics.median, zip(*clicks, strict=True)), strict=True)
    )
    return [replace(each, click_s=medians.get(each.name)) for each in found]


def _linked(shown: Sequence[Shown]) -> list[tuple[Shown, Shown]]:
    """Pages that a click leads to, each with the one where it is made."""
    return [(shown[n - 1], each) for n, each in enumerate(shown) if each.link is not None]


def _clicked(page: Page, url: str, start: Shown, to: Shown) -> float:
    progress(f"clicking from {start.name} to {to.name}")
    page.opened(url + start.path, start.shows, _WITHIN_S)
    return page.clicked(str(to.link), to.shows, _WITHIN_S)


def _picture(page: Page, pictures: Path | None, name: str) -> None:
    if pictures is not None:
        pictures.mkdir(parents=True, exist_ok=True)
        page.picture(pictures / f"{name.replace(' ', '_')}.png")


def wait_for_ticks(connection: Connection, after: int, wanted: Sequence[str], least_s: float, most_s: float) -> None:
    """Let the daemon tick for `least_s` seconds, longer until all that is wanted has ticked, but for no more than that.

    A sensor's first tick finds nothing in memory, the next ones do.
    """
    began = time.monotonic()
    while (passed := time.monotonic() - began) < most_s:
        missing = set(wanted) - {tick.name for tick in ticks_since(connection, after)}
        if passed > least_s and not missing:
            return
        time.sleep(5)
    progress(f"no tick of {', '.join(sorted(missing))} in {most_s:.0f} s")


def freshness(workspace: Path, env: Mapping[str, str]) -> list[float]:
    """Seconds of two iterations of Dagster's freshness daemon, the first with nothing in memory.

    Raises:
        PathFailed: it failed.
    """
    job = {"workspace": str(workspace), "times": 2}
    figures = measure("freshness", "bench.peers.campaign_freshness", job, env).figures
    return [float(s) for s in figures["seconds"]]
