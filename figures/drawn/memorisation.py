"""Risk against the cosine between the evaluation task and the target."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from theory import Setting, risk

from .. import style
from ..official import SETTING
from ..table import Table
from .six_strategies import SHOWN

NAME = "memorisation"
TITLE = "Memorisation: risk against the cosine between task and target"
CAPTION = (
    "Risk on a unit-norm task against its cosine to the target θ₀, at n = 2 shots (left) and n = 20 "
    "(right), for six strategies. d = {d}, m = {m}, σ² = {noise}; logarithmic vertical axis."
)
THEOREM = "R0 on any task, at the fixed points R1-R7."
NOTICE = (
    "A line that is flat and low learns from the context; only pretrained and the two value-only strategies come near it. "
    "A steep one serves the target alone. mixed_kq recites it (R6), and more shots make it steeper; mixed reads from the context "
    "only the component along the target (R7), and more shots lower its risk on every task. zero_shot is nearly flat and "
    "useless."
)

SHOTS = (2, 20)
COSINES = np.linspace(-1, 1, 41)


def data(setting: Setting = SETTING) -> Table:
    """Columns n_shots, strategy, cosine, risk."""
    return Table.stack(
        *(
            Table(
                {
                    "n_shots": n,
                    "strategy": name,
                    "cosine": COSINES,
                    "risk": [risk(name, n, setting=setting, task=float(cosine)) for cosine in COSINES],
                }
            )
            for n in SHOTS
            for name in SHOWN
        )
    )


def draw(table: Table) -> Figure:
    """Two panels side by side, two columns wide."""
    figure = style.figure(style.DOUBLE, 2.9)
    panels = figure.subplots(1, 2, sharey=True)
    for k, (axes, (n, part)) in enumerate(zip(panels, table.groups("n_shots"), strict=True)):
        for name, curve in part.groups("strategy"):
            axes.plot(curve["cosine"], curve["risk"], markevery=8, **style.strategy(name, marker=True))
        axes.set(xlabel=r"cosine of $\theta$ and $\theta_0$", xlim=(-1, 1), yscale="log")
        axes.set_xticks([-1, -0.5, 0, 0.5, 1], ["−1\nopposite", "−0.5\n", "0\n", "0.5\n", "1\ntarget"])
        axes.set_yticks([0.2, 0.5, 1, 2, 5], ["0.2", "0.5", "1", "2", "5"])
        axes.minorticks_off()
        style.panel_title(axes, k, f"$n={n}$ shots")
    panels[0].set_ylabel(style.LABELS["risk"])
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=6)
    return figure
