"""A process that starts writers of a spool, to be killed: `python -m ...spool_writer FOLDER`, one line of input a life.

A life opens the spool and goes on with the numbered records where the last one ended. Closed slots are "uploaded":
copied, whole, to a folder beside the spool, and then forgotten. How many appends returned is told in a file.
"""

import os
import shutil
import sys
from pathlib import Path

from elec_assets.capture import records
from elec_assets.capture.records import Kind, Record
from elec_assets.capture.segments import Segment, parse_segment, records_of
from elec_assets.capture.spool import Spool
from elec_assets_tests.capture.histories import START_MS

CAP = 10**10
STEP_MS = 4_000
_QUIET_MS = 800_000


def time_of(number: int) -> int:
    """When a numbered record is written: with a quiet quarter of an hour now and then."""
    return START_MS + number * STEP_MS + number // 400 * _QUIET_MS


def record_of(number: int) -> Record:
    """A numbered record: what it is and holds follows from its number, so that it is known again."""
    at_ms, connection = time_of(number), 1 + number // 50
    if number % 50 == 0:
        return records.opened(at_ms, connection)
    if number % 50 == 49:
        return records.closed(at_ms, connection, f"number {number}")
    if number % 170 == 7:
        return records.rules(at_ms, "one", at_ms, f"v{number}")
    if number % 5 == 0:
        return records.kept_alive(at_ms, connection)
    size = 200_000 if number % 31 == 0 else 50 + number * 7919 % 3000
    return records.line(at_ms, connection, f'{{"data":{{"id":"{number}"}}}}'.encode().ljust(size, b" ") + b"\r\n")


def segments_of(folder: Path) -> dict[Segment, Path]:
    """The newest place of each segment: uploaded, closed or open."""
    found: dict[Segment, Path] = {}
    for part in ("uploaded", "spool/segments"):
        for path in (folder / part).glob("*_*"):
            segment = parse_segment(path.stem)
            if segment is not None and path.suffix in (".seg", ".part"):
                found.setdefault(segment, path)
    return dict(sorted(found.items()))


def survived(folder: Path) -> list[Record]:
    """What was written by appends, in order; a torn tail is passed over."""
    return [
        record
        for path in segments_of(folder).values()
        for record in records_of(path)
        if record.kind not in (Kind.CARRY, Kind.DAMAGE)
    ]


def upload(spool: Spool, folder: Path) -> None:
    for segment in spool.closed()[:-2]:
        (path,) = (folder / "spool" / "segments").glob(f"{segment}.seg")
        shutil.copyfile(path, folder / "uploaded" / f"{segment}.tmp")
        (folder / "uploaded" / f"{segment}.tmp").rename(folder / "uploaded" / f"{segment}.seg")
        spool.forget(segment)


def live(folder: Path, number: int, told: int) -> None:
    spool = Spool(folder / "spool", cap_bytes=CAP)
    spool.append(records.started(time_of(number)))
    os.pwrite(told, b"%20d" % number, 0)
    while True:
        at_ms = time_of(number)
        if number % 400 == 0 and number:  # the quiet time has passed, a second at a time
            for later in range(time_of(number - 1), at_ms, 100_000):
                spool.roll(later)
        spool.append(record_of(number))
        number += 1
        os.pwrite(told, b"%20d" % number, 0)
        if number % 10 == 0:
            spool.sync()
            spool.roll(at_ms)
            upload(spool, folder)


def say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def main() -> None:
    folder = Path(sys.argv[1])
    told = os.open(folder / "told", os.O_RDWR | os.O_CREAT)
    for order in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                live(folder, int(order), told)
            finally:
                os._exit(1)
        say(child)
        _, status = os.waitpid(child, 0)
        say(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
