"""From a figure's name to a picture, and to its files: the pictures and the CSV of exactly the plotted numbers."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from theory import Setting
from theory.validation import choice, reject, unknown_keywords

from . import catalogue, style
from .table import Table


def numbers(name: str, setting: Setting | None = None, **options: Any) -> Table:
    """A figure's numbers: exactly those that are plotted, as in the CSV file beside its picture.

    Parameters
    ----------
    name : str
        One of ``figures.NAMES``.
    setting : theory.Setting, optional
        The world, of a figure that takes one; default: the published experiments'.
    **options
        ``training``, of a figure that shows trained models: a directory of training files; default: those shipped.

    Returns
    -------
    Table
        Named columns, a row a point: ``table["risk"]`` is an array, ``table.where(strategy="mixed")`` some rows,
        ``table.to_csv(path)`` writes it, and ``pandas.DataFrame(table)`` takes it.

    Raises
    ------
    TypeError, ValueError
        If the name or an option is unknown, or the figure takes no setting; the message says why.

    Examples
    --------
    >>> table = numbers("six_strategies", Setting(d=10, noise_variance=0.2, pretrain_shots=30))
    >>> table.columns
    ('task', 'strategy', 'n_shots', 'risk')
    """
    choice("name", name, catalogue.NAMES)
    own = [each for each in catalogue.arguments(name) if each not in ("ax", "look")]
    unknown_keywords("figures.numbers", options.keys() - set(own), ["name", *own])
    if "training" in options:
        options["training"] = _directory("training", options["training"])
    if setting is None:
        return catalogue.load(name).data(**options)
    if not isinstance(setting, Setting):
        raise reject("setting", setting, "a theory.Setting", TypeError)
    why = catalogue.refusal(name, setting)
    if why is not None:
        free = ", ".join(free for free in catalogue.NAMES if catalogue.refusal(free, setting) is None)
        raise reject("setting", setting, f"left out for {name} ({why}); these take it: {free}")
    return catalogue.load(name).data(setting=setting, **options)


def _directory(argument: str, value: Any) -> Path | None:
    """A directory to read from."""
    if value is not None and not isinstance(value, str | PathLike):
        raise reject(argument, value, "a directory", TypeError)
    return None if value is None else Path(value)


def draw(
    name: str,
    *,
    setting: Setting | None = None,
    ax: Axes | None = None,
    look: catalogue.Look | None = None,
    **options: Any,
) -> FigureBase:
    """Draw one figure.

    Parameters
    ----------
    name : str
        One of ``figures.NAMES``.
    setting : theory.Setting, optional
        The world; default: the published experiments'.
    ax : matplotlib Axes, optional
        Whose place the figure takes, all its panels, in the caller's own figure, which is laid out by Matplotlib's
        "constrained" engine if it has none.
    look : {"paper", "talk", "dark", "talk,dark"}, optional
        Default: "paper"; beside ``ax`` the caller's own rcParams, on whose dark axes black is light.
    **options
        As of :func:`numbers`.

    Returns
    -------
    matplotlib Figure, or the SubFigure that took the place of ``ax``
    """
    choice("name", name, catalogue.NAMES)
    allowed = catalogue.arguments(name)
    unknown_keywords(f"figures.{name}", options.keys() - set(allowed), allowed)
    if ax is not None and not isinstance(ax, Axes):
        raise reject("ax", ax, "Matplotlib Axes", TypeError)
    if look is not None:
        choice("look", look, catalogue.LOOKS)
    table = numbers(name, setting, **options)
    with style.applied(look or ("paper" if ax is None else None), ax):
        made = catalogue.load(name).draw(table)
        style.finished(made)
    return made


def render(
    name: str,
    output: Path,
    formats: Sequence[str] = catalogue.FORMATS,
    *,
    setting: Setting | None = None,
    look: catalogue.Look = "paper",
    dpi: float | None = None,
    **options: Any,
) -> None:
    """Draw one figure into a directory; options are those of its ``data``, ``dpi`` is a PNG's (default 200)."""
    module = catalogue.load(name)
    table = numbers(name, setting, **options)
    with style.applied(look):
        figure = module.draw(table)
        style.finished(figure)  # the legends, which the layout has to know
        engine = figure.get_layout_engine()
        assert engine is not None  # style.figure gives each one
        if dpi is not None:
            figure.set_dpi(dpi)  # letters of few dots are wider
        engine.execute(figure)
        figure.set_layout_engine(None)  # one layout, found once; after "none" a file would be drawn twice, for a layout
        for extension in formats:
            style.save(figure, output / f"{name}.{extension}", dpi)
    table.to_csv(output / f"{name}.csv")
