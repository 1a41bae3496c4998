"""Gradient flow of layers: several heads, some of them frozen, a prompt and a skip at rest."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import theory
from numerics import Term, factored_flow, flow, gradient, hessian, objective
from numerics.attention_factors import balanced_factors
from numerics.layer_space import whole_space
from theory import Strategy
from theory.strategies import find_strategy

OFFICIAL = theory.Setting(d=5, noise_variance=0.1, pretrain_shots=20)


def beside_the_pretrained(v, Q):
    """A layer whose head 0 is the pretrained one, and whose head 1 is new."""
    model = theory.fixed_point("pretrained", setting=OFFICIAL)
    return theory.AttentionParameters(np.array([model.v, v]), np.array([model.Q, Q]))


def fastest_mode(size):
    """A new head of length `size` along the mode that grows fastest where it trains alone: (x_1)(1 + x_1^2 + |x|^2 ...)."""
    v, Q = np.zeros(7), np.zeros((7, 7))
    v[1] = 1.0
    Q[0, 0], Q[1:-1, 1:-1] = 1.0, np.diag([3.0, 1.0, 1.0, 1.0, 1.0])
    return size / 2**0.5 * v, size / 2**0.5 * Q / np.linalg.norm(Q)


@pytest.mark.parametrize(("size", "kept", "unseen"), [(1e-3, 0.41620, 0.819363), (1e-2, 0.74298, 0.532634)])
def test_two_heads_share_the_target(size, kept, unseen):
    """Published to five and six digits: what is left of in-context learning, and the unseen risk at 20 shots."""
    start = beside_the_pretrained(*fastest_mode(size))
    path = flow("zero_shot", OFFICIAL, [0.0], start=start, until="converged")
    end = path.end
    assert path.loss[-1] == pytest.approx(0.1, rel=1e-12)
    p = sum(w * B[1, 1] for w, B in zip(end.value_scale, end.B, strict=True))
    assert p / (start.v[0, -1] * start.B[0, 1, 1]) == pytest.approx(kept, abs=6e-6)
    assert theory.risk(end, 20, setting=OFFICIAL, task="unseen") == pytest.approx(unseen, abs=6e-7)
    # v_g . v_h - <Q_g, Q_h> is conserved to the rounding of squares that sum to a unit; so nothing else would have been kept.
    np.testing.assert_allclose(path.conserved[-1], path.conserved[0], rtol=0, atol=1e-12)


def test_a_new_head_ends_at_its_price():
    """From a small start a new head alone costs s_0/(n+1) on unseen tasks, and the start's square more."""
    rng = np.random.default_rng(0)
    v, Q = rng.standard_normal(7), rng.standard_normal((7, 7))
    Q[-1] = 0
    excess = []
    for size in (1e-2, 1e-3):
        start = beside_the_pretrained(size * v, size * Q)
        path = flow("zero_shot", OFFICIAL, [0.0], start=start, until="converged", freeze=[0])
        np.testing.assert_array_equal(path.v[:, 0], [start.v[0]] * 2)
        np.testing.assert_allclose(path.conserved[1, 1, 1], path.conserved[0, 1, 1], rtol=0, atol=1e-12)
        price = theory.risk(path.end, 20, setting=OFFICIAL, task="unseen") - theory.risk(
            "pretrained", 20, setting=OFFICIAL, task="unseen"
        )
        excess.append(price - 1 / 21)
    assert abs(excess[1]) < 1e-5
    assert excess[0] / excess[1] == pytest.approx(100, rel=0.05)  # the next order is the start's size, 1e-2


def random_setting(**options):
    return theory.Setting(
        covariance=[[1.0, 0.3], [0.3, 0.6]], target=[0.8, -0.5], noise_variance=0.2, pretrain_shots=6, **options
    )


def random_layer(seed, heads, prompt=False, skip=False):
    rng = np.random.default_rng(seed)
    arrays = rng.standard_normal((heads, 4)), rng.standard_normal((heads, 4, 4))
    tokens, readout = rng.standard_normal((2, 4)), rng.standard_normal(3)
    return theory.AttentionParameters(
        *(x / 2 for x in arrays), tokens if prompt else None, readout / 2 if skip else None
    )


def zero_but_for(layer, *, w):
    """The layer with v_x, q, p and a w that no loss at zero shots sees: (k v, Q / k) is then one model to it."""
    v, Q = layer.v * [0, 1, 1, w], layer.Q.copy()
    Q[:, :, 1:] = 0
    return theory.AttentionParameters(v, Q)


