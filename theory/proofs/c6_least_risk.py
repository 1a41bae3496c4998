r"""C6: Li, Rawat and Oymak's least risk of one layer, isotropic.

Statement. At :math:`\Sigma = I` and tasks :math:`N(0, I)` the pretraining loss at the library's pretrained model is the
number that they print, whatever the sum is divided by.

Source: Li, Rawat, Oymak 2024 (arXiv 2407.10005); the derivation is new here.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from typing import Any

from ..wick import identity, substitute
from .enumeration import exact_layer_risk
from .gradient_step import G, Sigma, Traces, coded, d, learned, m, n, of_tasks, on_tasks, sigma2
from .printed_lines import run_lines
from .r0_points import NOISE
from .r0_points import identity as unit_matrix
from .theorem import Proof, Theorem

LINES = "L = d + sigma2 - d*n/(n + 1 + d + sigma2)"
SPACE = Traces({})


def derive(lines: str, proof: Proof) -> None:
    """C6."""
    proof.step("The optimum when the sum is divided by m instead is the same model: N scales it, and nothing else.")
    step = learned(SPACE, identity, identity, sigma2, n, n)
    proof.zero("divided by m", n * learned(SPACE, identity, identity, sigma2, n, m) - m * step)
    proof.step("Its risk from the definition, averaged over tasks $N(0, I)$.")
    derived = substitute(of_tasks(identity), {Sigma: identity, G: step, **SPACE.numbers}).as_coefficient()
    names = {"n": n, "d": d, "sigma2": sigma2}
    proof.formula("the least risk", lines, names, L=sigma2 + derived, main=True)
    proof.zero("the code's risk", SPACE.number(coded(SPACE, identity, step, on_tasks(SPACE, identity))) - derived)
    proof.brute_force("enumeration of the definition at points", _points(lines))


def _points(lines: str) -> Iterator[tuple[Any, Any]]:
    for dim, count in ((1, 1), (1, 3), (2, 2)):
        least = run_lines(lines, {"n": Fraction(count), "d": dim, "sigma2": NOISE})[0]["L"]
        v, Q = [0] * (dim + 1) + [1], unit_matrix(dim + 2) * 0
        Q[1:-1, 1:-1] = unit_matrix(dim) / (count + 1 + dim + NOISE)
        psi = unit_matrix(dim)
        yield least, exact_layer_risk([(v, Q)], psi, [0] * dim, NOISE, count, 1, task_covariance=psi)


def theorem(lines: str = LINES) -> Theorem:
    """The theorem that these lines make."""
    return Theorem(
        "C6",
        "Li, Rawat and Oymak: the least risk of one layer",
        r"At $\Sigma = I$ the pretraining loss at n shots of the pretrained model, for tasks $N(0, I)$ with label noise, is the "
        "following.",
        ("The sum may be divided by anything; the query is masked or not.",),
        "Li, Rawat, Oymak 2024 (arXiv 2407.10005)",
        partial(derive, lines),
    )


THEOREM = theorem()
