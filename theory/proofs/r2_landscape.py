r"""R2, first part: where the zero-shot loss vanishes, and that nothing else attracts the flow.

At zero shots the prompt is the query alone, :math:`z_q = (1, x, 0)`, and the prediction is a product of two
polynomials,

.. math::

    \hat y = (v_0 + v_x^\top x)\,(q + k^\top x + x^\top B x), \qquad k = p + r_x .

R2.zero_risk says when this is :math:`\theta_0^\top x` for all x: the ring of polynomials has no divisors of zero, so
one factor has degree one and the other is constant. The derivation says the same by squares, with every constant.
R2.landscape goes through all stationary points of the odd-symmetric loss (:math:`v_0 = k = 0`) for any covariance.

Source: new here (the two families: Lee, Sohn, Lee 2026, arXiv 2602.23197, name the first).
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

from sympy import QQ
from sympy.polys.fields import field

from ..wick import Scalar, derivative, evaluate, identity, matrix, outer, substitute, trace, vector
from . import enumeration, r0_model
from .r0_model import B, Sigma, q, v_0, v_x
from .theorem import Proof, Theorem

theta_0, k, omega, h, v = vector("theta0"), vector("k"), vector("omega"), vector("h"), vector("v")
H = matrix("H")
FIELD, c, V, s, tau, phi, q_, v_0_ = field("c V s tau phi q v_0", QQ)


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


def sum_of_squares(target: Any, v_0: Any, v_x: Any, q: Any, k: Any, B: Any) -> Scalar:
    """E(target.x - (v_0 + v_x.x)(q + k.x + x'Bx))^2 by Hermite degree in x: 1, 0, 2, 3 (in two parts)."""
    S = (B + B.T) / 2
    K = v_0 * S + (outer(v_x, k) + outer(k, v_x)) / 2
    t_1, t_2 = trace(S @ Sigma), trace(S @ Sigma @ S @ Sigma)
    linear = target - v_0 * k - (q + t_1) * v_x - 2 * (S @ Sigma @ v_x)
    constant = v_0 * q + trace(K @ Sigma)
    cubic = 2 * t_2 * norm2(v_x) + 4 * norm2(S @ Sigma @ v_x)
    return Scalar.of(norm2(linear) + constant**2 + 2 * trace(K @ Sigma @ K @ Sigma) + cubic)


def derive_zero_risk(proof: Proof) -> None:
    loss = zero_shot_excess()
    whole = substitute(r0_model.excess(), {r0_model.n: 0, r0_model.N: 1, r0_model.theta: theta_0})
    proof.step("At n = 0 both conventions have N = 1, and only $k = p + r_x$ of the two vectors enters.")
    proof.zero(
        "the loss depends on p + r_x only", derivative(whole, r0_model.p, h) - derivative(whole, r0_model.r_x, h)
    )
    proof.step(
        r"Write $S = (B + B^\top)/2$, $t_1 = \mathrm{tr}S\Sigma$, $t_2 = \mathrm{tr}S\Sigma S\Sigma$, "
        r"$K = v_0 S + \tfrac12(v_xk^\top + kv_x^\top)$ and $|a|^2 = a^\top\Sigma a$. Averaging over x, degree by "
        r"degree: $L_{ZS} - \sigma^2 = |\theta_0 - v_0k - (q+t_1)v_x - 2S\Sigma v_x|^2 + (v_0q + \mathrm{tr}K\Sigma)^2 "
        r"+ 2\,\mathrm{tr}K\Sigma K\Sigma + 2t_2|v_x|^2 + 4|S\Sigma v_x|^2$, a sum of squares "
        r"($t_2 = |\Sigma^{1/2}S\Sigma^{1/2}|_F^2$, and so for K)."
    )
    proof.zero("the loss is this sum of squares", loss - sum_of_squares(theta_0, v_0, v_x, q, k, B))
    proof.step(
        r"Let the loss be $\sigma^2$; then each square is zero. If $v_x \ne 0$, then $t_2 = 0$, so $S = 0$, and the "
        r"fourth square is $(v_x^\top\Sigma k)^2 + |v_x|^2|k|^2$, so $k = 0$; the first leaves $qv_x = \theta_0 \ne "
        r"0$ and the second $v_0q = 0$, so $v_0 = 0$ and $v_x = c\,\theta_0$, $q = 1/c$: the first family."
    )
    K = (outer(v_x, k) + outer(k, v_x)) / 2
    proof.zero(
        "2 tr K Sigma K Sigma at S = 0",
        2 * trace(K @ Sigma @ K @ Sigma) - (v_x @ Sigma @ k) ** 2 - norm2(v_x) * norm2(k),
    )
    proof.step(
        r"If $v_x = 0$, the first square gives $v_0k = \theta_0$, so $v_0 \ne 0$; then $K = v_0S = 0$ and $v_0q = 0$ "
        r"give $S = 0$, $q = 0$: the second family. At odd-symmetric parameters $v_0 = 0$: the first family alone."
    )
    first = {v_0: 0, v_x: c * theta_0, q: 1 / c, k: 0, B: H - H.T}
    second = {v_0: v_0_, v_x: 0, q: 0, k: theta_0 / v_0_, B: H - H.T}
    proof.zeros("the loss vanishes on both families", [substitute(loss, first), substitute(loss, second)])
    proof.brute_force("the sum of squares, all entries of v and Q at play", _points())


def _points() -> Any:
    for d in (1, 2):
        r = [Fraction(7 * i % 5 - 2, 1 + i % 3) for i in range(1, 40)]
        value, rows = r[: d + 2], [r[i : i + d + 2] for i in range(3, 5 + d)]
        sigma, target = [[2, 1], [1, 3]] if d == 2 else [[2]], r[9 : 9 + d]
        assignment = {
            v_0: value[0], v_x: value[1:-1], q: rows[0][0], B: [row[1:-1] for row in rows[1:-1]], Sigma: sigma,
            k: [a + row[0] for a, row in zip(rows[0][1:-1], rows[1:-1], strict=True)], theta_0: target,
        }  # fmt: skip
        formula = evaluate(sum_of_squares(theta_0, v_0, v_x, q, k, B), assignment)
        yield formula, enumeration.exact_risk(value, rows, sigma, target, 3, 0) - 3


def derive_landscape(proof: Proof) -> None:
    loss = odd_excess()
    _complete_square(proof, loss)
    _saddles(proof, loss)
    _flow(proof, loss)


def _complete_square(proof: Proof, loss: Scalar) -> None:
    dS = (H + H.T) / 2
    proof.step(
        r"Fix $v = v_x \ne 0$, $V = |v|^2$, and split $\theta_0 = \tau v + \omega$ with $v^\top\Sigma\omega = 0$. The "
        r"loss is quadratic in $(q, S)$. About $q = \tau$, $S = (v\omega^\top + \omega v^\top)/(6V)$ it is "
        r"$\tfrac23|\omega|^2 + E\,[(v^\top x)(\delta q + x^\top\delta S\,x)]^2$, and the last term is positive unless "
        r"$\delta q = 0$, $\delta S = 0$ (R2.zero_risk: it contains $2\,\mathrm{tr}(\delta S\Sigma\delta S\Sigma)\,V$)."
    )
    best = (outer(v, omega) + outer(omega, v)) / (6 * V)
    gap = {v @ Sigma @ omega: 0, v @ Sigma @ v: V}
    at = substitute(loss, {v_x: v, q: tau + q_, B: best + dS, theta_0: tau * v + omega})
    quadratic = substitute(sum_of_squares(0 * v, 0, v, q_, 0 * v, dS), gap)
    proof.zero("the square completed in (q, S)", substitute(at, gap) - Fraction(2, 3) * norm2(omega) - quadratic)
    proof.step(
        r"So a stationary point with $v \ne 0$ sits at that $(q, S)$, and v is stationary for "
        r"$\ell(v) = \tfrac23|\omega|^2 = \tfrac23\,(s - (v^\top\Sigma\theta_0)^2/V)$, $s = |\theta_0|^2$. Its "
        r"gradient is $-\tfrac43\tau\,\Sigma(\theta_0 - \tau v) = -\tfrac43\tau\,\Sigma\omega$: zero if $\omega = 0$ "
        r"(the zero-risk family) or $\tau = 0$ ($v \perp \theta_0$ in $\Sigma$)."
    )
    # D ell [h] = -(2/3)(2 (v'St)(h'St) V - (v'St)^2 2 (v'Sh)) / V^2, with v'S theta_0 = tau V
    slope = tau * V * (2 * (h @ Sigma @ theta_0)) * V - (tau * V) ** 2 * (2 * (h @ Sigma @ v))
    proof.zero(
        "the gradient of the reduced loss",
        slope * (-1 / V**2) + 2 * tau * (h @ Sigma @ (theta_0 - tau * v)),
    )


def _saddles(proof: Proof, loss: Scalar) -> None:
    proof.step(
        r"Where $v \perp \theta_0$, turn v into $v + \varphi\theta_0$ and let $(q, S)$ follow: the loss is exactly "
        r"$\sigma^2 + \tfrac23 sV/(V + \varphi^2 s)$. The gradient vanishes at $\varphi = 0$ and the second "
        r"derivative is $-\tfrac43 s^2/V < 0$: a strict saddle, at risk $\sigma^2 + \tfrac23 s$."
    )
    square = V + phi**2 * s
    turned, along = v + phi * theta_0, phi * s / square
    rest = theta_0 - along * turned
    images = {v_x: turned, q: along, B: (outer(turned, rest) + outer(rest, turned)) / (6 * square)}
    norms = {v @ Sigma @ theta_0: 0, v @ Sigma @ v: V, theta_0 @ Sigma @ theta_0: s}
    level = Fraction(2, 3) * s * V / square
    proof.zero("the loss along the turn", substitute(loss, {**images, **norms}) - level)
    second = level.diff(phi).diff(phi).subs(phi, 0) + 4 * s**2 / (3 * V)
    proof.zeros("first and second derivative at the saddle", [level.diff(phi).subs(phi, 0), second])
    proof.brute_force("the gradient and the risk at a saddle, d = 2", _saddle_point())
    proof.step(
        r"Where $v = 0$ the loss is $\sigma^2 + s$ whatever $(q, S)$, its second derivative in $(q, S)$ is zero, and "
        r"mixed in $(v, q)$ along $(\theta_0, 1)$ it is $-2s \ne 0$: the Hessian is indefinite, a strict saddle too."
    )
    start = substitute(loss, {v_x: 0})
    mixed = derivative(derivative(loss, v_x, theta_0), q, 1)
    proof.zeros(
        "the loss and its Hessian at v = 0",
        [start - norm2(theta_0), substitute(mixed, {v_x: 0}) + 2 * norm2(theta_0)],
    )


def _saddle_point() -> Any:
    """theta_0 = (2, 0), v = (1, -2), with v'Sigma theta_0 = 0, |v|^2 = 10 and s = 8."""
    sigma, target, value = [[2, 1], [1, 3]], [2, 0], [0, 1, -2, 5]
    S = [[Fraction(2 * i, 60) for i in row] for row in ([2, -2], [-2, 0])]
    rows: Any = [[0] * 4, [0, *S[0], 0], [0, *S[1], 0], [0] * 4]
    yield Fraction(1, 7) + Fraction(2, 3) * 8, enumeration.exact_risk(value, rows, sigma, target, Fraction(1, 7), 0)
    dv, dQ = enumeration.exact_gradient(value, rows, sigma, target, Fraction(1, 7), 0)
    yield from ((0, slope) for row in (dv, *dQ) for slope in row)


def _flow(proof: Proof, loss: Scalar) -> None:
    proof.step(
        r"The flow of $L_{ZS}$ moves neither w, nor b, nor the antisymmetric part of B; it keeps "
        r"$|v_x|^2 - q^2 - |B|_F^2$ (flat norms), since the prediction is invariant under $(v, Q) \to (kv, Q/k)$."
    )
    proof.zero("no force on the antisymmetric part", derivative(loss, B, H - H.T))
    euler = derivative(loss, v_x, v_x) - derivative(loss, q, q) - derivative(loss, B, B)
    proof.zero("the conserved quantity", euler)
    proof.step(
        r"It stays bounded: if $|v_x| \to \infty$ then by conservation $|(q, S)| \to \infty$, and "
        r"$E\,[(v_x^\top x)(q + x^\top Sx)]^2 \ge \kappa\,|v_x|^2|(q, S)|^2$ with $\kappa > 0$ (compactness and "
        r"R2.zero_risk), against the falling loss. A bounded gradient flow of a polynomial converges (Łojasiewicz)."
    )
    pull = derivative(loss, v_x, h)
    proof.step(
        r"From `pretrained` ($v = 0$, $q = 0$, B positive definite) the gradient at the start is not zero, so the "
        r"loss is below $\sigma^2 + s$ at once and forever, and v never returns to 0."
    )
    t_1 = trace((B + B.T) @ Sigma) / 2
    force = (q + t_1) * theta_0 + (B + B.T) @ Sigma @ theta_0
    proof.zero("the gradient in v_x at v_x = 0", substitute(pull, {v_x: 0}) + 2 * (h @ Sigma @ force))
    proof.step(
        r"If $\theta_0$ is an eigenvector of $\Sigma$ and of $\Psi$ (the isotropic case among them), the reflection "
        r"that fixes $\theta_0$ and turns the vectors across it leaves start and loss alone, so $v_x = "
        r"\alpha\theta_0$ throughout. $\alpha$ starts upward (next check) and is never 0 again: $\alpha > 0$. The "
        r"limit has $v \ne 0$, not $\perp \theta_0$: it is the zero-risk point with $c > 0$. This is a proof, with "
        r"nothing left to the numbers."
    )
    across = {Sigma: identity, B: tau * identity + phi * outer(theta_0, theta_0), v_x: c * theta_0}
    proof.zero("isotropic: no force across the target", substitute(pull, {**across, h @ theta_0: 0}))
    upward = substitute(pull, {**across, v_x: 0, q: 0, h: theta_0, trace(identity): s, theta_0 @ theta_0: 1})
    at_start = substitute(upward, {phi: 0})
    proof.zero("isotropic: alpha starts upward, at rate 2 (d + 2) beta |theta_0|^2", at_start + 2 * (s + 2) * tau)
    proof.step(
        r"For other covariances: the limit is zero-risk or the strict saddle above, which attracts a set of starts of "
        r"measure zero only. That the one start `pretrained` is not among them, and that then $c > 0$, is observed, "
        r"not proved."
    )


ZERO_RISK = Theorem(
    name="R2.zero_risk",
    title="The zero-shot loss vanishes on exactly two families",
    statement=(
        r"$L_{ZS} = \sigma^2$ if and only if either $v_0 = 0$, $v_x = c\,\theta_0$, $q = 1/c$, $p + r_x = 0$, "
        r"$B + B^\top = 0$ for some $c \ne 0$; or $v_x = 0$, $v_0 \ne 0$, $q = 0$, $p + r_x = \theta_0/v_0$, "
        r"$B + B^\top = 0$. Among odd-symmetric parameters only the first."
    ),
    assumptions=(r"$\theta_0 \ne 0$; $\Sigma$ positive definite; both conventions (N = 1 at no shots).",),
    source="New here; the first family is that of Lee, Sohn, Lee 2026 (arXiv 2602.23197).",
    derive=derive_zero_risk,
)

LANDSCAPE = Theorem(
    name="R2.landscape",
    title="Every other stationary point of the zero-shot loss is a strict saddle",
    statement=(
        r"The odd-symmetric stationary points of $L_{ZS}$ are (i) the zero-risk family; (ii) $v_x = 0$ with "
        r"$(q + t_1)\theta_0 + 2S\Sigma\theta_0 = 0$, risk $\sigma^2 + s$; (iii) $v_x^\top\Sigma\theta_0 = 0$, $v_x "
        r"\ne 0$, $q = 0$, $S = (v_x\theta_0^\top + \theta_0v_x^\top)/(6|v_x|^2)$, risk $\sigma^2 + 2s/3$. (ii) and "
        r"(iii) are strict saddles. The flow converges; from `pretrained`, where $\theta_0$ is an eigenvector of "
        r"$\Sigma$ and $\Psi$, it converges to (i) with $c > 0$."
    ),
    assumptions=(
        r"$\theta_0 \ne 0$; $\Sigma$ positive definite; odd-symmetric parameters.",
        r"Where $\theta_0$ is no common eigenvector, that the flow avoids (iii) and that c > 0 is observed only.",
    ),
    source="New here.",
    derive=derive_landscape,
)

THEOREMS = (ZERO_RISK, LANDSCAPE)
