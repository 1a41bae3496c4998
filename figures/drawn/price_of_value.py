"""What value-only fine-tuning costs on unseen tasks."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from theory import Setting, risk

from .. import style
from ..official import MANY_SHOTS, SETTING
from ..table import Table

NAME = "price_of_value"
TITLE = "Value-only fine-tuning keeps in-context learning at a price that never vanishes"
CAPTION = (
    "Left: the price, the risk of zero_shot_value minus that of the pretrained model on the average unseen "
    "task, against n + 1 for d = {dimensions}; dotted: its limit of infinitely many shots. Right: the "
    "price as a fraction of the pretrained model's risk at the same number of shots. m = {m}, σ² = {noise}, both "
    "axes logarithmic on the left."
)
THEOREM = "R9: s [n(n+1+d) + 2n(d+2) + (d+2)(d+4)] / ((d+4)² (n+1)²), and s/(d+4)² at n = ∞."
NOTICE = (
    "The price falls with n but not to zero. It depends neither on m nor on the noise, so that relative to "
    "a risk which keeps falling it can rise again with n: in small dimensions it does."
)

DIMENSIONS = (2, 5, 20, 100)


def dimensions(setting: Setting) -> list[int]:
    """These, and the setting's own."""
    return sorted({*DIMENSIONS, int(setting.d)})


def told(setting: Setting) -> dict[str, str]:
    """What the caption says of a setting beside its numbers."""
    return {"dimensions": ", ".join(map(str, dimensions(setting)))}


def data(setting: Setting = SETTING) -> Table:
    """Columns d, pretrain_shots, noise_variance, n_shots, price, relative, and the limit of the price."""
    n = np.unique(np.concatenate(([0], np.geomspace(1, 1000, 80).round()))).astype(int)
    parts = []
    for d in dimensions(setting):
        one = setting.replace(d=d)
        shots = np.append(n, MANY_SHOTS)
        before, after = (risk(name, shots, setting=one, task="unseen") for name in ("pretrained", "zero_shot_value"))
        price = after - before
        world = {"d": d, "pretrain_shots": one.pretrain_shots, "noise_variance": one.noise_variance}
        columns = {"n_shots": n, "price": price[:-1], "relative": (price / before)[:-1], "limit": price[-1]}
        parts.append(Table({**world, **columns}))
    return Table.stack(*parts)


def draw(table: Table) -> Figure:
    """Two panels side by side, two columns wide."""
    figure = style.figure(style.DOUBLE, 2.7)
    left, right = figure.subplots(1, 2)
    groups = list(table.groups("d"))
    for (d, curve), look in zip(groups, style.sequence(len(groups)), strict=True):
        for axes, column in ((left, "price"), (right, "relative")):
            axes.plot(curve["n_shots"] + 1, curve[column], markevery=12, label=f"$d={d}$", **look)
        left.axhline(curve["limit"][0], color=look["color"], linewidth=style.stroke(0.9), linestyle=(0, (1, 2)))
    left.set(yscale="log", ylabel="price on unseen tasks")
    right.set(ylabel="price / pretrained risk", ylim=(0, None))
    for k, axes in enumerate((left, right)):
        axes.set(xscale="log", xlabel="shots and query $n+1$", xlim=(1, 1001))
        style.panel_title(axes, k, ("the price, and its limit $s/(d+4)^2$", "relative to the pretrained risk")[k])
    right.legend()
    return figure
