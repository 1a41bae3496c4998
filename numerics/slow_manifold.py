"""The slow phase of fine-tuning with a vanishing few-shot weight: flow along the minimisers of the zero-shot loss.

With L = L_ZS + lambda L_FS and lambda -> 0+, a flow first descends L_ZS (in time t) to its minimisers, and
then L_FS along them (in time lambda t): a Riemannian gradient flow, in the metric that the flat metric of (v,
Q) induces. Near an odd-symmetric start the minimisers are one family with a scale c,

    v_x = c theta_0, v_0 = 0,    sym(Q) = N E_00 / c,

with N that of zero shots, 1 unless the normalization is a number, and where sym is the symmetric part of the constant and x block of Q. What the zero-shot loss does not see is
free: w, the antisymmetric part of that block, and the label column of Q. The metric is |theta_0|^2 + N^2 / c^4
in c and flat in the rest.

(The other family, v_0 = c and Q linear, is degenerate: (v_0 + v_x.x)(z_q'Qz_q) stays theta_0.x to first order
also where v_x moves and S follows with -v_x theta_0' / c^2. Flows approach it like t^(-1/2), and have no slow
phase of this kind.)
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .biquadratic import Biquadratic
from .integrator import Linearisation, NoConvergence, System
from .objectives import population_loss
from .population_loss import PopulationLoss
from .subspaces import AffineSpace, balancing_scale, slope_at

Array = NDArray[np.float64]


class ZeroShotManifold:
    """The zero-shot minimisers through a point, in the coordinates y = (c, free coordinates).

    Parameters
    ----------
    v, Q : arrays (d+2,) and (d+2, d+2)
        A minimiser of the zero-shot loss, up to rounding.
    target : array (d,)
        theta_0.
    free : array ((d+2) + (d+2)^2, k), sparse if large
        Orthonormal directions (v, vec Q) which the zero-shot loss does not see.
    N : float
        By what attention is divided at zero shots.
    """

    def __init__(self, v: Array, Q: Array, target: Array, free: Any, N: float) -> None:
        self._size = size = len(v)
        self.free = free
        self._value = np.zeros(size + size**2)  # what c multiplies, and what 1 / c multiplies
        self._value[1 : size - 1] = target
        self._constant = np.zeros(size + size**2)
        self._constant[size] = N
        self._power = N**2
        self._length2 = float(target @ target)
        self.scale = float(v[1:-1] @ target / self._length2)
        state = np.concatenate((v, Q.ravel()))
        symmetric = (Q[:-1, :-1] + Q[:-1, :-1].T) / 2
        value, block = v[:-1].copy(), symmetric.copy()
        value[1:] -= self.scale * target
        block[0, 0] -= N / self.scale if self.scale else math.inf
        if not max(np.abs(value).max(), np.abs(block).max()) <= 1e-6 * np.abs(state).max():
            raise NoConvergence(
                "the zero-shot phase did not end on a minimiser with v_x = c theta_0, sym(Q) = N E_00 / c"
            )
        self._rest = state
        self._rest[: size - 1] = 0.0
        self._rest[size:] -= np.pad(symmetric, (0, 1)).ravel()

    symmetries: int | None = 1
    loss = staticmethod(population_loss)

    def start(self) -> Array:
        """The coordinates of the point itself."""
        return np.concatenate(([self.scale], np.zeros(self.free.shape[1])))

    def point(self, y: Array) -> tuple[Array, Array]:
        """(v, Q) of coordinates (..., k)."""
        c = y[..., :1]
        return self._split(self._rest + c * self._value + self._constant / c + (self.free @ y[..., 1:].T).T)

    def _split(self, state: Array) -> tuple[Array, Array]:
        """(v, Q) of vectors (..., v and vec Q)."""
        return state[..., : self._size], state[..., self._size :].reshape(*state.shape[:-1], self._size, self._size)

    def level(self, y: Array) -> float:
        """|v|^2 - |Q|_F^2 of what moves, which the flow conserves."""
        c, value, key_query = self._parts(y)
        return float(c * c * self._length2 + value @ value - self._power / (c * c) - key_query @ key_query)

    def on_level(self, y: Array, level: float) -> Array:
        """y moved along (k v, Q / k), which changes no prediction, to where |v|^2 - |Q|_F^2 is `level`."""
        c, value, key_query = self._parts(y)
        k = balancing_scale(
            float(c * c * self._length2 + value @ value), float(self._power / (c * c) + key_query @ key_query), level
        )
        moved = np.concatenate(((k - 1) * value, (1 / k - 1) * key_query))
        return y + np.concatenate(([c * (k - 1)], self.free.T @ moved))

    def _parts(self, y: Array) -> tuple[float, Array, Array]:
        """c, and the free parts of v and of vec Q."""
        state = self.free @ (self.free.T @ self._rest + y[1:])
        return float(y[0]), state[: self._size], state[self._size :]

    def system(self, loss: PopulationLoss, exact: PopulationLoss) -> System:
        """The flow of a loss, given in floats and in Fractions, along the manifold."""

        def velocity(loss: PopulationLoss, y: Array) -> Array:
            slope = self._gradient(loss, y)
            along = self._along(slope, y) / self._metric(y)
            return -np.concatenate((along[..., None], (self.free.T @ slope.T).T), axis=-1)

        columns = np.concatenate((self._value[:, None], self._constant[:, None], self._columns), axis=1)
        start, table = self.free.T @ self._rest, AffineSpace(*self._split(self._rest), columns).table(loss)

        def quick(table: Biquadratic, y: Array) -> Array:
            c = y[..., :1]
            slope = table.gradient(np.concatenate((c, 1 / c, start + y[..., 1:]), axis=-1))
            along = slope[..., :1] - slope[..., 1:2] / c**2
            return -np.concatenate((along / self._metric(y)[..., None], slope[..., 2:]), axis=-1)

        def linearise(_: float, y: Array) -> Linearisation:
            curvature = self.hessian(loss, y)
            along = self._along(self._gradient(loss, y), y)
            curvature[0, 0] += along * 4 * self._power / y[0] ** 5 / self._metric(y) ** 2  # the metric's derivative
            values, vectors = np.linalg.eigh(curvature)
            stretch = np.ones(len(y))
            stretch[0] = self._metric(y) ** 0.5
            return Linearisation(-values, vectors.T * stretch, vectors / stretch[:, None])

        return System(
            lambda _, y: velocity(loss, y),
            linearise,
            lambda y: velocity(exact, y),
            None if table is None else lambda _, y: quick(table, y),
        )

    def gradient(self, loss: PopulationLoss, y: Array) -> Array:
        """The gradient of a loss along the manifold, in an orthonormal frame."""
        slope = self._gradient(loss, y)
        along = self._along(slope, y) / self._metric(y) ** 0.5
        return np.concatenate(([along], self.free.T @ slope))

    def hessian(self, loss: PopulationLoss, y: Array) -> Array:
        """Second derivatives along the manifold in an orthonormal frame.

        It is the Riemannian Hessian where the gradient along the manifold vanishes, and elsewhere that
        without the derivative of the metric.
        """
        v, Q = self.point(y)
        along = (self._value - self._constant / y[0] ** 2) / self._metric(y) ** 0.5
        tangent = np.concatenate((along[None], self._columns.T))
        hv, hQ = loss.hessian_product(v, Q, *self._split(tangent))
        full = np.concatenate((hv, hQ.reshape(len(y), -1)), axis=1)
        out = np.empty((len(y), len(y)))
        out[:, 0], out[:, 1:] = full @ tangent[0], full @ self.free
        out[0, 0] += self._gradient(loss, y) @ self._constant * 2 / y[0] ** 3 / self._metric(y)
        return np.asarray((out + out.T) / 2)

    def _gradient(self, loss: PopulationLoss, y: Array) -> Array:
        return slope_at(loss, *self.point(y))

    @property
    def _columns(self) -> Array:
        return self.free if isinstance(self.free, np.ndarray) else np.asarray(self.free.toarray())

    def _along(self, slope: Array, y: Array) -> Any:
        """The derivative in c of what has the gradient `slope`."""
        return slope @ self._value - (slope @ self._constant) / y[..., 0] ** 2

    def _metric(self, y: Array) -> Any:
        return self._length2 + self._power / y[..., 0] ** 4
