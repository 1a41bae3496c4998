"""The type out follows the type in: floats, arrays, Fractions, symbols, flint and mpmath numbers."""

from __future__ import annotations

import functools
import itertools
import math
import sys
from fractions import Fraction as F

import mpmath
import numpy as np
import pytest
import sympy
from strategies_for_tests import NORMALIZATIONS, STRATEGIES

import theory
from theory import kinds
from theory.two_lines import BLOCK

flint = pytest.importorskip("flint")

TASKS = ("target", "opposite", "unseen")
SIGMA, PSI = [[2.0, 0.5], [0.5, 1.0]], [[1.0, -0.25], [-0.25, 0.5]]
TARGET, THETA = [1.5, -0.5], [0.25, 2.0]
NUMBERS = {"noise_variance": 0.25, "pretrain_shots": 6, "few_shot_shots": 4, "value_scale": 0.75}
close = {"rel": 1e-14}  # two ways to the same float, of a few dozen roundings


# --- plain numbers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_way_to_write_a_number(strategy):
    expected = theory.risk(strategy, 3, 5, **NUMBERS)
    assert type(expected) is float
    for whole in (np.int8, np.int64, np.uint16, np.float32, float, np.array, F, flint.fmpz, sympy.Integer):
        for real in (np.float16, np.float32, np.float64, np.array):
            found = theory.risk(
                strategy, whole(3), whole(5), noise_variance=real(0.25), value_scale=real(0.75),
                pretrain_shots=whole(6), few_shot_shots=whole(4),
            )  # fmt: skip
            assert float(found) == pytest.approx(expected, **close)
            if whole is not sympy.Integer:
                assert type(found) is float, (whole, real)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_arrays_of_every_layout(strategy):
    n = np.arange(12)
    expected = [theory.risk(strategy, int(k), 5, **NUMBERS) for k in n]
    read_only = n.copy()
    read_only.flags.writeable = False
    layouts = {
        "list": n.tolist(), "tuple": tuple(n.tolist()), "range": range(12), "array": n, "floats": n.astype(float),
        "small": n.astype(np.uint8), "read-only": read_only, "strided": np.repeat(n, 3)[::3], "reversed": n[::-1][::-1],
        "objects": n.astype(object), "big-endian": n.astype(">i4"),
    }  # fmt: skip
    for name, layout in layouts.items():
        found = theory.risk(strategy, layout, 5, **NUMBERS)
        assert found.dtype == np.float64, name
        np.testing.assert_allclose(found, expected, rtol=1e-14, err_msg=name)
    np.testing.assert_allclose(
        theory.risk(strategy, n.reshape(3, 4).T, 5, **NUMBERS), np.reshape(expected, (3, 4)).T, rtol=1e-14
    )
    assert theory.risk(strategy, [], 5, **NUMBERS).shape == (0,)
    assert theory.risk(strategy, np.empty((2, 0)), 5, **NUMBERS).shape == (2, 0)
    assert (n == np.arange(12)).all()


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_broadcasting_is_looping(strategy, normalization):
    """Every argument an array, in a shape of its own; no shots, no noise and infinite pretraining among the values."""
    axes = {
        "n_shots": np.array([0, 1, 7, 10**9]).reshape(4, 1, 1, 1),
        "d": np.array([1, 2, 30]).reshape(3, 1, 1),
        "noise_variance": np.array([0.0, 1e-3, 2.0]).reshape(3, 1),
        "pretrain_shots": np.array([1.0, 40.0, math.inf]),
        "few_shot_shots": np.array([[5], [1], [9]]),
        "few_shot_weight": np.array([0.0, 0.5, 3.0]) if strategy == "mixed_value" else 0,
        "value_scale": np.array([0.2, 1.0, 5.0]),
    }
    for task in (*TASKS, -1):
        found = theory.risk(strategy, task=task, normalization=normalization, **axes)
        assert found.shape == (4, 3, 3, 3)
        names, arrays = list(axes), np.broadcast_arrays(*axes.values())
        for index in np.ndindex(found.shape):
            values = {name: array[index].item() for name, array in zip(names, arrays, strict=True)}
            values["d"] = int(values["d"])
            expected = theory.risk(strategy, task=task, normalization=normalization, **values)
            assert found[index] == pytest.approx(expected, rel=1e-13), (task, values)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_broadcasting_is_looping_with_matrices(strategy):
    axes = {
        "n_shots": np.array([0, 1, 50]).reshape(3, 1, 1), "noise_variance": np.array([[0.1], [2.0]]),
        "pretrain_shots": np.array([3.0, 8.0, math.inf, 20.0]), "few_shot_shots": 4,
        "value_scale": np.array([[0.5], [2.0]]),
    }  # fmt: skip
    others = {"covariance": SIGMA, "task_covariance": PSI, "target": TARGET}
    for task in (*TASKS, THETA):
        found = theory.risk(strategy, task=task, **axes, **others)
        assert found.shape == (3, 2, 4)
        arrays = np.broadcast_arrays(*axes.values())
        for index in np.ndindex(found.shape):
            values = {name: array[index].item() for name, array in zip(axes, arrays, strict=True)}
            assert found[index] == pytest.approx(theory.risk(strategy, task=task, **values, **others), rel=1e-13)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_grids_beyond_the_block_size(strategy):
    """A product grid and flat pairs, cut into blocks along whichever axis: spot checks against single calls."""
    n, noise = np.arange(300), np.linspace(0.01, 3, 200)
    grid = theory.risk(strategy, n[:, None], 7, noise_variance=noise, pretrain_shots=9)
    assert grid.size > 3 * BLOCK
    rng = np.random.default_rng(1)
    for i, j in [(0, 0), (299, 199), *rng.integers(0, [300, 200], (40, 2))]:
        assert grid[i, j] == pytest.approx(
            theory.risk(strategy, int(n[i]), 7, noise_variance=float(noise[j]), pretrain_shots=9), **close
        )
    pairs_n, pairs_noise = (x.ravel() for x in np.meshgrid(n, noise, indexing="ij"))
    flat = theory.risk(strategy, pairs_n, 7, noise_variance=pairs_noise, pretrain_shots=9)
    np.testing.assert_allclose(flat, grid.ravel(), rtol=1e-14)
    cube = theory.risk(strategy, n[:, None, None], [[2], [7]], noise_variance=noise, pretrain_shots=9)
    np.testing.assert_allclose(cube[:, 1], grid, rtol=1e-14)


