"""The frontier of unseen against zero-shot risk: its forms, its numbers, and that nothing is below it."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import theory
from numerics import Term, frontier, gradient
from numerics.best_models import _forms
from theory.predictions import NINE, axis_world, nine_coordinates
from theory.programs import tasks_of
from theory.proofs import r23_one_head
from theory.proofs.printed_lines import run_lines

SETTING = theory.OFFICIAL
# Risks of order 1 from some thousand roundings, and conditions to 1e3.
ROUNDING = 1e-11


def exact_form(place, n):
    d, noise = Fraction(5), Fraction(1, 10)
    return nine_coordinates(
        axis_world(d, noise), tasks_of(axis_world(d, noise), place, 0), Fraction(n, n + 1), Fraction(1, n + 1)
    )


@pytest.mark.parametrize("n", [0, 1, 20])
def test_the_unseen_form_of_odd_heads_is_the_printed_one(n):
    """Typed by hand: the odd part is in-context learning, the even part is the price of the target."""
    d, nu, N = 5, Fraction(11, 10), n + 1
    rng = np.random.default_rng(0)
    unseen = exact_form("unseen", n)
    for _ in range(3):
        A, k, g, b, p, h, e = T = [Fraction(int(x), 7) for x in rng.integers(-9, 9, 7)]
        odd = (
            nu
            - 2 * n * (p + h / d) / N
            + (n * nu * b**2 + n * p**2 * (n + 1 + d * nu) + n * (h**2 + 2 * p * h) * (Fraction(n + 1, d) + nu))
            / Fraction(N**2)
        )
        even = (
            (n + 1) * A**2 + 2 * A * (k * (n + d + 2) + g * (n + 3) + e * n * nu)
            + k**2 * (n**2 + (3 * d + 5) * n + (d + 2) * (d + 4)) + g**2 * (n**2 + 8 * n + 15) + e**2 * n * (n + 2) * nu**2
            + 2 * k * g * (n**2 + (d + 7) * n + 3 * (d + 4)) + 2 * k * e * n * (nu * (n + d + 2) + Fraction(2, d))
            + 2 * g * e * n * (nu * (n + 3) + Fraction(2, d))
        ) / Fraction(N**2)  # fmt: skip
        assert unseen.at(np.array([*T, 0, 0], dtype=object)) + Fraction(1, 10) == odd + even


@pytest.mark.parametrize("models", ["one_head", "two_heads", "any_heads"])
@pytest.mark.parametrize("arguments", [{"d": 1}, {"d": 2, "target": [0.6, 1.2]}, {"d": 4, "normalization": "shots"}])
def test_the_model_has_the_risks_and_nothing_near_is_better(models, arguments):
    """Its risks by the one formula at dense (v, Q); and U + mu Z has no slope there in any entry of any head."""
    setting = theory.Setting(noise_variance=0.2, **arguments)
    target, n = setting.target_vector(), 7
    found = frontier(setting, n, 0.3 * target @ target, models)
    model = theory.AttentionParameters(found.model.v, found.model.Q)
    assert theory.risk(model, n, setting=setting, task="unseen") == pytest.approx(found.risk, abs=ROUNDING)
    assert theory.risk(model, 0, setting=setting) - 0.2 == pytest.approx(0.3 * target @ target, abs=ROUNDING)
    loss = (Term(1.0, n, None), Term(found.multiplier, 0, target))
    slopes = gradient(model, setting, loss)
    # one head: its direction is known to 1e-7, between points of the search's last grid
    atol = 1e-5 if models == "one_head" else ROUNDING
    assert max(abs(slopes.v).max(), abs(slopes.Q).max()) < atol


ONE_HEAD = {0.5: 0.346109, 0.25: 0.348620, 2 / 9: 0.349856, 0.2: 0.357496, 0.15: 0.448851, 0.1: 0.667140, 0.05: 0.943145,
            0.01: 0.979915, 0: 0.994741}  # fmt: skip
TWO_HEADS = {0.5: 0.345963, 2 / 9: 0.348000, 0.2: 0.348384, 0.1: 0.352555, 0.05: 0.35924, 0.01: 0.373965, 0: 0.390841}


@pytest.mark.parametrize(("models", "table"), [("one_head", ONE_HEAD), ("two_heads", TWO_HEADS)])
def test_the_published_numbers(models, table):
    """Found elsewhere, by dense multistarts (one head) and by another convex program, to the digits given."""
    for excess, risk in table.items():
        found = frontier(SETTING, 20, excess, models)
        assert found.risk == pytest.approx(risk, abs=5.1e-6 if models == "two_heads" else 5.1e-7)
        if models == "one_head":  # and the printed problem has them at its six scalars
            scalars = found.model.isotropic._asdict() | {"d": 5, "sigma2": 0.1}
            known, (zero_shot,) = run_lines(r23_one_head.EXCESS, scalars | {"L_ZS": 0.1 + excess})
            *_, unseen = run_lines(r23_one_head.UNSEEN, known | {"n": 20, "N": 21, "L_unseen": risk})[1]
            assert (zero_shot.difference, unseen.difference) == pytest.approx((0, 0), abs=5.1e-7)


def test_the_ends():
    before = theory.risk("pretrained", 20, setting=SETTING, task="unseen")
    # two odd heads at no excess: s_0 [n + 1 - n/(n + 2)]/(n + 1)^2; any number: a number found elsewhere
    assert frontier(SETTING, 20, 0, "two_heads").risk - before == pytest.approx((21 - 20 / 22) / 441, abs=ROUNDING)
    assert frontier(SETTING, 20, 0, "any_heads").risk - before == pytest.approx(0.01977182, abs=1e-8)
    for models in ("value", "one_head", "any_heads"):  # a bound that does not bind: pretrained at m = n is best
        free = frontier(SETTING, 20, 2, models)
        assert free.risk == pytest.approx(before, abs=ROUNDING)
        assert free.multiplier == 0
        assert free.excess == pytest.approx(1, abs=ROUNDING)


@pytest.mark.parametrize("excess", [0.0, 0.02, 0.25])
@pytest.mark.parametrize("size", [7, 9])
def test_no_point_is_below(excess, size):
    """Weak duality: the least of U + mu Z, less mu r, is below every U with Z <= r, and it is what was found."""
    found = frontier(SETTING, 20, excess, "two_heads" if size == 7 else "any_heads")
    unseen, zero_shot = _forms(SETTING, 20)
    mu = min(found.multiplier, 1e7)
    matrix, slope = ((x + mu * y) for x, y in ((unseen.matrix, zero_shot.matrix), (unseen.slope, zero_shot.slope)))
    constant = unseen.constant + mu * zero_shot.constant
    slope, matrix = slope[:size], matrix[:size, :size]
    bound = constant - slope @ np.linalg.solve(matrix, slope) - mu * excess + 0.1
    assert found.risk == pytest.approx(
        bound, abs=1e-7 if mu == 1e7 else ROUNDING
    )  # 1e7 times a rounding of 1e-16, and what 1/mu leaves


@pytest.mark.parametrize(
    "world",
    [
        {"d": 3},
        {"covariance": [2.0, 0.5, 1.0], "target": [1.0, -0.5, 0.0]},
        {"covariance": [[2.0, 0.5], [0.5, 1.0]], "task_covariance": [[1.0, 0.25], [0.25, 0.5]], "target": [1.0, -0.5]},
    ],
)
def test_value_alone_is_replay_at_the_shots_of_deployment(world):
    """Where n = m the pretrained w is the best, and replay with weight 1/multiplier is a law of its own."""
    setting = theory.Setting(noise_variance=0.2, pretrain_shots=6, **world)
    replay = theory.Strategy("value", replay=0.5)
    excess = theory.risk(replay, 0, setting=setting) - 0.2
    found = frontier(setting, 6, excess)
    assert found.multiplier == pytest.approx(2, rel=1e-8)  # a root in the excess, whose slope in it is some 1e2
    assert found.risk == pytest.approx(theory.risk(replay, 6, setting=setting, task="unseen"), abs=ROUNDING)
    expected = theory.fixed_point(replay, setting=setting)
    np.testing.assert_allclose(found.model.v, expected.v, atol=1e-9)
    np.testing.assert_allclose(found.model.Q, expected.Q, atol=1e-12)


def test_kinds_of_models_are_nested():
    risks = [frontier(SETTING, 5, 0.3, models).risk for models in ("any_heads", "two_heads", "one_head", "value")]
    assert risks == sorted(risks)
    assert len(NINE) == 9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((SETTING, 20, 0.2), r"excess = 0.2 is not allowed: excess must be >= 0.2222222222222222 for models = 'value'"),
        ((SETTING, 0, 0.2), "n_shots = 0"),
        ((SETTING, 20, -1), "excess = -1"),
        ((SETTING, 20, 0.2, "three_heads"), "models = 'three_heads'"),
        ((SETTING.replace(query="masked"), 20, 0.2), "query = 'masked'"),
        ((SETTING.replace(covariance=np.eye(5)), 20, 0.2, "one_head"), "models = 'one_head'"),
    ],
)
def test_what_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        frontier(*arguments)
