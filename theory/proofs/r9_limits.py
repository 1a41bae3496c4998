r"""R9, limits: :math:`n \to \infty`, and :math:`d \to \infty` at fixed n/d and m/d."""

from __future__ import annotations

from typing import Any

from sympy import ZZ
from sympy.polys.fields import field

from .. import laws
from ..programs import Numbers, isotropic_terms, isotropic_world, of_scalars
from ..risk_formula import exact_risk_formula, limit_of_many_shots
from . import r2_selection
from .printed_lines import run_lines
from .r8_auxiliary_window import LIFT, Law, field_world, law_of, value_only, weights
from .r9_conditions import TASKS, terms_on
from .radicals import Roots, compose
from .theorem import Proof, Theorem
from .value_model import CONVENTIONS, alpha, d, m, s, sigma2, tokens, w

FIELD, inverse_root, nu, ratio, noise, y = field("h nu kappa sigma2 y", ZZ)  # d = 1/h^2, n = nu d, m = kappa d

SHOT_BIAS = """target = (1 - w - alpha)**2*s
opposite = (1 - w + alpha)**2*s
unseen = (1 - w)**2 + alpha**2*s"""
SHARED = "a = kappa/(kappa + 1 + sigma2)\nexcess = (1 - a)**2 + a**2*(1 + sigma2)/nu"


def derive_limits(proof: Proof) -> None:
    """R9.limits."""

    def excess(law: Law, task: str, normalization: Any = "tokens") -> Any:
        terms = terms_on(law, task, normalization, pretrain_shots=m, few_shot_shots=m)
        return limit_of_many_shots(terms) - sigma2

    proof.step(
        r"As $n \to \infty$ the excess over $\sigma^2$ tends to the squared bias that a shot leaves. With v alone trained, "
        r"in the gauge $B = I$, $v_x = \alpha\theta_0$ and w as they are (`pretrained`: $\alpha = 0$, w = a; else "
        r"$\alpha = 1/(d+4)$), whatever the convention."
    )
    names = {"w": w, "alpha": alpha, "s": s}
    generic = value_only(alpha, w)
    biases = {task: excess(generic, task) for task in TASKS}
    proof.formula("the excess after many shots, v alone trained", SHOT_BIAS, names, main=True, **biases)
    N = tokens  # m + 1 or m
    world = field_world(N, pretrain_shots=m, few_shot_shots=m)
    for name in ("pretrained", "zero_shot_value", "mixed_value"):
        law = law_of(name)
        share = 0 if name == "pretrained" else 1 / (d + 4)
        stated = run_lines(SHOT_BIAS, {"w": weights(law, world)[1], "alpha": share, "s": s})[0]
        proof.zeros(f"many shots: {name}", (excess(law, task, N) - stated[task] for task in TASKS))
    proof.step(
        r"`mixed_kq` recites the target but for a small part; `zero_shot` is left with s on every task of that norm."
    )
    proof.formula(
        "the excess of `mixed_kq` on the target after many shots",
        "excess = s*(m + 2 - N)**2/(m + 2)**2",
        {"s": s, "m": m, "N": N},
        excess=excess(law_of("mixed_kq"), "target", N),
    )
    memory = of_scalars(1, LIFT(w), 1, 0, 0, 0)
    lost = zip(TASKS, (s, s, 1), strict=True)
    proof.zeros("many shots: zero_shot", (excess(memory, task) - bias for task, bias in lost))
    _many_dimensions(proof)


