r"""The frontier: the least risk on unseen tasks that a zero-shot risk on the target allows, and a model that has it (R23).

Unseen tasks and the target pull at one model. In what a layer predicts (:mod:`theory.predictions`) both risks are convex
quadratics, so that for two odd heads, for any number of heads, and for the value matrix alone the frontier is exact. One
head is a rank-one T: its v has a direction in the plane of v_x and w, and beside each direction Q is again free, a convex
problem in four numbers; what is left is a line to search.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from theory import fixed_point
from theory.contractions import Head, Layer
from theory.kinds import FLOATS
from theory.laws import pretrained
from theory.parameters import AttentionParameters, IsotropicScalars
from theory.predictions import SEVEN, Form, axis_world, form, nine_coordinates
from theory.programs import tasks_of as isotropic_tasks
from theory.prompt import tokens
from theory.setting import Setting
from theory.validation import choice, count, real, reject
from theory.worlds import tasks_of, world_of

from .objectives import plain_number
from .two_quadratics import Constrained, constrained

Array = NDArray[np.float64]
Models = Literal["value", "one_head", "two_heads", "any_heads"]

# log(alpha/w) of one head, in steps of a twelfth of a decade; from each low place, zooms by 8 until the place is known
# to 1e-7, and the risk, which is flat there, to 1e-14.
_RATIOS = np.log(10) * np.linspace(-6, 6, 145)
_ZOOMS, _POINTS = 7, 17


@dataclass(frozen=True)
class Optimum:
    """A point of the frontier.

    Attributes
    ----------
    risk : float
        The least risk on unseen tasks at the given shots.
    excess : float
        The zero-shot risk on the target less the noise, where it is: the bound, or less where the bound does not bind.
    multiplier : float
        What a unit of zero-shot risk is worth there: the model has the least (unseen risk + multiplier x zero-shot risk).
    bound : {"exact", "upper bound"}
        Whether no model of the kind has a smaller risk, or whether that is not proved: the best of one head is sought
        among odd heads (six scalars), where some other head may be better.
    model : AttentionParameters
        A model with these risks.
    """

    risk: float
    excess: float
    multiplier: float
    bound: Literal["exact", "upper bound"]
    _model: Callable[[], AttentionParameters] = field(repr=False, compare=False)

    @property
    def model(self) -> AttentionParameters:
        """A model with these risks."""
        return self._model()


def frontier(setting: Setting, n_shots: int, excess: float, models: Models = "value") -> Optimum:
    r"""The least unseen risk at n shots of all models with zero-shot risk at most sigma^2 + excess on the target.

    .. math:: \min\ E_\theta\,\mathrm{risk}(n) \quad\text{where}\quad \mathrm{risk}_{\theta_0}(0) \le \sigma^2 + r

    Parameters
    ----------
    setting : Setting
        Numbers only; without a covariance for all but "value". (How it was pretrained matters to "value" alone.)
    n_shots : int >= 1
        Shots of the unseen risk.
    excess : float >= 0
        r, in units of the squared label.
    models : {"value", "one_head", "two_heads", "any_heads"}
        v free beside the pretrained Q; one odd head; two of them (more add nothing); any number of any heads.

    Returns
    -------
    Optimum
        ``risk``, ``excess``, ``multiplier``, ``bound`` and ``model``.

    Raises
    ------
    ValueError, TypeError
        An excess that no model of the kind reaches; a masked query, to which zero shots are all alike; a covariance where
        the coordinates need none.

    Notes
    -----
    The work is one root of a scalar equation, in coordinates in which both risks are diagonal; "one_head" searches a line
    of such problems.

    References
    ----------
    R12c, R16, R23; new here.

    Examples
    --------
    >>> import theory
    >>> [round(frontier(theory.OFFICIAL, 20, 0.1, models).risk, 6) for models in ("one_head", "two_heads")]
    [0.66714, 0.352555]
    >>> frontier(theory.OFFICIAL, 20, 0.25).bound  # the value matrix alone
    'exact'
    """
    choice("models", models, get_args(Models))
    n = count("n_shots", n_shots, 1)
    r = float(plain_number("excess", real("excess", excess)))
    if setting.query == "masked":
        raise reject(
            "query", "masked", "'attends' here: without shots heads answer a masked query 0, whatever v and Q are"
        )
    if models != "value" and not setting.is_isotropic:
        raise reject("models", models, "'value' where a covariance is given: the others are solved for Sigma = I alone")
    if models == "value":
        unseen, zero_shot, columns = _value_forms(setting, n)
        found = _best(unseen, zero_shot, r, models)
        start = fixed_point("pretrained", setting=setting)
        scale = float(start.v[-1])
        return _optimum(
            setting, unseen, zero_shot, found, lambda: AttentionParameters(scale * columns @ found.x, start.Q)
        )
    unseen, zero_shot = (_forms if models == "any_heads" else odd_forms)(setting, n)
    if models == "one_head":
        return _one_head(setting, unseen, zero_shot, r)
    found = _best(unseen, zero_shot, r, models)
    build = {"two_heads": _two_heads, "any_heads": _many_heads}[models]
    return _optimum(setting, unseen, zero_shot, found, lambda: build(found.x, setting.target_vector()))


def _best(unseen: Form, zero_shot: Form, r: float, models: str) -> Constrained:
    found = constrained(unseen, zero_shot, r)
    if np.isnan(found.multiplier):
        least = zero_shot.at(constrained(zero_shot, zero_shot, np.inf).x)
        raise reject("excess", r, f">= {float(least)!r} for models = {models!r}: none has a smaller zero-shot risk")
    return found


def _optimum(
    setting: Setting, unseen: Form, zero_shot: Form, found: Constrained, model: Callable[[], AttentionParameters],
    bound: Literal["exact", "upper bound"] = "exact",
) -> Optimum:  # fmt: skip
    risk = float(setting.noise_variance) + float(unseen.at(found.x))
    return Optimum(risk, max(float(zero_shot.at(found.x)), 0.0), float(found.multiplier), bound, model)


def _shares(setting: Setting, n: int) -> list[tuple[float, float]]:
    """n/N and 1/N at n shots and at none."""
    per_token = [1 / plain_number("normalization", tokens(shots, setting.normalization)) for shots in (n, 0)]
    return [(n * per_token[0], per_token[0]), (0.0, per_token[1])]


@lru_cache(maxsize=64)
def _forms(setting: Setting, n: int) -> tuple[Form, Form]:
    """Unseen risk at n shots and zero-shot risk on the target, in the nine coordinates."""
    target = setting.target_vector()
    d, noise = float(plain_number("d", setting.d)), plain_number("noise_variance", setting.noise_variance)
    world = axis_world(d, noise, float(target @ target))
    places = ("unseen", "target")
    forms = [
        nine_coordinates(world, isotropic_tasks(world, place, 0), *shares)
        for place, shares in zip(places, _shares(setting, n), strict=True)
    ]
    return _floats(forms[0]), _floats(forms[1])


@lru_cache(maxsize=64)
def _value_forms(setting: Setting, n: int) -> tuple[Form, Form, Array]:
    """The same of v = (0, v_x, w) beside the pretrained Q at w = 1, and v's directions; v_0 is of no use to either."""
    world = world_of(setting, FLOATS)
    space: Any = world.space
    keys = space.token_operator(pretrained(world).B, 0)
    inputs = [space.token_vector(0, space.vector(x), 0) for x in np.eye(setting.d)]
    layers = [Layer((Head(v, keys),)) for v in (*inputs, space.label)]
    forms = [
        form(world, layers, tasks_of(world, place), *shares)
        for place, shares in zip(("unseen", "target"), _shares(setting, n), strict=True)
    ]
    return _floats(forms[0]), _floats(forms[1]), np.eye(setting.d + 2)[:, 1:]


