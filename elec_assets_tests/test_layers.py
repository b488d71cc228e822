"""The layers are held: a forbidden import breaks a contract, and so does a module that has no place in them."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from elec_assets_tests.deployment import REPOSITORY, environment

HELD = ", 0 broken."
LINT = str(Path(sys.executable).with_name("lint-imports"))


@pytest.mark.parametrize(
    ("module", "line", "told"),
    [
        pytest.param("domain/windows.py", "", HELD, id="as it is"),
        pytest.param(
            "transforms/weekly.py", "import dagster", "Dagster stays above resources BROKEN", id="dagster below"
        ),
        pytest.param("domain/windows.py", "import elec_assets.settings", "Arrows point down BROKEN", id="arrow up"),
        pytest.param("transforms/weekly.py", "import obstore", "no client library BROKEN", id="client library"),
        pytest.param("definitions.py", "import elec_assets.sandbox.serve", "start a sandbox BROKEN", id="sandbox"),
        pytest.param("helpers.py", "", "- elec_assets.helpers", id="module without a place"),
    ],
)
def test_contracts(tmp_path: Path, module: str, line: str, told: str) -> None:
    shutil.copytree(REPOSITORY / "elec_assets", tmp_path / "elec_assets", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    with (tmp_path / "elec_assets" / module).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    env = environment(tmp_path, PYTHONPATH=str(tmp_path))
    done = subprocess.run([LINT, "--no-cache"], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120)
    said = done.stdout + done.stderr
    assert (done.returncode == 0) == (told == HELD), said
    assert told in said, said


@pytest.mark.parametrize("module", ["elec_assets.cli", "elec_assets.settings", "elec_assets.clients.x_api"])
def test_what_starts_fast_loads_no_dagster(tmp_path: Path, module: str) -> None:
    """Dagster takes 3 s of CPU to import under load: `elec --help` must not wait for it."""
    code = f"import sys, {module}; sys.exit(bool({{'dagster', 'polars', 'tweepy'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, env=environment(tmp_path), timeout=60)
    assert done.returncode == 0
