r"""R0, isotropic and on average: what six scalars make of the risk, and what an average over tasks makes of it.

Statement. At :math:`\Sigma = I`, :math:`v = (0, \alpha\theta_0, w)`, :math:`Q_{00} = q`, :math:`Q_{xx} =
\beta I + \gamma\theta_0\theta_0^\top`, :math:`Q_{xy} = \delta\theta_0`, the terms that `theory.isotropic`
prints are those of R0: on the target, on any task, and averaged over the unit sphere; in every dimension d.
Over tasks with :math:`E\theta\theta^\top = P`, vanishing odd moments and

.. math::  E(\theta^\top X\theta)(\theta^\top Y\theta) = \kappa\,[\mathrm{tr}XP\,\mathrm{tr}YP + 2\,\mathrm{tr}XPYP]
   \quad (X, Y\ \text{symmetric})

(:math:`\kappa = 1`: Gaussian tasks; :math:`\kappa = d/(d+2)`, P = I/d: the unit sphere) the average risk is
what `theory.dense.average_terms` prints, for any model and :math:`\Sigma`.

Source: new here.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from .. import dense, isotropic, risk_formula
from ..isotropic import IsotropicPoint, IsotropicScalars
from ..wick import Gaussian, Scalar, Sphere, expectation, identity, matrix, substitute, trace
from .enumeration import exact_average_risk, exact_risk
from .r0_arrays import Array, on_symbols, polarised
from .r0_model import (
    BLOCKS,
    FIELD,
    ISOTROPIC,
    NORMS,
    SIGMA,
    B,
    across,
    alpha,
    beta,
    d,
    d_in_field,
    delta,
    excess,
    gamma,
    isotropic_excess,
    k,
    kappa,
    phi,
    printed_excess,
    q,
    s_0,
    sigma2,
    theta,
    w,
)
from .r0_points import CONVENTIONS, NOISE, point, rationals
from .r0_points import identity as unit_matrix
from .theorem import Proof, Theorem

SCALARS = IsotropicScalars(alpha, w, q, beta, gamma, delta)


def derive_isotropic(proof: Proof) -> None:
    """On the target and on any task."""
    proof.step(
        r"Substitute $\Sigma = I$ and the six scalars into R0, with $\theta = (1 - \phi)\theta_0 + "
        r"\theta_\perp$; chains become products of $s_0 = |\theta_0|^2$ and $|\theta_\perp|^2$, loops "
        r"polynomials in d. The printed excess $|\theta|^2 - s_0$ is $s_0\phi(\phi - 2) + |\theta_\perp|^2$."
    )
    at = isotropic.contract(SCALARS, d, sigma2, s_0)
    longer = s_0 * (phi**2 - 2 * phi) + across
    terms = isotropic.terms_on_task(at, d, sigma2, s_0, phi, across, longer)
    proof.zero("terms_on_task", printed_excess(terms) - isotropic_excess())
    proof.step(
        r"A task of the target's length has $|\theta_\perp|^2 = s_0\phi(2 - \phi)$: the default of the "
        "printed code."
    )
    same_length = s_0 * phi * (2 - phi)
    terms = isotropic.terms_on_task(at, d, sigma2, s_0, phi, same_length)
    proof.zero("terms_on_task, equal lengths", printed_excess(terms) - _valued({across: same_length}))
    proof.step(r"The target itself is $\phi = 0$, $\theta_\perp = 0$.")
    terms = isotropic.terms_on_target(at, d, sigma2, s_0)
    proof.zero("terms_on_target", printed_excess(terms) - _valued({across: 0, phi: 0}))
    proof.step("The scale symmetry keeps the contractions, so it keeps the risk.")
    lifted = IsotropicScalars(*map(FIELD, SCALARS))
    scaled = isotropic.contract(lifted.scaled(FIELD(k)), d, sigma2, s_0)
    terms = isotropic.terms_on_task(scaled, d, sigma2, s_0, phi, across, longer)
    proof.zero("IsotropicScalars.scaled", printed_excess(terms) - isotropic_excess())
    proof.brute_force("theory.isotropic = enumeration of the definition", _isotropic_points())


def _valued(values: dict[Any, Any]) -> Scalar:
    return substitute(isotropic_excess(), values)


def isotropic_model(dim: int, seed: int) -> tuple[IsotropicPoint, Any, Any, Any, Any]:
    """A rational isotropic model of dimension dim: its point, dense v and Q, target and |target|^2."""
    scalars = IsotropicScalars(*rationals(6, seed=seed))
    target = rationals(dim, seed=seed + 1)
    norm2 = target @ target
    alpha, w, q, beta, gamma, delta = scalars
    dyad = target[:, None] * target[None, :]
    blocks = dense.Blocks.odd(alpha * target, w, q, beta * unit_matrix(dim) + gamma * dyad, delta * target)
    return (isotropic.contract(scalars, Fraction(dim), NOISE, norm2), *blocks.matrices(), target, norm2)


def _isotropic_points() -> Iterator[tuple[Any, Any]]:
    for dim, count in ((1, 0), (1, 2), (2, 0), (2, 1), (2, 2)):
        at, v, Q, target, norm2 = isotropic_model(dim, seed=7 * dim + count)
        task = rationals(dim, seed=count)
        departure = 1 - task @ target / norm2
        beside = task - (1 - departure) * target
        on_target = isotropic.terms_on_target(at, Fraction(dim), NOISE, norm2)
        on_task = isotropic.terms_on_task(
            at, Fraction(dim), NOISE, norm2, departure, beside @ beside, task @ task - norm2
        )
        for convention in CONVENTIONS:
            for terms, at_task in ((on_target, target), (on_task, task)):
                coordinates = exact_risk(v, Q, unit_matrix(dim), at_task, NOISE, count, convention)
                yield risk_formula.exact_risk_formula(terms, count, convention), coordinates


def derive_average(proof: Proof) -> None:
    """Averages over tasks."""
    proof.step(
        r"R0's risk is a polynomial of degree 4 in $\theta$. Average it over $\theta \sim N(0, P)$, and weigh "
        r"the part of degree 4, $(f(2\theta) - 4f(\theta) + 3f(0))/12$, by $\kappa$: only it feels more than "
        "$P$."
    )
    P = matrix("P", symmetric=True)
    gaussian = Gaussian("tau", covariance=P)
    at_0, at_1, at_2 = (
        expectation(substitute(excess(), {theta: multiple * gaussian}), gaussian) for multiple in (0, 1, 2)
    )
    quartic = (at_2 - 4 * at_1 + 3 * at_0) / 12
    average = at_1 + (kappa - 1) * quartic
    code = on_symbols(dense, orthogonal_squares=polarised, len=lambda array: d)
    terms = code.average_terms(BLOCKS, SIGMA, sigma2, Array.of(P), kappa)
    proof.zero("average_terms, any kappa", printed_excess(terms) - average)
    terms = code.average_terms(BLOCKS, SIGMA, sigma2, Array.of(P), 1)
    proof.zero("average_terms, Gaussian tasks", printed_excess(terms) - at_1)
    symmetric = Array.of(matrix("B", symmetric=True))
    terms = code.average_terms(BLOCKS._replace(B=symmetric), SIGMA, sigma2, Array.of(P), kappa)
    proof.zero("average_terms, B symmetric", printed_excess(terms) - substitute(average, {B: symmetric}))

    proof.step(
        r"On the unit sphere $E\theta\theta^\top = I/d$ and $\kappa = d/(d+2)$: the moments, and then the "
        "average itself."
    )
    unit = Sphere("tau", dimension=d_in_field)
    X, Y = matrix("X", symmetric=True), matrix("Y", symmetric=True)
    moment = expectation((unit @ X @ unit) * (unit @ Y @ unit), unit)
    law = (trace(X) * trace(Y) + 2 * trace(X @ Y)) / (d_in_field * d_in_field)
    sphere_kappa = d_in_field / (d_in_field + 2)
    proof.zeros(
        "moments on the sphere",
        [moment - sphere_kappa * law, expectation(unit @ X @ unit, unit) - trace(X) / d_in_field],
    )
    terms = code.average_terms(BLOCKS, SIGMA, sigma2, Array.of(identity) / d_in_field, sphere_kappa)
    printed = substitute(printed_excess(terms), {trace(identity): d_in_field})
    proof.zero("average_terms, unit sphere", printed - expectation(substitute(excess(), {theta: unit}), unit))

    proof.step(
        r"With six scalars: every quantity is constant + linear in the component $t$ of $\theta$ along "
        r"$\theta_0$, $E t^2 = 1/d$, and $|\theta| = 1$."
    )
    derived = expectation(substitute(excess(), {**ISOTROPIC, theta: unit}), unit)
    at = isotropic.contract(SCALARS, d, sigma2, s_0)
    terms = isotropic.terms_on_sphere(at, d_in_field, sigma2, s_0)
    proof.zero("terms_on_sphere", printed_excess(terms) - substitute(derived, NORMS))
    proof.brute_force("averages = enumeration of the definition", _average_points())


def _average_points() -> Iterator[tuple[Any, Any]]:
    for dim, count in ((1, 0), (1, 2), (2, 0), (2, 1)):
        at = point(dim, seed=20 * dim + count)
        blocks = dense.Blocks.of(at.v, at.Q)
        model, v, Q, _, norm2 = isotropic_model(dim, seed=3 * dim + count)
        one = unit_matrix(dim)
        laws = (
            (dense.average_terms(blocks, at.sigma, NOISE, at.psi, 1), at.v, at.Q, at.sigma, at.psi),
            (
                dense.average_terms(blocks, at.sigma, NOISE, one / dim, Fraction(dim, dim + 2)),
                at.v, at.Q, at.sigma, None,
            ),
            (isotropic.terms_on_sphere(model, Fraction(dim), NOISE, norm2), v, Q, one, None),
        )  # fmt: skip
        for terms, values, key_query, sigma, psi in laws:
            for convention in CONVENTIONS[: 2 if dim == 1 else 1]:
                coordinates = exact_average_risk(values, key_query, sigma, NOISE, count, psi, convention)
                yield risk_formula.exact_risk_formula(terms, count, convention), coordinates


_SETTING = ("One layer, one head of linear attention; the query attends to itself.", "Gaussian inputs and label noise.")

THEOREMS = (
    Theorem(
        "R0.isotropic",
        "the risk of six scalars, on the target and on any task",
        r"At $\Sigma = I$ and $(\alpha, w, q, \beta, \gamma, \delta)$ the printed terms are R0's, for every d and "
        r"$\theta = (1-\phi)\theta_0 + \theta_\perp$.",
        (*_SETTING, "Sigma = I."),
        "new here",
        derive_isotropic,
    ),
    Theorem(
        "R0.average",
        "the risk averaged over Gaussian, spherical and elliptical tasks",
        r"For $E\theta\theta^\top = P$ and fourth moments $\kappa$ times Gaussian ones, the printed average "
        r"is that of R0; $\kappa = 1$ is Gaussian, $\kappa = d/(d+2)$ with $P = I/d$ the unit sphere.",
        (*_SETTING, "Odd moments of the tasks vanish; fourth moments are those of an elliptical law."),
        "new here",
        derive_average,
    ),
)
