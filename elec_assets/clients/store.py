"""The one port to bytes: a local directory or S3, over obstore.

Two kinds of writes: `put` replaces an object whole, `create` refuses to touch one that exists. Neither ever shows a
partial object. There is no compare-and-swap: each piece of state has one writer. Keys come from `domain/layout.py`.

Durability. When a write returns, the object is there after a crash of the process and after a power cut; when it
raises or is killed, what was there before is there, or the whole new object is, never a part of one. In a directory
the bytes go to a temporary file that is fsynced and then renamed (`put`) or linked (`create`), and the folder is
fsynced before the write returns, with all folders above it where the folder is new to this `Store`. On S3 the bucket's
own promise holds. A `delete` may be undone by a power cut.

Waiting. Every request to S3 has a time limit and a number of attempts (`Limits`); then the write has failed.

Rights on S3 (IAM actions on `bucket/prefix/*`; `list` on the bucket). Whoever only writes needs
`s3:PutObject` and nothing else: a write neither reads, heads nor lists. `s3:AbortMultipartUpload` lets a `put` of more
than 5 MiB clean up after a failure; without it a lifecycle rule must (abort incomplete uploads after a day). `get` and
`find` need `s3:GetObject`, and `s3:ListBucket` so that a missing object is not taken for a refusal; `list` needs
`s3:ListBucket`, `delete` `s3:DeleteObject`.
"""

import io
import os
import re
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, S3Store

from elec_assets.clients.store_errors import ObjectExists, ObjectMissing, StoreError, is_conflict, told, was_retried
from elec_assets.clients.store_files import Directory

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from obstore.store import ClientConfig, RetryConfig

__all__ = ["Limits", "ObjectExists", "ObjectInfo", "ObjectMissing", "Store", "StoreError", "open_store"]

