"""The engine behind theory.risk: a strategy or a model, in a setting, to the contractions and to the risk.

Two ways lead there, and which one is a matter of the world alone. Where it has no direction but the target's, two lines
are all of it and its numbers may be arrays: the laws run as straight-line programs (:mod:`theory.programs`). Else the laws
run on the lines or matrices of one world (:mod:`theory.worlds`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from . import validation
from .contractions import Head, Layer, RiskTerms, Square, contract
from .head_sums import independent
from .kinds import FLOATS, FRACTIONS, SYMBOLS, Array, Kind, Number, anywhere
from .laws import Case, Regime, laws_of
from .parameters import AttentionParameters, IsotropicScalars, require_dimension
from .practices import model_arrays
from .programs import (
    Numbers,
    Question,
    Roots,
    isotropic_terms,
    isotropic_world,
    of_scalars,
    risk_program,
    scalars_of,
    terms_program,
)
from .prompt import beyond_shots, tokens
from .risk_formula import exact_risk_formula, limit_of_many_shots, risk_at
from .setting import Setting
from .strategies import ADDED, PROMPT, Strategy
from .tasks import OPPOSITE, TARGET, checked_task
from .worlds import (
    NUMBER_FIELDS,
    first_axis,
    has_arrays,
    in_range,
    inputs_of,
    kind_of_question,
    normalization_of,
    numbers_of,
    require_one_shape,
    target_of,
    tasks_of,
    training,
    world_of,
)

BLOCK = 1 << 14  # numbers evaluated at once: temporaries of this size stay in cache
_PLAIN = frozenset({int, float})


def prompt_length(model: Strategy | AttentionParameters) -> int:
    """k, the tokens of a model's fixed prompt, or of the prompt that a strategy tunes."""
    if isinstance(model, Strategy):
        return int(model.trains == PROMPT)
    return 0 if model.prompt is None else len(model.prompt)


class Terms(NamedTuple):
    """The contractions, and whether the risk is infinite at n >= 1 (they then serve n = 0 alone)."""

    terms: RiskTerms
    infinite: bool


def risk_of(model: Strategy | AttentionParameters, n_shots: Number, setting: Setting, task: Any) -> Any:
    """The exact risk of a strategy or of a model at n shots."""
    if task is not TARGET:
        task = checked_task(task, setting)
    if type(model) is Strategy:
        found = _everyday_risk(model, n_shots, setting, task)
        if found is not None:
            return found
    question = _asked(model, setting, task)
    if question.two_lines and question.recorded:
        return _isotropic_risk(question, n_shots)
    return _general_risk(question, n_shots)


def terms_of(model: Strategy | AttentionParameters, setting: Setting, task: Any) -> Terms:
    """The risk's contractions, one number for each argument."""
    question = _asked(model, setting, checked_task(task, setting))
    kind = question.kind(None)
    if not (question.two_lines and question.recorded):
        terms, infinite = _general_terms(question, kind)
        return Terms(_presented(terms, kind), infinite)
    numbers, made_for = _numbers(question, None, kind)
    case = question.case(numbers)
    program = terms_program(None if case is None else case.point, made_for)
    return Terms(_presented(program(*numbers, *question.scalars(kind)), kind), _diverges(case, made_for.place))


def _presented(terms: RiskTerms, kind: Kind) -> RiskTerms:
    """The contractions in the caller's kind of number."""
    squares = tuple(Square(*map(kind.present, square)) for square in terms.squares)
    return RiskTerms(
        kind.present(terms.noise_variance), squares, kind.present(terms.per_shot), kind.present(terms.fixed)
    )


def model_of(strategy: Strategy, setting: Setting) -> AttentionParameters:
    """The strategy's end, at the value scale that flow selects."""
    require_one_shape(setting, None)
    question = _asked(strategy, setting, TARGET)
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
        numbers, _ = _numbers(question, None, kind)
        with np.errstate(all="ignore"):
            scalars = IsotropicScalars(*(kind.present(kind.number(x)) for x in _scaled_scalars(question, numbers)))
        return AttentionParameters.from_isotropic(scalars, setting.d, setting.target)
    with in_range():
        world = question.world(kind)
        case = question.case_in(world)
        point = case.point(world)
        return AttentionParameters(**model_arrays(point, world, question.scale(case, world), kind))


# --- the question ----------------------------------------------------------------------------------------------------


