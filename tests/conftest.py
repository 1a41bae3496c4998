"""Hypothesis profiles: HYPOTHESIS_PROFILE names one; on continuous integration (CI set) it is "ci". What tests share."""

from __future__ import annotations

import fcntl
import gc
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from theory.ledger import Ledger
from theory.proofs.runner import ProofResults

gc.set_threshold(20_000, 20, 20)  # each collection looks at all that thousands of tests keep alive

COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large]}

settings.register_profile("default", max_examples=40, **COMMON)
settings.register_profile("ci", max_examples=40, derandomize=True, **COMMON)
settings.register_profile("nightly", max_examples=2000, **COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "default"))


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A path that is made once in a run of the suite, by the process that asks first; the others wait for it."""
    base = factory.getbasetemp()
    return once_in(
        base.parent if "PYTEST_XDIST_WORKER" in os.environ else base, name, make
    )  # xdist: a folder a process


def once_in(base: Path, name: str, make: Callable[[Path], None]) -> Path:
    """The same in a folder that all processes know."""
    made = base / name
    with open(base / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # until it is closed
        if not made.exists():
            shutil.rmtree(base / f"{name}.part", ignore_errors=True)  # of one who failed
            make(base / f"{name}.part")
            (base / f"{name}.part").rename(made)
    return made


FIND = """
import pickle, sys, theory
with open(sys.argv[1], "wb") as file:
    pickle.dump((theory.prove(), theory.claims()), file)
"""


@pytest.fixture(scope="session")
def found_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every theorem's proof and every claim's verdict, found cold in a process of its own, as a pickle."""

    def make(path: Path) -> None:
        subprocess.run([sys.executable, "-c", FIND, str(path)], check=True)

    return once(tmp_path_factory, "found.pickle", make)


@pytest.fixture(scope="session")
def found_apart(found_file: Path) -> tuple[ProofResults, Ledger]:
    """The same, loaded."""
    proofs, ledger = pickle.loads(found_file.read_bytes())
    assert isinstance(proofs, ProofResults)
    assert isinstance(ledger, Ledger)
    return proofs, ledger


@pytest.fixture(scope="session")
def proofs(found_apart: tuple[ProofResults, Ledger]) -> ProofResults:
    """Every theorem's proof."""
    return found_apart[0]


@pytest.fixture(scope="session")
def ledger(found_apart: tuple[ProofResults, Ledger]) -> Ledger:
    """Every claim's verdict."""
    return found_apart[1]


@pytest.fixture
def known_verdicts(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """``theory.claims`` takes the verdicts from there; which claims it shows, and how, is its own."""
    known = {row.claim.name: row for row in ledger}
    monkeypatch.setattr("theory.ledger.judged", lambda claim: known[claim.name])


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "long: of ten seconds or more; run first, so that none of them ends last and alone"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
