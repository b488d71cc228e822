"""What a script of `bench.alerts` is, and what is wrong in it in truth: plain arithmetic, nothing of what is tested.

The windows are those that the design names: batches 7 and 10 minutes, hours of tweets 30 and 90 minutes after their
end, days of Google Trends 6 and 12 hours after theirs, weekly files 2 and 3 days after the week's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bench.alert_feeds import MINUTE, SECOND, SLOT, Batches, Feed, Releases, Table, Watched, grid
from bench.alert_phone import SnsFault
from elec_assets.domain.registry import Calendar, Candidate, CapturePlan, DatedStatus, Election
from elec_assets.domain.silences import Silence
from elec_assets.domain.watches import Watch
from elec_assets.domain.windows import DAY, HOUR, Window

PARIS = "Europe/Paris"
SLOTS = CapturePlan("slots", slots=10, slot_s=60)


@dataclass(frozen=True)
class Truth:
    """Something is wrong from `wrong` (past its window) until `over` (the data is there again), in truth.

    Attributes:
        heard, heard_by: the first and the last moment at which its opening message is right, without ticks.
        severe: from when on it is critical; None: it never is.
        over_by: the last moment for the message that it is over.
        spoken: whether it is to be told at all: a cause upstream or a silence speaks for it, or nobody could see it.
        opened: whether its opening message is to come in the script; not if it came before.
        hampered: reminders, and a message of its own for its beginning, may be missing: SNS or a cap held them back.
        data: whether data was late, which the rule of 2021 could see.
    """

    asset: str
    wrong: datetime
    over: datetime
    heard: datetime
    heard_by: datetime
    severe: datetime | None
    over_by: datetime
    spoken: bool = True
    opened: bool = True
    hampered: bool = False
    data: bool = True


@dataclass(frozen=True)
class Script:
    """A story: what is collected, what fails, what is wrong in truth, and what happens to the alerts themselves.

    `down`: no look is made; `twice`: each is made by two sensors; `state`: what the store holds at the start;
    `dead`: when the dead-man switch has to speak; `flaps`: the cap of messages may be reached.
    """

    kind: str
    window: Window
    feeds: Sequence[Feed]
    truths: Sequence[Truth] = ()
    faults: Sequence[SnsFault] = ()
    down: Sequence[Window] = ()
    twice: bool = False
    state: Mapping[str, object] | None = None
    silences: Sequence[Silence] = ()
    dead: Sequence[Window] = ()
    flaps: bool = False
    edges: Sequence[datetime] = ()


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    """A UTC time."""
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def spring(capture: CapturePlan | None = None, until: datetime | None = None) -> Election:
    """An election of spring 2027, collected since November."""
    silence = Window(utc(2027, 4, 9, 22), utc(2027, 4, 11, 18))
    rounds, last = (date(2027, 4, 11), date(2027, 4, 25)), date(2027, 5, 13)
    dates = Calendar(utc(2026, 11, 2), until or utc(2027, 5, 27), rounds, last, blackouts=(silence,))
    return _election("fr_spring", dates, capture)


def autumn() -> Election:
    """One of autumn 2027."""
    rounds, last = (date(2027, 11, 14), date(2027, 11, 28)), date(2027, 12, 15)
    return _election("fr_autumn", Calendar(utc(2027, 6, 7), utc(2027, 12, 29), rounds, last), None)


def _election(key: str, dates: Calendar, capture: CapturePlan | None) -> Election:
    people = {"one": Candidate("one", "One", (DatedStatus(1),))}
    return Election(
        key, "An election", "FR", dates, people, PARIS, areas={"fr": "FR"}, capture=capture or CapturePlan()
    )


_WEEKLY_2021_S = 9 * 86_400
# Product: how long after its block it is there, and the threshold of 2021 (its fail window).
_TABLES: Mapping[str, tuple[timedelta, int]] = {
    "twitter/tweets": (8 * MINUTE, 9_000),
    "twitter/weekly": (26 * HOUR, _WEEKLY_2021_S),
    "twitter/volume": (27 * HOUR, _WEEKLY_2021_S),
    "coverage/weekly": (26 * HOUR, _WEEKLY_2021_S),
    "google_trends/hourly": (20 * MINUTE, 21_600),
    "google_trends/daily": (HOUR, 129_600),
    "google_trends/weekly": (8 * HOUR, 777_600),
    "google_trends/rollup": (27 * HOUR, _WEEKLY_2021_S),
}


def usual(
    election: Election,
    outages: Mapping[str, Sequence[Window]] | None = None,
    *,
    backfills: Sequence[datetime] = (),
    other: Watched | None = None,
) -> list[Feed]:
    """All that is collected, with outages by product, and a project beside it."""
    gaps = outages or {}
    tables = [
        Table(election, product, delay, limit, gaps.get(product, ()), backfills if "tweets" in product else ())
        for product, (delay, limit) in _TABLES.items()
    ]
    batches = Batches(election, gaps.get("twitter/batches", ()))
    return [batches, *tables, other or beside(), Releases(election)]


def beside(*, outages: Sequence[Window] = (), stuck: Sequence[Window] = ()) -> Watched:
    """A prefix of another project, with a file every 5 minutes."""
    return Watched(Watch("other", "bucket", "data/raw/", 600), outages=outages, stuck=stuck)


def loud_at(wrong: datetime, severe: datetime | None) -> datetime:
    """When something is told that warns from `wrong` and is critical from `severe`: warnings wait for 8 in Paris."""
    local = wrong.astimezone(ZoneInfo(PARIS))
    if 8 <= local.hour < 22:
        return wrong
    day = local.date() + (DAY if local.hour >= 22 else timedelta())
    morning = datetime.combine(day, time(8), ZoneInfo(PARIS)).astimezone(UTC)
    return morning if severe is None else min(morning, severe)


def stream_down(election: Election, window: Window, **changes: object) -> Truth:
    """The stream is down in a window: its last post came at the start."""
    wrong, severe = window.start + 7 * MINUTE, window.start + 10 * MINUTE
    # The batch of the slot in which it comes back.
    over = Batches(election).there_at(grid(window.end, SLOT))
    return truth(f"{election.key}/twitter/batches", wrong, severe, over, **changes)


def project_down(window: Window, **changes: object) -> Truth:
    """The project beside makes no file in a window, and its threshold is 10 minutes."""
    wrong = grid(window.start - SECOND, SLOT) + SLOT + 10 * MINUTE
    return truth("watch/other", wrong, wrong, grid(window.end - SECOND, SLOT) + 2 * SLOT + 5 * SECOND, **changes)


def truth(asset: str, wrong: datetime, severe: datetime | None, over: datetime, **changes: object) -> Truth:
    """Something wrong that nothing holds back but the night."""
    heard = loud_at(wrong, severe)
    over_by = over if severe is not None and severe < over else loud_at(over, None)
    values: dict[str, object] = {"heard": heard, "heard_by": heard, "over_by": over_by, **changes}
    return Truth(asset=asset, wrong=wrong, severe=severe, over=over, **values)  # type: ignore[arg-type]  # fields of Truth
