"""Population gradient flow of the strategies: trajectories and limits."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory import fixed_point
from theory.parameters import AttentionParameters
from theory.setting import Setting
from theory.strategies import KEY_QUERY, SETTING, VALUE, Strategy, find_strategy
from theory.validation import reject

from .derivatives import (
    Objective,
    few_shot_objective,
    objective,
    one_head,
    plain_number,
    population_loss,
    risks_of,
    zero_shot_tokens,
)
from .integrator import Integrator, Linearisation, System, symmetric
from .quadratic_flow import QuadraticFlow, flat_directions
from .slow_manifold import ZeroShotManifold
from .subspaces import AffineSpace, Trained, motion_basis, unseen_motion_basis

Array = NDArray[np.float64]
Schedule = Callable[[float], float]

TOLERANCE = 1e-12  # of a step, relative to the largest parameter (at least 1)


@dataclass(frozen=True)
class LinearSchedule:
    """Few-shot weight lambda(t) that falls linearly from `initial` to 0 at `duration`, and stays there.

    Examples
    --------
    >>> schedule = LinearSchedule(duration=100.0)
    >>> schedule(0.0), schedule(25.0), schedule(1000.0)
    (1.0, 0.75, 0.0)
    """

    duration: float
    initial: float = 1.0

    def __post_init__(self) -> None:
        for name, value in (("duration", self.duration), ("initial", self.initial)):
            if not 0 < value < math.inf:
                raise ValueError(f"{name} = {value!r} is not allowed: {name} must be a positive number")

    def __call__(self, t: float) -> float:
        return self.initial * max(0.0, 1 - t / self.duration)


@dataclass(frozen=True)
class Trajectory:
    """A gradient flow at k times.

    Attributes
    ----------
    t : (k,) array
        Times; inf is the limit. In the slow phase (below) these are times lambda t.
    v : (k, d+2) array
    Q : (k, d+2, d+2) array
    loss : (k,) array
        The loss that descends: the strategy's own, its pull included, and in the slow phase L_FS.
    slow : (k,) array of bool
        Rows of the slow phase of a mixed strategy with few_shot_weight -> 0+. First come the rows of the fast
        phase, which descends L_ZS and ends at t = inf; then those of the slow phase, along the minimisers of
        L_ZS.
    """

    t: Array
    v: Array
    Q: Array
    loss: Array
    slow: NDArray[np.bool_]

    @property
    def conserved(self) -> Array:
        """|v|^2 - |Q|_F^2, which is constant wherever all of v and Q is trained (to rounding: flows are held to it)."""
        return np.asarray(np.sum(self.v**2, axis=1) - np.sum(self.Q**2, axis=(1, 2)))

    @property
    def end(self) -> AttentionParameters:
        """The parameters of the last row."""
        return AttentionParameters(self.v[-1], self.Q[-1])


def flow(
    strategy: str | Strategy,
    setting: Setting,
    t: ArrayLike | None = None,
    *,
    start: AttentionParameters | None = None,
    schedule: float | Schedule | None = None,
    until: Literal["converged"] | None = None,
) -> Trajectory:
    r"""Population gradient flow :math:`\dot v = -\nabla_v L,\ \dot Q = -\nabla_Q L` on a strategy's trained block.

    A strategy that trains v alone or Q alone, or entries of one of them, has a quadratic loss, and its flow and limit are
    evaluated in closed form.
    The others are integrated in orthonormal coordinates of the smallest symmetric subspace: the six scalars
    in the isotropic case, the odd-symmetric parameters at any covariance, else all of (v, Q).

    With ``few_shot_weight`` 0, the limit lambda -> 0+ of a mixed strategy has two phases. The first descends
    L_ZS to one of its minimisers in time t; the second descends L_FS along the minimisers in time lambda t,
    infinitely later. Both are given at the same times.

    Parameters
    ----------
    strategy : str or Strategy
        What trains is v, Q, both, or any of their entries; its ``time`` does not matter here.
    setting : Setting
        Numbers only.
    t : array (k,), optional
        Increasing times >= 0, in units of 1 / (squared label / squared parameter).
    start : AttentionParameters, optional
        Default: the pretrained fixed point. A model of one head, without a prompt or a skip.
    schedule : float, LinearSchedule or callable, optional
        lambda as a number or as a function of time, in place of ``setting.few_shot_weight``; mixed strategies
        only.
    until : "converged", optional
        Adds the limit as a row at t = inf, to 1e-11 of the largest parameter: a point at which the gradient, taken in
        rational arithmetic where floats would not do, is that much of the slowest rate. A callable other than a
        LinearSchedule has no known limit.

    Returns
    -------
    Trajectory

    Raises
    ------
    ValueError, TypeError
        Neither times nor ``until``; times that do not increase; a schedule for a strategy that has no
        few-shot loss.
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
        raise reject("trains", found.trains, "blocks of v and Q here: a flow has no other variables")
    pull = plain_number("pull", found.pull)
    if found.objective == "composed" and found.few_shot == SETTING and setting.few_shot_weight == 0:
        raise reject(
            "few_shot_weight", setting.few_shot_weight, "> 0 where the strategy's other losses are not L_ZS alone"
        )
    times = checked_times(t, until)
    start = fixed_point("pretrained", setting=setting) if start is None else start
    v, Q = one_head("start", start, setting)
    limit = until is not None
    if schedule is not None and found.objective != "mixed":
        raise ValueError(
            f"schedule = {schedule!r} is not allowed: the loss of strategy {found.name!r} has no few-shot part to weigh"
        )
    if trained != "all" and not _is_quadratic(trained) and found.objective == "mixed" and setting.few_shot_weight == 0:
        raise reject(
            "trains", found.trains, "one of 'all', v's entries, Q's entries where few_shot_weight = 0, the limit 0+"
        )
    if callable(schedule):
        rows = _scheduled(v, Q, setting, trained, times, schedule, limit)
    else:
        if schedule is not None:
            setting = setting.replace(few_shot_weight=schedule)
        loss = risks_of(found, setting)
        if found.objective == "mixed" and len(loss) == 1:
            rows = _two_phases(v, Q, setting, trained, times, limit)
        else:
            rows = _one_phase(v, Q, setting, loss, trained, times, limit, pull)
    columns = zip(*rows, strict=True)
    time, value, key_query, losses, slow = (np.array(column) for column in columns)
    return Trajectory(time, value, key_query, losses, slow)


