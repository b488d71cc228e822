"""`/trends/api/widgetdata/relatedsearches` and autocomplete: what else is searched for, top and rising.

Each subject has companions, a fixed set of queries and of topics. Each is a part of the subject's searches, and that
part moves from one six hours to the next; some exist only in some weeks, and break out when they come back.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from urllib.parse import quote_plus

import numpy as np

from elec_assets.sandbox.posts import Json
from elec_assets.sandbox.trends_explore import shown
from elec_assets.sandbox.trends_labels import growth_label, value_label
from elec_assets.sandbox.trends_samples import Counts, Sampler
from elec_assets.sandbox.trends_shape import Floats, seeded
from elec_assets.sandbox.trends_times import Span
from elec_assets.sandbox.trends_world import Subject, TrendsWorld

LONGEST = 25
# A companion below this many sampled searches is not shown.
_FLOOR_FACTOR = 2
_LEAST_GROWTH = 40
_SLOT_S, _SLOTS_A_WEEK, _MOST_SLOTS = 21_600, 28, 40
_MONDAY_SLOT = 16  # 1970-01-05
# The part that is left of a companion that is away: breakouts are of the size of the recorded 8550 and 12600 %.
_ABSENT = 0.008
# fmt: off
_QUERIES = (
    "{} programme", "sondage {}", "{} 2027", "{} meeting", "{} débat", "{} parti", "{} interview", "{} âge",
    "{} président", "{} twitter", "{} femme", "{} discours", "{} retraite", "{} candidat", "{} présidentielle",
    "{} actualité", "{} livre", "{} biographie", "{} video", "{} direct", "{} immigration", "{} europe",
    "{} salaire", "{} soutien", "{} affiche", "{} dernier sondage", "élection présidentielle",
    "sondage présidentielle", "débat présidentiel", "second tour", "vote blanc", "parrainages",
)
# fmt: on
# fmt: off
_TOPICS = (
    "Opinion poll", "Debate", "Election", "President", "Political party", "Manifesto", "Interview", "Speech",
    "Pension", "Immigration", "Energy", "Europe", "Taxation", "Salary", "Book", "Biography", "Television",
    "Newspaper", "Twitter", "Demonstration", "Mayor", "Minister", "Parliament", "Referendum", "Campaign",
    "Second round",
)
# fmt: on


@dataclass(frozen=True, slots=True)
class _Companion:
    text: str
    mid: str
    kind: str
    weight: float
    # Of nine weeks, the one in which it is searched for; None: in all.
    week: int | None


def related(sampler: Sampler, request: Json, keyword: str, geo: str, span: Span, now: datetime) -> Json:
    """`relatedsearches`: two lists, top (0 to 100) and rising (growth in percent); each may be empty."""
    topics = request["keywordType"] == "ENTITY"
    subject = sampler.world.subject(keyword)
    companions = _companions(sampler.world.scene.seed, subject, shown(keyword, sampler.world), topics)
    rng = sampler.generator(request, span, now)
    until = span.until(now)
    earlier = span.start - (until - span.start)
    counts, before = (
        rng.poisson(sampler.world.searches(keyword, geo, *window) * _parts(companions, *window))
        for window in ((span.start, until), (earlier, span.start))
    )
    link = f"&date={quote_plus(span.asked)}" + (f"&geo={geo}" if geo else "")
    shown_rows = [(_named(c, topics), f"/trends/explore?q={_query(c, topics)}{link}") for c in companions]
    floor = sampler.floor * _FLOOR_FACTOR
    return {
        "default": {
            "rankedList": [
                {"rankedKeyword": _top(shown_rows, counts, floor)},
                {"rankedKeyword": _rising(shown_rows, counts, before, floor)},
            ]
        }
    }


def suggestions(world: TrendsWorld, text: str) -> Json:
    """Autocomplete: the topics of the scene whose name has the text in it."""
    wanted = " ".join(text.lower().split())
    found = [s for s in world.scene.subjects if s.mid and wanted and wanted in s.name.lower()]
    return {"default": {"topics": [{"mid": s.mid, "title": s.name, "type": s.kind} for s in found[:5]]}}


def _top(rows: Sequence[tuple[Json, str]], counts: Counts, floor: int) -> list[Json]:
    order = [i for i in np.argsort(-counts, kind="stable") if counts[i] >= floor][:LONGEST]
    found = []
    for i in order:
        value = int(100 * counts[i] / counts[order[0]] + 0.5)
        label = value_label(value, has_data=True)
        found.append({**rows[i][0], "value": value, "formattedValue": label, "hasData": True, "link": rows[i][1]})
    return found


def _rising(rows: Sequence[tuple[Json, str]], counts: Counts, before: Counts, floor: int) -> list[Json]:
    growths = 100 * (counts / np.maximum(before, 0.5) - 1)
    order = [i for i in np.argsort(-growths, kind="stable") if counts[i] >= floor and growths[i] >= _LEAST_GROWTH]
    found = []
    for i in order[:LONGEST]:
        # Recorded growths end in 0, breakouts in 00 or 50.
        value = int(growths[i] // 10 * 10) if growths[i] <= 5000 else int(growths[i] // 50 * 50)
        found.append({**rows[i][0], "value": value, "formattedValue": growth_label(value), "link": rows[i][1]})
    return found


def _named(companion: _Companion, topics: bool) -> Json:
    if topics:
        return {"topic": {"mid": companion.mid, "title": companion.text, "type": companion.kind}}
    return {"query": companion.text}


def _query(companion: _Companion, topics: bool) -> str:
    return companion.mid if topics else quote_plus(companion.text)


@lru_cache(maxsize=512)
def _companions(seed: int, subject: Subject, named: Subject, topics: bool) -> tuple[_Companion, ...]:
    """The subject itself comes first among its topics, never among its queries."""
    rng = seeded(f"{seed} companions {subject.name} {topics}")
    texts = list(_TOPICS) if topics else [form.format(subject.name.lower()) for form in _QUERIES]
    rng.shuffle(texts)
    found = [
        _Companion(text, _mid(f"{text} {'' if topics else subject.name}"), "Topic", 0.12 / (rank + 1.5) ** 1.2, week)
        for rank, text in enumerate(texts)
        for week in (rng.randrange(9) if rng.random() < 0.2 else None,)
    ]
    if topics:
        found.insert(0, _Companion(named.name, subject.mid or _mid(subject.name), subject.kind, 0.4, None))
    return tuple(found)


def _mid(text: str) -> str:
    digits = hashlib.sha256(text.encode()).hexdigest()
    return f"/g/11{digits[:8]}" if digits[8] < "8" else f"/m/0{digits[:5]}"


def _parts(companions: Sequence[_Companion], start: datetime, end: datetime) -> Floats:
    """The mean part of each companion in the subject's searches over a window, from at most 40 moments in it."""
    first, last = int(start.timestamp()) // _SLOT_S, int((end - timedelta(seconds=1)).timestamp()) // _SLOT_S
    slots = sorted({first + (last - first) * i // (_MOST_SLOTS - 1) for i in range(_MOST_SLOTS)})
    return np.array([c.weight * sum(_moved(c, slot) for slot in slots) / len(slots) for c in companions])


def _moved(companion: _Companion, slot: int) -> float:
    """What chance makes of a companion's part in six hours: of the week, of the hours, and of its absence."""
    week = (slot - _MONDAY_SLOT) // _SLOTS_A_WEEK
    of_week, of_hours = (_chance(f"{companion.mid} {text}") for text in (f"week {week}", str(slot)))
    absent = companion.week is not None and week % 9 != companion.week
    return (0.3 + 2.1 * of_week**2) * (0.7 + 0.6 * of_hours) * (_ABSENT if absent else 1.0)


@lru_cache(maxsize=50_000)
def _chance(key: str) -> float:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=2).digest()) / 65536
