"""The local matcher: which candidates a post is about, the same for stream, search and rebuilt tables.

It works on tokens, with case and accents folded. A token is a run of letters and digits; everything else (spaces,
hyphens, apostrophes, `#`, `_`, emoji) only separates, so `#Macron` holds the word Macron, `l'Édouard` the word Édouard,
and a phrase matches across hyphens or a line break. X's documents do not say whether its keywords look into hashtags;
ours do. The one exception is `@handle` in the text: it is a single token, underscores included, so mentioning
`@Anne_Hidalgo` is not saying "Anne Hidalgo".

A phrase is looked for in the text, in each expanded URL (percent-decoded) and among the mentions, never across two of
them. `@h` is a mention in the entities or the text, or the author. `#x` is that whole hashtag in the text.
An excluded term, found where a term would be, drops the candidate altogether, whatever else matched and in the quoted
post too, as `-"x"` does in a rule.
"""

import codecs
import re
from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from elec_assets.domain.registry import Candidate, Election
from elec_assets.domain.terms import (
    Term,
    TermKind,
    candidate_terms,
    excluded_terms,
    fold,
    map_characters,
    shared_accounts,
)

# Between two places that no phrase may span; it is a token of its own that no phrase contains.
_BREAK = "\x00"
_SEPARATE = f" {_BREAK} "
# UTF-8 bytes: ASCII that is no letter, digit or break becomes a space; other characters stay.
_ONLY_WORDS = bytes(c if c > 127 or chr(c).isalnum() or chr(c) == _BREAK else ord(" ") for c in range(256))
# The literal comes first and the look-behind after it: the search then jumps from one literal to the next.
_MENTION = re.compile(r"@(?<!\w@)(\w+)")
_UNDERSCORED_MENTION = re.compile(r"@(?<!\w@)\w*_\w*")
_HASHTAG = re.compile(r"#(?<!\w#)(\w+)")


class PostText(NamedTuple):
    """What the matcher reads of a post.

    `text` is the full text (the original's for a retweet), `urls` the expanded URLs, `mentions` handles without `@`,
    `author_username` the writer's handle where known (search rows often lack it), `quoted_text` that of a quoted post.
    """

    text: str
    urls: Sequence[str] = ()
    mentions: Sequence[str] = ()
    author_username: str | None = None
    quoted_text: str | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """What a post is about; each tuple sorted.

    `candidates` are keys, `matched_by` is `candidate:reason` (name, own_account, shared_account, term),
    `matched_in_quote` are keys of candidates found in the quoted text and not in the post itself.
    """

    candidates: tuple[str, ...] = ()
    matched_by: tuple[str, ...] = ()
    matched_in_quote: tuple[str, ...] = ()


_NOTHING = Match()


class _Flat(dict[str, str]):
    """A character folded, and a space if that is no letter or digit; at most as large as Unicode."""

    def __missing__(self, char: str) -> str:
        self[char] = flat = "".join(c if c.isascii() or c.isalnum() else " " for c in fold(char))
        return flat


_FLAT = _Flat()


