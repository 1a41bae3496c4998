"""Checkpoints of a stochastic run: what it needs to go on with the same bits, in an .npz without pickles."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .prompts import Array


@dataclass
class RunState:
    """Where a run of momentum gradient descent stands."""

    parameters: Array
    velocity: Array
    loss: Array  # (iterations done,)
    generator: np.random.Generator


def save_checkpoint(path: Path, state: RunState, settings: dict[str, Any]) -> None:
    """Write atomically: a run killed meanwhile leaves the previous checkpoint."""
    temporary = path.with_name(path.name + ".tmp")
    with open(temporary, "wb") as file:
        np.savez(
            file,
            parameters=state.parameters,
            velocity=state.velocity,
            loss=state.loss,
            generator=json.dumps(state.generator.bit_generator.state),
            settings=json.dumps(settings),
        )
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def load_checkpoint(path: Path) -> tuple[RunState, dict[str, Any]] | None:
    """The state and settings saved at `path`; None if there is no such file.

    Raises
    ------
    ValueError
        If the file is not a checkpoint.
    """
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as saved:
            generator = np.random.Generator(np.random.PCG64())
            generator.bit_generator.state = json.loads(str(saved["generator"]))
            state = RunState(saved["parameters"], saved["velocity"], saved["loss"], generator)
            settings: dict[str, Any] = json.loads(str(saved["settings"]))
    except (ValueError, KeyError, OSError, EOFError) as error:
        raise ValueError(f"checkpoint = {str(path)!r} is not a checkpoint of this module: {error}") from error
    return state, settings


def saved_seed(*paths: Path | None) -> list[int] | None:
    """The seed of the first of these checkpoints that exists."""
    for path in paths:
        saved = None if path is None else load_checkpoint(path)
        if saved is not None:
            return list(saved[1]["seed"])
    return None
