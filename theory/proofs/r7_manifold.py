r"""R7, first part: the few-shot loss on the zero-risk manifold is a problem in two scalars.

As :math:`\lambda \to 0+` the loss :math:`L_{ZS} + \lambda L_{FS}(m)` has two time scales: the flow falls to the
manifold where :math:`L_{ZS} = \sigma^2` and then creeps along it, down :math:`L_{FS}`. On the manifold (R2)
:math:`v_x = c\,\theta_0`, :math:`q = 1/c`, :math:`B = A = -A^\top`, with :math:`c, w, b = q_{xy}` and A free. Put
:math:`\rho = \sigma^2/s`,

.. math::

    u = 1 + (1 + \rho)\,w/c, \qquad b = \frac{D}{cs}\,\theta_0 + b_\perp, \quad \theta_0^\top\Sigma b_\perp = 0 .

R7.reduction writes the few-shot loss as a function of (u, D) and squares in A and :math:`b_\perp`, for every
:math:`\Sigma`. Source: new here.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sympy import QQ
from sympy.polys.fields import field

from ..wick import Scalar, derivative, matrix, outer, substitute, trace, vector
from . import r0_model
from .r0_model import B, Sigma, b, q, v_x
from .r2_landscape import odd_excess, sum_of_squares
from .theorem import Proof, Theorem

FIELD, n, N, s, rho, c, u, D, w, delta, d, phi, across, t, q_ = field(
    "n N s rho c u D w delta d phi across t q", QQ
)  # fmt: skip
theta, theta_0, across_b, h = vector("theta"), vector("theta0"), vector("b_perp"), vector("h")
H = matrix("H")


@cache
def recital_excess() -> Scalar:
    """N^2 (risk - sigma^2) at n shots on a task theta, where v_x = c theta_0, q = 1/c, B = 0, b = delta theta_0."""
    numbers = {r0_model.n: n, r0_model.N: N, r0_model.w: w, r0_model.sigma2: rho * s, q: 1 / c}
    return substitute(r0_model.excess(), {**r0_model.ODD, v_x: c * theta_0, B: 0, b: delta * theta_0, **numbers})


def reduced(u: Any, D: Any) -> Any:
    """N^2 (L_FS - sigma^2)/s at n shots, with A = 0 and b_perp = 0; N - 1 = n in tokens, n - 1 in shots."""
    return (N - 1 - n * u * D) ** 2 + n * (u**2 + rho) / (1 + rho) + n * D**2 * (2 * u**2 + rho)


def derive(proof: Proof) -> None:
    _manifold(proof)
    _reduction(proof)


def _manifold(proof: Proof) -> None:
    proof.step(
        r"The manifold is non-degenerate. Move off it by $(h, \dot q, \dot S)$ in $(v_x, q, S)$: the second "
        r"derivative of $L_{ZS}$ is $2E\,[h^\top x/c + c\,\theta_0^\top x(\dot q + x^\top\dot Sx)]^2$, which is zero "
        r"only where $\dot S = 0$, $h = -c^2\dot q\,\theta_0$ (R2.zero_risk): along the manifold itself. So all "
        r"normal directions contract, and by Tikhonov's and Fenichel's theorems the flow at $\lambda \to 0+$ follows, "
        r"at times of order $1/\lambda$, the gradient flow of $L_{FS}$ on the manifold, started where the flow of "
        r"$L_{ZS}$ ends (R2)."
    )
    S = (H + H.T) / 2
    moved = {v_x: c * theta_0 + t * h, q: 1 / c + t * q_, B: matrix("A") - matrix("A").T + t * S}
    along = substitute(odd_excess(), moved)
    proof.zeros("loss and first derivative on it", [_at_zero(along), _at_zero(derivative(along, t, 1))])
    second = _at_zero(derivative(derivative(along, t, 1), t, 1))
    proof.zero("the second derivative", second - 2 * sum_of_squares(h / c, 0, -c * theta_0, q_, 0 * h, S))


def _at_zero(of: Scalar) -> Scalar:
    return substitute(of, {t: 0})


def _reduction(proof: Proof) -> None:
    A = (H - H.T) / 2
    R = A @ Sigma @ theta_0
    sigma2 = rho * s
    total, label = c + w, (c + w) * s + w * sigma2
    variance = total**2 * s + w**2 * sigma2
    rest = A - (outer(R, theta_0) - outer(theta_0, R)) / s
    numbers = {r0_model.n: n, r0_model.N: N, r0_model.w: w, r0_model.sigma2: sigma2, q: 1 / c, r0_model.theta: theta_0}
    point = {**r0_model.ODD, v_x: c * theta_0, B: A, b: delta * theta_0 + across_b}
    gap = {theta_0 @ Sigma @ theta_0: s, theta_0 @ Sigma @ across_b: 0}
    loss = substitute(substitute(r0_model.excess(), {**numbers, **point}), gap)

    def norm2(a: Any) -> Any:
        return a @ Sigma @ a

    proof.step(
        r"On it, with $R = A\Sigma\theta_0$ ($\theta_0^\top\Sigma R = 0$ as A is antisymmetric), "
        r"$A_0 = A - (R\theta_0^\top - \theta_0R^\top)/s$, $h = c + w$, $\ell = hs + w\sigma^2$ and $V = h^2s + "
        r"w^2\sigma^2$: $N^2(L_{FS} - \sigma^2) = F + m(m+1)|hR + \ell b_\perp|^2 + mV[\,-\mathrm{tr}A_0\Sigma "
        r"A_0\Sigma + |R|^2/s + s|R/s + b_\perp|^2 + \sigma^2|b_\perp|^2]$, F being the loss at $A = 0$, $b_\perp = 0$."
    )
    F = s * (N - 1 - n * label * delta) ** 2 + n * variance / c**2
    F = F + n * delta**2 * s * (variance * (s + sigma2) + label**2)
    squares = n * (n + 1) * norm2(total * R + label * across_b)
    spread = (
        trace(rest @ Sigma @ rest.T @ Sigma) + norm2(R) / s + s * norm2(R / s + across_b) + sigma2 * norm2(across_b)
    )
    proof.zero("the few-shot loss on the manifold", loss - F - substitute(squares + n * variance * spread, gap))
    proof.step(
        r"All are squares ($-\mathrm{tr}A_0\Sigma A_0\Sigma = |\Sigma^{1/2}A_0\Sigma^{1/2}|_F^2$) and $V > 0$ if "
        r"$\sigma^2 > 0$ (h and w are not both 0 as $c \ne 0$): the loss is least only where $A = 0$ and $b \parallel "
        r"\theta_0$, whatever $\Sigma$. In (u, D) all is free of c, s and d: $F/s = (N - 1 - muD)^2 + m\frac{u^2 + "
        r"\rho}{1 + \rho} + mD^2(2u^2 + \rho)$."
    )
    chosen = {w: c * (u - 1) / (1 + rho), delta: D / (c * s)}
    proof.zero("in the scalars u and D", substitute(Scalar.of(F), chosen) - s * reduced(u, D))
    on_target = {theta: theta_0, theta_0 @ Sigma @ theta_0: s}
    proof.zero("the same from the risk on any task", substitute(recital_excess(), on_target) - F)


THEOREM = Theorem(
    name="R7.reduction",
    title="On the zero-risk manifold the few-shot loss is a problem in two scalars",
    statement=(
        r"Where $v_x = c\theta_0$, $q = 1/c$, $B + B^\top = 0$, the few-shot loss is least over B and the part of "
        r"$q_{xy}$ across $\theta_0$ only at $B = 0$, $q_{xy} \parallel \theta_0$, for every $\Sigma$; then "
        r"$N^2(L_{FS}(m) - \sigma^2)/s = (N-1-muD)^2 + m(u^2+\rho)/(1+\rho) + mD^2(2u^2+\rho)$ with $u = 1 + "
        r"(1+\rho)w/c$, $D = cs\,\delta$, $q_{xy} = \delta\theta_0$."
    ),
    assumptions=(
        r"$\theta_0 \ne 0$; $\Sigma$ positive definite; $\sigma^2 > 0$; $m \ge 1$.",
        r"That $\lambda \to 0+$ selects this constrained problem rests on the theorems of Tikhonov and Fenichel.",
    ),
    source="New here.",
    derive=derive,
)
