r"""Numbers with square roots, exactly: elements of a field extended by the roots that a formula takes.

A formula of the core with a square root in it is plain arithmetic but for that root. :class:`Roots` supplies numbers that
have it: elements of a field, the rational numbers unless another is given, with a new symbol r for each root and the one
rule :math:`r^2 = x`. So the formula runs in exact numbers, and two results are equal if their difference has no terms left.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from math import isqrt, prod
from typing import Any

Key = frozenset[int]  # the roots that a term holds, each to the first power
RATIONAL: Key = frozenset()


class Roots:
    """A field, and the square roots taken in it so far.

    Examples
    --------
    >>> lift = Roots()
    >>> root = lift(2) ** 0.5
    >>> 1 / (1 + root) == root - 1, lift(Fraction(9, 4)) ** 0.5 == Fraction(3, 2)
    (True, True)
    """

    no_inverse: type[Exception] = ZeroDivisionError  # what division by zero raises
    no_number: type[Exception] = TypeError  # what the field raises for what is not its element

    def __init__(self, field: Any = Fraction) -> None:
        self.field = field
        self.radicands: list[Surd] = []

    def rational_root(self, x: Any) -> Any:
        """The root of an element of the field that is a square; None if it is none."""
        return root_of_fraction(x)

    def __call__(self, value: Any) -> Surd:
        """A rational number or function as a number with roots."""
        if isinstance(value, Surd):
            return value
        return Surd(self, {RATIONAL: self.element(value)})

    def element(self, value: Any) -> Any:
        """A rational number or function as an element of the field; TypeError or CoercionFailed for what is none."""
        return self.field(value)

    def root(self, x: Surd) -> Surd:
        """The non-negative square root."""
        if not x:
            return x
        for index, radicand in enumerate(self.radicands):
            if x == radicand:
                return self._symbol(index)
        if x.terms.keys() == {RATIONAL}:
            known = [(self(1), self(1)), *((r, self._symbol(i)) for i, r in enumerate(self.radicands))]
            for radicand, root in known:
                if radicand.terms.keys() == {RATIONAL}:
                    factor = self.rational_root((x / radicand).terms[RATIONAL])
                    if factor is not None:
                        return self(factor) * root
        self.radicands.append(x)
        return self._symbol(len(self.radicands) - 1)

    def is_negative(self, x: Surd) -> bool:
        """Its sign, to within the rounding of floats: both signs' formulas are right where it is lost."""
        return float(x) < 0

    def _symbol(self, index: int) -> Surd:
        return Surd(self, {frozenset({index}): self.field(1)})


