"""What is left to ask of Google Trends for one block, decided from the plan and from what is stored alone.

A question that has a stored document is never asked again, also where the document says that there is nothing; only a
new sample asks anew. So a run that was cut off goes on where it stopped, whoever runs it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from elec_assets.domain.ladder import Told, most_requests, repairs
from elec_assets.domain.registry import Candidate
from elec_assets.domain.trends import Cadence, Endpoint, second_sample_at
from elec_assets.domain.trends_requests import Keyword, TrendsRequest, shuffled, single_requests
from elec_assets.domain.windows import Window
from elec_assets.transforms import trends_ladder
from elec_assets.transforms.trend_measures import seen
from elec_assets.transforms.trends import Compared
from elec_assets.transforms.trends_calibrated import aligned
from elec_assets.transforms.trends_documents import Failure, RawTrendsDocument
from elec_assets.transforms.trends_ladder import Pinned
from elec_assets.transforms.trends_read import Documents

INVALID = "invalid"
"""`error_kind` of a request that Google does not take (400): it is never sent again."""
Group = tuple[str, ...]
GivenUp = Mapping[tuple[str, Endpoint], Group]
"""Questions that are not to be asked now, by request and endpoint (explore: all of them), and their candidates."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request to make, and what to fetch after its explore call."""

    request: TrendsRequest
    endpoints: tuple[Endpoint, ...]

    @property
    def http(self) -> int:
        """HTTP requests that it takes, where nothing is asked twice."""
        return 1 + len(self.endpoints)


@dataclass(frozen=True, slots=True)
class Block:
    """One block of an area and cadence: its span, who is followed in it, and what its orders are drawn by."""

    area: str
    geo: str
    cadence: Cadence
    window: Window
    candidates: tuple[Candidate, ...]
    partition: str

    def comparison(self, keywords: Sequence[Keyword], sample_no: int) -> TrendsRequest:
        """The request that compares candidates."""
        return TrendsRequest(self.area, self.geo, self.cadence, self.window, tuple(keywords), sample_no=sample_no)


def quarantined(failures: Iterable[Failure]) -> dict[tuple[str, Endpoint], Group]:
    """The questions that Google did not take."""
    return {
        (failure.request_id, failure.exchange.endpoint): failure.candidates
        for failure in failures
        if failure.exchange.error_kind == INVALID
    }


def is_given_up(given_up: GivenUp, request_id: str, endpoint: Endpoint) -> bool:
    """Whether a question is not to be asked now."""
    return (request_id, endpoint) in given_up or (request_id, Endpoint.EXPLORE) in given_up


class Ladder:
    """The comparisons of a block: those of the pinned ladder, then the repairs that its answers call for.

    `documents` are all of the block; those that come later are not seen. Without a pinned ladder (lost, or never made)
    it is what was stored.
    """

    def __init__(self, block: Block, pinned: Pinned | None, documents: Documents) -> None:
        self._block = block
        self._pinned = pinned
        self._documents = documents
        self.timelines = [d for d in documents if d.endpoint is Endpoint.TIMELINE]
        current = trends_ladder.askable(block.candidates)
        self._followed = trends_ladder.pin(block.candidates, None, block.partition, "").named
        asked = {k.candidate: k for d in self.timelines for k in d.request.keywords}
        self._told_of: dict[int, list[Told]] = {}
        self.keywords: dict[str, Keyword] = current | asked | ({} if pinned is None else pinned.named)

    @property
    def latest(self) -> int:
        """The highest sample that has an answer; 0 where there is none."""
        return max((d.request.sample_no for d in self.timelines), default=0)

    def of_sample(self, sample_no: int) -> list[RawTrendsDocument]:
        """The timelines of a sample, by request: the same order whenever they were asked."""
        found = [d for d in self.timelines if d.request.sample_no == sample_no]
        return sorted(found, key=lambda d: d.request.request_id)

    def compared(self, sample_no: int) -> list[Compared]:
        """What the timelines of a sample say, those that have points."""
        return self._documents.compared(self.of_sample(sample_no))

    def first(self, sample_no: int = 1) -> list[TrendsRequest]:
        """The comparisons that a sample begins with; a further sample with all of those before it."""
        groups = self._first()
        for earlier in range(1, sample_no):
            groups += [d.request.candidates for d in self.of_sample(earlier)]
        return [self._request(group, sample_no) for group in dict.fromkeys(groups)]

    def next_of(self, sample_no: int, given_up: GivenUp) -> list[TrendsRequest]:
        """What to ask next; empty where the ladder of the sample is whole. Ask it, and call again."""
        first = {request.candidates: request for request in self.first(sample_no)}
        stored = {d.request.candidates for d in self.of_sample(sample_no)}
        missing = [
            group
            for group, request in first.items()
            if group not in stored and not is_given_up(given_up, request.request_id, Endpoint.TIMELINE)
        ]
        if missing:
            return [first[group] for group in trends_ladder.shuffled(self._block.partition, missing)]
        asked = {*first, *stored, *(group for group in given_up.values() if self._asks(group, sample_no, given_up))}
        more = repairs(self._told(sample_no), asked, most_requests(len(self.keywords)))
        return [self._request(group, sample_no) for group in more]

    def samples(self, now: datetime, refresh: datetime | None) -> list[int]:
        """The samples to be asked now: those begun, and one more where it is due or the latest is older than `refresh`.

        A second is due from the eighth day on, unless the first was asked that late itself.
        """
        latest = self.latest
        begun = min((d.fetched_at for d in self.of_sample(latest)), default=None)
        if begun is None:
            return [1]
        due_at = second_sample_at(self._block.window, self._block.cadence)
        due = due_at is not None and begun < due_at <= now
        again = refresh is not None and begun < refresh
        return [*range(1, latest + 1), *([latest + 1] if due or again else [])]

    def usable(self, quarantine: GivenUp) -> list[int]:
        """The samples that make tables: the first as far as it is there, further ones when they are whole.

        Else half a second sample would hide what the first has of the same candidates.
        """
        return [n for n in range(1, self.latest + 1) if n == 1 or not self.next_of(n, quarantine)]

    def _first(self) -> list[Group]:
        stored = {d.request.candidates for d in self.of_sample(1)}
        if self._pinned is None:
            pinned = sorted(stored)
        else:
            pinned = trends_ladder.comparisons(list(self._pinned.named), known=self._pinned.known)
        kept = [group if group in stored else tuple(c for c in group if c in self._followed) for group in pinned]
        held = {c for group in kept for c in group}
        new = [c for c in self._followed if c not in held]
        return [*dict.fromkeys(group for group in kept if group), *trends_ladder.comparisons(new, known=False)]

    def _request(self, group: Group, sample_no: int) -> TrendsRequest:
        return self._block.comparison([self.keywords[c] for c in group], sample_no)

    def _asks(self, group: Group, sample_no: int, given_up: GivenUp) -> bool:
        """Whether what was given up is this comparison, in this sample."""
        if len(group) < 2 or not all(c in self.keywords for c in group):
            return False
        return is_given_up(given_up, self._request(group, sample_no).request_id, Endpoint.TIMELINE)

    def _told(self, sample_no: int) -> list[Told]:
        if sample_no not in self._told_of:
            self._told_of[sample_no] = [seen(answer) for answer in aligned(self.compared(sample_no))[1]]
        return self._told_of[sample_no]


