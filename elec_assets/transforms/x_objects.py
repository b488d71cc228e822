"""The objects of X API v2 that the tables need, as typed structs. Fields that are not named here are ignored.

Everything but a post's id and text may be absent or null. Between 2026-06 and 2026-08 X renamed `tweet` to `post` in
several names (OpenAPI 2.165 and 2.167); both spellings are read. Types are strict, because a lenient decoder
turns the text "null" into null and the float 1e18 into an id; what may be lenient (counts) is so on purpose.

Ids and counts are decoded loosely and settled by `x_checks`, before anybody else sees them.
"""

import re
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Raw, Struct

from elec_assets.domain.windows import FIRST_SNOWFLAKE

_INT64 = 2**63
_FLOAT_EXACT = 2**53
_INTEGRAL = re.compile(r"-?[0-9]{1,19}(?:\.0+)?", re.ASCII)

if TYPE_CHECKING:
    # What they are once settled.
    Id = str
    Count = int | None
else:
    # A float would have lost digits, so it is refused. X's ids are signed 64-bit integers. That the characters are
    # digits is checked afterwards: as a pattern here it took a third of the decoding (6 of 18 us a line, 2026-11-21).
    Id = Annotated[str, Meta(min_length=1, max_length=19)] | Annotated[int, Meta(ge=0, le=_INT64 - 1)]
    Count = Annotated[int, Meta(ge=-_INT64, le=_INT64 - 1)] | float | str | None
Time = Annotated[datetime, Meta(tz=True)]


def as_count(value: float | str | None) -> int | None:
    """A count as an integer; X's specification of 2026-08 allows strings (`"3"`), and `3.0` is 3.

    Raises:
        ValueError: the value is no whole number of 64 bits.
    """
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, str) and not _INTEGRAL.fullmatch(value):
        raise ValueError(f"count {value!r} is no whole number")
    if isinstance(value, float) and not (value.is_integer() and abs(value) < _FLOAT_EXACT):
        raise ValueError(f"count {value!r} is no whole number, or too large to be exact")
    count = int(value.partition(".")[0]) if isinstance(value, str) else int(value)
    if not -_INT64 <= count < _INT64:
        raise ValueError(f"count {value!r} does not fit 64 bits")
    return count


class PostMetrics(Struct, gc=False):
    """`public_metrics` of a post."""

    like_count: Count = None
    reply_count: Count = None
    retweet_count: Count = None
    quote_count: Count = None
    bookmark_count: Count = None
    impression_count: Count = None


class UserMetrics(Struct, gc=False):
    """`public_metrics` of a user."""

    followers_count: Count = None
    following_count: Count = None
    tweet_count: Count = None


class Tag(Struct, gc=False):
    """A hashtag or cashtag."""

    tag: str | None = None


class Mention(Struct, gc=False):
    """A mentioned user."""

    username: str | None = None


class Url(Struct, gc=False):
    """A link: shortened, expanded by X, and followed to its end."""

    url: str | None = None
    expanded_url: str | None = None
    unwound_url: str | None = None


class Entities(Struct, gc=False):
    """What X found in a text, in the order of the text."""

    hashtags: list[Tag] | None = None
    cashtags: list[Tag] | None = None
    mentions: list[Mention] | None = None
    urls: list[Url] | None = None


class Note(Struct, gc=False):
    """The long form of a post above 280 characters."""

    text: str | None = None
    entities: Entities | None = None


class Reference(Struct, gc=False):
    """Another post: `type` is retweeted, quoted or replied_to."""

    type: str
    id: Id


class Attachments(Struct, gc=False):
    """Keys of attached media."""

    media_keys: list[str] | None = None


class Named(Struct, gc=False):
    """A domain or entity of X's annotations."""

    id: str | int


class ContextAnnotation(Struct, gc=False):
    """One annotation of X about a post's subject."""

    domain: Named | None = None
    entity: Named | None = None


class Geo(Struct, gc=False):
    """Place tagged in a post."""

    place_id: str | None = None


class Withheld(Struct, gc=False):
    """Where a post is withheld."""

    country_codes: list[str] | None = None


class Post(Struct, gc=False):
    """A post, as `data` or as part of `includes`: what is read of both."""

    id: Id
    text: str
    author_id: Id | None = None
    referenced_tweets: list[Reference] | None = None
    referenced_posts: list[Reference] | None = None
    note_tweet: Note | None = None
    note_post: Note | None = None
    entities: Entities | None = None

    @property
    def references(self) -> list[Reference]:
        """Posts that this one answers, quotes or repeats."""
        return self.referenced_posts or self.referenced_tweets or []

    @property
    def note(self) -> Note | None:
        """The long form, where there is one with a text."""
        for note in (self.note_post, self.note_tweet):
            if note is not None and note.text:
                return note
        return None

    @property
    def full_text(self) -> str:
        """The long form where there is one, else the text."""
        note = self.note
        return (note and note.text) or self.text

    @property
    def full_entities(self) -> Entities | None:
        """Entities of `full_text`."""
        note = self.note
        return (note and note.entities) or self.entities


class ReceivedPost(Post, gc=False):
    """A post as `data`: one that becomes a row, so its time must be known."""

    conversation_id: Id | None = None
    in_reply_to_user_id: Id | None = None
    created_at: Time | None = None
    edit_history_tweet_ids: list[Id] | None = None
    edit_history_post_ids: list[Id] | None = None
    public_metrics: PostMetrics | None = None
    attachments: Attachments | None = None
    context_annotations: list[ContextAnnotation] | None = None
    geo: Geo | None = None
    withheld: Withheld | None = None
    lang: str | None = None
    possibly_sensitive: bool | None = None
    reply_settings: str | None = None

    @property
    def edit_ids(self) -> list[Id]:
        """All versions, oldest first; empty where X listed none."""
        return self.edit_history_post_ids or self.edit_history_tweet_ids or []

    def __post_init__(self) -> None:
        if self.created_at is None and int(self.id) < FIRST_SNOWFLAKE:
            raise ValueError(f"id {self.id} is older than snowflakes (2010-11-04) and there is no `created_at`")


class User(Struct, gc=False):
    """An author sent along."""

    id: Id
    username: str | None = None
    name: str | None = None
    created_at: Time | None = None
    verified_type: str | None = None
    public_metrics: UserMetrics | None = None


class Media(Struct, gc=False):
    """A medium sent along."""

    media_key: str
    type: str
    url: str | None = None
    preview_image_url: str | None = None


class Place(Struct, gc=False):
    """A place sent along."""

    id: str
    country_code: str | None = None
    full_name: str | None = None


class Includes(Struct, gc=False):
    """What X sent along with posts; never complete (5 % of recorded retweets lack the post, 0.6 % the author)."""

    users: list[User] | None = None
    tweets: list[Post] | None = None
    posts: list[Post] | None = None
    media: list[Media] | None = None
    places: list[Place] | None = None


class Rule(Struct, gc=False):
    """A stream rule that matched. Its id has been a string and an integer, its tag absent, null and empty."""

    tag: str | None = None


class PageMeta(Struct, gc=False):
    """`meta` of a search page."""

    result_count: int | float | str | None = None


class Page(Struct, gc=False):
    """One page of a search answer. Partial `errors` beside `data` are about what could not be sent along."""

    data: list[ReceivedPost] | None = None
    includes: Includes | None = None
    meta: PageMeta | None = None


class Line(Struct, gc=False):
    """One line of the filtered stream: a post, or a message that has only `errors` (a disconnect notice)."""

    data: ReceivedPost | None = None
    includes: Includes | None = None
    matching_rules: list[Rule] | None = None
    errors: Raw = Raw()
