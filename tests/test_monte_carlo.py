"""Simulation agrees with exact answers, its two methods with each other, and every executor with every other.

Squared errors are heavy-tailed, so the comparisons follow one policy. CELLS comparisons share a family-wise
error rate of 1e-6; each is two-sided, Z standard errors wide. Seeds are fixed, and a comparison that fails is
repeated once, with 16 times the prompts and a fresh seed, before it counts: a false alarm of heavy tails does
not survive that, a wrong formula does.
"""

from __future__ import annotations

import math
import multiprocessing
import tracemalloc
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from scipy import stats

from numerics.blocks import MAX_FLOATS, block_lengths, root_seed
from numerics.monte_carlo import Estimate, estimate, simulate
from numerics.prompts import Prompts, prompts_of
from numerics.simulators import (
    draw_form_sums,
    draw_product_sums,
    squared_errors_by_law,
    squared_errors_by_tokens,
    whiten,
)
from theory import AttentionParameters, PowerLaw, Setting, risk
from theory.proofs.enumeration import exact_average_risk, exact_layer_risk, exact_risk
from theory.strategies import PUBLISHED

CELLS = 300  # at least as many as this file compares
Z = float(stats.norm.isf(1e-6 / CELLS / 2))


def assert_agrees(run: Callable[[int, int], Estimate], exact: float, prompts: int) -> None:
    """`run(prompts, seed)` estimates `exact`, by the policy above."""
    rounding = 1e-13 * exact  # all that is left where zero-shot fine-tuning makes every error its mean
    first = run(prompts, 1)
    if abs(first.mean - exact) <= Z * first.standard_error + rounding:
        return
    second = run(16 * prompts, 2)
    assert abs(second.mean - exact) <= Z * second.standard_error + rounding, (
        f"{second.mean} +- {second.standard_error} is more than {Z:.1f} standard errors from {exact}"
    )


# --- the exact law ---------------------------------------------------------------------------------


PRODUCT = np.array([[0.0, 0.5], [0.5, 0.0]])


def cumulant(order: int, mean: np.ndarray, covariance: np.ndarray, A: np.ndarray = PRODUCT) -> float:
    """Cumulants of a quadratic form z'Az, by default the product a b of a normal pair, A = [[0, 1], [1, 0]] / 2.

    kappa_r = 2^(r-1) (r-1)! [tr (A C)^r + r mean' (A C)^(r-1) A mean].
    """
    AC = A @ covariance
    power = np.linalg.matrix_power(AC, order - 1)
    factor = 2 ** (order - 1) * math.factorial(order - 1)
    return float(factor * (np.trace(power @ AC) + order * mean @ power @ A @ mean))


PAIRS = {
    "central": ((0.0, 0.0), (1.0, 2.0, 0.7)),
    "noncentral": ((0.4, -1.1), (1.0, 2.0, -0.7)),
    "first is constant": ((0.4, -1.1), (0.0, 2.0, 0.0)),
    "second is constant": ((0.4, -1.1), (1.5, 0.0, 0.0)),
    "both are constant": ((0.4, -1.1), (0.0, 0.0, 0.0)),
    "proportional": ((0.4, -1.1), (1.0, 4.0, 2.0)),
    "opposite": ((0.4, -1.1), (1.0, 4.0, -2.0)),
}


def draw_sums(pair: str, n: int, size: int, seed: int) -> np.ndarray:
    (mean_a, mean_b), (variance_a, variance_b, covariance) = PAIRS[pair]
    columns = [np.full(size, x) for x in (mean_b, variance_a, variance_b, covariance)]
    return draw_product_sums(mean_a, *columns, n, np.random.default_rng(seed))


