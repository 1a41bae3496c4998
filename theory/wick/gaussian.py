"""Random variables: Gaussian vectors, Gaussian noise, and vectors uniform on the unit sphere.

The Gaussian average is Stein's lemma (integration by parts). For x ~ N(0, C) and any polynomial f,

    E[(r' W' x) f(x)] = (r' W' C) . E[grad f(x)],

taken factor by factor: one end of one factor is opened, and paired with each other end of x in the
monomial. A factor that occurs k times is met once and counted k times, and each monomial is averaged once,
so that the work follows the number of *different* monomials, not the number of pairings.

On the unit sphere a homogeneous polynomial of degree 2k has its Gaussian average (C = I) divided by
E|x|^(2k) = d (d+2) ... (d+2k-2), because the length and the direction of a standard Gaussian are independent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from .combinations import Coefficient, coefficient
from .expressions import (
    Matrix,
    Monomial,
    Scalar,
    Vector,
    arrow,
    checked_name,
    identity,
    product,
    symbol,
    total,
    trace,
)
from .substitution import Homomorphism, require_finished
from .words import Contraction, Word, loop, transpose, variable

__all__ = ["Gaussian", "Noise", "Sphere"]


class Gaussian(Vector):
    """A Gaussian vector, N(mean, covariance), independent of every other variable.

    Parameters
    ----------
    name : str
    covariance : Matrix
        Symmetric.
    mean : Vector, optional
        Zero by default.

    Raises
    ------
    ValueError
        If the name is not an identifier, or the covariance is not symmetric.

    Examples
    --------
    >>> from theory.wick import Gaussian, expectation, matrix
    >>> Sigma, B = matrix("Sigma", symmetric=True), matrix("B")
    >>> x = Gaussian("x", covariance=Sigma)
    >>> expectation((x @ B @ x) ** 2, x)
    tr(B Sigma B Sigma) + tr(B Sigma B' Sigma) + tr(B Sigma)**2
    """

    __slots__ = ("_moments", "covariance", "mean", "name")

    def __init__(self, name: str, covariance: Matrix, mean: Vector | None = None) -> None:
        if not isinstance(covariance, Matrix) or covariance != covariance.T:
            raise ValueError(f"the covariance of {name} must be a symmetric Matrix; got {covariance!r}")
        self._set(checked_name(name), covariance, mean)

    def _set(self, name: str, covariance: Matrix, mean: Vector | None) -> None:
        super().__init__(arrow((), name).terms.items())
        self.name, self.covariance, self.mean = name, covariance, mean
        self._moments: dict[Monomial, Scalar] = {}

    def copy(self, label: int) -> Gaussian:
        """An independent copy, named ``name[label]``."""
        twin = Gaussian.__new__(Gaussian)
        twin._set(f"{self.name}[{label}]", self.covariance, self.mean)
        return twin

    def average(self, expression: Scalar) -> Scalar:
        """The expectation over this vector, all else held fixed."""
        require_finished(expression, f"average over {self.name} in")
        if self.mean is not None:  # the same letter now stands for the deviation from the mean
            deviation = Vector(self.terms.items())
            expression = Homomorphism({deviation: self.mean + deviation})(expression)
        return self._average(expression)

    def _average(self, expression: Scalar) -> Scalar:
        terms = []
        for monomial, value in expression.terms.items():
            factors, rest = _split(monomial, self.name, "chain")
            for pairing, count in self.moment(factors).terms.items():
                terms.append((tuple(sorted(rest + pairing)), value * count))
        return Scalar(terms)

    def moment(self, factors: Monomial) -> Scalar:
        """The central moment: the average of a product of chains in each of which this vector occurs."""
        if not factors:
            return Scalar.constant(1)
        if factors not in self._moments:
            self._moments[factors] = self._stein(factors[0], factors[1:])
        return self._moments[factors]

    def _stein(self, opened: Contraction, rest: Monomial) -> Scalar:
        summands = []
        word, other_end = next(_ends(opened, self.name))
        if other_end == self.name:  # x' W x: the opened end meets the other end of its own factor
            own = trace(self.covariance @ product(word))
            summands.append(own * self.moment(rest))
        moved = self.covariance @ arrow(word, other_end)
        for partner, count in Counter(rest).items():
            remaining = list(rest)
            remaining.remove(partner)
            for partner_word, partner_end in _ends(partner, self.name):
                joined = moved @ arrow(partner_word, partner_end) * count
                summands.append(self._average(joined * Scalar([(tuple(remaining), 1)])))
        return total(summands)


class Noise(Scalar):
    """A Gaussian scalar, N(0, variance), independent of every other variable.

    Parameters
    ----------
    name : str
    variance : int, Fraction, ring or field element, or Scalar

    Examples
    --------
    >>> from sympy import QQ
    >>> from sympy.polys.rings import ring
    >>> from theory.wick import Noise, expectation
    >>> K, sigma2 = ring("sigma2", QQ)
    >>> eps = Noise("eps", variance=sigma2)
    >>> expectation((1 + eps) ** 4, eps)
    3*sigma2**2 + 6*sigma2 + 1
    """

    __slots__ = ("name", "variance")

    def __init__(self, name: str, variance: Any) -> None:
        self._set(checked_name(name), Scalar.of(variance))

    def _set(self, name: str, variance: Scalar) -> None:
        super().__init__(symbol(variable(name)).terms.items())
        self.name, self.variance = name, variance

    def copy(self, label: int) -> Noise:
        """An independent copy, named ``name[label]``."""
        twin = Noise.__new__(Noise)
        twin._set(f"{self.name}[{label}]", self.variance)
        return twin

    def average(self, expression: Scalar) -> Scalar:
        """The expectation over this scalar, all else held fixed."""
        require_finished(expression, f"average over {self.name} in")
        summands = []
        for monomial, value in expression.terms.items():
            factors, rest = _split(monomial, self.name, "scalar")
            degree = len(factors)
            if degree % 2 == 0:  # E eps^(2k) = 1 * 3 * ... * (2k-1) * variance^k
                pairings = 1
                for odd in range(1, degree, 2):
                    pairings *= odd
                summands.append(Scalar([(rest, value * pairings)]) * self.variance ** (degree // 2))
        return total(summands)


class Sphere(Vector):
    """A vector uniform on the unit sphere of R^d, independent of every other variable.

    Parameters
    ----------
    name : str
    dimension : int, or a generator of the coefficient ring or field
        d. Averages are divided by d (d+2) ..., so that they live in the field of fractions.

    Examples
    --------
    >>> from sympy import QQ
    >>> from sympy.polys.fields import field
    >>> from theory.wick import Sphere, expectation, matrix
    >>> K, d = field("d", QQ)
    >>> A, theta = matrix("A"), Sphere("theta", dimension=d)
    >>> expectation(theta @ A @ theta, theta)
    (1/d)*tr(A)
    """

    __slots__ = ("_gaussian", "dimension", "name")

    def __init__(self, name: str, dimension: Coefficient) -> None:
        self.name, self.dimension = checked_name(name), coefficient(dimension)
        self._gaussian = Gaussian(name, identity)
        super().__init__(self._gaussian.terms.items())

    def average(self, expression: Scalar) -> Scalar:
        """The expectation over this vector, all else held fixed."""
        require_finished(expression, f"average over {self.name} in")
        summands = []
        for monomial, value in expression.terms.items():
            factors, rest = _split(monomial, self.name, "chain")
            degree = sum(1 for factor in factors for _ in _ends(factor, self.name))
            mean_power: Any = 1  # E|x|^degree of a standard Gaussian vector
            for even in range(0, degree, 2):
                mean_power = mean_power * (self.dimension + even)
            moment = Scalar(
                (
                    tuple(c for c in pairing if c != loop(())),
                    count * self.dimension ** pairing.count(loop(())),
                )
                for pairing, count in self._gaussian.moment(factors).terms.items()
            )
            summands.append(Scalar([(rest, value)]) * moment / mean_power)
        return total(summands)


def _split(monomial: Monomial, name: str, kind: str) -> tuple[Monomial, Monomial]:
    """The contractions of a monomial in which the variable occurs, and the others."""
    inside: list[Contraction] = []
    outside: list[Contraction] = []
    for contraction in monomial:
        occurs = contraction.kind == kind and name in (contraction.left, contraction.right)
        (inside if occurs else outside).append(contraction)
    return tuple(inside), tuple(outside)


def _ends(factor: Contraction, name: str) -> Iterator[tuple[Word, str]]:
    """Each reading x' W r of a chain, as (W, r): two of them if the vector x stands at both ends."""
    if factor.left == name:
        yield factor.word, factor.right
    if factor.right == name:
        yield transpose(factor.word), factor.left
