r"""R8. The price of the auxiliary few-shot loss is a window in n.

`zero_shot_value` and `mixed_value` (lambda -> 0+) share v_x and B = Q_xx; only w differs, :math:`w_0` and
:math:`w^* = w^*(m, \theta_0)`. On every task :math:`N^2` risk is a parabola in w, with curvature n b(n) and minimum
at t(n)/b(n), where t and b are linear in n. So

.. math::  N^2\,[R(w^*) - R(w_0)] = 2n\,(w^* - w_0)\,[\bar w\, b(n) - t(n)], \qquad \bar w = (w_0 + w^*)/2,

which has one threshold in n on each task: the auxiliary loss helps the target where w*(n) lies on the far side of
:math:`\bar w`, hurts the unseen average where :math:`\bar w` lies between w* and a(n), and n = m always does both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from .. import thresholds
from ..contractions import RiskTerms, Square, Tasks, contract
from ..points import Point, World
from ..programs import Numbers, isotropic_terms, isotropic_world, of_scalars
from ..wick import Gaussian, derivative, expectation, matrix, substitute
from . import enumeration
from .any_covariance import case_of, matrix_world, model
from .hypotheses import Given
from .on_lines import plain
from .printed_lines import run_lines
from .printed_names import symbols
from .radicals import Roots, compose
from .theorem import Proof, Theorem
from .value_model import (
    CONVENTIONS,
    FIELD,
    SIGMA,
    THETA,
    Powers,
    S,
    V,
    d,
    excess_risk,
    m,
    m_0,
    n,
    s,
    sigma2,
    tokens,
    w,
    weight,
)

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


Law = Callable[[World], Point]
LIFT = Roots(FIELD)  # numbers that leave it to vectors and operators on lines how these are scaled


def field_world(normalization: Any, **numbers: Any) -> World:
    """The world of two lines with elements of the field for numbers, N among them (1 at zero shots).

    No shots: infinitely many.
    """
    known = {"d": d, "noise_variance": sigma2, "target_norm2": s} | numbers
    lifted = {name: LIFT(x) for name, x in known.items()}
    N = normalization if isinstance(normalization, str) else LIFT(normalization)
    return isotropic_world(Numbers(**lifted), N, False)._replace(zero_shot_tokens=1)


def law_of(name: str) -> Law:
    """A strategy's law, the case that counts in the world that it is given."""
    return lambda world: case_of(name, world).point(world)


def terms_at(law: Law, world: World, place: str, departure: Any = None) -> RiskTerms:
    """The calculator's contractions on a place among two lines, as elements of the field or Fractions."""
    terms = isotropic_terms(law, world, place, None if departure is None else LIFT(departure))
    squares = tuple(Square(*map(plain, square)) for square in terms.squares)
    return RiskTerms(plain(terms.noise_variance), squares, plain(terms.per_shot), plain(terms.fixed))


def weights(law: Law, world: World) -> tuple[Any, Any]:
    """(alpha, w) of a law that trains v alone, in the gauge B = I."""
    point = law(world)
    gauge = point.B.diagonal[1]
    return plain(point.v_x.coordinates[0] * gauge), plain(point.w * gauge)


def changes(after: Law, before: Law, world: World) -> list[tuple[Any, Any, Any]]:
    """N^2 (risk after - risk before) on the target and on average, the polynomials in n of theory.conditions."""
    normalization = "tokens" if world.few_shot_tokens == world.few_shot_shots + 1 else "shots"
    return [
        thresholds.below(terms_at(after, world, place), terms_at(before, world, place), normalization).difference()
        for place in ("target", "sphere")
    ]


def value_only(alpha: Any, w: Any) -> Law:
    """The law that gives any v in the isotropic setting, B = I."""
    return of_scalars(LIFT(alpha), LIFT(w), 0, 1, 0, 0)


