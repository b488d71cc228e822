"""The recipe as data: what deploy/compose.yaml and deploy/Dockerfile say."""

import re
from collections.abc import Mapping
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


def with_celery() -> dict[str, dict[str, Any]]:
    """The same services and more, with compose.celery.yaml: its variables are added, and replace those of one name."""
    added: dict[str, dict[str, Any]] = yaml.safe_load((DEPLOY / "compose.celery.yaml").read_text(encoding="utf-8"))
    found = {name: dict(service) for name, service in services().items()}
    for name, service in added["services"].items():
        before = found.setdefault(name, {})
        variables = {**before.get("environment", {}), **service.get("environment", {})}
        found[name] = {**before, **service, "environment": variables}
    return found


def given(service: Mapping[str, Any], variables: Mapping[str, str]) -> dict[str, str]:
    """The environment of a service, where deploy/.env holds these variables; one without a value is passed on."""
    own: dict[str, str | None] = service.get("environment", {})
    found = {name: variables.get(name) if value is None else _told(value, variables) for name, value in own.items()}
    return {name: value for name, value in found.items() if value is not None}


def _told(text: str, variables: Mapping[str, str]) -> str:
    """`${NAME:-default}` and `${NAME:?why}` as compose reads them: empty is unset."""

    def value(match: re.Match[str]) -> str:
        name, operator, word = match.groups()
        if operator == ":?":
            return variables[name]
        return variables.get(name) or word

    return re.sub(r"\$\{(\w+)(:[-?])([^}]*)\}", value, text)


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
