"""A sweep as blocks, each one call of theory.risk: how the product of axes is cut, and what a block evaluates."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from theory import AttentionParameters, Strategy, risk
from theory.names import StrategyName

from . import sweep_axes as axes
from .covariances import Covariance, aligned_target
from .prompts import Array
from .sweep_axes import Named

POINTS = 2**18  # of an isotropic block: a fraction of a second
PRODUCTS = 2**28  # multiplications of one matrix product, over the settings of a dense block: likewise
Models = StrategyName | Strategy | AttentionParameters

# Inner axes, over which the formulas broadcast, slowest first. n_shots is last: a dense model's contractions do not
# depend on it, so that a block always holds all shot counts.
INNER = (
    "d", "noise_variance", "pretrain_shots", "few_shot_shots", "few_shot_weight", "value_scale", "n_shots",
)  # fmt: skip
OUTER = ("strategy", "task", "covariance", "target", "normalization")


class Sweep(NamedTuple):
    """The axes of a sweep; None for an inner axis stands for the default that is not a number."""

    outer: tuple[list[Named], ...]
    inner: tuple[Array | None, ...]
    task_covariance: Any
    query: str
    query_covariance: Any

    @property
    def lengths(self) -> tuple[int, ...]:
        """Lengths of the inner axes."""
        return tuple(1 if values is None else len(values) for values in self.inner)

    def description(self) -> dict[str, Any]:
        """The sweep in JSON types."""
        fixed = (self.task_covariance, self.query, self.query_covariance)
        named = zip(
            (*OUTER, *INNER, "task_covariance", "query", "query_covariance"),
            (*self.outer, *self.inner, *fixed),
            strict=True,
        )
        return {name: axes.fingerprint(value) for name, value in named}


class Block(NamedTuple):
    """One call of theory.risk: everything it needs, small enough to be sent."""

    model: Models
    task: Any
    covariance: Covariance
    target: Any
    normalization: Any
    task_covariance: Any
    query: Any
    query_covariance: Any
    inner: tuple[Array | None, ...]


def evaluate(block: Block) -> Array:
    """The block's risks, in the order of its rows."""
    shape = tuple(1 if values is None else len(values) for values in block.inner)
    arguments: dict[str, Any] = {}
    for axis, (name, values) in enumerate(zip(INNER, block.inner, strict=True)):
        if values is None:
            continue
        if len(values) == 1 and name != "n_shots":  # one d is an int: matrices and vectors ask for it
            arguments[name] = int(values[0]) if name == "d" else float(values[0])
        else:
            arguments[name] = values.reshape(tuple(-1 if k == axis else 1 for k in range(len(shape))))
    d = arguments["d"]
    covariance, target = block.covariance, block.target
    target = aligned_target(target, covariance, d)
    risks = risk(
        block.model,
        task=block.task,
        covariance=covariance,
        target=target,
        task_covariance=block.task_covariance,
        normalization=block.normalization,
        query=block.query,
        query_covariance=block.query_covariance,
        **arguments,
    )
    return np.ascontiguousarray(np.broadcast_to(risks, shape)).ravel()


def blocks_of(sweep: Sweep) -> Iterator[Block]:
    """The sweep's blocks, in the order of the table's rows; their sizes depend on the sweep alone."""
    fixed = (sweep.task_covariance, sweep.query_covariance)
    for (_, model), (_, task), (_, covariance), (_, target), (_, normalization) in itertools.product(*sweep.outer):
        given = (covariance, *fixed)
        matrices = isinstance(model, AttentionParameters) or any(x is not None for x in given)
        for inner in _pieces(sweep.inner, sweep.lengths, matrices):
            yield Block(model, task, covariance, target, normalization, fixed[0], sweep.query, fixed[1], inner)


def _pieces(
    inner: tuple[Array | None, ...], lengths: tuple[int, ...], matrices: bool
) -> Iterator[tuple[Array | None, ...]]:
    """Cut the inner axes into consecutive pieces of the product: many settings a piece, but one d of matrices."""
    if matrices and lengths[0] > 1:
        assert inner[0] is not None
        for d in inner[0]:
            yield from _pieces((np.array([d]), *inner[1:]), (1, *lengths[1:]), matrices)
        return
    limit = max(1, PRODUCTS // int(inner[0][0]) ** 3) * lengths[-1] if matrices else POINTS  # type: ignore[index]
    axis = 0
    while axis < len(lengths) - 1 and math.prod(lengths[axis + 1 :]) > limit:
        axis += 1
    step = max(1, limit // math.prod(lengths[axis + 1 :]))
    for index in itertools.product(*(range(length) for length in lengths[:axis])):
        for start in range(0, lengths[axis], step):
            cuts = (*(slice(k, k + 1) for k in index), slice(start, start + step))
            cut = (None if x is None else x[piece] for x, piece in zip(inner[: axis + 1], cuts, strict=True))
            yield (*cut, *inner[axis + 1 :])
