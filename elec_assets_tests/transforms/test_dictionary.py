"""The generated dictionary is the one in the repository, and says every column."""

from pathlib import Path

from elec_assets.domain.tables import TABLES
from elec_assets.transforms.dictionary import data_dictionary

REPOSITORY = Path(__file__).parents[2]


def test_the_dictionary_in_docs_is_made_from_the_tables() -> None:
    """Run `make docs` when this fails."""
    assert (REPOSITORY / "docs" / "data-dictionary.md").read_text(encoding="utf-8") == data_dictionary()


def test_every_column_of_every_table_is_described() -> None:
    text = data_dictionary()
    for table in TABLES.values():
        for column in table.columns:
            assert f"| `{column.name}` |" in text
            assert len(column.description) > 8
