"""What a release says of itself that its data does not tell: subtitle, sources, tags, licence, sampling of posts."""

from elec_assets.domain.registry import CapturePlan, Election

PACKAGE = "elections-on-x-and-google"
"""Name of the data package."""
SUBTITLE = "Attention to the candidates of an election, by hour, day and week"
COVER_SUBTITLE = "Posts on X about the candidates, a day"
DESCRIPTION = (
    "What people say on X, and search on Google, about the candidates of an election: by hour, day and week, with "
    "proof of what was seen and what was missed."
)
CADENCE = "every month at first, every week in the campaign, every day around the vote"
"""Not by the day: the card is part of the content, which a clock must not change."""
LICENCE = "other"
"""Of Kaggle's list: ids are X's and search interest is Google's; the card says what may be done with them."""
KEYWORDS = ("politics", "elections", "social networks", "time series analysis")
SOURCES = (
    "X: filtered stream and search of its API, version 2. "
    "Google Trends: https://trends.google.com/trends. Candidates and dates: a registry kept by hand."
)


def sampling(election: Election) -> str:
    """Which time of posts is planned for an election, in a sentence or two."""
    plan, dates = _plan(election.capture), election.calendar
    told = f"Planned from {dates.collect_from:%Y-%m-%d} to {dates.collect_until:%Y-%m-%d} (UTC): {plan}."
    changes = election.capture_changes
    special = [f"in the phase {change.phase} {_plan(change.plan)}" for change in changes.phases]
    if changes.events is not None:
        special.append(f"around debates and other events also {_plan(changes.events)}")
    return f"{told} But {'; '.join(special)}." if special else told


def _plan(plan: CapturePlan) -> str:
    if plan.mode == "slots":
        return f"{plan.slots} random slots of {plan.slot_s} s in every hour"
    if plan.mode == "every":
        return f"the first {_span(plan.length_s)} of every {_span(plan.every_s)}"
    return "all of the time"


def _span(seconds: int) -> str:
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds % length == 0:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
