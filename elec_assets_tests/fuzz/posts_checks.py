"""What must hold for pages and stream lines, whatever is in them."""

import json
import re
import zlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal

from elec_assets.clients.search_heads import PageHead, read_head
from elec_assets.clients.x_errors import XUnreadable
from elec_assets.domain.matcher import Match, PostText
from elec_assets.domain.tables import TWEETS
from elec_assets.transforms.frames import Row, from_rows
from elec_assets.transforms.tweets import Flattened, flatten
from elec_assets.transforms.x_documents import BESIDE_POSTS, RawDocument
from elec_assets_tests.fuzz.plain_json import Bad, Unsure, document, identity, tainted, text
from elec_assets_tests.fuzz.plain_posts import Expected, expected_line, expected_page

RECEIVED = datetime(2027, 2, 1, 12, tzinfo=UTC)
# Known only to the receiver; all other columns are compared.
_BILLED = ("users", "tweets", "posts")
OWN = {"metrics_at", "received_at", "batch_id", "origin"}


def spoken(post: PostText) -> Match:
    """What the matcher was given, told in the columns of what it finds."""
    by = () if post.author_username is None else (f"by {post.author_username}",)
    quoted = () if post.quoted_text is None else (post.quoted_text,)
    return Match((post.text, *post.urls), (*post.mentions, *by), quoted)


def flattened(body: bytes, kind: Literal["page", "lines"]) -> Flattened:
    """Rows and rejects, which must be whole in themselves: reasons, bytes as received, rows that make a table."""
    flat = flatten(RawDocument("batch", "search" if kind == "page" else "stream", RECEIVED, body, kind), spoken)
    for reject in flat.rejects:
        assert reject.reason, "a reject without reason"
        assert reject.raw in body, "a reject whose bytes were not received"
    # To make a table takes twenty times as long as to read a post.
    if zlib.crc32(body) % 8 == 0:
        _check_table([cells for _, cells in flat.rows])
    return flat


def _check_table(rows: list[Row]) -> None:
    frame = from_rows(rows, TWEETS)
    assert frame.height == len(rows), "a table with other rows"
    for name, cells in zip(TWEETS.names, zip(*rows, strict=True), strict=False):
        nulls = sum(cell is None for cell in cells)
        assert frame.get_column(name).null_count() == nulls, f"column {name}: a value became null in the table"


def check_page(body: bytes) -> None:
    """A page: each readable post a row that agrees with the plain reading, each other one a reject."""
    flat = flattened(body, "page")
    found = document(body)
    if found is None:
        # A control character in a name that nothing reads is passed over by the decoder; no post may be passed over.
        assert flat.rows or flat.rejects or _holds_none(body), "a page that is not JSON vanished"
        return
    try:
        expected = expected_page(found)
    except Unsure:
        return
    if expected is None:
        assert not flat.rows, "rows of a page without posts"
        assert flat.rejects or _says_none(found.value), "a page without posts vanished"
        return
    _compare(flat, expected, found.twice)
    beside = any(reject.position == BESIDE_POSTS for reject in flat.rejects)
    assert beside or not expected.beside, "something sent along cannot be read, and no reject says so"


def check_lines(body: bytes) -> None:
    """Stream lines: as pages, each line by itself."""
    flat = flattened(body, "lines")
    rejected = {reject.position for reject in flat.rejects}
    for position, line in enumerate(body.split(b"\n")):
        found = document(line.strip())
        if found is None:
            rows = any(at == position for at, _ in flat.rows)
            assert rows or position in rejected or not line.strip(), "a line that is not JSON vanished"
            continue
        try:
            expected = expected_line(found)
        except Unsure:
            continue
        if expected is None:
            assert position in rejected or _notice(found.value), "a line without post vanished"
            continue
        cells = [cells for at, cells in flat.rows if at == position]
        here = Flattened(
            [list(column) for column in zip(*cells, strict=True)] if cells else [[] for _ in flat.columns],
            [0] * len(cells),
            [replace(reject, position=0) for reject in flat.rejects if reject.position == position],
            0,
        )
        _compare(here, expected, found.twice)
        assert here.rejects or not expected.beside, "something sent along cannot be read, and no reject says so"


