"""How much room the tests' tolerances leave: the worst error / tolerance of every comparison, as a table.

A pytest plugin, ``python -m pytest -p benchmarks.tolerances tests/test_trajectory.py``, and a command that runs pytest
once for each BLAS kernel (which OpenBLAS calls a core type) and takes the worst of all:

    python -m benchmarks.tolerances tests/test_trajectory.py

Recorded are ``numpy.testing.assert_allclose``, ``pytest.approx``, and asserted comparisons with a limit that holds a
number such as 1e-9: ``assert error < 1e-9``, ``assert low >= -1e-9 * high``. Not seen are comparisons inside
of a call, ``assert np.all(error < 1e-9)``. A limit that is a claim and not a tolerance ("this gap is below 1e-4") is in
the table too: the reader tells them apart. Options: ``--tolerances-above RATIO`` (default 1/30) chooses the rows.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

KERNELS = ("Prescott", "Nehalem", "Sandybridge", "Haswell", "Zen", "SkylakeX")
ALLOWED = 1 / 30
Record = tuple[float, float, float, str]  # ratio, error, tolerance, test

_records: dict[str, Record] = {}  # of the running test, by place
_worst: dict[str, Record] = {}  # of all, by place
_TOLERANCE = re.compile(r"\d[eE]-\d")
_NUMPY_NUMBER = re.compile(r"np\.float64\(([^()]*)\)")
_ORDERS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_ARITHMETIC = (ast.Expression, ast.BinOp, ast.UnaryOp, ast.Constant, ast.operator, ast.unaryop)


def _keep(records: dict[str, Record], place: str, record: Record) -> None:
    if place not in records or not records[place][0] >= record[0]:
        records[place] = record


def _record(place: str, error: float, tolerance: float) -> None:
    if tolerance > 0:
        _keep(_records, place, (error / tolerance, error, tolerance, ""))


def _caller() -> str:
    """The innermost line of a test file that is being run."""
    frame: Any = sys._getframe(1)
    while frame is not None and not Path(frame.f_code.co_filename).name.startswith("test_"):
        frame = frame.f_back
    return "?" if frame is None else f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"


def _record_closeness(actual: Any, desired: Any, rtol: float, atol: float) -> None:
    try:
        actual, desired = np.broadcast_arrays(np.asarray(actual, complex), np.asarray(desired, complex))
    except (TypeError, ValueError):
        return  # not numbers, or a failure that the comparison itself reports
    finite = np.isfinite(actual) & np.isfinite(desired)
    actual, desired = actual[finite], desired[finite]
    error, tolerance = np.abs(actual - desired), atol + rtol * np.abs(desired)
    if error.size and tolerance.max() > 0:
        worst = np.argmax(np.divide(error, tolerance, out=np.zeros_like(error), where=tolerance > 0))
        _record(_caller(), float(error[worst]), float(tolerance[worst]))


def _comparisons(explanation: str) -> Iterator[tuple[float, float]]:
    """(error, tolerance) of the comparisons of numbers on the first line that pytest explains an assertion with."""
    first = _NUMPY_NUMBER.sub(r"\1", explanation.split("\n")[0].removeprefix("assert "))
    try:
        tree = ast.parse(first, mode="eval")
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if not isinstance(node, ast.Compare) or len(node.ops) != 1 or not isinstance(node.ops[0], _ORDERS):
            continue
        sides = [ast.Expression(side) for side in (node.left, node.comparators[0])]
        if all(isinstance(part, _ARITHMETIC) for side in sides for part in ast.walk(side)):
            left, right = (eval(compile(side, "", "eval")) for side in sides)  # arithmetic of literals
            sign = 1 if isinstance(node.ops[0], ast.Lt | ast.LtE) else -1
            if sign * right > 0:
                yield max(0.0, sign * left), sign * right


def pytest_addoption(parser: Any) -> None:
    group = parser.getgroup("tolerances")
    group.addoption("--tolerances-above", type=float, default=ALLOWED, help="the least ratio that is shown")
    group.addoption("--tolerances-json", default=None, help="a file for every place's worst ratio")


def pytest_configure(config: Any) -> None:
    import numpy.testing
    import pytest

    # Cached rewritten test modules have no hook for asserts that pass: they must be rewritten anew, elsewhere.
    sys.pycache_prefix = tempfile.mkdtemp()
    config._inicache["enable_assertion_pass_hook"] = True

    closely: Any = numpy.testing.assert_allclose
    scalar: Any = type(pytest.approx(1.0))  # arrays, sequences and mappings compare their elements by it
    equals = scalar.__eq__

    def assert_allclose(
        actual: Any, desired: Any, rtol: float = 1e-7, atol: float = 0, *args: Any, **more: Any
    ) -> None:
        _record_closeness(actual, desired, rtol, atol)
        closely(actual, desired, rtol, atol, *args, **more)

    def approx(self: Any, actual: Any) -> bool:
        tolerance = getattr(self, "tolerance", None)
        if isinstance(tolerance, int | float):
            _record_closeness(actual, self.expected, 0.0, tolerance)
        return bool(equals(self, actual))

    numpy.testing.assert_allclose = assert_allclose  # type: ignore[assignment]
    scalar.__eq__ = approx


def pytest_assertion_pass(item: Any, lineno: int, orig: str, expl: str) -> None:
    if _TOLERANCE.search(orig):
        for error, tolerance in _comparisons(expl):
            _record(f"{item.path.name}:{lineno}", error, tolerance)


def pytest_runtest_setup(item: Any) -> None:
    _records.clear()


def pytest_runtest_teardown(item: Any) -> None:
    item.user_properties.append(("tolerances", dict(_records)))  # workers of xdist send these home


def pytest_runtest_logreport(report: Any) -> None:
    if report.when == "teardown":
        for name, records in report.user_properties:
            if name == "tolerances":
                for place, (ratio, error, tolerance, _) in records.items():
                    _keep(_worst, place, (ratio, error, tolerance, report.nodeid.split("::")[-1]))


def pytest_terminal_summary(terminalreporter: Any, config: Any) -> None:
    terminalreporter.section("room of tolerances")
    terminalreporter.write_line(table(_worst, config.getoption("--tolerances-above")))
    if config.getoption("--tolerances-json"):
        Path(config.getoption("--tolerances-json")).write_text(json.dumps(_worst))


def table(worst: dict[str, Record], above: float) -> str:
    """Rows above a ratio, the worst first."""
    rows = sorted(((record, place) for place, record in worst.items() if record[0] > above), reverse=True)
    lines = [f"{len(rows)} of {len(worst)} comparisons have error / tolerance above {above:.3g}"]
    lines += [f"{ratio:9.2e} = {e:8.2e} / {t:8.2e}  {place}  {test}" for (ratio, e, t, test), place in rows]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tolerances-above", type=float, default=ALLOWED, help="the least ratio that is shown")
    options, arguments = parser.parse_known_args()
    worst: dict[str, Record] = {}
    status = 0
    with tempfile.TemporaryDirectory() as directory:
        for kernel in KERNELS:
            file = Path(directory, kernel)
            command = [
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-p",
                "benchmarks.tolerances",
                "--tolerances-json",
                str(file),
            ]
            run = subprocess.run(
                command + arguments, env={**os.environ, "OPENBLAS_CORETYPE": kernel}, capture_output=True, text=True
            )
            if run.returncode:
                print(run.stdout, run.stderr, file=sys.stderr)
                status = run.returncode
            if file.exists():
                for place, (ratio, error, tolerance, test) in json.loads(file.read_text()).items():
                    _keep(worst, place, (ratio, error, tolerance, f"{test}  {kernel}"))
    print(table(worst, options.tolerances_above))
    return status


if __name__ == "__main__":
    sys.exit(main())
