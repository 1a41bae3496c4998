"""Gradient flow: where it ends, what it conserves, and the same paths from an outside integrator."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import theory
from numerics import integrator
from numerics.attention_factors import balanced_factors, factored_flow, selected_scale
from numerics.derivatives import gradient, hessian
from numerics.integrator import NoConvergence
from numerics.objectives import Term, objective, population_loss
from numerics.phases import LinearSchedule
from numerics.quadratic_flow import flat_directions
from numerics.slow_manifold import ZeroShotManifold
from numerics.subspaces import AffineSpace, unseen_at_zero_shots
from numerics.trajectory import flow
from theory.strategies import PUBLISHED

OFFICIAL = theory.Setting(d=5, noise_variance=0.1, pretrain_shots=20)
FULLY_TRAINED = ("pretrained", "zero_shot", "mixed")


def random_setting(d: int, seed: int, **changes) -> theory.Setting:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(d, d))
    arguments = {"covariance": X @ X.T + 0.3 * np.eye(d), "target": rng.normal(size=d)}
    return theory.Setting(**{**arguments, "noise_variance": 0.1, "pretrain_shots": 20, **changes})


SETTINGS = {
    "d=2": theory.Setting(d=2, noise_variance=0.1, pretrain_shots=20),
    "d=5": OFFICIAL,
    "d=20": theory.Setting(d=20, noise_variance=0.1, pretrain_shots=20),
    "d=1": theory.Setting(d=1, noise_variance=0.1, pretrain_shots=20),
    "shots": theory.Setting(d=3, noise_variance=0.1, pretrain_shots=20, normalization="shots"),
    "scale 1": theory.Setting(d=3, noise_variance=0.5, pretrain_shots=3, value_scale=1.0),
    "long target": theory.Setting(d=3, target=[1.0, -2.0, 0.5], noise_variance=0.1, pretrain_shots=20),
    "Sigma, d=2": random_setting(2, 6),
    "Sigma, d=3": random_setting(3, 1),
    "Sigma, d=4": random_setting(4, 2),
    "Sigma, d=5": random_setting(5, 3),
    "Sigma, Psi": random_setting(3, 4, task_covariance=np.diag([0.5, 1.0, 2.0]), few_shot_shots=6),
}


def distance(a: theory.AttentionParameters, b: theory.AttentionParameters) -> float:
    return max(np.abs(a.v - b.v).max(), np.abs(a.Q - b.Q).max())


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("strategy", PUBLISHED)
def test_the_flow_ends_at_the_fixed_point(strategy, name):
    setting = SETTINGS[name]
    path = flow(strategy, setting, [0.5, 5.0], until="converged")
    assert distance(path.end, theory.fixed_point(strategy, setting=setting)) < 1e-8
    if strategy in FULLY_TRAINED:
        start = theory.fixed_point("pretrained", setting=setting)
        # Rounding alone: squares that sum to a few units, in up to (d+2)^2 terms.
        np.testing.assert_allclose(path.conserved, start.v @ start.v - np.sum(start.Q**2), rtol=0, atol=1e-12)
    for phase in (False, True):
        assert np.diff(path.loss[path.slow == phase]).max(initial=0.0) <= 1e-12


@pytest.fixture
def gives_up_sooner(monkeypatch):
    """Half the steps: still more than any flow takes that comes to a limit."""
    monkeypatch.setattr(integrator, "_MOST_STEPS_TO_SETTLE", 125)


FAR_APART = {
    "long target": ("mixed_kq", theory.Setting(d=2, target=[100.0, 0.0], noise_variance=0.1, pretrain_shots=20)),
    "long, all": ("mixed", theory.Setting(d=2, target=[100.0, 0.0], noise_variance=0.1, pretrain_shots=20)),
    "little noise": ("mixed_kq", theory.Setting(d=2, noise_variance=1e-9, pretrain_shots=20)),
    "little noise, Sigma": ("mixed_kq", random_setting(3, 7, noise_variance=1e-8)),
    "small weight": ("mixed_value", OFFICIAL.replace(few_shot_weight=1e-9)),
    "smaller weight, Sigma": ("mixed_value", random_setting(3, 7, few_shot_weight=1e-20)),
    "smaller weight, Q": ("mixed_kq", random_setting(3, 7, few_shot_weight=1e-20)),
    "all at once": ("mixed_kq", random_setting(3, 7, few_shot_weight=1e-6, noise_variance=1e-6, few_shot_shots=10**6)),
}


@pytest.mark.parametrize("name", FAR_APART)
def test_limits_where_rates_are_far_apart(name):
    """A weight, a noise or a length makes a rate a 1e-8th of the fastest, or less: slow, not flat."""
    strategy, setting = FAR_APART[name]
    end = flow(strategy, setting, until="converged").end
    # A limit is one to 1e-11 of the largest parameter, here at most 2.
    assert distance(end, theory.fixed_point(strategy, setting=setting)) < 1e-11


@pytest.mark.usefixtures("gives_up_sooner")
@pytest.mark.parametrize("weight", [1e-14, 1e-20])
def test_a_limit_that_floats_cannot_tell_is_an_error(weight):
    """Beside the zero-shot loss such a weight is a rounding error, and the flow seems to rest where the slow phase begins."""
    setting = theory.Setting(d=2, noise_variance=0.1, pretrain_shots=20, few_shot_weight=weight)
    with pytest.raises(NoConvergence, match="floats cannot tell its limit"):
        flow("mixed", setting, until="converged")


@pytest.mark.usefixtures("gives_up_sooner")
def test_units_far_apart():
    """Where one block trains the limit is linear algebra in any units; rates 1e-24 of the fastest hide that of a flow."""
    units = np.diag([1.0, 1e-6, 1e6])
    plain = random_setting(3, 8)
    setting = plain.replace(
        covariance=units @ plain.sigma() @ units, target=np.linalg.solve(units, plain.target_vector())
    )
    for strategy in ("mixed_value", "mixed_kq"):
        end, point = flow(strategy, setting, until="converged").end, theory.fixed_point(strategy, setting=setting)
        assert distance(end, point) < 1e-11 * max(np.abs(point.v).max(), np.abs(point.Q).max())
    with pytest.raises(NoConvergence, match="floats cannot tell its limit"):
        flow("zero_shot", setting, until="converged")


@pytest.mark.parametrize("unit", [1e-7, 0.1])
def test_variances_far_apart_are_certified_or_refused(unit):
    """At a condition of 1e28 the flow seems to rest where its loss is a hundred times the limit's; at 1e4 it arrives."""
    units, plain = np.diag([1.0, unit, 1 / unit]), random_setting(3, 8)
    setting = plain.replace(
        covariance=units @ plain.sigma() @ units, target=np.linalg.solve(units, plain.target_vector())
    )
    if unit == 1e-7:
        with pytest.raises(NoConvergence, match="floats cannot tell its limit"):
            flow("zero_shot", setting, until="converged")
    else:
        end, point = flow("zero_shot", setting, until="converged").end, theory.fixed_point("zero_shot", setting=setting)
        assert distance(end, point) < 1e-11 * max(np.abs(point.v).max(), np.abs(point.Q).max())
    masked = setting.replace(query="masked")  # nothing moves, and that is certain
    start = theory.fixed_point("pretrained", setting=masked)
    path = flow("zero_shot", masked, start=start, until="converged")
    assert distance(path.end, start) == 0
    assert path.at_rest


