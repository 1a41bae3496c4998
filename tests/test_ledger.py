"""The ledger: verdicts are computed, and follow the formulas when these change."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace

import pytest

import theory
from theory import ledger
from theory.conventions import CODE, NOTES
from theory.ledger import lee2026, lee2026_figures, lu2025, optima, reading, spectra, zhang2024
from theory.proofs import r2_zero_shot, r5_mixed_value
from theory.shot_ranges import common, describe_shots

RULINGS = {
    "pretrained a": "corrected",
    "zero-shot c": "conditional",
    "zero-shot value w": "corrected",
    "mixed value w*": "corrected",
    "w*(n)": "confirmed",
    "w*(n, theta) limit": "conditional",
    "full fine-tuning limit": "corrected",
    "value zero-shot error": "confirmed",
    "dashed lines": "conditional",
    "all parameters harm": "confirmed",
    "value only keeps": "conditional",
    "auxiliary trades": "conditional",
    "value opposite error": "corrected",
    "threshold with noise": "corrected",
    "key-query zero-shot level": "corrected",
    "key-query mixed level": "corrected",
    "value floor": "confirmed",
    "w undetermined": "confirmed",
    "qualitative agreement": "conditional",
    "MMLU experiments": "empirical",
    "trained at N, evaluated at M": "confirmed",
    "upper bound": "bound",
    "covariate shift": "confirmed",
    "global optimum": "confirmed",
    "step of gradient descent": "confirmed",
    "risk of any preconditioner": "confirmed",
    "least risk": "confirmed",
    "loss plateaus": "confirmed",
    "tasks of a subspace": "confirmed",
    "error of any readout": "confirmed",
    "least error in the limit": "confirmed",
    "error in the script": "corrected",
}
ROWS = (lee2026, lee2026_figures, zhang2024, optima, spectra, lu2025)  # their modules


def claim(name: str) -> ledger.Claim:
    return next(claim for claim in ledger.CLAIMS if claim.name == name)


def verdict(name: str) -> ledger.Verdict:
    return claim(name).judge(claim(name).printed)


@pytest.mark.usefixtures("known_verdicts")
def test_every_claim_has_its_ruling():
    assert {judged.claim.name: judged.verdict.ruling for judged in theory.claims()} == RULINGS


def test_a_paper_s_claims_alone():
    assert [judged.claim.name for judged in theory.claims("zhang2024")] == list(RULINGS)[20:23]
    with pytest.raises(ValueError, match=r"paper = 'ahn2024' .*ahn2023"):
        theory.claims("ahn2024")


@pytest.mark.usefixtures("known_verdicts")
def test_a_row_says_whose_conventions_it_is_read_in_and_what_was_read():
    for judged in theory.claims():
        row = judged.claim.convention()
        assert row.key == judged.claim.paper
        assert judged.claim.source in (CODE, NOTES)
        assert row.source == CODE or judged.claim.source == NOTES
        assert judged.claim.source in judged._repr_html_()


def test_derived_values_are_those_of_the_theory():
    assert f"{Fraction(21, 1) / (21 + 5 + Fraction(1, 2))}" in verdict("pretrained a").derived
    a, d = 42 / 53, 5
    # R2's law, c^2 - 1/c^2 = -|B|^2: the balanced start has w_0^2 = |B|^2 = a sqrt(d), that of w_0 = 1 |B|^2 = a^2 d.
    for w2, b2 in ((a * d**0.5, a * d**0.5), (1, a**2 * d)):
        c2 = (b2**2 / 4 + 1) ** 0.5 - b2 / 2
        assert f"{(c2 / w2) ** 0.5:.4f}" in verdict("zero-shot c").derived
    assert "104/159" in verdict("mixed value w*").derived
    assert "w*(21)" in verdict("mixed value w*").reason
    assert "29/90" in verdict("value zero-shot error").derived
    assert "1.1" in verdict("full fine-tuning limit").derived


def test_the_window_of_the_auxiliary_loss_is_where_the_parabolas_say():
    """R8: it helps the target iff w*(n) < (a + w*(m))/2, hurts unseen iff a(n) > (a + w*(m))/2."""

    def w_star(n):
        return (Fraction(n + 1) - Fraction(n + 13, 9)) / (n + 6 + Fraction(1, 2))

    middle = (Fraction(42, 53) + w_star(20)) / 2
    inside = [n for n in range(1, 401) if w_star(n) < middle < Fraction(n + 1) / (n + 6 + Fraction(1, 2))]
    assert f"{inside[0]} <= n <= {inside[-1]}" in verdict("auxiliary trades").derived


def changed(monkeypatch, **changes):
    """The ledger asks for another dimension, noise or the like than it means to."""
    for name in ("fixed_point", "risk", "conditions"):
        modules = [module for module in ROWS if hasattr(module, name)]
        right = getattr(theory, name)

        def mutant(strategy, *numbers, right=right, **setting):
            strategy = changes.get("strategy", lambda of: of)(strategy)
            keys = ("d",) if right is theory.conditions else ("n", "d")
            given = {**dict(zip(keys, numbers, strict=False)), **setting}
            some = {key for key in changes if key in given or key == "normalization"} - {"strategy"}
            given |= {key: changes[key](given.get(key)) for key in some}
            numbers = () if "n" not in given else (given.pop("n"),)
            return right(strategy, *numbers, **given)

        for module in modules:
            monkeypatch.setattr(module, name, mutant)


def instead(**names):
    """One strategy in another's place."""
    return {"strategy": lambda strategy: names.get(strategy, strategy)}


