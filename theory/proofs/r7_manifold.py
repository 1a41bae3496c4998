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

from sympy import ZZ
from sympy.polys.fields import field

from ..wick import Scalar, derivative, matrix, substitute, vector
from . import r0_model
from .hypotheses import Given
from .printed_lines import run_lines
from .printed_names import symbols
from .r0_model import B, Sigma, b, q, v_x
from .r2_families import odd_excess
from .theorem import Proof, Theorem

FIELD, n, N, s, rho, c, u, D, w, delta, d, phi, across, t, q_ = field(
    "n N s rho c u D w delta d phi across t q", ZZ
)  # fmt: skip
theta, theta_0, across_b, h = vector("theta"), vector("theta0"), vector("b_perp"), vector("h")
H = matrix("H")

SCALARS = "u = 1 + (1 + rho)*w/c\nD = c*s*delta"
LEAST = "v_x = c*theta_0\nq = 1/c\nB = 0\nq_xy = delta*theta_0"
RISK = "risk = sigma2 + s*((N - 1 - n*u*D)**2 + n*(u**2 + rho)/(1 + rho) + n*D**2*(2*u**2 + rho))/N**2"


@cache
def recital_excess() -> Scalar:
    """N^2 (risk - sigma^2) at n shots on a task theta, where v_x = c theta_0, q = 1/c, B = 0, b = delta theta_0."""
    numbers = {r0_model.n: n, r0_model.N: N, r0_model.w: w, r0_model.sigma2: rho * s, q: 1 / c}
    return substitute(r0_model.excess(), {**r0_model.ODD, v_x: c * theta_0, B: 0, b: delta * theta_0, **numbers})


@cache
def target_excess() -> Any:
    """The same on the target, in the scalars u and D: F = N^2 (L_FS - sigma^2) at n = m shots."""
    known = run_lines(SCALARS, {"rho": rho, "w": w, "c": c, "s": s, "delta": delta})[0]
    scalars = {w: solved(known["u"] - u, w), delta: solved(known["D"] - D, delta)}
    on_target = {theta: theta_0, theta_0 @ Sigma @ theta_0: s}
    return substitute(recital_excess(), {**on_target, **scalars}).as_coefficient()


def solved(equation: Any, x: Any) -> Any:
    """Where an expression that is linear in x vanishes."""
    return -equation.subs(x, 0) / equation.diff(x)


def derive(proof: Proof) -> None:
    _manifold(proof)
    _reduction(proof)


def _manifold(proof: Proof) -> None:
    proof.step(
        r"The manifold is non-degenerate. Move off it by $(h, \dot q, \dot S)$ in $(v_x, q, S)$, S being the symmetric "
        r"part of B: the second derivative of $L_{ZS}$ is the following sum of squares ($t_2$ is one too), which is "
        r"zero only where $\dot S = 0$, $h = -c^2\dot q\,\theta_0$: along the manifold itself. So all normal "
        r"directions contract, and by Tikhonov's and Fenichel's theorems the flow at $\lambda \to 0+$ follows, at "
        r"times of order $1/\lambda$, the gradient flow of $L_{FS}$ on the manifold, started where the flow of "
        r"$L_{ZS}$ ends (R2)."
    )
    S = (H + H.T) / 2
    moved = {v_x: c * theta_0 + t * h, q: 1 / c + t * q_, B: matrix("A") - matrix("A").T + t * S}
    along = substitute(odd_excess(), moved)
    proof.zeros("loss and first derivative on it", [_at_zero(along), _at_zero(derivative(along, t, 1))])
    proof.formula(
        "the second derivative across the manifold",
        "t_1 = trace(S_dot @ Sigma)\n"
        "t_2 = trace(S_dot @ Sigma @ S_dot @ Sigma)\n"
        "curvature = 2*norm2(h/c + c*(q_dot + t_1)*theta_0 + 2*c*(S_dot @ Sigma @ theta_0))"
        " + 4*c**2*(t_2*norm2(theta_0) + 2*norm2(S_dot @ Sigma @ theta_0))",
        symbols(Sigma, theta_0=theta_0, h=h, q_dot=q_, S_dot=S, c=c),
        curvature=_at_zero(derivative(derivative(along, t, 1), t, 1)),
    )


def _at_zero(of: Scalar) -> Scalar:
    return substitute(of, {t: 0})


