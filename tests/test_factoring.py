"""Factored expressions are what sympy makes of them, by another way."""

import doctest
import itertools

import pytest
import sympy
from hypothesis import example, given
from hypothesis import strategies as st
from sympy.polys.fields import FracElement
from sympy.polys.rings import PolyElement

from theory import factoring, flint_polynomials, wick
from theory.proofs import radicals

n, d, x = sympy.symbols("n d x")
ROOT = sympy.sqrt(2)
LEAVES = st.one_of(
    st.sampled_from([n, d, x]),
    st.fractions(-3, 3, max_denominator=4).map(lambda q: sympy.Rational(q.numerator, q.denominator)),
)
EXPRESSIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda pair: pair[0] + pair[1]),
        st.tuples(inner, inner).map(lambda pair: pair[0] * pair[1]),
        st.tuples(inner, st.integers(-2, 3)).filter(lambda pair: pair[0] != 0).map(lambda pair: pair[0] ** pair[1]),
    ),
    max_leaves=6,
)
RING = sympy.polys.rings.ring("n, d, x", sympy.ZZ)[0]
POWERS = st.tuples(*[st.integers(0, 2)] * 3)
POLYNOMIALS = st.dictionaries(POWERS, st.integers(-6, 6).filter(bool).map(sympy.ZZ), max_size=5).map(RING.from_dict)


def test_examples():
    assert doctest.testmod(factoring).failed == 0


@given(EXPRESSIONS)
@example((n + d + 1) / 2)
def test_a_rational_function_becomes_the_product_that_sympy_finds(expression):
    found, expected = factoring.as_product(expression), sympy.factor(expression)
    assert sympy.cancel(found - expression) == 0
    if expected.is_Mul:  # a number that stands before a sum alone is multiplied in
        expected = sympy.Mul(*expected.args)
    assert sympy.count_ops(found) <= sympy.count_ops(expected) + 1  # a sign may stand elsewhere


@given(POLYNOMIALS, POLYNOMIALS)
@example(RING.from_expr(2**70 * n - 1), RING.from_expr(n + d))
def test_factors_are_those_of_sympy(one, other):
    """By python-flint, where it is there, the irreducible factors, their signs and the whole number are the same."""
    for polynomial in (one, other, one * other):
        number, found = flint_polynomials.factors(polynomial)
        expected_number, expected = polynomial.factor_list()
        assert number == expected_number
        assert {*found} == {*expected}


@given(POLYNOMIALS, POLYNOMIALS, st.sampled_from([1, 2, 4]), st.sampled_from([sympy.ZZ, sympy.QQ]))
def test_square_roots_are_those_of_sympy(one, other, number, domain):
    for f in (one**2, number * one**2 * other, one**2 + other**2, other):
        f = f.set_ring(RING.clone(domain=domain))
        f = f if domain is sympy.ZZ else f / 9
        found = radicals._root_of_polynomial(f)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(radicals, "square_root", lambda f: NotImplemented)
            expected = radicals._root_of_polynomial(f)
        assert (found is None) == (expected is None)
        if found is not None:
            assert found.ring == f.ring
            assert found**2 == f == expected**2
            assert all(map(domain.of_type, found.values()))


@given(POLYNOMIALS, POLYNOMIALS, st.sampled_from([1, -1, 6, -4, n, 4 * n * d, -6 * n**2 * x]))
def test_common_divisors_are_those_of_sympy(one, other, term):
    """A single term, 1 too, is divided out without python-flint."""
    single = RING.from_expr(sympy.sympify(term))
    for f, g in itertools.product((one, one * other, one * single, RING.zero), (single, one, other, RING.zero)):
        expected = f.cofactors(g)
        with flint_polynomials.by_flint():
            found = f.cofactors(g)
        assert found in (expected, tuple(-part for part in expected))
        assert (found[0] * found[1], found[0] * found[2]) == (f, g)
        product = f * g
        with flint_polynomials.by_flint():
            assert f * g == product


