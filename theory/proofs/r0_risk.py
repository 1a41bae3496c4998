r"""R0: the exact risk at arbitrary parameters.

Statement. For every entry of (v, Q), every :math:`\Sigma`, task :math:`\theta`, noise :math:`\sigma^2` and
number n of shots,

.. math::

    N^2 (\mathrm{risk} - \sigma^2)
        = |n a + e - (1-\eta)\theta|_\Sigma^2 + (n a_0 + e_0)^2 + n V + W, \qquad N = n + \eta,

:math:`\eta = 1` ("tokens") or 0 ("shots", n >= 1; at n = 0 both have N = 1), where :math:`|u|_\Sigma^2 =
u^\top\Sigma u` and

* :math:`\theta - a` and :math:`-a_0` are the linear and the constant part, in :math:`x_q`, of one shot's mean
  contribution;
* :math:`\theta - e` and :math:`-e_0` are those of the query's own token;
* :math:`V = E_{x_q}[\,|v|_C^2 |u|_C^2 + (u, v)_C^2 + |v_0 u + u_0 v|_C^2\,]` is the variance of one shot,
  with :math:`u = Q^\top z_q`, C the covariance of (x, y), and :math:`v_0, u_0` the constant entries;
* W is the mean square of the quadratic and cubic Hermite parts of the query's own token.

All of them are free of n. V and W are expectations of squares, so the risk is never below :math:`\sigma^2`.

Source: the calculation is new here; the model is that of Lee, Sohn and Lee 2026 (arXiv 2602.23197).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from sympy import QQ
from sympy.polys.fields import field

from .. import dense, risk_formula
from ..risk_formula import RiskTerms, Square
from ..wick import Scalar, Vector, expectation, matrix, substitute, trace, vector
from .enumeration import exact_risk
from .r0_arrays import Array, on_symbols, polarised
from .r0_model import (
    BLOCKS,
    FIELD,
    SIGMA,
    B,
    N,
    Sigma,
    b,
    eps,
    excess,
    k,
    n,
    p,
    printed_excess,
    q,
    r_x,
    r_y,
    sigma2,
    theta,
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
from .r0_points import CONVENTIONS, NOISE, point
from .theorem import Proof, Theorem


def derive_formula(proof: Proof) -> None:
    """The arithmetic of `risk_formula`, for squares and variances that are free symbols."""
    proof.step(
        "The sum of squares with its divisor, for free symbols $g_i, a_i, e_i, t_i, V, W$. $N = n + 1$ with "
        r"'tokens', so that $1 - \eta = 0$; $N = n$ with 'shots', $1 - \eta = 1$, but for $n = 0$, where $N = "
        "1$ as with 'tokens'."
    )
    names = "sigma2 n V W " + " ".join(f"g{i} a{i} e{i} t{i}" for i in (1, 2))
    _, noise, shot_count, V, W, *rest = field(names, QQ)
    squares = (Square(*rest[:4]), Square(*rest[4:]))
    terms = RiskTerms(noise, squares, V, W)

    def statement(count: Any, tokens: Any, missing: int) -> Any:
        biases = sum(g * (count * a + e - missing * t) ** 2 for g, a, e, t in squares)
        return noise + (biases + count * V + W) / tokens**2

    formula = risk_formula.exact_risk_formula
    proof.zeros(
        "exact_risk_formula: both normalizations, n a symbol",
        [
            formula(terms, shot_count, "tokens") - statement(shot_count, shot_count + 1, 0),
            formula(terms, shot_count, "shots") - statement(shot_count, shot_count, 1),
            formula(terms, 0, "shots") - statement(0, 1, 0),
            formula(terms, 1, "shots") - statement(1, 1, 1),
            formula(terms, 0, "tokens") - statement(0, 1, 0),
        ],
    )
    c_0, c_1, c_2 = terms.coefficients()
    parabola = noise + (c_0 + c_1 * shot_count + c_2 * shot_count**2) / (shot_count + 1) ** 2
    proof.zero("c_0 + c_1 n + c_2 n^2 with 'tokens'", formula(terms, shot_count, "tokens") - parabola)
    proof.step(
        r"As $n \to \infty$ the risk tends to $\sigma^2 + c_2$, since $N/n \to 1$: the difference below has "
        "$1/N$ as a factor."
    )
    limit = risk_formula.limit_of_many_shots(terms)
    gap = formula(terms, shot_count, "tokens") - limit
    proof.zero(
        "limit_of_many_shots",
        gap - ((c_1 - 2 * c_2) * shot_count + c_0 - c_2) / (shot_count + 1) ** 2,
    )


def derive_squares(proof: Proof) -> None:
    r"""Gram-Schmidt gives back the quadratic form, whichever of the vectors degenerate."""
    proof.step(
        "Any three vectors are $a = l_1 f_1$, $e = c_1 f_1 + l_2 f_2$, $t = c_2 f_1 + c_3 f_2 + l_3 f_3$ in "
        "an orthonormal frame, where a length $l_k$ is zero or not (and $f_k$ is absent where it is zero): "
        "eight cases."
    )
    K, *symbols = field("n m l1 l2 l3 c1 c2 c3", QQ)
    count, missing, *numbers = symbols
    frame = [vector(f"f_{i}") for i in range(3)]
    orthonormal = {frame[i] @ frame[j]: int(i == j) for i in range(3) for j in range(3)}

    def product(u: Vector, v: Vector) -> Any:
        return substitute(u @ v, orthonormal).as_coefficient()

    for case in range(8):
        l_1, l_2, l_3 = (length if case >> i & 1 else K.zero for i, length in enumerate(numbers[:3]))
        c_1, c_2 = (c if l_1 else K.zero for c in numbers[3:5])
        c_3 = numbers[5] if l_2 else K.zero
        a = frame[0] * l_1
        e = frame[0] * c_1 + frame[1] * l_2
        t = frame[0] * c_2 + frame[1] * c_3 + frame[2] * l_3
        whole = a * count + e - t * missing
        for squares in (dense.orthogonal_squares((a, e, t), product), polarised((a, e, t), product)):
            total = sum(g * (count * s + i - missing * h) ** 2 for g, s, i, h in squares)
            proof.zero(f"orthogonal squares, case {case}", total - product(whole, whole))
    proof.step("Each weight of the printed squares is the squared norm of a vector, hence not negative.")


def derive_risk(proof: Proof) -> None:
    """The theorem itself, as in its statement."""
    proof.step(
        r"Fix the query, $u = Q^\top z_q = (u_0, u_x, u_y)$. A shot contributes $(v_0 + v_x^\top x + w y)(u_0 "
        r"+ u_x^\top x + u_y y)$; with $h_x = \Sigma v_x + w\Sigma\theta$, $h_y = \theta^\top h_x + "
        r"w\sigma^2$ its mean is $v_0 u_0 + u_x^\top h_x + u_y h_y$ and its variance $|v|_C^2|u|_C^2 + "
        "(u,v)_C^2 + |v_0 u + u_0 v|_C^2$."
    )
    u_x = vector("u_x")
    shot = Scalar.of(v_0 + v_x @ x + w * y) * (u_0 + u_x @ x + u_y * y)
    h_x = Sigma @ v_x + w * (Sigma @ theta)
    h_y = theta @ h_x + w * sigma2
    mean = expectation(shot, x, eps)
    proof.zero("mean of a shot, given the query", mean - (v_0 * u_0 + u_x @ h_x + u_y * h_y))
    variance = shot_variance(u_0, u_x, u_y)
    proof.zero("variance of a shot, given the query", expectation(shot * shot, x, eps) - mean * mean - variance)

    proof.step(
        r"With $u_0 = q + p^\top x_q$, $u_x = r_x + B^\top x_q$, $u_y = r_y + b^\top x_q$ the mean is linear "
        r"in $x_q$: $(\theta - a)^\top x_q - a_0$ with $\theta - a = v_0 p + B h_x + h_y b$ and $-a_0 = v_0 q "
        r"+ r_x^\top h_x + r_y h_y$."
    )
    a = theta - v_0 * p - B @ h_x - h_y * b
    a_0 = -(v_0 * q + r_x @ h_x + r_y * h_y)
    given_query = {u_0: q + p @ x_q, u_x: r_x + x_q @ B, u_y: r_y + b @ x_q}
    proof.zero("bias that a shot leaves", substitute(mean, given_query) - ((theta - a) @ x_q - a_0))

    proof.step(
        r"The query's own token is $T = (v_0 + v_x^\top x_q)(q + (p + r_x)^\top x_q + x_q^\top B x_q)$. Its "
        r"constant Hermite part is $-e_0 = E\,T$, its linear one $(\theta - e)^\top x_q$ with $\Sigma(\theta "
        "- e) = E[x_q T]$; what is left has mean square $W$."
    )
    T = token(x_q, 0)
    t_1, S = trace(B @ Sigma), (B + B.T) / 2
    e = theta - v_0 * (p + r_x) - (q + t_1) * v_x - 2 * (S @ Sigma @ v_x)
    e_0 = -(v_0 * q + v_0 * t_1 + v_x @ Sigma @ (p + r_x))
    c = vector("c")
    proof.zeros(
        "Hermite parts of the query's token",
        [expectation(T, x_q) + e_0, expectation((c @ x_q) * T, x_q) - c @ Sigma @ (theta - e)],
    )
    higher = T - (theta - e) @ x_q + e_0
    W = expectation(higher * higher, x_q)

    proof.step(
        r"Given the query the shots are independent, so $N^2(\mathrm{risk} - \sigma^2) = E_{x_q}(N\theta^\top "
        r"x_q - n(\ldots) - T)^2 + n E_{x_q}\mathrm{Var}$, and the Hermite parts are orthogonal: the sum of "
        "squares of the statement."
    )
    V = expectation(substitute(variance, given_query), x_q)
    missing = n + 1 - N
    linear: Vector = n * a + e - missing * theta
    bias = cast(Scalar, n * a_0 + e_0)
    statement = linear @ Sigma @ linear + bias * bias + n * V + W
    proof.zero("sum of squares = the definition, for every n and N", excess() - statement)

    def squared(residual: Scalar) -> Scalar:
        return expectation(residual * residual, x_q)

    parts = squared(linear @ x_q) + squared(bias) + n * V + squared(higher)
    proof.inequality(
        r"risk >= sigma^2: N^2 (risk - sigma^2) is a sum of expectations of squares", bool(excess() - parts == 0)
    )

    proof.step(
        "The printed code of dense.terms_on_task is run on symbols, with exact_risk_formula after it: any B, "
        "and the branch for a symmetric one. (Gram-Schmidt is replaced by polarisation: R0.squares.)"
    )
    code = on_symbols(dense, orthogonal_squares=polarised)
    terms = code.terms_on_task(BLOCKS, SIGMA, sigma2, theta)
    proof.zeros("printed variance of a shot V, query's part W", [terms.per_shot - V, terms.fixed - W])
    proof.zero("printed risk = derived risk", printed_excess(terms) - excess())
    symmetric = Array.of(matrix("B", symmetric=True))
    terms = code.terms_on_task(BLOCKS._replace(B=symmetric), SIGMA, sigma2, theta)
    proof.zero("printed risk = derived risk, B symmetric", printed_excess(terms) - substitute(excess(), {B: symmetric}))
    proof.brute_force("theory.dense in NumPy = enumeration of the definition", _dense_points())


def shot_variance(u_0: Any, u_x: Vector, u_y: Any) -> Scalar:
    """|v|_C^2 |u|_C^2 + (u, v)_C^2 + |v_0 u + u_0 v|_C^2: given the query, a sum of non-negative terms."""

    def product(x: Vector, y: Any, x_other: Vector, y_other: Any) -> Scalar:
        """(x, y)' C (x_other, y_other)."""
        form: Scalar = (x + y * theta) @ Sigma @ (x_other + y_other * theta) + y * y_other * sigma2
        return form

    both = (v_0 * u_x + u_0 * v_x, v_0 * u_y + u_0 * w)
    alone = product(v_x, w, v_x, w) * product(u_x, u_y, u_x, u_y)
    return alone + product(u_x, u_y, v_x, w) ** 2 + product(*both, *both)


