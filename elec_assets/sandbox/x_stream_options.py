"""How the stream of the sandbox behaves."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from elec_assets.sandbox.x_accounts import CONNECTS
from elec_assets.sandbox.x_stream_seeds import Lag


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """How the stream behaves; seconds are those of the server's clock.

    Attributes:
        seed: of lags, shares and orders.
        lag: how long after it was made a post is sent.
        keep_alive_s: a keep-alive is sent after so long without a byte; X says at least every 20 s.
        rules_lag_s: a change of rules works after so long.
        connections: how many may be open at once, ghosts included.
        connect_limit: connects in each window of 15 minutes; 0 for any number.
        ghost_s: how long the place of a client that left stays taken.
        slow_reader_s: a client that does not take what is sent for so long is dropped.
        lines: prepared lines that are sent instead of the posts of the source, whatever the rules say, and not billed.
        deleted_share: of the posts that search could return, the part that it does not: they were deleted after the
            stream sent them.
        rate: of `lines`, lines a second, or (seconds, lines a second) one after another.
    """

    seed: int = 0
    lag: Lag = field(default_factory=Lag)
    keep_alive_s: float = 20.0
    rules_lag_s: float = 20.0
    connections: int = 1
    connect_limit: int = CONNECTS
    ghost_s: float = 0.0
    slow_reader_s: float = 60.0
    deleted_share: float = 0.0
    lines: Iterable[bytes] | None = None
    rate: float | Sequence[tuple[float, float]] = 250.0
