r"""R3.masked: where the query is masked out of the sum, the zero-shot loss is a constant.

The prompt without shots is then empty and the prediction 0, whatever v and Q. So the strategies that train on that loss
alone stay at `pretrained`, and those with a few-shot loss follow it alone, at every weight. With :math:`M = B\Sigma`,
:math:`t_2 = \mathrm{tr} M^2`, :math:`u = v_x + w\theta_0` the latter is, for v alone,

.. math::

    N^2(L_{FS} - \sigma^2) = |N\theta_0 - mMu|^2 + m\,t_2\,(|u|^2 + w^2\sigma^2) + m\,|Mu|^2 ,

which leaves w no use where there is noise. Source: new here.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from sympy import ZZ
from sympy.polys.fields import field

from .. import laws
from ..kinds import FRACTIONS
from ..laws import LAWS, MASKED
from ..points import Case, World
from ..wick import Gaussian, Noise, Scalar, Shots, derivative, expectation, substitute, vector
from . import enumeration, r0_model
from .hypotheses import Given
from .printed_names import symbols
from .theorem import Proof, Theorem
from .unknowns import Unknowns, symbolic_world
from .value_model import SIGMA, THETA0, H, Powers, S, V, d, m, m_0, matrix_worlds, sigma2, tokens, w

LOSS = """\
M = B @ Sigma
t_2 = trace(M @ M)
u = v_x + w*theta_0
L_FS = sigma2 + (norm2(N*theta_0 - m*(M @ u)) + m*t_2*(norm2(u) + w**2*sigma2) + m*norm2(M @ u))/N**2
"""
POINT = """\
M = B @ Sigma
v_x = N*solve((m + 1)*(M @ M) + trace(M @ M)*I, M @ theta_0)
w = 0
"""


def few_shot_excess() -> Scalar:
    """N^2 (L_FS - sigma^2) at v = (0, v_x, w), Q_xx = S and nothing else, over the shots alone."""
    x, x_q, eps = Gaussian("x", SIGMA), Gaussian("x_q", SIGMA), Noise("eps", sigma2)
    shots = Shots(m, x, eps)
    attention = shots.sum((V @ x + w * (THETA0 @ x + eps)) * (x_q @ S @ x))
    return expectation((tokens * (THETA0 @ x_q) - attention) ** 2, shots, x_q)


def derive(proof: Proof) -> None:
    """R3.masked."""
    proof.step(
        r"Without shots nothing is summed: $\hat y = 0$, and the zero-shot loss is one number. `zero_shot`, "
        r"`zero_shot_value` and `zero_shot_kq` end where they start."
    )
    x_q = Gaussian("x_q", SIGMA)
    names = symbols(SIGMA, B=S, theta_0=THETA0, v_x=V, w=w, m=m, N=tokens, sigma2=sigma2)
    empty = expectation((THETA0 @ x_q) ** 2, x_q)
    proof.formula("the zero-shot loss", "L_ZS = sigma2 + norm2(theta_0)", names, L_ZS=sigma2 + empty, main=True)
    stay = ("zero_shot", "zero_shot_value", "zero_shot_kq")
    stays = all(_law(name) == LAWS["pretrained"] for name in stay)
    proof.inequality("printed: they are `pretrained`", stays)
    proof.step(
        r"The query's own token adds $(v^\top z_q)(z_q^\top Qz_q)$, which is 0 for every Q where $v = (0, 0, w)$: with such "
        r"a v frozen, R6's loss in Q, and so its law, does not know whether the query attends. (That `pretrained` is the "
        "least of the masked loss too is R12.one_head.)"
    )
    own = substitute(r0_model.token(r0_model.x_q, 0), {r0_model.v_0: 0, r0_model.v_x: 0})
    proof.zero("the query's own token where v = (0, 0, w)", own)
    proof.inequality("printed: `mixed_kq` and `pretrained` as before", not MASKED.keys() & {"mixed_kq", "pretrained"})
    loss = few_shot_excess()
    _value(proof, loss, names)
    _noiseless(proof, loss)
    proof.brute_force("no gradient in v, by enumeration; and the end of the flow without noise", _points())


def _law(name: str) -> tuple[Case, ...]:
    return MASKED.get(name, LAWS[name])


def _value(proof: Proof, loss: Scalar, names: dict[str, Any]) -> None:
    proof.step(
        r"With v alone trained the few-shot loss is a sum of squares in $u = v_x + w\theta_0$, and of $w^2\sigma^2$: least "
        r"at $w = 0$ alone and one u, since $t_2 > 0$."
    )
    proof.formula("the few-shot loss", LOSS, names, L_FS=sigma2 + loss / tokens**2, main=True)
    _, shots, power, noise = field("m t_2 sigma2", ZZ)
    proof.positive("the factor of w^2", shots * power * noise, where="with noise")
    slopes = derivative(loss, V, H), derivative(loss, w, 1)
    proof.formula(
        "where its gradient vanishes",
        POINT,
        names | {"solve": lambda matrix, right: H @ SIGMA @ (matrix @ V / tokens - right)},  # by what it solves
        v_x=substitute(slopes[0], {w: 0 * m}) / (2 * m),
        w=0 * m,
        main=True,
    )
    t_2 = Powers.of(S).t_2
    in_w = substitute(slopes[0], {H: THETA0}) + 2 * m * sigma2 * w * t_2
    proof.zero("its slope in w is that along the target, and one of w", slopes[1] - in_w)
    y = vector("y")
    space = Unknowns(S, y)
    point = laws.masked_value(_world(space))
    _, (matrix, right) = space.asked
    stationary = substitute(slopes[0], {V: tokens * y, w: 0 * m}) / (2 * m)
    proof.zero("printed: y solves this system", stationary - tokens * (H @ SIGMA @ (matrix @ y - right)))
    proof.zeros(
        "printed: v_x is N y, w is 0, Q as it was",
        [H @ SIGMA @ (point.v_x - tokens * y), point.w + 0 * d, point.q + 0 * d, point.B - S, point.b],
    )


def _noiseless(proof: Proof, loss: Scalar) -> None:
    proof.step(
        r"Without noise the loss depends on u alone, and the flow conserves $w - \theta_0^\top v_x$: of all $(v_x, w)$ with "
        r"the best u it ends at the one where this is what it was at the start, $w_0$."
    )
    still = substitute(loss, {sigma2: 0 * d})
    along = substitute(derivative(still, V, H), {H: THETA0})
    proof.zero("the slope in w is the slope along the target", derivative(still, w, 1) - along)
    y, share = vector("y"), m_0  # what it is told of a solution, and of a ratio
    space = Unknowns(S, y, share)
    point = laws.masked_value_noiseless(_world(space))
    _, _, (numerator, denominator) = space.asked
    proof.zero("printed: the best u", H @ SIGMA @ (point.v_x + point.w * THETA0 - tokens * y))
    conserved = point.w - THETA0 @ point.v_x - 1
    proof.zero("printed: where w - theta_0.v_x is as at the start", conserved - (share * denominator - numerator))
    proof.zeros("printed: Q as it was", [point.q + 0 * d, point.B - S, point.b])


def _world(space: Unknowns) -> World:
    numbers = {"per_token": 1 / tokens, "gain": (m_0 + 1) / tokens, "few_shot_shots": m, "few_shot_tokens": tokens}
    return symbolic_world(space, SIGMA, THETA0, sigma2, d=d, **numbers)


def _points() -> Iterator[tuple[Any, Any]]:
    for convention, given in matrix_worlds():
        for noise in (given.noise_variance, Fraction(0)):
            world = given._replace(noise_variance=noise)
            case = next(case for case in MASKED["mixed_value"] if case.holds(world.regime()))
            point = case.point(world)
            (head,) = point.layer(world).heads
            dv, _ = enumeration.exact_gradient(
                list(head.v), head.Q.tolist(), world.sigma.tolist(), list(world.target), noise, world.few_shot_shots,
                convention, attends=False,
            )  # fmt: skip
            yield from ((slope, 0) for slope in dv)
            if noise == 0:
                yield FRACTIONS.present(point.w - world.target @ point.v_x), 1


THEOREM = Theorem(
    name="R3.masked",
    title="A masked query: the zero-shot loss is a constant, and the few-shot loss alone decides",
    statement=(
        r"Where the query is masked out of the sum, $L_{ZS}$ is the number below: `zero_shot`, `zero_shot_value` and "
        r"`zero_shot_kq` stay at `pretrained`; `mixed_kq` is R6's. For symmetric B, `mixed_value` ends at the least point of "
        r"the few-shot loss below, at every weight: with noise at the $v_x$ and w below; without it at the point with the "
        r"same $v_x + w\theta_0$ and with $w - \theta_0^\top v_x = w_0$."
    ),
    assumptions=("Sigma positive definite.", "B symmetric, all else in Q zero, as pretraining leaves it."),
    source="new here",
    derive=derive,
    given=(Given("sigma2 > 0", "with noise"), Given("t_2 > 0")),
)
