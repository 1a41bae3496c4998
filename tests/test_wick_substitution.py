"""The calculus by itself: substitution, evaluation, derivatives, ground types, text, errors."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from fractions import Fraction
from math import prod

import pytest
from sympy import QQ, Symbol
from sympy.polys.fields import field
from sympy.polys.rings import ring

from theory.wick import (
    Gaussian,
    Matrix,
    Scalar,
    Shots,
    Vector,
    derivative,
    evaluate,
    expectation,
    identity,
    latex,
    matrix,
    outer,
    substitute,
    text,
    trace,
    vector,
)

A, B, C = matrix("A"), matrix("B"), matrix("C")
Sigma, Psi = matrix("Sigma", symmetric=True), matrix("Psi", symmetric=True)
u, v, theta0 = vector("u"), vector("v"), vector("theta0")
x, y = Gaussian("x", Sigma), Gaussian("y", Psi)


def random_values(rng: random.Random, d: int) -> dict:
    values = {name: [[Fraction(rng.randint(-5, 5), 3) for _ in range(d)] for _ in range(d)] for name in (A, B, C)}
    values |= {name: [Fraction(rng.randint(-5, 5), 2) for _ in range(d)] for name in (u, v, theta0)}
    root = [[Fraction(rng.randint(-3, 3)) for _ in range(d)] for _ in range(d)]
    values[Sigma] = [[sum(a * b for a, b in zip(p, q, strict=True)) for q in root] for p in root]
    return values


@pytest.mark.parametrize("d", [1, 2, 4])
def test_isotropic_specialisation_agrees_with_numbers(d: int) -> None:
    """Sigma = I, B = beta I + gamma theta0 theta0', v = alpha theta0: traces are polynomials in d."""
    rng = random.Random(d)
    _, alpha, beta, gamma, dim, s0, s, cross = ring("alpha beta gamma d s0 s cross", QQ)
    theta = vector("theta")
    general = expectation(((v + theta) @ x) ** 2 * (x @ B @ x) * (x @ B.T @ B @ theta) ** 2 + (x @ B @ x) ** 3, x)
    isotropic = {
        Sigma: identity,
        B: beta * identity + gamma * outer(theta0, theta0),
        v: alpha * theta0,
        trace(identity): dim,
        theta0 @ theta0: s0,
        theta @ theta: s,
        theta @ theta0: cross,
    }
    special = Scalar.constant(substitute(general, isotropic).as_coefficient())
    a, b, c = (Fraction(rng.randint(-9, 9), rng.randint(1, 5)) for _ in range(3))
    at0, at = ([Fraction(rng.randint(-4, 4), 3) for _ in range(d)] for _ in range(2))
    dot = {key: sum(p * q for p, q in zip(*pair, strict=True)) for key, pair in
           {s0: (at0, at0), s: (at, at), cross: (at0, at)}.items()}  # fmt: skip
    unit = [[Fraction(int(i == j)) for j in range(d)] for i in range(d)]
    form = [[b * unit[i][j] + c * at0[i] * at0[j] for j in range(d)] for i in range(d)]
    numbers = evaluate(general, {Sigma: unit, B: form, v: [a * t for t in at0], theta: at})
    assert evaluate(special, {alpha: a, beta: b, gamma: c, dim: d, **dot}) == numbers != 0


def test_substitution_is_simultaneous_and_reaches_transposes_inverses_and_scalars() -> None:
    _, n, N = field("n N", QQ)
    assert substitute(u @ A @ B @ v, {A: B, B: A, u: v, v: u}) == v @ B @ A @ u
    assert substitute(u @ B.T @ v, {B: A @ C}) == u @ C.T @ A.T @ v
    assert substitute(trace(A @ Sigma.inverse), {A: 3 * Sigma, Sigma: 2 * identity}) == 3 * trace(Sigma) / 2
    assert substitute((u @ v) * (n / N), {N: n + 1, n: 2 * n}) == (u @ v) * (2 * n / (n + 1))
    assert substitute(u @ A @ v + trace(A) + 1, {A: 0}) == substitute((u @ v) ** 2 + 1, {v: 0}) == 1
    assert substitute(N * (u @ v), {N: 1 + u @ v}) == u @ v + (u @ v) ** 2
    assert substitute(outer(A @ u, v) + B, {u: B @ v, B: identity}) == outer(A @ B @ v, v) + identity
    assert substitute(A @ u + v, {u: v}) == A @ v + v


