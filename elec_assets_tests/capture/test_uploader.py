"""Closed segments to a store in a directory: order, what is there already, and a store that is away."""

from collections.abc import Callable
from pathlib import Path

import pytest

from elec_assets.capture.outbox import Outbox, Parcel
from elec_assets.capture.segments import Segment
from elec_assets.capture.uploader import Uploaded, Uploader
from elec_assets.clients.store import Store, StoreError, open_store
from elec_assets.domain.journal import SLOT_MS

SEGMENTS = [Segment(n * SLOT_MS, "0123abcd") for n in range(1, 5)]


class Waiting:
    """Segments that wait, and what was done with them."""

    def __init__(self) -> None:
        self.waiting = list(SEGMENTS)

    def closed(self) -> list[Segment]:
        return list(self.waiting)

    def forget(self, segment: Segment) -> None:
        self.waiting.remove(segment)


class Broken(Store):
    """A store that refuses from some write on, and may not be read."""

    def __init__(self, store: Store, writes: int, *, readable: bool = True) -> None:
        self.url = store.url
        self.left = writes
        self.keys: list[str] = []
        self._store = store
        self._may_be_read = readable

    def create(self, key: str, data: bytes) -> None:
        if self.left <= 0:
            raise StoreError(f"cannot write '{key}': the store is down")
        self.left -= 1
        self._store.create(key, data)
        self.keys.append(key)

    def get(self, key: str) -> bytes:
        if not self._may_be_read:
            raise StoreError(f"cannot read '{key}': no permission")
        return self._store.get(key)


def key(segment: Segment, name: str, election: str = "xx") -> str:
    return f"{election}/data/raw/{segment}_{name}"


def pack(segment: Segment) -> list[Parcel]:
    return [
        Parcel(e, ((key(segment, "journal", e), b"j" + str(segment).encode()), (key(segment, "body", e), e.encode())))
        for e in ("xx", "yy")
    ]


def never() -> bool:
    return False


@pytest.fixture
def directory(tmp_path: Path) -> Store:
    return open_store((tmp_path / "store").as_uri())


Make = Callable[..., Uploader]


@pytest.fixture
def waiting() -> Waiting:
    return Waiting()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def uploader(tmp_path: Path, waiting: Waiting, said: list[str]) -> Make:
    def make(store: Store, pack: Callable[[Segment], list[Parcel]] = pack) -> Uploader:
        outbox = Outbox(tmp_path / "outbox")
        return Uploader(slots=waiting, store=lambda: store, outbox=outbox, pack=pack, say=said.append)

    return make


def test_all_that_waits_is_uploaded_oldest_first_the_journal_before_the_body(
    uploader: Make, directory: Store, waiting: Waiting, tmp_path: Path
) -> None:
    store = Broken(directory, 100)
    assert uploader(store).upload(stop=never) == Uploaded(4)
    wanted = [key(s, name, e) for s in SEGMENTS for e in ("xx", "yy") for name in ("journal", "body")]
    assert store.keys == wanted
    assert waiting.waiting == []
    assert [path.name for path in (tmp_path / "outbox").iterdir()] == ["disputed"]


def test_while_the_store_is_down_everything_waits_and_goes_on_where_it_stopped(
    uploader: Make, directory: Store, waiting: Waiting
) -> None:
    store = Broken(directory, 5)
    mine = uploader(store)
    done = mine.upload(stop=never)
    assert done.slots == 1
    assert done.problem is not None
    assert "the store is down; what waits stays in the spool" in done.problem
    assert waiting.waiting == SEGMENTS[1:]
    assert mine.upload(stop=never).slots == 0
    store.left = 100
    assert mine.upload(stop=never) == Uploaded(3)
    assert store.keys == sorted(store.keys, key=lambda k: k.rpartition("/")[2][:22])
    assert len(store.keys) == len(set(store.keys)) == 16


