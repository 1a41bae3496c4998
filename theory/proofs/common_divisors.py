"""Common divisors of polynomials by python-flint, where sympy counts with it: most of a proof's time goes into them.

A divisor only shortens fractions: whether a difference is zero does not depend on who found it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from sympy import ZZ
from sympy.polys.rings import PolyElement


@contextmanager
def by_flint() -> Iterator[None]:
    """sympy's polynomials over the integers ask python-flint for their common divisors."""
    if not _is_there():
        yield
        return
    before = PolyElement.cofactors

    def cofactors(f: PolyElement, g: PolyElement) -> Any:
        if f.ring.domain is ZZ and len(f) > 1 and len(g) > 1:
            return _cofactors(f, g)
        return before(f, g)

    PolyElement.cofactors = cofactors
    try:
        yield
    finally:
        PolyElement.cofactors = before


def square_root(f: PolyElement) -> PolyElement | None:
    """The polynomial over the integers whose square this is; None if there is none, and where python-flint is not."""
    if f.ring.domain is not ZZ or not _is_there():
        return None
    from flint.utils.flint_exceptions import DomainError

    try:
        return _like(f, _context(f.ring.ngens).from_dict(dict(f)).sqrt())
    except DomainError:
        return None


@cache
def _is_there() -> bool:
    if not type(ZZ(1)).__module__.startswith("flint"):
        return False
    import flint

    return hasattr(getattr(flint, "fmpz_mpoly_ctx", None), "get")  # from 0.7 on, by this name from 0.8 on


@cache
def _context(variables: int) -> Any:
    import flint

    return flint.fmpz_mpoly_ctx.get([f"x{k}" for k in range(variables)], "lex")


def _cofactors(f: PolyElement, g: PolyElement) -> tuple[PolyElement, PolyElement, PolyElement]:
    """The greatest common divisor h, f/h and g/h."""
    ring = f.ring
    context = _context(ring.ngens)
    one, two = context.from_dict(dict(f)), context.from_dict(dict(g))
    divisor = one.gcd(two)
    if divisor == 1:
        return ring.one, f, g
    return _like(f, divisor), _like(f, one / divisor), _like(f, two / divisor)


def _like(f: PolyElement, found: Any) -> PolyElement:
    """A polynomial of flint's as one of the ring of f."""
    return f.new({tuple(map(int, powers)): x for powers, x in found.to_dict().items()})
