r"""The space of predictions: the risk of odd heads, isotropic, as a quadratic form in nine numbers (R12c).

A layer's heads enter its prediction through :math:`T = \sum_h Q_h \otimes v_h` alone, in which every risk is a convex
quadratic. Odd heads with the symmetry about the target :math:`\theta` (six scalars each) meet seven of its coordinates; each
token i, the query itself among them, adds to N times the prediction the coordinate times

=== ======================= =======================================================
A   sum alpha q             :math:`\theta^\top x_i`
k   sum alpha beta          :math:`(\theta^\top x_i)(x_q^\top x_i)`
g   sum alpha gamma         :math:`(\theta^\top x_i)^2\,\theta^\top x_q`
b   sum w q                 :math:`y_i`
p   sum w beta              :math:`y_i\,x_q^\top x_i`
h   sum w gamma+alpha delta :math:`y_i(\theta^\top x_i)(\theta^\top x_q)`
e   sum w delta             :math:`y_i^2\,\theta^\top x_q`
c8  (one head, v_0)         :math:`\theta^\top x_q`
c9  (d heads)               :math:`|x_i|^2\,\theta^\top x_q`
=== ======================= =======================================================

and any number of heads the last two as well: averaged over the symmetries, the best T lies among these nine. One head is
a T of rank one, (alpha, w) times (q, beta, gamma, delta), which is all that is not convex. Source: new here.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .contractions import Head, Layer, Polar, Tasks
from .kinds import Array, Number
from .lines import Lines
from .points import World
from .space import exact_quotient, objects

SEVEN = ("A", "k", "g", "b", "p", "h", "e")
NINE = (*SEVEN, "c8", "c9")


class Form(NamedTuple):
    """What a risk exceeds sigma^2 by, as constant - 2 slope.x + x.matrix x in coordinates x."""

    constant: Any
    slope: Array
    matrix: Array

    def at(self, x: Any) -> Any:
        """Its value."""
        return self.constant + x @ (self.matrix @ x - 2 * self.slope)

    def along(self, columns: Any) -> Form:
        """The form in coordinates y, x = columns y."""
        return Form(self.constant, columns.T @ self.slope, columns.T @ self.matrix @ columns)


def axis_world(d: Number, noise_variance: Number, target_norm2: Number = 1) -> World:
    """The isotropic world with two directions across the target marked, of which the rest are copies."""
    space = Lines(objects(1, 1, 1, d - 3), objects(target_norm2, 1, 1, 1))
    target = space.vector(objects(1, 0, 0, 0))
    return World(space, space.identity, None, target, d, noise_variance, None, None, None, None, 0, None)


def directions(world: World) -> list[Layer]:
    """A layer that meets one coordinate, for each of the first eight; then (f.x_i)^2 theta.x_q for both f across."""
    space, theta = world.space, world.target
    zero, none = 0 * theta, 0 * world.sigma
    identity, dyad, nothing = space.identity, space.outer(theta, theta), 0 * space.constant

    def head(v: Any, q: Number = 0, B: Any = none, b: Any = zero, p: Any = zero) -> Layer:
        return Layer((Head(v, space.score(q, nothing, p, B, b)),))

    along, label = space.token_vector(0, theta, 0), space.label
    across = [space.vector(objects(0, *axis, 0)) for axis in ((1, 0), (0, 1))]  # type: ignore[attr-defined]
    return [
        head(along, q=1),
        head(along, B=identity),
        head(along, B=dyad),
        head(label, q=1),
        head(label, B=identity),
        head(label, B=dyad),
        head(label, b=theta),
        head(space.constant, p=theta),
        *(head(space.token_vector(0, f, 0), B=space.outer(theta, f)) for f in across),
    ]


def form(world: World, layers: list[Layer], tasks: Tasks, share: Number, per_token: Number) -> Form:
    """The risk as a form in the coefficients of these layers; ``share`` is n/N, ``per_token`` 1/N."""

    def at(layer: Layer, direction: bool) -> Polar:
        return Polar(world.space, world.inputs(), layer, tasks, share, per_token, direction)

    truth, parts = at(Layer(()), False), [at(layer, True) for layer in layers]
    matrix = np.empty((len(parts), len(parts)), dtype=object)
    for i, one in enumerate(parts):
        for j in range(i + 1):
            matrix[i, j] = matrix[j, i] = one @ parts[j]
    return Form(truth @ truth, objects(*(-1 * (truth @ one) for one in parts)), matrix)


def nine_coordinates(world: World, tasks: Tasks, share: Number, per_token: Number) -> Form:
    """The risk as a form in :data:`NINE`, of which the first seven are odd heads'."""
    d, theta = world.d, world.target
    constant, slope, matrix = form(world, directions(world), tasks, share, per_token)
    # |x|^2 = (theta.x)^2/|theta|^2 + the sum over d - 1 directions across, which are alike
    columns = np.zeros((10, 9), dtype=int).astype(object)
    columns[range(8), range(8)] = 1
    columns[2, 8], columns[8, 8] = exact_quotient(1, theta @ theta), d - 1
    summed = Form(constant, slope, matrix).along(columns)
    crossed = matrix[8, 9] - matrix[8, 8]  # what two of them have in common less what one has with itself
    summed.matrix[8, 8] = summed.matrix[8, 8] + (d - 1) * ((d - 2) * crossed)
    return summed
