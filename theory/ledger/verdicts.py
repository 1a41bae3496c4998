"""What a claim is, what became of it, and how both are shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ..tables import format_table, html_table

Ruling = Literal["confirmed", "corrected", "conditional"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a claim.

    Attributes
    ----------
    ruling : {"confirmed", "corrected", "conditional"}
        True as printed; false, with the right value; or true exactly under a condition.
    derived : str
        The derived value, or the condition.
    reason : str
        Why, in one sentence.
    """

    ruling: Ruling
    derived: str
    reason: str


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
    """

    name: str
    statement: str
    where: str
    setting: str
    printed: str
    judge: Callable[[str], Verdict]


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
            ("published", claim.printed),
            (verdict.ruling, verdict.derived),
            ("reason", verdict.reason),
        ]
        return html_table((claim.name, ""), rows)


class Ledger(tuple[JudgedClaim, ...]):
    """The judged claims; prints as an aligned table."""

    __slots__ = ()

    def __repr__(self) -> str:
        return format_table(_HEADER, self._rows())

    def _repr_html_(self) -> str:
        return html_table(_HEADER, self._rows())

    def _rows(self) -> list[tuple[str, ...]]:
        return [(j.claim.name, j.claim.where, j.claim.printed, j.verdict.ruling, j.verdict.derived) for j in self]


_HEADER = ("claim", "where", "published", "verdict", "derived")
