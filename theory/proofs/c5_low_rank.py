r"""C5: tasks from a subspace, evaluated on tasks from another: the setting of Kwon et al.

Statement. Pretrained at N shots on tasks :math:`N(0, P)`, P the projector on a subspace of dimension r, the library's model
is a multiple of P. On tasks :math:`N(0, P')` of another such subspace, all principal angles having the cosine c, its risk at
M shots is as printed.

Source: the setting of Kwon et al. 2025 (arXiv 2505.14808); the formula and its derivation are new here.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from typing import Any

from ..lines import Lines
from ..space import objects
from ..wick import identity, matrix, substitute, trace
from .enumeration import exact_layer_risk
from .gradient_step import FIELD, G, Sigma, Traces, c, coded, d, learned, m, n, of_tasks, on_tasks, r, sigma2
from .on_lines import coordinates
from .printed_lines import run_lines
from .r0_points import NOISE
from .r0_points import identity as unit_matrix
from .radicals import Roots
from .theorem import Proof, Theorem

LINES = """\
a = N/(N + 1 + r + sigma2)
risk = sigma2 + r - 2*a*r*c**2 + a**2*((M + 1)/M*r*c**2 + r*(r + sigma2)/M)
"""
LEARNED, MET = matrix("P", symmetric=True), matrix("P_met", symmetric=True)
# Projectors of rank r: P P = P in every trace that occurs.
NUMBERS = {
    trace(LEARNED @ LEARNED): r, trace(MET): r, trace(LEARNED @ MET): r * c**2, trace(LEARNED @ LEARNED @ MET): r * c**2,
}  # fmt: skip
SPACE = Traces(NUMBERS)


def derive(lines: str, proof: Proof) -> None:
    """C5."""
    proof.step("The pretrained model, on two lines: the subspace of the tasks, and what is across it.")
    lift = Roots(FIELD)
    space = Lines(objects(lift(r), lift(d - r)), objects(lift(FIELD(1)), lift(FIELD(1))))
    psi = space.diagonal(objects(lift(FIELD(1)), lift(FIELD(0))))
    along, across = coordinates(learned(space, space.identity, psi, *map(lift, (sigma2, m, m, d))))
    proof.zero("nothing across it", across)
    proof.step(
        "The risk of that model from the definition, averaged over tasks of the other subspace; inputs $N(0, I)$."
    )
    images: dict[Any, Any] = {Sigma: identity, G: FIELD(along) * LEARNED, **SPACE.numbers}
    derived = substitute(of_tasks(MET), images).as_coefficient()
    names = {"N": m, "M": n, "r": r, "c": c, "sigma2": sigma2}
    proof.formula("the risk at M shots", lines, names, a=FIELD(along), risk=sigma2 + derived, main=True)
    printed = coded(SPACE, identity, FIELD(along) * LEARNED, on_tasks(SPACE, MET))
    proof.zero("the code's risk", SPACE.number(printed) - derived)
    proof.brute_force("enumeration of the definition, a line in the plane", _points(lines))


def _points(lines: str) -> Iterator[tuple[Any, Any]]:
    """r = 1, d = 2: a rational rotation."""
    at = [Fraction(3, 5), Fraction(4, 5)]
    for trained, count in ((1, 2), (3, 1)):
        names = {"N": Fraction(trained), "M": Fraction(count), "r": Fraction(1), "c": at[0], "sigma2": NOISE}
        known = run_lines(lines, names)[0]
        v, Q = [0, 0, 0, 1], unit_matrix(4) * 0
        Q[1, 1] = known["a"]
        psi = [[x * y for y in at] for x in at]
        yield (
            known["risk"],
            exact_layer_risk([(v, Q)], unit_matrix(2), [0, 0], NOISE, count, count, task_covariance=psi),
        )


def theorem(lines: str = LINES) -> Theorem:
    """The theorem that these lines make."""
    return Theorem(
        "C5",
        "Kwon et al.'s setting: tasks of a subspace, met at an angle",
        r"Pretrained at N shots on tasks $N(0, P)$ of a subspace of dimension r, the model is $wB = aP$. On tasks $N(0, P')$ of a "
        "subspace at the cosine c its risk at M shots is as follows.",
        (
            r"$\Sigma = I$, label noise in training and evaluation; P and P' are projectors of rank r, and the trace of PP' is "
            r"$rc^2$.",
            "The sum is divided by the number of shots, query attending or masked.",
        ),
        "the setting of Kwon et al. 2025 (arXiv 2505.14808); the formula is new here",
        partial(derive, lines),
    )


THEOREM = theorem()
