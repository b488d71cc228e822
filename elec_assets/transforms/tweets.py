"""From the posts of a raw document to rows of the table `tweets`, in the order of its columns.

A row is a tuple of strings, numbers and tuples of strings: nothing decoded stays alive, and the garbage collector soon
stops looking at such tuples (with lists it doubled the time of a busy hour).
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from elec_assets.domain.matcher import Match, PostText
from elec_assets.domain.tables import SCHEMA_VERSION
from elec_assets.domain.windows import created_ms, epoch_ms
from elec_assets.transforms.frames import Row
from elec_assets.transforms.x_documents import Group, RawDocument, Reject, decode
from elec_assets.transforms.x_objects import (
    Entities,
    Includes,
    Media,
    Place,
    Post,
    PostMetrics,
    ReceivedPost,
    User,
    UserMetrics,
    as_id,
)

MatchPost = Callable[[PostText], Match]
"""Finds the candidates of a post: `domain.matcher.Matcher.match`."""

_Strings = tuple[str, ...]

SLOT_MS = 5 * 60 * 1000
# In this order: of several references the first decides the kind.
_KINDS = (("retweeted", "retweet"), ("quoted", "quote"), ("replied_to", "reply"))
_RETWEET_PREFIX = re.compile(r"RT @(\w+): ", re.ASCII)
_ELLIPSIS = "…"
_NO_POST_METRICS = PostMetrics()
_NO_USER = User(id="")
_NO_USER_METRICS = UserMetrics()
_NO_PLACE = Place(id="")


@dataclass(frozen=True, slots=True)
class Flattened:
    """What a document held: rows of the table `tweets`, each with its position in the document, and rejects."""

    rows: list[tuple[int, Row]]
    rejects: list[Reject]


def flatten(document: RawDocument, match: MatchPost, removed: Collection[str] = ()) -> Flattened:
    """The rows of a document, one for each of its posts, in the order received.

    `removed` are ids of posts whose text may not be kept: copies of them that came along with other posts are not
    used. (Rows of removed posts themselves are left out by `sealing.seal`.)
    """
    flat = Flattened([], [])
    copy = _Copy((document.origin,), document.batch_id, epoch_ms(document.received_at))
    for part in decode(document):
        if isinstance(part, Reject):
            flat.rejects.append(part)
            continue
        sent_along = _SentAlong.of(part.includes, removed)
        flat.rows.extend((position, _row(post, part, sent_along, copy, match)) for position, post in part.posts)
    return flat


@dataclass(frozen=True, slots=True)
class _Copy:
    """What all posts of one document share: how and when they came."""

    origins: _Strings
    batch_id: str
    received_ms: int


@dataclass(frozen=True, slots=True)
class _SentAlong:
    """`includes` by id: X leaves some out, and position does not tell which. Of two of one id the last counts."""

    users: dict[str, User]
    posts: dict[str, Post]
    media: dict[str, Media]
    places: dict[str, Place]

    @classmethod
    def of(cls, includes: Includes, removed: Collection[str]) -> "_SentAlong":
        posts = {as_id(post.id): post for post in (*(includes.tweets or ()), *(includes.posts or ()))}
        for tweet_id in posts.keys() & set(removed) if removed else ():
            del posts[tweet_id]
        return cls(
            users={as_id(user.id): user for user in includes.users or ()},
            posts=posts,
            media={medium.media_key: medium for medium in includes.media or ()},
            places={place.id: place for place in includes.places or ()},
        )


@dataclass(frozen=True, slots=True)
class _Words:
    """What a text holds besides its words, each in the order of the text."""

    hashtags: _Strings = ()
    mentions: _Strings = ()
    urls: _Strings = ()
    cashtags: _Strings = ()

    @classmethod
    def of(cls, entities: Entities | None) -> "_Words":
        if entities is None:
            return _NO_WORDS
        urls = entities.urls or ()
        return cls(
            tuple([tag.tag for tag in entities.hashtags or () if tag.tag]),
            tuple([mention.username for mention in entities.mentions or () if mention.username]),
            tuple([link for url in urls if (link := url.unwound_url or url.expanded_url or url.url)]),
            tuple([tag.tag for tag in entities.cashtags or () if tag.tag]),
        )


_NO_WORDS = _Words()


@dataclass(frozen=True, slots=True)
class _Content:
    """Text of a post with its words, whether it is all of it, and what the matcher reads."""

    text: str
    is_full: bool
    words: _Words
    matched: PostText


def _row(post: ReceivedPost, group: Group, sent: _SentAlong, copy: _Copy, match: MatchPost) -> Row:
    """One row, in the order of `tables.TWEETS`: one line of the tuple for each line of thought there."""
    tweet_id = as_id(post.id)
    created = created_ms(int(tweet_id))
    if created is None:
        created = _ms(post.created_at) or 0  # ReceivedPost has made sure that it is there.
    refs: dict[str, str] = {}
    for reference in post.references:
        refs.setdefault(reference.type, as_id(reference.id))
    retweeted, quoted = sent.posts.get(refs.get("retweeted", "")), sent.posts.get(refs.get("quoted", ""))
    author = _NO_USER if post.author_id is None else sent.users.get(as_id(post.author_id), _NO_USER)
    content = _content(post, "retweeted" in refs, retweeted, quoted, author, sent)
    found = match(content.matched)
    edit_ids = tuple([as_id(edit_id) for edit_id in post.edit_ids])
    return (
        *(tweet_id, created, created - created % SLOT_MS),
        *(_id(post.author_id), _id(post.conversation_id), _id(post.in_reply_to_user_id)),
        next((kind for reference, kind in _KINDS if reference in refs), "original"),
        *(refs.get("replied_to"), refs.get("quoted"), refs.get("retweeted")),
        *(retweeted and _id(retweeted.author_id), quoted and _id(quoted.author_id)),
        *(content.text, content.is_full, quoted and quoted.full_text),
        *(post.lang, post.possibly_sensitive, post.reply_settings),
        *_metrics(post),
        copy.received_ms,
        *(content.words.hashtags, content.words.mentions, content.words.urls, content.words.cashtags),
        *_media(post, sent),
        _context(post),
        *_place(post, sent),
        *(edit_ids, edit_ids[0] if edit_ids else tweet_id, len(edit_ids) > 1),
        tuple((post.withheld and post.withheld.country_codes) or ()),
        *_author(author),
        *(found.candidates, found.matched_by, found.matched_in_quote),
        *(tuple(sorted(set(group.tags))), copy.origins),
        *(copy.received_ms, copy.batch_id, SCHEMA_VERSION),
    )


def _id(value: str | int | None) -> str | None:
    return None if value is None else as_id(value)


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else epoch_ms(moment)


def _content(
    post: Post, is_retweet: bool, retweeted: Post | None, quoted: Post | None, author: User, sent: _SentAlong
) -> _Content:
    """The text of a post, whole where X sent it whole.

    X cuts a retweet's own text at 140 characters and its entities with it. Where the original came along, text and
    entities are the original's, behind `RT @user: ` as X wrote it (the user may have taken another name since).
    """
    words = _Words.of(post.full_entities)
    text = post.full_text
    if not is_retweet:
        quoted_text = None if quoted is None else quoted.full_text
        matched = PostText(text, words.urls, words.mentions, author.username, quoted_text)
        return _Content(text, is_full=True, words=words, matched=matched)
    prefix = _RETWEET_PREFIX.match(text)
    is_full = post.has_note or not text.endswith(_ELLIPSIS)
    if retweeted is None:
        bare = text[prefix.end() :] if prefix else text
        mentions = (prefix[1], *words.mentions) if prefix else words.mentions
        return _Content(text, is_full, words, PostText(bare, words.urls, mentions, author.username))
    original = _Words.of(retweeted.full_entities)
    username = prefix[1] if prefix else _username(retweeted, sent)
    if username is not None:
        mentioned = (username, *original.mentions)
        original = _Words(original.hashtags, mentioned, original.urls, original.cashtags)
    mentions = (*words.mentions, *original.mentions)
    quoted_text = _quoted_text(retweeted, sent)
    matched = PostText(retweeted.full_text, original.urls, mentions, author.username, quoted_text)
    if post.has_note or username is None:
        return _Content(text, is_full, words, matched)
    return _Content(f"RT @{username}: {retweeted.full_text}", is_full=True, words=original, matched=matched)


def _quoted_text(post: Post, sent: _SentAlong) -> str | None:
    """Text of the post that this one quotes, where it came along."""
    for reference in post.references:
        if reference.type == "quoted":
            quoted = sent.posts.get(as_id(reference.id))
            return None if quoted is None else quoted.full_text
    return None


def _username(post: Post, sent: _SentAlong) -> str | None:
    author = None if post.author_id is None else sent.users.get(as_id(post.author_id))
    return None if author is None else author.username


def _metrics(post: Post) -> Row:
    m = post.public_metrics or _NO_POST_METRICS
    return (m.like_count, m.reply_count, m.retweet_count, m.quote_count, m.bookmark_count, m.impression_count)


def _media(post: Post, sent: _SentAlong) -> tuple[_Strings, _Strings]:
    keys = (post.attachments and post.attachments.media_keys) or ()
    if not keys:
        return (), ()
    media = [medium for key in keys if (medium := sent.media.get(key)) is not None]
    return tuple([m.type for m in media]), tuple([m.url or m.preview_image_url or "" for m in media])


def _context(post: Post) -> _Strings:
    return tuple(
        [
            f"{annotation.domain.id}.{annotation.entity.id}"
            for annotation in post.context_annotations or ()
            if annotation.domain is not None and annotation.entity is not None
        ]
    )


def _place(post: Post, sent: _SentAlong) -> Row:
    if post.geo is None or post.geo.place_id is None:
        return (None, None, None)
    place = sent.places.get(post.geo.place_id, _NO_PLACE)
    return (post.geo.place_id, place.country_code, place.full_name)


def _author(author: User) -> Row:
    m = author.public_metrics or _NO_USER_METRICS
    counts = (m.followers_count, m.following_count, m.tweet_count)
    return (author.username, author.name, _ms(author.created_at), author.verified_type, *counts)
