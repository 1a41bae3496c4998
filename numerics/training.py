"""Finite-sample training as the official experiments do it: momentum SGD with gradient clipping.

Run the official experiments, pretraining and six fine-tunings, with

    python -m numerics.training --output official.json
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from tqdm import trange

from theory import STRATEGIES, AttentionParameters, Setting, Strategy
from theory.strategies import ADDED, PUBLISHED, named_strategy
from theory.validation import reject

from .batches import LossTerm, draw_batch, loss_and_gradient
from .blocks import RandomSource, root_seed
from .checkpoints import RunState, load_checkpoint, save_checkpoint, saved_seed
from .layer_space import checked_heads
from .prompts import Array, prompts_of
from .training_options import TrainingOptions, number, run_record, whole


@dataclass(frozen=True)
class Training:
    """The outcome of a training run.

    Attributes
    ----------
    strategy : str
        Canonical name.
    parameters : AttentionParameters
        The trained v and Q.
    start : AttentionParameters or None
        Where fine-tuning began; None for pretraining.
    loss : (iterations,) array
        The objective on each iteration's batch, before that iteration's step.
    settings : dict
        Everything that determines the run, ready for JSON.
    """

    strategy: str
    parameters: AttentionParameters
    start: AttentionParameters | None
    loss: Array
    settings: dict[str, Any]


def train(
    strategy: str | Strategy,
    d: int | None = None,
    *,
    covariance: Any = None,
    task_covariance: Any = None,
    target: Any = None,
    noise_variance: float = 0.1,
    pretrain_shots: int = 20,
    few_shot_shots: int | None = None,
    few_shot_weight: float | tuple[float, float] = (1.0, 0.0),
    normalization: Literal["tokens", "shots"] | float = "tokens",
    query: Literal["attends", "masked"] = "attends",
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
    there on the target task, with the strategy's trained block and loss, L_ZS or L_ZS + lambda L_FS. The full
    last row v of the value matrix and the full key-query matrix Q train. A step is torch's SGD: the gradient
    of the trained parameters is scaled down to norm `clip_norm` where it is longer;
    velocity = momentum velocity + gradient; parameters -= learning_rate velocity.

    Parameters
    ----------
    strategy : str or Strategy
        As in :func:`theory.risk`.
    d : int, optional
        Input dimension. Default: that of `covariance`, `task_covariance`, `target` or `start`, else 5.
    covariance, task_covariance, target, noise_variance, pretrain_shots, few_shot_shots, normalization, query
        As in :class:`theory.Setting`, with the official experiments' noise 0.1 and 20 shots by default.
        Inputs of standard deviation x_std have covariance x_std^2 I.
    few_shot_weight : float or (float, float)
        lambda, or its value at the first iteration and the value that it reaches linearly after the last one.
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
        of Q that no query reads is 0). The source leaves this open.
    start : AttentionParameters or Training, optional
        Where fine-tuning starts: any layer, whose prompt and skip rest. Default: pretrain one head first.
    freeze : sequence of int, optional
        Heads of the start that do not train, counted from 0.
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
    chosen = named_strategy(strategy)
    if chosen.trains in ADDED:
        allowed = "one that trains v, Q or both (a second head trains beside a frozen one: start=, freeze=)"
        raise reject("strategy", strategy, allowed)
    if start is not None and chosen.objective == "pretraining":
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
    frozen = checked_heads("freeze", freeze, 1 if begin is None else begin.n_heads)
    interval = whole("checkpoint_interval", checkpoint_interval)
    path = None if checkpoint is None else Path(checkpoint)
    if path is not None and not path.parent.is_dir():
        raise reject("checkpoint", checkpoint, "a file in a directory that exists")
    pretrain_path = None if path is None else path.with_suffix(".pretrained.npz")
    seed = saved_seed(path, pretrain_path) if rng is None else None
    if seed is None:
        seed = [int(word) for word in root_seed(rng).generate_state(8)]

    if chosen.objective == "pretraining":
        return _run(chosen, setting, options, None, seed, path, interval)
    if begin is None:
        pretraining = STRATEGIES["pretrained"]
        begin = _run(pretraining, setting, options, None, seed, pretrain_path, interval).parameters
    return _run(chosen, setting, options, begin, seed, path, interval, frozen)


def _run(
    strategy: Strategy,
    setting: Setting,
    options: TrainingOptions,
    start: AttentionParameters | None,
    seed: list[int],
    path: Path | None,
    interval: int,
    frozen: frozenset[int] = frozenset(),
) -> Training:
    """One pretraining or fine-tuning run, from its beginning or its checkpoint."""
    settings = run_record(strategy, setting, options, start, seed, frozen)
    saved = None if path is None else load_checkpoint(path)
    if saved is not None and saved[1] != settings:
        different = [key for key in settings if saved[1].get(key) != settings[key]]
        raise ValueError(
            f"checkpoint = {str(path)!r} belongs to a different run: {', '.join(different)} differ; "
            "allowed: a checkpoint of the same run, or a new file"
        )
    pretrain_seed, data_seed, fine_tune_seed = np.random.SeedSequence(seed).spawn(3)
    if start is None:
        generator = np.random.default_rng(pretrain_seed)
        parameters = options.init_scale * generator.standard_normal((setting.d + 3, setting.d + 2))
        parameters[-1] = 0.0
    else:
        generator = np.random.default_rng(fine_tune_seed)
        v, Q = (np.asarray(x, dtype=float) for x in (start.v, start.Q))
        parameters = np.concatenate((v[..., None, :], Q), axis=-2)
    state = RunState(parameters, np.zeros_like(parameters), np.empty(0), generator)
    if saved is not None:
        state = saved[0]

    terms = _terms(strategy, setting, options, start, np.random.default_rng(data_seed))
    trained = np.ones(parameters.shape)
    trained[..., 0, :] = strategy.trained != "key_query"
    trained[..., 1:, :] = strategy.trained != "value"
    if strategy.trained == "all_but_q":
        trained[..., 1, 0] = 0.0
    if frozen:
        trained[sorted(frozen)] = 0.0

    losses: list[float] = []
    for iteration in trange(len(state.loss), options.iterations, desc=strategy.name, disable=None):
        losses.append(_step(state, terms, trained, options, iteration))
        if len(losses) == interval or iteration + 1 == options.iterations:
            state.loss = np.concatenate([state.loss, losses])
            losses = []
            if path is not None:
                save_checkpoint(path, state, settings)
    v, Q = state.parameters[..., 0, :], state.parameters[..., 1:, :]
    beside = (None, None) if start is None else (start.prompt, start.skip)
    return Training(strategy.name, AttentionParameters(v, Q, *beside), start, state.loss, settings)


def _step(
    state: RunState, terms: Sequence[LossTerm], trained: Array, options: TrainingOptions, iteration: int
) -> float:
    """One step of momentum descent, in place; the objective before it."""
    objective = 0.0
    gradient = np.zeros_like(state.parameters)
    for term in terms:
        batch = term.batch(options.batch_size, state.generator)
        loss, loss_gradient = loss_and_gradient(state.parameters, batch)
        objective += term.weights[iteration] * loss
        gradient += term.weights[iteration] * loss_gradient
    if not math.isfinite(objective):
        raise FloatingPointError(f"training diverged: the loss is {objective} at iteration {iteration}")
    gradient *= trained
    if options.clip_norm is not None:
        # The 1e-6 is that of torch.nn.utils.clip_grad_norm_.
        gradient *= min(1.0, options.clip_norm / (float(np.linalg.norm(gradient)) + 1e-6))
    state.velocity *= options.momentum
    state.velocity += gradient
    state.parameters -= options.learning_rate * state.velocity
    return objective


def _terms(
    strategy: Strategy,
    setting: Setting,
    options: TrainingOptions,
    start: AttentionParameters | None,
    rng: np.random.Generator,
) -> list[LossTerm]:
    """The losses of a strategy's objective."""
    once = np.ones(options.iterations)
    if strategy.objective == "pretraining":
        return [LossTerm(once, prompts_of(setting, "unseen"), setting.pretrain_shots, None)]
    prompts = prompts_of(setting)
    first, last = options.few_shot_weight
    annealed = first + (last - first) * np.arange(options.iterations) / options.iterations
    losses = [(once, 0)] if strategy.objective == "zero_shot" else [(once, 0), (annealed, setting.auxiliary_shots())]
    size = options.fine_tune_set_size
    return [
        LossTerm(weights, prompts, n, None if size is None else draw_batch(prompts, n, size, rng, start), start)
        for weights, n in losses
    ]


