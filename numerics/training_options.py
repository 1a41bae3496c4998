"""The numbers of a training run: checked, and as a record that says which run it was."""

from __future__ import annotations

import math
import numbers
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from theory import AttentionParameters, Setting, Strategy
from theory.strategies import NEW_HEAD, PROMPT, SETTING
from theory.validation import reject


@dataclass(frozen=True)
class TrainingOptions:
    """What :func:`numerics.train` takes beside the setting; see there."""

    learning_rate: float
    momentum: float
    clip_norm: float | None
    iterations: int
    batch_size: int
    init_scale: float
    few_shot_weight: tuple[float, float]
    fine_tune_set_size: int | None

    def __post_init__(self) -> None:
        number("learning_rate", self.learning_rate, positive=True)
        number("momentum", self.momentum, below=1.0)
        if self.clip_norm is not None:
            number("clip_norm", self.clip_norm, positive=True)
        number("init_scale", self.init_scale, positive=True)
        if not isinstance(self.few_shot_weight, tuple) or len(self.few_shot_weight) != 2:
            raise reject("few_shot_weight", self.few_shot_weight, "a number >= 0, or a pair of them", TypeError)
        for weight in self.few_shot_weight:
            number("few_shot_weight", weight)
        whole("iterations", self.iterations)
        whole("batch_size", self.batch_size)
        if self.fine_tune_set_size is not None:
            whole("fine_tune_set_size", self.fine_tune_set_size)


def run_record(
    strategy: Strategy,
    setting: Setting,
    options: TrainingOptions,
    start: AttentionParameters | None,
    seed: list[int],
    frozen: frozenset[int] = frozenset(),
) -> dict[str, Any]:
    """All that determines a run and nothing that it does not read, ready for JSON."""
    record = {"strategy": strategy.name, "seed": seed, **asdict(options)}
    names = ["d", "covariance", "noise_variance", "normalization"]
    unread = []
    if start is None:
        unread = ["few_shot_weight", "fine_tune_set_size"]
    else:
        names += ["target"] + ["target_weights"] * (setting.target_weights is not None)
        if strategy.trains not in (NEW_HEAD, PROMPT):
            unread += ["init_scale"]
        if strategy.few_shot == SETTING:
            record["few_shot_weight"] = list(options.few_shot_weight)
        else:
            unread += ["few_shot_weight"]
        if strategy.few_shot != 0:
            record["few_shot_shots"] = setting.auxiliary_shots()
    if strategy.replay != 0:
        names += ["task_covariance", "pretrain_shots"]
    for name in unread:
        del record[name]
    if setting.query != "attends":
        names += ["query"]
    for name in names:
        value = getattr(setting, name)
        record[name] = value.tolist() if isinstance(value, np.ndarray) else value
    if start is not None:
        named = {"v": start.v, "Q": start.Q, "prompt": start.prompt, "skip": start.skip}
        record["start"] = {name: np.asarray(x, dtype=float).tolist() for name, x in named.items() if x is not None}
    if frozen:
        record["freeze"] = sorted(frozen)
    return record


def number(argument: str, value: Any, *, positive: bool = False, below: float = math.inf) -> float:
    """A float from 0, or above it, to below a bound."""
    allowed = f"a number {'>' if positive else '>='} 0" + (f" and < {below}" if below < math.inf else "")
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise reject(argument, value, allowed, TypeError)
    result = float(value)
    if not 0.0 <= result < below or (positive and result == 0.0):
        raise reject(argument, value, allowed)
    return result


def whole(argument: str, value: Any) -> int:
    """An int, at least 1."""
    allowed = "a whole number >= 1"
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise reject(argument, value, allowed, TypeError)
    if value < 1:
        raise reject(argument, value, allowed)
    return int(value)
