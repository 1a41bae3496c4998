r"""R6: with the auxiliary few-shot loss, key-query alone memorises: B = 0 and the target is recited.

The values :math:`v = (0, 0, w)` are frozen, so the zero-shot loss is constant (R3) and the few-shot loss at m shots
decides, whatever its weight. With :math:`R = B\Sigma\theta_0`, :math:`\nu = s + \sigma^2`, :math:`g = R + \nu b`,
:math:`b = q_{xy}` and :math:`B_\perp = B - R\theta_0^\top/s` (so that :math:`B_\perp\Sigma\theta_0 = 0`) it is a sum
of squares,

.. math::

    N^2(L_{FS} - \sigma^2) = |N\theta_0 - mwg|^2 + mw^2\Bigl[2|g|^2 + \nu q^2
        + \nu\,\mathrm{tr}\,B_\perp\Sigma B_\perp^\top\Sigma + \frac{\sigma^2}{s}|R|^2\Bigr],

from which everything follows. Source: new here.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
from sympy import QQ
from sympy.polys.fields import field

from .. import dense_fixed_points, fixed_points, isotropic
from ..wick import Scalar, Vector, derivative, matrix, outer, substitute, trace, vector
from . import enumeration, r0_arrays, r0_model
from .r0_model import B, Sigma, b, v_x
from .radicals import Roots, positive
from .theorem import Proof, Theorem

FIELD, d, m, N, s, sigma2, w, q, r_y, T = field("d m N s sigma2 w q r_y T", QQ)
theta_0, h, p, r_x, start = vector("theta0"), vector("h"), vector("p"), vector("r_x"), matrix("B_start")
H = matrix("H")


@cache
def few_shot_excess() -> Scalar:
    """N^2 (L_FS(m) - sigma^2) at v = (0, 0, w), from the definition."""
    images = {r0_model.v_0: 0, v_x: 0, r0_model.theta: theta_0, r0_model.n: m, r0_model.N: N}
    numbers = {r0_model.w: w, r0_model.q: q, r0_model.sigma2: sigma2, r0_model.r_y: r_y}
    return substitute(r0_model.excess(), {**images, **numbers})


@cache
def odd_few_shot() -> Scalar:
    """The same at odd-symmetric Q, with theta_0'Sigma theta_0 = s."""
    return substitute(few_shot_excess(), {r0_model.r_x: 0, r0_model.p: 0, r_y: 0, theta_0 @ Sigma @ theta_0: s})


def norm2(x: Any) -> Any:
    """x' Sigma x."""
    return x @ Sigma @ x


def derive(proof: Proof) -> None:
    _odd(proof)
    _squares(proof)
    _printed(proof)
    proof.brute_force("exact gradient and risk at the matrix code's point", _points(Fraction(2, 7)))


def _odd(proof: Proof) -> None:
    proof.step(
        r"Let Q be any, also with entries that break the odd symmetry, $k(x, y) = r_x^\top x + r_yy$ and $p$. They "
        r"add to the few-shot loss $w^2[\,m(m+1)(E\,yk)^2 + m\nu\,\mathrm{Var}\,k + m\nu|p|^2]/N^2$, with no term "
        r"that mixes them with q, B, b: a non-negative form, zero only at $p = 0$, $r_x = 0$, $r_y = 0$ if $\sigma^2 "
        r"> 0$."
    )
    whole = substitute(few_shot_excess(), {theta_0 @ Sigma @ theta_0: s})
    nu = s + sigma2
    signal = r_x @ Sigma @ theta_0
    with_label = signal + r_y * nu
    variance = norm2(r_x) + 2 * r_y * signal + r_y**2 * nu
    even = w**2 * (m * (m + 1) * with_label**2 + m * nu * variance + m * nu * norm2(p))
    proof.zero("the even entries of Q add a form of their own", whole - odd_few_shot() - even)
    spread = norm2(r_x + r_y * theta_0) + r_y**2 * sigma2
    proof.zero("Var k as squares", substitute(variance - spread, {theta_0 @ Sigma @ theta_0: s}))


