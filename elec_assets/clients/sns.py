"""Amazon SNS: one alert to one topic, or to one phone number as in 2021.

A topic gets a text for each kind of subscriber (`sms`, `email`, `default`) and the attribute `severity`, by which a
phone's subscription can be filtered: `{"severity": ["critical"]}`. A number gets the SMS alone. SNS says that it has
accepted a message, not that it came: opt-outs, the spend limit and the sandbox are silent, so `sms_state` asks.

boto3 is imported where it is first needed: 0.23 s of CPU, and 0.10 s for a client (2026-11-22), which commands that
never alert need not pay.
"""

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from elec_assets.clients.sns_errors import SnsError, SnsForbidden, SnsUnanswered, SnsUnfit, sns_error
from elec_assets.transforms.sms import SMS_SEPTETS, SUBJECT_CHARACTERS, septets

if TYPE_CHECKING:
    from elec_assets.transforms.alert_state import Message

__all__ = ["SmsState", "Sns", "SnsTarget", "SnsTargetInvalid"]

_ARN = re.compile(r"arn:aws[a-z-]*:sns:(?P<region>[a-z0-9-]+):\d{12}:[A-Za-z0-9_-]{1,256}")
_PHONE = re.compile(r"\+[1-9]\d{6,14}")
_MOST_BYTES = 262_144
# A publish ends within 3 times 15 s and a few seconds between.
ATTEMPTS = 3
_CONNECT_S, _READ_S = 5, 10


class SnsTargetInvalid(ValueError):
    """Who is told is not set, or set twice, or not in a form that SNS takes."""


@dataclass(frozen=True, slots=True)
class SnsTarget:
    """Who is told: exactly one of a topic's ARN and a phone number (E.164). `region`: of AWS, for a number.

    Raises:
        SnsTargetInvalid: neither, both, or one that is not in its form.
    """

    topic_arn: str | None = None
    phone: str | None = None
    region: str | None = None

    def __post_init__(self) -> None:
        if (self.topic_arn is None) == (self.phone is None):
            raise SnsTargetInvalid("set one of ELEC_ALERT_TOPIC_ARN and ELEC_ALERT_PHONE, not both")
        if self.topic_arn is not None and not _ARN.fullmatch(self.topic_arn):
            raise SnsTargetInvalid(
                f"ELEC_ALERT_TOPIC_ARN is {self.topic_arn[:80]!r}; allowed: arn:aws:sns:REGION:ACCOUNT:NAME of a "
                "standard topic (a FIFO topic sends no SMS)"
            )
        if self.phone is not None and not _PHONE.fullmatch(self.phone):
            raise SnsTargetInvalid("ELEC_ALERT_PHONE is not a number such as +33600000000; its value is not shown here")

    def __str__(self) -> str:
        """The target as messages and logs may show it."""
        if self.phone is not None:
            return f"{self.phone[:3]}***{self.phone[-2:]}"
        return f"topic {str(self.topic_arn).rpartition(':')[2]}"

    def __repr__(self) -> str:
        return f"SnsTarget({self})"


@dataclass(frozen=True, slots=True)
class SmsState:
    """What SNS says of SMS in this account and region; None: it does not tell (a right is missing, or an emulator).

    Attributes:
        sandbox: only verified numbers get SMS.
        opted_out: the number of the target has replied STOP.
        spend_limit_usd: what SMS may cost a month; 1 for a new account.
    """

    sandbox: bool | None
    opted_out: bool | None
    spend_limit_usd: float | None


