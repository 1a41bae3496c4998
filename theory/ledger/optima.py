"""Published optima of one layer: Ahn et al. 2023, Mahankali et al. 2023, Wu et al. 2023 and Li et al. 2024."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from ..calculator import fixed_point, risk
from ..parameters import AttentionParameters
from ..proofs import c1_other_shots, c2_eigenvalues, c3_undivided, c4_any_step, c6_least_risk
from .formulas import Pairs, exact, formula, result, setting_of
from .verdicts import Claim

NOISE = Fraction(1, 10)
SPECTRUM = exact("3/10", 1, 2)


def optimum(paper: str, d: int, shots: int, **setting: Any) -> Any:
    """w B of the pretrained model in a paper's conventions, tasks N(0, I) unless said."""
    given = {"task_covariance": exact(*[1] * d), "pretrain_shots": shots, "value_scale": Fraction(1), **setting}
    v, Q = fixed_point("pretrained", **given, **setting_of(paper)).entries()
    return v[-1] * Q[1:-1, 1:-1]


def step(G: Any) -> AttentionParameters:
    """One step of gradient descent preconditioned by G."""
    d = len(G)
    v, Q = exact(*[0] * (d + 1), 1), np.zeros((d + 2, d + 2), dtype=int) + Fraction(0)
    Q[1:-1, 1:-1] = G
    return AttentionParameters(v, Q)


def eigenvalues(lines: str) -> Pairs:
    """Ahn et al.'s, at three eigenvalues and two shot counts."""
    for n in (1, 12):
        found = np.diagonal(optimum("ahn2023", 3, n, covariance=SPECTRUM, noise_variance=Fraction(0)))
        names = {"n": Fraction(n), "Sigma": np.diag(SPECTRUM), "trace": np.trace}
        yield from ((result(lines, names | {"lam": lam}), right) for lam, right in zip(SPECTRUM, found, strict=True))


def step_size(lines: str) -> Pairs:
    """Mahankali et al.'s, with noise."""
    for d, n in ((1, 1), (4, 9)):
        names = {"n": n, "d": d, "sigma2": NOISE}
        yield result(lines, names), optimum("mahankali2023", d, n, noise_variance=NOISE)[-1, -1]


def excess(lines: str) -> Pairs:
    """Wu et al.'s, of the step that is best at other shots and of one that is not symmetric."""
    H, psi2 = c1_other_shots.at_matrices(np.diag(SPECTRUM))["Lambda"], Fraction(3, 2)
    setting = {
        "covariance": SPECTRUM, "task_covariance": psi2 * exact(1, 1, 1), "noise_variance": NOISE, **setting_of("wu2023"),
    }  # fmt: skip
    for n, G in ((4, optimum("wu2023", 3, 20, covariance=SPECTRUM)), (9, exact(*range(9)).reshape(3, 3) / 8)):
        best = optimum("wu2023", 3, n, **{k: setting[k] for k in ("covariance", "task_covariance", "noise_variance")})
        names = c1_other_shots.at_matrices(H, H=H, G=G, n=Fraction(n), sigma2=NOISE, psi2=psi2)
        right = risk(step(G), n, task="unseen", **setting) - risk(step(best), n, task="unseen", **setting)
        yield result(lines, names), right


def least_risk(lines: str) -> Pairs:
    """Li, Rawat and Oymak's."""
    for d, n in ((1, 1), (3, 6), (3, 40)):
        setting = {"task_covariance": exact(*[1] * d), "noise_variance": NOISE, "pretrain_shots": n}
        names = {"n": Fraction(n), "d": d, "sigma2": NOISE}
        yield result(lines, names), risk("pretrained", n, task="unseen", **setting, **setting_of("li2024"))


CLAIMS: tuple[Claim, ...] = (
    formula(
        "ahn2023", "global optimum", "the eigenvalues of the global optimum of one layer, up to its sign and scale", "Theorem 1",
        "trained at n shots of noiseless labels, tasks N(0, I)", c2_eigenvalues.LINES, eigenvalues,
        "eigenvalues 3/10, 1, 2 and n = 1, 12", c2_eigenvalues.theorem, "Sigma, d and n",
    ),
    formula(
        "mahankali2023", "step of gradient descent", "the optimum is one step of gradient descent with this step size",
        "its theorem for Sigma = I", "trained at n shots with label noise, tasks N(0, I), the sum not divided",
        c3_undivided.LINES, step_size, "d = 1, n = 1 and d = 4, n = 9, sigma^2 = 1/10", c3_undivided.theorem, "n, d and sigma^2",
    ),
    formula(
        "wu2023", "risk of any preconditioner", "by how much the risk of any G exceeds the least one at n shots",
        "its risk of the attention model", "tasks N(0, psi^2 I), label noise; G trained at any number of shots or not at all",
        c4_any_step.LINES, excess, "H = diag(3/10, 1, 2), psi^2 = 3/2, sigma^2 = 1/10; n = 4, 9", c4_any_step.theorem,
        "H, G, psi^2, sigma^2, d and n",
    ),
    formula(
        "li2024", "least risk", "the least pretraining loss at n shots", "its isotropic case",
        "Sigma = I, tasks N(0, I), label noise", c6_least_risk.LINES, least_risk,
        "d = 1, 3 and n = 1, 6, 40, sigma^2 = 1/10", c6_least_risk.theorem, "n, d and sigma^2",
    ),
)  # fmt: skip