def _squares(proof: Proof) -> None:
    proof.step(r"The odd part is the sum of squares above, for every $\Sigma$; here $m \ge 1$, $w \ne 0$.")
    nu = s + sigma2
    R = B @ Sigma @ theta_0
    g = R + nu * b
    across = B - outer(R, theta_0) / s
    rest = nu * q**2 + nu * trace(across @ Sigma @ across.T @ Sigma) + (sigma2 / s) * norm2(R)
    squares = norm2(N * theta_0 - m * w * g) + m * w**2 * (2 * norm2(g) + rest)
    gap = {theta_0 @ Sigma @ theta_0: s}
    proof.zero("the few-shot loss is this sum of squares", substitute(squares, gap) - odd_few_shot())
    proof.step(
        r"Completing the square in g: the first two terms are $m(m+2)w^2\,|g - N\theta_0/((m+2)w)|^2 + 2N^2s/(m+2)$. "
        r"If $\sigma^2 > 0$ the sum is least exactly where $q = 0$, $B_\perp = 0$, $R = 0$, so $B = 0$, and $g = \nu "
        r"b$ gives $b = N\theta_0/(w(m+2)\nu)$. It is a strictly convex quadratic: the flow ends there from every "
        r"start, at risk $\sigma^2 + 2s/(m+2)$, whatever N."
    )
    best = N / ((m + 2) * w) * theta_0
    two = m * (m + 2) * w**2 * norm2(g - best) + 2 * N**2 * s / (m + 2)
    first = norm2(N * theta_0 - m * w * g) + 2 * m * w**2 * norm2(g)
    proof.zero("the square completed in g", substitute(first - two, gap))
    stationary = {q: 0, B: 0, b: best / nu}
    loss = odd_few_shot()
    forces = [derivative(loss, q, 1), derivative(loss, B, H), derivative(loss, b, h)]
    proof.zeros("stationary there", [substitute(substitute(force, stationary), gap) for force in forces])
    proof.zero("the minimum", substitute(substitute(loss, stationary), gap) - 2 * N**2 * s / (m + 2))
    weights = [m * nu, m * (m + 2), m * sigma2 / s]
    proof.inequality("the weights of the squares are positive", all(map(positive, weights)))


def _printed(proof: Proof) -> None:
    proof.step("The printed point (gauge w = 1) is this one, and its contractions are what the risk formula takes.")
    for eta, tokens in ((1, m + 1), (0, m)):
        lift = Roots(FIELD)
        world = fixed_points.IsotropicWorld(lift(d), lift(sigma2), lift(s), lift(m), lift(m), 0, lift(w), eta)
        point = fixed_points.mixed_kq(world)
        delta = tokens / ((m + 2) * (s + sigma2))
        expected = (0, 1, 0, 0, 0, delta)
        proof.zeros(f"printed scalars, eta = {eta}", [x - y for x, y in zip(point.scalars, expected, strict=True)])
        formed = isotropic.contract(point.scalars, *map(lift, (d, sigma2, s)))
        proof.zeros(
            f"printed contractions, eta = {eta}",
            [x - y for x, y in zip(point.filled(lift(s)), formed.filled(lift(s)), strict=True)],
        )
        proof.zero(f"printed scale is w_0, eta = {eta}", fixed_points.POINTS["mixed_kq"][1](world) - w)
        matrices = _matrix_code().mixed_key_query
        blocks, k, _ = matrices(_matrix_world(sigma2, eta))[:3]
        end = blocks.scaled(k)
        proof.zeros(
            f"matrix code, eta = {eta}, any covariance",
            [end.B, end.q, end.v_x, end.w - w, end.b - delta / w * theta_0],
        )


class _Target(Vector):
    """theta_0, whose squared length can be divided by: theta_0'theta_0 is the field element T."""

    __slots__ = ()

    def __matmul__(self, other: Any) -> Any:
        return T if other is self else super().__matmul__(other)


def _matrix_code() -> Any:
    return r0_arrays.on_symbols(
        dense_fixed_points,
        pretrained_product=lambda world: r0_arrays.Array.of(start),
        _pretrained_scale=lambda world, product: w,
    )


