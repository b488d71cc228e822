"""SIGKILL at random instants of compliance: the run after it ends as if nothing had happened.

`test_compliance.py` has a crash at chosen writes for each day, and at every write for `make prove`.
"""

import os
import random
import signal
import time
from collections.abc import Iterator
from datetime import timedelta
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from elec_assets.clients.store import open_store
from elec_assets.sandbox.serve import start_x
from elec_assets.sandbox.world import World
from elec_assets.sandbox.x_http import XServer
from elec_assets_tests.capture import killed
from elec_assets_tests.clients.captured import listened, matching, minutes
from elec_assets_tests.clients.complying import KEY, comply_process, filled, final
from elec_assets_tests.clients.hours import HOUR, Clock, objects

GONE = 12
VOLUMES = f"{KEY}/weekly/twitter_volume/"


@pytest.fixture(scope="module")
def children() -> ForkServerContext:
    made = killed.context()
    # Of use only where no other test has started the server before.
    made.set_forkserver_preload(["elec_assets_tests.capture.killed", "elec_assets_tests.clients.complying", "tweepy"])
    return made


@pytest.fixture(scope="module")
def x(world: World) -> Iterator[XServer]:
    with start_x(scene=world, clock=Clock(HOUR.end + timedelta(hours=2), timedelta(milliseconds=1))) as server:
        yield server


@pytest.fixture(scope="module")
def prepared(world: World, x: XServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """All objects of a store with the hour sealed; without weekly files of volume, which take longer than the rest."""
    folder = tmp_path_factory.mktemp("prepared")
    store = open_store((folder / "store").as_uri())
    batches = listened(folder / "spool", world, outages=[minutes(20, 30)])
    filled(store, batches, x, Clock(HOUR.end + timedelta(hours=2)))
    return {key: data for key, data in objects(store).items() if not key.startswith(VOLUMES)}


def killed_at_random(
    folder: Path, children: ForkServerContext, world: World, x: XServer, prepared: dict[str, bytes], kills: int
) -> int:
    """Runs that are killed after a while, each followed by a whole one, until so many were; how many runs it took."""
    draw = random.Random(1)  # noqa: S311 - not for secrets
    x.compliance.fates = dict.fromkeys(draw.sample([post["id"] for post in matching(world, HOUR)], GONE), "deleted")
    wanted, _ = whole(folder / "whole", children, x, prepared)
    # The first has waited for the server of processes.
    _, took_s = whole(folder / "again", children, x, prepared)
    struck = seed = 0
    while struck < kills:
        seed += 1
        place = place_of(folder / str(seed), prepared)
        child = children.Process(target=comply_process, args=(place, x.url, seed), daemon=True)
        child.start()
        time.sleep(random.Random(seed).uniform(0, 0.8 * took_s))  # noqa: S311 - not for secrets
        if child.is_alive():
            assert child.pid is not None
            os.kill(child.pid, signal.SIGKILL)
            struck += 1
        child.join()
        found, _ = whole(place, children, x, prepared)
        assert found == wanted, seed
    return seed


def place_of(folder: Path, prepared: dict[str, bytes]) -> Path:
    folder.mkdir()
    store = open_store((folder / "store").as_uri())
    for key, data in prepared.items():
        store.create(key, data)
    return folder


def whole(
    place: Path, children: ForkServerContext, x: XServer, prepared: dict[str, bytes]
) -> tuple[dict[str, bytes], float]:
    """The store after a run that is not killed, and how long that took."""
    if not place.exists():
        place_of(place, prepared)
    child = children.Process(target=comply_process, args=(place, x.url, -1), daemon=True)
    began = time.monotonic()
    child.start()
    child.join(120)
    assert child.exitcode == 0
    return final(open_store((place / "store").as_uri())), time.monotonic() - began


@pytest.mark.prove
@pytest.mark.timeout(1800)
def test_a_hundred_kills_of_compliance_change_nothing(
    tmp_path: Path, children: ForkServerContext, world: World, x: XServer, prepared: dict[str, bytes]
) -> None:
    assert killed_at_random(tmp_path, children, world, x, prepared, 100) <= 250
