"""Monte Carlo estimates of the risk, by simulation of the model itself; see `simulators` for the two ways."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Literal, NamedTuple, Unpack

import numpy as np

from theory import AttentionParameters, Setting, Strategy, fixed_point
from theory.names import Numbers, StrategyName, Task
from theory.parameters import dimension_beside
from theory.question import asked
from theory.setting import SettingArguments, settled
from theory.signatures import spelt_out
from theory.strategies import find_strategy
from theory.tasks import checked_task
from theory.validation import choice, count, reject

from .blocks import MAX_FLOATS, RandomSource, block_lengths, map_blocks, root_seed
from .prompts import Array, Prompts, prompts_of
from .simulators import squared_errors_by_law, squared_errors_by_tokens, whiten

Method = Literal["law", "tokens"]


class Estimate(NamedTuple):
    """A Monte Carlo estimate of a risk.

    `mean` and its `standard_error` are floats for one shot count and arrays for a sequence of them; `prompts`
    is the number of independent prompts behind each.
    """

    mean: float | Array
    standard_error: float | Array
    prompts: int


_OWN = ("model", "n_shots", "task", "method", "prompts", "rao_blackwell", "rng", "executor", "setting")


@spelt_out
def estimate(
    model: StrategyName | Strategy | AttentionParameters,
    n_shots: Numbers,
    d: int | None = None,
    *,
    task: Task = "target",
    method: Method = "law",
    prompts: int = 100_000,
    rao_blackwell: bool = True,
    rng: RandomSource = None,
    executor: Executor | None = None,
    setting: Setting | None = None,
    **arguments: Unpack[SettingArguments],
) -> Estimate:
    """Monte Carlo estimate of what :func:`theory.risk` gives exactly, E (y_q - prediction)^2, by simulation.

    Parameters
    ----------
    model : str, Strategy or AttentionParameters
        A strategy, simulated at its :func:`theory.fixed_point`, or a model in a strategy's place: any layer, of several
        heads, with a prompt or a skip.
    n_shots : int >= 0, or a sequence of them
        Shots in the prompt. The prompts of different counts are independent.
    method : {"law", "tokens"}
        "tokens" simulates the definition, at a cost proportional to n_shots; "law" draws the prediction from
        its exact law given the query, at a cost free of n_shots.
    prompts : int >= 2
        Prompts for each shot count.
    rao_blackwell : bool
        Whether to average squared errors in closed form over part of the randomness, which leaves their mean
        and lowers their variance. "tokens": over the noise of the query's label only. "law": over the shots
        and all label noise, so that only the query's input and, for the unseen task, theta are drawn. False
        draws all of it, and the mean is one of plain squared errors.
    rng : seed, SeedSequence or Generator, optional
        The same seed gives the same bits from any executor. Estimates meant to be independent of one another,
        also by different methods, need different seeds.
    executor : concurrent.futures.Executor, optional
        Where blocks of prompts run; default: here.
    d, task, setting, **arguments
        As in :func:`theory.risk`.

    Returns
    -------
    Estimate
        (mean, standard_error, prompts). Squared errors are heavy-tailed: they are polynomials of degree six
        and more in normal variables, with a kurtosis in the hundreds, so that the standard error is itself
        uncertain and intervals of a few standard errors miss more often than those of a normal variable.

    Raises
    ------
    ValueError, TypeError
        Naming the argument, its value and what is allowed.

    Examples
    --------
    >>> result = estimate("zero_shot_value", 10, 5, noise_variance=0.1, pretrain_shots=20, rng=0)
    >>> import theory
    >>> exact = theory.risk("zero_shot_value", 10, 5, noise_variance=0.1, pretrain_shots=20)
    >>> abs(result.mean - exact) < 5 * result.standard_error
    True
    """
    if not isinstance(model, AttentionParameters):
        model = find_strategy(model, "model")
    else:
        d = dimension_beside(model, d, setting, *map(arguments.get, ("covariance", "task_covariance", "target")))
    setting = settled("estimate", setting, d, arguments, _OWN)
    choice("method", method, ("law", "tokens"))
    if np.ndim(prompts) or count("prompts", prompts) < 2:
        raise reject("prompts", prompts, "a whole number >= 2")
    counts = np.asarray(count("n_shots", n_shots))
    if isinstance(model, AttentionParameters):
        parameters, task = model, asked(model, setting, checked_task(task, setting)).task
    else:
        parameters = fixed_point(model, setting=setting)
    drawn = prompts_of(setting, task)
    estimates = simulate(
        parameters,
        drawn,
        [int(n) for n in counts.flat],
        int(prompts),
        method=method,
        rao_blackwell=rao_blackwell,
        rng=rng,
        executor=executor,
    )
    if counts.ndim == 0:
        return estimates[0]
    means = np.reshape([one.mean for one in estimates], counts.shape)
    errors = np.reshape([one.standard_error for one in estimates], counts.shape)
    return Estimate(means, errors, int(prompts))


class _Block(NamedTuple):
    method: Method
    model: AttentionParameters
    prompts: Prompts
    n_shots: int
    length: int
    rao_blackwell: bool
    seed: np.random.SeedSequence


def _block_moments(block: _Block) -> tuple[float, float]:
    """Mean of a block's squared errors, and the sum of squared deviations from it."""
    squared_errors = squared_errors_by_law if block.method == "law" else squared_errors_by_tokens
    errors = squared_errors(
        block.model,
        block.prompts,
        block.n_shots,
        block.length,
        block.rao_blackwell,
        np.random.default_rng(block.seed),
    )
    mean = float(errors.mean())
    return mean, float(((errors - mean) ** 2).sum())


def simulate(
    model: AttentionParameters,
    prompts: Prompts,
    shot_counts: Sequence[int],
    size: int,
    *,
    method: Method = "law",
    rao_blackwell: bool = True,
    rng: RandomSource = None,
    executor: Executor | None = None,
) -> list[Estimate]:
    """`estimate` on a law of prompts: one Estimate a shot count, each from `size` prompts of its own."""
    simulated = whiten(model, prompts) if method == "law" else (model, prompts)
    width, heads = prompts.d + 2, model.n_heads
    blocks: list[_Block] = []
    ends = []
    for n, seed in zip(shot_counts, root_seed(rng).spawn(len(shot_counts)), strict=True):
        tokens_drawn = n + 1 if method == "tokens" else 1
        floats = max(tokens_drawn * width, heads * width, 4 * heads * heads if heads > 1 else 0)
        lengths = block_lengths(size, max(1, MAX_FLOATS // floats))
        blocks += [
            _Block(method, *simulated, n, length, rao_blackwell, child)
            for length, child in zip(lengths, seed.spawn(len(lengths)), strict=True)
        ]
        ends.append(len(blocks))
    lengths = [block.length for block in blocks]
    moments = map_blocks(_block_moments, blocks, lengths, executor=executor)
    return [_combine(lengths[start:end], moments[start:end]) for start, end in zip([0, *ends[:-1]], ends, strict=True)]


def _combine(lengths: Sequence[int], moments: Sequence[tuple[float, float]]) -> Estimate:
    """Pool the blocks' means and squared deviations, with exactly rounded sums."""
    prompts = sum(lengths)
    mean = math.fsum(length * block_mean for length, (block_mean, _) in zip(lengths, moments, strict=True)) / prompts
    deviations = math.fsum(
        squares + length * (block_mean - mean) ** 2
        for length, (block_mean, squares) in zip(lengths, moments, strict=True)
    )
    return Estimate(mean, math.sqrt(deviations / (prompts - 1) / prompts), prompts)
