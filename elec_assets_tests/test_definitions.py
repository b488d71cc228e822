"""What is loaded: the guard against what Dagster accepts in silence, and what every asset is born with."""

import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from elec_assets.clients.registry_source import load_registry
from elec_assets.definitions import Loader, build_definitions
from elec_assets.domain.registry import Registry
from elec_assets.domain.tables import (
    CALIBRATED_INTEREST,
    CANDIDATES,
    COMPLIANCE,
    COVERAGE,
    INTEREST_BY_REGION,
    INTEREST_OVER_TIME,
    RELATED_QUERIES,
    RELATED_TOPICS,
    TWEETS,
    VOLUME,
)
from elec_assets.domain.watches import Watch
from elec_assets.settings import Settings
from elec_assets.transforms.refusals import RULES
from elec_assets_tests import guard
from elec_assets_tests.deployment import REPOSITORY, environment

NOW = datetime(2027, 2, 3, 20, tzinfo=UTC)
ACTIVE = "fr_presidential_2027"
ELECTIONS = ("fr_presidential_2017", "fr_presidential_2022", "fr_presidential_2027")
# Made by others, or by sensors.
EXTERNAL = ["alerts/incidents", *(f"{election}/twitter/batches" for election in ELECTIONS)]
TRENDS_TABLES = {
    "calibrated_interest": CALIBRATED_INTEREST,
    "interest_by_region": INTEREST_BY_REGION,
    "interest_over_time": INTEREST_OVER_TIME,
    "related_queries": RELATED_QUERIES,
    "related_topics": RELATED_TOPICS,
}
TABLES = {
    "candidates": CANDIDATES,
    "coverage/weekly": COVERAGE,
    **{
        f"google_trends/{area}/{cadence}/{name}": table
        for area in ("fr", "world")
        for cadence in ("daily", "hourly", "weekly")
        for name, table in TRENDS_TABLES.items()
    },
    # Several files: the schema shown first is that of the table that most people want.
    "google_trends/weekly": CALIBRATED_INTEREST,
    "twitter/compliance": COMPLIANCE,
    "twitter/tweets": TWEETS,
    "twitter/volume": VOLUME,
    "twitter/weekly": TWEETS,
}
KEYS = sorted(f"{election}/{product}" for election in ELECTIONS for product in TABLES)
# What the default plan leaves out: hourly ones of single requests, which the daily cap has no room for.
BY_HAND = [
    f"google_trends/{area}/hourly/{name}"
    for area in ("fr", "world")
    for name in ("interest_by_region", "related_queries", "related_topics")
]
JOBS = [
    "fr_presidential_2017__compliance",
    "fr_presidential_2022__compliance",
    "fr_presidential_2027__compliance",
    "fr_presidential_2027__google_trends_daily_partitions",
    "fr_presidential_2027__google_trends_files_of_week",
    "fr_presidential_2027__google_trends_hourly_partitions",
    "fr_presidential_2027__google_trends_weekly_partitions",
    "fr_presidential_2027__twitter_hour",
    "fr_presidential_2027__week",
    "kaggle__look",
    "kaggle__release",
]
RELEASES = ["kaggle/dataset", "kaggle/staged"]
SCHEDULES = [
    "fr_presidential_2017__comply",
    "fr_presidential_2022__comply",
    "fr_presidential_2027__comply",
    "fr_presidential_2027__google_trends_daily",
    "fr_presidential_2027__google_trends_files",
    "fr_presidential_2027__google_trends_hourly",
    "fr_presidential_2027__google_trends_weekly",
    "fr_presidential_2027__twitter_hourly",
    "fr_presidential_2027__weekly",
    "kaggle__looks",
    "kaggle__releases",
]
SENSORS = ["alerts", "registry_changes", "watched_prefixes"]
CHECKS = {
    "candidates": ["all_listed"],
    "coverage/weekly": ["columns", "complete", "ids_unique"],
    **{
        product: sorted(
            ["columns", "complete", "keys_unique", "not_shrunk", "times_inside_window"]
            + (["regions_known"] if product.endswith("interest_by_region") else [])
        )
        for product in TABLES
        if product.startswith("google_trends/") and product != "google_trends/weekly"
    },
    "google_trends/weekly": [
        "columns",
        "complete",
        "keys_unique",
        "not_shrunk",
        "regions_known",
        "times_inside_window",
    ],
    "twitter/tweets": ["columns", "complete", "completeness", "ids_unique", "not_shrunk", "times_inside_window"],
    "twitter/volume": ["columns", "complete", "keys_unique", "not_shrunk", "times_inside_window"],
    "twitter/weekly": ["columns", "complete", "ids_unique", "not_shrunk", "times_inside_window"],
}
BROKEN_REGISTRY = """\
elections:
  first:
    name: Twice broken
    country: FR
    calendar: {collect_from: 2026-13-01, rounds: [2027-04-11], inauguration: 2027-05-13}
    candidates:
      one: {name: One, status: 7}
"""


