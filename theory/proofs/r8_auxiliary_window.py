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
from typing import Any

from .. import dense, dense_fixed_points, fixed_points, isotropic, thresholds
from ..dense_fixed_points import DenseWorld
from ..wick import Gaussian, derivative, expectation, matrix, substitute
from . import enumeration
from .hypotheses import Given
from .printed_lines import run_lines
from .printed_names import symbols
from .r4_zero_shot_value import (
    CONVENTIONS,
    FIELD,
    SIGMA,
    THETA,
    Powers,
    S,
    V,
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
from .radicals import compose
from .theorem import Proof, Theorem

ISOTROPIC = "isotropic"
PSI = matrix("Psi", symmetric=True)

# By normalization; w_bar is the mean of w_0 and w_star.
HELPS_TARGET = {
    "tokens": "rho = sigma2/s\nn*(d + 3 - (d + 4)*w_bar) < (d + 4)*w_bar*(1 + d + d*rho) + d - 1",
    "shots": "rho = sigma2/s\nn*(d + 3 - (d + 4)*w_bar) < (d + 4)*w_bar*(1 + d + d*rho) + 2*d + 3",
}
HURTS_UNSEEN = {
    "tokens": "n*(1 - w_bar) > d*(1 + sigma2)*w_bar - (1 - w_bar)",
    "shots": "n*(1 - w_bar) > (1 + d + d*sigma2)*w_bar",
}
HAS_UPPER_END = {
    "tokens": "m < 1 + 2*d + 2*d*(d + 3)*(1 + sigma2)",
    "shots": "m < 3 + 2*d + 2*(d + 3)*(1 + d + d*sigma2)",
}


def derive(proof: Proof) -> None:
    """The window in n, for any covariance; its closed form where B is a multiple of Sigma^-1."""
    powers = Powers.of(S)
    M, t_1, t_2 = powers
    risk = excess_risk(V, w, S, THETA, n) / tokens**2
    average = expectation(risk, Gaussian("theta", PSI))
    names = symbols(SIGMA, S=S, M=M, t_1=t_1, t_2=t_2, v_x=V, theta=THETA, Psi=PSI, n=n, N=tokens, sigma2=sigma2)
    given = {name: value for name, value in names.items() if name not in ("S", "M", "t_1", "t_2")} | {"B": S}
    given |= {"w_0": w, "w_star": weight}
    names |= {"w_0": w, "w_star": weight}  # any two values of w
    proof.step(
        r"The risk on a task is a parabola in w, for any symmetric B, $v_x$, $\theta$, $\Sigma$; b > 0 and t are linear in "
        r"n. For B not a multiple of $\Sigma^{-1}$ nothing else changes: $v_x$ is no longer parallel to $\theta_0$, the "
        r"constants differ, one threshold a task remains."
    )
    proof.formula(
        "two values of w on one task",
        "M = B @ Sigma\nt_1 = trace(M)\nt_2 = trace(M @ M)\n"
        "b = (n + 1)*norm2(M @ theta) + t_2*(norm2(theta) + sigma2)\n"
        "t = N*inner(theta, M @ theta) - inner(theta, ((n + 3)*(M @ M) + t_1*M + t_2*I) @ v_x)\n"
        "w_bar = (w_0 + w_star)/2\n"
        "N**2*(R_star - R_0) == 2*n*(w_star - w_0)*(w_bar*b - t)",
        given | {"R_0": risk, "R_star": substitute(risk, {w: weight})},
        main=True,
    )
    proof.step("On average over tasks of mean zero the same holds, and the term in v_x drops out of t.")
    proof.formula(
        "two values of w, averaged over tasks",
        "b = (n + 1)*trace(Psi @ Sigma @ M @ M) + t_2*(trace(Psi @ Sigma) + sigma2)\n"
        "t = N*trace(Psi @ Sigma @ M)\n"
        "N**2*(R_star - R_0) == n*(w_star - w_0)*((w_0 + w_star)*b - 2*t)",
        names | {"R_0": average, "R_star": substitute(average, {w: weight})},
    )
    proof.step(
        r"At n = m both signs are certain, for every $\Sigma$ and $\Psi$: w* is the target's own minimum there, and $w_0$ "
        r"is the average's. For in the scale $w_0 = 1$ the slope of the average in w is a trace with the F that "
        r"pretraining makes zero (R1). So at n = m the auxiliary loss helps the target and hurts unseen tasks, strictly, "
        r"unless w* = $w_0$."
    )
    proof.formula(
        "the slope of the unseen average at n = m, w = 1",
        "F = (m + 1)*(Psi @ Sigma @ S) + (trace(Psi @ Sigma) + sigma2)*S - N*Psi\n"
        "N**2*slope == 2*m*trace(F @ Sigma @ S @ Sigma)",
        symbols(SIGMA, S=S, Psi=PSI, m=n, N=tokens, sigma2=sigma2)
        | {"slope": substitute(derivative(average, w, 1), {w: 1 + 0 * w})},
    )
    _isotropic_thresholds(proof)
    _same_shots(proof)
    _dense_points(proof)


def changes(
    after: Any, before: Any, norm2: Any, normalization: str, d: Any = d, sigma2: Any = sigma2
) -> list[tuple[Any, Any, Any]]:
    """N^2 (risk after - risk before) on the target and on average, the polynomials in n of theory.conditions."""
    return [
        thresholds.below(terms(after, d, sigma2, norm2), terms(before, d, sigma2, norm2), normalization).difference()
        for terms in (isotropic.terms_on_target, isotropic.terms_on_sphere)
    ]


def value_only(alpha: Any, w: Any, norm2: Any) -> isotropic.IsotropicPoint:
    """The point with any v in the isotropic setting."""
    return isotropic.contract(isotropic.IsotropicScalars(alpha, w, 0 * d, 1 + 0 * d, 0 * d, 0 * d), d, sigma2, norm2)


def _isotropic_thresholds(proof: Proof) -> None:
    proof.step(
        r"Isotropic, in the gauge $B = I$, with any m of either loss, and $w^* < w_0$: the auxiliary loss helps the target and hurts unseen tasks "
        r"iff as follows. If $w^* > w_0$ both are reversed. theory.conditions compares by the same at the printed points."
    )
    w_star, fall = w, weight  # any two numbers, w_0 = w_star + fall
    ordered = proof.gap("w_star", "w_0", str(fall))
    generic = value_only(1 / (d + 4), w_star, s), value_only(1 / (d + 4), w_star + fall, s)
    for normalization, eta, _ in CONVENTIONS:
        world = isotropic_world(eta, m_0, m, 0)
        printed = fixed_points.mixed_value(world), fixed_points.zero_shot_value(world)
        for after, before in (generic, printed):
            names = {"n": n, "d": d, "sigma2": sigma2, "s": s, "w_bar": (after.w + before.w) / 2}
            target, unseen = changes(after, before, s, normalization)
            scale = 2 * (before.w - after.w)
            for what, lines, (p_0, p_1, p_2), factor, sign in (
                ("helps the target", HELPS_TARGET[normalization], target, scale * s / (d + 4), -1),
                ("hurts unseen tasks", HURTS_UNSEEN[normalization], unseen, scale, 1),
            ):
                change = p_1 + p_2 * n  # over n: p_0 = 0
                if after is generic[0]:
                    where = f"the auxiliary loss {what} iff, N = {'n + 1' if eta else 'n'}"
                    main = normalization == "tokens"
                    proof.condition(
                        where, lines, names, sign * change, factor, main=main, also=ordered, where=ISOTROPIC
                    )
                else:
                    ((_, difference),) = run_lines(lines, names)[1]
                    proof.zeros(f"theory.conditions: it {what}, {normalization}", (p_0, change - factor * difference))


def _same_shots(proof: Proof) -> None:
    """Where the target has unit norm and both trainings use the same m."""
    proof.step(r"With $|\theta_0| = 1$ and the same m in both losses, w* < $w_0$ = a always.")
    one = 1 + 0 * d
    N = tokens  # m + 1 or m
    world = isotropic_world(N - m, m, m, 0)._replace(target_norm2=one)
    a, w_star = fixed_points.pretrained(world).w, fixed_points.mixed_value(world).w
    names = {"d": d, "m": m, "N": N, "sigma2": sigma2}
    ends = [names | {"s": one, "n": n} for n in (one, 0 * one)]  # their difference is the factor of n
    proof.formula(
        "how far the weight of the label falls",
        "a - w_star == (m + 3 + 2*d)/((d + 4)*(m + 1 + d + d*sigma2))",
        names | {"a": a, "w_star": w_star},
    )
    proof.word("falls", a - w_star)
    at_m = {g: g for g in FIELD.gens} | {n: m}
    for normalization, eta, _ in CONVENTIONS:
        world = isotropic_world(eta, m, m, 0)._replace(target_norm2=one)
        pair = fixed_points.mixed_value(world), fixed_points.zero_shot_value(world)
        target, unseen = (compose(p_1 * n + p_2 * n**2, at_m) for _, p_1, p_2 in changes(*pair, one, normalization))
        proof.word(f"helped_{normalization}", -target, ("gains", "does not gain"))
        proof.word(f"hurt_{normalization}", unseen, ("lose", "do not lose"))
    proof.step(
        "The window's upper end is finite iff the factor of n in the target's threshold is positive, which bounds m: "
        "beyond, the auxiliary loss helps the target at every n >= 1."
    )
    for normalization, eta, _ in CONVENTIONS:
        w_bar = compose((a + w_star) / 2, {g: g for g in FIELD.gens} | {N: m + eta})
        many, none = (run_lines(HELPS_TARGET[normalization], at | {"w_bar": w_bar})[1][0].difference for at in ends)
        what = f"the upper end is finite iff, N = {'n + 1' if eta else 'n'}"
        scale = 1 / (2 * (m + 1 + d + d * sigma2))
        proof.condition(what, HAS_UPPER_END[normalization], names, many - none, scale, main=normalization == "tokens")
    proof.step(
        "The lower end is always finite, since for unseen tasks this factor is positive by N <= m + 1: the auxiliary loss "
        "hurts them for all large n."
    )
    proof.formula(
        "the factor of n in their threshold",
        "1 - w_bar == (2*(d + 4)*(m + 1 - N + d + d*sigma2) + m + 3 + 2*d)/(2*(d + 4)*(m + 1 + d + d*sigma2))",
        names | {"w_bar": (a + w_star) / 2},
    )
    for normalization, eta, _ in CONVENTIONS:
        factor = compose(1 - (a + w_star) / 2, {g: g for g in FIELD.gens} | {N: m + eta})
        proof.word(f"lower_end_{normalization}", factor, ("finite", "infinite"))
    one, tenth = Fraction(1), Fraction(1, 10)
    official = fixed_points.IsotropicWorld(5 * one, tenth, one, 20 * one, 20 * one, 0 * one, None, 1)
    after, before = fixed_points.mixed_value(official), fixed_points.zero_shot_value(official)
    roots = [-p_1 / p_2 for _, p_1, p_2 in changes(after, before, one, "tokens", 5 * one, tenth)]
    proof.zeros(
        "d = 5, m = 20, sigma^2 = 0.1: 107/8 < n < 4909/158",
        (roots[0] - Fraction(4909, 158), roots[1] - Fraction(107, 8)),
    )


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


THEOREM = Theorem(
    name="R8.window",
    title="The auxiliary loss trades unseen tasks for the target inside a window of n",
    statement=(
        r"Between two values $w_0$ and w* of w the risk on a task changes from R_0 to R* as follows: a factor linear in "
        r"n, hence one threshold a task, whatever $\Sigma$. Isotropic, in the gauge where B is the identity, in tokens, the "
        r"auxiliary loss helps the target and hurts unseen tasks if and only if n is as follows. Where the target has unit "
        r"length and both losses use the same m, w* is <<falls>> below $w_0$; at n equal to m the target "
        r"<<helped_tokens>> and unseen tasks <<hurt_tokens>> (in shots it <<helped_shots>> and they <<hurt_shots>>); the "
        r"window's lower end is <<lower_end_tokens>> (in shots <<lower_end_shots>>), and its upper end is finite if and "
        r"only if m is as follows."
    ),
    assumptions=("lambda -> 0+, B symmetric, tasks of any law with mean zero (Psi their second moment).",),
    source="new here",
    derive=derive,
    given=(Given("s > 0", ISOTROPIC), Given("w_star < w_0", ISOTROPIC)),
)
