"""Certificates of the fixed points, basins of attraction, and the singular limit of key-query fine-tuning."""

from __future__ import annotations

import numpy as np
import pytest

import numerics.certificates as certificates
import theory
from numerics.certificates import certify
from numerics.derivatives import heads
from numerics.objectives import Term, layer_loss
from numerics.random_starts import basins, singular_limit

OFFICIAL = theory.Setting(d=5, noise_variance=0.1, pretrain_shots=20)
SMALL = theory.Setting(d=2, noise_variance=0.1, pretrain_shots=20)


def anisotropic(seed: int) -> theory.Setting:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(3, 3))
    sigma = X @ X.T + 0.3 * np.eye(3)
    return theory.Setting(covariance=sigma, target=rng.normal(size=3), noise_variance=0.1, pretrain_shots=20)


@pytest.mark.parametrize(
    "setting",
    [OFFICIAL, OFFICIAL.replace(normalization="shots"), anisotropic(1), anisotropic(2)],
    ids=["official", "shots", "Sigma 1", "Sigma 2"],
)
def test_every_fixed_point_is_certified(setting):
    table = certify(None, setting)
    assert len(table) == 10  # seven strategies, three of them with a second row
    for row in table:
        assert row.gradient <= 1e-12 * max(1.0, row.largest), row
        assert row.smallest >= -1e-12 * row.largest, row
        assert row.distance < 1e-8, row
    d = setting.d
    flat = {(row.strategy, row.loss): row.flat for row in table}
    # w, the label column of Q, the antisymmetric part of the rest, and the family's own scale c.
    assert flat["zero_shot", "L_ZS"] == 1 + (d + 1) + d * (d + 1) // 2 + 1
    assert flat["zero_shot_kq", "L_ZS"] == (d + 1) * (d + 2)
    assert flat["zero_shot_value", "L_ZS"] == 1
    assert flat["mixed_kq", "L_FS along argmin L_ZS"] == 0
    for everything in (("pretrained", "L_PT"), ("mixed", "L_FS along argmin L_ZS")):
        assert flat[everything] == 1  # the scale (k v, Q / k) and nothing else


GENERAL = theory.Setting(covariance=[[2.0, 0.7], [0.7, 1.0]], target=[0.5, -1.0], noise_variance=0.1, pretrain_shots=20)


@pytest.mark.parametrize("setting", [OFFICIAL, GENERAL.replace(normalization=3)], ids=["official", "Sigma"])
def test_the_added_strategies_are_certified(setting):
    """On what trains alone; the flows begin small, at a token, a readout, a head of their own."""
    d = setting.d
    # A token: (k x, y/k). A head or a layer: as zero_shot, the one scale among all of v and Q.
    unseen = 1 + (d + 1) + d * (d + 1) // 2
    for strategy, flat in (("soft_prompt", 1), ("skip", 0), ("new_head", unseen + 1), ("frozen_q", unseen + 1)):
        (row,) = certify(strategy, setting)
        assert row.gradient <= 1e-12 * row.largest
        assert row.smallest >= -1e-12 * row.largest
        assert row.distance < 1e-8
        assert row.flat == flat


def test_a_masked_query_leaves_a_new_head_nothing_to_certify():
    with pytest.raises(ValueError, match="query = 'masked'"):
        certify("new_head", SMALL.replace(query="masked"))


@pytest.mark.parametrize("part", ["prompt", "skip"])
def test_the_slope_beside_a_layer_is_the_central_difference(part):
    """Of the exact risk of any layer, in all entries of a prompt and of a skip: of degree four, so that five points are exact."""
    rng = np.random.default_rng(3)
    setting = anisotropic(2).replace(normalization="tokens")
    parts = {
        name: rng.standard_normal(shape) for name, shape in zip("vQps", ((2, 5), (2, 5, 5), (2, 5), (4,)), strict=True)
    }
    model = theory.AttentionParameters(parts["v"], parts["Q"], parts["p"], parts["s"])
    loss = layer_loss(setting, (Term(0.5, 3, None), Term(1.0, 0, np.asarray(setting.target))), model)
    slopes = loss.gradient_beside(*heads(model, setting))
    slope, given = slopes[part == "skip"], parts[part[0]]

    def value(x):
        layer = theory.AttentionParameters(
            parts["v"], parts["Q"], *((x, parts["s"]) if part == "prompt" else (parts["p"], x))
        )
        return 0.5 * theory.risk(layer, 3, setting=setting, task="unseen") + theory.risk(layer, 0, setting=setting)

    for index in np.ndindex(given.shape):
        step = np.zeros(given.shape)
        step[index] = 0.5
        values = [value(given + k * step) for k in (-2, -1, 1, 2)]
        assert slope[index] == pytest.approx(np.dot([1, -8, 8, -1], values) / 6, abs=1e-11 * max(values))


@pytest.mark.parametrize(
    ("strategy", "setting"),
    [
        ("mixed_kq", theory.Setting(d=2, target=[100.0, 0.0], noise_variance=0.1, pretrain_shots=20)),
        ("mixed_kq", SMALL.replace(noise_variance=1e-9)),
        ("mixed_value", SMALL.replace(few_shot_weight=1e-9)),
    ],
    ids=["long target", "little noise", "small weight"],
)
def test_closed_forms_are_certified_where_rates_are_far_apart(strategy, setting):
    *_, row = certify(strategy, setting)
    assert row.distance < 1e-11
    assert row.flat == 0
    assert row.smallest > 0


