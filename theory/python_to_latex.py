"""From a line of Python arithmetic to LaTeX, so that a formula is written once, in the form that is run.

In products with ``@`` a name that starts with a small letter is a vector and one with a capital is a matrix.
"""

from __future__ import annotations

import ast
import re

_GREEK = frozenset({
    "alpha", "beta", "gamma", "delta", "epsilon", "eta", "theta", "kappa", "lambda", "mu", "nu", "xi", "pi", "rho",
    "sigma", "tau", "phi", "chi", "psi", "omega", "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Phi",
    "Psi", "Omega",
})  # fmt: skip
_NAMES = {"sigma2": r"\sigma^2", "lam": r"\lambda", "eps": r"\varepsilon", "cosine": "x", "square": r"\overline{x^2}"}
_ACCENTS = {"bar": r"\bar", "tilde": r"\tilde", "hat": r"\hat", "dot": r"\dot"}
_RAISED = {"star": "^*", "prime": "'"}
_RELATIONS = {ast.Eq: "=", ast.NotEq: r"\ne", ast.Lt: "<", ast.Gt: ">", ast.LtE: r"\le", ast.GtE: r"\ge"}
_SUM, _PRODUCT, _POWER, _ATOM = range(4)  # how tightly an expression binds


def latex_of(line: str) -> str:
    r"""An assignment, an expression or a comparison as LaTeX.

    Examples
    --------
    >>> latex_of("w = (N*a - t1) / (m + 2)**2")
    'w = \\frac{N a - t_1}{(m + 2)^{2}}'
    >>> latex_of("R_pre - sigma2 == theta_0 @ Sigma @ v_x")
    'R_{\\mathrm{pre}} - \\sigma^2 = \\theta_0^\\top \\Sigma v_x'
    """
    statement = ast.parse(line).body[0]
    if isinstance(statement, ast.Assign):
        return f"{_expression(statement.targets[0])[0]} = {_expression(statement.value)[0]}"
    if isinstance(statement, ast.Expr):
        return _expression(statement.value)[0]
    raise ValueError(f"line = {line!r} is not allowed: it must be an assignment, an expression or a comparison")


def lines_of(lines: str) -> list[str]:
    r"""Several statements, one each, however many lines of text each takes.

    Examples
    --------
    >>> lines_of("a = b\nc == (a\n      + 1)")
    ['a = b', 'c == a + 1']
    """
    return [ast.unparse(statement) for statement in ast.parse(lines).body]


def _bracketed(node: ast.expr, binding: int) -> str:
    text, own = _expression(node)
    if own >= binding:
        return text
    return rf"\left({text}\right)" if r"\frac" in text else f"({text})"


def _expression(node: ast.expr) -> tuple[str, int]:
    opposite = _opposite(node)
    if opposite is not None:
        return f"-{_bracketed(opposite, _PRODUCT)}", _SUM
    match node:
        case ast.Constant():
            return str(node.value), _ATOM
        case ast.Name():
            text = _name(node.id)
            return text, _POWER if "^" in text or "'" in text else _ATOM
        case ast.Attribute(attr="T"):
            return rf"{_bracketed(node.value, _ATOM)}^\top", _POWER
        case ast.Call(func=ast.Name(id=name)):
            return _call(name, node.args)
        case ast.BinOp(op=ast.MatMult()):
            return _chain(_factors(node))
        case ast.BinOp():
            return _binary(node)
        case ast.Compare(ops=operators):
            sides = [_expression(side)[0] for side in (node.left, *node.comparators)]
            signs = [_RELATIONS[type(operator)] for operator in operators]
            return sides[0] + "".join(f" {sign} {side}" for sign, side in zip(signs, sides[1:], strict=True)), _SUM
    raise ValueError(f"{ast.unparse(node)} has no LaTeX form here")


def _opposite(node: ast.expr) -> ast.expr | None:
    """x where the expression is -x, a product such as -2*s*m among them."""
    match node:
        case ast.UnaryOp(op=ast.USub()):
            return node.operand
        case ast.BinOp(op=ast.Mult() | ast.Div()) if (left := _opposite(node.left)) is not None:
            return ast.BinOp(left, node.op, node.right)
    return None


def _name(name: str) -> str:
    if name in _NAMES:
        return _NAMES[name]
    match = re.fullmatch(r"([A-Za-z]+)(\d*)((?:_\w+)?)", name)
    if match is None:
        raise ValueError(f"{name} has no LaTeX form here")
    letter, digits, rest = match.groups()
    text, low, raised = _letter(letter), [digits] if digits else [], ""
    for part in rest.split("_")[1:]:
        if part in _ACCENTS:
            text = f"{_ACCENTS[part]}{{{text}}}"
        elif part in _RAISED:
            raised += _RAISED[part]
        else:
            low.append(_letter(part, r"\mathrm"))
    lowered = ",".join(low)
    if len(lowered) > 1 and not re.fullmatch(r"\\\w+", lowered):
        lowered = f"{{{lowered}}}"
    return text + (f"_{lowered}" if lowered else "") + raised


