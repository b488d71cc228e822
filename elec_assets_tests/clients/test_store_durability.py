"""What a directory store keeps when writers are killed, disks are full and rights are missing."""

import errno
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from elec_assets.clients.store import Store, StoreError, open_store

REPOSITORY = Path(__file__).parents[2]
# Each object says in its first line how long it is: a whole one is told from a part of one.
WRITER = """
import sys
from elec_assets.clients.store import ObjectExists, open_store
store = open_store(sys.argv[1])
print("ready", flush=True)
for number in range(1_000_000):
    size = 20 + number * 7919 % 300_000
    data = f"{size:>20}".encode().ljust(size, b"x")
    store.put(f"state/{number % 3}", data)
    try:
        store.create(f"made/{sys.argv[2]}/{number}", data)
    except ObjectExists:
        continue
"""


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script, *arguments], cwd=REPOSITORY, capture_output=True, text=True, timeout=60
    )


def test_a_write_returns_after_file_and_folders_are_synced(
    on_disk: Store, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut cannot be made here; what can be seen is that fsync was called, on what, and before the rename."""
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("no /proc to name what is synced")
    synced: list[str] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        name = Path(f"/proc/self/fd/{handle}").readlink().relative_to(directory)
        synced.append(f"{name}/" if stat.S_ISDIR(os.fstat(handle).st_mode) else f"{name.parts[0]}/*")
        real(handle)

    def replace(self: Path, target: Path) -> Path:
        synced.append("rename")
        self.rename(target)
        return target

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    on_disk.put("a/b/c", b"x")
    assert synced[:2] == [".tmp/*", "rename"]
    assert set(synced[2:]) == {"a/b/", "a/", "./"}
    synced.clear()
    on_disk.put("a/b/c", b"y")
    assert synced == [".tmp/*", "rename", "a/b/"]
    synced.clear()
    on_disk.create("a/b/d", b"x")
    assert synced == [".tmp/*", "a/b/"]
    assert (on_disk.get("a/b/c"), on_disk.get("a/b/d")) == (b"y", b"x")


def test_folders_above_a_new_store_are_synced_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first write of a deployment returned while the entry of the store's own folder was not on the disk."""
    synced = spied(monkeypatch)
    url = (tmp_path / "made" / "now" / "store").as_uri()
    open_store(url)
    assert {tmp_path, tmp_path / "made", tmp_path / "made" / "now"} <= set(synced)
    synced.clear()
    open_store(url)
    assert synced == []


def test_a_folder_that_another_process_made_is_synced(
    on_disk: Store, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process killed between making a folder and syncing it left one that later writers took for safe."""
    (directory / "a" / "b").mkdir(parents=True)
    synced = spied(monkeypatch)
    on_disk.put("a/b/c", b"x")
    assert {directory, directory / "a", directory / "a" / "b"} <= set(synced)
    synced.clear()
    on_disk.put("a/b/d", b"x")
    assert [path for path in synced if path.is_dir()] == [directory / "a" / "b"]
    synced.clear()
    shutil.rmtree(directory / "a")
    on_disk.put("a/b/c", b"x")
    assert {directory, directory / "a", directory / "a" / "b"} <= set(synced)


def test_a_file_is_synced_as_bytes_are(
    on_disk: Store, directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "source").write_bytes(b"x" * 3_000_000)
    synced = spied(monkeypatch)
    on_disk.put_file("a/b", tmp_path / "source")
    assert synced[0].parent == directory / ".tmp"
    assert synced[1:] == [directory / "a", directory]


def test_a_failed_sync_is_a_failed_write_that_changes_nothing(
    on_disk: Store, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that reports an error only when it must write, as a network share does."""
    on_disk.put("a/b", b"before")

    def fsync(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fsync)
    for write in (on_disk.put, on_disk.create):
        with pytest.raises(StoreError, match=r"cannot write 'a/.' in .*: \[Errno 5\] Input/output error"):
            write("a/b" if write == on_disk.put else "a/c", b"after")
    assert on_disk.get("a/b") == b"before"
    assert on_disk.find("a/c") is None
    assert list((directory / ".tmp").iterdir()) == []


@pytest.mark.parametrize("write", ["put", "create"])
def test_an_object_under_an_object_is_refused_as_what_it_is(on_disk: Store, write: str) -> None:
    """S3 takes both; a directory said that the object existed, which an asker takes for `already done`."""
    on_disk.put("a/b", b"x")
    with pytest.raises(StoreError, match=r"cannot write 'a/b/c' in .*(File exists|Not a directory)") as told:
        getattr(on_disk, write)("a/b/c", b"y")
    assert type(told.value) is StoreError
    assert on_disk.get("a/b") == b"x"


def spied(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """What is synced from now on, in order."""
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("no /proc to name what is synced")
    synced: list[Path] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        synced.append(Path(f"/proc/self/fd/{handle}").readlink())
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    return synced


def kill_while_writing(url: str, seed: int) -> None:
    """Start a writer and kill it at a random point of its work."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, url, str(seed)], cwd=REPOSITORY, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        time.sleep(random.Random(seed).uniform(0, 0.15))  # noqa: S311 - a seeded moment
        writer.send_signal(signal.SIGKILL)
        assert writer.wait() == -signal.SIGKILL


def check_all_whole(store: Store) -> int:
    """Every visible object is whole, and nothing else is visible; returns how many there are."""
    listed = [*store.list("state/"), *store.list("made/")]
    for info in listed:
        data = store.get(info.key)
        assert len(data) == info.size == int(data[:20]), info.key
    return len(listed)


def check_kills(directory: Path, kills: range) -> None:
    url = directory.as_uri()
    made = 0
    for seed in kills:
        kill_while_writing(url, seed)
        now = check_all_whole(open_store(url))
        assert now >= made
        made = now
    assert made > len(kills)
    kept = {p.relative_to(directory).parts[0] for p in directory.rglob("*") if p.is_file()}
    assert kept <= {"state", "made", ".tmp"}
    assert {i.key.split("/")[0] for i in [*open_store(url).list("state/"), *open_store(url).list("made/")]} == {
        "state",
        "made",
    }
    old = time.time() - 90_000
    for left in (directory / ".tmp").iterdir():
        os.utime(left, (old, old))
    open_store(url)
    assert list((directory / ".tmp").iterdir()) == []


def test_a_killed_writer_leaves_only_whole_objects(directory: Path) -> None:
    check_kills(directory, range(20))


@pytest.mark.prove
def test_two_hundred_killed_writers_leave_only_whole_objects(directory: Path) -> None:
    check_kills(directory, range(1000, 1200))


def test_opening_a_store_does_not_stumble_over_a_writer(on_disk: Store, directory: Path) -> None:
    """The sweep of old temporary files met one that its writer had just renamed, and said the store did not exist."""
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            on_disk.put("state/x", b"x")

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(400):
            open_store(directory.as_uri())
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert on_disk.get("state/x") == b"x"


def test_a_full_disk_is_one_clear_sentence_and_changes_nothing(on_disk: Store, directory: Path) -> None:
    """A limit on the size of files stands for the full disk: the write fails midway in the same place."""
    on_disk.put("e/weekly", b"before")
    script = """
import resource, sys
from elec_assets.clients.store import StoreError, open_store
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
store = open_store(sys.argv[1])
for write in (store.put, store.create):
    try:
        write("e/weekly" if write == store.put else "e/other", b"x" * 5_000_000)
    except StoreError as error:
        print(error)
"""
    done = run(script, directory.as_uri())
    assert done.stdout.splitlines() == [
        f"cannot write '{key}' in {directory}: the disk is full or a size limit is reached; free space and run again"
        for key in ("e/weekly", "e/other")
    ], done.stderr
    assert on_disk.get("e/weekly") == b"before"
    assert [i.key for i in on_disk.list("e/")] == ["e/weekly"]
    assert list((directory / ".tmp").iterdir()) == []


@pytest.fixture
def public() -> Iterator[Path]:
    """A store that everyone may reach: pytest's own folders are closed to other users."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        root = Path(name) / "store"
        open_store(root.as_uri()).put("e/weekly", b"before")
        yield root
        for folder in (root, root / "e", root / ".tmp"):
            folder.chmod(0o755)


def test_a_directory_without_write_rights_is_one_clear_sentence(public: Path) -> None:
    for folder in (public, public / "e", public / ".tmp"):
        folder.chmod(0o555)
    script = """
import os, sys
from elec_assets.clients.store import StoreError, open_store
if os.getuid() == 0:  # root may write anywhere
    os.setuid(65534)
store = open_store(sys.argv[1])
print(store.get("e/weekly").decode())
for ask in (lambda: store.put("e/weekly", b"x"), lambda: store.create("e/b", b"x"), lambda: store.delete("e/weekly")):
    try:
        ask()
    except StoreError as error:
        print(error)
"""
    done = run(script, public.as_uri())
    why = f"in {public}: no permission; check the rights of this identity"
    assert done.stdout.splitlines() == [
        "before",
        f"cannot write 'e/weekly' {why}",
        f"cannot write 'e/b' {why}",
        f"cannot delete 'e/weekly' {why}",
    ], done.stderr
    assert open_store(public.as_uri()).get("e/weekly") == b"before"


def test_a_store_that_cannot_be_made_is_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match=r"cannot make '\.' in .*/file/store"):
        open_store((tmp_path / "file" / "store").as_uri())
