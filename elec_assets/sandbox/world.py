"""A seeded world of posts: the same seed and time give the same posts, whatever range is asked for, in any order.

Time is cut into slots of 5 minutes. A slot's *base* posts (originals) depend on the seed and the slot alone; its
retweets, replies and quotes refer to base posts of the half hour before, its edits to base posts of the 25 minutes
before. So no slot needs more than a handful of others, and every reference is to a post that search can find,
save for the *ghosts*: originals that were deleted, as real ones are.
"""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from math import log
from zoneinfo import ZoneInfo

from elec_assets.domain.windows import X_EPOCH_MS, epoch_ms, from_epoch_ms
from elec_assets.sandbox import posts, texts
from elec_assets.sandbox.posts import Draft, Json

SLOT_MS = 300_000
DECADES = 3
_PARIS = ZoneInfo("Europe/Paris")
# Weight of each local hour: quiet nights, a noon hump, the evening peak of French politics; their mean is 1.
_HOURS = (5, 3, 2, 1, 1, 2, 5, 9, 12, 12, 11, 11, 14, 13, 11, 10, 11, 13, 16, 21, 27, 26, 18, 10)
_MEAN = sum(_HOURS) / len(_HOURS)
_BASE_SHARE = 0.4
_NOISE_SHARE = 0.08
_REFERENCE_SLOTS = 6
_EDIT_SLOTS = 5
_CACHED_POSTS = 20_000
_PLACE = {
    "id": "5ynth0000000001",
    "full_name": "Ville d'essai, Essai",
    "name": "Ville d'essai",
    "country": "France",
    "country_code": "FR",
    "place_type": "city",
    "geo": {"type": "Feature", "bbox": [2.0, 48.0, 2.1, 48.1], "properties": {}},
}


@dataclass(frozen=True, slots=True)
class Person:
    """Someone whom posts name: by name, by accounts (handles without `@`) or by terms."""

    key: str
    name: str
    accounts: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Burst:
    """A time `[start, end)` in UTC, such as a debate, when `factor` times as much is posted."""

    start: datetime
    end: datetime
    factor: float


@dataclass(frozen=True, slots=True)
class Scene:
    """What a world is made from. `posts_per_hour` is the mean over a day of all posts, retweets and noise included."""

    seed: int
    people: tuple[Person, ...]
    posts_per_hour: float = 200.0
    bursts: tuple[Burst, ...] = ()


