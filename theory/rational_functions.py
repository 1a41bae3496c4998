"""Rational functions of symbols as a kind of number: elements of a field of fractions, which stay short as they are counted with.

Sympy's expressions grow with every product of matrices, and can take minutes to be factored; a field's elements are
cancelled as they come. It has no roots: who meets one counts with expressions.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .factoring import element_of, product_of
from .kinds import Array, NotRational, ObjectKind, is_rational, is_symbolic
from .surds import RATIONAL, Roots, Surd


class _Rootless(Roots):
    def root(self, x: Surd) -> Surd:
        raise NotRational


class RationalFunctions(ObjectKind):
    """The field of fractions, over the whole numbers, in the symbols of some numbers and arrays."""

    exact = True

    def __init__(self, values: Iterable[Any]) -> None:
        import sympy
        from sympy.polys.fields import FracField
        from sympy.polys.polyerrors import CoercionFailed

        items = [item for value in values for item in np.ravel(np.asarray(value, dtype=object))]
        symbols = set().union(*(item.free_symbols for item in items if is_symbolic(item)))
        if not symbols:
            raise NotRational
        self.field = FracField(sorted(symbols, key=sympy.default_sort_key), sympy.ZZ, sympy.polys.orderings.lex)
        self.numbers = _Rootless(self.field)
        self.numbers.no_number = CoercionFailed
        self._known: dict[Any, Any] = {}  # what parts of the expressions are

    def _convert(self, x: Any) -> Any:
        if is_rational(x):
            return self.numbers(self.field.one * int(x.numerator) / int(x.denominator))
        if not is_symbolic(x):
            return x
        found = element_of(x, self.field, self._known)
        if found is None:
            raise NotRational
        return self.numbers(found)

    def solve(self, a: Array, b: Array) -> Array:
        from sympy.polys.matrices import DomainMatrix

        def matrix(rows: Array) -> Any:
            entries = [[self.numbers(x).rational() for x in row] for row in rows]
            return DomainMatrix(entries, rows.shape, self.field.to_domain())

        columns = b.reshape(len(b), -1)
        found = matrix(a).lu_solve(matrix(columns)).to_list()
        out = np.empty(columns.shape, dtype=object)
        for index in np.ndindex(columns.shape):
            out[index] = Surd(self.numbers, {RATIONAL: found[index[0]][index[1]]})
        return out.reshape(b.shape)

    def present(self, value: Any, inputs: Iterable[object] = ()) -> Any:
        return product_of(value.rational()) if isinstance(value, Surd) else value
