"""From a figure's name to its files: the pictures and the CSV of exactly the plotted numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import catalogue, style


def render(name: str, output: Path, formats: Sequence[str] = catalogue.FORMATS, **options: Any) -> None:
    """Draw one figure into a directory; options are those of its ``data``."""
    module = catalogue.load(name)
    table = module.data(**options)
    with style.applied():
        figure = module.draw(table)
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # one layout, found once, for all formats
        for extension in formats:
            style.save(figure, output / f"{name}.{extension}")
    table.to_csv(output / f"{name}.csv")
