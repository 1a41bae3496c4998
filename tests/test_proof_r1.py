"""No mutant of what R1 prints is proved."""

import pytest
from mutants import assert_refuted, mutate

from theory import contractions, laws, matrices, prompt
from theory.proofs import r1_pretrained, r1_special_cases

THEOREMS = {theorem.name: theorem for theorem in (r1_pretrained.THEOREM, *r1_special_cases.THEOREMS)}


MUTANTS = [
    ("R1", laws, "pretrained_product", "world.gain * world.sigma", "world.sigma"),
    ("R1", laws, "_ridge", "world.sigma) + world.noise_variance)", "world.sigma))"),
    ("R1", laws, "_ridge", "world.d * world.noise_variance", "world.noise_variance"),
    ("R1", laws, "pretrained_product", "_ridge(world) * space.identity", "_ridge(world) * scaled"),
    ("R1", laws, "pretrained", "(world.gain - 1) * gain", "world.gain * gain"),
    ("R1", laws, "pretrained", "Point(zero, w_0, 0, product", "Point(zero, w_0, 0, product + product"),
    ("R1", prompt, "training_tokens", '1 / (shots + 1) if', '1 / shots if'),
    ("R1", prompt, "training_tokens", "else 1 + per_token", "else 1"),
    ("R1", prompt, "training_tokens", "(shots + 1) / normalization", "shots / normalization"),
    ("R1", matrices, "Matrices.ridge", "(psi @ sigma) + noise *", "(psi @ sigma) +"),
    ("R1.isotropic", laws, "_ridge", "world.space.trace(world.sigma) +", "world.d * world.d +"),
    ("R1.isotropic", laws, "pretrained_product", "world.gain * world.sigma", "world.sigma"),
    ("R1.isotropic", laws, "pretrained", "_ridge(world) * product", "product"),
    ("R1.isotropic", laws, "pretrained_scale", "square_root(square_root(product_norm2(world)))", "square_root(product_norm2(world))"),
    ("R1.isotropic", laws, "product_norm2", "trace_of_product(product, product)", "trace(product)"),
    ("R1.isotropic", laws, "pretrained", "Point(zero, w_0, 0,", "Point(zero, w_0, 1,"),
    ("R1.isotropic", laws, "pretrained", "residual = w_0 * residual", "residual = 1 * residual"),
    ("R1.threshold", contractions, "_Contraction._variance", "two.constant) * keys", "two.constant) * 0"),
    ("R1.threshold", contractions, "_Contraction._slope", "(head.start - head.w) * mean", "(head.start + head.w) * mean"),
    ("R1.threshold", contractions, "_Contraction._variance", "values + one.constant", "2 * values + one.constant"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "module", "function", "old", "new"), MUTANTS)
def test_mutant_is_caught(monkeypatch, name, module, function, old, new):
    assert_refuted(monkeypatch, THEOREMS[name], module, function, old, new)


def test_a_wrong_optimum_fails_the_second_route_too(monkeypatch):
    mutate(monkeypatch, laws, "pretrained_product", "world.gain * world.sigma", "2 * world.gain * world.sigma")
    gradients = [pair for pair in r1_pretrained._points() if isinstance(pair[0], list)]
    assert gradients
    assert all(found != zero for found, zero in gradients)


def test_on_one_task_the_cross_term_is_there():
    """What a symmetric prior averages away is not zero to begin with."""
    assert r1_pretrained.cross_term() != 0
