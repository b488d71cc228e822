import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elec_assets.transforms.json_spans import elements, members

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(JSON), st.booleans(), st.sampled_from([None, 1]))
def test_elements_decode_to_the_elements(values: list[object], ascii_only: bool, indent: int | None) -> None:
    text = json.dumps(values, ensure_ascii=ascii_only, indent=indent).encode(errors="surrogatepass")
    assert [json.loads(part) for part in elements(text)] == values


@given(st.dictionaries(st.text(alphabet="abcé_"), JSON))
def test_members_decode_to_the_members(values: dict[str, object]) -> None:
    text = json.dumps(values, ensure_ascii=False).encode(errors="surrogatepass")
    assert {key: json.loads(part) for key, part in members(text).items()} == values


@given(st.binary(max_size=200) | st.text('{}[]",:\\a 1', max_size=40).map(str.encode))
def test_other_text_is_an_error_or_is_cut(text: bytes) -> None:
    for cut in (elements, members):
        try:
            cut(text)
        except ValueError:
            continue
        assert text.strip()[:1] in (b"[", b"{")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b'["a', "does not end"),
        (b"[1, 2", "cut off"),
        (b"[1}", "unbalanced"),
        (b"[1] 2", "other text"),
        (b"3", "array expected"),
        (b"", "array expected"),
    ],
)
def test_why_text_cannot_be_cut(text: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        elements(text)


def test_a_member_without_a_key_is_an_error() -> None:
    with pytest.raises(ValueError, match="a key and a value expected"):
        members(b'{"a": 1,}')
