"""Batches of prompts for training, and the squared loss and its gradient on them.

A prompt enters the prediction z_q' Q G v only through its query token z_q and the second moments
G = (1/N) sum z z' of the tokens that the query attends to. With residual r = prediction - y_q, the gradients of r^2 are
2 r G Q' z_q with respect to v and 2 r z_q (G v)' with respect to Q.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .blocks import MAX_FLOATS, block_lengths
from .prompts import Array, Prompts


class Batch(NamedTuple):
    """Prompts, reduced to what the loss depends on."""

    moments: Array  # (prompts, d + 2, d + 2): G
    queries: Array  # (prompts, d + 2): z_q = (1, x_q, 0)
    labels: Array  # (prompts,): y_q

    def take(self, rows: NDArray[np.int64]) -> Batch:
        return Batch(self.moments[rows], self.queries[rows], self.labels[rows])


def draw_batch(prompts: Prompts, n_shots: int, size: int, rng: np.random.Generator) -> Batch:
    """Draw `size` prompts token by token and reduce them, in pieces that stay in cache."""
    pieces = []
    for length in block_lengths(size, max(1, MAX_FLOATS // ((n_shots + 1) * (prompts.d + 2)))):
        tasks = prompts.draw_tasks(length, rng)
        queries, labels = prompts.draw_queries(tasks, rng)
        moments = queries[:, :, None] * queries[:, None, :]
        if not prompts.query_attends:
            moments = np.zeros_like(moments)
        if n_shots > 0:
            shots = prompts.draw_shots(tasks, n_shots, rng)
            moments += shots.mT @ shots
        moments /= prompts.token_count(n_shots)
        pieces.append((moments, queries, labels))
    moments, queries, labels = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
    return Batch(moments, queries, labels)


def loss_and_gradient(parameters: Array, batch: Batch) -> tuple[float, Array]:
    """Mean squared error on a batch, and its gradient; `parameters` (d + 3, d + 2) stacks v on top of Q."""
    v, Q = parameters[0], parameters[1:]
    values = batch.moments @ v
    keys = batch.queries @ Q
    residuals = np.einsum("ka,ka->k", keys, values) - batch.labels
    weights = (2.0 / len(residuals)) * residuals
    gradient = np.empty_like(parameters)
    gradient[0] = weights @ (batch.moments @ keys[:, :, None])[:, :, 0]
    gradient[1:] = (weights[:, None] * batch.queries).T @ values
    return float(residuals @ residuals) / len(residuals), gradient


class LossTerm(NamedTuple):
    """One loss of an objective: its weight at each iteration, and where its batches come from."""

    weights: Array
    prompts: Prompts
    n_shots: int
    data: Batch | None  # a fixed set; None draws fresh prompts

    def batch(self, size: int, rng: np.random.Generator) -> Batch:
        if self.data is None:
            return draw_batch(self.prompts, self.n_shots, size, rng)
        available = len(self.data.labels)
        return self.data if available <= size else self.data.take(rng.integers(available, size=size))
