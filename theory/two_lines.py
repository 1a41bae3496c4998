"""Evaluation where the world has no direction but the target's: two lines are all of it, and its numbers may be arrays.

The laws run as straight-line programs (:mod:`theory.programs`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .kinds import FLOATS, SYMBOLS, Array, Kind, Number, anywhere
from .parameters import IsotropicScalars
from .points import Case, Regime
from .programs import (
    Numbers,
    Question,
    Roots,
    isotropic_terms,
    isotropic_world,
    risk_program,
    scalars_of,
    scalars_program,
    terms_program,
)
from .prompt import beyond_shots, tokens
from .question import Asked, Terms, asked, diverges, prompt_length, regime_of
from .risk_formula import limit_of_many_shots, risk_at
from .setting import Setting
from .strategies import Strategy
from .tasks import OPPOSITE, TARGET
from .worlds import has_arrays, numbers_of, target_of, training

BLOCK = 1 << 14  # numbers evaluated at once: temporaries of this size stay in cache
_PLAIN = frozenset({int, float})
_UNASKED = (None,) * (len(Numbers._fields) - Numbers._fields.index("value_scale"))


def numbers_on_two_lines(question: Asked, n_shots: Number, kind: Kind) -> tuple[Numbers, Question]:
    """The numbers that a program takes, and what it is made for."""
    setting, task = question.setting, question.task
    d, _, _, noise_variance, target, m, _, weight, scale, normalization, query, *_ = setting
    few = question.few_shot_shots()
    norm2: Number = 1
    if target is not None:
        vector = kind.array(target)
        norm2 = kind.present(vector @ vector, ())
    place: str = TARGET
    departure, across = None, None
    if isinstance(task, str):
        place = task
        if task == OPPOSITE:
            place, departure, across = "task", 2, 0
    elif isinstance(task, np.ndarray):
        if not np.array_equal(task, target_of(setting)):
            place, (departure, across) = "task", _split(kind.array(task), kind.array(target_of(setting)), kind)
    elif task != 1:  # a cosine of 1, of any kind of number, is the target
        departure = 1 - kind.number(task)
        place, across = "task", norm2 * (departure * (2 - departure))
    conventional = isinstance(normalization, str)
    infinite = isinstance(m, float) and m == math.inf
    if not conventional and question.model is None and anywhere(m == math.inf):
        training(math.inf, normalization)  # says why there is none
    values = (d, noise_variance, norm2, None if infinite else m, few, weight, None if type(scale) is str else scale)
    values = tuple(map(kind.number, values))
    n_shots, normalization = kind.number(n_shots), normalization if conventional else kind.number(normalization)
    numbers = Numbers(*values, None if conventional else normalization, departure, across, n_shots)
    if not (n_shots is None or isinstance(n_shots, np.ndarray)):
        numbers = numbers._replace(**_prompt_lengths(n_shots, normalization, question.prompt_tokens))
    made_for = Question(
        place,
        normalization if conventional else "number",
        infinite,
        type(scale) is str,
        type(weight) is not int or weight != 0,
        kind.exact,
        query == "attends",
        question.prompt_tokens,
        target is None,
    )
    return numbers, made_for


def _prompt_lengths(n_shots: Number, normalization: Any, prompt_tokens: int) -> dict[str, Number]:
    """N and N - n."""
    return {
        "tokens": tokens(n_shots, normalization, prompt_tokens),
        "beyond": beyond_shots(n_shots, normalization, prompt_tokens),
    }


def _split(task: Array, target: Array, kind: Kind) -> tuple[Number, Number]:
    """phi and |theta_across|^2 with theta = (1 - phi) theta_0 + theta_across."""
    departure = kind.present((target - task) @ target / (target @ target), ())
    across = task - (1 - departure) * target
    return departure, kind.present(across @ across, ())


_EVERYDAY: dict[Any, tuple[Strategy, bool, tuple[tuple[Case, Any], ...]]] = {}
_EVERYDAY_SCALARS: dict[Any, tuple[Strategy, tuple[tuple[Case, Any], ...]]] = {}


def forget_programs() -> None:
    """Record all programs anew when next asked for: a test has changed what they are recorded from."""
    _EVERYDAY.clear()
    _EVERYDAY_SCALARS.clear()
    risk_program.cache_clear()
    terms_program.cache_clear()
    scalars_program.cache_clear()


def everyday_risk(strategy: Strategy, n_shots: Number, setting: Setting, task: Any) -> Any:
    """Accelerator of the everyday call, of plain numbers without directions; None where the call is another one.

    What it runs is what `risk_on_two_lines` runs, found in fewer steps.
    """
    d, covariance, prior, noise, target, m, few, weight, scale, normalization, query, query_covariance, _ = setting
    if not (covariance is prior is target is query_covariance is None and type(normalization) is str):
        return None
    if type(task) in _PLAIN and task == 1:
        task = TARGET
    balanced, named = type(scale) is str, type(task) is str
    plain = (n_shots, d, noise, m, weight, 0 if few is None else few, 0 if balanced else scale, 0 if named else task)
    if not _PLAIN.issuperset(map(type, plain)) or n_shots == math.inf:
        return None
    key = (id(strategy), task if named else None, normalization, m == math.inf, balanced, weight != 0, query)
    known = _EVERYDAY.get(key)
    if known is None:
        question = asked(strategy, setting, task)
        if not question.recorded or any(type(x) not in _PLAIN for x in strategy.numbers()):
            return None
        made_for = numbers_on_two_lines(question, n_shots, FLOATS)[1]
        runs = tuple((case, risk_program(case.point, made_for).run) for case in question.cases)
        known = _EVERYDAY[key] = strategy, made_for.place != TARGET, runs
    _, elsewhere, cases = known
    if few is None and strategy.few_shot:
        few = setting.auxiliary_shots()
    case, run = _that_holds(cases, noise, few, normalization)
    if elsewhere and case.diverges_off_target and n_shots:
        return math.inf
    departure = 2 if named else 1 - task
    beyond = beyond_shots(n_shots, normalization, prompt_length(strategy))
    across = departure * (2 - departure)
    return run(
        d, noise, 1, m, few, weight, scale, None, departure, across, n_shots, n_shots + beyond, beyond
    )[0]  # fmt: skip


def _that_holds(
    cases: tuple[tuple[Case, Any], ...], noise: Number, few: Number, normalization: str
) -> tuple[Case, Any]:
    if len(cases) < 2:
        return cases[0]
    regime = Regime(noise, 1, None if few is None else tokens(few, normalization))
    return next(found for found in cases if found[0].holds(regime))


def everyday_scalars(strategy: Strategy, setting: Setting) -> IsotropicScalars | None:
    """Accelerator of `scaled_scalars` for plain numbers without directions, balanced; None where the call is another one."""
    d, covariance, prior, noise, target, m, few, weight, scale, normalization, query, query_covariance, _ = setting
    if not (covariance is prior is target is query_covariance is None and type(normalization) is type(scale) is str):
        return None
    if not _PLAIN.issuperset(map(type, (d, noise, m, weight, 0 if few is None else few))):
        return None
    key = (id(strategy), normalization, m == math.inf, weight != 0, query)
    known = _EVERYDAY_SCALARS.get(key)
    if known is None:
        question = asked(strategy, setting, TARGET)
        if not question.recorded:
            return None
        made_for = numbers_on_two_lines(question, None, FLOATS)[1]
        runs = ((case, case.scale and scalars_program(case.point, case.scale, made_for)) for case in question.cases)
        known = _EVERYDAY_SCALARS[key] = strategy, tuple(runs)
    if few is None and strategy.few_shot:
        few = setting.auxiliary_shots()
    run = _that_holds(known[1], noise, few, normalization)[1]
    return run and IsotropicScalars(*map(float, run(d, noise, 1, m, few, weight, *_UNASKED)))


def risk_on_two_lines(question: Asked, n_shots: Number, kind: Kind) -> Any:
    """The risk, at each of the settings where numbers are arrays."""
    setting = question.setting
    scalars = question.scalars(FLOATS)
    arrays = has_arrays(setting, n_shots, *scalars)
    numbers, made_for = numbers_on_two_lines(question, n_shots, kind)
    if arrays:
        given = (*numbers_of(setting), n_shots, *scalars)  # the strategy need not depend on all of them
        shape = np.broadcast_shapes(*(x.shape for x in given if isinstance(x, np.ndarray)))
        return _in_blocks(question, numbers, made_for, shape)
    case = question.case(numbers)
    if numbers.n_shots == math.inf or kind is SYMBOLS:
        return kind.present(_from_terms(question, case, numbers, made_for, kind), (*numbers_of(setting), n_shots))
    if case is not None and case.diverges_off_target and made_for.place != TARGET and numbers.n_shots != 0:
        return kind.infinity()
    program = risk_program(None if case is None else case.point, made_for)
    (value,) = program.run(*numbers, *question.scalars(kind))
    return kind.present(value, (*numbers_of(setting), n_shots))


def _from_terms(question: Asked, case: Case | None, numbers: Numbers, made_for: Question, kind: Kind) -> Any:
    """The risk by way of its contractions: its limit of many shots, or an expression with each part factored."""
    if diverges(case, made_for.place) and numbers.n_shots != 0:
        return kind.infinity()
    program = terms_program(None if case is None else case.point, made_for)
    roots = Roots() if kind is SYMBOLS else None
    terms = program(*numbers, *question.scalars(kind), square_root=roots)
    if roots is not None:
        terms = roots.readable(terms)
    if numbers.n_shots == math.inf:
        return limit_of_many_shots(terms, made_for.normalization)
    return risk_at(terms, numbers.n_shots, numbers.tokens, numbers.beyond)


# --- arrays of settings ----------------------------------------------------------------------------------------------


def _in_blocks(question: Asked, numbers: Numbers, made_for: Question, shape: tuple[int, ...]) -> Array:
    """Broadcast over arrays, halving the longest axis until the temporaries of a block stay in cache."""
    fields = [*numbers, *question.scalars(FLOATS)]
    where = [index for index, x in enumerate(fields) if isinstance(x, np.ndarray)]
    result: Array = np.empty(shape)

    def fill(out: Array, arrays: list[Array]) -> None:
        if out.size <= BLOCK:
            for index, array in zip(where, arrays, strict=True):
                fields[index] = array
            out[...] = _array_risk(question, Numbers(*fields[: len(numbers)]), fields[len(numbers) :], made_for)
            return
        axis = out.shape.index(max(out.shape)) - out.ndim
        half = out.shape[axis] // 2
        for piece in (slice(0, half), slice(half, None)):
            fill(_cut(out, axis, piece), [_cut(x, axis, piece) for x in arrays])

    with np.errstate(all="ignore"):  # infinite pretraining and vanishing noise pass through infinities
        fill(result, [fields[index] for index in where])
    return result


def _array_risk(question: Asked, numbers: Numbers, scalars: list[Any], made_for: Question) -> Any:
    """One block: each case where it holds, and the limit where n is infinite."""
    n = numbers.n_shots
    if made_for.normalization != "tokens":
        normalization = numbers.normalization if made_for.normalization == "number" else made_for.normalization
        numbers = numbers._replace(**_prompt_lengths(n, normalization, question.prompt_tokens))
    endless = n == math.inf
    result: Any = None
    left: Any = True
    for case in question.cases or (None,):
        holds = left if case is None else left & case.holds(regime_of(numbers, question.setting.normalization))
        if not anywhere(holds):
            continue
        left = left & ~np.asarray(holds)
        point = None if case is None else case.point
        (value,) = risk_program(point, made_for).run(*numbers, *scalars)
        if anywhere(endless):
            terms = terms_program(point, made_for)(*numbers, *scalars)
            value = np.where(endless, limit_of_many_shots(terms, made_for.normalization), value)
        if diverges(case, made_for.place):
            value = np.where(n != 0, math.inf, value)
        result = value if result is None else np.where(holds, value, result)
    return result


def _cut(x: Array, axis: int, piece: slice) -> Array:
    """A piece of an array along an axis counted from the end, which it may lack or have length 1 along."""
    if x.ndim < -axis or x.shape[axis] == 1:
        return x
    index: tuple[Any, ...] = (..., piece, *(slice(None),) * (-axis - 1))
    return np.asarray(x[index])


def scaled_scalars(question: Asked, numbers: Numbers, made_for: Question, kind: Kind) -> Any:
    """The six scalars of a strategy's end, with arrays each where its case holds."""
    setting = question.setting
    if kind is FLOATS and made_for.balanced and question.recorded and not has_arrays(setting):
        case = question.case(numbers)
        if case is not None and case.scale is not None:
            return scalars_program(case.point, case.scale, made_for)(*numbers)
    infinite = numbers.pretrain_shots is None
    normalization = setting.normalization if numbers.normalization is None else numbers.normalization
    world = isotropic_world(numbers, normalization, infinite)._replace(attends=setting.query == "attends")
    if not has_arrays(setting):
        case = question.case_in(world)
        return scalars_of(case.point(world)).scaled(question.scale(case, world))
    result: Any = None
    left: Any = True
    for case in question.cases:
        holds = left & case.holds(world.regime())
        if not anywhere(holds):
            continue
        left = left & ~np.asarray(holds)
        found = scalars_of(case.point(world)).scaled(question.scale(case, world))
        result = (
            found
            if result is None
            else type(found)(*(np.where(holds, a, b) for a, b in zip(found, result, strict=True)))
        )
    return result


def terms_without_program(question: Asked, kind: Kind) -> Terms:
    """The contractions of a law that programs cannot be made of."""
    numbers, made_for = numbers_on_two_lines(question, None, kind)
    normalization = numbers.normalization if made_for.normalization == "number" else made_for.normalization
    world = isotropic_world(numbers, normalization, made_for.infinite_pretraining)._replace(attends=made_for.attends)
    (case,) = question.cases
    return Terms(isotropic_terms(case.point, world, made_for.place, numbers.departure, made_for.attends), False)
