"""Hypothesis profiles: HYPOTHESIS_PROFILE names one; on continuous integration (CI set) it is "ci". What tests share."""

from __future__ import annotations

import fcntl
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from theory.proofs.runner import ProofResults

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


PROVE = (
    "import pickle, sys, theory; from pathlib import Path; Path(sys.argv[1]).write_bytes(pickle.dumps(theory.prove()))"
)


@pytest.fixture(scope="session")
def proofs_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every theorem's proof, run cold in a process of its own, as a pickle."""

    def make(path: Path) -> None:
        subprocess.run([sys.executable, "-c", PROVE, str(path)], check=True)

    return once(tmp_path_factory, "proofs.pickle", make)


@pytest.fixture(scope="session")
def proofs(proofs_file: Path) -> ProofResults:
    """The same, loaded."""
    found = pickle.loads(proofs_file.read_bytes())
    assert isinstance(found, ProofResults)
    return found


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "long: of ten seconds or more; run first, so that none of them ends last and alone"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
