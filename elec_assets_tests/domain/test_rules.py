import os
import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache
from itertools import count
from pathlib import Path
from random import Random
from typing import Literal

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from elec_assets.domain.packing import pack
from elec_assets.domain.registry import Calendar, Candidate, DatedStatus, Election
from elec_assets.domain.rules import STREAM_RULE_LIMIT, search_queries, stream_rules
from elec_assets.domain.terms import fold, strip_accents

NOW = datetime(2027, 2, 1, tzinfo=UTC)
CALENDAR = Calendar(
    datetime(2026, 11, 2, tzinfo=UTC), datetime(2027, 5, 27, tzinfo=UTC), (date(2027, 4, 11),), date(2027, 5, 13)
)
RECORDINGS = Path(os.environ.get("ELEC_TEST_RECORDINGS", Path(__file__).parents[2].parent / "shared" / "data"))
LANGUAGES = " (lang:fr OR lang:en)"


def person(
    key: str, name: str, *accounts: str, terms: tuple[str, ...] = (), exclude: tuple[str, ...] = (), status: int = 1
) -> Candidate:
    return Candidate(key, name, (DatedStatus(status),), accounts, terms=terms, exclude=exclude)


def election(*people: Candidate, languages: tuple[str, ...] = ("fr", "en")) -> Election:
    return Election("fr_2027", "Election", "FR", CALENDAR, {p.key: p for p in people}, languages=languages)


def values(*people: Candidate) -> list[str]:
    return [rule.value for rule in stream_rules(election(*people), NOW)]


def queries(*people: Candidate, limit: int = 512) -> tuple[str, ...]:
    return search_queries(election(*people), NOW, limit)


def operators(query: str) -> list[str]:
    """What a query asks for: its operators without languages and negations."""
    tokens = re.findall(r'-?"[^"]*"|[^\s()]+', query)
    return [t for t in tokens if t != "OR" and not t.startswith(("lang:", "-"))]


class Query:
    """X's query syntax, read by recursive descent: OR of ANDs of operators, negated operators and groups."""

    def __init__(self, text: str) -> None:
        self.tokens = re.findall(r'[()]|-?"[^"]*"|[^\s()]+', text)

    def holds(self, true: Callable[[str], bool]) -> bool:
        held = self._any(true)
        assert not self.tokens, f"left over: {self.tokens}"
        return held

    def _any(self, true: Callable[[str], bool]) -> bool:
        held = self._all(true)
        while self.tokens and self.tokens[0] == "OR":
            self.tokens.pop(0)
            held = self._all(true) or held
        return held

    def _all(self, true: Callable[[str], bool]) -> bool:
        held = self._one(true)
        while self.tokens and self.tokens[0] not in ("OR", ")"):
            held = self._one(true) and held
        return held

    def _one(self, true: Callable[[str], bool]) -> bool:
        token = self.tokens.pop(0)
        if token == "(":
            held = self._any(true)
            assert self.tokens.pop(0) == ")"
            return held
        assert token not in ("OR", ")", '""')
        return not true(token[1:]) if token.startswith("-") else true(token)


# Examples


def test_a_rule_asks_for_name_accounts_and_terms_in_the_languages() -> None:
    rules = stream_rules(
        election(person("gattal", "Gabriel Attal", "GabrielAttal", terms=("Attal", "#Attal2027"))), NOW
    )
    assert [(r.value, r.tag) for r in rules] == [
        (
            '("Gabriel Attal" OR @GabrielAttal OR from:GabrielAttal OR Attal OR #Attal2027)' + LANGUAGES,
            "elec:fr_2027:gattal",
        )
    ]


def test_a_rule_spells_accented_words_both_ways() -> None:
    assert values(person("jm", "Jean-Luc Mélenchon", terms=("#Mélenchon", "bœuf"))) == [
        '("Jean-Luc Mélenchon" OR "Jean-Luc Melenchon" OR #Mélenchon OR #Melenchon OR bœuf OR boeuf)' + LANGUAGES
    ]


def test_exclusions_are_negated_one_by_one_in_the_rule_of_that_candidate_alone() -> None:
    first, second = values(person("a", "Ann Ba", exclude=("Élan vital", "run", "@ann", "#ann")), person("b", "Bob Ca"))
    assert first == '("Ann Ba") -"Élan vital" -"Elan vital" -"run" -@ann -from:ann -#ann' + LANGUAGES
    assert second == '("Bob Ca")' + LANGUAGES