# Derivatives

NODES = [Fraction(t) for t in range(-4, 5)]


def slope_at_zero(values: list[Fraction]) -> Fraction:
    """f'(0) of the polynomial through 9 points: exact up to degree 8 (derivative of Lagrange's formula)."""
    total = Fraction(0)
    for i, (node, value) in enumerate(zip(NODES, values, strict=True)):
        others = NODES[:i] + NODES[i + 1 :]
        slope = sum(prod(-t for t in others[:j] + others[j + 1 :]) for j in range(len(others)))
        total += value * slope / prod(node - t for t in others)
    return total


def moved(point, direction, t):
    if isinstance(point, list):
        return [moved(p, h, t) for p, h in zip(point, direction, strict=True)]
    return point + t * direction


@pytest.mark.parametrize("variable", [A, B, u, theta0, Sigma])
def test_derivative_is_the_slope_of_a_polynomial(variable: Matrix | Vector) -> None:
    rng = random.Random(text(variable))
    f = expectation((x @ A @ x) ** 2 * (u @ B.T @ x) * (theta0 @ A.T @ x + u @ x), x) + (u @ A.T @ B @ u) * trace(A @ B)
    values, directions = random_values(rng, 2), random_values(rng, 2)
    H = vector("h") if isinstance(variable, Vector) else matrix("H", symmetric=variable == Sigma)
    by_rule = evaluate(derivative(f, variable, H), {**values, H: directions[variable]})
    line = [{**values, variable: moved(values[variable], directions[variable], t)} for t in NODES]
    assert by_rule == slope_at_zero([evaluate(f, point) for point in line]) != 0


def test_derivative_of_an_inverse() -> None:
    """A + t H unitriangular has a polynomial inverse, so that its exact slope is known."""
    H = matrix("H")
    point, direction = [[1, 2, 3], [0, 1, -1], [0, 0, 1]], [[0, 5, -2], [0, 0, 3], [0, 0, 0]]
    f = (u @ A.inverse @ B @ v) * (v @ A.T.inverse @ u)
    values = random_values(random.Random(3), 3)
    by_rule = evaluate(derivative(f, A, H), {**values, A: point, H: direction})
    line = [evaluate(f, {**values, A: moved(point, direction, t)}) for t in NODES]
    assert by_rule == slope_at_zero(line) != 0
    assert derivative(u @ A @ A.inverse @ v, A, H) == 0


def test_derivative_in_a_scalar_and_second_derivatives() -> None:
    K, w, n = field("w n", QQ)
    f = (w**2 / n) * (u @ A @ u) + 1 / (w + n)
    assert derivative(f, w, 1) == (2 * w / n) * (u @ A @ u) - 1 / (w + n) ** 2
    assert derivative(f, w, u @ v) == derivative(f, w, 1) * (u @ v)
    assert derivative(f, n, 1) == -(w**2 / n**2) * (u @ A @ u) - 1 / (w + n) ** 2
    polynomial = K.ring(w.numer) ** 2 * (u @ v)
    assert derivative(polynomial, w, 1) == 2 * w * (u @ v)
    h, k = vector("h"), vector("k")
    assert derivative(derivative(u @ A @ u, u, h), u, k) == h @ A @ k + k @ A @ h


# Both ground types, text, errors

GROUND_TYPE_PROGRAM = """
from sympy import QQ
from sympy.external.gmpy import GROUND_TYPES
from sympy.polys.fields import field
from theory.wick import *
_, n, d, sigma2 = field("n d sigma2", QQ)
Sigma, B = matrix("Sigma", symmetric=True), matrix("B")
x, q, eps, theta = Gaussian("x", Sigma), Gaussian("q", Sigma), Noise("eps", sigma2 / 3), Sphere("theta", d)
shots = Shots(n, x, eps)
prediction = shots.sum((theta @ x + eps) * (q @ B @ x)) / (n + 1)
print(GROUND_TYPES)
print(expectation((theta @ q - prediction) ** 2, shots, q, theta))
"""


