"""Sphinx: ``python -m sphinx -W -b html docs docs/_build``."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

from docutils.nodes import SkipNode

import numerics
import theory
from figures.report.mathematics import capital, display, displayed, formula, prose
from theory.proofs.hypotheses import domain

HERE = Path(__file__).parent

project = "icl-finetuning-theory"
author = "the authors of icl-finetuning-theory"
extensions = ["myst_parser", "numpydoc", "sphinx.ext.autodoc"]
html_math_renderer = "mathml"  # the report's: no script, nothing from the network
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "generated/README*"]
html_theme = "alabaster"
html_static_path = ["generated/static"]
html_css_files = ["mathematics.css"]
html_theme_options = {"page_width": "62rem", "description": "Exact in-context learning under fine-tuning"}
autodoc_typehints = "none"  # the docstrings say it in words
numpydoc_show_class_members = False


def write(name: str, text: str) -> None:
    """A generated page; written only if changed, so that a second build is quick."""
    path = HERE / "generated" / f"{name}.md"
    path.parent.mkdir(exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def catalogue() -> str:
    """Every theorem's statement and formulas, from the proofs, which are run for it; set as in the report."""
    parts = [
        "# The theorems",
        "Each is derived anew by `python -m theory prove`; add a name for one of them.",
        paragraph(f"Of its numbers every proof knows {domain()}, and beyond that what its theorem assumes."),
    ]
    for result in theory.prove():
        theorem = result.theorem
        parts += [f"## {theorem.name}. {capital(theorem.title)}", paragraph(result.statement)]
        for check in result.formulas():
            parts.append(f"{paragraph(capital(check.what) + ':')}\n{displayed(check.lines)}")
        parts += ["\n".join(map(paragraph, theorem.all_assumptions())), f"*Source:* {theorem.source}."]
    return "\n\n".join(part for part in parts if part) + "\n"


def paragraph(text: str) -> str:
    """A paragraph of words and mathematics as HTML."""
    return f"<p>{prose(text)}</p>"


def verdicts() -> str:
    """The ledger of published claims, paper by paper."""
    parts = [
        "# Published claims, judged",
        "The verdicts are computed: `python -m theory claims`. A formula is held against the library's exact value in the "
        "paper's own conventions ([which layer do I have?](../conventions.md#which-layer-do-i-have)), and proved to be the same "
        "for all numbers where a theorem (C1 to C8) is named.",
    ]
    ledger = theory.claims()
    for paper in dict.fromkeys(judged.claim.paper for judged in ledger):
        of_paper = [judged for judged in ledger if judged.claim.paper == paper]
        row = of_paper[0].claim.convention()
        parts += [f"## {row.paper}", f"arXiv {row.arxiv}; in its conventions: `{row.setting}`."]
        for claim, verdict in ((judged.claim, judged.verdict) for judged in of_paper):
            program = claim.is_program()
            printed = f"```python\n{claim.printed}\n```" if program else f"- printed: {marked(claim.printed)}"
            apart = "" if verdict.difference is None else f"\n- relative difference: {float(verdict.difference):.3g}"
            parts += [
                f"### {claim.name}",
                marked(f"{claim.statement} ({claim.where}; {claim.setting})"),
                printed,
                f"- **{verdict.ruling}**: {marked(verdict.derived)}\n- {marked(verdict.reason)}{apart}\n"
                f"- taken from: {claim.source}",
            ]
    return "\n\n".join(parts) + "\n"


def marked(text: str) -> str:
    """Text of formulas, in which stars and bars mean nothing to Markdown."""
    return re.sub(r"(?<=[\w)])([*|])(?!\*)|(?<=\s)([*|])(?=[^\s*])", r"\\\1\2", text)


def example(path: Path) -> str:
    """A script of cells as a page."""
    out: list[str] = []
    for cell in re.split(r"^# %%", path.read_text(encoding="utf-8"), flags=re.M)[1:]:
        kind, _, body = cell.partition("\n")
        if "markdown" in kind:
            out.append(re.sub(r"^# ?", "", body, flags=re.M).strip())
        else:
            out.append(f"```python\n{body.strip()}\n```")
    return "\n\n".join(out) + "\n"


def reference() -> str:
    """Public names, in the order of ``__all__``."""
    parts = ["# Reference"]
    for package in (theory, numerics):
        parts.append(f"## {package.__name__}")
        for name in package.__all__:
            value = getattr(package, name)
            if isinstance(value, dict | theory.Setting) or (package is numerics and hasattr(theory, name)):
                continue  # what numerics hands on is described where it is defined
            kind = "autodata" if get_args(value) else "autoclass" if isinstance(value, type) else "autofunction"
            parts.append(f"```{{eval-rst}}\n.. {kind}:: {package.__name__}.{name}\n```")
    parts.append("## figures\n\n```{eval-rst}\n.. automodule:: figures\n.. autofunction:: figures.numbers\n```")
    return "\n\n".join(parts) + "\n"


STYLE = """\
@font-face { font-family: "Report Math"; src: url("math_font.woff2") format("woff2"); }
math { font-family: "Report Math", "STIX Two Math", "Cambria Math", math; }
.display { overflow-x: auto; margin: .5em 0; padding: .2em 0; }
"""
STATIC = HERE / "generated" / "static"
STATIC.mkdir(parents=True, exist_ok=True)
(STATIC / "mathematics.css").write_text(STYLE, encoding="utf-8")
(STATIC / "math_font.woff2").write_bytes(files("figures.report").joinpath("math_font.woff2").read_bytes())
write("theorems", catalogue())
write("claims", verdicts())
write("reference", reference())
for script in sorted((HERE / "examples").glob("*.py")):
    write(f"example_{script.stem}", example(script))


def plain_text(app: Any, what: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    """Docstrings as they are written: a list of names may go on after a backslash, and a bar is an absolute value."""
    text = "\n".join(lines).replace("\\\n", " ")
    parts = re.split(
        r"(\.\. math::.*?(?:\n\n(?=\S)|\Z)|``.*?``|`.*?`|^\s*(?:>>>|\.\.\. ).*?$)", text, flags=re.S | re.M
    )
    parts[::2] = [part.replace("|", r"\|") for part in parts[::2]]
    lines[:] = "".join(parts).split("\n")


def inline_mathematics(translator: Any, node: Any) -> None:
    """A formula in a line."""
    translator.body.append(formula(node.astext()))
    raise SkipNode


def block_mathematics(translator: Any, node: Any) -> None:
    """Formulas on lines of their own."""
    translator.body += [display(part) for part in re.split(r"\n\s*\n", node.astext().strip())]
    raise SkipNode


def setup(app: Any) -> None:
    """The renderer of formulas, and what is done before numpydoc reads the docstrings."""
    app.add_html_math_renderer("mathml", (inline_mathematics, None), (block_mathematics, None))
    app.connect("autodoc-process-docstring", plain_text, priority=100)