def test_arguments_are_left_alone():
    arrays = [np.array(x) for x in (SIGMA, PSI, TARGET, THETA)]
    sigma, psi, target, theta = arrays
    setting = theory.Setting(covariance=sigma, task_covariance=psi, target=target)
    before = theory.risk("pretrained", 3, setting=setting, task=theta)
    for array, original in zip(arrays, (SIGMA, PSI, TARGET, THETA), strict=True):
        assert array.flags.writeable
        assert array.tolist() == original
    sigma *= 3  # a setting keeps its own copy
    target *= 2
    assert theory.risk("pretrained", 3, setting=setting, task=theta) == before


# --- exact numbers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", [*TASKS, F(1, 3)])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_fractions_in_exact_out(strategy, task):
    exact = theory.risk(strategy, 3, 5, noise_variance=F(1, 4), pretrain_shots=6, task=task)
    real = theory.risk(strategy, 3, 5, noise_variance=0.25, pretrain_shots=6, task=task)
    assert float(exact) == pytest.approx(real, **close)
    if strategy in ("zero_shot", "mixed"):
        assert isinstance(exact, sympy.Expr)
        assert not exact.has(sympy.Float)
        assert exact.is_algebraic
    else:
        assert type(exact) is F


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_one_float_among_fractions_makes_a_float(strategy):
    reals = {"noise_variance": F(1, 4), "value_scale": F(3, 4), "task": F(1, 3)}
    for name in reals:
        found = theory.risk(strategy, 3, 5, pretrain_shots=6, **{**reals, name: float(reals[name])})
        assert type(found) is float, name
    found = theory.risk(strategy, 3, noise_variance=F(1, 4), pretrain_shots=6, target=[1.5, 0.25])
    assert type(found) is float
    found = theory.risk(strategy, 3, noise_variance=F(1, 4), pretrain_shots=6, covariance=SIGMA)
    assert type(found) is float


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_counts_decide_nothing(strategy):
    for noise in (0, 0.0, 1, 1.0):
        assert type(theory.risk(strategy, 3, 5, noise_variance=noise, pretrain_shots=6)) is float
    for noise in (F(0), F(1)):
        found = theory.risk(strategy, 3, 5, noise_variance=noise, pretrain_shots=6)
        assert isinstance(found, F | sympy.Expr)
        assert float(found) == pytest.approx(theory.risk(strategy, 3, 5, noise_variance=float(noise), pretrain_shots=6))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_arrays_of_exact_numbers(strategy):
    noises = [F(1, 4), F(2), F(1, 3)]
    found = theory.risk(strategy, [[0], [3]], 4, noise_variance=noises, pretrain_shots=6)
    assert found.shape == (2, 3)
    assert found.dtype == object
    for i, n in enumerate((0, 3)):
        for j, noise in enumerate(noises):
            assert found[i, j] == theory.risk(strategy, n, 4, noise_variance=noise, pretrain_shots=6)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_flint_rationals(strategy):
    for n, noise in ((3, flint.fmpq(1, 4)), (flint.fmpz(3), flint.fmpq(1, 4))):
        found = theory.risk(strategy, n, 5, noise_variance=noise, pretrain_shots=6)
        expected = theory.risk(strategy, 3, 5, noise_variance=F(1, 4), pretrain_shots=6)
        if isinstance(expected, F):
            assert isinstance(found, flint.fmpq)
            assert (int(found.p), int(found.q)) == (expected.numerator, expected.denominator)
        else:
            assert found == expected


