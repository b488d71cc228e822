"""The input of the benchmarks: one ISO week of X's filtered stream, made from a seed, in 5-minute batch files.

Lines are as X API v2 sends them (`data`, `includes`, `matching_rules`; 3 kB in the mean), ids are real snowflakes of
the week, times have a day and a night and one busy evening. About half the posts are retweets, as in recordings.
4.7 % of the posts are delivered again in the same or the next batch, a fifth of those with other counts; 5 % of the
posts referred to are not sent along. Nothing in them was ever written by a person.
"""

import json
import math
import random
import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from zlib_ng import zlib_ng

from bench.kept import made
from bench.people import User, annotations, medium, places, users
from bench.words import Text, Words
from elec_assets.clients.registry_source import load_registry
from elec_assets.domain.registry import Election
from elec_assets.domain.windows import X_EPOCH_MS, Grain, Window, epoch_ms, split, window_at

ELECTION = "fr_presidential_2022"
WEEK = window_at(datetime(2022, 1, 12, tzinfo=UTC), Grain.WEEK)
HOURS, SLOTS_OF_HOUR = 168, 12
SLOT_MS = 300_000
AGAIN, AGAIN_CHANGED = 0.047, 0.2
VERSION = 1
"""Raised when the same seed gives other lines: older folders are left alone."""

_REGISTRY = Path(__file__).parents[1] / "candidates.yaml"
_USERS = 8_000
_RECENT = 2_000  # posts that others refer to: the newest so many
_NOT_SENT_ALONG = 0.05
_LEVEL, _GZIP_WBITS = 3, 31


def election() -> Election:
    """The election that the posts are about."""
    return load_registry(_REGISTRY).elections[ELECTION]


@dataclass(frozen=True, slots=True)
class Corpus:
    """A written week: `size` posts in its first `hours` hours, `lines` of them with those delivered again."""

    seed: int
    size: int
    hours: int
    lines: int
    plain_bytes: int

    @property
    def windows(self) -> list[Window]:
        """The hours."""
        return split(WEEK, Grain.HOUR)[: self.hours]

    @property
    def slots(self) -> range:
        """The slots, one batch file each: see `slot_path`."""
        return range(self.hours * SLOTS_OF_HOUR)

    def slots_of(self, hour: Window) -> range:
        """The slots whose batches may hold posts of an hour: its own twelve, and the one after where there is one."""
        first = (epoch_ms(hour.start) - epoch_ms(WEEK.start)) // SLOT_MS
        return range(first, min(first + SLOTS_OF_HOUR + 1, len(self.slots)))


class _Kept(NamedTuple):
    """A post that others may refer to."""

    id: str
    author: User
    said: Text
    json: str
    media: tuple[str, str] | None


class _Post(NamedTuple):
    """A line, in three parts: before, the counts, after."""

    head: str
    counts: str
    tail: str


def slot_path(folder: Path, slot: int) -> Path:
    """The batch file of a slot, counted from the start of the week; sorted names are in order of time."""
    return folder / f"{slot_start(slot):%Y%m%d_%H%M}_bench.jsonl.gz"


def slot_start(slot: int) -> datetime:
    """When a slot begins."""
    return WEEK.start + timedelta(milliseconds=slot * SLOT_MS)


def prepare(root: Path, seed: int, size: int, hours: int = HOURS) -> Path:
    """The folder of the batch files of so many posts; made unless it is there."""
    folder = root / f"posts-{VERSION}-{seed}-{size}-{hours}"
    if not folder.exists():
        with made(folder) as making:
            _write(making, seed, size, hours)
    return folder


def _write(folder: Path, seed: int, size: int, hours: int) -> None:
    lines = total = 0
    for slot, batch in enumerate(batches(seed, size, hours)):
        body = "".join(batch).encode()
        lines, total = lines + len(batch), total + len(body)
        slot_path(folder, slot).write_bytes(zlib_ng.compress(body, _LEVEL, _GZIP_WBITS))
    about = asdict(Corpus(seed, size, hours, lines, total))
    (folder / "corpus.json").write_text(json.dumps(about), encoding="utf-8")


