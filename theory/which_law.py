"""Which law a strategy has: a theorem's, a practice's, or the block law's where one block trains."""

from __future__ import annotations

import math

from .block_law import block_cases
from .kinds import anywhere
from .laws import LAWS, MASKED, pretrained
from .points import Case
from .practices import practice_cases
from .setting import Setting
from .several_targets import cases_of_several
from .strategies import KEY_QUERY, SKIP, STRATEGIES, VALUE, Strategy, find_strategy
from .validation import NoClosedForm


def laws_of(strategy: Strategy, setting: Setting) -> tuple[Case, ...]:
    """The cases of a strategy's law: a theorem's, or the block law's where one block trains; NoClosedForm else."""
    cases = _THEOREMS.get(strategy)
    if setting.has_several_targets:
        own = cases_of_several(strategy, setting)
        if own is not None:
            return own
    if setting.query == "masked" and cases is not None:
        if cases is LAWS["mixed"]:
            raise NoClosedForm(
                "query = 'masked' has no closed form for strategy 'mixed': the zero-shot loss is then a constant, and all "
                "parameters on the few-shot loss alone are not solved; allowed: query = 'attends', or a strategy that trains "
                "one block ('mixed_value', 'mixed_kq')"
            )
        return MASKED.get(strategy.name, cases)
    if cases is LAWS["mixed"] and anywhere(setting.few_shot_weight != 0):
        raise NoClosedForm(
            f"few_shot_weight = {setting.few_shot_weight!r} has no closed form for strategy 'mixed': at a finite weight the "
            "zero-shot and few-shot losses balance at the roots of a high-degree system; only the limit 0+ "
            "(few_shot_weight = 0) is solved. For a finite weight integrate the flow: "
            "numerics.flow('mixed', setting, until='converged')"
        )
    if cases is None:
        cases = practice_cases(strategy, setting.query)
    if cases is not None:
        return cases
    entries = strategy.entries()
    if not any(set(entries) <= set(block) for block in (VALUE, KEY_QUERY, SKIP)):
        names = ", ".join(repr(name) for name, named in STRATEGIES.items() if named.trains == "all")
        flows = strategy.trains == "all" and strategy.pull == 0
        until = "until='converged'" if strategy.time is math.inf else f"t=[{strategy.time!r}]"
        raise NoClosedForm(
            f"{strategy!r} has no closed form: it trains entries of v and of Q, so that its loss is no quadratic, and the "
            f"theorems for both are those of {names}"
            + (f". Integrate the flow: numerics.flow(strategy, setting, {until})" if flows else "")
        )
    return block_cases(strategy)


def stays_pretrained(strategy: Strategy, setting: Setting) -> bool:
    """Whether a strategy's law is the pretrained model's: nothing that trains can move."""
    try:
        return all(case.point is pretrained for case in laws_of(strategy, setting))
    except NoClosedForm:
        return False


_THEOREMS: dict[Strategy, tuple[Case, ...]] = {find_strategy(name): cases for name, cases in LAWS.items()}
