"""What the report shows, computed anew: proofs, verdicts, figures, certificates."""

from __future__ import annotations

import csv
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from numerics import certify
from numerics.certificates import Certificates
from theory import claims
from theory.ledger import Ledger
from theory.proofs.runner import ProofResults, selected
from theory.proofs.theorem import ProofResult, run
from theory.setting import Setting
from theory.strategies import PUBLISHED, find_strategy

from .. import catalogue

Job = tuple[str, str]  # a kind and a name
_OF_LEDGER = ("claims_ledger", "published_formulas")  # figures that show verdicts
OFFICIAL = Setting(d=5, noise_variance=0.1, pretrain_shots=20)  # the setting of the official experiments


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawn figure, or why it could not be drawn; ``rows`` are its numbers."""

    name: str
    svg: str = ""
    rows: list[dict[str, str]] = field(default_factory=list)
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was found, and when."""

    results: ProofResults
    ledger: Ledger
    pictures: tuple[Picture, ...]
    certificates: Certificates
    made: datetime

    @property
    def failures(self) -> list[str]:
        """What did not come out, one line each."""
        unproved = [f"{r.theorem.name} is not proved: {r.failure}" for r in self.results if not r.proved]
        return unproved + [f"figure {p.name} failed: {p.failure}" for p in self.pictures if p.failure is not None]


def gather(
    theorems: Sequence[str] | None = None, pictures: Sequence[str] | None = None, workers: int | None = None
) -> Evidence:
    """Prove, judge, draw and certify in parallel processes.

    Parameters
    ----------
    theorems, pictures : sequence of str, optional
        Names of theorems (exact) and of figures; default: all.
    workers : int, optional
        Processes; default: one a core. 1 computes here, without another process.
    """
    from tqdm import tqdm

    names = [theorem.name for theorem in selected(None)] if theorems is None else list(theorems)
    shown = list(catalogue.NAMES if pictures is None else pictures)
    of_ledger = tuple(("picture", name) for name in shown if name in _OF_LEDGER)
    jobs: list[tuple[Job, ...]] = [(("claims", ""), *of_ledger)]  # first, as the longest; judged once for all three
    jobs += [(("picture", name),) for name in shown if name not in _OF_LEDGER]
    jobs += [(("proof", name),) for name in names] + [(("certificate", name),) for name in PUBLISHED]
    found: dict[Job, Any] = {}
    total = sum(map(len, jobs))
    with tqdm(total=total, desc="report", unit="part", disable=not sys.stderr.isatty(), leave=False) as bar:
        for results in _run_all(jobs, workers or os.cpu_count() or 1):
            found |= results
            bar.set_postfix_str(" ".join([*results][-1]))
            bar.update(len(results))
    return Evidence(
        ProofResults(found["proof", name] for name in names),
        found["claims", ""],
        tuple(found["picture", name] for name in shown),
        Certificates(row for name in PUBLISHED for row in found["certificate", name]),
        datetime.now(UTC),
    )


def _run_all(jobs: Sequence[tuple[Job, ...]], workers: int) -> Iterator[dict[Job, Any]]:
    if workers == 1:
        yield from map(_compute_all, jobs)
        return
    pool: Executor = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
    with pool:
        yield from (done.result() for done in as_completed([pool.submit(_compute_all, group) for group in jobs]))


def _compute_all(group: tuple[Job, ...]) -> dict[Job, Any]:
    return {job: _compute(job) for job in group}


def _compute(job: Job) -> Any:
    kind, name = job
    if kind == "proof":
        return _proof(name)
    if kind == "picture":
        return _picture(name)
    if kind == "certificate":
        return certify(find_strategy(name), OFFICIAL)
    return claims()


def _proof(name: str) -> ProofResult:
    (theorem,) = (theorem for theorem in selected(None) if theorem.name == name)
    return run(theorem)


def _picture(name: str) -> Picture:
    from ..rendering import render  # Matplotlib, which a process that proves does not need

    with tempfile.TemporaryDirectory() as directory:
        try:
            render(name, Path(directory), ("svg",))
        except Exception as error:  # whatever it is, it is named on the page and the rest is shown
            return Picture(name, failure=f"{type(error).__name__}: {error}")
        svg = Path(directory, f"{name}.svg").read_text(encoding="utf-8")
        with Path(directory, f"{name}.csv").open(encoding="utf-8", newline="") as file:
            return Picture(name, svg, list(csv.DictReader(file)))
