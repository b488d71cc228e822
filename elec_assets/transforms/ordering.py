"""The order of a table's rows: sorting by it, and proof that rows come in it."""

import polars as pl

from elec_assets.domain.tables import Table

# Ordered as integers: as text, 9 comes after 10.
NUMERIC_IDS = frozenset({"tweet_id"})


def order_keys(table: Table) -> list[pl.Expr]:
    """The expressions that a table is sorted by, ascending, nulls first; X ids as integers."""
    return [pl.col(name).cast(pl.UInt64) if name in NUMERIC_IDS else pl.col(name) for name in table.order]


class Order:
    """Checks that rows, over several frames, come in the order of their table.

    A row equal to the one before it is out of order too, if the order holds the table's whole key.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._strict = set(table.key) <= set(table.order)
        self._last: pl.DataFrame | None = None

    def check(self, frame: pl.DataFrame) -> None:
        """Take in the rows of a frame that conforms to the table.

        Raises:
            ValueError: a row is not after the one before it; the message names both.
        """
        if frame.is_empty():
            return
        keys = frame.select(order_keys(self._table))
        seen = keys if self._last is None else pl.concat([self._last, keys])
        misplaced = seen.with_row_index("_row").filter(~self._after_previous() & (pl.col("_row") > 0))
        if misplaced.height:
            row = misplaced.item(0, "_row")
            raise ValueError(
                f"table {self._table.name}, rows are sorted by {', '.join(self._table.order)}: "
                f"{seen.row(row)} found after {seen.row(row - 1)}"
            )
        self._last = keys.tail(1)

    def _after_previous(self) -> pl.Expr:
        """Whether a row's keys are greater than those of the row before, compared column by column, nulls first."""
        verdict = pl.lit(not self._strict)
        for name in reversed(self._table.order):
            this, before = pl.col(name), pl.col(name).shift(1)
            greater = ((this > before) | (this.is_not_null() & before.is_null())).fill_null(value=False)
            verdict = greater | (this.eq_missing(before) & verdict)
        return verdict
