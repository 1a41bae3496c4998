"""No mutant of what R3 prints or states is proved."""

from dataclasses import replace

import pytest
from mutants import mutate

from theory import laws
from theory.laws import LAWS
from theory.proofs import r3_zero_shot_key_query
from theory.proofs.theorem import run

THEOREMS = {theorem.name: theorem for theorem in r3_zero_shot_key_query.THEOREMS}


@pytest.mark.parametrize("wrong", ["zero_shot", "zero_shot_value"])
def test_another_point_in_its_place_is_caught(monkeypatch, wrong):
    monkeypatch.setitem(LAWS, "zero_shot_kq", LAWS[wrong][:1])
    assert not run(THEOREMS["R3"]).proved


def test_another_point_beside_it_is_caught(monkeypatch):
    monkeypatch.setitem(LAWS, "zero_shot_kq", (*LAWS["zero_shot_kq"], *LAWS["mixed"]))
    with pytest.raises(ValueError, match="unpack"):
        run(THEOREMS["R3"])


@pytest.mark.parametrize("wrong", [laws.zero_shot_scale, laws.product_norm2, lambda world: 1])
def test_another_scale_is_caught(monkeypatch, wrong):
    case = LAWS["zero_shot_kq"][0]._replace(scale=wrong)
    monkeypatch.setitem(LAWS, "zero_shot_kq", (case,))
    assert not run(THEOREMS["R3"]).proved


MUTANTS = [
    ("derive_singular", "{v_x: epsilon * e, q: q_", "{v_x: e, q: q_"),
    ("_limit", "theta_0: tau * e + omega", "theta_0: e + omega"),
    ("_limit", "B: best_size * cross", "B: 2 * best_size * cross"),
    ("_limit", "outer(e, omega) + outer(omega, e)", "outer(e, omega)"),
    ("_transient", "-T * first[0]", "T * first[0]"),
    ("_transient", "initial - T", "initial - 2 * T"),
    ("_minimiser", '"tau": 2', '"tau": 3'),
    ("_isotropic", "trace(identity): d", "trace(identity): d - 1"),
]
LINES = [
    ("LOSS", "outer(e, theta_0) + outer(theta_0, e)", "outer(e, theta_0)"),
    ("LOSS", "outer(e, theta_0) + outer(theta_0, e)", "2*outer(e, theta_0)"),  # the loss is the same, the flow is not
    ("LOSS", "trace(M @ M)*norm2(e)", "trace(M)*norm2(e)"),
    ("LIMIT", "tau/eps", "tau"),
    ("LIMIT", "eps*V", "eps"),
]


def singular():
    """The theorem with the module's derivation as it is now."""
    return replace(THEOREMS["R3.singular"], derive=r3_zero_shot_key_query.derive_singular)


@pytest.mark.parametrize(("function", "old", "new"), MUTANTS)
def test_a_wrong_derivation_is_caught(monkeypatch, function, old, new):
    mutate(monkeypatch, r3_zero_shot_key_query, function, old, new)
    assert not run(singular()).proved


@pytest.mark.parametrize(("lines", "old", "new"), LINES)
def test_a_wrong_line_is_caught(monkeypatch, lines, old, new):
    printed = getattr(r3_zero_shot_key_query, lines)
    assert printed.count(old) == 1
    monkeypatch.setattr(r3_zero_shot_key_query, lines, printed.replace(old, new))
    assert not run(singular()).proved
