"""theory.plot, which the package of figures draws."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from .names import Task, Vector
from .setting import Setting
from .strategies import STRATEGIES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .comparison import Model

NAMED = tuple(STRATEGIES)


def plot(
    setting: Setting,
    strategies: Iterable[Model] | Mapping[str, Model] = NAMED,
    task: Task = "target",
    ax: Axes | None = None,
    *,
    n_shots: Vector | range = range(41),
) -> Axes:
    """Draw the risk against the number of shots, a line a strategy.

    Parameters
    ----------
    setting : Setting
        Where it happens.
    strategies : iterable of str, Strategy or AttentionParameters, or mapping of labels to these
        As :func:`theory.compare` takes them. Default: the named ones.
    task : "target", "opposite", "unseen", number or array (d,)
        The task at evaluation, as :func:`theory.risk` takes it.
    ax : matplotlib Axes, optional
        Where to draw; default: new ones. The caller's rcParams count.
    n_shots : sequence of int
        The shots, 0 to 40 by default.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError, TypeError, NoClosedForm
        As :func:`theory.risk`.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from theory import OFFICIAL, Strategy
    >>> ax = plot(OFFICIAL, ["pretrained", Strategy("value", replay=3)], "unseen", Figure().subplots())
    >>> [line.get_label() for line in ax.lines], ax.get_ylabel()
    (['pretrained', 'value: zero_shot + 3 replay'], 'risk on unseen tasks')
    """
    # Figures import theory: by name at run time, so that imports still point one way.
    drawn: Axes = importlib.import_module("figures.curves").plot_curves(setting, strategies, task, n_shots, ax)
    return drawn
