"""Population gradient flow of the strategies: trajectories and limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory import fixed_point
from theory.names import StrategyName
from theory.parameters import AttentionParameters
from theory.setting import Setting
from theory.strategies import KEY_QUERY, SETTING, VALUE, Strategy, find_strategy
from theory.validation import reject

from .layer_space import whole_space
from .objectives import plain_number, risks_of
from .phases import Schedule, one_phase, scheduled, two_phases
from .subspaces import Trained

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Trajectory:
    """A gradient flow at k times.

    Attributes
    ----------
    t : (k,) array
        Times; inf is the limit. In the slow phase (below) these are times lambda t.
    v : (k, d+2) array, or (k, H, d+2) of a start with H heads
    Q : (k, d+2, d+2) array, or (k, H, d+2, d+2)
    loss : (k,) array
        The loss that descends: the strategy's own, its pull included, and in the slow phase L_FS.
    slow : (k,) array of bool
        Rows of the slow phase of a mixed strategy with few_shot_weight -> 0+. First come the rows of the fast
        phase, which descends L_ZS and ends at t = inf; then those of the slow phase, along the minimisers of
        L_ZS.
    prompt, skip : array or None
        The start's own, at rest.
    """

    t: Array
    v: Array
    Q: Array
    loss: Array
    slow: NDArray[np.bool_]
    prompt: Array | None = None
    skip: Array | None = None

    @property
    def conserved(self) -> Array:
        """|v|^2 - |Q|_F^2, which is constant wherever all of v and Q is trained (to rounding: flows are held to it).

        Of several heads the (H, H) matrix v_g . v_h - <Q_g, Q_h>, constant between the heads that train.
        """
        if self.v.ndim == 2:
            return np.asarray(np.sum(self.v**2, axis=1) - np.sum(self.Q**2, axis=(1, 2)))
        return np.asarray(self.v @ self.v.mT - np.einsum("kgij,khij->kgh", self.Q, self.Q))

    @property
    def at_rest(self) -> bool:
        """Whether nothing moves: every row is the first, as where the loss is a constant."""
        return not (np.ptp(self.v, axis=0).any() or np.ptp(self.Q, axis=0).any()) if len(self.t) else True

    def __repr__(self) -> str:
        times = f"{len(self.t)} times from {self.t[0]:g} to {self.t[-1]:g}" if len(self.t) else "no times"
        losses = f", loss {self.loss[0]:.6g} -> {self.loss[-1]:.6g}, end={self.end!r}" if len(self.t) else ""
        phases = ", in two phases" if self.slow.any() and not self.slow.all() else ""
        return f"Trajectory({times}{phases}{losses})"

    @property
    def end(self) -> AttentionParameters:
        """The parameters of the last row."""
        return AttentionParameters(self.v[-1], self.Q[-1], self.prompt, self.skip)


def flow(
    strategy: StrategyName | Strategy,
    setting: Setting,
    t: ArrayLike | None = None,
    *,
    start: AttentionParameters | None = None,
    schedule: float | Schedule | None = None,
    until: Literal["converged"] | None = None,
    freeze: Sequence[int] = (),
) -> Trajectory:
    r"""Population gradient flow :math:`\dot v = -\nabla_v L,\ \dot Q = -\nabla_Q L` on a strategy's trained block.

    A strategy that trains v alone or Q alone, or entries of one of them, has a quadratic loss, and its flow and limit are
    evaluated in closed form.
    The others are integrated in orthonormal coordinates of the smallest symmetric subspace: the six scalars
    in the isotropic case, the odd-symmetric parameters at any covariance, else all of (v, Q).

    With ``few_shot_weight`` 0, the limit lambda -> 0+ of a mixed strategy has two phases. The first descends
    L_ZS to one of its minimisers in time t; the second descends L_FS along the minimisers in time lambda t,
    infinitely later. Both are given at the same times.

    Under a masked query a layer without a prompt answers no shots with 0 (or with its skip), whatever v and Q are: L_ZS is
    constant, and a strategy that trains on it alone stays at its start (``Trajectory.at_rest``).

    Parameters
    ----------
    strategy : str or Strategy
        What trains is v, Q, both, or any of their entries; its ``time`` does not matter here.
    setting : Setting
        Numbers only.
    t : array (k,), optional
        Increasing times >= 0, in units of 1 / (squared label / squared parameter).
    start : AttentionParameters, optional
        Default: the pretrained fixed point. Any layer: all of its heads train on the strategy's block, beside its prompt
        and its skip, which rest.
    schedule : float, LinearSchedule or callable, optional
        lambda as a number or as a function of time, in place of ``setting.few_shot_weight``; mixed strategies
        only.
    until : "converged", optional
        Adds the limit as a row at t = inf, to 1e-11 of the largest parameter: a point at which the gradient, taken in
        rational arithmetic where floats would not do, is that much of the slowest rate. A callable other than a
        LinearSchedule has no known limit.
    freeze : sequence of int, optional
        Heads of the start that do not train, counted from 0.

    Returns
    -------
    Trajectory

    Raises
    ------
    ValueError, TypeError
        Neither times nor ``until``; times that do not increase; a schedule for a strategy that has no few-shot loss; a
        few-shot weight 0+ where v and Q of a layer with several heads, a prompt or a skip train on L_ZS and L_FS.
    NoConvergence
        The flow has no limit; for example `mixed` without label noise, where the parameters run to infinity. Or it
        has one that floats cannot tell: its slowest rate is a rounding error of its fastest.

    References
    ----------
    THEORY R2, R7, R10; new here.

    Examples
    --------
    >>> import theory
    >>> setting = theory.Setting(d=5, noise_variance=0.1, pretrain_shots=20)
    >>> path = flow("zero_shot", setting, [0.0, 1.0, 10.0], until="converged")
    >>> path.loss[[0, -1]].round(12)  # from the label's power to the noise
    array([1.1, 0.1])
    >>> bool(np.ptp(path.conserved) < 1e-10)
    True
    >>> limit = theory.fixed_point("zero_shot", setting=setting)
    >>> bool(abs(path.end.v - limit.v).max() < 1e-8 and abs(path.end.Q - limit.Q).max() < 1e-8)
    True
    """
    found = find_strategy(strategy)
    trained: Trained = "all" if found.trains == "all" else found.entries()
    if trained != "all" and not (trained and set(trained) <= {*VALUE, *KEY_QUERY}):
        allowed = (
            "one that trains blocks of v and Q: a flow has no other variables (numerics.solve(strategy, setting) gives the "
            "end from the pretrained model; numerics.train takes a start too)"
        )
        raise reject("strategy", found.name, allowed)
    pull = plain_number("pull", found.pull)
    if found.objective == "composed" and found.few_shot == SETTING and setting.few_shot_weight == 0:
        raise reject(
            "few_shot_weight", setting.few_shot_weight, "> 0 where the strategy's other losses are not L_ZS alone"
        )
    times = checked_times(t, until)
    start = fixed_point("pretrained", setting=setting) if start is None else start
    space = whole_space("start", start, setting, freeze)
    limit = until is not None
    if schedule is not None and found.objective != "mixed":
        raise ValueError(
            f"schedule = {schedule!r} is not allowed: the loss of strategy {found.name!r} has no few-shot part to weigh"
        )
    if callable(schedule):
        rows = scheduled(space, setting, trained, times, schedule, limit)
    else:
        if schedule is not None:
            setting = setting.replace(few_shot_weight=schedule)
        loss = risks_of(found, setting)
        if found.objective == "mixed" and all(term.n_shots == 0 for term in loss):
            rows = two_phases(space, setting, trained, times, limit)
        else:
            rows = one_phase(space, setting, loss, trained, times, limit, pull)
    columns = zip(*rows, strict=True)
    time, value, key_query, losses, slow = (np.array(column) for column in columns)
    value, key_query = (x.reshape(len(x), *np.shape(own)) for x, own in ((value, start.v), (key_query, start.Q)))
    return Trajectory(time, value, key_query, losses, slow, start.prompt, start.skip)


def checked_times(t: Any, until: str | None) -> Array:
    if until not in (None, "converged"):
        raise ValueError(f"until = {until!r} is not allowed: until must be 'converged' or None")
    if t is None:
        if until is None:
            raise ValueError("t = None is not allowed without until='converged': give times, a limit, or both")
        return np.empty(0)
    if isinstance(t, AttentionParameters):
        raise reject("t", t, "a vector of increasing finite times >= 0; a model to start from is start=", TypeError)
    times = np.asarray(t, dtype=float)
    if times.ndim != 1 or not np.all(np.isfinite(times)) or np.any(times < 0) or np.any(np.diff(times) <= 0):
        raise ValueError(f"t = {t!r} is not allowed: t must be a vector of increasing finite times >= 0")
    return times
