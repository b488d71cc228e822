"""From timelines of one block to `calibrated_interest`: what `calibration.py` takes, and its estimates as rows."""

import hashlib
import math
from collections.abc import Sequence

import polars as pl

from elec_assets.domain.tables import CALIBRATED_INTEREST
from elec_assets.domain.trends import Cadence, sample_kind
from elec_assets.domain.trends_requests import Keyword
from elec_assets.domain.windows import Window, epoch_ms, key_of
from elec_assets.transforms.calibration import Calibration, Level, calibrate
from elec_assets.transforms.frames import Row, from_rows
from elec_assets.transforms.ordering import order_keys
from elec_assets.transforms.trend_measures import Answer, Series
from elec_assets.transforms.trends import Compared
from elec_assets.transforms.trends_documents import RawTrendsDocument

_MIXED = "mixed"
_ID_DIGITS = 16


def aligned(timelines: Sequence[Compared]) -> tuple[tuple[int, ...], list[Answer]]:
    """The points of time (ms since 1970) that all timelines have, and each as an answer of those points alone.

    A timeline without any point says nothing: it is left out.
    """
    told = [timeline for timeline in timelines if timeline.times_ms]
    common = sorted(set.intersection(*(set(timeline.times_ms) for timeline in told))) if told else []
    return tuple(common), [_answer(timeline, common) for timeline in told] if common else []


def calibrated(
    keywords: Sequence[Keyword], timelines: Sequence[Compared], window: Window, cadence: Cadence
) -> tuple[pl.DataFrame, Calibration | None]:
    """The table of one partition, sorted, and the whole calibration of its block (for its honesty check).

    `timelines` are all comparisons of one area, block and sample; `keywords` are those of all candidates planned.
    No rows, and None, where no timeline has a point.

    Raises:
        ValueError: they are of several areas, blocks or samples, or hold a candidate without keyword.
    """
    documents = [timeline.document for timeline in timelines]
    asked = {(d.request.area, d.request.geo, d.request.block, d.request.sample_no) for d in documents}
    if len(asked) > 1:
        raise ValueError(f"timelines of {len(asked)} areas, blocks or samples found; one scale holds for one")
    times, answers = aligned(timelines)
    if not times:
        return from_rows((), CALIBRATED_INTEREST), None
    calibration = calibrate([keyword.candidate for keyword in keywords], answers)
    about = _about(documents, window, cadence)
    rows = [
        row
        for keyword, level in zip(keywords, calibration.levels, strict=True)
        for row in _rows(keyword, level, times, window, about)
    ]
    return from_rows(rows, CALIBRATED_INTEREST).sort(order_keys(CALIBRATED_INTEREST)), calibration


def _answer(timeline: Compared, times: Sequence[int]) -> Answer:
    at = [timeline.times_ms.index(moment) for moment in times]
    return {
        candidate: Series([values[i] for i in at], [timeline.has_data[candidate][i] for i in at])
        for candidate, values in timeline.values.items()
    }


def _about(documents: Sequence[RawTrendsDocument], window: Window, cadence: Cadence) -> tuple[Row, Row, str]:
    """The columns that all rows share: those before `ts`, the resolution after it, the id at the end."""
    request = documents[0].request
    kinds = {sample_kind(request.block, document.fetched_at).value for document in documents}
    resolutions = {document.resolution for document in documents}
    ids = " ".join(sorted(document.request.request_id for document in documents))
    before: Row = (
        request.area,
        request.geo,
        cadence.value,
        epoch_ms(request.block.start),
        epoch_ms(request.block.end),
        request.sample_no,
        kinds.pop() if len(kinds) == 1 else _MIXED,
        key_of(window, cadence.grain),
    )
    after: Row = (resolutions.pop() if len(resolutions) == 1 else None,)
    return before, after, hashlib.sha256(ids.encode()).hexdigest()[:_ID_DIGITS]


def _rows(
    keyword: Keyword, level: Level, times: Sequence[int], window: Window, about: tuple[Row, Row, str]
) -> list[Row]:
    before, after, calibration_id = about
    named = (keyword.candidate, keyword.text, keyword.kind.value)
    told = (_index(level.estimate), _index(level.ci_low), _index(level.ci_high))
    end = (*told, level.quality.value, level.n_obs, level.chi2_dof, calibration_id)
    first, past = epoch_ms(window.start), epoch_ms(window.end)
    return [
        (*named, *before, moment, *after, rel_index, share, *end)
        for moment, rel_index, share in zip(times, level.rel_index, level.share, strict=True)
        if first <= moment < past
    ]


def _index(log: float | None) -> float | None:
    return None if log is None else math.exp(log)
