"""The spool keeps what it took: over restarts, clocks that are set, full disks, and bytes that went bad."""

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from elec_assets.capture import records
from elec_assets.capture.batches import batches_of
from elec_assets.capture.records import HEADER_BYTES, Kind, Record, SpoolDamaged
from elec_assets.capture.segments import Segment, SpoolFull, parse_segment, records_of
from elec_assets.capture.spool import Spool
from elec_assets.capture.spool_state import SpoolLocked
from elec_assets.domain.intervals import NOWHERE
from elec_assets.domain.journal import SLOT_MS
from elec_assets.domain.outcomes import Outcome
from elec_assets_tests.capture.histories import cut, history
from elec_assets_tests.capture.test_batches import PLANS, SLOT
from elec_assets_tests.deployment import REPOSITORY

CAP = 10**9
RAW = b'{"data":{"id":"12"}}\r\n'
Opened = Callable[..., Spool]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "made" / "spool"


@pytest.fixture
def start(folder: Path) -> Iterator[Opened]:
    """Open the spool; the one opened before is closed first."""
    running: list[Spool] = []

    def opened(cap_bytes: int = CAP) -> Spool:
        for spool in running:
            spool.close()
        running[:] = [Spool(folder, cap_bytes=cap_bytes)]
        return running[0]

    yield opened
    for spool in running:
        spool.close()


def line(at_ms: int, connection: int = 1, raw: bytes = RAW) -> Record:
    return records.line(at_ms, connection, raw)


def said(spool: Spool) -> dict[int, list[Record]]:
    """What each closed segment holds, but for the state that it begins with."""
    found = {}
    for segment in spool.closed():
        first, *rest = spool.read(segment)
        assert first.kind is Kind.CARRY
        found[segment.slot_ms] = rest
    return found


def only(folder: Path, suffix: str) -> Path:
    (path,) = (folder / "segments").glob(f"*{suffix}")
    return path


def test_records_come_back_by_slot_and_leave_when_forgotten(start: Opened, folder: Path) -> None:
    spool = start()
    made = [line(SLOT), line(SLOT + SLOT_MS - 1), line(SLOT + SLOT_MS), line(SLOT + SLOT_MS + 1, 2)]
    for record in made:
        spool.append(record)
    assert [str(segment) for segment in spool.closed()] == [f"20270115T0800Z_{spool.id}"]
    spool.roll(SLOT + 2 * SLOT_MS)
    assert said(spool) == {SLOT: made[:2], SLOT + SLOT_MS: made[2:]}
    assert spool.used_bytes == sum(path.stat().st_size for path in (folder / "segments").iterdir())
    for segment in spool.closed():
        spool.forget(segment)
        spool.forget(segment)
    assert (spool.closed(), spool.used_bytes, list((folder / "segments").iterdir())) == ([], 0, [])


def test_each_write_has_left_the_process_when_it_returns(start: Opened, folder: Path) -> None:
    spool = start()
    for number in range(3):
        spool.append(line(SLOT + number))
        assert [record.at_ms for record in records_of(only(folder, ".part"))][1:] == [
            SLOT + i for i in range(number + 1)
        ]


def test_slots_lived_without_a_record_have_segments_and_others_have_none(start: Opened) -> None:
    spool = start()
    spool.append(records.started(SLOT))
    spool.roll(SLOT + 3 * SLOT_MS + 5)
    assert said(spool) == {SLOT: [records.started(SLOT)], SLOT + SLOT_MS: [], SLOT + 2 * SLOT_MS: []}
    spool = start()
    later = SLOT + 10 * SLOT_MS
    spool.roll(later)
    spool.append(records.started(later))
    spool.roll(later + 2 * SLOT_MS)
    assert sorted(said(spool)) == [SLOT, SLOT + SLOT_MS, SLOT + 2 * SLOT_MS, later, later + SLOT_MS]


