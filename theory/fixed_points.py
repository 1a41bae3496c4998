r"""R1-R7 in the isotropic case: where gradient flow ends, one function a strategy, in closed form.

Each function returns the six scalars in the *gauge* that needs no square root (the prediction does not change under
:math:`(v, Q) \to (k v, Q/k)`), together with the contractions on the target that lose digits if formed from the
scalars; each ``*_scale`` function returns the :math:`k` that flow actually selects. Everything is plain arithmetic, so
that floats, arrays, Fractions, balls and sympy Symbols pass through alike.

Sources: Lee, Sohn, Lee 2026 (arXiv 2602.23197) for the question; Ahn et al. 2023 (arXiv 2306.00297) and Mahankali et
al. 2023 (arXiv 2307.03576) for the pretrained model; the selection laws and the mixed strategies' points are new here.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from .arithmetic import Number, anywhere, choose, is_ball, is_symbolic, is_zero, square_root
from .isotropic import IsotropicPoint
from .validation import NoClosedForm, reject


class IsotropicWorld(NamedTuple):
    """The numbers that the isotropic fixed points depend on."""

    d: Number
    noise_variance: Number
    target_norm2: Number  # |theta_0|^2
    pretrain_shots: Number
    few_shot_shots: Number
    few_shot_weight: Number
    value_scale: Number  # None: balanced
    query_counts: int  # eta: 1 for N = n + 1, 0 for N = n (both training losses have n >= 1)


# --- R1: pretraining ------------------------------------------------------------------------------------------------


def pretraining_defect(world: IsotropicWorld) -> Number:
    """r with wB = I / (1 + r): r = (d (1 + sigma^2) + 1 - eta) / (m + eta), zero at m = infinity."""
    m = world.pretrain_shots
    defect = world.d * (1 + world.noise_variance) + (1 - world.query_counts)
    if isinstance(m, float) and math.isinf(m):
        return 0 * defect
    return defect / (m + world.query_counts)


def pretrained(world: IsotropicWorld) -> IsotropicPoint:
    r"""R1: :math:`wB = a I`, :math:`a = (m+1)/(m+1+d+d\sigma^2)` ("tokens"); all else zero. Gauge: beta = 1."""
    r = pretraining_defect(world)
    a = 1 / (1 + r)
    shrinkage = r * a
    label = a * (world.target_norm2 + world.noise_variance)
    return IsotropicPoint(0, a, 0, 1, 0, 0, shrinkage, shrinkage, 1, a, label)


def pretrained_value_scale(world: IsotropicWorld) -> Number:
    r"""w_0 = V_yy of the pretrained model; balanced: :math:`w_0^2 = |B|_F^2 = a^2 d / w_0^2`."""
    if world.value_scale is not None:
        return world.value_scale
    return square_root(pretrained(world).w * square_root(world.d))


def value_gauge_scale(world: IsotropicWorld) -> Number:
    """k for the strategies that leave Q as pretraining left it (gauge beta = 1): k = w_0 / a."""
    return pretrained_value_scale(world) / pretrained(world).w


# --- R4, R5: the value matrix alone ---------------------------------------------------------------------------------


def zero_shot_value(world: IsotropicWorld) -> IsotropicPoint:
    r"""R4: :math:`v_x = \theta_0 / ((d+4)\beta)`, w and Q as pretrained. Gauge: beta = 1."""
    d = world.d
    r = pretraining_defect(world)
    a, alpha = 1 / (1 + r), 1 / (d + 4)
    value_sum = a + alpha
    target_bias = _value_bias(world) * a * alpha
    label = world.target_norm2 * value_sum + world.noise_variance * a
    return IsotropicPoint(alpha, a, 0, 1, 0, 0, r * a, target_bias, 2 * alpha, value_sum, label)


def _value_bias(world: IsotropicWorld) -> Number:
    """r (d + 3) - 1, which may nearly vanish: its whole-number part is formed first, and so exactly."""
    d, m, eta = world.d, world.pretrain_shots, world.query_counts
    if isinstance(m, float) and math.isinf(m):
        return -1
    whole = (d + 3) * (d + 1 - eta) - (m + eta)
    bias = (whole + (d + 3) * d * world.noise_variance) / (m + eta)
    return np.where(np.isinf(m), -1, bias) if isinstance(m, np.ndarray) else bias


def mixed_value(world: IsotropicWorld) -> IsotropicPoint:
    r"""R5 at any weight lambda >= 0 (0: the limit 0+): the minimiser of a quadratic in (alpha, w). Gauge: beta = 1.

    With :math:`\mu = \lambda/N^2`, :math:`\rho = \sigma^2/|\theta_0|^2`, :math:`D = m+1+d+\rho d`:
    :math:`\alpha = [(d+2)D + \mu N (m\rho d + (d+2)(1+d+\rho d))]/R`,
    :math:`w = (d+2)\,[N(d+4) - (m+3+2d) + \mu N(1-d)]/R`.
    """
    d, m, eta = world.d, world.few_shot_shots, world.query_counts
    n_tokens = m + eta
    mu = world.few_shot_weight / n_tokens**2
    noise = d * (world.noise_variance / world.target_norm2)
    across = 1 + d + noise
    shared = (d + 2) * (m * (2 + noise) + (d + 4) * across)
    denominator = (d + 2) * (d + 4) * (m + across) + mu * (m * noise * (m + 3 + 2 * d) + shared)
    alpha = ((d + 2) * (m + across) + mu * n_tokens * (m * noise + (d + 2) * across)) / denominator
    w = (d + 2) * (m * (d + 3) + eta * (d + 4) - 3 - 2 * d + mu * n_tokens * (1 - d)) / denominator
    # Every bias is written as a sum of positive terms over the denominator: the differences cancel by hand.
    shrinkage = (d + 2) * ((d + 4) * (1 - eta + d + noise) + m + 3 + 2 * d)
    shrinkage = shrinkage + mu * (m * noise * (m + 3 + 2 * d) + shared + (d + 2) * n_tokens * (d - 1))
    target_bias = (d + 2) * (d**2 + 6 * d + 6 - eta * (d + 4) + (d + 3) * noise)
    target_bias = target_bias + mu * (
        noise * (m * (2 * d + 3) + (d + 2) * (d + 4) - eta * (m + d + 2)) + (d + 2) * ((d + 4) * (d + 1) - 2 * eta)
    )
    query_bias = 2 * (d + 2) * (m + across)
    query_bias = query_bias + mu * (
        m * noise * (m + 3 + 2 * d) + shared - (d + 2) * n_tokens * (m * noise + (d + 2) * across)
    )
    value_sum = (d + 2) * (n_tokens * (d + 4) - 2 - d + noise)
    value_sum = value_sum + mu * n_tokens * (m * noise + (d + 2) * (2 + noise))
    value_sum = value_sum / denominator
    return IsotropicPoint(
        alpha, w, 0, 1, 0, 0,
        shrinkage=shrinkage / denominator,
        target_bias=target_bias / denominator,
        query_bias=query_bias / denominator,
        value_sum=value_sum,
        label=world.target_norm2 * value_sum + world.noise_variance * w,
    )  # fmt: skip


# --- R2, R7: all parameters -----------------------------------------------------------------------------------------


def selected_scale(invariant: Number, value: Number, key_query: Number) -> Number:
    r"""The positive root c of :math:`A c^2 - B/c^2 = K`: what conservation of :math:`|v|^2 - |Q|_F^2` selects.

    ``invariant`` is K, ``value`` A and ``key_query`` B. Written so that neither sign of K cancels.
    """
    root = square_root(invariant * invariant + 4 * value * key_query)
    falling = not (isinstance(invariant, np.ndarray) or is_symbolic(invariant)) and invariant < 0
    if isinstance(invariant, np.ndarray):
        size = np.abs(invariant)
        squared = np.where(invariant < 0, _falling_square(-size, root, key_query), _rising_square(size, root, value))
        return np.sqrt(squared)
    return square_root(
        _falling_square(invariant, root, key_query) if falling else _rising_square(invariant, root, value)
    )


def _rising_square(invariant: Number, root: Number, value: Number) -> Number:
    """c^2 as a ratio of positive terms where K >= 0."""
    return (root + invariant) / (2 * value)


def _falling_square(invariant: Number, root: Number, key_query: Number) -> Number:
    """c^2 as a ratio of positive terms where K < 0."""
    return 2 * key_query / (root - invariant)


def inverse_zero_shot_scale(key_query_norm2: Number, target_norm2: Number) -> Number:
    r"""R2's 1/c: :math:`2/c^2 = |B|_F^2 + \sqrt{|B|_F^4 + 4|\theta_0|^2}`."""
    return square_root((key_query_norm2 + square_root(key_query_norm2**2 + 4 * target_norm2)) / 2)


