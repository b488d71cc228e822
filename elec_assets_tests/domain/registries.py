"""Generated candidates, elections and registries whose dates lie on a grid of minutes around NOW."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random

from hypothesis import strategies as st

from elec_assets.domain.phases import Phase
from elec_assets.domain.registry import (
    Calendar,
    Candidate,
    CaptureChanges,
    CapturePlan,
    DatedStatus,
    Election,
    Event,
    PhasePlan,
    TrendsNames,
)
from elec_assets.domain.windows import Window

MINUTE = timedelta(minutes=1)
NOW = datetime(2027, 1, 10, 12, tzinfo=UTC)
REACH = 20
GRID = [NOW + MINUTE * n for n in range(-REACH, REACH + 1)]
CALENDAR = Calendar(GRID[0], GRID[-1], (date(2027, 4, 11),), date(2027, 5, 13))


class Draw(Random):
    """Draws parts of a registry. A seed is one draw of hypothesis: a part of its own strategies is 50 times slower."""

    def date(self, among: Sequence[datetime] = GRID) -> datetime | None:
        """None as often as not."""
        return self.choice([None, self.choice(among)])

    def words(self) -> tuple[str, ...]:
        return tuple(self.sample(["a", "b"], self.randint(0, 2)))

    def statuses(self, among: Sequence[datetime] = GRID, *, dated: bool = False) -> tuple[DatedStatus, ...]:
        """What the file allows: ascending dates, the first of which may be left out unless all are `dated`."""
        dates: list[datetime | None] = [*sorted(self.sample(among, self.randint(0, 4)))]
        if not dated and (not dates or self.random() < 0.5):
            dates.insert(0, None)
        return tuple(DatedStatus(self.choice([-1, 0, 1]), since) for since in dates)

    def candidate(self, key: str) -> Candidate:
        """Few spellings, so that two versions often agree in some."""
        return Candidate(
            key=key,
            name=self.choice(["Ada", "Grâce"]),
            status=self.statuses(),
            accounts=self.words(),
            since=self.date(),
            until=self.date(),
            terms=self.words(),
            exclude=self.words(),
        )

    def election(self, key: str) -> Election:
        """Of up to three candidates; its time of collection is often that of others."""
        start, end = sorted(self.sample(GRID, 2))
        calendar = self.choice([CALENDAR, replace(CALENDAR, collect_from=start, collect_until=end)])
        keys = self.sample("xyz", self.randint(0, 3))
        return Election(key, "Test", "FR", calendar, {k: self.candidate(k) for k in keys})

    def registry(self) -> dict[str, Election]:
        """Of up to two elections, by key."""
        return {key: self.election(key) for key in self.sample("ef", self.randint(0, 2))}


DRAWS = st.integers(0, 2**32).map(Draw)


# Elections with every field filled from what the model can hold, whatever the grid.
_TEXTS = st.text(min_size=1, max_size=5)
_TIMES = st.datetimes(datetime(2006, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants naive bounds
_WINDOWS = st.builds(lambda start, length: Window(start, start + length), _TIMES, st.timedeltas(MINUTE, MINUTE * 99))
_WORDS = st.lists(_TEXTS, max_size=2).map(tuple)
_OPTIONAL = st.none() | _TEXTS
_ANYONE = st.builds(
    Candidate,
    key=_TEXTS,
    name=_TEXTS,
    status=st.lists(
        st.builds(DatedStatus, st.sampled_from([-1, 0, 1]), st.none() | _TIMES), min_size=1, max_size=3
    ).map(tuple),
    accounts=_WORDS,
    group=_OPTIONAL,
    party=_OPTIONAL,
    image=_OPTIONAL,
    since=st.none() | _TIMES,
    until=st.none() | _TIMES,
    terms=_WORDS,
    exclude=_WORDS,
    trends=st.builds(TrendsNames, _OPTIONAL, _OPTIONAL),
)
_PLANS = st.builds(CapturePlan, mode=st.sampled_from(["continuous", "slots"]), slots=st.integers(0, 60))
WHOLE_ELECTIONS = st.builds(
    Election,
    key=_TEXTS,
    name=_TEXTS,
    country=_TEXTS,
    calendar=st.builds(
        Calendar,
        collect_from=_TIMES,
        collect_until=_TIMES,
        rounds=st.lists(st.dates(), min_size=1, max_size=2).map(tuple),
        inauguration=st.dates(),
        confirmed=st.booleans(),
        blackouts=st.lists(_WINDOWS, max_size=2).map(tuple),
        events=st.lists(st.builds(Event, _TEXTS, _WINDOWS), max_size=2).map(tuple),
    ),
    candidates=st.lists(_ANYONE, max_size=2).map(lambda people: {c.key: c for c in people}),
    timezone=_TEXTS,
    languages=_WORDS,
    areas=st.dictionaries(_TEXTS, _TEXTS, max_size=2),
    capture=_PLANS,
    capture_changes=st.builds(
        CaptureChanges,
        phases=st.lists(st.builds(PhasePlan, st.sampled_from(Phase), _PLANS), max_size=2).map(tuple),
        events=st.none() | _PLANS,
        before_s=st.integers(0, 3600),
    ),
)
WHOLE_REGISTRIES = st.lists(WHOLE_ELECTIONS, max_size=2).map(lambda held: {e.key: e for e in held})
