"""The raw documents of one block, each judged and read once: questions, gaps and tables all look at them."""

from collections.abc import Iterable, Iterator

from elec_assets.transforms.trends import Compared, compared
from elec_assets.transforms.trends_answers import Verdict, judge
from elec_assets.transforms.trends_documents import RawTrendsDocument
from elec_assets.transforms.trends_explore import TrendsUnreadable


class Documents:
    """Documents in the order they came; more can be added."""

    def __init__(self, documents: Iterable[RawTrendsDocument] = ()) -> None:
        self._all = list(documents)
        # By identity: all of them live as long as this.
        self._verdicts: dict[int, Verdict | str] = {}
        self._compared: dict[int, Compared] = {}

    def __iter__(self) -> Iterator[RawTrendsDocument]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def add(self, document: RawTrendsDocument) -> None:
        """Take in one more."""
        self._all.append(document)

    def verdict(self, document: RawTrendsDocument) -> Verdict | str:
        """What a document of these is worth; a text says why it cannot be read."""
        if id(document) not in self._verdicts:
            try:
                self._verdicts[id(document)] = judge(document)
            except TrendsUnreadable as error:
                self._verdicts[id(document)] = str(error)
        return self._verdicts[id(document)]

    def compared(self, timelines: Iterable[RawTrendsDocument]) -> list[Compared]:
        """What those timelines say that have points; those that cannot be read say nothing."""
        found = []
        for document in timelines:
            if self.verdict(document) is Verdict.OK:
                if id(document) not in self._compared:
                    self._compared[id(document)] = compared(document)
                found.append(self._compared[id(document)])
        return found
