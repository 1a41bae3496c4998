r"""The algebra that contractions and fixed points are written in, and the spaces that carry it.

A *space* holds vectors and operators of the inputs, :math:`\mathbb{R}^d`, and of the tokens
:math:`(1, x, \cdot) \in \mathbb{R}^{d+2}`. Vectors and operators know ``+ - @ .T`` and products with numbers, as NumPy's
arrays do (``u @ v`` is the inner product, ``A @ v`` and ``v @ A`` are vectors); what NumPy has no operator for, the space
knows: `outer`, `trace`, `trace_of_product`, `solve`, `inverse`, and how an input's vector or operator sits in a token's.

=============== ====================================================================================================
`Matrices`      NumPy arrays, of floats or of exact numbers, symbols, balls: any world, d^3
`Lines`         eigenspaces with multiplicities, an operator being a diagonal and a few dyads: worlds that commute,
                O(d). The isotropic world is two lines, along the target and, d - 1 fold, across it
=============== ====================================================================================================

The third space, the words of the Gaussian calculus, is :class:`theory.proofs.words.Words`: on it the proofs run the
very code that runs here.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from .kinds import Array, Number, module_type

# What a space computes with: NumPy arrays, operators on lines, expressions of the calculus.
Vector = Any
Operator = Any


class Square(NamedTuple):
    r"""One square :math:`g\,(n\,a + e + (N-n)\,\tau)^2` of the risk formula."""

    weight: Number
    slope: Number  # a: the bias that each shot leaves
    intercept: Number  # e: what does not depend on the shots
    truth: Number  # tau: the answer


Triple = tuple[Any, Any, Any]  # (a, e, tau), each a vector or an operator


class Space:
    """What the spaces share: how inputs sit in tokens, with the constant first and the label last."""

    dtype: Any = object  # of its arrays
    constant: Vector  # the unit vector of a token's constant
    label: Vector  # and that of its label

    def outer(self, left: Vector, right: Vector) -> Operator:
        """The dyad left right'."""
        raise NotImplementedError

    def with_dyad(self, a: Operator, left: Vector, right: Vector) -> Operator:
        """A + left right'."""
        return a + self.outer(left, right)

    def full(self, a: Operator) -> Operator:
        """The operator in the form that sums are made of."""
        return a

    def sharper(self, slopes: Images, operator: Operator, metric: Operator, inside: Operator) -> Images:
        """The images of an operator that is known to more digits than the one given; inputs alone."""
        return Images(operator, metric @ operator, operator @ inside)

    def images(self, a: Operator, several: list[Vector]) -> list[Vector]:
        """A x of every x."""
        return [a @ x for x in several]

    def trace(self, a: Operator) -> Number:
        """tr A."""
        raise NotImplementedError

    def trace_of_product(self, a: Operator, b: Operator) -> Number:
        """tr A B', the sum of the products of entries."""
        raise NotImplementedError

    def traces_of_products(self, some: list[Operator], others: list[Operator]) -> list[list[Number]]:
        """tr A B' of every A with every B."""
        return [[self.trace_of_product(a, b) for b in others] for a in some]

    def solve(self, a: Operator, b: Vector) -> Vector:
        """A^-1 b."""
        raise NotImplementedError

    def solve_quadratic(self, coefficients: Triple, a: Operator, metric: Operator, b: Vector) -> Vector:
        """(c_0 + c_1 A + c_2 A^2)^-1 b, all c > 0, of an A that is self-adjoint in the metric and has no negative eigenvalue."""
        constant, linear, square = coefficients
        return self.solve(constant * self.identity + linear * a + square * (a @ a), b)

    def inverse(self, a: Operator) -> Operator:
        """A^-1 of a symmetric positive definite A."""
        raise NotImplementedError

    def ridge(self, sigma: Operator, psi: Operator, noise: Number) -> Operator:
        """psi (sigma psi + noise)^-1, symmetric; at noise = 0 the inverse of sigma where psi lets tasks vary."""
        raise NotImplementedError

    def quotient(self, a: Number, b: Number) -> Number:
        """a / b of two contractions."""
        return a / b

    def spans(self, psi: Operator) -> bool:
        """Whether tasks of this covariance vary in every direction."""
        raise NotImplementedError

    @property
    def identity(self) -> Operator:
        """The identity on inputs."""
        raise NotImplementedError

    @property
    def token_identity(self) -> Operator:
        """The identity on a token's inputs."""
        return self.token_operator(self.identity, 0)

    @property
    def nothing(self) -> Operator:
        """Zero, on tokens."""
        return self.outer(0 * self.constant, 0 * self.constant)

    def token_vector(self, constant: Number, x: Vector, label: Number) -> Vector:
        """(constant, x, label)."""
        raise NotImplementedError

    def token_operator(self, x: Operator, label: Number) -> Operator:
        """diag(0, X, label)."""
        raise NotImplementedError

    def squares(self, vectors: Triple, metric: Operator, mean: Vector) -> tuple[Square, ...]:
        """Squares of n a + e + (N - n) tau in the metric E zz' = Cov z + mean mean'."""

        def product(x: Vector, y: Vector) -> Number:
            return x @ (metric @ y) + (x @ mean) * (y @ mean)

        return self._orthogonal(vectors, product)

    def squares_of_operators(
        self, slope: Images, truth: Images, metric: Operator, mean: Vector, inside: Operator
    ) -> tuple[Square, ...]:
        """Squares of n A + (N - n) T under the product tr X' (metric + mean mean') Y inside."""
        return self._orthogonal((slope, None, truth), lambda x, y: self.trace_of_product(x.left, y.right))

    def score(self, q: Number, r: Vector, p: Vector, b_xx: Operator, b: Vector) -> Operator:
        """Q from its blocks; r = (r_x, r_y) is a token's vector, p and b are inputs'."""
        out = self.token_operator(b_xx, 0) + self.outer(self.constant, q * self.constant + r)
        out = out + self.outer(self.token_vector(0, p, 0), self.constant)
        return out + self.outer(self.token_vector(0, b, 0), self.label)

    def _orthogonal(self, vectors: Triple, product: Any) -> tuple[Square, ...]:
        balls = module_type("flint", "arb")
        if self.dtype == object and balls and isinstance(product(vectors[2], vectors[2]), balls):
            return polarised(vectors, product)
        return orthogonal(vectors, product)