class Sns:
    """Publishes to one target, with bounded waits and attempts."""

    def __init__(self, target: SnsTarget, *, attempts: int = ATTEMPTS) -> None:
        self.target = target
        self._attempts = attempts
        self._made: Any = None

    def publish(self, message: "Message") -> str:
        """Send one alert; returns the id that SNS gave it.

        Raises:
            SnsError: it was not accepted (`certain`), or may have been.
        """
        return self._call("publish", **_request(self.target, message))["MessageId"]  # type: ignore[no-any-return]  # a str, says SNS's model

    def topic_exists(self) -> bool | None:
        """Whether the topic of the target is there; None for a number, or where it may not be asked.

        Raises:
            SnsUnanswered: no answer.
        """
        if self.target.topic_arn is None:
            return None
        try:
            self._call("get_topic_attributes", TopicArn=self.target.topic_arn)
        except SnsForbidden:
            return None
        except SnsUnanswered:
            raise
        except SnsError:
            return False
        return True

    def sms_state(self) -> SmsState:
        """What would keep SMS from arriving, as far as SNS tells."""
        sandbox = self._told("get_sms_sandbox_account_status").get("IsInSandbox")
        opted = None
        if self.target.phone is not None:
            opted = self._told("check_if_phone_number_is_opted_out", phoneNumber=self.target.phone).get("isOptedOut")
        limit = self._told("get_sms_attributes").get("attributes", {}).get("MonthlySpendLimit")
        return SmsState(sandbox, opted, None if limit is None else float(limit))

    def _told(self, operation: str, **parameters: str) -> dict[str, Any]:
        try:
            return self._call(operation, **parameters)
        except SnsError:
            return {}

    def _call(self, operation: str, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401 - what boto3 takes
        from botocore import exceptions
        from botocore.parsers import ResponseParserError

        try:
            answer: dict[str, Any] = getattr(self._client(), operation)(**parameters)
        except exceptions.ClientError as error:
            # Not `from error`: its text may hold the number, and logs would keep it.
            raise sns_error(error.response, str(self.target)) from None
        except exceptions.NoCredentialsError:
            raise SnsForbidden(
                "no AWS credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give this machine a role"
            ) from None
        except exceptions.ParamValidationError:
            raise SnsUnfit(f"boto3 refuses the message to {self.target}; report this message") from None
        except (exceptions.BotoCoreError, ResponseParserError) as error:  # the latter: HTML, as proxies answer
            raise SnsUnanswered(
                f"no answer from SNS for {self.target} ({type(error).__name__}); check the network, AWS_REGION and "
                "AWS_ENDPOINT_URL; it is tried again at the next look",
                certain=False,
            ) from None
        return answer

    def _client(self) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
        if self._made is None:
            import boto3
            from botocore.config import Config

            # A session of its own: the default one would keep the first credentials for good.
            arn = _ARN.fullmatch(self.target.topic_arn or "")
            self._made = boto3.session.Session().client(
                "sns",
                region_name=arn["region"] if arn else self.target.region,
                config=Config(
                    connect_timeout=_CONNECT_S,
                    read_timeout=_READ_S,
                    retries={"mode": "standard", "total_max_attempts": self._attempts},
                ),
            )
        return self._made


def _request(target: SnsTarget, message: "Message") -> dict[str, Any]:
    """The parameters of a publish; all that SNS limits is checked here, as emulators do not.

    Raises:
        SnsUnfit: a text is too long, empty, or not in its alphabet.
    """
    if not 0 < (septets(message.sms) or 0) <= SMS_SEPTETS:
        raise SnsUnfit(f"message {message.number}: its SMS is not 1 to {SMS_SEPTETS} characters of GSM-7")
    kind = {"AWS.SNS.SMS.SMSType": _attribute("Transactional")}
    if target.phone is not None:
        return {"PhoneNumber": target.phone, "Message": message.sms, "MessageAttributes": kind}
    subject = message.subject
    if not 0 < len(subject) <= SUBJECT_CHARACTERS or not (subject.isascii() and subject.isprintable()):
        raise SnsUnfit(f"message {message.number}: its subject is not 1 to {SUBJECT_CHARACTERS} printable characters")
    body = json.dumps({"default": message.text, "email": message.text, "sms": message.sms})
    if len(body.encode()) > _MOST_BYTES:
        raise SnsUnfit(f"message {message.number}: it has more than {_MOST_BYTES} bytes")
    return {
        "TopicArn": target.topic_arn,
        "Subject": subject,
        "Message": body,
        "MessageStructure": "json",
        "MessageAttributes": {**kind, "severity": _attribute(message.severity.value)},
    }


def _attribute(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": value}
