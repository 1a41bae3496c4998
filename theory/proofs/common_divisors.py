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
    before = getattr(PolyElement, "_gcd_ZZ", None)
    if before is None or not _is_there():
        yield
        return
    PolyElement._gcd_ZZ = _cofactors
    try:
        yield
    finally:
        PolyElement._gcd_ZZ = before


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
    return tuple(
        f.new({tuple(map(int, powers)): x for powers, x in part.to_dict().items()})
        for part in (divisor, one / divisor, two / divisor)
    )