DIMENSION = {"d": lambda d: d + 1}
NOISE = {"noise_variance": lambda noise: 2 * noise}
MORE_NOISE = {"noise_variance": lambda noise: noise + Fraction(1, 10)}
PRETRAINING = {"pretrain_shots": lambda shots: shots + 1}
SHOTS = {"normalization": lambda normalization: "shots"}
TOKENS = {"normalization": lambda normalization: "tokens"}
MET = {"n": lambda shots: shots + 1}
TASKS = {"task_covariance": lambda psi: 2 * psi}
INPUTS = {"covariance": lambda sigma: 2 * sigma}
OPPOSITE = {"task": lambda task: "target"}

MUTANTS = {
    "pretrained a": [DIMENSION, NOISE, PRETRAINING, SHOTS, instead(pretrained="mixed_value")],
    "zero-shot c": [DIMENSION, NOISE, PRETRAINING, SHOTS],
    "zero-shot value w": [DIMENSION, NOISE, PRETRAINING, SHOTS, instead(zero_shot_value="mixed_value")],
    "mixed value w*": [DIMENSION, NOISE, SHOTS, instead(mixed_value="pretrained")],
    "w*(n)": [DIMENSION, NOISE, SHOTS, instead(mixed_value="pretrained")],
    "full fine-tuning limit": [
        NOISE, instead(zero_shot="pretrained"), instead(zero_shot="zero_shot_value"), instead(zero_shot="mixed_value"),
    ],
    "value zero-shot error": [
        DIMENSION, NOISE, instead(zero_shot_value="pretrained"), instead(zero_shot_value="zero_shot"),
    ],
    "dashed lines": [DIMENSION, MORE_NOISE, SHOTS, instead(pretrained="zero_shot_value")],
    "all parameters harm": [
        instead(zero_shot="pretrained"), instead(zero_shot="zero_shot_value"), instead(zero_shot="mixed_kq"),
    ],
    "value only keeps": [
        DIMENSION, instead(zero_shot_value="mixed_value"), instead(zero_shot_value="pretrained"),
        instead(zero_shot_value="mixed_kq"),
    ],
    "auxiliary trades": [DIMENSION, NOISE, PRETRAINING, SHOTS],
    "value opposite error": [DIMENSION, NOISE, OPPOSITE, instead(zero_shot_value="zero_shot")],
    "threshold with noise": [DIMENSION, NOISE, PRETRAINING, SHOTS],
    "key-query zero-shot level": [MET, NOISE, PRETRAINING, instead(zero_shot_kq="mixed_kq")],
    "key-query mixed level": [MET, NOISE, OPPOSITE, instead(mixed_kq="pretrained")],
    "value floor": [DIMENSION, NOISE, instead(zero_shot_value="zero_shot"), instead(zero_shot_value="pretrained")],
    "w undetermined": [MET, {"n": lambda n: 5}, {"model": lambda model: model, "n": lambda n: 2}],
    "trained at N, evaluated at M": [MET, PRETRAINING, TOKENS, NOISE],
    "upper bound": [MET, TOKENS, INPUTS],
    "covariate shift": [MORE_NOISE, {"n": lambda n: 10}, INPUTS],
    "global optimum": [PRETRAINING, TOKENS, INPUTS],
    "step of gradient descent": [PRETRAINING, TOKENS, MORE_NOISE],
    "risk of any preconditioner": [MET, TOKENS, TASKS],
    "least risk": [MET, PRETRAINING, NOISE],
    "loss plateaus": [MET, PRETRAINING, INPUTS],
    "tasks of a subspace": [MET, PRETRAINING, TASKS],
    "error of any readout": [MET, TOKENS, MORE_NOISE],
    "least error in the limit": [{"n": lambda n: 2 * n}, {"d": lambda d: 2 * d}, NOISE],
    "error in the script": [NOISE, MORE_NOISE, {"noise_variance": lambda rho: rho**2}],
}  # fmt: skip
PRINTED = {  # another number or formula in print
    "pretrained a": ["(m+1)/(m+1+d)", "m/(m+d)", "m/(m+1+d) = 0.7792", "(m+1)/(m+1+d+d sigma^2)"],
    "zero-shot c": ["0.53", "0.5", "0.7"],
    "zero-shot value w": ["0.79"],
    "mixed value w*": ["0.65", "0.67"],
    "w*(n)": ["((n+1) - (n+4+2d)/(d+4)) / (n+1+d+d sigma^2)", "((n+1) - (n+3+2d)/(d+5)) / (n+1+d+d sigma^2)",
              "((n+1) - (n+3+2d)/(d+4)) / (n+1+d+d sigma^3)"],
    "w*(n, theta) limit": ["(d+4)/(d+5)", "(d+2)/(d+4)", "1", "(d+5)/(d+4)"],
    "full fine-tuning limit": ["1.1", "2"],
    "value zero-shot error": ["0.1 + 2/8", "0.2 + 2/9"],
    "dashed lines": ["n >= d", "n >= d - 2"],
    "value opposite error": ["3.4", "4.1"],
}  # fmt: skip