def corpus(folder: Path) -> Corpus:
    """What a folder of `prepare` holds."""
    return Corpus(**json.loads((folder / "corpus.json").read_text(encoding="utf-8")))


def batches(seed: int, size: int, hours: int = HOURS) -> Iterator[list[str]]:
    """The lines of each slot, in the order received."""
    stream = _Stream(seed, election())
    late: list[tuple[int, int, str]] = []
    number = 0
    counts = _counts(size, hours * SLOTS_OF_HOUR)
    for slot, count in enumerate(counts):
        received, late = late, []
        past = (slot + 1) * SLOT_MS if slot + 1 < len(counts) else sys.maxsize
        for moment, line in stream.slot(slot, count):
            number += 1
            (received if moment < past else late).append((moment, number, line))
        yield [line for _, _, line in sorted(received)]


def _counts(size: int, slots: int) -> list[int]:
    """Posts of each slot: most at 16 h UTC, fewest at 4 h, and a debate on Thursday from 20 to 22 h."""
    weights = [1 + 0.85 * math.sin((slot % 288) / 288 * 2 * math.pi - math.pi * 5 / 6) for slot in range(slots)]
    debate = range(3 * 288 + 240, 3 * 288 + 264)
    weights = [weight * (4 if slot in debate else 1) for slot, weight in enumerate(weights)]
    total, before, counts = sum(weights), 0.0, []
    for weight in weights:
        counts.append(round((before + weight) / total * size) - round(before / total * size))
        before += weight
    return counts


