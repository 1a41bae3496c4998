"""The few matrix operations of the closed forms, on float64 arrays and on object arrays of exact numbers."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from .arithmetic import is_ball, module_type

Array = np.ndarray[Any, Any]


def solve(a: Array, b: Array) -> Array:
    """a^-1 b: LAPACK on floats, balls or mpmath at their own precision, field arithmetic on exact numbers."""
    if a.dtype != object and b.dtype != object:
        return np.asarray(np.linalg.solve(a, b))
    if any(is_ball(x) for x in a.flat):
        return _solve_at_own_precision(a, b)
    from sympy import Matrix
    from sympy.polys.matrices import DomainMatrix

    columns = b.reshape(len(b), -1)
    both = DomainMatrix.from_Matrix(Matrix(np.hstack([a, columns]))).to_field()
    left, right = both[:, : len(a)], both[:, len(a) :]
    solution = np.array(left.lu_solve(right).to_Matrix().tolist(), dtype=object)
    return plain(solution).reshape(b.shape)


def _solve_at_own_precision(a: Array, b: Array) -> Array:
    """a^-1 b for flint balls, which enclose it, and for mpmath numbers; sympy would round both to floats."""
    columns = b.reshape(len(b), -1)
    solution = np.empty(columns.shape, dtype=object)
    if module_type("flint", "arb") and isinstance(a.flat[0], module_type("flint", "arb")):
        import flint

        rows = flint.arb_mat(a.tolist()).solve(flint.arb_mat(columns.tolist())).table()
        for i, row in enumerate(rows):
            solution[i, :] = row
    else:
        import mpmath

        left = mpmath.matrix(a.tolist())
        for j in range(columns.shape[1]):
            solution[:, j] = list(mpmath.lu_solve(left, mpmath.matrix(columns[:, j].tolist())))
    return solution.reshape(b.shape)


def inverse(a: Array) -> Array:
    """a^-1."""
    return np.asarray(np.linalg.inv(a)) if a.dtype != object else solve(a, identity_like(a))


def identity_like(a: Array) -> Array:
    """The identity in floats, or in ints where ``a`` holds objects: ints meet every kind of number."""
    return np.eye(len(a), dtype=int).astype(object) if a.dtype == object else np.eye(len(a), dtype=a.dtype)


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
