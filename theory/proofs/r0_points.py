"""Rational points at which the proofs of R0, R1 and R10 meet the brute force; nothing is zero or symmetric by luck."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

NOISE = Fraction(3, 10)
CONVENTIONS = ("tokens", "shots")


class Point(NamedTuple):
    """A dense model in a setting, as object arrays of Fractions."""

    v: Any
    Q: Any
    sigma: Any
    psi: Any
    theta: Any


def rationals(*shape: int, seed: int) -> Any:
    """An array of small non-zero rationals of either sign, fixed by the seed."""
    out = np.empty(shape, dtype=object)
    state = seed
    for index in np.ndindex(*shape):
        state = (state * 1103515245 + 12345) % 2**31
        sign = 1 if (state >> 9) % 2 else -1
        out[index] = sign * Fraction(1 + (state >> 12) % 5, 1 + (state >> 20) % 4)
    return out


def covariance(d: int, seed: int) -> Any:
    """A symmetric positive definite matrix, not diagonal (for d > 1): A A' + I / 2."""
    root = rationals(d, d, seed=seed)
    return root @ root.T + np.array([[Fraction(i == j, 2) for j in range(d)] for i in range(d)], dtype=object)


def point(d: int, seed: int) -> Point:
    """A dense model of dimension d; every entry of v and Q is non-zero, the dead row included."""
    return Point(
        rationals(d + 2, seed=seed),
        rationals(d + 2, d + 2, seed=seed + 1),
        covariance(d, seed + 2),
        covariance(d, seed + 3),
        rationals(d, seed=seed + 4),
    )


def identity(d: int) -> Any:
    """The identity, exact."""
    return np.array([[Fraction(i == j) for j in range(d)] for i in range(d)], dtype=object)
