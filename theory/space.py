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

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from .kinds import FLOATS, Array, Kind, Number, module_type, whole_identity

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

    constant: Vector  # the unit vector of a token's constant
    label: Vector  # and that of its label

    def outer(self, left: Vector, right: Vector) -> Operator:
        """The dyad left right'."""
        raise NotImplementedError

    def trace(self, a: Operator) -> Number:
        """tr A."""
        raise NotImplementedError

    def trace_of_product(self, a: Operator, b: Operator) -> Number:
        """tr A B', the sum of the products of entries."""
        raise NotImplementedError

    def solve(self, a: Operator, b: Vector) -> Vector:
        """A^-1 b."""
        raise NotImplementedError

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


# --- arrays ----------------------------------------------------------------------------------------------------------


class Diagonal:
    """A diagonal matrix beside full ones: products with it scale rows or columns."""

    __array_ufunc__ = None
    __slots__ = ("entries",)

    def __init__(self, entries: Array) -> None:
        self.entries = entries

    @property
    def T(self) -> Diagonal:
        """Itself."""
        return self

    def __matmul__(self, other: Any) -> Any:
        if isinstance(other, Diagonal):
            return Diagonal(self.entries * other.entries)
        return (self.entries * other.T).T

    def __rmatmul__(self, other: Array) -> Array:
        return other * self.entries


class Matrices(Space):
    """NumPy arrays, or a :class:`Diagonal`. ``dtype`` object holds exact numbers, symbols or balls."""

    def __init__(self, d: int, kind: Kind = FLOATS) -> None:
        self.d = d
        self.kind = kind
        self.dtype = np.dtype(kind.dtype)
        self.constant, self.label = self.zeros(d + 2), self.zeros(d + 2)
        self.constant[0] = self.label[-1] = 1

    def zeros(self, *shape: int) -> Array:
        """Zeros; whole ones in an object array, which meet every kind of number."""
        zeros = np.zeros(shape, dtype=float) if self.dtype != object else np.zeros(shape, dtype=int).astype(object)
        return np.asarray(zeros)

    @property
    def identity(self) -> Array:
        """The identity on inputs."""
        one = self.zeros(self.d, self.d)
        np.fill_diagonal(one, 1)
        return one

    def outer(self, left: Array, right: Array) -> Array:
        return np.multiply.outer(left, right)

    def vector(self, x: Array) -> Array:
        """An input's vector of these entries."""
        return x

    def sphere(self, d: Number) -> Diagonal:
        """E theta theta' of tasks uniform on the unit sphere."""
        return Diagonal(self.zeros(self.d) + 1) if d == 1 else Diagonal((self.zeros(self.d) + 1) / d)

    def trace(self, a: Any) -> Number:
        return scalar(a.entries.sum() if isinstance(a, Diagonal) else np.trace(a))

    def trace_of_product(self, a: Any, b: Any) -> Number:
        if isinstance(a, Diagonal):
            return scalar(a.entries @ b.entries)
        if a.dtype == b.dtype == float:
            return float(np.einsum("ij,ij->", a, b))
        return scalar(np.sum(a * b))

    def solve(self, a: Array, b: Array) -> Array:
        return self.kind.solve(a, b)

    def inverse(self, a: Array) -> Array:
        return self.kind.inverse(a)

    def ridge(self, sigma: Array, psi: Array, noise: Number) -> Array:
        if self.kind is FLOATS:
            return self._ridge_of_floats(sigma, psi, noise)
        if noise != 0:
            return self.kind.solve((psi @ sigma) + noise * whole_identity(self.d), psi)
        basis = independent_rows(psi)  # tasks vary in the span of these rows of psi
        return basis.T @ self.kind.solve(basis @ sigma @ basis.T, basis)

    def spans(self, psi: Array) -> bool:
        if self.kind is not FLOATS:
            return len(independent_rows(psi)) == self.d
        try:
            factor = np.linalg.cholesky(psi)
        except np.linalg.LinAlgError:
            return False
        return bool(factor.diagonal().min() ** 2 > self.d * np.finfo(float).eps * psi.diagonal().max())

    def _ridge_of_floats(self, sigma: Array, psi: Array, noise: Number) -> Array:
        """In the directions in which tasks vary, to within rounding: R (R' sigma R + noise L^-1)^-1 R', psi = R L R'."""
        if self.spans(psi):
            return self.inverse(sigma) if noise == 0 else self.inverse(sigma + noise * self.inverse(psi))
        lengths, axes = np.linalg.eigh(psi)
        kept = lengths > self.d * np.finfo(float).eps * lengths[-1] * 10
        axes = axes[:, kept]
        inside = axes.T @ sigma @ axes + noise * np.diag(1 / lengths[kept])
        return np.asarray(axes @ self.inverse(inside) @ axes.T)

    def arrays(self, point: Any, k: Number) -> tuple[Array, Array]:
        """(v, Q) of a law's model at the value scale k."""
        v = k * self.token_vector(0, point.v_x, point.w)
        return v, self.score(point.q, 0 * self.constant, 0 * point.v_x, point.B, point.b) / k

    def token_vector(self, constant: Number, x: Array, label: Number) -> Array:
        out = self.zeros(self.d + 2)
        out[0], out[1:-1], out[-1] = constant, x, label
        return out

    def token_operator(self, x: Any, label: Number) -> Any:
        if isinstance(x, Diagonal):
            return Diagonal(self.token_vector(0, x.entries, label))
        out = self.zeros(self.d + 2, self.d + 2)
        out[1:-1, 1:-1], out[-1, -1] = x, label
        return out

    def score(self, q: Number, r: Array, p: Array, b_xx: Array, b: Array) -> Array:
        out: Array = self.token_operator(b_xx, 0)
        out[0], out[1:-1, 0], out[1:-1, -1] = r, p, b
        out[0, 0] = q
        return out

    def _orthogonal(self, vectors: Triple, product: Any) -> tuple[Square, ...]:
        balls = module_type("flint", "arb")
        if self.dtype == object and balls and isinstance(product(vectors[2], vectors[2]), balls):
            return polarised(vectors, product)
        return orthogonal(vectors, product)


