"""The derivation report: a whole page from a few theorems and one figure, checked without a browser."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from html import escape
from html.parser import HTMLParser

import pytest

import theory
from figures.report import evidence
from figures.report.mathematics import _converted, display, formula, prose
from figures.report.page import page
from theory.__main__ import main
from theory.ledger import CLAIMS, Ledger
from theory.printed_formulas import GENERAL, ISOTROPIC
from theory.proofs import theorem
from theory.proofs.runner import ProofResults, theorems
from theory.python_to_latex import latex_of, lines_of
from theory.strategies import PUBLISHED

VOID = {"meta", "img", "br", "hr", "link", "input", "wbr"}
PRINTED = tuple(f"R11.{name}" for name in PUBLISHED)
SHOWN = ("R0.squares", "R2.risk", "R6", *PRINTED)


class Page(HTMLParser):
    """What a browser would see: tags that close, ids, links, addresses, formulas, what a screen reader is told."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.addresses: list[str] = []
        self.open: list[str] = []
        self.tags: list[str] = []
        self.headings: list[int] = []
        self.formulas: list[str] = []
        self.unnamed: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attributes}
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        if "id" in found:
            self.ids.append(found["id"])
        if tag == "a":
            self.links.append(found["href"])
        self.addresses += [found[name] for name in ("src", "href", "data", "action") if name in found]
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "math":
            self.formulas.append("")
        if (tag == "img" and not found.get("alt")) or (found.get("role") and not found.get("aria-label")):
            self.unnamed.append(tag)
        assert not any(name.startswith("on") for name in found)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, text: str) -> None:
        if "math" in self.open:
            self.formulas[-1] += text


@pytest.fixture(scope="module")
def found(proofs: ProofResults, ledger: Ledger) -> evidence.Evidence:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evidence, "claims", lambda: ledger)
        rest = evidence.gather((), ("pretrained_by_dimension",), workers=1)
    return replace(rest, results=ProofResults(result for result in proofs if result.theorem.name in SHOWN))


@pytest.fixture(scope="module")
def report(found: evidence.Evidence) -> str:
    return page(found)


def test_the_page_is_one_offline_document(report):
    seen = Page(report)
    assert report.startswith("<!DOCTYPE html>\n<html lang=")
    assert not {"iframe", "object", "link", "form"} & set(seen.tags)
    assert seen.tags.count("script") == 1  # the buttons that copy: its own text, for it has no address
    assert all(address.startswith(("#", "data:")) for address in seen.addresses)
    assert not re.search(r"@import|url\((?!\"data:)", report)
    assert len(report) < 6e6


def test_links_resolve_and_ids_are_unique(report):
    seen = Page(report)
    assert len(set(seen.ids)) == len(seen.ids)
    assert {link.removeprefix("#") for link in seen.links} <= set(seen.ids)
    assert set(SHOWN) <= set(seen.ids)


def test_headings_descend_by_steps_and_everything_has_a_name(report):
    seen = Page(report)
    assert seen.headings[0] == 1
    assert seen.headings.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(seen.headings, seen.headings[1:], strict=False))
    assert seen.unnamed == []


def test_every_formula_has_content(report):
    seen = Page(report)
    assert len(seen.formulas) > 200
    assert all(text.strip() for text in seen.formulas)
    assert not any("\\" in text for text in seen.formulas)


def test_the_page_holds_every_strategy_claim_step_and_check(found, report):
    for name in PUBLISHED:
        strategy = theory.STRATEGIES[name]
        assert f'id="strategy-{name}"' in report
        assert strategy.label in report
    rulings = "confirmed|corrected|conditional|bound|empirical"
    assert len(re.findall(f'<strong class="(?:{rulings})">', report)) == len(CLAIMS)
    theorems_ = [result for result in found.results if result.theorem.name not in PRINTED]
    steps = [step for result in theorems_ for step in result.steps]
    assert steps
    assert all(prose(step) in report for step in steps)
    assert all(f"The {len(r.checks)} checks of {r.theorem.name}<" in report for r in theorems_)
    assert len(found.certificates) >= len(PUBLISHED)


def test_a_failed_proof_and_a_failed_figure_are_told(found):
    def derive(proof: theorem.Proof) -> None:
        proof.zero("one is two", 1)

    wrong = theorem.run(theorem.Theorem("R99", "a wrong theorem", "$1 = 2$", (), "nowhere", derive))
    failed = evidence.Picture("pareto", failure="ValueError: no data")
    unprinted = theorem.run(theorem.Theorem("R11.mixed", "no formula", "None.", (), "nowhere", derive))
    proofs = [wrong, unprinted, *(r for r in found.results if r.theorem.name != "R11.mixed")]
    broken = evidence.Evidence(type(found.results)(proofs), found.ledger, (failed,), found.certificates, found.made)
    assert [line.split()[:2] for line in broken.failures] == [["R99", "is"], ["R11.mixed", "is"], ["figure", "pareto"]]
    text = page(broken)
    Page(text)
    assert text.count("Not proved: one is two") == 2
    assert "Not drawn: ValueError: no data" in text


@pytest.mark.parametrize("theorem_", theorems(), ids=lambda t: t.name)
def test_every_statement_converts(theorem_):
    Page(
        prose(theorem_.statement) + "".join(map(prose, (theorem_.title, theorem_.source, *theorem_.all_assumptions())))
    )


