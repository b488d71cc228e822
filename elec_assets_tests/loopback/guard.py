"""Starts child processes under the loopback guard, and reads what it wrote."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Attempt:
    """One line of the guard's log: `loaded` when a process began, else the socket event and the host it named."""

    pid: int
    event: str
    host: str
    refused: bool


def guarded(environment: Mapping[str, str], log: Path) -> dict[str, str]:
    """The environment with the guard in front of PYTHONPATH, its log at `log`."""
    paths = [str(Path(__file__).parent), environment.get("PYTHONPATH", "")]
    return {**environment, "PYTHONPATH": os.pathsep.join(p for p in paths if p), "LOOPBACK_LOG": str(log)}


def attempts(log: Path) -> list[Attempt]:
    """Every attempt so far, in order."""
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return [Attempt(**json.loads(line)) for line in lines]
