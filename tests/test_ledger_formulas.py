"""The ledger's formulas: three misprints of each are seen, and what is printed of the field comes out to the digit."""

from __future__ import annotations

import re
from fractions import Fraction as F

import pytest
from line_mutants import numbers_and_signs
from sympy.polys.matrices.exceptions import DMNonInvertibleMatrixError
from test_ledger import RULINGS, claim, verdict

import theory
from theory.ledger import spectra


@pytest.mark.usefixtures("known_verdicts")
def test_differences_are_those_of_the_numbers():
    """A formula that is the same differs by 0 in exact numbers; the others by what their two numbers say."""
    found = {judged.claim.name: judged.verdict.difference for judged in theory.claims()}
    assert {name for name, x in found.items() if x == 0} == {
        name for name, ruling in RULINGS.items() if ruling == "confirmed" and found[name] is not None
    }
    expected = {
        "pretrained a": (F(20, 26), F(42, 53)), "zero-shot value w": (F(77, 100), F(42, 53)),
        "mixed value w*": (F(66, 100), F(104, 159)), "full fine-tuning limit": (1, F(11, 10)),
        "value opposite error": (F(31, 10), F(103, 30)), "threshold with noise": (F(39, 16), F(167, 64)),
        "error in the script": (1 + F(1, 100), F(121, 100)),
    }  # fmt: skip
    for name, (published, right) in expected.items():
        assert found[name] == abs(published / right - 1)
    assert all(found[name] is None for name in RULINGS if name.startswith("MMLU"))


def test_printed_numbers_of_the_field():
    """The bound beside the risk, and the plateaus, as they were found elsewhere to these digits."""
    assert "2.739, where the risk is 0.5138" in verdict("upper bound").derived
    plateaus = [float(spectra.plateau(known)) for known in range(5)]
    assert [round(x, 4) for x in plateaus] == [1, 0.6406, 0.3774, 0.2098, 0.136]


FORMULAS = [name for name in RULINGS if re.search(r"(^|\n)[a-zA-Z_]+ = ", claim(name).printed)]


@pytest.mark.parametrize("name", FORMULAS)
def test_one_sign_or_number_more_in_a_printed_formula_shows(name):
    """Three of its mutants; what is proved of a formula is held against all of them in test_printed_lines."""
    mutants = [*numbers_and_signs(claim(name).printed)]
    assert len(mutants) >= 3
    before = verdict(name)
    for mutant in mutants[:: -(-len(mutants) // 3)]:
        try:
            after = claim(name).judge(mutant)
        except DMNonInvertibleMatrixError:  # no formula at all
            continue
        assert (after.ruling, after.derived) != (before.ruling, before.derived), mutant
        if before.ruling == "confirmed":
            assert after.ruling == "corrected"
            assert after.difference > 1e-6


def test_the_formulas_of_the_field_are_judged_as_formulas():
    assert len(FORMULAS) == 13
