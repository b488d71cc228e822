"""SNS over the wire: what arrives at a topic and at a number, and what each refusal says to do."""

import json
from dataclasses import replace

import boto3
import pytest

from elec_assets.clients import sns_errors
from elec_assets.clients.sns import SmsState, Sns, SnsTarget, SnsTargetInvalid
from elec_assets.clients.sns_errors import SnsError
from elec_assets.transforms.alert_state import changed
from elec_assets_tests.clients.sns_place import MESSAGE, PHONE, environment, refusing, sent_sms, sent_to_topics

GONE = "arn:aws:sns:eu-west-3:123456789012:gone"


def use(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    for name, value in environment(endpoint).items():
        monkeypatch.setenv(name, value)


def test_a_topic_gets_a_text_for_each_kind_of_subscriber_and_the_severity(moto: str) -> None:
    arn = boto3.client("sns", region_name="eu-west-3").create_topic(Name="alerts")["TopicArn"]
    published = Sns(SnsTarget(topic_arn=arn)).publish(MESSAGE)
    sent = next(each for each in sent_to_topics(moto) if each[0] == published)
    assert json.loads(sent[1]) == {"default": MESSAGE.text, "email": MESSAGE.text, "sms": MESSAGE.sms}
    assert sent[2] == MESSAGE.subject
    assert sent[3]["severity"] == {"Type": "String", "Value": "critical"}
    assert sent[3]["AWS.SNS.SMS.SMSType"]["Value"] == "Transactional"
    assert Sns(SnsTarget(topic_arn=arn)).topic_exists() is True


def test_a_number_gets_the_sms_alone(moto: str) -> None:
    sns = Sns(SnsTarget(phone=PHONE, region="eu-west-3"))
    assert sns.publish(MESSAGE)
    assert sent_sms(moto)[-1] == (PHONE, MESSAGE.sms)
    assert sns.topic_exists() is None
    state = sns.sms_state()
    # moto knows no sandbox of SMS (5.2.5), and answers that nobody has opted out.
    assert replace(state, spend_limit_usd=None) == SmsState(None, opted_out=False, spend_limit_usd=None)


@pytest.mark.usefixtures("moto")
def test_a_topic_that_is_gone_says_what_to_do() -> None:
    sns = Sns(SnsTarget(topic_arn=GONE))
    with pytest.raises(
        sns_errors.SnsTopicMissing, match="topic gone: there is no such topic; make it, or correct"
    ) as no:
        sns.publish(MESSAGE)
    assert no.value.certain
    assert sns.topic_exists() is False


@pytest.mark.parametrize(
    ("status", "code", "said", "kind", "advice"),
    [
        (403, "AuthorizationError", "User: x is not authorized", "SnsForbidden", "allow sns:Publish"),
        (403, "InvalidClientTokenId", "", "SnsForbidden", "check the credentials"),
        (400, "Throttling", "Rate exceeded", "SnsThrottled", "at the next look"),
        (400, "InvalidParameter", f"Phone number {PHONE} is opted out", "SnsOptedOut", "opt it in"),
        (400, "UserError", "No quota left for account", "SnsSpendLimit", "MonthlySpendLimit"),
        (400, "UserError", "number is not verified", "SnsSandbox", "verify it or leave"),
        (400, "InvalidParameter", f"Invalid: {PHONE}", "SnsUnfit", "report this message"),
        (400, "Strange", PHONE, "SnsError", "SNS answered 400"),
        (503, "InternalError", PHONE, "SnsUnanswered", "SNS answered 503"),
        (0, "", "", "SnsUnanswered", "check the network"),
    ],
)
def test_each_refusal_has_its_type_says_what_to_do_and_shows_no_number(
    monkeypatch: pytest.MonkeyPatch, status: int, code: str, said: str, kind: str, advice: str
) -> None:
    with refusing(status, code, said) as (url, got):
        use(monkeypatch, url)
        with pytest.raises(SnsError) as caught:
            # Retries wait up to 3 s: one refusal shows them.
            Sns(SnsTarget(phone=PHONE, region="eu-west-3"), attempts=1 if status else 3).publish(MESSAGE)
    assert type(caught.value).__name__ == kind
    assert advice in str(caught.value)
    assert "+33***44" in str(caught.value)
    assert PHONE not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.certain == (0 < status < 500)
    assert len(got) == (1 if status else 3)
    assert caught.value.unfit == (kind == "SnsUnfit")


def test_without_credentials_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, "http://127.0.0.1:9")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(sns_errors.SnsForbidden, match="no AWS credentials; set AWS_ACCESS_KEY_ID"):
        Sns(SnsTarget(phone=PHONE, region="eu-west-3")).publish(MESSAGE)


@pytest.mark.parametrize(
    "change",
    [{"sms": ""}, {"sms": "x" * 161}, {"sms": "\u2019"}, {"subject": ""}, {"subject": "a\nb"}, {"subject": "x" * 100}],
)
def test_what_sns_would_cut_split_or_refuse_is_never_sent(change: dict[str, str]) -> None:
    with pytest.raises(sns_errors.SnsUnfit, match="message 7"):
        Sns(SnsTarget(topic_arn=GONE)).publish(changed(MESSAGE, **change))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "set one of"),
        ({"topic_arn": GONE, "phone": PHONE}, "not both"),
        ({"topic_arn": GONE + ".fifo"}, "standard topic"),
        ({"phone": "0611223344"}, "is not a number such as"),
        ({"phone": "+0611223344"}, "is not a number such as"),
    ],
)
def test_exactly_one_target_in_its_form_is_allowed(fields: dict[str, str], said: str) -> None:
    with pytest.raises(SnsTargetInvalid, match=said) as caught:
        SnsTarget(**fields)
    assert "611223344" not in str(caught.value)


def test_a_number_is_never_shown_whole() -> None:
    target = SnsTarget(phone=PHONE)
    assert (str(target), repr(target)) == ("+33***44", "SnsTarget(+33***44)")
