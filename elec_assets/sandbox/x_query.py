"""The query language of X, read and matched by the sandbox's own code (it shares nothing with `domain/rules.py`).

A space is AND and binds tighter than OR; `-` negates one operator, never a group. A clause needs at least one
operator that may stand alone. Sources: X's documentation and messages quoted in public issue threads.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

_WORD = re.compile(r"\w+")
_LEXEME = re.compile(
    r'(?P<space>\s+)|(?P<open>\()|(?P<close>\))|(?P<term>-?(?:[^\s()":]+:)?(?:"(?:[^"\\]|\\.)*"|[^\s()"]+))'
)
_OPERATOR = re.compile(r"[a-z_]+")
_IS = ("retweet", "reply", "quote", "verified", "nullcast")
_HAS = ("links", "media", "images", "videos", "hashtags", "mentions", "cashtags", "geo")
_ALONE = ("word", "#", "@", "from", "to", "url", "conversation_id")
_LANG = re.compile(r"[a-z]{2,3}(-[a-z]+)?")


class QueryError(ValueError):
    """A query that X refuses; the message is worded as X words it and names the position, from 1."""

    def __init__(self, problem: str, position: int) -> None:
        super().__init__(f"There were errors processing your request: {problem} (at position {position})")


@dataclass(frozen=True, slots=True)
class Document:
    """What a query sees of a post, made by `x_documents`; words are folded and between single spaces.

    `words` holds text and expanded addresses, each part between line breaks so that no phrase spans two.
    """

    words: str
    addresses: str
    author: frozenset[str]
    replied_to: frozenset[str]
    mentions: frozenset[str]
    hashtags: frozenset[str]
    lang: str
    conversation: str
    flags: frozenset[str]


@dataclass(frozen=True, slots=True)
class Term:
    """One operator with its value; `kind` is `word` for words and phrases, `#`, `@`, or the operator's name."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Not:
    """A negated operator."""

    item: Term


