"""All parameters beside replay: the transition between keeping in-context learning and losing it, and its hysteresis."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from numerics import local_minima, transition
from theory import risk

from .. import style
from ..official import SETTING
from ..table import Table

NAME = "replay_transition"
TITLE = "Too weak a replay is much harder to undo than to avoid"
CAPTION = (
    "Local minima of the zero-shot loss plus μ times the pretraining loss, all parameters trained, against μ: the zero-shot "
    "risk on the target less the noise (left) and the risk on the average unseen task at n = 20 (right). Vertical lines: where "
    "the one that keeps in-context learning ends (μ₋), where both losses are equal, and where the one that memorises the target "
    "ends (μ₊). Horizontal lines on the right: the pretrained model, below, and no in-context learning at all, above. "
    "d = 5, m = 20, σ² = 0.1; logarithmic abscissa."
)
THEOREM = "R18; each point is certified by the gradient and the Hessian in all entries of (v, Q)."
NOTICE = (
    "From the pretrained model gradient flow stays on the upper branch of the left panel down to μ₋ and then falls. Once it has "
    "fallen, raising μ helps nothing until μ₊, some thirty times larger: a first-order transition with hysteresis."
)

SHOTS = 20


def data() -> Table:
    """Columns branch ("kept", "lost"), weight, excess, unseen, and lower, equal, upper."""
    lower, equal, upper = transition(SETTING)
    edges = {"lower": lower, "equal": equal, "upper": upper}
    weights = np.geomspace(0.02, 60, 25)
    near = [*(lower * (1 + x) for x in (0.002, 0.01, 0.04, 0.1)), *(upper * (1 - x) for x in (0.002, 0.01, 0.04))]
    rows = []
    for weight in sorted([*weights, *near]):
        found = local_minima(SETTING, weight)
        names = ("kept", "lost") if len(found) == 2 else ("kept",) if weight > equal else ("lost",)
        for name, one in zip(names, found, strict=True):
            excess = risk(one.model, 0, setting=SETTING) - SETTING.noise_variance
            unseen = risk(one.model, SHOTS, setting=SETTING, task="unseen")
            rows.append(Table({"branch": name, "weight": weight, "excess": excess, "unseen": unseen, **edges}))
    return Table.stack(*rows)


def draw(table: Table) -> Figure:
    """Two panels side by side, two columns wide."""
    figure = style.figure(style.DOUBLE, 2.8)
    panels = figure.subplots(1, 2)
    looks = {
        "kept": ("#0072B2", "-", "keeps in-context learning"),
        "lost": ("#D55E00", (0, (5, 1.5)), "memorises the target"),
    }
    nothing = risk("mixed_kq", 0, setting=SETTING, task="unseen")  # it answers 0 without shots, on every task
    before = risk("pretrained", SHOTS, setting=SETTING, task="unseen")
    for k, (axes, column) in enumerate(zip(panels, ("excess", "unseen"), strict=True)):
        for name, (color, line, label) in looks.items():
            curve = table.where(branch=name)
            axes.plot(curve["weight"], curve[column], color=color, linestyle=line, label=label)
        for edge, line in (("lower", (0, (4, 2))), ("equal", "-"), ("upper", (0, (1, 1)))):
            label = {"lower": r"$\mu_{-}$", "equal": "equal losses", "upper": r"$\mu_{+}$"}[edge]
            axes.axvline(table[edge][0], color="0.35", linewidth=style.stroke(0.8), linestyle=line, label=label)
        axes.set(xscale="log", xlabel=r"weight of replay $\mu$", xlim=(0.02, 60))
        style.panel_title(axes, k, ("learnt of the target", "left for unseen tasks")[k])
    panels[0].set_ylabel(r"zero-shot risk $-\ \sigma^2$")
    panels[1].set_ylabel(rf"unseen risk, $n={SHOTS}$")
    for height in (before, nothing):
        panels[1].axhline(height, **style.rule())
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5)
    return figure
