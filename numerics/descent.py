"""One run of momentum descent on finite batches, from its beginning or its checkpoint."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import trange

from theory import AttentionParameters, Setting, Strategy
from theory.strategies import SETTING, STRATEGIES

from .batches import LossTerm, draw_batch
from .checkpoints import RunState, load_checkpoint, save_checkpoint
from .learners import Learner, learner_of, pretrained_from
from .prompts import Array, prompts_of
from .training_options import TrainingOptions, run_record


@dataclass(frozen=True)
class Training:
    """The outcome of a training run.

    Attributes
    ----------
    strategy : str
        Canonical name, or a description.
    parameters : AttentionParameters
        The trained layer.
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


def descend(
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
    pretrain_seed, data_seed, fine_tune_seed, added_seed = np.random.SeedSequence(seed).spawn(4)
    if start is None:
        generator = np.random.default_rng(pretrain_seed)
        learner = pretrained_from(setting.d, options.init_scale, generator)
    else:
        generator = np.random.default_rng(fine_tune_seed)
        learner = learner_of(strategy, start, frozen, options.init_scale, np.random.default_rng(added_seed))
    state = RunState(learner.start.copy(), np.zeros_like(learner.start), np.empty(0), generator)
    if saved is not None:
        state = saved[0]

    terms = _terms(strategy, setting, options, learner, np.random.default_rng(data_seed))
    pull = float(strategy.pull)
    losses: list[float] = []
    for iteration in trange(len(state.loss), options.iterations, desc=strategy.name, disable=None):
        losses.append(step(state, learner, terms, pull, options, iteration))
        if len(losses) == interval or iteration + 1 == options.iterations:
            state.loss = np.concatenate([state.loss, losses])
            losses = []
            if path is not None:
                save_checkpoint(path, state, settings)
    return Training(strategy.name, learner.model(state.parameters), start, state.loss, settings)


def step(
    state: RunState, learner: Learner, terms: Sequence[LossTerm], pull: float, options: TrainingOptions, iteration: int
) -> float:
    """One step of momentum descent, in place; the objective before it."""
    objective = 0.0
    gradient = np.zeros_like(state.parameters)
    for term in terms:
        batch = term.batch(options.batch_size, state.generator)
        loss, loss_gradient = learner.loss_and_gradient(state.parameters, batch)
        objective += term.weights[iteration] * loss
        gradient += term.weights[iteration] * loss_gradient
    if pull:
        moved = state.parameters - learner.start
        objective += pull * float(np.sum(moved**2))
        gradient += 2 * pull * moved
    if not math.isfinite(objective):
        raise FloatingPointError(f"training diverged: the loss is {objective} at iteration {iteration}")
    gradient *= learner.trained
    if options.clip_norm is not None:
        # The 1e-6 is that of torch.nn.utils.clip_grad_norm_.
        gradient *= min(1.0, options.clip_norm / (float(np.linalg.norm(gradient)) + 1e-6))
    state.velocity *= options.momentum
    state.velocity += gradient
    state.parameters -= options.learning_rate * state.velocity
    return objective


def _terms(
    strategy: Strategy, setting: Setting, options: TrainingOptions, learner: Learner, rng: np.random.Generator
) -> list[LossTerm]:
    """The risks in a strategy's objective, weighted."""
    once = np.ones(options.iterations)
    unseen = prompts_of(setting, "unseen"), setting.pretrain_shots
    if strategy == STRATEGIES["pretrained"]:
        return [LossTerm(once, *unseen, None)]
    prompts = prompts_of(setting)
    if strategy.few_shot == SETTING:
        first, last = options.few_shot_weight
        few_shot = first + (last - first) * np.arange(options.iterations) / options.iterations
    else:
        few_shot = float(strategy.few_shot) * once
    losses: list[Any] = [(float(strategy.zero_shot) * once, prompts, 0)]
    if strategy.few_shot != 0:
        losses.append((few_shot, prompts, setting.auxiliary_shots()))
    losses.append((float(strategy.replay) * once, *unseen))
    size, beside, added = options.fine_tune_set_size, learner.beside, learner.added
    return [
        LossTerm(weights, law, n, None if size is None else draw_batch(law, n, size, rng, beside, added), beside, added)
        for weights, law, n in losses
        if weights.any()
    ]