def exact_worlds():
    """Fractions beside directions: a diagonal covariance, a full one, tasks and queries of their own, several targets."""
    full = [[F(2), F(1, 3)], [F(1, 3), F(1)]]
    yield {"covariance": [F(2), F(1, 3)]}
    yield {"covariance": full, "target": [F(1), F(-2, 5)], "value_scale": F(2, 3)}
    yield {"covariance": full, "task_covariance": [[F(1), F(1)], [F(1), F(1)]], "noise_variance": 0}
    yield {"d": 2, "query_covariance": [F(1, 2), F(3)], "query": "masked"}
    yield {"covariance": [F(1), F(3)], "normalization": F(7), "target": [[F(1), F(0)], [F(0), F(2)]]}


def exact_answers(strategy):
    answers = []
    for world in exact_worlds():
        numbers = {
            "noise_variance": F(1, 5),
            "pretrain_shots": 6,
            "few_shot_shots": 4,
            "few_shot_weight": F(1, 2),
            **world,
        }
        calls = [functools.partial(theory.risk, strategy, n, task=t, **numbers) for n in (0, 3) for t in TASKS]
        for call in (*calls, functools.partial(theory.fixed_point, strategy, **numbers)):
            try:
                found = call()
            except (ValueError, NotImplementedError) as error:
                found = str(error)
            parts = found.entries() if isinstance(found, theory.AttentionParameters) else (found,)
            answers += [x for part in parts for x in np.ravel(np.asarray(part, dtype=object))]
    return answers


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_fractions_are_counted_alike_without_python_flint(strategy, monkeypatch):
    by_flint = exact_answers(strategy)

    def not_installed():
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(sys.modules, "flint", None)
            return kinds.rational_numbers.__wrapped__()

    monkeypatch.setattr("theory.one_world.rational_numbers", not_installed)
    alone = exact_answers(strategy)
    assert len(alone) == len(by_flint) > 20
    for one, two in zip(by_flint, alone, strict=True):
        assert type(one) is type(two)
        assert one == two


def test_python_flints_rationals_have_roots_of_squares_alone():
    kind = kinds.rational_numbers()
    assert kinds.kind_of(flint.fmpq(1)) is kind
    assert kind.square_root(flint.fmpq(9, 4)) == flint.fmpq(3, 2)
    assert kind.square_root(4) == 2
    for value in (flint.fmpq(2), flint.fmpq(-1), 3):
        with pytest.raises(kinds.NotRational):
            kind.square_root(value)
    with pytest.raises(kinds.NotRational):
        kind.number(sympy.sqrt(2))
    a, b = kind.array(np.array([[2, F(1, 3)], [F(1, 3), 1]])), kind.array(np.array([[1, 0], [F(1, 2), 5]]))
    assert (a @ kind.solve(a, b) == b).all()
    assert (a @ kind.solve(a, b[:, 0]) == b[:, 0]).all()


