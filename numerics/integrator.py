"""A stiff integrator of high order for gradient flows with a known Hessian.

The collocation method at the seven Radau points (Radau IIA, order 13, L-stable). A gradient flow's Jacobian
is symmetric in the right coordinates: one eigen-decomposition of it uncouples the seven stages into one 7 x 7
system an eigenvalue, which makes a high order cheap. At a tolerance of 1e-12 a flow takes some forty steps,
where a method of order five takes thousands.

Source: Hairer and Wanner, Solving Ordinary Differential Equations II, sections IV.5 and IV.8.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

Array = NDArray[np.float64]

_STAGES = 7
_NEWTON_LIMIT = 12
_MOST_STEPS = 5000
_MOST_STEPS_TO_SETTLE = 250
_EPSILON = float(np.finfo(float).eps)
_LITTLE_SPREAD = 1e4  # of rates, to which a velocity in floats is exact enough for a limit, and a quick one for a step
_LEAKAGE = 500 * _EPSILON  # of a velocity along flat directions, which are known to rounding (8 epsilon at most, seen)
RESOLUTION = 1e-11  # of a limit, relative to the largest parameter (at least 1)
_CLOSE, _CLOSE_IN_NOISE = 1e-8, 1e-3  # Newton steps from which Newton's method is tried, on the same scale
FLAT = 1e-10  # a rate below this fraction of the fastest counts as a flat direction


class NoConvergence(RuntimeError):
    """A flow that does not settle, or that the integrator cannot follow."""


class Linearisation(NamedTuple):
    """The Jacobian right @ diag(rates) @ left, with left @ right = I and real rates."""

    rates: Array
    left: Array
    right: Array

    def flat(self, symmetries: int | None = None) -> NDArray[np.bool_]:
        """Which directions neither attract nor repel: those whose rates are rounding, and as many as there are symmetries.

        With no number of symmetries, those of small rates.
        """
        size = np.abs(self.rates)
        fastest = size.max(initial=0.0)
        if symmetries is None:
            return np.asarray(size <= FLAT * fastest)
        flat = size <= 10 * len(size) * _EPSILON * fastest
        flat[np.argsort(size)[:symmetries]] = True
        return np.asarray(flat)

    def newton(self, velocity: Array, symmetries: int | None = None) -> tuple[Array, float, float]:
        """The way to the stationary point, flat directions at rest; the speed along these, and along repelling ones."""
        flat = self.flat(symmetries)
        component = self.left @ velocity
        step = np.where(flat, 0.0, -component / np.where(flat, 1.0, self.rates))
        speed = np.abs(component)
        return (
            self.right @ step,
            float(speed[flat].max(initial=0.0)),
            float(speed[~flat & (self.rates > 0)].max(initial=0.0)),
        )

    def spread(self, symmetries: int | None) -> float:
        """The fastest rate over the slowest that is not flat."""
        size = np.abs(self.rates)
        return float(size.max(initial=0.0) / size[~self.flat(symmetries)].min(initial=math.inf))


class System(NamedTuple):
    """y' = velocity(t, y), and the linearisation of the velocity; an inexact one costs time, not accuracy.

    The velocity takes several times (...,) and places (..., k) at once. `exact` gives it at one place (k,), at late times,
    with no rounding but that of the result; `quick` with more, which shows where some rates are far below the fastest.
    """

    velocity: Callable[[Array, Array], Array]
    linearise: Callable[[float, Array], Linearisation]
    exact: Callable[[Array], Array] | None = None
    quick: Callable[[Array, Array], Array] | None = None


def symmetric(jacobian: Array) -> Linearisation:
    """The linearisation of a symmetric Jacobian."""
    rates, vectors = np.linalg.eigh(jacobian)
    return Linearisation(rates, vectors.T, vectors)


def phi(z: Array) -> Array:
    """(e^z - 1) / z, and 1 at z = 0."""
    safe = np.where(z == 0, 1.0, z)
    return np.where(z == 0, 1.0, np.expm1(safe) / safe)


class Integrator:
    """Follows y' = f(t, y) from y at t with steps of adaptive length.

    Parameters
    ----------
    system : System
    y : array (k,)
    tolerance : float
        Local error, in the units of y; also that of the stages' equations.
    t : float
        Starting time.
    symmetries : int, optional
        The number of directions along which a limit is one of a family of limits.
    """

    def __init__(
        self, system: System, y: Array, tolerance: float, t: float = 0.0, *, symmetries: int | None = None
    ) -> None:
        self.system, self.t, self.y, self.symmetries = system, t, y, symmetries
        self._newton_tolerance = tolerance
        # The embedded error estimate is of order 7 only, the result of order 13 (Hairer and Wanner's rule).
        self._error_tolerance = 0.1 * tolerance ** ((_STAGES + 1) / (2 * _STAGES))
        self._velocity = system.velocity(np.asarray(t), y)
        self._fresh = False
        self._refresh()
        self._h = 0.1 / max(float(np.abs(self.linear.rates).max(initial=0.0)), 1e-12)
        self._last: tuple[Array, float] | None = None

    def advance(self, end: float) -> Array:
        """y at time `end`."""
        for _ in range(_MOST_STEPS):
            if self.t >= end:
                return self.y
            self._step(end)
        raise NoConvergence(
            f"the flow needs more than {_MOST_STEPS} steps between two times (it has come to t = {self.t:g})"
        )

    def settle(self, scale: float) -> Array:
        """y in the limit of long times, to 1e-11 of `scale`.

        With the number of symmetries known, the flow is followed to where Newton's method takes over, and the limit
        is where that ends: a last step, in which the slowest direction counts like any other, is shorter than the
        resolution. Where rates are so far apart that the velocity's rounding would hide it, the velocity is the
        system's exact one. Rates that are nothing but rounding, more of them than symmetries, may be zero or slow;
        the exact velocity along them tells which: at a limit it is of the order of rounding squared.

        Without it, directions of very small rates are taken as flat. The flow is followed to where a Newton step would move
        no coordinate by more than the resolution, and takes that step, flat directions at rest: the flow's own drift
        along them is of second order in what remains. A drift that would still add up over as long a time as has
        passed is none of that kind, and means that there is no limit yet. Where the system has an exact velocity, that is
        zero to rounding at the end, and to rounding squared along the flat directions.

        A saddle is the limit only of a flow that has no part at all along its repelling directions.
        """
        again = -math.inf
        for _ in range(_MOST_STEPS_TO_SETTLE):
            if self.t >= again and self._is_close(scale):
                self._refresh()
                if self._is_close(scale):
                    end = self._stationary(scale)
                    if end is not None:
                        self.y = end
                        return end
                    again = 3 * self.t
            self._step(math.inf)
        reason = "it may have no limit, or one too far away"
        if again > -math.inf:
            reason = (
                "floats cannot tell its limit, since some of its rates are too far below the fastest "
                "(a weight or a noise is too small, or units are too far apart)"
            )
        raise NoConvergence(f"the flow has not settled at t = {self.t:g}, in {_MOST_STEPS_TO_SETTLE} steps: {reason}")

    def _is_close(self, scale: float) -> bool:
        step, drift, escape = self.linear.newton(self._velocity, self.symmetries)
        fastest = float(np.abs(self.linear.rates).max(initial=0.0))
        length = float(np.abs(step).max(initial=0.0)) / scale
        if escape > 1e-6 * RESOLUTION * scale * fastest:
            return False
        if self.symmetries is None:
            return length <= RESOLUTION and drift * self.t <= 100 * RESOLUTION * scale
        # The velocity's rounding, seen through rates far from each other, looks like a step.
        noise = 10 * _EPSILON * self.linear.spread(self.symmetries)
        return length <= max(_CLOSE, min(noise, _CLOSE_IN_NOISE))

    def _stationary(self, scale: float) -> Array | None:
        """The end of Newton's method from y, or None where it does not end close by, or where there is a drift."""
        y, velocity, linear, symmetries = self.y, self._velocity, self.linear, self.symmetries
        if symmetries is None and self.system.exact is None:
            return y + linear.newton(velocity)[0]
        exact = None
        for _ in range(_NEWTON_LIMIT):
            drifts = symmetries is None or bool(linear.flat(symmetries).sum() > symmetries)
            if symmetries is None or drifts or linear.spread(symmetries) > _LITTLE_SPREAD:
                exact = self.system.exact
            velocity = velocity if exact is None else exact(y)
            step, drift, _ = linear.newton(velocity, symmetries)
            length = float(np.abs(step).max(initial=0.0)) / scale
            if length <= RESOLUTION and not drifts:
                return y + step
            if length <= 100 * _EPSILON or not step.any():
                return y if drift <= _LEAKAGE * np.abs(velocity).max() else None
            y = y + step
            if np.abs(y - self.y).max() > 10 * _CLOSE_IN_NOISE * scale:
                return None
            velocity, linear = self.system.velocity(np.asarray(self.t), y), self.system.linearise(self.t, y)
        return None

    def _refresh(self) -> None:
        if not self._fresh:
            self.linear = self.system.linearise(self.t, self.y)
            quick = self.system.quick
            if quick is not None and self.linear.spread(self.symmetries) > _LITTLE_SPREAD:
                quick = None
            self._slopes = quick or self.system.velocity
            self._fresh = True

    def _step(self, end: float) -> None:
        while True:
            h = min(self._h, end - self.t)
            with np.errstate(over="ignore", invalid="ignore"):  # a step too long may overflow, and is rejected
                solved, iterations = self._solve_stages(h)
            if solved is None:
                if self._fresh:
                    self._h = 0.4 * h
                self._refresh()
                continue
            raw = _ERROR_WEIGHT * h * self._velocity + _ERROR_WEIGHTS @ (_INVERSE @ solved)
            damping = 1 - h * _ERROR_WEIGHT * np.minimum(self.linear.rates, 0.0)
            error = float(np.abs(self.linear.right @ (self.linear.left @ raw / damping)).max(initial=0.0))
            factor = 0.9 * (self._error_tolerance / max(error, 1e-300)) ** (1 / (_STAGES + 1))
            if error <= self._error_tolerance:
                break
            self._h = h * min(0.7, max(0.1, factor))
        cut_short = h < self._h
        self._last = solved, h
        self.y = self.y + solved[-1]
        self.t = end if h == end - self.t else self.t + h
        self._h = max(self._h, h * min(3.0, factor)) if cut_short else h * min(3.0, factor)
        self._velocity = self.system.velocity(np.asarray(self.t), self.y)
        self._fresh = False
        if iterations > 6:
            self._refresh()

    def _solve_stages(self, h: float) -> tuple[Array | None, int]:
        """The stages' displacements Z = h A F(y + Z) by simplified Newton iteration, or None."""
        rates, left, right = self.linear
        inverse = np.linalg.inv(np.eye(_STAGES) - h * rates[:, None, None] * _MATRIX)
        Z = self._predict(h)
        previous = math.inf
        for iteration in range(1, _NEWTON_LIMIT + 1):
            slopes = self._slopes(self.t + _NODES * h, self.y + Z)
            residual = h * _MATRIX @ slopes - Z
            change = np.einsum("kij,jk->ik", inverse, residual @ left.T) @ right.T
            Z = Z + change
            size = float(np.abs(change).max(initial=0.0))
            if size <= 0.01 * self._newton_tolerance:
                return Z, iteration
            rate = size / previous
            if not rate < 1 and iteration > 1:
                # Rounding stops the descent below the tolerance; above it, this is divergence.
                return (Z, iteration) if size <= self._newton_tolerance else (None, iteration)
            if iteration > 1 and size * rate / (1 - rate) <= 0.05 * self._newton_tolerance:
                return Z, iteration
            previous = size
        return None, _NEWTON_LIMIT

    def _predict(self, h: float) -> Array:
        """The stages on the collocation polynomial of the last step, continued."""
        if self._last is None:
            return np.zeros((_STAGES, len(self.y)))
        Z, last = self._last
        ahead = 1 + _NODES * h / last
        apart = np.where(_OTHERS, ahead[:, None, None] - _KNOWN, 1.0).prod(axis=-1) / _WEIGHTS  # Lagrange's polynomials
        return np.asarray(apart[:, 1:] @ Z - Z[-1])


