"""The lines that formulas are printed from, run on whatever their names stand for.

The language is that of :mod:`theory.python_to_latex`: ``name = value`` and ``left == right`` (or > or <), a statement a
line, of numbers, names, ``+ - * / ** @``, transposes ``A.T`` and functions of names that the caller binds.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Mapping
from typing import Any, NamedTuple

_OPERATORS = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow, ast.MatMult: operator.matmul,
}  # fmt: skip


class Comparison(NamedTuple):
    """What a printed ``left == right`` (or > or <) comes to."""

    sign: type[ast.cmpop]
    difference: Any  # left minus right


def run_lines(lines: str, names: Mapping[str, Any]) -> tuple[dict[str, Any], list[Comparison]]:
    """Run printed lines: every name after them, and the comparisons.

    Examples
    --------
    >>> known, comparisons = run_lines("b = 2*a; b + 1 == 7", {"a": 3})
    >>> known["b"], comparisons[0].difference
    (6, 0)
    """
    known = dict(names)
    comparisons = []
    for statement in ast.parse(lines).body:
        match statement:
            case ast.Expr(value=ast.Compare(left=left, ops=[sign], comparators=[right])):
                comparisons.append(Comparison(type(sign), _value(left, known) - _value(right, known)))
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                known[name] = _value(value, known)
            case _:
                raise ValueError(f"{ast.unparse(statement)} is neither name = value nor left == right")
    return known, comparisons


def sides(line: str, names: Mapping[str, Any]) -> tuple[Any, Any]:
    """Both sides of a comparison, run."""
    match ast.parse(line).body:
        case [ast.Expr(value=ast.Compare(left=left, comparators=[right]))]:
            return _value(left, names), _value(right, names)
    raise ValueError(f"{line} is no comparison")


def assigned_names(lines: str) -> set[str]:
    """The names to which the lines give a value."""
    nodes = ast.walk(ast.parse(lines))
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def _value(node: ast.expr, known: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=int() as number):
            return number
        case ast.Name(id=name):
            return known[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, known)
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _OPERATORS:
            return _OPERATORS[type(sign)](_value(left, known), _value(right, known))
        case ast.Attribute(value=value, attr="T"):
            return _value(value, known).T
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            return known[name](*(_value(argument, known) for argument in arguments))
    raise ValueError(f"{ast.unparse(node)} is not allowed in a printed line")
