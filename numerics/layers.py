"""The forward model of linear attention with several layers and heads on a residual stream."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from theory.prompt import NORMALIZATIONS
from theory.prompt import tokens as token_count
from theory.setting import QUERIES
from theory.validation import choice
from theory.validation import normalization as checked_normalization

from .prompts import Array

Head = tuple[Array, Array]


def forward(
    layers: Sequence[Sequence[Head]], tokens: Array, normalization: str | float = "tokens", query: str = "attends"
) -> Array:
    """Predictions of a stack of linear-attention layers.

    Each layer adds to every token j the mean over the tokens i, the query among them unless it is masked, of (z_j' Q z_i) V z_i,
    summed over the layer's heads; the prediction is the label slot of the query after the last layer. With
    one layer of one head it is the project's model, with v the last row of V.

    Parameters
    ----------
    layers : sequence of layers, each a sequence of heads (V, Q)
        Value and merged key-query matrices, (d + 2, d + 2) each.
    tokens : (prompts, n + 1, d + 2) array
        Shots (1, x, y), then the query (1, x_q, 0).
    normalization : "tokens", "shots" or a number
        Whether the sum over tokens is divided by n + 1, by max(n, 1), or by that number.
    query : {"attends", "masked"}
        Whether the query is among the tokens that are summed over, in every layer.

    Returns
    -------
    (prompts,) array

    Raises
    ------
    ValueError
        If shapes disagree or a query's label slot is not 0.

    Examples
    --------
    >>> import numpy as np
    >>> V, Q = np.zeros((3, 3)), np.zeros((3, 3))
    >>> V[2, 2] = Q[1, 1] = 1.0
    >>> tokens = np.array([[[1.0, 2.0, 6.0], [1.0, 0.5, 0.0]]])  # x = 2, y = 6; x_q = 1/2
    >>> forward([[(V, Q)]], tokens)  # y x x_q / 2
    array([3.])
    """
    normalization = checked_normalization(normalization, NORMALIZATIONS)
    choice("query", query, QUERIES)
    stream = np.asarray(tokens, dtype=np.float64)
    if stream.ndim != 3 or stream.shape[1] < 1 or stream.shape[2] < 3:
        raise ValueError(f"tokens has shape {stream.shape}; allowed: (prompts, n + 1, d + 2)")
    if np.any(stream[:, -1, -1] != 0.0):
        raise ValueError("tokens[:, -1, -1] is not 0; allowed: a query token (1, x_q, 0) last")
    n_shots, width = stream.shape[1] - 1, stream.shape[2]
    N = token_count(n_shots, normalization)
    for heads in layers:
        update = np.zeros_like(stream)
        for V, Q in heads:
            if np.shape(V) != (width, width) or np.shape(Q) != (width, width):
                raise ValueError(f"a head has shapes V {np.shape(V)}, Q {np.shape(Q)}; allowed: {(width, width)} each")
            seen = stream[:, :-1] if query == "masked" else stream
            scores = stream @ Q @ seen.mT
            update += scores @ seen @ np.transpose(V)
        stream = stream + update / N
    return np.array(stream[:, -1, -1])
