r"""R19: full zero-shot fine-tuning, stopped early, is value-only fine-tuning: the plateau.

Beside v_x at its best value the loss falls along x = q/beta alone, slowly. Source: new here.
"""

from __future__ import annotations

from typing import Any

from sympy import ZZ
from sympy.polys.fields import field

from . import odd_predictions
from .hypotheses import Given
from .odd_predictions import at as risk_at
from .odd_predictions import odd_form, points
from .radicals import compose
from .theorem import Proof, Theorem

_, d, q, beta, alpha = field("d q beta alpha", ZZ)

PLATEAU = """\
x = q/beta
D = (x + d + 2)**2 + 2*(d + 2)
alpha == (x + d + 2)/(beta*D)
excess == 2*(d + 2)/D
"""
SPEED = """\
x = q/beta
D = (x + d + 2)**2 + 2*(d + 2)
S = (q**2 + d*beta**2)/d
rate == 4*(d + 2)*(x + d + 2)*(1 + x**2/d)**2/(S*D**2)
"""


def derive(proof: Proof) -> None:
    """R19."""
    proof.step(
        r"Of the zero-shot risk's form (R12.predictions), with $\gamma = 0$: A is $\alpha q$ and k is $\alpha\beta$. It is "
        r"quadratic in $\alpha$, which flow brings to its best value at a rate of order 1."
    )
    value = risk_at(odd_form("target", "Ak"), A=odd_predictions.A, k=odd_predictions.k)
    images = dict.fromkeys(odd_predictions.FIELD.gens, 0 * d)
    excess = compose(
        value, images | {odd_predictions.d: d, odd_predictions.A: alpha * q, odd_predictions.k: alpha * beta}
    )
    curvature = excess.diff(alpha).diff(alpha)
    proof.zero("its curvature is a sum of squares", curvature - 2 * ((q + (d + 2) * beta) ** 2 + 2 * (d + 2) * beta**2))
    proof.positive("of which one does not vanish", (d + 2) * beta**2)
    best = -compose(excess.diff(alpha), {d: d, q: q, beta: beta, alpha: 0 * d}) / curvature

    def slaved(x: Any) -> Any:
        return compose(x, {d: d, q: q, beta: beta, alpha: best})

    names = {"d": d, "q": q, "beta": beta}
    proof.formula("the plateau", PLATEAU, names | {"alpha": best, "excess": slaved(excess)}, main=True)
    proof.step(
        r"Along it q and $\beta$ move by the rest of the gradient, $\beta$ in the metric $d\beta^2$; that keeps $q^2 + d\beta^2$, "
        "which is S times d."
    )
    moved_q, moved_beta = -slaved(excess.diff(q)), -slaved(excess.diff(beta)) / d
    proof.zero("what is conserved", q * moved_q + d * beta * moved_beta)
    rate = (moved_q * beta - q * moved_beta) / beta**2
    proof.formula("the speed of x", SPEED, names | {"rate": rate}, main=True)
    every = risk_at(odd_form("target", "Akg"), **{name: odd_predictions.NAMES[name] for name in "Akg"})
    proof.brute_force("the zero-shot risk, by enumeration", points(every, "target", (0,)))


THEOREM = Theorem(
    name="R19",
    title="Full zero-shot fine-tuning stopped early is value-only fine-tuning",
    statement=(
        r"Beside the best $v_x$, $\alpha\theta_0$, the zero-shot risk exceeds the noise by the following, where x is zero by that of "
        r"value-only fine-tuning (R4). With $\alpha$ at its best value flow moves x at the following rate, and so stays near there "
        "for a time that grows with d."
    ),
    assumptions=(
        "Isotropic, unit target.",
        r"$\gamma$ zero, and $\alpha$ at its best value: flow keeps to both to leading order.",
    ),
    source="new here",
    derive=derive,
    given=(Given("beta != 0"),),
)