def pretrained_key_query_norm2(world: IsotropicWorld) -> Number:
    r""":math:`|B|_F^2 = a^2 d / w_0^2` at the pretrained point; balanced: :math:`a\sqrt d = w_0^2`."""
    a = pretrained(world).w
    if world.value_scale is None:
        return a * square_root(world.d)
    return (a / world.value_scale) ** 2 * world.d


def zero_shot(world: IsotropicWorld) -> IsotropicPoint:
    r"""R2: :math:`v_x = c\,\theta_0`, :math:`q = 1/c`, :math:`B = 0`, w as pretrained, c conserved. Gauge: c = 1."""
    s = world.target_norm2
    norm2 = pretrained_key_query_norm2(world)
    w = inverse_zero_shot_scale(norm2, s) * pretrained_value_scale(world)
    label = s * (1 + w) + world.noise_variance * w
    return IsotropicPoint(1, w, 1, 0, 0, 0, 1, 1, 0, 1 + w, label)


def zero_shot_scale(world: IsotropicWorld) -> Number:
    """k = c of R2."""
    return 1 / inverse_zero_shot_scale(pretrained_key_query_norm2(world), world.target_norm2)


class Memorisation(NamedTuple):
    r"""R7's solution on the zero-risk manifold, free of d; :math:`u = \sqrt{p^*}`."""

    u: Number
    noise_to_p: Number  # x = (sigma^2/s) / p*, regular as the noise vanishes
    signal_gain: Number  # m' / (m + 2 + x): the share of the target that a shot contributes


