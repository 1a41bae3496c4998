r"""R1-R7 for any covariance of inputs and of tasks: where gradient flow ends, as matrices.

The strategies that forget the context (:math:`B = 0`) speak of the inputs only through the signal power
:math:`s = \theta_0^\top\Sigma\theta_0`: there the isotropic closed forms serve as they are, with s for
:math:`|\theta_0|^2`.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from .arithmetic import Number, is_zero, square_root
from .dense import Blocks
from .fixed_points import (
    IsotropicWorld,
    inverse_zero_shot_scale,
    mixed,
    mixed_kq,
    selected_scale,
)
from .isotropic import IsotropicPoint
from .linear_algebra import Array, identity_like, inner, inverse, solve


class DenseWorld(NamedTuple):
    """The arrays and numbers that the fixed points depend on."""

    sigma: Array
    task_covariance: Array | None  # Psi; None: tasks on the unit sphere, Psi = I/d
    target: Array
    noise_variance: Number
    pretrain_shots: Number
    few_shot_shots: Number
    few_shot_weight: Number
    value_scale: Number  # None: balanced
    query_counts: int  # eta

    def signal_world(self) -> IsotropicWorld:
        """The numbers for the closed forms that depend on the target only through its signal power."""
        return IsotropicWorld(
            len(self.target), self.noise_variance, inner(self.target, self.sigma, self.target), self.pretrain_shots,
            self.few_shot_shots, self.few_shot_weight, self.value_scale, self.query_counts,
        )  # fmt: skip


class DensePoint(NamedTuple):
    """A fixed point in its gauge, the scale k that flow selects, and the scalar form where B = 0."""

    blocks: Blocks
    scale: Number
    memory: IsotropicPoint | None = None
    b_sigma: Array | None = None  # B Sigma, where the fixed point has formed it already

    @property
    def diverges(self) -> Any:
        """Whether the flow runs off instead."""
        return self.memory is not None and self.memory.diverges


def pretrained_product(world: DenseWorld) -> Array:
    r"""R1: :math:`N[(m+1)\Sigma + (\mathrm{tr}\,\Psi\Sigma + \sigma^2)\Psi^{-1}]^{-1}`; at m = infinity, Sigma^-1."""
    m, sigma = world.pretrain_shots, world.sigma
    if isinstance(m, float) and math.isinf(m):
        product = inverse(sigma)
    else:
        if world.task_covariance is None:
            power, precision = np.trace(sigma) / len(sigma), len(sigma) * identity_like(sigma)
        else:
            power, precision = np.sum(world.task_covariance * sigma), inverse(world.task_covariance)
        n_tokens = m + world.query_counts
        product = inverse(((m + 1) * sigma + (power + world.noise_variance) * precision) / n_tokens)
    return (product + product.T) / 2


def _gain(world: DenseWorld, product: Array) -> Array:
    """wB Sigma; in floats and at m = infinity the identity, however ill-conditioned Sigma is."""
    m = world.pretrain_shots
    if isinstance(m, float) and math.isinf(m) and product.dtype != object:
        return identity_like(product)
    return product @ world.sigma


def _pretrained_scale(world: DenseWorld, product: Array) -> Number:
    """w_0; balanced: w_0^2 = |B|_F^2 = |wB|_F^2 / w_0^2."""
    if world.value_scale is not None:
        return world.value_scale
    return square_root(square_root(_number(np.sum(product * product))))


def _number(x: Number) -> Number:
    """A numpy scalar as a plain number."""
    return x.item() if isinstance(x, np.generic) else x


def pretrained(world: DenseWorld) -> DensePoint:
    """R1, gauge w = 1."""
    product = pretrained_product(world)
    zero = world.target * 0
    scale = _pretrained_scale(world, product)
    return DensePoint(Blocks.odd(zero, 1, 0, product, zero), scale, b_sigma=_gain(world, product))


def zero_shot(world: DenseWorld) -> DensePoint:
    """R2, gauge c = 1."""
    product = pretrained_product(world)
    w_0 = _pretrained_scale(world, product)
    norm2 = _number(np.sum(product * product)) / w_0**2
    inverse_c = inverse_zero_shot_scale(norm2, _number(world.target @ world.target))
    w, signal = inverse_c * w_0, inner(world.target, world.sigma, world.target)
    label = signal * (1 + w) + world.noise_variance * w
    memory = IsotropicPoint(1, w, 1, 0, 0, 0, 1, 1, 0, 1 + w, label)
    return DensePoint(_memory_blocks(memory, world), 1 / inverse_c, memory)


def value_only(world: DenseWorld) -> DensePoint:
    r"""R4, and R5 at any weight lambda >= 0: one linear solve for v_x, one ratio for w. Gauge: w_0 = 1.

    With :math:`M = B\Sigma`, :math:`t_1 = \mathrm{tr} M`, :math:`t_2 = \mathrm{tr} M^2`, the zero-shot loss alone gives
    :math:`[(t_1^2 + 2t_2)I + 4t_1 M + 8M^2]\,v_x = (t_1 I + 2M)\,\theta_0`.
    """
    return _value_only(world, auxiliary=False)


def mixed_value(world: DenseWorld) -> DensePoint:
    """R5: as :func:`value_only`, with w moved by the few-shot loss."""
    return _value_only(world, auxiliary=True)


def _value_only(world: DenseWorld, auxiliary: bool) -> DensePoint:
    product = pretrained_product(world)
    theta, sigma2 = world.target, world.noise_variance
    ms = _gain(world, product)
    ms2 = ms @ ms
    t_1, t_2 = np.trace(ms), np.trace(ms2)
    one = identity_like(ms)
    zero_shot_matrix = (t_1 * t_1 + 2 * t_2) * one + 4 * t_1 * ms + 8 * ms2
    zero_shot_vector = t_1 * theta + 2 * (ms @ theta)
    scale = _pretrained_scale(world, product)
    if not auxiliary:
        v_x, w = solve(zero_shot_matrix, zero_shot_vector), 1
        return DensePoint(Blocks.odd(v_x, w, 0, product, theta * 0), scale, b_sigma=ms)
    m = world.few_shot_shots
    n_tokens = m + world.query_counts
    mu = world.few_shot_weight / n_tokens**2
    # The few-shot loss at m shots, half its gradient in v_x (times Sigma^-1): quadratic v_x + coupling w - linear.
    quadratic = ((m + 2) ** 2 + 4 + m) * ms2 + (2 * (m + 2) * t_1) * ms + (t_1 * t_1 + 2 * t_2 + m * t_2) * one
    m_theta = ms @ theta
    m2_theta = ms @ m_theta
    coupling = m * ((m + 3) * m2_theta + t_1 * m_theta + t_2 * theta)
    linear = n_tokens * ((m + 2) * m_theta + t_1 * theta)
    matrix = zero_shot_matrix + mu * quadratic
    both = solve(matrix, np.stack([zero_shot_vector + mu * linear, mu * coupling], axis=1))
    start, slope = both[:, 0], both[:, 1]
    # Its gradient in w, over 2m: theta' Sigma [M (m M g + R v_x - N theta) + (t_2 + M^2) g] + t_2 sigma^2 w = 0.
    row = (m + 3) * m2_theta + t_1 * m_theta + t_2 * theta
    row_v = world.sigma @ row
    diagonal = theta @ (world.sigma @ ((m + 1) * m2_theta + t_2 * theta)) + t_2 * sigma2
    w = (n_tokens * (theta @ (world.sigma @ m_theta)) - row_v @ start) / (diagonal - row_v @ slope)
    v_x = start - w * slope
    return DensePoint(Blocks.odd(v_x, w, 0, product, theta * 0), scale, b_sigma=ms)


def mixed_all(world: DenseWorld) -> DensePoint:
    """R7: the isotropic solution with the signal power in place of |theta_0|^2; the scale by conservation."""
    memory = mixed(world.signal_world())
    norm2 = _number(world.target @ world.target)
    value = norm2 * memory.alpha**2 + memory.w**2
    key_query = memory.q**2 + norm2 * memory.delta**2
    if world.value_scale is None:
        scale = square_root(square_root(key_query / value))
    else:
        product = pretrained_product(world)
        invariant = world.value_scale**2 - _number(np.sum(product * product)) / world.value_scale**2
        scale = selected_scale(invariant, value, key_query)
    return DensePoint(_memory_blocks(memory, world), scale, memory)


def mixed_key_query(world: DenseWorld) -> DensePoint:
    """R6; without noise the flow ends at D = (R - B)(I + theta_0 theta_0')^-1 from its start, q_xy = D theta_0."""
    product = pretrained_product(world)
    w_0 = _pretrained_scale(world, product)
    signal_world = world.signal_world()
    theta = world.target
    if not is_zero(world.noise_variance):
        memory = mixed_kq(signal_world)
        return DensePoint(_memory_blocks(memory, world), w_0, memory)
    rho = (world.few_shot_shots + world.query_counts) / ((world.few_shot_shots + 2) * signal_world.target_norm2)
    gap = rho * np.multiply.outer(theta, theta) - product
    moved = gap - np.multiply.outer(gap @ theta, theta) / (1 + theta @ theta)
    return DensePoint(Blocks.odd(theta * 0, 1, 0, product + moved, moved @ theta), w_0)


def _memory_blocks(point: IsotropicPoint, world: DenseWorld) -> Blocks:
    theta = world.target
    return Blocks.odd(point.alpha * theta, point.w, point.q, np.multiply.outer(theta * 0, theta), point.delta * theta)


POINTS = {
    "pretrained": pretrained,
    "zero_shot": zero_shot,
    "zero_shot_value": value_only,
    "zero_shot_kq": pretrained,
    "mixed": mixed_all,
    "mixed_value": mixed_value,
    "mixed_kq": mixed_key_query,
}
