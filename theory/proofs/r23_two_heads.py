r"""R15, R23: two odd heads without zero-shot risk, and the least that they cost unseen tasks.

Source: new here.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from .hypotheses import Given
from .odd_predictions import FIELD, NAMES, A, N, d, e, g, k, n, odd_form, points, sigma2
from .odd_predictions import at as risk_at
from .radicals import compose
from .theorem import Proof, Theorem

SQUARES = """\
L_ZS - sigma2 == (1 - A - (d + 2)*k - 3*g)**2 + 6*(g + k)**2 + 2*(d - 1)*k**2
"""
LEAST = """\
nu = 1 + sigma2
e == -1/(nu*(n + 2))
N**2*price == n + 1 - n/(n + 2)
"""
ADAPTER = "N**2*price == n + 1"


def derive_zero_risk(proof: Proof) -> None:
    """R15."""
    proof.step(
        r"Heads enter by sums over them. At zero shots the prediction is $x_q$ times a number plus homogeneous cubics; with d of "
        "at least two its risk is a sum of three squares of independent forms, so that it vanishes at one point of them."
    )
    zero_shot = odd_form("target", "Akgbphe")
    value = risk_at(zero_shot, **NAMES)
    names = {"d": d, "sigma2": sigma2, "A": A, "k": k, "g": g, "L_ZS": value + sigma2}
    proof.formula("a sum of squares", SQUARES, names, main=True)
    proof.word("one", 6 * 2 * (d - 1), ("one", "more than one"))
    at = {x: FIELD(0) for x in NAMES} | {"A": FIELD(1)}
    proof.zero(
        "they vanish at A = 1, k = g = 0, whatever b, p, h, e are",
        risk_at(zero_shot, **(NAMES | {x: at[x] for x in "Akg"})),
    )
    proof.brute_force("the zero-shot risk, by enumeration", points(value, "target", (0,)))


def derive_price(proof: Proof) -> None:
    """R23, two heads at no zero-shot risk."""
    proof.step(
        "Without zero-shot risk A = 1 and k = g = 0 (R15). Of the price's form e is left, a gate on the labels' energy; b, p and "
        "h are of in-context learning, which two heads have apart from all this."
    )
    unseen = odd_form("unseen", "Ae")
    price = risk_at(unseen, A=A, e=e) - unseen.constant
    best = -unseen.matrix[0, 1] / unseen.matrix[1, 1]
    proof.positive("the form is convex in e", N**2 * unseen.matrix[1, 1])
    names = {"n": n, "N": N, "sigma2": sigma2}
    least = _at(price, A=FIELD(1), e=best)
    proof.zero("no slope in e there", _at(price.diff(e), A=FIELD(1), e=best))
    proof.formula("the best gate, and the price", LEAST, names | {"e": best, "price": least}, main=True)
    without = _at(price, A=FIELD(1), e=FIELD(0))
    proof.formula("a new head alone, without a gate", ADAPTER, {"n": n, "N": N, "price": without}, main=True)
    proof.word("above", N**2 * (without - least), ("above", "at"))
    heads = risk_at(odd_form("unseen", "Abhe"), **{x: NAMES[x] for x in "Abhe"})
    scalars = [Fraction(x, 4) for x in (3, -2, 5, 0, 0, 2)]
    proof.brute_force("its form, in one head, by enumeration", points(heads, "unseen", (1,), scalars))


def _at(x: Any, **values: Any) -> Any:
    images = {generator: generator for generator in FIELD.gens}
    return compose(x, images | {NAMES[name]: value for name, value in values.items()})


THEOREMS = (
    Theorem(
        name="R15",
        title="Heads without zero-shot risk",
        statement=(
            r"Of any number of odd heads the zero-shot risk on the target is as follows. It is the noise alone at <<one>> point, where the "
            r"sums over heads $\sum\alpha q$, $\sum\alpha\beta$ and $\sum\alpha\gamma$ are one, zero and zero."
        ),
        assumptions=("Isotropic, unit target; A, k, g are these sums.",),
        source="new here",
        derive=derive_zero_risk,
        given=(Given("d >= 2"),),
    ),
    Theorem(
        name="R23.two_heads",
        title="The least price on unseen tasks of two odd heads without zero-shot risk",
        statement=(
            r"Of all pairs of odd heads without zero-shot risk the least price on unseen tasks at n shots has a gate e, "
            "that of the first line, a head's $w\\delta$. A new head alone is <<above>> it, by a share of about 1/n."
        ),
        assumptions=("Isotropic, unit target, unseen tasks uniform on the unit sphere; more odd heads add nothing.",),
        source="new here",
        derive=derive_price,
        given=(Given("n >= 1"),),
    ),
)
