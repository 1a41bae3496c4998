"""The engine behind theory.risk: strategies or models, scalars or arrays, isotropic or dense, to one risk formula."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from . import dense, dense_fixed_points, fixed_points, isotropic, validation
from .arithmetic import Number, anywhere, choose, infinity_beside, lifting, present
from .dense_fixed_points import DensePoint, DenseWorld
from .fixed_points import IsotropicWorld
from .isotropic import IsotropicPoint, IsotropicScalars
from .linear_algebra import Array
from .parameters import AttentionParameters, require_dimension
from .risk_formula import RiskTerms, exact_risk_formula
from .setting import Setting
from .strategies import Strategy
from .tasks import TARGET, UNSEEN, Place, checked_task, place_of
from .worlds import (
    NUMBER_FIELDS,
    Lift,
    common_kind,
    dense_world,
    has_arrays,
    in_range,
    isotropic_world,
    lift_array,
    numbers_of,
    require_one_shape,
    scalar,
)

BLOCK = 1 << 14  # numbers evaluated at once: temporaries of this size stay in cache
_PLAIN = frozenset({int, float, type(None)})


def risk_of_strategy(strategy: Strategy, n_shots: Number, setting: Setting, task: Any) -> Any:
    """The risk at a strategy's fixed point (or the limit of the risk, where the flow has none)."""
    d, covariance, prior, noise_variance, target, pretrain_shots, shots, weight, scale, normalization = setting
    if strategy.objective == "mixed":
        shots = setting.auxiliary_shots()
        fixed_points.require_closed_form(strategy.name, weight)
    if task is TARGET and type(n_shots) is int and covariance is prior is target is None:
        balanced_or_scale = None if type(scale) is str else scale
        query_counts = 1 if normalization == "tokens" else 0
        world = IsotropicWorld(d, noise_variance, 1, pretrain_shots, shots, weight, balanced_or_scale, query_counts)
        if _PLAIN.issuperset(map(type, world)):  # the everyday call, kept short
            point = fixed_points.POINTS[strategy.name][0](world)
            terms = isotropic.terms_on_target(point, d, noise_variance, 1)
            return exact_risk_formula(terms, n_shots, normalization)
    if task is not TARGET:
        task = checked_task(task, setting)
    if setting.is_isotropic:
        return _isotropic_risk(strategy, fixed_points.POINTS[strategy.name][0], n_shots, setting, task)
    return _dense_risk(strategy, dense_fixed_points.POINTS[strategy.name], n_shots, setting, task)


def risk_of_model(model: AttentionParameters, n_shots: Number, setting: Setting, task: Any) -> Any:
    """The risk of given parameters."""
    require_dimension(model, setting.d)
    task = checked_task(task, setting)
    point, others, six_scalars = _point_of_model(model, setting, n_shots, task)
    return (_isotropic_risk if six_scalars else _dense_risk)(model, point, n_shots, setting, task, *others)


def terms_of(model: Strategy | AttentionParameters, setting: Setting, task: Any) -> tuple[RiskTerms, bool]:
    """The risk's contractions, one number for each argument, and whether the risk is infinite for n >= 1.

    The contractions then serve n = 0 alone.
    """
    task = checked_task(task, setting)
    strategy: Strategy | None = None
    others: tuple[Any, ...] = ()
    if isinstance(model, AttentionParameters):
        require_dimension(model, setting.d)
        point, others, six_scalars = _point_of_model(model, setting, None, task)
    else:
        strategy, six_scalars = model, setting.is_isotropic
        fixed_points.require_closed_form(strategy.name, setting.few_shot_weight)
        points: Any = fixed_points.POINTS if six_scalars else dense_fixed_points.POINTS
        point = points[strategy.name][0] if six_scalars else points[strategy.name]
    lift = common_kind(setting, None, None if isinstance(task, str) else task, *others)
    world: Any = (isotropic_world if six_scalars else dense_world)(strategy, setting, lift)
    task = _in_kind(task, setting, lift)
    place = _isotropic_place(task, setting, lift) if six_scalars else place_of(task, world.target, world.sigma)
    if six_scalars:
        return _finite_terms(_isotropic_terms, point, world, place)
    return _finite_terms(partial(_dense_terms, task), point, world, place)


def _finite_terms(
    terms: Callable[[Any, Any, Place], RiskTerms], point: Callable[[Any], Any], world: Any, place: Place
) -> tuple[RiskTerms, Any]:
    """The contractions, and where the risk is infinite for n >= 1: off the target, where the flow runs off.

    There they serve n = 0 alone, at which the noise moves no bias: those of the point with noise stand in.
    """
    end = point(world)
    if place == TARGET or not anywhere(end.diverges):
        return terms(end, world, place), False
    noisy = world._replace(noise_variance=choose(end.diverges, 1, world.noise_variance))
    return terms(point(noisy), noisy, place)._replace(noise_variance=world.noise_variance), end.diverges


