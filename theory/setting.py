"""Setting: the world in which a model is pretrained, fine-tuned and evaluated."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from . import validation
from .arithmetic import Number, anywhere

NORMALIZATIONS = ("tokens", "shots")
SETTING_ARGUMENTS = (
    "d", "covariance", "task_covariance", "noise_variance", "target", "pretrain_shots", "few_shot_shots",
    "few_shot_weight", "value_scale", "normalization",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    r"""Dimension, distributions, training losses and conventions; checked when it is made, then frozen.

    Inputs :math:`x \sim N(0, \Sigma)`, labels :math:`y = \theta^\top x + \varepsilon`,
    :math:`\varepsilon \sim N(0, \sigma^2)`, pretraining tasks with
    :math:`E\,\theta\theta^\top = \Psi`, fine-tuning on one task :math:`\theta_0`.

    Parameters
    ----------
    d : int, array or Symbol, >= 1
        Input dimension. May be left out when a covariance or a target gives it.
    covariance : array (d, d), optional
        Input covariance Sigma, symmetric positive definite. Default: the identity.
    task_covariance : array (d, d), optional
        Psi: tasks N(0, Psi). Default: tasks uniform on the unit sphere, so that Psi = I/d.
    noise_variance : number or array, >= 0
        Label noise sigma^2.
    target : array (d,), optional
        The fine-tuning task theta_0, not zero. Default: the first unit vector.
    pretrain_shots : int or math.inf, >= 1
        Shots m of the pretraining loss.
    few_shot_shots : int, >= 1, optional
        Shots of the auxiliary few-shot loss. Default: ``pretrain_shots`` where finite.
    few_shot_weight : number, >= 0
        lambda in L_ZS + lambda L_FS; 0 means the limit lambda -> 0+.
    value_scale : "balanced" or number
        w_0 = V_yy of the pretrained model; "balanced" means |v|^2 = |Q|_F^2.
    normalization : {"tokens", "shots"}
        Whether the attention sum is divided by N = n + 1 or N = max(n, 1).

    Raises
    ------
    ValueError, TypeError
        Naming the argument, its value and what is allowed.

    Examples
    --------
    >>> Setting(d=5, noise_variance=0.1, pretrain_shots=20)
    Setting(d=5, noise_variance=0.1, pretrain_shots=20)
    >>> Setting(d=5, noise_variance=-1.0)
    Traceback (most recent call last):
        ...
    ValueError: noise_variance = -1.0 is not allowed: noise_variance must be a real number from 0 to 1e+50
    """

    d: Number = None
    covariance: Any = None
    task_covariance: Any = None
    noise_variance: Number = 0
    target: Any = None
    pretrain_shots: Number = math.inf
    few_shot_shots: Number = None
    few_shot_weight: Number = 0
    value_scale: Any = "balanced"
    normalization: str = "tokens"

    def __post_init__(self) -> None:
        put = object.__setattr__
        if self.d is None or self.covariance is not None or self.task_covariance is not None or self.target is not None:
            self._check_shapes()
        else:
            put(self, "d", validation.count("d", self.d, 1))
        put(self, "noise_variance", validation.real("noise_variance", self.noise_variance))
        put(self, "pretrain_shots", validation.count("pretrain_shots", self.pretrain_shots, 1, infinite=True))
        if self.few_shot_shots is not None:
            put(self, "few_shot_shots", validation.count("few_shot_shots", self.few_shot_shots, 1))
        put(self, "few_shot_weight", validation.real("few_shot_weight", self.few_shot_weight))
        if type(self.value_scale) is str:
            if self.value_scale != "balanced":
                raise validation.nearest("value_scale", self.value_scale, ("balanced",), " or a positive number")
        else:
            put(self, "value_scale", validation.real("value_scale", self.value_scale, 1e-50))
        if self.normalization not in NORMALIZATIONS:
            validation.choice("normalization", self.normalization, NORMALIZATIONS)

    def _check_shapes(self) -> None:
        """The arguments that have d in their shape must agree on it."""
        put = object.__setattr__
        d, source = self.d, "d"
        if d is not None:
            d = validation.count("d", d, 1)
        for name, check in (
            ("covariance", validation.positive_definite),
            ("task_covariance", validation.positive_definite),
            ("target", validation.vector),
        ):
            value = getattr(self, name)
            if value is None:
                continue
            checked = check(name, value, None)
            if d is None:
                d, source = len(checked), name
            elif not (isinstance(d, int) and d == len(checked)):
                raise ValueError(
                    f"{name} = {validation.describe(value)} is not allowed: its dimension is {len(checked)}, "
                    f"but {source} says {validation.describe(d)}; they must agree"
                )
            checked.flags.writeable = False
            put(self, name, checked)
        if d is None:
            raise ValueError("d = None is not allowed: give d, or a covariance, task_covariance or target that has it")
        put(self, "d", d)

    @property
    def is_isotropic(self) -> bool:
        """Whether Sigma = I and tasks are uniform on the unit sphere: six scalars then describe every strategy."""
        return self.covariance is None and self.task_covariance is None

    def sigma(self) -> np.ndarray[Any, Any]:
        """The input covariance as an array."""
        if self.covariance is not None:
            return np.asarray(self.covariance)
        if type(self.d) is not int:
            raise validation.reject("d", self.d, "one whole number where matrices are asked for")
        return np.eye(self.d)

    def target_vector(self) -> np.ndarray[Any, Any]:
        """theta_0 as an array, the first unit vector by default."""
        if self.target is not None:
            return np.asarray(self.target)
        if type(self.d) is not int:
            raise validation.reject("d", self.d, "one whole number where the target is asked for as a vector")
        first = np.zeros(self.d)
        first[0] = 1.0
        return first

    def auxiliary_shots(self) -> Number:
        """Shots of the few-shot loss: ``few_shot_shots``, or ``pretrain_shots`` where that is finite."""
        shots = self.pretrain_shots if self.few_shot_shots is None else self.few_shot_shots
        if anywhere(shots == math.inf):
            raise ValueError(
                "few_shot_shots = None is not allowed for a mixed strategy when pretrain_shots is infinite: "
                "few_shot_shots must be a whole number >= 1"
            )
        return shots

    def replace(self, **changes: Any) -> Setting:
        """The same setting with some fields changed, checked anew."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        validation.unknown_keywords("Setting.replace", set(changes) - set(values), list(values))
        return Setting(**{**values, **changes})

    def __repr__(self) -> str:
        shown = []
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray) or value != field.default:
                text = f"array of shape {value.shape}" if isinstance(value, np.ndarray) else repr(value)
                shown.append(f"{field.name}={text}")
        return f"Setting({', '.join(shown)})"
