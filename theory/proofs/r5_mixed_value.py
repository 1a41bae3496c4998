r"""R5. Fine-tuning the value matrix alone on the zero-shot loss plus lambda times the few-shot loss.

At fixed Q_xx = B (symmetric, as pretraining leaves it) the loss is a quadratic in :math:`(v_x, w)`. With
:math:`\mu = \lambda/N^2` and M, t_1, t_2 as in R4 its stationarity reads

.. math::

    [Z + \mu Q]\,v_x + \mu\,w\,k = (t_1 + 2M)\theta_0 + \mu\,l, \qquad
    \theta_0^\top\Sigma\,[(m+3)M^2 + t_1 M + t_2]\,v_x
        + w\,[\theta_0^\top\Sigma((m+1)M^2 + t_2)\theta_0 + t_2\sigma^2] = N\,\theta_0^\top\Sigma M\theta_0,

Z the matrix of R4. For :math:`wB = w\Sigma^{-1}` it is solved in closed form at every lambda; as lambda -> 0+,
:math:`\alpha = 1/(d+4)` and :math:`w^* = [N s - \alpha(m+3+2d) s] / [(m+1+d) s + d\sigma^2]`.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from .. import dense_fixed_points, fixed_points
from ..wick import Matrix, Scalar, Vector, derivative, evaluate, identity, substitute
from .r4_zero_shot_value import (
    CONVENTIONS,
    SIGMA,
    THETA,
    THETA0,
    H,
    Powers,
    S,
    V,
    alpha,
    assignment,
    check_contractions,
    commuting,
    d,
    dense_worlds,
    excess_risk,
    gradient_in_v,
    isotropic_world,
    m,
    n,
    norm2,
    s,
    sigma2,
    tokens,
    w,
    weight,
    zero_shot_matrix,
)
from .theorem import Proof, Theorem


def few_shot_matrix(powers: Powers, m: Any) -> Matrix:
    r""":math:`Q = ((m+2)^2 + 4 + m)M^2 + 2(m+2)t_1 M + (t_1^2 + 2t_2 + m t_2)I`."""
    M, t_1, t_2 = powers
    shared = (t_1 * t_1 + 2 * t_2 + m * t_2) * identity
    matrix: Matrix = ((m + 2) ** 2 + 4 + m) * (M @ M) + 2 * (m + 2) * t_1 * M + shared
    return matrix


def coupling_vector(powers: Powers, m: Any, theta: Vector) -> Vector:
    r""":math:`[(m+3)M^2 + t_1 M + t_2]\theta`; k is m times this."""
    M, t_1, t_2 = powers
    coupling: Vector = (m + 3) * (M @ M @ theta) + t_1 * (M @ theta) + t_2 * theta
    return coupling


def label_curvature(powers: Powers, m: Any, theta: Vector) -> Scalar:
    r""":math:`\theta^\top\Sigma((m+1)M^2 + t_2)\theta + t_2\sigma^2`: the curvature in w, over 2m."""
    M, _, t_2 = powers
    return Scalar.of((m + 1) * (theta @ SIGMA @ M @ M @ theta) + t_2 * (norm2(theta) + sigma2))


def derive(proof: Proof) -> None:
    """R5."""
    powers = Powers.of(S)
    M, t_1, t_2 = powers
    few_shot = excess_risk(V, w, S, THETA0, m)  # N^2 (L_FS - sigma^2)
    proof.step(
        r"From the definition, at m shots and with N left open: $\frac12\nabla_{v_x} N^2 L_{FS} = \Sigma[Q "
        r"v_x + w k - l]$ with $Q = ((m+2)^2+4+m)M^2 + 2(m+2)t_1M + (t_1^2+2t_2+mt_2)$, $k = "
        r"m[(m+3)M^2+t_1M+t_2]\theta_0$, $l = N[(m+2)M+t_1]\theta_0$; $\frac{1}{2m}\partial_w$ is the "
        r"second equation of the statement."
    )
    linear = tokens * ((m + 2) * (M @ THETA0) + t_1 * THETA0)
    coupled = coupling_vector(powers, m, THETA0)
    in_v = few_shot_matrix(powers, m) @ V + m * w * coupled - linear
    proof.zero("gradient in v_x", derivative(few_shot, V, H) - 2 * (H @ SIGMA @ in_v))
    in_w = coupled @ SIGMA @ V + w * label_curvature(powers, m, THETA0) - tokens * (THETA0 @ SIGMA @ M @ THETA0)
    proof.zero("gradient in w", derivative(few_shot, w, 1) - 2 * m * in_w)

    proof.step(
        r"The quadratic form is $|m M g + (t_1 + 2M)h|^2 + m[t_2(|g|^2 + \omega^2\sigma^2) + |Mg|^2] + "
        r"2t_2|h|^2 + 4|Mh|^2$ in the direction $(h, \omega)$, $g = h + \omega\theta_0$: zero only if h = "
        r"0, then $\omega\theta_0 = 0$. So for every $\lambda > 0$ the minimum is unique; as $\lambda \to "
        r"0^+$ it tends to R4's $v_x$, and w to the minimum of $L_{FS}$ there."
    )
    omega = w
    form = (
        H @ SIGMA @ few_shot_matrix(powers, m) @ H
        + 2 * omega * m * (coupled @ SIGMA @ H)
        + omega**2 * m * label_curvature(powers, m, THETA0)
    )
    g = H + omega * THETA0
    squares = (
        norm2(m * (M @ g) + t_1 * H + 2 * (M @ H))
        + m * (t_2 * (norm2(g) + omega**2 * sigma2) + norm2(M @ g))
        + 2 * t_2 * norm2(H)
        + 4 * norm2(M @ H)
    )
    proof.zero("positive definite, as a sum of squares", form - squares)

    _label_weight(proof, powers)
    _closed_form(proof, in_v, in_w)
    _exact_points(proof, few_shot)


def _label_weight(proof: Proof, powers: Powers) -> None:
    proof.step(
        r"Where $v_x = \alpha\theta_0$ and $B = \Sigma^{-1}$, w enters the few-shot risk on a task $\theta$ "
        r"as a parabola with its minimum at $w^*(m, \theta) = [N s_\theta - "
        r"\alpha(m+3+2d)\theta^\top\Sigma\theta_0]/[(m+1+d)s_\theta + d\sigma^2]$ ($m+1$ in place of N only "
        r"in the convention N = m + 1)."
    )
    on_task = commuting(excess_risk(V, w, S, THETA, m), {V: alpha * THETA0})
    overlap, power = THETA @ SIGMA @ THETA0, norm2(THETA)
    curvature = (m + 1 + d) * power + d * sigma2
    top = tokens * power - alpha * (m + 3 + 2 * d) * overlap
    proof.zero("w*(m, theta)", derivative(on_task, w, 1) - 2 * m * (w * curvature - top))
    proof.step(
        r"As m grows $w^* \to 1 - \theta^\top\Sigma\theta_0/((d+4)s_\theta)$: this is $(d+3)/(d+4)$ only "
        r"for tasks with $\theta^\top\Sigma\theta_0 = s_\theta$, such as the target; it is $(d+5)/(d+4)$ on "
        r"the opposite task."
    )
    leading = [power - overlap / (d + 4), power]  # of numerator and denominator, in m; N = m or m + 1
    proof.zero(
        "limit of many shots, numerator",
        derivative(substitute(top, {tokens: m, alpha: 1 / (d + 4)}), m, 1) - leading[0],
    )
    proof.zero("limit of many shots, denominator", derivative(curvature, m, 1) - leading[1])


def _closed_form(proof: Proof, in_v: Vector, in_w: Scalar) -> None:
    r"""The printed (alpha, w) at every lambda, in both conventions, and at the limit 0+."""
    proof.step(
        r"At $B = \Sigma^{-1}$, $v_x = \alpha\theta_0$ solves both equations with the $\alpha$ and w that "
        r"the calculator prints, rational in $\lambda$: two linear equations in two unknowns, for every "
        r"$\Sigma$ (which enters through s alone)."
    )
    M, t_1, _ = Powers.of(S)
    right = t_1 * THETA0 + 2 * (M @ THETA0)
    mu = weight / tokens**2
    both = H @ SIGMA @ (zero_shot_matrix(Powers.of(S)) @ V - right + mu * in_v)
    equations = [commuting(x, {V: alpha * THETA0}) for x in (both, in_w)]
    for normalization, eta, _ in CONVENTIONS:
        shots = m + eta
        for value, words in ((weight, "any lambda"), (0, "lambda -> 0+")):
            point = fixed_points.mixed_value(isotropic_world(eta, m, m, value))
            name = f"mixed_value ({normalization}, {words})"
            at_point = {alpha: point.alpha, w: point.w, tokens: shots, weight: value + 0 * weight}
            solved = [substitute(x, {THETA0 @ SIGMA @ THETA0: s, **at_point}) for x in equations]
            proof.zeros(f"{name} solves the normal equations", solved)
            check_contractions(proof, name, point)
        limit = fixed_points.mixed_value(isotropic_world(eta, m, m, 0))
        proof.zero(f"alpha is R4's ({normalization})", limit.alpha - 1 / (d + 4))
        stated = (shots - (m + 3 + 2 * d) / (d + 4)) * s / ((m + 1 + d) * s + d * sigma2)
        proof.zero(f"w* at the target ({normalization})", limit.w - stated)
    one = Fraction(1)
    world = fixed_points.IsotropicWorld(5 * one, one / 10, one, 20 * one, 20 * one, 0 * one, None, 1)
    proof.zero("w* = 104/159 at d = 5, m = 20, sigma^2 = 0.1", fixed_points.mixed_value(world).w - Fraction(104, 159))
    _positivity(proof)


def _positivity(proof: Proof) -> None:
    proof.step(
        r"Signs: $w^* > 0$ for every m in the convention N = m + 1, where its numerator is $(d+3)m + 1 - d "
        r"+ \ldots$ with $m \ge 1$; for N = m and m = 1 it is $-d s/((d+4)(\ldots)) < 0$: one noisy shot is "
        r"read with the wrong sign."
    )
    tokens_top = (d + 4) * (m + 1) - (m + 3 + 2 * d)
    shifted = substitute(Scalar.of(tokens_top), {m: 1 + m, d: 1 + d}).as_coefficient().numer
    proof.inequality("w* > 0 (tokens), m >= 1, d >= 1", all(c > 0 for c in shifted.coeffs()))
    proof.zero("w* < 0 (shots) at m = 1", (d + 4) * 1 - (1 + 3 + 2 * d) + d)


def _exact_points(proof: Proof, few_shot: Scalar) -> None:
    def total_gradient(world: Any) -> Iterator[Fraction]:
        point = dense_fixed_points.mixed_value(world)
        zero_shot, few = gradient_in_v(world, point, 0), gradient_in_v(world, point, world.few_shot_shots)
        for a, b in zip(zero_shot, few, strict=True):
            yield a + world.few_shot_weight * b

    proof.step(
        "Exact points for the matrix code: enumeration of the definition at d = 1 (m = 2) and d = 2 (m = "
        "1), both conventions; at d = 2, fixed generic Sigma, Psi, theta_0, the derived gradient at 24 "
        "values of m with lambda = 1/3 and at 8 values of lambda. Its solution is a quotient of "
        "polynomials of degree at most 9 in m and 4 in lambda at fixed B, the residual of degree at most "
        "12 and 5."
    )
    worlds = [world._replace(few_shot_shots=3 - len(world.target)) for world in dense_worlds()]
    proof.brute_force(
        "mixed_value: no gradient, by enumeration", ((entry, 0) for world in worlds for entry in total_gradient(world))
    )
    L = substitute(excess_risk(V, w, S, THETA0, n), {n: 0 * n, tokens: 1 + 0 * n}) + weight / tokens**2 * few_shot
    slopes = (derivative(L, V, H), derivative(L, w, 1))

    def along() -> Iterator[tuple[Any, Any]]:
        world = next(dense_worlds((2,)))
        settings = [world._replace(few_shot_shots=shots) for shots in range(1, 25)]
        settings += [world._replace(few_shot_weight=Fraction(k, 2), few_shot_shots=3) for k in range(1, 9)]
        for here in settings:
            blocks = dense_fixed_points.mixed_value(here).blocks
            numbers = {
                w: blocks.w,
                m: here.few_shot_shots,
                tokens: here.few_shot_shots + 1,
                weight: here.few_shot_weight,
            }
            for unit in np.eye(2, dtype=int).tolist():
                for slope in slopes:
                    yield evaluate(slope, assignment(here, v=blocks.v_x, h=unit) | numbers), 0

    proof.brute_force("mixed_value: no gradient at d = 2, every m and lambda", along())


THEOREM = Theorem(
    name="R5",
    title="Zero-shot plus few-shot loss, value matrix alone: closed form at every weight",
    statement=(
        r"For symmetric B the loss $L_{ZS} + \lambda L_{FS}(m)$ is a positive definite quadratic in $(v_x, "
        r"w)$, solved by one linear system. If $B \propto \Sigma^{-1}$, $v_x = \alpha\theta_0$ and "
        r"$(\alpha, w)$ are rational in $(d, m, \sigma^2/s, \lambda)$; as $\lambda \to 0^+$, $\alpha = "
        r"1/((d+4)\beta)$ and $w^* = [N - (m+3+2d)/(d+4)]/(m+1+d+d\sigma^2/s)/\beta$, N = m + 1 or m."
    ),
    assumptions=(
        "x ~ N(0, Sigma), Sigma positive definite, label noise N(0, sigma^2), m >= 1, lambda > 0 or the limit 0+.",
        "Q_xx = B symmetric and not zero, all else in Q zero, as pretraining leaves it.",
    ),
    source="new here; w*(m) at the target corrects Lee, Sohn, Lee 2026 (arXiv 2602.23197), notebook, by its index",
    derive=derive,
)
