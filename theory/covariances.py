"""Families of covariances that exist at any dimension; a Setting takes them in a covariance's place."""

from __future__ import annotations

from typing import Any

import numpy as np

from .validation import real, reject


class PowerLaw:
    r"""Diagonal covariances with eigenvalues :math:`\lambda_k = k^{-p}`, k = 1..d.

    Parameters
    ----------
    exponent : number >= 0
        p.

    Examples
    --------
    >>> PowerLaw(2).eigenvalues(3)
    array([1.        , 0.25      , 0.11111111])
    """

    __slots__ = ("exponent",)

    def __init__(self, exponent: float) -> None:
        self.exponent = float(real("exponent", exponent))

    def eigenvalues(self, d: int) -> np.ndarray[Any, Any]:
        """The d eigenvalues, in the order of the axes."""
        return np.asarray(np.arange(1.0, d + 1) ** -self.exponent)

    def __repr__(self) -> str:
        return f"PowerLaw({self.exponent:g})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PowerLaw) and self.exponent == other.exponent

    def __hash__(self) -> int:
        return hash((PowerLaw, self.exponent))


class Spiked:
    r"""Diagonal covariances whose first eigenvalues are the given spikes, and all others 1 (Johnstone 2001).

    Parameters
    ----------
    *spikes : number > 0
        The first eigenvalues.

    Examples
    --------
    >>> Spiked(10, 4).eigenvalues(4)
    array([10.,  4.,  1.,  1.])
    """

    __slots__ = ("spikes",)

    def __init__(self, *spikes: float) -> None:
        self.spikes = tuple(float(real("spike", spike, 1e-50)) for spike in spikes)

    def eigenvalues(self, d: int) -> np.ndarray[Any, Any]:
        """The d eigenvalues, in the order of the axes."""
        if d < len(self.spikes):
            raise reject("d", d, f"at least {len(self.spikes)} where the covariance is {self}")
        return np.array([*self.spikes, *[1.0] * (d - len(self.spikes))])

    def __repr__(self) -> str:
        return f"Spiked({', '.join(f'{spike:g}' for spike in self.spikes)})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Spiked) and self.spikes == other.spikes

    def __hash__(self) -> int:
        return hash((Spiked, self.spikes))


FAMILIES = (PowerLaw, Spiked)
