r"""R3: fine-tuning key-query alone at zero shots does nothing, and why that is a singular limit.

At `pretrained` :math:`v_0 = 0`, :math:`v_x = 0`, so that :math:`v^\top z_q = w \cdot 0 = 0` for every query: at zero
shots the prediction is 0 for every Q. The loss is constant in Q, and the flow does not move.

R3.singular: with :math:`v_x = \varepsilon e` frozen, :math:`\varepsilon \ne 0`, the loss is a strictly convex
quadratic in :math:`(q, S)`, :math:`S = (B + B^\top)/2`, and the flow forgets B however small :math:`\varepsilon` is.
In matrices,

.. math::

    \tfrac{d}{dt}(q, S) = -2\varepsilon^2\,\mathcal{G}(q, S) + 2\varepsilon\,f, \qquad
    f = \bigl(e^\top\Sigma\theta_0,\; (e^\top\Sigma\theta_0)\,\Sigma + \Sigma(e\theta_0^\top +
    \theta_0e^\top)\Sigma\bigr),

with :math:`\mathcal{G}` and f free of :math:`\varepsilon`.

Source: new here.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from sympy import QQ
from sympy.polys.fields import field

from .. import dense_fixed_points, fixed_points
from ..wick import derivative, identity, matrix, outer, substitute, trace, vector
from . import enumeration, r0_model
from .r0_model import B, Sigma, q, v_0, v_x
from .r2_landscape import odd_excess, sum_of_squares, zero_shot_excess
from .radicals import Roots
from .theorem import Proof, Theorem

FIELD, d, m, s, sigma2, w, epsilon, V, tau, t, q_ = field("d m s sigma2 w epsilon V tau t q", QQ)
theta_0, e, k, h, omega = vector("theta0"), vector("e"), vector("k"), vector("h"), vector("omega")
H = matrix("H")


def derive(proof: Proof) -> None:
    proof.step(
        r"At $v_0 = 0$, $v_x = 0$ the zero-shot loss is $\sigma^2 + s$ for every w and Q, odd-symmetric or not: its "
        r"gradient "
        "in Q vanishes identically, and the flow of Q stands still."
    )
    loss = zero_shot_excess()
    still = {v_0: 0, v_x: 0}
    proof.zero("the loss where v = (0, 0, w)", substitute(loss, still) - theta_0 @ Sigma @ theta_0)
    forces = [derivative(loss, q, 1), derivative(loss, B, H), derivative(loss, k, h)]
    proof.zeros("no force on Q", [substitute(force, still) for force in forces])
    proof.zero("nor do the shots' labels enter: no Q_xy, no Q_0y", _label_force())
    proof.step("So the printed fixed point must be the pretrained one, as scalars and as matrices.")
    printed, printed_scale = fixed_points.POINTS["zero_shot_kq"]
    for eta in (1, 0):
        for value_scale in (w, None):
            lift = Roots(FIELD)
            scale = None if value_scale is None else lift(value_scale)
            world = fixed_points.IsotropicWorld(lift(d), lift(sigma2), lift(s), lift(m), None, 0, scale, eta)
            pairs = zip(printed(world)[:11], fixed_points.pretrained(world)[:11], strict=True)
            scales = printed_scale(world) - fixed_points.value_gauge_scale(world)
            proof.zeros(f"printed point, eta = {eta}", [*(a - b for a, b in pairs), scales])
    proof.brute_force("the matrix code returns the pretrained matrices, at exact points", _matrix_points())
    proof.brute_force("the exact gradient in Q at zero shots", _gradient())


def _matrix_points() -> Any:
    for scale in (Fraction(3, 2), None):
        for eta in (1, 0):
            sigma, target = (np.array(a, dtype=object) + Fraction(0) for a in ([[2, 1], [1, 3]], [1, -2]))
            world = dense_fixed_points.DenseWorld(sigma, sigma + 1, target, Fraction(1, 7), 4, None, 0, scale, eta)
            ours, theirs = dense_fixed_points.POINTS["zero_shot_kq"](world), dense_fixed_points.pretrained(world)
            yield ours.scale, theirs.scale
            for a, b in zip(ours.blocks.matrices(), theirs.blocks.matrices(), strict=True):
                yield from zip(a.flat, b.flat, strict=True)


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
    frozen = {v_x: epsilon * e, q: q_, B: S}
    proof.step(
        r"With $v_x = \varepsilon e$ frozen the loss is $s - 2\varepsilon\langle f, (q, S)\rangle + "
        r"\varepsilon^2\langle (q, S), \mathcal{G}(q, S)\rangle$ (plus $\sigma^2$), where "
        r"$\langle (q, S), \mathcal{G}(q, S)\rangle = E\,[(e^\top x)(q + x^\top Sx)]^2 > 0$ unless $(q, S) = 0$."
    )
    overlap = e @ Sigma @ theta_0
    source = overlap * Sigma + Sigma @ (outer(e, theta_0) + outer(theta_0, e)) @ Sigma
    gram = sum_of_squares(0 * e, 0, e, q_, 0 * e, S)
    linear = q_ * overlap + trace(source @ S)
    stated = theta_0 @ Sigma @ theta_0 - 2 * epsilon * linear + epsilon**2 * gram
    proof.zero("the loss as a quadratic in (q, S)", substitute(loss, frozen) - stated)
    _limits(proof)
    _isotropic(proof)


def _limits(proof: Proof) -> None:
    loss = odd_excess()
    proof.step(
        r"For every $\varepsilon \ne 0$ its one minimiser, hence the limit of the flow from any start, is "
        r"(R2.landscape at $v = \varepsilon e$) $q_\infty = \tau/\varepsilon$, $S_\infty = (e\omega^\top + \omega "
        r"e^\top)/(6\varepsilon V)$ with $\theta_0 = \tau e + \omega$, $e^\top\Sigma\omega = 0$, $V = |e|^2$; the "
        r"antisymmetric part of B and $q_{xy}$ stay."
    )
    best = (outer(e, omega) + outer(omega, e)) / (6 * epsilon * V)
    split = {v_x: epsilon * e, theta_0: tau * e + omega}
    gap = {e @ Sigma @ omega: 0, e @ Sigma @ e: V}
    forces = [derivative(loss, B, H), derivative(loss, q, 1)]
    at_best = [substitute(substitute(force, {**split, q: tau / epsilon, B: best}), gap) for force in forces]
    proof.zeros("the force on Q vanishes there", at_best)
    proof.step(
        r"There $\mathrm{tr}\,(S_\infty\Sigma) = 0$: the flow takes the pretrained $\mathrm{tr}\,(wB\Sigma) > 0$ to "
        r"zero, all of it, for every $\varepsilon \ne 0$ and either sign. If $e \parallel \theta_0$, B itself goes to "
        r"0; else $S_\infty$ and in any case q grow like $1/\varepsilon$. At $\varepsilon = 0$ nothing moves: the "
        r"limit is discontinuous."
    )
    proof.zero("the trace vanishes in the limit", substitute(trace(best @ Sigma), gap))
    aligned = [substitute(force, {v_x: epsilon * theta_0, q: 1 / epsilon, B: H - H.T}) for force in forces]
    proof.zeros("aligned with the target: q = 1/epsilon, sym B = 0", aligned)
    proof.step(
        r"When: put $\kappa = (q, S)$ and $\kappa_\infty = \mathcal{G}^{-1}f/\varepsilon$; then "
        r"$\kappa(t) = \kappa_\infty + e^{-2\varepsilon^2\mathcal{G}t}(\kappa_0 - \kappa_\infty)$. At $t = "
        r"T/\varepsilon$ this is $\kappa_0 + 2Tf + O(\varepsilon)$: already then B has moved by "
        r"$2T[(e^\top\Sigma\theta_0)\Sigma + \Sigma(e\theta_0^\top + \theta_0e^\top)\Sigma]$, which is free of "
        r"$\varepsilon$; down if $e^\top\Sigma\theta_0 < 0$. It is over at $t \gg 1/\varepsilon^2$."
    )
    first = [substitute(force, {v_x: epsilon * e, q: 0, B: 0}) for force in forces]
    direction = (H + H.T) / 2
    overlap = e @ Sigma @ theta_0
    source = overlap * Sigma + Sigma @ (outer(e, theta_0) + outer(theta_0, e)) @ Sigma
    proof.zeros(
        "the force at small epsilon is -2 epsilon f",
        [first[0] + 2 * epsilon * trace(source @ direction), first[1] + 2 * epsilon * overlap],
    )
    proof.brute_force("the exact gradient in Q at the minimiser, d = 2", _minimiser())


def _minimiser() -> Any:
    """e = (1, -1), V = 3, theta_0 = 2 e + omega, omega = (2, 1) across e; two sizes of epsilon, and B not symmetric."""
    sigma, e_, omega_ = [[2, 1], [1, 3]], (1, -1), (2, 1)
    target = [2 * a + b for a, b in zip(e_, omega_, strict=True)]
    for size in (Fraction(1, 1000), Fraction(-2)):
        S = [[(e_[i] * omega_[j] + omega_[i] * e_[j]) / (18 * size) for j in (0, 1)] for i in (0, 1)]
        Q: Any = [[2 / size, 0, 0, 0], [0, S[0][0], S[0][1] + 3, 0], [0, S[1][0] - 3, S[1][1], 0], [0] * 4]
        _, dQ = enumeration.exact_gradient([0, size, -size, 1], Q, sigma, target, 0, 0)
        yield from ((0, slope) for row in dQ for slope in row)


def _isotropic(proof: Proof) -> None:
    proof.step(
        r"Isotropic, e a unit vector at angle $\phi$ to the target, $|\theta_0| = 1$: at $t = T/\varepsilon$ the "
        r"trace has moved by $2T(d+2)\cos\phi + O(\varepsilon)$, from $ad/w$ toward 0 only if $\cos\phi < 0$, then "
        r"past any value of order one. The official run ($|v_x|$ about 0.007; 5,000 steps of 0.01 with momentum 0.9, "
        r"so $\varepsilon t$ of order one and $\varepsilon^2t$ of order $10^{-2}$) is in this transient: its 0.793 to "
        r"0.261 is an observation of one run, on the way and not a limit; the limit of tr(wB)/d is 0."
    )
    source = (e @ theta_0) * identity + outer(e, theta_0) + outer(theta_0, e)
    moved = substitute(trace(source), {trace(identity): d, e @ theta_0: t})
    proof.zero("isotropic: the trace of the source is (d + 2) cos phi", moved - (d + 2) * t)


NOTHING = Theorem(
    name="R3",
    title="Key-query alone at zero shots: the flow stays at the pretrained point",
    statement=(
        r"At $v = (0, 0, w)$ the zero-shot loss is $\sigma^2 + s$ for every Q and its gradient in Q is zero: the "
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
        r"With $v_x = \varepsilon e$ frozen, $\varepsilon \ne 0$, $\theta_0 = \tau e + \omega$, $e^\top\Sigma\omega = "
        r"0$, $V = e^\top\Sigma e$, the flow of Q on $L_{ZS}$ converges to $q = \tau/\varepsilon$, "
        r"$(B + B^\top)/2 = (e\omega^\top + \omega e^\top)/(6\varepsilon V)$; so $\mathrm{tr}\,B\Sigma \to 0$, while "
        r"at $\varepsilon = 0$ it stays. At time $T/\varepsilon$, $B = B_0 + 2T[(e^\top\Sigma\theta_0)\Sigma + "
        r"\Sigma(e\theta_0^\top + \theta_0e^\top)\Sigma] + O(\varepsilon)$."
    ),
    assumptions=(r"$e \ne 0$; population gradient flow; v frozen.",),
    source="New here.",
    derive=derive_singular,
)

THEOREMS = (NOTHING, SINGULAR)
