"""What X is asked for: one stream rule per candidate, and all candidates packed into few search queries.

Both are in X's query syntax: a space is AND, `OR`, `-` negates one operator (never a group), `"..."` is a phrase.
Anything but letters and digits has a meaning there or splits words, so such terms are quoted; so are the words `or`
and `and`, which X refuses as keywords. Lengths count Unicode code points of NFC text.

The two differ as X does: the stream tells accents apart, so its rules carry each accented term twice; search ignores
accents, so of variants only the accented one is sent.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from elec_assets.domain.packing import pack
from elec_assets.domain.registry import Candidate, Election
from elec_assets.domain.terms import Reason, Term, TermKind, candidate_terms, excluded_terms, fold, strip_accents

# X: characters of one stream rule with pay-per-use access.
STREAM_RULE_LIMIT = 1024
_QUERY_LIMITS = {"recent": 512, "all": 1024}
_OR = " OR "
_RESERVED = frozenset({"or", "and"})


@dataclass(frozen=True, slots=True)
class StreamRule:
    """One rule of the filtered stream, as X stores it: what it matches and the tag that names it."""

    value: str
    tag: str


def rule_tag_prefix(election: str) -> str:
    """How the tags of an election's rules begin: a sync may touch rules with this prefix and no others."""
    return f"elec:{election}:"


def stream_rules(election: Election, moment: datetime) -> tuple[StreamRule, ...]:
    """The rules of the candidates followed at the moment, in the order of their keys, each within 1,024 characters.

    A value is `("Name" OR @h OR from:h OR term) -"excluded" (lang:fr OR lang:en)`. A candidate with more terms than
    one rule holds gets further ones with tag `elec:<election>:<candidate>#2`, `#3`, ...

    Raises:
        ValueError: one term with the exclusions and languages is longer than a rule may be.
    """
    rules: list[StreamRule] = []
    languages = _languages(election.languages)
    for candidate in election.as_of(moment):
        tail = _negated(_stream_operators(excluded_terms(candidate))) + languages
        groups = _fill(_stream_operators(candidate_terms(candidate)), STREAM_RULE_LIMIT - len(tail) - 2)
        tag = rule_tag_prefix(election.key) + candidate.key
        for number, operators in enumerate(groups, start=1):
            rules.append(StreamRule(_any_of(operators) + tail, tag if number == 1 else f"{tag}#{number}"))
    return tuple(rules)


def query_limit(archive: str) -> int:
    """Most characters of a search query: 512 for `recent`, 1,024 for `all` (the full archive)."""
    return _QUERY_LIMITS[archive]


def search_queries(election: Election, moment: datetime, limit: int) -> tuple[str, ...]:
    """Queries that together ask for every term of the candidates followed at the moment, each term in one of them.

    `limit` is X's: 512 characters for recent search, 1,024 for full-archive search. A query is
    `(a OR b OR c) (lang:fr OR lang:en)`. Terms of a candidate with exclusions form a unit `((a OR b) -"x")` that is
    split only where it alone is too long. A term of several candidates is held back only by the exclusions that all of
    them have: a query may bring a post that the matcher rejects, never miss one that it wants.

    Raises:
        ValueError: one term with its exclusions and the languages is longer than the limit.
    """
    tail = _languages(election.languages)
    room = limit - len(tail) - 2
    units = sorted(_search_units(election.as_of(moment), room), key=lambda u: (-len(u), u))
    bins = pack([len(u) + len(_OR) for u in units], room + len(_OR)) if units else []
    return tuple(_any_of([units[i] for i in held]) + tail for held in bins)


def too_long(candidate: Candidate, languages: Iterable[str]) -> tuple[str, str] | None:
    """What of a candidate no rule or query can hold: the field of the registry, and why; None where all fits.

    Judged by the shortest limit, 512 characters: `ELEC_X_ARCHIVE` may become `recent` at any time, and a rule that
    cannot be made stops the whole hour.

    Raises:
        ValueError: a term that cannot be read, see `terms.candidate_terms`.
    """
    spoken = _languages(languages)
    excluded = _negated(_stream_operators(excluded_terms(candidate)))
    shortest = query_limit("recent")
    # Both forms of parentheses: `((a) -"x") lang:fr`.
    room = shortest - len(spoken) - 6
    rest = room - len(excluded)
    for term in candidate_terms(candidate):
        longest = max(map(len, _stream_operators([term])))
        beside = f"beside {len(spoken)} for the languages" if spoken else "in all"
        if longest > room:
            return (
                "name" if term.reason is Reason.NAME else "terms",
                f"holds a term of {longest} characters, as X reads it, and a search query of {shortest} has room for "
                f"{max(room, 0)} {beside}; write it shorter",
            )
        if longest > rest:
            return (
                "exclude",
                f"takes {len(excluded)} characters of a search query, and of its {shortest} only {room - longest} are "
                f"left beside a term of {longest}; exclude fewer or shorter terms",
            )
    return None