@pytest.mark.parametrize(
    ("term", "operator"),
    [
        ("Attal", "Attal"),
        ("Attal2027", "Attal2027"),
        ("sac à dos", '"sac a dos"'),
        ("Jean-Luc", '"Jean-Luc"'),
        ("-moins", '"-moins"'),
        ("l'Élysée", '"l\'Elysee"'),
        ("OR", '"OR"'),
        ("and", '"and"'),
        ("from:x", '"from:x"'),
        ("(a)", '"(a)"'),
        ("$EUR", '"$EUR"'),
        ("*", None),
        ('the "boss"', '"the boss"'),
        ("a\\b", '"a b"'),
        ("  two\n words ", '"two words"'),
        ("#Vote", "#Vote"),
        ("@handle", "@handle OR from:handle"),
    ],
)
def test_a_term_is_quoted_where_x_would_read_it_as_syntax(term: str, operator: str | None) -> None:
    someone = person("a", "Zoe", terms=(term,))
    if operator is None:
        with pytest.raises(ValueError, match=r"term of candidate 'a': '\*' has no letter or digit"):
            values(someone)
    else:
        assert operator in values(someone)[0]


@pytest.mark.parametrize("term", ["@two words", "@sixteen_letters_", "@é", "#a-b", "#", "#_", '"""'])
def test_a_term_that_x_cannot_read_is_refused(term: str) -> None:
    with pytest.raises(ValueError, match="of candidate 'a'"):
        queries(person("a", "Zoe", terms=(term,)))


def test_one_language_or_none_needs_no_group() -> None:
    assert search_queries(election(person("a", "Zoe"), languages=("fr",)), NOW, 512) == ("(Zoe) lang:fr",)
    assert search_queries(election(person("a", "Zoe"), languages=()), NOW, 512) == ("(Zoe)",)
    assert stream_rules(election(person("a", "Zoe"), languages=()), NOW)[0].value == "(Zoe)"


def test_only_those_followed_at_the_moment_are_asked_for() -> None:
    out = person("b", "Bob", status=-1)
    assert queries(person("a", "Zoe"), out) == ("(Zoe)" + LANGUAGES,)
    assert values(person("a", "Zoe"), out) == ["(Zoe)" + LANGUAGES]
    assert queries(out) == ()
    assert values(out) == []


def test_a_long_rule_is_split_and_numbered() -> None:
    terms = tuple(f"a term of some length {i:03}" for i in range(100))
    rules = stream_rules(election(person("a", "Zoe", terms=terms, exclude=("nothing",))), NOW)
    assert [r.tag for r in rules] == ["elec:fr_2027:a", "elec:fr_2027:a#2", "elec:fr_2027:a#3", "elec:fr_2027:a#4"]
    assert [o for r in rules for o in operators(r.value)] == ["Zoe", *(f'"{t}"' for t in terms)]
    assert all(len(r.value) <= STREAM_RULE_LIMIT and r.value.endswith(' -"nothing"' + LANGUAGES) for r in rules)


def test_search_keeps_the_accented_one_of_two_spellings() -> None:
    assert queries(person("a", "Edouard Philippe", terms=("Édouard Philippe", "EDOUARD PHILIPPE"))) == (
        '("Édouard Philippe")' + LANGUAGES,
    )


def test_shared_handles_are_asked_for_once() -> None:
    (query,) = queries(person("a", "Zoe", "Party"), person("b", "Bob", "party"))
    assert sorted(operators(query)) == ["@Party", "Bob", "Zoe", "from:Party"]


def test_a_candidate_with_exclusions_is_one_unit() -> None:
    assert queries(person("a", "Zoe", terms=("Zo",), exclude=("Saldaña",)), person("b", "Bob")) == (
        '(((Zo OR Zoe) -"Saldaña") OR Bob)' + LANGUAGES,
    )


def test_a_unit_over_the_limit_is_split_and_each_part_excludes() -> None:
    terms = tuple(f"term{i:02}" for i in range(20))
    split = queries(person("a", "Zoe", terms=terms, exclude=("x",)), limit=100)
    assert all(len(q) <= 100 and ' -"x")' in q for q in split)
    assert sorted(o for q in split for o in operators(q)) == sorted(["Zoe", *terms])


