"""Composed strategies at a general covariance and prior: the closed form is where the flow of the same loss stands or ends."""

import math

import numpy as np
import pytest

from numerics import flow
from numerics.beside import Beside
from numerics.objectives import risks_of
from theory import Setting, Strategy, fixed_point

GENERAL = Setting(
    covariance=[[2.0, 0.7], [0.7, 1.0]], task_covariance=[[0.6, -0.2], [-0.2, 0.9]], target=[0.5, -1.0], noise_variance=0.2,
    pretrain_shots=6, few_shot_shots=3, value_scale=1.2,
)  # fmt: skip
SETTINGS = [GENERAL, GENERAL.replace(normalization="shots", query="masked")]
FLOWS = (
    Strategy("value", pull=0.4),
    Strategy("value", replay=0.6, pull=0.2, time=0.1),
    Strategy("key_query", few_shot=0.7, replay=0.5, pull=0.3),
    Strategy("key_query", few_shot=0.7, pull=0.3, time=0.2),
    Strategy(("v_x", "w"), zero_shot=0.5, few_shot=0.5, time=0.2),
    Strategy(("v_x",), few_shot=0.5, replay=0.4),
    Strategy(("q", "B"), few_shot=1, replay=0.4),
    Strategy(("B", "b"), few_shot=0.3, pull=0.1, time=0.5),
    Strategy(("b",), zero_shot=0, few_shot=3, replay=0.5),
)


@pytest.mark.parametrize("strategy", FLOWS, ids=lambda s: s.name)
@pytest.mark.parametrize("setting", SETTINGS, ids=["tokens", "masked, shots"])
def test_of_entries_of_one_block(strategy, setting):
    law, start = (fixed_point(s, setting=setting) for s in (strategy, "pretrained"))
    ending = {"until": "converged"} if strategy.time is math.inf else {"t": [strategy.time]}
    end = flow(strategy, setting, **ending).end
    # A flow's end is right to 1e-11 of its size, and what it does in a time too; the law is a solve of 16 equations.
    np.testing.assert_allclose(end.v, law.v, rtol=0, atol=1e-9)
    np.testing.assert_allclose(end.Q, law.Q, rtol=0, atol=1e-9)
    moved = max(np.abs(law.v - start.v).max(), np.abs(law.Q - start.Q).max())
    blind = setting.query == "masked" and strategy.few_shot == 0  # the zero-shot loss is a constant
    assert (moved < 1e-12) if blind else (moved > 1e-3)


@pytest.mark.parametrize("setting", SETTINGS, ids=["tokens", "masked, shots"])
def test_of_a_token_and_of_a_readout(setting):
    before = fixed_point("pretrained", setting=setting)
    prompt = Strategy("prompt", few_shot=0.5, replay=0.3)
    added = Beside(before, setting, risks_of(prompt, setting), prompt=True)
    law = fixed_point(prompt, setting=setting).prompt[0, 1:]
    np.testing.assert_allclose(added.end(), law, rtol=0, atol=1e-9)  # as above
    skip = Strategy("skip", few_shot=0.5, replay=0.3, pull=0.2)
    added = Beside(before, setting, risks_of(skip, setting), prompt=False)
    law = fixed_point(skip, setting=setting).skip
    assert np.abs(added.slope(law) + 2 * 0.2 * law).max() < 1e-12  # some hundred products of order 1
    assert np.abs(law).max() > 0.1
