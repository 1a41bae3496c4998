"""Phase diagrams: regions of a grid, filled and hatched so that they are told apart without colours."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from numpy.typing import NDArray

Array = NDArray[Any]


def fill_region(axes: Axes, x: Array, y: Array, inside: Array, color: str, hatch: str) -> None:
    """Fill the cells, centred at the points (x, y), that are inside: ``inside[j, i]`` is that of (x[i], y[j])."""
    if not np.any(inside):
        return
    left, right = _cell_edges(x)
    bottom, top = _cell_edges(y)
    rectangles = []
    for j, row in enumerate(inside):
        steps = np.diff(np.concatenate(([0], row.astype(int), [0])))
        for first, last in zip(np.flatnonzero(steps == 1), np.flatnonzero(steps == -1) - 1, strict=True):
            corners = (left[first], bottom[j]), (right[last], bottom[j]), (right[last], top[j]), (left[first], top[j])
            rectangles.append(Path([*corners, corners[0]], closed=True))
    # One path for all, so that neither the fill nor the hatch has seams.
    region = Path.make_compound_path(*rectangles)
    axes.add_patch(PathPatch(region, facecolor=color, hatch=hatch, edgecolor="0.35", linewidth=0))


def _cell_edges(centres: Array) -> tuple[Array, Array]:
    """Halfway between neighbours; the first and the last cell are half a cell."""
    middles = (centres[1:] + centres[:-1]) / 2
    return np.concatenate((centres[:1], middles)), np.concatenate((middles, centres[-1:]))