def _floats(x: Form) -> Form:
    return Form(float(x.constant), np.asarray(x.slope, dtype=float), np.asarray(x.matrix, dtype=float))


def odd_forms(setting: Setting, n: int) -> tuple[Form, Form]:
    """Unseen risk at n shots and zero-shot risk on the target in the seven coordinates of odd heads."""
    unseen, zero_shot = _forms(setting, n)
    return _first(unseen, len(SEVEN)), _first(zero_shot, len(SEVEN))


def _first(x: Form, size: int) -> Form:
    return Form(x.constant, x.slope[:size], x.matrix[:size, :size])


# --- one head --------------------------------------------------------------------------------------------------------


def _one_head(setting: Setting, unseen: Form, zero_shot: Form, r: float) -> Optimum:
    def solved(alphas: Array) -> tuple[Array, Array, Constrained]:
        columns = beside_value(alphas, np.ones_like(alphas))
        found = constrained(_along(unseen, columns), _along(zero_shot, columns), r)
        x = (columns @ found.x[..., None])[..., 0]
        risks = np.einsum("...i,...i", x @ unseen.matrix - 2 * unseen.slope, x)
        return np.where(np.isnan(risks), np.inf, risks), x, found

    candidates = [np.zeros(1)]
    for sign in (1.0, -1.0):
        values = solved(sign * np.exp(_RATIOS))[0]
        low = (values[1:-1] <= values[:-2]) & (values[1:-1] <= values[2:]) & np.isfinite(values[1:-1])
        centres, width = _RATIOS[1:-1][low], _RATIOS[1] - _RATIOS[0]
        for _ in range(_ZOOMS):
            steps = width * np.linspace(-1, 1, _POINTS)
            grid = centres[:, None] + steps
            centres = np.take_along_axis(grid, solved(sign * np.exp(grid))[0].argmin(axis=1)[:, None], 1)[:, 0]
            width = steps[1] - steps[0]
        candidates.append(sign * np.exp(centres))
    alphas = np.concatenate(candidates)
    risks, x, found = solved(alphas)
    k = int(risks.argmin())

    def model() -> AttentionParameters:
        scalars = IsotropicScalars(float(alphas[k]), 1.0, *found.x[k].tolist())
        return AttentionParameters.from_isotropic(scalars, setting.d, setting.target)

    return _optimum(setting, unseen, zero_shot, Constrained(x[k], found.multiplier[k]), model, "upper bound")


