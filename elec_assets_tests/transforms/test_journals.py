import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elec_assets.domain.intervals import Intervals
from elec_assets.domain.journal import SLOT_MS, BatchJournal, ConnectionSpan, slot_of
from elec_assets.domain.layout_capture import BatchKey
from elec_assets.domain.outcomes import CAUSES
from elec_assets.domain.windows import Grain, from_epoch_ms, key_of, window_at
from elec_assets.transforms.journals import JournalUnreadable, decode_journal, encode_journal

FEW = settings(max_examples=40, deadline=None)
TIMES = st.integers(1_136_073_600_000, 4_070_908_800_000)  # 2006 to 2098
COUNTS = st.integers(0, 10**9)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
SPANS = st.lists(st.tuples(TIMES, st.integers(1, 10**7)).map(lambda s: (s[0], sum(s))), max_size=4).map(Intervals.of)
CONNECTIONS = st.builds(
    ConnectionSpan,
    number=COUNTS,
    opened_ms=TIMES,
    last_byte_ms=TIMES,
    closed_ms=TIMES | st.none(),
    why=WORDS | st.none(),
    lines=COUNTS,
    keep_alives=COUNTS,
    bytes=COUNTS,
)
HOURS = st.dictionaries(
    TIMES.map(from_epoch_ms).map(lambda t: key_of(window_at(t, Grain.HOUR), Grain.HOUR)), COUNTS, max_size=4
)


@st.composite
def journals(draw: st.DrawFn) -> BatchJournal:
    received = draw(st.lists(TIMES, max_size=12))
    size = len(received)
    return BatchJournal(
        spool=draw(st.from_regex(r"[0-9a-f]{8}", fullmatch=True)),
        election=draw(st.from_regex(r"[a-z][a-z0-9_]{0,30}", fullmatch=True)),
        slot_ms=draw(TIMES.map(slot_of)),
        registry_version=draw(WORDS),
        planned=draw(SPANS),
        covered=draw(SPANS),
        connections=tuple(draw(st.lists(CONNECTIONS, max_size=3))),
        received_ms=tuple(received),
        line_connections=tuple(draw(st.lists(st.integers(1, 3), min_size=size, max_size=size))),
        hours=draw(HOURS),
        posts=draw(COUNTS),
        notices=draw(COUNTS),
        unreadable=draw(COUNTS),
        causes=tuple(draw(st.lists(st.tuples(st.sampled_from(CAUSES), WORDS), max_size=3))),
    )


ONE = BatchJournal(
    spool="0123abcd",
    election="e",
    slot_ms=1_800_000_000_000,
    registry_version="v",
    planned=Intervals(((1_800_000_000_000, 1_800_000_300_000),)),
    covered=Intervals(((1_799_999_990_000, 1_800_000_270_000),)),
    connections=(),
    received_ms=(1_800_000_000_001, 1_800_000_000_003),
    line_connections=(1, 1),
    hours={"2027-01-15-08:00": 2},
    posts=2,
    notices=0,
    unreadable=0,
    causes=(),
)
KEY = BatchKey.of("e", ONE.slot_ms, ONE.spool).journal


@given(journals())
@FEW
def test_a_journal_is_read_back_and_gives_the_same_bytes(journal: BatchJournal) -> None:
    data = encode_journal(journal)
    read = decode_journal(data, BatchKey.of(journal.election, journal.slot_ms, journal.spool).journal)
    assert read == journal
    assert encode_journal(read) == data


@given(journals(), st.data())
@FEW
def test_a_damaged_journal_is_refused_or_read_never_a_crash(journal: BatchJournal, data: st.DataObject) -> None:
    stored = bytearray(encode_journal(journal))
    stored[data.draw(st.integers(0, len(stored) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(stored)))
    for damaged in (bytes(stored), bytes(stored[:cut])):
        try:
            read = decode_journal(damaged, "a/key")
        except JournalUnreadable:
            continue
        assert len(read.received_ms) == len(read.line_connections)


def test_a_person_can_read_it() -> None:
    text = encode_journal(ONE).decode()
    assert ' "covered": [["2027-01-15T07:59:50.000Z","2027-01-15T08:04:30.000Z"]],\n' in text
    assert ' "received_steps_ms": [2],\n' in text
    assert text.count("\n") == len(json.loads(text)) + 2


def test_lines_at_a_high_rate_take_few_bytes() -> None:
    received = tuple(ONE.slot_ms + i * SLOT_MS // 75_000 for i in range(75_000))
    many = BatchJournal(**{**_fields(ONE), "received_ms": received, "line_connections": (1,) * 75_000})
    assert len(encode_journal(many)) < 200_000
    assert decode_journal(encode_journal(many), KEY) == many


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"version": 2}, "version 2, this program reads version 1; upgrade"),
        ({"version": 0}, "version 0"),
        ({"version": "1"}, "version"),
        ({"spool": "ffffffff"}, "it is the journal of e, 2027-01-15T08:00:00Z, ffffffff"),
        ({"slot": "2027-01-15T08:05:00Z"}, "it is the journal of e, 2027-01-15T08:05:00Z"),
        ({"slot": "2027-01-15T08:00:00"}, "no UTC offset"),
        ({"slot": "0001-01-01T00:00:00+01:00"}, "not a readable journal"),
        ({"covered": [["2027-01-15T08:00:01Z", "2027-01-15T08:00:00Z"]]}, "does not end after its start"),
        ({"received_steps_ms": []}, "receive times of 1 lines and connections of 2"),
        ({"received_steps_ms": [10**30]}, "outside the calendar"),
        ({"received_steps_ms": [-(10**18)]}, "outside the calendar"),
        ({"received_first": None}, "receive times of 0 lines"),
        ({"line_connections": [[1, 10**15]]}, "connections of 1000000000000000"),
        ({"line_connections": [[1, 0], [1, 2]]}, "line_connections"),
        ({"hours": {"2027-01-15-08:30": 2}}, "is not the start of a"),
        ({"hours": {"2027-01-15-08:00": -2}}, "hours"),
        ({"causes": [["ill", "x"]]}, "causes"),
        ({"posts": 1.5}, "posts"),
    ],
)
def test_what_cannot_be_is_refused_by_name(change: dict[str, Any], told: str) -> None:
    stored = json.loads(encode_journal(ONE)) | change
    with pytest.raises(JournalUnreadable, match=f"^{KEY}: ") as refused:
        decode_journal(json.dumps(stored).encode(), KEY)
    assert told in str(refused.value)


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"[]", b"null", b"[" * 100_000])
def test_what_is_no_journal_at_all_is_refused(data: bytes) -> None:
    with pytest.raises(JournalUnreadable):
        decode_journal(data, KEY)


def test_a_field_that_is_new_is_passed_over() -> None:
    stored = json.loads(encode_journal(ONE)) | {"weather": "fine"}
    assert decode_journal(json.dumps(stored).encode(), KEY) == ONE


def _fields(journal: BatchJournal) -> dict[str, Any]:
    return {name: getattr(journal, name) for name in BatchJournal.__slots__}
