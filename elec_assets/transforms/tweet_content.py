"""What a post says: its text, what the text holds besides words, and what came along that completes it."""

import re
from collections.abc import Collection, Iterable
from itertools import chain
from typing import NamedTuple

from elec_assets.domain.matcher import PostText
from elec_assets.transforms.x_objects import Entities, Includes, Media, Place, Post, User

Strings = tuple[str, ...]
NO_USER = User(id="")
"""In place of an author who did not come along."""
_RETWEET_PREFIX = re.compile(r"RT @(\w+): ", re.ASCII)
_ELLIPSIS = "…"
_NO_REFERENCES: dict[str, str] = {}
_WHOLE = True


class SentAlong(NamedTuple):
    """`includes` by id: X leaves some out, and position does not tell which. Of two of one id the last counts."""

    users: dict[str, User]
    posts: dict[str, Post]
    media: dict[str, Media]
    places: dict[str, Place]


def sent_along(includes: Includes, removed: Collection[str]) -> SentAlong:
    """What came along with some posts, without the posts whose ids are `removed`."""
    posts: dict[str, Post] = {post.id: post for post in includes.tweets} if includes.tweets else {}
    if includes.posts:
        posts.update({post.id: post for post in includes.posts})
    for tweet_id in posts.keys() & set(removed) if removed else ():
        del posts[tweet_id]
    return SentAlong(
        {user.id: user for user in includes.users} if includes.users else {},
        posts,
        {medium.media_key: medium for medium in includes.media} if includes.media else {},
        {place.id: place for place in includes.places} if includes.places else {},
    )


def all_ids(along: Collection[SentAlong]) -> Iterable[str]:
    """Ids of users and posts, and those by which posts are looked up: as received, so some may be numbers."""
    users, posts = [sent.users for sent in along if sent.users], [sent.posts for sent in along if sent.posts]
    references = [post.referenced_posts or post.referenced_tweets for each in posts for post in each.values()]
    looked_up = [reference.id for each in references if each for reference in each]
    return chain(chain.from_iterable(users), chain.from_iterable(posts), looked_up)


class Words(NamedTuple):
    """What a text holds besides its words, each in the order of the text."""

    hashtags: Strings = ()
    mentions: Strings = ()
    urls: Strings = ()
    cashtags: Strings = ()


_NO_WORDS = Words()


def _words(entities: Entities | None) -> Words:
    if entities is None:
        return _NO_WORDS
    hashtags, urls, cashtags = entities.hashtags, entities.urls, entities.cashtags
    return Words(
        tuple([tag.tag for tag in hashtags if tag.tag]) if hashtags else (),
        _mentions(entities),
        tuple([link for url in urls if (link := url.unwound_url or url.expanded_url or url.url)]) if urls else (),
        tuple([tag.tag for tag in cashtags if tag.tag]) if cashtags else (),
    )


class Content(NamedTuple):
    """Text of a post with its words, whether it is all of it, and what the matcher reads."""

    text: str
    is_full: bool
    words: Words
    matched: PostText


def references_of(post: Post) -> dict[str, str]:
    """Type of reference -> id; of several of one type the first."""
    if not (post.referenced_tweets or post.referenced_posts):
        return _NO_REFERENCES
    refs: dict[str, str] = {}
    for reference in post.references:
        refs.setdefault(reference.type, reference.id)
    return refs


def content_of(
    post: Post, refs: dict[str, str], retweeted: Post | None, quoted: Post | None, author: User, sent: SentAlong
) -> Content:
    """The text of a post, whole where X sent it whole.

    X cuts a retweet's own text at 140 characters and its entities with it. Where the original came along, text and
    entities are the original's, behind `RT @user: ` as X wrote it (the user may have taken another name since).
    """
    has_note = post.note is not None
    text, entities = (post.full_text, post.full_entities) if has_note else (post.text, post.entities)
    if "retweeted" not in refs:
        words = _words(entities)
        quoted_text = None if quoted is None else quoted.full_text
        matched = PostText(text, words.urls, words.mentions, author.username, quoted_text)
        return Content(text, _WHOLE, words, matched)
    prefix = _RETWEET_PREFIX.match(text)
    is_full = has_note or not text.endswith(_ELLIPSIS)
    if retweeted is None:
        words = _words(entities)
        bare = text[prefix.end() :] if prefix else text
        mentions = (prefix[1], *words.mentions) if prefix else words.mentions
        return Content(text, is_full, words, PostText(bare, words.urls, mentions, author.username))
    original = _words(retweeted.full_entities)
    full_text = retweeted.full_text
    username = prefix[1] if prefix else _username(retweeted, sent)
    if username is not None:
        original = Words(original.hashtags, (username, *original.mentions), original.urls, original.cashtags)
    mentions = (*_mentions(entities), *original.mentions)
    matched = PostText(full_text, original.urls, mentions, author.username, _quoted_text(retweeted, sent))
    if has_note or username is None:
        return Content(text, is_full, _words(entities), matched)
    return Content(f"RT @{username}: {full_text}", _WHOLE, original, matched)


def _mentions(entities: Entities | None) -> Strings:
    if entities is None or not entities.mentions:
        return ()
    return tuple([mention.username for mention in entities.mentions if mention.username])


def _quoted_text(post: Post, sent: SentAlong) -> str | None:
    """Text of the post that this one quotes, where it came along."""
    for reference in post.references:
        if reference.type == "quoted":
            quoted = sent.posts.get(reference.id)
            return None if quoted is None else quoted.full_text
    return None


def _username(post: Post, sent: SentAlong) -> str | None:
    return sent.users.get(post.author_id or "", NO_USER).username
