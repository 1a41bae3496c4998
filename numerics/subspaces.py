"""The directions in which a gradient flow can move, as an orthonormal basis of a subspace.

Population losses have symmetries, and a flow that starts on a symmetric point stays symmetric. In orthonormal
coordinates of the symmetric subspace the flow is again the gradient flow of the same loss for the same flat
metric: in the isotropic case these are the six scalars (alpha, w, q, beta, gamma, delta) with the metric
alpha^2 + w^2 and q^2 + d beta^2 + 2 beta gamma + gamma^2 + delta^2 that the flat one induces, made
orthonormal.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from theory.setting import Setting
from theory.strategies import KEY_QUERY, VALUE

from .biquadratic import Biquadratic, is_small
from .derivatives import CHUNK, apply_hessian
from .integrator import System, symmetric
from .objectives import Objective, fractions, population_loss
from .population_loss import PopulationLoss
from .targets import targets_of

Array = NDArray[np.float64]
Trained = str | tuple[str, ...]
BLOCKS = {"all": VALUE + KEY_QUERY, "value": VALUE, "key_query": KEY_QUERY}
_SMALL = 20_000  # entries of a basis of zeros and few others, up to which a dense product is faster than a sparse one
Column = list[tuple[tuple[int, ...], float]]  # ((i,), value): an entry of v; ((i, j), value): an entry of Q


class AffineSpace:
    """Parameters x_0 + Z y with orthonormal Z, in which a flow is the gradient flow of the same loss."""

    symmetries: int | None = 1  # directions along which a model has no loss: (k v, Q / k)
    shots_count = False  # whether flat directions depend on the number of shots, where there is one: beside a prompt
    moving: list[int] | slice = slice(None)  # the heads that train

    def __init__(self, v: Array, Q: Array, basis: Any) -> None:
        self.shapes, self.size = (v.shape, Q.shape), v.size
        self.origin, self.basis = np.concatenate((v.ravel(), Q.ravel())), basis

    def like(self, v: Array, Q: Array, basis: Any, change: Array | None = None) -> AffineSpace:
        """A space of the same kind elsewhere; `change` takes the inputs to other coordinates."""
        return AffineSpace(v, Q, basis)

    def directions(self, setting: Setting, objective: Objective, trained: Trained) -> Any:
        """Orthonormal basis of a subspace that holds every gradient along the flow from the origin."""
        return motion_basis(*self.split(self.origin), setting, objective, trained)

    def loss(self, setting: Setting, objective: Objective, *, exact: bool = False) -> PopulationLoss:
        """The loss of an objective, as a function of this space's points."""
        return population_loss(setting, objective, exact=exact)

    def split(self, state: Array) -> tuple[Array, Array]:
        """(v, Q) of vectors (..., v and vec Q)."""
        several, (v, Q) = state.shape[:-1], self.shapes
        return state[..., : self.size].reshape(*several, *v), state[..., self.size :].reshape(*several, *Q)

    def point(self, y: Array) -> tuple[Array, Array]:
        """(v, Q) of coordinates (..., k)."""
        return self.split(self.origin + (self.basis @ y.T).T)

    def velocity(self, loss: PopulationLoss, y: Array) -> Array:
        """Of a loss in floats, or of one in Fractions, rounded at the end."""
        return np.asarray(-(self.basis.T @ slope_at(loss, *self.point(y)).T).T)

    def jacobian(self, loss: PopulationLoss, y: Array) -> Array:
        v, Q = self.point(y)
        k = self.basis.shape[1]
        out = np.empty((k, k))
        for first in range(0, k, CHUNK):
            some = self.basis[:, first : first + CHUNK]
            directions = some.T if isinstance(some, np.ndarray) else some.T.toarray()
            out[first : first + CHUNK] = -(apply_hessian(loss, v, Q, directions) @ self.basis)
        return (out + out.T) / 2

    def system(self, loss: PopulationLoss, exact: PopulationLoss, pull: float = 0.0) -> System:
        """The flow of a loss, given in floats and in Fractions, and of a pull to the origin of that weight."""
        rate, start, table = 2 * pull, self.basis.T @ self.origin, self.table(loss)

        def jacobian(y: Array) -> Array:
            return self.jacobian(loss, y) if table is None else -table.hessian(start + y)

        return System(
            lambda _, y: self.velocity(loss, y) - rate * y,
            lambda _, y: symmetric(jacobian(y) - rate * np.eye(self.basis.shape[1])),
            lambda y: self.velocity(exact, y) - rate * y,
            None if table is None else lambda _, y: -table.gradient(start + y) - rate * y,
        )

    def table(self, loss: PopulationLoss) -> Biquadratic | None:
        """The loss along few coordinates, counted from zero: what a flow loses leaves no rounding behind."""
        blocks = self.basis[: self.size], self.basis[self.size :]
        in_v, in_Q = (np.flatnonzero(abs(block).sum(axis=0)) for block in blocks)
        if not is_small(len(in_v), len(in_Q)) or np.intersect1d(in_v, in_Q).size:
            return None
        start = self.basis.T @ self.origin
        return Biquadratic(lambda y: -self.velocity(loss, y - start), in_v, in_Q)

    def is_scale_invariant(self, objective: Objective) -> bool:
        """Whether (k v, Q / k) is one model to the loss for all k: what is frozen is zero, or the loss does not see it."""
        value, key_query = self.split(self.origin - self.basis @ (self.basis.T @ self.origin))
        key_query[..., -1, :] = 0.0  # the dead row
        size = value.shape[-1]
        outside = np.concatenate((value.reshape(-1, size), key_query.reshape(-1, size**2)), axis=1)[self.moving]
        if not self.shots_count and all(term.n_shots == 0 for term in objective):
            unseen = unseen_at_zero_shots(size)
            outside = outside - (unseen @ (unseen.T @ outside.T)).T
        return bool(np.abs(outside).max() <= 1e-12 * np.abs(self.origin).max())

    def start(self) -> Array:
        return np.zeros(self.basis.shape[1])

    def level(self, y: Array) -> float:
        """|v|^2 - |Q|_F^2 of what moves, which the flow conserves where v and Q both train."""
        value, key_query = self._parts(y)
        return float(value @ value - key_query @ key_query)

    def on_level(self, y: Array, level: float) -> Array:
        """y moved along (k v, Q / k), which changes no prediction, to where |v|^2 - |Q|_F^2 is `level`."""
        value, key_query = self._parts(y)
        k = balancing_scale(float(value @ value), float(key_query @ key_query), level)
        moved = np.concatenate(((k - 1) * value, (1 / k - 1) * key_query))
        return np.asarray(y + self.basis.T @ moved)

    def _parts(self, y: Array) -> tuple[Array, Array]:
        """What moves of v and of vec Q; the rest is seen by no loss, or zero."""
        state: Array = self.basis @ (self.basis.T @ self.origin + y)
        return state[: self.size], state[self.size :]


