"""Aligned text tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def cell(value: Any) -> str:
    """A value as a table shows it: floats to six digits, the rest as they are."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def format_table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Columns aligned: text to the left, numbers to the right.

    Examples
    --------
    >>> print(format_table(("name", "n"), [("a", 1), ("bc", 10)]))
    name   n
    a      1
    bc    10
    """
    texts = [list(header), *([cell(value) for value in row] for row in rows)]
    widths = [max(len(row[k]) for row in texts) for k in range(len(header))]
    numeric = [all(isinstance(row[k], int | float) for row in rows) and bool(rows) for k in range(len(header))]
    lines = [
        "  ".join(
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in texts
    ]
    return "\n".join(lines)
