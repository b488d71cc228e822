"""One SMS, one alphabet: what is folded, what stays, and how long it gets."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elec_assets.domain.registry_file import parse_registry
from elec_assets.transforms.sms import SMS_SEPTETS, cut, gsm, septets, shortened, subject

TEXTS = st.text() | st.text("éèçêàëŁœß{}€[]~…\u2014\u2019 abcXYZ019\n\t")


def test_the_alphabet_has_128_characters_and_10_that_cost_two() -> None:
    costs = [septets(chr(code)) for code in range(0x10000) if not 0xD800 <= code < 0xE000]
    # The escape is the 128th.
    assert costs.count(1) == 127
    assert costs.count(2) == 10


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Édouard à Évreux, où?", "Édouard à Évreux, où?"),
        ("François Zoë forêt", "Francois Zoe foret"),
        ("\u201cl\u2019œuvre\u201d \u2014 3 ≥ 2…", '"l\'oeuvre" - 3 >= 2...'),
        ("e\u0301 c\u0327", "é c"),
        ("a\nb\t c", "a b c"),
        ("\U0001f600 中", "? ?"),
        ("a\u200bb\x07", "ab"),
    ],
)
def test_accents_are_folded_only_where_the_alphabet_lacks_them(text: str, wanted: str) -> None:
    assert gsm(text) == wanted


@given(TEXTS)
def test_any_text_becomes_gsm_7_and_what_is_gsm_7_stays(text: str) -> None:
    folded = gsm(text)
    assert septets(folded) is not None
    assert gsm(folded) == folded
    if septets(text) is not None:
        assert folded == " ".join(text.split())


@given(TEXTS, st.integers(3, 200))
def test_a_text_is_cut_to_fit_and_only_if_it_must_be(text: str, most: int) -> None:
    folded = gsm(text)
    fitted = cut(folded, most)
    assert (septets(fitted) or 0) <= most
    if (septets(folded) or 0) <= most:
        assert fitted == folded
    else:
        assert fitted.endswith("...")
        assert folded.startswith(fitted[:-3])


@given(st.text(), st.integers(2, 80))
def test_a_key_is_shortened_in_its_middle(text: str, most: int) -> None:
    short = shortened(text, most)
    assert len(short) <= most
    assert short == text or ".." in short


@given(TEXTS)
def test_any_text_becomes_a_subject_that_sns_takes(text: str) -> None:
    line = subject(text)
    assert 1 <= len(line) < 100
    assert line.isascii()
    assert line.isprintable()
    assert line[0] != " "


def test_every_name_in_the_registry_fits_an_sms_as_gsm_7() -> None:
    root = Path(__file__).parents[2]
    path = root / "candidates.yaml"
    registry = parse_registry(path.read_text(encoding="utf-8"), str(path), lambda n: (root / n).read_text("utf-8"))
    names = {c.name for election in registry.elections.values() for c in election.candidates.values()}
    assert len(names) > 20
    for name in names:
        folded = gsm(name)
        assert "?" not in folded, name
        assert (septets(folded) or 0) <= SMS_SEPTETS // 3, name
        plain = [unicodedata.normalize("NFD", text)[0] for text in (name, folded)]
        assert plain[0] == plain[1], name
