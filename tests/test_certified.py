"""Certified balls contain the exact value, are narrow, and measure how far the floats are from it.

Two references. (a) mpmath with 300 digits through the same public formulas: it shares them, so it tests the enclosure of
rounding alone, over the whole range of every argument. (b) The model's definition in exact rational arithmetic
(theory.proofs.enumeration), which shares nothing with the formulas, at small d and n.
"""

from __future__ import annotations

import math
import random
import sys
from fractions import Fraction as F

import mpmath
import numpy as np
import pytest
from strategies_for_tests import NORMALIZATIONS, STRATEGIES, identity, rational_array, rational_covariance

import theory
from theory.proofs.enumeration import exact_average_risk, exact_risk

flint = pytest.importorskip("flint")

POINTS = 1300  # isotropic, for each of the seven strategies; with DENSE_POINTS more than 10,000 in all
DENSE_POINTS = 150
DIGITS = 300  # differences of numbers of size 1e50 and 1e-50 cancel; 100 digits and more are left
# A ball of radius zero cannot contain the reference's own rounding of 1e-300 or so; all others are 1e-40 wide and more.
REFERENCE_ERROR = mpmath.mpf(10) ** -95
CONDITION = 1000  # of Sigma times that of Psi: a solve may lose as much
# What is promised: 1e-13 up to a million dimensions and shots, 1e-9 up to 1e12 and less by the root of n beyond, since a
# shot's bias is off by a few 1e-16 of the truth and the risk beside it may be as small as 1/n. Matrices lose a condition more.
ULP = 2.0**-52


def allowed_ulp(n, point, kind):
    """How many units in the last place a float may be off."""
    counts = [n, point.get("d", 1), point["few_shot_shots"], point["pretrain_shots"]]
    most = max(count for count in counts if count != math.inf)
    relative = 1e-13 if most <= 10**6 else 1e-9 * max(1.0, math.sqrt(most / 1e12))
    return relative / ULP * (1 if kind == "isotropic" else CONDITION)


RANKS = (0.5, 0.9, 0.99, 1.0)


def log_uniform(rng, low, high):
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def whole(rng, low, high):
    return rng.choice([low, low + 1, high, *(min(int(log_uniform(rng, low or 1, high)), high) for _ in range(7))])


def random_reals(rng, strategy, isotropic=True):
    """Noise, scales and shots, the ends of their ranges among them."""
    reals = {
        "noise_variance": rng.choice([0.0, 5e-324, 1e50, *(log_uniform(rng, 1e-12, 1e6) for _ in range(9))]),
        "pretrain_shots": rng.choice([math.inf, whole(rng, 1, 2**53)]),
        "few_shot_shots": whole(rng, 1, 2**53),
        "value_scale": rng.choice(["balanced", 1e-50, 1e50, log_uniform(rng, 1e-3, 1e3)]),
        "normalization": rng.choice(NORMALIZATIONS),
    }
    if strategy == "mixed_value":
        reals["few_shot_weight"] = rng.choice(
            [0, 1e50 if isotropic else 1, log_uniform(rng, 1e-9, 1e9 if isotropic else 1)]
        )
    return reals


def isotropic_points(strategy):
    rng = random.Random(f"certified {strategy}")
    for _ in range(POINTS):
        d = whole(rng, 1, 2**53)
        cosines = [-1.0, 1.0] if d == 1 else [0.0, rng.uniform(-1, 1), 1 - log_uniform(rng, 1e-15, 1)]
        task = rng.choice(["target", "opposite", "unseen", rng.choice(cosines)])
        n, reals = whole(rng, 0, 2**53), random_reals(rng, strategy)
        yield n, {"d": d, "task": task, **reals}


def dense_points(strategy):
    rng = random.Random(f"certified dense {strategy}")
    for _ in range(DENSE_POINTS):
        d = rng.randint(1, 3)
        target, theta = rational_array(rng, d).astype(float) / 3, rational_array(rng, d).astype(float) / 7
        sigma, psi = (rational_covariance(rng, d).astype(float) for _ in range(2))
        while np.linalg.cond(sigma) * np.linalg.cond(psi) > CONDITION:
            sigma, psi = (x + np.trace(x) / d * np.eye(d) for x in (sigma, psi))
        point = {"target": target, "covariance": sigma, "task": rng.choice(["target", "opposite", "unseen", theta])}
        if rng.random() < 0.5:
            point["task_covariance"] = psi
        point.update(random_reals(rng, strategy, isotropic=False), noise_variance=log_uniform(rng, 1e-9, 1e3))
        yield whole(rng, 0, 10**9), point


