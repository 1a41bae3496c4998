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
    "gradient flow of all parameters on the zero-shot loss, for {dimensions}. Lines: the flow. Markers: the "
    "closed form of the plateau, with its time as an integral. σ² = {noise}; both axes logarithmic."
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


def worlds(setting: Setting) -> dict[int, float]:
    """Shots in training at each dimension: 4 d, and the setting's own at its own dimension."""
    own = {d: 4 * d for d in DIMENSIONS} | {int(setting.d): setting.pretrain_shots}
    return dict(sorted(own.items()))


def told(setting: Setting) -> dict[str, str]:
    """What the caption says of a setting beside its numbers."""
    shown = worlds(setting)
    usual = f"d = {', '.join(str(d) for d, m in shown.items() if m == 4 * d)} and m = 4 d"
    return {"dimensions": ", and for ".join([usual, *(f"d = {d} and m = {m}" for d, m in shown.items() if m != 4 * d)])}


def data(setting: Setting = SETTING) -> Table:
    """At worlds(setting): columns d, pretrain_shots, source ("flow", "formula"), time, excess (over 2/(d + 4))."""
    parts = []
    for d, m in worlds(setting).items():
        setting = setting.replace(d=d, pretrain_shots=m)
        path = flow("zero_shot", setting, TIMES)
        floor = risk("zero_shot_value", 0, setting=setting) - setting.noise_variance
        losses = (path.loss - setting.noise_variance) / floor
        parts.append(Table({"d": d, "pretrain_shots": m, "source": "flow", "time": TIMES, "excess": losses}))
        time, excess = plateau(d, float(fixed_point("pretrained", setting=setting).isotropic.beta))  # type: ignore[union-attr]
        shown = np.searchsorted(-excess, -floor * LEVELS)
        columns = {"time": time[shown], "excess": excess[shown] / floor}
        parts.append(Table({"d": d, "pretrain_shots": m, "source": "formula", **columns}))
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
    groups = list(table.groups("d"))
    for (d, curves), shown in zip(groups, style.sequence(len(groups)), strict=True):
        path, formula = (curves.where(source=source) for source in ("flow", "formula"))
        line = {"color": shown["color"], "linestyle": shown["linestyle"]}
        m = path["pretrain_shots"][0]
        label = f"$d={d}$" if m == 4 * d else f"$d={d}$, $m={m:g}$"
        axes.plot(path["time"], path["excess"], label=label, **line)
        marks = {key: value for key, value in shown.items() if key != "linestyle"}
        axes.plot(formula["time"], formula["excess"], linestyle="", **marks)
    axes.axhline(1, **style.rule())
    axes.set(
        xscale="log", yscale="log", xlabel="time of the flow", ylabel="zero-shot excess / value-only's", ylim=(0.1, 12)
    )
    axes.legend(loc="lower left")
    return figure
