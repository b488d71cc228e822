"""What journals prove, why time was not captured, and which objects an hour is made of."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from elec_assets.domain.intervals import NOWHERE, Intervals
from elec_assets.domain.journal import MARGIN_MS, SLOT_MS, BatchJournal
from elec_assets.domain.layout_capture import BatchKey, LateKey
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.windows import DAY, HOUR, Grain, Window, epoch_ms, key_of, window_at
from elec_assets.transforms.capture_coverage import (
    Batch,
    CaptureObjects,
    captured,
    causes,
    may_hold,
    outside,
)

THE_HOUR = window_at(datetime(2027, 2, 1, 18, tzinfo=UTC), Grain.HOUR)
START = epoch_ms(THE_HOUR.start)
SPOOL, OTHER = "00000001", "0000000a"


def batch(
    slot: int,
    covered: Sequence[tuple[int, int]] = (),
    *,
    spool: str = SPOOL,
    held: bool = True,
    hours: dict[str, int] | None = None,
    unreadable: int = 0,
    causes: tuple[tuple[Outcome, str], ...] = (),
) -> Batch:
    """The batch of a slot of the hour, from 0; covered in seconds since the hour's start."""
    key = BatchKey.of("e", START + slot * SLOT_MS, spool)
    return Batch(
        key,
        BatchJournal(
            spool=spool,
            election="e",
            slot_ms=key.slot_ms,
            registry_version="v",
            planned=NOWHERE,
            covered=seconds(*covered),
            connections=(),
            received_ms=(),
            line_connections=(),
            hours=hours or {},
            posts=0,
            notices=0,
            unreadable=unreadable,
            causes=causes,
        ),
        held,
    )


def bare(slot: int, spool: str = SPOOL) -> Batch:
    """A batch whose lines are there and whose journal is not."""
    return Batch(BatchKey.of("e", START + slot * SLOT_MS, spool), None, held=True)


def seconds(*spans: tuple[int, int]) -> Intervals:
    return Intervals.of((START + a * 1000, START + b * 1000) for a, b in spans)


def test_journals_prove_together_what_was_captured() -> None:
    """The end of a slot is proven by the journal after it."""
    proven = captured([batch(0, [(0, 270)]), batch(1, [(270, 570)])])
    assert proven == seconds((0, 570))


def test_a_journal_without_its_lines_proves_nothing() -> None:
    assert captured([batch(0, [(0, 270)], held=False)]) == NOWHERE


def test_lines_without_a_journal_prove_nothing() -> None:
    assert captured([bare(0)]) == NOWHERE


def test_the_end_of_a_slot_is_not_proven_without_the_lines_received_in_it() -> None:
    """The journal after it speaks of time whose posts are in the batch that is missing."""
    found = captured([batch(0, [(0, 270)]), batch(1, [(270, 570)], held=False), batch(2, [(570, 870)])])
    assert found == seconds((0, 270), (600, 870))


def test_lines_without_a_journal_still_let_the_next_journal_reach_back() -> None:
    assert captured([bare(0), batch(1, [(270, 570)])]) == seconds((270, 570))


def test_lines_of_another_spool_do_not_stand_in_for_missing_ones() -> None:
    found = captured([bare(0, OTHER), batch(1, [(270, 570)])])
    assert found == seconds((300, 570))


def test_two_spools_add_up() -> None:
    found = captured([batch(0, [(0, 100)]), batch(0, [(50, 200)], spool=OTHER)])
    assert found == seconds((0, 200))


@given(
    st.lists(st.tuples(st.integers(-20, 3_900), st.integers(1, 900)), max_size=4),
    st.sets(st.integers(-1, 13)),
    st.sets(st.integers(-1, 13)),
)
def test_time_is_proven_only_where_every_batch_from_it_to_its_proof_is_held(
    outages: list[tuple[int, int]], lost_bodies: set[int], lost_journals: set[int]
) -> None:
    """An honest spool whose service was cut off now and then; some of what it uploaded is lost."""
    listened = seconds((-600, 4_800)) - seconds(*((a, a + length) for a, length in outages))
    batches = []
    for slot in range(-1, 14):
        end = START + (slot + 1) * SLOT_MS - MARGIN_MS
        newly = listened & Intervals.of([(end - SLOT_MS, end)])
        key = BatchKey.of("e", START + slot * SLOT_MS, SPOOL)
        journal = batch(slot).journal
        assert journal is not None
        told = None if slot in lost_journals else _with(journal, newly)
        if slot not in lost_bodies or told is not None:
            batches.append(Batch(key, told, slot not in lost_bodies))
    found = captured(batches)
    assert not found - listened
    for slot in range(-1, 14):
        own = Intervals.of([(START + slot * SLOT_MS, START + (slot + 1) * SLOT_MS)])
        if slot in lost_bodies:
            assert not found & own
        elif not lost_journals & {slot, slot + 1} and not lost_bodies & {slot + 1} and slot < 13:
            assert found & own == listened & own


