"""The official experiments: their setting, and how to train their models anew."""

from __future__ import annotations

from pathlib import Path

from numerics.trained import TrainingRun, trained_models
from theory import OFFICIAL

__all__ = ["MANY_SHOTS", "SETTING", "TrainingRun", "retrain", "trained_models"]

SETTING = OFFICIAL  # d = 5, m = 20, sigma^2 = 0.1
MANY_SHOTS = 2**53  # the largest count allowed: float64 does not tell the risk there from its limit


def retrain(directory: Path, seed: int = 0, **sizes: int) -> None:
    """Train all models anew, as the official experiments do; sizes: ``iterations`` and ``batch_size``."""
    from numerics.training_command import main

    directory.mkdir(parents=True, exist_ok=True)
    options = [text for name, size in sizes.items() for text in (f"--{name.replace('_', '-')}", str(size))]
    main(["--output", str(directory / f"official_training_{seed}.json"), "--seed", str(seed), *options])
