"""Recorded posts as a source: search pages or stream lines in JSONL, plain or gzip, retweets included.

Objects are served as recorded, whatever their fields. A post or user that stands in several lines is taken from the
last one. The new spelling (`referenced_posts`, ...) is read too.
"""

import gzip
import json
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from elec_assets.sandbox.posts import Json
from elec_assets.sandbox.x_fields import OLD_NAMES


class ReplayError(ValueError):
    """A recording that cannot be served; the message names file and line."""


class Replay:
    """The posts of recordings, and their includes.

    Raises:
        ReplayError: a line is not JSON or holds no page and no stream line; a file holds no post.
    """

    retweets_in_search = True

    def __init__(self, files: Sequence[Path]) -> None:
        self._found: dict[str, dict[str, Json]] = {}
        self._posts: dict[int, Json] = {}
        for path in files:
            found = [post for number, line in _lines(path) for post in self._read(line, f"{path}:{number}")]
            if not found:
                raise ReplayError(f"{path}: holds no post")
            self._posts.update((int(p["id"]), p) for p in found)
        self._ids = sorted(self._posts)

    def __len__(self) -> int:
        return len(self._ids)

    def newest_first(self, since_id: int, until_id: int) -> Iterator[Json]:
        """All recorded posts with since_id < id < until_id, newest first."""
        low, high = bisect_left(self._ids, since_id + 1), bisect_left(self._ids, until_id)
        return (self._posts[i] for i in reversed(self._ids[low:high]))

    def find(self, kind: str, key: str) -> Json | None:
        """Look-up in the recorded includes; posts of `data` count as known tweets."""
        found = self._found.get(kind, {}).get(key.lower() if kind == "usernames" else key)
        if found is None and kind == "tweets":
            return self._posts.get(int(key))
        return found

    def _read(self, line: bytes, where: str) -> list[Json]:
        """The posts of one line; its includes are kept."""
        try:
            page = json.loads(line)
        except ValueError as error:
            raise ReplayError(f"{where}: not JSON: {error}") from error
        data = page.get("data") if isinstance(page, dict) else None
        if isinstance(page, dict) and data is None and ("meta" in page or "errors" in page):
            return []  # an empty page, or an error line of a stream
        posts = [data] if isinstance(data, dict) else data
        if not isinstance(posts, list):
            raise ReplayError(f"{where}: neither a search page (`data` a list) nor a stream line (`data` an object)")
        for kind, items in (page.get("includes") or {}).items():
            self._keep("tweets" if kind == "posts" else kind, items, where)
        return [_post(post, where) for post in posts]

    def _keep(self, kind: str, items: Iterable[Json], where: str) -> None:
        kept = self._found.setdefault(kind, {})
        try:
            for item in items:
                kept[item["media_key" if kind == "media" else "id"]] = _old(item) if kind == "tweets" else item
                if kind == "users":
                    self._found.setdefault("usernames", {})[item["username"].lower()] = item
        except (KeyError, TypeError) as error:
            raise ReplayError(f"{where}: includes.{kind} holds an object without {error}") from error


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank (a stream keeps alive with blank ones), numbered from 1."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, line
    except (OSError, EOFError) as error:
        raise ReplayError(f"{path}: cannot be read: {error}") from error


def _post(post: object, where: str) -> Json:
    if not isinstance(post, dict) or not str(post.get("id", "")).isdecimal() or "text" not in post:
        raise ReplayError(f"{where}: a post needs an `id` of decimal digits and a `text`")
    return _old(post)


def _old(post: Json) -> Json:
    return {OLD_NAMES.get(k, k): v for k, v in post.items()} if OLD_NAMES.keys() & post.keys() else post
