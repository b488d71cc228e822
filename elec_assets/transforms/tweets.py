"""From the posts of a raw document to rows of the table `tweets`, in the order of its columns.

A row is a tuple of strings, numbers and tuples of strings: nothing decoded stays alive, and the garbage collector soon
stops looking at such tuples (with lists it doubled the time of a busy hour).
"""

import re
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from operator import itemgetter
from typing import NamedTuple

from elec_assets.domain.matcher import Match, PostText
from elec_assets.domain.tables import SCHEMA_VERSION, TWEETS, Kind
from elec_assets.domain.windows import ALL_IDS, created_ms, epoch_ms
from elec_assets.transforms.frames import Row
from elec_assets.transforms.x_checks import are_counts, are_ids
from elec_assets.transforms.x_documents import UNREADABLE, Group, RawDocument, Reject, decode, decode_whole
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
)

MatchPost = Callable[[PostText], Match]
"""Finds the candidates of a post: `domain.matcher.Matcher.match`."""

_Strings = tuple[str, ...]

_NOT_OF_X = ("place_id", "batch_id")
SLOT_MS = 5 * 60 * 1000
_EDIT_IDS = itemgetter(TWEETS.names.index("edit_ids"))
_IDS = itemgetter(*(i for i, c in enumerate(TWEETS.columns) if c.name.endswith("_id") and c.name not in _NOT_OF_X))
_COUNTS = itemgetter(*(i for i, c in enumerate(TWEETS.columns) if c.kind is Kind.INTEGER))
# In this order: of several references the first decides the kind.
_KINDS = (("retweeted", "retweet"), ("quoted", "quote"), ("replied_to", "reply"))
_RETWEET_PREFIX = re.compile(r"RT @(\w+): ", re.ASCII)
_ELLIPSIS = "…"
_NO_POST_METRICS = PostMetrics()
_NO_USER = User(id="")
_NO_USER_METRICS = UserMetrics()
_NO_PLACE = Place(id="")
_WHOLE = True
_NO_MEDIA: tuple[_Strings, _Strings] = ((), ())


@dataclass(slots=True)
class Flattened:
    """What a document held: rows of the table `tweets`, each with its position in the document, and rejects.

    `strays` counts the posts outside the ids that were asked for: no row is made of them.
    """

    rows: list[tuple[int, Row]]
    rejects: list[Reject]
    strays: int = 0


def flatten(
    document: RawDocument, match: MatchPost, removed: Collection[str] = (), within: tuple[int, int] = ALL_IDS
) -> Flattened:
    """The rows of a document, one for each of its posts, in the order received.

    `removed` are ids of posts whose text may not be kept: copies of them that came along with other posts are not
    used. (Rows of removed posts themselves are left out by `sealing.seal`.) `within` bounds the ids of the rows, both
    ends exclusive, see `windows.id_bounds`.
    """
    reading = _Reading((document.origin,), document.batch_id, epoch_ms(document.received_at), match, removed, within)
    flat = Flattened([], [])
    with suppress(*UNREADABLE):
        for group in decode_whole(document):
            _add(flat, group, reading)
        if _settled(flat.rows):
            return flat
    flat = Flattened([], [])
    for part in decode(document):
        if isinstance(part, Reject):
            flat.rejects.append(part)
        else:
            _add(flat, part, reading)
    return flat


def _settled(rows: list[tuple[int, Row]]) -> bool:
    """Whether all ids of the rows are strings of digits and all counts integers, or null."""
    ids = [value for _, row in rows for value in _IDS(row) if value is not None]
    edit_ids: Iterator[object] = chain.from_iterable(_EDIT_IDS(row) for _, row in rows)
    counts = chain.from_iterable(_COUNTS(row) for _, row in rows)
    return are_ids(ids) and are_ids(edit_ids) and are_counts(counts)


class _Reading(NamedTuple):
    """What all posts of one document share: how and when they came, and how they are read."""

    origins: _Strings
    batch_id: str
    received_ms: int
    match: MatchPost
    removed: Collection[str]
    within: tuple[int, int]


class _SentAlong(NamedTuple):
    """`includes` by id: X leaves some out, and position does not tell which. Of two of one id the last counts."""

    users: dict[str, User]
    posts: dict[str, Post]
    media: dict[str, Media]
    places: dict[str, Place]


