"""What Amazon SNS refuses, in one sentence each with what to do. No answer of SNS is repeated: some hold numbers."""

from collections.abc import Mapping
from typing import Any


class SnsError(Exception):
    """A message was not published. `certain`: it has not arrived for sure; `unfit`: it never will as it is."""

    unfit = False

    def __init__(self, text: str, *, certain: bool = True) -> None:
        super().__init__(text)
        self.certain = certain


class SnsTopicMissing(SnsError):
    """There is no such topic."""


class SnsForbidden(SnsError):
    """No permission, or no valid credentials."""


class SnsThrottled(SnsError):
    """Too many requests."""


class SnsOptedOut(SnsError):
    """The owner of the phone number has replied STOP."""


class SnsSpendLimit(SnsError):
    """The monthly limit of what SMS may cost is reached."""


class SnsSandbox(SnsError):
    """The account is in the SMS sandbox, and the number is not verified."""


class SnsUnfit(SnsError):
    """The message itself is not one that SNS takes."""

    unfit = True


class SnsUnanswered(SnsError):
    """No answer, or one that says nothing: the message may have arrived."""


_MISSING = ("NotFound", "NotFoundException", "ResourceNotFoundException")
_FORBIDDEN = (
    "AuthorizationError",
    "AuthorizationErrorException",
    "AccessDenied",
    "AccessDeniedException",
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "ExpiredTokenException",
    "UnrecognizedClientException",
    "InvalidSecurity",
    "KMSAccessDenied",
    "OptInRequired",
)
_THROTTLED = ("Throttling", "ThrottlingException", "Throttled", "ThrottledException", "KMSThrottling", "SlowDown")
_UNFIT = (
    "InvalidParameter",
    "InvalidParameterValue",
    "ParameterValueInvalid",
    "ValidationError",
    "ValidationException",
)
# Said in the text of a refusal whose code alone says too little.
_SAID: tuple[tuple[tuple[str, ...], type[SnsError], str], ...] = (
    (
        ("opted out", "opt-out", "opted-out"),
        SnsOptedOut,
        "the owner of the number has opted out (replied STOP); opt it in in the console of SNS, once in 30 days",
    ),
    (
        ("spend limit", "spending limit", "quota", "spendlimit"),
        SnsSpendLimit,
        "the monthly spend limit of SMS is reached; raise MonthlySpendLimit (SNS, text messaging preferences)",
    ),
    (
        ("sandbox", "not verified", "unverified"),
        SnsSandbox,
        "the account is in the SMS sandbox, which sends to verified numbers only; verify it or leave the sandbox",
    ),
)
_SERVER = 500


def sns_error(answer: Mapping[str, Any], where: str) -> SnsError:
    """The error of a refusal (`ClientError.response`); `where` names the target without a full number."""
    error, meta = answer.get("Error", {}), answer.get("ResponseMetadata", {})
    code, status = str(error.get("Code", "")), int(meta.get("HTTPStatusCode", 0))
    said = str(error.get("Message", "")).casefold()
    # An attempt before this answer may have arrived.
    certain = not meta.get("RetryAttempts")
    head = f"SNS did not take the message to {where}: "
    for words, kind, advice in _SAID:
        if any(word in said for word in words):
            return kind(head + advice, certain=certain)
    if code in _MISSING:
        return SnsTopicMissing(
            f"{head}there is no such topic; make it, or correct ELEC_ALERT_TOPIC_ARN", certain=certain
        )
    if code in _FORBIDDEN:
        return SnsForbidden(
            f"{head}no permission ({code}); check the credentials, and that they allow sns:Publish on it",
            certain=certain,
        )
    if code in _THROTTLED:
        return SnsThrottled(f"{head}too many requests ({code}); it is tried again at the next look", certain=certain)
    if code in _UNFIT:
        return SnsUnfit(
            f"{head}a value is not allowed ({code}); check the target, and report this message", certain=certain
        )
    named = code if code.isalnum() and len(code) <= 60 else "no code"
    text = f"{head}SNS answered {status} ({named}); it is tried again at the next look"
    return SnsUnanswered(text, certain=False) if status >= _SERVER or not status else SnsError(text, certain=certain)