Row = tuple[float, Array, Array, float, bool]


def _is_quadratic(trained: Trained) -> bool:
    """Whether only v or only Q moves."""
    return trained != "all" and any(set(trained) <= set(block) for block in (VALUE, KEY_QUERY))


def _one_phase(
    v: Array,
    Q: Array,
    setting: Setting,
    loss: Objective,
    trained: Trained,
    times: Array,
    limit: bool,
    pull: float = 0.0,
) -> Iterator[Row]:
    space = AffineSpace(v, Q, motion_basis(v, Q, setting, loss, trained))
    return _rows(space, setting, loss, trained, times, limit, pull=pull)


def _rows(
    space: AffineSpace | ZeroShotManifold,
    setting: Setting,
    objective: Objective,
    trained: Trained,
    times: Array,
    limit: bool,
    slow: bool = False,
    pull: float = 0.0,
) -> Iterator[Row]:
    loss, y = population_loss(setting, objective), space.start()
    if not y.size:  # nothing that trains is seen by the loss
        (v, Q), ends = space.point(y), [math.inf] if limit else []
        yield from ((time, v, Q, float(loss.value(v, Q)), slow) for time in [*times, *ends])
        return
    scale = max(1.0, *(float(np.abs(block).max()) for block in space.point(y)))
    follower: Integrator | QuadraticFlow
    point_of: Callable[[Array], tuple[Array, Array]] = space.point
    if isinstance(space, AffineSpace) and _is_quadratic(trained):
        follower = QuadraticFlow(space, setting, objective, pull)
    else:
        exact = population_loss(setting, objective, exact=True)
        if isinstance(space, AffineSpace):
            system = space.system(loss, exact, pull)
            invariant = trained == "all" or space.is_scale_invariant(objective)
        else:
            system, invariant = space.system(loss, exact), True
        symmetries = int(invariant and not pull)  # (k v, Q / k): one model to every loss
        follower = Integrator(system, y, TOLERANCE * scale, symmetries=symmetries)
        if symmetries:
            point_of = _conserving(space)

    def row(time: float, y: Array) -> Row:
        point = point_of(y)
        return time, *point, float(loss.value(*point)) + pull * float(y @ y), slow

    for time in times:
        yield row(time, follower.advance(time))
    if limit:
        yield row(math.inf, follower.settle(scale))


