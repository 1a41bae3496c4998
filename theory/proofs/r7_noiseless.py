r"""R7, fourth part: the limit of vanishing noise.

As :math:`\sigma^2 \to 0` the minimum of R7 runs to infinity: :math:`p^\star \to 0`, :math:`w/c \to -1` and the recital
:math:`c\,q_{xy}` grows without bound. The risk on the target has a limit all the same; on every other task it has none.
In u and :math:`x = \rho/p^\star` (:math:`\rho = xu^2`) everything is rational, and both tend to 0. Source: new here.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import inf
from typing import Any

from sympy import QQ
from sympy.polys.fields import field

from .. import fixed_points, isotropic, risk_formula
from ..calculator import risk
from .radicals import Roots, compose
from .theorem import Proof, ProofFailed, Theorem

FIELD, j, n, d, s, phi, across, u, x = field("j n d s phi across u x", QQ)
CONVENTIONS = (("tokens", 1, 1 + j), ("shots", 0, 2 + j))  # name, eta, m with m' = m - 1 + eta = 1 + j


def derive(proof: Proof) -> None:
    proof.step(
        r"As $\sigma^2 \to 0$ ($z \to 0$): $p^\star \to 0$, $x = \rho/p^\star \to 0$. In the gauge $c = 1/u$ all that "
        r"the target sees stays finite, though $w/c \to -1$ and $c \to \infty$ in it: the infimum is not attained. "
        r"The target risk tends to $\frac{s}{N^2}\bigl[(N - 1 - \frac{nm'}{m+2})^2 + \frac{2nm'^2}{(m+2)^2}\bigr]$ at "
        r"n shots; at n = m in tokens this is $2m^2s/((m+1)^2(m+2))$."
    )
    for normalization, eta, m in CONVENTIONS:
        tokens = n + 1 if normalization == "tokens" else n
        share = (1 + j) / (m + 2)
        limit = s * ((tokens - 1 - n * share) ** 2 + 2 * n * share**2)
        lift = Roots(FIELD)
        still = fixed_points.IsotropicWorld(lift(d), lift(0), lift(s), lift(n), lift(m), 0, None, eta)
        terms = isotropic.terms_on_target(fixed_points.mixed(still), *still[:3])
        printed = risk_formula.exact_risk_formula(terms, lift(n), normalization)
        proof.zero(f"printed target risk without noise, {normalization}", printed * tokens**2 - limit)
        setting, point = vanishing(m)
        terms = isotropic.terms_on_target(point, *setting)
        printed = risk_formula.exact_risk_formula(terms, n, normalization)
        proof.zero(f"it is the limit of the risk, {normalization}", limit_of(printed * tokens**2) - limit)
        if normalization == "tokens":
            at_m = compose(limit, {g: g for g in FIELD.gens} | {n: m}) - 2 * m**2 * s / (m + 2)
            proof.zero("at n = m", at_m)
        _divergence(proof, normalization, setting, point, share)
    proof.brute_force("at zero noise theory.risk is the limit on the target, infinite elsewhere", _public_limits())


def vanishing(m: Any) -> tuple[Any, Any]:
    """The setting and R7's point in u and x alone, rho = x u^2; both tend to 0 with the noise."""
    rho = x * u**2
    w = (u - 1) / (u * (1 + rho))
    setting = d, rho * s, s
    scalars = isotropic.IsotropicScalars(1 / u, w, u, 0, 0, (1 + j) / ((m + 2 + x) * s))
    return setting, isotropic.contract(scalars, *setting)


def _divergence(proof: Proof, normalization: str, setting: Any, point: Any, share: Any) -> None:
    proof.step(
        r"On any other task $\theta = (1-\varphi)\theta_0 + \theta_\perp$, not 0, the variance that one shot brings, "
        r"times $p^\star$, tends to $\delta^2s\,[(s\varphi^2 + |\theta_\perp|^2)(s(1-\varphi)^2 + |\theta_\perp|^2) + "
        r"(s\varphi(1-\varphi) - |\theta_\perp|^2)^2] > 0$, $\delta = m'/((m+2)s)$; the rest of the risk is squares. "
        r"So for $n \ge 1$ the risk grows without bound, like $1/\sigma$, and so does the unseen average."
    )
    d_, noise, signal = setting
    terms = isotropic.terms_on_task(point, d_, noise, signal, phi, across, across - s * phi * (2 - phi))
    spread = (s * phi**2 + across) * (s * (1 - phi) ** 2 + across) + (s * phi * (1 - phi) - across) ** 2
    expected = (share / s) ** 2 * s * spread
    proof.zero(f"p* times the variance of a shot, {normalization}", limit_of(terms.per_shot * u**2) - expected)
    proof.zero(f"nothing is subtracted from it, {normalization}", terms.fixed)


def limit_of(value: Any) -> Any:
    """The value at u = x = 0, where the denominator must not vanish."""
    top, bottom = (part.subs([(u.numer, 0), (x.numer, 0)]) for part in (value.numer, value.denom))
    if not bottom:
        raise ProofFailed(f"{value} has no limit as the noise vanishes")
    return FIELD(top) / FIELD(bottom)


def _public_limits() -> Iterator[tuple[Any, Any]]:
    """theory.risk at zero noise, d = 5, m = 20: n = 0, 20 on the target; n = 1 elsewhere."""
    asked: dict[str, Any] = {"few_shot_shots": 20, "noise_variance": Fraction(0)}
    yield 0, risk("mixed", 0, 5, **asked)
    yield Fraction(2 * 20**2, 21**2 * 22), risk("mixed", 20, 5, **asked)
    for task in ("opposite", "unseen"):
        yield inf, risk("mixed", 1, 5, task=task, **asked)


THEOREM = Theorem(
    name="R7.noiseless",
    title="Mixed without noise: a limit of the risk on the target, none elsewhere",
    statement=(
        r"As $\sigma^2 \to 0$ the target risk at n shots tends to "
        r"$\frac{s}{N^2}[(N-1-\frac{nm'}{m+2})^2 + \frac{2nm'^2}{(m+2)^2}]$; on any other task $\theta \ne 0$, and on "
        r"the unseen average, it grows without bound for $n \ge 1$."
    ),
    assumptions=(r"As R7, with $m' \ge 1$.",),
    source="New here.",
    derive=derive,
)
