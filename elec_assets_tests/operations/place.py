"""A deployment without Dagster in a temporary folder: registry, store, sandbox of X, and hours sealed in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from elec_assets.clients.hour_sealer import HourSealer, SealedHour
from elec_assets.clients.registry_source import load_registry
from elec_assets.clients.search_fill import SearchFill
from elec_assets.clients.spend_ledger import SpendLedger
from elec_assets.clients.store import Store, open_store
from elec_assets.clients.tweet_archive import TweetArchive
from elec_assets.clients.x_api import XApi
from elec_assets.domain import layout
from elec_assets.domain.prices import FREE
from elec_assets.domain.registry import Election, Registry
from elec_assets.domain.windows import HOUR, Window
from elec_assets.operations.sandboxes import scene_of
from elec_assets.sandbox.serve import start_x
from elec_assets.sandbox.x_api import TOKEN
from elec_assets.sandbox.x_http import XServer
from elec_assets.settings import Settings
from elec_assets_tests.worlds import world_of

NOW = datetime(2026, 2, 16, 12, 30, tzinfo=UTC)
ELECTION = "test_2026"
REGISTRY = f"""\
elections:
  {ELECTION}:
    name: Test election 2026
    country: FR
    timezone: Europe/Paris
    languages: [fr]
    calendar:
      collect_from: 2026-02-11
      collect_until: 2026-03-12
      rounds: [2026-02-22]
      confirmed: true
      inauguration: 2026-03-01
    candidates:
      amartin: {{name: Agathe Martin, status: 1, twitter_account: ["@AgatheMartin_T"]}}
      bleroux: {{name: Béatrice Leroux, status: 1, twitter_account: ["@BLeroux_Test"]}}
"""


def hour(day: int, of_day: int) -> Window:
    """An hour of February 2026."""
    start = datetime(2026, 2, day, of_day, tzinfo=UTC)
    return Window(start, start + HOUR)


@dataclass(frozen=True)
class Place:
    """Its clock stands at NOW."""

    folder: Path
    x: XServer

    @property
    def registry(self) -> Registry:
        return load_registry(self.folder / "candidates.yaml")

    @property
    def election(self) -> Election:
        return self.registry.elections[ELECTION]

    @property
    def store(self) -> Store:
        return open_store((self.folder / "data").as_uri())

    @property
    def archive(self) -> TweetArchive:
        return TweetArchive(self.store, ELECTION)

    def settings(self, **changes: Any) -> Settings:  # noqa: ANN401  # fields of Settings
        """Settings without a token, with X's own address."""
        values = {"registry": str(self.folder / "candidates.yaml"), "store": str(self.folder / "data"), **changes}
        return Settings.model_validate(values)

    def seal(self, *hours: Window, token: str = TOKEN) -> list[SealedHour]:
        api = XApi(
            token=token,
            base_url=self.x.url,
            archive="all",
            timeout_s=10,
            pace_s=0,
            clock=lambda: NOW,
            sleep=lambda _: None,
        )
        store = self.store
        fill = SearchFill(
            store=store,
            api=api,
            ledger=SpendLedger(store, "x_search", 0.0, lambda: NOW),
            prices=FREE,
            clock=lambda: NOW,
        )
        sealer = HourSealer(
            election=self.election,
            registry_version=self.registry.version,
            store=store,
            fill=fill,
            query_limit=1024,
        )
        return [sealer.seal(each) for each in hours]

    def table_path(self, of: Window) -> Path:
        return self.folder / "data" / layout.tweets_hour(ELECTION, of)

    def objects(self) -> dict[str, bytes]:
        root = self.folder / "data"
        return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


@contextmanager
def made_place(folder: Path, registry: str = REGISTRY) -> Iterator[Place]:
    (folder / "candidates.yaml").write_text(registry, encoding="utf-8")
    (folder / "workspace.yaml").write_text("load_from: []\n", encoding="utf-8")
    election = load_registry(folder / "candidates.yaml").elections[ELECTION]
    scene = scene_of([election], seed=3, posts_per_hour=60)
    with start_x(scene=world_of(scene), clock=lambda: NOW + timedelta(seconds=0)) as x:
        yield Place(folder, x)
