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
from ..wick import Matrix, Scalar, derivative, identity, matrix, outer, substitute, trace, vector
from . import enumeration, r0_model
from .any_covariance import INVERSE, any_world, case_of, matrix_world, model, scale_of
from .hypotheses import Given
from .printed_lines import run_lines
from .printed_names import symbols
from .r0_model import B, Sigma, b, v_x
from .r4_zero_shot_value import at, minimiser
from .radicals import Roots
from .theorem import Proof, Theorem

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
OPTIMUM = "P_star = N*outer(theta_0, theta_0)/((m + 2)*w*s)"
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
    proof.brute_force("exact gradient and risk at the matrix code's point", _points(Fraction(2, 7)))


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
    best = _recital(loss)
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


def _recital(loss: Scalar) -> Any:
    """The best delta where B = 0, q = 0 and q_xy = delta theta_0."""
    (best,) = minimiser(with_s(substitute(loss, {q: 0, B: 0, b: delta * theta_0})).as_coefficient(), delta)
    return best


def _printed(proof: Proof, best: Any) -> None:
    proof.step(
        r"The printed point (gauge w = 1) is this one, for any N, and its contractions are what the risk formula takes."
    )
    recital = at(best, {w: 1})
    general = _general_world(sigma2)
    end = case_of("mixed_kq", general).point(general)
    v, Q = model(general, end, scale_of("mixed_kq", general))
    proof.zeros(
        "printed point and scale, any covariance",
        [*v.parts[:2], v.parts[2] - w, *(block for block in Q.blocks if block is not Q.xy), Q.xy - best * theta_0],
    )
    world = _world(sigma2)
    point = case_of("mixed_kq", world).point(world)
    b = point.b - recital * world.target
    proof.zeros(
        "printed point, isotropic",
        [*point.v_x.coordinates, point.w - 1, point.q, *_matrix_entries(world, point.B), *b.coordinates],
    )
    proof.zero("printed scale is w_0", scale_of("mixed_kq", world) - w)


def _world(noise: Any) -> World:
    """Two lines; N is left open."""
    lift = Roots(FIELD)
    numbers = Numbers(lift(d), lift(noise), lift(s), lift(m), lift(m), value_scale=lift(w))
    return isotropic_world(numbers, lift(N), False)


def _matrix_entries(world: World, a: Any) -> list[Any]:
    """An operator on two lines, by what it makes of the target and of a vector across it."""
    across = world.space.identity @ world.target - world.target
    across.coordinates[1] = 1
    return [*(a @ world.target).coordinates, *(a @ across).coordinates]


def _general_world(noise: Any) -> World:
    """Any covariances: the target's lengths are the numbers s and T."""
    lengths = {theta_0 @ Sigma @ theta_0: s, theta_0 @ theta_0: T}
    return any_world(Roots(FIELD), Sigma, theta_0, lengths, d=d, noise=noise, m=m, N=N, value_scale=w)


def derive_noiseless(proof: Proof) -> None:
    loss = substitute(odd_few_shot(), proof.rules("sigma2 == 0", {"sigma2": sigma2}))
    proof.step(
        r"Without noise the weight of $|u|^2$ is zero. The minimisers are $q = 0$, $B_\perp = 0$ and the g of R6: "
        r"$B + q_{xy}\theta_0^\top = P^*$, a flat family, as on the target a label is $y = \theta_0^\top x$ and only "
        r"$B + q_{xy}\theta_0^\top$ matters."
    )
    shifted = substitute(loss, {B: B - outer(h, theta_0), b: b + h})
    proof.zero("only B + b theta_0' matters", with_s(shifted) - loss)
    optimal = _recital(loss) * outer(theta_0, theta_0)
    family = {q: 0, B: optimal - outer(b, theta_0)}
    names = {name: of for name, of in printed_names(q_xy=b).items() if name != "q"}
    proof.formula(
        "the minimisers, whatever q_xy",
        f"{OPTIMUM}\nq = 0\nB = P_star - outer(q_xy, theta_0)\nL_FS = 2*s/(m + 2)",
        names,
        main=True,
        q=family[q],
        B=family[B],
        L_FS=with_s(substitute(loss, family)) / N**2,
    )
    proof.step(
        r"The flow is $\dot B = -G$, $\dot q_{xy} = -G\theta_0$ with one matrix G: $q_{xy} - B\theta_0$ is conserved. "
        r"From $B_0$ and $q_{xy} = 0$ it ends at the one $B = B_0 + D$, $q_{xy} = D\theta_0$ with $B_0 + D(I + "
        r"\theta_0\theta_0^\top) = P^*$ (flat lengths, $T = \theta_0^\top\theta_0$), which the matrix code returns, "
        r"for any $\Sigma$ and N."
    )
    force = derivative(loss, b, h) - derivative(loss, B, outer(h, theta_0))
    proof.zero("D_b L[h] = D_B L[h theta_0']", with_s(force))
    world = _general_world(0)
    v, Q = model(world, case_of("mixed_kq", world).point(world), scale_of("mixed_kq", world))
    begin = INVERSE / w  # the pretrained product is w B_0
    in_family = Q.xx + outer(Q.xy, theta_0) - optimal
    conserved = outer(Q.xy - (Q.xx - begin) @ theta_0, theta_0)
    proof.zeros(
        "the point of the matrix code: in the family, b - B theta_0 as at the start",
        [_entries(in_family), _entries(conserved), *v.parts[:2], v.parts[2] - w,
         *(block for block in Q.blocks if block is not Q.xx and block is not Q.xy)],
    )  # fmt: skip
    proof.formula(
        "where the flow ends",
        f"{OPTIMUM}\nD = (P_star - B_0) @ inv(I + outer(theta_0, theta_0))\nB = B_0 + D\nq_xy = D @ theta_0",
        printed_names(B_0=begin, inv=_inverse),
        P_star=optimal,
        B=Q.xx,
        q_xy=Q.xy,
        main=True,
    )
    _printed_noiseless(proof)
    proof.brute_force("exact gradient and risk at the matrix code's point", _points(Fraction(0)))


