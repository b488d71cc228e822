"""The windows of the architecture: how late is too late."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from elec_assets.freshness import POLICIES, policy

# A week ends on Monday 00:00, its files are built on Tuesday 02:00.
BUILT = datetime(2027, 2, 2, 2, 0, tzinfo=UTC)
NEXT_WEEKS_END = datetime(2027, 2, 8, 0, 0, tzinfo=UTC)


def test_hours_are_late_after_90_and_150_minutes() -> None:
    wanted = dg.FreshnessPolicy.time_window(warn_window=timedelta(minutes=90), fail_window=timedelta(minutes=150))
    assert policy("twitter/tweets", active=True) == wanted


@pytest.mark.parametrize("product", ["twitter/weekly", "twitter/volume", "coverage/weekly"])
def test_weeks_are_late_2_and_3_days_after_the_next_weeks_end(product: str) -> None:
    """Dagster counts from the last materialization, the build on Tuesday, not from the end of a week."""
    assert BUILT.strftime("%A %H:%M") == "Tuesday 02:00"
    late, too_late = NEXT_WEEKS_END + timedelta(days=2), NEXT_WEEKS_END + timedelta(days=3)
    wanted = dg.FreshnessPolicy.time_window(warn_window=late - BUILT, fail_window=too_late - BUILT)
    assert policy(product, active=True) == wanted


def test_past_elections_are_never_late() -> None:
    assert [policy(product, active=False) for product in POLICIES] == [None] * len(POLICIES)


def test_a_product_without_policy_is_an_error() -> None:
    with pytest.raises(KeyError):
        policy("twitter/tweet", active=True)


@pytest.mark.parametrize(
    ("cadence", "warn", "fail"),
    [
        ("hourly", timedelta(hours=5), timedelta(hours=6)),
        ("daily", timedelta(hours=30), timedelta(hours=36)),
        ("weekly", timedelta(days=8), timedelta(days=9)),
    ],
)
def test_google_trends_is_late_by_its_cadence(cadence: str, warn: timedelta, fail: timedelta) -> None:
    wanted = dg.FreshnessPolicy.time_window(warn_window=warn, fail_window=fail)
    assert policy(f"google_trends/{cadence}", active=True) == wanted
