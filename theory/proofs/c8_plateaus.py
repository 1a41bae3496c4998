r"""C8: the plateaus of Zhang, Singh, Latham and Saxe's training: what each learned direction takes off the loss.

Statement. Without label noise and on tasks :math:`N(0, I)` let X be any step that neither maps a unit eigenvector u of
:math:`\Lambda` nor onto it. On :math:`X + b\,uu^\top` the loss is least in b at the global optimum's eigenvalue (C2), where it has
fallen by the printed share, whatever X is. So with the first m eigenvectors learned the loss is :math:`\mathrm{tr}\,\Lambda` less
m shares, as they print it.

Source: Zhang, Singh, Latham, Saxe 2025 (arXiv 2501.16265); the derivation is new here.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from typing import Any

from ..wick import Matrix, Scalar, identity, matrix, outer, substitute
from ..wick.expressions import contractions, symbol
from .enumeration import exact_layer_risk
from .gradient_step import FIELD, G, Sigma, Traces, coded, lam, n, of_tasks, on_tasks, sigma2, t, u
from .printed_lines import run_lines
from .r0_points import identity as unit_matrix
from .theorem import Proof, Theorem

LINES = """\
b = 1/((N + 1)/N*lam + t/N)
L = L_before - lam/(1 + (1 + t/lam)/N)
"""
X = matrix("X")
SPACE = Traces({})


def along_eigenvector(expression: Scalar) -> Any:
    """u is a unit eigenvector, X knows nothing of it, and tr Lambda is t; no noise."""
    images: dict[Any, Any] = {}
    for contraction in contractions(expression):
        names = [letter.name for letter in contraction.word]
        if contraction.kind == "chain":
            images[symbol(contraction)] = 0 if "X" in names else lam ** len(names)
        elif names == ["Sigma"]:
            images[symbol(contraction)] = t
    return substitute(substitute(expression, images), {sigma2: 0})


def loss(step: Matrix) -> Any:
    """The loss of a step, from the definition."""
    return along_eigenvector(substitute(of_tasks(identity), {G: step}))


def derive(lines: str, proof: Proof) -> None:
    """C8."""
    proof.step(r"The loss of $X + b\,uu^\top$ less that of X is a quadratic in b, free of X, with no constant term.")
    at = [loss(X + k * outer(u, u)) - loss(X) for k in (1, 2, 3)]
    square = (at[1] - 2 * at[0]) / 2
    proof.zero("a quadratic", at[2] - 3 * at[1] + 3 * at[0])
    linear = at[0] - square
    slope, curvature = (FIELD(value.as_coefficient()) for value in (linear, square))
    proof.step("It is least at b, where it is minus its linear part squared over four times the other.")
    least, fall = -slope / (2 * curvature), slope**2 / (4 * curvature)
    names = {"N": n, "t": t, "lam": lam, "L_before": loss(X)}
    proof.formula("what is learned, and the loss then", lines, names, b=least, L=loss(X) - fall, main=True)
    printed = along_eigenvector(coded(SPACE, Sigma, X + outer(u, u), on_tasks(SPACE, identity)))
    proof.zero("the code's risk", printed - at[0] - loss(X))
    proof.brute_force("enumeration of the definition, in the plane", _points(lines))


def _points(lines: str) -> Iterator[tuple[Any, Any]]:
    spectrum, psi = (Fraction(2), Fraction(1, 3)), unit_matrix(2)
    sigma = [[spectrum[0], Fraction(0)], [Fraction(0), spectrum[1]]]
    for N in (1, 2):
        value, v, Q = sum(spectrum), [0, 0, 0, 1], unit_matrix(4) * 0
        for k, one in enumerate(spectrum, 1):
            known = run_lines(lines, {"N": Fraction(N), "t": sum(spectrum), "lam": one, "L_before": value})[0]
            Q[k, k], value = known["b"], known["L"]
            yield value, exact_layer_risk([(v, Q)], sigma, [0, 0], 0, N, N, task_covariance=psi)


def theorem(lines: str = LINES) -> Theorem:
    """The theorem that these lines make."""
    return Theorem(
        "C8",
        "Zhang, Singh, Latham and Saxe: the plateaus of the loss",
        r"Where a direction of $\Lambda$ of eigenvalue $\lambda$ is learned beside others, at N shots, the loss is least at the "
        "following b, and L, with $L_{before}$ what it was; at no direction learned it is t.",
        (
            r"Tasks $N(0, I)$, no label noise; any covariance $\Lambda$ of trace t, a unit eigenvector of it, and any step on what is "
            "orthogonal to that.",
            "The sum is divided by the number of shots, query attending or masked.",
        ),
        "Zhang, Singh, Latham, Saxe 2025 (arXiv 2501.16265)",
        partial(derive, lines),
    )


THEOREM = theorem()
