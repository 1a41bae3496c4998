r"""Expressions as text, ``2*theta'Sigma B v``, and as LaTeX, ``2 \theta^{\top} \Sigma B v``."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from sympy import QQ, Symbol
from sympy import latex as sympy_latex

from .combinations import Coefficient
from .expressions import Matrix, Monomial, Scalar, Vector
from .words import Contraction, Letter, Word, transpose

__all__ = ["latex", "text"]


def text(expression: Scalar | Vector | Matrix) -> str:
    """Plain text, as the interpreter shows it.

    Examples
    --------
    >>> from theory.wick import matrix, text, trace, vector
    >>> B = matrix("B")
    >>> text(2 * vector("u") @ B @ vector("v") - trace(B) ** 2)
    "-tr(B)**2 + 2*u'B v"
    """
    return _Text().expression(expression)


def latex(expression: Scalar | Vector | Matrix) -> str:
    r"""LaTeX.

    Examples
    --------
    >>> from theory.wick import latex, matrix, vector
    >>> print(latex(vector("theta0") @ matrix("B").T @ vector("v_x") / 2))
    \frac{1}{2} \theta_{0}^{\top} B^{\top} v_{x}
    """
    return _Latex().expression(expression)


class _Text:
    times = "*"
    tick = "'"

    def expression(self, expression: Scalar | Vector | Matrix) -> str:
        if isinstance(expression, Scalar):
            terms = [(self.monomial(key), self.coefficient(value)) for key, value in expression.terms.items()]
        else:
            render: Any = self.arrow if isinstance(expression, Vector) else self.dyad
            terms = [(render(key), self.expression(value)) for key, value in expression.terms.items()]
        joined = " + ".join(self.term(*term) for term in sorted(terms))
        return joined.replace("+ -", "- ") or "0"

    def term(self, basis: str, factor: str) -> str:
        if not basis or factor == "1":
            return basis or factor
        if factor == "-1":
            return f"-{basis}"
        return f"{self.grouped(factor)}{self.times}{basis}"

    def monomial(self, monomial: Monomial) -> str:
        powers = ((c, sum(1 for _ in group)) for c, group in groupby(monomial))
        return self.times.join(self.power(self.contraction(c), exponent) for c, exponent in powers)

    def contraction(self, contraction: Contraction) -> str:
        kind, left, word, right = contraction
        if kind == "chain":
            return f"{self.transposed(left)}{self.arrow((word, right))}"
        if kind == "loop":
            return self.trace(self.word(word) or "I")
        return self.symbol(left)

    def arrow(self, arrow: tuple[Word, str]) -> str:
        word, name = arrow
        return " ".join([*map(self.letter, word), self.symbol(name)])

    def dyad(self, key: Any) -> str:
        if len(key) == 1:
            return self.word(key[0]) or "I"
        left, u, v, right = key
        return f"{self.arrow((left, u))} {self.transposed(v)}{self.word(transpose(right))}".rstrip()

    def word(self, word: Word) -> str:
        return " ".join(map(self.letter, word))

    def letter(self, letter: Letter) -> str:
        return self.symbol(letter.name) + self.tick * letter.transposed + "^-1" * letter.inverted

    def transposed(self, name: str) -> str:
        return f"{self.symbol(name)}'"

    def symbol(self, name: str) -> str:
        return name

    def trace(self, inside: str) -> str:
        return f"tr({inside})"

    def power(self, base: str, exponent: int) -> str:
        if exponent == 1:
            return base
        return f"({base})**{exponent}" if "'" in base and "(" not in base else f"{base}**{exponent}"

    def coefficient(self, value: Coefficient) -> str:
        return str(value)

    def grouped(self, factor: str) -> str:
        return f"({factor})" if " " in factor or "/" in factor else factor


class _Latex(_Text):
    times = " "

    def letter(self, letter: Letter) -> str:
        exponent = {(1, 0): r"\top", (0, 1): "-1", (1, 1): r"-\top"}.get((letter.transposed, letter.inverted))
        return self.symbol(letter.name) + (f"^{{{exponent}}}" if exponent else "")

    def transposed(self, name: str) -> str:
        return f"{self.symbol(name)}^{{\\top}} "

    def symbol(self, name: str) -> str:
        return str(sympy_latex(Symbol(name)))

    def trace(self, inside: str) -> str:
        return rf"\operatorname{{tr}}({inside})"

    def power(self, base: str, exponent: int) -> str:
        return base if exponent == 1 else f"({base})^{{{exponent}}}"

    def coefficient(self, value: Coefficient) -> str:
        return str(sympy_latex(value.as_expr() if hasattr(value, "as_expr") else QQ.to_sympy(QQ.convert(value))))

    def grouped(self, factor: str) -> str:
        depth, outside = 0, ""
        for character in factor:  # a sum inside braces or brackets needs no others
            depth += (character in "{(") - (character in "})")
            outside += character * (depth == 0)
        return rf"\left({factor}\right)" if " + " in outside or " - " in outside else factor
