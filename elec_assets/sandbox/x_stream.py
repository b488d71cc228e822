"""The filtered stream: who may connect, what was true of it, and what serves its connections."""

from collections.abc import Mapping
from datetime import datetime

from elec_assets.domain.windows import X_EPOCH_MS, epoch_ms
from elec_assets.sandbox.clock import Clock
from elec_assets.sandbox.posts import Json, PostSource
from elec_assets.sandbox.x_accounts import CONNECTS, STREAM, Bill, RateLimits
from elec_assets.sandbox.x_connections import Connection, Connections
from elec_assets.sandbox.x_errors import PRESETS, ApiError, preset
from elec_assets.sandbox.x_fields import Selection, Spelling, fields_parameters
from elec_assets.sandbox.x_params import check_known, first_id
from elec_assets.sandbox.x_rules import RuleStore
from elec_assets.sandbox.x_stream_faults import StreamFault
from elec_assets.sandbox.x_stream_feed import Feed, Prepared, Slots
from elec_assets.sandbox.x_stream_match import Matcher
from elec_assets.sandbox.x_stream_options import StreamOptions
from elec_assets.sandbox.x_stream_script import StreamScript
from elec_assets.sandbox.x_stream_seeds import unit
from elec_assets.sandbox.x_stream_serving import Serving, Shared
from elec_assets.sandbox.x_stream_truth import Connect, Delivery, Truth
from elec_assets.sandbox.x_stream_wire import Coding

# A late post waits for a connection; this long after it was made it is given up.
_HELD_MS = 3_600_000


