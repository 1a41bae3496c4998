r"""R10, value matrix alone: the trajectory of gradient flow in closed form.

Statement. With Q frozen the loss is quadratic in v, so v obeys a linear ODE and
:math:`v(t) = v^* + e^{-2H t}(v(0) - v^*)`. For the zero-shot loss at :math:`v = (0, v_x, w)`,
:math:`Q_{xx} = B` symmetric and the rest zero,

.. math::

    v_x(t) = v_x^* + e^{-2\Sigma G t}(v_x(0) - v_x^*), \qquad
    L(v_x) = L(v_x^*) + (v_x - v_x^*)^\top\Sigma G(v_x - v_x^*),

w constant, G the printed normal matrix of R4 and :math:`\Sigma G` positive definite. Isotropic, with
:math:`B = \beta I`: :math:`\alpha(t) = \alpha^*(1 - e^{-2(d+2)(d+4)\beta^2 t})` from :math:`\alpha(0) = 0`.

Source: new here.
"""

from __future__ import annotations

from typing import Any

from .. import laws
from ..wick import Matrix, Scalar, Vector, derivative, identity, matrix, substitute, trace, vector
from .on_lines import coordinates
from .printed_names import symbols
from .r0_model import (
    FIELD,
    ODD,
    B,
    N,
    Sigma,
    alpha,
    b,
    beta,
    d,
    decay,
    n,
    printed_excess,
    q,
    s_0,
    sigma2,
    t,
    theta,
    u_0,
    u_y,
    v_0,
    v_x,
    w,
)
from .r0_special_cases import SCALARS, printed_on_lines
from .r1_special_cases import ON_LINES
from .r10_flow import SETTING, VALUES, h, printed_loss, slope
from .theorem import Proof, Theorem
from .unknowns import Unknowns, symbolic_world

SOLUTION = """\
v = v_star + exp(-(2*H*t)) @ (v_start - v_star)
d_dt(v) == -(2*H @ (v - v_star))
at_0(v) == v_start
"""
NORMAL = """\
M = B @ Sigma
t_1 = trace(M)
t_2 = trace(M @ M)
G = (t_1**2 + 2*t_2)*I + 4*t_1*M + 8*(M @ M)
theta_prime = t_1*theta_0 + 2*M @ theta_0
"""
FORCE = """\
D(L, v_x, h) == 2*inner(h, G @ v_x - theta_prime)
D(L, w, c) == 0
"""
SQUARES = """\
inner(h, G @ h) == norm2(t_1*h + 2*M @ h) + 4*norm2(M @ h) + 2*t_2*norm2(h)
t_2 == frobenius2(R.T @ B @ R)
"""
RELAXATION = """\
alpha_star = 1/((d + 4)*beta)
alpha = alpha_star*(1 - exp(-(2*(d + 2)*(d + 4)*beta**2*t)))
d_dt(alpha) == -(D(L, alpha)/s_0)
at_0(alpha) == 0
"""


def derive_trajectory(proof: Proof) -> None:
    """Value-only flow: a linear ODE."""
    proof.step(
        r"With Q frozen the loss is quadratic in all of v: third derivatives vanish. So $\dot v = -2(H v - g)$ with constants "
        r"$H$, $g$ for every value-only strategy, and $H v^* = g$ at any rest point."
    )
    direction = (u_0, h, u_y)
    loss = printed_loss()
    hessian = slope(slope(loss, VALUES, direction), VALUES, direction)
    proof.zero("third derivative in v", slope(hessian, VALUES, direction))
    proof.zero("L(v) is L(0) + DL(0)[v] + D^2L[v, v]/2", _taylor(loss))
    _solution(proof)

    proof.step(
        "Zero-shot loss ($n = 0$, $N = 1$) at $v = (0, v_x, w)$, $Q_{xx} = B$ symmetric, the rest zero: half "
        r"its gradient in $v_x$ is $\Sigma(G v_x - \theta')$, with the printed normal matrix G and the printed right-hand "
        r"side $\theta'$; w has no gradient. With $Gv_x^* = \theta'$ this is the flow above, $H = \Sigma G$."
    )
    symmetric = matrix("B", symmetric=True)
    here = {**ODD, q: 0, b: Vector(), B: symmetric, n: 0, N: 1}
    G, right = _printed_normal_equations(symmetric)
    at_zero = substitute(loss, here)
    names = symbols(Sigma, B=symmetric, L=at_zero, D=derivative, v_x=v_x, w=w, theta_0=theta, h=h, c=u_0)
    proof.formula("the system that the printed law solves", NORMAL, names, G=G, theta_prime=right, main=True)
    names |= {"G": G, "theta_prime": right}
    proof.formula("it is the gradient of the zero-shot loss L, for every h and c", FORCE, names, main=True)
    proof.step(
        r"So L exceeds its minimum by the quadratic form of $\Sigma G$ in $v_x - v_x^*$, a sum of squares. "
        r"It is positive for $B \ne 0$, since $t_2$ is a sum of squares too, with $\Sigma = RR^\top$."
    )
    star = vector("v_star")
    moved = substitute(at_zero, {v_x: star + h}) - substitute(at_zero, {v_x: star})
    proof.formula(
        "excess of the loss at v_x* + h over its value at v_x*",
        "excess = inner(h, G @ h) + 2*inner(h, G @ v_star - theta_prime)",
        names | {"v_star": star},
        excess=moved,
    )
    R = matrix("R")
    rooted = {Sigma: R @ R.T}
    G, M = substitute(G, rooted), substitute(symmetric @ Sigma, rooted)
    names = symbols(rooted[Sigma], M=M, G=G, B=symmetric, R=R, h=h, t_1=trace(M), t_2=trace(M @ M))
    proof.formula("the quadratic form is positive: a sum of squares", SQUARES, names)
    _isotropic_trajectory(proof)


