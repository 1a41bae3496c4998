"""Hypotheses as data: what a theorem assumes of its numbers is printed from the lines that its proof reads signs from.

A hypothesis is a printed line. ``sigma2 > 0``, ``m_prime >= 1``, ``c != 0`` bound a number, ``w_star < w_0`` orders two, and
``Sigma @ theta_0 == kappa*theta_0`` is a rule of calculation. Nothing else is known of a number but its :data:`DOMAIN`, so
that a proof whose theorem does not state what it needs fails.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Any, NamedTuple

from sympy.polys.fields import FracElement

from ..python_to_latex import latex_of

# What the numbers are, in every theorem: counts, and squares. (A Setting takes no others.)
DOMAIN = (
    "d >= 1", "n >= 0", "m >= 1", "m_0 >= 1", "m_prime >= 0",
    "sigma2 >= 0", "s >= 0", "lam >= 0", "t_2 >= 0",
)  # fmt: skip


SAME_SIGN = {"s_0": "s", "T": "s", "rho": "sigma2"}  # squared lengths of one vector; rho = sigma2/s


class Given(NamedTuple):
    """A hypothesis, and which part of the theorem rests on it, if not the whole."""

    line: str
    where: str = ""

    def latex(self) -> str:
        """The line as mathematics, for a page."""
        return f"${latex_of(self.line)}$" + (f" ({self.where})" if self.where else "")


def domain() -> str:
    """What every theorem knows of its numbers, for a page."""
    return "; ".join(Given(line).latex() for line in DOMAIN)


class Bound(NamedTuple):
    """x = low + y with y >= 0, or y > 0 if strict; without low x has either sign, and is not 0 if strict."""

    low: int | None
    strict: bool


def bound_of(line: str) -> tuple[str, Bound] | None:
    """The name and the bound that a line sets; None for a line of another kind."""
    match _compared(line):
        case ast.Name(id=name), sign, ast.Constant(value=int() as low) if sign in (ast.Gt, ast.GtE):
            return name, Bound(low, sign is ast.Gt)
        case ast.Name(id=name), ast.NotEq, ast.Constant(value=0):
            return name, Bound(None, True)
    return None


def order_of(line: str) -> tuple[str, str, bool] | None:
    """(smaller, larger, whether strictly) of a line that orders two names; None for a line of another kind."""
    match _compared(line):
        case ast.Name(id=smaller), sign, ast.Name(id=larger) if sign in (ast.Lt, ast.LtE):
            return smaller, larger, sign is ast.Lt
    return None


def _compared(line: str) -> tuple[ast.expr, type[ast.cmpop], ast.expr]:
    match ast.parse(line).body:
        case [ast.Expr(value=ast.Compare(left=left, ops=[sign], comparators=[right]))]:
            return left, type(sign), right
    raise ValueError(f"line = {line!r} is not allowed: a hypothesis must be one comparison")


class Signs:
    """Signs of rational functions, read off their coefficients, where bounds of the generators are known.

    Examples
    --------
    >>> from sympy import ZZ
    >>> from sympy.polys.fields import field
    >>> _, m, sigma2 = field("m sigma2", ZZ)
    >>> [Signs(lines).positive((m - 1) * sigma2) for lines in (("m >= 2", "sigma2 > 0"), ("m >= 1", "sigma2 > 0"))]
    [True, False]
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self.bounds: dict[str, Bound] = {}
        for line in (*DOMAIN, *lines):
            found = bound_of(line)
            if found is not None:
                name, bound = SAME_SIGN.get(found[0], found[0]), found[1]
                self.bounds[name] = _stronger(self.bounds.get(name, Bound(None, False)), bound)

    def positive(self, x: FracElement) -> bool:
        """Whether x > 0 follows: every term of numerator and denominator is >= 0, and one of each is > 0."""
        return self.nonnegative(x) and self._some_term_positive(x.numer)

    def nonnegative(self, x: FracElement) -> bool:
        """Whether x >= 0 follows."""
        terms = [*self._terms(x.numer), *self._terms(x.denom)]
        return all(c > 0 and self._even_or_signed(term) for term, c in terms) and self._some_term_positive(x.denom)

    def _some_term_positive(self, polynomial: Any) -> bool:
        return any(
            all(self._bound(name).strict for name, exponent in term.items() if exponent)
            for term, _ in self._terms(polynomial)
        )

    def _even_or_signed(self, term: dict[str, int]) -> bool:
        return all(exponent % 2 == 0 or self._bound(name).low is not None for name, exponent in term.items())

    def _bound(self, name: str) -> Bound:
        return self.bounds.get(SAME_SIGN.get(name, name), Bound(None, False))

    def _terms(self, polynomial: Any) -> list[tuple[dict[str, int], Any]]:
        """The terms in y where x = low + y."""
        names = [symbol.name for symbol in polynomial.ring.symbols]
        lows = [
            (g, g + low) for g, name in zip(polynomial.ring.gens, names, strict=True) if (low := self._bound(name).low)
        ]
        moved = polynomial.compose(lows) if lows else polynomial
        return [(dict(zip(names, exponents, strict=True)), c) for exponents, c in moved.terms()]


def _stronger(one: Bound, other: Bound) -> Bound:
    """What two bounds of one number say together."""
    lows = [bound.low for bound in (one, other) if bound.low is not None]
    if not lows:
        return Bound(None, one.strict or other.strict)
    low = max(lows)
    return Bound(
        low, any(bound.strict and (bound.low == low or (bound.low is None and low == 0)) for bound in (one, other))
    )
