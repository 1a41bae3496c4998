"""What the command line reads a text as: shot counts, numbers, files, covariances; and how it says that one is wrong."""

from __future__ import annotations

import argparse
import math
from fractions import Fraction
from pathlib import Path
from typing import Any, NoReturn

import numpy as np


class OneLineParser(argparse.ArgumentParser):
    """Wrong usage is one line on standard error and exit status 2."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse's, but what a command does not know is told by the command, with the option that is near."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            import difflib  # only where something is wrong

            name = unknown[0].split("=")[0]
            near = difflib.get_close_matches(name, self._option_string_actions, n=1)
            self.error(f"unrecognized arguments: {' '.join(unknown)}{f' (did you mean {near[0]}?)' if near else ''}")
        return found, unknown

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def shot_counts(text: str) -> list[int]:
    """Shots as ``10``, ``0,1,5``, ``0:20`` or ``0:100:10``; both ends are included."""
    shots: list[int] = []
    try:
        for part in text.split(","):
            first, *rest = (int(piece) for piece in part.split(":"))
            if not rest:
                shots.append(first)
                continue
            last, step = rest[0], rest[1] if len(rest) == 2 else 1
            if len(rest) > 2 or step < 1:
                raise ValueError
            shots.extend(range(first, last + 1, step))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a list of shot counts such as 10, 0:20, 0:100:10 or 0,1,5"
        ) from None
    if not shots:
        raise argparse.ArgumentTypeError(f"{text!r} holds no shot count")
    return shots


def whole_or_infinite(text: str) -> float | int:
    """A whole number, or ``inf``."""
    try:
        return math.inf if text in ("inf", "infinity") else int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number or inf") from None


def number(text: str) -> float:
    """A number such as 0.25, or 1/4, of which a float is made."""
    try:
        top, *bottom = text.split("/")
        return int(top) / int(*bottom) if bottom else float(top)
    except (ValueError, TypeError, ArithmeticError):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number such as 0.25 or 1/4") from None


def numbers(text: str) -> list[float]:
    """Numbers separated by commas."""
    return [number(part) for part in text.split(",")]


def file_name(text: str) -> str:
    """A file to write: any name but the empty one; - is standard output."""
    if not text:
        raise argparse.ArgumentTypeError("'' is not the name of a file")
    return text


def name_or_number(text: str) -> Any:
    """A number where the text is one, else the text."""
    try:
        return number(text)
    except argparse.ArgumentTypeError:
        return text


def covariance(text: str) -> Any:
    """Eigenvalues such as ``1,1/2,0.25``, or a file of them or of a matrix: .npy, or text with a row a line."""
    try:
        return np.array([float(Fraction(part)) for part in text.split(",")])
    except (ValueError, ZeroDivisionError):
        path = Path(text)
    try:
        if path.suffix == ".npy":
            return np.load(path, allow_pickle=False)
        rows = [
            line.replace(",", " ").split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()
        ]
        entries = [[float(Fraction(entry)) for entry in row] for row in rows]
        return np.array([x for row in entries for x in row] if 1 in (len(rows), *map(len, rows)) else entries)
    except (OSError, ValueError, ZeroDivisionError):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a list of eigenvalues such as 1,1/2,0.25, nor a file of them or of a matrix (.npy or text)"
        ) from None


def kind_or_covariance(text: str) -> Any:
    """The word ``isotropic`` or ``general``, or a covariance."""
    return text if text in ("isotropic", "general") else covariance(text)
