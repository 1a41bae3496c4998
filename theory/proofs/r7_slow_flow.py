r"""R7, third part: which of the two minima the flow from `pretrained` takes.

The slow flow on the zero-risk manifold starts where the flow of :math:`L_{ZS}` ends (R2): :math:`c = c_0 > 0`,
:math:`w = w_0 > 0`, :math:`q_{xy} = 0`, that is :math:`u_0 = 1 + (1+\rho)w_0/c_0 > 1` and D = 0. Where
:math:`\theta_0` is an eigenvector of :math:`\Sigma` it moves in :math:`(c, w, \delta)` alone, with the metric that
the flat one on (V, Q) induces,

.. math::

    (T + c^{-4})\,\dot c = -F_c, \qquad \dot w = -F_w, \qquad T\,\dot\delta = -F_\delta, \qquad T = |\theta_0|^2,

F being :math:`N^2(L_{FS} - \sigma^2)` of R7.reduction (up to the rate of time). Source: new here.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from sympy import ZZ
from sympy.polys.fields import field

from .. import laws
from ..programs import Numbers, isotropic_world
from ..wick import derivative, substitute
from . import r0_model, r1_pretrained, r7_manifold
from .hypotheses import Given
from .printed_lines import run_lines
from .r0_model import ODD, B, Sigma, b, q, v_x
from .r2_families import h, odd_excess
from .r2_landscape import EIGENVECTOR, stays_on_target_line
from .r7_manifold import theta, theta_0
from .radicals import compose
from .theorem import Proof, Theorem

FIELD, m, m_prime, s, rho, T, c, w, delta, D, u, k, c_0, w_0 = field("m m_prime s rho T c w delta D u k c_0 w_0", ZZ)

CONDITION_LINES = "u_0 = 1 + (1 + rho)*w_0/c_0\nrho*u_0**2 < (1 + rho)*m_prime**2*((1 + rho)**2*T + 1)**2"


def loss(u: Any, D: Any) -> Any:
    """F of R7.reduction."""
    of = r7_manifold
    return compose(of.target_excess(), {of.n: m, of.N: m_prime + 1, of.rho: rho, of.s: s, of.u: u, of.D: D})


def metric() -> dict[Any, Any]:
    """Squared lengths of the tangents: v_x = c theta_0, q = 1/c, w, b = delta theta_0."""
    return {c: T + (1 / c).diff(c) ** 2, w: FIELD(1), delta: T}


def derive(proof: Proof) -> None:
    scalars = run_lines(r7_manifold.SCALARS, {"rho": rho, "w": w, "c": c, "s": s, "delta": delta})[0]
    F = loss(scalars["u"], scalars["D"])

    def rate(of: Any) -> Any:
        return sum((-of.diff(x) * F.diff(x) / length for x, length in metric().items()), start=FIELD(0))

    proof.step(
        r"A and $b_\perp$ enter F by squares only (R7.reduction), and where $\theta_0$ is an eigenvector of $\Sigma$ "
        r"its flat gradient in b at $b \parallel \theta_0$ is parallel to $\theta_0$: both stay zero. Then $|v|^2 - "
        r"|Q|^2$ is conserved."
    )
    _straight(proof)
    proof.zero("conserved along the slow flow", rate(T * c**2 + w**2 - 1 / c**2 - T * delta**2))
    _bounded(proof)
    _quadrant(proof, rate(scalars["u"]), rate(scalars["D"]), scalars["u"])
    _limit(proof)
    _official(proof)


def _straight(proof: Proof) -> None:
    """Neither the start nor the flow leaves the line of the target."""
    stays_on_target_line(proof, odd_excess())
    point = {v_x: r0_model.alpha * theta_0, q: r0_model.q, B: 0, b: r0_model.delta * theta_0, theta: theta_0}
    names = {"Sigma": Sigma, "Psi": r1_pretrained.Psi, "theta_0": theta_0, "kappa": r0_model.kappa}
    force = substitute(derivative(r0_model.excess(), b, h), {**ODD, **point})
    force = substitute(force, proof.rules(EIGENVECTOR[0], names, h))
    proof.zero("no force on b across the target", substitute(force, {h @ theta_0: 0}))


def _bounded(proof: Proof) -> None:
    proof.step(
        r"It stays bounded. F is a sum of squares, two of which bound u and D, so $w/c$ and $c\delta$. If "
        r"$c \to 0$ then $w \to 0$ and $Tc^2 + w^2 - 1/c^2 - T\delta^2 \to -\infty$; if $c \to \infty$ then $\delta "
        r"\to 0$ and it tends to $+\infty$: both against its conservation. So c keeps its sign, and the flow "
        r"converges (Łojasiewicz) to a stationary point: $u^2 = p^*$ of either sign, or $u = D = 0$ (R7: "
        r"$D = m'u/X$ and $f'(u^2)\,u = 0$)."
    )
    proof.formula(
        "the squares that bound u and D",
        "F/s == m*u**2/(1 + rho) + m*rho*D**2 + m*rho/(1 + rho) + (m_prime - m*u*D)**2 + 2*m*u**2*D**2",
        {"F": loss(u, D), "s": s, "m": m, "m_prime": m_prime, "rho": rho, "u": u, "D": D},
    )
    proof.positive("their weights", s * m / (1 + rho), s * m * rho)


def _quadrant(proof: Proof, u_dot: Any, D_dot: Any, u_of: Any) -> None:
    mass = metric()[c]
    gens = {g: g for g in FIELD.gens}
    names = {"s": s, "m": m, "m_prime": m_prime, "rho": rho, "T": T, "c": c, "D": D}
    proof.step(r"At D = 0, D grows while $u > 0$: it is positive at once, and cannot return to 0 before u does.")
    proof.formula(
        "the speed of D at D = 0",
        "D_dot = 2*m*m_prime*s**3*c**2*u/T",
        names | {"u": u_of},
        D_dot=D_dot.subs(delta, 0),
    )
    proof.positive("it is positive", D_dot.subs(delta, 0) / u_of, also=("c > 0",))
    proof.word("root", compose(u_of, gens | {w: w_0, c: c_0}), ("positive", "no positive"))  # at the start, hence ever
    proof.step(
        r"At u = 0, D > 0, u grows while D is not too large. To get there the loss F must have fallen from its start at "
        r"$(u_0, 0)$ to its value at $(0, D)$, which bounds D. By this bound, and as $M > T$, u grows under the stated "
        r"condition: u = 0 is never crossed."
    )
    wall = compose(u_dot, gens | {w: r7_manifold.solved(u_of, w), delta: D / (s * c)})
    proof.formula(
        "the speed of u at u = 0",
        "M = T + 1/c**4\nu_dot = 2*s*m*D*(m_prime*((1 + rho)**2*M + 1) - rho*D)/(M*c**2)",
        names,
        M=mass,
        u_dot=wall,
    )
    fallen = loss(u, FIELD(0)) - loss(FIELD(0), D)
    proof.formula(
        "the fall of the loss",
        "F_start - F_wall == s*m*(u_0**2/(1 + rho) - rho*D**2)",
        names | {"F_start": loss(u, FIELD(0)), "F_wall": loss(FIELD(0), D), "u_0": u},
    )
    bracket = compose(wall * mass * c**2 / (2 * s * m * D), gens | {c: 1 / k})
    least = bracket.subs(k, 0)
    proof.positive("the speed is larger at a finite c", bracket - least, also=("k != 0",))
    push, pull = least.subs(D, 0), -least.diff(D)
    largest = -fallen.subs(D, 0) / fallen.diff(D).diff(D) * 2  # D^2 where the loss has not fallen at all
    proof.condition(
        "u does not reach 0",
        CONDITION_LINES,
        {"m_prime": m_prime, "rho": rho, "T": T, "w_0": w_0, "c_0": c_0},
        excess=push**2 - pull**2 * compose(largest, gens | {u: compose(u_of, gens | {w: w_0, c: c_0})}),
        factor=1 / (1 + rho),
        main=True,
    )


def _limit(proof: Proof) -> None:
    proof.step(
        r"Nor does it end at u = D = 0: the determinant of the Hessian of F in (u, D) is negative there under the "
        r"following condition, which holds for $m' \ge 1$, and to first order u and D are driven by their own slopes. "
        r"The off-diagonal is negative, so the attracting direction has u and D of opposite signs "
        r"(Perron-Frobenius), outside the quadrant $u, D > 0$. The limit is the positive root u."
    )
    F = loss(u, D)
    F_uu, F_uD, F_DD = (F.diff(x).diff(y).subs([(u, 0), (D, 0)]) for x, y in ((u, u), (u, D), (D, D)))
    names = {"s": s, "m": m, "m_prime": m_prime, "rho": rho}
    proof.formula(
        "the Hessian at u = D = 0",
        "F_uu = 2*s*m/(1 + rho)\nF_uD = -(2*s*m*m_prime)\nF_DD = 2*s*m*rho",
        names,
        F_uu=F_uu,
        F_uD=F_uD,
        F_DD=F_DD,
    )
    proof.condition(
        "its determinant is negative",
        "rho < m_prime**2*(1 + rho)",
        names,
        excess=F_uD**2 - F_uu * F_DD,
        factor=4 * s**2 * m**2 / (1 + rho),
    )
    proof.positive("which it is", F_uD**2 - F_uu * F_DD)
    proof.positive("the off-diagonal is negative", -F_uD)


def _official(proof: Proof) -> None:
    proof.step(
        r"Official setting (d = 5, m = 20, $\sigma^2$ = 0.1, T = 1, balanced): $K = |B_{start}|_F^2 = w_0^2$ has "
        r"$6K^2 < 25$, and $Y = 1/c_0^2$ is the root of $Y^2 - KY - 1$ (R2.selection), which is positive at "
        r"$Y = 5/K$: so $(w_0/c_0)^2 < 5$. The condition holds up to $w_0/c_0 = 100$."
    )
    world = isotropic_world(Numbers(5, Fraction(1, 10), 1, Fraction(20), 20), "tokens", False)
    small = 6 * laws.product_norm2(world) < 25  # K^2 = d a^2
    names = {"m_prime": world.few_shot_tokens - 1, "rho": world.noise_variance, "T": 1, "w_0": 100, "c_0": 1}
    enough = run_lines(CONDITION_LINES, names)[1][0].difference < 0
    proof.inequality("the official setting takes +u", small and enough)


THEOREM = Theorem(
    name="R7.basin",
    title="The flow from the pretrained point takes the root +u, under a stated condition",
    statement=(
        r"The slow flow from $c_0$ and $w_0$, without $q_{xy}$, converges to a stationary point, and c keeps its sign. It is "
        r"the one of R7 with <<root>> u, if the following holds; T is the squared length of $\theta_0$ in the flat metric."
    ),
    assumptions=(
        r"The limit $\lambda \to 0+$ as in R7.reduction.",
        "The condition is sufficient, not necessary: without it, and for other covariances, the root +u is observed "
        "in runs.",
    ),
    source="New here.",
    derive=derive,
    given=(
        *map(Given, EIGENVECTOR),
        Given("s > 0"),
        Given("sigma2 > 0"),
        Given("m_prime >= 1"),
        Given("c_0 > 0"),
        Given("w_0 >= 0"),
    ),
)
