r"""R13, R13p, R13s: what is added to a frozen layer and trained on the zero-shot loss answers for all of the target.

The layer is pretrained: :math:`v = (0, 0, w)`, :math:`Q_{xx} = B`, all else zero, and :math:`P = wB`. Without shots it predicts
nothing, :math:`v^\top z_q = 0`, so that a prompt's token, a readout of the query or a new head is trained as if it were alone.
With shots it adds :math:`\sum_i y_i\,x_q^\top P x_i`, and the three differ in what they then add to it. Source: new here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from sympy import ZZ
from sympy.polys.fields import field

from .. import practices
from ..contractions import Tasks, contract
from ..kinds import FRACTIONS
from ..laws import pretrained_product
from ..points import Point, World
from ..printed_practices import HEAD, OTHER, PROMPT, SKIP
from ..prompt import tokens as tokens_at
from ..risk_formula import risk_at
from ..wick import (
    Gaussian,
    Noise,
    Scalar,
    Shots,
    Vector,
    derivative,
    expectation,
    matrix,
    substitute,
    vector,
)
from . import enumeration, r0_model
from .hypotheses import Given
from .printed_names import symbols
from .theorem import Proof, Theorem
from .unknowns import Unknowns, symbolic_world
from .value_model import at as at_numbers
from .value_model import matrix_worlds

_, n, N, N_0, d, sigma2, y_p, s_0 = field("n N N_0 d sigma2 y_p s_0", ZZ)
SIGMA, P, PSI = (matrix(name, symmetric=True) for name in ("Sigma", "P", "Psi"))
THETA, THETA0, G, H, X_P, C, P_X, P_0 = map(vector, ("theta", "theta0", "g", "h", "x_p", "c", "p_x", "p_0"))
X, X_Q, EPS = Gaussian("x", SIGMA), Gaussian("x_q", SIGMA), Noise("eps", sigma2)
SHOTS = Shots(n, X, EPS)
Y = THETA @ X + EPS
ONE = 1 + 0 * n


def names(**more: Any) -> dict[str, Any]:
    """What the lines speak of."""
    known = {"theta": THETA, "theta_0": THETA0, "P": P, "n": n, "N": N, "N_0": N_0, "sigma2": sigma2}
    return symbols(SIGMA, **known, **more)


def risk_of(added: Callable[[Any, Any], Any], once: Scalar, skip: Vector | None = None) -> Scalar:
    """The risk at n shots from the definition; ``added`` is what a token (1, x, y) adds, ``once`` what a prompt's does."""
    answer = N * (THETA @ X_Q if skip is None else (THETA - skip) @ X_Q)
    seen = SHOTS.sum(Y * (X_Q @ P @ X) + added(X, Y)) + added(X_Q, 0 * n) + once
    return Scalar.of(sigma2 + expectation((answer - seen) ** 2, SHOTS, X_Q) / N**2)


def nothing(x: Any, y: Any) -> Any:
    """What a token adds where only the frozen layer reads it: its own is in the sum already."""
    return 0 * (X_Q @ SIGMA @ X_Q)


def printed(point: Point, world: World) -> Scalar:
    """The code's risk of the law's model on a task."""
    space = world.space
    tasks = Tasks(space.token_vector(0, THETA, 0))
    return Scalar.of(risk_at(contract(space, world.inputs(), point.layer(world), tasks), n, N, N - n))


def world_of(normalization: Any = N_0) -> World:
    """Symbols for all; N at no shots is N_0, whatever N is."""
    numbers = {"per_token": ONE / N, "gain": ONE, "zero_shot_tokens": N_0, "normalization": normalization}
    return symbolic_world(Unknowns(P, P), SIGMA, THETA0, sigma2, d=d, psi=PSI, **numbers)


def even(risk: Scalar) -> Scalar:
    """The average over a task and its opposite: all that an average over tasks of mean zero sees."""
    return (risk + substitute(risk, {THETA: -1 * THETA})) / 2


