r"""R1-R7: where gradient flow ends, one function a strategy, on any space.

Each law returns the model in the *gauge* that needs no square root (the prediction does not change under
:math:`(v, Q) \to (k v, Q/k)`) and can say the :math:`k` that flow selects. What a law takes for granted is data: each
:class:`Case` says where it holds, whether the flow attains it, and whether the risk is infinite off the target.

Sources: Lee, Sohn, Lee 2026 (arXiv 2602.23197) for the question; Ahn et al. 2023 (arXiv 2306.00297) and Mahankali et
al. 2023 (arXiv 2307.03576) for the pretrained model; the selection laws and the mixed strategies' points are new here.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .kinds import Number, is_ball, is_symbolic, square_root
from .points import Case, Point, World, inner, noisy, nothing_to_gain, signal
from .space import Operator, Vector

# --- R1: pretraining ------------------------------------------------------------------------------------------------


def _ridge(world: World) -> Number:
    """What a shot's noise and its other tasks add, per token and for Psi^-1 = I."""
    if world.psi is None:  # Psi = I/d
        return world.per_token * (world.space.trace(world.sigma) + world.d * world.noise_variance)
    return world.per_token * (world.space.trace_of_product(world.psi, world.sigma) + world.noise_variance)


def pretrained_product(world: World) -> Operator:
    r"""R1: :math:`wB = N[(m+1)\Sigma + (\mathrm{tr}\,\Psi\Sigma + \sigma^2)\Psi^{-1}]^{-1}`; at m = infinity, Sigma^-1."""
    space, scaled = world.space, world.gain * world.sigma
    if world.psi is None:
        return space.inverse(scaled + _ridge(world) * space.identity)
    return space.ridge(scaled, world.psi, _ridge(world))


def pretrained(world: World) -> Point:
    """R1. Gauge: w = 1, or B = I where the world asks for that."""
    product, w_0 = pretrained_product(world), 1
    if world.unit_keys:
        w_0, product = product.diagonal[0], world.space.identity
    zero = 0 * world.target
    if type(world.per_token) is int and world.per_token == 0 and (world.psi is None or world.space.spans(world.psi)):
        gain: Operator = world.space.identity  # however ill-conditioned Sigma is
    else:
        gain = product @ world.sigma
    residual = None
    if world.psi is None:  # P^-1 - Sigma, times P
        residual = _ridge(world) * product
        if not (type(world.gain) is int and world.gain == 1):
            residual = residual + (world.gain - 1) * gain
        if world.unit_keys:
            residual = w_0 * residual
    return Point(zero, w_0, 0, product, zero, gain, residual, start=w_0)


def pretrained_scale(world: World) -> Number:
    r"""w_0 = V_yy of the pretrained model; balanced: :math:`w_0^2 = |B|_F^2 = |wB|_F^2 / w_0^2`."""
    if world.value_scale is not None:
        return world.value_scale
    return square_root(square_root(product_norm2(world)))


def product_norm2(world: World) -> Number:
    """|wB|_F^2 of the pretrained model."""
    product = pretrained_product(world)
    return world.space.trace_of_product(product, product)


# --- R4, R5: the value matrix alone ---------------------------------------------------------------------------------


def _by_target(world: World, M: Operator, weight: Number = 0) -> tuple[Vector, Number, Number]:
    """y with (K + weight F) y = theta_0, which all of R4 and R5 is polynomial in, t_1 and t_2."""
    m, space = world.few_shot_shots, world.space
    t_1, t_2 = space.trace(M), space.trace_of_product(M, M.T)
    constant, linear, square = t_1 * t_1 + 2 * t_2, 4 * t_1, 8  # K = X^2 + 2 t_2 + 4 M^2
    if not (type(weight) is int and weight == 0):
        constant = constant + weight * (constant + m * t_2)
        linear = linear + weight * (2 * ((m + 2) * t_1))
        square = square + weight * ((m + 2) * (m + 2) + 4 + m)
    return space.solve_quadratic((constant, linear, square), M, world.sigma, world.target), t_1, t_2


def zero_shot_value(world: World) -> Point:
    r"""R4: with :math:`M = B\Sigma`, :math:`t_1 = \mathrm{tr} M`, :math:`t_2 = \mathrm{tr} M^2`, :math:`X = t_1 + 2M`,
    :math:`(X^2 + 2t_2 + 4M^2)\,v_x = N_0 X\theta_0`; w as pretrained. Gauge: as pretrained.
    """
    start = pretrained(world)
    M: Operator = start.gain
    y, t_1, _ = _by_target(world, M)
    return start._replace(v_x=world.zero_shot_tokens * (t_1 * y + 2 * (M @ y)))


