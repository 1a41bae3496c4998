"""LoRA on the value and the key-query matrix: below a rank of d the noise is not reached, and unseen tasks pay ever more."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from numerics import flow, lora_flow
from theory import AttentionParameters, Setting, risk

from .. import style
from ..official import SETTING
from ..table import Table

NAME = "lora_ranks"
TITLE = "LoRA of a low rank forgets more than full fine-tuning"
CAPTION = (
    "Zero-shot risk on the target less the noise (left) and risk on the average unseen task at n = 20 (right) against the time of the "
    "gradient flow on the zero-shot loss: of LoRA's factors on V and Q of rank r, one draw of them, and of whole matrices. Horizontal "
    "lines: value-only fine-tuning (left), and no in-context learning at all (right). d = {d}, m = {m}, σ² = {noise}; axes logarithmic."
)
THEOREM = "R22.ranks (what is left of the loss), R2 and R4 (the whole matrices); the flows are integrated."
NOTICE = (
    "A change of rank below d cannot remove the matrix B: the loss falls for ever as the one entry Q_00 grows for ever, and unseen "
    "tasks pay in inverse proportion, here over 100 times what whole matrices cost them. A rank of d ends, but costs more too."
)

SHOTS = 20
TIMES = np.geomspace(1e-2, 3000, 91)


def data(setting: Setting = SETTING) -> Table:
    """Columns rank (0: whole matrices), time, excess, unseen."""
    d = int(setting.d)
    whole = flow("zero_shot", setting, TIMES)
    paths = {0: (whole.v, whole.Q, whole.loss)}
    for rank in sorted({1, d}):
        path = lora_flow(setting, TIMES, rank=rank, rng=0)
        paths[rank] = (path.v, path.Q, path.loss)
    parts = []
    for rank, (v, Q, loss) in paths.items():
        models = [AttentionParameters(*one) for one in zip(v, Q, strict=True)]
        unseen = [risk(model, SHOTS, setting=setting, task="unseen") for model in models]
        excess = loss - float(setting.noise_variance)
        floor = risk("zero_shot_value", 0, setting=setting) - setting.noise_variance
        lost = risk("mixed_kq", 0, setting=setting, task="unseen")  # it answers 0 without shots, on every task
        columns = {"rank": rank, "time": TIMES, "excess": excess, "unseen": unseen, "floor": floor, "lost": lost}
        parts.append(Table(columns))
    return Table.stack(*parts)


def draw(table: Table) -> Figure:
    """Two panels side by side, two columns wide."""
    figure = style.figure(style.DOUBLE, 2.8)
    panels = figure.subplots(1, 2)
    groups = list(table.groups("rank"))
    colors, lines = ("#D55E00", "#0072B2", "#009E73"), ("-", (0, (5, 1.5)), (0, (5, 1.5, 1, 1.5)))
    for (rank, curve), color, line in zip(groups, colors, lines, strict=False):  # two where d = 1
        look = {"color": color, "linestyle": line}
        label = f"LoRA, $r={rank}$" if rank else "whole matrices"
        seen = curve["excess"] > 1e-5
        panels[0].plot(curve["time"][seen], curve["excess"][seen], label=label, **look)
        panels[1].plot(curve["time"], curve["unseen"], label=label, **look)
    panels[0].axhline(table["floor"][0], **style.rule())
    panels[1].axhline(table["lost"][0], **style.rule())
    for k, (axes, title) in enumerate(
        zip(panels, ("left to learn of the target", "paid by unseen tasks"), strict=True)
    ):
        axes.set(xscale="log", yscale="log", xlabel="time of the flow")
        style.panel_title(axes, k, title)
    panels[0].set_ylabel(r"zero-shot risk $-\ \sigma^2$")
    panels[1].set_ylabel(rf"unseen risk, $n={SHOTS}$")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(groups))
    return figure
