r"""The block law: where gradient flow stands at time t, for any loss, if one block of one head trains.

At fixed Q every loss (a weighted sum of risks at any shots, on a task or a prior, and a pull to the start) is quadratic
in v; at fixed v it is quadratic in Q. With gradient g and Hessian H at the start :math:`x_0`, over a basis of the trained
entries with Gram matrix G, flow is :math:`G\dot x = -\nabla L` and

.. math:: x(t) = x_0 - \varphi_t(G^{-1}H)\,G^{-1}g, \qquad \varphi_t(\lambda) = (1 - e^{-\lambda t})/\lambda,

with t in the place of :math:`\varphi_t(0)`; at t = infinity it is the pseudo-inverse, and flat directions stay. A weight
0+ is an order of stages: the first loss is minimised, then the second along its minimisers. The gradient and the Hessian
are entries of one Gram matrix, that of what the start and the directions contribute to the loss (:class:`~theory.contractions.Polar`).

Every start is odd-symmetric (:math:`v_0 = 0`, :math:`Q_{0x} = Q_{x0} = 0`), and flow stays so: these entries do not move.
Where the world is two lines a basis has six entries at most, and Symbols give closed forms; else it has one direction an
entry. The value matrix without the few-shot loss needs no basis at any d: its Hessian is :math:`2\Sigma A` with A a
polynomial in :math:`M = B\Sigma` (R16).

Sources: the law is linear algebra; early stopping as a filter on the spectrum is classical. Its use here is new.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from .contractions import Head, Layer, Polar, Tasks
from .kinds import FLOATS, Array, Kind, Number, common_kind, square_root
from .laws import pretrained, pretrained_scale, product_norm2
from .lines import Lines
from .matrices import Matrices
from .points import Case, Point, World
from .quadratic_law import at_time, exponential, is_zero, phi, plain, tidied
from .space import exact_quotient, objects
from .strategies import KEY_QUERY, SETTING, SKIP, VALUE, Strategy
from .tasks import UNSEEN
from .validation import NoClosedForm
from .worlds import parts_of, tasks_of

LARGEST_BASIS = 400  # directions: their pairs take a minute


def block_cases(strategy: Strategy) -> tuple[Case, ...]:
    """The case of a strategy that trains entries of v alone, or of Q alone."""
    return (Case(partial(trained_point, strategy), pretrained_scale, recorded=False),)


def trained_point(strategy: Strategy, world: World) -> Point:
    """Where the flow of the strategy's loss stands at its time. Gauge: w_0 = 1."""
    start = pretrained(world)
    entries = strategy.entries()
    two_lines = isinstance(world.space, Lines) and world.space.few
    if not two_lines and world.attends and "v_x" in entries and is_zero(strategy.few_shot):
        return _value_point(strategy, world, start)
    found = quadratic_flow(strategy, world, start)
    if found is None:
        return start
    basis, gram, stages, kind = found
    steps = at_time(stages, gram, strategy.time, kind)
    return _moved(start, basis, steps, world)


class QuadraticFlow(NamedTuple):
    """The directions that train, their Gram matrix, and gradient and Hessian at the start of each stage's loss."""

    basis: list[_Direction]
    gram: Any
    stages: list[tuple[Any, Any]]
    kind: Kind


def quadratic_flow(strategy: Strategy, world: World, start: Point) -> QuadraticFlow | None:
    """What the law asks of a strategy's loss; None where nothing trains."""
    entries = strategy.entries()
    basis = _basis(entries, world)
    if not basis:
        return None
    losses = losses_of(strategy, world)
    kind = common_kind((*strategy.numbers(), *(x for loss in losses for x in loss[:3]), world.noise_variance, world.d))
    gram = _gram(world.space, basis, _metric(strategy, world, entries[0]))
    stages = [_quadratic(stage, basis, start, world, kind) for stage in stages_of(losses)]
    if not is_zero(strategy.pull):
        gradient, hessian = stages[0]
        stages[0] = gradient, hessian + 2 * kind.number(strategy.pull) * gram
    return QuadraticFlow(basis, gram, stages, kind)


# --- the loss --------------------------------------------------------------------------------------------------------


class _Loss(NamedTuple):
    """A weighted risk: n/N and 1/N at its shots, and its tasks; ``later``: its weight is 0+."""

    weight: Number
    share: Number
    per_token: Number
    tasks: Tasks
    later: bool = False


def _few_shot_weight(strategy: Strategy, world: World) -> Number:
    return world.few_shot_weight if strategy.few_shot == SETTING else strategy.few_shot


