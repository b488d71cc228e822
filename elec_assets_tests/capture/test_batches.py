"""Which lines are whose, and what the journal says of them."""

import gzip
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elec_assets.capture import records
from elec_assets.capture.batches import ElectionBatch, SlotPlan, batches_of
from elec_assets.capture.records import Record
from elec_assets.capture.segments import Segment
from elec_assets.domain.intervals import NOWHERE, Intervals
from elec_assets.domain.journal import SLOT_MS, ConnectionSpan
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.rules import rule_tag_prefix
from elec_assets.domain.windows import HOUR_MS, X_EPOCH_MS, Grain, from_epoch_ms, key_of, window_at
from elec_assets.transforms.gzips import packed
from elec_assets.transforms.journals import decode_journal, encode_journal
from elec_assets_tests.capture.histories import SPOOL, cut

FEW = settings(max_examples=40, deadline=None)
SLOT = 1_800_000_000_000  # 2027-01-15 08:00 UTC
SEGMENT = Segment(SLOT, SPOOL)
WHOLE = Intervals(((SLOT, SLOT + SLOT_MS),))
PLANS = {key: SlotPlan(key, WHOLE, rule_tag_prefix(key), "v1") for key in ("one", "two")}


def post(created_ms: int, *tags: str, text: str = "x") -> bytes:
    number = (created_ms - X_EPOCH_MS) << 22
    rules = ",".join(f'{{"id":"1","tag":"{tag}"}}' for tag in tags)
    return f'{{"data":{{"id":"{number}","text":"{text}"}},"matching_rules":[{rules}]}}\r\n'.encode()


def batches(*raw: bytes, more: tuple[Record, ...] = ()) -> dict[str, ElectionBatch]:
    made = [records.started(SLOT), records.opened(SLOT, 1)]
    made += [records.line(SLOT + 1 + number, 1, line) for number, line in enumerate(raw)]
    return {batch.key.election: batch for batch in batches_of(SEGMENT, [*made, *more], PLANS)}


def test_a_line_goes_to_the_elections_of_its_tags_and_to_all_if_it_has_none() -> None:
    one, two = post(SLOT, "elec:one:a#2"), post(SLOT, "elec:two:b", "elec:two:c")
    both = post(SLOT, "elec:one:a", "elec:two:b")
    bare, foreign, bad, notice = post(SLOT), post(SLOT, "cats", "elec:../x:a"), b"{bad\r\n", b'{"errors":[]}\r\n'
    found = batches(one, two, both, bare, foreign, bad, notice)
    assert list(found) == ["one", "two"]
    assert found["one"].body == b"".join((one, both, bare, foreign, bad, notice))
    assert found["two"].body == b"".join((two, both, bare, foreign, bad, notice))
    journal = found["one"].journal
    assert (journal.posts, journal.notices, journal.unreadable) == (4, 1, 1)
    assert journal.received_ms == (SLOT + 1, *range(SLOT + 3, SLOT + 8))
    assert journal.line_connections == (1,) * 6


def test_lines_of_an_election_without_a_plan_are_a_batch_of_its_own() -> None:
    """They went to all others: `onetwo` lost them, and `one` and `two` had posts that are none of theirs."""
    foreign, shared, bare = post(SLOT, "elec:onetwo:a"), post(SLOT, "elec:onetwo:a", "elec:two:b"), post(SLOT)
    found = batches(bare, foreign, shared)
    assert {key: batch.body for key, batch in found.items()} == {
        "one": bare,
        "two": bare + shared,
        "onetwo": foreign + shared,
    }
    journal = found["onetwo"].journal
    assert (journal.planned, journal.covered, journal.registry_version) == (NOWHERE, NOWHERE, "unknown")


@given(st.lists(st.binary(max_size=20) | st.sampled_from([b"\n", b"\r\n", b"a\nb\r\n", b"cut"]), max_size=6))
@FEW
def test_the_times_fit_to_the_lines_whatever_was_received(raw: list[bytes]) -> None:
    """A line that was cut off with its connection had no line end: the next one was joined to it."""
    for batch in batches(*raw).values():
        lines = batch.body.split(b"\n")
        assert lines.pop() == b""
        assert len(lines) == len(batch.journal.received_ms) == len(batch.journal.line_connections)
        assert batch.journal.posts + batch.journal.notices + batch.journal.unreadable == len(lines)
        assert b"".join(raw).replace(b"\r\n", b"").replace(b"\n", b"") in batch.body.replace(b"\r\n", b"").replace(
            b"\n", b""
        )


