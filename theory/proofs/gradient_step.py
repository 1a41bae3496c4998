r"""One step of gradient descent in context, from the definition and from the code: what published formulas are about.

With v = (0, 0, 1), :math:`Q_{xx} = G` and :math:`Q_{xy} = g` the prediction over n shots is

.. math:: \hat y_q = \frac1n\Bigl[x_q^\top G \sum_i y_i x_i + (g^\top x_q)\sum_i y_i^2\Bigr],

whether the query attends to itself or is masked: its own token has no label to be read. Where published formulas invert
a matrix, it is a letter of the calculus here, and :math:`\Sigma`, :math:`\Psi` are what makes it so: all of them are
polynomials in one letter and its inverse, and commute by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from sympy import ZZ
from sympy.polys.fields import field

from ..contractions import Head, Inputs, Layer, Tasks, contract
from ..laws import pretrained
from ..points import World
from ..risk_formula import risk_at
from ..space import Space
from ..wick import (
    Gaussian,
    Matrix,
    Noise,
    Scalar,
    Shots,
    Vector,
    expectation,
    identity,
    matrix,
    substitute,
    trace,
    vector,
)
from .enumeration import exact_layer_risk
from .r0_points import NOISE, covariance, rationals
from .r0_points import identity as unit_matrix
from .theorem import ProofFailed
from .words import ZERO_VECTOR, NumberedWords, Words

FIELD, n, m, d, t, r, c, lam, sigma2, psi2, rho = field("n m d t r c lam sigma2 psi2 rho", ZZ)
theta, g, u, h = (vector(name) for name in ("theta", "g", "u", "h"))
G, Sigma = matrix("G"), matrix("Sigma", symmetric=True)
LETTER = matrix("Gamma", symmetric=True)  # what a formula inverts


@cache
def of_task() -> Scalar:
    """risk - sigma^2 on the task theta, from the definition."""
    x, x_q, eps = Gaussian("x", Sigma), Gaussian("x_q", Sigma), Noise("eps", sigma2)
    y, shots = theta @ x + eps, Shots(n, x, eps)
    error = n * (theta @ x_q) - shots.sum(y * (x_q @ G @ x)) - shots.sum(y * y) * (g @ x_q)
    excess: Scalar = expectation(error * error, shots, x_q) / n**2
    return excess


@cache
def of_tasks(spread: Matrix) -> Scalar:
    """The same without g, on average over tasks of mean zero and this covariance; only that counts."""
    tau = Gaussian("tau", spread)
    return expectation(substitute(of_task(), {g: ZERO_VECTOR, theta: tau}), tau)


class Traces(NumberedWords):
    """Words in which some contractions are numbers, and what is inverted is a single letter."""

    def __init__(self, numbers: Mapping[Scalar, Any]) -> None:
        super().__init__({trace(identity): d, **numbers})

    def inverse(self, a: Matrix) -> Matrix:
        """The letter's inverse, over its factor."""
        if len(a.terms) != 1:
            raise ProofFailed(f"{a} is not a multiple of one letter")
        return a.inverse


def learned(space: Space, sigma: Any, psi: Any, noise: Any, m: Any, N: Any, d: Any = d) -> Any:
    """w B of the library's pretrained model: m shots, the sum divided by N."""
    return pretrained(World(space, sigma, psi, 0, d, noise, 1 / N, (m + 1) / N, m, N, 0, 1)).B


def coded(space: Words, sigma: Matrix, G: Matrix, tasks: Tasks, noise: Any = sigma2, g: Vector = ZERO_VECTOR) -> Any:
    """risk - sigma^2 as the code that users run gives it, the query masked."""
    inputs = Inputs(
        space.token_operator(sigma, noise), space.constant, space.token_operator(sigma, 0), space.constant, noise
    )
    head = Head(space.label, space.score(0, 0 * space.constant, ZERO_VECTOR, G, g))
    terms = contract(space, inputs, Layer((head,), attends=False), tasks)
    return Scalar.of(risk_at(terms, n, n, 0) - noise)


def on_task(space: Words) -> Tasks:
    """The task theta."""
    return Tasks(space.token_vector(0, theta, 0))


def on_tasks(space: Words, spread: Any, fourth_moment: Any = 1) -> Tasks:
    """Tasks of mean zero."""
    return Tasks(space.token_vector(0, ZERO_VECTOR, 0), space.token_operator(spread, 0), fourth_moment)


def slopes(optimum: Any, power: int = 1) -> Iterator[tuple[Any, Any]]:
    """Central differences, by enumeration, of the risk of ``optimum(Sigma, n, noise, N)`` along any (v, Q): zeros.

    Tasks N(0, I), the query masked, N = n^power. A quadratic's central difference is its slope.
    """
    for dim, count in ((1, 1), (1, 2), (2, 1)):
        sigma, N = covariance(dim, seed=7 * dim + count), count**power
        v, Q = [0] * (dim + 1) + [1], unit_matrix(dim + 2) * 0
        Q[1:-1, 1:-1] = optimum(sigma, count, NOISE, N)
        for k in range(2):
            more = rationals(dim + 2, seed=5 + k), rationals(dim + 2, dim + 2, seed=8 + k)
            up, down = (
                exact_layer_risk(
                    [(v, Q), (sign * more[0], more[1])], sigma, [0] * dim, NOISE, count, N, attends=False,
                    task_covariance=unit_matrix(dim),
                )
                for sign in (1, -1)
            )  # fmt: skip
            yield up - down, 0
