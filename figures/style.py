"""How every figure looks: sizes, fonts, colours that survive colour blindness and greyscale, and byte-stable files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import matplotlib
import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba_array
from matplotlib.figure import Figure, FigureBase
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D

from theory.strategies import find_strategy
from theory.validation import reject

SINGLE, DOUBLE = 3.4, 7.0  # inches: one and two columns of a paper

RC: dict[str, Any] = {
    "font.family": "STIXGeneral",
    "mathtext.fontset": "stix",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "legend.handlelength": 2.4,
    "legend.borderaxespad": 0.3,
    "legend.labelspacing": 0.25,
    "legend.columnspacing": 1.2,
    "axes.linewidth": 0.6,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "0.9",
    "grid.linewidth": 0.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.3,
    "lines.markersize": 3.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "hatch.linewidth": 0.5,
    "figure.dpi": 100,
    "savefig.dpi": 200,
    "pdf.fonttype": 42,
    "svg.hashsalt": "icl-finetuning-theory",  # else the ids in an SVG file are random
}

# Okabe and Ito's palette, a line style and a marker for each strategy.
_LOOKS: dict[str, tuple[str, Any, str]] = {
    "pretrained": ("#000000", "-", "o"),
    "zero_shot": ("#D55E00", (0, (5, 1.5)), "s"),
    "zero_shot_value": ("#0072B2", "-", "^"),
    "zero_shot_kq": ("#999999", (0, (1, 1)), "x"),
    "mixed": ("#CC79A7", (0, (6, 1.5, 1, 1.5)), "D"),
    "mixed_value": ("#009E73", (0, (3, 1)), "v"),
    "mixed_kq": ("#E69F00", (0, (1, 1)), "P"),
    "soft_prompt": ("#009E73", "-", "*"),
    "skip": ("#999999", (0, (5, 1.5)), "+"),
    "frozen_q": ("#0072B2", (0, (1, 1)), "X"),
    "new_head": ("#CC79A7", "-", "d"),
}
_STYLES = ("-", (0, (5, 1.5)), (0, (6, 1.5, 1, 1.5)), (0, (1, 1)), (0, (3, 1, 1, 1, 1, 1)), (0, (8, 2)))
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<")

REFERENCE: dict[str, Any] = {"color": "0.35", "linewidth": 0.8, "linestyle": (0, (2, 2)), "zorder": 1.5}

LABELS = {
    "n": r"shots $n$",
    "risk": "risk",
    "d": r"dimension $d$",
    "m": r"shots in training $m$",
    "noise": r"noise variance $\sigma^2$",
}


# A look: how much larger pictures and letters are, and how much heavier lines, than in a paper; whether greys are reversed.
LOOKS: dict[str, tuple[float, float, bool]] = {"paper": (1, 1, False), "talk": (1.6, 1.5, False), "dark": (1, 1, True)}
DARK, INK = 0.09, 0.93  # the greys that stand for white and for black on a dark page

_scale = 1.0
_place: Axes | None = None


@contextmanager
def applied(look: str | None = "paper", place: Axes | None = None) -> Iterator[None]:
    """Matplotlib's defaults and a look, whatever the user's configuration says; None: the user's configuration.

    ``place`` are axes whose place the next figure takes.
    """
    global _scale, _place
    before = _scale, _place
    _place = place
    try:
        if look is None:
            yield
            return
        _scale, weight, _ = LOOKS[look]
        larger = {name: value * _scale for name, value in RC.items() if name.endswith("size")}
        heavier = {name: value * _scale * weight for name, value in RC.items() if name.endswith(("linewidth", "width"))}
        with matplotlib.style.context(["default", {**RC, **larger, **heavier}]):
            yield
    finally:
        _scale, _place = before


def figure(width: float, height: float) -> Figure:
    """An empty figure of a size in inches, laid out so that nothing overlaps; or one in the place of axes."""
    if _place is not None:
        spec, whole = _place.get_subplotspec(), _place.figure
        if spec is None:
            raise reject("ax", _place, "one of a figure's subplots, whose place the panels can take")
        _place.remove()
        return cast(Figure, whole.add_subfigure(spec))  # all that a figure here is asked for
    return Figure(
        figsize=(_scale * width, _scale * height),
        layout=ConstrainedLayoutEngine(w_pad=0.03, h_pad=0.03, wspace=0.03, hspace=0.03),
    )


def finished(made: FigureBase, look: str | None) -> None:
    """On a dark page every grey is reversed, black and white among them; colours stay."""
    if look is None or not LOOKS[look][2]:
        return
    if isinstance(made, Figure):
        made.draw_without_rendering()  # which makes the ticks
    for artist in dict.fromkeys(made.findobj()):
        if isinstance(artist, FigureBase | Axes):  # whose colours are their patches'
            continue
        for name in ("markerfacecolor", "markeredgecolor", "facecolor", "edgecolor", "color"):
            getter, setter = getattr(artist, f"get_{name}", None), getattr(artist, f"set_{name}", None)
            if getter is None or setter is None or (name == "color" and hasattr(artist, "get_facecolor")):
                continue
            colors = getter()
            if isinstance(colors, str) and colors in ("none", "auto"):
                continue
            rgba = to_rgba_array(colors)
            grey = (np.ptp(rgba[:, :3], axis=1) < 0.01) & (rgba[:, 3] > 0)
            if grey.any():
                rgba[grey, :3] = INK - (INK - DARK) * rgba[grey, :3]
                setter(rgba[0] if len(rgba) == 1 else rgba)


def limits(low: float, high: float, values: Any) -> tuple[float, float]:
    """A logarithmic axis's limits, widened where a setting of one's own needs it."""
    return min(low, 0.9 * float(np.min(values))), max(high, 1.1 * float(np.max(values)))


def save(made: Figure, path: Path) -> None:
    """Write a picture without dates, so that the same numbers give the same bytes."""
    dates: dict[str, dict[str, Any]] = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}
    made.savefig(path, facecolor="auto", format=path.suffix[1:], metadata=dates.get(path.suffix[1:]))


def strategy(name: str, *, marker: bool = False) -> dict[str, Any]:
    """A strategy's colour, line style and label, as keywords of ``plot``."""
    color, line, symbol = _LOOKS[name]
    look = {"color": color, "linestyle": line, "label": find_strategy(name).label}
    return {**look, "marker": symbol, "markerfacecolor": "white", "markeredgewidth": 0.8} if marker else look


