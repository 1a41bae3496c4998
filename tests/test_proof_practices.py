"""The proofs of R12.predictions and R15-R23 notice when the forms, the one risk formula, or the block law are wrong."""

from __future__ import annotations

import numpy as np
import pytest
from mutants import assert_refuted, mutate
from scipy.optimize import minimize

import theory
from theory import block_law, contractions, predictions
from theory.proofs import (
    r12_predictions,
    r16_filters,
    r17_gate,
    r18_replay,
    r19_plateau,
    r20_reduced,
    r23_one_head,
    r23_two_heads,
)
from theory.proofs.printed_lines import run_lines
from theory.proofs.theorem import run

PREDICTIONS, FILTERS, GATE, PLATEAU = (x.THEOREM for x in (r12_predictions, r16_filters, r17_gate, r19_plateau))
ZERO_RISK, TWO_HEADS = r23_two_heads.THEOREMS

REPLAY, PULL, ONE_HEAD = r18_replay.THEOREM, r20_reduced.THEOREM, r23_one_head.THEOREM
MUTANTS = [
    (REPLAY, predictions, "directions", "head(label, b=theta)", "head(label, b=2 * theta)"),
    (REPLAY, contractions, "_Contraction._spread", "kappa * (2 *", "kappa * (4 *"),
    (REPLAY, r18_replay, "derive", "{a: 0 * a}", "{a: 0 * a + 1}"),
    (PULL, contractions, "_Contraction._excess", "total + squared * values", "total + 2 * squared * values"),
    (PULL, r20_reduced, "_model", "gamma * outer(theta_0, theta_0)", "gamma * identity"),
    (PULL, r20_reduced, "derive", "f @ theta_0: 0, ", ""),
    (ONE_HEAD, predictions, "directions", "head(along, B=dyad)", "head(along, B=identity)"),
    (ONE_HEAD, contractions, "_Contraction._spread", "kappa * (2 *", "kappa * (4 *"),
    (ONE_HEAD, r23_one_head, "derive", "gamma: 0 * gamma", "gamma: gamma"),
    (PREDICTIONS, predictions, "directions", "head(label, b=theta)", "head(label, b=2 * theta)"),
    (PREDICTIONS, contractions, "_Contraction._spread", "kappa * (2 *", "kappa * (4 *"),
    (ZERO_RISK, predictions, "directions", "head(along, q=1)", "head(along, q=2)"),
    (ZERO_RISK, predictions, "directions", "head(along, B=dyad)", "head(along, B=identity)"),
    (TWO_HEADS, contractions, "_Contraction._spread", "kappa * (2 *", "kappa * (4 *"),
    (TWO_HEADS, contractions, "Polar.__matmul__", "share * (per_token * per_shot", "share * (per_shot"),
    (GATE, contractions, "_Contraction._spread", "4 * self.product(u, along)", "2 * self.product(u, along)"),
    (GATE, predictions, "directions", "head(along, B=identity)", "head(along, B=dyad)"),
    (PLATEAU, contractions, "_Contraction._excess", "total + squared * values", "total + 2 * squared * values"),
    (PLATEAU, predictions, "directions", "head(along, B=identity)", "head(along, B=dyad)"),
    (FILTERS, block_law, "quadratic_flow", "2 * kind.number(strategy.pull)", "kind.number(strategy.pull)"),
    (FILTERS, contractions, "_Contraction._variance", "keys = keys +", "keys = 2 * keys +"),
]  # fmt: skip


@pytest.mark.parametrize(("theorem", "module", "function", "old", "new"), MUTANTS)
def test_a_wrong_formula_is_rejected(monkeypatch, theorem, module, function, old, new):
    assert_refuted(monkeypatch, theorem, module, function, old, new)


def test_a_gate_that_the_target_sees_is_none(monkeypatch):
    """A label that is read off the inputs as well: the zero-shot risk then sees the gate."""
    mutate(monkeypatch, predictions, "directions", "head(label, b=theta)", "head(label + along, b=theta, B=dyad)")
    assert not run(GATE).proved


def test_the_root_of_replays_reduced_problem():
    """d = 5, n = m = 20, sigma^2 = 0.1: W, D and the loss from an evaluator that shares no code with this, to ten digits."""
    known = {"d": 5, "n": 20, "N": 21, "sigma2": 0.1, "W": -0.0488916114, "D": 0.7930783908}
    differences = [x for _, x in run_lines(r18_replay.BEST, known | {"slope": 0.0})[1]]
    differences += [x for _, x in run_lines(r18_replay.REDUCED, known | {"L_PT": 0.9947413977})[1]]
    # Half a digit of D turns 1e-10 into 1e-7 where squares of n = 20 stand before it.
    assert differences == pytest.approx([0, 0, 0], abs=3e-7)


@pytest.mark.parametrize(("weight", "excess"), [(1, 0.22001262), (0.1, 0.19233974)])
def test_the_printed_problem_of_a_pull_has_the_minimum_that_all_entries_have(weight, excess):
    """At the published setting, from `pretrained`; the numbers were found in all entries of v and Q, to eight digits."""
    start = theory.fixed_point("pretrained", setting=theory.OFFICIAL).isotropic
    known = {f"{name}_0": value for name, value in start._asdict().items()} | {
        "d": 5,
        "s": 1,
        "sigma2": 0.1,
        "L_ZS": 0.1,
    }

    def parts(x):
        """L_ZS - sigma2 and distance2."""
        names = known | start._asdict() | dict(zip(("alpha", "q", "beta", "gamma"), x, strict=True)) | {"distance2": 0}
        return [-run_lines(lines, names)[1][0].difference for lines in (r20_reduced.LOSS, r20_reduced.DISTANCE)]

    found = minimize(lambda x: parts(x) @ np.array([1, weight]), [0.05, 0.05, start.beta, 0], options={"gtol": 1e-7})
    # Half a digit of the numbers, and what finite differences leave of the slope, 1e-7, over curvatures of about 1.
    assert parts(found.x)[0] == pytest.approx(excess, abs=3e-6)
