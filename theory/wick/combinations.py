"""Exact coefficients, and the arithmetic that every linear combination shares.

Coefficients are ints, Fractions, or elements of a sympy polynomial ring over QQ or of its field of fractions.
Such elements are in canonical form, so that a difference is zero, or it is not: nothing has to be simplified.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any, Generic, Self, TypeAlias, TypeVar, cast

from sympy import QQ, ZZ
from sympy.polys.fields import FracElement
from sympy.polys.rings import PolyElement

__all__ = ["Coefficient", "Combination", "coefficient", "quotient"]

Coefficient: TypeAlias = Any  # int, an element of QQ, or of a ring or field over it: see `coefficient`
SHOWN = 20  # terms that `print` and messages show; repr shows all
Key = TypeVar("Key")
Value = TypeVar("Value")


def coefficient(value: object) -> Coefficient:
    """`value` as an exact coefficient; TypeError for a float, a sympy expression, and all else.

    >>> coefficient(0.5)
    Traceback (most recent call last):
    ...
    TypeError: coefficients are ints, Fractions, or elements of a sympy ring or field over QQ; got 0.5
    """
    if isinstance(value, int | QQ.dtype):
        return value
    if isinstance(value, ZZ.dtype):
        return QQ(value)
    if isinstance(value, Fraction):
        return QQ(value.numerator, value.denominator)
    if isinstance(value, PolyElement) and value.ring.domain in (QQ, ZZ):
        return value
    if isinstance(value, FracElement) and value.field.domain in (QQ, ZZ):
        return value
    if is_foreign(value):
        return value
    raise TypeError(f"coefficients are ints, Fractions, or elements of a sympy ring or field over QQ; got {value!r}")


def is_foreign(value: object) -> bool:
    """Whether it is a number of another module that is exact, with a zero that is known as such, as its type says."""
    return getattr(type(value), "is_coefficient", False)


def quotient(numerator: Coefficient, denominator: Coefficient) -> Coefficient:
    """The exact quotient, in the field of fractions where the denominator is a polynomial."""
    if not denominator:
        raise ZeroDivisionError(f"division of {numerator} by zero")
    if isinstance(denominator, PolyElement):
        denominator = denominator.ring.to_field()(denominator)
    elif not (isinstance(denominator, FracElement) or is_foreign(denominator)):
        denominator = QQ.convert(denominator)
    return numerator * (1 / denominator)


def times(a: Any, b: Any) -> Any:
    """The product of two coefficients. Most are 1 or -1, which a polynomial would first take for its own."""
    if type(a) is int and -1 <= a <= 1 and a:
        return b if a == 1 else -b
    if type(b) is int and -1 <= b <= 1 and b:
        return a if b == 1 else -a
    return a * b


def collected(terms: dict[Any, Any], more: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    """The terms and more of them, added in place; what cancels is dropped."""
    for key, value in more:
        if key in terms:
            value = terms[key] + value
            if not value:
                del terms[key]
                continue
        elif not value:
            continue
        terms[key] = value
    return terms


class Combination(Generic[Key, Value]):
    """A linear combination: ``terms`` maps each basis element to its coefficient, which is never zero."""

    __slots__ = ("terms",)
    is_coefficient = False  # but made of them
    terms: dict[Key, Value]

    def __init__(self, terms: Iterable[tuple[Key, Value]] = ()) -> None:
        self.terms = collected({}, terms)

    @classmethod
    def _kind(cls) -> type[Any]:
        """What sums and multiples are: Scalar, Vector or Matrix, also when ``cls`` is a random variable."""
        raise NotImplementedError

    @classmethod
    def _with(cls, terms: dict[Key, Value]) -> Self:
        """A combination of terms that are collected and hold no zero."""
        combination: Self = object.__new__(cls._kind())
        combination.terms = terms
        return combination

    def _new(self, terms: Iterable[tuple[Key, Value]]) -> Self:
        return self._with(collected({}, terms))

    def _scaled(self, factor: Any) -> Self:
        if not factor:
            return self._with({})
        return self._with({key: times(value, factor) for key, value in self.terms.items()})  # of domains: none is zero

    def _coerced(self, other: object) -> Combination[Key, Value] | None:
        return other if isinstance(other, self._kind()) else None

    def __add__(self, other: object) -> Self:
        summand = self._coerced(other)
        if summand is None:
            return NotImplemented
        return self._with(collected(dict(self.terms), summand.terms.items()))

    __radd__ = __add__

    def __neg__(self) -> Self:
        return self._scaled(-1)

    def __sub__(self, other: object) -> Self:
        summand = self._coerced(other)
        return NotImplemented if summand is None else self + (-summand)

    def __rsub__(self, other: object) -> Self:
        return (-self) + other

    def __truediv__(self, other: object) -> Self:
        if isinstance(other, Combination):
            return NotImplemented  # a contraction has no inverse here: give it a name in the field first
        return self._scaled(quotient(1, coefficient(other)))

    def __bool__(self) -> bool:
        return bool(self.terms)

    def __eq__(self, other: object) -> bool:
        try:
            summand = self._coerced(other)
        except TypeError:  # not a number of ours, hence not equal
            summand = None
        return NotImplemented if summand is None else not (self - summand).terms

    def __hash__(self) -> int:
        return hash(frozenset(self.terms))  # equal combinations have the same basis elements

    def __repr__(self) -> str:
        from .printing import text  # printing reads expressions; only a person asks for it

        return text(cast(Any, self))

    def __str__(self) -> str:
        if len(self.terms) <= SHOWN:
            return repr(self)
        first = self._new(list(self.terms.items())[:SHOWN])
        return f"{first!r} + ... ({len(self.terms)} terms)"
