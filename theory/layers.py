"""From the weights of a layer of one's own to (v, Q)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any, Literal, Never

import numpy as np

from . import validation
from .kinds import Array, Number
from .names import Normalization, Query
from .parameters import AttentionParameters
from .prompt import NORMALIZATIONS
from .setting import QUERIES

LAYOUTS = ("column", "row")
ORDERS = ("1xy", "xy", "xy1", "x1y", "1yx", "yx", "yx1", "y1x")
ARGUMENTS = (
    "W_Q", "W_K", "W_V", "W_O", "layout", "tokens", "heads", "d", "scale", "check", "normalization", "query", "rng",
)  # fmt: skip
CHECKED_SHOTS = (1, 2, 5)  # of several lengths, since one alone leaves N open
TOLERANCE = 1e-4  # relative: single precision leaves 1e-5 at some hundred inputs; a wrong convention some 0.1


def from_layer(
    W_Q: Any,
    W_K: Any,
    W_V: Any,
    W_O: Any = None,
    *,
    layout: Literal["column", "row"] = "column",
    tokens: str = "1xy",
    heads: int | None = None,
    d: int | None = None,
    scale: Number = 1,
    check: Callable[[Array], Any] | None = None,
    normalization: Normalization | float = "tokens",
    query: Query = "attends",
    rng: Any = 0,
    **unknown: Never,
) -> AttentionParameters:
    r"""The parameters (v, Q) of a layer of linear attention given by its weights.

    Parameters
    ----------
    W_Q, W_K, W_V : array (d_k, D) or (H, d_k, D), or None
        Query, key and value projections of one head or of H, on tokens of width D; in the layout "row" (D, d_k). NumPy
        arrays, torch tensors, JAX arrays, lists, exact numbers, Symbols. None is the identity: a merged key-query matrix
        is W_K beside ``W_Q=None`` (in the layout "row" W_Q beside ``W_K=None``).
    W_O : array (D, d_v), (H, D, d_v) or (D, H d_v), optional
        Output projection, for each head or for all heads side by side; in the layout "row" (d_v, D) or (H d_v, D).
        Default: none, and the values have the width of tokens.
    layout : {"column", "row"}
        Whether the weights act on columns, ``W @ token``, as the weight of a ``torch.nn.Linear`` does, or on rows,
        ``token @ W``.
    tokens : str
        What a token holds, in order: "1" the constant, "x" the input, "y" the label; "1xy", "xy", "xy1", "yx", ...
    heads : int, optional
        H, where the heads are stored side by side in matrices: they are split. Default: an array of three axes has a head
        each, a matrix is one head.
    d : int, optional
        How many inputs a token holds, to be held against the weights' width. Default: what the width leaves.
    scale : number
        By what the sum is multiplied beside 1/N: 1/sqrt(d_k) where scores are divided by sqrt(d_k), -1 where the
        prediction is minus the output (von Oswald et al. 2023, Ahn et al. 2023).
    check : callable, optional
        Your own layer: takes a prompt, an array (n + 1, D) whose last row is the query with label 0, and returns its
        prediction, one number. It is held against the result on random prompts.
    normalization, query
        With ``check``: by what your layer divides, and whether the query attends to itself; as :class:`theory.Setting` has
        it, where both must be said again.
    rng : int or numpy.random.Generator
        With ``check``: the seed of the prompts.

    Returns
    -------
    AttentionParameters
        Of as many heads; v is the label's entry of the output, d is D less the constant and the label.

    Raises
    ------
    ValueError, TypeError
        For weights whose shapes disagree, an unknown layout or order; where ``check`` differs, with the largest difference
        and, if there is one, the reading that agrees.

    Notes
    -----
    A residual connection adds the query's label slot, which is 0, and changes nothing. Biases, a softmax and an MLP are not
    part of the model.

    How many inputs a token holds cannot be told from the weights: with the default ``tokens="1xy"`` a layer on (x, y) is
    read as one of an input less, and ``check``, whose prompts then begin with a constant 1, agrees. Say ``d``, or look at ``model.d``.

    Without ``heads`` matrices W_Q, W_K and W_V are one head, also where several are stored side by side in them. What heads
    share is to be given for each.

    Examples
    --------
    >>> import numpy as np
    >>> W_Q, W_K, W_V = np.diag([1.0, 0.0]), np.diag([0.5, 0.0]), np.diag([0.0, 1.0])  # on tokens (x, y)
    >>> def mine(z):
    ...     return (z @ W_V.T).T[-1] @ (z @ W_K.T) @ (W_Q @ z[-1]) / len(z)
    >>> model = from_layer(W_Q, W_K, W_V, tokens="xy", check=mine)
    >>> model.v, float(model.B[0, 0])
    (array([0., 0., 1.]), 0.5)
    """
    validation.unknown_keywords("from_layer", unknown, ARGUMENTS)
    validation.choice("layout", layout, LAYOUTS)
    order = validation.choice("tokens", tokens, ORDERS)
    scale = validation.real("scale", scale, -validation.LARGEST_REAL)
    normalization = validation.normalization(normalization, NORMALIZATIONS)
    validation.choice("query", query, QUERIES)
    given = {"W_Q": W_Q, "W_K": W_K, "W_V": W_V, "W_O": W_O}
    weights = {name: validation.projections(name, _on_host(x)) for name, x in given.items() if x is not None}
    if heads is not None:
        weights = {name: _split(name, x, heads, layout) for name, x in weights.items()}
    model = _read(weights, layout, order, scale)
    if d is not None and d != model.d:
        raise validation.reject("d", d, f"{model.d}, what tokens = {order!r} leave of the weights' width")
    if check is not None:
        _check(check, model, weights, layout, order, scale, normalization, query, rng)
    return model


def _on_host(weights: Any) -> Any:
    """A torch tensor, on whatever device and of whatever precision, as one that NumPy reads; anything else as it is."""
    if isinstance(weights, list | tuple):
        return [*map(_on_host, weights)]
    return weights.detach().cpu().double().numpy() if hasattr(weights, "detach") else weights


def _split(name: str, x: Array, heads: int, layout: str) -> Array:
    """The heads that are stored side by side in a matrix: in its rows or columns, by the layout."""
    if type(heads) is not int or heads < 1:
        raise validation.reject("heads", heads, "a whole number from 1")
    if len(x) > 1:
        if len(x) != heads:
            raise validation.reject("heads", heads, f"as many as {name} of shape {_given(x)} has")
        return x
    rows = (layout == "column") != (name == "W_O")
    size = x.shape[1 if rows else 2]
    if size % heads:
        kind = "rows" if rows else "columns"
        raise validation.reject("heads", heads, f"a divisor of the {size} {kind} of {name} in the layout {layout!r}")
    return np.array(np.split(x[0], heads, axis=0 if rows else 1))


def _read(weights: dict[str, Array], layout: str, order: str, scale: Number) -> AttentionParameters:
    """The model of weights in a layout."""
    if not weights.keys() - {"W_O"}:
        raise validation.reject("W_V", None, "an array where W_Q and W_K are None")
    column = {name: np.swapaxes(x, -1, -2) if layout == "row" else x for name, x in weights.items()}
    width = max((x.shape[-1], name) for name, x in column.items() if name != "W_O")[0]
    heads = max(len(x) for x in column.values())
    for name, x in column.items():
        if name == "W_O":
            continue
        if x.shape[-1] != width or len(x) != heads:
            raise _mismatch(name, weights, layout, f"{heads} heads on tokens of width {width}")
    singles = len(order) - 1
    if width <= singles:
        raise validation.reject("tokens", order, f"of fewer parts than the weights' width {width}, beside an input x")
    identity = np.eye(width, dtype=int).astype(object)[None]
    left, right, values = (column.get(name, identity) for name in ("W_Q", "W_K", "W_V"))
    if left.shape[-2] != right.shape[-2]:
        raise _mismatch("W_K", weights, layout, "keys as wide as queries")
    Q = scale * (np.swapaxes(left, -1, -2) @ right)
    V = values if "W_O" not in column else _output(column["W_O"], values, heads, width, weights, layout) @ values
    if V.shape[-2] != width:
        raise _mismatch("W_V", weights, layout, f"values of the tokens' width {width}, or a W_O that brings them to it")
    places = _places(order, width)
    v = np.zeros((heads, width + ("1" not in order)), dtype=object)
    full = np.zeros((*v.shape, v.shape[-1]), dtype=object)
    kept = [i for i, place in enumerate(places) if place is not None]
    read = [place for place in places if place is not None]
    v[:, kept] = V[:, read[-1]][:, read]
    full[np.ix_(range(heads), kept, kept)] = Q[:, read][:, :, read]
    one = heads == 1
    return AttentionParameters(v[0] if one else v, full[0] if one else full)


def _output(W_O: Array, values: Array, heads: int, width: int, weights: dict[str, Array], layout: str) -> Array:
    """The output projection of each head, (H, D, d_v)."""
    d_v = values.shape[-2]
    if len(W_O) == 1 < heads and W_O.shape[-1] == heads * d_v:  # heads side by side
        W_O = _split("W_O", W_O, heads, "column")
    if W_O.shape[-2:] != (width, d_v) or len(W_O) != heads:
        raise _mismatch("W_O", weights, layout, f"an output of width {width} from {heads} heads' values of width {d_v}")
    return W_O


def _mismatch(name: str, weights: dict[str, Array], layout: str, wanted: str) -> Exception:
    shapes = ", ".join(f"{other} {_given(x)}" for other, x in weights.items())
    return ValueError(
        f"{name} of shape {_given(weights[name])} is not allowed in the layout {layout!r}: there must be {wanted} "
        f"(given: {shapes}); layout = {'row' if layout == 'column' else 'column'!r} reads them transposed"
    )


def _given(x: Array) -> tuple[int, ...]:
    """A weight's shape as it was given."""
    return tuple(x.shape[1:] if len(x) == 1 else x.shape)