def test_a_second_attempt_sends_the_same_bytes_whatever_the_registry_says_by_then(
    uploader: Make, directory: Store, waiting: Waiting, said: list[str]
) -> None:
    assert uploader(Broken(directory, 1)).upload(stop=never).slots == 0

    def other(segment: Segment) -> list[Parcel]:
        return [Parcel("xx", ((key(segment, "journal"), b"of another registry"), (key(segment, "body"), b"xx")))]

    # A new process, which may not read.
    assert uploader(Broken(directory, 100, readable=False), other).upload(stop=never) == Uploaded(4)
    assert directory.get(key(SEGMENTS[0], "journal")) == b"j" + str(SEGMENTS[0]).encode()
    assert directory.get(key(SEGMENTS[1], "journal")) == b"of another registry"
    assert said == []
    assert not waiting.waiting


def test_an_object_that_is_there_with_the_same_bytes_is_success(
    uploader: Make, directory: Store, said: list[str], waiting: Waiting
) -> None:
    for name, data in pack(SEGMENTS[0])[0].objects:
        directory.create(name, data)
    assert uploader(directory).upload(stop=never) == Uploaded(4)
    assert said == []
    assert not waiting.waiting


def test_an_object_with_other_bytes_is_told_and_kept_and_stops_nothing_else(
    uploader: Make, directory: Store, said: list[str], tmp_path: Path
) -> None:
    directory.create(key(SEGMENTS[1], "journal"), b"somebody else's")
    assert uploader(directory).upload(stop=never) == Uploaded(4)
    assert directory.get(key(SEGMENTS[1], "journal")) == b"somebody else's"
    assert directory.find(key(SEGMENTS[1], "body")) is None, "it would stand under a journal that is not its own"
    assert directory.get(key(SEGMENTS[1], "body", "yy")) == b"yy"
    [told] = said
    assert "holds other bytes under the name of this spool and slot" in told
    assert "give it an empty directory of its own; nothing was overwritten" in told
    outbox = Outbox(tmp_path / "outbox")
    assert outbox.disputed() == 1
    [kept] = (tmp_path / "outbox" / "disputed").iterdir()
    assert str(kept) in told
    assert b"xx" in kept.read_bytes()


def test_who_may_only_write_tells_of_what_was_there_and_keeps_it(
    uploader: Make, directory: Store, said: list[str], tmp_path: Path
) -> None:
    directory.create(key(SEGMENTS[0], "body"), b"perhaps the same")
    assert uploader(Broken(directory, 100, readable=False)).upload(stop=never) == Uploaded(4)
    assert "is in the store before it was sent, and may not be read to compare" in said[0]
    assert Outbox(tmp_path / "outbox").disputed() == 1


def test_a_stop_ends_after_the_slot_under_way(uploader: Make, directory: Store, waiting: Waiting) -> None:
    looks = iter([False, False, True])
    assert uploader(directory).upload(stop=lambda: next(looks)) == Uploaded(2)
    assert waiting.waiting == SEGMENTS[2:]


def test_what_a_crash_left_of_uploaded_slots_is_swept_away(
    uploader: Make, directory: Store, waiting: Waiting, tmp_path: Path
) -> None:
    """After a crash between the end of an upload and the removal of its parcels."""
    Outbox(tmp_path / "outbox").put(SEGMENTS[0], pack(SEGMENTS[0]))
    waiting.waiting = SEGMENTS[1:]
    uploader(directory)
    assert Outbox(tmp_path / "outbox").find(SEGMENTS[0]) is None


def test_parcels_that_cannot_be_read_are_made_again(
    uploader: Make, directory: Store, waiting: Waiting, tmp_path: Path
) -> None:
    outbox = Outbox(tmp_path / "outbox")
    outbox.put(SEGMENTS[0], pack(SEGMENTS[0]))
    (tmp_path / "outbox" / f"{SEGMENTS[0]}.parcels").write_bytes(b"\x93\x01")
    assert outbox.find(SEGMENTS[0]) is None
    assert uploader(directory).upload(stop=never) == Uploaded(4)
    assert not waiting.waiting


def test_a_disk_that_refuses_is_a_problem_and_not_an_end(uploader: Make, directory: Store) -> None:
    def full(segment: Segment) -> list[Parcel]:
        raise OSError(28, "No space left on device", str(segment))

    done = uploader(directory, full).upload(stop=never)
    assert done.slots == 0
    assert done.problem is not None
    assert "free space or mend the rights of ELEC_SPOOL" in done.problem
