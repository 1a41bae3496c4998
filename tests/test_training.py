"""Finite-sample training: gradients, the optimiser's rule, checkpoints, and where short runs end."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import sympy

from numerics import descent, training_command
from numerics.batches import Batch, draw_batch, loss_and_gradient
from numerics.checkpoints import load_checkpoint
from numerics.layers import forward
from numerics.learners import learner_of
from numerics.prompts import Prompts, prompts_of
from numerics.training import train
from theory import AttentionParameters, Setting, Strategy, fixed_point
from theory.strategies import find_strategy

SMALL = {"iterations": 60, "batch_size": 40, "pretrain_shots": 4}


def random_prompts(rng: np.random.Generator, d: int = 3) -> Prompts:
    """A random covariance and task."""
    return Prompts(root=rng.standard_normal((d, d)), noise_variance=0.3, task=rng.standard_normal(d))


# --- gradient -------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_shots", [0, 1, 6])
def test_gradient_is_the_central_difference(n_shots: int) -> None:
    # The loss is quadratic in each single entry, so a central difference is exact but for rounding, which a
    # step of 1 keeps at a few ulp of the loss.
    rng = np.random.default_rng(1)
    batch = draw_batch(random_prompts(rng), n_shots, 7, rng)
    parameters = rng.standard_normal((6, 5))
    loss, gradient = loss_and_gradient(parameters, batch)
    for index in np.ndindex(parameters.shape):
        step = np.zeros_like(parameters)
        step[index] = 1.0
        above, _ = loss_and_gradient(parameters + step, batch)
        below, _ = loss_and_gradient(parameters - step, batch)
        assert gradient[index] == pytest.approx((above - below) / 2, abs=1e-12 * max(above, below, loss))
    assert np.all(gradient[-1] == 0.0)  # the query's label slot is 0, so the last row of Q is dead


@pytest.mark.parametrize("normalization", ["tokens", "shots"])
@pytest.mark.parametrize("n_shots", [0, 1, 5])
def test_batch_loss_is_that_of_the_forward_model(n_shots: int, normalization: str) -> None:
    """The reduction to second moments agrees with attention over the tokens, entry by entry."""
    rng = np.random.default_rng(2)
    d, size = 3, 11
    prompts = Prompts(np.eye(d), 0.2, task=rng.standard_normal(d), normalization=normalization)
    v, Q = rng.standard_normal(d + 2), rng.standard_normal((d + 2, d + 2))
    tokens = np.concatenate(
        [
            prompts.draw_shots(prompts.draw_tasks(size, rng), n_shots, rng),
            prompts.draw_queries(prompts.draw_tasks(size, rng), rng)[0][:, None],
        ],
        axis=1,
    )
    labels = rng.standard_normal(size)
    moments = np.einsum("kna,knb->kab", tokens, tokens) / prompts.token_count(n_shots)
    loss, _ = loss_and_gradient(np.vstack([v, Q]), Batch(moments, tokens[:, -1], labels))

    V = rng.standard_normal((d + 2, d + 2))  # all rows but the last are irrelevant
    V[-1] = v
    predictions = forward([[(V, Q)]], tokens, normalization)
    direct = [sum((v @ z) * (prompt[-1] @ Q @ z) for z in prompt) / prompts.token_count(n_shots) for prompt in tokens]
    np.testing.assert_allclose(predictions, direct, rtol=1e-12, atol=1e-12)
    assert loss == pytest.approx(np.mean((predictions - labels) ** 2), rel=1e-12)


@pytest.mark.parametrize("n_shots", [0, 3])
@pytest.mark.parametrize(("normalization", "query"), [(2.5, "attends"), (2.5, "masked"), ("tokens", "masked")])
def test_batches_follow_the_conventions(n_shots: int, normalization: Any, query: Any) -> None:
    """The second moments of a drawn batch are those of the tokens that the model itself sums over."""
    d, size = 2, 5
    setting = Setting(d=d, normalization=normalization, query=query)
    prompts = prompts_of(setting)
    batch = draw_batch(prompts, n_shots, size, np.random.default_rng(5))
    again = np.random.default_rng(5)  # the same draws: tasks, queries, shots
    tasks = prompts.draw_tasks(size, again)
    queries, _ = prompts.draw_queries(tasks, again)
    tokens = np.concatenate([prompts.draw_shots(tasks, n_shots, again), queries[:, None]], axis=1)
    rng = np.random.default_rng(6)
    v, Q = rng.standard_normal(d + 2), rng.standard_normal((d + 2, d + 2))
    found = np.einsum("ka,ab,kbc,c->k", batch.queries, Q, batch.moments, v)
    np.testing.assert_allclose(
        found, AttentionParameters(v, Q).predict(tokens, normalization, query), rtol=1e-12, atol=1e-13
    )  # products of a hundred terms up to some ten, thirtyfold


def test_a_masked_query_trains_nothing_at_zero_shots() -> None:
    start = fixed_point("pretrained", d=2, pretrain_shots=4)
    masked = train("zero_shot", start=start, query="masked", rng=0, **{**SMALL, "iterations": 3})
    np.testing.assert_array_equal(masked.parameters.v, start.v)
    assert masked.settings["query"] == "masked"


@pytest.mark.parametrize("n_shots", [0, 3])
@pytest.mark.parametrize("query", ["attends", "masked"])
def test_the_batch_loss_of_a_layer_and_its_gradient(n_shots: int, query: Any) -> None:
    """The loss is that of the model's own predictions for the same draws, quadratic in each single entry of a head."""
    d, size, rng = 2, 5, np.random.default_rng(6)
    layer = AttentionParameters(*(rng.standard_normal(s) for s in ((3, 4), (3, 4, 4), (2, 4), (3,))))
    prompts = prompts_of(Setting(d=d, query=query))
    batch = draw_batch(prompts, n_shots, size, np.random.default_rng(5), layer)
    again = np.random.default_rng(5)  # the same draws: tasks, queries, shots
    tasks = prompts.draw_tasks(size, again)
    queries, labels = prompts.draw_queries(tasks, again)
    tokens = np.concatenate([prompts.draw_shots(tasks, n_shots, again), queries[:, None]], axis=1)
    parameters = np.concatenate((layer.v[:, None], layer.Q), axis=1)
    loss, gradient = loss_and_gradient(parameters, batch)
    assert loss == pytest.approx(np.mean((layer.predict(tokens, query=query) - labels) ** 2), rel=1e-12)
    for index in rng.permutation(list(np.ndindex(parameters.shape)))[:15]:
        step = np.zeros_like(parameters)
        step[tuple(index)] = 1.0
        above, below = (loss_and_gradient(parameters + sign * step, batch)[0] for sign in (1, -1))
        assert gradient[tuple(index)] == pytest.approx((above - below) / 2, abs=1e-12 * max(above, below, loss))


