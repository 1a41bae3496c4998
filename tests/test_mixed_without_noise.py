"""`mixed` without label noise: where its flow runs off and where it ends, told alike by every public function.

In the limit lambda -> 0+ the flow runs off to infinity where there is no noise and m' = m - 1 + eta >= 1: the risk off the
target is then infinite at n >= 1. At m' = 0, normalization "shots" with one few-shot shot, a shot of the target has
nothing to tell: the flow ends at v = c (0, theta_0, -1), Q_00 = 1/c, where a shot's value is zero on the target.
"""

from __future__ import annotations

import math
from fractions import Fraction as F

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from strategies_for_tests import NORMALIZATIONS, first_unit_vector, identity

import numerics
import theory
from theory.proofs.enumeration import exact_average_risk, exact_gradient, exact_risk

IDLE = {"normalization": "shots", "few_shot_shots": 1}  # m' = 0
SIGMA, PSI, THETA_0 = [[F(2), F(1)], [F(1), F(3)]], [[F(1), F(1, 2)], [F(1, 2), F(2)]], [F(1), F(-2)]
THETA = [F(1, 2), F(3)]


def by_definition(theta, n, target, sigma=None, prior=None):
    """The risk of v = (0, theta_0, -1), Q_00 = 1 from the model's definition; theta None is the unseen average."""
    d = len(target)
    v, Q = [F(0), *target, F(-1)], [[F(int(i == j == 0)) for j in range(d + 2)] for i in range(d + 2)]
    sigma = identity(d) if sigma is None else sigma
    if theta is None:
        return exact_average_risk(v, Q, sigma, 0, n, prior, "shots")
    return exact_risk(v, Q, sigma, theta, 0, n, "shots")


# --- m' = 0: the flow ends ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "task", "scale", "expected"),
    [(1, "opposite", 1, 8), (3, "opposite", 1, F(28, 9)), (1, "unseen", 1, 4), (1, "opposite", 2, 16)],
)
def test_five_dimensions_by_hand(n, task, scale, expected):
    """A shot's value on theta is (theta_0 - theta).x and its score 1: s (1 + 1/n)^2 + 4 s/n on -theta_0."""
    covariance = None if scale == 1 else scale * np.eye(5)
    given = {"task": task, "covariance": covariance, "pretrain_shots": 20, **IDLE}
    assert theory.risk("mixed", n, 5, **given) == pytest.approx(float(expected), rel=1e-14)  # a few roundings
    target = first_unit_vector(5)
    sigma = [[scale * x for x in row] for row in identity(5)]
    if n == 1:
        theta = None if task == "unseen" else [-x for x in target]
        assert by_definition(theta, n, target, sigma) == expected


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_isotropic_risk_is_that_of_the_definition(n):
    for target in ([F(3, 2)], THETA_0):
        d, others = len(target), {"target": target, "noise_variance": F(0), "pretrain_shots": 20, **IDLE}
        for task, theta in (("target", target), ("opposite", [-x for x in target]), ("unseen", None)):
            assert theory.risk("mixed", n, task=task, **others) == by_definition(theta, n, target)
        assert theory.risk("mixed", n, task=THETA[:d], **others) == by_definition(THETA[:d], n, target)
    turned = [F(3, 5), F(4, 5)]  # at the cosine 3/5 to the first unit vector
    found = theory.risk("mixed", n, 2, task=F(3, 5), noise_variance=F(0), **IDLE)
    assert found == by_definition(turned, n, first_unit_vector(2))


@pytest.mark.parametrize("prior", [None, PSI])
@pytest.mark.parametrize("n", [0, 1, 2])
def test_risk_beside_matrices_is_that_of_the_definition(n, prior):
    others = {"covariance": SIGMA, "task_covariance": prior, "target": THETA_0, "noise_variance": F(0), **IDLE}
    for task, theta in (("target", THETA_0), ("opposite", [F(-1), F(2)]), (THETA, THETA), ("unseen", None)):
        assert theory.risk("mixed", n, task=task, **others) == by_definition(theta, n, THETA_0, SIGMA, prior)


def test_one_shot_of_pretraining_is_one_of_the_few_shot_loss():
    """few_shot_shots defaults to pretrain_shots."""
    found = theory.risk("mixed", 1, 5, task="opposite", pretrain_shots=1, normalization="shots")
    assert found == pytest.approx(8, rel=1e-14)


