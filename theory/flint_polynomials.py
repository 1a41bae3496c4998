"""Common divisors, products, roots and factors of polynomials by python-flint, where sympy counts with it.

Most of the time of a proof, or of a formula in symbols, goes into them. A divisor only shortens fractions, and factors are
one and the same but for their order: nothing depends on who found them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any

from sympy import QQ, ZZ
from sympy.polys.fields import FracElement
from sympy.polys.rings import PolyElement

_LONG = 20  # terms, of which more are sooner handed to flint and taken back
_SYMPY_COFACTORS, _SYMPY_TIMES = PolyElement.cofactors, PolyElement.__mul__
_SYMPY_NUMBER_OF = FracElement._extract_ground
_LOCK = Lock()
_inside = 0  # how many are in the context


@contextmanager
def by_flint() -> Iterator[None]:
    """sympy's polynomials find common divisors and products by python-flint, or by hand where one has a single term."""
    if not _is_there():
        yield
        return
    _enter(1)
    try:
        yield
    finally:
        _enter(-1)


def _enter(change: int) -> None:
    global _inside
    with _LOCK:  # threads may be inside together
        _inside += change
        PolyElement.cofactors = _cofactors if _inside else _SYMPY_COFACTORS
        PolyElement.__mul__ = _times if _inside else _SYMPY_TIMES
        FracElement._extract_ground = _number_of if _inside else _SYMPY_NUMBER_OF


def square_root(f: PolyElement) -> Any:
    """The polynomial whose square this is, None if there is none; NotImplemented where python-flint is not, and over other fields."""
    if f.ring.domain not in (ZZ, QQ) or not _is_there():
        return NotImplemented
    from flint.utils.flint_exceptions import DomainError

    if f.ring.domain is QQ:
        number = f.clear_denoms()[0]
        root = square_root(f.mul_ground(number**2).set_ring(f.ring.clone(domain=ZZ)))
        return None if root is None else root.set_ring(f.ring).mul_ground(QQ(1, number))
    try:
        return _like(f, _in_flint(f).sqrt())
    except DomainError:
        return None


def factors(f: PolyElement) -> Any:
    """The integer factor and the irreducible ones, with positive leading coefficients, and their powers."""
    if f.ring.domain is not ZZ or f.is_ground or not _is_there():
        return f.factor_list()
    try:
        number, found = _in_flint(f).factor()
    except OverflowError:  # python-flint sorts factors by their coefficients, as machine integers
        return f.factor_list()
    return number, [(_like(f, factor), int(power)) for factor, power in found]


@cache
def _is_there() -> bool:
    if not type(ZZ(1)).__module__.startswith("flint"):
        return False
    import flint

    return hasattr(getattr(flint, "fmpz_mpoly_ctx", None), "get")  # from 0.7 on, by this name from 0.8 on


def _in_flint(f: PolyElement) -> Any:
    return _context(f.ring.ngens).from_dict(dict(f))


@cache
def _context(variables: int) -> Any:
    import flint

    return flint.fmpz_mpoly_ctx.get([f"x{k}" for k in range(variables)], "lex")


def _cofactors(f: PolyElement, g: PolyElement) -> Any:
    """The greatest common divisor h, f/h and g/h."""
    if f.ring.domain is not ZZ or not (f and g):
        return _SYMPY_COFACTORS(f, g)
    ring = f.ring
    if len(g) == 1:  # mostly 1
        return _cofactors_of_term(f, g)
    if len(f) == 1:
        divisor, two, one = _cofactors_of_term(g, f)
        return divisor, one, two
    one, two = _in_flint(f), _in_flint(g)
    divisor = one.gcd(two)
    if divisor == 1:
        return ring.one, f, g
    return _like(f, divisor), _like(f, one / divisor), _like(f, two / divisor)


def _cofactors_of_term(f: PolyElement, g: PolyElement) -> Any:
    """The same where g is a single term."""
    ring = f.ring
    ((powers, number),) = g.items()
    if any(powers):
        powers = tuple(map(min, powers, *f))
    for coefficient in f.values():
        if number == 1:
            break
        number = number.gcd(coefficient)
    if number == 1 and not any(powers):
        return ring.one, f, g
    one, two = (f.new({ring.monomial_ldiv(key, powers): x // number for key, x in h.items()}) for h in (f, g))
    return f.new({powers: number}), one, two


def _times(f: PolyElement, g: Any) -> Any:
    ring = f.ring
    if not isinstance(g, PolyElement):
        refused = f and g and (_is_no_number(g) or _is_fraction_over(ring, g))
        return NotImplemented if refused else _SYMPY_TIMES(f, g)
    if len(f) == len(g) == 1 and (ring is g.ring or ring == g.ring):  # most are
        ((powers, number),), ((more, other),) = f.items(), g.items()
        return f.new({ring.monomial_mul(powers, more): number * other})
    if ring.domain is not ZZ or len(f) <= _LONG or len(g) <= _LONG or ring != g.ring:
        return _SYMPY_TIMES(f, g)
    return _like(f, _in_flint(f) * _in_flint(g))


def _number_of(f: FracElement, g: Any) -> Any:
    """What sympy asks of a factor or summand: (0, None, None) says that it is no number."""
    return (0, None, None) if _is_no_number(g) else _SYMPY_NUMBER_OF(f, g)


def _is_no_number(g: Any) -> bool:
    """Whether it multiplies polynomials from its own side; sympy finds that out too, and prints it into a message first."""
    return getattr(type(g), "is_coefficient", True) is False


def _is_fraction_over(ring: Any, g: Any) -> bool:
    return isinstance(g, FracElement) and g.field.ring == ring and not (g.numer.is_ground and g.denom.is_ground)


def _like(f: PolyElement, found: Any) -> PolyElement:
    """A polynomial of flint's as one of the ring of f."""
    return f.new({tuple(map(int, powers)): x for powers, x in found.to_dict().items()})
