"""A clock that is stepped, a publisher that fails as told, and what people were told in the end."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from elec_assets.domain.silences import Silence
from elec_assets.transforms.alert_state import Condition, Message, Rules, Severity, State, decode_state, encode_state
from elec_assets.transforms.alerts import advance, refused, sent

TICK = timedelta(seconds=30)
START = datetime(2027, 2, 1, 12, 0, tzinfo=UTC)
QUIETLESS = Rules(quiet_from=Rules().quiet_to, alive=False)
# What a publish can come to: whether the message arrives, and what the sender learns (None: it was killed).
OUTCOMES = {
    "ok": (True, "ok"),
    "refused": (False, "no"),
    "lost": (False, "?"),
    "doubt": (True, "?"),
    "killed": (True, None),
    "unfit": (False, "never"),
}


def condition(key: str, since: datetime = START, *, critical: bool = True, cause: str | None = None) -> Condition:
    severity = Severity.CRITICAL if critical else Severity.WARNING
    return Condition(key, f"fr_2027/{key}", severity, "late 11m (max 10m)", since, cause, "Europe/Paris")


@dataclass
class Alerts:
    """Runs looks one after the other, as the sensor does, with the state as bytes between them."""

    rules: Rules = QUIETLESS
    now: datetime = START
    kept: bytes = field(default_factory=lambda: encode_state(State()))
    arrived: list[tuple[datetime, Message]] = field(default_factory=list)

    @property
    def state(self) -> State:
        return decode_state(self.kept, "alerts")

    def look(
        self, *conditions: Condition, publish: str = "ok", silences: Sequence[Silence] = (), step: timedelta = TICK
    ) -> list[Message]:
        """One look after `step`; returns what arrived."""
        self.now += step
        state = advance(self.state, conditions, silences, self.now, self.rules)
        self.kept = encode_state(state)
        if state.outbox is None:
            return []
        arrives, answer = OUTCOMES[publish]
        came = [state.outbox] if arrives else []
        self.arrived += [(self.now, message) for message in came]
        if answer == "ok":
            self.kept = encode_state(sent(state, self.now, self.rules))
        elif answer == "no":
            self.kept = encode_state(refused(state))
        elif answer == "never":
            self.kept = encode_state(refused(state, unfit=True))
        return came

    def looks(self, count: int, *conditions: Condition) -> list[Message]:
        return [message for _ in range(count) for message in self.look(*conditions)]

    def messages(self) -> list[Message]:
        """What arrived, each once: a message that came twice is known by its number and is the same."""
        found: dict[int, Message] = {}
        for _, message in self.arrived:
            assert found.setdefault(message.number, message) == message
        return list(found.values())

    def opened(self) -> Counter[str]:
        return counted(message.opened for message in self.messages())

    def resolved(self) -> Counter[str]:
        return counted(message.resolved for message in self.messages())


def counted(parts: Iterable[tuple[str, ...]]) -> Counter[str]:
    return Counter(each for part in parts for each in part)
