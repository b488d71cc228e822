"""The recipe as data: what deploy/compose.yaml and deploy/Dockerfile say."""

import re
from dataclasses import dataclass
from typing import Any

import yaml

from elec_assets_tests.deployment import REPOSITORY

DEPLOY = REPOSITORY / "deploy"


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return loaded


def services() -> dict[str, dict[str, Any]]:
    """All services; those of the profile `tools` are run by hand."""
    found: dict[str, dict[str, Any]] = compose()["services"]
    return found


def ours() -> dict[str, dict[str, Any]]:
    """The services of our own image."""
    return {name: service for name, service in services().items() if "build" in service}


@dataclass(frozen=True)
class Instruction:
    """A line of a Dockerfile, continued lines joined."""

    word: str
    rest: str


def dockerfile() -> list[Instruction]:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    lines = re.sub(r"\\\n\s*", " ", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)).splitlines()
    return [Instruction(*line.split(" ", 1)) for line in lines if line]


def image_environment() -> dict[str, str]:
    """What ENV sets."""
    pairs = [pair for step in dockerfile() if step.word == "ENV" for pair in step.rest.split()]
    return dict(pair.split("=", 1) for pair in pairs)
