"""The seven strategies as data: what trains, on which objective, and what people call them."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Literal

from .validation import describe

TrainedBlock = Literal["all", "value", "key_query"]
Objective = Literal["pretraining", "zero_shot", "mixed"]


@dataclass(frozen=True, slots=True)
class Strategy:
    """A training strategy: which block of the attention trains, and on which loss.

    Attributes
    ----------
    name : str
        The canonical name, as :func:`theory.risk` takes it.
    aliases : tuple of str
        Other accepted spellings.
    trained : {"all", "value", "key_query"}
        The block that gradient flow moves: v and Q, v alone, or Q alone.
    objective : {"pretraining", "zero_shot", "mixed"}
        L_PT, L_ZS, or L_ZS + lambda L_FS.
    label : str
        A short label for plots.
    theorem : str
        Where the fixed point is proved, as :func:`theory.prove` takes it.

    Examples
    --------
    >>> find_strategy("zs_v").name
    'zero_shot_value'
    >>> find_strategy("zs_v").trained
    'value'
    """

    name: str
    aliases: tuple[str, ...]
    trained: TrainedBlock
    objective: Objective
    label: str
    theorem: str

    @property
    def few_shot(self) -> bool:
        """Whether the few-shot loss is part of its objective."""
        return self.objective == "mixed"


STRATEGIES: dict[str, Strategy] = {
    strategy.name: strategy
    for strategy in (
        Strategy("pretrained", (), "all", "pretraining", "pretrained", "R1"),
        Strategy("zero_shot", ("zs",), "all", "zero_shot", "zero-shot, all", "R2.selection"),
        Strategy("zero_shot_value", ("zs_v",), "value", "zero_shot", "zero-shot, value", "R4"),
        Strategy("zero_shot_kq", ("zs_kq",), "key_query", "zero_shot", "zero-shot, key-query", "R3"),
        Strategy("mixed", ("zs_fs", "both"), "all", "mixed", "mixed, all", "R7"),
        Strategy("mixed_value", ("zs_fs_v", "both_v"), "value", "mixed", "mixed, value", "R5"),
        Strategy("mixed_kq", ("zs_fs_kq", "both_kq"), "key_query", "mixed", "mixed, key-query", "R6"),
    )
}

_BY_ANY_NAME = {
    spelling: strategy for strategy in STRATEGIES.values() for spelling in (strategy.name, *strategy.aliases)
}


def find_strategy(name: str | Strategy) -> Strategy:
    """The strategy of a name or an alias; an unknown name is a ValueError that lists the valid ones."""
    if type(name) is str:
        strategy = _BY_ANY_NAME.get(name)
        if strategy is not None:
            return strategy
        near = difflib.get_close_matches(name, _BY_ANY_NAME, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise ValueError(f"strategy = {describe(name)} is unknown{hint}; allowed: {', '.join(_BY_ANY_NAME)}")
    if isinstance(name, Strategy):
        return name
    raise TypeError(
        f"strategy = {describe(name)} ({type(name).__name__}) must be a strategy's name or a Strategy or, where a risk is "
        f"asked for, AttentionParameters(v, Q); names: {', '.join(_BY_ANY_NAME)}"
    )
