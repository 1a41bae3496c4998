r"""R2, last part: what the selected zero-risk point (R2.selection) has forgotten: its risk at n shots, on any task.

Source: new here; the effect is that of Lee, Sohn and Lee 2026 (arXiv 2602.23197).
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np

from .. import laws
from ..programs import isotropic_terms
from ..risk_formula import exact_risk_formula
from ..wick import Scalar, Sphere, expectation, identity, substitute, trace
from . import enumeration, r0_model
from .any_covariance import INVERSE, any_world, case_of, scale_of, terms_on
from .hypotheses import Given
from .printed_lines import run_lines
from .printed_names import symbols
from .r0_model import B, Sigma, b, v_x
from .r2_selection import FIELD, N_0, N, T, across, c, e, m, n, phi, printed_world, s, sigma2, theta, theta_0, w, y
from .radicals import Roots, compose
from .theorem import EVERY, Proof, Theorem

RISK_LINE = (
    "risk = sigma2 + norm2(theta - N_0*theta_0/N) + n*N_0**2*(norm2(c*theta_0 + w*theta) + w**2*sigma2)/(c*N)**2"
)


@cache
def memory_excess() -> Scalar:
    """N^2 (risk - sigma^2) at n shots on a task theta, at v_x = c theta_0, q = N_0/c, B = 0, b = 0 and any w."""
    images = {**r0_model.ODD, v_x: c * theta_0, r0_model.q: N_0 / c, B: 0, b: 0}
    numbers = {r0_model.n: n, r0_model.N: N, r0_model.w: w, r0_model.sigma2: sigma2}
    return substitute(r0_model.excess(), {**images, **numbers})


def derive_risk(proof: Proof) -> None:
    forgotten = memory_excess()
    proof.step(
        r"There each shot adds $N_0(c\,\theta_0^\top x + wy)/c$ and the query $N_0\theta_0^\top x_q$, for any $\Sigma$, task, "
        "n and N."
    )
    names = symbols(Sigma, sigma2=sigma2, theta=theta, theta_0=theta_0, n=n, N=N, N_0=N_0, c=c, w=w)
    proof.formula("the risk at n shots", RISK_LINE, names, risk=sigma2 + forgotten / N**2, main=True)
    _printed_risk(proof, forgotten)
    _destroyed(proof, forgotten)


def _printed_risk(proof: Proof, forgotten: Scalar) -> None:
    proof.step(
        r"The printed composition: the point in gauge c = 1, its contractions, the risk formula; the same for any "
        r"$\Sigma$ with signal powers for squared lengths: $\theta = (1-\varphi)\theta_0 + \theta_\perp$, "
        r"$\theta_0^\top\Sigma\theta_\perp = 0$."
    )
    lift = Roots(FIELD)
    numbers = {trace(INVERSE @ INVERSE): (N_0**2 * y**2 - T / y**2) * w**2, theta_0 @ theta_0: T}
    general = any_world(lift, Sigma, theta_0, numbers, d=e, noise=sigma2, m=m, N=N, value_scale=w, N_0=N_0)
    printed = exact_risk_formula(terms_on(general, laws.zero_shot(general), theta), lift(n), lift(N))
    images = {r0_model.n: n, r0_model.N: N, r0_model.w: w, r0_model.sigma2: sigma2}
    derived = substitute(
        r0_model.excess(), {**r0_model.ODD, v_x: theta_0 / y, r0_model.q: N_0 * y, B: 0, b: 0, **images}
    )
    proof.zero("printed risk, any task and covariance, any N", (printed - sigma2) * lift(N) ** 2 - derived)
    along = 1 - phi
    powers = {theta @ Sigma @ theta: along**2 * s + across, theta_0 @ Sigma @ theta: along * s}
    norms = {**powers, theta_0 @ Sigma @ theta_0: s}
    derived = substitute(forgotten, norms).as_coefficient()
    sphere = Sphere("theta", dimension=e)
    unit = substitute(forgotten, {Sigma: identity, theta: sphere})
    average = substitute(expectation(unit, sphere), {theta_0 @ theta_0: s, trace(identity): e}).as_coefficient()
    world = printed_world(lift, balanced=False, across_norm2=lift(across), N_0=N_0)
    case = case_of("zero_shot", world)
    images = {g: lift(g) for g in FIELD.gens} | {c: scale_of("zero_shot", world), s: world.target @ world.target}
    for what, place, at in (
        ("any task", "task", derived),
        ("target", "target", derived.subs([(phi, 0), (across, 0)])),
        ("unseen average", "sphere", average),
    ):
        terms = isotropic_terms(case.point, world, place, lift(phi))
        expected = compose(at, images | {e: world.d})
        printed = exact_risk_formula(terms, lift(n), lift(N))
        proof.zero(f"printed risk, {what}, any N", (printed - sigma2) * N**2 - expected)
        for normalization, tokens in (("tokens", n + 1), ("shots", n)):
            at_n = compose(at, images | {e: world.d, N: lift(tokens)})
            printed = exact_risk_formula(terms, lift(n), normalization)
            proof.zero(f"printed risk, {what}, {normalization}", (printed - sigma2) * tokens**2 - at_n)
        if place == "target":
            zero = exact_risk_formula(terms, 0, lift(N_0))
            proof.zero("printed risk at zero shots is the noise", zero - sigma2)


def _destroyed(proof: Proof, forgotten: Scalar) -> None:
    proof.step(
        r"On the target the excess over the zero-shot risk $\sigma^2$ is a sum of squares. In tokens it is positive "
        r"for c and w of either sign; in shots too, but for $n = 1$, $\sigma^2 = 0$, $w = -c$, which their signs exclude. "
        r"As $n \to \infty$ it tends to s: the risk to $s + \sigma^2$, that of predicting nothing."
    )
    target = substitute(forgotten, {theta: theta_0, theta_0 @ Sigma @ theta_0: s}).as_coefficient()
    proof.formula(
        "on the target, where the zero-shot risk is the noise",
        "risk - sigma2 == (1 - N_0/N)**2*s + n*N_0**2*((c + w)**2*s + w**2*sigma2)/(c*N)**2",
        {"risk": sigma2 + target / N**2, "sigma2": sigma2, "N": N, "N_0": N_0, "n": n, "s": s, "c": c, "w": w},
        main=True,
    )
    gens = {g: g for g in FIELD.gens}
    for tokens, normalization in ((n + 1, "tokens"), (n, "shots")):
        excess = compose(target, gens | {N: tokens, N_0: FIELD(1)}) / tokens**2
        proof.word(normalization, excess, EVERY)
        many = compose(excess, gens | {n: 1 / y})  # y = 1/n falls to 0
        at_end = [FIELD(part.subs(y.numer, 0)) for part in (many.numer, many.denom)]
        what = f"the limit of many shots on the target, {normalization}"
        names = {"s": s, "sigma2": sigma2}
        proof.formula(
            what, "limit = s + sigma2", names, limit=sigma2 + at_end[0] / at_end[1], main=normalization == "tokens"
        )
    proof.brute_force("against coordinates", _coordinates())


def _coordinates() -> Any:
    """The stated risk at c = 1/2, w = 2/3, tasks off the target, both conventions."""
    noise, c_, w_ = Fraction(1, 3), Fraction(1, 2), Fraction(2, 3)
    cases: Any = (([[2]], [3], [-1]), ([[2, 1], [1, 3]], [1, -1], [Fraction(1, 2), 2]))
    for sigma, target, task in cases:
        size = len(target)
        v = [0, *(c_ * t for t in target), w_]

        def form(a: Any, b: Any, sigma: Any = sigma) -> Any:
            return sum(x * sigma[i][j] * z for i, x in enumerate(a) for j, z in enumerate(b))

        names = {"sigma2": noise, "theta": np.array(task), "theta_0": np.array(target), "c": c_, "w": w_}
        names |= {"norm2": lambda x, form=form: form(x, x), "inner": form}
        conventions: Any = ((0, 1, "shots"), (1, 2, "tokens"), (2, 3, "tokens"), (2, 2, "shots"), (1, 7, 7))
        for shots, tokens, normalization in conventions:
            at_zero = 1 if isinstance(normalization, str) else normalization
            Q: Any = [[0] * (size + 2) for _ in range(size + 2)]
            Q[0][0] = at_zero / c_
            stated = run_lines(RISK_LINE, names | {"n": shots, "N": Fraction(tokens), "N_0": at_zero})[0]["risk"]
            yield stated, enumeration.exact_risk(v, Q, sigma, task, noise, shots, normalization)


THEOREM = Theorem(
    name="R2.risk",
    title="Zero-shot fine-tuning of all parameters destroys in-context learning",
    statement=(
        r"At that point the risk at n shots on a task $\theta$ is as follows, $N_0$ being N at zero shots (1 in tokens and shots). On the target, of signal power s, <<tokens>> n in "
        r"tokens and <<shots>> n in shots is worse than zero shots, and as n grows the risk has the following limit."
    ),
    assumptions=(r"$\Sigma$ positive definite.",),
    source="New here; the effect is that of Lee, Sohn, Lee 2026 (arXiv 2602.23197).",
    derive=derive_risk,
    given=(Given("n >= 1"), Given("s > 0"), Given("c > 0"), Given("w >= 0")),
)
