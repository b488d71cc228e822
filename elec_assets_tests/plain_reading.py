"""Recorded search pages read in the plainest way: from X's JSON to what a row of the weekly CSV must say.

Written without the project's transforms, matcher, windows and tables, to judge them. It knows only what the two
recorded pages hold: no long posts, no edits, no withheld posts.
"""

import json
import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

Json = dict[str, Any]
Row = dict[str, str]
EPOCH_MS = 1288834974657
PAGE_POSTS = 100
# Who is followed in the test's registry: key -> name, account, term.
PEOPLE = {
    "kpop": ("Corée Pop", "Kpop_Testcompte", "#kpop"),
    "salvini": ("Matteo Salvini", "matteosalvinimi", "Salvini"),
}


class Recording:
    """One recorded page: its posts by id, newest first, and what came along."""

    def __init__(self, path: Path) -> None:
        page = json.loads(path.read_text(encoding="utf-8"))
        includes = page["includes"]
        self.posts: list[Json] = sorted(page["data"], key=lambda p: int(p["id"]), reverse=True)
        self.known = {p["id"]: p for p in [*self.posts, *includes.get("tweets", [])]}
        self.users = {u["id"]: u for u in includes.get("users", [])}
        self.media = {m["media_key"]: m for m in includes.get("media", [])}
        self.places = {p["id"]: p for p in includes.get("places", [])}

    def rows(self) -> list[Row]:
        """What the weekly file must hold, by id."""
        found = []
        for start in range(0, len(self.posts), PAGE_POSTS):
            page = self.posts[start : start + PAGE_POSTS]
            # X sends along the posts that those of the page refer to, where it has them.
            wanted = {r["id"] for post in page for r in post.get("referenced_tweets", [])}
            along = {i: self.known[i] for i in wanted if i in self.known}
            found += [self._row(post, along) for post in page]
        return sorted(found, key=lambda row: int(row["tweet_id"]))

    def _row(self, post: Json, along: dict[str, Json]) -> Row:
        made = (int(post["id"]) >> 22) + EPOCH_MS
        refs = {r["type"]: r["id"] for r in post.get("referenced_tweets", [])}
        author = self.users.get(post["author_id"], {})
        place = self.places.get(post.get("geo", {}).get("place_id"), {})
        media = [self.media[k] for k in post.get("attachments", {}).get("media_keys", []) if k in self.media]
        context = [f"{c['domain']['id']}.{c['entity']['id']}" for c in post.get("context_annotations", [])]
        edits = post.get("edit_history_tweet_ids", [])
        quoted = along.get(refs.get("quoted", ""), {})
        row = {
            "tweet_id": post["id"],
            "created_at": moment(made),
            "window_start": moment(made - made % 300_000),
            "author_id": post["author_id"],
            "conversation_id": post.get("conversation_id"),
            "in_reply_to_user_id": post.get("in_reply_to_user_id"),
            "kind": kind(refs),
            "replied_to_id": refs.get("replied_to"),
            "quoted_id": refs.get("quoted"),
            "retweeted_id": refs.get("retweeted"),
            "retweeted_author_id": along.get(refs.get("retweeted", ""), {}).get("author_id"),
            "quoted_author_id": quoted.get("author_id"),
            "quoted_text": quoted.get("text"),
            "lang": post.get("lang"),
            "possibly_sensitive": post.get("possibly_sensitive"),
            "reply_settings": post.get("reply_settings"),
            **{f"{n}_count": post["public_metrics"].get(f"{n}_count") for n in COUNTED},
            "media_types": [m["type"] for m in media],
            "media_urls": [m.get("url") or m.get("preview_image_url") or "" for m in media],
            "context_entities": context,
            "place_id": post.get("geo", {}).get("place_id"),
            "place_country_code": place.get("country_code"),
            "place_full_name": place.get("full_name"),
            "edit_ids": edits,
            "edit_root_id": edits[0] if edits else post["id"],
            "is_edited": len(edits) > 1,
            "withheld_countries": [],
            "author_username": author.get("username"),
            "author_name": author.get("name"),
            "author_created_at": author.get("created_at"),
            "author_verified_type": author.get("verified_type"),
            "author_followers": author.get("public_metrics", {}).get("followers_count"),
            "author_following": author.get("public_metrics", {}).get("following_count"),
            "author_tweets": author.get("public_metrics", {}).get("tweet_count"),
            "matched_rule_tags": [],
            "origin": ["search"],
            "schema_version": 1,
            **self._content(post, refs, along, author.get("username")),
        }
        return {name: cell(value) for name, value in row.items()}

    def _content(self, post: Json, refs: dict[str, str], along: dict[str, Json], username: str | None) -> Json:
        """Text, the words in it, and whom it is about."""
        text, words = post["text"], Words(post)
        quoted = along.get(refs.get("quoted", ""), {}).get("text")
        if "retweeted" not in refs:
            said = about(text, words.urls, words.mentions, username, quoted)
            return {"text": text, "text_is_full": True, **words.columns, **said}
        prefix = re.match(r"RT @([A-Za-z0-9_]+): ", text)
        assert prefix, "every recorded retweet has its prefix"
        original = along.get(refs["retweeted"])
        if original is None:
            said = about(text[prefix.end() :], words.urls, [prefix[1], *words.mentions], username, None)
            return {"text": text, "text_is_full": not text.endswith("…"), **words.columns, **said}
        inner = [along[r["id"]]["text"] for r in original.get("referenced_tweets", []) if is_quote(r, along)]
        full = Words(original)
        full.mentions = [prefix[1], *full.mentions]
        said = about(original["text"], full.urls, [*words.mentions, *full.mentions], username, next(iter(inner), None))
        return {"text": prefix[0] + original["text"], "text_is_full": True, **full.columns, **said}


