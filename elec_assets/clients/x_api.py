"""X search and counts, over tweepy: one page of an answer as received, or a typed error.

tweepy 4.17 builds requests; `x_transport.py` mends what it lacks: another base URL, a timeout (tweepy passes none),
no redirects (they would drop the token), and errors that are read before tweepy's own handling, which recurses
without end on a 429 without reset header.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
import requests
import tenacity
import urllib3.exceptions

from elec_assets.clients.x_errors import (
    XError,
    XInvalidRequest,
    XRateLimited,
    XUnreachable,
)
from elec_assets.clients.x_fields import MEDIA_FIELDS, PLACE_FIELDS, USER_FIELDS, spelt
from elec_assets.clients.x_transport import TWEEPY_ROOT, XAdapter, may_be_billed
from elec_assets.domain.windows import Window, iso

# 100 posts a page at both endpoints: X caps pages with context_annotations there, and bills posts, not pages.
PAGE_POSTS = 100
_ATTEMPTS = 4
_LONGEST_WAIT = timedelta(seconds=60)
# A whole answer may take so many times the timeout of one read.
_TOTAL = 4
# X's recent search refuses ids older than 7 days; 2 hours are kept for the pages of long answers.
RECENT_REACH = timedelta(days=6, hours=22)

# requests lets some errors of urllib3 through as they are.
_LOST = (requests.RequestException, urllib3.exceptions.HTTPError)

Archive = Literal["recent", "all"]


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """One page of one search: ids are exclusive bounds, `next_token` None for the first page."""

    query: str
    since_id: int
    until_id: int
    next_token: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A 200 answer as received, and when (UTC)."""

    body: bytes
    received_at: datetime


