"""The expectation, one random variable after the other."""

from __future__ import annotations

from .expressions import Scalar
from .gaussian import Gaussian, Noise, Sphere
from .samples import Shots

__all__ = ["expectation"]


def expectation(expression: Scalar, *over: Gaussian | Noise | Sphere | Shots) -> Scalar:
    """Average over the variables named, from left to right; all others are held fixed.

    So ``expectation(f, shots)`` is the conditional expectation given the query and the task, and
    ``expectation(f, shots, x, eps, theta)`` the whole. Shots come first: a sum hides the variables that it
    shares with the rest, and an average over one of those refuses to look past it.

    Raises
    ------
    TypeError
        If `over` names something that is not random.
    ValueError
        If a sum over shots is still in the expression when another variable is averaged.

    Examples
    --------
    >>> from theory.wick import Gaussian, expectation, matrix, vector
    >>> x, v, B = Gaussian("x", matrix("Sigma", symmetric=True)), vector("v"), matrix("B")
    >>> expectation((v @ x) ** 2 * (x @ B @ x), x)
    2*v'Sigma B Sigma v + v'Sigma v*tr(B Sigma)
    """
    expression = Scalar.of(expression)
    for variable in over:
        if not isinstance(variable, Gaussian | Noise | Sphere | Shots):
            raise TypeError(f"average over Gaussian, Noise, Sphere or Shots; got {variable!r}")
        expression = variable.average(expression)
    return expression
