"""Several targets: the average of the losses, exactly; what K tasks keep of in-context learning; bad calls; R24's proof."""

from fractions import Fraction as F

import numpy as np
import pytest
from mutants import assert_refuted

import theory
from theory import AttentionParameters, NoClosedForm, Setting, Strategy, fixed_point, laws, risk, several_targets
from theory.proofs import enumeration, r24_several_targets

SIGMA = np.array([[F(2), F(1, 2)], [F(1, 2), F(1)]], dtype=object)
TASKS = np.array([[F(1), F(-1, 2)], [F(1, 3), F(2)], [F(-1), F(1)]], dtype=object)
WEIGHTS = [F(1), F(2), F(3)]
SEVERAL = Setting(
    covariance=SIGMA, task_covariance=[F(1), F(1, 3)], target=TASKS, target_weights=WEIGHTS, noise_variance=F(1, 3),
    pretrain_shots=4, few_shot_shots=2, value_scale=F(2),
)  # fmt: skip
THEOREM = r24_several_targets.THEOREM


def each(setting=SEVERAL):
    """(share, the setting of one target)."""
    shares = [F(1, len(setting.target))] * len(setting.target) if setting.target_weights is None else WEIGHTS
    total = sum(shares)
    return [
        (share / total, setting.replace(target=task, target_weights=None))
        for share, task in zip(shares, setting.target, strict=True)
    ]


@pytest.mark.parametrize("task", ["target", "opposite"])
@pytest.mark.parametrize("strategy", ["mixed_kq", "mixed_value", "soft_prompt"])
def test_the_risk_on_the_targets_is_the_average(strategy, task):
    found = risk(strategy, 3, setting=SEVERAL, task=task)
    layer = fixed_point(strategy, setting=SEVERAL)
    assert found == risk(layer, 3, setting=SEVERAL, task=task) or strategy == "soft_prompt"  # whose token holds roots
    if strategy != "soft_prompt":
        assert found == sum(share * risk(layer, 3, setting=one, task=task) for share, one in each())


@pytest.mark.parametrize(
    ("strategy", "weight", "block"),
    [
        ("mixed_kq", 0, "Q"),
        ("zero_shot_value", 0, "v_x"),
        ("mixed_value", F(1, 2), "v"),
        (Strategy("value", few_shot=F(2), replay=0), 0, "v"),
    ],
)
def test_no_slope_is_left_by_enumeration(strategy, weight, block):
    """The gradient of the averaged losses, each by the definition, at the law's model."""
    setting = SEVERAL.replace(few_shot_weight=weight)
    model = fixed_point(strategy, setting=setting)
    losses = {"mixed_kq": [(1, 2)], "zero_shot_value": [(1, 0)], "mixed_value": [(1, 0), (weight, 2)]}
    total_v, total_Q = 0, 0
    for factor, shots in losses.get(strategy, [(1, 0), (2, 2)]):
        for share, one in each():
            dv, dQ = enumeration.exact_gradient(
                model.v.tolist(), model.Q.tolist(), SIGMA.tolist(), one.target.tolist(), F(1, 3), shots
            )
            total_v, total_Q = total_v + factor * share * np.array(dv), total_Q + factor * share * np.array(dQ)
    slopes = {"Q": total_Q.ravel(), "v": total_v, "v_x": total_v[1:-1]}[block]
    assert not slopes.any()


def test_targets_of_one_power_and_known_numbers():
    """K random unit targets at the official setting: what is known is an average over 20 draws, to about 0.1."""
    rng = np.random.default_rng(0)
    known = {2: 1.433, 3: 1.036, 6: 0.557, 12: 0.390, 50: 0.349}
    for K, value in known.items():
        draws = []
        for _ in range(20):
            tasks = rng.normal(size=(K, 5))
            tasks /= np.linalg.norm(tasks, axis=1)[:, None]
            draws.append(risk("mixed_kq", 20, setting=theory.OFFICIAL.replace(target=tasks), task="unseen"))
        # Two means of 20 draws differ by chance; six of their standard errors, which the draws tell.
        assert abs(np.mean(draws) - value) < 6 * np.std(draws) * np.sqrt(2 / 20) + 1e-3


