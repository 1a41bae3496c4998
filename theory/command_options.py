"""Options of the command line that say of which world, and of which way of training, a risk is asked for."""

from __future__ import annotations

import argparse
import math
from typing import Any, get_args

import numpy as np

from .command_types import covariance, file_name, name_or_number, number, numbers, whole_or_infinite
from .prompt import NORMALIZATIONS
from .setting import QUERIES, Setting
from .strategies import KEY_QUERY, SKIP, VALUE, Strategy, Trains, find_strategy
from .tasks import TASKS

_BLOCKS = (*get_args(Trains), *VALUE, *KEY_QUERY, *SKIP)
_WEIGHTS = ("zero_shot", "few_shot", "replay", "pull", "time")


def add_setting(
    command: argparse.ArgumentParser,
    d: int | None = None,
    noise: float = 0.0,
    pretrain_shots: float = math.inf,
    several: bool = False,
) -> None:
    """The options that make a setting; d has a default, or a covariance says it, or it is required."""
    default = "" if d is None else f" (default {d}, or what a covariance has)"
    told = "; the commands with an official setting: 20" if pretrain_shots == math.inf else "; risk, and Python: inf"
    command.set_defaults(usual_d=d)
    command.add_argument("--d", type=int, help=f"input dimension{default}")
    command.add_argument(
        "--noise",
        "--noise-variance",
        type=numbers if several else number,
        default=[noise] if several else noise,
        help=f"label noise variance{', or several as 0,0.1,1' if several else ''} (default {noise:g})",
    )
    command.add_argument(
        "--pretrain-shots",
        type=whole_or_infinite,
        default=pretrain_shots,
        help=f"shots of pretraining (default {pretrain_shots}{told})",
    )
    command.add_argument("--few-shot-shots", type=int, help="shots of the auxiliary loss (default: as in pretraining)")
    command.add_argument(
        "--few-shot-weight", type=number, default=0.0, help="weight of the auxiliary loss (default 0: the limit 0+)"
    )
    command.add_argument(
        "--value-scale", type=name_or_number, default="balanced", help="V_yy after pretraining, or balanced (default)"
    )
    command.add_argument(
        "--normalization",
        type=name_or_number,
        default="tokens",
        help=f"{', '.join(NORMALIZATIONS)} or a number N (default tokens)",
    )


def setting_of(arguments: argparse.Namespace, noise: float | None = None) -> Setting:
    """The setting that the options of :func:`add_setting` make; one of several noises."""
    world = world_of(arguments)
    d = arguments.d
    if d is None and not any(name.endswith("covariance") for name in world):
        d = arguments.usual_d
        if d is None:
            raise ValueError("--d is required, unless a covariance says it")
    return Setting(
        d,
        noise_variance=arguments.noise if noise is None else noise,
        pretrain_shots=arguments.pretrain_shots,
        few_shot_shots=arguments.few_shot_shots,
        few_shot_weight=arguments.few_shot_weight,
        value_scale=arguments.value_scale,
        normalization=arguments.normalization,
        **world,
    )


def add_world(command: argparse.ArgumentParser) -> None:
    """The options of a world that is not isotropic, or in which the query is masked."""
    told = "eigenvalues 1,1/2,0.25 or a file: .npy, or text with a row a line"
    command.add_argument("--covariance", dest="sigma", type=covariance, metavar="SIGMA", help=f"of the inputs: {told}")
    command.add_argument(
        "--query-covariance", dest="sigma_q", type=covariance, metavar="SIGMA", help="of the query's input, likewise"
    )
    command.add_argument(
        "--task-covariance", dest="psi", type=covariance, metavar="PSI", help="of the pretraining tasks, likewise"
    )
    add_query(command)


def add_query(command: argparse.ArgumentParser) -> None:
    """Whether the query is masked."""
    command.add_argument(
        "--query",
        choices=QUERIES,
        default=QUERIES[0],
        help=f"the query's own token: {' or '.join(QUERIES)} (default {QUERIES[0]})",
    )


def add_task(command: argparse.ArgumentParser, every: str = "") -> None:
    """The task at evaluation; ``every`` tells what there is without it, if not the target."""
    command.add_argument(
        "--task",
        type=name_or_number,
        default=None if every else "target",
        help=f"{', '.join(TASKS)} or a cosine, a negative fraction as --task=-1/4 (default {every or 'target'})",
    )


def add_csv(command: argparse.ArgumentParser) -> None:
    """Where the table goes."""
    command.add_argument(
        "--csv", type=file_name, metavar="FILE", help="write the table to a CSV file as well; - prints CSV instead"
    )


def add_strategies(command: argparse.ArgumentParser, required: bool = True, one: bool = False) -> None:
    """Names of strategies, or blocks that train and their loss; of one alone, of at least one, or of any number."""
    names = "name or alias" if one else "names or aliases"
    names += " ('strategies' lists them); or what trains, such as value, skip or v_x,w, with the five options below"
    command.add_argument(
        "strategy",
        nargs=1 if one else "+" if required else "*",
        help=names + ("" if required else " (default: every named one)"),
    )
    loss = command.add_argument_group("a strategy of one's own")
    for name, told in (
        ("zero-shot", "weight of the target's risk at no shots (default 1)"),
        ("few-shot", "weight of its risk at few-shot-shots (default 0)"),
        ("replay", "weight of the pretraining loss (default 0)"),
        ("pull", "weight of the squared distance from the start (default 0)"),
        ("time", "when the flow is stopped (default: never)"),
    ):
        loss.add_argument(f"--{name}", type=number, help=told)


def strategies_of(arguments: argparse.Namespace) -> list[Strategy]:
    """The strategies that these options name or make."""
    given = {name: getattr(arguments, name) for name in _WEIGHTS if getattr(arguments, name) is not None}
    if given and not arguments.strategy:
        raise ValueError(f"{_option(given)} is not allowed alone: it needs what trains, such as value")
    return [_strategy(text, given) for text in arguments.strategy]


def _option(given: dict[str, Any]) -> str:
    return f"--{next(iter(given)).replace('_', '-')}"


def _strategy(text: str, given: dict[str, Any]) -> Strategy:
    blocks = tuple(text.split(","))
    if not set(blocks) <= set(_BLOCKS):
        if given:
            find_strategy(text)  # an unknown name is told as such
            raise ValueError(f"{_option(given)} is not allowed with {text!r}: it needs what trains, such as value")
        return find_strategy(text)
    trains: Any = text if len(blocks) == 1 and text in get_args(Trains) else blocks
    return Strategy(trains, **given)


def world_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """The arguments of a Setting that :func:`add_world` reads; none where a command does not have them."""
    names = {"covariance": "sigma", "query_covariance": "sigma_q", "task_covariance": "psi", "query": "query"}
    found = {name: getattr(arguments, place, None) for name, place in names.items()}
    return {name: value for name, value in found.items() if value is not None}


def told_world(setting: Any) -> str:
    """The words for it in a heading, empty for the isotropic world of a query that attends."""
    parts = []
    given = {"Sigma": setting.covariance, "Sigma_q": setting.query_covariance, "Psi": setting.task_covariance}
    for name, value in given.items():
        if isinstance(value, np.ndarray):
            shown = f"diag({', '.join(f'{x:g}' for x in value)})" if value.ndim == 1 and len(value) <= 8 else "as given"
            parts.append(f", {name} = {shown}")
    return "".join(parts) + (", query masked" if setting.query == "masked" else "")
