r"""The least of one convex quadratic where another has a bound: a curve of minimisers, and one root along it.

With U and Z as in :class:`theory.predictions.Form`, the minimisers of :math:`(1-\tau) U + \tau Z` are one curve from the
minimiser of U to the best of the minimisers of Z; Z falls along it, and U rises (convexity). In coordinates in which
:math:`H_U + H_Z = I` both are diagonal, and the curve is elementary.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from theory.predictions import Form

Array = NDArray[np.float64]

# Coordinates are scaled to a unit diagonal, so that rounding is some 1e-15 and what no risk sees far below this.
_NOTHING = 1e-12
_HALVINGS = 60  # of log(1 - tau) from _FIRST on: to the last digit
_FIRST = 1e-20  # whose square times anything is below _NOTHING


class Constrained(NamedTuple):
    """The least of U where Z <= bound, for each of a stack of problems.

    Attributes
    ----------
    x : (..., k) array
        Where it is; NaN where Z has no such place.
    multiplier : (...) array
        mu in U + mu Z, which is least there: 0 where the bound does not bind, infinity where it is Z's minimum.
    """

    x: Array
    multiplier: Array


def constrained(U: Form, Z: Form, bound: float) -> Constrained:
    """The least of U where Z <= bound; slopes (..., k) and matrices (..., k, k) may be stacked.

    Examples
    --------
    The point of the disc around (1, 0) of radius 1/2 that is next to the origin:

    >>> one = np.eye(2)
    >>> found = constrained(Form(0.0, np.zeros(2), one), Form(1.0, np.array([1.0, 0.0]), one), 0.25)
    >>> found.x.round(12).tolist(), round(float(found.multiplier), 12)
    ([0.5, 0.0], 1.0)
    """
    both = U.matrix + Z.matrix
    stretch = np.sqrt(np.diagonal(both, axis1=-2, axis2=-1))
    stretch = np.where(stretch > 0, stretch, 1.0)
    values, modes = np.linalg.eigh(both / (stretch[..., :, None] * stretch[..., None, :]))
    live = values > _NOTHING * np.maximum(values[..., -1:], 1.0)
    length = np.where(live, 1 / np.sqrt(np.where(live, values, 1.0)), 0.0)
    frame = modes * length[..., None, :] / stretch[..., :, None]
    share, turn = np.linalg.eigh(frame.mT @ Z.matrix @ frame)  # Z's part of each coordinate's curvature
    frame = frame @ turn
    between = (share >= _NOTHING) & (share <= 1 - _NOTHING)
    seen = share >= _NOTHING
    # A square's slope has no part along what it does not see.
    u = np.where(between | ~seen, (frame.mT @ U.slope[..., None])[..., 0], 0.0)
    z = np.where(seen, (frame.mT @ Z.slope[..., None])[..., 0], 0.0)
    slack = bound - (Z.constant - np.sum(z**2 / np.where(seen, share, 1.0), axis=-1))
    rounding = _NOTHING * max(float(Z.constant), 1.0)
    part = np.where(between, share, 0.5)
    away = np.where(between, (part * u - (1 - part) * z) ** 2 / part, 0.0)

    def above(rest: Array) -> Array:  # Z less its minimum at 1 - tau = rest
        kept = rest[..., None]
        return np.asarray(np.sum(kept**2 * away / (kept * (1 - part) + (1 - kept) * part) ** 2, axis=-1))

    low, high = np.full(slack.shape, np.log(_FIRST)), np.zeros(slack.shape)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        below = above(np.exp(middle)) <= slack
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    rest = np.where(slack <= rounding, 0.0, np.where(above(np.ones(slack.shape)) <= slack, 1.0, np.exp(low)))
    rest = np.where(slack < -rounding, np.nan, rest)
    kept = rest[..., None]
    y = np.where(between, (kept * u + (1 - kept) * z) / (kept * (1 - part) + (1 - kept) * part), u + z + 0 * kept)
    with np.errstate(divide="ignore"):
        multiplier = (1 - rest) / rest
    return Constrained((frame @ y[..., None])[..., 0], multiplier)
