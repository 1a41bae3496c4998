"""Speed of theory.risk as ratios to what the same work costs written by hand, measured in one run."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from fractions import Fraction

import numpy as np
import pytest

import theory
from theory.strategies import PUBLISHED

BLOCK = 1 << 14


def seconds(function, least=0.2, rounds=7):
    """The median over rounds of the time of one call, repeated within a round so that the clock's grain is lost."""
    function()
    start = time.perf_counter()
    function()
    once = time.perf_counter() - start
    repeats = max(1, int(least / rounds / max(once, 1e-9)))
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(repeats):
            function()
        times.append((time.perf_counter() - start) / repeats)
    return statistics.median(times)


def ratio_of(function, yardstick, **options):
    """The ratio of two times measured in turn, so that a busy machine slows both: the median of five such ratios."""
    return statistics.median(seconds(function, **options) / seconds(yardstick, **options) for _ in range(5))


def report(benchmark, name, ratio, allowed):
    benchmark.extra_info.update(ratio=round(ratio, 2), allowed=allowed)
    print(f"\n{name}: {ratio:.2f} times, at most {allowed} allowed")
    assert ratio <= allowed


# --- start-up -------------------------------------------------------------------------------------------------------


def test_start(benchmark):
    """python -c "import theory; theory.risk(...)" against python -c "import numpy"."""

    def run(code):
        subprocess.run([sys.executable, "-c", code], check=True)

    def ours():
        run("import theory; theory.risk('zs_v', 10, 5)")

    def numpy_alone():
        run("import numpy")

    ratio = ratio_of(ours, numpy_alone, least=1.0, rounds=5)
    benchmark.pedantic(ours, rounds=3)
    report(benchmark, "start against import numpy", ratio, 1.5)


# --- one number -----------------------------------------------------------------------------------------------------


def bare_zero_shot_value(n, d, sigma2, m):
    """R4 on the target as a person would write it: |theta_0| = 1, N = n + 1."""
    w = (m + 1) / (m + 1 + d + d * sigma2)
    alpha = 1 / (d + 4)
    eta2 = (w + alpha) ** 2
    cross = n * (w + alpha) + alpha * (d + 2)
    square = n * (n + 1 + d) * eta2 + w**2 * sigma2 * n * d + 2 * alpha * n * (d + 2) * (w + alpha)
    square = square + alpha**2 * (d + 2) * (d + 4)
    return 1 + sigma2 - 2 * cross / (n + 1) + square / (n + 1) ** 2


def test_scalar_call(benchmark):
    def ours():
        return theory.risk("zs_v", 10, 5, noise_variance=0.1, pretrain_shots=20)

    def bare():
        return bare_zero_shot_value(10, 5, 0.1, 20)

    assert ours() == pytest.approx(bare(), rel=1e-14)
    ratio = ratio_of(ours, bare)
    benchmark(ours)
    report(benchmark, "scalar call against the bare formula", ratio, 10)


# --- a million numbers ----------------------------------------------------------------------------------------------


def by_hand(n, sigma2, out):
    """The bare formula in NumPy over flat arrays, in chunks that stay in cache."""
    for start in range(0, out.size, BLOCK):
        piece = slice(start, start + BLOCK)
        out[piece] = bare_zero_shot_value(n[piece], 5, sigma2[piece], 20)
    return out


