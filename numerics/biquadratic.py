"""A loss along coordinates of v and of Q, as a table of its coefficients.

Every population loss is of degree two in v and of degree two in Q. Where v is affine in a and Q in b it is therefore

    L = sum C_ijkl x_i x_j z_k z_l,      x = (1, a), z = (1, b),

with C symmetric in i, j and in k, l. What :mod:`numerics.population_loss` forms in some sixty products of small matrices is
one product with this table, which a flow of few coordinates visits a thousand times. Its rounding is that of the largest
coefficient, in every direction; the other's is one of the errors that are squared, and leaves flat directions flat.

Source: R0 of the theory; C is found by polarization, from as many gradients as there are products x_i x_j and entries of z.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

_MOST_ENTRIES = 300**2  # of a table, up to which it is soon filled


def is_small(values: int, key_queries: int) -> bool:
    """Whether the table of that many coordinates is worth its while."""
    return ((1 + values) * (1 + key_queries)) ** 2 <= _MOST_ENTRIES


class Biquadratic:
    """A function of degree two in some coordinates and of degree two in the others, up to a constant.

    Parameters
    ----------
    gradient : callable
        Its gradient at k places at once: (k, m + n) -> (k, m + n).
    first, second : index arrays (m,), (n,)
        Which coordinates are a, and which are b.
    """

    def __init__(self, gradient: Callable[[Array], Array], first: Indices, second: Indices) -> None:
        self._first, self._second = first, second
        self._place = np.argsort(np.concatenate((first, second)))
        m, n = len(first), len(second)
        pairs, unit = list(itertools.combinations(range(m), 2)), np.eye(m)
        a = np.concatenate((np.zeros((1, m)), unit, -unit, *(unit[None, i] + unit[k] for i, k in pairs)))
        b = np.concatenate((np.zeros((1, n)), np.eye(n)))
        slopes = gradient(
            np.concatenate((np.repeat(a, n + 1, axis=0), np.tile(b, (len(a), 1))), axis=1)[:, self._place]
        )
        slopes = slopes.reshape(len(a), n + 1, m + n)
        along_a, along_b = slopes[: m + 1, 0, first], slopes[..., second]
        rest, forth, back = along_b[0], along_b[1 : m + 1], along_b[m + 1 : 2 * m + 1]
        products = np.empty((m + 1, m + 1, n + 1, n))  # dL/db is the sum of x_i x_j times these, affine in b
        products[0, 0] = rest
        products[0, 1:] = products[1:, 0] = (forth - back) / 4
        diagonal = np.arange(1, m + 1)
        products[diagonal, diagonal] = (forth + back) / 2 - rest
        for (i, k), both in zip(pairs, along_b[2 * m + 1 :], strict=True):
            products[1 + i, 1 + k] = products[1 + k, 1 + i] = (both - forth[i] - forth[k] + rest) / 2
        table = np.zeros((m + 1, m + 1, n + 1, n + 1))
        table[:, :, 0, 1:] = table[:, :, 1:, 0] = products[:, :, 0] / 2
        table[:, :, 1:, 1:] = _symmetric(products[:, :, 1:] - products[:, :, :1]) / 2
        table[0, 1:, 0, 0] = table[1:, 0, 0, 0] = along_a[0] / 2
        table[1:, 1:, 0, 0] = _symmetric(along_a[1:] - along_a[0]) / 2
        self._squares = table.reshape((m + 1) ** 2, (n + 1) ** 2)  # by x x' and z z'
        self._products = table.swapaxes(1, 2).reshape((m + 1) * (n + 1), -1).copy()  # by x z and x z

    def gradient(self, y: Array) -> Array:
        """At places (..., m + n)."""
        x, z, products = self._at(y)
        along_a, along_b = (products @ z[..., None])[..., 1:, 0], (x[..., None, :] @ products)[..., 0, 1:]
        return 2 * np.concatenate((along_a, along_b), axis=-1)[..., self._place]

    def hessian(self, y: Array) -> Array:
        """At one place (m + n,)."""
        x, z, products = self._at(y)
        along_a = (self._squares @ np.outer(z, z).ravel()).reshape(len(x), len(x))[1:, 1:]
        along_b = (np.outer(x, x).ravel() @ self._squares).reshape(len(z), len(z))[1:, 1:]
        mixed = 2 * products[1:, 1:]
        return 2 * np.block([[along_a, mixed], [mixed.T, along_b]])[np.ix_(self._place, self._place)]

    def _at(self, y: Array) -> tuple[Array, Array, Array]:
        """x, z, and the sum of C_ijkl x_j z_l for all i, k."""
        one = np.ones((*y.shape[:-1], 1))
        x, z = (np.concatenate((one, y[..., part]), axis=-1) for part in (self._first, self._second))
        both = (x[..., :, None] * z[..., None, :]).reshape(*y.shape[:-1], -1)
        return x, z, (both @ self._products).reshape(*y.shape[:-1], x.shape[-1], z.shape[-1])


def _symmetric(X: Any) -> Array:
    return np.asarray((X + np.swapaxes(X, -1, -2)) / 2)
