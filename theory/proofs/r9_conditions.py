r"""R9. At which n few-shot beats zero-shot, and fine-tuned beats pretrained.

One mechanism serves every strategy: :math:`N^2(\mathrm{risk} - \sigma^2)` is a quadratic in n, so every comparison is
the sign of a quadratic (:mod:`theory.thresholds`). The closed forms below are what it comes to in the isotropic case.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from sympy import ZZ
from sympy.polys.fields import field

from .. import thresholds
from ..contractions import RiskTerms, Square
from ..points import World
from ..programs import of_scalars
from ..risk_formula import exact_risk_formula, limit_of_many_shots, quadratic
from .hypotheses import Given
from .printed_lines import run_lines
from .r8_auxiliary_window import LIFT, Law, field_world, law_of, official_world, terms_at, weights
from .radicals import compose
from .theorem import ALWAYS, Proof, Theorem
from .value_model import (
    CONVENTIONS,
    FIELD,
    across,
    d,
    m,
    n,
    phi,
    s,
    sigma2,
    w,
)

TASKS = ("target", "opposite", "unseen")


def terms_on(law: Law, task: str, normalization: Any = "tokens", **numbers: Any) -> RiskTerms:
    """The calculator's contractions on the three named tasks."""
    if task == "opposite":
        return terms_at(law, field_world(normalization, across_norm2=0, **numbers), "task", 2)
    return terms_at(law, field_world(normalization, **numbers), "sphere" if task == "unseen" else task)


def at(polynomial: tuple[Any, ...], n: Any) -> Any:
    """The value of a polynomial in n."""
    return sum((coefficient * n**k for k, coefficient in enumerate(polynomial)), start=0 * n)


# --- the mechanism ---------------------------------------------------------------------------------------------------


MECHANISM = {
    "tokens": """(n + 1)**2*(R(n) - sigma2) == k_0 + k_1*n + k_2*n**2
(n + 1)**2*(R(n) - R(0)) == n*(k_1 - 2*k_0 + (k_2 - k_0)*n)""",
    "shots": """n**2*(R(n) - sigma2) == k_0 + k_1*n + k_2*n**2
n**2*(R(n) - R(0)) == k_0 + k_1*n + (k_2 - (R(0) - sigma2))*n**2""",
}


def derive_mechanism(proof: Proof) -> None:
    """Every comparison is the sign of a polynomial in n of degree at most two, or four where N differs."""
    names = "n sigma2 k_A k_B " + " ".join(f"{x}{i}{k}" for k in "AB" for i in (1, 2) for x in "gaet") + " VA WA VB WB"
    _, shots, noise, k_a, k_b, *rest = field(names, ZZ)
    squares = [Square(*rest[i : i + 4]) for i in range(0, 16, 4)]
    v_a, w_a, v_b, w_b = rest[16:]
    first = RiskTerms(noise, (squares[0], squares[1]), v_a, w_a)
    second = RiskTerms(noise, (squares[2], squares[3]), v_b, w_b)
    proof.step(
        r"For any contractions the risk formula is a quadratic in n over $N^2$ at n >= 1, and so is the difference of two "
        r"risks. Against the risk at zero shots, for N = n + 1, a factor n divides out and what is left is linear."
    )
    for normalization, eta, _ in CONVENTIONS:
        N = shots + eta
        (risk, zero), (other, other_zero) = (
            [exact_risk_formula(x, count, normalization) for count in (shots, 0)] for x in (first, second)
        )
        of_first = partial(exact_risk_formula, first, normalization=normalization)
        k_0, k_1, k_2 = thresholds.shot_polynomial(first, normalization)
        proof.formula(
            f"the risk at n >= 1 shots, N = {'n + 1' if eta else 'n'}",
            MECHANISM[normalization],
            {"R": of_first, "n": shots, "sigma2": noise, "k_0": k_0, "k_1": k_1, "k_2": k_2},
            main=True,
        )
        own = at(thresholds.below_zero_shot(first, normalization).difference(), shots)
        proof.zero(f"against zero shots, {normalization}", N**2 * (risk - zero) - (shots * own if eta else own))
        pair = thresholds.below(first, second, normalization)
        proof.zero(f"one model against another, {normalization}", N**2 * (risk - other) - at(pair.difference(), shots))
        assert pair.at_zero is not None
        proof.zero(f"at n = 0, {normalization}", zero - other_zero - (pair.at_zero[0] - pair.at_zero[1]))
    proof.step(
        r"With $k_A$ and $k_B$ prompt tokens $N_A = n + 1 + k_A$ and $N_B = n + 1 + k_B$: the difference times $N_A^2 N_B^2$ is a "
        r"polynomial of degree four."
    )
    pair = thresholds.below(first, second, "tokens", (k_a, k_b))
    assert pair.at_zero is not None
    for count, found, scale in (
        (shots, at(pair.difference(), shots), (shots + 1 + k_a) * (shots + 1 + k_b)),
        (0, pair.at_zero[0] - pair.at_zero[1], shots**0),
    ):
        one, two = (exact_risk_formula(x, count, "tokens", k) for x, k in ((first, k_a), (second, k_b)))
        proof.zero(f"prompts of two lengths, at {count} shots", scale**2 * (one - two) - found)
    many = limit_of_many_shots(first)
    proof.zero("the limit of many shots", many - noise - thresholds.shot_polynomial(first, "shots")[2])


