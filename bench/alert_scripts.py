"""The scripts of `bench.alerts`: healthy months and incidents, drawn from a seed."""

import random
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, time

from bench.alert_failures import daemon_down, older_state, restart, sns_down, topic_gone, two_sensors
from bench.alert_feeds import FILLED, MINUTE, SECOND, Direct, Feed, Watched
from bench.alert_phone import seeded
from bench.alert_truths import (
    PARIS,
    SLOTS,
    Script,
    autumn,
    beside,
    project_down,
    spring,
    stream_down,
    truth,
    usual,
    utc,
)
from elec_assets.domain.silences import Silence
from elec_assets.domain.watches import Schedule, Watch
from elec_assets.domain.windows import DAY, HOUR, Window

_MONTH = 30 * DAY


def script(number: int, seed: int) -> Script:
    """The script of a number: kinds in turn, the same for the same seed."""
    turn, kind = divmod(number, len(KINDS))
    draw = seeded(f"{seed} {number}")
    # Both nights, in turn.
    return clocks_change(draw, in_spring=turn % 2 == 0) if KINDS[kind] is clocks_change else KINDS[kind](draw)


def _healthy(kind: str, start: datetime, feeds: Iterable[Feed]) -> Script:
    return Script(kind, Window(start, start + _MONTH), list(feeds))


def healthy_winter(_: random.Random) -> Script:
    """Everything is there in its time."""
    return _healthy("30 healthy days: winter", utc(2027, 1, 18), usual(spring()))


def healthy_spring(_: random.Random) -> Script:
    """The last weeks before an election, with the night of 28 March, a blackout, and daily releases."""
    return _healthy("30 healthy days: vote", utc(2027, 3, 15), usual(spring()))


def healthy_autumn(_: random.Random) -> Script:
    """With the night of 31 October."""
    return _healthy("30 healthy days: autumn", utc(2027, 10, 11), usual(autumn()))


def healthy_slots(_: random.Random) -> Script:
    """Ten random minutes an hour."""
    return _healthy("30 healthy days: 10 min an hour", utc(2027, 2, 1), usual(spring(SLOTS)))


def healthy_end(draw: random.Random) -> Script:
    """Collection ends within the month, as planned; a project beside works by day alone."""
    start = utc(2027, 5, 10)
    opened = Schedule(PARIS, (0, 1, 2, 3, 4, 5, 6), time(8, 20), time(20))
    nights = [Window(start + DAY * n - 6 * HOUR, start + DAY * n + 6 * HOUR) for n in range(32)]
    by_day = Watched(Watch("other", "bucket", "data/raw/", 600, schedule=opened), outages=nights)
    ends = start + DAY * draw.randint(12, 18)
    return _healthy("30 healthy days: the end", start, usual(spring(until=ends), other=by_day))


def midnight(draw: random.Random) -> Script:
    """Stream and project stop before midnight UTC, and come back after it."""
    day = utc(2027, 2, draw.randint(2, 26))
    gap = Window(day - draw.randint(20, 30) * MINUTE, day + draw.randint(25, 45) * MINUTE)
    election = spring()
    return Script(
        "midnight UTC",
        Window(day - 12 * HOUR, day + 12 * HOUR),
        usual(election, {"twitter/batches": [gap]}, other=beside(outages=[gap])),
        [stream_down(election, gap), project_down(gap)],
    )


def clocks_change(draw: random.Random, *, in_spring: bool = True) -> Script:
    """The night in which clocks change: a warning of 06:00 UTC, a stream that stops, a project that opens at 8."""
    election, day = (spring(), utc(2027, 3, 28)) if in_spring else (autumn(), utc(2027, 10, 31))
    opens = day + (6 if in_spring else 7) * HOUR  # 8 in Paris
    stream = Window(day + draw.randint(40, 50) * MINUTE, day + draw.randint(75, 100) * MINUTE)
    late_day = Window(day + 30 * MINUTE, day + 10 * HOUR)
    closed = Window(day - 4 * HOUR, opens + 20 * MINUTE)
    opened = Schedule(PARIS, (0, 1, 2, 3, 4, 5, 6), time(8), time(20))
    feeds = usual(
        election,
        {"twitter/batches": [stream], "google_trends/daily": [late_day]},
        other=Watched(Watch("other", "bucket", "data/raw/", 600, schedule=opened), outages=[closed]),
    )
    truths = [
        stream_down(election, stream),
        truth(
            f"{election.key}/google_trends/fr/daily", day + 6 * HOUR, None, late_day.end + FILLED, heard=opens,
            heard_by=opens,
        ),
        truth("watch/other", opens + 10 * MINUTE, opens + 10 * MINUTE, closed.end + 5 * MINUTE + 5 * SECOND),
    ]  # fmt: skip
    name = f"the clocks of {day:%d %B}"
    return Script(name, Window(day - 12 * HOUR, day + 15 * HOUR), feeds, truths)


def weekly_file(draw: random.Random) -> Script:
    """A weekly file is not made on Tuesday, but on Friday: a warning, then worse."""
    monday, election = utc(2027, 2, draw.choice([1, 8, 15, 22])), spring()
    gap = Window(monday + 25 * HOUR, monday + 4 * DAY + draw.randint(8, 12) * HOUR)
    wrong, severe, over = monday + 2 * DAY, monday + 3 * DAY, gap.end + FILLED
    return Script(
        "weekly file, 3 days",
        Window(monday + DAY, gap.end + 6 * HOUR),
        usual(election, {"twitter/weekly": [gap]}),
        [truth(f"{election.key}/twitter/weekly", wrong, severe, over)],
    )


