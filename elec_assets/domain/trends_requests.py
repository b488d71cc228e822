"""Requests to Google Trends as values: which keywords, where, for which block, which sample; and in which order."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from elec_assets.domain.registry import Candidate
from elec_assets.domain.trends import HL, Cadence, Shape, timeframe
from elec_assets.domain.windows import Window, iso

MOST_KEYWORDS = 5
LONGEST_KEYWORD = 100
_ID_DIGITS = 16


class KeywordKind(StrEnum):
    """A topic is language independent and named by its mid; a term is text that people type."""

    TOPIC = "topic"
    TERM = "term"


@dataclass(frozen=True, slots=True)
class Keyword:
    """What is asked for a candidate."""

    candidate: str
    text: str
    kind: KeywordKind


def keyword_of(candidate: Candidate) -> Keyword:
    """The topic's mid of a candidate, else the search term, else the name."""
    if candidate.trends.topic_mid is not None:
        return Keyword(candidate.key, candidate.trends.topic_mid, KeywordKind.TOPIC)
    return Keyword(candidate.key, candidate.trends.term or candidate.name, KeywordKind.TERM)


@dataclass(frozen=True, slots=True)
class TrendsRequest:
    """One question to Google Trends; each of its documents (timeline, regions, ...) is stored under its id.

    Raises:
        ValueError: not 1 to 5 keywords, one of them empty, above 100 characters or there twice, or no such sample.
    """

    area: str
    geo: str
    cadence: Cadence
    block: Window
    keywords: tuple[Keyword, ...]
    hl: str = HL
    tz: int = 0
    category: int = 0
    gprop: str = ""
    sample_no: int = 1

    def __post_init__(self) -> None:
        texts = [keyword.text.casefold() for keyword in self.keywords]
        if not 1 <= len(texts) <= MOST_KEYWORDS:
            raise ValueError(f"a request holds 1 to {MOST_KEYWORDS} keywords, found {len(texts)}")
        for candidates in (texts, [keyword.candidate for keyword in self.keywords]):
            if len(set(candidates)) < len(candidates):
                raise ValueError(f"a request holds each keyword and candidate once, found {candidates}")
        for text in texts:
            if not text.strip() or len(text) > LONGEST_KEYWORD:
                raise ValueError(f"a keyword has 1 to {LONGEST_KEYWORD} characters, found {len(text)}: {text!r}")
        if self.sample_no < 1:
            raise ValueError(f"samples are numbered from 1, found {self.sample_no}")

    @property
    def timeframe(self) -> str:
        """The block as Google Trends reads it."""
        return timeframe(self.block)

    @property
    def shape(self) -> Shape:
        """Whether candidates are compared or one stands alone."""
        return Shape.SINGLE if len(self.keywords) == 1 else Shape.LADDER

    @property
    def candidates(self) -> tuple[str, ...]:
        """Keys of the candidates, in the order of the keywords."""
        return tuple(keyword.candidate for keyword in self.keywords)

    @property
    def spec(self) -> dict[str, Any]:
        """The request as plain values: what its id is made of."""
        return {
            "area": self.area,
            "geo": self.geo,
            "cadence": self.cadence.value,
            "block": [iso(self.block.start), iso(self.block.end)],
            "timeframe": self.timeframe,
            "keywords": [{"candidate": k.candidate, "text": k.text, "kind": k.kind.value} for k in self.keywords],
            "hl": self.hl,
            "tz": self.tz,
            "category": self.category,
            "gprop": self.gprop,
            "sample_no": self.sample_no,
        }

    @property
    def request_id(self) -> str:
        """First 16 hex digits of the sha256 of the request's canonical JSON, the number of the sample included."""
        return _digest(self.spec)

    @property
    def batch_id(self) -> str | None:
        """The same for both samples of one comparison; None where a keyword stands alone."""
        return None if self.shape is Shape.SINGLE else _digest({**self.spec, "sample_no": 0})

    def sample(self, number: int) -> "TrendsRequest":
        """The same question, asked for another sample."""
        return replace(self, sample_no=number)


def _digest(spec: dict[str, Any]) -> str:
    text = json.dumps(spec, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:_ID_DIGITS]


def shuffled(partition: str, candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """The candidates in an order of the partition's own, so that an early stop never silences the same ones."""
    return tuple(sorted(candidates, key=lambda c: hashlib.sha256(f"{partition} {c.key}".encode()).digest()))


def single_requests(
    area: str, geo: str, cadence: Cadence, block: Window, candidates: Iterable[Candidate], partition: str
) -> tuple[TrendsRequest, ...]:
    """One request for each candidate, in the partition's order."""
    return tuple(
        TrendsRequest(area, geo, cadence, block, (keyword_of(candidate),))
        for candidate in shuffled(partition, candidates)
    )


def comparison(
    area: str, geo: str, cadence: Cadence, block: Window, candidates: Iterable[Candidate], sample_no: int = 1
) -> TrendsRequest:
    """The request that compares up to five candidates, in the order given.

    Raises:
        ValueError: they cannot stand in one request; two have the same keyword, for example.
    """
    keywords = tuple(keyword_of(candidate) for candidate in candidates)
    return TrendsRequest(area, geo, cadence, block, keywords, sample_no=sample_no)