def losses_of(strategy: Strategy, world: World) -> list[_Loss]:
    """The weighted risks that a strategy descends; one whose weight is 0+ comes later."""
    targets = parts_of(world, "target")
    losses = []
    if not is_zero(strategy.zero_shot):
        per_token = _reciprocal(world.zero_shot_tokens)
        losses += [_Loss(p * strategy.zero_shot, 0, per_token, target) for p, target in targets]
    if not is_zero(strategy.replay):
        losses.append(_Loss(strategy.replay, world.gain - world.per_token, world.per_token, tasks_of(world, UNSEEN)))
    weight, limit = _few_shot_weight(strategy, world), False
    if strategy.few_shot == SETTING and is_zero(weight):
        weight, limit = 1, bool(losses) or not is_zero(strategy.pull)
    if not is_zero(weight) and not (limit and strategy.time is not math.inf):  # which a weight 0+ takes for ever
        per_token = _reciprocal(world.few_shot_tokens)
        share = world.few_shot_shots * per_token
        losses += [_Loss(p * weight, share, per_token, target, limit) for p, target in targets]
    return losses


def stages_of(losses: list[_Loss]) -> list[list[_Loss]]:
    """Those of one order of weight together: each stage moves along the minimisers of those before."""
    stages = [[loss for loss in losses if loss.later == later] for later in (False, True)]
    return [stages[0], stages[1]] if stages[1] else [stages[0]]


def _reciprocal(x: Number) -> Number:
    return exact_quotient(1, x)


def _metric(strategy: Strategy, world: World, block: str) -> Number:
    """The squared length of a direction of length 1 in the gauge, (V, Q) being (k v, Q/k): it matters to pulls and times."""
    if block in SKIP or (strategy.time is math.inf and is_zero(strategy.pull)):
        return 1
    scale = world.value_scale
    squared = square_root(product_norm2(world)) if scale is None else scale * scale
    return squared if block in VALUE else 1 / squared


# --- directions ------------------------------------------------------------------------------------------------------


class _Direction(NamedTuple):
    """An entry of a block: a vector, an operator, or 1."""

    block: str
    entry: Any


def _basis(entries: tuple[str, ...], world: World) -> list[_Direction]:
    space: Any = world.space
    if isinstance(space, Lines) and space.few:
        theta = world.target
        lines = [space.diagonal(objects(1, 0)), space.diagonal(objects(0, 1))]
        if is_zero(world.d - 1):  # nothing is across
            lines = lines[:1]
        parts = {"v_x": [theta], "w": [1], "q": [1], "B": lines, "b": [theta], "skip": [theta]}
    else:
        d = len(world.target) if isinstance(space, Matrices) else len(space.multiplicity)
        inputs = [space.vector(x) for x in np.asarray(_units(space, d))]
        size = sum({"v_x": d, "w": 1, "q": 1, "B": d * d, "b": d, "skip": d}.get(entry, 0) for entry in entries)
        if size > LARGEST_BASIS:
            raise NoClosedForm(
                f"trains = {entries!r} with the losses asked for has no closed form at d = {d}: its basis would have "
                f"{size} directions, and at most {LARGEST_BASIS} are taken; integrate the flow: "
                "numerics.flow(strategy, setting, until='converged')"
            )
        parts = {
            "v_x": inputs, "w": [1], "q": [1], "b": inputs, "skip": inputs,
            "B": [space.outer(x, y) for x in inputs for y in inputs] if "B" in entries else [],
        }  # fmt: skip
    return [_Direction(block, entry) for block in entries for entry in parts.get(block, [])]


def _units(space: Any, d: int) -> Array:
    one = np.eye(d) if space.dtype != object else np.eye(d, dtype=int).astype(object)
    return np.asarray(one)


def _gram(space: Any, basis: list[_Direction], metric: Number) -> Array:
    """Their inner products: directions are orthogonal."""
    gram = np.zeros((len(basis), len(basis)), dtype=int).astype(object)
    for i, (block, entry) in enumerate(basis):
        if block in ("w", "q"):
            length2: Number = 1
        elif block == "B":
            length2 = space.trace_of_product(entry, entry)
        else:
            length2 = entry @ entry
        gram[i, i] = metric * length2
    return gram


def _added(direction: _Direction, world: World, start: Point) -> Layer:
    """What a direction adds to the layer: a head, the other block as it is, or a skip."""
    space, zero = world.space, 0 * world.target
    block, entry = direction
    if block in SKIP:
        return Layer((), skip=space.token_vector(0, entry, 0))
    if block in VALUE:
        v = space.token_vector(0, entry if block == "v_x" else zero, entry if block == "w" else 0)
        return Layer((Head(v, space.token_operator(start.B, 0)),))
    q, B, b = (entry if block == name else none for name, none in (("q", 0), ("B", 0 * start.B), ("b", zero)))
    return Layer((Head(space.token_vector(0, zero, start.w), space.score(q, 0 * space.constant, zero, B, b)),))


