"""Where a case happens: a store that already holds work, the sandbox of X, and an hour that is sealed again."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from elec_assets.clients.search_fill import SearchFill
from elec_assets.clients.store import Store, open_store
from elec_assets.clients.tweet_archive import TweetArchive
from elec_assets.domain.prices import FREE, Prices
from elec_assets.domain.windows import HOUR as AN_HOUR
from elec_assets.domain.windows import Grain, Window, id_bounds, key_of
from elec_assets.sandbox.faults import Fault, FaultScript
from elec_assets.sandbox.world import World
from elec_assets.sandbox.x_api import XApi, XOptions
from elec_assets.sandbox.x_fields import Spelling
from elec_assets.sandbox.x_http import XServer
from elec_assets_tests.clients.hours import HOUR, SCENE, Clock, objects, sealer, search_fill

# Rows of the hour that nothing disturbs; the prepared store holds its newest 100.
WHOLE_ROWS = 261
NOW = datetime(2027, 2, 2, 15, 0, tzinfo=UTC)
BEFORE = Window(HOUR.start - AN_HOUR, HOUR.start)
PARTITION = key_of(HOUR, Grain.HOUR)
RAW = "xx_2027/data/raw/twitter_search/20270201/"
TABLE = "xx_2027/data/tables/twitter/20270201/18.parquet"
ROW = "xx_2027/data/coverage/twitter/20270201/18.json"
REJECTS = "xx_2027/data/rejects/twitter/20270201/18.jsonl.gz"
LEDGER = "state/spend/x_search/202702.json"
CLAIM = "state/x_source.json"
REPOSITORY = Path(__file__).parents[2]
_STAMP = re.compile(r"_\d{8}T\d{9}Z_[0-9a-f]{8}_")


@dataclass
class Place:
    """A store in a directory, X on loopback, and a clock that both look at."""

    folder: Path
    world: World
    server: XServer
    clock: Clock
    prices: Prices = FREE

    @property
    def store(self) -> Store:
        return open_store(self.folder.as_uri())

    @property
    def archive(self) -> TweetArchive:
        return TweetArchive(self.store, "xx_2027")

    def objects(self) -> dict[str, bytes]:
        """The whole store."""
        return {**objects(self.store), **objects(self.store, "state/")}

    @contextmanager
    def other_x(self, spelling: Spelling) -> Iterator[None]:
        """X as it is with other names of fields."""
        before = self.server
        with XServer(XApi(self.world, self.clock, XOptions(spelling=spelling)), FaultScript(), 0) as self.server:
            yield
        before.requests += self.server.requests
        self.server = before

    def fill(self, budget_usd: float = 0.0) -> SearchFill:
        return search_fill(self.store, self.server, self.clock, prices=self.prices, budget_usd=budget_usd)

    def seal(self, *faults: Fault, budget_usd: float = 0.0) -> str:
        """Seal the hour again, as a run does, with these faults in X; the sentence that the run shows."""
        for fault in faults:
            self.server.faults.add(fault)
        sealed = sealer(self.store, self.fill(budget_usd)).seal(HOUR)
        return f"{sealed.partition}: {sealed.summary}"

    def seal_in_children(self, *options: Sequence[str]) -> list[str]:
        """The same in processes of their own, all at once; what each of them printed."""
        command = [sys.executable, "-m", "elec_assets_tests.bad_input.child", self.folder.as_uri(), self.server.url]
        started = [_start([*command, *o]) for o in options]
        # Python takes seconds to start, and the runs are to meet: all begin at the same word.
        for process in started:
            assert process.stdout is not None
            process.stdout.readline()
        for process in started:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        told = [process.communicate(timeout=120) for process in started]
        assert [process.returncode for process in started] == [0] * len(started), told
        return [out.strip() for out, _ in told]

    def plain(self, sentence: str) -> str:
        """The sentence without what differs from run to run: the folder, and the time in names of pages."""
        return _STAMP.sub("_..._", sentence.replace(str(self.folder), "./data"))


def _start(command: list[str]) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=REPOSITORY, text=True, stdin=pipe, stdout=pipe, stderr=pipe)


def page_of(*posts: str, rest: str = "", count: int | None = None) -> str:
    """A last page as text, so that it may hold what no JSON library writes; posts without the braces."""
    body = ",".join("{" + post + "}" for post in posts)
    return f'{{"data":[{body}]{rest},"meta":{{"result_count":{len(posts) if count is None else count}}}}}'


def post(number: int, more: str = '"text":"hello"') -> str:
    """The inside of a post of the hour, in the part of it that the store of a case lacks."""
    return f'"id":"{first_id() + number}",{more}'


def first_id() -> int:
    """The smallest id of the hour."""
    return id_bounds(HOUR)[0] + 1


def prepare(folder: Path, world: World) -> None:
    """A store as a run leaves it: an hour that is whole, and one of which X gave the first page, then a 503."""
    clock = Clock(NOW - timedelta(hours=3), timedelta(milliseconds=1))
    store = open_store(folder.as_uri())
    store.put(CLAIM, b'{"x":"sandbox"}')
    with XServer(XApi(world, clock, XOptions()), FaultScript(), 0) as server:
        sealer(store, search_fill(store, server, clock)).seal(BEFORE)
        server.faults.add(Fault(preset="service_unavailable", skip=1, times=4))
        sealer(store, search_fill(store, server, clock)).seal(HOUR)


@contextmanager
def place(prepared: Path, folder: Path, world: World) -> Iterator[Place]:
    """A place of its own, over a copy of the prepared store."""
    shutil.copytree(prepared, folder)
    clock = Clock(NOW, timedelta(milliseconds=1))
    with XServer(XApi(world, clock, XOptions()), FaultScript(), 0) as server:
        yield Place(folder, world, server, clock)


def make_world() -> World:
    """The posts of all cases."""
    return World(SCENE)
