r"""C3: Mahankali, Hashimoto and Ma's step size, the sum not divided.

Statement. At :math:`\Sigma = I`, tasks :math:`N(0, I)` and N = 1 the library's pretrained model of n shots is one step of
gradient descent with the step size that they print.

Source: Mahankali, Hashimoto, Ma 2023 (arXiv 2307.03576); the derivation is new here.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from ..wick import identity
from .c2_eigenvalues import optimum
from .gradient_step import FIELD, Traces, d, learned, n, sigma2, slopes
from .printed_lines import run_lines
from .r0_points import NOISE
from .r0_points import identity as unit_matrix
from .theorem import Proof, Theorem

LINES = "eta = 1/(n + 1 + d + sigma2)"


def derive(lines: str, proof: Proof) -> None:
    """C3."""
    proof.step(r"R1's matrix at $\Sigma = \Psi = I$, N = 1 is a multiple of I, and so is its inverse.")
    space = Traces({})
    found = learned(space, identity, identity, sigma2, n, FIELD(1))
    step = space.trace(found) / d
    names = {"n": n, "d": d, "sigma2": sigma2}
    proof.formula("the step size", lines, names, eta=step, main=True)
    proof.zero("nothing but it", found - step * identity)
    proof.brute_force("enumeration: the definition's slope at the optimum, any covariance, N = 1", slopes(optimum, 0))
    proof.brute_force("the printed step is the optimum at points", _points(lines))


def _points(lines: str) -> Iterator[tuple[Any, Any]]:
    for dim, count in ((1, 1), (2, 3)):
        eta = run_lines(lines, {"n": count, "d": dim, "sigma2": NOISE})[0]["eta"]
        yield (optimum(unit_matrix(dim), count, NOISE, 1) == eta * unit_matrix(dim)).all(), True


def theorem(lines: str = LINES) -> Theorem:
    """The theorem that these lines make."""
    return Theorem(
        "C3",
        "Mahankali, Hashimoto and Ma: the step of gradient descent",
        r"The pretrained model of n shots, for tasks $N(0, I)$ with label noise, is $wB = \eta I$ with the following step.",
        (r"$\Sigma = I$; the sum is not divided, the query is masked or not.",),
        "Mahankali, Hashimoto, Ma 2023 (arXiv 2307.03576)",
        partial(derive, lines),
    )


THEOREM = theorem()
