"""Value-only fine-tuning: few-shot risk over the label gain w, and the gain that is best at each number of shots."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from theory import AttentionParameters, fixed_point, risk

from .. import style
from ..official import MANY_SHOTS, SETTING
from ..table import Table

NAME = "zero_shot_value_scale"
TITLE = "Value-only fine-tuning: the best label gain w grows with the number of shots"
CAPTION = (
    "Top: risk on the target against the number n of shots after value-only zero-shot fine-tuning, with the "
    "label gain wB = w I set to w = 0.2, 0.3, ..., 1.0; thick: the gain w = a that pretraining leaves. "
    "Bottom: the best gain w*(n), the value a, and the w*(m) at which the auxiliary loss ends, at n = m = "
    "20 (inset, with the notebook's 0.66). d = 5, m = 20, σ² = 0.1; the upper axis is logarithmic."
)
THEOREM = "R4 (the curves), R5 (the best gain w*)."
NOTICE = (
    "The best gain depends on the number of shots: a small one for few shots, a larger one for many, and a "
    "gain below 1 even for infinitely many. w*(20) = 104/159 is 0.654; 0.66 is w*(21)."
)

PRINTED, PRETRAIN_SHOTS = 0.66, int(SETTING.pretrain_shots)
GAINS = tuple(k / 10 for k in range(2, 11))


def data() -> Table:
    """Rows of part "risk" (w, n_shots, risk; curve "sweep" or "selected") and of part "best" (n_shots, w)."""
    n = np.arange(41)
    start = fixed_point("zero_shot_value", setting=SETTING).isotropic
    assert start is not None
    start = start.scaled(start.beta)  # the same model with beta = 1, so that w is the gain wB
    parts = []
    for curve, w in (("selected", float(start.w)), *(("sweep", w) for w in GAINS)):
        model = AttentionParameters.from_isotropic(start._replace(w=w), SETTING.d)
        parts.append(
            Table({"part": "risk", "curve": curve, "w": w, "n_shots": n, "risk": risk(model, n, setting=SETTING)})
        )
    counts = np.arange(1, 41)
    for curve, shots in (
        ("best", counts),
        ("best at m", np.array([PRETRAIN_SHOTS])),
        ("limit", np.array([MANY_SHOTS])),
    ):
        best = fixed_point("mixed_value", setting=SETTING.replace(few_shot_shots=shots)).isotropic
        assert best is not None
        parts.append(Table({"part": "best", "curve": curve, "w": best.w * best.beta, "n_shots": shots}))
    return Table.stack(*parts)


def draw(table: Table) -> Figure:
    """Two panels above each other, one column wide."""
    figure = style.figure(style.SINGLE, 4.3)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    sweep = list(table.where(part="risk", curve="sweep").groups("w"))
    for (w, curve), look in zip(sweep, style.sequence(len(sweep)), strict=True):
        above.plot(curve["n_shots"], curve["risk"], markevery=5, label=f"$w={w:g}$", **look)
    selected = table.where(part="risk", curve="selected")
    a = selected["w"][0]
    above.plot(
        selected["n_shots"], selected["risk"], color="#D55E00", linewidth=style.stroke(2.4), zorder=3,
        label=f"$w=a={a:.3f}$",
    )  # fmt: skip
    above.set(ylabel="risk on target", xlim=(0, 40), yscale="log", ylim=(0.2, 2.8))
    above.set_yticks([0.2, 0.3, 0.5, 1, 2], ["0.2", "0.3", "0.5", "1", "2"])
    above.minorticks_off()
    above.legend(ncols=2, loc="upper right")
    style.panel_title(above, 0, "risk for each gain")

    best, limit = table.where(curve="best"), table.where(curve="limit")
    below.plot(best["n_shots"], best["w"], color="#009E73")
    below.annotate("$w^*(n)$", (8, 0.44), xytext=(-4, 4), textcoords="offset points", ha="right", va="bottom")
    style.reference(below, float(a), "$a$", x=0.03)
    style.reference(below, float(limit["w"][0]), r"$w^*(\infty)$", x=0.03)
    below.set(xlabel=style.LABELS["n"], ylabel="label gain $w$", ylim=(0, 1.04))
    style.panel_title(below, 1, "the best gain")

    inset = below.inset_axes((0.45, 0.19, 0.53, 0.4))
    near = best.where(curve="best")
    inset.plot(near["n_shots"], near["w"], "o-", color="#009E73")
    inset.axhline(PRINTED, color="black", linewidth=style.stroke(0.8), linestyle=(0, (3, 2)))
    at_m = table.where(curve="best at m")["w"][0]
    inset.plot([PRETRAIN_SHOTS], [at_m], "o", color="#D55E00", markersize=style.size(5), zorder=3)
    inset.annotate(
        f"$w^*(20)={at_m:.3f}$", (20, at_m), xytext=(4, -3), textcoords="offset points", va="top",
        fontsize=style.size(8),
    )  # fmt: skip
    inset.annotate(
        f"printed {PRINTED}", (18.3, PRINTED), xytext=(0, 1), textcoords="offset points", va="bottom",
        fontsize=style.size(8),
    )  # fmt: skip
    inset.set(xlim=(18.2, 23), ylim=(0.64, 0.673))
    inset.set_xticks(range(19, 24))
    inset.tick_params(labelsize=style.size(7), pad=1.5)
    inset.grid(False)
    below.indicate_inset_zoom(inset, edgecolor="0.4")
    return figure
