"""Histories of a capture, made from numbers, and how the spool cuts one into segments without a disk."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from elec_assets.capture import records
from elec_assets.capture.evidence import Evidence
from elec_assets.capture.records import Record
from elec_assets.capture.segments import Segment
from elec_assets.domain.journal import slot_of

START_MS = 1_800_000_000_000 - 200_000  # 100 s before the end of a slot
ELECTIONS = ("e", "f")
SPOOL = "0123abcd"


@dataclass
class History:
    """Records in order, made by a random process; whole seconds, so that a model can step through them."""

    chance: random.Random
    now_ms: int = START_MS
    made: list[Record] = field(default_factory=list)
    connection: int = 0
    open: bool = False
    asking: set[str] = field(default_factory=set)

    def add(self, record: Record) -> None:
        self.made.append(record)

    def pass_time(self) -> None:
        chance = self.chance.random()
        most = 5 if chance < 0.5 else 25 if chance < 0.85 else 100 if chance < 0.97 else 700
        self.now_ms += self.chance.randint(0, most) * 1000

    def open_one(self) -> None:
        self.connection += 1
        self.open = True
        self.add(records.opened(self.now_ms, self.connection))

    def close_it(self) -> None:
        if self.open:
            self.open = False
            self.add(records.closed(self.now_ms, self.connection, "the server closed it"))

    def crash(self) -> None:
        self.open = False
        self.asking.clear()
        self.add(records.started(self.now_ms))
        for election in ELECTIONS:
            if self.chance.random() < 0.9:
                self.add(records.rules(self.now_ms, election, 0, "v"))

    def ask(self) -> None:
        election = self.chance.choice(ELECTIONS)
        if election in self.asking:
            self.asking.remove(election)
            since = self.chance.choice([0, self.now_ms])
            self.add(records.rules(self.now_ms, election, since, "v"))
        elif self.chance.random() < 0.7:
            self.asking.add(election)
            self.add(records.rules_asked(self.now_ms, election))
        else:
            self.add(records.rules(self.now_ms, election, self.now_ms, "w"))

    def hear(self) -> None:
        if self.open and self.chance.random() < 0.7:
            self.add(records.line(self.now_ms, self.connection, b'{"data":{"id":"1"}}\r\n'))
        elif self.open:
            self.add(records.kept_alive(self.now_ms, self.connection))
        elif self.connection and self.chance.random() < 0.2:  # one that was on its way when it ended
            self.add(records.line(self.now_ms, self.connection, b"late\r\n"))

    def grow(self, steps: int) -> None:
        acts: list[tuple[int, Callable[[], None]]] = [
            (70, self.hear),
            (6, self.open_one),
            (4, self.close_it),
            (2, self.crash),
            (5, self.ask),
        ]
        self.crash()
        for _ in range(steps):
            self.pass_time()
            self.chance.choices([act for _, act in acts], [weight for weight, _ in acts])[0]()


def history(seed: int, steps: int = 120) -> list[Record]:
    grown = History(random.Random(seed))  # noqa: S311 - a history, no secret
    grown.grow(steps)
    return grown.made


def cut(made: Iterable[Record]) -> dict[Segment, list[Record]]:
    """The segments that a spool makes of records whose times do not go back."""
    evidence = Evidence()
    segments: dict[Segment, list[Record]] = {}
    for record in made:
        segment = Segment(slot_of(record.at_ms), SPOOL)
        if segment not in segments:
            segments[segment] = [evidence.hand_on(record.at_ms)]
        segments[segment].append(record)
        evidence.apply(record)
    return segments
