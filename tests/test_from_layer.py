"""theory.from_layer against layers that are written out with loops."""

from __future__ import annotations

import ast
import itertools
import re
from fractions import Fraction as F

import numpy as np
import pytest
import sympy

import theory
from theory.layers import ORDERS

D_K, D_V = 2, 5


def whole(rng, *shape):
    return rng.integers(-3, 4, shape)


def arranged(order, x, y):
    """A token of one's own."""
    parts = {"1": [1], "x": list(x), "y": [y]}
    return [entry for part in order for entry in parts[part]]


def attention(tokens, heads, label, layout, scale=1, masked=False, residual=False):
    """The label's entry of linear attention's output at the last token, head by head, with loops; not divided."""
    query, total = tokens[-1], 0
    for W_Q, W_K, W_V, W_O in heads:
        if layout == "row":
            W_Q, W_K, W_V, W_O = (np.asarray(W).T for W in (W_Q, W_K, W_V, W_O))
        asked = [sum(W_Q[a, i] * query[i] for i in range(len(query))) for a in range(len(W_Q))]
        for token in tokens[:-1] if masked else tokens:
            key = [sum(W_K[a, i] * token[i] for i in range(len(token))) for a in range(len(W_K))]
            value = [sum(W_V[a, i] * token[i] for i in range(len(token))) for a in range(len(W_V))]
            score = scale * sum(q * k for q, k in zip(asked, key, strict=True))
            total += score * sum(W_O[label, a] * value[a] for a in range(len(value)))
    return total + (query[label] if residual else 0)


@pytest.mark.parametrize(("order", "layout"), [*itertools.product(ORDERS, ["column", "row"])])
def test_any_order_and_layout(order, layout):
    """Three heads with an output projection, in whole numbers: equal to the last digit."""
    rng, d, H = np.random.default_rng(len(order) + 7 * ORDERS.index(order)), 2, 3
    width = d + len(order) - 1
    shapes = [(H, D_K, width), (H, D_K, width), (H, D_V, width), (H, width, D_V)]
    weights = [whole(rng, *shape) for shape in shapes]
    if layout == "row":
        weights = [np.swapaxes(W, 1, 2) for W in weights]
    model = theory.from_layer(*weights, layout=layout, tokens=order)
    assert (model.d, model.n_heads) == (d, H)
    assert theory.from_layer(*weights, layout=layout, tokens=order, d=d) == model
    x, y = whole(rng, 4, d), whole(rng, 4)
    y[-1] = 0
    own = [arranged(order, a, b) for a, b in zip(x, y, strict=True)]
    ours = [[F(1), *map(int, a), int(b)] for a, b in zip(x, y, strict=True)]
    label = order.index("y") + (d - 1) * ("x" in order[: order.index("y")])
    for masked in (False, True):
        found = model.predict(ours, 1, "masked" if masked else "attends")
        assert found == attention(own, zip(*weights, strict=True), label, layout, masked=masked)
        assert found == attention(own, zip(*weights, strict=True), label, layout, masked=masked, residual=True)
    side_by_side = np.concatenate(list(weights[3]), axis=0 if layout == "row" else 1)
    assert theory.from_layer(*weights[:3], side_by_side, layout=layout, tokens=order) == model
    stored = [np.concatenate(list(W), axis=1 if layout == "row" else 0) for W in weights[:3]]
    assert theory.from_layer(*stored, side_by_side, layout=layout, tokens=order, heads=H) == model


def test_one_head_merged_weights_and_scale():
    rng = np.random.default_rng(5)
    W_Q, W_K, W_V = whole(rng, D_K, 4), whole(rng, D_K, 4), whole(rng, 4, 4)
    model = theory.from_layer(W_Q, W_K, W_V)
    assert model.n_heads == 1
    assert model.v.shape == (4,)
    np.testing.assert_array_equal(model.v, W_V[-1])
    np.testing.assert_array_equal(model.Q, W_Q.T @ W_K)
    assert theory.from_layer(None, W_Q.T @ W_K, W_V) == model
    assert theory.from_layer((W_Q.T @ W_K), None, W_V.T, layout="row") == model
    half = theory.from_layer(W_Q, W_K, W_V, scale=F(1, 2))
    assert half.entries()[1].tolist() == [[F(int(x), 2) for x in row] for row in W_Q.T @ W_K]
    np.testing.assert_array_equal(theory.from_layer(W_Q, W_K, W_V, scale=-1).Q, -model.Q)


