r"""R0, isotropic and on average: what six scalars make of the risk, and what an average over tasks makes of it.

Statement. At :math:`\Sigma = I`, :math:`v = (0, \alpha\theta_0, w)`, :math:`Q_{00} = q`, :math:`Q_{xx} =
\beta I + \gamma\theta_0\theta_0^\top`, :math:`Q_{xy} = \delta\theta_0`, the terms of the core on two lines
are those of R0: on the target, on any task, and averaged over the unit sphere; in every dimension d.
Over tasks with :math:`E\theta\theta^\top = P`, vanishing odd moments and

.. math::  E(\theta^\top X\theta)(\theta^\top Y\theta) = \kappa\,[\mathrm{tr}XP\,\mathrm{tr}YP + 2\,\mathrm{tr}XPYP]
   \quad (X, Y\ \text{symmetric})

(:math:`\kappa = 1`: Gaussian tasks; :math:`\kappa = d/(d+2)`, P = I/d: the unit sphere) the average risk is
what the core gives, for any model and :math:`\Sigma`.

Source: new here.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NamedTuple

from ..contractions import Layer, RiskTerms, Tasks
from ..programs import Numbers, isotropic_terms, isotropic_world, of_scalars
from ..risk_formula import exact_risk_formula
from ..wick import Gaussian, Scalar, Sphere, Vector, expectation, identity, matrix, substitute, trace
from .enumeration import exact_average_risk, exact_risk
from .on_lines import Field
from .printed_lines import run_lines
from .r0_model import (
    BLOCKS,
    FIELD,
    ISOTROPIC,
    NORMS,
    ODD,
    B,
    N,
    across,
    alpha,
    average_over,
    b,
    beta,
    d,
    d_in_field,
    delta,
    excess,
    gamma,
    isotropic_excess,
    k,
    kappa,
    n,
    phi,
    printed_excess,
    printed_terms,
    q,
    s_0,
    sigma2,
    theta,
    w,
)
from .r0_points import CONVENTIONS, NOISE, point, rationals
from .r0_points import identity as unit_matrix
from .r0_risk import carrying_heads, matrix_world, terms_at
from .theorem import Proof, Theorem


class Scalars(NamedTuple):
    """The six scalars of an odd-symmetric isotropic model."""

    alpha: Any
    w: Any
    q: Any
    beta: Any
    gamma: Any
    delta: Any


SCALARS = Scalars(alpha, w, q, beta, gamma, delta)
ON_LINES = Field(FIELD)


def printed_on_lines(place: str, scalars: Scalars = SCALARS) -> RiskTerms:
    """The contractions of six scalars, as the code that users run gives them on two lines."""
    world = ON_LINES.world("tokens", True, d=d, noise_variance=sigma2, target_norm2=s_0, across_norm2=across)
    model = of_scalars(*map(ON_LINES.lift, scalars))
    return ON_LINES.terms(model, world, place, phi)


BIASES = """\
c = beta + gamma*s_0
f = alpha + w*(1 - phi)
h = s_0*(1 - phi)*f + w*(r + sigma2)
a = 1 - phi - c*f - delta*h
e = 1 - phi - alpha*(q + (d + 2)*beta + 3*gamma*s_0)
"""
VARIANCES = """\
U = q**2 + (d - 1)*beta**2 + (c + delta*s_0*(1 - phi))**2 + delta**2*s_0*(r + sigma2)
V = (s_0*f**2 + w**2*(r + sigma2))*U + s_0*(c*f + delta*h)**2 + r*w**2*beta**2
W = 2*alpha**2*s_0*((d - 1)*beta**2 + 3*c**2)
"""
RISK = """\
eta = N - n
N**2*(risk - sigma2) == s_0*(n*a + e - (1 - eta)*(1 - phi))**2 + r*(n*(1 - w*beta) + eta)**2 + n*V + W
"""
AVERAGE = "L_bar = E(L(theta)) + (kappa - 1)*E(L(2*theta) - 4*L(theta) + 3*L_0)/12"
SPHERE = """\
kappa = d/(d + 2)
P = I/d
E(theta @ X @ theta) == trace(X @ P)
E((theta @ X @ theta)*(theta @ Y @ theta)) == kappa*(trace(X @ P)*trace(Y @ P) + 2*trace(X @ P @ Y @ P))
"""


def derive_isotropic(proof: Proof) -> None:
    """On the target and on any task."""
    proof.step(
        r"Substitute $\Sigma = I$ and the six scalars into R0, with $\theta = (1 - \phi)\theta_0 + "
        r"\theta_\perp$; chains become products of $s_0 = |\theta_0|^2$ and $|\theta_\perp|^2$, loops "
        r"polynomials in d. The printed code meets two lines, along the target and, $d - 1$ fold, across it."
    )
    terms = printed_on_lines("task")
    proof.zero("any task", printed_excess(terms) - isotropic_excess())
    known: dict[str, Any] = {**SCALARS._asdict(), "d": d, "s_0": s_0, "phi": phi, "r": across, "sigma2": sigma2}
    along = next(square for square in terms.squares if square.weight == s_0)
    a, e = along.slope, along.intercept + along.truth
    proof.formula("what a shot and the query's own token leave along the target", BIASES, known, a=a, e=e, main=True)
    known = run_lines(BIASES, known)[0]
    V, W = terms.per_shot, terms.fixed
    proof.formula("the variance of a shot, and W", VARIANCES, known, V=V, W=W, main=True)
    risk = sigma2 + isotropic_excess() / N**2
    known = run_lines(VARIANCES, known | {"n": n, "N": N, "risk": risk})[0]
    proof.formula("the risk of the definition, for every n and N", RISK, known, main=True)
    proof.step(r"The target itself is $\phi = 0$, $\theta_\perp = 0$.")
    on_target = substitute(isotropic_excess(), {across: 0, phi: 0})
    proof.zero("the target", printed_excess(printed_on_lines("target")) - on_target)
    proof.step("The scale symmetry keeps the contractions, so it keeps the risk.")
    scale = FIELD(k)
    scaled = Scalars(scale * alpha, scale * w, q / scale, beta / scale, gamma / scale, delta / scale)
    proof.zero("six scalars scaled", printed_excess(printed_on_lines("task", scaled)) - isotropic_excess())
    proof.brute_force("the core on two lines = enumeration of the definition", _isotropic_points())


class IsotropicPoint(NamedTuple):
    """A rational isotropic model: six scalars, its dense v and Q, and the target."""

    scalars: Scalars
    v: Any
    Q: Any
    target: Any

    def terms(self, place: str, task: Any = None) -> RiskTerms:
        """What the core makes of it on two lines."""
        norm2, dim = self.target @ self.target, len(self.target)
        departure = beside = Fraction(0)
        if task is not None:
            departure = 1 - task @ self.target / norm2
            beside = task - (1 - departure) * self.target
            beside = beside @ beside
        numbers = Numbers(Fraction(dim), NOISE, norm2, across_norm2=beside)
        return isotropic_terms(of_scalars(*self.scalars), isotropic_world(numbers, "tokens", True), place, departure)


def isotropic_point(dim: int, seed: int) -> IsotropicPoint:
    """Six scalars and a target of dimension dim."""
    scalars, target = Scalars(*rationals(6, seed=seed)), rationals(dim, seed=seed + 1)
    world = matrix_world(unit_matrix(dim))._replace(target=target)
    (head,) = of_scalars(*scalars)(world).layer(world).heads
    return IsotropicPoint(scalars, head.v, head.Q, target)


def _isotropic_points() -> Iterator[tuple[Any, Any]]:
    for dim, count in ((1, 0), (1, 2), (2, 0), (2, 1), (2, 2)):
        at = isotropic_point(dim, seed=7 * dim + count)
        task = rationals(dim, seed=count)
        places = ((at.terms("target"), at.target), (at.terms("task", task), task))
        for convention in CONVENTIONS:
            for terms, at_task in places:
                coordinates = exact_risk(at.v, at.Q, unit_matrix(dim), at_task, NOISE, count, convention)
                yield exact_risk_formula(terms, count, convention), coordinates


def derive_average(proof: Proof) -> None:
    """Averages over tasks."""
    proof.step(
        r"R0's risk is a polynomial of degree 4 in $\theta$. Average it over $\theta \sim N(0, P)$, and weigh "
        r"the part of degree 4 by $\kappa$: only it feels more than $P$. A difference of "
        r"$L(2\theta)$, $L(\theta)$ and $L_0 = L(0)$ takes it out."
    )
    P = matrix("P", symmetric=True)
    gaussian = Gaussian("tau", covariance=P)

    def loss(task: Vector) -> Scalar:
        return substitute(excess(), {theta: task})

    def average(of: Scalar) -> Scalar:
        return expectation(of, gaussian)

    terms = printed_terms(tasks=average_over(P, kappa))
    names = {"E": average, "L": loss, "L_0": loss(Vector()), "theta": gaussian, "kappa": kappa}
    proof.formula(
        "the average of L = N^2 (risk - sigma^2) that is printed, any kappa; E is that over N(0, P)",
        AVERAGE,
        names,
        L_bar=printed_excess(terms),
        main=True,
    )
    known = run_lines(AVERAGE, names)[0]
    terms = printed_terms(tasks=average_over(P, 1))
    proof.zero("the printed average, Gaussian tasks", printed_excess(terms) - average(loss(gaussian)))
    symmetric = BLOCKS._replace(v_0=0, q=0, r_x=Vector(), r_y=0, p=Vector(), B=matrix("B", symmetric=True), b=Vector())
    at = {**ODD, q: 0, B: symmetric.B, b: Vector()}
    for what, head in carrying_heads(symmetric.head()).items():
        printed = printed_excess(printed_terms(Layer((head,)), average_over(P, kappa)))
        proof.zero(f"the printed average, {what}", printed - substitute(known["L_bar"], at))

    proof.step(
        r"On the unit sphere $E\theta\theta^\top = I/d$ and $\kappa = d/(d+2)$: the moments, and then the "
        "average itself."
    )
    unit = Sphere("tau", dimension=d_in_field)
    X, Y = matrix("X", symmetric=True), matrix("Y", symmetric=True)
    names = {"I": identity, "trace": trace, "theta": unit, "X": X, "Y": Y, "d": d_in_field}
    names["E"] = lambda of: expectation(of, unit)
    proof.formula("moments on the unit sphere, X and Y symmetric", SPHERE, names, main=True)
    sphere_kappa = d_in_field / (d_in_field + 2)
    terms = printed_terms(tasks=average_over(identity / d_in_field, sphere_kappa))
    printed = substitute(printed_excess(terms), {trace(identity): d_in_field})
    proof.zero("the printed average, unit sphere", printed - expectation(substitute(excess(), {theta: unit}), unit))

    proof.step(
        r"With six scalars: every quantity is constant + linear in the component $t$ of $\theta$ along "
        r"$\theta_0$, $E t^2 = 1/d$, and $|\theta| = 1$."
    )
    derived = expectation(substitute(excess(), {**ISOTROPIC, theta: unit}), unit)
    proof.zero("the sphere on two lines", printed_excess(printed_on_lines("sphere")) - substitute(derived, NORMS))
    proof.brute_force("averages = enumeration of the definition", _average_points())


def _average_points() -> Iterator[tuple[Any, Any]]:
    for dim, count in ((1, 0), (1, 2), (2, 0), (2, 1)):
        at = point(dim, seed=20 * dim + count)
        isotropic = isotropic_point(dim, seed=3 * dim + count)
        one = unit_matrix(dim)
        of_sphere = averaged(one / dim, Fraction(dim, dim + 2))
        laws = (
            (terms_at(at, averaged(at.psi, 1)), at.v, at.Q, at.sigma, at.psi),
            (terms_at(at, of_sphere), at.v, at.Q, at.sigma, None),
            (isotropic.terms("sphere"), isotropic.v, isotropic.Q, one, None),
        )
        for terms, values, key_query, sigma, psi in laws:
            for convention in CONVENTIONS[: 2 if dim == 1 else 1]:
                coordinates = exact_average_risk(values, key_query, sigma, NOISE, count, psi, convention)
                yield exact_risk_formula(terms, count, convention), coordinates


def averaged(psi: Any, fourth_moment: Any) -> Tasks:
    """Tasks of mean zero and this covariance, as arrays."""
    space = matrix_world(psi).space
    return Tasks(0 * space.label, space.token_operator(psi, 0), fourth_moment)


_SETTING = ("One layer, one head of linear attention; the query attends to itself.", "Gaussian inputs and label noise.")

THEOREMS = (
    Theorem(
        "R0.isotropic",
        "the risk of six scalars, on the target and on any task",
        r"At $\Sigma = I$ and $(\alpha, w, q, \beta, \gamma, \delta)$ the printed terms are R0's, for every d, n and "
        r"$\theta = (1-\phi)\theta_0 + \theta_\perp$, as follows, with $s_0 = |\theta_0|^2$ and $r = |\theta_\perp|^2$. The "
        r"target itself is $\phi = r = 0$.",
        (*_SETTING, "Sigma = I."),
        "new here",
        derive_isotropic,
    ),
    Theorem(
        "R0.average",
        "the risk averaged over Gaussian, spherical and elliptical tasks",
        r"For $E\theta\theta^\top = P$ and fourth moments $\kappa$ times Gaussian ones, the printed average is that of "
        r"R0. $\kappa = 1$ is Gaussian; the unit sphere has $\kappa$ and P as follows.",
        (*_SETTING, "Odd moments of the tasks vanish; fourth moments are those of an elliptical law."),
        "new here",
        derive_average,
    ),
)
