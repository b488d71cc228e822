"""Timelines of a block become one scale, cut to each hour; what cannot be seen has no number."""

from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest

from elec_assets.domain.trends import Cadence, Endpoint
from elec_assets.domain.trends_requests import Keyword, KeywordKind
from elec_assets.transforms.trends import Compared, compared
from elec_assets.transforms.trends_calibrated import aligned, calibrated
from elec_assets_tests.transforms.trends_wire import (
    BLOCK,
    FETCHED,
    HOURS,
    START_S,
    Json,
    asked,
    document,
    point,
    timeline,
)

NAMES = ("ada", "bob", "cyd", "dan", "eve", "fay")
KEYWORDS = [Keyword(name, name.title(), KeywordKind.TERM) for name in (*NAMES, "guy")]


def compare(one: str, other: str, *points: Json) -> Compared:
    return compared(document(asked(one, other), Endpoint.TIMELINE, timeline(*points)))


# Ada is searched for twice as much as Bob, Bob five times as much as Cyd; for Dan there is no data.
UPPER = compare("ada", "bob", *[point(m, 100 - 4 * (m % 2), 50 - 2 * (m % 2)) for m in range(-10, 250)])
LOWER = compare("bob", "cyd", *[point(m, 100 - 4 * (m % 2), 20 - m % 2) for m in range(240)])
UNSEEN = compare("bob", "dan", *[point(m, 100, 0, hasData=[True, False]) for m in range(240)])
TOLD = [UPPER, LOWER, UNSEEN]


def test_hours_are_cut_from_the_scale_of_their_block() -> None:
    frames = [calibrated(KEYWORDS, TOLD, hour, Cadence.HOURLY)[0] for hour in HOURS]
    assert [frame.height for frame in frames] == [60 * len(KEYWORDS)] * 4
    whole = pl.concat(frames)
    seen = whole.filter(pl.col("rel_index").is_not_null())
    assert set(seen.get_column("candidate_id")) == {"ada", "bob", "cyd"}
    assert seen.get_column("rel_index").max() == pytest.approx(100)
    means = {
        name: rows.get_column("rel_index").mean()
        for (name,), rows in seen.group_by("candidate_id", maintain_order=True)
    }
    assert means["ada"] / means["bob"] == pytest.approx(2, rel=0.02)  # type: ignore[operator]  # means of numbers
    assert means["bob"] / means["cyd"] == pytest.approx(5, rel=0.03)  # type: ignore[operator]  # means of numbers
    for hour, frame in zip(HOURS, frames, strict=True):
        assert frame.get_column("ts").min() == hour.start
        assert frame.get_column("ts").max() == hour.end - timedelta(minutes=1)
        assert frame.get_column("period_start").unique().to_list() == [BLOCK.start]


def test_what_is_too_small_to_see_is_flagged_and_never_a_zero() -> None:
    frame, calibration = calibrated(KEYWORDS, TOLD, HOURS[0], Cadence.HOURLY)
    assert calibration is not None
    one = frame.unique("candidate_id").sort("candidate_id")
    quality = dict(one.select("candidate_id", "quality").rows())
    assert quality["dan"] == "below_floor"
    assert {quality[name] for name in ("eve", "fay", "guy")} == {"disconnected"}
    hidden = frame.filter(pl.col("quality").is_in(["below_floor", "disconnected"]))
    for column in ("rel_index", "share", "mean_index", "ci_low", "ci_high"):
        assert hidden.get_column(column).null_count() == hidden.height
    shown = one.filter(pl.col("candidate_id").is_in(["ada", "bob", "cyd"]))
    assert (shown.get_column("ci_low") <= shown.get_column("mean_index")).all()
    assert (shown.get_column("mean_index") <= shown.get_column("ci_high")).all()
    assert frame.group_by("ts").agg(pl.col("share").sum()).get_column("share").to_list() == pytest.approx([1] * 60)


def test_the_order_of_answers_changes_nothing() -> None:
    one = calibrated(KEYWORDS, TOLD, HOURS[2], Cadence.HOURLY)[0]
    other = calibrated(KEYWORDS[::-1], TOLD[::-1], HOURS[2], Cadence.HOURLY)[0]
    assert one.equals(other)
    assert one.get_column("calibration_id").n_unique() == 1
    fewer = calibrated(KEYWORDS, TOLD[:2], HOURS[2], Cadence.HOURLY)[0]
    assert fewer.item(0, "calibration_id") != one.item(0, "calibration_id")


def test_only_points_that_all_timelines_have_are_used() -> None:
    short = compare("bob", "cyd", *[point(m, 100, 20) for m in range(0, 240, 2)], point(239, 100, 20))
    times, answers = aligned([UPPER, short, compare("eve", "fay")])
    assert times == tuple((START_S + 60 * m) * 1000 for m in [*range(0, 240, 2), 239])
    assert len(answers) == 2
    assert answers[0]["ada"].values[-1] == 96
    assert len(answers[0]["ada"].values) == len(answers[1]["cyd"].has_data) == len(times)


def test_no_point_is_no_row() -> None:
    for timelines in ([], [compare("ada", "bob")]):
        frame, calibration = calibrated(KEYWORDS, timelines, HOURS[0], Cadence.HOURLY)
        assert frame.is_empty()
        assert calibration is None


def test_samples_and_blocks_are_never_on_one_scale() -> None:
    second = document(asked("ada", "bob").sample(2), Endpoint.TIMELINE, timeline(point(0, 100, 50)))
    with pytest.raises(ValueError, match="2 areas, blocks or samples found"):
        calibrated(KEYWORDS, [UPPER, compared(second)], HOURS[0], Cadence.HOURLY)


def test_answers_of_two_kinds_of_sample_are_marked() -> None:
    later = replace(LOWER, document=replace(LOWER.document, fetched_at=FETCHED + timedelta(days=9)))
    kinds = [
        calibrated(KEYWORDS, [UPPER, other], HOURS[0], Cadence.HOURLY)[0].item(0, "sample_kind")
        for other in (LOWER, later)
    ]
    assert kinds == ["realtime", "mixed"]
