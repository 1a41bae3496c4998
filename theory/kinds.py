"""The kinds of number that flow through the closed forms: one object each, which converts, takes roots, solves, presents.

Closed forms are written once in ``+ - * /`` and whole powers, for every kind: floats and arrays of them, Fractions (and
flint's rationals), flint's and mpmath's balls and floats of any precision, sympy's expressions. What comes out is of the
kind that came in: a Symbol makes everything symbolic, else a ball balls, else a float floats, else a Fraction Fractions;
whole numbers decide nothing.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import cache
from typing import Any, cast

import numpy as np

from .factoring import factored
from .surds import Roots, Surd, root_of_fraction

LARGE = 200  # matrices from this size on are worth loading scipy for
BLOCK = 64  # rows that are mirrored at once

# Arithmetic is generic in the kind of number: float, ndarray, Fraction, flint fmpq and arb, sympy Expr, mpf.
Number = Any
Array = np.ndarray[Any, Any]


def module_type(module: str, *names: str) -> tuple[type, ...]:
    """Types of an optional module, if the caller has loaded it; nothing is imported here."""
    loaded = sys.modules.get(module)
    return tuple(getattr(loaded, name) for name in names if hasattr(loaded, name)) if loaded else ()


def _belongs(kind: type, module: str, *names: str) -> bool:
    """Whether a type is one of an optional module's: once there is such a type, the module is loaded."""
    return issubclass(kind, module_type(module, *names))


_is_of: Callable[..., bool] = cache(_belongs)


class NotRational(Exception):
    """A field is asked for that is not there, or for a number that is not in it."""


class Kind:
    """Plain numbers: floats, ints, and arrays of them."""

    exact = False  # whether differences cost no digits
    dtype: Any = float  # of its arrays

    def number(self, x: Any) -> Any:
        """A number of this kind; None, and the infinity of ``pretrain_shots``, as they are."""
        return x if x is None or x is math.inf else self._convert(x)

    def _convert(self, x: Any) -> Any:
        if isinstance(x, np.ndarray):
            return self.array(x) if x.dtype == object else x
        return int(x.numerator) / int(x.denominator) if is_exact(x) else x

    def array(self, a: Array) -> Array:
        """An array of this kind."""
        if a.dtype == object:
            return np.array([self._convert(item) for item in a.flat], dtype=float).reshape(a.shape)
        return a.astype(np.float64, copy=False)

    def square_root(self, x: Any) -> Any:
        """The non-negative square root."""
        return np.sqrt(x) if isinstance(x, np.ndarray) else math.sqrt(x)

    def solve(self, a: Array, b: Array) -> Array:
        """a^-1 b."""
        return np.asarray(np.linalg.solve(a, b))

    def inverse(self, a: Array) -> Array:
        """a^-1 of a symmetric positive definite matrix."""
        if len(a) < LARGE:
            found = np.linalg.inv(a)
            return np.asarray((found + found.T) / 2)
        from scipy.linalg import lapack  # half the work, and symmetric by construction

        factor, fault = lapack.dpotrf(a.T, lower=1, clean=0)  # as Fortran has it: no transposed copy
        found, fault_too = lapack.dpotri(factor, lower=1, overwrite_c=1)
        if fault or fault_too:
            raise np.linalg.LinAlgError("not positive definite to within rounding")
        return _mirrored(found.T)

    def infinity(self) -> Any:
        """A risk without bound."""
        return math.inf

    def present(self, value: Any, inputs: Iterable[object] = ()) -> Any:
        """Hand a result back as the caller's numbers are."""
        value = value.item() if isinstance(value, np.generic) else value
        return float(value) if type(value) is int and self.dtype is float else value

    def presented(self, x: Any) -> Any:
        """The same for each entry of an array, and for each part of what is made of numbers, arrays and tuples."""
        if isinstance(x, tuple):
            return getattr(x, "_make", tuple)(map(self.presented, x))
        if not isinstance(x, np.ndarray):
            return self.present(x)
        if x.dtype != object:
            return x
        return np.array([self.present(item) for item in x.flat] + [None], dtype=object)[:-1].reshape(x.shape)


class ObjectKind(Kind):
    """Kinds whose arrays hold objects."""

    dtype = object

    def array(self, a: Array) -> Array:
        out = np.empty(a.shape, dtype=object)
        for index, item in np.ndenumerate(a):
            out[index] = self._convert(item.item() if isinstance(item, np.generic) else item)
        return out

    def inverse(self, a: Array) -> Array:
        return self.solve(a, whole_identity(len(a)))