def _risk_at(n_shots: Number, terms: RiskTerms, infinite: Any, normalization: str) -> Number:
    """The risk formula, and infinity where that is the risk; an n that is a Symbol is taken as n >= 1."""
    value = exact_risk_formula(terms, n_shots, normalization)
    if not anywhere(infinite):
        return value
    return choose(infinite & (n_shots != 0), infinity_beside(value), value)


def _point_of_model(
    model: AttentionParameters, setting: Setting, n_shots: Number, task: Any
) -> tuple[Callable[[Any], Any], tuple[Any, ...], bool]:
    """How a world becomes the model's point, the model's own numbers, and whether six scalars are all of it."""
    scalars = model.isotropic
    lift = common_kind(
        setting, n_shots, None if isinstance(task, str) else task, *(model.dense() if scalars is None else scalars)
    )
    if lift is not None and not has_arrays(setting, *(scalars or ())):
        model = _lifted(model, lift)
        scalars = model.isotropic
    same_target = model.target is setting.target or _same_vector(model.target, setting.target)
    if scalars is not None and setting.is_isotropic and same_target:

        def point(world: IsotropicWorld) -> IsotropicPoint:
            return isotropic.contract(scalars, world.d, world.noise_variance, world.target_norm2)

        return point, tuple(scalars), True
    blocks = model.blocks()

    def dense_point(world: DenseWorld) -> DensePoint:
        return DensePoint(blocks, 1)

    return dense_point, model.dense(), False


def _lifted(model: AttentionParameters, lift: Callable[[Number], Number]) -> AttentionParameters:
    """The model's numbers brought to one kind, so that none of its sums is formed in a coarser one."""
    if model.isotropic is not None:
        return AttentionParameters.from_isotropic(IsotropicScalars(*map(lift, model.isotropic)), model.d, model.target)
    return AttentionParameters(*(lift_array(array, lift) for array in model.dense()))


def _in_kind(task: Any, setting: Setting, lift: Lift) -> Any:
    """A checked task in the common kind; the target itself by name, before rounding can hide that it is."""
    if isinstance(task, np.ndarray):
        if np.array_equal(task, setting.target_vector()):
            return TARGET
        return task if lift is None else lift_array(task, lift)
    return task if lift is None or isinstance(task, str) else lift(task)


def _isotropic_place(task: Any, setting: Setting, lift: Lift) -> Place:
    """The place of a task that :func:`_in_kind` has settled, formed in the common kind."""
    if not isinstance(task, np.ndarray):
        return place_of(task, None)
    target = setting.target_vector()
    return place_of(task, target if lift is None else lift_array(target, lift))


def _same_vector(a: Array | None, b: Array | None) -> bool:
    return a is not None and b is not None and np.array_equal(a, b)


# --- six scalars -----------------------------------------------------------------------------------------------------


def _isotropic_risk(
    model: Strategy | AttentionParameters,
    point: Callable[[IsotropicWorld], IsotropicPoint],
    n_shots: Number,
    setting: Setting,
    task: Any,
    *others: Number,
) -> Any:
    strategy = model if isinstance(model, Strategy) else None

    def evaluate(world: IsotropicWorld, n: Number, place: Place) -> Number:
        return _risk_at(n, *_finite_terms(_isotropic_terms, point, world, place), setting.normalization)

    number = None if isinstance(task, str) else task
    lift = common_kind(setting, n_shots, number, *others)
    arrays = has_arrays(setting, n_shots, *others)
    if arrays:
        require_one_shape(setting, n_shots)
    if arrays and lift is not None:
        return _one_by_one(model, n_shots, setting, task)
    world = isotropic_world(strategy, setting, lift)
    place = _isotropic_place(_in_kind(task, setting, lift), setting, lift)
    if lift is not None:
        n_shots = lift(n_shots)
    if arrays:
        given = (*numbers_of(setting), n_shots, *others)  # the strategy need not depend on all of them
        shape = np.broadcast_shapes(*(x.shape for x in given if isinstance(x, np.ndarray)))
        return _in_blocks(evaluate, world, n_shots, place, shape)
    return present(evaluate(world, n_shots, place), (*numbers_of(setting), n_shots))


def _isotropic_terms(point: IsotropicPoint, world: IsotropicWorld, place: Place) -> RiskTerms:
    """Dispatch on where the task lies."""
    d, noise_variance, norm2 = world.d, world.noise_variance, world.target_norm2
    if place == TARGET:
        return isotropic.terms_on_target(point, d, noise_variance, norm2)
    if isinstance(place, str):
        return isotropic.terms_on_sphere(point, d, noise_variance, norm2)
    departure, across, excess = place
    if across is None:  # a task of the target's length
        across = norm2 * departure * (2 - departure)
    return isotropic.terms_on_task(point, d, noise_variance, norm2, departure, across, excess)


# --- arrays of settings ----------------------------------------------------------------------------------------------


