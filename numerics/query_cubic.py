"""The query's attention to itself: the cubic (nu . x)(x'Kx) of x = (1, g), g standard normal, and its derivatives.

nu is v without its label entry, K the symmetric part of the constant and x block of Q, in whitened
coordinates. The Hermite coefficients of degree 0 and 1 are e = tr(K) nu + 2 K nu - 2 nu_0 K_00 e_0; those of
degree 2 and 3 have the squared norm c = 2 |P|^2 + 2 |S|^2 |v_x|^2 + 4 |S v_x|^2 with S = K_xx, P = v_0 S +
v_x s' + s v_x' and s = K_x0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def query_pair(v: Array, Q: Array) -> tuple[Array, Array]:
    """(nu, K) of (v, Q)."""
    block = Q[..., :-1, :-1]
    return v[..., :-1], (block + transpose(block)) / 2


def low_degrees(nu: Array, K: Array) -> Array:
    """e(nu, K): bilinear, and self-adjoint in nu; the Hermite coefficients of degree 0 and 1."""
    e = K.trace(axis1=-2, axis2=-1)[..., None] * nu + 2 * (K @ nu[..., None])[..., 0]
    e[..., 0] -= 2 * nu[..., 0] * K[..., 0, 0]
    return np.asarray(e)


def low_degrees_adjoint(nu: Array, y: Array) -> Array:
    """The gradient of <y, e(nu, K)> in the (unsymmetrised) block of Q."""
    outer = nu[..., :, None] * y[..., None, :]
    trace = (nu * y).sum(axis=-1)
    total = outer + transpose(outer)
    diagonal = np.arange(total.shape[-1])
    total[..., diagonal, diagonal] += trace[..., None]
    total[..., 0, 0] -= 2 * nu[..., 0] * y[..., 0]
    return total


def quadratic_part(nu: Array, K: Array) -> Array:
    """P = v_0 S + v_x s' + s v_x': bilinear."""
    outer = nu[..., 1:, None] * K[..., None, 0, 1:]
    return np.asarray(nu[..., :1, None] * K[..., 1:, 1:] + outer + transpose(outer))


def high_degrees(nu: Array, K: Array) -> Any:
    """c(nu, K): what the Hermite coefficients of degree 2 and 3 add to the risk."""
    P, S, x = quadratic_part(nu, K), K[..., 1:, 1:], nu[..., 1:]
    Sx = (S @ x[..., None])[..., 0]
    return 2 * inner(P, P) + 2 * inner(S, S) * (x * x).sum(axis=-1) + 4 * (Sx * Sx).sum(axis=-1)


def quadratic_adjoints(nu: Array, K: Array, P: Array) -> tuple[Array, Array]:
    """The gradients of <P, P(nu, K)> for symmetric P, in nu and in the block of Q."""
    scalar = (P * K[..., 1:, 1:]).sum(axis=(-2, -1))[..., None]
    along_nu = np.concatenate((scalar, 2 * (P @ K[..., 1:, 0, None])[..., 0]), axis=-1)
    border = (P @ nu[..., 1:, None])[..., 0]
    along_K = np.zeros((*border.shape[:-1], K.shape[-1], K.shape[-1]), dtype=P.dtype)
    along_K[..., 1:, 1:] = nu[..., :1, None] * P
    along_K[..., 0, 1:] = along_K[..., 1:, 0] = border
    return along_nu, along_K


def high_degrees_gradient(nu: Array, K: Array) -> tuple[Array, Array]:
    """The gradient of c in nu and in the block of Q."""
    S, x = K[..., 1:, 1:], nu[..., 1:]
    along_nu, along_K = quadratic_adjoints(nu, K, 4 * quadratic_part(nu, K))
    Sx = (S @ x[..., None])[..., 0]
    outer = Sx[..., :, None] * x[..., None, :]
    along_nu[..., 1:] += 4 * inner(S, S)[..., None] * x + 8 * (S @ Sx[..., None])[..., 0]
    along_K[..., 1:, 1:] += 4 * (x * x).sum(axis=-1)[..., None, None] * S + 4 * (outer + transpose(outer))
    return along_nu, along_K


def high_degrees_along_nu(nu: Array, K: Array, dnu: Array) -> tuple[Array, Array]:
    """The derivative of that gradient where nu moves along the rows of dnu."""
    S, x, dx = K[1:, 1:], nu[1:], dnu[:, 1:]
    P, dP = 4 * quadratic_part(nu, K), 4 * quadratic_part(dnu, K)
    along_nu, along_K = quadratic_adjoints(nu, K, dP)
    along_K = along_K + quadratic_adjoints(dnu, K, P)[1]
    Sx, dSx = S @ x, dx @ S
    outer = dSx[:, :, None] * x + Sx[:, None] * dx[:, None, :]
    along_nu[:, 1:] += 4 * np.sum(S**2) * dx + 8 * dSx @ S
    along_K[:, 1:, 1:] += 8 * (dx @ x)[:, None, None] * S + 4 * (outer + transpose(outer))
    return along_nu, along_K


def high_degrees_along_K(nu: Array, K: Array, dK: Array) -> tuple[Array, Array]:
    """The derivative of that gradient where K moves along the matrices dK."""
    S, dS, x = K[1:, 1:], dK[:, 1:, 1:], nu[1:]
    P, dP = 4 * quadratic_part(nu, K), 4 * quadratic_part(nu, dK)
    along_nu, along_K = quadratic_adjoints(nu, K, dP)
    along_nu = along_nu + quadratic_adjoints(nu, dK, P)[0]
    Sx, dSx = S @ x, dS @ x
    outer = dSx[:, :, None] * x
    along_nu[:, 1:] += 8 * np.sum(S * dS, axis=(-2, -1))[:, None] * x + 8 * (dS @ Sx + dSx @ S)
    along_K[:, 1:, 1:] += 4 * np.sum(x**2) * dS + 4 * (outer + transpose(outer))
    return along_nu, along_K


def transpose(X: Array) -> Array:
    """Of the last two axes."""
    return np.swapaxes(X, -1, -2)


def inner(X: Array, Y: Array) -> Any:
    """<X, Y> over the last two axes."""
    return (X * Y).sum(axis=(-2, -1))
