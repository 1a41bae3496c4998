r"""R12: the exact risk of any layer: several heads, a mask, prompt tokens, a skip, a query with a law of its own.

Statement. A token is a vector z of :math:`\mathbb{R}^{d+2}`, with the unit vectors :math:`e_0` of its constant and
:math:`e_y` of its label; :math:`z = \bar z + (t^\top\bar z)\,e_y` for a shot, with :math:`\bar z` (constant, inputs, noise)
of mean :math:`\mu` and covariance C; the query's :math:`z_q` has :math:`\mu_q`, :math:`C_q` and no label; the answer is
:math:`t^\top z_q` and noise. For heads :math:`(v_h, Q_h)`, prompt tokens p, a skip c, and :math:`\eta = 1` where the query
attends to itself, 0 where it is masked,

.. math::

    N\hat y = \sum_h\Bigl[\sum_i (v_h^\top z_i)(z_q^\top Q_h z_i) + \eta\,(v_h^\top z_q)(z_q^\top Q_h z_q)
        + \sum_p (v_h^\top p)(z_q^\top Q_h p)\Bigr] + N c^\top z_q,

    N^2(\mathrm{risk} - \sigma^2) = |n a + e + (N - n)(t - c)|^2 + n V + \eta W,

with a, e, V and W as the proof prints them, for every n and N, and averaged over tasks of any mean and spread.

Two heads stand for any number: N times the error is a sum with one term a head, so its mean square has a part without
heads, a part for each head and a part for each pair of heads. So has what `theory.contractions` computes, as a third
head shows; two formulas of this kind that agree with none, one and two heads agree with any number. (The same holds
for prompt tokens: each adds one term a head.)

Source: new here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cache, partial
from itertools import chain, combinations
from typing import Any

from ..contractions import Head, Inputs, Layer, Tasks, contract
from ..kinds import FRACTIONS
from ..matrices import Matrices
from ..risk_formula import exact_risk_formula
from ..wick import (
    Gaussian,
    Matrix,
    Scalar,
    Shots,
    Vector,
    expectation,
    matrix,
    outer,
    substitute,
    trace,
    vector,
)
from ..wick.expressions import contractions, symbol
from .enumeration import exact_layer_risk
from .printed_lines import run_lines
from .r0_model import (
    N,
    eta,
    kappa,
    n,
    printed_excess,
    sigma2,
)
from .r0_points import NOISE, covariance, rationals
from .theorem import Proof, Theorem
from .words import Words

E_0, E_Y = vector("e_0"), vector("e_y")
C, C_Q, P = (matrix(name, symmetric=True) for name in ("C", "C_q", "P"))
MU, MU_Q, TASK, SKIP = (vector(name) for name in ("mu", "mu_q", "t", "c"))
PROMPT = vector("p_1"), vector("p_2")
HEADS = tuple(Head(vector(f"v_{h}"), matrix(f"Q_{h}")) for h in (1, 2, 3))
MET = tuple(Head(vector(f"f_{h}"), matrix(f"U_{h}")) for h in (1, 2))  # as the shots of a task meet them
G, G_Q, DELTA = Gaussian("g", C), Gaussian("g_q", C_Q), Gaussian("delta", P)
Z, Z_Q = MU + G, MU_Q + G_Q

SHOT = """\
f_1 = v_1 + (v_1 @ e_y)*t
f_2 = v_2 + (v_2 @ e_y)*t
U_1 = Q_1 + outer(Q_1 @ e_y, t)
U_2 = Q_2 + outer(Q_2 @ e_y, t)
M = C + outer(mu, mu)
M_q = C_q + outer(mu_q, mu_q)
a = t - c - U_1 @ M @ f_1 - U_2 @ M @ f_2
V_12 = ((f_1 @ M @ f_2)*trace(M_q @ U_1 @ M @ U_2.T) + (U_2 @ M @ f_1) @ M_q @ (U_1 @ M @ f_2)
    - 2*(f_1 @ mu)*(f_2 @ mu)*((U_1 @ mu) @ M_q @ (U_2 @ mu)))
