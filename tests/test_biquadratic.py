"""Losses as tables of coefficients: the same gradient, the same Hessian, the same flow."""

import numpy as np
import pytest

import theory
from numerics import flow, subspaces
from numerics.layer_space import whole_space
from numerics.objectives import Term, objective, population_loss
from numerics.slow_manifold import ZeroShotManifold
from numerics.subspaces import AffineSpace, unseen_at_zero_shots
from theory.strategies import KEY_QUERY, VALUE

MATRIX = np.array([[2.0, 0.4, -0.3], [0.4, 1.0, 0.2], [-0.3, 0.2, 0.7]])
PLAIN = theory.Setting(d=5, noise_variance=0.3, pretrain_shots=7, few_shot_weight=0.5)
DENSE = theory.Setting(
    covariance=MATRIX, target=[1.0, -2.0, 0.5], noise_variance=0.1, pretrain_shots=20, few_shot_weight=0.5
)
SETTINGS = {
    "isotropic": PLAIN,
    "shots": PLAIN.replace(d=3, normalization="shots"),
    "masked": PLAIN.replace(query="masked"),
    "dense": DENSE,
    "prior": DENSE.replace(task_covariance=np.diag([0.5, 1.0, 2.0])),
}
HEADS = theory.AttentionParameters(
    [[0, 0.5, 0, 0, 1.0], [0, -0.2, 0, 0, 0.3]],
    np.array([np.diag([0, 0.3, 0.3, 0.3, 0]), np.diag([0.1, 0.2, 0.2, 0.2, 0])]),
)


def space_of(setting: theory.Setting, start: theory.AttentionParameters, loss: str, rests: str | None) -> AffineSpace:
    whole = whole_space("start", start, setting, ())
    trained = tuple(entry for entry in VALUE + KEY_QUERY if entry != rests)
    directions = whole.directions(setting, objective(loss, setting), trained)
    return whole.like(*whole.split(whole.origin), directions)


def assert_close(actual, expected) -> None:
    # Sums of some hundred products, none of them larger than ten times the largest sum.
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-13 * np.abs(expected).max())


@pytest.mark.parametrize("rests", [None, "w", "B"])  # what rests makes terms of degree one, and of degree zero
@pytest.mark.parametrize("loss", ["pretrained", "zero_shot", "mixed"])
@pytest.mark.parametrize("name", [*SETTINGS, "two heads"])
def test_a_table_is_its_loss(name, loss, rests):
    setting = SETTINGS.get(name) or PLAIN.replace(d=3)
    start = HEADS if name == "two heads" else theory.fixed_point("pretrained", setting=setting)
    space = space_of(setting, start, loss, rests)
    form = space.loss(setting, objective(loss, setting))
    table = space.table(form)
    zero = space.basis.T @ space.origin
    y = np.random.default_rng(1).normal(size=(4, 2, space.basis.shape[1]))
    slopes = -space.velocity(form, y.reshape(8, -1)).reshape(y.shape)
    if name == "masked" and loss == "zero_shot":  # a constant
        assert not slopes.any()
        assert not table.gradient(zero + y).any()
        return
    assert_close(table.gradient(zero + y), slopes)
    assert_close(table.hessian(zero + y[0, 0]), -space.jacobian(form, y[0, 0]))


@pytest.mark.parametrize("loss", [(Term(1.0, 5, None),), (Term(0.5, 3, np.array([1.0, 2.0])), Term(2.0, 1, None))])
def test_a_table_serves_the_slow_phase(loss):
    setting = theory.Setting(covariance=MATRIX[:2, :2], noise_variance=0.2, normalization=7.0)
    theta, c = np.array([1.0, 2.0]), 0.7
    v, Q = np.array([0.0, *(c * theta), 0.4]), np.zeros((4, 4))
    Q[0, 0], Q[1:-1, -1], Q[1, 2], Q[2, 1] = 7 / c, 0.3 * theta, 0.2, -0.2
    manifold = ZeroShotManifold(v, Q, theta, unseen_at_zero_shots(4), 7.0)
    form = population_loss(setting, loss)
    system = manifold.system(form, form)
    y = manifold.start() + 0.3 * np.random.default_rng(2).normal(size=(5, len(manifold.start())))
    assert_close(system.quick(0.0, y), system.velocity(0.0, y))


@pytest.mark.parametrize(
    ("name", "weight", "until"),
    [("isotropic", 0.5, "converged"), ("isotropic", 0, "converged"), ("isotropic", 1e-6, None), ("dense", 0.5, None)],
)
def test_flows_are_the_same_with_and_without(name, weight, until, monkeypatch):
    """Where the rates are some units apart, and where one is a millionth of another."""
    setting, times = SETTINGS[name].replace(few_shot_weight=weight), [0.3, 3.0, 30.0]
    with_table = flow("mixed", setting, times, until=until)
    monkeypatch.setattr(subspaces, "is_small", lambda *_: False)
    without = flow("mixed", setting, times, until=until)
    # A step's error is below 1e-12, and that of some forty of them adds up; a limit is one to 1e-11.
    np.testing.assert_allclose(with_table.v, without.v, rtol=0, atol=1e-9)
    np.testing.assert_allclose(with_table.Q, without.Q, rtol=0, atol=1e-9)
