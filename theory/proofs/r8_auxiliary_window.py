r"""R8. The price of the auxiliary few-shot loss is a window in n.

`zero_shot_value` and `mixed_value` (lambda -> 0+) share v_x and B = Q_xx; only w differs, :math:`w_0` and
:math:`w^* = w^*(m, \theta_0)`. On every task :math:`N^2` risk is a parabola in w, with curvature n b(n) and minimum
at t(n)/b(n), where t and b are linear in n. So

.. math::  N^2\,[R(w^*) - R(w_0)] = 2n\,(w^* - w_0)\,[\bar w\, b(n) - t(n)], \qquad \bar w = (w_0 + w^*)/2,

which has one threshold in n on each task: the auxiliary loss helps the target where w*(n) lies on the far side of
:math:`\bar w`, hurts the unseen average where :math:`\bar w` lies between w* and a(n), and n = m always does both.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NamedTuple

from .. import dense, dense_fixed_points, fixed_points, isotropic, risk_formula, thresholds
from ..dense_fixed_points import DenseWorld
from ..wick import Gaussian, Scalar, expectation, matrix, substitute, trace
from . import enumeration
from .r4_zero_shot_value import (
    CONVENTIONS,
    FIELD,
    SIGMA,
    THETA,
    Powers,
    S,
    V,
    alpha,
    d,
    dense_worlds,
    excess_risk,
    isotropic_world,
    m,
    m_0,
    n,
    s,
    sigma2,
    tokens,
    w,
    weight,
)
from .r5_mixed_value import coupling_vector, label_curvature
from .theorem import Proof, Theorem

PSI = matrix("Psi", symmetric=True)


def numerator(powers: Powers, theta: Any) -> Scalar:
    r"""t(n) on a task: :math:`N\theta'\Sigma M\theta - \theta'\Sigma[(n+3)M^2 + t_1M + t_2]v_x`."""
    return Scalar.of(tokens * (theta @ SIGMA @ powers.M @ theta) - coupling_vector(powers, n, theta) @ SIGMA @ V)


def derive_window(proof: Proof) -> None:
    """The window in n, for any covariance; its closed form where B is a multiple of Sigma^-1."""
    powers = Powers.of(S)
    excess = excess_risk(V, w, S, THETA, n)
    start, end = w, weight  # two values of w
    step = substitute(excess, {w: end}) - excess
    proof.step(
        r"For any symmetric B, any $v_x$, $\theta$, $\Sigma$: $b(n) = \theta'\Sigma[(n+1)M^2 + t_2]\theta + "
        r"t_2\sigma^2 > 0$ and $t(n) = N\theta'\Sigma M\theta - \theta'\Sigma[(n+3)M^2 + t_1M + t_2]v_x$, "
        r"both linear in n. For B not a multiple of $\Sigma^{-1}$ nothing else changes: $v_x$ is no longer "
        r"parallel to $\theta_0$, the constants differ, one threshold a task remains."
    )
    on_task = n * (end - start) * ((start + end) * label_curvature(powers, n, THETA) - 2 * numerator(powers, THETA))
    proof.zero("two values of w on one task", step - on_task)
    prior = Gaussian("theta", PSI)
    M, _, t_2 = powers
    power = trace(PSI @ SIGMA)
    top = tokens * trace(PSI @ SIGMA @ M)
    bottom = (n + 1) * trace(PSI @ SIGMA @ M @ M) + t_2 * (power + sigma2)
    on_average = n * (end - start) * ((start + end) * bottom - 2 * top)
    proof.zero("two values of w, averaged over tasks", expectation(step, prior) - on_average)

    proof.step(
        r"At n = m both signs are certain, for every $\Sigma$ and $\Psi$: w* is the target's own minimum "
        r"there, and $w_0$ is the average's, since R1's equation $N\Psi = (m+1)\Psi\Sigma S + "
        r"(\mathrm{tr}\Psi\Sigma + \sigma^2)S$ gives $w_0 b(m) = t(m)$ on average ($w_0 = 1$). So at n = m "
        r"the auxiliary loss helps the target and hurts unseen tasks, strictly, unless w* = $w_0$."
    )
    pretraining = (n + 1) * (PSI @ SIGMA @ S) + (power + sigma2) * S - tokens * PSI
    proof.zero("w_0 is best on average at n = m", bottom - top - trace(pretraining @ SIGMA @ S @ SIGMA))

    _isotropic_thresholds(proof)
    _dense_points(proof)


def _isotropic_thresholds(proof: Proof) -> None:
    rho = sigma2 / s
    proof.step(
        r"Isotropic, with $\rho = \sigma^2/s$, any m of either loss, and $w^* < a$: the auxiliary loss "
        r"helps the target iff $n[d + 3 - (d+4)\bar w] < (d+4)\bar w(1 + d + d\rho) + k$, k = d - 1 for N = "
        r"n + 1 and 2d + 3 for N = n; it hurts unseen tasks iff $n(1 - \bar w) > (1 + d + d\sigma^2)\bar w "
        r"- k'$, k' = 1 and 0. If $w^* > a$ both are reversed."
    )
    for normalization, eta, _ in CONVENTIONS:
        world = isotropic_world(eta, m_0, m, 0)
        before, after = fixed_points.zero_shot_value(world), fixed_points.mixed_value(world)
        change = after.w - before.w
        mean = (after.w + before.w) / 2
        on_target = thresholds.below(
            isotropic.terms_on_target(after, d, sigma2, s),
            isotropic.terms_on_target(before, d, sigma2, s),
            normalization,
        )
        right = (d + 4) * mean * (1 + d + d * rho) + (d - 1 if eta else 2 * d + 3)
        left = d + 3 - (d + 4) * mean
        factor = 2 * s * change / (d + 4)
        stated = (0, factor * right, -factor * left)
        proof.zeros(f"target, {normalization}", (a - b for a, b in zip(on_target.difference(), stated, strict=True)))
        unseen = thresholds.below(
            isotropic.terms_on_sphere(after, d, sigma2, s),
            isotropic.terms_on_sphere(before, d, sigma2, s),
            normalization,
        )
        right = mean * (1 + d + d * sigma2) - (1 if eta else 0)
        stated = (0, 2 * change * right, -2 * change * (1 - mean))
        proof.zeros(f"unseen, {normalization}", (a - b for a, b in zip(unseen.difference(), stated, strict=True)))
        _one_shot_count(proof, normalization, eta)
    proof.step(
        r"With $|\theta_0| = 1$ and the same m, w* < a always. The window's upper end is finite iff $m < 1 "
        r"+ 2d + 2d(d+3)(1 + \sigma^2)$ ($m < 3 + 2d + 2(d+3)(1 + d + d\sigma^2)$ for N = n): beyond, the "
        r"auxiliary loss helps the target at every n >= 1. The lower end is always finite: it hurts unseen "
        r"tasks for all large n."
    )
    one, tenth = Fraction(1), Fraction(1, 10)
    world = fixed_points.IsotropicWorld(5 * one, tenth, one, 20 * one, 20 * one, 0 * one, None, 1)
    before, after = fixed_points.zero_shot_value(world), fixed_points.mixed_value(world)
    comparisons = [
        thresholds.below(terms(after, 5 * one, tenth, one), terms(before, 5 * one, tenth, one), "tokens").difference()
        for terms in (isotropic.terms_on_target, isotropic.terms_on_sphere)
    ]
    roots = [-p_1 / p_2 for _, p_1, p_2 in comparisons]
    proof.zeros(
        "d = 5, m = 20, sigma^2 = 0.1: 107/8 < n < 4909/158",
        (roots[0] - Fraction(4909, 158), roots[1] - Fraction(107, 8)),
    )


def _one_shot_count(proof: Proof, normalization: str, eta: int) -> None:
    """Where the target has unit norm and both trainings use the same m."""
    world = isotropic_world(eta, m, m, 0)._replace(target_norm2=1 + 0 * d)
    a, best = fixed_points.pretrained(world).w, fixed_points.mixed_value(world).w
    across = m + 1 + d + d * sigma2
    proof.zero(
        f"a - w* = (m+3+2d)/((d+4)(m+1+d+d sigma^2)) > 0, {normalization}",
        (a - best) * (d + 4) * across - (m + 3 + 2 * d),
    )
    bound = 1 + 2 * d + 2 * d * (d + 3) * (1 + sigma2) if eta else 3 + 2 * d + 2 * (d + 3) * (1 + d + d * sigma2)
    slope = d + 3 - (d + 4) * (a + best) / 2
    proof.zero(f"where the window has an upper end, {normalization}", 2 * across * slope - (bound - m))
    unseen_slope = (1 - (a + best) / 2) * 2 * (d + 4) * across
    positive = 2 * (d + 4) * (1 + d + d * sigma2 - eta) + m + 3 + 2 * d
    proof.zero(f"the window has a lower end, {normalization}", unseen_slope - positive)


def _differences(world: DenseWorld) -> Iterator[tuple[Any, Any]]:
    """N^2 (risk after - risk before) on the target and on average: as conditions compares, and by enumeration."""
    sigma, noise, prior = world.sigma, world.noise_variance, world.task_covariance
    assert prior is not None
    normalization = "tokens" if world.query_counts else "shots"
    after, before = dense_fixed_points.mixed_value(world).blocks, dense_fixed_points.value_only(world).blocks

    on_target = [dense.terms_on_task(x, sigma, noise, world.target) for x in (after, before)]
    average = [dense.average_terms(x, sigma, noise, prior, 1) for x in (after, before)]
    target, unseen = (thresholds.below(x, y, normalization).difference() for x, y in (on_target, average))
    yield target[0], 0
    yield unseen[0], 0
    for shots in (1, 2):
        risks, averages = [], []
        for v, Q in (after.matrices(), before.matrices()):
            model = (list(v), Q.tolist(), sigma.tolist())
            risks.append(enumeration.exact_risk(*model, list(world.target), noise, shots, normalization))
            averages.append(enumeration.exact_average_risk(*model, noise, shots, prior.tolist(), normalization))
        for (p_0, p_1, p_2), (risk, other) in ((target, risks), (unseen, averages)):
            yield p_0 + p_1 * shots + p_2 * shots**2, (shots + world.query_counts) ** 2 * (risk - other)


def _trades_at_m(world: DenseWorld) -> bool:
    """Whether at n = m the target gains and the unseen average loses, strictly."""
    *_, target, unseen = (change for change, _ in _differences(world))  # the last two are at n = 2 = m
    return bool(target < 0 < unseen)


def _dense_points(proof: Proof) -> None:
    proof.step(
        "The comparison that theory.conditions makes, p_0 + p_1 n + p_2 n^2 from the dense code, against "
        "enumeration of the definition: p_0 = 0 and n = 1, 2 determine all three coefficients at each of "
        "four generic worlds, on the target and on average."
    )
    worlds = [world._replace(few_shot_weight=Fraction(0)) for world in dense_worlds()]
    proof.brute_force("conditions against enumeration", (pair for world in worlds for pair in _differences(world)))
    same_m = [world._replace(pretrain_shots=world.few_shot_shots) for world in worlds]
    proof.inequality("both signs at n = m, in these worlds", all(_trades_at_m(world) for world in same_m))


# --- the curve in lambda ---------------------------------------------------------------------------------------------


def derive_curve(proof: Proof) -> None:
    """The curve of target risk against unseen risk in lambda, isotropic."""
    proof.step(
        r"$L_{ZS}$ depends on $\alpha$ alone, so that the minimisers of $L_{ZS} + \lambda L_{FS}$ move on a "
        r"straight line: $(\alpha, w)(\lambda) = (1-\tau)(\alpha, w)(0^+) + \tau(\alpha, w)(\infty)$ with "
        r"$\tau = \mu R_1/(R_0 + \mu R_1)$, $\mu = \lambda/N^2$, $R_0 + \mu R_1$ the printed denominator. "
        r"Every risk at every n is then a parabola in $\tau$."
    )
    for normalization, eta, _ in CONVENTIONS:

        def world(value: Any, eta: int = eta) -> fixed_points.IsotropicWorld:
            return isotropic_world(eta, m, m, value)._replace(target_norm2=1 + 0 * d)

        first, origin = (fixed_points.mixed_value(world(x)) for x in (weight, 0 * d))
        N, noise = m + eta, d * sigma2
        r_0 = (d + 2) * (d + 4) * (m + 1 + d + noise)
        r_1 = m * noise * (m + 3 + 2 * d) + (d + 2) * (m * (2 + noise) + (d + 4) * (1 + d + noise))
        end_alpha = N * (m * noise + (d + 2) * (1 + d + noise)) / r_1
        end_w = (d + 2) * N * (1 - d) / r_1
        mu = weight / N**2
        tau = mu * r_1 / (r_0 + mu * r_1)
        segment = (
            first.alpha - (1 - tau) * origin.alpha - tau * end_alpha,
            first.w - (1 - tau) * origin.w - tau * end_w,
        )
        proof.zeros(f"the position on the segment, {normalization}", segment)
        start, end = (origin.alpha, origin.w), (end_alpha, end_w)
        zero_shot, few_shot, unseen = (
            Parabola.of(terms, shots, normalization)
            for terms, shots in (
                (isotropic.terms_on_target, 0),
                (isotropic.terms_on_target, m),
                (isotropic.terms_on_sphere, m),
            )
        )
        proof.zeros(f"zero-shot risk is least at tau = 0, {normalization}", zero_shot.gradient(*start))
        proof.zeros(f"m-shot risk is least at tau = 1, {normalization}", few_shot.gradient(*end))
        slope = unseen.slope(start, end)
        if normalization == "shots":
            proof.inequality("U_1 < 0 at n = m = 1, shots", positive(-slope, FIELD.ring.one))
        least = 1 if normalization == "tokens" else 2
        proof.inequality(f"U_1 > 0 at n = m >= {least}, {normalization}", positive(slope, least + m.numer))
        proof.zero(f"no mixed second derivative of the unseen risk, {normalization}", unseen.aw)
        for second in (unseen.aa, unseen.ww):  # so U_2 > 0 unless the segment is a point, where U_1 = 0
            proof.inequality(f"the unseen risk is convex, {normalization}", positive(second, 1 + m.numer))
    proof.step(
        r"A parabola that is least at $\tau = 0$ is $\min + \tau^2 P$, one that is least at 1 is $\min + "
        r"(1-\tau)^2 G$: on the target $\sqrt{(L_{ZS} - \min)/P} + \sqrt{(L_{FS} - \min)/G} = 1$. At n = m "
        r"the unseen risk is $U_0 + U_1\tau + U_2\tau^2$ with $U_1, U_2 > 0$: more weight on the few-shot "
        r"loss always buys target risk with unseen risk there. For N = n this needs m >= 2; at m = 1 unseen "
        r"tasks gain too at first, $U_1 < 0$."
    )


class Parabola(NamedTuple):
    """A risk as a quadratic in (alpha, w): its second derivatives and its gradient at the origin."""

    aa: Any
    aw: Any
    ww: Any
    a: Any
    w: Any

    @classmethod
    def of(cls, terms: Any, shots: Any, normalization: str) -> Parabola:
        """From the calculator's own risk at a value-only point with |theta_0| = 1."""
        scalars = isotropic.IsotropicScalars(alpha, w, 0 * d, 1 + 0 * d, 0 * d, 0 * d)
        point = isotropic.contract(scalars, d, sigma2, 1 + 0 * d)
        risk = risk_formula.exact_risk_formula(terms(point, d, sigma2, 1 + 0 * d), shots, normalization)
        in_a, in_w = risk.diff(alpha), risk.diff(w)
        at_origin = (x.subs([(alpha, 0), (w, 0)]) for x in (in_a, in_w))
        return cls(in_a.diff(alpha), in_a.diff(w), in_w.diff(w), *at_origin)

    def gradient(self, alpha: Any, w: Any) -> tuple[Any, Any]:
        """The gradient at a point."""
        return self.aa * alpha + self.aw * w + self.a, self.aw * alpha + self.ww * w + self.w

    def slope(self, start: tuple[Any, Any], end: tuple[Any, Any]) -> Any:
        """U_1 of U_0 + U_1 tau + U_2 tau^2 on the segment from start to end."""
        in_a, in_w = self.gradient(*start)
        return in_a * (end[0] - start[0]) + in_w * (end[1] - start[1])


