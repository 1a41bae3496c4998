"""Exact in, exact out: a Fraction or a Symbol anywhere and no float anywhere, and no float comes out.

The defaults (Sigma = I, the first unit vector, infinite pretraining) and whole numbers, in lists and arrays too, are exact
beside exact numbers; alone they give floats, and one float makes floats of all. What comes out is held against the same
call in floats.
"""

from __future__ import annotations

import math
import random
from fractions import Fraction as F

import numpy as np
import pytest
import sympy
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies_for_tests import NORMALIZATIONS, RATIONAL_STRATEGIES, STRATEGIES

import theory

TASKS = ("target", "opposite", "unseen")
n, noise, a, b, x, y, rho = sympy.symbols("n sigma2 a b x y rho", positive=True)
POINT = {n: 3, noise: F(2, 3), a: F(1, 2), b: F(5, 3), x: F(3, 4), y: F(2), rho: F(1, 3)}


def assert_exact(value, what=""):
    """No float in it: ints, Fractions and sympy without a Float; infinity has no other form than a float's."""
    if isinstance(value, np.ndarray):
        assert value.dtype == object or value.dtype.kind == "i", (what, value)
        for item in value.flat:
            assert_exact(item, what)
    elif isinstance(value, tuple | list):
        for item in value:
            assert_exact(item, what)
    elif isinstance(value, sympy.Basic):
        assert not value.atoms(sympy.Float), (what, value)
    else:
        assert type(value) in (int, F) or value == math.inf, (what, type(value), value)


def at_point(value):
    """Symbols at POINT, Fractions and whole numbers as floats, through lists, arrays and matrices; names as they are."""
    if isinstance(value, np.ndarray | sympy.MatrixBase):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [at_point(item) for item in value]
    if isinstance(value, sympy.Basic):
        value = value.subs({name: sympy.Rational(F(x).numerator, F(x).denominator) for name, x in POINT.items()})
        return float(value.evalf(30))
    return float(value) if isinstance(value, F | int) else value


def in_floats(arguments):
    """The same arguments with nothing exact in them, counts apart."""
    counts = ("n_shots", "d", "pretrain_shots", "few_shot_shots")
    floats = {name: at_point(value) for name, value in arguments.items()}
    return floats | {name: int(floats[name]) for name in counts if name in floats and floats[name] != math.inf}


def assert_exact_and_right(model, arguments):
    found = theory.risk(model, **arguments)
    assert_exact(found, arguments)
    reference = theory.risk(model, **in_floats(arguments))
    # Matrices with condition numbers up to 1e3, a few dozen roundings each: 1e-13, and a wide margin.
    assert at_point(found) == pytest.approx(reference, rel=1e-9)
    return found


# --- every combination ----------------------------------------------------------------------------------------------

fractions = st.fractions(-3, 3, max_denominator=4)
positive = st.fractions(F(1, 4), 3, max_denominator=4)
whole = st.integers(-3, 3)
dtypes = st.sampled_from([list, np.int8, np.uint16, np.int64, object])


def spelled(draw, nested):
    """Whole numbers as a list, or as an array of one of numpy's types."""
    dtype = draw(dtypes)
    return nested if dtype is list or (dtype is np.uint16 and np.min(nested) < 0) else np.array(nested, dtype=dtype)


@st.composite
def matrices(draw, d, symbolic=True):
    """None, whole numbers, Fractions, or diagonal with a Symbol; none close to singular."""
    kind = draw(st.sampled_from(["none", "whole", "fraction", *["symbolic"] * symbolic]))
    if kind == "none":
        return None
    diagonal = draw(st.lists(st.integers(3, 5), min_size=d, max_size=d))
    if kind == "symbolic":
        return [[(a if i == 0 else diagonal[i]) if i == j else 0 for j in range(d)] for i in range(d)]
    rows = [[diagonal[i] if i == j else 1 for j in range(d)] for i in range(d)]
    return spelled(draw, rows) if kind == "whole" else [[F(entry, 2) for entry in row] for row in rows]


