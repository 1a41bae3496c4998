"""Target against unseen risk as the weight of the auxiliary loss runs."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from numerics.trajectory import flow
from theory import AttentionParameters, Setting, fixed_point, risk
from theory.names import CanonicalName

from .. import style
from ..official import SETTING
from ..table import Table

NAME = "pareto"
TITLE = "What the weight of the auxiliary loss buys on the target, it costs on unseen tasks: sometimes"
CAPTION = (
    "Risk on the average unseen task against risk on the target as the weight λ of the auxiliary loss runs "
    "from 0⁺ (circle) to 1000 (arrow head), for n = 5, 20 and 80 shots. Left: training of the value matrix "
    "alone, in closed form. Right: of all parameters, the end of gradient flow from the pretrained model at "
    "each λ. Stars: the pretrained model; crosses: fine-tuning without the auxiliary loss. d = {d}, m = {m}, "
    "σ² = {noise}; logarithmic axes."
)
THEOREM = "R5 and R8 (value), R7 at λ → 0⁺ and R10's flow at finite λ (all)."
NOTICE = (
    "An arbitrarily small weight makes a finite step from the cross to the circle. Value alone: at n = 20 a "
    "larger weight trades unseen tasks for the target, at n = 80 it hurts both, at n = 5 first the one and "
    "then the other. All parameters: up to a weight of about 17 a larger one helps both, so that the "
    "annealed limit λ → 0⁺ is the worst place to stop."
)

SHOTS = (5, 20, 80)
VALUE_WEIGHTS = (0.0, *np.geomspace(1, 1000, 61).tolist())
ALL_WEIGHTS = (0.0, *np.geomspace(1, 1000, 13).tolist())

TICKS = ((0.2, 0.3, 0.5, 0.7), (0.1, 0.2, 0.5, 1, 2))


def data(setting: Setting = SETTING) -> Table:
    """Columns trained ("value", "all"), model, weight (lambda), n_shots, target, unseen."""
    models: list[tuple[str, str, float, AttentionParameters]] = []
    ends: tuple[tuple[str, CanonicalName], ...] = (("value", "zero_shot_value"), ("all", "zero_shot"))
    for trained, name in ends:
        models.append((trained, "pretrained", math.nan, fixed_point("pretrained", setting=setting)))
        models.append((trained, "zero_shot", math.nan, fixed_point(name, setting=setting)))
    for weight in VALUE_WEIGHTS:
        model = fixed_point("mixed_value", setting=setting.replace(few_shot_weight=weight))
        models.append(("value", "mixed", weight, model))
    for weight in ALL_WEIGHTS:
        model = (
            flow("mixed", setting.replace(few_shot_weight=weight), until="converged").end
            if weight
            else fixed_point("mixed", setting=setting)
        )
        models.append(("all", "mixed", weight, model))
    n = np.array(SHOTS)
    parts = []
    for trained, kind, weight, model in models:
        risks = {task: risk(model, n, setting=setting, task=task) for task in ("target", "unseen")}
        parts.append(Table({"trained": trained, "model": kind, "weight": weight, "n_shots": n, **risks}))
    return Table.stack(*parts)


def draw(table: Table) -> Figure:
    """Two panels side by side, two columns wide."""
    figure = style.figure(style.DOUBLE, 3.1)
    panels = figure.subplots(1, 2)
    for k, (axes, (_, part)) in enumerate(zip(panels, table.groups("trained"), strict=True)):
        for (n, points), look in zip(part.groups("n_shots"), style.sequence(len(SHOTS)), strict=True):
            curve = points.where(model="mixed")
            x, y = curve["target"], curve["unseen"]
            axes.plot(x, y, color=look["color"], linestyle=look["linestyle"], label=f"$n={n}$")
            axes.plot(x[:1], y[:1], "o", color=look["color"], markersize=style.size(5))
            axes.annotate(
                "", (x[-1], y[-1]), xytext=(x[-2], y[-2]),
                arrowprops={"arrowstyle": "-|>", "color": look["color"], "linewidth": 0, "shrinkA": 0, "shrinkB": 0},
            )  # fmt: skip
            for model, marker in (("pretrained", "*"), ("zero_shot", "x")):
                point = points.where(model=model)
                axes.plot(point["target"], point["unseen"], marker, color=look["color"], markersize=style.size(6))
        axes.set(xlabel="risk on target", xscale="log", yscale="log")
        axes.set_xticks(TICKS[k], [f"{tick:g}" for tick in TICKS[k]])
        axes.set_yticks([0.2, 0.5, 1, 2, 4], ["0.2", "0.5", "1", "2", "4"])
        axes.minorticks_off()
        style.panel_title(axes, k, ("value alone", "all parameters")[k])
    panels[0].set_ylabel("risk on unseen tasks")
    symbols = (("o", r"$\lambda\to0^+$"), ("x", r"$\lambda=0$: no auxiliary loss"), ("*", "pretrained"))
    handles = [Line2D([], [], color="black", linestyle="", marker=marker, label=label) for marker, label in symbols]
    figure.legend(handles=[*panels[0].get_lines()[::4], *handles], loc="outside lower center", ncols=6)
    return figure
