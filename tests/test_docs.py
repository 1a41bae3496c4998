"""The documentation: examples and code blocks run, links resolve, tables are what the library says, Sphinx is content."""

from __future__ import annotations

import ast
import json
import math
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from cells import DETECTABLE, LAW_CELLS, TOKEN_CELLS

import theory
from figures.drawn import trust
from theory.__main__ import parser
from theory.proofs import theorem

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
EXAMPLES = sorted((DOCS / "examples").glob("*.py"))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md"))]


def python_blocks(path: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", path.read_text(encoding="utf-8"), re.M | re.S)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(path, tmp_path):
    """From another directory, as a script, warnings as errors; its own assertions check what it says."""
    source = path.read_text(encoding="utf-8")
    assert source.startswith("# %% [markdown]\n# # ")
    assert "assert " in source
    done = subprocess.run([sys.executable, "-W", "error", str(path)], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_notebook_is_the_tutorial_with_its_outputs():
    """Cell by cell, without Jupyter; `python docs/notebook.py` makes it."""
    script = (DOCS / "examples" / "tutorial.py").read_text(encoding="utf-8")
    cells = [cell.partition("\n") for cell in re.split(r"^# %%", script, flags=re.M)[1:]]
    notebook = json.loads((DOCS / "examples" / "tutorial.ipynb").read_text(encoding="utf-8"))
    found = [(cell["cell_type"], "".join(cell["source"])) for cell in notebook["cells"]]
    assert found == [
        ("markdown", re.sub(r"^# ?", "", body.strip(), flags=re.M)) if "markdown" in kind else ("code", body.strip())
        for kind, _, body in cells
    ]
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == [*range(1, len(code) + 1)]  # once, from top to bottom
    outputs = [output for cell in code for output in cell["outputs"]]
    assert "error" not in {output["output_type"] for output in outputs}
    assert code[1]["outputs"][0]["data"]["text/plain"] == [repr(61 / 121)]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 2


def test_every_example_is_linked_from_the_readme():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert EXAMPLES
    assert all(f"docs/examples/{path.name}" in text for path in EXAMPLES)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_resolve(path):
    """In a plain clone: docs/generated, which Sphinx writes, is no target but of the site's table of contents."""
    targets = re.findall(r"\]\(([^)#\s]+)", path.read_text(encoding="utf-8"))
    local = [target for target in targets if "://" not in target]
    assert all((path.parent / target).exists() and not target.startswith("generated/") for target in local), local


def test_the_python_of_the_contributing_guide_runs():
    """The worked example: a theorem that is proved, and the mutant that is not."""
    proof, mutant = python_blocks(ROOT / "CONTRIBUTING.md")
    namespace: dict[str, object] = {}
    exec(compile(proof, "CONTRIBUTING.md", "exec"), namespace)
    result = namespace["result"]
    assert isinstance(result, theorem.ProofResult)
    assert [check.how for check in result.checks] == ["ring identity"]
    exec(compile(mutant, "CONTRIBUTING.md", "exec"), namespace)


def test_the_conventions_page_prints_what_it_says(capsys):
    blocks = python_blocks(DOCS / "conventions.md")
    assert len(blocks) == 2
    for block in blocks:
        exec(compile(block, "conventions.md", "exec"), {})
        assert capsys.readouterr().out.splitlines() == re.findall(r"^# (.*)$", block, re.M)


def test_the_python_of_the_readme_runs():
    """Every line; a strategy's own (v, Q) in its place give its number."""
    (block,) = python_blocks(ROOT / "README.md")
    namespace: dict[str, object] = {}
    values = []
    for statement in ast.parse(block).body:
        if isinstance(statement, ast.Expr):
            values.append(eval(ast.unparse(statement), namespace))
        else:
            exec(ast.unparse(statement), namespace)
    number, curve, fraction, formula, own, compared, conditions, against, latex, *others = values
    setting = namespace["setting"]
    assert isinstance(number, float)
    assert curve.shape == (41,)
    assert isinstance(fraction, Fraction)
    assert fraction == theory.risk("pretrained", 10, 5, noise_variance=Fraction(1, 10), pretrain_shots=math.inf)
    assert {symbol.name for symbol in formula.free_symbols} == {"n", "d"}
    assert own == pytest.approx(theory.risk("zero_shot", 10, setting=setting), rel=1e-12)
    assert [row.strategy for row in compared] == list(theory.STRATEGIES)
    assert len(conditions) > 0
    assert [condition.shots for condition in against] == [((62, math.inf),)]
    assert latex == theory.formula("zs_v", "unseen").latex
    assert all(isinstance(value, float) and value > 0 for value in others)


def test_the_readme_shows_the_ledger(ledger):
    text = (ROOT / "README.md").read_text(encoding="utf-8").replace("\\", "")
    shown = [judged for judged in ledger if judged.claim.paper == "lee2026"]
    assert len(shown) > 10
    for judged in shown:
        claim, verdict = judged.claim, judged.verdict
        row = (claim.statement, claim.where, claim.short(), verdict.ruling, verdict.derived)
        assert f"| {' | '.join(row)} |" in text


def test_the_readme_shows_the_strategies_and_calls_commands_that_exist():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for strategy in theory.STRATEGIES.values():
        aliases = ", ".join(f"`{alias}`" for alias in strategy.aliases)
        row = re.search(rf"^\| `{strategy.name}` \| {re.escape(aliases)} ?\|.*\| (.*) \|$", text, re.M)
        assert row
        assert row[1].split(", ")[0] == strategy.theorem.partition(".")[0]
    for line in re.findall(r"^    python -m theory ([^#\n]*)", text, re.M):
        parser().parse_args(line.split())


def test_the_readme_says_how_long_its_commands_take_and_what_is_skipped():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    told = re.findall(r"^(?:Run [^`]*)?```sh\n|^    python -m theory .*$", text, re.M)
    assert len(told) == 10
    assert all(re.search(r"# at once|# \d+ s: |\(.*minutes?\b", line.replace("\n", " ")) for line in told)
    assert "Chromium or Chrome" in text
    skips = re.findall(
        r"mark\.skip\w*|pytest\.skip\b", "".join(path.read_text() for path in (ROOT / "tests").glob("test_[!d]*.py"))
    )
    assert skips == ["mark.skipif"] * 2  # those of the browser and of pyright, which needs node
    assert "or node, on the PATH these are skipped" in text


def test_what_simulation_can_see_is_said_alike_everywhere():
    said = f"{len(LAW_CELLS) + len(TOKEN_CELLS)} declared cells"
    guarantees = (DOCS / "guarantees.md").read_text(encoding="utf-8")
    for text in (guarantees, trust.NOTICE):
        assert said in text
        assert f"{DETECTABLE:.0%}" in text
    assert f"{len(LAW_CELLS)}\n  cells by the law of a prompt and {len(TOKEN_CELLS)} token by token" in guarantees


def test_the_first_formulas_of_the_readme_are_the_prices():
    text = (ROOT / "README.md").read_text(encoding="utf-8").partition("```")[0]
    prices = dict(re.findall(r"^    (\w+) = ([^#\n]+)", text, re.M))
    assert set(prices) == {"value", "head"}
    for d, n in ((1, 0), (2, 1), (5, 20), (7, 3)):
        world = {"noise_variance": Fraction(1, 10), "pretrain_shots": 20, "task": "unseen"}
        before, value, head = (theory.risk(name, n, d, **world) for name in ("pretrained", "zs_v", "new_head"))
        assert eval(prices["value"], {"n": Fraction(n), "d": d}) == value - before
        assert eval(prices["head"], {"n": Fraction(n)}) == head - before


def test_the_pictures_of_the_readme_have_alternative_texts():
    pictures = re.findall(r"!\[([^\]]*)\]", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert len(pictures) == 2
    assert all(len(text) > 40 for text in pictures)


# The guide's command; the proofs and verdicts that docs/conf.py asks for are at hand.
SPHINX = """
import pathlib, pickle, sys
import theory
proofs, ledger = pickle.loads(pathlib.Path(sys.argv[1]).read_bytes())
theory.prove, theory.claims = lambda: proofs, lambda: ledger
from sphinx.cmd.build import main
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.long
def test_the_documentation_builds_without_warnings(tmp_path, found_file):
    """As the guide says: ``python -m sphinx -W -b html docs docs/_build``."""
    options = ["-W", "--keep-going", "-q", "-E", "-b", "html", str(DOCS), str(tmp_path)]
    # -P: docs/figures, in the folder to which Sphinx goes, is not the package
    command = [sys.executable, "-P", "-c", SPHINX, str(found_file), *options]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    reference = (tmp_path / "generated" / "reference.html").read_text(encoding="utf-8")
    public = [
        name for name in theory.__all__ if isinstance(getattr(theory, name), type) or callable(getattr(theory, name))
    ]
    assert all(f'id="theory.{name}"' in reference for name in public)


def test_the_citation_names_this_version_and_the_paper():
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    version = re.search(r'^version = "(.*)"$', project, re.M)
    assert version
    assert f"\nversion: {version[1]}\n" in text
    assert "2602.23197" in text
