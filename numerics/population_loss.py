"""The population loss as a polynomial in (v, Q): its exact gradient and its Hessian as an operator.

The risk is quadratic in v at fixed Q, quadratic in Q at fixed v, and so are weighted sums and prior averages
of risks. Every derivative below is therefore a finite expression, exact up to rounding; the order of the work
is d^3.

Notation, for one term (n shots, task theta). Inputs are whitened by x = L g with L L' = Sigma, which turns
(v, Q, theta) into (T v, T Q T', L' theta) with T = diag(1, L', 1), so that Sigma = I from here on. With N the
normalization, A = n / N, F = n / N^2 and E = 1 / N (A = 1, F = E = 0 in the limit of many shots; E = 0 for a masked query), R = the d + 1 live rows of
Q, M = E zz' the second moment of a shot's token, zeta = M v, and <.> the average over tasks,

    L - sigma2 = < |t - A R zeta - E e|^2 > + F tr(R Lambda R') + E^2 c,              t = (0, theta),
    Lambda     = < (v'Mv) M + zeta zeta' > - 2 v_0^2 e_0 e_0'      (covariance of one shot's (v.z) z),

a sum of squares: bias, sampling noise of the shots, and the query's attention to itself, whose e and c are
those of :mod:`numerics.query_cubic`.

M and zeta depend on the task through the features phi = (1, theta, |theta|^2) only, and linearly: M = M(phi)
and zeta = Z(v) phi. So one Gram matrix <phi phi'> holds all that a task, or a prior over tasks, contributes.

Source: R0 of the theory (the exact risk), differentiated here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from theory.prompt import tokens
from theory.validation import reject

from .query_cubic import (
    high_degrees,
    high_degrees_along_K,
    high_degrees_along_nu,
    high_degrees_gradient,
    inner,
    low_degrees,
    low_degrees_adjoint,
    query_pair,
    transpose,
)

Array = NDArray[Any]  # float64; complex128 passes through, for derivatives by complex steps, and Fractions


class TaskFeatures(NamedTuple):
    """Second moments of phi = (1, theta, |theta|^2), in whitened coordinates.

    Attributes
    ----------
    gram : (d+2, d+2) array
        <phi phi'>.
    """

    gram: Array

    @classmethod
    def of_task(cls, theta: Array, root: Array) -> TaskFeatures:
        """One task theta, with root the Cholesky factor L of the covariance."""
        whitened = theta @ root
        phi = np.concatenate(([1], whitened, [whitened @ whitened]))
        return cls(np.outer(phi, phi))

    @classmethod
    def of_prior(cls, task_covariance: Array | None, root: Array) -> TaskFeatures:
        """Random tasks: N(0, Psi), or uniform on the unit sphere where Psi is None.

        Both laws are symmetric, and have <(theta'X theta)^2> = k (tr(X Psi)^2 + 2 tr(X Psi X Psi)) with k = 1
        and Psi = I / d with k = d / (d + 2), respectively.
        """
        d = len(root)
        uniform = task_covariance is None
        second = root.T @ root / d if task_covariance is None else root.T @ task_covariance @ root
        gram = np.zeros((d + 2, d + 2), dtype=root.dtype)
        gram[0, 0] = 1
        gram[0, -1] = gram[-1, 0] = np.trace(second)
        gram[1:-1, 1:-1] = second
        fourth = np.trace(second) ** 2 + 2 * np.sum(second**2)
        gram[-1, -1] = fourth * d / (d + 2) if uniform else fourth
        return cls(gram)


class LossTerm(NamedTuple):
    """weight * risk at a number of shots on a task, with the factors A, F and E of the module's formula."""

    weight: float
    shot_factor: float
    spread_factor: float
    token_factor: float  # 1 / N
    self_factor: float  # E: the same, or 0 for a masked query
    tasks: TaskFeatures


def shot_factors(
    n_shots: float,
    normalization: str | float,
    number: Callable[[float], Any] = float,
    prompt_tokens: int = 0,
) -> tuple[Any, Any, Any]:
    """(n / N, n / N^2, 1 / N); (1, 0, 0) for n infinite. `number` makes a float or a Fraction of a count."""
    if math.isinf(n_shots):
        if not isinstance(normalization, str):
            raise reject("n_shots", n_shots, "finite where normalization is a number: N does not grow with it")
        return number(1), number(0), number(0)
    N = number(tokens(n_shots, normalization, prompt_tokens))
    return number(n_shots) / N, number(n_shots) / N**2, 1 / N


class PopulationLoss:
    """A weighted sum of risks as a function of (v, Q).

    Parameters
    ----------
    terms : sequence of LossTerm
    root : (d, d) array
        Cholesky factor L of the covariance.
    noise_variance : float
        sigma2, in squared units of the label.
    """

    axes = 1  # of the v of one model

    def __init__(self, terms: tuple[LossTerm, ...], root: Array, noise_variance: float) -> None:
        self.terms = terms
        self.noise_variance = noise_variance
        self.d = len(root)
        self._change = np.eye(self.d + 2, dtype=root.dtype)  # T
        self._change[1:-1, 1:-1] = root.T
        self.is_float = root.dtype == np.float64
        self._targets = np.eye(self.d + 1, self.d + 2, dtype=root.dtype)  # t = (0, theta) in features
        self._targets[0, 0] = 0
        self._has_shots = any(term.shot_factor for term in terms)
        self._has_spread = any(term.spread_factor for term in terms)
        self._cubic_weight = sum(term.weight * term.self_factor**2 for term in terms)
        self._spread_gram: Any = sum(term.weight * term.spread_factor * term.tasks.gram for term in terms)

    def value(self, v: Array, Q: Array) -> Any:
        """The loss, noise floor included; leading axes of v and Q broadcast."""
        v, Q = self._whiten(v, Q)
        rows, pair, Z = Q[..., :-1, :], query_pair(v, Q), self._responses(v)
        answer, attention = rows @ Z, low_degrees(*pair)
        total: Any = 0.0
        for weight, many, spread, _, own, (gram,) in self.terms:
            error = self._error(answer, attention, many, own)
            rest = own**2 * high_degrees(*pair) + self.noise_variance
            if spread:
                rest = rest + spread * inner(transpose(rows) @ rows, self._shot_covariance(v, Z, gram))
            total = total + weight * (inner(error @ gram, error) + rest)
        return total

    def gradient(self, v: Array, Q: Array) -> tuple[Array, Array]:
        """(dL/dv, dL/dQ), shapes (..., d+2) and (..., d+2, d+2); the last row of dL/dQ is zero."""
        v, Q = self._whiten(v, Q)
        rows, (nu, K), Z = Q[..., :-1, :], query_pair(v, Q), self._responses(v)
        answer, attention = rows @ Z, low_degrees(nu, K)
        dv, dQ = np.zeros_like(v), np.zeros_like(Q)
        answer_error: Any = 0
        mean_error: Any = 0  # what is linear in the errors, or in the tasks, is done once for all terms
        for weight, many, _, _, own, (gram,) in self.terms:
            weighed = 2 * weight * self._error(answer, attention, many, own) @ gram
            answer_error = answer_error + many * weighed
            mean_error = mean_error + own * weighed[..., 0]
        if self._has_shots:
            dQ[..., :-1, :] -= answer_error @ transpose(Z)
            dv -= self._responses_adjoint(transpose(rows) @ answer_error)
        if self._cubic_weight:
            rest_nu, rest_K = high_degrees_gradient(nu, K)
            dv[..., :-1] += self._cubic_weight * rest_nu - low_degrees(mean_error, K)
            dQ[..., :-1, :-1] += self._cubic_weight * rest_K - low_degrees_adjoint(nu, mean_error)
        if self._has_spread:
            P, gram = transpose(rows) @ rows, self._spread_gram
            dQ[..., :-1, :] += 2 * rows @ self._shot_covariance(v, Z, gram)
            dv += 2 * self._covariance_adjoint(v, Z, P, gram)
        return dv @ self._change, self._change.T @ dQ @ self._change

    def hessian_product(self, v: Array, Q: Array, dv: Array, dQ: Array) -> tuple[Array, Array]:
        """The Hessian applied to k directions: dv of shape (k, d+2) and dQ of shape (k, d+2, d+2)."""
        v, Q = self._whiten(v, Q)
        dv, dQ = self._whiten(dv, dQ)
        along_v = self._along_v(v, Q, dv) if dv.any() else (0.0, 0.0)
        along_Q = self._along_Q(v, Q, dQ) if dQ.any() else (0.0, 0.0)
        out_v, out_Q = np.zeros_like(dv) + along_v[0] + along_Q[0], np.zeros_like(dQ)
        out_Q += along_v[1] + along_Q[1]
        return out_v @ self._change, self._change.T @ out_Q @ self._change

    # Directional derivatives of the whitened gradient: one of v and Q moves, the other rests.

    def _along_v(self, v: Array, Q: Array, dv: Array) -> tuple[Array, Array]:
        rows, (nu, K), dnu = Q[:-1], query_pair(v, Q), dv[:, :-1]
        out_v, out_Q = np.zeros_like(dv), np.zeros((len(dv), *Q.shape), dtype=dv.dtype)
        Z, dZ = self._responses(v), self._responses(dv)
        answer, attention = rows @ Z, low_degrees(nu, K)
        for weight, many, spread, _, own, (gram,) in self.terms:
            derror = -many * rows @ dZ
            derror[:, :, 0] -= own * low_degrees(dnu, K)
            weighed, dweighed = self._error(answer, attention, many, own) @ gram, derror @ gram
            if many:
                out_Q[:, :-1] -= 2 * weight * many * (dweighed @ Z.T + weighed @ transpose(dZ))
                out_v -= 2 * weight * many * self._responses_adjoint(rows.T @ dweighed)
            if own:
                rest_nu, rest_K = high_degrees_along_nu(nu, K, dnu)
                mean_error, dmean_error = weighed[:, 0], dweighed[:, :, 0]
                moved = low_degrees_adjoint(nu, dmean_error) + low_degrees_adjoint(dnu, mean_error)
                out_v[:, :-1] += weight * (own**2 * rest_nu - 2 * own * low_degrees(dmean_error, K))
                out_Q[:, :-1, :-1] += weight * (own**2 * rest_K - 2 * own * moved)
            if spread:
                P = rows.T @ rows
                cross = dZ @ gram @ Z.T
                dcovariance = self._second_moment(2 * (dv @ Z) @ gram) + cross + transpose(cross)
                dcovariance[:, 0, 0] -= 4 * v[0] * dv[:, 0]
                out_Q[:, :-1] += 2 * weight * spread * rows @ dcovariance
                out_v += 2 * weight * spread * self._covariance_adjoint(dv, dZ, P, gram)
        return out_v, out_Q

    def _along_Q(self, v: Array, Q: Array, dQ: Array) -> tuple[Array, Array]:
        rows, drows, (nu, K) = Q[:-1], dQ[:, :-1], query_pair(v, Q)
        dK = query_pair(v, dQ)[1]
        out_v, out_Q = np.zeros((len(dQ), len(v)), dtype=dQ.dtype), np.zeros_like(dQ)
        Z = self._responses(v)
        answer, attention = rows @ Z, low_degrees(nu, K)
        for weight, many, spread, _, own, (gram,) in self.terms:
            weighed = self._error(answer, attention, many, own) @ gram
            dself = -own * low_degrees(nu, dK)
            dmean_error = gram[0, 0] * dself
            if many:
                dweighed = -many * drows @ (Z @ gram) + dself[:, :, None] * gram[0]
                dmean_error = dweighed[:, :, 0]
                out_Q[:, :-1] -= 2 * weight * many * dweighed @ Z.T
                change = transpose(drows) @ weighed + rows.T @ dweighed
                out_v -= 2 * weight * many * self._responses_adjoint(change)
            if own:
                rest_nu, rest_K = high_degrees_along_K(nu, K, dK)
                moved = low_degrees(dmean_error, K) + low_degrees(weighed[:, 0], dK)
                out_v[:, :-1] += weight * (own**2 * rest_nu - 2 * own * moved)
                out_Q[:, :-1, :-1] += weight * (own**2 * rest_K - 2 * own * low_degrees_adjoint(nu, dmean_error))
            if spread:
                half = rows.T @ drows
                out_Q[:, :-1] += 2 * weight * spread * drows @ self._shot_covariance(v, Z, gram)
                dP = half + transpose(half)
                out_v += 2 * weight * spread * self._covariance_adjoint(v, Z, dP, gram)
        return out_v, out_Q

    def _error(self, answer: Array, attention: Array, many: float, own: float) -> Array:
        """t - A R zeta - E e in features, from R zeta and e."""
        error = self._targets - many * answer
        error[..., 0] -= own * attention
        return error

    # The shots: zeta = Z(v) phi, M(phi), Lambda, and their adjoints. Leading axes broadcast.

    def _responses(self, v: Array) -> Array:
        """Z(v): zeta = M(phi) v = Z(v) phi."""
        Z = np.zeros((*v.shape, v.shape[-1]), dtype=v.dtype)
        inputs = np.arange(1, self.d + 1)
        Z[..., 0, 0] = v[..., 0]
        Z[..., 1:-1, 0] = v[..., 1:-1]
        Z[..., inputs, inputs] = v[..., -1:]
        Z[..., -1, 0] = self.noise_variance * v[..., -1]
        Z[..., -1, 1:-1] = v[..., 1:-1]
        Z[..., -1, -1] = v[..., -1]
        return Z

    def _responses_adjoint(self, Y: Array) -> Array:
        """The gradient of <Y, Z(v)> in v."""
        trace = np.trace(Y[..., 1:-1, 1:-1], axis1=-2, axis2=-1)
        label = trace + self.noise_variance * Y[..., -1, 0] + Y[..., -1, -1]
        inputs = Y[..., 1:-1, 0] + Y[..., -1, 1:-1]
        return np.concatenate((Y[..., :1, 0], inputs, label[..., None]), axis=-1)

    def _second_moment(self, phi: Array) -> Array:
        """M(phi) = phi_0 E zz' at theta = 0, with the theta and |theta|^2 that phi holds."""
        M = np.zeros((*phi.shape, phi.shape[-1]), dtype=phi.dtype)
        diagonal = np.arange(self.d + 1)
        M[..., diagonal, diagonal] = phi[..., :1]
        M[..., -1, 1:-1] = M[..., 1:-1, -1] = phi[..., 1:-1]
        M[..., -1, -1] = self.noise_variance * phi[..., 0] + phi[..., -1]
        return M

    def _second_moment_adjoint(self, P: Array) -> Array:
        """The features' gradient of <P, M(phi)> for symmetric P."""
        trace = np.trace(P[..., :-1, :-1], axis1=-2, axis2=-1) + self.noise_variance * P[..., -1, -1]
        return np.concatenate((trace[..., None], 2 * P[..., -1, 1:-1], P[..., -1:, -1]), axis=-1)

    def _shot_covariance(self, v: Array, Z: Array, gram: Array) -> Array:
        """Lambda, using v'M(phi)v = phi . Z'v; linear in the tasks' Gram matrix, whose first entry is 1."""
        label_power = (v[..., None, :] @ Z)[..., 0, :]
        covariance = self._second_moment(label_power @ gram) + Z @ gram @ transpose(Z)
        covariance[..., 0, 0] -= 2 * v[..., 0] ** 2 * gram[0, 0]
        return np.asarray(covariance)

    def _covariance_adjoint(self, v: Array, Z: Array, P: Array, gram: Array) -> Array:
        """Half the gradient of <P, Lambda(v)> in v, linear in v (Z = Z(v)) and in P: either may carry axes."""
        moment = self._second_moment(self._second_moment_adjoint(P) @ gram)
        out = (moment @ v[..., None])[..., 0] + self._responses_adjoint(P @ Z @ gram)
        out[..., 0] -= 2 * v[..., 0] * P[..., 0, 0] * gram[0, 0]
        return out

    def _whiten(self, v: Array, Q: Array) -> tuple[Array, Array]:
        return v @ self._change.T, self._change @ Q @ self._change.T
