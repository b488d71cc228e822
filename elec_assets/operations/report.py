"""What every reporting command returns: lines for a person, one JSON object for a program, and an exit code."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

DONE, FAILED, WRONG_INPUT = 0, 1, 2


class Report(Protocol):
    """The result of a command that reports."""

    @property
    def exit_code(self) -> int:
        """0 done, 1 failed while working, 2 wrong input or settings."""
        ...

    def as_dict(self) -> dict[str, Any]:
        """The report for `--json`."""
        ...

    def lines(self) -> list[str]:
        """The report for a person."""
        ...


def columns(rows: Iterable[Sequence[object]]) -> list[str]:
    """Rows as text in aligned columns, the first row as header."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))] if cells else []
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
