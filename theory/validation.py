"""The one place that checks what a user passes: every check names the argument, the value and what is allowed.

Only concrete numbers are looked at; a sympy expression passes as it is. Each check returns the value in the form the
formulas take: plain ints and floats, float64 arrays, exact numbers, or object arrays of these.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from .kinds import Number, as_fraction, is_ball, is_exact, is_symbolic, module_type, whole_as_floats

LARGEST_COUNT = 2**53  # the largest whole number up to which every one is a float
LARGEST_REAL = 1e50  # products of a few such numbers stay within the range of floats
BLOCK = 1 << 14  # numbers checked at once: temporaries of this size stay in cache
SYMMETRY_TOLERANCE = 1e-10  # relative: products such as A @ D @ A.T round to within a few ulp of symmetric

# The symbols of papers, for whoever tries one as a keyword.
SYMBOLS = {
    "n": "n_shots", "theta": "task", "dimension": "d", "Sigma": "covariance", "Psi": "task_covariance",
    "sigma2": "noise_variance", "theta_0": "target", "m": "pretrain_shots", "lambda": "few_shot_weight",
    "w_0": "value_scale", "N": "normalization", "mask": "query",
}  # fmt: skip
PADDING = (
    "A layer on tokens (x, y) has a zero row and column for the constant at the front: "
    "np.pad(v, (1, 0)), np.pad(Q, ((1, 0), (1, 0)))"
)
OF_RISK_ALONE = ("n_shots", "task", "certify")  # neither a setting's nor a fixed point's


class NoClosedForm(ValueError):
    """No closed form exists for what was asked; the message says why and what computes it numerically."""


def describe(value: object) -> str:
    """A short repr for messages."""
    text = repr(value).replace("\n", " ")
    return text if len(text) <= 80 else text[:77] + "..."


def reject(argument: str, value: object, allowed: str, kind: type[Exception] = ValueError) -> Exception:
    """The error to raise: argument, value, what is allowed."""
    return kind(f"{argument} = {describe(value)} is not allowed: {argument} must be {allowed}")


def nearest(argument: str, value: str, names: Sequence[str], otherwise: str = "") -> Exception:
    """The error for an unknown name, with the nearest valid one."""
    near = difflib.get_close_matches(value, names, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    return ValueError(
        f"{argument} = {describe(value)} is unknown{hint}; allowed: {', '.join(map(repr, names))}{otherwise}"
    )


def choice(argument: str, value: object, names: Sequence[str]) -> str:
    """One of a few names."""
    if type(value) is not str:
        raise reject(argument, value, f"one of {', '.join(map(repr, names))}", TypeError)
    if value not in names:
        raise nearest(argument, value, names)
    return value


def count(argument: str, value: Any, least: int = 0, infinite: bool = False) -> Number:
    """A whole number, or an array of them; with ``infinite``, math.inf as well."""
    if type(value) is int and least <= value <= LARGEST_COUNT:
        return value
    if infinite and type(value) is float and value == math.inf:
        return math.inf
    allowed = f"a whole number from {least} to 2**53" + (" or math.inf" if infinite else "")

    def one(item: Any) -> Number:
        number = _real_number(argument, item, allowed)
        if infinite and number == math.inf:
            return math.inf
        if not (is_symbolic(number) and not number.is_number):
            if not (least <= _comparable(number) <= LARGEST_COUNT and _is_whole(number)):
                raise reject(argument, item, allowed)
            if isinstance(number, float):
                return int(number)
        return number

    def good(numbers: Any) -> Any:
        whole = (numbers >= least) & (numbers <= LARGEST_COUNT) & (numbers == np.floor(numbers))
        return whole | (numbers == math.inf) if infinite else whole

    return whole_as_floats(_each(argument, value, one, good, allowed))


def real(argument: str, value: Any, least: float = 0.0, most: float = LARGEST_REAL) -> Number:
    """A finite real number in a range, or an array of them."""
    if (type(value) is float or type(value) is int) and least <= value <= most:
        return value
    allowed = f"a real number from {least:g} to {most:g}"

    def one(item: Any) -> Number:
        number = _real_number(argument, item, allowed)
        if not (is_symbolic(number) and not number.is_number) and not least <= _comparable(number) <= most:
            raise reject(argument, item, allowed)
        return number

    return _each(argument, value, one, lambda numbers: (numbers >= least) & (numbers <= most), allowed)


def vector(
    argument: str, value: Any, length: int | None, nonzero: bool = True, any_length: str = "d"
) -> np.ndarray[Any, Any]:
    """A finite vector of a given length: float64, whole numbers, or object if an entry is exact or symbolic."""
    wanted = any_length if length is None else str(length)
    allowed = f"a finite{' non-zero' if nonzero else ''} vector of shape ({wanted},)"
    array = _real_array(argument, value, allowed)
    if array.ndim != 1 or array.size == 0 or (length is not None and array.shape != (length,)):
        raise reject(argument, value, f"{allowed}, not of shape {array.shape}")
    if nonzero and all(entry == 0 for entry in array):
        raise reject(argument, value, allowed)
    if nonzero and array.dtype.kind == "f" and np.abs(array).max() < 1 / LARGEST_REAL:  # its square would be zero
        raise reject(argument, value, f"{allowed}, with an entry of size at least {1 / LARGEST_REAL:g}")
    return array


def matrix(argument: str, value: Any, size: int | None) -> np.ndarray[Any, Any]:
    """A finite square matrix of a given size."""
    wanted = "d" if size is None else str(size)
    allowed = f"a finite matrix of shape ({wanted}, {wanted})"
    array = _real_array(argument, value, allowed)
    if array.ndim != 2 or array.size == 0 or array.shape[0] != array.shape[1] or size not in (None, len(array)):
        raise reject(argument, value, f"{allowed}, not of shape {array.shape}")
    return array


def positive_definite(argument: str, value: Any, size: int | None) -> np.ndarray[Any, Any]:
    """A symmetric positive definite matrix (asymmetry within rounding is averaged away)."""
    allowed = "a symmetric positive definite matrix of shape (d, d)"
    given, array = _symmetric(argument, value, size, allowed)
    if array.dtype == object:
        if not _exact_positive(array, definite=True):
            raise reject(argument, value, f"{allowed}: it is not positive definite")
        return array
    try:
        pivots = np.linalg.cholesky(array).diagonal() ** 2
    except np.linalg.LinAlgError:
        raise reject(argument, value, f"{allowed}: it is not positive definite") from None
    if np.any(pivots <= len(array) * np.finfo(float).eps * array.diagonal()):  # nothing left but rounding
        raise reject(argument, value, f"{allowed}: it is not positive definite")
    return given


def positive_semidefinite(argument: str, value: Any) -> np.ndarray[Any, Any]:
    """A symmetric positive semidefinite matrix that is not zero."""
    allowed = "a symmetric positive semidefinite matrix of shape (d, d), not zero"
    given, array = _symmetric(argument, value, None, allowed)
    if array.dtype == object:
        if not _exact_positive(array, definite=False):
            raise reject(argument, value, f"{allowed}: it is not positive semidefinite")
        return array
    size = np.abs(array).max()
    if size == 0:
        raise reject(argument, value, allowed)
    try:
        np.linalg.cholesky(array)  # a third of the work of eigenvalues, and the usual case
    except np.linalg.LinAlgError:
        if np.linalg.eigvalsh(array)[0] < -len(array) * np.finfo(float).eps * size * 10:
            raise reject(argument, value, f"{allowed}: it is not positive semidefinite") from None
    return given


def _symmetric(
    argument: str, value: Any, size: int | None, allowed: str
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """A symmetric matrix as it was given, and in floats where its numbers are whole; exact ones are symmetric exactly."""
    given = matrix(argument, value, size)
    array: np.ndarray[Any, Any] = whole_as_floats(given)
    if array.dtype == object:
        if any(array[i, j] != array[j, i] for i in range(len(array)) for j in range(i)):
            raise reject(argument, value, f"{allowed}: it is not symmetric")
    elif not np.array_equal(given, given.T):
        if np.abs(array - array.T).max() > SYMMETRY_TOLERANCE * np.abs(array).max():
            raise reject(argument, value, f"{allowed}: it is not symmetric")
        given = array = np.asarray(array + (array.T - array) / 2)
    return given, array


def covariance(argument: str, value: Any, definite: bool) -> np.ndarray[Any, Any]:
    """A covariance: a symmetric matrix, or the vector of eigenvalues of a diagonal one; positive definite or semidefinite."""
    sign = "definite" if definite else "semidefinite"
    allowed = f"a symmetric positive {sign} matrix of shape (d, d), or d eigenvalues"
    given = _real_array(argument, value, allowed)
    if given.ndim != 1:
        return positive_definite(argument, value, None) if definite else positive_semidefinite(argument, value)
    bad = [x for x in given if not (is_symbolic(x) and not x.is_number) and (x < 0 or (definite and x == 0))]
    if not given.size or bad or (not definite and all(x == 0 for x in given)):
        raise reject(
            argument, value, f"{allowed}{', which are positive' if definite else ', which are not negative, nor all 0'}"
        )
    return given


def normalization(value: Any, names: Sequence[str]) -> Any:
    """A convention's name, or the number N itself."""
    if isinstance(value, str):
        if value not in names:
            raise nearest("normalization", value, names, ", or a positive number")
        return value
    if value is None or not (
        np.isscalar(value) or isinstance(value, int | float) or is_exact(value) or is_ball(value) or is_symbolic(value)
    ):
        raise reject("normalization", value, f"one of {', '.join(map(repr, names))}, or a positive number", TypeError)
    return real("normalization", value, 1e-50)


