"""The table of published layers: it stands in the documentation, its arguments are arguments, its formulas come out."""

from __future__ import annotations

import re
from fractions import Fraction as F
from pathlib import Path

import numpy as np
import pytest

import theory
from theory.conventions import BY_KEY, CODE, CONVENTIONS, NOTES, table

PAGE = Path(__file__).parent.parent / "docs" / "conventions.md"
ROWS = {row.arxiv: row for row in CONVENTIONS}


def test_the_page_has_the_table():
    text = PAGE.read_text(encoding="utf-8")
    assert table() in text
    assert "A residual connection changes nothing" in text


@pytest.mark.parametrize("arxiv", ROWS)
def test_a_row_is_said_in_arguments(arxiv):
    row = ROWS[arxiv]
    assert re.fullmatch(r"\d{4}\.\d{5}", arxiv)
    assert re.search(r" 20\d\d$", row.paper)
    assert row.source in (CODE, NOTES)
    theory.Setting(3, **row.setting)
    assert theory.from_layer(np.eye(4), np.eye(4), np.eye(4), **row.layer).d == 5 - len(row.layer["tokens"])


def test_ten_papers():
    assert len(ROWS) == len(CONVENTIONS) == len(BY_KEY) == 10
    assert all(re.fullmatch(r"[a-z]+20\d\d", key) for key in BY_KEY)


# --- the layers whose code was read, written out as there -------------------------------------------------------------


def prompt(rng, d, n):
    z = rng.integers(-3, 4, (n + 1, d + 1)).astype(object)
    z[-1, -1] = 0
    return z, np.concatenate([np.full((n + 1, 1), F(1)), z], axis=1)


def test_ahn_et_al():
    """Z + attention: rows of Z are tokens, the mask drops the query; minus the output.

    P and Q are full here: of the code's, whose last rows are (0, ..., 0, 1) and 0, the query's own token sees nothing.
    """
    rng, d, n = np.random.default_rng(1), 2, 3
    P, Q = rng.integers(-3, 4, (2, d + 1, d + 1))
    Z, tokens = prompt(rng, d, n)
    mask = np.eye(n + 1, dtype=int)
    mask[n, n] = 0
    output = Z * F(1) + (Z @ Q @ Z.T) @ mask @ (Z @ P.T) * F(1, n)
    row = ROWS["2306.00297"]
    model = theory.from_layer(None, Q, P, **row.layer)
    assert model.predict(tokens, **row.setting) == -output[n, d]


def test_zhang_et_al_2025():
    """X + sum_i W_V X X' W_KQ X / N over heads: columns of X are tokens."""
    rng, d, n, H = np.random.default_rng(2), 2, 3, 3
    W_V, W_KQ = rng.integers(-3, 4, (2, H, d + 1, d + 1)).astype(object)
    Z, tokens = prompt(rng, d, n)
    X = Z.T
    output = X * F(1) + sum(V @ X @ X.T @ KQ @ X for V, KQ in zip(W_V, W_KQ, strict=True)) * F(1, n)
    row = ROWS["2501.16265"]
    model = theory.from_layer(None, np.swapaxes(W_KQ, 1, 2), W_V, **row.layer)
    assert model.predict(tokens, **row.setting) == output[d, n]


def test_lu_et_al():
    """The sum of Gamma times the features of a prompt, x_q [d/l sum y x', 1/l sum y^2], as their construct_H_Z makes them."""
    rng, d, n = np.random.default_rng(3), 2, 3
    Gamma = rng.integers(-3, 4, (d, d + 1)).astype(object)
    Z, tokens = prompt(rng, d, n)
    x, y, x_q = Z[:-1, :d], Z[:-1, d], Z[-1, :d]
    features = np.column_stack([np.outer(x_q, F(d, n) * (y @ x)), x_q * F(1, n) * (y @ y)])
    row = ROWS["2405.11751"]
    V, Q = np.diag([0] * d + [1]), np.zeros((d + 1, d + 1), dtype=object)
    Q[:d, :d], Q[:d, d] = d * Gamma[:, :d], Gamma[:, d]
    model = theory.from_layer(None, Q, V, **row.layer)
    assert model.predict(tokens, **row.setting) == np.sum(Gamma * features)


# --- printed formulas in the conventions of their row ----------------------------------------------------------------

LAMBDA = [F(2), F(1), F(1, 2)]
TRACE = sum(LAMBDA)


def pretrained(arxiv, m, **where):
    """The diagonal of w B of the optimum at m shots, tasks N(0, I)."""
    setting = {"task_covariance": [F(1)] * 3, "pretrain_shots": m, "value_scale": F(1), **ROWS[arxiv].setting, **where}
    v, Q = theory.fixed_point("pretrained", **setting).entries()
    return (v[-1] * np.diagonal(Q)[1:-1]).tolist()


@pytest.mark.parametrize("m", [1, 7])
def test_pretrained_optima(m):
    noise, psi2 = F(1, 3), F(3, 2)
    ahn = [1 / (F(m + 1, m) * x + TRACE / m) for x in LAMBDA]
    assert pretrained("2306.00297", m, covariance=LAMBDA) == ahn
    assert pretrained("2306.09927", m, covariance=LAMBDA) == ahn  # Gamma^-1, Gamma = (1 + 1/N) Lambda + tr(Lambda)/N
    assert pretrained("2307.03576", m, noise_variance=noise) == [1 / (m + 1 + 3 + noise)] * 3
    wu = [1 / ((TRACE + noise / psi2) / m + F(m + 1, m) * x) for x in LAMBDA]
    assert pretrained("2310.08391", m, covariance=LAMBDA, noise_variance=noise, task_covariance=[psi2] * 3) == wu


@pytest.mark.parametrize("n", [1, 6])
def test_pretrained_risks(n):
    noise, d = F(1, 3), 3
    li = {"task_covariance": [F(1)] * d, "noise_variance": noise, "pretrain_shots": n, "task": "unseen"}
    assert theory.risk("pretrained", n, **li, **ROWS["2407.10005"].setting) == d + noise - d * n / (n + 1 + d + noise)
    zhang = {"covariance": LAMBDA, "task_covariance": [F(1)] * d, "pretrain_shots": n, "task": "unseen"}
    last = TRACE - sum(x / (1 + (1 + TRACE / x) / n) for x in LAMBDA)  # the last plateau of the loss
    assert theory.risk("pretrained", n, **zhang, **ROWS["2501.16265"].setting) == last