def test_lines_with_their_ends_are_kept_byte_for_byte() -> None:
    raw = (post(SLOT, text="é \\ud83d\\ude00"), b"\xff\xfe\r\n", post(SLOT))
    body = batches(*raw)["one"].body
    assert body == b"".join(raw)
    assert gzip.decompress(packed(body)) == body


def test_posts_of_other_hours_are_pointed_to() -> None:
    """The batch of a slot is looked at for its own hour and for the one before."""
    hours = (0, -1, -2, -30, 1)
    found = batches(*(post(SLOT + hour * HOUR_MS) for hour in hours), b'{"data":{"id":"12"}}\r\n')["one"]
    start = from_epoch_ms(SLOT)
    named = [key_of(window_at(start + timedelta(hours=hour), Grain.HOUR), Grain.HOUR) for hour in hours]
    assert found.journal.hours == dict.fromkeys(named, 1)
    assert found.journal.posts == 6
    assert {late.hour for late in found.late} == {start + timedelta(hours=hour) for hour in (-2, -30, 1)}
    assert all(late.batch == found.key for late in found.late)


def test_an_empty_slot_has_a_journal_and_an_empty_body() -> None:
    found = batches_of(SEGMENT, [], PLANS)
    assert [batch.body for batch in found] == [b"", b""]
    assert all(batch.journal.planned == WHOLE and batch.journal.covered == NOWHERE for batch in found)
    assert gzip.decompress(packed(found[0].body)) == b""


def test_connections_say_what_they_brought_and_why_they_ended() -> None:
    made = [
        records.started(SLOT),
        records.opened(SLOT + 1, 1),
        records.line(SLOT + 2, 1, b"{}\r\n"),
        records.kept_alive(SLOT + 3, 1),
        records.closed(SLOT + 4, 1, "the server closed it"),
        records.opened(SLOT + 5, 2),
        records.opened(SLOT + 6, 3),
        records.kept_alive(SLOT + SLOT_MS, 3),
        records.started(SLOT + SLOT_MS + 5),
    ]
    segments = cut(made)
    first, second = (batches_of(segment, content, PLANS)[0].journal for segment, content in segments.items())
    assert first.connections == (
        ConnectionSpan(1, SLOT + 1, SLOT + 3, SLOT + 4, "the server closed it", 1, 1, 6),
        ConnectionSpan(2, SLOT + 5, SLOT + 5, SLOT + 6, "another connection was opened", 0, 0, 0),
        ConnectionSpan(3, SLOT + 6, SLOT + 6, None, None, 0, 0, 0),
    )
    killed = "its process ended without closing it"
    assert second.connections == (ConnectionSpan(3, SLOT + 6, SLOT + SLOT_MS, None, killed, 0, 1, 2),)


def test_why_nothing_is_listened_to_holds_until_the_next_connection() -> None:
    later = SLOT + SLOT_MS
    made = [
        records.stopped(SLOT, Outcome.OVER_BUDGET, "the share is spent"),
        records.stopped(SLOT + 1, Outcome.OVER_BUDGET, "the share is spent"),
        records.stopped(SLOT + 2, Outcome.REFUSED, "401"),
        records.kept_alive(later, 1),
        records.kept_alive(later + SLOT_MS, 1),
        records.opened(later + SLOT_MS + 1, 1),
        records.kept_alive(later + 2 * SLOT_MS, 1),
    ]
    found = [batches_of(segment, content, PLANS)[0].journal.causes for segment, content in cut(made).items()]
    causes = ((Outcome.OVER_BUDGET, "the share is spent"), (Outcome.REFUSED, "401"))
    assert found == [causes, causes, causes, ()]


def test_damage_is_a_cause() -> None:
    found = batches(post(SLOT), more=(records.damage(SLOT, 1234), records.damage(SLOT, 1)))["one"]
    assert found.journal.causes == ((Outcome.ERROR, "1,235 bytes of the spool were damaged on disk"),)


@pytest.mark.parametrize("count", [0, 3])
def test_a_journal_made_here_is_stored_and_read_back(count: int) -> None:
    for batch in batches(*[post(SLOT, "elec:one:a")] * count).values():
        assert decode_journal(encode_journal(batch.journal), batch.key.journal) == batch.journal
