r"""R20.reduced: all parameters on the zero-shot loss with a pull to the start are a problem in four numbers, and one is left.

At :math:`\Sigma = I` flow from a start of six scalars keeps to six scalars, where the loss and the squared distance of all entries
of (v, Q) are printed functions of them. Source: new here.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from sympy import QQ, ZZ
from sympy.polys.fields import field

from ..programs import of_scalars
from ..risk_formula import risk_at
from ..wick import Scalar, identity, matrix, outer, substitute, trace, vector
from .enumeration import exact_risk
from .hypotheses import Given
from .on_lines import Field
from .radicals import compose
from .theorem import Proof, Theorem
from .words import TokenOperator, TokenVector, Words

FIELD, d, s, sigma2, mu, c, *GENERATORS = field(
    "d s sigma2 mu c alpha w q beta gamma delta alpha_0 w_0 q_0 beta_0 gamma_0 delta_0", ZZ
)
NOW, START = tuple(GENERATORS[:6]), tuple(GENERATORS[6:])
NAMES = {str(x): x for x in (d, s, sigma2, mu, *GENERATORS)}
SPACE = Words()
theta_0, h, g, f, p = (vector(name) for name in ("theta0", "h", "g", "f", "p"))
H = matrix("H")

LOSS = """\
A = alpha*q
k = alpha*beta
g = s*alpha*gamma
L_ZS - sigma2 == s*((1 - A - (d + 2)*k - 3*g)**2 + 6*(g + k)**2 + 2*(d - 1)*k**2)
"""
DISTANCE = """\
distance2 == s*(alpha - alpha_0)**2 + (w - w_0)**2 + (q - q_0)**2 + d*(beta - beta_0)**2 \
+ 2*s*(beta - beta_0)*(gamma - gamma_0) + s**2*(gamma - gamma_0)**2 + s*(delta - delta_0)**2
"""
AT_REST = """\
D(L_ZS, w) == 0
D(L_ZS, delta) == 0
D(distance2, w) == 2*(w - w_0)
D(distance2, delta) == 2*s*(delta - delta_0)
"""


def derive(proof: Proof) -> None:
    """R20.reduced."""
    proof.step(
        "The zero-shot loss has no gradient across the six scalars (R10.odd, R10.isotropic, whatever the shots). Nor has the pull: "
        "its gradient is along the displacement from the start, which is of six scalars too, and these are at right angles to "
        r"$v_0$, r and p, to every $h \perp \theta_0$, and to every H with $\mathrm{tr}H = 0$, $\theta_0^\top H\theta_0 = 0$. So flow stays."
    )
    (v, Q), (v_0, Q_0) = _model(*NOW), _model(*START)
    displacement = v - v_0, Q - Q_0
    across = SPACE.token_vector(c, h, 0), SPACE.score(0, SPACE.token_vector(0, g, c), p, H, f)
    rules = {h @ theta_0: 0, f @ theta_0: 0, trace(H): 0, theta_0 @ H @ theta_0: 0}
    proof.zero("no pull across the six scalars", substitute(_inner(displacement, across), rules))
    proof.step(
        r"The squared distance is a sum over all entries: traces of $B = \beta I + \gamma\theta_0\theta_0^\top$."
    )
    lengths = {theta_0 @ theta_0: s, trace(identity): d}
    distance2 = substitute(_inner(displacement, displacement), lengths).as_coefficient()
    loss = zero_shot_loss()
    proof.formula("the zero-shot loss, a sum of squares", LOSS, NAMES | {"L_ZS": loss}, main=True)
    proof.formula("the squared distance from the start", DISTANCE, NAMES | {"distance2": distance2}, main=True)
    names = NAMES | {"L_ZS": loss, "distance2": distance2, "D": lambda x, of: x.diff(of)}
    proof.formula("w and delta are pulled to their start alone", AT_REST, names, main=True)
    proof.step(
        r"Beside an $\alpha$ the sum is a quadratic in q, $\beta$ and $\gamma$, whose curvature has positive leading minors: one "
        r"minimum, a smooth function of $\alpha$."
    )
    total, free = loss + mu * distance2, NOW[2:5]
    (a, b, e), (_, x, y), (_, _, z) = [[total.diff(i).diff(j) / 2 for j in free] for i in free]
    proof.positive("the first two leading minors", a, a * x - b**2)
    proof.word("one", a * (x * z - y**2) - b * (b * z - y * e) + e * (b * y - x * e), ("one", "more than one"))
    proof.brute_force("loss by enumeration, distance entry by entry", _points(loss, distance2))


def zero_shot_loss() -> Any:
    """The zero-shot risk of six scalars on the target, by the code that users run, as an element of the field."""
    lines = Field(FIELD)
    world = lines.world("tokens", True, d=d, noise_variance=sigma2, target_norm2=s, across_norm2=s)
    return FIELD(risk_at(lines.terms(of_scalars(*map(lines.lift, NOW)), world, "target"), 0, 1, 1))


def _model(alpha: Any, w: Any, q: Any, beta: Any, gamma: Any, delta: Any) -> tuple[TokenVector, TokenOperator]:
    B = beta * identity + gamma * outer(theta_0, theta_0)
    nothing = vector("theta0") * 0
    return SPACE.token_vector(0, alpha * theta_0, w), SPACE.score(
        q, SPACE.token_vector(0, nothing, 0), nothing, B, delta * theta_0
    )


def _inner(one: tuple[TokenVector, TokenOperator], other: tuple[TokenVector, TokenOperator]) -> Scalar:
    """The sum over entries of v, and of Q."""
    return Scalar.of(one[0] @ other[0] + SPACE.trace_of_product(one[1], other[1]))


def _points(loss: Any, distance2: Any) -> Iterator[tuple[Any, Any]]:
    now, start = ([Fraction(x, 4) for x in xs] for xs in ((3, -2, 5, 1, -3, 2), (1, 4, -1, 6, 2, -5)))
    for target in ([Fraction(3, 2)], [Fraction(1), Fraction(-2)], [Fraction(1), Fraction(1, 2), Fraction(-1)]):
        dim, noise = len(target), Fraction(1, 3)
        identity = [[Fraction(int(i == j)) for j in range(dim)] for i in range(dim)]
        (v, Q), (v_0, Q_0) = _dense(now, target), _dense(start, target)
        numbers = [dim, sum(x * x for x in target), noise, 0, 0, *now, *start]
        exact = {x: FIELD(QQ(*Fraction(y).as_integer_ratio())) for x, y in zip(FIELD.gens, numbers, strict=True)}
        moved = [
            x - y for one, other in zip((v, *Q), (v_0, *Q_0), strict=True) for x, y in zip(one, other, strict=True)
        ]
        yield _number(compose(loss, exact)), exact_risk(v, Q, identity, target, noise, 0)
        yield _number(compose(distance2, exact)), sum(x * x for x in moved)


def _dense(scalars: list[Fraction], target: list[Fraction]) -> tuple[list[Fraction], list[list[Fraction]]]:
    alpha, w, q, beta, gamma, delta = scalars
    rows = [
        [Fraction(0), *(beta * (i == j) + gamma * x * y for j, y in enumerate(target)), delta * x]
        for i, x in enumerate(target)
    ]
    nothing = [Fraction(0)] * (len(target) + 1)
    return [Fraction(0), *(alpha * x for x in target), w], [[q, *nothing], *rows, [Fraction(0), *nothing]]


def _number(x: Any) -> Fraction:
    return Fraction(int(x.numer.coeff(1)), int(x.denom.coeff(1)))


THEOREM = Theorem(
    name="R20.reduced",
    title="All parameters on the zero-shot loss with a pull of any weight: one number is left",
    statement=(
        r"All of v and Q trained on $J$, the zero-shot loss and mu times the squared distance from a start of six scalars "
        r"(marked 0; s is $|\theta_0|^2$). Flow keeps to six scalars, where both are as below. The loss sees neither w nor $\delta$, which stay at "
        r"their start (D is the derivative): four numbers are left. Beside an $\alpha$ there is <<one>> best q, $\beta$ and $\gamma$, and so one number. "
        "(Which of its local minima flow reaches, and the transition between two of them, are found in floats and certified there: "
        "`numerics.local_minima`, `numerics.transition`.)"
    ),
    assumptions=("Isotropic.",),
    source="new here",
    derive=derive,
    given=(Given("d >= 2"), Given("s > 0"), Given("mu > 0")),
)