def in_tokens(price: Scalar, prompt_tokens: int, shots: Any = n) -> Any:
    """A price on unseen tasks at so many shots where N counts the tokens; s_0 is the target's signal power."""
    number = substitute(price, {THETA0 @ SIGMA @ THETA0: s_0}).as_coefficient()
    return at_numbers(number, {n: shots, N: shots + 1 + prompt_tokens, N_0: ONE * (1 + prompt_tokens)})


def over_shots(proof: Proof, price: Scalar, prompt_tokens: int = 0) -> None:
    """The word for what a price does as n grows, in tokens."""
    gap = in_tokens(price, prompt_tokens) - in_tokens(price, prompt_tokens, n + 1)
    proof.word("falls", gap, ("falls", "stays"))


def silent(proof: Proof) -> None:
    """The frozen layer without shots."""
    frozen = {
        r0_model.v_0: 0,
        r0_model.v_x: 0,
        r0_model.q: 0,
        r0_model.r_x: 0,
        r0_model.r_y: 0,
        r0_model.p: 0,
        r0_model.b: 0,
    }
    own = substitute(r0_model.token(r0_model.x_q, 0), frozen)
    proof.zero("the frozen layer predicts nothing without shots", own)


def frozen_risk() -> Scalar:
    """The risk of the frozen layer alone."""
    return risk_of(nothing, 0 * Scalar.of(X_Q @ G))


# --- R13p -------------------------------------------------------------------------------------------------------------


def derive_prompt(proof: Proof) -> None:
    """A soft prompt."""
    silent(proof)
    proof.step(
        r"A token $(\cdot, x_p, y_p)$ adds $(wy_p)(x_q^\top Bx_p) = g^\top x_q$ with $g = P x_p y_p$ and nothing else, whatever "
        r"its constant: the zero-shot loss is a square in g, zero at $g = N_0\theta_0$ alone."
    )
    loss = expectation((N_0 * (THETA0 @ X_Q) - G @ X_Q) ** 2, X_Q)
    slope = derivative(loss, G, H)
    proof.formula(
        "the zero-shot loss", "L_ZS = sigma2 + norm2(N_0*theta_0 - g)/N_0**2", names(g=G), L_ZS=sigma2 + loss / N_0**2
    )
    proof.zero("its gradient", slope - 2 * (H @ SIGMA @ (G - N_0 * THETA0)))
    proof.step(
        r"The flow moves $x_p$ by $y_pPe$ and $y_p$ by $x_p^\top Pe$, $e = -\nabla_gL_{ZS}$: $|x_p|^2 - y_p^2$ is conserved, and from "
        r"a start near zero, its saddle, the token ends with $|x_p| = |y_p|$. Only g matters to any risk."
    )
    proof.zero("what the flow conserves", X_P @ (y_p * (P @ H)) - y_p * (X_P @ P @ H))
    derived = risk_of(nothing, Scalar.of(N_0 * (THETA0 @ X_Q)))
    proof.formula("the risk at n shots of any task", PROMPT, names(), risk=derived, main=True)
    price = even(derived) - frozen_risk()
    proof.formula(
        "its price on tasks of mean zero, beside the same N without what the token says",
        "price = N_0**2*norm2(theta_0)/N**2",
        names(),
        price=price,
        main=True,
    )
    over_shots(proof, price, 1)
    head = even(risk_of(_first_family, 0 * Scalar.of(X_Q @ G))) - frozen_risk()
    proof.word("below", in_tokens(head, 0) - in_tokens(price, 1), ("below", "above"))
    world = world_of()
    point = practices.soft_prompt(world)
    proof.zero("printed: g", point.recital - N_0 * THETA0)
    for convention, N_p in (("tokens", 2), ("shots", 1)):
        there = practices.soft_prompt(world_of(convention)).recital
        proof.zero(f"printed: N_0 counts the token, {convention}", there - N_p * THETA0)
    proof.zero("printed: the risk at n shots", printed(point, world) - derived)
    proof.brute_force(
        "no loss at zero shots but the noise, and the risk at one, by enumeration",
        _enumerated(practices.soft_prompt, 1),
    )


