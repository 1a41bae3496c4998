"""Inequalities between two polynomials in the number of shots: at which whole numbers they hold, and their roots."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from . import validation
from .factoring import as_product
from .kinds import Number, is_ball, is_exact, is_symbolic

Polynomial = tuple[Number, ...]  # from the constant on: a quadratic, or of degree 4 where two N differ
_Bounds = tuple[list[Any], list[Any]]
Shots = tuple[tuple[int, float], ...]  # disjoint ranges of whole numbers (first, last), last may be math.inf

ROUNDING = Fraction(1, 10**12)  # relative: floats closer than this count as equal (the formulas keep about 1e-14)


class Comparison(NamedTuple):
    """left(n) < right(n), polynomials in n, for n >= 1; and at n = 0 a pair of numbers, None if that is not asked."""

    left: Polynomial
    right: Polynomial
    at_zero: tuple[Number, Number] | None

    def difference(self) -> Polynomial:
        """left - right."""
        return tuple(a - b for a, b in zip(self.left, self.right, strict=True))

    def reversed(self) -> Comparison:
        """right < left."""
        return Comparison(self.right, self.left, None if self.at_zero is None else (self.at_zero[1], self.at_zero[0]))


def describe_shots(shots: Shots) -> str:
    """Ranges of n in words.

    >>> describe_shots(((0, 1), (5, 5), (22, math.inf))), describe_shots(()), describe_shots(((0, math.inf),))
    ('n <= 1 or n = 5 or n >= 22', 'never', 'always')
    """
    parts = []
    for first, last in shots:
        if last == math.inf:
            parts.append("always" if first == 0 else f"n >= {first}")
        elif first == last:
            parts.append(f"n = {first}")
        else:
            parts.append(f"n <= {last}" if first == 0 else f"{first} <= n <= {last}")
    return " or ".join(parts) or "never"


def common(*several: Shots) -> Shots:
    """The whole numbers that are in all of several unions of ranges.

    >>> common(((0, 5), (9, math.inf)), ((3, 10),))
    ((3, 5), (9, 10))
    """
    first, *others = several
    for other in others:
        pairs = [(max(a, c), min(b, d)) for a, b in first for c, d in other]
        first = tuple((a, b) for a, b in pairs if a <= b)
    return first


def where(comparison: Comparison, sign: int) -> Shots:
    """All n >= 0 at which left - right has this sign; at n = 0 only if the comparison speaks of it."""
    points, bounds = {1}, _bounds(comparison.left, comparison.right)
    for polynomial in bounds:
        points.update(k for floor in _root_floors(polynomial) for k in range(floor - 1, floor + 3) if k >= 1)
    ordered = sorted(points)
    pieces: list[tuple[int, float]] = [(0, 0)]
    for point, following in zip(ordered, [*ordered[1:], math.inf], strict=True):
        pieces.append((point, point))
        if following > point + 1:
            pieces.append((point + 1, following - 1))  # no root lies in here, so that one n speaks for all
    ranges: list[tuple[int, float]] = []
    for first, last in pieces:
        if sign_at(comparison, first, bounds) == sign:
            if ranges and ranges[-1][1] == first - 1:
                first = ranges.pop()[0]
            ranges.append((first, last))
    return tuple(ranges)


def sign_at(comparison: Comparison, n: int, bounds: _Bounds | None = None) -> int | None:
    """The sign of left - right at n shots; None at n = 0 if the comparison does not speak of it.

    ``bounds``: those of left - right, where they are known already.
    """
    left, right, at_zero = comparison
    if n == 0:
        if at_zero is None:
            return None
        left, right, bounds = (at_zero[0],), (at_zero[1],), None
    upper, lower = (_value(polynomial, n) for polynomial in bounds or _bounds(left, right))
    return -1 if _sign(upper) < 0 else 1 if _sign(lower) > 0 else 0


def _value(polynomial: Sequence[Any], n: int) -> Any:
    total: Any = 0
    for coefficient in reversed(polynomial):
        total = total * n + coefficient
    return total


def _bounds(left: Polynomial, right: Polynomial) -> _Bounds:
    """left - right from above and from below: the same twice, unless floats leave it uncertain by their rounding.

    A coefficient that is all rounding is none: two risks of one limit would seem to meet where it outgrows the others.
    """
    upper, lower = [], []
    for a, b in zip(left, right, strict=True):
        exact_a, exact_b = _exact(a), _exact(b)
        margin = (
            ROUNDING * (abs(exact_a) + abs(exact_b)) if isinstance(a, float) or isinstance(b, float) else Fraction(0)
        )
        difference = exact_a - exact_b
        if margin and abs(difference) <= margin:
            difference = margin = Fraction(0)
        upper.append(difference + margin)
        lower.append(difference - margin)
    return upper, lower


def _known(comparison: Comparison) -> Polynomial:
    """left - right, as well as it is known."""
    return tuple((low + high) / 2 for low, high in zip(*_bounds(comparison.left, comparison.right), strict=True))


def _exact(x: Number) -> Any:
    """A number as a Fraction (a float as its exact binary value), or as it is if it is irrational (sympy)."""
    if is_ball(x):
        raise validation.reject("a number", x, "a float, an exact number or a Symbol for conditions", TypeError)
    if is_symbolic(x):
        return Fraction(int(x.p), int(x.q)) if x.is_Rational else x
    return Fraction(int(x.numerator), int(x.denominator)) if is_exact(x) else Fraction(x)


def _sign(x: Any) -> int:
    """The sign of a Fraction or of an algebraic number."""
    if isinstance(x, Fraction | int):
        return (x > 0) - (x < 0)
    value = x.evalf(30)
    if value.is_Float and value._prec > 1:  # evalf vouches for these digits
        return 1 if value > 0 else -1
    if x.equals(0):
        return 0
    raise ArithmeticError(f"the sign of {x} could not be decided")


def _root_floors(polynomial: list[Any]) -> list[int]:
    """The real roots rounded down, to within one; beyond degree 2 those from 0 on, and other points among them."""
    fractions = [x if isinstance(x, Fraction) else _nearby(x) for x in polynomial]
    scale = math.lcm(*(x.denominator for x in fractions))
    whole = [int(x * scale) for x in fractions]
    while len(whole) > 3 and whole[-1] == 0:
        whole.pop()
    if len(whole) > 3:
        return _between_turns(whole)
    c, b, a = whole
    if a == 0:
        return [] if b == 0 else [-c // b]
    if a < 0:
        a, b, c = -a, -b, -c
    discriminant = b * b - 4 * a * c
    if discriminant < 0:
        return [-b // (2 * a)]  # of irrational coefficients a double root may have been missed by a hair
    root = math.isqrt(discriminant)
    return [(-b - root) // (2 * a), (-b + root) // (2 * a)]


def _between_turns(polynomial: list[int]) -> list[int]:
    """Beyond degree 2: from one root of the derivative to the next it is monotone, and bisection finds a root."""
    bound = 2 + max(map(abs, polynomial)) // abs(polynomial[-1])  # Cauchy's: no root is larger
    turns = _root_floors([Fraction(k * x) for k, x in enumerate(polynomial)][1:])
    points = {0, bound, *(k for turn in turns for k in range(turn - 1, turn + 3) if 0 <= k <= bound)}
    found = list(points)
    ordered = sorted(points)
    for low, high in itertools.pairwise(ordered):
        rises = _value(polynomial, high) > 0
        if rises == (_value(polynomial, low) > 0):
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if (_value(polynomial, middle) > 0) == rises else (middle, high)
        found.append(low)
    return found


def _nearby(x: Any) -> Fraction:
    """A rational approximation of an algebraic number, to 60 digits."""
    if _sign(x) == 0:
        return Fraction(0)
    import sympy

    value = sympy.Rational(x.evalf(60))
    return Fraction(int(value.p), int(value.q))


def roots(comparison: Comparison, symbolic: bool) -> list[Any]:
    """The positive real roots in n, in the kind of the coefficients; with symbols, all roots."""
    polynomial = comparison.difference()
    if symbolic or any(is_symbolic(_exact(x)) for x in polynomial):
        return _algebraic_roots(polynomial, symbolic)
    if len(polynomial) > 3:
        floats = any(isinstance(x, float) for x in polynomial)
        return [_presented(x, floats) for x in _algebraic_roots(_known(comparison), False)]
    p_0, p_1, p_2 = _known(comparison)
    if p_2 == 0:
        found = [-p_0 / p_1] if p_1 else []
    else:
        discriminant = p_1 * p_1 - 4 * p_2 * p_0
        if discriminant < 0:
            return []
        top = math.isqrt(discriminant.numerator * discriminant.denominator << 400)
        root = Fraction(top, discriminant.denominator << 200)
        if root * root != discriminant and not any(isinstance(x, float) for x in polynomial):
            return _algebraic_roots(polynomial, symbolic)
        far = p_1 + root if p_1 >= 0 else p_1 - root  # the sum that does not cancel
        found = [-far / (2 * p_2), -2 * p_0 / far] if far else [Fraction(0)]
    floats = any(isinstance(x, float) for x in polynomial)
    return [float(x) if floats else x for x in dict.fromkeys(found) if x > 0]


def _presented(root: Any, as_float: bool) -> Any:
    """A root as a float, else as a Fraction where it is rational."""
    return float(root) if as_float else Fraction(int(root.p), int(root.q)) if root.is_Rational else root


def _algebraic_roots(polynomial: Polynomial, symbolic: bool) -> list[Any]:
    """The roots as sympy expressions."""
    import sympy

    if len(polynomial) > 3:
        in_n = sympy.Poly([*map(tidy, reversed(polynomial))], sympy.Symbol("n"))
        if symbolic:
            return [x for x in (tidy(x) for x in sympy.roots(in_n)) if x != 0]
        rational = all(x.is_Rational for x in in_n.all_coeffs())
        if not rational:  # in radicals they would be pages
            known = [x if x.is_Rational else sympy.Rational(*_nearby(x).as_integer_ratio()) for x in in_n.all_coeffs()]
            in_n = sympy.Poly(known, sympy.Symbol("n"))
        found = [x for x, _ in in_n.real_roots(multiple=False) if _sign(x) > 0]
        return found if rational else [x.evalf(30) for x in found]
    p_0, p_1, p_2 = map(tidy, polynomial)
    if p_2 == 0:
        found = [] if p_1 == 0 else [-p_0 / p_1]
    elif p_0 == 0:  # n = 0 is not a threshold
        found = [-p_1 / p_2]
    else:
        root = sympy.sqrt(tidy(p_1**2 - 4 * p_2 * p_0))
        found = [(-p_1 - root) / (2 * p_2), (-p_1 + root) / (2 * p_2)]
    if symbolic:
        return [tidy(x) for x in found]
    return [x for x in map(sympy.radsimp, dict.fromkeys(found)) if x.is_real and _sign(x) > 0]


def tidy(x: Any) -> Any:
    """A number as a sympy one, factored if it is a rational function."""
    import sympy

    x = sympy.Rational(x.numerator, x.denominator) if isinstance(x, Fraction) else sympy.sympify(x)
    return as_product(x) if x.is_rational_function() and not x.is_number else x