def positive(value: Any, shots: Any) -> bool:
    """Whether a rational function is > 0 for d >= 1, sigma^2 >= 0 and ``shots`` (1 + m: m >= 1) in place of m.

    After d -> 1 + d no coefficient is negative, and a positive constant term covers the corner.
    """
    shifted = (x.compose([(d.numer, 1 + d.numer), (m.numer, shots)]) for x in (value.numer, value.denom))
    return all(part.coeff(1) > 0 and all(c > 0 for c in part.coeffs()) for part in shifted)


THEOREMS = (
    Theorem(
        name="R8.window",
        title="The auxiliary loss trades unseen tasks for the target inside a window of n",
        statement=(
            r"Between w_0 and w* the risk on a task changes by $2n(w^* - w_0)[\bar w\,b(n) - t(n)]/N^2$, t "
            r"and b linear in n: one threshold a task, any $\Sigma$. n = m lies inside the window always. "
            r"Isotropic, N = n + 1, $|\theta_0| = 1$: helps the target iff $n[d+3-(d+4)\bar w] < (d+4)\bar "
            r"w(1+d+d\sigma^2) + d - 1$, hurts unseen tasks iff $n(1-\bar w) > d(1+\sigma^2)\bar w - (1 - "
            r"\bar w)$; the upper end is finite iff $m < 1 + 2d + 2d(d+3)(1+\sigma^2)$."
        ),
        assumptions=(
            "lambda -> 0+, B symmetric, x ~ N(0, Sigma), tasks of any law with mean zero (Psi their second moment).",
            "n = m inside the window: the auxiliary and the pretraining loss use the same number of shots m.",
        ),
        source="new here",
        derive=derive_window,
    ),
    Theorem(
        name="R8.curve",
        title="The curve of target risk against unseen risk in the weight of the auxiliary loss",
        statement=(
            r"Isotropic: the minimisers of $L_{ZS} + \lambda L_{FS}(m)$ over $v$ fill a segment, $\tau = "
            r"\mu R_1/(R_0 + \mu R_1)$; every risk is a parabola in $\tau$, on the target $L_{ZS} = \min + "
            r"\tau^2 P$ and $L_{FS}(m) = \min + (1-\tau)^2 G$; at n = m the unseen risk rises with $\tau$ "
            r"(N = n: for m >= 2)."
        ),
        assumptions=("Sigma = I, tasks uniform on the unit sphere, |theta_0| = 1, the same m in both losses.",),
        source="new here",
        derive=derive_curve,
    ),
)
