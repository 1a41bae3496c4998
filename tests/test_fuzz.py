"""Whatever is passed: a right value, or ValueError/TypeError that names the argument; nothing else, ever.

A right value is finite (infinite only for `mixed` without noise off the target), at least sigma^2, of the shape that the
arrays broadcast to, float64 or exact. Never a crash, a warning (pytest turns warnings into errors), a silent NaN, or a
string evaluated. A seeded generator makes the bulk of the calls, hypothesis some that it can shrink.
"""

from __future__ import annotations

import builtins
import decimal
import io
import math
import pickle
import random
import re
from contextlib import redirect_stderr, redirect_stdout
from fractions import Fraction as F
from pathlib import Path

import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import example, given
from hypothesis import strategies as st
from strategies_for_tests import STRATEGIES

import theory
from theory.__main__ import main

CALLS = 20_000


class WeirdArray:
    """__array__ gives what it likes."""

    def __init__(self, value):
        self.value = value

    def __array__(self, dtype=None, copy=None):
        if isinstance(self.value, Exception):
            raise self.value
        return np.asarray(self.value, dtype=dtype)

    def __repr__(self):
        return "WeirdArray"


class WeirdNumber:
    """A float by name, of no known type."""

    def __float__(self):
        return 1.0

    def __index__(self):
        return 1


class Text(str):
    """Would tell if anyone evaluated it."""


EVIL = "__import__('os').abort()"
READ_ONLY = np.array([1.0, 2.0])
READ_ONLY.flags.writeable = False

NUMBERS = [
    0, 1, 2, 3, 5, 7, 20, -1, 10**6, 2**53, 2**53 + 1, 10**30, 10**400, -(10**400),
    0.0, -0.0, 0.1, 0.5, 1.0, 2.5, 1e-300, 5e-324, 1e50, 1.1e50, 1e300, -1e-300, math.inf, -math.inf, math.nan,
    F(1, 3), F(0), F(5), F(-1, 2), F(10**60), F(1, 10**60),
    np.float16(0.5), np.float32(0.25), np.float64(2.0), np.longdouble(0.5), np.int8(3), np.uint8(200), np.int64(4),
    np.uint64(2**60), np.float16("nan"), np.float32("inf"), np.complex64(1), np.datetime64("2020-01-01"),
    np.timedelta64(1, "s"), np.str_("3"), np.bytes_(b"3"), np.bool_(True), np.void(b"1"), True, False, None, 1j,
    decimal.Decimal("0.1"), decimal.Decimal("NaN"), sympy.Rational(1, 3), sympy.Integer(4), sympy.sqrt(2), sympy.nan,
    sympy.oo, sympy.I, sympy.pi, sympy.Float("0.5"), mpmath.mpf("0.5"), mpmath.mpf("nan"), mpmath.inf, mpmath.mpc(1, 1),
    np.array(3), np.array(0.5), np.array(math.nan), np.array("3"), np.array(None), WeirdNumber(), object(), ..., int,
]  # fmt: skip
TEXTS = ["", "3", "0.1", "nan", "inf", "target", "Target", "zs_v", "balanced", "tokens", "shots", EVIL, Text("tokens"),
         "\x00", "😀", "a" * 5000, b"tokens", "1/0", "Symbol('x')", "{}", "%s %d"]  # fmt: skip
