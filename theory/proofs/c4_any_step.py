r"""C4: Wu et al.'s risk of any preconditioner, at any number of shots.

Statement. On average over tasks :math:`N(0, \psi^2 I)` the risk of one step of gradient descent preconditioned by G,
symmetric or not, wherever G was trained, exceeds its least value at n shots by the quadratic form that they print.

Source: Wu, Zou, Chen, Braverman, Gu, Bartlett 2023 (arXiv 2310.08391); the derivation is new here.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from typing import Any

from ..wick import Matrix, identity, substitute, trace
from .c1_other_shots import at_matrices
from .enumeration import exact_layer_risk
from .gradient_step import LETTER, G, Sigma, Traces, coded, d, learned, n, of_tasks, on_tasks, psi2, sigma2, t
from .printed_lines import run_lines
from .r0_points import NOISE, covariance, rationals
from .r0_points import identity as unit_matrix
from .theorem import Proof, Theorem

LINES = """\
A = (trace(H) + sigma2/psi2)/n*I + (n + 1)/n*H
G_star = inv(A)
H_tilde = psi2*H @ A
excess = trace(H @ (G - G_star) @ H_tilde @ (G - G_star).T)
"""
RIDGE = (t + sigma2 / psi2) / n
H = n / (n + 1) * (LETTER - RIDGE * identity)
SPACE = Traces({trace(LETTER): (n + 1) / n * t + RIDGE * d})


def derive(lines: str, proof: Proof) -> None:
    """C4."""
    proof.step("Let A be the letter, and H what makes it that matrix; tr H is a number of its own.")
    proof.zero("the trace of H", SPACE.trace(H) - t)
    proof.zero(
        "the optimum at n shots is the pretrained model",
        learned(SPACE, H, psi2 * identity, sigma2, n, n) - LETTER.inverse,
    )
    proof.step(
        r"The risk of any G, averaged over tasks $N(0, \psi^2 I)$, from the definition, less that of the optimum."
    )
    derived = risk_of(G) - risk_of(LETTER.inverse)
    names = {"H": H, "G": G, "n": n, "sigma2": sigma2, "psi2": psi2, "I": identity}
    names |= {"trace": SPACE.trace, "inv": SPACE.inverse}
    proof.formula("what a step G costs at n shots", lines, names, excess=derived, main=True)
    printed = SPACE.number(coded(SPACE, H, G, on_tasks(SPACE, psi2 * identity)))
    proof.zero("the code's risk", printed - risk_of(G))
    proof.brute_force("enumeration of the definition at points", _points(lines))


def risk_of(step: Matrix) -> Any:
    """risk - sigma^2 of a step on average."""
    return substitute(of_tasks(psi2 * identity), {Sigma: H, G: step, **SPACE.numbers})


def _points(lines: str) -> Iterator[tuple[Any, Any]]:
    for dim, count in ((1, 1), (1, 3), (2, 1)):
        sigma, step, scale = covariance(dim, seed=dim + count), rationals(dim, dim, seed=dim), Fraction(3, 2)
        names = at_matrices(sigma, H=sigma, G=step, n=Fraction(count), sigma2=NOISE, psi2=scale)
        known = run_lines(lines, names)[0]
        risks = []
        for matrix in (step, known["G_star"]):
            v, Q = [0] * (dim + 1) + [1], unit_matrix(dim + 2) * 0
            Q[1:-1, 1:-1] = matrix
            psi = scale * unit_matrix(dim)
            risks.append(exact_layer_risk([(v, Q)], sigma, [0] * dim, NOISE, count, count, task_covariance=psi))
        yield known["excess"], risks[0] - risks[1]


def theorem(lines: str = LINES) -> Theorem:
    """The theorem that these lines make."""
    return Theorem(
        "C4",
        "Wu et al.: the risk of any preconditioner",
        r"On average over tasks $N(0, \psi^2 I)$ the risk of $wB = G$ at n shots exceeds that of $G^*$, the pretrained model of n "
        "shots, by the following.",
        (
            "Any covariance H of the inputs, and any G; the sum is divided by the number of shots, query attending or masked.",
        ),
        "Wu, Zou, Chen, Braverman, Gu, Bartlett 2023 (arXiv 2310.08391)",
        partial(derive, lines),
    )


THEOREM = theorem()
