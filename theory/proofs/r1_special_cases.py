r"""R1, isotropic: the pretrained model in closed form, its value scale, and when context helps it.

Statement. At :math:`\Sigma = I` and tasks uniform on the unit sphere R1 reads :math:`wB = aI` with

.. math::

    a = \frac{m + \eta}{m + 1 + d + d\sigma^2} \qquad (\eta = 1\colon \text{"tokens"};\ \eta = 0\colon \text{"shots"}).

Balanced (:math:`|v|^2 = |Q|_F^2`) its value scale is :math:`w_0^4 = a^2 d`. With :math:`s = |\theta|^2` the
risk at n >= 1 shots is below the risk at zero shots exactly when

.. math::

    n + 1 > \frac{a\,d\,(1 + \sigma^2/s)}{2 - a} \quad\text{("tokens")}, \qquad
    n > \frac{a\,[1 + d\,(1 + \sigma^2/s)]}{2 - a} \quad\text{("shots")},

with a tie at equality: without noise and at m = infinity, "tokens" ties at n = d - 1 and is better from n = d
on.

Source: Lee, Sohn and Lee 2026 (arXiv 2602.23197) draw n = d - 1; the thresholds with noise and finite m are
new here.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from sympy.polys.rings import PolyElement

from .. import fixed_points, isotropic, risk_formula
from ..fixed_points import IsotropicWorld
from ..wick import Scalar, identity, substitute, trace
from .enumeration import exact_risk
from .r0_arrays import on_symbols
from .r0_model import FIELD, N, Sigma, d, eta, m, n, printed_excess, root_1, root_2, s_0, sigma2
from .r0_points import CONVENTIONS, NOISE, rationals
from .r0_points import identity as unit_matrix
from .r1_pretrained import printed_inverse
from .theorem import Proof, Theorem

ONE, D, SIGMA2, S, SHOTS, ETA = map(FIELD, (1, d, sigma2, s_0, m, eta))


def world(**changes: Any) -> IsotropicWorld:
    """Symbolic numbers: d, sigma^2, s = |theta_0|^2, m and eta."""
    return IsotropicWorld(D, SIGMA2, S, SHOTS, None, 0, None, ETA)._replace(**changes)


def derive_closed_form(proof: Proof) -> None:
    """The printed six scalars."""
    proof.step(r"R1's inverse at $\Sigma = I$, $\Psi = I/d$ is $X = [(m + 1) + d(1 + \sigma^2)]I/N$, a multiple of I.")
    X, _ = printed_inverse(None)
    point = fixed_points.pretrained(world())
    at_identity = substitute(trace(X), {Sigma: identity, trace(identity): D, n: m, N: m + eta})
    product = point.w * point.beta
    proof.zero("w beta I inverts it", at_identity * product - D)
    proof.zero("a = (m + eta)/(m + 1 + d + d sigma^2)", product - (SHOTS + ETA) / (SHOTS + 1 + D + D * SIGMA2))
    proof.zeros("all else is zero", [point.alpha, point.q, point.gamma, point.delta])
    proof.step("The contractions that the point carries are those of its scalars.")
    formed = isotropic.contract(point.scalars, D, SIGMA2, S)
    proof.zeros("contractions", [given - found for given, found in zip(point.filled(S), formed.filled(S), strict=True)])
    proof.step(
        r"$a = 1/(1 + r)$ with $r = [d(1 + \sigma^2) + 1 - \eta]/(m + \eta)$: the numerator is free of m, so "
        r"$r \to 0$ and $a \to 1$ as $m \to \infty$, which is what is printed there."
    )
    defect = fixed_points.pretraining_defect(world()) * (SHOTS + ETA)
    proof.zero("defect", defect.diff(SHOTS))
    endless = fixed_points.pretrained(world(pretrain_shots=float("inf")))
    proof.zeros("m = infinity", [endless.w * endless.beta - 1, endless.shrinkage])
    _value_scale(proof)


def _value_scale(proof: Proof) -> None:
    proof.step(
        r"Balanced, $w_0^2 = |B|_F^2 = d(a/w_0)^2$: $w_0 = \sqrt{a\sqrt d}$, the positive root of $w_0^4 = "
        r"a^2 d$. The gauge $\beta = 1$, $w = a$ is multiplied by $k = w_0/a$."
    )
    radicands: list[Any] = []

    def square_root(x: Any) -> Any:
        radicands.append(FIELD(x))
        return FIELD((root_1, root_2)[len(radicands) - 1])

    code = on_symbols(fixed_points, square_root=square_root)
    scale = code.value_gauge_scale(world())
    point = fixed_points.pretrained(world())
    scaled = point.scalars.scaled(scale)
    inner, outer = radicands
    key_query = D * scaled.beta**2
    proof.zero("w_0 is the printed square root", scaled.w - FIELD(root_2))
    proof.zeros("its radicands", [inner - D, outer - point.w * FIELD(root_1)])
    # w^2 - |B|_F^2 = 0 modulo root_1^2 = d and root_2^2 = a root_1
    balance = (scaled.w**2 - key_query) * FIELD(root_2) ** 2
    modulo = balance.numer.rem([root_2**2 * outer.denom - outer.numer, root_1**2 - d])
    proof.zero("balanced", modulo)
    given = fixed_points.value_gauge_scale(world(value_scale=FIELD(root_1)))
    proof.zero("given value scale", point.scalars.scaled(given).w - FIELD(root_1))


def derive_threshold(proof: Proof) -> None:
    """When n shots beat zero shots on a task of signal power s."""
    proof.step(
        r"With $a$ as above, $N^2[R(n) - R(0)] = n a\,\{a[1 + d(1 + \sigma^2/s)]s - s(2N - na)\}$ for $N = n "
        "+ 1$ and $N = n$ alike: the bracket is linear in n."
    )
    point = fixed_points.pretrained(world())
    a = point.w * point.beta
    terms = isotropic.terms_on_target(point, D, SIGMA2, S)
    zero_shots = risk_formula.exact_risk_formula(terms, 0) - SIGMA2
    gain = N**2 * zero_shots - printed_excess(terms)
    bracket = S * (2 * N - n * a) - a * (S + D * (S + SIGMA2))
    proof.zero("gain of n shots", gain - n * a * bracket)
    tokens = (2 - a) * (n + 1) * S - a * D * (S + SIGMA2)
    shots = (2 - a) * n * S - a * (S + D * (S + SIGMA2))
    proof.zero('"tokens": positive iff n + 1 > a d (1 + sigma^2/s)/(2 - a)', _at(bracket, n + 1) - tokens)
    proof.zero('"shots": positive iff n > a [1 + d (1 + sigma^2/s)]/(2 - a)', _at(bracket, n) - shots)
    proof.inequality(
        r"a > 0 and 2 - a > 0: n a and the slope of the bracket are positive", _positive(a) and _positive(2 - a)
    )
    proof.step(
        r"At $m = \infty$, $\sigma^2 = 0$ the 'tokens' bracket is $s(n + 1 - d)$: a tie at $n = d - 1$, not a "
        "gain."
    )
    endless = fixed_points.pretrained(world(pretrain_shots=float("inf"), noise_variance=ONE * 0))
    terms = isotropic.terms_on_target(endless, D, ONE * 0, S)
    gain = N**2 * risk_formula.exact_risk_formula(terms, 0) - printed_excess(terms)
    proof.zero("tie at n = d - 1", _at(gain, n + 1) - n * S * (n + 1 - D))
    proof.brute_force("enumeration: the gain at points", _points())


def _at(value: Any, tokens: PolyElement) -> Any:
    """A field element with N put to its value."""
    return FIELD(substitute(Scalar.of(value), {N: tokens}).as_coefficient())


def _positive(value: Any) -> bool:
    """Whether m -> 1 + m', d -> 1 + d', sigma^2 >= 0 and eta in {0, 1} leave only positive coefficients."""
    for convention in (0, 1):
        shifted = substitute(Scalar.of(value), {m: m + 1, d: d + 1, eta: convention}).as_coefficient()
        numbers = [*FIELD(shifted).numer.coeffs(), *FIELD(shifted).denom.coeffs()]
        if not numbers or not (all(c > 0 for c in numbers) or all(c < 0 for c in numbers)):
            return False
    return True


def _points() -> Iterator[tuple[Any, Any]]:
    for dim, count in ((1, 1), (1, 2), (2, 1), (2, 2)):
        theta = rationals(dim, seed=dim + count)
        for convention in CONVENTIONS:
            eta = 1 if convention == "tokens" else 0
            a = Fraction(3 + eta) / (4 + dim + dim * NOISE)
            v, Q = [0] * (dim + 1) + [1], [[Fraction(0)] * (dim + 2) for _ in range(dim + 2)]
            for i in range(dim):
                Q[i + 1][i + 1] = a
            s, tokens = theta @ theta, count + eta
            risks = [exact_risk(v, Q, unit_matrix(dim), theta, NOISE, k, convention) for k in (0, count)]
            bracket = s * (2 * tokens - count * a) - a * (s + dim * (s + NOISE))
            yield Fraction(count, tokens**2) * a * bracket, risks[0] - risks[1]


THEOREMS = (
    Theorem(
        "R1.isotropic",
        "the isotropic pretrained model and its value scale",
        r"$wB = aI$, $a = (m + \eta)/(m + 1 + d + d\sigma^2)$; balanced $w_0^4 = a^2 d$; $a \to 1$ as $m \to "
        r"\infty$.",
        ("Sigma = I, tasks uniform on the unit sphere, m >= 1.",),
        "Ahn et al. 2023 (arXiv 2306.00297), Mahankali et al. 2023 (arXiv 2307.03576); with noise: new here",
        derive_closed_form,
    ),
    Theorem(
        "R1.threshold",
        "when n shots beat zero shots at the pretrained model",
        r"For n >= 1: exactly when $n + 1 > a d(1 + \sigma^2/s)/(2 - a)$ (tokens), $n > a[1 + d(1 + "
        r"\sigma^2/s)]/(2 - a)$ (shots); a tie at equality.",
        ("Sigma = I, any task of signal power s > 0, m >= 1.",),
        "new here; noiseless, m = infinity: the dashed lines of Lee, Sohn and Lee 2026 (arXiv 2602.23197)",
        derive_threshold,
    ),
)
