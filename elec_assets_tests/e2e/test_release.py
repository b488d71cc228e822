"""Releases as an operator makes them: two weeks of a world become one, a third week another, the same again none.

Posts come from the sandbox of X; each release is a process of `dagster job execute` with settings from its
environment; what Kaggle holds is downloaded with the plain `kaggle` command.
"""

import csv
import gzip
import hashlib
import io
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from elec_assets.operations.sandboxes import scene_of
from elec_assets.sandbox.kaggle_api import KEY, USERNAME
from elec_assets.sandbox.kaggle_http import KaggleServer
from elec_assets.sandbox.serve import start_x
from elec_assets.sandbox.serve_kaggle import command_environment, start_kaggle
from elec_assets.schedules_releases import JOB
from elec_assets_tests.deployment import (
    ELECTION,
    RANGE_END,
    RANGE_START,
    REGISTRY,
    TOKEN,
    Deployment,
    dagster,
    environment,
    failure,
    key,
    write_registry,
)
from elec_assets_tests.loopback.guard import attempts, guarded

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]
SLUG = "elections-on-x"
# Collection begins on the Wednesday of the first: of each week the hours of one morning are sealed.
WEEKS = {"2026_06": "2026-02-05", "2026_07": "2026-02-10", "2026_08": "2026-02-17"}
_HOURS = ("06:00", "08:00")
_POSTS_PER_HOUR = 400.0
# In the world the last of eight has a thousandth of the posts of the first, the second a tenth.
_MORE = ("cdubois", "dnguyen", "efournier", "fgarcia", "gmorel", "hlambert")
_PERSON = '      {key}: {{name: {name}, status: 1, twitter_account: ["@{key}_Test"]}}\n'
_PEOPLE = "".join(_PERSON.format(key=key, name=key.title()) for key in _MORE)


@dataclass(frozen=True)
class Version:
    """What Kaggle held after a release: its files by path, as downloaded, and the notes."""

    files: Mapping[str, bytes]
    notes: str

    @property
    def manifest(self) -> dict[str, dict[str, object]]:
        return {entry["path"]: entry for entry in json.loads(self.files["manifest.json"])["files"]}

    def rows(self, path: str) -> list[dict[str, str]]:
        data = self.files[path]
        text = gzip.decompress(data) if path.endswith(".gz") else data
        return list(csv.DictReader(io.StringIO(text.decode())))

    def weekly(self, *weeks: str) -> dict[str, int]:
        """Rows of all weekly files of a source, counted in the files themselves."""
        found: dict[str, int] = {}
        for path in self.files:
            if path.endswith(tuple(f"/{week}.csv.gz" for week in weeks)):
                source = path.split("/")[1]
                found[source] = found.get(source, 0) + len(self.rows(path))
        return found


@dataclass(frozen=True)
class Released:
    """Three runs of the job."""

    folder: Path
    server: KaggleServer
    first: Version
    second: Version
    third_log: str
    calls_of_third: list[str]


