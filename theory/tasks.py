"""Evaluation tasks: where they lie relative to the target."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np

from . import validation
from .kinds import anywhere, is_symbolic
from .names import TaskName
from .setting import Setting

TASKS: tuple[TaskName, ...] = get_args(TaskName)
TARGET, OPPOSITE, UNSEEN = TASKS


def checked_task(task: Any, setting: Setting) -> Any:
    """A task as one of TASKS, a cosine or a vector."""
    if type(task) is str:
        if task in TASKS:
            return TASKS[TASKS.index(task)]
        raise validation.nearest("task", task, TASKS, ", a cosine or a vector of shape (d,)")
    is_vector = isinstance(task, list | tuple) or hasattr(task, "__array__") or hasattr(task, "tolist")
    if is_vector and not isinstance(task, np.generic) and not is_symbolic(task):
        if type(setting.d) is not int:
            raise validation.reject(
                "task", task, "'target', 'opposite', 'unseen' or a cosine where d is not one number"
            )
        return validation.vector("task", task, setting.d)
    if not setting.is_isotropic:
        raise validation.reject("task", task, "'target', 'opposite', 'unseen' or a vector where a covariance is given")
    cosine = validation.real("task", task, -1, 1)
    if not is_symbolic(cosine) and anywhere(setting.d == 1) and cosine not in (-1, 1):
        raise validation.reject("task", task, "a cosine of -1 or 1 where d = 1")
    return cosine
