"""Flows of strategies that train one of v and Q: their loss is quadratic, its flow and limit are linear algebra.

The limit is the nearest minimiser: x - H^+ g, with one discrete question in it, which directions are flat. No threshold on
the rates can answer that, since a rate may be as small as a weight, a noise or a ratio of units makes it. But the loss
is a positive sum of E (prediction's change)^2, so that a direction is flat exactly if it changes no prediction on
any prompt that can occur. The change is a polynomial in the prompt, and a polynomial that vanishes on a ball vanishes
everywhere. So neither a weight > 0, nor the size of a noise > 0, nor the covariance, nor the number of shots from
one on matters, and the question is put where all of them are one (:func:`flat_directions`).

The rest is a positive definite system, in coordinates scaled to a unit diagonal, where a small weight or a long target
is no bad condition. Where it still is one (little noise makes labels nearly linear in inputs) the gradient is taken in
rational arithmetic, and Newton steps from it end within rounding of the minimiser.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from theory.setting import Setting

from .integrator import RESOLUTION, NoConvergence, phi
from .objectives import Objective, Term
from .subspaces import AffineSpace
from .targets import size_of_targets

Array = NDArray[np.float64]

_ZERO = 1e-13  # of the largest eigenvalue of the reference problem: rounding of (d+2)^2 terms, d to 50
_POSITIVE = 1e-10
_WELL_CONDITIONED = 1e-3  # smallest to largest rate at which gradients in floats are exact enough
_MOST_NEWTON_STEPS = 20


class QuadraticFlow:
    """The flow of a quadratic loss along a space, from the space's origin, in closed form.

    Parameters
    ----------
    space : AffineSpace
        Directions of v alone, or of Q alone.
    setting, objective, pull
        The loss, and the weight of the squared distance from the origin.
    """

    def __init__(self, space: AffineSpace, setting: Setting, objective: Objective, pull: float = 0.0) -> None:
        self._space, self._setting, self._objective, self._pull = space, setting, objective, pull
        self.loss = space.loss(setting, objective)
        self._velocity = space.velocity(self.loss, space.start())
        self._curvature = 2 * pull * np.eye(space.basis.shape[1]) - space.jacobian(self.loss, space.start())
        self._modes: tuple[Array, Array] | None = None

    def advance(self, end: float) -> Array:
        """The coordinates at time `end`."""
        if self._modes is None:
            self._modes = np.linalg.eigh(self._curvature)
        rates, vectors = self._modes
        decay = end * np.maximum(rates, 0.0)  # a sum of squares: negative by rounding only
        return np.asarray(vectors @ (end * phi(-decay) * (vectors.T @ self._velocity)))

    def settle(self, scale: float) -> Array:
        """The coordinates in the limit of long times, to 1e-11 of `scale` (or of the largest of them).

        Raises
        ------
        NoConvergence
            Floats cannot tell which directions are flat, or not where the minimum is along those that are not.
        """
        moving, curvature = self._moving()
        y: Array = self._space.start()
        if not moving.shape[1]:
            return y
        stretch = np.sqrt(np.maximum(curvature.diagonal(), 0.0))
        if not stretch.min() > 0:
            raise NoConvergence(_TOO_FLAT)
        rates, vectors = np.linalg.eigh(curvature / np.outer(stretch, stretch))
        if rates[0] <= _ZERO:
            raise NoConvergence(_TOO_FLAT)
        well_conditioned = rates[0] * stretch.min() ** 2 > _WELL_CONDITIONED * stretch.max() ** 2
        loss = self.loss if well_conditioned else self._space.loss(self._setting, self._objective, exact=True)
        for _ in range(_MOST_NEWTON_STEPS):
            velocity = moving.T @ (self._space.velocity(loss, y) - 2 * self._pull * y)
            step = moving @ (vectors @ (vectors.T @ (velocity / stretch) / rates) / stretch)
            y = y + step
            if np.abs(step).max() <= RESOLUTION * max(scale, float(np.abs(y).max())):
                return y
        raise NoConvergence(_TOO_FLAT)

    def _moving(self) -> tuple[Array, Array]:
        """Orthonormal columns orthogonal to the flat directions, and the curvature along them.

        The zero-shot loss has flat directions of its own, along which a few-shot loss of a tiny weight is all the curvature
        there is: they are columns apart, where rounding of the former cannot cover the latter.
        """
        space = self._space
        if self._pull:  # nothing is flat
            return np.eye(space.basis.shape[1]), self._curvature
        flat = flat_directions(space, self._setting, self._objective)
        zero_shot = tuple(term for term in self._objective if term.n_shots == 0)
        few_shot = tuple(term for term in self._objective if term.n_shots > 0)
        if not (zero_shot and few_shot):
            moving = complement(flat)
            return moving, moving.T @ self._curvature @ moving
        unseen = flat_directions(space, self._setting, zero_shot)
        seen = complement(unseen)
        moving = np.concatenate((seen, unseen @ complement(unseen.T @ flat)), axis=1)
        first, second = (
            -space.jacobian(space.loss(self._setting, part), space.start()) for part in (zero_shot, few_shot)
        )
        curvature = moving.T @ second @ moving
        curvature[: seen.shape[1], : seen.shape[1]] += seen.T @ first @ seen
        return moving, curvature


_TOO_FLAT = (
    "floats cannot tell where this flow ends: its loss is too flat along some direction, though not flat "
    "(noise, weight or units many orders of magnitude apart)"
)


def flat_directions(space: AffineSpace, setting: Setting, objective: Objective) -> Array:
    """Orthonormal columns of coordinates of a space (of v alone, or of Q alone) along which a loss is constant.

    They are found on a reference loss with the same flat directions and no other scale than that of the resting block:
    weights one, one shot where there is any, and noise, if any, as large as the signal; in whitened inputs
    and labels of unit power.

    Raises
    ------
    NoConvergence
        The resting block leaves a direction that is neither flat nor not flat, in floats.
    """
    root = np.linalg.cholesky(np.asarray(setting.sigma(), dtype=float))
    length = size_of_targets(setting, root)
    d, count = setting.d, space.basis.shape[1]
    reference = Setting(
        covariance=np.eye(d),
        noise_variance=1.0 if setting.noise_variance else 0.0,
        pretrain_shots=1,
    ).replace(query=setting.query)
    terms = tuple(
        Term(
            1.0,
            term.n_shots if space.shots_count else min(term.n_shots, 1),
            None if term.task is None else term.task @ root / length,
        )
        for term in objective
        if term.weight
    )
    change = np.eye(d + 2)
    change[1:-1, 1:-1] = root.T
    change[-1, -1] = length

    def whiten(state: Array) -> tuple[Array, Array]:
        value, key_query = space.split(state)
        return value @ change.T, change @ key_query @ change.T

    columns = space.basis if isinstance(space.basis, np.ndarray) else space.basis.toarray()
    dv, dQ = whiten(columns.T)
    whitened_columns = np.concatenate((dv.reshape(count, -1), dQ.reshape(count, -1)), axis=1).T
    live = whitened_columns.any(axis=1)  # the rows of the resting block stay exactly zero
    frame = np.zeros_like(whitened_columns)
    frame[live], triangle = np.linalg.qr(whitened_columns[live])
    image = space.like(*whiten(space.origin), frame, change)
    rates, vectors = np.linalg.eigh(-image.jacobian(image.loss(reference, terms), image.start()))
    largest = float(np.abs(rates).max(initial=0.0))
    if largest == 0:
        return np.eye(count)
    flat = rates <= _ZERO * largest
    if np.any(~flat & (rates < _POSITIVE * largest)):
        raise NoConvergence(_TOO_FLAT)
    return np.asarray(np.linalg.qr(np.linalg.solve(triangle, vectors[:, flat]))[0])


def complement(columns: Array) -> Array:
    """Orthonormal columns orthogonal to orthonormal ones; the unit vectors themselves where there are none."""
    count, flat = columns.shape
    return np.asarray(np.linalg.qr(columns, mode="complete")[0][:, flat:]) if flat else np.eye(count)