class Seeding:
    """Seals some hours of a week, and builds its files."""

    def __init__(self, place: Deployment) -> None:
        self._job = place.definitions().resolve_implicit_global_asset_job_def()
        self._instance = place.instance

    def week(self, week: str) -> None:
        day = datetime.fromisoformat(WEEKS[week])
        monday = f"{day - timedelta(days=day.weekday()):%Y-%m-%d}"
        first, last = (f"{WEEKS[week]}-{hour}" for hour in _HOURS)
        self._run("twitter/tweets", tags={RANGE_START: first, RANGE_END: last})
        self._run("twitter/weekly", "twitter/volume", "coverage/weekly", partition=monday)

    def _run(self, *products: str, partition: str | None = None, tags: Mapping[str, str] | None = None) -> None:
        done = self._job.execute_in_process(
            instance=self._instance,
            asset_selection=[key(product) for product in products],
            partition_key=partition,
            tags=dict(tags or {}),
            raise_on_error=False,
        )
        assert done.success, failure(done)


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Released]:
    folder = tmp_path_factory.mktemp("releases")
    registry = write_registry(folder, REGISTRY + _PEOPLE)
    with (
        start_x(scene=scene_of(registry.elections.values(), seed=3, posts_per_hour=_POSTS_PER_HOUR), token=TOKEN) as x,
        start_kaggle() as kaggle,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("X_BEARER_TOKEN", TOKEN)
        env = guarded(
            environment(
                folder,
                ELEC_REGISTRY=str(folder / "candidates.yaml"),
                ELEC_STORE=str(folder / "store"),
                ELEC_KAGGLE_DATASET=f"{USERNAME}/{SLUG}",
                ELEC_KAGGLE_BASE_URL=kaggle.url,
                KAGGLE_USERNAME=USERNAME,
                KAGGLE_KEY=KEY,
            ),
            folder / "attempts.jsonl",
        )
        with dg.DagsterInstance.local_temp(str(folder / "dagster")) as instance:
            seeding = Seeding(Deployment(folder, registry, instance, x.url))
            for week in list(WEEKS)[:2]:
                seeding.week(week)
            release(folder, env)
            first = downloaded(folder / "v1", kaggle)
            seeding.week(list(WEEKS)[2])
            release(folder, env)
            second = downloaded(folder / "v2", kaggle)
            before = len(kaggle.requests)
            log = release(folder, env)
            calls = [request.call for request in kaggle.requests[before:]]
            yield Released(folder, kaggle, first, second, log, calls)


def release(folder: Path, env: Mapping[str, str]) -> str:
    done = dagster(["job", "execute", "-m", "elec_assets.definitions", "-j", JOB], env, folder)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


def downloaded(target: Path, server: KaggleServer) -> Version:
    """The newest version, with the unmodified `kaggle` command in an environment of its own."""
    home = target.with_name(f"{target.name}-home")
    home.mkdir()
    command = [str(Path(sys.executable).with_name("kaggle")), "datasets", "download", f"{USERNAME}/{SLUG}"]
    done = subprocess.run(
        [*command, "-p", str(target), "--unzip", "-q"],
        env={**command_environment(server), "HOME": str(home), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    files = {p.relative_to(target).as_posix(): p.read_bytes() for p in target.rglob("*") if p.is_file()}
    return Version(files, server.dataset(SLUG).versions[-1].notes)


def test_what_is_downloaded_has_the_hashes_of_the_manifest(released: Released) -> None:
    for version in (released.first, released.second):
        assert set(version.files) == {*version.manifest, "manifest.json"}
        for path, entry in version.manifest.items():
            assert hashlib.sha256(version.files[path]).hexdigest() == entry["sha256"], path
            assert len(version.files[path]) == entry["bytes"], path


def test_the_first_release_holds_two_weeks_and_the_second_a_third(released: Released) -> None:
    posts = {path for path in released.first.manifest if path.startswith(f"{ELECTION}/twitter/")}
    assert posts == {f"{ELECTION}/twitter/{week}.csv.gz" for week in list(WEEKS)[:2]}
    added = released.second.manifest.keys() - released.first.manifest.keys()
    assert added == {f"{ELECTION}/{table}/2026_08.csv.gz" for table in ("twitter", "twitter_volume", "coverage")}
    states = {path: entry["state"] for path, entry in released.second.manifest.items()}
    assert {path for path, state in states.items() if state == "new"} == added
    for path, entry in released.first.manifest.items():
        if entry["partition"] is not None:
            assert states[path] == "same", path
            assert released.second.files[path] == released.first.files[path], path


def test_the_notes_tell_what_was_added_by_source(released: Released) -> None:
    added = released.second.weekly("2026_08")
    assert added["twitter"] > 100
    first, *rest = released.second.notes.splitlines()
    week, _, rows, content = first.split(" | ")
    assert (week, rows) == ("2026-W08", f"{sum(added.values()):+,} rows")
    assert content == f"content {json.loads(released.second.files['manifest.json'])['content_sha256'][:8]}"
    told = ", ".join(f"{source} {count:+,}" for source, count in sorted(added.items()))
    assert f"{ELECTION}, week 2026_08: {told} rows" in rest


def test_the_notes_and_the_changelog_tell_posts_of_each_candidate(released: Released) -> None:
    """Summed here from the daily summaries as downloaded, of the days that the first one does not have."""
    path = f"{ELECTION}/daily_summary.csv"
    before = {row["day"] for row in released.first.rows(path)}
    posts: dict[str, float] = {}
    rows = [row for row in released.second.rows(path) if row["day"] not in before]
    for row in rows:
        # Numbers that would tell of single posts are left out: a candidate may have none.
        for estimate in filter(None, (row["originals_estimate"], row["retweets_estimate"])):
            posts[row["candidate"]] = posts.get(row["candidate"], 0.0) + float(estimate)
    assert {row["candidate"] for row in rows} == {"amartin", "bleroux", *_MORE} > posts.keys()
    assert len([count for count in posts.values() if count > 0]) > 1
    ranked = sorted(posts.items(), key=lambda pair: (-pair[1], pair[0]))
    told = ", ".join(f"{name} {count:,.0f}" for name, count in ranked[:5])
    assert f"Posts of new days: {told} and {len(posts) - 5} more" in released.second.notes.splitlines()
    text = released.second.files["CHANGELOG.md"].decode()
    for row in rows:
        name = row["candidate"]
        assert f"| {name} | 7 | {f'{posts[name]:,.0f}' if name in posts else ''} |" in text
    first = json.loads(released.first.files["manifest.json"])["release_id"]
    assert text.index(f"after {first}") < text.index("first release")


def test_running_again_publishes_nothing(released: Released) -> None:
    # Kaggle gives the first version notes of its own.
    assert [v.notes.partition(" | ")[0] for v in released.server.dataset(SLUG).versions] == [
        "Initial release",
        "2026-W08",
    ]
    sent = {"StartBlobUpload", "CreateDataset", "CreateDatasetVersion", "UpdateDatasetMetadata"}
    assert not sent & set(released.calls_of_third), released.calls_of_third
    assert "RUN_SUCCESS" in released.third_log


def test_no_run_tried_any_other_machine(released: Released) -> None:
    seen = attempts(released.folder / "attempts.jsonl")
    assert [attempt for attempt in seen if attempt.refused] == []
    # An empty log of a process that the guard never entered would prove nothing.
    assert sum(JOB in attempt.host for attempt in seen if attempt.event == "loaded") == 3
