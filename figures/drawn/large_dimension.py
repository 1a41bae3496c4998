"""Large dimension: risk curves collapse when shots are counted in units of d."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from theory import STRATEGIES, Setting, risk
from theory.names import CanonicalName, TaskName

from .. import style
from ..official import SETTING
from ..table import Table

NAME = "large_dimension"
TITLE = "Large dimension: risk depends on the shots only through n/d"
CAPTION = (
    "Risk against n/d with m = 4 d shots in training, σ² = {noise}, for d = 5, 20, 100 and in the limit "
    "(computed at d = 10⁹): the pretrained model and zero_shot_value on unseen tasks, mixed_kq on the "
    "target. Last panel: the largest distance of each curve from its limit, for n/d in [1/5, 4], against d; "
    "dotted: slope −1."
)
THEOREM = "R9: the limit d → ∞ at fixed n/d and m/d."
NOTICE = (
    "Curves approach their limit as 1/d. In the limit value-only fine-tuning is free: its zero-shot risk on "
    "the target, σ² + 2 s/(d+4), tends to the noise, and its price on unseen tasks vanishes at any fixed "
    "n/d > 0. Recitation (mixed_kq) then needs no context: its limit is the noise at every n/d."
)

RATIO = 4  # m/d
DIMENSIONS, LIMIT = (5, 20, 100), 10**9
SHOWN: tuple[tuple[CanonicalName, TaskName], ...] = (
    ("pretrained", "unseen"),
    ("zero_shot_value", "unseen"),
    ("mixed_kq", "target"),
)
FIFTHS = np.arange(1, 21)  # n/d in fifths: whole shots at every d that 5 divides
DISTANCE_DIMENSIONS = 5 * 2 ** np.arange(11)


def _setting(d: int, setting: Setting) -> Setting:
    return setting.replace(d=d, pretrain_shots=RATIO * d)


def _curve(name: CanonicalName, task: TaskName, d: int, setting: Setting) -> np.ndarray:
    return np.asarray(risk(name, FIFTHS * (d // 5), setting=_setting(d, setting), task=task))


def data(setting: Setting = SETTING) -> Table:
    """Rows of part "curve" (strategy, task, d, shots_per_dimension, risk) and "distance" (strategy, d, distance)."""
    parts = []
    for name, task in SHOWN:
        limit = _curve(name, task, LIMIT, setting)
        for d in (*DIMENSIONS, LIMIT):
            curve = {"strategy": name, "task": task, "d": d, "shots_per_dimension": FIFTHS / 5}
            parts.append(Table({"part": "curve", **curve, "risk": _curve(name, task, d, setting)}))
        distances = [float(np.abs(_curve(name, task, d, setting) - limit).max()) for d in DISTANCE_DIMENSIONS.tolist()]
        parts.append(Table({"part": "distance", "strategy": name, "d": DISTANCE_DIMENSIONS, "distance": distances}))
    return Table.stack(*parts)


def draw(table: Table) -> Figure:
    """Four panels, two columns wide."""
    figure = style.figure(style.DOUBLE, 2.6)
    *panels, last = figure.subplots(1, 4)
    looks = [*style.sequence(len(DIMENSIONS)), {"color": "black", "linestyle": "-", "linewidth": style.stroke(0.9)}]
    curves = table.where(part="curve")
    for k, (axes, (name, task)) in enumerate(zip(panels, SHOWN, strict=True)):
        for (d, curve), look in zip(curves.where(strategy=name).groups("d"), looks, strict=True):
            label = r"$d\to\infty$" if d == LIMIT else f"$d={d:g}$"
            axes.plot(curve["shots_per_dimension"], curve["risk"], markevery=4, label=label, **look)
        axes.set(xlabel="$n/d$", xlim=(0, RATIO), ylim=(0, None))
        style.panel_title(axes, k, f"{STRATEGIES[name].label}\non {task}")
    panels[0].set_ylabel(style.LABELS["risk"])
    for name, part in table.where(part="distance").groups("strategy"):
        last.plot(part["d"], part["distance"], markevery=2, **style.strategy(name, marker=True))
    ends = DISTANCE_DIMENSIONS[[0, -1]]
    last.plot(ends, 3 / ends, color="0.35", linestyle=(0, (1, 2)))
    last.set(xscale="log", yscale="log", xlabel=style.LABELS["d"])
    style.panel_title(last, len(panels), "distance from\nthe limit")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower left", ncols=4)
    figure.legend(*last.get_legend_handles_labels(), loc="outside lower right", ncols=3)
    return figure