def odd_layer(prompt, skip):
    """Heads that alone would predict an odd function, beside what may not."""
    layer = random_layer(7, 2)
    v, Q = layer.v.copy(), layer.Q.copy()
    v[:, 0] = Q[:, 1:-1, 0] = Q[:, 0, 1:] = 0
    return theory.AttentionParameters(v, Q, prompt, skip)


CASES = {
    "odd heads, a prompt that is not": ("zero_shot", {}, odd_layer([[1.0, 0.5, 0.3, 1.0]], None), []),
    "odd heads, an odd prompt": ("pretrained", {}, odd_layer([[0.0, 0.5, 0.3, 1.0]], None), []),
    "odd heads, a skip that is not": ("zero_shot", {}, odd_layer(None, [0.4, 0.5, 0.3]), []),
    "heads": ("zero_shot", {}, random_layer(1, 3), []),
    "masked, prompt": ("mixed", {"query": "masked", "few_shot_weight": 0.5}, random_layer(2, 2, prompt=True), [1]),
    "one head, prompt": ("pretrained", {}, random_layer(3, 1, prompt=True), []),
    "value, skip": ("mixed_value", {"few_shot_weight": 0.5}, random_layer(4, 2, skip=True), [0]),
    "entries, pull": (Strategy(("v_x", "q", "p"), replay=0.7, pull=0.3), {}, random_layer(6, 3), [1]),
    "entries, prompt": (Strategy(("w", "r", "B")), {}, random_layer(7, 2, prompt=True, skip=True), []),
    "entries, zeros": (Strategy(("v_x", "q", "p")), {}, zero_but_for(random_layer(8, 3), w=1), [1]),
    "keys, all of it": ("zero_shot_kq", {"normalization": 2.5}, random_layer(5, 2, prompt=True, skip=True), []),
}


