r"""R24: fine-tuning on several tasks at once, :math:`\theta` with mean :math:`\bar\theta` and covariance V over them.

The loss is an average, so that every slope is one: what the tasks enter by are the averages that appear in it. New here.
"""

from __future__ import annotations

from typing import Any

from sympy import ZZ
from sympy.polys.fields import field

from .. import laws, several_targets
from ..wick import (
    Gaussian,
    Noise,
    Scalar,
    Shots,
    derivative,
    expectation,
    matrix,
    outer,
    substitute,
    trace,
    vector,
)  # fmt: skip
from . import r0_model
from .hypotheses import Given
from .printed_names import symbols
from .theorem import Proof, Theorem
from .unknowns import Unknowns, symbolic_world
from .value_model import SIGMA, THETA, H, S, V, d, excess_risk, m, s, sigma2, tokens, tokens_0, w
from .value_model import beta as r
from .value_model import weight as p

# p and 1 - p are the weights of two tasks, r a quotient: generators of R4's field that play no other role here.
MEAN, DELTA_LAW = vector("mean"), matrix("V", symmetric=True)
B, C, Y = matrix("B"), matrix("C"), vector("y")
KEY, E = vector("b"), vector("e")
FIRST, SECOND = vector("theta_1"), vector("theta_2")

VALUE = """\
M = B @ Sigma
t_2 = trace(M @ M)
right = N*(inner(mean, M @ mean) + trace(Sigma @ M @ V)) - (m + 1)*inner(v_x, M @ M @ mean)
right = right - t_2*inner(v_x, mean) - inner(v_x, trace(M)*(M @ mean) + 2*(M @ M @ mean))
left = (m + 1)*(norm2(M @ mean) + trace(Sigma @ M @ M @ V)) + t_2*(norm2(mean) + trace(Sigma @ V) + sigma2)
slope = 2*m*(left*w - right)/N**2
"""
KEYS = """\
nu = norm2(theta) + sigma2
slope_B = (m + 1)*(B @ Sigma @ outer(theta, theta)) + nu*B + (m + 2)*nu*outer(b, theta) - N*outer(theta, theta)
slope_b = (m + 2)*nu*(B @ Sigma @ theta) + (m + 2)*nu**2*b - N*nu*theta
"""
CONVEX = """\
nu = s + sigma2
u = C @ Sigma @ theta
C_perp = C - outer(u, theta)/s
curved = 2*m*((m + 2)*norm2(nu*e + u) + sigma2*norm2(u)/s + nu*trace(C_perp @ Sigma @ C_perp.T @ Sigma))
"""


def average(x: Any) -> Scalar:
    """Over tasks of this mean and covariance: of what is quadratic in a task the law plays no role."""
    return expectation(substitute(Scalar.of(x), {THETA: MEAN + vector("delta")}), Gaussian("delta", DELTA_LAW))


def derive(proof: Proof) -> None:
    """R24."""
    proof.step(
        "Without shots no token knows the task: the loss of any model is a quadratic in it, whose square is the answer's own. So the "
        "average over tasks is the loss of the mean task, and what no model can answer."
    )
    at_zero = substitute(r0_model.excess(), {r0_model.n: 0, r0_model.theta: THETA}) / r0_model.N**2
    twice = derivative(derivative(at_zero, THETA, H), THETA, H)
    proof.zero("the square, of any model", twice - 2 * (H @ r0_model.Sigma @ H))
    gap = expectation(
        substitute(at_zero, {THETA: MEAN + vector("delta")}), Gaussian("delta", DELTA_LAW)
    ) - substitute(at_zero, {THETA: MEAN})  # fmt: skip
    names = {"trace": trace, "Sigma": r0_model.Sigma, "V": DELTA_LAW}
    proof.formula(
        "what the average adds to the mean task's zero-shot loss",
        "added = trace(Sigma @ V)",
        names,
        added=gap,
        main=True,
    )
    _value(proof)
    _keys(proof)