def _describe_run(run: Training) -> dict[str, Any]:
    tail = run.loss[-100:]
    return {
        "v": run.parameters.v.tolist(),
        "Q": run.parameters.Q.tolist(),
        "mean_loss_of_last_iterations": float(tail.mean()),
        "settings": {key: value for key, value in run.settings.items() if key not in ("start", "seed")},
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the official experiments and write their final parameters."""
    parser = argparse.ArgumentParser(
        prog="python -m numerics.training", description="Pretrain once and fine-tune in all six ways."
    )
    parser.add_argument("--output", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--iterations", type=int, default=5000)
    parser.add_argument("--batch-size", type=int, default=5000)
    parser.add_argument("--checkpoints", type=Path, help="directory of checkpoints, to resume a killed run")
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = parser.parse_args(given)
    if options.output.is_dir() or not options.output.parent.is_dir():
        parser.error(f"--output {options.output}: it must be a file in a directory that exists")
    if options.checkpoints is not None:
        options.checkpoints.mkdir(parents=True, exist_ok=True)

    runs: dict[str, Training] = {}
    for name in PUBLISHED:
        runs[name] = train(
            name,
            iterations=options.iterations,
            batch_size=options.batch_size,
            start=runs.get("pretrained"),
            rng=options.seed,
            checkpoint=None if options.checkpoints is None else options.checkpoints / f"{name}.npz",
        )
    result = {
        "command": shlex.join(["python", "-m", "numerics.training", *given]),
        "seed": options.seed,
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
        "runs": {name: _describe_run(run) for name, run in runs.items()},
    }
    temporary = options.output.with_name(options.output.name + ".tmp")
    temporary.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    os.replace(temporary, options.output)


if __name__ == "__main__":
    main()