def test_a_process_that_was_frozen_did_not_live_those_slots(start: Opened) -> None:
    """A machine that wakes after a night, or a clock that was years behind, made a segment for each slot of it."""
    spool = start()
    spool.append(records.started(SLOT))
    spool.roll(SLOT + 100_000 * SLOT_MS)
    assert len(spool.closed()) == 1


def test_a_restart_goes_on_in_the_same_slot_and_counts_connections_on(start: Opened) -> None:
    spool = start()
    number = spool.next_connection()
    spool.append(records.opened(SLOT, number))
    spool.append(line(SLOT + 1, number))
    first = spool.id
    spool = start()
    assert (spool.id, spool.next_connection()) == (first, number + 1)
    assert (spool.found.open_connection, spool.found.last_ms, spool.found.torn_bytes) == (number, SLOT + 1, 0)
    spool.append(records.started(SLOT + 2))
    spool.roll(SLOT + SLOT_MS)
    assert [len(content) for content in said(spool).values()] == [3]
    for segment in spool.closed():
        spool.forget(segment)
    assert start().next_connection() == number + 1


@pytest.mark.parametrize("beyond", [b"", b"\0" * 5000, records.MAGIC * 3], ids=["cut", "zeros", "noise"])
def test_a_torn_tail_is_cut_off_and_counted(start: Opened, folder: Path, beyond: bytes) -> None:
    """After a power cut a file may also end with zeros: its length was on the disk, what it held was not."""
    spool = start()
    spool.append(line(SLOT))
    spool.append(line(SLOT + 1))
    size = only(folder, ".part").stat().st_size
    spool.close()
    os.truncate(only(folder, ".part"), size - 3)
    with only(folder, ".part").open("ab") as file:
        file.write(beyond)
    spool = start()
    assert spool.found.torn_bytes == HEADER_BYTES + len(RAW) - 3 + len(beyond)
    spool.append(line(SLOT + 2))
    spool.roll(SLOT + SLOT_MS)
    assert said(spool) == {SLOT: [line(SLOT), line(SLOT + 2)]}


def test_a_segment_without_a_whole_record_is_as_if_it_had_not_been(start: Opened, folder: Path) -> None:
    """Killed between making a segment and writing to it: the slot keeps its id."""
    spool = start()
    spool.append(records.opened(SLOT, 4))
    spool.roll(SLOT + SLOT_MS)
    spool.append(line(SLOT + SLOT_MS))
    spool.close()
    os.truncate(only(folder, ".part"), 10)
    again = start()
    assert (again.found.torn_bytes, again.found.slots, again.id) == (10, 1, spool.id)
    assert again.next_connection() == 5
    again.append(line(SLOT + SLOT_MS + 1))
    assert again.id == spool.id


def test_bytes_that_went_bad_in_the_middle_cost_only_their_record(start: Opened, folder: Path) -> None:
    spool = start()
    made = [line(SLOT + number) for number in range(5)]
    for record in made:
        spool.append(record)
    spool.close()
    path = only(folder, ".part")
    data = bytearray(path.read_bytes())
    size = HEADER_BYTES + len(RAW)
    data[-3 * size + 9] ^= 1
    path.write_bytes(data)
    spool = start()
    assert (spool.found.torn_bytes, spool.found.damaged_bytes) == (0, size)
    spool.roll(SLOT + SLOT_MS)
    assert said(spool) == {SLOT: [*made[:2], records.damage(SLOT + 1, size), *made[3:]]}


def test_a_closed_segment_that_lost_its_end_says_so(start: Opened, folder: Path) -> None:
    spool = start()
    spool.append(line(SLOT))
    spool.append(line(SLOT + 1))
    spool.roll(SLOT + SLOT_MS)
    os.truncate(only(folder, ".seg"), only(folder, ".seg").stat().st_size - 3)
    assert said(spool) == {SLOT: [line(SLOT), records.damage(SLOT, HEADER_BYTES + len(RAW) - 3)]}


