r"""R9, limits: :math:`n \to \infty`, and :math:`d \to \infty` at fixed n/d and m/d."""

from __future__ import annotations

from typing import Any

from sympy import QQ
from sympy.polys.fields import field

from .. import fixed_points, isotropic, risk_formula
from ..fixed_points import IsotropicWorld
from ..isotropic import IsotropicScalars
from .r4_zero_shot_value import CONVENTIONS, d, isotropic_world, m, s, sigma2, w
from .r9_conditions import TASKS, terms_on
from .theorem import Proof, Theorem

_, inverse_root, nu, ratio, noise, y = field("h nu kappa sigma2 y", QQ)  # d = 1/h^2, n = nu d, m = kappa d


def derive_limits(proof: Proof) -> None:
    """R9.limits."""
    proof.step(
        r"As $n \to \infty$ the excess tends to the squared bias that a shot leaves. `pretrained`: "
        r"$(1-a)^2s$. `zero_shot`: s, on every task of that norm. Value only, $\alpha = 1/(d+4)$ and w~: "
        r"$(1 - w - \alpha)^2s$ on the target, $(1 - w + \alpha)^2s$ opposite, $(1-w)^2 + \alpha^2s$ "
        r"unseen. `mixed_kq`, target: $s/(m+2)^2$ ($4s/(m+2)^2$ for N = n)."
    )
    share = 1 / (d + 4)
    for _, eta, _ in CONVENTIONS:
        world = isotropic_world(eta, m, m)
        for name in ("pretrained", "zero_shot_value", "mixed_value"):
            point = fixed_points.POINTS[name][0](world)
            part = 0 if name == "pretrained" else share
            biases = ((1 - point.w - part) ** 2 * s, (1 - point.w + part) ** 2 * s, (1 - point.w) ** 2 + part**2 * s)
            for task, bias in zip(TASKS, biases, strict=True):
                left = risk_formula.limit_of_many_shots(terms_on(point, task)) - sigma2
                proof.zero(f"many shots: {name}, {task}, eta = {eta}", left - bias)
        recital = terms_on(fixed_points.mixed_kq(world), "target")
        stated = s * (2 - eta) ** 2 / (m + 2) ** 2
        proof.zero(
            f"many shots: mixed_kq, target, eta = {eta}", risk_formula.limit_of_many_shots(recital) - sigma2 - stated
        )
    memory = isotropic.contract(IsotropicScalars(1 + 0 * d, w, 1 + 0 * d, 0 * d, 0 * d, 0 * d), d, sigma2, s)
    for task, bias in (("target", s), ("opposite", s), ("unseen", 1)):
        left = risk_formula.limit_of_many_shots(terms_on(memory, task)) - sigma2
        proof.zero(f"many shots: zero_shot, {task}", left - bias)
    _many_dimensions(proof)


def _many_dimensions(proof: Proof) -> None:
    proof.step(
        r"As $d \to \infty$ with $n = \nu d$, $m = \kappa d$, $|\theta_0| = 1$, a tends to $\kappa/(\kappa "
        r"+ 1 + \sigma^2)$. `pretrained`, `zero_shot_value` and `mixed_value` all tend to $(1-a)^2 + "
        r"a^2(1+\sigma^2)/\nu$, on every task: the price of value-only fine-tuning is $(\nu^2 + 3\nu + "
        r"1)/(\nu d)^2$. `mixed_kq` recites the target for free (limit 0). `zero_shot` (balanced): "
        r"$(w/c)^2/d \to a^2$, so that it tends to $1 + a^2(1+\sigma^2)/\nu$."
    )
    dimension = 1 / inverse_root**2
    a = ratio / (ratio + 1 + noise)
    shared = (1 - a) ** 2 + a**2 * (1 + noise) / nu
    one = 1 + 0 * noise
    for normalization, eta, _ in CONVENTIONS:
        world = IsotropicWorld(dimension, noise, one, ratio * dimension, ratio * dimension, 0 * one, None, eta)
        excess = {}
        for name in ("pretrained", "zero_shot_value", "mixed_value", "mixed_kq"):
            point = fixed_points.POINTS[name][0](world)
            for task in TASKS:
                terms = terms_on(point, task, world)
                excess[name, task] = risk_formula.exact_risk_formula(terms, nu * dimension, normalization) - noise
                if name != "mixed_kq":
                    proof.zero(
                        f"many dimensions: {name}, {task}, {normalization}", at_zero(excess[name, task]) - shared
                    )
        proof.zero(f"many dimensions: mixed_kq, target, {normalization}", at_zero(excess["mixed_kq", "target"]))
        price = (excess["zero_shot_value", "unseen"] - excess["pretrained", "unseen"]) * dimension**2
        proof.zero(f"many dimensions: the price, {normalization}", at_zero(price) - (nu**2 + 3 * nu + 1) / nu**2)
        scalars = IsotropicScalars(one, y / inverse_root, one, 0 * one, 0 * one, 0 * one)  # y^2 = (w/c)^2 / d
        memory = isotropic.contract(scalars, dimension, noise, one)
        risk = risk_formula.exact_risk_formula(terms_on(memory, "target", world), nu * dimension, normalization) - noise
        proof.zero(f"many dimensions: zero_shot, target, {normalization}", at_zero(risk) - 1 - y**2 * (1 + noise) / nu)
    proof.step(
        r"Balanced, $w_0^2 = a\sqrt d$ and $x = 1/c^2$ solves $x^2 - a\sqrt d\,x - 1 = 0$ (R2), so $Y = "
        r"(w/c)^2/d = w_0^2x/d$ solves $Y^2 - a^2Y - a^2/d = 0$, whose positive root tends to $a^2$."
    )
    root_d = 1 / inverse_root
    level, x = ratio, y  # any a, any x
    big_y = level * root_d * x / dimension
    quadratic = big_y**2 - level**2 * big_y - level**2 / dimension
    proof.zero("the equation for (w/c)^2/d", quadratic - level**2 / dimension * (x**2 - level * root_d * x - 1))


def at_zero(value: Any) -> Any:
    """The value at h = 0 of a rational function that is regular there."""
    h = inverse_root.numer
    numerator, denominator = (part.compose(h, h.ring.zero) for part in (value.numer, value.denom))
    return value.field(numerator) / value.field(denominator)


THEOREM = Theorem(
    name="R9.limits",
    title="Limits of many shots and of many dimensions, isotropic",
    statement=(
        r"$n \to \infty$: the excess risk tends to the squared bias of a shot. $d \to \infty$ at $n = "
        r"\nu d$, $m = \kappa d$: `pretrained`, `zero_shot_value`, `mixed_value` tend to $(1-a)^2 + "
        r"a^2(1+\sigma^2)/\nu$, `zero_shot` to $1 + a^2(1+\sigma^2)/\nu$ on the target."
    ),
    assumptions=("Sigma = I, |theta_0| = 1 in the limit of many dimensions, balanced scale for zero_shot.",),
    source="new here",
    derive=derive_limits,
)