def test_one_target_given_as_a_row_or_many_times():
    one = theory.OFFICIAL.replace(target=[0.6, 0.0, 0.8, 0.0, 0.0])
    assert theory.OFFICIAL.replace(target=[[0.6, 0.0, 0.8, 0.0, 0.0]]) == one
    twice = one.replace(target=[one.target, one.target], target_weights=[1, 3])
    for name in theory.STRATEGIES:
        if name != "mixed":
            for n in (0, 7):
                for task in ("target", "opposite", "unseen"):
                    assert risk(name, n, setting=twice, task=task) == pytest.approx(
                        risk(name, n, setting=one, task=task), rel=1e-12
                    )


def test_opposite_targets_leave_in_context_learning_as_pretraining_does():
    """Mean zero, one power, V = Psi: R6 meets R1."""
    axes = np.eye(3)
    setting = Setting(
        target=np.concatenate([axes, -axes]), noise_variance=0.1, pretrain_shots=20, task_covariance=axes / 3
    )
    for n in (0, 5):
        found, expected = (risk(name, n, setting=setting, task="unseen") for name in ("mixed_kq", "pretrained"))
        assert found == pytest.approx(expected, rel=1e-13)
    with pytest.raises(ValueError, match="mean that is not zero for 'zero_shot'"):
        risk("zero_shot", 3, setting=setting)


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ({"target": [[1.0, 2.0], [1.0]]}, ["target = ", "one length", "[2, 1]"]),
        ({"target": [[1.0, 2.0], [0.0, 0.0]]}, ["target[1] = ", "non-zero"]),
        ({"target": [[1.0, 2.0]], "target_weights": [1.0]}, ["target_weights = ", "K >= 2"]),
        ({"target": [[1.0, 2.0], [3.0, 1.0]], "target_weights": [1.0]}, ["target_weights = ", "(2,)"]),
        ({"target": [[1.0, 2.0], [3.0, 1.0]], "target_weights": [1.0, -1.0]}, ["target_weights = -1.0"]),
        ({"d": 3, "target": [[1.0, 2.0], [3.0, 1.0]]}, ["its dimension is 2", "d says 3"]),
    ],
)
def test_bad_targets(arguments, parts):
    with pytest.raises(ValueError, match="is not allowed") as caught:
        Setting(**arguments)
    assert all(part in str(caught.value) for part in parts)


def test_what_several_targets_do_not_have():
    with pytest.raises(NoClosedForm, match="fourth moments"):
        risk("mixed", 3, setting=SEVERAL)
    with pytest.raises(ValueError, match="one vector here"):
        SEVERAL.target_vector()


@pytest.mark.parametrize(
    ("module", "function", "old", "new"),
    [
        (laws, "mixed_value", "powers(apart, m + 1))\n    w", "powers(apart, m))\n    w"),
        (laws, "mixed_value", "(tokens * inner(world, apart, M @ apart))", "inner(world, apart, M @ apart)"),
        (several_targets, "mixed_key_query", "- (m + 2) * space", "- (m + 1) * space"),
        (several_targets, "mixed_key_query", "p * (y * y)", "p * y"),
        (several_targets, "mixed_key_query", "- B @ (sigma @ share)", "+ B @ (sigma @ share)"),
    ],
)
def test_a_wrong_formula_is_rejected(monkeypatch, module, function, old, new):
    assert_refuted(monkeypatch, THEOREM, module, function, old, new)


def test_a_model_of_ones_own_on_several_targets():
    model = AttentionParameters([0, 0, 0, F(1)], np.diag([F(0), F(1, 2), F(1, 2), F(0)]))
    assert risk(model, 2, setting=SEVERAL) == sum(share * risk(model, 2, setting=one) for share, one in each())
