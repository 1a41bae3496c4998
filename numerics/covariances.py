"""Families of input covariances that exist at any dimension, and targets aligned with their eigenvectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from theory.validation import real, reject

from .prompts import Array

ALIGNMENTS = ("first", "largest", "smallest", "uniform")


class PowerLaw:
    r"""Diagonal covariances with eigenvalues :math:`\lambda_k = k^{-p}`, k = 1..d.

    Examples
    --------
    >>> PowerLaw(2).eigenvalues(3)
    array([1.        , 0.25      , 0.11111111])
    """

    def __init__(self, exponent: float) -> None:
        self.exponent = float(real("exponent", exponent))

    def eigenvalues(self, d: int) -> Array:
        """The d eigenvalues, in the order of the axes."""
        return np.arange(1.0, d + 1) ** -self.exponent

    def __repr__(self) -> str:
        return f"PowerLaw({self.exponent:g})"


class Spiked:
    r"""Diagonal covariances whose first eigenvalues are the given spikes, and all others 1 (Johnstone 2001).

    Examples
    --------
    >>> Spiked(10, 4).eigenvalues(4)
    array([10.,  4.,  1.,  1.])
    """

    def __init__(self, *spikes: float) -> None:
        self.spikes = tuple(float(real("spike", spike, 1e-50)) for spike in spikes)

    def eigenvalues(self, d: int) -> Array:
        """The d eigenvalues, in the order of the axes."""
        if d < len(self.spikes):
            raise reject("d", d, f"at least {len(self.spikes)} where the covariance is {self}")
        return np.array([*self.spikes, *[1.0] * (d - len(self.spikes))])

    def __repr__(self) -> str:
        return f"Spiked({', '.join(f'{spike:g}' for spike in self.spikes)})"


Covariance = PowerLaw | Spiked | Array | None  # None: the identity


def covariance_matrix(covariance: Covariance, d: int) -> Array | None:
    """Sigma at dimension d; None is the identity."""
    return np.diag(covariance.eigenvalues(d)) if isinstance(covariance, PowerLaw | Spiked) else covariance


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
    else:
        eigenvalues, eigenvectors = np.linalg.eigh(covariance)
    if alignment == "uniform":
        return np.asarray(eigenvectors.sum(axis=1) / np.sqrt(d))
    chosen = np.argmax(eigenvalues) if alignment == "largest" else np.argmin(eigenvalues)
    return np.asarray(eigenvectors[:, chosen])