def mixed_value(world: World) -> Point:
    r"""R5 at any weight (0: the limit 0+). Gauge: as pretrained.

    With K, X of R4, :math:`A = m((m+1)M^2 + t_2)`, :math:`C = mMX`, :math:`g = \lambda N_0^2/N^2` and
    :math:`(K + g(A + 2C + K))\,y = \theta_0`, all in one metric and one algebra, elimination leaves w as a ratio whose
    denominator is a sum of positive terms, for :math:`(AK - C^2)/m = M^2X^2 + t_2X^2 + ((m+1)M^2 + t_2)(2t_2 + 4M^2)`.
    """
    start = pretrained(world)
    M: Operator = start.gain
    m, tokens, at_zero = world.few_shot_shots, world.few_shot_tokens, world.zero_shot_tokens
    unweighted = type(world.few_shot_weight) is int and world.few_shot_weight == 0
    g = 0 if unweighted else world.few_shot_weight * (at_zero * at_zero) / (tokens * tokens)
    y, t_1, t_2 = _by_target(world, M, g)

    def read(x: Vector) -> Vector:  # X x
        return t_1 * x + 2 * (M @ x)

    def powers(x: Vector, at_square: Number) -> Vector:  # (at_square M^2 + t_2) x
        return at_square * (M @ (M @ x)) + t_2 * x

    X_y = read(y)
    M_X, X_2, rest = M @ X_y, read(X_y), 2 * powers(y, 2)  # K - X^2
    top = tokens * (M @ (X_2 + rest)) - at_zero * read(M_X + powers(y, m + 1))
    bottom = powers(X_2 + rest, m + 1)
    if not unweighted:
        t_1_less = t_1 * y - M @ y
        top = top - (g * tokens) * (M @ (M @ t_1_less) + t_1 * (t_2 * y) - M @ (M @ (M @ y)))
        bottom = bottom + g * (powers(X_2, 1) + powers(rest, m + 1))
    over, under = inner(world, world.target, top), inner(world, world.target, bottom) + t_2 * world.noise_variance
    for weight, task in world.several:  # R24: what tasks around their mean ask of w
        apart = task - world.target
        over = over + weight * (tokens * inner(world, apart, M @ apart))
        under = under + weight * inner(world, apart, powers(apart, m + 1))
    w = world.space.quotient(over, under)
    v_x = at_zero * X_y
    if not unweighted:
        v_x = v_x + (g * tokens) * (m * (M @ y) + X_y) - (g * w * m) * (M_X + powers(y, m + 1))
    return start._replace(v_x=v_x, w=w)


# --- R3.masked: the zero-shot loss is a constant ----------------------------------------------------------------------


def masked_value(world: World) -> Point:
    r"""R3.masked: the few-shot loss alone decides, :math:`v_x = N[(m+1)M^2 + t_2]^{-1}M\theta_0`, w = 0. Gauge: as pretrained."""
    start = pretrained(world)
    return start._replace(v_x=_recital(world, start.gain), w=0)


def masked_value_noiseless(world: World) -> Point:
    r"""R3.masked without noise: of all :math:`v_x + w\theta_0 = u` flow ends where :math:`w - \theta_0^\top v_x = w_0`."""
    start, theta = pretrained(world), world.target
    rest = _recital(world, start.gain) - start.w * theta
    share = world.space.quotient(theta @ rest, 1 + theta @ theta)
    return start._replace(v_x=rest - share * theta, w=start.w + share)


def _recital(world: World, M: Operator) -> Vector:
    """What the target's shots see where the few-shot loss is least but for w^2 sigma^2."""
    M2 = M @ M
    matrix = (world.few_shot_shots + 1) * M2 + world.space.trace(M2) * world.space.identity
    return world.few_shot_tokens * world.space.solve(matrix, M @ world.target)


# --- R2, R7: all parameters -----------------------------------------------------------------------------------------