(t - c - a) @ z_q == E_g(Y_1 + Y_2)
V_12 == E_q(E_g(Y_1*Y_2) - E_g(Y_1)*E_g(Y_2))
"""
OWN = """\
k = mu_q @ Q @ mu_q
l = (trace(C_q @ Q) + k)*v + (Q + Q.T) @ (C_q @ v + (v @ mu_q)*mu_q) - 2*k*(v @ mu_q)*e_0
T = (v @ z_q)*(z_q @ Q @ z_q)
E_q((b @ z_q)*(T - l @ z_q)) == 0
"""
RISK = """\
e = (-(eta*(l_1 + l_2)) - (v_1 @ p_1)*(Q_1 @ p_1) - (v_2 @ p_1)*(Q_2 @ p_1)
    - (v_1 @ p_2)*(Q_1 @ p_2) - (v_2 @ p_2)*(Q_2 @ p_2))
V = V_11 + 2*V_12 + V_22
W = E_q((T_1 + T_2 - (l_1 + l_2) @ z_q)**2)
N**2*(risk - sigma2) == E_q(((n*a + e + (N - n)*(t - c)) @ z_q)**2) + n*V + eta**2*W
"""
AVERAGE = "L_bar = E(L(delta)) + (kappa - 1)*E(L(2*delta) - 4*L(delta) + 3*L_0)/12"


class Tokens(Words):
    """The core's space with tokens for vectors of the calculus, whatever part of them inputs are."""

    def __init__(self) -> None:
        super().__init__()
        self.constant, self.label = E_0, E_Y

    def token_operator(self, x: Any, label: Any) -> Any:
        """The identity on inputs as that on tokens: it meets only the spread of tasks, which knows where these vary."""
        return x


SPACE = Tokens()


# --- the definition --------------------------------------------------------------------------------------------------


def with_constant(expression: Scalar) -> Scalar:
    """A query's token has 1 for its constant: its mean has, and its covariance maps e_0 to 0."""
    images: dict[Any, Any] = {}
    for contraction in {*contractions(expression)}:
        ends = {contraction.left, contraction.right}
        if "e_0" in ends:
            images[symbol(contraction)] = int(ends == {"e_0", "mu_q"} and not contraction.word)
    return substitute(expression, images)


def over_query(of: Any) -> Scalar:
    """The expectation over the query."""
    return with_constant(expectation(Scalar.of(of), G_Q))


def shot(head: Head) -> Scalar:
    """What a head makes of one shot."""
    return Scalar.of((head.v @ Z) * (Z_Q @ head.Q @ Z))


def of_query(head: Head) -> Scalar:
    """What it makes of the query's own token."""
    return Scalar.of((head.v @ Z_Q) * (Z_Q @ head.Q @ Z_Q))


def met(head: Head, task: Vector) -> Head:
    """The head with the task put in: of a shot Z + (task.Z) e_y it makes what this makes of Z."""
    return Head(head.v + (head.v @ E_Y) * task, head.Q + outer(head.Q @ E_Y, task))


@cache
def excess_of_met() -> Scalar:
    """N^2 (risk - sigma^2) of two heads from the definition, for what the shots meet."""
    sampled = Shots(n, G)
    missed = N * ((TASK - SKIP) @ Z_Q)
    for head, seen in zip(HEADS[:2], MET, strict=True):
        missed = missed - sampled.sum(shot(seen)) - eta * of_query(head)
        for fixed in PROMPT:
            missed = missed - (head.v @ fixed) * (Z_Q @ head.Q @ fixed)
    return expectation(missed * missed, sampled, G_Q)


@cache
def excess(task: Vector = TASK, attends: bool | None = None) -> Scalar:
    """The same on a task; whether the query attends may be left open, as eta."""
    images: dict[Any, Any] = {TASK: task} if attends is None else {TASK: task, eta: int(attends)}
    for head, seen in zip(HEADS[:2], MET, strict=True):
        images[seen.v], images[seen.Q] = met(head, task)[:2]
    return substitute(excess_of_met(), images)


# --- the code --------------------------------------------------------------------------------------------------------


def printed(heads: Sequence[Head], attends: bool, shifted: bool = True, spread: Matrix | None = None) -> Scalar:
    """N^2 (risk - sigma^2) as the code that users run gives it."""
    inputs = Inputs(C if shifted else UNSHIFTED, MU, C_Q, MU_Q, sigma2, shifted)
    terms = contract(SPACE, inputs, Layer(tuple(heads), attends, PROMPT, SKIP), Tasks(TASK, spread, kappa))
    return with_constant(Scalar.of(printed_excess(terms)))


