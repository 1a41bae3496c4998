r"""R5. Fine-tuning the value matrix alone on the zero-shot loss plus lambda times the few-shot loss.

At fixed Q_xx = B (symmetric, as pretraining leaves it) the loss is a quadratic in :math:`(v_x, w)`. With
:math:`\mu = \lambda N_0^2/N^2`, N_0 the tokens at zero shots, and M, t_1, t_2 as in R4 its stationarity reads

.. math::

    [A + \mu G]\,v_x + \mu mw\,k = N_0(t_1 + 2M)\theta_0 + \mu N[(m+2)M + t_1]\theta_0, \qquad
    k^\top\Sigma v_x + w\,[\theta_0^\top\Sigma((m+1)M^2 + t_2)\theta_0 + t_2\sigma^2]
        = N\,\theta_0^\top\Sigma M\theta_0,

A the matrix of R4. For :math:`B = \beta\Sigma^{-1}` it is solved in closed form at every lambda; as lambda -> 0+,
:math:`\alpha = N_0/((d+4)\beta)` and :math:`w^* = [N - N_0(m+3+2d)/(d+4)]/((m+1+d+d\sigma^2/s)\beta)`.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from sympy import ZZ
from sympy.polys.fields import field

from .. import laws
from ..points import World
from ..programs import Numbers, isotropic_world
from ..wick import Scalar, derivative, identity, substitute, trace, vector
from .hypotheses import Given
from .on_lines import coordinates, plain
from .printed_lines import run_lines
from .printed_names import symbols
from .theorem import Proof, Theorem
from .unknowns import Unknowns, symbolic_world
from .value_model import (
    SIGMA,
    THETA,
    THETA0,
    H,
    Powers,
    S,
    V,
    across,
    alpha,
    at,
    beta,
    check_frozen,
    d,
    decay,
    excess_risk,
    gradient_at,
    lines_world,
    m,
    m_0,
    matrix_worlds,
    minimiser,
    n,
    norm2,
    phi,
    s,
    sigma2,
    tokens,
    tokens_0,
    w,
    weight,
)

SYSTEM = """\
M = B @ Sigma
t_1 = trace(M)
t_2 = trace(M @ M)
mu = lam*N_0**2/N**2
A = (t_1**2 + 2*t_2)*I + 4*t_1*M + 8*(M @ M)
G = ((m + 2)**2 + 4 + m)*(M @ M) + 2*(m + 2)*t_1*M + (t_1**2 + (m + 2)*t_2)*I
k = (m + 3)*(M @ M @ theta_0) + t_1*(M @ theta_0) + t_2*theta_0
v_x = solve(A + mu*G, N_0*(t_1*theta_0 + 2*(M @ theta_0)) + mu*(N*((m + 2)*(M @ theta_0) + t_1*theta_0) - m*w*k))
"""
LABEL_WEIGHT = """\
w = solve((m + 1)*norm2(M @ theta_0) + t_2*(norm2(theta_0) + sigma2), N*inner(theta_0, M @ theta_0) - inner(k, v_x))
"""
LIMIT = "limit = (1 - inner(theta, theta_0)/((d + 4)*norm2(theta)))/beta"
CLOSED_FORM = """\
rho = sigma2/s
mu = lam*N_0**2/N**2
D = m + 1 + d + d*rho
R = (d + 2)*(d + 4)*D + mu*(m*d*rho*(m + 3 + 2*d) + (d + 2)*(m*(2 + d*rho) + (d + 4)*(1 + d + d*rho)))
alpha = (N_0*(d + 2)*D + mu*N*(m*d*rho + (d + 2)*(1 + d + d*rho)))/(R*beta)
w = (d + 2)*(N*(d + 4) - N_0*(m + 3 + 2*d) + mu*N*(1 - d))/(R*beta)
"""
# B a multiple of the inverse of Sigma, v_x along the target; theta splits into its part along the target and the rest.
ALIGNED = {S: beta * SIGMA.inverse, V: alpha * THETA0, trace(identity): d}
POWERS = {
    norm2(THETA0): s, THETA @ SIGMA @ THETA0: (1 - phi) * s, norm2(THETA): (1 - phi) ** 2 * s + across
}  # fmt: skip


def number(expression: Any) -> Any:
    """What is left of a scalar as a field element, with the powers of the two tasks for their contractions."""
    return substitute(Scalar.of(expression), POWERS).as_coefficient()


def derive(proof: Proof) -> None:
    """R5."""
    powers = Powers.of(S)
    M, t_1, t_2 = powers
    few_shot = excess_risk(V, w, S, THETA0, m)  # N^2 (L_FS - sigma^2)
    zero_shot = substitute(excess_risk(V, w, S, THETA0, n), {n: 0 * n, tokens: tokens_0})  # N_0^2 (L_ZS - sigma^2)
    mu = weight * tokens_0**2 / tokens**2
    loss = zero_shot + mu * few_shot  # both in N_0^2
    slopes = derivative(loss, V, H), derivative(loss, w, 1)
    names = symbols(SIGMA, M=M, t_1=t_1, t_2=t_2, theta_0=THETA0, m=m, N=tokens, N_0=tokens_0, mu=mu, sigma2=sigma2)
    system = {name: value for name, value in names.items() if name not in ("M", "t_1", "t_2", "mu")}
    proof.step(
        r"From the definition, at m shots and with N left open, half the gradient of $L_{ZS} + \lambda L_{FS}$ in "
        r"$v_x$ and its derivative in w, over $2m\mu$, are linear in $(v_x, w)$; each, set to zero, is solved for its "
        "own variable. Together they are one linear system."
    )
    # Here and below a solution is known by the equation that it solves.
    of_v_x = system | {"B": S, "lam": weight, "w": w, "solve": lambda matrix, right: H @ SIGMA @ (matrix @ V - right)}
    proof.formula("where the gradient in v_x vanishes", SYSTEM, of_v_x, v_x=slopes[0] / 2, main=True)
    k = run_lines(SYSTEM, of_v_x)[0]["k"]
    proof.formula(
        "where the derivative in w vanishes",
        LABEL_WEIGHT,
        names | {"v_x": V, "k": k, "solve": lambda curvature, right: curvature * w - right},
        w=slopes[1] / (2 * m * mu),
        main=True,
    )

    proof.step(
        r"The quadratic part of $N^2L_{FS}$ in the direction $(h, \omega)$, which is what is left at $N = 0$, is a "
        r"sum of squares P: zero only if h = 0, then $\omega\theta_0 = 0$. So for every $\lambda > 0$ the minimum is "
        r"unique; as $\lambda \to 0^+$ it tends to R4's $v_x$, and w to the minimum of $L_{FS}$ there."
    )
    proof.formula(
        r"the quadratic part of $N^2L_{FS}$ in the direction $(h, \omega)$: a sum of squares",
        "g = h + omega*theta_0\n"
        "P = (norm2(m*(M @ g) + t_1*h + 2*(M @ h)) + m*(t_2*(norm2(g) + omega**2*sigma2) + norm2(M @ g))"
        " + 2*t_2*norm2(h) + 4*norm2(M @ h))",
        names | {"h": H, "omega": w},
        P=substitute(few_shot, {V: H, tokens: 0}),
        main=True,
    )
    # where h = 0 each square has a factor omega^2: these are theirs, with t_2, and s for |theta_0|^2
    _, lam, shots, power, signal, noise = field("lam m t_2 s sigma2", ZZ)
    proof.word("unique", lam * shots * power * (signal + noise), ("one", "no"))

    _label_weight(proof)
    _closed_form(proof, loss, slopes)
    _printed_system(proof, slopes)


def _label_weight(proof: Proof) -> None:
    proof.step(
        r"Where $v_x = \alpha\theta_0$ and $B = \beta\Sigma^{-1}$, w enters the few-shot risk on a task $\theta$ as a "
        r"parabola, whose minimum is at $w^*$."
    )
    (best,) = minimiser(number(substitute(excess_risk(V, w, S, THETA, m), ALIGNED)), w)
    names = {
        "theta": THETA, "theta_0": THETA0, "alpha": alpha, "beta": beta, "m": m, "d": d, "N": tokens, "sigma2": sigma2,
        "norm2": lambda x: number(norm2(x)), "inner": lambda x, y: number(x @ SIGMA @ y),
    }  # fmt: skip
    proof.formula(
        "the best w on a task, at m shots",
        "w_star = (N*norm2(theta) - (m + 3 + 2*d)*beta*alpha*inner(theta, theta_0))"
        "/(((m + 1 + d)*norm2(theta) + d*sigma2)*beta)",
        names,
        w_star=best,
    )
    proof.step(
        r"As m grows it tends to a limit with the $\alpha$ of $\lambda \to 0^+$, which is $(d+3)/((d+4)\beta)$ only "
        r"for tasks with $\theta^\top\Sigma\theta_0 = \theta^\top\Sigma\theta$, such as the target; it is "
        r"$(d+5)/((d+4)\beta)$ on the opposite task."
    )
    # m = 1/decay, and N - m is any number, as m_0
    many = at(best, {alpha: 1 / ((d + 4) * beta), m: 1 / decay, tokens: 1 / decay + m_0})
    proof.formula(
        "its limit of many shots",
        LIMIT,
        names,
        limit=at(many, {decay: 0}),
    )


def _closed_form(proof: Proof, loss: Scalar, slopes: tuple[Scalar, Scalar]) -> None:
    r"""The (alpha, w) at every lambda, in both conventions, and at the limit 0+."""
    proof.step(
        r"At $B = \beta\Sigma^{-1}$, $v_x = \alpha\theta_0$ the gradient in $v_x$ is along $\theta_0$, for every "
        r"$\Sigma$ (which enters through $s = |\theta_0|_\Sigma^2$ alone), so that the minimum of the quadratic in "
        r"$(\alpha, w)$ is that of the loss. The calculator prints this point, in the gauge $\beta = 1$."
    )
    quadratic = number(substitute(loss, ALIGNED))
    solution = minimiser(quadratic, alpha, w)
    forces = quadratic.diff(alpha) / s * (H @ SIGMA @ THETA0), quadratic.diff(w)
    on_line = [substitute(slope, {**ALIGNED, norm2(THETA0): s}) for slope in slopes]
    proof.zeros("on this line the gradient is along it", (x - y for x, y in zip(on_line, forces, strict=True)))
    names = {"d": d, "m": m, "N": tokens, "N_0": tokens_0, "beta": beta}
    numbers = names | {"lam": weight, "sigma2": sigma2, "s": s}
    proof.formula(
        r"where B is $\beta\Sigma^{-1}$: $v_x$ is $\alpha\theta_0$",
        CLOSED_FORM,
        numbers,
        alpha=solution[0],
        w=solution[1],
        main=True,
    )
    names |= {"rho": sigma2 / s}
    limit = [at(x, {weight: 0}) for x in solution]
    proof.formula(
        "the limit lambda -> 0+",
        "alpha = N_0/((d + 4)*beta)\nw_star = (N - N_0*(m + 3 + 2*d)/(d + 4))/((m + 1 + d + d*rho)*beta)",
        names,
        alpha=limit[0],
        w_star=limit[1],
        main=True,
    )
    for value, words in ((weight, "any lambda"), (0, "lambda -> 0+")):
        world = lines_world(few_shot_shots=m, few_shot_weight=value)
        point = laws.mixed_value(world)
        name = f"mixed_value (any N, {words})"
        (moved, _), (a, _) = coordinates(point.v_x), coordinates(point.B)
        gauge = {beta: a, weight: value + 0 * weight}
        printed = zip((moved, plain(point.w)), solution, strict=True)
        proof.zeros(f"{name} is this point", [x - at(y, gauge) for x, y in printed])
        check_frozen(proof, name, world, point)
    proof.zero("w* = 104/159 at d = 5, m = 20, sigma^2 = 0.1", official_label_weight() - Fraction(104, 159))
    proof.step(
        "Signs of the limit: $w^* > 0$ for every m in the convention N = m + 1, where $(d+4)N - (m+3+2d) = (d+3)m + "
        "1 - d$ has its worst case at $m = 1$; for N = m it is negative at $m = 1$: one noisy shot is read with the "
        "wrong sign."
    )
    proof.positive("w* > 0 (tokens)", at(limit[1], {tokens: m + 1, tokens_0: 1}), also=("beta > 0",))
    proof.formula(
        "one shot, N = m",
        "w_star = -d/((d + 4)*(d + 2 + d*rho)*beta)",
        names,
        w_star=at(limit[1], {tokens: 1, m: 1, tokens_0: 1}),
    )


def official_label_weight() -> Fraction:
    """w* at beta = 1, where the published experiments stand."""
    one = Fraction(1)
    numbers = Numbers(5 * one, one / 10, one, pretrain_shots=20 * one, few_shot_shots=20 * one)
    world = isotropic_world(numbers, "tokens", False)
    point = laws.mixed_value(world)
    found: Fraction = point.w * point.B.diagonal[0]
    return found


def _printed_system(proof: Proof, slopes: tuple[Scalar, Scalar]) -> None:
    proof.step(
        "The printed law is run on symbols, for every Sigma, Psi, m, N and lambda: it asks for the y that a system makes "
        "the target of, and for w as a ratio. With that system times y for the target both equations hold identically in y. "
        "In exact rationals the definition has no gradient at its point, at d = 1 (m = 2) and d = 2 (m = 1), both "
        "conventions."
    )
    y = vector("y")  # what it is told of the solution
    space = Unknowns(S, y, w)
    numbers = {"per_token": 1 / tokens, "gain": (m_0 + 1) / tokens, "few_shot_shots": m, "few_shot_tokens": tokens}
    numbers |= {"zero_shot_tokens": tokens_0}
    world = symbolic_world(space, SIGMA, THETA0, sigma2, d=d, few_shot_weight=weight, **numbers)
    point = laws.mixed_value(world)
    _, (system, right), (numerator, denominator) = space.asked
    proof.zero("y solves a system with the target on its right", H @ SIGMA @ (right - THETA0))
    solved = {THETA0: system @ y}
    in_v_x, in_w = (substitute(substitute(slope, {V: point.v_x}), solved) for slope in slopes)
    proof.zero("mixed_value solves the equation of v_x, as lambda -> 0+ too", in_v_x)
    equation = in_w / (2 * m * weight * tokens_0**2 / tokens**2)
    ratio = substitute(Scalar.of(denominator * w - numerator), solved)
    proof.zero("mixed_value solves the equation of w, as lambda -> 0+ too", ratio - equation)
    left = point.q + 0 * d, point.B - S, point.b, point.w - w
    proof.zeros("mixed_value: Q as pretraining left it", left)

    def total_gradient(convention: Any, world: World) -> Iterator[Fraction]:
        point = laws.mixed_value(world)
        zero_shot, few = (gradient_at(world, point, k, convention) for k in (0, world.few_shot_shots))
        for a, b in zip(zero_shot, few, strict=True):
            yield a + world.few_shot_weight * b

    worlds = [pair for dim in (1, 2) for pair in matrix_worlds((dim,), few_shot_shots=3 - dim)]
    entries = ((entry, 0) for convention, world in worlds for entry in total_gradient(convention, world))
    proof.brute_force("mixed_value: no gradient, by enumeration", entries)


THEOREM = Theorem(
    name="R5",
    title="Zero-shot plus few-shot loss, value matrix alone: closed form at any weight",
    statement=(
        r"For symmetric B the loss $L_{ZS} + \lambda L_{FS}(m)$ is a quadratic in $(v_x, w)$ with <<unique>> minimum, where "
        r"the linear equations below hold. Where B is $\beta\Sigma^{-1}$, $v_x$ is $\alpha\theta_0$, and $(\alpha, w)$ are "
        r"rational, s being the target's signal power; as $\lambda \to 0^+$, w tends to $w^*$. Both conventions."
    ),
    assumptions=(
        "Sigma positive definite.",
        "B symmetric, all else in Q zero, as pretraining leaves it.",
    ),
    source="new here; w*(m) at the target corrects Lee, Sohn, Lee 2026 (arXiv 2602.23197), notebook, by its index",
    derive=derive,
    given=(Given("lam > 0"), Given("t_2 > 0"), Given("s > 0")),
)
