"""Batches of prompts for training, and the squared loss and its gradient on them.

A prompt enters the prediction z_q' Q G v only through its query token z_q and the second moments
G = (1/N) sum z z' of the tokens that the query attends to. With residual r = prediction - y_q, the gradients of r^2 are
2 r G Q' z_q with respect to v and 2 r z_q (G v)' with respect to Q; heads share the residual. The fixed tokens of a prompt
belong to G, and what a skip predicts is taken off the labels.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from theory import AttentionParameters

from .blocks import MAX_FLOATS, block_lengths
from .prompts import Array, Prompts


class Batch(NamedTuple):
    """Prompts, reduced to what the loss depends on."""

    moments: Array  # (prompts, d + 2, d + 2): G
    queries: Array  # (prompts, d + 2): z_q = (1, x_q, 0)
    labels: Array  # (prompts,): y_q, less what a skip predicts
    tokens: float = 1.0  # N, for what trains among the tokens themselves

    def take(self, rows: NDArray[np.int64]) -> Batch:
        return Batch(self.moments[rows], self.queries[rows], self.labels[rows], self.tokens)


def draw_batch(
    prompts: Prompts,
    n_shots: int,
    size: int,
    rng: np.random.Generator,
    beside: AttentionParameters | None = None,
    added: int = 0,
) -> Batch:
    """Draw `size` prompts token by token and reduce them, in pieces that stay in cache; `beside` a layer's prompt and skip.

    N counts `added` more tokens, which train and stand in no moment.
    """
    pieces = []
    tokens = None if beside is None or beside.prompt is None else np.asarray(beside.prompt, np.float64)
    N = prompts.token_count(n_shots, added + (0 if tokens is None else len(tokens)))
    skip = None if beside is None or beside.skip is None else np.asarray(beside.skip, np.float64)
    for length in block_lengths(size, max(1, MAX_FLOATS // ((n_shots + 1) * (prompts.d + 2)))):
        tasks = prompts.draw_tasks(length, rng)
        queries, labels = prompts.draw_queries(tasks, rng)
        moments = queries[:, :, None] * queries[:, None, :]
        if not prompts.query_attends:
            moments = np.zeros_like(moments)
        if n_shots > 0:
            shots = prompts.draw_shots(tasks, n_shots, rng)
            moments += shots.mT @ shots
        if tokens is not None:
            moments += tokens.T @ tokens
        if skip is not None:
            labels = labels - queries[:, :-1] @ skip
        moments /= N
        pieces.append((moments, queries, labels))
    moments, queries, labels = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
    return Batch(moments, queries, labels, N)


def loss_and_gradient(parameters: Array, batch: Batch) -> tuple[float, Array]:
    """Mean squared error on a batch, and its gradient; `parameters` (d + 3, d + 2) stacks v on Q, (H, ...) those of heads."""
    heads = parameters.reshape(-1, *parameters.shape[-2:])
    products = [(batch.moments @ head[0], batch.queries @ head[1:]) for head in heads]
    residuals = sum(np.einsum("ka,ka->k", keys, values) for values, keys in products) - batch.labels
    weights = (2.0 / len(residuals)) * residuals
    gradient = np.empty_like(heads)
    for along, (values, keys) in zip(gradient, products, strict=True):
        along[0] = weights @ (batch.moments @ keys[:, :, None])[:, :, 0]
        along[1:] = (weights[:, None] * batch.queries).T @ values
    return float(residuals @ residuals) / len(residuals), gradient.reshape(parameters.shape)


class LossTerm(NamedTuple):
    """One loss of an objective: its weight at each iteration, and where its batches come from."""

    weights: Array
    prompts: Prompts
    n_shots: int
    data: Batch | None  # a fixed set; None draws fresh prompts
    beside: AttentionParameters | None = None  # whose prompt and skip stand beside the heads
    added: int = 0  # tokens that train

    def batch(self, size: int, rng: np.random.Generator) -> Batch:
        if self.data is None:
            return draw_batch(self.prompts, self.n_shots, size, rng, self.beside, self.added)
        available = len(self.data.labels)
        return self.data if available <= size else self.data.take(rng.integers(available, size=size))