@pytest.mark.usefixtures("gives_up_sooner")
def test_a_degenerate_minimum_is_no_limit_to_rounding():
    """The family v_0 = c is approached like t^(-1/2), at rates that vanish with the distance: none is ever near."""
    start = theory.AttentionParameters([1.5, 0.1, 0.2], [[0.1, 1.0, 0.3], [1.2, 0.2, -0.1], [0.0, 0.0, 0.0]])
    setting = theory.Setting(d=1, noise_variance=0.1, pretrain_shots=20)
    with pytest.raises(NoConvergence, match="floats cannot tell its limit"):
        flow("zero_shot", setting, start=start, until="converged")


def test_a_limit_among_many_is_found():
    """A pretraining flow that ends at a critical point of lower rank, one of a family of more than (k v, Q / k)."""
    rng = np.random.default_rng(1)
    setting = theory.Setting(d=2, pretrain_shots=20, noise_variance=0.1)
    start = theory.AttentionParameters(rng.normal(size=4), rng.normal(size=(4, 4)))
    path = flow("pretrained", setting, [1e4], start=start, until="converged")
    rates = np.linalg.eigvalsh(hessian(path.end, setting, "pretrained"))
    assert np.sum(rates[4:] < 1e-12 * rates[-1]) == 2  # besides the dead row of Q
    assert distance(path.end, theory.AttentionParameters(path.v[0], path.Q[0])) < 1e-9
    slope = gradient(path.end, setting, "pretrained")
    assert max(np.abs(slope.v).max(), np.abs(slope.Q).max()) < 1e-13


