"""What `elec doctor` looks at of alerts: whom they reach, the lists of watches and silences, whether they look."""

from datetime import datetime

from elec_assets.clients.alert_state import read_silences, read_state
from elec_assets.clients.sns import SmsState, Sns, SnsTarget, SnsTargetInvalid
from elec_assets.clients.sns_errors import SnsError
from elec_assets.clients.store import Store, StoreError
from elec_assets.clients.watches_source import load_watches
from elec_assets.domain import layout_alerts
from elec_assets.domain.registry_problems import RegistryInvalid
from elec_assets.handlers.deadman import MAX_AGE
from elec_assets.operations.doctor_check import Check
from elec_assets.settings import Settings
from elec_assets.transforms.alert_state import AlertStateUnreadable
from elec_assets.transforms.heartbeat import silent_since

# What a new account may spend: some 15 SMS to France.
_NEW_ACCOUNT_USD = 1.0
_START = "Start Dagster's daemon; `elec deadman` from another host tells when it stops"


def alert_checks(settings: Settings, store: Store | None, now: datetime) -> tuple[Check, ...]:
    """The checks. SNS is asked only where someone is to be told, and nothing is sent."""
    checks = (_told(settings), _watches(settings))
    return checks if store is None else (*checks, _silences(store, now), _remembered(store, now))


def _told(settings: Settings) -> Check:
    """Whether there is someone to tell, and what would keep a message from arriving."""
    name, phone = "alerts", settings.alert_phone
    if settings.alert_topic_arn is None and phone is None:
        todo = "Set ELEC_ALERT_TOPIC_ARN or ELEC_ALERT_PHONE; `elec sandbox aws` is one to try"
        return Check(name, "warn", "nobody is told when something fails", todo)
    try:
        number = None if phone is None else phone.get_secret_value()
        sns = Sns(SnsTarget(settings.alert_topic_arn, number, settings.aws_region), attempts=1)
        exists = sns.topic_exists()
    except SnsTargetInvalid as error:
        return Check(name, "fail", str(error))
    except SnsError as error:
        return Check(name, "fail", str(error))
    if exists is False:
        return Check(name, "fail", f"{sns.target} is not there", "Make the topic, or correct ELEC_ALERT_TOPIC_ARN")
    return _reaches(name, f"{sns.target} is told", sns.sms_state())


def _reaches(name: str, found: str, sms: SmsState) -> Check:
    """What SNS says of SMS: a message that it accepts may still not come."""
    if sms.opted_out:
        todo = "Opt it in in the console of SNS (once in 30 days), or set another number"
        return Check(name, "fail", f"{found}, but its owner has opted out of SMS", todo)
    if sms.sandbox:
        todo = "Verify the number in the console of SNS, or ask there to leave the sandbox"
        return Check(name, "warn", f"{found}; the account is in the SMS sandbox: only verified numbers get SMS", todo)
    if sms.spend_limit_usd is not None and sms.spend_limit_usd <= _NEW_ACCOUNT_USD:
        todo = "Have MonthlySpendLimit raised (SNS, text messaging preferences): beyond it SMS stop without a word"
        return Check(name, "warn", f"{found}; SMS may cost {sms.spend_limit_usd:g} USD a month", todo)
    limit = "" if sms.spend_limit_usd is None else f"; SMS may cost {sms.spend_limit_usd:g} USD a month"
    return Check(name, "ok", f"{found}{limit}")


def _watches(settings: Settings) -> Check:
    name = "watches"
    try:
        watches, warnings = load_watches(settings.watches_path, optional=settings.watches is None)
    except RegistryInvalid as error:
        return Check(name, "fail", str(error), "Mend it; Dagster does not load until then")
    found = f"{len(watches)} prefixes in {settings.watches_path}"
    if warnings:
        return Check(name, "warn", f"{found}; {'; '.join(str(each) for each in warnings)}")
    return Check(name, "ok", found)


def _silences(store: Store, now: datetime) -> Check:
    name, key = "silences", layout_alerts.silences()
    try:
        held, unreadable = read_silences(store, now)
    except StoreError as error:
        return Check(name, "fail", str(error))
    if unreadable is not None:
        return Check(name, "fail", f"{key} cannot be read: nothing is muted", "`elec watch ls` shows why; mend it")
    muted = [each.match for each in held if each.until > now]
    return Check(name, "ok", f"muted now: {', '.join(muted)}" if muted else "nothing is muted")


def _remembered(store: Store, now: datetime) -> Check:
    """What alerts remember, and when they last looked."""
    name = "alert sensor"
    try:
        state = read_state(store)
        silent = silent_since(store.find(layout_alerts.heartbeat()), now, MAX_AGE)
    except (AlertStateUnreadable, StoreError) as error:
        return Check(name, "fail", str(error))
    firing = sum(incident.fired_at is not None for incident in state.incidents.values())
    if silent is None:
        return Check(name, "ok", f"looks; {firing} incidents are open")
    waiting = "; a message waits to be sent" if state.outbox is not None else ""
    return Check(name, "warn", f"{silent[1]}{waiting}", _START)