def test_a_new_head_trains_beside_a_frozen_one() -> None:
    rng = np.random.default_rng(7)
    start = AttentionParameters(rng.standard_normal((2, 4)), rng.standard_normal((2, 4, 4)), skip=np.ones(3))
    run = train("zero_shot", start=start, freeze=[0], rng=0, **{**SMALL, "iterations": 3})
    moved = np.abs(run.parameters.v - start.v).max(axis=1), np.abs(run.parameters.Q - start.Q).max(axis=(1, 2))
    assert [bool(x[0] == 0 < x[1]) for x in moved] == [True, True]
    assert run.settings["freeze"] == [0]
    np.testing.assert_array_equal(run.parameters.skip, start.skip)
    with pytest.raises(ValueError, match=r"freeze = \[0, 1\]"):
        train("zero_shot", start=start, freeze=[0, 1], **SMALL)


def test_draw_batch_is_the_model() -> None:
    """Without noise a drawn prompt's labels are theta.x, for its query and for every shot in its moments."""
    rng = np.random.default_rng(3)
    prompts = Prompts(rng.standard_normal((3, 3)), 0.0, task=rng.standard_normal(3))
    batch = draw_batch(prompts, 4, 30_000, rng)  # more than one piece
    assert batch.moments.shape == (30_000, 5, 5)
    np.testing.assert_allclose(batch.labels, batch.queries[:, 1:-1] @ prompts.task, rtol=1e-12, atol=1e-12)
    assert np.all(batch.queries[:, 0] == 1.0)
    assert np.all(batch.queries[:, -1] == 0.0)
    np.testing.assert_allclose(batch.moments[:, 0, 0], 1.0, rtol=1e-15)
    # (theta, -1) annihilates every shot's (x, y); what remains of G (0, theta, -1) is the query's.
    kernel = np.concatenate([[0.0], prompts.task, [-1.0]])
    expected = batch.queries * batch.labels[:, None] / 5
    # Five products of sums of five products of labels: 13 roundings, each of at most the sum of the terms' sizes.
    rounding = 1e-14 * (np.abs(batch.moments) @ np.abs(kernel)).max()
    np.testing.assert_allclose(batch.moments @ kernel, expected, rtol=0, atol=rounding)


