"""The closed form against two simulators of the model: agreement, its reference law, and its resolution."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from scipy.special import betaincinv, ndtri

from numerics import estimate
from numerics.monte_carlo import Method
from theory import risk
from theory.names import TaskName

from .. import style
from ..official import SETTING
from ..table import Table
from .six_strategies import SHOWN

NAME = "trust"
TITLE = "Trust: the closed form against two simulators"
CAPTION = (
    "Cells: six strategies, n = 0, 1, 5, 20 shots, d = 2, 5, on target and on unseen tasks; m = 20, σ² = "
    "0.1. Each is simulated by the exact law of a prompt and token by token. (a) Relative difference "
    "between estimate and closed form, with two standard errors. (b) Sorted z-scores against normal "
    "quantiles, with the 95% band of each order statistic. (c) The smallest relative error that a test at a "
    "family-wise error rate of 10⁻⁶ over all cells would catch with probability 99%."
)
THEOREM = "R0 at the fixed points R1-R7."
NOTICE = (
    "The z-scores follow their reference law, normal but for heavy tails: squared errors have a kurtosis in "
    "the hundreds. The picture's samples are small. The test suite simulates 747 declared cells closely enough to "
    "catch any error of 1%, and hundreds of random settings more coarsely: the median one to about 12%."
)

SHOTS, DIMENSIONS = (0, 1, 5, 20), (2, 5)
TASKS: tuple[TaskName, ...] = ("target", "unseen")
PROMPTS: dict[Method, int] = {"law": 40_000, "tokens": 10_000}
FAMILY_WISE_RATE, POWER = 1e-6, 0.99
ROUNDING = 1e-9  # relative: an estimate with a smaller standard error is exact, and its z-score means nothing


def data() -> Table:
    """Columns method, strategy, d, task, n_shots, exact, estimate, standard_error, z, detectable (relative)."""
    parts = []
    for seed, method in enumerate(PROMPTS):
        for index, name in enumerate(SHOWN):
            for d in DIMENSIONS:
                for task in TASKS:
                    setting = SETTING.replace(d=d)
                    result = estimate(
                        name, SHOTS, task=task, method=method, prompts=PROMPTS[method], setting=setting,
                        rng=np.random.SeedSequence((seed, index, d, TASKS.index(task))),
                    )  # fmt: skip
                    columns = {
                        "n_shots": SHOTS,
                        "exact": risk(name, SHOTS, setting=setting, task=task),
                        "estimate": result.mean,
                        "standard_error": result.standard_error,
                    }
                    parts.append(Table({"method": method, "strategy": name, "d": d, "task": task, **columns}))
    table = Table.stack(*parts)
    exact, error = table["exact"], table["standard_error"]
    random = error > ROUNDING * exact
    z = np.full(len(table), np.nan)
    z[random] = (table["estimate"] - exact)[random] / error[random]
    # Bonferroni over all random cells, two-sided.
    threshold = -ndtri(FAMILY_WISE_RATE / (2 * random.sum())) + ndtri(POWER)
    detectable = np.where(random, threshold * error / exact, np.nan)
    return Table({**{name: table[name] for name in table.columns}, "z": z, "detectable": detectable})


_LOOKS = {"law": ("#0072B2", "o", "exact law"), "tokens": ("#D55E00", "^", "tokens")}


def draw(table: Table) -> Figure:
    """Three panels, two columns wide."""
    figure = style.figure(style.DOUBLE, 2.8)
    left, middle, right = figure.subplots(1, 3, width_ratios=(4, 3, 3))
    for method, part in table.groups("method"):
        color, marker, label = _LOOKS[method]
        look = {"color": color, "marker": marker, "linestyle": "", "markersize": style.size(2.5), "label": label}
        order = np.argsort(part["n_shots"], kind="stable")
        difference, error = (
            (part["estimate"] / part["exact"] - 1)[order],
            (part["standard_error"] / part["exact"])[order],
        )
        cell = np.arange(len(part)) + (0.25 if method == "tokens" else -0.25)
        left.errorbar(cell, 100 * difference, yerr=200 * error, elinewidth=style.stroke(0.5), **look)
        z = np.sort(part["z"][~np.isnan(part["z"])])
        rank = np.arange(1, len(z) + 1)
        middle.plot(ndtri((rank - 0.5) / len(z)), z, **look)
        right.plot(100 * np.sort(part["detectable"][~np.isnan(part["detectable"])]), rank / len(z), **look)
    size = len(z)
    quantiles = ndtri((rank - 0.5) / size)
    low, high = (ndtri(betaincinv(rank, size + 1 - rank, level)) for level in (0.025, 0.975))
    middle.fill_between(quantiles, low, high, color="0.85", linewidth=0)
    middle.plot(quantiles, quantiles, color="0.35", linewidth=style.stroke(0.8))
    left.axhline(0, color="black", linewidth=style.stroke(0.8), zorder=1)
    groups = len(SHOTS)
    edges = np.arange(groups + 1) * len(part) / groups - 0.5
    for edge in edges[1:-1]:
        left.axvline(edge, color="0.6", linewidth=style.stroke(0.6))
    left.set_xticks((edges[1:] + edges[:-1]) / 2, [f"$n={n}$" for n in SHOTS])
    left.tick_params(axis="x", length=0)
    left.grid(False)
    left.set(ylabel="difference [%]", xlim=(edges[0], edges[-1]), xlabel="cells")
    middle.set(xlabel="normal quantile", ylabel="z-score")
    right.set(xlabel="detectable error [%]", ylabel="share of cells", xscale="log", ylim=(0, 1.02))
    for k, axes in enumerate((left, middle, right)):
        style.panel_title(axes, k, ("simulated against exact", "z-scores", "resolution")[k])
    figure.legend(*middle.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure
