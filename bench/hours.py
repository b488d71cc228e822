"""The input of the weekly step: 168 sealed hours, made once and kept."""

import hashlib
from pathlib import Path

from bench import posts
from bench.kept import made
from bench.measure import measure
from bench.report import progress

BASE = 300_000
"""Posts made one by one; more rows are these repeated under new ids (see `peers/week_input.py`)."""

_PROJECT = Path(__file__).parents[1] / "elec_assets"
_MADE_BY = ("domain/tables.py", "transforms/frames.py", "transforms/parquet.py")


def prepare(root: Path, seed: int, size: int, hours: int) -> Path:
    """The folder of a store that holds so many rows in so many sealed hours; made unless it is there.

    Raises:
        PathFailed: it could not be made.
    """
    folder = root / f"hours-{posts.VERSION}-{_code()}-{seed}-{size}-{hours}"
    if not folder.exists():
        progress(f"{size:,} posts of seed {seed}: making the sealed hours in {root}")
        base = posts.prepare(root, seed, min(size, BASE), hours)
        with made(folder) as making:
            job = {"input": str(base), "out": str(making), "times": size / min(size, BASE), "seed": seed}
            measure("input", "bench.peers.week_input", job)
    return folder


def _code() -> str:
    """What lays the tables out: hours of other code are not taken for this one's."""
    code = b"".join((_PROJECT / name).read_bytes() for name in _MADE_BY)
    return hashlib.sha256(code).hexdigest()[:8]
