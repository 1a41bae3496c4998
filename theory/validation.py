"""The one place that checks what a user passes: every check names the argument, the value and what is allowed.

Only concrete numbers are looked at; a sympy expression passes as it is. Each check returns the value in the form the
formulas take: plain ints and floats, float64 arrays, exact numbers, or object arrays of these.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from .errors import NoClosedForm as NoClosedForm
from .errors import describe as describe
from .errors import nearest as nearest
from .errors import reject as reject
from .errors import unknown_keywords as unknown_keywords
from .kinds import LARGE, Number, as_fraction, is_ball, is_exact, is_symbolic, whole_as_floats
from .real_arrays import LARGEST_REAL as LARGEST_REAL
from .real_arrays import real_array, real_number

LARGEST_COUNT = 2**53  # the largest whole number up to which every one is a float
BLOCK = 1 << 14  # numbers checked at once: temporaries of this size stay in cache
SYMMETRY_TOLERANCE = 1e-10  # relative: products such as A @ D @ A.T round to within a few ulp of symmetric

PADDING = (
    "A layer on tokens (x, y) has a zero row and column for the constant at the front: "
    "np.pad(v, (1, 0)), np.pad(Q, ((1, 0), (1, 0)))"
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
        number = real_number(argument, item, allowed)
        if infinite and number == math.inf:
            return math.inf
        if not (is_symbolic(number) and not number.is_number):
            if not (least <= _comparable(number) <= LARGEST_COUNT and _is_whole(number)):
                raise reject(argument, item, allowed)
            if isinstance(number, float):
                return int(number)
        return number

    def good(numbers: Any) -> Any:
        inside, whole = _between(numbers, least, LARGEST_COUNT), numbers == np.floor(numbers)
        return (inside & whole) | (numbers == math.inf) if infinite and inside is not True else inside & whole

    return whole_as_floats(_each(argument, value, one, good, allowed))


def real(argument: str, value: Any, least: float = 0.0, most: float = LARGEST_REAL) -> Number:
    """A finite real number in a range, or an array of them."""
    if (type(value) is float or type(value) is int) and least <= value <= most:
        return value
    allowed = f"a real number from {least:g} to {most:g}"

    def one(item: Any) -> Number:
        number = real_number(argument, item, allowed)
        if not (is_symbolic(number) and not number.is_number) and not least <= _comparable(number) <= most:
            raise reject(argument, item, allowed)
        return number

    return _each(argument, value, one, lambda numbers: _between(numbers, least, most), allowed)


def vector(
    argument: str, value: Any, length: int | None, nonzero: bool = True, any_length: str = "d"
) -> np.ndarray[Any, Any]:
    """A finite vector of a given length: float64, whole numbers, or object if an entry is exact or symbolic."""
    wanted = any_length if length is None else str(length)
    allowed = f"a finite{' non-zero' if nonzero else ''} vector of shape ({wanted},)"
    array = real_array(argument, value, allowed)
    if array.ndim != 1 or array.size == 0 or (length is not None and array.shape != (length,)):
        raise reject(argument, value, f"{allowed}, not of shape {array.shape}")
    if nonzero and not (array != 0).any():
        raise reject(argument, value, allowed)
    if nonzero and array.dtype.kind == "f" and np.abs(array).max() < 1 / LARGEST_REAL:  # its square would be zero
        raise reject(argument, value, f"{allowed}, with an entry of size at least {1 / LARGEST_REAL:g}")
    return array


def matrix(argument: str, value: Any, size: int | None) -> np.ndarray[Any, Any]:
    """A finite square matrix of a given size."""
    wanted = "d" if size is None else str(size)
    allowed = f"a finite matrix of shape ({wanted}, {wanted})"
    array = real_array(argument, value, allowed)
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
        pivots = _pivots(array)
    except np.linalg.LinAlgError:
        raise reject(argument, value, f"{allowed}: it is not positive definite") from None
    if np.any(pivots <= len(array) * np.finfo(float).eps * array.diagonal()):  # nothing left but rounding
        raise reject(argument, value, f"{allowed}: it is not positive definite")
    return given


def _pivots(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """What elimination leaves of the diagonal; LinAlgError where it is not positive."""
    if len(array) < LARGE:
        return np.asarray(np.linalg.cholesky(array).diagonal() ** 2)
    from scipy.linalg import lapack

    factor, fault = lapack.dpotrf(array.T, lower=1, clean=0)  # fewer copies
    if fault:
        raise np.linalg.LinAlgError("not positive definite")
    return np.asarray(factor.diagonal() ** 2)


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
        _pivots(array)  # a third of the work of eigenvalues, and the usual case
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
    given = real_array(argument, value, allowed)
    if given.ndim != 1:
        return positive_definite(argument, value, None) if definite else positive_semidefinite(argument, value)
    known = given
    if given.dtype == object:
        known = np.array([x for x in given if not (is_symbolic(x) and not x.is_number)], dtype=object)
    bad = (known <= 0).any() if definite else (known < 0).any()
    if not given.size or bad or not (definite or (given != 0).any()):
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
    value = real_array("v", v, allowed)
    if value.ndim not in (1, 2) or value.size == 0 or value.shape[-1] < 3:
        raise reject("v", v, f"{allowed}, not of shape {value.shape}")
    shape = (*value.shape, value.shape[-1])
    allowed = f"finite and of shape {shape} beside v of shape {value.shape}"
    matrices = real_array("Q", Q, allowed)
    if matrices.shape != shape:
        raise reject("Q", Q, f"{allowed}, not of shape {matrices.shape}")
    return value, matrices


def projections(argument: str, value: Any) -> np.ndarray[Any, Any]:
    """The weights of each head, (H, rows, columns); whole numbers as Python's, whose products are exact."""
    allowed = "a matrix, or of shape (H, rows, columns) for H heads"
    array = real_array(argument, value, allowed)
    if array.ndim not in (2, 3) or array.size == 0:
        raise reject(argument, value, f"{allowed}, not of shape {array.shape}")
    array = array.astype(object) if array.dtype.kind == "i" else array
    return array if array.ndim == 3 else array[None]


def prompt_tokens(argument: str, value: Any, width: int) -> np.ndarray[Any, Any]:
    """Fixed tokens, (k, d + 2)."""
    allowed = f"finite tokens of shape (k, {width}), k >= 1"
    array = real_array(argument, value, allowed)
    if array.ndim != 2 or array.size == 0 or array.shape[1] != width:
        raise reject(argument, value, f"{allowed}, not of shape {array.shape}")
    return array


def prompts(argument: str, value: Any, width: int) -> np.ndarray[Any, Any]:
    """The tokens of one prompt, (n + 1, width), or of several, (prompts, n + 1, width)."""
    allowed = f"of shape (n + 1, {width}) or (prompts, n + 1, {width})"
    array = real_array(argument, value, allowed)
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
    array = real_array(argument, value, allowed, finite=False)
    if array.dtype == object:
        checked = np.empty(array.shape, dtype=object)
        for index, item in np.ndenumerate(array):
            checked[index] = one(item)
        return checked
    flat = array.reshape(-1)
    for start in range(0, flat.size, BLOCK):
        block = flat[start : start + BLOCK]
        fine = good(block)
        if not np.all(fine):
            raise reject(argument, block[~fine][0].item(), allowed)
    return array


def _between(numbers: np.ndarray[Any, Any], least: float, most: float) -> Any:
    """Where numbers lie in a range; True, at half the work, where all do."""
    if numbers.min() >= least and numbers.max() <= most:
        return True
    return (numbers >= least) & (numbers <= most)


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
