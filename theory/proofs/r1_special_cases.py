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

from .. import laws, points
from ..points import World
from ..risk_formula import exact_risk_formula
from ..wick import Scalar, identity, substitute, trace
from .enumeration import exact_risk
from .hypotheses import Given
from .on_lines import Field, carried, coordinates, plain
from .printed_lines import run_lines
from .r0_model import FIELD, N, Sigma, d, eta, m, n, printed_excess, s_0, sigma2, w
from .r0_points import CONVENTIONS, NOISE, rationals
from .r0_points import identity as unit_matrix
from .r1_pretrained import K, printed
from .theorem import Proof, Theorem

ONE, D, SIGMA2, S, SHOTS, ETA = map(FIELD, (1, d, sigma2, s_0, m, eta))
NUMBERS = {"d": D, "sigma2": SIGMA2, "s": S, "m": SHOTS, "eta": ETA, "n": n, "N": N}

GAIN_LINE = "N**2*(R_0 - R_n) == n*a*(s*(2*N - n*a) - a*(s + d*(s + sigma2)))"


ON_LINES = Field(FIELD)


def world(infinite_pretraining: bool = False, **changes: Any) -> World:
    """Symbolic numbers: d, sigma^2, s = |theta_0|^2, m and N = m + eta."""
    numbers = {"d": D, "noise_variance": SIGMA2, "target_norm2": S, "pretrain_shots": SHOTS, **changes}
    return ON_LINES.world(SHOTS + ETA, infinite_pretraining, **numbers)


def shrinkage(point: points.Point) -> Any:
    """a of a model with wB = a I."""
    along, across = coordinates(point.w * point.B)
    assert along == across
    return along


def derive_closed_form(proof: Proof) -> None:
    """The printed six scalars."""
    proof.step(r"R1's inverse at $\Sigma = I$, $\Psi = I/d$, $N = m + \eta$ is a multiple of I.")
    isotropic_inputs = proof.rules("Sigma == I", {"Sigma": Sigma, "I": identity})
    X = substitute(printed(None).inverted, {**isotropic_inputs, trace(identity): D, n: m, N: m + eta})
    names = NUMBERS | {"I": identity, "K": K, "inv": {K: X}.__getitem__}
    proof.formula("R1's inverse", "inv(K) == (m + 1 + d*(1 + sigma2))*I/(m + eta)", names)
    a = D / substitute(trace(X), {trace(identity): D}).as_coefficient()
    of_tokens = NUMBERS | {"N": SHOTS + ETA}
    proof.formula("the factor a of wB", "a = N/(m + 1 + d + d*sigma2)", of_tokens, a=a, main=True)
    point = laws.pretrained(world())
    nothing = [*coordinates(point.v_x), *coordinates(point.b), plain(point.q)]
    proof.zeros("the printed point, all else zero", [shrinkage(point) - a, *nothing])
    proof.step("The contractions that the point carries are those of its scalars, in the gauge B = I too.")
    proof.zeros("contractions", carried(world(), point))
    unit_keys = world()._replace(unit_keys=True)
    shared = laws.pretrained(unit_keys)
    keys = [entry - ONE for entry in coordinates(shared.B)]
    proof.zeros("B = I", [*keys, shrinkage(shared) - a, *carried(unit_keys, shared)])
    proof.step(
        r"The numerator of r below is free of m, so $r \to 0$ and $a \to 1$ as $m \to \infty$, which is what is printed "
        "there."
    )
    lines = "r = (d*(1 + sigma2) + 1 - eta)/(m + eta)\na == 1/(1 + r)"
    proof.formula("what is missing from 1", lines, NUMBERS | {"a": a})
    endless = laws.pretrained(world(infinite_pretraining=True))
    proof.formula("its limit of many shots", "limit = 1", {}, limit=shrinkage(endless), main=True)
    proof.zeros("nothing is missing then", carried(world(infinite_pretraining=True), endless))
    _value_scale(proof)


def _value_scale(proof: Proof) -> None:
    balanced, lift = world(), ON_LINES.lift
    point, w_0 = laws.pretrained(balanced), laws.pretrained_scale(balanced)
    a = lift(shrinkage(point))
    names = {"a": a, "d": lift(D), "w_0": w_0, "sqrt": lift.root}
    proof.step(r"Balanced, $|v|^2 = |Q|_F^2$ with $v_y = w_0$ and $B = \beta I$:")
    proof.formula("balance", "beta = a/w_0\nw_0**2 == d*beta**2", names)
    proof.formula("the balanced value scale", "w_0 = sqrt(a*sqrt(d))", names, w_0=w_0, main=True)
    proof.step(r"The gauge $w = 1$, $\beta = a$ is multiplied by $k = w_0$, for whatever value scale is asked for.")
    proof.zero("given value scale", laws.pretrained_scale(world(value_scale=FIELD(w))) * point.w - w)