class _Fractions(ObjectKind):
    """Exact numbers; an irrational square root is one of :mod:`theory.surds` until it is handed back."""

    exact = True

    def __init__(self) -> None:
        self.fresh()

    def _convert(self, x: Any) -> Any:
        return x if is_symbolic(x) or isinstance(x, Surd) else as_fraction(x)

    def square_root(self, x: Any) -> Any:
        x = as_fraction(x)
        found = root_of_fraction(x)
        return self.roots.root(self.roots(x)) if found is None else found

    def fresh(self) -> None:
        """Forget the roots taken so far; numbers that hold some of them are of no use afterwards."""
        self.roots = Roots()

    def solve(self, a: Array, b: Array) -> Array:
        return _rationals_as_fractions(SYMBOLS.solve(a, b))

    def present(self, value: Any, inputs: Iterable[object] = ()) -> Any:
        if isinstance(value, Surd):
            value = value.rational() if value.is_rational() else value.to_sympy()
        if isinstance(value, Fraction):
            for rational in module_type("flint", "fmpq"):
                if any(isinstance(x, rational) for x in inputs):
                    return rational(value.numerator, value.denominator)
        return value


class _FlintRationals(ObjectKind):
    """Rational numbers as python-flint has them, in a tenth of the time of Fractions; nothing else, so roots of squares alone."""

    exact = True

    def __init__(self, flint: Any) -> None:
        self.flint = flint

    def _convert(self, x: Any) -> Any:
        if not is_rational(x):
            raise NotRational
        return self.flint.fmpq(int(x.numerator), int(x.denominator))

    def square_root(self, x: Any) -> Any:
        root = root_of_fraction(as_fraction(x))
        if root is None:
            raise NotRational
        return self._convert(root)

    def solve(self, a: Array, b: Array) -> Array:
        matrix, columns = self.flint.fmpq_mat, b.reshape(len(b), -1)
        solution = matrix(a.tolist()).solve(matrix(columns.tolist()))
        return np.array(solution.entries(), dtype=object).reshape(b.shape)

    def present(self, value: Any, inputs: Iterable[object] = ()) -> Any:
        return as_fraction(value) if isinstance(value, self.flint.fmpq) else value


@cache
def rational_numbers() -> Kind:
    """The kind of python-flint's rational numbers; NotRational where it is not installed."""
    try:
        import flint
    except ModuleNotFoundError:
        raise NotRational from None
    return _FlintRationals(flint)


class _Symbols(ObjectKind):
    """Sympy's expressions."""

    exact = True

    def _convert(self, x: Any) -> Any:
        if not is_rational(x):
            return x
        import sympy

        return sympy.Rational(int(x.numerator), int(x.denominator))

    def square_root(self, x: Any) -> Any:
        import sympy

        return sympy.sqrt(factored(x))

    def solve(self, a: Array, b: Array) -> Array:
        from sympy import Matrix
        from sympy.polys.matrices import DomainMatrix

        both = DomainMatrix.from_Matrix(Matrix(np.hstack([a, b.reshape(len(b), -1)]))).to_field()
        left, right = both[:, : len(a)], both[:, len(a) :]
        solution = np.array(left.lu_solve(right).to_Matrix().tolist(), dtype=object)
        return solution.reshape(b.shape)

    def infinity(self) -> Any:
        import sympy

        return sympy.oo


class _Balls(ObjectKind):
    """Numbers that carry a precision of their own: flint's balls, mpmath's floats."""

    def __init__(self, kind: Any) -> None:
        self.kind = kind

    def _convert(self, x: Any) -> Any:
        return self.kind(int(x.numerator)) / int(x.denominator) if is_rational(x) else self.kind(x)

    def square_root(self, x: Any) -> Any:
        return x.sqrt() if hasattr(x, "sqrt") else x**0.5

    def solve(self, a: Array, b: Array) -> Array:
        """An enclosure for balls, or at mpmath's precision; sympy would round both to floats."""
        columns = b.reshape(len(b), -1)
        if issubclass(self.kind, module_type("flint", "arb")):
            import flint

            table = flint.arb_mat(a.tolist()).solve(flint.arb_mat(columns.tolist())).table()
            return np.array([item for row in table for item in row], dtype=object).reshape(b.shape)
        import mpmath

        left = mpmath.matrix(a.tolist())
        solved = [list(mpmath.lu_solve(left, mpmath.matrix(column.tolist()))) for column in columns.T]
        return np.array(solved, dtype=object).T.reshape(b.shape)


