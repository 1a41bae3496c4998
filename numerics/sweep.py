"""grid: the exact risk over a product of strategies, dimensions, shots, noise, covariances and tasks, as one table."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Executor, as_completed
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Literal

import numpy as np
from tqdm import tqdm

from theory import PowerLaw, Setting, Spiked
from theory.names import Normalization, Numbers, Numeric, Query, Task, Vector
from theory.setting import QUERIES
from theory.strategies import find_strategy
from theory.validation import choice, reject
from theory.which_law import laws_of

from . import sweep_axes as axes
from .covariances import Alignment
from .prompts import Array
from .sweep_axes import Named
from .sweep_blocks import INNER, OUTER, Block, Models, Sweep, blocks_of, evaluate
from .sweep_checkpoint import SweepCheckpoint
from .table import Table

Covariances = Literal["isotropic"] | Vector | PowerLaw | Spiked


def grid(
    strategies: Models | Sequence[Models] | Mapping[str, Models],
    n_shots: Numbers,
    d: Numbers | None = None,
    *,
    task: Task | Sequence[Task] | Mapping[str, Task] = "target",
    covariance: Covariances | Sequence[Covariances] | Mapping[str, Covariances] | None = None,
    target: Alignment | Vector | Sequence[Alignment | Vector] | Mapping[str, Alignment | Vector] = "first",
    task_covariance: Vector | PowerLaw | Spiked | None = None,
    noise_variance: Numbers = 0,
    pretrain_shots: Numbers = math.inf,
    few_shot_shots: Numbers | None = None,
    few_shot_weight: Numbers = 0,
    value_scale: Literal["balanced"] | Numbers = "balanced",
    normalization: Normalization | Numeric | Sequence[Normalization | Numeric] = "tokens",
    query: Query = "attends",
    query_covariance: Vector | PowerLaw | Spiked | None = None,
    executor: Executor | None = None,
    progress: bool | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
) -> Table:
    r"""Exact risk :func:`theory.risk` at every point of a product of axes, as one tidy table.

    Each of the first eleven arguments is one value or a sequence of values, an axis of the product. Strategies, tasks,
    covariances and targets can also be mappings from names, which the table shows, to values.

    Parameters
    ----------
    strategies : str, Strategy or AttentionParameters, or several
        Strategies by name, or models (v, Q) in a strategy's place.
    n_shots : int >= 0, or several
        Shots in the prompt.
    d : int >= 1, or several
        Input dimension; may be left out where a matrix, a vector or a model has it in its shape.
    task : "target", "opposite", "unseen", cosine or vector, or several
        Evaluation tasks as in :func:`theory.risk`. A sequence of numbers is one of cosines; a vector is written inside
        a sequence, ``[theta]``, or a mapping.
    covariance : "isotropic", PowerLaw, Spiked, eigenvalues (d,) or matrix (d, d), or several
        Input covariance; families exist at every d. Several vectors of eigenvalues are written as a mapping, since a
        sequence of them is a matrix. Default: isotropic.
    target : "first", "largest", "smallest", "uniform" or vector (d,), or several
        The fine-tuning task: the first unit vector, the unit eigenvector of the covariance's largest or smallest
        eigenvalue, the unit vector with equal weight on all eigenvectors, or theta_0 itself.
    task_covariance : array (d, d) or (d,), PowerLaw or Spiked, optional
        Psi, one for the whole sweep. Default: tasks uniform on the unit sphere.
    noise_variance, pretrain_shots, few_shot_shots, few_shot_weight, value_scale, normalization
        As in :class:`theory.Setting`, one or several; ``value_scale`` is "balanced" or numbers.
    query, query_covariance
        As in :class:`theory.Setting`, one for the whole sweep.
    executor : concurrent.futures.Executor, optional
        Where blocks of the sweep run: a process pool, a thread pool, an MPI pool, or dask's
        ``client.get_executor(pure=False)``. Default: here.
    progress : bool, optional
        Whether to show a progress bar; default: on a terminal.
    checkpoint : path, optional
        A file to which finished blocks are appended. A sweep that was killed takes them from there when it is
        started again with the same arguments; another sweep is refused.

    Returns
    -------
    Table
        Columns strategy, task, covariance, target, normalization, d, noise_variance, pretrain_shots, few_shot_shots,
        few_shot_weight, value_scale, n_shots, risk; one row a point, the last axes fastest. ``few_shot_shots`` is
        NaN where it has no value.

    Raises
    ------
    ValueError, TypeError
        Naming the argument, the value and what is allowed.
    NoClosedForm
        `mixed` at a finite few_shot_weight.

    Notes
    -----
    The same bits come from any executor, and equal those of :func:`theory.risk`. For matrices of about 65 rows and
    more this holds where BLAS runs equally many threads here and in the workers, as the order of its sums depends on
    that: dask's worker processes set one thread, so that ``OPENBLAS_NUM_THREADS=1`` (or the like) is then wanted here.

    Isotropic sweeps and diagonal covariances are accurate to about 1e-13 relative at any condition number, and so are
    other covariances at moderate ``pretrain_shots``. With ``pretrain_shots`` infinite and a covariance that is not
    diagonal the relative error grows up to its condition number times 2e-16.

    Examples
    --------
    >>> grid(["pretrained", "zs_v"], [0, 10], [5, 20], noise_variance=0.1, pretrain_shots=20)["risk"].round(3)
    array([1.1  , 0.516, 1.1  , 0.863, 0.322, 0.544, 0.183, 0.817])
    >>> from numerics import PowerLaw
    >>> power = PowerLaw(1.5)
    >>> table = grid("mixed_value", range(3), 8, covariance=power, target=["largest", "smallest"], pretrain_shots=20)
    >>> len(table), table.columns[:4]
    (6, ('strategy', 'task', 'covariance', 'target'))
    """
    models = axes.models(strategies)
    covariances, targets = axes.covariances(covariance), axes.targets(target)
    dimensions = axes.one_dimension(d, models, covariances, targets)
    outer = (models, axes.tasks(task, dimensions), covariances, targets, axes.normalizations(normalization))
    inner = (
        dimensions,
        axes.reals("noise_variance", noise_variance),
        axes.counts("pretrain_shots", pretrain_shots, 1, infinite=True),
        None if few_shot_shots is None else axes.counts("few_shot_shots", few_shot_shots, 1),
        axes.reals("few_shot_weight", few_shot_weight),
        None if _is_balanced(value_scale) else axes.reals("value_scale", value_scale, 1e-50),
        axes.counts("n_shots", n_shots),
    )
    priors = (
        axes.semidefinite("task_covariance", task_covariance),
        axes.semidefinite("query_covariance", query_covariance),
    )
    sweep = Sweep(outer, inner, priors[0], choice("query", query, QUERIES), priors[1])
    _check(sweep)
    return _table(sweep, _run(sweep, executor, progress, checkpoint))


def _is_balanced(value_scale: Any) -> bool:
    if isinstance(value_scale, str) and value_scale != "balanced":
        raise reject("value_scale", value_scale, "'balanced', or one or several positive numbers")
    return isinstance(value_scale, str)


def _check(sweep: Sweep) -> None:
    """Refuse before anything runs what some point of the sweep would refuse."""
    inner: dict[str, Any] = dict(zip(INNER, sweep.inner, strict=True))
    dimensions, weights = inner["d"], inner["few_shot_weight"]
    models, tasks, covariances, _targets, _ = sweep.outer
    assert dimensions is not None
    assert weights is not None
    for argument, named in zip(("model", *OUTER[1:4]), sweep.outer, strict=False):
        axes.agree_on_dimension(dimensions, argument, named)
    prior, shifted = sweep.task_covariance, sweep.query_covariance
    axes.agree_on_dimension(dimensions, "task_covariance", [Named("Psi", prior)])
    axes.agree_on_dimension(dimensions, "query_covariance", [Named("Sigma_q", shifted)])
    for _, covariance in covariances:
        Setting(d=int(dimensions.min()), covariance=covariance, task_covariance=prior, query_covariance=shifted)
    cosine = next((value for _, value in tasks if isinstance(value, float)), None)
    if cosine is not None and not (prior is None and all(value is None for _, value in covariances)):
        raise reject("task", cosine, "'target', 'opposite', 'unseen' or a vector where a covariance is given")
    for _, model in models:
        if isinstance(model, str):
            laws_of(find_strategy(model), Setting(d=1, few_shot_weight=weights.max()))
            if find_strategy(model).few_shot and inner["few_shot_shots"] is None:
                Setting(d=1, pretrain_shots=inner["pretrain_shots"]).auxiliary_shots()


def _run(sweep: Sweep, executor: Executor | None, progress: bool | None, checkpoint: Any) -> Array:
    """Every block's risks, one after another; here or on the executor, those that a checkpoint lacks."""
    blocks = list(blocks_of(sweep))
    sizes = [math.prod(1 if x is None else len(x) for x in block.inner) for block in blocks]
    risks: dict[int, Array] = {}
    with (
        nullcontext() if checkpoint is None else SweepCheckpoint(Path(checkpoint), sweep.description(), sizes) as saved,
        tqdm(
            total=sum(sizes), unit="point", unit_scale=True, disable=None if progress is None else not progress
        ) as bar,
    ):
        if saved is not None:
            risks.update(saved.finished)
            bar.update(sum(sizes[k] for k in risks))
        missing = [k for k in range(len(blocks)) if k not in risks]
        for k, values in _results(blocks, missing, executor):
            risks[k] = values
            if saved is not None:
                saved.add(k, values)
            bar.update(sizes[k])
    return np.concatenate([risks[k] for k in range(len(blocks))])