def _beyond_latin(error: UnicodeError) -> tuple[str, int]:
    """Flat form of characters that Latin-1 has not: an error handler of its codec."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join([_FLAT[c] for c in error.object[error.start : error.end]]), error.end


_FLATTEN_REST = "elec_assets.flat"
codecs.register_error(_FLATTEN_REST, _beyond_latin)
# The flat form of Latin-1, a byte each; what is not one ASCII character (ß, ø, a soft hyphen) cannot be told so.
_UNTOLD = 0xFF
_FLAT_LATIN = bytes(
    ord(flat) if len(flat) == 1 and flat.isascii() else _UNTOLD
    for flat in (_FLAT[chr(c)].replace(_BREAK, " ") for c in range(256))
)
# Indices into Matcher._meanings.
_Hits = set[int]
_NO_HITS: frozenset[int] = frozenset()


class Matcher:
    """Finds candidates in posts. Made once for a set of candidates; safe to share between threads."""

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        """Compile the terms of these candidates.

        Raises:
            ValueError: a term that cannot be looked for, see `terms.candidate_terms`.
        """
        # What a found term means: the candidate, and the entry of `matched_by`; None: it excludes the candidate.
        self._meanings: list[tuple[str, str | None]] = []
        self._accounts: dict[str, list[int]] = {}
        self._hashtags: dict[str, list[int]] = {}
        self._phrases: dict[bytes, list[int]] = {}
        shared = shared_accounts(candidates)
        for candidate in candidates:
            for term in candidate_terms(candidate, shared):
                self._add(term, candidate.key, f"{candidate.key}:{term.reason}")
            for term in excluded_terms(candidate):
                self._add(term, candidate.key, None)
        # A phrase is looked for only in posts that have its longest word.
        self._by_word: dict[bytes, list[bytes]] = {}
        for phrase in self._phrases:
            self._by_word.setdefault(max(phrase.split(), key=len), []).append(phrase)
        self._words = frozenset(self._by_word)
        # Half of a stream are retweets: of few originals, so one text is looked at many times within an hour; few
        # accounts and pages make up most mentions and URLs.
        self._in_text = lru_cache(maxsize=8192)(self._find_in_text)
        self._in_mention = lru_cache(maxsize=4096)(self._find_in_mention)
        self._in_url = lru_cache(maxsize=4096)(self._find_in_url)
        # Few combinations of terms make up most posts.
        self._explained = lru_cache(maxsize=4096)(self._explain)

    def match(self, post: PostText) -> Match:
        """The candidates this post is about, and why."""
        hits = self._in_text(post.text)
        for mention in post.mentions:
            hits |= self._in_mention(mention)
        for url in post.urls:
            hits |= self._in_url(url)
        if post.author_username is not None and (accounts := self._accounts.get(fold(post.author_username))):
            hits = hits.union(accounts)
        quoted = self._in_text(post.quoted_text) if post.quoted_text else _NO_HITS
        return self._explained(hits, quoted) if hits or quoted else _NOTHING

    def _explain(self, hits: Set[int], quoted: Set[int]) -> Match:
        found, dropped = self._candidates(hits)
        named, not_meant = self._candidates(quoted)
        in_quote = named - not_meant - found - dropped
        found -= dropped
        entries = {entry for candidate, entry in map(self._meanings.__getitem__, hits) if entry and candidate in found}
        return Match(tuple(sorted(found)), tuple(sorted(entries)), tuple(sorted(in_quote)))

    def _candidates(self, hits: Set[int]) -> tuple[set[str], set[str]]:
        """Candidates with a term found, and those with an excluded term found."""
        found: set[str] = set()
        dropped: set[str] = set()
        for hit in hits:
            candidate, entry = self._meanings[hit]
            (dropped if entry is None else found).add(candidate)
        return found, dropped

    def _add(self, term: Term, candidate: str, entry: str | None) -> None:
        number = len(self._meanings)
        if term.kind is TermKind.PHRASE:
            phrase = b" %b " % b" ".join(_tokens(_flat(term.text)))
            self._phrases.setdefault(phrase, []).append(number)
        else:
            table = self._accounts if term.kind is TermKind.ACCOUNT else self._hashtags
            table.setdefault(fold(term.text), []).append(number)
        self._meanings.append((candidate, entry))

    def _find_in_text(self, text: str) -> frozenset[int]:
        """All terms found in a text, mentions that are written in it among them."""
        hits: _Hits = set()
        flat = _flat(text)
        if self._hashtags and "#" in flat:
            for tag in _HASHTAG.findall(flat):
                hits.update(self._hashtags.get(tag, ()))
        if "@" in flat:
            for handle in self._accounts.keys() & _MENTION.findall(flat):
                hits.update(self._accounts[handle])
            if "_" in flat:
                flat = _UNDERSCORED_MENTION.sub(_SEPARATE, flat)
        self._find_phrases(flat, hits)
        return frozenset(hits)

    def _find_in_mention(self, mention: str) -> frozenset[int]:
        """The terms that a mention of the entities is: an account; a phrase too, if it has no underscore."""
        handle = _flat(mention)
        hits: _Hits = set(self._accounts.get(handle, ()))
        if "_" not in handle:
            self._find_phrases(handle, hits)
        return frozenset(hits)

    def _find_in_url(self, url: str) -> frozenset[int]:
        hits: _Hits = set()
        self._find_phrases(_flat(unquote(url)), hits)
        return frozenset(hits)

    def _find_phrases(self, flat: str, hits: _Hits) -> None:
        tokens = _tokens(flat)
        words = self._words.intersection(tokens)
        if words:
            line = b" %b " % b" ".join(tokens)
            for word in words:
                for phrase in self._by_word[word]:
                    if phrase in line:
                        hits.update(self._phrases[phrase])


def matcher_at(election: Election, moment: datetime) -> Matcher:
    """A matcher for the candidates followed at the moment."""
    return Matcher(election.as_of(moment))


def _flat(text: str) -> str:
    """The folded text; what is neither ASCII nor a letter or digit, and any break, has become a space."""
    try:
        flat = text.encode("latin-1", _FLATTEN_REST).translate(_FLAT_LATIN)
    except UnicodeEncodeError:  # letters of other alphabets
        flat = b"\xff"
    # One byte a character takes a third of the time of `map_characters` (3 of 9 us a post, 2026-11-22).
    return flat.decode("ascii") if flat.isascii() else map_characters(text, _FLAT).replace(_BREAK, " ")


def _tokens(flat: str) -> list[bytes]:
    """Tokens of a flat text, in UTF-8, breaks among them."""
    return flat.encode("utf-8").translate(_ONLY_WORDS).split()
