"""What a directory store keeps when writers are killed, disks are full and rights are missing."""

import os
import random
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
    local: Store, directory: Path, monkeypatch: pytest.MonkeyPatch
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
    local.put("a/b/c", b"x")
    assert synced[:2] == [".tmp/*", "rename"]
    assert set(synced[2:]) == {"a/b/", "a/", "./"}
    synced.clear()
    local.put("a/b/c", b"y")
    assert synced == [".tmp/*", "rename", "a/b/"]
    synced.clear()
    local.create("a/b/d", b"x")
    assert synced == [".tmp/*", "a/b/"]
    assert (local.get("a/b/c"), local.get("a/b/d")) == (b"y", b"x")


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


def test_opening_a_store_does_not_stumble_over_a_writer(local: Store, directory: Path) -> None:
    """The sweep of old temporary files met one that its writer had just renamed, and said the store did not exist."""
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            local.put("state/x", b"x")

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
    assert local.get("state/x") == b"x"


def test_of_processes_that_create_one_wins(directory: Path) -> None:
    script = """
import sys
from elec_assets.clients.store import ObjectExists, open_store
store = open_store(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for key in range(50):
    try:
        store.create(f"race/{key}", sys.argv[2].encode() * 1000)
        print(key)
    except ObjectExists:
        continue
"""
    url = directory.as_uri()
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", script, url, str(n)],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in range(8)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    # All are ready: the first line lets each go.
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("\n")
        racer.stdin.flush()
    said = [racer.communicate(timeout=60)[0].split() for racer in racers]
    assert sorted(int(key) for keys in said for key in keys) == list(range(50))
    store = open_store(url)
    assert all(store.get(f"race/{key}") == str(n).encode() * 1000 for n, keys in enumerate(said) for key in keys)


def test_a_full_disk_is_one_clear_sentence_and_changes_nothing(local: Store, directory: Path) -> None:
    """A limit on the size of files stands for the full disk: the write fails midway in the same place."""
    local.put("e/weekly", b"before")
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
    assert local.get("e/weekly") == b"before"
    assert [i.key for i in local.list("e/")] == ["e/weekly"]
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