def _letter(text: str, long: str = r"\operatorname") -> str:
    if text in _GREEK:
        return f"\\{text}"
    if text == "perp":
        return r"\perp"
    plain = len(text) == 1 or text.isdigit() or (len(text) == 2 and long == r"\mathrm")  # L_ZS, Q_xx
    return text if plain else f"{long}{{{text}}}"


def _factors(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        return [*_factors(node.left), node.right]
    return [node]


def _is_vector(node: ast.expr) -> bool:
    match node:
        case ast.Name(id=name):
            return name[0].islower()
        case ast.BinOp(op=ast.MatMult()):
            return not _is_vector(node.left) and _is_vector(node.right)
        case ast.BinOp(op=ast.Div()):
            return _is_vector(node.left)
        case ast.BinOp():
            return _is_vector(node.right)
        case ast.UnaryOp():
            return _is_vector(node.operand)
        case ast.Call(func=ast.Name(id="solve")):
            return _is_vector(node.args[1])
    return False


def _chain(factors: list[ast.expr]) -> tuple[str, int]:
    """A product with @: u'A v, A v, |u|^2, A^2."""
    same = [ast.dump(factor) for factor in factors]
    if _is_vector(factors[0]):
        if len(factors) == 2 and same[0] == same[1]:
            return f"|{_expression(factors[0])[0]}|^2", _POWER
        first = f"{_bracketed(factors[0], _ATOM)}^\\top"
        return " ".join([first, *(_bracketed(factor, _PRODUCT) for factor in factors[1:])]), _PRODUCT
    texts: list[str] = []
    start = 0
    while start < len(factors):
        count = next((k for k in range(start, len(same)) if same[k] != same[start]), len(same)) - start
        if count == 1:
            texts.append(_bracketed(factors[start], _PRODUCT))
        else:
            texts.append(f"{_bracketed(factors[start], _ATOM)}^{{{count}}}")
        start += count
    return " ".join(texts), _POWER if len(texts) == 1 else _PRODUCT


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
        case ast.Mult():
            left = f"({_expression(node.left)[0]})" if _ends_in_trace(node.left) else _bracketed(node.left, _PRODUCT)
            return f"{left} {_bracketed(node.right, _PRODUCT)}", _PRODUCT
    raise ValueError(f"{ast.unparse(node)} has no LaTeX form here")


def _ends_in_trace(node: ast.expr) -> bool:
    """Whether a factor on the right would seem to stand under the trace."""
    match node:
        case ast.Call(func=ast.Name(id="trace")):
            return True
        case ast.BinOp(op=ast.Mult(), right=right):
            return _ends_in_trace(right)
    return False


def _call(name: str, arguments: list[ast.expr]) -> tuple[str, int]:
    inside = [_expression(argument)[0] for argument in arguments]
    match name, *inside:
        case "inv", matrix:
            text = f"[{matrix}]" if " " in matrix else matrix
            return f"{text}^{{-1}}", _POWER
        case "trace", matrix:
            return rf"\operatorname{{tr}} {matrix}" if _simple(matrix) else rf"\operatorname{{tr}}({matrix})", _PRODUCT
        case "sqrt", number:
            return rf"\sqrt{{{number}}}", _ATOM
        case "maximum", first, second:
            return rf"\max({first}, {second})", _ATOM
        case "exp", number:
            return f"e^{{{number}}}", _POWER
        case "norm2", vector:
            return rf"|{vector}|_\Sigma^2", _POWER
        case "frobenius2", matrix:
            return rf"|{matrix}|_F^2", _POWER
        case "inner", left, right:
            return rf"\langle {left}, {right}\rangle_\Sigma", _ATOM
        case "outer", left, right:
            left, right = (_bracketed(argument, _PRODUCT) for argument in arguments)
            return rf"{left} {_bracketed(arguments[1], _ATOM)}^\top", _PRODUCT
        case "solve", divisor, number if not _is_vector(arguments[1]):
            return rf"\frac{{{number}}}{{{divisor}}}", _PRODUCT
        case "solve", matrix, vector:
            return rf"[{matrix}]^{{-1}} ({vector})", _PRODUCT
        case "d_dt", _:
            return rf"\frac{{d}}{{dt}} {_bracketed(arguments[0], _PRODUCT)}", _PRODUCT
        case "at_0", _:
            return rf"{_bracketed(arguments[0], _ATOM)}|_{{t = 0}}", _ATOM
        case _ if re.fullmatch(r"[A-Z](_\w+)?|[a-z]_hat", name):  # a function of the proof: E(x), L(v, Q)
            return f"{_name(name)}({', '.join(inside)})", _ATOM
    raise ValueError(f"{name}({', '.join(inside)}) has no LaTeX form here")


def _simple(text: str) -> bool:
    return "+" not in text and "-" not in text.replace("^{-1}", "")
