"""What `elec demo` runs on: a folder of its own with registry, workspace and Dagster instance, and its environment.

The registry's calendar is relative to today, so that the demo works in any year.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from textwrap import dedent

from elec_assets.domain.windows import DAY, WEEK, Grain, floor
from elec_assets.sandbox.kaggle_api import KEY, USERNAME

ELECTION = "demo_presidential"
PAST_WEEKS, WHOLE_WEEK = 2, 7
TOKEN = "sandbox-token"  # noqa: S105  # the sandbox's own, of no use anywhere else
DATASET, TITLE = f"{USERNAME}/elections-on-x-demo", "Elections on X and Google Trends: a demo"
_MARKER = ".made-by-elec-demo"
_INSTANCE = """\
# The demo's own instance: SQLite, nothing sent anywhere.
telemetry: {enabled: false}
nux: {enabled: false}
run_coordinator:
  module: dagster.core.run_coordinator
  class: QueuedRunCoordinator
  config: {dequeue_interval_seconds: 1}
concurrency:
  runs: {max_concurrent_runs: 2}
  # The next run starts its process while the one before still asks X: seeding takes half the time.
  pools: {granularity: op, default_limit: 1, op_granularity_run_buffer: 1}
"""
_WORKSPACE = """\
load_from:
  - python_module: {module_name: elec_assets.definitions, location_name: elec_assets}
"""
# Fictitious people: a demo needs no real ones.
_PEOPLE = (
    ("amartin", "Agathe Martin", "@AgatheMartin_T", "Gauche"),
    ("bleroux", "Béatrice Leroux", "@BLeroux_Test", "Centre"),
    ("cdubois", "Côme Dubois-Vannier", "@ComeDV_Test", "Droite"),
    ("dnguyen", "Daphné Nguyen", "@DaphneN_Test", "Écologistes"),
    ("efournier", "Élie Fournier", "@ElieF_Test", "Centre droit"),
    ("fgarcia", "François Garcia", "@FGarcia_Test", "Divers"),
    ("gmorel", "Gaëlle Morel", "@GMorel_Test", "Gauche modérée"),
    ("hlambert", "Hugues L'Hermitte", "@HLHermitte_T", "Droite"),
)


class DemoFolderTaken(Exception):
    """The folder holds something that the demo did not make; it is left alone."""


def demo_registry(now: datetime, weeks: int = PAST_WEEKS, days: int = WHOLE_WEEK) -> str:
    """The demo's candidates.yaml: collection began weeks before this one, round 1 is in 20 weeks.

    Args:
        now: the time.
        weeks: past weeks, 1 or more.
        days: of the first of them the last so many, 2 to 7: fewer are seeded sooner, for tests.
    """
    monday = floor(now, Grain.WEEK)
    start, first = monday - WEEK * weeks + DAY * (WHOLE_WEEK - days), monday + WEEK * 20 + timedelta(days=6)
    debate = monday - timedelta(days=1)
    people = "\n".join(
        f'      {key}: {{name: "{name}", group: "{side}", status: 1, twitter_account: ["{handle}"]}}'
        for key, name, handle, side in _PEOPLE
    )
    return (
        dedent(
            f"""\
        # Made by `elec demo`: fictitious people, a calendar relative to the day it was started.
        elections:
          {ELECTION}:
            name: Demo presidential election
            country: FR
            timezone: Europe/Paris
            languages: [fr, en]
            calendar:
              collect_from: {start:%Y-%m-%d}
              rounds: [{first:%Y-%m-%d}, {first + WEEK * 2:%Y-%m-%d}]
              confirmed: true
              inauguration: {first + WEEK * 4:%Y-%m-%d}
              events: [{{name: Debate, at: "{debate:%Y-%m-%d} 21:00", for: 3h}}]
            candidates:
        """
        )
        + f"{people}\n"
    )


@contextmanager
def prepared(folder: Path, now: datetime, weeks: int = PAST_WEEKS, days: int = WHOLE_WEEK) -> Iterator[None]:
    """Make the demo's folder afresh, and hold it; one that an earlier demo made is replaced.

    Raises:
        DemoFolderTaken: the folder was not made by a demo, or a demo is running in it.
    """
    # Held beside the folder, because the folder itself is replaced.
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = folder.with_name(f"{folder.name}.lock")
    with lock.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DemoFolderTaken(f"a demo is running in {folder}; stop it, or name another with --dir") from None
        try:
            _make(folder, demo_registry(now, weeks, days))
            yield
        finally:
            lock.unlink(missing_ok=True)


def _make(folder: Path, registry: str) -> None:
    if folder.exists():
        if not folder.is_dir() or (not (folder / _MARKER).is_file() and any(folder.iterdir())):
            raise DemoFolderTaken(f"{folder} is or holds what `elec demo` did not make; name another with --dir")
        shutil.rmtree(folder)
    (folder / "dagster").mkdir(parents=True)
    (folder / _MARKER).touch()
    (folder / "candidates.yaml").write_text(registry, encoding="utf-8")
    (folder / "workspace.yaml").write_text(_WORKSPACE, encoding="utf-8")
    (folder / "dagster" / "dagster.yaml").write_text(_INSTANCE, encoding="utf-8")


@contextmanager
def no_proxies() -> Iterator[None]:
    """Meanwhile this process knows no proxy: all that the demo talks to is on this machine."""
    # Also what live capture asks: with HTTP_PROXY set it sent its requests to 127.0.0.1 there (2026-11).
    before = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    for name in before:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(before)


def environment(
    folder: Path, x_url: str, trends_url: str, inherited: Mapping[str, str], kaggle_url: str | None = None
) -> dict[str, str]:
    """The environment of the demo's processes: sandboxes, no account, no proxy, no way to a real AWS.

    Without a sandbox of Kaggle nothing is published.
    """
    ours = ("ELEC_", "X_", "KAGGLE_", "AWS_", "DAGSTER_")
    kept = {
        name: value
        for name, value in inherited.items()
        if not name.startswith(ours) and not name.lower().endswith("_proxy")
    }
    kaggle = {
        "ELEC_KAGGLE_DATASET": DATASET,
        "ELEC_KAGGLE_TITLE": TITLE,
        "ELEC_KAGGLE_BASE_URL": kaggle_url,
        "KAGGLE_USERNAME": USERNAME,
        "KAGGLE_KEY": KEY,
    }
    return {
        **kept,
        **{name: value for name, value in kaggle.items() if kaggle_url is not None and value is not None},
        "DAGSTER_HOME": str(folder / "dagster"),
        "ELEC_REGISTRY": str(folder / "candidates.yaml"),
        "ELEC_STORE": str(folder / "data"),
        "ELEC_SPOOL": str(folder / "spool"),
        "ELEC_X_BASE_URL": x_url,
        "X_BEARER_TOKEN": TOKEN,
        "ELEC_TRENDS_BASE_URL": trends_url,
        # Port 9 is `discard`: whatever would call AWS is refused on this machine.
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "NO_PROXY": "127.0.0.1,localhost",
        "PATH": kept.get("PATH", os.defpath),
    }
