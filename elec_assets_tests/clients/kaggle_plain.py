"""The unmodified `kaggle` command against the sandbox, and a folder for it to publish."""

import json
from pathlib import Path
from typing import Any

from elec_assets.sandbox.kaggle_http import KaggleServer
from elec_assets.sandbox.serve_kaggle import command_environment
from elec_assets_tests.clients.kaggle_forks import shared_forks
from elec_assets_tests.clients.kaggle_staging import DATASET

FILES = {"README.md": b"# Elections\n", "a.csv": b"a,b\n1,2\n", "b.csv": b"c\n3\n"}


class Plain:
    """Runs `kaggle` with a home of its own; `folder` holds two files and the metadata."""

    def __init__(self, server: KaggleServer, home: Path, **described: Any) -> None:  # noqa: ANN401 - fields of the form
        self.folder = home / "folder"
        self.folder.mkdir(parents=True)
        (home / "tmp").mkdir()
        self._home = home
        self._environment = {**command_environment(server), "HOME": str(home), "TMPDIR": str(home / "tmp")}
        self.write(FILES)
        form = {"id": DATASET, "title": "Elections on X", "licenses": [{"name": "CC0-1.0"}], **described}
        (self.folder / "dataset-metadata.json").write_text(json.dumps(form), encoding="utf-8")

    def write(self, files: dict[str, bytes]) -> None:
        for name, data in files.items():
            (self.folder / name).write_bytes(data)

    def run(self, *argv: str, timeout_s: float = 60.0, **environment: str) -> tuple[int, str]:
        """Exit code, and what it said; `TimeoutError` when it takes longer, and it is killed."""
        made = {**self._environment, **environment}
        return shared_forks().run(["kaggle", *argv], made, self._home, timeout_s)

    def create(self) -> tuple[int, str]:
        return self.run("datasets", "create", "-p", str(self.folder), "-q")

    def version(self, *more: str, timeout_s: float = 60.0, **environment: str) -> tuple[int, str]:
        argv = ("datasets", "version", "-p", str(self.folder), "-m", "notes", "-q", *more)
        return self.run(*argv, timeout_s=timeout_s, **environment)
