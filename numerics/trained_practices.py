"""The practices that SGD trained from the shipped pretrained models, shipped as data, and how far they are from the theory.

``python -m numerics.trained_practices`` prints the comparison; ``python -m numerics.training --practices FILE`` trains anew.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from theory import AttentionParameters, Setting, Strategy, risk
from theory.names import StrategyName
from theory.tables import format_table

from .table import Table
from .trained import SHIPPED, TrainingRun, trained_models
from .training_command import PRACTICES

_Model = StrategyName | Strategy | AttentionParameters

PATTERN = "practices_training*.json"


def trained_practices(directory: Path | None = None) -> list[TrainingRun]:
    """The runs in a directory's files (default: those shipped with ``numerics``), by seed; "pretrained" is their start.

    Raises
    ------
    ValueError
        If one is not a whole run.
    """
    place = SHIPPED if directory is None else directory
    starts = {run.seed: run for run in trained_models(place)}
    runs = []
    for file in sorted(place.glob(PATTERN)):
        record = json.loads(file.read_text(encoding="utf-8"))
        missing = [name for name in PRACTICES if name not in record["runs"]]
        if missing:
            raise ValueError(f"{file} is not a whole run: it lacks {', '.join(missing)}")
        start = starts[record["seed"]]
        models = {"pretrained": start.models["pretrained"]}
        for name in PRACTICES:
            parts = record["runs"][name]
            beside = (np.array(parts[part]) if part in parts else None for part in ("prompt", "skip"))
            models[name] = AttentionParameters(np.array(parts["v"]), np.array(parts["Q"]), *beside)
        runs.append(TrainingRun(record["seed"], start.setting, models))
    return runs


def compare_practices(n_shots: int = 20, runs: list[TrainingRun] | None = None) -> Table:
    """Trained against derived: what each practice learns of the target, and its price on unseen tasks.

    Parameters
    ----------
    n_shots : int
        Shots at which the price is asked for.
    runs : list of TrainingRun, optional
        Default: the shipped runs.

    Returns
    -------
    Table
        Columns seed, strategy, excess, derived_excess, price, derived_price. The excess is the zero-shot risk on the target less
        the noise; the price is the unseen risk less that of the model before, both trained, or both derived at the trained
        model's own value scale. Risks of the trained models are exact: what scatters is where SGD stands.

    Examples
    --------
    >>> compare_practices().columns
    ('seed', 'strategy', 'excess', 'derived_excess', 'price', 'derived_price')
    """
    rows = []
    for run in trained_practices() if runs is None else runs:
        before = run.models["pretrained"]
        setting = run.setting.replace(value_scale=abs(before.value_scale))
        for name, strategy in PRACTICES.items():
            trained = _learnt_and_paid(run.models[name], before, n_shots, setting)
            derived = _learnt_and_paid(strategy, "pretrained", n_shots, setting)
            rows.append((run.seed, name, trained[0], derived[0], trained[1], derived[1]))
    names = ("seed", "strategy", "excess", "derived_excess", "price", "derived_price")
    return Table({name: np.array(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)})


def _learnt_and_paid(model: _Model, before: _Model, n: int, setting: Setting) -> tuple[float, float]:
    excess = risk(model, 0, setting=setting) - setting.noise_variance
    after, earlier = (risk(one, n, setting=setting, task="unseen") for one in (model, before))
    return float(excess), float(after - earlier)


def summary(table: Table | None = None) -> list[tuple[str, ...]]:
    """A row a practice: name, excess derived and trained, price derived and trained (mean and standard error of the seeds)."""
    table, rows = compare_practices() if table is None else table, []
    for name in PRACTICES:
        mine = table["strategy"] == name
        cells = [name]
        for column in ("excess", "price"):
            found = table[column][mine]
            error = found.std(ddof=1) / len(found) ** 0.5
            cells += [f"{table['derived_' + column][mine].mean():.4f}", f"{found.mean():.4f} ± {error:.4f}"]
        rows.append(tuple(cells))
    return rows


if __name__ == "__main__":
    print(format_table(("practice", "excess", "trained", "price", "trained"), summary()))
