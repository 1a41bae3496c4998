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

from sympy import QQ
from sympy.polys.fields import field

from .. import fixed_points
from . import r7_manifold
from .radicals import compose, positive
from .theorem import Proof, Theorem

FIELD, m, N, s, rho, T, c, w, delta, D, u, h, k = field("m N s rho T c w delta D u h k", QQ)


def loss(u: Any, D: Any) -> Any:
    """F of R7.reduction."""
    images = {r7_manifold.n: m, r7_manifold.N: N, r7_manifold.rho: rho, r7_manifold.u: u, r7_manifold.D: D}
    return s * compose(r7_manifold.reduced(r7_manifold.u, r7_manifold.D), images)


def derive(proof: Proof) -> None:
    u_of, D_of = 1 + (1 + rho) * w / c, s * c * delta
    F = loss(u_of, D_of)
    mass = T + 1 / c**4
    speed = {c: -F.diff(c) / mass, w: -F.diff(w), delta: -F.diff(delta) / T}

    def rate(of: Any) -> Any:
        return sum((of.diff(x) * v for x, v in speed.items()), start=FIELD(0))

    proof.step(
        r"A and $b_\perp$ enter F by squares only (R7.reduction), and where $\theta_0$ is an eigenvector of $\Sigma$ "
        r"its flat gradient in b at $b \parallel \theta_0$ is parallel to $\theta_0$: both stay zero. Then $|v|^2 - "
        r"|Q|^2$ is conserved."
    )
    proof.zero("conserved along the slow flow", rate(T * c**2 + w**2 - 1 / c**2 - T * delta**2))
    proof.zero("the loss falls", rate(F) + F.diff(c) ** 2 / mass + F.diff(w) ** 2 + F.diff(delta) ** 2 / T)
    _bounded(proof)
    _quadrant(proof, rate, u_of, D_of)
    _limit(proof)
    _official(proof)


def _bounded(proof: Proof) -> None:
    proof.step(
        r"It stays bounded. $F \ge smu^2/(1+\rho)$ and $F \ge sm\rho D^2$ bound u and D, so $w/c$ and $c\delta$. If "
        r"$c \to 0$ then $w \to 0$ and $Tc^2 + w^2 - 1/c^2 - T\delta^2 \to -\infty$; if $c \to \infty$ then $\delta "
        r"\to 0$ and it tends to $+\infty$: both against its conservation. So c keeps its sign, and the flow "
        r"converges (Łojasiewicz) to a stationary point: $u = \pm\sqrt{p^\star}$, or $u = D = 0$ (R7: $D = m'u/X$ and "
        r"$f'(u^2)\,u = 0$)."
    )
    above = loss(u, D) / s - m * u**2 / (1 + rho) - m * rho * D**2
    squares = (N - 1 - m * u * D) ** 2 + m * rho / (1 + rho) + 2 * m * u**2 * D**2
    proof.zero("the bounds, as squares", above - squares)


def _quadrant(proof: Proof, rate: Any, u_of: Any, D_of: Any) -> None:
    m_prime = N - 1
    mass = T + 1 / c**4
    proof.step(
        r"At D = 0, $\dot D = 2mm's^3c^2u/T > 0$ while $u > 0$: D is positive at once, and cannot return to 0 before "
        r"u does."
    )
    at_start = rate(D_of).subs(delta, 0)
    proof.zero("the speed of D at D = 0", at_start - 2 * m * m_prime * s**3 * c**2 * u_of / T)
    proof.step(
        r"At u = 0, D > 0: $\dot u = \frac{2smD}{Mc^2}\,[m'((1+\rho)^2M + 1) - \rho D]$ with $M = T + c^{-4}$. To get "
        r"there the loss must have fallen below its start: $m\rho D^2 \le mu_0^2/(1+\rho)$. So if "
        r"$\rho u_0^2 < (1+\rho)\,m'^2\,((1+\rho)^2T + 1)^2$ the bracket is positive: u = 0 is never crossed."
    )
    wall = {g: g for g in FIELD.gens} | {w: -c / (1 + rho), delta: D / (s * c)}
    inward = 2 * s * m * D / (mass * c**2) * (m_prime * ((1 + rho) ** 2 * mass + 1) - rho * D)
    proof.zero("the speed of u at u = 0", compose(rate(u_of), wall) - inward)
    fallen = loss(u, FIELD(0)) - loss(FIELD(0), D) - s * m * (u**2 / (1 + rho) - rho * D**2)
    proof.zero("what the loss allows at u = 0", fallen)