class Surd:
    """A rational function of the parameters and of square roots, each root to the first power."""

    __slots__ = ("roots", "terms")
    is_coefficient = True  # of the calculus: theory.wick.combinations

    def __init__(self, roots: Roots, terms: Mapping[Key, Any]) -> None:
        self.roots = roots
        self.terms = {key: value for key, value in terms.items() if value}

    def _number(self, other: Any) -> Surd | None:
        """Another number as one of these; None for a vector, say, which adds and multiplies from its side."""
        if isinstance(other, Surd):
            return other
        if isinstance(other, str) or hasattr(other, "__array_ufunc__"):  # an array, or what sits on lines or in tokens
            return None
        try:
            return self.roots(other)
        except (TypeError, self.roots.no_number):
            return None

    def __add__(self, other: Any) -> Surd:
        summand = self._number(other)
        if summand is None:
            return NotImplemented
        terms = dict(self.terms)
        for key, value in summand.terms.items():
            terms[key] = terms[key] + value if key in terms else value
        return Surd(self.roots, terms)

    __radd__ = __add__

    def __neg__(self) -> Surd:
        return Surd(self.roots, {key: -value for key, value in self.terms.items()})

    def __sub__(self, other: Any) -> Surd:
        return self.__add__(-other)

    def __rsub__(self, other: Any) -> Surd:
        return (-self).__add__(other)

    def __mul__(self, other: Any) -> Surd:
        if isinstance(other, int):  # as itself: a field need not look for the number that it is
            return Surd(self.roots, {key: value * other for key, value in self.terms.items()})
        factor = self._number(other)
        if factor is None:
            return NotImplemented
        terms: dict[Key, Any] = {}
        squared = []  # terms in which a root meets itself
        for left, a in self.terms.items():
            for right, b in factor.terms.items():
                if left & right:
                    squared.append((left, right, a * b))
                else:
                    both = left | right
                    terms[both] = terms[both] + a * b if both in terms else a * b
        product = Surd(self.roots, terms)
        for left, right, value in squared:
            term = Surd(self.roots, {left ^ right: value})
            for index in left & right:
                term = term * self.roots.radicands[index]
            product = product + term
        return product

    __rmul__ = __mul__

    def inverse(self) -> Surd:
        """1/x, by the conjugate in the last root: 1/(a + b r) = (a - b r)/(a^2 - b^2 r^2)."""
        if not self.terms:
            raise self.roots.no_inverse("a formula divides by zero")
        last = max((index for key in self.terms for index in key), default=None)
        if last is None:
            return Surd(self.roots, {RATIONAL: 1 / self.terms[RATIONAL]})
        conjugate = Surd(self.roots, {key: -value if last in key else value for key, value in self.terms.items()})
        return conjugate * (self * conjugate).inverse()

    def __truediv__(self, other: Any) -> Surd:
        return self * self.roots(other).inverse()

    def __rtruediv__(self, other: Any) -> Surd:
        return self.roots(other) * self.inverse()

    def __pow__(self, exponent: float) -> Surd:
        if exponent == 0.5:
            return self.roots.root(self)
        if not isinstance(exponent, int) or exponent < 0:
            raise ValueError(f"exponent = {exponent!r} is not allowed: a non-negative int, or 0.5")
        return prod([self] * exponent, start=self.roots(1))

    def sqrt(self) -> Surd:
        """The non-negative square root, as the core's numbers know theirs."""
        return self.roots.root(self)

    def __bool__(self) -> bool:
        return bool(self.terms)

    def __lt__(self, other: Any) -> bool:
        return self.roots.is_negative(self - other)

    def __eq__(self, other: object) -> bool:
        difference = self._number(other)
        return NotImplemented if difference is None else not (self - difference).terms

    __hash__ = None  # type: ignore[assignment]

    def __float__(self) -> float:
        used = {index for key in self.terms for index in key}
        roots = {index: math.sqrt(float(self.roots.radicands[index])) for index in used}
        return float(sum(float(value) * prod(roots[index] for index in key) for key, value in self.terms.items()))

    def _sympy_(self) -> Any:
        """Beside a sympy expression it is what sympy writes, which would else ask for a float; of a field's elements it is none."""
        if self.roots.field is not Fraction:
            from sympy import SympifyError

            raise SympifyError(self)
        return self.to_sympy()

    def to_sympy(self) -> Any:
        """The number as sympy writes it."""
        import sympy

        total = sympy.Integer(0)
        for key, value in self.terms.items():
            roots = [sympy.sqrt(self.roots.radicands[index].to_sympy()) for index in key]
            total += sympy.Rational(value.numerator, value.denominator) * sympy.Mul(*roots)
        return total

    def __repr__(self) -> str:
        return " + ".join(f"({value})" + "".join(f"*r{i}" for i in sorted(key)) for key, value in self.terms.items())

    def is_rational(self) -> bool:
        """Whether no root is left in it."""
        return self.terms.keys() <= {RATIONAL}

    def rational(self) -> Any:
        """The value, where no root is left in it."""
        if not self.is_rational():
            raise ValueError(f"a root is left in {self}")
        return self.terms.get(RATIONAL, self.roots.field(0))


def root_of_fraction(x: Fraction) -> Fraction | None:
    """The non-negative root of a Fraction that is a square; None if it is none."""
    if x < 0:
        return None
    found = Fraction(isqrt(x.numerator), isqrt(x.denominator))
    return found if found * found == x else None