@st.composite
def vectors(draw, d, symbolic=False):
    """Whole numbers, Fractions, or Symbols; not zero."""
    kind = draw(st.sampled_from(["whole", "fraction", *["symbolic"] * symbolic]))
    if kind == "symbolic":
        return [x, y, 1][:d]
    entries = draw(st.lists(whole if kind == "whole" else fractions, min_size=d, max_size=d))
    if not any(entries):
        entries[0] = 1 if kind == "whole" else F(1)
    return spelled(draw, entries) if kind == "whole" else entries


@st.composite
def evaluations(draw, d):
    """What a model, too, depends on. One thing is a Symbol at most."""
    symbolic = draw(st.sampled_from(["", "n", "noise", "covariance", "task"]))
    covariance = draw(matrices(d, symbolic == "covariance"))
    tasks = [st.sampled_from(TASKS), vectors(d, symbolic == "task")]
    task_covariance = draw(matrices(d, symbolic=False))
    if covariance is None and task_covariance is None and d > 1:
        tasks.append(st.one_of(st.sampled_from([0, 1, -1, F(1, 3)]), *[st.just(rho)] * (symbolic == "task")))
    return {
        "n_shots": n if symbolic == "n" else draw(st.integers(0, 5)),
        "noise_variance": noise if symbolic == "noise" else draw(st.one_of(st.integers(0, 2), positive)),
        "covariance": covariance, "task_covariance": task_covariance, "task": draw(st.one_of(*tasks)),
        "target": draw(st.one_of(st.none(), vectors(d))), "normalization": draw(st.sampled_from(NORMALIZATIONS)),
        "d": d,
    }  # fmt: skip


@st.composite
def settings_of(draw, d):
    return draw(evaluations(d)) | {
        "pretrain_shots": draw(st.one_of(st.integers(1, 6), st.just(math.inf))),
        "few_shot_shots": draw(st.integers(1, 4)),
        "value_scale": draw(st.one_of(st.just("balanced"), st.integers(1, 2), positive)),
    }


def numbers_in(value):
    """The numbers of an argument, one by one."""
    if isinstance(value, np.ndarray | list | tuple | sympy.MatrixBase):
        return np.asarray(value, dtype=object).ravel().tolist()
    return [value]


def has_symbols(value):
    return any(isinstance(item, sympy.Basic) for item in numbers_in(value))


def has_exact(arguments):
    """Whether a Fraction or a Symbol is among them."""
    return any(isinstance(item, F | sympy.Basic) for value in arguments.values() for item in numbers_in(value))


def without_symbols(arguments):
    return {name: at_point(value) if has_symbols(value) else value for name, value in arguments.items()}


@given(data=st.data(), strategy=st.sampled_from(STRATEGIES), d=st.integers(1, 3))
def test_risk_of_a_strategy(data, strategy, d):
    arguments = data.draw(settings_of(d))
    if strategy == "mixed_value":
        arguments["few_shot_weight"] = data.draw(st.one_of(st.integers(0, 2), positive))
    if has_exact(arguments):
        assert_exact_and_right(strategy, arguments)
    else:
        assert type(theory.risk(strategy, **arguments)) is float


@given(data=st.data(), d=st.integers(1, 2), exact=st.booleans())
def test_risk_of_a_model(data, d, exact):
    """Models in Fractions and in whole numbers, v and Q not alike."""
    rng, arguments = random.Random(data.draw(st.integers(0, 2**32 - 1))), data.draw(evaluations(d))
    both = np.array([rng.randint(-3, 3) for _ in range((d + 2) * (d + 3))]).reshape(d + 3, d + 2)
    v, Q = both[0], both[1:].tolist()
    if exact:
        Q = [[F(entry, 2) for entry in row] for row in Q]
    model, floats = theory.AttentionParameters(v, Q), theory.AttentionParameters(v * 1.0, np.array(Q, dtype=float))
    task = arguments["task"]
    if isinstance(task, int | F | sympy.Symbol) and task not in (-1, 1):  # a cosine, which leaves the direction open
        with pytest.raises(ValueError, match="directions of its own"):
            theory.risk(model, **arguments)
        return
    found = theory.risk(model, **arguments)
    if exact or has_exact(arguments):
        assert_exact(found, arguments)
        assert at_point(found) == pytest.approx(theory.risk(floats, **in_floats(arguments)), rel=1e-9)
    else:
        assert type(found) is float
    assert type(theory.risk(model, **without_symbols(arguments) | {"noise_variance": 0.5, "n_shots": 2})) is float


@given(data=st.data(), strategy=st.sampled_from(STRATEGIES), d=st.integers(1, 3))
def test_one_float_makes_a_float(data, strategy, d):
    arguments = without_symbols(data.draw(settings_of(d))) | {"n_shots": 3, "noise_variance": 0.75}
    assert type(theory.risk(strategy, **arguments)) is float
    assert theory.risk(strategy, **arguments) == pytest.approx(theory.risk(strategy, **in_floats(arguments)), rel=1e-9)


@given(data=st.data(), strategy=st.sampled_from(STRATEGIES), d=st.integers(1, 2))
def test_fixed_points(data, strategy, d):
    arguments = data.draw(settings_of(d))
    del arguments["n_shots"], arguments["task"]
    assume(not (strategy == "mixed" and arguments["noise_variance"] == 0))  # there may be none
    model = theory.fixed_point(strategy, **arguments)
    if has_exact(arguments):
        assert_exact((model.v, model.Q, model.value_scale), arguments)
        reference = theory.fixed_point(strategy, **in_floats(arguments))
        np.testing.assert_allclose(at_point(model.Q), reference.Q, rtol=1e-9, atol=1e-12)
    else:
        assert model.v.dtype == model.Q.dtype == np.float64


@pytest.mark.parametrize("weight", ["pull", "replay", "few_shot"])
def test_fixed_points_of_a_practice_of_ones_own(weight):
    """A pull's step and the balanced scale each hold roots."""
    numbers = {"noise_variance": F(1, 3), "pretrain_shots": 20}
    model = theory.fixed_point(theory.Strategy("value", **{weight: F(1, 2)}), 5, **numbers)
    assert_exact((model.v, model.Q, model.value_scale))
    reference = theory.fixed_point(theory.Strategy("value", **{weight: 0.5}), 5, **in_floats(numbers))
    for found, expected in ((model.v, reference.v), (model.Q, reference.Q)):
        np.testing.assert_allclose(found.astype(float), expected, rtol=1e-12, atol=0)  # a few dozen roundings


@settings(max_examples=20)  # three to eleven exact relations each
@given(data=st.data(), strategy=st.sampled_from(STRATEGIES), d=st.integers(1, 2))
def test_conditions(data, strategy, d):
    """Whole numbers alone are exact here: ties are looked for."""
    arguments = without_symbols(data.draw(settings_of(d)))
    arguments = {name: [F(v) for v in value] if name == "task" and not isinstance(value, str) and np.ndim(value) else value
                 for name, value in arguments.items() if name != "n_shots"}  # fmt: skip
    assume(not any(isinstance(item, float) and item != math.inf for v in arguments.values() for item in numbers_in(v)))
    for condition in theory.conditions(strategy, **arguments):
        assert_exact(condition.relation, condition)
        if strategy in RATIONAL_STRATEGIES:  # sympy takes seconds to simplify roots of nested ones
            assert_exact(condition.roots, condition)


# --- one by one -----------------------------------------------------------------------------------------------------

QUARTER = {"noise_variance": F(1, 4), "pretrain_shots": 4}


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(
    "arguments",
    [
        {"n_shots": n, "d": 2, "task": [x, y], "noise_variance": sympy.Rational(1, 3)},
        {"n_shots": n, "d": 2, "task": [x, y], "target": [1, 0], "noise_variance": 1},
        {"n_shots": n, "covariance": [[2, 0], [0, 1]], "noise_variance": 1},
        {"n_shots": n, "covariance": np.array([[2, 1], [1, 2]], dtype=np.int32), "task": "unseen", "noise_variance": 1},
        {"n_shots": 3, "covariance": [[2, 0], [0, 1]], "noise_variance": F(1, 3)},
        {"n_shots": 3, "task_covariance": [[2, 0], [0, 1]], "noise_variance": F(1, 3), "task": "unseen"},
        {"n_shots": 3, "d": 2, "target": [2, 1], "task": [1, -1], "value_scale": F(3, 2)},
        {"n_shots": 3, "d": 2, "task": np.array([1, -1]), "noise_variance": F(1, 3)},
        {"n_shots": n, "covariance": sympy.diag(2, 1), "noise_variance": 1},
        {"n_shots": n, "d": 5, "task": sympy.Rational(1, 3), "noise_variance": 1},
    ],
)
def test_the_defaults_are_exact(strategy, arguments):
    assert_exact_and_right(strategy, arguments | {"pretrain_shots": 4})


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("strategy", ["pretrained", "zero_shot", "mixed", "mixed_kq"])
def test_a_diagonal_of_symbols(strategy, task):
    arguments = {"n_shots": 3, "covariance": sympy.diag(a, b), "task": task, "noise_variance": F(1, 3)}
    assert_exact_and_right(strategy, arguments | {"pretrain_shots": 4})


