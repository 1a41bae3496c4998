r"""R6: with the auxiliary few-shot loss, key-query alone memorises: B = 0 and the target is recited.

The values :math:`v = (0, 0, w)` are frozen, so the zero-shot loss is constant (R3) and the few-shot loss at m shots
decides, whatever its weight. With :math:`u = B\Sigma\theta_0`, :math:`\nu = s + \sigma^2`, :math:`g = u + \nu b`,
:math:`b = q_{xy}` and :math:`B_\perp = B - u\theta_0^\top/s` (so that :math:`B_\perp\Sigma\theta_0 = 0`) it is a sum
of squares,

.. math::

    N^2(L_{FS} - \sigma^2) = |N\theta_0 - mwg|^2 + mw^2\Bigl[2|g|^2 + \nu q^2
        + \nu\,\mathrm{tr}\,B_\perp\Sigma B_\perp^\top\Sigma + \frac{\sigma^2}{s}|u|^2\Bigr],

from which everything follows. Source: new here.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from math import prod
from typing import Any

from sympy import ZZ
from sympy.polys.fields import field

from .. import laws
from ..points import World, signal
from ..programs import Numbers, isotropic_world
from ..wick import Scalar, derivative, matrix, substitute, trace, vector
from . import enumeration, r0_model
from .any_covariance import any_world, case_of, matrix_world, model, scale_of
from .hypotheses import Given
from .printed_lines import run_lines
from .printed_names import symbols
from .r0_model import B, Sigma, b, v_x
from .radicals import Roots
from .theorem import Proof, Theorem
from .value_model import at, minimiser

FIELD, d, m, N, s, sigma2, w, q, r_y, T, delta, lam = field("d m N s sigma2 w q r_y T delta lam", ZZ)
theta_0, g, h, p, r_x = vector("theta0"), vector("g"), vector("h"), vector("p"), vector("r_x")
H = matrix("H")
nu = s + sigma2

SQUARES = """\
u = B @ Sigma @ theta_0
g = u + nu*q_xy
B_perp = B - outer(u, theta_0)/s
N**2*(L_FS - sigma2) == (norm2(N*theta_0 - m*w*g) + 2*m*w**2*norm2(g)
    + m*w**2*(nu*(q**2 + trace(B_perp @ Sigma @ B_perp.T @ Sigma)) + sigma2*norm2(u)/s))
"""
SQUARE_IN_G = """\
norm2(N*theta_0 - m*w*g) + 2*m*w**2*norm2(g) == (m*(m + 2)*w**2*norm2(g - N*theta_0/((m + 2)*w))
    + 2*N**2*s/(m + 2))
"""
MINIMUM = """\
B = 0
q = 0
q_xy = N*theta_0/((m + 2)*(s + sigma2)*w)
L_FS = sigma2 + 2*s/(m + 2)
"""


@cache
def few_shot_excess() -> Scalar:
    """N^2 (L_FS(m) - sigma^2) at v = (0, 0, w), from the definition."""
    images = {r0_model.v_0: 0, v_x: 0, r0_model.theta: theta_0, r0_model.n: m, r0_model.N: N}
    numbers = {r0_model.w: w, r0_model.q: q, r0_model.sigma2: sigma2, r0_model.r_y: r_y}
    return substitute(r0_model.excess(), {**images, **numbers})


@cache
def odd_few_shot() -> Scalar:
    """The same at odd-symmetric Q, with theta_0'Sigma theta_0 = s."""
    return substitute(few_shot_excess(), {r0_model.r_x: 0, r0_model.p: 0, r_y: 0, theta_0 @ Sigma @ theta_0: s})


def with_s(scalar: Any) -> Scalar:
    """The scalar with s for theta_0'Sigma theta_0."""
    return substitute(Scalar.of(scalar), {theta_0 @ Sigma @ theta_0: s})


