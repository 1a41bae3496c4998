"""Setting: the world in which a model is pretrained, fine-tuned and evaluated."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, Self, TypedDict, Unpack, get_args

import numpy as np

from . import validation
from .covariances import FAMILIES, PowerLaw, Spiked
from .kinds import Number, anywhere, whole_as_floats
from .names import Normalization, Numbers, Numeric, Query, Vector
from .prompt import NORMALIZATIONS
from .targets import checked_target, weights_of_targets

Array = np.ndarray[Any, Any]
QUERIES: tuple[Query, ...] = get_args(Query)


class SettingArguments(TypedDict, total=False):
    """The arguments of a setting beside d, as every function that takes a setting takes them."""

    covariance: Vector | PowerLaw | Spiked | None
    task_covariance: Vector | PowerLaw | Spiked | None
    noise_variance: Numbers
    target: Vector | None
    pretrain_shots: Numbers
    few_shot_shots: Numbers | None
    few_shot_weight: Numbers
    value_scale: Literal["balanced"] | Numbers
    normalization: Normalization | Numeric
    query: Query
    query_covariance: Vector | PowerLaw | Spiked | None
    target_weights: Vector | None


class FloatArguments(TypedDict, total=False):
    """Those of them that are plain numbers and names: with them a risk is a float, or an array of floats."""

    noise_variance: float
    pretrain_shots: float
    few_shot_shots: int | None
    few_shot_weight: float
    value_scale: float | Literal["balanced"]
    normalization: Normalization | float
    query: Query


class _Fields(NamedTuple):
    """What a Setting holds, with the defaults; a tuple, because one is made in every call of theory.risk."""

    d: Number = None
    covariance: Any = None
    task_covariance: Any = None
    noise_variance: Number = 0
    target: Any = None
    pretrain_shots: Number = math.inf
    few_shot_shots: Number = None
    few_shot_weight: Number = 0
    value_scale: Any = "balanced"
    normalization: Any = "tokens"
    query: str = "attends"
    query_covariance: Any = None
    target_weights: Any = None


SETTING_ARGUMENTS = _Fields._fields


class Setting(_Fields):
    r"""Dimension, distributions, training losses and conventions; checked when it is made, then frozen.

    Inputs :math:`x \sim N(0, \Sigma)`, labels :math:`y = \theta^\top x + \varepsilon`,
    :math:`\varepsilon \sim N(0, \sigma^2)`, pretraining tasks with
    :math:`E\,\theta\theta^\top = \Psi`, fine-tuning on one task :math:`\theta_0`, or on several.

    Parameters
    ----------
    d : int, array or Symbol, >= 1
        Input dimension. May be left out when a covariance or a target gives it.
    covariance : array (d, d) or (d,), PowerLaw or Spiked, optional
        Input covariance Sigma, symmetric positive definite: a matrix; eigenvalues, of a diagonal one; or a family. Default:
        the identity.
    task_covariance : array (d, d) or (d,), PowerLaw or Spiked, optional
        Psi: tasks N(0, Psi), positive semidefinite (tasks of low rank are an ordinary case). Default: tasks uniform on the
        unit sphere, so that Psi = I/d.
    noise_variance : number or array, >= 0
        Label noise sigma^2.
    target : array (d,) or (K, d), optional
        The fine-tuning task theta_0, not zero; or K of them, over which the losses of fine-tuning, and the risk on the task
        "target", are averages. Default: the first unit vector.
    pretrain_shots : int or math.inf, >= 1
        Shots m of the pretraining loss. (The commands with an official setting, such as ``table``, begin with 20.)
    few_shot_shots : int, >= 1, optional
        Shots of the auxiliary few-shot loss. Default: ``pretrain_shots`` where finite.
    few_shot_weight : number, >= 0
        lambda in L_ZS + lambda L_FS; 0 means the limit lambda -> 0+.
    value_scale : "balanced" or number
        w_0 = V_yy of the pretrained model; "balanced" means |v|^2 = |Q|_F^2.
    normalization : "tokens", "shots" or a number
        Whether the attention sum is divided by N = n + 1, by N = max(n, 1), or by that number whatever n is.
    query : {"attends", "masked"}
        Whether the query attends to itself.
    query_covariance : array (d, d) or (d,), PowerLaw or Spiked, optional
        Covariance of the query's inputs at evaluation, positive semidefinite. Default: that of the shots.
    target_weights : array (K,), optional
        Weights > 0 of several targets in these averages, of which only the ratios count. Default: equal ones.

    Raises
    ------
    ValueError, TypeError
        Naming the argument, its value and what is allowed.

    Notes
    -----
    Settings are equal if all their arguments are; they hash and pickle.

    Examples
    --------
    >>> Setting(d=5, noise_variance=0.1, pretrain_shots=20)
    Setting(d=5, noise_variance=0.1, pretrain_shots=20)
    >>> Setting(d=3, covariance=[4, 2, 1]) == Setting(covariance=[4, 2, 1])
    True
    >>> Setting(d=5, noise_variance=-1.0)
    Traceback (most recent call last):
        ...
    ValueError: noise_variance = -1.0 is not allowed: noise_variance must be a real number from 0 to 1e+50
    """

    __slots__ = ()

    def __new__(cls, d: Numbers | None = None, **arguments: Unpack[SettingArguments]) -> Self:
        """Check every argument; see the class."""
        try:
            fields = _Fields(d, **arguments)
        except TypeError:
            validation.unknown_keywords("Setting", arguments.keys() - set(SETTING_ARGUMENTS), SETTING_ARGUMENTS)
            raise
        return cls._checked(fields)

    @classmethod
    def _checked(cls, fields: _Fields) -> Self:
        (
            d, covariance, task_covariance, noise_variance, target, pretrain_shots, few_shot_shots, few_shot_weight,
            value_scale, normalization, query, query_covariance, target_weights,
        ) = fields  # fmt: skip
        if d is None or not (covariance is task_covariance is target is query_covariance is None):
            d, covariance, task_covariance, target, query_covariance = _agreeing(
                d,
                covariance=covariance,
                task_covariance=task_covariance,
                target=target,
                query_covariance=query_covariance,
            )
        else:
            d = validation.count("d", d, 1)
        noise_variance = validation.real("noise_variance", noise_variance)
        pretrain_shots = validation.count("pretrain_shots", pretrain_shots, 1, True)
        if few_shot_shots is not None:
            few_shot_shots = validation.count("few_shot_shots", few_shot_shots, 1)
        few_shot_weight = validation.real("few_shot_weight", few_shot_weight)
        if type(value_scale) is not str:
            value_scale = validation.real("value_scale", value_scale, 1e-50)
        elif value_scale != "balanced":
            raise validation.nearest("value_scale", value_scale, ("balanced",), " or a positive number")
        if type(normalization) is not str or normalization != "tokens":
            normalization = validation.normalization(normalization, NORMALIZATIONS)
        if type(query) is not str or query != "attends":
            query = validation.choice("query", query, QUERIES)
        if target_weights is not None:
            target_weights = weights_of_targets(target_weights, target)
        return tuple.__new__(
            cls,
            (
                d, covariance, task_covariance, noise_variance, target, pretrain_shots, few_shot_shots, few_shot_weight,
                value_scale, normalization, query, query_covariance, target_weights,
            ),
        )  # fmt: skip

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Setting) and all(map(_same, self, other))

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(tuple(tuple(x.flat) if isinstance(x, np.ndarray) else x for x in self))

    def __reduce__(self) -> Any:
        return _restored, (tuple(self),)

    @property
    def is_isotropic(self) -> bool:
        """Whether Sigma = I and tasks are uniform on the unit sphere: six scalars then describe every strategy."""
        given = (self.covariance, self.task_covariance, self.query_covariance)
        return all(x is None for x in given) and not self.has_several_targets

    @property
    def has_several_targets(self) -> bool:
        """Whether fine-tuning has more than one task."""
        return self.target is not None and self.target.ndim == 2

    def sigma(self) -> Array:
        """The input covariance as an array (d, d)."""
        if type(self.d) is not int:
            raise validation.reject("d", self.d, "one whole number where matrices are asked for")
        return (
            np.eye(self.d)
            if self.covariance is None
            else np.asarray(whole_as_floats(as_matrix(self.covariance, self.d)))
        )

    def target_vector(self) -> Array:
        """theta_0 as an array, the first unit vector by default."""
        if self.has_several_targets:
            raise validation.reject(
                "target",
                self.target,
                "one vector here; theory.risk, fixed_point, numerics.flow, estimate and train take several",
            )
        if self.target is not None:
            return np.asarray(whole_as_floats(self.target))
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
                "few_shot_shots = None is not allowed for a mixed strategy when pretrain_shots is infinite: give a finite "
                "pretrain_shots, which the few-shot loss then takes as well, or few_shot_shots, a whole number >= 1"
            )
        return shots

    def replace(self, **changes: Any) -> Setting:
        """The same setting with some arguments changed, checked anew.

        Examples
        --------
        >>> Setting(d=5, noise_variance=0.1).replace(noise_variance=0)
        Setting(d=5)
        """
        validation.unknown_keywords("Setting.replace", set(changes) - set(SETTING_ARGUMENTS), SETTING_ARGUMENTS)
        return Setting(**{**self._asdict(), **changes})

    def __repr__(self) -> str:
        shown = []
        for name, value in self._asdict().items():
            if isinstance(value, np.ndarray):
                shown.append(f"{name}=array of shape {value.shape}")
            elif not _same(value, _Fields._field_defaults[name]):
                shown.append(f"{name}={value!r}")
        return f"Setting({', '.join(shown)})"

    def _repr_html_(self) -> str:
        """Every argument, the defaults too, as a notebook shows it."""
        from .tables import html_table

        shown = {
            name: f"array of shape {value.shape}" if isinstance(value, np.ndarray) else str(value)
            for name, value in self._asdict().items()
        }
        return html_table(("Setting", ""), list(shown.items()))


def _restored(fields: tuple[Any, ...]) -> Setting:
    """A pickled setting."""
    for field in fields:
        if isinstance(field, np.ndarray):
            field.flags.writeable = False
    return tuple.__new__(Setting, fields)


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and np.array_equal(a, b)
    return bool(a == b)


def as_matrix(covariance: Any, d: int) -> Array:
    """A covariance as a matrix: a family's, or that of a vector of eigenvalues."""
    if isinstance(covariance, FAMILIES):
        covariance = covariance.eigenvalues(d)
    return np.diag(covariance) if covariance.ndim == 1 else np.asarray(covariance)


