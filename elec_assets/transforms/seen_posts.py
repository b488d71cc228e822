"""Of posts as X sent them, only what decides whether they may be kept: ids, authors, references, what they point to.

Everything else is passed over, whatever it is. A post whose ids are no numbers counts as unreadable.
"""

import msgspec

UNREADABLE = (ValueError, RecursionError)
"""What decoding raises: msgspec's errors are ValueErrors; RecursionError is for text nested without end."""
COPIES = ("tweets", "posts")
"""Where copies of posts are sent along, in either spelling of X."""

Id = str | int | None


class Reference(msgspec.Struct):
    """Another post: `type` is retweeted, quoted or replied_to."""

    type: str = ""
    id: Id = None


class Attachments(msgspec.Struct):
    """Keys of attached media and polls."""

    media_keys: list[str] | None = None
    poll_ids: list[str] | None = None


class Geo(msgspec.Struct):
    """Place tagged in a post."""

    place_id: str | None = None


class SeenPost(msgspec.Struct):
    """Of a post, as `data` or sent along, what decides whether it stays."""

    id: Id = None
    author_id: Id = None
    in_reply_to_user_id: Id = None
    referenced_tweets: list[Reference] | None = None
    referenced_posts: list[Reference] | None = None
    attachments: Attachments | None = None
    geo: Geo | None = None

    def __post_init__(self) -> None:
        """Refuse ids that are no numbers: such a post counts as unreadable."""
        for x_id in (self.id, self.author_id, *(reference.id for reference in self.references)):
            if x_id is not None:
                int(x_id)

    @property
    def references(self) -> list[Reference]:
        """The posts that it answers, quotes or repeats."""
        return [*(self.referenced_tweets or ()), *(self.referenced_posts or ())]

    @property
    def retweeted(self) -> list[Id]:
        """The posts whose text it repeats."""
        return [reference.id for reference in self.references if reference.type == "retweeted"]


class SeenUser(msgspec.Struct):
    """Of a profile, what decides whether it stays."""

    id: Id = None
    username: str | None = None

    def __post_init__(self) -> None:
        """Refuse an id that is no number."""
        if self.id is not None:
            int(self.id)


class SeenIncludes(msgspec.Struct):
    """What was sent along."""

    users: list[SeenUser] | None = None
    tweets: list[SeenPost] | None = None
    posts: list[SeenPost] | None = None

    @property
    def copies(self) -> list[SeenPost]:
        """The posts among it."""
        return [*(self.tweets or ()), *(self.posts or ())]


class SeenLine(msgspec.Struct):
    """A line of the stream."""

    data: SeenPost | None = None
    includes: SeenIncludes | None = None

    @property
    def posts(self) -> list[SeenPost]:
        """Its post."""
        return [] if self.data is None else [self.data]


class SeenPage(msgspec.Struct):
    """A page of a search."""

    data: list[SeenPost] | None = None
    includes: SeenIncludes | None = None

    @property
    def posts(self) -> list[SeenPost]:
        """Its posts."""
        return self.data or []


LINE, PAGE = msgspec.json.Decoder(SeenLine), msgspec.json.Decoder(SeenPage)
_POST = msgspec.json.Decoder(SeenPost)


def post_in(raw: bytes) -> SeenPost | None:
    """The post that a text is; None where it cannot be read."""
    try:
        return _POST.decode(raw)
    except UNREADABLE:
        return None