def by_hand_product(n, sigma2, out):
    """The same over a product grid, whole rows at a time."""
    rows = max(1, BLOCK // sigma2.size)
    for start in range(0, n.size, rows):
        piece = slice(start, start + rows)
        out[piece] = bare_zero_shot_value(n[piece, None], 5, sigma2, 20)
    return out


@pytest.mark.parametrize("shape", ["product", "pairs"])
def test_million_point_grid(benchmark, shape):
    n, sigma2 = np.arange(1000.0), np.linspace(0, 2, 1000)
    if shape == "product":
        arguments = (n[:, None], sigma2)

        def hand():
            return by_hand_product(n, sigma2, np.empty((1000, 1000)))
    else:
        arguments = tuple(x.ravel() for x in np.meshgrid(n, sigma2, indexing="ij"))

        def hand():
            return by_hand(*arguments, np.empty(10**6))

    def ours():
        return theory.risk("zs_v", arguments[0], 5, noise_variance=arguments[1], pretrain_shots=20)

    np.testing.assert_allclose(ours(), hand(), rtol=1e-12)
    ratio = ratio_of(ours, hand, least=0.3, rounds=5)
    benchmark.pedantic(ours, rounds=5)
    report(benchmark, f"grid of 1e6 points ({shape}) against NumPy by hand", ratio, 2)


# --- matrices -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", ["target", "unseen"])
@pytest.mark.parametrize("strategy", ["pretrained", "zero_shot_value"])
def test_dense_at_a_thousand_shot_counts(benchmark, strategy, task):
    """A covariance of size 1000 at 1,000 shot counts at once, against products of matrices of that size."""
    d = 1000
    rng = np.random.default_rng(1)
    root = rng.standard_normal((d, d)) / np.sqrt(d)
    sigma = root @ root.T + 0.5 * np.eye(d)
    shots = np.arange(1000)

    def ours():
        return theory.risk(strategy, shots, covariance=sigma, noise_variance=0.1, pretrain_shots=2000, task=task)

    def product():
        return sigma @ root

    assert ours().shape == (1000,)
    ratio = statistics.median(seconds(ours, rounds=1) / seconds(product, rounds=5) for _ in range(3))
    benchmark.pedantic(ours, rounds=1)
    report(benchmark, f"dense d = 1000 ({strategy}, {task}) in matrix products", ratio, 6)


@pytest.mark.parametrize("task", ["target", "unseen"])
@pytest.mark.parametrize("strategy", PUBLISHED)
def test_a_million_eigenvalues(benchmark, strategy, task):
    """A diagonal covariance at 1,000 shot counts at once, in seconds of CPU."""
    sigma, shots = np.arange(1, 10**6 + 1) ** -0.5, np.arange(1000)
    where = {"noise_variance": 0.1, "pretrain_shots": 20, "few_shot_shots": 20}

    def ours():
        return theory.risk(strategy, shots, covariance=sigma, task=task, **where)

    def cpu():
        start = time.process_time()
        ours()
        return time.process_time() - start

    benchmark.pedantic(ours, rounds=1)
    report(benchmark, f"d = 1e6, diagonal ({strategy}, {task}) against 1 s", min(cpu() for _ in range(3)), 1)


# --- heads ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("task", "allowed"), [("unseen", 8), ("target", 8)])  # on one task the 64 pairs of heads show
def test_eight_heads(benchmark, task, allowed):
    """A layer of 8 heads, d = 200, at 1,000 shot counts at once, against one of its heads."""
    d, shots, rng = 200, np.arange(1000), np.random.default_rng(1)
    root = rng.standard_normal((d, d)) / np.sqrt(d)
    v, Q = rng.standard_normal((8, d + 2)), rng.standard_normal((8, d + 2, d + 2)) / d

    def risk(*model):
        layer = theory.AttentionParameters(*model)
        return theory.risk(layer, shots, covariance=root @ root.T + np.eye(d), noise_variance=0.1, task=task)

    ratio = ratio_of(lambda: risk(v, Q), lambda: risk(v[0], Q[0]))
    benchmark.pedantic(lambda: risk(v, Q), rounds=5)
    report(benchmark, f"eight heads ({task}) against one", ratio, allowed)


# --- the fixed points themselves ------------------------------------------------------------------------------------


def test_all_fixed_points(benchmark):
    """All seven at d = 5, in milliseconds."""

    def ours():
        return [theory.fixed_point(name, 5, noise_variance=0.1, pretrain_shots=20).v for name in PUBLISHED]

    ours()
    benchmark(ours)
    report(benchmark, "all fixed points at d = 5 against 1 ms", seconds(ours) / 1e-3, 1)


# --- exact numbers ---------------------------------------------------------------------------------------------------


def test_fractions_beside_a_covariance(benchmark):
    """An exact risk with python-flint, against the same counted in Fractions."""
    pytest.importorskip("flint")
    covariance = [[Fraction(1, 1 + i + j) + 2 * (i == j) for j in range(5)] for i in range(5)]
    numbers = {"covariance": covariance, "noise_variance": Fraction(1, 10), "pretrain_shots": 20, "task": "unseen"}

    def by_flint():
        return theory.risk("mixed_value", 7, **numbers)

    def in_fractions():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("theory.one_world.FRACTIONS", None)
            return theory.risk("mixed_value", 7, **numbers)

    assert by_flint() == in_fractions()
    benchmark(by_flint)
    report(benchmark, "Fractions, d = 5", ratio_of(by_flint, in_fractions), 0.7)
