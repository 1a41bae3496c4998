"""What a first call loads. The ratios of speed are measured in benchmarks/; here only what cannot vary by machine."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("sympy", "scipy", "matplotlib", "flint", "mpmath", "tqdm", "numerics", "figures")
LATER = ("theory.one_world", "theory.whitening", "theory.layers", "theory.interpolation")  # than a risk where Sigma = I


def modules_after(code):
    """The modules that a fresh interpreter has loaded after running the code."""
    program = f"import sys\n{code}\nprint('\\n'.join(sys.modules))"
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(finished.stdout.split())


@pytest.mark.parametrize(
    "code",
    [
        "import theory; theory.risk('zs_v', 10, 5)",
        "import theory; [theory.risk(s, range(9), 5, noise_variance=0.1, few_shot_shots=9, task='unseen')"
        " for s in theory.STRATEGIES]",
        "import theory; theory.risk('zs_v', 10, covariance=[[2.0, 0.5], [0.5, 1.0]], task=[1.0, 2.0])",
        "import theory; theory.fixed_point('both', 5, noise_variance=0.1, pretrain_shots=20).v",
        "from fractions import Fraction as F; import theory; theory.risk('zs_v', 10, 5, noise_variance=F(1, 10))",
    ],
)
def test_a_call_on_numbers_loads_numpy_alone(code):
    loaded = modules_after(code)
    assert {"theory", "numpy"} <= loaded
    assert loaded.isdisjoint(HEAVY), loaded.intersection(HEAVY)
    assert "covariance" in code or loaded.isdisjoint(LATER), loaded.intersection(LATER)


def test_what_is_looked_for_would_be_seen():
    assert {"sympy", "mpmath"} <= modules_after("import sympy")


def test_a_symbol_loads_sympy():
    assert "sympy" in modules_after("import sympy, theory; theory.risk('zs_v', sympy.Symbol('n'), 5)")