@pytest.fixture(scope="module")
def registry() -> Registry:
    """The three elections that are shipped."""
    return load_registry(REPOSITORY / "candidates.yaml")


def test_definitions_are_made_once_for_the_two_times_that_a_run_loads_them(registry: Registry) -> None:
    loader, settings = Loader(), Settings.model_validate({"store": "nowhere"})
    first = loader.load(settings, registry, NOW)
    assert loader.load(settings, registry, NOW + timedelta(seconds=59)) is first


def test_whatever_definitions_are_made_of_makes_them_anew(registry: Registry) -> None:
    settings = Settings.model_validate({"store": "nowhere"})
    changed = [
        (Settings.model_validate({"store": "elsewhere"}), registry, NOW),
        (settings, replace(registry, elections={ACTIVE: registry.elections[ACTIVE]}), NOW),
        (settings, registry, NOW + timedelta(minutes=1)),
    ]
    for asked in changed:
        loader = Loader()
        assert loader.load(settings, registry, NOW) is not loader.load(*asked)
    watched = {"other": Watch("other", "bucket", "", 60)}
    loader = Loader()
    made = loader.load(settings, registry, NOW, watched)
    assert made is loader.load(settings, registry, NOW, dict(watched))
    assert made is not loader.load(settings, registry, NOW)
    assert "watch/other" in {key.to_user_string() for key in made.resolve_all_asset_keys()}


@pytest.fixture(scope="module")
def real(registry: Registry) -> dg.Definitions:
    return build_definitions(Settings.model_validate({"store": "nowhere"}), registry, NOW)


@pytest.fixture(scope="module")
def specs(real: dg.Definitions) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in real.resolve_all_asset_specs()}


def election_of(key: str) -> str:
    return key.partition("/")[0]


def product_of(key: str) -> str:
    return key.partition("/")[2]


def test_the_shipped_elections_have_no_problem(real: dg.Definitions) -> None:
    assert guard.problems(real, EXTERNAL) == []


def test_a_check_on_a_missing_asset_is_a_problem(real: dg.Definitions) -> None:
    """Dagster loads it, and it never runs."""

    @dg.asset_check(asset=dg.AssetKey([ACTIVE, "twitter", "week"]))
    def misspelt() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=True)

    broken = dg.Definitions.merge(real, dg.Definitions(asset_checks=[misspelt]))
    assert guard.problems(broken, EXTERNAL) == [f"{ACTIVE}/twitter/week: checked by misspelt, and not there"]


def test_a_misspelt_dependency_is_a_problem(real: dg.Definitions) -> None:
    """Dagster makes an external asset of it, and the edge of the graph is gone."""

    @dg.asset(deps=[dg.AssetKey([ACTIVE, "twitter", "tweet"])])
    def volume() -> None: ...

    broken = dg.Definitions.merge(real, dg.Definitions(assets=[volume]))
    assert guard.problems(broken, EXTERNAL) == [f"{ACTIVE}/twitter/tweet: only a dependency names it"]
    assert guard.problems(broken, [*EXTERNAL, f"{ACTIVE}/twitter/tweet"]) == []
    missing = "watch/bucket: expected as external, and not there"
    assert guard.problems(real, [*EXTERNAL, "watch/bucket"]) == [missing]


def test_a_module_that_nobody_loads_is_a_problem(real: dg.Definitions) -> None:
    """Dagster cannot know of it: its assets are just not there."""
    assets = [a for a in real.assets or () if isinstance(a, dg.AssetsDefinition)]
    kept = [a for a in assets if not any(key.path[1] == "candidates" for key in a.keys)]
    fewer = dg.Definitions(assets=kept, resources=real.resources)
    external = [key for key in EXTERNAL if product_of(key) == "twitter/batches"]
    dependencies = [*external, *(key for key in KEYS if product_of(key) == "candidates")]
    assert guard.problems(fewer, dependencies) == ["elec_assets.assets.candidates: makes no asset"]


