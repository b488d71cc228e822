"""Synthetic words, people and texts for the posts of the benchmarks. Texts are JSON-escaped where they are made.

Words are made of syllables, and drawn as words of a language are (few of them often), so that the texts compress
about as real ones do; a list of 150 words would compress far too well.
"""

import random
import unicodedata
from dataclasses import dataclass

from elec_assets.domain.registry import Candidate

_SYLLABLES = (
    *("ba", "bé", "bra", "ca", "cha", "che", "cou", "dé", "di", "du", "é", "fai", "fo", "gra", "gé", "hé", "ja", "ju"),
    *("la", "le", "li", "lon", "ma", "mè", "mi", "mon", "na", "né", "ni", "nou", "ou", "pa", "pè", "plu", "po", "pré"),
    *("qua", "que", "ra", "ré", "ri", "rou", "sa", "sé", "si", "son", "ta", "té", "ti", "tou", "tra", "u", "va", "vi"),
)
_ENDINGS = ("", "s", "r", "nt", "tion", "ment", "eur", "x", "ç", "œ")
_MARKS = (",", ".", " !", " ?", "…", " :", '\\"', "\\n", " 🗳️", " 😂", " 🇫🇷", " «", " »", " &amp;")
_VOCABULARY = 6_000
_LONG_TEXT = 280


def plain(text: str) -> str:
    """The text without accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


@dataclass(frozen=True, slots=True)
class Text:
    """A text: JSON-escaped, its entities as a JSON object, and the keys of the candidates that it names."""

    text: str
    entities: str
    named: tuple[str, ...]

    @property
    def is_long(self) -> bool:
        """Whether X would send it cut, with the whole of it as a note."""
        return len(self.text) > _LONG_TEXT


class Words:
    """Draws texts that name these candidates; as the generator of random numbers is, so are they."""

    def __init__(self, rng: random.Random, candidates: tuple[Candidate, ...]) -> None:
        self._rng = rng
        self._candidates = candidates
        lengths = rng.choices((1, 2, 3, 4), (30, 40, 20, 10), k=_VOCABULARY)
        words = ["".join(rng.choices(_SYLLABLES, k=n)) + rng.choice(_ENDINGS) for n in lengths]
        self._words = [word + rng.choice(_MARKS) if i % 9 == 8 else word for i, word in enumerate(words)]

    def some(self, count: int) -> str:
        """So many words, JSON-escaped."""
        words, draw = self._words, self._rng.random
        return " ".join([words[int(draw() ** 3 * _VOCABULARY)] for _ in range(count)])

    def text(self) -> Text:
        """A text of 6 to 33 words, of 25 posts one of 60 to 180, that mostly names one candidate, or two."""
        draw = self._rng.random
        count = 60 + int(draw() * 120) if draw() < 0.04 else 6 + int(draw() * 28)
        named = [self._candidate() for _ in range(0 if draw() < 0.05 else 2 if draw() < 0.2 else 1)]
        parts, mentions, hashtags, urls = [self.some(count)], [], [], []
        for candidate in named:
            how = draw()
            if how < 0.35 and candidate.accounts:
                mentions.append(candidate.accounts[0])
                parts.append(f"@{candidate.accounts[0]}")
            elif how < 0.55:
                hashtags.append(plain(candidate.name).replace(" ", "").replace("-", ""))
                parts.append(f"#{hashtags[-1]}")
            else:
                parts.append(candidate.name if how < 0.85 else plain(candidate.name).lower())
        if draw() < 0.35:
            hashtags.append(f"Election{int(draw() * 40)}")
            parts.append(f"#{hashtags[-1]}")
        if draw() < 0.25:
            urls.append(f"{int(draw() * 36**8):09x}")
            parts.append(f"https://t.co/{urls[-1]}")
        text = " ".join(parts)
        return Text(text, self._entities(len(text), mentions, hashtags, urls), tuple([c.key for c in named]))

    def _candidate(self) -> Candidate:
        return self._candidates[int(self._rng.random() ** 2 * len(self._candidates))]

    def _entities(self, past: int, mentions: list[str], hashtags: list[str], urls: list[str]) -> str:
        """As X sends them; the offsets are plausible and not exact (nothing reads them)."""
        kinds = []
        if hashtags:
            tags = [f'{{"start":{past - 20},"end":{past - 5},"tag":"{tag}"}}' for tag in hashtags]
            kinds.append(f'"hashtags":[{",".join(tags)}]')
        if mentions:
            people = [f'{{"start":3,"end":{4 + len(m)},"username":"{m}","id":"{len(m)}80820"}}' for m in mentions]
            kinds.append(f'"mentions":[{",".join(people)}]')
        if urls:
            kinds.append(f'"urls":[{",".join(self._url(url, past) for url in urls)}]')
        if self._rng.random() < 0.01:
            kinds.append('"cashtags":[{"start":0,"end":4,"tag":"CAC"}]')
        return f"{{{','.join(kinds)}}}"

    def _url(self, url: str, past: int) -> str:
        address = f"https://www.example.org/politique/{self.some(1).strip(chr(92)).encode().hex()}-{url}"
        return (
            f'{{"start":{past - 23},"end":{past},"url":"https://t.co/{url}","expanded_url":"{address}?s=20",'
            f'"display_url":"example.org/politique/{url[:5]}…","status":200,"unwound_url":"{address}",'
            f'"title":"{self.some(7)}","description":"{self.some(12)}"}}'
        )
