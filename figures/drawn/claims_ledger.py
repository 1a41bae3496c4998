"""The ledger of published claims as a picture."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from theory import AttentionParameters, Setting, claims, fixed_point, risk
from theory.ledger import lee2026
from theory.names import CanonicalName

from .. import style
from ..official import MANY_SHOTS, SETTING, trained_models
from ..table import Table

NAME = "claims_ledger"
TITLE = "Published numbers and claims against derived and trained ones"
CAPTION = (
    "(a) Derived numbers (filled circles) and those of trained models (open squares: mean over seeds, bar from the smallest "
    "to the largest) relative to the published ones (crosses at 0), each with its verdict. Filled: from the balanced "
    "start. Only c depends on the start: open circle, from w₀ = 1; diamonds, from the trained models' own w₀. (b) The claims that "
    "are not one number. d = 5, m = 20, σ² = 0.1."
)
THEOREM = "The ledger: python -m theory claims --paper lee2026."
NOTICE = (
    "Four of the six published numbers are corrected, by 1 to 10 per cent, and one holds. The published c/w is between those that flow selects "
    "from the balanced start and from w₀ = 1, and below those of the trained models, whom the law at their own w₀ gives 1 to 2% "
    "less: SGD's steps do not quite conserve |v|² − |Q|². It and four of the other claims are true under a "
    "condition that can be stated exactly."
)

Quantity = Callable[[AttentionParameters, Setting], float]


def label_gain(model: AttentionParameters, setting: Setting) -> float:
    """tr(wB)/d."""
    return float(model.value_scale * np.trace(model.B) / model.d)


def memory_ratio(model: AttentionParameters, setting: Setting) -> float:
    """c/w: theta_0.v_x / (|theta_0|^2 w)."""
    target = setting.target_vector()
    return float(target @ model.v_x / (target @ target) / model.value_scale)


def many_shot_risk(model: AttentionParameters, setting: Setting) -> float:
    """The risk on the target at infinitely many shots."""
    return float(risk(model, MANY_SHOTS, setting=setting))


def zero_shot_risk(model: AttentionParameters, setting: Setting) -> float:
    """The risk on the target at zero shots."""
    return float(risk(model, 0, setting=setting))


# The claims that are one number about one model; the others are inequalities or identities.
NUMBERS: dict[str, tuple[CanonicalName, Quantity]] = {
    "pretrained a": ("pretrained", label_gain),
    "zero-shot c": ("zero_shot", memory_ratio),
    "zero-shot value w": ("zero_shot_value", label_gain),
    "mixed value w*": ("mixed_value", label_gain),
    "full fine-tuning limit": ("zero_shot", many_shot_risk),
    "value zero-shot error": ("zero_shot_value", zero_shot_risk),
}


def printed_number(text: str) -> float:
    """The number at the end of a printed value: "m/(m+1+d) = 0.7692" or "0.1 + 2/9"."""
    return float(sum(Fraction(part.strip()) for part in text.rpartition("=")[2].split("+")))


def data(training: Path | None = None) -> Table:
    """One row a claim: claim, where, ruling, derivation, printed, derived, trained_mean, _smallest, _largest, seeds.

    Derived from the balanced start; `from_one` is derived from w_0 = 1, `own_scale` from each trained model's own w_0
    (_mean, _smallest, _largest). `training` is a directory of training files; default: those shipped.
    """
    runs = trained_models(training)
    rows: list[dict[str, Any]] = []
    shown = {claim.name for claim in lee2026.CLAIMS}
    for claim, verdict in (
        (judged.claim, judged.verdict) for judged in claims("lee2026") if judged.claim.name in shown
    ):
        row: dict[str, Any] = {
            "claim": claim.name,
            "where": claim.where,
            "printed_text": claim.printed,
            "ruling": verdict.ruling,
            "derivation": verdict.derived,
        }
        if claim.name in NUMBERS:
            strategy, quantity = NUMBERS[claim.name]
            trained = [quantity(run.models[strategy], run.setting) for run in runs]
            scales = [abs(run.models["pretrained"].value_scale) for run in runs]
            from_one, *own_scale = (derived(strategy, quantity, scale) for scale in (1.0, *scales))
            row |= {
                "printed": printed_number(claim.printed),
                "derived": derived(strategy, quantity, "balanced"),
                "from_one": from_one,
                **_spread("own_scale", own_scale),
                **_spread("trained", trained),
                "seeds": len(runs),
            }
        rows.append(row)
    rows.sort(key=lambda row: "printed" not in row)  # numbers first, each part in the ledger's order
    return Table.stack(*(Table(row) for row in rows))


def derived(strategy: CanonicalName, quantity: Quantity, value_scale: float | Literal["balanced"]) -> float:
    """What the theory gives, from a pretrained model of this value scale."""
    setting = SETTING.replace(value_scale=value_scale)
    return quantity(fixed_point(strategy, setting=setting), setting)


def _spread(name: str, values: list[float]) -> dict[str, float]:
    return {f"{name}_mean": float(np.mean(values)), f"{name}_smallest": min(values), f"{name}_largest": max(values)}


def draw(table: Table) -> Figure:
    """Claims with a number above, as points beside their verdicts; the others below, in words. Two columns wide."""
    figure = style.figure(style.DOUBLE, 5.0 * style.crowding())
    count = int((~np.isnan(table["printed"])).sum())
    rows = list(zip(table["claim"], table["ruling"], table["derivation"], strict=True))
    panels = figure.subplot_mosaic(
        [["numbers", "verdicts"], ["words", "words"]], width_ratios=(4, 5), height_ratios=(count + 1, len(rows) - count)
    )
    _numbers(panels["numbers"], table, count)
    _verdicts(panels["verdicts"], rows[:count], None, 0.0, 0.24)
    _verdicts(panels["words"], rows[count:], 0.0, 0.19, 0.34)
    style.panel_title(panels["numbers"], 0, "claims with a number")
    style.panel_title(panels["words"], 1, "claims without")
    figure.legend(*panels["numbers"].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return figure


def _numbers(axes: Axes, table: Table, count: int) -> None:
    y = np.arange(count)[::-1]

    def percent(name: str) -> Any:
        return 100 * (table[name][:count] / table["printed"][:count] - 1)

    def bars(name: str, rows: Any, **look: Any) -> None:
        middle, smallest, largest = (percent(f"{name}_{part}")[rows] for part in ("mean", "smallest", "largest"))
        error = [
            (middle - smallest).tolist(),
            (largest - middle).tolist(),
        ]  # Matplotlib 3.9 warns of arrays of length 1
        axes.errorbar(
            middle, y[rows] - 0.28, xerr=error, elinewidth=style.stroke(1), capsize=style.size(2),
            markerfacecolor="white", **look,
        )  # fmt: skip

    moves = ~np.isclose(percent("from_one"), percent("derived"))  # with the start
    axes.plot(percent("derived"), y, "o", color="#0072B2", markersize=style.size(5), label="derived")
    axes.plot(
        percent("from_one")[moves], y[moves], "o", color="#0072B2", markersize=style.size(5), markerfacecolor="white",
        label="from $w_0=1$",
    )  # fmt: skip
    bars("own_scale", moves, fmt="D", color="#0072B2", label="from trained $w_0$")
    axes.plot(
        np.zeros(count), y, "x", color="black", markersize=style.size(5.5), markeredgewidth=style.stroke(1.2),
        label="printed", zorder=4,
    )  # fmt: skip
    bars("trained", slice(None), fmt="s", color="#D55E00", label="trained")
    axes.set(ylim=(-0.6, count - 0.4), xlabel="difference from the printed number [%]")
    axes.set_yticks(y, [_typeset(name) for name in table["claim"][:count]])
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    _rules(axes, count)


def _verdicts(
    axes: Axes, rows: list[tuple[str, str, str]], claim: float | None, ruling: float, derivation: float
) -> None:
    """A table in words, its columns at fractions of the width in a paper."""
    axes.set_axis_off()
    crowding = style.crowding()
    letters = (_WIDTH if claim is not None else 0.58 * _WIDTH) / (1 - derivation) * (1 / crowding - derivation)
    axes.set(xlim=(0, 1), ylim=(-0.6, len(rows) - 0.4))
    for k, (name, verdict, text) in enumerate(rows):
        y = len(rows) - 1 - k
        if claim is not None:
            axes.text(claim, y, _typeset(name), va="center", fontsize=style.size(8))
        axes.text(
            crowding * ruling, y, verdict, color=style.on_page(_COLORS[verdict]), weight="bold", va="center",
            fontsize=style.size(8),
        )  # fmt: skip
        wrapped = textwrap.fill(_typeset(text), round(letters / crowding**0.3), break_on_hyphens=False)
        axes.text(crowding * derivation, y, wrapped, va="center", fontsize=style.size(8), linespacing=1.0)
    _rules(axes, len(rows))


def _rules(axes: Axes, count: int) -> None:
    for k in range(count):
        axes.axhline(k - 0.5, color="0.85", linewidth=style.stroke(0.5), zorder=0)


_COLORS = {"confirmed": "#00704F", "conditional": "#8A5A00", "corrected": "#B03A00"}
_WIDTH = 86  # letters in a line


def _typeset(text: str) -> str:
    """Plain text with its formulas as mathematics."""
    for plain, typeset in (
        ("theta' Sigma theta_0", "$θ′Σθ_0$"),
        ("theta' Sigma theta", "$θ′Σθ$"),
        ("(n, theta)", "$(n,θ)$"),
        ("sigma^2", "$σ^2$"),
        (" Sigma", " $Σ$"),
        (")^2", ")$^2$"),
        ("w_0", "$w_0$"),
        (">=", "≥"),
        ("<=", "≤"),
        (" - ", " − "),
        ("infinity", "∞"),
    ):
        text = text.replace(plain, typeset)
    return re.sub(r" ([<>≤≥]) ", "\u00a0\\1\u00a0", text)  # no line ends within a relation
