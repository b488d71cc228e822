from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elec_assets.domain import layout_capture
from elec_assets.domain.journal import SLOT_MS, slot_of
from elec_assets.domain.layout_capture import BatchKey, LateKey, parse_batch, parse_late
from elec_assets.domain.windows import Grain, from_epoch_ms, window_at

FEW = settings(max_examples=40, deadline=None)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,30}", fullmatch=True)
TIMES = st.integers(1_136_073_600_000, 4_070_908_800_000)  # 2006 to 2098
SLOTS = TIMES.map(slot_of).map(from_epoch_ms)
SPOOLS = st.from_regex(r"[0-9a-f]{8}", fullmatch=True)
BATCHES = st.builds(BatchKey, NAMES, SLOTS, SPOOLS)
LATE = st.builds(LateKey, NAMES, TIMES.map(from_epoch_ms).map(lambda t: window_at(t, Grain.HOUR).start), SLOTS, SPOOLS)


@given(BATCHES)
@FEW
def test_a_batch_is_read_back_from_both_of_its_keys_and_found_by_hour_and_day(batch: BatchKey) -> None:
    assert parse_batch(batch.body) == parse_batch(batch.journal) == batch
    assert BatchKey.of(batch.election, batch.slot_ms, batch.spool) == batch
    hour, day = window_at(batch.slot, Grain.HOUR), window_at(batch.slot, Grain.DAY)
    for key in (batch.body, batch.journal):
        assert key.startswith(layout_capture.batches_hour(batch.election, hour))
        assert key.startswith(layout_capture.batches_day(batch.election, day))
    after = window_at(batch.slot + timedelta(hours=1), Grain.HOUR)
    assert not batch.body.startswith(layout_capture.batches_hour(batch.election, after))


@given(LATE)
@FEW
def test_a_pointer_is_read_back_and_found_by_its_hour_and_day(late: LateKey) -> None:
    assert parse_late(late.key) == late
    assert late.key.startswith(layout_capture.late_hour(late.election, window_at(late.hour, Grain.HOUR)))
    assert late.key.startswith(layout_capture.late_day(late.election, window_at(late.hour, Grain.DAY)))
    assert late.batch == BatchKey(late.election, late.slot, late.spool)


@given(BATCHES, LATE, st.data())
@FEW
def test_keys_that_are_almost_those_of_capture_are_none_or_others(
    batch: BatchKey, late: LateKey, data: st.DataObject
) -> None:
    for key in (batch.body, batch.journal, late.key):
        at = data.draw(st.integers(0, len(key) - 1))
        changed = key[:at] + data.draw(st.characters()) + key[at + 1 :]
        found, pointer = parse_batch(changed), parse_late(changed)
        assert found is None or changed in (found.body, found.journal)
        assert pointer is None or pointer.key == changed


@pytest.mark.parametrize(
    "key",
    [
        "e/data/raw/twitter/20270201/20270201_1301_0123abcd.jsonl.gz",
        "e/data/raw/twitter/20270201/20270201_2500_0123abcd.jsonl.gz",
        "e/data/raw/twitter/20270230/20270230_1300_0123abcd.jsonl.gz",
        "e/data/raw/twitter/20270201/20270202_1300_0123abcd.jsonl.gz",
        "e/data/raw/twitter/20270201/20270201_1300_0123ABCD.jsonl.gz",
        "e/data/raw/twitter/20270201/20270201_1300_0123abcd.json",
        "e/data/raw/twitter/00010101/00010101_0000_0123abcd.jsonl.gz",
        "e/data/raw/twitter_late/20270201/20270201_13_20270201T1301_0123abcd.json",
        "e/data/raw/twitter_late/20270201/20270201_24_20270201T1300_0123abcd.json",
    ],
)
def test_a_key_whose_time_starts_no_slot_is_none(key: str) -> None:
    assert parse_batch(key) is None
    assert parse_late(key) is None


def test_keys_are_those_that_others_rely_on() -> None:
    """Changing one is a breaking change: they are documented in the design."""
    slot = datetime(2027, 2, 1, 13, 5, tzinfo=UTC)
    batch = BatchKey("e", slot, "0123abcd")
    late = LateKey("e", datetime(2027, 1, 31, 22, tzinfo=UTC), slot, "0123abcd")
    assert batch.body == "e/data/raw/twitter/20270201/20270201_1305_0123abcd.jsonl.gz"
    assert batch.journal == "e/data/raw/twitter/20270201/20270201_1305_0123abcd.journal.json"
    assert late.key == "e/data/raw/twitter_late/20270131/20270131_22_20270201T1305_0123abcd.json"


@given(TIMES)
@FEW
def test_a_slot_holds_its_moment(at_ms: int) -> None:
    assert slot_of(at_ms) <= at_ms < slot_of(at_ms) + SLOT_MS
    assert slot_of(slot_of(at_ms)) == slot_of(at_ms)
