"""The box under load: the processes of deploy/compose.yaml from this checkout, a Postgres, a sandbox of X."""

import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from bench.checkout import Checkout
from bench.measure import PathFailed, command_cost, measure
from bench.peers.load_server import Serving, serving
from bench.report import WrongOption
from bench.ui_load_seed import ELECTION, write_hours, write_registry
from elec_assets.capture.status import Status, read_status
from elec_assets.clients.store import open_store
from elec_assets.domain.layout_capture import parse_batch
from elec_assets.domain.windows import DAY, Grain, Window, floor, iso
from elec_assets.operations.dagster_api import DagsterApi
from elec_assets.sandbox.x_api import TOKEN
from elec_assets.transforms.gzips import unpacked
from elec_assets.transforms.journals import decode_journal
from elec_assets_tests.deploy import postgres
from elec_assets_tests.deploy.box import Box, box

_START_S = 240.0
_FLUSH_S = 1


@dataclass(frozen=True, slots=True)
class Seed:
    """What is there at the start.

    Attributes:
        hours: those whose batches are uploaded, each with so many `posts`.
        days: so long ago collection began; each hour since is recorded as made, but those of the last day.
        seed: of the lines.
    """

    hours: Sequence[Window]
    posts: int
    days: int
    seed: int


@dataclass(frozen=True, slots=True)
class Stored:
    """What capture stored: by number of the line (0 is the first sent) when it was received, and lines stored twice.

    `opened_ms` is when its first connection was opened.
    """

    received_ms: dict[int, int]
    twice: int
    opened_ms: int


@dataclass(frozen=True, slots=True)
class Place:
    """A running box: `url` of the webserver; lines that the sandbox sends count up from `first_id`."""

    box: Box
    x: Serving
    first_id: int

    @property
    def url(self) -> str:
        """Where the UI is."""
        return f"http://127.0.0.1:{self.box.web_port}"

    @property
    def store(self) -> Path:
        """The volume `store`."""
        return self.box.image.path("/var/lib/elec/store")

    def listen(self) -> None:
        """Start capture, and wait for its first lines.

        Raises:
            PathFailed: none came.
        """
        self.box.start("capture")
        until = time.monotonic() + _START_S
        while (status := self.status()) is None or not status.lines:
            if self.box.processes["capture"].poll() is not None or time.monotonic() > until:
                raise PathFailed(f"capture heard nothing: {self.said('capture')}")
            time.sleep(0.5)

    def status(self) -> Status | None:
        """What capture last said of itself."""
        return read_status(self.box.image.path("/var/lib/elec/spool"))

    def stored(self) -> Stored:
        """Stop capture as `docker stop` does, have what waits in the spool uploaded, and read what is stored.

        Raises:
            PathFailed: it did not end well.
        """
        if self.box.stop("capture"):
            raise PathFailed(f"capture ended badly: {self.said('capture')}")
        env = self.box.environment("capture")
        # It is found by the environment of the box, not by this process's.
        elec = shutil.which("elec", path=env["PATH"]) or "elec"
        command_cost("elec capture", [elec, "capture", "--for", str(_FLUSH_S)], env, self.box.image.path("/opt/elec"))
        return read_stored(self.store, self.first_id)

    def said(self, name: str) -> str:
        """The end of a process's log."""
        return self.box.log(name).read_text(encoding="utf-8")[-2000:]


class _Named(msgspec.Struct):
    id: str


class _Line(msgspec.Struct):
    data: _Named


def read_stored(folder: Path, first_id: int) -> Stored:
    """The lines of all batches of a store that were sent from an id on."""
    store = open_store(folder.as_uri())
    received: dict[int, int] = {}
    twice, opened = 0, []
    for info in store.list(f"{ELECTION}/data/raw/twitter/"):
        batch = parse_batch(info.key)
        if batch is None or info.key != batch.body:
            continue
        journal = decode_journal(store.get(batch.journal), batch.journal)
        numbers = [
            int(msgspec.json.decode(line, type=_Line).data.id) - first_id for line in _lines(store.get(info.key))
        ]
        ours = [(number, at) for number, at in zip(numbers, journal.received_ms, strict=True) if number >= 0]
        twice += sum(number in received for number, _ in ours)
        received.update(ours)
        opened += [span.opened_ms for span in journal.connections if ours]
    return Stored(received, twice, min(opened, default=0))


def _lines(body: bytes) -> list[bytes]:
    return [line for line in unpacked(body).splitlines() if line]


@contextmanager
def running(now: datetime, first_id: int, sends: Sequence[tuple[float, float]], seed: Seed) -> Iterator[Place]:
    """All processes but capture, ready: Postgres, code server, webserver, daemon, and X, which sends once it is asked.

    Args:
        now: the time, UTC.
        first_id: of the lines that X sends.
        sends: pairs of seconds and lines a second.
        seed: what is there already.

    Raises:
        WrongOption: there is no Postgres on this machine.
        PathFailed: a process did not start.
    """
    if postgres.binaries() is None:
        raise WrongOption("no PostgreSQL on this machine: install the server (postgresql) to run this")
    with (
        tempfile.TemporaryDirectory(prefix="elec-ui-load-", ignore_cleanup_errors=True) as folder,
        serving(sends, first_id, (), seed.seed) as x,
        postgres.running() as server,
    ):
        image = Checkout(Path(folder))
        image.lay_out()
        write_registry(image.path("/opt/elec/config/candidates.yaml"), now, seed.days)
        write_hours(image.path("/var/lib/elec/store"), seed.hours, seed.posts, seed.seed)
        settings = {"X_BEARER_TOKEN": TOKEN, "ELEC_X_BASE_URL": x.url}
        database = server.dagster(server.new("dagster"))
        with box(image, database=database, env_file=settings) as made:
            place = Place(made, x, first_id)
            _start(place, Window(floor(now, Grain.DAY) - DAY * seed.days, floor(now, Grain.HOUR) - DAY))
            yield place


def _start(place: Place, recorded: Window) -> None:
    job = {"start": iso(recorded.start), "end": iso(recorded.end)}
    measure("records", "bench.ui_load_seed", job, place.box.environment("code"))
    place.box.start("code")
    place.box.wait_until_healthy("code", _START_S)
    place.box.start("webserver")
    api = DagsterApi(place.url)
    until = time.monotonic() + _START_S
    while not api.alive():
        if time.monotonic() > until:
            raise PathFailed(f"the webserver does not answer: {place.said('webserver')}")
        time.sleep(1)
    place.box.start("daemon")