class FilteredStream:
    """The stream of one app. `delivered`, `connects`, `ghosts`, `outages` and `matching` tell what is true.

    Attributes:
        options: see `StreamOptions`.
        connections: what is and was open; what the endpoints of connections answer.
        faults: the script; `faults.add` adds one while the server runs, `faults.happened` tells what struck.
        prepared: the prepared lines, if there are any, with how many were sent.
    """

    def __init__(
        self,
        source: PostSource,
        rules: RuleStore,
        bill: Bill,
        clock: Clock,
        options: StreamOptions,
        spelling: Spelling,
        *,
        match_all: bool = False,
    ) -> None:
        self.options = options
        self.connections = Connections(self._now_ms, options.connections)
        self.faults = StreamScript(epoch_ms(clock()), options.seed)
        self.prepared = None if options.lines is None else Prepared(options.lines, options.rate)
        self._source = source
        self._rules = rules
        self._clock = clock
        self._spelling = spelling
        self._truth = Truth()
        self._slots = Slots(source)
        self._matcher = Matcher(source, rules, round(options.rules_lag_s * 1000), match_all=match_all)
        # Half a request more, so that rounding takes none away.
        self._limits = RateLimits((options.connect_limit + 0.5) / CONNECTS if options.connect_limit else 0)
        self._shared = Shared(source, bill, clock, options, self._matcher, self.faults, self.connections, self._truth)

    @property
    def delivered(self) -> list[Delivery]:
        """Every post that was sent, in order; what a client did not read before it died is among them."""
        return list(self._truth.delivered)

    @property
    def lines_sent(self) -> int:
        """Lines of posts, or prepared ones, that were sent."""
        return len(self._truth.delivered) if self.prepared is None else self.prepared.sent

    @property
    def connects(self) -> list[Connect]:
        """Every request for the stream, with its result."""
        return list(self._truth.connects)

    @property
    def ghosts(self) -> list[Connection]:
        """Every connection that left a ghost, in order."""
        return self.connections.ghosts()

    def outages(self, start: datetime, end: datetime) -> list[tuple[int, int]]:
        """When, in `[start, end)`, no connection was delivering: `[from, to)` in ms since 1970, in order.

        A stall is an outage from its first moment; what a connection had not yet been sent when it ended is lost.
        """
        return self._truth.outages(epoch_ms(start), epoch_ms(end))

    def matching(self, start: datetime, end: datetime) -> dict[str, tuple[str, ...]]:
        """The posts made in `[start, end)` that match the rules that worked then: rule ids by post id, ascending."""
        found = {}
        for post in self._source.newest_first(first_id(start) - 1, first_id(end)):
            rules = self._matcher.match(post, _created_ms(int(post["id"])))
            if rules:
                found[post["id"]] = tuple(rule.id for rule in rules)
        return dict(reversed(found.items()))

    def deleted(self, tweet_id: int) -> bool:
        """Whether search does not return this post, because it was deleted."""
        share = self.options.deleted_share
        return share > 0 and unit(self.options.seed, "deleted", tweet_id) < share

    def prepare(self, start: datetime, end: datetime) -> None:
        """Make the posts of a time (at most a day) ahead, so that a fast clock need not wait for them."""
        for slot in range(epoch_ms(start) // Slots.LENGTH_MS - 1, epoch_ms(end) // Slots.LENGTH_MS + 1):
            self._slots.of(slot)

    def connect(self, params: Mapping[str, str], *, gzip: bool = False) -> Serving:
        """Open a connection.

        Raises:
            ApiError: the answer is an error.
        """
        now_ms = self._now_ms()
        try:
            serving = self._open(params, gzip=gzip)
        except ApiError as error:
            self._truth.connects.append(Connect(now_ms, error.status, _why(error), None))
            raise
        self._truth.connects.append(Connect(now_ms, 200, None, serving.connection.number))
        return serving

    def _open(self, params: Mapping[str, str], *, gzip: bool) -> Serving:
        headers = self._limits.take("GET", STREAM, self._clock())
        faults = self.faults.connecting(self._now_ms(), self.lines_sent)
        kinds = {fault.do for fault in faults} | ({"gzip"} if gzip else set())
        try:
            if "refuse" in kinds:
                raise self._refusal(faults[0])
            check_known(params, fields_parameters("tweet"))
            selection = Selection.read(params, self._spelling)
            if self.prepared is None and not self._rules.all():
                raise preset("no_rules")
            self._pass_over()
            connection = self.connections.open()
        except ApiError as error:
            bare = "refuse" in kinds and faults[0].bare
            raise ApiError(error.status, error.body, {**({} if bare else headers), **error.headers}) from error
        coding = Coding.GZIP if "gzip" in kinds else Coding.PLAIN if "plain" in kinds else Coding.CHUNKED
        return Serving(self._shared, connection, self._feed(connection.opened_ms), selection, coding, headers)

    def _pass_over(self) -> None:
        """Faults whose time came while nobody was connected strike nobody; a ghost haunts all the same."""
        if self.connections.running():
            return
        now_ms = self._now_ms()
        for at_ms, fault in self.faults.missed(now_ms):
            left_s = fault.for_s - (now_ms - at_ms) / 1000
            if fault.do == "ghost" and left_s > 0:
                self.connections.haunt(left_s)

    def _feed(self, from_ms: int) -> Feed | Prepared:
        if self.prepared is not None:
            self.prepared.open(from_ms)
            return self.prepared
        delay_ms = self.faults.longest_delay_ms()
        longest_ms = self.options.lag.longest_ms + delay_ms + (_HELD_MS if delay_ms else 0)
        return Feed(self._slots, lambda tweet_id: self._due_ms(tweet_id, from_ms), from_ms, longest_ms)

    def _due_ms(self, tweet_id: int, from_ms: int) -> int:
        """When a post is due on a connection that opened at a time. One that is late by fault waits for it."""
        created_ms = _created_ms(tweet_id)
        delay_ms, held = self.faults.delay(created_ms, tweet_id)
        due_ms = created_ms + self.options.lag.of(self.options.seed, tweet_id) + delay_ms
        if held and due_ms < from_ms and not self._truth.was_sent(str(tweet_id)):
            return from_ms
        return due_ms

    def _refusal(self, fault: StreamFault) -> ApiError:
        headers = dict(fault.headers)
        if fault.reset_s is not None:
            reset = (self._now_ms() + round(fault.reset_s * 1000)) // 1000
            headers = {"x-rate-limit-remaining": "0", "x-rate-limit-reset": str(reset), **headers}
        if fault.redirect is not None:
            return ApiError(302, {}, {"location": fault.redirect, **headers})
        status, body = PRESETS[fault.preset] if fault.preset else (fault.status or 500, {})
        return ApiError(fault.status or status, body if fault.body is None else fault.body, headers)

    def _now_ms(self) -> int:
        return epoch_ms(self._clock())


def _why(error: ApiError) -> str:
    told = error.body.get("connection_issue") or error.body.get("title")
    first: Json = next(iter(error.body.get("errors", [])), {})
    return str(told or first.get("message") or error.status)


def _created_ms(tweet_id: int) -> int:
    return (tweet_id >> 22) + X_EPOCH_MS
