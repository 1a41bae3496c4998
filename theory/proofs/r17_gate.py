r"""R17: the label-energy gate. Value-only fine-tuning's constant price on unseen tasks can be cancelled by q_xy.

The sum of :math:`y_i^2` is absent at zero shots and :math:`n\nu` at n: a part e of the prediction that is read off it, with
the sign against v_x, costs the target's zero-shot risk nothing. Source: new here.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from .hypotheses import Given
from .odd_predictions import FIELD, NAMES, N, d, e, k, n, odd_form, points, sigma2
from .odd_predictions import at as risk_at
from .radicals import compose
from .theorem import Proof, Theorem

CANCELLED = """\
nu = 1 + sigma2
e = -k/nu
N**2*price == k**2*((d + 2)*(d + 4) + n*(d + 3 - 4/(d*nu)))
"""
BEST = """\
nu = 1 + sigma2
a_n = nu*(n + d + 2) + 2/d
e == -k*a_n/(nu**2*(n + 2))
N**2*price == k**2*(n**2 + (3*d + 5)*n + (d + 2)*(d + 4) - n*a_n**2/(nu**2*(n + 2)))
"""


def derive(proof: Proof) -> None:
    """R17."""
    proof.step(
        r"Of the price's form (R12.predictions) value-only fine-tuning has k alone; q_xy adds the coordinate e. The price is "
        "that form in k and e, and at zero shots e is not met at all."
    )
    unseen, zero_shot = odd_form("unseen", "ke"), odd_form("target", "ke")
    proof.zeros("the zero-shot risk does not see e", [zero_shot.slope[1], *zero_shot.matrix[1]])
    price = risk_at(unseen, k=k, e=e) - unseen.constant
    names = {"d": d, "n": n, "N": N, "sigma2": sigma2, "k": k}
    gate = -k / (1 + sigma2)
    proof.formula(
        "the gate that cancels the limit",
        CANCELLED,
        names | {"price": _with(price, gate)},
        e=gate,
        main=True,
    )
    proof.step(
        "It cancels all of the limit, so that what is left is O(1/n); the best gate at n shots is where the slope is zero."
    )
    lasting = N**2 * _with(price, gate)  # a polynomial of degree one in n, where value-only's has n^2
    proof.zero("what is left has no n^2", lasting.diff(n).diff(n))
    value_only = N**2 * _with(price, 0 * k)
    proof.word("lasts", value_only.diff(n).diff(n), ("lasts", "vanishes"))
    best = -k * unseen.matrix[0, 1] / unseen.matrix[1, 1]
    proof.zero("no slope in e there", _with(price.diff(e), best))
    proof.positive("and it is a minimum", N**2 * unseen.matrix[1, 1])
    proof.formula("the best gate at n shots", BEST, names | {"e": best, "price": _with(price, best)}, main=True)
    one_head = risk_at(odd_form("unseen", "kphe"), **{name: NAMES[name] for name in "kphe"})
    scalars = [Fraction(x, 4) for x in (3, -2, 0, 5, 0, 2)]
    proof.brute_force("value-only with a gate in one head, by enumeration", points(one_head, "unseen", (1,), scalars))


def _with(x: Any, gate: Any) -> Any:
    return compose(x, {generator: generator for generator in FIELD.gens} | {e: gate})


THEOREM = Theorem(
    name="R17",
    title="A gate on the labels' energy takes back what value-only fine-tuning costs",
    statement=(
        r"Without a gate the price of $v_x$ on unseen tasks, k being $\alpha\beta$, <<lasts>> as n grows. A q_xy whose "
        r"$w\delta$ is e leaves the zero-shot risk as it is, and with the e of the first line the price is O(1/n); that of the "
        "second is the best at n shots."
    ),
    assumptions=(
        "Isotropic, unit target, unseen tasks uniform on the unit sphere; e is given to a head of its own (in one head the same "
        "q_xy turns in-context learning a little as well).",
    ),
    source="new here",
    derive=derive,
    given=(Given("n >= 1"), Given("k != 0")),
)
