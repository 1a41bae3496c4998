r"""Accelerator: the risk of a layer of several heads in coordinates in which the inputs' covariance is the identity.

With :math:`x = Lg`, :math:`\Sigma = LL^\top`, a head meets g as :math:`(L^\top v, L^\top QL)` and a task is
:math:`L^\top\theta`: the same layer in another basis. The contractions (:mod:`theory.contractions`) are sums over pairs of
heads; there what a pair would multiply by a covariance is scaled, and what a head would copy for that is left unsummed.
Nothing is defined here; tests/test_layers.py holds it against the given basis.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .contractions import Head, Inputs, Layer, Tasks
from .kinds import LARGE, Array
from .matrices import Diagonal, Matrices, Unsummed


def whitened(
    space: Matrices, inputs: Inputs, layer: Layer, parts: list[tuple[float, Tasks]]
) -> tuple[Inputs, Layer, list[tuple[float, Tasks]]]:
    """Inputs, layer and weighted tasks in white coordinates; as they are where that gains nothing."""
    if len(layer.heads) < 2 or layer.prompt or inputs.shifted:
        return inputs, layer, parts
    root = space.token_operator(np.linalg.cholesky(inputs.query[1:-1, 1:-1]), 1)
    root[0, 0] = 1
    root = np.asfortranarray(root)
    heads = tuple(Head(head.v @ root, Unsummed([(None, _congruent(head.Q, root), None)])) for head in layer.heads)
    query, shot = (Diagonal(space.token_vector(0, 1, noise)) for noise in (0, inputs.noise_variance))  # type: ignore[arg-type]
    skip = None if layer.skip is None else layer.skip @ root
    tasks = [(p, one._replace(mean=one.mean @ root, spread=_spread(one.spread, root))) for p, one in parts]
    return inputs._replace(query=query, shot=shot), layer._replace(heads=heads, skip=skip), tasks


def unsummed(layer: Layer) -> Layer:
    """The same layer, of whose operators no sum is formed but where traces are taken."""

    def kept(head: Head) -> Head:
        Q, product, residual = (None if x is None else Unsummed.of(x) for x in (head.Q, head.product, head.residual))
        return head._replace(Q=Q, product=product, residual=residual)

    own = None if layer.own is None else tuple(map(kept, layer.own))
    return layer._replace(heads=tuple(map(kept, layer.heads)), own=own)


def _congruent(Q: Array, root: Array) -> Array:
    """root' Q root, of half the work where root is large and known to be triangular."""
    if len(root) < LARGE:
        return np.asarray(root.T @ (Q @ root))
    from scipy.linalg import blas

    turned = blas.dtrmm(1.0, root, Q.T, side=0, lower=1, trans_a=1)  # column by column, as Fortran has them
    return np.asarray(blas.dtrmm(1.0, root, turned, side=1, lower=1, overwrite_b=1).T)


def _spread(spread: Any, root: Array) -> Array | None:
    return None if spread is None else root.T @ (spread @ root)