@pytest.mark.parametrize("strategy", RATIONAL_STRATEGIES)
def test_defaults_equal_what_they_stand_for(strategy):
    """As exact numbers, not to a few digits."""
    others = {"task": [F(1), F(2)], "value_scale": F(2), **QUARTER}
    expected = theory.risk(strategy, 3, covariance=[[F(1), 0], [0, F(1)]], target=[F(1), F(0)], **others)
    assert type(expected) is F
    for given_ in ({}, {"target": [1, 0]}, {"covariance": np.eye(2, dtype=int)}, {"covariance": [[1, 0], [0, 1]]}):
        assert theory.risk(strategy, 3, 2, **given_, **others) == expected


def test_floats_that_are_whole_are_floats():
    for floats in ({"covariance": np.eye(2)}, {"target": [1.0, 0.0]}, {"task": [1.0, 2.0]}):
        assert type(theory.risk("zero_shot_value", 3, 2, **floats, **QUARTER)) is float


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_whole_numbers_alone_give_floats(strategy):
    whole_ = {"covariance": [[2, 1], [1, 3]], "target": [1, 2], "noise_variance": 1, "pretrain_shots": 4}
    floats = in_floats(whole_)
    for task in (*TASKS, [2, 1]):
        found = theory.risk(strategy, 3, task=task, **whole_)
        assert type(found) is float
        assert found == theory.risk(strategy, 3, task=at_point(task), **floats)  # the very same float
        several = theory.risk(strategy, [[0], [3]], task=task, **whole_ | {"noise_variance": [1, 2]})
        assert several.dtype == np.float64
        assert several[1, 0] == pytest.approx(found, rel=1e-14)
    model = theory.fixed_point(strategy, **whole_)
    assert model.v.dtype == model.Q.dtype == np.float64
    setting = theory.Setting(**whole_)
    assert setting.sigma().dtype == setting.target_vector().dtype == np.float64
    assert theory.Setting(3).sigma().dtype == theory.Setting(3).target_vector().dtype == np.float64


def test_a_model_of_whole_numbers():
    model = theory.AttentionParameters([0, 1, 2], [[1, 2, 3]] * 3)
    assert model.v.dtype == model.Q.dtype == np.float64
    assert type(theory.risk(model, 3)) is float
    assert type(theory.risk(model, 3, noise_variance=F(1))) is F
    assert theory.risk(model, 3, noise_variance=F(1)) == F(theory.risk(model, 3, noise_variance=1))
    prompt = [[1, 2, 6], [1, 1, 0]]
    assert type(model.predict(prompt)) is float
    assert model.predict([[1, F(2), 6], [1, 1, 0]]) == model.predict(prompt)
    assert type(model.predict([[1, F(2), 6], [1, 1, 0]])) is F


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.uint64, object])
def test_arrays_of_whole_numbers_beside_fractions(dtype):
    noises = np.array([1, 2], dtype=dtype)
    found = theory.risk("mixed_value", [[0], [3]], 5, noise_variance=noises, value_scale=F(1), pretrain_shots=4)
    assert_exact(found)
    for k in (0, 1):
        expected = theory.risk("mixed_value", 3, 5, noise_variance=F(int(noises[k])), pretrain_shots=4)
        assert found[1, k] == expected
    alone = theory.risk("mixed_value", [[0], [3]], 5, noise_variance=noises, pretrain_shots=4)
    assert alone.dtype == np.float64
    np.testing.assert_allclose(alone, found.astype(float), rtol=1e-14)


