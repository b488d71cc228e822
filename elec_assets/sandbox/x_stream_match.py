"""Which rules a post of the stream matches: those that worked when it was made, some seconds after they were added."""

import threading
from bisect import bisect_right
from collections.abc import Callable

from elec_assets.domain.windows import epoch_ms
from elec_assets.sandbox.posts import Json, PostSource
from elec_assets.sandbox.x_documents import document
from elec_assets.sandbox.x_query import Document, compile_query
from elec_assets.sandbox.x_rules import Rule, RuleStore

_Test = tuple[Rule, Callable[[Document], bool]]


class Matcher:
    """Matches posts as the stream does: accents count, retweets and the words of quoted posts too.

    Args:
        source: where quoted and retweeted posts are found.
        rules: the rules, whose changes work `lag_ms` after they were made.
        lag_ms: see `rules`.
        match_all: every rule matches every post.
    """

    def __init__(self, source: PostSource, rules: RuleStore, lag_ms: int, *, match_all: bool = False) -> None:
        self._source = source
        self._rules = rules
        self._lag_ms = lag_ms
        self._match_all = match_all
        self._compiled: dict[str, Callable[[Document], bool]] = {}
        self._changes = -1
        self._bounds: list[int] = []
        self._spans: dict[int, list[_Test]] = {}
        self._lock = threading.Lock()

    def match(self, post: Json, created_ms: int) -> tuple[Rule, ...]:
        """The rules that match a post made at a time (ms since 1970), oldest rule first."""
        tests = self._working(created_ms)
        if not tests:
            return ()
        if self._match_all:
            return tuple(rule for rule, _ in tests)
        seen = document(post, self._source, accents=True, quoted=True)
        return tuple(rule for rule, matches in tests if matches(seen))

    def _working(self, at_ms: int) -> list[_Test]:
        """The rules that worked at a time."""
        with self._lock:
            if self._changes != self._rules.changes:
                self._changes = self._rules.changes
                self._spans = {}
                self._bounds = sorted({bound for life in self._lives() for bound in life[1:] if bound is not None})
            span = bisect_right(self._bounds, at_ms)
            if span not in self._spans:
                self._spans[span] = [
                    (rule, self._test(rule.value))
                    for rule, start, end in self._lives()
                    if start <= at_ms and (end is None or at_ms < end)
                ]
            return self._spans[span]

    def _lives(self) -> list[tuple[Rule, int, int | None]]:
        """Every rule, and from when until when it works."""
        return [
            (rule, epoch_ms(rule.added_at) + self._lag_ms, None if gone is None else epoch_ms(gone) + self._lag_ms)
            for rule, gone in self._rules.lives()
        ]

    def _test(self, value: str) -> Callable[[Document], bool]:
        if value not in self._compiled:
            self._compiled[value] = compile_query(value, accents=True)
        return self._compiled[value]
