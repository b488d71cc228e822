"""How long to wait before the next connection, and what to do meanwhile: X's advice, and its limits.

X (documentation of 2026-08): at once after a close in order; after network errors 250 ms more each time, up to 16 s;
after HTTP errors 5 s, doubled up to 320 s; after a 429 until the time it names, else 60 s, doubled.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from elec_assets.clients.x_errors import (
    XError,
    XInvalidRequest,
    XNoRules,
    XRateLimited,
    XTooManyConnections,
    XUnreachable,
)
from elec_assets.clients.x_stream import EndKind, StreamEnd
from elec_assets.domain.outcomes import Outcome

# Between two connects, whatever happened: a server that closes at once is not to be hammered.
BETWEEN_S = 1.0
NETWORK_STEP_S, NETWORK_MOST_S = 0.25, 16.0
HTTP_FIRST_S, HTTP_MOST_S = 5.0, 320.0
LIMITED_FIRST_S, LIMITED_MOST_S = 60.0, 900.0
# X counts in spans of 15 minutes: a time further away comes from a clock that is wrong.
RESET_MOST_S = 960.0
# Another connection holds the only place: X's advice, and how long it takes where that one was ended.
GHOST_S, GHOST_ENDED_S = 60.0, 5.0
# Only a person can help (credits, rights, token). No post is sent meanwhile, so asking again costs nothing, and who
# has paid need not restart the service.
FATAL_S = 900.0
# So long must a connection live until what went wrong before is forgotten.
CALM_S = 300.0


@dataclass(frozen=True, slots=True)
class Pause:
    """What to do before the next connection.

    Attributes:
        wait_s: seconds to wait, 0 to 960.
        why: a sentence for a person.
        outcome: what planned time that is not listened to is recorded as; None where nothing is wrong.
        end_ghosts: end the app's other connections first; where X ended one, `wait_ended_s` is enough.
        wait_ended_s: see `end_ghosts`.
        sync_rules: bring the rules to what is wanted first.
        alert: whether only a person can help.
    """

    wait_s: float
    why: str
    outcome: Outcome | None
    end_ghosts: bool = False
    wait_ended_s: float = 0.0
    sync_rules: bool = False
    alert: bool = False


class Backoff:
    """What went wrong since a connection last lived for 5 minutes. No clock: times are passed in."""

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._network = 0
        self._http = 0
        self._limited = 0
        self._ghosts = 0
        self._respelt = False

    def after(self, end: StreamEnd, now_ms: int) -> Pause:
        """After a connection, or the attempt at one."""
        if end.connected_s >= CALM_S:
            self._forget()
        if end.kind is EndKind.STOPPED:
            return Pause(0.0, end.why, None)
        if end.kind is EndKind.REFUSED and end.error is not None:
            return self.after_error(end.error, now_ms)
        least_s = max(BETWEEN_S - end.connected_s, 0.0)
        if end.kind is EndKind.CLOSED:
            return Pause(least_s, end.why, Outcome.ERROR)
        return self._after_network(end.why, least_s)

    def after_error(self, error: XError, now_ms: int) -> Pause:
        """After a call that X refused or did not answer: a connect, or one about rules or connections."""
        why = str(error)
        if isinstance(error, XUnreachable):
            return self._after_network(why, 0.0)
        if isinstance(error, XTooManyConnections):
            return self._after_ghost(why, error.outcome)
        if isinstance(error, XRateLimited):
            return Pause(self._limited_s(error, now_ms), why, error.outcome)
        if isinstance(error, XInvalidRequest):
            return self._after_invalid(error, why)
        if error.fatal:
            return Pause(FATAL_S, why, error.outcome, alert=True)
        self._http += 1
        wait_s = _doubled(HTTP_FIRST_S, self._http, HTTP_MOST_S)
        return Pause(wait_s, why, error.outcome, sync_rules=isinstance(error, XNoRules))

    def _after_network(self, why: str, least_s: float) -> Pause:
        self._network += 1
        return Pause(max(least_s, min(NETWORK_STEP_S * self._network, NETWORK_MOST_S)), why, Outcome.ERROR)

    def _after_ghost(self, why: str, outcome: Outcome) -> Pause:
        self._ghosts += 1
        # Ended, and there again: another machine may be listening with the same token.
        ended_s = GHOST_ENDED_S if self._ghosts <= 2 else GHOST_S
        return Pause(GHOST_S, why, outcome, end_ghosts=True, wait_ended_s=ended_s)

    def _after_invalid(self, error: XInvalidRequest, why: str) -> Pause:
        if error.names_tweet_fields and not self._respelt:
            self._respelt = True
            return Pause(BETWEEN_S, f"{why}; asked again with the new names", error.outcome)
        return Pause(FATAL_S, why, error.outcome, alert=True)

    def _limited_s(self, error: XRateLimited, now_ms: int) -> float:
        self._limited += 1
        if error.reset_at is not None:
            ahead_s = (error.reset_at - datetime.fromtimestamp(now_ms / 1000, UTC)).total_seconds()
            if ahead_s > 0:
                # X counts in whole seconds.
                return min(ahead_s + 1.0, RESET_MOST_S)
        return _doubled(LIMITED_FIRST_S, self._limited, LIMITED_MOST_S)


def _doubled(first_s: float, times: int, most_s: float) -> float:
    # No larger power is ever needed, and an endless row of failures would overflow.
    return min(first_s * 2.0 ** min(times - 1, 32), most_s)
