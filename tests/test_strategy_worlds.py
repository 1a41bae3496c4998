"""A strategy's risk is that of the model where it ends, in every world: what a law knows of it beforehand changes nothing."""

import numpy as np
import pytest

import theory

SIGMA = np.array([[2.0, 0.5, 0.0], [0.5, 1.0, -0.3], [0.0, -0.3, 0.7]])
WORLDS = {
    "queries of another covariance": {"covariance": SIGMA, "query_covariance": np.diag([1.0, 0.0, 2.0])},
    "the same on lines": {"covariance": [2.0, 1.0, 0.5], "query_covariance": [0.0, 3.0, 1.0]},
    "tasks of another covariance": {"covariance": SIGMA, "task_covariance": np.diag([0.5, 1.0, 0.2])},
}


@pytest.mark.parametrize("strategy", theory.STRATEGIES)
@pytest.mark.parametrize("world", WORLDS)
def test_the_risk_is_that_of_the_model(strategy, world):
    setting = theory.Setting(target=[1.0, -0.5, 2.0], noise_variance=0.2, pretrain_shots=20, **WORLDS[world])
    model = theory.fixed_point(strategy, setting=setting)
    for task in ("target", "unseen"):
        found, expected = (theory.risk(x, range(9), setting=setting, task=task) for x in (strategy, model))
        # Some hundred roundings of 1e-16 each; 3e-15 is the worst that was seen.
        assert np.abs(found / expected - 1).max() < 1e-13