def _dense_points() -> Iterator[tuple[Any, Any]]:
    cases = [(d, count, 10 * d + count) for d, counts in ((1, (0, 1, 2, 3)), (2, (0, 1, 2))) for count in counts]
    for d, count, seed in cases:
        at = point(d, seed)
        blocks = dense.Blocks.of(at.v, at.Q)
        if count == 2:  # the code's branch for a symmetric B
            at.Q[1:-1, 1:-1] = blocks.B + blocks.B.T
        terms = dense.terms_on_task(blocks, at.sigma, NOISE, at.theta)
        for convention in CONVENTIONS:
            coordinates = exact_risk(at.v, at.Q, at.sigma, at.theta, NOISE, count, convention)
            yield risk_formula.exact_risk_formula(terms, count, convention), coordinates


def derive_symmetry(proof: Proof) -> None:
    """Two symmetries of the risk: the sign of (x, y), and the scale of the values."""
    proof.step(
        r"$(x, y) \to (-x, -y)$ on every token has the same law. It turns the prediction of $(v_0, v_x, w; q, "
        "r, p, B, b)$ into minus that of $(-v_0, v_x, w; q, -r, -p, B, b)$, so the risk is the same at both: "
        "the gradient in $(v_0, r_x, r_y, p)$ vanishes where these are zero, and the odd-symmetric models "
        "are closed under gradient flow."
    )
    flipped = BLOCKS._replace(v_0=-v_0, r_x=-r_x, r_y=-r_y, p=-p)
    proof.zero("one token: z -> (1, -x, -y) is the flip", token(-x, -y, BLOCKS) - _flipped_query(token(x, y, flipped)))
    proof.zero(
        "risk is even in (v_0, r_x, r_y, p)",
        excess() - substitute(excess(), {v_0: -v_0, r_x: -r_x, r_y: -r_y, p: -p}),
    )
    proof.step(r"$(v, Q) \to (k v, Q/k)$ leaves the prediction alone: every token is linear in v and linear in Q.")
    scaled = BLOCKS.scaled(FIELD(k))
    proof.zero("Blocks.scaled keeps each token", token(x, y, scaled) - token(x, y))


