r"""C7: Lu et al.'s generalisation error of any readout, at finite dimension.

Statement. They regress the answer on a d x (d + 1) matrix of features of the prompt; their readout is one head with
:math:`Q_{xx} = dG` and :math:`Q_{xy} = g`. For inputs of covariance I/d and tasks uniform on the sphere of radius
:math:`d^{1/2}` its error is exactly as printed at every d, and not in the limit alone.

Source: Lu, Letey, Zavatone-Veth, Maiti, Pehlevan 2025 (arXiv 2405.11751), and the function `gen_err_analytical_NEW` of
their code; the derivation is new here.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from typing import Any

from ..wick import Sphere, expectation, identity, substitute
from .enumeration import exact_average_risk
from .gradient_step import G, Sigma, Traces, coded, d, g, h, n, of_task, on_tasks, rho, sigma2, theta
from .printed_lines import run_lines
from .r0_points import NOISE, rationals
from .r0_points import identity as unit_matrix
from .theorem import Proof, Theorem

LINES = """\
alpha = n/d
e = (1 + rho - 2/d*trace(G)
    + (((1 + rho)/alpha + 1 + 1/n)*trace(G @ G.T) + (1 + rho)**2*(1 + 2/n)*(g @ g))/d)
"""
SPACE = Traces({})


def derive(lines: str, proof: Proof) -> None:
    """C7."""
    proof.step(
        r"In units in which inputs are $N(0, I)$ and tasks unit vectors the head is G and $h = g/d^{1/2}$; the error is even in h."
    )
    task = Sphere("tau", d)
    unit: dict[Any, Any] = {Sigma: identity, g: h, sigma2: rho, h @ h: (g @ g) / d, **SPACE.numbers}
    averaged = expectation(substitute(of_task(), {theta: task, Sigma: identity, g: h}), task)
    derived = substitute(averaged, unit)
    names = {"n": n, "d": d, "rho": rho, "G": G, "g": g, "trace": SPACE.trace}
    proof.formula("the error of a readout", lines, names, e=rho + derived, main=True)
    sphere = on_tasks(SPACE, identity / d, d / (d + 2))
    printed = substitute(SPACE.number(coded(SPACE, identity, G, sphere, rho, h)), {h @ h: (g @ g) / d})
    proof.zero("the code's risk", printed - derived)
    proof.brute_force("enumeration of the definition at points", _points(lines))


def _points(lines: str) -> Iterator[tuple[Any, Any]]:
    """d = 1, where the unit of length is 1, and d = 2 in the units of the proof, without and with h."""
    for dim, count in ((1, 1), (1, 2), (2, 1), (2, 2)):
        G, h = rationals(dim, dim, seed=dim + count), rationals(dim, seed=3 + count)
        v, Q = [0] * (dim + 1) + [1], unit_matrix(dim + 2) * 0
        Q[1:-1, 1:-1], Q[1:-1, -1] = G, h
        names: dict[str, Any] = {
            "n": Fraction(count),
            "d": Fraction(dim),
            "rho": NOISE,
            "G": G,
            "trace": lambda a: sum(a.diagonal()),
        }
        error = run_lines(lines, names | {"g": h})[0]["e"]
        without = run_lines(lines, names | {"g": 0 * h})[0]["e"]
        error = without + dim * (error - without)  # g.g = d h.h
        yield error, exact_average_risk(v, Q, unit_matrix(dim), NOISE, count, normalization="shots")


def theorem(lines: str = LINES) -> Theorem:
    """The theorem that these lines make."""
    return Theorem(
        "C7",
        "Lu et al.: the error of any readout, at finite dimension",
        r"The error of the readout G, g at n shots, for inputs of covariance $I/d$, label noise $\rho$ and tasks uniform on the "
        r"sphere of radius $d^{1/2}$, is the following.",
        ("Any G and g; the sum is divided by the number of shots, query attending or masked.",),
        "Lu, Letey, Zavatone-Veth, Maiti, Pehlevan 2025 (arXiv 2405.11751), and their code",
        partial(derive, lines),
    )


THEOREM = theorem()
