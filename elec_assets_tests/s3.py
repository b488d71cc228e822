"""S3 on this machine: moto and ministack, each a process of its own, buckets on them, and buckets as directories."""

import itertools
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import obstore
import requests
from obstore.store import S3Store

# Where the store of a test is. ministack checks the checksums of what it is sent, moto does not (5.2.5).
KINDS = ("local", "moto", "ministack")
_NUMBERS = itertools.count(1)
_START_S = 60.0


@dataclass(frozen=True)
class Bucket:
    """A fresh bucket, and the variables that lead to it."""

    endpoint: str
    name: str

    @property
    def url(self) -> str:
        """A store in it: with a prefix, as the stores of several deployments in one bucket have."""
        return f"s3://{self.name}/of/tests"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.endpoint,
        }

    def objects(self) -> dict[str, bytes]:
        """All objects of the store by key, in order."""
        store = self._plain()
        keys = sorted(m["path"] for batch in obstore.list(store) for m in batch)
        return {key: bytes(obstore.get(store, key).bytes()) for key in keys}

    def change(self, found: Mapping[str, bytes], wanted: Mapping[str, bytes]) -> None:
        """Make what is not as it was found as it is wanted."""
        store = self._plain()
        for key in found.keys() - wanted.keys():
            obstore.delete(store, key)
        for key, data in wanted.items():
            if found.get(key) != data:
                obstore.put(store, key, data)

    def _plain(self) -> S3Store:
        # Not the store under test.
        return S3Store(
            self.name,
            prefix="of/tests",
            endpoint=self.endpoint,
            region="us-east-1",
            access_key_id="testing",
            secret_access_key="testing",
            client_options={"allow_http": True},
        )


@dataclass
class Servers:
    """The servers of a session, each started when first asked for."""

    folder: Path
    stack: ExitStack
    urls: dict[str, str] = field(default_factory=dict)

    def url(self, kind: str) -> str:
        if kind not in self.urls:
            self.urls[kind] = self.stack.enter_context(serve(kind, self.folder))
        return self.urls[kind]

    def bucket(self, kind: str) -> Bucket:
        return make_bucket(self.url(kind))


def make_bucket(endpoint: str) -> Bucket:
    made = Bucket(endpoint, f"elec-test-{next(_NUMBERS)}")
    requests.put(f"{endpoint}/{made.name}", timeout=10).raise_for_status()
    return made


@contextmanager
def serve(kind: str, folder: Path, **variables: str) -> Iterator[str]:
    """Run a server; gives its URL."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    kept = {n: v for n, v in os.environ.items() if not n.startswith("AWS_") and not n.lower().endswith("_proxy")}
    commands = {
        "moto": [sys.executable, str(Path(__file__).with_name("moto_server.py")), str(port)],
        "ministack": [str(Path(sys.executable).with_name("ministack"))],
    }
    ours = {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "SERVICES": "s3",
        # These two listen on all addresses, whatever BIND_HOST says (ministack 1.5.33).
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "S3_DATA_DIR": str(folder / "ministack"),
    }
    log = folder / f"{kind}-{port}.log"
    with log.open("wb") as out:
        server = subprocess.Popen(commands[kind], env={**kept, **ours, **variables}, stdout=out, stderr=out)
    try:
        _wait(server, port, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


def _wait(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + _START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except OSError:
            assert server.poll() is None, log.read_text(encoding="utf-8")
            assert time.monotonic() < until, log.read_text(encoding="utf-8")
            time.sleep(0.02)
        else:
            return


class Mirror:
    """A bucket shown as the directory that the store would be, for tests that look into files and change them."""

    # By the folder of the test, whatever objects a test makes of it.
    _of: ClassVar[dict[Path, "Mirror"]] = {}

    def __init__(self, bucket: Bucket, root: Path) -> None:
        self.bucket = bucket
        self._root = root
        self._shown: dict[str, bytes] | None = None

    @classmethod
    @contextmanager
    def at(cls, folder: Path, bucket: Bucket, name: str) -> Iterator["Mirror"]:
        """Let the store of `folder`, by default its directory `name`, be in a bucket."""
        cls._of[folder] = cls(bucket, folder / name)
        try:
            yield cls._of[folder]
        finally:
            del cls._of[folder]

    @classmethod
    def of(cls, folder: Path) -> "Mirror | None":
        """None where the store is a directory."""
        return cls._of.get(folder)

    def show(self) -> Path:
        """The directory, as the bucket is now."""
        self.take()
        objects = self.bucket.objects()
        for name in self._files().keys() - objects.keys():
            (self._root / name).unlink()
        for name, data in objects.items():
            path = self._root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        self._shown = objects
        return self._root

    def take(self) -> None:
        """Put into the bucket what a test has changed in the directory."""
        if self._shown is not None:
            files = self._files()
            self.bucket.change(self._shown, files)
            self._shown = files

    def refresh(self) -> None:
        """Show what a run has changed, where a test looks at the directory."""
        if self._shown is not None:
            self._shown = self._files()
            self.show()

    def objects(self) -> dict[str, bytes]:
        """What the bucket holds."""
        self.take()
        return self.bucket.objects()

    def _files(self) -> dict[str, bytes]:
        found = (path for path in sorted(self._root.rglob("*")) if path.is_file())
        return {path.relative_to(self._root).as_posix(): path.read_bytes() for path in found}
