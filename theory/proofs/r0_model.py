r"""The model and its risk in the calculus, straight from the definition; what every proof of R0, R1 and R10
starts from.

Tokens are :math:`z = (1, x, y)` with :math:`x \sim N(0, \Sigma)` and :math:`y = \theta^\top x + \epsilon`;
the query's is :math:`z_q = (1, x_q, 0)`; with :math:`v = (v_0, v_x, w)` and the live rows :math:`(q, r_x^\top, r_y)`
and :math:`(p, B, b)` of Q,

.. math::

    N\hat y = \sum_z (v_0 + v_x^\top x + w y)
              (q + r_x^\top x + r_y y + p^\top x_q + x_q^\top B x + b^\top x_q\, y).

N is a symbol of its own. "tokens" is N = n + 1 and "shots" is N = n, so that an identity in n and N holds for
both.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from sympy import QQ
from sympy.polys.rings import ring

from ..contractions import Head, Inputs, Layer, RiskTerms, Tasks, contract
from ..risk_formula import risk_at
from ..wick import Gaussian, Noise, Scalar, Shots, expectation, identity, matrix, outer, substitute, trace, vector
from .words import ZERO_VECTOR, Words

_RING, *_GENERATORS = ring(
    "n N m v_0 w q r_y sigma2 d s_0 alpha beta gamma delta phi across kappa k u_0 u_y root_1 root_2 eta t decay", QQ
)  # one ring for all, so that coefficients always meet
(
    n, N, m, v_0, w, q, r_y, sigma2, d, s_0, alpha, beta, gamma, delta, phi, across, kappa, k, u_0, u_y,
    root_1, root_2, eta, t, decay,
) = _GENERATORS  # fmt: skip
FIELD = _RING.to_field()  # where d divides (averages over the sphere)
d_in_field = FIELD(d)

theta, theta_0, theta_across = vector("theta"), vector("theta0"), vector("theta_across")
v_x, r_x, p, b = vector("v_x"), vector("r_x"), vector("p"), vector("b")
B, Sigma = matrix("B"), matrix("Sigma", symmetric=True)
x, x_q, eps = Gaussian("x", covariance=Sigma), Gaussian("x_q", covariance=Sigma), Noise("eps", variance=sigma2)
y = theta @ x + eps
shots = Shots(n, x, eps)

SPACE = Words()


class Blocks(NamedTuple):
    """The live entries of v and Q; row d + 1 of Q meets the query's empty label slot and is dead."""

    v_0: Any
    v_x: Any
    w: Any
    q: Any
    r_x: Any
    r_y: Any
    p: Any
    B: Any
    b: Any

    def head(self) -> Head:
        """The model as the core takes it."""
        keys = SPACE.token_vector(0, self.r_x, self.r_y)
        return Head(SPACE.token_vector(self.v_0, self.v_x, self.w), SPACE.score(self.q, keys, self.p, self.B, self.b))


BLOCKS = Blocks(v_0, v_x, w, q, r_x, r_y, p, B, b)
INPUTS = Inputs(
    SPACE.token_operator(Sigma, sigma2), SPACE.constant, SPACE.token_operator(Sigma, 0), SPACE.constant, sigma2
)
ON_TASK = Tasks(SPACE.token_vector(0, theta, 0))


def average_over(P: Any, fourth_moment: Any) -> Tasks:
    """Tasks of mean zero and covariance P, whose fourth moments are so many times Gaussian ones."""
    return Tasks(SPACE.token_vector(0, ZERO_VECTOR, 0), SPACE.token_operator(P, 0), fourth_moment)


def printed_terms(model: Layer | Blocks = BLOCKS, tasks: Tasks = ON_TASK) -> RiskTerms:
    """The contractions, as the code that users run gives them on symbols."""
    layer = Layer((model.head(),)) if isinstance(model, Blocks) else model
    return contract(SPACE, INPUTS, layer, tasks)


def token(x: Any, y: Any, model: Any = BLOCKS) -> Scalar:
    """(v.z)(z_q'Q z) for the token z = (1, x, y)."""
    value = model.v_0 + model.v_x @ x + model.w * y
    score = model.q + model.r_x @ x + model.r_y * y + model.p @ x_q + x_q @ model.B @ x + (model.b @ x_q) * y
    return Scalar.of(value * score)


def attention(model: Any = BLOCKS) -> Scalar:
    """N times the prediction: the shots' tokens and the query's own."""
    return shots.sum(token(x, y, model)) + token(x_q, 0, model)


@cache
def correlation() -> Scalar:
    """E[y_q N yhat] (the query's noise is independent of the prompt)."""
    return expectation((theta @ x_q) * attention(), shots, x_q)


@cache
def power() -> Scalar:
    """E[(N yhat)^2]."""
    attended = attention()
    return expectation(attended * attended, shots, x_q)


@cache
def excess() -> Scalar:
    """N^2 (risk - sigma^2) on a task theta, for any n and N, from the definition."""
    whole: Scalar = N**2 * (theta @ Sigma @ theta) - 2 * N * correlation() + power()
    return whole


@cache
def risk() -> Scalar:
    """The risk itself; its coefficients lie in the field of fractions."""
    whole: Scalar = sigma2 + excess() / N**2
    return whole


ODD = {v_0: 0, r_x: 0, r_y: 0, p: 0}
NORMS = {theta_0 @ theta_0: s_0, theta_across @ theta_across: across, theta_0 @ theta_across: 0, trace(identity): d}
ISOTROPIC = {
    **ODD,
    Sigma: identity,
    v_x: alpha * theta_0,
    B: beta * identity + gamma * outer(theta_0, theta_0),
    b: delta * theta_0,
    **NORMS,
}


@cache
def isotropic_excess() -> Scalar:
    """N^2 (risk - sigma^2) at an isotropic model, on the task (1 - phi) theta_0 + theta_across."""
    return substitute(excess(), {**ISOTROPIC, theta: (1 - phi) * theta_0 + theta_across})


def printed_excess(terms: RiskTerms) -> Any:
    """N^2 (risk - sigma^2) of the printed `risk_at`, whose division by N^2 is R0.formula's."""
    return risk_at(terms, n, 1, N - n) - terms.noise_variance
