r"""R12.predictions: the unseen risk of odd heads splits into in-context learning and the price of the target.

Source: new here.
"""

from __future__ import annotations

from ..predictions import SEVEN
from .odd_predictions import NAMES, N, d, n, odd_form, points, sigma2
from .odd_predictions import at as risk_at
from .theorem import Proof, Theorem

ODD = """\
nu = 1 + sigma2
N**2*L_odd == N**2 - 2*n*N*(p + h/d) + n*nu*b**2 + n*p**2*(n + 1 + d*nu) + n*(h**2 + 2*p*h)*(n/d + nu + 1/d)
"""
EVEN = """\
nu = 1 + sigma2
a_n = nu*(n + d + 2) + 2/d
c_n = nu*(n + 3) + 2/d
k_n = n**2 + (3*d + 5)*n + (d + 2)*(d + 4)
g_n = n**2 + 8*n + 15
m_n = n**2 + (d + 7)*n + 3*(d + 4)
N**2*price == (n + 1)*A**2 + 2*A*(k*(n + d + 2) + g*(n + 3) + e*n*nu) + k**2*k_n + g**2*g_n + e**2*n*(n + 2)*nu**2 \
+ 2*k*g*m_n + 2*k*e*n*a_n + 2*g*e*n*c_n
"""
ZERO_SHOT = """\
L_ZS - sigma2 == (1 - A - (d + 2)*k - 3*g)**2 + 2*(d + 2)*k**2 + 12*k*g + 6*g**2
"""


def derive(proof: Proof) -> None:
    """R12.predictions."""
    proof.step(
        r"All risks are quadratic forms in $T = \sum_h Q_h \otimes v_h$; the code that the frontier solves makes them from the "
        "one risk formula, here on lines with symbols. Odd heads about the target meet seven coordinates of T."
    )
    zero = dict.fromkeys(SEVEN, 0 * d)
    unseen, zero_shot = odd_form("unseen", "Akgbphe"), odd_form("target", "Akgbphe")
    split = {key: risk_at(unseen, **{x: NAMES[x] if x in key else zero[x] for x in SEVEN}) for key in ("bph", "Akge")}
    names = {"d": d, "n": n, "N": N, "sigma2": sigma2}
    price = split["Akge"] - unseen.constant
    whole = risk_at(unseen, **NAMES)
    proof.zero("no product of the two parts: the risk is their sum", whole - split["bph"] - price)
    learning = names | {x: NAMES[x] for x in "bph"} | {"L_odd": split["bph"]}
    proof.formula("in-context learning, less the noise", ODD, learning, main=True)
    cost = names | {x: NAMES[x] for x in "Akge"} | {"price": price}
    proof.formula("what the target costs unseen tasks, whatever in-context learning is", EVEN, cost, main=True)
    proof.step(
        "At zero shots on the target only A, k and g are met; the risk is a sum of squares about A = 1, k = g = 0."
    )
    value = risk_at(zero_shot, **NAMES)
    seen = {"d": d, "sigma2": sigma2, "A": NAMES["A"], "k": NAMES["k"], "g": NAMES["g"], "L_ZS": value + sigma2}
    proof.formula("the zero-shot risk", ZERO_SHOT, seen, main=True)
    proof.brute_force("the unseen risk, by enumeration", points(whole, "unseen"))
    proof.brute_force("the zero-shot risk, by enumeration", points(value, "target", (0,)))


THEOREM = Theorem(
    name="R12.predictions",
    title="Odd heads: the unseen risk is in-context learning plus the price of the target",
    statement=(
        r"Any number of odd heads with the symmetry about the target meet seven numbers, with $e_0$ the target: A, k, g (of "
        r"$e_0^\top x_i$, $(e_0^\top x_i)(x_q^\top x_i)$, $(e_0^\top x_i)^2 e_0^\top x_q$) and b, p, h, e (of $y_i$, $y_i x_q^\top x_i$, "
        r"$y_i(e_0^\top x_i)(e_0^\top x_q)$, $y_i^2 e_0^\top x_q$). On average over unseen tasks the risk is $\sigma^2 + L_{odd}$ "
        "plus a price, and the zero-shot risk on the target is the third line."
    ),
    assumptions=("Isotropic, unit target, unseen tasks uniform on the unit sphere.",),
    source="new here",
    derive=derive,
)
