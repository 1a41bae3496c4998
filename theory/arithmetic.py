"""The kinds of number that flow through the closed forms, and the few operations that depend on the kind.

Closed forms are written once in ``+ - * /`` and integer powers. What depends on the kind of number is here: a square
root, a maximum, a choice, how counts enter exact arithmetic, and how a result is handed back.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

import numpy as np

# Arithmetic is generic in the kind of number: float, ndarray, Fraction, flint fmpq and arb, sympy Expr, mpf.
Number = Any


def module_type(module: str, *names: str) -> tuple[type, ...]:
    """Types of an optional module, if the caller has loaded it; nothing is imported here."""
    loaded = sys.modules.get(module)
    return tuple(getattr(loaded, name) for name in names if hasattr(loaded, name)) if loaded else ()


def is_symbolic(value: object) -> bool:
    """Whether the value is a sympy expression."""
    return isinstance(value, module_type("sympy", "Expr"))


def is_exact(value: object) -> bool:
    """Whether the value is a Fraction or a flint rational."""
    return isinstance(value, (Fraction, *module_type("flint", "fmpq", "fmpz")))


def is_rational(value: object) -> bool:
    """Whether the value is an int or exact."""
    return type(value) is int or is_exact(value)


def is_ball(value: object) -> bool:
    """Whether the value is a flint ball or an mpmath number: it carries a precision of its own."""
    return isinstance(value, module_type("flint", "arb") + module_type("mpmath", "mpf"))


def lifting(values: Iterable[object]) -> Callable[[Number], Number] | None:
    """How to bring numbers of several kinds to one kind, or None if all are plain ints and floats.

    A Symbol makes everything symbolic; a ball, balls; else a float makes floats; else a Fraction makes Fractions. Ints
    (and the infinity of ``pretrain_shots``) decide nothing.
    """
    values = [value for value in values if not (value is None or value is math.inf or type(value) is int)]
    if any(is_symbolic(value) for value in values):
        import sympy

        return _unless_infinite(lambda x: sympy.Rational(int(x.numerator), int(x.denominator)) if is_rational(x) else x)
    ball: Any = next((value for value in values if is_ball(value)), None)
    if ball is not None:
        kind = type(ball)
        return _unless_infinite(lambda x: kind(int(x.numerator)) / int(x.denominator) if is_rational(x) else kind(x))
    if not any(is_exact(value) for value in values):
        return None
    if all(is_exact(value) for value in values):
        return _unless_infinite(as_fraction)
    return lambda x: int(x.numerator) / int(x.denominator) if is_exact(x) else x


def as_fraction(x: Any) -> Fraction:
    """The Fraction equal to an int, a float or an exact number."""
    return Fraction(x) if isinstance(x, float) else Fraction(int(x.numerator), int(x.denominator))


def _unless_infinite(lift: Callable[[Number], Number]) -> Callable[[Number], Number]:
    return lambda x: x if x is None or x is math.inf else lift(x)


def square_root(x: Any) -> Number:
    """The non-negative square root, in the kind of the argument; exact for Fractions (a sympy number if irrational)."""
    kind = type(x)
    if kind is float or kind is int:
        return math.sqrt(x)
    if isinstance(x, np.ndarray):
        return np.sqrt(x)
    if kind is Fraction:
        top, bottom = math.isqrt(x.numerator), math.isqrt(x.denominator)
        if top * top == x.numerator and bottom * bottom == x.denominator:
            return Fraction(top, bottom)
    if is_exact(x) or is_symbolic(x):
        import sympy

        return sympy.sqrt(factored(x))
    return x.sqrt() if hasattr(x, "sqrt") else x**0.5  # balls and recorded numbers know theirs


def choose(condition: Any, if_true: Number, if_false: Number) -> Number:
    """``if_true`` where the condition holds, else ``if_false``; elementwise on arrays."""
    if isinstance(condition, np.ndarray):
        return np.where(condition, if_true, if_false)
    return if_true if condition else if_false


def anywhere(condition: Any) -> bool:
    """Whether a condition holds, or holds somewhere in an array."""
    return bool(condition.any()) if isinstance(condition, np.ndarray) else bool(condition)


def infinity_beside(value: Number) -> Number:
    """Infinity in the kind of a value: sympy's beside expressions, else the float."""
    if is_symbolic(value):
        import sympy

        return sympy.oo
    return math.inf


def is_zero(x: Number) -> Any:
    """Whether a number is zero; elementwise on arrays, and False for an expression that is not literally zero."""
    return x == 0


def factored(x: Number) -> Number:
    """A sympy expression factored: as a rational function of symbols and roots, or left whole if that is shorter."""
    import sympy

    x = sympy.sympify(x)
    roots = {
        root: sympy.Dummy(positive=True)
        for root in x.atoms(sympy.Pow)
        if root.exp.is_Rational and not root.exp.is_Integer and not root.base.is_number
    }
    if not roots:
        return sympy.factor(x)
    back = {name: root for root, name in roots.items()}
    return min(sympy.factor(x.xreplace(roots)).xreplace(back), x, key=sympy.count_ops)


def present(value: Number, inputs: Iterable[object]) -> Number:
    """Hand a result back in the caller's kind: rational results as Fraction, or fmpq if an fmpq came in."""
    if is_symbolic(value) and not value.free_symbols and not any(is_symbolic(x) for x in inputs):
        import sympy

        value = sympy.radsimp(sympy.expand(value))
        if value.is_Rational:
            value = Fraction(int(value.p), int(value.q))
    if isinstance(value, Fraction):
        for kind in module_type("flint", "fmpq"):
            if any(isinstance(x, kind) for x in inputs):
                return kind(value.numerator, value.denominator)
    return value
