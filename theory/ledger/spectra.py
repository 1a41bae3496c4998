"""Published results that see the spectrum of inputs or tasks: Zhang et al. 2025 and Kwon et al. 2025."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from ..calculator import fixed_point, risk
from ..proofs import c5_low_rank, c8_plateaus
from ..proofs.printed_lines import run_lines
from .formulas import Pairs, exact, formula, result, setting_of
from .optima import optimum, step
from .verdicts import Claim

SPECTRUM, SHOTS = exact("2/5", "3/10", "1/5", "1/10"), 31  # of Lambda, D = 4; N


def best() -> Any:
    """w B of the global optimum."""
    return optimum("zhang2025", 4, SHOTS, covariance=SPECTRUM, noise_variance=Fraction(0))


def plateau(known: int) -> Any:
    """The loss where so many of the largest eigenvalues' directions are learned, and no other."""
    learned = step(best() * np.diag([int(k < known) for k in range(4)]))
    setting = {"covariance": SPECTRUM, "task_covariance": exact(1, 1, 1, 1), "noise_variance": Fraction(0)}
    return risk(learned, SHOTS, task="unseen", **setting, **setting_of("zhang2025"))


def losses(lines: str) -> Pairs:
    """One after the other, from none learned to all."""
    value = t = sum(SPECTRUM)
    yield value, plateau(0)
    for known, lam in enumerate(SPECTRUM, 1):
        value = result(lines, {"t": t, "N": Fraction(SHOTS), "lam": lam, "L_before": value})
        yield value, plateau(known)


def plateaus(lines: str) -> Pairs:
    """The losses, and what is learned of each eigenvalue."""
    yield from losses(lines)
    for lam, learned in zip(SPECTRUM, np.diagonal(best()), strict=True):
        names = {"t": sum(SPECTRUM), "N": Fraction(SHOTS), "lam": lam, "L_before": 0}
        yield run_lines(lines, names)[0]["b"], learned


def projector(angle: Fraction, rank: int) -> Any:
    """On ``rank`` planes, one direction of each at the angle whose half has this tangent."""
    cosine, sine = (1 - angle**2) / (1 + angle**2), 2 * angle / (1 + angle**2)
    at = np.kron(np.eye(rank, dtype=int) + Fraction(0), np.array([cosine, sine]))
    return at.T @ at


def low_rank(lines: str) -> Pairs:
    """Rank 1 and 2 in twice as many dimensions, at angles of rational cosines."""
    for angle, rank, N, M, noise in (
        (Fraction(1, 2), 1, 7, 3, Fraction(1, 10)),
        (Fraction(1, 3), 2, 5, 20, Fraction(1, 2)),
    ):
        setting = {"noise_variance": noise, **setting_of("kwon2025")}
        tasks = projector(Fraction(0), rank)
        model = fixed_point("pretrained", task_covariance=tasks, pretrain_shots=N, value_scale=Fraction(1), **setting)
        cosine = (1 - angle**2) / (1 + angle**2)
        names = {"N": Fraction(N), "M": Fraction(M), "r": Fraction(rank), "c": cosine, "sigma2": noise}
        yield result(lines, names), risk(model, M, task="unseen", task_covariance=projector(angle, rank), **setting)


CLAIMS: tuple[Claim, ...] = (
    formula(
        "zhang2025", "loss plateaus", "the losses L at which training pauses: t at first, and less with each eigenvalue learned",
        "its loss at the saddles", "tasks N(0, I), no label noise, t = tr Lambda, N shots", c8_plateaus.LINES, plateaus,
        "eigenvalues 2/5, 3/10, 1/5, 1/10, N = 31", c8_plateaus.theorem, "Lambda, d, N and what is learned before",
    ),
    formula(
        "kwon2025", "tasks of a subspace", "the risk on tasks of a subspace at the cosine c to that of training",
        "its setting; our form of the risk", "Sigma = I, tasks N(0, P) of rank r, trained at N shots, evaluated at M", c5_low_rank.LINES,
        low_rank, "r = 1, 2 and cosines 3/5, 4/5", c5_low_rank.theorem, "N, M, r, c, d and sigma^2",
    ),
)  # fmt: skip