class _Asked(NamedTuple):
    """A strategy's cases, or a model, in a setting, on a task."""

    cases: tuple[Case, ...]  # of a strategy
    strategy: Strategy | None
    model: AttentionParameters | None
    setting: Setting
    task: Any
    two_lines: bool

    def kind(self, n_shots: Number) -> Kind:
        """The kind of number of everything that enters."""
        others: tuple[Any, ...] = () if self.strategy is None else self.strategy.numbers()
        if self.model is not None:
            others = self.model.isotropic or (*self.model.entries(), self.model.prompt, self.model.skip)
        kind = kind_of_question(self.setting, n_shots, self.task, *others)
        if kind is FRACTIONS:
            FRACTIONS.fresh()
        timed = self.strategy is not None and self.strategy.time is not math.inf
        return SYMBOLS if timed and kind is FRACTIONS else kind  # an exponential of a rational number is none

    @property
    def recorded(self) -> bool:
        """Whether programs can be made of it."""
        return not self.cases or self.cases[0].recorded

    def few_shot_shots(self) -> Number:
        """The shots of the few-shot loss, required only where the strategy has one."""
        return self.setting.auxiliary_shots() if self.strategy is not None and self.strategy.few_shot else None

    @property
    def prompt_tokens(self) -> int:
        """k, the prompt's tokens."""
        model: Any = self.model if self.strategy is None else self.strategy
        return prompt_length(model)

    def scalars(self, kind: Kind) -> Sequence[Number]:
        """The model's six scalars; none for a strategy."""
        return (
            () if self.model is None or self.model.isotropic is None else tuple(map(kind.number, self.model.isotropic))
        )

    def case(self, numbers: Numbers) -> Case | None:
        """The case that holds for one choice of numbers."""
        if len(self.cases) < 2:
            return self.cases[0] if self.cases else None
        return next(case for case in self.cases if case.holds(_regime(numbers, self.setting.normalization)))

    def case_in(self, world: Any) -> Case:
        """The case that holds in a world."""
        return next(case for case in self.cases if case.holds(world.regime()))

    def world(self, kind: Kind) -> Any:
        """The world of a setting with a direction, or of a model with one."""
        return world_of(self.setting, kind, self.few_shot_shots(), own_model=self.model is not None)

    def scale(self, case: Case, world: Any) -> Number:
        """k at the flow's end; NoClosedForm where it has none."""
        if case.scale is not None:
            return case.scale(world)
        raise validation.NoClosedForm(
            f"noise_variance = {self.setting.noise_variance!r}: strategy {self.strategy.name!r} has no fixed point "  # type: ignore[union-attr]
            "without label noise: its infimum is not attained and the parameters run to infinity (theory.risk gives "
            "the limit of the risk)"
        )


def _asked(model: Strategy | AttentionParameters, setting: Setting, task: Any) -> _Asked:
    if isinstance(model, AttentionParameters):
        require_dimension(model, setting.d)
        two_lines = model.isotropic is not None and setting.is_isotropic and _same_target(model.target, setting.target)
        return _Asked((), None, model, setting, task, two_lines)
    return _Asked(laws_of(model, setting), model, None, setting, task, setting.is_isotropic)


def _same_target(a: Array | None, b: Array | None) -> bool:
    return a is b or (a is not None and b is not None and np.array_equal(a, b))


def _diverges(case: Case | None, place: str) -> bool:
    """Whether the risk has no bound at n >= 1."""
    return case is not None and case.diverges_off_target and place != TARGET


def _regime(numbers: Numbers, normalization: Any) -> Regime:
    few = numbers.few_shot_shots
    few_tokens = None if few is None else tokens(few, normalization)
    return Regime(numbers.noise_variance, numbers.target_norm2, few_tokens, tokens(0, normalization))


# --- two lines -------------------------------------------------------------------------------------------------------


def _numbers(question: _Asked, n_shots: Number, kind: Kind) -> tuple[Numbers, Question]:
    """The numbers that a program takes, and what it is made for."""
    setting, task = question.setting, question.task
    d, _, _, noise_variance, target, m, _, weight, scale, normalization, query, _ = setting
    few = question.few_shot_shots()
    norm2: Number = 1
    if target is not None:
        vector = kind.array(target)
        norm2 = kind.present(vector @ vector, ())
    place, departure, across = TARGET, None, None
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
    N = beyond = None
    if n_shots is not None:
        k = question.prompt_tokens
        N, beyond = tokens(n_shots, normalization, k), beyond_shots(n_shots, normalization, k)
    numbers = Numbers(*values, None if conventional else normalization, departure, across, n_shots, N, beyond)
    made_for = Question(
        place,
        normalization if conventional else "number",
        infinite,
        type(scale) is str,
        type(weight) is not int or weight != 0,
        kind.exact,
        query == "attends",
        question.prompt_tokens,
    )
    return numbers, made_for