class Images:
    """An operator X, and its images M X and X P under the product tr X' M Y P: Gram-Schmidt multiplies no operators."""

    __array_ufunc__ = None  # NumPy's numbers leave a product with this to __rmul__
    __slots__ = ("left", "operator", "right")

    def __init__(self, operator: Operator, left: Operator, right: Operator) -> None:
        self.operator, self.left, self.right = operator, left, right

    def __add__(self, other: Images) -> Images:
        return Images(self.operator + other.operator, self.left + other.left, self.right + other.right)

    def __sub__(self, other: Images) -> Images:
        return Images(self.operator - other.operator, self.left - other.left, self.right - other.right)

    def __rmul__(self, factor: Number) -> Images:
        return Images(factor * self.operator, factor * self.left, factor * self.right)


def orthogonal(vectors: Triple, product: Any) -> tuple[Square, ...]:
    """Squares of n a + e + (N - n) tau by Gram-Schmidt, so that nothing cancels for any n.

    From tau, which is known to the last digit, to a, which may be nothing but rounding: a is never divided by. None
    stands for a vector that is zero.
    """
    squares: list[Square] = []
    rest = list(vectors)
    for k in (2, 1, 0):
        if rest[k] is None:
            continue
        weight = product(rest[k], rest[k])
        coordinates: list[Number] = [0, 0, 0]
        coordinates[k] = 1
        for later in range(k):
            if rest[later] is None or weight == 0:
                continue
            coordinates[later] = exact_quotient(product(rest[k], rest[later]), weight)
            rest[later] = rest[later] - coordinates[later] * rest[k]
        squares.append(Square(weight, *coordinates))
    return tuple(squares)


def polarised(vectors: Triple, product: Any) -> tuple[Square, ...]:
    """The same quadratic form without division: sum of c_ij (X_i + X_j)^2 and c_i X_i^2, which cancels in floats.

    For balls, which cannot tell whether two vectors are parallel, and for the calculus, which does not divide.
    """
    present = [i for i in range(3) if vectors[i] is not None]
    gram = {(i, j): product(vectors[i], vectors[j]) for i in present for j in present if i <= j}
    unit = [[int(i == j) for j in range(3)] for i in range(3)]
    squares = []
    for i in present:
        others = sum(value for pair, value in gram.items() if i in pair and pair != (i, i))
        squares.append(Square(gram[i, i] - others, *unit[i]))
    for (i, j), value in gram.items():
        if i != j:
            squares.append(Square(value, *(x + y for x, y in zip(unit[i], unit[j], strict=True))))
    return tuple(squares)


def objects(*entries: Any) -> Array:
    """An array of these objects, which may be arrays themselves."""
    out = np.empty(len(entries), dtype=object)
    for index, entry in enumerate(entries):
        out[index] = entry
    return out


def scalar(x: Any) -> Number:
    """A numpy scalar as a plain number."""
    return x.item() if isinstance(x, np.generic) else x


def exact_quotient(a: Number, b: Number) -> Number:
    """a / b; a whole number or a Fraction if both are whole."""
    if type(a) is int and type(b) is int:
        return a // b if a % b == 0 else Fraction(a, b)
    return a / b