def test_all_keys_jobs_schedules_and_sensors(real: dg.Definitions) -> None:
    """A change here is a change for those who script against it, or have run history under these names."""
    repository = real.get_repository_def()
    assert sorted(key.to_user_string() for key in real.resolve_all_asset_keys()) == sorted(
        [*KEYS, *EXTERNAL, *RELEASES]
    )
    assert sorted(job.name for job in real.jobs or ()) + sorted(set(repository.job_names) - {"__ASSET_JOB"}) == JOBS
    assert sorted(schedule.name for schedule in repository.schedule_defs) == SCHEDULES
    assert sorted(sensor.name for sensor in repository.sensor_defs) == SENSORS


def test_all_checks_of_every_election(real: dg.Definitions, registry: Registry) -> None:
    found = [(key.asset_key.to_user_string(), key.name) for key in real.resolve_asset_graph().asset_check_keys]
    for election in registry.elections:
        named = sorted((product_of(key), name) for key, name in found if election_of(key) == election)
        assert named == sorted((product, name) for product, names in CHECKS.items() for name in names)


@pytest.mark.parametrize("key", KEYS)
def test_every_asset_says_what_it_is(specs: dict[str, dg.AssetSpec], key: str) -> None:
    spec = specs[key]
    assert spec.description
    assert spec.description.endswith(".")
    assert spec.group_name in (election_of(key), f"{election_of(key)}_{product_of(key).partition('/')[0]}")
    assert spec.kinds
    assert spec.owners == ["team:elec_assets"]
    assert spec.tags["election"] == election_of(key)
    assert spec.tags["layer"]
    assert str(spec.metadata["dagster/uri"]).startswith(f"{election_of(key)}/")
    assert spec.code_version


def test_a_release_has_a_check_for_each_rule_of_the_gate_that_holds_back_what_comes_after(real: dg.Definitions) -> None:
    graph = real.resolve_asset_graph()
    found = {(k.asset_key.to_user_string(), k.name): graph.get_check_spec(k).blocking for k in graph.asset_check_keys}
    assert {name: blocking for (key, name), blocking in found.items() if key == "kaggle/staged"} == dict.fromkeys(
        RULES, True
    )
    assert [name for key, name in found if key == "kaggle/dataset"] == ["shown_by_kaggle"]


@pytest.mark.parametrize("key", RELEASES)
def test_releases_say_what_they_are_and_are_watched(specs: dict[str, dg.AssetSpec], key: str) -> None:
    spec = specs[key]
    assert spec.description
    assert spec.description.endswith(".")
    assert (spec.group_name, spec.owners, spec.tags["layer"]) == ("kaggle", ["team:elec_assets"], "release")
    assert spec.kinds
    assert spec.freshness_policy is not None
    assert spec.metadata["dagster/uri"]


def test_a_release_is_made_of_every_election_in_the_registry(specs: dict[str, dg.AssetSpec]) -> None:
    made_from = {dep.asset_key.to_user_string() for dep in specs["kaggle/staged"].deps}
    products = ("candidates", "coverage/weekly", "google_trends/weekly", "twitter/volume", "twitter/weekly")
    assert made_from == {f"{election}/{product}" for election in ELECTIONS for product in products}
    assert [dep.asset_key.to_user_string() for dep in specs["kaggle/dataset"].deps] == ["kaggle/staged"]


@pytest.mark.parametrize("key", KEYS)
def test_column_schemas_are_those_of_the_tables(specs: dict[str, dg.AssetSpec], key: str) -> None:
    table = TABLES[product_of(key)]
    shown = specs[key].metadata["dagster/column_schema"]
    assert isinstance(shown, dg.TableSchema)
    assert [(c.name, c.description, c.constraints.nullable) for c in shown.columns] == [
        (c.name, c.description, c.nullable) for c in table.columns
    ]
    assert all(c.type for c in shown.columns)
    unique = [c.name for c in shown.columns if c.constraints.unique]
    assert unique == (list(table.key) if len(table.key) == 1 else [])


@pytest.mark.parametrize("key", KEYS)
def test_what_active_elections_plan_alone_has_freshness_policies(specs: dict[str, dg.AssetSpec], key: str) -> None:
    wanted = election_of(key) == ACTIVE and product_of(key) not in ("candidates", "twitter/compliance", *BY_HAND)
    assert (specs[key].freshness_policy is not None) == wanted


