import unicodedata
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Literal
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from elec_assets.domain.matcher import Match, Matcher, PostText, matcher_at
from elec_assets.domain.registry import Calendar, Candidate, DatedStatus, Election
from elec_assets_tests.fuzz.plain_matcher import slow_fold, slow_match

FOLLOWED = (DatedStatus(1),)
ANNE = Candidate("ahidalgo", "Anne Hidalgo", FOLLOWED, ("Anne_Hidalgo", "partisocialiste"))
OLIVIER = Candidate("ofaure", "Olivier Faure", FOLLOWED, ("faureolivier", "partisocialiste"))
EDOUARD = Candidate(
    "ephilippe", "Édouard Philippe", FOLLOWED, ("EPhilippe_LH",), terms=("#Philippe2027", "@Horizons_fr")
)
JEAN_LUC = Candidate(
    "jmelenchon", "Jean-Luc Mélenchon", FOLLOWED, ("JLMelenchon",), terms=("Mélenchon", "L'Avenir en commun")
)
MACRON = Candidate(
    "emacron",
    "Emmanuel Macron",
    FOLLOWED,
    ("EmmanuelMacron",),
    terms=("Macron",),
    exclude=("Brigitte", "#Giec", "@LeGorafi"),
)
EVERYONE = (ANNE, OLIVIER, EDOUARD, JEAN_LUC, MACRON)
MATCHER = Matcher(EVERYONE)


def matched(text: str, *urls: str, mentions: tuple[str, ...] = (), author: str | None = None) -> tuple[str, ...]:
    return MATCHER.match(PostText(text, urls, mentions, author)).matched_by


# Examples


@pytest.mark.parametrize(
    "text",
    [
        "Jean-Luc Mélenchon",
        "JEAN LUC MELENCHON!",
        "(jean-luc\nme\u0301lenchon)",
        "« Jean\u2011Luc… Mélenchon »",
        "#Jean #Luc #Mélenchon",
        "#Jean_Luc_Mélenchon",
        "avec Jean-Luc Mélen\u00adchon🌹",
        "d\u2019Jean-Luc Mélenchon",
        "Jean-Luc 🌹 Mélenchon",
        "Jean-Luc\x00Mélenchon",
        "Jean-Luc @Melenchon",
    ],
)
def test_a_name_is_found_whatever_case_accents_and_signs(text: str) -> None:
    assert matched(text) == ("jmelenchon:name", "jmelenchon:term")


@pytest.mark.parametrize(
    "text", ["l'Édouard Philippe", "d\u2019Édouard Philippe", "l\u02bcEdouard Philippe", "«édouard philippe»"]
)
def test_apostrophes_separate(text: str) -> None:
    assert matched(text) == ("ephilippe:name",)


@pytest.mark.parametrize(
    "text",
    [
        "Édouard",
        "Philippe Édouard",
        "Édouard Philippes",
        "Édouard et Philippe",
        "Anne_Hidalgos",
        "Macrons",
        "macroniste",
        "",
    ],
)
def test_parts_of_tokens_and_other_orders_do_not_match(text: str) -> None:
    assert matched(text) == ()


def test_a_term_with_an_apostrophe_is_a_phrase() -> None:
    assert matched("L\u2019avenir en commun") == ("jmelenchon:term",)
    assert matched("avenir en commun") == ()


def test_a_word_matches_inside_a_hashtag_and_as_a_handle() -> None:
    assert matched("#Macron démission") == ("emacron:term",)
    assert matched("cc @macron") == ("emacron:term",)
    assert matched("#Macron2027") == ()


def test_a_hashtag_term_needs_the_whole_hashtag() -> None:
    assert matched("allez #PHILIPPE2027!") == ("ephilippe:term",)
    for text in ("Philippe2027", "#Philippe20270", "#Philippe2027_", "a#Philippe2027"):
        assert matched(text) == ()


