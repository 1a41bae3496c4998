"""Scalars, vectors and matrices: linear combinations of words, with ``+ - * @`` as on paper.

A `Scalar` is a sparse polynomial in contractions (`theory.wick.words`). Its coefficients are exact: int,
Fraction, or elements of a sympy polynomial ring or field of fractions over QQ, in which the deterministic
scalars (n, N, d, sigma2, ...) are generators. Terms that cancel are dropped at once, so *zero* means *no
terms left*, decided in that ring. A `Vector` is a combination of ``W u`` and a `Matrix` one of ``W`` and of
dyads ``(W u)(Z v)'``, both with `Scalar` coefficients.

As with NumPy's one-dimensional arrays a vector is neither a row nor a column: ``u @ v`` is u'v, ``B @ v`` is
B v, and ``v @ B`` is B'v.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Self, TypeAlias, TypeVar, overload

from .combinations import Coefficient, Combination, coefficient, times
from .words import Contraction, Letter, Word, chain, join, loop, transpose

__all__ = ["Matrix", "Scalar", "Vector", "identity", "matrix", "outer", "trace", "vector"]

Monomial: TypeAlias = tuple[Contraction, ...]  # sorted, repeated according to its powers
Arrow: TypeAlias = tuple[Word, str]  # (W, u) stands for the vector W u
Dyad: TypeAlias = tuple[Word] | tuple[Word, str, str, Word]  # (W,) is W; (W, u, v, Z) is (W u)(Z v)'
Key = TypeVar("Key")


class Scalar(Combination[Monomial, Coefficient]):
    """A polynomial in contractions, with coefficients in a ring or field: what an expectation comes to.

    >>> from sympy import QQ
    >>> from sympy.polys.rings import ring
    >>> K, n = ring("n", QQ)
    >>> u, v = vector("u"), vector("v")
    >>> (n + u @ v) ** 2 - (u @ v) ** 2
    n**2 + 2*n*u'v
    """

    __slots__ = ()

    @staticmethod
    def constant(value: object) -> Scalar:
        """A coefficient as a Scalar; TypeError for what is neither."""
        number = coefficient(value)
        return Scalar._with({(): number} if number else {})

    @staticmethod
    def of(value: object) -> Scalar:
        """A Scalar or a coefficient as a Scalar (sympy gives n * 0 as the zero of its own ring)."""
        return value if isinstance(value, Scalar) else Scalar.constant(value)

    @classmethod
    def _kind(cls) -> type[Scalar]:
        return Scalar

    def _coerced(self, other: object) -> Scalar | None:
        return None if isinstance(other, _Tensor) else Scalar.of(other)

    @overload
    def __mul__(self, other: Vector) -> Vector: ...
    @overload
    def __mul__(self, other: Matrix) -> Matrix: ...
    @overload
    def __mul__(self, other: Scalar | int | Fraction) -> Scalar: ...
    def __mul__(self, other: Vector | Matrix | Scalar | int | Fraction) -> Vector | Matrix | Scalar:
        if isinstance(other, Vector | Matrix):
            return other._scaled(self)
        if getattr(type(other), "__array_ufunc__", self) is None:
            return NotImplemented  # as with NumPy's numbers: the other factor says how it is scaled
        if not isinstance(other, Scalar):
            return self._scaled(coefficient(other))
        for one, another in ((self, other), (other, self)):
            if len(one.terms) == 1 and () in one.terms:
                return another._scaled(one.terms[()])
        return Scalar(
            (tuple(sorted(left + right)), times(a, b))
            for left, a in self.terms.items()
            for right, b in other.terms.items()
        )

    __rmul__ = __mul__

    def __pow__(self, exponent: int) -> Scalar:
        if not isinstance(exponent, int) or exponent < 0:
            raise ValueError(f"the exponent must be a non-negative int; got {exponent!r}")
        power = Scalar.constant(1)
        for _ in range(exponent):
            power = power * self
        return power

    def as_coefficient(self) -> Coefficient:
        """The value of a scalar in which no contraction is left, as an element of the ring or field.

        Raises
        ------
        ValueError
            If a contraction remains, which is named.
        """
        for monomial in self.terms:
            if monomial:
                remaining = symbol(monomial[0])
                raise ValueError(f"{remaining} remains: give its value with substitute(..., {{{remaining}: ...}})")
        return self.terms.get((), 0)


_ONE = Scalar.constant(1)


class _Tensor(Combination[Key, Scalar]):
    """What vectors and matrices share: `Scalar` coefficients, multiplication by scalars, 0 as their zero."""

    __slots__ = ()

    def _coerced(self, other: object) -> Combination[Key, Scalar] | None:
        if isinstance(other, Combination):
            return super()._coerced(other)
        return None if coefficient(other) else self._new(())

    def __mul__(self, other: object) -> Self:
        if isinstance(other, _Tensor):
            return NotImplemented  # the product of vectors and matrices is @
        return self._scaled(other if isinstance(other, Scalar) else coefficient(other))

    __rmul__ = __mul__


class Vector(_Tensor[Arrow]):
    """A combination of vectors ``W u``.

    >>> A, u, v = matrix("A"), vector("u"), vector("v")
    >>> u @ A @ v == v @ A.T @ u
    True
    """

    __slots__ = ()

    @classmethod
    def _kind(cls) -> type[Vector]:
        return Vector

    @overload
    def __matmul__(self, other: Vector) -> Scalar: ...
    @overload
    def __matmul__(self, other: Matrix) -> Vector: ...
    def __matmul__(self, other: Vector | Matrix) -> Scalar | Vector:
        if isinstance(other, Matrix):
            return other.T @ self
        if not isinstance(other, Vector):
            return NotImplemented
        return Scalar(
            (tuple(sorted((*one, *two, contraction))) if one or two else (contraction,), times(x, y))
            for (w, u), a in self.terms.items()
            for (z, v), b in other.terms.items()
            for contraction in (_chain(w, u, v, z),)
            for one, x in a.terms.items()
            for two, y in b.terms.items()
        )


class Matrix(_Tensor[Dyad]):
    """A combination of words ``W`` and dyads ``(W u)(Z v)'``.

    >>> A, B, u, v = matrix("A"), matrix("B"), vector("u"), vector("v")
    >>> trace(A @ B), trace(A @ outer(u, v)), (A @ B).T == B.T @ A.T
    (tr(A B), u'A' v, True)
    """

    __slots__ = ()

    @classmethod
    def _kind(cls) -> type[Matrix]:
        return Matrix

    @property
    def T(self) -> Matrix:
        """The transpose."""
        return Matrix(
            ((transpose(key[0]),) if len(key) == 1 else key[::-1], value) for key, value in self.terms.items()
        )

    @property
    def inverse(self) -> Matrix:
        """The inverse of one word with an invertible coefficient; ValueError for a sum or a dyad."""
        match [*self.terms.items()]:
            case [((word,), value)]:
                letters = (Letter(x.name, x.transposed, not x.inverted, x.symmetric) for x in reversed(word))
                return Matrix([((tuple(letters),), Scalar.constant(1) / value.as_coefficient())])
        raise ValueError(f"only a product of matrix symbols has an inverse here; got {self}")

    @overload
    def __matmul__(self, other: Vector) -> Vector: ...
    @overload
    def __matmul__(self, other: Matrix) -> Matrix: ...
    def __matmul__(self, other: Vector | Matrix) -> Vector | Matrix:
        if isinstance(other, Vector):
            return Vector(
                _apply(key, a * b, target) for key, a in self.terms.items() for target, b in other.terms.items()
            )
        if not isinstance(other, Matrix):
            return NotImplemented
        return Matrix(
            _multiply(left, right, a * b) for left, a in self.terms.items() for right, b in other.terms.items()
        )


def symbol(contraction: Contraction) -> Scalar:
    """A contraction as a Scalar."""
    return Scalar._with({(contraction,): 1})


def arrow(word: Word, name: str) -> Vector:
    """The vector ``W u`` of a word W and the name of u."""
    return Vector._with({(word, name): _ONE})


def product(word: Word) -> Matrix:
    """The matrix of a word."""
    return Matrix._with({(word,): _ONE})


def vector(name: str) -> Vector:
    """A fixed vector."""
    return arrow((), checked_name(name))


def matrix(name: str, *, symmetric: bool = False) -> Matrix:
    """A fixed matrix, not symmetric unless said so."""
    return product((Letter(checked_name(name), symmetric=symmetric),))


identity = product(())


def outer(left: Vector, right: Vector) -> Matrix:
    """The dyad ``left right'``."""
    return Matrix(((w, u, v, z), a * b) for (w, u), a in left.terms.items() for (z, v), b in right.terms.items())


