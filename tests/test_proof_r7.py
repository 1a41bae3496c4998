"""No mutant of what R7 prints or states is proved."""

from fractions import Fraction

import pytest
from mutants import assert_refuted

from theory import contractions, laws, points, risk, risk_formula
from theory.proofs import r7_manifold, r7_mixed, r7_noiseless, r7_selection, r7_slow_flow
from theory.proofs.theorem import run

SINGLE = (module.THEOREM for module in (r7_manifold, r7_selection, r7_noiseless, r7_slow_flow))
THEOREMS = {theorem.name: theorem for theorem in (*r7_mixed.THEOREMS, *SINGLE)}


MUTANTS = [
    ("R7.reduction", r7_manifold, "recital_excess", "b: delta * theta_0", "b: -delta * theta_0"),
    ("R7.reduction", r7_manifold, "_reduction", "b: delta * theta_0 + across_b", "b: delta * theta_0 - across_b"),
    ("R7.reduction", r7_manifold, "_reduction", "B: A,", "B: -A,"),
    ("R7.reduction", r7_manifold, "_reduction", "(H - H.T) / 2", "(H + H.T) / 2"),
    ("R7.reduction", r7_manifold, "_manifold", "1 / c + t * q_", "1 / c - t * q_"),
    ("R7", laws, "least_by_root", "(root - rho)", "(root + rho)"),
    ("R7", laws, "least_by_root", "/ (m + 2)", "/ (m + 1)"),
    ("R7", laws, "least_by_root", "/ (u * u) - (m + 2)", "/ (u * u) + (m + 2)"),
    ("R7", laws, "least_by_ratio", "* m_prime - 1", "* m_prime + 1"),
    ("R7", laws, "least_by_ratio", "+ square_root(rho)", "- square_root(rho)"),
    ("R7", laws, "least_by_ratio", "+ rho) / positive", "- rho) / positive"),
    ("R7", laws, "mixed", "world.few_shot_tokens - 1", "world.few_shot_tokens"),
    ("R7", laws, "mixed", "(u - 1)", "(u + 1)"),
    ("R7", laws, "mixed", "ratio) / s", "ratio) / (s + world.noise_variance)"),
    ("R7", laws, "least_by_ratio", "1 + u * ratio", "1 - u * ratio"),
    ("R7", laws, "mixed", "(1 + rho)), u, m_prime", "(1 + rho)), 2 * u, m_prime"),
    ("R7", laws, "mixed_idle", "world, 1, -1 /", "world, 1, 1 /"),
    ("R7", laws, "nothing_to_gain", "== regime.zero_shot_tokens", "== 2"),
    ("R7", laws, "nothing_to_gain", "== regime.zero_shot_tokens", "== 1"),
    ("R7", laws, "mixed_idle", "world.zero_shot_tokens, 0)", "1, 0)"),
    ("R7", laws, "_memory", "alpha * theta, w", "2 * alpha * theta, w"),
    ("R7", laws, "signal", "inner(world, world.target, world.target)", "world.target @ world.target"),
    ("R7", contractions, "_Met.__init__", "task - own.anchor", "task + own.anchor"),
    ("R7", points, "Point.layer", "v=space.token_vector(0, self.seen, self.w)", "v=space.token_vector(0, 2 * self.seen, self.w)"),
    ("R7.risk", contractions, "_Met.__init__", "inputs.noise_variance * space.label", "0 * space.label"),
    ("R7.risk", contractions, "_Met.__init__", "own.Q, self.keyed, task", "own.Q, -1 * self.keyed, task"),
    ("R7.risk", contractions, "_Contraction._variance", "images(one.Q", "images(2 * one.Q"),
    ("R7.risk", contractions, "_Contraction.terms", "slope - shares.moment * shares.u", "slope + shares.moment * shares.u"),
    ("R7.risk", risk_formula, "risk_at", "beyond * truth", "0 * truth"),
    ("R7.risk", r7_manifold, "target_excess", "- D, delta", "+ D, delta"),
    ("R7.selection", laws, "selected_scale", "4 * value * key_query", "value * key_query"),
    ("R7.selection", laws, "selected_scale", "return square_root((root + invariant)", "return square_root((root - invariant)"),
    ("R7.selection", laws, "selected_scale", "2 * key_query / (root - invariant)", "2 * key_query / (root + invariant)"),
    ("R7.selection", laws, "selected_scale", "2 * key_query / (root + size)", "2 * key_query / (root - size)"),
    ("R7.selection", laws, "mixed_scale", "+ found.b @ found.b", ""),
    ("R7.selection", laws, "mixed_scale", "w_0 * w_0 - norm2", "w_0 * w_0 + norm2"),
    ("R7.selection", laws, "mixed_scale", "key_query / value", "value / key_query"),
    ("R7.selection", laws, "mixed_scale", "found.v_x @ found.v_x", "inner(world, found.v_x, found.v_x)"),
    ("R7.selection", laws, "_start_norm2", "norm2 / (world", "norm2 * (world"),
    ("R7.noiseless", laws, "mixed_noiseless", "* s))", "* 2 * s))"),
    ("R7.noiseless", laws, "mixed_noiseless", "(world.target, 1)", "(world.target, 2)"),
    ("R7.noiseless", laws, "mixed_noiseless", "m_prime /", "m /"),
    ("R7.noiseless", points, "Point.layer", "own=(Head(space.token_vector(0, v_x, 0)", "own=(Head(space.token_vector(0, 2 * v_x, 0)"),
    ("R7.noiseless", laws, "noisy", "return noise != 0", "return noise == 0"),
    ("R7.noiseless", contractions, "_Contraction._variance", "one.left for one", "2 * one.left for one"),
    ("R7.noiseless", r7_noiseless, "vanishing", "x * u**2", "x * u"),
    ("R7.noiseless", r7_noiseless, "_idle", "of.N: of.FIELD(1)", "of.N: of.FIELD(2)"),
    ("R7.noiseless", laws, "nothing_to_gain", "== regime.zero_shot_tokens", "== 2"),
    ("R7.basin", r7_slow_flow, "_quadrant", "push**2 - pull**2", "push**2 - pull"),
    ("R7.basin", r7_slow_flow, "_quadrant", "delta: D / (s * c)", "delta: D / c"),
    ("R7.basin", r7_slow_flow, "metric", "(1 / c).diff(c) ** 2", "(1 / c).diff(c)"),
    ("R7.basin", r7_slow_flow, "_limit", "excess=F_uD**2 -", "excess=F_uD**2 +"),
    ("R7.basin", r7_manifold, "target_excess", "- u, w", "+ u, w"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "module", "function", "old", "new"), MUTANTS)
def test_mutant_is_caught(monkeypatch, name, module, function, old, new):
    assert_refuted(monkeypatch, THEOREMS[name], module, function, old, new)


def test_a_limit_that_is_not_said_to_be_one_is_caught(monkeypatch):
    """Of parameters, and of the risk off the target."""
    *others, limit = laws.LAWS["mixed"]
    for wrong in (limit._replace(scale=laws.pretrained_scale), limit._replace(diverges_off_target=False)):
        monkeypatch.setitem(laws.LAWS, "mixed", (*others, wrong))
        assert not run(THEOREMS["R7.noiseless"]).proved


def test_zero_noise_stays_exact():
    """A float 1 in the gauge once made the exact limit a float."""
    value = risk("mixed", 20, 5, few_shot_shots=20, noise_variance=Fraction(0))
    assert (type(value), value) == (Fraction, Fraction(400, 4851))