def _matrix_world(noise: Any, eta: int) -> Any:
    signal = fixed_points.IsotropicWorld(1, noise, s, m, m, 0, w, eta)
    return SimpleNamespace(
        sigma=Sigma, target=_Target(theta_0.terms.items()), noise_variance=noise, few_shot_shots=m, query_counts=eta,
        signal_world=lambda: signal,
    )  # fmt: skip


def derive_noiseless(proof: Proof) -> None:
    loss = substitute(odd_few_shot(), {sigma2: 0})
    proof.step(
        r"Without noise the weight of $|R|^2$ is zero. The minimisers are $q = 0$, $B_\perp = 0$, "
        r"$g = R + sb = N\theta_0/((m+2)w)$, that is $B + b\,\theta_0^\top = P^\star = "
        r"N\theta_0\theta_0^\top/((m+2)ws)$: a flat family, as on the target a label is $y = \theta_0^\top x$ and "
        r"only $P = B + b\,\theta_0^\top$ matters."
    )
    shifted = substitute(loss, {B: B - outer(h, theta_0), b: b + h})
    gap = {theta_0 @ Sigma @ theta_0: s}
    proof.zero("only B + b theta_0' matters", substitute(shifted, gap) - loss)
    optimal = N / ((m + 2) * w * s) * outer(theta_0, theta_0)
    family = substitute(loss, {q: 0, B: optimal - outer(b, theta_0)})
    proof.zero("the loss on the family is the minimum", substitute(family, gap) - 2 * N**2 * s / (m + 2))
    proof.step(
        r"The flow is $\dot B = -G$, $\dot b = -G\theta_0$ with one matrix G: $b - B\theta_0$ is conserved. From "
        r"$B_0$ and $b = 0$ it ends at $B = B_0 + D$, $b = D\theta_0$ with $B_0 + D(I + \theta_0\theta_0^\top) = "
        r"P^\star$: $D = (P^\star - B_0)(I + \theta_0\theta_0^\top)^{-1}$ (flat lengths, $T = \theta_0^\top\theta_0$)."
    )
    force = derivative(loss, b, h) - derivative(loss, B, outer(h, theta_0))
    proof.zero("D_b L[h] = D_B L[h theta_0']", substitute(force, gap))
    gap_matrix = optimal - start
    moved = gap_matrix - outer(gap_matrix @ theta_0, theta_0) / (1 + T)
    back = moved + outer(moved @ theta_0, theta_0)
    proof.zero("D solves the equation", _entries(back - gap_matrix))
    for eta, tokens in ((1, m + 1), (0, m)):
        blocks, k, _ = _matrix_code().mixed_key_query(_matrix_world(FIELD(0), eta))[:3]
        lift = {start: start / w, N: tokens}  # the code's gauge is w = 1: its start is w_0 B_0
        end = blocks.scaled(k)
        expected = substitute(start + moved, lift), substitute(moved @ theta_0, lift)
        proof.zeros(
            f"matrix code, eta = {eta}, any covariance",
            [_entries(end.B - expected[0]), _entries(outer(end.b - expected[1], theta_0)), end.q, end.v_x, end.w - w],
        )
        _printed_noiseless(proof, eta, tokens)
    proof.brute_force("exact gradient and risk at the matrix code's point", _points(Fraction(0)))


def _entries(difference: Any) -> Scalar:
    """x'Mz with free x and z, theta_0'theta_0 = T: zero if and only if the matrix M is."""
    return substitute(Scalar.of(vector("x") @ difference @ vector("z")), {theta_0 @ theta_0: T})


def _printed_noiseless(proof: Proof, eta: int, tokens: Any) -> None:
    lift = Roots(FIELD)
    world = fixed_points.IsotropicWorld(lift(d), lift(0), lift(s), lift(m), lift(m), 0, lift(w), eta)
    point = fixed_points.mixed_kq(world)
    first = fixed_points.pretrained(world).w  # a: the start is B_0 = a I in the gauge w = 1
    # B = beta I + gamma theta_0 theta_0', b = delta theta_0, b - B theta_0 conserved: delta - gamma s - beta = -a,
    # and the
    # family: beta = 0 and gamma + delta = N/((m+2) s).
    proof.zeros(
        f"printed scalars, eta = {eta}",
        [point.beta, point.q, point.alpha, point.w - 1,
         point.gamma + point.delta - tokens / ((m + 2) * s), point.delta - point.gamma * s + first],
    )  # fmt: skip
    formed = isotropic.contract(point.scalars, *map(lift, (d, 0, s)))
    proof.zeros(
        f"printed contractions, eta = {eta}",
        [x - y for x, y in zip(point.filled(lift(s)), formed.filled(lift(s)), strict=True)],
    )