# --- several layers and heads ---------------------------------------------------------------------


def test_heads_add_and_a_silent_layer_changes_nothing() -> None:
    rng = np.random.default_rng(4)
    tokens = rng.standard_normal((6, 4, 5))
    tokens[:, -1, -1] = 0.0
    heads = [(rng.standard_normal((5, 5)), rng.standard_normal((5, 5))) for _ in range(2)]
    both = forward([heads], tokens)
    np.testing.assert_allclose(both, forward([heads[:1]], tokens) + forward([heads[1:]], tokens), rtol=1e-12)
    silent = [(np.zeros((5, 5)), rng.standard_normal((5, 5)))]
    np.testing.assert_array_equal(forward([silent, heads, silent], tokens), both)


@pytest.mark.parametrize(("normalization", "query"), [("tokens", "masked"), (2.5, "attends"), (2.5, "masked")])
def test_one_layer_of_heads_is_the_model(normalization: Any, query: Any) -> None:
    rng = np.random.default_rng(7)
    tokens = rng.standard_normal((6, 4, 5))
    tokens[:, :, 0], tokens[:, -1, -1] = 1.0, 0.0
    V, Q = rng.standard_normal((2, 2, 5, 5))
    found = forward([list(zip(V, Q, strict=True))], tokens, normalization, query)
    expected = AttentionParameters(V[:, -1], Q).predict(tokens, normalization, query)
    np.testing.assert_allclose(
        found, expected, rtol=0, atol=1e-13 * np.abs(expected).max()
    )  # sums of a hundred products


def test_two_layers_by_hand() -> None:
    """One shot, d = 1, V moves the label into the label and Q = e_x e_x': the arithmetic done by hand."""
    x, y, x_q = 2.0, 3.0, 0.5
    V, Q = np.zeros((3, 3)), np.zeros((3, 3))
    V[2, 2] = Q[1, 1] = 1.0
    tokens = np.array([[[1.0, x, y], [1.0, x_q, 0.0]]])
    # Layer 1 (N = 2): the shot's label becomes y (1 + x x / 2) = 9, the query's x_q x y / 2 = 1.5. Layer 2:
    # the query's label gains (x_q x 9 + x_q x_q 1.5) / 2 = 4.6875.
    assert forward([[(V, Q)], [(V, Q)]], tokens)[0] == pytest.approx(1.5 + 4.6875, rel=1e-15)


def test_forward_rejects_bad_input() -> None:
    head = (np.eye(3), np.eye(3))
    with pytest.raises(ValueError, match=r"tokens has shape \(3,\)"):
        forward([[head]], np.zeros(3))
    with pytest.raises(ValueError, match="query token"):
        forward([[head]], np.ones((1, 1, 3)))
    with pytest.raises(ValueError, match="a head has shapes"):
        forward([[(np.eye(3), np.eye(4))]], np.zeros((1, 1, 3)))
    with pytest.raises(ValueError, match="normalization"):
        forward([[head]], np.zeros((1, 1, 3)), "softmax")


