"""One line of the stream: a post cut to what was asked, what it refers to, the rules it matched, and what is spoilt."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from elec_assets.sandbox.posts import Json, PostSource
from elec_assets.sandbox.x_fields import Selection
from elec_assets.sandbox.x_rules import Rule
from elec_assets.sandbox.x_stream_faults import StreamFault
from elec_assets.sandbox.x_stream_wire import LINE_END

NOTICE: Json = {"notice": {"message": "a message of a type that nobody has seen yet"}}


@dataclass(frozen=True, slots=True)
class Line:
    """The bytes of a line, what comes before it, and what X bills for it: ids of posts and users."""

    raw: bytes
    before: tuple[bytes, ...]
    post: str
    referenced: frozenset[str]
    users: frozenset[str]


def line_of(
    post: Json, rules: Sequence[Rule], selection: Selection, source: PostSource, faults: Iterable[StreamFault] = ()
) -> Line:
    """The line of a post that matched these rules."""
    spoilt = {fault.do: fault for fault in faults}
    if "post_spelling" in spoilt:
        selection = replace(selection, spelling="post")
    page = selection.page([_young(post)], source)
    line: Json = {**page, "data": page["data"][0]}
    if "no_rules" not in spoilt:
        line["matching_rules"] = [_rule(rule, spoilt) for rule in rules]
    raw = encode(line)
    includes = page.get("includes", {})
    referenced = includes.get("tweets", []) + includes.get("posts", [])
    return Line(
        raw,
        tuple(_before(raw, spoilt)),
        post["id"],
        frozenset(p["id"] for p in referenced),
        frozenset(u["id"] for u in includes.get("users", [])),
    )


def encode(message: object) -> bytes:
    """A message as a line."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode() + LINE_END


def disconnect_line(disconnect_type: str) -> bytes:
    """The notice that comes before X ends a stream."""
    return encode(
        {
            "errors": [
                {
                    "title": "operational-disconnect",
                    "disconnect_type": disconnect_type,
                    "detail": "This stream has been disconnected for operational reasons.",
                    "type": "https://api.twitter.com/2/problems/operational-disconnect",
                }
            ]
        }
    )


def _young(post: Json) -> Json:
    """The post as it is when it is made: nobody has liked it yet, no later version of it exists."""
    young = dict(post)
    if "public_metrics" in post:
        young["public_metrics"] = dict.fromkeys(post["public_metrics"], 0)
    history = post.get("edit_history_tweet_ids", [])
    if post["id"] in history:
        young["edit_history_tweet_ids"] = history[: history.index(post["id"]) + 1]
    return young


def _rule(rule: Rule, spoilt: dict[str, StreamFault]) -> Json:
    """X sent `"tag": ""` in 2022 for a rule without tag, and an integer id with `"tag": null` in 2021."""
    if "null_tag" in spoilt:
        return {"id": int(rule.id), "tag": None}
    if "no_tag" in spoilt:
        return {"id": rule.id}
    return {"id": rule.id, "tag": "" if "empty_tag" in spoilt or rule.tag is None else rule.tag}


def _before(raw: bytes, spoilt: dict[str, StreamFault]) -> Iterable[bytes]:
    if "notice" in spoilt:
        body = spoilt["notice"].body
        yield encode(NOTICE if body is None else body)
    if "bad_json" in spoilt:
        yield raw[: len(raw) // 2] + LINE_END
