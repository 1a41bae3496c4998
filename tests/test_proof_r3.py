"""R3 is proved as printed, and no mutant of what is printed or stated is."""

import pytest
from mutants import mutate

from theory import dense_fixed_points, fixed_points
from theory.proofs import r3_zero_shot_key_query
from theory.proofs.theorem import run

THEOREMS = {theorem.name: theorem for theorem in r3_zero_shot_key_query.THEOREMS}


@pytest.mark.parametrize("name", THEOREMS)
def test_proved(name):
    result = run(THEOREMS[name])
    assert result.proved, result.failure


@pytest.mark.parametrize("wrong", ["zero_shot", "zero_shot_value"])
def test_another_point_in_its_place_is_caught(monkeypatch, wrong):
    monkeypatch.setitem(fixed_points.POINTS, "zero_shot_kq", fixed_points.POINTS[wrong])
    assert not run(THEOREMS["R3"]).proved


def test_another_scale_is_caught(monkeypatch):
    point, _ = fixed_points.POINTS["zero_shot_kq"]
    monkeypatch.setitem(fixed_points.POINTS, "zero_shot_kq", (point, fixed_points.pretrained_value_scale))
    assert not run(THEOREMS["R3"]).proved


@pytest.mark.parametrize("wrong", ["zero_shot", "zero_shot_value"])
def test_another_matrix_point_is_caught(monkeypatch, wrong):
    monkeypatch.setitem(dense_fixed_points.POINTS, "zero_shot_kq", dense_fixed_points.POINTS[wrong])
    assert not run(THEOREMS["R3"]).proved


MUTANTS = [
    ("_limits", "(6 * epsilon * V)", "(3 * epsilon * V)"),
    ("_limits", "q: tau / epsilon", "q: tau"),
    ("_limits", "overlap * Sigma + Sigma @", "overlap * Sigma - Sigma @"),
    ("_minimiser", "(18 * size)", "(9 * size)"),
    ("_isotropic", "(d + 2) * t", "(d + 1) * t"),
    ("derive_singular", "2 * epsilon * linear", "epsilon * linear"),
    ("derive_singular", "outer(e, theta_0) + outer(theta_0, e)", "outer(e, theta_0)"),
]


@pytest.mark.parametrize(("function", "old", "new"), MUTANTS)
def test_a_wrong_statement_is_caught(monkeypatch, function, old, new):
    module = r3_zero_shot_key_query
    mutate(monkeypatch, module, function, old, new)
    theorem = THEOREMS["R3.singular"]
    proof = type(theorem)(*(getattr(theorem, name) for name in theorem.__slots__[:-1]), module.derive_singular)
    assert not run(proof).proved
