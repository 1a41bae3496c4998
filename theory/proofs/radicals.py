r"""Square roots without floats: rational functions extended by the roots that a printed formula takes.

A formula of the core with a square root in it is plain arithmetic but for that root. :class:`Roots` supplies numbers
that have it (:mod:`theory.surds`) over a field of rational functions: the printed function itself runs on symbols, and two
results are equal if their difference is identically zero.

Every generator of the field stands for a *positive* number. A radicand that is the square of a rational function is
recognised, and its root is the one whose coefficients are all of one sign, which is therefore positive: the branch is
proved, not assumed. If no sign can be read off, the proof has failed.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import isqrt, prod
from typing import Any

from sympy import QQ, prime
from sympy.polys.fields import FracElement
from sympy.polys.polyerrors import CoercionFailed
from sympy.polys.rings import PolyElement

from .. import surds
from ..flint_polynomials import square_root
from ..surds import Surd
from .theorem import ProofFailed

__all__ = ["Roots", "Surd", "compose"]


class Roots(surds.Roots):
    """A field of rational functions, and the square roots taken in it so far.

    Examples
    --------
    >>> from sympy import QQ, ZZ
    >>> from sympy.polys.fields import field
    >>> F, a, b = field("a b", ZZ)
    >>> lift = Roots(F)
    >>> root = (lift(a) + b) ** 0.5
    >>> root**2 - a == b, lift(a**2 / b**4) ** 0.5 == a / b**2
    (True, True)
    """

    no_number = CoercionFailed
    no_inverse = ProofFailed

    def __init__(self, field: Any) -> None:
        super().__init__(field)
        self._whole: dict[int, Any] = {}  # whole numbers as elements: 0 and 1 stand beside every other one

    def element(self, value: Any) -> Any:
        """A rational number or function as an element of the field."""
        if type(value) is int:
            if value not in self._whole:
                self._whole[value] = self.field(value)
            return self._whole[value]
        if isinstance(value, Fraction):
            value = QQ(value.numerator, value.denominator)
        return self.field(value)

    def rational_root(self, x: Any) -> Any:
        """The positive root of a rational function that is a square; None if it is none."""
        return rational_root(x)

    def is_negative(self, x: Surd) -> bool:
        """The sign of what a printed formula compares with zero, read off its coefficients."""
        value = x.rational()
        if not (positive(value) or positive(-value)):
            raise ProofFailed(f"the sign of {value} cannot be read off its coefficients")
        return positive(-value)


def positive(x: Any) -> bool:
    """Whether a rational function is positive at positive arguments because all its coefficients are."""
    return bool(x) and all(c > 0 for c in x.numer.coeffs()) and all(c > 0 for c in x.denom.coeffs())


def rational_root(x: FracElement) -> FracElement | None:
    """The positive square root of the square of a rational function; None if it is no square."""
    if not _may_be_square(x):
        return None
    parts = [_root_of_polynomial(part) for part in (x.numer, x.denom)]
    if None in parts:
        return None
    found = x.field(parts[0]) / x.field(parts[1])
    for candidate in (found, -found):
        if positive(candidate):
            return candidate
    raise ProofFailed(f"the sign of the square root {found} cannot be read off its coefficients")


def _may_be_square(x: FracElement) -> bool:
    """Whether its value at a point is the square of a rational number, as a square's is wherever it has a value."""
    at = [prime(k) for k in range(5, 5 + len(x.field.gens))]
    value = QQ(1) * x.numer(*at) * x.denom(*at)
    top, bottom = int(QQ.numer(value)), int(QQ.denom(value))
    return top >= 0 and isqrt(top) ** 2 == top and isqrt(bottom) ** 2 == bottom


def _root_of_polynomial(f: PolyElement) -> PolyElement | None:
    """A polynomial whose square this is, if there is one."""
    found: PolyElement | None = square_root(f)
    if found is not NotImplemented:
        return found
    content, factors = f.sqf_list()
    content = Fraction(int(QQ.numer(content)), int(QQ.denom(content)))
    top, bottom = (isqrt(abs(k)) for k in (content.numerator, content.denominator))
    if content != Fraction(top, bottom) ** 2 or any(exponent % 2 for _, exponent in factors):
        return None
    return prod((factor ** (exponent // 2) for factor, exponent in factors), start=f.ring.one) * QQ(top, bottom)


def compose(element: Any, images: Mapping[Any, Any]) -> Any:
    """A polynomial or rational function with its generators replaced by other numbers."""
    if isinstance(element, FracElement):
        return compose(element.numer, _in_ring(images)) / compose(element.denom, _in_ring(images))
    values = [_in_ring(images).get(generator) for generator in element.ring.gens]
    total: Any = 0
    for exponents, number in element.terms():
        powers = prod(value**e for value, e in zip(values, exponents, strict=True) if e)
        total = total + powers * number
    return total


def _in_ring(images: Mapping[Any, Any]) -> dict[Any, Any]:
    """Generators of a field as generators of its ring."""
    return {key.numer if isinstance(key, FracElement) else key: value for key, value in images.items()}