def _flipped_query(scalar: Scalar) -> Scalar:
    """x_q -> -x_q, and the sign of the prediction."""
    return -substitute(scalar, {x_q: -1 * Vector(x_q.terms.items())})


_SETTING = (
    "One layer, one head of linear attention; the query attends to itself.",
    "x ~ N(0, Sigma), Sigma positive semidefinite; y = theta.x + eps, eps ~ N(0, sigma^2) independent.",
)

THEOREMS = (
    Theorem(
        "R0",
        "the exact risk at any parameters, as a sum of squares",
        r"$N^2(\mathrm{risk} - \sigma^2) = |n a + e - (1-\eta)\theta|_\Sigma^2 + (n a_0 + e_0)^2 + n V + W$, "
        r"$N = n + \eta$, for every $(v, Q)$, $\Sigma$, $\theta$, $\sigma^2$, $n$, $d$; so $\mathrm{risk} \ge "
        r"\sigma^2$.",
        _SETTING,
        "new here",
        derive_risk,
    ),
    Theorem(
        "R0.formula",
        "the printed formula is this sum over N^2, in both normalizations",
        r"$\sigma^2 + N^{-2}[\sum_k g_k(n a_k + e_k - (1-\eta)t_k)^2 + nV + W]$; with $N = n + 1$ the bracket is "
        r"$c_0 + c_1 n + c_2 n^2$, and the risk tends to $\sigma^2 + c_2$.",
        (),
        "new here",
        derive_formula,
    ),
    Theorem(
        "R0.squares",
        "orthogonal squares are the quadratic form",
        r"$\sum_k g_k(n a_k + e_k - m t_k)^2 = |n a + e - m t|^2$ with $g_k \ge 0$, also where vectors are "
        "dependent.",
        (),
        "Gram and Schmidt",
        derive_squares,
    ),
    Theorem(
        "R0.symmetry",
        "the sign symmetry and the scale symmetry of the risk",
        r"The risk is even in $(v_0, r_x, r_y, p)$, and the same at $(k v, Q/k)$ as at $(v, Q)$.",
        _SETTING,
        "new here",
        derive_symmetry,
    ),
)
