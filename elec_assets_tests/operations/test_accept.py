"""`elec candidates accept`: what it records, and what it says."""

import json

import pytest

from elec_assets.clients.registry_history import RegistryHistory
from elec_assets.operations.accept import accept
from elec_assets_tests.operations.place import ELECTION, NOW, REGISTRY, Place

# Everyone is followed from 2026-02-11 on; NOW is five and a half days later.
LEFT = f"{ELECTION}: bleroux was followed from 2026-02-11T00:00:00Z to 2026-02-16T12:30:00Z, and would not be"


@pytest.fixture
def in_force(place: Place) -> str:
    """The version of the registry that is in force."""
    return RegistryHistory(place.store).admit(place.registry, NOW).version


def rewrite(place: Place, old: str = "Béatrice Leroux, status: 1", new: str = "Béatrice Leroux, status: -1") -> None:
    (place.folder / "candidates.yaml").write_text(REGISTRY.replace(old, new), encoding="utf-8")


def test_the_changes_are_shown_and_recorded(place: Place, in_force: str) -> None:
    rewrite(place)
    report = accept(place.settings(), place.registry, NOW, "she never stood")
    source, version = place.registry.source, place.registry.version
    assert report.exit_code == 0
    assert report.lines() == [
        f"{source} (version {version}): accepted, in force instead of {in_force}. Reason: she never stood",
        f"  {LEFT}",
        "What is stored is as before. Materialize again: "
        f"{ELECTION}/candidates, and {ELECTION}/twitter/tweets for the hours above.",
    ]
    assert json.loads(json.dumps(report.as_dict())) == {
        "accepted": True,
        "source": source,
        "version": version,
        "previous": in_force,
        "accepted_at": "2026-02-16T12:30:00Z",
        "reason": "she never stood",
        "changes": [
            {
                "election": ELECTION,
                "candidate": "bleroux",
                "from": "2026-02-11T00:00:00Z",
                "to": "2026-02-16T12:30:00Z",
                "was_followed": True,
            }
        ],
    }
    assert RegistryHistory(place.store).in_force() == report.admission


@pytest.mark.usefixtures("in_force")
@pytest.mark.parametrize(
    "edit", [("", ""), ("Leroux", "Petit"), ("Leroux, status: 1", "Leroux, status: 1, until: 2026-02-20")]
)
def test_nothing_to_accept_is_said_and_nothing_written(place: Place, edit: tuple[str, str]) -> None:
    rewrite(place, *edit)
    before = place.objects()
    report = accept(place.settings(), place.registry, NOW, "why")
    assert (report.exit_code, report.as_dict()["accepted"], report.as_dict()["changes"]) == (0, False, [])
    assert report.lines() == [
        f"{place.registry.source} (version {place.registry.version}): nothing to accept, it changes nobody's past"
    ]
    assert place.objects() == before


@pytest.mark.usefixtures("in_force")
def test_an_election_that_is_gone_is_not_to_be_materialized(place: Place) -> None:
    rewrite(place, f"  {ELECTION}:", "  another_2026:")
    report = accept(place.settings(), place.registry, NOW, "renamed")
    assert len(report.lines()) == 2
    assert f"{ELECTION}: amartin, bleroux were followed" in report.lines()[1]