@pytest.mark.parametrize("n", [1, 2, 7, 1000])
@pytest.mark.parametrize("pair", PAIRS)
def test_product_sums_have_the_exact_moments(pair: str, n: int) -> None:
    """Mean, variance and third cumulant of a sum of n products, against n times those of one product."""
    mean, (variance_a, variance_b, covariance) = np.array(PAIRS[pair][0]), PAIRS[pair][1]
    matrix = np.array([[variance_a, covariance], [covariance, variance_b]])
    k1, k2, k3, k4, _, k6 = (n * cumulant(r, mean, matrix) for r in range(1, 7))
    assert_moments(draw_sums(pair, n, 400_000, seed=10), k1, k2, k3, k4, k6)


def assert_moments(sums: np.ndarray, k1: float, k2: float, k3: float, k4: float, k6: float) -> None:
    """The sample's first three cumulants are k1, k2, k3; k4 and k6 are behind how far they may be off."""
    centred = sums - sums.mean()
    # Sampling variances of the k-statistics, to leading order in 1 / size.
    for sample, exact, variance in (
        (sums.mean(), k1, k2),
        (np.mean(centred**2), k2, k4 + 2 * k2**2),
        (np.mean(centred**3), k3, k6 + 9 * k4 * k2 + 9 * k3**2 + 6 * k2**3),
    ):
        rounding = 1e-10 * (1 + abs(exact))
        assert abs(sample - exact) <= Z * math.sqrt(variance / len(sums)) + rounding


@pytest.mark.parametrize("n", [1, 2, 5])
@pytest.mark.parametrize("pair", ["central", "noncentral", "proportional", "first is constant"])
def test_product_sums_have_the_exact_distribution(pair: str, n: int) -> None:
    """Kolmogorov-Smirnov against sums of products drawn one by one: no moments, so no heavy tails."""
    mean, (variance_a, variance_b, covariance) = PAIRS[pair]
    matrix = [[variance_a, covariance], [covariance, variance_b]]
    size = 100_000
    pairs = np.random.default_rng(11).multivariate_normal(mean, matrix, (size, n))
    test = stats.ks_2samp(draw_sums(pair, n, size, seed=12), pairs.prod(axis=2).sum(axis=1))
    assert test.pvalue > 1e-6 / CELLS


def test_no_products_sum_to_zero() -> None:
    np.testing.assert_array_equal(draw_sums("noncentral", 0, 5, seed=0), np.zeros(5))


# --- dense models, against exact rational enumeration ------------------------------------------------

# Every entry alive and no symmetry; in the second model constants dominate, so that a shot's variance is mostly
# made of means.
EIGHTHS = {
    "alive": ((3, -2, 4, 7), ((2, -3, 1, 4), (-4, 5, 2, -1), (3, -2, 4, 3), (6, 1, -5, 2))),
    "constants": ((8, 0, 0, 8), ((-6, 0, 0, 8), (0, 2, 0, 0), (0, 0, 2, 0), (0, 0, 0, 0))),
}


def rational_model(name: str) -> tuple[list[Fraction], list[list[Fraction]]]:
    v, Q = EIGHTHS[name]
    return [Fraction(k, 8) for k in v], [[Fraction(k, 8) for k in row] for row in Q]


COVARIANCE = [[Fraction(1), Fraction(1, 4)], [Fraction(1, 4), Fraction(1, 2)]]
PRIOR = [[Fraction(1, 2), Fraction(-1, 4)], [Fraction(-1, 4), Fraction(1)]]
TASK = [Fraction(3, 4), Fraction(-1, 2)]
NOISE = Fraction(3, 10)


def floats(values: object) -> np.ndarray:
    return np.array(values, dtype=object).astype(np.float64)


@pytest.mark.parametrize("rao_blackwell", [True, False])
@pytest.mark.parametrize("method", ["law", "tokens"])
@pytest.mark.parametrize("normalization", ["tokens", "shots"])
@pytest.mark.parametrize(("name", "n_shots"), [("alive", 0), ("alive", 1), ("alive", 3), ("constants", 3)])
def test_a_dense_model_on_one_task(
    name: str, n_shots: int, normalization: str, method: str, rao_blackwell: bool
) -> None:
    v, Q = rational_model(name)
    exact = float(exact_risk(v, Q, COVARIANCE, TASK, NOISE, n_shots, normalization))

    def run(prompts: int, seed: int) -> Estimate:
        return estimate(
            AttentionParameters(floats(v), floats(Q)),
            n_shots,
            method=method,
            prompts=prompts,
            rao_blackwell=rao_blackwell,
            rng=seed,
            covariance=floats(COVARIANCE),
            task=floats(TASK),
            noise_variance=float(NOISE),
            normalization=normalization,
        )

    assert_agrees(run, exact, 100_000)