def test_the_same_result_with_either_ground_type() -> None:
    """python-flint changes sympy's number types when sympy is imported: the calculus must not notice."""
    printed = {}
    for ground_types in ("python", "auto"):
        run = subprocess.run(
            [sys.executable, "-c", GROUND_TYPE_PROGRAM],
            env={**os.environ, "SYMPY_GROUND_TYPES": ground_types},
            capture_output=True,
            text=True,
            check=True,
        )
        used, printed[ground_types] = run.stdout.splitlines()
        assert ground_types == "auto" or used == "python"
    assert printed["python"] == printed["auto"] != "0"


def test_text_and_latex() -> None:
    _, n = field("n", QQ)
    expression = (n + 1) / n * (theta0 @ Sigma @ B.T @ v) - trace(Sigma @ B.inverse) ** 2
    assert text(expression) == "((n + 1)/n)*theta0'Sigma B' v - tr(B^-1 Sigma)**2"
    assert latex(expression) == (
        r"-(\operatorname{tr}(B^{-1} \Sigma))^{2} + \frac{n + 1}{n} \theta_{0}^{\top} \Sigma B^{\top} v"
    )
    assert text(2 * A @ u - v) == "2*A u - v"
    assert text(outer(A @ u, B @ v) + identity) == "A u v'B' + I"
    assert text(Scalar()) == "0"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: 0.5 * (u @ v), TypeError, r"got 0\.5"),
        (lambda: Symbol("a") * (u @ v), TypeError, "got a"),
        (lambda: vector("two words"), ValueError, "identifier"),
        (lambda: Gaussian("x", A), ValueError, "symmetric Matrix"),
        (lambda: u + A, TypeError, "unsupported operand"),
        (lambda: u * v, TypeError, "can't multiply|unsupported operand"),
        (lambda: (u @ v) / (u @ v), TypeError, "unsupported operand"),
        (lambda: (u @ v) / 0, ZeroDivisionError, "by zero"),
        (lambda: (u @ v) ** -1, ValueError, "non-negative"),
        (lambda: (A + B).inverse, ValueError, "no inverse|has an inverse"),
        (lambda: expectation(u @ v, u), TypeError, "average over"),
        (lambda: expectation(u, x), TypeError, "coefficients are"),
        (lambda: Shots(3, u), TypeError, "type Gaussian or Noise"),
        (lambda: expectation(Shots(3, x).sum(u @ x), x), ValueError, "over the shots"),
        (lambda: substitute(Shots(3, x).sum(u @ x), {u: v}), ValueError, "over the shots"),
        (lambda: substitute(u @ v, {u + v: u}), ValueError, "vector symbol"),
        (lambda: substitute(u @ v, {u: A}), TypeError, "image of the vector u"),
        (lambda: substitute(trace(Sigma), {Sigma: A}), ValueError, "must be symmetric"),
        (lambda: derivative(u @ v, u @ v, u), TypeError, "with respect to"),
        (lambda: derivative(trace(Sigma), Sigma, A), ValueError, "must be symmetric"),
        (lambda: evaluate(u @ A @ v, {u: [1], v: [2]}), ValueError, "no value for the matrix A"),
        (lambda: evaluate(u @ v, {u: [1, 2], v: [2]}), ValueError, "one dimension"),
        (lambda: evaluate(u @ v, {u: [0.5], v: [2]}), TypeError, r"got 0\.5"),
        (lambda: evaluate(trace(Sigma), {Sigma: [[1, 2], [3, 4]]}), ValueError, "declared symmetric"),
        (lambda: evaluate(trace(A.inverse), {A: [[0]]}), ValueError, "no inverse"),
    ],
)
def test_bad_input_is_named(call, error, message) -> None:
    with pytest.raises(error, match=message):
        call()
