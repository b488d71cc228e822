"""The ledger of releases."""

import msgspec
import pytest

from elec_assets.clients.kaggle_states import Entry, Ledger, LedgerUnreadable, Publication, State, newest
from elec_assets.clients.store import Store
from elec_assets.domain import layout_releases

RELEASE = "2027_05-9f3ac2d1"


def publication(state: State, version: int | None, dataset: str = "a/elections") -> Publication:
    when = "2027-02-09T06:00:00Z"
    return Publication(
        dataset=dataset,
        state=state,
        notes="n",
        content_sha256="0" * 64,
        metadata_sha256="0" * 64,
        started_at=when,
        changed_at=when,
        version=version,
    )


def test_a_ledger_is_read_as_it_was_written_and_listed(local: Store) -> None:
    ledger = Ledger(local)
    assert ledger.read(RELEASE).publications == []
    assert ledger.entries() == []
    entry = Entry(
        release_id=RELEASE, publications=[publication(State.DONE, 3), publication(State.DONE, 1, "b/other-one")]
    )
    ledger.write(entry)
    assert ledger.read(RELEASE) == entry
    assert ledger.entries() == [entry]
    assert [p.version for _, p in ledger.of_dataset("a/elections")] == [3]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a ledger of a release"),
        (b'{"release_id": "x"}', "not a ledger of a release"),
        (b"[" * 5000, "not a ledger of a release"),
        (msgspec.json.encode({"version": 2, "release_id": RELEASE, "publications": []}), "version 2, .* upgrade"),
    ],
)
def test_a_ledger_that_cannot_be_read_stops_publishing(on_disk: Store, content: bytes, reason: str) -> None:
    on_disk.put(layout_releases.ledger(RELEASE), content)
    with pytest.raises(LedgerUnreadable, match=rf"{RELEASE}\.json: {reason}"):
        Ledger(on_disk).entries()


def test_the_newest_publication_is_the_one_with_the_highest_version_done_or_not() -> None:
    made = [publication(State.DONE, 1), publication(State.FAILED, 3), publication(State.DONE, 2)]
    assert newest([*made, publication(State.CREATING, None)]) is made[1]
    assert newest([publication(State.STAGED, None)]) is None
