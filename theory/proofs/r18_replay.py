r"""R18: all parameters with replay of a vanishing weight is a problem in one number, whose slope is a quintic's.

The zero-shot loss brings the layer to R2's points; along them the pretraining loss moves what they leave free, w and
:math:`q_{xy} = \delta\theta_0`. Source: new here.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from sympy import QQ

from .enumeration import exact_average_risk
from .hypotheses import Given
from .odd_predictions import odd_form
from .r14_new_head_few_shot import FIELD, D, N, W, a, at_head, c, d, n, sigma2
from .radicals import compose
from .theorem import Proof, Theorem
from .value_model import at, minimiser

REDUCED = """\
nu = 1 + sigma2
S = n*nu*W**2 + 1 + n + 2*n*nu*W*D + n*(n + 2)*nu**2*W**2*D**2
N**2*(L_PT - nu) == D**2*(n**2/d + n*(nu + 1/d)) + S - 2*n*N*D/d
"""
BEST = """\
nu = 1 + sigma2
W == -D/(1 + (n + 2)*nu*D**2)
N**2*slope/2 == D*n*(n + 1 + d*nu)/d - n*nu*D/(1 + (n + 2)*nu*D**2)**2 - n*N/d
"""


def derive(proof: Proof) -> None:
    """R18."""
    proof.step(
        r"Flow keeps the six scalars (R10.isotropic); of these the points without zero-shot loss near R2's are $v_x = c\theta_0$, "
        r"$Q_{00} = 1/c$, no $\beta$ and no $\gamma$ (R15), with any w and $\delta$. They meet of R12.predictions A = 1, b = W, h = D and "
        r"e = W D, where $W = w/c$ and $D = c\,\delta$: in-context learning along the target alone."
    )
    loss = at(at_head(odd_form("unseen", "Abphe")), {a: 0 * a})
    names = {"d": d, "n": n, "N": N, "sigma2": sigma2, "W": W, "D": D}
    proof.formula("the pretraining loss", REDUCED, names | {"L_PT": sigma2 + loss}, main=True)
    (best,) = minimiser(loss, W)
    proof.word("one", N**2 * loss.diff(W).diff(W), ("one", "no"))
    slope = at(loss.diff(D), {W: best})
    known = {x: y for x, y in names.items() if x != "W"}
    proof.formula(
        "the best W beside D, and the slope that is left", BEST, known | {"W": best, "slope": slope}, main=True
    )
    proof.brute_force("the loss, by enumeration", _points(loss))


def _points(loss: Any) -> Iterator[tuple[Any, Any]]:
    label, gate, scale = (Fraction(x, 4) for x in (-2, 5, 6))
    for dim, shots in ((1, 1), (1, 2), (2, 1)):
        noise, size = Fraction(1, 2 + dim), dim + 2
        Q = [[Fraction(0)] * size for _ in range(size)]
        Q[0][0], Q[1][-1] = 1 / scale, gate / scale
        v = [Fraction(0), scale, *[Fraction(0)] * (dim - 1), label * scale]
        identity = [[Fraction(int(i == j)) for j in range(dim)] for i in range(dim)]
        numbers: dict[Any, Any] = {d: dim, n: shots, N: shots + 1, sigma2: noise, a: 0, W: label, D: gate, c: scale}
        exact = {x: FIELD(QQ(*Fraction(y).as_integer_ratio())) for x, y in numbers.items()}
        found = compose(loss, exact)
        yield (
            Fraction(int(found.numer.coeff(1)), int(found.denom.coeff(1))),
            exact_average_risk(v, Q, identity, noise, shots) - noise,
        )


THEOREM = Theorem(
    name="R18",
    title="All parameters with replay of vanishing weight: one number is left",
    statement=(
        r"All of a layer trained on $L_{ZS}$ and, along its minimisers, on the pretraining loss at n shots: on R2's points that loss sees "
        r"W, w over c, and D, $c\,\delta$, as below. Beside a D there is <<one>> best W, and what is left has the slope of the last line, "
        "whose zeros are the roots of a quintic. (Which of them flow reaches, and the transition at finite weights, are found in "
        "floats and certified there: `numerics.local_minima`, `numerics.transition`.)"
    ),
    assumptions=("Isotropic, unit target, tasks uniform on the unit sphere.",),
    source="new here",
    derive=derive,
    given=(Given("n >= 1"),),
)
