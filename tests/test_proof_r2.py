"""No mutant of what R2 prints or states is proved."""

import doctest

import pytest
from mutants import assert_refuted
from sympy import QQ
from sympy.polys.fields import field

from theory import contractions, laws, programs, risk_formula
from theory.proofs import r2_families, r2_landscape, r2_selection, r2_zero_shot, radicals
from theory.proofs.theorem import ProofFailed, run
from theory.wick import derivative, substitute, vector

THEOREMS = {at.THEOREM.name: at.THEOREM for at in (r2_families, r2_landscape, r2_selection, r2_zero_shot)}


MUTANTS = [
    ("R2.zero_risk", r2_families, "zero_shot_excess", "r0_model.N: 1", "r0_model.N: 2"),
    ("R2.zero_risk", r2_families, "zero_shot_excess", "r0_model.r_x: 0", "r0_model.r_x: k"),
    ("R2.zero_risk", r2_families, "zero_shot_excess", "r0_model.theta: theta_0", "r0_model.theta: 2 * theta_0"),
    ("R2.zero_risk", r2_families, "zero_shot_excess", "r0_model.n: 0", "r0_model.n: 1"),
    ("R2.landscape", r2_landscape, "best_matrix", "theta_0: tau * v + omega", "theta_0: tau * v - omega"),
    ("R2.landscape", r2_landscape, "_without_value", "derivative(loss, v_x, h)", "derivative(loss, v_x, theta_0)"),
    ("R2.landscape", r2_landscape, "_complete_square", "(H + H.T) / 2", "H"),
    ("R2.landscape", r2_landscape, "_complete_square", "q: tau + r", "q: tau - r"),
    ("R2.landscape", r2_landscape, "_saddles", "q: tau, B", "q: 2 * tau, B"),
    ("R2.landscape", r2_landscape, "_saddles", "theta_0 - tau * turned", "theta_0 + tau * turned"),
    ("R2.landscape", r2_landscape, "_flow", "- derivative(loss, q, q)", "+ derivative(loss, q, q)"),
    ("R2.landscape", r2_landscape, "_flow", "trace(identity): d", "trace(identity): d + 1"),
    ("R2.selection", laws, "_inverse_zero_shot_scale", "+ 4 *", "+ 2 *"),
    ("R2.selection", laws, "_inverse_zero_shot_scale", "((norm2 +", "((-norm2 +"),
    ("R2.selection", laws, "_inverse_zero_shot_scale", "world.target @ world.target", "inner(world, world.target, world.target)"),
    ("R2.selection", laws, "_inverse_zero_shot_scale", "/ 2) / N_0", "/ 2)"),
    ("R2.selection", laws, "_inverse_zero_shot_scale", "N_0 * N_0", "N_0"),
    ("R2.selection", laws, "zero_shot", "world.zero_shot_tokens, 0)", "1, 0)"),
    ("R2.selection", laws, "zero_shot_scale", "1 / _inverse", "_inverse"),
    ("R2.selection", laws, "zero_shot_scale", "(world)[1]", "(world)[0]"),
    ("R2.selection", laws, "zero_shot", "* w_0", ""),
    ("R2.selection", laws, "zero_shot", "world, 1,", "world, 2,"),
    ("R2.selection", laws, "_memory", "alpha * theta", "-alpha * theta"),
    ("R2.selection", laws, "_memory", "delta * theta", "q * theta"),
    ("R2.selection", laws, "_memory", "0 * world.sigma", "world.sigma"),
    ("R2.selection", laws, "_start_norm2", "(world.value_scale * world.value_scale)", "world.value_scale"),
    ("R2.selection", laws, "_start_norm2", "return square_root(balanced)", "return balanced"),
    ("R2.selection", laws, "_start_norm2", "balanced = square_root(norm2)", "balanced = norm2"),
    ("R2.selection", laws, "product_norm2", "product, product", "product, world.space.identity"),
    ("R2.selection", laws, "pretrained_scale", "square_root(square_root(", "(square_root("),
    ("R2.risk", laws, "_memory", "alpha * theta, w, q", "alpha * theta, w, 2 * q"),
    ("R2.risk", contractions, "_Met.__init__", "own.v + self.w * (", "own.v - self.w * ("),
    ("R2.risk", contractions, "_Contraction._variance", "two.scores) * values", "two.scores)"),
    ("R2.risk", contractions, "_Own.linear", "+ self.score) * self.v", "- self.score) * self.v"),
    ("R2.risk", contractions, "_Contraction._biases", "slope, intercept = self._slope(truth), 0 * truth", "slope, intercept = self._slope(truth), truth"),
    ("R2.risk", programs, "tasks_of", "1 - departure", "1 + departure"),
    ("R2.risk", programs, "tasks_of", "space.identity / world.d", "space.identity"),
    ("R2.risk", risk_formula, "risk_at", "n_shots * slope + intercept", "n_shots * slope - intercept"),
    ("R2.risk", r2_zero_shot, "_destroyed", "{theta: theta_0,", "{theta: 2 * theta_0,"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "module", "function", "old", "new"), MUTANTS)
