"""Benchmarks of numerics: what a simulated prompt costs, and what a risk curve of given accuracy costs by each way.

Run ``pytest benchmarks/bench_numerics.py -s``. Ratios are of processor times measured in turn within one run, the
least of several turns each, because other work may share the machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

import theory
from numerics import estimate, grid

OFFICIAL: dict[str, Any] = {"d": 5, "noise_variance": 0.1, "pretrain_shots": 20}


def least_seconds(*calls: Callable[[], object], turns: int = 5) -> list[float]:
    """Processor seconds of each call, the least over turns in which all of them run."""

    def seconds(call: Callable[[], object]) -> float:
        start = time.process_time()
        call()
        return time.process_time() - start

    return [min(times) for times in zip(*([seconds(call) for call in calls] for _ in range(turns)), strict=True)]


def simulate(n: int, method: Any, prompts: int, d: int = 20) -> Callable[[], object]:
    return lambda: estimate(
        "zero_shot_value", n, d, method=method, prompts=prompts, rao_blackwell=False, noise_variance=0.1, rng=0
    )


def test_the_law_costs_the_same_at_any_number_of_shots(benchmark: Any) -> None:
    few, many = least_seconds(simulate(10, "law", 100_000), simulate(10_000, "law", 100_000), turns=9)
    print(f"\nlaw, d = 20: {few * 10:.2f} us a prompt at n = 10; n = 10,000 costs {many / few:.2f} times that")
    benchmark.pedantic(simulate(10_000, "law", 100_000), rounds=3)
    assert many <= 1.2 * few


def test_the_law_is_100_times_cheaper_than_tokens_at_1000_shots(benchmark: Any) -> None:
    law, tokens = least_seconds(simulate(1000, "law", 100_000), simulate(1000, "tokens", 500), turns=3)
    ratio = (tokens / 500) / (law / 100_000)
    print(f"\nd = 20, n = 1000: tokens cost {ratio:.0f} times what the law costs")
    benchmark.pedantic(simulate(1000, "law", 100_000), rounds=3)
    assert ratio >= 100


def test_a_risk_curve_of_given_accuracy(benchmark: Any) -> None:
    """41 shot counts at d = 5 to 1% standard error; simulation's time is scaled from its measured variance."""
    shots, accuracy, pilot = np.arange(41), 0.01, 4000

    def closed() -> object:
        return theory.risk("zero_shot_value", shots, **OFFICIAL)

    exact = np.asarray(closed())
    seconds = {"closed form": least_seconds(lambda: [closed() for _ in range(100)])[0] / 100}
    ways: dict[str, dict[str, Any]] = {
        "law, averaged over shots": {"method": "law"},
        "law, plain squared errors": {"method": "law", "rao_blackwell": False},
        "tokens": {"method": "tokens"},
    }
    for name, way in ways.items():
        errors = np.asarray(
            estimate("zero_shot_value", shots, prompts=20 * pilot, rng=1, **way, **OFFICIAL).standard_error
        )
        prompts = 20 * pilot * (errors / exact / accuracy) ** 2  # for each shot count
        costs = least_seconds(
            *(
                lambda n=n, way=way: estimate("zero_shot_value", n, prompts=pilot, rng=2, **way, **OFFICIAL)
                for n in (0, 40)
            ),
            turns=3,
        )
        per_prompt = np.interp(shots, [0, 40], np.array(costs) / pilot)
        seconds[name] = float(prompts @ per_prompt)
    print("\na risk curve, 41 shot counts at d = 5, to 1% (the closed form to rounding):")
    for name, value in seconds.items():
        print(f"  {name:26} {value * 1e3:10.3f} ms  {value / seconds['closed form']:10.0f} times")
    benchmark(closed)
    assert seconds["closed form"] < min(value for name, value in seconds.items() if name != "closed form")


def test_a_sweep_of_a_million_points(benchmark: Any) -> None:
    shots, dimensions = np.arange(1000), np.arange(1, 1001)

    def sweep() -> object:
        return grid("zero_shot_value", shots, dimensions, noise_variance=0.1, pretrain_shots=20, progress=False)

    def bare() -> object:
        return theory.risk("zero_shot_value", shots, dimensions[:, None], noise_variance=0.1, pretrain_shots=20)

    whole, formula = least_seconds(sweep, bare, turns=3)
    print(f"\n1e6 points: {formula * 1e3:.0f} ms in theory.risk, {whole * 1e3:.0f} ms with the table's 13 columns")
    benchmark.pedantic(sweep, rounds=1)


def test_dense_at_1000_shot_counts(benchmark: Any) -> None:
    """d = 1000, one covariance: all shot counts for little more than one."""
    sigma = np.diag(np.arange(1.0, 1001) ** -1)

    def call(shots: Any) -> Callable[[], object]:
        return lambda: grid("mixed_value", shots, covariance=sigma, pretrain_shots=20, progress=False)

    one, thousand = least_seconds(call(10), call(range(1000)), turns=2)
    print(f"\nd = 1000: one shot count {one:.2f} s; 1,000 of them {thousand / one:.2f} times that")
    benchmark.pedantic(call(range(1000)), rounds=1)
    assert thousand <= 1.5 * one