# --- closed thresholds, isotropic ------------------------------------------------------------------------------------


PRETRAINED = {
    "tokens": "rho = sigma2/s\nn + 1 > a*d*(1 + rho)/(2 - a)",
    "shots": "rho = sigma2/s\nn > a*(1 + d + d*rho)/(2 - a)",
}


def few_shot_gain(terms: RiskTerms, normalization: str) -> Any:
    """What few-shot gains over zero-shot, times N^2 (N = n + 1: and over n), as theory.conditions compares them."""
    return -at(thresholds.below_zero_shot(terms, normalization).difference(), n)


def derive_thresholds(proof: Proof) -> None:
    """The thresholds that people quote, as what the mechanism gives."""
    one, none = 1 + 0 * d, 0 * d
    proof.step(
        r"`pretrained` (wB = a I), every task of squared length s, and the unseen average with s = 1: few-shot beats "
        r"zero-shot above a threshold in n. At $a = 1$, $\sigma^2 = 0$, N = n + 1 it is d - 1: a tie there, n >= d beats."
    )
    for normalization, eta, _ in CONVENTIONS:
        law, world = law_of("pretrained"), field_world(normalization, pretrain_shots=m, across_norm2=across)
        a = weights(law, world)[1]
        length = (1 - phi) ** 2 * s + across  # theta = (1 - phi) theta_0 + theta_perp
        cases = (
            (task, terms_on(law, task, normalization, pretrain_shots=m), one if task == "unseen" else s)
            for task in TASKS
        )
        for task, terms, power in (*cases, ("any", terms_at(law, world, "task", phi), length)):
            names = {"n": n, "d": d, "sigma2": sigma2, "a": a, "s": power}
            gain = few_shot_gain(terms, normalization)
            factor = power * a * (2 - a) * (1 if eta else n)
            if task == "target":
                what = f"`pretrained`: few-shot beats zero-shot iff, N = {'n + 1' if eta else 'n'}"
                proof.condition(what, PRETRAINED[normalization], names, gain, factor, main=True)
            else:
                ((_, gap),) = run_lines(PRETRAINED[normalization], names)[1]
                proof.zero(f"the same, task {task}, {normalization}", gain - factor * gap)
    gain = few_shot_gain(terms_on(law_of("pretrained"), "target", noise_variance=none, target_norm2=one), "tokens")
    proof.condition("without noise, after long pretraining", "n > d - 1", {"n": n, "d": d}, gain, one)

    proof.step(
        r"`zero_shot` and `mixed` have no zero-shot risk above $\sigma^2$ on the target: few-shot never beats it. "
        r"`zero_shot` with $\kappa = w/c$, N = n + 1, on the other tasks:"
    )
    kappa = w
    memory, recited = (of_scalars(1, LIFT(kappa), 1, 0, 0, delta) for delta in (0, LIFT(m)))
    for law, name in ((memory, "zero_shot"), (recited, "mixed")):  # whatever q_xy
        lost = quadratic(terms_on(law, "target"), 1, 0)[0]
        proof.zero(f"no zero-shot risk above the noise: {name}", lost)
        proof.word(name, lost)  # a risk is at least the noise: what few-shot may gain is at most this
    for task, lines, factor in (
        ("opposite", "rho = sigma2/s\nn > ((kappa - 1)**2 + rho*kappa**2 - 4)/3", 3 * s),
        ("unseen", "n + 1 > kappa**2*(1 + sigma2)/s", s),
    ):
        names = {"n": n, "kappa": kappa, "sigma2": sigma2, "s": s}
        what = f"`zero_shot`: few-shot wins on {task} tasks iff"
        proof.condition(what, lines, names, few_shot_gain(terms_on(memory, task), "tokens"), factor)

    proof.step(r"`mixed_kq` on the target, free of d and of the noise: for N = n + 1 few-shot always beats zero-shot.")
    names = {"n": n, "m": m, "s": s}
    on_tokens, on_shots = (
        terms_on(law_of("mixed_kq"), "target", x, pretrain_shots=m, few_shot_shots=m) for x in ("tokens", "shots")
    )
    R = partial(exact_risk_formula, on_tokens)
    proof.formula(
        "`mixed_kq`: what few-shot gains over zero-shot on the target, N = n + 1",
        "(n + 1)**2*(R(0) - R(n)) == n*(m + 1)*s*(2 + (m + 3)*n)/(m + 2)**2",
        names | {"R": R},
        main=True,
    )
    gain = few_shot_gain(on_tokens, "tokens")
    proof.word("mixed_kq", gain)
    proof.zero("theory.conditions compares by it", n * gain - (n + 1) ** 2 * (R(0) - R(n)))
    proof.condition(
        "`mixed_kq`: few-shot beats zero-shot on the target iff, N = n",
        "n > 2*m/(m + 4)",
        names,
        few_shot_gain(on_shots, "shots"),
        n * m * (m + 4) * s / (m + 2) ** 2,
        main=True,
    )
    _value_only_on_target(proof)


