"""A store holds posts of X or of a sandbox, never of both."""

from pathlib import Path

import pytest

from elec_assets.clients.store import StoreError, open_store
from elec_assets.clients.x_source import claim


@pytest.mark.parametrize("sandbox", [True, False])
def test_a_store_keeps_to_the_kind_it_began_with(tmp_path: Path, sandbox: bool) -> None:
    """Invented posts about real candidates, once in a real archive, could never be told apart again."""
    store = open_store(tmp_path.as_uri())
    claim(store, sandbox=sandbox)
    claim(store, sandbox=sandbox)
    with pytest.raises(StoreError, match="set another ELEC_STORE"):
        claim(store, sandbox=not sandbox)
    claim(store, sandbox=sandbox)
