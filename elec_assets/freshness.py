"""How late is too late: one static freshness policy a product. The windows are those of the architecture, section 4.

Dagster judges the last materialization of any partition and knows no pauses, so a policy is attached to assets of
elections that are active when definitions load.
"""

from collections.abc import Mapping
from datetime import timedelta

import dagster as dg

from elec_assets.domain.due import BATCHES, BATCHES_FAIL, BATCHES_WARN

# Weekly files are built on Tuesday 02:00 UTC, 26 hours after the week's end, and the next is due a week later: the
# windows are counted from that build, so that they end 2 and 3 days after the next week's end.
_AFTER_BUILD = timedelta(days=7) - timedelta(hours=26)
_WEEKLY = dg.FreshnessPolicy.time_window(
    warn_window=_AFTER_BUILD + timedelta(days=2), fail_window=_AFTER_BUILD + timedelta(days=3)
)
# Monthly releases are the rarest; the alert sensor holds releases to the cadence of the phase.
_RELEASE = dg.FreshnessPolicy.time_window(warn_window=timedelta(days=40), fail_window=timedelta(days=45))

POLICIES: Mapping[str, dg.FreshnessPolicy] = {
    BATCHES: dg.FreshnessPolicy.time_window(warn_window=BATCHES_WARN, fail_window=BATCHES_FAIL),
    "twitter/tweets": dg.FreshnessPolicy.time_window(
        warn_window=timedelta(minutes=90), fail_window=timedelta(minutes=150)
    ),
    "twitter/weekly": _WEEKLY,
    "twitter/volume": _WEEKLY,
    "google_trends/hourly": dg.FreshnessPolicy.time_window(
        warn_window=timedelta(hours=5), fail_window=timedelta(hours=6)
    ),
    "google_trends/daily": dg.FreshnessPolicy.time_window(
        warn_window=timedelta(hours=30), fail_window=timedelta(hours=36)
    ),
    "google_trends/weekly": dg.FreshnessPolicy.time_window(
        warn_window=timedelta(days=8), fail_window=timedelta(days=9)
    ),
    "google_trends/rollup": _WEEKLY,
    "coverage/weekly": _WEEKLY,
    "kaggle/staged": _RELEASE,
    "kaggle/dataset": _RELEASE,
}


def policy(product: str, *, active: bool) -> dg.FreshnessPolicy | None:
    """The policy of a product (`twitter/tweets`); None for past elections.

    That of the tables of Google Trends goes by their cadence (`google_trends/hourly`); `google_trends/rollup` is that
    of their weekly files.
    """
    return POLICIES[product] if active else None
