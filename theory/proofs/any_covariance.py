r"""Laws on symbols for every covariance: the space of words, with numbers for what a law would divide by.

The calculus does not divide. :class:`Dividing` is the space of words in which an inverse is a symbol, the solution of a
linear system another, and named contractions, such as :math:`s = \theta_0^\top\Sigma\theta_0`, are numbers. Nothing is used
of an inverse or of a solution but the equation that it solves, which the space keeps. :func:`matrix_world` is the same laws'
world at a point, for the brute force beside a proof.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from ..contractions import RiskTerms, Tasks, contract
from ..kinds import FRACTIONS
from ..laws import LAWS
from ..matrices import Matrices
from ..points import Case, Point, World
from ..prompt import tokens, training_tokens
from ..wick import Matrix, Scalar, Vector, matrix, vector
from .theorem import ProofFailed
from .words import NumberedWords

INVERSE, SOLUTION = matrix("X", symmetric=True), vector("v")


class Dividing(NumberedWords):
    """Words with unknowns for inverses and solutions, and with these numbers for contractions."""

    def __init__(self, sigma: Matrix, numbers: Mapping[Scalar, Any] | None = None) -> None:
        super().__init__(numbers)
        (self._sigma,) = sigma.terms
        self.matrix: Any = None  # whose inverse is INVERSE
        self.system: Any = None  # A, b with A SOLUTION = b

    def vector(self, symbol: Vector) -> Vector:
        """The vector, whose products are numbers where they are named, and so are those of its multiples."""

        class Named(Vector):
            __slots__ = ()

            @classmethod
            def _kind(cls) -> Any:
                return Named

            def __matmul__(vector, other: Any) -> Any:  # self is the space
                product = super().__matmul__(other)
                return self.number(product) if isinstance(product, Scalar) else product

        return Named(symbol.terms.items())

    def inverse(self, a: Matrix) -> Matrix:
        """X with A X = I for the first A that is a sum; a multiple of it has X over the factor."""
        if len(a.terms) == 1:
            return a.inverse
        if self.matrix is None:
            self.matrix = a
        factor: Any = a.terms[self._sigma].as_coefficient() / self.matrix.terms[self._sigma].as_coefficient()
        if a != factor * self.matrix:
            raise ProofFailed(f"inverses of different matrices: {a} and {self.matrix}")
        found: Matrix = INVERSE / factor
        return found

    def solve(self, a: Matrix, b: Vector) -> Vector:
        """v with A v = b, for one system; of 0 it is 0."""
        if b == 0:
            return 0 * SOLUTION
        if self.system is None:
            self.system = a, b
        if (a, b) != self.system:
            raise ProofFailed(f"solutions of different systems: {(a, b)} and {self.system}")
        return SOLUTION


PSI = matrix("Psi", symmetric=True)


def any_world(
    lift: Callable[[Any], Any], sigma: Matrix, target: Vector, numbers: Mapping[Scalar, Any], *, d: Any, noise: Any, m: Any,
    N: Any, value_scale: Any = None, N_0: Any = 1,
) -> World:  # fmt: skip
    """A world of symbols, any covariances, with m shots and one N in either training.

    ``numbers`` are those of named contractions; ``lift`` brings numbers to the kind that knows roots.
    """
    space = Dividing(sigma, {contraction: lift(x) for contraction, x in numbers.items()})
    scale = None if value_scale is None else lift(value_scale)
    return World(
        space, sigma, PSI, space.vector(target), lift(d), lift(noise), lift(1 / N), lift((m + 1) / N), lift(m), lift(N), 0,
        scale, N_0 if type(N_0) is int else lift(N_0),
    )  # fmt: skip


def case_of(name: str, world: World) -> Case:
    """The law of a strategy that counts in this world."""
    return next(case for case in LAWS[name] if case.holds(world.regime()))


def matrix_world(
    sigma: Any,
    psi: Any,
    target: Any,
    noise: Fraction,
    *,
    pretrain_shots: int | None = None,
    few_shot_shots: int = 1,
    few_shot_weight: Any = 0,
    value_scale: Any = None,
    normalization: Any = "tokens",
) -> World:
    """A world of arrays of Fractions; None: infinitely many shots of pretraining."""

    def exact(rows: Any) -> Any:
        return np.array(rows, dtype=object) + Fraction(0)

    d, m = len(target), Fraction(few_shot_shots)
    per_token, gain = (0, 1) if pretrain_shots is None else training_tokens(Fraction(pretrain_shots), normalization)
    return World(
        Matrices(d, FRACTIONS), exact(sigma), None if psi is None else exact(psi), exact(target), d, noise, per_token, gain,
        m, tokens(m, normalization), Fraction(few_shot_weight), value_scale, tokens(0, normalization),
    )  # fmt: skip


def flat_product(a: Any, b: Any) -> Any:
    """The sum of the products of two arrays' entries."""
    return np.sum(a * b)


def scale_of(name: str, world: World) -> Any:
    """The k that the flow of a strategy selects."""
    scale = case_of(name, world).scale
    if scale is None:
        raise ProofFailed(f"{name} has no parameters in the limit")
    return scale(world)


def model(world: World, point: Point, k: Any = None) -> tuple[Any, Any]:
    """(v, Q) in token space, in the gauge or at k times its value scale."""
    space, zero = world.space, 0 * point.v_x
    v, Q = space.token_vector(0, point.v_x, point.w), space.score(point.q, 0 * space.constant, zero, point.B, point.b)
    return (v, Q) if k is None else (k * v, Q / k)


def terms_on(world: World, point: Point, theta: Any) -> RiskTerms:
    """The contractions of a law's model on one task."""
    space = world.space
    return contract(space, world.inputs(), point.layer(world), Tasks(space.token_vector(0, theta, 0)))