class World:
    """The posts of a scene, from 2010 on; also the look-ups that `includes` needs. Do not change what it returns."""

    retweets_in_search = False

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self._weights = list(itertools.accumulate(self._volumes()))
        self._ids = {
            **{posts.username(i): posts.author_id(i) for i in range(posts.AUTHORS)},
            **{a.lower(): posts.account_id(a) for p in scene.people for a in p.accounts},
        }
        self._accounts = {posts.account_id(a): a for p in scene.people for a in p.accounts}
        slots = max(16, min(256, int(_CACHED_POSTS / max(1.0, scene.posts_per_hour / 12))))
        self._base = lru_cache(maxsize=slots)(self._make_base)
        self._slot = lru_cache(maxsize=slots)(self._make_slot)

    def posts(self, start: datetime, end: datetime) -> list[Json]:
        """All posts made in `[start, end)`, by id ascending, with every field."""
        since = (epoch_ms(start) - X_EPOCH_MS << 22) - 1
        found = list(self.newest_first(since, epoch_ms(end) - X_EPOCH_MS << 22))
        return found[::-1]

    def newest_first(self, since_id: int, until_id: int) -> Iterator[Json]:
        """All posts with since_id < id < until_id, newest first; slots are made as they are reached."""
        first, last = _slot_of(max(0, since_id)), _slot_of(max(0, until_id - 1))
        for slot in range(last, first - 1, -1):
            for tweet_id, post in reversed(self._slot(slot).items()):
                if since_id < tweet_id < until_id:
                    yield post

    def find(self, kind: str, key: str) -> Json | None:
        """Look-up for `includes`; None for what X would not send: ghosts, and one author in 170."""
        if kind == "tweets":
            return self._find_post(int(key))
        if kind == "users":
            return self._find_user(key)
        if kind == "usernames":
            known = self._ids.get(key.lower())
            return self._find_user(known) if known else None
        if kind == "places":
            return _PLACE if key == _PLACE["id"] else None
        return _medium(key) if kind == "media" else None

    def _find_post(self, tweet_id: int) -> Json | None:
        slot, kind = _slot_of(tweet_id), posts.kind_of(tweet_id)
        if kind == posts.GHOST:
            # In no slot: making one of up to a day before, only to find that, took 11 ms a post at 20,000 an hour.
            return None
        return (self._base if kind == posts.BASE else self._slot)(slot).get(tweet_id)

    def _find_user(self, user_id: str) -> Json | None:
        index = posts.author_index(user_id)
        if index is not None:
            return None if index % 170 == 7 else posts.author(index)
        return posts.account(self._accounts[user_id]) if user_id in self._accounts else None

    def _volumes(self) -> list[float]:
        """Zipf weights by seeded rank, so steep that the last has a thousandth of the first."""
        count = len(self.scene.people)
        ranks = list(range(1, count + 1))
        _rng(self.scene.seed, "ranks").shuffle(ranks)
        return [10 ** (-DECADES * _log(rank, count)) for rank in ranks]

    def _expected(self, slot: int) -> float:
        moment = from_epoch_ms(slot * SLOT_MS)
        rate = self.scene.posts_per_hour / 12 * _HOURS[moment.astimezone(_PARIS).hour] / _MEAN
        for burst in self.scene.bursts:
            if burst.start <= moment < burst.end:
                rate *= burst.factor
        return rate

    def _make_base(self, slot: int) -> dict[int, Json]:
        rng = _rng(self.scene.seed, f"base {slot}")
        made = {}
        for number, created in enumerate(_times(rng, slot, self._expected(slot) * _BASE_SHARE)):
            tweet_id = posts.snowflake(created, posts.BASE, number)
            made[tweet_id] = self._original(rng, tweet_id, slot, number)
        return made

    def _make_slot(self, slot: int) -> dict[int, Json]:
        made = dict(self._base(slot))
        made.update((int(p["id"]), p) for p in self._derived(slot))
        made.update((int(p["id"]), p) for p in self._edits(slot))
        return dict(sorted(made.items()))

    def _original(self, rng: random.Random, tweet_id: int, slot: int, number: int) -> Json:
        draft = self._draft(rng, number)
        history = _planned_edits(rng, tweet_id, slot, number) if len(draft.text) <= posts.SHORT_LENGTH else []
        post = posts.skeleton(tweet_id, _author(rng), _metrics(rng), [tweet_id, *history])
        posts.set_text(post, draft, self._ids)
        _decorate(rng, post)
        return post

    def _draft(self, rng: random.Random, number: int) -> Draft:
        if not self.scene.people or rng.random() < _NOISE_SHARE:
            return texts.noise(rng, number)
        person = rng.choices(self.scene.people, cum_weights=self._weights)[0]
        who = texts.name_of(rng, person.name, person.accounts, person.terms)
        if rng.random() < 0.06:
            other = rng.choices(self.scene.people, cum_weights=self._weights)[0]
            who += " et " + texts.name_of(rng, other.name, other.accounts, other.terms)
        return texts.naming(rng, who, person.name, number)

    def _derived(self, slot: int) -> Iterator[Json]:
        rng = _rng(self.scene.seed, f"derived {slot}")
        pool = [p for s in range(slot - _REFERENCE_SLOTS, slot) for p in self._base(s).values()]
        for number, created in enumerate(_times(rng, slot, self._expected(slot) * (1 - _BASE_SHARE))):
            tweet_id = posts.snowflake(created, posts.DERIVED, number)
            if not pool or rng.random() < 0.05:
                ghost_id = posts.snowflake(created - rng.randrange(60_000, 86_400_000), posts.GHOST, number)
                target = self._original(rng, ghost_id, _slot_of(ghost_id), number)
            else:
                target = rng.choice(pool)
            yield self._refer(rng, tweet_id, target, number)

    def _refer(self, rng: random.Random, tweet_id: int, target: Json, number: int) -> Json:
        """A retweet, reply, quote, or (rarely) a quote inside a reply, of the target."""
        post = posts.skeleton(tweet_id, _author(rng), _metrics(rng))
        handle = posts.username(posts.author_index(target["author_id"]) or 0)
        draw = rng.random()
        if draw < 0.64:
            return self._retweet(post, target, handle)
        draft = texts.noise(rng, number) if rng.random() < 0.5 else self._draft(rng, number)
        types = []
        if draw < 0.91:
            types.append("replied_to")
            draft = Draft(f"@{handle} {draft.text}", draft.lang, draft.links)
            post["in_reply_to_user_id"] = target["author_id"]
            post["conversation_id"] = target["conversation_id"]
        if draw >= 0.90:
            types.append("quoted")
            link = f"https://t.co/q{int(target['id']) % 10**9:09d}"
            address = f"https://twitter.com/{handle}/status/{target['id']}"
            draft = Draft(f"{draft.text} {link}", draft.lang, {**draft.links, link: address})
        post["referenced_tweets"] = [{"type": t, "id": target["id"]} for t in types]
        posts.set_text(post, draft, self._ids)
        return post

    def _retweet(self, post: Json, target: Json, handle: str) -> Json:
        urls = target.get("entities", {}).get("urls", [])
        text = posts.retweet_text(handle, posts.full_text(target))
        posts.set_text(post, Draft(text, target["lang"], {u["url"]: u["expanded_url"] for u in urls}), self._ids)
        post["referenced_tweets"] = [{"type": "retweeted", "id": target["id"]}]
        return post

    def _edits(self, slot: int) -> Iterator[Json]:
        for earlier in range(slot - _EDIT_SLOTS, slot + 1):
            for root in self._base(earlier).values():
                for version, edit in enumerate(root["edit_history_tweet_ids"][1:], start=2):
                    if _slot_of(int(edit)) == slot:
                        yield self._edit(root, int(edit), version)

    def _edit(self, root: Json, tweet_id: int, version: int) -> Json:
        history = [int(i) for i in root["edit_history_tweet_ids"]]
        post = {**root, **posts.skeleton(tweet_id, 0, (0, 0, 0, 0), history), "author_id": root["author_id"]}
        post.pop("entities", None)
        urls = root.get("entities", {}).get("urls", [])
        text = f"{root['text']} (version {version})"
        posts.set_text(post, Draft(text, root["lang"], {u["url"]: u["expanded_url"] for u in urls}), self._ids)
        return post