def memorisation(signal: Number, noise_variance: Number, shots: Number, query_counts: int) -> Memorisation:
    r"""R7: :math:`p^* = (m'\sqrt{\rho(1+\rho)} - \rho)/(m+2)`, :math:`\rho = \sigma^2/s`, :math:`m' = m - 1 + \eta`.

    ("tokens": m' = m; "shots": m' = m - 1.) For floats, written as a ratio of positive terms.
    """
    m_prime = shots - 1 + query_counts
    rho = noise_variance / signal
    if not isinstance(rho, float | np.ndarray) and not is_ball(rho):
        return memorisation_by_root(rho, shots, m_prime)
    return memorisation_by_ratio(rho, shots, m_prime)


def memorisation_by_root(rho: Number, shots: Number, m_prime: Number) -> Memorisation:
    """The short form, for exact numbers: they cancel nothing."""
    p = (m_prime * square_root(rho * (1 + rho)) - rho) / (shots + 2)
    noise_to_p = 0 * rho if is_zero(rho) else rho / p
    return Memorisation(square_root(p), noise_to_p, m_prime / (shots + 2 + noise_to_p))


def memorisation_by_ratio(rho: Number, shots: Number, m_prime: Number) -> Memorisation:
    """The same as ratios of positive terms, for floats."""
    positive = m_prime**2 + (m_prime**2 - 1) * rho
    p = square_root(rho) * positive / ((shots + 2) * (m_prime * square_root(1 + rho) + square_root(rho)))
    noise_to_p = (shots + 2) * (m_prime * square_root(rho * (1 + rho)) + rho) / positive
    return Memorisation(square_root(p), noise_to_p, m_prime / (shots + 2 + noise_to_p))


def mixed(world: IsotropicWorld) -> IsotropicPoint:
    r"""R7: :math:`v_x = c\,\theta_0`, :math:`q = 1/c`, :math:`B = 0`, :math:`w/c = (u-1)/(1+\rho)`, lambda -> 0+.

    Gauge: c = 1/u, in which everything on the target stays finite as the noise vanishes; alpha and w do not,
    and are then given as 1 and 0, which is harmless there and only there.
    """
    s, sigma2 = world.target_norm2, world.noise_variance
    rho = sigma2 / s
    if anywhere(is_zero(rho) != is_zero(sigma2)):  # it would be taken for no noise at all
        raise reject("noise_variance", sigma2, "0 or such that its ratio to the target's signal power is a float > 0")
    nothing_to_gain = is_zero(world.few_shot_shots - 1 + world.query_counts)  # m' = 0, "shots" at m = 1: u = 0
    if anywhere(nothing_to_gain):
        idle = IsotropicPoint(1, -1 / (1 + rho), 1, 0, 0, 0, 1, 1, 0, rho / (1 + rho), 0)
        if nothing_to_gain is True:
            return idle
        others = mixed(world._replace(few_shot_shots=choose(nothing_to_gain, 2, world.few_shot_shots)))
        chosen = (choose(nothing_to_gain, a, b) for a, b in zip(idle[:11], others[:11], strict=True))
        return IsotropicPoint(*chosen)._replace(diverges=choose(nothing_to_gain, False, others.diverges))
    u, noise_to_p, gain = memorisation(s, sigma2, world.few_shot_shots, world.query_counts)
    finite_u = choose(is_zero(sigma2), 1 + 0 * u, u)  # a 1 of the kind of u: exact stays exact
    return IsotropicPoint(
        1 / finite_u, (finite_u - 1) / (finite_u * (1 + rho)), u, 0, 0, gain / s,
        shrinkage=1,
        target_bias=(3 - world.query_counts + noise_to_p) / (world.few_shot_shots + 2 + noise_to_p),
        query_bias=0,
        value_sum=(1 + u * noise_to_p) / (1 + rho),
        label=s,
        diverges=is_zero(sigma2),  # here m' >= 1: R7.noiseless's hypothesis
    )  # fmt: skip


