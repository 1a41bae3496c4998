"""Substitution and differentiation: symbols replaced by expressions.

`substitute` is a homomorphism: it replaces matrices, vectors, generators of the coefficient ring, and whole
contractions. The isotropic case is one such map,

    Sigma -> I,  B -> beta I + gamma theta0 theta0',  v -> alpha theta0,  tr(I) -> d,  theta0'theta0 -> s0,

after which chains are products of Gram entries and loops are polynomials in d. `derivative` replaces one
occurrence of a symbol at a time by a direction and adds up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from math import prod
from typing import Any, TypeVar, cast

from sympy import QQ
from sympy.polys.fields import FracElement
from sympy.polys.rings import PolyElement

from .combinations import Coefficient, is_foreign, quotient
from .expressions import (
    Matrix,
    Monomial,
    Scalar,
    Vector,
    arrow,
    contractions,
    identity,
    outer,
    product,
    symbol,
    total,
    trace,
)
from .words import Contraction, Letter, Word, transpose

__all__ = ["derivative", "substitute"]

Expression = TypeVar("Expression", Scalar, Vector, Matrix)


def substitute(expression: Expression, images: Mapping[Any, Any]) -> Expression:
    """Replace symbols and contractions by expressions, all at once.

    Average first: a Gaussian that is still in the expression keeps the covariance that it was made with.

    Parameters
    ----------
    expression : Scalar, Vector or Matrix
    images : mapping
        A matrix symbol to a Matrix, a vector symbol to a Vector, a generator of the coefficient ring to a
        coefficient or Scalar, a single contraction (such as ``theta0 @ theta0`` or ``trace(identity)``) to a
        coefficient or Scalar. Contractions are looked up after the symbols inside them have been replaced.

    Raises
    ------
    TypeError, ValueError
        If a key is not a single symbol, or an image is of the wrong kind, or the inverse of a matrix occurs
        whose image has none here, or a sum over shots is still in the expression.

    Examples
    --------
    >>> from sympy import QQ
    >>> from sympy.polys.rings import ring
    >>> from theory.wick import identity, matrix, outer, substitute, trace, vector
    >>> K, beta, gamma, s0, d = ring("beta gamma s0 d", QQ)
    >>> B, theta0 = matrix("B"), vector("theta0")
    >>> isotropic = {B: beta * identity + gamma * outer(theta0, theta0)}
    >>> substitute(trace(B @ B.T), {**isotropic, theta0 @ theta0: s0, trace(identity): d})
    beta**2*d + 2*beta*gamma*s0 + gamma**2*s0**2
    """
    require_finished(expression, "substitute into")
    return Homomorphism(images)(expression)


def derivative(expression: Scalar, variable: Any, direction: Any) -> Scalar:
    """The directional derivative D f [direction] with respect to one symbol: exact, linear in the direction.

    Parameters
    ----------
    expression : Scalar
    variable : Vector, Matrix, or a generator of the coefficient ring
        The symbol to vary. A symmetric matrix asks for a symmetric direction.
    direction : Vector, Matrix, or a coefficient or Scalar, like `variable`

    Raises
    ------
    TypeError, ValueError
        If `variable` is not a single symbol, `direction` is of another kind, or a sum over shots is still in
        the expression.

    Examples
    --------
    >>> from theory.wick import derivative, matrix, trace
    >>> B, H = matrix("B"), matrix("H")
    >>> derivative(trace(B @ B.T @ B), B, H)
    tr(B B H') + tr(B B' H) + tr(B H B')
    >>> derivative(trace(B.inverse), B, H)
    -tr(B^-1 B^-1 H)
    """
    expression = Scalar.of(expression)
    require_finished(expression, "differentiate")
    if isinstance(variable, PolyElement | FracElement):
        ring, index = _generator(variable)
        return Scalar(
            (monomial, _partial(value, ring, index)) for monomial, value in expression.terms.items()
        ) * Scalar.of(direction)
    if not isinstance(variable, Vector | Matrix):
        raise TypeError(f"differentiate with respect to a vector, a matrix or a ring generator; got {variable!r}")
    direction = _alike(variable, direction, "direction")
    summands = []
    for monomial, value in expression.terms.items():
        for position, contraction in enumerate(monomial):
            if isinstance(variable, Vector):
                varied = _vary_vector(contraction, vector_name(variable), direction)
            else:
                varied = _vary_matrix(contraction, matrix_letter(variable), direction)
            rest = Scalar([(monomial[:position] + monomial[position + 1 :], value)])
            summands.append(rest * varied)
    return total(summands)


class Homomorphism:
    """The map that `substitute` applies, without its check for sums over shots (`samples` needs it so)."""

    def __init__(self, images: Mapping[Any, Any]) -> None:
        self.letters: dict[Letter, Matrix] = {}
        self.vectors: dict[str, Vector] = {}
        self.contractions: dict[Contraction, Scalar] = {}
        self.generators: dict[tuple[Any, int], Scalar] = {}
        self._known: dict[Contraction, Scalar | None] = {}
        for key, image in images.items():
            if isinstance(key, Vector):
                self.vectors[vector_name(key)] = _alike(key, image, "image")
            elif isinstance(key, Matrix):
                self.letters[matrix_letter(key)] = _alike(key, image, "image")
            elif isinstance(key, Scalar):
                self.contractions[_single_contraction(key)] = Scalar.of(image)
            else:
                self.generators[_generator(key)] = Scalar.of(image)

    def __call__(self, expression: Expression) -> Expression:
        if isinstance(expression, Scalar):
            if not self.generators:
                return _mapped(expression, self._contraction)
            return _mapped(expression, self._contraction, self._coefficient)
        image = type(expression)._kind()()
        for key, value in expression.terms.items():
            image += self(value) * self._basis(key)
        return image

    def _basis(self, key: Any) -> Any:
        match key:
            case (word, str(name)):  # W u
                return self._word(word, self._vector(name))
            case (word,):
                return self._word(word, identity)
            case (left, u, v, right):  # (W u)(Z v)'
                return outer(self._basis((left, u)), self._basis((right, v)))

    def _contraction(self, contraction: Contraction) -> Scalar | None:
        if contraction not in self._known:
            kind, left, word, right = contraction
            if kind == "chain":
                image = self._vector(left) @ self._word(word, self._vector(right))
            elif kind == "loop":
                image = trace(self._word(word, identity))
            else:
                image = symbol(contraction)
            image = self._named(image)
            self._known[contraction] = None if image == symbol(contraction) else image
        return self._known[contraction]

    def _named(self, scalar: Scalar) -> Scalar:
        """Replace whole contractions."""
        if not self.contractions:
            return scalar
        return _mapped(scalar, self.contractions.get)

    def _vector(self, name: str) -> Vector:
        return self.vectors[name] if name in self.vectors else arrow((), name)

    def _word(self, word: Word, last: Any) -> Any:
        return reduce(lambda result, letter: self._letter(letter) @ result, reversed(word), last)

    def _letter(self, letter: Letter) -> Matrix:
        plain = Letter(letter.name, symmetric=letter.symmetric)
        if plain not in self.letters:
            return product((letter,))
        image = self.letters[plain].T if letter.transposed else self.letters[plain]
        return image.inverse if letter.inverted else image

    def _coefficient(self, value: Coefficient) -> Scalar:
        if not isinstance(value, PolyElement | FracElement):
            if is_foreign(value):
                raise TypeError(f"generators cannot be replaced in the coefficient {value!r}")
            return Scalar.constant(value)
        if isinstance(value, PolyElement):
            return self._polynomial(value)
        denominator = self._polynomial(value.denom).as_coefficient()
        image: Scalar = self._polynomial(value.numer) / denominator
        return image

    def _polynomial(self, value: PolyElement) -> Scalar:
        ring = value.ring
        generators = [
            self.generators.get((ring, index), Scalar.constant(generator)) for index, generator in enumerate(ring.gens)
        ]
        return total(
            prod(
                (g**exponent for g, exponent in zip(generators, exponents, strict=True) if exponent),
                start=Scalar.constant(number),
            )
            for exponents, number in value.terms()
        )


def _mapped(
    scalar: Scalar,
    image_of: Callable[[Contraction], Scalar | None],
    number: Callable[[Coefficient], Scalar | Coefficient] = lambda value: value,
) -> Scalar:
    """The scalar with images for its contractions (None: itself) and its numbers."""
    terms: list[tuple[Monomial, Coefficient]] = []
    for monomial, value in scalar.terms.items():
        images = [(contraction, image_of(contraction)) for contraction in monomial]
        changed = [image for _, image in images if image is not None]
        if not all(changed):  # one is zero
            continue
        kept = tuple(contraction for contraction, image in images if image is None)
        factor = number(value)
        if not changed and factor is value:
            terms.append((monomial, value))
            continue
        image = prod(changed[1:], start=changed[0]) * factor if changed else Scalar.of(factor)
        terms.extend((tuple(sorted(kept + key)), x) for key, x in image.terms.items())
    return Scalar(terms)


def require_finished(expression: Scalar | Vector | Matrix, purpose: str) -> None:
    """ValueError if a sum over shots is still in the expression: what it sums is not visible from outside."""
    for contraction in set(contractions(expression)):
        names = (contraction.left, contraction.right, *(letter.name for letter in contraction.word))
        if any("#" in name for name in names):
            raise ValueError(f"take the expectation over the shots before you {purpose} an expression")


def vector_name(symbol: Vector) -> str:
    """The name of a vector that is a single symbol; ValueError otherwise."""
    match [*symbol.terms.items()]:
        case [(((), name), value)] if value == 1:
            return name
    raise ValueError(f"expected a vector symbol; got {symbol}")


def matrix_letter(symbol: Matrix) -> Letter:
    """The letter of a matrix that is a single symbol; ValueError otherwise."""
    match [*symbol.terms.items()]:
        case [(((letter,),), value)] if value == 1 and not (letter.transposed or letter.inverted):
            return letter
    raise ValueError(f"expected a matrix symbol; got {symbol}")


def _single_contraction(symbol: Scalar) -> Contraction:
    match [*symbol.terms.items()]:
        case [((contraction,), value)] if value == 1:
            return contraction
    raise ValueError(f"expected a single contraction such as u @ v or trace(A); got {symbol}")


def _generator(symbol: Any) -> tuple[Any, int]:
    """The ring and the index of a generator of it, or of its field of fractions."""
    if isinstance(symbol, FracElement):
        symbol = symbol.numer if symbol.denom == 1 else None
    if not isinstance(symbol, PolyElement) or symbol not in symbol.ring.gens:
        raise TypeError(f"expected a matrix, a vector, a contraction or a ring generator; got {symbol!r}")
    return symbol.ring, symbol.ring.gens.index(symbol)


def _alike(variable: Vector | Matrix, value: Any, role: str) -> Any:
    """The value, checked to be of the variable's kind (0 is the zero of either kind)."""
    kind = Vector if isinstance(variable, Vector) else Matrix
    if isinstance(value, int) and value == 0:
        return kind()
    if not isinstance(value, kind):
        raise TypeError(f"the {role} of the {kind.__name__.lower()} {variable} must be one too; got {value!r}")
    if kind is Matrix and matrix_letter(cast(Matrix, variable)).symmetric and value != cast(Matrix, value).T:
        raise ValueError(f"the {role} of the symmetric matrix {variable} must be symmetric; got {value}")
    return value


def _partial(value: Coefficient, ring: Any, index: int) -> Coefficient:
    if isinstance(value, PolyElement) and value.ring == ring:
        return value.diff(index)
    if isinstance(value, FracElement) and value.field.ring == ring:
        top, bottom = value.numer, value.denom
        return quotient(top.diff(index) * bottom - top * bottom.diff(index), bottom * bottom)
    if is_foreign(value):
        raise TypeError(f"the coefficient {value!r} cannot be differentiated")
    return QQ.zero


def _vary_vector(contraction: Contraction, name: str, direction: Vector) -> Scalar:
    kind, left, word, right = contraction
    varied = Scalar()
    if kind == "chain":
        if left == name:
            varied += direction @ arrow(word, right)
        if right == name:
            varied += arrow(transpose(word), left) @ direction
    return varied


def _vary_matrix(contraction: Contraction, letter: Letter, direction: Matrix) -> Scalar:
    kind, left, word, right = contraction
    summands = []
    for position, occurrence in enumerate(word):
        if (occurrence.name, occurrence.symmetric) != (letter.name, letter.symmetric):
            continue
        varied = direction.T if occurrence.transposed else direction
        if occurrence.inverted:  # D A^-1 [H] = -A^-1 H A^-1
            varied = -(product((occurrence,)) @ varied @ product((occurrence,)))
        varied_word = product(word[:position]) @ varied @ product(word[position + 1 :])
        if kind == "loop":
            summands.append(trace(varied_word))
        else:
            summands.append(arrow((), left) @ varied_word @ arrow((), right))
    return total(summands)