def _taylor(loss: Scalar) -> Scalar:
    """L(v) - L(0) - DL(0)[v] - D^2 L(0)[v, v]/2."""
    at_zero = {v_0: 0, v_x: Vector(), w: 0}
    direction = (u_0, h, u_y)
    back = {u_0: v_0, h: v_x, u_y: w}
    first = slope(loss, VALUES, direction)
    second = slope(first, VALUES, direction)
    at_v = [substitute(substitute(term, at_zero), back) for term in (loss, first, second)]
    return loss - at_v[0] - at_v[1] - at_v[2] / 2


def _solution(proof: Proof) -> None:
    proof.step(
        r"The solution from any start. An exponential $F = e^{tA}$ is a symbol with two properties, $\dot F = AF$ and $F = "
        r"I$ at $t = 0$."
    )
    F = matrix("F")
    generators: list[Matrix] = []  # A, as the line has it

    def exp(exponent: Matrix) -> Matrix:
        generators.append(exponent / t)
        return F

    def rate(v: Vector) -> Vector:
        return substitute(v, {F: generators[-1] @ F}) - substitute(v, {F: Matrix()})

    names = {"H": matrix("H"), "t": t, "v_star": vector("v_star"), "v_start": vector("v_start")}
    names |= {"exp": exp, "d_dt": rate, "at_0": lambda v: substitute(v, {F: identity})}
    proof.formula("the trajectory, H the constant matrix of the flow", SOLUTION, names, main=True)


def _printed_normal_equations(product: Matrix) -> tuple[Matrix, Vector]:
    """G and theta' = X theta_0 of laws.zero_shot_value, which returns X y for the y that G makes theta_0 of.

    X and G are polynomials in one matrix, so that G X y = X G y = theta'.
    """
    y = vector("y")
    space = Unknowns(product, y)
    point = laws.zero_shot_value(symbolic_world(space, Sigma, theta, sigma2, d=d, per_token=1, gain=1))
    _, (matrix, _) = space.asked
    return matrix, substitute(point.v_x, {y: theta})


def _isotropic_trajectory(proof: Proof) -> None:
    proof.step(
        r"Isotropic, $B = \beta I$: in the metric $s_0\dot\alpha^2$ the scalar moves with $-1/s_0$ times the derivative of "
        r"L. The trajectory from $\alpha(0) = 0$ ends in the printed $\alpha^*$."
    )
    scalars = SCALARS._replace(q=0, gamma=0, delta=0)
    loss = substitute(Scalar.of(printed_excess(printed_on_lines("target", scalars))), {n: 0, N: 1})
    world = ON_LINES.world("tokens", d=d, noise_variance=sigma2, target_norm2=s_0, pretrain_shots=n)
    point = laws.zero_shot_value(world)
    star = coordinates(point.v_x)[0] * coordinates(point.B)[0] / FIELD(beta)  # in the gauge of this beta
    time, decayed = FIELD(t), FIELD(decay)
    rates: list[Any] = []  # of the exponential that the line has

    def exp(exponent: Any) -> Any:
        rates.append(exponent / time)
        return decayed

    names = {"L": loss, "d": FIELD(d), "beta": FIELD(beta), "s_0": FIELD(s_0), "t": time, "exp": exp}
    names["D"] = lambda loss, at: substitute(derivative(loss, alpha, 1), {alpha: at}).as_coefficient()
    names["d_dt"] = lambda of: of.diff(decayed) * rates[-1] * decayed
    names["at_0"] = lambda of: of.subs(decayed, 1)
    proof.formula(
        "the isotropic trajectory from zero; D(L, alpha) is the derivative of L at alpha",
        RELAXATION,
        names,
        alpha_star=star,
        main=True,
    )


THEOREM = Theorem(
    "R10.trajectory",
    "value-only flow is a linear ODE, in closed form",
    r"With Q frozen the flow of v is linear and its trajectory $v(t)$ from any $v(0)$ is as follows, $v^*$ any rest point. "
    r"For the zero-shot loss it is $v_x$ that moves so, with $H = \Sigma G$ and $Gv_x^* = \theta'$, and w stays. "
    r"Isotropic, with $B = \beta I$ and from $\alpha(0) = 0$, the last lines give $\alpha(t)$. $D(L, u, h)$ is the derivative "
    "of L in u along h.",
    (*SETTING, "Only v trains; Q is what it is, for the zero-shot form only B, symmetric."),
    "new here",
    derive_trajectory,
)
