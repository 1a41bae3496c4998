r"""R0: the one risk formula, exact at any parameters.

Given the query :math:`x_q`, let :math:`u = Q^\top z_q`. A shot contributes the product :math:`(v^\top z)(u^\top z)`,
whose mean and variance are those of a product of two Gaussians; what remains are Gaussian moments of :math:`x_q` up to
degree six. A Hermite (chaos) expansion in :math:`x_q` turns all of it into a sum of squares:

.. math::

    N^2 (\mathrm{risk} - \sigma^2)
        = \sum_k g_k \bigl(n\, a_k + e_k - (1 - \eta)\, \theta_k\bigr)^2 + n\, V + W,
    \qquad N = n + \eta,

with :math:`\eta = 1` where the query counts as a token and 0 where it does not. Here :math:`a` is the bias that each
shot leaves (:math:`\theta` minus what one shot contributes in the mean), :math:`e` the bias that the query's own token
leaves, :math:`V` the variance of one shot and :math:`W` what the query's own cubic term adds. A sum of squares has no
cancellation, so floats keep their accuracy at any n.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .arithmetic import Number, factored, is_symbolic


class Square(NamedTuple):
    r"""One square :math:`g\,(n\,a + e - (1-\eta)\,\theta)^2` of the risk formula."""

    weight: Number
    slope: Number
    intercept: Number
    truth: Number


class RiskTerms(NamedTuple):
    """The contractions of a model with a task that the risk formula speaks in; free of n."""

    noise_variance: Number
    squares: tuple[Square, ...]
    per_shot: Number
    fixed: Number

    def coefficients(self) -> tuple[Number, Number, Number]:
        """c_0, c_1, c_2 with N^2 (risk - sigma^2) = c_0 + c_1 n + c_2 n^2, for the "tokens" convention."""
        c_0, c_1, c_2 = self.fixed, self.per_shot, 0 * self.per_shot
        for weight, slope, intercept, _ in self.squares:
            c_0 = c_0 + weight * intercept * intercept
            c_1 = c_1 + 2 * (weight * slope * intercept)
            c_2 = c_2 + weight * slope * slope
        return c_0, c_1, c_2


def token_count(n_shots: Number, normalization: str) -> tuple[Number, Number]:
    """N, the divisor of the attention sum, and 1 - eta = n + 1 - N (None where it is zero everywhere)."""
    if normalization == "tokens":
        return n_shots + 1, None
    if isinstance(n_shots, np.ndarray):
        return np.maximum(n_shots, 1), np.where(n_shots == 0, 0.0, 1.0)
    if n_shots == 0:
        return n_shots + 1, None
    return n_shots, 1


def exact_risk_formula(terms: RiskTerms, n_shots: Number, normalization: str = "tokens") -> Number:
    """The risk at n shots: E (y_q - prediction)^2, with a noisy label."""
    noise_variance, squares, per_shot, fixed = terms
    tokens, missing = token_count(n_shots, normalization)
    total = fixed + n_shots * per_shot
    for weight, slope, intercept, truth in squares:
        bias = n_shots * slope + intercept
        if missing is not None:
            bias = bias - missing * truth
        total = total + weight * (bias * bias)
    if type(total) is not float and is_symbolic(total):
        return noise_variance + _readable(squares, per_shot, fixed, n_shots, missing) / tokens**2
    return noise_variance + total / (tokens * tokens)


def _readable(squares: Any, per_shot: Number, fixed: Number, n_shots: Number, missing: Number) -> Any:
    """The sum of squares with each square, the variance and the rest factored on their own."""
    total = n_shots * factored(per_shot) + factored(fixed)
    for weight, slope, intercept, truth in squares:
        bias = n_shots * slope + intercept - (0 if missing is None else missing * truth)
        total = total + factored(weight) * factored(bias) ** 2
    return total


def limit_of_many_shots(terms: RiskTerms) -> Any:
    """The limit of the risk as n grows: sigma^2 plus the squared bias that each shot leaves."""
    return terms.noise_variance + terms.coefficients()[2]