ARRAYS = [
    [], (), [[]], [1], [1, 2], (0, 5), range(3), range(-1, 3), [0.1, 0.2], [[1, 2], [3, 4]], [[1], [1, 2]], [None], ["1"],
    [[[1.0]]], [math.nan], [math.inf, 1], [1e60], [F(1, 2), F(1, 3)], [F(1, 2), 0.5], [True, False], [1j], {}, set(), {1: 2},
    np.arange(4), np.arange(4.0)[::-1], np.arange(12.0).reshape(3, 4).T, np.empty((0,)), np.empty((2, 0)), np.ones((1, 1)),
    np.array([1, 2], dtype=">i4"), np.array([0.5, 1.0], dtype=np.float16), np.array([1, 2], dtype=np.longdouble),
    np.array([1, None], dtype=object), np.array([1, 2], dtype=object), np.array(["a"]), np.array([b"a"]), np.array([1 + 1j]),
    np.ma.array([1.0, 2.0], mask=[False, True]), np.ma.array([1.0, 2.0]), np.array([(1, 2.0)], dtype=[("a", int), ("b", float)]),
    np.array(["2020-01-01"], dtype="M8[D]"), READ_ONLY, memoryview(b"ab"), bytearray(b"ab"), iter([1, 2]), (x for x in [1]),
    sympy.Matrix([1, 2]), sympy.eye(2), sympy.Array([1, 2]), WeirdArray([1.0, 2.0]), WeirdArray("text"), WeirdArray(None),
    WeirdArray(ValueError("no")), np.eye(2), np.eye(3), np.diag([1.0, 0.0]), np.full((2, 2), math.nan), [[2.0, 0.5], [0.5, 1.0]],
    [[1.0, 2.0], [2.0, 1.0]], [[F(2), F(1)], [F(1), F(2)]], np.eye(2) * 1e-300, np.eye(2) * 1e50, [0.0, 0.0], [3.0, 4.0],
    [1e-300, 0.0], [1e50, 1e50], np.broadcast_to(np.float64(2.0), (2, 2)), np.eye(4)[::2, ::2], [np.array([1.0]), 2.0],
]  # fmt: skip
MODELS = [
    *STRATEGIES, *STRATEGIES, theory.AttentionParameters([1e50] * 4, np.full((4, 4), 1e50)), "zs", "both", "both_v", theory.STRATEGIES["mixed"], theory.AttentionParameters([0, 1, 1], np.eye(3)),
    theory.AttentionParameters(np.arange(4.0), np.ones((4, 4))), theory.fixed_point("zs", 2),
]  # fmt: skip
ANYTHING = [*NUMBERS, *TEXTS, *ARRAYS, *MODELS, theory.Setting(2), lambda: 1]

GOOD = {
    "n_shots": [0, 1, 3, [0, 5], np.arange(3)], "d": [2, 2, 2, 2, 2, 2, 1, 3], "noise_variance": [0, 0.1, 0.5, [0.1, 0.2], F(1, 2)],
    "task": ["target", "opposite", "unseen", 0.3, [1.0, 2.0]], "pretrain_shots": [1, 20, math.inf], "few_shot_shots": [None, 3, 9],
    "few_shot_weight": [0, 0, 0, 0.5], "value_scale": ["balanced", 1, 0.3], "normalization": ["tokens", "shots"],
    "covariance": [None, None, [[2.0, 0.5], [0.5, 1.0]]], "task_covariance": [None, None, np.eye(2)], "target": [None, [1.0, 2.0]],
}  # fmt: skip


def arguments(rng, names):
    """Mostly sensible arguments, with one or two of anything among them."""
    chosen = {name: rng.choice(GOOD[name]) for name in names if rng.random() < 0.6 or name in ("n_shots", "d")}
    for name in rng.sample(names, rng.choice([0, 0, 0, 1, 1, 2])):
        chosen[name] = rng.choice(ANYTHING)
    return chosen


def describe(function, given):
    return f"{function}({', '.join(f'{name}={value!r:.80}' for name, value in given.items())})"


def right_error(error, given):
    """The message names, as a word, an argument that was given or left out, and carries no page of text."""
    text = str(error)
    names = {*given, "strategy", "d", "few_shot_shots"}
    return any(re.search(rf"(?<![\w']){name}(?![\w'])", text) for name in names) and len(text) < 1000


def right_risk(found, model, given):
    """Finite and at least sigma^2, of the broadcast shape; symbolic numbers may stay symbolic."""
    shape = np.broadcast_shapes(
        *(np.shape(x) for name, x in given.items() if name in ARRAY_ARGUMENTS and not isinstance(x, str | WeirdArray))
    )
    if isinstance(found, np.ndarray):
        if found.dtype not in (np.float64, object):
            return False
        weird = any(isinstance(x, WeirdArray) for x in given.values())
        if not weird and found.shape != shape:
            return False
        values = list(found.flat)
    elif isinstance(found, float | F | sympy.Expr | mpmath.mpf):
        values = [found]
    else:
        return False
    strategy = model if isinstance(model, str) else getattr(model, "name", "")
    unbounded = strategy in ("mixed", "both", "zs_fs")
    floor = given.get("noise_variance", 0)
    floor = float(floor) if isinstance(floor, int | float | F) else 0.0
    for value in values:
        number = float(value) if not getattr(value, "free_symbols", None) else floor
        if math.isnan(number) or (math.isinf(number) and not unbounded) or not number >= floor * (1 - 1e-12):
            return False
    return True


