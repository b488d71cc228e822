"""Why candidates of a table of Google Trends are not whole: one cause for each, from what is stored and what happened.

A gap keeps the cause that an earlier run gave it until it is asked for again.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from elec_assets.domain.outcomes import CAUSES, Outcome, worst
from elec_assets.domain.trends import NEEDS, Endpoint, Shape, TrendsTable
from elec_assets.domain.trends_requests import LONGEST_KEYWORD, TrendsRequest
from elec_assets.transforms.trends_answers import Verdict
from elec_assets.transforms.trends_coverage import TrendsCoverage, Unit
from elec_assets.transforms.trends_documents import RawTrendsDocument
from elec_assets.transforms.trends_questions import Block, GivenUp, Group, Ladder, singles_wanted
from elec_assets.transforms.trends_read import Documents

Cause = tuple[Outcome, str]
_NOT_ASKED: Cause = (Outcome.NOT_RUN, "not asked yet")
_INVALID: Cause = (
    Outcome.ERROR,
    "Google Trends does not take this question (400), which is not sent again; look at the candidate's keyword",
)
_VERDICTS: Mapping[Verdict, Cause] = {
    Verdict.ABSENT: (Outcome.ERROR, "Google offered no such widget; run with elec/refresh=true to ask again"),
    Verdict.OVER_QUOTA: (Outcome.REFUSED, "Google says that its quota is used up"),
    Verdict.NO_LISTS: (Outcome.THROTTLED, "Google sent no list at all, as it does over quota"),
}
_SAME_KEYWORD = (
    f"its keyword is empty, longer than {LONGEST_KEYWORD} characters or another candidate's too: "
    "give it a trends.term or trends.topic_mid of its own in the registry"
)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a block after a run.

    Attributes:
        block: what is asked.
        ladder: its comparisons.
        documents: all that is stored.
        quarantine: what Google does not take.
        errors: what failed in this run, by request and endpoint; the ladder went on without (`given_up`).
        halt: why the run stopped before it had asked everything; None where it did not.
        earlier: the coverage row that earlier runs left.
    """

    block: Block
    ladder: Ladder
    documents: Documents
    quarantine: GivenUp = field(default_factory=dict)
    errors: Mapping[tuple[str, Endpoint], Cause] = field(default_factory=dict)
    given_up: GivenUp = field(default_factory=dict)
    halt: Cause | None = None
    earlier: TrendsCoverage | None = None


def causes(units: Mapping[TrendsTable, Collection[str]], known: Known) -> dict[tuple[TrendsTable, str], Cause]:
    """The cause of every unit that is not whole."""
    earlier = {(unit.table, unit.candidate): unit for unit in (() if known.earlier is None else known.earlier.units)}
    found: dict[tuple[TrendsTable, str], Cause] = {}
    for table, candidates in units.items():
        fates = _ladder_fates(known) if NEEDS[table][0] is Shape.LADDER else _single_fates(table, known)
        unfinished = table is TrendsTable.CALIBRATED_INTEREST and _unfinished(known)
        for candidate in candidates:
            cause = _one(fates.get(candidate, []), earlier.get((table, candidate)), known, unfinished=unfinished)
            if cause is not None:
                found[table, candidate] = cause
    return found


def _unfinished(known: Known) -> bool:
    """Whether comparisons are left that this run could have made."""
    return bool(known.ladder.next_of(1, {**known.quarantine, **known.given_up}))


def _one(fates: list[Cause | None], earlier: Unit | None, known: Known, *, unfinished: bool) -> Cause | None:
    """The worst of what became of a unit's questions; None where it is whole.

    Where a question was not asked, the reason is why this run stopped, or what an earlier run left.
    """
    if not fates:
        return Outcome.ERROR, _SAME_KEYWORD
    before = _before(earlier)
    told = [fate if fate != _NOT_ASKED else known.halt or before or _NOT_ASKED for fate in fates if fate is not None]
    if len(told) == len(fates) and all(outcome is Outcome.NOT_RUN for outcome, _ in told):
        return told[0]
    named = [fate for fate in told if fate[0] in CAUSES]
    if named:
        outcome = worst({fate[0] for fate in named})
        return next(fate for fate in named if fate[0] is outcome)
    if told:
        return Outcome.PARTIAL, f"{len(told)} of {len(fates)} comparisons are not asked yet"
    if unfinished and not (earlier is not None and earlier.outcome.settled):
        return known.halt or before or (Outcome.PARTIAL, "comparisons that join the ladder are not asked yet")
    return None


def _ladder_fates(known: Known) -> dict[str, list[Cause | None]]:
    stored: dict[Group, Cause | None] = {d.request.candidates: _judged(known, d) for d in known.ladder.of_sample(1)}
    fates: dict[str, list[Cause | None]] = {}
    for request in known.ladder.first():
        group = request.candidates
        fate = stored[group] if group in stored else _unstored(request, Endpoint.TIMELINE, known)
        for candidate in group:
            fates.setdefault(candidate, []).append(fate)
    return fates


def _single_fates(table: TrendsTable, known: Known) -> dict[str, list[Cause | None]]:
    endpoint = NEEDS[table][1]
    fates: dict[str, list[Cause | None]] = {}
    for document in sorted(_alone(known.documents, endpoint), key=lambda d: d.request.sample_no):
        candidate = document.request.candidates[0]
        if fates.get(candidate) != [None]:  # a later sample without answer takes nothing away
            fates[candidate] = [_judged(known, document)]
    for wanted in singles_wanted(known.block, [endpoint], known.documents, {}, None):
        for candidate in wanted.request.candidates:
            fates.setdefault(candidate, [_unstored(wanted.request, endpoint, known)])
    return fates


def _alone(documents: Iterable[RawTrendsDocument], endpoint: Endpoint) -> Iterator[RawTrendsDocument]:
    return (d for d in documents if d.endpoint is endpoint and len(d.request.keywords) == 1)


def _unstored(request: TrendsRequest, endpoint: Endpoint, known: Known) -> Cause:
    for key in ((request.request_id, endpoint), (request.request_id, Endpoint.EXPLORE)):
        if key in known.quarantine:
            return _INVALID
        if key in known.errors:
            return known.errors[key]
    return _NOT_ASKED


def _judged(known: Known, document: RawTrendsDocument) -> Cause | None:
    verdict = known.documents.verdict(document)
    return _VERDICTS.get(verdict) if isinstance(verdict, Verdict) else (Outcome.ERROR, verdict)


def _before(earlier: Unit | None) -> Cause | None:
    """The cause that an earlier run gave a unit."""
    if earlier is None or earlier.outcome not in CAUSES:
        return None
    return earlier.outcome, earlier.reason or "an earlier run was stopped"


def answers_of(known: Known) -> dict[TrendsTable, set[str]]:
    """Candidates by table that have any answer: of ladders also those of a comparison of one."""
    found: dict[TrendsTable, set[str]] = {table: set() for table in TrendsTable}
    for document in known.documents:
        if _judged(known, document) is not None:
            continue
        for table, (shape, endpoint) in NEEDS.items():
            fits = shape is Shape.LADDER or document.request.shape is Shape.SINGLE
            if endpoint is document.endpoint and fits:
                found[table].update(document.request.candidates)
    return found
