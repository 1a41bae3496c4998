"""How every figure looks: sizes, fonts, colours that survive colour blindness and greyscale, and byte-stable files."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, cast

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

from .catalogue import Look

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

LABELS = {
    "n": r"shots $n$",
    "risk": "risk",
    "d": r"dimension $d$",
    "m": r"shots in training $m$",
    "noise": r"noise variance $\sigma^2$",
}


class _Scale(NamedTuple):
    """How much larger than in a paper a picture, its letters and its lines are; whether greys are reversed."""

    width: float = 1
    height: float = 1
    letters: float = 1
    lines: float = 1
    reversed_greys: bool = False


_TALK = _Scale(width=1.15, height=1.3, letters=1.4, lines=1.8)
_SCALES: dict[Look, _Scale] = {
    "paper": _Scale(),
    "talk": _TALK,
    "dark": _Scale(reversed_greys=True),
    "talk,dark": _TALK._replace(reversed_greys=True),
}
LIGHT_PAGE, DARK_PAGE = (0.0, 0.85), (0.3, 1.0)  # the part of the colour map that is seen there
_COLORS = tuple(name for name in matplotlib.rcParamsDefault if name.endswith("color") and name != "grid.color")


class _Page(NamedTuple):
    """What the next figure is drawn for: its scale, the greys that stand for black and for white if reversed, its place."""

    scale: _Scale = _Scale()
    greys: tuple[float, float] | None = None
    place: Axes | None = None


_page = _Page()


@contextmanager
def applied(look: Look | None = "paper", place: Axes | None = None) -> Iterator[None]:
    """Matplotlib's defaults and a look, whatever the user's configuration says; None: the user's configuration.

    ``place`` are axes whose place the next figure takes.
    """
    global _page
    before = _page
    if look is None:  # a dark configuration is drawn in light colours, to be reversed with all others
        greys = _dark_greys()
        _page = _Page(greys=greys, place=place)
        context: Any = {} if greys is None else {name: matplotlib.rcParamsDefault[name] for name in _COLORS}
    else:
        scale = _SCALES[look]
        _page = _Page(scale, (0.93, 0.09) if scale.reversed_greys else None, place)
        larger = {name: value * scale.letters for name, value in RC.items() if name.endswith("size")}
        heavier = {name: value * scale.lines for name, value in RC.items() if name.endswith(("linewidth", "width"))}
        context = ["default", {**RC, **larger, **heavier}]
    try:
        with matplotlib.style.context(context):
            yield
    finally:
        _page = before


def _dark_greys() -> tuple[float, float] | None:
    """The greys of words and of axes where the caller's own configuration has dark axes, else None."""
    text, axes = (
        float(to_rgba_array(matplotlib.rcParams[name])[0, :3].mean()) for name in ("text.color", "axes.facecolor")
    )
    return (text, axes) if axes < 0.5 else None


def figure(width: float, height: float) -> Figure:
    """An empty figure of a size in inches, laid out so that nothing overlaps; or one in the place of axes."""
    place = _page.place
    if place is not None:
        spec, whole = place.get_subplotspec(), place.figure
        if spec is None:
            raise reject("ax", place, "one of a figure's subplots, whose place the panels can take")
        place.remove()
        root = whole if isinstance(whole, Figure) else whole.figure
        if root.get_layout_engine() is None:
            root.set_layout_engine("constrained")  # else a legend below the panels would lie on them
        return cast(Figure, whole.add_subfigure(spec))  # all that a figure here is asked for
    return Figure(
        figsize=(_page.scale.width * width, _page.scale.height * height),
        layout=ConstrainedLayoutEngine(w_pad=0.03, h_pad=0.03, wspace=0.03, hspace=0.03),
    )


def size(points: float) -> float:
    """A size of letters or of a marker, in points in a paper, on the page that is drawn for."""
    return _page.scale.letters * points


def stroke(points: float) -> float:
    """A line's width, in points in a paper, on the page that is drawn for."""
    return _page.scale.lines * points


def crowding() -> float:
    """How much wider than in a paper letters are in proportion to the figure, on the page that is drawn for."""
    return _page.scale.letters / _page.scale.width


def readable(lines: Iterable[Line2D]) -> None:
    """Black lines as light as words where the caller's own configuration has dark axes."""
    greys = _dark_greys()
    for line in lines:
        if greys is not None and not to_rgba_array(line.get_color())[0, :3].any():
            line.set_color(str(greys[0]))


