"""The prompt of the exact enumeration: its tokens as polynomials, the expectation over them, and how arguments are read."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from math import isfinite
from numbers import Rational
from typing import Any, TypeAlias

from .polynomial_moments import (
    BITS,
    ONE,
    ZERO,
    Matrix,
    Polynomial,
    Vector,
    cached_gaussian_moment,
    centred_moment,
    cleared,
    constant,
    gaussian_moment,
    ldl,
    matrix_text,
    numerators,
    product,
    scaled,
    sphere_moment,
    sum_of,
    unpack,
)

Number: TypeAlias = Rational | float  # a float stands for its exact binary value


class Prompt:
    """Tokens and query label as polynomials in the blocks' variables, and the expectation over the blocks.

    Block 0 is the query and blocks 1..n are the shots, each with the variables x_1..x_d, eps. The task is
    either given by its numbers or, as None, by the variables theta_1..theta_d of a last block with its own
    moments; where it varies around its numbers, it is their sum. The query's input may have a covariance of its own.
    """

    def __init__(
        self,
        covariance: Matrix,
        noise_variance: Fraction,
        n_shots: int,
        normalization: Any,
        target: Vector | None,
        task_moment: Callable[[Sequence[int]], Fraction],
        query_covariance: Matrix | None = None,
        varies: bool = False,
    ) -> None:
        self.d = d = len(covariance)
        self._width = BITS * (d + 1)  # of a block within a packed monomial
        self._token_blocks = n_shots + 1
        given = {"tokens": n_shots + 1, "shots": max(n_shots, 1)}
        self.set_divisor(Fraction(given.get(normalization, normalization)))
        if target is None:
            task = [self._variable(self._token_blocks, i) for i in range(d)]
        else:
            task = [constant(entry) for entry in target]
        if varies:
            task = [sum_of([entry, self._variable(self._token_blocks, i)]) for i, entry in enumerate(task)]

        def token(block: int) -> list[Polynomial]:
            x = [self._variable(block, i) for i in range(d)]
            label = sum_of([*map(product, task, x), self._variable(block, d)])
            return [constant(ONE), *x, label]

        *query, self.label = token(0)
        self.query = [*query, constant(ZERO)]  # the prompt does not show the query's label
        self.tokens = [self.query, *map(token, range(1, n_shots + 1))]

        def token_moment(sigma: Matrix) -> Callable[[int], Fraction]:
            def moment(block: int) -> Fraction:
                *x, eps = unpack(block, d + 1)
                return cached_gaussian_moment(sigma, tuple(x)) * centred_moment(eps, noise_variance)

            return cache(moment)

        of_shot = token_moment(covariance)
        of_query = token_moment(query_covariance) if query_covariance else of_shot
        of_task = cache(lambda block: task_moment(unpack(block, d)))
        # Of the blocks, as they stand.
        self._moments: list[Callable[[int], Fraction]] = [of_query, *[of_shot] * n_shots, of_task]

        ones = sum(1 << (BITS * i) for i in range(d))  # the lowest bit of each exponent of a vector
        starts = [self._width * block for block in range(n_shots + 2)]
        self._odd = [ones << start for start in starts] + [1 << (start + BITS * d) for start in starts[:-1]]

    def set_divisor(self, tokens: Fraction) -> None:
        """N."""
        self._factor = 1 / tokens

    def _variable(self, block: int, index: int) -> Polynomial:
        return {1 << (block * self._width + index * BITS): ONE}

    # Integers multiply and add far faster than Fractions do: denominators are cleared before, and divided by in the end.

    def prediction(self, v: Vector, Q: Matrix) -> Polynomial:
        """(1/N) sum_z (v . z) (z_q' Q z), token by token."""
        values, below_v = numerators(v)
        entries, below_Q = numerators(x for row in Q for x in row)
        rows = [entries[i : i + len(v)] for i in range(0, len(entries), len(v))]
        query, below_query = cleared(self.query)
        terms = []
        for fractions in self.tokens:
            token, below = cleared(fractions)
            value = sum_of(map(scaled, values, token))
            score = sum_of(product(x, sum_of(map(scaled, row, token))) for x, row in zip(query, rows, strict=True))
            terms.append(scaled(Fraction(1, below**2), product(value, score)))
        return scaled(self._factor / (below_v * below_Q * below_query), sum_of(terms))

    def expected_product(self, p: Polynomial, q: Polynomial) -> Fraction:
        """E[p q]: expand the product, then integrate out one independent block after the other."""
        (left, right), below = cleared([p, q])
        # Terms of unlike signs are left apart: their product averages to 0.
        alike: dict[int, list[tuple[int, int]]] = {}
        for b, y in right.items():
            alike.setdefault(self._signs(b), []).append((b, y))
        expanded: Polynomial = {}
        for a, x in left.items():
            for b, y in alike.get(self._signs(a), ()):
                expanded[a + b] = expanded.get(a + b, 0) + x * y
        denominator = below**2
        for moment in self._moments:
            expanded, below = self._integrated(expanded, moment)
            denominator *= below
        return Fraction(expanded.get(0, 0), denominator)

    def _signs(self, monomial: int) -> int:
        """One bit for each vector and each noise: whether the monomial changes its sign with it, as the law does not."""
        return sum(((monomial & ones).bit_count() & 1) << i for i, ones in enumerate(self._odd))

    def _integrated(self, p: Polynomial, moment: Callable[[int], Fraction]) -> tuple[Polynomial, int]:
        """The expectation over the first block, a polynomial in the others: numerators and their denominator."""
        first = (1 << self._width) - 1
        (moments,), below = cleared([{block: moment(block) for block in {monomial & first for monomial in p}}])
        rest: Polynomial = {}
        for monomial, numerator in p.items():
            if above := moments[monomial & first]:
                monomial >>= self._width
                rest[monomial] = rest.get(monomial, 0) + numerator * above
        return rest, below


def fixed_task(
    covariance: Sequence[Sequence[Number]],
    target: Sequence[Number],
    noise_variance: Number,
    n_shots: int,
    normalization: Any,
) -> Prompt:
    """Shots and query of one task."""
    sigma, noise = read_setting(covariance, noise_variance, n_shots, normalization)
    theta = read_vector("target", target, len(sigma))
    return Prompt(sigma, noise, n_shots, normalization, theta, task_moment=lambda no_variables: ONE)


def random_task(
    covariance: Sequence[Sequence[Number]],
    noise_variance: Number,
    n_shots: int,
    task_covariance: Sequence[Sequence[Number]] | None,
    normalization: Any,
) -> Prompt:
    """Shots and query of a task drawn from N(0, Psi), or from the unit sphere where Psi is None."""
    sigma, noise = read_setting(covariance, noise_variance, n_shots, normalization)
    if task_covariance is None:
        return Prompt(sigma, noise, n_shots, normalization, None, sphere_moment)
    psi = read_covariance("task_covariance", task_covariance, len(sigma))
    return Prompt(sigma, noise, n_shots, normalization, None, lambda a: gaussian_moment(psi, a))


def read_setting(
    covariance: Sequence[Sequence[Number]], noise_variance: Number, n_shots: int, normalization: Any
) -> tuple[Matrix, Fraction]:
    """Sigma and sigma2, once n and the normalization are known to be allowed."""
    if not isinstance(n_shots, int):
        raise TypeError(f"n_shots must be an int, got {n_shots!r}")
    if n_shots < 0:
        raise ValueError(f"n_shots must be >= 0, got {n_shots!r}")
    if normalization not in ("tokens", "shots") and not (
        isinstance(normalization, Rational) and Fraction(normalization) > 0
    ):
        raise ValueError(f"normalization must be 'tokens', 'shots' or a number > 0, got {normalization!r}")
    noise = read_number("noise_variance", noise_variance)
    if noise < 0:
        raise ValueError(f"noise_variance must be >= 0, got {noise_variance!r}")
    return read_covariance("covariance", covariance, len(covariance)), noise


def read_parameters(v: Sequence[Number], Q: Sequence[Sequence[Number]], d: int) -> tuple[Vector, Matrix]:
    """(v, Q) of the shapes of dimension d."""
    return read_vector("v", v, d + 2), read_matrix("Q", Q, d + 2)


def read_covariance(name: str, value: Sequence[Sequence[Number]], d: int, definite: bool = True) -> Matrix:
    """A symmetric matrix, positive definite or, as told, semidefinite."""
    matrix = read_matrix(name, value, d)
    if d == 0 or matrix != tuple(zip(*matrix, strict=True)):
        raise ValueError(f"{name} must be a symmetric matrix, got {matrix_text(matrix)}")
    try:
        _, pivots = ldl(matrix)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    if definite and not all(pivots):
        raise ValueError(f"{name}: the matrix must be positive definite, got {matrix_text(matrix)}")
    return matrix


def read_matrix(name: str, value: Sequence[Sequence[Number]], size: int) -> Matrix:
    """So many rows of so many numbers."""
    if len(value) != size:
        raise ValueError(f"{name} must have {size} rows, got {len(value)}")
    return tuple(read_vector(name, row, size) for row in value)


def read_vector(name: str, value: Sequence[Number], size: int) -> Vector:
    """So many numbers."""
    if len(value) != size:
        raise ValueError(f"{name} must have {size} entries (in a row), got {len(value)}")
    return tuple(read_number(name, entry) for entry in value)


def read_number(name: str, value: Number) -> Fraction:
    """The number as a Fraction: that of a float is its exact value."""
    if isinstance(value, Rational):
        return Fraction(int(value.numerator), int(value.denominator))  # NumPy's integers would overflow
    if not isinstance(value, float):
        raise TypeError(f"{name} must hold integers, Fractions or floats, got {value!r}")
    if not isfinite(value):
        raise ValueError(f"{name} must be finite, got {value!r}")
    return Fraction(value)
