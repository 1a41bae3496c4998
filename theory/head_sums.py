r"""Fewer heads of the same :math:`\sum_h v_h \otimes Q_h`, so that heads that cancel have cancelled before anything is squared.

The prediction depends on the heads through that sum alone, while the risk is a sum over pairs of heads, in which heads that
cancel would leave nothing but their rounding. Here they cancel first, once, in twice the digits of a float: Gaussian
elimination of the v with complete pivoting, :math:`v_h = \sum_i m_{ih} u_i` with no multiple above 1, and
:math:`\sum_h v_h \otimes Q_h = \sum_i u_i \otimes \sum_h m_{ih} Q_h`. As the given numbers are exact, what is left of heads that
are a billion times larger than their sum still has all its digits. (The sums of Q are made so only where they cancel.)

Sources: T. J. Dekker, Numer. Math. 18 (1971), pairs of floats; Ozaki, Ogita, Oishi, Rump, Numer. Algorithms 59 (2012), products of
matrices in slices that are multiplied without rounding.
"""

from __future__ import annotations

import math

import numpy as np

from .kinds import Array

_SPLIT = 2.0**27 + 1
_DIGITS = 53
_CANCELLED = 0.03  # a sum of Q this far below its terms is worth its digits
_NEGLIGIBLE = 2.0**-95  # of the largest v: some rounding of pairs of floats, squared


def independent(v: Array, Q: Array) -> list[tuple[Array, Array]]:
    r"""Heads of the same :math:`\sum_h v_h \otimes Q_h`, at most d + 2, whose v are as different as can be; in floats.

    ``v`` is (H, d+2), ``Q`` (H, d+2, d+2).

    Heads of one v, or of two opposite ones, become one without any rounding of v.
    """
    large, small = v.copy(), np.zeros_like(v)
    least = _NEGLIGIBLE * np.abs(v).max()
    kept: list[Array] = []
    multiples: list[tuple[Array, Array]] = []
    while np.abs(large).max() > least:
        h, j = np.unravel_index(int(np.abs(large).argmax()), large.shape)
        pivot = large[h].copy(), small[h].copy()
        first = large[:, j] / pivot[0][j]
        rest = _less_multiple(large, small, first, *pivot)
        second = rest[0][:, j] / pivot[0][j]
        large, small = _less_multiple(*rest, second, *pivot)
        large[h], small[h], large[:, j], small[:, j] = 0, 0, 0, 0
        kept.append(pivot[0])
        multiples.append((first, second))
    if not kept:
        return [(v[0], Q[0])]
    first, second = map(np.array, zip(*multiples, strict=True))
    flat = Q.reshape(len(Q), -1)
    sums = (first @ flat).reshape(-1, *Q.shape[1:])
    if np.any(_sizes(sums) < _CANCELLED * (np.abs(first) @ _sizes(Q))):
        sums = _product(first, second, flat).reshape(sums.shape)
    return list(zip(kept, sums, strict=True))


def _sizes(keys: Array) -> Array:
    """The lengths of the blocks between constant, inputs and label of each Q, but for its last row, which no query meets."""
    cuts = (slice(0, 1), slice(1, -1), slice(-1, None))
    blocks = [keys[:, rows, columns] for rows in cuts[:2] for columns in cuts]
    squares = np.array([np.einsum("hij,hij->h", block, block) for block in blocks])
    return np.asarray(np.sqrt(squares.T))


def _less_multiple(large: Array, small: Array, multiples: Array, v: Array, v_small: Array) -> tuple[Array, Array]:
    """a_h - m_h v in pairs of floats, each the sum of the two."""
    m = multiples[:, None]
    product = m * v
    (m1, m2), (v1, v2) = _halves(m), _halves(v)
    error = ((m1 * v1 - product) + m1 * v2 + m2 * v1) + m2 * v2  # of the product: exactly
    total = large - product
    back = total - large
    lost = (large - (total - back)) - (product + back)  # of the difference: exactly
    rest = lost + ((small - error) - m * v_small)
    high = total + rest
    return high, rest - (high - total)


def _halves(x: Array) -> tuple[Array, Array]:
    """Two floats of 26 digits whose sum is x."""
    moved = _SPLIT * x
    high = moved - (moved - x)
    return high, x - high


def _product(multiples: Array, more: Array, keys: Array) -> Array:
    """(multiples + more) @ keys, |multiples| <= 1, with an error of 2^-90 of the largest |keys| in a column."""
    digits = (_DIGITS - math.ceil(math.log2(max(2, len(keys))))) // 2  # a product's sums over heads need no rounding
    first, rest = _leading(multiples, np.ones((1, 1)), digits)
    second, third = _leading(rest, np.full((1, 1), 2.0**-digits), digits)
    third = third + more
    size = 2.0 ** np.ceil(np.log2(np.maximum(np.abs(keys).max(axis=0, keepdims=True), np.finfo(float).tiny)))
    one, rest = _leading(keys, size, digits)
    two, three = _leading(rest, size * 2.0**-digits, digits)
    out = first @ one
    out += first @ two + second @ one
    out += first @ three + second @ two + third @ one
    out += second @ three + third @ two
    return np.asarray(out)


def _leading(x: Array, size: Array, digits: int) -> tuple[Array, Array]:
    """The leading binary digits of numbers of at most this size, a power of two, and what is left."""
    shift = size * 2.0 ** (_DIGITS - digits)
    leading = (x + shift) - shift
    return leading, x - leading
