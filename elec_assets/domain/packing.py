"""Bin packing: sizes into the fewest bins of one size. Exact up to eight sizes and nearly always beyond."""

from collections.abc import Sequence
from dataclasses import dataclass, field

# Placements tried for one packing. Eight items have 4,140 partitions in all, so they are always searched to the end.
_TRIES = 20_000
# The search recurses once an item; larger packings keep the first answer.
_MOST_SEARCHED = 300


def pack(sizes: Sequence[int], room: int) -> list[list[int]]:
    """Indices of the sizes, in as few bins as the search finds; no bin holds more than `room`.

    Takes best-fit decreasing, then looks for a packing with fewer bins, down to the bound that the sum sets.
    The same sizes in the same order give the same bins.

    Raises:
        ValueError: a size is larger than the room, or not positive.
    """
    for size in sizes:
        if not 0 < size <= room:
            raise ValueError(f"size {size} is not in 1..{room}")
    order = sorted(range(len(sizes)), key=lambda i: (-sizes[i], i))
    descending = [sizes[i] for i in order]
    bins = _best_fit(descending, room)
    if len(sizes) <= _MOST_SEARCHED:
        for count in range(_fewest(descending, room), len(bins)):
            found = _Search(descending, room, count).run()
            if found is not None:
                bins = found
                break
    return [[order[i] for i in held] for held in bins]


def _fewest(descending: Sequence[int], room: int) -> int:
    """No packing has fewer bins: the sum must fit, and two sizes over half the room never share a bin."""
    return max(-(-sum(descending) // room), sum(2 * size > room for size in descending))


def _best_fit(descending: Sequence[int], room: int) -> list[list[int]]:
    """Each size into the fullest bin it fits, else into a new one."""
    bins: list[list[int]] = []
    free: list[int] = []
    for index, size in enumerate(descending):
        fitting = [b for b in range(len(bins)) if free[b] >= size]
        if fitting:
            tightest = min(fitting, key=free.__getitem__)
        else:
            tightest = len(bins)
            bins.append([])
            free.append(room)
        bins[tightest].append(index)
        free[tightest] -= size
    return bins


@dataclass(slots=True)
class _Search:
    """Depth-first search for a packing into `count` bins, largest size first, fullest bin first."""

    descending: Sequence[int]
    room: int
    count: int
    tries: int = _TRIES
    free: list[int] = field(init=False)
    bins: list[list[int]] = field(init=False)

    def __post_init__(self) -> None:
        self.free = [self.room] * self.count
        self.bins = [[] for _ in range(self.count)]

    def run(self) -> list[list[int]] | None:
        """The packing; None if there is none, or none was found within the tries."""
        return self.bins if self._place(0) else None

    def _place(self, index: int) -> bool:
        if index == len(self.descending):
            return True
        size = self.descending[index]
        # Bins with the same free room are interchangeable: one of them is enough.
        options = {room: b for b, room in reversed(list(enumerate(self.free))) if room >= size}
        for room in sorted(options):
            self.tries -= 1
            if self.tries < 0:
                return False
            chosen = options[room]
            self.free[chosen] -= size
            self.bins[chosen].append(index)
            if self._place(index + 1):
                return True
            self.free[chosen] += size
            self.bins[chosen].pop()
            if room == size:
                return False  # filling a bin exactly is never worse than any other place for this size
        return False
