"""Several targets in numerics: gradients, flows to R24's fixed points, simulation, training."""

import numpy as np
import pytest

import theory
from numerics import estimate, flow, gradient, hessian, train
from theory import Setting, Strategy, fixed_point, risk
from theory.tasks import OPPOSITE, TARGET

SHARES = np.array([0.2, 0.3, 0.5])
SETTING = Setting(
    covariance=[[2.0, 0.5], [0.5, 1.0]], target=[[1.0, -0.5], [0.3, 2.0], [-1.0, 1.0]], target_weights=[2.0, 3.0, 5.0],
    noise_variance=0.3, pretrain_shots=4, few_shot_shots=2, few_shot_weight=0.5,
)  # fmt: skip
EACH = [SETTING.replace(target=task, target_weights=None) for task in SETTING.target]


def test_derivatives_are_averages():
    rng = np.random.default_rng(0)
    model = theory.AttentionParameters(rng.standard_normal(4), rng.standard_normal((4, 4)))
    found = gradient(model, SETTING, "mixed"), hessian(model, SETTING, "mixed")
    slopes = [gradient(model, one, "mixed") for one in EACH]
    # Sums of some hundred products of numbers of order 10.
    np.testing.assert_allclose(found[0].v, np.tensordot(SHARES, [x.v for x in slopes], 1), rtol=0, atol=1e-11)
    np.testing.assert_allclose(found[0].Q, np.tensordot(SHARES, [x.Q for x in slopes], 1), rtol=0, atol=1e-11)
    curvatures = [hessian(model, one, "mixed") for one in EACH]
    np.testing.assert_allclose(found[1], np.tensordot(SHARES, curvatures, 1), rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("strategy", "weight"),
    [
        ("zero_shot", 0), ("zero_shot_value", 0), ("frozen_q", 0), ("mixed_value", 0), ("mixed_value", 0.5), ("mixed_kq", 0),
        ("mixed_kq", 0.5), (Strategy("value", replay=0.7, pull=0.1), 0),
    ],
)  # fmt: skip
def test_flows_end_at_the_fixed_points(strategy, weight):
    setting = SETTING.replace(few_shot_weight=weight)
    end, point = flow(strategy, setting, until="converged").end, fixed_point(strategy, setting=setting)
    np.testing.assert_allclose(end.v, point.v, rtol=0, atol=1e-8)
    np.testing.assert_allclose(end.Q, point.Q, rtol=0, atol=1e-8)


def test_where_there_is_no_law_the_flow_has_an_end():
    """All parameters, few-shot weight 0+: the zero-shot loss at its floor, the few-shot loss below where it was, no slope."""
    setting = SETTING.replace(few_shot_weight=0)
    end, before = flow("mixed", setting, until="converged").end, fixed_point("zero_shot", setting=setting)
    mean = SHARES @ SETTING.target
    spread = sum(p * np.outer(x - mean, x - mean) for p, x in zip(SHARES, SETTING.target, strict=True))
    floor = 0.3 + np.trace(setting.covariance @ spread)
    assert risk(end, 0, setting=setting) == pytest.approx(floor, rel=1e-10)  # flows end to 1e-11, and this is a minimum
    assert risk(end, 2, setting=setting) < risk(before, 2, setting=setting) - 0.01
    slope = gradient(end, setting, "mixed").Q[1:-1, -1]  # no slope of L_ZS in q_xy, and none of L_FS
    few = gradient(end, setting.replace(few_shot_weight=1), "mixed").Q[1:-1, -1]
    assert np.abs([slope, few]).max() < 1e-9
    opposite = setting.replace(target=[[1.0, 0.0], [-1.0, 0.0]], target_weights=None)
    with pytest.raises(ValueError, match="mean that is not zero"):
        flow("mixed", opposite, until="converged")


@pytest.mark.parametrize("task", [TARGET, OPPOSITE])
@pytest.mark.parametrize("method", ["law", "tokens"])
def test_simulation_draws_the_targets(method, task):
    found = estimate("mixed_value", [0, 3], setting=SETTING, task=task, method=method, prompts=60_000, rng=5)
    exact = risk("mixed_value", np.array([0, 3]), setting=SETTING, task=task)
    # Eight intervals: at five standard errors a false alarm is rare even for heavy tails; the seed fixes the draw.
    assert np.all(np.abs(found.mean - exact) < 5 * found.standard_error)
    one = risk(fixed_point("mixed_value", setting=SETTING), np.array([0, 3]), setting=EACH[0], task=task)
    assert np.all(np.abs(one - exact) > 12 * found.standard_error)  # one of the targets alone would be seen


def test_training_draws_the_targets():
    run = train(
        "zero_shot_value", covariance=SETTING.covariance, target=SETTING.target, target_weights=SETTING.target_weights,
        start=fixed_point("pretrained", setting=SETTING), iterations=300, batch_size=1000, learning_rate=0.005, rng=1,
    )  # fmt: skip
    end = fixed_point("zero_shot_value", setting=SETTING)
    # Momentum SGD scatters by (0.05/1000 times a squared error of about 3)^(1/2) = 0.012; five of these.
    np.testing.assert_allclose(run.parameters.v, end.v, atol=0.06)
    assert run.settings["target_weights"] == [2.0, 3.0, 5.0]
