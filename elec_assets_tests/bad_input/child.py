"""One run of an hour in a process of its own: `python -m elec_assets_tests.bad_input.child STORE URL [options]`.

It says `ready`, waits for a line, seals, and prints the sentence that the run shows. Its clock begins at the cases'
time and goes on with the real one.
"""

import argparse
import os
import resource
import sys
import time
from datetime import datetime, timedelta

from elec_assets.clients.search_fill import SearchFill
from elec_assets.clients.spend_ledger import SpendLedger
from elec_assets.clients.store import Store, StoreError, open_store
from elec_assets.clients.x_api import XApi
from elec_assets.domain.prices import FREE
from elec_assets.sandbox.x_api import TOKEN
from elec_assets_tests.bad_input.place import NOW, PARTITION
from elec_assets_tests.clients.hours import HOUR, sealer

_NOBODY = 65534
# Questions of two runs in the same millisecond refuse each other: here one takes the even ones, the other the odd.
_TURN_MS = 2


def main() -> None:
    """Seal the hour with what the options forbid."""
    parser = argparse.ArgumentParser()
    parser.add_argument("store")
    parser.add_argument("url")
    parser.add_argument("--largest-file", type=int, help="Bytes of a file, as on a disk that is full.")
    parser.add_argument("--nobody", action="store_true", help="As a user without rights.")
    parser.add_argument("--turn", type=int, default=0, help="Which of several runs this is.")
    options = parser.parse_args()
    store = open_store(options.store)
    fill = _fill(store, options.url, options.turn)
    if options.largest_file is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (options.largest_file, options.largest_file))
    if options.nobody and os.getuid() == 0:  # root may write anywhere
        time.strptime("2027", "%Y")  # Python imports what it parses times with when it first does, if it may then
        os.setuid(_NOBODY)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    sys.stdout.write(_seal(store, fill))


def _fill(store: Store, url: str, turn: int) -> SearchFill:
    started = time.monotonic()

    def clock() -> datetime:
        since_ms = int((time.monotonic() - started) * 1000) // _TURN_MS * _TURN_MS + turn
        return NOW + timedelta(milliseconds=since_ms)

    api = XApi(token=TOKEN, base_url=url, archive="all", timeout_s=10, pace_s=0, clock=clock, sleep=time.sleep)
    ledger = SpendLedger(store, "x_search", 0.0, clock)
    return SearchFill(store=store, api=api, ledger=ledger, prices=FREE, clock=clock)


def _seal(store: Store, fill: SearchFill) -> str:
    try:
        sealed = sealer(store, fill).seal(HOUR)
    except StoreError as error:
        return f"{PARTITION}: {error}. The run ends here; what was stored is unchanged."
    return f"{sealed.partition}: {sealed.summary}"


if __name__ == "__main__":
    main()
