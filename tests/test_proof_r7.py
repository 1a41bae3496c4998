"""No mutant of what R7 prints or states is proved."""

from fractions import Fraction

import pytest
from mutants import assert_refuted

from theory import dense_fixed_points, fixed_points, isotropic, risk
from theory.proofs import r7_manifold, r7_mixed, r7_noiseless, r7_selection, r7_slow_flow

SINGLE = (module.THEOREM for module in (r7_manifold, r7_selection, r7_noiseless, r7_slow_flow))
THEOREMS = {theorem.name: theorem for theorem in (*r7_mixed.THEOREMS, *SINGLE)}


MUTANTS = [
    ("R7.reduction", r7_manifold, "recital_excess", "b: delta * theta_0", "b: -delta * theta_0"),
    ("R7.reduction", r7_manifold, "_reduction", "b: delta * theta_0 + across_b", "b: delta * theta_0 - across_b"),
    ("R7.reduction", r7_manifold, "_reduction", "B: A,", "B: -A,"),
    ("R7.reduction", r7_manifold, "_reduction", "(H - H.T) / 2", "(H + H.T) / 2"),
    ("R7.reduction", r7_manifold, "_manifold", "1 / c + t * q_", "1 / c - t * q_"),
    ("R7", fixed_points, "memorisation", "shots - 1 + query_counts", "shots"),
    ("R7", fixed_points, "memorisation_by_root", "* (1 + rho)) - rho", "* (1 + rho)) + rho"),
    ("R7", fixed_points, "memorisation_by_root", "/ (shots + 2)\n", "/ (shots + 1)\n"),
    ("R7", fixed_points, "memorisation_by_ratio", "m_prime**2 - 1", "m_prime**2 + 1"),
    ("R7", fixed_points, "memorisation_by_ratio", "+ square_root(rho)", "- square_root(rho)"),
    ("R7", fixed_points, "memorisation_by_ratio", "+ rho) / positive", "- rho) / positive"),
    ("R7", fixed_points, "mixed", "(finite_u - 1)", "(finite_u + 1)"),
    ("R7", fixed_points, "mixed", "gain / s", "gain / (s + sigma2)"),
    ("R7", fixed_points, "mixed", "3 - world.query_counts", "3"),
    ("R7", fixed_points, "mixed", "1 + u * noise_to_p", "1 - u * noise_to_p"),
    ("R7", fixed_points, "mixed", "IsotropicPoint(1, -1 /", "IsotropicPoint(1, 1 /"),
    ("R7", dense_fixed_points, "_memory_blocks", "point.alpha * theta", "2 * point.alpha * theta"),
    ("R7.risk", isotropic, "terms_on_task", "- delta * w * excess_norm2", ""),
    ("R7.risk", isotropic, "_linear_bias", "point.delta) * target_norm2", "point.delta)"),
    ("R7.risk", isotropic, "terms_on_target", "noise_variance * target_norm2 * (delta", "target_norm2 * (delta"),
    ("R7.risk", r7_manifold, "target_excess", "- D, delta", "+ D, delta"),
    ("R7.selection", fixed_points, "selected_scale", "4 * value * key_query", "value * key_query"),
    ("R7.selection", fixed_points, "_rising_square", "+ invariant", "- invariant"),
    ("R7.selection", fixed_points, "_falling_square", "- invariant", "+ invariant"),
    ("R7.selection", fixed_points, "mixed_scale", "s * point.delta**2", "point.delta**2"),
    ("R7.selection", fixed_points, "mixed_scale", "- pretrained_key_query", "+ pretrained_key_query"),
    ("R7.selection", fixed_points, "mixed_scale", "key_query / value", "value / key_query"),
    ("R7.selection", dense_fixed_points, "mixed_all", "norm2 * memory.alpha", "memory.alpha"),
    ("R7.selection", dense_fixed_points, "mixed_all", "- _number(np.sum", "+ _number(np.sum"),
    ("R7.noiseless", fixed_points, "mixed", "gain / s", "gain"),
    ("R7.noiseless", fixed_points, "memorisation_by_root", "m_prime / (shots", "shots / (shots"),
    ("R7.noiseless", isotropic, "terms_on_target", "+ target_norm2 * (signal", "- target_norm2 * (signal"),
    ("R7.noiseless", r7_noiseless, "vanishing", "x * u**2", "x * u"),
    ("R7.noiseless", r7_noiseless, "_idle", "of.N: of.FIELD(1)", "of.N: of.FIELD(2)"),
    ("R7.noiseless", fixed_points, "mixed", "diverges=is_zero(sigma2),", "diverges=False,"),
    ("R7.noiseless", fixed_points, "mixed", "diverges=is_zero(sigma2),", "diverges=True,"),
    ("R7.noiseless", fixed_points, "mixed", "shots - 1 + world.query_counts)  #", "shots - 2 + world.query_counts)  #"),
    ("R7.basin", r7_slow_flow, "_quadrant", "push**2 - pull**2", "push**2 - pull"),
    ("R7.basin", r7_slow_flow, "_quadrant", "delta: D / (s * c)", "delta: D / c"),
    ("R7.basin", r7_slow_flow, "metric", "(1 / c).diff(c) ** 2", "(1 / c).diff(c)"),
    ("R7.basin", r7_slow_flow, "_limit", "excess=F_uD**2 -", "excess=F_uD**2 +"),
    ("R7.basin", r7_manifold, "target_excess", "- u, w", "+ u, w"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "module", "function", "old", "new"), MUTANTS)
def test_mutant_is_caught(monkeypatch, name, module, function, old, new):
    assert_refuted(monkeypatch, THEOREMS[name], module, function, old, new)


def test_zero_noise_stays_exact():
    """A float 1 in the gauge once made the exact limit a float."""
    value = risk("mixed", 20, 5, few_shot_shots=20, noise_variance=Fraction(0))
    assert (type(value), value) == (Fraction, Fraction(400, 4851))