def _limit(proof: Proof) -> None:
    m_prime = N - 1
    proof.step(
        r"Nor does it end at u = D = 0: there the Hessian of $F/s$ in (u, D) is $2m\,[[1/(1+\rho), -m'], [-m', "
        r"\rho]]$, of determinant $\propto \rho/(1+\rho) - m'^2 < 0$, and to first order u and D are driven by their "
        r"own slopes. The off-diagonal is negative, so the attracting direction has u and D of opposite signs "
        r"(Perron-Frobenius), outside the quadrant $u, D > 0$. The limit is $u = +\sqrt{p^\star}$."
    )
    F = loss(u, D) / s
    hessian = [F.diff(x).diff(y).subs([(u, 0), (D, 0)]) for x, y in ((u, u), (u, D), (D, D))]
    expected = [2 * m / (1 + rho), -2 * m * m_prime, 2 * m * rho]
    proof.zeros("the Hessian at u = D = 0", [x - y for x, y in zip(hessian, expected, strict=True)])
    determinant = compose(m_prime**2 * (1 + rho) - rho, {g: g for g in FIELD.gens} | {N: N + 2})
    proof.inequality("its determinant is negative for m' >= 1", positive(determinant))


def _official(proof: Proof) -> None:
    proof.step(
        r"Official setting (d = 5, m = 20, $\sigma^2$ = 0.1, balanced): $w_0^2 = a\sqrt5 = K < 2$, and with "
        r"$1/c_0^2 = (K + \sqrt{K^2+4})/2$: $(w_0/c_0)^2 < 2 + 2\sqrt2 < 5$; so $u_0 < 1 + 1.1\sqrt5$ and the "
        r"condition holds with a factor of over a thousand to spare."
    )
    world = fixed_points.IsotropicWorld(5, Fraction(1, 10), 1, 20, 20, 0, None, 1)
    ratio, shots = world.noise_variance, world.few_shot_shots
    small = 5 * fixed_points.pretrained(world).w ** 2 < 4  # K^2
    u_0 = 1 + (1 + ratio) * Fraction(9, 4)  # sqrt(5) < 9/4
    enough = 1000 * ratio * u_0**2 < (1 + ratio) * shots**2 * ((1 + ratio) ** 2 + 1) ** 2
    proof.inequality("the official setting takes +u", small and enough)


THEOREM = Theorem(
    name="R7.basin",
    title="The flow from the pretrained point takes the root +u, under a stated condition",
    statement=(
        r"Let $\theta_0$ be an eigenvector of $\Sigma$ and $\Psi$, $T = |\theta_0|^2$, $\sigma^2 > 0$, $m' \ge 1$. "
        r"The slow flow from $c_0, w_0 > 0$, $q_{xy} = 0$ converges to a stationary point; to $u = +\sqrt{p^\star}$ if "
        r"$\rho u_0^2 < (1+\rho)\,m'^2\,((1+\rho)^2T + 1)^2$, $u_0 = 1 + (1+\rho)w_0/c_0$. c keeps its sign."
    ),
    assumptions=(
        r"The limit $\lambda \to 0+$ as in R7.reduction.",
        "The condition is sufficient, not necessary: without it, and for other covariances, the root +u is observed "
        "in runs.",
    ),
    source="New here.",
    derive=derive,
)