def _isotropic_thresholds(proof: Proof) -> None:
    proof.step(
        r"Isotropic, in the gauge $B = I$, with any m of either loss, and $w^* < w_0$: the auxiliary loss helps the target and hurts unseen tasks "
        r"iff as follows. If $w^* > w_0$ both are reversed. theory.conditions compares by the same at the printed points."
    )
    w_star, fall = w, weight  # any two numbers, w_0 = w_star + fall
    ordered = proof.gap("w_star", "w_0", str(fall))
    generic = value_only(1 / (d + 4), w_star), value_only(1 / (d + 4), w_star + fall)
    printed = law_of("mixed_value"), law_of("zero_shot_value")
    for normalization, eta, _ in CONVENTIONS:
        world = field_world(normalization, pretrain_shots=m_0, few_shot_shots=m)
        for after, before in (generic, printed):
            w_after, w_before = (weights(law, world)[1] for law in (after, before))
            names = {"n": n, "d": d, "sigma2": sigma2, "s": s, "w_bar": (w_after + w_before) / 2}
            target, unseen = changes(after, before, world)
            scale = 2 * (w_before - w_after)
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
    world = field_world(N, pretrain_shots=m, few_shot_shots=m, target_norm2=one)
    a, w_star = (weights(law_of(name), world)[1] for name in ("pretrained", "mixed_value"))
    names = {"d": d, "m": m, "N": N, "sigma2": sigma2}
    ends = [names | {"s": one, "n": n} for n in (one, 0 * one)]  # their difference is the factor of n
    proof.formula(
        "how far the weight of the label falls",
        "a - w_star == (m + 3 + 2*d)/((d + 4)*(m + 1 + d + d*sigma2))",
        names | {"a": a, "w_star": w_star},
    )
    proof.word("falls", a - w_star)
    at_m = {g: g for g in FIELD.gens} | {n: m}
    for normalization, _, _ in CONVENTIONS:
        same = field_world(normalization, pretrain_shots=m, few_shot_shots=m, target_norm2=one)
        pair = law_of("mixed_value"), law_of("zero_shot_value")
        target, unseen = (compose(p_1 * n + p_2 * n**2, at_m) for _, p_1, p_2 in changes(*pair, same))
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
    roots = [-p_1 / p_2 for _, p_1, p_2 in changes(law_of("mixed_value"), law_of("zero_shot_value"), official_world())]
    proof.zeros(
        "d = 5, m = 20, sigma^2 = 0.1: 107/8 < n < 4909/158",
        (roots[0] - Fraction(4909, 158), roots[1] - Fraction(107, 8)),
    )


def official_world() -> World:
    """d = 5, m = 20, sigma^2 = 0.1, |theta_0| = 1."""
    numbers = Numbers(Fraction(5), Fraction(1, 10), Fraction(1), Fraction(20), Fraction(20), Fraction(0))
    return isotropic_world(numbers, "tokens", False)


def generic_worlds(pretrain_shots: Callable[[bool], int]) -> Iterator[tuple[World, str]]:
    """Small worlds of matrices in Fractions: nothing commutes, nothing is symmetric under exchange."""
    for size in (1, 2):
        for normalization in ("tokens", "shots"):
            sigma, psi = (
                np.array([[Fraction(x, 6) for x in row[:size]] for row in rows[:size]], dtype=object)
                for rows in (((12, 3), (3, 9)), ((5, -2), (-2, 7)))
            )
            target = [Fraction(4, 3), Fraction(-1, 2)][:size]
            world = matrix_world(
                sigma, psi, target, Fraction(3, 10), pretrain_shots=pretrain_shots(normalization == "tokens"),
                few_shot_shots=2, value_scale=Fraction(2), normalization=normalization,
            )  # fmt: skip
            yield world, normalization


def average_over_prior(world: World) -> Tasks:
    """Gaussian tasks of mean zero."""
    space = world.space
    return Tasks(space.token_vector(0, 0 * world.target, 0), space.token_operator(world.psi, 0))


def _differences(world: World, normalization: str) -> Iterator[tuple[Any, Any]]:
    """N^2 (risk after - risk before) on the target and on average: as conditions compares, and by enumeration."""
    points = [law_of(name)(world) for name in ("mixed_value", "zero_shot_value")]
    on_target = Tasks(world.space.token_vector(0, world.target, 0))

    def compared(tasks: Tasks) -> Any:
        after, before = (contract(world.space, world.inputs(), point.layer(world), tasks) for point in points)
        return thresholds.below(after, before, normalization).difference()

    target, unseen = compared(on_target), compared(average_over_prior(world))
    yield target[0], 0
    yield unseen[0], 0
    prior: Any = world.psi
    sigma, noise, prior = world.sigma.tolist(), world.noise_variance, prior.tolist()
    for shots in (1, 2):
        risks, averages = [], []
        for v, Q in (model(world, point) for point in points):
            given = (list(v), Q.tolist(), sigma)
            risks.append(enumeration.exact_risk(*given, list(world.target), noise, shots, normalization))
            averages.append(enumeration.exact_average_risk(*given, noise, shots, prior, normalization))
        N = shots + 1 if normalization == "tokens" else shots
        for (p_0, p_1, p_2), (risk, other) in ((target, risks), (unseen, averages)):
            yield p_0 + p_1 * shots + p_2 * shots**2, N**2 * (risk - other)


def _trades_at_m(world: World, normalization: str) -> bool:
    """Whether at n = m the target gains and the unseen average loses, strictly."""
    *_, target, unseen = (change for change, _ in _differences(world, normalization))  # the last two are at n = 2 = m
    return bool(target < 0 < unseen)


def _dense_points(proof: Proof) -> None:
    proof.step(
        "The comparison that theory.conditions makes, p_0 + p_1 n + p_2 n^2 from the dense code, against "
        "enumeration of the definition: p_0 = 0 and n = 1, 2 determine all three coefficients at each of "
        "four generic worlds, on the target and on average."
    )
    worlds = generic_worlds(lambda tokens: 3 if tokens else 2)
    proof.brute_force("conditions against enumeration", (pair for world in worlds for pair in _differences(*world)))
    same_m = generic_worlds(lambda tokens: 2)
    proof.inequality("both signs at n = m, in these worlds", all(_trades_at_m(*world) for world in same_m))


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
