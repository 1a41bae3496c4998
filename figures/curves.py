"""theory.plot: risk curves on a user's own axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from theory import STRATEGIES, NoClosedForm, Setting, Strategy, risk
from theory.strategies import find_strategy
from theory.validation import describe, reject

from . import style


def plot_curves(
    setting: Setting, strategies: Sequence[str | Strategy], task: Any, n_shots: Any, ax: Axes | None
) -> Axes:
    """Draw a line a strategy; see :func:`theory.plot`."""
    if not isinstance(setting, Setting):
        raise reject("setting", setting, "a theory.Setting", TypeError)
    if isinstance(strategies, str | Strategy):
        strategies = (strategies,)
    if ax is not None and not isinstance(ax, Axes):
        raise reject("ax", ax, "Matplotlib Axes", TypeError)
    curves = []
    for strategy in map(find_strategy, strategies):
        try:
            curves.append((strategy, np.asarray(risk(strategy, n_shots, setting=setting, task=task), dtype=float)))
        except NoClosedForm as error:
            raise NoClosedForm(f"strategies: {strategy.name!r} cannot be drawn: {error}") from None
    if ax is None:
        from matplotlib import pyplot

        _, ax = pyplot.subplots()
    lines: list[Line2D] = []
    for strategy, values in curves:
        look = style.strategy(strategy.name) if strategy in STRATEGIES.values() else {"label": strategy.label}
        lines += ax.plot(np.asarray(n_shots), values, **look)
    style.readable(lines)
    where = (
        task
        if isinstance(task, str)
        else f"a task at cosine {task}"
        if np.ndim(task) == 0
        else f"task {describe(task)}"
    )
    ax.set(xlabel=style.LABELS["n"], ylabel=f"risk on {where}")
    ax.legend()
    return ax
