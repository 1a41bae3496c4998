"""The functions ``figures.NAME``: what each takes, what its help says, and how it refuses."""

from __future__ import annotations

import functools
import textwrap
from collections.abc import Callable
from inspect import Parameter, Signature
from os import PathLike
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from theory import Setting

from . import catalogue
from .rendering import draw

_TOLD = {
    "setting": """\
setting : theory.Setting, optional
    The world; default: {world}.{unused}""",
    "training": """\
training : str or path, optional
    A directory of training files, as ``python -m figures --retrain`` writes them; default: the shipped runs.""",
    "ax": """\
ax : matplotlib.axes.Axes, optional
    Whose place the figure takes, with all its panels, in your own figure.""",
    "look": """\
look : {{"paper", "talk", "dark", "talk,dark"}}, optional
    Default: "paper"; beside ``ax`` your own rcParams.""",
}

_HELP = """\
{title}.

{caption}

Theorem. {theorem}

Parameters
----------
{parameters}

Returns
-------
matplotlib.figure.Figure
    Not shown and not saved: a notebook shows it, ``picture.savefig("{name}.pdf")`` writes it. Beside ``ax`` it is the
    SubFigure in their place.

Raises
------
TypeError, ValueError
    If an argument is unknown, or not what is said above.{refused}

See Also
--------
figures.numbers : exactly the plotted numbers, ``figures.numbers("{name}")``.

Examples
--------
>>> import figures, theory
>>> picture = figures.{name}({example})
"""


@functools.cache
def function(name: str) -> Callable[..., FigureBase]:
    """The function that draws a figure.

    Examples
    --------
    >>> from inspect import signature
    >>> list(signature(function("memorisation")).parameters)
    ['setting', 'ax', 'look']
    """
    kinds = {
        "setting": Setting | None,
        "training": str | PathLike[str] | None,
        "ax": Axes | None,
        "look": catalogue.Look | None,
    }

    def drawn(setting: Any = None, *, ax: Any = None, look: Any = None, **options: Any) -> FigureBase:
        return draw(name, setting=setting, ax=ax, look=look, **options)

    shown = catalogue.arguments(name)
    drawn.__name__ = drawn.__qualname__ = name
    drawn.__module__ = __package__
    drawn.__doc__ = _help(name, shown)
    parameters = [
        Parameter(
            each,
            Parameter.POSITIONAL_OR_KEYWORD if each == "setting" else Parameter.KEYWORD_ONLY,
            default=None,
            annotation=kinds[each],
        )
        for each in shown
    ]
    drawn.__signature__ = Signature(parameters, return_annotation=FigureBase)  # type: ignore[attr-defined]
    return drawn


def _help(name: str, shown: tuple[str, ...]) -> str:
    """What ``help`` says of a figure."""
    module = catalogue.load(name)
    world: Setting | None = vars(module).get("SETTING") if "setting" in shown else None
    told = {"world": "", "unused": ""}
    if world is not None:
        m, noise = world.pretrain_shots, world.noise_variance
        told["world"] = f"d = {world.d}, pretrain_shots = {m}, noise_variance = {noise}"
        for reason in dict.fromkeys(catalogue.UNUSED.get(name, {}).values()):
            told["unused"] = f"\n    Its {' and '.join(catalogue.UNUSED[name])} stay: {reason}."
    return _HELP.format(
        name=name,
        title=module.TITLE,
        caption=textwrap.fill(catalogue.caption(name), 110, break_on_hyphens=False),
        theorem=module.THEOREM,
        parameters="\n".join(_TOLD[each].format(**told) for each in shown),
        refused=f" It takes no setting: {catalogue.FIXED[name]}." if name in catalogue.FIXED else "",
        example="theory.OFFICIAL.replace(noise_variance=0.2)" if world is not None else "",
    )
