"""The question that an evaluation answers: a strategy's cases, or a model, in a setting, on a task."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from . import validation
from .contractions import RiskTerms
from .kinds import FRACTIONS, SYMBOLS, Array, Kind, Number, common_kind
from .parameters import AttentionParameters, require_dimension
from .points import Case, Regime
from .programs import Numbers
from .prompt import tokens
from .setting import Setting
from .strategies import PROMPT, Strategy
from .tasks import OPPOSITE, TARGET
from .which_law import laws_of
from .worlds import values_of, world_of


def prompt_length(model: Strategy | AttentionParameters) -> int:
    """k, the tokens of a model's fixed prompt, or of the prompt that a strategy tunes."""
    if isinstance(model, Strategy):
        return int(model.trains == PROMPT)
    return 0 if model.prompt is None else len(model.prompt)


class Terms(NamedTuple):
    """The contractions, and whether the risk is infinite at n >= 1 (they then serve n = 0 alone)."""

    terms: RiskTerms
    infinite: bool


class Asked(NamedTuple):
    """A strategy's cases, or a model, in a setting, on a task."""

    cases: tuple[Case, ...]  # of a strategy
    strategy: Strategy | None
    model: AttentionParameters | None
    setting: Setting
    task: Any
    two_lines: bool

    def values(self, n_shots: Number = None) -> list[Any]:
        """Every number and array that enters."""
        others: tuple[Any, ...] = () if self.strategy is None else self.strategy.numbers()
        if self.model is not None:
            others = self.model.isotropic or (*self.model.entries(), self.model.prompt, self.model.skip)
        return [*values_of(self.setting, n_shots, self.task), *others]

    def kind(self, n_shots: Number) -> Kind:
        """The kind of number of everything that enters."""
        kind = common_kind(self.values(n_shots))
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
        return next(case for case in self.cases if case.holds(regime_of(numbers, self.setting.normalization)))

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


def asked(model: Strategy | AttentionParameters, setting: Setting, task: Any) -> Asked:
    if isinstance(model, AttentionParameters):
        require_dimension(model, setting.d)
        two_lines = model.isotropic is not None and setting.is_isotropic and _same_target(model.target, setting.target)
        return Asked((), None, model, setting, task if two_lines else _of_one_direction(task), two_lines)
    return Asked(laws_of(model, setting), model, None, setting, task, setting.is_isotropic)


def _of_one_direction(task: Any) -> Any:
    """The task itself; a cosine leaves its direction open, but that of the target, or of its opposite."""
    if isinstance(task, str | np.ndarray):
        return task
    if task in (-1, 1):
        return TARGET if task == 1 else OPPOSITE
    raise validation.reject(
        "task", task, "'target', 'opposite', 'unseen' or a vector beside a model that has directions of its own"
    )


def _same_target(a: Array | None, b: Array | None) -> bool:
    return a is b or (a is not None and b is not None and np.array_equal(a, b))


def diverges(case: Case | None, place: str) -> bool:
    """Whether the risk has no bound at n >= 1."""
    return case is not None and case.diverges_off_target and place != TARGET


def regime_of(numbers: Numbers, normalization: Any) -> Regime:
    few = numbers.few_shot_shots
    few_tokens = None if few is None else tokens(few, normalization)
    return Regime(numbers.noise_variance, numbers.target_norm2, few_tokens, tokens(0, normalization))