def test_an_election_that_is_to_come_has_schedules_and_policies(registry: Registry) -> None:
    """Definitions are loaded once: on the first day of collection nobody restarts them."""
    early = build_definitions(Settings.model_validate({"store": "nowhere"}), registry, datetime(2026, 9, 1, tzinfo=UTC))
    assert sorted(schedule.name for schedule in early.schedules or ()) == SCHEDULES
    tweets = next(s for s in early.resolve_all_asset_specs() if s.key.to_user_string() == f"{ACTIVE}/twitter/tweets")
    assert tweets.freshness_policy is not None


def test_a_token_is_never_part_of_the_configuration(registry: Registry, bare: pytest.MonkeyPatch) -> None:
    """What resources hold is shown in the UI and stored with runs."""
    bare.setenv("X_BEARER_TOKEN", "not-to-be-seen")
    secrets = ("x_bearer_token", "kaggle_key", "kaggle_api_token", "kaggle_username")
    settings = Settings.model_validate({"store": "nowhere", **dict.fromkeys(secrets, "not-to-be-seen")})
    loaded = build_definitions(settings, registry, NOW)
    assert "not-to-be-seen" not in repr(loaded.resources)
    assert "not-to-be-seen" not in repr(settings)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a bare clone holds; a marker tells that its own modules were loaded, not those of this environment."""
    folder = tmp_path_factory.mktemp("clone")
    shutil.copytree(REPOSITORY / "elec_assets", folder / "elec_assets", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("workspace.yaml", "pyproject.toml", "candidates.yaml"):
        shutil.copy(REPOSITORY / name, folder)
    with (folder / "elec_assets" / "definitions.py").open("a", encoding="utf-8") as file:
        file.write("\n\n__import__('pathlib').Path(__file__).with_name('loaded').touch()\n")
    return folder


def run(command: list[str], clone: Path, folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    # PYTHONSAFEPATH: the working directory alone must not make the package importable. The bytecode of the clone is
    # kept, whatever this environment says: a command starts several processes, and each compiled all anew.
    env = {**environment(folder, **settings), "PYTHONSAFEPATH": "1", "PYTHONDONTWRITEBYTECODE": ""}
    (clone / "elec_assets" / "loaded").unlink(missing_ok=True)
    return subprocess.run(command, cwd=clone, env=env, capture_output=True, text=True, timeout=120)


VALIDATE = [sys.executable, "-m", "dagster", "definitions", "validate", "-w", "workspace.yaml"]
DG = Path(sys.executable).with_name("dg")


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(VALIDATE, id="dagster definitions validate"),
        pytest.param([str(DG), "check", "defs"], id="dg check"),
    ],
)
def test_a_bare_clone_loads(command: list[str], clone: Path, tmp_path: Path) -> None:
    """Without `working_directory` in workspace.yaml the module was not found unless the package was installed."""
    done = run(command, clone, tmp_path)
    assert done.returncode == 0, done.stderr
    assert (clone / "elec_assets" / "loaded").exists()
    said = [line for line in (done.stdout + done.stderr).splitlines() if "Warning" in line]
    # Dagster's own, about its own command.
    assert [line for line in said if "SupersessionWarning" not in line] == []


FROZEN = """
import gc
from elec_assets.definitions import defs
before = gc.get_freeze_count()
defs()
once = gc.get_freeze_count()
kept = [[] for _ in range(1000)]
defs()
print(before, once, gc.get_freeze_count())
"""


def test_what_is_loaded_is_kept_from_the_garbage_collector_once(clone: Path, tmp_path: Path) -> None:
    """Python looked through all of Dagster again as each run ended: 1.2 of an hourly run's 6.6 s of CPU."""
    done = run([sys.executable, "-c", FROZEN], clone, tmp_path, PYTHONPATH=str(clone))
    assert done.returncode == 0, done.stderr
    before, once, twice = map(int, done.stdout.split())
    assert once - before > 100_000
    assert twice <= once


def test_a_broken_registry_stops_loading_and_names_every_problem(clone: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text(BROKEN_REGISTRY, encoding="utf-8")
    done = run(VALIDATE, clone, tmp_path, ELEC_REGISTRY=str(broken))
    said = done.stdout + done.stderr
    assert done.returncode != 0
    for where, what in (("broken.yaml:5", "2026-13-01"), ("broken.yaml:7", "7")):
        assert any(where in line and what in line for line in said.splitlines()), said