def test_a_polynomial_leaves_products_to_what_is_no_number():
    K, a, _ = sympy.polys.fields.field("a b", sympy.ZZ)
    fraction, contraction = (a + 1) / a, wick.vector("u") @ wick.vector("v")
    products = [lambda: K.ring.gens[1] * fraction, lambda: K.ring.gens[1] * K(2), lambda: K.ring.gens[1] * contraction]
    products += [lambda: fraction * contraction, lambda: fraction + contraction, lambda: K.ring.zero * contraction]
    expected = [(product(), type(product())) for product in products]
    with flint_polynomials.by_flint():
        assert [(product(), type(product())) for product in products] == expected


@pytest.mark.parametrize(
    "expression",
    [
        ROOT * n + 2,
        n * (1 + ROOT) ** 2,
        sympy.pi * n + n**2,
        n**x + n,
        sympy.exp(n) * n + n,
        sympy.Float(0.5) * n + n**2,
        sympy.I * n + n,
    ],
    ids=str,
)
def test_what_is_no_rational_function_keeps_its_value(expression):
    at = {n: sympy.Rational(3, 7), x: 2}
    for form in (factoring.as_product, factoring.factored):
        assert abs((form(expression) - expression).subs(at).evalf()) < 1e-12


def test_roots_of_symbols_are_variables():
    root = sympy.sqrt(n + d)
    assert factoring.factored(root * x * d + root * x**2) == root * x * (d + x)


def test_roots_of_numbers_are_variables(monkeypatch):
    """The greatest part of a risk beside a diagonal of symbols, for which `sympy.factor` takes minutes in some orders of symbols."""
    p, q = sympy.symbols("p q", positive=True)
    below = (3 * n + 18 * d + 2) * (18 * n + 3 * d + 2)
    expression = 5 * p * (15 * p + q) / (2 * below**2) + n * (1 - sympy.sqrt(30) * p * q / (2 * below)) ** 2
    quarter = 2 ** sympy.Rational(3, 4) * n * d + 2 ** sympy.Rational(3, 4) * n**2
    monkeypatch.delattr(sympy, "factor")
    for one in (expression, quarter, sympy.sqrt(2) * n**2 - 2 * sympy.sqrt(2) * n + sympy.sqrt(2)):
        found = factoring.as_product(one)
        assert found.is_Mul
        at = {n: sympy.Rational(3, 7), d: 2, p: sympy.Rational(5, 2), q: 3}
        assert abs((found - one).subs(at).evalf()) < 1e-12
    assert found == sympy.sqrt(2) * (n - 1) ** 2


@pytest.mark.parametrize(
    "expression",
    [
        2 * n * (sympy.sqrt(7) / 42 + sympy.Rational(1, 3)) ** 2 + 16 * sympy.sqrt(7) / 63 + sympy.Rational(125, 63),
        (n + ROOT) ** 2 / (n**2 - 2),
        sympy.sqrt(30) * n / 30 + sympy.sqrt(6) / 3,
        (n * ROOT + n) * (n * ROOT - n) * (d + ROOT),
    ],
    ids=str,
)
def test_with_roots_of_numbers_it_is_as_short_as_that_of_sympy(expression):
    found = factoring.as_product(expression)
    assert sympy.count_ops(found) <= sympy.count_ops(sympy.factor(expression))
    assert sympy.expand(found - expression) == 0 or sympy.simplify(found - expression) == 0


def test_sympy_is_left_as_it_was():
    before = PolyElement.cofactors, PolyElement.__mul__, FracElement._extract_ground
    with flint_polynomials.by_flint():
        with flint_polynomials.by_flint():
            factoring.as_product(1 / n - 1 / (n + d))
        inside = PolyElement.cofactors, PolyElement.__mul__, FracElement._extract_ground
    assert (PolyElement.cofactors, PolyElement.__mul__, FracElement._extract_ground) == before
    for one, another in zip(inside, before, strict=True):
        assert (one is another) == (flint_polynomials._is_there() is False)
