"""Pretrained risk against the number of shots, for several dimensions."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from theory import conditions, risk

from .. import style
from ..table import Table

NAME = "pretrained_by_dimension"
TITLE = "The pretrained model needs about d shots to beat its own zero-shot error"
CAPTION = (
    "Risk of the pretrained model against the number n of shots for d = 6, 11, 16, 21; pretrained at m = "
    "1000 shots, no label noise, unit-norm tasks. Stars: the real n at which the risk crosses the zero-shot "
    "risk s; dotted lines: the published threshold n = d − 1."
)
THEOREM = "R1: n shots beat none exactly when n + 1 > a d (1 + σ²/s) / (2 − a)."
NOTICE = (
    "Few shots are worse than none. At m = 1000 the crossing lies a little below n = d − 1; it is there "
    "exactly, as a tie, when m is infinite."
)

DIMENSIONS, PRETRAIN_SHOTS = (6, 11, 16, 21), 1000


def data() -> Table:
    """Columns d, n_shots, risk, and the threshold of each d."""
    n = np.arange(41)
    parts = []
    for d in DIMENSIONS:
        few_shot = conditions("pretrained", d, noise_variance=0.0, pretrain_shots=PRETRAIN_SHOTS, task="unseen")[0]
        (threshold,) = few_shot.roots
        values = risk("pretrained", n, d, pretrain_shots=PRETRAIN_SHOTS, task="unseen")
        parts.append(Table({"d": d, "n_shots": n, "risk": values, "threshold": threshold}))
    return Table.stack(*parts)


def draw(table: Table) -> Figure:
    """One panel, one column wide."""
    figure = style.figure(style.SINGLE, 2.5)
    axes = figure.subplots()
    looks = style.sequence(len(DIMENSIONS))
    for (d, curve), look in zip(table.groups("d"), looks, strict=True):
        axes.plot(curve["n_shots"], curve["risk"], markevery=5, label=f"$d={d}$", **look)
        axes.axvline(d - 1, color=look["color"], linewidth=style.stroke(0.8), linestyle=(0, (1, 2)), zorder=1)
        axes.plot(
            curve["threshold"][:1], [1.0], "*", color=look["color"], markersize=style.size(8), markeredgecolor="white",
            markeredgewidth=style.stroke(0.5), zorder=4,
        )  # fmt: skip
    style.reference(axes, 1.0, "zero-shot risk $s$")
    axes.set(xlabel=style.LABELS["n"], ylabel=style.LABELS["risk"], xlim=(0, 40), ylim=(0, None))
    axes.legend(loc="upper right")
    return figure
