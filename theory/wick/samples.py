"""Sums over n independent shots, with symbolic n.

The expectation of a product of k sums over the same shots is split by *which indices coincide*:

    E[ sum_i f_1(z_i) ... sum_i f_k(z_i) ]
        = sum over set partitions pi of n (n-1) ... (n-|pi|+1) E[ prod_{b in pi} prod_{a in b} f_a(z_b) ]

with one independent copy z_b of the shot for each block b. What the summands share with the rest (the query,
the task) is held fixed while the shots are averaged. A summand may be a scalar, a vector, or a matrix such as
x x'; then the sum is a vector or a matrix, which may stand inside chains and loops (Wishart moments).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import count
from math import prod
from typing import Any, TypeVar

from sympy import QQ

from .combinations import Coefficient, coefficient
from .expressions import Matrix, Monomial, Scalar, Vector, arrow, product, symbol, total
from .gaussian import Gaussian, Noise
from .substitution import Homomorphism, require_finished
from .words import Contraction, Letter

__all__ = ["Shots"]

Summand = TypeVar("Summand", Scalar, Vector, Matrix)
Slot = tuple[str, int]  # the name of a sum, and which of its occurrences (0 for all if it is a scalar)

_serial = count(1)


class Shots:
    """n independent shots, each a draw of the same random variables.

    Parameters
    ----------
    number : int, or a generator of the coefficient ring or field
        n.
    *variables : Gaussian or Noise
        The variables that a shot draws, which stand for "those of shot i" inside `sum`.

    Examples
    --------
    >>> from sympy import QQ
    >>> from sympy.polys.rings import ring
    >>> from theory.wick import Gaussian, Shots, expectation, matrix, outer, trace, vector
    >>> K, n = ring("n", QQ)
    >>> x = Gaussian("x", covariance=matrix("Sigma", symmetric=True))
    >>> shots = Shots(n, x)
    >>> S = shots.sum(outer(x, x))
    >>> expectation(trace(S @ S), shots)
    (n**2 + n)*tr(Sigma Sigma) + n*tr(Sigma)**2
    >>> a, b = vector("a"), vector("b")
    >>> expectation(shots.sum(a @ x) * shots.sum(b @ x), shots)
    n*a'Sigma b
    """

    def __init__(self, number: Coefficient, *variables: Gaussian | Noise) -> None:
        if not variables or not all(isinstance(variable, Gaussian | Noise) for variable in variables):
            raise TypeError(f"a shot draws variables of type Gaussian or Noise; got {variables!r}")
        self.number, self.variables = coefficient(number), variables
        self._summands: dict[str, Any] = {}

    def sum(self, summand: Summand) -> Summand:
        """The sum over the shots, a scalar, vector or matrix like its summand; zero at n = 0."""
        require_finished(summand, "sum over shots")
        name = f"sum#{next(_serial)}"
        self._summands[name] = summand
        placed: Summand = _placeholder(name, summand)
        return placed

    def average(self, expression: Scalar) -> Scalar:
        """The expectation over all the shots, all else held fixed."""
        known: dict[Monomial, Scalar] = {}
        summands = []
        for monomial, value in expression.terms.items():
            sums = tuple(c for c in monomial if not self._names(c).isdisjoint(self._summands))
            if sums not in known:
                known[sums] = self._moment(sums)
            fixed = tuple(c for c in monomial if c not in sums)
            summands.append(Scalar([(fixed, value)]) * known[sums])
        return total(summands)

    def _moment(self, sums: Monomial) -> Scalar:
        """The expectation of a product of contractions in each of which a sum occurs."""
        slots, frame = self._slots(sums)
        patterns = Counter(tuple(sorted(tuple(sorted(block)) for block in p)) for p in set_partitions(slots))
        return total(
            self._pattern(blocks, frame) * (multiplicity * falling_factorial(self.number, len(blocks)))
            for blocks, multiplicity in patterns.items()
        )

    def _slots(self, sums: Monomial) -> tuple[list[Slot], Scalar]:
        """Each occurrence of a sum, and the frame in which the tensor sums stand, numbered one by one."""
        slots: list[Slot] = []
        frame: list[Contraction] = []

        def numbered(name: str) -> str:
            if name not in self._summands:
                return name
            slots.append((name, 1 + len(slots)))
            return f"{name}:{len(slots)}"

        for kind, left, word, right in sums:
            if kind == "sum":
                slots.append((left, 0))
            else:
                letters = tuple(letter._replace(name=numbered(letter.name)) for letter in word)
                frame.append(Contraction(kind, numbered(left), letters, numbered(right)))
        return slots, Scalar([(tuple(frame), 1)])

    def _pattern(self, blocks: tuple[tuple[Slot, ...], ...], frame: Scalar) -> Scalar:
        """The expectation when the sums of a block look at one shot, and different blocks at others."""
        tensors: dict[Any, Any] = {}
        shots = []
        for label, block in enumerate(blocks, start=1):
            drawn = [variable.copy(label) for variable in self.variables]
            of_this_shot = Homomorphism(dict(zip(self.variables, drawn, strict=True)))
            factor = Scalar.constant(1)
            for name, occurrence in block:
                summand = of_this_shot(self._summands[name])
                if isinstance(summand, Scalar):
                    factor = factor * summand
                else:
                    tensors[_placeholder(f"{name}:{occurrence}", summand)] = summand
            shots.append((factor, drawn))
        expectation = Homomorphism(tensors)(frame)
        for factor, drawn in shots:  # one shot after the other, so that the product is never expanded whole
            expectation = expectation * factor
            for variable in drawn:
                expectation = variable.average(expectation)
        return expectation

    @staticmethod
    def _names(contraction: Contraction) -> set[str]:
        return {contraction.left, contraction.right, *(letter.name for letter in contraction.word)}


def set_partitions(items: Sequence[Slot]) -> Iterator[list[list[Slot]]]:
    """All ways to split the items, told apart by position, into non-empty blocks.

    >>> [sum(1 for _ in set_partitions([("s", 0)] * k)) for k in range(6)]
    [1, 1, 2, 5, 15, 52]
    """
    if not items:
        yield []
        return
    for partition in set_partitions(items[1:]):
        yield [[items[0]], *partition]
        for i, block in enumerate(partition):
            yield [*partition[:i], [items[0], *block], *partition[i + 1 :]]


def falling_factorial(number: Coefficient, length: int) -> Coefficient:
    """n (n-1) ... (n-length+1), the number of ways to give different shots to the blocks."""
    return prod((number - i for i in range(length)), start=QQ.one)


def _placeholder(name: str, summand: Any) -> Any:
    """The symbol of a sum, of the kind of its summand."""
    if isinstance(summand, Scalar):
        return symbol(Contraction("sum", name, (), ""))
    if isinstance(summand, Vector):
        return arrow((), name)
    return product((Letter(name, symmetric=summand == summand.T),))
