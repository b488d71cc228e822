"""Publishing is killed at any point: afterwards there is one whole version, never a part of one, never two."""

import os
import random
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from elec_assets.clients.kaggle_staged import Staged
from elec_assets.clients.kaggle_states import Ledger, State
from elec_assets.clients.store import open_store
from elec_assets.sandbox.kaggle_api import KaggleOptions
from elec_assets.sandbox.kaggle_faults import KaggleFault
from elec_assets.sandbox.kaggle_http import KaggleServer
from elec_assets.sandbox.serve_kaggle import start_kaggle
from elec_assets_tests.clients.kaggle_forks import Fork, fork, shared_forks
from elec_assets_tests.clients.kaggle_publishing import Order
from elec_assets_tests.clients.kaggle_staging import expected, give_first_version, held, stage

# Requests of a publication, each seen before and after it is carried out.
MOMENTS = 54


class Place:
    """A store, a sandbox and releases; publishers are processes of their own."""

    def __init__(self, folder: Path, server: KaggleServer) -> None:
        self.folder = folder
        self.server = server
        self.store = open_store((folder / "store").as_uri())
        (folder / "log.txt").touch()

    def publish(self, directory: Path) -> Fork:
        forks = shared_forks().address
        order = Order(
            store=self.store.url,
            directory=str(directory),
            endpoint=self.server.url,
            forks=forks,
            pids=str(self.folder / "pids"),
        )
        argv = ["publisher", msgspec.json.encode(order).decode()]
        log = self.folder / "log.txt"
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "TMPDIR": str(self.folder)}
        return fork(forks, argv, environment, self.folder, log, pipes=False)

    def children(self) -> list[int]:
        path = self.folder / "pids"
        return [int(pid) for pid in path.read_text().split()] if path.exists() else []


class Killer:
    """Kills the publisher, its child, or both, when the sandbox has seen so many moments."""

    def __init__(self, place: Place, moment: int, victims: str) -> None:
        self._place = place
        self._left = moment
        self._victims = victims
        self._lock = threading.Lock()
        self.publisher: Fork | None = None
        self.started = threading.Event()

    def __call__(self, _call: str, _done: bool) -> None:
        self.started.wait(10)
        with self._lock:
            self._left -= 1
            if self._left == 0:
                self.kill()

    def kill(self) -> None:
        assert self.publisher is not None
        pids = [self.publisher.pid] if self._victims != "child" else []
        if self._victims != "publisher":
            pids += self._place.children()[-1:]
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def killed_once(folder: Path, seed: int) -> None:
    """Publish; kill at a moment that the seed gives, perhaps the next run too; then run to the end."""
    chance = random.Random(seed)  # noqa: S311 - a test's
    folder.mkdir()
    # Some creations are carried out only when their sender is long dead.
    late = [KaggleFault(path="*/CreateDataset*", delay_s=0.15)] if chance.random() < 0.3 else []
    options = KaggleOptions(ready_after=1, tokens_once=chance.random() < 0.5)
    with start_kaggle(options=options, faults=late) as server:
        place = Place(folder, server)
        whole = 0
        if chance.random() < 0.5:
            give_first_version(server)
            whole = 1
        staged = stage(folder / "staged")
        for _ in range(1 + (chance.random() < 0.3)):
            kill_a_run(place, staged, chance)
        rerun = place.publish(staged.directory).wait()
        said = (folder / "log.txt").read_text(encoding="utf-8")
        assert rerun == 0, f"seed {seed}: {said[-2000:]}"
        assert held(server)[whole:] == [expected(staged)], f"seed {seed}"
        publications = Ledger(place.store).read(staged.manifest.release_id).publications
        assert [p.state for p in publications] == [State.DONE], f"seed {seed}"


def kill_a_run(place: Place, staged: Staged, chance: random.Random) -> None:
    """Start a publisher and kill it, or its child, or both: at a moment of the sandbox's, or of the clock's."""
    victims = chance.choice(["publisher", "child", "both"])
    killer = Killer(place, chance.randint(1, MOMENTS), victims)
    by_clock = chance.random() < 0.4
    if not by_clock:
        place.server.watch = killer
    killer.publisher = place.publish(staged.directory)
    killer.started.set()
    if by_clock:
        time.sleep(chance.uniform(0, 0.5))
        killer.kill()
    killer.publisher.wait()
    place.server.watch = lambda _call, _done: None


def test_a_publication_that_is_killed_is_one_whole_version_after_the_next_run(tmp_path: Path) -> None:
    for seed in range(5):
        killed_once(tmp_path / str(seed), seed)


@pytest.mark.prove
@pytest.mark.parametrize("tens", range(10))
def test_a_hundred_kills_leave_no_second_and_no_partial_version(tmp_path: Path, tens: int) -> None:
    for seed in range(100 + tens * 10, 110 + tens * 10):
        killed_once(tmp_path / str(seed), seed)
