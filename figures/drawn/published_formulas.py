"""Published formulas against the exact theory, paper by paper."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from theory import AttentionParameters, fixed_point, risk
from theory.conventions import BY_KEY
from theory.ledger import lu2025, spectra
from theory.ledger.formulas import result
from theory.proofs import (
    c1_bound,
    c1_other_shots,
    c2_eigenvalues,
    c3_undivided,
    c4_any_step,
    c5_low_rank,
    c6_least_risk,
    c8_plateaus,
)

from .. import style
from ..table import Table

NAME = "published_formulas"
TITLE = "Published formulas against the exact theory"
CAPTION = (
    "Each paper's formula (lines) and the exact value in its own conventions (circles). (a) Zhang, Frei, Bartlett 2024: "
    "the risk at M shots of the model trained at N = 10, Theorem 4.2 (solid) and the bound of Corollary 4.3 (dashed). (b) Ahn et al. 2023: "
    "the optimum's eigenvalues at the inputs' 2, 1 and 0.3. (c) Mahankali et al. 2023: the step for d = 1, 4, 16. (d) Wu et al. 2023: what a "
    "preconditioner trained at 20 shots costs at n (at 20 nothing, which a logarithmic axis does not show). (e) Li et al. 2024: the least risk for d = 1, 4, 16. (f) Zhang et al. "
    "2025: the plateaus of the loss. (g) The setting of Kwon et al. 2025: the risk at M = 5, 20, 80 shots against the cosine "
    "of the subspaces. (h) Lu et al. 2025: the least error at 2d shots and its limit. (i) The error in "
    "their script of a readout with a label column, and the exact one (d = 100, 200 shots)."
)
THEOREM = "C1 to C8; the ledger: python -m theory claims."
NOTICE = (
    "All formulas pass through the exact values, but for the bound, which is 2.4 to 7.1 times the risk here, the limit of many dimensions, "
    "which is approached as 1/d, and the script, which has 1 + ρ² where (1 + ρ)² is right."
)

SPECTRUM = np.array([2.0, 1.0, 0.3])
SHOTS = np.array([1, 2, 3, 5, 8, 12, 20, 32, 50, 80, 100])
DIMENSIONS = (1, 4, 16)
NOISE = 0.1
LOOSE = "bound"

Curve = tuple[str, Any, Any, Any]  # its name, x, what is published, what is exact


def matrices(d: int, **names: Any) -> dict[str, Any]:
    """What the names of lines of matrices stand for, in floats."""
    return {"trace": np.trace, "outer": np.outer, "inv": np.linalg.inv, "I": np.eye(d), **names}


def zhang2024() -> Iterator[Curve]:
    """The risk on average over tasks N(0, I), a sum over the unit vectors."""
    conventions = BY_KEY["zhang2024"].setting
    model = fixed_point("pretrained", covariance=SPECTRUM, task_covariance=np.ones(3), pretrain_shots=10, **conventions)
    exact = risk(model, SHOTS, task="unseen", covariance=SPECTRUM, task_covariance=np.ones(3), **conventions)
    names = matrices(3, Lambda=np.diag(SPECTRUM), N=10, sigma2=0)
    published = [sum(result(c1_other_shots.LINES, names | {"M": M, "a": a}) for a in np.eye(3)) for M in SHOTS.tolist()]
    bound = {"d": 3, "t": SPECTRUM.sum(), "kappa": SPECTRUM[0] / SPECTRUM[2], "N": 10, "M": SHOTS, "risk": exact}
    yield "Theorem 4.2", SHOTS, published, exact
    yield LOOSE, SHOTS, result(c1_bound.LINES, bound), exact


def ahn2023() -> Iterator[Curve]:
    """The eigenvalues of the optimum."""
    found = [optimum("ahn2023", covariance=SPECTRUM, pretrain_shots=n).diagonal() for n in SHOTS.tolist()]
    for lam, exact in zip(SPECTRUM, np.transpose(found), strict=True):
        names = {"n": SHOTS, "lam": lam, "Sigma": np.diag(SPECTRUM), "trace": np.trace}
        yield rf"$\lambda={lam:g}$", SHOTS, result(c2_eigenvalues.LINES, names), exact


def optimum(paper: str, d: int = 3, **setting: Any) -> Any:
    """w B of the pretrained model, tasks N(0, I)."""
    model = fixed_point("pretrained", task_covariance=np.ones(d), value_scale=1.0, **setting, **BY_KEY[paper].setting)
    return model.B


def mahankali2023() -> Iterator[Curve]:
    """The step size."""
    for d in DIMENSIONS:
        steps = [optimum("mahankali2023", d, pretrain_shots=n, noise_variance=NOISE) for n in SHOTS.tolist()]
        exact = [step[0, 0] for step in steps]
        yield f"$d={d}$", SHOTS, result(c3_undivided.LINES, {"n": SHOTS, "d": d, "sigma2": NOISE}), exact


def wu2023() -> Iterator[Curve]:
    """What the optimum of 20 shots costs at others."""
    conventions, H = {"covariance": SPECTRUM, "noise_variance": NOISE, **BY_KEY["wu2023"].setting}, np.diag(SPECTRUM)

    def step(n: int) -> AttentionParameters:
        return fixed_point("pretrained", pretrain_shots=n, task_covariance=np.ones(3), value_scale=1.0, **conventions)

    published, exact, shots = [], [], SHOTS[SHOTS != 20]
    for n in shots.tolist():
        risks = [
            risk(model, n, task="unseen", task_covariance=np.ones(3), **conventions) for model in (step(20), step(n))
        ]
        names = matrices(3, H=H, G=step(20).B, n=n, sigma2=NOISE, psi2=1)
        published.append(result(c4_any_step.LINES, names))
        exact.append(risks[0] - risks[1])
    yield "G trained at 20", shots, published, exact


def li2024() -> Iterator[Curve]:
    """The least risk, per dimension."""
    for d in DIMENSIONS:
        setting = {"task_covariance": np.ones(d), "noise_variance": NOISE, **BY_KEY["li2024"].setting}
        exact = [risk("pretrained", n, task="unseen", pretrain_shots=n, **setting) for n in SHOTS.tolist()]
        published = result(c6_least_risk.LINES, {"n": SHOTS, "d": d, "sigma2": NOISE})
        yield f"$d={d}$", SHOTS, published / d, np.array(exact) / d


def zhang2025() -> Iterator[Curve]:
    """The plateaus, against how many directions are learned."""
    published, exact = zip(*spectra.losses(c8_plateaus.LINES), strict=True)
    yield "plateaus", np.arange(len(exact)), [*map(float, published)], [*map(float, exact)]


def kwon2025() -> Iterator[Curve]:
    """Lines in the plane, at a cosine."""
    conventions = {"noise_variance": NOISE, **BY_KEY["kwon2025"].setting}
    model = fixed_point("pretrained", task_covariance=np.diag([1.0, 0.0]), pretrain_shots=20, **conventions)
    cosines = np.linspace(0, 1, 11)
    for M in (5, 20, 80):
        exact = []
        for c in cosines:
            at = np.array([c, np.sqrt(1 - c * c)])
            exact.append(risk(model, M, task="unseen", task_covariance=np.outer(at, at), **conventions))
        names = {"N": 20, "M": M, "r": 1, "c": cosines, "sigma2": NOISE}
        yield f"$M={M}$", cosines, result(c5_low_rank.LINES, names), exact


def lu2025_limit() -> Iterator[Curve]:
    """The least error at alpha d shots of tasks without end, alpha = 2."""
    d = 2 ** np.arange(11)
    exact = risk(
        "pretrained", 2 * d, d, task="unseen", pretrain_shots=2 * d, noise_variance=NOISE, **BY_KEY["lu2025"].setting
    )
    limit = result(lu2025.LIMIT, {"rho": NOISE, "alpha": 2})
    yield "limit", d, np.full(len(d), limit), exact


def lu2025_script() -> Iterator[Curve]:
    """A readout beta I with a label column of length sqrt(d)/2, against the noise."""
    d, n, beta, delta, rho = 100, 200, 0.5, 0.5, np.linspace(0, 1, 11)
    v, Q = np.append(np.zeros(d + 1), 1.0), np.zeros((d + 2, d + 2))
    Q[1:-1, 1:-1], Q[1, -1] = beta * np.eye(d), delta
    g = delta * np.sqrt(d) * np.eye(d)[0]
    model = AttentionParameters(v, Q)
    conventions = BY_KEY["lu2025"].setting
    exact = [risk(model, n, d, task="unseen", noise_variance=x, **conventions) for x in rho.tolist()]
    names = {"n": n, "d": d, "rho": rho, "G": beta * np.eye(d), "g": g, "trace": np.trace}
    yield "script", rho, result(lu2025.SCRIPT, names), exact


PANELS: dict[str, tuple[Callable[[], Iterator[Curve]], str, str, str]] = {  # curves, title, x, y
    "zhang2024": (zhang2024, "Zhang, Frei, Bartlett", "shots $M$", "risk"),
    "ahn2023": (ahn2023, "Ahn et al.", "shots $n$", "eigenvalue"),
    "mahankali2023": (mahankali2023, "Mahankali et al.", "shots $n$", r"step $\eta$"),
    "wu2023": (wu2023, "Wu et al.", "shots $n$", "excess risk"),
    "li2024": (li2024, "Li et al.", "shots $n$", "least risk / $d$"),
    "zhang2025": (zhang2025, "Zhang et al. 2025", "directions learned", "loss"),
    "kwon2025": (kwon2025, "Kwon et al.'s setting", "cosine $c$", "risk"),
    "lu2025_limit": (lu2025_limit, "Lu et al.: the limit", "dimension $d$", "least error"),
    "lu2025_script": (lu2025_script, "Lu et al.: the script", r"noise $\rho$", "error"),
}


def data() -> Table:
    """One row a point: panel, curve, x, published, exact."""
    parts = [
        Table({"panel": panel, "curve": name, "x": x, "published": published, "exact": exact})
        for panel, (curves, *_) in PANELS.items()
        for name, x, published, exact in curves()
    ]
    return Table.stack(*parts)


def draw(table: Table) -> Figure:
    """Nine panels, two columns wide."""
    figure = style.figure(style.DOUBLE, 6.2)
    for k, (axes, (panel, (_, title, x, y))) in enumerate(zip(figure.subplots(3, 3).flat, PANELS.items(), strict=True)):
        groups = [*table.where(panel=panel).groups("curve")]
        for (name, curve), look in zip(groups, style.sequence(3, marker=False), strict=False):
            look["linestyle"] = "--" if name == LOOSE else "-"
            axes.plot(curve["x"], curve["published"], label=name, **look)
            if name != LOOSE:
                axes.plot(curve["x"], curve["exact"], "o", color=look["color"], markerfacecolor="white")
        axes.set(xlabel=x, ylabel=y)
        if x.startswith("shots") or panel == "lu2025_limit":
            axes.set_xscale("log")
        if panel in ("zhang2024", "wu2023", "mahankali2023"):
            axes.set_yscale("log")
        if len(groups) > 1:
            axes.legend()
        style.panel_title(axes, k, title)
    return figure
