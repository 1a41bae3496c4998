r"""Gradient flow of a quadratic loss, in closed form at any time and in any kind of number.

With gradient g and Hessian H at the start, over a basis with Gram matrix G, flow is :math:`G\dot x = -\nabla L` and moves by

.. math:: x(t) - x_0 = -\varphi_t(G^{-1}H)\,G^{-1}g, \qquad \varphi_t(\lambda) = (1 - e^{-\lambda t})/\lambda.

At t = infinity flat directions stay, and a later stage moves along them alone. Floats by eigenvalues; exact numbers, balls and
expressions by elimination, which decides for certain what is flat.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from .factoring import factored
from .kinds import FLOATS, SYMBOLS, Array, Kind, Number
from .space import exact_quotient
from .surds import Surd
from .validation import NoClosedForm

# Rounding leaves 1e-16 of the largest entry of a scaled Hessian in some hundred sums; a rate below this share of the
# others is taken for none. Exact numbers decide exactly.
FLAT = 1e-13


def at_time(stages: list[tuple[Any, Any]], gram: Any, time: Number, kind: Kind) -> Any:
    """The steps along the basis."""
    if kind is FLOATS:
        stages = [(np.asarray(g, dtype=float), np.asarray(h, dtype=float)) for g, h in stages]
        gram = np.asarray(gram, dtype=float)
    if time is not math.inf:
        ((gradient, hessian),) = stages
        advance = _advanced_floats if kind is FLOATS else _advanced
        return advance(gradient, hessian, gram, kind.number(time))
    settle = _settled_floats if kind is FLOATS else partial(_settled, tidy=tidied(kind))
    size = len(gram)
    along: Any = np.eye(size) if kind is FLOATS else np.eye(size, dtype=int).astype(object)
    total: Any = 0 * stages[0][0]
    for gradient, hessian in stages:  # each along the minimisers of those before
        slope = along.T @ (gradient + hessian @ total)
        step, flat = settle(slope, along.T @ hessian @ along, along.T @ gram @ along)
        total, along = total + along @ step, along @ flat
        if not along.shape[1]:
            break
    return total.tolist() if kind is FLOATS else [kind.present(x) for x in total]


def tidied(kind: Kind) -> Callable[[Number], Number]:
    """What keeps the numbers of an elimination short."""
    return factored if kind is SYMBOLS else _same


def _same(x: Number) -> Number:
    return x


def _advanced_floats(gradient: Array, hessian: Array, gram: Array, time: float) -> Any:
    """x(t) in coordinates that are orthonormal: the Gram matrix is diagonal."""
    lengths = np.sqrt(gram.diagonal())
    rates, modes = np.linalg.eigh(hessian / np.multiply.outer(lengths, lengths))
    return (-(modes @ (phi(rates, time) * (modes.T @ (gradient / lengths)))) / lengths).tolist()


def phi(rates: Array, time: float) -> Array:
    """(1 - exp(-rate t))/rate; a rate below zero is a rounding of zero."""
    decay = np.maximum(rates, 0.0) * time
    small = decay < 1e-300
    return np.asarray(time * np.where(small, 1.0, -np.expm1(-decay) / np.where(small, 1.0, decay)))


def _settled_floats(gradient: Array, hessian: Array, gram: Array) -> tuple[Array, Array]:
    """The step to the minimiser that flow ends at, and a basis of the flat directions.

    Which directions are flat is asked in coordinates scaled to a unit diagonal, where weights and units do not matter.
    """
    rates = hessian.diagonal() / gram.diagonal()
    live = rates > FLAT * max(rates.max(initial=0.0), 0.0)
    scale = np.where(live, np.sqrt(np.where(live, hessian.diagonal(), 1.0)), 1.0)
    scaled = np.where(np.multiply.outer(live, live), hessian / np.multiply.outer(scale, scale), 0.0)
    values, modes = np.linalg.eigh(scaled)
    steep = values > FLAT * len(values)
    moving = modes[:, steep]
    if not moving.shape[1]:
        return 0 * gradient, np.eye(len(gradient))
    # In the metric flow leaves its start along G^-1 (range of H); scaled coordinates y = scale x.
    reach = np.linalg.solve(gram, scale[:, None] * moving)
    inside = moving.T @ (hessian / scale[:, None]) @ reach
    step = -reach @ np.linalg.solve(inside, moving.T @ (gradient / scale))
    return step, modes[:, ~steep] / scale[:, None]


def _advanced(gradient: Any, hessian: Any, gram: Any, time: Number) -> list[Number]:
    """Exactly, where each direction that moves is alone."""
    steps: list[Number] = []
    for i, slope in enumerate(gradient):
        coupled = [j for j in range(len(gradient)) if j != i and not is_zero(hessian[i, j])]
        if is_zero(slope) and all(is_zero(gradient[j]) for j in coupled):
            steps.append(0)
            continue
        if coupled:
            raise NoClosedForm(
                f"time = {time!r} has no closed form in exact numbers or Symbols here: several entries move together, at "
                "rates that are roots of a polynomial; give floats, or time = math.inf"
            )
        rate = hessian[i, i] / gram[i, i]
        phi_t = time if is_zero(rate) else (1 - exponential(-rate * time)) / rate
        steps.append(-phi_t * (plain(slope) / plain(gram[i, i])))
    return steps


def plain(x: Number) -> Number:
    """A surd as the expression that exponentials take."""
    return x.to_sympy() if isinstance(x, Surd) else x


def exponential(x: Number) -> Number:
    if hasattr(x, "exp") and hasattr(x, "rad"):
        return x.exp()
    if hasattr(x, "context") and not isinstance(x, Fraction | Surd):
        return x.context.exp(x)
    import sympy

    x = plain(x)
    return sympy.exp(sympy.Rational(x.numerator, x.denominator) if isinstance(x, Fraction) else x)


def _settled(gradient: Any, hessian: Any, gram: Any, tidy: Callable[[Number], Number]) -> tuple[Any, Any]:
    """The same in numbers that do not round."""
    size = len(gradient)
    rows, flat = _row_space(hessian, tidy)
    if not rows:
        return 0 * gradient, np.eye(size, dtype=int).astype(object)
    if len(rows) == size:
        return _solved(hessian, -gradient, tidy), flat
    kept = hessian[rows]
    reach = np.array([_solved(gram, row, tidy) for row in kept], dtype=object).T  # G^-1 (range of H)
    inside = _solved(kept @ reach, -gradient[rows], tidy)
    return reach @ inside, flat


def _reduced(a: Any, tidy: Callable[[Number], Number], columns: int) -> tuple[Any, list[int], list[int]]:
    """Reduced row echelon form over the first columns; its pivots' columns, and the rows that they came from."""
    a, pivots, order, top = a.copy(), [], list(range(len(a))), 0
    rounding = _rounding(a)
    for column in range(columns):
        found = next((row for row in range(top, len(a)) if not _vanishes(a[row, column], rounding)), None)
        if found is None:
            continue
        a[[top, found]] = a[[found, top]]
        order[top], order[found] = order[found], order[top]
        pivot = a[top, column]
        a[top] = [tidy(exact_quotient(x, pivot)) for x in a[top]]
        for row in range(len(a)):
            if row != top and not is_zero(a[row, column]):
                factor = a[row, column]
                a[row] = [tidy(x - factor * y) for x, y in zip(a[row], a[top], strict=True)]
        pivots.append(column)
        top += 1
    return a, pivots, order[:top]


