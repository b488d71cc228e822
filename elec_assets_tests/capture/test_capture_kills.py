"""SIGKILL at random instants: what was heard is uploaded, nothing is half there, and no hand is needed.

All of one test happens on a time that runs 20 times as fast as the wall, in all of its processes.
"""

import json
import os
import random
import signal
import time
from datetime import timedelta
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from elec_assets.capture import records
from elec_assets.capture.spool import Spool
from elec_assets.clients.store import open_store
from elec_assets.domain.intervals import Intervals
from elec_assets.domain.journal import SLOT_MS, slot_of
from elec_assets.domain.windows import epoch_ms
from elec_assets.sandbox.x_stream_options import StreamOptions
from elec_assets_tests.capture import killed
from elec_assets_tests.capture.place import START, Place, batches, captured, place, write_registry

SPEED = 20.0
# What was sent so shortly before a kill may be under way, in ms of the test's time: 0.4 s of the wall.
UNDER_WAY_MS = 8_000


@pytest.fixture(scope="module")
def children() -> ForkServerContext:
    return killed.context()


def kill(child: object) -> None:
    pid = child.pid  # type: ignore[attr-defined]  # a process
    os.kill(pid, signal.SIGKILL)
    child.join()  # type: ignore[attr-defined]  # as above


def begun(said: Path, times: int) -> None:
    """Wait until a service has begun so many times."""
    until = time.monotonic() + 30
    while not said.exists() or said.read_text(encoding="utf-8").count("; elections: ") < times:
        assert time.monotonic() < until, "the service did not begin"
        time.sleep(0.005)


def heard(p: Place) -> None:
    """Wait until something was sent: the first life is to prove some time, however long it takes to begin."""
    until = time.monotonic() + 30
    while not p.x.stream.delivered:
        assert time.monotonic() < until, "nothing was sent"
        time.sleep(0.005)


def capture_killed(folder: Path, children: ForkServerContext, *, seed: int, kills: int, minutes: int) -> None:
    """Capture, killed so many times; then to the end. The sandbox knows what it sent."""
    draw = random.Random(seed)  # noqa: S311 - not for secrets
    options = StreamOptions(keep_alive_s=10, ghost_s=5, connect_limit=50)
    with place(folder, speed=SPEED, stream=options, minutes=minutes, posts_per_hour=4000) as p:
        began_s = p.clock._began_s  # type: ignore[attr-defined]  # a FastClock
        given = (folder, p.x.url, epoch_ms(START), SPEED, began_s)
        deaths: list[int] = []
        for _ in range(kills):
            child = killed.started(children, *given, target=killed.capture)
            begun(folder / "said.txt", len(deaths) + 1)
            if not deaths:
                heard(p)
            time.sleep(draw.choice([draw.uniform(0, 0.2), draw.uniform(0.2, 2.5)]) if deaths else 2.0)
            kill(child)
            deaths.append(p.clock.now_ms())
            batches(p.store, bodies_only=True)  # every object is whole, and no body without its journal
        summary = p.service(for_s=40.0).run()
        ended = p.clock.now_ms() - 10_000
        found = p.batches()
        truth = p.x.stream.outages(START, START + timedelta(minutes=minutes))
        sent = p.x.stream.delivered
        connects = [c.at_ms for c in p.x.stream.connects]
    assert (summary.waiting, summary.connections) == (0, 1)
    lines = [json.loads(line)["data"]["id"] for held, _ in found.values() for line in held]
    near = [(death - UNDER_WAY_MS, death + 2_000) for death in deaths] + [(ended - UNDER_WAY_MS, ended + 10**9)]
    due = {str(d.id) for d in sent if not any(a <= d.at_ms <= b for a, b in near)}
    assert len(due) > 50
    assert due <= set(lines) <= {str(d.id) for d in sent}
    journals = [journal for _, journal in found.values()]
    assert not (captured(journals) & Intervals.of(truth)), "what was not listened to is never proven"
    assert captured(journals).seconds > 0
    assert all(sum(a <= at < a + 900_000 for at in connects) <= 40 for a in connects)
    assert all(c.why for j in journals for c in j.connections if c.closed_ms is None and c.why is not None)
    assert not list((folder / "spool" / "outbox").glob("*.parcels"))
    assert not list((folder / "spool" / "outbox" / "disputed").iterdir())
    said = (folder / "said.txt").read_text(encoding="utf-8")
    assert "Traceback" not in said
    assert "the last run ended without closing" in said


