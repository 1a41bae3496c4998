r"""A new head beside a frozen layer, trained on the zero-shot loss and, with a weight 0+, on the few-shot loss (R14).

Along R13's points without zero-shot loss, :math:`v_x = c\,\theta_0`, :math:`Q_{00} = N_0/c`, the few-shot loss sees two
numbers of the head, :math:`W = w/c` and :math:`D = c\,\delta`, and is a quadratic in W: its stationary points are the roots
of one polynomial in D. All of them are found; to which of its local minima flow goes is seen by integrating it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from theory import fixed_point
from theory.parameters import AttentionParameters, IsotropicScalars
from theory.predictions import SEVEN, Form, axis_world, directions, form
from theory.programs import tasks_of
from theory.prompt import tokens
from theory.setting import Setting
from theory.validation import reject

from .integrator import NoConvergence
from .objectives import plain_number

Array = NDArray[np.float64]

_PLACES = [SEVEN.index(name) for name in "Abphe"]
_LONG = 1e5  # over the smallest curvature: the time of a flow that has ended, but for a start at a saddle
_NEAR = 1e-3  # of the sizes of W and D: how far flow may be from the local minimum that it is said to reach
_REAL = 1e-9  # relative: a root of the polynomial this near the axis is real


class NewHeadMinimum(NamedTuple):
    """A local minimum of the few-shot loss among the new head's points without zero-shot loss, and what certifies it.

    Attributes
    ----------
    model : AttentionParameters
        The frozen layer and the new head.
    W, D : float
        w/c and c delta of the new head.
    loss : float
        The few-shot loss.
    slope : float
        The larger of its slopes in W and D.
    curvature : float
        The smaller eigenvalue of its Hessian in W and D: positive.
    reached : bool
        Whether flow from R13's point ends there: seen in floats, not proved.
    """

    model: AttentionParameters
    W: float
    D: float
    loss: float
    slope: float
    curvature: float
    reached: bool


def new_head_minima(setting: Setting) -> list[NewHeadMinimum]:
    """All local minima of the few-shot loss on the new head's points without zero-shot loss, the one that flow reaches first.

    Parameters
    ----------
    setting : Setting
        Numbers only, without a covariance, the query attending; ``few_shot_shots`` (or ``pretrain_shots``) finite.

    Returns
    -------
    list of NewHeadMinimum

    Raises
    ------
    ValueError
        Another setting.
    NoConvergence
        There is no local minimum, as without label noise, where W and D run to infinity; or the flow ends at none.

    References
    ----------
    R13, R14; new here.

    Examples
    --------
    Flow does not end at the least of them:

    >>> import theory
    >>> [(round(x.D, 4), round(x.loss, 6), x.reached) for x in new_head_minima(theory.OFFICIAL)]
    [(0.4037, 0.321126, True), (-0.9318, 0.312596, False)]
    """
    if not setting.is_isotropic or setting.query == "masked":
        raise reject("setting", setting, "without a covariance, and with a query that attends, here")
    problem = _Problem.of(setting)
    found = [problem.polished(W, D) for W, D in problem.stationary()]
    lowest = [(x, np.linalg.eigvalsh(problem.curvature(x))[0]) for x in found]
    minima = [(x, float(least)) for x, least in lowest if least > 0]
    if not minima:
        raise NoConvergence("the few-shot loss has no local minimum among the new head's points without zero-shot loss")
    end = problem.flowed(min(least for _, least in minima))
    near = [float(np.abs(x - end).max()) for x, _ in minima]
    if not min(near) < _NEAR * (1 + float(np.abs(end).max())):
        raise NoConvergence(f"flow ended at W, D = {end.tolist()}, which is none of the local minima")
    out = [problem.minimum(x, least, gap == min(near)) for (x, least), gap in zip(minima, near, strict=True)]
    return sorted(out, key=lambda x: (not x.reached, x.loss))


class _Problem(NamedTuple):
    """The few-shot loss as a form in (A, b, p, h, e) = (N_0, N_0 W, a, D, W D)."""

    setting: Setting
    form: Form
    a: float
    N_0: float
    norm2: float

    @classmethod
    def of(cls, setting: Setting) -> _Problem:
        target = setting.target_vector()
        norm2, d = float(target @ target), float(plain_number("d", setting.d))
        n = int(setting.auxiliary_shots())
        N, N_0 = (float(plain_number("normalization", tokens(k, setting.normalization))) for k in (n, 0))
        world = axis_world(d, float(plain_number("noise_variance", setting.noise_variance)), norm2)
        layers = [directions(world)[k] for k in _PLACES]
        loss = form(world, layers, tasks_of(world, "target", 0), n / N, 1 / N)
        start = fixed_point("pretrained", setting=setting).isotropic
        assert start is not None
        as_floats = Form(float(loss.constant), loss.slope.astype(float), loss.matrix.astype(float))
        return cls(setting, as_floats, float(start.w * start.beta), N_0, norm2)

    def point(self, W: float, D: float) -> Array:
        return np.array([self.N_0, self.N_0 * W, self.a, D, W * D])

    def slope(self, x: Array) -> Array:
        """In W and D."""
        W, D = x
        full = 2 * (self.form.matrix @ self.point(W, D) - self.form.slope)
        return np.array([self.N_0 * full[1] + D * full[4], full[3] + W * full[4]])

    def curvature(self, x: Array) -> Array:
        W, D = x
        full = 2 * (self.form.matrix @ self.point(W, D) - self.form.slope)
        moves = np.array([[0, self.N_0, 0, 0, D], [0, 0, 0, 1, W]])
        crossed = full[4] * np.array([[0, 1], [1, 0]])
        return np.asarray(2 * moves @ self.form.matrix @ moves.T + crossed)

    def stationary(self) -> list[tuple[float, float]]:
        """(W, D) at every stationary point: the roots of a polynomial in D, W being the best beside each."""
        D, one = Polynomial([0.0, 1.0]), Polynomial([1.0])
        fixed = [self.N_0 * one, 0 * one, self.a * one, D, 0 * one]  # the point is fixed + W along
        along = [0 * one, self.N_0 * one, 0 * one, 0 * one, D]
        H, g = self.form.matrix, self.form.slope
        pairs = [(i, j) for i in range(5) for j in range(5)]
        bottom = sum((H[i, j] * along[i] * along[j] for i, j in pairs), 0 * one)
        top = sum((g[i] * along[i] for i in range(5)), 0 * one)
        top = top - sum((H[i, j] * along[i] * fixed[j] for i, j in pairs), 0 * one)  # W = top/bottom
        x = [fixed[i] * bottom + top * along[i] for i in range(5)]  # bottom times the point
        row = [sum((H[k, j] * x[j] for j in range(5)), 0 * one) - g[k] * bottom for k in (3, 4)]
        roots = (row[0] * bottom + row[1] * top).roots()  # the slope in D, times bottom squared
        real = roots[np.abs(roots.imag) < _REAL * (1 + np.abs(roots))].real
        return [(float(top(root) / bottom(root)), float(root)) for root in real]

    def polished(self, W: float, D: float) -> Array:
        """Newton's method from there."""
        x = np.array([W, D])
        for _ in range(3):
            x = x - np.linalg.solve(self.curvature(x), self.slope(x))
        return x

    def flowed(self, least: float) -> Array:
        """Where flow along the points without zero-shot loss ends, in their metric, from W = D = 0."""
        s, N_0 = self.norm2, self.N_0

        def velocity(_: float, y: Array) -> Array:
            c, w, delta = y
            in_W, in_D = self.slope(np.array([w / c, c * delta]))
            in_c = delta * in_D - w / c**2 * in_W
            return -np.array([in_c / (s + N_0**2 / c**4), in_W / c, c * in_D / s])

        start = np.array([math.sqrt(N_0) * s**-0.25, 0.0, 0.0])
        c, w, delta = solve_ivp(velocity, (0, _LONG / least), start, method="LSODA", rtol=1e-9, atol=1e-11).y[:, -1]
        return np.array([w / c, c * delta])

    def minimum(self, x: Array, least: float, reached: bool) -> NewHeadMinimum:
        """The layer there, with the c that a small start conserves."""
        W, D = (float(y) for y in x)
        s, N_0 = self.norm2, self.N_0
        c = ((N_0**2 + s * D**2) / (s + W**2)) ** 0.25
        head = IsotropicScalars(c, W * c, N_0 / c, 0.0, 0.0, D / c)
        d, target = self.setting.d, self.setting.target
        old = fixed_point("pretrained", setting=self.setting)
        new = AttentionParameters.from_isotropic(head, d, target)
        model = AttentionParameters(np.stack([old.v, new.v]).astype(float), np.stack([old.Q, new.Q]).astype(float))
        loss = float(plain_number("noise_variance", self.setting.noise_variance) + self.form.at(self.point(W, D)))
        return NewHeadMinimum(model, W, D, loss, float(np.abs(self.slope(x)).max()), least, reached)