def said(name):
    judged = verdict(name)
    return judged.ruling, judged.derived


@pytest.mark.parametrize(("name", "k"), [(name, k) for name, mutants in MUTANTS.items() for k in range(len(mutants))])
def test_a_changed_formula_changes_the_verdict_or_its_words(monkeypatch, name, k):
    before = said(name)
    changed(monkeypatch, **MUTANTS[name][k])
    after = said(name)
    assert after != before
    if after[0] != before[0]:
        assert after[1] != before[1]  # a ruling without its words, as "corrected: the same, identically"


@pytest.mark.parametrize(("name", "printed"), [(name, x) for name, several in PRINTED.items() for x in several])
def test_a_changed_claim_changes_the_verdict_or_its_words(name, printed):
    other = claim(name).judge(printed)
    assert other != verdict(name)
    if other.ruling == verdict(name).ruling:
        assert (other.derived, other.reason) != (verdict(name).derived, verdict(name).reason)


def test_every_claim_has_mutants_and_prints_what_it_says():
    assert {*MUTANTS, "w*(n, theta) limit", "qualitative agreement", "MMLU experiments"} == set(RULINGS)
    assert all(len(mutants) >= 3 for mutants in MUTANTS.values())
    for name in PRINTED:
        assert claim(name).printed.removeprefix("n >= ").partition(" = ")[0] in claim(name).statement


@pytest.mark.parametrize(("old", "new"), [("d + 4", "d + 5"), ("(1 - inner", "(1 + inner"), ("/beta", "/beta**2")])
def test_a_line_that_its_theorem_does_not_prove_is_not_quoted(monkeypatch, old, new):
    assert r5_mixed_value.LIMIT.count(old) == 1
    monkeypatch.setattr(r5_mixed_value, "LIMIT", r5_mixed_value.LIMIT.replace(old, new))
    assert said("w*(n, theta) limit") == ("conditional", "open")


