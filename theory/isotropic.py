r"""The isotropic case: six scalars, and how they fill the risk formula.

With :math:`\Sigma = I`, from an odd-symmetric start, gradient flow stays on

.. math::

    v = (0, \alpha\theta_0, w), \quad Q_{00} = q, \quad Q_{xx} = \beta I + \gamma\,\theta_0\theta_0^\top, \quad
    Q_{xy} = \delta\,\theta_0 .

Everything below depends on :math:`\theta` only through its component along :math:`\theta_0` and its length.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .arithmetic import Number
from .risk_formula import RiskTerms, Square


class IsotropicScalars(NamedTuple):
    """The six scalars (alpha, w, q, beta, gamma, delta) of an odd-symmetric isotropic model."""

    alpha: Number
    w: Number
    q: Number
    beta: Number
    gamma: Number
    delta: Number

    def scaled(self, k: Number) -> IsotropicScalars:
        """The same prediction at another value scale: (v, Q) -> (k v, Q / k)."""
        return IsotropicScalars(k * self.alpha, k * self.w, self.q / k, self.beta / k, self.gamma / k, self.delta / k)


class IsotropicPoint(NamedTuple):
    """The six scalars, with the five contractions on the target task that lose digits if formed from the scalars.

    A fixed point knows these in closed form; :func:`contract` forms them for any other model.
    """

    alpha: Number
    w: Number
    q: Number
    beta: Number
    gamma: Number
    delta: Number
    shrinkage: Number  # 1 - w beta: the bias left across the target
    target_bias: Number  # 1 - (beta + gamma |theta_0|^2)(alpha + w) - delta label: the bias left along the target
    query_bias: Number  # 1 - alpha (q + (d + 2) beta + 3 gamma |theta_0|^2): the bias at zero shots
    value_sum: Number  # alpha + w
    label: Number  # alpha |theta_0|^2 + w (|theta_0|^2 + sigma^2)
    linear_bias: Number = None  # how the bias along the target grows with the task; None: formed from the scalars
    opposite_bias: Number = None  # the bias left along the target by the opposite task; None: likewise
    diverges: Any = False  # where the flow runs off: what is here for the target is a limit, off it the risk has none

    @property
    def scalars(self) -> IsotropicScalars:
        """The six scalars alone."""
        return IsotropicScalars(*self[:6])

    def filled(self, target_norm2: Number) -> IsotropicPoint:
        """The point with the two optional biases formed where it does not carry them."""
        if self.linear_bias is not None:
            return self
        linear_bias = _linear_bias(self, target_norm2)
        return self._replace(linear_bias=linear_bias, opposite_bias=self.target_bias - 2 * linear_bias)


def contract(scalars: IsotropicScalars, d: Number, noise_variance: Number, target_norm2: Number) -> IsotropicPoint:
    """The point of given scalars, its contractions formed from them."""
    alpha, w, q, beta, gamma, delta = scalars
    along = beta + gamma * target_norm2
    value_sum = alpha + w
    label = target_norm2 * value_sum + w * noise_variance
    return IsotropicPoint(
        *scalars,
        shrinkage=1 - w * beta,
        target_bias=1 - along * value_sum - delta * label,
        query_bias=1 - alpha * (q + (d + 2) * beta + 3 * gamma * target_norm2),
        value_sum=value_sum,
        label=label,
    )


def _query_excess(point: IsotropicPoint, d: Number, target_norm2: Number) -> Number:
    """W: what the cubic part of the query's own term adds; free of the task."""
    along = point.beta + point.gamma * target_norm2
    alpha, beta = point.alpha, point.beta
    return 2 * (alpha * alpha) * target_norm2 * ((d - 1) * (beta * beta) + 3 * (along * along))


def _linear_bias(point: IsotropicPoint, target_norm2: Number) -> Number:
    """How the bias along the target grows with the task's component there."""
    if point.linear_bias is not None:
        return point.linear_bias
    return point.shrinkage - (point.w * point.gamma + point.alpha * point.delta) * target_norm2