def independent_rows(a: Array) -> Array:
    """Rows of an exact symmetric matrix that span all of them."""
    kept: list[Any] = []
    reduced: list[Any] = []
    for row in a:
        rest = row
        for pivot, other in reduced:
            rest = rest - rest[pivot] * other
        found = next((k for k, x in enumerate(rest) if x != 0), None)
        if found is not None:
            kept.append(row)
            reduced.append((found, rest / rest[found]))
    return np.array(kept, dtype=object)


def objects(*entries: Any) -> Array:
    """An array of these objects, which may be arrays themselves."""
    out = np.empty(len(entries), dtype=object)
    for index, entry in enumerate(entries):
        out[index] = entry
    return out


def scalar(x: Any) -> Number:
    """A numpy scalar as a plain number."""
    return x.item() if isinstance(x, np.generic) else x


# --- eigenspaces -----------------------------------------------------------------------------------------------------


class LineVector:
    """Coordinates along one marked direction of each line; ``norm2`` are the squared lengths of these directions."""

    __array_ufunc__ = None  # NumPy's numbers leave products with this to the methods here
    __slots__ = ("coordinates", "norm2")

    def __init__(self, coordinates: Array, norm2: Array) -> None:
        self.coordinates, self.norm2 = coordinates, norm2

    def __add__(self, other: LineVector) -> LineVector:
        return LineVector(self.coordinates + other.coordinates, self.norm2)

    def __sub__(self, other: LineVector) -> LineVector:
        return LineVector(self.coordinates - other.coordinates, self.norm2)

    def __mul__(self, factor: Number) -> LineVector:
        return LineVector(_scaled(self.coordinates, factor), self.norm2)

    __rmul__ = __mul__

    def __truediv__(self, divisor: Number) -> LineVector:
        return LineVector(_divided(self.coordinates, divisor), self.norm2)

    def __matmul__(self, other: Any) -> Any:
        if isinstance(other, LineVector):
            return scalar((self.norm2 * self.coordinates) @ other.coordinates)
        return other.T @ self

    def vanishes(self) -> bool:
        """Whether it is zero on the face of it: whole zeros, or floats without a digit."""
        if self.coordinates.dtype != object:
            return not self.coordinates.any()
        return not any(map(_seen, self.coordinates))


class LineOperator:
    """Eigenvalues on the lines, and dyads: diagonal + sum of u v'."""

    __array_ufunc__ = None
    __slots__ = ("diagonal", "dyads", "multiplicity")

    def __init__(
        self, diagonal: Array, multiplicity: Array, dyads: Iterable[tuple[LineVector, LineVector]] = ()
    ) -> None:
        self.diagonal = diagonal
        self.multiplicity = multiplicity
        self.dyads = tuple((u, v) for u, v in dyads if not (u.vanishes() or v.vanishes()))

    def _like(self, diagonal: Array, dyads: Iterable[tuple[LineVector, LineVector]]) -> LineOperator:
        return LineOperator(diagonal, self.multiplicity, dyads)

    def __add__(self, other: LineOperator) -> LineOperator:
        return self._like(self.diagonal + other.diagonal, self.dyads + other.dyads)

    def __sub__(self, other: LineOperator) -> LineOperator:
        return self._like(self.diagonal - other.diagonal, (*self.dyads, *(((-1) * u, v) for u, v in other.dyads)))

    def __mul__(self, factor: Number) -> LineOperator:
        return self._like(_scaled(self.diagonal, factor), [(factor * u, v) for u, v in self.dyads])

    __rmul__ = __mul__

    def __truediv__(self, divisor: Number) -> LineOperator:
        return self._like(_divided(self.diagonal, divisor), [(u / divisor, v) for u, v in self.dyads])

    @property
    def T(self) -> LineOperator:
        """The transpose."""
        return self._like(self.diagonal, [(v, u) for u, v in self.dyads])

    def __matmul__(self, other: Any) -> Any:
        if isinstance(other, LineOperator):
            dyads = [(self @ u, v) for u, v in other.dyads] + [(u, other._scale(v)) for u, v in self.dyads]
            return self._like(self.diagonal * other.diagonal, dyads)
        out = self._scale(other)
        for u, v in self.dyads:
            out = out + (v @ other) * u
        return out

    def _scale(self, x: LineVector) -> LineVector:
        return LineVector(self.diagonal * x.coordinates, x.norm2)