def test_what_is_printed_is_what_was_run(found, report):
    """Every line that a proof ran is on the page, as mathematics; a strategy's also as Python."""
    for result in found.results:
        for check in result.checks:
            assert all(display(latex_of(line)) in report for line in lines_of(check.lines))
        if result.theorem.name in PRINTED:
            assert {check.lines for check in result.formulas()} == {
                table[result.theorem.name.removeprefix("R11.")] for table in (GENERAL, ISOTROPIC)
            }
            assert all(escape(check.lines) in report for check in result.formulas())


@pytest.mark.parametrize(
    ("line", "latex"),
    [
        ("a - (b - c)", "a - (b - c)"),
        ("a - b*c", "a - b c"),
        ("(a + b)*c**2", "(a + b) c^{2}"),
        ("sigma2**2", r"(\sigma^2)^{2}"),
        ("-(a + b)", "-(a + b)"),
        ("trace(M @ M)/N", r"\frac{\operatorname{tr} M^{2}}{N}"),
        ("x = inv(A)", "x = A^{-1}"),
        ("solve(A, x)", "[A]^{-1} (x)"),
        ("2*trace(A)*B + trace(A)", r"(2 \operatorname{tr} A) B + \operatorname{tr} A"),
        ("solve(trace(A), norm2(x))", r"\frac{|x|_\Sigma^2}{\operatorname{tr} A}"),
        ("d_dt(v) == -E(v_dot)", r"\frac{d}{dt} v = -E(\dot{v})"),
        ("-2*s*m + 1", "-2 s m + 1"),
        ("(1 + a/b)**2", r"\left(1 + \frac{a}{b}\right)^{2}"),
        ("theta_0 @ Sigma @ v_x", r"\theta_0^\top \Sigma v_x"),
        ("M @ M @ theta", r"M^{2} \theta"),
        ("w_star > m_prime*w_bar", r"w^* > m' \bar{w}"),
    ],
)
def test_python_to_latex(line, latex):
    assert latex_of(line) == latex


@pytest.mark.parametrize("line", ["a if b else c", "f(x)", "a, b = 1, 2", "import os", "a % b"])
def test_python_without_a_latex_form_is_refused(line):
    with pytest.raises(ValueError, match=r"no LaTeX form|not allowed"):
        latex_of(line)


def test_mathematics_in_prose():
    assert prose("wB = K, n >= 1") == "wB = K, n ≥ 1"
    assert prose("theta_0 and `theta_0`") == "<i>θ</i><sub>0</sub> and <code>theta_0</code>"
    assert prose("if a < b & c") == "if a &lt; b &amp; c"
    assert "zero_shot" in prose("zero_shot")
    with pytest.raises(ValueError, match="pairs"):
        prose("an odd $ sign")


def test_a_long_formula_may_break_outside_brackets_only():
    assert formula("a = b").count("<math") == 1
    pieces = formula(r"N^2 (R - \sigma^2) = |n a + e - \theta|^2 + (n a_0 + e_0)^2 + n V + W").split("<wbr>")
    assert len(pieces) == 5
    assert all(piece.count("(") == piece.count(")") for piece in pieces)
    assert display("a").count("<math") == 1


def test_the_command_writes_the_page_and_tells_failures(monkeypatch, capsys, tmp_path, found):
    monkeypatch.setattr("figures.report.evidence.gather", lambda: found)
    path = tmp_path / "report.html"
    assert main(["report", "--output", str(path)]) == 0
    assert f"{len(SHOWN)} theorems" in capsys.readouterr().out
    Page(path.read_text(encoding="utf-8"))
    assert main(["report", "--output", str(tmp_path / "no" / "report.html")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_without_the_extra_it_says_so_at_once(monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(sys.modules, "latex2mathml.converter", None)
    _converted.cache_clear()
    assert main(["report", "--output", str(tmp_path / "report.html")]) == 2
    assert "which is not installed: pip install latex2mathml" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_processes_and_this_process_find_the_same(found):
    """Two workers on the cheapest parts; times apart, the evidence is the same."""
    apart = evidence.gather(("R0.squares",), (), workers=2)
    assert apart.results[0].checks == found.results[0].checks
    assert repr(apart.ledger) == repr(found.ledger)
    assert apart.certificates == found.certificates


def test_notebooks_are_shown_tables_and_mathematics(found):
    (result,) = theory.prove("R0.squares")
    setting = theory.Setting(d=3, covariance=[[2.0, 0, 0], [0, 1, 0], [0, 0, 1]])
    shown = [found.results, result, setting, found.ledger, found.ledger[0]]
    for value in shown:
        Page(value._repr_html_())
    assert found.ledger._repr_html_().count("<tr>") == len(found.ledger) + 1
    assert "array of shape (3, 3)" in setting._repr_html_()
    model = theory.fixed_point("zero_shot_value", 5, pretrain_shots=20)
    assert model._repr_latex_().count("=") == 6
    dense = theory.AttentionParameters(model.v, model.Q)
    assert dense._repr_latex_().count("pmatrix") == 4
    large = theory.fixed_point("pretrained", 50)
    assert theory.AttentionParameters(large.v, large.Q)._repr_latex_() is None
