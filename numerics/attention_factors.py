r"""Zero-shot fine-tuning with separate query and key matrices, Q = W_Q' W_K.

The paper merges them into Q; real code trains both. The loss is the same function of (v, Q), but gradient
flow is not the same flow: dW_Q/dt = -W_K G', dW_K/dt = -W_Q G with G = dL/dQ. What it conserves, from
v.(dL/dv) = <Q, G> (the scale symmetry):

========================  ==================================================================================
both trained              W_Q W_Q' - W_K W_K' (a matrix), and |v|^2 - |W_Q|^2, |v|^2 - |W_K|^2
W_Q only (W_K frozen)     |v|^2 - |W_Q|^2, and u'W_Q for every u with u'W_K = 0
W_K only (W_Q frozen)     |v|^2 - |W_K|^2, and u'W_K for every u with u'W_Q = 0
========================  ==================================================================================

Selection law. Balanced factors, W_Q W_Q' = W_K W_K', have |W_Q|^2 = |Q|_* (the nuclear norm), so with both
trained

    |v|^2 - |Q|_*  is conserved, in place of |v|^2 - |Q|_F^2.

A flow from `pretrained` that ends at v_x = c theta_0, Q = E_00 / c with w kept therefore has c^2 |theta_0|^2
- 1 / c = -tr(B_start): another scale than that of the merged matrix, the positive root of a cubic.

It does not end there from the pretrained point itself. The constant column of W_Q and of W_K is zero there,
and the gradient in the one is proportional to the other: Q_00 = 0 for ever, with each of "both", W_Q only and
W_K only. The flow reaches the best model with Q_00 = 0. In whitened inputs that is S proportional to I (among
a I + b theta theta', the projection of the cubic on theta.x is largest at b = 0), so its risk is

    sigma^2 + 2 s / (d + 4),    the risk of value-only fine-tuning with B = a Sigma^-1.

That point is a saddle. With v_x = alpha theta_0 it has dL/dQ_00 = -4 alpha s / (d + 4) < 0, so with both
factors trained the constant columns grow exponentially from any perturbation with a part in which they agree,
however small, and the flow goes on to the noise floor, with the c of the cubic. With one factor frozen and
perturbed by epsilon, Q_00 only grows at a speed of order epsilon^2, and the end recedes: |v|^2 - |W_Q|^2 is
conserved while Q_00 = 1 / c needs |W_Q| of order 1 / (c epsilon), so that c is of order epsilon^(-1/2).
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.names import StrategyName
from theory.parameters import AttentionParameters
from theory.setting import Setting

from .integrator import Integrator, Linearisation, System, symmetric
from .objectives import Objective, layer_loss, objective, population_loss
from .phases import TOLERANCE
from .trajectory import checked_times

Array = NDArray[np.float64]


class FactoredTrajectory(NamedTuple):
    """A flow of (v, W_Q, W_K) at k times; t = inf is the limit."""

    t: Array
    v: Array
    W_Q: Array
    W_K: Array
    loss: Array

    @property
    def Q(self) -> Array:
        """W_Q' W_K, shape (k, d+2, d+2)."""
        return np.swapaxes(self.W_Q, -1, -2) @ self.W_K

    @property
    def end(self) -> AttentionParameters:
        """The merged parameters of the last row."""
        return AttentionParameters(self.v[-1], self.Q[-1])


def balanced_factors(Q: Array) -> tuple[Array, Array]:
    """W_Q and W_K with W_Q' W_K = Q and W_Q W_Q' = W_K W_K': the singular values' roots, shared evenly."""
    left, values, right = np.linalg.svd(Q)
    root = np.sqrt(values)[:, None]
    return root * left.T, root * right


def selected_scale(model: AttentionParameters, target: Array) -> float:
    """The c > 0 of c^2 |theta_0|^2 - 1 / c = -|Q|_* that zero-shot flow of balanced factors selects, from v_x = 0.

    Examples
    --------
    >>> import theory
    >>> model = theory.fixed_point("pretrained", d=5, noise_variance=0.1, pretrain_shots=20)
    >>> c = selected_scale(model, np.eye(5)[0])
    >>> bool(abs(c**2 - 1 / c + np.trace(model.B)) < 1e-12)
    True
    """
    nuclear = np.linalg.svd(np.asarray(model.Q, dtype=float), compute_uv=False).sum()
    roots = np.roots([float(target @ target), 0.0, float(nuclear), -1.0])
    return float(next(r.real for r in roots if r.real > 0 and abs(r.imag) < 1e-9 * abs(r)))


