"""The thread of the uploads: what is closed goes to the store, again and again until it is there."""

import threading
from collections.abc import Callable

from elec_assets.capture.clock import CaptureClock
from elec_assets.capture.source import OtherSource
from elec_assets.capture.uploader import Uploaded, Uploader

_FIRST_S, _MOST_S = 5.0, 120.0
# Without a word that something was closed, it is looked after so many seconds.
_LOOK_S = 60.0


class Uploads:
    """Uploads until it is stopped. `run` is for a thread of its own.

    Attributes:
        slots: uploaded so far.
        problem: why the next one is not; None where all went well.
        since_ms: when that began.
        last_ms: when something was uploaded last.
        failed: the store holds posts of another source; None where it does not.
    """

    def __init__(self, uploader: Uploader, clock: CaptureClock, say: Callable[[str], None]) -> None:
        self.slots = 0
        self.problem: str | None = None
        self.since_ms: int | None = None
        self.last_ms: int | None = None
        self.failed: OtherSource | None = None
        self._uploader = uploader
        self._clock = clock
        self._say = say
        self._stopped = False
        self._wake = threading.Event()
        self._failures = 0

    def run(self) -> None:
        """Until `stop`, or `failed`."""
        while not self._stopped:
            self._wake.clear()
            try:
                done = self._uploader.upload(stop=lambda: self._stopped)
            except OtherSource as error:
                self.failed = error
                return
            except Exception as error:  # noqa: BLE001 - a fault of uploading must not end the capture
                done = Uploaded(0, f"a fault of this program, please report it: {type(error).__name__}: {error}")
            wait_s = self._noted(done)
            if not self._stopped:
                self._clock.wait(self._wake, wait_s)

    def closed(self) -> None:
        """A slot was closed."""
        if not self._failures:  # else the pause goes on
            self._wake.set()

    def stop(self) -> None:
        """End after the slot under way."""
        self._stopped = True
        self._wake.set()

    def finish(self) -> None:
        """Upload once more, in this thread: `run` has ended."""
        self._noted(self._uploader.upload(stop=lambda: False))

    def _noted(self, done: Uploaded) -> float:
        """Note what became of an attempt; seconds until the next."""
        now = self._clock.now_ms()
        self.slots += done.slots
        if done.slots:
            self.last_ms = now
        if done.problem is None:
            if self.problem is not None:
                self._say(f"the store takes uploads again: {done.slots} slots sent")
            self.problem, self.since_ms, self._failures = None, None, 0
            return _LOOK_S
        if self.problem is None:
            self.since_ms = now
        if done.problem != self.problem:
            self._say(f"upload: {done.problem}")
        self.problem = done.problem
        self._failures += 1
        return min(_FIRST_S * 2.0 ** min(self._failures - 1, 10), _MOST_S)