def test_a_certificate_can_fail(monkeypatch):
    """A point off the fixed point by 1e-6 shows in the gradient and in the distance."""
    true = theory.fixed_point("zero_shot", setting=SMALL)
    v = np.array(true.v)
    v[1] += 1e-6
    monkeypatch.setattr(certificates, "fixed_point", lambda *_, **__: theory.AttentionParameters(v, true.Q))
    (row,) = certify("zero_shot", SMALL)
    assert row.gradient > 1e-7
    assert row.distance == pytest.approx(1e-6, rel=1e-3)


def test_finite_weights_are_certified_where_a_closed_form_exists():
    (row,) = certify("mixed_value", OFFICIAL.replace(few_shot_weight=0.5))
    assert row.loss == "L_ZS + lambda L_FS"
    assert row.gradient < 1e-12
    assert row.flat == 0
    with pytest.raises(theory.NoClosedForm):
        certify("mixed", OFFICIAL.replace(few_shot_weight=0.5))


def test_the_table_prints_in_columns():
    lines = str(certify(["zero_shot", "mixed"], SMALL)).splitlines()
    assert lines[0].split() == ["strategy", "loss", "gradient", "smallest", "largest", "flat", "distance"]
    assert len({len(line) for line in lines}) == 1


def test_basins_of_the_zero_shot_loss():
    assert basins("zero_shot", SMALL, 4, rng=1, odd_symmetric=True) == {"I": 4}
    assert set(basins("zero_shot", SMALL, 8, rng=1)) == {"I", "II"}


def test_basins_of_the_mixed_loss():
    reached = basins("mixed", SMALL, 5, rng=1, odd_symmetric=True)
    assert set(reached) == {"I, +u", "I, -u"}
    assert sum(reached.values()) == 5


class GivenStarts(np.random.Generator):
    """Draws the models that it is given, in place of random ones."""

    def __init__(self, *models: theory.AttentionParameters) -> None:
        super().__init__(np.random.PCG64(0))
        self.draws = iter([np.array(x, dtype=float) for model in models for x in (model.v, model.Q)])

    def standard_normal(self, *_):
        return next(self.draws)


def test_the_pretrained_model_is_in_the_basin_of_plus_u_and_a_mirrored_one_in_that_of_minus_u():
    """R7.basin; and beside the other root, u = -sqrt(p*), of R7 the flow ends at it: both from the formulas."""
    pretrained, end = (theory.fixed_point(name, setting=SMALL) for name in ("pretrained", "mixed"))
    s, m, rho = 1.0, SMALL.pretrain_shots, SMALL.noise_variance
    p = (m * np.sqrt(rho * (1 + rho)) - rho) / (m + 2)
    c, theta = end.v[1], np.array([1.0, 0.0])

    def point(u):
        v, Q = np.zeros(4), np.zeros((4, 4))
        v[1:3], v[3], Q[0, 0] = c * theta, c * (u - 1) / (1 + rho), 1 / c
        Q[1:3, 3] = m * u / (c * s * ((m + 2) * p + rho)) * theta
        return theory.AttentionParameters(v, Q)

    plus, minus = (point(sign * np.sqrt(p)) for sign in (1, -1))
    np.testing.assert_allclose(plus.v, end.v, rtol=1e-12)  # some roundings
    for start, label in ((pretrained, "I, +u"), (plus, "I, +u"), (minus, "I, -u")):
        assert basins("mixed", SMALL, 1, rng=GivenStarts(start)) == {label: 1}


@pytest.mark.parametrize(
    ("change", "message"),
    [({"strategy": "mixed_kq"}, "strategy = 'mixed_kq'"), ({"starts": 0}, "starts = 0")],
)
def test_bad_input_names_the_argument(change, message):
    with pytest.raises(ValueError, match=message):
        basins(**{"strategy": "mixed", "setting": SMALL, **change})


@pytest.mark.parametrize("setting", [OFFICIAL, anisotropic(3)], ids=["official", "Sigma"])
def test_key_query_fine_tuning_has_a_singular_limit(setting):
    start = theory.fixed_point("pretrained", setting=setting)
    assert np.abs(theory.fixed_point("zero_shot_kq", setting=setting).B - start.B).max() < 1e-15
    data = singular_limit(setting, [1e-1, 1e-2, -1e-3])
    assert np.abs(start.B).max() > 0.1
    assert np.abs(data.B).max() < 1e-8  # all the way from B_start to 0, at any epsilon
    np.testing.assert_allclose(data.q * data.epsilon, 1.0, rtol=1e-9)
    np.testing.assert_allclose(data.time * data.epsilon**2, data.time[0] * 1e-2, rtol=1e-6)
    with pytest.raises(ValueError, match="epsilon = 0"):
        singular_limit(setting, [0.0])


def test_a_masked_query_has_no_zero_shot_minimisers_to_tell_apart():
    masked = theory.Setting(d=2, noise_variance=0.1, pretrain_shots=20, query="masked")
    for ask in (lambda: basins("zero_shot", masked, 1, rng=0), lambda: singular_limit(masked, [1e-3])):
        with pytest.raises(ValueError, match="query = 'masked' is not allowed: query must be 'attends'"):
            ask()
