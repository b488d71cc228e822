"""Weekly files of an election in a store, as little as a release needs: shared by the tests of releases."""

from elec_assets.clients.store import Store
from elec_assets.clients.weekly_archive import WeeklyArchive
from elec_assets.domain.tables import CALIBRATED_INTEREST, COVERAGE, TWEETS, VOLUME
from elec_assets.domain.windows import HOUR
from elec_assets.transforms.gate import week_window
from elec_assets_tests.transforms.releases import filled


def add_week(store: Store, election: str, week: str, posts: int = 40) -> None:
    """The files of a week: posts (three quarters about a candidate), volume, coverage, calibrated interest."""
    window = week_window(week)
    hours: list[object] = [window.start + HOUR * n for n in range(24)]
    names: list[object] = [f"{window.start + HOUR * n:%Y-%m-%d-%H:%M}" for n in range(24)]
    ids: list[object] = [str(int(week.replace("_", "")) * 10**10 + n) for n in range(posts)]
    about: list[object] = [["amartin"] if n % 4 else [] for n in range(posts)]
    areas: list[object] = ["fr", "world"]
    stored = [
        ("twitter", TWEETS, filled(TWEETS, posts, tweet_id=ids, candidates=about)),
        ("twitter_volume", VOLUME, filled(VOLUME, 24, hour=hours, candidate=["amartin"] * 24, posts=[9] * 24)),
        ("coverage", COVERAGE, filled(COVERAGE, 24, partition=names, window_start=hours, source=["twitter"] * 24)),
        (
            "google_trends/calibrated_interest",
            CALIBRATED_INTEREST,
            filled(CALIBRATED_INTEREST, 2, area=areas, window=["daily"] * 2, candidate_id=["amartin"] * 2,
                   period_start=hours[:1] * 2, ts=hours[:1] * 2, partition=[names[0]] * 2),
        ),
    ]  # fmt: skip
    for product, table, frame in stored:
        WeeklyArchive(store, election, product, table).write(window, [frame])


def add_coverage(store: Store, election: str, week: str, planned_s: list[float]) -> None:
    """A week's coverage of posts anew: the planned seconds of each of its first hours."""
    window = week_window(week)
    starts = [window.start + HOUR * n for n in range(len(planned_s))]
    frame = filled(
        COVERAGE,
        len(starts),
        partition=[f"{start:%Y-%m-%d-%H:%M}" for start in starts],
        window_start=list(starts),
        source=["twitter"] * len(starts),
        planned_s=list(planned_s),
    )
    WeeklyArchive(store, election, "coverage", COVERAGE).write(window, [frame])
