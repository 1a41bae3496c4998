r"""R10: the exact population gradient, what gradient flow conserves, and where it may go.

Statement. For the risk L at n shots on a task, for its average over tasks, and for sums of such losses:

* gradient: :math:`D L[\dot v, \dot Q] = -2 E[(y_q - \hat y)\, D\hat y[\dot v, \dot Q]]`, in closed form from
  R0;
* Euler: :math:`D\hat y[v, 0] = \hat y = D\hat y[0, Q]`, so for ANY loss of the prediction (any sample, any
  task law, any sum) :math:`\langle v, \nabla_v L\rangle = \langle Q, \nabla_Q L\rangle`, and gradient flow of
  both conserves :math:`|v|^2 - |Q|_F^2`;
* odd-symmetric models stay odd-symmetric: the gradient in :math:`(v_0, r_x, r_y, p)` vanishes identically
  there;
* at :math:`\Sigma = I` the six-scalar models are closed under flow, for the target's loss and for the average
  over the sphere; the flat metric on (v, Q) induces on them :math:`s_0\dot\alpha^2 + \dot w^2` and
  :math:`\dot q^2 + d\dot\beta^2 + 2 s_0\dot\beta\dot\gamma + s_0^2\dot\gamma^2 + s_0\dot\delta^2`, :math:`s_0
  = |\theta_0|^2` (its determinant is :math:`s_0^4 (d-1)`: at d = 1 beta and gamma are one scalar);
* with Q frozen, v obeys a linear ODE: `r10_trajectory`.

Source: conservation is the balancedness of linear networks (Saxe et al. 2014; Arora et al. 2018; Du, Hu and
Lee 2018); the gradient and the metric are new here.
"""

from __future__ import annotations

from typing import Any

from .. import dense, isotropic
from ..wick import (
    Matrix,
    Scalar,
    Sphere,
    derivative,
    expectation,
    identity,
    matrix,
    outer,
    substitute,
    trace,
    vector,
)
from .r0_arrays import Array, on_symbols, polarised
from .r0_model import (
    BLOCKS,
    FIELD,
    ISOTROPIC,
    NORMS,
    ODD,
    SIGMA,
    B,
    N,
    SymbolicBlocks,
    alpha,
    attention,
    b,
    beta,
    d,
    d_in_field,
    delta,
    gamma,
    k,
    kappa,
    p,
    printed_excess,
    q,
    r_x,
    r_y,
    s_0,
    shots,
    sigma2,
    theta,
    theta_0,
    token,
    u_0,
    u_y,
    v_0,
    v_x,
    w,
    x,
    x_q,
    y,
)
from .r0_special_cases import SCALARS
from .r10_points import points
from .theorem import Proof, Theorem

h, g, f = vector("h"), vector("g"), vector("f")
H = matrix("H")
VALUES, KEY_QUERY = BLOCKS[:3], BLOCKS[3:]


def printed_loss() -> Scalar:
    """N^2 (risk - sigma^2) at (v, Q), as the printed code gives it on symbols."""
    code = on_symbols(dense, orthogonal_squares=polarised)
    return Scalar.of(printed_excess(code.terms_on_task(BLOCKS, SIGMA, sigma2, theta)))


def printed_average() -> Scalar:
    """The same, averaged over tasks of covariance P and fourth moments kappa times Gaussian ones."""
    P = Array.of(matrix("P", symmetric=True))
    code = on_symbols(dense, orthogonal_squares=polarised, len=lambda array: d)
    return Scalar.of(printed_excess(code.average_terms(BLOCKS, SIGMA, sigma2, P, kappa)))


def slope(loss: Scalar, direction: Any) -> Scalar:
    """D loss [direction] at the symbols BLOCKS; a direction of zero is left out."""
    total = Scalar()
    for symbol, along in zip(BLOCKS, direction, strict=True):
        if isinstance(along, int) and along == 0:
            continue
        total = total + derivative(loss, B if isinstance(symbol, Matrix) else symbol, along)
    return total


