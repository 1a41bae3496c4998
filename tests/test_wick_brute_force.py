"""The calculus against coordinates: exact rational moments of polynomials in independent standard normals.

Nothing here uses theory.wick except the result under test. A Gaussian vector is x = L z with z standard and L
rational, so that its covariance is L L'; a polynomial in z is averaged monomial by monomial, with
E z^(2k) = 1 * 3 * ... * (2k-1).
"""

from __future__ import annotations

import itertools
import random
from fractions import Fraction
from math import prod

import pytest
from sympy import QQ
from sympy.polys.rings import ring

from theory.wick import (
    Gaussian,
    Noise,
    Scalar,
    Shots,
    evaluate,
    expectation,
    matrix,
    outer,
    trace,
    vector,
)


class Normals:
    """A polynomial in independent standard normals: exponents -> coefficient."""

    def __init__(self, terms: dict[tuple[int, ...], Fraction]) -> None:
        self.terms = terms

    @staticmethod
    def of(value):
        return value if isinstance(value, Normals) else Normals({(): Fraction(value)})

    def __add__(self, other):
        terms = dict(self.terms)
        for key, value in Normals.of(other).terms.items():
            terms[key] = terms.get(key, 0) + value
        return Normals(terms)

    __radd__ = __add__

    def __mul__(self, other):
        terms: dict[tuple[int, ...], Fraction] = {}
        for (a, p), (b, q) in itertools.product(self.terms.items(), Normals.of(other).terms.items()):
            key = tuple(x + y for x, y in itertools.zip_longest(a, b, fillvalue=0))
            terms[key] = terms.get(key, 0) + p * q
        return Normals(terms)

    __rmul__ = __mul__

    def __sub__(self, other):
        return self + Normals.of(other) * -1

    def mean(self) -> Fraction:
        return sum(
            (
                value * prod(prod(range(1, e, 2)) for e in key)
                for key, value in self.terms.items()
                if all(e % 2 == 0 for e in key)
            ),
            Fraction(0),
        )


class Source:
    """Hands out fresh standard normals and vectors made of them."""

    def __init__(self) -> None:
        self.used = 0

    def normal(self) -> Normals:
        self.used += 1
        return Normals({(0,) * (self.used - 1) + (1,): Fraction(1)})

    def vector(self, root) -> list[Normals]:
        z = [self.normal() for _ in root]
        return times(root, z)


def dot(u, v):
    return sum((a * b for a, b in zip(u, v, strict=True)), Fraction(0))


def times(a, u):
    return [dot(row, u) for row in a]


def transposed(a):
    return [list(column) for column in zip(*a, strict=True)]


def gram(a):
    return [[dot(row, other) for other in a] for row in a]


def rationals(rng: random.Random, *shape: int):
    if not shape:
        return Fraction(rng.randint(-6, 6), rng.randint(1, 4))
    return [rationals(rng, *shape[1:]) for _ in range(shape[0])]


@pytest.mark.parametrize("seed", range(12))
def test_random_words_of_nonsymmetric_matrices(seed: int) -> None:
    """Products of random chains x'W y, u'W x, ... with two Gaussian vectors of different covariances."""
    rng = random.Random(seed)
    d = 1 + seed % 3
    Sigma, Psi = matrix("Sigma", symmetric=True), matrix("Psi", symmetric=True)
    letters = {"A": matrix("A"), "B": matrix("B")}
    vectors = {
        "u": vector("u"),
        "v": vector("v"),
        "x": Gaussian("x", Sigma),
        "y": Gaussian("y", Psi, mean=vector("v")),
    }
    roots = {"Sigma": rationals(rng, d, d), "Psi": rationals(rng, d, d)}
    values = {name: rationals(rng, d, d) for name in letters}
    source = Source()
    points = {"u": rationals(rng, d), "v": rationals(rng, d)}
    points["x"] = source.vector(roots["Sigma"])
    points["y"] = [a + b for a, b in zip(source.vector(roots["Psi"]), points["v"], strict=True)]

    symbolic, numeric, degree = Scalar.constant(1), Normals.of(1), 0
    for _ in range(3):
        left, right = rng.choice(["x", "x", "y", "u"]), rng.choice(["x", "x", "y", "v"])
        right_symbol, right_value = vectors[right], points[right]
        for _ in range(rng.randint(0, 3)):
            name, flip = rng.choice("AB"), rng.random() < 0.5
            right_symbol = (letters[name].T if flip else letters[name]) @ right_symbol
            right_value = times(transposed(values[name]) if flip else values[name], right_value)
        power = rng.choice([1, 1, 2])
        symbolic = symbolic * (vectors[left] @ right_symbol) ** power
        for _ in range(power):
            numeric = numeric * dot(points[left], right_value)

        degree += power * ((left == "x") + (right == "x"))
    if degree % 2:  # odd moments vanish, and would test nothing
        symbolic, numeric = symbolic * (vectors["u"] @ vectors["x"]), numeric * dot(points["u"], points["x"])

    result = expectation(symbolic, *rng.sample([vectors["x"], vectors["y"]], 2))
    assignment = {
        Sigma: gram(roots["Sigma"]),
        Psi: gram(roots["Psi"]),
        **{letters[name]: value for name, value in values.items()},
        **{vectors[name]: points[name] for name in "uv"},
    }
    assert evaluate(result, assignment) == Normals.of(numeric).mean()