def test_a_second_process_is_refused_and_told_who_has_it(start: Opened, folder: Path) -> None:
    start()
    with pytest.raises(SpoolLocked, match=rf"{folder} is in use by another capture \(process {os.getpid()}\); stop"):
        Spool(folder, cap_bytes=CAP)
    code = "import sys, pathlib\nfrom elec_assets.capture.spool import Spool\n"
    code += "Spool(pathlib.Path(sys.argv[1]), cap_bytes=9)"
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], cwd=REPOSITORY, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert f"SpoolLocked: {folder} is in use by another capture (process {os.getpid()})" in done.stderr
    start()


def test_a_slot_that_was_closed_early_is_not_used_again_under_the_same_name(start: Opened) -> None:
    """Batches are create-only: the second one of `--for 60` within a slot would not have been taken by the store."""
    spool = start()
    spool.append(line(SLOT))
    spool.roll(SLOT + 60_000, early=True)
    (first,) = spool.closed()
    spool.forget(first)
    spool = start()
    spool.append(line(SLOT + 70_000))
    spool.roll(SLOT + 80_000, early=True)
    (second,) = spool.closed()
    assert (first.slot_ms, second.slot_ms) == (SLOT, SLOT)
    assert first.spool != second.spool
    assert start().id == second.spool


def test_closing_early_leaves_a_segment_of_the_running_slot_even_if_it_has_no_record(start: Opened) -> None:
    spool = start()
    spool.append(line(SLOT))
    spool.roll(SLOT + SLOT_MS + 1)
    spool.roll(SLOT + SLOT_MS + 2, early=True)
    assert [len(content) for content in said(spool).values()] == [1, 0]


def test_a_clock_that_is_set_back_a_little_goes_on_in_the_slot_that_is_open(start: Opened) -> None:
    spool = start()
    made = [line(SLOT - 1000), line(SLOT + 1000), line(SLOT - 500), line(SLOT + 2000)]
    for record in made:
        spool.append(record)
        spool.roll(record.at_ms)
    spool.roll(SLOT + SLOT_MS)
    assert said(spool) == {SLOT - SLOT_MS: made[:1], SLOT: made[1:]}


def test_time_that_is_lived_again_gets_another_id_and_is_proven_again(start: Opened) -> None:
    """The clock was a day ahead when the process began."""
    spool = start()
    day = 86_400_000
    begun = [records.started(SLOT + day), records.rules(SLOT + day, "one", SLOT + day, "v")]
    begun += [records.opened(SLOT + day, 1), records.kept_alive(SLOT + day + 55_000, 1)]
    later = [records.kept_alive(SLOT + number * 20_000, 1) for number in range(20)]
    for record in (*begun, *later):
        spool.append(record)
    spool.roll(SLOT + 2 * SLOT_MS)
    segments = spool.closed()
    assert [segment.slot_ms for segment in segments] == [SLOT, SLOT + SLOT_MS, SLOT + day]
    assert segments[0].spool == segments[1].spool == spool.id != segments[2].spool
    assert sum(covered(spool, segment) for segment in segments[:2]) >= 380 - 30 - 40


def covered(spool: Spool, segment: Segment) -> float:
    found = batches_of(segment, spool.read(segment), {"one": PLANS["one"]})[0].journal.covered
    return 0.0 if found == NOWHERE else found.seconds


def test_the_cap_is_warned_of_never_passed_and_leaves_all_whole(start: Opened, folder: Path) -> None:
    cap = 40_000
    spool = start(cap)
    taken: list[int] = []

    def fill() -> None:
        while True:
            at = SLOT + 1000 * len(taken)
            spool.append(line(at, raw=b"x" * 300))
            taken.append(at)
            assert spool.warn == (spool.used_bytes >= 0.8 * cap)

    with pytest.raises(SpoolFull, match=r"holds 3\d,\d{3} bytes of at most 40,000: see that the store takes"):
        fill()
    at = taken[-1]
    assert spool.used_bytes > 0.9 * cap
    with pytest.raises(SpoolFull):
        spool.append(records.opened(at, 2))
    spool.append(records.closed(at, 1, "the spool is full"))
    spool.append(records.stopped(at, Outcome.ERROR, "the spool is full"))
    spool.roll(at + SLOT_MS)
    stored = sum(path.stat().st_size for path in (folder / "segments").iterdir())
    assert spool.used_bytes == stored <= cap
    lines = [record for content in said(spool).values() for record in content if record.kind is Kind.LINE]
    assert [record.at_ms for record in lines] == taken
    for segment in spool.closed():
        spool.forget(segment)
    assert not spool.warn
    assert spool.used_bytes == 0
    spool.append(records.opened(at + SLOT_MS, 2))
    spool.append(line(at + SLOT_MS, 2))


