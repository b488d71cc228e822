"""Search and counts over a source of posts: matching, paging by opaque tokens, buckets, index lag."""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from elec_assets.domain.windows import DAY, X_EPOCH_MS, from_epoch_ms, iso
from elec_assets.sandbox.posts import Json, PostSource
from elec_assets.sandbox.x_documents import document, reference
from elec_assets.sandbox.x_errors import invalid
from elec_assets.sandbox.x_params import RANGE, IdRange, first_id
from elec_assets.sandbox.x_query import Document, QueryError, compile_query

# A counts request to `all` is answered 31 days at a time, newest first.
COUNTS_PAGE_DAYS = 31
_CACHED_DOCUMENTS = 20_000
_PAGE_MARK = "b26v89c19z"
_TOKEN = re.compile(_PAGE_MARK + "([0-9a-f]{12})([0-9a-z]{1,16})")
_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Found:
    """One page of posts, newest first, and the token of the next one."""

    posts: list[Json]
    next_token: str | None


class Searcher:
    """Finds posts of a source.

    Args:
        source: all there are.
        index_lag: so old a post must be.
        match_all: ignore what a query says.
        deleted: tells by its id whether a post was deleted: pages leave it out, counts do not.
    """

    def __init__(
        self,
        source: PostSource,
        index_lag: timedelta,
        *,
        match_all: bool = False,
        deleted: Callable[[int], bool] = lambda _: False,
    ) -> None:
        self._deleted = deleted
        self._source = source
        self._lag = index_lag
        self._match_all = match_all
        self._documents: dict[str, Document] = {}

    def page(self, query: str, asked: IdRange, size: int, token: str | None, binding: str, now: datetime) -> Found:
        """One page of at most `size` posts.

        Raises:
            ApiError: the query is not one, or the token belongs to another request.
        """
        until = asked.until_id if token is None else min(asked.until_id, read_token(token, binding))
        found: list[Json] = []
        for post in self._matching(query, IdRange(asked.since_id, until), now):
            if self._deleted(int(post["id"])):
                continue
            if len(found) == size:
                return Found(found, make_token(int(found[-1]["id"]), binding))
            found.append(post)
        return Found(found, None)

    def counts(self, query: str, asked: IdRange, bucket: timedelta, now: datetime) -> list[Json]:
        """Posts by bucket of time, oldest first, empty ones too; the first and last may be cut by the range."""
        step = bucket // timedelta(milliseconds=1)
        first, past = _ms(asked.since_id + 1), _ms(asked.until_id - 1) + 1
        counted = dict.fromkeys(range(first // step, (past - 1) // step + 1), 0)
        for post in self._matching(query, asked, now):
            counted[_ms(int(post["id"])) // step] += 1
        return [
            {
                "start": _stamp(max(first, number * step)),
                "end": _stamp(min(past, (number + 1) * step)),
                "tweet_count": count,
            }
            for number, count in counted.items()
        ]

    def _matching(self, query: str, asked: IdRange, now: datetime) -> Iterator[Json]:
        matches = self._matcher(query)
        visible = first_id(now - self._lag)
        for post in self._source.newest_first(asked.since_id, min(asked.until_id, visible)):
            if not self._source.retweets_in_search and reference(post, "retweeted") is not None:
                continue
            if matches(post):
                yield _as_of(post, visible)

    def _matcher(self, query: str) -> Callable[[Json], bool]:
        try:
            compiled = compile_query(query)
        except QueryError as error:
            raise invalid(str(error), {"query": [query]}) from error
        return (lambda _: True) if self._match_all else (lambda post: compiled(self._document(post)))

    def _document(self, post: Json) -> Document:
        known = self._documents.get(post["id"])
        if known is None:
            if len(self._documents) >= _CACHED_DOCUMENTS:
                self._documents.clear()
            known = self._documents[post["id"]] = document(post, self._source)
        return known


def _as_of(post: Json, visible: int) -> Json:
    """The post without versions that are yet to come."""
    history = post.get("edit_history_tweet_ids")
    if not history or int(history[-1]) < visible:
        return post
    return {**post, "edit_history_tweet_ids": [i for i in history if int(i) < visible]}


def binding_of(path: str, params: Mapping[str, str]) -> str:
    """What a token is bound to: the endpoint, the query and the range; fields and page size may change."""
    return "\n".join([path, *(f"{name}={params.get(name, '')}" for name in ("query", *RANGE))])


def make_token(oldest_id: int, binding: str) -> str:
    """The opaque token of the page after this id."""
    digits = ""
    rest = oldest_id
    while rest:
        rest, digit = divmod(rest, 36)
        digits = _BASE36[digit] + digits
    return f"{_PAGE_MARK}{_seal(digits, binding)}{digits}"


def read_token(token: str, binding: str) -> int:
    """The id that a token was made after.

    Raises:
        ApiError: the token is none of ours, or of another request.
    """
    match = _TOKEN.fullmatch(token)
    if match is None or match[1] != _seal(match[2], binding):
        raise invalid(f"Invalid 'next_token':'{token}'. It does not belong to this request.", {"next_token": [token]})
    return int(match[2], 36)


def _seal(digits: str, binding: str) -> str:
    return hashlib.sha256(f"{digits}\n{binding}".encode()).hexdigest()[:12]


def counts_page(asked: IdRange, until_id: int) -> IdRange:
    """The last 31 days before an id, of a range, from the start of a UTC day on."""
    day_ms = DAY // timedelta(milliseconds=1)
    start_ms = _ms(until_id) - COUNTS_PAGE_DAYS * day_ms
    return IdRange(max(asked.since_id, first_id(from_epoch_ms(start_ms - start_ms % day_ms)) - 1), until_id)


def _ms(tweet_id: int) -> int:
    return (tweet_id >> 22) + X_EPOCH_MS


def _stamp(ms: int) -> str:
    text = iso(from_epoch_ms(ms))
    return text if "." in text else text.replace("Z", ".000Z")
