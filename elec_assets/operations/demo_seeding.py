"""The past of `elec demo`: its weeks, made by backfills and runs of its Dagster instance."""

from collections.abc import Callable, Sequence
from datetime import datetime

from elec_assets.domain.registry import Election
from elec_assets.domain.windows import HOUR, Grain, Window, floor, key_of, split, window_at
from elec_assets.operations.demo_dagster import Dagster, DemoFailed, Say, named
from elec_assets.operations.demo_evening import Evening, Heard, search_down
from elec_assets.operations.demo_summary import CaptureShown, archive, captured, collected_hours
from elec_assets.operations.demo_trends import seeds
from elec_assets.sandbox.x_http import XServer

_BUILT_OF_POSTS = ("twitter/weekly", "twitter/volume", "coverage/weekly")


def past_weeks(election: Election, now: datetime) -> list[Window]:
    """The weeks before this one in which anything is collected."""
    return split(Window(floor(election.calendar.collect_from, Grain.WEEK), floor(now, Grain.WEEK)), Grain.WEEK)


class Seeding:
    """Fills weeks, and builds their files; `seed` first, then `build_running`."""

    def __init__(self, dagster: Dagster, election: Election, now: datetime, x: XServer, say: Say) -> None:
        self.weeks = past_weeks(election, now)
        self._dagster = dagster
        self._election = election
        self._now = now
        self._x = x
        self._say = say

    def seed(self, evening: Evening, heard: Callable[[], Heard | None], running: Sequence[Window]) -> CaptureShown:
        """The past weeks, built, and some hours of the running one: those of the evening with a hole, which heals."""
        past = [h for h in collected_hours(self._election, self.weeks) if h.start < evening.hours[0].start]
        self._fill([*past, *running])
        through = heard()
        if through is None:
            raise DemoFailed("the capture of the evening was ended before it was through")
        self._say(f"The evening is captured: {through.summary.lines} posts, {through.summary.uploaded} batches")
        with search_down(self._x):
            self._seal(evening.hours)
        first = archive(self._dagster.folder).coverages(list(evening.hours))
        self._build(self.weeks)
        self._heal(evening.hours)
        return captured(self._dagster.folder, self._election, evening.hours, first, through)

    def running_hours(self, since: datetime) -> list[Window]:
        """The hours of the running week that are over, from a time on: a graph without a gap."""
        start, end = max(floor(self._now, Grain.WEEK), since), floor(self._now, Grain.HOUR)
        return split(Window(start, end), Grain.HOUR) if end > start else []

    def build_running(self) -> None:
        """The files of the running week, of the hours that there are."""
        self._build([window_at(self._now, Grain.WEEK)])

    def _fill(self, hours: Sequence[Window]) -> None:
        """By search, and Google Trends."""
        keys = [key_of(hour, Grain.HOUR) for hour in hours]
        made = [(seed.assets(self._election), seed.partitions()) for seed in seeds(self._election, self.weeks)]
        # All at once: while one run starts its process, another asks.
        wanted = [*made, ([self._asset("twitter/tweets")], keys)]
        backfills = [self._dagster.launched(assets, partitions, self._say) for assets, partitions in wanted]
        for backfill in reversed(backfills):
            self._dagster.followed(backfill, self._say)

    def _seal(self, hours: tuple[Window, ...]) -> None:
        first, last = (key_of(hour, Grain.HOUR) for hour in (hours[0], hours[-1]))
        self._say(f"Sealing {first} to {last} of what was captured, while X answers no search: it leaves a hole")
        self._dagster.run([self._asset("twitter/tweets")], first, last)

    def _build(self, weeks: Sequence[Window]) -> None:
        built = [self._asset(product) for product in (*_BUILT_OF_POSTS, "google_trends/weekly")]
        keys = [key_of(week, Grain.WEEK) for week in weeks]
        if len(keys) == 1:  # as the UI does it; for a backfill the daemon looks every 30 s
            self._say(f"Run of {named(built)}: {keys[0]}")
            self._dagster.run(built, keys[0], keys[0])
        else:
            self._dagster.followed(self._dagster.launched(built, keys, self._say), self._say)

    def _heal(self, hours: tuple[Window, ...]) -> None:
        """As the schedule does at 7 past: hours that are not settled, and those around that got batches since.

        With them the last hours of the week, which are only now asked for.
        """
        week = key_of(self.weeks[-1], Grain.WEEK)
        first, last = window_at(hours[0].start - 2 * HOUR, Grain.HOUR), split(self.weeks[-1], Grain.HOUR)[-1]
        self._say("X answers again: the hours are sealed once more, and their week is built anew")
        self._dagster.run([self._asset("twitter/tweets")], key_of(first, Grain.HOUR), key_of(last, Grain.HOUR))
        self._dagster.run([self._asset(product) for product in _BUILT_OF_POSTS], week, week)

    def _asset(self, name: str) -> str:
        return f"{self._election.key}/{name}"
