"""A store holds answers of a source or of its sandbox, never of both."""

from pathlib import Path

import pytest

from elec_assets.clients.source_claim import TRENDS, Source, X, claim
from elec_assets.clients.store import StoreError, open_store

SOURCES = pytest.mark.parametrize("source", [X, TRENDS], ids=["x", "trends"])


@SOURCES
@pytest.mark.parametrize("sandbox", [True, False])
def test_a_store_keeps_to_the_kind_it_began_with(tmp_path: Path, source: Source, sandbox: bool) -> None:
    """Invented posts about real candidates, once in a real archive, could never be told apart again."""
    store = open_store(tmp_path.as_uri())
    claim(store, source, sandbox=sandbox)
    claim(store, source, sandbox=sandbox)
    with pytest.raises(StoreError, match=f"{source.setting} is .*: set another ELEC_STORE"):
        claim(store, source, sandbox=not sandbox)
    claim(store, source, sandbox=sandbox)


def test_sources_are_claimed_apart(tmp_path: Path) -> None:
    store = open_store(tmp_path.as_uri())
    claim(store, X, sandbox=False)
    claim(store, TRENDS, sandbox=True)
    with pytest.raises(StoreError, match="holds posts of X, and ELEC_X_BASE_URL is a sandbox"):
        claim(store, X, sandbox=True)
    with pytest.raises(StoreError, match="holds answers of a sandbox, and ELEC_TRENDS_BASE_URL is Google Trends"):
        claim(store, TRENDS, sandbox=False)


def test_a_claim_made_before_there_was_google_trends_still_holds(tmp_path: Path) -> None:
    store = open_store(tmp_path.as_uri())
    store.put("state/x_source.json", b'{"x":"sandbox","version":1}')
    claim(store, X, sandbox=True)
    with pytest.raises(StoreError, match="holds posts of a sandbox"):
        claim(store, X, sandbox=False)


@SOURCES
@pytest.mark.parametrize("content", [b"", b"{}", b'{"version":2,"x":["x"],"google_trends":["x"]}', b"[" * 9999])
def test_a_claim_that_cannot_be_read_stops_everything(tmp_path: Path, source: Source, content: bytes) -> None:
    store = open_store(tmp_path.as_uri())
    store.put(source.key, content)
    with pytest.raises(StoreError, match=f"{source.key}: does not say whose .* restore it or upgrade"):
        claim(store, source, sandbox=True)


@SOURCES
@pytest.mark.parametrize("content", [b'{"%s":"%s","version":2}', b'{"%s":"%s else"}'])
def test_a_claim_of_a_newer_version_says_to_upgrade(tmp_path: Path, source: Source, content: bytes) -> None:
    store = open_store(tmp_path.as_uri())
    store.put(source.key, content % (source.real.encode(), source.real.encode()))
    with pytest.raises(StoreError, match="this program reads up to 1; upgrade"):
        claim(store, source, sandbox=False)
