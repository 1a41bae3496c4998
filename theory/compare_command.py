"""``python -m theory compare``: every practice of fine-tuning side by side in one setting."""

from __future__ import annotations

import argparse
import importlib
from functools import partial
from typing import Any

from .command_options import add_strategies, strategies_of
from .comparison import compare
from .setting import Setting

MODELS = ("one_head", "two_heads", "any_heads")  # which reach every zero-shot risk


def add_command(commands: Any, epilog: str) -> argparse.ArgumentParser:
    """The command, without the options that make a setting and say where the table goes."""
    command: argparse.ArgumentParser = commands.add_parser(
        "compare", help="what each practice learns of the target, and what it costs unseen tasks", epilog=epilog
    )
    add_strategies(command, required=False)
    command.add_argument("--shots", type=int, default=20, help="shots at which risks are compared (default 20)")
    command.add_argument(
        "--frontier", choices=MODELS, help="add the least unseen risk of such models at each zero-shot risk"
    )
    return command


def run(arguments: argparse.Namespace, setting: Setting, heading: str) -> int:
    """Print the table that the options ask for, or write it."""
    frontier = None
    if arguments.frontier:  # by name at run time, so that imports still point one way
        frontier = partial(importlib.import_module("numerics").frontier, models=arguments.frontier)
    table = compare(setting, arguments.shots, strategies_of(arguments) or None, frontier=frontier)
    if arguments.csv != "-":
        print(f"risks at {arguments.shots} shots; {heading}", table, sep="\n")
    if arguments.csv:
        table.to_csv(arguments.csv)
    return 0
