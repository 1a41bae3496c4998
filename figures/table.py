"""Table: a figure's numbers, one row a point; a sweep's table that can be put together and taken apart."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Self

import numpy as np

from numerics.table import Table as Columns


class Table(Columns):
    """Named columns, each an array or one value for all rows; NaN and "" stand for no value.

    Examples
    --------
    >>> table = Table.stack(*(Table({"d": d, "n_shots": [0, 1], "risk": [1.0, 1 / d]}) for d in (2, 4)))
    >>> [(d, float(curve["risk"][-1])) for d, curve in table.groups("d")]
    [(2, 0.5), (4, 0.25)]
    """

    def __init__(self, columns: Mapping[str, Any]) -> None:
        arrays = np.broadcast_arrays(*(np.atleast_1d(np.asarray(values)) for values in columns.values()))
        super().__init__(dict(zip(columns, arrays, strict=True)))

    @classmethod
    def stack(cls, *tables: Columns) -> Self:
        """The rows of several tables; a column that a table lacks has no value there."""
        columns = {}
        for name in dict.fromkeys(name for table in tables for name in table.columns):
            of_text = any(table[name].dtype.kind == "U" for table in tables if name in table.columns)
            missing: Any = "" if of_text else math.nan
            columns[name] = np.concatenate(
                [table[name] if name in table.columns else np.full(len(table), missing) for table in tables]
            )
        return cls(columns)

    def where(self, **values: Any) -> Table:
        """The rows at which columns have given values."""
        keep = np.ones(len(self), dtype=bool)
        for name, value in values.items():
            keep &= self[name] == value
        return Table({name: self[name][keep] for name in self.columns})

    def groups(self, name: str) -> Iterator[tuple[Any, Table]]:
        """The values of a column in order of appearance, each with its rows; rows without a value are left out."""
        for value in dict.fromkeys(self[name].tolist()):
            if value != "" and value == value:
                yield value, self.where(**{name: value})
