"""What a risk is of, in token space: a layer, the laws of its inputs, the tasks; and the contractions that answer."""

from __future__ import annotations

from typing import NamedTuple

from .kinds import Number
from .space import Operator, Square, Vector


class Head(NamedTuple):
    """One head: v, the last row of its value matrix, and Q, its merged key-query matrix, in token space.

    What a law knows beforehand saves products, or digits that differences would lose: ``product`` is Q times the inputs'
    covariance, Q being symmetric, and ``residual`` the inputs' identity less ``start`` times that product, for a model that
    reads neither a constant nor (in Q) labels. ``anchor`` is a task, at which v is given: v + w (theta - anchor) is what a task sees.
    """

    v: Vector
    Q: Operator
    product: Operator | None = None
    residual: Operator | None = None
    anchor: Vector | None = None
    start: Number = 1


class Layer(NamedTuple):
    r"""What predicts: heads, prompt tokens, a skip, and whether the query attends to itself.

    ``own`` are the heads as the query's own token meets them; None: the same. (They differ in a limit of parameters that
    run to infinity.) ``recital`` is what a prompt adds to N times the prediction, :math:`z_q^\top` of it, where a law knows
    that rather than tokens.
    """

    heads: tuple[Head, ...]
    attends: bool = True
    prompt: tuple[Vector, ...] = ()
    skip: Vector | None = None
    own: tuple[Head, ...] | None = None
    recital: Vector | None = None


class Inputs(NamedTuple):
    """The laws of the tokens (1, x, noise) and (1, x_q, 0): covariances and means in token space."""

    shot: Operator
    mean: Vector
    query: Operator
    query_mean: Vector
    noise_variance: Number
    shifted: bool = False  # whether the query's inputs have another covariance than the shots'


class Tasks(NamedTuple):
    r"""Tasks :math:`\bar\theta + \delta`: their mean, and the law of :math:`\delta`.

    ``spread`` is :math:`E\,\delta\delta^\top`, None for one fixed task; ``fourth_moment`` is :math:`\kappa` in
    :math:`E(\delta^\top X\delta)^2 = \kappa\,[(\mathrm{tr} XP)^2 + 2\,\mathrm{tr} XPXP]`: 1 for Gaussian tasks, d/(d+2) on a
    sphere. ``power_variance`` is the variance of :math:`\delta^\top M\delta`, M the inputs' second moment, where it is known
    beforehand: none on a sphere among inputs without a direction.
    """

    mean: Vector
    spread: Operator | None = None
    fourth_moment: Number = 1
    power_variance: Number | None = None


class RiskTerms(NamedTuple):
    """The contractions of a layer with a task that the risk formula speaks in; free of n and N."""

    noise_variance: Number
    squares: tuple[Square, ...]
    per_shot: Number  # V
    fixed: Number  # W
