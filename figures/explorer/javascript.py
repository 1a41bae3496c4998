"""From the calculator's programs, which are lines of Python arithmetic, to JavaScript: the same operations in the same order."""

from __future__ import annotations

import ast
import itertools
import math
from collections.abc import Iterator
from typing import Any

from theory import OFFICIAL, STRATEGIES, Strategy
from theory.laws import LAWS
from theory.programs import Numbers, Question, risk_program
from theory.strategies import find_strategy
from theory.written_laws import written

COMPOSED: dict[str, Any] = {"value_composed": "value", "skip_composed": "skip"}  # what trains
PLACES = ("task", "unseen")
WEIGHTED = ("mixed_value", "mixed_kq")  # named strategies with a law at any weight of the few-shot loss
_OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
# What a program of the calculator takes, in the page's numbers.
_INPUTS = {
    "d": "d", "noise_variance": "sigma2", "target_norm2": "1", "pretrain_shots": "m", "few_shot_shots": "m",
    "few_shot_weight": "lam", "value_scale": "null", "normalization": "null", "departure": "1 - cosine",
    "across_norm2": "(1 - cosine)*(1 + cosine)", "n_shots": "n", "tokens": "n + 1", "beyond": "1",
}  # fmt: skip


def javascript_of(node: ast.expr) -> str:
    """An arithmetic expression.

    Examples
    --------
    >>> javascript_of(ast.parse("-a**2*sqrt(b)/3", mode="eval").body)
    '(((-Math.pow(a, 2)) * Math.sqrt(b)) / 3)'
    """
    match node:
        case ast.Constant(value=int() as number):
            return str(number)
        case ast.Name(id=name):
            return name
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return f"(-{javascript_of(operand)})"
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return f"Math.pow({javascript_of(left)}, {javascript_of(right)})"
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _OPERATORS:
            return f"({javascript_of(left)} {_OPERATORS[type(sign)]} {javascript_of(right)})"
        case ast.Call(func=ast.Name(id=("sqrt" | "exp") as name), args=[argument]):
            return f"Math.{name}({javascript_of(argument)})"
    raise ValueError(f"{ast.unparse(node)} has no JavaScript form here")


def _statements(body: list[ast.stmt]) -> Iterator[str]:
    for statement in body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield f"const {name} = {javascript_of(value)};"
            case ast.Return(value=ast.Tuple(elts=[value])):
                yield f"return {javascript_of(value)};"


def _of_law(name: str, place: str, weighted: bool) -> str:
    """A named strategy's program, the one that theory.risk runs, for sigma^2 > 0."""
    question = Question(place, "tokens", False, True, weighted, False)
    law = LAWS[name][1 if name == "mixed" else 0]  # R7's first case is that of one shot in "shots"
    (function,) = ast.parse(risk_program(law.point, question).source).body
    assert isinstance(function, ast.FunctionDef)
    used = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
    inputs = [f"const {field} = {_INPUTS[field]};" for field in Numbers._fields if field in used - {"d"}]
    return "\n".join([*inputs, *_statements(function.body)])


def _of_lines(lines: tuple[str, ...]) -> str:
    """The lines of theory.formula."""
    return "\n".join([*_statements(ast.parse("\n".join(lines)).body), "return risk;"])


def composed(trains: Any, few_shot: bool, stopped: bool) -> Strategy:
    """A strategy with these losses beside zero-shot and replay; its numbers are the page's."""
    return Strategy(trains, few_shot=0.5 * few_shot, replay=0.5, time=0.5 if stopped else math.inf)


def variants(name: str) -> Iterator[tuple[bool, bool]]:
    """A strategy's programs: with a few-shot loss of finite weight, stopped early."""
    for few_shot, stopped in itertools.product((False, True), repeat=2):
        if name in COMPOSED or (few_shot <= (name in WEIGHTED) and not stopped):
            yield few_shot, stopped


def programs() -> str:
    """A table of functions: strategy, place, whether the few-shot loss has a weight, whether the flow is stopped."""
    functions = []
    for name in (*STRATEGIES, *COMPOSED):
        for place in PLACES:
            for choice in variants(name):
                if name not in LAWS:
                    strategy = composed(COMPOSED[name], *choice) if name in COMPOSED else find_strategy(name)
                    body = _of_lines(written(strategy, OFFICIAL, place).lines)
                else:
                    body = _of_law(name, place, choice[0])
                arguments = "n, d, m, sigma2, cosine, lam, mu, t"
                functions.append(f'"{name} {place} {choice[0]:d}{choice[1]:d}": ({arguments}) => {{\n{body}\n}}')
    return "const PROGRAMS = {\n" + ",\n".join(functions) + "\n};"