COUNTED = ("like", "reply", "retweet", "quote", "bookmark", "impression")


class Words:
    """Hashtags, mentions, links and cashtags of a post, in the order recorded."""

    def __init__(self, post: Json) -> None:
        entities = post.get("entities", {})
        self.hashtags = [h["tag"] for h in entities.get("hashtags", [])]
        self.mentions = [m["username"] for m in entities.get("mentions", [])]
        self.urls = [u.get("unwound_url") or u.get("expanded_url") or u["url"] for u in entities.get("urls", [])]
        self.cashtags = [c["tag"] for c in entities.get("cashtags", [])]

    @property
    def columns(self) -> dict[str, list[str]]:
        return {"hashtags": self.hashtags, "mentions": self.mentions, "urls": self.urls, "cashtags": self.cashtags}


def is_quote(reference: Json, along: dict[str, Json]) -> bool:
    return reference["type"] == "quoted" and reference["id"] in along


def kind(refs: dict[str, str]) -> str:
    for reference, name in (("retweeted", "retweet"), ("quoted", "quote"), ("replied_to", "reply")):
        if reference in refs:
            return name
    return "original"


def moment(ms: int) -> str:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def cell(value: object) -> str:
    """A value as text; null and the empty string are both nothing to a reader of CSV."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) if isinstance(value, list) else str(value)


def plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()


def about(text: str, urls: list[str], mentions: list[str], author: str | None, quoted: str | None) -> Json:
    """Candidates and reasons, as the registry's words name them."""
    reasons = sorted(f"{key}:{reason}" for key in PEOPLE for reason in _reasons(key, text, urls, mentions, author))
    found = sorted({reason.partition(":")[0] for reason in reasons})
    in_quote = [k for k in PEOPLE if k not in found and quoted and any(_reasons(k, quoted, [], [], None))]
    return {"candidates": found, "matched_by": reasons, "matched_in_quote": sorted(in_quote)}


def _reasons(key: str, text: str, urls: list[str], mentions: list[str], author: str | None) -> Iterable[str]:
    name, account, term = PEOPLE[key]
    handles = {m.lower() for m in [*mentions, *re.findall(r"(?<!\w)@(\w+)", text)]} | {(author or "").lower()}
    # A handle with an underscore is one word, and not the words in it.
    sources = [re.sub(r"(?<!\w)@\w*_\w*", " ", text), *map(unquote, urls), *(m for m in mentions if "_" not in m)]
    lines = [" " + " ".join(re.findall(r"[^\W_]+", plain(source))) + " " for source in sources]
    if any(f" {plain(name)} " in line for line in lines):
        yield "name"
    if account.lower() in handles:
        yield "own_account"
    if term.startswith("#"):
        if term[1:] in re.findall(r"(?<!\w)#(\w+)", plain(text)):
            yield "term"
    elif any(f" {plain(term)} " in line for line in lines):
        yield "term"
