"""The proof of R9 notices when what the calculator or theory.conditions computes is wrong."""

from __future__ import annotations

import pytest
from mutants import assert_refuted

from theory import contractions, laws, risk_formula, thresholds
from theory.laws import LAWS
from theory.proofs import r9_conditions, r9_limits, r9_price
from theory.proofs.theorem import run

(MECHANISM, THRESHOLDS), PRICE, LIMITS = r9_conditions.THEOREMS, r9_price.THEOREM, r9_limits.THEOREM


def lost_factor(original):
    """2 c_0 n of (n + 1)^2 forgotten."""

    def mutant(terms, normalization, *others):
        left, right, at_zero = original(terms, normalization, *others)
        return thresholds.Comparison(left, (right[0] / 2, *right[1:]), at_zero)

    return mutant


def swapped(original):
    return lambda terms, other, normalization, *others: original(other, terms, normalization, *others)


def always_tokens(original):
    return lambda terms, normalization, *others: original(terms, "tokens", *others)


def three_for_two(original):
    """m + 3 for m + 2 in the recital."""
    return lambda world: original(world._replace(few_shot_shots=world.few_shot_shots + 1))


def doubled_label(original):
    """w moved, though the price is for w unchanged."""

    def mutant(world):
        point = original(world)
        return point._replace(w=2 * point.w)

    return mutant


COMPARISONS = [
    (MECHANISM, "below_zero_shot", lost_factor),
    (MECHANISM, "below", swapped),
    (MECHANISM, "shot_polynomial", always_tokens),
    (PRICE, "below", swapped),
    (THRESHOLDS, "below_zero_shot", lost_factor),
]
LAW_MUTANTS = [
    (PRICE, "zero_shot_value", doubled_label),
    (PRICE, "pretrained", doubled_label),
    (THRESHOLDS, "mixed_kq", three_for_two),
    (THRESHOLDS, "pretrained", lambda original: laws.zero_shot_value),
    (LIMITS, "mixed_kq", three_for_two),
    (LIMITS, "zero_shot_value", lambda original: laws.pretrained),
]
MUTANTS = [
    (MECHANISM, risk_formula, "risk_at", "n_shots * per_shot", "per_shot"),
    (MECHANISM, risk_formula, "quadratic", "2 * (weight", "(weight"),
    (MECHANISM, risk_formula, "quadratic", "slope + linear * truth", "slope + constant * truth"),
    (PRICE, laws, "_by_target", "8  # K", "4  # K"),
    (PRICE, contractions, "_Contraction.terms", "slope - shares.moment * shares.u", "2 * slope - shares.moment * shares.u"),
    (THRESHOLDS, laws, "_by_target", "4 * t_1", "2 * t_1"),
    (THRESHOLDS, laws, "_ridge", "world.d * world.noise_variance", "world.noise_variance"),
    (LIMITS, laws, "_inverse_zero_shot_scale", "+ 4 * ", "+ 2 * "),
    (LIMITS, laws, "pretrained", "(world.gain - 1) * gain", "world.gain * gain"),
    (MECHANISM, thresholds, "below", "(second, 1 + k)", "(second, 1 + k_other)"),
    (MECHANISM, thresholds, "_times_square", "2 * N_0", "N_0"),
    (MECHANISM, thresholds, "zero_shot_excess", "tokens(0, normalization, prompt_tokens)", "tokens(0, normalization)"),
    (MECHANISM, risk_formula, "limit_of_many_shots", "(slope * slope)", "slope"),
    (LIMITS, risk_formula, "limit_of_many_shots", "(slope * slope)", "(2 * slope * slope)"),
]  # fmt: skip


@pytest.mark.parametrize(("theorem", "name", "mutate"), COMPARISONS)
def test_a_wrong_comparison_is_rejected(monkeypatch, theorem, name, mutate):
    monkeypatch.setattr(thresholds, name, mutate(getattr(thresholds, name)))
    assert not run(theorem).proved


@pytest.mark.parametrize(("theorem", "name", "mutate"), LAW_MUTANTS)
def test_a_wrong_law_is_rejected(monkeypatch, theorem, name, mutate):
    monkeypatch.setitem(LAWS, name, tuple(case._replace(point=mutate(case.point)) for case in LAWS[name]))
    assert not run(theorem).proved


@pytest.mark.parametrize(("theorem", "module", "function", "old", "new"), MUTANTS)
def test_a_wrong_formula_is_rejected(monkeypatch, theorem, module, function, old, new):
    assert_refuted(monkeypatch, theorem, module, function, old, new)
