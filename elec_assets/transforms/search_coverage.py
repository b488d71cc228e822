"""What the search pages of an hour prove: which time each query has answered, and why the rest is missing.

Pure: from the sidecars (`PageMeta`) of an hour's pages. Pages come newest post first, so an answer that stopped
midway has covered the time after its oldest post.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import reduce
from itertools import groupby
from operator import and_, attrgetter, or_

import msgspec

from elec_assets.domain.intervals import NOWHERE, Intervals
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.windows import created_ms, epoch_ms, parse_iso
from elec_assets.transforms.coverage import Count

META_VERSION = 1
# X finds a post about 30 s after it was made; a question asked earlier proves nothing about the newest time.
INDEX_LAG = timedelta(seconds=90)


class PageMeta(msgspec.Struct, frozen=True, kw_only=True):
    """The sidecar of one page: what was asked, when, and what came back. Times ISO 8601 with Z, ids as strings."""

    version: int = META_VERSION
    election: str
    hour: str
    query: str
    query_id: str
    since_id: str
    until_id: str
    page: Count
    endpoint: str
    registry_version: str
    asked_at: str
    received_at: str | None = None
    status: Count | None = None
    result_count: Count | None = None
    oldest_id: str | None = None
    last: bool = False
    outcome: Outcome | None = None
    problem: str | None = None


def query_id(query: str) -> str:
    """How a query is named in keys: the first 8 hex digits of its sha256."""
    return hashlib.sha256(query.encode()).hexdigest()[:8]


def read_meta(data: bytes) -> PageMeta:
    """A stored sidecar.

    Raises:
        ValueError: it is not one; also for an id or a time in it that is none.
        RecursionError: it is nested without end.
    """
    # As text: msgspec passes over bytes that are not UTF-8 where it knows no field.
    meta = msgspec.json.decode(data.decode(), type=PageMeta)
    for number in (meta.since_id, meta.until_id, meta.oldest_id or "0"):
        int(number)
    for moment in (meta.asked_at, meta.received_at or meta.asked_at):
        _check_time(moment)
    return meta


def _check_time(text: str) -> None:
    """Refuse a time whose UTC form, or the one an index lag before it, is outside the calendar."""
    try:
        parse_iso(text) - INDEX_LAG
    except OverflowError as error:
        raise ValueError(f"{text!r} is no time that can be reckoned with: {error}") from error


Packings = Sequence[Sequence[str]]
"""Ways to pack the same terms into queries, today's first. A packing whose queries all answered has answered all."""


def needed(planned: Intervals, packings: Packings, metas: Sequence[PageMeta]) -> dict[str, Intervals]:
    """The planned time that each query of today's packing must still answer; queries with nothing to ask are left out.

    Time that another packing has answered is not asked again: X's recent search takes shorter queries than the full
    archive, so that a change of ELEC_X_ARCHIVE packs the same terms otherwise.
    """
    missing = planned - filled(planned, packings, metas)
    return {query: rest for query in packings[0] if (rest := missing - answered_by(metas, query))}


def filled(planned: Intervals, packings: Packings, metas: Sequence[PageMeta]) -> Intervals:
    """The planned time that all queries of one packing have answered."""
    answers = {query: answered_by(metas, query) for queries in packings for query in queries}
    return reduce(or_, (reduce(and_, (answers[q] for q in queries), planned) for queries in packings), NOWHERE)


def answered_by(metas: Sequence[PageMeta], query: str) -> Intervals:
    """The time one query has answered, over all times it was asked."""
    return reduce(lambda a, b: a | b, map(_answered, _asks(metas, query)), NOWHERE)


def asked(metas: Sequence[PageMeta]) -> Intervals:
    """The time that was asked for at least once, answered or not."""
    return Intervals.of((_ms_of_bound(meta.since_id), _ms_of_bound(meta.until_id)) for meta in metas)


def causes(planned: Intervals, packings: Packings, metas: Sequence[PageMeta]) -> Mapping[Outcome, str]:
    """Why time is missing: what happened when each part of it was last asked; outcome -> sentence.

    Of several packings, as the one asked last tells.
    """
    missing = planned - filled(planned, packings, metas)
    last = max(packings, key=lambda queries: max((m.asked_at for m in metas if m.query in queries), default=""))
    found: dict[Outcome, str] = {}
    for query in last:
        _causes(missing - answered_by(metas, query), _asks(metas, query), found)
    return found


def _causes(missing: Intervals, asks: list[list[PageMeta]], found: dict[Outcome, str]) -> None:
    for pages in reversed(asks):
        asked = Intervals.of([(_ms_of_bound(pages[0].since_id), _ms_of_bound(pages[0].until_id))])
        problem = next((m for m in pages if m.outcome is not None), None)
        if problem is not None and problem.outcome is not None and missing & asked:
            found.setdefault(problem.outcome, problem.problem or "")
        missing -= asked


def _asks(metas: Iterable[PageMeta], query: str) -> list[list[PageMeta]]:
    """The sidecars of a query, the pages of one question together, questions and pages in order."""
    mine = sorted((m for m in metas if m.query == query), key=attrgetter("asked_at", "since_id", "page"))
    return [list(pages) for _, pages in groupby(mine, key=attrgetter("asked_at", "since_id"))]


def _answered(pages: list[PageMeta]) -> Intervals:
    oldest: int | None = None
    complete = False
    for expected, page in enumerate(pages, start=1):
        if page.page != expected or page.outcome is not None:
            break
        oldest = int(page.oldest_id) if page.oldest_id else oldest
        complete = page.last
    start = _ms_of_bound(pages[0].since_id) if complete else _ms_after(oldest)
    if start is None:
        return NOWHERE
    newest = epoch_ms(parse_iso(pages[0].asked_at) - INDEX_LAG)
    return Intervals.of([(start, min(_ms_of_bound(pages[0].until_id), newest))])


def _ms_of_bound(bound: str) -> int:
    """The instant of a since_id (last id before it) or until_id (first id of it)."""
    after = int(bound) + 1 if int(bound) & 1 else int(bound)
    made = created_ms(after)
    return made if made is not None else 0


def _ms_after(oldest: int | None) -> int | None:
    made = created_ms(oldest) if oldest is not None else None
    return None if made is None else made + 1