@pytest.mark.parametrize("keys", ["ab", "ba"])
def test_an_exclusion_of_one_does_not_hold_back_a_handle_of_two(keys: str) -> None:
    (query,) = queries(person(keys[0], "Zoe", "Party", exclude=("x",)), person(keys[1], "Bob", "Party"))
    assert Query(query).holds(lambda o: o in ("@Party", '"x"', "lang:fr"))
    assert not Query(query).holds(lambda o: o in ("Zoe", '"x"', "lang:fr"))


def test_limits_are_used_to_the_last_character() -> None:
    # ("a aa" OR Zoe) and the languages
    length = STREAM_RULE_LIMIT - len('("" OR Zoe)' + LANGUAGES)
    fits, over = ("a " + "a" * (n - 2) for n in (length, length + 1))
    assert [len(v) for v in values(person("a", "Zoe", terms=(fits,)))] == [STREAM_RULE_LIMIT]
    assert len(values(person("a", "Zoe", terms=(over,)))) == 2
    assert [len(q) for q in queries(person("a", "Zoe", terms=(fits,)), limit=1024)] == [1024]
    assert len(queries(person("a", "Zoe", terms=(over,)), limit=1024)) == 2


def test_a_term_over_the_limit_is_named() -> None:
    with pytest.raises(ValueError, match=r'term "a a a.*" has 601 characters, and a query has room for 489'):
        queries(person("a", "Zoe", terms=("a " * 300,)))
    with pytest.raises(ValueError, match=r"term Zoe has 3 characters, and a query has room for 0"):
        values(person("a", "Zoe", exclude=("x " * 600,)))


# Properties

WORDS = st.sampled_from(
    [
        "Zoé",
        "zoe",
        "Bob",
        "l'Élan",
        "or",
        "#Vote",
        "#Voté",
        "@Party",
        "Jean-Luc",
        "sac à dos",
        "œuvre",
        "Ünal",
        "a b c d e f g",
    ]
)
HANDLES = st.sampled_from(["Party", "party", "zoe_b", "Bob2027", "FI"])
NAMES = st.sampled_from(["Zoé Ba", "Bob Co", "Édouard Philippe", "Edouard Philippe", "Anne (Nan) Do"])


@st.composite
def people(draw: st.DrawFn) -> list[Candidate]:
    return [
        person(
            key,
            draw(NAMES),
            *draw(st.lists(HANDLES, max_size=2)),
            terms=tuple(draw(st.lists(WORDS, max_size=6))),
            exclude=tuple(draw(st.lists(WORDS, max_size=2))),
            status=draw(st.sampled_from([1, 1, 0, -1])),
        )
        for key in draw(st.lists(st.sampled_from("abcdef"), unique=True, max_size=5))
    ]


def asked(candidate: Candidate) -> set[str]:
    """Folded operators of a candidate, written down without the code under test."""
    found = {written(candidate.name)}
    for handle in candidate.accounts:
        found |= {f"@{handle.lower()}", f"from:{handle.lower()}"}
    return found | negated(candidate.terms)


def negated(terms: tuple[str, ...]) -> set[str]:
    found = set()
    for term in terms:
        found |= {f"@{term[1:].lower()}", f"from:{term[1:].lower()}"} if term[0] == "@" else {written(term)}
    return found


def written(text: str) -> str:
    return fold(text).replace('"', "")


def truth(true: set[str]) -> Callable[[str], bool]:
    """Whether an operator holds, for a post of which exactly these folded operators hold."""
    return lambda o: o == "lang:fr" or written(o) in true


@settings(deadline=None)
@given(people(), st.sampled_from([120, 512]))
def test_queries_cover_each_term_once_within_the_limit(group: list[Candidate], limit: int) -> None:
    made = queries(*group, limit=limit)
    found = [written(o) for q in made for o in operators(q)]
    expected = set().union(*(asked(c) for c in group if c.status[0].value != -1))
    assert sorted(found) == sorted(expected)
    assert all(len(q) <= limit for q in made)


