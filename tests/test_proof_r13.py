"""The proofs of R13, R13p, R13s and R22 notice when a law, a core formula or a hypothesis is wrong."""

from dataclasses import replace

import numpy as np
import pytest
from mutants import assert_refuted
from scipy.integrate import solve_ivp

import theory
from numerics import gradient
from theory import contractions, points, practices
from theory.proofs import r13_added, r13_selection, r22_frozen_q
from theory.proofs.hypotheses import Given
from theory.proofs.theorem import run

R13, R13P, R13S = r13_added.THEOREMS
R22 = r22_frozen_q.THEOREM
MUTANTS = [
    (R13P, practices, "soft_prompt", "world.normalization, 1)", "world.normalization, 0)"),
    (R13P, practices, "soft_prompt", "1) * reached", "1) * (-1 * reached)"),
    (R13P, contractions, "_Contraction._biases", "intercept - layer.recital", "intercept + layer.recital"),
    (R13S, practices, "skip", "skip=world.target", "skip=2 * world.target"),
    (R13S, points, "Point.layer", "(self.skip, self.recital)", "(self.recital, self.skip)"),
    (R13, practices, "new_head", "world.zero_shot_tokens)", "1)"),
    (R13, contractions, "_Contraction._variance", "total + self.product(one.scores, two.scores) * values", "total"),
    (R22, practices, "frozen_q", "(world.d + 4)", "(world.d + 2)"),
    (R22, practices, "frozen_q", "* _inverse_scale(world)", ""),
    (R22, practices, "_inverse_scale", "start * start + 4 *", "start * start + 2 *"),
    (R22, practices, "_inverse_scale", "(start + root)", "(root - start)"),
]  # fmt: skip


@pytest.mark.parametrize(("theorem", "module", "function", "old", "new"), MUTANTS)
def test_a_wrong_formula_is_rejected(monkeypatch, theorem, module, function, old, new):
    assert_refuted(monkeypatch, theorem, module, function, old, new)


@pytest.mark.parametrize(
    ("theorem", "weaker"),
    [
        (r13_selection.THEOREM, {"k > 0": "k >= 0"}),
        (R22, {"c > 0": "c != 0"}),
    ],
)
def test_a_weaker_hypothesis_does_not_do(theorem, weaker):
    given = [g if g.line not in weaker else weaker[g.line] and Given(weaker[g.line]) for g in theorem.given]
    assert not run(replace(theorem, given=tuple(g for g in given if g))).proved


def test_the_least_loss_is_where_flow_ends():
    """The flow of the whole layer but Q_00, in floats, without the law: dx/dt = -gradient to a time when it stands still."""
    setting = theory.Setting(d=2, covariance=[[1.5, 0.4], [0.4, 0.8]], noise_variance=0.1, pretrain_shots=20)
    start, end = (theory.fixed_point(name, setting=setting) for name in ("pretrained", "frozen_q"))

    def velocity(_, x):
        slope = gradient(theory.AttentionParameters(x[:4], x[4:].reshape(4, 4)), setting, "zero_shot")
        slope.Q[0, 0] = 0
        return -np.concatenate([slope.v, slope.Q.ravel()])

    x = np.concatenate([start.v, start.Q.ravel()])
    x = solve_ivp(velocity, (0, 30), x, method="LSODA", rtol=1e-8, atol=1e-10).y[:, -1]
    # The integrator's steps leave some 1e-7 of what is conserved; the slowest mode has 1e-9 left.
    assert np.abs(x - np.concatenate([end.v, end.Q.ravel()])).max() < 1e-5
