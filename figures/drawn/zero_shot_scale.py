"""Zero-shot fine-tuning of all parameters: few-shot risk for every minimiser c, and the one that flow selects."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from theory import AttentionParameters, Setting, fixed_point, risk
from theory.parameters import IsotropicScalars

from .. import style
from ..official import MANY_SHOTS, SETTING
from ..table import Table

NAME = "zero_shot_scale"
TITLE = "Zero-shot fine-tuning of all parameters destroys in-context learning, whatever the scale c"
CAPTION = (
    "Risk on the target against the number n of shots for the models v = (0, c θ₀, w), q = 1/c, B = 0 that "
    "zero-shot fine-tuning can end at, c/w = 0.3 to 100; thick: the c that gradient flow selects from the "
    "balanced pretrained model. d = {d}, m = {m}, σ² = {noise}. The vertical axis is logarithmic."
)
THEOREM = "R2: the zero-risk family, the selection law for c, and the limit s + σ² of many shots."
NOTICE = (
    "Every curve is lowest at n = 0 and every one tends to s + σ², the risk of predicting nothing: for "
    "large c from below, for small c from above. The notebook's c = 0.52 is what flow selects from a "
    "pretrained value scale w₀ = 1.1987; from w₀ = 1 it selects 0.540."
)

SCALES = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)


def data(setting: Setting = SETTING) -> Table:
    """Columns curve ("sweep" or "selected"), c_over_w, n_shots, risk, and the limit of many shots."""
    n = np.arange(41)
    selected = fixed_point("zero_shot", setting=setting)
    assert selected.isotropic is not None
    models = [("selected", float(selected.isotropic.alpha / selected.isotropic.w), selected)]
    for c in SCALES:
        scalars = IsotropicScalars(alpha=c, w=1.0, q=1 / c, beta=0.0, gamma=0.0, delta=0.0)
        models.append(("sweep", c, AttentionParameters.from_isotropic(scalars, setting.d)))
    return Table.stack(
        *(
            Table(
                {
                    "curve": curve,
                    "c_over_w": c,
                    "n_shots": n,
                    "risk": risk(model, n, setting=setting),
                    "limit": risk(model, MANY_SHOTS, setting=setting),
                }
            )
            for curve, c, model in models
        )
    )


def draw(table: Table) -> Figure:
    """One panel, one column wide."""
    figure = style.figure(style.SINGLE, 2.9)
    axes = figure.subplots()
    sweep = list(table.where(curve="sweep").groups("c_over_w"))
    for (c, curve), look in zip(sweep, style.sequence(len(sweep)), strict=True):
        axes.plot(curve["n_shots"], curve["risk"], markevery=5, label=f"$c/w={c:g}$", **look)
    selected = table.where(curve="selected")
    axes.plot(
        selected["n_shots"], selected["risk"], color="#D55E00", linewidth=style.stroke(2.4), zorder=3,
        label=f"selected: {selected['c_over_w'][0]:.3f}",
    )  # fmt: skip
    axes.axhline(table["limit"][0], label=r"limit $s+\sigma^2$", **style.rule())
    axes.set(
        xlabel=style.LABELS["n"],
        ylabel="risk on target",
        xlim=(0, 40),
        yscale="log",
        ylim=style.limits(0.09, 7, table["risk"]),
    )
    axes.set_yticks([0.1, 0.2, 0.5, 1, 2, 5], ["0.1", "0.2", "0.5", "1", "2", "5"])
    axes.minorticks_off()
    axes.legend(loc="lower right", ncols=2)
    return figure
