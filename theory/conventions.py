"""Which layer do I have? Published layers of linear attention in the words of :mod:`theory`, one row a paper."""

from __future__ import annotations

from typing import Any, NamedTuple

CODE, NOTES = "the official code", "not read: from notes on it"


class Convention(NamedTuple):
    """A paper's layer: what it is called there, and the arguments that say it here."""

    key: str  # as theory.claims takes it
    paper: str
    arxiv: str
    value: str  # how v comes about
    key_query: str  # how Q does
    layer: dict[str, Any]  # of theory.from_layer
    setting: dict[str, Any]  # of theory.Setting: by what the sum is divided, who attends, which inputs and tasks
    extras: str
    source: str  # what the row was taken from


CONVENTIONS = (
    Convention(
        "lee2026", "Lee, Sohn, Lee 2026", "2602.23197",
        "last row of V", "Q of z_q' Q z",
        {"tokens": "1xy"}, {"normalization": "tokens"},
        "a constant in every token; tasks uniform on the unit sphere, label noise", CODE,
    ),
    Convention(
        "ahn2023", "Ahn, Cheng, Daneshmand, Sra 2023", "2306.00297",
        "last row of P; in the code (0, ..., 0, 1)", "Q of z_q' Q z, top left block alone",
        {"tokens": "xy", "scale": -1}, {"normalization": "shots", "query": "masked"},
        "residual; the prediction is minus the output; Theorem 1: tasks N(0, I), no label noise", CODE,
    ),
    Convention(
        "vonoswald2023", "von Oswald, Niklasson, Randazzo, Sacramento, Mordvintsev, Zhmoginov, Vladymyrov 2023", "2212.07677",
        "last row of P W_V, 1/N in it", "W_Q' W_K",
        {"tokens": "xy", "scale": -1}, {"normalization": 1, "query": "masked"},
        "residual; the prediction is minus the output; several heads and layers", NOTES,
    ),
    Convention(
        "zhang2024", "Zhang, Frei, Bartlett 2024", "2306.09927",
        "last row of W_PV", "transpose of W_KQ",
        {"tokens": "xy"}, {"normalization": "shots"},
        "residual; tasks N(0, I), trained at N shots and evaluated at M", NOTES,
    ),
    Convention(
        "mahankali2023", "Mahankali, Hashimoto, Ma 2023", "2307.03576",
        "readout of W_V", "W_Q' W_K",
        {"tokens": "xy"}, {"normalization": 1, "query": "masked"},
        "the sum is not divided; tasks N(0, I), label noise", NOTES,
    ),
    Convention(
        "lu2025", "Lu, Letey, Zavatone-Veth, Maiti, Pehlevan 2025", "2405.11751",
        "(0, ..., 0, 1)", "Q_xx = d Gamma[:, :d], Q_xy = Gamma[:, d], Gamma of shape (d, d + 1)",
        {"tokens": "xy"}, {"normalization": "shots", "query": "masked"},
        "inputs of covariance I/d, tasks on the sphere of radius sqrt(d); ridge, finitely many tasks in training", CODE,
    ),
    Convention(
        "zhang2025", "Zhang, Singh, Latham, Saxe 2025", "2501.16265",
        "last row of W_V, head by head", "transpose of W_KQ = W_K' W_Q, head by head",
        {"tokens": "xy"}, {"normalization": "shots"},
        "residual; several heads; tasks N(0, I), no label noise", CODE,
    ),
    Convention(
        "li2024", "Li, Rawat, Oymak 2024", "2407.10005",
        "(0, ..., 0, 1)", "W_Q' W_K",
        {"tokens": "xy"}, {"normalization": "shots", "query": "masked"},
        "correlated inputs and tasks, LoRA; its risk does not ask by what the sum is divided", NOTES,
    ),
    Convention(
        "wu2023", "Wu, Zou, Chen, Braverman, Gu, Bartlett 2023", "2310.08391",
        "(0, ..., 0, 1)", "Q_xx = G, one step of gradient descent preconditioned by G",
        {"tokens": "xy"}, {"normalization": "shots", "query": "masked"},
        "tasks N(0, psi^2 I), any G, trained at N shots and evaluated at M", NOTES,
    ),
    Convention(
        "kwon2025", "Kwon, Xu, Yaras, Balzano, Qu 2025", "2505.14808",
        "(0, ..., 0, 1)", "Q_xx",
        {"tokens": "xy"}, {"normalization": "shots"},
        "tasks of a subspace, N(0, P), evaluated on those of another", NOTES,
    ),
)  # fmt: skip

BY_KEY = {row.key: row for row in CONVENTIONS}

HEADER = ("paper", "v", "Q", "tokens", "N", "query", "besides", "taken from")


def rows() -> list[tuple[str, ...]]:
    """The table's cells."""
    out: list[tuple[str, ...]] = []
    for row in CONVENTIONS:
        normalization = row.setting["normalization"]
        N = {"tokens": "n + 1", "shots": "max(n, 1)"}.get(normalization, str(normalization))
        arguments = ", ".join(f"{name}={value!r}" for name, value in row.layer.items())
        out.append((
            f"{row.paper}, arXiv {row.arxiv}", row.value, row.key_query, f"`{arguments}`",
            f"{N}: `normalization={normalization!r}`", f"`query={row.setting.get('query', 'attends')!r}`", row.extras,
            row.source,
        ))  # fmt: skip
    return out


def table() -> str:
    """The table in Markdown, as docs/conventions.md has it.

    Examples
    --------
    >>> print(table().splitlines()[0])
    | paper | v | Q | tokens | N | query | besides | taken from |
    """
    lines = [HEADER, ("---",) * len(HEADER), *rows()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