def trace(of: Matrix) -> Scalar:
    """The trace; ``trace(identity)`` is the dimension, a symbol of its own.

    >>> trace(identity)
    tr(I)
    """
    return total(
        value * symbol(loop(key[0]) if len(key) == 1 else _chain(key[0], key[1], key[2], key[3]))
        for key, value in of.terms.items()
    )


def checked_name(name: str) -> str:
    """A user's name; names that are no identifiers are kept for copies of variables and sums over shots."""
    if not isinstance(name, str) or not name.isidentifier():
        raise ValueError(f"a name must be an identifier such as 'theta0'; got {name!r}")
    return name


def total(scalars: Iterable[Scalar]) -> Scalar:
    """The sum of many scalars, collected once."""
    return Scalar(term for scalar in scalars for term in scalar.terms.items())


def contractions(expression: Scalar | Vector | Matrix) -> Iterator[Contraction]:
    """Every contraction in the expression, with repetitions."""
    if isinstance(expression, Scalar):
        for monomial in expression.terms:
            yield from monomial
    else:
        for value in expression.terms.values():
            yield from contractions(value)


def _chain(w: Word, u: str, v: str, z: Word) -> Contraction:
    """(W u)'(Z v) = u' W' Z v."""
    return chain(u, join(transpose(w), z), v)


def _apply(key: Dyad, value: Scalar, target: Arrow) -> tuple[Arrow, Scalar]:
    word, name = target
    if len(key) == 1:
        return (join(key[0], word), name), value
    w, u, v, z = key
    return (w, u), value * symbol(_chain(z, v, name, word))


def _multiply(left: Dyad, right: Dyad, value: Scalar) -> tuple[Dyad, Scalar]:
    if len(right) == 1:
        if len(left) == 1:
            return (join(left[0], right[0]),), value
        w, u, v, z = left
        return (w, u, v, join(transpose(right[0]), z)), value  # (Wu)(Zv)' R = (Wu)(R'Z v)'
    w, u, v, z = right
    (moved, name), value = _apply(left, value, (w, u))
    return (moved, name, v, z), value