def sequence(size: int, *, marker: bool = True) -> list[dict[str, Any]]:
    """Looks of a parameter's increasing values: from dark to light, with line styles and markers of their own."""
    colors = matplotlib.colormaps["viridis"]
    looks = []
    for k in range(size):
        look: dict[str, Any] = {
            "color": colors(0.85 * k / max(1, size - 1)),
            "linestyle": _STYLES[k % len(_STYLES)],
        }
        if marker:
            look |= {"marker": _MARKERS[k % len(_MARKERS)], "markerfacecolor": "white", "markeredgewidth": 0.8}
        looks.append(look)
    return looks


def panel_title(axes: Axes, index: int, text: str) -> None:
    """The panel's letter and what it shows, above its left edge."""
    axes.set_title(rf"$\bf{{{chr(ord('a') + index)}}}$  {text}", loc="left", linespacing=1.0)


def reference(axes: Axes, height: float, text: str, *, x: float = 1.0, above: bool = True) -> Line2D:
    """A thin horizontal line with its name at a fraction x of the width."""
    line = axes.axhline(height, **REFERENCE)
    axes.annotate(
        text, (x, height), xycoords=("axes fraction", "data"), xytext=(0, 2 if above else -2),
        textcoords="offset points", ha="right" if x > 0.5 else "left", va="bottom" if above else "top",
        fontsize=8, color="0.25",
    )  # fmt: skip
    return line
