"""Posts of X and of a sandbox never mix, in a spool or in a store: raw lines are kept for good.

The store says whose posts it holds where it can be written and read (`clients/source_claim.py`). A collector with
rights to write raw data alone cannot see that: so the spool remembers it too.
"""

from collections.abc import Callable
from pathlib import Path

import msgspec

from elec_assets.capture.files import replace_file
from elec_assets.clients.source_claim import X, claim
from elec_assets.clients.store import Store, StoreError

_FILE = "source.json"


class OtherSource(Exception):
    """The spool or the store holds posts of the other kind; the text says what to do."""


class _Source(msgspec.Struct):
    x: str
    version: int = 1


def claim_spool(folder: Path, *, sandbox: bool) -> None:
    """Write down, once, whose posts a spool holds.

    Raises:
        OtherSource: those of the other kind, or the file does not say.
        OSError: it cannot be read or written.
    """
    path, kind = folder / _FILE, _kind(sandbox)
    try:
        held = msgspec.json.decode(path.read_bytes(), type=_Source).x
    except FileNotFoundError:
        replace_file(path, msgspec.json.encode(_Source(kind)))
        return
    except (ValueError, RecursionError) as error:
        raise OtherSource(f"{path}: does not say whose posts the spool holds ({error}); restore it") from error
    if held != kind:
        asked = "a sandbox on 127.0.0.1" if sandbox else "X"
        raise OtherSource(
            f"the spool {folder} holds posts of {'a sandbox' if held == 'sandbox' else 'X'}, and ELEC_X_BASE_URL is "
            f"{asked}: set another ELEC_SPOOL"
        )


class ClaimedStore:
    """The store, opened and claimed when it is first asked for. `unclaimed` says why it could not be claimed, if so."""

    def __init__(self, opened: Callable[[], Store], *, sandbox: bool) -> None:
        self.unclaimed: str | None = None
        self._opened = opened
        self._sandbox = sandbox
        self._store: Store | None = None
        self._claimed = False

    def open(self) -> Store:
        """The store, opened only.

        Raises:
            StoreError: it cannot be opened.
        """
        if self._store is None:
            self._store = self._opened()
        return self._store

    def claimed(self) -> Store:
        """The store to write to.

        Raises:
            StoreError: it cannot be opened.
            OtherSource: it holds posts of the other kind.
        """
        store = self.open()
        if not self._claimed:
            self._claim(store)
        return store

    def _claim(self, store: Store) -> None:
        try:
            claim(store, X, sandbox=self._sandbox)
        except StoreError as error:
            if _readable(store):
                raise OtherSource(str(error)) from error
            # Down, or no rights: if it is down, what follows fails too.
            self.unclaimed = f"whose posts the store holds could not be written down or looked up: {error}"
            return
        self.unclaimed = None
        self._claimed = True


def _readable(store: Store) -> bool:
    """Whether the store's own word about it can be read: then the claim failed because of what it says."""
    try:
        return store.find(X.key) is not None
    except StoreError:
        return False


def _kind(sandbox: bool) -> str:
    return "sandbox" if sandbox else "x"
