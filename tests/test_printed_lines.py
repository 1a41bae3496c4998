"""The lines that the theorems are printed from: run on symbols by the proofs, and refused when anything is changed."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest
from line_mutants import names_and_marks, numbers_and_signs
from sympy import QQ, prime
from sympy.polys.fields import FracElement
from sympy.polys.rings import PolyElement

from figures.report.mathematics import display, prose
from theory import flint_polynomials
from theory.proofs import printed_lines, r11_printed_formulas, r12_layers
from theory.proofs import theorem as theorem_module
from theory.proofs.hypotheses import Given
from theory.proofs.printed_lines import assigned_names, run_lines
from theory.proofs.runner import theorems
from theory.proofs.theorem import Proof, ProofFailed, Theorem, run
from theory.python_to_latex import latex_of, lines_of
from theory.wick import Scalar, substitute


class Sceptic(Proof):
    """Keeps what is needed to run every printed line once more, changed; no two names may stand for the same."""

    def __init__(self, theorem: Theorem) -> None:
        super().__init__(theorem.given)
        self.name = theorem.name
        self.runs: dict[str, list[Callable[[str], None]]] = {}

    def formula(self, what, lines, names, *, setup="", main=False, **options):
        super().formula(what, lines, names, setup=setup, main=main, **options)
        names = dict(names)  # as they are now
        assert not [*confused(lines, names)]
        if all(isinstance(value, FracElement) for value in (names | options).values()):
            names, options = ({name: value_at_primes(x) for name, x in of.items()} for of in (names, options))
            Proof().formula(what, lines, names, **options)
        if self.name == "R12" and "N" in names:  # likewise: the risk of two heads is long
            names, options = ({name: with_numbers(x) for name, x in of.items()} for of in (names, options))
            Proof().formula(what, lines, names, **options)
        self.runs.setdefault(lines, []).append(lambda mutant: Proof().formula(what, mutant, names, **options))

    def brute_force(self, what, pairs):
        """No line is printed of it; the proof itself runs it."""

    def condition(self, what, lines, names, excess, factor, **options):
        super().condition(what, lines, names, excess, factor, **options)
        known = {key: value for key, value in options.items() if key != "main"}
        again = Proof(self.given)
        self.runs.setdefault(lines, []).append(
            lambda mutant: again.condition(what, mutant, names, excess, factor, **known)
        )


def at_a_point(monkeypatch: pytest.MonkeyPatch) -> None:
    """Primes for the generators of R11's field."""
    primes = dict(
        zip(
            ["d", "n", "m", "sigma2", "s", "T", "F", "cosine", "w"],
            map(prime, range(5, 14)),
            strict=True,
        )
    )
    for name, number in primes.items():
        monkeypatch.setattr(r11_printed_formulas, name, QQ(number))
    numbers = {name: getattr(r11_printed_formulas, name) for name in r11_printed_formulas.NUMBERS}
    monkeypatch.setattr(r11_printed_formulas, "NUMBERS", numbers)


def remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of a line is run once on what its names stand for: a mutant has most of its parts from the line itself."""
    known_parts: dict[str, Any] = {}
    alive: dict[int, Any] = {}  # what names stand for: it does not lend its id to another
    run_part = printed_lines._value

    def key(node: Any, known: Mapping[str, Any]) -> str:
        if not hasattr(node, "key"):  # a line is parsed for each run: a node is run on one set of names
            match node:
                case ast.Name(id=name):
                    stands_for = known.get(name)
                    alive[id(stands_for)] = stands_for
                    node.key = str(id(stands_for))
                case ast.Constant(value=number):
                    node.key = repr([number])
                case ast.BinOp(left=left, op=op, right=right):
                    node.key = f"{type(op).__name__}({key(left, known)},{key(right, known)})"
                case ast.Call(func=function, args=[argument], keywords=[]):
                    node.key = f"Call({key(function, known)},{key(argument, known)})"
                case _:
                    parts = ",".join(key(part, known) for part in ast.iter_child_nodes(node))
                    node.key = f"{type(node).__name__}{getattr(node, 'attr', '')}({parts})"
        return str(node.key)

    def value(node: ast.expr, known: Mapping[str, Any]) -> Any:
        if key(node, known) not in known_parts:
            known_parts[key(node, known)] = run_part(node, known)
        return known_parts[key(node, known)]

    monkeypatch.setattr(printed_lines, "_value", value)


def value_at_primes(x: FracElement) -> Any:
    """A rational function at a point; what is not zero there is not zero, and numbers are faster."""
    at = [(generator, QQ(prime(k**2))) for k, generator in enumerate(x.numer.ring.gens, 3)]  # no two of them close
    return QQ(1) * x.numer.evaluate(at) / x.denom.evaluate(at)


NUMBERS = {r12_layers.n: 11, r12_layers.N: 29, r12_layers.eta: 43, r12_layers.sigma2: 67}


def with_numbers(x: Any) -> Any:
    """A contraction, or a number, with numbers for R12's generators."""
    if isinstance(x, Scalar):
        return substitute(x, NUMBERS)
    return NUMBERS.get(x, x) if isinstance(x, PolyElement) else x


