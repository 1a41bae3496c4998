r"""The general case: any (v, Q), any input covariance, any task or elliptical prior over tasks.

Here :math:`v = (v_0, v_x, w)`; the used rows of Q hold :math:`q = Q_{00}`, :math:`r = (r_x, r_y)` in row 0,
:math:`p = Q_{x0}`, :math:`B = Q_{xx}` (not symmetric), :math:`b = Q_{xy}`; :math:`S = (B + B^\top)/2`,
:math:`t_1 = \mathrm{tr}(S\Sigma)`, :math:`t_2 = \mathrm{tr}(S\Sigma S\Sigma)`;
:math:`|a|^2` of a vector is :math:`a^\top\Sigma a`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .arithmetic import Number, module_type
from .linear_algebra import Array, identity_like, inner, trace_of_product
from .risk_formula import RiskTerms, Square


class Blocks(NamedTuple):
    """The live entries of v and Q."""

    v_0: Number
    v_x: Array
    w: Number
    q: Number
    r_x: Array
    r_y: Number
    p: Array
    B: Array
    b: Array

    @classmethod
    def of(cls, v: Array, Q: Array) -> Blocks:
        """The blocks of a dense (v, Q); row d + 1 of Q meets the query's empty label slot and is dead."""
        return cls(v[0], v[1:-1], v[-1], Q[0, 0], Q[0, 1:-1], Q[0, -1], Q[1:-1, 0], Q[1:-1, 1:-1], Q[1:-1, -1])

    @classmethod
    def odd(cls, v_x: Array, w: Number, q: Number, B: Array, b: Array) -> Blocks:
        """The blocks of an odd-symmetric model."""
        zero = v_x * 0
        return cls(0, v_x, w, q, zero, 0, zero, B, b)

    def scaled(self, k: Number) -> Blocks:
        """The same prediction at another value scale: (v, Q) -> (k v, Q / k)."""
        return Blocks(*(k * x for x in self[:3]), *(x / k for x in self[3:]))

    def matrices(self) -> tuple[Array, Array]:
        """Dense (v, Q)."""
        d = len(self.v_x)
        parts = np.concatenate([self.v_x, self.b, self.B.ravel(), [self.w, self.q]])
        dtype = object if parts.dtype == object else float
        v, Q = np.zeros(d + 2, dtype=dtype), np.zeros((d + 2, d + 2), dtype=dtype)
        v[0], v[1:-1], v[-1] = self.v_0, self.v_x, self.w
        Q[0, 0], Q[0, 1:-1], Q[0, -1] = self.q, self.r_x, self.r_y
        Q[1:-1, 0], Q[1:-1, 1:-1], Q[1:-1, -1] = self.p, self.B, self.b
        return v, Q


def orthogonal_squares(vectors: tuple[Any, Any, Any], product: Any) -> tuple[Square, ...]:
    """Squares of n a + e - (1 - eta) t for vectors (a, e, t): Gram-Schmidt, so that nothing cancels for any n.

    From t, which is known to the last digit, to a, which may be nothing but rounding: a is never divided by. Balls are
    polarised instead: a ball around zero cannot tell whether two vectors are parallel.
    """
    squares: list[Square] = []
    rest = list(vectors)
    for k in (2, 1, 0):
        weight = product(rest[k], rest[k])
        if isinstance(weight, module_type("flint", "arb")):
            return polarised(vectors, product)
        coordinates: list[Number] = [0, 0, 0]
        coordinates[k] = 1
        for later in range(k):
            coordinates[later] = 0 if weight == 0 else product(rest[k], rest[later]) / weight
            rest[later] = rest[later] - coordinates[later] * rest[k]
        squares.append(Square(weight, *coordinates))
    return tuple(squares)


def polarised(vectors: tuple[Any, Any, Any], product: Any) -> tuple[Square, ...]:
    """The same quadratic form without division: sum of c_ij (X_i + X_j)^2 and c_i X_i^2, which cancels in floats."""
    gram = [[product(left, right) for right in vectors] for left in vectors]
    unit = [[int(i == j) for j in range(3)] for i in range(3)]
    squares = []
    for i in range(3):
        others = gram[i][(i + 1) % 3] + gram[i][(i + 2) % 3]
        squares.append(Square(gram[i][i] - others, *unit[i]))
    for i, j in ((0, 1), (0, 2), (1, 2)):
        squares.append(Square(gram[i][j], *(x + y for x, y in zip(unit[i], unit[j], strict=True))))
    return tuple(squares)