# --- the value matrix -------------------------------------------------------------------------------------------------


def _value(proof: Proof) -> None:
    proof.step(
        r"Value alone: with $v_x$ where the zero-shot loss puts it, the slope of the average few-shot loss in w is linear in w, and the "
        r"tasks' covariance adds to either side of where it vanishes. $V \to 0$ is R5."
    )
    one = derivative(excess_risk(V, w, S, THETA, m), w, 1) / tokens**2
    names = symbols(SIGMA, B=S, V=DELTA_LAW, mean=MEAN, v_x=V, w=w, m=m, N=tokens, sigma2=sigma2)
    proof.formula("the slope in w", VALUE, names, slope=average(one), main=True)
    # the factor of w: (m + 1) times a mean of squares, t_2 times the tasks' mean power s and the noise
    _, shots, power, square, signal, noise = field("m t_2 x s sigma2", ZZ)
    proof.word("one", (shots + 1) * square**2 + power * (signal + noise), ("one", "no"), where="`mixed_value`")
    space = Unknowns(S, Y, r)
    numbers = {"per_token": 1 / tokens, "gain": (m + 1) / tokens, "few_shot_shots": m, "few_shot_tokens": tokens}
    numbers |= {"few_shot_weight": 0, "zero_shot_tokens": tokens_0, "several": ((p, FIRST), (1 - p, SECOND))}
    mean = p * FIRST + (1 - p) * SECOND
    point = laws.mixed_value(symbolic_world(space, SIGMA, mean, sigma2, d=d, **numbers))
    _, (system, right), (over, under) = space.asked
    proof.zero("printed: y solves R4's system of the mean task", H @ SIGMA @ (right - mean))
    slope = p * substitute(one, {THETA: FIRST}) + (1 - p) * substitute(one, {THETA: SECOND})
    # With the mean task for K y, by its own symbol: first = (mean - (1 - p) second)/p
    first = (system @ Y - (1 - p) * SECOND) / p
    at_end = substitute(substitute(slope, {V: point.v_x}), {FIRST: first})
    ratio = substitute(Scalar.of(under) * w - Scalar.of(over), {FIRST: first})
    proof.zero("printed: where the slope in w vanishes", at_end - 2 * m * ratio / tokens**2)


# --- the key-query matrix ---------------------------------------------------------------------------------------------


