"""Floats against exact arithmetic, over the whole range of dimensions, shots and noise.

The reference is the same call on the same numbers as Fractions, and for the two strategies that hold square roots as
mpmath numbers of 60 digits (which a comparison with the exact algebraic numbers backs). What is measured is rounding
alone: that the formula is right is tested elsewhere. Each test prints its worst point; run with ``-rP`` to read it.
"""

from __future__ import annotations

import math
import random
from fractions import Fraction as F

import mpmath
import numpy as np
import pytest
import sympy
from strategies_for_tests import NORMALIZATIONS, RATIONAL_STRATEGIES, STRATEGIES, rational_array, rational_covariance

import theory

POINTS = 1000  # for each strategy
# A shot's bias is a difference, off by a few 1e-16 of the truth; beside it stands V/n, so that a risk is off by about
# 1e-16 sqrt(n) relative to itself: what is promised is 1e-13 up to a million dimensions and shots, and 1e-9 beyond.
ALLOWED, ALLOWED_BEYOND = 1e-13, 1e-9
MANY = 10**6


def exactly(x, strategy):
    """A float or int as a Fraction, or as an mpmath number where the strategy takes square roots."""
    return F(x) if strategy in RATIONAL_STRATEGIES else mpmath.mpf(x)


def error_at(strategy, n, d, point):
    """Relative error of the float risk, and its exact value."""
    found = theory.risk(strategy, n, d, **point)
    reals = ("noise_variance", "few_shot_weight", "value_scale", "task")
    exact = {
        name: exactly(value, strategy) if name in reals and not isinstance(value, str) else value
        for name, value in point.items()
    }
    with mpmath.workdps(60):
        expected = theory.risk(strategy, n, d, **exact)
        assert type(found) is float
        assert isinstance(expected, mpmath.mpf | F) or expected in (0, math.inf)
        if found == expected:
            return 0.0
        return float(abs(mpmath.mpf(found) - as_mpf(expected)) / as_mpf(expected))


def as_mpf(x):
    return mpmath.mpf(x.numerator) / x.denominator if isinstance(x, F) else mpmath.mpf(x)


def log_uniform(rng, low, high):
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def whole(rng, high):
    return min(int(log_uniform(rng, 1, high + 1)), high)


def random_point(rng, strategy):
    """(n, d, the rest), with the ends of each range drawn often."""
    d = rng.choice([1, 2, 10**6, *(whole(rng, 10**6) for _ in range(6))])
    n = rng.choice([0, 1, 10**12, *(whole(rng, 10**12) for _ in range(6))])
    shots = [1, 2, 10**9, *(whole(rng, 10**9) for _ in range(6))]
    point = {
        "noise_variance": rng.choice([0, 1e-12, 1e6, *(log_uniform(rng, 1e-13, 1e6) for _ in range(6))]),
        "pretrain_shots": rng.choice([math.inf, *shots]),
        "few_shot_shots": rng.choice(shots),
        "value_scale": rng.choice(["balanced", log_uniform(rng, 1e-3, 1e3)]),
        "normalization": rng.choice(NORMALIZATIONS),
    }
    cosines = [rng.uniform(-1, 1), rng.choice([-1, 1]) * (1 - log_uniform(rng, 1e-15, 1))] if d > 1 else [-1.0, 1.0]
    point["task"] = rng.choice(["target", "opposite", "unseen", rng.choice(cosines)])
    if strategy == "mixed_value":
        point["few_shot_weight"] = rng.choice([0, log_uniform(rng, 1e-9, 1e9)])
    return n, d, point


def assert_accurate(strategy, points):
    """Every point within what is promised for its size; the worst of both sizes are printed."""
    worst = {}
    for n, d, point in points:
        counts = (n, d, point["few_shot_shots"], *({point["pretrain_shots"]} - {math.inf}))
        allowed = ALLOWED if max(counts) <= MANY else ALLOWED_BEYOND
        found = error_at(strategy, n, d, point)
        assert found <= allowed, (strategy, found, n, d, point)
        worst[allowed] = max(worst.get(allowed, (0,)), (found, n, d, str(point)))
    for allowed, found in worst.items():
        print(
            f"{strategy}: worst relative error {found[0]:.2e} of {allowed:g} at n = {found[1]}, d = {found[2]}, {found[3]}"
        )


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_random_points(strategy):
    rng = random.Random(f"accuracy of {strategy}")
    assert_accurate(strategy, [random_point(rng, strategy) for _ in range(POINTS)])


def near_cancelling_points():
    """Where 1 - w~ - alpha, the bias that each shot leaves on the target, is zero or nearly.

    For `zero_shot_value` it has the sign of (d + 3) r - 1 with r = d (1 + sigma^2)/(m + 1) ("tokens"): m + 1 close
    to d (d + 3) makes it small, and only a large n without noise lets it be seen beside the variance.
    """
    for d in (1, 2, 3, 7, 20, 30, 50, 70, 100, 300, 1000, 10**4):
        for step in (-2, -1, 0, 1, 2):
            m = d * (d + 3) - 1 + step
            for noise in (0, 1e-15, 1e-12, 1e-9):
                for n in (1, 10**3, 10**9, 10**12):
                    for task in ("target", 1 - 1e-9, 1 - 1e-5) if d > 1 else ("target",):
                        for normalization in NORMALIZATIONS:
                            point = {"noise_variance": noise, "pretrain_shots": m, "few_shot_shots": m}
                            if m >= 1:
                                yield n, d, {**point, "task": task, "normalization": normalization}


