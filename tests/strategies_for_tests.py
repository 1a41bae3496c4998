"""What the tests of the core share: the strategies' names, rational instances, and the way from a model to entries."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

import numpy as np

import theory
from theory.strategies import PUBLISHED

STRATEGIES = PUBLISHED
NORMALIZATIONS = ("tokens", "shots")

# With a rational value scale these fixed points are rational; the others hold a square root.
RATIONAL_STRATEGIES = ("pretrained", "zero_shot_value", "zero_shot_kq", "mixed_value", "mixed_kq")


def rational(rng: random.Random, largest: int = 6) -> Fraction:
    """A non-zero rational of either sign."""
    return Fraction(rng.choice((-1, 1)) * rng.randint(1, largest), rng.randint(1, largest))


def rational_array(rng: random.Random, *shape: int) -> np.ndarray[Any, Any]:
    """An object array of non-zero Fractions."""
    array = np.empty(shape, dtype=object)
    for index in np.ndindex(*shape):
        array[index] = rational(rng)
    return array


def rational_covariance(rng: random.Random, d: int) -> np.ndarray[Any, Any]:
    """A rational symmetric positive definite matrix, none of whose entries is special."""
    root = rational_array(rng, d, d)
    covariance = root @ root.T
    for i in range(d):
        covariance[i, i] += Fraction(rng.randint(1, 6), 5)
    return covariance


def entries(model: theory.AttentionParameters) -> tuple[list[Any], list[list[Any]]]:
    """(v, Q) as lists, which the enumeration takes."""
    return model.v.tolist(), model.Q.tolist()


def identity(d: int) -> list[list[Fraction]]:
    """The identity as nested lists of Fractions."""
    return [[Fraction(int(i == j)) for j in range(d)] for i in range(d)]


def first_unit_vector(d: int) -> list[Fraction]:
    """The default target."""
    return identity(d)[0]


def as_fraction(x: Any) -> Fraction:
    """The Fraction equal to a rational, a float or an mpmath number."""
    if isinstance(x, (int, float, Fraction)):
        return Fraction(x)
    sign, mantissa, exponent, _ = x._mpf_
    return Fraction((-1) ** int(sign) * int(mantissa)) * Fraction(2) ** exponent