@pytest.mark.parametrize("shots", [6, math.inf])
@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("task", [*TASKS, "theta"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_balls_enclose_the_exact_value(strategy, task, dense, shots):
    """arb in, arb out, around the value at 60 digits, at most 1e-20 wide at 100 bits."""
    arrays = {"covariance": SIGMA, "task_covariance": PSI} if dense else {}
    others = {
        "target": TARGET,
        "pretrain_shots": shots,
        "few_shot_shots": 4,
        "task": THETA if task == "theta" else task,
        **arrays,
    }
    precision = flint.ctx.prec
    try:
        flint.ctx.prec = 100
        found = theory.risk(strategy, 3, noise_variance=flint.arb(1) / 4, **others)
    finally:
        flint.ctx.prec = precision
    with mpmath.workdps(60):
        expected = theory.risk(strategy, 3, noise_variance=mpmath.mpf(1) / 4, **others)
        assert isinstance(expected, mpmath.mpf)
        assert isinstance(found, flint.arb)
        flint.ctx.prec = 200
        try:
            assert found.contains(flint.arb(mpmath.nstr(expected, 50)))
            assert float(found.rad()) < 1e-20
        finally:
            flint.ctx.prec = precision
    assert float(expected) == pytest.approx(theory.risk(strategy, 3, noise_variance=0.25, **others), rel=1e-13)


@pytest.mark.parametrize("task", [*TASKS, F(1, 3)])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_mpmath_keeps_its_precision(strategy, task):
    exact = theory.risk(strategy, 3, 5, noise_variance=F(1, 3), pretrain_shots=6, task=task)
    with mpmath.workdps(40):
        found = theory.risk(strategy, 3, 5, noise_variance=mpmath.mpf(1) / 3, pretrain_shots=6, task=task)
        assert isinstance(found, mpmath.mpf)
        assert abs(found - mpmath.mpf(str(sympy.N(sympy.sympify(exact), 45)))) < mpmath.mpf(10) ** -37


# --- symbols --------------------------------------------------------------------------------------------------------

n, d, m, k, noise, weight, scale, cosine = sympy.symbols("n d m k sigma2 lambda_ w_0 rho", positive=True)
POINT = {n: 3, d: 5, m: 6, k: 4, noise: F(1, 4), weight: F(2, 3), scale: F(3, 4), cosine: F(-2, 7)}

# With n, d, m and sigma^2 all symbols: a few lines of text, half a page where the target and another task both enter.
READABLE = {"pretrained": 300, "zero_shot_kq": 300, "mixed_kq": 300}
HALF_A_PAGE = 1250


def at_point(expression):
    values = {name: sympy.Rational(F(value).numerator, F(value).denominator) for name, value in POINT.items()}
    return float(expression.subs(values).evalf(30))


@pytest.mark.parametrize("task", [*TASKS, "cosine"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_symbols_in_expression_out(strategy, task):
    others = {"noise_variance": noise, "pretrain_shots": m, "few_shot_shots": k}
    if strategy == "mixed" and task in ("opposite", "cosine"):
        others["few_shot_shots"] = 4  # sympy takes ten seconds to factor it in all its symbols
    found = theory.risk(strategy, n, d, task=cosine if task == "cosine" else task, **others)
    assert isinstance(found, sympy.Expr)
    assert found.free_symbols <= set(POINT)
    assert n in found.free_symbols
    values = {"noise_variance": 0.25, "pretrain_shots": 6, "few_shot_shots": 4}
    expected = theory.risk(strategy, 3, 5, task=-2 / 7 if task == "cosine" else task, **values)
    assert at_point(found) == pytest.approx(expected, rel=1e-13)
    print(f"{strategy}, {task}: {len(str(found))} characters")
    assert len(str(found)) <= READABLE.get(strategy, HALF_A_PAGE)


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_one_symbol_among_numbers(strategy, normalization):
    for name, symbol in (
        ("n_shots", n),
        ("d", d),
        ("noise_variance", noise),
        ("pretrain_shots", m),
        ("value_scale", scale),
    ):
        values = {"n_shots": 3, "d": 5, **NUMBERS}
        found = theory.risk(strategy, **{**values, name: symbol}, normalization=normalization)
        expected = theory.risk(strategy, **values, normalization=normalization)
        if strategy in ("zero_shot", "mixed") or name != "value_scale":
            assert isinstance(found, sympy.Expr), name
        if isinstance(found, sympy.Expr):
            assert at_point(found) == pytest.approx(expected, rel=1e-12), name


def test_symbolic_weight():
    found = theory.risk("mixed_value", n, d, noise_variance=noise, few_shot_shots=k, few_shot_weight=weight)
    expected = theory.risk("mixed_value", 3, 5, noise_variance=0.25, few_shot_shots=4, few_shot_weight=2 / 3)
    assert at_point(found) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("strategy", ["pretrained", "zero_shot_kq", "mixed_kq", "zero_shot"])
def test_matrices_of_sympy(strategy):
    sigma, theta = sympy.Matrix([[2, 1], [1, 3]]), sympy.Matrix([1, sympy.Rational(1, 2)])
    found = theory.risk(strategy, 3, covariance=sigma, target=theta, noise_variance=noise, pretrain_shots=6)
    expected = theory.risk(
        strategy, 3, covariance=[[2.0, 1.0], [1.0, 3.0]], target=[1.0, 0.5], noise_variance=0.25, pretrain_shots=6
    )
    assert at_point(found) == pytest.approx(expected, rel=1e-13)


def test_a_symbol_inside_a_covariance():
    x = sympy.Symbol("x", positive=True)
    found = theory.risk("pretrained", 3, covariance=[[2, 0], [0, x]], noise_variance=F(1, 4), pretrain_shots=6)
    expected = theory.risk("pretrained", 3, covariance=[[2.0, 0.0], [0.0, 0.5]], noise_variance=0.25, pretrain_shots=6)
    assert float(found.subs(x, sympy.Rational(1, 2))) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_fixed_points_in_every_kind(strategy):
    """The six scalars in floats, Fractions (or exact sympy numbers), mpmath, arb: the same model."""
    others = {"d": 3, "pretrain_shots": 6, "value_scale": 1}
    reference = theory.fixed_point(strategy, noise_variance=0.25, **others)
    assert reference.v.dtype == reference.Q.dtype == np.float64
    for kind in (lambda x: x, flint_arb, mpmath_mpf):
        model = theory.fixed_point(strategy, noise_variance=kind(F(1, 4)), **others)
        for found, expected in zip(
            itertools.chain(model.v.flat, model.Q.flat),
            itertools.chain(reference.v.flat, reference.Q.flat),
            strict=True,
        ):
            assert float(found) == pytest.approx(float(expected), rel=1e-13)


def flint_arb(x):
    return flint.arb(x.numerator) / x.denominator


def mpmath_mpf(x):
    return mpmath.mpf(x.numerator) / x.denominator


class Tensor:
    """What torch's tensors do: while they require grad, they give their numbers only detached."""

    def __init__(self, numbers, requires_grad=True):
        self.numbers, self.requires_grad = np.asarray(numbers), requires_grad

    def __array__(self, dtype=None, copy=None):
        if self.requires_grad:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        return np.array(self.numbers, dtype=dtype)

    def detach(self):
        return Tensor(self.numbers, requires_grad=False)


def test_parameters_that_are_trained_give_their_numbers():
    v, Q = np.array([0.0, 0.0, 1.0]), np.diag([0.0, 0.8, 0.0])
    expected = theory.risk(theory.AttentionParameters(v, Q), 10)
    for trained in ((Tensor(v), Tensor(Q)), (Tensor(v), [Tensor(row) for row in Q])):
        model = theory.AttentionParameters(*trained)
        assert model.v.dtype == model.Q.dtype == np.float64
        assert theory.risk(model, 10) == expected
        assert model.predict(Tensor([[1, 2, 6], [1, 0.5, 0]])) == pytest.approx(2 * 6 * 0.5 * 0.8 / 2, **close)
    given, plain = (
        theory.risk("zs_v", 10, covariance=of(SIGMA), target=of(TARGET), noise_variance=of(0.1), pretrain_shots=9)
        for of in (Tensor, lambda numbers: numbers)
    )
    assert given == plain


def test_matrices_need_one_dimension() -> None:
    """A setting over several d, or a symbolic one, has no target vector, no Sigma and no (v, Q)."""
    for d in ([2, 3], sympy.Symbol("d")):
        setting = theory.Setting(d)
        for ask in (
            setting.sigma,
            setting.target_vector,
            lambda s=setting: theory.fixed_point("pretrained", setting=s).v,
        ):
            with pytest.raises(ValueError, match=r"d = |v and Q are not arrays here"):
                ask()


@pytest.mark.parametrize("one", [1, 1.0, F(1), sympy.Integer(1), mpmath.mpf(1)])
def test_a_cosine_of_one_of_any_kind_is_the_target(one):
    """Off the target `mixed` without noise has an infinite risk: 1 must be recognised, not computed."""
    assert theory.risk("mixed", 3, 2, noise_variance=0, few_shot_shots=2, task=one) == F(15, 64)