@pytest.mark.parametrize("shots", [(5, 5), (35, 35), (10**6, 10**6), (50, math.inf)])
def test_one_number_of_shots_that_does_no_harm_is_seen(monkeypatch, shots):
    """However many shots: a scan to 34 or a look at n = 1 would miss it."""
    few_shot = SimpleNamespace(shots=(shots,), ties=())
    monkeypatch.setattr(lee2026, "conditions", lambda *_, **__: (few_shot,))
    ruling, words = said("all parameters harm")
    assert ruling == "corrected"
    assert describe_shots((shots,)) in words
    monkeypatch.setattr(lee2026, "conditions", lambda *_, **__: (SimpleNamespace(shots=(), ties=(shots,)),))
    assert said("all parameters harm")[0] == "corrected"


def test_harm_in_every_setting_is_claimed_as_far_as_it_is_proved(monkeypatch):
    assert all(given.line in verdict("all parameters harm").derived for given in r2_zero_shot.THEOREM.given)
    monkeypatch.setattr(r2_zero_shot, "THEOREM", replace(r2_zero_shot.THEOREM, given=r2_zero_shot.THEOREM.given[:-1]))
    assert said("all parameters harm") == (
        "confirmed", "on the target every n >= 1 is worse than n = 0 at the official setting",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("helps", "hurts", "ruling", "words"),
    [
        (((1, math.inf),), ((1, math.inf),), "confirmed", "true exactly for n >= 1"),
        (((1, math.inf),), ((14, math.inf),), "conditional", "true exactly for n >= 14"),
        (((1, 500),), ((14, math.inf),), "conditional", "true exactly for 14 <= n <= 500"),
        (((1, 9),), ((14, math.inf),), "corrected", "never true"),
    ],
)
def test_ranges_are_those_of_the_conditions_unbounded_ends_included(monkeypatch, helps, hurts, ruling, words):
    found = [SimpleNamespace(shots=shots) for shots in (helps, hurts, common(helps, hurts))]
    monkeypatch.setattr(lee2026, "conditions", lambda *_, **__: found)
    assert said("auxiliary trades") == (ruling, f"{words} at the official setting")


@pytest.mark.parametrize(
    ("wrong", "ruling", "words"),
    [
        ((), "confirmed", "3 of 3 statements hold, some under a condition; of 5 numbers 0 are corrected"),
        (
            ("mixed value w*",),
            "conditional",
            "3 of 3 statements hold, some under a condition; of 5 numbers 1 are corrected",
        ),
        (
            ("auxiliary trades",),
            "corrected",
            "2 of 3 statements hold, some under a condition; of 5 numbers 0 are corrected",
        ),
    ],
)
def test_agreement_counts_the_verdicts(monkeypatch, wrong, ruling, words):
    def judged_as(name):
        return lambda printed: ledger.Verdict("corrected" if name in wrong else "conditional", "", "")

    stubs = tuple(replace(of, judge=judged_as(of.name)) for of in lee2026.CLAIMS)
    monkeypatch.setattr(lee2026_figures, "NUMBERS", stubs)
    assert said("qualitative agreement") == (ruling, words)


def test_words_are_read_back():
    """A formula is printed in words only where they say what was derived."""
    value = theory.risk("zero_shot_value", 0, **reading.symbolic())
    assert reading.in_words(value, "sigma^2 + 2/(d+4)") == "sigma^2 + 2/(d+4)"
    assert reading.in_words(value, "sigma^2 + 2/(d+5)") == "(d*sigma^2 + 4*sigma^2 + 2)/(d + 4)"


def test_a_scale_of_the_ledger_reproduces_the_printed_constant():
    """0.52 is right exactly at the value scale that the ledger names."""
    scale = float(verdict("zero-shot c").derived.rsplit("=", 1)[1])
    model = theory.fixed_point("zero_shot", d=5, noise_variance=0.1, pretrain_shots=20, value_scale=scale)
    assert model.v_x[0] / model.value_scale == pytest.approx(0.52, abs=5e-5)  # the scale is printed to four digits


@pytest.mark.usefixtures("known_verdicts")
def test_a_judged_claim_reads_well():
    judged = theory.claims()[3]
    assert repr(judged) == "mixed value w*: corrected (w*(20) = 104/159 = 0.6541)"
