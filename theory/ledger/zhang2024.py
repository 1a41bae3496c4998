"""The claims of R. Zhang, S. Frei, P. L. Bartlett 2024, JMLR 25, 23-1042 (arXiv 2306.09927).

Trained at N shots of noiseless labels and tasks N(0, I), evaluated at M; Lambda is the inputs' covariance.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from ..calculator import fixed_point, risk
from ..conventions import BY_KEY
from ..parameters import AttentionParameters
from ..proofs import c1_bound, c1_other_shots
from ..proofs.theorem import run
from .formulas import Pairs, exact, formula, result, setting_of
from .verdicts import Claim, Verdict

PAPER = "zhang2024"
SPECTRUM, NOISE = exact("3/10", 1, 2), Fraction(1, 10)
MIXED = np.array([[Fraction(2), Fraction(1, 2)], [Fraction(1, 2), Fraction(1)]], dtype=object)


def trained(covariance: Any, shots: float) -> AttentionParameters:
    """Their model, trained at so many shots."""
    d = len(covariance)
    return fixed_point(
        "pretrained", covariance=covariance, task_covariance=exact(*[1] * d), pretrain_shots=shots, value_scale=Fraction(1),
        **setting_of(PAPER),
    )  # fmt: skip


def other_shots(lines: str) -> Pairs:
    """Theorem 4.2 at a diagonal and at another covariance."""
    for covariance, a, N, M in ((SPECTRUM, exact(1, -1, "1/2"), 10, 25), (MIXED, exact(1, "-1/3"), 7, 3)):
        Lambda = np.diag(covariance) if covariance.ndim == 1 else covariance
        names = c1_other_shots.at_matrices(Lambda + Fraction(0), a=a, N=Fraction(N), M=Fraction(M), sigma2=NOISE)
        model = trained(covariance, N)
        ours = risk(model, M, task=a, covariance=covariance, noise_variance=NOISE, **setting_of(PAPER))
        yield result(lines, names), ours


def average_risk(covariance: Any, trained_at: float, shots: float, met: Any = None) -> Any:
    """The risk on tasks N(0, I), without noise, of the model trained on one covariance and evaluated on another."""
    covariance_met = covariance if met is None else met
    return risk(
        trained(covariance, trained_at), shots, task="unseen", covariance=covariance_met,
        task_covariance=exact(*[1] * len(covariance)), noise_variance=Fraction(0), **setting_of(PAPER),
    )  # fmt: skip


def _bound(printed: str) -> Verdict:
    """Corollary 4.3 at points, and by a proof."""
    ratios = []
    for spectrum, N, M in ((SPECTRUM, 10, 25), (SPECTRUM, 1, 1), (exact(1, 1, 1), 5, 10**6), (exact(1, 40), 40, 40)):
        ours = average_risk(spectrum, N, M)
        names = {"d": len(spectrum), "t": sum(spectrum), "kappa": max(spectrum) / min(spectrum), "risk": ours}
        value = result(printed, names | {"N": Fraction(N), "M": Fraction(M)})
        ratios.append((value / ours, value, ours))
    holds = all(ratio >= 1 for ratio, _, _ in ratios)
    proved = holds and run(c1_bound.theorem(printed)).proved
    ratio, value, ours = ratios[0]
    loose = f"{float(value):.4g}, where the risk is {float(ours):.4g}: {float(ratio):.3g} times it"
    least = min(ratios)
    if not holds:
        return Verdict("corrected", f"no bound: {shown_pair(least)}", "Of four spectra and shot counts.", least[0] - 1)
    return Verdict(
        "bound",
        f"holds{' for every spectrum, N and M (C1.bound)' if proved else ' at the points tried'}; {loose}",
        f"At Lambda = diag(3/10, 1, 2), N = 10, M = 25; of four points the tightest is {float(least[0]):.3g} times the risk.",
        ratio - 1,
    )


def shown_pair(of: tuple[Any, Any, Any]) -> str:
    """A bound, and the risk beside it."""
    return f"{float(of[1]):.4g} where the risk is {float(of[2]):.4g}"


def shifted(lines: str) -> Pairs:
    """Covariance c^2 Lambda after training on Lambda, infinitely many shots in both: a polynomial of degree 3 in c^2."""
    for c in (Fraction(1, 2), Fraction(3, 2), Fraction(2), Fraction(3)):
        names = {"c": c, "t": sum(SPECTRUM)}
        yield result(lines, names), average_risk(SPECTRUM, math.inf, math.inf, c * c * SPECTRUM)


CLAIMS: tuple[Claim, ...] = (
    formula(
        PAPER, "trained at N, evaluated at M", "the risk at M shots of the model trained at N", "Theorem 4.2",
        "trained on N(0, I) without noise; any task a, label noise sigma^2", c1_other_shots.LINES, other_shots,
        "Lambda = diag(3/10, 1, 2), N = 10, M = 25 and Lambda = [[2, 1/2], [1/2, 1]], N = 7, M = 3",
        c1_other_shots.theorem, "Lambda, a, sigma^2, d, N and M",
    ),
    Claim(
        "upper bound", "the risk at M shots of the model trained at N is at most this, kappa the condition number and t the trace",
        "Corollary 4.3", "tasks N(0, I), no noise", c1_bound.LINES.strip(), _bound, PAPER, BY_KEY[PAPER].source,
    ),
    formula(
        PAPER, "covariate shift", "inputs scaled by c after training make predictions off by c^2", "section 4.2",
        "M = N infinite, no noise, tasks N(0, I), t = tr Lambda", "risk = (1 - c**2)**2*c**2*t", shifted,
        "Lambda = diag(3/10, 1, 2) and four c, enough for a polynomial of degree 3 in c^2",
    ),
)  # fmt: skip
