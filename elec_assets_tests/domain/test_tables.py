import re

import pytest

from elec_assets.domain.tables import SCHEMA_VERSION, TABLES, TWEETS, Kind, Table

EACH = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)


@EACH
def test_columns_are_named_once_and_described_in_a_sentence(table: Table) -> None:
    assert len(set(table.names)) == len(table.names)
    for column in table.columns:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", column.name)
        assert column.description.endswith((".", "?")) or column.description[-1].isalnum(), column
        assert len(column.description.split()) >= 1
        assert 1 <= column.since <= SCHEMA_VERSION


@EACH
def test_key_and_order_are_columns_and_the_order_tells_every_row_apart(table: Table) -> None:
    assert set(table.key) <= set(table.names)
    assert set(table.order) <= set(table.names)
    assert table.key
    # `election` is one and the same in a file of one election.
    assert set(table.key) - {"election"} <= set(table.order)


@EACH
def test_ids_are_strings_and_seconds_are_numbers(table: Table) -> None:
    for column in table.columns:
        if column.name.endswith("_id"):
            assert column.kind is Kind.STRING
        if column.name.endswith("_s"):
            assert column.kind is Kind.FLOAT
        if column.name.endswith("_at"):
            assert column.kind is Kind.TIME


def test_new_columns_stand_at_the_end() -> None:
    """Readers that take columns by place survive an addition: `since` never falls from one column to the next."""
    for table in TABLES.values():
        versions = [column.since for column in table.columns]
        assert versions == sorted(versions)
    assert TWEETS.names[0] == "tweet_id"
    assert {name: table.name for name, table in TABLES.items()} == {name: name for name in TABLES}