# --- R13s -------------------------------------------------------------------------------------------------------------


def derive_skip(proof: Proof) -> None:
    """A linear readout."""
    silent(proof)
    proof.step(
        r"The zero-shot loss of a readout c of $x_q$ is a square, and flow ends at $c = \theta_0$; N divides nothing of it."
    )
    loss = expectation(((THETA0 - C) @ X_Q) ** 2, X_Q)
    proof.formula("the zero-shot loss", "L_ZS = sigma2 + norm2(theta_0 - c)", names(c=C), L_ZS=sigma2 + loss, main=True)
    proof.zero("its gradient", derivative(loss, C, H) - 2 * (H @ SIGMA @ (C - THETA0)))
    derived = risk_of(nothing, 0 * Scalar.of(X_Q @ G), THETA0)
    proof.formula("the risk at n shots of any task", SKIP, names(), risk=derived, main=True)
    price = even(derived) - frozen_risk()
    proof.formula("its price on tasks of mean zero", "price = norm2(theta_0)", names(), price=price, main=True)
    over_shots(proof, price)
    proof.word("pay", in_tokens(price, 0), ("pay", "gain"))
    world = world_of()
    point = practices.skip(world)
    proof.zero("printed: c", point.skip - THETA0)
    proof.zero("printed: the risk at n shots", printed(point, world) - derived)
    proof.brute_force(
        "no loss at zero shots but the noise, and the risk at one, by enumeration", _enumerated(practices.skip, 0)
    )


# --- R13 --------------------------------------------------------------------------------------------------------------


def derive_head(proof: Proof) -> None:
    """A new head."""
    silent(proof)
    proof.step(
        r"So the new head alone answers: R2's two families are its points without loss. F1: $v_x = c\,\theta_0$, $Q_{00} = N_0/c$, "
        r"each token adding $N_0\,\theta_0^\top x$. F2: $v_0$, $Q_{x0} = p_0/v_0$, $Q_{0x} = p_x/v_0$, each adding "
        r"$p_0^\top x_q + p_x^\top x$, with $p_0 + p_x = N_0\theta_0$."
    )
    first, second = _first_family, _second_family
    answer = N_0 * (THETA0 @ X_Q)
    proof.zero("F1 has no zero-shot loss", answer - first(X_Q, 0))
    proof.zero("F2 has none", answer - substitute(Scalar.of(second(X_Q, 0)), {P_X: N_0 * THETA0 - P_0}))
    derived = risk_of(first, 0 * Scalar.of(X_Q @ G))
    proof.formula("F1: the risk at n shots of any task", HEAD, names(), R_0=frozen_risk(), risk=derived, main=True)
    price = even(derived) - frozen_risk()
    tokens = {"n": n, "norm2": names()["norm2"], "theta_0": THETA0, "N_0": N_0, "N": N}
    proof.formula(
        "its price on tasks of mean zero", "price = (n + 1)*N_0**2*norm2(theta_0)/N**2", tokens, price=price, main=True
    )
    other = risk_of(second, 0 * Scalar.of(X_Q @ G))
    proof.formula("F2: the risk at n shots", OTHER, names(p_0=P_0, p_x=P_X), risk=other)
    half = {P_0: N_0 * THETA0 / 2, P_X: N_0 * THETA0 / 2}
    split = even(substitute(other, half)) - frozen_risk()
    proof.formula(
        "F2's price where the target is split evenly, as a small start splits it",
        "price = N_0**2*norm2(theta_0)*((n + 2)**2 + n)/(4*N**2)",
        tokens,
        price=split,
        main=True,
    )
    over_shots(proof, price)
    gap = in_tokens(split, 0) - in_tokens(price, 0)
    proof.word("below", gap, ("below", "above"))
    proof.word("above", in_tokens(split, 0) - s_0 / 4, ("above", "below"))
    world = world_of()
    point = practices.new_head(world)
    v_x, q = point.second or (None, None)
    proof.zeros("printed: F1", [v_x - THETA0, q - N_0, point.v_x, point.q + 0 * n])
    proof.zero("printed: the risk at n shots", printed(point, world) - derived)
    proof.brute_force(
        "no loss at zero shots but the noise, and the risk at one, by enumeration", _enumerated(practices.new_head, 0)
    )


