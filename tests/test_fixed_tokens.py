"""N a number whatever n is: then the zero-shot loss, too, divides by it (N_0 = N), which every fine-tuned point knows.

The definition's gradient, by exact enumeration at the floats that come out, is zero to within their rounding.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import theory
from numerics import flow
from theory.proofs import enumeration

N = 7.0
WORLDS = {
    "isotropic": {"d": 2},
    "diagonal": {"covariance": np.array([2.0, 0.5]), "target": np.array([1.0, -0.5])},
    "matrices": {
        "covariance": np.array([[2.0, 0.5], [0.5, 1.0]]),
        "task_covariance": np.array([[1.0, 0.25], [0.25, 0.5]]),
        "target": np.array([1.0, -0.5]),
    },
}
# Entries of the points are of order 1 to 10, each off by a few 1e-16, and a gradient sums some hundred of their products.
ROUNDING = 1e-11


def setting_of(world, **others):
    base = {"noise_variance": 0.5, "pretrain_shots": 3, "few_shot_shots": 2, "value_scale": 1.5, "normalization": N}
    return theory.Setting(**WORLDS[world], **base | others)


def gradient(model, setting, shots):
    """(dv, dQ) of the risk on the target at so many shots."""
    dv, dQ = enumeration.exact_gradient(
        model.v.tolist(), model.Q.tolist(), setting.sigma().tolist(), setting.target_vector().tolist(),
        setting.noise_variance, shots, Fraction(N),
    )  # fmt: skip
    return np.array(dv, dtype=float), np.array(dQ, dtype=float)


def conserved(model):
    return model.v @ model.v - np.sum(model.Q * model.Q)


@pytest.mark.parametrize("world", WORLDS)
def test_zero_shot_losses(world):
    setting = setting_of(world)
    start, everything, value = (
        theory.fixed_point(name, setting=setting) for name in ("pretrained", "zero_shot", "zero_shot_value")
    )
    assert np.abs(np.concatenate([x.ravel() for x in gradient(everything, setting, 0)])).max() < ROUNDING
    assert abs(conserved(everything) - conserved(start)) < ROUNDING
    assert theory.risk("zero_shot", 0, setting=setting) == pytest.approx(0.5, rel=ROUNDING)
    assert np.abs(gradient(value, setting, 0)[0]).max() < ROUNDING
    assert np.array_equal(value.Q, start.Q)
    assert value.v[-1] == start.v[-1]


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("weight", [0.25, 1e3])
def test_value_alone_on_both_losses(world, weight):
    setting = setting_of(world, few_shot_weight=weight)
    model = theory.fixed_point("mixed_value", setting=setting)
    slope = gradient(model, setting, 0)[0] + weight * gradient(model, setting, 2)[0]
    assert np.abs(slope).max() < ROUNDING * weight


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_all_on_both_losses(world, noise):
    """There is nothing to gain from shots (R7's m' = 0): stationary along the zero-risk family, with and without noise."""
    setting = setting_of(world, noise_variance=noise)
    start, model = (theory.fixed_point(name, setting=setting) for name in ("pretrained", "mixed"))
    dv, dQ = gradient(model, setting, 0)
    assert max(np.abs(dv).max(), np.abs(dQ).max()) < ROUNDING
    dv, dQ = gradient(model, setting, 2)
    theta = setting.target_vector()
    c = model.v[1] / theta[0]
    along = [dv[1:-1] @ theta - N * dQ[0, 0] / c**2, dv[-1], *dQ[1:-1, -1], dQ[1, 2] - dQ[2, 1]]
    assert np.abs(along).max() < ROUNDING
    assert abs(conserved(model) - conserved(start)) < ROUNDING


@pytest.mark.parametrize("strategy", ["zero_shot", "zero_shot_value", "mixed_value", "mixed_kq"])
def test_numerics_flows_there(strategy):
    setting = setting_of("isotropic", few_shot_weight=2.0)
    end, law = flow(strategy, setting, until="converged"), theory.fixed_point(strategy, setting=setting)
    assert end.v[-1] == pytest.approx(law.v, abs=ROUNDING)
    assert end.Q[-1] == pytest.approx(law.Q, abs=ROUNDING)


@pytest.mark.parametrize("strategy", theory.STRATEGIES)
def test_programs_and_matrices_agree(strategy):
    """The isotropic programs, also over an array of settings, and the matrix code at Sigma = I, Psi = I/d.

    At a Gaussian prior of that covariance all but the average over it is the same.
    """
    given = {"noise_variance": 0.5, "pretrain_shots": 3, "few_shot_shots": 2, "normalization": N}
    line = theory.risk(strategy, 4, 3, **given)
    dense = theory.risk(strategy, 4, covariance=np.eye(3), task_covariance=np.eye(3) / 3, **given)
    many = theory.risk(strategy, 4, 3, **given | {"noise_variance": np.array([0.5, 0.0])})
    exact = theory.risk(strategy, 4, 3, **given | {"noise_variance": Fraction(1, 2), "normalization": Fraction(7)})
    assert dense == pytest.approx(line, rel=1e-13)
    assert many[0] == pytest.approx(line, rel=1e-13)
    assert float(exact) == pytest.approx(line, rel=1e-13)