@pytest.mark.parametrize("task", ["opposite", "unseen", THETA])
@pytest.mark.parametrize("dense", [False, True])
def test_balls_hold_the_value(monkeypatch, dense, task):
    flint = pytest.importorskip("flint")
    monkeypatch.setattr(flint.ctx, "prec", 1200)  # of the comparison
    sigma = SIGMA if dense else None
    theta = {"opposite": [F(-1), F(2)], "unseen": None}.get(task, THETA) if isinstance(task, str) else THETA
    for n in (0, 1, 2):
        ball = theory.risk("mixed", n, task=task, covariance=sigma, target=THETA_0, certify=True, **IDLE)
        exact = by_definition(theta, n, THETA_0, sigma)
        assert ball.contains(flint.arb(exact.numerator) / exact.denominator)
        assert ball.rad() <= ball.mid() * 2.0**-100


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("scale", ["balanced", 0.75])
def test_fixed_point(dense, scale):
    """Zero slope of both losses, and of the few-shot loss zero itself; the flow's invariant is kept."""
    others = {"target": [1.0, -2.0], "pretrain_shots": 20, "value_scale": scale, **IDLE}
    if dense:
        others["covariance"] = np.array(SIGMA, dtype=float)
    model, start = theory.fixed_point("mixed", **others), theory.fixed_point("pretrained", **others)
    c = model.v_x[0]
    assert model.v == pytest.approx(c * np.array([0, 1, -2, -1]), rel=1e-14)
    assert not model.B.any()
    assert not model.q_xy.any()
    assert model.q * c == pytest.approx(1, rel=1e-14)
    # A dozen roundings of numbers of size 1 to 10.
    assert model.v @ model.v - np.sum(model.Q**2) == pytest.approx(start.v @ start.v - np.sum(start.Q**2), abs=1e-12)
    for task in ("target", "opposite", "unseen", [0.5, 3.0]):
        own = theory.risk(
            model, range(4), task=task, covariance=others.get("covariance"), target=[1.0, -2.0], normalization="shots"
        )
        np.testing.assert_allclose(theory.risk("mixed", range(4), task=task, **others), own, rtol=1e-13, atol=1e-28)
    sigma = SIGMA if dense else identity(2)
    v, Q = model.v.tolist(), model.Q.tolist()  # a float stands for its exact binary value
    for n in (0, 1):
        dv, dQ = exact_gradient(v, Q, sigma, THETA_0, 0, n, "shots")
        assert max(abs(float(slope)) for row in (dv, *dQ) for slope in row) < 1e-12


@pytest.mark.parametrize("covariance", [None, np.diag([2.0, 0.5])])
def test_flow_ends_there(covariance):
    setting = theory.Setting(2, covariance=covariance, pretrain_shots=20, **IDLE)
    path = numerics.flow("mixed", setting, until="converged")
    model = theory.fixed_point("mixed", setting=setting)
    # The flow stops a relative distance of about 1e-9 before its limit.
    np.testing.assert_allclose(path.end.v, model.v, atol=1e-7)
    np.testing.assert_allclose(path.end.Q, model.Q, atol=1e-7)


@pytest.mark.parametrize("task", ["target", "opposite", "unseen", 0.5])
def test_the_limit_of_vanishing_noise(task):
    """Continuous, like the noise itself: rho = 1e-12 moves the risk by a few times as much."""
    at, near = (theory.risk("mixed", range(6), 4, task=task, noise_variance=x, **IDLE) for x in (0, 1e-12))
    np.testing.assert_allclose(near, at, rtol=1e-10, atol=1e-10)


# --- one hypothesis, told alike everywhere --------------------------------------------------------------------------


@pytest.mark.parametrize("covariance", [None, np.diag([2.0, 0.5])])
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("shots", [1, 2, 7])
@pytest.mark.parametrize("noise", [0, 0.0, F(0), 0.25])
def test_every_function_says_the_same(noise, shots, normalization, covariance):
    flint = pytest.importorskip("flint")
    diverges = noise == 0 and not (shots == 1 and normalization == "shots")
    others = {
        "d": 2, "noise_variance": noise, "few_shot_shots": shots, "normalization": normalization, "covariance": covariance
    }  # fmt: skip
    if diverges:
        with pytest.raises(theory.NoClosedForm, match="no fixed point"):
            theory.fixed_point("mixed", **others)
    else:
        assert theory.fixed_point("mixed", **others).d == 2
    for task in ("opposite", "unseen", [0.6, -0.8]):
        assert theory.risk("mixed", 0, task=task, **others) < 10
        for n in (1, 9):
            assert (theory.risk("mixed", n, task=task, **others) == math.inf) == diverges
            assert theory.risk("mixed", n, task=task, certify=True, **others).is_finite() != diverges
    assert flint.arb("inf") == theory.risk("mixed", 1, 2, few_shot_shots=2, task="opposite", certify=True)
    assert theory.risk("mixed", 1, **others) < 10
    for condition in theory.conditions("mixed", **others):
        of, against = condition.name.split(" on ")[0], condition.task
        risks = [theory.risk("mixed", n, task=against, **others) for n in range(12)]
        others_risks = {
            "few-shot beats zero-shot": [risks[0]] * 12,
            "beats pretrained": [theory.risk("pretrained", n, task=against, **others) for n in range(12)],
        }[of]
        for n in range(1, 12):
            gap = risks[n] - others_risks[n]
            if abs(gap) > 1e-9:  # ties in exact arithmetic are decided by rounding here
                assert condition.holds(n) == (gap < 0), (condition.name, n)


