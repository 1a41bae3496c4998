"""Table: named columns, one row a point; what a sweep returns."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

import numpy as np

from theory.tables import format_table, html_table, varying

Column = np.ndarray[Any, Any]
SHOWN = 10  # rows at either end of a long table's repr


class Table:
    """Columns of one length.

    Parameters
    ----------
    columns : mapping from str to array (rows,)
        In the order in which they are shown and written.

    Examples
    --------
    >>> table = Table({"strategy": ["zero_shot", "mixed"], "risk": [0.5, 0.25]})
    >>> table
    strategy   risk
    zero_shot   0.5
    mixed      0.25
    [2 rows]
    >>> table["risk"][table["strategy"] == "mixed"]
    array([0.25])
    """

    def __init__(self, columns: Mapping[str, Any]) -> None:
        self._columns = {name: np.asarray(values) for name, values in columns.items()}
        shapes = {values.shape for values in self._columns.values()}
        if len(shapes) != 1 or len(next(iter(shapes))) != 1:
            given = {name: values.shape for name, values in self._columns.items()}
            raise ValueError(f"columns = {given} is not allowed: columns must be one-dimensional and of one length")

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns' names."""
        return tuple(self._columns)

    def __getitem__(self, name: str) -> Column:
        """A column by name."""
        try:
            return self._columns[name]
        except KeyError:
            raise KeyError(f"{name!r} is not a column; the columns are {', '.join(self.columns)}") from None

    def __len__(self) -> int:
        return len(next(iter(self._columns.values())))

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Rows, each a mapping from column to value; ``pandas.DataFrame(table)`` takes them so."""
        for row in zip(*(values.tolist() for values in self._columns.values()), strict=True):
            yield dict(zip(self._columns, row, strict=True))

    def to_numpy(self) -> Column:
        """A structured array, one record a row."""
        out = np.empty(len(self), dtype=[(name, values.dtype) for name, values in self._columns.items()])
        for name, values in self._columns.items():
            out[name] = values
        return out

    def to_pandas(self) -> Any:
        """A pandas.DataFrame; an ImportError that says so where pandas is not installed."""
        try:
            import pandas
        except ImportError:
            raise ImportError("Table.to_pandas needs pandas, which is not installed: pip install pandas") from None
        return pandas.DataFrame(dict(self._columns))

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write UTF-8 text with a header and Unix line ends; floats in the fewest digits that give the same float.

        The same table gives the same bytes on every system.
        """
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(self.columns)
            writer.writerows(zip(*(values.tolist() for values in self._columns.values()), strict=True))

    def __repr__(self) -> str:
        rows, head = self._shown()
        lines = format_table(self.columns, rows).split("\n")
        if head < len(rows):
            lines.insert(1 + head, "...")
        return "\n".join([*lines, f"[{len(self)} rows]"])

    def _repr_html_(self) -> str:
        """As a notebook shows it: what all rows have in common stands above them once."""
        whole = list(zip(*(values.tolist() for values in self._columns.values()), strict=True))
        changing, same = varying(self.columns, whole)
        rows, head = self._shown()
        shown = [[row[k] for k in changing] for row in rows]
        if head < len(rows):
            shown.insert(head, ["..."] * len(changing))
        told = f"[{len(self)} rows]" + (f" {escape(same)}" if same else "")
        return f"<p>{told}</p>{html_table([self.columns[k] for k in changing], shown)}"

    def _shown(self) -> tuple[list[tuple[Any, ...]], int]:
        """The rows that are shown, and how many of them are the first ones."""
        total = len(self)
        head, tail = (total, 0) if total <= 2 * SHOWN else (SHOWN, SHOWN)
        parts = (slice(0, head), slice(total - tail, None))
        rows = [row for part in parts for row in zip(*(x[part].tolist() for x in self._columns.values()), strict=True)]
        return rows, head