def _radau() -> tuple[Array, Array]:
    """Nodes c and matrix A: c are the zeros of P_s - P_(s-1) on [0, 1], A_ij the integral of l_j from 0 to c_i."""
    series = np.zeros(_STAGES + 1)
    series[-2:] = -1.0, 1.0
    x = np.sort(np.real(legendre.legroots(series)))
    for _ in range(3):  # polish the roots
        x = x - legendre.legval(x, series) / legendre.legval(x, legendre.legder(series))
    x[-1] = 1.0
    nodes = (x + 1) / 2
    powers = np.arange(1, _STAGES + 1)
    return nodes, (nodes[:, None] ** powers / powers) @ np.linalg.inv(np.vander(nodes, increasing=True))


def _error_estimate() -> tuple[float, Array]:
    """Weights of h f(y) and h f(stages): a second quadrature, of order s, minus the method's own."""
    eigenvalues = np.linalg.eigvals(_INVERSE)
    first = float(1 / np.real(eigenvalues[np.argmin(np.abs(np.imag(eigenvalues)))]))
    powers = np.arange(_STAGES)
    second = np.linalg.solve(_NODES ** powers[:, None], 1 / (powers + 1.0) - first * (powers == 0))
    return first, second - _MATRIX[-1]


_NODES, _MATRIX = _radau()
_INVERSE = np.linalg.inv(_MATRIX)
_KNOWN = np.concatenate(([0.0], _NODES))  # where the collocation polynomial is known
_OTHERS = ~np.eye(_STAGES + 1, dtype=bool)
_WEIGHTS = np.where(_OTHERS, _KNOWN[:, None] - _KNOWN, 1.0).prod(axis=-1)
_ERROR_WEIGHT, _ERROR_WEIGHTS = _error_estimate()
