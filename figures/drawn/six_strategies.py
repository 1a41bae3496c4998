"""Six strategies on the target and on its opposite."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from theory import Setting, risk
from theory.names import TaskName
from theory.strategies import PUBLISHED

from .. import style
from ..official import SETTING
from ..table import Table

NAME = "six_strategies"
TITLE = "Six strategies on the target and on its opposite"
CAPTION = (
    "Risk against the number n of shots at every strategy's fixed point, on the target task θ₀ (left) and "
    "on −θ₀ (right); d = {d}, m = {m}, σ² = {noise}, logarithmic vertical axis. Zero-shot fine-tuning of key-query "
    "alone leaves the pretrained model as it is (R3)."
)
THEOREM = "R1-R7, through the one risk formula R0."
NOTICE = (
    "From one shot on, the two mixed strategies that train key-query are best on the target and worst on the opposite task. "
    "mixed_kq recites the target: more shots make it worse there. mixed reads from the context how far to go along the "
    "target, and which way, but nothing across it: on the opposite task it turns round and overshoots, and its risk falls "
    "from 4.1 to 2.2."
)

SHOWN = tuple(name for name in PUBLISHED if name != "zero_shot_kq")
TASKS: tuple[TaskName, ...] = ("target", "opposite")


def data(setting: Setting = SETTING) -> Table:
    """Columns task, strategy, n_shots, risk."""
    n = np.arange(21)
    return Table.stack(
        *(
            Table({"task": task, "strategy": name, "n_shots": n, "risk": risk(name, n, setting=setting, task=task)})
            for task in TASKS
            for name in SHOWN
        )
    )


def draw(table: Table) -> Figure:
    """Two panels side by side, two columns wide."""
    figure = style.figure(style.DOUBLE, 2.9)
    panels = figure.subplots(1, 2, sharey=True)
    titles = (r"on the target $\theta_0$", r"on the opposite $-\theta_0$")
    for k, (axes, (_, curves)) in enumerate(zip(panels, table.groups("task"), strict=True)):
        for name, curve in curves.groups("strategy"):
            axes.plot(curve["n_shots"], curve["risk"], markevery=4, **style.strategy(name, marker=True))
        axes.set(xlabel=style.LABELS["n"], xlim=(0, 20), yscale="log")
        axes.set_xticks(range(0, 21, 5))
        axes.set_yticks([0.1, 0.2, 0.5, 1, 2, 5], ["0.1", "0.2", "0.5", "1", "2", "5"])
        axes.minorticks_off()
        style.panel_title(axes, k, titles[k])
    panels[0].set_ylabel(style.LABELS["risk"])
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=6)
    return figure
