"""What a theorem is, what counts as a proof of it, and how a proof records its steps."""

from __future__ import annotations

import ast
import math
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from html import escape
from typing import Any, Literal

from .. import flint_polynomials
from ..python_to_latex import latex_of, lines_of
from ..shot_ranges import describe_shots
from .hypotheses import Given, Signs, order_of
from .printed_lines import assigned_names, run_lines, sides

ALWAYS = (describe_shots(((0, math.inf),)), describe_shots(()))  # "always", "never"
EVERY = ("every", "no")

How = Literal["ring identity", "brute force", "inequality", "numerical"]


class ProofFailed(AssertionError):
    """A check of a proof does not hold."""


@dataclass(frozen=True, slots=True)
class Check:
    """One verified statement: what was shown, and how.

    "ring identity": a residual is identically zero in a polynomial ring or field of fractions. "brute force": exact
    rational equality at points enough for the bounded degree, by a route that shares no code with the derivation.
    "inequality": a sum of squares, a sign-definite factorisation or exact root isolation. "numerical": seen in floats
    only; it proves nothing.

    ``lines`` are the formulas that were run and found true, as Python, from which a page prints them; ``main`` says that
    they are the theorem's own. ``setup`` is Python that makes a program of them. ``steps`` is how many steps of the
    derivation came before.
    """

    what: str
    how: How
    points: int = 0
    lines: str = ""
    setup: str = ""
    main: bool = False
    steps: int = 0


