"""Numbers and arrays in the forms that users have them, read without loss: lists, tensors, exact and symbolic entries."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from .errors import reject
from .kinds import Number, is_ball, is_exact, is_symbolic, module_type

LARGEST_REAL = 1e50  # products of a few such numbers stay within the range of floats


def real_number(argument: str, item: Any, allowed: str) -> Number:
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


def real_array(argument: str, value: Any, allowed: str, finite: bool = True) -> np.ndarray[Any, Any]:
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
    if array.dtype.kind == "f" and not hasattr(value, "dtype") and np.any(np.abs(array.astype(np.float64)) >= 2.0**63):
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
        entries[index] = item = real_number(f"{argument}{list(index)}", item, "a real number")
        if (type(item) is int or (finite and (type(item) is float or is_ball(item)))) and not abs(item) <= LARGEST_REAL:
            raise reject(argument, value, f"{allowed}, with entries of size at most {LARGEST_REAL:g}")
    kinds = {type(item) for item in entries.flat}
    if kinds == {int}:
        return _whole(entries, finite)
    if kinds <= {int, float}:
        return real_array(argument, entries.astype(np.float64), allowed, finite)
    if float in kinds and not any(is_symbolic(item) or is_ball(item) for item in entries.flat):
        return real_array(argument, entries.astype(np.float64), allowed, finite)  # one float: no exact answer
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
