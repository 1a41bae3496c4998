"""The space of eigenspaces with multiplicities: worlds that commute, at cost O(d); the isotropic one is two lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from .kinds import Array, Number
from .space import Images, Space, Square, Triple, exact_quotient, objects, scalar

GLANCE = 64  # coordinates that mostly tell whether all are zero


class LineVector:
    """Coordinates along one marked direction of each line; ``norm2`` are the squared lengths of these, None where all are 1."""

    __array_ufunc__ = None  # NumPy's numbers leave products with this to the methods here
    __slots__ = ("coordinates", "norm2")

    def __init__(self, coordinates: Array, norm2: Array | None) -> None:
        self.coordinates, self.norm2 = coordinates, norm2

    def __add__(self, other: LineVector) -> LineVector:
        return LineVector(_sum(self.coordinates, other.coordinates), self.norm2)

    def __sub__(self, other: LineVector) -> LineVector:
        return LineVector(self.coordinates - other.coordinates, self.norm2)

    def __mul__(self, factor: Number) -> LineVector:
        return LineVector(_scaled(self.coordinates, factor), self.norm2)

    __rmul__ = __mul__

    def __truediv__(self, divisor: Number) -> LineVector:
        return LineVector(_divided(self.coordinates, divisor), self.norm2)

    def __matmul__(self, other: Any) -> Any:
        if isinstance(other, LineVector):
            if _nothing(self.coordinates) or _nothing(other.coordinates):
                return 0.0
            weighted = self.coordinates if self.norm2 is None else self.norm2 * self.coordinates
            return scalar(weighted @ other.coordinates)
        return other.T @ self

    def vanishes(self) -> bool:
        """Whether it is zero on the face of it: whole zeros, or floats without a digit."""
        if _nothing(self.coordinates):
            return True
        if self.coordinates.dtype != object:
            return not (self.coordinates[:GLANCE].any() or self.coordinates.any())
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
        return self._like(_sum(self.diagonal, other.diagonal), self.dyads + other.dyads)

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
            return self._like(_product(self.diagonal, other.diagonal), dyads)
        out = self._scale(other)
        for u, v in self.dyads:
            out = out + (v @ other) * u
        return out

    def _scale(self, x: LineVector) -> LineVector:
        return LineVector(_product(self.diagonal, x.coordinates), x.norm2)


class Lines(Space):
    """Eigenspaces: ``multiplicity`` counts each line's dimensions, ``norm2`` are the marked directions' squared lengths.

    Vectors are :class:`LineVector`, operators :class:`LineOperator`. With few lines every coordinate gives a square of its
    own (``few``); with many, Gram-Schmidt makes three of all of them.
    """

    def __init__(self, multiplicity: Array, norm2: Array, few: bool = False) -> None:
        self.multiplicity = multiplicity
        self.few = few
        self.dtype = multiplicity.dtype
        one = self._array([1])
        self._tokens = np.concatenate([one, norm2, one])
        unit = self.dtype != object and bool((norm2 == 1).all())
        self._lengths = (None, None) if unit else (norm2, self._tokens)  # of inputs, of tokens
        self._token_multiplicity = np.concatenate([one, multiplicity, one])
        zero = self.vector(self._all(0, len(norm2)))
        self.constant, self.label = self.token_vector(1, zero, 0), self.token_vector(0, zero, 1)

    @classmethod
    def isotropic(cls, d: Number, target_norm2: Number, across_norm2: Number) -> Lines:
        """Along a target of this squared length, and across it, marked by a direction of that squared length."""
        return cls(objects(1, d - 1), objects(target_norm2, across_norm2), few=True)

    def _array(self, entries: Sequence[Number]) -> Array:
        out = np.empty(len(entries), dtype=self.dtype)
        out[:] = entries
        return out

    def _all(self, entry: Number, size: int) -> Array:
        if self.dtype == object:
            return self._array([entry] * size)
        return np.broadcast_to(np.asarray(entry, dtype=self.dtype), (size,))

    def vector(self, coordinates: Array) -> LineVector:
        """The input-space vector of these coordinates."""
        return LineVector(coordinates, self._lengths[0])

    def sphere(self, d: Number) -> LineOperator:
        """E theta theta' of tasks uniform on the unit sphere."""
        return self.diagonal(_quotient(self.identity.diagonal, self._all(d, len(self.multiplicity))))

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
        return self.diagonal(self._all(1, len(self.multiplicity)))

    def outer(self, left: LineVector, right: LineVector) -> LineOperator:
        size = len(left.coordinates)
        multiplicity = self._token_multiplicity if size == len(self._tokens) else self.multiplicity
        return LineOperator(self._all(0, size), multiplicity, [(left, right)])

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
        return a._like(_quotient(self._all(1, len(a.diagonal)), a.diagonal), ())

    def spans(self, psi: LineOperator) -> bool:
        return bool(np.all(psi.diagonal != 0))

    def ridge(self, sigma: LineOperator, psi: LineOperator, noise: Number) -> LineOperator:
        if (type(noise) is not int and not isinstance(noise, float)) or noise != 0:
            return sigma._like(_quotient(psi.diagonal, sigma.diagonal * psi.diagonal + noise), ())
        varies = psi.diagonal != 0
        ones = self._all(1, len(self.multiplicity))
        return sigma._like(np.where(varies, _quotient(ones, np.where(varies, sigma.diagonal, ones)), 0 * ones), ())

    def token_vector(self, constant: Number, x: LineVector, label: Number) -> LineVector:
        if _nothing(x.coordinates) and _is_zero(constant) and _is_zero(label):
            return LineVector(self._all(0, len(self._tokens)), self._lengths[1])
        ends = self._array([constant]), self._array([label])
        return LineVector(np.concatenate([ends[0], x.coordinates, ends[1]]), self._lengths[1])

    def token_operator(self, x: LineOperator, label: Number) -> LineOperator:
        if _nothing(x.diagonal) and _is_zero(label):
            diagonal = self._all(0, len(self._tokens))
        else:
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


# A float spread over an array in no memory (stride 0) is known by that: what is zero then costs nothing.


def _nothing(x: Array) -> bool:
    """Whether an array is zero by how it is held."""
    return x.strides == (0,) and x.dtype == float and bool(x[0] == 0)


def _sum(a: Array, b: Array) -> Array:
    if _nothing(a) and b.dtype == float:
        return b
    return a if _nothing(b) and a.dtype == float else np.asarray(a + b)


def _product(a: Array, b: Array) -> Array:
    if _nothing(a) and b.dtype == float:
        return a
    return b if _nothing(b) and a.dtype == float else np.asarray(a * b)


def _is_zero(x: Number) -> bool:
    return isinstance(x, int | float) and x == 0


def _scaled(coordinates: Array, factor: Number) -> Array:
    """Each coordinate times a number, which may be an array of numbers, one for each setting."""
    if isinstance(factor, np.ndarray):
        return objects(*(x * factor for x in coordinates))
    if coordinates.dtype == float and isinstance(factor, int | float):
        if factor == 1 or _nothing(coordinates):
            return coordinates
        if factor == 0:
            return np.broadcast_to(np.asarray(0.0), coordinates.shape)
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
    entries = (u.coordinates[i] * v.coordinates[i] * (1 if u.norm2 is None else u.norm2[i]) for u, v in a.dyads)
    return a.diagonal[i] + sum(entries)