UNSHIFTED = C_Q + sigma2 * outer(E_Y, E_Y)  # the shots' covariance where their inputs' is the query's


# --- the theorem -----------------------------------------------------------------------------------------------------


def derive(proof: Proof) -> None:
    """R12."""
    names: dict[str, Any] = {"e_0": E_0, "e_y": E_Y, "C": C, "C_q": C_Q, "mu": MU, "mu_q": MU_Q, "t": TASK, "c": SKIP}
    names |= {"z_q": Z_Q, "outer": outer, "trace": trace, "E_q": over_query, "E_g": lambda of: expectation(of, G)}
    names |= {f"{name}_{h}": x for h, head in enumerate(HEADS[:2], 1) for name, x in zip("vQ", head[:2], strict=True)}
    proof.step(
        r"A shot is $z = Z + (t^\top Z)e_y$ with $Z = (1, x, \epsilon)$ of mean $\mu$ and covariance C, so that a head meets it "
        r"as $f, U$ meet Z. Given the query, what two heads make of a shot, $Y_1$ and $Y_2$, is a product of two Gaussians "
        "each; shots are independent. $E_g$ averages over a shot, $E_q$ over the query."
    )
    seen = {f"Y_{h}": shot(met(head, TASK)) for h, head in enumerate(HEADS[:2], 1)}
    proof.formula(
        "the bias that a shot leaves, and what two heads share of its variance", SHOT, names | seen, main=True
    )
    shares = {}
    for h, head in enumerate(HEADS[:2], 1):
        alone = names | {
            "v_1": head.v,
            "v_2": head.v,
            "Q_1": head.Q,
            "Q_2": head.Q,
            "Y_1": seen[f"Y_{h}"],
            "Y_2": seen[f"Y_{h}"],
        }
        shares[f"V_{h}{h}"] = run_lines(SHOT, alone)[0]["V_12"]
    known = run_lines(SHOT, names | seen)[0]
    proof.step(
        r"What a head makes of the query's own token, T, is cubic in $z_q$; $l^\top z_q$ is its best linear approximation."
    )
    own: dict[str, Any] = {}
    for h, head in enumerate(HEADS[:2], 1):
        of_head = {x: names[x] for x in ("e_0", "C_q", "mu_q", "z_q", "trace", "E_q")} | {
            "v": head.v,
            "Q": head.Q,
            "b": SKIP,
        }
        if h == 1:
            proof.formula("the query's own token, any b", OWN, of_head, main=True)
        lines = run_lines(OWN, of_head)[0]
        own |= {f"l_{h}": lines["l"], f"T_{h}": lines["T"]}
    proof.step(
        "Prompt tokens are linear in the query too. N times the error is its linear part, the deviations of the shots and "
        "what is left of T: all of them uncorrelated."
    )
    about = {x: known[x] for x in ("a", "t", "c", "v_1", "v_2", "Q_1", "Q_2", "z_q", "E_q", "V_12")} | own | shares
    about |= {"n": n, "N": N, "eta": eta, "sigma2": sigma2, "p_1": PROMPT[0], "p_2": PROMPT[1]}
    risk = sigma2 + excess() / N**2
    proof.formula(
        "the risk of two heads with two prompt tokens, for every n and N", RISK, about | {"risk": risk}, main=True
    )

    proof.step(
        "The printed code is run as it stands, with tokens for vectors: two heads, two prompt tokens, a skip, any mean and "
        "covariance of the query; the query attending or masked."
    )
    for attends in (True, False):
        on_task = excess(TASK, attends)
        who = "the query attends" if attends else "the query is masked"
        proof.zero(f"printed risk = derived risk, {who}", printed(HEADS[:2], attends) - on_task)
        proof.zero(
            f"... and its inputs have the shots' covariance, {who}",
            printed(HEADS[:2], attends, shifted=False) - substitute(on_task, {C: UNSHIFTED}),
        )
    _average(proof)
    _many(proof)
    proof.brute_force("the core on matrices = enumeration of the definition", _points())


