"""How large the database is, what `elec purge` takes out of it, and what that makes a year."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sql
from sqlalchemy.engine import Connection

from bench.measure import PathFailed

_GB, _YEAR_DAYS = 1e9, 365.25
_SIZES = """select relname, pg_total_relation_size(c.oid), c.reltuples::bigint from pg_class c
  join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'public' and c.relkind = 'r' order by 2 desc"""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes, with indexes, and rows of each table of Dagster's."""

    bytes_of: Mapping[str, int]
    rows_of: Mapping[str, int]

    @property
    def gb(self) -> float:
        """All tables, 10^9 bytes."""
        return sum(self.bytes_of.values()) / _GB


@dataclass(frozen=True, slots=True)
class Growth:
    """What a year makes, in GB: rows that stay, and those that a purge takes out after `keep_days`."""

    stays: float
    purged: float
    keep_days: float

    @property
    def first_year(self) -> float:
        """The database after a year of daily purges."""
        return self.stays + self.purged * min(self.keep_days, _YEAR_DAYS) / _YEAR_DAYS

    @property
    def unpurged(self) -> float:
        """What a year adds without any purge."""
        return self.stays + self.purged


def sizes(connection: Connection, *, packed: bool = False) -> Sizes:
    """The sizes now; `packed`: without the room that deleted rows leave, which the next rows take."""
    connection.execute(sql.text("vacuum full analyze" if packed else "analyze"))
    found = connection.execute(sql.text(_SIZES)).all()
    return Sizes({name: int(size) for name, size, _ in found}, {name: max(0, int(rows)) for name, _, rows in found})


def purge(command: list[str], env: Mapping[str, str], keep_days: int) -> dict[str, int]:
    """`elec purge` as the service of compose runs it; what it tells: `runs`, `events`, `kept`.

    Raises:
        PathFailed: it failed.
    """
    words = [*command, "purge", "--older-than", f"{keep_days}d", "--json"]
    done = subprocess.run(words, env=dict(env), capture_output=True, text=True, check=False)
    if done.returncode:
        raise PathFailed(f"elec purge ended with code {done.returncode}: {done.stderr[-2000:]}")
    told: dict[str, int] = json.loads(done.stdout)
    return told


def growth(before: Sizes, after: Sizes, days: float, whole_days: float, keep_days: float) -> Growth:
    """From two sizes of one database of so many days: with the last `whole_days` whole, and with `keep_days`.

    Both are what stays of all days, and what is purged of the days that are whole.
    """
    whole_days = min(whole_days, days)
    keep_days = min(keep_days, whole_days)
    gone = before.gb - after.gb
    a_day = gone / (whole_days - keep_days) if whole_days > keep_days else 0.0
    stays = (after.gb - a_day * keep_days) / days
    return Growth(stays * _YEAR_DAYS, a_day * _YEAR_DAYS, keep_days)
