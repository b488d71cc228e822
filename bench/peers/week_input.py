"""Makes the sealed hours that the weekly step starts from, by the project's own `seal` and `table_bytes`.

Up to `BASE` posts are made and sealed as they are. For more, the rows of each hour are repeated in another order
under new ids and times of that hour: copies of a row lie hundreds of rows apart, beyond gzip's window of 32 KiB.
"""

import random
from pathlib import Path

import polars as pl

from bench import posts
from bench.measure import Figures, Job, Stages
from bench.peers.rollup_ours import seal_hours
from elec_assets.clients.store import open_store
from elec_assets.domain import layout
from elec_assets.domain.windows import HOUR_MS, X_EPOCH_MS, Window, epoch_ms
from elec_assets.transforms.frames import TIME
from elec_assets.transforms.sealing import table_bytes


def run(job: Job) -> Figures:
    """Write `times` as many rows as the batch files of `input` hold posts, into the store `out`."""
    about, rows = posts.election(), 0
    store = open_store(Path(job["out"]).resolve().as_uri())
    for hour, sealed in seal_hours(Path(job["input"]), about, Stages()):
        frame = sealed.frame if job["times"] == 1 else _repeated(sealed.frame, hour, job["times"], job["seed"])
        store.put(layout.tweets_hour(about.key, hour), table_bytes(frame))
        rows += frame.height
    return {"rows": rows}


def _repeated(frame: pl.DataFrame, hour: Window, times: float, seed: int) -> pl.DataFrame:
    rows = round(frame.height * times)
    whole = pl.concat([frame] * (int(times) + 1)).sample(rows, shuffle=True, seed=seed)
    rng = random.Random(f"{seed} {hour}")  # noqa: S311 - must repeat, keeps no secret
    first = epoch_ms(hour.start)
    lowest = (first - X_EPOCH_MS) << 22
    drawn: set[int] = set()
    while len(drawn) < rows:
        drawn.add(lowest + rng.randrange(HOUR_MS << 22))
    ids = sorted(drawn)
    created = pl.Series("created_at", [(each >> 22) + X_EPOCH_MS for each in ids], dtype=pl.Int64).cast(TIME)
    names = pl.Series("tweet_id", ids, dtype=pl.UInt64).cast(pl.String)
    return whole.with_columns(
        names,
        created,
        created.dt.truncate("5m").alias("window_start"),
        names.alias("edit_root_id"),
    )
