"""Simulation agrees with theory.risk over a declared list of cells, at one family-wise error rate; see cells.

Both ways of simulating, against each other and against the formula. Every comparison says how small a relative error
it would have caught, and none is allowed more than 1% (`pytest -rP` prints them).
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest
from cell_samples import Verdict, chunk_of, judge, law_draws, runs_of, sample, token_draws
from cells import (
    COMPARISONS,
    COVARIANCES,
    DETECTABLE,
    DIMENSIONS,
    FAMILY_LEVEL,
    FIRST_LEVEL,
    LAW_CELLS,
    LAYER_LAW_CELLS,
    LAYER_NORMALIZATIONS,
    LAYER_TOKEN_CELLS,
    LAYERS,
    MODELS,
    NORMALIZATIONS,
    RETEST,
    SECOND_LEVEL,
    SHOTS,
    STRATEGY_LAW_CELLS,
    STRATEGY_TOKEN_CELLS,
    TAIL_FACTOR,
    TASKS,
    TOKEN_CELLS,
    Cell,
    prepared,
)
from scipy.stats import binom, norm


def test_the_declared_list() -> None:
    """Each level of each factor meets each level of every other one; the levels multiply to one family-wise rate."""
    factors = {
        "model": MODELS, "d": DIMENSIONS, "n_shots": SHOTS, "task": TASKS, "covariance": COVARIANCES,
        "normalization": NORMALIZATIONS,
    }  # fmt: skip
    for one, other in combinations(factors, 2):
        met = Counter((getattr(cell, one), getattr(cell, other)) for cell in STRATEGY_LAW_CELLS)
        assert len(met) == len(factors[one]) * len(factors[other])
    for name, levels in factors.items():
        assert {getattr(cell, name) for cell in STRATEGY_TOKEN_CELLS} == set(levels)
    assert len(set(STRATEGY_LAW_CELLS)) == len(STRATEGY_LAW_CELLS) == 610
    assert len(set(STRATEGY_TOKEN_CELLS)) == len(STRATEGY_TOKEN_CELLS) == 85
    assert len(set(LAYER_LAW_CELLS)) == len(LAYER_LAW_CELLS) == 40
    assert len(set(LAYER_TOKEN_CELLS)) == len(LAYER_TOKEN_CELLS) == 12
    for layer in LAYERS:
        law = [cell for cell in LAYER_LAW_CELLS if cell.model == layer]
        assert {cell.task for cell in law} == set(TASKS)
        assert {cell.covariance for cell in law} == set(COVARIANCES)
        assert {cell.normalization for cell in law} == set(LAYER_NORMALIZATIONS)
    assert len({cell.seed for cell in (*LAW_CELLS, *TOKEN_CELLS)}) == len({*LAW_CELLS, *TOKEN_CELLS})
    assert pytest.approx(FAMILY_LEVEL) == FIRST_LEVEL * SECOND_LEVEL * TAIL_FACTOR * COMPARISONS


def assert_accepted(verdicts: dict[str, Verdict]) -> None:
    """No comparison is rejected; none was blind, and none relies on more than the room left for skewness."""
    worst = max(verdicts, key=lambda name: verdicts[name].detectable)
    factor = math.exp(max(verdict.tail_exponent for verdict in verdicts.values()))
    print(f"{len(verdicts)} comparisons: every relative error above {verdicts[worst].detectable:.2%} would be rejected")
    print(f"(the least sensitive: {worst}); largest tail factor {factor:.1f}")
    assert not [name for name, verdict in verdicts.items() if verdict.rejected]
    assert verdicts[worst].detectable < DETECTABLE
    assert all(math.exp(verdict.tail_exponent) <= TAIL_FACTOR for verdict in verdicts.values())


@pytest.mark.parametrize(("model", "d"), [*product(MODELS, DIMENSIONS), *product(LAYERS, (2, 5))])
def test_the_law_against_the_formula(model: str, d: int) -> None:
    cells = [cell for cell in LAW_CELLS if (cell.model, cell.d) == (model, d)]
    verdicts = {}
    for cell in cells:
        exact = prepared(cell)[2]
        verdicts[str(cell)] = judge(runs_of(cell)("law"), exact, exact)
    assert_accepted(verdicts)


@pytest.mark.parametrize(("model", "d"), [*product(MODELS, DIMENSIONS), *product(LAYERS, (2,))])
def test_the_tokens_against_the_law_and_the_formula(model: str, d: int) -> None:
    verdicts = {}
    for cell in (cell for cell in TOKEN_CELLS if (cell.model, cell.d) == (model, d)):
        exact, run = prepared(cell)[2], runs_of(cell)
        verdicts[f"{cell}, law"] = judge(run("tokens"), 0.0, exact)
        verdicts[f"{cell}, formula"] = judge(run("both"), exact, exact)
    assert_accepted(verdicts)


# --- is the rule what it says? ---------------------------------------------------------------------------------------

WIDEST = [
    Cell("dense", 5, 5, "vector", "random", "tokens"),
    Cell("zero_shot_value", 2, 20, "vector", "random", "shots"),
    Cell("mixed_value", 5, 1, "opposite", "power law", "tokens"),
    Cell("dense", 2, 200, "unseen", "random", "tokens"),
]


@pytest.mark.parametrize("cell", WIDEST, ids=str)
def test_a_formula_wrong_by_the_detectable_error_is_rejected(cell: Cell) -> None:
    """Through both stages, in either direction, by the error stated for the cell, which is the smallest promised."""
    exact = prepared(cell)[2]
    run = runs_of(cell)("law")
    right = judge(run, exact, exact)
    assert not right.rejected
    assert 0 < right.detectable < DETECTABLE
    for sign in (-1, 1):
        assert judge(run, exact * (1 + sign * right.detectable), exact).rejected


def test_wrong_formulas_are_rejected() -> None:
    """One shot too many; the other convention; the noise's standard deviation for its variance."""
    cell = Cell("mixed_value", 5, 20, "target", "random", "tokens")
    exact, run = prepared(cell)[2], runs_of(cell)("law")
    assert not judge(run, exact, exact).rejected
    shots = prepared(Cell("mixed_value", 5, 20, "target", "random", "shots"))[2]
    for wrong in (shots, exact - 0.2 + math.sqrt(0.2), exact * 21**2 / 22**2):
        assert judge(run, wrong, exact).rejected