def _places(order: str, width: int) -> list[int | None]:
    """Where the constant (None: nowhere), the inputs and the label are in a token of one's own."""
    place, where = 0, {}
    for part in order:
        size = width - len(order) + 1 if part == "x" else 1
        where[part] = range(place, place + size)
        place += size
    return [where["1"][0] if "1" in where else None, *where["x"], *where["y"]]


def _check(
    check: Callable[[Array], Any], model: AttentionParameters, weights: dict[str, Array], layout: str, order: str,
    scale: Number, normalization: Any, query: Any, rng: Any,
) -> None:  # fmt: skip
    """A ValueError unless the user's own layer predicts what the model does."""
    if not callable(check):
        raise validation.reject("check", check, "a function of a prompt", TypeError)
    random = np.random.default_rng(rng)
    width = int(model.d) + 2 - ("1" not in order)
    places = _places(order, width)
    prompts = []
    for n in CHECKED_SHOTS:
        z = np.concatenate([np.ones((n + 1, 1)), random.standard_normal((n + 1, int(model.d) + 1))], axis=1)
        z[-1, -1] = 0
        mine = np.empty((n + 1, width))
        for i, place in enumerate(places):
            if place is not None:
                mine[:, place] = z[:, i]
        prompts.append((z, mine))
    theirs = np.array([_one_number(check, mine) for _, mine in prompts])

    def ours(model: AttentionParameters, normalization: Any, query: Any) -> Array:
        return np.array([float(model.predict(z, normalization, query)) for z, _ in prompts])

    def agrees(found: Array) -> bool:
        return bool(np.abs(found - theirs).max() <= TOLERANCE * np.abs(theirs).max())

    found = ours(model, normalization, query)
    if agrees(found):
        return
    worst = int(np.abs(found - theirs).argmax())
    agreeing: list[dict[str, Any]] = []
    scaled: list[dict[str, Any]] = []  # but for a constant factor
    readings = [(differs, read) for differs, read in _readings(weights, layout, order, scale) if read.d == model.d]
    for (differs, read), N, mask in product(readings, dict.fromkeys((normalization, *NORMALIZATIONS)), QUERIES):
        options = (("normalization", N, normalization), ("query", mask, query))
        named = differs | {name: x for name, x, given in options if x != given}
        values = ours(read, N, mask)
        factor = float(values @ theirs / (values @ values)) if values.any() else 0.0
        if agrees(values):
            agreeing.append(named)
        elif factor and agrees(factor * values):
            scaled.append(named | {"scale": float(f"{factor * float(named.get('scale', scale)):.6g}")})
    hint = "no other layout, scale, normalization, mask or split into heads agrees"
    if agreeing or scaled:
        nearest = min(agreeing or scaled, key=len)
        hint = "it agrees with " + ", ".join(x if name == "" else f"{name}={x!r}" for name, x in nearest.items())
    raise ValueError(
        f"check differs by {abs(found - theirs)[worst]:.6g} at {CHECKED_SHOTS[worst]} shots: it predicts {theirs[worst]:.6g}, "
        f"the weights as they were read {found[worst]:.6g}; {hint}"
    )


