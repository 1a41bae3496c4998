"""Checkpoints of a sweep: a text file to which each finished block is appended.

The first line describes the sweep; each further line holds one block's risks as JSON numbers, which give the same
floats back. A line that was being written when the sweep was killed is dropped on resumption.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from theory.validation import describe

from .prompts import Array

FORMAT = "numerics.grid checkpoint 1"


class SweepCheckpoint:
    """An open checkpoint; as a context, it is closed at the end.

    Parameters
    ----------
    path : Path
        Made if it does not exist.
    description : dict
        What the sweep is, in JSON types.
    sizes : sequence of int
        How many risks each block has.

    Raises
    ------
    ValueError
        If the file holds something else, or another sweep, or a line that is not a block of this one.
    """

    def __init__(self, path: Path, description: dict[str, Any], sizes: Sequence[int]) -> None:
        self.finished: dict[int, Array] = {}  # risks by block
        text = path.read_bytes() if path.exists() else b""
        *lines, _torn = text.split(b"\n")
        header = {"format": FORMAT, "sweep": description}
        if lines:
            self._check(path, lines[0], header)
            for number, line in enumerate(lines[1:], 2):
                block, risks = _block(path, number, line, sizes)
                self.finished[block] = risks
        elif text and not _line(header).startswith(text):
            raise _not_a_checkpoint(path)
        self._file = open(path, "r+b" if text else "wb")  # noqa: SIM115 -- closed on leaving this context
        self._file.truncate(sum(len(line) + 1 for line in lines))
        self._file.seek(0, 2)
        if not lines:
            self._write(header)

    @staticmethod
    def _check(path: Path, line: bytes, header: dict[str, Any]) -> None:
        try:
            found = json.loads(line)
            sweep = found["sweep"] if found["format"] == FORMAT else None
        except (ValueError, TypeError, KeyError):
            sweep = None
        if not isinstance(sweep, dict):
            raise _not_a_checkpoint(path)
        wanted = header["sweep"]
        differing = [name for name in wanted if sweep.get(name) != wanted[name]]
        if differing:
            raise ValueError(
                f"checkpoint = {str(path)!r} is not allowed: it holds another sweep, which differs in "
                f"{', '.join(differing)}; checkpoint must be a new path or that of the same sweep"
            )

    def add(self, block: int, risks: Array) -> None:
        """Keep a finished block."""
        self._write([block, risks.tolist()])

    def _write(self, entry: Any) -> None:
        self._file.write(_line(entry))
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def _line(entry: Any) -> bytes:
    return json.dumps(entry, separators=(",", ":")).encode() + b"\n"


def _block(path: Path, number: int, line: bytes, sizes: Sequence[int]) -> tuple[int, Array]:
    """The block that a line holds: its place in the sweep and its risks."""
    try:
        block, risks = json.loads(line)
        fault = "" if type(block) is int and 0 <= block < len(sizes) else f"there is no block {describe(block)}"
        values = np.array(risks)
        if not fault and (values.shape != (sizes[block],) or values.dtype.kind not in "if"):
            fault = f"block {block} has {sizes[block]} numbers"
        elif not fault and np.isnan(values.astype(np.float64)).any():
            fault = "a risk is NaN, which no sweep writes"
    except (ValueError, TypeError):
        fault = "it is no JSON list of a block and its risks"
    if fault:
        raise ValueError(
            f"checkpoint = {str(path)!r} is not allowed: its line {number} is damaged ({fault}); delete that line, and its "
            "block is computed again, or give checkpoint a new path"
        )
    return block, values.astype(np.float64)


def _not_a_checkpoint(path: Path) -> ValueError:
    return ValueError(
        f"checkpoint = {str(path)!r} is not allowed: the file is not a checkpoint of numerics.grid; "
        "checkpoint must be a new path or that of the same sweep"
    )
