"""Which strategy has the smallest risk: phase diagrams."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from theory import STRATEGIES, Setting, risk
from theory.names import TaskName
from theory.strategies import PUBLISHED

from .. import style
from ..official import SETTING
from ..regions import fill_region
from ..table import Table

NAME = "best_strategy"
TITLE = "Which strategy is best depends on what it is judged by"
CAPTION = (
    "The strategy of smallest risk on the target (left), on the average unseen task (middle) and on the "
    "mean of both (right), over the number n of shots and the noise variance (top, d = {d}, m = {m}) or the "
    "dimension (bottom, m = {m}, σ² = {noise}). Where strategies tie, the first in the legend is shown."
)
THEOREM = "R9, through R1-R7."
NOTICE = (
    "On the target a strategy that memorises it always wins. On unseen tasks the pretrained model is not "
    "the best for few shots: it was pretrained for m of them, and the auxiliary loss makes the label gain "
    "smaller. Judged by both, value-only fine-tuning and the pretrained model divide the plane."
)

CANDIDATES = tuple(name for name in PUBLISHED if name != "zero_shot_kq")  # whose fixed point is the pretrained one
CRITERIA = ("target", "unseen", "both")
SHOTS = np.arange(0, 61)
NOISE = np.geomspace(0.01, 10, 49)
DIMENSIONS = np.arange(2, 42)
TIE = 1e-12  # relative: closed forms that are equal differ by rounding


def data(setting: Setting = SETTING) -> Table:
    """Columns panel ("noise" or "d"), its value, n_shots, criterion, the best strategy and its risk."""
    parts = []
    for panel, values in (("noise", NOISE), ("d", DIMENSIONS)):
        n, rows = (grid.ravel() for grid in np.meshgrid(SHOTS, values))
        grid = setting.replace(**{"noise_variance" if panel == "noise" else "d": rows})
        risks = {task: _risks(n, grid, task) for task in ("target", "unseen")}
        risks["both"] = (risks["target"] + risks["unseen"]) / 2
        for criterion in CRITERIA:
            smallest = risks[criterion].min(axis=0)
            best = np.argmax(risks[criterion] <= smallest * (1 + TIE), axis=0)  # the first of those that tie
            columns = {panel: rows, "n_shots": n, "best": np.array(CANDIDATES)[best], "risk": smallest}
            parts.append(Table({"panel": panel, "criterion": criterion, **columns}))
    return Table.stack(*parts)


def _risks(n: np.ndarray, setting: Setting, task: TaskName) -> np.ndarray:
    return np.array([risk(name, n, setting=setting, task=task) for name in CANDIDATES])


_FILLS = {
    "pretrained": ("#BDBDBD", ""),
    "zero_shot": ("#D55E00", "\\\\\\"),
    "zero_shot_value": ("#56A5D8", ""),
    "mixed": ("#E9BCD6", "///"),
    "mixed_value": ("#66C2A5", "..."),
    "mixed_kq": ("#F6D889", "---"),
}


def draw(table: Table) -> Figure:
    """Six panels, two columns wide."""
    figure = style.figure(style.DOUBLE, 4.4)
    panels = figure.subplots(2, 3, sharex=True, sharey="row")
    titles = ("on the target", "on unseen tasks", "mean of both")
    for row, (panel, part) in zip(panels, table.groups("panel"), strict=True):
        for axes, criterion in zip(row, CRITERIA, strict=True):
            _map(axes, part.where(criterion=criterion), panel)
        row[0].set_ylabel(style.LABELS[panel])
    for k, axes in enumerate(panels.flat):
        style.panel_title(axes, k, titles[k % 3])
    for axes in panels[1]:
        axes.set_xlabel(style.LABELS["n"])
    shown = [name for name in CANDIDATES if name in table["best"]]
    patches = [
        Patch(facecolor=_FILLS[name][0], hatch=_FILLS[name][1], edgecolor="0.3", label=STRATEGIES[name].label)
        for name in shown
    ]
    figure.legend(handles=patches, loc="outside lower center", ncols=len(shown))
    return figure


def _map(axes: Axes, part: Table, panel: str) -> None:
    x, y = np.unique(part["n_shots"]), np.unique(part[panel])
    names = list(CANDIDATES)
    codes = np.array([names.index(name) for name in part["best"]]).reshape(len(y), len(x))
    for code, name in enumerate(names):
        fill_region(axes, x, y, codes == code, *_FILLS[name])
        if np.any(codes == code):
            axes.contour(x, y, codes == code, levels=[0.5], colors="black", linewidths=style.stroke(0.6))
    axes.set_ylim(y[0], y[-1])
    axes.set_xlim(SHOTS[0], SHOTS[-1])
    if panel == "noise":
        axes.set_yscale("log")
    axes.minorticks_off()
    axes.grid(False)