def derive_gradient(proof: Proof) -> None:
    """The gradient of the printed risk."""
    proof.step(
        r"The prediction is linear in v and linear in Q, so $D\hat y[\dot v] = \hat y(\dot v, Q)$ and $D\hat "
        r"y[\dot Q] = \hat y(v, \dot Q)$; the directional derivative of the printed risk is $-2E$ of residual "
        "times these. Directions: every entry of v at once, every entry of Q at once."
    )
    loss = printed_loss()
    residual = N * (theta @ x_q) - attention()
    values = BLOCKS._replace(v_0=u_0, v_x=h, w=u_y)
    key_query = BLOCKS._replace(q=u_0, r_x=h, r_y=u_y, p=g, B=Array.of(H), b=f)
    for name, moved, direction in (
        ("v", values, SymbolicBlocks(*values[:3], *(0,) * 6)),
        ("Q", key_query, SymbolicBlocks(*(0,) * 3, *key_query[3:])),
    ):
        correlation = -2 * expectation(residual * attention(moved), shots, x_q)
        proof.zero(f"gradient in {name}", slope(loss, direction) - correlation)
    proof.brute_force("gradient of the printed NumPy code = enumeration", points())


def derive_conservation(proof: Proof) -> None:
    """|v|^2 - |Q|_F^2."""
    proof.step(
        r"One token's contribution $(v^\top z)(z_q^\top Q z)$, before any expectation: its derivative along v "
        r"itself and along Q itself is itself. So $\langle v, \nabla_v L\rangle = E[\ell'\,\hat y] = \langle "
        r"Q, \nabla_Q L\rangle$ for every loss $E\,\ell(y_q, \hat y)$."
    )
    along_v, along_q = SymbolicBlocks(*VALUES, *(0,) * 6), SymbolicBlocks(*(0,) * 3, *KEY_QUERY)
    one = token(x, y)
    proof.zeros("Euler for one token", [slope(one, along_v) - one, slope(one, along_q) - one])
    proof.step(
        r"Under $\dot v = -\nabla_v L$, $\dot Q = -\nabla_Q L$: $\frac{d}{dt}(|v|^2 - |Q|_F^2) = -2\langle v, "
        r"\nabla_v L\rangle + 2\langle Q, \nabla_Q L\rangle = 0$. (Both blocks must train; the row of Q that "
        "never acts never moves.)"
    )
    loss = printed_loss()
    proof.zero("conservation for the printed risk", slope(loss, along_v) - slope(loss, along_q))
    average = printed_average()
    proof.zero("conservation for the printed average", slope(average, along_v) - slope(average, along_q))
    proof.step(
        "The same for finite steps of the symmetry: the loss is constant along $(kv, Q/k)$, of which $(v, "
        "-Q)$ is the tangent at $k = 1$."
    )
    scaled = BLOCKS.scaled(FIELD(k))
    images = {B if isinstance(symbol, Matrix) else symbol: image for symbol, image in zip(BLOCKS, scaled, strict=True)}
    proof.zero("the printed risk is constant along (k v, Q/k)", substitute(loss, images) - loss)


def derive_odd(proof: Proof) -> None:
    """Odd-symmetric models are invariant."""
    proof.step(
        "At $v_0 = 0$, $r = 0$, $p = 0$ the gradient in every one of these entries is zero, whatever $v_x, "
        r"w, q, B, b, \Sigma, \theta, n$ and N."
    )
    losses = (printed_loss(), printed_average())
    for name, symbol, direction in (("v_0", v_0, 1), ("r_x", r_x, h), ("r_y", r_y, 1), ("p", p, h)):
        proof.zeros(
            f"gradient in {name}",
            [substitute(derivative(loss, symbol, direction), ODD) for loss in losses],
        )