@pytest.mark.parametrize(("d", "n"), [(1, 2), (2, 0), (2, 1), (2, 3), (3, 2)])
def test_wishart_moments_in_coordinates(d: int, n: int) -> None:
    """u' S A S^2 v and tr(S^4) for S = sum x_i x_i', and both again as sums over coincident indices."""
    rng = random.Random(10 * d + n)
    _, number = ring("n", QQ)
    Sigma, A, u, v = matrix("Sigma", symmetric=True), matrix("A"), vector("u"), vector("v")
    x = Gaussian("x", Sigma)
    shots = Shots(number, x)
    S = shots.sum(outer(x, x))
    chain, loop = expectation(u @ S @ A @ S @ S @ v, shots), expectation(trace(S @ S @ S @ S), shots)

    root, a = rationals(rng, d, d), rationals(rng, d, d)
    p, q = rationals(rng, d), rationals(rng, d)
    source = Source()
    xs = [source.vector(root) for _ in range(n)]
    s = [[sum((x[i] * x[j] for x in xs), Normals.of(0)) for j in range(d)] for i in range(d)]
    ssv = times(s, times(s, q))
    assignment = {Sigma: gram(root), A: a, u: p, v: q, number: n}
    assert evaluate(chain, assignment) == Normals.of(dot(times(s, p), times(a, ssv))).mean()
    squares = [times(s, row) for row in s]  # S^2, which is symmetric: tr(S^4) is the sum of its squared entries
    assert evaluate(loop, assignment) == sum((Normals.of(e * e).mean() for row in squares for e in row), 0)


def full_risk() -> tuple[Scalar, list]:
    """R0: N^2 E (y_q - prediction)^2 with every entry of v and of rows 0..d of Q live."""
    _, n, N, v0, w, Q00, Q0y, sigma2 = ring("n N v0 w Q00 Q0y sigma2", QQ)
    theta, v_x, Q_0x, Q_x0, b = (vector(name) for name in ("theta", "v_x", "Q_0x", "Q_x0", "b"))
    B, Sigma = matrix("B"), matrix("Sigma", symmetric=True)
    x, x_q = Gaussian("x", Sigma), Gaussian("x_q", Sigma)
    eps, eps_q = Noise("eps", sigma2), Noise("eps_q", sigma2)
    shots = Shots(n, x, eps)

    y = theta @ x + eps
    shot = (v0 + v_x @ x + w * y) * (Q00 + Q_0x @ x + Q0y * y + x_q @ (Q_x0 + B @ x + b * y))
    query = (v0 + v_x @ x_q) * (Q00 + Q_0x @ x_q + x_q @ (Q_x0 + B @ x_q))
    prediction = shots.sum(shot) + query  # times N
    answer = theta @ x_q + eps_q
    symbols = [n, N, theta, sigma2, Sigma, v0, v_x, w, Q00, Q_0x, Q0y, Q_x0, B, b]
    return expectation((N * answer - prediction) ** 2, shots, x_q, eps_q), symbols


@pytest.fixture(scope="module")
def risk() -> tuple[Scalar, list]:
    return full_risk()


@pytest.mark.parametrize("normalization", ["tokens", "shots"])
@pytest.mark.parametrize(("d", "n"), [*itertools.product((1, 2), (0, 1, 2, 3))])
def test_full_risk(risk, d: int, n: int, normalization: str) -> None:
    """R0 from the definition: N prediction = sum over the n+1 tokens of (v.z)(z_q'Q z); z_q = (1, x_q, 0)."""
    rng = random.Random(100 * d + 10 * n)
    expression, symbols = risk
    N = n + 1 if normalization == "tokens" else max(n, 1)
    root, theta, deviation = rationals(rng, d, d), rationals(rng, d), rationals(rng)
    v, Q = rationals(rng, d + 2), rationals(rng, d + 2, d + 2)  # the last row of Q must not matter

    source = Source()
    query = source.vector(root)
    z_q = [1, *query, 0]
    tokens = [z_q]
    for _ in range(n):
        x = source.vector(root)
        tokens.append([1, *x, dot(theta, x) + deviation * source.normal()])
    key = times(transposed(Q), z_q)
    prediction = sum((dot(v, z) * dot(key, z) for z in tokens), Normals.of(0))
    error = N * (dot(theta, query) + deviation * source.normal()) - prediction
    by_coordinates = (error * error).mean()

    inner = range(1, d + 1)
    values = [n, N, theta, deviation**2, gram(root), v[0], v[1 : d + 1], v[d + 1]]
    values += [Q[0][0], Q[0][1 : d + 1], Q[0][d + 1]]
    values += [[Q[i][0] for i in inner], [Q[i][1 : d + 1] for i in inner], [Q[i][d + 1] for i in inner]]
    assert evaluate(expression, dict(zip(symbols, values, strict=True))) == by_coordinates