FLOATS, FRACTIONS, SYMBOLS = Kind(), _Fractions(), _Symbols()


def kind_of(x: object) -> Kind:
    """The kind of one number, or of an array's first."""
    if isinstance(x, np.ndarray):
        return FLOATS if x.dtype != object or not x.size else kind_of(x.flat[0])
    if type(x) is float or type(x) is int:
        return FLOATS
    if is_symbolic(x):
        return SYMBOLS
    if _is_of(type(x), "flint", "fmpq"):  # the core's own: a caller's are Fractions in it
        return rational_numbers()
    if is_exact(x):
        return FRACTIONS
    return _Balls(type(x)) if is_ball(x) or hasattr(x, "sqrt") else FLOATS


def common_kind(values: Iterable[object]) -> Kind:
    """The kind that numbers and arrays of several kinds are brought to; whole numbers, in arrays too, decide nothing."""
    seen = [x for value in values for x in _telling(value)]
    if any(is_symbolic(x) for x in seen):
        return SYMBOLS
    for x in seen:
        if is_ball(x):
            return _Balls(type(x))
    return FRACTIONS if seen and all(is_exact(x) for x in seen) else FLOATS


def _telling(value: object) -> Iterable[object]:
    if not isinstance(value, np.ndarray):
        return () if value is None or value is math.inf or type(value) is int else (value,)
    if value.dtype == object:
        return [x for x in value.flat if type(x) is not int]
    return (1.0,) if value.dtype.kind == "f" else ()


def _mirrored(upper: Array) -> Array:
    """The symmetric matrix of this upper triangle, in its place."""
    for start in range(0, len(upper), BLOCK):
        rows, beyond = slice(start, start + BLOCK), slice(start + BLOCK, None)
        corner = np.triu(upper[rows, rows])
        upper[rows, rows] = corner + np.triu(corner, 1).T
        upper[beyond, rows] = upper[rows, beyond].T
    return upper


def square_root(x: Any) -> Number:
    """The non-negative square root, in the kind of the argument; exact for Fractions (a sympy number if irrational)."""
    return kind_of(x).square_root(x)


def whole_identity(size: int) -> Array:
    """The identity in ints, which meet every kind of number."""
    return np.eye(size, dtype=int).astype(object)


def is_symbolic(value: object) -> bool:
    """Whether the value is a sympy expression."""
    return _is_of(type(value), "sympy", "Expr")


def is_exact(value: object) -> bool:
    """Whether the value is a Fraction or a flint rational."""
    return isinstance(value, Fraction) or _is_of(type(value), "flint", "fmpq", "fmpz")


def is_rational(value: object) -> bool:
    """Whether the value is an int or exact."""
    return type(value) is int or is_exact(value)


def is_ball(value: object) -> bool:
    """Whether the value is a flint ball or an mpmath number: it carries a precision of its own."""
    return _is_of(type(value), "flint", "arb") or _is_of(type(value), "mpmath", "mpf")


def as_fraction(x: Any) -> Fraction:
    """The Fraction equal to an int, a float or an exact number."""
    return Fraction(x) if isinstance(x, float) else Fraction(int(x.numerator), int(x.denominator))


def whole_as_floats(value: Any) -> Any:
    """An array of whole numbers as floats, which they are where nothing exact stands beside them; others as they are."""
    if not isinstance(value, np.ndarray) or value.dtype.kind == "f":
        return value
    if value.dtype == object and any(type(item) is not int for item in value.flat):
        return value
    return value.astype(np.float64)


def anywhere(condition: Any) -> bool:
    """Whether a condition holds, or holds somewhere in an array."""
    return bool(condition.any()) if isinstance(condition, np.ndarray) else bool(condition)


def _rationals_as_fractions(a: Array) -> Array:
    out = np.empty(a.shape, dtype=object)
    for index, item in np.ndenumerate(a):
        rational = getattr(item, "is_Rational", False)
        out[index] = Fraction(int(item.p), int(item.q)) if rational else item
    return cast(Array, out)