def derive_isotropic(proof: Proof) -> None:
    """The six-scalar models are invariant, and their metric."""
    proof.step(
        r"At a six-scalar model let $h \perp \theta_0$, and H with $\mathrm{tr}H = 0$, $\theta_0^\top "
        r"H\theta_0 = 0$: the directions orthogonal to the manifold. The gradient in all of them is zero, on "
        "the target and on spherical average."
    )
    loss = printed_loss()
    sphere = Sphere("tau", dimension=d_in_field)
    across = {h @ theta_0: 0, trace(H): 0, theta_0 @ H @ theta_0: 0}
    directions: tuple[tuple[str, Any, Any], ...] = (("v_x", v_x, h), ("B", B, H), ("q_xy", b, h))
    for name, symbol, direction in directions:
        gradient = derivative(loss, symbol, direction)
        on_target = substitute(gradient, {**ISOTROPIC, theta: theta_0})
        on_average = expectation(substitute(gradient, {**ISOTROPIC, theta: sphere}), sphere)
        proof.zeros(
            f"gradient in {name}, orthogonal to the manifold",
            [substitute(gradient, {**across, **NORMS}) for gradient in (on_target, on_average)],
        )
    proof.step(
        r"The flat metric at velocities $\dot\alpha\theta_0$, $\dot w$; $\dot q$, $\dot\beta I + "
        r"\dot\gamma\theta_0\theta_0^\top$, $\dot\delta\theta_0$."
    )
    velocity = beta * identity + gamma * outer(theta_0, theta_0)
    value = (alpha * theta_0) @ (alpha * theta_0) + w**2
    key_query = q**2 + trace(velocity @ velocity.T) + (delta * theta_0) @ (delta * theta_0)
    proof.zeros(
        "induced metric",
        [
            substitute(value, NORMS) - (s_0 * alpha**2 + w**2),
            substitute(key_query, NORMS)
            - (q**2 + d * beta**2 + 2 * s_0 * beta * gamma + s_0**2 * gamma**2 + s_0 * delta**2),
        ],
    )
    proof.step(
        "The partial derivatives of the printed six-scalar risk are the matrix gradient along the manifold's "
        r"tangents, so the flow of the matrices is $\dot s = -G^{-1}\partial_s L$ with this metric G."
    )
    six = Scalar.of(
        printed_excess(isotropic.terms_on_target(isotropic.contract(SCALARS, d, sigma2, s_0), d, sigma2, s_0))
    )
    tangents: tuple[tuple[Any, Any, Any], ...] = (
        (alpha, v_x, theta_0),
        (w, w, 1),
        (q, q, 1),
        (beta, B, identity),
        (gamma, B, outer(theta_0, theta_0)),
        (delta, b, theta_0),
    )
    for scalar, symbol, tangent in tangents:
        along = substitute(derivative(loss, symbol, tangent), {**ISOTROPIC, theta: theta_0})
        proof.zero(f"dL/d{scalar}", derivative(six, scalar, 1) - along)


SETTING = (
    "One layer, one head of linear attention; the query attends to itself.",
    "Gradient flow in the flat metric.",
)

THEOREMS = (
    Theorem(
        "R10",
        "the exact population gradient",
        r"$DL[\dot v,\dot Q] = -2E[(y_q-\hat y)(\hat y(\dot v, Q) + \hat y(v, \dot Q))]$ is the derivative of "
        "R0's closed form.",
        SETTING[:1],
        "new here",
        derive_gradient,
    ),
    Theorem(
        "R10.conservation",
        "gradient flow conserves |v|^2 - |Q|_F^2",
        r"$\langle v,\nabla_v L\rangle = \langle Q,\nabla_Q L\rangle$ identically, for every loss of the "
        "prediction.",
        (*SETTING, "Both v and Q train."),
        "balancedness: Arora et al. 2018, Du, Hu and Lee 2018",
        derive_conservation,
    ),
    Theorem(
        "R10.odd",
        "odd-symmetric models are invariant under gradient flow",
        r"At $v_0 = 0, r = 0, p = 0$: $\nabla_{v_0} L = 0$, $\nabla_r L = 0$, $\nabla_p L = 0$.",
        (*SETTING, "For averages: the odd moments of the tasks vanish."),
        "new here",
        derive_odd,
    ),
    Theorem(
        "R10.isotropic",
        "six scalars are invariant under gradient flow, and their metric",
        r"$s_0\dot\alpha^2+\dot w^2+\dot "
        r"q^2+d\dot\beta^2+2s_0\dot\beta\dot\gamma+s_0^2\dot\gamma^2+s_0\dot\delta^2$.",
        (*SETTING, "Sigma = I; the loss is on the target, or averaged over the unit sphere."),
        "new here",
        derive_isotropic,
    ),
)
