"""Full zero-shot fine-tuning in time: the plateau at value-only's risk, longer in more dimensions."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from numerics import flow
from theory import Setting, fixed_point, risk

from .. import style
from ..official import SETTING
from ..table import Table

NAME = "plateau"
TITLE = "Full fine-tuning stopped early is value-only fine-tuning"
CAPTION = (
    "Zero-shot risk on the target less the noise, over its value after value-only fine-tuning, 2/(d+4), against the time of the "
    "gradient flow of all parameters on the zero-shot loss, for d = 3, 5, 10, 20 and m = 4 d. Lines: the flow. Markers: the "
    "closed form of the plateau, with its time as an integral. σ² = 0.1; both axes logarithmic."
)
THEOREM = "R4, R10 and R19."
NOTICE = (
    "The flow reaches the risk of value-only fine-tuning first and waits there: for a factor of about 40 in time at d = 5, of 1,000 "
    "at d = 20. Only then the one entry Q_00 grows, the target is learnt to the end, and in-context learning is lost."
)

DIMENSIONS = (3, 5, 10, 20)
TIMES = np.geomspace(1e-3, 400, 113)
LEVELS = np.array([0.97, 0.9, 0.8, 0.65, 0.5, 0.35, 0.25])
RATIOS = np.linspace(0, 60, 6001)  # of x = q/beta


def data(setting: Setting = SETTING) -> Table:
    """At these dimensions, with 4 d shots in training: columns d, source ("flow", "formula"), time, excess (over 2/(d + 4))."""
    parts = []
    for d in DIMENSIONS:
        setting = setting.replace(d=d, pretrain_shots=4 * d)
        path = flow("zero_shot", setting, TIMES)
        floor = risk("zero_shot_value", 0, setting=setting) - setting.noise_variance
        losses = (path.loss - setting.noise_variance) / floor
        parts.append(Table({"d": d, "source": "flow", "time": TIMES, "excess": losses}))
        time, excess = plateau(d, float(fixed_point("pretrained", setting=setting).isotropic.beta))  # type: ignore[union-attr]
        shown = np.searchsorted(-excess, -floor * LEVELS)
        parts.append(Table({"d": d, "source": "formula", "time": time[shown], "excess": excess[shown] / floor}))
    return Table.stack(*parts)


def plateau(d: int, beta_0: float) -> tuple[np.ndarray, np.ndarray]:
    """R19: t(x) from the speed of x, and the excess at x."""
    x = RATIOS
    D = (x + d + 2) ** 2 + 2 * (d + 2)
    speed = 4 * (d + 2) * (x + d + 2) * (1 + x**2 / d) ** 2 / (beta_0**2 * D**2)
    steps = np.diff(x) * (1 / speed[1:] + 1 / speed[:-1]) / 2
    return np.concatenate(([0.0], np.cumsum(steps))), 2 * (d + 2) / D


def draw(table: Table) -> Figure:
    """One panel, one column wide."""
    figure = style.figure(style.SINGLE, 2.9)
    axes = figure.subplots()
    for (d, curves), shown in zip(table.groups("d"), style.sequence(len(DIMENSIONS)), strict=True):
        path, formula = (curves.where(source=source) for source in ("flow", "formula"))
        line = {"color": shown["color"], "linestyle": shown["linestyle"]}
        axes.plot(path["time"], path["excess"], label=f"$d={d}$", **line)
        marks = {key: value for key, value in shown.items() if key != "linestyle"}
        axes.plot(formula["time"], formula["excess"], linestyle="", **marks)
    axes.axhline(1, **style.REFERENCE)
    axes.set(
        xscale="log", yscale="log", xlabel="time of the flow", ylabel="zero-shot excess / value-only's", ylim=(0.1, 12)
    )
    axes.legend(loc="lower left")
    return figure
