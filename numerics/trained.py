"""The models that SGD trained at the official setting, shipped as data, and how far they are from the theory.

``python -m numerics.trained`` prints the comparison; ``python -m numerics.training --output FILE`` trains anew.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from theory import AttentionParameters, Setting, fixed_point, risk
from theory.strategies import PUBLISHED, find_strategy
from theory.tables import format_table

from .table import Table

SHIPPED = Path(__file__).parent / "data"
PATTERN = "official_training*.json"
SHOTS = range(21)


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
    missing = [name for name in PUBLISHED if name not in record.get("runs", {})]
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


def compare(runs: list[TrainingRun] | None = None) -> Table:
    r"""Trained against derived: the constants of each strategy, and the largest relative deviation of its risk curve.

    Constants, all free of the value scale's sign: `pretrained` :math:`\mathrm{tr}(wB)/d`; `zero_shot` c/w, derived at the
    run's own |w_0|; `zero_shot_value` :math:`v_x^\top\theta_0 \cdot \mathrm{tr}(B)/d` = 1/(d+4);
    `mixed_value` :math:`\mathrm{tr}(wB)/d` = w*; `mixed` w/c; the key-query strategies :math:`\mathrm{tr}(wB)/d`.

    Parameters
    ----------
    runs : list of TrainingRun, optional
        Default: the shipped runs.

    Returns
    -------
    Table
        Columns seed, strategy, constant, trained, derived, deviation, risk_deviation: the last is the largest
        :math:`|\mathrm{risk}_\mathrm{trained} / \mathrm{risk}_\mathrm{derived} - 1|` over n = 0, ..., 20 on the target, the
        derived model at the run's own |w_0|.

    Notes
    -----
    The key-query strategies end far from their fixed points: these are singular limits (theorem R3.singular), and SGD leaves
    v_x small but not zero.

    Examples
    --------
    >>> compare().columns
    ('seed', 'strategy', 'constant', 'trained', 'derived', 'deviation', 'risk_deviation')
    """
    rows: list[tuple[Any, ...]] = []
    for run in trained_models() if runs is None else runs:
        scale = abs(run.models["pretrained"].value_scale)
        setting = run.setting.replace(value_scale=scale)
        for strategy, model in run.models.items():
            derived = fixed_point(find_strategy(strategy), setting=setting)
            name = _CONSTANTS[strategy]
            value, expected = (_constant(name, one, setting) for one in (model, derived))
            curves = risk(model, SHOTS, setting=setting) / risk(find_strategy(strategy), SHOTS, setting=setting)
            rows.append((run.seed, strategy, name, value, expected, value - expected, float(np.abs(curves - 1).max())))
    names = ("seed", "strategy", "constant", "trained", "derived", "deviation", "risk_deviation")
    return Table({name: np.array(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)})


_CONSTANTS = {
    "pretrained": "tr(wB)/d",
    "zero_shot": "c/w",
    "zero_shot_value": "v_x tr(B)/d",
    "zero_shot_kq": "tr(wB)/d",
    "mixed": "w/c",
    "mixed_value": "tr(wB)/d",
    "mixed_kq": "tr(wB)/d",
}


def _constant(name: str, model: AttentionParameters, setting: Setting) -> float:
    target = setting.target_vector()
    w, along, gain = model.value_scale, model.v_x @ target / (target @ target), np.trace(model.B) / model.d
    top, bottom = {"tr(wB)/d": (w * gain, 1), "c/w": (along, w), "w/c": (w, along), "v_x tr(B)/d": (along * gain, 1)}[
        name
    ]
    return float(top / bottom)


if __name__ == "__main__":
    table = compare()
    print(format_table(table.columns, list(zip(*(table[name].tolist() for name in table.columns), strict=True))))
