"""SIGKILL at random instants of sealing: an hour of batches and searches comes out as if nothing had happened."""

import io
import json
import os
import random
import signal
import time
from datetime import timedelta
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

import polars as pl
import pytest

from elec_assets.capture.batches import ElectionBatch
from elec_assets.clients.store import Store, open_store
from elec_assets.sandbox.serve import start_x
from elec_assets.sandbox.world import World
from elec_assets.transforms.gzips import unpacked
from elec_assets_tests.capture import killed
from elec_assets_tests.clients.captured import listened, minutes, originals, upload
from elec_assets_tests.clients.hours import HOUR, Clock, objects, sealer, table

TABLE = "xx_2027/data/tables/twitter/20270201/18.parquet"
OUTAGES = [minutes(5, 20), minutes(30, 50)]


@pytest.fixture(scope="module")
def children() -> ForkServerContext:
    return killed.context()


@pytest.fixture(scope="module")
def batches(world: World, tmp_path_factory: pytest.TempPathFactory) -> list[ElectionBatch]:
    """A service that was cut off twice within the hour."""
    return listened(tmp_path_factory.mktemp("spool") / "s", world, outages=OUTAGES)


def whole(store: Store) -> dict[str, bytes]:
    """All that the store shows; each object can be read to its end."""
    found = objects(store)
    for key, data in found.items():
        if key.endswith(".gz"):
            unpacked(data)
        elif key.endswith(".json"):
            json.loads(data)
        elif key.endswith(".parquet"):
            pl.read_parquet(io.BytesIO(data))
    return found


def sealed_with_kills(
    folder: Path,
    children: ForkServerContext,
    url: str,
    batches: list[ElectionBatch],
    draw: random.Random,
    kills: int,
    objects_at_the_end: int,
) -> list[int]:
    """Seal the hour by processes that are killed, then by one that is not; how many objects each kill left."""
    store = open_store((folder / "store").as_uri())
    upload(store, batches)
    kept = whole(store)
    left = []
    for number in range(kills + 1):
        child = killed.started(children, folder, url, number, target=killed.seal)
        if number < kills:
            # By what it has written, not by time: machines differ.
            wait_for_objects(folder / "store", draw.randrange(len(kept), objects_at_the_end), child)
        else:
            child.join(60)
        died = child.is_alive()
        if died:
            assert child.pid is not None
            os.kill(child.pid, signal.SIGKILL)
        child.join()
        assert child.exitcode == (-signal.SIGKILL if died else 0)
        found = whole(store)
        assert kept.items() <= found.items(), "nothing that was stored is lost or changed"
        kept = {key: data for key, data in found.items() if "/raw/" in key}
        left += [len(found)] * died
    return left


def wait_for_objects(store: Path, number: int, child: ForkServerProcess) -> None:
    """Until the store holds so many objects, or the process has ended."""
    while child.is_alive() and sum(path.is_file() for path in store.rglob("*")) < number:
        time.sleep(0.001)


def compared(folder: Path, plain: Path, world: World) -> None:
    """The hour is that of a run without a crash; of its raw objects, a run without a crash makes the same bytes."""
    store, other = (open_store((each / "store").as_uri()) for each in (folder, plain))
    assert table(store).equals(table(other))
    assert originals(world) <= set(table(store)["tweet_id"])
    again = open_store((folder / "again").as_uri())
    for key, data in objects(store).items():
        if "/raw/" in key:
            again.create(key, data)
    sealer(again, None).seal(HOUR)
    assert again.get(TABLE) == store.get(TABLE)
    assert objects(again) == objects(store)


def killed_at_random(
    folder: Path, children: ForkServerContext, world: World, batches: list[ElectionBatch], seeds: range, kills: int
) -> tuple[int, int]:
    """How many were killed, and at how many different places: numbers of objects that were there."""
    total, struck = 0, set()
    clock = Clock(HOUR.end + timedelta(hours=2))
    with start_x(scene=world, clock=clock) as x:
        (folder / "plain").mkdir()
        plain = open_store((folder / "plain" / "store").as_uri())
        upload(plain, batches)
        killed.seal(folder / "plain", x.url, 0)
        end = len(objects(plain))
        for seed in seeds:
            draw = random.Random(seed)  # noqa: S311 - not for secrets
            place = folder / str(seed)
            place.mkdir()
            left = sealed_with_kills(place, children, x.url, batches, draw, kills, end)
            compared(place, folder / "plain", world)
            total += len(left)
            struck |= set(left)
    return total, len(struck)


def test_a_few_kills_of_sealing_change_nothing(
    tmp_path: Path, children: ForkServerContext, world: World, batches: list[ElectionBatch]
) -> None:
    killed_in_all, _ = killed_at_random(tmp_path, children, world, batches, range(1), 6)
    assert killed_in_all >= 1


@pytest.mark.prove
@pytest.mark.timeout(900)
def test_a_hundred_kills_of_sealing_change_nothing(
    tmp_path: Path, children: ForkServerContext, world: World, batches: list[ElectionBatch]
) -> None:
    killed_in_all, places = killed_at_random(tmp_path, children, world, batches, range(12), 14)
    assert killed_in_all >= 100
    assert places >= 3
