"""The matcher written down slowly and obviously, word by word: what `domain/matcher.py` is held to."""

import re
import unicodedata
from urllib.parse import unquote

from elec_assets.domain.matcher import Match, PostText
from elec_assets.domain.registry import Candidate


def slow_fold(text: str) -> str:
    text = unicodedata.normalize("NFKD", text)
    text = re.sub("[\u02b9-\u02bf]", "'", re.sub("[\u00ad\u200d\u2060]", "", text))
    text = "".join(c for c in text if unicodedata.category(c)[0] != "M").casefold()
    return text.replace("œ", "oe").replace("æ", "ae").replace("\u0131", "i")


def slow_words(text: str) -> list[str]:
    return "".join(c if c.isalnum() else " " for c in slow_fold(text)).split()


def slow_sigils(text: str, sigil: str) -> list[tuple[int, int]]:
    """Where `@handle` or `#tag` stands: a sigil not after a word character, and the word characters that follow."""
    found = []
    for start, char in enumerate(text):
        if char != sigil or (start > 0 and (text[start - 1].isalnum() or text[start - 1] == "_")):
            continue
        end = start + 1
        while end < len(text) and (text[end].isalnum() or text[end] == "_"):
            end += 1
        if end > start + 1:
            found.append((start, end))
    return found


class SlowPlace:
    """One text with its URLs and mentions: lists of words no phrase leaves, handles and hashtags."""

    def __init__(self, text: str, urls: tuple[str, ...] = (), mentions: tuple[str, ...] = ()) -> None:
        folded = slow_fold(text)
        self.lines = [slow_words(unquote(url)) for url in urls]
        self.handles = {slow_fold(m) for m in mentions}
        self.lines += [[h] for h in self.handles if "_" not in h]
        self.hashtags = {folded[a + 1 : b] for a, b in slow_sigils(folded, "#")}
        rest = 0
        for start, end in slow_sigils(folded, "@"):
            handle = folded[start + 1 : end]
            self.handles.add(handle)
            if "_" in handle:
                self.lines.append(slow_words(folded[rest:start]))
                rest = end
        self.lines.append(slow_words(folded[rest:]))

    def has(self, term: str) -> bool:
        if term.startswith("@"):
            return slow_fold(term[1:]) in self.handles
        if term.startswith("#"):
            return slow_fold(term[1:]) in self.hashtags
        words = slow_words(term)
        return any(line[i : i + len(words)] == words for line in self.lines for i in range(len(line)))


def slow_match(people: list[Candidate], post: PostText) -> Match:
    here = SlowPlace(post.text, tuple(post.urls), tuple(post.mentions))
    author = SlowPlace("", (), () if post.author_username is None else (post.author_username,))
    author.lines = []
    quoted = SlowPlace(post.quoted_text or "")
    why, in_quote = set(), set()
    for who in people:
        reasons = _reasons(who, people)
        if any(place.has(x) for x in who.exclude for place in (here, author)):
            continue
        found = {f"{who.key}:{r}" for r, terms in reasons.items() for t in terms if here.has(t) or author.has(t)}
        why |= found
        terms = [t for terms in reasons.values() for t in terms]
        if not found and any(quoted.has(t) for t in terms) and not any(quoted.has(x) for x in who.exclude):
            in_quote.add(who.key)
    return Match(tuple(sorted({w.split(":")[0] for w in why})), tuple(sorted(why)), tuple(sorted(in_quote)))


def _reasons(who: Candidate, people: list[Candidate]) -> dict[str, list[str]]:
    reasons: dict[str, list[str]] = {
        "name": [who.name],
        "term": list(who.terms),
        "own_account": [],
        "shared_account": [],
    }
    for handle in who.accounts:
        owners = sum(handle.lower() in [a.lower() for a in other.accounts] for other in people)
        reasons["shared_account" if owners > 1 else "own_account"].append(f"@{handle}")
    return reasons