@dataclass(frozen=True, slots=True)
class And:
    """All of them."""

    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of them."""

    items: tuple["Node", ...]


Node = Term | Not | And | Or


def fold(text: str, *, accents: bool = False) -> str:
    """Case folded, and accents taken off unless they count (they do in the stream, not in search)."""
    if accents:
        return unicodedata.normalize("NFC", text.casefold())
    return "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))


def words(text: str, *, accents: bool = False) -> str:
    """The folded words of a text between single spaces, with one at each end: ` edouard philippe `."""
    return f" {' '.join(_WORD.findall(fold(text, accents=accents)))} "


def parse(query: str) -> Node:
    """Read a query.

    Raises:
        QueryError: X would refuse it with status 400.
    """
    parser = _Parser(_lex(query))
    node = parser.alternatives()
    parser.expect_end()
    if not _anchored(node):
        raise QueryError("Rules must contain at least one positive, non-stopword clause", 1)
    return node


def compile_query(query: str, *, accents: bool = False) -> Callable[[Document], bool]:
    """A function that tells whether a document matches; `accents` as in `fold`.

    Raises:
        QueryError: as `parse`.
    """
    return _compile(parse(query), accents)


def _anchored(node: Node) -> bool:
    """Whether every way to match needs an operator that may stand alone."""
    match node:
        case Term(kind, _):
            return kind in _ALONE
        case Not():
            return False
        case And(items):
            return any(map(_anchored, items))
        case Or(items):
            return all(map(_anchored, items))


def _lex(query: str) -> list[tuple[str, str, int]]:
    """(kind, text, position from 1) of each part: open, close, or, term."""
    found = []
    at = 0
    while at < len(query):
        match = _LEXEME.match(query, at)
        if match is None:
            raise QueryError(f"no viable alternative at character '{query[at]}'", at + 1)
        kind, text = str(match.lastgroup), match[0]
        if text == "-":
            raise QueryError("Negation of a group is not allowed, negate each operator instead", at + 1)
        if kind != "space":
            found.append(("or" if text == "OR" else kind, text, at + 1))
        at = match.end()
    if not found:
        raise QueryError("Rules must contain at least one positive, non-stopword clause", 1)
    return found


class _Parser:
    """Recursive descent: alternatives > sequence > unit."""

    def __init__(self, lexemes: list[tuple[str, str, int]]) -> None:
        self._lexemes = lexemes
        self._at = 0

    def _kind(self) -> str:
        return self._lexemes[self._at][0] if self._at < len(self._lexemes) else "end"

    def _take(self) -> tuple[str, str, int]:
        self._at += 1
        return self._lexemes[self._at - 1]

    def _position(self) -> int:
        if self._at < len(self._lexemes):
            return self._lexemes[self._at][2]
        _, text, position = self._lexemes[-1]
        return position + len(text)

    def expect_end(self) -> None:
        if self._kind() != "end":
            raise QueryError("missing EOF at ')'", self._position())

    def alternatives(self) -> Node:
        items = [self._sequence()]
        while self._kind() == "or":
            self._take()
            items.append(self._sequence())
        return items[0] if len(items) == 1 else Or(tuple(items))

    def _sequence(self) -> Node:
        items = []
        while self._kind() in ("open", "term"):
            items.append(self._unit())
        if not items:
            raise QueryError("an operator or group is missing", self._position())
        return items[0] if len(items) == 1 else And(tuple(items))

    def _unit(self) -> Node:
        kind, text, position = self._take()
        if kind == "term":
            return _term(text, position)
        inside = self.alternatives()
        if self._kind() != "close":
            raise QueryError("Missing closing parenthesis", self._position())
        self._take()
        return inside


def _term(text: str, position: int) -> Node:
    negated = text.startswith("-")
    body = text[1:] if negated else text
    term = _operator(body, position)
    if term == Term("is", "nullcast") and not negated:
        raise QueryError("'is:nullcast' must be negated", position)
    return Not(term) if negated else term


def _operator(body: str, position: int) -> Term:
    name, colon, value = body.partition(":")
    if body.startswith('"'):
        return _word(_unquote(body), position)
    if body[0] in "#@" and len(body) > 1:
        return Term(body[0], body[1:])
    if not colon:
        if body.lower() in ("and", "or"):
            raise QueryError(f"Ambiguous use of {body} as a keyword", position)
        return _word(body, position)
    if not _OPERATOR.fullmatch(name):
        return _word(body, position)
    return _named(name, _unquote(value), position)


def _named(name: str, value: str, position: int) -> Term:
    allowed = {"is": _IS, "has": _HAS}.get(name)
    if allowed is not None and value in allowed:
        return Term(name, value)
    if name == "lang" and _LANG.fullmatch(value.lower()):
        return Term(name, value.lower())
    if name in ("from", "to", "url", "conversation_id") and words(value).strip():
        return Term(name, value.removeprefix("@"))
    raise QueryError(
        f"Reference to invalid operator '{name}:{value}'. Operator is not available in current product or packaging",
        position,
    )


def _word(text: str, position: int) -> Term:
    if not words(text).strip():
        raise QueryError(f"no word in '{text}'", position)
    return Term("word", text)


def _unquote(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] == '"':
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return text


def _compile(node: Node, accents: bool) -> Callable[[Document], bool]:
    match node:
        case Term():
            return _compile_term(node, accents)
        case Not(item):
            inner = _compile_term(item, accents)
            return lambda d: not inner(d)
        case And(items):
            parts = [_compile(i, accents) for i in items]
            return lambda d: all(p(d) for p in parts)
        case Or(items):
            parts = [_compile(i, accents) for i in items]
            return lambda d: any(p(d) for p in parts)


def _compile_term(term: Term, accents: bool) -> Callable[[Document], bool]:
    value = term.value
    wanted = words(value, accents=accents)
    key = fold(value, accents=accents)
    handle = value.lower()
    tests: dict[str, Callable[[Document], bool]] = {
        "word": lambda d: wanted in d.words,
        "url": lambda d: wanted in d.addresses,
        "#": lambda d: key in d.hashtags,
        "@": lambda d: handle in d.mentions,
        "from": lambda d: handle in d.author,
        "to": lambda d: handle in d.replied_to,
        "lang": lambda d: value == d.lang,
        "conversation_id": lambda d: value == d.conversation,
    }
    flag = f"{term.kind}:{value}"
    return tests.get(term.kind, lambda d: flag in d.flags)