# --- the optimiser --------------------------------------------------------------------------------


def test_steps_are_clipped_momentum_descent() -> None:
    """Full-batch steps on a fixed set equal a plain loop with torch's documented rule."""
    rng = np.random.default_rng(5)
    start = AttentionParameters(rng.standard_normal(4), rng.standard_normal((4, 4)))
    options = {"noise_variance": 0.1, "fine_tune_set_size": 25, "batch_size": 25}
    one = train(
        "zero_shot",
        2,
        start=start,
        rng=9,
        iterations=1,
        momentum=0.0,
        clip_norm=None,
        learning_rate=1.0,
        **options,
    )
    # The first unclipped step is the gradient itself: recover the data's gradient at the start, then replay.
    gradient = np.vstack([start.v - one.parameters.v, start.Q - one.parameters.Q])
    norm = np.linalg.norm(gradient)
    assert norm > 0.5
    clipped = train("zero_shot", 2, start=start, rng=9, iterations=1, clip_norm=0.25, learning_rate=0.1, **options)
    step = np.vstack([start.v - clipped.parameters.v, start.Q - clipped.parameters.Q])
    np.testing.assert_allclose(step, 0.1 * gradient * 0.25 / (norm + 1e-6), rtol=1e-12, atol=1e-15)
    # Second step: velocity = momentum velocity + gradient at the new point.
    middle = AttentionParameters(start.v - 0.01 * gradient[0], start.Q - 0.01 * gradient[1:])
    probe = train(
        "zero_shot",
        2,
        start=middle,
        rng=9,
        iterations=1,
        momentum=0.0,
        clip_norm=None,
        learning_rate=1.0,
        **options,
    )
    second = np.vstack([middle.v - probe.parameters.v, middle.Q - probe.parameters.Q])
    two = train(
        "zero_shot",
        2,
        start=start,
        rng=9,
        iterations=2,
        momentum=0.9,
        clip_norm=None,
        learning_rate=0.01,
        **options,
    )
    expected = np.vstack([start.v, start.Q]) - 0.01 * gradient - 0.01 * (0.9 * gradient + second)
    np.testing.assert_allclose(np.vstack([two.parameters.v, two.parameters.Q]), expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize(
    ("strategy", "v_moves", "Q_moves"),
    [
        ("zero_shot", True, True),
        ("zs_v", True, False),
        ("zs_kq", False, True),
        ("mixed", True, True),
        ("mixed_value", True, False),
        ("mixed_kq", False, True),
    ],
)
def test_only_the_trained_block_moves(strategy: str, v_moves: bool, Q_moves: bool) -> None:
    rng = np.random.default_rng(6)
    start = AttentionParameters(rng.standard_normal(5), rng.standard_normal((5, 5)))
    run = train(strategy, start=start, rng=0, **SMALL)
    assert np.array_equal(run.parameters.v, start.v) != v_moves
    assert np.array_equal(run.parameters.Q, start.Q) != Q_moves
    assert np.array_equal(run.parameters.Q[-1], start.Q[-1])


@pytest.mark.parametrize(
    ("strategy", "moving"),
    [
        ("frozen_q", lambda x: [x.v, np.delete(x.Q.ravel(), 0)]),
        (Strategy(("v_x", "b")), lambda x: [x.v[1:-1], x.Q[1:-1, -1]]),
        ("soft_prompt", lambda x: [x.prompt[:, 1:]]),
        ("skip", lambda x: [x.skip]),
        ("new_head", lambda x: [x.v[1], x.Q[1]]),
    ],
)
def test_only_what_a_practice_trains_moves(strategy: Any, moving: Any) -> None:
    """In the longer of two runs alone: both have the same start. What is added starts as the strategy says."""
    rng = np.random.default_rng(8)
    start = AttentionParameters(rng.standard_normal(4), rng.standard_normal((4, 4)))
    before, after = (
        train(strategy, start=start, rng=0, **{**SMALL, "iterations": k, "learning_rate": rate}).parameters
        for k, rate in ((1, 1e-300), (3, 0.01))
    )
    layers = [[x for x in (layer.v, layer.Q, layer.prompt, layer.skip) if x is not None] for layer in (before, after)]
    changed = sum(int(np.sum(x != y)) for x, y in zip(*layers, strict=True))
    inside = sum(int(np.sum(x != y)) for x, y in zip(moving(before), moving(after), strict=True))
    assert 0 < inside == changed
    if strategy == "new_head":
        np.testing.assert_array_equal(before.v[0], start.v)
        assert abs(before.v[1, 0]) < 1e-290 < abs(before.v[1, 1])  # one step at that rate
        assert np.abs(before.Q[1][0, 1:]).max() < 1e-290
        assert np.abs(before.Q[1][1:, 0]).max() < 1e-290
    if strategy == "soft_prompt":
        assert before.prompt[0, 0] == after.prompt[0, 0] == 0


@pytest.mark.parametrize("query", ["attends", "masked"])
@pytest.mark.parametrize("strategy", ["soft_prompt", "skip"])
def test_the_loss_beside_a_frozen_layer_and_its_gradient(strategy: str, query: Any) -> None:
    """The loss is that of the layer's own predictions for the same draws; it is of degree four at most in each single entry."""
    d, size, n_shots, rng = 2, 5, 3, np.random.default_rng(9)
    layer = AttentionParameters(*(rng.standard_normal(s) for s in ((2, 4), (2, 4, 4), (2, 4), (3,))))
    learner = learner_of(find_strategy(strategy), layer, frozenset(), 0.1, rng)
    prompts = prompts_of(Setting(d=d, query=query))
    batch = draw_batch(prompts, n_shots, size, np.random.default_rng(5), learner.beside, learner.added)
    again = np.random.default_rng(5)  # the same draws: tasks, queries, shots
    tasks = prompts.draw_tasks(size, again)
    queries, labels = prompts.draw_queries(tasks, again)
    tokens = np.concatenate([prompts.draw_shots(tasks, n_shots, again), queries[:, None]], axis=1)
    loss, gradient = learner.loss_and_gradient(learner.start, batch)
    assert loss == pytest.approx(np.mean((layer.predict(tokens, query=query) - labels) ** 2), rel=1e-12)
    for index in np.ndindex(gradient.shape):
        step = np.zeros_like(gradient)
        step[index] = 1.0
        values = [learner.loss_and_gradient(learner.start + k * step, batch)[0] for k in (-2, -1, 1, 2)]
        # Exact up to the fourth degree; rounding is a few ulp of the largest value.
        expected = np.dot([1, -8, 8, -1], values) / 12
        assert gradient[index] == pytest.approx(expected, abs=1e-12 * max(values))


def test_the_few_shot_weight_anneals_linearly() -> None:
    """The objective is L_ZS + lambda L_FS with lambda = 1, 3/4, 1/2, 1/4 over four iterations."""
    rng = np.random.default_rng(7)
    start = AttentionParameters(rng.standard_normal(4), rng.standard_normal((4, 4)))
    frozen = {"start": start, "rng": 3, "learning_rate": 1e-300, "fine_tune_set_size": 50, "iterations": 4}
    zero_shot = train("zero_shot", **frozen).loss
    one = train("mixed", few_shot_weight=1.0, **frozen).loss
    annealed = train("mixed", few_shot_weight=(1.0, 0.0), **frozen).loss
    np.testing.assert_allclose(annealed - zero_shot, [1.0, 0.75, 0.5, 0.25] * (one - zero_shot), rtol=1e-12)


# --- seeds, starts, checkpoints -------------------------------------------------------------------


def same(first: descent.Training, second: descent.Training) -> bool:
    return (
        np.array_equal(first.parameters.v, second.parameters.v)
        and np.array_equal(first.parameters.Q, second.parameters.Q)
        and np.array_equal(first.loss, second.loss)
    )


def test_seeds_and_starts() -> None:
    run = train("mixed", 2, rng=5, **SMALL)
    assert same(run, train("mixed", 2, rng=np.random.default_rng(5), **SMALL))
    assert not same(run, train("mixed", 2, rng=6, **SMALL))
    assert np.all(run.start.Q[-1] == 0.0)  # the dead row of Q is not left at random numbers
    pretrained = train("pretrained", 2, rng=5, **SMALL)
    assert same(run, train("mixed", 2, rng=5, start=pretrained, **SMALL))
    assert same(run, train("mixed", 2, rng=5, start=pretrained.parameters, **SMALL))


@pytest.mark.parametrize("killed_at", [3, 37, 60, 75, 119])
def test_a_killed_run_resumes_with_the_same_bits(
    killed_at: int, tmp_path: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed in pretraining, before and after its first checkpoint, and in fine-tuning."""
    path = tmp_path / "run.npz"
    options = {"fine_tune_set_size": 100, "checkpoint": path, "checkpoint_interval": 7, **SMALL}
    uninterrupted = train("mixed", 2, rng=8, **{**options, "checkpoint": None})
    step, steps = descent.step, 0

    def dying_step(*arguments: object) -> float:
        nonlocal steps
        steps += 1
        if steps > killed_at:
            raise KeyboardInterrupt
        return step(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(descent, "step", dying_step)
        with pytest.raises(KeyboardInterrupt):
            train("mixed", 2, rng=8, **options)
    resumed = train("mixed", 2, rng=None if killed_at > 7 else 8, **options)
    assert same(resumed, uninterrupted)
    assert same(train("mixed", 2, rng=8, **options), uninterrupted)  # a finished run is only read
    assert not list(tmp_path.glob("*.tmp"))


def test_a_failed_write_keeps_the_previous_checkpoint(
    tmp_path: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.npz"
    train("pretrained", 2, rng=8, checkpoint=path, **SMALL)
    before = path.read_bytes()

    def full_disk(file: object, **arrays: object) -> None:
        file.write(b"half a file")
        raise OSError("no space left")

    path.unlink()
    train("pretrained", 2, rng=8, checkpoint=path, **{**SMALL, "iterations": 60})
    assert path.read_bytes() == before  # no clock, no order of a dictionary in it
    state, settings = load_checkpoint(path)
    monkeypatch.setattr(np, "savez", full_disk)
    with pytest.raises(OSError, match="no space"):
        descent.save_checkpoint(path, state, settings)
    assert path.read_bytes() == before


def test_a_foreign_checkpoint_is_refused(tmp_path: pytest.TempPathFactory) -> None:
    path = tmp_path / "run.npz"
    train("pretrained", 2, rng=8, checkpoint=path, **SMALL)
    with pytest.raises(ValueError, match="noise_variance differ"):
        train("pretrained", 2, rng=8, checkpoint=path, noise_variance=0.5, **SMALL)
    with pytest.raises(ValueError, match="seed differ"):
        train("pretrained", 2, rng=9, checkpoint=path, **SMALL)
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(ValueError, match="is not a checkpoint"):
        train("pretrained", 2, rng=8, checkpoint=path, **SMALL)
    np.savez(path, parameters=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="is not a checkpoint"):
        train("pretrained", 2, rng=8, checkpoint=path, **SMALL)


# --- where training ends --------------------------------------------------------------------------


def test_pretraining_reaches_the_closed_form() -> None:
    """wB = a I with a = (m+1)/(m+1+d+d sigma2), here d = 2, m = 5, sigma2 = 0.1: a = 6/8.2."""
    run = train("pretrained", 2, pretrain_shots=5, iterations=1500, batch_size=400, rng=0)
    wB = run.parameters.v[-1] * run.parameters.Q[1:-1, 1:-1]
    # The last iterate scatters: the variance of stationary momentum SGD is learning_rate / (1 - momentum) /
    # batch times the squared residual, 0.1 / 400 * 0.4 = 0.01^2 for every parameter (the gradient's noise and
    # the curvature have the same shape, which cancels). Five of these. (The seed fixes where in that the iterate lies:
    # descent damps what kernels round differently.)
    np.testing.assert_allclose(wB, 6 / 8.2 * np.eye(2), atol=0.05)
    assert run.loss[-200:].mean() < 0.75 * run.loss[:20].mean()


def test_value_only_reaches_the_closed_form() -> None:
    """From the exact pretrained point v_x tends to theta_0 / ((d+4) a) and w stays: d = 2, a = 6/8.2."""
    a, d = 6 / 8.2, 2
    start = AttentionParameters([0.0, 0.0, 0.0, 1.0], np.diag([0.0, a, a, 0.0]))
    run = train("zero_shot_value", start=start, iterations=1500, batch_size=400, target=[0.0, 1.0], rng=1)
    # The residual's square is 0.1 + 2/6 here, so that the scatter is again 0.01; five of these.
    np.testing.assert_allclose(run.parameters.v, [0.0, 0.0, 1 / ((d + 4) * a), 1.0], atol=0.05)


@pytest.mark.parametrize(
    ("strategy", "options"),
    [
        ("zero_shot", {"iterations": 1500}),
        ("mixed_value", {"iterations": 1500}),
        # Its minimiser does not depend on lambda, and one direction is slow, as label noise alone curves it.
        ("mixed_kq", {"iterations": 3000, "few_shot_weight": 1.0}),
    ],
)
def test_fine_tuning_reaches_the_fixed_point(strategy: str, options: dict[str, object]) -> None:
    """From the exact pretrained point, training ends where the theory says that gradient flow ends."""
    setting = {"d": 2, "noise_variance": 0.1, "pretrain_shots": 5}
    start, end = (fixed_point(name, **setting) for name in ("pretrained", strategy))
    run = train(strategy, start=start, batch_size=400, rng=1, **options, **setting)

    def distance(first: AttentionParameters, second: AttentionParameters) -> float:
        return float(np.hypot(np.linalg.norm(first.v - second.v), np.linalg.norm(first.Q - second.Q)))

    # A dozen entries scatter by 0.01 to 0.03 each, as above, and lambda is still on its way to 0: 0.1 together.
    assert distance(run.parameters, end) < 0.15
    assert distance(start, end) > 0.2  # the start would fail


@pytest.mark.parametrize(
    ("strategy", "options", "found", "expected"),
    [
        # What is added predicts theta_0 . x_q with no shots: a token's w B x y is N_0 theta_0, a new head's q v_x is theta_0.
        ("soft_prompt", {}, lambda x: x.v[-1] * x.Q[1:-1, 1:-1] @ x.prompt[0, 1:-1] * x.prompt[0, -1] / 2, "target"),
        ("new_head", {"init_scale": 0.01}, lambda x: x.Q[1, 0, 0] * x.v[1, 1:-1], "target"),
        ("skip", {}, lambda x: x.skip[1:], "target"),
        # The whole trained block.
        (Strategy("value", zero_shot=0.1, replay=1), {}, lambda x: x.v, "v"),
        (Strategy("value", zero_shot=0.2, pull=2.6), {}, lambda x: x.v, "v"),
        (Strategy(("v_x", "w"), zero_shot=0.2, few_shot=1), {}, lambda x: x.v, "v"),
    ],
)
def test_a_practice_reaches_its_closed_form(strategy: Any, options: dict[str, Any], found: Any, expected: str) -> None:
    setting = {"d": 2, "noise_variance": 0.1, "pretrain_shots": 5, "target": [0.0, 1.0]}
    start = fixed_point("pretrained", value_scale=1, **setting)
    run = train(strategy, start=start, iterations=400, batch_size=400, learning_rate=0.005, rng=1, **options, **setting)
    plain = fixed_point("zero_shot_value", value_scale=1, **setting).v
    end = setting["target"] if expected == "target" else fixed_point(strategy, value_scale=1, **setting).v
    # Each entry scatters by up to 0.008: as above, at half the rate and losses of about 0.5; five of these. (The small starts of
    # what is added have by then grown by e^8 and more.)
    np.testing.assert_allclose(found(run.parameters), end, atol=0.04)
    assert expected == "target" or np.abs(end - plain).max() > 0.08  # without the further loss it would fail


# --- arguments and command ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"strategy": "zero"}, ValueError, "zero"),
        ({"iterations": 0}, ValueError, "iterations"),
        ({"iterations": 2.5}, TypeError, "iterations"),
        ({"batch_size": True}, TypeError, "batch_size"),
        ({"learning_rate": 0.0}, ValueError, "learning_rate"),
        ({"learning_rate": float("nan")}, ValueError, "learning_rate"),
        ({"momentum": 1.0}, ValueError, "momentum"),
        ({"clip_norm": -1.0}, ValueError, "clip_norm"),
        ({"init_scale": "small"}, TypeError, "init_scale"),
        ({"few_shot_weight": -0.5}, ValueError, "few_shot_weight"),
        ({"few_shot_weight": (1.0, 0.0, 1.0)}, TypeError, "few_shot_weight"),
        ({"fine_tune_set_size": 0}, ValueError, "fine_tune_set_size"),
        ({"noise_variance": -1.0}, ValueError, "noise_variance"),
        ({"pretrain_shots": float("inf")}, TypeError, "pretrain_shots"),
        ({"strategy": Strategy("value", time=2.0)}, ValueError, "time = 2.0"),
        ({"strategy": Strategy("value", replay=sympy.Symbol("c"))}, TypeError, "replay = c"),
        ({"strategy": "new_head", "freeze": [0]}, ValueError, r"freeze = \[0\]"),
        ({"rng": -1}, ValueError, "rng"),
        ({"rng": "seed"}, TypeError, "rng"),
        ({"checkpoint": "no/such/directory/run.npz"}, ValueError, "checkpoint"),
        ({"checkpoint_interval": 0}, ValueError, "checkpoint_interval"),
        ({"strategy": "mixed", "start": 3}, TypeError, "start"),
        ({"start": AttentionParameters(np.ones(4), np.eye(4))}, ValueError, "start"),
        (
            {"strategy": "zs", "d": 3, "start": AttentionParameters(np.ones(4), np.eye(4))},
            ValueError,
            "start",
        ),
    ],
)
def test_bad_arguments(arguments: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        train(**{"strategy": "pretrained", **SMALL, **arguments})


def test_divergence_is_an_error() -> None:
    with pytest.raises(FloatingPointError, match="diverged"), np.errstate(all="ignore"):
        train("pretrained", 2, rng=0, learning_rate=1e6, clip_norm=None, **SMALL)


def test_command_writes_every_strategy(tmp_path: pytest.TempPathFactory) -> None:
    output = tmp_path / "official.json"
    arguments = ["--output", str(output), "--seed", "3", "--iterations", "5", "--batch-size", "20"]
    training_command.main(arguments)
    first = output.read_bytes()
    result = json.loads(first)
    assert list(result["runs"]) == [
        "pretrained",
        "zero_shot",
        "zero_shot_value",
        "zero_shot_kq",
        "mixed",
        "mixed_value",
        "mixed_kq",
    ]
    assert all(np.shape(run["v"]) == (7,) and np.shape(run["Q"]) == (7, 7) for run in result["runs"].values())
    assert result["seed"] == 3
    assert "--seed 3" in result["command"]
    training_command.main(arguments)
    assert output.read_bytes() == first
    training_command.main(
        [*arguments[:-4], "--practices", str(output), "--output", str(tmp_path / "p.json"), *arguments[-4:]]
    )
    practices = json.loads((tmp_path / "p.json").read_text())
    assert list(practices["runs"]) == ["new_head", "soft_prompt", "replay_value", "frozen_q", "skip"]
    assert np.shape(practices["runs"]["soft_prompt"]["prompt"]) == (1, 7)
    assert practices["runs"]["skip"]["v"] == result["runs"]["pretrained"]["v"]
    with pytest.raises(SystemExit):
        training_command.main(["--output", str(tmp_path / "missing" / "official.json")])
