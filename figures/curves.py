"""theory.plot: risk curves on a user's own axes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from theory import STRATEGIES, AttentionParameters, NoClosedForm, Setting, risk
from theory.comparison import Model, labelled
from theory.strategies import find_strategy
from theory.validation import describe, reject

from . import style


def plot_curves(
    setting: Setting, strategies: Iterable[Model] | Mapping[str, Model], task: Any, n_shots: Any, ax: Axes | None
) -> Axes:
    """Draw a line a strategy; see :func:`theory.plot`."""
    if not isinstance(setting, Setting):
        raise reject("setting", setting, "a theory.Setting", TypeError)
    if ax is not None and not isinstance(ax, Axes):
        raise reject("ax", ax, "Matplotlib Axes", TypeError)
    curves = []
    for label, model in labelled(strategies).items():
        look: dict[str, Any] = {"label": label}
        if not isinstance(model, AttentionParameters):
            model = find_strategy(model)
            if model in STRATEGIES.values():
                look = style.strategy(model.name)
            if isinstance(strategies, Mapping):
                look["label"] = label
        try:
            curves.append((look, np.asarray(risk(model, n_shots, setting=setting, task=task), dtype=float)))
        except NoClosedForm as error:
            raise NoClosedForm(f"strategies: {label!r} cannot be drawn: {error}") from None
    if ax is None:
        from matplotlib import pyplot

        _, ax = pyplot.subplots()
    lines: list[Line2D] = []
    for look, values in curves:
        lines += ax.plot(np.asarray(n_shots), values, **look)
    style.readable(lines)
    where = (
        task
        if isinstance(task, str)
        else f"a task at cosine {task}"
        if np.ndim(task) == 0
        else f"task {describe(task)}"
    )
    ax.set(xlabel=style.LABELS["n"], ylabel=f"risk on {where}{' tasks' if where == 'unseen' else ''}")
    ax.legend()
    return ax