def test_a_connection_that_lost_a_line_proves_nothing_after_it(start: Opened) -> None:
    """The line was refused, the keep-alive after it fitted in: the time of what was lost would have been proven."""
    spool = start(20_000)
    spool.append(records.opened(SLOT, 1))
    with pytest.raises(SpoolFull):
        spool.append(line(SLOT + 1, raw=b"x" * 30_000))
    for record in (records.kept_alive(SLOT + 2, 1), line(SLOT + 3)):
        with pytest.raises(SpoolFull, match="connection 1 lost what it heard before; end it and open a new one"):
            spool.append(record)
    spool.append(records.opened(SLOT + 4, 2))
    spool.append(line(SLOT + 5, 2))


def test_full_slots_that_have_no_room_for_their_empty_segments_do_not_stop_the_spool(start: Opened) -> None:
    spool = start(1600)
    spool.append(line(SLOT, raw=b"x" * 1200))
    spool.roll(SLOT + 5 * SLOT_MS)
    assert 1 <= len(spool.closed()) < 5
    assert spool.used_bytes <= 1600


LIMITED = """
import resource, sys
from pathlib import Path
from elec_assets.capture import records
from elec_assets.capture.segments import SpoolFull
from elec_assets.capture.spool import Spool
spool = Spool(Path(sys.argv[1]), cap_bytes=10**9)
spool.append(records.opened(1800000000000, 1))
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
taken = 0
try:
    while True:
        spool.append(records.line(1800000000000 + taken, 1, b"x" * 700))
        taken += 1
except SpoolFull as error:
    print(taken, error)
try:
    spool.append(records.closed(1800000001000, 1, "full"))
except SpoolFull as error:
    print("refused", error)
"""


def test_a_disk_that_is_full_in_the_middle_of_a_record_leaves_whole_ones(start: Opened, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(folder)], cwd=REPOSITORY, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    count = int(done.stdout.split()[0])
    assert os.strerror(errno.EFBIG) in done.stdout
    assert "free space on the file system of ELEC_SPOOL" in done.stdout
    assert count == (20_000 - 300) // (HEADER_BYTES + 700)
    spool = start()
    assert spool.found.torn_bytes == 0
    spool.roll(SLOT + SLOT_MS)
    (content,) = said(spool).values()
    assert [record.at_ms - SLOT for record in content if record.kind is Kind.LINE] == list(range(count))


