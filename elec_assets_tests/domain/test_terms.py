import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elec_assets.domain.registry import Candidate, DatedStatus
from elec_assets.domain.terms import (
    Reason,
    Term,
    TermKind,
    candidate_terms,
    excluded_terms,
    fold,
    map_characters,
    shared_accounts,
    strip_accents,
)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Édouard PHILIPPE", "edouard philippe"),
        ("Me\u0301lenchon", "melenchon"),
        ("Cœur Æther Œuvre", "coeur aether oeuvre"),
        ("Straße", "strasse"),
        ("l\u2019Élysée", "l\u2019elysee"),
        ("l\u02bcÉlysée", "l'elysee"),
        ("Mé\u00adlen\u2060chon", "melenchon"),
        ("\uff21\uff22\uff20\uff30", "ab@p"),
        ("İstanbul", "istanbul"),
        ("IĞDIR Iğd\u0131r", "igdir igdir"),
        ("Ёлка", "елка"),
        ("🌹\ufe0f #Été", "🌹 #ete"),
    ],
)
def test_folding(text: str, folded: str) -> None:
    assert fold(text) == folded


ALPHABETS = range(0x3000)
"""Latin to the last of the European and Near Eastern alphabets, punctuation and symbols."""


def unstable(codes: range) -> list[str]:
    return [hex(i) for i in codes if fold(fold(chr(i))) != fold(chr(i))]


def test_every_character_of_our_alphabets_folds_to_what_stays_folded() -> None:
    assert unstable(ALPHABETS) == []


@pytest.mark.prove
def test_every_character_folds_to_what_stays_folded() -> None:
    assert unstable(range(sys.maxunicode + 1)) == []


@settings(deadline=None)
@given(st.text(), st.text())
def test_folding_does_not_look_at_neighbours(first: str, second: str) -> None:
    assert fold(first + second) == fold(first) + fold(second)


@settings(deadline=None)
@given(st.text())
def test_normal_forms_fold_alike(text: str) -> None:
    assert fold(unicodedata.normalize("NFC", text)) == fold(text) == fold(unicodedata.normalize("NFD", text))


@settings(deadline=None)
@given(st.text(alphabet=st.characters(min_codepoint=0x300, max_codepoint=0x400), min_size=40))
def test_texts_with_many_characters_map_as_those_with_few(text: str) -> None:
    assert fold(text) == "".join(fold(c) for c in text)


def test_mapping_asks_the_table_beyond_ascii_and_accents() -> None:
    signs = {"«": "<", "»": "", "\U0001f339": " "}
    assert map_characters("«AbÉé»\U0001f339", signs) == "<abee "


def test_stripping_accents_keeps_case_and_punctuation() -> None:
    assert strip_accents("Jean-Luc Mélenchon, Œuvre: «ça»") == "Jean-Luc Melenchon, Oeuvre: «ca»"
    assert strip_accents("ИЙ") == "ИИ"


def test_terms_are_name_accounts_terms() -> None:
    who = Candidate(
        "a",
        ' Jean  "Jojo" Do ',
        (DatedStatus(1),),
        ("Jojo", "Party"),
        terms=("#Vote", "@Fans", "the  boss"),
        exclude=("#No",),
    )
    assert candidate_terms(who, frozenset({"party"})) == (
        Term(TermKind.PHRASE, "Jean Jojo Do", Reason.NAME),
        Term(TermKind.ACCOUNT, "Jojo", Reason.OWN_ACCOUNT),
        Term(TermKind.ACCOUNT, "Party", Reason.SHARED_ACCOUNT),
        Term(TermKind.HASHTAG, "Vote", Reason.TERM),
        Term(TermKind.ACCOUNT, "Fans", Reason.TERM),
        Term(TermKind.PHRASE, "the boss", Reason.TERM),
    )
    assert excluded_terms(who) == (Term(TermKind.HASHTAG, "No", Reason.TERM),)


def test_a_handle_is_shared_by_two_people_not_by_one_who_lists_it_twice() -> None:
    first = Candidate("a", "A", (), ("Party", "PARTY", "own"))
    second = Candidate("b", "B", (), ("party",))
    assert shared_accounts([first]) == frozenset()
    assert shared_accounts([first, second]) == {"party"}
