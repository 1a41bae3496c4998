"""The population loss of a whole layer: heads, with a fixed prompt and a fixed skip, and its gradient in every head.

The prediction is a sum over heads, so that the loss is quadratic in sum_h v_h x Q_h: one error, that of all heads together,
stands in each head's gradient. In the notation of :mod:`numerics.population_loss`, with a sum over pairs of heads,

    L - sigma2 = < |t - c - A sum_h R_h zeta_h - E (sum_h e_h + f)|^2 > + F sum_hk tr(R_h Lambda_hk R_k') + E^2 c_h,
    Lambda_hk  = < (v_h'M v_k) M + zeta_k zeta_h' > - 2 v_h0 v_k0 e_0 e_0',

where c is the skip, f = sum_hp (v_h . z_p) R_h z_p what the prompt adds, divided by N but masked or not, and the cubics of
the query's own token add up before their squared norm is taken.

Source: R12 of the theory (any layer), differentiated here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .population_loss import Array, LossTerm, PopulationLoss
from .query_cubic import (
    inner,
    low_degrees,
    low_degrees_adjoint,
    quadratic_adjoints,
    quadratic_part,
    query_pair,
    transpose,
)


class LayerLoss(PopulationLoss):
    """A weighted sum of risks as a function of the heads: v of shape (H, d+2), Q of shape (H, d+2, d+2).

    Parameters
    ----------
    terms, root, noise_variance
        As for PopulationLoss, the prompt's tokens counted in N.
    prompt : (k, d+2) array
    skip : (d+1,) array
    """

    axes = 2

    def __init__(
        self,
        terms: tuple[LossTerm, ...],
        root: Array,
        noise_variance: float,
        prompt: Array,
        skip: Array,
    ) -> None:
        super().__init__(terms, root, noise_variance)
        self._prompt = _whitened(prompt, root)  # v . z is the same in whitened coordinates
        self._targets = self._targets.astype(np.result_type(self._targets, prompt, skip))
        self._targets[:, 0] -= self._change[:-1, :-1] @ skip

    def value(self, v: Array, Q: Array) -> Any:
        """The loss, noise floor included; leading axes of v and Q are several layers."""
        v, Q = self._whiten(v, Q)
        rows, pair, Z = Q[..., :-1, :], query_pair(v, Q), self._responses(v)
        answers = self._answers(v, rows, Z, pair)
        total: Any = 0.0
        for weight, many, spread, share, own, (gram,) in self.terms:
            error = self._error_of_all(answers, many, own, share)
            rest = own**2 * _high_degrees(*pair) + self.noise_variance
            if spread:
                rest = rest + spread * np.sum(_products(rows) * self._covariances(v, Z, gram), axis=(-4, -3, -2, -1))
            total = total + weight * (inner(error @ gram, error) + rest)
        return total

    def gradient(self, v: Array, Q: Array) -> tuple[Array, Array]:
        """(dL/dv, dL/dQ), of the shapes of v and Q; the last row of every dL/dQ_h is zero."""
        v, Q = self._whiten(v, Q)
        rows, (nu, K), Z = Q[..., :-1, :], query_pair(v, Q), self._responses(v)
        answers = self._answers(v, rows, Z, (nu, K))
        dv, dQ = np.zeros_like(v), np.zeros_like(Q)
        z = self._prompt
        for weight, many, spread, share, own, (gram,) in self.terms:
            weighed = (self._error_of_all(answers, many, own, share) @ gram)[..., None, :, :]
            mean_error = weighed[..., 0]  # of all heads, beside each of them
            if many:
                dQ[..., :-1, :] -= 2 * weight * many * weighed @ transpose(Z)
                dv -= 2 * weight * many * self._responses_adjoint(transpose(rows) @ weighed)
            if len(z):
                dQ[..., :-1, :] -= 2 * weight * share * mean_error[..., None] * ((v @ z.T) @ z)[..., None, :]
                dv -= 2 * weight * share * ((mean_error[..., None, :] @ rows)[..., 0, :] @ z.T) @ z
            if own:
                rest_nu, rest_K = _high_degrees_gradient(nu, K)
                everywhere = np.broadcast_to(mean_error, nu.shape)
                dv[..., :-1] += weight * (own**2 * rest_nu - 2 * own * low_degrees(everywhere, K))
                dQ[..., :-1, :-1] += weight * (own**2 * rest_K - 2 * own * low_degrees_adjoint(nu, everywhere))
            if spread:
                products, covariances = _products(rows), self._covariances(v, Z, gram)
                dQ[..., :-1, :] += 2 * weight * spread * np.einsum("...kra,...khab->...hrb", rows, covariances)
                symmetric = (products + transpose(products)) / 2
                moments = self._second_moment(self._second_moment_adjoint(symmetric) @ gram)
                along_v = np.einsum("...hkab,...kb->...ha", moments, v)
                along_v += self._responses_adjoint(np.einsum("...khab,...kbc->...hac", products, Z @ gram))
                along_v[..., 0] -= 2 * (products[..., 0, 0] @ v[..., :1])[..., 0]
                dv += 2 * weight * spread * along_v
        return dv @ self._change, self._change.T @ dQ @ self._change

    def gradient_beside(self, v: Array, Q: Array) -> tuple[Array, Array]:
        """(dL/dprompt, dL/dskip) at one layer, of the prompt and the skip that the loss was made with."""
        v, Q = self._whiten(v, Q)
        rows, pair, z = Q[..., :-1, :], query_pair(v, Q), self._prompt
        values, scores = v @ z.T, rows @ z.T
        prompt, skip = np.zeros_like(z), np.zeros_like(self._targets[:, 0])
        answers = self._answers(v, rows, self._responses(v), pair)
        for weight, many, _, share, own, (gram,) in self.terms:
            error = self._error_of_all(answers, many, own, share)
            mean_error = 2 * weight * (error @ gram)[:, 0]
            prompt = prompt - share * np.einsum("hp,hra,r->pa", values, rows, mean_error)
            prompt = prompt - share * np.einsum("ha,hrp,r->pa", v, scores, mean_error)
            skip = skip - mean_error
        inputs = np.linalg.solve(self._change[1:-1, 1:-1], prompt[:, 1:-1].T).T
        return np.concatenate((prompt[:, :1], inputs, prompt[:, -1:]), axis=1), self._change[:-1, :-1].T @ skip

    def hessian_product(self, v: Array, Q: Array, dv: Array, dQ: Array) -> tuple[Array, Array]:
        """The Hessian applied to k directions, as complex steps of the gradient.

        That is a polynomial f: f(x + ih) = f(x) + ih f'(x) to the last digit.
        """
        step = 1e-30
        slopes = self.gradient(v + 1j * step * dv, Q + 1j * step * dQ)
        return slopes[0].imag / step, slopes[1].imag / step

    def _answers(self, v: Array, rows: Array, Z: Array, pair: tuple[Array, Array]) -> tuple[Array, Array, Array | None]:
        """sum_h R_h zeta_h, sum_h e_h, and f where there is a prompt: what all terms have in common."""
        shown = None
        if len(self._prompt):
            shown = np.einsum("...hp,...hrp->...r", v @ self._prompt.T, rows @ self._prompt.T)
        return np.sum(rows @ Z, axis=-3), np.sum(low_degrees(*pair), axis=-2), shown

    def _error_of_all(self, answers: tuple[Array, Array, Array | None], many: float, own: float, share: float) -> Array:
        """t - c - A sum_h R_h zeta_h - E (sum_h e_h + f) in features."""
        of_shots, attention, shown = answers
        error = self._targets - many * of_shots
        error[..., 0] -= own * attention
        if shown is not None:
            error[..., 0] -= share * shown
        return np.asarray(error)

    def _covariances(self, v: Array, Z: Array, gram: Array) -> Array:
        """Lambda_hk, shape (..., H, H, d+2, d+2)."""
        label_power: Array = np.einsum("...hab,...ka->...hkb", Z, v)  # v_h'M(phi)v_k = phi . Z_h'v_k
        covariances = self._second_moment(label_power @ gram) + np.einsum("...kab,...hcb->...hkac", Z @ gram, Z)
        covariances[..., 0, 0] -= 2 * v[..., :, None, 0] * v[..., None, :, 0]
        return np.asarray(covariances)


def _products(rows: Array) -> Array:
    """R_h'R_k, shape (..., H, H, d+2, d+2)."""
    return np.asarray(np.einsum("...hra,...krb->...hkab", rows, rows))


