"""The sealed hours of a folder of `week_input`, as files; and CSV columns as polars makes them of such files."""

from pathlib import Path

import polars as pl

from elec_assets.domain.tables import TWEETS, Kind

TIME_FORMAT = "%Y-%m-%dT%H:%M:%S%.3fZ"


def files(folder: Path) -> list[Path]:
    """The Parquet files, in order of time."""
    return sorted(folder.glob("*/data/tables/twitter/*/*.parquet"))


def csv_columns() -> list[pl.Expr]:
    """The columns as the weekly CSV has them: lists as JSON. The expression is the one of `transforms/frames.py`."""
    return [_json(column.name) if column.kind is Kind.STRINGS else pl.col(column.name) for column in TWEETS.columns]


def _json(name: str) -> pl.Expr:
    array = pl.struct(a=pl.col(name)).struct.json_encode().str.strip_prefix('{"a":').str.strip_suffix("}")
    return pl.when(pl.col(name).is_not_null()).then(array).alias(name)
