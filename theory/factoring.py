"""Expressions, factored: arithmetic in a field of fractions, which is some thirty times as fast as `sympy.factor`."""

from __future__ import annotations

import math
from typing import Any


def factored(x: Any) -> Any:
    """An expression as a product: of a rational function of symbols, roots and exponentials, or left whole if that is shorter.

    Examples
    --------
    >>> from sympy import sqrt, symbols
    >>> n, d = symbols("n d", positive=True)
    >>> factored(1 / n - 1 / (n + d))
    d/(n*(d + n))
    >>> factored(n * sqrt(d) + d)
    sqrt(d)*n + d
    """
    import sympy

    x = sympy.sympify(x)
    back = {}
    for base, degree in _root_degrees(x).items():  # sqrt(d) and d**(3/2) are powers of one root
        root = sympy.Dummy(str(base), positive=True)
        x, back[root] = x.xreplace({base: root**degree}), base ** sympy.Rational(1, degree)
    roots = {
        root: sympy.Dummy(f"root{k}", positive=True)
        for k, root in enumerate(sorted(x.atoms(sympy.Pow, sympy.exp), key=sympy.default_sort_key))
        if root.func is sympy.exp or (root.exp.is_Rational and not root.exp.is_Integer and not root.base.is_number)
    }
    if not (roots or back):
        return as_product(x)
    named = {name: root.xreplace(back) for root, name in roots.items()} | back
    return min(as_product(x.xreplace(roots)).xreplace(named), x.xreplace(back), key=sympy.count_ops)


def _root_degrees(x: Any) -> dict[Any, int]:
    """Positive symbols of which roots are taken, and the degree of one that all of these are powers of."""
    import sympy

    found: dict[Any, int] = {}
    for power in x.atoms(sympy.Pow):
        if power.base.is_Symbol and power.base.is_positive and power.exp.is_Rational and not power.exp.is_Integer:
            found[power.base] = math.lcm(found.get(power.base, 1), int(power.exp.q))
    return found


def as_product(x: Any) -> Any:
    """`sympy.factor`, by way of a field where the expression is a rational function of symbols and roots of numbers."""
    import sympy

    from .flint_polynomials import by_flint

    symbols = sorted(x.free_symbols, key=sympy.default_sort_key)
    if not symbols:
        return sympy.factor(x)
    numbers = sorted(filter(_is_root_of_number, x.atoms(sympy.Pow)), key=sympy.default_sort_key)
    names = {root: sympy.Dummy(f"root{k}", positive=True) for k, root in enumerate(numbers)}
    with by_flint():
        field = sympy.polys.fields.FracField([*symbols, *names.values()], sympy.ZZ, sympy.polys.orderings.lex)
        found = element_of(x.xreplace(names), field)
        if found is None:
            return sympy.factor(x)
        if not numbers:
            return product_of(found)
        generators = dict(zip(numbers, field.ring.gens[len(symbols) :], strict=True))
        back = {name: root for root, name in names.items()}
        reduced, product = product_of(_reduced(found, generators), back), product_of(found, back)
    return reduced if sympy.count_ops(reduced) <= sympy.count_ops(product) + 1 else product


def _reduced(found: Any, generators: dict[Any, Any]) -> Any:
    """With r^q = b^p for the generator r that stands for b^(p/q)."""
    for root, generator in generators.items():
        known = generator ** int(root.exp.q) - int(root.base**root.exp.p)
        found = found.field(found.numer.rem(known)) / found.field(found.denom.rem(known))
    return found


def _is_root_of_number(power: Any) -> bool:
    return bool(power.base.is_Integer and power.base > 0 and power.exp.is_Rational and not power.exp.is_Integer)


def element_of(x: Any, field: Any, known: dict[Any, Any] | None = None) -> Any:
    """An expression as an element of a field of fractions over ZZ in its symbols; None if it is no rational function.

    ``known`` keeps what parts of it are.
    """
    import sympy

    if not _is_rational(x):
        return None
    known = {} if known is None else known
    known.update((symbol, generator) for symbol, generator in zip(field.symbols, field.gens, strict=True))

    def element(part: Any) -> Any:
        if part not in known:
            if part.is_Rational:
                known[part] = field(sympy.QQ(part.p, part.q))
            elif part.is_Add:
                known[part] = sum(map(element, part.args), start=field.zero)
            elif part.is_Mul:
                product = field.one
                for factor in part.args:
                    product = product * element(factor)
                known[part] = product
            else:
                known[part] = element(part.base) ** int(part.exp)
        return known[part]

    return element(x)


def product_of(element: Any, roots: dict[Any, Any] | None = None) -> Any:
    """An element of a field of fractions over ZZ as an expression, factored; ``roots``: the numbers that symbols stand for."""
    import sympy

    from .flint_polynomials import factors

    if element == 0:
        return sympy.Integer(0)
    (top, above), (bottom, below) = factors(element.numer), factors(element.denom)
    powers = [(factor.as_expr(), power) for factor, power in above]
    powers += [(factor.as_expr(), -power) for factor, power in below]
    number = sympy.Rational(int(top), int(bottom))
    if not roots:
        return sympy.Mul(number, *(base**power for base, power in powers))
    product = sympy.Mul(*(base.xreplace(roots) ** power for base, power in powers))
    alone = product.is_Add and abs(number) != 1  # as `sympy.factor` has it: a number before a sum
    return sympy.Mul(number, product, evaluate=not alone)


def _is_rational(x: Any) -> bool:
    """Whether an expression is made of symbols, rational numbers and whole powers alone."""
    import sympy

    return all(
        part.is_Symbol or part.is_Rational or part.is_Add or part.is_Mul or (part.is_Pow and part.exp.is_Integer)
        for part in sympy.preorder_traversal(x)
    )
