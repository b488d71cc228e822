"""At most 40 connects in any 15 minutes, over restarts and clocks that are set: X allows 50.

A bucket of 10 that gets one back every 30 s, so that who used it up waits half a minute, where a list of the last 40
would have him wait up to a quarter of an hour. Only what has surely passed counts as time: within a process that of
a clock that nobody sets; from one process to the next the shorter one of that clock and the wall's.
"""

from pathlib import Path

import msgspec

from elec_assets.capture.files import replace_file

# In a span of 15 minutes: 10 at once, and 30 that come back.
BURST = 10
BACK_MS = 30_000
_FULL_MS = BURST * BACK_MS
_VERSION = 1


class ConnectsSpent(Exception):
    """No connect is left. `wait_s` seconds from now one is."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"no connect to X is left for {wait_s:.0f} s: at most 40 in any 15 minutes")
        self.wait_s = wait_s


class _File(msgspec.Struct, forbid_unknown_fields=True):
    left_ms: int
    wall_ms: int
    steady_ms: int
    version: int = _VERSION


class ConnectBudget:
    """The connects of one spool, in `connects.json` in its folder.

    Two times are passed in, in ms: `wall_ms` since 1970, and `steady_ms` of a clock that is never set and does not
    begin again with a process (`time.monotonic`: since the machine started). With a simulated clock both are the same.
    A damaged file counts as an empty bucket.

    Raises:
        OSError: the file is there and cannot be read.
    """

    def __init__(self, folder: Path, *, wall_ms: int, steady_ms: int) -> None:
        self._path = folder / "connects.json"
        self._steady_ms = steady_ms
        self._left_ms = _opened(self._path, wall_ms, steady_ms)

    def wait_s(self, steady_ms: int) -> float:
        """Seconds until a connect is left; 0 if one is."""
        self._fill(steady_ms)
        return max(BACK_MS - self._left_ms, 0) / 1000

    def take(self, wall_ms: int, steady_ms: int) -> None:
        """Take one connect, before it is made: it is on disk when this returns.

        Raises:
            ConnectsSpent: none is left.
            OSError: it cannot be written down; none was taken.
        """
        wait_s = self.wait_s(steady_ms)
        if wait_s > 0:
            raise ConnectsSpent(wait_s)
        taken = _File(self._left_ms - BACK_MS, wall_ms, steady_ms)
        replace_file(self._path, msgspec.json.encode(taken), durable=True)
        self._left_ms = taken.left_ms

    def give_back(self) -> None:
        """The connect taken last never reached X (`StreamEnd.reached`): a network that is down uses none up."""
        self._left_ms = min(self._left_ms + BACK_MS, _FULL_MS)

    def _fill(self, steady_ms: int) -> None:
        self._left_ms = min(self._left_ms + max(steady_ms - self._steady_ms, 0), _FULL_MS)
        self._steady_ms = steady_ms


def _opened(path: Path, wall_ms: int, steady_ms: int) -> int:
    """What is left according to the file, and what surely came back since."""
    try:
        held = msgspec.json.decode(path.read_bytes(), type=_File)
    except FileNotFoundError:
        return _FULL_MS
    except (ValueError, RecursionError):  # not JSON, not of this form, not UTF-8, or nested without end
        return 0
    if held.version != _VERSION:
        return 0
    # A clock that counts from the start of the machine is lower only after another start: all it says has passed.
    steady = steady_ms - held.steady_ms if steady_ms >= held.steady_ms else steady_ms
    passed = max(min(wall_ms - held.wall_ms, steady), 0)
    return min(max(held.left_ms, 0) + passed, _FULL_MS)