def confused(lines: str, names: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Names that stand for the same: a misprint of one for the other would pass."""
    assigned = assigned_names(lines)
    for (name, value), (other, same) in combinations(names.items(), 2):
        if type(value) is type(same) and not {name, other} & assigned and value == same:
            yield name, other


def is_zero(line: str) -> bool:
    """Whether a line says that something is zero, of which twice is zero too."""
    match ast.parse(line).body[0]:
        case ast.Expr(value=ast.Compare(comparators=[ast.Constant(value=0)])):
            return True
    return False


def mutants(lines: str) -> Iterator[str]:
    yield from numbers_and_signs(lines)
    statements = lines_of(lines)
    for k, statement in enumerate(statements):
        if not is_zero(statement):
            for mutant in names_and_marks(statement):
                yield "\n".join([*statements[:k], mutant, *statements[k + 1 :]])


def refused(run: Callable[[str], None], mutant: str) -> bool:
    try:
        run(mutant)
    except Exception:  # what fits no vector and no matrix, or is no number, does not run
        return True
    return False


@pytest.mark.parametrize("theorem", theorems(), ids=lambda theorem: theorem.name)
def test_every_printed_line_is_proved_and_no_mutant_of_it(theorem: Theorem, monkeypatch: pytest.MonkeyPatch) -> None:
    if theorem.name.startswith("R11."):  # proved by test_prove; to refute its mutants one point is enough, and faster
        at_a_point(monkeypatch)
    remembered(monkeypatch)
    proof = Sceptic(theorem)
    with flint_polynomials.by_flint():
        theorem.derive(proof)
    printed = [check for check in proof.checks if check.lines]
    assert any(check.main for check in printed)
    assert all(check.how != "numerical" for check in proof.checks)
    texts = (*proof.steps, *(check.what for check in proof.checks))
    assert all(map(prose, texts))  # all of it can be shown
    assert all(is_notation(text, 40) for text in texts)
    assert all(display(latex_of(line)) for check in printed for line in lines_of(check.lines))
    monkeypatch.setattr(theorem_module, "_short", lambda value: "")  # thousands of messages that nobody reads
    for lines, runs in proof.runs.items():
        with flint_polynomials.by_flint():
            passed = [mutant for mutant in mutants(lines) if not any(refused(run, mutant) for run in runs)]
        assert not passed, passed


def is_notation(text: str, longest: int) -> bool:
    """Whether what stands between dollar signs is short: a formula would be printed without being run."""
    for latex in text.split("$")[1::2]:
        symbols = re.findall(r"\\[a-zA-Z]+|\w|[^\s\w{}]", latex)
        if {"\\frac", "\\sqrt"} & set(symbols) or len(symbols) > longest:
            return False
    return True


@pytest.mark.parametrize("theorem", theorems(), ids=lambda theorem: theorem.name)
def test_a_statement_leaves_its_formulas_to_the_lines(theorem: Theorem) -> None:
    assert is_notation(theorem.statement, 25)
    assert all(is_notation(text, 25) for text in (theorem.title, *theorem.all_assumptions()))


def test_lines_must_compare_something() -> None:
    with pytest.raises(ProofFailed, match="nothing was compared"):
        Proof().formula("nothing", "a = 1", {})
    with pytest.raises(ValueError, match="assign no such name"):
        Proof().formula("b is not printed", "a == 1", {"a": 1, "b": 2}, b=2)
    with pytest.raises(ValueError, match="must be =="):
        Proof().formula("order", "1 < 2", {})
    with pytest.raises(ValueError, match="neither"):
        run_lines("import os", {})
    for line in ("a = 'text'", "a = b.inverse", "a = b[0]", "a = f(x=1)", "a = 0.5*b"):
        with pytest.raises(ValueError, match="not allowed in a printed line"):
            run_lines(line, {"b": 1, "f": int})


def test_mutants_change_one_thing() -> None:
    assert [*numbers_and_signs("a = b**2 - c")] == ["a = b ** 2 + c", "a = b ** 3 - c"]
    assert [*names_and_marks("a == f(B.T)*b")] == ["2 * a == f(B.T) * b", "a == B.T * b", "a == f(B.T) * (2 * b)",
                                                   "a == f(B) * b", "a == f((2 * B).T) * b"]  # fmt: skip
    assert [*confused("a = c", {"a": 1, "b": 2, "c": 1, "d": 2})] == [("b", "d")]


def test_a_wrong_line_fails_and_a_right_one_is_recorded() -> None:
    proof = Proof()
    with pytest.raises(ProofFailed, match="derived minus printed"):
        proof.formula("square", "b = a**2", {"a": 3}, b=8)
    proof.step("square it")
    proof.formula("square", "b = a**2\nb - 1 == (a - 1)*(a + 1)", {"a": 3}, b=9)
    (check,) = proof.checks
    assert (check.steps, check.main, check.how) == (1, False, "ring identity")

    def derive(proof: Proof) -> None:
        proof.step("square it")
        proof.formula("square", "b = a**2", {"a": 3}, b=9)
        proof.formula("the theorem", "c == 9", {"c": 9}, main=True)

    result = run(Theorem("R99", "a square", "Nine.", (), "nowhere", derive))
    assert [check.what for check in result.formulas()] == ["the theorem"]
    assert [check.what for check in result.formulas(1)] == ["square"]
    assert "<p>$c = 9$</p>" in result._repr_html_()
    given = replace(result.theorem, given=(Given("sigma2 > 0"),))
    assert r"Assumed: $\sigma^2 &gt; 0$." in run(given)._repr_html_()


def test_a_condition_is_the_sign_of_what_was_derived() -> None:
    from sympy import QQ
    from sympy.polys.fields import field

    _, n, d = field("n d", QQ)
    names = {"n": n, "d": d}
    proof = Proof()
    proof.condition("more shots than dimensions", "n > d", names, excess=n * d - d**2, factor=d)
    proof.condition("the same", "d < n", names, excess=n * d - d**2, factor=d)
    with pytest.raises(ProofFailed, match="derived minus printed"):
        proof.condition("one more", "n > d + 1", names, excess=n * d - d**2, factor=d)
    with pytest.raises(ProofFailed, match="sign"):
        proof.condition("the other way", "n < d", names, excess=n * d - d**2, factor=-d)
    with pytest.raises(ValueError, match="must be > or <"):
        proof.condition("equal", "n == d", names, excess=n - d, factor=1 + 0 * d)
    assert [check.how for check in proof.checks] == ["inequality", "inequality"]
