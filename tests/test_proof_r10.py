"""No mutant of what R10 prints is proved."""

import pytest
from mutants import assert_refuted, mutate

from theory import contractions, laws, lines, programs
from theory.proofs import r0_model, r10_flow, r10_points, r10_trajectory
from theory.wick import derivative, substitute

THEOREMS = {theorem.name: theorem for theorem in (*r10_flow.THEOREMS, r10_trajectory.THEOREM)}

INTERCEPT = "intercept = intercept - own.linear()"
RESPONSE = "self.response = self.Q @ self.Cv"

MUTANTS = [
    ("R10", contractions, "_Own.linear", "self.doubled(self.Cv)", "self.Q @ self.Cv"),
    ("R10", contractions, "_Contraction._variance", "2 * (one.constant", "(one.constant"),
    ("R10", contractions, "_Contraction._excess", "2 * (one.value", "(one.value"),
    ("R10.conservation", contractions, "_Contraction._variance", "values + one.constant * two", "values + two"),
    ("R10.conservation", contractions, "_Contraction._shares", "u = u + met.w * met.keyed", "u = u + met.keyed"),
    ("R10.conservation", contractions, "_Own.linear", "self.value * self.scores", "self.scores"),
    ("R10.odd", contractions, "_Contraction._biases", INTERCEPT, INTERCEPT + " - (own.v @ own.Cv) * self.space.constant"),
    ("R10.odd", contractions, "_Met.__init__", RESPONSE, RESPONSE + " + (self.v @ self.Cv) * space.constant"),
    ("R10.odd", contractions, "_Contraction._shares", "met.w * met.keyed\n", "met.w * met.keyed + met.w * space.constant\n"),
    ("R10.isotropic", lines, "Lines.isotropic", "objects(1, d - 1)", "objects(1, d)"),
    ("R10.isotropic", lines, "Lines.trace_of_product", "b._scale(u) @ v", "u @ v"),
    ("R10.isotropic", programs, "of_scalars", "gamma * theta, theta", "theta, theta"),
    ("R10.isotropic", lines, "LineOperator.__matmul__", "(u, other._scale(v))", "(u, v)"),
    ("R10.trajectory", laws, "_by_target", "8  # K", "4  # K"),
    ("R10.trajectory", laws, "zero_shot_value", "2 * (M @ y)", "M @ y"),
    ("R10.trajectory", laws, "_by_target", "t_1 * t_1 + 2 * t_2", "t_1 + 2 * t_2"),
    ("R10.trajectory", lines, "Lines.trace", "a.multiplicity @ a.diagonal", "a.diagonal.sum()"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "module", "function", "old", "new"), MUTANTS)
def test_mutant_is_caught(monkeypatch, name, module, function, old, new):
    assert_refuted(monkeypatch, THEOREMS[name], module, function, old, new)


def test_a_wrong_gradient_fails_the_second_route_too(monkeypatch):
    mutate(monkeypatch, contractions, "_Met.__init__", "+ inputs.noise_variance * space.label", "")
    assert any(printed != enumerated for printed, enumerated in r10_points.points())


@pytest.mark.parametrize(("symbol", "direction"), [("v_x", "h"), ("B", "H"), ("b", "h")])
def test_on_the_manifold_the_gradient_is_there(symbol, direction):
    """What vanishes orthogonally to the six scalars does not vanish in every direction."""
    gradient = derivative(r10_flow.printed_loss(), getattr(r0_model, symbol), getattr(r10_flow, direction))
    assert substitute(gradient, {**r0_model.ISOTROPIC, r0_model.theta: r0_model.theta_0}) != 0
