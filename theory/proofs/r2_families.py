r"""R2, first part: where the zero-shot loss vanishes.

At zero shots the prompt is the query alone, :math:`z_q = (1, x, 0)`, and the prediction is a product of two
polynomials,

.. math::

    \hat y = (v_0 + v_x^\top x)\,(q + k^\top x + x^\top B x), \qquad k = p + r_x .

R2.zero_risk says when this is :math:`\theta_0^\top x` for all x: the ring of polynomials has no divisors of zero, so
one factor has degree one and the other is constant. The derivation says the same by squares, with every constant.

Source: new here (the two families: Lee, Sohn, Lee 2026, arXiv 2602.23197, name the first).
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sympy import ZZ
from sympy.polys.fields import field

from ..wick import Scalar, derivative, evaluate, matrix, substitute, vector
from . import enumeration, r0_model
from .hypotheses import Given
from .printed_lines import run_lines
from .printed_names import symbols
from .r0_model import B, Sigma, q, v_0, v_x
from .r0_points import rationals
from .theorem import Proof, Theorem

theta_0, k, omega, h, v = vector("theta0"), vector("k"), vector("omega"), vector("h"), vector("v")
H = matrix("H")
FIELD, c, V, s, d, sigma2, tau, phi, beta, r, v_0_ = field("c V s d sigma2 tau phi beta r v_0", ZZ)

SQUARES = (
    "S = (B + B.T)/2\n"
    "K = v_0*S + (outer(v_x, k) + outer(k, v_x))/2\n"
    "L_ZS = sigma2 + norm2(theta_0 - v_0*k - (q + trace(S @ Sigma))*v_x - 2*S @ Sigma @ v_x)"
    " + (v_0*q + trace(K @ Sigma))**2 + 2*trace(K @ Sigma @ K @ Sigma)"
    " + 2*norm2(v_x)*trace(S @ Sigma @ S @ Sigma) + 4*norm2(S @ Sigma @ v_x)"
)

ENTRIES = "k = p + r_x\n"

FAMILIES = (
    "v_0 = 0\nv_x = c*theta_0\nq = 1/c\nk = 0\nB = A - A.T",
    "v_x = 0\nq = 0\nk = theta_0/v_0\nB = A - A.T",
)


@cache
def zero_shot_excess() -> Scalar:
    """L_ZS - sigma^2 from the definition, in v_0, v_x, q, B and k = p + r_x, on the task theta_0."""
    no_shots = substitute(r0_model.excess(), {r0_model.n: 0, r0_model.N: 1, r0_model.theta: theta_0})
    return substitute(no_shots, {r0_model.p: k, r0_model.r_x: 0})


@cache
def odd_excess() -> Scalar:
    """The same at odd-symmetric parameters, where v_0 = 0 and k = 0."""
    return substitute(zero_shot_excess(), {v_0: 0, k: 0})


def norm2(a: Any) -> Scalar:
    """a' Sigma a."""
    return Scalar.of(a @ Sigma @ a)


def risk_formula(target: Any, v_0: Any, v_x: Any, q: Any, k: Any, B: Any) -> Scalar:
    """E(target.x - (v_0 + v_x.x)(q + k.x + x'Bx))^2 as the printed sum of squares."""
    names = symbols(Sigma, theta_0=target, v_0=v_0, v_x=v_x, q=q, k=k, B=B, sigma2=0)
    return Scalar.of(run_lines(SQUARES, names)[0]["L_ZS"])


