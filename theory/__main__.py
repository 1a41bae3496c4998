"""Command line: ``python -m theory risk | table | compare | formula | conditions | strategies | prove | claims | report``."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from . import NoClosedForm, Setting, compare_command, risk
from .command_options import (
    add_csv,
    add_query,
    add_setting,
    add_strategies,
    add_task,
    add_world,
    setting_of,
    strategies_of,
    told_world,
)
from .command_types import OneLineParser, file_name, kind_or_covariance, shot_counts
from .names import TaskName
from .printed_formulas import program
from .strategies import STRATEGIES, Strategy, find_strategy
from .tables import format_table, write_csv
from .tasks import TASKS

if TYPE_CHECKING:
    from .proofs.theorem import Check, ProofResult

OFFICIAL_SHOTS = (0, 1, 2, 5, 10, 20, 40)
NO_CLOSED_FORM = "no closed form"
NORMALIZATIONS_TOLD: dict[Any, str] = {"tokens": "n + 1", "shots": "max(n, 1)"}
FRACTIONS = "Numbers may be written as 1/4; a float is made of them."


@cache
def parser() -> argparse.ArgumentParser:
    """The command line's grammar; no call changes it."""
    top = OneLineParser(
        prog="python -m theory",
        description="Exact theory of how fine-tuning changes the in-context learning of linear attention.",
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    one = commands.add_parser("risk", help="the exact risk of strategies at given shot counts", epilog=FRACTIONS)
    add_strategies(one)
    one.add_argument("--shots", type=shot_counts, required=True, help="10, 0:20 (both ends), 0:100:10 or 0,1,5")
    add_setting(one, several=True)
    add_world(one)
    add_task(one)
    add_csv(one)

    table = commands.add_parser(
        "table",
        help="all strategies on all tasks, by default in the official setting: d = 5, m = 20, sigma^2 = 0.1",
        epilog=FRACTIONS,
    )
    table.add_argument("strategy", nargs="*", help="names or aliases (default: all)")
    table.add_argument(
        "--shots", type=shot_counts, default=list(OFFICIAL_SHOTS), help="shot counts (default 0,1,2,5,10,20,40)"
    )
    add_setting(table, d=5, noise=0.1, pretrain_shots=20, several=True)
    add_world(table)
    add_csv(table)

    compared = compare_command.add_command(commands, FRACTIONS)
    add_setting(compared, d=5, noise=0.1, pretrain_shots=20)
    add_world(compared)
    add_csv(compared)

    printed = commands.add_parser(
        "formula", help="a strategy's risk as a Python program to copy, or as LaTeX", epilog=FRACTIONS
    )
    add_strategies(printed, one=True)
    add_task(printed)
    printed.add_argument(
        "--covariance",
        dest="sigma",
        type=kind_or_covariance,
        default="isotropic",
        metavar="SIGMA",
        help="isotropic (default), general (any covariances), or the inputs': eigenvalues 1,1/2,0.25 or a file",
    )
    printed.add_argument("--latex", action="store_true", help="print LaTeX instead")
    add_setting(printed, d=5, noise=0.1, pretrain_shots=20)
    add_query(printed)

    limits = commands.add_parser(
        "conditions",
        help="from which number of shots on a strategy beats no shots, and the pretrained model, or another strategy",
        epilog=FRACTIONS,
    )
    add_strategies(limits, one=True)
    limits.add_argument(
        "--against", metavar="STRATEGY", help="say where the first has less risk than this one, and nothing more"
    )
    add_task(limits, every="the three by name")
    add_setting(limits, d=5, noise=0.1, pretrain_shots=20)
    add_world(limits)

    prove = commands.add_parser("prove", help="derive every theorem; exit 1 if a formula of the library differs")
    prove.add_argument(
        "names",
        nargs="*",
        metavar="name",
        help="theorems, such as R4 R2.risk, or R2: all whose name begins so (default: all)",
    )
    prove.add_argument("-v", "--verbose", action="store_true", help="print the derivation's steps and checks")

    judged = commands.add_parser("claims", help="the ledger of published claims, with computed verdicts")
    judged.add_argument("--paper", help="those of one paper, such as ahn2023 (default: all)")
    judged.add_argument("-v", "--verbose", action="store_true", help="print each claim and the reason of its verdict")
    commands.add_parser(
        "report", help="one offline page: statements, derivations, formulas, claims, figures (needs the extra report)"
    ).add_argument("--output", type=file_name, metavar="FILE", default="report.html", help="default report.html")
    commands.add_parser("strategies", help="names, aliases, what trains, on which objective, the fixed point's theorem")
    return top


def show(arguments: argparse.Namespace, told: str, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> int:
    """Print a table and write it to a file; or print CSV alone, for what reads it."""
    if arguments.csv != "-":
        print(told)
        print(format_table(header, rows))
    if arguments.csv:
        write_csv(arguments.csv, header, rows)
    return 0


def run_risk(arguments: argparse.Namespace) -> int:
    """A row for each strategy, noise and shot count."""
    settings = [setting_of(arguments, noise) for noise in arguments.noise]
    strategies = strategies_of(arguments)
    rows = [
        (strategy.name, setting.noise_variance, n, risk(strategy, n, setting=setting, task=arguments.task))
        for strategy in strategies
        for setting in settings
        for n in arguments.shots
    ]
    header = ("strategy", "noise_variance", "n_shots", "risk")
    kept = [k for k, several in enumerate((len(strategies) > 1, len(settings) > 1, True, True)) if several]
    names = ", ".join(strategy.name for strategy in strategies)
    mixed = any(strategy.objective == "mixed" for strategy in strategies)
    first = strategies[0].name
    where = f"; formula: python -m theory formula {first}" if first in STRATEGIES else ""
    told = f"{names}, task {arguments.task}; {heading(settings, mixed)}{where}"
    return show(arguments, told, [header[k] for k in kept], [[row[k] for k in kept] for row in rows])


def heading(settings: Sequence[Setting], auxiliary: bool = True) -> str:
    """A line that tells every number of settings that differ in their noise."""
    setting = settings[0]
    weight = setting.few_shot_weight
    loss = ""
    if auxiliary:
        loss = (
            f"auxiliary loss at {setting.auxiliary_shots()} shots with lambda {f'= {weight}' if weight else '-> 0+'}, "
        )
    noise = ", ".join(str(setting.noise_variance) for setting in settings)
    return (
        f"d = {setting.d}, pretrained at m = {setting.pretrain_shots} shots, sigma^2 = {noise}, "
        f"unit-norm target, {loss}value scale {setting.value_scale}, "
        f"N = {NORMALIZATIONS_TOLD.get(setting.normalization, setting.normalization)}{told_world(setting)}"
    )


def run_table(arguments: argparse.Namespace) -> int:
    """Strategies on every task in one setting, or in several that differ in their noise, which the first line tells."""
    settings = [setting_of(arguments, noise) for noise in arguments.noise]
    chosen = [find_strategy(name) for name in arguments.strategy] or list(STRATEGIES.values())

    def entry(strategy: Strategy, n: int, task: TaskName, setting: Setting) -> float | str:
        try:
            value: float = risk(strategy, n, setting=setting, task=task)
            return value
        except NoClosedForm:
            return NO_CLOSED_FORM

    rows = [
        (
            strategy.name, task, *([setting.noise_variance] if len(settings) > 1 else []),
            *(entry(strategy, n, task, setting) for n in arguments.shots),
        )
        for task in TASKS
        for strategy in chosen
        for setting in settings
    ]  # fmt: skip
    noise = ["noise_variance"] if len(settings) > 1 else []
    header = ("strategy", "task", *noise, *(f"n={n}" for n in arguments.shots))
    return show(arguments, f"risk at n shots; {heading(settings)}", header, rows)


def run_compare(arguments: argparse.Namespace) -> int:
    """A row a practice."""
    setting = setting_of(arguments)
    return compare_command.run(arguments, setting, heading([setting], auxiliary=False))


def run_formula(arguments: argparse.Namespace) -> int:
    """A strategy's formula."""
    from .formulas import formula

    (strategy,) = strategies_of(arguments)
    kind: Any = "general"
    if isinstance(arguments.sigma, str):
        kind, arguments.sigma = arguments.sigma, None
    found = formula(strategy, arguments.task, kind, setting_of(arguments))
    if arguments.latex:
        print(found.latex)
        return 0
    if found.theorem.startswith("R11."):  # it says that these lines are the library's; the derivation is elsewhere
        proved = f"Proof: python -m theory prove {strategy.theorem} -v derives the model, {found.theorem} these lines"
    elif found.theorem:
        proved = f"Proof: python -m theory prove {found.theorem} -v derives the model, R12 the risk of any model"
    else:
        proved = "No theorem of its own says where training ends (tests hold its law against flows); R12 proves the risk of any model"
    print(*(f"# {text}" for text in (*found.assumptions, proved)), found.code, sep="\n", end="")
    return 0


def run_conditions(arguments: argparse.Namespace) -> int:
    """A condition a line."""
    from .thresholds import conditions

    setting = setting_of(arguments)
    (strategy,) = strategies_of(arguments)
    against = None if arguments.against is None else find_strategy(arguments.against, "--against")
    mixed = any(one is not None and one.objective == "mixed" for one in (strategy, against))
    found = conditions(strategy, against=against, task=arguments.task, setting=setting)
    print(f"{strategy.name}; {heading([setting], mixed)}", found, sep="\n")
    return 0


def run_strategies(_: argparse.Namespace) -> int:
    """The named strategies."""
    rows = [(s.name, ", ".join(s.aliases), *s.in_words, s.theorem) for s in STRATEGIES.values()]
    print(format_table(("strategy", "aliases", "trains", "objective", "theorem"), rows))
    return 0


def _as_bugs(results: Iterator[ProofResult]) -> Iterator[ProofResult]:
    """The same results; an error among them is a bug of ours, never wrong input."""
    try:
        yield from results
    except (ValueError, TypeError, OSError) as error:
        raise RuntimeError("a derivation crashed; please report it") from error


def run_prove(arguments: argparse.Namespace) -> int:
    """A line a theorem: name, how it was proved, seconds."""
    from .proofs.runner import proofs, selected

    names = arguments.names or [None]
    for name in names:
        selected(name)  # a wrong name is the user's error; any other below is a bug, and shows as one
    all_proved, seconds = True, 0.0
    for result in _as_bugs(result for name in names for result in proofs(name)):
        all_proved, seconds = all_proved and result.proved, seconds + result.seconds
        theorem, verdict = result.theorem, "proved" if result.proved else "FAILED"
        print(
            f"{theorem.name:<16} {verdict:<7} {result.seconds:6.2f} s  {theorem.title}: {result.summary()}", flush=True
        )
        if result.failure is not None:
            print(f"    {result.failure}")
        if arguments.verbose:
            print(f"    {result.statement}", *(f"    Assumed: {text}" for text in theorem.all_assumptions()), sep="\n")
            _print_formulas(result.formulas())
            for k, step in enumerate(result.steps, 1):
                print(f"    - {step}")
                _print_formulas(result.formulas(k))
            print(*(f"    [{check.how}] {check.what}" for check in result.checks), sep="\n")
    print(f"{'all proved' if all_proved else 'NOT all proved'} in {seconds:.1f} s")
    return 0 if all_proved else 1


def _print_formulas(checks: list[Check]) -> None:
    for check in checks:
        print(f"      {check.what}:")
        if check.setup:  # a program to copy: not indented, for it must run as it is
            print(f"\n```python\n{program(check.setup, check.lines)}```\n")
        else:
            print(*(f"          {line}" for line in check.lines.splitlines()), sep="\n")


def run_claims(arguments: argparse.Namespace) -> int:
    """The ledger."""
    from .ledger import claims

    ledger = claims(arguments.paper)
    if not arguments.verbose:
        print(ledger)
        return 0
    for judged in ledger:
        claim, verdict, row = judged.claim, judged.verdict, judged.claim.convention()
        print(f"{claim.name} ({row.paper}, arXiv {row.arxiv}, {claim.where}; {claim.setting}): {claim.statement}")
        print(
            *(
                f"    published: {line}" if not k else f"               {line}"
                for k, line in enumerate(claim.printed.splitlines())
            ),
            sep="\n",
        )
        print(f"    {verdict.ruling + ':':<10} {verdict.derived}\n    {verdict.reason}")
        if verdict.difference is not None:
            print(f"    relative difference: {float(verdict.difference):.3g}")
        print(f"    taken from: {claim.source}")
    return 0


def run_report(arguments: argparse.Namespace) -> int:
    """The derivation report."""
    # It shows figures, and figures import theory: by name at run time, so that imports still point one way.
    importlib.import_module("figures.report.mathematics").formula("x")  # the extra is missing: told before seconds pass
    status: int = importlib.import_module("figures.report.command").run(arguments.output)
    return status


COMMANDS = {
    "risk": run_risk,
    "table": run_table,
    "compare": run_compare,
    "formula": run_formula,
    "conditions": run_conditions,
    "strategies": run_strategies,
    "prove": run_prove,
    "claims": run_claims,
    "report": run_report,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; wrong input is one line on standard error and exit status 2."""
    arguments = parser().parse_args(argv)
    try:
        status = COMMANDS[arguments.command](arguments)
        sys.stdout.flush()  # now, where a pipe that is closed can be told from a fault
        return status
    except BrokenPipeError:  # who reads, `head` perhaps, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, TypeError, NoClosedForm, OSError, ImportError) as error:
        print(f"python -m theory {arguments.command}: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
