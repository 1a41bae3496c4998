"""A new head with the auxiliary few-shot loss: known numbers, certificates in all entries, the flow at small weights, R14's proof."""

import math

import numpy as np
import pytest
from mutants import assert_refuted

import theory
from numerics import flow, gradient, hessian, new_head_minima, solve
from numerics.integrator import NoConvergence
from numerics.objectives import few_shot_objective
from theory import AttentionParameters, NoClosedForm, Strategy, contractions, predictions, risk
from theory.proofs import r14_new_head_few_shot

OFFICIAL = theory.OFFICIAL
MIXED = Strategy("new_head", few_shot="setting")
SMALL = OFFICIAL.replace(d=2, target=[1.5, -0.5], pretrain_shots=6)
LINE = OFFICIAL.replace(d=1, target=[1.5], pretrain_shots=6)


def test_the_numbers_known_beforehand():
    """From an evaluator that shares no code with this, to eight digits."""
    kept, other = new_head_minima(OFFICIAL)
    assert kept.reached > other.reached
    found = [kept.W, kept.D, kept.loss, other.W, other.D, other.loss]
    assert found == pytest.approx([-0.69956533, 0.40371484, 0.32112588, -1.01772, -0.93176, 0.31259630], abs=5e-6)
    assert found[:3] == pytest.approx([-0.69956533, 0.40371484, 0.32112588], abs=6e-9)
    unseen = risk(solve(MIXED, OFFICIAL), [1, 5, 20, 100], setting=OFFICIAL, task="unseen")
    assert unseen == pytest.approx([2.25696753, 1.15313265, 0.52460879, 0.29974830], abs=1.1e-8)
    assert abs(risk(kept.model, math.inf, setting=OFFICIAL, task="unseen") - 0.23867125) < 1.1e-8
    assert risk(kept.model, 0, setting=OFFICIAL) == pytest.approx(0.1, abs=1e-14)
    assert risk(kept.model, 20, setting=OFFICIAL) == pytest.approx(kept.loss, rel=1e-13)


@pytest.mark.parametrize("setting", [SMALL, SMALL.replace(d=3, target=None, normalization="shots")])
def test_it_is_a_minimum_in_all_entries(setting):
    """No slope of the few-shot loss along what the zero-shot loss leaves flat to second order; that has none at all."""
    found = new_head_minima(setting)[0]
    size = setting.d + 2
    new = np.r_[size : 2 * size, 2 * size + size**2 : 2 * size + 2 * size**2]  # all of v, then all of Q
    values, modes = np.linalg.eigh(hessian(found.model, setting, "zero_shot")[np.ix_(new, new)])
    flat = modes[:, np.abs(values) < 1e-9 * values[-1]]
    slopes = []
    for loss in ("zero_shot", few_shot_objective(setting)):
        slope = gradient(found.model, setting, loss)
        slopes.append(np.concatenate([slope.v[1], slope.Q[1].ravel()]))
    # Rounding of sums of some ten terms of size one: 1e-15 was seen, and the slope across is 0.1 and more.
    assert np.abs(slopes[0]).max() < 1e-12
    assert np.abs(flat.T @ slopes[1]).max() < 1e-12 < 1e-2 < np.abs(slopes[1]).max()
    assert found.slope < 1e-12 < found.curvature


def test_flow_with_a_small_weight_ends_near_it():
    """The flow of the whole head from R13's point: 1e-3 moves its end by some 1e-2, and the other minimum is 1 away."""
    minima = new_head_minima(LINE)
    start = theory.fixed_point("new_head", setting=LINE)
    path = flow(Strategy("all", few_shot=1e-3), LINE, start=start, freeze=[0], until="converged")
    gaps = [np.abs(path.end.v[1] - x.model.v[1]).max() + np.abs(path.end.Q[1] - x.model.Q[1]).max() for x in minima]
    assert len(gaps) == 2
    assert gaps[0] < 0.03 < 1 < gaps[1]


def test_what_has_no_law_names_what_works():
    with pytest.raises(NoClosedForm, match=r"numerics\.solve\(strategy, setting\)"):
        risk(MIXED, 3, setting=OFFICIAL)
    assert solve(MIXED, OFFICIAL) == new_head_minima(OFFICIAL)[0].model
    strategy = Strategy("new_head", few_shot=0.5)
    for failing in (risk, lambda *a, setting: solve(a[0], setting)):
        with pytest.raises(NoClosedForm, match=r"numerics\.flow\(strategy of all"):
            failing(strategy, 3, setting=SMALL)
    layer = theory.fixed_point("pretrained", setting=SMALL)
    v, Q = np.zeros((2, 4)), np.zeros((2, 4, 4))
    v[0], Q[0], v[1, 1], Q[1, 0, 0] = layer.v, layer.Q, 0.1, 0.1
    small = AttentionParameters(v, Q)
    path = flow(Strategy("all", few_shot=0.5), SMALL, [5.0], start=small, freeze=[0])  # the call that is named
    assert path.loss[-1] < 1.5 * SMALL.noise_variance + 1
    with pytest.raises(NoConvergence, match="no local minimum"):
        solve(MIXED, OFFICIAL.replace(noise_variance=0.0))
    with pytest.raises(ValueError, match="without a covariance"):
        solve(MIXED, SMALL.replace(covariance=[[2.0, 0], [0, 1]]))


@pytest.mark.parametrize(
    ("module", "function", "old", "new"),
    [
        (predictions, "directions", "head(label, b=theta)", "head(label, b=2 * theta)"),
        (predictions, "form", "-1 * (truth @ one)", "-2 * (truth @ one)"),
        (contractions, "Polar.__matmul__", "share * (per_token * per_shot", "share * (per_shot"),
    ],
)
def test_a_wrong_formula_is_rejected(monkeypatch, module, function, old, new):
    assert_refuted(monkeypatch, r14_new_head_few_shot.THEOREM, module, function, old, new)
