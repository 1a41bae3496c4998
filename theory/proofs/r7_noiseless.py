r"""R7, fourth part: the limit of vanishing noise.

As :math:`\sigma^2 \to 0` the minimum of R7 runs to infinity: :math:`p^* \to 0`, :math:`w/c \to -1` and the recital
:math:`c\,q_{xy}` grows without bound. The risk on the target has a limit all the same; on every other task it has none.
In u and :math:`x = \rho/p^*` (:math:`\rho = xu^2`) everything is rational, and both tend to 0. All of this needs
:math:`m' \ge 1`: a point of the code says whether the flow runs off, and this proof holds it to that. Source: new here.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import inf
from typing import Any

from sympy import ZZ
from sympy.polys.fields import field

from ..calculator import risk
from ..names import Task
from ..programs import Numbers, isotropic_terms, isotropic_world, of_scalars
from ..risk_formula import exact_risk_formula
from . import enumeration, r7_manifold
from .any_covariance import case_of
from .hypotheses import Given
from .printed_lines import run_lines
from .r7_mixed import POINT_LINES
from .radicals import Roots, compose
from .theorem import Proof, ProofFailed, Theorem

FIELD, n, N, m, m_prime, d, s, phi, across, u, x = field("n N m m_prime d s phi across u x", ZZ)

LIMIT_LINES = "g = m_prime/(m + 2)\nrisk = s*((N - 1 - n*g)**2 + 2*n*g**2)/N**2"


def derive(proof: Proof) -> None:
    proof.step(
        r"As $\sigma^2 \to 0$: $p^* \to 0$, $x = \rho/p^* \to 0$. In the gauge $c = 1/u$ all that the target sees stays "
        r"finite, though $w/c \to -1$ and $c \to \infty$ in it: the infimum is not attained."
    )
    point = vanishing()
    at = {"n": n, "N": N, "rho": point["rho"], "s": s, "u": u, "D": point["D"]}
    excess = compose(r7_manifold.target_excess(), {getattr(r7_manifold, name): value for name, value in at.items()})
    names = {"n": n, "N": N, "m": m, "m_prime": m_prime, "s": s}
    limit = limit_of(excess / N**2)
    proof.formula("the limit on the target", LIMIT_LINES, names, main=True, risk=limit)
    proof.formula(
        "in tokens at n = m",
        "risk = 2*m**2*s/((m + 1)**2*(m + 2))",
        names,
        risk=compose(limit, {n: m, N: m + 1, m: m, m_prime: m, s: s}),
    )
    lift = Roots(FIELD)
    still = Numbers(lift(d), lift(0), lift(s), lift(n), lift(m))
    for what, trained, tokens in (("any N", lift(m_prime + 1), N), ("tokens", "tokens", n + 1), ("shots", "shots", n)):
        world = isotropic_world(still, trained, False)._replace(zero_shot_tokens=1)
        case = case_of("mixed", world)
        terms = isotropic_terms(case.point, world, "target", None)
        printed = exact_risk_formula(terms, lift(n), lift(N) if what == "any N" else what)
        stated = run_lines(LIMIT_LINES, names | {"N": tokens, "m_prime": (world.few_shot_tokens - 1).rational()})[0][
            "risk"
        ]
        proof.zero(f"printed target risk without noise, {what}", printed - stated)
    variance = _divergence(proof, point)
    _idle(proof, variance)
    proof.brute_force("at zero noise theory.risk is the limit on the target, infinite elsewhere", _public_limits())
    proof.brute_force("shots, m = 1: theory.risk is that of v = (0, theta_0, -1), Q_00 = 1", _public_idle())


def vanishing() -> dict[str, Any]:
    """R7's point in u and x alone, rho = x u^2, c = 1/u; both tend to 0 with the noise."""
    known = run_lines(POINT_LINES, {"m": m, "m_prime": m_prime, "rho": x * u**2, "s": s, "u": u, "c": 1 / u})[0]
    return run_lines(r7_manifold.SCALARS, known)[0]


