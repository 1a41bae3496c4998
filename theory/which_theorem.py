"""Which theorem states where a strategy's training ends, where inputs are isotropic and tasks uniform on the unit sphere."""

from __future__ import annotations

import math

from .quadratic_law import is_zero
from .setting import Setting
from .strategies import KEY_QUERY, VALUE, Strategy

_MASKED = {
    "pretrained": "R12.one_head",
    **dict.fromkeys(("zero_shot", "zero_shot_value", "zero_shot_kq", "mixed_value", "mixed_kq"), "R3.masked"),
    **dict.fromkeys(("frozen_q", "new_head"), "R3.masked"),  # whose loss is a constant too
    "soft_prompt": "R13p",  # the query's own token adds nothing to the frozen layer
    "skip": "R13s",
}


def theorem_of(strategy: Strategy, setting: Setting) -> str:
    """The theorem whose statement covers it; empty where none does, and the law of a quadratic loss gives it.

    Examples
    --------
    >>> setting = Setting(5, pretrain_shots=20)
    >>> [theorem_of(x, setting) for x in (Strategy("value", replay=3), Strategy("value", replay=3, pull=1))]
    ['R16', '']
    """
    if setting.query == "masked":
        return _MASKED.get(strategy.name, "")
    if strategy.theorem:
        return strategy.theorem
    if strategy.zero_shot != 1:
        return ""
    entries = set(strategy.entries())
    beside = [name for name in ("few_shot", "replay", "pull") if not is_zero(getattr(strategy, name))]
    beside += [] if strategy.time is math.inf else ["time"]
    if entries and entries <= set(KEY_QUERY):
        if set(beside) <= {"pull", "time"}:
            return "R3"  # the loss has no slope in any of Q
        return "R6" if strategy.trains == "key_query" and beside == ["few_shot"] and setting.noise_variance > 0 else ""
    if "v_x" not in entries or not entries <= set(VALUE):
        return ""
    if not beside:
        return "R4"  # w and v_0 have no slope, trained or not
    if setting.normalization not in ("tokens", "shots"):
        return ""
    if beside == ["few_shot"]:
        return "R5" if "w" in entries else ""
    in_tokens = setting.normalization == "tokens" and setting.pretrain_shots != math.inf
    return "R16" if beside in (["pull"], ["time"]) or (beside == ["replay"] and in_tokens) else ""
