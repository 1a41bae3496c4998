"""What a strategy trains, as one array: the heads, a new head among them, a prompt's tokens, or a linear readout.

The rest of the layer stands beside it. A prompt's token z adds (v . z)(z_q' Q z)/N for each head, and a readout c adds
c . (1, x_q): the loss is the squared error of the layer with both.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from theory import AttentionParameters, Strategy
from theory.strategies import KEY_QUERY, NEW_HEAD, PROMPT, SKIP, VALUE

from .batches import Batch, loss_and_gradient
from .prompts import Array
from .subspaces import entry_name


class Learner(Protocol):
    """Trained parameters: where they start, which of them train, the loss on a batch, and the layer that they make."""

    start: Array
    trained: Array  # 1 where an entry of the parameters trains, else 0
    added: int  # prompt tokens that train

    @property
    def beside(self) -> AttentionParameters | None:
        """The layer whose prompt and skip are part of a batch."""

    def loss_and_gradient(self, parameters: Array, batch: Batch) -> tuple[float, Array]:
        """Mean squared error on a batch, and its gradient in the parameters."""

    def model(self, parameters: Array) -> AttentionParameters:
        """The layer with these parameters."""


def pretrained_from(d: int, scale: float, rng: np.random.Generator) -> Learner:
    """One head of small random entries, all of which train; the row of Q that no query reads is 0."""
    return Heads(_small_head(d, scale, rng), np.ones((d + 3, d + 2)), None)


def learner_of(
    strategy: Strategy, start: AttentionParameters, frozen: frozenset[int], scale: float, rng: np.random.Generator
) -> Learner:
    """What a strategy trains of a layer, or beside it; what is added has small random entries, a readout none."""
    v, Q = (np.asarray(x, dtype=float) for x in (start.v, start.Q))
    heads = np.concatenate((v[..., None, :], Q), axis=-2)
    d = heads.shape[-1] - 2
    if strategy.trains == PROMPT:
        tokens = (
            scale * rng.standard_normal((1, d + 2)) if start.prompt is None else np.array(start.prompt, dtype=float)
        )
        if start.prompt is None:
            tokens[:, 0] = 0.0
        return Tokens(tokens, heads, AttentionParameters(start.v, start.Q, None, start.skip))
    if strategy.entries() == SKIP:
        readout = np.zeros(d + 1) if start.skip is None else np.array(start.skip, dtype=float)
        return Readout(readout, heads, AttentionParameters(start.v, start.Q, start.prompt))
    if strategy.trains == NEW_HEAD:
        new = _small_head(d, scale, rng)
        new[0, 0] = 0.0
        new[2:-1, 0] = new[1, 1:] = 0.0  # odd-symmetric
        heads = np.concatenate((heads.reshape(-1, *new.shape), new[None]))
        trained = np.zeros_like(heads)
        trained[-1] = 1.0
        return Heads(heads, trained, start)
    trained = np.ones(heads.shape)
    trained[...] = _mask(strategy.entries(), d)
    trained[sorted(frozen)] = 0.0
    return Heads(heads, trained, start)


def _small_head(d: int, scale: float, rng: np.random.Generator) -> Array:
    head = scale * rng.standard_normal((d + 3, d + 2))
    head[-1] = 0.0
    return head


def _mask(entries: tuple[str, ...], d: int) -> Array:
    """1 at these entries of one head, v stacked on Q."""
    if {*entries} == {*VALUE, *KEY_QUERY}:
        return np.ones((d + 3, d + 2))
    mask = np.zeros((d + 3, d + 2))
    for i, j in np.ndindex(d + 2, d + 2):
        index = (j,) if i == 0 else (i - 1, j)
        mask[i, j] = entry_name(index, d + 2) in entries
    return mask


class Heads:
    """v stacked on Q, (d + 3, d + 2), or (H, d + 3, d + 2) of several heads."""

    added = 0

    def __init__(self, start: Array, trained: Array, beside: AttentionParameters | None) -> None:
        self.start, self.trained, self.beside = start, trained, beside

    def loss_and_gradient(self, parameters: Array, batch: Batch) -> tuple[float, Array]:
        return loss_and_gradient(parameters, batch)

    def model(self, parameters: Array) -> AttentionParameters:
        rest = (None, None) if self.beside is None else (self.beside.prompt, self.beside.skip)
        return AttentionParameters(parameters[..., 0, :], parameters[..., 1:, :], *rest)


class Tokens:
    """A prompt's tokens (., x, y), (k, d + 2), whose constants rest, beside frozen heads."""

    def __init__(self, start: Array, heads: Array, beside: AttentionParameters) -> None:
        self.start, self.beside, self.added = start, beside, len(start)
        self.trained = np.ones_like(start)
        self.trained[:, 0] = 0.0
        self._heads = heads.reshape(-1, *heads.shape[-2:])

    def loss_and_gradient(self, parameters: Array, batch: Batch) -> tuple[float, Array]:
        keys = [batch.queries @ head[1:] for head in self._heads]
        residuals = _predictions(self._heads, keys, batch) - batch.labels
        for head, key in zip(self._heads, keys, strict=True):
            residuals += (key @ parameters.T) @ (parameters @ head[0]) / batch.tokens
        weights = 2.0 / (len(residuals) * batch.tokens) * residuals
        gradient = np.zeros_like(parameters)
        for head, key in zip(self._heads, keys, strict=True):
            mean_key = weights @ key
            gradient += np.outer(parameters @ head[0], mean_key) + np.outer(parameters @ mean_key, head[0])
        return float(residuals @ residuals) / len(residuals), gradient

    def model(self, parameters: Array) -> AttentionParameters:
        return AttentionParameters(self.beside.v, self.beside.Q, parameters, self.beside.skip)


class Readout:
    """A linear readout c of (1, x_q), (d + 1,), beside frozen heads."""

    added = 0

    def __init__(self, start: Array, heads: Array, beside: AttentionParameters) -> None:
        self.start, self.beside, self.trained = start, beside, np.ones_like(start)
        self._heads = heads.reshape(-1, *heads.shape[-2:])

    def loss_and_gradient(self, parameters: Array, batch: Batch) -> tuple[float, Array]:
        keys = [batch.queries @ head[1:] for head in self._heads]
        seen = batch.queries[:, :-1]
        residuals = _predictions(self._heads, keys, batch) + seen @ parameters - batch.labels
        return float(residuals @ residuals) / len(residuals), 2.0 / len(residuals) * (residuals @ seen)

    def model(self, parameters: Array) -> AttentionParameters:
        return AttentionParameters(self.beside.v, self.beside.Q, self.beside.prompt, parameters)


def _predictions(heads: Array, keys: list[Array], batch: Batch) -> Array:
    """What the heads predict from the moments of a batch."""
    total = np.zeros(len(batch.labels))
    for head, key in zip(heads, keys, strict=True):
        total += np.einsum("ka,ka->k", key, batch.moments @ head[0])
    return total