# What every store takes: obstore cannot read back from a directory what it has put under `A:` or `x#1` (0.12.1).
_KEY = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]*/)*[A-Za-z0-9_-][A-Za-z0-9._-]*")
_KEY_RULE = "names of ASCII letters, digits, '_', '-' and '.', not first, joined by '/'"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ALLOWED = "allowed: a directory or s3://bucket/prefix"
# Not from settings: importing pydantic takes six times the CPU of this module and obstore (0.3 s for 0.05, 2026-11-21).
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
# Variables that obstore takes an endpoint from.
_ENDPOINTS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT")
# Parts of a large object under way at once: 10 MiB, which a line of 2 Mbit/s sends within the limit of a request.
_PARTS_AT_ONCE = 2
# S3 answers 409 to one of two creations that meet, and asks for another try.
_CONFLICT_WAITS_S = (0.1, 0.4, 1.6)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long S3 may take. One operation ends within `retry_s` + `timeout_s` seconds, 150 s.

    `timeout_s` is for one request with its body, `connect_s` for reaching the server; a failed request is sent again
    at most `retries` times, and not after `retry_s` seconds. obstore's own (0.12.1): 30 s, 5 s, 10 times, 180 s.
    """

    timeout_s: float = 60.0
    connect_s: float = 5.0
    retries: int = 6
    retry_s: float = 90.0


@dataclass(frozen=True, slots=True, order=True)
class ObjectInfo:
    """One listed object: its key, size in bytes and time of last change (UTC)."""

    key: str
    size: int
    modified: datetime


class Store:
    """Objects under a root, by key. Make one with `open_store`."""

    def __init__(self, url: str, backend: "LocalStore | S3Store", directory: Directory | None) -> None:
        self.url = url
        self._backend = backend
        self._directory = directory

    def __repr__(self) -> str:
        return f"Store({self.url!r})"

    def get(self, key: str) -> bytes:
        """The bytes of an object.

        Raises:
            ObjectMissing: there is none.
            StoreError: the store refused.
        """
        with told("read", key, self.url):
            return bytes(obstore.get(self._backend, _checked(key)).bytes())

    def find(self, key: str) -> bytes | None:
        """The bytes of an object, or None where there is none."""
        try:
            return self.get(key)
        except ObjectMissing:
            return None

    def put(self, key: str, data: bytes) -> None:
        """Write an object, replacing it whole. Returns once it is durable.

        Raises:
            StoreError: the store refused (rights, disk full); what was there before is unchanged.
        """
        self._write(key, data, create=False)

    def create(self, key: str, data: bytes) -> None:
        """Write an object that must not exist yet. Of several writers at once exactly one wins.

        Raises:
            ObjectExists: it exists, and is unchanged.
            StoreError: the store refused, or did not answer: the object may be there.
        """
        self._write(key, data, create=True)

    def put_file(self, key: str, path: Path) -> None:
        """Write an object from a file, replacing it whole: memory of a few blocks, not of the object.

        Raises:
            StoreError: as `put`.
            OSError: the file cannot be opened.
        """
        with path.open("rb") as source, told("write", key, self.url):
            if self._directory is None:
                obstore.put(self._backend, _checked(key), source, max_concurrency=_PARTS_AT_ONCE)
            else:
                self._directory.write(_checked(key), source, create=False)

    def delete(self, key: str) -> None:
        """Remove an object; nothing happens where there is none."""
        try:
            with told("delete", key, self.url):
                obstore.delete(self._backend, _checked(key))
        except ObjectMissing:
            return

    def list(self, prefix: str) -> list[ObjectInfo]:
        """All objects whose key starts with the prefix, by key. The prefix must hold at least one `/`.

        Raises:
            StoreError: the prefix is not one, or the store refused.
        """
        return sorted(info for batch in self._listed(prefix) for info in batch)

    def any_under(self, prefix: str) -> bool:
        """Whether there is an object whose key starts with the prefix, as `list` takes it: the first is enough.

        Raises:
            StoreError: as `list`.
        """
        return any(self._listed(prefix))

    def _listed(self, prefix: str) -> "Iterator[Sequence[ObjectInfo]]":
        """As the store lists them, in batches."""
        # obstore matches whole path segments only, so the folder is listed and filtered here.
        folder = prefix.rpartition("/")[0]
        if not _KEY.fullmatch(folder):
            raise StoreError(f"{prefix!r} is not a prefix: at least one folder, and {_KEY_RULE}")
        with told("list", prefix, self.url):
            for batch in obstore.list(self._backend, prefix=folder):
                yield [
                    ObjectInfo(m["path"], m["size"], m["last_modified"]) for m in batch if m["path"].startswith(prefix)
                ]

    def _write(self, key: str, data: bytes, *, create: bool) -> None:
        with told("write", key, self.url):
            if self._directory is not None:
                self._directory.write(_checked(key), io.BytesIO(data), create=create)
            elif create:
                self._create_on_s3(_checked(key), data)
            else:
                obstore.put(self._backend, _checked(key), data, max_concurrency=_PARTS_AT_ONCE)

    def _create_on_s3(self, key: str, data: bytes) -> None:
        for wait_s in _CONFLICT_WAITS_S:
            try:
                return self._create_once(key, data)
            except AlreadyExistsError as error:
                if not is_conflict(error):
                    raise
            time.sleep(wait_s)
        return self._create_once(key, data)

    def _create_once(self, key: str, data: bytes) -> None:
        try:
            obstore.put(self._backend, key, data, mode="create")
        except AlreadyExistsError as error:
            # The attempt that had no answer may be what made it.
            if not (was_retried(error) and self._holds(key, data)):
                raise

    def _holds(self, key: str, data: bytes) -> bool:
        try:
            return bytes(obstore.get(self._backend, key).bytes()) == data
        except (BaseError, FileNotFoundError):  # whoever may only write cannot know
            return False


def open_store(url: str, *, allow_http: bool = False, limits: Limits | None = None) -> Store:
    """Open the store of a `file:///...` or `s3://bucket/prefix` URL; a missing directory is made.

    S3 credentials, region and endpoint come from the usual AWS variables; `allow_http` is for an endpoint
    without TLS, an emulator on this machine. Nothing is asked of S3 yet.

    Raises:
        StoreError: another scheme, names that S3 does not take, an endpoint elsewhere without TLS, or the directory
            cannot be made.
    """
    parts = urlsplit(url)
    if parts.scheme == "s3":
        return Store(url, _s3(parts, allow_http=allow_http, limits=limits or Limits()), None)
    if parts.scheme != "file":
        raise StoreError(f"the store is {url!r}; {_ALLOWED}")
    root = Path(unquote(parts.path))
    with told("make", ".", url):
        directory = Directory(root)
    return Store(url, LocalStore(root), directory)


def _s3(parts: SplitResult, *, allow_http: bool, limits: Limits) -> S3Store:
    prefix = parts.path.strip("/")
    # What it is instead is not told: some tools take keys and secrets there.
    if not _BUCKET.fullmatch(parts.netloc) or parts.query or parts.fragment:
        raise StoreError(
            f"the store is no s3://bucket/prefix with a bucket of 3 to 63 lower-case letters, digits, '-' and '.'; "
            f"{_ALLOWED}"
        )
    if prefix and not _KEY.fullmatch(prefix):
        raise StoreError(f"the store's prefix is {prefix!r}; allowed: {_KEY_RULE}")
    if allow_http:
        _refuse_http_elsewhere()
    client: ClientConfig = {
        "allow_http": allow_http,
        "timeout": timedelta(seconds=limits.timeout_s),
        "connect_timeout": timedelta(seconds=limits.connect_s),
    }
    retry: RetryConfig = {"max_retries": limits.retries, "retry_timeout": timedelta(seconds=limits.retry_s)}
    return S3Store(parts.netloc, prefix=prefix or None, client_options=client, retry_config=retry)


def _refuse_http_elsewhere() -> None:
    for name in _ENDPOINTS:
        endpoint = os.environ.get(name, "")
        host = urlsplit(endpoint).hostname
        if endpoint.startswith("http://") and host not in _LOOPBACK:
            raise StoreError(
                f"{name} is on {host} without TLS; allowed: https://, or http:// on 127.0.0.1: "
                "everyone on the way could read what is stored"
            )


def _checked(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise StoreError(f"{key!r} is not a key: {_KEY_RULE}")
    return key
