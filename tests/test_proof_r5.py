"""The proof of R5 notices when what the calculator prints is wrong."""

from fractions import Fraction

import pytest
from mutants import assert_refuted, mutate

from theory import laws, lines
from theory.programs import Numbers, isotropic_world
from theory.proofs import r5_mixed_value
from theory.proofs.value_model import gradient_at, matrix_worlds


def test_the_official_label_weight():
    numbers = Numbers(*map(Fraction, (5, Fraction(1, 10), 1, 20, 20, 0)))
    point = laws.mixed_value(isotropic_world(numbers, "tokens", False))
    beta = point.B.diagonal[0]  # the published weights are those of beta = 1
    assert (point.w * beta, point.v_x.coordinates[0] * beta) == (Fraction(104, 159), Fraction(1, 9))


MUTANTS = [
    (laws, "_by_target", "8  # K", "4  # K"),
    (laws, "_by_target", "constant + m * t_2", "constant"),
    (laws, "_by_target", "2 * ((m + 2) * t_1)", "(m + 2) * t_1"),
    (laws, "_by_target", "(m + 2) * (m + 2) + 4 + m", "(m + 2) * (m + 2) + 4"),
    (laws, "_by_target", "world.sigma, world.target), t_1", "world.sigma, 2 * world.target), t_1"),
    (laws, "mixed_value", "/ (tokens * tokens)", "/ tokens"),
    (laws, "mixed_value", "(at_zero * at_zero)", "at_zero"),
    (laws, "mixed_value", "t_1 * x + 2 * (M @ x)", "t_1 * x + M @ x"),
    (laws, "mixed_value", "x)) + t_2 * x", "x))"),
    (laws, "mixed_value", "2 * powers(y, 2)", "2 * powers(y, 1)"),
    (laws, "mixed_value", "top = tokens * (M @ (X_2 + rest))", "top = m * (M @ (X_2 + rest))"),
    (laws, "mixed_value", "at_zero * read(M_X", "read(M_X"),
    (laws, "mixed_value", "M_X + powers(y, m + 1))\n    bottom", "powers(y, m + 1))\n    bottom"),
    (laws, "mixed_value", "powers(X_2 + rest, m + 1)", "powers(X_2 + rest, m)"),
    (laws, "mixed_value", "t_1 * y - M @ y", "t_1 * y"),
    (laws, "mixed_value", "top - (g * tokens)", "top - g"),
    (laws, "mixed_value", "t_1 * (t_2 * y)", "t_2 * y"),
    (laws, "mixed_value", "powers(X_2, 1)", "powers(X_2, 2)"),
    (laws, "mixed_value", "powers(rest, m + 1))", "powers(rest, m))"),
    (laws, "mixed_value", "+ t_2 * world.noise_variance", "+ world.noise_variance"),
    (laws, "mixed_value", "v_x = at_zero * X_y", "v_x = X_y"),
    (laws, "mixed_value", "m * (M @ y) + X_y", "M @ y + X_y"),
    (laws, "mixed_value", "- (g * w * m)", "- (g * w)"),
    (laws, "mixed_value", ", w=w)", ", w=-w)"),
    (laws, "mixed_value", "= start.gain", "= start.gain.T"),
    (lines, "Lines.solve", "b.coordinates, a.diagonal", "b.coordinates, a.diagonal + 1"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "function", "old", "new"), MUTANTS)
def test_a_wrong_formula_is_rejected(monkeypatch, module, function, old, new):
    assert_refuted(monkeypatch, r5_mixed_value.THEOREM, module, function, old, new)


def test_the_second_route_alone_rejects_one(monkeypatch):
    mutate(monkeypatch, laws, "mixed_value", "powers(X_2, 1)", "powers(X_2, 2)")
    for convention, world in matrix_worlds((1,)):
        point = laws.mixed_value(world)
        zero_shot, few = (gradient_at(world, point, k, convention) for k in (0, 2))
        assert any(a + world.few_shot_weight * b for a, b in zip(zero_shot, few, strict=True))