def sixty_hours(draw: random.Random) -> Script:
    """Nothing comes for 60 hours: past midnights, past what a difference of times shows without its days."""
    start = utc(2027, 2, draw.randint(2, 24), draw.randint(0, 23), draw.randint(0, 59))
    gap, election = Window(start, start + 60 * HOUR), spring()
    return Script(
        "60-hour outage",
        Window(start - 6 * HOUR, gap.end + 6 * HOUR),
        usual(election, {"twitter/batches": [gap]}, other=beside(outages=[gap])),
        [stream_down(election, gap), project_down(gap)],
    )


def flapping(draw: random.Random) -> Script:
    """Blips of 20 s, which nobody is told; then 30 failures of 2 minutes within 2 hours: more than the cap allows."""
    start = utc(2027, 2, draw.randint(2, 26), 9)
    blips = [Window(start + 2 * MINUTE * n + 5 * SECOND, start + 2 * MINUTE * n + 25 * SECOND) for n in range(30)]
    begin = start + 90 * MINUTE
    spans = [Window(begin + 4 * MINUTE * n, begin + 4 * MINUTE * n + 2 * MINUTE) for n in range(30)]
    until = spans[-1].end + 90 * MINUTE
    truths = [
        truth("flaps", s.start, s.start, s.end, heard_by=until, over_by=until, hampered=True, data=False) for s in spans
    ]
    feeds = [*usual(spring()), Direct("blips", blips), Direct("flaps", spans)]
    return Script("flapping", Window(start - HOUR, start + 12 * HOUR), feeds, truths, flaps=True)


def thirty(draw: random.Random) -> Script:
    """Thirty things fail at once."""
    start = utc(2027, 2, draw.randint(2, 26), draw.randint(0, 20), draw.randint(0, 59))
    span = Window(start, start + draw.randint(20, 300) * MINUTE)
    names = [f"fr_spring/part_{n:02}" for n in range(30)]
    truths = [truth(name, span.start, span.start, span.end, data=False) for name in names]
    feeds = [*usual(spring()), *(Direct(name, [span]) for name in names)]
    return Script("30 failures at once", Window(start - HOUR, span.end + 3 * HOUR), feeds, truths)


def backfill(draw: random.Random) -> Script:
    """Hours are no longer sealed, while a backfill of old ones goes on: uploads are new, the newest hour is missing."""
    start, election = utc(2027, 2, draw.randint(2, 26), draw.randint(8, 12), 3), spring()
    gap = Window(start, start + draw.randint(4, 8) * HOUR)
    old = [gap.start + 7 * MINUTE * n for n in range(1, int(gap.seconds // 420))]
    hour = start - 3 * MINUTE
    return Script(
        "backfill in an outage",
        Window(start - 3 * HOUR, gap.end + 5 * HOUR),
        usual(election, {"twitter/tweets": [gap]}, backfills=old),
        [truth(f"{election.key}/twitter/tweets", hour + 30 * MINUTE, hour + 90 * MINUTE, gap.end + FILLED)],
    )


def stuck(draw: random.Random) -> Script:
    """The project beside uploads its old files again and again."""
    start = utc(2027, 2, draw.randint(2, 26), draw.randint(0, 20), draw.randint(0, 59))
    gap = Window(start, start + draw.randint(60, 900) * MINUTE)
    window = Window(start - 5 * HOUR, gap.end + 5 * HOUR)
    return Script("old files sent again", window, usual(spring(), other=beside(stuck=[gap])), [project_down(gap)])


def cause_and_silence(draw: random.Random) -> Script:
    """The host of the stream is down, so hours are late too: one speaks. A silence mutes a project, and ends early."""
    start, election = utc(2027, 2, draw.randint(2, 25), draw.randint(8, 11), 3), spring()
    gap = Window(start, start + draw.randint(3, 7) * HOUR)
    muted = Window(gap.end + HOUR, gap.end + 2 * HOUR)
    longer = Window(gap.end + 4 * HOUR, gap.end + 7 * HOUR)
    silences = [
        Silence("watch/other", muted.end + HOUR, "planned work"),
        Silence("late:watch/oth*", longer.start + 90 * MINUTE, "planned work"),
    ]
    hour = start - 3 * MINUTE
    ends = silences[1].until
    return Script(
        "cause upstream, silences",
        Window(start - 3 * HOUR, longer.end + 3 * HOUR),
        usual(
            election, {"twitter/batches": [gap], "twitter/tweets": [gap]}, other=beside(outages=[muted, longer])
        ),
        [
            stream_down(election, gap),
            truth(
                f"{election.key}/twitter/tweets", hour + 30 * MINUTE, hour + 90 * MINUTE, gap.end + FILLED, spoken=False
            ),
            project_down(muted, spoken=False),
            project_down(longer, heard=ends, heard_by=ends),
        ],
        silences=silences,
    )  # fmt: skip


KINDS: Sequence[Callable[[random.Random], Script]] = (
    midnight, clocks_change, weekly_file, sixty_hours, flapping, thirty, daemon_down, restart, sns_down, topic_gone,
    older_state, two_sensors, backfill, stuck, cause_and_silence, healthy_winter, healthy_spring, healthy_autumn,
    healthy_slots, healthy_end,
)  # fmt: skip
