"""Post and user objects of X API v2 as the sandbox makes them, and what a source of posts offers the server.

Ids are true snowflakes. Their low 22 bits hold two bits of kind and a running number, so that no two posts of a
world share an id. Users have ids that X has not reached (19 digits from 9): they can be nobody's.
"""

import re
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from elec_assets.domain.windows import X_EPOCH_MS

Json = dict[str, Any]

BASE, DERIVED, EDIT, GHOST = range(4)
AUTHORS = 5_000
RETWEET_LENGTH = 140
SHORT_LENGTH = 280
EDIT_WINDOW_MS = 30 * 60 * 1000
_FIRST_AUTHOR_ID = 9_000_000_000_000_000_000
_FIRST_ACCOUNT_ID = 9_100_000_000_000_000_000
_HASHTAG = re.compile(r"(?<![\w&])#(\w+)")
_MENTION = re.compile(r"(?<!\w)@(\w{1,15})")
_SHORT_URL = re.compile(r"https://t\.co/\w+")


class PostSource(Protocol):
    """Where the server takes posts from: a seeded world, or recorded pages."""

    retweets_in_search: bool

    def newest_first(self, since_id: int, until_id: int) -> Iterator[Json]:
        """All posts with since_id < id < until_id, newest first."""

    def find(self, kind: str, key: str) -> Json | None:
        """A tweet, user, media, place or poll (kind as in `includes`) by its id; `usernames` finds a user by handle."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A text to post: its language, its short links with the addresses they stand for."""

    text: str
    lang: str = "fr"
    links: Mapping[str, str] = field(default_factory=dict)


def snowflake(created_ms: int, kind: int, number: int) -> int:
    """An id made at a time (ms since 1970); `number` below 2^20 tells posts of one millisecond apart."""
    return (created_ms - X_EPOCH_MS) << 22 | kind << 20 | number


def kind_of(tweet_id: int) -> int:
    """BASE, DERIVED, EDIT or GHOST, from an id that `snowflake` made."""
    return tweet_id >> 20 & 3


def timestamp(created_ms: int) -> str:
    """A time as X writes it: whole seconds with `.000Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(created_ms // 1000))


def author_id(index: int) -> str:
    """Id of the invented author of this index."""
    return str(_FIRST_AUTHOR_ID + index)


def author_index(user_id: str) -> int | None:
    """The inverse of `author_id`; None if the id is no invented author's."""
    index = int(user_id) - _FIRST_AUTHOR_ID if user_id.isdecimal() else -1
    return index if 0 <= index < AUTHORS else None


def username(index: int) -> str:
    """Handle of an invented author."""
    return f"synth_{index:05d}"


def account_id(handle: str) -> str:
    """Invented id of an account that posts mention."""
    return str(_FIRST_ACCOUNT_ID + zlib.crc32(handle.lower().encode()))


def author(index: int) -> Json:
    """The user object of an invented author, all fields."""
    user = _user(author_id(index), username(index), f"Compte d'essai {index}", index)
    if index % 3 == 0:
        user["location"] = "Ville d'essai"
    return user


def account(handle: str) -> Json:
    """The user object of an account that posts mention; its profile is invented and says so."""
    return _user(account_id(handle), handle, f"{handle} (compte de synthèse)", len(handle))


def _user(user_id: str, handle: str, name: str, number: int) -> Json:
    return {
        "id": user_id,
        "username": handle,
        "name": name,
        "created_at": f"{2009 + number % 16}-{1 + number % 12:02d}-{1 + number % 28:02d}T08:00:00.000Z",
        "description": "Compte inventé pour des essais (texte de synthèse).",
        "profile_image_url": "https://example.org/synthetique/profil.png",
        "protected": False,
        "verified": False,
        "verified_type": "none",
        "url": "",
        "public_metrics": {
            "followers_count": number * 37 % 10_007,
            "following_count": number * 11 % 1_009,
            "tweet_count": number * 101 % 50_021,
            "listed_count": number % 17,
        },
    }


def entities(text: str, links: Mapping[str, str], ids: Mapping[str, str]) -> Json:
    """Hashtags, mentions and links of a text as X lists them; `ids` gives user ids by lower-case handle."""
    found: Json = {}
    tags = [{"start": m.start(), "end": m.end(), "tag": m[1]} for m in _HASHTAG.finditer(text)]
    mentions = [
        {"start": m.start(), "end": m.end(), "username": m[1], "id": ids.get(m[1].lower()) or account_id(m[1])}
        for m in _MENTION.finditer(text)
    ]
    urls = [_url(m, links[m[0]]) for m in _SHORT_URL.finditer(text) if m[0] in links]
    for name, values in (("hashtags", tags), ("mentions", mentions), ("urls", urls)):
        if values:
            found[name] = values
    return found


def _url(match: re.Match[str], expanded: str) -> Json:
    shown = expanded.removeprefix("https://")
    shown = shown if len(shown) <= 26 else shown[:26] + "…"
    return {
        "start": match.start(),
        "end": match.end(),
        "url": match[0],
        "expanded_url": expanded,
        "display_url": shown,
    }


def set_text(post: Json, draft: Draft, ids: Mapping[str, str]) -> None:
    """Put text and entities into a post; above 280 characters the full text goes into `note_tweet`."""
    text = draft.text
    if len(text) > SHORT_LENGTH:
        post["note_tweet"] = {"text": text, "entities": entities(text, draft.links, ids)}
        text = text[: SHORT_LENGTH - 1] + "…"
    post["text"] = text
    found = entities(text, draft.links, ids)
    if found:
        post["entities"] = found
    post["lang"] = draft.lang


def retweet_text(handle: str, text: str) -> str:
    """The text of a retweet: `RT @user: ` and the original, cut at 140 characters with an ellipsis."""
    full = f"RT @{handle}: {text}"
    return full if len(full) <= RETWEET_LENGTH else full[: RETWEET_LENGTH - 1] + "…"


def full_text(post: Json) -> str:
    """The long form of a post's text where there is one."""
    note = post.get("note_tweet") or {}
    return str(note.get("text") or post["text"])


def skeleton(tweet_id: int, author_number: int, metrics: Sequence[int], history: Sequence[int] = ()) -> Json:
    """A post without text: ids, times, metrics (retweets, replies, likes, quotes), edit state."""
    ids = [str(i) for i in history] or [str(tweet_id)]
    created_ms = (tweet_id >> 22) + X_EPOCH_MS
    root_ms = (int(ids[0]) >> 22) + X_EPOCH_MS
    retweets, replies, likes, quotes = metrics
    return {
        "id": str(tweet_id),
        "author_id": author_id(author_number),
        "conversation_id": ids[0],
        "created_at": timestamp(created_ms),
        "edit_history_tweet_ids": ids,
        "edit_controls": {
            "edits_remaining": 5 - ids.index(str(tweet_id)),
            "is_edit_eligible": True,
            "editable_until": timestamp(root_ms + EDIT_WINDOW_MS),
        },
        "possibly_sensitive": False,
        "reply_settings": "everyone",
        "public_metrics": {
            "retweet_count": retweets,
            "reply_count": replies,
            "like_count": likes,
            "quote_count": quotes,
            "bookmark_count": likes // 7,
            "impression_count": likes * 40 + retweets * 9,
        },
    }