def singles_wanted(
    block: Block,
    endpoints: Sequence[Endpoint],
    documents: Iterable[RawTrendsDocument],
    given_up: GivenUp,
    refresh: datetime | None,
) -> list[Wanted]:
    """Requests of one candidate that are left to ask, in the order of the partition.

    Each endpoint is asked for the latest sample that was begun, or for the next where that is older than `refresh`.
    A candidate that has an answer is not asked again because its keyword changed since.
    """
    alone = [document for document in documents if _is_single(document)]
    stored = {(d.request.candidates[0], d.endpoint, d.request.sample_no) for d in alone}
    questions = {r.candidates[0]: r for r in _singles(block)}
    wanted: dict[tuple[str, int], list[Endpoint]] = {}
    for endpoint in endpoints:
        number = _sample_of([d for d in alone if d.endpoint is endpoint], refresh)
        for candidate in _missing(questions, endpoint, number, stored, given_up):
            wanted.setdefault((candidate, number), []).append(endpoint)
    order = {c: n for n, c in enumerate(questions)}
    return [
        Wanted(replace(questions[c], sample_no=number), tuple(found))
        for (c, number), found in sorted(wanted.items(), key=lambda item: (order[item[0][0]], item[0][1]))
    ]


def _sample_of(documents: Sequence[RawTrendsDocument], refresh: datetime | None) -> int:
    """The sample that an endpoint is asked for."""
    latest = max((d.request.sample_no for d in documents), default=0)
    begun = min((d.fetched_at for d in documents if d.request.sample_no == latest), default=None)
    again = begun is not None and refresh is not None and begun < refresh
    return latest + 1 if again else max(latest, 1)


def _missing(
    questions: Mapping[str, TrendsRequest],
    endpoint: Endpoint,
    sample_no: int,
    stored: Collection[tuple[str, Endpoint, int]],
    given_up: GivenUp,
) -> list[str]:
    return [
        candidate
        for candidate, request in questions.items()
        if (candidate, endpoint, sample_no) not in stored
        and not is_given_up(given_up, request.sample(sample_no).request_id, endpoint)
    ]


def _singles(block: Block) -> list[TrendsRequest]:
    """One request for each candidate whose keyword can be asked."""
    found: list[TrendsRequest] = []
    for candidate in shuffled(block.partition, block.candidates):
        if trends_ladder.askable([candidate]):
            found += single_requests(block.area, block.geo, block.cadence, block.window, [candidate], block.partition)
    return found


def _is_single(document: RawTrendsDocument) -> bool:
    return len(document.request.keywords) == 1 and document.endpoint is not Endpoint.TIMELINE
