"""Whose answers a store holds: those of X and of Google, or a sandbox's. They never mix: raw answers are kept for good.

Each source is claimed apart: posts of X beside a sandbox's searches can still be told from each other by their keys.
"""

from dataclasses import dataclass

import msgspec

from elec_assets.clients.store import ObjectExists, Store, StoreError
from elec_assets.domain import layout, layout_trends

VERSION = 1
_SANDBOX = "sandbox"


class _X(msgspec.Struct, rename={"holds": "x"}):
    holds: str
    version: int = VERSION


class _Trends(msgspec.Struct, rename={"holds": "google_trends"}):
    holds: str
    version: int = VERSION


@dataclass(frozen=True, slots=True)
class Source:
    """A source whose answers a store keeps.

    Attributes:
        key: where the store says whose it holds.
        form: of that object.
        real: how the object calls the source itself, not a sandbox of it.
        name: how a person calls it.
        answers: what the store keeps of it.
        setting: the environment variable that says where it is asked.
    """

    key: str
    form: type[_X] | type[_Trends]
    real: str
    name: str
    answers: str
    setting: str


X = Source(layout.x_source(), _X, "x", "X", "posts", "ELEC_X_BASE_URL")
TRENDS = Source(layout_trends.source(), _Trends, "google_trends", "Google Trends", "answers", "ELEC_TRENDS_BASE_URL")


def claim(store: Store, source: Source, *, sandbox: bool) -> None:
    """Write down, once, where a store's answers of a source come from.

    Raises:
        StoreError: the store already holds those of the other kind, or says whose in a way that this version does not
            know; the text says what to do.
    """
    kind = _SANDBOX if sandbox else source.real
    try:
        store.create(source.key, msgspec.json.encode(source.form(kind)))
    except ObjectExists:
        held = _held(store, source)
        if held != kind:
            asked = "a sandbox on 127.0.0.1" if sandbox else source.name
            whose = "a sandbox" if held == _SANDBOX else source.name
            raise StoreError(
                f"the store {store.url} holds {source.answers} of {whose}, and {source.setting} is {asked}: "
                "set another ELEC_STORE"
            ) from None


def from_sandboxes(store: Store) -> list[str]:
    """The names of the sources of which a store holds the answers of a sandbox: nothing of it may be published.

    Raises:
        StoreError: the store says whose they are in a way that this version does not know.
    """
    return [
        source.name for source in (X, TRENDS) if store.find(source.key) is not None and _held(store, source) == _SANDBOX
    ]


def _held(store: Store, source: Source) -> str:
    try:
        found = msgspec.json.decode(store.get(source.key), type=source.form)
    except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, or nested without end
        raise StoreError(
            f"{source.key}: does not say whose {source.answers} the store holds ({error}); restore it or upgrade"
        ) from error
    if found.version > VERSION or found.holds not in (source.real, _SANDBOX):
        raise StoreError(f"{source.key}: version {found.version}, this program reads up to {VERSION}; upgrade")
    return found.holds
