"""What a search page or a stream line must say in the table `tweets`, read with `plain_json` alone.

Follows the descriptions of `domain/tables.py`, column by column, and shares no code with `transforms/`: where the two
readings differ, one of them is wrong.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from elec_assets_tests.fuzz.plain_json import (
    Bad,
    Document,
    Unsure,
    Written,
    count,
    flag,
    identity,
    listing,
    moment,
    must,
    tainted,
)
from elec_assets_tests.fuzz.plain_json import record as object_of
from elec_assets_tests.fuzz.plain_json import text as text_of

Json = dict[str, Any]
EPOCH_MS = 1288834974657
FIRST_SNOWFLAKE = 29_700_859_247
SLOT_MS = 300_000
COUNTED = ("like", "reply", "retweet", "quote", "bookmark", "impression")
_NEEDED_OF_INCLUDED = {
    *("id", "text", "author_id", "entities", "note_tweet", "note_post", "referenced_tweets", "referenced_posts"),
}
_PREFIX = re.compile(r"RT @([A-Za-z0-9_]+): ")


@dataclass
class Expected:
    """What must come of a document: rows and rejects by position, and whether something beside posts is a reject.

    Rows of `doubtful` posts may be rejects too: a surrogate stands where the table needs nothing.
    """

    rows: dict[int, Json] = field(default_factory=dict)
    doubtful: set[int] = field(default_factory=set)
    rejected: set[int] = field(default_factory=set)
    beside: bool = False


def expected_page(found: Document) -> Expected | None:
    """What must come of a search page; None where it has no list of posts."""
    if not isinstance(found.value, dict) or not isinstance(found.value.get("data"), list):
        return None
    expected = Expected()
    along = _along(found.value.get("includes"))
    for position, value in enumerate(found.value["data"]):
        try:
            expected.rows[position] = row(post(value, received=True), along, [])
        except Bad:
            expected.rejected.add(position)
        if tainted(value):
            expected.doubtful.add(position)
    expected.beside = along.unread or bool(along.bad & _used(expected.rows.values()))
    return expected


def expected_line(found: Document) -> Expected | None:
    """What must come of one line of the stream, as position 0; None where it has no post."""
    if not isinstance(found.value, dict) or found.value.get("data") is None:
        return None
    expected = Expected()
    try:
        read = post(found.value["data"], received=True)
    except Bad:
        return Expected(rejected={0})
    if tainted(found.value["data"]):
        expected.doubtful.add(0)
    along = _along(found.value.get("includes"))
    tags: list[str | None] = []
    try:
        tags = listing(found.value.get("matching_rules"), _rule)
    except Bad:
        along.unread = True
    expected.rows[0] = row(read, along, sorted({tag for tag in tags if tag}))
    expected.beside = along.unread or bool(along.bad & _used(expected.rows.values()))
    return expected


def _used(rows: Iterable[Json]) -> set[str]:
    """Ids of what came along that rows take values from."""
    names = ("quoted_id", "retweeted_id", "author_id", "place_id")
    return {found for row in rows for name in names if (found := row[name]) is not None}


def _rule(value: Any) -> str | None:  # noqa: ANN401 - a value of JSON
    tag = text_of(_must_object(value).get("tag"))
    if tainted(value):
        raise Unsure
    return tag


def _must_object(value: Any) -> Json:  # noqa: ANN401 - a value of JSON
    return object_of(must(value))


# What came along


@dataclass
class Along:
    """What came along, by id; of two of one id the last counts.

    `bad` are ids of what cannot be read, `unread` says that a whole part cannot.
    """

    users: dict[str, Json] = field(default_factory=dict)
    posts: dict[str, Json] = field(default_factory=dict)
    media: dict[str, Json] = field(default_factory=dict)
    places: dict[str, Json] = field(default_factory=dict)
    bad: set[str] = field(default_factory=set)
    unread: bool = False


def _along(value: Any) -> Along:  # noqa: ANN401 - a value of JSON
    """What can be read of `includes`."""
    along = Along()
    if value is not None and not isinstance(value, dict):
        along.unread = True
        return along
    included = object_of(value)
    readers = (
        ("users", _user, "id", along.users),
        ("tweets", _included_post, "id", along.posts),
        ("posts", _included_post, "id", along.posts),
        ("media", _medium, "media_key", along.media),
        ("places", _place, "id", along.places),
    )
    for name, read, key, kept in readers:
        items = included.get(name)
        if items is not None and not isinstance(items, list):
            along.unread = True
            continue
        for item in items or ():
            _take(item, read, key, kept, along.bad)
    return along


def _take(item: Any, read: Callable[[Any], Json], key: str, kept: dict[str, Json], bad: set[str]) -> None:  # noqa: ANN401
    try:
        found = read(item)
    except Bad:
        named = item.get(key) if isinstance(item, dict) else None
        named = getattr(named, "text", named)
        if isinstance(named, str):
            bad.add(named)
        return
    if tainted(item):
        raise Unsure
    kept[found[key]] = found


def _included_post(value: Any) -> Json:  # noqa: ANN401 - a value of JSON
    try:
        return post(value)
    except Bad:
        if isinstance(value, dict):
            post({name: item for name, item in value.items() if name in _NEEDED_OF_INCLUDED})
            raise Unsure from None  # only what no table needs is wrong: it may be read or refused
        raise


def _user(value: Any) -> Json:  # noqa: ANN401 - a value of JSON
    user = _must_object(value)
    metrics = object_of(user.get("public_metrics"))
    return {
        "id": must(identity(user.get("id"))),
        **{name: text_of(user.get(name)) for name in ("username", "name", "verified_type")},
        "created_at": moment(user.get("created_at")),
        **{name: count(metrics.get(f"{name}_count")) for name in ("followers", "following", "tweet")},
    }


def _medium(value: Any) -> Json:  # noqa: ANN401 - a value of JSON
    medium = _must_object(value)
    named = {name: must(text_of(medium.get(name))) for name in ("media_key", "type")}
    return named | {name: text_of(medium.get(name)) for name in ("url", "preview_image_url")}


def _place(value: Any) -> Json:  # noqa: ANN401 - a value of JSON
    place = _must_object(value)
    named = {name: text_of(place.get(name)) for name in ("country_code", "full_name")}
    return {"id": must(text_of(place.get("id"))), **named}


# Posts


def post(value: Any, *, received: bool = False) -> Json:  # noqa: ANN401 - a value of JSON
    """What the table needs of a post; every part of it must be of its kind, used or not."""
    given = _must_object(value)
    metrics = object_of(given.get("public_metrics"))
    found: Json = {
        "id": must(identity(given.get("id"))),
        "text": must(text_of(given.get("text"))),
        "created_at": moment(given.get("created_at")),
        **{name: identity(given.get(name)) for name in ("author_id", "conversation_id", "in_reply_to_user_id")},
        **{name: text_of(given.get(name)) for name in ("lang", "reply_settings")},
        "possibly_sensitive": flag(given.get("possibly_sensitive")),
        "refs": _both(given, "referenced_posts", "referenced_tweets", _reference),
        "edits": _both(given, "edit_history_post_ids", "edit_history_tweet_ids", lambda v: must(identity(v))),
        **{name: count(metrics.get(f"{name}_count")) for name in COUNTED},
        "media_keys": listing(object_of(given.get("attachments")).get("media_keys"), lambda v: must(text_of(v))),
        "place_id": text_of(object_of(given.get("geo")).get("place_id")),
        "withheld": listing(object_of(given.get("withheld")).get("country_codes"), lambda v: must(text_of(v))),
        "context": [c for c in listing(given.get("context_annotations"), _context) if c is not None],
        "words": words(given.get("entities")),
        "note": None,
    }
    for name in ("note_tweet", "note_post"):
        note = object_of(given.get(name))
        long, long_words = text_of(note.get("text")), words(note.get("entities"))
        if long:
            found["note"] = long
            found["note_words"] = found["words"] if note.get("entities") is None else long_words
    if received and found["created_at"] is None and int(found["id"]) < FIRST_SNOWFLAKE:
        raise Bad("no time")
    return found


def _both(given: Json, new: str, old: str, read: Any) -> Any:  # noqa: ANN401 - a list of what `read` gives
    of_new, of_old = (listing(given.get(name), read) for name in (new, old))
    return of_new or of_old


def _reference(value: Any) -> tuple[str, str]:  # noqa: ANN401 - a value of JSON
    reference = _must_object(value)
    return must(text_of(reference.get("type"))), must(identity(reference.get("id")))


def _context(value: Any) -> str | None:  # noqa: ANN401 - a value of JSON
    annotation = _must_object(value)
    ids = [None if annotation.get(name) is None else _any_id(annotation[name]) for name in ("domain", "entity")]
    return None if None in ids else ".".join(map(str, ids))


def _any_id(value: Any) -> str:  # noqa: ANN401 - a value of JSON
    found = _must_object(value).get("id")
    if isinstance(found, Written):
        if not re.fullmatch(r"-?[0-9]{1,18}", found.text):
            raise Unsure if re.fullmatch(r"-?[0-9]+", found.text) else Bad(found.text)
        return str(int(found.text))
    return must(text_of(found))


def words(value: Any) -> dict[str, list[str]]:  # noqa: ANN401 - a value of JSON
    """Hashtags, mentions, links and cashtags of an `entities` object."""
    given = object_of(value)

    def names(key: str, *of: str) -> list[str]:
        texts = listing(given.get(key), lambda item: [text_of(_must_object(item).get(name)) for name in of])
        return [found for item in texts if (found := next((t for t in item if t), None))]

    return {
        "hashtags": names("hashtags", "tag"),
        "mentions": names("mentions", "username"),
        "urls": names("urls", "unwound_url", "expanded_url", "url"),
        "cashtags": names("cashtags", "tag"),
    }


def full_text(read: Json) -> str:
    """The long form where there is one."""
    return str(read["note"] or read["text"])


def full_words(read: Json) -> dict[str, list[str]]:
    """Words of the full text."""
    return dict(read["note_words"] if read["note"] else read["words"])


# Rows


def row(read: Json, along: Along, tags: list[str]) -> Json:
    """The row of a post, without what only the receiver knows."""
    refs: dict[str, str] = {}
    for name, tweet_id in read["refs"]:
        refs.setdefault(name, tweet_id)
    retweeted, quoted = (along.posts.get(refs.get(name, ""), {}) for name in ("retweeted", "quoted"))
    author = along.users.get(read["author_id"] or "", {})
    number = int(read["id"])
    created = (number >> 22) + EPOCH_MS if number >= FIRST_SNOWFLAKE else read["created_at"]
    place = along.places.get(read["place_id"], {}) if read["place_id"] is not None else {}
    media = [along.media[key] for key in read["media_keys"] if key in along.media]
    return {
        "tweet_id": read["id"],
        "created_at": created,
        "window_start": created - created % SLOT_MS,
        **{name: read[name] for name in ("author_id", "conversation_id", "in_reply_to_user_id")},
        "kind": kind(refs),
        **{f"{name}_id": refs.get(name) for name in ("replied_to", "quoted", "retweeted")},
        "retweeted_author_id": retweeted.get("author_id"),
        "quoted_author_id": quoted.get("author_id"),
        "quoted_text": full_text(quoted) if quoted else None,
        **{name: read[name] for name in ("lang", "possibly_sensitive", "reply_settings", "place_id")},
        **{f"{name}_count": read[name] for name in COUNTED},
        "media_types": [medium["type"] for medium in media],
        "media_urls": [medium["url"] or medium["preview_image_url"] or "" for medium in media],
        "context_entities": read["context"],
        "place_country_code": place.get("country_code"),
        "place_full_name": place.get("full_name"),
        "edit_ids": read["edits"],
        "edit_root_id": [*read["edits"], read["id"]][0],
        "is_edited": len(read["edits"]) > 1,
        "withheld_countries": read["withheld"],
        **{f"author_{name}": author.get(name) for name in ("username", "name", "created_at", "verified_type")},
        **{f"author_{name}": author.get(name) for name in ("followers", "following")},
        "author_tweets": author.get("tweet"),
        "matched_rule_tags": tags,
        "schema_version": 1,
        **content(read, "retweeted" in refs, retweeted, quoted, author.get("username"), along),
    }


def kind(refs: dict[str, str]) -> str:
    """The first in the order retweet, quote, reply."""
    for reference, name in (("retweeted", "retweet"), ("quoted", "quote"), ("replied_to", "reply")):
        if reference in refs:
            return name
    return "original"


def content(read: Json, is_retweet: bool, retweeted: Json, quoted: Json, username: str | None, along: Along) -> Json:
    """Text and words; and, in the columns of the matcher, what the matcher must be given (see `targets.spoken`)."""
    text, own = full_text(read), full_words(read)
    if not is_retweet:
        return {"text": text, "text_is_full": True, **own, **_said(text, own, username, quoted)}
    prefix = _PREFIX.match(text)
    full = bool(read["note"]) or not text.endswith("…")
    if not retweeted:
        said = own | {"mentions": [*([prefix[1]] if prefix else []), *own["mentions"]]}
        rest = text[prefix.end() :] if prefix else text
        return {"text": text, "text_is_full": full, **own, **_said(rest, said, username, {})}
    whose = prefix[1] if prefix else along.users.get(retweeted["author_id"] or "", {}).get("username")
    whole = full_words(retweeted)
    if whose is not None:
        whole["mentions"] = [whose, *whole["mentions"]]
    inner = next((tweet_id for name, tweet_id in retweeted["refs"] if name == "quoted"), "")
    read_by_matcher = whole | {"mentions": own["mentions"] + whole["mentions"]}
    said = _said(full_text(retweeted), read_by_matcher, username, along.posts.get(inner, {}))
    if read["note"] or whose is None:
        return {"text": text, "text_is_full": full, **own, **said}
    return {"text": f"RT @{whose}: {full_text(retweeted)}", "text_is_full": True, **whole, **said}


def _said(text: str, own: dict[str, list[str]], username: str | None, quoted: Json) -> Json:
    return {
        "candidates": [text, *own["urls"]],
        "matched_by": [*own["mentions"], *([] if username is None else [f"by {username}"])],
        "matched_in_quote": [full_text(quoted)] if quoted else [],
    }
