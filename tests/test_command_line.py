"""The command line: what it prints, and one line with exit status 2 for what it cannot take."""

from __future__ import annotations

import csv
import subprocess
import sys

import pytest

import theory
from theory.__main__ import main, shot_counts


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    try:
        status = main(arguments)
    except SystemExit as stop:
        status = int(stop.code or 0)
    out, err = capsys.readouterr()
    return status, out, err


def test_risk_prints_and_writes_the_numbers_of_theory_risk(capsys, tmp_path):
    path = tmp_path / "risk.csv"
    options = {"--shots": "0:20", "--d": "5", "--noise": "0.1", "--pretrain-shots": "20", "--task": "opposite"}
    flags = [word for pair in options.items() for word in pair]
    status, out, _ = run(capsys, "risk", "zs_v", *flags, "--csv", str(path))
    assert status == 0
    expected = theory.risk("zs_v", range(21), 5, noise_variance=0.1, pretrain_shots=20, task="opposite")
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["n_shots"]) for row in rows] == list(range(21))
    assert [float(row["risk"]) for row in rows] == pytest.approx(list(expected), rel=1e-15)
    lines = out.splitlines()
    assert lines[0].split() == ["n_shots", "risk"]
    assert lines[1].split() == ["0", f"{expected[0]:.6g}"]


def test_table_holds_every_strategy_on_every_task(capsys):
    status, out, _ = run(capsys, "table", "--shots", "0,20")
    assert status == 0
    rows = [line.split() for line in out.splitlines()[2:]]
    assert {(row[0], row[1]) for row in rows} == {
        (strategy, task) for strategy in theory.STRATEGIES for task in ("target", "opposite", "unseen")
    }
    value = theory.risk("mixed", 20, 5, noise_variance=0.1, pretrain_shots=20)
    assert ["mixed", "target", "0.1", f"{value:.6g}"] in rows


def test_strategies_lists_names_aliases_and_what_trains(capsys):
    status, out, _ = run(capsys, "strategies")
    assert status == 0
    assert len(out.splitlines()) == 8
    for strategy in theory.STRATEGIES.values():
        assert all(word in out for word in (strategy.name, *strategy.aliases))


def test_claims_prints_one_line_a_claim(capsys):
    status, out, _ = run(capsys, "claims")
    assert status == 0
    assert len(out.splitlines()) == len(theory.claims()) + 1
    status, out, _ = run(capsys, "claims", "-v")
    assert status == 0
    assert out.count("printed:") == len(theory.claims())


@pytest.mark.parametrize(
    ("text", "counts"),
    [("7", [7]), ("0:3", [0, 1, 2, 3]), ("0:10:5", [0, 5, 10]), ("0,2,4:5", [0, 2, 4, 5])],
)
def test_shot_counts(text, counts):
    assert shot_counts(text) == counts


@pytest.mark.parametrize(
    "arguments",
    [
        "risk zs_w --shots 1 --d 5",
        "risk zs --shots 1 --d 0",
        "risk zs --shots -1 --d 5",
        "risk zs --shots 0:x --d 5",
        "risk zs --shots 5:1 --d 5",
        "risk zs --shots 0:5:0 --d 5",
        "risk zs --d 5",
        "risk zs --shots 1 --d 5 --noise -1",
        "risk zs --shots 1 --d 5 --noise nan",
        "risk zs --shots 1 --d 5 --task oposite",
        "risk zs --shots 1 --d 5 --task 1.5",
        "risk zs --shots 1 --d 5 --normalization token",
        "risk zs --shots 1 --d 5 --value-scale 0",
        "risk zs --shots 1 --d 5 --value-scale balance",
        "risk mixed --shots 1 --d 5",
        "risk mixed --shots 1 --d 5 --few-shot-shots 5 --few-shot-weight 1",
        "risk zs --shots 1 --d 5 --csv /nonexistent/folder/file.csv",
        "prove R99",
        "unknown",
        "",
    ],
)
def test_wrong_calls_are_one_line_and_exit_status_2(capsys, arguments):
    status, out, err = run(capsys, *arguments.split())
    assert status == 2
    assert out == "" or arguments.endswith("file.csv")
    assert len(err.splitlines()) == 1
    assert "Traceback" not in err


def test_it_runs_as_a_module(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "theory", "risk", "pretrained", "--shots", "10", "--d", "5"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[1].split() == ["10", f"{61 / 121:.6g}"]


def test_the_table_as_csv(capsys, tmp_path):
    path = tmp_path / "table.csv"
    assert run(capsys, "table", "--shots", "0", "--csv", str(path))[0] == 0
    assert len(path.read_text(encoding="utf-8").splitlines()) == 1 + 3 * len(theory.STRATEGIES)
