"""The tick that asks whether a release is due, and the one that looks at Kaggle: a table of dates, and the words."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.schedule_definition import ScheduleExecutionData

from elec_assets.clients.kaggle_states import Entry, Ledger, Publication, State
from elec_assets.clients.store import Store, open_store
from elec_assets.definitions import build_definitions
from elec_assets.resources import KaggleResource, StoreResource
from elec_assets.schedules_releases import LOOK_SCHEDULE, SCHEDULE
from elec_assets.settings import Settings
from elec_assets_tests.clients.release_store import add_week
from elec_assets_tests.deployment import ELECTION, REGISTRY, write_registry

DATASET = "owner/elections"
SANDBOX = "http://127.0.0.1:9"
BLACKOUT = '      blackouts: [{from: "2026-02-21 00:00", to: "2026-02-22 20:00"}]\n'
REGISTRY_WITH_BLACKOUT = REGISTRY.replace("      rounds:", f"{BLACKOUT}      rounds:")


class Place:
    """A store with a week built, and an account that is never used."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance, repository: dg.RepositoryDefinition) -> None:
        self.store: Store = open_store((folder / "store").as_uri())
        self.instance = instance
        self.repository = repository
        add_week(self.store, ELECTION, "2026_06")

    def tick(self, now: datetime, schedule: str = SCHEDULE, **kaggle: Any) -> ScheduleExecutionData:  # noqa: ANN401 - fields of the resource
        url = kaggle.pop("url", self.store.url)
        fields = {"dataset": DATASET, "token": "never sent", "title": "Elections", "profile": "public", **kaggle}
        with dg.build_schedule_context(
            instance=self.instance,
            scheduled_execution_time=now,
            repository_def=self.repository,
            resources={"store": StoreResource(url=url), "kaggle": KaggleResource(base_url=SANDBOX, **fields)},
        ) as context:
            return self.repository.get_schedule_def(schedule).evaluate_tick(context)

    def published(self, began_at: str, version: int = 1) -> None:
        done = Publication(
            dataset=DATASET,
            state=State.DONE,
            notes="",
            content_sha256="0" * 64,
            metadata_sha256="0" * 64,
            started_at=began_at,
            changed_at=began_at,
            version=version,
        )
        Ledger(self.store).write(Entry(release_id=f"2026_06-{version:08d}", publications=[done]))


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> dg.RepositoryDefinition:
    registry = write_registry(tmp_path_factory.mktemp("registry"), REGISTRY_WITH_BLACKOUT)
    made = build_definitions(Settings.model_validate({"store": "nowhere"}), registry, datetime(2026, 6, 1, tzinfo=UTC))
    return made.get_repository_def()


@pytest.fixture
def place(sqlite: dg.DagsterInstance, tmp_path: Path, repository: dg.RepositoryDefinition) -> Place:
    return Place(tmp_path, sqlite, repository)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "newest", "due", "why"),
    [
        ("2026-02-04T05:30", None, False, "no release is due yet: the next is due at 2026-02-08"),
        ("2026-02-10T05:30", "2026-02-09T05:30:00Z", True, "the newest is of 2026-02-09T05:30:00Z"),
        ("2026-02-10T05:30", "2026-02-10T05:10:00Z", False, "is published; the next is due at 2026-02-11T05:00:00Z"),
        ("2026-02-21T05:30", "2026-02-20T05:30:00Z", False, "blackout of test_2026 until 2026-02-22T19:00:00Z"),
        ("2026-02-23T05:30", "2026-02-20T05:30:00Z", True, "the daily release of 2026-02-23"),
        ("2026-03-20T05:30", "2026-03-01T05:30:00Z", True, "the final release of 2026-03-17"),
    ],
)
def test_a_release_is_asked_for_when_it_is_due_and_the_tick_says_why_not(
    place: Place, now: str, newest: str | None, due: bool, why: str
) -> None:
    if newest is not None:
        place.published(newest)
    told = place.tick(at(now))
    requests = told.run_requests or []
    assert [request.run_key for request in requests] == ([f"release {now[:10]}"] if due else [])
    said = requests[0].tags["elec/release"] if due else str(told.skip_message)
    assert why in said


@pytest.mark.parametrize("problem", ["set KAGGLE_USERNAME and KAGGLE_KEY, or KAGGLE_API_TOKEN", "both are set"])
def test_without_an_account_the_ticks_skip_with_the_reason(place: Place, problem: str) -> None:
    place.published("2026-02-08T05:30:00Z")
    for schedule in (SCHEDULE, LOOK_SCHEDULE):
        told = place.tick(at("2026-02-10T05:30"), schedule, problem=problem)
        assert told.run_requests == []
        assert told.skip_message == problem


def test_before_a_week_is_built_there_is_nothing_to_release(place: Place, tmp_path: Path) -> None:
    told = place.tick(at("2026-02-10T05:30"), url=(tmp_path / "empty").as_uri())
    assert told.run_requests == []
    assert "but no week is built yet" in str(told.skip_message)


def test_kaggle_is_looked_at_once_something_was_published(place: Place) -> None:
    assert str(place.tick(at("2026-02-10T08:00"), LOOK_SCHEDULE).skip_message) == (
        "nothing was published to owner/elections yet"
    )
    place.published("2026-02-08T05:30:00Z")
    (request,) = place.tick(at("2026-02-10T08:00"), LOOK_SCHEDULE).run_requests or []
    assert request.run_key == "look 2026-02-10"
