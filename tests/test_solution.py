"""numerics.solve: the end of any practice, by its law or by its flow; numbers found elsewhere, and a dense descent."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import theory
from numerics import Term, flow, gradient, solve
from theory import Strategy

SETTING = theory.OFFICIAL
EXACT = 1e-8  # half a digit of those given, and a flow's end is right to 1e-11


def risks(model):
    on_target = [theory.risk(model, n, setting=SETTING) for n in (0, 20)]
    return on_target[0] - 0.1, theory.risk(model, 20, setting=SETTING, task="unseen"), on_target[1]


@pytest.mark.parametrize(
    ("strategy", "excess", "unseen", "target"),
    [
        (Strategy("all", replay=1), 0.192368, 0.36396379, 0.39211589),
        (Strategy("all", replay=0.2), 0.111846, 0.60548024, 0.74007529),
        (Strategy("all", pull=1), 0.22001262, 0.36807125, None),
        (Strategy("all", pull=0.1), 0.19233974, 0.38250034, None),
        (Strategy("all_but_q"), 0.22222222, 0.36951200, 0.34987914),
        (Strategy("all", time=5), 0.1925, 0.3812, None),
        (Strategy(("v_x", "q"), time=10), 0.1734, 0.4102, None),
    ],
)
def test_practices_without_a_law(strategy, excess, unseen, target):
    """R18, R20, R22, R23: numbers found elsewhere, to the digits given."""
    found = risks(solve(strategy, SETTING))
    assert found[0] == pytest.approx(excess, abs=6e-5 if strategy.time is not math.inf else 6e-7)
    assert found[1] == pytest.approx(unseen, abs=6e-5 if strategy.time is not math.inf else EXACT)
    assert target is None or found[2] == pytest.approx(target, abs=EXACT)


PARTS = {
    ("v_x", "q", "p"): [[0, 1, 1, 0, 0], [1, 0, 0, 0, 0], [1, 0, 0, 0, 0], [1, 0, 0, 0, 0], [0, 0, 0, 0, 0]],
    ("w", "r", "B"): [[0, 0, 0, 1, 0], [0, 1, 1, 1, 0], [0, 1, 1, 0, 0], [0, 1, 1, 0, 0], [0, 0, 0, 0, 0]],
}


@pytest.mark.parametrize("trains", [("v_x", "q", "p"), ("w", "r", "B")])
def test_entries_of_both_with_a_pull_flow_as_a_dense_integrator_says(trains):
    """From a start without any symmetry, by scipy on all the entries and a mask; no subspace is known to it."""
    setting = theory.Setting(
        covariance=[[1.0, 0.3], [0.3, 0.5]], target=[1.0, -0.5], noise_variance=0.2, pretrain_shots=3
    )
    rng = np.random.default_rng(1)
    start = theory.AttentionParameters(rng.normal(size=4) / 2, rng.normal(size=(4, 4)) / 2)
    rows = PARTS[trains]
    mask = np.concatenate([rows[0][:4], *(row[:4] for row in rows[1:])]).astype(float)
    origin = np.concatenate([start.v, start.Q.ravel()])
    loss = (Term(1.0, 0, np.array([1.0, -0.5])), Term(0.7, 3, None))

    def velocity(_, y):
        slope = gradient(theory.AttentionParameters(y[:4], y[4:].reshape(4, 4)), setting, loss)
        return -mask * (np.concatenate([slope.v, slope.Q.ravel()]) + 2 * 0.05 * (y - origin))

    expected = solve_ivp(velocity, (0, 0.2), origin, rtol=1e-8, atol=1e-10).y[:, -1]
    end = flow(Strategy(trains, replay=0.7, pull=0.05), setting, [0.2], start=start).end
    np.testing.assert_allclose(end.v, expected[:4], atol=1e-5)  # of solve_ivp's 1e-8 a step
    np.testing.assert_allclose(end.Q, expected[4:].reshape(4, 4), atol=1e-5)


@pytest.mark.parametrize("trains", ["value", ("v_x", "w"), "key_query", ("q", "B")])
@pytest.mark.parametrize("pull", [0, 0.3])
def test_the_flow_ends_at_the_block_law(trains, pull):
    setting = SETTING.replace(d=3, value_scale=1.3)
    strategy = Strategy(trains, few_shot=0.5, replay=0.2, pull=pull)
    law, end = theory.fixed_point(strategy, setting=setting), flow(strategy, setting, until="converged").end
    np.testing.assert_allclose(end.v, law.v, atol=1e-9)  # a flow's end is right to 1e-11 of its size
    np.testing.assert_allclose(end.Q, law.Q, atol=1e-9)


def test_a_law_is_taken_where_there_is_one():
    exact = solve("pretrained", SETTING.replace(noise_variance=Fraction(1, 10), value_scale=1))
    assert exact.isotropic.beta == Fraction(42, 53)
    timed = solve(Strategy("value", time=0.02), SETTING)
    np.testing.assert_allclose(timed.v, flow("zero_shot_value", SETTING, [0.02]).end.v, atol=1e-12)


def test_what_no_loss_sees_stays():
    path = flow(Strategy(("w", "b")), SETTING, [1.0], until="converged")
    assert path.end == theory.AttentionParameters(path.v[0], path.Q[0])


def test_what_is_not_solved_says_so():
    with pytest.raises(ValueError, match="few_shot_weight = 0"):
        solve(Strategy("all", few_shot="setting", pull=1), SETTING)
    with pytest.raises(ValueError, match=r"few_shot_weight = 0 .*entries of v and of Q"):
        solve(Strategy("all_but_q", few_shot="setting"), SETTING)