def slope_at(loss: PopulationLoss, v: Array, Q: Array) -> Array:
    """The gradient in (v, vec Q), in floats also of a loss in Fractions."""
    if loss.is_float:
        dv, dQ = loss.gradient(v, Q)
    else:  # an axis is added, because sums of objects over all axes are no arrays
        dv, dQ = (x[0].astype(float) for x in loss.gradient(fractions(v[None]), fractions(Q[None])))
    several = v.shape[: v.ndim - loss.axes]
    return np.concatenate((dv.reshape(*several, -1), dQ.reshape(*several, -1)), axis=-1)


def balancing_scale(value: float, key_query: float, level: float) -> float:
    """The k > 0 with k^2 value - key_query / k^2 = level, for value = |v|^2 and key_query = |Q|^2.

    >>> balancing_scale(2.0, 3.0, -1.0)
    1.0
    """
    if value == 0 or key_query == 0:
        return 1.0
    # k is close to 1: 1 + growth = k^2 from an equation for the growth, not from a difference of large numbers.
    excess = level - (value - key_query)
    growth = 2 * excess / (2 * value - level + math.hypot(level, 2 * math.sqrt(value * key_query)))
    return math.sqrt(1 + growth)


def is_odd_symmetric(v: Array, Q: Array) -> bool:
    """Whether v_0 = 0, Q_x0 = 0, Q_0x = 0 and Q_0y = 0: the prediction is odd under (x, y) -> (-x, -y)."""
    return not (v[0] or Q[1:-1, 0].any() or Q[0, 1:].any())


def motion_basis(v: Array, Q: Array, setting: Setting, objective: Objective, trained: Trained) -> Any:
    """Orthonormal basis of a subspace that holds every gradient along the flow from (v, Q).

    Parameters
    ----------
    v, Q : arrays (d+2,) and (d+2, d+2)
        The start.
    setting, objective, trained
        What descends, and which block of it, or which entries, move.

    Returns
    -------
    scipy.sparse.csr_array of shape ((d+2) + (d+2)^2, k)
        Columns are directions (v, vec Q). The smallest of: the six scalars of the isotropic case; the
        odd-symmetric parameters; every parameter. Under a zero-shot loss, without the
        :func:`unseen_at_zero_shots`. Of these, those that train.
    """
    unseen = any(term.n_shots > 0 for term in objective)
    return head_basis(len(v), is_odd_symmetric(v, Q), symmetry_axis(v, Q, setting, objective), unseen, trained)


