"""Seeded draws of the stream: the same seed, purpose and post give the same number, in whatever order they come."""

from dataclasses import dataclass
from hashlib import blake2b
from math import exp, log
from statistics import NormalDist

_NORMAL = NormalDist()
_P99 = _NORMAL.inv_cdf(0.99)


def unit(seed: int, what: str, key: int) -> float:
    """A number above 0 and below 1."""
    digest = blake2b(f"{seed} {what} {key}".encode(), digest_size=6).digest()
    return (int.from_bytes(digest) + 0.5) / 2**48


@dataclass(frozen=True, slots=True)
class Lag:
    """How long after it was made a post is sent: log-normal, P99 as X states it (6 to 7 s); times in seconds.

    Attributes:
        median_s: half of the posts come sooner.
        p99_s: one in a hundred comes later.
        most_s: the longest, but for the tail.
        tail_share: the part of posts that is in the tail, 0 to 1.
        tail_s: those come after `most_s` to `tail_s`.
    """

    median_s: float = 2.0
    p99_s: float = 6.5
    most_s: float = 15.0
    tail_share: float = 0.0
    tail_s: float = 60.0

    @property
    def longest_ms(self) -> int:
        """No post comes later than this, in ms."""
        return round(1000 * (max(self.most_s, self.tail_s) if self.tail_share else self.most_s))

    def of(self, seed: int, tweet_id: int) -> int:
        """The lag of a post in ms."""
        if self.tail_share and unit(seed, "tail", tweet_id) < self.tail_share:
            return round(1000 * (self.most_s + (self.tail_s - self.most_s) * unit(seed, "late", tweet_id)))
        if not self.median_s:
            return 0
        spread = log(self.p99_s / self.median_s) / _P99
        seconds = self.median_s * exp(spread * _NORMAL.inv_cdf(unit(seed, "lag", tweet_id)))
        return round(1000 * min(seconds, self.most_s))