@pytest.mark.parametrize("text", ["@Anne_Hidalgo", ".@anne_hidalgo: non", "🌹@ANNE_HIDALGO🌹", "(@Anne_Hidalgo)"])
def test_a_mention_in_the_text_is_the_account_and_not_the_name(text: str) -> None:
    assert matched(text) == ("ahidalgo:own_account",)


@pytest.mark.parametrize("text", ["mail a@Anne_Hidalgos", "@Anne_Hidalgo_", "@Anne", "x@faureolivier", "faureolivier"])
def test_a_longer_handle_an_address_or_a_bare_word_is_no_mention(text: str) -> None:
    assert matched(text) == ()


def test_mentions_of_the_entities_and_the_author_count() -> None:
    assert matched("", mentions=("ANNE_hidalgo",)) == ("ahidalgo:own_account",)
    assert matched("", author="faureOlivier") == ("ofaure:own_account",)
    assert matched("", author="horizons_FR") == ("ephilippe:term",)
    assert matched("", mentions=("Macron",)) == ("emacron:term",)
    assert matched("", author="Macron") == ()


def test_a_shared_handle_matches_each_and_says_so() -> None:
    match = MATCHER.match(PostText("merci @PartiSocialiste"))
    assert match == Match(("ahidalgo", "ofaure"), ("ahidalgo:shared_account", "ofaure:shared_account"))


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/edouard-philippe",
        "https://example.org/x?q=%C3%89douard+Philippe",
        "https://example.org/Edouard_Philippe#a",
        "https://example.org/@edouard_philippe",
    ],
)
def test_names_are_found_in_expanded_urls(url: str) -> None:
    assert matched("à lire", url) == ("ephilippe:name",)


def test_a_handle_in_a_url_is_no_mention() -> None:
    assert matched("", "https://x.com/EmmanuelMacron/status/1", "https://example.org/@EmmanuelMacron") == ()


def test_a_phrase_does_not_span_places() -> None:
    assert matched("Édouard", "Philippe") == ()
    assert matched("", "https://a.b/edouard", "philippe") == ()
    assert matched("Jean-Luc", mentions=("Melenchon",)) == ("jmelenchon:term",)
    assert matched("Édouard @a_b Philippe") == ()


@pytest.mark.parametrize(
    "post",
    [
        PostText("Brigitte et Emmanuel Macron"),
        PostText("Macron #giec"),
        PostText("Macron @legorafi"),
        PostText("Macron", author_username="LeGorafi"),
        PostText("Macron", ("https://a.b/brigitte",)),
        PostText("@EmmanuelMacron brigitte"),
        PostText("brigitte", quoted_text="Macron"),
    ],
)
def test_an_excluded_term_drops_the_candidate_altogether(post: PostText) -> None:
    assert MATCHER.match(post) == Match()


def test_an_excluded_term_drops_no_other_candidate() -> None:
    assert matched("Brigitte Macron et Anne Hidalgo, giec") == ("ahidalgo:name",)


def test_a_quoted_post_only_says_in_quote() -> None:
    post = PostText("Anne Hidalgo a raison", quoted_text="Anne Hidalgo et #Macron, @FaureOlivier")
    assert MATCHER.match(post) == Match(("ahidalgo",), ("ahidalgo:name",), ("emacron", "ofaure"))
    assert MATCHER.match(PostText("oui", quoted_text="Brigitte Macron")) == Match()
    assert MATCHER.match(PostText("Macron", quoted_text="Brigitte Macron")).candidates == ("emacron",)


def test_only_those_followed_at_the_moment_are_found() -> None:
    left = datetime(2027, 2, 1, tzinfo=UTC)
    calendar = Calendar(
        datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC), (date(2027, 4, 11),), date(2027, 5, 13)
    )
    people = {"ahidalgo": replace(ANNE, until=left), "ofaure": OLIVIER}
    election = Election("e", "E", "FR", calendar, people)
    post = PostText("@partisocialiste")
    assert matcher_at(election, datetime(2027, 1, 31, tzinfo=UTC)).match(post).candidates == ("ahidalgo", "ofaure")
    # With one candidate left, the handle is no longer shared.
    assert matcher_at(election, left).match(post).matched_by == ("ofaure:own_account",)


