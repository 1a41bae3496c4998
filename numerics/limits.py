"""Whether a point is a limit to its last digits where rates lie further apart than floats can tell.

Where inputs vary much more along one direction than along another, the fastest rate of a flow hides the slowest: rates below
1e-15 of the fastest are rounding, and a gradient that is zero but for its rounding may still move such a direction all the way.
So the gradient is taken in rational arithmetic, and every coordinate is measured by its own curvature: scaled to a unit diagonal, where
units that are far apart are no bad condition, what is left of the way is one Newton step.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from theory.setting import Setting

from .integrator import RESOLUTION, NoConvergence
from .objectives import Objective
from .subspaces import AffineSpace

Array = NDArray[np.float64]

FAR_APART = 1e3  # of variances: rates go with their squares and more
_FLAT = 1e-10  # of the largest rate, in coordinates that are scaled to a unit diagonal


def far_apart(setting: Setting) -> bool:
    """Whether the inputs' variances along their axes, or those of the covariance, are too far apart for floats."""
    variances = np.linalg.eigvalsh(np.asarray(setting.sigma(), dtype=float))
    return bool(variances[-1] > FAR_APART * variances[0])


def require_limit(
    space: AffineSpace,
    setting: Setting,
    objective: Objective,
    y: Array,
    scale: float,
    pull: float,
    symmetries: int | None,
) -> None:
    """NoConvergence unless what is left of the way from y is below the resolution of limits."""
    slope = 2 * pull * y - space.velocity(space.loss(setting, objective, exact=True), y)
    curvature = 2 * pull * np.eye(len(y)) - space.jacobian(space.loss(setting, objective), y)
    stretch = np.sqrt(np.maximum(curvature.diagonal(), 0.0))
    curved = stretch > 0  # where it is not, the loss is constant
    if not curved.any():
        return
    slope, curvature, stretch = slope[curved], curvature[np.ix_(curved, curved)], stretch[curved]
    rates, vectors = np.linalg.eigh(curvature / np.outer(stretch, stretch))
    moves = rates > _FLAT * rates[-1]
    step = vectors[:, moves] @ (vectors[:, moves].T @ (slope / stretch) / rates[moves]) / stretch
    too_flat = symmetries is not None and np.sum(~moves) > symmetries
    if too_flat or np.abs(step).max() > RESOLUTION * scale:
        raise NoConvergence(
            f"floats cannot tell its limit: what is left of the way is {np.abs(step).max():.1g} where the inputs' variances are "
            "this far apart"
        )
