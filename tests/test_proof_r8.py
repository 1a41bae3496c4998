"""The proof of R8 notices when what the calculator or theory.conditions computes is wrong."""

from __future__ import annotations

import pytest
from mutants import assert_refuted

from theory import contractions, laws, programs, risk_formula, thresholds
from theory.laws import LAWS
from theory.proofs import r8_auxiliary_window, r8_curve
from theory.proofs.theorem import run

THEOREMS = WINDOW, CURVE = r8_auxiliary_window.THEOREM, r8_curve.THEOREM


def one_shot_more(original):
    return lambda world: original(world._replace(few_shot_shots=world.few_shot_shots + 1))


def one_token_more(original):
    return lambda world: original(world._replace(few_shot_tokens=world.few_shot_tokens + 1))


def reversed_comparison(original):
    return lambda terms, other, normalization, *others: original(other, terms, normalization, *others)


def always_tokens(original):
    return lambda terms, normalization, *others: original(terms, "tokens", *others)


LAW_MUTANTS = [
    (WINDOW, "mixed_value", one_shot_more),
    (WINDOW, "mixed_value", one_token_more),
    (WINDOW, "mixed_value", lambda original: laws.zero_shot_value),
    (CURVE, "mixed_value", one_shot_more),
    (CURVE, "mixed_value", one_token_more),
]
COMPARISONS = [(WINDOW, "below", reversed_comparison), (WINDOW, "shot_polynomial", always_tokens)]
MUTANTS = [
    (WINDOW, laws, "_ridge", "world.d * world.noise_variance", "2 * world.d * world.noise_variance"),
    (WINDOW, laws, "mixed_value", "x)) + t_2 * x", "x))"),
    (WINDOW, laws, "mixed_value", "powers(X_2 + rest, m + 1)", "powers(X_2 + rest, m)"),
    (WINDOW, laws, "zero_shot_value", "2 * (M @ y)", "M @ y"),
    (WINDOW, laws, "pretrained", "(world.gain - 1) * gain", "world.gain * gain"),
    (WINDOW, programs, "tasks_of", "space.identity / world.d", "space.identity"),
    (WINDOW, contractions, "_Contraction._biases", "intercept = intercept - own.linear()", "intercept = intercept + own.linear()"),
    (WINDOW, contractions, "_Contraction._spread", "power + own) * keys", "own) * keys"),
    (WINDOW, contractions, "_Contraction._slope", "(head.start - head.w) * mean", "0 * mean"),
    (WINDOW, risk_formula, "quadratic", "2 * (weight", "(weight"),
    (CURVE, laws, "_by_target", "+ 4 + m)", "+ 4)"),
    (CURVE, laws, "mixed_value", "- (g * w * m)", "+ (g * w * m)"),
    (CURVE, contractions, "_Contraction._shares", "truth.operator - varying.operator", "truth.operator + varying.operator"),
    (CURVE, contractions, "_Contraction._excess", "squared * values + turned", "squared * values - turned"),
]  # fmt: skip


@pytest.mark.parametrize(("theorem", "name", "mutate"), LAW_MUTANTS)
def test_a_wrong_law_is_rejected(monkeypatch, theorem, name, mutate):
    monkeypatch.setitem(LAWS, name, tuple(case._replace(point=mutate(case.point)) for case in LAWS[name]))
    assert not run(theorem).proved


@pytest.mark.parametrize(("theorem", "name", "mutate"), COMPARISONS)
def test_a_wrong_comparison_is_rejected(monkeypatch, theorem, name, mutate):
    monkeypatch.setattr(thresholds, name, mutate(getattr(thresholds, name)))
    assert not run(theorem).proved


@pytest.mark.parametrize(("theorem", "module", "function", "old", "new"), MUTANTS)
def test_a_wrong_formula_is_rejected(monkeypatch, theorem, module, function, old, new):
    assert_refuted(monkeypatch, theorem, module, function, old, new)
