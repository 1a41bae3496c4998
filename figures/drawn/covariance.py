"""Risk curves for inputs that are not isotropic, with the target along large or small directions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from theory import STRATEGIES, Setting, risk
from theory.names import CanonicalName

from .. import official, style
from ..table import Table

NAME = "covariance"
TITLE = "Input covariance: a target along the small directions is hard to learn in context"
CAPTION = (
    "Risk on the target against the number n of shots for power-law (top) and spiked (bottom) input "
    "spectra, with the target along the largest or the smallest eigendirection or spread evenly over all, "
    "against isotropic inputs. d = {d}, tr Σ = d, signal power s = θ₀′ Σ θ₀ = 1 throughout, m = {m}, σ² = "
    "{noise}."
)
THEOREM = "R0, R1, R4, R5 for any covariance."
NOTICE = (
    "At equal signal power only the direction differs: pretraining shrinks the small directions most, so "
    "that a target there keeps much of its error at any number of shots. The mixed strategies that train "
    "key-query (R6, R7) depend on the signal power alone and would show no difference at all."
)

SETTING = official.SETTING.replace(d=10)
SHOWN: tuple[CanonicalName, ...] = ("pretrained", "zero_shot_value", "mixed_value")
SPECTRA: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {  # of the directions 1, ..., d
    "power law": lambda k: k**-1.5,
    "spiked": lambda k: np.where(k <= 2, 10.0, 1.0),
}
PLACES = ("isotropic", "largest", "smallest", "evenly")


def setting_of(spectrum: str, place: str, setting: Setting = SETTING) -> Setting:
    """Trace d, signal power 1."""
    if place == "isotropic":
        return setting
    d = int(setting.d)
    eigenvalues = SPECTRA[spectrum](np.arange(1.0, d + 1))
    eigenvalues = eigenvalues * d / eigenvalues.sum()
    direction: NDArray[np.float64] = np.ones(d)
    if place != "evenly":
        direction = np.eye(d)[0 if place == "largest" else -1]
    target = direction / np.sqrt(direction @ (eigenvalues * direction))
    return setting.replace(covariance=np.diag(eigenvalues), target=target)


def data(setting: Setting = SETTING) -> Table:
    """Columns spectrum, strategy, target (its place), n_shots, risk."""
    n = np.arange(61)
    return Table.stack(
        *(
            Table(
                {
                    "spectrum": spectrum,
                    "strategy": name,
                    "target": place,
                    "n_shots": n,
                    "risk": risk(name, n, setting=setting_of(spectrum, place, setting)),
                }
            )
            for spectrum in SPECTRA
            for name in SHOWN
            for place in PLACES
        )
    )


_LOOKS: dict[str, dict[str, Any]] = {
    "isotropic": {"color": "black", "linestyle": "-"},
    "largest": {"color": "#0072B2", "linestyle": (0, (5, 1.5)), "marker": "^"},
    "smallest": {"color": "#D55E00", "linestyle": (0, (1, 1)), "marker": "s"},
    "evenly": {"color": "#009E73", "linestyle": (0, (6, 1.5, 1, 1.5)), "marker": "o"},
}
_LABELS = {
    "isotropic": "isotropic inputs",
    "largest": "target along the largest",
    "smallest": "along the smallest",
    "evenly": "spread evenly",
}


def draw(table: Table) -> Figure:
    """Six panels, two columns wide."""
    figure = style.figure(style.DOUBLE, 4.2)
    panels = figure.subplots(2, 3, sharex=True, sharey="row")
    for row, (spectrum, part) in zip(panels, table.groups("spectrum"), strict=True):
        for axes, (name, curves) in zip(row, part.groups("strategy"), strict=True):
            for place, curve in curves.groups("target"):
                axes.plot(
                    curve["n_shots"], curve["risk"], markevery=10, markerfacecolor="white", label=_LABELS[place],
                    linewidth=style.stroke(0.9 if place == "isotropic" else 1.3), **_LOOKS[place],
                )  # fmt: skip
            axes.set(xlim=(0, 60), ylim=(0, None))
            k = list(panels.flat).index(axes)
            style.panel_title(axes, k, f"{spectrum}: {STRATEGIES[name].label}")
        row[0].set_ylabel("risk on target")
    for axes in panels[1]:
        axes.set_xlabel(style.LABELS["n"])
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure
