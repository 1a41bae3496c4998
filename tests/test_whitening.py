"""The shortcuts of large matrices and of several heads leave the risk what it is."""

from __future__ import annotations

import numpy as np
import pytest

import theory
from theory import kinds, matrices, validation, whitening
from theory.contractions import Head, Inputs, Layer, Tasks, contract
from theory.kinds import LARGE
from theory.matrices import Diagonal, Matrices, Unsummed, conjugate_gradients
from theory.risk_formula import exact_risk_formula
from theory.whitening import whitened


@pytest.mark.parametrize("attends", [True, False])
@pytest.mark.parametrize("unseen", [True, False])
def test_a_layer_in_white_coordinates_is_the_layer(attends, unseen):
    d, heads = 4, 3
    rng = np.random.default_rng(d)
    space, root, skip = Matrices(d), rng.standard_normal((d, d)), rng.standard_normal(d + 2)
    skip[-1] = 0
    sigma, psi = root @ root.T + np.eye(d), root.T @ root + np.eye(d)
    inputs = Inputs(
        space.token_operator(sigma, 0.3), space.constant, space.token_operator(sigma, 0), space.constant, 0.3
    )
    layer = Layer(
        tuple(Head(*(rng.standard_normal((d + 2,) * k) for k in (1, 2))) for _ in range(heads)), attends, (), skip
    )
    task = Tasks(space.token_vector(0, rng.standard_normal(d), 0), space.token_operator(psi, 0) if unseen else None)
    white, there, ((_, seen),) = whitened(space, inputs, layer, [(1.0, task)])
    assert isinstance(white.query, Diagonal)
    expected, found = contract(space, inputs, layer, task), contract(space, white, there, seen)
    for n in (0, 1, 7):  # sums of some hundred products at a condition of 30: an error of 1e-14, times 30
        assert exact_risk_formula(found, n) == pytest.approx(exact_risk_formula(expected, n), rel=1e-12)


def test_where_white_coordinates_gain_nothing_or_do_not_exist_the_layer_stays():
    space = Matrices(1)
    inputs = Inputs(np.eye(3), space.constant, np.eye(3), space.constant, 0.0)
    one, token = Head(np.ones(3), np.ones((3, 3))), (np.ones(3),)
    for given, layer in (
        (inputs, Layer((one,))),
        (inputs, Layer((one, one), prompt=token)),
        (inputs._replace(shifted=True), Layer((one, one))),
    ):
        assert whitened(space, given, layer, [])[:2] == (given, layer)


def test_a_triangular_root_takes_half_the_products():
    rng = np.random.default_rng(0)
    Q, root = rng.standard_normal((LARGE, LARGE)), np.asfortranarray(np.tril(rng.standard_normal((LARGE, LARGE))))
    kept = Q.copy()
    found = whitening._congruent(Q, root)
    np.testing.assert_allclose(found, root.T @ Q @ root, rtol=0, atol=1e-10)  # entries of size 200, 400 roundings each
    assert np.array_equal(Q, kept)


def test_what_is_left_unsummed_is_the_sum():
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((2, 5, 5))
    u, v, x, rows, columns = rng.standard_normal((5, 5))
    space = Matrices(3)
    sum_ = space.with_dyad(
        Diagonal(rows) @ (Unsummed([(None, a, None)]) @ Diagonal(columns)) + 2.0 * Unsummed([(None, b, None)]).T, u, v
    )
    dense = rows[:, None] * a * columns + 2 * b.T + np.outer(u, v)
    exactly = {"rtol": 0, "atol": 1e-13}  # some ten roundings of numbers below 10
    np.testing.assert_allclose(sum_[1:3], dense[1:3], **exactly)
    np.testing.assert_allclose(a + sum_, a + dense, **exactly)
    np.testing.assert_allclose(sum_.T @ x, x @ dense, **exactly)
    np.testing.assert_allclose(x @ sum_, x @ dense, **exactly)
    np.testing.assert_allclose(space.images(sum_, [u, x]), [dense @ u, dense @ x], **exactly)
    assert space.trace(sum_) == pytest.approx(np.trace(dense), abs=1e-13)


@pytest.mark.parametrize("task", ["target", "unseen", "opposite"])
@pytest.mark.parametrize("varied", [False, True])
def test_large_matrices_have_the_risk_of_small_ones(monkeypatch, task, varied):
    """Every named strategy, with the shortcuts of large matrices taken at d = 4, against the same without them."""
    rng = np.random.default_rng(2)
    root = rng.standard_normal((2, 4, 4))
    sigma, psi = root @ root.transpose(0, 2, 1) + 0.5 * np.eye(4)
    given = {
        "covariance": sigma, "task_covariance": psi if varied else None, "noise_variance": 0.3, "pretrain_shots": 9,
        "target": rng.standard_normal(4), "task": task,
    }  # fmt: skip
    expected = {name: theory.risk(name, [0, 1, 7], **given) for name in theory.STRATEGIES}
    asked = []
    for module in (kinds, matrices, validation):
        monkeypatch.setattr(module, "LARGE", 1)
    monkeypatch.setattr(kinds, "BLOCK", 3)
    monkeypatch.setattr(matrices.Matrices, "nothing", property(lambda _: asked.append(1) or Unsummed([])))
    for (
        name,
        risk,
    ) in expected.items():  # sums of some hundred products at a condition of 30: an error of 1e-14, times 30
        np.testing.assert_allclose(theory.risk(name, [0, 1, 7], **given), risk, rtol=1e-12, err_msg=name)
    assert bool(asked) == (task == "unseen")


@pytest.mark.parametrize("ridge", [0, 1e-9, 10])
def test_conjugate_gradients_solve_the_quadratic(ridge):
    """Where the eigenvalues of the covariance go down to 1e-12, in their directions too."""
    d, rng = 40, np.random.default_rng(4)
    axes, sizes = np.linalg.qr(rng.standard_normal((d, d)))[0], np.logspace(-12, 0, d)
    kept = sizes / (sizes + ridge)
    a, metric = ((axes * x) @ axes.T for x in (kept, sizes))
    constant, linear, square = kept.sum() ** 2 + 2 * kept @ kept, 4 * kept.sum(), 8.0
    b = rng.standard_normal(d)
    known = axes @ ((axes.T @ b) / (constant + linear * kept + square * kept**2))
    found = conjugate_gradients((constant, linear, square), a, metric, b)
    np.testing.assert_allclose(
        found, known, rtol=0, atol=1e-13 * np.abs(known).max()
    )  # forty roundings at a condition of 15
    assert conjugate_gradients((1e-9, 0.0, 1.0), a, metric, b) is None or ridge == 0  # of too many different sizes
