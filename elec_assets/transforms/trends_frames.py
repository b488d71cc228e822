"""`calibrated_interest` of one partition from the ladder of its block, of all samples that are to be used."""

from collections.abc import Collection

import polars as pl

from elec_assets.domain.tables import CALIBRATED_INTEREST
from elec_assets.domain.trends import Cadence
from elec_assets.domain.windows import Window
from elec_assets.transforms.calibration import Calibration
from elec_assets.transforms.frames import empty
from elec_assets.transforms.ordering import order_keys
from elec_assets.transforms.trends_calibrated import calibrated
from elec_assets.transforms.trends_questions import Ladder


def calibrated_frame(
    ladder: Ladder, samples: Collection[int], window: Window, cadence: Cadence
) -> tuple[pl.DataFrame, Calibration | None]:
    """`calibrated_interest` of a partition, each sample on a scale of its own, and the calibration of the latest."""
    frames = [empty(CALIBRATED_INTEREST)]
    latest = None
    keywords = [ladder.keywords[candidate] for candidate in sorted(ladder.keywords)]
    for number in sorted(samples):
        timelines = ladder.compared(number)
        if timelines:
            frame, found = calibrated(keywords, timelines, window, cadence)
            frames.append(frame)
            latest = found or latest
    return pl.concat(frames).sort(order_keys(CALIBRATED_INTEREST)), latest
