"""A writer is killed at random instants, again and again: nothing it was told of is lost, and no hand is needed."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from elec_assets.capture.batches import ElectionBatch, SlotPlan, batches_of
from elec_assets.capture.records import Kind, Record
from elec_assets.capture.segments import Segment, records_of
from elec_assets.capture.spool import Spool
from elec_assets.domain.intervals import NOWHERE
from elec_assets_tests.capture.spool_writer import CAP, record_of, segments_of, survived
from elec_assets_tests.deployment import REPOSITORY

PLANS = {"one": SlotPlan("one", NOWHERE, "elec:one:", "v")}


def numbered(folder: Path) -> int:
    """How many numbered records are there; they must be the first ones, each as it was written."""
    found = [record for record in survived(folder) if record.kind is not Kind.START]
    assert found == [record_of(number) for number in range(len(found))]
    return len(found)


def killed_lives(folder: Path, kills: int) -> None:
    chance = random.Random(kills)  # noqa: S311 - when to kill
    command = [sys.executable, "-m", "elec_assets_tests.capture.spool_writer", str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(kills):
            kept = numbered(folder)
            (folder / "told").write_bytes(b"")
            print(kept, file=process.stdin, flush=True)
            child = int(process.stdout.readline())
            if chance.random() < 0.8:
                wait_for_life(folder)
            time.sleep(chance.random() * 0.06)
            os.kill(child, signal.SIGKILL)
            assert int(process.stdout.readline()) == -signal.SIGKILL, "the writer ended of itself"
            told = int((folder / "told").read_bytes() or kept)
            assert told <= numbered(folder) <= told + 1, "an append returned for more, or less, than is there"
        process.stdin.close()


def wait_for_life(folder: Path) -> None:
    until = time.monotonic() + 60
    while not (folder / "told").stat().st_size and time.monotonic() < until:
        time.sleep(0.001)


def batches(segment: Segment, content: list[Record]) -> list[ElectionBatch]:
    return batches_of(segment, content, PLANS)


def uncrashed(folder: Path, made: list[Record], spool: str) -> dict[Segment, list[ElectionBatch]]:
    """The batches of one process that wrote the same records."""
    folder.mkdir()
    (folder / "spool.json").write_bytes(b'{"version":1,"id":"%s","carry":{}}' % spool.encode())
    with Spool(folder, cap_bytes=CAP) as calm:
        for record in made:
            calm.append(record)
        calm.roll(made[-1].at_ms, early=True)
        return {segment: batches(segment, list(calm.read(segment))) for segment in calm.closed()}


@pytest.mark.parametrize("kills", [20, pytest.param(200, marks=pytest.mark.prove)])
def test_killed_at_any_instant_it_loses_nothing_and_makes_the_same_batches(tmp_path: Path, kills: int) -> None:
    (tmp_path / "uploaded").mkdir()
    (tmp_path / "told").touch()
    killed_lives(tmp_path, kills)
    made = survived(tmp_path)
    with Spool(tmp_path / "spool", cap_bytes=CAP) as spool:
        assert spool.found.damaged_bytes == 0
        spool.roll(made[-1].at_ms, early=True)
    found = {segment: batches(segment, list(records_of(path))) for segment, path in segments_of(tmp_path).items()}
    wanted = uncrashed(tmp_path / "calm", made, spool.id)
    with_records = {segment for segment, path in segments_of(tmp_path).items() if len(list(records_of(path))) > 1}
    # Of a quiet slot in which the process was killed there is a segment only where it came back within it.
    assert with_records <= found.keys() & wanted.keys()
    assert len(with_records) > 3
    for segment in found.keys() & wanted.keys():
        assert found[segment] == wanted[segment], segment
