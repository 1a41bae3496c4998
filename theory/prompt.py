"""The prompt's length: N, by which the attention sum is divided. Nothing else knows how N comes about.

=========== ========================================================================================================
"tokens"    N = n + 1 + k: all tokens, the query's and those of a prompt of k among them (the official code)
"shots"     N = max(n, 1) (Ahn et al. 2023)
a number    N is that number, whatever n is (trained at one length, Mahankali et al. 2023 with 1)
=========== ========================================================================================================
"""

from __future__ import annotations

from typing import Any, get_args

import numpy as np

from . import names
from .kinds import Number

NORMALIZATIONS: tuple[names.Normalization, ...] = get_args(names.Normalization)


def tokens(n_shots: Number, normalization: Any, prompt_tokens: int = 0) -> Number:
    """N at n shots."""
    if isinstance(normalization, str):
        if normalization == "tokens":
            return n_shots + (1 + prompt_tokens)
        return at_least_one(n_shots)
    return normalization


def beyond_shots(n_shots: Number, normalization: Any, prompt_tokens: int = 0) -> Number:
    """N - n, formed without a difference where it is known."""
    if isinstance(normalization, str):
        if normalization == "tokens":
            return 1 + prompt_tokens
        if isinstance(n_shots, np.ndarray):
            return np.where(n_shots == 0, 1, 0)
        return 1 if n_shots == 0 else 0
    return normalization - n_shots


def at_least_one(n_shots: Number) -> Number:
    """max(n, 1) for whole n; a Symbol stands for n >= 1."""
    if isinstance(n_shots, np.ndarray):
        return np.maximum(n_shots, 1)
    return n_shots + 1 if n_shots == 0 else n_shots


def training_tokens(shots: Number, normalization: Any) -> tuple[Number, Number]:
    """1/N and (m + 1)/N at a training loss's m >= 1 shots; (0, 1) at infinitely many."""
    if isinstance(normalization, str):
        per_token = 1 / (shots + 1) if normalization == "tokens" else 1 / shots
        return per_token, 1 if normalization == "tokens" else 1 + per_token
    return 1 / normalization, (shots + 1) / normalization