ARRAY_ARGUMENTS = (
    "n_shots",
    "d",
    "noise_variance",
    "pretrain_shots",
    "few_shot_shots",
    "few_shot_weight",
    "value_scale",
)


def one_call(function, given, right):
    """Run it; return 'value' or 'error', or fail."""
    try:
        found = function(**given)
    except (ValueError, TypeError) as error:
        if not right_error(error, given):
            raise AssertionError(f"{describe(function.__name__, given)}: {type(error).__name__}: {error}") from error
        outcome = "error"
    except Exception as error:
        raise AssertionError(f"{describe(function.__name__, given)}: {type(error).__name__}: {error}") from error
    else:
        assert right(found), f"{describe(function.__name__, given)} gave {found!r}"
        outcome = "value"
    return outcome


def right_model(found):
    """All numbers finite; six scalars where d is too large for matrices."""
    if found.isotropic is not None and type(found.d) is int and found.d > 100:
        return all(map(math.isfinite, found.isotropic))
    try:
        v, Q = found.dense()
    except ValueError as error:
        return "arrays" in str(error) or "whole number" in str(error)
    return all(math.isfinite(float(x)) for x in (*v.flat, *Q.flat) if not getattr(x, "free_symbols", None))


def fuzz_one(rng):
    """One call of one of the public functions."""
    function = rng.choice(["risk"] * 5 + ["fixed_point"] * 2 + ["Setting", "AttentionParameters"])
    if function == "AttentionParameters":
        given = {
            "v": rng.choice([[0.0, 1.0, 1.0], rng.choice(ANYTHING)]),
            "Q": rng.choice([np.eye(3), rng.choice(ANYTHING)]),
        }
        return one_call(theory.AttentionParameters, given, right_model)
    names = [name for name in GOOD if name not in ("n_shots", "task")] if function != "risk" else list(GOOD)
    given = arguments(rng, names)
    if function == "Setting":
        return one_call(theory.Setting, given, lambda found: isinstance(found, theory.Setting))
    model = rng.choice(MODELS) if rng.random() < 0.95 else rng.choice(ANYTHING)
    if function == "risk":
        given = {"model": model, "n_shots": 3, **given}
        return one_call(theory.risk, given, lambda found: right_risk(found, model, given))
    return one_call(theory.fixed_point, {"strategy": model, **given}, right_model)


@pytest.fixture(autouse=True)
def nothing_is_evaluated(monkeypatch):
    """None of TEXTS reaches eval or sympify, and nothing is unpickled. (sympy and namedtuple evaluate texts of their own.)"""

    def guarded(function):
        def call(value, *arguments, **keywords):
            if isinstance(value, str) and value in TEXTS:
                raise SystemExit(f"a text was evaluated: {value!r:.200}")
            return function(value, *arguments, **keywords)

        return call

    def forbidden(*arguments, **keywords):
        raise SystemExit("something was unpickled")

    monkeypatch.setattr(builtins, "eval", guarded(eval))
    monkeypatch.setattr(sympy, "sympify", guarded(sympy.sympify))
    for name in ("load", "loads"):
        monkeypatch.setattr(pickle, name, forbidden)


