"""The scripts of `bench.alerts` in which the alerts themselves fail: the daemon, SNS, the state, two sensors."""

import random
from datetime import datetime

from bench.alert_feeds import MINUTE, SECOND, Direct
from bench.alert_phone import SnsFault
from bench.alert_truths import Script, beside, project_down, spring, stream_down, usual, utc
from elec_assets.domain.windows import HOUR, Window

__all__ = ["daemon_down", "older_state", "restart", "sns_down", "topic_gone", "two_sensors"]


def daemon_down(draw: random.Random) -> Script:
    """No look for 3 hours. The stream stops meanwhile and after; what was wrong only meanwhile nobody could see."""
    start, election = utc(2027, 2, draw.randint(2, 26), draw.randint(7, 15), draw.randint(0, 59)), spring()
    down = Window(start, start + 3 * HOUR)
    stream = Window(start + draw.randint(50, 100) * MINUTE, down.end + 40 * MINUTE)
    unseen = Window(start + 20 * MINUTE, start + 80 * MINUTE)
    return Script(
        "daemon down",
        Window(start - 4 * HOUR, down.end + 5 * HOUR),
        usual(election, {"twitter/batches": [stream]}, other=beside(outages=[unseen])),
        [
            stream_down(election, stream, heard=down.end, heard_by=down.end),
            project_down(unseen, spoken=False),
        ],
        down=[down],
        dead=[down],
    )


def restart(draw: random.Random) -> Script:
    """All is killed after the opening message was sent and before that was noted, and started an hour later."""
    start, election = utc(2027, 2, draw.randint(2, 26), draw.randint(8, 17), draw.randint(0, 59)), spring()
    gap = Window(start, start + draw.randint(150, 240) * MINUTE)
    sending = Window(start + 6 * MINUTE, start + 12 * MINUTE)
    down = Window(sending.start, sending.end + HOUR)
    return Script(
        "killed, restart after an hour",
        Window(start - 4 * HOUR, gap.end + 5 * HOUR),
        usual(election, {"twitter/batches": [gap]}),
        [stream_down(election, gap, hampered=True)],
        faults=[SnsFault(sending, "killed")],
        down=[Window(sending.start + 3 * MINUTE, down.end)],
        dead=[Window(sending.start + 2 * MINUTE, down.end)],
    )


def _unheard(draw: random.Random, kind: str, fault: SnsFault, start: datetime) -> Script:
    """The stream stops while SNS fails, and after; the project stops and is back while SNS fails."""
    election, sns = spring(), fault.window
    stream = Window(start + 30 * MINUTE, sns.end + draw.randint(30, 300) * MINUTE)
    inside = Window(start + 35 * MINUTE, sns.end - 30 * MINUTE)
    first = {"heard_by": sns.end, "hampered": True}
    return Script(
        kind,
        Window(start - 4 * HOUR, stream.end + 3 * HOUR),
        usual(election, {"twitter/batches": [stream]}, other=beside(outages=[inside])),
        [stream_down(election, stream, **first), project_down(inside, **first, over_by=sns.end)],
        faults=[fault],
    )


def sns_down(draw: random.Random) -> Script:
    """SNS does not answer for 3 hours; some messages arrive all the same."""
    start = utc(2027, 2, draw.randint(2, 26), draw.randint(8, 14), draw.randint(0, 59))
    return _unheard(draw, "SNS down", SnsFault(Window(start, start + 3 * HOUR), "down"), start)


def topic_gone(draw: random.Random) -> Script:
    """The topic is deleted, and made again 4 hours later."""
    start = utc(2027, 2, draw.randint(2, 26), draw.randint(8, 14), draw.randint(0, 59))
    return _unheard(draw, "topic gone", SnsFault(Window(start, start + 4 * HOUR), "gone"), start)


def older_state(draw: random.Random) -> Script:
    """The program is upgraded in the midst of an outage: the store holds a state of version 1."""
    start, election = utc(2027, 2, draw.randint(2, 26), draw.randint(8, 12)), spring()
    gap = Window(start - 2 * HOUR, start + draw.randint(90, 400) * MINUTE)
    before = stream_down(election, gap)
    told = {"severity": "critical", "wrong": "late 2h", "hits": 99, "misses": 0}
    incident = {"asset": before.asset, "since": _z(gap.start), "first_seen": _z(before.wrong), **told}
    fired = {**incident, "state": "firing", "fired_at": _z(before.severe), "last_sent": _z(before.severe)}
    pending = {**incident, "asset": "gone", "state": "pending", "hits": 1}
    return Script(
        "state of version 1",
        Window(start, gap.end + 5 * HOUR),
        usual(election, {"twitter/batches": [gap]}),
        [stream_down(election, gap, opened=False)],
        state={"version": 1, "incidents": {f"late:{before.asset}": fired, "late:gone": pending}},
    )


def _z(moment: datetime | None) -> str:
    assert moment is not None
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def two_sensors(draw: random.Random) -> Script:
    """Two sensors look within 2 s of each other; what both see for 20 s has not lasted."""
    start, election = utc(2027, 2, draw.randint(2, 26), draw.randint(8, 15), draw.randint(0, 59)), spring()
    gap = Window(start, start + draw.randint(20, 200) * MINUTE)
    blips = [Window(start + 3 * MINUTE * n, start + 3 * MINUTE * n + 20 * SECOND) for n in range(4)]
    return Script(
        "two sensors at once",
        Window(start - 3 * HOUR, gap.end + 3 * HOUR),
        [*usual(election, {"twitter/batches": [gap]}, other=beside(outages=[gap])), Direct("blips", blips)],
        [stream_down(election, gap), project_down(gap)],
        twice=True,
        edges=[blip.start for blip in blips],
    )
