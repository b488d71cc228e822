"""Small data in the store: coverage rows of the last days, so that schedules find what they have made, and no more."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from bench.campaign_plan import AREAS
from bench.campaign_rows import Real
from elec_assets.domain import layout
from elec_assets.domain.layout_trends import TrendsPlace
from elec_assets.domain.trends import Cadence
from elec_assets.domain.trends_due import LOOK_BACK, SAMPLE_REACH
from elec_assets.domain.windows import DAY, HOUR, Grain, Window, floor, key_of, split, window_of_key

_HOURS = timedelta(days=9)
_TWITTER = "twitter"


def fill_store(store: Path, elections: Sequence[str], now: datetime, made: Iterable[Real]) -> int:
    """Put a coverage row, after that of a real run, for each partition that schedules look at; how many."""
    rows = 0
    for real in made:
        if real.partitions and real.name.startswith(("trends_", "hour")) and real.name != "hour_failed":
            rows += sum(_copied(store, real, elections, now))
    return rows


def _copied(store: Path, real: Real, elections: Sequence[str], now: datetime) -> Iterator[int]:
    partition = real.partitions[0]
    grain = Grain.HOUR if real.name == "hour" else _cadence(real).grain
    source = (store / _key(real, real.election, window_of_key(partition, grain))).read_text(encoding="utf-8")
    for election in elections:
        for window in _windows(real, grain, now):
            path = store / _key(real, election, window)
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                text = source.replace(real.election, election).replace(partition, key_of(window, grain))
                path.write_text(text, encoding="utf-8")
                yield 1


def _cadence(real: Real) -> Cadence:
    return Cadence(real.name.split("_")[1])


def _windows(real: Real, grain: Grain, now: datetime) -> list[Window]:
    """The partitions that are over, but for the newest, which is left to be made."""
    reach = _HOURS if real.name == "hour" else LOOK_BACK[_cadence(real)] + SAMPLE_REACH + DAY
    end = floor(now, grain) - (HOUR if grain is Grain.HOUR else timedelta(0))
    return split(Window(floor(end - reach, grain), end), grain)


def _key(real: Real, election: str, window: Window) -> str:
    if real.name == "hour":
        return layout.coverage_row(election, _TWITTER, window, Grain.HOUR)
    area = next(area for area in AREAS if real.name.endswith(area))
    return TrendsPlace(election, area, _cadence(real), window).coverage
