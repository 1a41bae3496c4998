r"""R3: fine-tuning key-query alone at zero shots does nothing, and why that is a singular limit.

At `pretrained` :math:`v_0 = 0`, :math:`v_x = 0`, so that :math:`v^\top z_q = w \cdot 0 = 0` for every query: at zero
shots the prediction is 0 for every Q. The loss is constant in Q, and the flow does not move.

R3.singular: with :math:`v_x = \varepsilon e` frozen, :math:`\varepsilon \ne 0`, the loss is a strictly convex
quadratic in :math:`(q, S)`, :math:`S = (B + B^\top)/2`, and the flow forgets B however small :math:`\varepsilon` is.
In matrices,

.. math::

    \tfrac{d}{dt}(q, S) = -2\varepsilon^2\,\mathcal{G}(q, S) + 2\varepsilon\,(e^\top\Sigma\theta_0, F), \qquad
    F = (e^\top\Sigma\theta_0)\,\Sigma + \Sigma(e\theta_0^\top + \theta_0e^\top)\Sigma,

with :math:`\mathcal{G}` and F free of :math:`\varepsilon`.

Source: new here.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from sympy import ZZ
from sympy.polys.fields import field

from .. import laws
from ..laws import LAWS
from ..programs import Numbers, isotropic_world
from ..wick import derivative, identity, matrix, outer, substitute, trace, vector
from . import enumeration, r0_model
from .any_covariance import any_world, flat_product, matrix_world, model, scale_of
from .printed_lines import run_lines
from .printed_names import symbols
from .r0_model import B, Sigma, q, v_0, v_x
from .r2_families import odd_excess, zero_shot_excess
from .radicals import Roots
from .theorem import Proof, Theorem
from .value_model import minimiser

FIELD, d, N, m, s, sigma2, w, epsilon, V, T, tau, q_, size = field("d N m s sigma2 w epsilon V T tau q size", ZZ)
theta_0, e, k, h, omega = vector("theta0"), vector("e"), vector("k"), vector("h"), vector("omega")
H, start = matrix("H"), matrix("B_start")

LOSS = """\
M = S @ Sigma
F = inner(e, theta_0)*Sigma + Sigma @ (outer(e, theta_0) + outer(theta_0, e)) @ Sigma
P = norm2((q + trace(M))*e + 2*(M @ e)) + 2*trace(M @ M)*norm2(e) + 4*norm2(M @ e)
L_ZS = sigma2 + norm2(theta_0) - 2*eps*(q*inner(e, theta_0) + trace(F @ S)) + eps**2*P
"""
LIMIT = """\
q = tau/eps
S = (outer(e, omega) + outer(omega, e))/(6*eps*V)
trace(S @ Sigma) == 0
"""


def derive(proof: Proof) -> None:
    proof.step(
        "At $v_0 = 0$, $v_x = 0$ the zero-shot loss is one number for every w and Q, odd-symmetric or not: its "
        "gradient in Q vanishes identically, and the flow of Q stands still."
    )
    loss = zero_shot_excess()
    still = {v_0: 0, v_x: 0}
    proof.formula(
        "the zero-shot loss where v = (0, 0, w), for every w and Q",
        "L_ZS = sigma2 + norm2(theta_0)",
        symbols(Sigma, theta_0=theta_0, sigma2=sigma2),
        L_ZS=sigma2 + substitute(loss, still),
        main=True,
    )
    forces = [derivative(loss, q, 1), derivative(loss, B, H), derivative(loss, k, h)]
    proof.zeros("no force on Q", [substitute(force, still) for force in forces])
    proof.zero("nor do the shots' labels enter: no Q_xy, no Q_0y", _label_force())
    proof.step("So the printed fixed point must be the pretrained one, as scalars and as matrices.")
    (case,) = LAWS["zero_shot_kq"]
    for value_scale in (w, None):
        lift = Roots(FIELD)
        scale = None if value_scale is None else lift(value_scale)
        world = isotropic_world(Numbers(lift(d), lift(sigma2), lift(s), lift(m), value_scale=scale), lift(N), False)
        ours, theirs = model(world, case.point(world)), model(world, laws.pretrained(world))
        Q = ours[1] - theirs[1]
        proof.zeros(
            f"printed point, any N, {'balanced' if scale is None else 'given w_0'}",
            [
                *(ours[0] - theirs[0]).coordinates,
                world.space.trace_of_product(Q, Q),
                scale_of("zero_shot_kq", world) - laws.pretrained_scale(world),
            ],
        )
    lift = Roots(FIELD)
    general = any_world(lift, Sigma, theta_0, {}, d=d, noise=sigma2, m=m, N=N, value_scale=w)
    ours, theirs = model(general, case.point(general)), model(general, laws.pretrained(general))
    pairs = zip((*ours[0].parts, *ours[1].blocks), (*theirs[0].parts, *theirs[1].blocks), strict=True)
    proof.zeros("printed point, any covariance", [a - b for a, b in pairs])
    proof.zero("printed scale is w_0", scale_of("zero_shot_kq", general) - w)
    proof.brute_force("the matrix code returns the pretrained matrices, at exact points", _matrix_points())
    proof.brute_force("the exact gradient in Q at zero shots", _gradient())


def _matrix_points() -> Any:
    """A given scale, and a balanced one: the squares of the two matrices' lengths."""
    (case,) = LAWS["zero_shot_kq"]
    sigma, psi, target = [[2, 1], [1, 3]], [[3, 2], [2, 4]], [1, -2]
    for scale in (Fraction(3, 2), None):
        for normalization in ("tokens", "shots"):
            world = matrix_world(
                sigma, psi, target, Fraction(1, 7), pretrain_shots=4, value_scale=scale, normalization=normalization
            )
            start = laws.pretrained(world)
            (v, Q), (v_0, Q_0) = model(world, case.point(world)), model(world, start)
            yield from zip((*v, *Q.flat), (*v_0, *Q_0.flat), strict=True)
            k = scale_of("zero_shot_kq", world)
            if scale is None:
                yield k**4, flat_product(Q_0, Q_0)
            else:
                yield k, scale


