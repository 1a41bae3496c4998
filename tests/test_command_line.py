"""The command line: what it prints, and one line with exit status 2 for what it cannot take."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys

import numpy as np
import pytest

import theory
from theory.__main__ import main
from theory.command_types import shot_counts
from theory.ledger import CLAIMS
from theory.proofs import runner


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
    told, *lines = out.splitlines()
    assert told.startswith("zero_shot_value, task opposite; d = 5, pretrained at m = 20 shots, sigma^2 = 0.1, ")
    assert told.endswith("; formula: python -m theory formula zero_shot_value")
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


def test_table_in_a_setting_of_ones_own(capsys, tmp_path):
    """Every option reaches the numbers and the heading."""
    path = tmp_path / "table.csv"
    options = {
        "--d": "8", "--noise": "1/4", "--pretrain-shots": "inf", "--few-shot-shots": "9", "--value-scale": "3/2",
        "--normalization": "shots",
    }  # fmt: skip
    flags = [word for pair in options.items() for word in pair]
    status, out, _ = run(capsys, "table", "--shots", "0,7", *flags, "--csv", str(path))
    assert status == 0
    for part in ("d = 8,", "m = inf shots", "sigma^2 = 0.25,", "at 9 shots", "0+", "value scale 1.5,", "N = max(n, 1)"):
        assert part in out.splitlines()[0]
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        for n in (0, 7):
            expected = theory.risk(
                row["strategy"], n, 8, noise_variance=0.25, few_shot_shots=9, value_scale=1.5, normalization="shots",
                task=row["task"],
            )  # fmt: skip
            assert float(row[f"n={n}"]) == pytest.approx(expected, rel=1e-15)


def test_table_without_options_is_the_official_setting(capsys):
    _, out, _ = run(capsys, "table", "--shots", "0")
    for part in ("d = 5,", "m = 20 shots", "sigma^2 = 0.1,", "at 20 shots", "0+", "value scale balanced,", "N = n + 1"):
        assert part in out.splitlines()[0]


def test_table_tells_which_strategies_have_no_closed_form(capsys):
    status, out, _ = run(capsys, "table", "--shots", "0,20", "--few-shot-weight", "1/2")
    assert status == 0
    assert "lambda = 0.5" in out.splitlines()[0]
    rows = [re.split(r"  +", line.strip()) for line in out.splitlines()[2:]]
    assert [row[0] for row in rows if "no closed form" in row] == ["mixed"] * 3
    value = theory.risk("mixed_value", 20, 5, noise_variance=0.1, pretrain_shots=20, few_shot_weight=0.5)
    assert ["mixed_value", "target", f"{value:.6g}"] in [[row[0], row[1], row[3]] for row in rows]


@pytest.mark.parametrize("name", ["risk", "table"])
def test_the_two_commands_take_the_same_setting(capsys, name):
    _, out, _ = run(capsys, name, "--help")
    for option in ("d", "noise", "pretrain-shots", "few-shot-shots", "few-shot-weight", "value-scale", "normalization"):
        assert f"--{option} " in out
    assert "1/4" in out


def test_numbers_may_be_fractions(capsys):
    ways = (("1/8", "--task=-1/4", "1/3"), ("0.125", "--task=-0.25", repr(1 / 3)))
    outputs = [
        run(capsys, "risk", "zs", "--shots", "3", "--d", "5", "--noise", noise, task, "--value-scale", scale)
        for noise, task, scale in ways
    ]
    assert outputs[0] == outputs[1]
    expected = theory.risk("zs", 3, 5, noise_variance=0.125, task=-0.25, value_scale=1 / 3)
    assert outputs[0][1].splitlines()[2].split() == ["3", f"{expected:.6g}"]


def printed_risks(out):
    return [float(line.split()[1]) for line in out.splitlines()[2:]]


def test_worlds_that_are_not_isotropic(capsys, tmp_path):
    """Eigenvalues, and a matrix in a file of either kind; the query's likewise, or masked."""
    matrix = np.array([[1.0, 0.25], [0.25, 0.5]])
    np.save(tmp_path / "sigma.npy", matrix)
    (tmp_path / "sigma.txt").write_text("1, 1/4\n0.25 1/2\n", encoding="utf-8")
    base = ["risk", "pretrained", "--shots", "3", "--d", "2", "--pretrain-shots", "9"]
    for options, world, told in (
        (["--covariance", "1,1/2"], {"covariance": [1, 0.5]}, "Sigma = diag(1, 0.5)"),
        (["--covariance", str(tmp_path / "sigma.npy")], {"covariance": matrix}, "Sigma = as given"),
        (["--covariance", str(tmp_path / "sigma.txt")], {"covariance": matrix}, "Sigma = as given"),
        (["--query-covariance", "2,0"], {"query_covariance": [2, 0]}, "Sigma_q = diag(2, 0)"),
        (
            ["--query", "masked", "--normalization", "4"],
            {"query": "masked", "normalization": 4.0},
            "N = 4.0, query masked",
        ),
    ):
        status, out, _ = run(capsys, *base, *options)
        assert status == 0
        assert told in out.splitlines()[0]
        expected = theory.risk("pretrained", 3, 2, pretrain_shots=9, **world)
        assert printed_risks(out) == [pytest.approx(expected, rel=1e-5)]  # six digits are printed
    assert "query masked" in run(capsys, "table", "--query", "masked")[1].splitlines()[0]