def test_whole_numbers_that_no_float_holds():
    """2**53 + 1, and beyond 64 bits: exact beside a Fraction, a float alone, and never taken for their neighbours."""
    for big in (2**53 + 1, 2**63 + 1, 10**20 + 1):
        for name, value in (("target", [big, 0]), ("covariance", [[big, 0], [0, 1]])):
            exact = {"covariance": np.array(value) if name == "covariance" else None, **QUARTER}
            found = theory.risk("pretrained", 3, 2, **exact | {name: value})
            fractions_ = [[F(e) for e in row] for row in value] if name == "covariance" else [F(e) for e in value]
            assert found == theory.risk("pretrained", 3, 2, **exact | {name: fractions_})
            alone = theory.risk("pretrained", 3, 2, **{name: value}, pretrain_shots=4, noise_variance=1)
            assert type(alone) is float
        near = theory.risk("zero_shot_value", 3, 2, target=[big, 0], task=[big - 1, 0], **QUARTER)
        assert near != theory.risk("zero_shot_value", 3, 2, target=[big, 0], **QUARTER)


def test_an_asymmetric_matrix_of_large_whole_numbers_is_averaged_as_floats_are():
    found = theory.Setting(covariance=[[2**61, 2**60], [2**60 + 2, 2**61]]).sigma()
    assert (found == found.T).all()
    with pytest.raises(ValueError, match=r"covariance = .*not symmetric"):
        theory.Setting(covariance=[[3, 1], [2, 3]])


def test_balls_of_whole_numbers(monkeypatch):
    flint = pytest.importorskip("flint")
    sigma = [[2, 1], [1, 3]]
    balls = theory.risk(
        "mixed_value",
        3,
        covariance=sigma,
        target=[1, 2],
        noise_variance=np.array([1, 2]),
        pretrain_shots=4,
        certify=True,
    )
    monkeypatch.setattr(flint.ctx, "prec", 1200)
    for ball, k in zip(balls, (1, 2), strict=True):
        exact = theory.risk("mixed_value", 3, covariance=sigma, target=[1, 2], noise_variance=F(k), pretrain_shots=4)
        assert ball.contains(flint.arb(exact.numerator) / exact.denominator)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_relations_and_thresholds(strategy):
    d, m = sympy.symbols("d m", positive=True)
    for arguments in (
        {"covariance": [[2, 0], [0, 1]], "noise_variance": F(1, 3), "pretrain_shots": 4},
        {"covariance": [[2, 1], [1, 2]], "noise_variance": 1, "pretrain_shots": 4, "target": [1, 1]},
        {"d": 3, "target": [1, 2, 2], "pretrain_shots": 4, "noise_variance": 1},
        {"d": d, "noise_variance": F(1, 3), "pretrain_shots": 4, "task": "target"},
        {"d": 2, "noise_variance": 1, "pretrain_shots": m, "few_shot_shots": 2, "task": "target"},
    ):
        for condition in theory.conditions(strategy, **arguments):
            assert_exact(condition.relation, (arguments, condition.name))
            if strategy != "mixed" or condition.task == "target":  # the others take sympy a second each
                assert_exact(condition.roots, (arguments, condition.name))


@pytest.mark.parametrize("strategy", theory.STRATEGIES)
def test_symbols_beside_a_covariance(strategy):
    """Every strategy's risk and model, where the noise, or an entry of the covariance, is a Symbol."""
    for given_ in (
        {"noise_variance": noise, "covariance": [[2, 1], [1, 3]]},
        {"noise_variance": F(1, 3), "covariance": [[a + 1, a], [a, 2]]},
    ):
        world = given_ | {"target": [1, 2], "pretrain_shots": 4, "value_scale": 1}
        assert_exact_and_right(strategy, world | {"n_shots": 3, "task": "unseen"})
        model, floats = theory.fixed_point(strategy, **world), theory.fixed_point(strategy, **in_floats(world))
        for found, reference in ((model.v, floats.v), (model.Q, floats.Q)):
            np.testing.assert_allclose(at_point(found), reference, rtol=1e-9, atol=1e-12)
