"""Squared errors of random prompts, token by token or by the exact law of a prompt.

Given the query, its own token, the tokens of a prompt and a skip contribute what the definition says. For the shots there
are two routes that share nothing:

tokens
    The definition. Draw every shot and the query, form the tokens, attend, and compare with the label.

law
    Given the query x_q, a shot z contributes the product of a = v.z and b = u.z with u = Q'z_q, and (a, b) is
    a bivariate normal pair with means v_0, u_0 and covariance entries v'Cv, u'Cu, v'Cu, where C = Cov z. A
    sum of n products is n times the product of the sample means plus the sum of centred products, and the two
    are independent (Fisher, Cochran). The first is the product of one normal pair with means sqrt(n) (v_0,
    u_0). The second is a quadratic form in n - 1 pairs whose eigenvalues are (c +- s)/2 with c = v'Cu and
    s = sqrt(v'Cv u'Cu): it is ((s + c) X - (s - c) Y) / 2 with independent X, Y ~ chi-square(n - 1). Nothing
    is divided by, so degenerate pairs need no special case, and a prompt costs the same at any n.

    (Absorbing the product of the normal pair into X and Y turns these into two noncentral chi-squares with n
    degrees of freedom; that form divides by s +- c.)

    Of H heads a shot contributes sum_h a_h b_h, a quadratic form f'Af in the 2H jointly normal f = (a, b). With a root
    S S' = Cov f the centred products' sum is one of weighted chi-squares, sum_j k_j X_j with X_j ~ chi-square(n - 1) and k
    the eigenvalues of S'AS.
"""

from __future__ import annotations

import math
from typing import cast

import numpy as np
import scipy.linalg

from theory import AttentionParameters
from theory.parameters import attention_sum

from .blocks import MAX_FLOATS, block_lengths
from .prompts import Array, Prompts


def heads_of(model: AttentionParameters) -> tuple[Array, Array]:
    """(v, Q) as floats of shapes (H, d + 2) and (H, d + 2, d + 2), one head or more."""
    v, Q = np.asarray(model.v, np.float64), np.asarray(model.Q, np.float64)
    return (v[None], Q[None]) if v.ndim == 1 else (v, Q)