class _Shared(NamedTuple):
    """Contractions that do not involve the task."""

    query_linear: Array  # z: the query's own token leaves the bias e = eta theta - z, linear in x_q
    query_constant: Number  # and the constant e_0
    fixed: Number  # W: the quadratic and cubic Hermite parts of the query's own token
    spread: Number  # tr(B Sigma B' Sigma)
    b_sigma: Array  # B Sigma
    side: Array  # B Sigma v_x


class _Images:
    """A matrix X of theta, by its images Sigma X and X P: Gram-Schmidt then multiplies no two matrices."""

    __array_ufunc__ = None  # NumPy scalars leave a product with this to __rmul__

    def __init__(self, sigma_x: Array, x_p: Array) -> None:
        self.sigma_x, self.x_p = sigma_x, x_p

    def __sub__(self, other: _Images) -> _Images:
        return _Images(self.sigma_x - other.sigma_x, self.x_p - other.x_p)

    def __rmul__(self, factor: Number) -> _Images:
        return _Images(factor * self.sigma_x, factor * self.x_p)


def _images_inner(x: _Images, y: _Images) -> Number:
    """E (X theta)' Sigma (Y theta) = tr(X' Sigma Y P)."""
    return np.sum(x.sigma_x * y.x_p)


def _shared(m: Blocks, sigma: Array, b_sigma: Array | None) -> _Shared:
    if b_sigma is None:
        b_sigma = m.B @ sigma
    symmetric = np.array_equal(m.B, m.B.T)
    sigma_b = b_sigma.T if symmetric else sigma @ m.B
    spread = np.sum(b_sigma * sigma_b)
    t_1 = np.trace(b_sigma)
    t_2 = (trace_of_product(b_sigma, b_sigma) + spread) / 2
    sv, sr = sigma @ m.v_x, sigma @ (m.p + m.r_x)
    side = b_sigma @ m.v_x
    s_sv = side if symmetric else (side + m.B.T @ sv) / 2  # S Sigma v_x
    linear = m.v_0 * (m.p + m.r_x) + (m.q + t_1) * m.v_x + 2 * s_sv
    # K = v_0 S + sym(v_x (p + r_x)')
    across = sv @ (m.p + m.r_x)
    trace_k = m.v_0 * t_1 + across
    trace_k2 = m.v_0**2 * t_2 + 2 * m.v_0 * (s_sv @ sr) + (across * across + (sv @ m.v_x) * (sr @ (m.p + m.r_x))) / 2
    fixed = 2 * trace_k2 + 2 * t_2 * (sv @ m.v_x) + 4 * inner(s_sv, sigma, s_sv)
    return _Shared(linear, -m.v_0 * m.q - trace_k, fixed, spread, b_sigma, side)


def terms_on_task(
    m: Blocks, sigma: Array, noise_variance: Number, theta: Array, b_sigma: Array | None = None
) -> RiskTerms:
    """The risk's contractions on one task, O(d^3); ``b_sigma`` is B Sigma, if it is known already."""
    shared = _shared(m, sigma, b_sigma)
    st = sigma @ theta
    signal = theta @ st

    def norm2(x: Array, y: Number) -> Number:
        """The variance of x.x_i + y y_i for a shot (x_i, y_i)."""
        along = x + y * theta
        return inner(along, sigma, along) + y * y * noise_variance

    b_st = shared.b_sigma @ theta
    h_x = sigma @ m.v_x + m.w * st
    h_y = theta @ h_x + m.w * noise_variance
    rh = shared.side + m.w * b_st + m.b * h_y  # what one shot contributes in the mean, linear in x_q
    r_h = m.r_x @ h_x + m.r_y * h_y  # and its constant
    squares = orthogonal_squares(
        (theta - m.v_0 * m.p - rh, theta - shared.query_linear, theta), lambda x, y: inner(x, sigma, y)
    )
    constant = Square(1, -m.v_0 * m.q - r_h, shared.query_constant, 0)

    value_variance = norm2(m.v_x, m.w)
    key_variance = (
        norm2(m.r_x, m.r_y)
        + shared.spread
        + 2 * inner(m.b, sigma, b_st)
        + inner(m.b, sigma, m.b) * (signal + noise_variance)
    )
    both = _constant_parts(m, sigma, shared, signal + noise_variance, norm2)
    both = both + 2 * inner(m.v_0 * m.b + m.w * m.p, sigma, m.v_0 * b_st + m.p * (m.v_x @ st))
    per_shot = value_variance * key_variance + r_h * r_h + inner(rh, sigma, rh) + both
    return RiskTerms(noise_variance, (*squares, constant), per_shot, shared.fixed)


