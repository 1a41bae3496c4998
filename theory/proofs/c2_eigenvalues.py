r"""C2: Ahn et al.'s global optimum of one layer, eigenvalue by eigenvalue, any covariance.

Statement. Among layers whose query is masked, trained at n shots of noiseless labels and tasks :math:`N(0, I)`, the
library's pretrained model has on every eigenvector of :math:`\Sigma` the eigenvalue that their Theorem 1 prints; R1 and
R12.one_head say that it is least, among any number of heads.

Source: Ahn, Cheng, Daneshmand, Sra 2023 (arXiv 2306.00297), Theorem 1; the derivation is new here.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ..kinds import FRACTIONS
from ..matrices import Matrices
from ..wick import identity, substitute, trace
from .any_covariance import INVERSE, Dividing
from .gradient_step import Sigma, h, lam, learned, n, slopes, t, u
from .hypotheses import Given
from .r0_points import identity as unit_matrix
from .theorem import Proof, Theorem

LINES = "b = 1/((n + 1)/n*lam + trace(Sigma)/n)"
EIGENVECTOR = "Sigma @ u == lam*u"


def derive(lines: str, proof: Proof) -> None:
    """C2."""
    space = Dividing(Sigma, {trace(Sigma): t})
    found = learned(space, Sigma, identity, 0 * t, n, n)
    proof.step(
        r"The pretrained K is the inverse of a matrix A, at $\Psi = I$, $\sigma^2 = 0$, N = n. A is a polynomial in $\Sigma$, so "
        r"that it maps u to a multiple of u, and K maps u to u over that multiple."
    )
    proof.zero("K is that inverse", found - INVERSE)
    image = substitute(h @ space.matrix @ u, proof.rules(EIGENVECTOR, {"Sigma": Sigma, "lam": lam, "u": u}, h))
    (alone,) = (h @ u).terms
    value = image.terms[alone]
    proof.zero("u is an eigenvector of A", image - value * (h @ u))
    names = {"n": n, "lam": lam, "Sigma": Sigma, "trace": space.trace}
    proof.formula("the eigenvalue of wB", lines, names, b=1 / value, main=True)
    proof.step(
        "By enumeration, at points and with label noise in A: no slope along any further (v, Q), the query masked."
    )
    proof.brute_force("the definition's slope at the optimum", slopes(optimum))


def optimum(sigma: Any, n: int, noise: Any, N: int) -> Any:
    """The library's pretrained matrix at a point, tasks N(0, I)."""
    space = Matrices(len(sigma), FRACTIONS)
    return learned(space, sigma, unit_matrix(len(sigma)), noise, FRACTIONS.number(n), FRACTIONS.number(N), len(sigma))


def theorem(lines: str = LINES) -> Theorem:
    """The theorem that these lines make."""
    return Theorem(
        "C2",
        "Ahn et al.: the eigenvalues of the optimum",
        r"On an eigenvector u of $\Sigma$ with the eigenvalue $\lambda$ the pretrained model of n shots, for tasks $N(0, I)$ "
        "without label noise, has $wBu = bu$ with the following b.",
        (r"Any covariance $\Sigma$; the sum is divided by the number of shots, the query masked or not.",),
        "Ahn, Cheng, Daneshmand, Sra 2023 (arXiv 2306.00297), Theorem 1",
        partial(derive, lines),
        (Given(EIGENVECTOR),),
    )


THEOREM = theorem()