@dataclass(slots=True)
class Proof:
    """The record that a derivation writes as it goes: steps for the reader, checks for the sceptic.

    ``given`` are the theorem's hypotheses, of which the derivation knows no others; ``words`` what it found for the
    places that statements leave open.
    """

    given: tuple[Given, ...] = ()
    words: dict[str, str] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)

    def step(self, text: str) -> None:
        """A sentence of the derivation, for a person; may contain LaTeX between dollar signs."""
        self.steps.append(text)

    def formula(
        self, what: str, lines: str, names: Mapping[str, Any], *, setup: str = "", main: bool = False, **derived: Any
    ) -> None:
        """Lines for the reader, run on the proof's symbols: what is printed is what was proved.

        Parameters
        ----------
        what : str
            What they say, in words.
        lines : str
            Python, a statement a line: ``name = value`` and ``left == right``. Every comparison must hold identically.
        names : mapping
            What the names in the lines stand for.
        setup : str
            Imports and example values with which the lines run as a program; it is printed, not proved.
        main : bool
            Whether this is the theorem itself, to be shown with its statement.
        **derived
            The derived value of a name that the lines assign: the two must be the same identically.
        """
        known, comparisons = run_lines(lines, names)
        unassigned = derived.keys() - assigned_names(lines) if derived else ()
        if unassigned:
            raise ValueError(f"derived = {sorted(unassigned)} is not allowed: the lines assign no such name")
        if any(sign is not ast.Eq for sign, _ in comparisons):
            raise ValueError(f"lines = {lines!r} are not allowed: every comparison must be ==")
        residuals = [difference for _, difference in comparisons]
        residuals += [known[name] - value for name, value in derived.items()]
        _require_zero(what, residuals)
        self._record(Check(what, "ring identity", lines=lines, setup=setup, main=main))

    def condition(
        self,
        what: str,
        lines: str,
        names: Mapping[str, Any],
        excess: Any,
        factor: Any,
        *,
        main: bool = False,
        also: Iterable[str] = (),
        where: str = "",
    ) -> None:
        """A printed condition ``left > right``, which holds exactly where the derived ``excess`` is positive.

        Shown by ``excess = factor * (left - right)`` identically, with a factor whose sign follows from the hypotheses
        (and what the step assumes ``also``); of those that hold for a part of the theorem, of the part ``where``.
        ``left < right`` likewise.
        """
        ((sign, gap),) = run_lines(lines, names)[1]
        if sign is ast.Lt:
            gap = -gap
        elif sign is not ast.Gt:
            raise ValueError(f"lines = {lines!r} are not allowed: the comparison must be > or <")
        _require_zero(what, [excess - factor * gap])
        self._require_positive(what, [factor], self._signs(also, where))
        self._record(Check(what, "inequality", lines=lines, main=main))

    def positive(self, what: str, *values: Any, also: Iterable[str] = (), where: str = "") -> None:
        """Rational functions that are positive by the hypotheses, and what the step assumes ``also``."""
        self._require_positive(what, values, self._signs(also, where))
        self._record(Check(what, "inequality"))

    def word(
        self, name: str, excess: Any, words: tuple[str, str] = ALWAYS, *, also: Iterable[str] = (), where: str = ""
    ) -> None:
        """The word for the place ``<<name>>`` of the statement: the first if excess > 0 follows, the other if excess <= 0."""
        signs = self._signs(also, where)
        if signs.positive(excess):
            self.words[name] = words[0]
        elif signs.nonnegative(-excess):
            self.words[name] = words[1]
        else:
            raise ProofFailed(f"neither {words[0]!r} nor {words[1]!r}: the sign of {_short(excess)} does not follow")
        self._record(Check(f"the sign behind the statement's {self.words[name]!r}", "inequality"))

    def rules(self, line: str, names: Mapping[str, Any], *covectors: Any) -> dict[Any, Any]:
        """What an equation ``left == right`` among the hypotheses says, along covectors if any; nothing where not given."""
        if all(given.line != line for given in self.given):
            return {}
        left, right = sides(line, names)
        return {covector @ left: covector @ right for covector in covectors} if covectors else {left: right}

    def gap(self, smaller: str, larger: str, name: str) -> tuple[str, ...]:
        """The bound of ``name`` = larger - smaller by a hypothesis that orders the two; nothing where none does."""
        orders = (order_of(given.line) for given in self.given)
        return tuple(
            f"{name} {'>' if o[2] else '>='} 0" for o in orders if o is not None and o[:2] == (smaller, larger)
        )

    def _signs(self, also: Iterable[str], where: str) -> Signs:
        return Signs((*(given.line for given in self.given if given.where in ("", where)), *also))

    def _require_positive(self, what: str, values: Iterable[Any], signs: Signs) -> None:
        for value in values:
            if not signs.positive(value):
                raise ProofFailed(f"{what}: the sign of {_short(value)} does not follow from the hypotheses")

    def _record(self, check: Check) -> None:
        self.checks.append(replace(check, steps=len(self.steps)))

    def zero(self, what: str, residual: Any) -> None:
        """derived - printed = 0, identically: the residual is an element of a ring, a field or the Wick calculus."""
        self.zeros(what, [residual])

    def zeros(self, what: str, residuals: Iterable[Any]) -> None:
        """Several residuals of one statement."""
        _require_zero(what, residuals)
        self._record(Check(what, "ring identity"))

    def brute_force(self, what: str, pairs: Iterable[tuple[Any, Any]]) -> None:
        """Exact equality of (formula, coordinates) at rational points."""
        points = 0
        for formula, coordinates in pairs:
            points += 1
            if not formula == coordinates:
                raise ProofFailed(f"{what}: {_short(formula)} is not {_short(coordinates)} at point {points}")
        if points == 0:
            raise ProofFailed(f"{what}: no point was checked")
        self._record(Check(what, "brute force", points))

    def inequality(self, what: str, holds: bool) -> None:
        """An inequality, shown by an exact argument whose outcome is ``holds``."""
        if holds is not True:
            raise ProofFailed(f"{what}: the inequality does not hold")
        self._record(Check(what, "inequality"))

    def numerical(self, what: str, error: float, bound: float) -> None:
        """Something seen in floats only; labelled so."""
        if not error <= bound:
            raise ProofFailed(f"{what}: {error} exceeds {bound}")
        self._record(Check(what, "numerical"))


@dataclass(frozen=True, slots=True)
class Theorem:
    """A statement with its derivation.

    Attributes
    ----------
    name : str
        Short name, as ``python -m theory prove NAME`` takes it; one of R0, R1, ...
    title : str
        One line for a person.
    statement : str
        What is claimed, in words and notation (LaTeX between dollar signs); its formulas are the lines that the proof
        runs with ``main=True``, and a place ``<<name>>`` takes the word that the proof finds by ``word``.
    assumptions : tuple of str
        What else is assumed, one sentence each.
    source : str
        Paper and equation, or "new here".
    derive : callable
        Runs the derivation, writing into a :class:`Proof`; raises :class:`ProofFailed` where something is not so.
    given : tuple of Given
        The hypotheses on numbers, as lines that the proof reads signs and rules from.
    """

    name: str
    title: str
    statement: str
    assumptions: tuple[str, ...]
    source: str
    derive: Callable[[Proof], None]
    given: tuple[Given, ...] = ()

    def all_assumptions(self) -> tuple[str, ...]:
        """What is assumed, for a page: the hypotheses on numbers, printed from their lines, and the rest."""
        numbers = (f"{'; '.join(given.latex() for given in self.given)}.",) if self.given else ()
        return (*numbers, *self.assumptions)


