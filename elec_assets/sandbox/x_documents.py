"""What a query sees of a post: words, addresses, handles, tags and flags, from the post and what its page includes."""

import re

from elec_assets.sandbox.posts import Json, PostSource, full_text
from elec_assets.sandbox.x_query import Document, fold, words

_MENTION = re.compile(r"(?<!\w)@(\w{1,15})")
_REFERENCE = {"retweeted": "is:retweet", "replied_to": "is:reply", "quoted": "is:quote"}
_ENTITY = {"hashtags": "has:hashtags", "mentions": "has:mentions", "urls": "has:links", "cashtags": "has:cashtags"}
_MEDIA = {"photo": "has:images", "video": "has:videos", "animated_gif": "has:videos"}


def reference(post: Json, kind: str) -> str | None:
    """Id of the post that this one refers to as `retweeted`, `replied_to` or `quoted`."""
    return next((r["id"] for r in post.get("referenced_tweets", []) if r["type"] == kind), None)


def document(post: Json, source: PostSource, *, accents: bool = False, quoted: bool = False) -> Document:
    """The document of a post. A retweet is seen with its original's text, a quoted post's words only where `quoted`."""
    seen = [post]
    original = reference(post, "retweeted")
    if original is not None and (found := source.find("tweets", original)) is not None:
        seen.append(found)
    inner = reference(post, "quoted") if quoted else None
    beside = source.find("tweets", inner) if inner is not None else None
    entities = [e for p in seen for e in _entities(p)]
    addresses = [u[k] for e in entities for u in e.get("urls", []) for k in ("expanded_url", "unwound_url") if k in u]
    texts = [full_text(p) for p in seen]
    further = [] if beside is None else [full_text(beside)]
    mentions = {m["username"].lower() for e in entities for m in e.get("mentions", [])}
    mentions.update(m.lower() for t in texts for m in _MENTION.findall(t))
    return Document(
        words="\n".join(words(t, accents=accents) for t in (*texts, *further, *addresses)),
        addresses="\n".join(words(a, accents=accents) for a in addresses),
        author=_user(post.get("author_id"), source),
        replied_to=_user(post.get("in_reply_to_user_id"), source),
        mentions=frozenset(mentions),
        hashtags=frozenset(fold(h["tag"], accents=accents) for e in entities for h in e.get("hashtags", [])),
        lang=post.get("lang", ""),
        conversation=post.get("conversation_id", ""),
        flags=frozenset(_flags(post, source)),
    )


def _entities(post: Json) -> list[Json]:
    note = post.get("note_tweet") or {}
    return [e for e in (post.get("entities"), note.get("entities")) if e]


def _user(user_id: str | None, source: PostSource) -> frozenset[str]:
    """Both names of a user, id and lower-case handle, as far as they are known."""
    if user_id is None:
        return frozenset()
    user = source.find("users", user_id)
    return frozenset([user_id] if user is None else [user_id, user["username"].lower()])


def _flags(post: Json, source: PostSource) -> set[str]:
    flags = {_REFERENCE[r["type"]] for r in post.get("referenced_tweets", []) if r["type"] in _REFERENCE}
    flags |= {flag for e in _entities(post) for name, flag in _ENTITY.items() if e.get(name)}
    for key in post.get("attachments", {}).get("media_keys", []):
        flags.add("has:media")
        medium = source.find("media", key) or {}
        flags.add(_MEDIA.get(medium.get("type", ""), "has:media"))
    if post.get("geo"):
        flags.add("has:geo")
    author = source.find("users", post.get("author_id", ""))
    if author is not None and author.get("verified"):
        flags.add("is:verified")
    return flags