def test_what_is_synced_and_when(start: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power cut cannot be made here; what can be seen is that fsync was called, and on what."""
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("no /proc to name what is synced")
    synced: list[str] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        synced.append(Path(f"/proc/self/fd/{handle}").readlink().name.partition(".")[2] or "folder")
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    spool = start()
    assert "folder" in synced  # the spool's own entry, too
    synced.clear()
    spool.append(line(SLOT))
    assert synced == ["folder"]
    spool.sync()
    spool.sync()
    assert synced == ["folder", "part"]
    synced.clear()
    spool.roll(SLOT + SLOT_MS)
    assert synced == ["part", "json.tmp", "folder", "folder"]


def test_a_failed_sync_is_tried_again(start: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = start()
    spool.append(line(SLOT))
    real, asked = os.fsync, []

    def fsync(handle: int) -> None:
        asked.append(handle)
        if len(asked) == 1:
            raise OSError(errno.EIO, "the disk says no")
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="the disk says no"):
        spool.sync()
    spool.sync()
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "is not the state of a spool"),
        (b'{"version":1}', "is not the state of a spool"),
        (b'{"version":2,"id":"0123abcd"}', "is of version 2, this program reads 1; upgrade, or move it away"),
    ],
)
def test_a_state_that_cannot_be_read_is_told_and_can_be_moved_away(
    start: Opened, folder: Path, data: bytes, told: str
) -> None:
    spool = start()
    spool.append(line(SLOT))
    spool.close()
    state = folder / "spool.json"
    state.write_bytes(data)
    with pytest.raises(SpoolDamaged, match=told):
        start()
    state.unlink()
    again = start()
    again.roll(SLOT + SLOT_MS)
    assert said(again) == {SLOT: [line(SLOT)]}
    assert again.id != spool.id


def test_other_files_among_the_segments_are_left_alone(start: Opened, folder: Path) -> None:
    names = ["notes.txt", "20270230T0000Z_0123abcd.seg", "20270115T0801Z_0123abcd.seg", "20270115T0800Z_0123ABCD.part"]
    assert not any(map(parse_segment, (Path(name).stem for name in names)))
    (folder / "segments").mkdir(parents=True)
    for name in names:
        (folder / "segments" / name).write_bytes(b"x")
    spool = start()
    assert (spool.closed(), spool.used_bytes) == ([], 0)
    assert {path.name for path in (folder / "segments").iterdir()} == set(names)


def test_a_history_through_the_spool_is_cut_as_the_tests_of_evidence_cut_it(start: Opened) -> None:
    spool, made = start(), history(11)
    for record in made:
        spool.append(record)
    spool.roll(made[-1].at_ms, early=True)
    wanted = {segment.slot_ms: content for segment, content in cut(made).items()}
    found = {segment.slot_ms: list(spool.read(segment)) for segment in spool.closed()}
    assert {slot: content for slot, content in found.items() if len(content) > 1} == wanted


def test_a_listener_writes_while_another_thread_syncs_closes_and_uploads(start: Opened) -> None:
    spool = start()
    made = [line(SLOT + number * 1000) for number in range(1500)]
    done = threading.Event()

    def listen() -> None:
        for record in made:
            spool.append(record)
        done.set()

    listener = threading.Thread(target=listen)
    listener.start()
    found: list[Record] = []
    finished = False
    while not finished:
        finished = done.is_set()
        spool.sync()
        spool.roll(made[-1].at_ms, early=finished)
        for segment in spool.closed():
            found += [record for record in spool.read(segment) if record.kind is Kind.LINE]
            spool.forget(segment)
    listener.join()
    # Two segments of one slot that wait at the same time come in the order of their ids, which are random.
    assert sorted(found, key=lambda record: record.at_ms) == made
    assert spool.used_bytes == 0


def test_a_thread_that_comes_after_the_end_writes_nothing(start: Opened, folder: Path) -> None:
    """It would have written beside the process that has the spool now."""
    spool = start()
    spool.append(line(SLOT))
    spool.roll(SLOT + SLOT_MS)
    (segment,) = spool.closed()
    spool.close()
    spool.close()
    before = sorted((folder / "segments").iterdir())
    with pytest.raises(ValueError, match="this spool was closed"):
        spool.append(line(SLOT + SLOT_MS))
    with pytest.raises(ValueError, match="this spool was closed"):
        spool.roll(SLOT + 3 * SLOT_MS)
    with pytest.raises(ValueError, match="this spool was closed"):
        spool.forget(segment)
    spool.sync()
    assert sorted((folder / "segments").iterdir()) == before


def test_a_spool_starts_fast() -> None:
    """Capture must be listening in a fraction of a second: none of these (up to 3 s of CPU each) may be loaded."""
    slow = "{'dagster', 'polars', 'pyarrow', 'tweepy', 'pydantic', 'obstore', 'requests'}"
    code = (
        f"import sys, elec_assets.capture.spool, elec_assets.capture.batches; sys.exit(bool({slow} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, timeout=60).returncode == 0
