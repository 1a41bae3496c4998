"""R10's second route: the core's risk on matrices, differentiated by exact differences, against the enumerated
gradient.

The risk is quadratic in v and quadratic in Q, so a central difference of any step is its exact derivative.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from ..risk_formula import exact_risk_formula
from .enumeration import exact_gradient
from .r0_points import CONVENTIONS, NOISE, Point, point
from .r0_risk import terms_at


def points() -> Iterator[tuple[Any, Any]]:
    """(printed derivative, enumerated derivative) in every entry of v and Q, and Euler's identity."""
    for d, count, convention in (
        (1, 0, "tokens"),
        (1, 2, "tokens"),
        (1, 2, "shots"),
        (2, 1, "tokens"),
        (2, 1, "shots"),
    ):
        assert convention in CONVENTIONS
        at = point(d, seed=30 * d + count)
        dv, dQ = exact_gradient(at.v, at.Q, at.sigma, at.theta, NOISE, count, convention)
        for index, slope in np.ndenumerate(np.array(dv, dtype=object)):
            yield _difference(at, at.v, index, count, convention), slope
        for index, slope in np.ndenumerate(np.array(dQ, dtype=object)):
            yield _difference(at, at.Q, index, count, convention), slope
        yield at.v @ np.array(dv, dtype=object), np.sum(at.Q * np.array(dQ, dtype=object))


def _difference(at: Point, entries: Any, index: tuple[int, ...], count: int, convention: str) -> Any:
    """(L(+1) - L(-1)) / 2 in one entry of v or Q."""
    kept = entries[index]
    values = []
    for step in (1, -1):
        entries[index] = kept + step
        values.append(exact_risk_formula(terms_at(at), count, convention))
    entries[index] = kept
    return (values[0] - values[1]) / Fraction(2)