@dataclass(frozen=True, slots=True)
class ProofResult:
    """What running a theorem's proof gave."""

    theorem: Theorem
    steps: tuple[str, ...]
    checks: tuple[Check, ...]
    seconds: float
    failure: str | None = None
    statement: str = ""

    @property
    def proved(self) -> bool:
        """Whether every check held (and there was one)."""
        return self.failure is None and bool(self.checks)

    def formulas(self, after_step: int | None = None) -> list[Check]:
        """The checks whose lines are to be shown with the statement, or after so many steps of the derivation."""
        if after_step is None:
            return [check for check in self.checks if check.main]
        return [check for check in self.checks if check.lines and not check.main and check.steps == after_step]

    def summary(self) -> str:
        """How it was proved, counted: "12 ring identities, 3 inequalities, 96 brute-force points"."""
        identities = sum(check.how == "ring identity" for check in self.checks)
        inequalities = sum(check.how == "inequality" for check in self.checks)
        points = sum(check.points for check in self.checks)
        numerical = sum(check.how == "numerical" for check in self.checks)
        parts = [
            f"{identities} ring identit{'y' if identities == 1 else 'ies'}",
            f"{inequalities} inequalit{'y' if inequalities == 1 else 'ies'}",
            f"{points} brute-force points",
        ]
        if numerical:
            parts.append(f"{numerical} numerical only")
        return ", ".join(part for part in parts if not part.startswith("0 "))

    def __repr__(self) -> str:
        verdict = "proved" if self.proved else "FAILED"
        return f"{self.theorem.name}: {verdict}, {self.summary()}, {self.seconds:.2f} s"

    def _repr_html_(self) -> str:
        """The statement and the derivation; a notebook sets the LaTeX between dollar signs."""
        theorem = self.theorem
        main = "".join(f"<p>${latex_of(line)}$</p>" for check in self.formulas() for line in lines_of(check.lines))
        steps = "".join(f"<li>{escape(step)}</li>" for step in self.steps)
        heading = f"<b>{theorem.name}. {escape(theorem.title)}</b>"
        assumed = "".join(f"<p>Assumed: {escape(text)}</p>" for text in theorem.all_assumptions())
        statement = f"<p>{heading}</p><p>{escape(self.statement)}</p>{assumed}{main}"
        return f"{statement}<ol>{steps}</ol><p>{escape(repr(self))}</p>"


def run(theorem: Theorem) -> ProofResult:
    """Run one derivation; a failed check is a result, any other exception is a bug and passes through."""
    proof = Proof(theorem.given)
    start = time.perf_counter()
    failure = None
    try:
        with flint_polynomials.by_flint():
            theorem.derive(proof)
    except ProofFailed as error:
        failure = str(error)
    seconds = time.perf_counter() - start
    checks = tuple(replace(check, what=filled(check.what, proof.words)) for check in proof.checks)
    statement = filled(theorem.statement, proof.words)
    return ProofResult(theorem, tuple(proof.steps), checks, seconds, failure, statement)


def filled(text: str, words: Mapping[str, str]) -> str:
    """The text with the words that a proof found in the places left open for them; a place without one says so.

    Examples
    --------
    >>> filled("few-shot <<often>> wins", {"often": "never"})
    'few-shot never wins'
    """
    return re.sub(r"<<(\w+)>>", lambda place: words.get(place[1], "(not proved)"), text)


def _require_zero(what: str, residuals: Iterable[Any]) -> None:
    residuals = [*residuals]
    if not residuals:
        raise ProofFailed(f"{what}: nothing was compared")
    for residual in residuals:
        if not residual == 0:
            raise ProofFailed(f"{what}: derived minus printed is not zero: {_short(residual)}")


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 200 else text[:197] + "..."