def printed_names(**more: Any) -> dict[str, Any]:
    """What the names in the lines stand for."""
    contractions = {
        "norm2": lambda x: with_s(x @ Sigma @ x),
        "inner": lambda x, y: with_s(x @ Sigma @ y),
        "trace": lambda x: with_s(trace(x)),
    }
    return symbols(Sigma, theta_0=theta_0, m=m, N=N, s=s, sigma2=sigma2, w=w, nu=nu, q=q, **contractions, **more)


def derive(proof: Proof) -> None:
    _odd(proof)
    _squares(proof)
    best = _minimum(proof)
    _printed(proof, best)
    proof.brute_force("exact gradient and risk at the matrix code's point", points(Fraction(2, 7)))


def _odd(proof: Proof) -> None:
    proof.step(
        r"Let Q be any, also with entries that break the odd symmetry, $k(x, y) = r_x^\top x + r_yy$ and $p$. They "
        r"add to the few-shot loss a form of $C = E\,yk$, $V = \mathrm{Var}\,k$ and $|p|^2$, with $\nu = E\,y^2 = s + "
        r"\sigma^2$ and no term that mixes them with q, B, $q_{xy}$: a non-negative form, zero only at $p = 0$, $r_x "
        r"= 0$, $r_y = 0$ if $\sigma^2 > 0$."
    )
    proof.formula(
        "what the even entries of Q add to the loss L_odd without them",
        "C = inner(r_x, theta_0) + nu*r_y\n"
        "V = norm2(r_x + r_y*theta_0) + r_y**2*sigma2\n"
        "N**2*(L_FS - L_odd) == m*w**2*((m + 1)*C**2 + nu*(V + norm2(p)))",
        printed_names(
            r_x=r_x, r_y=r_y, p=p, L_FS=sigma2 + with_s(few_shot_excess()) / N**2, L_odd=sigma2 + odd_few_shot() / N**2
        ),
    )


def _squares(proof: Proof) -> None:
    proof.step(
        r"The odd part is a sum of squares, for every $\Sigma$; here $m \ge 1$, $w \ne 0$, and "
        r"$B_\perp\Sigma\theta_0 = 0$."
    )
    proof.formula(
        "the few-shot loss is this sum of squares",
        SQUARES,
        printed_names(B=B, q_xy=b, L_FS=sigma2 + odd_few_shot() / N**2),
    )
    proof.step("The square is completed in g.")
    proof.formula("its first two terms", SQUARE_IN_G, printed_names(g=g))
    weights = [lam * w**2 * weight for weight in (m * nu, m * (m + 2), m * sigma2 / s)]
    proof.positive("the weights of the squares are positive", *weights)
    proof.word("unique", prod(weights, start=FIELD(1)), ("one", "no"))


def _minimum(proof: Proof) -> Any:
    proof.step(
        r"If $\sigma^2 > 0$ the sum is least exactly where $q = 0$, $B_\perp = 0$, $u = 0$, so $B = 0$, and $g = \nu "
        r"q_{xy}$ is the g of the completed square, along $\theta_0$. It is a strictly convex quadratic: the flow ends "
        "there from every start, at a risk that does not depend on N."
    )
    loss = odd_few_shot()
    best = recital(loss)
    stationary = {q: 0, B: 0, b: best * theta_0}
    forces = [derivative(loss, q, 1), derivative(loss, B, H), derivative(loss, b, h)]
    proof.zeros("stationary there in all of q, B, b", [with_s(substitute(force, stationary)) for force in forces])
    proof.formula(
        "the minimum",
        MINIMUM,
        {name: of for name, of in printed_names().items() if name != "q"},
        B=stationary[B],
        q=stationary[q],
        q_xy=stationary[b],
        L_FS=sigma2 + with_s(substitute(loss, stationary)) / N**2,
        main=True,
    )
    return best


def recital(loss: Scalar) -> Any:
    """The best delta where B = 0, q = 0 and q_xy = delta theta_0."""
    (best,) = minimiser(with_s(substitute(loss, {q: 0, B: 0, b: delta * theta_0})).as_coefficient(), delta)
    return best