def selected_scale(invariant: Number, value: Number, key_query: Number) -> Number:
    r"""The positive root c of :math:`A c^2 - B/c^2 = K`: what conservation of :math:`|v|^2 - |Q|_F^2` selects.

    ``invariant`` is K, ``value`` A and ``key_query`` B. Written so that neither sign of K cancels.
    """
    root = square_root(invariant * invariant + 4 * value * key_query)
    if isinstance(invariant, np.ndarray):
        size = np.abs(invariant)
        squared = np.where(invariant < 0, 2 * key_query / (root + size), (root + size) / (2 * value))
        return np.sqrt(squared)
    if not is_symbolic(invariant) and invariant < 0:
        return square_root(2 * key_query / (root - invariant))
    return square_root((root + invariant) / (2 * value))


def _inverse_zero_shot_scale(world: World, norm2: Number) -> Number:
    r"""R2's 1/c: :math:`2N_0^2/c^2 = |B|_F^2 + \sqrt{|B|_F^4 + 4N_0^2|\theta_0|^2}`, from w_0's :math:`|B|_F^2`."""
    N_0 = world.zero_shot_tokens
    return square_root((norm2 + square_root(norm2 * norm2 + 4 * (N_0 * N_0 * (world.target @ world.target)))) / 2) / N_0


def _start_norm2(world: World) -> tuple[Number, Number]:
    """w_0, and |B|_F^2 at the pretrained point; balanced: w_0^2."""
    norm2 = product_norm2(world)
    if world.value_scale is None:
        balanced = square_root(norm2)
        return square_root(balanced), balanced
    return world.value_scale, norm2 / (world.value_scale * world.value_scale)


def _memory(world: World, alpha: Number, w: Number, q: Number, delta: Number, seen: Number = None) -> Point:
    """A model without a key for inputs, B = 0."""
    theta = world.target
    return Point(alpha * theta, w, q, 0 * world.sigma, delta * theta, seen=None if seen is None else seen * theta)


def zero_shot(world: World) -> Point:
    r"""R2: :math:`v_x = c\,\theta_0`, :math:`q = N_0/c`, :math:`B = 0`, w as pretrained, c conserved. Gauge: c = 1."""
    w_0, norm2 = _start_norm2(world)
    return _memory(world, 1, _inverse_zero_shot_scale(world, norm2) * w_0, world.zero_shot_tokens, 0)


def zero_shot_scale(world: World) -> Number:
    """k = c of R2."""
    return 1 / _inverse_zero_shot_scale(world, _start_norm2(world)[1])


def mixed_idle(world: World) -> Point:
    r"""R7 where N = N_0 at the few-shot loss's shots: there is nothing to gain, u = 0. Gauge: c = 1."""
    return _memory(world, 1, -1 / (1 + world.noise_variance / signal(world)), world.zero_shot_tokens, 0)


def least_by_root(rho: Number, m: Number, m_prime: Number) -> tuple[Number, Number, None]:
    """R7's u and rho/p*, in short: for numbers that lose nothing in a difference."""
    root = m_prime * square_root(rho * (1 + rho))
    u = square_root((root - rho) / (m + 2))
    return u, root / (u * u) - (m + 2), None  # which is rho/p*, and leaves m'/(m + 2 + rho/p*) = u^2/root


def least_by_ratio(rho: Number, m: Number, m_prime: Number) -> tuple[Number, Number, Number]:
    """The same, and 1/u + w, as ratios of positive terms, for floats."""
    positive = m_prime * m_prime + (m_prime * m_prime - 1) * rho
    p = square_root(rho) * positive / ((m + 2) * (m_prime * square_root(1 + rho) + square_root(rho)))
    u, ratio = square_root(p), (m + 2) * (m_prime * square_root(rho * (1 + rho)) + rho) / positive
    return u, ratio, (1 + u * ratio) / (1 + rho)


def mixed(world: World) -> Point:
    r"""R7: :math:`v_x = c\,\theta_0`, :math:`q = 1/c`, :math:`B = 0`, :math:`w/c = (u-1)/(1+\rho)`, lambda -> 0+.

    With :math:`\rho = \sigma^2/s`, :math:`m' = N - 1`: :math:`u^2 = p^* = (m'\sqrt{\rho(1+\rho)} - \rho)/(m+2)` and
    :math:`c\,q_{xy} = (m'u/((m+2)p^* + \rho))\,\theta_0/s`. Gauge: c = 1/u.
    """
    s, m, m_prime = signal(world), world.few_shot_shots, world.few_shot_tokens - 1
    rho = world.noise_variance / s
    u, ratio, seen = (least_by_root if is_exact_kind(rho) else least_by_ratio)(rho, m, m_prime)
    return _memory(world, 1 / u, (u - 1) / (u * (1 + rho)), u, m_prime / (m + 2 + ratio) / s, seen)