@pytest.mark.parametrize("strategy", ["pretrained", "zero_shot_value", "mixed_value"])
def test_near_cancelling_points(strategy):
    points = random.Random(strategy).sample(list(near_cancelling_points()), 1500)
    assert_accurate(strategy, points)


def test_recitation_of_the_opposite_task_without_noise():
    """`mixed_kq` at zero noise keeps a B whose answer to -theta_0 is nearly right where its start's was."""
    rng = random.Random(5)
    points = [
        (whole(rng, 10**12), whole(rng, 10**6), {
            "noise_variance": 0, "pretrain_shots": rng.choice([math.inf, whole(rng, 10**9)]),
            "few_shot_shots": whole(rng, 10**9), "normalization": rng.choice(NORMALIZATIONS),
            "task": rng.choice(["opposite", "unseen"]),
        })
        for _ in range(1000)
    ]  # fmt: skip
    points += [(n, 1, {**point, "task": task}) for n, _, point in points[:300] for task in ("opposite", "unseen")]
    assert_accurate("mixed_kq", points)


@pytest.mark.parametrize("strategy", ["zero_shot", "mixed"])
def test_sixty_digits_against_algebraic_numbers(strategy):
    """The reference itself: the exact answer, an algebraic number that sympy evaluates, by the form without balls."""
    rng = random.Random(strategy)
    for _ in range(25):
        n, d, m = rng.randint(0, 40), rng.randint(1, 9), rng.randint(2, 30)
        noise, normalization = F(rng.randint(1, 9), rng.randint(1, 9)), rng.choice(NORMALIZATIONS)
        task = rng.choice(["target", "opposite", "unseen"])
        others = {"pretrain_shots": m, "task": task, "normalization": normalization}
        with mpmath.workdps(60):
            number = theory.risk(
                strategy, n, d, noise_variance=mpmath.mpf(noise.numerator) / noise.denominator, **others
            )
            exact = theory.risk(strategy, n, d, noise_variance=noise, **others)
            exact = exact if isinstance(exact, F) else sympy.sympify(exact).evalf(60)
            assert abs(number - as_mpf(F(str(exact)) if isinstance(exact, sympy.Expr) else exact)) < 1e-55 * number


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_with_matrices(strategy):
    """The bias I - wB Sigma is a difference here, off by the condition number times a few 1e-16.

    That is relative to 1, and the risk is at least V/n with V >= 1: so the relative error grows as sqrt(n).
    """
    rng = random.Random(f"dense {strategy}")
    worst = 0.0
    for _ in range(6):
        d = rng.randint(1, 3)
        sigma, psi, target, theta = (
            rational_covariance(rng, d), rational_covariance(rng, d), rational_array(rng, d), rational_array(rng, d),
        )  # fmt: skip
        sigma, psi = sigma.astype(float), psi.astype(float)
        while np.linalg.cond(sigma) * np.linalg.cond(psi) > 1e3:
            sigma, psi = (x + np.diag(np.diag(x)) for x in (sigma, psi))
        arrays = {"covariance": sigma, "task_covariance": psi, "target": target.astype(float)}
        noise = log_uniform(rng, 1e-9, 1e3)
        others = {"pretrain_shots": whole(rng, 10**6), "few_shot_shots": 1 + whole(rng, 10**6)}
        others["normalization"] = rng.choice(NORMALIZATIONS)
        for n in (0, 1, whole(rng, 10**6)):
            for task in ("target", "opposite", "unseen", theta.astype(float)):
                found = theory.risk(strategy, n, noise_variance=noise, task=task, **arrays, **others)
                lifted = {name: np.vectorize(F, otypes=[object])(x) for name, x in arrays.items()}
                task = task if isinstance(task, str) else np.vectorize(F, otypes=[object])(task)
                with mpmath.workdps(60):
                    expected = theory.risk(
                        strategy, n, noise_variance=exactly(noise, strategy), task=task, **lifted, **others
                    )
                    error = float(abs(mpmath.mpf(found) - as_mpf(expected)) / as_mpf(expected))
                    assert error <= ALLOWED + 1e-15 * np.linalg.cond(sigma) * np.linalg.cond(psi) * math.sqrt(n)
                    worst = max(worst, error)
    print(f"{strategy}, dense: worst relative error {worst:.2e}")


def test_large_weights_beside_matrices():
    """No digits go in proportion to lambda: the worst of some hundred such points is 3e-13, a thirtieth of what is allowed."""
    rng = random.Random(8)
    for _ in range(6):
        d = rng.randint(1, 3)
        sigma, psi = (np.diag(np.diag(x)) + (x - np.diag(np.diag(x))) / 8 for x in (rational_covariance(rng, d),) * 2)
        arrays = {"covariance": sigma, "task_covariance": psi, "target": rational_array(rng, d)}
        floats = {name: x.astype(float) for name, x in arrays.items()}
        lifted = {name: np.vectorize(F, otypes=[object])(x) for name, x in floats.items()}
        others = {"pretrain_shots": whole(rng, 1000), "few_shot_shots": whole(rng, 1000)}
        noise = rng.choice([0.0, log_uniform(rng, 1e-6, 1e3)])
        for weight in (1e6, 1e12, 1e50):
            for n in (0, 1000):
                found = theory.risk("mixed_value", n, noise_variance=noise, few_shot_weight=weight, **floats, **others)
                exact = {"noise_variance": F(noise), "few_shot_weight": F(weight)}
                expected = theory.risk("mixed_value", n, **exact, **lifted, **others)
                assert abs(F(found) - expected) <= F(1, 10**11) * expected