def beside_value(alpha: Array, w: Array) -> Array:
    """The seven coordinates (..., 7) of (q, beta, gamma, delta) beside v = (0, alpha theta, w): shape (..., 7, 4)."""
    columns = np.zeros((*alpha.shape, 7, 4), dtype=alpha.dtype)
    columns[..., [0, 1, 2, 5], [0, 1, 2, 3]] = alpha[..., None]
    columns[..., [3, 4, 5, 6], [0, 1, 2, 3]] = w[..., None]
    return columns


def _along(x: Form, columns: Array) -> Form:
    return Form(x.constant, x.slope @ columns, columns.mT @ x.matrix @ columns)


# --- models of coordinates -------------------------------------------------------------------------------------------


def _two_heads(x: Array, target: Array) -> AttentionParameters:
    """v = theta and the label's unit vector; h is the first one's delta."""
    A, k, g, b, p, h, e = x
    v, Q = np.zeros((2, len(target) + 2)), np.zeros((2, len(target) + 2, len(target) + 2))
    v[0, 1:-1], v[1, -1] = target, 1
    Q[0, 0, 0], Q[0, 1:-1, 1:-1], Q[0, 1:-1, -1] = A, k * np.eye(len(target)) + g * np.outer(target, target), h * target
    Q[1, 0, 0], Q[1, 1:-1, 1:-1], Q[1, 1:-1, -1] = b, p * np.eye(len(target)), e * target
    return AttentionParameters(v, Q)


def _many_heads(x: Array, target: Array) -> AttentionParameters:
    """A head for each unit vector of v."""
    d, (c8, c9) = len(target), x[7:]
    two = _two_heads(x[:7], target)
    Q = np.zeros((d + 2, d + 2, d + 2))
    Q[0, 1:-1, 0] = c8 * target
    Q[1:-1] = target[:, None, None] * two.Q[0]
    Q[1:-1, 1:-1, 1:-1] += c9 * target[:, None] * np.eye(d)[:, None, :]
    Q[-1] = two.Q[1]
    return AttentionParameters(np.eye(d + 2), Q)
