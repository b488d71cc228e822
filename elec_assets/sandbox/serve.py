"""Start the sandbox's servers. Only 127.0.0.1 is ever bound."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path

from elec_assets.sandbox.clock import utc_now
from elec_assets.sandbox.faults import Fault, FaultScript
from elec_assets.sandbox.posts import PostSource
from elec_assets.sandbox.replay import Replay
from elec_assets.sandbox.trends_api import TrendsApi, TrendsOptions
from elec_assets.sandbox.trends_http import TrendsServer, TrendsSource
from elec_assets.sandbox.trends_replay import TrendsReplay
from elec_assets.sandbox.trends_world import TrendsScene, TrendsWorld
from elec_assets.sandbox.world import Scene, World
from elec_assets.sandbox.x_api import TOKEN, XApi, XOptions
from elec_assets.sandbox.x_fields import Spelling
from elec_assets.sandbox.x_http import XServer
from elec_assets.sandbox.x_stream_faults import StreamFault
from elec_assets.sandbox.x_stream_options import StreamOptions


def start_x(
    *,
    scene: World | Scene | None = None,
    replay: Sequence[Path] = (),
    port: int = 0,
    token: str = TOKEN,
    spelling: Spelling = "tweet",
    match_all: bool = False,
    clock: Callable[[], datetime] = utc_now,
    index_lag_s: float = 30.0,
    rate_factor: float = 0.0,
    stream: StreamOptions | None = None,
    faults: Iterable[Fault | StreamFault] = (),
) -> XServer:
    """Start the X sandbox in a thread; leave the context or call `stop` to end it.

    Args:
        scene: what to make a world from, or a world; or `replay`, recorded files to serve instead. Exactly one of the
            two.
        replay: see `scene`.
        port: 0 for any free one.
        token: the bearer token that requests must carry.
        spelling: `tweet`, or `post` for X's new names (see `XOptions`).
        match_all: answer every query with every post in its window.
        clock: the server's time, UTC. One that does not run as the wall does has a `speed` (see `sandbox.clock`).
        index_lag_s: seconds until a post can be searched.
        rate_factor: times X's rate limits; 0 for no limits. The stream has a limit of its own.
        stream: how the stream behaves.
        faults: what goes wrong, in order, with answers and with the stream.

    Raises:
        ValueError: neither or both of scene and replay, or a file that cannot be replayed (`ReplayError`).
        OSError: the port is taken.
    """
    if (scene is None) == (not replay):
        raise ValueError("give either a scene or files to replay")
    world = World(scene) if isinstance(scene, Scene) else scene
    source: PostSource = Replay(replay) if world is None else world
    options = XOptions(
        token=token,
        spelling=spelling,
        rate_factor=rate_factor,
        index_lag_s=index_lag_s,
        match_all=match_all,
        stream=stream or StreamOptions(),
    )
    api = XApi(source, clock, options)
    scripted = list(faults)
    for fault in scripted:
        if isinstance(fault, StreamFault):
            api.stream.faults.add(fault)
    return XServer(api, FaultScript(f for f in scripted if isinstance(f, Fault)), port)


def start_trends(
    *,
    world: TrendsWorld | TrendsScene | None = None,
    replay: Sequence[Path] = (),
    port: int = 0,
    clock: Callable[[], datetime] = utc_now,
    options: TrendsOptions | None = None,
    faults: Iterable[Fault] = (),
) -> TrendsServer:
    """Start the Google Trends sandbox in a thread; leave the context or call `stop` to end it.

    Args:
        world: a world whose truth the caller may ask, or what to make one from; or `replay`. Exactly one of the two.
        replay: recorded exchanges to serve byte for byte (see `TrendsReplay`).
        port: 0 for any free one.
        clock: the server's time, UTC.
        options: how it behaves; the default has no quota. A replay has no use for them.
        faults: what goes wrong, in order: `TrendsFault`, or `Fault`.

    Raises:
        ValueError: neither or both of world and replay, or a file that cannot be replayed (`ReplayError`).
        OSError: the port is taken.
    """
    if (world is None) == (not replay):
        raise ValueError("give either a world or files to replay")
    source: TrendsSource
    if world is None:
        source = TrendsReplay(replay)
    else:
        made = TrendsWorld(world) if isinstance(world, TrendsScene) else world
        source = TrendsApi(made, clock, options or TrendsOptions())
    return TrendsServer(source, clock, FaultScript(faults), port)
