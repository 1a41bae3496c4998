"""The strategies' printed formulas, copied and run as a reader would: the numbers of theory.risk."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from theory import risk
from theory.__main__ import main
from theory.printed_formulas import GENERAL, ISOTROPIC, PREAMBLE
from theory.proofs import r11_printed_formulas, runner
from theory.proofs.runner import ProofResults
from theory.proofs.theorem import Proof, ProofFailed
from theory.strategies import PUBLISHED

TOLERANCE = 1e-12  # relative; float arithmetic with condition numbers up to a few hundred


def evaluated(lines: str, values: dict[str, Any]) -> Any:
    namespace: dict[str, Any] = dict(values)
    exec(f"{PREAMBLE}\n{lines}", namespace)
    return namespace["risk"]


def test_there_is_one_for_every_strategy() -> None:
    assert list(GENERAL) == list(ISOTROPIC) == list(PUBLISHED)


@pytest.mark.parametrize("name", PUBLISHED)
def test_copied_lines_give_the_risk(name: str) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        d, n, m = (int(rng.integers(low, high)) for low, high in ((1, 7), (0, 40), (1, 60)))
        sigma2 = float(rng.uniform(0.05, 2))
        roots = rng.standard_normal((2, d, d + 2))
        Sigma, Psi = roots @ roots.transpose(0, 2, 1) / d + 0.1 * np.eye(d)
        theta0, theta = rng.standard_normal((2, d))
        numbers = {"d": d, "n": n, "m": m, "sigma2": sigma2}
        arrays = {"Sigma": Sigma, "Psi": Psi, "theta0": theta0, "theta": theta, "I": np.eye(d)}
        common: dict[str, Any] = {"noise_variance": sigma2, "pretrain_shots": m}
        exact = risk(name, n, task=theta, covariance=Sigma, task_covariance=Psi, target=theta0, **common)
        assert evaluated(GENERAL[name], numbers | arrays) == pytest.approx(exact, rel=TOLERANCE)
        for task, cosine, square in (("target", 1, 1), ("opposite", -1, 1), ("unseen", 0, 1 / d)):
            value = evaluated(ISOTROPIC[name], numbers | {"cosine": cosine, "square": square})
            assert value == pytest.approx(risk(name, n, d, task=task, **common), rel=TOLERANCE)


@pytest.mark.parametrize("name", PUBLISHED)
def test_what_is_printed_runs_as_it_is(
    name: str, proofs: ProofResults, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each program that ``prove R11.name -v`` prints, in a namespace of nothing: its example and its risk."""
    monkeypatch.setattr(runner, "proofs", lambda asked: [r for r in proofs if r.theorem.name == asked])
    assert main(["prove", f"R11.{name}", "-v"]) == 0
    printed = capsys.readouterr().out
    programs = re.findall(r"^```python\n(.*?)^```$", printed, re.M | re.S)
    assert len(set(programs)) == 3
    for program, kind in zip(programs, ("general", "unit task", "unseen"), strict=True):
        known: dict[str, Any] = {}
        exec(program, known)
        common = {"noise_variance": known["sigma2"], "pretrain_shots": known["m"]}
        if kind == "general":
            common |= {"covariance": known["Sigma"], "task_covariance": known["Psi"], "target": known["theta0"]}
            expected = risk(name, known["n"], task=known["theta"], **common)
            assert not np.array_equal(known["Sigma"] @ known["Psi"], known["Psi"] @ known["Sigma"])  # an example of all
        else:
            assert -1 < known["cosine"] < 1
            task = "unseen" if kind == "unseen" else known["cosine"]
            expected = risk(name, known["n"], known["d"], task=task, **common)
        assert known["risk"] == pytest.approx(expected, rel=TOLERANCE)
        assert float(capsys.readouterr().out) == known["risk"]


def test_what_is_assumed_is_printed(
    proofs: ProofResults, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(runner, "proofs", lambda asked: proofs)
    assert main(["prove", "-v"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assumed = [f"    Assumed: {text}" for result in proofs for text in result.theorem.all_assumptions()]
    assert assumed
    assert [line for line in printed if line.startswith("    Assumed: ")] == assumed


def test_the_proof_runs_the_places_that_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cosine and square are said to be on a unit task and on average: another saying is refuted."""
    for place, wrong in (("UNIT_TASK", "square = cosine"), ("UNSEEN_AVERAGE", "cosine = 0\nsquare = 2/d")):
        with monkeypatch.context() as patch:
            patch.setattr(r11_printed_formulas, place, wrong)
            with pytest.raises(ProofFailed, match="isotropic"):
                r11_printed_formulas._isotropic(Proof(), "mixed")
