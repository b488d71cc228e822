"""The X API v2 endpoints of the sandbox: one request in, one answer out. `x_http.py` puts it on a socket.

Served: tweets/search/{recent,all}, tweets/counts/{recent,all}, usage/tweets, tweets/search/stream with its rules (GET,
POST) and rules/counts, connections (GET, DELETE), compliance/jobs (GET, POST, DELETE) with their uploads and results.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from elec_assets.sandbox.posts import Json, PostSource
from elec_assets.sandbox.x_accounts import Bill, RateLimits
from elec_assets.sandbox.x_compliance import PREFIX as COMPLIANCE
from elec_assets.sandbox.x_compliance import ComplianceJobs
from elec_assets.sandbox.x_errors import ApiError, invalid, preset
from elec_assets.sandbox.x_fields import Selection, Spelling, fields_parameters
from elec_assets.sandbox.x_params import (
    GRANULARITIES,
    PAGING,
    RANGE,
    IdRange,
    check_known,
    choice_of,
    max_results_of,
    query_of,
    range_of,
)
from elec_assets.sandbox.x_rules import RuleStore
from elec_assets.sandbox.x_search import Found, Searcher, binding_of, counts_page, make_token, read_token
from elec_assets.sandbox.x_stream import FilteredStream
from elec_assets.sandbox.x_stream_options import StreamOptions
from elec_assets.sandbox.x_stream_serving import Serving

TOKEN = "sandbox-token"  # noqa: S105 - a fixed token of the sandbox, no secret
PROJECT_CAP = 3_000_000
_CONNECTIONS = "/2/connections"
_USAGE = ("cap_reset_day", "project_cap", "project_id", "project_usage")
_USAGE_FIELDS = (*_USAGE, "daily_client_app_usage", "daily_project_usage")


@dataclass(frozen=True, slots=True)
class XOptions:
    """How the sandbox behaves.

    Attributes:
        token: the only bearer token it takes.
        spelling: `tweet` serves old names and takes both; `post` serves new names and refuses `tweet.fields`.
        rate_factor: times X's rate limits; 0 for no limits.
        index_lag_s: seconds until a post can be searched.
        match_all: answer every query with every post.
        stream: how the stream behaves.
    """

    token: str = TOKEN
    spelling: Spelling = "tweet"
    rate_factor: float = 0.0
    index_lag_s: float = 30.0
    match_all: bool = False
    stream: StreamOptions = field(default_factory=StreamOptions)


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came; `body` is its raw content, of `content_type`."""

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    authorization: str = ""
    body: bytes = b""
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, JSON body (or a text that is sent as it is) and further headers of an answer."""

    status: int
    body: Json | str
    headers: Mapping[str, str] = field(default_factory=dict)


class XApi:
    """The endpoints over a source of posts. Everything it knows of time comes from `clock` (UTC)."""

    def __init__(self, source: PostSource, clock: Callable[[], datetime], options: XOptions) -> None:
        self.bill = Bill()
        self.rules = RuleStore(clock)
        self._source = source
        self._clock = clock
        self._options = options
        self._limits = RateLimits(options.rate_factor)
        self.stream = FilteredStream(
            source, self.rules, self.bill, clock, options.stream, options.spelling, match_all=options.match_all
        )
        self.compliance = ComplianceJobs(clock, self.stream.deleted)
        self._searcher = Searcher(
            source, timedelta(seconds=options.index_lag_s), match_all=options.match_all, deleted=self.stream.deleted
        )
        rules = "/2/tweets/search/stream/rules"
        self._endpoints: dict[tuple[str, str], Callable[[Request], Answer]] = {
            ("GET", "/2/tweets/search/recent"): lambda r: self._search(r, "recent"),
            ("GET", "/2/tweets/search/all"): lambda r: self._search(r, "all"),
            ("GET", "/2/tweets/counts/recent"): lambda r: self._counts(r, "recent"),
            ("GET", "/2/tweets/counts/all"): lambda r: self._counts(r, "all"),
            ("GET", "/2/usage/tweets"): self._usage,
            ("GET", rules): self._list_rules,
            ("POST", rules): self._change_rules,
            ("GET", f"{rules}/counts"): self._count_rules,
            ("GET", _CONNECTIONS): lambda r: Answer(200, self.stream.connections.listing(r.params)),
            ("DELETE", _CONNECTIONS): lambda r: Answer(200, self.stream.connections.end_some(r.body)),
            ("GET", COMPLIANCE): lambda r: Answer(200, self.compliance.listing(r.params)),
            ("POST", COMPLIANCE): lambda r: Answer(200, self.compliance.create(r.body)),
        }

    def answer(self, request: Request) -> Answer:
        """Answer a request, errors included."""
        try:
            self._check_token(request)
            endpoint = self._endpoint(request)
            headers = self._limits.take(request.method, request.path, self._clock())
        except ApiError as error:
            return Answer(error.status, error.body, error.headers)
        try:
            done = endpoint(request)
        except ApiError as error:
            return Answer(error.status, error.body, {**headers, **error.headers})
        return Answer(done.status, done.body, headers)

    def connect(self, request: Request, *, gzip: bool = False) -> Serving | Answer:
        """Open the stream, or the error that is answered instead."""
        try:
            self._check_token(request)
            return self.stream.connect(request.params, gzip=gzip)
        except ApiError as error:
            return Answer(error.status, error.body, error.headers)

    def _check_token(self, request: Request) -> None:
        if request.authorization != f"Bearer {self._options.token}":
            raise preset("unauthorized")

    def _endpoint(self, request: Request) -> Callable[[Request], Answer]:
        endpoint = self._endpoints.get((request.method, request.path))
        folder, _, name = request.path.rpartition("/")
        if endpoint is None and (request.method, folder) == ("DELETE", _CONNECTIONS):
            return lambda _: Answer(200, self.stream.connections.end_endpoint(name))
        if endpoint is None and request.path.startswith(f"{COMPLIANCE}/"):
            endpoint = self._of_job(request)
        if endpoint is None:
            raise preset("not_found")
        return endpoint

    def _of_job(self, request: Request) -> Callable[[Request], Answer] | None:
        job, _, part = request.path.removeprefix(f"{COMPLIANCE}/").partition("/")
        jobs = self.compliance
        found: dict[tuple[str, str], Callable[[Request], Answer]] = {
            ("GET", ""): lambda _: Answer(200, jobs.one(job)),
            ("DELETE", ""): lambda _: Answer(200, jobs.cancel(job)),
            ("PUT", "upload"): lambda r: Answer(200, jobs.upload(job, r.params, r.content_type, r.body)),
            ("GET", "download"): lambda r: Answer(200, jobs.download(job, r.params)),
        }
        return found.get((request.method, part))

    def _search(self, request: Request, reach: str) -> Answer:
        params = request.params
        fields = fields_parameters(self._options.spelling)
        check_known(params, ("query", *RANGE, "max_results", *PAGING, "sort_order", *fields))
        now = self._clock()
        query = query_of(params, reach)
        choice_of(params, "sort_order", ("recency", "relevancy"), "recency")
        selection = Selection.read(params, self._options.spelling)
        size = max_results_of(params, reach)
        token = params.get("next_token") or params.get("pagination_token")
        asked = range_of(params, reach, now)
        found = self._searcher.page(query, asked, size, token, binding_of(request.path, params), now)
        page = selection.page(found.posts, self._source)
        self._charge(page, now)
        return Answer(200, {**page, "meta": _meta(found)})

    def _charge(self, page: Json, now: datetime) -> None:
        includes = page.get("includes", {})
        referenced = includes.get("tweets", []) + includes.get("posts", [])
        users = {u["id"] for u in includes.get("users", [])}
        self.bill.read(now.date(), {p["id"] for p in page.get("data", [])}, {p["id"] for p in referenced}, users)

    def _counts(self, request: Request, reach: str) -> Answer:
        params = request.params
        check_known(params, ("query", *RANGE, "granularity", *PAGING, "search_count.fields"))
        now = self._clock()
        query = query_of(params, reach)
        bucket = GRANULARITIES[choice_of(params, "granularity", tuple(GRANULARITIES), "hour")]
        asked = range_of(params, reach, now)
        binding = binding_of(request.path, params)
        token = params.get("next_token") or params.get("pagination_token")
        until = asked.until_id if token is None else read_token(token, binding)
        page = counts_page(asked, until) if reach == "all" else IdRange(asked.since_id, until)
        buckets = self._searcher.counts(query, page, bucket, now)
        meta: Json = {"total_tweet_count": sum(b["tweet_count"] for b in buckets)}
        if page.since_id > asked.since_id:
            meta["next_token"] = make_token(page.since_id + 1, binding)
        self.bill.counted(now.date(), reach)
        return Answer(200, {"data": buckets, "meta": meta})

    def _usage(self, request: Request) -> Answer:
        check_known(request.params, ("days", "usage.fields"))
        raw = request.params.get("days", "7")
        if not raw.isdecimal() or not 1 <= int(raw) <= 90:
            raise invalid(f"The `days` query parameter value [{raw}] is not between 1 and 90", {"days": [raw]})
        asked = request.params.get("usage.fields", "").split(",") if request.params.get("usage.fields") else []
        for value in asked:
            choice_of({"usage.fields": value}, "usage.fields", _USAGE_FIELDS, value)
        usage = self._usage_data(int(raw))
        return Answer(200, {"data": {k: v for k, v in usage.items() if k in _USAGE or k in asked}})

    def _usage_data(self, days: int) -> Json:
        today = self._clock().date()
        dates = [today - timedelta(days=n) for n in reversed(range(days))]
        known = self.bill.days
        read = {d: len(known[d].posts | known[d].referenced_posts) if d in known else 0 for d in dates}
        usage = [{"date": f"{d.isoformat()}T00:00:00.000Z", "usage": n} for d, n in read.items()]
        return {
            "cap_reset_day": 1,
            "project_cap": PROJECT_CAP,
            "project_id": "1",
            "project_usage": self.bill.posts,
            "daily_project_usage": {"project_id": 1, "usage": usage},
            "daily_client_app_usage": [{"client_app_id": "1", "usage": usage, "usage_result_count": len(usage)}],
        }

    def _list_rules(self, request: Request) -> Answer:
        check_known(request.params, ("ids", "max_results", "pagination_token"))
        return Answer(200, self.rules.listing(request.params))

    def _change_rules(self, request: Request) -> Answer:
        check_known(request.params, ("dry_run", "delete_all"))
        try:
            body = json.loads(request.body or b"null")
        except ValueError as error:
            raise invalid(f"Requests must be valid JSON: {error}", {}) from error
        return Answer(*self.rules.change(body, request.params))

    def _count_rules(self, request: Request) -> Answer:
        check_known(request.params, ("rules_count.fields",))
        return Answer(200, self.rules.counts())


def _meta(found: Found) -> Json:
    meta: Json = {"result_count": len(found.posts)}
    if found.posts:
        meta = {"newest_id": found.posts[0]["id"], "oldest_id": found.posts[-1]["id"], **meta}
    if found.next_token is not None:
        meta["next_token"] = found.next_token
    return meta
