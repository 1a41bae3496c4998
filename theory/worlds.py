"""From a Setting to the numbers and arrays that the formulas take, all of one kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from . import dense_fixed_points, fixed_points, validation
from .arithmetic import Number, lifting
from .dense_fixed_points import DenseWorld
from .fixed_points import IsotropicWorld
from .linear_algebra import Array
from .parameters import AttentionParameters
from .setting import Setting
from .strategies import Strategy

Lift = Callable[[Number], Number] | None

# The solve for the label's weight loses digits in proportion to lambda: ten of sixteen are left at this one.
LARGEST_DENSE_WEIGHT = 1e6

NUMBER_FIELDS = ("d", "noise_variance", "pretrain_shots", "few_shot_shots", "few_shot_weight", "value_scale")


def numbers_of(setting: Setting) -> list[Any]:
    """The setting's numbers, a balanced value scale as None."""
    values = [getattr(setting, name) for name in NUMBER_FIELDS]
    if type(values[-1]) is str:
        values[-1] = None
    return values


def common_kind(setting: Setting, n_shots: Number, *reals: Any) -> Lift:
    """What brings the setting's numbers, n and others to one kind; None if they are plain.

    Arrays of counts decide nothing, as ints do; other float arrays count as floats.
    """
    d, noise_variance, pretrain_shots, few_shot_shots, few_shot_weight, scale = numbers_of(setting)
    kinds: list[Any] = []
    for value in (n_shots, d, pretrain_shots, few_shot_shots):
        if not isinstance(value, np.ndarray):
            kinds.append(value)
        elif value.dtype == object:
            kinds.extend(value.flat)
    matrices = (setting.covariance, setting.task_covariance, setting.target)
    for value in (noise_variance, few_shot_weight, scale, *matrices, *reals):
        if isinstance(value, np.ndarray):
            kinds.extend(value.flat if value.dtype == object else (1.0,))
        else:
            kinds.append(value)
    return lifting(kinds)


def require_one_shape(setting: Setting, n_shots: Number) -> None:
    """The arrays among the numbers must broadcast; an error names those that do not."""
    validation.broadcast({"n_shots": n_shots, **{name: getattr(setting, name) for name in NUMBER_FIELDS}})


def has_arrays(setting: Setting, *others: Any) -> bool:
    """Whether a number of the setting, or another, is an array."""
    return any(isinstance(value, np.ndarray) for value in (*numbers_of(setting), *others))


def few_shot_shots(strategy: Strategy | None, setting: Setting) -> Number:
    """The shots of the few-shot loss, required only where the strategy has one."""
    return setting.auxiliary_shots() if strategy is not None and strategy.objective == "mixed" else None


def isotropic_world(strategy: Strategy | None, setting: Setting, lift: Lift) -> IsotropicWorld:
    """The numbers of an isotropic setting."""
    d, noise_variance, pretrain_shots, _, few_shot_weight, scale = numbers_of(setting)
    norm2: Number = 1
    if setting.target is not None:
        target = setting.target if lift is None else lift_array(setting.target, lift)
        norm2 = scalar(target @ target)
    shots = few_shot_shots(strategy, setting)
    values = (d, noise_variance, norm2, pretrain_shots, shots, few_shot_weight, scale)
    if lift is not None:
        values = tuple(map(lift, values))
    return IsotropicWorld(*values, 1 if setting.normalization == "tokens" else 0)


def dense_world(strategy: Strategy | None, setting: Setting, lift: Lift) -> DenseWorld:
    """The arrays and numbers of any setting."""
    _, noise_variance, pretrain_shots, _, few_shot_weight, scale = numbers_of(setting)
    values = (noise_variance, pretrain_shots, few_shot_shots(strategy, setting), few_shot_weight, scale)
    arrays: tuple[Any, ...] = (setting.sigma(), setting.task_covariance, setting.target_vector())
    if lift is None and few_shot_weight > LARGEST_DENSE_WEIGHT:
        allowed = f"at most {LARGEST_DENSE_WEIGHT:g} in floats beside a covariance; Fractions and certify=True take any"
        raise validation.reject("few_shot_weight", few_shot_weight, allowed)
    if lift is not None:
        values = tuple(map(lift, values))
        arrays = tuple(a if a is None else lift_array(a, lift) for a in arrays)
    sigma, task_covariance, target = arrays
    return DenseWorld(sigma, task_covariance, target, *values, 1 if setting.normalization == "tokens" else 0)


def lift_array(array: Array, lift: Callable[[Number], Number]) -> Array:
    """An array's entries brought to one kind; whole floats count as ints, so that a default identity is exact."""
    if array.dtype != object and type(lift(0.5)) is float:
        return array
    out = np.empty(array.shape, dtype=object)
    for index, item in np.ndenumerate(array):
        item = scalar(item)
        out[index] = lift(int(item) if isinstance(item, float) and item.is_integer() else item)
    return out


def scalar(x: Any) -> Number:
    """A numpy scalar as a plain number."""
    return x.item() if isinstance(x, np.generic) else x


def scaled_point(strategy: Strategy, setting: Setting) -> AttentionParameters:
    """The fixed point at the value scale that flow selects."""
    require_one_shape(setting, None)
    lift = common_kind(setting, None)
    if has_arrays(setting) and lift is not None:
        name = next(name for name in NUMBER_FIELDS if isinstance(getattr(setting, name), np.ndarray))
        raise validation.reject(name, getattr(setting, name), "one number beside exact or symbolic ones in fixed_point")
    if setting.is_isotropic:
        world = isotropic_world(strategy, setting, lift)
        point, k = (function(world) for function in fixed_points.POINTS[strategy.name])
        fixed_points.require_end(strategy.name, point.diverges, setting.noise_variance)
        return AttentionParameters.from_isotropic(point.scalars.scaled(k), setting.d, setting.target)
    for name in NUMBER_FIELDS:
        value = getattr(setting, name)
        if isinstance(value, np.ndarray):
            raise validation.reject(name, value, "one number, not an array, where a covariance is given")
    with in_range():
        found = dense_fixed_points.POINTS[strategy.name](dense_world(strategy, setting, lift))
        fixed_points.require_end(strategy.name, found.diverges, setting.noise_variance)
        return AttentionParameters(*found.blocks.scaled(found.scale).matrices())


@contextmanager
def in_range() -> Iterator[None]:
    """Matrices whose products or inverses leave the range of floats: an error, not a warning and a NaN."""
    try:
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            yield
    except (FloatingPointError, np.linalg.LinAlgError) as error:
        raise ValueError(
            "covariance, task_covariance, target or model hold numbers so large, small or nearly dependent that floats "
            f"do not carry the answer ({error}); give Fractions, or call theory.risk with certify=True"
        ) from None