def _holds_none(page: bytes) -> bool:
    """Whether a page says that it holds no post, control characters in its strings allowed."""
    try:
        found = json.loads(page, strict=False)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and found.get("data") == []


def _notice(value: Any) -> bool:  # noqa: ANN401 - a value of JSON
    return isinstance(value, dict) and value.get("errors") is not None


def _says_none(value: Any) -> bool:  # noqa: ANN401 - a value of JSON
    """Whether a page says itself that it holds no post."""
    meta = value.get("meta") if isinstance(value, dict) else None
    said = meta.get("result_count") if isinstance(meta, dict) else None
    return said is not None and float(str(getattr(said, "text", said))) == 0


def _compare(flat: Flattened, expected: Expected, twice: bool) -> None:
    """Every row as expected. A post may be a reject if the plain reading says or doubts so, or a key stands twice."""
    rows = dict(flat.rows)
    assert len(rows) == len(flat.rows), "two rows of one post"
    for position, wanted in expected.rows.items():
        if position in rows:
            cells = dict(zip(TWEETS.names, rows.pop(position), strict=True))
            differences = {
                n: (wanted[n], _plain(v)) for n, v in cells.items() if n not in OWN and _plain(v) != wanted[n]
            }
            assert not differences, f"post {position}, wanted and found: {differences}"
        else:
            assert twice or position in expected.doubtful, f"post {position} can be read, and is no row"
            assert flat.rejects, f"post {position} vanished"
    assert not rows, f"rows that cannot be: {rows}"
    rejected = {reject.position for reject in flat.rejects}
    assert expected.rejected <= rejected, f"posts {expected.rejected - rejected} cannot be read, and no reject says so"


def _plain(cell: object) -> object:
    return list(cell) if isinstance(cell, tuple) else cell


# The head of a page


def check_head(body: bytes) -> None:
    """What a page cost and how it goes on, or that it is no page; where flatten finds posts, they are paid for."""
    try:
        head = read_head(body)
    except XUnreadable:
        head = None
    found = document(body)
    if found is not None and not found.twice and not tainted(found.value):
        wanted = _head(found.value)
        if isinstance(wanted, PageHead):
            assert head == wanted, f"wanted {wanted}, found {head}"
        elif wanted is False:
            assert head is None, f"not a page, and read as {head}"


def _head(page: Any) -> PageHead | bool:  # noqa: ANN401 - a value of JSON
    """The head in plain words; False: it is no page; True: either may be said."""
    if not isinstance(page, dict) or not isinstance(page.get("meta"), dict) or not _object(page.get("includes")):
        return False
    meta, included = page["meta"], page.get("includes") or {}
    counted = getattr(meta.get("result_count"), "text", None)
    if page.get("data") is None and counted != "0":
        return counted is not None and float(counted) == 0
    parts = [page.get("data"), *(included.get(name) for name in _BILLED)]
    if not all(part is None or isinstance(part, list) for part in parts) or not _is_text(meta.get("next_token")):
        return False
    if any(included.get(name, ()) is None for name in _BILLED):
        return True  # refused in 2026-11, see test_regressions
    if meta.get("result_count") is not None and not (counted or "x").lstrip("-").isdigit():
        return True
    data, users, tweets, posts = ([] if part is None else part for part in parts)
    ids = [number for post in data if (number := _id(post)) is not None]
    billed = len(data) + len(tweets) + len(posts)
    return PageHead(billed, len(users), min(ids, default=None), meta.get("next_token"), len(data))


def _is_text(value: Any) -> bool:  # noqa: ANN401 - a value of JSON
    try:
        text(value)
    except Bad:
        return False
    return True


def _object(value: Any) -> bool:  # noqa: ANN401 - a value of JSON
    return value is None or isinstance(value, dict)


def _id(post: Any) -> int | None:  # noqa: ANN401 - a value of JSON
    try:
        found = identity(post.get("id")) if isinstance(post, dict) else None
    except Bad:
        # Some 19 digits are over 63 bits and no id of X; the head may take them for one.
        number = getattr(post["id"], "text", "")
        return int(number) if re.fullmatch("[1-9][0-9]{18}", number) else None
    return None if found is None else int(found)
