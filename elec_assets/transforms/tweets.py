"""From the posts of a raw document to rows of the table `tweets`, in the order of its columns.

Columns hold strings, numbers and tuples of strings: nothing decoded stays alive, and the garbage collector soon stops
looking at such tuples (with lists it doubled the time of a busy hour).
"""

from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from elec_assets.domain.matcher import Match, PostText
from elec_assets.domain.tables import SCHEMA_VERSION, TWEETS, Kind
from elec_assets.domain.windows import ALL_IDS, created_ms, epoch_ms
from elec_assets.transforms.frames import Row
from elec_assets.transforms.tweet_content import (
    NO_USER,
    SentAlong,
    Strings,
    all_ids,
    content_of,
    references_of,
    sent_along,
)
from elec_assets.transforms.x_checks import are_counts, are_ids
from elec_assets.transforms.x_documents import UNREADABLE, Group, RawDocument, Reject, decode, decode_whole
from elec_assets.transforms.x_objects import (
    ContextAnnotation,
    Place,
    PostMetrics,
    ReceivedPost,
    UserMetrics,
)

MatchPost = Callable[[PostText], Match]
"""Finds the candidates of a post: `domain.matcher.Matcher.match`."""

_NOT_OF_X = ("place_id", "batch_id")
SLOT_MS = 5 * 60 * 1000
_EDIT_IDS = TWEETS.names.index("edit_ids")
_IDS = [i for i, c in enumerate(TWEETS.columns) if c.name.endswith("_id") and c.name not in _NOT_OF_X]
_COUNTS = [i for i, c in enumerate(TWEETS.columns) if c.kind is Kind.INTEGER]
# In this order: of several references the first decides the kind.
_KINDS = (("retweeted", "retweet"), ("quoted", "quote"), ("replied_to", "reply"))
_NO_POST_METRICS = PostMetrics()
_NO_USER_METRICS = UserMetrics()
_NO_PLACE = Place(id="")
_HELD = 64
_NO_MEDIA: tuple[Strings, Strings] = ((), ())


@dataclass(frozen=True, slots=True)
class Flattened:
    """What a document held: columns of the table `tweets` in its order, and rejects.

    `positions` are those of the rows in the document. `strays` counts the posts outside the ids that were asked for:
    no row is made of them.
    """

    columns: list[list[object]]
    positions: list[int]
    rejects: list[Reject]
    strays: int

    @property
    def rows(self) -> list[tuple[int, Row]]:
        """The rows, each with its position."""
        return list(zip(self.positions, zip(*self.columns, strict=True), strict=True))


def flatten(
    document: RawDocument, match: MatchPost, removed: Collection[str] = (), within: tuple[int, int] = ALL_IDS
) -> Flattened:
    """The rows of a document, one for each of its posts, in the order received.

    `removed` are ids of posts whose text may not be kept: copies of them that came along with other posts are not
    used. (Rows of removed posts themselves are left out by `sealing.seal`.) `within` bounds the ids of the rows, both
    ends exclusive, see `windows.id_bounds`.
    """
    with suppress(*UNREADABLE):
        quick = _Rows(document, match, removed, within)
        for group in decode_whole(document):
            quick.add(group)
        quick.finish()
        if quick.came_with_ids and _settled(quick.columns):
            return Flattened(quick.columns, quick.positions, [], quick.strays)
    careful = _Rows(document, match, removed, within)
    rejects = []
    for part in decode(document):
        if isinstance(part, Reject):
            rejects.append(part)
        else:
            careful.add(part)
    careful.finish()
    return Flattened(careful.columns, careful.positions, rejects, careful.strays)


def _settled(columns: list[list[object]]) -> bool:
    """Whether all ids are strings of digits and all counts integers, or null."""
    ids = [value for index in _IDS for value in columns[index] if value is not None]
    edit_ids = chain.from_iterable(_strings(value) for value in columns[_EDIT_IDS])
    counts = chain.from_iterable(columns[index] for index in _COUNTS)
    return are_ids(ids) and are_ids(edit_ids) and are_counts(counts)


def _strings(cell: object) -> Strings:
    return cell if isinstance(cell, tuple) else ()


