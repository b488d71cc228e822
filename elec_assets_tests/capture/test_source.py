"""Posts of X and of a sandbox never mix, in a spool or in a store, whatever rights there are."""

from pathlib import Path

import pytest

from elec_assets.capture.source import ClaimedStore, OtherSource, claim_spool
from elec_assets.clients.source_claim import X
from elec_assets.clients.store import Store, StoreError, open_store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store((tmp_path / "store").as_uri())


class WriteOnly(Store):
    """What a collector sees that may write raw objects and nothing else."""

    def __init__(self, url: str) -> None:
        self.url = url

    def create(self, key: str, data: bytes) -> None:
        raise StoreError(f"cannot write {key!r} ({len(data)} bytes): no permission")

    def get(self, key: str) -> bytes:
        raise StoreError(f"cannot read {key!r}: no permission")


def test_a_spool_remembers_whose_posts_it_holds(tmp_path: Path) -> None:
    claim_spool(tmp_path, sandbox=False)
    claim_spool(tmp_path, sandbox=False)
    with pytest.raises(OtherSource, match=r"holds posts of X, and ELEC_X_BASE_URL is a sandbox .* another ELEC_SPOOL"):
        claim_spool(tmp_path, sandbox=True)
    (tmp_path / "source.json").write_bytes(b"{")
    with pytest.raises(OtherSource, match=r"source\.json: does not say whose posts"):
        claim_spool(tmp_path, sandbox=False)


def test_a_store_is_claimed_once_and_refused_to_the_other_kind(store: Store) -> None:
    assert ClaimedStore(lambda: store, sandbox=True).claimed() is store
    assert ClaimedStore(lambda: store, sandbox=True).claimed() is store
    with pytest.raises(OtherSource, match="holds posts of a sandbox, and ELEC_X_BASE_URL is X: set another ELEC_STORE"):
        ClaimedStore(lambda: store, sandbox=False).claimed()


def test_a_claim_that_cannot_be_read_is_another_source(store: Store) -> None:
    store.put(X.key, b"not json")
    with pytest.raises(OtherSource, match="does not say whose posts the store holds"):
        ClaimedStore(lambda: store, sandbox=False).claimed()


def test_who_may_only_write_raw_objects_goes_on_and_says_why_it_is_not_known(tmp_path: Path) -> None:
    mine = ClaimedStore(lambda: WriteOnly(tmp_path.as_uri()), sandbox=False)
    assert isinstance(mine.claimed(), WriteOnly)
    assert mine.unclaimed is not None
    assert "no permission" in mine.unclaimed


def test_a_store_that_cannot_be_opened_is_opened_later(store: Store) -> None:
    answers: list[Store | None] = [None, store]

    def opened() -> Store:
        answer = answers.pop(0)
        if answer is None:
            raise StoreError("the store is down")
        return answer

    mine = ClaimedStore(opened, sandbox=True)
    with pytest.raises(StoreError, match="down"):
        mine.claimed()
    assert mine.claimed() is store