class Lines(Space):
    """Eigenspaces: ``multiplicity`` counts each line's dimensions, ``norm2`` are the marked directions' squared lengths.

    Vectors are :class:`LineVector`, operators :class:`LineOperator`. With few lines every coordinate gives a square of its
    own (``few``); with many, Gram-Schmidt makes three of all of them.
    """

    def __init__(self, multiplicity: Array, norm2: Array, few: bool = False) -> None:
        self.multiplicity = multiplicity
        self.few = few
        self.dtype = multiplicity.dtype
        self._inputs = norm2
        one = self._array([1])
        self._tokens = np.concatenate([one, norm2, one])
        self._token_multiplicity = np.concatenate([one, multiplicity, one])
        zero = self.vector(self._array([0] * len(norm2)))
        self.constant, self.label = self.token_vector(1, zero, 0), self.token_vector(0, zero, 1)

    @classmethod
    def isotropic(cls, d: Number, target_norm2: Number, across_norm2: Number) -> Lines:
        """Along a target of this squared length, and across it, marked by a direction of that squared length."""
        return cls(objects(1, d - 1), objects(target_norm2, across_norm2), few=True)

    def _array(self, entries: Sequence[Number]) -> Array:
        out = np.empty(len(entries), dtype=self.dtype)
        out[:] = entries
        return out

    def vector(self, coordinates: Array) -> LineVector:
        """The input-space vector of these coordinates."""
        return LineVector(coordinates, self._inputs)

    def sphere(self, d: Number) -> LineOperator:
        """E theta theta' of tasks uniform on the unit sphere."""
        return self.diagonal(_quotient(self.identity.diagonal, self._array([d] * len(self.multiplicity))))

    def arrays(self, point: Any, k: Number) -> tuple[Array, Array]:
        """(v, Q) of a law's model at the value scale k, as matrices."""
        d = len(self.multiplicity)
        B = np.diag(point.B.diagonal) + sum(np.multiply.outer(u.coordinates, v.coordinates) for u, v in point.B.dyads)
        parts = [point.v_x.coordinates, point.b.coordinates, B.ravel(), np.array([point.w, point.q])]
        dtype = object if any(part.dtype == object for part in parts) else float
        v, Q = np.zeros(d + 2, dtype=dtype), np.zeros((d + 2, d + 2), dtype=dtype)
        v[1:-1], v[-1] = parts[0], point.w
        Q[0, 0], Q[1:-1, 1:-1], Q[1:-1, -1] = point.q, B, parts[1]
        return k * v, Q / k

    def diagonal(self, eigenvalues: Array) -> LineOperator:
        """The operator on inputs with these eigenvalues."""
        return LineOperator(eigenvalues, self.multiplicity)

    @property
    def identity(self) -> LineOperator:
        """The identity on inputs."""
        return self.diagonal(self._array([1] * len(self.multiplicity)))

    def outer(self, left: LineVector, right: LineVector) -> LineOperator:
        size = len(left.coordinates)
        multiplicity = self._token_multiplicity if size == len(self._tokens) else self.multiplicity
        return LineOperator(self._array([0] * size), multiplicity, [(left, right)])

    def trace(self, a: LineOperator) -> Number:
        return scalar(a.multiplicity @ a.diagonal + sum(u @ v for u, v in a.dyads))

    def trace_of_product(self, a: LineOperator, b: LineOperator) -> Number:
        total = (a.multiplicity * a.diagonal) @ b.diagonal
        for u, v in a.dyads:
            total = total + b._scale(u) @ v
            for p, q in b.dyads:
                total = total + (u @ p) * (v @ q)
        for p, q in b.dyads:
            total = total + a._scale(p) @ q
        return scalar(total)

    def solve(self, a: LineOperator, b: LineVector) -> LineVector:
        assert not a.dyads
        return LineVector(_quotient(b.coordinates, a.diagonal), b.norm2)

    def inverse(self, a: LineOperator) -> LineOperator:
        assert not a.dyads
        return a._like(_quotient(self._array([1] * len(a.diagonal)), a.diagonal), ())

    def spans(self, psi: LineOperator) -> bool:
        return bool(np.all(psi.diagonal != 0))

    def ridge(self, sigma: LineOperator, psi: LineOperator, noise: Number) -> LineOperator:
        if (type(noise) is not int and not isinstance(noise, float)) or noise != 0:
            return sigma._like(_quotient(psi.diagonal, sigma.diagonal * psi.diagonal + noise), ())
        varies = psi.diagonal != 0
        ones = self._array([1] * len(self.multiplicity))
        return sigma._like(np.where(varies, _quotient(ones, sigma.diagonal), 0 * ones), ())

    def token_vector(self, constant: Number, x: LineVector, label: Number) -> LineVector:
        ends = self._array([constant]), self._array([label])
        return LineVector(np.concatenate([ends[0], x.coordinates, ends[1]]), self._tokens)

    def token_operator(self, x: LineOperator, label: Number) -> LineOperator:
        diagonal = np.concatenate([self._array([0]), x.diagonal, self._array([label])])
        dyads = [(self.token_vector(0, u, 0), self.token_vector(0, v, 0)) for u, v in x.dyads]
        return LineOperator(diagonal, self._token_multiplicity, dyads)

    def squares(self, vectors: Triple, metric: LineOperator, mean: LineVector) -> tuple[Square, ...]:
        if not self.few:
            return super().squares(vectors, metric, mean)
        weights = self._tokens * (metric.diagonal + mean.coordinates * mean.coordinates)  # the mean is the constant's
        triples = zip(*(x.coordinates for x in vectors), strict=True)
        return _counting(Square(weight, *triple) for weight, triple in zip(weights, triples, strict=True))

    def squares_of_operators(
        self, slope: Images, truth: Images, metric: LineOperator, mean: LineVector, inside: LineOperator
    ) -> tuple[Square, ...]:
        if not self.few:
            return super().squares_of_operators(slope, truth, metric, mean, inside)
        squares, a, t = [], slope.operator, truth.operator
        rows = metric.diagonal + mean.coordinates * mean.coordinates
        for i, row in enumerate(rows):
            for j, column in enumerate(inside.diagonal):
                pair = _entry(a, i, j), _entry(t, i, j)
                if i != j:
                    weight = self._tokens[i] * row * (self._tokens[j] * column)
                    squares.append(Square(weight, pair[0], 0, pair[1]))
                    continue
                times, alone = self._token_multiplicity[i], (a.diagonal[i], t.diagonal[i])
                if pair == alone:  # all the line's dimensions alike
                    squares.append(Square(times * (row * column), pair[0], 0, pair[1]))
                else:
                    squares.append(Square(row * column, pair[0], 0, pair[1]))
                    squares.append(Square((times - 1) * (row * column), alone[0], 0, alone[1]))
        return _counting(squares)