def _readings(
    weights: dict[str, Array], layout: str, order: str, scale: Number
) -> Iterator[tuple[dict[str, Any], AttentionParameters]]:
    """How else the weights may be meant, and the models that they then are: what differs from how they were read."""
    whole = all(len(x) == 1 for x in weights.values())
    exchanged = {**weights, "W_Q": weights["W_K"], "W_K": weights["W_Q"]} if {"W_Q", "W_K"} <= weights.keys() else None
    for given, H, other, sign in product(
        (weights, exchanged), (None, *(range(2, 9) if whole else ())), LAYOUTS, (1, -1)
    ):
        if given is None:
            continue
        try:
            split = given if H is None else {name: _split(name, x, H, other) for name, x in given.items()}
            read = _read(split, other, order, sign * scale)
        except ValueError:
            continue
        options = (("layout", other, layout), ("scale", sign * scale, scale), ("heads", H, None))
        differs: dict[str, Any] = {name: x for name, x, meant in options if x != meant}
        yield differs | ({"": "W_Q and W_K exchanged"} if given is exchanged else {}), read


def _one_number(check: Callable[[Array], Any], prompt: Array) -> float:
    value = np.asarray(_on_host(check(prompt.copy())))
    if value.size != 1 or value.dtype.kind not in "fiu" or not np.isfinite(value).all():
        raise validation.reject("check", value, "a function that returns one finite number, its prediction")
    return float(value.reshape(()))