def head_basis(size: int, odd: bool, axis: Array | None, unseen: bool, trained: Trained) -> Any:
    """Orthonormal directions of one head: symmetric about an axis, odd-symmetric, or all; with the unseen ones or not."""
    entries = BLOCKS[trained] if isinstance(trained, str) else trained
    seen, others = _general(size, odd) if axis is None else _isotropic(size, axis)
    kept = {}
    for column in seen + others if unseen else seen:
        inside = [(index, value) for index, value in column if entry_name(index, size) in entries]
        if len(inside) < len(column):  # of a sum and a difference of two entries, the one that trains
            inside = [(index, 1.0) for index, _ in inside]
        if inside:
            kept[tuple(inside)] = inside
    return _assemble([*kept.values()], size)


def entry_name(index: tuple[int, ...], size: int) -> str:
    """The name of an entry of v or of Q."""
    label = size - 1
    if len(index) == 1:
        return "v_0" if index[0] == 0 else "w" if index[0] == label else "v_x"
    i, j = index
    if i == 0:
        return "q" if j == 0 else "r"
    return "p" if j == 0 else "b" if j == label else "B"


def unseen_motion_basis(v: Array, Q: Array, setting: Setting, objective: Objective) -> Any:
    """The part of :func:`motion_basis` (all of v and Q trained) that the zero-shot loss does not see."""
    axis = symmetry_axis(v, Q, setting, objective)
    general = _general(len(v), is_odd_symmetric(v, Q))
    return _assemble((general if axis is None else _isotropic(len(v), axis))[1], len(v))


def unseen_at_zero_shots(size: int) -> Any:
    """All that the zero-shot loss does not see: w, the label column of Q, the antisymmetric part of the rest of it.

    `size` is d + 2. The dead row of Q is left out.
    """
    return _assemble(_general(size, odd=False)[1], size)


def _assemble(columns: list[Column], size: int) -> Any:
    def row(index: tuple[int, ...]) -> int:
        return index[0] if len(index) == 1 else size * (1 + index[0]) + index[1]

    triples = [(row(index), k, value) for k, column in enumerate(columns) for index, value in column]
    shape = (size + size**2, len(columns))
    rows, places, entries = zip(*triples, strict=True) if triples else ((), (), ())
    basis = scipy.sparse.csr_array((entries, (rows, places)), shape=shape)
    return basis.toarray() if math.prod(shape) <= _SMALL else basis


def _general(size: int, odd: bool) -> tuple[list[Column], list[Column]]:
    """Directions that the zero-shot loss sees, and those that it does not see."""
    half = 0.5**0.5
    label = size - 1
    rows = range(int(odd), label)
    seen: list[Column] = [[((i,), 1.0)] for i in rows]
    seen += [[((i, i), 1.0)] for i in range(label)]
    unseen: list[Column] = [[((label,), 1.0)]]
    unseen += [[((i, label), 1.0)] for i in rows]
    for i, j in itertools.combinations(range(label), 2):
        if not (odd and i == 0):
            seen.append([((i, j), half), ((j, i), half)])
            unseen.append([((i, j), half), ((j, i), -half)])
    return seen, unseen


def _isotropic(size: int, axis: Array) -> tuple[list[Column], list[Column]]:
    """The same, for the six scalars."""
    label, d = size - 1, size - 2
    along = np.outer(axis, axis)
    seen: list[Column] = [
        [((1 + i,), axis[i]) for i in range(d)],
        [((0, 0), 1.0)],
        _matrix_column(along),
    ]
    if d > 1:
        seen.append(_matrix_column((np.eye(d) - along) / (d - 1) ** 0.5))
    return seen, [[((label,), 1.0)], [((1 + i, label), axis[i]) for i in range(d)]]


def _matrix_column(block: Array) -> Column:
    return [((1 + i, 1 + j), float(block[i, j])) for i, j in itertools.product(range(len(block)), repeat=2)]


def symmetry_axis(v: Array, Q: Array, setting: Setting, objective: Objective) -> Array | None:
    """The unit vector about which loss and start are both symmetric, or None."""
    sigma, theta = np.asarray(setting.sigma(), dtype=float), targets_of(setting)[0][1]
    for term in objective:
        if term.task is None and setting.task_covariance is not None:
            return None
        if term.task is not None:
            theta = term.task
    axis = theta / np.linalg.norm(theta)
    parallel = all(t.task is None or np.allclose(t.task, (t.task @ axis) * axis, rtol=0, atol=1e-15) for t in objective)
    if not (parallel and is_odd_symmetric(v, Q) and np.array_equal(sigma, sigma[0, 0] * np.eye(len(axis)))):
        return None
    seen, unseen = _isotropic(len(v), axis)
    basis = _assemble(seen + unseen, len(v))
    state = np.concatenate((v, Q[:-1].ravel(), np.zeros(len(v))))
    outside = state - basis @ (basis.T @ state)
    return axis if np.abs(outside).max() <= 1e-15 * np.abs(state).max() else None