def _moved(start: Point, basis: list[_Direction], steps: Any, world: World) -> Point:
    """The start, moved."""
    parts = {"v_x": start.v_x, "w": start.w, "q": start.q, "B": start.B, "b": start.b}
    known = all(block not in KEY_QUERY for block, _ in basis)
    if basis[0].block in SKIP:
        parts["skip"] = 0 * start.v_x
    lines = [0, 0]
    for (block, entry), step in zip(basis, steps, strict=True):
        if block == "B" and hasattr(entry, "multiplicity") and not entry.dyads:
            lines[int(entry.diagonal[1])] = step
            continue
        parts[block] = parts[block] + (step if type(entry) is int else step * entry)
    if not all(map(is_zero, lines)):  # along and across as a multiple of the identity and a dyad
        space: Any = world.space
        along, across = lines
        norm2 = world.target @ world.target
        dyad = space.outer((along - across) / norm2 * world.target, world.target)
        parts["B"] = parts["B"] + across * space.identity + dyad
    return start._replace(**parts) if known else Point(**parts)


def _quadratic(losses: list[_Loss], basis: list[_Direction], start: Point, world: World, kind: Kind) -> tuple[Any, Any]:
    """Gradient and Hessian of a weighted sum of risks over the basis, at the start."""
    size = len(basis)
    gradient, hessian = (np.zeros(shape, dtype=int).astype(object) for shape in (size, (size, size)))
    tidy = tidied(kind)
    inputs = world.inputs()
    added = [_added(direction, world, start)._replace(attends=world.attends) for direction in basis]
    for weight, share, per_token, tasks, _ in losses:
        weight, share, per_token = map(kind.number, (weight, share, per_token))
        at = partial(Polar, world.space, inputs, tasks=tasks, share=share, per_token=per_token)
        origin = at(layer=start.layer(world)._replace(attends=world.attends))
        directions = [at(layer=layer, direction=True) for layer in added]
        for i, one in enumerate(directions):
            gradient[i] = tidy(gradient[i] + 2 * weight * (origin @ one))
            for j, two in enumerate(directions[: i + 1]):
                hessian[i, j] = hessian[j, i] = tidy(hessian[i, j] + 2 * weight * (one @ two))
    return gradient, hessian


# --- the value matrix at any d --------------------------------------------------------------------------------------


def _value_point(strategy: Strategy, world: World, start: Point) -> Point:
    r"""R16: zero-shot loss, replay and pull, at any time. Neither loss couples w with v_x, and w stays.

    Over 2, in the gauge w_0 = 1 and per :math:`\Sigma`: the Hessian is A, a polynomial in M, and the gradient at the
    start :math:`-(t_1 I + 2M)\,\theta_0`, N being 1.
    """
    space: Any = world.space
    M: Any = start.gain
    theta = world.target
    M2 = M @ M
    t_1, t_2, one = space.trace(M), space.trace(M2), space.identity
    own = (t_1 * t_1 + 2 * t_2) * one + 4 * (t_1 * M) + 8 * M2  # K: the query's own token
    kind = common_kind((*strategy.numbers(), t_1, world.noise_variance))
    per_zero = kind.number(_reciprocal(world.zero_shot_tokens))
    zero_shot, replay, pull = map(kind.number, (strategy.zero_shot, strategy.replay, strategy.pull))
    if is_zero(zero_shot):
        return start
    hessian = (zero_shot * per_zero * per_zero) * own
    if not is_zero(replay):
        per_token, share = kind.number(world.per_token), kind.number(world.gain - world.per_token)
        shots = per_token * share * (t_2 * one + 2 * (t_1 * M) + 5 * M2) + share * share * M2
        hessian = hessian + replay * (per_token * per_token * own + shots)
    vector = (zero_shot * per_zero) * (t_1 * theta + 2 * (M @ theta))
    if strategy.time is math.inf and is_zero(pull):
        return start._replace(v_x=space.solve(hessian, vector))
    metric = _metric(strategy, world, VALUE[0])
    hessian, vector = world.sigma @ hessian + (pull * metric) * one, world.sigma @ vector
    if strategy.time is math.inf:
        return start._replace(v_x=space.solve(hessian, vector))
    return start._replace(v_x=_filtered(space, hessian, vector, 2 * kind.number(strategy.time) / metric, kind))


def _filtered(space: Any, hessian: Any, vector: Any, time: Number, kind: Kind) -> Any:
    """phi_t(hessian) vector."""
    if isinstance(space, Lines):
        rates = hessian.diagonal
        if kind is FLOATS:
            return space.vector(phi(np.asarray(rates, dtype=float), time) * vector.coordinates)
        filters = [(1 - exponential(-rate * time)) / plain(rate) for rate in rates]
        return space.vector(objects(*(f * plain(x) for f, x in zip(filters, vector.coordinates, strict=True))))
    if kind is not FLOATS:
        raise NoClosedForm(
            "time: a finite time beside a covariance that is not diagonal has a closed form in floats alone, by its "
            "eigenvalues; give floats, a vector of eigenvalues, or time = math.inf"
        )
    rates, modes = np.linalg.eigh((hessian + hessian.T) / 2)
    return modes @ (phi(rates, time) * (modes.T @ vector))
