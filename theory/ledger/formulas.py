"""Published formulas: lines of Python that are run, held against the theory at points and proved to be the same.

A row's lines run on the numbers of a few points, where :func:`theory.risk` or :func:`theory.fixed_point`, in the paper's own
conventions, gives the exact value; and where they agree they run on symbols, in a theorem's proof (C1 to C8).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from ..conventions import BY_KEY
from ..proofs.printed_lines import run_lines
from ..proofs.theorem import Theorem, run
from .reading import difference
from .verdicts import Claim, Verdict

Pairs = Iterable[tuple[Any, Any]]  # what a formula says, and what is right


def setting_of(paper: str) -> dict[str, Any]:
    """A paper's conventions, as arguments of :func:`theory.risk`."""
    return dict(BY_KEY[paper].setting)


def exact(*entries: Any) -> Any:
    """An array of Fractions."""
    return np.array([Fraction(x) for x in entries], dtype=object)


def result(lines: str, names: Mapping[str, Any]) -> Any:
    """The value that the last of the lines assigns."""
    return [*run_lines(lines, names)[0].values()][-1]


def shown(number: Any) -> str:
    """A number in at most twelve letters, else its decimals."""
    text = str(number)
    return text if len(text) <= 12 else f"{float(number):.6g}"


def farthest(pairs: Pairs) -> tuple[Any, Any, Any]:
    """The published and the right value where they differ most, and the relative difference there."""
    return max(((one, right, difference(one, right)) for one, right in pairs), key=lambda of: of[2])


def judged(lines: str, pairs: Pairs, theorem: Callable[[str], Theorem] | None, about: str, at: str) -> Verdict:
    """Confirmed where the lines agree at the points and their theorem, if there is one, is proved; else corrected."""
    pairs = [*pairs]
    published, right, largest = farthest(pairs)
    if largest != 0:
        return Verdict(
            "corrected",
            f"{shown(right)}, where the formula gives {shown(published)}",
            f"At {at}; the relative difference is {float(largest):.3g}.",
            largest,
        )
    points = f"the same at {len(pairs)} points, in exact numbers"
    if theorem is None:
        return Verdict("confirmed", points, f"At {at}.", largest)
    found = run(theorem(lines))
    if not found.proved:
        return Verdict("conditional", f"{points}, not proved", f"At {at}; {found.failure}.", largest)
    return Verdict(
        "confirmed",
        f"the same, identically in {about} ({found.theorem.name})",
        f"Derived minus printed is zero on symbols, and in exact numbers at {at}; at the first both are {shown(right)}.",
        largest,
    )


def formula(
    paper: str,
    name: str,
    statement: str,
    where: str,
    setting: str,
    lines: str,
    values: Callable[[str], Pairs],
    at: str,
    theorem: Callable[[str], Theorem] | None = None,
    about: str = "",
) -> Claim:
    """A claim that is a formula: ``values`` runs its lines at points, ``theorem`` on symbols."""
    judge = partial(_judged, values=values, theorem=theorem, about=about, at=at)
    return Claim(name, statement, where, setting, lines.strip(), judge, paper, BY_KEY[paper].source)


def _judged(
    printed: str, values: Callable[[str], Pairs], theorem: Callable[[str], Theorem] | None, about: str, at: str
) -> Verdict:
    return judged(printed, values(printed), theorem, about, at)