def factored_flow(
    setting: Setting,
    t: ArrayLike | None = None,
    *,
    v: Array,
    W_Q: Array,
    W_K: Array,
    trained: Literal["both", "query", "key"] = "both",
    loss: StrategyName | Objective = "zero_shot",
    until: Literal["converged"] | None = None,
) -> FactoredTrajectory:
    """Population gradient flow of v with both factors of Q = W_Q' W_K, or with one of them.

    Parameters
    ----------
    setting : Setting
    t, until
        As for :func:`numerics.flow`.
    v, W_Q, W_K : arrays (d+2,), (d_k, d+2), (d_k, d+2)
        The start; of H heads (H, d+2) and (H, d_k, d+2).
    trained : {"both", "query", "key"}
        v always trains.
    loss : str or Objective
        A strategy's name for its loss, or terms as for :func:`numerics.gradient`.

    Returns
    -------
    FactoredTrajectory

    Raises
    ------
    NoConvergence
        The flow has no limit, or has it too far away.

    Examples
    --------
    At the pretrained point Q_00 cannot grow, and the flow ends at the risk of value-only fine-tuning:

    >>> import theory
    >>> setting = theory.Setting(d=3, noise_variance=0.1, pretrain_shots=20)
    >>> model = theory.fixed_point("pretrained", setting=setting)
    >>> W_Q, W_K = balanced_factors(model.Q)
    >>> path = factored_flow(setting, v=model.v, W_Q=W_Q, W_K=W_K, until="converged")
    >>> bool(abs(path.end.q) < 1e-12 and abs(path.loss[-1] - (0.1 + 2 / 7)) < 1e-9)
    True
    """
    times = checked_times(t, until)
    factors = {"both": (True, True), "query": (True, False), "key": (False, True)}
    if trained not in factors:
        raise ValueError(f"trained = {trained!r} is not allowed: it must be one of {', '.join(map(repr, factors))}")
    objective_terms = objective(loss, setting) if isinstance(loss, str) else loss
    state = _Factored(setting, objective_terms, v, W_Q, W_K, *factors[trained])
    system, y = System(state.velocity, state.linearise), state.start
    scale = max(1.0, float(np.abs(y).max()))
    follower = Integrator(system, y, TOLERANCE * scale)
    rows = [follower.advance(time) for time in times]
    if until is not None:
        rows.append(follower.settle(scale))
        times = np.append(times, math.inf)
    values, queries, keys = state.split(np.array(rows))
    losses = state.loss.value(values, np.swapaxes(queries, -1, -2) @ keys)
    return FactoredTrajectory(times, values, queries, keys, losses)


class _Factored:
    """The flow in the coordinates y = (v, vec W_Q, vec W_K), of which a frozen factor has velocity zero."""

    def __init__(
        self, setting: Setting, terms: Objective, v: Array, W_Q: Array, W_K: Array, query: bool, key: bool
    ) -> None:
        parts = [np.asarray(x, dtype=float) for x in (v, W_Q, W_K)]
        shapes = [part.shape for part in parts]
        size = setting.d + 2
        if shapes[1:] != [(*shapes[0][:-1], *shapes[1][-2:])] * 2 or any(shape[-1:] != (size,) for shape in shapes):
            raise ValueError(
                f"v, W_Q, W_K of shapes {', '.join(map(str, shapes))} are not allowed: they must be ({size},), (d_k, {size}) "
                f"and (d_k, {size}), or (H, {size}), (H, d_k, {size}) and (H, d_k, {size})"
            )
        model = AttentionParameters(parts[0], np.swapaxes(parts[1], -1, -2) @ parts[2])
        self.loss = layer_loss(setting, terms, model) if len(shapes[0]) == 2 else population_loss(setting, terms)
        self._shapes = shapes
        self.query, self.key = query, key
        self.start = np.concatenate([part.ravel() for part in parts])

    def split(self, y: Array) -> tuple[Array, Array, Array]:
        sizes = np.cumsum([math.prod(shape) for shape in self._shapes[:2]])
        parts = zip(np.split(y, sizes, axis=-1), self._shapes, strict=True)
        v, query, key = (part.reshape(*y.shape[:-1], *shape) for part, shape in parts)
        return v, query, key

    def velocity(self, _: Array, y: Array) -> Array:
        v, query, key = self.split(y)
        dv, G = self.loss.gradient(v, np.swapaxes(query, -1, -2) @ key)
        return -self._join(y.shape[:-1], dv, key @ np.swapaxes(G, -1, -2), query @ G)

    def linearise(self, _: float, y: Array) -> Linearisation:
        v, query, key = self.split(y)
        Q = np.swapaxes(query, -1, -2) @ key
        G = self.loss.gradient(v, Q)[1]
        dv, dquery, dkey = self.split(np.eye(len(y)))
        dQ = np.swapaxes(dquery, -1, -2) @ key + np.swapaxes(query, -1, -2) @ dkey
        hv, dG = self.loss.hessian_product(v, Q, dv, dQ)
        turned = dkey @ np.swapaxes(G, -1, -2) + key @ np.swapaxes(dG, -1, -2)
        moved = self._join(y.shape, hv, turned, dquery @ G + query @ dG)
        live = self._join((), np.ones_like(v), np.ones_like(query), np.ones_like(key)) != 0
        return symmetric(-(moved + moved.T) / 2 * np.outer(live, live))

    def _join(self, lead: tuple[int, ...], v: Array, query: Array, key: Array) -> Array:
        flat = (*lead, -1)
        parts = (v.reshape(flat), self.query * query.reshape(flat), self.key * key.reshape(flat))
        return np.concatenate(parts, axis=-1)
