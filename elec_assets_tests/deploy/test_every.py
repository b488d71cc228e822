"""deploy/every.sh: what it takes for work that was done, which is what health checks of compose look at."""

import os
import subprocess
from pathlib import Path

import pytest

from elec_assets.operations.deadman import TOLD_DEAD
from elec_assets_tests.deploy.recipe import DEPLOY, ours


def worked(folder: Path, *words: str) -> bool:
    """Whether one round of `every.sh 300 WORDS` counts as work."""
    sleep = folder / "sleep"  # ends the loop
    sleep.write_text("#!/bin/sh\n[ $1 = 300 ] && kill $PPID\n", encoding="utf-8")
    sleep.chmod(0o755)
    env = {"PATH": f"{folder}:{os.environ['PATH']}", "RAN": str(folder / "ran")}
    done = subprocess.run(["sh", DEPLOY / "every.sh", "300", *words], env=env, timeout=30, capture_output=True)
    assert done.stderr == b""
    return (folder / "ran").exists()


@pytest.mark.parametrize(
    ("code", "also", "expected"),
    [(code, also, code == 0 or str(code) == also) for code in range(4) for also in ("", "3")],
)
def test_only_0_and_the_code_that_is_named_are_work(tmp_path: Path, code: int, also: str, *, expected: bool) -> None:
    """1 was work too.

    A purge whose database failed every day for months was healthy, and so was a dead-man switch that could not speak,
    or crashed.
    """
    options = ["--also", also] if also else []
    assert worked(tmp_path, *options, "sh", "-c", f"exit {code}") is expected


def test_of_all_services_the_dead_man_switch_alone_has_such_a_code_and_it_is_the_one_it_ends_with() -> None:
    commands = {name: service["command"] for name, service in ours().items()}
    every = {name: words[2:] for name, words in commands.items() if "/opt/elec/every.sh" in words}
    assert {name: words[1:3] for name, words in every.items() if "--also" in words} == {
        "deadman": ["--also", str(TOLD_DEAD)]
    }
    assert every["purge"][1:3] == ["elec", "purge"]
