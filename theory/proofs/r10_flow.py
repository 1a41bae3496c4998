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

from ..wick import (
    Noise,
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
from .r0_model import (
    FIELD,
    ISOTROPIC,
    NORMS,
    ODD,
    B,
    Blocks,
    N,
    alpha,
    attention,
    average_over,
    b,
    beta,
    d,
    d_in_field,
    delta,
    eta,
    gamma,
    k,
    kappa,
    p,
    printed_excess,
    printed_terms,
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
from .r0_special_cases import SCALARS, printed_on_lines
from .r10_points import points
from .theorem import Proof, Theorem

GRADIENT = "L_dot = -(2*E((y_q - y_hat(v, Q))*(y_hat(v_dot, Q) + y_hat(v, Q_dot))))"
EULER = "D(L, v, v) == D(L, Q, Q)"
EVEN = "D(L, v_0, c) == 0\nD(L, r_x, h) == 0\nD(L, r_y, c) == 0\nD(L, p, h) == 0"
ACROSS = "D(L, v_x, h) == 0\nD(L, B, H) == 0\nD(L, q_xy, h) == 0"
METRIC = (
    "G = s_0*alpha_dot**2 + w_dot**2 + q_dot**2"
    " + d*beta_dot**2 + 2*s_0*beta_dot*gamma_dot + s_0**2*gamma_dot**2 + s_0*delta_dot**2"
)

h, g, f = vector("h"), vector("g"), vector("f")
H = matrix("H")
VALUES, KEY_QUERY = (v_0, v_x, w), (q, r_x, r_y, p, B, b)


def printed_loss() -> Scalar:
    """N^2 (risk - sigma^2) at (v, Q), as the printed code gives it on symbols."""
    return Scalar.of(printed_excess(printed_terms()))


def printed_average() -> Scalar:
    """The same, averaged over tasks of covariance P and fourth moments kappa times Gaussian ones."""
    return Scalar.of(printed_excess(printed_terms(tasks=average_over(matrix("P", symmetric=True), kappa))))


def slope(loss: Scalar, block: Any, direction: Any) -> Scalar:
    """The derivative of a loss in some of the symbols, along a direction."""
    along = (derivative(loss, symbol, part) for symbol, part in zip(block, direction, strict=True))
    return sum(along, start=Scalar())


def derive_gradient(proof: Proof) -> None:
    """The gradient of the printed risk."""
    proof.step(
        r"The prediction is linear in v and linear in Q, so that it moves by $\hat y(\dot v, Q) + \hat y(v, \dot Q)$ where "
        "they move; the directional derivative of the printed risk is $-2E$ of residual times these. Directions: every "
        "entry of v and every entry of Q at once."
    )
    query_noise = Noise("eps_q", variance=sigma2)

    def predicted(values: Any, key_query: Any) -> Scalar:
        prediction: Scalar = attention(Blocks(*values, *key_query)) / N
        return prediction

    def average(of: Scalar) -> Scalar:
        return expectation(of, shots, x_q, query_noise)

    v_dot, Q_dot = (u_0, h, u_y), (k, vector("l"), eta, g, H, f)
    names = {"v": VALUES, "Q": KEY_QUERY, "v_dot": v_dot, "Q_dot": Q_dot, "y_q": theta @ x_q + query_noise}
    names |= {"E": average, "y_hat": predicted}
    loss = printed_loss()
    derived = (slope(loss, VALUES, v_dot) + slope(loss, KEY_QUERY, Q_dot)) / N**2
    proof.formula("the derivative of the printed risk", GRADIENT, names, L_dot=derived, main=True)
    proof.brute_force("gradient of the printed NumPy code = enumeration", points())


def derive_conservation(proof: Proof) -> None:
    """|v|^2 - |Q|_F^2."""
    proof.step(
        r"One token's contribution $c = (v^\top z)(z_q^\top Q z)$, before any expectation: its derivative along v "
        r"itself and along Q itself is itself. So $\langle v, \nabla_v L\rangle = E[\ell'\,\hat y] = \langle "
        r"Q, \nabla_Q L\rangle$ for every loss $E\,\ell(y_q, \hat y)$."
    )
    names = {"v": VALUES, "Q": KEY_QUERY, "D": slope}
    proof.formula("Euler for one token", "D(c, v, v) == c\nD(c, Q, Q) == c", names | {"c": token(x, y)})
    proof.step(
        r"Under $\dot v = -\nabla_v L$, $\dot Q = -\nabla_Q L$ the rate of $|v|^2 - |Q|_F^2$ is $2\langle Q, "
        r"\nabla_Q L\rangle - 2\langle v, \nabla_v L\rangle = 0$. (Both blocks must train; the row of Q that never acts "
        "never moves.)"
    )
    loss, average = printed_loss(), printed_average()
    proof.formula("for the printed risk L", EULER, names | {"L": loss}, main=True)
    proof.formula("for the printed average L", EULER, names | {"L": average}, main=True)
    proof.step(
        "The same for finite steps of the symmetry: the loss is constant along $(kv, Q/k)$, of which $(v, "
        "-Q)$ is the tangent at $k = 1$."
    )
    scale = FIELD(k)
    images = {part: scale * part for part in VALUES} | {part: part / scale for part in KEY_QUERY}
    proof.zero("the printed risk is constant along (k v, Q/k)", substitute(loss, images) - loss)


def derive_odd(proof: Proof) -> None:
    """Odd-symmetric models are invariant."""
    proof.step(
        "At $v_0 = 0$, $r = 0$, $p = 0$ the gradient in every one of these entries is zero, whatever $v_x, "
        r"w, q, B, b, \Sigma, \theta, n$ and N."
    )

    def at_odd(loss: Scalar, symbol: Any, direction: Any) -> Scalar:
        return substitute(derivative(loss, symbol, direction), ODD)

    names = {"D": at_odd, "v_0": v_0, "r_x": r_x, "r_y": r_y, "p": p, "c": u_0, "h": h}
    for what, loss in (("risk", printed_loss()), ("average", printed_average())):
        proof.formula(f"for the printed {what} L, every c and h", EVEN, names | {"L": loss}, main=True)


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

    def on_target(loss: Scalar, symbol: Any, direction: Any) -> Scalar:
        gradient = substitute(derivative(loss, symbol, direction), {**ISOTROPIC, theta: theta_0})
        return substitute(gradient, {**across, **NORMS})

    def on_average(loss: Scalar, symbol: Any, direction: Any) -> Scalar:
        gradient = substitute(derivative(loss, symbol, direction), {**ISOTROPIC, theta: sphere})
        return substitute(expectation(gradient, sphere), {**across, **NORMS})

    names = {"L": loss, "v_x": v_x, "B": B, "q_xy": b, "h": h, "H": H}
    for what, gradient in (("on the target", on_target), ("averaged over the sphere", on_average)):
        proof.formula(f"no force across the manifold, L {what}", ACROSS, names | {"D": gradient}, main=True)
    proof.step(
        r"The flat metric at velocities $\dot\alpha\theta_0$, $\dot w$; $\dot q$, $\dot\beta I + "
        r"\dot\gamma\theta_0\theta_0^\top$, $\dot\delta\theta_0$."
    )
    velocity = beta * identity + gamma * outer(theta_0, theta_0)
    value = (alpha * theta_0) @ (alpha * theta_0) + w**2
    key_query = q**2 + trace(velocity @ velocity.T) + (delta * theta_0) @ (delta * theta_0)
    names = {f"{name}_dot": scalar for name, scalar in SCALARS._asdict().items()} | {"s_0": s_0, "d": d}
    proof.formula("the metric G", METRIC, names, G=substitute(value + key_query, NORMS), main=True)
    proof.step(
        "The partial derivatives of the printed six-scalar risk are the matrix gradient along the manifold's "
        r"tangents, so the flow of the matrices is $\dot s = -G^{-1}\partial_s L$ with this metric G."
    )
    six = Scalar.of(printed_excess(printed_on_lines("target")))
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
        r"Where v and Q move with $\dot v$ and $\dot Q$, the risk L of R0's closed form moves with $\dot L$ as follows: "
        r"$y_q$ is the noisy answer, $\hat y(v, Q)$ the prediction, E the average over prompt and answer.",
        SETTING[:1],
        "new here",
        derive_gradient,
    ),
    Theorem(
        "R10.conservation",
        "gradient flow conserves |v|^2 - |Q|_F^2",
        r"$\langle v,\nabla_v L\rangle = \langle Q,\nabla_Q L\rangle$ identically, for every loss of the "
        r"prediction. $D(L, u, h)$ is the derivative of L in u along h.",
        (*SETTING, "Both v and Q train."),
        "balancedness: Arora et al. 2018, Du, Hu and Lee 2018",
        derive_conservation,
    ),
    Theorem(
        "R10.odd",
        "odd-symmetric models are invariant under gradient flow",
        r"At $v_0 = 0$, $r = 0$, $p = 0$ the gradient in $v_0$, $r = (r_x, r_y)$ and p vanishes. $D(L, u, h)$ is the "
        "derivative of L in u along h.",
        (*SETTING, "For averages: the odd moments of the tasks vanish."),
        "new here",
        derive_odd,
    ),
    Theorem(
        "R10.isotropic",
        "six scalars are invariant under gradient flow, and their metric",
        r"The models of six scalars are invariant: there the gradient vanishes in all directions across them, $h \perp "
        r"\theta_0$ and H with $\mathrm{tr} H = \theta_0^\top H\theta_0 = 0$. The flat metric on (v, Q) induces the metric G on them, "
        r"$s_0 = |\theta_0|^2$. $D(L, u, h)$ is the derivative of L in u along h.",
        (*SETTING, "Sigma = I; the loss is on the target, or averaged over the unit sphere."),
        "new here",
        derive_isotropic,
    ),
)
