r"""R14: a new head beside a frozen layer, with a few-shot loss of vanishing weight, is a problem in one number.

The zero-shot loss brings the head to F1 (R13); along its points without loss the few-shot loss then moves what they leave free,
the label's weight w and the gate :math:`q_{xy} = \delta\theta_0`. Source: new here.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from sympy import QQ, ZZ
from sympy.polys.fields import field

from . import enumeration, odd_predictions
from .hypotheses import Given
from .odd_predictions import at as risk_at
from .odd_predictions import odd_form
from .radicals import compose
from .theorem import Proof, Theorem
from .value_model import at, minimiser

FIELD, d, n, N, sigma2, a, W, D, c = field("d n N sigma2 a W D c", ZZ)

REDUCED = """\
nu = 1 + sigma2
Y = 1 + n*(a + D + nu*W*D)
S = 1 + 2*W + nu*W**2 + (nu + 1)*(a + D)**2 + 2*nu**2*W**2*D**2 + 4*nu*(a + D)*W*D + a**2*nu*(d - 1)
N**2*(L_FS - sigma2) == (N - Y)**2 + n*S
"""
BEST = """\
nu = 1 + sigma2
W == -(1 + 2*nu*D*(a + D) - nu*D*(N - 1 - n*(a + D)))/(nu + (n + 2)*nu**2*D**2)
"""
LIMIT = """\
nu = 1 + sigma2
limit == sigma2 + ((d - 1)*(1 - a)**2 + (1 - a - D)**2)/d + (nu*W*D)**2
"""


def derive(proof: Proof) -> None:
    """R14."""
    proof.step(
        r"Flow keeps the six scalars of the new head (R10.isotropic), and of these the points without zero-shot loss near R13's are "
        r"$v_x = c\theta_0$, $Q_{00} = 1/c$, no $\beta$ and no $\gamma$ (R15), with any w and $\delta$. Beside the frozen layer they meet "
        r"of R12.predictions A = 1, b = W, p = a, h = D and e = W D, where $W = w/c$ and $D = c\,\delta$."
    )
    few_shot = at_head(odd_form("few_shot", "Abphe"))
    names = {"n": n, "N": N, "sigma2": sigma2, "a": a, "W": W, "D": D}
    proof.formula("the few-shot loss", REDUCED, names | {"d": d, "L_FS": sigma2 + few_shot}, main=True)
    proof.step("It is a quadratic in W, which leaves a rational function of D.")
    (best,) = minimiser(few_shot, W)
    proof.word("one", N**2 * few_shot.diff(W).diff(W), ("one", "no"))
    proof.formula("the best W beside D", BEST, {x: y for x, y in names.items() if x != "W"} | {"W": best}, main=True)
    proof.step(
        r"c moves no prediction. With the other head at rest $(k v, Q/k)$ is still one model to both losses, so that $|v|^2 - |Q|^2$ of "
        "the new head is conserved, and zero from a small start."
    )
    conserved = c**2 + (c * W) ** 2 - (1 / c) ** 2 - (D / c) ** 2
    proof.formula(
        "what the new head conserves",
        "kept = c**2*(1 + W**2) - (1 + D**2)/c**2",
        {"c": c, "W": W, "D": D},
        kept=conserved,
    )
    proof.step("On average over unseen tasks the risk tends to what is left of n squared, over N squared.")
    unseen = at(N**2 * at_head(odd_form("unseen", "Abphe")), {N: n + 1})
    limit = unseen.diff(n).diff(n) / 2
    proof.zero("it is a quadratic in n", limit.diff(n))
    proof.formula(
        "the unseen risk with infinitely many shots", LIMIT, names | {"d": d, "limit": sigma2 + limit}, main=True
    )
    gate = limit - at(limit, {W: 0 * W})
    proof.word("lasts", gate, ("lasts", "vanishes"))
    proof.brute_force("both risks, by enumeration of two heads", _points(few_shot))


def at_head(form: Any) -> Any:
    """A form's value at the frozen layer and the new head on F1."""
    b, p, h = (odd_predictions.NAMES[name] for name in "bph")
    value = risk_at(form, A=odd_predictions.FIELD(1), b=b, p=p, h=h, e=b * h)
    here = {"d": d, "n": n, "N": N, "sigma2": sigma2, "b": W, "p": a, "h": D}
    return compose(value, {x: here.get(str(x), FIELD(0)) for x in odd_predictions.FIELD.gens})


def _points(few_shot: Any) -> Iterator[tuple[Any, Any]]:
    gain, label, gate, scale = (Fraction(x, 4) for x in (3, -2, 5, 6))
    for dim, shots in ((1, 1), (1, 2), (2, 1)):
        noise, size = Fraction(1, 2 + dim), dim + 2
        frozen, new = ([[Fraction(0)] * size for _ in range(size)] for _ in range(2))
        for i in range(1, dim + 1):
            frozen[i][i] = gain
        new[0][0], new[1][-1] = 1 / scale, gate / scale
        v = [Fraction(0), scale, *[Fraction(0)] * (dim - 1), label * scale]
        heads = [([Fraction(0)] * (size - 1) + [Fraction(1)], frozen), (v, new)]
        identity = [[Fraction(int(i == j)) for j in range(dim)] for i in range(dim)]
        target = identity[0]
        numbers: dict[Any, Any] = {d: dim, n: shots, N: shots + 1, sigma2: noise, a: gain, W: label, D: gate, c: scale}
        exact = {x: FIELD(QQ(*Fraction(y).as_integer_ratio())) for x, y in numbers.items()}
        found = compose(few_shot, exact)
        value = Fraction(int(found.numer.coeff(1)), int(found.denom.coeff(1)))
        yield value, enumeration.exact_layer_risk(heads, identity, target, noise, shots, shots + 1) - noise
        yield enumeration.exact_layer_risk(heads, identity, target, noise, 0, 1), noise


THEOREM = Theorem(
    name="R14",
    title="A new head with a few-shot loss of vanishing weight: one number is left, and a price comes back",
    statement=(
        r"A new head beside a frozen layer of product $aI$, trained on $L_{ZS}$ and along its minimisers on $L_{FS}$ at n shots. From "
        r"R13's point it keeps to F1, where the loss sees W, w over c, and D, $c\,\delta$, as below. Beside a D there is <<one>> best W; "
        "what is left is a rational function of D. As shots grow the risk on unseen tasks tends to the limit below: what the gate adds "
        "to it <<lasts>>. (Which local minimum flow reaches is observed, not proved: `numerics.solve`.)"
    ),
    assumptions=("Isotropic, unit target, in tokens and shots; unseen tasks uniform on the unit sphere, in tokens.",),
    source="new here",
    derive=derive,
    given=(Given("n >= 1"), Given("W != 0"), Given("D != 0")),
)
