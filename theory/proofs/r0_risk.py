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
from typing import Any

from ..contractions import Head, Layer, RiskTerms, Tasks, contract
from ..kinds import FRACTIONS
from ..matrices import Matrices
from ..points import World
from ..risk_formula import exact_risk_formula
from ..wick import Scalar, Vector, expectation, identity, matrix, substitute, vector
from .enumeration import exact_risk
from .printed_lines import run_lines
from .printed_names import symbols
from .r0_model import (
    BLOCKS,
    FIELD,
    ODD,
    SPACE,
    B,
    Blocks,
    N,
    Sigma,
    b,
    eps,
    excess,
    k,
    n,
    p,
    printed_excess,
    printed_terms,
    q,
    r_x,
    r_y,
    risk,
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
from .r0_points import CONVENTIONS, NOISE, Point, point
from .theorem import Proof, Theorem

SHOT = """\
f = v_x + w*theta
g = u_x + u_y*theta
mean = v_0*u_0 + inner(f, g) + w*u_y*sigma2
variance = ((norm2(f) + w**2*sigma2)*(norm2(g) + u_y**2*sigma2) + (mean - v_0*u_0)**2
    + norm2(v_0*g + u_0*f) + (v_0*u_y + u_0*w)**2*sigma2)
"""
SHOT_BIAS = """\
f = v_x + w*theta
h = inner(theta, f) + w*sigma2
a = theta - v_0*p - B @ Sigma @ f - h*b
a_0 = -(v_0*q) - inner(r_x, f) - r_y*h
mean = (theta - a) @ x_q - a_0
"""
QUERY_BIAS = """\
T = (v_0 + v_x @ x_q)*(q + (p + r_x) @ x_q + x_q @ B @ x_q)
e = theta - v_0*(p + r_x) - (q + trace(B @ Sigma))*v_x - (B + B.T) @ Sigma @ v_x
e_0 = -(v_0*(q + trace(B @ Sigma))) - inner(v_x, p + r_x)
-e_0 == E_q(T)
inner(c, theta - e) == E_q((c @ x_q)*T)
"""
RISK = """\
eta = N - n
V = E_q(variance)
W = E_q((T - (theta - e) @ x_q + e_0)**2)
N**2*(risk - sigma2) == norm2(n*a + e - (1 - eta)*theta) + (n*a_0 + e_0)**2 + n*V + W
"""


def derive_risk(proof: Proof) -> None:
    """The theorem itself, as in its statement."""
    proof.step(
        r"Fix the query, $u = Q^\top z_q = (u_0, u_x, u_y)$. A shot contributes $(v^\top z)(u^\top z)$, a product of "
        "two Gaussians: its mean and its variance, a sum of terms of which none is negative."
    )
    u_x = vector("u_x")
    shot = Scalar.of(v_0 + v_x @ x + w * y) * (u_0 + u_x @ x + u_y * y)
    mean = expectation(shot, x, eps)
    variance = expectation(shot * shot, x, eps) - mean * mean
    names = symbols(Sigma, **BLOCKS._asdict(), n=n, N=N, sigma2=sigma2, theta=theta, x_q=x_q)
    given = names | {"u_0": u_0, "u_x": u_x, "u_y": u_y}
    proof.formula("one shot, given the query", SHOT, given, mean=mean, variance=variance)

    proof.step(
        r"Put in $u_0 = q + p^\top x_q$, $u_x = r_x + B^\top x_q$, $u_y = r_y + b^\top x_q$: the mean is linear in "
        r"$x_q$. It misses $\theta^\top x_q$ by $a^\top x_q + a_0$."
    )
    given_query = {u_0: q + p @ x_q, u_x: r_x + x_q @ B, u_y: r_y + b @ x_q}
    mean, variance = (substitute(part, given_query) for part in (mean, variance))
    proof.formula("the mean of a shot, and the bias that it leaves", SHOT_BIAS, names, mean=mean, main=True)
    names = run_lines(SHOT_BIAS, names)[0]

    def average(of: Scalar) -> Scalar:
        return expectation(of, x_q)

    proof.step(
        r"The query's own token T is cubic in $x_q$. Its constant Hermite part is $-e_0 = E_q(T)$, its linear one $(\theta "
        r"- e)^\top x_q$ with $\Sigma(\theta - e) = E_q(x_q T)$; what is left has mean square W."
    )
    names |= {"c": vector("c"), "E_q": average}
    T = token(x_q, 0)
    proof.formula("the query's own token, and the bias that it leaves; any c", QUERY_BIAS, names, T=T, main=True)
    names = run_lines(QUERY_BIAS, names)[0] | {"variance": variance, "risk": risk()}

    proof.step(
        r"Given the query the shots are independent, and the Hermite parts are orthogonal: N times the error has the "
        r"mean square $N^2(\mathrm{risk} - \sigma^2)$, to which the squared biases, n variances and W add up."
    )
    proof.formula("the risk, for every n and N; variance is that of a shot, given the query", RISK, names, main=True)
    a, a_0, e, e_0, V, W = (run_lines(RISK, names)[0][name] for name in ("a", "a_0", "e", "e_0", "V", "W"))
    parts = ((n * a + e - (n + 1 - N) * theta) @ x_q, n * a_0 + e_0, T - (theta - e) @ x_q + e_0)
    whole = sum((average(part * part) for part in parts), start=n * V)
    proof.inequality(
        r"risk >= sigma^2: N^2 (risk - sigma^2) is a sum of expectations of squares", bool(excess() - whole == 0)
    )

    proof.step(
        "The printed code, contractions.contract, is run on symbols as it stands, with risk_at after it. (Where it would "
        "divide, on vectors that it makes orthogonal, the symbols polarise: R0.squares.)"
    )
    terms = printed_terms()
    proof.zeros("printed variance of a shot V, query's part W", [terms.per_shot - V, terms.fixed - W])
    proof.zero("printed risk = derived risk", printed_excess(terms) - excess())
    proof.step("What a head may carry to save products (B symmetric, neither r, p, q nor b) or digits changes nothing.")
    symmetric = BLOCKS._replace(B=matrix("B", symmetric=True), b=Vector())
    at = {**ODD, q: 0, B: symmetric.B, b: Vector()}
    head = symmetric._replace(v_0=0, q=0, r_x=Vector(), r_y=0, p=Vector()).head()
    for what, carrying in carrying_heads(head).items():
        printed = printed_excess(printed_terms(Layer((carrying,))))
        proof.zero(f"printed risk = derived risk, {what}", printed - substitute(excess(), at))
    seen = BLOCKS._replace(v_x=v_x + w * theta_0).head()._replace(anchor=SPACE.token_vector(0, theta_0, 0))
    anchored = Layer((seen,), own=(BLOCKS.head(),))
    proof.zero("printed risk = derived risk, v given at a task", printed_excess(printed_terms(anchored)) - excess())
    proof.brute_force("the core on matrices = enumeration of the definition", _dense_points())


def carrying_heads(head: Head) -> dict[str, Head]:
    """The head with what it may carry: Q times the inputs' covariance, and the identity less that, or less a multiple."""
    product = head.Q @ SPACE.token_operator(Sigma, 0)
    one = SPACE.token_operator(identity, 0)
    return {
        "product carried": head._replace(product=product),
        "product and residual carried": head._replace(product=product, residual=one - product),
        "residual of another start": head._replace(product=product, residual=one - 3 * product, start=3),
    }


def matrix_world(sigma: Any, noise: Any = NOISE) -> World:
    """A world of arrays of exact numbers, of which only the tokens' laws are asked."""
    return World(Matrices(len(sigma), FRACTIONS), sigma, None, None, len(sigma), noise, *[None] * 6)


def terms_at(at: Point, tasks: Tasks | None = None) -> RiskTerms:
    """The contractions of a dense model at a rational point, on its task or on average."""
    world = matrix_world(at.sigma)
    space = world.space
    if tasks is None:
        tasks = Tasks(space.token_vector(0, at.theta, 0))
    return contract(space, world.inputs(), Layer((Head(at.v, at.Q),)), tasks)


def _dense_points() -> Iterator[tuple[Any, Any]]:
    cases = [(d, count, 10 * d + count) for d, counts in ((1, (0, 1, 2, 3)), (2, (0, 1, 2))) for count in counts]
    for d, count, seed in cases:
        at = point(d, seed)
        terms = terms_at(at)
        for convention in CONVENTIONS:
            coordinates = exact_risk(at.v, at.Q, at.sigma, at.theta, NOISE, count, convention)
            yield exact_risk_formula(terms, count, convention), coordinates


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

    def loss(*values: Any) -> Scalar:
        return substitute(excess(), dict(zip(BLOCKS, values, strict=True)))

    names = {**BLOCKS._asdict(), "L": loss, "k": FIELD(k)}
    proof.formula(
        "L, which is N^2 (risk - sigma^2), is even in (v_0, r_x, r_y, p)",
        "L(-v_0, v_x, w, q, -r_x, -r_y, -p, B, b) == L(v_0, v_x, w, q, r_x, r_y, p, B, b)",
        names,
        main=True,
    )
    proof.step(r"$(v, Q) \to (k v, Q/k)$ leaves the prediction alone: every token is linear in v and linear in Q.")
    scale = FIELD(k)
    scaled = Blocks(*(scale * part for part in BLOCKS[:3]), *(part / scale for part in BLOCKS[3:]))
    proof.zero("scaling keeps each token", token(x, y, scaled) - token(x, y))
    proof.formula(
        "L is the same at every value scale k",
        "L(k*v_0, k*v_x, k*w, q/k, r_x/k, r_y/k, p/k, B/k, b/k) == L(v_0, v_x, w, q, r_x, r_y, p, B, b)",
        names,
        main=True,
    )


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
        r"For every $(v, Q)$, $\Sigma$, $\theta$, $\sigma^2$, $n$, $d$ and $N = n + \eta$ the risk is a sum of squares as "
        r"follows, where Q has the rows $(q, r_x^\top, r_y)$ and $(p, B, b)$, $b = q_{xy}$: a shot leaves the bias $a^\top x_q + "
        r"a_0$ and has the variance V on average over $x_q$, the query's own token T leaves $e^\top x_q + e_0$ and W; $E_q$ "
        r"averages over $x_q$. So $\mathrm{risk} \ge \sigma^2$.",
        _SETTING,
        "new here",
        derive_risk,
    ),
    Theorem(
        "R0.symmetry",
        "the sign symmetry and the scale symmetry of the risk",
        r"The risk is even in $(v_0, r_x, r_y, p)$, and the same at $(k v, Q/k)$ as at $(v, Q)$, as follows.",
        _SETTING,
        "new here",
        derive_symmetry,
    ),
)
