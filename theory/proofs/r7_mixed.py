r"""R7, second part: the minimum, and its risk on any task.

From R7.reduction, with :math:`m' = N - 1` and :math:`X = (m+2)u^2 + \rho`: the loss is a quadratic in D, then a
convex function of :math:`p = u^2`, minimal at

.. math::

    p^* = \frac{m'\sqrt{\rho(1+\rho)} - \rho}{m+2}, \qquad \frac wc = \frac{u-1}{1+\rho}, \qquad
    c\,q_{xy} = \frac{m'u}{(m+2)p^* + \rho}\,\frac{\theta_0}{s}, \qquad u = \pm\sqrt{p^*}.

The printed functions run here on symbols. The noise is parametrised by z > 0, in which the roots of
:math:`\rho(1+\rho)` are rational: :math:`x = \rho/p^* = (m+2)z/(1+jz)` with :math:`m' = 1+j`; z from 0 to
infinity is :math:`\rho` from 0 to infinity. Source: new here.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from sympy import ZZ
from sympy.polys.fields import field

from .. import laws
from ..points import World
from ..programs import Numbers, isotropic_terms, isotropic_world, of_scalars
from ..risk_formula import exact_risk_formula
from ..wick import Scalar, Sphere, expectation, identity, substitute, trace
from . import enumeration, r7_manifold
from .any_covariance import any_world, case_of, matrix_world, model, terms_on
from .hypotheses import Given
from .printed_lines import run_lines
from .printed_names import symbols
from .r0_model import Sigma
from .r7_manifold import recital_excess, theta, theta_0
from .radicals import Roots, compose
from .theorem import Proof, Theorem

FIELD, j, z, n, d, s, u, T = field("j z n d s u T", ZZ)
CONVENTIONS = (("tokens", 1 + j), ("shots", 2 + j))  # name, m with m' = 1 + j

PART = "for the sign of p*"
MINIMUM_LINE = "p_star = (m_prime*sqrt(rho*(1 + rho)) - rho)/(m + 2)"
POINT_LINES = "w = c*(u - 1)/(1 + rho)\ndelta = m_prime*u/(c*s*((m + 2)*u**2 + rho))"
POSITIVE_LINE = "rho < m_prime**2*(1 + rho)"


def noise(m: Any) -> tuple[Any, Any, Any]:
    """x = rho/p*, p* and rho at z."""
    x = (m + 2) * z / (1 + j * z)
    p = (1 + j) ** 2 * x / ((m + 2 + x) ** 2 - (1 + j) ** 2 * x**2)
    return x, p, x * p


def derive(proof: Proof) -> None:
    _minimum(proof)
    _printed(proof)
    _idle(proof)
    proof.brute_force("matrix code at exact points: stationary on the manifold, risk", _points())


def _minimum(proof: Proof) -> None:
    of = r7_manifold
    field_, m, m_prime, rho, s, u, D, p, c, w, delta = field("m m_prime rho s u D p c w delta", ZZ)
    lift = Roots(field_)
    gens = {g: lift(g) for g in field_.gens}
    shots = {of.n: m, of.N: m_prime + 1}  # those of fine-tuning, where N - 1 = m'
    F = compose(of.target_excess(), shots | {of.rho: rho, of.s: s, of.u: u, of.D: D})
    best = of.solved(F.diff(D), D)
    least = compose(F / s, {g: g for g in field_.gens} | {D: best})
    f = compose(least, gens | {u: lift(p) ** 0.5}).rational()
    names = {"m": m, "m_prime": m_prime, "rho": rho, "c": c, "s": s, "u": u}
    proof.step(
        r"With $F = N^2(L_{FS} - \sigma^2)$ of R7.reduction and $m' = N - 1$: F is a quadratic in D, least at "
        r"$D = m'u/X$, which has the sign of u; what is left depends on $p = u^2$ alone."
    )
    proof.formula(
        "the square completed in D",
        "p = u**2\n"
        "X = (m + 2)*p + rho\n"
        "f = m_prime**2*(2*p + rho)/X + m*(p + rho)/(1 + rho)\n"
        "F/s == m*X*(D - m_prime*u/X)**2 + f",
        names | {"D": D, "F": F},
        f=least,
    )
    proof.step(
        r"$f' = 0$ is a quadratic equation, and $p^*$ the root with $X > 0$. It is a global minimum, attained at "
        r"that p alone, so at both u with $u^2 = p^*$ with equal risk; c stays free."
    )
    slope = field_(f.diff(p).numer)
    constant, linear, square = (lift(x.subs(p, 0)) for x in (slope, slope.diff(p), slope.diff(p).diff(p) / 2))
    p_star = ((linear**2 - 4 * constant * square) ** 0.5 - linear) / (2 * square)
    printed = {"m": m, "m_prime": m_prime, "rho": lift(rho), "sqrt": lift.root}
    numbers = {"m": m, "N": lift(m_prime + 1), "sigma2": lift(rho * s), "s": lift(s), "sqrt": lift.root}
    lines = f"rho = sigma2/s\nm_prime = N - 1\n{MINIMUM_LINE}\nu = sqrt(p_star)"
    proof.formula("the minimum", lines, numbers, main=True, p_star=p_star, u=lift(p_star) ** 0.5)
    proof.word("least", s * m * ((m + 2) * p + rho), ("nowhere", "perhaps"), also=("p >= 0",))  # the square's weight
    proof.formula(
        "what the loss exceeds its minimum by",
        "X = (m + 2)*p + rho\n"
        "X_star = m_prime*sqrt(rho*(1 + rho))\n"
        "f - f_star == m*(X - X_star)**2/((m + 2)*(1 + rho)*X)",
        printed | {"p": p, "f": lift(f), "f_star": compose(f, gens | {p: p_star})},
    )
    scalars = run_lines(of.SCALARS, names | {"w": w, "delta": delta})[0]
    proof.formula(
        "the parameters there",
        POINT_LINES,
        names,
        main=True,
        w=of.solved(scalars["u"] - u, w),
        delta=of.solved(scalars["D"] - best, delta),
    )
    proof.step(
        r"$p^* > 0$ under the following condition, which holds for $m' \ge 1$: every $m \ge 1$ in tokens, "
        r"$m \ge 2$ in shots. (Shots, m = 1: $m' = 0$, f increases in p, the minimum is at $p = 0$.)"
    )
    X_star = (m + 2) * p_star + rho
    proof.condition("the minimum is at p > 0", POSITIVE_LINE, names, excess=(X_star**2 - rho**2).rational(), factor=rho)
    left_over = -run_lines(POSITIVE_LINE, names)[1][0].difference
    proof.word("p_sign", left_over, ("positive", "not positive"), where=PART)
    for normalization, shots in CONVENTIONS:
        proof.positive(f"p* > 0 in the parametrisation, {normalization}", noise(shots)[1], also=("z > 0", "j >= 0"))


def any_noise() -> tuple[Any, Any]:
    """m and rho for any z and any u > 0, N - 1 = m' = 1 + j: R7's :math:`u^2 = p^*` solved for m, which N leaves free."""
    m = (1 + j) ** 2 * z * (1 + j * z) / (u**2 * (1 + 2 * (1 + j) * z)) - 2
    return m, noise(m)[2]


def _printed(proof: Proof) -> None:
    proof.step("The printed solution, from the short form and from the ratio of positive terms that floats take.")
    for what, m in (*CONVENTIONS, ("any N", any_noise()[0])):
        lift = Roots(FIELD)
        x, p, rho = noise(m)
        short, stable = (form(lift(rho), lift(m), lift(1 + j)) for form in (laws.least_by_root, laws.least_by_ratio))
        proof.zeros(
            f"both forms are u and rho/p*, {what}",
            [short[0] ** 2 - p, short[1] - x, stable[0] - short[0], stable[1] - x],
        )
        point = _printed_point(lift, what, m, rho)
        c, gauge = point.v_x.coordinates[0], point.q
        names = {"m": lift(m), "m_prime": 1 + j, "rho": lift(rho), "s": s, "u": gauge, "c": c, "sqrt": lift.root}
        known = run_lines(f"{MINIMUM_LINE}\n{POINT_LINES}", names)[0]
        proof.zeros(f"printed p*, {what}", [known["p_star"] - p, gauge**2 - p])
        proof.zeros(
            f"printed point, {what}",
            [c * point.q - 1, point.v_x.coordinates[1], *point.B.diagonal, len(point.B.dyads), point.w - known["w"],
             point.b.coordinates[0] - known["delta"], point.b.coordinates[1]],
        )  # fmt: skip
        proof.zero(f"what the target's shots see, as floats take it, is 1/u + w, {what}", stable[2] - (c + point.w))
    _any_covariance(proof)


def _isotropic(lift: Roots, normalization: Any, m: Any, rho: Any) -> World:
    world = isotropic_world(Numbers(lift(d), rho * s, lift(s), lift(n), m), normalization, False)
    return world._replace(zero_shot_tokens=1)


def _printed_point(lift: Roots, what: str, m: Any, rho: Any) -> Any:
    world = _isotropic(lift, lift(2 + j) if what == "any N" else what, lift(m), lift(rho))
    return case_of("mixed", world).point(world)


def _any_covariance(proof: Proof) -> None:
    """The law on symbols, for any Sigma and any N."""
    lift = Roots(FIELD)
    m, rho = any_noise()
    theta_2, signal = theta_0 @ theta_0, theta_0 @ Sigma @ theta_0
    world = any_world(lift, Sigma, theta_0, {theta_2: T, signal: s}, d=d, noise=rho * s, m=m, N=2 + j)
    point = case_of("mixed", world).point(world)
    v, Q = model(world, point)
    names = {"m": m, "m_prime": 1 + j, "rho": rho, "s": s, "u": u, "c": 1 / u}
    known = run_lines(POINT_LINES, names)[0]
    constant, x, label = v.parts
    proof.zeros(
        "printed point, any covariance and N, in the gauge c = 1/u",
        [constant, x - theta_0 / u, label - known["w"], Q.cc - u, Q.xy - known["delta"] * theta_0,
         *(block for block in Q.blocks[1:] if block is not Q.xy)],
    )  # fmt: skip
    of = r7_manifold
    images = {of.c: 1 / u, of.w: known["w"], of.delta: known["delta"], of.rho: rho, of.s: s, of.n: n, of.N: 2 + j}
    derived = substitute(recital_excess(), {**images, signal: s})
    seen = point.v_x + point.w * world.target
    for what, given in (("", point), (", from what the target sees", point._replace(seen=seen))):
        terms = terms_on(world, given, theta)
        printed = substitute(Scalar.of(exact_risk_formula(terms, lift(n), lift(2 + j)) - rho * s), {signal: s})
        proof.zero(f"its risk on any task, N as in training{what}", printed * (2 + j) ** 2 - derived)


def derive_risk(proof: Proof) -> None:
    proof.step(
        r"The printed composition (contractions, then the risk formula) at any w, c and $q_{xy} = \delta\theta_0$ is "
        r"the risk derived in R7.reduction, at n shots and on any task; on the target it depends on $u^2$, uD and "
        r"$D^2$ only, so both roots have the same risk there, at every n."
    )
    of = r7_manifold
    on_target = of.target_excess()
    names = {"sigma2": of.rho * of.s, "rho": of.rho, "s": of.s, "n": of.n, "N": of.N, "u": of.u, "D": of.D}
    proof.formula("on the target", of.RISK, names, main=True, risk=of.rho * of.s + on_target / of.N**2)
    proof.formula(
        "on any task",
        "g = c*inner(theta_0, theta) + w*(norm2(theta) + sigma2)\n"
        "V = norm2(c*theta_0 + w*theta) + w**2*sigma2\n"
        "risk = sigma2 + norm2(theta - (1 + n*delta*g)*theta_0/N)"
        " + n*(V/c**2 + delta**2*norm2(theta_0)*(V*(norm2(theta) + sigma2) + g**2))/N**2",
        symbols(Sigma, theta=theta, theta_0=theta_0, c=of.c, w=of.w, delta=of.delta) | names,
        main=True,
        risk=of.rho * of.s + recital_excess() / of.N**2,
    )
    along = 1 - of.phi
    powers = {theta @ Sigma @ theta: along**2 * of.s + of.across, theta_0 @ Sigma @ theta: along * of.s}
    derived = substitute(recital_excess(), {**powers, theta_0 @ Sigma @ theta_0: of.s}).as_coefficient()
    sphere = Sphere("theta", dimension=of.d)
    unit = substitute(recital_excess(), {Sigma: identity, theta: sphere})
    mean = substitute(expectation(unit, sphere), {theta_0 @ theta_0: of.s, trace(identity): of.d}).as_coefficient()
    gens = {g: g for g in of.FIELD.gens}
    lift = Roots(of.FIELD)
    numbers = Numbers(lift(of.d), lift(of.rho * of.s), lift(of.s), across_norm2=lift(of.across))
    world = isotropic_world(numbers, "tokens", True)
    law = of_scalars(*map(lift, (of.c, of.w, 1 / of.c, 0, 0, of.delta)))
    for what, place, expected in (
        ("any task", "task", derived),
        ("target", "target", derived.subs([(of.phi, 0), (of.across, 0)])),
        ("unseen average", "sphere", mean),
    ):
        terms = isotropic_terms(law, world, place, lift(of.phi))
        for normalization, tokens in (("tokens", of.n + 1), ("shots", of.n), (lift(of.N), of.N)):
            printed = exact_risk_formula(terms, lift(of.n), normalization)
            residual = (printed - of.rho * of.s) * tokens**2 - compose(expected, gens | {of.N: tokens})
            words = normalization if isinstance(normalization, str) else "any N"
            proof.zero(f"printed risk, {what}, {words}", residual)
    mirrored = compose(on_target, gens | {of.u: -of.u, of.D: -of.D})
    proof.zero("both roots: the same risk on the target", mirrored - on_target)


def _idle(proof: Proof) -> None:
    of = r7_manifold
    proof.step(
        r"Where the zero-shot loss divides by $N_0$, both losses depend on v and $Q/N_0$, and on $N/N_0$ for N: R7 holds for "
        r"these. So where N is a number whatever n is, $m' = 0$ as with one shot in shots: the loss below is least at "
        r"$u = 0$, $D = 0$, and there $q = N_0/c$."
    )
    F = compose(of.target_excess(), {g: g for g in of.FIELD.gens} | {of.N: of.FIELD(1)})
    proof.formula(
        "the loss at m' = 0",
        "F == m*s*((u**2 + rho)/(1 + rho) + D**2*((m + 2)*u**2 + rho))",
        {"F": F, "m": of.n, "s": of.s, "rho": of.rho, "u": of.u, "D": of.D},
    )
    lift = Roots(FIELD)
    number = isotropic_world(Numbers(lift(d), lift(z * s), lift(s), lift(n), lift(1 + j)), lift(u), False)
    one_shot = _isotropic(lift, "shots", lift(1), lift(z))
    for what, world, N_0 in (("shots at m = 1", one_shot, 1), ("N a number", number, lift(u))):
        case = case_of("mixed", world)
        point = case.point(world)
        c = point.v_x.coordinates[0]
        proof.zeros(
            f"printed, {what}: u = 0",
            [c * point.q - N_0, point.w + c / (1 + lift(z)), *point.B.diagonal, len(point.B.dyads),
             point.v_x.coordinates[1], *point.b.coordinates],
        )  # fmt: skip
        silent = world._replace(noise_variance=lift(0))
        proof.inequality(f"printed, {what}: attained without noise too", case_of("mixed", silent) is case)


def _points() -> Any:
    """Noise at which u is rational: rho = 1/3, m = 1, 2 (tokens); rho = 1/8, m = 2 (shots); shots at m = 1; N = 3."""
    cases: Any = (("tokens", Fraction(1, 3), 1), ("tokens", Fraction(1, 3), 2), ("shots", Fraction(1, 8), 2),
             ("shots", Fraction(1, 8), 1), (Fraction(3), Fraction(1, 8), 2))  # fmt: skip
    settings: Any = (([[2]], [3]), ([[2, 1], [1, 3]], [1, -2]))
    for normalization, rho, shots in cases:
        for sigma, target in settings:
            theta_ = np.array(target, dtype=object)
            noise_variance = rho * (theta_ @ np.array(sigma, dtype=object) @ theta_)
            world = matrix_world(
                sigma, None, target, noise_variance, pretrain_shots=4, few_shot_shots=shots, normalization=normalization
            )
            point = case_of("mixed", world).point(world)
            v, Q = model(world, point)
            c_, N_0 = point.v_x[0] / theta_[0], world.zero_shot_tokens
            given = (sigma, target, noise_variance)
            dv, dQ = enumeration.exact_gradient(v, Q, *given, 0, normalization)
            yield from ((0, slope) for row in (dv, *dQ) for slope in row)
            dv, dQ = enumeration.exact_gradient(v, Q, *given, shots, normalization)
            along = sum(x * y for x, y in zip(dv[1:-1], target, strict=True)) - N_0 * dQ[0][0] / c_**2
            tangents = [along, dv[-1], *(row[-1] for row in dQ[1:-1])]
            if len(target) == 2:
                tangents.append(dQ[1][2] - dQ[2][1])
            yield from ((0, slope) for slope in tangents)
            task = [Fraction(1, 2), *[Fraction(-3)] * (len(target) - 1)]
            for place in (task, target):
                terms = terms_on(world, point, np.array(place, dtype=object))
                exact = enumeration.exact_risk(v, Q, sigma, place, noise_variance, 1, normalization)
                yield exact_risk_formula(terms, 1, normalization), exact


MINIMUM = Theorem(
    name="R7",
    title="Mixed, all parameters, lambda -> 0+: the few-shot loss least on the zero-risk manifold",
    statement=(
        r"At the points of R7.reduction $L_{FS}(m)$ is least where w and $\delta$ are as follows, with u as below or its "
        r"opposite, and <<least>> else; $p^*$ is <<p_sign>>. With one shot in the shots convention, and where N is a number whatever n is, u vanishes."
    ),
    assumptions=(r"$\Sigma$ positive definite.",),
    source="New here.",
    derive=derive,
    given=(Given("sigma2 > 0"), Given("s > 0"), Given("m_prime >= 1", PART)),
)

RISK = Theorem(
    name="R7.risk",
    title="The risk of the mixed fixed point on any task; on the target it is the same at both roots",
    statement=(
        r"With u, D and $\rho$ of R7.reduction the risk at n shots is as follows on the target, where it is the same for "
        r"$(u, D)$ and $(-u, -D)$, and on any task $\theta$. The printed composition is this risk on a task, and its mean on "
        r"the unseen average."
    ),
    assumptions=(r"The parameters of R7.reduction; any $\Sigma$ for a task.",),
    source="New here.",
    derive=derive_risk,
)

THEOREMS = (MINIMUM, RISK)
