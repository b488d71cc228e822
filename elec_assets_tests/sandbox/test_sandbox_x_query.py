from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elec_assets.sandbox.posts import Json
from elec_assets.sandbox.x_documents import document
from elec_assets.sandbox.x_query import And, Node, Not, Or, QueryError, Term, compile_query, parse

POST: Json = {
    "id": "1",
    "author_id": "10",
    "in_reply_to_user_id": "11",
    "conversation_id": "77",
    "lang": "fr",
    "text": "Hier, Édouard Philippe\nparlait d\u2019@Compte_A #Été2027 https://t.co/abc",
    "entities": {
        "hashtags": [{"tag": "Été2027"}],
        "mentions": [{"username": "Compte_A", "id": "12"}],
        "urls": [{"url": "https://t.co/abc", "expanded_url": "https://example.org/jean-luc/melenchon"}],
    },
    "referenced_tweets": [{"type": "quoted", "id": "2"}, {"type": "replied_to", "id": "3"}],
    "attachments": {"media_keys": ["3_1"]},
}


class Source:
    """One quoted post, one original, two users, one photo."""

    retweets_in_search = False

    def newest_first(self, since_id: int, until_id: int) -> Iterator[Json]:
        return iter([POST] if since_id < 1 < until_id else [])

    def find(self, kind: str, key: str) -> Json | None:
        known: dict[tuple[str, str], Json] = {
            ("tweets", "2"): {"id": "2", "text": "Marine Secret"},
            ("tweets", "5"): {"id": "5", "text": "long " * 40 + "Numéro Caché"},
            ("users", "10"): {"id": "10", "username": "Auteur"},
            ("users", "11"): {"id": "11", "username": "Autre"},
            ("media", "3_1"): {"media_key": "3_1", "type": "photo"},
        }
        return known.get((kind, key))


def matches(query: str, post: Json = POST, *, accents: bool = False) -> bool:
    return compile_query(query, accents=accents)(document(post, Source(), accents=accents))


@pytest.mark.parametrize(
    "query",
    [
        "philippe",
        "EDOUARD",
        '"edouard philippe"',
        '"philippe parlait"',
        "compte_a",
        "@compte_a",
        "#ete2027",
        "été2027",
        "from:auteur",
        "from:10",
        "to:AUTRE",
        "melenchon",
        '"jean luc"',
        'url:"example.org"',
        "url:melenchon",
        "conversation_id:77",
        "hier lang:fr is:quote is:reply has:links has:media has:images has:hashtags has:mentions",
        "absent OR hier",
        "(absent OR hier) (lang:en OR lang:fr)",
        "hier -absent -is:retweet -is:nullcast",
        "absent absent OR hier",
    ],
)
def test_matches(query: str) -> None:
    assert matches(query)


@pytest.mark.parametrize(
    "query",
    [
        "edouar",
        '"philippe edouard"',
        '"philippe jean"',
        "secret",
        '"marine secret"',
        "#ete",
        "@compte",
        "from:autre",
        "hier lang:en",
        "hier is:retweet",
        "hier has:videos",
        "hier -philippe",
        "absent OR hier absent",
        "(absent OR hier) absent",
    ],
)
def test_does_not_match(query: str) -> None:
    assert not matches(query)


def test_accents_count_in_the_stream_only() -> None:
    assert matches("édouard", accents=True)
    assert not matches("edouard", accents=True)
    assert matches("ÉDOUARD", accents=True)


def test_the_long_text_counts_and_not_its_cut_form() -> None:
    post: Json = {"id": "4", "text": "debut Mélen…", "note_tweet": {"text": "debut Mélenchon fin"}}
    assert matches("melenchon", post)
    assert matches("fin", post)
    assert not matches("melen", post)


def test_a_retweet_is_seen_with_its_original() -> None:
    post: Json = {"id": "6", "text": "RT @x: long…", "referenced_tweets": [{"type": "retweeted", "id": "5"}]}
    assert matches('"numero cache" is:retweet', post)


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("", "positive"),
        ("   ", "positive"),
        ("-(a b)", "Negation of a group"),
        ("a -(b)", "Negation of a group"),
        ("lang:fr", "positive"),
        ("is:quote has:links", "positive"),
        ("-cat", "positive"),
        ("cat OR lang:fr", "positive"),
        ("(lang:fr OR cat) -dog", "positive"),
        ("(a", "parenthesis"),
        ("a)", "EOF"),
        ("()", "missing"),
        ("a OR", "missing"),
        ("OR a", "missing"),
        ("a OR OR b", "missing"),
        ('"open', "no viable"),
        ("a and b", "Ambiguous"),
        ("is:cat", "invalid operator"),
        ("sample:10 cat", "invalid operator"),
        ("has:nothing cat", "invalid operator"),
        ("cat is:nullcast", "negated"),
        ("🗳️", "no word"),
        ("cat lang:", "invalid operator"),
        ("from:", "invalid operator"),
        ("cat:", "invalid operator"),
    ],
)
def test_refuses(query: str, problem: str) -> None:
    with pytest.raises(QueryError, match=problem):
        parse(query)


WORDS = st.sampled_from(["a", "bb", "c1", "été", "zone"])
PLAIN = st.one_of(
    st.builds(Term, st.just("word"), WORDS),
    st.builds(Term, st.just("word"), st.lists(WORDS, min_size=2, max_size=3).map(" ".join)),
    st.builds(Term, st.sampled_from(["#", "@", "from", "to"]), st.sampled_from(["x1", "y_2"])),
    st.builds(Term, st.just("lang"), st.sampled_from(["fr", "en"])),
)
NODES: st.SearchStrategy[Node] = st.recursive(
    st.one_of(PLAIN, PLAIN.map(Not)),
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda i: And(tuple(i))),
        st.lists(inner, min_size=2, max_size=3).map(lambda i: Or(tuple(i))),
    ),
    max_leaves=8,
)


def render(node: Node) -> str:
    match node:
        case Term(kind, value):
            return {"word": f'"{value}"', "#": f"#{value}", "@": f"@{value}"}.get(kind, f"{kind}:{value}")
        case Not(item):
            return "-" + render(item)
        case And(items):
            return " ".join(f"({render(i)})" if isinstance(i, And | Or) else render(i) for i in items)
        case Or(items):
            return " OR ".join(f"({render(i)})" if isinstance(i, Or) else render(i) for i in items)


def truth(node: Node, text: list[str]) -> bool:
    """The meaning of a query on a bare text, word by word."""
    match node:
        case Term("word", value):
            wanted = value.split()
            return any(text[i : i + len(wanted)] == wanted for i in range(len(text)))
        case Term():
            return False
        case Not(item):
            return not truth(item, text)
        case And(items):
            return all(truth(i, text) for i in items)
        case Or(items):
            return any(truth(i, text) for i in items)


@given(NODES, st.lists(WORDS, max_size=6))
def test_a_query_means_what_it_is_made_of(node: Node, text: list[str]) -> None:
    query = render(And((Term("word", "a"), node)))
    post: Json = {"id": "9", "text": " ".join(["a", *text])}
    assert matches(query, post) == truth(node, ["a", *text])


@given(NODES)
def test_and_binds_tighter_than_or(node: Node) -> None:
    anchored = And((Term("word", "a"), node))
    either = Or((And((Term("word", "b"), Term("word", "c"))), anchored))
    assert parse(render(either)) == either


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused_and_nothing_else(query: str) -> None:
    try:
        node: Node | None = parse(query)
    except QueryError:
        node = None
    assert node is None or matches(query) in (True, False)