def mixed_scale(world: IsotropicWorld) -> Number:
    """k = c u of R7: the conserved quantity at the pretrained point selects c."""
    point = mixed(world)
    s = world.target_norm2
    value = s * point.alpha**2 + point.w**2
    key_query = point.q**2 + s * point.delta**2
    if world.value_scale is None:
        return square_root(square_root(key_query / value))
    invariant = world.value_scale**2 - pretrained_key_query_norm2(world)
    return selected_scale(invariant, value, key_query)


# --- R6: key-query alone --------------------------------------------------------------------------------------------


def mixed_kq(world: IsotropicWorld) -> IsotropicPoint:
    r"""R6: v frozen, :math:`B = 0`, :math:`q_{xy} = N\theta_0/(w(m+2)\nu)`: recitation. Gauge: w = 1.

    Without noise only :math:`B + q_{xy}\theta_0^\top` matters on the target; flow then ends at the nearest point of
    that flat family: :math:`\gamma = (\rho + a)/(1+s)`, :math:`\delta = (\rho s - a)/(1+s)`, :math:`\rho = N/((m+2)s)`.
    """
    s, sigma2, m, eta = world.target_norm2, world.noise_variance, world.few_shot_shots, world.query_counts
    nu = s + sigma2
    recital = (m + eta) / ((m + 2) * nu)
    noiseless = is_zero(sigma2)
    bias = (2 - eta) / (m + 2)
    if not anywhere(noiseless):
        return IsotropicPoint(0, 1, 0, 0, 0, recital, 1, bias, 1, 1, nu)
    start = pretrained(world)
    a, rest = start.w, start.shrinkage  # a and 1 - a
    gamma = choose(noiseless, (recital + a) / (1 + s), 0)
    delta = choose(noiseless, (rest - bias) / (1 + s), recital)
    linear_bias = choose(noiseless, (bias + s * rest) / (1 + s), 1)
    opposite_bias = choose(noiseless, (bias * (s - 1) - 2 * s * rest) / (1 + s), bias - 2)
    return IsotropicPoint(0, 1, 0, 0, gamma, delta, 1, bias, 1, 1, nu, linear_bias, opposite_bias)


POINTS = {
    "pretrained": (pretrained, value_gauge_scale),
    "zero_shot": (zero_shot, zero_shot_scale),
    "zero_shot_value": (zero_shot_value, value_gauge_scale),
    "zero_shot_kq": (pretrained, value_gauge_scale),
    "mixed": (mixed, mixed_scale),
    "mixed_value": (mixed_value, value_gauge_scale),
    "mixed_kq": (mixed_kq, pretrained_value_scale),
}


def require_closed_form(strategy: str, few_shot_weight: Number) -> None:
    """Say so where no closed form exists: `mixed` at a finite weight."""
    if strategy == "mixed" and anywhere(few_shot_weight != 0):
        raise NoClosedForm(
            f"few_shot_weight = {few_shot_weight!r} has no closed form for strategy 'mixed': at a finite weight the "
            "zero-shot and few-shot losses balance at the roots of a high-degree system; only the limit 0+ "
            "(few_shot_weight = 0) is solved. For a finite weight integrate the flow: "
            "numerics.flow('mixed', setting, until='converged')"
        )


def require_end(strategy: str, diverges: Any, noise_variance: Number) -> None:
    """Say so where the flow has no end."""
    if anywhere(diverges):
        raise NoClosedForm(
            f"noise_variance = {noise_variance!r}: strategy {strategy!r} has no fixed point without label noise: its "
            "infimum is not attained and the parameters run to infinity (theory.risk gives the limit of the risk)"
        )
