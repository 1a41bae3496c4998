r"""LoRA: gradient flow of low-rank changes of the value and the key-query matrix (R22).

A matrix that is adapted is :math:`W_0 + L R` with factors of rank r, of which L starts at zero and R does not, as in practice;
of V the last row alone is read, so that there L is a row of r numbers. The flow is that of the factors in their flat metric: it
conserves :math:`R R^\top - L^\top L` of either pair, where the flow of a whole matrix conserves nothing of its own.

Source: Hu et al. 2022 (arXiv 2106.09685); what it does here is new.
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory import fixed_point
from theory.parameters import AttentionParameters
from theory.setting import Setting
from theory.strategies import Strategy, find_strategy
from theory.validation import choice, count

from .integrator import Integrator, Linearisation, System, symmetric
from .objectives import population_loss, risks_of
from .phases import TOLERANCE
from .trajectory import checked_times

Array = NDArray[np.float64]
Adapted = Literal["value", "key_query", "all"]


class LoraTrajectory(NamedTuple):
    """A flow of low-rank factors at k times; t = inf is the limit.

    Attributes
    ----------
    t, loss : (k,) arrays
    v : (k, d+2) array
    Q : (k, d+2, d+2) array
        The whole matrices, what rests included.
    factors : tuple of arrays
        L and R of V, (k, 1, r) and (k, r, d+2), then L and R of Q, (k, d+2, r) and (k, r, d+2): of what is adapted.
    """

    t: Array
    v: Array
    Q: Array
    loss: Array
    factors: tuple[Array, ...]

    @property
    def end(self) -> AttentionParameters:
        """The model of the last row."""
        return AttentionParameters(self.v[-1], self.Q[-1])


def lora_flow(
    setting: Setting,
    t: ArrayLike | None = None,
    *,
    rank: int,
    adapted: Adapted = "all",
    loss: str | Strategy = "zero_shot",
    until: Literal["converged"] | None = None,
    rng: Any = None,
    right: tuple[ArrayLike, ...] | None = None,
) -> LoraTrajectory:
    r"""Population gradient flow of LoRA's factors from the pretrained model.

    .. math:: V = V_0 + L_V R_V,\quad Q = Q_0 + L_Q R_Q,\quad \dot L = -\nabla_L \mathcal L,\ \dot R = -\nabla_R \mathcal L

    Parameters
    ----------
    setting : Setting
        Numbers only.
    t, until
        As for :func:`numerics.flow`.
    rank : int >= 1
    adapted : {"all", "value", "key_query"}
        V and Q, or one of them.
    loss : str or Strategy
        Whose loss descends (what it trains does not matter).
    rng : seed or numpy Generator, optional
        Draws the R's entries, normal of variance 1/(d + 2).
    right : tuple of arrays (r, d+2), optional
        The start of the R's instead, one for each matrix that is adapted.

    Returns
    -------
    LoraTrajectory

    Raises
    ------
    ValueError, TypeError
        Naming the argument, its value and what is allowed.
    NoConvergence
        The flow has no limit: on V and Q of a rank below d the zero-shot loss has an infimum and no minimum.

    References
    ----------
    R22; new here.

    Examples
    --------
    On V alone it reaches what the whole value matrix does, but w drifts:

    >>> import theory
    >>> path = lora_flow(theory.OFFICIAL, rank=1, adapted="value", until="converged", rng=0)
    >>> start, whole = (theory.fixed_point(x, setting=theory.OFFICIAL) for x in ("pretrained", "zero_shot_value"))
    >>> bool(abs(path.end.v_x - whole.v_x).max() < 1e-9), bool(abs(path.end.value_scale - start.value_scale) > 0.01)
    (True, True)
    """
    times = checked_times(t, until)
    choice("adapted", adapted, get_args(Adapted))
    rank = count("rank", rank, 1)
    start = fixed_point("pretrained", setting=setting)
    state = _Factors(start, adapted, population_loss(setting, risks_of(find_strategy(loss), setting)))
    y = state.start(rank, right, np.random.default_rng(rng))
    scale = max(1.0, float(np.abs(y).max()), float(np.abs(start.Q).max()))
    follower = Integrator(System(state.velocity, state.linearise), y, TOLERANCE * scale)
    rows = [follower.advance(time) for time in times]
    if until is not None:
        rows.append(follower.settle(scale))
        times = np.append(times, math.inf)
    v, Q = state.matrices(np.array(rows))
    return LoraTrajectory(times, v, Q, state.loss.value(v, Q), tuple(state.split(np.array(rows))))


class _Factors:
    """The flow in y: the factors of what is adapted, V's first; V counts as its last row, (1, d+2)."""

    def __init__(self, start: AttentionParameters, adapted: Adapted, loss: Any) -> None:
        whole = {"value": np.asarray(start.v, dtype=float)[None], "key_query": np.asarray(start.Q, dtype=float)}
        self.whole, self.loss = whole, loss
        self.names = [name for name in whole if adapted in (name, "all")]
        self.shapes: list[tuple[int, int]] = []

    def start(self, rank: int, right: Any, rng: np.random.Generator) -> Array:
        size = self.whole["value"].shape[1]
        drawn = [rng.normal(scale=size**-0.5, size=(rank, size)) for _ in self.names] if right is None else right
        given = [np.asarray(x, dtype=float) for x in drawn]
        if len(given) != len(self.names) or any(x.shape != (rank, size) for x in given):
            shapes = [x.shape for x in given]
            raise ValueError(
                f"right of shapes {shapes} is not allowed: it must hold {len(self.names)} of {(rank, size)}"
            )
        parts = [
            x for name, R in zip(self.names, given, strict=True) for x in (np.zeros((len(self.whole[name]), rank)), R)
        ]
        self.shapes = [x.shape for x in parts]
        return np.concatenate([x.ravel() for x in parts])

    def split(self, y: Array) -> list[Array]:
        """L and R of each matrix, for y of shape (..., size)."""
        ends = np.cumsum([math.prod(shape) for shape in self.shapes])[:-1]
        parts = zip(np.split(y, ends, axis=-1), self.shapes, strict=True)
        return [part.reshape(*y.shape[:-1], *shape) for part, shape in parts]

    def _pairs(self, y: Array) -> list[tuple[str, Array, Array]]:
        parts = self.split(y)
        return list(zip(self.names, parts[::2], parts[1::2], strict=True))

    def matrices(self, y: Array) -> tuple[Array, Array]:
        """v and Q."""
        whole = {name: x + np.zeros((*y.shape[:-1], 1, 1)) for name, x in self.whole.items()}
        for name, L, R in self._pairs(y):
            whole[name] = whole[name] + L @ R
        return whole["value"][..., 0, :], whole["key_query"]

    def velocity(self, _: Any, y: Array) -> Array:
        dv, dQ = self.loss.gradient(*self.matrices(y))
        slopes = {"value": dv[..., None, :], "key_query": dQ}
        out = [x for name, L, R in self._pairs(y) for x in (slopes[name] @ R.mT, L.mT @ slopes[name])]
        return -np.concatenate([x.reshape(*y.shape[:-1], -1) for x in out], axis=-1)

    def linearise(self, t: float, y: Array) -> Linearisation:
        v, Q = self.matrices(y)
        dv, dQ = self.loss.gradient(v, Q)
        slopes = {"value": dv[None], "key_query": dQ}
        steps, here = self._pairs(np.eye(len(y))), self._pairs(y)
        moved = {name: 0 * x + np.zeros((len(y), 1, 1)) for name, x in self.whole.items()}
        for (name, dL, dR), (_, L, R) in zip(steps, here, strict=True):
            moved[name] = dL @ R + L @ dR
        hv, hQ = self.loss.hessian_product(v, Q, moved["value"][:, 0], moved["key_query"])
        turned = {"value": hv[:, None], "key_query": hQ}
        out = []
        for (name, dL, dR), (_, L, R) in zip(steps, here, strict=True):
            out += [turned[name] @ R.T + slopes[name] @ dR.mT, dL.mT @ slopes[name] + L.T @ turned[name]]
        J = np.concatenate([x.reshape(len(y), -1) for x in out], axis=1)
        return symmetric(-(J + J.T) / 2)
