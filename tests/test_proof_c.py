"""The proofs of published formulas notice when the code, or what the published result assumes, is another."""

import pytest
from mutants import assert_refuted

from theory import contractions, laws
from theory.proofs import (
    c1_other_shots,
    c2_eigenvalues,
    c3_undivided,
    c4_any_step,
    c5_low_rank,
    c6_least_risk,
    c7_any_readout,
    c8_plateaus,
    gradient_step,
)

GAIN = (laws, "pretrained_product", "world.gain * world.sigma", "world.sigma")
RIDGE = (laws, "_ridge", "+ world.noise_variance", "- world.noise_variance")
KEYS = (contractions, "_Contraction._variance", "(values + one.constant", "(2 * values + one.constant")
CROSS = (contractions, "_Contraction._variance", "total + self.product(returned[i], crossed)", "total")
SHARES = (contractions, "_Contraction._spread", "(power + own) * keys", "own * keys")
MUTANTS = [  # of the code, and of the hypotheses: noise in training, another N, other tasks
    (c1_other_shots, [GAIN, KEYS, CROSS, (c1_other_shots, "derive", "identity, 0 * t", "identity, sigma2")]),
    (c2_eigenvalues, [
        (*GAIN[:3], "2 * world.gain * world.sigma"), (*RIDGE[:2], "world.per_token * (world.space.trace_of", "2 * (world.space.trace_of"),
        (c2_eigenvalues, "derive", "identity, 0 * t, n, n", "identity, 0 * t, n, n + 1"),
    ]),
    (c3_undivided, [GAIN, RIDGE, (c3_undivided, "derive", "FIELD(1)", "n")]),
    (c4_any_step, [RIDGE, SHARES, (c4_any_step, "derive", "psi2 * identity, sigma2", "identity, sigma2")]),
    (c5_low_rank, [RIDGE, SHARES, (c5_low_rank, "derive", "G: FIELD(along) * LEARNED", "G: FIELD(along) * identity")]),
    (c6_least_risk, [GAIN, RIDGE, (c6_least_risk, "derive", "of_tasks(identity)", "of_tasks(2 * identity)")]),
    (c8_plateaus, [
        SHARES, (c8_plateaus, "derive", "k * outer(u, u)", "k * outer(u, 2 * u)"), (c8_plateaus, "along_eigenvector", "0 if", "1 if"),
        (c8_plateaus, "along_eigenvector", "{sigma2: 0}", "{sigma2: 1}"),
    ]),
    (c7_any_readout, [
        CROSS, (contractions, "_Contraction._spread", "weight * (kappa * ", "weight * ("),
        (c7_any_readout, "derive", "d / (d + 2)", "d / d"), (gradient_step, "coded", "G, g)", "G, 2 * g)"),
    ]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("theorem", "mutant"), [(module.THEOREM, mutant) for module, mutants in MUTANTS for mutant in mutants]
)
def test_a_wrong_formula_or_another_hypothesis_is_rejected(monkeypatch, theorem, mutant):
    assert_refuted(monkeypatch, theorem, *mutant)
