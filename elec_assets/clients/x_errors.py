"""What X says when it does not answer with posts, as typed errors: what it means, whether asking again can help.

Bodies as recorded by others (issue numbers at the classes). `type` is compared by its last path segment: its prefix
is api.twitter.com in recordings and api.x.com in today's documentation.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.windows import iso

# Characters of a foreign text that a message shows at most.
_SHOWN = 300
_CONSOLE = "in X's developer console"
_FORBIDDEN_ELSE = f"check {_CONSOLE} that the app may use search and the filtered stream"
# What X's specification names as `reason` of a 403 (OpenAPI 2.159).
_FORBIDDEN = {
    "client-not-enrolled": f"put the app in a project with access to search, {_CONSOLE}",
    "official-client-forbidden": f"X_BEARER_TOKEN is of an app of X: make one of yours {_CONSOLE} and use its token",
}


class XError(Exception):
    """X did not answer with posts. The text says what happened and what the operator should do.

    Attributes:
        outcome: what the hour's unfilled time is recorded as.
        fatal: whether every other question would fail the same way, so that asking stops.
        retriable: whether the same question may succeed soon.
        billed: whether X may have billed posts although no page came.
        status: HTTP status, None where there was no answer.
        body: the answer as received, empty where there was none.
    """

    outcome = Outcome.ERROR
    fatal = False
    retriable = False

    def __init__(self, message: str, *, status: int | None = None, body: bytes = b"", billed: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.body = body
        self.billed = billed


class XUnauthorized(XError):
    """401: the bearer token is wrong or revoked."""

    outcome = Outcome.REFUSED
    fatal = True


class XForbidden(XError):
    """403: the app may not do this, e.g. `client-not-enrolled` (tweepy#2125)."""

    outcome = Outcome.REFUSED
    fatal = True


class XCreditsDepleted(XError):
    """402: prepaid credits are used up."""

    outcome = Outcome.OVER_BUDGET
    fatal = True


class XUsageCapExceeded(XError):
    """429 UsageCapExceeded: the cap of the period is reached; rate limit headers are not exhausted (xdk#25)."""

    outcome = Outcome.OVER_BUDGET
    fatal = True


class XRateLimited(XError):
    """429: too many requests in 15 minutes. `reset_at` is when X allows more, None where X did not say."""

    outcome = Outcome.THROTTLED
    retriable = True

    def __init__(self, message: str, *, status: int, body: bytes, reset_at: datetime | None) -> None:
        super().__init__(message, status=status, body=body)
        self.reset_at = reset_at


class XTooManyConnections(XError):
    """429 ConnectionException: another connection of this app is open (tweepy#1962)."""

    outcome = Outcome.THROTTLED
    retriable = True


class XNoRules(XError):
    """409, or a ConnectionException about rules: the app has no stream rules, or none that X takes."""

    retriable = True


class XInvalidRequest(XError):
    """400: X does not accept a parameter; `names_tweet_fields` if it may want the new `post.fields` spelling."""

    @property
    def names_tweet_fields(self) -> bool:
        """Whether the answer complains of `tweet.fields`: X renamed it in 2026-08 (OpenAPI 2.167)."""
        return b"tweet.fields" in self.body


class XNotFound(XError):
    """404: there is no such endpoint at this address."""

    fatal = True


class XOutOfReach(XError):
    """Nothing was asked: the time is older than recent search goes back."""

    outcome = Outcome.REFUSED


class XServerError(XError):
    """5xx: X is in trouble."""

    retriable = True


class XUnreachable(XError):
    """No whole answer: no connection, a timeout, or an answer cut midway."""

    retriable = True


class XRedirected(XError):
    """X's address answers with a redirect, which would lose the token: the final address must be set."""

    fatal = True


class XUnreadable(XError):
    """An answer with status 200 that is not what X's documentation describes."""


_NO_RULES = "the app has no stream rules that X takes: they are set again before the next connection"
# What X's specification names as `connection_issue` of a ConnectionException (OpenAPI 2.159); TooManyConnections is
# the one that was recorded.
_CONNECTION_ISSUES: dict[str, tuple[type[XError], str]] = {
    "ProvisioningSubscription": (XForbidden, f"check {_CONSOLE} that the app may use the filtered stream"),
    "RuleConfigurationIssue": (XNoRules, _NO_RULES),
    "RulesInvalidIssue": (XNoRules, _NO_RULES),
}


def classify(status: int, headers: Mapping[str, str], body: bytes) -> XError:
    """The typed error for an answer that is not 200."""
    problem = _problem(body)
    kind = str(problem.get("type", "")).rpartition("/")[2]
    title = str(problem.get("title") or problem.get("reason") or "")[:_SHOWN]
    says = f"X answered {status} ({problem_text(body) or 'no title'})"
    if 300 <= status < 400:
        where = headers.get("location", "an unnamed address")[:_SHOWN]
        return XRedirected(
            f"{says}: redirected to {where}; set ELEC_X_BASE_URL to the final address", status=status, body=body
        )
    issue = _CONNECTION_ISSUES.get(str(problem.get("connection_issue")))
    if issue is not None:
        return issue[0](f"{says}; {issue[1]}", status=status, body=body)
    if status == 429:
        return _too_many(kind, title, says, headers, body)
    advice: dict[int, tuple[type[XError], str]] = {
        400: (XInvalidRequest, "this is a fault of the request; please report it with this text"),
        401: (XUnauthorized, "check X_BEARER_TOKEN"),
        402: (XCreditsDepleted, "add credits in X's developer console, then run the hours again"),
        403: (XForbidden, _FORBIDDEN.get(str(problem.get("reason")), _FORBIDDEN_ELSE)),
        409: (XNoRules, _NO_RULES),
        404: (XNotFound, "check ELEC_X_BASE_URL: it must be the root of X's API"),
    }
    if status in advice:
        error, todo = advice[status]
        return error(f"{says}; {todo}", status=status, body=body)
    if status >= 500:
        return XServerError(f"{says}; X is in trouble, run again later", status=status, body=body)
    return XError(f"{says}; not known to this version: please report it with this text", status=status, body=body)


def _too_many(kind: str, title: str, says: str, headers: Mapping[str, str], body: bytes) -> XError:
    if kind == "usage-capped" or title == "UsageCapExceeded":
        return XUsageCapExceeded(
            f"{says}; raise the spending limit in X's developer console or wait for the next period",
            status=429,
            body=body,
        )
    if kind == "streaming-connection" or title == "ConnectionException":
        return XTooManyConnections(
            f"{says}; another connection of this app is open: end it and run again", status=429, body=body
        )
    reset_at = _reset(headers.get("x-rate-limit-reset", ""))
    until = f"until {iso(reset_at)}: run again then" if reset_at else "for an unnamed time: run again in 15 minutes"
    return XRateLimited(f"{says}; too many requests {until}", status=429, body=body, reset_at=reset_at)


def _reset(header: str) -> datetime | None:
    readable = header.isascii() and header.isdecimal() and len(header) < 12
    return datetime.fromtimestamp(int(header), UTC) if readable else None


def problem_text(body: bytes) -> str:
    """What a body says of a problem, title and detail; empty where it says nothing."""
    problem = _problem(body)
    errors = problem.get("errors")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    title = problem.get("title") or first.get("title") or problem.get("reason") or ""
    detail = first.get("message") or first.get("detail") or problem.get("detail") or ""
    return ": ".join(dict.fromkeys(str(part)[:_SHOWN] for part in (title, detail) if part))


def _problem(body: bytes) -> dict[str, Any]:
    try:
        decoded = msgspec.json.decode(body)
    except (ValueError, RecursionError):  # not JSON, not UTF-8, or nested without end
        return {}
    return decoded if isinstance(decoded, dict) else {}
