"""Plain text tables, the same on every terminal.

Theory
------
What a reader hands to a learner prints itself as a table: a row of names, a rule, the rows; columns as wide
as their widest cell, numbers to the right. It is a list all the same, to be filtered and counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Generic, SupportsIndex, TypeVar, overload

__all__ = ["Rows", "format_table"]

Row = TypeVar("Row")
WIDEST_CELL = 60
WIDEST_LAST = 120


def format_table(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """The rows under their names."""
    limits = [WIDEST_CELL] * (len(names) - 1) + [WIDEST_LAST]
    cells = [[cell_text(value, limit) for value, limit in zip(row, limits, strict=True)] for row in rows]
    numeric = [all(right(row[i]) for row in cells) and bool(cells) for i in range(len(names))]
    widths = [max([len(name), *(len(row[i]) for row in cells)]) for i, name in enumerate(names)]
    rule = ["-" * width for width in widths]
    lines = [
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in [list(names), rule, *cells]
    ]
    return "\n".join(lines)


def cell_text(value: Any, limit: int = WIDEST_CELL) -> str:
    """A value in a cell: at most `limit` characters, on one line, and the same everywhere."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, bytes):
        value = value.hex(" ")
    if isinstance(value, tuple | list):
        value = ", ".join(cell_text(one) for one in value)
    text = str(value)
    text = "".join(c if c == " " or (c.isprintable() and not c.isspace()) else "·" for c in text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def right(cell: str) -> bool:
    """Whether a cell is a number, or a number's absence."""
    return cell == "-" or cell.replace(".", "", 1).isdigit()


class Rows(Sequence[Row], Generic[Row]):
    """A list of rows (named tuples) that prints as a table of the given columns."""

    def __init__(self, rows: Iterable[Row], columns: Sequence[str]) -> None:
        self._rows = list(rows)
        self._columns = tuple(columns)

    @overload
    def __getitem__(self, index: SupportsIndex) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Rows[Row]: ...
    def __getitem__(self, index: SupportsIndex | slice) -> Row | Rows[Row]:
        if isinstance(index, slice):
            return Rows(self._rows[index], self._columns)
        return self._rows[index]

    def __len__(self) -> int:
        return len(self._rows)

    def where(self, **values: Any) -> Rows[Row]:
        """The rows whose fields have these values. Raises AttributeError for a field they do not have."""
        rows = [row for row in self._rows if all(getattr(row, k) == v for k, v in values.items())]
        return Rows(rows, self._columns)

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Rows | list) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return format_table(self._columns, [[getattr(row, c) for c in self._columns] for row in self._rows])