def _sent_along(includes: Includes, removed: Collection[str]) -> _SentAlong:
    """What came along by id.

    Raises:
        ValueError: an id is none.
    """
    posts: dict[str, Post] = {post.id: post for post in includes.tweets} if includes.tweets else {}
    if includes.posts:
        posts.update({post.id: post for post in includes.posts})
    users = {user.id: user for user in includes.users} if includes.users else {}
    if not (are_ids(users) and are_ids(posts)):
        raise ValueError("an id of a part sent along is none")
    for tweet_id in posts.keys() & set(removed) if removed else ():
        del posts[tweet_id]
    media = {medium.media_key: medium for medium in includes.media} if includes.media else {}
    return _SentAlong(users, posts, media, {place.id: place for place in includes.places} if includes.places else {})


class _Words(NamedTuple):
    """What a text holds besides its words, each in the order of the text."""

    hashtags: _Strings = ()
    mentions: _Strings = ()
    urls: _Strings = ()
    cashtags: _Strings = ()


_NO_WORDS = _Words()


def _words(entities: Entities | None) -> _Words:
    if entities is None:
        return _NO_WORDS
    hashtags, urls, cashtags = entities.hashtags, entities.urls, entities.cashtags
    return _Words(
        tuple([tag.tag for tag in hashtags if tag.tag]) if hashtags else (),
        _mentions(entities),
        tuple([link for url in urls if (link := url.unwound_url or url.expanded_url or url.url)]) if urls else (),
        tuple([tag.tag for tag in cashtags if tag.tag]) if cashtags else (),
    )


class _Content(NamedTuple):
    """Text of a post with its words, whether it is all of it, and what the matcher reads."""

    text: str
    is_full: bool
    words: _Words
    matched: PostText


def _add(flat: Flattened, group: Group, reading: _Reading) -> None:
    """Add the rows of a group, each with its position."""
    after, before = reading.within
    sent = None
    for position, post in group.posts:
        if after < int(post.id) < before:
            sent = sent or _sent_along(group.includes, reading.removed)
            flat.rows.append((position, _row(post, group.tags, sent, reading)))
        else:
            flat.strays += 1


def _row(post: ReceivedPost, tags: _Strings, sent: _SentAlong, reading: _Reading) -> Row:
    """One row, in the order of `tables.TWEETS`."""
    tweet_id = post.id
    created = created_ms(int(tweet_id))
    if created is None:
        created = _ms(post.created_at) or 0  # ReceivedPost has made sure that it is there.
    refs = _references(post)
    retweeted, quoted = sent.posts.get(refs.get("retweeted", "")), sent.posts.get(refs.get("quoted", ""))
    author = sent.users.get(post.author_id or "", _NO_USER)
    text, is_full, words, matched = _content(post, "retweeted" in refs, retweeted, quoted, author, sent)
    found = reading.match(matched)
    edit_ids = tuple(post.edit_history_post_ids or post.edit_history_tweet_ids or ())
    metrics = post.public_metrics or _NO_POST_METRICS
    of_author = author.public_metrics or _NO_USER_METRICS
    media_types, media_urls = _media(post, sent)
    place = _place(post, sent)
    return (  # one literal: groups unpacked into it cost 2 us a row
        tweet_id,
        created,
        created - created % SLOT_MS,
        post.author_id,
        post.conversation_id,
        post.in_reply_to_user_id,
        _kind(refs) if refs else "original",
        refs.get("replied_to"),
        refs.get("quoted"),
        refs.get("retweeted"),
        retweeted and retweeted.author_id,
        quoted and quoted.author_id,
        text,
        is_full,
        quoted and quoted.full_text,
        post.lang,
        post.possibly_sensitive,
        post.reply_settings,
        metrics.like_count,
        metrics.reply_count,
        metrics.retweet_count,
        metrics.quote_count,
        metrics.bookmark_count,
        metrics.impression_count,
        reading.received_ms,
        words.hashtags,
        words.mentions,
        words.urls,
        words.cashtags,
        media_types,
        media_urls,
        _context(post) if post.context_annotations else (),
        post.geo and post.geo.place_id,
        place.country_code,
        place.full_name,
        edit_ids,
        edit_ids[0] if edit_ids else tweet_id,
        len(edit_ids) > 1,
        tuple((post.withheld and post.withheld.country_codes) or ()),
        author.username,
        author.name,
        _ms(author.created_at),
        author.verified_type,
        of_author.followers_count,
        of_author.following_count,
        of_author.tweet_count,
        found.candidates,
        found.matched_by,
        found.matched_in_quote,
        tags,
        reading.origins,
        reading.received_ms,
        reading.batch_id,
        SCHEMA_VERSION,
    )


