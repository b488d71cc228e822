"""Records survive any payload; damage never makes a wrong record, and never hides the whole ones after it."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elec_assets.capture import records
from elec_assets.capture.records import HEADER_BYTES, MAGIC, Kind, Reader, Record, SpoolDamaged, framed
from elec_assets.domain.outcomes import Outcome

FEW = settings(max_examples=40, deadline=None)
PAYLOADS = st.binary(max_size=60) | st.lists(st.sampled_from([MAGIC, MAGIC[:2], b"\n", b"x"]), max_size=8).map(b"".join)
RECORDS = st.builds(
    Record,
    st.sampled_from([kind for kind in Kind if kind is not Kind.DAMAGE]),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(0, 2**32 - 1),
    PAYLOADS,
)
FILES = st.lists(RECORDS, max_size=8)


def written(written_records: list[Record]) -> tuple[bytes, list[int]]:
    """The file of the records, and where each ends."""
    data, ends = b"", []
    for record in written_records:
        data += framed(record, len(data))
        ends.append(len(data))
    return data, ends


def reader_of(data: bytes) -> Reader:
    return Reader(io.BytesIO(data), len(data), "a.seg")


@given(FILES)
@FEW
def test_records_of_any_bytes_come_back(wanted: list[Record]) -> None:
    reader = reader_of(written(wanted)[0])
    assert list(reader) == wanted
    assert (reader.tail, reader.damaged) == (0, 0)


@given(FILES, st.data())
@FEW
def test_a_file_cut_anywhere_gives_the_whole_records_before_the_cut(wanted: list[Record], data: st.DataObject) -> None:
    file, ends = written(wanted)
    cut = data.draw(st.integers(0, len(file)))
    reader = reader_of(file[:cut])
    whole = [record for record, end in zip(wanted, ends, strict=True) if end <= cut]
    assert list(reader) == whole
    assert reader.end == (ends[len(whole) - 1] if whole else 0)
    assert reader.tail == cut - reader.end


@given(FILES.filter(bool), st.data())
@FEW
def test_a_changed_byte_costs_its_own_record_and_no_other(wanted: list[Record], data: st.DataObject) -> None:
    """The rest of a closed segment must not be lost with one byte."""
    file, ends = written(wanted)
    at = data.draw(st.integers(0, len(file) - 1))
    damaged = bytearray(file)
    damaged[at] ^= data.draw(st.integers(1, 255))
    hit = next(number for number, end in enumerate(ends) if at < end)
    size = ends[hit] - (ends[hit - 1] if hit else 0)
    reader = reader_of(bytes(damaged))
    found = list(reader)
    assert [record for record in found if record.kind is not Kind.DAMAGE] == wanted[:hit] + wanted[hit + 1 :]
    if hit == len(wanted) - 1:
        assert (reader.tail, reader.damaged) == (size, 0)
    else:
        assert (reader.tail, reader.damaged) == (0, size)
        last_ms = wanted[hit - 1].at_ms if hit else 0
        assert found[hit] == Record(Kind.DAMAGE, last_ms, 0, str(size).encode())


@given(FILES, st.binary(max_size=80), st.data())
@FEW
def test_bytes_that_are_moved_are_no_records(wanted: list[Record], noise: bytes, data: st.DataObject) -> None:
    """A payload may bring along what looks like a record, and a lost block moves those after it."""
    file, ends = written(wanted)
    at = data.draw(st.sampled_from([0, *ends]))
    kept = [record for record, end in zip(wanted, ends, strict=True) if end <= at]
    inserted = noise or b"x"
    found = list(reader_of(file[:at] + inserted + file[at:]))
    assert [record for record in found if record.kind is not Kind.DAMAGE] == kept


@given(RECORDS, RECORDS)
@FEW
def test_a_record_inside_the_payload_of_a_damaged_one_is_not_read(inner: Record, last: Record) -> None:
    outer = Record(Kind.LINE, 1, 1, framed(inner, 0) + framed(inner, 7))
    file, _ = written([outer, last])
    damaged = bytearray(file)
    damaged[HEADER_BYTES - 1] ^= 1
    assert [record for record in reader_of(bytes(damaged)) if record.kind is not Kind.DAMAGE] == [last]


def test_a_hole_of_many_blocks_is_passed_over() -> None:
    """Magic bytes may lie across the blocks in which they are looked for."""
    first, last = records.line(1, 1, b"one\r\n"), records.line(2, 1, b"two\r\n")
    head = framed(first, 0)
    for hole in ((1 << 20) - 1, 1 << 20, (1 << 21) - 2, (1 << 21) + 3):
        start = len(head) + hole
        found = list(reader_of(head + b"\0" * hole + framed(last, start)))
        assert found == [first, Record(Kind.DAMAGE, 1, 0, str(hole).encode()), last]


def test_a_kind_of_a_newer_program_stops_with_a_sentence() -> None:
    data = framed(records.started(1), 0)
    data += framed(Record(40, 2), len(data))  # type: ignore[arg-type]  # what a newer program may write
    with pytest.raises(SpoolDamaged, match=r"a\.seg, byte 25: a record of kind 40, .*upgrade"):
        list(reader_of(data))


def test_sentences_are_short_and_can_always_be_written() -> None:
    ended = records.closed(1, 1, "lone \ud800 surrogate" + "x" * 5000)
    assert records.why_of(ended).startswith("lone ? surrogate")
    assert len(ended.payload) <= 1000
    assert b"\\ud800" not in records.stopped(1, Outcome.ERROR, "\ud800").payload