def _label_force() -> Any:
    whole = substitute(r0_model.excess(), {r0_model.n: 0, r0_model.N: 1})
    return derivative(whole, r0_model.b, h) + derivative(whole, r0_model.r_y, 1)


def _gradient() -> Any:
    """At v = (0, 0, w) with an arbitrary Q, d = 1 and 2."""
    for sigma, target in (([[2]], [3]), ([[2, 1], [1, 3]], [1, -2])):
        size = len(target) + 2
        Q = [[Fraction(1 + (3 * i + 5 * j) % 7, 1 + j) for j in range(size)] for i in range(size)]
        v = [0] * (size - 1) + [Fraction(3, 2)]
        _, dQ = enumeration.exact_gradient(v, Q, sigma, target, Fraction(1, 5), 0)
        yield from ((0, slope) for row in dQ for slope in row)


def derive_singular(proof: Proof) -> None:
    loss = odd_excess()
    S = (H + H.T) / 2
    proof.step(
        r"With $v_x = \varepsilon e$ frozen the loss is a quadratic in $(q, S)$. Its quadratic part, over "
        r"$\varepsilon^2$, is $P = E\,[(e^\top x)(q + x^\top Sx)]^2$, a sum of squares: positive unless $(q, S) = 0$. "
        r"Write P as $\langle (q, S), \mathcal{G}(q, S)\rangle$."
    )
    names = symbols(Sigma, S=S, q=q_, e=e, theta_0=theta_0, eps=epsilon, sigma2=sigma2)
    frozen = substitute(loss, {v_x: epsilon * e, q: q_, B: S})
    proof.formula("the zero-shot loss with v_x = epsilon e", LOSS, names, L_ZS=sigma2 + frozen, main=True)
    _limit(proof, loss)
    F = run_lines(LOSS, names)[0]["F"]
    _transient(proof, loss, F)
    _isotropic(proof, F)


def _limit(proof: Proof, loss: Any) -> None:
    proof.step(
        r"For every $\varepsilon \ne 0$ it has one minimiser, hence the limit of the flow from any start: with "
        r"$\theta_0 = \tau e + \omega$, $e^\top\Sigma\omega = 0$, $V = |e|_\Sigma^2$, S is a multiple of "
        r"$e\omega^\top + \omega e^\top$, and its trace vanishes; the antisymmetric part of B and $q_{xy}$ stay."
    )
    cross = outer(e, omega) + outer(omega, e)
    split = {v_x: epsilon * e, theta_0: tau * e + omega, e @ Sigma @ omega: 0, e @ Sigma @ e: V}
    along = substitute(loss, {**split, q: q_, B: size * cross, omega @ Sigma @ omega: s}).as_coefficient()
    best_q, best_size = minimiser(along, q_, size)
    forces = [derivative(loss, B, H), derivative(loss, q, 1)]
    at_best = [substitute(force, {**split, q: best_q, B: best_size * cross}) for force in forces]
    proof.zeros("there the force on all of Q vanishes", at_best)
    proof.formula(
        "the limit of the flow",
        LIMIT,
        {"tau": tau, "eps": epsilon, "V": V, "e": e, "omega": omega, "outer": outer, "Sigma": Sigma}
        | {"trace": lambda matrix: substitute(trace(matrix), split)},
        q=best_q,
        S=best_size * cross,
        main=True,
    )
    proof.step(
        r"So the flow takes the pretrained $\mathrm{tr}\,(wB\Sigma) > 0$ to zero, all of it, for every $\varepsilon "
        r"\ne 0$ and either sign. If $e \parallel \theta_0$, B itself goes to 0; else S and in any case q grow like "
        r"$1/\varepsilon$. At $\varepsilon = 0$ nothing moves: the limit is discontinuous."
    )
    aligned = [substitute(force, {v_x: epsilon * theta_0, q: 1 / epsilon, B: H - H.T}) for force in forces]
    proof.zeros("aligned with the target: q = 1/epsilon, sym B = 0", aligned)
    proof.brute_force("the exact gradient in Q at the minimiser, d = 2", _minimiser())