def test_a_few_kills_of_capture_lose_nothing_that_was_heard(tmp_path: Path, children: ForkServerContext) -> None:
    capture_killed(tmp_path, children, seed=1, kills=2, minutes=5)


@pytest.mark.prove
@pytest.mark.timeout(1800)
def test_a_hundred_kills_of_capture_lose_nothing_that_was_heard(tmp_path: Path, children: ForkServerContext) -> None:
    for seed in range(5):
        folder = tmp_path / str(seed)
        folder.mkdir()
        capture_killed(folder, children, seed=seed, kills=20, minutes=24)


def upload_killed(folder: Path, children: ForkServerContext, *, seed: int, kills: int, slots: int) -> None:
    """A spool of many slots, uploaded by processes that are killed on the way."""
    draw = random.Random(seed)  # noqa: S311 - not for secrets
    write_registry(folder)
    expected = filled(folder / "spool", slots)
    died = 0
    for _ in range(100 * kills):
        child = killed.started(children, folder, target=killed.upload)
        child.join(draw.uniform(0.002, 0.04) if died < kills else 60)
        if not child.is_alive():
            break
        kill(child)
        died += 1
        there = whole(folder)
        assert there == expected[: len(there)], "in order, and whole"
    assert whole(folder) == expected
    assert died >= kills / 2
    assert not list((folder / "spool" / "segments").glob("*.seg"))
    assert not list((folder / "spool" / "outbox" / "disputed").iterdir())
    assert (folder / "said.txt").read_text(encoding="utf-8") == ""


def whole(folder: Path) -> list[list[bytes]]:
    """The lines of each batch of the store, oldest first: every body has its journal, with as many lines."""
    store = open_store((folder / "store").as_uri())
    found = sorted(batches(store, bodies_only=True).items())
    assert all(len(lines) == len(journal.received_ms) for _, (lines, journal) in found)
    return [lines for _, (lines, _) in found]


def filled(folder: Path, slots: int) -> list[list[bytes]]:
    """A spool with lines in so many slots; a third of the posts belong to an hour long past."""
    at = slot_of(epoch_ms(START))
    expected = []
    with Spool(folder, cap_bytes=100_000_000) as spool:
        spool.append(records.started(at))
        spool.append(records.rules(at, "xx_2027", 0, "0123456789ab"))
        spool.append(records.opened(at, 1))
        for _ in range(slots):
            lines = []
            for n in range(30):
                post = ((at + n * 9000 - 1_288_834_974_657 - (n % 3 == 0) * 9 * 3_600_000) << 22) + n
                raw = json.dumps({"data": {"id": str(post), "text": "x" * 200}}).encode() + b"\r\n"
                spool.append(records.line(at + n * 9000, 1, raw))
                lines.append(raw)
            expected.append(lines)
            at += SLOT_MS
        spool.roll(at)
    return expected


def test_a_few_kills_of_uploads_leave_every_object_whole(tmp_path: Path, children: ForkServerContext) -> None:
    upload_killed(tmp_path, children, seed=3, kills=6, slots=12)


@pytest.mark.prove
@pytest.mark.timeout(900)
def test_a_hundred_kills_of_uploads_leave_every_object_whole(tmp_path: Path, children: ForkServerContext) -> None:
    for seed in range(5):
        folder = tmp_path / str(seed)
        folder.mkdir()
        upload_killed(folder, children, seed=seed, kills=20, slots=40)
