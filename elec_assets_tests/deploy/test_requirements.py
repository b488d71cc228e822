"""deploy/requirements.py: of the lock what a deployment needs, whole, with its pins and hashes."""

import re
import runpy
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, requires
from typing import Any

import pytest

from elec_assets_tests.deployment import REPOSITORY

SCRIPT = REPOSITORY / "deploy" / "requirements.py"
LOCK = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(SCRIPT))


def printed(*arguments: str) -> str:
    done = subprocess.run([sys.executable, "-I", SCRIPT, *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def names(lock: str) -> set[str]:
    return set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))


def test_all_that_the_project_brings_is_there_and_nothing_that_only_tests_need() -> None:
    kept = names(printed("scale"))
    assert {"dagster", "dagster-postgres", "psycopg2-binary", "polars", "kaggle", "obstore", "redis"} <= kept
    assert kept.isdisjoint({"pytest", "mypy", "ruff", "moto", "duckdb", "hypothesis", "uv", "ministack", "cfn-lint"})
    assert names(printed()) < kept < names(LOCK)


def test_lines_are_those_of_the_lock_with_their_hashes() -> None:
    text = printed("scale")
    assert set(text.splitlines()) <= set(LOCK.splitlines())
    blocks = re.split(r"^(?=[a-z])", text, flags=re.MULTILINE)[1:]
    assert all("--hash=sha256:" in block for block in blocks)


@pytest.mark.prove
def test_what_a_package_says_it_needs_is_there(script: dict[str, Any]) -> None:
    """By another way: what the installed packages themselves declare for this Python."""
    from packaging.requirements import Requirement

    kept = names(printed("scale"))
    for name in kept:
        try:
            declared = [Requirement(text) for text in requires(name) or []]
        except PackageNotFoundError:  # for another platform
            continue
        plain = [r for r in declared if r.marker is None or r.marker.evaluate({"extra": ""})]
        assert {script["normal"](r.name) for r in plain} <= kept, name


def test_only_some_packages_can_be_asked_for() -> None:
    assert names(printed("--of", "msgspec", "obstore")) == {"msgspec", "obstore", "typing-extensions"}


def test_a_package_that_the_lock_lacks_is_named(script: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"requirements.lock lacks nosuch; make it anew: make lock"):
        script["needed"](LOCK, {"dagster", "nosuch"})
