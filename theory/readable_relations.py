"""An inequality in the number of shots as one readable line of text."""

from __future__ import annotations

from typing import Any

from .shot_ranges import tidy

_LONG = 100  # letters beyond which what occurs twice gets a name


def readable(relation: Any) -> str:
    """A relation ``p < 0`` (or several) without positive factors, solved for n where it is linear in n.

    Examples
    --------
    >>> import sympy
    >>> n, d, m = sympy.Symbol("n"), *sympy.symbols("d m", positive=True)
    >>> readable((m + 1) * (d - n - 1) / (d + m) ** 2 < 0)
    'n > d - 1'
    >>> readable((sympy.sqrt(d) - n**2 < 0) & (n - d < 0))
    '-sqrt(d) + n**2 > 0 and n < d'
    """
    import sympy

    if isinstance(relation, sympy.And):
        return " and ".join(sorted(map(readable, relation.args)))
    if not isinstance(relation, sympy.StrictLessThan):
        return str(relation)
    factors = sympy.Mul.make_args(tidy(relation.lhs))
    rest = sympy.Mul(*(x for x in factors if not x.is_positive))
    numerator, denominator = rest.as_numer_denom()
    if denominator.is_positive:
        rest = numerator
    n, sign = sympy.Symbol("n"), "<"
    linear = sympy.Poly(rest, n) if rest.is_polynomial(n) else None
    if linear is not None and linear.degree() >= 1 and linear.LC().is_negative:
        rest, linear, sign = -rest, -linear, ">"
    elif (
        linear is not None and linear.degree() >= 1 and not linear.LC().is_positive and rest.could_extract_minus_sign()
    ):
        rest, sign = -rest, ">"
    if linear is not None and linear.degree() == 1 and linear.LC().is_positive:
        slope, start = linear.all_coeffs()
        bound = -start / slope
        return _named(lambda right: f"n {sign} {right}", tidy(bound))
    return _named(lambda left: f"{left} {sign} 0", sympy.collect(sympy.expand(rest), n) if linear is not None else rest)


def _named(text: Any, value: Any) -> str:
    """The line; where it is long, with names for what occurs more than once."""
    import sympy

    line: str = text(value)
    if len(line) <= _LONG:
        return line
    names, (short,) = sympy.cse(value, symbols=sympy.numbered_symbols("x_", start=1), order="canonical")
    if not names or not any(x.has(sympy.Pow) for _, x in names):
        return line
    return f"{text(short)}, " + ", ".join(f"{name} = {x}" for name, x in names)