def test_no_candidates_match_nothing() -> None:
    assert Matcher(()).match(PostText("Macron @a #b", ("c",), ("d",), "e", "f")) == Match()


def test_letters_outside_latin_match() -> None:
    matcher = Matcher((Candidate("v", "Владимир Зеленский", FOLLOWED, terms=("東京",)),))
    assert matcher.match(PostText("ВЛАДИМИР «Зеленскии»")).matched_by == ("v:name",)
    assert matcher.match(PostText("東京・大阪 " + "".join(map(chr, range(0x4E00, 0x4E40))))).matched_by == ("v:term",)


def test_lone_surrogates_are_separators() -> None:
    assert matched("\ud83dMacron\ude00", "\ud83d", mentions=("\ud83d",), author="\ud83d") == ("emacron:term",)


# Against a slow, obvious matcher


NAMES = [
    "Édouard Philippe",
    "Jean-Luc Mélenchon",
    "Anne Hidalgo",
    "Zoé",
    "Straße Œuvre",
    "Анна Ё",
    "İpek Iğd\u0131r",
    "ليلى",
]
TERMS = [
    *(
        "Philippe",
        "luc melenchon",
        "L'Élan",
        "#Élan",
        "#a_b",
        "@Party",
        "@x_y",
        "Été 2027",
        "Anne",
        "a b",
        "#Élan_2027",
    ),
    *("ﬁnance", "\uff21\uff22\uff23", "東京", "חופש", "ǆep", "#Iğd\u0131r", "L\u2019avenir", "ΣΊΣΥΦΟΣ", "हिन्दी", "1er"),
]
HANDLES = ["Party", "PARTY", "Anne_Hidalgo", "x_y", "Philippe", "_"]
SIGNS = [
    " ",
    " ",
    " ",
    "-",
    "'",
    "\u2019",
    "\u02bc",
    "_",
    "#",
    "@",
    "🌹",
    "\n",
    ".",
    "«",
    "\u00ad",
    "\u0301",
    "\x00",
    "%C3%89",
    "s",
    "",
    *("\u200d", "\u200c", "\ufe0f", "\u200b", "\u2060", "\u202e", "\u2067", "\u0307", "\u0327", "\u20e3", "\u3000"),
    *(
        "👩\u200d🚀",
        "🇫🇷",
        "\u02bc",
        "`",
        "\u00b4",
        "“",
        "\u00a0",
        "\u2011",
        "%",
        "%2",
        "%E2%80%99",
        "+",
        "&amp;",
        "_#",
        "#_",
        "@_",
    ),
]


Form = Literal["NFC", "NFD", "NFKC", "NFKD"]
FORMS: list[Form] = ["NFC", "NFD", "NFKC", "NFKD"]
FULL_WIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}


def spellings(text: str) -> list[str]:
    bare = slow_fold(text)
    decomposed = unicodedata.normalize("NFD", text)
    return [
        text,
        text.upper(),
        bare,
        decomposed,
        text.replace(" ", "-"),
        text.replace(" ", "_"),
        "#" + text,
        "@" + text,
        *(text.lower(), text.casefold(), text.title(), text.swapcase()),
        *(unicodedata.normalize(form, text) for form in ("NFC", "NFKC", "NFKD")),
        text.translate(FULL_WIDTH),
        text.replace(" ", "\u00a0"),
        text.replace("i", "\u0131").replace("I", "İ"),
        "\u200d".join(text),
        f"\u2067{text}\u2069",
        quote(text),
        *(f"#{text.replace(' ', '_')}", f"#{text.replace(' ', '')}_"),
    ]


