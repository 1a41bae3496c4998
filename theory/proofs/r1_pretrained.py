r"""R1: the pretrained model is the global minimum of the pretraining loss over ALL (v, Q).

Statement. Tasks have a law symmetric under :math:`\theta \to -\theta` with :math:`E\theta\theta^\top = \Psi`
(Gaussian, spherical, or any other); prompts have :math:`m \ge 1` shots. With :math:`M = wB + b v_x^\top`,

.. math::

    L(v, Q) = L^* + \frac{m}{N^2}\,\mathrm{tr}\,(M - K)A(M - K)^\top\Sigma + \frac{1}{N^2} E\,\mathrm{rest}^2,
    \qquad A = (m+1)\,\Sigma\Psi\Sigma + (\mathrm{tr}\,\Psi\Sigma + \sigma^2)\,\Sigma,

    K = N\,[(m+1)\,\Sigma + (\mathrm{tr}\,\Psi\Sigma + \sigma^2)\,\Psi^{-1}]^{-1},

for every entry of v and Q, where ``rest`` is the part of :math:`N\hat y` other than :math:`\sum_i y_i\,
x_q^\top M x_i`. Both extra terms are non-negative, and both vanish at :math:`wB = K`, all else zero. So this
point is a global minimum among all (v, Q), odd-symmetric or not; no condition on :math:`\Sigma, \Psi` is
needed beyond positive definiteness. Among odd-symmetric models with :math:`\sigma^2 > 0` it is the only one
up to the value scale for :math:`d \ge 2`. At d = 1 there is exactly one other family, :math:`b v_x = K`, all
else zero, with the same prediction.

Only second moments of the tasks enter K: the loss is of degree 4 in :math:`\theta`, its core of degree 2.

Source: the form of K is that of Ahn et al. 2023 (arXiv 2306.00297, Theorem 1; Mahankali et al. 2023, arXiv
2307.03576, for isotropic tasks); the query's own token, label noise with general (Sigma, Psi), and the
all-parameter proof are new here.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from .. import dense, dense_fixed_points, risk_formula
from ..wick import (
    Gaussian,
    Matrix,
    Scalar,
    Vector,
    expectation,
    identity,
    matrix,
    outer,
    substitute,
    trace,
    vector,
)
from .enumeration import exact_average_gradient, exact_average_risk
from .r0_arrays import Array, on_symbols
from .r0_model import (
    SIGMA,
    B,
    N,
    Sigma,
    attention,
    b,
    d_in_field,
    eps,
    n,
    p,
    q,
    r_x,
    r_y,
    shots,
    sigma2,
    theta,
    token,
    u_y,
    v_0,
    v_x,
    w,
    x,
    x_q,
    y,
)
from .r0_points import CONVENTIONS, NOISE, covariance, rationals
from .r0_points import identity as unit_matrix
from .theorem import Proof, Theorem

SymbolicWorld: Any = dense_fixed_points.DenseWorld  # whose fields may hold symbols, not NumPy arrays
m = n  # the shots of a pretraining prompt
Psi = matrix("Psi", symmetric=True)
K, M = matrix("K", symmetric=True), matrix("M")
POWER = trace(Psi @ Sigma) + sigma2  # the average label power
A = (m + 1) * (Sigma @ Psi @ Sigma) + POWER * Sigma


def derive(proof: Proof) -> None:
    """The theorem, step by step."""
    _split(proof)
    _complete_the_square(proof)
    _printed_optimum(proof)
    _uniqueness(proof)
    proof.brute_force("enumeration: zero gradient in every entry, and the printed risk", _points())


def _split(proof: Proof) -> None:
    proof.step(
        r"Write $N\hat y = \mathrm{core} + \mathrm{rest}$ with $\mathrm{core} = \sum_i y_i\, x_q^\top M x_i$, "
        r"$M = wB + b v_x^\top$: all terms in which $x_i$ and the query occur once beside one label. Given "
        r"the task, $E[(N y_q - \mathrm{core})\,\mathrm{rest}]$ is odd in $\theta$; a symmetric prior "
        "averages it to zero."
    )
    cross = cross_term()
    proof.zero("core and rest are orthogonal under a symmetric prior", cross + substitute(cross, {theta: -1 * theta}))
    proof.step(r"So $N^2(L - \sigma^2) = E(N\theta^\top x_q - \mathrm{core})^2 + E\,\mathrm{rest}^2$.")


def cross_term() -> Scalar:
    """E[(N y_q - core) rest] on one task."""
    core = shots.sum(y * (x_q @ (w * B + outer(b, v_x)) @ x))
    rest = attention() - core
    return expectation((N * (theta @ x_q) - core) * rest, shots, x_q)


def core_excess(M: Matrix) -> Scalar:
    """E(N theta.x_q - core)^2 at given M, averaged over tasks of covariance Psi."""
    excess: Scalar = (
        N**2 * trace(Psi @ Sigma) - 2 * N * m * trace(M @ Sigma @ Psi @ Sigma) + m * trace(M @ A @ M.T @ Sigma)
    )
    return excess


def _complete_the_square(proof: Proof) -> None:
    core = shots.sum(y * (x_q @ M @ x))
    residual = N * (theta @ x_q) - core
    on_task = expectation(residual * residual, shots, x_q)
    tau = Gaussian("tau", covariance=Psi)
    zero, one, two = (substitute(on_task, {theta: c * theta}) for c in (0, 1, 2))
    proof.zero(r"the core is of degree 2 in theta: only Psi enters", two - 4 * one + 3 * zero)
    proof.zero("core loss", expectation(substitute(on_task, {theta: tau}), tau) - core_excess(M))
    proof.step(
        r"Complete the square: $\mathrm{core}(K + H) - \mathrm{core}(K) - m\,\mathrm{tr}HAH^\top\Sigma = "
        r"2m\,\mathrm{tr}\,H(AK - N\Sigma\Psi)\Sigma$, which vanishes for $AK = N\Sigma\Psi$."
    )
    H = matrix("H")
    square = m * trace(H @ A @ H.T @ Sigma)
    linear = 2 * m * trace(H @ (A @ K - N * (Sigma @ Psi)) @ Sigma)
    proof.zero("completing the square", core_excess(K + H) - core_excess(K) - square - linear)
    proof.step(
        r"With $\Sigma = LL^\top$, $\Psi = RR^\top$ the square is $(m+1)|L^\top H\Sigma R|_F^2 + "
        r"(\mathrm{tr}\Psi\Sigma + \sigma^2)|L^\top H L|_F^2$, positive for $H \ne 0$: the minimiser M = K is "
        "unique."
    )
    least = N**2 * trace(Psi @ Sigma) - N * m * trace(K @ Sigma @ Psi @ Sigma)
    defect = m * trace(K @ (A @ K - N * (Sigma @ Psi)) @ Sigma)
    proof.zero("N^2 (L* - sigma^2) = N^2 tr Psi Sigma - N m tr K Sigma Psi Sigma", core_excess(K) - least - defect)
    L, R = matrix("L"), matrix("R")
    Z, Y = L.T @ H @ L @ L.T @ R, L.T @ H @ L
    frobenius = m * ((m + 1) * trace(Z @ Z.T) + (trace((R.T @ L) @ (R.T @ L).T) + sigma2) * trace(Y @ Y.T))
    rooted = substitute(square, {Sigma: L @ L.T, Psi: R @ R.T})
    proof.inequality("the square is a sum of squared Frobenius norms", bool(rooted - frobenius == 0))


def printed_inverse(task_covariance: Any, query_counts: Any = N - n) -> tuple[Matrix, Matrix]:
    """What dense_fixed_points.pretrained_product prints, run on symbols: the matrix that it inverts, and its result."""
    inverted: list[Matrix] = []

    def inverse(a: Array) -> Array:
        if a == Array.of(Psi):
            return a.inverse
        inverted.append(a)
        return Array.of(K)

    code = on_symbols(dense_fixed_points, inverse=inverse, len=lambda array: d_in_field)
    world = SymbolicWorld(SIGMA, task_covariance, theta, sigma2, n, None, 0, None, query_counts)
    result = code.pretrained_product(world)
    return inverted[0], result


def _printed_optimum(proof: Proof) -> None:
    proof.step(
        r"The printed K is the inverse of $X = [(m+1)\Sigma + (\mathrm{tr}\Psi\Sigma + "
        r"\sigma^2)\Psi^{-1}]/N$. Then $AK - N\Sigma\Psi = (A - N\Sigma\Psi X)K$, and the bracket is zero. X "
        "is symmetric, hence so is K."
    )
    X, result = printed_inverse(Array.of(Psi))
    proof.zeros("the printed K solves A K = N Sigma Psi", [A - N * (Sigma @ Psi @ X), X - X.T, result - K])
    proof.step(r"Tasks on the unit sphere: $\Psi = I/d$.")
    X, _ = printed_inverse(None)
    on_sphere = {Psi: identity / d_in_field}
    residual = substitute(A, on_sphere) - N * (Sigma @ X) / d_in_field
    proof.zero("unit sphere", substitute(residual, {trace(identity): d_in_field}))
    proof.step(
        r"As $m \to \infty$, $X = \Sigma + [(1 - \eta)\Sigma + (\mathrm{tr}\Psi\Sigma + "
        r"\sigma^2)\Psi^{-1}]/(m + \eta) \to \Sigma$, so $wB \to \Sigma^{-1}$, which is what is printed for "
        r"$m = \infty$."
    )
    X, _ = printed_inverse(Array.of(Psi))
    remainder = ((n + 1 - N) * Sigma + POWER * Psi.inverse) / N
    code = on_symbols(dense_fixed_points, inverse=lambda a: a.inverse)
    world = SymbolicWorld(SIGMA, None, theta, sigma2, float("inf"), None, 0, None, 1)
    proof.zeros("m = infinity", [X - Sigma - remainder, code.pretrained_product(world) - Sigma.inverse])


def _uniqueness(proof: Proof) -> None:
    proof.step(
        r"Equality needs M = K and rest = 0. In an odd-symmetric model rest sums $\rho = v_x^\top x\,u^\top x "
        r"+ w \beta y^2 + q(v_x^\top x + w y)$ over the shots, $u = B^\top x_q$, $\beta = b^\top x_q$, "
        r"besides the query's own term. By the law of total variance $E\,\mathrm{rest}^2 \ge "
        r"m\,E\,\mathrm{Var}\rho$, and $\mathrm{Var}\rho = 2\,\mathrm{tr}(S\Sigma)^2 + 2w^2\beta^2\sigma^2(2s "
        r"+ \sigma^2) + q^2(|v_x + w\theta|_\Sigma^2 + w^2\sigma^2)$ with $S = (v_x u^\top + u v_x^\top)/2 + "
        r"w\beta\theta\theta^\top$: a sum of squares."
    )
    u = vector("u")
    rho = Scalar.of((v_x @ x) * (u @ x) + w * u_y * (y * y) + q * (v_x @ x + w * y))
    mean = expectation(rho, x, eps)
    S: Matrix = (outer(v_x, u) + outer(u, v_x)) / 2 + (w * u_y) * outer(theta, theta)
    both: Vector = v_x + w * theta
    signal = theta @ Sigma @ theta
    squares = (
        2 * trace(S @ Sigma @ S @ Sigma)
        + 2 * w**2 * u_y**2 * sigma2 * (2 * signal + sigma2)
        + q**2 * (both @ Sigma @ both + w**2 * sigma2)
    )
    odd = {v_0: 0, r_x: 0, r_y: 0, p: 0}
    shot = substitute(token(x, y), odd)
    in_core = (w * (x_q @ B @ x) + (b @ x_q) * (v_x @ x)) * y
    proof.zero("what the shots leave in rest", shot - in_core - substitute(rho, {u: x_q @ B, u_y: b @ x_q}))
    proof.inequality("Var rho is a sum of squares", bool(expectation(rho * rho, x, eps) - mean * mean - squares == 0))
    proof.step(
        r"With $\sigma^2 > 0$ they vanish for every query only if $w b = 0$, $q w = 0$, then $q v_x = 0$ and "
        r"$v_x = 0$ or $B = 0$. If $w = 0$, $M = b v_x^\top$ has rank one, and K is invertible: impossible "
        r"for $d \ge 2$; at d = 1 it is the family $b v_x = K$, $B = 0$, $q = 0$. If $w \ne 0$: $b = 0$, $q = "
        "0$, $wB = K$ is invertible, so $v_x = 0$."
    )


def _points() -> Iterator[tuple[Any, Any]]:
    for dim, count, on_sphere in ((1, 1, False), (1, 2, True), (2, 1, False), (2, 2, True)):
        sigma, psi = covariance(dim, 5 * dim + count), None if on_sphere else covariance(dim, 50 + dim)
        for convention in CONVENTIONS:
            eta = 1 if convention == "tokens" else 0
            target = rationals(dim, seed=9)
            world = SymbolicWorld(sigma, psi, target, NOISE, Fraction(count), None, 0, Fraction(2), eta)
            found = dense_fixed_points.pretrained(world)
            v, Q = map(list, found.blocks.scaled(found.scale).matrices())
            dv, dQ = exact_average_gradient(v, Q, sigma, NOISE, count, psi, convention)
            yield [*dv, *(entry for row in dQ for entry in row)], [0] * ((dim + 2) * (dim + 3))
            prior, moment = (psi, 1) if psi is not None else (unit_matrix(dim) / dim, Fraction(dim, dim + 2))
            if dim == 1:  # the other family: the roles of x and y exchanged
                a = found.blocks.B[0, 0]
                other = [0, 1, 0], [[0, 0, 0], [0, 0, a], [0, 0, 0]]
                twin = exact_average_risk(*other, sigma, NOISE, count, psi, convention)
                yield twin, exact_average_risk(v, Q, sigma, NOISE, count, psi, convention)
            terms = dense.average_terms(found.blocks, sigma, NOISE, prior, moment)
            coordinates = exact_average_risk(v, Q, sigma, NOISE, count, psi, convention)
            yield risk_formula.exact_risk_formula(terms, count, convention), coordinates


THEOREM = Theorem(
    "R1",
    "the pretrained model: global minimum of the pretraining loss among all (v, Q)",
    r"$L(v,Q) = L^* + \frac{m}{N^2}\mathrm{tr}(M-K)A(M-K)^\top\Sigma + \frac1{N^2}E\,\mathrm{rest}^2$, $M = "
    r"wB + b v_x^\top$; minimal at $wB = K = N[(m+1)\Sigma + "
    r"(\mathrm{tr}\Psi\Sigma+\sigma^2)\Psi^{-1}]^{-1}$, all else zero.",
    (
        "The law of the tasks is symmetric, with covariance Psi and finite fourth moments; Sigma and Psi are "
        "positive definite.",
        "m >= 1. For uniqueness: an odd-symmetric model, sigma^2 > 0, d >= 2.",
    ),
    "form: Ahn et al. 2023 (arXiv 2306.00297); among all parameters, with noise and the query's own token: new here",
    derive,
)
