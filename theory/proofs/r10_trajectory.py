r"""R10, value matrix alone: the trajectory of gradient flow in closed form.

Statement. With Q frozen the loss is quadratic in v, so v obeys a linear ODE and
:math:`v(t) = v^* + e^{-2\mathcal H t}(v(0) - v^*)`. For the zero-shot loss at :math:`v = (0, v_x, w)`,
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

from .. import dense_fixed_points, fixed_points, isotropic
from ..wick import Matrix, Scalar, Vector, derivative, matrix, substitute, trace, vector
from .r0_arrays import Array, on_symbols
from .r0_model import (
    FIELD,
    ODD,
    SIGMA,
    B,
    N,
    Sigma,
    SymbolicBlocks,
    alpha,
    b,
    beta,
    d,
    n,
    printed_excess,
    q,
    s_0,
    sigma2,
    theta,
    u_0,
    u_y,
    v_0,
    v_x,
    w,
)
from .r0_special_cases import SCALARS
from .r1_pretrained import SymbolicWorld
from .r10_flow import SETTING, h, printed_loss, slope
from .theorem import Proof, Theorem


def derive_trajectory(proof: Proof) -> None:
    """Value-only flow: a linear ODE."""
    proof.step(
        r"With Q frozen the loss is quadratic in all of v: third derivatives vanish. So $\dot v = -2(\mathcal "
        r"H v - \mathcal g)$ with constants $\mathcal H, \mathcal g$ for every value-only strategy, and $v(t) "
        r"= v^* + e^{-2\mathcal H t}(v(0) - v^*)$ for any $v^*$ with $\mathcal H v^* = \mathcal g$."
    )
    direction = SymbolicBlocks(u_0, h, u_y, *(0,) * 6)
    loss = printed_loss()
    gradient = slope(loss, direction)
    hessian = slope(gradient, direction)
    proof.zero("third derivative in v", slope(hessian, direction))
    proof.zero("L(v) is L(0) + DL(0)[v] + D^2L[v, v]/2", _taylor(loss))

    proof.step(
        "Zero-shot loss ($n = 0$, $N = 1$) at $v = (0, v_x, w)$, $Q_{xx} = B$ symmetric, the rest zero: half "
        r"its gradient is $\Sigma(G v_x - \theta')$, with the printed normal matrix $G = (t_1^2 + 2t_2)I + "
        r"4t_1 M + 8M^2$, $M = B\Sigma$, and the printed right-hand side $\theta' = t_1\theta_0 + "
        r"2M\theta_0$; w has no gradient."
    )
    symmetric = Array.of(matrix("B", symmetric=True))
    here = {**ODD, q: 0, b: 0 * b, B: symmetric, n: 0, N: 1}
    G, right = _printed_normal_equations(symmetric)
    half = substitute(derivative(loss, v_x, h), here)
    proof.zero("normal equations of the printed value_only", half - 2 * (h @ Sigma @ (G @ v_x - right)))
    proof.zero("w does not move", substitute(derivative(loss, w, 1), here))
    proof.step(
        r"With $\delta = v_x - v_x^*$: $\dot\delta = -2\Sigma G\delta$, and L exceeds its minimum by "
        r"$\delta^\top\Sigma G\delta$. $\Sigma G = \Sigma(t_1 I + 2M)^2 + 4\Sigma M^2 + 2t_2\Sigma$ is, with "
        r"$\Sigma = LL^\top$, $C = L^\top B L$, a sum of squared norms: $|(t_1 I + 2C)L^\top\delta|^2 + "
        r"4|CL^\top\delta|^2 + 2|C|_F^2|L^\top\delta|^2$."
    )
    at_zero = substitute(loss, here)
    star = vector("v_star")
    moved = substitute(at_zero, {v_x: star + h}) - substitute(at_zero, {v_x: star})
    normal_form = h @ Sigma @ (G @ h) + 2 * (h @ Sigma @ (G @ star - right))
    proof.zero("excess of the loss over its value at v_x*", moved - normal_form)
    L = matrix("L")
    C = L.T @ symmetric @ L
    z = L.T @ h
    t_1, t_2 = trace(C), trace(C @ C.T)
    once: Vector = t_1 * z + 2 * (C @ z)
    squares = once @ once + 4 * ((C @ z) @ (C @ z)) + 2 * t_2 * (z @ z)
    rooted = substitute(h @ Sigma @ (G @ h), {Sigma: L @ L.T})
    proof.inequality("Sigma G is positive definite for B != 0: a sum of squares", bool(rooted - squares == 0))
    _isotropic_trajectory(proof)


def _taylor(loss: Scalar) -> Scalar:
    """L(v) - L(0) - DL(0)[v] - D^2 L(0)[v, v]/2."""
    at_zero = {v_0: 0, v_x: 0 * v_x, w: 0}
    direction = SymbolicBlocks(u_0, h, u_y, *(0,) * 6)
    back = {u_0: v_0, h: v_x, u_y: w}
    first = slope(loss, direction)
    second = slope(first, direction)
    at_v = [substitute(substitute(term, at_zero), back) for term in (loss, first, second)]
    return loss - at_v[0] - at_v[1] - at_v[2] / 2


def _printed_normal_equations(product: Array) -> tuple[Matrix, Vector]:
    """The matrix and the right-hand side that dense_fixed_points.value_only hands to the linear solver."""
    systems: list[Any] = []

    def solve(left: Array, right: Vector) -> Vector:
        systems.append((left, right))
        return v_x

    code = on_symbols(dense_fixed_points, solve=solve, pretrained_product=lambda world: product)
    code.value_only(SymbolicWorld(SIGMA, None, theta, sigma2, n, None, 0, w, 1))
    matrix_and_vector: tuple[Matrix, Vector] = systems[0]
    return matrix_and_vector


def _isotropic_trajectory(proof: Proof) -> None:
    proof.step(
        r"Isotropic, $B = \beta I$: with the metric $s_0\dot\alpha^2$, $\dot\alpha = "
        r"-2(d+2)(d+4)\beta^2(\alpha - \alpha^*)$, so $\alpha(t) = \alpha^*(1 - e^{-2(d+2)(d+4)\beta^2 t})$ "
        r"from $\alpha(0) = 0$, with the printed $\alpha^* = 1/((d+4)\beta)$."
    )
    scalars = SCALARS._replace(q=0, gamma=0, delta=0)
    terms = isotropic.terms_on_target(isotropic.contract(scalars, d, sigma2, s_0), d, sigma2, s_0)
    loss = substitute(Scalar.of(printed_excess(terms)), {n: 0, N: 1})
    velocity = -FIELD(derivative(loss, alpha, 1).as_coefficient()) / s_0
    world = fixed_points.IsotropicWorld(FIELD(d), FIELD(sigma2), FIELD(s_0), FIELD(n), None, 0, None, 1)
    point = fixed_points.zero_shot_value(world)
    star = point.alpha * point.beta / FIELD(beta)  # in the gauge of this beta
    rate = 2 * (d + 2) * (d + 4) * FIELD(beta) ** 2
    proof.zero("alpha relaxes to the printed fixed point", velocity + rate * (alpha - star))


THEOREM = Theorem(
    "R10.trajectory",
    "value-only flow is a linear ODE, in closed form",
    r"$v(t) = v^* + e^{-2\mathcal H t}(v(0)-v^*)$; zero-shot: $v_x(t) = v_x^* + e^{-2\Sigma G "
    "t}(v_x(0)-v_x^*)$, w constant.",
    (*SETTING, "Only v trains; Q is what it is, for the zero-shot form only B, symmetric."),
    "new here",
    derive_trajectory,
)
