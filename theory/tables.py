"""Aligned text tables, the same as HTML for notebooks, and as CSV."""

from __future__ import annotations

import contextlib
import csv
import os
import sys
from collections.abc import Iterable, Sequence
from html import escape
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


def varying(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> tuple[list[int], str]:
    """The columns whose value changes from row to row, and what the others hold, in words.

    Examples
    --------
    >>> varying(("d", "n", "risk"), [(5, 0, 1.1), (5, 1, 1.5)])
    ([1, 2], 'd = 5')
    """
    changing = [k for k in range(len(header)) if len({cell(row[k]) for row in rows}) != 1 or len(rows) == 1]
    same = [f"{name} = {cell(rows[0][k])}" for k, name in enumerate(header) if rows and k not in changing]
    return changing, ", ".join(same)


def html_table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """The same table for a notebook; LaTeX between dollar signs is left to it.

    Examples
    --------
    >>> html_table(("name", "n"), [("a", 1)])
    '<table><thead><tr><th>name</th><th>n</th></tr></thead><tbody><tr><td>a</td><td>1</td></tr></tbody></table>'
    """

    def row(tag: str, values: Sequence[Any]) -> str:
        return "<tr>" + "".join(f"<{tag}>{escape(cell(value))}</{tag}>" for value in values) + "</tr>"

    body = "".join(row("td", values) for values in rows)
    return f"<table><thead>{row('th', header)}</thead><tbody>{body}</tbody></table>"


def write_csv(path: str | os.PathLike[str], header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table as CSV, numbers in full precision, nothing for None; - is standard output."""
    with contextlib.nullcontext(sys.stdout) if path == "-" else open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
