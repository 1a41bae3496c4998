"""Options of the command line that say of which world, and of which way of training, a risk is asked for."""

from __future__ import annotations

import argparse
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args

import numpy as np

from .setting import QUERIES
from .strategies import KEY_QUERY, SKIP, VALUE, Strategy, Trains, find_strategy

_BLOCKS = (*get_args(Trains), *VALUE, *KEY_QUERY, *SKIP)
_WEIGHTS = ("zero_shot", "few_shot", "replay", "pull", "time")


def covariance(text: str) -> Any:
    """Eigenvalues such as ``1,1/2,0.25``, or a file of them or of a matrix: .npy, or text with a row a line."""
    try:
        return np.array([float(Fraction(part)) for part in text.split(",")])
    except (ValueError, ZeroDivisionError):
        path = Path(text)
    try:
        if path.suffix == ".npy":
            return np.load(path, allow_pickle=False)
        rows = [
            line.replace(",", " ").split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()
        ]
        entries = [[float(Fraction(entry)) for entry in row] for row in rows]
        return np.array([x for row in entries for x in row] if 1 in (len(rows), *map(len, rows)) else entries)
    except (OSError, ValueError, ZeroDivisionError):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a list of eigenvalues such as 1,1/2,0.25, nor a file of them or of a matrix (.npy or text)"
        ) from None


def add_world(command: argparse.ArgumentParser) -> None:
    """The options of a world that is not isotropic, or in which the query is masked."""
    told = "eigenvalues 1,1/2,0.25 or a file: .npy, or text with a row a line"
    command.add_argument("--covariance", dest="sigma", type=covariance, metavar="SIGMA", help=f"of the inputs: {told}")
    command.add_argument(
        "--query-covariance", dest="sigma_q", type=covariance, metavar="SIGMA", help="of the query's input, likewise"
    )
    command.add_argument(
        "--query",
        choices=QUERIES,
        default=QUERIES[0],
        help=f"the query's own token: {' or '.join(QUERIES)} (default {QUERIES[0]})",
    )


def add_strategies(command: argparse.ArgumentParser, number: Any) -> None:
    """Names of strategies, or blocks that train and their loss."""
    command.add_argument(
        "strategy",
        nargs="+",
        help="names or aliases ('strategies' lists them); or what trains, such as value, skip or v_x,w, with the five options below",
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
    return [_strategy(text, given) for text in arguments.strategy]


def _strategy(text: str, given: dict[str, Any]) -> Strategy:
    blocks = tuple(text.split(","))
    if not set(blocks) <= set(_BLOCKS):
        if given:
            find_strategy(text)  # an unknown name is told as such
            raise ValueError(
                f"--{next(iter(given)).replace('_', '-')} is not allowed with {text!r}: it needs what trains, such as value"
            )
        return find_strategy(text)
    trains: Any = text if len(blocks) == 1 and text in get_args(Trains) else blocks
    return Strategy(trains, **given)


def world_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """The arguments of a Setting that :func:`add_world` reads; none where a command does not have them."""
    names = {"covariance": "sigma", "query_covariance": "sigma_q", "query": "query"}
    found = {name: getattr(arguments, place, None) for name, place in names.items()}
    return {name: value for name, value in found.items() if value is not None}


def told_world(setting: Any) -> str:
    """The words for it in a heading, empty for the isotropic world of a query that attends."""
    parts = []
    for name, value in (("Sigma", setting.covariance), ("Sigma_q", setting.query_covariance)):
        if isinstance(value, np.ndarray):
            shown = f"diag({', '.join(f'{x:g}' for x in value)})" if value.ndim == 1 and len(value) <= 8 else "as given"
            parts.append(f", {name} = {shown}")
    return "".join(parts) + (", query masked" if setting.query == "masked" else "")
