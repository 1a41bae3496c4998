"""A query masked out of the sum: which laws change, and that each is where the flow of the masked losses ends."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from mutants import assert_refuted

import theory
from numerics import flow, gradient
from numerics.objectives import risks_of
from theory import laws
from theory.proofs import enumeration, r3_masked

WORLDS = {
    "isotropic": {"d": 3},
    "diagonal": {"covariance": np.array([2.0, 0.5]), "target": np.array([1.0, -0.5])},
    "matrices": {
        "covariance": np.array([[2.0, 0.5], [0.5, 1.0]]),
        "task_covariance": np.array([[1.0, 0.25], [0.25, 0.5]]),
        "target": np.array([1.0, -0.5]),
    },
}
STAY = ("zero_shot", "zero_shot_value", "zero_shot_kq")
# Points and losses of order 1 to 100 by some hundred roundings, and a solve of condition number below 1,000.
ROUNDING = 1e-11


def setting_of(world, **others):
    base = {"noise_variance": 0.5, "pretrain_shots": 4, "few_shot_shots": 2, "value_scale": 1.5, "query": "masked"}
    return theory.Setting(**WORLDS[world], **base | others)


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("strategy", STAY)
def test_zero_shot_strategies_stay(world, strategy):
    setting = setting_of(world)
    start, end = (theory.fixed_point(name, setting=setting) for name in ("pretrained", strategy))
    assert start == end
    power = setting.target_vector() @ setting.sigma() @ setting.target_vector()
    assert theory.risk(strategy, 0, setting=setting) == pytest.approx(0.5 + power, rel=1e-15)


@pytest.mark.parametrize("normalization", ["tokens", "shots", 7.0])
@pytest.mark.parametrize("weight", [0, 2.0])
@pytest.mark.parametrize("noise", [0.0, 0.5])
@pytest.mark.parametrize("world", WORLDS)
def test_value_alone_ends_where_the_flow_of_its_loss_does(world, noise, weight, normalization):
    """The masked loss is a quadratic in v, found from its values; a flow ends at v - H^+ (gradient at v) from v."""
    setting = setting_of(world, noise_variance=noise, few_shot_weight=weight, normalization=normalization)
    start, end = (theory.fixed_point(name, setting=setting) for name in ("pretrained", "mixed_value"))

    def loss(v):
        return theory.risk(theory.AttentionParameters(v, start.Q), 2, setting=setting)

    steps = np.eye(len(start.v))
    at = loss(start.v)
    slope = np.array([(loss(start.v + e) - loss(start.v - e)) / 2 for e in steps])
    H = np.zeros((len(steps), len(steps)))
    for i, j in itertools.product(range(len(steps)), repeat=2):
        H[i, j] = loss(start.v + steps[i] + steps[j]) - loss(start.v + steps[i]) - loss(start.v + steps[j]) + at
    limit = start.v - np.linalg.pinv(H, rcond=1e-9, hermitian=True) @ slope
    assert end.v == pytest.approx(limit, abs=ROUNDING)
    assert np.array_equal(end.Q, start.Q)
    assert (end.v[-1] == 0) == (noise > 0)


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize(
    "strategy",
    [
        theory.Strategy("value", few_shot=0.5),
        theory.Strategy("value", replay=0.3, few_shot=1.0),
        theory.Strategy("key_query", replay=1.0, few_shot=0.5),
    ],
    ids=str,
)
def test_a_composed_strategy_ends_where_its_masked_loss_has_no_slope(world, strategy):
    """The losses of training mask the query too: their gradient, another code, vanishes in what trains."""
    setting = setting_of(world)
    end = theory.fixed_point(strategy, setting=setting)
    slope = gradient(end, setting, risks_of(strategy, setting))
    attending = gradient(end, setting.replace(query="attends"), risks_of(strategy, setting))
    block = "v" if strategy.trains == "value" else "Q"
    assert np.abs(getattr(slope, block)).max() < ROUNDING
    if block == "v":
        assert np.abs(attending.v).max() > 0.01


@pytest.mark.parametrize("noise", [0.0, 0.5])
@pytest.mark.parametrize("world", ["diagonal", "matrices"])
def test_key_query_alone_as_with_a_query_that_attends(world, noise):
    setting = setting_of(world, noise_variance=noise)
    model = theory.fixed_point("mixed_kq", setting=setting)
    assert model == theory.fixed_point("mixed_kq", setting=setting.replace(query="attends"))
    _, dQ = enumeration.exact_gradient(
        model.v.tolist(), model.Q.tolist(), setting.sigma().tolist(), setting.target_vector().tolist(), noise, 2,
        attends=False,
    )  # fmt: skip
    assert np.abs(np.array(dQ, dtype=float)).max() < ROUNDING


@pytest.mark.parametrize("strategy", ["pretrained", "zero_shot_value", "mixed_value", "mixed_kq"])
def test_the_risk_by_enumeration(strategy):
    setting = setting_of("matrices")
    model = theory.fixed_point(strategy, setting=setting)
    for n in (0, 1, 2):
        exact = enumeration.exact_layer_risk(
            [(model.v.tolist(), model.Q.tolist())], setting.sigma().tolist(), setting.target_vector().tolist(), 0.5, n, n + 1,
            attends=False,
        )  # fmt: skip
        assert theory.risk(strategy, n, setting=setting) == pytest.approx(float(exact), rel=ROUNDING)


def test_the_flow_ends_at_the_law():
    """The masked zero-shot loss moves nothing, and the few-shot loss alone moves v to R3.masked's point."""
    setting = setting_of("isotropic")
    for name in ("zero_shot", "mixed_value"):
        found, expected = flow(name, setting, until="converged").end, theory.fixed_point(name, setting=setting)
        np.testing.assert_allclose(found.v, expected.v, atol=1e-9)  # a flow's end is right to 1e-11 of its size
        np.testing.assert_allclose(found.Q, expected.Q, atol=1e-9)


