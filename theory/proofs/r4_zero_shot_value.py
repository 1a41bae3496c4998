r"""R4. Fine-tuning the value matrix alone on the zero-shot loss.

The model is pretrained, :math:`v = (0, 0, w)` and :math:`Q_{xx} = B` with all other entries zero; then v alone follows
gradient flow on the zero-shot loss of one target :math:`\theta_0`. With :math:`S = (B + B^\top)/2`,
:math:`M = S\Sigma`,
:math:`t_1 = \mathrm{tr} M`, :math:`t_2 = \mathrm{tr} M^2`, the flow ends at w unchanged and

.. math::  v_x = N_0\,[(t_1^2 + 2 t_2) I + 4 t_1 M + 8 M^2]^{-1} (t_1 I + 2 M)\,\theta_0 ,

N_0 the tokens by which the zero-shot loss divides: 1, or N where N is a number whatever n is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sympy import ZZ
from sympy.polys.fields import field

from .. import laws
from ..printed_practices import VALUE as RISK
from ..risk_formula import risk_at
from ..wick import (
    Scalar,
    derivative,
    identity,
    matrix,
    substitute,
    trace,
    vector,
)
from .hypotheses import Given
from .on_lines import coordinates, plain
from .printed_names import symbols
from .theorem import Proof, Theorem
from .unknowns import Unknowns, symbolic_world
from .value_model import (
    ON_LINES,
    SIGMA,
    THETA,
    THETA0,
    B,
    H,
    Powers,
    S,
    V,
    alpha,
    at,
    beta,
    check_frozen,
    check_risk,
    d,
    decay,
    excess_risk,
    gradient_at,
    lines_world,
    m,
    matrix_worlds,
    minimiser,
    n,
    norm2,
    s,
    sigma2,
    time,
    tokens,
    tokens_0,
    w,
)

SOLUTION = """\
M = (B + B.T) @ Sigma/2
t_1 = trace(M)
t_2 = trace(M @ M)
v_x = solve((t_1**2 + 2*t_2)*I + 4*t_1*M + 8*(M @ M), N_0*(t_1*theta_0 + 2*(M @ theta_0)))
"""


def derive(proof: Proof) -> None:
    """R4."""
    excess = excess_risk(V, w, B, THETA0)
    zero_shot = substitute(excess, {n: 0 * n, tokens: tokens_0})  # N_0^2 (L_ZS - sigma^2)
    slope = derivative(zero_shot, V, H)
    M, t_1, t_2 = Powers.of((B + B.T) / 2)
    names = symbols(SIGMA, B=B, M=M, t_1=t_1, t_2=t_2, theta_0=THETA0, v_x=V, h=H, sigma2=sigma2, N_0=tokens_0)
    proof.step(
        r"At zero shots the prompt is the query alone, whose label slot is empty: $N_0\hat y = (v_x^\top "
        r"x_q)(x_q^\top B x_q)$, free of w. By Isserlis the loss is a quadratic in $v_x$, for any B, symmetric or not."
    )
    proof.formula(
        "the zero-shot loss",
        "A = (t_1**2 + 2*t_2)*I + 4*t_1*M + 8*(M @ M)\n"
        "L_ZS == sigma2 + norm2(theta_0) - 2*inner(v_x, t_1*theta_0 + 2*(M @ theta_0))/N_0 + inner(v_x, A @ v_x)/N_0**2",
        names | {"L_ZS": sigma2 + zero_shot / tokens_0**2},
    )
    proof.zero("w is untouched", derivative(zero_shot, w, 1))
    proof.formula(
        "where its gradient in v vanishes, B symmetric or not, any Sigma",
        SOLUTION,
        names | {"solve": lambda matrix, right: H @ SIGMA @ (matrix @ V - right)},  # by the equation that it solves
        v_x=slope / 2,
        main=True,
    )

    proof.step(
        r"Its second derivative is a sum of squares in the metric $\Sigma$, and $t_2 = "
        r"|\Sigma^{1/2}S\Sigma^{1/2}|_F^2 > 0$ unless the symmetric part S of B is zero: the minimum is unique, and "
        "the flow's limit is it."
    )
    proof.formula(
        "half the second derivative in the direction h",
        "curvature = norm2(t_1*h + 2*(M @ h)) + 2*t_2*norm2(h) + 4*norm2(M @ h)",
        names,
        curvature=derivative(slope, V, H) / 2,
    )
    proof.positive("the weight of |h|^2", 2 * field("t_2", ZZ)[1], where="B has a symmetric part")

    proof.step(
        r"For $B = \beta\Sigma^{-1}$: $M = \beta I$, $t_1 = \beta d$, $t_2 = \beta^2 d$. On the line $v_x = "
        r"\alpha\theta_0$ the loss is a parabola, and at its lowest point the gradient vanishes in every direction, "
        r"for every $\Sigma$."
    )
    inverse = {B: beta * SIGMA.inverse, trace(identity): d}
    parabola = substitute(zero_shot, {**inverse, V: alpha * THETA0, norm2(THETA0): s}).as_coefficient()
    proof.formula(
        "the zero-shot loss on this line",
        "L_ZS = sigma2 + s*(1 - 2*(d + 2)*beta*alpha/N_0 + (d + 2)*(d + 4)*(beta*alpha/N_0)**2)",
        {"sigma2": sigma2, "s": s, "d": d, "alpha": alpha, "beta": beta, "N_0": tokens_0},
        L_ZS=sigma2 + parabola / tokens_0**2,
    )
    (best,) = minimiser(parabola, alpha)
    at_best = {**inverse, V: best * THETA0}
    lowest = substitute(zero_shot, at_best)
    proof.zero("the full gradient vanishes there, any Sigma", substitute(slope, at_best))
    proof.formula(
        "where B is a multiple of the inverse of Sigma",
        "v_x = N_0*theta_0/((d + 4)*beta)\nL_ZS = sigma2 + 2*norm2(theta_0)/(d + 4)",
        symbols(SIGMA, theta_0=THETA0, d=d, beta=beta, sigma2=sigma2, N_0=tokens_0),
        v_x=best * THETA0,
        L_ZS=sigma2 + lowest / tokens_0**2,
        main=True,
    )
    _trajectory(proof, slope, parabola, best)
    _few_shot_formulas(proof)
    check_risk(proof)
    for infinite in (False, True):
        world = lines_world(infinite)
        point = laws.zero_shot_value(world)
        name = f"zero_shot_value ({'infinite' if infinite else 'finite'} pretraining, any N)"
        (moved, _), (a, _) = coordinates(point.v_x), coordinates(point.B)
        proof.zeros(f"{name} is the minimiser, w as it was", (moved - at(best, {beta: a}), plain(point.w) - 1 + 0 * d))
        check_frozen(proof, name, world, point)
        at_zero = risk_at(ON_LINES.terms(laws.zero_shot_value, world, "target"), 0, tokens_0, tokens_0)
        proof.zero(f"{name}: zero-shot risk", at_zero - sigma2 - substitute(lowest, {norm2(THETA0): s}) / tokens_0**2)
    _printed_system(proof, slope)


def _trajectory(proof: Proof, slope: Scalar, parabola: Any, end: Any) -> None:
    proof.step(
        r"The flow in v at fixed Q is linear. With $K = \Sigma A/N_0^2$ and $F_t = e^{-2tK}$: $v_x(t) = (I - "
        r"F_t)v_x(\infty)$. For $B = \beta\Sigma^{-1}$, $\Sigma = I$ it stays on the line, where $\dot\alpha = "
        r"-\partial_\alpha L_{ZS}/s$."
    )
    F = matrix("F")  # exp(-2 t K): dF/dt = -2 K F = -2 F K; u is the limit, K u the right-hand side
    u, K = vector("u"), matrix("K", symmetric=True)
    flow = 2 * (K @ F @ u) + 2 * (K @ (u - F @ u) - K @ u)
    proof.zero("the trajectory solves the flow, any B and Sigma", H @ flow)
    on_line = {SIGMA: identity, B: beta * identity, V: alpha * THETA0, trace(identity): d}
    along = parabola.diff(alpha) / s / tokens_0**2
    in_direction = substitute(slope, on_line) / tokens_0**2 - along * (H @ THETA0)
    proof.zero("the gradient on the line is along it", in_direction)
    rate = along.diff(alpha)
    proof.formula(
        "the flow from alpha = 0 where Sigma = I, B = beta I",
        "k = 2*(d + 2)*(d + 4)*(beta/N_0)**2\nalpha = N_0*(1 - exp(-(k*t)))/((d + 4)*beta)",
        # of all exponentials the linear equation has one, with its own rate: E
        {"d": d, "beta": beta, "N_0": tokens_0, "t": time, "exp": lambda x: decay if x == -rate * time else 0 * x},
        k=rate,
        alpha=end * (1 - decay),
        main=True,
    )


def _few_shot_formulas(proof: Proof) -> None:
    proof.step(
        r"At n shots with $B = \beta\Sigma^{-1}$, $v_x = \alpha\theta_0$ let $E[yN\hat y] = \beta C$ and $E[(N\hat "
        r"y)^2] = \beta^2P$. Each is found for any $\theta$, $\Sigma$, $\alpha$, w, N."
    )
    derived = substitute(excess_risk(V, w, B, THETA), {B: beta * SIGMA.inverse, V: alpha * THETA0, trace(identity): d})
    names = symbols(
        SIGMA, theta=THETA, theta_0=THETA0, alpha=alpha, beta=beta, w=w, n=n, d=d, N=tokens, sigma2=sigma2
    )  # fmt: skip
    proof.formula("the risk at n shots on any task", RISK, names, risk=sigma2 + derived / tokens**2, main=True)


def _printed_system(proof: Proof, slope: Scalar) -> None:
    proof.step(
        "The printed law is run on symbols, for every Sigma and Psi, and asks for the y that a system makes the target of: "
        "with that system times y for the target the gradient vanishes identically in y. In exact rationals the definition, monomial by monomial, has no gradient in (v_x, w) at its "
        "point (d = 1, 2)."
    )
    y = vector("y")
    space = Unknowns(S, y)
    point = laws.zero_shot_value(
        symbolic_world(
            space, SIGMA, THETA0, sigma2, d=d, per_token=1 / tokens, gain=(m + 1) / tokens, zero_shot_tokens=tokens_0
        )
    )
    _, (system, right) = space.asked
    proof.zero("y solves a system with the target on its right", H @ SIGMA @ (right - THETA0))
    at_point = substitute(substitute(slope, {B: S, V: point.v_x}), {THETA0: system @ y})
    proof.zero("where the gradient in v_x vanishes, whatever y", at_point)
    proof.zeros(
        "zero_shot_value: w and Q as pretraining left them",
        (point.w - 1 + 0 * d, point.B - S, point.q + 0 * d, point.b),
    )

    def enumerated() -> Iterator[tuple[Any, Any]]:
        for convention, world in matrix_worlds():
            for entry in gradient_at(world, laws.zero_shot_value(world), 0, convention):
                yield entry, 0

    proof.brute_force("zero_shot_value: no gradient, by enumeration", enumerated())


THEOREM = Theorem(
    name="R4",
    title="Zero-shot loss, value matrix alone: one linear solve, and what it costs at n shots",
    statement=(
        r"From the pretrained model the flow of $L_{ZS}$, which divides by $N_0$, in v leaves w as it is and ends at the $v_x$ below. Where B is a "
        r"multiple $\beta$ of $\Sigma^{-1}$, $v_x$ is parallel to $\theta_0$, whatever $\Sigma$; isotropic, its factor $\alpha$ "
        r"moves as below, and the few-shot risk of a task $\theta$ is closed form at any $\alpha$ and w."
    ),
    assumptions=(
        "Sigma positive definite.",
        "The model starts with zeros but for w and B, as pretraining leaves it.",
    ),
    source="new here; the isotropic v_x and zero-shot risk agree with Lee, Sohn, Lee 2026 (arXiv 2602.23197)",
    derive=derive,
    given=(Given("t_2 > 0", "B has a symmetric part"),),
)
