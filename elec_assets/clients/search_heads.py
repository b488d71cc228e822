"""The head of a search page: what filling must know before anything of the page is read for its own sake."""

from dataclasses import dataclass

import msgspec

from elec_assets.clients.x_errors import XUnreadable, problem_text
from elec_assets.transforms.json_spans import elements, members
from elec_assets.transforms.x_documents import UNREADABLE

_ODD = "it is kept as received; run again later, and check ELEC_X_BASE_URL if it stays"


@dataclass(frozen=True, slots=True)
class PageHead:
    """What filling must know of a page: how it ends and what it cost."""

    posts: int
    users: int
    oldest_id: int | None
    next_token: str | None
    found: int


class _Id(msgspec.Struct):
    id: str | int


class _Includes(msgspec.Struct):
    users: list[msgspec.Raw] | None = None
    tweets: list[msgspec.Raw] | None = None
    posts: list[msgspec.Raw] | None = None


class _Meta(msgspec.Struct):
    next_token: str | None = None
    result_count: int | None = None


class _Page(msgspec.Struct):
    data: list[msgspec.Raw] | None = None
    includes: _Includes | None = None
    meta: _Meta | None = None


def read_head(body: bytes) -> PageHead:
    """How a page ends and what it cost.

    Raises:
        XUnreadable: the body is not a search page.
    """
    try:
        page = _page(body)
    except (ValueError, RecursionError) as error:
        raise XUnreadable(f"X answered 200 with no search page ({error}); {_ODD}", status=200, body=body) from error
    if page.meta is None or (page.data is None and page.meta.result_count != 0):
        says = problem_text(body) or "neither posts nor a count of none"
        raise XUnreadable(f"X answered 200 with no search page ({says}); {_ODD}", status=200, body=body)
    data, includes = page.data or [], page.includes or _Includes()
    ids = [found for post in data if (found := _id(post)) is not None]
    return PageHead(
        posts=len(data) + len(includes.tweets or ()) + len(includes.posts or ()),
        users=len(includes.users or ()),
        oldest_id=min(ids, default=None),
        next_token=page.meta.next_token,
        found=len(data),
    )


def _page(body: bytes) -> _Page:
    """A page's parts. One bad post (a lone surrogate) does not take its page with it: sealing rejects it alone.

    Raises:
        ValueError: it is not a page, or its `meta` cannot be read.
        RecursionError: it is nested without end.
    """
    try:
        return msgspec.json.decode(body, type=_Page)
    except ValueError:
        parts = members(body)
        included = members(parts["includes"]) if "includes" in parts else {}
        named = {n: _raws(included[n]) for n in ("users", "tweets", "posts") if n in included}
        meta = msgspec.json.decode(parts.get("meta", b"null"), type=_Meta | None)
        return _Page(_raws(parts["data"]) if "data" in parts else None, _Includes(**named), meta)


def _raws(array: bytes) -> list[msgspec.Raw]:
    return [msgspec.Raw(element) for element in elements(array)]


def _id(post: msgspec.Raw) -> int | None:
    try:
        found = str(msgspec.json.decode(post, type=_Id).id)
    except UNREADABLE:
        return None
    return int(found) if found.isascii() and found.isdecimal() and len(found) < 20 else None
