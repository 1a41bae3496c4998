"""The value of a finished expression at given rational vectors, matrices and scalars.

Here, and only here, the dimension is a number: that of the matrices given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cache
from typing import Any

from sympy import QQ
from sympy.polys.fields import FracElement
from sympy.polys.matrices import DomainMatrix
from sympy.polys.rings import PolyElement

from .combinations import Coefficient, coefficient
from .expressions import Matrix, Scalar, Vector
from .substitution import matrix_letter, require_finished, vector_name
from .words import Contraction, Letter, Word

__all__ = ["evaluate"]


def evaluate(expression: Scalar, assignment: Mapping[Any, Any]) -> Fraction:
    """The exact value of an expression.

    Parameters
    ----------
    expression : Scalar
        Finished: no sum over shots.
    assignment : mapping
        Each vector symbol to a list of d rationals, each matrix symbol to d rows of d rationals, each
        generator of the coefficient ring to a rational (int or Fraction).

    Returns
    -------
    Fraction

    Raises
    ------
    ValueError
        If a symbol of the expression has no value, shapes disagree, a matrix declared symmetric is given
        values that are not, or an inverse does not exist.
    TypeError
        If a value is not rational.

    Examples
    --------
    >>> from theory.wick import evaluate, matrix, vector
    >>> A, u = matrix("A"), vector("u")
    >>> evaluate(u @ A @ A @ u, {A: [[1, 2], [0, 1]], u: [1, 1]})
    Fraction(6, 1)
    """
    expression = Scalar.of(expression)
    require_finished(expression, "evaluate")
    values = _Values(assignment)
    value = sum(
        (
            _prod([values.coefficient(number), *(values.contraction(c) for c in monomial)])
            for monomial, number in expression.terms.items()
        ),
        QQ.zero,
    )
    return Fraction(int(QQ.numer(value)), int(QQ.denom(value)))


class _Values:
    def __init__(self, assignment: Mapping[Any, Any]) -> None:
        self.vectors: dict[str, DomainMatrix] = {}
        self.letters: dict[Letter, DomainMatrix] = {}
        self.scalars: dict[str, Any] = {}
        sizes = set()
        for key, value in assignment.items():
            if isinstance(key, Vector):
                self.vectors[vector_name(key)] = _array([[entry] for entry in value], key)
                sizes.add(len(value))
            elif isinstance(key, Matrix):
                self._assign_matrix(matrix_letter(key), _array(value, key))
                sizes.add(len(value))
            else:
                self.scalars[str(key)] = _rational(value, key)
        if len(sizes) > 1:
            raise ValueError(f"the vectors and matrices must share one dimension; got {sorted(sizes)}")
        self.dimension = sizes.pop() if sizes else None
        self.word = cache(self._word)
        self.contraction = cache(self._contraction)

    def _assign_matrix(self, letter: Letter, value: DomainMatrix) -> None:
        if value.shape[0] != value.shape[1]:
            raise ValueError(f"{letter.name} must be square; got shape {value.shape}")
        if letter.symmetric and value != value.transpose():
            raise ValueError(f"{letter.name} is declared symmetric; got {value.to_list()}")
        self.letters[letter] = value

    def _word(self, word: Word) -> DomainMatrix:
        if not word:
            if self.dimension is None:
                raise ValueError("the dimension d occurs; assign a vector or a matrix")
            return DomainMatrix.eye(self.dimension, QQ).to_dense()
        letter = word[0]
        plain = Letter(letter.name, symmetric=letter.symmetric)
        if plain not in self.letters:
            raise ValueError(f"no value for the matrix {letter.name}")
        value = self.letters[plain].transpose() if letter.transposed else self.letters[plain]
        if letter.inverted:
            if not value.det():
                raise ValueError(f"{letter.name} has no inverse; got {value.to_list()}")
            value = value.inv()
        return value * self.word(word[1:])

    def _vector(self, name: str) -> DomainMatrix:
        if name not in self.vectors:
            raise ValueError(f"no value for the vector {name}")
        return self.vectors[name]

    def _contraction(self, contraction: Contraction) -> Any:
        kind, left, word, right = contraction
        if kind == "scalar":
            raise ValueError(f"the random variable {left} remains: take the expectation over it")
        if kind == "chain":
            number = self._vector(left).transpose() * self.word(word) * self._vector(right)
            return number.to_list()[0][0]
        return sum((row[i] for i, row in enumerate(self.word(word).to_list())), QQ.zero)

    def coefficient(self, value: Coefficient) -> Any:
        if isinstance(value, FracElement):
            return self.coefficient(value.numer) / self.coefficient(value.denom)
        if not isinstance(value, PolyElement):
            return QQ.convert(value)
        names = [str(symbol) for symbol in value.ring.symbols]
        return sum(
            (
                QQ.convert(number) * _prod([self._scalar(n) ** e for n, e in zip(names, exponents, strict=True) if e])
                for exponents, number in value.terms()
            ),
            QQ.zero,
        )

    def _scalar(self, name: str) -> Any:
        if name not in self.scalars:
            raise ValueError(f"no value for the scalar {name}")
        return self.scalars[name]


def _rational(value: Any, key: Any) -> Any:
    if isinstance(value, PolyElement | FracElement):
        raise TypeError(f"the value of {key} must be rational; got {value!r}")
    return QQ.convert(coefficient(value))


def _array(rows: Sequence[Sequence[Any]], key: Any) -> DomainMatrix:
    entries = [[_rational(entry, key) for entry in row] for row in rows]
    if len({len(row) for row in entries}) != 1:
        raise ValueError(f"{key} must be a list of d numbers, or d rows of d; got {rows!r}")
    return DomainMatrix(entries, (len(entries), len(entries[0])), QQ)


def _prod(factors: Sequence[Any]) -> Any:
    product = QQ.one
    for factor in factors:
        product = product * factor
    return product
