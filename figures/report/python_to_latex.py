"""From a line of Python arithmetic to LaTeX, so that a formula is written once, in the form that is run."""

from __future__ import annotations

import ast

_NAMES = {
    "Sigma": r"\Sigma", "Psi": r"\Psi", "sigma2": r"\sigma^2", "theta": r"\theta", "theta0": r"\theta_0",
    "alpha": r"\alpha", "eta": r"\eta", "omega": r"\omega", "nu": r"\nu", "kappa": r"\kappa", "rho": r"\rho",
    "t1": "t_1", "t2": "t_2", "cosine": "x", "square": r"\overline{x^2}", "risk": r"\operatorname{risk}",
}  # fmt: skip
_SUM, _PRODUCT, _POWER, _ATOM = range(4)  # how tightly an expression binds


def latex_of(line: str) -> str:
    r"""An assignment or expression as LaTeX.

    Examples
    --------
    >>> latex_of("w = (N*a - t1) / (m + 2)**2")
    'w = \\frac{N a - t_1}{(m + 2)^{2}}'
    """
    statement = ast.parse(line).body[0]
    if isinstance(statement, ast.Assign):
        return f"{_expression(statement.targets[0])[0]} = {_expression(statement.value)[0]}"
    if isinstance(statement, ast.Expr):
        return _expression(statement.value)[0]
    raise ValueError(f"line = {line!r} is not allowed: it must be an assignment or an expression")


def _bracketed(node: ast.expr, binding: int) -> str:
    text, own = _expression(node)
    return text if own >= binding else f"({text})"


def _expression(node: ast.expr) -> tuple[str, int]:
    match node:
        case ast.Constant():
            return str(node.value), _ATOM
        case ast.Name():
            return _NAMES.get(node.id, node.id), _POWER if node.id == "sigma2" else _ATOM
        case ast.UnaryOp(op=ast.USub()):
            return f"-{_bracketed(node.operand, _PRODUCT)}", _SUM
        case ast.Call(func=ast.Name(id=name)):
            return _call(name, node.args)
        case ast.BinOp():
            return _binary(node)
    raise ValueError(f"{ast.unparse(node)} has no LaTeX form here")


def _binary(node: ast.BinOp) -> tuple[str, int]:
    match node.op:
        case ast.Add():
            return f"{_bracketed(node.left, _SUM)} + {_bracketed(node.right, _SUM)}", _SUM
        case ast.Sub():
            return f"{_bracketed(node.left, _SUM)} - {_bracketed(node.right, _PRODUCT)}", _SUM
        case ast.Div():
            return rf"\frac{{{_expression(node.left)[0]}}}{{{_expression(node.right)[0]}}}", _PRODUCT
        case ast.Pow():
            return f"{_bracketed(node.left, _ATOM)}^{{{_expression(node.right)[0]}}}", _POWER
        case ast.MatMult() if ast.unparse(node) == "theta0 @ theta0":
            return r"|\theta_0|^2", _POWER
        case ast.MatMult() if ast.dump(node.left) == ast.dump(node.right):
            return f"{_bracketed(node.left, _ATOM)}^{{2}}", _POWER
        case ast.Mult() | ast.MatMult():
            return f"{_bracketed(node.left, _PRODUCT)} {_bracketed(node.right, _PRODUCT)}", _PRODUCT
    raise ValueError(f"{ast.unparse(node)} has no LaTeX form here")


def _call(name: str, arguments: list[ast.expr]) -> tuple[str, int]:
    inside = [_expression(argument)[0] for argument in arguments]
    match name, *inside:
        case "inv", matrix:
            text = f"[{matrix}]" if " " in matrix else matrix
            return f"{text}^{{-1}}", _POWER
        case "trace", matrix:
            return (
                rf"\operatorname{{tr}} {matrix}" if "+" not in matrix else rf"\operatorname{{tr}}({matrix})",
                _PRODUCT,
            )
        case "sqrt", number:
            return rf"\sqrt{{{number}}}", _ATOM
        case "norm2", vector:
            return rf"|{vector}|_\Sigma^2", _POWER
        case "inner", left, right:
            return rf"\langle {left}, {right}\rangle_\Sigma", _ATOM
        case "solve", matrix, vector:
            return rf"[{matrix}]^{{-1}} ({vector})", _PRODUCT
    raise ValueError(f"{name}({', '.join(inside)}) has no LaTeX form here")