def many_digits(value):
    """A float or an array of floats as mpmath numbers."""
    if isinstance(value, float) and value != math.inf:
        return mpmath.mpf(value)
    return np.vectorize(mpmath.mpf, otypes=[object])(value) if isinstance(value, np.ndarray) else value


def as_ball(x):
    """An mpmath number or a Fraction as a ball, exactly or to the present precision."""
    if isinstance(x, F):
        return flint.arb(x.numerator) / x.denominator
    if x == math.inf:
        return flint.arb("inf")
    sign, mantissa, exponent, _ = mpmath.mpf(x)._mpf_
    return flint.arb((-1) ** sign * int(mantissa)) * flint.arb(2) ** exponent


def error_in_ulp(found, ball):
    """The largest distance from a float to a point of the ball, in units of the float's last place."""
    if found == math.inf:
        return 0.0 if ball == flint.arb("inf") else math.inf
    ulp = max(math.ulp(found), sys.float_info.min)  # a subnormal risk is one below all precision
    return float(abs(as_ball(found) - ball).upper() / as_ball(ulp))


def check(strategy, n, point):
    """The ball holds the reference; the float's error in ulp."""
    ball = theory.risk(strategy, n, certify=True, **point)
    assert type(ball) is flint.arb
    with mpmath.workdps(DIGITS):
        reals = ("noise_variance", "few_shot_weight", "value_scale", "task", "target", "covariance", "task_covariance")
        exact = {name: many_digits(value) if name in reals else value for name, value in point.items()}
        exact["noise_variance"] = mpmath.mpf(point["noise_variance"])
        expected = as_ball(theory.risk(strategy, n, **exact))
    if ball.is_finite():
        distance = abs(ball.mid() - expected)
        assert distance <= ball.rad() + as_ball(REFERENCE_ERROR) * ball.mid(), (strategy, n, point, ball, expected)
        assert ball.rad() <= ball.mid() * 2.0**-100
        assert ball >= as_ball(point["noise_variance"]) * (1 - flint.arb(2) ** -100)
    else:
        assert ball == expected == flint.arb("inf")
    found = theory.risk(strategy, n, **point)
    assert type(found) is float
    return error_in_ulp(found, ball)


@pytest.fixture(autouse=True)
def wide_arithmetic():
    """The comparisons themselves are made with 1200 bits."""
    before, flint.ctx.prec = flint.ctx.prec, 1200
    yield
    flint.ctx.prec = before


@pytest.mark.parametrize(("points", "kind"), [(isotropic_points, "isotropic"), (dense_points, "dense")])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_balls_contain_the_exact_value(strategy, points, kind):
    asked = list(points(strategy))
    found = [check(strategy, n, point) for n, point in asked]
    for error, (n, point) in zip(found, asked, strict=True):
        assert error <= allowed_ulp(n, point, kind), (error, strategy, n, point)
    errors = sorted(found)
    quantiles = [errors[min(int(rank * len(errors)), len(errors) - 1)] for rank in RANKS]
    print(f"| {kind} | {strategy} | {len(errors)} | " + " | ".join(f"{x:.2f}" for x in quantiles) + " |")
    assert errors[-1] > 0.5  # somewhere a float is not the nearest one: what measures nothing would print zeros


def test_a_large_weight_beside_matrices():
    """A weight of any size costs no digits beside a covariance."""
    sigma = [[2.0, 0.5], [0.5, 1.0]]
    for weight in (1e2, 1e4, 1e6, 1e12):
        point = {"covariance": np.array(sigma), "few_shot_weight": weight, "few_shot_shots": 10**12, "task": "unseen"}
        for noise in (0.1, 10.0):
            error = check("mixed_value", 10, {**point, "noise_variance": noise})
            print(f"few_shot_weight {weight:g}: {error:.1f} ulp")
            assert error <= 1e-11 / ULP  # a few hundred roundings, times a condition of about four


