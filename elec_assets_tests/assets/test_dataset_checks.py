"""What is said of the version that Kaggle shows: none, another, too old by its own date, or all as it should be."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from elec_assets.assets.dataset_checks import judged, newest_at
from elec_assets.clients.kaggle_shown import Shown
from elec_assets.clients.release_history import Published
from elec_assets.domain.release_due import LateRelease

MADE = datetime(2027, 2, 9, 6, tzinfo=UTC)
OURS = Published("2027_05-9f3ac2d1", 4, MADE, "2027-W05 | weekly")
LATE = LateRelease(datetime(2027, 2, 18, 6, tzinfo=UTC), fail=False)

NEVER = "the version that Kaggle shows was never made: a newer one is late since 2027-02-18T06:00:00Z"


@pytest.mark.parametrize(
    ("found", "ours", "late", "said"),
    [
        (Shown(4, MADE), OURS, None, None),
        (None, None, None, None),
        (None, OURS, None, "version 4 was published, and Kaggle shows no such dataset to this account; look at it"),
        (Shown(3, MADE), OURS, None, "Kaggle shows version 3, and 4 was published last; look at both"),
        (Shown(5, MADE), OURS, LATE, "Kaggle shows version 5, and 4 was published last; look at both"),
        (
            Shown(4, MADE),
            OURS,
            LATE,
            "the version that Kaggle shows was made at 2027-02-09T06:00:00Z: a newer one is late since "
            "2027-02-18T06:00:00Z",
        ),
        (None, None, LATE, NEVER),
    ],
)
def test_what_kaggle_shows_is_judged_by_the_ledger_and_by_its_own_date(
    found: Shown | None, ours: Published | None, late: LateRelease | None, said: str | None
) -> None:
    assert judged(found, ours, late) == said


def test_a_release_that_changed_nothing_makes_a_version_no_older() -> None:
    """With Google Trends off the vote phase failed each Friday: 2 and 3 days after Kaggle's date (2026-11-22)."""
    checked = datetime(2027, 2, 12, 5, 30, tzinfo=UTC)
    assert newest_at(Shown(4, MADE), replace(OURS, current_at=checked)) == checked
    assert newest_at(Shown(3, MADE), replace(OURS, current_at=checked)) == MADE, "another version than was checked"
    assert newest_at(Shown(4, checked), replace(OURS, current_at=MADE)) == checked
    assert newest_at(Shown(4, MADE), None) == MADE
    assert newest_at(Shown(4, None), replace(OURS, current_at=checked)) is None
    assert newest_at(None, OURS) is None