def _search_units(candidates: Iterable[Candidate], room: int) -> list[str]:
    """What must stay together in a query: single operators, and groups that share exclusions."""
    spelling: dict[str, str] = {}
    held_back: dict[str, frozenset[str]] = {}
    for candidate in candidates:
        exclusions = frozenset(_spell(spelling, _plain_operators(excluded_terms(candidate))))
        for key in _spell(spelling, _plain_operators(candidate_terms(candidate))):
            held_back[key] = held_back.get(key, exclusions) & exclusions
    groups: dict[frozenset[str], list[str]] = {}
    for key, exclusions in held_back.items():
        groups.setdefault(exclusions, []).append(spelling[key])
    units: list[str] = []
    for exclusions, operators in groups.items():
        tail = _negated(sorted(spelling[key] for key in exclusions))
        # An excluding unit has parentheses of its own around `(a OR b) -"x"`.
        taken = len(tail) + 4 if tail else 0
        ordered = sorted(operators)
        for operator in ordered:
            _check_fits(operator, room - taken)
        units += [f"({_any_of(held)}{tail})" for held in _packed(ordered, room - taken)] if tail else ordered
    return units


def _packed(operators: Sequence[str], room: int) -> list[list[str]]:
    """The operators in as few groups as `pack` finds whose `a OR b` is at most `room` long."""
    bins = pack([len(o) + len(_OR) for o in operators], room + len(_OR))
    return [[operators[i] for i in sorted(held)] for held in bins]


def _spell(spelling: dict[str, str], operators: Iterable[str]) -> list[str]:
    """Folded operators; `spelling` remembers how each is sent: with accents if any spelling has them."""
    keys = []
    for operator in operators:
        key = fold(operator)
        spelling[key] = min(spelling.get(key, operator), operator, key=lambda o: (o.isascii(), o))
        keys.append(key)
    return keys


def _stream_operators(terms: Iterable[Term]) -> list[str]:
    """Operators of the terms with accented and plain spelling, none twice (X ignores case), in order."""
    unique: dict[str, str] = {}
    for term in terms:
        for text in (term.text, strip_accents(term.text)):
            for operator in _operators(term.kind, text):
                unique.setdefault(operator.casefold(), operator)
    return list(unique.values())


def _plain_operators(terms: Iterable[Term]) -> list[str]:
    """Operators of the terms as they are spelt."""
    return [operator for term in terms for operator in _operators(term.kind, term.text)]


def _operators(kind: TermKind, text: str) -> tuple[str, ...]:
    """How X writes a term: an account is both who is mentioned and who writes."""
    if kind is TermKind.ACCOUNT:
        return f"@{text}", f"from:{text}"
    if kind is TermKind.HASHTAG:
        return (f"#{text}",)
    return (text if text.isalnum() and text.casefold() not in _RESERVED else f'"{text}"',)


def _any_of(operators: Sequence[str]) -> str:
    return f"({_OR.join(operators)})"


def _negated(operators: Iterable[str]) -> str:
    """` -"x" -@h`: each operator negated alone, since X does not negate groups; words are always quoted."""
    return "".join(f' -"{o}"' if o.isalnum() else f" -{o}" for o in operators)


def _languages(languages: Iterable[str]) -> str:
    """` (lang:fr OR lang:en)`, ` lang:fr`, or nothing where the election names no language."""
    codes = [f"lang:{code}" for code in languages]
    if not codes:
        return ""
    return " " + (codes[0] if len(codes) == 1 else _any_of(codes))


def _fill(operators: Sequence[str], room: int) -> list[list[str]]:
    """The operators in order, in runs whose `a OR b` is at most `room` long: an added term moves few others.

    Raises:
        ValueError: one operator alone is longer.
    """
    runs: list[list[str]] = []
    used = 0
    for operator in operators:
        _check_fits(operator, room)
        used += len(_OR) + len(operator)
        if not runs or used > room:
            runs.append([])
            used = len(operator)
        runs[-1].append(operator)
    return runs


def _check_fits(operator: str, room: int) -> None:
    if len(operator) > room:
        raise ValueError(f"term {operator} has {len(operator)} characters, and a query has room for {max(room, 0)}")
