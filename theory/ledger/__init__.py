"""The ledger: published numbers, formulas and claims as data, with verdicts that are computed, not typed.

================= =================================================================================================
`verdicts`        a claim, a verdict, and how both are shown
`reading`         formulas in words, read back
`formulas`        formulas in lines of Python, run at points and on symbols
`lee2026`         Lee, Sohn and Lee 2026; `lee2026_figures`: its figures and its text
`zhang2024`       Zhang, Frei and Bartlett 2024
`optima`          Ahn et al. 2023, Mahankali et al. 2023, Wu et al. 2023, Li et al. 2024
`spectra`         Zhang et al. 2025, Kwon et al. 2025
`lu2025`          Lu et al. 2025, and their code
================= =================================================================================================
"""

from __future__ import annotations

from .. import validation
from . import lee2026, lee2026_figures, lu2025, optima, spectra, zhang2024
from .lee2026 import NOISE, OFFICIAL
from .verdicts import Claim, JudgedClaim, Ledger, Ruling, Verdict, judged

__all__ = ["CLAIMS", "NOISE", "OFFICIAL", "PAPERS", "Claim", "JudgedClaim", "Ledger", "Ruling", "Verdict", "claims"]

CLAIMS: tuple[Claim, ...] = (
    *lee2026.CLAIMS, *lee2026_figures.CLAIMS, *zhang2024.CLAIMS, *optima.CLAIMS, *spectra.CLAIMS, *lu2025.CLAIMS,
)  # fmt: skip
PAPERS = tuple(dict.fromkeys(claim.paper for claim in CLAIMS))


def claims(paper: str | None = None) -> Ledger:
    """Judge every published claim in the ledger, or those of one paper.

    Parameters
    ----------
    paper : str, optional
        "lee2026", "zhang2024", "ahn2023", "mahankali2023", "wu2023", "li2024", "zhang2025", "kwon2025" or "lu2025";
        :mod:`theory.conventions` says in which conventions each is read. Default: all.

    Returns
    -------
    Ledger
        A tuple of :class:`JudgedClaim`; its repr is an aligned table. Each has its ``claim`` (statement, place, setting,
        what is printed, what it was taken from) and its ``verdict``: "confirmed", "corrected", "conditional", "bound" or
        "empirical", the derived value, the reason, and the relative difference of the published value from ours.

    Raises
    ------
    ValueError
        For a paper that has no row.

    Examples
    --------
    >>> claims("ahn2023")[0]
    global optimum: confirmed (the same, identically in Sigma, d and n (C2))
    """
    if paper is not None:
        validation.choice("paper", paper, PAPERS)
    return Ledger(judged(claim) for claim in CLAIMS if paper in (None, claim.paper))