def heads(v: Any, Q: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """(v, Q) of one head, (d + 2,) and (d + 2, d + 2), or of H heads, (H, d + 2) and (H, d + 2, d + 2)."""
    allowed = "a finite vector of shape (d + 2,) with d >= 1, or (H, d + 2) for H heads"
    value = _real_array("v", v, allowed)
    if value.ndim not in (1, 2) or value.size == 0 or value.shape[-1] < 3:
        raise reject("v", v, f"{allowed}, not of shape {value.shape}")
    shape = (*value.shape, value.shape[-1])
    allowed = f"finite and of shape {shape} beside v of shape {value.shape}"
    matrices = _real_array("Q", Q, allowed)
    if matrices.shape != shape:
        raise reject("Q", Q, f"{allowed}, not of shape {matrices.shape}")
    return value, matrices


def projections(argument: str, value: Any) -> np.ndarray[Any, Any]:
    """The weights of each head, (H, rows, columns); whole numbers as Python's, whose products are exact."""
    allowed = "a matrix, or of shape (H, rows, columns) for H heads"
    array = _real_array(argument, value, allowed)
    if array.ndim not in (2, 3) or array.size == 0:
        raise reject(argument, value, f"{allowed}, not of shape {array.shape}")
    array = array.astype(object) if array.dtype.kind == "i" else array
    return array if array.ndim == 3 else array[None]


def prompt_tokens(argument: str, value: Any, width: int) -> np.ndarray[Any, Any]:
    """Fixed tokens, (k, d + 2)."""
    allowed = f"finite tokens of shape (k, {width}), k >= 1"
    array = _real_array(argument, value, allowed)
    if array.ndim != 2 or array.size == 0 or array.shape[1] != width:
        raise reject(argument, value, f"{allowed}, not of shape {array.shape}")
    return array


def prompts(argument: str, value: Any, width: int) -> np.ndarray[Any, Any]:
    """The tokens of one prompt, (n + 1, width), or of several, (prompts, n + 1, width)."""
    allowed = f"of shape (n + 1, {width}) or (prompts, n + 1, {width})"
    array = _real_array(argument, value, allowed)
    if array.ndim not in (2, 3) or array.shape[-1] != width or array.shape[-2] == 0:
        fault = f"not of shape {array.shape}"
    elif np.any(array[..., 0] != 1):
        fault = "and the first entry of each is 1"
    elif np.any(array[..., -1, -1] != 0):
        fault = "and the query's label is not known: the last entry of the last token is 0"
    else:
        return array
    raise ValueError(
        f"{argument} = {describe(value)} is not allowed: {argument} must be {allowed}, each token (1, x, y), the query's "
        f"(1, x_q, 0) last, {fault}. {PADDING}"
    )


def broadcast(arguments: dict[str, Any]) -> tuple[int, ...]:
    """The common shape of the arrays among the arguments; that there is none is an error that names them."""
    shapes = {name: value.shape for name, value in arguments.items() if isinstance(value, np.ndarray)}
    try:
        return np.broadcast_shapes(*shapes.values())
    except ValueError:
        given = ", ".join(f"{name} of shape {shape}" for name, shape in shapes.items())
        raise ValueError(f"{given} are not allowed together: arrays must broadcast to one shape") from None


def unknown_keywords(function: str, unknown: Iterable[str], allowed: Sequence[str]) -> None:
    """A TypeError for keywords that the function does not take."""
    for name in unknown:
        hint = ""
        if name not in OF_RISK_ALONE and (meant := _meant(name, allowed)):
            hint = f" (did you mean {meant!r}?)"
        elif meant := _meant(name, OF_RISK_ALONE):
            hint = f" ({meant!r} is an argument of theory.risk)"
        raise TypeError(f"{function}() got an unknown argument {describe(name)}{hint}; allowed: {', '.join(allowed)}")


def _meant(name: str, allowed: Sequence[str]) -> str | None:
    """The argument whose name, symbol or word of its name is nearest to the name or to a word of it."""
    known = {name: name for name in allowed}
    known |= {symbol: argument for symbol, argument in SYMBOLS.items() if argument in known}
    for argument in allowed:
        for word in argument.split("_"):
            known.setdefault(word, argument)
    for word in (name, *name.split("_")):
        near = difflib.get_close_matches(word, known, n=1)
        near += [whole for whole in known if len(word) > 2 and whole.startswith(word)]  # cov, norm, dim
        if near:
            return known[near[0]]
    return None


def _real_number(argument: str, item: Any, allowed: str) -> Number:
    """A number of an accepted type; everything else (bool, complex, str, None, Decimal, ...) is a TypeError."""
    if isinstance(item, np.generic):
        item = item.item()
    if isinstance(item, bool) or not (
        isinstance(item, int | float) or is_exact(item) or is_ball(item) or is_symbolic(item)
    ):
        raise reject(argument, item, f"{allowed}, not of type {type(item).__name__}", TypeError)
    if is_symbolic(item):
        import sympy

        if item.is_extended_real is False or item.has(sympy.nan, sympy.zoo):
            raise reject(argument, item, allowed)
        return math.inf if item == sympy.oo else item
    return item


def _comparable(number: Number) -> Number:
    """The number in a kind that compares with floats: flint's rationals do not."""
    return as_fraction(number) if is_exact(number) else number


def _is_whole(number: Number) -> bool:
    if is_symbolic(number):
        return bool(number.is_integer)
    if is_ball(number):
        return False
    return bool(number == math.floor(number)) if isinstance(number, float | Fraction) else bool(number == int(number))


def _each(argument: str, value: Any, one: Any, good: Any, allowed: str) -> Number:
    """Check a number with ``one``, a numeric array with the vectorised ``good``, an object array entry by entry."""
    if isinstance(value, np.ndarray) and value.ndim == 0 and not isinstance(value, np.ma.MaskedArray):
        value = value.item()
    if not isinstance(value, list | tuple | range) and (np.isscalar(value) or not hasattr(value, "__array__")):
        return one(value)
    array = _real_array(argument, value, allowed, finite=False)
    if array.dtype == object:
        checked = np.empty(array.shape, dtype=object)
        for index, item in np.ndenumerate(array):
            checked[index] = one(item)
        return checked
    flat = array.reshape(-1)
    for start in range(0, flat.size, BLOCK):
        block = flat[start : start + BLOCK]
        bad = block[~good(block)]
        if bad.size:
            raise reject(argument, bad[0].item(), allowed)
    return array


def _real_array(argument: str, value: Any, allowed: str, finite: bool = True) -> np.ndarray[Any, Any]:
    """A float64 array, whole numbers, or an object array if an entry is exact or symbolic; ragged, complex, text: TypeError.

    Whole numbers stay whole, so that they are exact beside exact ones: int64, or Python's where that cannot hold them.
    """
    if isinstance(value, tuple) and isinstance(value, module_type(f"{__package__}.setting", "Setting")):
        raise reject(argument, value, f"{allowed}; a Setting is passed by name, setting=...", TypeError)
    if isinstance(value, np.ma.MaskedArray):
        raise reject(argument, value, f"{allowed}, without a mask", TypeError)
    if isinstance(value, module_type("sympy", "MatrixBase")):
        value = value.tolist()  # type: ignore[attr-defined]
        value = [row[0] for row in value] if value and len(value[0]) == 1 and "vector" in allowed else value
    try:
        try:
            array = np.asarray(value)
        except RuntimeError:  # so a torch tensor that requires grad refuses
            array = np.asarray(_detached(value))
    except (ValueError, TypeError, OverflowError):
        raise reject(argument, value, f"{allowed}, with rows of one length", TypeError) from None
    if array.dtype.kind == "f" and not hasattr(value, "dtype") and np.any(np.abs(array) >= 2.0**63):
        array = np.asarray(value, dtype=object)  # whole numbers of mixed size, which numpy has made floats
    if array.size == 0 and array.dtype.kind != "O":
        return array.astype(np.float64)
    if array.dtype.kind in "iuf":
        if array.dtype.kind != "f":
            return _whole(array, finite)
        numbers = array.astype(np.float64, copy=finite)  # large arrays of numbers are read, not kept: no copy
        if finite and numbers.size and not (numbers.min() >= -LARGEST_REAL and numbers.max() <= LARGEST_REAL):
            raise reject(argument, value, f"{allowed}, with entries of size at most {LARGEST_REAL:g}")
        return numbers
    if array.dtype != object:
        raise reject(argument, value, f"{allowed}, not of dtype {array.dtype}", TypeError)
    if array.ndim == 0:
        raise reject(argument, value, f"{allowed}, not of type {type(value).__name__}", TypeError)
    entries = np.empty(array.shape, dtype=object)
    for index, item in np.ndenumerate(array):
        entries[index] = item = _real_number(f"{argument}{list(index)}", item, "a real number")
        if (type(item) is int or (finite and (type(item) is float or is_ball(item)))) and not abs(item) <= LARGEST_REAL:
            raise reject(argument, value, f"{allowed}, with entries of size at most {LARGEST_REAL:g}")
    kinds = {type(item) for item in entries.flat}
    if kinds == {int}:
        return _whole(entries, finite)
    if kinds <= {int, float}:
        return _real_array(argument, entries.astype(np.float64), allowed, finite)
    if float in kinds and not any(is_symbolic(item) or is_ball(item) for item in entries.flat):
        return _real_array(argument, entries.astype(np.float64), allowed, finite)  # one float: no exact answer
    for index, item in np.ndenumerate(entries):
        if isinstance(item, int):
            entries[index] = Fraction(item)
    return entries


def _detached(value: Any) -> Any:
    """The numbers of tensors that require grad, alone or in lists; anything else as it is."""
    if isinstance(value, list | tuple):
        return [*map(_detached, value)]
    return value.detach() if getattr(value, "requires_grad", False) is True else value


def _whole(array: np.ndarray[Any, Any], copy: bool) -> np.ndarray[Any, Any]:
    """An array of whole numbers as int64, or as Python's where one of them is larger."""
    if np.can_cast(array.dtype, np.int64):
        return array.astype(np.int64, copy=copy)
    try:
        return array.astype(object).astype(np.int64)
    except OverflowError:
        return array.astype(object)


def _exact_positive(array: np.ndarray[Any, Any], definite: bool) -> bool:
    """Sylvester by elimination: all pivots positive; a pivot whose sign a symbol hides is taken as positive.

    Semidefinite: none negative, and a zero one only where the rest of its row is zero.
    """
    rows = array.copy()
    for k in range(len(rows)):
        pivot = rows[k, k]
        if is_symbolic(pivot) and not pivot.is_number:
            return True
        if not pivot > 0:
            if definite or pivot < 0 or any(x != 0 for x in rows[k, k:]):
                return False
            continue
        for i in range(k + 1, len(rows)):
            rows[i] = rows[i] - rows[k] * (rows[i, k] / pivot)
    return True
