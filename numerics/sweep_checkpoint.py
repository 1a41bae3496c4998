"""Checkpoints of a sweep: a text file to which each finished block is appended.

The first line describes the sweep; each further line holds one block's risks as JSON numbers, which give the same
floats back. A line that was being written when the sweep was killed is dropped on resumption.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

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

    Raises
    ------
    ValueError
        If the file holds something else, or another sweep.
    """

    def __init__(self, path: Path, description: dict[str, Any]) -> None:
        self.finished: dict[int, Array] = {}  # risks by block
        text = path.read_bytes() if path.exists() else b""
        *lines, _torn = text.split(b"\n")
        header = {"format": FORMAT, "sweep": description}
        if lines:
            self._check(path, lines[0], header)
            for line in lines[1:]:
                block, risks = json.loads(line)
                self.finished[block] = np.array(risks, dtype=np.float64)
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


def _not_a_checkpoint(path: Path) -> ValueError:
    return ValueError(
        f"checkpoint = {str(path)!r} is not allowed: the file is not a checkpoint of numerics.grid; "
        "checkpoint must be a new path or that of the same sweep"
    )
