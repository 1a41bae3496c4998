"""Words and values: a formula is printed in words that are read back, and only if they say what was derived."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from ..factoring import factored
from .verdicts import Ruling


def ruled(holds: bool) -> Ruling:
    """Confirmed, or corrected."""
    return "confirmed" if holds else "corrected"


def agrees(printed: str, value: Any) -> bool:
    """Whether a value rounds to the printed decimals."""
    digits = len(printed.partition(".")[2])
    return round(float(value), digits) == float(printed)


def symbols() -> dict[str, Any]:
    """The positive symbols that formulas in words are about; the noise is sigma^2."""
    import sympy

    return {name: sympy.Symbol(name, positive=True) for name in ("d", "n", "m", "sigma")}


def symbolic(**changes: Any) -> dict[str, Any]:
    """Symbols for the numbers of a setting; the exact value scale 1 keeps roots out."""
    of = symbols()
    setting = {"d": of["d"], "noise_variance": of["sigma"] ** 2, "pretrain_shots": of["m"], "value_scale": Fraction(1)}
    return setting | changes


def read(words: str) -> Any:
    """The value of a formula in words, such as (m+1)/(m+1+d+d sigma^2), or 0.1 + 2/9, exactly."""
    from sympy.parsing.sympy_parser import (
        convert_xor,
        implicit_multiplication,
        parse_expr,
        rationalize,
        standard_transformations,
    )

    rules = (*standard_transformations, convert_xor, implicit_multiplication, rationalize)
    return parse_expr(words, local_dict=symbols(), transformations=rules)


def equal(one: Any, other: Any) -> bool:
    """Whether two rational functions are the same: their difference has a zero normal form."""
    return bool(factored(one - other) == 0)


def in_words(value: Any, words: str) -> str:
    """The words, if they say what the value is; else the value."""
    return words if equal(read(words), value) else str(factored(value)).replace("**", "^")


def limit_of_many_shots(value: Any) -> Any:
    """The limit of a rational function as n grows."""
    import sympy

    n = symbols()["n"]
    top, bottom = (sympy.Poly(part, n) for part in sympy.fraction(sympy.together(value)))
    if top.degree() > bottom.degree():
        return sympy.oo
    return sympy.cancel(top.LC() / bottom.LC()) if top.degree() == bottom.degree() else sympy.Integer(0)


def difference(published: Any, right: Any) -> Fraction:
    """The relative difference of two exact numbers."""
    return abs(Fraction(published) - Fraction(right)) / abs(Fraction(right))


def with_decimals(number: Any) -> str:
    """An exact number, and its decimals."""
    return f"{number} = {float(number):.4f}"


def cancelled(value: Any) -> Any:
    """In lowest terms."""
    import sympy

    return sympy.cancel(value)


def is_positive(value: Any) -> bool:
    """Whether a rational function of positive symbols is positive because all its coefficients are."""
    import sympy

    parts = [sympy.Poly(part, *symbols().values()) for part in sympy.fraction(sympy.cancel(value))]
    return all(part.coeffs() and all(c > 0 for c in part.coeffs()) for part in parts)
