"""Every practice of fine-tuning, by what it learns of the target and what unseen tasks are left with."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from numerics import flow, frontier, local_minima, transition
from numerics.best_models import Models
from theory import STRATEGIES, AttentionParameters, Setting, Strategy, compare, risk
from theory.strategies import find_strategy

from .. import style
from ..official import SETTING
from ..table import Table

NAME = "practices"
TITLE = "Which practice of fine-tuning forgets least"
CAPTION = (
    "Risk on the average unseen task at n shots against the zero-shot risk on the target, less the noise, for every practice "
    "that trains without the few-shot loss: n = 20 on the left, n = 100 on the right. Lines: the value matrix alone, stopped "
    "at any time (replay, a pull to the start and interpolation run through the same line); all parameters, stopped at any "
    "time, and with replay of any weight that keeps in-context learning. Thin black lines: the frontier, the least unseen risk "
    "that one head can have at that zero-shot risk, and any number of heads. d = {d}, m = {m}, σ² = {noise}; logarithmic ordinate."
)
THEOREM = (
    "R1, R2, R4 and the laws of the practices; R16 (one line), R18 (replay), R19 (stopped early), R23 (the frontier)."
)
NOTICE = (
    "Left and down is better. The value matrix alone stops at 2/(d+4) and lies above the frontier; all parameters with replay "
    "of the pretraining loss lie on one head's, at the shots n = m that are replayed. Below 2/(d+4) one head climbs a cliff, which "
    "a second head, or a tuned prompt, does not have. Stopped early, all parameters are as good as the value matrix, until they "
    "are not."
)

SHOTS = (20, 100)
TIMES = (0.0, *np.geomspace(0.003, 1000, 23).tolist())
HEADS: tuple[Models, ...] = ("one_head", "any_heads")
BOUNDS = (0.0, 0.03, 0.06, 0.1, 0.13, 0.16, 0.19, 0.21, 0.24, 1.0)

# Colour and marker of a practice, here and in the figure of the prices; those that the library does not name are left out.
LOOKS = {
    "pretrained": ("#000000", "o"),
    "zero_shot": ("#D55E00", "s"),
    "zero_shot_value": ("#0072B2", "^"),
    "frozen_q": ("#56B4E9", "X"),
    "skip": ("#999999", "P"),
    "new_head": ("#CC79A7", "D"),
    "soft_prompt": ("#009E73", "*"),
}
NAMES = tuple(name for name in LOOKS if name in STRATEGIES)


def look(name: str) -> dict[str, Any]:
    """A practice's marker, as keywords of ``plot``."""
    color, marker = LOOKS[name]
    label = find_strategy(name).label
    return {"color": color, "marker": marker, "markersize": style.size(8 if marker == "*" else 5.5), "label": label}


def data(setting: Setting = SETTING) -> Table:
    """Columns part ("practice", "path", "frontier"), name, n_shots, excess, unseen, weight (of replay), time."""
    models: list[tuple[str, str, float, float, Any]]
    models = [("path", "value", np.nan, time, Strategy("value", time=time)) for time in TIMES]
    path = flow("zero_shot", setting, TIMES)
    ends = (AttentionParameters(*x) for x in zip(path.v, path.Q, strict=True))
    models += [("path", "all", np.nan, time, model) for time, model in zip(TIMES, ends, strict=True)]
    weights = np.geomspace(1.01 * transition(setting).lower, 1000, 13)
    kept = [(weight, local_minima(setting, weight)[0].model) for weight in weights]
    models += [("path", "replay", weight, np.nan, model) for weight, model in kept]
    parts = []
    for part, name, weight, time, model in models:
        unseen = risk(model, np.array(SHOTS), setting=setting, task="unseen")
        excess = risk(model, 0, setting=setting) - setting.noise_variance
        row = {"weight": weight, "time": time, "excess": excess, "n_shots": np.array(SHOTS), "unseen": unseen}
        parts.append(Table({"part": part, "name": name, **row}))
    for n in SHOTS:
        for practice in compare(setting, n, NAMES):
            columns = {"n_shots": n, "excess": practice.excess, "unseen": practice.unseen}
            parts.append(Table({"part": "practice", "name": practice.strategy, **columns}))
        for heads in HEADS:
            least = [frontier(setting, n, bound, heads).risk for bound in BOUNDS]
            columns = {"n_shots": n, "excess": np.array(BOUNDS), "unseen": np.array(least)}
            parts.append(Table({"part": "frontier", "name": heads, **columns}))
    return Table.stack(*parts)


def draw(table: Table) -> Figure:
    """Two panels side by side, two columns wide."""
    figure = style.figure(style.DOUBLE, 3.4)
    panels = figure.subplots(1, 2)
    paths: dict[str, tuple[str, Any, str]] = {
        "value": ("#0072B2", (0, (3, 1)), "value, stopped early or held"),
        "all": ("#D55E00", (0, (5, 1.5)), "all, stopped early"),
        "replay": ("#E69F00", "-", "all, with replay"),
    }
    frontiers: dict[str, tuple[Any, str]] = {
        "one_head": ("-", "frontier: one head"),
        "any_heads": ((0, (1, 1)), "frontier: any heads"),
    }
    for k, (axes, n) in enumerate(zip(panels, SHOTS, strict=True)):
        shown = table.where(n_shots=n)
        for name, (line, label) in frontiers.items():
            curve = shown.where(part="frontier", name=name)
            thin = {"color": "black", "linewidth": style.stroke(0.8), "linestyle": line, "label": label}
            axes.plot(curve["excess"], curve["unseen"], **thin)
        for name, (color, line, label) in paths.items():
            curve = shown.where(part="path", name=name)
            axes.plot(curve["excess"], curve["unseen"], color=color, linestyle=line, label=label)
        for name in NAMES:
            point = shown.where(part="practice", name=name)
            axes.plot(point["excess"], point["unseen"], linestyle="", zorder=3, clip_on=False, **look(name))
        axes.set(yscale="log", xlabel=r"zero-shot risk on target $-\ \sigma^2$", xlim=(-0.03, 1.03))
        ticks = (0.3, 0.4, 0.6, 1, 1.4) if k == 0 else (0.2, 0.3, 0.5, 1)
        axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
        style.panel_title(axes, k, f"$n={n}$")
    panels[0].set_ylabel("risk on unseen tasks")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure
