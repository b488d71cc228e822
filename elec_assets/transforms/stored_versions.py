"""The schema version that a stored object says of itself: what a newer version made is not replaced."""

import io

import msgspec
import pyarrow as pa  # type: ignore[import-untyped]  # publishes no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # publishes no types

from elec_assets.domain.tables import SCHEMA_VERSION
from elec_assets.transforms.parquet import VERSION_KEY


class _Versioned(msgspec.Struct):
    schema_version: int | None = None


def row_version(data: bytes) -> int | None:
    """Of a coverage row; None where it says none or is damaged."""
    try:
        return msgspec.json.decode(data, type=_Versioned).schema_version
    except (ValueError, RecursionError):  # not JSON, not UTF-8, or nested without end
        return None


def table_version(content: bytes) -> int | None:
    """Of a Parquet file, as its footer says; None where it says none or is damaged."""
    try:
        said = (pq.read_metadata(io.BytesIO(content)).metadata or {}).get(VERSION_KEY, b"")
    except (pa.ArrowInvalid, OSError):  # not Parquet, or a footer that cannot be decoded
        return None
    return int(said) if said.isdigit() else None


def too_new(version: int | None) -> str | None:
    """What to tell of a version that this program does not know; None where it does."""
    if version is None or version <= SCHEMA_VERSION:
        return None
    return f"schema version {version}, this program writes {SCHEMA_VERSION} and would lose what is newer; upgrade"
