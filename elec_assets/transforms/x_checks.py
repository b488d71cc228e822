"""Settles what `x_objects` decodes loosely: ids become decimal strings, counts whole numbers, or the part is refused.

msgspec could do it while decoding (a pattern for each id, a hook for each object with counts), but then it takes as
long as all the rest of decoding (8 of 18 us a line, 2026-11-21). So a document is decoded loosely, its rows are
checked together (`are_ids`, `are_counts`), and only one that fails is settled part by part.
"""

from collections.abc import Iterable

from elec_assets.transforms.x_objects import (
    Includes,
    Post,
    PostMetrics,
    ReceivedPost,
    Reference,
    User,
    UserMetrics,
    as_count,
)

_INT_OR_NULL = {int, type(None)}


def are_ids(values: Iterable[object]) -> bool:
    """Whether all are strings of digits; their lengths were checked while decoding."""
    try:
        digits = "".join(values)  # type: ignore[arg-type]  # one that came as a number is what is looked for
    except TypeError:
        return False
    return digits.isascii() and (digits.isdecimal() or not digits)


def are_counts(values: Iterable[object]) -> bool:
    """Whether all are integers or null."""
    return set(map(type, values)) <= _INT_OR_NULL


def settle_received(post: ReceivedPost) -> ReceivedPost:
    """The post, its ids and counts settled in place.

    Raises:
        ValueError: an id or a count is none.
    """
    _settle_ids(post, "conversation_id", "in_reply_to_user_id")
    for edits in (post.edit_history_tweet_ids, post.edit_history_post_ids):
        if edits is not None:
            edits[:] = [_as_id(value) for value in edits]
    if post.public_metrics is not None:
        _settle_counts(post.public_metrics)
    settle_post(post)
    return post


def settle_post(post: Post) -> Post:
    """A post sent along, its ids settled in place.

    Raises:
        ValueError: an id is none.
    """
    _settle_ids(post, "id", "author_id")
    for references in (post.referenced_tweets, post.referenced_posts):
        for reference in references or ():
            _settle_ids(reference, "id")
    return post


def settle_user(user: User) -> User:
    """An author sent along, its id and counts settled in place.

    Raises:
        ValueError: the id or a count is none.
    """
    _settle_ids(user, "id")
    if user.public_metrics is not None:
        _settle_counts(user.public_metrics)
    return user


def settle_includes(includes: Includes) -> Includes:
    """All that was sent along, settled in place.

    Raises:
        ValueError: an id or a count is none.
    """
    for user in includes.users or ():
        settle_user(user)
    for post in (*(includes.tweets or ()), *(includes.posts or ())):
        settle_post(post)
    return includes


def _settle_ids(part: Post | User | Reference, *names: str) -> None:
    for name in names:
        value = getattr(part, name)
        if value is not None:
            setattr(part, name, _as_id(value))


def _as_id(value: object) -> str:
    digits = str(value)
    if not (digits.isdecimal() and digits.isascii()):
        raise ValueError(f"id {value!r} is no decimal number of at most 19 digits")
    return digits


def _settle_counts(counts: PostMetrics | UserMetrics) -> None:
    for name in counts.__struct_fields__:
        setattr(counts, name, as_count(getattr(counts, name)))