def _constant_parts(m: Blocks, sigma: Array, shared: _Shared, label_power: Number, norm2: Any) -> Number:
    """The variance that v_0 and u_0 bring in: E |v_0 u + u_0 v|^2, but for its part linear in the task."""
    y = m.v_0 * m.b + m.w * m.p
    return (
        norm2(m.v_0 * m.r_x + m.q * m.v_x, m.v_0 * m.r_y + m.q * m.w)
        + m.v_0**2 * shared.spread
        + 2 * m.v_0 * inner(m.p, sigma, shared.side)
        + inner(m.p, sigma, m.p) * inner(m.v_x, sigma, m.v_x)
        + inner(y, sigma, y) * label_power
    )


def average_terms(
    m: Blocks,
    sigma: Array,
    noise_variance: Number,
    task_covariance: Array | Number,
    fourth_moment: Number,
    b_sigma: Array | None = None,
) -> RiskTerms:
    r"""The risk's contractions averaged over tasks with mean 0 and :math:`E\theta\theta^\top = P`.

    ``fourth_moment`` is :math:`\kappa` in
    :math:`E(\theta^\top X\theta)^2 = \kappa\,[(\mathrm{tr} XP)^2 + 2\,\mathrm{tr} XPXP]`:
    1 for Gaussian tasks, d/(d+2) on the unit sphere. Each quantity is constant + linear in theta + a multiple of the
    signal power s = theta' Sigma theta; the three parts are uncorrelated. ``task_covariance`` may be
    the number 1/d, for I/d.
    """
    shared = _shared(m, sigma, b_sigma)
    one = identity_like(m.B)

    def times_p(x: Array) -> Array:
        return x @ task_covariance if hasattr(task_covariance, "T") else x * task_covariance

    sigma_p = times_p(sigma)
    power = np.trace(sigma_p)  # E s
    power2 = 2 * trace_of_product(sigma_p, sigma_p)
    variance = fourth_moment * (power * power + power2) - power * power  # Var s
    if variance == 0 or (fourth_moment != 1 and len(sigma) == 1):
        variance = 0 * power  # d = 1 on the sphere: s is constant

    def task_inner(x: Array, y: Array) -> Number:
        return times_p(x) @ y

    def norm2(x: Array, y: Number) -> Number:
        """The average variance of x.x_i + y y_i for a shot."""
        return inner(x, sigma, x) + y * y * (power + noise_variance)

    sv = sigma @ m.v_x
    rh_linear = m.w * shared.b_sigma + np.multiply.outer(m.b, sv)
    rh_images = _Images(sigma @ rh_linear, times_p(rh_linear))
    truth_images = _Images(sigma, times_p(one))
    rh = shared.side + m.b * (m.w * (noise_variance + power))
    r_h_linear = m.w * (sigma @ m.r_x) + m.r_y * sv
    r_h = m.r_x @ sv + m.r_y * m.w * (noise_variance + power)
    b_norm2 = inner(m.b, sigma, m.b)
    squares = (
        *orthogonal_squares((truth_images - rh_images, truth_images, truth_images), _images_inner),
        *orthogonal_squares((m.v_0 * m.p + rh, shared.query_linear, 0 * sv), lambda x, y: inner(x, sigma, y)),
        Square(variance * (m.w * m.w) * (b_norm2 + m.r_y**2), 1, 0, 0),
        Square(1, -m.v_0 * m.q - r_h, shared.query_constant, 0),
        Square(task_inner(r_h_linear, r_h_linear), 1, 0, 0),
    )
    key_linear = m.r_y * (sigma @ m.r_x) + sigma @ (m.B.T @ (sigma @ m.b))
    key_variance = norm2(m.r_x, m.r_y) + shared.spread + b_norm2 * (power + noise_variance)
    both = _constant_parts(m, sigma, shared, power + noise_variance, norm2)
    per_shot = (
        norm2(m.v_x, m.w) * key_variance
        + 4 * m.w * task_inner(sv, key_linear)
        + variance * (m.w * m.w) * (2 * (m.r_y**2 + b_norm2))
        + r_h * r_h
        + task_inner(r_h_linear, r_h_linear)
        + inner(rh, sigma, rh)
        + _images_inner(rh_images, rh_images)
        + both
    )
    return RiskTerms(noise_variance, squares, per_shot, shared.fixed)
