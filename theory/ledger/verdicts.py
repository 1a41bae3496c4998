"""What a claim is, what became of it, and how both are shown."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from ..conventions import BY_KEY, CODE, Convention
from ..python_to_latex import lines_of
from ..tables import format_table, html_table

Ruling = Literal["confirmed", "corrected", "conditional", "bound", "empirical"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a claim.

    Attributes
    ----------
    ruling : {"confirmed", "corrected", "conditional", "bound", "empirical"}
        True as printed; false, with the right value; true exactly under a condition; a bound that holds; or about what is
        no linear attention, and not judged.
    derived : str
        The derived value, or the condition.
    reason : str
        Why, in one sentence.
    difference : number, optional
        The relative difference of the published value or formula from the derived one: 0 if they are the same.
    """

    ruling: Ruling
    derived: str
    reason: str
    difference: Any = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A published statement, in our words, and the computation that judges it.

    Attributes
    ----------
    name, statement, where, setting : str
        A short name, the claim, where it stands, and the setting it was printed for.
    printed : str
        The published value or formula; numbers and formulas are read from it.
    judge : callable
        Computes the verdict on what is printed from the closed forms, words and all.
    paper : str
        The paper's key in :data:`theory.conventions.BY_KEY`, which says whose conventions the claim is read in.
    source : str
        What the row was taken from: the official code, or notes on the paper, which then was not read.
    """

    name: str
    statement: str
    where: str
    setting: str
    printed: str
    judge: Callable[[str], Verdict]
    paper: str = "lee2026"
    source: str = CODE

    def is_program(self) -> bool:
        """Whether what is printed are lines of Python, and not words."""
        return re.match(r"\w+ = ", self.printed) is not None

    def short(self) -> str:
        """What is printed; of lines of Python the last that assigns."""
        return [x for x in lines_of(self.printed) if " = " in x][-1] if self.is_program() else self.printed

    def convention(self) -> Convention:
        """The paper, and its layer in the arguments of :mod:`theory`."""
        return BY_KEY[self.paper]


@dataclass(frozen=True, slots=True)
class JudgedClaim:
    """A claim with its verdict."""

    claim: Claim
    verdict: Verdict

    def __repr__(self) -> str:
        return f"{self.claim.name}: {self.verdict.ruling} ({self.verdict.derived})"

    def _repr_html_(self) -> str:
        claim, verdict = self.claim, self.verdict
        rows = [
            ("claim", claim.statement),
            ("where", f"{claim.where}; {claim.setting}"),
            ("source", f"{claim.convention().paper}, arXiv {claim.convention().arxiv}; {claim.source}"),
            ("published", claim.printed),
            (verdict.ruling, verdict.derived),
            ("reason", verdict.reason),
        ]
        if verdict.difference is not None:
            rows.append(("relative difference", f"{float(verdict.difference):.3g}"))
        return html_table((claim.name, ""), rows)


@cache
def judged(claim: Claim) -> JudgedClaim:
    """A claim with the verdict on what it prints, found once."""
    return JudgedClaim(claim, claim.judge(claim.printed))


class Ledger(tuple[JudgedClaim, ...]):
    """The judged claims; prints as an aligned table."""

    __slots__ = ()

    def __repr__(self) -> str:
        return format_table(_HEADER, self._rows())

    def _repr_html_(self) -> str:
        return html_table(_HEADER, self._rows())

    def _rows(self) -> list[tuple[str, ...]]:
        return [
            (j.claim.name, j.claim.paper, j.claim.where, j.claim.short(), j.verdict.ruling, j.verdict.derived)
            for j in self
        ]


_HEADER = ("claim", "paper", "where", "published", "verdict", "derived")
