import gzip
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elec_assets.transforms.gzips import GzipStream, packed, unpacked

BLOCKS = st.lists(st.binary(max_size=300), max_size=6)


@given(st.binary(max_size=3000))
def test_what_was_packed_is_read_by_everybody_as_one_member(data: bytes) -> None:
    one = zlib.decompressobj(31)
    assert one.decompress(packed(data)) == data
    assert one.eof
    assert one.unused_data == b""
    assert unpacked(packed(data)) == unpacked(gzip.compress(data)) == data


@given(BLOCKS)
def test_blocks_make_one_member_without_time_and_name(blocks: list[bytes]) -> None:
    stream = GzipStream()
    written = b"".join([*map(stream.feed, blocks), stream.end()])
    assert gzip.decompress(written) == b"".join(blocks)
    assert written[:8] == b"\x1f\x8b\x08\0\0\0\0\0"


@given(BLOCKS.filter(any))
def test_several_members_are_read_whole(blocks: list[bytes]) -> None:
    assert unpacked(b"".join(map(gzip.compress, blocks))) == b"".join(blocks)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda data: data[:0], "it is empty"),
        (lambda data: data[:-9], "it is cut short"),
        (lambda data: data[:5], "it is cut short"),
        (lambda data: data[:-6] + b"\xff" + data[-5:], "incorrect data check"),
        (lambda data: b"<html>" + data, "incorrect header check"),
        (lambda data: data + b"x", "it is cut short|incorrect header check"),
    ],
)
def test_damage_is_told(damage: Callable[[bytes], bytes], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        unpacked(damage(gzip.compress(b"some text, some more text")))