ENTRIES = {
    ("v_x", "q", "p"): ([0, 1, 1, 0], [[1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]),
    ("w", "r", "B"): ([0, 0, 0, 1], [[0, 1, 1, 1], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]),
    "all": (np.ones(4), np.ones((4, 4))),
    "value": (np.ones(4), np.zeros((4, 4))),
    "key_query": (np.zeros(4), np.ones((4, 4))),
}


@pytest.mark.parametrize("name", CASES)
def test_paths_of_layers_are_those_of_an_outside_integrator(name):
    strategy, options, start, frozen = CASES[name]
    setting, strategy = random_setting(**options), find_strategy(strategy)
    loss = objective(dataclasses.replace(strategy, pull=0), setting)
    moves = np.array([h not in frozen for h in range(start.n_heads)], dtype=float)
    trained = np.concatenate([np.multiply.outer(moves, mask).ravel() for mask in ENTRIES[strategy.trains]])
    y = np.concatenate((start.v.ravel(), start.Q.ravel()))

    def velocity(_, x):
        model = theory.AttentionParameters(
            x[: start.v.size].reshape(start.v.shape), x[start.v.size :].reshape(start.Q.shape), start.prompt, start.skip
        )
        slope = gradient(model, setting, loss)
        return -trained * (np.concatenate((slope.v.ravel(), slope.Q.ravel())) + 2 * strategy.pull * (x - y))

    expected = solve_ivp(velocity, (0, 0.1), y, method="DOP853", rtol=1e-11, atol=1e-12).y[:, -1]
    path = flow(strategy, setting, [0.1], start=start, freeze=frozen)
    end = path.end
    # A thousand times the integrators' tolerances.
    np.testing.assert_allclose(np.concatenate((end.v.ravel(), end.Q.ravel())), expected, rtol=0, atol=1e-9)
    assert end == theory.AttentionParameters(end.v, end.Q, start.prompt, start.skip)
    risks = sum(
        term.weight
        * theory.risk(end, int(term.n_shots), setting=setting, task="target" if term.task is not None else "unseen")
        for term in loss
    )
    assert path.loss[0] == pytest.approx(risks + strategy.pull * np.sum((expected - y) ** 2), rel=1e-9)


def test_entries_of_heads_with_a_pull_end_where_nothing_moves():
    """The gradient in each entry that trains, and what is kept: to the integrator's resolution, 1e-11, times rates up to 30."""
    setting, start = random_setting(), random_layer(7, 3)
    strategy = Strategy(("v_x", "q", "p"), replay=0.7, pull=0.3)
    end = flow(strategy, setting, start=start, until="converged", freeze=[1]).end
    slope = gradient(end, setting, objective(dataclasses.replace(strategy, pull=0), setting))
    for h in range(3):
        parts = (slope.v[h], end.v[h] - start.v[h]), (slope.Q[h], end.Q[h] - start.Q[h])
        for mask, (along, moved) in zip(ENTRIES[strategy.trains], parts, strict=True):
            trains = np.array(mask, dtype=bool) & (h != 1)
            np.testing.assert_allclose((along + 2 * 0.3 * moved)[trains], 0, atol=1e-8)
            assert not moved[~trains].any()
            assert h == 1 or moved[trains].any() or not trains.any()


@pytest.mark.parametrize("frozen", [[], [1]])
def test_back_to_the_conserved_matrix(frozen):
    """Along (A v, A^-T Q), which no prediction sees; off by 1e-5, two steps of Newton's method end at its fourth power."""
    setting, layer = random_setting(), random_layer(8, 3)
    whole = whole_space("start", layer, setting, frozen)
    space = whole.like(layer.v, layer.Q, whole.directions(setting, (Term(1.0, 3, None),), "all"))
    y = 1e-5 * np.random.default_rng(9).standard_normal(space.basis.shape[1])
    level = space.level(space.start())
    back = space.on_level(y, level)
    assert np.abs(space.level(y) - level).max() > 1e-6
    np.testing.assert_allclose(space.level(back), level, rtol=0, atol=1e-13)  # rounding of squares that sum to ten
    risks = [
        theory.risk(theory.AttentionParameters(*space.point(x)), 3, setting=setting, task="unseen") for x in (y, back)
    ]
    assert risks[1] == pytest.approx(risks[0], rel=1e-12)  # and off the way by 1e-5 it would be


@pytest.mark.parametrize("name", ["value, skip", "keys, all of it"])
def test_limits_of_a_quadratic_loss_are_the_nearest_minimisers(name):
    strategy, options, start, frozen = CASES[name]
    setting = random_setting(**options)
    trained = theory.STRATEGIES[strategy].trained
    moves = np.repeat([h not in frozen for h in range(start.n_heads)], 4 if trained == "value" else 16)
    slope, curvature = gradient(start, setting, strategy), hessian(start, setting, strategy, trained)
    g = (slope.v if trained == "value" else slope.Q).ravel()[moves]
    # Rates of these losses lie within 1e-5 of the largest, or are rounding.
    step = np.linalg.pinv(curvature[np.ix_(moves, moves)], rcond=1e-9, hermitian=True) @ g
    end = flow(strategy, setting, start=start, until="converged", freeze=frozen).end
    moved = (start.v - end.v if trained == "value" else start.Q - end.Q).ravel()
    np.testing.assert_allclose(
        moved[moves], step, rtol=0, atol=1e-8
    )  # rounding over the slowest rate, 1e-5, times thirty
    assert not moved[~moves].any()


def test_factors_of_heads():
    """Both factors of each head: the sum v_g . v_h, and W_Q W_Q' - W_K W_K' head by head, by the flow's own conservation."""
    setting, layer = random_setting(), random_layer(6, 2)
    W_Q, W_K = (np.array(x) for x in zip(*map(balanced_factors, layer.Q), strict=True))
    path = factored_flow(setting, [0.0, 0.3], v=layer.v, W_Q=W_Q, W_K=W_K)
    assert path.loss[0] == pytest.approx(theory.risk(layer, 0, setting=setting), rel=1e-12)
    assert path.loss[1] < 0.9 * path.loss[0]
    level = np.sum(path.v**2, axis=-1) - np.sum(path.W_Q**2, axis=(-1, -2))
    np.testing.assert_allclose(level[1], level[0], rtol=0, atol=1e-9)  # a thousand times the integrator's tolerance
    np.testing.assert_allclose(path.W_Q[1] @ path.W_Q[1].mT, path.W_K[1] @ path.W_K[1].mT, rtol=0, atol=1e-9)
    with pytest.raises(ValueError, match=r"of shapes \(2, 4\), \(4, 4\)"):
        factored_flow(setting, [1.0], v=layer.v, W_Q=W_Q[0], W_K=W_K[0])