def _entries(difference: Any) -> Scalar:
    """x'Mz with free x and z, theta_0'theta_0 = T: zero if and only if the matrix M is."""
    return substitute(Scalar.of(vector("x") @ difference @ vector("z")), {theta_0 @ theta_0: T})


def _inverse(matrix: Matrix) -> Matrix:
    """(I + U)^-1 = I - U/(1 + tr U), where U has rank one."""
    update = matrix - identity
    size = substitute(trace(update), {theta_0 @ theta_0: T}).as_coefficient()
    return _Known((identity - update / (1 + size)).terms.items())


class _Known(Matrix):
    """A matrix in whose products theta_0'theta_0 is the number T."""

    __slots__ = ()

    def __matmul__(self, other: Any) -> Any:
        return substitute(super().__matmul__(other), {theta_0 @ theta_0: T})

    def __rmatmul__(self, other: Matrix) -> Matrix:
        product = other @ Matrix(self.terms.items())
        return _Known(substitute(product, {theta_0 @ theta_0: T}).terms.items())


def _printed_noiseless(proof: Proof) -> None:
    proof.step(
        r"Isotropic, $w = 1$, $B_0 = aI$: with $B = \beta I + \gamma\theta_0\theta_0^\top$, $q_{xy} = \delta\theta_0$ "
        r"the family says that $\beta = 0$, conservation that $\delta - \gamma s - \beta = -a$."
    )
    world = _world(0)
    point = case_of("mixed_kq", world).point(world)
    a = laws.pretrained(world).B.diagonal[1]
    delta_, gamma_ = point.b.coordinates[0], (point.B @ world.target).coordinates[0] / s
    dyad = point.B - world.space.outer(gamma_ * world.target, world.target)
    proof.zeros(
        "printed point: of the family, and with what is conserved",
        [*_matrix_entries(world, dyad), point.q, *point.v_x.coordinates, point.w - 1, point.b.coordinates[1],
         gamma_ + delta_ - N / ((m + 2) * s), delta_ - gamma_ * s + a],
    )  # fmt: skip
    proof.formula(
        "isotropic, w = 1: B = gamma theta_0 theta_0', q_xy = delta theta_0",
        "rho = N/((m + 2)*s)\ngamma = (rho + a)/(1 + s)\ndelta = (rho*s - a)/(1 + s)",
        {"N": N, "m": m, "s": s, "a": a},
        gamma=gamma_,
        delta=delta_,
        main=True,
    )


def _points(noise: Fraction) -> Any:
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


TOTAL = Theorem(
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

NOISELESS = Theorem(
    name="R6.noiseless",
    title="Without noise the minimisers are flat; the flow keeps b - B theta_0",
    statement=(
        r"Without noise the odd-symmetric minimisers are a family, and the flow from $B_0$ without $q_{xy}$ ends at one of "
        r"them, as below, s being the target's signal power; isotropic, with w scaled to 1 and a the factor of $B_0$, at the "
        r"B along $\theta_0\theta_0^\top$ and the $q_{xy}$ along $\theta_0$ with the following factors."
    ),
    assumptions=(r"$\Sigma$ positive definite; flat metric on Q.",),
    source="New here.",
    derive=derive_noiseless,
    given=(Given("sigma2 == 0"),),
)

THEOREMS = (TOTAL, NOISELESS)