def finished(made: FigureBase) -> None:
    """Legends fit between the edges; on a dark page every grey is reversed, black and white among them, and colours stay."""
    if _page != _Page():  # in a paper they fit as they are
        _fit_legends(made)
    if _page.greys is None:
        return
    ink, paper = _page.greys
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
            if name == "edgecolor" and _hatched_in_colour(artist):
                continue
            rgba = to_rgba_array(colors)
            grey = (np.ptp(rgba[:, :3], axis=1) < 0.01) & (rgba[:, 3] > 0)
            if grey.any():
                rgba[grey, :3] = ink - (ink - paper) * rgba[grey, :3]
                setter(rgba[0] if len(rgba) == 1 else rgba)


def _hatched_in_colour(artist: Any) -> bool:
    """Whether a hatch lies on a colour, which stays, so that the hatch is seen on it as it is."""
    return bool(getattr(artist, "get_hatch", str)()) and np.ptp(to_rgba_array(artist.get_facecolor())[0, :3]) >= 0.01


def on_page(color: str) -> Any:
    """A dark colour of words, lightened where greys are reversed."""
    rgb = to_rgba_array(color)[0, :3]
    return rgb if _page.greys is None else 0.5 + 0.5 * rgb


def _fit_legends(made: Any) -> None:
    """Fewer columns where a legend below the panels is wider than its share of the place that the figure took."""
    legends = list(made.legends)
    sides = ("center",) if len(legends) == 1 else ("left", "right")
    for legend, side in zip(legends, sides, strict=bool(legends)):
        handles, labels = legend.legend_handles, [text.get_text() for text in legend.get_texts()]
        rows = 1
        while rows < len(labels) and legend.get_window_extent().width > made.bbox.width / len(legends):
            rows += 1
            legend.remove()
            legend = made.legend(handles, labels, loc=f"outside lower {side}", ncols=math.ceil(len(labels) / rows))


def limits(low: float, high: float, values: Any) -> tuple[float, float]:
    """A logarithmic axis's limits, widened where a setting of one's own needs it."""
    return min(low, 0.9 * float(np.min(values))), max(high, 1.1 * float(np.max(values)))


def save(made: Figure, path: Path, dpi: float | None = None) -> None:
    """Write a picture without dates, so that the same numbers give the same bytes; ``dpi``: a PNG's, default 200."""
    dates: dict[str, dict[str, Any]] = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}
    kind = path.suffix[1:]
    made.savefig(path, facecolor="auto", format=kind, metadata=dates.get(kind), dpi=dpi if kind == "png" else None)


def strategy(name: str, *, marker: bool = False) -> dict[str, Any]:
    """A strategy's colour, line style and label, as keywords of ``plot``."""
    color, line, symbol = _LOOKS[name]
    look = {"color": color, "linestyle": line, "label": find_strategy(name).label}
    return {**look, "marker": symbol, "markerfacecolor": "white", "markeredgewidth": stroke(0.8)} if marker else look


def sequence(size: int, *, marker: bool = True) -> list[dict[str, Any]]:
    """Looks of a parameter's increasing values: from dark to light, with line styles and markers of their own."""
    colors = matplotlib.colormaps["viridis"]
    low, high = LIGHT_PAGE if _page.greys is None else DARK_PAGE
    looks = []
    for k in range(size):
        look: dict[str, Any] = {
            "color": colors(low + (high - low) * k / max(1, size - 1)),
            "linestyle": _STYLES[k % len(_STYLES)],
        }
        if marker:
            look |= {"marker": _MARKERS[k % len(_MARKERS)], "markerfacecolor": "white", "markeredgewidth": stroke(0.8)}
        looks.append(look)
    return looks


def panel_title(axes: Axes, index: int, text: str) -> None:
    """The panel's letter and what it shows, above its left edge."""
    axes.set_title(rf"$\bf{{{chr(ord('a') + index)}}}$  {text}", loc="left", linespacing=1.15)


def rule() -> dict[str, Any]:
    """The look of a thin line to compare with, as keywords of ``axhline``."""
    return {"color": "0.35", "linewidth": stroke(0.8), "linestyle": (0, (2, 2)), "zorder": 1.5}


def reference(axes: Axes, height: float, text: str, *, x: float = 1.0, above: bool = True) -> Line2D:
    """A thin horizontal line with its name at a fraction x of the width."""
    line = axes.axhline(height, **rule())
    axes.annotate(
        text, (x, height), xycoords=("axes fraction", "data"), xytext=(0, 2 if above else -2),
        textcoords="offset points", ha="right" if x > 0.5 else "left", va="bottom" if above else "top",
        fontsize=size(8), color="0.25",
    )  # fmt: skip
    return line
