"""The ledger: published numbers and claims as data, with verdicts that are computed, not typed.

============ ======================================================================================================
`verdicts`   a claim, a verdict, and how both are shown
`reading`    formulas in words, read back
`lee2026`    the rows of Lee, Sohn and Lee 2026
============ ======================================================================================================
"""

from __future__ import annotations

from .lee2026 import CLAIMS, NOISE, OFFICIAL
from .verdicts import Claim, JudgedClaim, Ledger, Ruling, Verdict

__all__ = ["CLAIMS", "NOISE", "OFFICIAL", "Claim", "JudgedClaim", "Ledger", "Ruling", "Verdict", "claims"]


def claims() -> Ledger:
    """Judge every published claim in the ledger.

    Returns
    -------
    Ledger
        A tuple of :class:`JudgedClaim`; its repr is an aligned table.

    Examples
    --------
    >>> [str(judged.verdict.ruling) for judged in claims()][:2]
    ['corrected', 'conditional']
    """
    return Ledger(JudgedClaim(claim, claim.judge(claim.printed)) for claim in CLAIMS)
