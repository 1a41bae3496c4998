r"""What R4, R5, R8 and R9 start from: a model of which the value alone has moved, and its risk from the definition.

Such a model has :math:`v = (0, v_x, w)`, :math:`Q_{xx} = B` and zeros else. Here are its risk at n shots for every covariance, its
isotropic case as the calculator has it on lines, and exact points for the second route.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from sympy import ZZ
from sympy.polys.fields import field
from sympy.polys.matrices import DomainMatrix

from .. import laws
from ..kinds import FRACTIONS
from ..matrices import Matrices
from ..points import Point, World
from ..programs import of_scalars
from ..prompt import tokens as tokens_at
from ..prompt import training_tokens
from ..risk_formula import risk_at
from ..wick import (
    Gaussian,
    Matrix,
    Noise,
    Scalar,
    Shots,
    Sphere,
    Vector,
    expectation,
    identity,
    matrix,
    substitute,
    trace,
    vector,
)
from . import enumeration
from .on_lines import Field, carried, coordinates, plain
from .radicals import compose
from .theorem import Proof

# One field of fractions for all that is a number: every residual below is zero in it, or it is not.
FIELD, d, n, m, m_0, tokens, sigma2, s, w, alpha, beta, weight, phi, across, time, decay, tokens_0 = field(
    "d n m m_0 N sigma2 s w alpha beta lam phi across t E N_0", ZZ
)

THETA, THETA0, V, H = (vector(name) for name in ("theta", "theta0", "v", "h"))

SIGMA, B = matrix("Sigma", symmetric=True), matrix("B")

S = matrix("S", symmetric=True)


def prediction(v_x: Vector, w: Any, B: Matrix, theta: Vector, shots: Shots, x: Any, eps: Any, x_q: Any) -> Scalar:
    """N times the prediction: the sum over the shots' tokens (1, x, y) and the query's (1, x_q, 0), v_0 = 0."""

    def token(x: Any, y: Any) -> Scalar:
        return Scalar.of((v_x @ x + w * y) * (x_q @ B @ x))

    return Scalar.of(shots.sum(token(x, theta @ x + eps)) + token(x_q, 0 * sigma2))


def excess_risk(v_x: Vector, w: Any, B: Matrix, theta: Vector, count: Any = n) -> Scalar:
    r""":math:`N^2(\mathrm{risk} - \sigma^2)` on the task theta at n shots; N is a symbol, whatever the convention."""
    x, x_q, eps = Gaussian("x", SIGMA), Gaussian("x_q", SIGMA), Noise("eps", sigma2)
    shots = Shots(count, x, eps)
    residual = tokens * (theta @ x_q) - prediction(v_x, w, B, theta, shots, x, eps, x_q)
    return expectation(residual**2, shots, x_q)


class Powers(NamedTuple):
    """M = S Sigma and its contractions, as in the statement."""

    M: Matrix
    t_1: Scalar
    t_2: Scalar

    @classmethod
    def of(cls, symmetric_part: Matrix) -> Powers:
        M = symmetric_part @ SIGMA
        return cls(M, trace(M), trace(M @ M))


def norm2(x: Vector) -> Scalar:
    """x' Sigma x."""
    return x @ SIGMA @ x


def at(element: Any, images: dict[Any, Any]) -> Any:
    """A field element with some of its generators replaced."""
    return compose(element, {g: g for g in element.field.gens} | images)


def minimiser(quadratic: Any, *unknowns: Any) -> list[Any]:
    """Where a field element that is quadratic in these generators is stationary."""
    slopes = [quadratic.diff(x) for x in unknowns]
    size = len(unknowns)
    numbers = quadratic.field.to_domain()
    hessian = DomainMatrix([[slope.diff(x) for x in unknowns] for slope in slopes], (size, size), numbers)
    right = [[numbers.convert(-at(slope, dict.fromkeys(unknowns, 0)))] for slope in slopes]
    return [x for (x,) in hessian.lu_solve(DomainMatrix(right, (size, 1), numbers)).to_list()]


def in_isotropic(expression: Scalar, images: dict[Any, Any] | None = None) -> Any:
    r"""The value at :math:`\Sigma = I`, :math:`|\theta_0|^2 = s`, :math:`\theta = (1-\phi)\theta_0 + \theta_\perp`."""
    along, length = (1 - phi) * s, (1 - phi) ** 2 * s + across
    known = {SIGMA: identity, trace(identity): d, THETA0 @ THETA0: s, THETA @ THETA0: along, THETA @ THETA: length}
    return substitute(substitute(expression, images or {}), known).as_coefficient()


