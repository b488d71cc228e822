"""`elec candidates check`: what it reports, for people and for scripts."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from elec_assets.operations.candidates import check

REPOSITORY = Path(__file__).parents[2]
RECORDINGS = Path(os.environ.get("ELEC_TEST_RECORDINGS", str(REPOSITORY.parent / "shared" / "data")))
NOW = datetime(2027, 1, 1, tzinfo=UTC)
LATER = datetime(2028, 1, 1, tzinfo=UTC)

REGISTRY = """\
elections:
  fr_2027:
    name: Test
    country: FR
    calendar: {collect_from: 2026-11-02, rounds: [2027-04-11], inauguration: 2027-05-13}
    candidates:
      ada: {name: Ada, status: 1, twitter_account: ["@ada_l", "@Party"]}
      grace: {name: Grace, status: -1, twitter_account: ["@party"]}
      joan: {name: Joan, status: [{from: 2027-01-02, value: 1}]}
"""


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    path = tmp_path / "candidates.yaml"
    path.write_text(REGISTRY, encoding="utf-8")
    return path


def test_a_right_registry_is_summed_up_per_election(registry: Path) -> None:
    report = check(registry, NOW)
    (election,) = report.elections
    assert report.ok
    assert report.version is not None
    assert (election.key, election.active, election.confirmed) == ("fr_2027", True, False)
    assert (election.candidates, election.followed) == (3, 1)
    assert election.shared_accounts == {"Party": ("ada", "grace")}
    assert report.lines() == [
        f"{registry}: ok at 2027-01-01T00:00:00Z, version {report.version}",
        "fr_2027: active, dates not confirmed, 1 of 3 candidates followed",
        "  @Party is shared by ada, grace",
    ]


def test_nobody_is_followed_now_for_an_election_that_is_over(registry: Path) -> None:
    (election,) = check(registry, LATER).elections
    assert (election.active, election.candidates, election.followed) == (False, 3, 0)


def test_the_json_form_holds_the_same(registry: Path) -> None:
    report = check(registry, NOW)
    assert json.loads(json.dumps(report.as_dict())) == {
        "ok": True,
        "source": str(registry),
        "version": report.version,
        "checked_at": "2027-01-01T00:00:00Z",
        "problems": [],
        "elections": [
            {
                "key": "fr_2027",
                "active": True,
                "confirmed": False,
                "candidates": 3,
                "followed": 1,
                "shared_accounts": {"Party": ["ada", "grace"]},
            }
        ],
    }


def test_a_wrong_registry_gives_one_line_a_problem(registry: Path) -> None:
    wrong = REGISTRY.replace("status: 1", "status: 3").replace("country: FR", "country: fr")
    registry.write_text(wrong, encoding="utf-8")
    report = check(registry, NOW)
    assert not report.ok
    assert (report.elections, report.version) == ((), None)
    assert report.lines() == [
        f"{registry}:4: elections.fr_2027.country: 'fr' is not allowed; "
        "use two capital letters (ISO 3166-1), such as FR",
        f"{registry}:7: elections.fr_2027.candidates.ada.status: 3 is not allowed; "
        "use -1, 0, 1 or a list of {from, value}",
        f"{registry}: 2 problems",
    ]
    first = report.as_dict()["problems"][0]
    assert (first["file"], first["line"], first["field"]) == (str(registry), 4, "elections.fr_2027.country")


def test_a_bare_candidates_file_is_checked_as_candidates(tmp_path: Path) -> None:
    path = tmp_path / "people.json"
    path.write_text('{"ada": {"name": "Ada", "status": 1}, "joan": {"name": "Joan", "status": -1}}', encoding="utf-8")
    report = check(path, NOW)
    (people,) = report.elections
    assert report.ok
    assert (people.key, people.active, people.candidates, people.followed) == ("people", None, 2, 1)
    assert report.lines()[1] == "people: candidates only, 1 of 2 candidates followed"
    path.write_text('{\n"ada": {"name": "Ada", "status": 1, "twitter": []}}', encoding="utf-8")
    assert check(path, NOW).lines() == [
        f"{path}:2: ada.twitter: is not a known key; did you mean twitter_account?",
        f"{path}: 1 problem",
    ]


def test_a_missing_file_is_a_problem_and_no_exception(tmp_path: Path) -> None:
    report = check(tmp_path / "nowhere.yaml", NOW)
    assert not report.ok
    assert "ELEC_REGISTRY" in report.lines()[0]


def test_the_2021_file_is_accepted() -> None:
    path = RECORDINGS / "candidates" / "candidates_2021_format.json"
    if not path.exists():
        pytest.skip("the facts about candidates are not here (ELEC_TEST_RECORDINGS)")
    report = check(path, NOW)
    assert report.ok, report.lines()
    known = json.loads(path.read_text(encoding="utf-8"))
    assert report.elections[0].candidates == len(known)
    assert report.elections[0].followed == sum(person["status"] != -1 for person in known.values())
    assert report.elections[0].shared_accounts["EELV"] == ("epiolle", "srousseau", "yjadot")


def test_the_shipped_registry_is_right() -> None:
    report = check(REPOSITORY / "candidates.yaml", datetime(2026, 11, 21, tzinfo=UTC))
    assert report.ok, report.lines()
    assert [(e.active, e.candidates, e.followed) for e in report.elections] == [
        (True, 20, 20),
        (False, 41, 0),
        (False, 11, 0),
    ]


def test_a_check_imports_neither_dagster_nor_polars_nor_tweepy(registry: Path) -> None:
    code = (
        "import sys, pathlib, datetime as d\n"
        "from elec_assets.operations.candidates import check\n"
        f"assert check(pathlib.Path({str(registry)!r}), d.datetime(2027, 1, 1, tzinfo=d.UTC)).ok\n"
        "print(sorted({'dagster', 'polars', 'tweepy', 'obstore'} & set(sys.modules)))\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