@pytest.mark.parametrize(("v_x", "without_noise"), [(0.0, 3), (0.2, 0)])
def test_flat_directions_are_those_of_exact_arithmetic(v_x, without_noise):
    """With noise, however little, every direction of Q changes some prediction.

    Without noise a key orthogonal to every token is none: rows (0, theta, -1), d + 1 of them, except that the query,
    whose label is not there, sees them if v_x or v_0 is not zero.
    """
    v, Q = np.array([0.0, v_x, 0.0, 1.0]), np.zeros((4, 4))
    counts = []
    for noise, weight in ((0.1, 0.5), (1e-12, 0.5), (0.1, 1e-15), (0.0, 0.5)):
        setting = theory.Setting(d=2, noise_variance=noise, pretrain_shots=20, few_shot_weight=weight)
        loss = objective("mixed_kq", setting)
        everything = np.eye(20)[:, 4:16]
        counts.append(flat_directions(AffineSpace(v, Q, everything), setting, loss).shape[1])
    assert counts == [0, 0, 0, without_noise]


def outside(strategy: str, setting: theory.Setting, t: float, start: theory.AttentionParameters, weight=None):
    """The same flow by an explicit method on all of (v, Q), without any reduction."""
    size = setting.d + 2
    trained = theory.STRATEGIES[strategy].trained

    def velocity(time, y):
        v, Q = y[:size], y[size:].reshape(size, size)
        model = theory.AttentionParameters(v, Q)
        at = setting if weight is None else setting.replace(few_shot_weight=weight(time))
        slope = gradient(model, at, objective(strategy, at))
        dv = slope.v if trained != "key_query" else 0 * slope.v
        dQ = slope.Q if trained != "value" else 0 * slope.Q
        return -np.concatenate((dv, dQ.ravel()))

    y = np.concatenate((start.v, start.Q.ravel()))
    end = solve_ivp(velocity, (0, t), y, method="DOP853", rtol=1e-11, atol=1e-12).y[:, -1]
    return theory.AttentionParameters(end[:size], end[size:].reshape(size, size))


@pytest.mark.parametrize("strategy", ["zero_shot", "mixed", "mixed_value", "mixed_kq"])
@pytest.mark.parametrize("name", ["d=2", "Sigma, d=3"])
def test_paths_are_those_of_an_outside_integrator(strategy, name):
    setting = SETTINGS[name].replace(few_shot_weight=0.5)
    start = theory.fixed_point("pretrained", setting=setting)
    path = flow(strategy, setting, [0.05, 0.4])
    assert distance(path.end, outside(strategy, setting, 0.4, start)) < 1e-9


@pytest.mark.parametrize("strategy", ["pretrained", "zero_shot_value", "zero_shot_kq"])
def test_paths_from_a_start_without_symmetry(strategy):
    setting = SETTINGS["Sigma, d=3"]
    rng = np.random.default_rng(5)
    start = theory.AttentionParameters(rng.normal(size=5) / 2, rng.normal(size=(5, 5)) / 2)
    assert distance(flow(strategy, setting, [0.1], start=start).end, outside(strategy, setting, 0.1, start)) < 1e-9