def test_compare_in_any_world_as_csv(capsys):
    """Every option of the world reaches the numbers; CSV has them in full."""
    options = [
        "--covariance",
        "1,1/2",
        "--query-covariance",
        "2,1",
        "--task-covariance",
        "1/4,3",
        "--normalization",
        "4",
    ]
    base = ["--d", "2", "--pretrain-shots", "9", "--noise", "1/4", "--query", "masked", "--shots", "3"]
    status, out, _ = run(capsys, "compare", "skip", "v_x", *base, *options, "--csv", "-")
    assert status == 0
    world = theory.Setting(
        2, covariance=[1, 0.5], query_covariance=[2, 1], task_covariance=[0.25, 3], normalization=4, query="masked",
        noise_variance=0.25, pretrain_shots=9,
    )  # fmt: skip
    rows = list(csv.DictReader(out.splitlines()))
    for row, strategy in zip(rows, (theory.Strategy("skip"), theory.Strategy(("v_x",))), strict=True):
        places = {"target": ("target", 3), "unseen": ("unseen", 3), "excess": ("target", 0)}
        numbers = {name: theory.risk(strategy, n, setting=world, task=task) for name, (task, n) in places.items()}
        numbers |= {
            "price": numbers["unseen"] - theory.risk("pretrained", 3, setting=world, task="unseen"),
            "excess": numbers["excess"] - 0.25,
        }
        assert row["strategy"] == strategy.name
        assert (row["limit"], row["frontier"]) == ("", "")  # N is a number: no limit; no frontier was asked for
        assert {name: float(row[name]) for name in numbers} == numbers


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (
            "compare --covarance=1,2",
            "theory compare: unrecognized arguments: --covarance=1,2 (did you mean --covariance?)",
        ),
        ("risk zs --shots 1 --d 5 --cvs=-", "theory risk: unrecognized arguments: --cvs=- (did you mean --csv?)"),
        ("risk zs --shots 1", "theory risk: --d is required, unless a covariance says it"),
        ("strategies 5", "theory strategies: unrecognized arguments: 5"),
        ("compare --replay 1", "theory compare: --replay is not allowed alone: it needs what trains, such as value"),
    ],
)
def test_unknown_options_are_told_by_their_command(capsys, wrong, told):
    assert run(capsys, *wrong.split()) == (2, "", f"python -m {told}\n")


def test_a_covariance_says_its_dimension(capsys):
    status, text, _ = run(capsys, "risk", "zs", "--shots", "3", "--covariance", "1,2")
    assert status == 0
    assert "d = 2, " in text
    assert run(capsys, "conditions", "zs_v", "--covariance", "1,2")[1].startswith("zero_shot_value; d = 2, ")


def test_strategies_of_ones_own(capsys):
    base = ["--shots", "5", "--d", "3", "--noise", "0.1", "--pretrain-shots", "12"]
    for words, strategy in (
        (["value", "--replay", "0.3", "--time", "2"], theory.Strategy("value", replay=0.3, time=2)),
        (["v_x,w", "--zero-shot", "1/2", "--few-shot", "1"], theory.Strategy(("v_x", "w"), zero_shot=0.5, few_shot=1)),
        (["skip", "--pull", "0.5"], theory.Strategy("skip", pull=0.5)),
        (["value"], theory.Strategy("value")),
    ):
        status, out, _ = run(capsys, "risk", *words, *base)
        assert status == 0
        assert out.startswith(strategy.name)
        expected = theory.risk(strategy, 5, 3, noise_variance=0.1, pretrain_shots=12)
        assert printed_risks(out) == [pytest.approx(expected, rel=1e-5)]  # six digits are printed


