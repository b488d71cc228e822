"""What was seen, as it is kept."""

from datetime import UTC, datetime

import pytest

from elec_assets.transforms.watch_state import (
    Seen,
    SeenBatches,
    SeenWatch,
    WatchStateUnreadable,
    decode_seen,
    encode_seen,
)

AT = datetime(2027, 2, 1, 12, 0, 0, 123000, tzinfo=UTC)


def test_it_is_read_as_it_was_written() -> None:
    seen = Seen(
        at=AT,
        watches={"w": SeenWatch(state="found", since=AT, fresh_at=AT, key="a/b", size=3, modified=AT, objects=2)},
        batches={"fr": SeenBatches(covered_to=None, key="k")},
    )
    assert decode_seen(encode_seen(seen), "state/watches.json") == seen


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"version":1}', b"\xff", b"[" * 50_000, b'{"version":2}'])
def test_what_cannot_be_read_is_named_with_what_to_do(data: bytes) -> None:
    with pytest.raises(WatchStateUnreadable, match=r"^state/watches\.json: .*(upgrade|delete it)"):
        decode_seen(data, "state/watches.json")
