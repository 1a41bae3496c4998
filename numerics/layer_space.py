"""Where the heads of a layer move: their coordinates beside what rests, frozen heads, a prompt and a skip.

The prediction depends on the heads that train only through the sum of v_h x Q_h, which (A v, A^-T Q) leaves alone for every
invertible matrix A between them. So gradient flow of all of v and Q, in any loss, conserves the symmetric matrix
v_g . v_h - <Q_g, Q_h> between the heads that train; of one head it is |v|^2 - |Q|_F^2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from theory.parameters import AttentionParameters
from theory.setting import Setting
from theory.validation import reject

from .derivatives import heads, is_layer, one_head
from .objectives import Objective, layer_loss
from .population_loss import PopulationLoss
from .subspaces import AffineSpace, Trained, head_basis, is_odd_symmetric, symmetry_axis

Array = NDArray[np.float64]

_PARALLEL = 1e-12  # of the heads' squares: below it, two heads that are nearly multiples of each other are not balanced


class LayerSpace(AffineSpace):
    """Parameters x_0 + Z y of a layer's heads, v of shape (H, d+2) and Q of shape (H, d+2, d+2)."""

    symmetries = None  # of a minimum there may be more than those between the heads

    def __init__(self, v: Array, Q: Array, basis: Any, model: AttentionParameters, moving: list[int] | slice) -> None:
        super().__init__(v, Q, basis)
        self.shots_count = model.prompt is not None
        self._model, self.moving = model, moving

    def like(self, v: Array, Q: Array, basis: Any, change: Array | None = None) -> AffineSpace:
        model = self._model
        if change is not None:
            prompt = (
                None if model.prompt is None else np.linalg.solve(change.T, np.asarray(model.prompt, dtype=float).T).T
            )
            model = AttentionParameters(v, Q, prompt, model.skip)
        return LayerSpace(v, Q, basis, model, self.moving)

    def directions(self, setting: Setting, objective: Objective, trained: Trained) -> Any:
        """Those of each head that trains, in the smallest symmetric subspace that holds every head, the prompt and the skip.

        A prompt lets the zero-shot loss see every entry of a head.
        """
        v, Q = self.split(self.origin)
        prompt, skip = (
            None if x is None else np.asarray(x, dtype=float) for x in (self._model.prompt, self._model.skip)
        )
        odd = all(is_odd_symmetric(*head) for head in zip(v, Q, strict=True))
        odd = odd and (prompt is None or not prompt[:, 0].any()) and (skip is None or not skip[0])
        axes = [symmetry_axis(*head, setting, objective) for head in zip(v, Q, strict=True)]
        axis = axes[0] if odd and prompt is None and skip is None and all(x is not None for x in axes) else None
        unseen = prompt is not None or any(term.n_shots > 0 for term in objective)
        one, size = head_basis(v.shape[1], odd, axis, unseen, trained), v.shape[1]
        chosen = scipy.sparse.eye_array(len(v), format="csr")[:, self.moving]
        return scipy.sparse.vstack([scipy.sparse.kron(chosen, part) for part in (one[:size], one[size:])], format="csr")

    def loss(self, setting: Setting, objective: Objective, *, exact: bool = False) -> PopulationLoss:
        return layer_loss(setting, objective, self._model, exact=exact)

    def level(self, y: Array) -> Any:
        """v_g . v_h - <Q_g, Q_h> between the heads that train, which the flow conserves where v and Q both do."""
        value, key_query = self._parts(y)
        return value @ value.T - key_query @ key_query.T

    def on_level(self, y: Array, level: Any) -> Array:
        """y moved along (A v, A^-T Q), which changes no prediction, to where the conserved matrix is `level`."""
        start = value, key_query = self._parts(y)
        for _ in range(2):  # Newton's method for A = I + X, X symmetric: what is missing is small
            missing = level - (value @ value.T - key_query @ key_query.T)
            sizes, axes = np.linalg.eigh(value @ value.T + key_query @ key_query.T)
            sums = sizes[:, None] + sizes
            known = sums > _PARALLEL * sums.max()
            X = axes @ np.where(known, axes.T @ missing @ axes / np.where(known, sums, 1.0), 0.0) @ axes.T
            A = np.eye(len(X)) + X
            value, key_query = A @ value, np.linalg.solve(A.T, key_query)
        moved = [np.zeros(shape) for shape in self.shapes]
        for place, new, old in zip(moved, (value, key_query), start, strict=True):
            place.reshape(len(place), -1)[self.moving] = new - old
        return np.asarray(y + self.basis.T @ np.concatenate([part.ravel() for part in moved]))

    def _parts(self, y: Array) -> tuple[Array, Array]:
        """What moves of each v_h and of each vec Q_h that trains; the rest is seen by no loss, or zero."""
        value, key_query = self.split(self.basis @ (self.basis.T @ self.origin + y))
        return value[self.moving], key_query.reshape(len(key_query), -1)[self.moving]


def whole_space(argument: str, model: AttentionParameters, setting: Setting, freeze: Sequence[int]) -> AffineSpace:
    """The model's point, without a direction yet: of one head alone, or of a layer."""
    moving = [h for h in range(model.n_heads) if h not in checked_heads("freeze", freeze, model.n_heads)]
    if is_layer(model):
        v, Q = heads(model, setting)
        return LayerSpace(v, Q, None, model, moving)
    return AffineSpace(*one_head(argument, model, setting), None)


def checked_heads(argument: str, chosen: Any, count: int) -> frozenset[int]:
    """Indices of heads, from 0, that leave one over."""
    allowed = f"a sequence of different heads out of 0 to {count - 1}, not all of them"
    try:
        indices = [int(h) for h in chosen if isinstance(h, int | np.integer) and not isinstance(h, bool)]
        complete = len(indices) == len(chosen)
    except TypeError:
        raise reject(argument, chosen, allowed, TypeError) from None
    if not (complete and len(set(indices)) == len(indices) < count and all(0 <= h < count for h in indices)):
        raise reject(argument, chosen, allowed)
    return frozenset(indices)