def derive_zero_risk(proof: Proof) -> None:
    loss = zero_shot_excess()
    whole = substitute(r0_model.excess(), {r0_model.n: 0, r0_model.N: 1, r0_model.theta: theta_0})
    proof.step("At n = 0 both conventions have N = 1, and only $k = p + r_x$ of the two vectors enters.")
    proof.zero(
        "the loss depends on p + r_x only", derivative(whole, r0_model.p, h) - derivative(whole, r0_model.r_x, h)
    )
    in_k = {r0_model.p: k, r0_model.r_x: 0}
    proof.zero("so it is a function of k", substitute(whole, in_k) - loss)
    proof.step(
        r"Averaged over x, degree by degree, the loss is a sum of squares ($\mathrm{tr}S\Sigma S\Sigma = "
        r"|\Sigma^{1/2}S\Sigma^{1/2}|_F^2$, and so for K)."
    )
    noise = r0_model.sigma2
    names = symbols(Sigma, theta_0=theta_0, v_0=v_0, v_x=v_x, q=q, B=B, sigma2=noise)
    vectors = {"p": r0_model.p, "r_x": r0_model.r_x}
    proof.formula("the loss is a sum of squares", ENTRIES + SQUARES, names | vectors, L_ZS=noise + whole, main=True)
    proof.positive("the target is not zero", s)
    proof.step(
        r"Let the loss be $\sigma^2$; then each square is zero. If $v_x \ne 0$, then $\mathrm{tr}S\Sigma S\Sigma = 0$, so "
        r"$S = 0$, and the third square is as follows, so $k = 0$; the first leaves $qv_x = \theta_0 \ne 0$ and the "
        r"second $v_0q = 0$, so $v_0 = 0$ and $v_x = c\,\theta_0$, $q = 1/c$: the first family."
    )
    proof.formula(
        "the third square where S = 0",
        "K = (outer(v_x, k) + outer(k, v_x))/2\n"
        "2*trace(K @ Sigma @ K @ Sigma) == inner(v_x, k)**2 + norm2(v_x)*norm2(k)",
        names | {"k": k},
    )
    proof.step(
        r"If $v_x = 0$, the first square gives $v_0k = \theta_0$, so $v_0 \ne 0$; then $K = v_0S = 0$ and $v_0q = 0$ "
        r"give $S = 0$, $q = 0$: the second family. At odd-symmetric parameters $v_0 = 0$: the first family alone."
    )
    first = {v_0: 0, v_x: c * theta_0, q: 1 / c, k: 0, B: H - H.T}
    second = {v_0: v_0_, v_x: 0, q: 0, k: theta_0 / v_0_, B: H - H.T}
    numbers = {"theta_0": theta_0, "c": c, "A": H}
    found = []
    for lines, family, free in zip(FAMILIES, (first, second), ({}, {"v_0": v_0_}), strict=True):
        points = {name: family[symbol] for name, symbol in _PARAMETERS.items() if name not in free}
        proof.formula("a family, whatever A", lines, numbers | free, main=True, **points)
        found.append(substitute(loss, family))
    proof.zeros("the loss vanishes on each family", found)
    proof.words["families"] = ("no", "one", "two")[len(found)]
    proof.brute_force("the sum of squares, all entries of v and Q at play", _points())


_PARAMETERS = {"v_0": v_0, "v_x": v_x, "q": q, "k": k, "B": B}


def _points() -> Any:
    for d in (1, 2):
        value, *rows = rationals(d + 3, d + 2, seed=d).tolist()
        sigma, target = [[2, 1], [1, 3]] if d == 2 else [[2]], rationals(d, seed=9).tolist()
        assignment = {
            v_0: value[0], v_x: value[1:-1], q: rows[0][0], B: [row[1:-1] for row in rows[1:-1]], Sigma: sigma,
            k: [a + row[0] for a, row in zip(rows[0][1:-1], rows[1:-1], strict=True)], theta_0: target,
        }  # fmt: skip
        formula = evaluate(risk_formula(theta_0, v_0, v_x, q, k, B), assignment)
        yield formula, enumeration.exact_risk(value, rows, sigma, target, 3, 0) - 3


THEOREM = Theorem(
    name="R2.zero_risk",
    title="Where the zero-shot loss vanishes",
    statement=(
        r"The zero-shot loss is the following sum of squares over $\sigma^2$. It is $\sigma^2$ if and only if the parameters are "
        r"of one of the <<families>> families that follow, with a number c or $v_0$ and a matrix A; among odd-symmetric "
        r"parameters, of the first."
    ),
    assumptions=(r"$\Sigma$ positive definite; both conventions.",),
    source="New here; the first family is that of Lee, Sohn, Lee 2026 (arXiv 2602.23197).",
    derive=derive_zero_risk,
    given=(Given("s > 0"),),
)