@pytest.mark.parametrize(("way", "draws"), [("law", 100), ("tokens", 50)])
def test_the_rate_of_false_alarms(way: str, draws: int) -> None:
    """At 5%, where it can be counted: in smaller samples than the suite's, so with more skewness, not less.

    The count of alarms stays below the binomial's bound for a rate of 5% times the tail factor that the skewness of
    each cell allows, and above that for 2.5%: the test is neither blind nor loose.
    """
    alarms, bound, repeats = 0, 0.0, 200
    z = float(norm.isf(0.025))
    cells = [cell for cell in WIDEST if cell.n_shots <= 20]
    if way == "tokens":  # where directions of shots are left to chance
        cells = [replace(cell, d=2, n_shots=20) for cell in cells]
    for cell in cells:
        draw = law_draws(cell) if way == "law" else token_draws(cell)
        truth = prepared(cell)[2] if way == "law" else 0.0
        samples = [sample(draw, draws, chunk_of(cell, way), [cell.seed, 5, k]) for k in range(repeats)]
        alarms += sum(abs(s.mean - truth) > z * s.standard_error for s in samples)
        bound += repeats * 0.05 * math.exp(float(np.median([s.tail_exponent(z) for s in samples])))
    total = repeats * len(cells)
    print(f"{way}: {alarms / total:.1%} false alarms at 5%")
    assert alarms <= binom.isf(1e-4, total, bound / total)
    assert alarms >= binom.isf(1 - 1e-4, total, 0.025)


def test_the_retest_has_16_times_the_draws() -> None:
    asked = []

    def run(times: int) -> tuple[float, float, float]:
        asked.append(times)
        return 1.0, 1e-3 / math.sqrt(times), 0.0

    assert not judge(run, 1.0, 1.0).rejected
    assert asked == [1]
    assert judge(run, 1.01, 1.0).rejected
    assert asked == [1, 1, RETEST]
