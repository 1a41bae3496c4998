r"""R7, second part: the minimum, and its risk on any task.

From R7.reduction, with :math:`m' = N - 1` and :math:`X = (m+2)u^2 + \rho`: the loss is a quadratic in D, then a
convex function of :math:`p = u^2`, minimal at

.. math::

    p^\star = \frac{m'\sqrt{\rho(1+\rho)} - \rho}{m+2}, \qquad \frac wc = \frac{u-1}{1+\rho}, \qquad
    c\,q_{xy} = \frac{m'u}{(m+2)p^\star + \rho}\,\frac{\theta_0}{s}, \qquad u = \pm\sqrt{p^\star}.

The printed functions run here on symbols. The noise is parametrised by z > 0, in which the roots of
:math:`\rho(1+\rho)` are rational: :math:`x = \rho/p^\star = (m+2)z/(1+jz)` with :math:`m' = 1+j`; z from 0 to
infinity is :math:`\rho` from 0 to infinity. Source: new here.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from sympy import QQ
from sympy.polys.fields import field

from .. import dense, dense_fixed_points, fixed_points, isotropic, risk_formula
from ..wick import Sphere, expectation, identity, substitute, trace
from . import enumeration, r7_manifold
from .r0_model import Sigma
from .r7_manifold import recital_excess, theta, theta_0
from .radicals import Roots, compose, positive
from .theorem import Proof, Theorem

FIELD, j, z, n, d, s = field("j z n d s", QQ)
CONVENTIONS = (("tokens", 1, 1 + j), ("shots", 0, 2 + j))  # name, eta, m with m' = m - 1 + eta = 1 + j


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
    field_, m, tokens, rho, u, D, p = field("m N rho u D p", QQ)
    m_prime = tokens - 1
    X = (m + 2) * u**2 + rho
    proof.step(
        r"$F/s = mX(D - m'u/X)^2 + f(p)$ with $f(p) = m'^2\frac{2p+\rho}{(m+2)p+\rho} + m\frac{p+\rho}{1+\rho}$, $p = "
        r"u^2$: the best D is $m'u/X$, of the sign of u."
    )

    def f(p: Any) -> Any:
        return m_prime**2 * (2 * p + rho) / ((m + 2) * p + rho) + m * (p + rho) / (1 + rho)

    manifold = {r7_manifold.n: m, r7_manifold.N: tokens, r7_manifold.rho: rho, r7_manifold.u: u, r7_manifold.D: D}
    F = compose(r7_manifold.reduced(r7_manifold.u, r7_manifold.D), manifold)
    proof.zero("the square completed in D", F - m * X * (D - m_prime * u / X) ** 2 - f(u**2))
    proof.step(
        r"$f(p) - f(p^\star) = \frac{m}{(m+2)(1+\rho)}\,(X - X^\star)^2/X$ with $X^\star = m'\sqrt{\rho(1+\rho)} = "
        r"(m+2)p^\star + \rho$: a global minimum, attained at that p alone, so at $\pm\sqrt{p^\star}$ with equal risk."
    )
    lift = Roots(field_)
    best = m_prime * (lift(rho) * (1 + rho)) ** 0.5
    p_star = (best - rho) / (m + 2)
    X = (m + 2) * lift(p) + rho
    gain = m / ((m + 2) * (1 + rho)) * (X - best) ** 2 / X
    proof.zero("f(p) - f(p*) is a square", f(lift(p)) - f(p_star) - gain)
    proof.step(
        r"$p^\star > 0$ for $m' \ge 1$, as $m'^2(1+\rho) - \rho > 0$: every $m \ge 1$ in tokens, $m \ge 2$ in shots. "
        r"(Shots, m = 1: $m' = 0$, $f = (p+\rho)/(1+\rho)$, the minimum is at $p = 0$.)"
    )
    gens = {g: g for g in field_.gens}
    difference = compose(m_prime**2 * (1 + rho) - rho, gens | {tokens: tokens + 2})
    proof.inequality("m'^2 (1 + rho) - rho > 0 for m' = 1 + j", positive(difference))
    proof.inequality("p* > 0 in the parametrisation", all(positive(noise(m)[1]) for _, _, m in CONVENTIONS))


def _printed(proof: Proof) -> None:
    proof.step("The printed solution, from the short form and from the ratio of positive terms that floats take.")
    for normalization, eta, m in CONVENTIONS:
        lift = Roots(FIELD)
        x, p, rho = noise(m)
        world = fixed_points.IsotropicWorld(lift(d), lift(rho * s), lift(s), lift(n), lift(m), 0, None, eta)
        short = fixed_points.memorisation(world.target_norm2, world.noise_variance, world.few_shot_shots, eta)
        stable = fixed_points.memorisation_by_ratio(lift(rho), lift(m), lift(1 + j))
        u, noise_to_p, gain = short
        proof.zeros(f"both forms agree, {normalization}", [x - y for x, y in zip(short, stable, strict=True)])
        X = (m + 2) * u**2 + rho
        proof.zeros(
            f"printed p*, rho/p* and share, {normalization}",
            [X**2 - (1 + j) ** 2 * rho * (1 + rho), u**2 - p, noise_to_p - x, gain - (1 + j) * u**2 / X],
        )
        point = fixed_points.mixed(world)
        alpha, w, q, beta, gamma, delta = point.scalars
        D = (1 + j) * u / X
        proof.zeros(
            f"printed scalars, {normalization}",
            [alpha * q - 1, beta, gamma, w / alpha - (u - 1) / (1 + rho), alpha * delta * s - D],
        )
        formed = isotropic.contract(point.scalars, *world[:3])
        proof.zeros(
            f"printed contractions, {normalization}",
            [x - y for x, y in zip(point.filled(world.target_norm2), formed.filled(world.target_norm2), strict=True)],
        )


def derive_risk(proof: Proof) -> None:
    proof.step(
        r"The printed composition (contractions, then the risk formula) at any w, c and $q_{xy} = \delta\theta_0$ is "
        r"the risk derived in R7.reduction, at n shots and on any task; on the target it depends on $u^2$, uD and "
        r"$D^2$ only, so both roots have the same risk there, at every n."
    )
    of = r7_manifold
    along = 1 - of.phi
    powers = {theta @ Sigma @ theta: along**2 * of.s + of.across, theta_0 @ Sigma @ theta: along * of.s}
    derived = substitute(recital_excess(), {**powers, theta_0 @ Sigma @ theta_0: of.s}).as_coefficient()
    sphere = Sphere("theta", dimension=of.d)
    unit = substitute(recital_excess(), {Sigma: identity, theta: sphere})
    mean = substitute(expectation(unit, sphere), {theta_0 @ theta_0: of.s, trace(identity): of.d}).as_coefficient()
    setting = of.d, of.rho * of.s, of.s
    point = isotropic.contract(isotropic.IsotropicScalars(of.c, of.w, 1 / of.c, 0, 0, of.delta), *setting)
    excess = of.across - of.s * of.phi * (2 - of.phi)
    on_target = derived.subs([(of.phi, 0), (of.across, 0)])
    cases = (
        ("any task", isotropic.terms_on_task(point, *setting, of.phi, of.across, excess), derived),
        ("target", isotropic.terms_on_target(point, *setting), on_target),
        ("unseen average", isotropic.terms_on_sphere(point, *setting), mean),
    )
    gens = {g: g for g in of.FIELD.gens}
    for normalization, tokens in (("tokens", of.n + 1), ("shots", of.n)):
        for what, terms, expected in cases:
            printed = risk_formula.exact_risk_formula(terms, of.n, normalization)
            residual = (printed - setting[1]) * tokens**2 - compose(expected, gens | {of.N: tokens})
            proof.zero(f"printed risk, {what}, {normalization}", residual)
    mirrored = compose(of.reduced(of.u, of.D), gens | {of.u: -of.u, of.D: -of.D})
    proof.zero("both roots: the same risk on the target", mirrored - of.reduced(of.u, of.D))


def _idle(proof: Proof) -> None:
    lift = Roots(FIELD)
    world = fixed_points.IsotropicWorld(lift(d), lift(s * z), lift(s), lift(n), lift(1), 0, None, 0)
    point = fixed_points.mixed(world)
    proof.zeros(
        "printed, shots at m = 1: u = 0",
        [point.alpha * point.q - 1, point.w / point.alpha + 1 / (1 + lift(z)), point.beta, point.gamma, point.delta],
    )
    formed = isotropic.contract(point.scalars, *world[:3])
    proof.zeros(
        "its contractions",
        [x - y for x, y in zip(point.filled(world.target_norm2), formed.filled(world.target_norm2), strict=True)],
    )


def _points() -> Any:
    """Noise at which u is rational: rho = 1/3, m = 1, 2 (tokens); rho = 1/8, m = 2 (shots); shots at m = 1."""
    cases = (("tokens", Fraction(1, 3), 1), ("tokens", Fraction(1, 3), 2), ("shots", Fraction(1, 8), 2),
             ("shots", Fraction(1, 8), 1))  # fmt: skip
    settings: Any = (([[2]], [3]), ([[2, 1], [1, 3]], [1, -2]))
    for normalization, rho, shots in cases:
        for sigma, target in settings:
            arrays = [np.array(x, dtype=object) + Fraction(0) for x in (sigma, target)]
            signal = arrays[1] @ arrays[0] @ arrays[1]
            eta = 1 if normalization == "tokens" else 0
            noise_variance = rho * signal
            world = dense_fixed_points.DenseWorld(
                arrays[0], None, arrays[1], noise_variance, 4, shots, 0, None, eta
            )  # fmt: skip
            memory: Any
            blocks, _, memory = dense_fixed_points.mixed_all(world)[:3]
            v: Any
            Q: Any
            v, Q = blocks.matrices()
            c_ = blocks.v_x[0] / arrays[1][0]
            given = (sigma, target, noise_variance)
            dv, dQ = enumeration.exact_gradient(v, Q, *given, 0)
            yield from ((0, slope) for row in (dv, *dQ) for slope in row)
            dv, dQ = enumeration.exact_gradient(v, Q, *given, shots, normalization)
            along = sum(x * y for x, y in zip(dv[1:-1], target, strict=True)) - dQ[0][0] / c_**2
            tangents = [along, dv[-1], *(row[-1] for row in dQ[1:-1])]
            if len(target) == 2:
                tangents.append(dQ[1][2] - dQ[2][1])
            yield from ((0, slope) for slope in tangents)
            task = [Fraction(1, 2), *[Fraction(-3)] * (len(target) - 1)]
            terms = dense.terms_on_task(blocks, arrays[0], noise_variance, np.array(task, dtype=object))
            on_target = isotropic.terms_on_target(memory, len(target), noise_variance, signal)
            for at, place in ((terms, task), (on_target, target)):
                exact = enumeration.exact_risk(v, Q, sigma, place, noise_variance, 1, normalization)
                yield risk_formula.exact_risk_formula(at, 1, normalization), exact


MINIMUM = Theorem(
    name="R7",
    title="Mixed, all parameters, lambda -> 0+: the few-shot loss least on the zero-risk manifold",
    statement=(
        r"Among zero-risk parameters $L_{FS}(m)$ is least at $p^\star = (m'\sqrt{\rho(1+\rho)} - \rho)/(m+2)$, $u = \pm"
        r"\sqrt{p^\star}$, $w/c = (u-1)/(1+\rho)$, $c\,q_{xy} = m'u\,\theta_0/(s((m+2)p^\star + \rho))$, $B = 0$, and "
        r"only there; $\rho = \sigma^2/s$; $m' = m$ in tokens, $m' = m - 1$ in shots. $p^\star > 0$ if $m' \ge 1$; at "
        r"$m' = 0$, $u = 0$."
    ),
    assumptions=(r"$\theta_0 \ne 0$; $\Sigma$ positive definite; $\sigma^2 > 0$; $m \ge 1$.",),
    source="New here.",
    derive=derive,
)

RISK = Theorem(
    name="R7.risk",
    title="The risk of the mixed fixed point on any task, and that its two roots share the target's",
    statement=(
        r"On the target $N^2(\mathrm{risk} - \sigma^2)/s = (N-1-nuD)^2 + n(u^2+\rho)/(1+\rho) + nD^2(2u^2+\rho)$ at n "
        r"shots: the same for $(u, D)$ and $(-u, -D)$. The printed composition is the derived risk on every task and "
        r"on the unseen average."
    ),
    assumptions=(r"$v_x = c\theta_0$, $q = 1/c$, $B = 0$, $q_{xy} \parallel \theta_0$; any $\Sigma$ for a task.",),
    source="New here.",
    derive=derive_risk,
)

THEOREMS = (MINIMUM, RISK)