def _transient(proof: Proof, loss: Any, F: Any) -> None:
    proof.step(
        r"When: put $\kappa = (q, S)$; then $\kappa(t) = \kappa_\infty + e^{-2\varepsilon^2\mathcal{G}t}(\kappa_0 - "
        r"\kappa_\infty)$. At $t = T/\varepsilon$ this is the start, less T times the gradient over $\varepsilon$, "
        r"plus $O(\varepsilon)$: already then B has moved by a matrix that is free of $\varepsilon$; down if "
        r"$e^\top\Sigma\theta_0 < 0$. It is over at $t \gg 1/\varepsilon^2$."
    )
    forces = [derivative(loss, q, 1), derivative(loss, B, H)]
    first = [
        substitute(derivative(substitute(force, {v_x: epsilon * e, q: q_}), epsilon, 1), {epsilon: 0})
        for force in forces
    ]
    initial = trace(start.T @ H)  # a matrix is known by its products with every H
    proof.formula(
        r"at time $T/\varepsilon$, up to $O(\varepsilon)$, from $B_0$ and $q = 0$",
        "q = 2*T*inner(e, theta_0)\nB = B_0 + 2*T*F",
        symbols(Sigma, T=T, e=e, theta_0=theta_0, B_0=initial) | {"F": trace(F.T @ H)},
        q=-T * first[0],
        B=initial - T * first[1],
        main=True,
    )


def _minimiser() -> Any:
    """e = (1, -1), V = 3, theta_0 = 2 e + omega, omega = (2, 1) across e; two sizes of epsilon, and B not symmetric."""
    sigma = [[2, 1], [1, 3]]
    e_, omega_ = (np.array(x, dtype=object) for x in ((1, -1), (2, 1)))
    arrays = {"Sigma": np.array(sigma), "e": e_, "omega": omega_, "outer": np.multiply.outer, "trace": np.trace}
    for size in (Fraction(1, 1000), Fraction(-2)):
        point = run_lines(LIMIT, arrays | {"eps": size, "tau": 2, "V": 3})[0]
        S = point["S"]
        Q: Any = [[point["q"], 0, 0, 0], [0, S[0][0], S[0][1] + 3, 0], [0, S[1][0] - 3, S[1][1], 0], [0] * 4]
        _, dQ = enumeration.exact_gradient([0, size, -size, 1], Q, sigma, list(2 * e_ + omega_), 0, 0)
        yield from ((0, slope) for row in dQ for slope in row)


def _isotropic(proof: Proof, F: Any) -> None:
    proof.step(
        r"Isotropic, e a unit vector at angle $\phi$ to the target, $|\theta_0| = 1$: at $t = T/\varepsilon$ the "
        r"trace has moved by $2T\,\mathrm{tr} F$, from $ad/w$ toward 0 only if $\cos\phi < 0$, then past any value of "
        r"order one. The official run ($|v_x|$ about 0.007; 5,000 steps of 0.01 with momentum 0.9, so $\varepsilon t$ "
        r"of order one and $\varepsilon^2t$ of order $10^{-2}$) is in this transient: its 0.793 to 0.261 is an "
        "observation of one run, on the way and not a limit; the limit of tr(wB)/d is 0."
    )
    isotropic = {Sigma: identity, trace(identity): d}
    proof.formula(
        "where Sigma = I",
        "trace(F) == (d + 2)*(e @ theta_0)",
        {"F": F, "e": e, "theta_0": theta_0, "d": d, "trace": lambda matrix: substitute(trace(matrix), isotropic)},
    )


NOTHING = Theorem(
    name="R3",
    title="Key-query alone at zero shots: the flow stays at the pretrained point",
    statement=(
        "At $v = (0, 0, w)$ the zero-shot loss is the number below for every Q, and its gradient in Q is zero: the "
        r"fixed point of `zero_shot_kq` is `pretrained`, for every $\Sigma$, $\Psi$, value scale and normalization."
    ),
    assumptions=("Population loss; pretraining ends exactly at v_0 = 0, v_x = 0 (R1).",),
    source="New here.",
    derive=derive,
)

SINGULAR = Theorem(
    name="R3.singular",
    title="... which is a singular limit: any v_x, however small, moves B by O(1)",
    statement=(
        r"With $v_x = \varepsilon e$ frozen, $\varepsilon \ne 0$, $L_{ZS}$ is the quadratic below in q and $S = (B + "
        r"B^\top)/2$, and with $\theta_0 = \tau e + \omega$, $e^\top\Sigma\omega = 0$, $V = |e|_\Sigma^2$ the flow of "
        r"Q converges to the q and S below: $\mathrm{tr}\,B\Sigma \to 0$, while at $\varepsilon = 0$ it stays. "
        r"Already at time $T/\varepsilon$ B has moved by a matrix free of $\varepsilon$."
    ),
    assumptions=(r"$e \ne 0$; population gradient flow; v frozen.",),
    source="New here.",
    derive=derive_singular,
)

THEOREMS = (NOTHING, SINGULAR)