def _references(post: Post) -> dict[str, str]:
    """Type of reference -> id; of several of one type the first."""
    refs: dict[str, str] = {}
    for reference in post.references:
        refs.setdefault(reference.type, reference.id)
    return refs


def _kind(refs: dict[str, str]) -> str:
    return next((kind for reference, kind in _KINDS if reference in refs), "original")


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else epoch_ms(moment)


def _content(
    post: Post, is_retweet: bool, retweeted: Post | None, quoted: Post | None, author: User, sent: _SentAlong
) -> _Content:
    """The text of a post, whole where X sent it whole.

    X cuts a retweet's own text at 140 characters and its entities with it. Where the original came along, text and
    entities are the original's, behind `RT @user: ` as X wrote it (the user may have taken another name since).
    """
    has_note = post.note is not None
    text, entities = (post.full_text, post.full_entities) if has_note else (post.text, post.entities)
    if not is_retweet:
        words = _words(entities)
        quoted_text = None if quoted is None else quoted.full_text
        matched = PostText(text, words.urls, words.mentions, author.username, quoted_text)
        return _Content(text, _WHOLE, words, matched)
    prefix = _RETWEET_PREFIX.match(text)
    is_full = has_note or not text.endswith(_ELLIPSIS)
    if retweeted is None:
        words = _words(entities)
        bare = text[prefix.end() :] if prefix else text
        mentions = (prefix[1], *words.mentions) if prefix else words.mentions
        return _Content(text, is_full, words, PostText(bare, words.urls, mentions, author.username))
    original = _words(retweeted.full_entities)
    full_text = retweeted.full_text
    username = prefix[1] if prefix else _username(retweeted, sent)
    if username is not None:
        original = _Words(original.hashtags, (username, *original.mentions), original.urls, original.cashtags)
    mentions = (*_mentions(entities), *original.mentions)
    matched = PostText(full_text, original.urls, mentions, author.username, _quoted_text(retweeted, sent))
    if has_note or username is None:
        return _Content(text, is_full, _words(entities), matched)
    return _Content(f"RT @{username}: {full_text}", _WHOLE, original, matched)


def _mentions(entities: Entities | None) -> _Strings:
    if entities is None or not entities.mentions:
        return ()
    return tuple([mention.username for mention in entities.mentions if mention.username])


def _quoted_text(post: Post, sent: _SentAlong) -> str | None:
    """Text of the post that this one quotes, where it came along."""
    for reference in post.references:
        if reference.type == "quoted":
            quoted = sent.posts.get(reference.id)
            return None if quoted is None else quoted.full_text
    return None


def _username(post: Post, sent: _SentAlong) -> str | None:
    return sent.users.get(post.author_id or "", _NO_USER).username


def _media(post: ReceivedPost, sent: _SentAlong) -> tuple[_Strings, _Strings]:
    keys = (post.attachments and post.attachments.media_keys) or ()
    if not keys:
        return _NO_MEDIA
    media = [medium for key in keys if (medium := sent.media.get(key)) is not None]
    return tuple([m.type for m in media]), tuple([m.url or m.preview_image_url or "" for m in media])


def _context(post: ReceivedPost) -> _Strings:
    return tuple(
        [
            f"{annotation.domain.id}.{annotation.entity.id}"
            for annotation in post.context_annotations or ()
            if annotation.domain is not None and annotation.entity is not None
        ]
    )


def _place(post: ReceivedPost, sent: _SentAlong) -> Place:
    """The place tagged, where it came along."""
    if post.geo is None or post.geo.place_id is None:
        return _NO_PLACE
    return sent.places.get(post.geo.place_id, _NO_PLACE)
