"""Certified risks: flint balls that contain the exact value for the numbers given.

Every float is a rational number, so that a call of ``theory.risk`` has one exact value. It is enclosed by running the
closed formulas themselves in ball arithmetic (flint's ``arb``; linear solves by ``arb_mat``): numbers become balls before
the first operation, each operation returns a ball that contains every possible result, and square roots need no special
case. Where a ball comes out wide, because a difference cancels, the precision doubles.

Sources: F. Johansson, "Arb: efficient arbitrary-precision midpoint-radius interval arithmetic", IEEE Trans. Comput. 66
(2017); python-flint.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from . import validation
from .evaluation import risk_of
from .kinds import Number, is_exact, is_symbolic, module_type
from .parameters import AttentionParameters
from .setting import Setting
from .strategies import Strategy

FIRST_BITS, LAST_BITS = 128, 4096
RELATIVE_RADIUS = 2.0**-100  # 113 bits are a quadruple-precision float; a ball this narrow keeps 100 of 128


def certified_risk(model: Strategy | AttentionParameters, n_shots: Number, setting: Setting, task: Any) -> Any:
    """:func:`theory.risk` as a ball (or an object array of balls) that contains the value for the numbers given.

    The relative radius is at most 2^-100, unless a ball among the arguments is wider or the value is zero.
    """
    try:
        import flint
    except ImportError as error:
        raise ImportError(
            "certify=True needs python-flint, which is not installed: pip install python-flint"
        ) from error
    _require_numbers(model, n_shots, setting, task)
    before, bits = flint.ctx.prec, FIRST_BITS
    try:
        while True:
            flint.ctx.prec = bits
            noise = _balls(setting.noise_variance)  # one ball makes balls of all numbers
            try:
                found = risk_of(model, n_shots, setting.replace(noise_variance=noise), task)
            except ZeroDivisionError:  # a matrix that is singular at this precision, not at a higher one
                found = flint.arb("nan")
            values = found.flat if isinstance(found, np.ndarray) else (found,)
            if bits >= LAST_BITS and any(hasattr(x, "is_nan") and x.is_nan() for x in values):
                raise ValueError(
                    f"certify = True is not allowed here: {LAST_BITS} bits do not tell whether a matrix is singular or whether a "
                    "direction is flat; Fractions do"
                )
            if all(map(_narrow, values)) or bits >= LAST_BITS:
                return _each(flint.arb, found)
            bits *= 2
    finally:
        flint.ctx.prec = before


def _narrow(value: Any) -> bool:
    """Whether a ball is as narrow as promised; the infinite risk of `mixed` off the target is exact."""
    if isinstance(value, float | int | Fraction):
        return True
    return bool(value.rad() == 0 or value.rad() <= abs(value.mid()) * RELATIVE_RADIUS)


def _balls(value: Number) -> Any:
    """A number, or each of an array, as a ball of the present precision."""
    import flint

    def ball(x: Any) -> Any:
        return flint.arb(int(x.numerator)) / int(x.denominator) if is_exact(x) else flint.arb(x)

    return _each(ball, value)


def _each(function: Any, value: Any) -> Any:
    """A function of a number, or of each entry of an array, as an object array."""
    if not isinstance(value, np.ndarray):
        return function(value)
    out = np.empty(value.shape, dtype=object)
    for index, item in np.ndenumerate(value.astype(object)):  # Python's numbers, which flint knows
        out[index] = function(item)
    return out


def _require_numbers(model: Any, n_shots: Number, setting: Setting, task: Any) -> None:
    """Numbers with an exact value, or balls: no symbols, and no mpmath numbers, whose roundings nobody encloses."""
    given = {"n_shots": n_shots, **setting._asdict()}
    if not isinstance(task, str):
        given["task"] = task
    if isinstance(model, AttentionParameters):
        parts = model.isotropic or (*model.entries(), model.prompt, model.skip)
        given["model"] = [x for part in parts if part is not None for x in np.asarray(part, dtype=object).flat]
    for name, value in given.items():
        for item in value if isinstance(value, list | tuple) else np.asarray(value, dtype=object).flat:
            if is_symbolic(item) or isinstance(item, module_type("mpmath", "mpf")):
                raise validation.reject(
                    name, value, "a number with an exact value, or a flint ball, beside certify=True"
                )
