"""From a Setting to the numbers, vectors and operators that the laws take, all of one kind, on the space that fits."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from . import validation
from .contractions import Inputs, Tasks
from .covariances import FAMILIES
from .kinds import Array, Kind, Number
from .lines import Lines
from .matrices import Matrices
from .points import World
from .prompt import tokens, training_tokens
from .setting import Setting, as_matrix
from .targets import mean_target, weighed
from .tasks import OPPOSITE, TARGET, UNSEEN

NUMBER_FIELDS = ("d", "noise_variance", "pretrain_shots", "few_shot_shots", "few_shot_weight", "value_scale")


def numbers_of(setting: Setting) -> list[Any]:
    """The setting's numbers, a balanced value scale as None."""
    values = [getattr(setting, name) for name in NUMBER_FIELDS]
    if type(values[-1]) is str:
        values[-1] = None
    return values


def values_of(setting: Setting, n_shots: Number, task: Any) -> list[Any]:
    """The numbers and arrays of a setting, n and a task; arrays of counts decide nothing, as ints do."""
    d, noise_variance, pretrain_shots, few_shot_shots, few_shot_weight, scale = numbers_of(setting)
    counts = [x for x in (n_shots, d, pretrain_shots, few_shot_shots) if not (_is_array(x) and x.dtype != object)]
    arrays = (
        setting.covariance, setting.task_covariance, setting.target, setting.query_covariance, setting.target_weights
    )  # fmt: skip
    families = [1.0 if isinstance(x, FAMILIES) else x for x in arrays]
    normalization = None if isinstance(setting.normalization, str) else setting.normalization
    others = (noise_variance, few_shot_weight, scale, normalization, None if isinstance(task, str) else task)
    return [*counts, *others, *families]


def require_one_shape(setting: Setting, n_shots: Number) -> None:
    """The arrays among the numbers must broadcast; an error names those that do not."""
    validation.broadcast({"n_shots": n_shots, **{name: getattr(setting, name) for name in NUMBER_FIELDS}})


def has_arrays(setting: Setting, *others: Any) -> bool:
    """Whether a number of the setting, or another, is an array."""
    return any(map(_is_array, (*numbers_of(setting), *others)))


def _is_array(x: Any) -> bool:
    return isinstance(x, np.ndarray)


def is_diagonal(setting: Setting) -> bool:
    """Whether all covariances are diagonal by how they are given."""
    given = (setting.covariance, setting.task_covariance, setting.query_covariance)
    return not any(_is_array(x) and x.ndim == 2 for x in given)


def world_of(setting: Setting, kind: Kind, few_shot_shots: Number = None, own_model: bool = False) -> World:
    """The world of any setting: lines where all covariances are diagonal, else matrices.

    A model of one's own has matrices, and no law asks how it was trained; several targets have them too.
    """
    attends = setting.query == "attends"
    _, noise_variance, pretrain_shots, _, few_shot_weight, scale = numbers_of(setting)
    if type(setting.d) is not int:
        raise validation.reject("d", setting.d, "one whole number where vectors or matrices are given")
    number, normalization = kind.number, normalization_of(setting, kind)
    per_token, gain = (None, None) if own_model else training(number(pretrain_shots), normalization)
    few = number(few_shot_shots)
    few_tokens = None if few is None else tokens(few, normalization)
    d = number(setting.d)
    several = weighed(np.asarray(setting.target), setting.target_weights, kind) if setting.has_several_targets else []
    target = mean_target(several) if several else kind.array(target_of(setting))
    rest = (
        d, number(noise_variance), per_token, gain, few, few_tokens, number(few_shot_weight), number(scale),
        tokens(0, normalization), normalization,
    )  # fmt: skip
    if own_model or several or not is_diagonal(setting):
        return _matrices(setting, kind, target, (*rest, tuple(several), attends))
    ones = kind.array(np.ones(setting.d, dtype=int))
    space = Lines(ones, ones)
    psi = setting.task_covariance
    return World(
        space,
        space.diagonal(ones if setting.covariance is None else kind.array(eigenvalues(setting.covariance, setting.d))),
        None if psi is None else space.diagonal(kind.array(eigenvalues(psi, setting.d))),
        space.vector(target),
        *rest,
        attends=attends,
    )