def derive_threshold(proof: Proof) -> None:
    """When n shots beat zero shots on a task of signal power s."""
    proof.step("With $a$ as above n shots gain the following, N = n + 1 and N = n alike; the bracket is linear in n.")
    terms = ON_LINES.terms(laws.pretrained, world(), "target")
    zero_shots = exact_risk_formula(terms, 0)
    risk = SIGMA2 + printed_excess(terms) / N**2
    names = NUMBERS | {"a": shrinkage(laws.pretrained(world()))}
    proof.formula("the gain of n shots", GAIN_LINE, names | {"R_0": zero_shots, "R_n": risk})
    proof.step("So it is positive, in each convention, under one condition, with a tie where both sides are equal.")
    conditions = (
        ("N = n + 1", 1, "n + 1 > a*d*(1 + sigma2/s)/(2 - a)"),
        ("N = n", 0, "n > a*(1 + d*(1 + sigma2/s))/(2 - a)"),
    )
    for convention, counted, line in conditions:
        a, gain = (_at(value, counted) for value in (names["a"], zero_shots - risk))
        factor = n * a * S * (2 - a) / (n + counted) ** 2
        proof.condition(f"better than zero shots, {convention}", line, names | {"a": a}, gain, factor, main=True)
    proof.step(r"Without noise and at $m = \infty$, n = d - 1 is a tie for N = n + 1, not a gain.")
    endless = world(infinite_pretraining=True, noise_variance=ONE * 0)
    terms = ON_LINES.terms(laws.pretrained, endless, "target")
    risks = exact_risk_formula(terms, 0), _at(printed_excess(terms) / N**2, 1)
    lines = "R_0 = s\n(n + 1)**2*(R_0 - R_n) == n*s*(n + 1 - d)"
    proof.formula("a tie at n = d - 1", lines, {"R_n": risks[1], "n": n, "s": S, "d": D}, R_0=risks[0])
    proof.brute_force("enumeration: the gain at points", _points())


def _at(value: Any, counted: int) -> Any:
    """A field element at N = n + eta, eta = 1 or 0."""
    return FIELD(substitute(Scalar.of(value), {N: n + counted, eta: counted}).as_coefficient())


def _points() -> Iterator[tuple[Any, Any]]:
    for dim, count in ((1, 1), (1, 2), (2, 1), (2, 2)):
        theta = rationals(dim, seed=dim + count)
        for convention in CONVENTIONS:
            eta = 1 if convention == "tokens" else 0
            a = Fraction(3 + eta) / (4 + dim + dim * NOISE)
            v, Q = [0] * (dim + 1) + [1], [[Fraction(0)] * (dim + 2) for _ in range(dim + 2)]
            for i in range(dim):
                Q[i + 1][i + 1] = a
            risks = [exact_risk(v, Q, unit_matrix(dim), theta, NOISE, k, convention) for k in (0, count)]
            names = {"a": a, "s": theta @ theta, "d": dim, "sigma2": NOISE, "n": count, "N": count + eta}
            ((_, difference),) = run_lines(GAIN_LINE, names | {"R_0": risks[0], "R_n": risks[1]})[1]
            yield difference, 0


THEOREMS = (
    Theorem(
        "R1.isotropic",
        "the isotropic pretrained model and its value scale",
        r"In the pretrained model wB is a multiple of the identity, with the following factor a, which has a limit as $m \to "
        r"\infty$. Balanced, its value scale is the following $w_0$.",
        ("Tasks uniform on the unit sphere.",),
        "Ahn et al. 2023 (arXiv 2306.00297), Mahankali et al. 2023 (arXiv 2307.03576); with noise: new here",
        derive_closed_form,
        (Given("Sigma == I"),),
    ),
    Theorem(
        "R1.threshold",
        "when n shots beat zero shots at the pretrained model",
        r"At the pretrained model, with the a of R1.isotropic, the risk at n shots on a task of signal power s is below that at "
        r"zero shots if and only if the following holds, in tokens and in shots; where both sides are equal, they tie.",
        ("Isotropic inputs and tasks.",),
        "new here; noiseless, m = infinity: the dashed lines of Lee, Sohn and Lee 2026 (arXiv 2602.23197)",
        derive_threshold,
        (Given("n >= 1"), Given("s > 0")),
    ),
)