def _split(task: Array, target: Array, kind: Kind) -> tuple[Number, Number]:
    """phi and |theta_across|^2 with theta = (1 - phi) theta_0 + theta_across."""
    departure = kind.present((target - task) @ target / (target @ target), ())
    across = task - (1 - departure) * target
    return departure, kind.present(across @ across, ())


_EVERYDAY: dict[Any, tuple[Strategy, bool, tuple[tuple[Case, Any], ...]]] = {}


def forget_programs() -> None:
    """Record all programs anew when next asked for: a test has changed what they are recorded from."""
    _EVERYDAY.clear()
    risk_program.cache_clear()
    terms_program.cache_clear()


def _everyday_risk(strategy: Strategy, n_shots: Number, setting: Setting, task: Any) -> Any:
    """Accelerator of the everyday call, of plain numbers without directions; None where the call is another one.

    What it runs is what `_isotropic_risk` runs, found in fewer steps.
    """
    d, covariance, prior, noise, target, m, few, weight, scale, normalization, query, query_covariance = setting
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
        question = _asked(strategy, setting, task)
        if not question.recorded or any(type(x) not in _PLAIN for x in strategy.numbers()):
            return None
        made_for = _numbers(question, n_shots, FLOATS)[1]
        runs = tuple((case, risk_program(case.point, made_for).run) for case in question.cases)
        known = _EVERYDAY[key] = strategy, made_for.place != TARGET, runs
    _, elsewhere, cases = known
    if few is None and strategy.few_shot:
        few = setting.auxiliary_shots()
    case, run = cases[0]
    if len(cases) > 1:
        regime = Regime(noise, 1, None if few is None else tokens(few, normalization))
        case, run = next(found for found in cases if found[0].holds(regime))
    if elsewhere and case.diverges_off_target and n_shots:
        return math.inf
    departure = 2 if named else 1 - task
    beyond = beyond_shots(n_shots, normalization, prompt_length(strategy))
    across = departure * (2 - departure)
    return run(
        d, noise, 1, m, few, weight, scale, None, departure, across, n_shots, n_shots + beyond, beyond
    )[0]  # fmt: skip


def _isotropic_risk(question: _Asked, n_shots: Number) -> Any:
    setting = question.setting
    scalars = question.scalars(FLOATS)
    arrays = has_arrays(setting, n_shots, *scalars)
    if arrays:
        require_one_shape(setting, n_shots)
    kind = question.kind(n_shots)
    if arrays and kind is not FLOATS:
        return _one_by_one(question, n_shots)
    numbers, made_for = _numbers(question, n_shots, kind)
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


def _from_terms(question: _Asked, case: Case | None, numbers: Numbers, made_for: Question, kind: Kind) -> Any:
    """The risk by way of its contractions: its limit of many shots, or an expression with each part factored."""
    if _diverges(case, made_for.place) and numbers.n_shots != 0:
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


def _in_blocks(question: _Asked, numbers: Numbers, made_for: Question, shape: tuple[int, ...]) -> Array:
    """Broadcast over arrays, halving the longest axis until the temporaries of a block stay in cache."""
    fields = (*numbers, *question.scalars(FLOATS))
    result: Array = np.empty(shape)

    def fill(out: Array, parts: tuple[Any, ...]) -> None:
        if out.size <= BLOCK:
            out[...] = _array_risk(question, Numbers(*parts[: len(numbers)]), parts[len(numbers) :], made_for)
            return
        axis = int(np.argmax(out.shape)) - out.ndim
        half = out.shape[axis] // 2
        for piece in (slice(0, half), slice(half, None)):
            fill(_cut(out, axis, piece), tuple(_cut(x, axis, piece) for x in parts))

    with np.errstate(all="ignore"):  # infinite pretraining and vanishing noise pass through infinities
        fill(result, fields)
    return result