def terms_on_target(point: IsotropicPoint, d: Number, noise_variance: Number, target_norm2: Number) -> RiskTerms:
    """The risk's contractions on the target task itself."""
    alpha, w, q, beta, gamma, delta, _, target_bias, query_bias, value_sum, label, *_ = point
    along = beta + gamma * target_norm2
    keyed = along + delta * target_norm2
    signal = along * value_sum + delta * label
    # Products, not powers, here and below: a float's power costs three times its product, and that of a ball around
    # zero is not a number.
    value_variance = target_norm2 * (value_sum * value_sum) + noise_variance * (w * w)
    key_variance = q * q + (d - 1) * (beta * beta) + keyed * keyed + noise_variance * target_norm2 * (delta * delta)
    per_shot = value_variance * key_variance + target_norm2 * (signal * signal)
    fixed = 2 * (alpha * alpha) * target_norm2 * ((d - 1) * (beta * beta) + 3 * (along * along))
    return RiskTerms(noise_variance, (Square(target_norm2, target_bias, query_bias, 1),), per_shot, fixed)


def terms_on_task(
    point: IsotropicPoint,
    d: Number,
    noise_variance: Number,
    target_norm2: Number,
    departure: Number,
    across_norm2: Number,
    excess_norm2: Number = 0,
) -> RiskTerms:
    r"""The risk's contractions on a task :math:`\theta = (1 - \phi)\,\theta_0 + \theta_\perp`.

    ``departure`` is :math:`\phi`, ``across_norm2`` is :math:`|\theta_\perp|^2` and ``excess_norm2`` is
    :math:`|\theta|^2 - |\theta_0|^2`.
    """
    alpha, w, q, beta, gamma, delta, shrinkage, target_bias, query_bias, value_sum, label, _, opposite_bias, _ = point
    along = beta + gamma * target_norm2
    value_along = value_sum - w * departure
    keyed = along + delta * target_norm2 * (1 - departure)
    label = label - alpha * target_norm2 * departure + w * excess_norm2
    value_variance = target_norm2 * (value_along * value_along) + (across_norm2 + noise_variance) * (w * w)
    key_variance = (
        q * q
        + (d - 1) * (beta * beta)
        + keyed * keyed
        + (across_norm2 + noise_variance) * target_norm2 * (delta * delta)
    )
    signal = along * value_along + delta * label
    per_shot = (
        value_variance * key_variance + target_norm2 * (signal * signal) + across_norm2 * ((w * beta) * (w * beta))
    )
    if opposite_bias is None:
        bias = target_bias - departure * _linear_bias(point, target_norm2)
    else:
        bias = ((2 - departure) * target_bias + departure * opposite_bias) / 2
    bias = bias - delta * w * excess_norm2
    squares = (
        Square(target_norm2, bias, query_bias - departure, 1 - departure),
        Square(across_norm2, shrinkage, 1, 1),
    )
    return RiskTerms(noise_variance, squares, per_shot, _query_excess(point, d, target_norm2))


def terms_on_sphere(point: IsotropicPoint, d: Number, noise_variance: Number, target_norm2: Number) -> RiskTerms:
    """The risk's contractions averaged over tasks uniform on the unit sphere."""
    alpha, w, q, beta, gamma, delta, shrinkage, *_ = point
    along = beta + gamma * target_norm2
    # Along the target every quantity is constant + linear in the task's component y, E y^2 = 1/d; signs drop out.
    mean_signal = along * alpha + delta * w * (1 + noise_variance)
    linear_signal = w * along + alpha * delta * target_norm2
    linear_bias = _linear_bias(point, target_norm2)
    query = alpha * (q + (d + 2) * beta + 3 * gamma * target_norm2)
    value_variance = target_norm2 * (alpha * alpha) + (1 + noise_variance) * (w * w)
    key_variance = q * q + (d - 1) * (beta * beta) + along * along
    key_variance = key_variance + (1 + noise_variance) * target_norm2 * (delta * delta)
    covariance_of_both = 4 * alpha * w * delta * target_norm2 * along / d
    per_shot = (
        value_variance * key_variance
        + covariance_of_both
        + target_norm2 * (mean_signal * mean_signal)
        + (linear_signal * linear_signal + (d - 1) * ((w * beta) * (w * beta))) / d
    )
    squares = (
        Square(target_norm2, mean_signal, query, 0),
        Square(1 / d, linear_bias, 1, 1),
        Square((d - 1) / d, shrinkage, 1, 1),
    )
    return RiskTerms(noise_variance, squares, per_shot, _query_excess(point, d, target_norm2))