def test_conditions_at_one_shot():
    found = {c.name: c.shots for c in theory.conditions("mixed", 5, pretrain_shots=20, **IDLE)}
    # On -theta_0: s (1 + 1/n)^2 + 4 s/n < 4 s from n = 3 on; on unseen tasks 1 + 2/n + ... as by_definition has it.
    assert found["few-shot beats zero-shot on opposite"] == ((3, math.inf),)
    assert found["few-shot beats zero-shot on target"] == ()


@pytest.mark.parametrize("kind", [float, F])
@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("task", ["target", "opposite", "unseen", "theta"])
def test_arrays_mix_the_cases(task, dense, kind):
    """Each element is the call of its own: shots with and without anything to gain, with and without noise."""
    axes = {
        "n_shots": np.array([0, 1, 3]).reshape(3, 1, 1), "few_shot_shots": np.array([1, 2, 1, 7]),
        "noise_variance": np.array([[kind(0)], [kind(1) / 4]]),
    }  # fmt: skip
    others = {"normalization": "shots", "pretrain_shots": 6, "task": [1, 2] if task == "theta" else task}
    others |= {"target": [2, 1]}
    if dense:
        others["covariance"] = [[2, 1], [1, 3]]
    found = theory.risk("mixed", **axes, **others)
    assert found.shape == (3, 2, 4)
    infinite = 0
    for index in np.ndindex(found.shape):
        one = {name: np.broadcast_to(array, found.shape)[index] for name, array in axes.items()}
        expected = theory.risk("mixed", **one, **others)
        if kind is F:
            assert found[index] == expected
        else:
            assert found[index] == pytest.approx(expected, rel=1e-13)
        infinite += expected == math.inf
    assert infinite == (0 if task == "target" else 4)  # no noise, m = 2 or 7, n = 1 or 3
    for shots in ([1, 1], [1, 2]):  # the fixed point of arrays is there if each is
        if not dense and kind is float:
            make = {"d": 2, "few_shot_shots": shots, "normalization": "shots"}
            if shots == [1, 1]:
                assert theory.fixed_point("mixed", **make).isotropic.w == pytest.approx(-(2**-0.25))
            else:
                with pytest.raises(theory.NoClosedForm, match="no fixed point"):
                    theory.fixed_point("mixed", **make)


def test_a_symbolic_number_of_shots():
    n = sympy.Symbol("n")
    found = theory.risk("mixed", n, 5, task="opposite", **IDLE)
    assert sympy.simplify(found - ((1 + 1 / n) ** 2 + 4 / n)) == 0
    assert theory.risk("mixed", n, 5, task="opposite", few_shot_shots=3) is sympy.oo


@given(
    shots=st.integers(1, 3), n=st.integers(0, 4), noise=st.sampled_from([0, 0.0, 1e-3, 2]), d=st.integers(1, 4),
    normalization=st.sampled_from(NORMALIZATIONS), task=st.sampled_from(["target", "opposite", "unseen"]),
)  # fmt: skip
def test_the_strategy_is_its_model(shots, n, noise, d, normalization, task):
    """Wherever there is a fixed point the strategy's risk is that of it; where there is none it says so."""
    others = {"noise_variance": noise, "normalization": normalization}
    found = theory.risk("mixed", n, d, few_shot_shots=shots, task=task, **others)
    try:
        model = theory.fixed_point("mixed", d, few_shot_shots=shots, **others)
    except theory.NoClosedForm:
        assert noise == 0
        assert (found == math.inf) == (n > 0 and task != "target")
        return
    assert found == pytest.approx(theory.risk(model, n, task=task, **others), rel=1e-12, abs=1e-28)
