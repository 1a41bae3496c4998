"""The fine-tuning tasks of a setting, one or several, as floats."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from theory.kinds import FLOATS
from theory.setting import Setting
from theory.targets import mean_target, weighed

Array = NDArray[np.float64]


def targets_of(setting: Setting) -> list[tuple[float, Array]]:
    """(share, task) of every target, the shares of sum 1."""
    if not setting.has_several_targets:
        return [(1.0, np.asarray(setting.target_vector(), dtype=float))]
    several = weighed(np.asarray(setting.target), setting.target_weights, FLOATS)
    return [(float(share), np.asarray(task, dtype=float)) for share, task in several]


def mean_of_targets(setting: Setting) -> Array:
    """Their mean, which is all of them that the zero-shot loss sees but for a constant."""
    return mean_target(targets_of(setting))


def size_of_targets(setting: Setting, root: Array) -> float:
    """The root mean square of their labels' signal, `root` a root of the inputs' covariance."""
    return math.sqrt(sum(share * float(np.sum((task @ root) ** 2)) for share, task in targets_of(setting)))