def _reduction(proof: Proof) -> None:
    A = (H - H.T) / 2
    sigma2 = rho * s
    numbers = {r0_model.n: n, r0_model.N: N, r0_model.w: w, r0_model.sigma2: sigma2, q: 1 / c, r0_model.theta: theta_0}
    point = {**r0_model.ODD, v_x: c * theta_0, B: A, b: delta * theta_0 + across_b}
    gap = {theta_0 @ Sigma @ theta_0: s, theta_0 @ Sigma @ across_b: 0}
    loss = sigma2 + substitute(substitute(r0_model.excess(), {**numbers, **point}), gap) / N**2
    on_line = sigma2 + substitute(recital_excess(), {theta: theta_0, theta_0 @ Sigma @ theta_0: s}) / N**2
    names = symbols(Sigma, A=A, theta_0=theta_0, b_perp=across_b, c=c, w=w, s=s, sigma2=sigma2, m=n, N=N)
    proof.step(
        r"On it $B = A$ is antisymmetric and $q_{xy} = \delta\theta_0 + b_\perp$, $\theta_0^\top\Sigma b_\perp = 0$. "
        r"Let $L_0$ be the loss at $A = 0$, $b_\perp = 0$; g is the covariance of a shot's value with its label (over "
        r"the target), V the variance of its value."
    )
    proof.formula(
        "what A and the part across the target add to the few-shot loss",
        "r = A @ Sigma @ theta_0\n"
        "g = (c + w)*s + w*sigma2\n"
        "V = (c + w)**2*s + w**2*sigma2\n"
        "N**2*(L_FS - L_0) == m*(m + 1)*norm2((c + w)*r + g*b_perp) + m*V*(trace(A @ Sigma @ A.T @ Sigma)"
        " - norm2(r)/s + s*norm2(r/s + b_perp) + sigma2*norm2(b_perp))",
        names | {"L_FS": loss, "L_0": on_line},
    )
    none = {H: 0, across_b: 0}
    least = {"v_x": point[v_x], "q": numbers[q], "B": substitute(A, none), "q_xy": substitute(point[b], none)}
    proof.formula(
        "the least point",
        LEAST,
        {"c": c, "delta": delta, "theta_0": theta_0},
        main=True,
        **least,
    )
    proof.zero("the loss is L_0 there", substitute(loss, none) - on_line)
    proof.step(
        r"The trace is twice the term subtracted from it, and a square ($\mathrm{tr}M\Sigma M^\top\Sigma = "
        r"|\Sigma^{1/2}M\Sigma^{1/2}|_F^2$). And V is at least the last term below, which is positive: the loss is "
        r"least only where $A = 0$ and $b_\perp = 0$, whatever $\Sigma$."
    )
    variance = {"c": c, "w": w, "s": s, "sigma2": sigma2}
    proof.formula(
        "the variance of a shot's value",
        "V = (c + w)**2*s + w**2*sigma2\nV == (s + sigma2)*(w + c*s/(s + sigma2))**2 + c**2*s*sigma2/(s + sigma2)",
        variance,
    )
    proof.word("least", n * c**2 * s * sigma2 / (s + sigma2), ("only", "not only"), also=("n >= 1",))  # n = m
    proof.formula(
        "the trace as squares",
        "s = norm2(theta_0)\n"
        "r = A @ Sigma @ theta_0\n"
        "A_perp = s*A + outer(theta_0, r) - outer(r, theta_0)\n"
        "s**2*trace(A @ Sigma @ A.T @ Sigma) == trace(A_perp @ Sigma @ A_perp.T @ Sigma) + 2*s*norm2(r)",
        names,
    )
    proof.step("In (u, D) what is left is free of c and d, and s is a factor.")
    proof.formula(
        "the risk on the target at n shots",
        f"rho = sigma2/s\n{SCALARS}\n{RISK}",
        {"sigma2": sigma2, "s": s, "c": c, "w": w, "delta": delta, "n": n, "N": N},
        main=True,
        risk=on_line.as_coefficient(),
    )


THEOREM = Theorem(
    name="R7.reduction",
    title="On the zero-risk manifold the few-shot loss is a problem in two scalars",
    statement=(
        r"On the zero-risk family of R2 the few-shot loss is least over B and the part of $q_{xy}$ across $\theta_0$ <<least>> "
        r"at the following point, whatever $\Sigma$; there $L_{FS}(m)$ is the risk on the target at as many shots, a function "
        r"of two scalars u and D as follows."
    ),
    assumptions=(
        r"$\Sigma$ positive definite.",
        r"That $\lambda \to 0+$ selects this constrained problem rests on the theorems of Tikhonov and Fenichel.",
    ),
    source="New here.",
    derive=derive,
    given=(Given("sigma2 > 0"), Given("s > 0"), Given("c != 0")),
)
