"""The command that runs the official experiments, and the further practices, and writes where they end."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from theory import STRATEGIES, AttentionParameters, Strategy
from theory.strategies import PUBLISHED

from .training import Training, train

# What fine-tunes a pretrained model otherwise than the paper does: these strategies, from starts so small that the new head's law holds.
PRACTICES = {
    "new_head": STRATEGIES["new_head"],
    "soft_prompt": STRATEGIES["soft_prompt"],
    "replay_value": Strategy("value", replay=10),
    "frozen_q": STRATEGIES["frozen_q"],
    "skip": STRATEGIES["skip"],
}
SMALL_START = 0.01


def _describe_run(run: Training) -> dict[str, Any]:
    tail, layer = run.loss[-100:], run.parameters
    parts = {"v": layer.v, "Q": layer.Q, "prompt": layer.prompt, "skip": layer.skip}
    return {
        **{name: part.tolist() for name, part in parts.items() if part is not None},
        "mean_loss_of_last_iterations": float(tail.mean()),
        "settings": {key: value for key, value in run.settings.items() if key not in ("start", "seed")},
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the official experiments, or the practices beside them, and write their final parameters."""
    parser = argparse.ArgumentParser(
        prog="python -m numerics.training", description="Pretrain once and fine-tune in all six ways, or in others."
    )
    parser.add_argument("--output", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--iterations", type=int, default=5000)
    parser.add_argument("--batch-size", type=int, default=5000)
    parser.add_argument("--checkpoints", type=Path, help="directory of checkpoints, to resume a killed run")
    parser.add_argument(
        "--practices", type=Path, metavar="FILE",
        help=f"train {', '.join(PRACTICES)} from the pretrained model in FILE, which this command wrote without it",
    )  # fmt: skip
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = parser.parse_args(given)
    if options.output.is_dir() or not options.output.parent.is_dir():
        parser.error(f"--output {options.output}: it must be a file in a directory that exists")
    if options.checkpoints is not None:
        options.checkpoints.mkdir(parents=True, exist_ok=True)

    runs: dict[str, Training] = {}
    start, small = None, 0.1
    if options.practices is not None:
        pretrained = json.loads(options.practices.read_text(encoding="utf-8"))["runs"]["pretrained"]
        start, small = AttentionParameters(np.array(pretrained["v"]), np.array(pretrained["Q"])), SMALL_START
    strategies = PRACTICES if start is not None else {str(name): STRATEGIES[name] for name in PUBLISHED}
    for name, strategy in strategies.items():
        runs[name] = train(
            strategy,
            iterations=options.iterations,
            batch_size=options.batch_size,
            start=runs.get("pretrained") if start is None else start,
            init_scale=small,
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