PIECES = st.one_of(
    st.sampled_from([s for t in NAMES + TERMS + HANDLES for s in spellings(t)]),
    st.sampled_from([w for t in NAMES + TERMS for w in t.split()]),
    st.text(max_size=4),
)
TEXTS = st.lists(st.tuples(PIECES, st.sampled_from(SIGNS)), max_size=8).map(lambda ps: "".join(a + b for a, b in ps))
MENTIONS = st.sampled_from([*HANDLES, "anne", "zoe", "A_B", "other"])
URLS = st.one_of(
    TEXTS,
    TEXTS.map(lambda t: "https://a.b/" + quote(t, errors="replace")),
    TEXTS.map(lambda t: "https://a.b/?q=" + quote(t, errors="replace").replace("%20", "+").lower()),
    TEXTS.map(lambda t: "https://a.b/" + quote(quote(t, errors="replace"))),
)
POSTS = st.builds(
    PostText,
    TEXTS,
    st.lists(URLS, max_size=2).map(tuple),
    st.lists(MENTIONS, max_size=2).map(tuple),
    st.none() | MENTIONS,
    st.none() | TEXTS,
)
PEOPLE = st.lists(
    st.builds(
        Candidate,
        st.sampled_from("abcde"),
        st.sampled_from(NAMES),
        st.just(FOLLOWED),
        st.lists(st.sampled_from(HANDLES), max_size=2, unique_by=str.lower).map(tuple),
        terms=st.lists(st.sampled_from(TERMS), max_size=3).map(tuple),
        exclude=st.lists(st.sampled_from(TERMS), max_size=1).map(tuple),
    ),
    max_size=4,
    unique_by=lambda c: c.key,
)


def check_matcher(people: list[Candidate], posts: list[PostText]) -> None:
    matcher = Matcher(people)
    for post in posts:
        assert matcher.match(post) == slow_match(people, post)


@settings(deadline=None)
@given(PEOPLE, st.lists(POSTS, max_size=4))
def test_the_matcher_equals_the_obvious_one(people: list[Candidate], posts: list[PostText]) -> None:
    check_matcher(people, posts)


@pytest.mark.prove
@pytest.mark.timeout(1800)
@settings(deadline=None, max_examples=20_000, suppress_health_check=[HealthCheck.too_slow])
@given(PEOPLE, st.lists(POSTS, max_size=4))
def test_the_matcher_equals_the_obvious_one_on_many_texts(people: list[Candidate], posts: list[PostText]) -> None:
    check_matcher(people, posts)


@settings(deadline=None)
@given(PEOPLE, st.sampled_from(NAMES + TERMS), st.data())
def test_a_term_is_found_in_each_of_its_spellings(people: list[Candidate], term: str, data: st.DataObject) -> None:
    """Whatever normal form, case or width: the folding, not a list of spellings, must make them one."""
    text = unicodedata.normalize(data.draw(st.sampled_from(FORMS)), term)
    text = getattr(text, data.draw(st.sampled_from(["lower", "upper", "title", "swapcase", "strip"])))()
    text = text.translate(data.draw(st.sampled_from([{}, FULL_WIDTH])))
    sigil = data.draw(st.sampled_from(["", "« ", "🌹", "\u202e", "d\u2019"]))
    who = Candidate("z", "Nobody At All", FOLLOWED, terms=(term,))
    assert "z:term" in Matcher([*people, who]).match(PostText(f"{sigil}{text} !")).matched_by


@settings(deadline=None)
@given(PEOPLE.flatmap(lambda p: st.tuples(st.just(p), st.permutations(p))), POSTS)
def test_the_order_of_candidates_changes_nothing(
    orders: tuple[list[Candidate], list[Candidate]], post: PostText
) -> None:
    assert Matcher(orders[0]).match(post) == Matcher(orders[1]).match(post)