@pytest.mark.parametrize("prior", [None, PRIOR])
@pytest.mark.parametrize("method", ["law", "tokens"])
@pytest.mark.parametrize("n_shots", [0, 2])
def test_a_dense_model_on_unseen_tasks(n_shots: int, method: str, prior: list[list[Fraction]] | None) -> None:
    v, Q = rational_model("alive")
    exact = float(exact_average_risk(v, Q, COVARIANCE, NOISE, n_shots, prior))

    def run(prompts: int, seed: int) -> Estimate:
        return estimate(
            AttentionParameters(floats(v), floats(Q)),
            n_shots,
            method=method,
            prompts=prompts,
            rng=seed,
            covariance=floats(COVARIANCE),
            task_covariance=None if prior is None else floats(prior),
            task="unseen",
            noise_variance=float(NOISE),
        )

    assert_agrees(run, exact, 100_000)


@pytest.mark.parametrize("task", ["target", "unseen"])
@pytest.mark.parametrize("n_shots", [0, 1, 2, 6])
def test_the_two_methods_have_one_distribution(n_shots: int, task: str) -> None:
    """Kolmogorov-Smirnov on plain squared errors: the whole law, not its mean alone."""
    rng = np.random.default_rng(20)
    v, Q, root = rng.standard_normal(5), rng.standard_normal((5, 5)), rng.standard_normal((3, 3))
    prompts = prompts_of(
        Setting(d=3, covariance=root @ root.T, target=rng.standard_normal(3), noise_variance=0.4), task
    )
    size = 60_000
    model = AttentionParameters(v, Q)
    tokens = squared_errors_by_tokens(model, prompts, n_shots, size, False, np.random.default_rng(21))
    law = squared_errors_by_law(*whiten(model, prompts), n_shots, size, False, np.random.default_rng(22))
    assert stats.ks_2samp(law, tokens).pvalue > 1e-6 / CELLS


# --- several heads, a prompt, a skip, a masked query --------------------------------------------------

FORM_H = 3


