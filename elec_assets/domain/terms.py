"""The words a candidate is known by, and the one folding of case and accents that rules and matcher share.

The terms of a candidate are the name (an exact phrase), each account and each of `terms`: `#x` is a hashtag, `@h` an
account, anything else a phrase of one or more words. How X writes them is in `rules.py`, how a post is searched for
them in `matcher.py`.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from elec_assets.domain.registry import Candidate

# X: a handle is 1 to 15 ASCII letters, digits or underscores.
_HANDLE = re.compile(r"[A-Za-z0-9_]{1,15}", re.ASCII)
_HASHTAG = re.compile(r"\w*[^\W_]\w*")
_WORD = re.compile(r"[^\W_]")
# A quote would end X's phrase and a backslash escape it; neither is part of a token.
_UNQUOTABLE = str.maketrans('"\\“”„«»', "       ")
# Dotless i (U+0131) too: its capital is I, so without it a Turkish name in capitals would be another one.
_LIGATURES = str.maketrans({"œ": "oe", "Œ": "Oe", "æ": "ae", "Æ": "Ae", "\u0131": "i"})
# Apostrophes that Unicode counts as letters (U+02B9 to U+02BF), and marks that hide inside a word.
_APOSTROPHES = dict.fromkeys(range(0x02B9, 0x02C0), "'")
_INVISIBLE: dict[int, str] = dict.fromkeys((0x00AD, 0x200D, 0x2060), "")
_SPECIAL: dict[int, str] = _APOSTROPHES | _INVISIBLE
# Texts with more distinct characters than this beyond Latin are mapped one by one, the others by replacement.
_FEW = 24
_ASCII = bytes(range(128))


class TermKind(StrEnum):
    """What a term looks like in a post."""

    PHRASE = "phrase"
    HASHTAG = "hashtag"
    ACCOUNT = "account"


class Reason(StrEnum):
    """Why a post is about a candidate, as column `matched_by` has it."""

    NAME = "name"
    OWN_ACCOUNT = "own_account"
    SHARED_ACCOUNT = "shared_account"
    TERM = "term"


@dataclass(frozen=True, slots=True)
class Term:
    """One term: its kind, its text without `#` or `@` (NFC, single spaces, no quotes) and what a match by it means."""

    kind: TermKind
    text: str
    reason: Reason


def strip_accents(text: str) -> str:
    """The text without accents, ligatures written out; case and punctuation stay."""
    bare = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    return unicodedata.normalize("NFC", bare).translate(_LIGATURES)


class _Folded(dict[str, str]):
    """Folding of one character, worked out when first asked for; at most as large as Unicode."""

    def __missing__(self, char: str) -> str:
        plain = unicodedata.normalize("NFKD", char).translate(_SPECIAL)
        marked = (c for c in plain if not unicodedata.category(c).startswith("M"))
        # lower() after casefold() only for Cherokee, whose casefold is upper case: folding twice changes nothing.
        self[char] = folded = "".join(marked).casefold().translate(_LIGATURES).lower()
        return folded


_FOLDED = _Folded()
_LATIN_1 = tuple(_FOLDED[chr(code)] if chr(code).isalpha() else chr(code).lower() for code in range(256))
# Accented letters of Latin-1 whose folding is one ASCII letter, and the byte table that folds them.
_ACCENTED = frozenset(chr(c) for c in range(128, 256) if len(_LATIN_1[c]) == 1 and _LATIN_1[c].isascii())
_FOLD_LATIN = bytes(ord(_LATIN_1[c]) if c < 128 or chr(c) in _ACCENTED else c for c in range(256))


def fold(text: str) -> str:
    """The text with case and accents folded: NFKD, marks removed, casefold, œ -> oe, æ -> ae, ß -> ss.

    Dotless i becomes i, letters that Unicode uses as apostrophes become `'`; soft hyphens and joiners vanish. Each
    character is folded alone, so fold(a + b) == fold(a) + fold(b), and fold(fold(a)) == fold(a).
    """
    return map_characters(text, _FOLDED)


def map_characters(text: str, table: Mapping[str, str]) -> str:
    """Every character as the table has it; fast where all but a few are ASCII or accented letters, as in French.

    The table must agree with `fold` on ASCII and on letters, and must not change its own values.
    """
    if text.isascii():
        return text.lower()
    beyond_ascii = text.encode("utf-8", "surrogatepass").translate(None, _ASCII)
    others = set(beyond_ascii.decode("utf-8", "surrogatepass")) - _ACCENTED
    if len(others) <= _FEW:
        mapped = text
        for char in others:
            mapped = mapped.replace(char, table[char])
        try:
            return mapped.encode("latin-1").translate(_FOLD_LATIN).decode("latin-1")
        except UnicodeEncodeError:
            pass  # other alphabets remain
    return "".join([table[char] for char in text])


def candidate_terms(candidate: Candidate, shared: frozenset[str] = frozenset()) -> tuple[Term, ...]:
    """The terms of a candidate: name, accounts, `terms`, in that order.

    `shared` are the lower-case handles that other candidates have too (see `shared_accounts`).

    Raises:
        ValueError: a term is no handle after `@`, no hashtag after `#`, or has no letter or digit.
    """
    name = _of(candidate, candidate.name, Reason.NAME)
    accounts = tuple(
        Term(TermKind.ACCOUNT, h, Reason.SHARED_ACCOUNT if h.lower() in shared else Reason.OWN_ACCOUNT)
        for h in candidate.accounts
    )
    return (name, *accounts, *(_of(candidate, t) for t in candidate.terms))


def excluded_terms(candidate: Candidate) -> tuple[Term, ...]:
    """The terms whose presence says that a post is not about this candidate.

    Raises:
        ValueError: as `candidate_terms`.
    """
    return tuple(_of(candidate, t) for t in candidate.exclude)


def shared_accounts(candidates: Iterable[Candidate]) -> frozenset[str]:
    """Lower-case handles that more than one of these candidates have as account."""
    owners = Counter(h for c in candidates for h in {a.lower() for a in c.accounts})
    return frozenset(h for h, count in owners.items() if count > 1)


def read_term(text: str, reason: Reason = Reason.TERM) -> Term:
    """A term as the registry writes it: `@handle`, `#hashtag`, or words.

    Raises:
        ValueError: it is no handle after `@`, no hashtag after `#`, or has no letter or digit.
    """
    text = unicodedata.normalize("NFC", text).strip()
    if reason is Reason.TERM and text.startswith("@"):
        if not _HANDLE.fullmatch(text[1:]):
            raise ValueError(f"{text!r} starts with @ but is no handle: 1 to 15 letters, digits or _")
        return Term(TermKind.ACCOUNT, text[1:], Reason.TERM)
    if reason is Reason.TERM and text.startswith("#"):
        if not _HASHTAG.fullmatch(text[1:]):
            raise ValueError(f"{text!r} starts with # but is no hashtag: letters, digits or _")
        return Term(TermKind.HASHTAG, text[1:], Reason.TERM)
    clean = " ".join(text.translate(_UNQUOTABLE).split())
    if not _WORD.search(fold(clean)):
        raise ValueError(f"{text!r} has no letter or digit to look for")
    return Term(TermKind.PHRASE, clean, reason)


def _of(candidate: Candidate, text: str, reason: Reason = Reason.TERM) -> Term:
    try:
        return read_term(text, reason)
    except ValueError as error:
        raise ValueError(f"term of candidate {candidate.key!r}: {error}") from None