class XApi:
    """X's search for one app. One instance a process: it paces its own requests.

    `clock` and `sleep` are passed in, so that waiting can be tested. `timeout_s` bounds each wait for bytes, `total_s`
    (4 times it, if not given) a whole answer. Wall time of one page: at most 4 attempts (one more where X changed its
    spelling), and waits of at most 61 s between them.
    """

    def __init__(
        self,
        *,
        token: str,
        base_url: str,
        archive: Archive,
        timeout_s: float,
        pace_s: float,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None],
        total_s: float | None = None,
    ) -> None:
        # 0.6 s of CPU for tweepy (measured 2026-11-21), which runs that only read the store do not need.
        import tweepy

        # At DEBUG tweepy writes the Authorization header to its log.
        logging.getLogger("tweepy.client").setLevel(logging.INFO)
        self._client: Any = tweepy.Client(token, return_type=requests.Response, wait_on_rate_limit=False)
        adapter = XAdapter(base_url, timeout_s, _TOTAL * timeout_s if total_s is None else total_s)
        self._client.session.mount(TWEEPY_ROOT, adapter)
        whole = archive == "all"
        self._search = self._client.search_all_tweets if whole else self._client.search_recent_tweets
        self._counts = self._client.get_all_tweets_count if whole else self._client.get_recent_tweets_count
        self._archive = archive
        self._base_url = base_url
        self._pace_s = pace_s
        self._clock = clock
        self._sleep = sleep
        self._last: datetime | None = None
        self._spelling: Literal["tweet_fields", "post_fields"] = "tweet_fields"

    @property
    def endpoint(self) -> str:
        """Path of the search endpoint."""
        return f"/2/tweets/search/{self._archive}"

    @property
    def reach(self) -> timedelta | None:
        """How far back a question may begin; None for the full archive."""
        return RECENT_REACH if self._archive == "recent" else None

    def search(self, request: SearchRequest) -> Answer:
        """One page of a search, newest post first.

        Retries, at most 4 attempts in all, only what can succeed: no answer, 5xx, a 429 that ends within 60 s.

        Raises:
            XError: X did not answer with a page; see its class.
        """
        return self._answer(lambda: self._asked(request))

    def counts(self, query: str, window: Window) -> Answer:
        """Posts without retweets by minute, of a window that begins and ends on whole minutes. Retries as `search`.

        Raises:
            XError: X did not answer with counts; see its class.
        """
        times = {"start_time": iso(window.start), "end_time": iso(window.end)}
        return self._answer(lambda: self._counts(query=query, granularity="minute", **times))

    def _answer(self, ask: Callable[[], requests.Response]) -> Answer:
        failures: list[BaseException | None] = []
        attempts = tenacity.Retrying(
            after=lambda state: failures.append(state.outcome.exception() if state.outcome else None),
            stop=tenacity.stop_after_attempt(_ATTEMPTS),
            wait=self._wait,
            retry=tenacity.retry_if_exception(self._worth_waiting),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return attempts(self._once, ask)
        except XError as error:
            error.billed = error.billed or any(isinstance(e, XError) and e.billed for e in failures)
            raise

    def usage(self) -> str:
        """Posts read this billing cycle, as X tells; `unknown` where X uses a form not seen before. Not billed.

        Raises:
            XError: X refused, or could not be reached. Not retried: someone waits.
        """
        try:
            response = self._client._make_request("GET", "/2/usage/tweets", params={})  # tweepy has no public one
        except _LOST as error:
            raise XUnreachable(f"no whole answer from {self._base_url} ({type(error).__name__})") from error
        try:
            data = msgspec.json.decode(response.content, type=_Usage).data
        except (ValueError, RecursionError):  # not JSON, not UTF-8, or nested without end
            return "unknown"
        return str(data.get("project_usage", data.get("tweets_consumed", "unknown")))

    def _once(self, ask: Callable[[], requests.Response]) -> Answer:
        self._keep_pace()
        try:
            response = ask()
        except _LOST as error:
            raise XUnreachable(
                f"no whole answer from X ({type(error).__name__}); run again later",
                billed=may_be_billed(error),
            ) from error
        return Answer(response.content, self._clock())

    def _asked(self, request: SearchRequest) -> requests.Response:
        """X's answer, in the spelling of field names that X takes."""
        if self._spelling == "tweet_fields":
            try:
                response: requests.Response = self._search(**self._parameters(request))
            except XInvalidRequest as error:
                if not error.names_tweet_fields:
                    raise
                self._spelling = "post_fields"
            else:
                return response
        # tweepy's own methods do not know the name, and complain of it at each call.
        parameters = self._parameters(request)
        known = tuple(name.replace("_fields", ".fields") for name in parameters)
        answer: requests.Response = self._client._make_request(
            "GET", self.endpoint, params=parameters, endpoint_parameters=known
        )
        return answer

    def _parameters(self, request: SearchRequest) -> Mapping[str, object]:
        page = {} if request.next_token is None else {"next_token": request.next_token}
        posts, expansions = spelt(renamed=self._spelling == "post_fields")
        return {
            "query": request.query,
            "since_id": request.since_id,
            "until_id": request.until_id,
            "max_results": PAGE_POSTS,
            self._spelling: posts,
            "expansions": expansions,
            "user_fields": USER_FIELDS,
            "media_fields": MEDIA_FIELDS,
            "place_fields": PLACE_FIELDS,
            **page,
        }

    def _keep_pace(self) -> None:
        now = self._clock()
        if self._last is not None and (ahead := self._pace_s - (now - self._last).total_seconds()) > 0:
            self._sleep(min(ahead, self._pace_s))  # a clock set back makes it longer
        self._last = self._clock()

    def _worth_waiting(self, error: BaseException) -> bool:
        if not isinstance(error, XError) or not error.retriable:
            return False
        if isinstance(error, XRateLimited):
            return error.reset_at is None or error.reset_at - self._clock() <= _LONGEST_WAIT
        return True

    def _wait(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, XRateLimited) and error.reset_at is not None:
            return max(1.0, (error.reset_at - self._clock()).total_seconds() + 1.0)
        return float(2**state.attempt_number)


class _Usage(msgspec.Struct):
    data: dict[str, Any] = {}


def with_token(request: SearchRequest, token: str) -> SearchRequest:
    """The request for the next page."""
    return replace(request, next_token=token)
