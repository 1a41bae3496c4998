r"""C1.bound: Zhang, Frei and Bartlett's upper bound, and by which three steps it is one.

Statement. On average over tasks :math:`N(0, I)` without label noise the risk of C1 is a sum of three traces, of which every
eigenvalue's share is less than 1, :math:`\lambda` and :math:`1/\lambda`; with :math:`t = \mathrm{tr}\,\Lambda \le
d\lambda_{\max}` and :math:`\mathrm{tr}\,\Lambda^{-1} \le d/\lambda_{\min}` their Corollary 4.3 follows.

Source: Zhang, Frei, Bartlett 2024 (JMLR 25, 23-1042; arXiv 2306.09927), Corollary 4.3; the proof is new here.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from sympy import ZZ
from sympy.polys.fields import field

from ..wick import identity, substitute
from .c1_other_shots import LAMBDA, SPACE
from .gradient_step import LETTER, G, Sigma, m, n, of_tasks, sigma2, t
from .theorem import Proof, Theorem

AVERAGE = """\
p_1 = trace(X @ X @ Lambda)
p_2 = trace(X @ X @ Lambda @ Lambda)
p_3 = trace(X @ X @ Lambda @ Lambda @ Lambda)
risk == (t*p_2 + p_3)/M + (p_3 + 2*t*p_2 + t**2*p_1)/N**2
"""
LINES = """\
bound = (d + 1)*t/M + (1 + 2*d + d**2*kappa)*t/N**2
risk < bound
"""
# Of the whole, what is missing: t from d lambda_max, u = tr Lambda^-1 from d/lambda_min, and p_k from u, d and t.
_, d_, t_, u_, N_, M_, x, y, a_1, a_2, a_3 = field("d t u N M x y a_1 a_2 a_3", ZZ)
_, one, rest, trained = field("lam rest N", ZZ)
SIGNS = ("t > 0", "u > 0", "N > 0", "M > 0", "x >= 0", "y >= 0", "a_1 >= 0", "a_2 > 0", "a_3 > 0")


def derive(lines: str, proof: Proof) -> None:
    """C1.bound."""
    proof.step(r"C1 on average over tasks $N(0, I)$, without noise; $X = \Gamma^{-1}$.")
    images: dict[Any, Any] = {Sigma: LAMBDA, G: LETTER.inverse, **SPACE.numbers}
    risk = substitute(substitute(of_tasks(identity), images), {sigma2: 0})
    names = {"Lambda": LAMBDA, "X": LETTER.inverse, "t": t, "N": m, "M": n, "trace": SPACE.trace}
    proof.formula("the average risk", AVERAGE, names | {"risk": risk})
    proof.step(
        r"Every eigenvalue $\lambda$ of $\Lambda$ is below the $\gamma$ of $\Gamma$, with what the others add to the trace. So its "
        r"shares in $p_2, p_3, p_1$ are below 1, $\lambda$ and $1/\lambda$."
    )
    gamma = one + (2 * one + rest) / trained
    shares = 1 - (one / gamma) ** 2, one - one**3 / gamma**2, 1 / one - one / gamma**2
    proof.positive("what is missing of each", *shares, also=("lam > 0", "rest >= 0", "N > 0"))
    proof.step(
        r"With $x = d\lambda_{\max} - t$, $y = d/\lambda_{\min} - u$, $u = \mathrm{tr}\,\Lambda^{-1}$, neither negative, and $a_k$ what "
        "is missing of each trace, the bound less the risk has positive terms alone."
    )
    missing = (t_ * a_2 + a_3) / M_ + (a_3 + 2 * t_ * a_2 + t_ * (t_ * y + x * u_ + x * y + t_ * a_1)) / N_**2
    p_1, p_2, p_3 = u_ - a_1, d_ - a_2, t_ - a_3
    average = (t_ * p_2 + p_3) / M_ + (p_3 + 2 * t_ * p_2 + t_**2 * p_1) / N_**2
    known = {"d": d_, "t": t_, "N": N_, "M": M_, "kappa": (t_ + x) * (u_ + y) / d_**2, "risk": average}
    proof.condition("the bound", lines, known, missing, 1 + 0 * d_, main=True)
    proof.positive("what is missing in all", missing, also=SIGNS)


def theorem(lines: str = LINES) -> Theorem:
    """The theorem that these lines make."""
    return Theorem(
        "C1.bound",
        "Zhang, Frei and Bartlett: the upper bound",
        r"On average over tasks $N(0, I)$ the risk of C1 is below the following bound, with $t = \mathrm{tr}\,\Lambda$ and $\kappa$ "
        r"the ratio of the largest eigenvalue of $\Lambda$ to the smallest.",
        (r"Any positive definite covariance $\Lambda$ of the inputs; no label noise.",),
        "Zhang, Frei, Bartlett 2024 (JMLR 25, 23-1042; arXiv 2306.09927), Corollary 4.3",
        partial(derive, lines),
    )


THEOREM = theorem()