def _rng(seed: int, what: str) -> random.Random:
    # Seeded by text: the same on every machine and Python version.
    return random.Random(f"{seed} {what}")  # noqa: S311 - must repeat, keeps no secret


def _log(rank: int, count: int) -> float:
    """Rank on a log scale from 0 (first) to 1 (last)."""
    return log(rank) / log(count) if count > 1 else 0.0


def _slot_of(tweet_id: int) -> int:
    return ((tweet_id >> 22) + X_EPOCH_MS) // SLOT_MS


def _times(rng: random.Random, slot: int, expected: float) -> list[int]:
    count = int(expected * rng.uniform(0.85, 1.15) + rng.random())
    return sorted(slot * SLOT_MS + rng.randrange(SLOT_MS) for _ in range(count))


def _author(rng: random.Random) -> int:
    return int(posts.AUTHORS * rng.random() ** 2)


def _metrics(rng: random.Random) -> tuple[int, int, int, int]:
    likes = int(2 ** (rng.random() * 8)) - 1
    return likes // 3, likes // 5, likes, likes // 11


def _planned_edits(rng: random.Random, tweet_id: int, slot: int, number: int) -> list[int]:
    """Ids of the later versions of a post: none for most, one or two within 24 minutes."""
    if rng.random() >= 0.015:
        return []
    times = sorted(rng.randrange(20_000, 24 * 60_000) for _ in range(rng.choice((1, 1, 2))))
    created = (tweet_id >> 22) + X_EPOCH_MS
    # Two slots' edits may meet in one millisecond: three bits of the slot keep their numbers apart.
    unique = (slot % 8) << 17 | number % 2**17
    return [posts.snowflake(created + t + i, posts.EDIT, unique) for i, t in enumerate(times)]


def _decorate(rng: random.Random, post: Json) -> None:
    """Media, place, withholding, sensitivity: each on a few posts."""
    draw = rng.random()
    if draw < 0.08:
        post["attachments"] = {"media_keys": [f"3_{post['id']}"]}
    elif draw < 0.085:
        post["geo"] = {"place_id": _PLACE["id"]}
    elif draw < 0.09:
        post["withheld"] = {"copyright": False, "country_codes": ["XX"], "scope": "tweet"}
    elif draw < 0.10:
        post["possibly_sensitive"] = True


def _medium(key: str) -> Json | None:
    if not key.startswith("3_"):
        return None
    address = f"https://example.org/synthetique/{key}.jpg"
    return {"media_key": key, "type": "photo", "url": address, "width": 800, "height": 600, "alt_text": "Image d'essai"}