def _rounding(a: Any) -> Number:
    """What mpmath's numbers leave of a zero: a few digits of the largest entry's last."""
    context = next((x.context for x in a.flat if hasattr(x, "context")), None)
    return None if context is None else max(map(abs, a.flat)) * context.eps * 2**20


def _vanishes(x: Number, rounding: Number) -> bool:
    """Whether an entry is zero; a ball that may be, and may not, is for a higher precision to tell."""
    if rounding is not None:
        return bool(abs(x) <= rounding)
    if hasattr(x, "rad") and not is_zero(x) and x.contains(0):
        raise ZeroDivisionError("a ball that holds zero and more")
    return is_zero(x)


def _row_space(a: Any, tidy: Callable[[Number], Number]) -> tuple[list[int], Any]:
    """Rows that span all of them, and a basis of the null space."""
    reduced, pivots, rows = _reduced(a, tidy, len(a))
    free = [column for column in range(len(a)) if column not in pivots]
    flat = np.zeros((len(a), len(free)), dtype=int).astype(object)
    for k, column in enumerate(free):
        flat[column, k] = 1
        for row, pivot in enumerate(pivots):
            flat[pivot, k] = -reduced[row, column]
    return sorted(rows), flat


def _solved(a: Any, b: Any, tidy: Callable[[Number], Number]) -> Any:
    """a^-1 b."""
    reduced, _, _ = _reduced(np.column_stack([a, b]), tidy, len(a))
    return reduced[:, -1]


def is_zero(x: Number) -> bool:
    """Whether a number is zero for certain: an expression that is, a ball that holds nothing else."""
    return bool(x == 0) if not isinstance(x, str) else False
