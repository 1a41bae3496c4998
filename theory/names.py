"""The words and kinds of number that public functions take, as types: a type checker sees a misspelt one.

For annotations of your own: ``names: list[theory.StrategyName] = ["pretrained", "zs_v"]``.
"""

from __future__ import annotations

from typing import Any, Literal, Protocol

import numpy as np

CanonicalName = Literal[
    "pretrained", "zero_shot", "zero_shot_value", "zero_shot_kq", "mixed", "mixed_value", "mixed_kq",
    "soft_prompt", "skip", "frozen_q", "new_head",
]  # fmt: skip
Alias = Literal[
    "zs", "zs_v", "zs_kq", "zs_fs", "both", "zs_fs_v", "both_v", "zs_fs_kq", "both_kq",
    "prompt", "linear_readout", "all_but_q", "adapter",
]  # fmt: skip
StrategyName = Literal[CanonicalName, Alias]
TaskName = Literal["target", "opposite", "unseen"]
Normalization = Literal["tokens", "shots"]
Query = Literal["attends", "masked"]


class Numeric(Protocol):
    """What can be calculated with: a float, int, Fraction, Symbol, flint number or array. A text cannot, nor can a list."""

    def __sub__(self, other: Any, /) -> Any: ...
    def __truediv__(self, other: Any, /) -> Any: ...


Vector = list[Any] | tuple[Any, ...] | np.ndarray[Any, Any]
Numbers = Numeric | Vector | range
Task = TaskName | Numeric | Vector
