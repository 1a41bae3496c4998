"""The space of NumPy arrays: any world, at the cost of products of matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .kinds import FLOATS, LARGE, Array, Kind, Number, whole_identity
from .space import Images, Space, Triple, scalar

IN_CACHE = 1 << 16  # numbers that stay near the processor
STEPS = 80  # of conjugate gradients: as many cost what the products of matrices do that they avoid


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
        if isinstance(other, Unsummed):
            return other.rows_times(self.entries)
        return (self.entries * other.T).T

    def __rmatmul__(self, other: Array) -> Array:
        return other * self.entries


class Unsummed:
    """A sum of matrices, rows or columns scaled (None: not), of a diagonal one and of dyads, formed a few rows at a time."""

    __array_ufunc__ = None
    __slots__ = ("diagonal", "dyads", "scaled")

    def __init__(
        self,
        scaled: list[tuple[Any, Array, Any]],
        dyads: Sequence[tuple[Array, Array]] = (),
        diagonal: Array | None = None,
    ) -> None:
        self.scaled, self.dyads, self.diagonal = scaled, dyads, diagonal

    @classmethod
    def of(cls, a: Any) -> Unsummed:
        """A matrix as it is."""
        if isinstance(a, Unsummed):
            return a
        return cls([], (), a.entries) if isinstance(a, Diagonal) else cls([(None, a, None)])

    def __len__(self) -> int:
        return len(self.scaled[0][1] if self.diagonal is None else self.diagonal)

    def __getitem__(self, rows: slice) -> Array:
        """These rows of the sum."""
        total: Any = None
        for left, a, right in self.scaled:
            piece = np.array(a[rows], order="C") if right is None else np.multiply(a[rows], right, order="C")
            if left is not None:
                piece *= left[rows, None]
            total = piece if total is None else np.add(total, piece, out=total)
        if self.diagonal is not None:
            entries = self.diagonal[rows]
            total = np.zeros((len(entries), len(self))) if total is None else total
            at = range(len(entries))
            total[at, range(len(self))[rows]] += entries
        for u, v in self.dyads:
            total += np.multiply.outer(u[rows], v)
        return np.asarray(total)

    def formed(self) -> Array:
        """The sum."""
        if len(self.scaled) == 1 and self.scaled[0][0] is self.scaled[0][2] is self.diagonal is None and not self.dyads:
            return self.scaled[0][1]
        return self[:]

    def __add__(self, other: Any) -> Unsummed:
        other = Unsummed.of(other)
        diagonals = [x.diagonal for x in (self, other) if x.diagonal is not None]
        diagonal = sum(diagonals[1:], diagonals[0]) if diagonals else None
        return Unsummed(self.scaled + other.scaled, [*self.dyads, *other.dyads], diagonal)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Unsummed:
        return self + -1.0 * Unsummed.of(other)

    def __rsub__(self, other: Any) -> Unsummed:
        return Unsummed.of(other) - self

    def __rmul__(self, factor: Number) -> Unsummed:
        return self if factor == 1 else self.rows_times(np.full(len(self), float(factor)))

    @property
    def T(self) -> Unsummed:
        """The transpose."""
        scaled = [(right, a.T, left) for left, a, right in self.scaled]
        return Unsummed(scaled, [(v, u) for u, v in self.dyads], self.diagonal)

    def __matmul__(self, other: Any) -> Any:
        if isinstance(other, Diagonal):
            return (other @ self.T).T
        if isinstance(other, Unsummed):
            return self @ other.formed()
        if other.ndim == 2 and other.shape[1] == len(self):
            return self.formed() @ other
        total: Any = 0 if self.diagonal is None else _scaled(other, self.diagonal)
        for left, a, right in self.scaled:
            total = total + _scaled(a @ _scaled(other, right), left)
        for u, v in self.dyads:
            total = total + np.multiply.outer(u, v @ other)
        return total

    def __rmatmul__(self, other: Array) -> Any:
        return other @ self.formed() if other.ndim == 2 else self.T @ other

    def rows_times(self, entries: Array) -> Unsummed:
        """The rows scaled."""
        scaled = [(entries if left is None else entries * left, a, right) for left, a, right in self.scaled]
        diagonal = None if self.diagonal is None else entries * self.diagonal
        return Unsummed(scaled, [(entries * u, v) for u, v in self.dyads], diagonal)

    def trace(self) -> Number:
        """The trace."""
        diagonals = (_scaled(_scaled(np.diagonal(a), left), right).sum() for left, a, right in self.scaled)
        rest = 0 if self.diagonal is None else self.diagonal.sum()
        return sum(diagonals) + sum(u @ v for u, v in self.dyads) + rest


def _scaled(x: Array, entries: Any) -> Array:
    """The rows of x scaled, or not."""
    return x if entries is None else (entries * x.T).T


class Matrices(Space):
    """NumPy arrays, or a :class:`Diagonal`. ``dtype`` object holds exact numbers, symbols or balls."""

    def __init__(self, d: int, kind: Kind = FLOATS) -> None:
        self.d = d
        self.kind = kind
        self.dtype = np.dtype(kind.dtype)
        self.large = kind is FLOATS and d >= LARGE  # a copy of an operator then costs what it is worth to avoid
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

    def with_dyad(self, a: Any, left: Array, right: Array) -> Any:
        if self.dtype != object and not (left.any() and right.any()):
            return a  # d^2 numbers that would be zero
        if isinstance(a, Unsummed):
            return a + Unsummed([], [(left, right)])
        out = np.multiply.outer(left, right)
        out += a
        return out

    def images(self, a: Any, several: list[Array]) -> list[Array]:
        if len(several) < 2 or self.dtype == object or isinstance(a, Diagonal):
            return super().images(a, several)
        return list((a @ np.array(several).T).T)

    def full(self, a: Any) -> Any:
        if self.large:
            return Unsummed.of(a)
        return np.diag(a.entries) if isinstance(a, Diagonal) else a

    @property
    def token_identity(self) -> Any:
        return Diagonal(self.token_vector(0, self.zeros(self.d) + 1, 0)) if self.large else super().token_identity

    @property
    def nothing(self) -> Any:
        return Unsummed([]) if self.large else super().nothing

    def sharper(self, slopes: Images, operator: Array, metric: Array, inside: Array) -> Images:
        return slopes  # two products of matrices for digits that only a million shots would show

    def vector(self, x: Array) -> Array:
        """An input's vector of these entries."""
        return x

    def sphere(self, d: Number) -> Diagonal:
        """E theta theta' of tasks uniform on the unit sphere."""
        return Diagonal(self.zeros(self.d) + 1) if d == 1 else Diagonal((self.zeros(self.d) + 1) / d)

    def trace(self, a: Any) -> Number:
        if isinstance(a, Unsummed):
            return scalar(a.trace())
        return scalar(a.entries.sum() if isinstance(a, Diagonal) else np.trace(a))

    def trace_of_product(self, a: Any, b: Any) -> Number:
        if isinstance(a, Diagonal):
            return scalar(a.entries @ b.entries)
        if isinstance(a, Unsummed) or isinstance(b, Unsummed):
            return self.traces_of_products([a], [b])[0][0]
        if a.dtype == b.dtype == float:
            return float(np.einsum("ij,ij->", a, b))
        return scalar(np.sum(a * b))

    def traces_of_products(self, some: list[Any], others: list[Any]) -> list[list[Number]]:
        unsummed = any(isinstance(a, Unsummed) for a in some + others)
        if not unsummed and (
            len(some) < 2 or self.dtype == object or any(isinstance(a, Diagonal) for a in some + others)
        ):
            return super().traces_of_products(some, others)
        total = np.zeros((len(some), len(others)))
        rows = max(1, IN_CACHE // (len(some[0]) * max(len(some), len(others))))
        for start in range(0, len(some[0]), rows):
            piece = slice(start, start + rows)
            one, two = (np.array([a[piece].reshape(-1) for a in several]) for several in (some, others))
            total += one @ two.T
        traces: list[list[Number]] = total.tolist()
        return traces

    def solve(self, a: Array, b: Array) -> Array:
        return self.kind.solve(a, b)

    def solve_quadratic(self, coefficients: Triple, a: Array, metric: Array, b: Array) -> Array:
        found = None
        if self.large:
            found = conjugate_gradients(coefficients, a, metric, b)
        return super().solve_quadratic(coefficients, a, metric, b) if found is None else found

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


def conjugate_gradients(coefficients: Triple, a: Array, metric: Array, b: Array) -> Array | None:
    """Accelerator of :meth:`Space.solve_quadratic` for large floats: no products of matrices; None where it is slow.

    The laws' quadratic has eigenvalues within a factor of 15, so that 70 steps reach all digits at worst, and five where A has
    many eigenvalues of one size.
    """
    constant, linear, square = coefficients
    x, rest, step = np.zeros_like(b), b, b
    seen = along = metric @ b
    size, rounding = rest @ seen, np.finfo(float).eps ** 2
    enough = rounding * size, rounding * (b @ b)
    for _ in range(STEPS):
        if size <= enough[0] and rest @ rest <= enough[1]:  # in directions of little variance, too
            return np.asarray(x)
        image = constant * step + a @ (linear * step + square * (a @ step))
        share = size / (along @ image)
        x, rest = x + share * step, rest - share * image
        seen, before = metric @ rest, size
        size = rest @ seen
        step, along = rest + (size / before) * step, seen + (size / before) * along
    return None


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
