"""Gradient-flow trajectories of the six scalars, the conserved quantity, and the two basins of `mixed`."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from numerics.trajectory import Trajectory, flow
from theory import AttentionParameters, Setting, fixed_point
from theory.names import CanonicalName
from theory.parameters import IsotropicScalars

from .. import style
from ..official import SETTING
from ..table import Table

NAME = "gradient_flow"
TITLE = "Gradient flow: six scalars from the pretrained model to every fixed point"
CAPTION = (
    "The six scalars (α, w, q, β, γ, δ) along population gradient flow from the pretrained model; triangles "
    "at the right edge: the closed-form fixed points. The mixed strategies at λ → 0⁺ have a fast phase, "
    "which descends the zero-shot loss (their panels are those of the zero-shot strategies), and a slow one "
    "along its minimisers in time λ t. (d) |v|² − |Q|² along each flow. (h) The ratio w/α in the slow phase "
    "of mixed from many starts, and its two limits. d = {d}, m = {m}, σ² = {noise}."
)
THEOREM = "R2-R7 (end points), R10 (flow, conservation of |v|² − |Q|²)."
NOTICE = (
    "Every flow ends at its closed form. The conserved quantity is constant where all parameters train. "
    "Zero-shot fine-tuning of key-query alone does not move at all; which limit mixed reaches depends on "
    "the side of the separatrix w/α = −1/(1 + σ²/s) on which it starts."
)

PANELS: tuple[tuple[CanonicalName, bool, str], ...] = (  # strategy, whether the slow phase, title
    ("zero_shot", False, "zero-shot, all\n(mixed, all: fast phase)"),
    ("mixed", True, "mixed, all:\nslow phase"),
    ("zero_shot_value", False, "zero-shot, value\n(mixed, value: fast)"),
    ("mixed_value", True, "mixed, value:\nslow phase"),
    ("zero_shot_kq", False, "zero-shot, key-query\n(mixed, k.-q.: fast)"),
    ("mixed_kq", True, "mixed, key-query:\nslow phase"),
)
SCALARS = IsotropicScalars._fields
TIMES = np.concatenate(([0.0], np.geomspace(0.03, 1000, 60)))
STARTS = (-2.2, -1.6, -1.0, -0.8, 0.0, 0.9)  # w/alpha


def six_scalars(v: Any, Q: Any) -> IsotropicScalars:
    """The scalars of dense parameters, or stacks of them, whose target is the first unit vector."""
    along, across = Q[..., 1, 1], Q[..., 2, 2]
    return IsotropicScalars(v[..., 1], v[..., -1], Q[..., 0, 0], across, along - across, Q[..., 1, -1])


def trajectory_columns(path: Trajectory, rows: Any) -> dict[str, Any]:
    """Time, scalars and conserved quantity of some rows."""
    values = six_scalars(path.v[rows], path.Q[rows])._asdict()
    return {"time": path.t[rows], **values, "conserved": path.conserved[rows]}


def basin(ratio: float, setting: Setting) -> Table:
    """The slow phase of `mixed` from a zero-shot minimiser with w/alpha given."""
    point = fixed_point("zero_shot", setting=setting).isotropic
    assert point is not None
    start = AttentionParameters.from_isotropic(point._replace(w=ratio * point.alpha), setting.d)
    path = flow("mixed", setting, TIMES, start=start)
    return Table({"part": "basin", "start": ratio, **trajectory_columns(path, path.slow)})


def data(setting: Setting = SETTING) -> Table:
    """Rows of part "flow" and "end" (strategy, time, the six scalars, conserved), "basin" (start) and "basin end"."""
    parts = []
    for name, slow, _ in PANELS:
        path = flow(name, setting, TIMES)
        parts.append(Table({"part": "flow", "strategy": name, **trajectory_columns(path, path.slow == slow)}))
        end = fixed_point(name, setting=setting)
        assert end.isotropic is not None
        parts.append(Table({"part": "end", "strategy": name, **end.isotropic._asdict()}))
    parts += [basin(ratio, setting) for ratio in STARTS]
    # The other root -u of the same quadratic lies opposite the separatrix -1/(1 + sigma^2/s), where u = 0.
    point = fixed_point("mixed", setting=setting).isotropic
    assert point is not None
    middle = -1 / (1 + setting.noise_variance)
    root = float(point.w / point.alpha)
    ends = {"limit": ["+u", "-u", "separatrix"], "start": [root, 2 * middle - root, middle]}
    return Table.stack(*parts, Table({"part": "basin end", **ends}))


_NAMES = {
    "alpha": r"$\alpha$", "w": "$w$", "q": "$q$", "beta": r"$\beta$", "gamma": r"$\gamma$", "delta": r"$\delta$",
}  # fmt: skip
_LOOKS = dict(zip(SCALARS, ("#0072B2", "#000000", "#D55E00", "#009E73", "#CC79A7", "#E69F00"), strict=True))
_LINES = dict(zip(SCALARS, ("-", (0, (5, 1.5)), (0, (6, 1.5, 1, 1.5)), (0, (1, 1)), (0, (3, 1)), "-"), strict=True))


def draw(table: Table) -> Figure:
    """Eight panels, two columns wide."""
    figure = style.figure(style.DOUBLE, 4.6)
    panels = figure.subplots(2, 4)
    flows = table.where(part="flow")
    for k, (name, slow, title) in enumerate(PANELS):
        axes = panels.T.flat[k]
        path, end = flows.where(strategy=name), table.where(part="end", strategy=name)
        for scalar in SCALARS:
            axes.plot(path["time"], path[scalar], color=_LOOKS[scalar], linestyle=_LINES[scalar], label=_NAMES[scalar])
            axes.plot(
                [TIMES[-1]], end[scalar], "<", color=_LOOKS[scalar], markersize=style.size(5), clip_on=False, zorder=3,
                markeredgecolor="white", markeredgewidth=style.stroke(0.4),
            )  # fmt: skip
        time_axis(axes, slow)
        style.panel_title(axes, k // 2 + 4 * (k % 2), title)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    conserved, basins = panels[:, 3]
    for name, _, _ in PANELS:
        path = flows.where(strategy=name)
        conserved.plot(path["time"], path["conserved"], **style.strategy(name))
    time_axis(conserved, False)
    conserved.set_xlabel(r"time $t$ or $\lambda t$")
    style.panel_title(conserved, 3, "conserved?\n" + r"$|v|^2-|Q|_F^2$")
    for _, path in table.where(part="basin").groups("start"):
        basins.plot(path["time"], path["w"] / path["alpha"], color="0.3", linewidth=style.stroke(0.9))
    for limit, row in table.where(part="basin end").groups("limit"):
        (height,) = row["start"]
        line = (0, (1, 1)) if limit == "separatrix" else "-"
        basins.axhline(height, color="#CC79A7", linewidth=style.stroke(1.8), linestyle=line, zorder=1.5)
        basins.annotate(
            limit if limit == "separatrix" else f"${limit}$", (1, height), xycoords=("axes fraction", "data"),
            xytext=(-2, -2 if limit == "-u" else 1.5), textcoords="offset points", ha="right",
            va="top" if limit == "-u" else "bottom", fontsize=style.size(8), color=style.on_page("#8a4a6d"),
        )  # fmt: skip
    time_axis(basins, True)
    basins.set_ylim(-2.6, 1.2)
    style.panel_title(basins, 7, "basins of mixed, all\n" + r"$w/\alpha$, slow phase")
    figure.legend(handles, labels, loc="outside lower left", ncols=3)
    figure.legend(*conserved.get_legend_handles_labels(), loc="outside lower right", ncols=3)
    return figure


def time_axis(axes: Axes, slow: bool) -> None:
    """Logarithmic time after a linear stretch that holds t = 0."""
    axes.set_xscale("symlog", linthresh=0.1, linscale=0.5)
    axes.set_xlim(0, TIMES[-1])
    axes.set_xticks([0, 0.1, 10, 1000], ["0", "0.1", "10", r"$10^3$"])
    axes.minorticks_off()
    axes.set_xlabel(r"time $\lambda t$" if slow else "time $t$")