def test_strategies_lists_names_aliases_and_what_trains(capsys):
    status, out, _ = run(capsys, "strategies")
    assert status == 0
    header, *lines = out.splitlines()
    assert header.split()[-1] == "theorem"
    theorems = {theorem.name for theorem in runner.theorems()}
    for line, strategy in zip(lines, theory.STRATEGIES.values(), strict=True):
        assert line.split()[0] == strategy.name
        assert line.split()[-1] == strategy.theorem
        assert strategy.theorem in theorems
        assert all(word in out for word in (strategy.name, *strategy.aliases))


@pytest.mark.usefixtures("known_verdicts")
def test_claims_prints_one_line_a_claim(capsys):
    status, out, _ = run(capsys, "claims")
    assert status == 0
    assert len(out.splitlines()) == len(CLAIMS) + 1
    status, out, _ = run(capsys, "claims", "-v")
    assert status == 0
    assert out.count("published:") == len(CLAIMS)


def test_claims_of_one_paper(capsys):
    status, out, _ = run(capsys, "claims", "--paper", "lu2025", "-v")
    assert status == 0
    assert out.count("published:") == 3
    assert "    published: alpha = n/d\n               e = " in out
    status, out, err = run(capsys, "claims", "--paper", "lu2024")
    assert (status, out) == (2, "")
    assert "did you mean 'lu2025'" in err


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
        "risk zs --shots 1 --d 5 --noise 1/0",
        "risk zs --shots 1 --d 5 --noise 1/2/3",
        "risk zs --shots 1 --d 5 --noise 1/x",
        "risk zs --shots 1 --d 5 --task 1/x",
        "risk zs --shots 1 --d 5 --task=-5/4",
        "table --d 0",
        "table --noise -1",
        "table --pretrain-shots inf",
        "table --value-scale balance",
        "risk zs --shots 1 --d 5 --task oposite",
        "risk zs --shots 1 --d 5 --task 1.5",
        "risk zs --shots 1 --d 5 --normalization token",
        "risk zs --shots 1 --d 5 --value-scale 0",
        "risk zs --shots 1 --d 5 --value-scale balance",
        "risk mixed --shots 1 --d 5",
        "risk mixed --shots 1 --d 5 --few-shot-shots 5 --few-shot-weight 1",
        "risk zs --shots 1 --d 5 --csv /nonexistent/folder/file.csv",
        "risk zs --shots 1 --d 5 --csv=",
        "table --csv=",
        "risk zs --shots 1 --d 5 --query hidden",
        "risk zs --shots 1 --d 5 --covariance 1,x",
        "risk zs --shots 1 --d 5 --covariance 1,1/2",
        "risk zs --shots 1 --d 2 --query-covariance 1,-1",
        "risk zs --shots 1 --d 5 --replay 1",
        "risk v_x,u --shots 1 --d 5",
        "risk value --shots 1 --d 5 --pretrain-shots 9 --time -1",
        "report --output=",
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


def test_report_asks_for_its_extra_before_anything_else(tmp_path):
    """Told before the modules that take seconds are imported, and before the file is made."""
    program = (
        "import sys; sys.modules['latex2mathml.converter'] = None; from theory.__main__ import main; "
        "print(main(['report', '--output', 'page.html']), {'sympy', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["2", "set()"]
    assert "latex2mathml" in done.stderr
    assert "pip install" in done.stderr
    assert not list(tmp_path.iterdir())


def test_it_runs_as_a_module(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "theory", "risk", "pretrained", "--shots", "10", "--d", "5"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[2].split() == ["10", f"{61 / 121:.6g}"]


def test_the_table_as_csv(capsys, tmp_path):
    path = tmp_path / "table.csv"
    assert run(capsys, "table", "--shots", "0", "--csv", str(path))[0] == 0
    assert len(path.read_text(encoding="utf-8").splitlines()) == 1 + 3 * len(theory.STRATEGIES)


@pytest.mark.parametrize("shots", ["0", "0:2000"])  # less and more than a buffer holds
def test_a_reader_that_has_seen_enough_is_no_error(shots):
    command = f"{sys.executable} -m theory table --shots {shots} | true; echo ${{PIPESTATUS[0]}}"
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True, env=buffered)
    assert (done.stdout, done.stderr) == ("0\n", "")
