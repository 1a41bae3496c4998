"""The engine behind theory.risk: a strategy or a model, in a setting, to the contractions and to the risk.

Two ways lead there, and which one is a matter of the world alone: :mod:`theory.two_lines` where it has no direction but the
target's, :mod:`theory.one_world` else, which is loaded when first asked for.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import validation
from .kinds import FLOATS, Array, Number
from .parameters import AttentionParameters, IsotropicScalars
from .practices import model_arrays
from .programs import terms_program
from .question import Asked, Terms, asked, diverges
from .setting import Setting
from .strategies import ADDED, Strategy
from .tasks import TARGET, checked_task
from .two_lines import everyday_risk, everyday_scalars, numbers_on_two_lines, risk_on_two_lines, scaled_scalars
from .worlds import NUMBER_FIELDS, has_arrays, in_range, require_one_shape


def risk_of(model: Strategy | AttentionParameters, n_shots: Number, setting: Setting, task: Any) -> Any:
    """The exact risk of a strategy or of a model at n shots."""
    if task is not TARGET:
        task = checked_task(task, setting)
    if type(model) is Strategy:
        found = everyday_risk(model, n_shots, setting, task)
        if found is not None:
            return found
    question = asked(model, setting, task)
    on_two_lines = question.two_lines and question.recorded
    arrays = has_arrays(setting, n_shots, *(question.scalars(FLOATS) if on_two_lines else ()))
    if arrays:
        require_one_shape(setting, n_shots)
    kind = question.kind(n_shots)
    if arrays and kind is not FLOATS:
        counts = None if on_two_lines or has_arrays(setting) else _counts(n_shots)
        if counts is None:
            return _one_by_one(question, n_shots)
        from .one_world import risks_at_counts

        return risks_at_counts(counts, question, kind)
    if on_two_lines:
        return risk_on_two_lines(question, n_shots, kind)
    from .one_world import risk_in_one_world

    return risk_in_one_world(question, n_shots, kind)


def terms_of(model: Strategy | AttentionParameters, setting: Setting, task: Any) -> Terms:
    """The risk's contractions, one number for each argument."""
    from .one_world import terms_in_one_world

    question = asked(model, setting, checked_task(task, setting))
    kind = question.kind(None)
    if not (question.two_lines and question.recorded):
        terms, infinite = terms_in_one_world(question, kind)
        return Terms(kind.presented(terms), infinite)
    numbers, made_for = numbers_on_two_lines(question, None, kind)
    case = question.case(numbers)
    program = terms_program(None if case is None else case.point, made_for)
    return Terms(kind.presented(program(*numbers, *question.scalars(kind))), diverges(case, made_for.place))


def model_of(strategy: Strategy, setting: Setting) -> AttentionParameters:
    """The strategy's end, at the value scale that flow selects."""
    scalars: Any = None if strategy.trains in ADDED else everyday_scalars(strategy, setting)
    if scalars is not None:
        return AttentionParameters.from_isotropic(scalars, setting.d)
    require_one_shape(setting, None)
    question = asked(strategy, setting, TARGET)
    kind = question.kind(None)
    if has_arrays(setting):
        name = next(name for name in NUMBER_FIELDS if isinstance(getattr(setting, name), np.ndarray))
        if kind is not FLOATS:
            allowed = "one number beside exact or symbolic ones in fixed_point"
            raise validation.reject(name, getattr(setting, name), allowed)
        if not (question.two_lines and question.recorded):
            allowed = "one number, not an array, where a covariance is given or a strategy is composed"
            raise validation.reject(name, getattr(setting, name), allowed)
    if question.two_lines and strategy.trains not in ADDED:  # which the six scalars do not hold
        numbers, made_for = numbers_on_two_lines(question, None, kind)
        with np.errstate(all="ignore"):
            scalars = scaled_scalars(question, numbers, made_for, kind)
            scalars = IsotropicScalars(*(kind.present(kind.number(x)) for x in scalars))
        return AttentionParameters.from_isotropic(scalars, setting.d, setting.target)
    from .one_world import point_in

    with in_range():
        world = question.world(kind)
        case = question.case_in(world)
        point = point_in(world, case, question, kind)
        return AttentionParameters(**model_arrays(point, world, question.scale(case, world), kind))


def _counts(n_shots: Array) -> Array | None:
    """Numbers of shots as ints, where all are finite numbers."""
    if not all(isinstance(n, int | float | np.number) and np.isfinite(n) for n in n_shots.flat):
        return None
    counts = np.empty(n_shots.shape, dtype=object)
    for index, n in np.ndenumerate(n_shots):
        counts[index] = validation.count("n_shots", n, 0, True)
    return counts


def _one_by_one(question: Asked, n_shots: Number) -> Array:
    """Exact or symbolic numbers beside arrays: one call for each element, an object array out."""
    setting = question.setting
    names = [name for name in NUMBER_FIELDS if isinstance(getattr(setting, name), np.ndarray)]
    arrays = np.broadcast_arrays(
        *(np.asarray(x, dtype=object) for x in (n_shots, *(getattr(setting, name) for name in names)))
    )
    result = np.empty(arrays[0].shape, dtype=object)
    for index in np.ndindex(result.shape):
        n, *values = (array[index] for array in arrays)
        one = setting.replace(**dict(zip(names, values, strict=True)))
        model: Any = question.strategy or question.model
        result[index] = risk_of(model, validation.count("n_shots", n, 0, True), one, question.task)
    return result
