"""What users meet first: several strategies and noises at once, CSV in a pipe, tables in notebooks, help."""

from __future__ import annotations

import csv
import io
import pydoc
import re
import subprocess
import sys
from pathlib import Path

import pytest

import theory
from numerics.table import Table
from theory.__main__ import main
from theory.setting import _Fields


def test_risk_of_several_strategies_and_noises_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--shots", "0,3", "--d", "5", "--noise", "0,1/4", "--pretrain-shots", "20", "--csv", "-"]
    assert main(["risk", "zs_v", "pretrained", *options]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["strategy"], row["noise_variance"], row["n_shots"]) for row in rows] == [
        (name, noise, n) for name in ("zero_shot_value", "pretrained") for noise in ("0.0", "0.25") for n in "03"
    ]
    for row in rows:
        noise, n = float(row["noise_variance"]), int(row["n_shots"])
        expected = theory.risk(row["strategy"], n, 5, noise_variance=noise, pretrain_shots=20)
        assert float(row["risk"]) == pytest.approx(expected, rel=1e-15)


def test_table_of_some_strategies_and_several_noises(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", "zs_v", "mixed", "--noise", "0.1,1", "--shots", "20"]) == 0
    told, header, *lines = capsys.readouterr().out.splitlines()
    assert "sigma^2 = 0.1, 1.0," in told
    assert header.split() == ["strategy", "task", "noise_variance", "n=20"]
    assert len(lines) == 2 * 2 * 3
    value = theory.risk("mixed", 20, 5, noise_variance=1, pretrain_shots=20, task="unseen")
    assert ["mixed", "unseen", "1", f"{value:.6g}"] in [line.split() for line in lines]


def test_a_table_in_a_notebook_says_once_what_all_rows_share() -> None:
    table = Table({"d": [5] * 30, "task": ["a<b"] * 30, "n_shots": range(30), "risk": [0.5 + k for k in range(30)]})
    html = table._repr_html_()
    assert "<p>[30 rows] d = 5, task = a&lt;b</p>" in html
    assert html.count("<th>") == 2
    assert html.count("<tr>") == 1 + 20 + 1
    assert "<td>29.5</td>" in html
    assert "<td>12.5</td>" not in html
    assert Table({"d": [5], "risk": [0.5]})._repr_html_().count("<td>") == 2


def test_help_tells_types_and_defaults() -> None:
    text = pydoc.plain(pydoc.render_doc(theory.risk))
    for name, default in _Fields._field_defaults.items():
        shown = re.search(rf"\b{name}: ('.+?'|\".+?\") = {re.escape(repr(default))}[,)]", text)
        assert shown, name
        assert shown[1] != "'Any'"
    assert "task: 'Task' = 'target'" in text
    assert "-> 'Any'" in text


def test_another_module_named_theory_is_named(tmp_path: Path) -> None:
    """Python runs a theory.py of the user's folder: which one it is, and what to do, is in the error."""
    (tmp_path / "theory.py").write_text("x = 1\n")
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import numerics; numerics.flow"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: 'theory' is another module here, ")
    assert f"{tmp_path / 'theory.py'}: rename it" in last
    command = [
        sys.executable,
        "-c",
        "import sys; sys.path.insert(0, sys.argv.pop()); import figures.__main__",
        str(tmp_path),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stderr.strip().splitlines()[-1] == last
