"""The price on unseen tasks of each practice, as the shots grow."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from numerics.trained_practices import trained_practices
from theory import AttentionParameters, Setting, fixed_point, risk

from .. import style
from ..official import SETTING
from ..table import Table
from .practices import LOOKS, NAMES, look

NAME = "prices"
TITLE = "What fine-tuning costs unseen tasks: for ever, or as 1/n"
CAPTION = (
    "The price, the risk on the average unseen task less that of the pretrained model, against n + 1, for each practice without "
    "the few-shot loss, and for value-only fine-tuning with a gate that cancels its bias (q_xy read off the labels' energy): "
    "in the same head, and in one of its own. "
    "{trained}d = {d}, m = {m}, σ² = {noise}; both axes logarithmic."
)
THEOREM = "R2, R9 (value), R17 (the gate), and the laws of the other practices."
NOTICE = (
    "Value-only fine-tuning and a linear readout keep a price that no number of shots removes. A gate on the labels' energy turns "
    "value-only's into 1/n, if it has a head of its own; in the same head it also turns in-context learning a little, which lasts. "
    "A new head's price is 1/(n+1). A tuned prompt token's is 4/(n+2)², and what one more token in N does to the model itself: at "
    "few shots that helps unseen tasks (no price is drawn where it is negative), at many it is all that is left, a third of 1/n. "
    "SGD lands on the curves but for all but one entry: its noise moves that along a scale which the loss does not see, and "
    "in-context learning is lost."
)

TRAINED = (5, 20, 100)  # at one shot all but one entry, as SGD leaves it, helps unseen tasks
GATED = {"zero_shot_value, gated": (0, (1, 1)), "zero_shot_value, gated apart": "-"}


def told(setting: Setting) -> dict[str, str]:
    """What the caption says of a setting beside its numbers."""
    filled = "Filled: models that SGD trained at this setting, mean and standard error of three seeds. "
    return {"trained": filled if setting == SETTING else ""}


def data(setting: Setting = SETTING) -> Table:
    """Columns strategy, source ("theory", "trained"), n_shots, price, error (the standard error of a trained mean)."""
    n = np.unique(np.concatenate(([0], np.geomspace(1, 1000, 60).round()))).astype(int)
    before = risk("pretrained", n, setting=setting, task="unseen")
    models = {name: name for name in NAMES if name != "pretrained"} | dict(zip(GATED, gated(setting), strict=True))
    parts = [
        Table(
            {
                "strategy": name,
                "source": "theory",
                "n_shots": n,
                "price": risk(model, n, setting=setting, task="unseen") - before,
            }
        )
        for name, model in models.items()
    ]
    if setting == SETTING:
        n, runs = np.array(TRAINED), trained_practices()
        for name in (name for name in models if name in runs[0].models):
            unseen = [
                [risk(run.models[x], n, setting=setting, task="unseen") for run in runs] for x in (name, "pretrained")
            ]
            prices = unseen[0] - np.array(unseen[1])
            error = prices.std(axis=0, ddof=1) / len(runs) ** 0.5
            columns = {"n_shots": n, "price": prices.mean(axis=0), "error": error}
            parts.append(Table({"strategy": name, "source": "trained", **columns}))
    return Table.stack(*parts)


def gated(setting: Setting = SETTING) -> tuple[AttentionParameters, AttentionParameters]:
    """R17's gate e = -k/nu beside value-only fine-tuning: in its head, and where v_x and w have a head each."""
    model = fixed_point("zero_shot_value", setting=setting)
    scalars = model.isotropic
    assert scalars is not None
    gate = -scalars.alpha * scalars.beta / (scalars.w * (1 + setting.noise_variance))
    same = AttentionParameters.from_isotropic(scalars._replace(delta=gate), setting.d)
    v, Q = np.array([model.v, model.v]), np.array([model.Q, same.Q])
    v[0, -1], v[1, 1:-1] = 0, 0
    return same, AttentionParameters(v, Q)


def draw(table: Table) -> Figure:
    """One panel, one column wide."""
    figure = style.figure(style.SINGLE, 3.3)
    axes = figure.subplots()
    for name, points in table.where(source="trained").groups("strategy"):
        color, marker = LOOKS[name]
        axes.errorbar(
            points["n_shots"] + 1, points["price"], yerr=points["error"], color=color, marker=marker,
            markersize=style.size(4), linestyle="", elinewidth=style.stroke(0.8), zorder=3,
        )  # fmt: skip
    for name, curve in table.where(source="theory").groups("strategy"):
        price = np.where(curve["price"] > 0, curve["price"], np.nan)
        if name in GATED:
            label = name.replace("zero_shot_value", "value")
            axes.plot(curve["n_shots"] + 1, price, color="#0072B2", linestyle=GATED[name], label=label)
            continue
        shown = look(name) | {"markersize": style.size(4), "markeredgewidth": style.stroke(0.8)}
        axes.plot(curve["n_shots"] + 1, price, markevery=9, markerfacecolor="white", **shown)
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="shots and query $n+1$",
        ylabel="price on unseen tasks",
        xlim=(1, 1001),
        ylim=(5e-5, 2),
    )
    figure.legend(loc="outside lower center", ncols=2)
    return figure
