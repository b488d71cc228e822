"""What the demo tells of its releases: read from the ledger of its store."""

from dataclasses import replace

from elec_assets.operations.demo_release import ReleaseShown, ReleasesShown
from elec_assets.operations.demo_setup import DATASET

FIRST = ReleaseShown(1, "2027_04-aaaaaaaa", 36, 1_234_567, "2027-W04 | weekly | +10 rows\nfr: twitter +10 rows")
SECOND = replace(FIRST, version=2, release_id="2027_05-bbbbbbbb")


def test_every_version_is_told_with_its_notes_and_that_nothing_more_was_made() -> None:
    lines = list(ReleasesShown((FIRST, SECOND), 0).lines())
    assert lines[0].startswith("Version 1 on the sandbox of Kaggle is release 2027_04-aaaaaaaa: 36 files, 1.2 MB")
    assert lines[1:3] == ["  2027-W04 | weekly | +10 rows", "  fr: twitter +10 rows"]
    assert "2027_05-bbbbbbbb" in lines[3]
    assert lines[-1] == "The release job was run once more: no new version, for nothing had changed."


def test_a_version_too_many_is_told_and_the_demo_is_not_complete() -> None:
    told = ReleasesShown((FIRST,), 1)
    assert not told.complete
    assert list(told.lines())[-1] == "The release job was run once more, and made 1 new version: nothing had changed."
    assert not ReleasesShown((), 0).complete
    assert ReleasesShown((FIRST,), 0).complete


def test_the_json_names_dataset_and_versions() -> None:
    told = ReleasesShown((FIRST,), 0).as_dict()
    assert (told["dataset"], told["again"]) == (DATASET, 0)
    assert [version["release_id"] for version in told["versions"]] == ["2027_04-aaaaaaaa"]
