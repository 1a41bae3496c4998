r"""R9.price. What value-only fine-tuning on the zero-shot loss costs unseen tasks, for every covariance."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .. import thresholds
from ..wick import Gaussian, derivative, evaluate, expectation, substitute
from . import enumeration
from .any_covariance import model
from .hypotheses import Given
from .printed_lines import run_lines
from .printed_names import symbols
from .r8_auxiliary_window import PSI, generic_worlds, law_of
from .r9_conditions import at, terms_on
from .theorem import Proof, Theorem
from .value_model import (
    CONVENTIONS,
    SIGMA,
    THETA,
    THETA0,
    H,
    Powers,
    S,
    V,
    commuting,
    d,
    excess_risk,
    m,
    n,
    norm2,
    s,
    sigma2,
    tokens,
    w,
)

FORM = "G = ((n + 2)**2 + 4 + n)*(M @ M) + 2*(n + 2)*t_1*M + (t_1**2 + (n + 2)*t_2)*I"

RISE = "rise = norm2(theta_0)*(n*(n + 1 + d) + 2*n*(d + 2) + (d + 2)*(d + 4))/((d + 4)*N)**2"


def derive_price(proof: Proof) -> None:
    """What zero-shot fine-tuning of v costs unseen tasks, for any covariance."""
    powers = Powers.of(S)
    M, t_1, t_2 = powers
    proof.step(
        r"On average over tasks of mean zero, what $v_x$ adds to the prediction is uncorrelated with the rest, so that "
        r"with w and B unchanged it adds a quadratic form to the risk: any $\Sigma$, $\Psi$, B, noise, N."
    )
    risks = [expectation(excess_risk(v_x, w, S, THETA), Gaussian("theta", PSI)) / tokens**2 for v_x in (V, V * 0)]
    price = tokens**2 * (risks[0] - risks[1])
    names = symbols(SIGMA, M=M, t_1=t_1, t_2=t_2, v_x=V, h=H, n=n, N=tokens, R=risks[0], R_pre=risks[1])
    proof.formula(
        "what the unseen average rises by, any covariances",
        f"M = B @ Sigma\nt_1 = trace(M)\nt_2 = trace(M @ M)\n{FORM}\nN**2*(R - R_pre) == inner(v_x, G @ v_x)",
        {name: value for name, value in names.items() if name not in ("M", "t_1", "t_2", "h")} | {"B": S},
        main=True,
    )
    proof.formula(
        "it is positive at every n: a sum of squares",
        "inner(h, G @ h) == norm2((n + 2)*M @ h + t_1*h) + n*(t_2*norm2(h) + norm2(M @ h))"
        " + 2*t_2*norm2(h) + 4*norm2(M @ h)",
        names | {"G": run_lines(FORM, names)[0]["G"]},
    )
    proof.step(
        r"It never vanishes: as $n \to \infty$ it tends to its coefficient of $n^2$. For $B = \Sigma^{-1}$ (gauge) it is "
        r"one number, for every $\Sigma$."
    )
    many = derivative(derivative(price, n, 1), n, 1) / 2
    proof.formula("the limit of many shots", "rise = norm2(M @ v_x)", symbols(SIGMA, M=M, v_x=V), rise=many)
    proportional, lasting = (commuting(form, {V: THETA0 / (d + 4)}) for form in (price, many))
    names = symbols(SIGMA, theta_0=THETA0, n=n, d=d, N=tokens)
    rise = proportional / tokens**2
    proof.formula("the same where B is a multiple of the inverse of Sigma", RISE, names, rise=rise, main=True)
    proof.formula(
        "the same limit where B is a multiple of the inverse of Sigma",
        "rise = norm2(theta_0)/(d + 4)**2",
        names,
        rise=lasting,
    )
    left = substitute(lasting, {norm2(THETA0): s}).as_coefficient()
    proof.word("lasts", left, ("does not vanish", "vanishes"))
    for normalization, eta, _ in CONVENTIONS:
        after, before = (
            terms_on(law_of(name), "unseen", normalization, pretrain_shots=m)
            for name in ("zero_shot_value", "pretrained")
        )
        comparison = thresholds.below(after, before, normalization)
        stated = run_lines(RISE, names | {"N": n + eta, "norm2": lambda target: s})[0]["rise"]
        residual = at(comparison.difference(), n) - (n + eta) ** 2 * stated
        proof.zero(f"theory.conditions compares by it, {normalization}", residual)
    proof.brute_force("the price, by enumeration", _enumerated_prices(price))


def _enumerated_prices(price: Any) -> Iterator[tuple[Any, Any]]:
    for world, normalization in generic_worlds(lambda tokens: 3 if tokens else 2):
        points = [law_of(name)(world) for name in ("zero_shot_value", "pretrained")]
        sigma, prior = world.sigma.tolist(), world.psi
        assert prior is not None
        values = {SIGMA: sigma, S: points[1].B.tolist(), V: list(points[0].v_x), sigma2: world.noise_variance}
        for shots in (0, 1, 2):
            after, before = (
                enumeration.exact_average_risk(
                    list(v), Q.tolist(), sigma, world.noise_variance, shots, prior.tolist(), normalization
                )
                for v, Q in (model(world, point) for point in points)
            )
            N = shots + 1 if normalization == "tokens" else max(shots, 1)
            yield evaluate(price, values | {n: shots}), N**2 * (after - before)


THEOREM = Theorem(
    name="R9.price",
    title="Value-only fine-tuning keeps in-context learning at a price that lasts",
    statement=(
        r"With w and B unchanged the unseen average rises, from $R_{pre}$ without $v_x$ to R, by a positive quadratic "
        r"form in $v_x$, and by the following where B is a multiple of $\Sigma^{-1}$ and $v_x$ that of R4; as $n \to "
        r"\infty$ the rise <<lasts>>."
    ),
    assumptions=("B symmetric; tasks of mean zero.",),
    source="new here",
    derive=derive_price,
    given=(Given("s > 0"),),
)