def _results(blocks: Sequence[Block], missing: Sequence[int], executor: Executor | None) -> Iterator[tuple[int, Array]]:
    """The missing blocks as they finish, so that a checkpoint does not wait for the slowest."""
    if executor is None:
        for k in missing:
            yield k, evaluate(blocks[k])
        return
    futures = {executor.submit(evaluate, blocks[k]): k for k in missing}
    failure: BaseException | None = None
    try:
        for future in as_completed(futures):  # in any order: a failed block must not cost those that are finished
            lost = future.cancelled()  # by the executor, or by us after a failure
            error = CancelledError("the executor lost a block of the sweep") if lost else future.exception()
            if error is None:
                yield futures[future], future.result()
            elif failure is None:
                failure = error
                for other in futures:
                    other.cancel()
        if failure is not None:
            raise failure
    finally:
        for future in futures:
            future.cancel()


def _table(sweep: Sweep, risks: Array) -> Table:
    """The product's columns beside the risks."""
    inner = dict(zip(INNER, sweep.inner, strict=True))
    lengths = (*(len(named) for named in sweep.outer), *sweep.lengths)

    def column(axis: int, values: Any) -> Any:
        shape = tuple(-1 if k == axis else 1 for k in range(len(lengths)))
        return np.broadcast_to(values.reshape(shape), lengths).ravel()

    columns = {
        name: column(axis, np.array([item.name for item in named]))
        for axis, (name, named) in enumerate(zip(OUTER, sweep.outer, strict=True))
    }
    for axis, name in enumerate(INNER, len(OUTER)):
        values: Any = inner[name]
        if values is None:
            values = np.array(["balanced" if name == "value_scale" else math.nan])
        elif name in ("d", "n_shots"):
            values = values.astype(np.int64)
        columns[name] = column(axis, values)
    if inner["few_shot_shots"] is None:  # the default: those of pretraining, where these are finite
        shots = columns["pretrain_shots"]
        columns["few_shot_shots"] = np.where(shots == math.inf, math.nan, shots)
    return Table({**columns, "risk": risks})
