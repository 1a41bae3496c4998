"""The calculus by itself: canonical forms, Gaussian and sphere moments, sums over shots."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import reduce
from math import prod
from operator import matmul

import pytest
from haarpy import haar_integral_orthogonal
from sympy import QQ, Symbol, sympify
from sympy.polys.fields import field
from sympy.polys.rings import ring

import theory.wick
from theory.wick import (
    Gaussian,
    Noise,
    Scalar,
    Shots,
    Sphere,
    expectation,
    identity,
    matrix,
    outer,
    substitute,
    trace,
    vector,
)

A, B, C = matrix("A"), matrix("B"), matrix("C")
Sigma, Psi = matrix("Sigma", symmetric=True), matrix("Psi", symmetric=True)
u, v, theta0 = vector("u"), vector("v"), vector("theta0")
x, y = Gaussian("x", Sigma), Gaussian("y", Psi)


@pytest.mark.parametrize("module", [m.name for m in pkgutil.iter_modules(theory.wick.__path__)] + [""])
def test_examples_in_the_documentation(module: str) -> None:
    """Every docstring example runs."""
    result = doctest.testmod(importlib.import_module(f"theory.wick.{module}".rstrip(".")))
    assert result.failed == 0


# Canonical forms


def test_numbers_equal_their_transposes_and_loops_may_start_anywhere() -> None:
    assert u @ A @ B @ v == v @ B.T @ A.T @ u
    assert trace(A @ B @ C) == trace(B @ C @ A) == trace(C.T @ B.T @ A.T)
    assert trace(A @ Sigma) == trace(A.T @ Sigma)
    assert outer(B.T @ v, A @ u) == (A @ outer(u, v) @ B).T


def test_a_nonsymmetric_matrix_is_not_its_transpose() -> None:
    assert u @ A @ v != u @ A.T @ v
    assert trace(A @ A) != trace(A @ A.T)
    assert trace(A @ B @ C) != trace(A @ C @ B)
    assert trace(A @ Sigma @ B @ Psi) != trace(A @ Sigma @ B.T @ Psi)


def test_inverses_cancel_also_across_the_seam_of_a_loop() -> None:
    assert A @ A.inverse == identity == Sigma.inverse @ Sigma
    assert (A @ B.T).inverse == B.T.inverse @ A.inverse
    assert trace(A @ B @ A.inverse) == trace(B)
    assert A @ A.T.inverse != identity
    assert (2 * A).inverse == A.inverse / 2


def test_the_dimension_is_never_inferred() -> None:
    z = Gaussian("z", identity)
    _, d = ring("d", QQ)
    length = expectation((z @ z) ** 2, z)
    assert length == trace(identity) ** 2 + 2 * trace(identity)
    assert substitute(length, {trace(identity): d}).as_coefficient() == d**2 + 2 * d
    with pytest.raises(ValueError, match=r"^tr\(I\) remains"):
        length.as_coefficient()


# Gaussian moments


def test_scalar_moments_to_degree_ten() -> None:
    """E (u'x)^(2k) = (2k-1)!! (u'Sigma u)^k, with noise of another variance beside it."""
    _, sigma2 = ring("sigma2", QQ)
    eps = Noise("eps", sigma2)
    for k, odd_product in enumerate([1, 1, 3, 15, 105, 945]):
        assert expectation((u @ x) ** (2 * k), x) == odd_product * (u @ Sigma @ u) ** k
        assert expectation(eps ** (2 * k), eps) == odd_product * sigma2**k
        assert expectation((u @ x) ** (2 * k + 1), x) == expectation(eps ** (2 * k + 1), eps) == 0


def test_moments_of_a_quadratic_form() -> None:
    """E (x'Ax)^3 of a symmetric form by its cumulants 2^(k-1) (k-1)! tr((A Sigma)^k)."""
    S = matrix("S", symmetric=True)
    t1, t2, t3 = trace(S @ Sigma), trace(S @ Sigma @ S @ Sigma), trace(S @ Sigma @ S @ Sigma @ S @ Sigma)
    assert expectation((x @ S @ x) ** 3, x) == t1**3 + 6 * t1 * t2 + 8 * t3
    assert expectation((x @ A @ x) * (y @ B @ y), x, y) == trace(A @ Sigma) * trace(B @ Psi)


@pytest.mark.parametrize(("degree", "pairings"), [(2, 1), (4, 3), (6, 15), (8, 105), (10, 945)])
def test_each_pairing_of_distinct_factors_occurs_once(degree: int, pairings: int) -> None:
    factors = [vector(f"a{i}") @ x for i in range(degree)]
    result = expectation(prod(factors, start=Scalar.constant(1)), x)
    assert len(result.terms) == pairings
    assert set(result.terms.values()) == {1}


def test_mean_and_tasks_about_a_mean() -> None:
    theta = Gaussian("theta", Psi, mean=theta0)
    assert expectation(theta @ A @ theta, theta) == theta0 @ A @ theta0 + trace(A @ Psi)
    assert expectation(theta @ A @ theta, theta) == expectation((theta0 + y) @ A @ (theta0 + y), y)
    assert expectation((u @ theta) ** 3, theta) == (u @ theta0) ** 3 + 3 * (u @ theta0) * (u @ Psi @ u)


def test_averages_are_conditional_on_the_variables_not_named() -> None:
    assert expectation((u @ x) ** 2 * (v @ y) ** 2, x) == (u @ Sigma @ u) * (v @ y) ** 2
    assert expectation((x @ A @ y) ** 2, x, y) == trace(Sigma @ A @ Psi @ A.T)


# The sphere


@pytest.mark.parametrize("rows", [(0, 0), (0, 0, 0, 0), (0, 0, 1, 1), (0, 0, 0, 1), (0, 0, 1, 1, 2, 2), (0,) * 8])
def test_sphere_moments_agree_with_weingarten_calculus(rows: tuple[int, ...]) -> None:
    """The first column of a Haar-random orthogonal matrix is uniform on the sphere."""
    K, d = field("d", QQ)
    theta = Sphere("theta", dimension=d)
    axes = [vector(f"e{i}") for i in range(3)]
    orthonormal = {axes[i] @ axes[j]: int(i == j) for i in range(3) for j in range(i, 3)}
    moment = expectation(prod((axes[i] @ theta for i in rows), start=Scalar.constant(1)), theta)
    ours = substitute(moment, orthonormal).as_coefficient()
    expected = haar_integral_orthogonal((rows, (0,) * len(rows)), Symbol("d"))
    assert ours - K.from_expr(sympify(expected)) == 0


def test_sphere_of_degree_four_and_unit_length() -> None:
    _, d = field("d", QQ)
    theta = Sphere("theta", dimension=d)
    pairs = trace(A) * trace(B) + trace(A @ B) + trace(A @ B.T)
    assert expectation((theta @ A @ theta) * (theta @ B @ theta), theta) == pairs / (d * (d + 2))
    assert expectation((theta @ theta) ** 3, theta) == 1
    three = Sphere("theta", dimension=3)
    assert expectation((u @ three) ** 4, three) == (u @ u) ** 2 * Fraction(1, 5)


# Sums over shots


def test_wishart_moments_as_published() -> None:
    """E S^k for S ~ W_d(n, Sigma), k <= 3, as in Letac and Massam (2004); tr S^4 at Sigma = I.

    The last is Hanlon, Stanley and Stembridge (1992): symmetric in n and d.
    """
    _, n, d = ring("n d", QQ)
    shots = Shots(n, x)
    S = shots.sum(outer(x, x))
    t1, t2 = trace(Sigma), trace(Sigma @ Sigma)
    square = n * (n + 1) * Sigma @ Sigma + n * t1 * Sigma
    cube = (
        n * (n**2 + 3 * n + 4) * Sigma @ Sigma @ Sigma
        + 2 * n * (n + 1) * t1 * (Sigma @ Sigma)
        + (n * (n + 1) * t2 + n * t1**2) * Sigma
    )
    assert expectation(u @ S @ v, shots) == n * (u @ Sigma @ v)
    assert expectation(u @ S @ S @ v, shots) == u @ square @ v
    assert expectation(trace(S @ S), shots) == n * (n + 1) * t2 + n * t1**2
    assert expectation(u @ S @ S @ S @ v, shots) == u @ cube @ v
    fourth = substitute(expectation(trace(S @ S @ S @ S), shots), {Sigma: identity, trace(identity): d})
    mixed = n**3 + 6 * n**2 * d + 6 * n * d**2 + d**3
    lower = 6 * n**2 + 17 * n * d + 6 * d**2 + 21 * n + 21 * d + 20
    assert fourth.as_coefficient() == n * d * (mixed + lower)


def matchings(points: list[int]) -> Iterator[list[tuple[int, int]]]:
    """Every way to make pairs of points."""
    if not points:
        yield []
        return
    first, *rest = points
    for k, other in enumerate(rest):
        for pairs in matchings(rest[:k] + rest[k + 1 :]):
            yield [(first, other), *pairs]


def circuits(ours: dict[int, int], theirs: dict[int, int]) -> list[list[int]]:
    """Two matchings of the same points taken in turn, ours first: the points of each closed walk, in its order."""
    left, walks = set(ours), []
    while left:
        walk, point = [], min(left)
        while point in left:
            walk += [point, ours[point]]
            left -= {point, ours[point]}
            point = theirs[ours[point]]
        walks.append(walk)
    return walks


def both_ways(pairs: Iterable[tuple[int, int]]) -> dict[int, int]:
    return {a: b for pair in pairs for a, b in (pair, pair[::-1])}


@pytest.mark.parametrize("cycles", [(2,), (1, 1), (3,), (2, 1), (4,), (3, 1), (2, 2), (1, 1, 1, 1)])
def test_real_wishart_moments_over_pairings(cycles: tuple[int, ...]) -> None:
    """E prod tr(S H_1 S H_2 ...) for S ~ W(n, Sigma), any Sigma and H: a sum over all pairings of the 2k ends of the S.

    As Graczyk, Letac and Massam (2005) have it: a pairing counts n to the number of its circuits with the pairs of ends of
    one S each, and is a product of traces, one a circuit with the H; where an H is met from behind, it is transposed.
    """
    _, n = ring("n", QQ)
    shots, k = Shots(n, x), sum(cycles)
    S, H = shots.sum(outer(x, x)), [matrix(f"H{j}") for j in range(k)]
    after, product_of_traces = {}, Scalar.constant(1)
    for size in cycles:
        members = range(len(after), len(after) + size)
        after |= {j: members[(j - members[0] + 1) % size] for j in members}
        product_of_traces = product_of_traces * trace(reduce(matmul, (S @ H[j] for j in members)))
    own = both_ways((2 * j, 2 * j + 1) for j in range(k))
    steps = both_ways((2 * j + 1, 2 * after[j]) for j in range(k))  # H_j leads from the second end of its S
    total = Scalar()
    for pairs in matchings([*range(2 * k)]):
        paired = both_ways(pairs)
        term = Scalar.constant(n ** len(circuits(paired, own)))
        for walk in circuits(paired, steps):
            word = identity
            for _, point in zip(walk[::2], walk[1::2], strict=True):
                forwards = point % 2 == 1
                word = word @ Sigma @ (H[point // 2] if forwards else H[steps[point] // 2].T)
            term = term * trace(word)
        total = total + term
    assert expectation(product_of_traces, shots) == total


@pytest.mark.parametrize("number", range(5))
def test_coincident_indices_against_explicit_shots(number: int) -> None:
    """Products of up to four sums with a shared query equal the sums written out for n = 0..4."""
    _, n, sigma2 = ring("n sigma2", QQ)
    eps = Noise("eps", sigma2)
    shots = Shots(n, x, eps)
    copies = [(x.copy(100 + i), eps.copy(100 + i)) for i in range(number)]

    def symbolic_and_explicit(summand):
        written_out = sum((summand(*copy) for copy in copies), Scalar.constant(0))
        return shots.sum(summand(x, eps)), written_out

    first = symbolic_and_explicit(lambda z, e: (u @ z) * (y @ z))
    second = symbolic_and_explicit(lambda z, e: (v @ z + e) * (u @ z + 1))
    third = symbolic_and_explicit(lambda z, e: e * (v @ z))
    linear = symbolic_and_explicit(lambda z, e: v @ z)
    for factors in (
        [second],
        [first, first],
        [first, second, third],
        [linear] * 4,
        [linear, linear, third, third],
    ):
        by_patterns = prod((symbolic for symbolic, _ in factors), start=u @ y + 1)
        written_out = prod((explicit for _, explicit in factors), start=u @ y + 1)
        everything = [variable for copy in copies for variable in copy]
        expected = expectation(written_out, *everything, y)
        assert substitute(expectation(by_patterns, shots, y), {n: number}) == expected


def test_vector_and_matrix_sums_inside_chains() -> None:
    """sum y_i x_i of regression, squared: n (n+1) + trace part, as in Stein's lemma by hand."""
    _, n, sigma2 = ring("n sigma2", QQ)
    eps = Noise("eps", sigma2)
    shots = Shots(n, x, eps)
    g = shots.sum((v @ x + eps) * x)
    spread = trace(Sigma @ A) * (v @ Sigma @ v + sigma2)
    signal = v @ Sigma @ A @ Sigma @ v
    assert expectation(g @ A @ g, shots) == n * (spread + signal) + n**2 * signal
    assert expectation(shots.sum(Scalar.constant(1)) ** 3, shots) == n**3