def _with(journal: BatchJournal, covered: Intervals) -> BatchJournal:
    values = {name: getattr(journal, name) for name in BatchJournal.__dataclass_fields__}
    return BatchJournal(**{**values, "covered": covered})


def test_causes_are_those_of_journals_whose_slots_missed_time() -> None:
    batches = [
        batch(0, causes=((Outcome.ERROR, "cut off"),)),
        batch(3, causes=((Outcome.OVER_BUDGET, "no money"), (Outcome.ERROR, "later"))),
        bare(5),
    ]
    assert causes(batches, seconds((1_000, 1_010))) == {Outcome.OVER_BUDGET: "no money", Outcome.ERROR: "later"}
    assert causes(batches, seconds((0, 3_600))) == {Outcome.ERROR: "cut off", Outcome.OVER_BUDGET: "no money"}
    assert causes(batches, NOWHERE) == {}


def test_a_journal_whose_lines_are_not_there_yet_says_so() -> None:
    told = causes([batch(2, [(600, 870)], held=False)], seconds((600, 870)))
    assert told == {
        Outcome.PARTIAL: "e/data/raw/twitter/20270201/20270201_1810_00000001.jsonl.gz is not in the store, so its "
        "journal proves nothing; `elec capture` uploads it"
    }
    assert causes([batch(2, [(600, 870)], held=False)], seconds((870, 880))) == {}


def test_only_lines_that_may_be_of_the_hour_are_read() -> None:
    key = key_of(THE_HOUR, Grain.HOUR)
    assert may_hold(batch(0), THE_HOUR)
    assert not may_hold(batch(0, held=False), THE_HOUR)
    assert not may_hold(batch(12, hours={"2027-02-01-19:00": 5}), THE_HOUR)
    assert may_hold(batch(12, hours={key: 1}), THE_HOUR)
    assert may_hold(batch(12, unreadable=1), THE_HOUR)
    assert may_hold(bare(12), THE_HOUR)


def test_posts_older_than_the_election_are_counted_where_they_arrive() -> None:
    strays = {"2026-12-31-23:00": 2, "2027-01-04-00:00": 40, "2027-03-01-00:00": 1}
    batches = [batch(3, hours=strays), batch(12, hours=strays), bare(4)]
    collected = Window(datetime(2027, 1, 4, tzinfo=UTC), datetime(2027, 3, 1, tzinfo=UTC))
    assert outside(batches, THE_HOUR, collected) == 3
    assert outside(batches, Window(THE_HOUR.end, THE_HOUR.end + HOUR), collected) == 3
    assert outside(batches, Window(THE_HOUR.start - HOUR, THE_HOUR.start), collected) == 0


def listed(*keys: BatchKey) -> dict[str, BatchKey]:
    return {name: key for key in keys for name in (key.body, key.journal)}


def slot_key(slot: int, spool: str = SPOOL) -> BatchKey:
    return BatchKey.of("e", START + slot * SLOT_MS, spool)


def test_an_hour_is_made_of_its_batches_the_next_ones_and_those_that_late_posts_name() -> None:
    far = BatchKey("e", THE_HOUR.start + DAY, SPOOL)
    pointer = LateKey("e", THE_HOUR.start, far.slot, SPOOL)
    other = LateKey("e", THE_HOUR.end, far.slot, OTHER)
    batches = listed(*(slot_key(slot) for slot in range(-1, 25)), slot_key(3, OTHER), far)
    found = CaptureObjects.of(THE_HOUR, batches, {pointer.key: pointer, other.key: other})
    assert found.own == {pointer.key, *listed(*(slot_key(slot) for slot in range(12)), slot_key(3, OTHER), far)}
    assert found.soon == set(listed(slot_key(12)))
    assert found.rest == set(listed(*(slot_key(slot) for slot in range(13, 24))))


def test_whatever_comes_changes_a_digest() -> None:
    """Without capture both are empty, as in rows of before there was capture."""
    nothing = CaptureObjects.of(THE_HOUR, {}, {})
    assert (nothing.first_digest, nothing.digest, nothing.all) == ("", "", frozenset())
    pointer = LateKey("e", THE_HOUR.start, THE_HOUR.start + timedelta(days=1), SPOOL)
    keys = [name for slot in (0, 11, 12) for name in listed(slot_key(slot))]
    batches = listed(*(slot_key(slot) for slot in (0, 11, 12)))
    full = CaptureObjects.of(THE_HOUR, batches, {pointer.key: pointer})
    digests = {full.first_digest}
    for gone in keys:
        rest = {key: batch for key, batch in batches.items() if key != gone}
        digests.add(CaptureObjects.of(THE_HOUR, rest, {pointer.key: pointer}).first_digest)
    digests.add(CaptureObjects.of(THE_HOUR, batches, {}).first_digest)
    assert len(digests) == len(keys) + 2
    later = CaptureObjects.of(THE_HOUR, batches | listed(slot_key(13)), {pointer.key: pointer})
    assert later.first_digest == full.first_digest
    assert later.digest != full.digest
