"""A store with an hour of live capture and search, its table and weekly files, and compliance over it."""

import io
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from elec_assets.capture.batches import ElectionBatch
from elec_assets.clients.compliance import Complied, Complier
from elec_assets.clients.store import Store, open_store
from elec_assets.clients.tweet_archive import TweetArchive
from elec_assets.clients.weekly_archive import WeeklyArchive
from elec_assets.clients.x_compliance import XCompliance
from elec_assets.domain.tables import TWEETS, VOLUME
from elec_assets.domain.windows import Grain, split, window_at
from elec_assets.sandbox.posts import Json
from elec_assets.sandbox.x_api import TOKEN
from elec_assets.sandbox.x_http import XServer
from elec_assets.transforms.gzips import unpacked
from elec_assets.transforms.volume import hour_volume
from elec_assets_tests.clients.captured import upload
from elec_assets_tests.clients.hours import HOUR, Clock, election, objects, sealer, search_fill

WEEK = window_at(HOUR.start, Grain.WEEK)
KEY = "xx_2027"
TABLE = f"{KEY}/data/tables/twitter/20270201/18.parquet"
COMPLIANCE = f"{KEY}/data/compliance/twitter/20270201/"


def filled(store: Store, batches: Iterable[ElectionBatch], server: XServer, clock: Clock) -> None:
    """Upload batches, seal the hour with what search finds beside them, build the week."""
    upload(store, batches)
    sealed = sealer(store, search_fill(store, server, clock)).seal(HOUR)
    assert sealed.stored
    build(store)


def build(store: Store) -> None:
    """The weekly files, as their assets build them."""
    archive, hours = TweetArchive(store, KEY), split(WEEK, Grain.HOUR)
    frames = (frame for hour in hours for frame in archive.rows(hour))
    WeeklyArchive(store, KEY, "twitter", TWEETS).write(WEEK, frames)
    counted = (hour_volume(election(), hour, archive.frame(hour), archive.coverage(hour)) for hour in hours)
    WeeklyArchive(store, KEY, VOLUME.name, VOLUME).write(WEEK, counted)


@contextmanager
def asking(url: str, clock: Clock) -> Iterator[XCompliance]:
    """A client of compliance whose waits move the clock."""

    def seconds() -> float:
        return clock.now.timestamp()

    made = XCompliance(token=TOKEN, base_url=url, timeout_s=10.0, sleep=clock.sleep, now=seconds)
    with closing(made) as x:
        yield x


def complier(store: Store, x: XCompliance | None, say: Callable[[str], object] = str, **changes: Any) -> Complier:  # noqa: ANN401 - arguments of Complier
    given = {"store": store, "election": election(), "registry_version": "0123456789ab", "query_limit": 1024}
    return Complier(**{**given, "x": x, "say": say, **changes})


def complied(store: Store, url: str, clock: Clock, **changes: Any) -> Complied:  # noqa: ANN401 - arguments of Complier
    """One run."""
    with asking(url, clock) as x:
        return complier(store, x, **changes).run(clock.now)


def readable(store: Store, prefix: str = f"{KEY}/") -> dict[str, str]:
    """What a person could read in each object, unpacked."""
    return {key: _text(key, data) for key, data in objects(store, prefix).items()}


def _text(key: str, data: bytes) -> str:
    if key.endswith(".parquet"):
        return json.dumps(pl.read_parquet(io.BytesIO(data)).to_dicts(), default=str, ensure_ascii=False)
    return unpacked(data).decode(errors="replace") if key.endswith(".gz") else data.decode(errors="replace")


def holding(store: Store, *texts: str) -> list[str]:
    """The objects in which one of these texts can be read, as JSON or as it is."""
    forms = {form for t in texts for form in (t, json.dumps(t)[1:-1], json.dumps(t, ensure_ascii=False)[1:-1])}
    return [key for key, read in readable(store).items() if any(form in read for form in forms)]


def final(store: Store) -> dict[str, bytes]:
    """Every object but what may be there or not: what is known of raw objects is made again when it is wanted."""
    return {key: data for key, data in objects(store).items() if not key.endswith("held.gz")}


def originals_with(posts: Iterable[Json], kind: str) -> list[str]:
    """Ids of the posts that others among these refer to in this way."""
    refs = [reference for post in posts for reference in post.get("referenced_tweets", [])]
    known = {post["id"] for post in posts}
    return sorted({r["id"] for r in refs if r["type"] == kind and r["id"] in known})


def comply_process(folder: Path, url: str, number: int) -> None:
    """One run in a process of its own, until it is killed."""
    clock = Clock(HOUR.end)
    complied(open_store((folder / "store").as_uri()), url, clock)
    (folder / "complied.txt").write_text(str(number))