def test_all_parameters_have_no_closed_form():
    with pytest.raises(theory.NoClosedForm, match="query = 'masked' has no closed form for strategy 'mixed'"):
        theory.risk("mixed", 3, setting=setting_of("isotropic"))


def test_exact_numbers_stay_exact():
    given = {"pretrain_shots": 4, "few_shot_shots": 2, "query": "masked"}
    for noise in (Fraction(0), Fraction(1, 2)):
        exact = theory.risk("mixed_value", 3, 3, noise_variance=noise, **given)
        assert type(exact) is Fraction
        assert float(exact) == pytest.approx(
            theory.risk("mixed_value", 3, 3, noise_variance=float(noise), **given), rel=1e-14
        )
    both = theory.risk("mixed_value", 3, 3, noise_variance=np.array([0.0, 0.5]), **given)
    assert both[1] == pytest.approx(float(exact), rel=1e-14)


MUTANTS = [
    (laws, "masked_value", ", w=0)", ", w=1)"),
    (laws, "masked_value", "start._replace(v_x=", "start._replace(q=1, v_x="),
    (laws, "_recital", "few_shot_shots + 1", "few_shot_shots"),
    (laws, "_recital", "world.space.trace(M2)", "world.space.trace(M)"),
    (laws, "_recital", "world.few_shot_tokens *", "world.few_shot_shots *"),
    (laws, "_recital", "M @ world.target", "world.target"),
    (laws, "masked_value_noiseless", "1 + theta @ theta", "theta @ theta"),
    (laws, "masked_value_noiseless", "- start.w * theta", "+ start.w * theta"),
    (laws, "masked_value_noiseless", "w=start.w + share", "w=start.w - share"),
]


@pytest.mark.parametrize(("module", "function", "old", "new"), MUTANTS)
def test_the_proof_rejects_a_wrong_formula(monkeypatch, module, function, old, new):
    assert_refuted(monkeypatch, r3_masked.THEOREM, module, function, old, new)


def test_the_proof_rejects_another_law_in_its_place(monkeypatch):
    monkeypatch.setitem(laws.MASKED, "zero_shot_value", laws.LAWS["zero_shot_value"])
    assert not theory.prove("R3.masked").proved