def _matrices(setting: Setting, kind: Kind, target: Array, rest: tuple[Any, ...]) -> World:
    space = Matrices(setting.d, kind)
    psi = setting.task_covariance
    sigma = space.identity if setting.covariance is None else kind.array(as_matrix(setting.covariance, setting.d))
    return World(space, sigma, None if psi is None else kind.array(as_matrix(psi, setting.d)), target, *rest)


def eigenvalues(covariance: Any, d: int) -> Array:
    """The eigenvalues of a diagonal covariance."""
    return covariance.eigenvalues(d) if isinstance(covariance, FAMILIES) else np.asarray(covariance)


def normalization_of(setting: Setting, kind: Kind) -> Any:
    """The convention, a number in the common kind."""
    given = setting.normalization
    return given if isinstance(given, str) else kind.number(given)


def training(shots: Number, normalization: Any) -> tuple[Number, Number]:
    """1/N and (m + 1)/N of the pretraining loss."""
    if isinstance(shots, float) and shots == math.inf:
        if not isinstance(normalization, str):
            raise validation.reject(
                "pretrain_shots", shots, "finite where normalization is a number: N does not grow with it"
            )
        return 0, 1
    return training_tokens(shots, normalization)


def target_of(setting: Setting) -> Array:
    """theta_0 in the numbers that it was given in; whole numbers by default."""
    return first_axis(setting.d) if setting.target is None else np.asarray(setting.target)


def first_axis(d: int) -> Array:
    """The first unit vector, in whole numbers."""
    first = np.zeros(d, dtype=int)
    first[0] = 1
    return first


def inputs_of(world: World, setting: Setting, kind: Kind) -> Inputs:
    """The laws of shots and query in token space."""
    inputs = world.inputs()
    if setting.query_covariance is None:
        return inputs
    space: Any = world.space
    query: Any
    if isinstance(space, Lines):
        query = space.diagonal(kind.array(eigenvalues(setting.query_covariance, setting.d)))
    else:
        query = kind.array(as_matrix(setting.query_covariance, setting.d))
    return inputs._replace(query=space.token_operator(query, 0), shifted=True)


def tasks_of(world: World, task: Any) -> Tasks:
    """A checked task, or the tasks that it averages over."""
    space: Any = world.space
    target = space.token_vector(0, world.target, 0)
    if isinstance(task, str) and task == UNSEEN:
        if world.psi is not None:
            return Tasks(0 * target, space.token_operator(world.psi, 0), 1)
        return Tasks(0 * target, space.token_operator(space.sphere(world.d), 0), world.d / (world.d + 2))
    if isinstance(task, str):
        return Tasks(target if task == TARGET else (-1) * target)
    return Tasks(space.token_vector(0, space.vector(task), 0))


def parts_of(world: World, task: Any) -> list[tuple[Number, Tasks]]:
    """A checked task as (weight, tasks): several targets, or their opposites, one by one."""
    if not (world.several and isinstance(task, str) and task in (TARGET, OPPOSITE)):
        return [(1, tasks_of(world, task))]
    sign, space = 1 if task == TARGET else -1, world.space
    return [(weight, Tasks(space.token_vector(0, sign * one, 0))) for weight, one in world.several]


@contextmanager
def in_range() -> Iterator[None]:
    """Matrices whose products or inverses leave the range of floats: an error, not a warning and a NaN."""
    try:
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            yield
    except (FloatingPointError, np.linalg.LinAlgError) as error:
        raise ValueError(
            "covariance, task_covariance, target or model hold numbers so large, small or nearly dependent that floats "
            f"do not carry the answer ({error}); give Fractions, or call theory.risk with certify=True"
        ) from None
