"""Random work in blocks: the same result from any executor and any number of workers.

The work is cut into blocks whose size depends on the problem alone; each block has a seed of its own, and the
results are reduced in block order. Blocks avoid BLAS for the same reason: a BLAS product may add its terms in
an order that depends on the number of its threads, which differs from one worker pool to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import TypeVar

import numpy as np
from tqdm import tqdm

MAX_FLOATS = 2**17  # floats in a block's largest array: 1 MiB, which stays in cache

RandomSource = int | Sequence[int] | np.random.SeedSequence | np.random.Generator | None

Task = TypeVar("Task")
Result = TypeVar("Result")


def root_seed(rng: RandomSource) -> np.random.SeedSequence:
    """The seed from which every block's seed is spawned.

    A seed or SeedSequence always gives the same root; a Generator advances, so that each use of it gives a
    fresh root; None takes entropy from the system.
    """
    try:
        generator = np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        raise type(error)(
            f"rng must be None, a non-negative integer, a SeedSequence or a Generator; got {rng!r}"
        ) from error
    return np.random.SeedSequence([int(word) for word in generator.integers(2**32, size=8)])


def block_lengths(total: int, length: int) -> list[int]:
    """Cut `total` into pieces of `length`, the last one shorter.

    >>> block_lengths(10, 4)
    [4, 4, 2]
    """
    full, rest = divmod(total, length)
    return [length] * full + [rest] * (rest > 0)


def map_blocks(
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    lengths: Sequence[int],
    *,
    executor: Executor | None = None,
    unit: str = "prompt",
) -> list[Result]:
    """Apply `function` to every task, in order, here or on an executor; show progress on a terminal.

    `function` is defined at module level and tasks can be pickled, so that other processes can run them.
    `lengths` says how many units of progress each task is worth.
    """
    results = map(function, tasks) if executor is None else executor.map(function, tasks)
    collected = []
    with tqdm(total=sum(lengths), unit=unit, unit_scale=True, disable=None) as progress:
        for result, length in zip(results, lengths, strict=True):
            collected.append(result)
            progress.update(length)
    return collected
