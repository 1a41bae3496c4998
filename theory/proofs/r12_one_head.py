r"""R12.one_head: no number of heads has a smaller pretraining loss than one.

Statement. The risk is a convex quadratic in :math:`T = \sum_h Q_h \otimes v_h`, of which the prediction is a linear function.
For tasks with a symmetric law and covariance :math:`\Psi`, m shots and any N, its slope at R1's model K vanishes along every
further head, whether the query attends to itself or is masked. So R1's single head is least among layers of any number of
heads, for every :math:`\Sigma` and :math:`\Psi`.

Source: new here.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from ..contractions import Head, Layer
from ..kinds import FRACTIONS
from ..matrices import Matrices
from ..wick import Gaussian, Vector, expectation, substitute
from .enumeration import exact_layer_risk
from .r0_model import (
    BLOCKS,
    FIELD,
    B,
    Blocks,
    N,
    attention,
    average_over,
    b,
    kappa,
    printed_excess,
    printed_terms,
    shots,
    theta,
    token,
    v_x,
    w,
    x,
    x_q,
    y,
)
from .r0_points import NOISE, covariance, rationals
from .r1_pretrained import NAMES, K, Psi
from .theorem import Proof, Theorem

ONE_HEAD = """\
A = (m + 1)*Sigma @ Psi @ Sigma + (trace(Psi @ Sigma) + sigma2)*Sigma
N**2*(L_more - L_one) == 2*m*trace((w*B + outer(b, v_x)) @ (A @ K - N*Sigma @ Psi) @ Sigma) + S
"""


def derive_one_head(proof: Proof) -> None:
    """R12.one_head."""
    proof.step(
        r"N times the prediction is linear in $T = \sum_h Q_h \otimes v_h$, so the loss is a quadratic in T, and what a further "
        "T adds to the loss of R1's model is linear in it, and a mean square. Both are found for one further head of any "
        r"entries, by the code that users run, averaged over tasks of covariance $\Psi$; the linear part adds up over heads."
    )
    start = Blocks(0, Vector(), 1, 0, Vector(), 0, Vector(), K, Vector())
    tau = Gaussian("tau", Psi)
    one, further = start.head(), BLOCKS.head()
    tasks = average_over(Psi, kappa)
    for attends, who in ((True, "attends"), (False, "is masked")):
        attended = attention() - (0 if attends else token(x_q, 0))
        square = expectation(attended * attended, shots, x_q)
        at = [expectation(substitute(square, {theta: k * tau}), tau) for k in (0, 1, 2)]
        mean_square = at[1] + (kappa - 1) * (at[2] - 4 * at[1] + 3 * at[0]) / 12
        losses = [printed_excess(printed_terms(Layer(heads, attends), tasks)) for heads in ((one, further), (one,))]
        names = NAMES | {"w": w, "B": B, "b": b, "v_x": v_x, "S": mean_square}
        names |= {"L_more": FIELD(1) / N**2 * losses[0], "L_one": FIELD(1) / N**2 * losses[1]}
        proof.formula(
            f"what a further head adds, where the query {who}; S is its mean square", ONE_HEAD, names, main=attends
        )
        core = shots.sum(y * (x_q @ K @ x))
        linear = expectation((N * (theta @ x_q) - core) * attended, shots, x_q)
        zero, first, twice = (
            substitute(linear, {theta: k * theta}) + substitute(linear, {theta: -k * theta}) for k in (0, 1, 2)
        )
        proof.zero(
            f"of a symmetric law only Psi enters the linear part, where the query {who}", twice - 4 * first + 3 * zero
        )
    proof.step(
        r"R1's K solves $AK = N\Sigma\Psi$, so the linear part vanishes: no T, of however many heads, has a smaller loss."
    )
    proof.brute_force("enumeration: no slope along further heads", _slopes())


def _slopes() -> Iterator[tuple[Any, Any]]:
    for dim, count, attends in ((1, 1, True), (1, 2, False), (2, 1, True), (2, 1, False)):
        seed = 10 * dim + count
        sigma, psi, N = covariance(dim, seed), covariance(dim, seed + 1), Fraction(count + 3, 2)
        space = Matrices(dim, FRACTIONS)
        power = space.trace_of_product(psi, sigma) + NOISE
        product = space.ridge((count + 1) / N * sigma, psi, power / N)
        one = Head(space.label, space.token_operator(product, 0))
        for k in range(3):
            v, Q = rationals(dim + 2, seed=seed + 5 + k), rationals(dim + 2, dim + 2, seed=seed + 8 + k)
            up, down = (
                exact_layer_risk(
                    [one[:2], (sign * v, Q)], sigma, [0] * dim, NOISE, count, N, attends=attends, task_covariance=psi
                )
                for sign in (1, -1)
            )
            yield up - down, 0


THEOREM = Theorem(
    "R12.one_head",
    "no number of heads has a smaller pretraining loss than R1's one",
    r"A further head adds to the pretraining loss $L_{one}$ of R1's model K a part that is linear in it and its mean square "
    r"S, as follows; m shots, any N. As $AK = N\Sigma\Psi$, and as the linear part adds up over heads, K is least among layers "
    "of any number of heads, the query attending or masked.",
    (
        "The law of the tasks is symmetric, with covariance Psi and finite fourth moments; Sigma and Psi are positive definite.",
        "Gaussian inputs and label noise; m >= 1.",
    ),
    "new here",
    derive_one_head,
)
