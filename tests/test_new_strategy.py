"""A strategy is added to the library by one value and one theorem: done here to a copy of it, as a contributor would."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

VALUE = '    Strategy("value", replay=1): _Told("replay_value", ("rehearsal",), "value, with replay", "R99"),\n'

THEOREM = '''
"""R99: value-only with the pretraining loss replayed, in equal parts. Source: a test."""

from fractions import Fraction

import sympy
from sympy import QQ
from sympy.polys.fields import field

from ..calculator import fixed_point
from ..setting import Setting
from .enumeration import exact_average_gradient, exact_gradient
from .theorem import Proof, Theorem

LINES = """
kappa = (1 + m*(m + 3*d + 5)/((d + 2)*(d + 4)))/(m + 1)**2
(d + 4)*beta*alpha == 1/(1 + kappa)
"""


def derive(proof: Proof) -> None:
    symbols = sympy.symbols("d sigma2 m w_0", positive=True)
    setting = Setting(symbols[0], noise_variance=symbols[1], pretrain_shots=symbols[2], value_scale=symbols[3])
    found = fixed_point("replay_value", setting=setting).isotropic
    of, d, _, m, _ = field(symbols, QQ)
    names = {"d": d, "m": m, "beta": of.from_expr(found.beta), "alpha": of.from_expr(found.alpha)}
    proof.step("R4's v_x, shrunk.")
    proof.formula("replay is a filter", LINES, names, main=True)
    proof.brute_force("the gradient in v vanishes, by enumeration", points())


def points():
    noise, one = Fraction(1, 3), [[Fraction(1)]]
    model = fixed_point("replay_value", 1, noise_variance=noise, pretrain_shots=2, value_scale=Fraction(1))
    v, Q = model.v.tolist(), model.Q.tolist()
    zero_shot, _ = exact_gradient(v, Q, one, one[0], noise, 0)
    replay, _ = exact_average_gradient(v, Q, one, noise, 2)
    yield from ((a + b, 0) for a, b in zip(zero_shot, replay, strict=True))


THEOREM = Theorem("R99", "replay", "Replay shrinks what the value matrix learns.", (), "a test", derive)
'''

USE = """
import numpy as np
import theory, numerics
from theory.__main__ import main

found = theory.risk("rehearsal", 10, 5, noise_variance=0.1, pretrain_shots=20, task="unseen")
assert found == theory.risk(theory.Strategy("value", replay=1), 10, 5, noise_variance=0.1, pretrain_shots=20, task="unseen")
assert theory.STRATEGIES["replay_value"].label == "value, with replay"
assert theory.risk("replay_value", range(3), covariance=[2.0, 1.0], pretrain_shots=4).shape == (3,)
assert theory.conditions("replay_value", 5, pretrain_shots=20, task="target")
assert numerics.grid(["replay_value", "pretrained"], [10], [5], noise_variance=[0.1], pretrain_shots=[20], task=["unseen"])
assert "replay_value" in theory.compare(theory.OFFICIAL, 10).__repr__()
assert main(["risk", "rehearsal", "--shots", "1", "--d", "5"]) == 0
assert main(["strategies"]) == 0
assert theory.prove("R99").proved, theory.prove("R99")
"""


def test_one_value_and_one_theorem_are_enough(tmp_path: Path) -> None:
    for package in ("theory", "numerics"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    table = tmp_path / "theory" / "strategies.py"
    text = table.read_text(encoding="utf-8")
    start = text.index("_TOLD: dict")
    end = text.index("}\n", start)
    table.write_text(text[:end] + VALUE + text[end:], encoding="utf-8")
    (tmp_path / "theory" / "proofs" / "r99_replay_value.py").write_text(THEOREM, encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", USE], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "replay_value" in done.stdout
    assert str(tmp_path) not in str(ROOT)
