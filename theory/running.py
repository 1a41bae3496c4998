"""Printed programs, run with a caller's numbers in the place of their example's."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from .kinds import is_symbolic


def run_program(code: str, given: Mapping[str, Any]) -> Any:
    """What a program prints, with these values in the place of its example's."""
    tree = ast.parse(code)
    last = tree.body.pop()
    assert isinstance(last, ast.Expr)
    assert isinstance(last.value, ast.Call)
    kept = [node for node in tree.body if not (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in given)]
    known = dict(given)
    exec(compile(ast.Module(kept, []), "<formula>", "exec"), known)
    return known[ast.unparse(last.value.args[0])]


def exponential(x: Any) -> Any:
    """exp of a number of any kind."""
    if is_symbolic(x):
        import sympy

        return sympy.exp(x)
    return np.exp(float(x) if isinstance(x, Fraction) else x)