def squared_errors_by_tokens(
    model: AttentionParameters,
    prompts: Prompts,
    n_shots: int,
    size: int,
    rao_blackwell: bool,
    rng: np.random.Generator,
) -> Array:
    """(size,) squared errors of prompts drawn token by token, the shots in chunks of bounded size."""
    tasks = prompts.draw_tasks(size, rng)
    queries, labels = prompts.draw_queries(tasks, rng)
    v, Q = heads_of(model)
    z_q = np.ascontiguousarray(queries[:, :-1].T)
    keys = _keys(Q, z_q)

    total = _without_shots(model, v, keys, z_q, prompts.query_attends)
    of_prompts = np.ascontiguousarray(keys.transpose(0, 2, 1))
    for length in block_lengths(n_shots, max(1, MAX_FLOATS // (size * v.shape[1]))):
        shots = prompts.draw_shots(tasks, length, rng)
        for v_h, u in zip(v, of_prompts, strict=True):
            total += attention_sum(v_h, u, shots)
    predictions = total / _token_count(model, prompts, n_shots) + _skipped(model, z_q)
    if not rao_blackwell:
        return (labels - predictions) ** 2
    signals = np.einsum("ki,ki->k", queries[:, 1:-1], tasks)
    return cast(Array, (signals - predictions) ** 2 + prompts.noise_variance)


# Queries without their label slot, which is 0, have the shape (d + 1, prompts): sums over the few entries of a token then run
# along the many prompts.


def _keys(Q: Array, queries: Array) -> Array:
    """u = Q_h'z_q, shape (H, d + 2, prompts)."""
    return cast(Array, np.einsum("hab,ak->hbk", Q[:, :-1], queries))


def _without_shots(model: AttentionParameters, v: Array, keys: Array, queries: Array, attends: bool) -> Array:
    """What the query's own token and the prompt's add to the attention sum."""
    total = np.zeros(queries.shape[1])
    if attends:
        for v_h, u in zip(v[:, :-1], keys[:, :-1], strict=True):
            total += np.einsum("a,ak->k", v_h, queries) * np.einsum("ak,ak->k", u, queries)
    if model.prompt is not None:
        tokens = np.asarray(model.prompt, np.float64)
        for v_h, u in zip(v, keys, strict=True):
            total += np.einsum("b,bk->k", np.einsum("pa,a,pb->b", tokens, v_h, tokens), u)
    return total


def _skipped(model: AttentionParameters, queries: Array) -> Array | float:
    """c.(1, x_q)."""
    if model.skip is None:
        return 0.0
    return cast(Array, np.einsum("a,ak->k", np.asarray(model.skip, np.float64), queries))


def _token_count(model: AttentionParameters, prompts: Prompts, n_shots: int) -> float:
    return prompts.token_count(n_shots, 0 if model.prompt is None else len(model.prompt))


def draw_product_sums(
    mean_a: float,
    mean_b: Array,
    variance_a: Array,
    variance_b: Array,
    covariance: Array,
    n: int,
    rng: np.random.Generator,
) -> Array:
    """The sum of n independent products a b of a bivariate normal pair, exactly in law, at a cost free of n.

    The moments broadcast against `mean_b`, whose shape is the result's; see the module's head for the law.
    """
    shape = mean_b.shape
    if n == 0:
        return np.zeros(shape)
    first, second = rng.standard_normal((2, *shape))
    chi_plus, chi_minus = 2.0 * rng.standard_gamma((n - 1) / 2, (2, *shape))  # zero at n = 1
    scale_a = np.sqrt(variance_a)
    slope = np.zeros(shape)
    np.divide(covariance, scale_a, out=slope, where=scale_a > 0)
    rest = np.sqrt(np.maximum(variance_b - slope**2, 0.0))  # non-negative but for rounding
    mean_product = (math.sqrt(n) * mean_a + scale_a * first) * (math.sqrt(n) * mean_b + slope * first + rest * second)
    product_scale = np.sqrt(variance_a * variance_b)
    centred = (product_scale + covariance) * chi_plus - (product_scale - covariance) * chi_minus
    return cast(Array, mean_product + centred / 2)


def draw_form_sums(
    mean_a: Array,
    mean_b: Array,
    covariance_a: Array,
    covariance_b: Array,
    covariance: Array,
    n: int,
    rng: np.random.Generator,
) -> Array:
    """The sum of n independent products a.b of jointly normal a and b in R^H, exactly in law, at a cost free of n.

    Shapes (H,) or (size, H) of the means, (size, H, H) of Cov a, Cov b and Cov(a, b); see the module's head for the law.
    """
    size, H = mean_b.shape
    if n == 0:
        return np.zeros(size)
    both = np.empty((size, 2 * H, 2 * H))
    both[:, :H, :H], both[:, H:, H:] = covariance_a, covariance_b
    both[:, :H, H:], both[:, H:, :H] = covariance, covariance.mT
    eigenvalues, vectors = np.linalg.eigh(both)
    root = vectors * np.sqrt(np.maximum(eigenvalues, 0.0))[:, None, :]  # non-negative but for rounding
    form = np.einsum("khi,khj->kij", root[:, :H], root[:, H:])
    weights = np.linalg.eigvalsh((form + form.mT) / 2)
    centred = np.einsum("kij,kj->ki", root, rng.standard_normal((size, 2 * H)))
    a, b = math.sqrt(n) * mean_a + centred[:, :H], math.sqrt(n) * mean_b + centred[:, H:]
    chi = 2.0 * rng.standard_gamma((n - 1) / 2, (size, 2 * H))  # zero at n = 1
    return cast(Array, np.einsum("kh,kh->k", a, b) + np.einsum("kj,kj->k", weights, chi))


def squared_errors_by_law(
    model: AttentionParameters,
    prompts: Prompts,
    n_shots: int,
    size: int,
    rao_blackwell: bool,
    rng: np.random.Generator,
) -> Array:
    """(size,) squared errors from the exact law given the query, for standard normal inputs (`whiten`).

    With `rao_blackwell` each is replaced by its mean over the shots and all label noise, given x_q and theta.
    """
    noise = prompts.noise_variance
    v, Q = heads_of(model)
    v_0, v_x, v_y = v[:, 0], v[:, 1:-1, None], v[:, -1]
    tasks = prompts.draw_tasks(size, rng)
    theta = np.ascontiguousarray((tasks[:1] if prompts.task is not None and prompts.task.ndim == 1 else tasks).T)
    g = rng.standard_normal((size, prompts.d))
    queries = np.ones((prompts.d + 1, size))
    queries[1:] = g.T if prompts.query_root is None else np.einsum("ki,ji->jk", g, prompts.query_root)

    keys = _keys(Q, queries)
    u_0, u_x, u_y = keys[:, 0], keys[:, 1:-1], keys[:, -1]
    h_v = v_x + v_y[:, None, None] * theta  # Cov(g, v.z), one a head
    h_u = u_x + u_y[:, None] * theta  # Cov(g, u.z)
    covariance_v = np.einsum("hik,jik->hjk", h_v, h_v) + noise * np.outer(v_y, v_y)[:, :, None]
    covariance_u = np.einsum("hik,jik->hjk", h_u, h_u) + noise * u_y[:, None] * u_y
    covariance = np.einsum("hik,jik->hjk", h_v, h_u) + noise * v_y[:, None, None] * u_y
    signals = np.einsum("ik,ik->k", queries[1:], theta)
    without = _without_shots(model, v, keys, queries, prompts.query_attends)
    N, skipped = _token_count(model, prompts, n_shots), _skipped(model, queries)

    if not rao_blackwell:
        if len(v) == 1:
            moments = (covariance_v[0, 0], covariance_u[0, 0], covariance[0, 0])
            shots = draw_product_sums(float(v_0[0]), u_0[0], *moments, n_shots, rng)
        else:
            of_v, of_u, of_both = (np.moveaxis(x, -1, 0) for x in (covariance_v, covariance_u, covariance))
            shots = draw_form_sums(v_0, u_0.T, of_v, of_u, of_both, n_shots, rng)
        labels = signals + math.sqrt(noise) * rng.standard_normal(size)
        return cast(Array, (labels - (shots + without) / N - skipped) ** 2)
    mean = np.einsum("hk,h->k", u_0, v_0) + np.einsum("hhk->k", covariance)
    conditional_mean = (n_shots * mean + without) / N + skipped
    shot_variance = (
        np.einsum("hjk,hjk->k", covariance_u, covariance_v)
        + np.einsum("hjk,jhk->k", covariance, covariance)
        + np.einsum("hk,hjk,jk->k", u_0, covariance_v, u_0)
        + np.einsum("h,hjk,j->k", v_0, covariance_u, v_0)
        + 2 * np.einsum("hk,hjk,j->k", u_0, covariance, v_0)
    )
    return cast(Array, (signals - conditional_mean) ** 2 + noise + n_shots * shot_variance / N**2)


def whiten(model: AttentionParameters, prompts: Prompts) -> tuple[AttentionParameters, Prompts]:
    """The same predictions in coordinates where the shots' inputs are standard normal: R moves into model and tasks."""
    transform = scipy.linalg.block_diag(1.0, prompts.root, 1.0)
    v, Q = heads_of(model)
    prompt = None if model.prompt is None else np.linalg.solve(transform, np.asarray(model.prompt, np.float64).T).T
    skip = None if model.skip is None else np.asarray(model.skip, np.float64) @ transform[:-1, :-1]
    return AttentionParameters(v @ transform, transform.T @ Q @ transform, prompt, skip), prompts.whitened()
