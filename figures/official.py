"""The official experiments: their setting, and the models that they train, with where those come from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import numerics
from theory import STRATEGIES, AttentionParameters, Setting
from theory.ledger import NOISE, OFFICIAL

SETTING = Setting(**{**OFFICIAL, "noise_variance": float(NOISE)})  # d = 5, m = 20, sigma^2 = 0.1
SHIPPED = Path(numerics.__file__).parent / "data"
MANY_SHOTS = 2**53  # the largest count allowed: float64 does not tell the risk there from its limit
PATTERN = "official_training*.json"


@dataclass(frozen=True)
class TrainingRun:
    """One pretraining and its fine-tunings, of one seed."""

    seed: int
    setting: Setting
    models: dict[str, AttentionParameters]  # by strategy


def trained_models(directory: Path | None = None) -> list[TrainingRun]:
    """The runs in a directory's training files (default: those shipped with ``numerics``), by seed.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is none, or one is not a whole run.
    """
    place = SHIPPED if directory is None else directory
    files = sorted(place.glob(PATTERN))
    if not files:
        raise FileNotFoundError(
            f"no trained models: {place / PATTERN} matches no file; make one with "
            f"python -m numerics.training --output {place / 'official_training.json'}, or give --retrain"
        )
    runs = []
    for file in files:
        record = json.loads(file.read_text(encoding="utf-8"))
        runs += [_training_run(one, file) for one in (record if isinstance(record, list) else [record])]
    return sorted(runs, key=lambda run: run.seed)


def _training_run(record: dict[str, Any], file: Path) -> TrainingRun:
    missing = [name for name in STRATEGIES if name not in record.get("runs", {})]
    if missing:
        raise ValueError(f"{file} is not a whole training run: it lacks {', '.join(missing)}")
    options = record["runs"]["mixed"]["settings"]
    pretraining = record["runs"]["pretrained"]["settings"]
    setting = Setting(
        d=options["d"],
        covariance=options["covariance"],
        noise_variance=options["noise_variance"],
        target=options["target"],
        pretrain_shots=pretraining["pretrain_shots"],
        few_shot_shots=options["few_shot_shots"],
        normalization=options["normalization"],
    )
    models = {name: AttentionParameters(np.array(one["v"]), np.array(one["Q"])) for name, one in record["runs"].items()}
    return TrainingRun(record["seed"], setting, models)


def retrain(directory: Path, seed: int = 0, **sizes: int) -> None:
    """Train all models anew, as the official experiments do; sizes: ``iterations`` and ``batch_size``."""
    from numerics.training import main

    directory.mkdir(parents=True, exist_ok=True)
    options = [text for name, size in sizes.items() for text in (f"--{name.replace('_', '-')}", str(size))]
    main(["--output", str(directory / f"official_training_{seed}.json"), "--seed", str(seed), *options])
