"""One hour of X's filtered stream in which everything goes wrong, by seed: what `bench.recall` runs its paths on.

The hour is a fixed one of a made-up election. A script's posts, their lags and its faults follow from its seed alone,
so every path meets the same hour. Nothing in the posts was ever written by a person.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from elec_assets.capture.clock import FastClock
from elec_assets.clients.registry_source import load_registry
from elec_assets.domain.registry import Election, Registry
from elec_assets.domain.windows import Grain, Window, epoch_ms, window_at
from elec_assets.operations.sandboxes import scene_of
from elec_assets.sandbox.clock import LinkedClock
from elec_assets.sandbox.serve import start_x
from elec_assets.sandbox.world import World
from elec_assets.sandbox.x_http import XServer
from elec_assets.sandbox.x_stream_faults import faults_from_seed
from elec_assets.sandbox.x_stream_options import StreamOptions

HOUR = window_at(datetime(2027, 2, 3, 12, tzinfo=UTC), Grain.HOUR)
LEAD, TAIL = timedelta(minutes=5), timedelta(minutes=7)
"""The service begins so long before the hour, and is stopped so long after it: when the hour is sealed."""
KEEP_ALIVE_S = 15.0
"""X's 20 s, less 5: what a busy machine delays would else be told as a broken promise of the stream."""
DELETED = 0.02
"""Part of the posts that search does not return, because they were deleted."""
INDEX_LAG_S = 30.0
_REGISTRY = """\
elections:
  xx_recall_2027:
    name: Made-up election 2027
    country: FR
    timezone: Europe/Paris
    languages: [fr, en]
    capture: continuous
    calendar:
      collect_from: 2027-01-04
      collect_until: 2027-03-12
      rounds: [2027-02-21]
      inauguration: 2027-02-28
    trends: {hourly: [], daily: [], weekly: []}
    candidates:
      amartin: {name: Agathe Martin, status: 1, twitter_account: ["@AgatheMartin_T"]}
      bleroux: {name: Béatrice Leroux, status: 1, twitter_account: ["@BLeroux_Test"], terms: ["Léa Énergie"]}
      cnguyen: {name: Cédric Nguyễn, status: 1, twitter_account: ["@CNguyen_Test"]}
      dpetit: {name: Désirée Petit, status: 1, twitter_account: ["@DPetit_Test"], terms: ["Élan2027"]}
"""


@dataclass(frozen=True, slots=True)
class Script:
    """An hour: its seed, how many posts it has in the mean, and how many of its seconds pass in one of the wall."""

    seed: int
    posts: int
    speed: float

    @property
    def begins(self) -> datetime:
        """When a path begins."""
        return HOUR.start - LEAD

    @property
    def ends(self) -> datetime:
        """When it is over."""
        return HOUR.end + TAIL


@dataclass(frozen=True, slots=True)
class Stage:
    """A script that is being played: X, its world, the time, and who is followed."""

    script: Script
    x: XServer
    world: World
    clock: FastClock
    registry: Registry

    @property
    def election(self) -> Election:
        """The only one."""
        [election] = self.registry.elections.values()
        return election


@contextmanager
def played(script: Script, folder: Path) -> Iterator[Stage]:
    """A sandbox of X that plays the script from now on; `folder` gets the registry."""
    path = folder / "candidates.yaml"
    path.write_text(_REGISTRY, encoding="utf-8")
    registry = load_registry(path)
    world = World(scene_of(registry.elections.values(), seed=script.seed, posts_per_hour=script.posts))
    # The world keeps what it has made: making posts is slow, and a fast clock would not wait for it.
    world.posts(script.begins - timedelta(minutes=40), script.ends + timedelta(minutes=5))
    stream = StreamOptions(seed=script.seed, keep_alive_s=KEEP_ALIVE_S, deleted_share=DELETED)
    faults = faults_from_seed(script.seed, HOUR.start, hours=1)
    clock = FastClock(epoch_ms(script.begins), script.speed)
    linked = LinkedClock(clock.now_ms, script.speed)
    with start_x(scene=world, clock=linked, faults=faults, stream=stream, index_lag_s=INDEX_LAG_S) as x:
        yield Stage(script, x, world, clock, registry)


def around(hour: Window) -> Window:
    """The hour with what shows how the outages at its edges began and ended."""
    return Window(hour.start - LEAD / 2, hour.end + timedelta(minutes=3))
