"""The image and the box without Docker: its recipe, step by step, in a bare folder, and its processes from there."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from elec_assets_tests.deploy.recipe import dockerfile, image_environment, ours
from elec_assets_tests.deployment import REPOSITORY


@dataclass(frozen=True)
class Image:
    """What the Dockerfile makes, in a folder instead of `/`."""

    root: Path

    def here(self, text: str) -> str:
        """A path, or words with paths, of the image as they are here."""
        for absolute in ("/opt/elec", "/var/lib/elec", "/build"):
            text = text.replace(absolute, f"{self.root}{absolute}")
        return text

    def path(self, absolute: str) -> Path:
        return Path(self.here(absolute))

    @property
    def environment(self) -> dict[str, str]:
        """What a container starts with."""
        return {name: self.here(value) for name, value in image_environment().items()} | {"HOME": str(self.root)}

    def build(self) -> None:
        """Every instruction in order. Stages share the folder: what one takes from another must be there."""
        folder, user = self.root, f"{os.getuid()}:{os.getgid()}"
        kept = {n: v for n, v in os.environ.items() if n in ("PATH", "HOME") or n.startswith(("PIP_", "UV_", "SSL_"))}
        env = {**kept, "PYTHON": sys.executable, "TOOLS": str(self.root / "tools")}
        for step in dockerfile():
            if step.word == "WORKDIR":
                folder = self.path(step.rest)
                folder.mkdir(parents=True, exist_ok=True)
            elif step.word == "COPY":
                self._copy(step.rest, folder)
            elif step.word == "RUN":
                command = self.here(step.rest).replace("10001:10001", user)
                done = subprocess.run(["sh", "-ec", command], cwd=folder, env=env, capture_output=True, text=True)
                assert done.returncode == 0, f"{step.rest}: {done.stdout}{done.stderr}"

    def _copy(self, rest: str, folder: Path) -> None:
        words = [word for word in rest.split() if not word.startswith("--chown")]
        stage, *sources, target = words if words[0].startswith("--from=") else ["", *words]
        for source in sources:
            if stage:
                # In place already; the target is the same path, or its folder.
                assert self.path(source).exists(), source
                assert target in (source, f"{Path(source).parent}/"), rest
            elif (REPOSITORY / source).is_dir():
                ignored = shutil.ignore_patterns("__pycache__", ".env", "config", "backups")
                shutil.copytree(REPOSITORY / source, folder / target, dirs_exist_ok=True, ignore=ignored)
            else:
                (folder / target).mkdir(exist_ok=True)
                shutil.copy(REPOSITORY / source, folder / target)


def free_port() -> str:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return str(found.getsockname()[1])


@dataclass
class Box:
    """Processes of deploy/compose.yaml, started from an image; `env_file` is what deploy/.env holds."""

    image: Image
    database: Mapping[str, str]
    env_file: Mapping[str, str]
    code_port: str = field(default_factory=free_port)
    web_port: str = field(default_factory=free_port)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def words(self, name: str, words: list[str]) -> list[str]:
        """Words of a command, with this box's paths and ports, on 127.0.0.1 alone."""
        changed = {"0.0.0.0": "127.0.0.1", "4000": self.code_port, "3000": self.web_port}  # noqa: S104
        changed |= {"/tmp/ran": str(self.image.root / f"ran-{name}"), "$$": "$"}  # noqa: S108
        old = re.compile("|".join(rf"(?<!\d){re.escape(text)}(?!\d)" for text in changed))
        return [old.sub(lambda match: changed[match[0]], self.image.here(word)) for word in words]

    def environment(self, name: str) -> dict[str, str]:
        service = ours()[name]
        given = {**self.database, "DAGSTER_LOGS_BUCKET": ""}
        own = {variable: given.get(variable) for variable in service.get("environment", {})}
        return {
            **self.image.environment,
            "RAN": str(self.image.root / f"ran-{name}"),
            "DAGSTER_CODE_HOST": "127.0.0.1",
            "DAGSTER_CODE_PORT": self.code_port,
            **{variable: value for variable, value in own.items() if value is not None},
            **({"DAGSTER_POSTGRES_PORT": self.database["DAGSTER_POSTGRES_PORT"]} if own else {}),
            **(self.env_file if "env_file" in service else {}),
        }

    def start(self, name: str) -> None:
        with self.log(name).open("ab") as log:
            self.processes[name] = subprocess.Popen(
                self.words(name, ours()[name]["command"]),
                cwd=self.image.path("/opt/elec"),
                env=self.environment(name),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def log(self, name: str) -> Path:
        return self.image.root / f"{name}.log"

    def healthy(self, name: str) -> bool:
        """What the health check of compose says once."""
        kind, *words = ours()[name]["healthcheck"]["test"]
        words = self.words(name, words)
        command = ["sh", "-c", *words] if kind == "CMD-SHELL" else words
        folder = self.image.path("/opt/elec")
        done = subprocess.run(command, cwd=folder, env=self.environment(name), capture_output=True, timeout=120)
        return done.returncode == 0

    def wait_until_healthy(self, name: str, seconds: float = 240) -> None:
        until = time.monotonic() + seconds
        while not self.healthy(name):
            said = self.log(name).read_text(encoding="utf-8")
            assert self.processes[name].poll() is None, said
            assert time.monotonic() < until, said
            time.sleep(1)

    def kill(self, name: str) -> None:
        """End it and all it has started at once, as the loss of power does."""
        process = self.processes.pop(name)
        self._end(family(process), process)

    def stop(self, name: str) -> int:
        """SIGTERM to the process, as `docker stop` sends; how it ended. What is left of it then is killed."""
        process = self.processes.pop(name)
        started = family(process)
        process.terminate()
        try:
            return process.wait(60)
        finally:
            self._end(started, process)

    def _end(self, started: list[psutil.Process], process: subprocess.Popen[bytes]) -> None:
        for one in started:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        process.wait()


def family(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """A process and all that it has started, some of which are sessions of their own."""
    try:
        found = psutil.Process(process.pid)
        return [found, *found.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


@contextmanager
def box(image: Image, **given: Any) -> Iterator[Box]:  # noqa: ANN401 - those of Box
    made = Box(image, **given)
    try:
        yield made
    finally:
        for name in reversed(list(made.processes)):
            made.stop(name)