def test_a_schedule_is_followed():
    setting = SETTINGS["d=2"]
    start = theory.fixed_point("pretrained", setting=setting)
    linear = LinearSchedule(duration=2.0)
    path = flow("mixed", setting, [1.0, 1.5], schedule=linear)
    assert distance(path.end, outside("mixed", setting, 1.5, start, weight=linear)) < 1e-9
    # Past its end the schedule leaves the zero-shot loss alone.
    path = flow("mixed", setting, [2.0, 2.5], schedule=linear)
    after = theory.AttentionParameters(path.v[0], path.Q[0])
    assert distance(path.end, flow("zero_shot", setting, [0.5], start=after).end) < 1e-9
    waves = flow("mixed_value", setting, [1.5], schedule=lambda t: 1 + math.sin(t))
    assert distance(waves.end, outside("mixed_value", setting, 1.5, start, weight=lambda t: 1 + math.sin(t))) < 1e-9


def test_small_weights_approach_the_limit_in_proportion():
    limit = theory.fixed_point("mixed", setting=OFFICIAL)
    gaps = [distance(flow("mixed", OFFICIAL, schedule=w, until="converged").end, limit) for w in (1e-2, 1e-3)]
    assert gaps[0] / gaps[1] == pytest.approx(
        10, rel=0.02
    )  # the second order is 1e-3 of the first; no other limit does this


CONVENTIONS = {
    "masked": {"query": "masked"},
    "masked, shots": {"query": "masked", "normalization": "shots"},
    "a number": {"normalization": 7.0},
    "masked, a number": {"query": "masked", "normalization": 7.0},
}


@pytest.mark.parametrize("name", CONVENTIONS)
@pytest.mark.parametrize("strategy", ["mixed", "mixed_value", "mixed_kq"])
def test_other_conventions_by_an_outside_integrator(strategy, name):
    setting = random_setting(3, 1, few_shot_weight=0.5, **CONVENTIONS[name])
    start = theory.fixed_point("pretrained", setting=setting)
    path = flow(strategy, setting, [0.05, 0.2])
    assert (
        distance(path.end, outside(strategy, setting, 0.2, start)) < 1e-9
    )  # a thousand times the integrators' tolerance


@pytest.mark.parametrize("strategy", ["mixed", "mixed_value", "mixed_kq"])
@pytest.mark.parametrize("name", CONVENTIONS)
def test_other_conventions_approach_the_limit_of_small_weights(strategy, name):
    """In proportion to the weight; masked, the zero-shot loss is constant and no weight matters but for the time."""
    setting = theory.Setting(d=3, noise_variance=0.1, pretrain_shots=6, **CONVENTIONS[name])
    limit = flow(strategy, setting, until="converged").end
    gaps = [distance(flow(strategy, setting, schedule=w, until="converged").end, limit) for w in (1e-3, 1e-4)]
    if setting.query == "masked" or strategy == "mixed_kq":
        assert max(gaps) < 1e-9  # what "converged" means, times the largest parameter
    else:
        assert gaps[0] / gaps[1] == pytest.approx(10, rel=0.02)  # the second order is 1e-3 of the first, times a few


@pytest.mark.parametrize("name", ["masked", "masked, a number"])
def test_a_masked_query_learns_nothing_at_zero_shots(name):
    setting = random_setting(3, 1, **CONVENTIONS[name])
    start = theory.fixed_point("pretrained", setting=setting)
    for strategy in ("zero_shot", "zero_shot_value", "zero_shot_kq"):
        assert distance(flow(strategy, setting, [1.0], until="converged").end, start) == 0


def test_a_number_selects_the_zero_shot_minimiser_by_the_conserved_difference():
    """The prediction of zero shots is (v_x.x) Q_00 / N: v_x = c theta_0, Q_00 = N / c, and |v|^2 - |Q|^2 stays."""
    setting = random_setting(3, 1, normalization=7.0)
    start, theta = theory.fixed_point("pretrained", setting=setting), setting.target_vector()
    path = flow("zero_shot", setting, until="converged")
    c = path.end.v_x @ theta / (theta @ theta)
    assert path.loss[-1] == pytest.approx(0.1, abs=1e-12)
    assert path.end.q == pytest.approx(7 / c, rel=1e-9)
    assert c**2 * (theta @ theta) - 49 / c**2 == pytest.approx(-np.sum(start.B**2), rel=1e-9)


def test_slow_annealing_approaches_the_limit_like_the_root_of_its_duration():
    limit = theory.fixed_point("mixed", setting=OFFICIAL)
    gaps = [
        distance(flow("mixed", OFFICIAL, schedule=LinearSchedule(duration), until="converged").end, limit)
        for duration in (5e4, 5e6)
    ]
    assert gaps[0] / gaps[1] == pytest.approx(10, rel=0.06)  # the next order is duration^(-1/2) / 2 of the first


