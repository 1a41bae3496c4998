"""The proof of R4 notices when what the calculator prints is wrong."""

import pytest
from mutants import assert_refuted, mutate

from theory import contractions, laws, lines, programs
from theory.proofs import r4_zero_shot_value

MUTANTS = [
    (laws, "_by_target", "8  # K", "0  # K"),
    (laws, "_by_target", "4 * t_1", "2 * t_1"),
    (laws, "_by_target", "t_1 * t_1 + 2 * t_2", "t_1 * t_1 + t_2"),
    (laws, "zero_shot_value", "t_1 * y + 2 * (M @ y)", "t_1 * y + M @ y"),
    (laws, "zero_shot_value", "world.zero_shot_tokens * ", ""),
    (laws, "zero_shot_value", "= start.gain", "= start.gain.T"),
    (laws, "zero_shot_value", "start._replace(v_x=", "start._replace(w=2, v_x="),
    (laws, "zero_shot_value", "start._replace(v_x=", "start._replace(q=1, v_x="),
    (laws, "zero_shot_value", "start._replace(v_x=", "start._replace(residual=start.gain, v_x="),
    (contractions, "_Contraction._excess", "if not self.layer.attends", "if self.layer.attends"),
    (contractions, "_Contraction._variance", "values + one.constant", "2 * values + one.constant"),
    (programs, "tasks_of", "space.identity / world.d", "space.identity / (world.d + 1)"),
    (lines, "Lines.isotropic", "objects(1, d - 1)", "objects(1, d)"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "function", "old", "new"), MUTANTS)
def test_a_wrong_formula_is_rejected(monkeypatch, module, function, old, new):
    assert_refuted(monkeypatch, r4_zero_shot_value.THEOREM, module, function, old, new)


def test_the_second_route_alone_rejects_one(monkeypatch):
    mutate(monkeypatch, laws, "_by_target", "8  # K", "4  # K")
    for convention, world in r4_zero_shot_value.matrix_worlds():
        point = laws.zero_shot_value(world)
        assert any(r4_zero_shot_value.gradient_at(world, point, 0, convention))
