r"""R23.one_head: the frontier of one odd head is a problem in five numbers, and at no zero-shot excess R18's problem in two.

A head is a T of rank one: :math:`(\alpha, w) \times (q, \beta, \gamma, \delta)`. Source: new here.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from sympy import QQ, ZZ
from sympy.polys.fields import field

from ..predictions import SEVEN, Form
from ..programs import of_scalars
from ..risk_formula import risk_at
from . import odd_predictions
from .hypotheses import Given
from .odd_predictions import GENERIC, coordinates_of, enumerated, odd_form
from .on_lines import Field
from .r12_predictions import EVEN, ODD
from .r18_replay import REDUCED
from .r23_two_heads import SQUARES
from .radicals import compose
from .theorem import Proof, Theorem
from .value_model import at

FIELD, d, n, N, sigma2, W, D, t, alpha, *OTHERS = field("d n N sigma2 W D t alpha w q beta gamma delta", ZZ)
w, q, beta, gamma, delta = OTHERS
SCALARS = (alpha, *OTHERS)
NAMES = {str(x): x for x in (d, n, N, sigma2, *SCALARS)}


def _defined(line: str, name: str) -> str:
    """A line N**2*name == value as one that assigns the name."""
    return line.replace(f"N**2*{name} == ", f"{name} = (").rstrip() + ")/N**2\n"


EXCESS = "A = alpha*q\nk = alpha*beta\ng = alpha*gamma\n" + SQUARES
UNSEEN = (
    "b = w*q\np = w*beta\nh = w*gamma + alpha*delta\ne = w*delta\n"
    + _defined(ODD, "L_odd")
    + _defined(EVEN.removeprefix("nu = 1 + sigma2\n"), "price")
    + "L_unseen - sigma2 == L_odd + price\n"
)
RATIOS = """\
W = w/alpha
D = alpha*delta
b == W*A
p == W*k
h == W*g + D
e == W*D
"""
NO_EXCESS = REDUCED.replace("L_PT", "L_unseen")


def derive(proof: Proof) -> None:
    """R23.one_head."""
    proof.step(
        "The frontier asks for the least unseen risk, at n shots, of all heads whose zero-shot risk on the target exceeds the noise by r "
        "at most. Of one odd head the coordinates of R12.predictions are products of six scalars. Zero shots see three of these, in "
        "squares of independent forms, which vanish together at one point."
    )
    seven, target = coordinates_of(*SCALARS), odd_form("target", "Akg")
    akg = {x: seven[x] for x in "Akg"}
    zero_shot = risk_of_scalars("target", 0, 1)
    proof.zero("the form in A, k and g is the code's risk", _value(target, [*akg.values()]) - zero_shot)
    proof.formula("the zero-shot risk on the target", EXCESS, NAMES | {"L_ZS": sigma2 + zero_shot}, main=True)
    (a, b, e), (_, x, y), (_, _, z) = target.matrix
    proof.positive("the form's first two leading minors", a, a * x - b**2)
    proof.word("one", a * (x * z - y**2) - b * (b * z - y * e) + e * (b * y - x * e), ("one", "more than one"))
    proof.step(
        r"The scalars enter as $(\alpha, w)\otimes(q, \beta, \gamma, \delta)$, which no scale moves: five ratios, A, k, g, $W = w/\alpha$ and "
        r"$D = \alpha\delta$. (A head without $\alpha$ answers zero shots by 0, an excess of one.) Both risks are mean squares of what "
        "is linear in A, k, g and D beside a W: a convex problem."
    )
    loss = risk_of_scalars("unseen", n, N)
    proof.formula("the unseen risk", UNSEEN, NAMES | akg | {"L_unseen": sigma2 + loss}, main=True)
    scaled = coordinates_of(t * alpha, t * w, *(x / t for x in SCALARS[2:]))
    proof.zeros("the scale moves no coordinate", (scaled[x] - seven[x] for x in SEVEN))
    proof.zero("without alpha the excess is one", at(zero_shot, {alpha: 0 * alpha}) - 1)
    proof.formula("the other four", RATIOS, NAMES | seven, main=True)
    proof.step(
        r"Without excess A is one, so that $\alpha$ is not zero, q is $1/\alpha$, and $\beta$ and $\gamma$ vanish with k and g. What is "
        "left of the unseen risk is R18's, in W and D."
    )
    here = {q: 1 / alpha, beta: 0 * beta, gamma: 0 * gamma, w: alpha * W, delta: D / alpha}
    proof.zero("no excess there", at(zero_shot, here))
    numbers = {"d": d, "n": n, "N": N, "sigma2": sigma2, "W": W, "D": D}
    left = sigma2 + at(loss, here)
    proof.formula("the unseen risk without excess", NO_EXCESS, numbers | {"L_unseen": left}, main=True)
    proof.brute_force("both risks, by enumeration", _points(zero_shot, loss))


def risk_of_scalars(place: str, shots: Any, tokens: Any) -> Any:
    """The risk of six scalars less the noise, by the code that users run, as an element of the field; |theta_0| = 1."""
    lines = Field(FIELD)
    world = lines.world("tokens", True, d=d, noise_variance=sigma2, target_norm2=1, across_norm2=1)
    terms = lines.terms(of_scalars(*map(lines.lift, SCALARS)), world, place)
    return (FIELD(risk_at(terms, shots, 1, tokens - shots)) - sigma2) / tokens**2


def _value(found: Form, coordinates: list[Any]) -> Any:
    """A form of the setting's numbers at a head's coordinates."""
    here = {"d": d, "n": n, "N": N, "sigma2": sigma2}
    images = {x: here.get(str(x), FIELD(0)) for x in odd_predictions.FIELD.gens}
    numbers = ([compose(x, images) for x in part.ravel()] for part in (found.slope, found.matrix))
    slope, matrix = (np.array(part, dtype=object) for part in numbers)
    return Form(compose(found.constant, images), slope, matrix.reshape(found.matrix.shape)).at(
        np.array(coordinates, dtype=object)
    )


def _points(zero_shot: Any, loss: Any) -> Iterator[tuple[Any, Any]]:
    for dim, shots in ((1, 2), (2, 1)):
        noise = Fraction(1, 2 + dim)
        numbers: list[Any] = [dim, shots, shots + 1, noise, 0, 0, 0, *GENERIC]
        exact = {x: FIELD(QQ(*Fraction(y).as_integer_ratio())) for x, y in zip(FIELD.gens, numbers, strict=True)}
        for value, place, count in ((zero_shot, "target", 0), (loss, "unseen", shots)):
            found = compose(value, exact)
            number = Fraction(int(found.numer.coeff(1)), int(found.denom.coeff(1)))
            yield number, enumerated(GENERIC, dim, count, noise, place)


THEOREM = Theorem(
    name="R23.one_head",
    title="The frontier of one odd head: five numbers, and two where its zero-shot excess vanishes",
    statement=(
        r"One odd head enters the zero-shot risk on the target and the risk on unseen tasks at n shots by six scalars, as below, and by five ratios "
        r"of them: A, k, g, W and D. Beside a W the least unseen risk under a bound on zero-shot excess is a convex problem in the four "
        "others. That excess is zero at <<one>> (A, k, g), and the unseen risk is there the last line, which is that of R18 with n shots, in W and D. "
        "(What `numerics.frontier` finds among odd heads is so an upper bound of the least of all single heads; that a head of another "
        "form is not below it is observed, not proved.)"
    ),
    assumptions=(
        "Isotropic, unit target, unseen tasks uniform on the unit sphere.",
        r"$\alpha$ is not zero: a head without it has an excess of one.",
    ),
    source="new here",
    derive=derive,
    given=(Given("d >= 2"),),
)