def _divergence(proof: Proof, point: dict[str, Any]) -> Any:
    proof.step(
        r"On any other task $\theta = (1-\phi)\theta_0 + \theta_\perp$, not 0, $s_\perp = |\theta_\perp|_\Sigma^2$, the "
        r"variance that one shot brings, times $p^*$, tends to the following $V > 0$; the rest of the risk is squares "
        r"(R7.risk). So for $n \ge 1$ the risk grows without bound, like $1/\sigma$, and so does the unseen average."
    )
    lift = Roots(FIELD)
    numbers = Numbers(lift(d), lift(point["rho"] * s), lift(s), across_norm2=lift(across))
    scalars = map(lift, (point["c"], point["w"], 1 / point["c"], 0, 0, point["delta"]))
    terms = isotropic_terms(of_scalars(*scalars), isotropic_world(numbers, "tokens", True), "task", lift(phi))
    variance = limit_of((terms.per_shot * u**2).rational())
    proof.formula(
        "p* times the variance of a shot in the limit",
        "delta = m_prime/((m + 2)*s)\n"
        "V = delta**2*s*((s*phi**2 + s_perp)*(s*(1 - phi)**2 + s_perp) + (s*phi*(1 - phi) - s_perp)**2)",
        {"m": m, "m_prime": m_prime, "s": s, "phi": phi, "s_perp": across},
        V=variance,
    )
    on_opposite = compose(variance, {g: g for g in FIELD.gens} | {phi: 2, across: 0})
    proof.word("growth", n * on_opposite, ("grows without bound", "stays bounded"))
    proof.zero("nothing is subtracted from it", terms.fixed)
    return variance


def _idle(proof: Proof, variance: Any) -> None:
    of = r7_manifold
    proof.step(
        r"In shots at m = 1 it is $m' = 0$ and V = 0: nothing runs off. There, at zero noise, the few-shot loss on the "
        r"manifold is the following. The flow of $L_{ZS}$ ends at D = 0, where the slope in D is zero, so that D stays 0 "
        r"and u falls to 0: $w = -c$, $q_{xy} = 0$, which is R7's point at $\rho = 0$."
    )
    F = compose(of.target_excess(), {g: g for g in of.FIELD.gens} | {of.N: of.FIELD(1), of.rho: of.FIELD(0)})
    proof.formula(
        "the loss at m' = 0", "F == m*s*u**2*((m + 2)*D**2 + 1)", {"F": F, "m": of.n, "s": of.s, "u": of.u, "D": of.D}
    )
    proof.zero("its slope in D at D = 0", F.diff(of.D).subs(of.D, 0))
    lift = Roots(FIELD)
    cases = (("tokens", lift(m), m), ("shots", lift(m), m - 1), ("shots, m = 1", lift(1), FIELD(0)))
    for what, shots, prime in cases:
        numbers = Numbers(lift(d), lift(0), lift(s), lift(n), shots)
        world = isotropic_world(numbers, what.partition(",")[0], False)
        runs_off = compose(variance, {g: g for g in FIELD.gens} | {m_prime: prime}) != 0
        case = case_of("mixed", world)
        proof.inequality(
            f"printed: the flow runs off exactly where V > 0, {what}",
            (case.scale is None) is runs_off and case.diverges_off_target is runs_off,
        )
        noisy = case_of("mixed", world._replace(noise_variance=lift(s)))
        proof.inequality(f"printed: never with noise, {what}", noisy.scale is not None)
    end = case.point(world)
    c = end.v_x.coordinates[0]
    proof.zeros(
        "printed, shots at m = 1: u = 0 without noise",
        [c * end.q - 1, end.w + c, *end.B.diagonal, len(end.B.dyads), end.v_x.coordinates[1], *end.b.coordinates],
    )


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


def _public_idle() -> Iterator[tuple[Any, Any]]:
    """theory.risk in shots at m = 1 and zero noise, d = 2, against the definition at c = 1."""
    asked: dict[str, Any] = {"few_shot_shots": 1, "noise_variance": Fraction(0), "normalization": "shots"}
    v, Q, identity = [0, 1, 0, -1], [[int(i == j == 0) for j in range(4)] for i in range(4)], [[1, 0], [0, 1]]
    turned = [Fraction(3, 5), Fraction(4, 5)]
    for shots in range(3):
        places: tuple[tuple[Task, Any], ...] = (("target", [1, 0]), ("opposite", [-1, 0]), (turned[0], turned))
        for task, theta in places:
            exact = enumeration.exact_risk(v, Q, identity, theta, 0, shots, "shots")
            yield exact, risk("mixed", shots, 2, task=task, **asked)
        average = enumeration.exact_average_risk(v, Q, identity, 0, shots, None, "shots")
        yield average, risk("mixed", shots, 2, task="unseen", **asked)


THEOREM = Theorem(
    name="R7.noiseless",
    title="Mixed without noise: a limit of the risk on the target alone",
    statement=(
        r"As $\sigma^2 \to 0$ the target risk at n shots tends to the following; on any other task but that of the label zero, "
        r"the opposite one among them, and on the unseen average, it <<growth>>. Where the few-shot loss has nothing to gain from its "
        r"shots (a single one, in shots) the risks stay finite: the flow without noise ends at R7's point."
    ),
    assumptions=("As R7, but for the noise.",),
    source="New here.",
    derive=derive,
    given=(Given("n >= 1"), Given("s > 0"), Given("m_prime >= 1")),
)
