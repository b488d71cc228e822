"""Whose posts a store holds: X's or a sandbox's. The two never mix: raw pages are kept for good."""

import msgspec

from elec_assets.clients.store import ObjectExists, Store, StoreError
from elec_assets.domain import layout

VERSION = 1


class _Source(msgspec.Struct):
    x: str
    version: int = VERSION


def claim(store: Store, *, sandbox: bool) -> None:
    """Write down, once, where a store's posts come from.

    Raises:
        StoreError: the store already holds posts of the other kind, or says whose in a way that this version does not
            know; the text says what to do.
    """
    kind = "sandbox" if sandbox else "x"
    try:
        store.create(layout.x_source(), msgspec.json.encode(_Source(kind)))
    except ObjectExists:
        held = _held(store)
        if held != kind:
            asked = "a sandbox on 127.0.0.1" if sandbox else "X"
            raise StoreError(
                f"the store {store.url} holds posts of {'a sandbox' if held == 'sandbox' else 'X'}, and "
                f"ELEC_X_BASE_URL is {asked}: set another ELEC_STORE"
            ) from None


def _held(store: Store) -> str:
    key = layout.x_source()
    try:
        source = msgspec.json.decode(store.get(key), type=_Source)
    except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, or nested without end
        raise StoreError(f"{key}: does not say whose posts the store holds ({error}); restore it or upgrade") from error
    if source.version > VERSION or source.x not in ("x", "sandbox"):
        raise StoreError(f"{key}: version {source.version}, this program reads up to {VERSION}; upgrade")
    return source.x