@settings(deadline=None)
@given(people(), st.data())
def test_queries_and_rules_bring_what_a_candidate_wants(group: list[Candidate], data: st.DataObject) -> None:
    universe = sorted(set().union(*(asked(c) | negated(c.exclude) for c in group)))
    true = set(data.draw(st.lists(st.sampled_from(universe)))) if universe else set()
    wanted = {c.key for c in group if c.status[0].value != -1 and asked(c) & true and not negated(c.exclude) & true}
    rules = stream_rules(election(*group), NOW)
    assert {r.tag.split(":")[2] for r in rules if Query(r.value).holds(truth(true))} == wanted
    brought = any(Query(q).holds(truth(true)) for q in queries(*group, limit=120))
    assert brought or not wanted


@settings(deadline=None)
@given(people())
def test_rules_carry_plain_and_accented_spellings_once(group: list[Candidate]) -> None:
    for candidate in group:
        found = [o.casefold() for v in values(candidate) for o in operators(v)]
        assert len(found) == len(set(found))
        assert {strip_accents(o) for o in found} <= set(found)
        assert all(len(v) <= STREAM_RULE_LIMIT for v in values(candidate))


@settings(deadline=None)
@given(people(), st.randoms(use_true_random=False))
def test_the_order_of_candidates_and_terms_changes_nothing(group: list[Candidate], random: Random) -> None:
    mixed = [replace(c, terms=tuple(random.sample(c.terms, len(c.terms)))) for c in random.sample(group, len(group))]
    assert queries(*group, limit=120) == queries(*mixed, limit=120)
    assert stream_rules(election(*group), NOW) == stream_rules(election(*random.sample(group, len(group))), NOW)


# Accents: the stream tells them apart, so a rule must hold what people write with them and without

Form = Literal["NFC", "NFD"]
FORMS: list[Form] = ["NFC", "NFD"]
ACCENTED = st.lists(
    st.sampled_from(["Élysée", "Mélenchon", "ça", "Œuvre", "naïf", "Ünal", "Łódź", "İzmir", "Straße", "Ё", "plain"]),
    min_size=1,
    max_size=3,
    unique=True,
).map(" ".join)


def as_the_stream_reads(text: str, rule: str) -> bool:
    """Whether a rule of phrases holds for a text, accents told apart as X's stream does, composed or not."""

    def words(of: str) -> str:
        return " " + " ".join(re.findall(r"\w+", unicodedata.normalize("NFC", of).casefold())) + " "

    return any(words(o) in words(text) for o in operators(rule))


@settings(deadline=None)
@given(ACCENTED, st.sampled_from(FORMS), st.sampled_from(FORMS))
def test_a_rule_finds_a_term_with_accents_and_without(term: str, written_as: Form, said_as: Form) -> None:
    (rule,) = values(person("a", "Zz", terms=(unicodedata.normalize(written_as, term),)))
    assert as_the_stream_reads(unicodedata.normalize(said_as, f"« {term} »"), rule)
    plain = "".join(c for c in unicodedata.normalize("NFD", term) if not unicodedata.combining(c))
    assert as_the_stream_reads(plain.replace("Œ", "Oe"), rule)
    assert not as_the_stream_reads(f"{term}s {plain}s", rule)


# Fewest queries


def shortest_text(asked_for: list[tuple[str, str]]) -> str:
    """The shortest query for operators, each with its exclusion: those of one exclusion share it."""
    together: dict[str, list[str]] = {}
    for operator, exclusion in asked_for:
        together.setdefault(exclusion, []).append(operator)
    parts = [*together.pop("", []), *(f'(({" OR ".join(held)}) -"{x}")' for x, held in together.items())]
    return f"({' OR '.join(parts)}){LANGUAGES}"


def fewest(asked_for: list[tuple[str, str]], limit: int) -> int:
    """The fewest queries within the limit, by trying every way to share the operators out."""
    size = len(asked_for)
    fits = [
        len(shortest_text([a for i, a in enumerate(asked_for) if chosen >> i & 1])) <= limit
        for chosen in range(1 << size)
    ]

    @cache
    def least(left: int) -> int:
        if not left:
            return 0
        first = left & -left
        best, others = size, left ^ first
        chosen = others
        while True:
            if fits[chosen | first]:
                best = min(best, 1 + least(others & ~chosen))
            if not chosen:
                return best
            chosen = (chosen - 1) & others

    return least((1 << size) - 1)


