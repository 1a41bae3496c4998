"""Every theorem is proved anew, cold, in a process of its own; and some where python-flint cannot be imported.

The first is the fixture ``proofs``, whose results the report's and the documentation's tests show.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import theory
from theory.__main__ import main
from theory.proofs import runner
from theory.proofs.runner import ProofResults
from theory.proofs.theorem import Proof, ProofFailed, Theorem, run

WITHOUT_FLINT = """
import sys
sys.modules["flint"] = None  # as if it were not installed
from theory.__main__ import main
raise SystemExit(max(main(["prove", name]) for name in sys.argv[1:]))
"""
# Words, lines, roots, unknowns and brute force, each by a theorem that takes a second; all of them take minutes.
QUICK = ("R0.squares", "R1", "R2.selection", "R3.masked", "R4", "R6", "R9.price", "R11.mixed_kq", "R12.one_head", "C2")


def test_theorems_are_proved_without_python_flint(tmp_path: Path) -> None:
    """By the command line."""
    command = [sys.executable, "-c", WITHOUT_FLINT, *QUICK]
    environment = {**os.environ, "SYMPY_GROUND_TYPES": "python"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    asked = [theorem.name for name in QUICK for theorem in runner.selected(name)]
    lines = [line.split()[:2] for line in done.stdout.splitlines() if not line.startswith("all proved in ")]
    assert lines == [[name, "proved"] for name in asked]


@pytest.mark.long
def test_every_theorem_is_proved(proofs: ProofResults) -> None:
    names = [result.theorem.name for result in proofs]
    assert names == [theorem.name for theorem in runner.theorems()]
    assert {f"R{k}" for k in range(12)} <= {name.split(".")[0] for name in names}
    assert [result.failure for result in proofs if not result.proved] == []
    assert proofs.proved


def test_no_proof_rests_on_numbers(proofs: ProofResults) -> None:
    """What is only seen in floats is labelled so; a theorem needs more than that."""
    for result in proofs:
        assert result.proved
        assert any(check.how != "numerical" for check in result.checks)


def broken(proof: Proof) -> None:
    proof.zero("one is none", 1)


def test_a_failure_is_a_result_and_exit_status_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = Theorem("R99", "a false theorem", "$1 = 0$", (), "nowhere", broken)
    assert not run(wrong).proved
    monkeypatch.setattr(runner, "theorems", lambda: (wrong,))
    assert main(["prove"]) == 1
    assert "FAILED" in capsys.readouterr().out
    assert not theory.prove().proved


def test_a_proof_without_checks_proves_nothing() -> None:
    assert not run(Theorem("R99", "nothing", "", (), "nowhere", lambda proof: proof.step("trust me"))).proved


def test_a_crash_is_no_wrong_input(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(proof: Proof) -> None:
        raise TypeError("a bug")

    monkeypatch.setattr(runner, "theorems", lambda: (Theorem("R99", "a bug", "", (), "nowhere", crash),))
    with pytest.raises(RuntimeError, match="crashed"):
        main(["prove"])


def test_each_kind_of_check_can_fail() -> None:
    proof = Proof()
    with pytest.raises(ProofFailed):
        proof.zeros("some", [0, 1])
    with pytest.raises(ProofFailed):
        proof.brute_force("some", [(1, 1), (1, 2)])
    with pytest.raises(ProofFailed):
        proof.brute_force("none", [])
    with pytest.raises(ProofFailed):
        proof.inequality("some", False)
    with pytest.raises(ProofFailed):
        proof.numerical("some", float("nan"), 1.0)
    assert not proof.checks


@pytest.mark.parametrize("name", ["R99", "", "r"])
def test_an_unknown_name_lists_the_known_ones(name: str) -> None:
    with pytest.raises(ValueError, match=r"name = .* is unknown.*allowed: R0, "):
        theory.prove(name)


def test_verbose_prints_steps_and_checks(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prove", "R6.noiseless", "-v"]) == 0
    out = capsys.readouterr().out
    (result,) = theory.prove("R6.noiseless")
    assert result.statement in out
    assert all(text in out for text in result.theorem.all_assumptions())
    assert all(step in out for step in result.steps)
    assert out.count("[ring identity]") == sum(check.how == "ring identity" for check in result.checks)
    assert repr(theory.prove("R6.noiseless")).startswith("R6.noiseless: proved, ")


def test_what_is_only_numerical_is_counted_apart() -> None:
    def derive(proof: Proof) -> None:
        proof.numerical("seen", 0.0, 1e-9)

    result = run(Theorem("R99", "seen in floats", "", (), "nowhere", derive))
    assert result.summary() == "1 numerical only"


def test_a_name_is_a_string() -> None:
    with pytest.raises(TypeError, match="name = 3 is not allowed"):
        theory.prove(3)  # type: ignore[arg-type]
