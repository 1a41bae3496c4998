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
from typing import Any, NamedTuple

from .. import laws, points
from ..contractions import Tasks, contract
from ..kinds import FRACTIONS
from ..matrices import Matrices
from ..prompt import training_tokens
from ..risk_formula import exact_risk_formula
from ..wick import Gaussian, Matrix, Scalar, derivative, expectation, identity, matrix, outer, substitute, trace, vector
from .enumeration import exact_average_gradient, exact_average_risk
from .hypotheses import Given
from .printed_lines import run_lines
from .printed_names import symbols
from .r0_model import (
    FIELD,
    B,
    N,
    Sigma,
    attention,
    b,
    d,
    d_in_field,
    eps,
    kappa,
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
from .unknowns import Unknowns, symbolic_world

m = n  # the shots of a pretraining prompt
Psi = matrix("Psi", symmetric=True)
K, M, H = matrix("K", symmetric=True), matrix("M"), matrix("H")
NAMES = symbols(Sigma, Psi=Psi, M=M, K=K, H=H, N=N, m=m, sigma2=sigma2, eta=N - m)

CORE_LINES = (
    "A = (m + 1)*Sigma @ Psi @ Sigma + (trace(Psi @ Sigma) + sigma2)*Sigma\n"
    "C = N**2*trace(Psi @ Sigma) - 2*N*m*trace(M @ Sigma @ Psi @ Sigma) + m*trace(M @ A @ M.T @ Sigma)"
)
CORE_OF_SHOT = "M = w*B + outer(q_xy, v_x)\ncore = y*(x_q @ M @ x)"
SHOT_LINE = "rho = (v_x @ x)*(u @ x) + w*beta*y**2 + q*(v_x @ x + w*y)"
A: Matrix = run_lines(CORE_LINES, NAMES)[0]["A"]
SOLVED: Matrix = Psi.inverse @ Sigma.inverse @ A / N  # the inverse of the K that solves A K = N Sigma Psi


def derive(proof: Proof) -> None:
    """The theorem, step by step."""
    _split(proof)
    _minimise(proof)
    _printed_optimum(proof)
    _complete_the_square(proof)
    _uniqueness(proof)
    proof.brute_force("enumeration: zero gradient in every entry, and the printed risk", _points())


def _split(proof: Proof) -> None:
    proof.step(
        r"Write $N\hat y = \mathrm{core} + \mathrm{rest}$ with $\mathrm{core} = \sum_i y_i\, x_q^\top M x_i$, "
        r"$M = wB + b v_x^\top$: all terms in which $x_i$ and the query occur once beside one label. Given "
        r"the task, $E[(N y_q - \mathrm{core})\,\mathrm{rest}]$ is odd in $\theta$; a symmetric prior "
        r"averages it to zero. So $N^2(L - \sigma^2) = C + E_{rest}$, the mean squares of $N\theta^\top x_q - "
        r"\mathrm{core}$ and of rest."
    )
    names = NAMES | {"w": w, "B": B, "q_xy": b, "v_x": v_x, "x": x, "x_q": x_q, "y": y}
    in_core = (w * (x_q @ B @ x) + (b @ x_q) * (v_x @ x)) * y
    proof.formula("what a shot contributes to the core", CORE_OF_SHOT, names, core=in_core, main=True)
    cross = cross_term()
    proof.zero("core and rest are orthogonal under a symmetric prior", cross + substitute(cross, {theta: -1 * theta}))


def cross_term() -> Scalar:
    """E[(N y_q - core) rest] on one task."""
    in_core = run_lines(
        CORE_OF_SHOT, {"w": w, "B": B, "q_xy": b, "v_x": v_x, "x": x, "x_q": x_q, "y": y, "outer": outer}
    )
    core = shots.sum(in_core[0]["core"])
    rest = attention() - core
    return expectation((N * (theta @ x_q) - core) * rest, shots, x_q)


def _minimise(proof: Proof) -> None:
    core = shots.sum(y * (x_q @ M @ x))
    missed = N * (theta @ x_q) - core
    on_task = expectation(missed * missed, shots, x_q)
    tau = Gaussian("tau", covariance=Psi)
    proof.step(r"On one task C is of degree 2 in $\theta$, so that of the law of the tasks only $\Psi$ enters.")
    zero, one, two = (substitute(on_task, {theta: c * theta}) for c in (0, 1, 2))
    proof.zero("only Psi enters", two - 4 * one + 3 * zero)
    C = expectation(substitute(on_task, {theta: tau}), tau)
    proof.formula("what the core misses, averaged over tasks", CORE_LINES, NAMES, C=C, main=True)
    proof.step(r"Its derivative at $M = K$, along any H, vanishes if $AK = N\Sigma\Psi$.")
    proof.formula(
        "the derivative at K",
        "D_H == 2*m*trace(H @ (A @ K - N*Sigma @ Psi) @ Sigma)",
        NAMES | {"A": A, "D_H": substitute(derivative(C, M, H), {M: K})},
    )


class Pretrained(NamedTuple):
    """What laws.pretrained does on symbols: the matrix that it inverts, its product wB and what else it knows."""

    inverted: Matrix
    product: Matrix
    gain: Any
    residual: Any


PER_TOKEN, GAIN = 1 / FIELD(N), (m + 1) / FIELD(N)


def printed(task_covariance: Any, per_token: Any = PER_TOKEN, gain: Any = GAIN) -> Pretrained:
    """The printed law, run as it stands with a symbol K for the inverse; N is any number."""
    space = Unknowns(K)
    numbers = {"psi": task_covariance, "d": d_in_field, "per_token": per_token, "gain": gain}
    point = laws.pretrained(symbolic_world(space, Sigma, theta, sigma2, **numbers))
    ((inverted,),) = space.asked
    return Pretrained(inverted, point.w * point.B, point.gain, point.residual)


def _printed_optimum(proof: Proof) -> None:
    proof.step(
        r"This K is what is printed, the inverse of $\Psi^{-1}\Sigma^{-1}A/N$, which is symmetric; hence so is K."
    )
    X, product, gain, _ = printed(Psi)
    proof.zeros("the printed K solves A K = N Sigma Psi, and is symmetric", [X - SOLVED, X - X.T, product - K])
    proof.zero("what the law knows of its B: B Sigma", gain - K @ Sigma)
    told = [(training_tokens(FIELD(m), kind), FIELD(N)) for kind, N in (("tokens", m + 1), ("shots", m), (FIELD(N), N))]
    proof.zeros("what the law is told of N", (x for (one, all), N in told for x in (one - 1 / N, all - (m + 1) / N)))
    names = NAMES | {"inv": {K: SOLVED, Psi: Psi.inverse}.__getitem__}
    proof.formula(
        "the minimiser", "inv(K) == ((m + 1)*Sigma + (trace(Psi @ Sigma) + sigma2)*inv(Psi))/N", names, main=True
    )
    proof.step(r"Tasks on the unit sphere: $\Psi = I/d$.")
    on_sphere = substitute(substitute(SOLVED, {Psi: identity / d_in_field}), {trace(identity): d_in_field})
    X, product, gain, residual = printed(None)
    X = substitute(X, {trace(identity): d_in_field})
    proof.zero("the printed K on the unit sphere", X - on_sphere)
    proof.zeros(
        "what the law knows of its B: B Sigma, and I - B Sigma by K X = I",
        [
            gain - K @ Sigma,
            substitute(residual, {trace(identity): d_in_field}) - (identity - K @ Sigma) - (K @ X - identity),
        ],
    )
    proof.formula(
        "unit sphere",
        "inv(K) == ((m + 1)*Sigma + (trace(Sigma) + d*sigma2)*I)/N",
        NAMES | {"d": d_in_field, "inv": {K: on_sphere}.__getitem__},
    )
    proof.step(
        r"As $m \to \infty$, with $N = m + \eta$, $wB \to \Sigma^{-1}$, which is what is printed for $m = \infty$."
    )
    proof.formula(
        "the approach to m = infinity",
        "inv(K) == Sigma + ((1 - eta)*Sigma + (trace(Psi @ Sigma) + sigma2)*inv(Psi))/(m + eta)",
        names,
    )
    proof.zeros("m = infinity", [printed(psi, 0, 1).inverted - Sigma for psi in (None, Psi)])


def _complete_the_square(proof: Proof) -> None:
    proof.step(r"Complete the square: insert $\Psi = \Sigma^{-1}AK/N$ into C, beside the symmetric matrix A.")
    a, rest = matrix("A", symmetric=True), kappa
    names = NAMES | {"A": a, "Psi": Sigma.inverse @ a @ K / N}
    core_line = CORE_LINES.splitlines()[1]
    C, least = (run_lines(core_line, names | {"M": at})[0]["C"] for at in (M, K))
    proof.formula(
        "the loss of any model, odd-symmetric or not",
        "L_star = sigma2 + trace(Psi @ Sigma) - m*trace(K @ Sigma @ Psi @ Sigma)/N\n"
        "N**2*(L - L_star) == m*trace((M - K) @ A @ (M - K).T @ Sigma) + E_rest",
        names | {"L": sigma2 + (C + rest) / N**2, "E_rest": rest},
        L_star=sigma2 + least / N**2,
        main=True,
    )
    proof.step(
        r"With $\Sigma = PP^\top$ and $\Psi = RR^\top$ the square is a sum of squared Frobenius norms, positive for "
        r"$M - K = H \ne 0$: the minimiser M = K of C is unique."
    )
    P, R = matrix("P"), matrix("R")
    roots = {Sigma: P @ P.T, Psi: R @ R.T}
    proof.formula(
        "the square",
        "trace(H @ A @ H.T @ Sigma) == (m + 1)*frobenius2(P.T @ H @ Sigma @ R)"
        " + (frobenius2(P.T @ R) + sigma2)*frobenius2(P.T @ H @ P)",
        symbols(P @ P.T, A=substitute(A, roots), H=H, P=P, R=R, m=m, sigma2=sigma2),
    )


def _uniqueness(proof: Proof) -> None:
    proof.step(
        r"Equality needs M = K and rest = 0. In an odd-symmetric model rest sums $\rho$ over the shots, with $u = B^\top "
        r"x_q$ and $\beta = b^\top x_q$, besides the query's own term."
    )
    shot = substitute(token(x, y), {v_0: 0, r_x: 0, r_y: 0, p: 0})
    in_core = (w * (x_q @ B @ x) + (b @ x_q) * (v_x @ x)) * y
    names = symbols(Sigma, v_x=v_x, theta=theta, x=x, y=y, w=w, q=q, sigma2=sigma2)
    of_model = names | {"u": x_q @ B, "beta": b @ x_q}
    proof.formula("what a shot leaves in rest", SHOT_LINE, of_model, rho=shot - in_core)
    proof.step(
        r"By the law of total variance $E_{rest} \ge m\,E\,V_\rho$, and $V_\rho$, the variance over a shot, is "
        r"a sum of squares."
    )
    any_query = names | {"u": vector("u"), "beta": u_y}
    rho = run_lines(SHOT_LINE, any_query)[0]["rho"]
    mean = expectation(rho, x, eps)
    proof.formula(
        "the variance over a shot",
        "S = (outer(v_x, u) + outer(u, v_x))/2 + w*beta*outer(theta, theta)\n"
        "V_rho = 2*trace(S @ Sigma @ S @ Sigma) + 2*w**2*beta**2*sigma2*(2*norm2(theta) + sigma2)"
        " + q**2*(norm2(v_x + w*theta) + w**2*sigma2)",
        any_query,
        V_rho=expectation(rho * rho, x, eps) - mean * mean,
    )
    noise, dimension = FIELD(sigma2), FIELD(d)
    part = "for uniqueness"
    proof.positive("the noise's share of the square in w beta", 2 * noise**2, where=part)
    proof.word("unique", dimension - 1, ("unique", "not unique"), where=part)  # rank K = d, against rank 1
    proof.step(
        r"With noise they vanish for every query only if $w b = 0$, $q w = 0$, then $q v_x = 0$ and "
        r"$v_x = 0$ or $B = 0$. If $w = 0$, $M = b v_x^\top$ has rank one, and K is invertible: impossible "
        r"for $d \ge 2$; at d = 1 it is the family $b v_x = K$, $B = 0$, $q = 0$. If $w \ne 0$: $b = 0$, $q = "
        "0$, $wB = K$ is invertible, so $v_x = 0$."
    )


def matrix_world(
    sigma: Any, psi: Any, target: Any, shots: int, convention: Any, value_scale: Any = None
) -> points.World:
    """A world of arrays of exact numbers."""
    per_token, gain = training_tokens(Fraction(shots), convention)
    dim = len(sigma)
    rest = (per_token, gain, None, None, 0, value_scale)
    return points.World(Matrices(dim, FRACTIONS), sigma, psi, target, Fraction(dim), NOISE, *rest)


def _points() -> Iterator[tuple[Any, Any]]:
    for dim, count, on_sphere in ((1, 1, False), (1, 2, True), (2, 1, False), (2, 2, True)):
        sigma, psi = covariance(dim, 5 * dim + count), None if on_sphere else covariance(dim, 50 + dim)
        for convention in CONVENTIONS:
            world = matrix_world(sigma, psi, rationals(dim, seed=9), count, convention, Fraction(2))
            space, point = world.space, laws.pretrained(world)
            layer, scale = point.layer(world), laws.pretrained_scale(world)
            (head,) = layer.heads
            v, Q = list(scale * head.v), (head.Q / scale).tolist()
            dv, dQ = exact_average_gradient(v, Q, sigma, NOISE, count, psi, convention)
            yield [*dv, *(entry for row in dQ for entry in row)], [0] * ((dim + 2) * (dim + 3))
            prior, moment = (psi, 1) if psi is not None else (unit_matrix(dim) / dim, Fraction(dim, dim + 2))
            if dim == 1:  # the other family: the roles of x and y exchanged
                a = point.B[0, 0]
                other = [0, 1, 0], [[0, 0, 0], [0, 0, a], [0, 0, 0]]
                twin = exact_average_risk(*other, sigma, NOISE, count, psi, convention)
                yield twin, exact_average_risk(v, Q, sigma, NOISE, count, psi, convention)
            tasks = Tasks(0 * space.label, space.token_operator(prior, 0), moment)
            terms = contract(space, world.inputs(), layer, tasks)
            coordinates = exact_average_risk(v, Q, sigma, NOISE, count, psi, convention)
            yield exact_risk_formula(terms, count, convention), coordinates


THEOREM = Theorem(
    "R1",
    "the pretrained model: global minimum of the pretraining loss among all (v, Q)",
    r"Among ALL $(v, Q)$, odd-symmetric or not, the pretraining loss L is least, $L^*$, where wB is K and all else zero. Any other "
    r"model exceeds it as follows, by two terms that are not negative: a prediction sums the core of its shots and a rest, whose "
    r"mean square is $E_{rest}$; C is the mean square of what the core misses, least where M is K. Among odd-symmetric models the minimum is <<unique>>, up to the value scale.",
    (
        "The law of the tasks is symmetric, with covariance Psi and finite fourth moments; Sigma and Psi are "
        "positive definite.",
    ),
    "form: Ahn et al. 2023 (arXiv 2306.00297); among all parameters, with noise and the query's own token: new here",
    derive,
    (Given("sigma2 > 0", "for uniqueness"), Given("d >= 2", "for uniqueness")),
)