def is_exact_kind(x: Number) -> bool:
    """Whether cancellation costs nothing: Fractions and expressions, not floats, arrays, balls or what is recorded."""
    tape = getattr(x, "tape", None)
    return bool(tape.exact) if tape is not None else not (isinstance(x, float | np.ndarray) or is_ball(x))


def mixed_noiseless(world: World) -> Point:
    r"""The limit of R7 as the noise vanishes, in the gauge c = 1/u, where all that the target sees stays finite."""
    s, m, m_prime = signal(world), world.few_shot_shots, world.few_shot_tokens - 1
    return _memory(world, 1, 0, 0, m_prime / ((m + 2) * s))._replace(limit=(world.target, 1))


def mixed_scale(point: Callable[[World], Point]) -> Callable[[World], Number]:
    """k = c times the gauge: the conserved quantity at the pretrained point selects it."""

    def scale(world: World) -> Number:
        found = point(world)
        value = found.v_x @ found.v_x + found.w * found.w
        key_query = found.q * found.q + found.b @ found.b
        if world.value_scale is None:
            return square_root(square_root(key_query / value))
        w_0, norm2 = _start_norm2(world)
        return selected_scale(w_0 * w_0 - norm2, value, key_query)

    return scale


# --- R6: key-query alone --------------------------------------------------------------------------------------------


def mixed_key_query(world: World) -> Point:
    r"""R6: v frozen, :math:`B = 0`, :math:`q_{xy} = N\theta_0/(w(m+2)\nu)`: recitation. Gauge: w = 1."""
    nu = signal(world) + world.noise_variance
    return _memory(world, 0, 1, 0, world.few_shot_tokens / ((world.few_shot_shots + 2) * nu))


def mixed_key_query_noiseless(world: World) -> Point:
    r"""R6 without noise: only :math:`B + q_{xy}\theta_0^\top` matters on the target, and flow ends at the nearest point:
    with :math:`R = N\theta_0\theta_0^\top/((m+2)s)`, :math:`(R - wB)(I + \theta_0\theta_0^\top)^{-1}` from its start.
    """
    space, theta = world.space, world.target
    product = pretrained_product(world)
    share = world.few_shot_tokens / ((world.few_shot_shots + 2) * signal(world))
    length2 = theta @ theta
    # (R - P)(I + tt')^-1 = R/(1 + t't) - P + (P t) t'/(1 + t't)
    moved = (share * theta + product @ theta) / (1 + length2)
    delta = (share * length2) / (1 + length2) * theta - (product @ theta) / (1 + length2)
    return Point(0 * theta, 1, 0, space.outer(moved, theta), delta)


# --- which law when --------------------------------------------------------------------------------------------------


_FROZEN_SCALE = pretrained_scale

LAWS: dict[str, tuple[Case, ...]] = {
    "pretrained": (Case(pretrained, _FROZEN_SCALE),),
    "zero_shot": (Case(zero_shot, zero_shot_scale),),
    "zero_shot_value": (Case(zero_shot_value, _FROZEN_SCALE),),
    "zero_shot_kq": (Case(pretrained, _FROZEN_SCALE),),
    "mixed": (
        Case(mixed_idle, mixed_scale(mixed_idle), nothing_to_gain),
        Case(mixed, mixed_scale(mixed), noisy),
        Case(mixed_noiseless, None, diverges_off_target=True),
    ),
    "mixed_value": (Case(mixed_value, _FROZEN_SCALE),),
    "mixed_kq": (
        Case(mixed_key_query, _FROZEN_SCALE, noisy),
        Case(mixed_key_query_noiseless, _FROZEN_SCALE),
    ),
}

# Where the query is masked; what is not here has the law above, for a query that meets v_0 = 0 and v_x = 0 adds nothing.
MASKED: dict[str, tuple[Case, ...]] = {
    **dict.fromkeys(("zero_shot", "zero_shot_value"), LAWS["pretrained"]),
    "mixed_value": (Case(masked_value, _FROZEN_SCALE, noisy), Case(masked_value_noiseless, _FROZEN_SCALE)),
}
