"""Finite-sample training as the official experiments do it: momentum SGD with gradient clipping.

Run the official experiments, pretraining and six fine-tunings, with

    python -m numerics.training --output official.json
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from theory import STRATEGIES, AttentionParameters, Setting, Strategy
from theory.names import Normalization, Query, StrategyName
from theory.strategies import ADDED, find_strategy
from theory.validation import reject

from .blocks import RandomSource, root_seed
from .checkpoints import saved_seed
from .descent import Training as Training
from .descent import descend
from .layer_space import checked_heads
from .training_options import TrainingOptions, number, whole


def train(
    strategy: StrategyName | Strategy,
    d: int | None = None,
    *,
    covariance: Any = None,
    task_covariance: Any = None,
    target: Any = None,
    target_weights: Any = None,
    noise_variance: float = 0.1,
    pretrain_shots: int = 20,
    few_shot_shots: int | None = None,
    few_shot_weight: float | tuple[float, float] = (1.0, 0.0),
    normalization: Normalization | float = "tokens",
    query: Query = "attends",
    learning_rate: float = 0.01,
    momentum: float = 0.9,
    clip_norm: float | None = 1.0,
    iterations: int = 5000,
    batch_size: int = 5000,
    fine_tune_set_size: int | None = None,
    init_scale: float = 0.1,
    start: AttentionParameters | Training | None = None,
    freeze: Sequence[int] = (),
    rng: RandomSource = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_interval: int = 500,
) -> Training:
    """Train a strategy by stochastic gradient descent on finite batches.

    Pretraining minimises the squared error at `pretrain_shots` shots on fresh tasks. Fine-tuning goes on from
    there with what the strategy trains, on its loss: any weights of L_ZS, L_FS and L_PT, and a pull to the start. Of what
    trains in v and Q every entry does, those too that symmetry would leave at zero. What is added to a frozen layer, a
    token (0, x, y), a readout of (1, x_q), a second head, starts small. A step is torch's SGD: the gradient
    of the trained parameters is scaled down to norm `clip_norm` where it is longer;
    velocity = momentum velocity + gradient; parameters -= learning_rate velocity.

    Parameters
    ----------
    strategy : str or Strategy
        As in :func:`theory.risk`; of a Strategy's own ``few_shot`` the weight is constant, and its time is infinite.
    d : int, optional
        Input dimension. Default: that of `covariance`, `task_covariance`, `target` or `start`, else 5.
    covariance, task_covariance, target, target_weights, noise_variance, pretrain_shots, few_shot_shots, normalization, query
        As in :class:`theory.Setting`, with the official experiments' noise 0.1 and 20 shots by default.
        Inputs of standard deviation x_std have covariance x_std^2 I.
    few_shot_weight : float or (float, float)
        lambda of the mixed strategies, or its value at the first iteration and the value that it reaches linearly after the last one.
        Default: annealed from 1 to 0.
    learning_rate, momentum : float
        Of the optimiser.
    clip_norm : float or None
        The longest gradient that is taken as it is; None means no clipping.
    iterations, batch_size : int
        Of pretraining and fine-tuning alike; `batch_size` prompts for each loss of the objective.
    fine_tune_set_size : int, optional
        Prompts in a fixed fine-tuning set, for each loss of the objective: a batch is the whole set, or
        `batch_size` prompts drawn from it with replacement where it is larger. Default: fresh prompts at each
        iteration. The source of the experiments leaves this open.
    init_scale : float
        Standard deviation of the independent normal entries of v and Q at the start of pretraining (the row
        of Q that no query reads is 0), and of what a strategy adds: a new head's (odd-symmetric: v_0, Q_0x, Q_0y and Q_x0
        start at 0) and a prompt token's x and y. A readout starts at 0. The source leaves this open; the law of a new head
        is that of a start that tends to zero.
    start : AttentionParameters or Training, optional
        Where fine-tuning starts: any layer, whose prompt and skip rest, unless they are what trains. Default: pretrain one
        head first.
    freeze : sequence of int, optional
        Heads of the start that do not train, counted from 0. Where a strategy adds something, none of them does.
    rng : seed, SeedSequence or Generator, optional
        Pretraining has a stream of its own, and fine-tunings of the same seed share theirs. So a run without
        `start` equals one from the pretraining of the same seed.
    checkpoint : path, optional
        An .npz file, written atomically every `checkpoint_interval` iterations and at the end. A run whose
        file exists goes on from it and ends with the same bits as an uninterrupted one; with rng None it
        takes the seed from there. Pretraining within a fine-tuning run has a file of its own beside it, whose
        name ends in ".pretrained.npz".

    Returns
    -------
    Training

    Raises
    ------
    ValueError, TypeError
        For a bad argument, or a checkpoint of a different run.
    FloatingPointError
        If the loss is no longer finite.

    Examples
    --------
    >>> run = train("pretrained", d=2, iterations=300, batch_size=500, rng=0)
    >>> bool(run.loss[-50:].mean() < run.loss[:50].mean())
    True
    """
    chosen, pretraining = find_strategy(strategy), STRATEGIES["pretrained"]
    for name in ("zero_shot", "replay", "pull"):
        number(name, getattr(chosen, name))
    if not isinstance(chosen.few_shot, str):
        number("few_shot", chosen.few_shot)
    if chosen.time is not math.inf:
        raise reject("time", chosen.time, "math.inf here: a run lasts for its iterations")
    if start is not None and chosen == pretraining:
        raise ValueError("start must be None for 'pretrained': only fine-tuning starts from a trained model")
    begin = start.parameters if isinstance(start, Training) else start
    if not isinstance(begin, AttentionParameters | None):
        raise reject("start", start, "None, a Training or AttentionParameters", TypeError)
    if d is None and covariance is None and task_covariance is None and target is None:
        d = 5 if begin is None else begin.d
    setting = Setting(
        d=d,
        covariance=covariance,
        task_covariance=task_covariance,
        target=target,
        target_weights=target_weights,
        noise_variance=number("noise_variance", noise_variance),
        pretrain_shots=whole("pretrain_shots", pretrain_shots),
        few_shot_shots=few_shot_shots if few_shot_shots is None else whole("few_shot_shots", few_shot_shots),
        normalization=normalization,
        query=query,
    )
    options = TrainingOptions(
        learning_rate=learning_rate,
        momentum=momentum,
        clip_norm=clip_norm,
        iterations=iterations,
        batch_size=batch_size,
        init_scale=init_scale,
        few_shot_weight=(few_shot_weight, few_shot_weight)
        if isinstance(few_shot_weight, int | float)
        else few_shot_weight,
        fine_tune_set_size=fine_tune_set_size,
    )
    if begin is not None and begin.d != setting.d:
        raise reject("start", start, f"a model of dimension d = {setting.d}, not {begin.d}")
    if len(freeze) and chosen.trains in ADDED:
        raise reject("freeze", freeze, "() where something is added: all heads of the start rest")
    frozen = checked_heads("freeze", freeze, 1 if begin is None else begin.n_heads)
    interval = whole("checkpoint_interval", checkpoint_interval)
    path = None if checkpoint is None else Path(checkpoint)
    if path is not None and not path.parent.is_dir():
        raise reject("checkpoint", checkpoint, "a file in a directory that exists")
    pretrain_path = None if path is None else path.with_suffix(".pretrained.npz")
    seed = saved_seed(path, pretrain_path) if rng is None else None
    if seed is None:
        seed = [int(word) for word in root_seed(rng).generate_state(8)]

    if chosen == pretraining:
        return descend(chosen, setting, options, None, seed, path, interval)
    if begin is None:
        begin = descend(pretraining, setting, options, None, seed, pretrain_path, interval).parameters
    return descend(chosen, setting, options, begin, seed, path, interval, frozen)


if __name__ == "__main__":
    from .training_command import main

    main()
