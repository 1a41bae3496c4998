"""The package as a user gets it: style, types, README, wheel, doctests."""

from __future__ import annotations

import ast
import doctest
import importlib
import os
import pkgutil
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from floors import floors
from packaging.requirements import Requirement

import figures
import numerics
import theory

ROOT = Path(__file__).parent.parent


def modules(package):
    yield package.__name__
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not found.name.endswith("__main__"):
            yield found.name


MODULES = [name for package in (theory, numerics, figures) for name in modules(package)]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_run(name):
    failures, _ = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert failures == 0


@pytest.mark.parametrize("command", [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]])
def test_style_and_types(command):
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def test_imports_point_one_way():
    """figures -> numerics -> theory."""
    for package, forbidden in (("theory", "numerics|figures"), ("numerics", "figures")):
        for path in (ROOT / package).rglob("*.py"):
            found = re.search(rf"^\s*(from|import) \.*({forbidden})\b", path.read_text(encoding="utf-8"), re.MULTILINE)
            assert not found, f"{path}: {found}"


def test_no_test_reads_a_clock():
    """A time depends on what else the machine does: benchmarks/ holds times, as ratios."""
    for path in (ROOT / "tests").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            found = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            found += [node.module] if isinstance(node, ast.ImportFrom) else []
            found += [node.attr] if isinstance(node, ast.Attribute) and node.attr == "seconds" else []
            assert not {"time", "timeit", "datetime", "seconds"} & {*found}, f"{path.name}:{node.lineno}"


def test_no_module_bears_the_name_of_a_public_function():
    for package in (theory, numerics, figures):
        names = {module.name for module in pkgutil.iter_modules(package.__path__)}
        assert not names & set(getattr(package, "__all__", ()))


def test_the_floors_are_constraints_on_all_that_the_library_runs_on():
    """A line of another form than name>=version in pyproject.toml would not be run at its oldest."""
    found = [Requirement(line) for line in floors()]
    oldest = {requirement.name for requirement in found if re.fullmatch(r"==[\d.]+", str(requirement.specifier))}
    assert oldest == {"numpy", "scipy", "sympy", "matplotlib", "tqdm", "python-flint", "latex2mathml", "bokeh"}
    assert {requirement.name for requirement in found} == oldest | {"pyparsing"}
    assert "tests/floors.py" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_readme_has_two_commands_first():
    """Each set-up command is one line in its own sh block; the second runs the tests."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S)
    shell = [body for kind, body in blocks if kind == "sh"]
    assert [kind for kind, _ in blocks[:2]] == ["sh", "sh"]
    assert len(shell) == 2
    assert all(body.count("\n") == 1 for body in shell)
    assert "-m theory" in shell[0]
    assert "pytest" in shell[1]


def test_the_first_python_of_the_readme_runs():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    first = re.search(r"^```python\n(.*?)^```", text, re.M | re.S)
    assert first
    exec(compile(first[1], "README.md", "exec"), {})


def test_the_wheel_runs_from_another_directory(tmp_path):
    """Built, installed alone beside this environment's dependencies, run where no source tree can shadow it."""
    source = tmp_path / "source"
    tracked = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    for name in tracked.stdout.split("\n"):
        if name and (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(source)]
    subprocess.run(build, check=True, capture_output=True)
    wheel = next(tmp_path.glob("*.whl"))
    home = tmp_path / "venv"
    venv.create(home, with_pip=False)
    site = next(home.glob("lib/python*/site-packages"))
    shutil.unpack_archive(wheel, site, "zip")
    mine = [path for path in sys.path if path.endswith("site-packages")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), *mine]), "PYTHONSAFEPATH": "1"}
    program = "import theory, numerics, figures; print(theory.__file__); print(theory.risk('pretrained', 10, 5))"
    done = subprocess.run(
        [str(home / "bin" / "python"), "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    where, value = done.stdout.split()
    assert Path(where).is_relative_to(site)
    assert float(value) == pytest.approx(61 / 121, rel=1e-15)
    for package in ("theory", "numerics", "figures"):
        assert (site / package / "py.typed").exists()


@pytest.mark.parametrize("package", [theory, numerics])
def test_lazy_names_are_listed_and_unknown_ones_refused(package):
    assert set(package.__all__) <= set(dir(package))
    with pytest.raises(AttributeError, match="no attribute 'unknown'"):
        _ = package.unknown
