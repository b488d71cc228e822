"""What a release says of itself: within Kaggle's limits, and true to the capture plan."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import get_args

import pytest

from elec_assets.clients.kaggle_metadata import LICENSES, Frequency
from elec_assets.domain.phases import Phase
from elec_assets.domain.registry import (
    Calendar,
    Candidate,
    CaptureChanges,
    CapturePlan,
    DatedStatus,
    Election,
    PhasePlan,
)
from elec_assets.domain.release_cadence import ReleaseCadence
from elec_assets.domain.tables import ALL_CANDIDATES
from elec_assets.sandbox.kaggle_checks import TAGS
from elec_assets.transforms import release_texts as texts
from elec_assets.transforms.candidates import all_candidates
from elec_assets.transforms.frames import polars_schema

DATES = Calendar(
    datetime(2026, 11, 2, tzinfo=UTC), datetime(2027, 5, 27, tzinfo=UTC), (date(2027, 4, 11),), date(2027, 5, 13)
)
ADA = Candidate("ada", "Ada", (DatedStatus(1),), accounts=("ada_2027",))
FR = Election("fr", "Test", "FR", DATES, {"ada": ADA})
SPAN = "Planned from 2026-11-02 to 2027-05-27 (UTC): "


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (CapturePlan(), "all of the time."),
        (CapturePlan("slots", slots=10, slot_s=60), "10 random slots of 60 s in every hour."),
        (CapturePlan("every", every_s=3600, length_s=600), "the first 10 min of every 1 h."),
        (CapturePlan("every", every_s=5400, length_s=45), "the first 45 s of every 90 min."),
    ],
)
def test_sampling_is_told_in_words(plan: CapturePlan, said: str) -> None:
    assert texts.sampling(replace(FR, capture=plan)) == SPAN + said


def test_phases_and_events_with_a_plan_of_their_own_are_told() -> None:
    changes = CaptureChanges((PhasePlan(Phase.VOTE, CapturePlan()),), events=CapturePlan("slots", slots=2, slot_s=30))
    assert texts.sampling(replace(FR, capture_changes=changes)).endswith(
        "But in the phase vote all of the time; "
        "around debates and other events also 2 random slots of 30 s in every hour."
    )


def test_what_kaggle_is_told_is_within_its_limits() -> None:
    assert 20 <= len(texts.SUBTITLE) <= 80
    assert texts.LICENCE in LICENSES
    assert set(texts.KEYWORDS) <= TAGS
    assert {str(cadence) for cadence in ReleaseCadence} - {"final"} <= set(get_args(Frequency))


def test_candidates_of_all_elections_stand_by_election_and_key() -> None:
    other = replace(FR, key="de", candidates={"zoe": replace(ADA, key="zoe"), "bob": replace(ADA, key="bob")})
    frame = all_candidates([FR, other])
    assert frame.select("election", "candidate").rows() == [("de", "bob"), ("de", "zoe"), ("fr", "ada")]
    assert dict(frame.schema) == polars_schema(ALL_CANDIDATES)
    assert all_candidates([]).is_empty()
