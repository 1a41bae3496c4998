"""Targets aligned with the eigenvectors of a covariance, at any dimension."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np

from theory.covariances import PowerLaw, Spiked

from .prompts import Array

Alignment = Literal["first", "largest", "smallest", "uniform"]
ALIGNMENTS: tuple[Alignment, ...] = get_args(Alignment)

Covariance = PowerLaw | Spiked | Array | None  # None: the identity


def aligned_target(alignment: Any, covariance: Covariance, d: int) -> Array | None:
    """A unit target along an eigenvector, or with equal weight on all of them; a vector stays as it is.

    None is the first unit vector; with the identity for a covariance no direction differs from that one.
    """
    if not isinstance(alignment, str):
        return np.asarray(alignment)
    if alignment == "first" or covariance is None:
        return None
    if isinstance(covariance, PowerLaw | Spiked):
        eigenvalues, eigenvectors = covariance.eigenvalues(d), np.eye(d)
    elif covariance.ndim == 1:
        eigenvalues, eigenvectors = covariance, np.eye(d)
    else:
        eigenvalues, eigenvectors = np.linalg.eigh(covariance)
    if alignment == "uniform":
        return np.asarray(eigenvectors.sum(axis=1) / np.sqrt(d))
    chosen = np.argmax(eigenvalues) if alignment == "largest" else np.argmin(eigenvalues)
    return np.asarray(eigenvectors[:, chosen])
