"""A flow in its phases: of one loss, of a second one along the minimisers of the first, of a weight that changes in time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from theory.setting import Setting
from theory.strategies import KEY_QUERY, VALUE
from theory.validation import reject

from .integrator import Integrator, Linearisation, System, symmetric
from .layer_space import LayerSpace
from .limits import far_apart, require_limit
from .objectives import Objective, few_shot_objective, objective, zero_shot_tokens
from .quadratic_flow import QuadraticFlow, flat_directions
from .slow_manifold import ZeroShotManifold
from .subspaces import AffineSpace, Trained, unseen_motion_basis
from .targets import mean_of_targets

Array = NDArray[np.float64]
Schedule = Callable[[float], float]
Row = tuple[float, Array, Array, float, bool]  # time, v, Q, loss, whether of the slow phase

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


def one_phase(
    space: AffineSpace,
    setting: Setting,
    loss: Objective,
    trained: Trained,
    times: Array,
    limit: bool,
    pull: float = 0.0,
) -> Iterator[Row]:
    """The flow of one loss from the space's origin, and of a pull to it."""
    return _rows(_moving(space, setting, loss, trained), setting, loss, trained, times, limit, pull=pull)


def two_phases(space: AffineSpace, setting: Setting, trained: Trained, times: Array, limit: bool) -> Iterator[Row]:
    """The limit lambda -> 0+."""
    zero_shot = objective("zero_shot", setting)
    few_shot = few_shot_objective(setting)
    constant = setting.query == "masked" and not space.shots_count  # L_ZS: every point is one of its minimisers
    if not (constant or _is_quadratic(trained) or (trained == "all" and not isinstance(space, LayerSpace))):
        allowed = "> 0 where entries of v and of Q train, unless they are all of one head without a prompt or a skip"
        raise reject("few_shot_weight", 0, allowed)
    fast = list(one_phase(space, setting, zero_shot, trained, times, limit=True))
    yield from fast
    v, Q = space.split(space.origin)
    _, end_v, end_Q, _, _ = fast[-1]
    along = _moving(space, setting, few_shot, trained)
    slow: AffineSpace | ZeroShotManifold = along
    if not constant and trained == "all":
        target = mean_of_targets(setting)
        if not target.any():
            raise reject(
                "target", setting.target, "of a mean that is not zero here, or the zero-shot loss moves nothing"
            )
        free = unseen_motion_basis(v, Q, setting, few_shot)
        slow = ZeroShotManifold(end_v, end_Q, target, free, zero_shot_tokens(setting))
    elif not constant:
        # Both losses are quadratic here: the minimisers of the first are its flat directions.
        slow = space.like(end_v, end_Q, along.basis @ flat_directions(along, setting, zero_shot))
    yield from _rows(slow, setting, few_shot, trained, times, limit, slow=True)


def scheduled(
    whole: AffineSpace, setting: Setting, trained: Trained, times: Array, schedule: Schedule, limit: bool
) -> Iterator[Row]:
    """The flow of L_ZS + lambda(t) L_FS."""
    zero_shot, few_shot = objective("zero_shot", setting), few_shot_objective(setting)
    space = _moving(whole, setting, zero_shot + few_shot, trained)
    losses = space.loss(setting, zero_shot), space.loss(setting, few_shot)

    def velocity(time: Array, y: Array) -> Array:
        weights = np.array([schedule(moment) for moment in time.flat]).reshape(*time.shape, 1)
        return space.velocity(losses[0], y) + weights * space.velocity(losses[1], y)

    def linearise(time: float, y: Array) -> Linearisation:
        return symmetric(space.jacobian(losses[0], y) + schedule(time) * space.jacobian(losses[1], y))

    system = System(velocity, linearise)
    scale = max(1.0, float(np.abs(space.origin).max()))
    kink = schedule.duration if isinstance(schedule, LinearSchedule) else math.inf
    if limit and not isinstance(schedule, LinearSchedule):
        raise ValueError("until = 'converged' is not allowed with a schedule other than a number or a LinearSchedule")
    follower = Integrator(system, space.start(), TOLERANCE * scale)
    point_of = _conserving(space) if space.is_scale_invariant(zero_shot + few_shot) else space.point
    for time in times[times <= kink]:
        point = point_of(follower.advance(time))
        yield time, *point, float(losses[0].value(*point) + schedule(time) * losses[1].value(*point)), False
    if limit or np.any(times > kink):
        # From here on the few-shot loss has no weight at all, not even a vanishing one.
        here = space.like(*point_of(follower.advance(kink)), None)
        later = times[times > kink] - kink
        for time, value, key_query, loss, slow in one_phase(here, setting, zero_shot, trained, later, limit):
            yield time + kink, value, key_query, loss, slow


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
    loss, y = space.loss(setting, objective), space.start()
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
        exact = space.loss(setting, objective, exact=True)
        if isinstance(space, AffineSpace):
            system = space.system(loss, exact, pull)
            invariant = not pull and space.is_scale_invariant(objective)
        else:
            system, invariant = space.system(loss, exact), True
        symmetries = 0 if pull or (space.symmetries and not invariant) else space.symmetries
        follower = Integrator(system, y, TOLERANCE * scale, symmetries=symmetries)
        if invariant:
            point_of = _conserving(space)

    def row(time: float, y: Array) -> Row:
        point = point_of(y)
        return time, *point, float(loss.value(*point)) + pull * float(y @ y), slow

    for time in times:
        yield row(time, follower.advance(time))
    if limit:
        end = follower.settle(scale)
        if isinstance(space, AffineSpace) and isinstance(follower, Integrator) and far_apart(setting):
            require_limit(space, setting, objective, end, scale, pull, follower.symmetries)
        yield row(math.inf, end)


def _conserving(space: AffineSpace | ZeroShotManifold) -> Callable[[Array], tuple[Array, Array]]:
    """(v, Q) of coordinates, with the |v|^2 - |Q|_F^2 of the start to rounding.

    The integrator's steps conserve it to their tolerance only, and nothing damps that error: it is one along
    (k v, Q / k), where no loss changes.
    """
    level = space.level(space.start())
    return lambda y: space.point(space.on_level(y, level))


def _moving(space: AffineSpace, setting: Setting, loss: Objective, trained: Trained) -> AffineSpace:
    """The space, with every direction in which a flow from its origin moves."""
    return space.like(*space.split(space.origin), space.directions(setting, loss, trained))


def _is_quadratic(trained: Trained) -> bool:
    """Whether only v or only Q moves."""
    return trained != "all" and any(set(trained) <= set(block) for block in (VALUE, KEY_QUERY))