def settled(function: str, setting: Any, d: Any, arguments: Mapping[str, Any], own: tuple[str, ...] = ()) -> Setting:
    """The setting that the arguments make; beside a setting they override it. ``own`` are the function's other arguments."""
    if setting is None:
        try:
            return Setting._checked(_Fields(d, **arguments))
        except TypeError:
            validation.unknown_keywords(function, arguments.keys() - set(SETTING_ARGUMENTS), own + SETTING_ARGUMENTS)
            raise
    if not isinstance(setting, Setting):
        raise validation.reject("setting", setting, "a theory.Setting", TypeError)
    validation.unknown_keywords(function, arguments.keys() - set(SETTING_ARGUMENTS), own + SETTING_ARGUMENTS)
    if d is not None:
        arguments = {"d": d, **arguments}
    return setting.replace(**arguments) if arguments else setting


def _agreeing(d: Any, **arrays: Any) -> tuple[Any, ...]:
    """The arguments that have d in their shape must agree on it."""
    source = "d"
    if d is not None:
        d = validation.count("d", d, 1)
    checked: list[Any] = []
    families: list[tuple[int, str]] = []
    for name, value in arrays.items():
        if value is None or isinstance(value, FAMILIES):
            if value is not None:
                families.append((len(checked), name))
            checked.append(value)
            continue
        if name == "target":
            array = checked_target(value)
        else:
            array = validation.covariance(name, value, definite=name == "covariance")
        size = array.shape[-1]
        if d is None:
            d, source = size, name
        elif not (isinstance(d, int) and d == size):
            raise ValueError(
                f"{name} = {validation.describe(value)} is not allowed: its dimension is {size}, "
                f"but {source} says {validation.describe(d)}; they must agree"
            )
        if array.base is not None or array is value:
            array = array.copy()
        array.flags.writeable = False
        checked.append(array)
    if d is None:
        raise ValueError("d = None is not allowed: give d, or a covariance, task_covariance or target that has it")
    for index, name in families:
        if type(d) is not int:
            raise validation.reject(name, checked[index], "a matrix or None where d is not one whole number")
        checked[index].eigenvalues(d)
    return d, *checked


# The published experiments of arXiv 2602.23197: inputs N(0, I), tasks uniform on the unit sphere.
OFFICIAL = Setting(d=5, noise_variance=0.1, pretrain_shots=20)
