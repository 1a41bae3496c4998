"""No mutant of what R6 prints or states is proved."""

import pytest
from mutants import assert_refuted, mutate

from theory import laws
from theory.proofs import r6_mixed_key_query, r6_noiseless
from theory.proofs.theorem import run

THEOREMS = {at.THEOREM.name: at.THEOREM for at in (r6_mixed_key_query, r6_noiseless)}


MUTANTS = [
    ("R6", laws, "mixed_key_query", "+ 2) * nu)", "+ 1) * nu)"),
    ("R6", laws, "mixed_key_query", "world.few_shot_tokens /", "(world.few_shot_shots + 1) /"),
    ("R6", laws, "mixed_key_query", "+ world.noise_variance", "+ 2 * world.noise_variance"),
    ("R6", laws, "mixed_key_query", "world, 0, 1, 0,", "world, 0, 1, 1,"),
    ("R6", laws, "mixed_key_query", "world, 0, 1, 0,", "world, 1, 1, 0,"),
    ("R6", laws, "noisy", "return noise != 0", "return noise == 0"),
    ("R6", laws, "pretrained_scale", "return world.value_scale", "return 1 / world.value_scale"),
    ("R6", laws, "_memory", "delta * theta", "-delta * theta"),
    ("R6", laws, "signal", "inner(world, world.target, world.target)", "world.target @ world.target"),
    ("R6", laws, "inner", "a @ (world.sigma @ b)", "2 * (a @ (world.sigma @ b))"),
    ("R6", r6_mixed_key_query, "_odd", "((m + 1)*C**2", "(m*C**2"),
    ("R6", r6_mixed_key_query, "_minimum", "b: best * theta_0", "b: 2 * best * theta_0"),
    ("R6", r6_mixed_key_query, "odd_few_shot", "r_y: 0", "r_y: 1"),
    ("R6.noiseless", r6_noiseless, "_inverse", "(1 + size)", "size"),
    ("R6.noiseless", r6_noiseless, "_printed_noiseless", "gamma_ * s + a", "gamma_ * s - a"),
    ("R6.noiseless", laws, "noisy", "return noise != 0", "return noise == 0"),
    ("R6.noiseless", laws, "mixed_key_query_noiseless", "share * theta + product @ theta", "share * theta - product @ theta"),
    ("R6.noiseless", laws, "mixed_key_query_noiseless", "(share * theta + product @ theta) / (1 + length2)", "(share * theta + product @ theta) / length2"),
    ("R6.noiseless", laws, "mixed_key_query_noiseless", "theta - (product @ theta)", "theta + (product @ theta)"),
    ("R6.noiseless", laws, "mixed_key_query_noiseless", "(share * length2) / (1 + length2)", "share / (1 + length2)"),
    ("R6.noiseless", laws, "mixed_key_query_noiseless", "space.outer(moved, theta)", "space.outer(theta, moved)"),
    ("R6.noiseless", laws, "mixed_key_query_noiseless", "+ 2) * signal", "+ 1) * signal"),
    ("R6.noiseless", laws, "mixed_key_query_noiseless", "length2 = theta @ theta", "length2 = signal(world)"),
    ("R6.noiseless", laws, "mixed_key_query_noiseless", "Point(0 * theta, 1", "Point(0 * theta, 2"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "module", "function", "old", "new"), MUTANTS)
def test_mutant_is_caught(monkeypatch, name, module, function, old, new):
    assert_refuted(monkeypatch, THEOREMS[name], module, function, old, new)


LINES = [
    ("SQUARES", "sigma2*norm2(u)/s", "sigma2*norm2(q_xy)/s"),
    ("SQUARES", "B_perp.T", "B_perp"),
    ("SQUARE_IN_G", "/((m + 2)*w)", "/(m + 2)"),
    ("MINIMUM", "(s + sigma2)*w", "(s + sigma2)"),
]


@pytest.mark.parametrize(("lines", "old", "new"), LINES)
def test_a_wrong_line_is_caught(monkeypatch, lines, old, new):
    printed = getattr(r6_mixed_key_query, lines)
    assert printed.count(old) == 1
    monkeypatch.setattr(r6_mixed_key_query, lines, printed.replace(old, new))
    assert not run(THEOREMS["R6"]).proved


def test_brute_force_alone_sees_a_wrong_recital(monkeypatch):
    mutate(monkeypatch, laws, "_memory", "delta * theta", "2 * delta * theta")
    assert any(formula != coordinates for formula, coordinates in r6_mixed_key_query.points(1))
