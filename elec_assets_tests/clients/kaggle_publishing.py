"""A publisher in a process of its own, which a test may kill: see `kaggle_forks`."""

import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import msgspec

from elec_assets.clients.kaggle_process import Credential
from elec_assets.clients.kaggle_release import Publisher
from elec_assets.clients.kaggle_staged import Target, read_staged
from elec_assets.clients.store import open_store
from elec_assets.sandbox.kaggle_api import KEY, USERNAME
from elec_assets_tests.clients.kaggle_forks import Fork, fork
from elec_assets_tests.clients.kaggle_staging import DATASET, QUICK


class Order(msgspec.Struct, kw_only=True):
    """What to publish: the staged directory, into which store's ledger, to which sandbox, through which forks.

    The process ids of the children are written to `pids`, one a line.
    """

    store: str
    directory: str
    endpoint: str
    forks: str
    pids: str


def _start(order: Order, job: Path, environment: dict[str, str], log: Path) -> Fork:
    child = fork(order.forks, ["child", str(job)], environment, job.parent, log)
    with Path(order.pids).open("a", encoding="utf-8") as pids:
        pids.write(f"{child.pid}\n")
    return child


def publisher(order: Order) -> Publisher:
    """One that publishes to the sandbox in real time."""
    where = Target(DATASET, order.endpoint, Credential(username=USERNAME, key=KEY))
    store = open_store(order.store)
    # On a busy machine a creation may be read by the sandbox when its sender is dead for a while.
    patience = msgspec.structs.replace(QUICK, settle_s=0.6)
    return Publisher(store, where, lambda: datetime.now(UTC), patience=patience, start=partial(_start, order))


def main() -> None:
    """Publish, and write the outcome to standard output."""
    order = msgspec.json.decode(sys.argv[1], type=Order)
    outcome = publisher(order).publish(read_staged(Path(order.directory)), notes="2027-W05 | weekly")
    sys.stdout.write(f"{outcome.state} {outcome.version}\n")