def test_no_module_evaluates_or_unpickles():
    """Nothing that a user's text could reach: no eval, exec, compile, parse_expr or pickle in the package.

    A straight-line program is compiled from what the tape wrote (whole numbers, names that the package gives, + - * /), a
    formula runs the lines that the library has written, and the ledger reads its own formulas.
    """
    import ast

    own_text = {
        "straight_line.py": {"exec", "compile"},
        "formulas.py": {"exec"},
        "running.py": {"exec", "compile"},
        "reading.py": {"parse_expr"},
    }

    for path in sorted(Path(theory.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                forbidden = {"eval", "exec", "compile", "parse_expr"} - own_text.get(path.name, set())
                assert node.func.id not in forbidden, path
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names] + [getattr(node, "module", None)]
                assert not {"pickle", "marshal", "shelve", "dill"} & set(names), path


@pytest.mark.parametrize("part", range(4))
def test_random_calls(part):
    rng = random.Random(f"fuzz {part}")
    outcomes = [fuzz_one(rng) for _ in range(CALLS // 4)]
    print(f"{len(outcomes)} calls: {outcomes.count('value')} values, {outcomes.count('error')} errors")
    assert min(outcomes.count("value"), outcomes.count("error")) > CALLS // 4 // 5  # both ends are reached


def test_random_prompts():
    """Entries of any kind in a prompt's place or inside one: a finite prediction or an error."""

    def right(found):
        numbers = found.flat if isinstance(found, np.ndarray) else [found]
        return all(math.isfinite(float(x)) for x in numbers if not getattr(x, "free_symbols", None))

    rng, outcomes = random.Random("prompts"), []
    models = [theory.AttentionParameters([1, x, 3], [[x, 1, 2], [0, x, 1], [1, 1, 1]]) for x in (0.5, F(1, 2), 1e50)]
    for _ in range(2000):
        x, y, x_q = ((rng.choice(NUMBERS) if rng.random() < 0.3 else rng.choice([0.5, F(1, 3), 2])) for _ in range(3))
        tokens = [[1, x, y], [1, x_q, 0]] if rng.random() < 0.8 else rng.choice(ANYTHING)
        normalization = rng.choice(ANYTHING) if rng.random() < 0.1 else rng.choice(["tokens", "shots"])
        given = {"tokens": tokens, "normalization": normalization}
        outcomes.append(one_call(rng.choice(models).predict, given, right))
    assert min(outcomes.count("value"), outcomes.count("error")) > 200


anything = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.binary(max_size=5), st.fractions(),
        st.decimals(), st.complex_numbers(), st.datetimes(), st.sampled_from(NUMBERS),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.tuples(inner, inner), st.dictionaries(st.integers(), inner, max_size=2)),
    max_leaves=8,
)  # fmt: skip


@given(name=st.sampled_from([*GOOD, "model"]), value=anything, model=st.sampled_from(STRATEGIES))
@example(name="target", value=((None, []), None), model="pretrained")
@example(name="target", value=[[1, [2]], [3, 4]], model="mixed")
@example(name="n_shots", value=[np.float16(0.5)], model="pretrained")
def test_one_drawn_argument(name, value, model):
    given = {"model": model, "n_shots": 3, "d": 2, "pretrain_shots": 20, "noise_variance": 0.1, name: value}
    one_call(theory.risk, given, lambda found: right_risk(found, given["model"], given))


# --- the command line ------------------------------------------------------------------------------------------------

WORDS = ["risk", "table", "strategies", "claims", "zs_v", "both", "--shots", "--d", "--noise", "--task", "--value-scale",
         "--normalization", "--pretrain-shots", "--few-shot-shots", "--few-shot-weight", "3", "0:5", "5:0", "-1", "1e99", "nan", "inf",
         "", "0:9:0", "1,2", "1/4", "1/0", "x", EVIL, "tokens", "unseen", "0.5", "--nope", "99999999999999999999", "\x00", "😀"]  # fmt: skip
BASE = ["risk", "zs_v", "--shots", "3", "--d", "5"]


def run(argv):
    """Exit status, standard output, standard error."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            status = main(argv)
        except SystemExit as stop:
            status = stop.code or 0
    return status, out.getvalue(), err.getvalue()


def test_command_lines():
    rng, statuses = random.Random(8), []
    for _ in range(700):
        argv = [*BASE] if rng.random() < 0.7 else []
        for _ in range(rng.randint(0, 3)):
            argv.insert(rng.randint(0, len(argv)), rng.choice(WORDS))
        if "claims" in argv[:1]:
            continue  # slow, and without an argument to spoil
        status, out, err = run(argv)
        statuses.append(status)
        assert status in (0, 2), argv
        if status == 2:
            assert err.strip(), argv
            assert len(err.strip().splitlines()) == 1, (argv, err)
            assert "Traceback" not in err
        else:
            assert out, argv
            assert not err
            assert "nan" not in out, (argv, out)
    assert statuses.count(0) > 50
    assert statuses.count(2) > 50