def _many_dimensions(proof: Proof) -> None:
    dimension = 1 / inverse_root**2
    one = FIELD(1)
    lift = Roots(FIELD)
    numbers = Numbers(*map(lift, (dimension, noise, one, ratio * dimension, ratio * dimension, 0)))
    worlds = [normalization for normalization, _, _ in CONVENTIONS]

    def excess(law: Law, task: str, normalization: str) -> Any:
        opposite = task == "opposite"
        world = isotropic_world(numbers._replace(across_norm2=0) if opposite else numbers, normalization, False)
        place = {"opposite": "task", "unseen": "sphere"}.get(task, task)
        terms = isotropic_terms(law, world, place, 2)
        return (exact_risk_formula(terms, lift(nu * dimension), normalization) - noise).rational()

    proof.step(
        r"As $d \to \infty$ with $n = \nu d$, $m = \kappa d$, $|\theta_0| = 1$, `pretrained`, `zero_shot_value` and "
        r"`mixed_value` share one limit, on every task; `mixed_kq` recites the target for free (limit 0)."
    )
    strategies = ("pretrained", "zero_shot_value", "mixed_value")
    found = {
        (name, task, normalization): excess(law_of(name), task, normalization)
        for normalization in worlds
        for name in strategies
        for task in TASKS
    }
    names = {"kappa": ratio, "sigma2": noise, "nu": nu}
    proportions = {"sigma2": noise, "n": nu * dimension, "m": ratio * dimension, "d": dimension}
    weight = at_zero(weights(law_of("pretrained"), isotropic_world(numbers, "tokens", False))[1])
    limit = at_zero(found["zero_shot_value", "unseen", "tokens"])
    lines = f"nu = n/d\nkappa = m/d\n{SHARED}"
    proof.formula(
        "the excess in many dimensions, v alone trained", lines, proportions, main=True, a=weight, excess=limit
    )
    known, _ = run_lines(SHARED, names)
    for name in strategies:
        limits = (at_zero(found[name, task, normalization]) for task in TASKS for normalization in worlds)
        proof.zeros(f"many dimensions: {name}", (limit - known["excess"] for limit in limits))
    for normalization in worlds:
        recital = excess(law_of("mixed_kq"), "target", normalization)
        proof.zero(f"many dimensions: mixed_kq, target, {normalization}", at_zero(recital))

    proof.step(r"So the price of value-only fine-tuning falls as $1/d^2$.")
    prices = [
        at_zero((found["zero_shot_value", "unseen", x] - found["pretrained", "unseen", x]) * dimension**2)
        for x in worlds
    ]
    proof.formula("the limit of d^2 times the price", "limit = (nu**2 + 3*nu + 1)/nu**2", names, limit=prices[0])
    proof.zero("the same in both conventions", prices[1] - prices[0])

    proof.step(
        r"`zero_shot` (balanced): in the scale c = 1, $Y = w^2/d$ solves a quadratic whose last term vanishes as "
        r"$d \to \infty$, so that its positive root tends to $a^2$."
    )
    balanced = r2_selection.printed_world(Roots(r2_selection.FIELD), balanced=True)
    proof.formula(
        "the weight of the label",
        "Y = w**2/d\nY**2 == a**2*Y + a**2*s/d",
        {"w": laws.zero_shot(balanced).w, "a": laws.pretrained(balanced).B.diagonal[1]}
        | {"d": balanced.d, "s": balanced.target @ balanced.target},
    )
    memory = of_scalars(1, lift(y / inverse_root), 1, 0, 0, 0)  # Y = y^2
    in_tokens, in_shots = (at_zero(excess(memory, "target", normalization)) for normalization in worlds)
    proof.formula(
        "the excess of `zero_shot` on the target, many dimensions",
        "excess = 1 + a**2*(1 + sigma2)/nu",
        names | {"a": known["a"]},
        main=True,
        excess=compose(in_tokens, {g: g for g in FIELD.gens} | {y: known["a"]}),
    )
    proof.zero("the same in both conventions", in_shots - in_tokens)


def at_zero(value: Any) -> Any:
    """The value at h = 0 of a rational function that is regular there."""
    h = inverse_root.numer
    numerator, denominator = (part.compose(h, h.ring.zero) for part in (value.numer, value.denom))
    return value.field(numerator) / value.field(denominator)


THEOREM = Theorem(
    name="R9.limits",
    title="Limits of many shots and of many dimensions, isotropic",
    statement=(
        r"As $n \to \infty$ the excess over $\sigma^2$ tends to the squared bias of a shot, with v alone trained as follows, "
        r"in the gauge where B is the identity, $\alpha$ being the factor of $v_x$ (the unseen average is over unit vectors). As "
        r"$d \to \infty$ with n and m in proportion, `pretrained`, `zero_shot_value` and `mixed_value` share one limit on the "
        r"named tasks, and `zero_shot` has another on the target."
    ),
    assumptions=("Isotropic; in the limit of many dimensions a target of unit length; balanced scale for zero_shot.",),
    source="new here",
    derive=derive_limits,
)
