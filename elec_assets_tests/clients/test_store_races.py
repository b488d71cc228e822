"""Of several writers that create an object at once exactly one wins, on each kind of store."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from elec_assets.clients.store import ObjectExists, Store, open_store
from elec_assets_tests.s3 import KINDS, Bucket

REPOSITORY = Path(__file__).parents[2]
RACER = """
import sys
from elec_assets.clients.store import ObjectExists, open_store
store = open_store(sys.argv[1], allow_http=True)
print("ready", flush=True)
sys.stdin.readline()
for key in range(int(sys.argv[3])):
    try:
        store.create(f"race/{key}", sys.argv[2].encode() * 1000)
        print(key)
    except ObjectExists:
        continue
"""


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, directory: Path, new_bucket: Callable[[str], Bucket]) -> str:
    return directory.as_uri() if request.param == KINDS[0] else new_bucket(request.param).url


def check(url: str, wins: list[list[int]], keys: int) -> None:
    """Each key was won once, and holds what its winner wrote."""
    assert sorted(key for won in wins for key in won) == list(range(keys))
    store = open_store(url, allow_http=True)
    assert [i.key for i in store.list("race/")] == sorted(f"race/{key}" for key in range(keys))
    assert all(store.get(f"race/{key}") == str(n).encode() * 1000 for n, won in enumerate(wins) for key in won)


def race_threads(url: str, racers: int, keys: int) -> list[list[int]]:
    barrier = threading.Barrier(racers)

    def race(number: int) -> list[int]:
        store = open_store(url, allow_http=True)
        barrier.wait()
        return [key for key in range(keys) if won(store, f"race/{key}", str(number).encode() * 1000)]

    with ThreadPoolExecutor(racers) as pool:
        return list(pool.map(race, range(racers)))


def won(store: Store, key: str, data: bytes) -> bool:
    try:
        store.create(key, data)
    except ObjectExists:
        return False
    return True


def race_processes(url: str, racers: int, keys: int) -> list[list[int]]:
    pipe = subprocess.PIPE
    started = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, url, str(n), str(keys)],
            cwd=REPOSITORY,
            env=dict(os.environ),
            stdin=pipe,
            stdout=pipe,
            text=True,
        )
        for n in range(racers)
    ]
    for racer in started:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    # All are ready: the first line lets each go.
    for racer in started:
        assert racer.stdin is not None
        racer.stdin.write("\n")
        racer.stdin.flush()
    return [[int(key) for key in racer.communicate(timeout=120)[0].split()] for racer in started]


def test_of_threads_that_create_one_wins(url: str) -> None:
    check(url, race_threads(url, racers=8, keys=10), 10)


def test_of_processes_that_create_one_wins(url: str) -> None:
    check(url, race_processes(url, racers=4, keys=20), 20)


@pytest.mark.prove
def test_of_many_threads_that_create_often_one_wins(url: str) -> None:
    check(url, race_threads(url, racers=32, keys=100), 100)


@pytest.mark.prove
def test_of_many_processes_that_create_often_one_wins(url: str) -> None:
    check(url, race_processes(url, racers=8, keys=200), 200)
