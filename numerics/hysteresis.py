r"""All parameters on the zero-shot loss beside something that holds in-context learning: a first-order transition (R18, R20).

With weight mu on the pretraining loss (replay), or on the squared distance from the start (pull), the loss has two local
minima between two weights: one keeps in-context learning, the other memorises the target. Gradient flow from the
pretrained model stays with the first down to the lower weight; from the second it comes back only above the upper one.

The reduced problem: by symmetry both lie among six scalars, v = (0, alpha theta, w) and Q = (q, beta, gamma, delta). Beside
a v the loss is a convex quadratic in Q, whose minimum f is a smooth function of one number t, w = alpha sinh t (replay: v has
a direction and no scale) or alpha = e^-t (pull: the zero-shot loss sees no w and no delta). So local minima are those of f in t,
and each t is stationary at one weight mu(t): the two ends of coexistence are the local extrema of this function. Each
minimum that is given out is checked against all entries of (v, Q), of which the reduction knows nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from theory import fixed_point
from theory.laws import selected_scale
from theory.parameters import AttentionParameters, IsotropicScalars
from theory.setting import Setting
from theory.strategies import Strategy
from theory.validation import choice, real, reject

from .best_models import beside_value, odd_forms
from .derivatives import gradient, hessian
from .integrator import NoConvergence
from .objectives import plain_number, risks_of

Array = NDArray[np.float64]
Holds = Literal["replay", "pull"]

_WEIGHTS = np.log(10) * np.linspace(-6, 6, 41)
_HALVINGS = 60  # to the last digit
_ZOOMS, _POINTS = 8, 17  # by 8 each: an extremum's place to 1e-9, and its weight to rounding


class Transition(NamedTuple):
    """Between `lower` and `upper` two local minima coexist; at `equal` their losses are the same.

    From `pretrained` the flow keeps in-context learning above `lower`; once lost, it comes back above `upper`.
    """

    lower: float
    equal: float
    upper: float


class LocalMinimum(NamedTuple):
    """A local minimum, and what certifies it.

    Attributes
    ----------
    model : AttentionParameters
        At the value scale at which flow from `pretrained` would find it.
    loss : float
        Its loss, in units of the squared label.
    gradient : float
        The largest slope of the loss in any entry of v and Q.
    smallest : float
        The least eigenvalue of the Hessian over all of v and Q, relative to the largest: zero (along what the loss does not
        see, and along (k v, Q / k)) to within rounding, if it is a minimum.
    """

    model: AttentionParameters
    loss: float
    gradient: float
    smallest: float


def transition(setting: Setting, by: Holds = "replay") -> Transition:
    """The weights between which two local minima coexist, where all parameters train.

    Parameters
    ----------
    setting : Setting
        Numbers only, without a covariance; ``pretrain_shots`` finite for replay.
    by : {"replay", "pull"}
        What holds in-context learning: the pretraining loss, or the squared distance from the pretrained model.

    Returns
    -------
    Transition
        ``lower``, ``equal``, ``upper``: weights, the zero-shot loss having weight 1. That of a pull is one at the setting's
        value scale.

    Raises
    ------
    NoConvergence
        No two local minima coexist at any weight between 1e-6 and 1e6, or more than two do somewhere; or, in few dimensions,
        the one without in-context learning lasts at every weight, as replay's own loss has it: there is a lower weight alone,
        which the error names.

    References
    ----------
    R18, R20; new here.

    Examples
    --------
    Too weak a replay is 35 times harder to undo than to avoid:

    >>> import theory
    >>> [round(weight, 6) for weight in transition(theory.OFFICIAL)]
    [0.176477, 0.274427, 6.255747]
    """
    family = _Family.of(setting, by)
    low, high = family.folds()

    def gap(log_weight: float) -> float:
        kept = family.least(low, float(family.places[-1]), log_weight)[1]
        return kept - family.least(float(family.places[0]), high, log_weight)[1]

    below, above = (float(family.weight(np.array([place]))[0]) for place in (low, high))
    first, last = below, above
    for _ in range(_HALVINGS):
        middle = (first + last) / 2
        first, last = (first, middle) if gap(middle) < 0 else (middle, last)
    return Transition(math.exp(below), math.exp(first), math.exp(above))


def local_minima(setting: Setting, weight: float, by: Holds = "replay") -> list[LocalMinimum]:
    """The local minima at a weight: the one that keeps in-context learning first, if both are there.

    Parameters
    ----------
    setting, by
        As for :func:`transition`.
    weight : float from 1e-6 to 1e4

    Returns
    -------
    list of LocalMinimum
        One or two.

    References
    ----------
    R18, R20; new here.

    Examples
    --------
    >>> import theory
    >>> kept, lost = local_minima(theory.OFFICIAL, 1.0)
    >>> [round(theory.risk(x.model, 20, setting=theory.OFFICIAL, task="unseen"), 4) for x in (kept, lost)]
    [0.364, 0.9839]
    """
    family = _Family.of(setting, by)
    size = plain_number("weight", real("weight", weight, 1e-6, 1e4))
    slopes = family.slope(family.places, np.full(family.places.shape, math.log(size)))
    turns = np.flatnonzero((slopes[:-1] < 0) & (slopes[1:] >= 0))[::-1]
    return [family.minimum(float(family.places[k]), float(family.places[k + 1]), size) for k in turns]


class _Family(NamedTuple):
    """The reduced problem: f(t, log mu) = least loss over Q, and the six scalars where it is."""

    setting: Setting
    by: Holds
    places: Array  # of t, towards what keeps in-context learning
    problem: Callable[[Any, Any], tuple[Any, Any, Any]]  # t, mu -> c, b, A of c - 2 b.Q + Q.A Q
    scalars: Callable[[float, Array], IsotropicScalars]

    @classmethod
    def of(cls, setting: Setting, by: Holds) -> _Family:
        """The family of a setting."""
        choice("by", by, get_args(Holds))
        if not setting.is_isotropic or setting.query == "masked":
            raise reject("setting", setting, "without a covariance, and with a query that attends, here")
        return _replay(setting) if by == "replay" else _pull(setting)

    def value(self, t: Any, log_weight: Any) -> Any:
        """f."""
        constant, b, A = self.problem(t, np.exp(log_weight))
        return constant - (b[..., None, :] @ np.linalg.solve(A, b[..., None]))[..., 0, 0]

    def slope(self, t: Array, log_weight: Array) -> Array:
        """df/dt, by a complex step."""
        return np.asarray(self.value(t + 1e-30j, log_weight).imag / 1e-30)

    def weight(self, t: Array) -> Array:
        """log mu(t), at which t is stationary, the loss rising from the memory and then falling to it; NaN if none is."""
        slopes = self.slope(*np.broadcast_arrays(t[:, None], _WEIGHTS))
        turns = (slopes[:, :-1] > 0) & (slopes[:, 1:] <= 0) & (slopes[:, :1] > 0)
        k = turns.argmax(axis=1)
        low, high = _WEIGHTS[k], _WEIGHTS[k + 1]
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            rises = self.slope(t, middle) > 0
            low, high = np.where(rises, middle, low), np.where(rises, high, middle)
        return np.where(turns.any(axis=1), low, np.nan)

    def folds(self) -> tuple[float, float]:
        """Where mu(t) has its local minimum and its local maximum."""
        weights = self.weight(self.places)
        inner = weights[1:-1]
        found: list[float] = []
        for sign in (1.0, -1.0):
            turns = 1 + np.flatnonzero((sign * inner < sign * weights[:-2]) & (sign * inner < sign * weights[2:]))
            if len(turns) != 1:
                if found and self.lasting(found[0]):
                    kept = math.exp(float(self.weight(np.array(found))[0]))
                    raise NoConvergence(
                        f"no upper weight with {self.by}: a local minimum without in-context learning, among the six scalars, is there "
                        f"at every weight up to 1e6, where it is one of the loss that holds. From 'pretrained' in-context learning is "
                        f"kept above {kept:.6g}; numerics.local_minima(setting, weight) has the minima"
                    )
                raise NoConvergence(
                    f"{len(turns)} {'upper' if found else 'lower'} folds, not one, with {self.by} of a weight from 1e-6 to 1e6: no two local "
                    "minima coexist, or more than two do, or the second ends where it meets none of the maxima beside the first"
                )
            place, width = float(self.places[turns[0]]), float(self.places[1] - self.places[0])
            for _ in range(_ZOOMS):
                steps = place + width * np.linspace(-1, 1, _POINTS)
                place, width = float(steps[np.argmin(sign * self.weight(steps))]), 2 * width / (_POINTS - 1)
            found.append(place)
        return found[0], found[1]

    def lasting(self, low: float) -> bool:
        """Whether a minimum is left at the largest weight, on the side of the lower fold where in-context learning is lost."""
        places = self.places[self.places < low]
        slopes = self.slope(places, np.full(places.shape, _WEIGHTS[-1]))
        return bool(np.any((slopes[:-1] < 0) & (slopes[1:] >= 0)))

    def least(self, low: float, high: float, log_weight: float) -> tuple[float, float]:
        """The minimiser of f between two places, and its minimum."""
        for _ in range(_HALVINGS // 6):  # 64 parts at once
            places = np.linspace(low, high, 65)
            k = np.flatnonzero(self.slope(places[1:-1], np.array(log_weight)) < 0).max(initial=-1) + 1
            low, high = float(places[k]), float(places[k + 1])
        return low, float(self.value(low, log_weight))

    def minimum(self, low: float, high: float, weight: float) -> LocalMinimum:
        """The model there, and its certificate in all entries of v and Q."""
        t, loss = self.least(low, high, math.log(weight))
        _, b, A = self.problem(t, weight)
        scalars = self.scalars(t, np.linalg.solve(A, b))
        model = AttentionParameters.from_isotropic(scalars, self.setting.d, self.setting.target)
        terms = risks_of(Strategy("all", replay=weight if self.by == "replay" else 0), self.setting)
        slope, curvature = gradient(model, self.setting, terms), hessian(model, self.setting, terms)
        slopes = np.concatenate([slope.v, slope.Q.ravel()])
        if self.by == "pull":
            start = fixed_point("pretrained", setting=self.setting)
            moved = [model.v - start.v, (model.Q - start.Q).ravel()]
            slopes = slopes + 2 * weight * np.concatenate(moved)
            curvature = curvature + 2 * weight * np.eye(len(curvature))
        values = np.linalg.eigvalsh(curvature)
        noise = plain_number("noise_variance", self.setting.noise_variance)
        floor = noise * (1 + (weight if self.by == "replay" else 0))
        return LocalMinimum(model, floor + loss, float(np.abs(slopes).max()), float(values[0] / values[-1]))


def _replay(setting: Setting) -> _Family:
    shots = plain_number("pretrain_shots", setting.pretrain_shots)
    if shots == math.inf:
        raise reject("pretrain_shots", setting.pretrain_shots, "finite where replay is asked about")
    unseen, zero_shot = odd_forms(setting, int(shots))
    start = fixed_point("pretrained", setting=setting)
    level = float(start.v @ start.v - np.sum(start.Q**2))

    def problem(t: Any, weight: Any) -> tuple[Any, Any, Any]:
        t, weight = np.asarray(t), np.asarray(weight)
        columns = beside_value(np.ones_like(t), np.sinh(t))
        slope = zero_shot.slope + weight[..., None] * unseen.slope
        matrix = zero_shot.matrix + weight[..., None, None] * unseen.matrix
        b = (slope[..., None, :] @ columns)[..., 0, :]
        return zero_shot.constant + weight * unseen.constant, b, columns.mT @ matrix @ columns

    def scalars(t: float, Q: Array) -> IsotropicScalars:
        found = IsotropicScalars(1.0, math.sinh(t), *Q.tolist())
        dense = AttentionParameters.from_isotropic(found, setting.d, setting.target)
        return found.scaled(selected_scale(level, float(dense.v @ dense.v), float(np.sum(dense.Q**2))))

    # w/alpha from -30 to 4e5: pretrained has alpha = 0, and value-only fine-tuning about d + 4
    return _Family(setting, "replay", np.linspace(-4, 13.5, 301), problem, scalars)


def _pull(setting: Setting) -> _Family:
    _, zero_shot = odd_forms(setting, 1)
    start = fixed_point("pretrained", setting=setting).isotropic
    assert start is not None
    target = setting.target_vector()
    d, norm2, beta, w = float(setting.d), float(target @ target), float(start.beta), float(start.w)
    metric = np.array([[1, 0, 0, 0], [0, d, norm2, 0], [0, norm2, norm2**2, 0], [0, 0, 0, norm2]])
    origin = np.array([0, beta, 0, 0])

    def problem(t: Any, weight: Any) -> tuple[Any, Any, Any]:
        t, weight = np.asarray(t), np.asarray(weight)
        alpha = np.exp(-t)
        columns = beside_value(alpha, np.full_like(alpha, w))
        pull = weight * (norm2 * alpha**2 + origin @ metric @ origin)
        b = (zero_shot.slope @ columns) + weight[..., None] * (metric @ origin)
        return zero_shot.constant + pull, b, columns.mT @ zero_shot.matrix @ columns + weight[..., None, None] * metric

    def scalars(t: float, Q: Array) -> IsotropicScalars:
        return IsotropicScalars(math.exp(-t), w, *Q.tolist())

    ends = math.log(norm2) / 4  # alpha = |theta|^(-1/2) is where a pull of no weight ends
    return _Family(setting, "pull", ends + np.linspace(-0.5, 9, 301), problem, scalars)