class Tensor:
    """What from_layer knows of a torch tensor: it leaves its graph and its device, and only then gives its numbers."""

    def __init__(self, array, ready=frozenset()):
        self.array, self.ready = array, ready

    def detach(self):
        return Tensor(self.array, self.ready | {"detached"})

    def cpu(self):
        return Tensor(self.array, self.ready | {"on the host"})

    def double(self):
        return Tensor(self.array.astype(float), self.ready | {"double"})

    def numpy(self):
        assert self.ready == {"detached", "on the host", "double"}
        return self.array

    def __array__(self, *_, **__):
        raise TypeError("can't convert cuda:0 device type tensor to numpy")


class Array:
    """What it knows of a JAX array: it gives its numbers when asked."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.array, dtype=dtype)


@pytest.mark.parametrize(
    "kind", [Tensor, Array, np.ndarray.tolist, lambda x: x.astype(np.float32), lambda x: [*map(Tensor, x)]]
)
def test_arrays_of_any_library(kind):
    rng = np.random.default_rng(8)
    weights = [whole(rng, D_K, 3), whole(rng, D_K, 3), whole(rng, 3, 3)]
    plain = theory.from_layer(*weights)
    assert np.array_equal(theory.from_layer(*map(kind, weights)).Q, plain.Q)
    if kind is Tensor:
        assert theory.from_layer(*weights, check=lambda z: Tensor(np.array([plain.predict(z)]))) == plain


def test_exact_and_symbolic_weights():
    a = sympy.Symbol("a")
    model = theory.from_layer(np.diag([0, a, 0]), None, np.diag([0, 0, 1]))
    risk = theory.risk(model, 3, 1, noise_variance=F(1, 10))
    assert risk.free_symbols == {a}
    exact = theory.from_layer(np.diag([0, F(1, 3), 0]), None, np.diag([0, 0, 1]))
    assert theory.risk(exact, 3, 1, noise_variance=F(1, 10)) == risk.subs(a, sympy.Rational(1, 3))


# --- check -----------------------------------------------------------------------------------------------------------


def own_layer(layout="column", scale=1.0, normalization="tokens", masked=False):
    rng = np.random.default_rng(9)
    weights = [rng.standard_normal((4, 4)) for _ in range(3)]

    def predict(z):
        heads = [(*weights, np.eye(4))]
        n = len(z) - 1
        return attention(z, heads, 3, layout, scale, masked) / (n + 1 if normalization == "tokens" else n)

    return weights, predict


def test_check_agrees_with_the_layer_itself():
    for layout, normalization, masked in itertools.product(["column", "row"], ["tokens", "shots"], [False, True]):
        weights, predict = own_layer(layout, 0.5, normalization, masked)
        query = "masked" if masked else "attends"
        theory.from_layer(
            *weights, layout=layout, scale=0.5, check=predict, normalization=normalization, query=query, rng=3
        )
        theory.from_layer(
            *weights, layout=layout, scale=0.5, check=lambda z, f=predict: np.float32([f(z)]),
            normalization=normalization, query=query,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({"layout": "row"}, "it agrees with layout='row'"),
        ({"scale": -1.0}, "it agrees with scale=-1"),
        ({"normalization": "shots"}, "it agrees with normalization='shots'"),
        ({"masked": True}, "it agrees with query='masked'"),
        ({"masked": True, "layout": "row"}, "it agrees with layout='row', query='masked'"),
        ({"scale": 0.577}, "it agrees with scale=0.577"),
        ({"scale": -0.577, "layout": "row"}, "it agrees with layout='row', scale=-0.577"),
        (
            {"scale": 3.0, "masked": True, "normalization": "shots"},
            "it agrees with normalization='shots', query='masked', scale=3.0",
        ),
        (None, "no other layout, scale, normalization, mask or split into heads agrees"),
    ],
)
@pytest.mark.parametrize("given", [1, 0.25])
def test_check_says_by_how_much_and_which_reading_agrees(own, said, given):
    """The scale that it says is the whole one, whatever scale was given; as the others, it then agrees."""
    weights, predict = own_layer(**{"scale": given, **(own or {})})
    layer = predict if own else lambda z: predict(z) + len(z)
    with pytest.raises(ValueError, match=r"check differs by \d") as caught:
        theory.from_layer(*weights, scale=given, check=layer)
    message = str(caught.value)
    assert re.search(rf"; {re.escape(said)}(\.0)?$", message), message
    if own:
        arguments = dict(part.split("=") for part in message.split("agrees with ")[1].split(", "))
        theory.from_layer(
            *weights, **{"scale": given, **{name: ast.literal_eval(x) for name, x in arguments.items()}}, check=layer
        )
    difference, shots, theirs, ours = (
        float(message.split(before)[1].split(after)[0])
        for before, after in (("by ", " at"), ("at ", " shots"), ("predicts ", ","), ("read ", ";"))
    )
    assert shots in (1, 2, 5)
    assert abs(theirs - ours) == pytest.approx(difference, rel=1e-3, abs=1e-4)  # six digits are printed


def test_check_says_that_queries_and_keys_are_exchanged_or_heads_side_by_side():
    (W_Q, W_K, W_V), predict = own_layer()
    with pytest.raises(ValueError, match=r"it agrees with W_Q and W_K exchanged$"):
        theory.from_layer(W_K, W_Q, W_V, check=predict)
    rng = np.random.default_rng(5)
    W_Q, W_K, W_V = (rng.standard_normal((6, 3)) for _ in range(3))  # two heads of width 3, one below the other
    W_O = rng.standard_normal((3, 6))

    def two_heads(z):
        heads = [slice(0, 3), slice(3, 6)]
        outputs = [W_V[h] @ z.T @ (z @ W_K[h].T @ W_Q[h] @ z[-1]) / len(z) for h in heads]
        return (W_O @ np.concatenate(outputs))[-1]

    theory.from_layer(W_Q, W_K, W_V, W_O, heads=2, check=two_heads)
    with pytest.raises(ValueError, match=r"it agrees with heads=2$"):
        theory.from_layer(W_Q, W_K, W_V, W_O, check=two_heads)


# --- bad layers ------------------------------------------------------------------------------------------------------

ONE = np.eye(3)
BAD = {
    "an unknown layout": (lambda: theory.from_layer(ONE, ONE, ONE, layout="columns"), ValueError, ["layout", "did you mean 'column'", "'row'"]),
    "a layout None": (lambda: theory.from_layer(ONE, ONE, ONE, layout=None), TypeError, ["layout", "None", "'column', 'row'"]),
    "an unknown order": (lambda: theory.from_layer(ONE, ONE, ONE, tokens="xyz"), ValueError, ["tokens", "'xyz'", "'1xy'", "'yx'"]),
    "tokens without a label": (lambda: theory.from_layer(ONE, ONE, ONE, tokens="1x"), ValueError, ["tokens", "'1x'"]),
    "a query of another width": (lambda: theory.from_layer(np.eye(2, 4), ONE, ONE), ValueError, ["W_K", "(3, 3)", "W_Q (2, 4)", "tokens of width 4", "layout = 'row'"]),
    "keys narrower than queries": (lambda: theory.from_layer(ONE, np.eye(2, 3), ONE), ValueError, ["W_K", "(2, 3)", "keys as wide as queries"]),
    "values of another width": (lambda: theory.from_layer(ONE, ONE, np.ones((2, 3))), ValueError, ["W_V", "(2, 3)", "width 3", "W_O"]),
    "an output of another width": (lambda: theory.from_layer(ONE, ONE, ONE, np.ones((2, 3))), ValueError, ["W_O", "(2, 3)", "output of width 3"]),
    "two heads beside three": (lambda: theory.from_layer([ONE] * 2, [ONE] * 3, ONE), ValueError, ["W_Q", "(2, 3, 3)", "3 heads"]),
    "keys of one head beside two": (lambda: theory.from_layer([ONE] * 2, ONE, [ONE] * 2), ValueError, ["W_K", "(3, 3)", "2 heads"]),
    "an output of one head beside two": (lambda: theory.from_layer([ONE] * 2, [ONE] * 2, [ONE] * 2, ONE), ValueError, ["W_O", "(3, 3)", "2 heads"]),
    "heads that do not divide": (lambda: theory.from_layer(ONE, ONE, ONE, heads=2), ValueError, ["heads = 2", "3 rows", "W_Q"]),
    "no heads": (lambda: theory.from_layer(ONE, ONE, ONE, heads=0), ValueError, ["heads = 0", "from 1"]),
    "a forgotten order": (lambda: theory.from_layer(ONE, ONE, ONE, d=2), ValueError, ["d = 2", "must be 1", "'1xy'"]),
    "a misspelt argument": (lambda: theory.from_layer(ONE, ONE, ONE, n_heads=2), TypeError, ["'n_heads'", "did you mean 'heads'", "W_O", "rng"]),
    "no weights": (lambda: theory.from_layer(None, None, None), ValueError, ["W_V", "None"]),
    "a vector": (lambda: theory.from_layer([1.0, 2.0], ONE, ONE), ValueError, ["W_Q", "a matrix", "(2,)"]),
    "four axes": (lambda: theory.from_layer([[ONE]], ONE, ONE), ValueError, ["W_Q", "(H, rows, columns)", "(1, 1, 3, 3)"]),
    "ragged rows": (lambda: theory.from_layer([[1.0], [1.0, 2.0]], ONE, ONE), TypeError, ["W_Q", "rows of one length"]),
    "texts": (lambda: theory.from_layer("W", ONE, ONE), TypeError, ["W_Q", "'W'"]),
    "a NaN": (lambda: theory.from_layer(ONE, ONE * np.nan, ONE), ValueError, ["W_K", "nan"]),
    "a complex value": (lambda: theory.from_layer(ONE, ONE, ONE * 1j), TypeError, ["W_V", "complex"]),
    "a width of nothing but constant and label": (lambda: theory.from_layer(np.eye(2), np.eye(2), np.eye(2)), ValueError, ["tokens", "'1xy'", "width 2"]),
    "an infinite scale": (lambda: theory.from_layer(ONE, ONE, ONE, scale=np.inf), ValueError, ["scale", "inf"]),
    "an unknown convention": (lambda: theory.from_layer(ONE, ONE, ONE, normalization="token"), ValueError, ["normalization", "did you mean 'tokens'"]),
    "a mask for a query": (lambda: theory.from_layer(ONE, ONE, ONE, query="mask"), ValueError, ["query", "did you mean 'masked'"]),
    "a check that is none": (lambda: theory.from_layer(ONE, ONE, ONE, check=3), TypeError, ["check", "3", "a function"]),
    "a check of all tokens": (lambda: theory.from_layer(ONE, ONE, ONE, check=lambda z: z), ValueError, ["check", "one finite number"]),
    "a check without an answer": (lambda: theory.from_layer(ONE, ONE, ONE, check=lambda z: None), ValueError, ["check", "one finite number"]),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_layers_are_told_why(name):
    call, kind, parts = BAD[name]
    with pytest.raises(kind) as caught:
        call()
    for part in parts:
        assert part in str(caught.value), (part, str(caught.value))
    assert len(str(caught.value)) < 500
