"""A clock that the test moves."""

import threading
from datetime import datetime

from elec_assets.domain.windows import epoch_ms


class HandClock:
    """See `CaptureClock`: time stands still until the test moves it; who waits moves it."""

    def __init__(self, start: datetime) -> None:
        self.ms = epoch_ms(start)

    def now_ms(self) -> int:
        return self.ms

    def steady_ms(self) -> int:
        return self.ms

    def wait(self, event: threading.Event, seconds: float) -> bool:
        if not event.is_set():
            self.ms += round(max(seconds, 0.0) * 1000)
        return event.is_set()

    def real(self, seconds: float) -> float:  # noqa: ARG002 - as the protocol has it
        return 0.0
