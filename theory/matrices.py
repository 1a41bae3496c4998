"""The space of NumPy arrays: any world, at the cost of products of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from .kinds import FLOATS, Array, Kind, Number, whole_identity
from .space import Images, Space, scalar


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

    def with_dyad(self, a: Array, left: Array, right: Array) -> Array:
        if self.dtype != object and not (left.any() and right.any()):
            return a  # d^2 numbers that would be zero
        return a + np.multiply.outer(left, right)

    def full(self, a: Any) -> Array:
        return np.diag(a.entries) if isinstance(a, Diagonal) else a

    def sharper(self, slopes: Images, operator: Array, metric: Array, inside: Array) -> Images:
        return slopes  # two products of matrices for digits that only a million shots would show

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

    def traces_of_products(self, some: list[Any], others: list[Any]) -> list[list[Number]]:
        if len(some) < 2 or not others or self.dtype == object or any(isinstance(a, Diagonal) for a in some + others):
            return super().traces_of_products(some, others)
        one, two = (np.array(several).reshape(len(several), -1) for several in (some, others))
        traces: list[list[Number]] = (one @ two.T).tolist()
        return traces

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