def _first_family(x: Any, y: Any) -> Any:
    return N_0 * (THETA0 @ x)


def _second_family(x: Any, y: Any) -> Any:
    return P_0 @ X_Q + P_X @ x


# --- exact points -----------------------------------------------------------------------------------------------------


def _enumerated(law: Callable[[World], Point], prompt_tokens: int) -> Iterator[tuple[Any, Any]]:
    for convention, world in matrix_worlds():
        world = world._replace(normalization=convention)
        point, space = law(world), world.space
        layer = point.layer(world)
        heads = [(list(head.v), head.Q.tolist()) for head in layer.heads]
        prompt = []
        if point.recital is not None:  # a token that says so, with y_p = 1
            x = FRACTIONS.solve(pretrained_product(world), point.recital)
            prompt = [[0, *x, 1]]
        skip = None if point.skip is None else [0, *point.skip]
        for shots in (0, 1):
            at = tokens_at(shots, convention, prompt_tokens)
            found = enumeration.exact_layer_risk(
                heads,
                world.sigma.tolist(),
                list(world.target),
                world.noise_variance,
                shots,
                at,
                prompt=prompt,
                skip=skip,
            )
            terms = contract(space, world.inputs(), layer, Tasks(space.token_vector(0, world.target, 0)))
            yield risk_at(terms, shots, at, at - shots), found
            if shots == 0:
                yield found, world.noise_variance


_ASSUMED = (
    "Sigma positive definite, Psi of full rank.",
    "The layer is frozen at `pretrained`: v holds w alone and Q a symmetric B alone, whose product with w is P.",
)

THEOREMS = (
    Theorem(
        name="R13",
        title="A new head beside a frozen layer: the target without zero-shot loss, at a price that falls as 1/n",
        statement=(
            r"Trained on $L_{ZS}$ alone, a new head has R2's two families as its points without loss. From a small "
            r"odd-symmetric start flow ends in F1, whose risk and price on unseen tasks are below. In tokens this price <<falls>> as n "
            r"grows, and is <<below>> that of F2 at an even split, which is <<above>> a quarter of the target's signal power at any n. "
            "(Which of the two another start selects: R13.selection.)"
        ),
        assumptions=_ASSUMED,
        source="new here",
        derive=derive_head,
        given=(Given("s_0 > 0"), Given("n >= 1")),
    ),
    Theorem(
        name="R13p",
        title="One tuned prompt token: the target without zero-shot loss, at a price that falls as 1/n^2",
        statement=(
            r"Trained on $L_{ZS}$, one token beside a frozen layer ends where its $P x_p y_p$ is $N_0\theta_0$, $N_0$ the tokens without "
            r"shots, its own among them. With N at n shots the risk of any task and the price on unseen tasks are below. In tokens the "
            "price <<falls>> as n grows, and is <<below>> a new head's (R13)."
        ),
        assumptions=(
            *_ASSUMED,
            "The token starts near zero, and not on one of the curves that lead into the saddle there: so almost surely.",
        ),
        source="new here; prompt tuning: Lester et al. 2021 (arXiv 2104.08691)",
        derive=derive_prompt,
        given=(Given("s_0 > 0"), Given("n >= 1")),
    ),
    Theorem(
        name="R13s",
        title="A linear readout of the query: the target without zero-shot loss, at a price that stays",
        statement=(
            r"Trained on $L_{ZS}$, a readout c of $x_q$ beside a frozen layer ends at the target, with the risk and price below: unseen "
            "tasks <<pay>>, and the price <<falls>> as n grows."
        ),
        assumptions=_ASSUMED,
        source="new here",
        derive=derive_skip,
        given=(Given("s_0 > 0"),),
    ),
)
