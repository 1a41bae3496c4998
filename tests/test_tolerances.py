"""The recorder of how much room the tests' tolerances leave."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COMPARISONS = """import math

import numpy as np
import pytest


@pytest.mark.parametrize("error", [1e-11, 4e-11, 2e-11])
def test_some(error):
    np.testing.assert_allclose([1.0, math.inf], [1.0 + error, math.inf], rtol=0, atol=1e-10)
    assert {"a": 2.0 + error} == {"a": pytest.approx(2.0, abs=1e-9)}
    assert np.array([error]) == pytest.approx([0.0], abs=1e-8)
    assert np.float64(error) < 1e-7
    size = 2.0
    assert -error >= -1e-6 * size
    assert error < 1.0
    assert error == error
"""
WORST = {10: 4e-1, 11: 4e-2, 12: 4e-3, 13: 4e-4, 15: 2e-5}


def test_the_worst_of_each_comparison_is_recorded(tmp_path):
    (tmp_path / "test_some.py").write_text(COMPARISONS)
    command = [sys.executable, "-m", "pytest", "-p", "benchmarks.tolerances", "-p", "no:cacheprovider"]
    command += ["--tolerances-json", "worst.json", "--tolerances-above", "1e-3", "test_some.py"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    worst = json.loads((tmp_path / "worst.json").read_text())
    found = {place: ratio for place, (ratio, *_) in worst.items()}
    assert found == pytest.approx({f"test_some.py:{line - 1}": ratio for line, ratio in WORST.items()}, rel=1e-3)
    assert "3 of 5 comparisons have error / tolerance above 0.001" in run.stdout
    assert all(test == "test_some[4e-11]" for *_, test in worst.values())
