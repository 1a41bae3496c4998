r"""The one risk formula, as a function of n.

.. math:: N^2(\mathrm{risk} - \sigma^2) = \sum_k g_k\,(n\,a_k + e_k + (N-n)\,\tau_k)^2 + n\,V + W

(:mod:`theory.contractions` says what a, e, tau, V and W are.) A sum of squares has no cancellation, so floats keep their
accuracy at any n.
"""

from __future__ import annotations

import math
from itertools import chain
from typing import Any

from .contractions import RiskTerms
from .factoring import factored
from .kinds import Number, is_symbolic
from .prompt import beyond_shots, tokens
from .validation import reject


def exact_risk_formula(terms: RiskTerms, n_shots: Number, normalization: Any = "tokens", prompt_tokens: int = 0) -> Any:
    """The risk at n shots: E (y_q - prediction)^2, with a noisy label."""
    N = tokens(n_shots, normalization, prompt_tokens)
    beyond = beyond_shots(n_shots, normalization, prompt_tokens)
    return risk_at(terms, n_shots, N, beyond)


def risk_at(terms: RiskTerms, n_shots: Number, N: Number, beyond: Number) -> Any:
    """The same for an N and an N - n that are given."""
    noise_variance, squares, per_shot, fixed = terms
    if type(fixed) is not float and any(map(is_symbolic, chain((n_shots, N, per_shot, fixed), *squares))):
        return _factored_risk_at(terms, n_shots, N, beyond)
    total = fixed + n_shots * per_shot
    for weight, slope, intercept, truth in squares:
        bias = n_shots * slope + intercept + beyond * truth
        total = total + weight * (bias * bias)
    return noise_variance + total / (N * N)


def _factored_risk_at(terms: RiskTerms, n_shots: Number, N: Number, beyond: Number) -> Any:
    """As expressions: each square, the variance and the rest a product of its own."""

    def times(a: Any, b: Any) -> Any:
        return a * b if a and b else 0  # sympy asks at length whether zero times a long expression is zero

    total = times(n_shots, factored(terms.per_shot)) + factored(terms.fixed)
    for weight, slope, intercept, truth in terms.squares:
        bias = times(n_shots, slope) + intercept + times(beyond, truth)
        total = total + times(factored(weight), factored(bias) ** 2)
    return terms.noise_variance + total / N**2


def quadratic(terms: RiskTerms, constant: Number, linear: Number) -> tuple[Number, Number, Number]:
    """c_0, c_1, c_2 with N^2 (risk - sigma^2) = c_0 + c_1 n + c_2 n^2 where N - n = constant + linear n."""
    c_0, c_1, c_2 = terms.fixed, terms.per_shot, 0 * terms.per_shot
    for weight, slope, intercept, truth in terms.squares:
        at_zero, rate = intercept + constant * truth, slope + linear * truth
        c_0 = c_0 + weight * (at_zero * at_zero)
        c_1 = c_1 + 2 * (weight * (rate * at_zero))
        c_2 = c_2 + weight * (rate * rate)
    return c_0, c_1, c_2


def limit_of_many_shots(terms: RiskTerms, normalization: Any = "tokens") -> Any:
    """The limit of the risk as n grows: sigma^2 plus the squared bias that each shot leaves."""
    if not isinstance(normalization, str) or normalization == "number":
        raise reject("n_shots", math.inf, "finite where normalization is a number: N does not grow with it")
    total: Any = 0
    for weight, slope, _, _ in terms.squares:
        total = total + weight * (slope * slope)
    return terms.noise_variance + total
