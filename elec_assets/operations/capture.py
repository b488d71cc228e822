"""`elec capture`: the capture service on the real X (or its sandbox), the real clock and the store of the settings."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from elec_assets.capture.clock import CaptureClock
from elec_assets.capture.options import CaptureOptions, CaptureRefused, CaptureSummary, XParts
from elec_assets.capture.service import Service
from elec_assets.clients.store import open_store
from elec_assets.clients.x_connections import XConnections
from elec_assets.clients.x_control import XControl
from elec_assets.clients.x_rules import XRules
from elec_assets.clients.x_stream import CONNECT_S, GATHER_S, STALL_S, XStream
from elec_assets.domain.prices import FREE
from elec_assets.operations.report import DONE, FAILED
from elec_assets.settings import Settings


@dataclass(frozen=True, slots=True)
class CaptureReport:
    """What a run did. `once`: it ran for a named time, and was to hear and to upload something."""

    summary: CaptureSummary
    once: bool
    interrupted: bool

    @property
    def exit_code(self) -> int:
        """1 where a run of a named time could not listen, or could not upload."""
        if not self.once or self.interrupted:
            return DONE
        return DONE if self.summary.connections and not self.summary.waiting else FAILED

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {"ok": self.exit_code == DONE, **asdict(self.summary)}

    def lines(self) -> list[str]:
        """For a person."""
        s = self.summary
        waiting = f", {s.waiting} slots wait in the spool for the next start" if s.waiting else ""
        spent = f", {s.spent_usd:.2f} USD this month" if s.spent_usd else ""
        return [
            f"captured for {s.seconds:,.0f} s: {s.lines:,} lines over {s.connections} connections; "
            f"{s.uploaded} slots uploaded{waiting}{spent}",
            *[f"! {text}" for text in s.problems],
        ]


def capture(
    settings: Settings,
    *,
    elections: tuple[str, ...],
    for_s: float | None,
    clock: CaptureClock,
    say: Callable[[str], None],
    on_interrupt: Callable[[Callable[[], None]], None],
) -> CaptureReport:
    """Capture until interrupted, or for a time.

    Raises:
        CaptureRefused: X is not configured, or there is nothing to capture.
        Exception: as `Service` and its `run`.
    """
    service = Service(_options(settings, elections, for_s), _x(settings, clock), clock, say)
    interrupted: list[bool] = []

    def interrupt() -> None:
        interrupted.append(True)
        service.stop()

    on_interrupt(interrupt)
    return CaptureReport(service.run(), for_s is not None, bool(interrupted))


def _options(settings: Settings, elections: tuple[str, ...], for_s: float | None) -> CaptureOptions:
    free = settings.x_is_loopback
    return CaptureOptions(
        registry=settings.registry_path,
        spool=settings.spool_path,
        cap_bytes=settings.spool_max_bytes,
        budget_usd=settings.x_capture_budget_usd,
        prices=FREE if free else settings.x_prices,
        sandbox=free,
        store=lambda: open_store(settings.store_url, allow_http=settings.store_allows_http),
        elections=elections,
        for_s=for_s,
    )


def _x(settings: Settings, clock: CaptureClock) -> XParts:
    """The three sides of X's stream. Raises CaptureRefused where nothing may be asked of X."""
    if settings.x_bearer_token is None:
        raise CaptureRefused(
            "X_BEARER_TOKEN is not set, so nothing can be asked of X; set it (and ELEC_X_BUDGET_USD), or try "
            "`elec sandbox x` with ELEC_X_BASE_URL"
        )
    if not settings.x_capture_configured:
        raise CaptureRefused(
            "no money may be spent for the stream: set ELEC_X_BUDGET_USD above 0 and ELEC_X_FILL_SHARE below 1; "
            "`elec plan` tells what a month costs"
        )
    token = settings.x_bearer_token.get_secret_value()
    control = XControl(token=token, base_url=settings.x_base_url)
    stream = XStream(
        token=token,
        base_url=settings.x_base_url,
        clock=clock.now_ms,
        stall_s=clock.real(STALL_S),
        connect_s=clock.real(CONNECT_S),
        gather_s=clock.real(GATHER_S),
    )
    return XParts(stream=stream, connections=XConnections(control), rules=XRules(control))
