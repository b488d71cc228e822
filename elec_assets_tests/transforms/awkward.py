"""A staged release of every table there is, whose values are the awkward ones that its columns may hold."""

from datetime import timedelta
from pathlib import Path

import polars as pl

from elec_assets.domain.tables import ALL_CANDIDATES, DAILY_SUMMARY, Column, Kind, Table
from elec_assets.transforms.croissant import croissant
from elec_assets.transforms.datapackage import datapackage
from elec_assets.transforms.frames import conform, polars_schema
from elec_assets.transforms.manifest import Manifest, Profile
from elec_assets.transforms.ordering import order_keys
from elec_assets.transforms.publication import PRODUCTS
from elec_assets.transforms.release_scan import CROISSANT, DATAPACKAGE
from elec_assets.transforms.staging import Staging
from elec_assets_tests.transforms.releases import ELECTION, NOW, WEEKS

ROWS = 4
_TEXTS = ("plain", 'with, a comma, "quotes" and\na line', "", "Ünïcode 🗳️ и так далее")
_LISTS: tuple[list[str], ...] = (["one"], ["a,b", 'c"d', ""], [], ["ü", "🗳️"])
_FLOATS = (0.1, -1.5e-9, 1e15, 3.0)


def frame_of(table: Table) -> pl.DataFrame:
    """Four rows: texts, lists and numbers that a reader may trip on, and in the third a null wherever one may be."""
    columns = {column.name: _values(column, column.name in table.key) for column in table.columns}
    made = conform(pl.DataFrame(columns, schema=polars_schema(table)), table)
    return made.sort(order_keys(table))


def _values(column: Column, is_key: bool) -> list[object]:
    made = [_value(column, n, is_key) for n in range(ROWS)]
    if column.nullable and not is_key:
        made[2] = None
    return made


def _value(column: Column, number: int, is_key: bool) -> object:
    if column.kind is Kind.STRING and (is_key or column.name.endswith("_id")):
        # An id that a reader takes for a number loses its last digits as a float.
        return str(1_900_000_000_000_000_001 + number)
    return {
        Kind.STRING: _TEXTS[number],
        Kind.STRINGS: _LISTS[number],
        Kind.INTEGER: 2**53 + number,
        Kind.FLOAT: _FLOATS[number],
        Kind.BOOLEAN: number % 2 == 0,
        Kind.TIME: NOW + timedelta(milliseconds=number),
    }[column.kind]


def tables_of(profile: Profile) -> dict[str, pl.DataFrame]:
    """Every table of a release by path: a week of each product, its history, and the plain ones."""
    week = WEEKS[-1]
    made = {"candidates.csv": frame_of(ALL_CANDIDATES), f"{ELECTION}/daily_summary.csv": frame_of(DAILY_SUMMARY)}
    for product in PRODUCTS:
        frame = frame_of(product.table(profile))
        made |= {product.weekly(ELECTION, week): frame, product.history(ELECTION): frame}
    return made


def staged(directory: Path, profile: Profile) -> tuple[Manifest, dict[str, pl.DataFrame]]:
    """The release with its data package and Croissant file, and what its tables hold."""
    staging = Staging(directory, profile, NOW)
    tables = tables_of(profile)
    for path, frame in tables.items():
        staging.table(path, [frame])
    told = tuple(staging.entries)
    staging.document(DATAPACKAGE, datapackage(told, "elections", "Elections on X and Google", "other"))
    url = "https://www.kaggle.com/datasets/me/elections"
    described = croissant(
        told, title="Elections", description="What people say.", url=url, cite="Elections.", day="2027-02-07"
    )
    staging.document(CROISSANT, described)
    return staging.finish(WEEKS[-1]), tables
