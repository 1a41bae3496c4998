"""The proof of R5 notices when what the calculator prints is wrong."""

from fractions import Fraction

import pytest
from mutants import assert_refuted, mutate

from theory import laws, lines
from theory.programs import Numbers, isotropic_world
from theory.proofs import r5_mixed_value
from theory.proofs.r4_zero_shot_value import gradient_at, matrix_worlds


def test_the_official_label_weight():
    numbers = Numbers(*map(Fraction, (5, Fraction(1, 10), 1, 20, 20, 0)))
    point = laws.mixed_value(isotropic_world(numbers, "tokens", False))
    beta = point.B.diagonal[0]  # the published weights are those of beta = 1
    assert (point.w * beta, point.v_x.coordinates[0] * beta) == (Fraction(104, 159), Fraction(1, 9))


MUTANTS = [
    (laws, "mixed_value", "8 * M2", "4 * M2"),
    (laws, "mixed_value", "t_1 * theta + 2 * M_theta", "t_1 * theta + M_theta"),
    (laws, "mixed_value", "(m + 3) * M2_theta", "(m + 2) * M2_theta"),
    (laws, "mixed_value", "t_2 * theta\n", "0 * theta\n"),
    (laws, "mixed_value", "/ (tokens * tokens)", "/ tokens"),
    (laws, "mixed_value", "(m + 2) * (m + 2) + 4 + m", "(m + 2) * (m + 2) + 4"),
    (laws, "mixed_value", "2 * ((m + 2) * t_1)", "(m + 2) * t_1"),
    (laws, "mixed_value", "2 * t_2 + m * t_2", "2 * t_2"),
    (laws, "mixed_value", "weight * tokens * (", "weight * ("),
    (laws, "mixed_value", "(weight * m) * row", "weight * row"),
    (laws, "mixed_value", "(m + 1) * inner", "m * inner"),
    (laws, "mixed_value", "signal(world) + world.noise_variance", "signal(world)"),
    (laws, "mixed_value", "tokens * inner(world, theta", "m * inner(world, theta"),
    (laws, "mixed_value", "at_zero - w * per_w", "at_zero + w * per_w"),
    (laws, "mixed_value", ", w=w)", ", w=-w)"),
    (laws, "mixed_value", "= start.gain", "= start.gain.T"),
    (lines, "Lines.solve", "b.coordinates, a.diagonal", "b.coordinates, a.diagonal + 1"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "function", "old", "new"), MUTANTS)
def test_a_wrong_formula_is_rejected(monkeypatch, module, function, old, new):
    assert_refuted(monkeypatch, r5_mixed_value.THEOREM, module, function, old, new)


def test_the_second_route_alone_rejects_one(monkeypatch):
    mutate(monkeypatch, laws, "mixed_value", "(m + 3) * M2_theta", "(m + 2) * M2_theta")
    for convention, world in matrix_worlds((1,)):
        point = laws.mixed_value(world)
        zero_shot, few = (gradient_at(world, point, k, convention) for k in (0, 2))
        assert any(a + world.few_shot_weight * b for a, b in zip(zero_shot, few, strict=True))
