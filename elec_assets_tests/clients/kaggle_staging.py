"""Small staged releases, and publishers to a sandbox: shared by the tests of publishing."""

import gzip
import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from elec_assets.clients.kaggle_job import Patience
from elec_assets.clients.kaggle_process import Credential
from elec_assets.clients.kaggle_staged import Staged, Target, read_staged
from elec_assets.sandbox.kaggle_api import KEY, USERNAME
from elec_assets.sandbox.kaggle_http import KaggleServer
from elec_assets.sandbox.kaggle_state import Dataset, StoredFile, Version
from elec_assets.transforms.manifest import (
    COVER,
    METADATA,
    UNLISTED,
    FileEntry,
    Manifest,
    encode_manifest,
    make_manifest,
)

SLUG = "elections-on-x"
DATASET = f"{USERNAME}/{SLUG}"
WEEK = "2027_05"
# A sandbox answers at once.
QUICK = Patience(
    connect_s=2.0, answer_s=5.0, poll_s=0.01, poll_max_s=0.05, ready_s=5.0, settle_s=0.3, listed_s=0.3, hard_s=60.0
)
FILES = {
    "README.md": b"# Elections\n",
    "candidates.csv": b"candidate,name\na,A\n",
    "fr/daily_summary.csv": b"day,posts\n2027-02-01,5\n",
    "fr/twitter/2027_05.csv.gz": gzip.compress(b"tweet_id,week\n1,2027_05\n" * 20, mtime=0),
    "meta/datapackage.json": b'{"name": "elections"}\n',
}
DESCRIBED: dict[str, Any] = {
    "title": "Elections on X",
    "subtitle": "What people say about the candidates",
    "description": "# Elections\nA data card.",
    "isPrivate": True,
    "licenses": [{"name": "CC0-1.0"}],
    "keywords": ["politics", "elections"],
    "expectedUpdateFrequency": "weekly",
    "userSpecifiedSources": "X and Google Trends",
    "resources": [
        {
            "path": "fr/twitter/2027_05.csv.gz",
            "description": "Posts of the week",
            "schema": {"fields": [{"name": "tweet_id", "type": "string"}, {"name": "week", "type": "string"}]},
        }
    ],
}


def entry_of(path: str, data: bytes) -> FileEntry:
    """What a manifest says of a file."""
    plain = gzip.decompress(data) if path.endswith(".gz") else data
    return FileEntry(
        path=path,
        sha256=hashlib.sha256(data).hexdigest(),
        bytes=len(data),
        plain_sha256=hashlib.sha256(plain).hexdigest(),
        plain_bytes=len(plain),
    )


def stage(directory: Path, files: dict[str, bytes] | None = None, *, cover: bool = False, **described: Any) -> Staged:  # noqa: ANN401 - fields of the metadata
    """A staged release in a directory: these files, and a metadata form of which some fields are others."""
    held = FILES if files is None else files
    for path, data in held.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_bytes(data)
    manifest = make_manifest(WEEK, [entry_of(path, data) for path, data in held.items()], profile="public")
    write_manifest(directory, manifest)
    (directory / METADATA).write_text(json.dumps({**DESCRIBED, **described}), encoding="utf-8")
    if cover:
        (directory / COVER).write_bytes(b"\x89PNG a picture")
    return read_staged(directory)


def write_manifest(directory: Path, manifest: Manifest) -> None:
    (directory / "manifest.json").write_bytes(encode_manifest(manifest))


def target(server: KaggleServer, dataset: str = DATASET) -> Target:
    """A dataset of the sandbox."""
    return Target(dataset, server.url, Credential(username=USERNAME, key=KEY))


def give_first_version(server: KaggleServer, kind: str = "FILESET") -> None:
    """A private dataset of one file, as if it had been there for long."""
    settings = {
        "title": "Elections on X", "subtitle": "", "description": "", "isPrivate": True, "keywords": [],
        "licenses": [{"name": "CC0-1.0"}], "collaborators": [], "data": [], "userSpecifiedSources": "",
    }  # fmt: skip
    file = StoredFile("README.md", b"the first")
    version = Version(1, "Initial release", datetime(2027, 1, 1, tzinfo=UTC), {file.path: file}, 0)
    with server.state.lock:
        server.state.datasets[DATASET] = Dataset(1, USERNAME, SLUG, kind, settings, [version])


def held(server: KaggleServer, slug: str = SLUG) -> list[dict[str, str]]:
    """Sha256 by path of each version, oldest first."""
    return [{path: f.sha256 for path, f in v.files.items()} for v in server.dataset(slug).versions]


def expected(staged: Staged) -> dict[str, str]:
    """Sha256 by path of what is published of a staged release."""
    paths = [p for p in staged.directory.rglob("*") if p.is_file()]
    named = {p.relative_to(staged.directory).as_posix(): p for p in paths}
    kept = {name: p for name, p in named.items() if name == "manifest.json" or name not in UNLISTED}
    return {name: hashlib.sha256(p.read_bytes()).hexdigest() for name, p in kept.items()}


class Steady:
    """A clock that goes on by a second each time it is read."""

    def __init__(self) -> None:
        self.now = datetime(2027, 2, 9, 6, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now