class _Rows:
    """The posts of a document on their way to columns, some at a time.

    Columns are made one by one over all posts held: rows one by one took twice as long. Not too many posts are held:
    with 500 of them decoded, which no cache holds, it took a sixth longer (2026-11-22).
    """

    def __init__(
        self, document: RawDocument, match: MatchPost, removed: Collection[str], within: tuple[int, int]
    ) -> None:
        self._document = document
        self._received_ms = epoch_ms(document.received_at)
        self._match = match
        self._removed = removed
        self._after, self._before = within
        self._numbers: list[int] = []
        self._posts: list[ReceivedPost] = []
        self._tags: list[Strings] = []
        self._sent: list[SentAlong] = []
        self._along: list[SentAlong] = []
        self.columns: list[list[object]] = [[] for _ in TWEETS.columns]
        self.positions: list[int] = []
        self.strays = 0
        self.came_with_ids = True

    def add(self, group: Group) -> None:
        """Take in the posts of a group."""
        sent = None
        for position, post in group.posts:
            number = int(post.id)
            if not self._after < number < self._before:
                self.strays += 1
                continue
            if sent is None:
                sent = sent_along(group.includes, self._removed)
                self._along.append(sent)
            self.positions.append(position)
            self._numbers.append(number)
            self._posts.append(post)
            self._tags.append(group.tags)
            self._sent.append(sent)
        if len(self._posts) >= _HELD:
            self.finish()

    def finish(self) -> None:
        """Make rows of the posts held."""
        for column, more in zip(self.columns, self._made(), strict=True):
            column.extend(more)
        self.came_with_ids = self.came_with_ids and are_ids(all_ids(self._along))
        for held in (self._numbers, self._posts, self._tags, self._sent, self._along):
            held.clear()

    def _made(self) -> tuple[Iterable[object], ...]:
        """The columns of `tables.TWEETS`, in its order, for the posts held."""
        posts, sent, count = self._posts, self._sent, len(self._posts)
        refs = [references_of(post) for post in posts]
        retweeted = [s.posts.get(r["retweeted"]) if "retweeted" in r else None for r, s in zip(refs, sent, strict=True)]
        quoted = [s.posts.get(r["quoted"]) if "quoted" in r else None for r, s in zip(refs, sent, strict=True)]
        authors = [s.users.get(p.author_id or "", NO_USER) for p, s in zip(posts, sent, strict=True)]
        contents = [content_of(*each) for each in zip(posts, refs, retweeted, quoted, authors, sent, strict=True)]
        words = [content.words for content in contents]
        found = [self._match(content.matched) for content in contents]
        created = [_created(number, post) for number, post in zip(self._numbers, posts, strict=True)]
        edit_ids = [tuple(post.edit_history_post_ids or post.edit_history_tweet_ids or ()) for post in posts]
        metrics = [post.public_metrics or _NO_POST_METRICS for post in posts]
        of_author = [author.public_metrics or _NO_USER_METRICS for author in authors]
        media = [_media(p, s) if p.attachments else _NO_MEDIA for p, s in zip(posts, sent, strict=True)]
        places = [_place(p, s) if p.geo else _NO_PLACE for p, s in zip(posts, sent, strict=True)]
        received = self._received(count)
        return (
            [post.id for post in posts],
            created,
            [moment - moment % SLOT_MS for moment in created],
            [post.author_id for post in posts],
            [post.conversation_id for post in posts],
            [post.in_reply_to_user_id for post in posts],
            [_kind(r) if r else "original" for r in refs],
            [r.get("replied_to") for r in refs],
            [r.get("quoted") for r in refs],
            [r.get("retweeted") for r in refs],
            [post and post.author_id for post in retweeted],
            [post and post.author_id for post in quoted],
            [content.text for content in contents],
            [content.is_full for content in contents],
            [post and post.full_text for post in quoted],
            [post.lang for post in posts],
            [post.possibly_sensitive for post in posts],
            [post.reply_settings for post in posts],
            [m.like_count for m in metrics],
            [m.reply_count for m in metrics],
            [m.retweet_count for m in metrics],
            [m.quote_count for m in metrics],
            [m.bookmark_count for m in metrics],
            [m.impression_count for m in metrics],
            received,
            [w.hashtags for w in words],
            [w.mentions for w in words],
            [w.urls for w in words],
            [w.cashtags for w in words],
            [types for types, _ in media],
            [urls for _, urls in media],
            [_context(post.context_annotations) if post.context_annotations else () for post in posts],
            [post.geo and post.geo.place_id for post in posts],
            [place.country_code for place in places],
            [place.full_name for place in places],
            edit_ids,
            [ids[0] if ids else post.id for ids, post in zip(edit_ids, posts, strict=True)],
            [len(ids) > 1 for ids in edit_ids],
            [tuple(post.withheld.country_codes or ()) if post.withheld else () for post in posts],
            [author.username for author in authors],
            [author.name for author in authors],
            [_ms(author.created_at) for author in authors],
            [author.verified_type for author in authors],
            [m.followers_count for m in of_author],
            [m.following_count for m in of_author],
            [m.tweet_count for m in of_author],
            [f.candidates for f in found],
            [f.matched_by for f in found],
            [f.matched_in_quote for f in found],
            self._tags,
            [(self._document.origin,)] * count,
            received,
            [self._document.batch_id] * count,
            [SCHEMA_VERSION] * count,
        )

    def _received(self, count: int) -> list[int]:
        """When each of the last so many posts was received."""
        times = self._document.received_ms
        if times is None:
            return [self._received_ms] * count
        return [times[position] for position in self.positions[len(self.positions) - count :]]


def _created(number: int, post: ReceivedPost) -> int:
    """When a post was made, ms since 1970."""
    made = created_ms(number)
    return (_ms(post.created_at) or 0) if made is None else made  # ReceivedPost has made sure that it is there.


def _kind(refs: dict[str, str]) -> str:
    return next((kind for reference, kind in _KINDS if reference in refs), "original")


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else epoch_ms(moment)


def _media(post: ReceivedPost, sent: SentAlong) -> tuple[Strings, Strings]:
    keys = (post.attachments and post.attachments.media_keys) or ()
    if not keys:
        return _NO_MEDIA
    media = [medium for key in keys if (medium := sent.media.get(key)) is not None]
    return tuple([m.type for m in media]), tuple([m.url or m.preview_image_url or "" for m in media])


def _context(annotations: list[ContextAnnotation]) -> Strings:
    return tuple([f"{a.domain.id}.{a.entity.id}" for a in annotations if a.domain is not None and a.entity is not None])


def _place(post: ReceivedPost, sent: SentAlong) -> Place:
    """The place tagged, where it came along."""
    if post.geo is None or post.geo.place_id is None:
        return _NO_PLACE
    return sent.places.get(post.geo.place_id, _NO_PLACE)