def _whitened(tokens: Array, root: Array) -> Array:
    """Tokens (1, L^-1 x, y) for tokens (1, x, y), by substitution: L is triangular, of floats or of Fractions."""
    out = tokens.copy()
    for k in range(len(root)):
        out[:, 1 + k] = (tokens[:, 1 + k] - out[:, 1 : 1 + k] @ root[k, :k]) / root[k, k]
    return out


def _high_degrees(nu: Array, K: Array) -> Any:
    """The squared norm of the Hermite parts of degree 2 and 3 of sum_h (nu_h . x)(x'K_h x)."""
    P, S, x = np.sum(quadratic_part(nu, K), axis=-3), K[..., 1:, 1:], nu[..., 1:]
    crossed = np.einsum("...hij,...kj->...hki", S, x)  # S_h x_k
    alike = np.einsum("...hij,...kij->...hk", S, S) * (x @ transpose(x))
    cubic = 2 * np.sum(alike, axis=(-2, -1)) + 4 * np.einsum("...hki,...khi->...", crossed, crossed)
    return 2 * inner(P, P) + cubic


def _high_degrees_gradient(nu: Array, K: Array) -> tuple[Array, Array]:
    """Its gradient in each nu_h and in the block of each Q_h."""
    S, x = K[..., 1:, 1:], nu[..., 1:]
    P = np.sum(quadratic_part(nu, K), axis=-3, keepdims=True)
    along_nu, along_K = quadratic_adjoints(nu, K, np.broadcast_to(4 * P, S.shape))
    crossed = np.einsum("...hij,...kj->...hki", S, x)
    along_nu[..., 1:] += 4 * np.einsum("...hij,...kij->...hk", S, S) @ x
    along_nu[..., 1:] += 8 * np.einsum("...kij,...hkj->...hi", S, crossed)
    outer = np.einsum("...khi,...kj->...hij", crossed, x)  # sum over k of (S_k x_h) x_k'
    along_K[..., 1:, 1:] += 4 * np.einsum("...hk,...kij->...hij", x @ transpose(x), S) + 4 * (outer + transpose(outer))
    return along_nu, along_K
