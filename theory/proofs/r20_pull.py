r"""R20: all parameters on the zero-shot loss with a vanishing pull to the start end at the nearest zero-risk point.

With weight rho on the squared distance from the start :math:`x_0`, a minimiser x has
:math:`L_{ZS}(x) - \sigma^2 \le \rho\,(|x^* - x_0|^2 - |x - x_0|^2)` for every zero-risk point :math:`x^*`. So what it tends
to as rho vanishes has no zero-shot risk, and no such point is nearer. Source: new here.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from sympy import ZZ
from sympy.polys.fields import field

from .enumeration import exact_risk
from .hypotheses import Given
from .radicals import compose
from .theorem import Proof, Theorem

_, c, r, F = field("c r F", ZZ)  # r^2 = |theta_0|, F = |B_0|_F^2

DISTANCE = """\
distance2 == (c*r**2 - 1/c)**2 + 2*r**2 + F
"""
NEAREST = """\
c == 1/r
least == 2*r**2 + F
"""


def derive(proof: Proof) -> None:
    """R20."""
    proof.step(
        r"The zero-risk points that flow from `pretrained` can reach are R2's: $v_x = c\theta_0$, $q = 1/c$, no symmetric part of B, "
        "and w as it was. From the start, where $v_x$ and q are zero, it is this far to them, the antisymmetric part at rest:"
    )
    distance2 = (c * r**2) ** 2 + (1 / c) ** 2 + F
    names = {"c": c, "r": r, "F": F}
    proof.formula("the squared distance", DISTANCE, names | {"distance2": distance2}, main=True)
    proof.step("That is least where its square vanishes, at a c that neither the covariance nor the start knows.")
    slope = distance2.diff(c)
    nearest = 1 / r
    images = {c: nearest, r: r, F: F}
    proof.zero("no slope in c there", compose(slope, images))
    proof.positive("and it is a minimum", distance2.diff(c).diff(c))
    least = compose(distance2, images)
    proof.formula("the nearest", NEAREST, {"c": nearest, "r": r, "F": F, "least": least}, main=True)
    proof.brute_force("these points have no zero-shot risk, by enumeration", _points())


def _points() -> Iterator[tuple[Any, Any]]:
    sigma = [[Fraction(2), Fraction(1, 2)], [Fraction(1, 2), Fraction(1)]]
    target, noise = [Fraction(3, 2), Fraction(2)], Fraction(1, 3)
    for scale in (Fraction(1, 2), Fraction(-2)):
        v = [Fraction(0), *(scale * x for x in target), Fraction(5, 4)]
        Q = [[Fraction(0)] * 4 for _ in range(4)]
        Q[0][0], Q[1][2], Q[2][1] = 1 / scale, Fraction(3), Fraction(-3)
        yield exact_risk(v, Q, sigma, target, noise, 0), noise


THEOREM = Theorem(
    name="R20",
    title="With a vanishing pull to the start, full zero-shot fine-tuning ends at the nearest zero-risk point",
    statement=(
        r"Of R2's points without zero-shot risk, c times $\theta_0$ for $v_x$ and 1/c for q, each is at the squared distance below from "
        r"the pretrained model, r being the square root of $|\theta_0|$ and F the squared norm of B there. The nearest has the following c and distance. It is "
        "not the point that flow without a pull selects (R2.selection), and in-context learning is lost all the same."
    ),
    assumptions=(r"Any $\Sigma$; minimisers among R2's points, which flow from `pretrained` keeps to.",),
    source="new here",
    derive=derive,
    given=(Given("c != 0"),),
)
