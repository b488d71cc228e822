"""A whole deployment in a temporary folder: registry, store, sandbox of X; Dagster in process or as a subprocess."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from elec_assets.clients.registry_source import load_registry
from elec_assets.definitions import Loader
from elec_assets.domain.registry import Election, Registry
from elec_assets.settings import Settings
from elec_assets_tests.s3 import Mirror

REPOSITORY = Path(__file__).parents[1]
TOKEN = "sandbox-token"
ELECTION = "test_2026"
# Collection begins on a Wednesday and ends on a Thursday: the Monday of its week and the Sunday are not planned.
REGISTRY = f"""\
elections:
  {ELECTION}:
    name: Test election 2026
    country: FR
    timezone: Europe/Paris
    languages: [fr]
    calendar:
      collect_from: 2026-02-04
      collect_until: 2026-03-12
      rounds: [2026-02-22]
      confirmed: true
      inauguration: 2026-03-01
    trends: {{hourly: [], daily: [], weekly: []}}
    candidates:
      amartin: {{name: Agathe Martin, status: 1, twitter_account: ["@AgatheMartin_T"]}}
      bleroux: {{name: Béatrice Leroux, status: 1, twitter_account: ["@BLeroux_Test"]}}
"""
BUILT_DAY, BUILT_WEEK = ("2026-02-04-00:00", "2026-02-04-23:00"), "2026-02-02"
MID_CAMPAIGN = datetime(2026, 2, 16, 12, tzinfo=UTC)
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
_OURS = ("ELEC_", "X_", "KAGGLE_", "AWS_", "DAGSTER_", "PYTEST_")
NO_TELEMETRY = "telemetry: {enabled: false}\n"
# Making definitions and their job is most of what a run of a small asset takes: runs of one deployment share them.
_LOADER = Loader()


@dataclass(frozen=True)
class Deployment:
    """The definitions are those that are made of settings, as in production.

    `token` is what X_BEARER_TOKEN holds, None where it is not set; without `trends_url` Google Trends is off. The
    store is a directory, or in a bucket where a `Mirror` is at the folder.
    """

    folder: Path
    registry: Registry
    instance: dg.DagsterInstance
    x_url: str
    token: str | None = TOKEN
    trends_url: str | None = None

    @property
    def store(self) -> Path:
        """The store as a directory: what is changed there is what the next run finds."""
        mirror = Mirror.of(self.folder)
        return self.folder / "store" if mirror is None else mirror.show()

    @property
    def election(self) -> Election:
        return self.registry.elections[ELECTION]

    def settings(self) -> Settings:
        mirror = Mirror.of(self.folder)
        values = {
            "registry": "unused",
            "store": str(self.store) if mirror is None else mirror.bucket.url,
            "aws_endpoint_url": None if mirror is None else mirror.bucket.endpoint,
            "x_base_url": self.x_url,
            "x_bearer_token": self.token,
        }
        google = {} if self.trends_url is None else {"trends_base_url": self.trends_url}
        return Settings.model_validate(values | google)

    def definitions(self, now: datetime = MID_CAMPAIGN) -> dg.Definitions:
        if (mirror := Mirror.of(self.folder)) is not None:
            mirror.take()
        return _LOADER.load(self.settings(), self.registry, now)

    def run(
        self,
        *products: str,
        partition: str | None = None,
        span: tuple[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> dg.ExecuteInProcessResult:
        """Materialize products (`twitter/tweets`) of the election: one partition, or a range of them in one run."""
        ranged = {RANGE_START: span[0], RANGE_END: span[1]} if span else {}
        result = (
            self.definitions()
            .resolve_implicit_global_asset_job_def()
            .execute_in_process(
                instance=self.instance,
                asset_selection=[key(product) for product in products],
                partition_key=partition,
                tags={**ranged, **(tags or {})},
                raise_on_error=False,
            )
        )
        if (mirror := Mirror.of(self.folder)) is not None:
            mirror.refresh()
        return result

    def objects(self, under: str = "") -> dict[str, bytes]:
        """All objects of the store whose key starts so."""
        if (mirror := Mirror.of(self.folder)) is not None:
            return {name: data for name, data in mirror.objects().items() if name.startswith(under)}
        files = {p.relative_to(self.store).as_posix(): p for p in self.store.rglob("*") if p.is_file()}
        return {name: path.read_bytes() for name, path in sorted(files.items()) if name.startswith(under)}

    def without_token(self) -> "Deployment":
        return replace(self, token=None)


def key(product: str, election: str = ELECTION) -> dg.AssetKey:
    return dg.AssetKey([election, *product.split("/")])


def write_registry(folder: Path, text: str = REGISTRY) -> Registry:
    path = folder / "candidates.yaml"
    path.write_text(text, encoding="utf-8")
    return load_registry(path)


def failure(result: dg.ExecuteInProcessResult) -> str:
    """What the failed step of a run says."""
    data = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    return "\n".join(str(d.error) + str(d.user_failure_data) for d in data)


def checks(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    """The checks of a run's only asset by name."""
    found = {evaluation.check_name: evaluation for evaluation in result.get_asset_check_evaluations()}
    assert len(found) == len(result.get_asset_check_evaluations()), "checks of several assets have the same name"
    return found


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """The environment of a subprocess: nothing of this machine's accounts and proxies, an instance in the folder."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith(_OURS) and not n.lower().endswith("_proxy")}
    home = folder / "dagster"
    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_text(NO_TELEMETRY, encoding="utf-8")
    # Port 9 is `discard`: whatever would call AWS is refused on this machine.
    return {**kept, "DAGSTER_HOME": str(home), "AWS_ENDPOINT_URL": "http://127.0.0.1:9", **settings}


def dagster(arguments: Sequence[str], env: Mapping[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """`python -m dagster ...`, as a user types it."""
    command = [sys.executable, "-m", "dagster", *arguments]
    return subprocess.run(command, cwd=cwd, env=dict(env), capture_output=True, text=True, timeout=240)