def commuting(expression: Scalar, images: dict[Any, Any]) -> Scalar:
    r"""The expression at :math:`B = \Sigma^{-1}` (any multiple of it is a matter of scale), Sigma still general."""
    return substitute(substitute(expression, images), {B: SIGMA.inverse, S: SIGMA.inverse, trace(identity): d})


ON_LINES = Field(FIELD)


def lines_world(infinite_pretraining: bool = False, **numbers: Any) -> World:
    """A world of field elements, N a symbol; the value scale plays no role here."""
    known = {"d": d, "noise_variance": sigma2, "target_norm2": s, "across_norm2": across, "pretrain_shots": m_0}
    return ON_LINES.world(tokens, infinite_pretraining, tokens_0, **known | numbers)


CONVENTIONS = (("tokens", 1, n + 1), ("shots", 0, n))  # name, eta, N at n >= 1 shots


def check_frozen(proof: Proof, name: str, world: World, point: Point) -> None:
    """Q is as pretraining left it, v_x along the target, and the law knows its model."""
    start = laws.pretrained(world)
    Q = [*coordinates(point.B - start.B), plain(point.q), *coordinates(point.b), coordinates(point.v_x)[1]]
    proof.zeros(f"{name}: Q as pretraining left it, v_x along the target", (x + 0 * d for x in Q))
    proof.zeros(f"{name}: contractions known beforehand", carried(world, point))


def check_risk(proof: Proof) -> None:
    """The calculator's risk at any value-only point (beta = 1), on every kind of task, is the derived one."""
    world, zero = lines_world(), 0 * d
    model = of_scalars(*map(ON_LINES.lift, (alpha, w, zero, 1 + zero, zero, zero)))
    excess = excess_risk(alpha * THETA0, w, SIGMA.inverse, THETA)
    derived = {"target": substitute(excess, {THETA: THETA0}), "task": excess, "sphere": on_sphere(excess)}
    for task, risk in derived.items():
        printed = risk_at(ON_LINES.terms(model, world, task, phi), n, tokens, tokens - n)
        residual = in_isotropic(risk) / tokens**2 + sigma2 - printed
        proof.zero(f"risk at n shots of any (alpha, w), {task}, any N", residual)


def on_sphere(expression: Scalar) -> Scalar:
    """The average over theta uniform on the unit sphere, at Sigma = I."""
    return expectation(substitute(expression, {SIGMA: identity, trace(identity): d}), Sphere("theta", d))


def matrix_worlds(dimensions: tuple[int, ...] = (1, 2), few_shot_shots: int = 2) -> Iterator[tuple[Any, World]]:
    """Small generic worlds in Fractions, with their conventions: nothing commutes, nothing is symmetric under exchange."""
    for dimension in dimensions:
        for convention in ("tokens", "shots", Fraction(7, 2)):
            sigma, psi = (
                np.array([[Fraction(x, 6) for x in row[:dimension]] for row in rows[:dimension]], dtype=object)
                for rows in (((12, 3, 2), (3, 9, -4), (2, -4, 15)), ((5, -2, 1), (-2, 7, 3), (1, 3, 11)))
            )
            target = np.array([Fraction(4, 3), Fraction(-1, 2), Fraction(2, 5)][:dimension], dtype=object)
            pretraining = training_tokens(Fraction(2 if convention == "shots" else 3), convention)
            few = (few_shot_shots, tokens_at(few_shot_shots, convention), Fraction(1, 3))
            at_zero = tokens_at(0, convention)
            space, noise = Matrices(dimension, FRACTIONS), Fraction(3, 10)
            yield (
                convention,
                World(space, sigma, psi, target, dimension, noise, *pretraining, *few, Fraction(2), at_zero),
            )


def gradient_at(world: World, point: Point, shots: int, convention: Any) -> list[Fraction]:
    """The definition's gradient in (v_x, w) at the target, by exact enumeration."""
    (head,) = point.layer(world).heads
    dv, _ = enumeration.exact_gradient(
        list(head.v), head.Q.tolist(), world.sigma.tolist(), list(world.target), world.noise_variance, shots, convention
    )
    return dv[1:]