def _in_blocks(
    evaluate: Callable[..., Number], world: IsotropicWorld, n_shots: Number, place: Place, shape: tuple[int, ...]
) -> Array:
    """Broadcast over arrays, halving the longest axis until the temporaries of a block stay in cache."""
    fields = (*world, n_shots)
    result: Array = np.empty(shape)

    def fill(out: Array, parts: tuple[Any, ...]) -> None:
        if out.size <= BLOCK:
            out[...] = evaluate(IsotropicWorld(*parts[:-1]), parts[-1], place)
            return
        axis = int(np.argmax(out.shape)) - out.ndim
        half = out.shape[axis] // 2
        for piece in (slice(0, half), slice(half, None)):
            fill(_cut(out, axis, piece), tuple(_cut(x, axis, piece) for x in parts))

    with np.errstate(all="ignore"):  # infinite pretraining and vanishing noise pass through infinities
        fill(result, fields)
    return result


def _cut(x: Any, axis: int, piece: slice) -> Any:
    """A piece of an argument along an axis counted from the end, which it may lack or have length 1 along."""
    if not isinstance(x, np.ndarray) or x.ndim < -axis or x.shape[axis] == 1:
        return x
    index: tuple[Any, ...] = (..., piece, *(slice(None),) * (-axis - 1))
    return x[index]


def _one_by_one(model: Any, n_shots: Number, setting: Setting, task: Any) -> Array:
    """Exact or symbolic numbers beside arrays: one call for each element, an object array out."""
    names = [name for name in NUMBER_FIELDS if isinstance(getattr(setting, name), np.ndarray)]
    arrays = np.broadcast_arrays(
        *(np.asarray(x, dtype=object) for x in (n_shots, *(getattr(setting, name) for name in names)))
    )
    result = np.empty(arrays[0].shape, dtype=object)
    for index in np.ndindex(result.shape):
        n, *values = (array[index] for array in arrays)
        one = setting.replace(**dict(zip(names, values, strict=True)))
        n = validation.count("n_shots", n)
        if isinstance(model, Strategy):
            result[index] = risk_of_strategy(model, n, one, task)
        else:
            result[index] = risk_of_model(model, n, one, task)
    return result


# --- matrices --------------------------------------------------------------------------------------------------------


def _dense_risk(
    model: Strategy | AttentionParameters,
    point: Callable[[DenseWorld], DensePoint],
    n_shots: Number,
    setting: Setting,
    task: Any,
    *others: Array,
) -> Any:
    lift = common_kind(setting, n_shots, None if isinstance(task, str) else task, *others)
    require_one_shape(setting, n_shots)
    if lift is not None and has_arrays(setting, n_shots):
        return _one_by_one(model, n_shots, setting, task)
    strategy = model if isinstance(model, Strategy) else None
    names = [name for name in NUMBER_FIELDS if isinstance(getattr(setting, name), np.ndarray)]
    if not names:
        world = dense_world(strategy, setting, lift)
        task = _in_kind(task, setting, lift)
        value = _dense_value(point, world, n_shots if lift is None else lift(n_shots), task, setting)
        return present(scalar(value), (*numbers_of(setting), n_shots))
    arrays = np.broadcast_arrays(*(getattr(setting, name) for name in names))
    shape = arrays[0].shape
    result = np.empty(np.broadcast_shapes(shape, np.shape(n_shots)))
    every_n = np.broadcast_to(n_shots, result.shape)
    for index in np.ndindex(shape):  # one fixed point for each setting; all shot counts that meet it at once
        one = setting.replace(**{name: array[index] for name, array in zip(names, arrays, strict=True)})
        at: Any = (
            ...,
            *(slice(k, k + 1) if size > 1 else slice(None) for k, size in zip(index, shape, strict=True)),
        )
        world = dense_world(strategy, one, None)
        result[at] = _dense_value(point, world, every_n[at], task, one)
    return result


def _dense_value(
    point: Callable[[DenseWorld], DensePoint], world: DenseWorld, n_shots: Number, task: Any, setting: Setting
) -> Number:
    with in_range():
        place = place_of(task, world.target, world.sigma)
        terms, infinite = _finite_terms(partial(_dense_terms, task), point, world, place)
        return _risk_at(n_shots, terms, infinite, setting.normalization)


def _dense_terms(task: Any, point: DensePoint, world: DenseWorld, place: Place) -> RiskTerms:
    """Dispatch on where the task lies."""
    blocks, _, memory, b_sigma = point
    d, noise_variance = len(world.target), world.noise_variance
    if place == UNSEEN:
        if world.task_covariance is not None:
            return dense.average_terms(blocks, world.sigma, noise_variance, world.task_covariance, 1, b_sigma)
        lift = (lifting(world.sigma.flat) if world.sigma.dtype == object else None) or float
        sphere, fourth_moment = lift(Fraction(1, d)), lift(Fraction(d, d + 2))  # E theta theta' = I/d
        return dense.average_terms(blocks, world.sigma, noise_variance, sphere, fourth_moment, b_sigma)
    if memory is not None:  # B = 0: only the signal powers matter, and the scalar form keeps every digit
        return _isotropic_terms(memory, world.signal_world(), place)
    theta = task if isinstance(task, np.ndarray) else world.target if task == TARGET else -world.target
    return dense.terms_on_task(blocks, world.sigma, noise_variance, theta, b_sigma)
