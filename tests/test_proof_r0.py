"""No mutant of what R0 prints is proved."""

import pytest
from mutants import assert_refuted, mutate

from theory import contractions, lines, programs, prompt, risk_formula, space
from theory.proofs import r0_risk, r0_risk_formula, r0_special_cases
from theory.space import polarised

THEOREMS = {
    theorem.name: theorem for theorem in (*r0_risk.THEOREMS, *r0_risk_formula.THEOREMS, *r0_special_cases.THEOREMS)
}


MUTANTS = [
    ("R0.formula", risk_formula, "risk_at", "fixed + n_shots * per_shot", "fixed + per_shot"),
    ("R0.formula", risk_formula, "risk_at", "total / (N * N)", "total / N"),
    ("R0.formula", risk_formula, "risk_at", "intercept + beyond * truth", "intercept - beyond * truth"),
    ("R0.formula", risk_formula, "quadratic", "2 * (weight * (rate", "1 * (weight * (rate"),
    ("R0.formula", risk_formula, "quadratic", "slope + linear * truth", "slope - linear * truth"),
    ("R0.formula", risk_formula, "quadratic", "weight * (at_zero * at_zero)", "weight * at_zero"),
    ("R0.formula", prompt, "tokens", "n_shots + (1 + prompt_tokens)", "n_shots + (2 + prompt_tokens)"),
    ("R0.formula", prompt, "beyond_shots", "return 1 if n_shots == 0 else 0", "return 1"),
    ("R0.formula", prompt, "beyond_shots", "normalization - n_shots", "normalization"),
    ("R0.formula", prompt, "beyond_shots", "1 + prompt_tokens", "1"),
    ("R0.formula", prompt, "at_least_one", "n_shots + 1 if n_shots == 0 else n_shots", "n_shots + 1"),
    ("R0.squares", space, "orthogonal", "range(k)", "range(k - 1)"),
    ("R0.squares", space, "orthogonal", "exact_quotient(product(rest[k], rest[later]), weight)", "2 * product(rest[k], rest[later]) / weight"),
    ("R0.squares", space, "orthogonal", "rest[later] - coordinates", "rest[later] + coordinates"),
    ("R0.squares", space, "orthogonal", "coordinates[k] = 1", "coordinates[k] = 2"),
    ("R0.squares", space, "orthogonal", "* rest[k]\n", "* (rest[k] if k == 2 else 0 * rest[k])\n"),
    ("R0.squares", space, "polarised", "gram[i, i] - others", "gram[i, i] + others"),
    ("R0", contractions, "_Own.linear", "self.doubled(self.Cv)", "self.Q @ self.Cv"),
    ("R0", contractions, "_Own.linear", "(2 * (self.score * self.value))", "(self.score * self.value)"),
    ("R0", contractions, "_Own.linear", "(self.CQ) + self.score", "(self.CQ)"),
    ("R0", contractions, "_Own.all_doubled", "self.Q.T", "self.Q"),
    ("R0", contractions, "_Own.__init__", "self.Q @ cov, cov @ self.Q", "self.Q @ cov, self.Q @ cov"),
    ("R0", contractions, "_Own.__init__", "product, product.T", "product, product"),
    ("R0", contractions, "_Contraction._excess", "squared * values + turned @", "squared * values + 2 * turned @"),
    ("R0", contractions, "_Contraction._excess", "2 * (one.value", "(one.value"),
    ("R0", contractions, "_Contraction._excess", "two.SC.T for two", "two.SC for two"),
    ("R0", contractions, "_Contraction._excess", "one.value * two.value * squared", "squared"),
    ("R0", contractions, "_Met.__init__", "+ inputs.noise_variance * space.label", ""),
    ("R0", contractions, "_Met.__init__", "own.v + self.w * (task", "own.v + (task"),
    ("R0", contractions, "_Met.__init__", "task - own.anchor", "task + own.anchor"),
    ("R0", contractions, "_Met.__init__", "+ self.constant * self.scores", ""),
    ("R0", contractions, "_Contraction._variance", "values + one.constant * two.constant", "values"),
    ("R0", contractions, "_Contraction._variance", "2 * (one.constant", "(one.constant"),
    ("R0", contractions, "_Contraction._variance", "two.scores) * values", "two.scores)"),
    ("R0", contractions, "_Contraction._variance", "+ self.product(returned[i], crossed)", ""),
    ("R0", contractions, "_Contraction._slope", "(head.start - head.w) * mean", "(head.start + head.w) * mean"),
    ("R0.isotropic", contractions, "_Contraction._excess", "squared * values + turned @", "squared * values - turned @"),
    ("R0.isotropic", lines, "Lines.isotropic", "objects(1, d - 1)", "objects(1, d)"),
    ("R0.isotropic", lines, "Lines.trace", "a.multiplicity @ a.diagonal", "a.diagonal.sum()"),
    ("R0.isotropic", lines, "Lines.trace_of_product", "b._scale(u) @ v", "u @ v"),
    ("R0.isotropic", lines, "Lines.trace_of_product", "(u @ p) * (v @ q)", "(u @ p)"),
    ("R0.isotropic", lines, "Lines.squares", "self._tokens * (metric", "(metric"),
    ("R0.isotropic", lines, "LineOperator.__matmul__", "(u, other._scale(v))", "(u, v)"),
    ("R0.isotropic", programs, "tasks_of", "1 - departure, 1", "1 - departure, 0"),
    ("R0.isotropic", programs, "of_scalars", "gamma * theta, theta", "theta, theta"),
    ("R0.average", programs, "tasks_of", "(world.d + 2)", "(world.d + 1)"),
    ("R0.average", programs, "tasks_of", "space.identity / world.d", "space.identity"),
    ("R0.average", lines, "Lines.squares_of_operators", "(times - 1)", "times"),
    ("R0.average", contractions, "_Contraction._spread", "4 * self.product(u, along)", "2 * self.product(u, along)"),
    ("R0.average", contractions, "_Contraction._spread", "2 * (power * power + 2 * power2)", "(power * power + 2 * power2)"),
    ("R0.average", contractions, "_Contraction._varying_power", "moment2) - moment * moment", "moment2)"),
    ("R0.average", contractions, "_Contraction._shares", "(head.start - head.w) * head.right", "(head.start + head.w) * head.right"),
    ("R0.average", contractions, "_Contraction._shares", "G_C + met.w * met.right", "G_C + met.right"),
    ("R0.average", contractions, "_Contraction.terms", "slope - shares.moment * shares.u", "slope + shares.moment * shares.u"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "module", "function", "old", "new"), MUTANTS)
def test_mutant_is_caught(monkeypatch, name, module, function, old, new):
    assert_refuted(monkeypatch, THEOREMS[name], module, function, old, new)


def test_brute_force_alone_catches_a_mutant(monkeypatch):
    """Wherever there is a shot, the second route sees what the first does."""
    mutate(monkeypatch, contractions, "_Contraction._variance", "+ self.product(returned[i], crossed)", "")
    one_dimension = list(r0_risk._dense_points())[:8]  # n = 0, 1, 2, 3, in two conventions each
    assert [printed == coordinates for printed, coordinates in one_dimension] == [True] * 2 + [False] * 6


def test_polarised_squares_are_the_quadratic_form():
    vectors = (2, 3, 5)  # on a line
    squares = polarised(vectors, lambda u, v: u * v)
    for n, beyond in ((0, 1), (1, 0), (7, 2)):
        total = sum(g * (n * a + e + beyond * t) ** 2 for g, a, e, t in squares)
        assert total == (n * 2 + 3 + beyond * 5) ** 2
