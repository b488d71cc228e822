"""`elec coverage`: what it counts, and that it names every gap."""

import json
from datetime import timedelta

import pytest

from elec_assets.domain.windows import Grain, floor, iso
from elec_assets.operations.coverage import coverage
from elec_assets_tests.operations.place import ELECTION, NOW, Place, hour


def test_every_gap_is_named_with_its_reason(place: Place) -> None:
    ok, refused, never = hour(16, 8), hour(16, 9), hour(16, 10)
    (sealed,) = place.seal(ok)
    assert sealed.row is not None
    place.seal(refused, token="wrong")
    report = coverage(place.settings(), place.registry, NOW, since=ok.start, election=None)
    assert (iso(report.since), iso(report.until)) == ("2026-02-16T08:00:00Z", "2026-02-16T12:00:00Z")
    assert [(u.partition, u.outcome.value, u.missed_s) for u in report.units] == [
        ("2026-02-16-08:00", "ok", 0.0),
        ("2026-02-16-09:00", "refused", 3600.0),
        ("2026-02-16-10:00", "not_run", 3600.0),
        ("2026-02-16-11:00", "not_run", 3600.0),
    ]
    told = json.loads(json.dumps(report.as_dict()))
    assert told["elections"][ELECTION] == {
        "planned_h": 4.0,
        "captured_h": 0.0,
        "filled_h": 1.0,
        "missed_h": 3.0,
        "retweets_missed_h": 4.0,
        "rows": sealed.row.rows,
        "outcomes": {"not_run": 2, "ok": 1, "refused": 1},
    }
    gaps = {gap["partition"]: gap for gap in told["gaps"]}
    assert list(gaps) == ["2026-02-16-09:00", "2026-02-16-10:00", "2026-02-16-11:00"]
    assert "X_BEARER_TOKEN" in gaps["2026-02-16-09:00"]["reason"]
    assert gaps[f"{never.start:%Y-%m-%d-%H:%M}"]["reason"] == "planned, and no run has sealed it"
    lines = report.lines()
    assert lines[1].split() == [
        ELECTION,
        "2026-02-16",
        *["4", "0", "1", "3"],
        str(sealed.row.rows),
        *["2", "not_run,", "1", "ok,", "1", "refused"],
    ]
    assert "3 hours with a gap:" in lines
    assert any(line.startswith(f"  {ELECTION} 2026-02-16-09:00: refused (") for line in lines)


def test_a_whole_span_says_that_there_is_no_gap(place: Place) -> None:
    place.seal(hour(16, 10), hour(16, 11))
    report = coverage(place.settings(), place.registry, NOW, since=hour(16, 10).start, election=ELECTION)
    assert report.gaps == []
    assert "No gap." in report.lines()


def test_it_looks_back_a_week_and_not_before_collection(place: Place) -> None:
    """Collection began on the 11th; a week before the 16th is the 9th."""
    report = coverage(place.settings(), place.registry, NOW, since=None, election=None)
    assert report.since == floor(NOW - timedelta(days=7), Grain.HOUR)
    assert (report.units[0].partition, report.units[-1].partition) == ("2026-02-11-00:00", "2026-02-16-11:00")
    assert len(report.units) == 5 * 24 + 12
    lines = report.lines()
    assert "132 hours with a gap:" in lines
    assert "  and 112 more; see --json" in lines
    assert len(report.as_dict()["gaps"]) == 132


def test_the_hour_that_runs_is_no_gap_yet(place: Place) -> None:
    report = coverage(place.settings(), place.registry, NOW, since=NOW, election=None)
    assert report.units == ()
    assert report.lines() == [
        "No election collects between 2026-02-16T12:00:00Z and 2026-02-16T12:00:00Z.",
    ]


def test_an_unknown_election_is_refused_with_those_there_are(place: Place) -> None:
    with pytest.raises(ValueError, match=f"'fr_2099'.*allowed: {ELECTION}"):
        coverage(place.settings(), place.registry, NOW, since=None, election="fr_2099")


def test_google_trends_is_told_of_beside_the_hours(place: Place) -> None:
    report = coverage(place.settings(), place.registry, NOW, since=hour(16, 8).start, election=None)
    assert report.as_dict()["google_trends"]["elections"][ELECTION]["fr"]["hourly"]["outcomes"] == {"not_run": 16}
    assert "32 units of Google Trends without an answer:" in report.lines()