@st.composite
def lengths(draw: st.DrawFn) -> tuple[int, list[tuple[int, list[int]]]]:
    """A limit, and up to eight terms shared out to candidates: length of the exclusion (0: none), and of each term."""
    limit = draw(st.sampled_from([512, 1024]))
    people, terms = [], 0
    while terms < 8 and draw(st.booleans() if terms else st.just(value=True)):
        excluded = draw(st.sampled_from([0, 0, 1, limit // 4, limit // 2]) | st.integers(0, limit * 3 // 4))
        most = limit - len(LANGUAGES) - 2 - (excluded + 8 if excluded else 0)
        sizes = st.integers(6, 40) | st.sampled_from([most, most // 2, most // 3]) | st.integers(6, most)
        held = draw(st.lists(sizes, min_size=1, max_size=8 - terms))
        people.append((excluded, held))
        terms += len(held)
    return limit, people


def check_fewest(limit: int, people: list[tuple[int, list[int]]]) -> None:
    """At most one query more than the fewest there can be, and none too many where nothing is excluded."""
    numbers = count()
    group: list[Candidate] = []
    asked_for = []
    for excluded, sizes in people:
        exclusion = "x" * excluded
        # In no order of their lengths: terms are sorted by their letters.
        names = [f"t{(next(numbers) * 5) % 8}".ljust(size, "z") for size in sizes]
        key = f"c{len(group)}"
        group.append(person(key, names[0], terms=tuple(names[1:]), exclude=(exclusion,) if excluded else ()))
        asked_for += [(name, exclusion) for name in names]
    made = queries(*group, limit=limit)
    assert all(len(query) <= limit for query in made)
    assert sorted(o for query in made for o in operators(query)) == sorted(o for o, _ in asked_for)
    assert len(made) <= fewest(asked_for, limit) + any(excluded for excluded, _ in people)


@example((1024, [(473, [20, 20, 500, 260, 520, 520, 520, 520])]))
@settings(deadline=None, max_examples=60)
@given(lengths())
def test_up_to_eight_terms_take_the_fewest_queries_or_one_more(case: tuple[int, list[tuple[int, list[int]]]]) -> None:
    """The example took two queries more than that: terms of one exclusion were filled in order (2026-11-21)."""
    check_fewest(*case)


@pytest.mark.prove
@settings(deadline=None, max_examples=5000, suppress_health_check=[HealthCheck.too_slow])
@given(lengths())
def test_thousands_of_sets_of_terms_take_the_fewest_queries_or_one_more(
    case: tuple[int, list[tuple[int, list[int]]]],
) -> None:
    check_fewest(*case)


# The candidates of 2022


@pytest.fixture
def seed() -> Election:
    path = RECORDINGS / "candidates" / "fr_presidential_2022.yaml"
    if not path.exists():
        pytest.skip(f"no {path}: set ELEC_TEST_RECORDINGS")
    facts = yaml.safe_load(path.read_text(encoding="utf-8"))
    return election(*(person(k, f["name"], *(a.lstrip("@") for a in f["twitter_account"])) for k, f in facts.items()))


@pytest.mark.parametrize(("limit", "without", "whole"), [(512, 4, 7), (1024, 2, 4)])
def test_the_candidates_of_2022_take_few_queries(seed: Election, limit: int, without: int, whole: int) -> None:
    made = search_queries(seed, NOW, limit)
    assert all(len(q) <= limit for q in made)
    found = [o for q in made for o in operators(q)]
    assert len(found) == len(set(found))
    # 41 names and 64 handles, which are also asked for as authors.
    plain = [o for o in found if not o.startswith("from:")]
    assert (len(plain), len(found)) == (105, 169)
    room = limit - len(LANGUAGES) - 2
    assert len(pack([len(o) + 4 for o in plain], room + 4)) <= without
    assert len(made) <= whole


def test_the_candidates_of_2022_take_one_rule_each(seed: Election) -> None:
    rules = stream_rules(seed, NOW)
    assert [r.tag for r in rules] == [f"elec:fr_2027:{key}" for key in sorted(seed.candidates)]
    assert max(len(r.value) for r in rules) < 200
