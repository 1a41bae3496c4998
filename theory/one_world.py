"""Evaluation on the lines or matrices of one world (:mod:`theory.worlds`)."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from .contractions import Head, Layer, averaged, contract
from .head_sums import independent
from .kinds import FLOATS, FRACTIONS, SYMBOLS, Array, Kind, NotRational, Number, rational_numbers
from .matrices import Matrices
from .points import Case, Point
from .programs import of_scalars
from .question import Asked, Terms, diverges
from .rational_functions import RationalFunctions
from .risk_formula import exact_risk_formula, limit_of_many_shots
from .tasks import TARGET
from .two_lines import terms_without_program
from .whitening import unsummed, whitened
from .worlds import NUMBER_FIELDS, first_axis, in_range, inputs_of, normalization_of, numbers_of, parts_of, target_of


def terms_in_one_world(question: Asked, kind: Kind) -> Terms:
    """The contractions in a world with more directions than the target's."""
    if question.two_lines:
        return terms_without_program(question, kind)
    found: Terms | None = _counted_shortly(question, kind, lambda field: _terms(question, field))
    return _terms(question, kind) if found is None else found


def _counted_shortly(question: Asked, kind: Kind, count: Callable[[Kind], Any]) -> Any:
    """What is counted from exact numbers in their field, and presented; None for other kinds, and where it cannot be."""
    if not question.recorded:  # the block law counts in its own way
        return None
    field: Kind
    with suppress(NotRational):
        if kind is FRACTIONS:
            field = rational_numbers()
            return field.presented(count(field))
        if kind is SYMBOLS:
            from .flint_polynomials import by_flint

            with by_flint():
                field = RationalFunctions(question.values())
                return field.presented(count(field))
    return None


def point_in(world: Any, case: Case, question: Asked, kind: Kind) -> Point:
    """The end of a strategy in a world, whose numbers are of one kind."""
    found: Point | None = None
    if isinstance(world.space, Matrices):
        found = _counted_shortly(question, kind, lambda field: case.point(question.world(field)))
    return case.point(world) if found is None else found


def _terms(question: Asked, kind: Kind) -> Terms:
    setting, task = question.setting, question.task
    with in_range():
        world = question.world(kind)
        if isinstance(task, np.ndarray):  # the target by name, before rounding can hide that it is
            task = TARGET if np.array_equal(task, target_of(setting)) else kind.array(task)
        case = question.case_in(world) if question.cases else None
        layer = _layer(question.model, world, kind) if case is None else case.point(world).layer(world)
        layer = layer._replace(attends=setting.query == "attends")
        inputs = inputs_of(world, setting, kind)
        tasks = parts_of(world, task)
        if case is None and kind is FLOATS:
            inputs, layer, tasks = whitened(world.space, inputs, layer, tasks)
        elif getattr(world.space, "large", False):
            layer = unsummed(layer)
        parts = [(p, contract(world.space, inputs, layer, one)) for p, one in tasks]
        return Terms(averaged(parts), diverges(case, task if isinstance(task, str) else "task"))


def _layer(model: Any, world: Any, kind: Kind) -> Layer:
    """A model's own layer."""
    space = world.space
    if model.isotropic is not None:  # expanded in the common kind: a float's products would be rounded before it
        theta = first_axis(model.d) if model.target is None else np.asarray(model.target)
        return of_scalars(*map(kind.number, model.isotropic))(world._replace(target=kind.array(theta))).layer(world)
    if kind is FLOATS and model.n_heads > 1:
        heads = tuple(Head(v, Q) for v, Q in independent(*map(kind.array, model.entries())))
    else:
        heads = tuple(Head(kind.array(v), kind.array(Q)) for v, Q in model.heads())
    prompt = () if model.prompt is None else tuple(kind.array(model.prompt))
    skip = None if model.skip is None else space.token_vector(kind.array(model.skip)[0], kind.array(model.skip)[1:], 0)
    return Layer(heads, prompt=prompt, skip=skip)


def risk_in_one_world(question: Asked, n_shots: Number, kind: Kind) -> Any:
    """The risk, world by world where the setting's numbers are arrays."""
    setting = question.setting
    names = [name for name in NUMBER_FIELDS if isinstance(getattr(setting, name), np.ndarray)]
    if not names:
        value = _at(n_shots if isinstance(n_shots, np.ndarray) else kind.number(n_shots), question, kind)
        return kind.present(value, (*numbers_of(setting), n_shots))
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
        result[at] = _at(every_n[at], question._replace(setting=one), FLOATS)
    return result


def risks_at_counts(counts: Array, question: Asked, kind: Kind) -> Array:
    """Exact or symbolic risks of one setting at whole numbers of shots, an object array: contracted once."""
    found, given = terms_in_one_world(question, kind), numbers_of(question.setting)
    result = np.empty(counts.shape, dtype=object)
    for index, count in np.ndenumerate(counts):
        result[index] = kind.present(_from_terms(found, kind.number(count), question, kind), (*given, count))
    return result


def _at(n_shots: Number, question: Asked, kind: Kind) -> Any:
    """The risk at n shots, which may be many or infinite."""
    return _from_terms(terms_in_one_world(question, kind), n_shots, question, kind)


def _from_terms(found: Terms, n_shots: Number, question: Asked, kind: Kind) -> Any:
    terms, infinite = found
    normalization, k = normalization_of(question.setting, kind), question.prompt_tokens
    with np.errstate(all="ignore"):
        if isinstance(n_shots, np.ndarray):
            value = exact_risk_formula(terms, n_shots, normalization, k)
            endless = n_shots == math.inf
            if endless.any():
                value = np.where(endless, limit_of_many_shots(terms, normalization), value)
            return np.where(n_shots != 0, math.inf, value) if infinite else value
        if infinite and n_shots != 0:
            return kind.infinity()
        if n_shots == math.inf:
            return limit_of_many_shots(terms, normalization)
        return exact_risk_formula(terms, n_shots, normalization, k)