@pytest.mark.parametrize("name", ["noiseless", "noiseless, Sigma"])
def test_without_noise_the_start_selects_among_the_minimisers(name):
    """Only B + b theta_0' matters to L_FS on the target, so flow moves along one combination of B and b."""
    setting = {
        "noiseless": theory.Setting(d=4, pretrain_shots=20),
        "noiseless, Sigma": random_setting(4, 5, noise_variance=0.0),
    }[name]
    start, theta = theory.fixed_point("pretrained", setting=setting), setting.target_vector()
    power = theta @ setting.sigma() @ theta
    recital = 21 * np.outer(theta, theta) / (start.value_scale * 22 * power)
    moved = (recital - start.B) @ np.linalg.inv(np.eye(4) + np.outer(theta, theta))
    end = flow("mixed_kq", setting, until="converged").end
    np.testing.assert_allclose(end.B, start.B + moved, rtol=0, atol=1e-9)
    np.testing.assert_allclose(end.q_xy, moved @ theta, rtol=0, atol=1e-9)


@pytest.mark.usefixtures("gives_up_sooner")
def test_without_noise_mixed_has_no_limit():
    with pytest.raises(NoConvergence, match="has not settled"):
        flow("mixed", theory.Setting(d=1, pretrain_shots=20), until="converged")


@pytest.mark.parametrize("size", [1e-1, 1e-4])
def test_pretraining_from_a_small_start_reaches_the_pretrained_point(size):
    rng = np.random.default_rng(6)
    start = theory.AttentionParameters(size * rng.normal(size=5), size * rng.normal(size=(5, 5)))
    setting = theory.Setting(d=3, noise_variance=0.1, pretrain_shots=20)
    path = flow("pretrained", setting, start=start, until="converged")
    point = theory.fixed_point("pretrained", setting=setting)
    balance = start.v @ start.v - np.sum(start.Q**2)
    assert path.conserved[-1] == pytest.approx(balance, abs=1e-10)
    scale = path.end.value_scale / point.value_scale  # of either sign: wB is what pretraining determines
    np.testing.assert_allclose(path.end.v, scale * point.v, rtol=0, atol=1e-9)
    np.testing.assert_allclose(path.end.Q[:-1], point.Q[:-1] / scale, rtol=0, atol=1e-9)
    if size < 1e-3:
        assert abs(abs(scale) - 1) < 1e-6  # balanced


@pytest.mark.parametrize("name", ["d=2", "Sigma, d=2"])
def test_factored_flow(name):
    setting = SETTINGS[name]
    theta = setting.target_vector()
    power = theta @ setting.sigma() @ theta
    d, noise = setting.d, setting.noise_variance
    start = theory.fixed_point("pretrained", setting=setting)
    W_Q, W_K = balanced_factors(start.Q)
    for trained in ("both", "query", "key"):
        stuck = factored_flow(setting, v=start.v, W_Q=W_Q, W_K=W_K, trained=trained, until="converged")
        assert abs(stuck.end.q) < 1e-12
        assert stuck.loss[-1] == pytest.approx(noise + 2 * power / (d + 4), rel=1e-9)
    c = selected_scale(start, theta)
    rng = np.random.default_rng(7)
    noise_Q, noise_K = rng.normal(size=(2, d + 2, d + 2))
    gaps = []
    for size in (1e-4, 1e-6):
        first = W_Q + size * noise_Q, W_K + size * noise_K
        path = factored_flow(setting, v=start.v, W_Q=first[0], W_K=first[1], until="converged")
        last = path.W_Q[-1], path.W_K[-1]
        differences = [a @ a.T - b @ b.T for a, b in (first, last)]
        np.testing.assert_allclose(*differences, rtol=0, atol=1e-10)
        for a, b in zip(first, last, strict=True):
            assert start.v @ start.v - np.sum(a**2) == pytest.approx(path.v[-1] @ path.v[-1] - np.sum(b**2), abs=1e-10)
        assert path.loss[-1] == pytest.approx(noise, abs=1e-12)
        gaps.append(np.abs(path.v[-1][1:-1] - c * theta).max())
    assert gaps[1] < 1e-4
    assert gaps[1] < gaps[0] / 20  # the law holds in the limit of small perturbations