def test_there_are_ten_thousand_points():
    assert len(STRATEGIES) * (POINTS + DENSE_POINTS) >= 10_000


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("n", [0, 1, 2])
def test_a_model_against_the_definition(n, normalization):
    """Floats are exact rationals: the enumeration gives the number that the ball must hold."""
    rng, numbers = random.Random(n), np.random.default_rng(n)
    for d in (1, 2):
        for _ in range(3):
            v, Q, theta = numbers.normal(size=d + 2), numbers.normal(size=(d + 2, d + 2)), numbers.normal(size=d)
            sigma, noise = rational_covariance(rng, d).astype(float), rng.random()
            model = theory.AttentionParameters(v, Q)
            others = {"covariance": sigma, "noise_variance": noise, "normalization": normalization}
            entries = v.tolist(), Q.tolist(), sigma.tolist()
            ball = theory.risk(model, n, task=theta, certify=True, **others)
            exact = exact_risk(*entries, theta.tolist(), noise, n, normalization)
            assert ball.contains(as_ball(exact))
            assert not ball.contains(as_ball(exact * (1 + F(1, 2**90))))
            ball = theory.risk(model, n, task="unseen", certify=True, **others)
            assert ball.contains(as_ball(exact_average_risk(*entries, noise, n, None, normalization)))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_model_of_six_scalars_in_floats(strategy):
    """The float fixed point is a model of its own: its ball holds the enumeration at its very floats."""
    others = {"d": 2, "noise_variance": 0.3, "target": [0.7, -0.4]}
    model = theory.fixed_point(strategy, pretrain_shots=3, value_scale=0.9, **others)
    for setting in (others, {**others, "covariance": np.eye(2)}):
        ball = theory.risk(model, 2, task=[0.1, 0.2], certify=True, **setting)
        alpha, w, q, beta, gamma, delta = map(F, model.isotropic)
        t = [F(0.7), F(-0.4)]
        v = [0, alpha * t[0], alpha * t[1], w]
        Q = [
            [q, 0, 0, 0],
            *([0, *(beta * (i == j) + gamma * t[i] * t[j] for j in (0, 1)), delta * t[i]] for i in (0, 1)),
        ]
        Q.append([0] * 4)
        assert ball.contains(as_ball(exact_risk(v, Q, identity(2), [F(0.1), F(0.2)], F(0.3), 2)))
        assert ball.rad() < 1e-30


def test_arrays_give_object_arrays_of_balls():
    noises = np.array([[0.1], [0.5]])
    balls = theory.risk("mixed", range(4), 5, noise_variance=noises, pretrain_shots=20, certify=True)
    floats = theory.risk("mixed", range(4), 5, noise_variance=noises, pretrain_shots=20)
    assert balls.shape == (2, 4)
    assert balls.dtype == object
    for ball, found in zip(balls.flat, floats.flat, strict=True):
        assert type(ball) is flint.arb
        assert error_in_ulp(float(found), ball) <= 1e-13 / ULP
    assert theory.risk("zs", [], 5, certify=True).shape == (0,)


def test_exact_numbers_and_balls_may_be_given():
    exact = theory.risk("zs_v", 10, 5, noise_variance=F(1, 3), pretrain_shots=20)
    ball = theory.risk("zs_v", 10, 5, noise_variance=F(1, 3), pretrain_shots=20, certify=True)
    assert ball.contains(as_ball(exact))
    around = flint.arb(0.25, 1e-3)
    wide = theory.risk("zs_v", 10, 5, noise_variance=around, pretrain_shots=20, certify=True)
    for noise in (F(1, 4) - F(1, 1001), F(1, 4), F(1, 4) + F(1, 1001)):
        assert wide.contains(as_ball(theory.risk("zs_v", 10, 5, noise_variance=noise, pretrain_shots=20)))


def test_parallel_vectors_do_not_hide_in_a_ball():
    """Gram-Schmidt would divide by a ball around zero: one dimension, and a task along an eigenvector."""
    for sigma, task in (([[0.3]], [0.1]), (np.diag([0.3, 0.7]), [0.1, 0.0]), (np.diag([0.3, 0.3]), "unseen")):
        ball = theory.risk(
            "pretrained", 10**9, covariance=sigma, noise_variance=0.1, task=task, pretrain_shots=7, certify=True
        )
        assert ball.rad() <= ball.mid() * 2.0**-100


def test_precision_is_left_as_it_was():
    flint.ctx.prec = 77
    theory.risk("mixed", 3, 5, noise_variance=0.1, pretrain_shots=20, certify=True)
    assert flint.ctx.prec == 77


@pytest.mark.parametrize("name", ["noise_variance", "n_shots", "task"])
def test_numbers_without_an_exact_value_are_refused(name):
    import sympy

    for value in (sympy.Symbol("x", positive=True), mpmath.mpf(0.5)):
        arguments = {"n_shots": 3, "noise_variance": 0.1, name: value}
        if name == "n_shots" and isinstance(value, mpmath.mpf):
            arguments["n_shots"] = sympy.Symbol("n")
        with pytest.raises(ValueError, match=rf"{name} = .*certify"):
            theory.risk("zs_v", d=5, certify=True, **arguments)


def test_certify_is_true_or_false():
    for value in (1, "yes", None):
        with pytest.raises(TypeError, match=r"certify = .* must be True or False"):
            theory.risk("zs_v", 3, 5, certify=value)


def test_without_flint_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "flint", None)
    with pytest.raises(ImportError, match="needs python-flint, which is not installed: pip install python-flint"):
        theory.risk("zs_v", 3, 5, certify=True)