class _Stream:
    """Makes the posts of a seed, in order of time."""

    def __init__(self, seed: int, about: Election) -> None:
        self._rng = random.Random(seed)  # noqa: S311 - must repeat, keeps no secret
        self._draw = self._rng.random
        candidates = about.as_of(WEEK.start)
        self._words = Words(self._rng, candidates)
        self._users = users(self._rng, self._words, _USERS)
        self._places = places(self._rng)
        self._annotations = annotations(self._rng, candidates)
        self._rules = {c.key: f'{{"id":"14{i:02d}368517","tag":"{c.key}"}}' for i, c in enumerate(candidates)}
        self._recent: deque[_Kept] = deque(maxlen=_RECENT)
        for i in range(200):  # of the day before, so that the first posts have something to refer to
            self._write((epoch_ms(WEEK.start) - 86_400_000 + i * 400_000 - X_EPOCH_MS) << 22, "", None)

    def slot(self, slot: int, count: int) -> Iterator[tuple[int, str]]:
        """Lines of the posts made in a slot, each with its receive time (ms since the week began)."""
        start = slot * SLOT_MS
        for index, offset in enumerate(sorted([int(self._draw() * SLOT_MS) for _ in range(count)])):
            moment = start + offset
            created = epoch_ms(WEEK.start) + moment
            post = self._post((created - X_EPOCH_MS) << 22 | int(self._draw() * 32) << 12 | index & 4095)
            received = moment + 1000 + int(self._draw() * 6000)
            yield received, "".join(post)
            if self._draw() < AGAIN:
                changed = post._replace(counts=self._metrics(9)) if self._draw() < AGAIN_CHANGED else post
                yield received + int(self._draw() * (SLOT_MS - 10_000)), "".join(changed)

    def _post(self, number: int) -> _Post:
        kind = self._draw()
        target = self._recent[int(self._draw() * len(self._recent))]
        if kind < 0.5:
            return self._retweet(number, target)
        if kind < 0.7:
            return self._write(number, "replied_to", target)
        return self._write(number, "quoted", target) if kind < 0.78 else self._write(number, "", None)

    def _retweet(self, number: int, target: _Kept) -> _Post:
        text = target.said.text
        cut = text if len(text) < 120 else text[:119].rstrip("\\") + "…"
        said = Text(f"RT @{target.author.username}: {cut}", target.said.entities, target.said.named)
        return self._line(number, self._user(), said, "retweeted", target)[0]

    def _write(self, number: int, reference: str, target: _Kept | None) -> _Post:
        author, said = self._user(), self._words.text()
        media = medium(self._rng) if self._draw() < 0.2 else None
        post, data = self._line(number, author, said, reference, target, media)
        self._recent.append(_Kept(str(number), author, said, data, media))
        return post

    def _line(
        self,
        number: int,
        author: User,
        said: Text,
        reference: str,
        target: _Kept | None,
        media: tuple[str, str] | None = None,
    ) -> tuple[_Post, str]:
        """The line, and its `data` alone."""
        place = self._places[int(self._draw() * len(self._places))] if self._draw() < 0.02 else None
        if reference == "retweeted" and target is not None:
            media = target.media
        before, after = self._data(number, author, said, reference, target, media, place)
        counts = self._metrics(3)
        tail = f"{after},{self._includes(author, target, media, place)},{self._matched(said, target)}}}\r\n"
        return _Post(f'{{"data":{before}', counts, tail), f"{before}{counts}{after}"

    def _data(
        self,
        number: int,
        author: User,
        said: Text,
        reference: str,
        target: _Kept | None,
        media: tuple[str, str] | None,
        place: tuple[str, str] | None,
    ) -> tuple[str, str]:
        """`data` before and after its counts."""
        moment = datetime.fromtimestamp(((number >> 22) + X_EPOCH_MS) // 1000, UTC).replace(tzinfo=None).isoformat()
        text, extra = said.text, ""
        if said.is_long:
            text = text[:270].rstrip("\\") + "…"
            extra = f'"note_tweet":{{"text":"{said.text}","entities":{said.entities}}},'
        if media is not None:
            extra += f'"attachments":{{"media_keys":["{media[0]}"]}},'
        if place is not None:
            extra += f'"geo":{{"place_id":"{place[0]}"}},'
        conversation = str(number)
        if target is not None:
            extra += f'"referenced_tweets":[{{"type":"{reference}","id":"{target.id}"}}],'
            if reference == "replied_to":
                conversation = target.id
                extra += f'"in_reply_to_user_id":"{target.author.id}",'
        if self._draw() < 0.001:
            extra += '"withheld":{"copyright":false,"country_codes":["DE"]},'
        versions = f'"{number}"' if self._draw() > 0.01 else f'"{number - (60_000 << 22)}","{number}"'
        about = ",".join([self._annotations[key] for key in said.named]) if self._draw() < 0.5 else ""
        return (
            f'{{"author_id":"{author.id}","context_annotations":[{about}],"conversation_id":"{conversation}",'
            f'"created_at":"{moment}.000Z","edit_controls":{{"edits_remaining":5,"is_edit_eligible":true,'
            f'"editable_until":"{moment}.000Z"}},"edit_history_tweet_ids":[{versions}],"entities":{said.entities},'
            f'"id":"{number}","lang":"fr",{extra}"possibly_sensitive":false,"public_metrics":',
            f',"reply_settings":"everyone","text":"{text}"}}',
        )

    def _includes(
        self, author: User, target: _Kept | None, media: tuple[str, str] | None, place: tuple[str, str] | None
    ) -> str:
        people, posts = author.json, ""
        if target is not None:
            people = f"{people},{target.author.json}"
            posts = target.json if self._draw() > _NOT_SENT_ALONG else ""
        more = f',"tweets":[{posts}]' if posts else ""
        more += f',"media":[{media[1]}]' if media is not None else ""
        more += f',"places":[{place[1]}]' if place is not None else ""
        return f'"includes":{{"users":[{people}]{more}}}'

    def _matched(self, said: Text, target: _Kept | None) -> str:
        keys = said.named or (target.said.named if target is not None else ())
        return f'"matching_rules":[{",".join([self._rules[key] for key in dict.fromkeys(keys)])}]'

    def _metrics(self, most: int) -> str:
        draw = self._draw
        return (
            f'{{"retweet_count":{int(draw() * most)},"reply_count":{int(draw() * most)},'
            f'"like_count":{int(draw() * most)},"quote_count":0,"bookmark_count":0,'
            f'"impression_count":{int(draw() * most * 40)}}}'
        )

    def _user(self) -> User:
        return self._users[int(self._draw() ** 3 * _USERS)]
