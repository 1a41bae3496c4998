"""LoRA: rank one on V in closed form, ranks below d on V and Q without a limit, rank d with one; R22.lora and R22.ranks."""

import math

import numpy as np
import pytest
from mutants import assert_refuted

import theory
from numerics import lora_flow
from theory import AttentionParameters, fixed_point, risk
from theory.proofs import r22_lora
from theory.proofs.printed_lines import run_lines

SMALL = theory.OFFICIAL.replace(d=2, pretrain_shots=8)


@pytest.mark.parametrize("covariance", [None, [[1.5, 0.4], [0.4, 0.8]]])
def test_rank_one_on_the_value_matrix(covariance):
    """The printed line, b and the drift of w; R R' - L'L as at the start. 1e-9: the limit is certified to 1e-11 of the largest."""
    setting = SMALL.replace(covariance=covariance)
    A = np.array([[0.3, -0.8, 0.5, 0.6]])
    path = lora_flow(setting, rank=1, adapted="value", right=(A,), until="converged")
    start, whole = (fixed_point(name, setting=setting) for name in ("pretrained", "zero_shot_value"))
    K, V = A[0, :-1] @ A[0, :-1], whole.v_x @ whole.v_x
    b = -math.sqrt((-K + math.sqrt(K**2 + 4 * V)) / 2)  # A . theta_0 < 0
    assert path.factors[0][-1] == pytest.approx(b, rel=1e-9)
    comparisons = run_lines(r22_lora.RANK_ONE, {"b": b, "K": K, "V": V, "sqrt": math.sqrt})[1]
    assert [difference for _, difference in comparisons] == pytest.approx([0, 0], abs=1e-14)
    assert path.end.v_x == pytest.approx(whole.v_x, abs=1e-9)
    assert path.end.value_scale - start.value_scale == pytest.approx(b * 0.6, abs=1e-9)
    assert np.array_equal(path.end.Q, start.Q)


def test_a_rank_below_d_has_an_infimum_and_no_minimum():
    """Its loss is the printed one at late times, and unseen tasks pay without bound."""
    path = lora_flow(SMALL, [300.0, 3000.0], rank=1, rng=0)
    beta_0 = fixed_point("pretrained", setting=SMALL).B[0, 0]
    excess = 2 * (path.v[:, 1] * beta_0) ** 2  # k = d - r = 1; flow lags behind by 1 % and by 0.3 % here
    assert path.loss - 0.1 == pytest.approx(excess, rel=0.05)
    models = [AttentionParameters(v, Q) for v, Q in zip(path.v, path.Q, strict=True)]
    unseen = [risk(model, 20, setting=SMALL, task="unseen") for model in models]
    assert unseen[1] > 2 * unseen[0] > 20 * 1.1  # of no in-context learning at all
    L_V, R_V, L_Q, R_Q = path.factors
    for left, right in ((L_V, R_V), (L_Q, R_Q)):
        kept = right @ right.mT - left.mT @ left  # the integrator keeps 1e-9 of the largest, 30 here
        assert np.abs(kept[1] - kept[0]).max() < 1e-5


def test_a_rank_of_d_reaches_the_noise_at_a_larger_q_than_whole_matrices():
    path = lora_flow(SMALL, rank=2, until="converged", rng=0)
    assert abs(path.loss[-1] - 0.1) < 1e-12
    assert np.abs(path.end.B + path.end.B.T).max() < 1e-6  # the loss is a square in it
    assert path.end.q > 2 * fixed_point("zero_shot", setting=SMALL).q
    assert path.end.q * path.end.v_x[0] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("arguments", "error", "parts"),
    [
        ({"rank": 0}, ValueError, ["rank = 0"]),
        ({"rank": 1, "adapted": "values"}, ValueError, ["adapted = 'values'", "did you mean 'value'"]),
        ({"rank": 1, "right": (np.ones((1, 3)),)}, ValueError, ["right", "2 of (1, 4)"]),
        ({"rank": 1, "t": None}, ValueError, ["t = None"]),
    ],
)
def test_bad_calls(arguments, error, parts):
    with pytest.raises(error) as caught:
        lora_flow(SMALL, **{"t": [1.0], **arguments})
    assert all(part in str(caught.value) for part in parts)


@pytest.mark.parametrize(
    ("theorem", "function", "old", "new"),
    [
        (0, "derive", "V / b**2 - b**2", "V / b**2 + b**2"),
        (0, "_rank_one", "star**2 / b**2", "star / b**2"),
        (1, "derive_ranks", "(1 - A) * (theta", "(1 - 2 * A * A) * (theta"),
        (1, "derive_ranks", "trace(P @ P): k", "trace(P @ P): k * k"),
    ],
)
def test_a_wrong_formula_is_rejected(monkeypatch, theorem, function, old, new):
    assert_refuted(monkeypatch, r22_lora.THEOREMS[theorem], r22_lora, function, old, new)
