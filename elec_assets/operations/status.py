"""`elec status`: what the capture service says of itself, and whether it runs at all."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from elec_assets.capture.status import STALE_S, Status, read_status, told
from elec_assets.domain.windows import parse_iso
from elec_assets.operations.report import DONE, FAILED


@dataclass(frozen=True, slots=True)
class StatusReport:
    """The last status of a spool's service (None: it never ran), and its age in seconds."""

    spool: Path
    status: Status | None
    age_s: float

    @property
    def running(self) -> bool:
        """Whether the service runs: it said so a moment ago."""
        return self.status is not None and self.status.running and self.age_s <= STALE_S

    @property
    def exit_code(self) -> int:
        """1 where it does not run."""
        return DONE if self.running else FAILED

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        status = None if self.status is None else msgspec.to_builtins(self.status)
        return {"running": self.running, "spool": str(self.spool), "age_s": round(self.age_s, 1), "status": status}

    def lines(self) -> list[str]:
        """For a person."""
        if self.status is None:
            return [f"not running: no capture ever ran with the spool {self.spool}; start it with `elec capture`"]
        return [self._headline(self.status), *told(self.status)]

    def _headline(self, status: Status) -> str:
        if self.running:
            return f"running, process {status.pid}, as of {status.at}"
        if not status.running:
            return f"not running: it was stopped at {status.at}; start it with `elec capture`. It said:"
        return (
            f"not running, or stuck: process {status.pid} said nothing since {status.at}, {self.age_s:,.0f} s ago; see "
            "whether it lives, and start it again with `elec capture`. It said:"
        )


def status(spool: Path, now: datetime) -> StatusReport:
    """The status of the service of a spool.

    Raises:
        StatusUnreadable: the file is not a status.
    """
    last = read_status(spool)
    age_s = 0.0 if last is None else max((now - parse_iso(last.at)).total_seconds(), 0.0)
    return StatusReport(spool, last, age_s)
