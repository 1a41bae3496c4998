r"""C1: Zhang, Frei and Bartlett's risk of a model trained at N shots and evaluated at M, any covariance.

Statement. The model that they train, one step of gradient descent preconditioned by :math:`\Gamma^{-1}`, is the library's
pretrained one at N shots of noiseless labels and tasks :math:`N(0, I)`; at M shots of labels :math:`a^\top x` and noise its
risk is their Theorem 4.2, in which S is the covariance of xy.

Source: Zhang, Frei, Bartlett 2024 (JMLR 25, 23-1042; arXiv 2306.09927), Theorem 4.2; the derivation is new here.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from ..kinds import FRACTIONS
from ..matrices import Matrices
from ..wick import identity, outer, substitute, trace
from .enumeration import exact_layer_risk
from .gradient_step import LETTER, G, Sigma, Traces, coded, d, g, learned, m, n, of_task, on_task, sigma2, t, theta
from .printed_lines import run_lines
from .r0_points import NOISE, covariance, rationals
from .r0_points import identity as unit_matrix
from .theorem import Proof, Theorem
from .words import ZERO_VECTOR

LINES = """\
Gamma = (1 + 1/N)*Lambda + trace(Lambda)/N*I
X = inv(Gamma)
S = (a @ Lambda @ a + sigma2)*Lambda + Lambda @ outer(a, a) @ Lambda
bias = (a @ X @ X @ Lambda @ Lambda @ Lambda @ a + 2*trace(Lambda)*(a @ X @ X @ Lambda @ Lambda @ a)
    + trace(Lambda)**2*(a @ X @ X @ Lambda @ a))
risk = sigma2 + trace(S @ X @ X @ Lambda)/M + bias/N**2
"""
SPACE = Traces({trace(LETTER): (m + 1) / m * t + d * t / m})
LAMBDA = m / (m + 1) * (LETTER - t / m * identity)


def derive(lines: str, proof: Proof) -> None:
    """C1."""
    proof.step(
        r"Let $\Gamma$ be the letter, and $\Lambda$ what makes it that matrix; $\mathrm{tr}\,\Lambda$ is a number of its own."
    )
    proof.zero("the trace of Lambda", SPACE.trace(LAMBDA) - t)
    proof.zero("the pretrained model of N shots", learned(SPACE, LAMBDA, identity, 0 * t, m, m) - LETTER.inverse)
    proof.step("The risk of that model at M shots, from the definition.")
    images: dict[Any, Any] = {Sigma: LAMBDA, G: LETTER.inverse, g: ZERO_VECTOR, **SPACE.numbers}
    derived = substitute(of_task(), images)
    names = {"Lambda": LAMBDA, "a": theta, "N": m, "M": n, "sigma2": sigma2, "I": identity, "outer": outer}
    names |= {"trace": SPACE.trace, "inv": SPACE.inverse}
    proof.formula("Theorem 4.2", lines, names, risk=sigma2 + derived, Gamma=LETTER, main=True)
    proof.zero("the code's risk", SPACE.number(coded(SPACE, LAMBDA, LETTER.inverse, on_task(SPACE))) - derived)
    proof.brute_force("enumeration of the definition at points", _points(lines))


def _points(lines: str) -> Iterator[tuple[Any, Any]]:
    for dim, trained, count in ((1, 2, 1), (1, 1, 3), (2, 3, 1), (2, 1, 2)):
        sigma, a = covariance(dim, seed=dim + count), rationals(dim, seed=3 * dim + count)
        known = run_lines(lines, at_matrices(sigma, a=a, N=Fraction(trained), M=Fraction(count), sigma2=NOISE))[0]
        v, Q = [0] * (dim + 1) + [1], unit_matrix(dim + 2) * 0
        Q[1:-1, 1:-1] = known["X"]
        for attends in (True, False):
            yield known["risk"], exact_layer_risk([(v, Q)], sigma, a, NOISE, count, count, attends=attends)


def at_matrices(Lambda: Any, **names: Any) -> dict[str, Any]:
    """What the lines' names stand for at a covariance of exact numbers."""
    space = Matrices(len(Lambda), FRACTIONS)
    functions = {"trace": np.trace, "outer": np.outer, "inv": space.inverse, "I": unit_matrix(len(Lambda))}
    return {"Lambda": Lambda, **functions, **names}


def theorem(lines: str = LINES) -> Theorem:
    """The theorem that these lines make."""
    return Theorem(
        "C1",
        "Zhang, Frei and Bartlett: trained at N shots, evaluated at M",
        r"The pretrained model of N shots, for tasks $N(0, I)$ without label noise, is $wB = \Gamma^{-1}$, and its risk at M "
        r"shots on the task a is as follows.",
        (
            r"Any covariance $\Lambda$ of the inputs; the sum is divided by the number of shots, query attending or masked.",
        ),
        "Zhang, Frei, Bartlett 2024 (JMLR 25, 23-1042; arXiv 2306.09927), Theorem 4.2",
        partial(derive, lines),
    )


THEOREM = theorem()