def _array_risk(question: _Asked, numbers: Numbers, scalars: tuple[Any, ...], made_for: Question) -> Any:
    """One block: each case where it holds, and the limit where n is infinite."""
    n = numbers.n_shots
    endless = n == math.inf
    result: Any = None
    left: Any = True
    for case in question.cases or (None,):
        holds = left if case is None else left & case.holds(_regime(numbers, question.setting.normalization))
        if not anywhere(holds):
            continue
        left = left & ~np.asarray(holds)
        point = None if case is None else case.point
        (value,) = risk_program(point, made_for).run(*numbers, *scalars)
        if anywhere(endless):
            terms = terms_program(point, made_for)(*numbers, *scalars)
            value = np.where(endless, limit_of_many_shots(terms, made_for.normalization), value)
        if _diverges(case, made_for.place):
            value = np.where(n != 0, math.inf, value)
        result = value if result is None else np.where(holds, value, result)
    return result


def _cut(x: Any, axis: int, piece: slice) -> Any:
    """A piece of an argument along an axis counted from the end, which it may lack or have length 1 along."""
    if not isinstance(x, np.ndarray) or x.ndim < -axis or x.shape[axis] == 1:
        return x
    index: tuple[Any, ...] = (..., piece, *(slice(None),) * (-axis - 1))
    return x[index]


def _one_by_one(question: _Asked, n_shots: Number) -> Array:
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


def _scaled_scalars(question: _Asked, numbers: Numbers) -> Any:
    """The six scalars of a strategy's end, with arrays each where its case holds."""
    setting = question.setting
    infinite = numbers.pretrain_shots is None
    normalization = setting.normalization if numbers.normalization is None else numbers.normalization
    world = isotropic_world(numbers, normalization, infinite)
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


# --- lines and matrices of one world ---------------------------------------------------------------------------------


def _general_terms(question: _Asked, kind: Kind) -> Terms:
    """The contractions in a world with more directions than the target's."""
    setting, task = question.setting, question.task
    if question.two_lines:
        return _terms_on_two_lines(question, kind)
    with in_range():
        world = question.world(kind)
        if isinstance(task, np.ndarray):  # the target by name, before rounding can hide that it is
            task = TARGET if np.array_equal(task, target_of(setting)) else kind.array(task)
        case = question.case_in(world) if question.cases else None
        layer = _layer(question.model, world, kind) if case is None else case.point(world).layer(world)
        layer = layer._replace(attends=setting.query == "attends")
        terms = contract(world.space, inputs_of(world, setting, kind), layer, tasks_of(world, task))
        return Terms(terms, _diverges(case, task if isinstance(task, str) else "task"))


def _terms_on_two_lines(question: _Asked, kind: Kind) -> Terms:
    """The contractions of a law that programs cannot be made of."""
    numbers, made_for = _numbers(question, None, kind)
    normalization = numbers.normalization if made_for.normalization == "number" else made_for.normalization
    world = isotropic_world(numbers, normalization, made_for.infinite_pretraining)
    (case,) = question.cases
    return Terms(isotropic_terms(case.point, world, made_for.place, numbers.departure, made_for.attends), False)


def _layer(model: Any, world: Any, kind: Kind) -> Layer:
    """A model's own layer."""
    space = world.space
    if model.isotropic is not None:  # expanded in the common kind: a float's products would be rounded before it
        theta = first_axis(model.d) if model.target is None else np.asarray(model.target)
        return of_scalars(*map(kind.number, model.isotropic))(world._replace(target=kind.array(theta))).layer(world)
    given = [(kind.array(v), kind.array(Q)) for v, Q in model.heads()]
    heads = tuple(Head(v, Q) for v, Q in (independent(given) if kind is FLOATS and len(given) > 1 else given))
    prompt = () if model.prompt is None else tuple(kind.array(model.prompt))
    skip = None if model.skip is None else space.token_vector(kind.array(model.skip)[0], kind.array(model.skip)[1:], 0)
    return Layer(heads, prompt=prompt, skip=skip)


def _general_risk(question: _Asked, n_shots: Number) -> Any:
    setting = question.setting
    require_one_shape(setting, n_shots)
    kind = question.kind(n_shots)
    if kind is not FLOATS and has_arrays(setting, n_shots):
        return _one_by_one(question, n_shots)
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


def _at(n_shots: Number, question: _Asked, kind: Kind) -> Any:
    """The risk at n shots, which may be many or infinite."""
    terms, infinite = _general_terms(question, kind)
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
