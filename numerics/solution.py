"""Where a practice of fine-tuning ends: its law where there is one, else the end of its flow."""

from __future__ import annotations

import math

from theory import NoClosedForm, fixed_point
from theory.names import StrategyName
from theory.parameters import AttentionParameters
from theory.setting import Setting
from theory.strategies import KEY_QUERY, VALUE, Strategy, find_strategy

from .new_head import new_head_minima
from .objectives import plain_number
from .trajectory import flow


def solve(strategy: StrategyName | Strategy, setting: Setting) -> AttentionParameters:
    """The model that a strategy ends at, or stands at where its time is finite.

    The law where one is known (:func:`theory.fixed_point`, exact numbers and Symbols included), else gradient flow from
    the pretrained model in floats (:func:`numerics.flow`): of all parameters or any entries of v and Q, on any weights of
    the losses, with a pull to the start, to the limit or for a finite time; and of a new head on the zero-shot loss and the
    few-shot loss with the weight 0+ (:func:`numerics.new_head_minima`).

    Parameters
    ----------
    strategy : str or Strategy
    setting : Setting

    Returns
    -------
    AttentionParameters

    Raises
    ------
    ValueError, TypeError
        Naming the argument, its value and what is allowed.
    NoClosedForm
        No law is known, and what trains is neither of v nor of Q, nor such a head, so that there is no flow here either.
    NoConvergence
        The flow has no limit; for example of v_x and q = Q_00 alone, whose loss has an infimum and no minimum.

    References
    ----------
    R1-R7, R10, R14, R16, R18, R20, R22; new here.

    Examples
    --------
    Replay of the pretraining loss, all parameters trained, has no law; its flow has an end:

    >>> import theory
    >>> model = solve(theory.Strategy("all", replay=3), theory.OFFICIAL)
    >>> round(theory.risk(model, 20, setting=theory.OFFICIAL, task="unseen"), 8)
    0.35202583
    >>> solve("zero_shot", theory.OFFICIAL) == theory.fixed_point("zero_shot", setting=theory.OFFICIAL)
    True
    """
    found = find_strategy(strategy)
    try:
        return fixed_point(found, setting=setting)
    except NoClosedForm:
        if found == Strategy("new_head", few_shot="setting") and setting.few_shot_weight == 0:
            return new_head_minima(setting)[0].model
        if not found.entries() or not {*found.entries()} <= {*VALUE, *KEY_QUERY}:
            raise
    if found.time is math.inf:
        return flow(found, setting, until="converged").end
    return flow(found, setting, [plain_number("time", found.time)]).end