def heads_pair(kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of (a, b) in R^6; "singular" has less rank than a and b have entries."""
    rng = np.random.default_rng(40)
    root = rng.standard_normal((2 * FORM_H, 2 if kind == "singular" else 2 * FORM_H)) / 2
    mean = np.zeros(2 * FORM_H) if kind == "central" else rng.standard_normal(2 * FORM_H)
    return mean, root @ root.T


def draw_heads(kind: str, n: int, size: int, seed: int) -> np.ndarray:
    mean, C = heads_pair(kind)
    H = FORM_H
    blocks = (np.broadcast_to(block, (size, H, H)) for block in (C[:H, :H], C[H:, H:], C[:H, H:]))
    means = np.broadcast_to(mean[H:], (size, H))
    return draw_form_sums(mean[:H], means, *blocks, n, np.random.default_rng(seed))


@pytest.mark.parametrize("n", [1, 2, 7, 1000])
@pytest.mark.parametrize("kind", ["central", "noncentral", "singular"])
def test_sums_over_heads_have_the_exact_moments(kind: str, n: int) -> None:
    mean, covariance = heads_pair(kind)
    A = np.kron([[0.0, 0.5], [0.5, 0.0]], np.eye(FORM_H))
    k1, k2, k3, k4, _, k6 = (n * cumulant(r, mean, covariance, A) for r in range(1, 7))
    assert_moments(draw_heads(kind, n, 60_000, seed=41), k1, k2, k3, k4, k6)


@pytest.mark.parametrize("n", [1, 2, 5])
@pytest.mark.parametrize("kind", ["noncentral", "singular"])
def test_sums_over_heads_have_the_exact_distribution(kind: str, n: int) -> None:
    mean, covariance = heads_pair(kind)
    size = 50_000
    drawn = np.random.default_rng(42).multivariate_normal(mean, covariance, (size, n))
    sums = (drawn[..., :FORM_H] * drawn[..., FORM_H:]).sum(axis=(1, 2))
    assert stats.ks_2samp(draw_heads(kind, n, size, seed=43), sums).pvalue > 1e-6 / CELLS


def rational_layer() -> dict[str, Any]:
    """Two heads of no symmetry, a prompt of two tokens and a skip."""
    (v, Q), other = rational_model("alive"), rational_model("constants")
    heads = [([x / 2 for x in v], Q), ([-2 * x for x in other[0]], other[1])]
    prompt = [[Fraction(k, 4) for k in token] for token in ((1, 2, -1, 3), (-2, 0, 1, 1))]
    return {"heads": heads, "prompt": prompt, "skip": [Fraction(1, 2), Fraction(-1, 4), Fraction(3, 4)]}


QUERY_COVARIANCE = [[Fraction(1), Fraction(-1, 2)], [Fraction(-1, 2), Fraction(3, 4)]]


@pytest.mark.parametrize("rao_blackwell", [True, False])
@pytest.mark.parametrize("method", ["law", "tokens"])
@pytest.mark.parametrize(("query", "normalization", "N"), [("attends", "tokens", 6), ("masked", 3.5, Fraction(7, 2))])
def test_a_layer_by_brute_force(query: str, normalization: Any, N: Any, method: str, rao_blackwell: bool) -> None:
    layer, n_shots = rational_layer(), 3
    exact = float(
        exact_layer_risk(
            layer["heads"], COVARIANCE, TASK, NOISE, n_shots, N, attends=query == "attends", prompt=layer["prompt"],
            skip=layer["skip"], query_covariance=QUERY_COVARIANCE,
        )
    )  # fmt: skip
    v, Q = zip(*layer["heads"], strict=True)
    model = AttentionParameters(floats(v), floats(Q), floats(layer["prompt"]), floats(layer["skip"]))

    def run(prompts: int, seed: int) -> Estimate:
        return estimate(
            model, n_shots, method=method, prompts=prompts, rao_blackwell=rao_blackwell, rng=seed,
            covariance=floats(COVARIANCE), task=floats(TASK), noise_variance=float(NOISE), normalization=normalization,
            query=query, query_covariance=floats(QUERY_COVARIANCE),
        )  # fmt: skip

    assert_agrees(run, exact, 100_000)


@pytest.mark.parametrize("n_shots", [1, 2, 6])
def test_the_two_methods_have_one_distribution_for_a_layer(n_shots: int) -> None:
    layer = rational_layer()
    v, Q = zip(*layer["heads"], strict=True)
    model = AttentionParameters(floats(v), floats(Q), floats(layer["prompt"]), floats(layer["skip"]))
    setting = Setting(covariance=floats(COVARIANCE), query_covariance=[2.0, 0.5], noise_variance=0.4)
    prompts, size = prompts_of(setting, "unseen"), 60_000
    tokens = squared_errors_by_tokens(model, prompts, n_shots, size, False, np.random.default_rng(44))
    law = squared_errors_by_law(*whiten(model, prompts), n_shots, size, False, np.random.default_rng(45))
    assert stats.ks_2samp(law, tokens).pvalue > 1e-6 / CELLS


def test_covariances_as_eigenvalues_families_and_of_low_rank() -> None:
    """The law of prompts has the covariances that the setting means."""
    setting = Setting(covariance=PowerLaw(1), d=3, task_covariance=[1, 0, 4], query_covariance=np.ones((3, 3)))
    prompts = prompts_of(setting, "unseen")
    for root, exact in (
        (prompts.root, np.diag([1, 1 / 2, 1 / 3])),
        (prompts.task_root, np.diag([1, 0, 4])),
        (prompts.query_root, np.ones((3, 3))),
    ):
        np.testing.assert_allclose(
            root @ root.T, exact, rtol=0, atol=1e-13
        )  # some ten roundings of entries up to 4, thirtyfold


def test_many_shots_in_chunks() -> None:
    """More shots than a block holds: the tokens method streams them, and the law does not mind."""
    n = 2 * MAX_FLOATS // 3 + 5  # d = 1 has three floats a token, so that one prompt takes two chunks and a rest
    model = AttentionParameters([0.1, 0.2, 1.0], [[0.1, 0.3, -0.2], [0.0, 0.8, 0.1], [0.0, 0.0, 0.0]])
    tokens = estimate(model, n, method="tokens", prompts=60, noise_variance=0.5, rng=1)
    law = estimate(model, n, prompts=60_000, noise_variance=0.5, rng=2)
    difference = abs(tokens.mean - law.mean)
    assert difference <= Z * math.hypot(tokens.standard_error, law.standard_error)
    assert tokens.standard_error < 0.2 * law.mean  # so that the comparison says something


# --- strategies, against theory.risk -----------------------------------------------------------------

OFFICIAL = {"d": 5, "noise_variance": 0.1, "pretrain_shots": 20}


@pytest.mark.parametrize("task", ["target", "opposite", "unseen", 0.3])
@pytest.mark.parametrize("strategy", PUBLISHED)
def test_strategies_by_the_law(strategy: str, task: str | float) -> None:
    for n in (0, 1, 20):
        exact = risk(strategy, n, task=task, **OFFICIAL)
        assert_agrees(
            lambda prompts, seed, n=n: estimate(strategy, n, task=task, prompts=prompts, rng=seed, **OFFICIAL),
            exact,
            20_000,
        )


@pytest.mark.parametrize("strategy", PUBLISHED)
def test_strategies_by_tokens(strategy: str) -> None:
    exact = risk(strategy, 10, **OFFICIAL)
    assert_agrees(
        lambda prompts, seed: estimate(strategy, 10, method="tokens", prompts=prompts, rng=seed, **OFFICIAL),
        exact,
        20_000,
    )


@pytest.mark.parametrize("task", ["unseen", [0.3, -1.0, 0.2]])
@pytest.mark.parametrize("strategy", PUBLISHED)
def test_strategies_with_covariances(strategy: str, task: str | list[float]) -> None:
    rng = np.random.default_rng(30)
    root = rng.standard_normal((3, 3))
    setting = Setting(
        covariance=root @ root.T / 3 + 0.3 * np.eye(3),
        task_covariance=np.diag([0.2, 0.5, 0.9]),
        target=rng.standard_normal(3),
        noise_variance=0.2,
        pretrain_shots=8,
        normalization="shots",
    )
    for n in (0, 1, 9):
        assert_agrees(
            lambda prompts, seed, n=n: estimate(strategy, n, task=task, prompts=prompts, rng=seed, setting=setting),
            risk(strategy, n, task=task, setting=setting),
            20_000,
        )


def test_a_wrong_answer_is_caught() -> None:
    """The smallest relative error that the comparison above would catch, and that it does catch it."""
    exact = risk("zero_shot_value", 20, **OFFICIAL)

    def run(prompts: int, seed: int) -> Estimate:
        return estimate("zero_shot_value", 20, prompts=prompts, rng=seed, **OFFICIAL)

    detectable = 2 * Z * run(20_000, 1).standard_error / exact
    print(f"smallest relative error caught in zero_shot_value at 20 shots: {detectable:.1e}")
    assert detectable < 0.1
    with pytest.raises(AssertionError, match="standard errors"):
        assert_agrees(run, exact * (1 + detectable), 20_000)


def test_rao_blackwell_lowers_the_error() -> None:
    for method, least in (("law", 1.2), ("tokens", 1.0)):
        plain, averaged = (
            estimate("pretrained", 10, method=method, rao_blackwell=flag, prompts=20_000, rng=3, **OFFICIAL)
            for flag in (False, True)
        )
        assert plain.standard_error > least * averaged.standard_error


# --- executors, seeds, cost ---------------------------------------------------------------------------

ONES = AttentionParameters(np.ones(4), np.ones((4, 4)))
UNSEEN = {"d": 30, "noise_variance": 0.1, "pretrain_shots": 20, "task": "unseen"}


def run_everything(executor: Executor | None) -> list[Estimate]:
    law = estimate("zero_shot_value", [0, 3, 20], prompts=20_000, rng=5, executor=executor, **UNSEEN)
    plain = estimate("zs", 3, prompts=9000, rao_blackwell=False, rng=5, executor=executor, **UNSEEN)
    tokens = estimate("zs_v", [0, 3], prompts=5000, method="tokens", rng=5, executor=executor, **UNSEEN)
    return [law, plain, tokens]


def assert_same_bits(first: list[Estimate], second: list[Estimate]) -> None:
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.mean, other.mean)
        np.testing.assert_array_equal(one.standard_error, other.standard_error)


@pytest.mark.parametrize("workers", [1, 3])
def test_threads_give_the_same_bits(workers: int) -> None:
    with ThreadPoolExecutor(workers) as executor:
        assert_same_bits(run_everything(executor), run_everything(None))


def test_processes_give_the_same_bits() -> None:
    # Not forked: a fork beside other threads warns from Python 3.12 on, and warnings are errors here.
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
        assert_same_bits(run_everything(executor), run_everything(None))


def test_dask_gives_the_same_bits() -> None:
    from distributed import Client

    with (
        Client(processes=False, n_workers=2, threads_per_worker=1, dashboard_address=None) as client,
        client.get_executor(pure=False) as executor,
    ):
        assert_same_bits(run_everything(executor), run_everything(None))


def test_seeds() -> None:
    def mean(rng: object) -> float:
        return float(estimate("pretrained", 3, prompts=100, rng=rng, **OFFICIAL).mean)

    seed = np.random.SeedSequence(7)
    assert mean(7) == mean(7) == mean(seed) == mean(seed) == mean(np.random.default_rng(7))
    assert mean(7) != mean(8)
    assert mean(None) != mean(None)
    generator = np.random.default_rng(7)
    assert mean(generator) != mean(generator)  # a Generator advances


def test_each_block_has_a_seed_of_its_own() -> None:
    children = root_seed(0).spawn(50)
    assert len({int(np.random.default_rng(child).integers(2**63)) for child in children}) == 50
    # The mean of two blocks is the mean of their parts: neither repeats the other.
    prompts = Prompts(np.eye(2), 0.1, task=np.ones(2))
    length = MAX_FLOATS // 4
    both, one = (simulate(ONES, prompts, [2], size, rng=0)[0] for size in (2 * length, length))
    assert both.mean != one.mean


def test_shot_counts_as_a_sequence() -> None:
    many = estimate("pretrained", [4, 2], prompts=500, rng=1, **OFFICIAL)
    assert np.shape(many.mean) == np.shape(many.standard_error) == (2,)
    first = estimate("pretrained", 4, prompts=500, rng=1, **OFFICIAL)
    assert many.mean[0] == first.mean
    assert isinstance(first.mean, float)
    assert first.prompts == many.prompts == 500
    assert estimate("pretrained", range(3), prompts=2, **OFFICIAL).mean.shape == (3,)


def test_standard_error_is_that_of_all_prompts() -> None:
    """Pooled over blocks, mean and standard error equal those of the blocks' prompts put together."""
    prompts = Prompts(np.eye(2), 0.1, task=np.ones(2))
    length = MAX_FLOATS // 4
    sizes = block_lengths(2 * length + 10, length)
    seeds = root_seed(3).spawn(1)[0].spawn(len(sizes))
    errors = np.concatenate(
        [
            squared_errors_by_law(*whiten(ONES, prompts), 2, size, True, np.random.default_rng(seed))
            for size, seed in zip(sizes, seeds, strict=True)
        ]
    )
    result = simulate(ONES, prompts, [2], 2 * length + 10, rng=3)[0]
    assert result.mean == pytest.approx(errors.mean(), rel=1e-13)
    assert result.standard_error == pytest.approx(stats.sem(errors), rel=1e-12)


@pytest.mark.parametrize(
    ("method", "n_shots", "prompts"), [("law", 10, 500_000), ("tokens", 10, 50_000), ("tokens", 200_000, 3)]
)
def test_memory_is_bounded(method: str, n_shots: int, prompts: int) -> None:
    """Neither more prompts nor more shots than a block holds need more memory than a dozen of its arrays."""
    tracemalloc.start()
    estimate("pretrained", n_shots, prompts=prompts, method=method, rng=0, **OFFICIAL)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 * 8 * MAX_FLOATS


class Counting(np.random.Generator):
    """Counts the numbers that it draws."""

    drawn = 0

    def standard_normal(self, size: Any = None, *rest: Any) -> Any:  # type: ignore[override]
        Counting.drawn += math.prod(np.atleast_1d(size))
        return super().standard_normal(size, *rest)

    def standard_gamma(self, shape: Any, size: Any = None, *rest: Any) -> Any:  # type: ignore[override]
        Counting.drawn += math.prod(np.atleast_1d(size))
        return super().standard_gamma(shape, size, *rest)


def test_cost_of_the_law_is_free_of_the_shots(monkeypatch: pytest.MonkeyPatch) -> None:
    """In random numbers, as a time would depend on what else the machine does; benchmarks/ measures times."""
    monkeypatch.setattr(np.random, "default_rng", lambda seed: Counting(np.random.PCG64(seed)))

    def drawn(n: int, method: str) -> int:
        Counting.drawn = 0
        estimate("zs_v", n, 20, rao_blackwell=False, prompts=50, method=method, rng=0)
        return Counting.drawn

    assert drawn(10_000, "law") == drawn(10, "law") > 50 * 20  # more than the queries' inputs
    assert drawn(1000, "tokens") > 50 * 1000 * 20


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"model": "zero"}, ValueError, "zero"),
        ({"model": 3}, TypeError, "AttentionParameters"),
        ({"model": "mixed", "noise_variance": 0}, ValueError, "mixed"),
        ({"model": AttentionParameters(np.ones(4), np.eye(4))}, ValueError, "model"),
        ({"n_shots": -1}, ValueError, "n_shots"),
        ({"n_shots": 2.5}, ValueError, "n_shots"),
        ({"n_shots": [1, -1]}, ValueError, "n_shots"),
        ({"n_shots": math.inf}, ValueError, "n_shots"),
        ({"method": "exact"}, ValueError, "method"),
        ({"prompts": 1}, ValueError, "prompts"),
        ({"prompts": [5, 6]}, ValueError, "prompts"),
        ({"rng": "seed"}, TypeError, "rng"),
        ({"rng": -1}, ValueError, "rng"),
        ({"task": "other"}, ValueError, "task"),
        ({"task": 1.5}, ValueError, "task"),
        ({"task": [1.0, 2.0]}, ValueError, "task"),
        ({"task": 0.5, "covariance": 2 * np.eye(5)}, ValueError, "task"),
        ({"d": 1, "task": 0.5}, ValueError, "task"),
        ({"noise_variance": np.array([0.1, 0.2])}, TypeError, "noise_variance"),
        ({"noise_variance": -0.1}, ValueError, "noise_variance"),
        ({"normalization": "none"}, ValueError, "normalization"),
    ],
)
def test_bad_arguments(arguments: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        estimate(**{"model": "pretrained", "n_shots": 2, "prompts": 10, **OFFICIAL, **arguments})
