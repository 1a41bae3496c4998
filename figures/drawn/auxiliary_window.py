"""Where the auxiliary few-shot loss helps and hurts: a window in the number of shots."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from theory import Setting, conditions, risk

from .. import style
from ..official import SETTING
from ..regions import fill_region
from ..table import Table

NAME = "auxiliary_window"
TITLE = "The auxiliary loss trades unseen tasks for the target only inside a window of shots"
CAPTION = (
    "Sign of the change in risk from zero_shot_value to mixed_value, λ → 0⁺, on the target and on the "
    "average unseen task, over the number n of shots at evaluation and (a) the number m of shots in "
    "training, at d = {d}; (b) the dimension d, at m = {m}. σ² = {noise}. Lines: the exact thresholds. Star: d = {d} "
    "at n = m = {m}."
)
THEOREM = "R8: it helps the target where w*(n) < (a + w*(m))/2, and hurts unseen tasks where a(n) > (a + w*(m))/2."
NOTICE = (
    "Below the window the auxiliary loss helps both, above it it hurts both; the published trade-off is "
    "what happens between the two lines. From m = 1 + 2d + 2d(d+3)(1+σ²) on the window has no upper end."
)

SHOTS = np.unique(np.geomspace(1, 200, 60).round().astype(int))
TRAINING_SHOTS = np.unique(np.geomspace(2, 100, 45).round().astype(int))
DIMENSIONS = np.arange(1, 41)
HELPS, HURTS = "auxiliary loss helps target", "auxiliary loss hurts unseen"


def data(setting: Setting = SETTING) -> Table:
    """Rows of part "sign" (change on target and unseen) and of part "threshold" (boundary, n_shots), by panel."""
    parts = []
    for panel, values in (("m", TRAINING_SHOTS), ("d", DIMENSIONS)):
        n, rows = (grid.ravel() for grid in np.meshgrid(SHOTS, values))
        grid = _setting(panel, rows, setting)
        change = {
            f"change_on_{task}": risk("mixed_value", n, setting=grid, task=task)
            - risk("zero_shot_value", n, setting=grid, task=task)
            for task in ("target", "unseen")
        }
        parts.append(Table({"part": "sign", "panel": panel, panel: rows, "n_shots": n, **change}))
        for value in values.tolist():
            for condition in conditions("mixed_value", setting=_setting(panel, value, setting)):
                root = max(condition.roots, default=0.0)
                if condition.name in (HELPS, HURTS) and root >= 1:  # below one shot there is nothing to bound
                    threshold = {"boundary": condition.name, panel: value, "n_shots": root}
                    parts.append(Table({"part": "threshold", "panel": panel, **threshold}))
        here = {"d": setting.d, "m": setting.auxiliary_shots()}
        parts.append(Table({"part": "here", "panel": panel, **here, "n_shots": setting.auxiliary_shots()}))
    return Table.stack(*parts)


def _setting(panel: str, value: object, setting: Setting) -> Setting:
    return setting.replace(**({"pretrain_shots": value} if panel == "m" else {"d": value}))


# A light and a dark pair: who gains is told apart without colours, by hatches as well.
_REGIONS = (  # label, colour, hatch; by the code 2 (helps target) + (helps unseen)
    ("hurts both", "#E8E8E8", "xxx"),
    ("hurts target, helps unseen", "#F5D98B", "..."),
    ("helps target, hurts unseen", "#8CC5E3", "///"),
    ("helps both", "#FFFFFF", ""),
)


def draw(table: Table) -> Figure:
    """Two panels side by side, two columns wide."""
    figure = style.figure(style.DOUBLE, 2.9)
    panels = figure.subplots(1, 2)
    for k, (axes, (panel, part)) in enumerate(zip(panels, table.groups("panel"), strict=True)):
        _regions(axes, part.where(part="sign"), panel)
        for boundary, line in ((HELPS, "-"), (HURTS, (0, (5, 1.5)))):
            edge = part.where(part="threshold", boundary=boundary)
            axes.plot(edge["n_shots"], edge[panel], color="black", linestyle=line, label=_LINE_NAMES[boundary])
        here = part.where(part="here")
        axes.plot(here["n_shots"], here[panel], "*", color="#D55E00", markersize=style.size(9), markeredgecolor="white")
        axes.set(xlabel=style.LABELS["n"], ylabel=style.LABELS[panel], xscale="log", xlim=(1, SHOTS[-1]))
        axes.set_xticks([1, 2, 5, 10, 20, 50, 100, 200], ["1", "2", "5", "10", "20", "50", "100", "200"])
        if panel == "m":
            axes.set(yscale="log", ylim=(TRAINING_SHOTS[0], TRAINING_SHOTS[-1]))
            axes.set_yticks([2, 5, 10, 20, 50, 100], ["2", "5", "10", "20", "50", "100"])
        else:
            axes.set_ylim(DIMENSIONS[0], DIMENSIONS[-1])
        axes.minorticks_off()
        axes.grid(False)
        style.panel_title(axes, k, f"$d={here['d'][0]:g}$" if panel == "m" else f"$m={here['m'][0]:g}$")
    present = np.unique(_codes(table.where(part="sign")))
    patches = [
        Patch(facecolor=_REGIONS[c][1], hatch=_REGIONS[c][2], edgecolor="0.4", label=_REGIONS[c][0]) for c in present
    ]
    figure.legend(handles=[*patches, *panels[0].get_lines()[:2]], loc="outside lower center", ncols=5)
    return figure


_LINE_NAMES = {HELPS: "helps target to the left", HURTS: "hurts unseen to the right"}


def _codes(part: Table) -> np.ndarray:
    return 2 * (part["change_on_target"] < 0) + (part["change_on_unseen"] < 0)


def _regions(axes: Axes, part: Table, panel: str) -> None:
    """Coloured and hatched regions."""
    x, y = np.unique(part["n_shots"]), np.unique(part[panel])
    codes = _codes(part).reshape(len(y), len(x))
    for code, (_, color, hatch) in enumerate(_REGIONS):
        fill_region(axes, x, y, codes == code, color, hatch)