def _conserving(space: AffineSpace | ZeroShotManifold) -> Callable[[Array], tuple[Array, Array]]:
    """(v, Q) of coordinates, with the |v|^2 - |Q|_F^2 of the start to rounding.

    The integrator's steps conserve it to their tolerance only, and nothing damps that error: it is one along
    (k v, Q / k), where no loss changes.
    """
    level = space.level(space.start())
    return lambda y: space.point(space.on_level(y, level))


def _two_phases(v: Array, Q: Array, setting: Setting, trained: Trained, times: Array, limit: bool) -> Iterator[Row]:
    """The limit lambda -> 0+."""
    zero_shot = objective("zero_shot", setting)
    few_shot = few_shot_objective(setting)
    fast = list(_one_phase(v, Q, setting, zero_shot, trained, times, limit=True))
    yield from fast
    _, end_v, end_Q, _, _ = fast[-1]
    if setting.query == "masked":  # L_ZS is constant: every point is one of its minimisers
        space = AffineSpace(v, Q, motion_basis(v, Q, setting, few_shot, trained))
        yield from _rows(space, setting, few_shot, trained, times, limit, slow=True)
    elif trained == "all":
        free = unseen_motion_basis(v, Q, setting, few_shot)
        manifold = ZeroShotManifold(
            end_v, end_Q, np.asarray(setting.target_vector(), dtype=float), free, zero_shot_tokens(setting)
        )
        yield from _rows(manifold, setting, few_shot, trained, times, limit, slow=True)
    else:
        # Both losses are quadratic here: the minimisers of the first are its flat directions.
        block = motion_basis(v, Q, setting, few_shot, trained)
        flat = flat_directions(AffineSpace(v, Q, block), setting, zero_shot)
        minimisers = AffineSpace(end_v, end_Q, block @ flat)
        yield from _rows(minimisers, setting, few_shot, trained, times, limit, slow=True)


def _scheduled(
    v: Array, Q: Array, setting: Setting, trained: Trained, times: Array, schedule: Schedule, limit: bool
) -> Iterator[Row]:
    zero_shot, few_shot = objective("zero_shot", setting), few_shot_objective(setting)
    basis = motion_basis(v, Q, setting, zero_shot + few_shot, trained)
    space = AffineSpace(v, Q, basis)
    losses = population_loss(setting, zero_shot), population_loss(setting, few_shot)

    def velocity(time: Array, y: Array) -> Array:
        weights = np.array([schedule(moment) for moment in time.flat]).reshape(*time.shape, 1)
        return space.velocity(losses[0], y) + weights * space.velocity(losses[1], y)

    def linearise(time: float, y: Array) -> Linearisation:
        return symmetric(space.jacobian(losses[0], y) + schedule(time) * space.jacobian(losses[1], y))

    system = System(velocity, linearise)
    scale = max(1.0, float(np.abs(v).max()), float(np.abs(Q).max()))
    kink = schedule.duration if isinstance(schedule, LinearSchedule) else math.inf
    if limit and not isinstance(schedule, LinearSchedule):
        raise ValueError("until = 'converged' is not allowed with a schedule other than a number or a LinearSchedule")
    follower = Integrator(system, space.start(), TOLERANCE * scale)
    point_of = _conserving(space) if trained == "all" else space.point
    for time in times[times <= kink]:
        point = point_of(follower.advance(time))
        yield time, *point, float(losses[0].value(*point) + schedule(time) * losses[1].value(*point)), False
    if limit or np.any(times > kink):
        # From here on the few-shot loss has no weight at all, not even a vanishing one.
        v, Q = point_of(follower.advance(kink))
        later = times[times > kink] - kink
        for time, value, key_query, loss, slow in _one_phase(v, Q, setting, zero_shot, trained, later, limit):
            yield time + kink, value, key_query, loss, slow


def checked_times(t: ArrayLike | None, until: str | None) -> Array:
    if until not in (None, "converged"):
        raise ValueError(f"until = {until!r} is not allowed: until must be 'converged' or None")
    if t is None:
        if until is None:
            raise ValueError("t = None is not allowed without until='converged': give times, a limit, or both")
        return np.empty(0)
    times = np.asarray(t, dtype=float)
    if times.ndim != 1 or not np.all(np.isfinite(times)) or np.any(times < 0) or np.any(np.diff(times) <= 0):
        raise ValueError(f"t = {t!r} is not allowed: t must be a vector of increasing finite times >= 0")
    return times
