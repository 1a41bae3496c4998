"""Several fine-tuning tasks: what a Setting takes for them, and what laws and risks make of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import validation
from .kinds import Array, Kind, Number


def checked_target(value: Any) -> Array:
    """One task (d,), or K of them (K, d); one row is one task."""
    rows = list(value) if isinstance(value, list | tuple) or getattr(value, "ndim", None) == 2 else []
    if not (rows and all(map(_is_row, rows))):
        return validation.vector("target", value, None)
    vectors = [validation.vector(f"target[{k}]", row, None) for k, row in enumerate(rows)]
    if len({len(x) for x in vectors}) > 1:
        raise validation.reject("target", value, f"one vector, or vectors of one length, not of {[*map(len, vectors)]}")
    return vectors[0] if len(vectors) == 1 else np.array(vectors)


def _is_row(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.ndim == 1
    return isinstance(value, list | tuple) and not any(
        isinstance(x, list | tuple) or getattr(x, "ndim", 0) for x in value
    )


def weights_of_targets(value: Any, target: Array | None) -> Array:
    """One weight > 0 a task."""
    if target is None or target.ndim == 1:
        raise validation.reject("target_weights", value, "given beside a target of shape (K, d) alone, K >= 2")
    weights = validation.vector("target_weights", value, len(target), any_length="K")
    for weight in weights:
        validation.real("target_weights", weight.item() if isinstance(weight, np.generic) else weight, 1e-50)
    weights = weights.copy()
    weights.flags.writeable = False
    return weights


def weighed(target: Array, weights: Array | None, kind: Kind) -> list[tuple[Number, Array]]:
    """(weight, task) of several tasks, in a kind of number, the weights of sum 1."""
    shares = [kind.number(1)] * len(target) if weights is None else [*kind.array(weights)]
    total = sum(shares[1:], start=shares[0])
    one = kind.number(1)
    return [(one * share / total, kind.array(row)) for share, row in zip(shares, target, strict=True)]


def mean_target(targets: list[tuple[Number, Array]]) -> Array:
    """Their mean."""
    (weight, task), *rest = targets
    mean = weight * task
    for weight, task in rest:
        mean = mean + weight * task
    return np.asarray(mean)