def _average(proof: Proof) -> None:
    proof.step(
        r"Tasks $t + \delta$: L is a polynomial of degree 4 in $\delta$. Average it over $N(0, P)$, and weigh the part of degree "
        r"4 by $\kappa$."
    )
    names: dict[str, Any] = {"E": lambda of: expectation(of, DELTA), "delta": DELTA, "kappa": kappa}
    for attends, who in ((True, "attends"), (False, "is masked")):
        names["L"] = partial(_excess_beside, attends)
        names["L_0"] = excess(TASK, attends)
        average = run_lines(AVERAGE, names)[0]["L_bar"]
        proof.zero(
            f"printed average = derived average, the query {who}", printed(HEADS[:2], attends, spread=P) - average
        )
        if attends:
            proof.formula(
                "the average of L(delta), which is N^2 (risk - sigma^2) on the task t + delta; E averages over delta",
                AVERAGE,
                names,
                L_bar=average,
                main=True,
            )


def _excess_beside(attends: bool, deviation: Vector) -> Scalar:
    return excess(TASK + deviation, attends)


def _many(proof: Proof) -> None:
    proof.step(
        "Any number of heads: N times the error has one term a head, so its mean square has a part without heads, a part for "
        "each head and one for each pair; so has the printed one, as a third head shows, and a head that is zero counts for "
        "none. Two such sums that agree for two heads agree for any number."
    )
    parts = {some: printed(some, True, spread=P) for some in _subsets(HEADS)}
    proof.zero("no three heads meet", sum(((-1) ** len(some) * part for some, part in parts.items()), start=Scalar()))
    none = Head(Vector(), Matrix())
    padded = (((), (none, none)), (HEADS[:1], (HEADS[0], none)))
    proof.zeros(
        "a head that is zero counts for none", [printed(more, True, spread=P) - parts[some] for some, more in padded]
    )


def _subsets(heads: Sequence[Head]) -> list[tuple[Head, ...]]:
    return [*chain.from_iterable(combinations(heads, k) for k in range(len(heads) + 1))]


def _points() -> Iterator[tuple[Any, Any]]:
    """Three heads with everything at once, at d = 1 and 2."""
    for dim, count, attends, varies in (
        (1, 0, True, True), (1, 2, True, False), (1, 2, False, True), (2, 0, True, False), (2, 1, True, True), (2, 2, False, False),
    ):  # fmt: skip
        seed = 100 * dim + 10 * count + attends
        heads = tuple(
            Head(rationals(dim + 2, seed=seed + h), rationals(dim + 2, dim + 2, seed=seed + 3 + h)) for h in range(3)
        )
        sigma, query_sigma, psi = (covariance(dim, seed + k) for k in (10, 11, 12))
        theta, skip = rationals(dim, seed=seed + 13), rationals(dim + 1, seed=seed + 14)
        prompt = [rationals(dim + 2, seed=seed + k) for k in (15, 16)]
        N = Fraction(count + 5, 2)
        space = Matrices(dim, FRACTIONS)
        inputs = Inputs(
            space.token_operator(sigma, NOISE),
            space.constant,
            space.token_operator(query_sigma, 0),
            space.constant,
            NOISE,
            True,
        )
        token_skip = space.token_vector(skip[0], skip[1:], 0)
        tasks = Tasks(space.token_vector(0, theta, 0), space.token_operator(psi, 0) if varies else None)
        terms = contract(space, inputs, Layer(heads, attends, tuple(prompt), token_skip), tasks)
        yield (
            exact_risk_formula(terms, count, N),
            exact_layer_risk(
                [(head.v, head.Q) for head in heads], sigma, theta, NOISE, count, N, attends=attends, prompt=prompt, skip=skip,
                query_covariance=query_sigma, task_covariance=psi if varies else None,
            ),
        )  # fmt: skip


THEOREM = Theorem(
    "R12",
    "the exact risk of any layer: heads, mask, prompt, skip, a shifted query, tasks around a mean",
    r"For heads $(v_h, Q_h)$, prompt tokens, a skip c and a query that attends to itself ($\eta = 1$) or is masked ($\eta = 0$) "
    r"the risk is as follows, for every n and N; here for two heads and two prompt tokens, of which any number adds up "
    r"alike. $\mu$, C are mean and covariance of a shot's $(1, x, \epsilon)$ and $\mu_q$, $C_q$ those of the query's token "
    r"$z_q$, t is the task. For tasks $t + \delta$ of spread P and fourth moments $\kappa$ times Gaussian ones it is the average $\bar L$.",
    (
        "One layer of linear attention; Gaussian inputs and label noise, the query's of a mean and covariance of their own.",
        "For averages: odd moments of delta vanish; fourth moments are those of an elliptical law.",
    ),
    "new here",
    derive,
)
