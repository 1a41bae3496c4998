"""The few matrix operations of the closed forms, on float64 arrays and on object arrays of exact numbers."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def solve(a: Array, b: Array) -> Array:
    """a^-1 b: LAPACK on floats, field arithmetic on exact numbers."""
    if a.dtype != object and b.dtype != object:
        return np.asarray(np.linalg.solve(a, b))
    from sympy import Matrix
    from sympy.polys.matrices import DomainMatrix

    columns = b.reshape(len(b), -1)
    both = DomainMatrix.from_Matrix(Matrix(np.hstack([a, columns]))).to_field()
    left, right = both[:, : len(a)], both[:, len(a) :]
    solution = np.array(left.lu_solve(right).to_Matrix().tolist(), dtype=object)
    return plain(solution).reshape(b.shape)


def inverse(a: Array) -> Array:
    """a^-1."""
    return np.asarray(np.linalg.inv(a)) if a.dtype != object else solve(a, identity_like(a))


def identity_like(a: Array) -> Array:
    """The identity in the number type of ``a``."""
    one: Array = np.eye(len(a), dtype=a.dtype)
    if a.dtype == object:
        for index, item in np.ndenumerate(one):
            one[index] = Fraction(int(item))
    return one


def plain(a: Array) -> Array:
    """Sympy rationals in an object array as Fractions."""
    out = np.empty(a.shape, dtype=object)
    for index, item in np.ndenumerate(a):
        rational = getattr(item, "is_Rational", False)
        out[index] = Fraction(int(item.p), int(item.q)) if rational else item
    return out


def trace_of_product(a: Array, b: Array) -> Any:
    """tr(a b) without forming the product."""
    return np.sum(a * b.T)


def inner(a: Array, sigma: Array, b: Array) -> Any:
    """a' Sigma b."""
    return a @ (sigma @ b)
