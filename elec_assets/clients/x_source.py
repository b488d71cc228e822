"""Whose posts a store holds: X's or a sandbox's. The two never mix: raw pages are kept for good."""

import msgspec

from elec_assets.clients.store import ObjectExists, Store, StoreError
from elec_assets.domain import layout


class _Source(msgspec.Struct):
    x: str


def claim(store: Store, *, sandbox: bool) -> None:
    """Write down, once, where a store's posts come from.

    Raises:
        StoreError: the store already holds posts of the other kind; the text says what to do.
    """
    kind = "sandbox" if sandbox else "x"
    try:
        store.create(layout.x_source(), msgspec.json.encode(_Source(kind)))
    except ObjectExists:
        held = msgspec.json.decode(store.get(layout.x_source()), type=_Source).x
        if held != kind:
            asked = "a sandbox on 127.0.0.1" if sandbox else "X"
            raise StoreError(
                f"the store {store.url} holds posts of {'a sandbox' if held == 'sandbox' else 'X'}, and "
                f"ELEC_X_BASE_URL is {asked}: set another ELEC_STORE"
            ) from None
