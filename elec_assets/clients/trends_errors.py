"""Why Google Trends gave no data, as typed errors: what it means for the unit, and whether to go on asking.

Google says little: a status, a page of HTML, an empty list. What is known of each is at the classes (numbers are
issues of GeneralMills/pytrends).
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from elec_assets.domain.outcomes import Outcome
from elec_assets.transforms.trends_documents import Exchange

_SHOWN = 200
_REDIRECTS = range(300, 400)
_CAPTCHA = (b'id="captcha-form"', b'class="g-recaptcha"')
# A longer wait is not believed: a wrong header would stop collection for good, without a word.
LONGEST_RETRY_AFTER = timedelta(days=7)


class TrendsError(Exception):
    """Google Trends gave no data. The text says what happened and what the operator should do.

    Attributes:
        outcome: what the units that need the answer are recorded as.
        kind: one word for the table `requests`.
        fatal: whether every other question would fail the same way now, so that asking stops.
        retriable: whether the same question may succeed in a moment.
        status: HTTP status, None where there was no answer.
        exchanges: what was exchanged in vain, oldest first; the explore call that led there included.
        resume_at: when to ask again, UTC; None where no time is known.
    """

    outcome = Outcome.ERROR
    kind = "error"
    fatal = False
    retriable = False

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.exchanges: tuple[Exchange, ...] = ()
        self.resume_at: datetime | None = None


class TrendsRefused(TrendsError):
    """429, 403, a captcha, or a widget that says over quota: Google answers this asker no more for now.

    `retry_after` is what Google said, None where it said nothing.
    """

    outcome = Outcome.REFUSED
    kind = "refused"
    fatal = True

    def __init__(self, message: str, *, status: int | None = None, retry_after: timedelta | None = None) -> None:
        super().__init__(message, status=status)
        self.retry_after = retry_after


class TrendsCoolingDown(TrendsError):
    """Nothing was asked: the governor allows no request before `resume_at`. The outcome says which limit it was."""

    kind = "cooling_down"
    fatal = True
    resume_at: datetime

    def __init__(self, message: str, *, outcome: Outcome, resume_at: datetime) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.resume_at = resume_at


class TrendsPaused(TrendsError):
    """Nothing was asked: the turn of the next request comes after the end of this invocation; another goes on."""

    outcome = Outcome.PARTIAL
    kind = "paused"
    fatal = True


class GovernorUnreadable(TrendsError):
    """The governor's state in the store is not one that this version can read: nothing is asked until it is."""

    fatal = True


class TrendsUnavailable(TrendsError):
    """5xx: Google is in trouble; or hours before 2015 are asked for (#247)."""

    kind = "server_error"
    retriable = True


class TrendsUnreachable(TrendsUnavailable):
    """No whole answer: no connection, a timeout, a reset, or an answer cut midway."""

    kind = "timeout"


class TrendsGarbled(TrendsUnavailable):
    """An answer with status 200 that cannot be read: JSON cut short, for example."""

    kind = "unreadable"


class TrendsMismatched(TrendsError):
    """A readable answer to another question than the one asked. Its data would stand under a wrong name."""

    kind = "mismatch"


class TrendsInvalid(TrendsError):
    """400: Google does not take the request (#373, #224): the same request is never to be sent again."""

    kind = "invalid"


class TrendsTokenRefused(TrendsError):
    """401: Google does not take a widget's token; also a new one, if this reaches the caller."""

    kind = "token_refused"


class TrendsWithheld(TrendsError):
    """200 with neither a top nor a rising list: what Google answers over quota since 2024-08 (#628).

    Perhaps not only then, so the governor is not told; but it is not taken for an empty answer either.
    """

    outcome = Outcome.THROTTLED
    kind = "withheld"


class TrendsMisplaced(TrendsError):
    """404, or a redirect: Google Trends is not at this address."""

    kind = "misplaced"
    fatal = True


class TrendsNotStored(TrendsError):
    """Replay only: the store holds no document of this request."""

    outcome = Outcome.NOT_RUN
    kind = "not_stored"


def problem(status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> TrendsError | None:
    """What is wrong with an answer to a question for data; None for 200 with anything but a page of HTML."""
    if status == 200:
        if body.lstrip()[:1] != b"<":
            return None
        return TrendsRefused("Google Trends answered with a page instead of data: it takes us for a robot", status=200)
    if status == 400:
        return TrendsInvalid(
            "Google Trends answered 400: it does not take this request, which will not be sent again; look at its "
            "keywords (at most 100 characters each) and its timeframe",
            status=400,
        )
    if status == 401:
        return TrendsTokenRefused("Google Trends answered 401: it does not take the token of this widget", status=401)
    return _refusal(status, headers, body, now) or _other(status, headers)


def page_problem(status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> TrendsError | None:
    """What is wrong with the page that gives the cookie; its status is 404 in recordings, and any but 5xx will do."""
    return _refusal(status, headers, body, now) or (_other(status, headers) if status >= 500 else None)


def _refusal(status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> TrendsRefused | None:
    """Whether an answer of any kind refuses us: by its status, by a way to Google's "sorry" page, or by a captcha."""
    sorry = status in _REDIRECTS and "/sorry" in _location(headers)
    if status in (403, 429) or sorry or any(mark in body for mark in _CAPTCHA):
        text = f"Google Trends refuses to answer ({status}): too many requests, or it takes us for a robot"
        return TrendsRefused(text, status=status, retry_after=_retry_after(headers, now))
    return None


def _other(status: int, headers: Mapping[str, str]) -> TrendsError:
    if status >= 500:
        return TrendsUnavailable(f"Google Trends answered {status}: it is in trouble, run again later", status=status)
    if status in _REDIRECTS:
        where = _location(headers)[:_SHOWN] or "an unnamed address"
        return TrendsMisplaced(
            f"Google Trends answered {status}: redirected to {where}; set ELEC_TRENDS_BASE_URL to the final address",
            status=status,
        )
    if status == 404:
        text = "Google Trends answered 404: check ELEC_TRENDS_BASE_URL, it must end in /trends as Google's own does"
        return TrendsMisplaced(text, status=404)
    return TrendsError(f"Google Trends answered {status}: not known to this version, please report it", status=status)


def _location(headers: Mapping[str, str]) -> str:
    """Host and path of a redirect; not its query, which repeats what was asked."""
    try:
        parts = urlsplit(headers.get("location", ""))
    except ValueError:  # `https://[`
        return ""
    return f"{parts.netloc.rpartition('@')[2]}{parts.path}"


def _retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Seconds, or a date; None for anything else."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal():
        return timedelta(seconds=min(int(text[:12]), LONGEST_RETRY_AFTER.total_seconds()))
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    until = until.replace(tzinfo=UTC) if until.tzinfo is None else until
    return min(max(until - now, timedelta(0)), LONGEST_RETRY_AFTER)
