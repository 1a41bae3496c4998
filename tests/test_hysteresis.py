"""The transition of replay and of a pull: the weights, what is a minimum there, and that the flow says the same."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pytest

import theory
from numerics import flow, local_minima, solve, transition
from numerics.integrator import NoConvergence
from theory import Strategy

SETTING = theory.OFFICIAL
EDGES = cache(transition)


@pytest.mark.parametrize(
    ("by", "expected"), [("replay", (0.176477, 0.27442655, 6.2557)), ("pull", (0.05834, None, 0.0677))]
)
def test_the_published_weights(by, expected):
    """Found elsewhere by following the flow's ends, to the digits given."""
    found = EDGES(SETTING, by)
    for weight, printed, digit in zip(found, expected, (1e-6, 1e-8, 1e-4), strict=True):
        assert printed is None or weight == pytest.approx(
            printed, abs=5e-6 if by == "pull" and digit < 1e-4 else digit / 2
        )


def test_its_ends_are_those_of_coexistence():
    """Two minima inside, one outside; at `equal` their losses agree. Certified in all entries of v and Q."""
    lower, equal, upper = EDGES(SETTING, "replay")
    for weight, count in ((0.999 * lower, 1), (1.001 * lower, 2), (equal, 2), (0.999 * upper, 2), (1.001 * upper, 1)):
        found = local_minima(SETTING, weight)
        assert len(found) == count
        for one in found:
            assert one.gradient < 1e-12  # some hundred roundings of numbers of order 10
            assert one.smallest > -1e-13  # a zero eigenvalue to rounding, of 56
            parts = (
                theory.risk(one.model, 0, setting=SETTING),
                theory.risk(one.model, 20, setting=SETTING, task="unseen"),
            )
            assert one.loss == pytest.approx(parts[0] + weight * parts[1], rel=1e-12)
        if weight == equal:
            assert found[0].loss == pytest.approx(found[1].loss, rel=1e-12)


def test_from_pretrained_the_flow_keeps_in_context_learning_above_the_lower_weight_alone():
    """And from the memorising branch it comes back above the upper one alone: both by the flow of all parameters."""
    lower, _, upper = EDGES(SETTING, "replay")
    lost = local_minima(SETTING, 0.8 * lower)
    below = solve(Strategy("all", replay=0.8 * lower), SETTING)
    np.testing.assert_allclose(
        below.v, lost[0].model.v, atol=1e-8
    )  # a flow's end is right to 1e-11 over the slowest rate
    _, lost = local_minima(SETTING, 0.8 * upper)
    stays = flow(Strategy("all", replay=0.8 * upper), SETTING, start=lost.model, until="converged").end
    np.testing.assert_allclose(stays.v, lost.model.v, atol=1e-8)
    (only,) = local_minima(SETTING, 1.3 * upper)
    found = flow(Strategy("all", replay=1.3 * upper), SETTING, start=lost.model, until="converged").end
    assert theory.risk(found, 20, setting=SETTING, task="unseen") == pytest.approx(
        theory.risk(only.model, 20, setting=SETTING, task="unseen"), abs=1e-8
    )


def test_in_three_dimensions_there_is_no_upper_weight():
    """The error says so: two minima from the weight that it names on, and at 100 what lost in-context learning still is one."""
    setting = SETTING.replace(d=3, pretrain_shots=12)
    with pytest.raises(NoConvergence, match="no upper weight with replay") as caught:
        transition(setting)
    lower = float(re.search(r"kept above ([\d.]+);", str(caught.value))[1])
    assert [len(local_minima(setting, share * lower)) for share in (0.999, 1.001)] == [1, 2]
    kept, *_, lost = local_minima(setting, 100)
    assert lost.gradient < 1e-11  # of losses of order 100
    assert lost.smallest > -1e-13  # a zero eigenvalue to rounding
    assert lost.loss > kept.loss + 1


def test_a_pull_is_found_where_the_flow_ends():
    kept, lost = local_minima(SETTING, 0.06, "pull")
    assert kept.smallest > 0
    assert lost.smallest > 0
    found = solve(Strategy("all", pull=0.06), SETTING)
    np.testing.assert_allclose(found.v, kept.model.v, atol=1e-8)
    np.testing.assert_allclose(found.Q, kept.model.Q, atol=1e-8)


def test_what_is_refused():
    with pytest.raises(ValueError, match="pretrain_shots = inf"):
        transition(SETTING.replace(pretrain_shots=np.inf))
    with pytest.raises(ValueError, match="setting = "):
        transition(SETTING.replace(covariance=np.eye(5)))
    with pytest.raises(ValueError, match="weight = 0"):
        local_minima(SETTING, 0)