TWO_HEADS = theory.AttentionParameters(np.ones((2, 7)), np.ones((2, 7, 7)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, "t = None"),
        ({"t": [1.0, 0.5]}, "increasing"),
        ({"t": [-1.0]}, "times >= 0"),
        ({"until": "forever"}, "until = 'forever'"),
        ({"t": [1.0], "schedule": 0.5}, "schedule = 0.5"),
        ({"t": [1.0], "strategy": "mixed", "schedule": -1.0}, "few_shot_weight = -1"),
        ({"t": [1.0], "strategy": "mixed", "schedule": math.exp, "until": "converged"}, "LinearSchedule"),
        ({"t": [1.0], "start": theory.fixed_point("pretrained", d=3)}, "d = 3"),
        ({"t": [1.0], "start": TWO_HEADS, "strategy": "mixed"}, "few_shot_weight = 0"),
        ({"t": [1.0], "start": TWO_HEADS, "freeze": [2]}, r"freeze = \[2\]"),
        ({"t": [1.0], "start": TWO_HEADS, "freeze": [0, 1]}, "not all of them"),
        ({"t": [1.0], "freeze": [0]}, r"freeze = \[0\]"),
    ],
)
def test_bad_input_names_the_argument(change, message):
    with pytest.raises(ValueError, match=message):
        flow(**{"strategy": "zero_shot", "setting": OFFICIAL, **change})


def test_a_schedule_must_have_a_length():
    with pytest.raises(ValueError, match="duration = 0"):
        LinearSchedule(0)


@pytest.mark.parametrize("N", [1.0, 7.0])
def test_the_slow_phase_is_linearised(N):
    """What the integrator takes for the velocity's derivative, by central differences: along a curved family."""
    setting = random_setting(2, 8, **({} if N == 1 else {"normalization": N}))
    theta, c = setting.target_vector(), 0.7
    v, Q = np.array([0.0, *(c * theta), 0.4]), np.zeros((4, 4))
    Q[0, 0], Q[1:-1, -1] = N / c, 0.3 * theta
    manifold = ZeroShotManifold(v, Q, theta, unseen_at_zero_shots(4), N)
    loss = population_loss(setting, (Term(1.0, 5, theta),))
    system, y = manifold.system(loss, loss), manifold.start()
    step = 1e-5 * np.eye(len(y))
    expected = np.array([(system.velocity(0.0, y + h) - system.velocity(0.0, y - h)) / 2e-5 for h in step]).T
    rates, left, right = system.linearise(0.0, y)
    # The step's square, times third derivatives of a hundred times the first.
    np.testing.assert_allclose(right @ (rates[:, None] * left), expected, rtol=0, atol=1e-7 * np.abs(expected).max())


def test_a_path_prints_as_one_line_and_tells_what_it_cannot_take():
    setting = theory.OFFICIAL
    path = flow("zero_shot_value", setting, [0.0, 1.0], until="converged")
    assert not path.at_rest
    shown = r"Trajectory\(3 times from 0 to inf, loss 1\.1 -> 0\.322222, end=AttentionParameters\(.*\)\)"
    assert re.fullmatch(shown, repr(path))  # to 29/90: R4
    assert ", in two phases, " in repr(flow("mixed", setting, [1.0]))
    for name in ("soft_prompt", "skip", "new_head"):
        with pytest.raises(
            ValueError, match=rf"^strategy = '{name}' is not allowed: .*numerics\.solve\(strategy, setting\)"
        ):
            flow(name, setting, until="converged")
    with pytest.raises(TypeError, match=r"^t = AttentionParameters\(.*start="):
        flow("zero_shot_value", setting, path.end)
    meant = {"value": "'zero_shot_value'", "value_only": "'zero_shot_value'", "key_query": "'zero_shot_kq'"}
    for name, strategy in {**meant, "v_x": r"theory.Strategy\(\('v_x',\)\)"}.items():
        with pytest.raises(ValueError, match=rf"did you mean {strategy}"):
            flow(name, setting, until="converged")