def _scaled(coordinates: Array, factor: Number) -> Array:
    """Each coordinate times a number, which may be an array of numbers, one for each setting."""
    if isinstance(factor, np.ndarray):
        return objects(*(x * factor for x in coordinates))
    return np.asarray(coordinates * factor)  # from the left: a field's elements do not look into arrays


def _divided(coordinates: Array, divisor: Number) -> Array:
    """Each coordinate over a number, likewise."""
    if isinstance(divisor, np.ndarray):
        return objects(*(x / divisor for x in coordinates))
    return np.asarray(coordinates / divisor)


def _quotient(a: Array, b: Array) -> Array:
    """a / b, exact where both are whole numbers in object arrays."""
    if a.dtype != object and b.dtype != object:
        return a / b
    pairs = zip(a.tolist(), b.tolist(), strict=True)
    return objects(*(exact_quotient(x, y) for x, y in pairs))


def exact_quotient(a: Number, b: Number) -> Number:
    """a / b; a whole number or a Fraction if both are whole."""
    if type(a) is int and type(b) is int:
        return a // b if a % b == 0 else Fraction(a, b)
    return a / b


def _counting(squares: Iterable[Square]) -> tuple[Square, ...]:
    """Those that are not zero on the face of it."""
    return tuple(square for square in squares if _seen(square.weight) and any(map(_seen, square[1:])))


def _seen(x: Number) -> bool:
    """Whether a number is not a whole zero."""
    return not (type(x) is int and x == 0)


def _entry(a: LineOperator, i: int, j: int) -> Number:
    """The eigenvalue on a marked direction (i = j), or the entry between two."""
    if i != j:
        return sum(u.coordinates[i] * v.coordinates[j] for u, v in a.dyads)
    entries = (u.coordinates[i] * v.coordinates[i] * u.norm2[i] for u, v in a.dyads)
    return a.diagonal[i] + sum(entries)