def test_mutant_is_caught(monkeypatch, name, module, function, old, new):
    assert_refuted(monkeypatch, THEOREMS[name], module, function, old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (" + (v_0*q + trace(K @ Sigma))**2", ""),
        ("(B + B.T)/2", "B"),
        ("4*norm2", "2*norm2"),
        ("2*trace(K", "trace(K"),
        ("2*S @ Sigma @ v_x", "S @ Sigma @ v_x"),
    ],
)
def test_a_wrong_risk_formula_fails_by_both_routes(monkeypatch, old, new):
    assert r2_families.SQUARES.count(old) == 1
    monkeypatch.setattr(r2_families, "SQUARES", r2_families.SQUARES.replace(old, new))
    assert not run(THEOREMS["R2.zero_risk"]).proved
    assert any(formula != coordinates for formula, coordinates in r2_families._points())


def test_roots_by_themselves():
    """The examples; a nested root; a zero divisor of the wrong branch; a sign that cannot be read off."""
    assert doctest.testmod(radicals).failed == 0
    F, a, b = field("a b", QQ)
    lift = radicals.Roots(F)
    inner = lift(a) ** 0.5
    outer = (inner + b) ** 0.5
    assert (outer**2 - b) ** 2 == a
    assert (1 / (outer + inner)) * (inner + outer) == 1
    assert lift(4 * a**3) ** 0.5 == 2 * a * inner
    assert (inner == b) is False
    assert inner.rational.__self__ is inner
    with pytest.raises(ValueError, match="a root is left"):
        inner.rational()
    with pytest.raises(ProofFailed, match="sign"):
        lift((a - b) ** 2) ** 0.5
    with pytest.raises(ProofFailed, match="zero"):
        1 / (inner - inner)
    assert lift(-a) < 0
    assert not lift(a) + b < 0
    with pytest.raises(ProofFailed, match="sign"):
        lift(a - b) < 0  # noqa: B015 - it raises


def test_roots_are_coefficients_of_the_calculus():
    """They add, multiply and divide there; what would have to look into them says so."""
    F, a, b = field("a b", QQ)
    lift = radicals.Roots(F)
    u, v, root = vector("u"), vector("v"), lift(a) ** 0.5
    expression = (root * u) @ v + b * (u @ v)
    assert expression / root == (1 + b / root) * (u @ v)
    assert ((root * u) @ (root * u)) == a * (u @ u)
    assert substitute(expression, {u @ v: root}) == a + b * root
    with pytest.raises(TypeError, match="cannot be replaced"):
        substitute(expression, {a: b})
    with pytest.raises(TypeError, match="cannot be differentiated"):
        derivative(expression, a, 1)