def _keys(proof: Proof) -> None:
    proof.step(
        r"Key-query alone, $v = (0, 0, w)$, w = 1: one task's slopes in $B = Q_{xx}$ and $b = Q_{xy}$ are below, up to $2m/N^2$ and the "
        r"metric. Averaged, they hold $E\theta\theta^\top$, $E\nu$, $\omega = E\nu\theta$ and $\kappa = E\nu^2$: two linear equations."
    )
    x, x_q, eps = Gaussian("x", SIGMA), Gaussian("x_q", SIGMA), Noise("eps", sigma2)
    y = THETA @ x + eps
    shots = Shots(m, x, eps)
    loss = expectation((tokens * (THETA @ x_q) - shots.sum(y * (x_q @ B @ x + (KEY @ x_q) * y))) ** 2, shots, x_q)
    names = symbols(SIGMA, theta=THETA, B=B, b=KEY, m=m, N=tokens, sigma2=sigma2)
    nu = THETA @ SIGMA @ THETA + sigma2
    second = outer(THETA, THETA)
    in_B = (m + 1) * (B @ SIGMA @ second) + nu * B + (m + 2) * nu * outer(KEY, THETA) - tokens * second
    in_b = (m + 2) * nu * (B @ SIGMA @ THETA) + (m + 2) * nu**2 * KEY - tokens * nu * THETA
    proof.formula("one task's slopes", KEYS, names, slope_B=in_B, slope_b=in_b, main=True)
    proof.zero(
        "which are the loss's, in every direction of B",
        derivative(loss, B, C) - 2 * m * trace(SIGMA @ in_B @ SIGMA @ C.T),
    )
    proof.zero("and of b", derivative(loss, KEY, E) - 2 * m * (E @ SIGMA @ in_b))
    proof.step(
        r"Each task's loss, s its signal power, is curved along a step C of B and e of b by a sum of squares: so is the average, and "
        "where one of its tasks has a power, and labels noise, by nothing only if all of C and e is zero."
    )
    twice = derivative(derivative(loss, B, C), B, C) + 2 * derivative(derivative(loss, B, C), KEY, E)
    twice = substitute(Scalar.of(twice + derivative(derivative(loss, KEY, E), KEY, E)), {THETA @ SIGMA @ THETA: s})

    def power(x: Any) -> Scalar:
        return substitute(trace(x), {THETA @ SIGMA @ THETA: s})

    steps = names | {"C": C, "e": E, "s": s, "trace": power}
    proof.formula("the curvature", CONVEX, {x: y for x, y in steps.items() if x not in "Bb"}, curved=twice)
    weights = 2 * m * (m + 2) * (2 * m * sigma2 / s) * 2 * m * (s + sigma2)
    proof.word("unique", weights, ("one", "no"), where="`mixed_kq`")
    space = Unknowns(r, B.T, matrix("P", symmetric=True))
    tasks = ((p, FIRST), (1 - p, SECOND))
    numbers = {"per_token": 1 / tokens, "gain": (m + 1) / tokens, "few_shot_shots": m, "few_shot_tokens": tokens}
    point = several_targets.mixed_key_query(
        symbolic_world(space, SIGMA, MEAN, sigma2, d=d, several=tasks, psi=matrix("Psi", symmetric=True), **numbers)
    )
    (_, kappa), (seen, wanted), _ = space.asked
    at_end = {KEY: point.b}
    solved = B @ seen.T - wanted.T  # zero, by what was asked for
    slope_B = trace(substitute(_averaged(in_B, tasks), at_end) @ C)
    slope_b = E @ substitute(_averaged(in_b, tasks), at_end)
    proof.zero("printed: no slope in B, where its system holds", slope_B - trace(solved @ C))
    rest = substitute(_averaged(tokens * nu * THETA - (m + 2) * nu * (B @ SIGMA @ THETA), tasks), at_end)
    proof.zero("printed: none in b, r being the quotient 1/kappa", slope_b - (r * kappa - 1) * (E @ rest))
    proof.zeros("printed: v as pretraining left it, and no gate", [point.v_x, point.w - 1 + 0 * d, point.q + 0 * d])


def _averaged(x: Any, tasks: Any) -> Any:
    """The average over two tasks; of more it is as linear."""
    (first, one), (second, two) = tasks
    return first * substitute(x, {THETA: one}) + second * substitute(x, {THETA: two})


THEOREM = Theorem(
    name="R24",
    title="Several targets: the mean task for the zero-shot loss, four averages for key-query",
    statement=(
        r"On average over tasks of mean $\bar\theta$ and covariance V the zero-shot loss of any model is that of $\bar\theta$ and what is below: "
        r"the strategies on that loss end where one target $\bar\theta$ ends them. `mixed_value` ends at R4's $v_x$ for $\bar\theta$ and at "
        r"<<one>> w without slope; `mixed_kq` at the <<unique>> minimum, where the averages of the slopes in B and b vanish."
    ),
    assumptions=(
        "Sigma positive definite; the layer starts as pretraining leaves it.",
        "`mixed_value` at the weight 0+ here; at others by the tests' enumeration.",
        "Where the mean task is zero, nothing moves in the strategies that train v and Q on the zero-shot loss.",
    ),
    source="new here",
    derive=derive,
    given=(Given("t_2 > 0", "`mixed_value`"), Given("sigma2 > 0", "`mixed_kq`"), Given("s > 0")),
)
