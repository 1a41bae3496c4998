"""Polynomials in a prompt's coordinates, and the exact moments of a monomial: Gaussian, or uniform on the sphere.

A polynomial is a dictionary from monomials to coefficients. A monomial is its vector of exponents packed into one
integer, a byte a variable, so that monomials multiply by adding integers. No byte overflows: the squared residual of
:mod:`theory.proofs.enumeration`, which this serves, has degree at most 6 in any variable.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import lru_cache
from math import lcm, prod
from typing import Any, TypeAlias

Vector: TypeAlias = tuple[Fraction, ...]
Matrix: TypeAlias = tuple[Vector, ...]
Polynomial: TypeAlias = dict[int, Any]  # packed monomial -> coefficient: a Fraction, or an int, denominators cleared

BITS = 8  # of an exponent within a packed monomial
ZERO, ONE = Fraction(0), Fraction(1)


def gaussian_moment(covariance: Matrix, exponents: Sequence[int]) -> Fraction:
    """E prod_i x_i^(a_i) for x ~ N(0, Sigma), by independent coordinates.

    With Sigma = L D L' (L unit lower triangular, D diagonal, both rational), x = L g where the
    g_k ~ N(0, D_k) are independent; the monomial is expanded in g, and each term is integrated with
    E g_k^(2j) = (2j - 1)!! D_k^j.

    Parameters
    ----------
    covariance : tuple of d tuples of d Fractions
        Sigma, symmetric; ValueError unless positive semidefinite.
    exponents : sequence of d ints >= 0
        a, of total degree below 256.

    Examples
    --------
    >>> sigma = ((Fraction(2), Fraction(1)), (Fraction(1), Fraction(3)))
    >>> gaussian_moment(sigma, (2, 2))  # 2 * 3 + 2 * 1^2
    Fraction(8, 1)
    """
    if sum(exponents) % 2:
        return ZERO  # x and -x have the same law
    lower, pivots = ldl(covariance)
    expanded: Polynomial = {0: ONE}
    for row, exponent in zip(lower, exponents, strict=True):
        for _ in range(exponent):
            expanded = product(expanded, {1 << (BITS * k): entry for k, entry in enumerate(row) if entry})
    moment = ZERO
    for monomial, coefficient in expanded.items():
        powers = unpack(monomial, len(pivots))
        moment += coefficient * prod(map(centred_moment, powers, pivots), start=ONE)
    return moment


def sphere_moment(exponents: Sequence[int]) -> Fraction:
    """E prod_i theta_i^(a_i) for theta uniform on the unit sphere of R^d, d the number of exponents.

    It is prod (a_i - 1)!! / (d (d + 2) ... (d + |a| - 2)) for even a_i, and 0 if any a_i is odd.

    Examples
    --------
    >>> sphere_moment((2, 2, 0)), sphere_moment((4, 0, 0))
    (Fraction(1, 15), Fraction(1, 5))
    """
    d = len(exponents)
    numerator = prod((centred_moment(exponent, ONE) for exponent in exponents), start=ONE)
    return numerator / prod(range(d, d + sum(exponents), 2))


def constant(value: Fraction) -> Polynomial:
    """The polynomial that is a number."""
    return {0: value} if value else {}


def scaled(factor: Fraction | int, p: Polynomial) -> Polynomial:
    """factor * p."""
    return {monomial: factor * coefficient for monomial, coefficient in p.items()} if factor else {}


def sum_of(polynomials: Iterable[Polynomial]) -> Polynomial:
    """The sum of the polynomials."""
    total: Polynomial = {}
    for p in polynomials:
        for monomial, coefficient in p.items():
            total[monomial] = total[monomial] + coefficient if monomial in total else coefficient
    return total


def product(p: Polynomial, q: Polynomial) -> Polynomial:
    """p q."""
    return sum_of({a + b: x * y for b, y in q.items()} for a, x in p.items())


def numerators(values: Iterable[Fraction]) -> tuple[list[int], int]:
    """The values times their least common denominator, and that denominator."""
    values = list(values)
    denominator = lcm(*(x.denominator for x in values))
    return [x.numerator * (denominator // x.denominator) for x in values], denominator


def cleared(polynomials: Sequence[Polynomial]) -> tuple[list[Polynomial], int]:
    """The same of all coefficients of several polynomials."""
    above, denominator = numerators(x for p in polynomials for x in p.values())
    left = iter(above)
    return [{monomial: next(left) for monomial in p} for p in polynomials], denominator


def unpack(monomial: int, length: int) -> tuple[int, ...]:
    """The exponents of a packed monomial in so many variables."""
    return tuple(monomial.to_bytes(length, "little"))


def centred_moment(power: int, variance: Fraction) -> Fraction:
    """E g^power for g ~ N(0, variance): (power - 1)!! variance^(power / 2), or 0 for an odd power."""
    return ZERO if power % 2 else prod(range(1, power, 2)) * variance ** (power // 2)


cached_gaussian_moment = lru_cache(maxsize=4096)(gaussian_moment)


@lru_cache(maxsize=64)
def ldl(matrix: Matrix) -> tuple[Matrix, Vector]:
    """L (unit lower triangular) and D with matrix = L diag(D) L'; the matrix is symmetric, positive semidefinite."""
    lower: list[Vector] = []
    pivots: list[Fraction] = []
    for i, row in enumerate(matrix):
        entries: list[Fraction] = []
        for j in range(i):
            inner = sum(entries[k] * pivots[k] * lower[j][k] for k in range(j))
            rest = row[j] - inner
            if rest and not pivots[j]:
                raise ValueError(f"the matrix must be positive semidefinite, got {matrix_text(matrix)}")
            entries.append(rest / pivots[j] if rest else ZERO)
        pivot = row[i] - sum(entry**2 * pivots[k] for k, entry in enumerate(entries))
        if pivot < 0:
            raise ValueError(f"the matrix must be positive semidefinite, got {matrix_text(matrix)}")
        lower.append((*entries, ONE, *[ZERO] * (len(matrix) - i - 1)))
        pivots.append(pivot)
    return tuple(lower), tuple(pivots)


def matrix_text(matrix: Matrix) -> str:
    """A matrix as a message shows it."""
    return "[" + ", ".join("[" + ", ".join(map(str, row)) + "]" for row in matrix) + "]"