def _printed(proof: Proof, best: Any) -> None:
    proof.step(
        r"The printed point (gauge w = 1) is this one, for any N, and its contractions are what the risk formula takes."
    )
    recital = at(best, {w: 1})
    general = general_world(sigma2)
    end = case_of("mixed_kq", general).point(general)
    v, Q = model(general, end, scale_of("mixed_kq", general))
    proof.zeros(
        "printed point and scale, any covariance",
        [*v.parts[:2], v.parts[2] - w, *(block for block in Q.blocks if block is not Q.xy), Q.xy - best * theta_0],
    )
    world = isotropic(sigma2)
    point = case_of("mixed_kq", world).point(world)
    b = point.b - recital * world.target
    proof.zeros(
        "printed point, isotropic",
        [*point.v_x.coordinates, point.w - 1, point.q, *matrix_entries(world, point.B), *b.coordinates],
    )
    proof.zero("printed scale is w_0", scale_of("mixed_kq", world) - w)


def isotropic(noise: Any) -> World:
    """Two lines; N is left open."""
    lift = Roots(FIELD)
    numbers = Numbers(lift(d), lift(noise), lift(s), lift(m), lift(m), value_scale=lift(w))
    return isotropic_world(numbers, lift(N), False)


def matrix_entries(world: World, a: Any) -> list[Any]:
    """An operator on two lines, by what it makes of the target and of a vector across it."""
    across = world.space.identity @ world.target - world.target
    across.coordinates[1] = 1
    return [*(a @ world.target).coordinates, *(a @ across).coordinates]


def general_world(noise: Any) -> World:
    """Any covariances: the target's lengths are the numbers s and T."""
    lengths = {theta_0 @ Sigma @ theta_0: s, theta_0 @ theta_0: T}
    return any_world(Roots(FIELD), Sigma, theta_0, lengths, d=d, noise=noise, m=m, N=N, value_scale=w)


def points(noise: Fraction) -> Any:
    """The matrix code in Fractions: d = 1, 2 and m = 1, 2, both conventions, a given value scale."""
    cases = [([[2]], [3], 1), ([[2, 1], [1, 3]], [1, -2], 1), ([[2, 1], [1, 3]], [1, -2], 2)]
    for sigma, target, shots in cases:
        for normalization in ("tokens", "shots"):
            psi = [[x + 1 for x in row] for row in sigma] if normalization == "tokens" else None
            world = matrix_world(
                sigma, psi, target, noise, pretrain_shots=4, few_shot_shots=shots, value_scale=Fraction(3, 2),
                normalization=normalization,
            )  # fmt: skip
            v, Q = model(world, case_of("mixed_kq", world).point(world), scale_of("mixed_kq", world))
            _, dQ = enumeration.exact_gradient(v, Q, sigma, target, noise, shots, normalization)
            yield from ((0, slope) for row in dQ for slope in row)
            risk = enumeration.exact_risk(v, Q, sigma, target, noise, shots, normalization)
            names = {"N": world.few_shot_tokens, "m": shots, "s": signal(world), "sigma2": noise, "w": v[-1]}
            minimum = run_lines(MINIMUM, names | {"theta_0": world.target})[0]
            yield minimum["L_FS"], risk
            if noise:
                yield from zip(minimum["q_xy"], Q[1:-1, -1], strict=True)
            else:
                _, Q_0 = model(world, laws.pretrained(world), laws.pretrained_scale(world))
                kept = Q[1:-1, -1] - (Q - Q_0)[1:-1, 1:-1] @ world.target
                yield from ((0, x) for x in kept)


THEOREM = Theorem(
    name="R6",
    title="Mixed, key-query alone: total memorisation",
    statement=(
        r"With $v_x$ zero and frozen, $L_{ZS} + \lambda L_{FS}(m)$ has <<unique>> minimiser over all Q, whatever $\Sigma$, as "
        r"below, where s is the target's signal power. The flow ends there, at an $L_{FS}$ free of N."
    ),
    assumptions=(r"$\Sigma$ positive definite; the last row of Q, which meets an empty slot, does not count.",),
    source="New here.",
    derive=derive,
    given=(Given("sigma2 > 0"), Given("s > 0"), Given("w != 0"), Given("lam > 0")),
)