def _points(noise: Fraction) -> Any:
    """The matrix code in Fractions: d = 1, 2 and m = 1, 2, both conventions, a given value scale."""
    cases = [([[2]], [3], 1), ([[2, 1], [1, 3]], [1, -2], 1), ([[2, 1], [1, 3]], [1, -2], 2)]
    for sigma, target, shots in cases:
        arrays = [np.array(x, dtype=object) + Fraction(0) for x in (sigma, target)]
        for eta, normalization in ((1, "tokens"), (0, "shots")):
            psi = arrays[0] + 1 if eta else None
            world = dense_fixed_points.DenseWorld(
                arrays[0], psi, arrays[1], noise, 4, shots, 0, Fraction(3, 2), eta
            )  # fmt: skip
            blocks, k, _ = dense_fixed_points.mixed_key_query(world)[:3]
            end = blocks.scaled(k)
            v: Any
            Q: Any
            v, Q = end.matrices()
            _, dQ = enumeration.exact_gradient(v, Q, sigma, target, noise, shots, normalization)
            yield from ((0, slope) for row in dQ for slope in row)
            signal = world.signal_world().target_norm2
            risk = enumeration.exact_risk(v, Q, sigma, target, noise, shots, normalization)
            yield noise + Fraction(2, shots + 2) * signal, risk
            if noise == 0:
                begin = dense_fixed_points.pretrained(world)
                start_B = begin.blocks.scaled(begin.scale).B
                kept = end.b - end.B @ arrays[1] + start_B @ arrays[1]
                yield from ((0, x) for x in kept)


TOTAL = Theorem(
    name="R6",
    title="Mixed, key-query alone: total memorisation",
    statement=(
        r"With $v = (0, 0, w)$, $w \ne 0$, $\sigma^2 > 0$ and $m \ge 1$, the unique minimiser over all Q of "
        r"$L_{ZS} + \lambda L_{FS}(m)$, for every $\lambda > 0$ and $\Sigma$, is $B = 0$, $q = 0$, "
        r"$q_{xy} = N\theta_0/(w(m+2)\nu)$, $\nu = \theta_0^\top\Sigma\theta_0 + \sigma^2$, and the flow ends there. "
        r"$L_{FS}(m) = \sigma^2 + 2s/(m+2)$, for any N."
    ),
    assumptions=(
        r"$\theta_0 \ne 0$; $\Sigma$ positive definite; the last row of Q, which meets an empty slot, does not count.",
    ),
    source="New here.",
    derive=derive,
)

NOISELESS = Theorem(
    name="R6.noiseless",
    title="Without noise the minimisers are flat; the flow keeps b - B theta_0",
    statement=(
        r"At $\sigma^2 = 0$ the odd-symmetric minimisers are $q = 0$, $B + q_{xy}\theta_0^\top = P^\star = "
        r"N\theta_0\theta_0^\top/((m+2)ws)$. From $B_0$, $q_{xy} = 0$ the flow ends at $B = B_0 + D$, $q_{xy} = "
        r"D\theta_0$, $D = (P^\star - B_0)(I + \theta_0\theta_0^\top)^{-1}$; isotropic, w = 1: "
        r"$\gamma = (\rho + a)/(1 + s)$, $\delta = (\rho s - a)/(1 + s)$, $\rho = N/((m+2)s)$."
    ),
    assumptions=(r"$\theta_0 \ne 0$; $\Sigma$ positive definite; $m \ge 1$; flat metric on Q.",),
    source="New here.",
    derive=derive_noiseless,
)

THEOREMS = (TOTAL, NOISELESS)