def _value_only_on_target(proof: Proof) -> None:
    proof.step(
        r"`zero_shot_value` against `pretrained` on the target, N = n + 1: a quadratic in n. At n = 0 it always beats; for "
        r"all large n iff the coefficient of $n^2$ is negative (where it is zero, that of n is positive)."
    )
    world = field_world("tokens", pretrain_shots=m)
    p_0, p_1, p_2 = _against_pretrained(world)
    proof.word("at_zero", -p_0)
    names = {"n": n, "d": d, "m": m, "sigma2": sigma2, "a": weights(law_of("pretrained"), world)[1]}
    share = s / (d + 4) ** 2
    proof.condition(
        "`zero_shot_value` beats `pretrained` iff",
        "n**2*(1 - 2*(d + 4)*(1 - a)) + n*(3*d + 5 - 2*(d + 3)*(d + 4) + 2*a*(2*d + 3)*(d + 4)) < (d + 2)*(d + 4)",
        names,
        -at((p_0, p_1, p_2), n),
        share,
    )
    what = "`zero_shot_value` beats `pretrained` on the target for all large n iff, N = n + 1"
    proof.condition(what, "a < 1 - 1/(2*(d + 4))", names, -p_2, 2 * (d + 4) * share, main=True)
    factor = share / (m + 1 + d + d * sigma2)
    what = "for all large n iff, with the a of R1.isotropic"
    proof.condition(what, "m + 1 < d*(2*d + 7)*(1 + sigma2)", names, -p_2, factor)
    images = {g: g for g in FIELD.gens} | {m: d * (2 * d + 7) * (1 + sigma2) - 1}
    boundary = (compose(x, images) for x in (p_2, p_1 - share * (2 * d**2 + 9 * d + 2)))
    proof.zeros("where it is zero, the coefficient of n is a multiple of 2 d^2 + 9 d + 2 > 0", boundary)
    proof.step(r"In between not always: at d = 5, m = 20, $\sigma^2 = 0.1$ it beats for n <= 1 and n >= 22 only.")
    difference = _against_pretrained(official_world())
    signs = [at(difference, shots) < 0 for shots in (0, 1, 2, 21, 22)]  # a quadratic: two changes of sign are all
    proof.inequality(
        "two changes of sign, and no more", signs == [True, True, False, False, True] and bool(difference[2] < 0)
    )
    proof.words["between"] = ALWAYS[0] if all(signs) else f"not {ALWAYS[0]}"


def _against_pretrained(world: World) -> Any:
    """N^2 (risk of `zero_shot_value` - risk of `pretrained`) on the target, N = n + 1, as theory.conditions has it."""
    after, before = (terms_at(law_of(name), world, "target") for name in ("zero_shot_value", "pretrained"))
    return thresholds.below(after, before, "tokens").difference()


THEOREMS = (
    Theorem(
        name="R9.mechanism",
        title="A comparison of risks in n is the sign of a quadratic",
        statement=(
            r"At any parameters the risk $R(n)$ at one shot or more is a quadratic in n over $N^2$, with $k_i$ free of n, so that "
            r"one risk is below another, or below its own zero-shot risk, on at most two ranges of n; against zero shots, in "
            r"tokens, the condition is linear in n. Where prompts of two lengths make N two numbers, one risk is below another "
            r"where a polynomial of degree four is negative: on at most three ranges."
        ),
        assumptions=("Any model, covariance, task and convention.",),
        source="new here",
        derive=derive_mechanism,
    ),
    Theorem(
        name="R9.thresholds",
        title="The thresholds in closed form, isotropic",
        statement=(
            r"Where few-shot beats a model's own zero-shot: `pretrained`, with the a of R1.isotropic, on tasks of squared "
            r"length s as follows; `zero_shot` <<zero_shot>> and `mixed` <<mixed>> on the target; `mixed_kq` on the target "
            r"<<mixed_kq>> in tokens, in shots as follows. `zero_shot_value` beats `pretrained` on the target, in tokens, "
            r"<<at_zero>> at zero shots, and for all large n if and only if a is as follows; in between <<between>>."
        ),
        assumptions=("Isotropic, unseen tasks uniform on the unit sphere.",),
        source="new here; the pretrained threshold extends n = d - 1 of Lee, Sohn, Lee 2026 (arXiv 2602.23197)",
        derive=derive_thresholds,
        given=(Given("n >= 1"), Given("s > 0")),
    ),
)
