"""The block law: theorems as its values, the filters of R16, flow at finite time, closed forms, and what it refuses."""

from __future__ import annotations

import math
import pickle
import random
import re
from fractions import Fraction as F

import flint
import mpmath
import numpy as np
import pytest
import sympy

import numerics
import theory
from numerics.derivatives import gradient, objective
from theory import NoClosedForm, Setting, Strategy, block_law, fixed_point, laws, risk, which_law
from theory.contractions import Head, Inputs, Layer, Polar, Tasks, contract
from theory.kinds import FLOATS, FRACTIONS
from theory.matrices import Matrices
from theory.risk_formula import exact_risk_formula
from theory.worlds import world_of

OFFICIAL = Setting(d=5, noise_variance=0.1, pretrain_shots=20)
ONE_BLOCK = ("zero_shot_value", "zero_shot_kq", "mixed_value", "mixed_kq")
SIGMA = np.array([[1.0, 0.5, 0.0], [0.5, 2.0, 0.1], [0.0, 0.1, 3.0]])
SETTINGS = {
    "isotropic": OFFICIAL,
    "a finite weight": OFFICIAL.replace(few_shot_weight=0.3),
    "noiseless": OFFICIAL.replace(noise_variance=0.0),
    "noiseless, a target": OFFICIAL.replace(noise_variance=0.0, target=[1, 1, 0, 0, 2]),
    "a target": OFFICIAL.replace(target=[1, 1, 0, 0, 2], value_scale=1.3),
    "shots": OFFICIAL.replace(normalization="shots"),
    "a number": OFFICIAL.replace(normalization=7, few_shot_weight=0.3),
    "infinite": OFFICIAL.replace(pretrain_shots=math.inf, few_shot_shots=8),
    "one dimension": OFFICIAL.replace(d=1),
    "diagonal": Setting(covariance=[1.0, 2.0, 3.0], task_covariance=[1.0, 2.0, 0.5], noise_variance=0.1, pretrain_shots=9),
    "diagonal, a number": Setting(covariance=[1.0, 2.0, 3.0], noise_variance=0.1, pretrain_shots=9, normalization=2.5),
    "matrices": Setting(covariance=SIGMA, target=[1, 0, 1], noise_variance=0.1, pretrain_shots=9, few_shot_weight=0.5),
}  # fmt: skip
EXACT = {
    "isotropic": Setting(d=5, noise_variance=F(1, 10), pretrain_shots=20),
    "a finite weight": Setting(d=3, noise_variance=F(1, 10), pretrain_shots=7, few_shot_weight=F(1, 3)),
    "noiseless": Setting(d=4, noise_variance=F(0), pretrain_shots=6),
    "noiseless, a target": Setting(d=2, target=[1, 2], noise_variance=F(0), pretrain_shots=6),
    "a number": Setting(d=3, noise_variance=F(1, 10), pretrain_shots=7, few_shot_weight=F(1, 3), normalization=F(5, 2)),
    "one dimension": Setting(d=1, noise_variance=F(1, 10), pretrain_shots=20),
    "matrices": Setting(
        covariance=[[1, F(1, 2)], [F(1, 2), 2]],
        target=[1, 2],
        noise_variance=F(1, 3),
        pretrain_shots=4,
        few_shot_weight=1,
    ),
}


def composed(monkeypatch, name, question):
    """What the block law answers to a question about a named strategy."""
    strategy = theory.STRATEGIES[name]
    with monkeypatch.context() as patch:
        patch.delitem(which_law._THEOREMS, strategy)
        assert not which_law.laws_of(strategy, OFFICIAL)[0].recorded
        return question(strategy)


@pytest.mark.parametrize("name", ONE_BLOCK)
@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_the_theorems_are_values_of_the_block_law(monkeypatch, name, setting):
    # Rounding of some hundred sums, times the few-shot Hessian's condition: up to 1e3 where Q trains, else 10.
    tolerance = 1e-10 if name == "mixed_kq" else 1e-12
    for task in ("target", "opposite", "unseen"):
        expected = risk(name, 7, setting=setting, task=task)
        found = composed(monkeypatch, name, lambda s, task=task: risk(s, 7, setting=setting, task=task))
        assert found == pytest.approx(expected, rel=tolerance)
    expected = fixed_point(name, setting=setting)
    found = composed(monkeypatch, name, lambda s: fixed_point(s, setting=setting))
    for a, b in ((found.v, expected.v), (found.Q, expected.Q)):
        assert np.abs(a - b).max() < tolerance * max(np.abs(b).max(), 1)


@pytest.mark.parametrize("name", ONE_BLOCK)
@pytest.mark.parametrize("setting", EXACT.values(), ids=EXACT)
def test_and_exactly_so_in_fractions(monkeypatch, name, setting):
    for n, task in ((0, "target"), (3, "target"), (3, "unseen"), (3, "opposite")):
        expected = risk(name, n, setting=setting, task=task)
        found = composed(monkeypatch, name, lambda s, n=n, task=task: risk(s, n, setting=setting, task=task))
        assert type(found) is F
        assert found == expected


@pytest.mark.parametrize("attends", [True, False])
@pytest.mark.parametrize("prior", [True, False])
def test_a_layer_s_risk_is_the_square_of_its_start_and_directions(attends, prior):
    """With a prompt, a skip, shifted and correlated inputs, a prior: the polar form against the risk, in Fractions."""
    rng = random.Random(7)

    def fractions(*shape):
        entries = [F(rng.randint(-5, 5), rng.randint(1, 3)) for _ in range(math.prod(shape))]
        return np.array(entries, dtype=object).reshape(shape)

    def positive():
        root = fractions(2, 2)
        return space.token_operator(root @ root.T, 0)

    space = Matrices(2, FRACTIONS)
    shot = positive() + F(1, 3) * space.outer(space.label, space.label)
    means = [space.token_vector(1, fractions(2), 0) for _ in range(2)]
    inputs = Inputs(shot, means[0], positive(), means[1], F(1, 3), shifted=True)
    tasks = Tasks(space.token_vector(0, fractions(2), 0), positive() if prior else None, F(3, 5))
    v, Q = fractions(4), fractions(4, 4)
    prompt, skip = (fractions(4),), space.token_vector(F(1), fractions(2), 0)
    heads = [(fractions(4), Q), (v, fractions(4, 4)), (fractions(4), Q)]
    n, N, steps = F(3), F(5), fractions(3)

    def polar(head, direction=True, skip=None):
        return Polar(space, inputs, Layer((Head(*head),), attends, prompt, skip), tasks, n / N, 1 / N, direction)

    start, directions = polar((v, Q), False, skip), [polar(head) for head in heads]
    total = start @ start + sum(2 * c * (start @ one) for c, one in zip(steps, directions, strict=True))
    total += sum(
        a * b * (x @ y) for a, x in zip(steps, directions, strict=True) for b, y in zip(steps, directions, strict=True)
    )
    moved = (Head(v, Q), *(Head(c * v, Q) for c, (v, Q) in zip(steps, heads, strict=True)))
    terms = contract(space, inputs, Layer(moved, attends, prompt, skip), tasks)
    assert total == exact_risk_formula(terms, n, N) - F(1, 3)
    assert directions[0] @ directions[1] == directions[1] @ directions[0]


# --- R16 -------------------------------------------------------------------------------------------------------------

K_0, KAPPA_20 = 22.32692781, 0.03106216  # to the digits that the theory gives


def filtered(strategy, setting=OFFICIAL):
    """tau: v_x in units of R4's."""
    return float(fixed_point(strategy, setting=setting).v_x[0] / fixed_point("zs_v", setting=setting).v_x[0])


def test_the_filters_have_their_closed_forms():
    for x in (0.003, 0.1, 2.0):
        # K_0 and kappa are given to 10 and 7 digits
        assert filtered(Strategy("value", time=x)) == pytest.approx(1 - math.exp(-2 * K_0 * x), rel=1e-8)
        assert filtered(Strategy("value", pull=x)) == pytest.approx(K_0 / (K_0 + x), rel=1e-8)
        assert filtered(Strategy("value", replay=x)) == pytest.approx(1 / (1 + x * KAPPA_20), rel=1e-7)


def test_the_filters_coincide_among_isotropic_inputs():
    """At tau = 0.7 one model, with R16's excess and price."""
    tau, d, n, s = 0.7, 5, 20, OFFICIAL
    pull, replay, time = K_0 * (1 / tau - 1), (1 / tau - 1) / KAPPA_20, -math.log(1 - tau) / (2 * K_0)
    excess = 1 - tau * (2 - tau) * (d + 2) / (d + 4)
    price = tau**2 * (n**2 + (3 * d + 5) * n + (d + 2) * (d + 4)) / ((d + 4) * (n + 1)) ** 2
    for strategy in (Strategy("value", pull=pull), Strategy("value", replay=replay), Strategy("value", time=time)):
        assert risk(strategy, 0, setting=s) - 0.1 == pytest.approx(excess, rel=1e-7)
        found = risk(strategy, n, setting=s, task="unseen") - risk("pretrained", n, setting=s, task="unseen")
        assert found == pytest.approx(price, rel=1e-6)


def test_and_not_among_others():
    """REACH R16: at equal zero-shot excess replay is the cheapest, early stopping the dearest."""
    spectrum = 1 / np.arange(1.0, 6.0)
    sigma = spectrum * 5 / spectrum.sum()
    s = OFFICIAL.replace(covariance=sigma, target=np.ones(5) / math.sqrt(5))
    power = float(sigma.sum() / 5)  # s_0

    def price(make, low, high):
        for _ in range(80):  # the excess falls with time, and rises with a pull or replay
            middle = math.sqrt(low * high)
            above = risk(make(middle), 0, setting=s) - 0.1 > 0.379852 * power
            low, high = (low, middle) if above == (make is not stopped) else (middle, high)
        found = risk(make(middle), 20, setting=s, task="unseen") - risk("pretrained", 20, setting=s, task="unseen")
        return found / power

    def stopped(x):
        return Strategy("value", time=x)

    # the excess is given to six digits, of which the price keeps five
    assert price(lambda x: Strategy("value", replay=x), 1e-3, 1e4) == pytest.approx(0.00778945, rel=1e-4)
    assert price(lambda x: Strategy("value", pull=x), 1e-3, 1e4) == pytest.approx(0.00968339, rel=1e-4)
    assert price(stopped, 1e-5, 10) == pytest.approx(0.01144348, rel=1e-4)


@pytest.mark.parametrize(
    "weights", [{"replay": 0.3}, {"pull": 2.0}, {"time": 0.01}, {"time": 0.01, "pull": 1.0, "replay": 2.0}]
)
@pytest.mark.parametrize("sigma", [SIGMA, np.array([1.0, 2.0, 3.0])], ids=["matrix", "diagonal"])
def test_operators_are_the_basis(weights, sigma):
    """The value matrix at any d, against one direction an entry."""
    setting = Setting(covariance=sigma, target=[1, 0, 1], noise_variance=0.1, pretrain_shots=9, value_scale=1.3)
    strategy = Strategy("value", **weights)
    arrays = []
    for matrices in (False, True):
        if matrices and sigma.ndim == 1:
            setting = setting.replace(covariance=np.diag(sigma))
        world = world_of(setting, FLOATS, 6.0)
        start = laws.pretrained(world)
        space = world.space
        arrays.append(space.arrays(block_law._value_point(strategy, world, start), 1)[0])
        along = block_law.trained_point(Strategy(("v_x", "w"), few_shot=1e-300, **weights), world)  # takes the basis
        arrays.append(space.arrays(along, 1)[0])
    for found in arrays[1:]:
        assert np.abs(found - arrays[0]).max() < 1e-12  # of entries of one, a few products of 3 x 3 matrices


def test_many_dimensions():
    """Eigenvalues that are all one are the isotropic world; at this d nothing of size d x d fits."""
    d = 200_000
    for strategy in (Strategy("value", replay=2.0, time=0.1), Strategy("value", pull=1.0)):
        expected = risk(strategy, 30, d, noise_variance=0.1, pretrain_shots=9, few_shot_shots=4)
        found = risk(strategy, 30, covariance=np.ones(d), noise_variance=0.1, pretrain_shots=9)
        assert found == pytest.approx(expected, rel=1e-9)  # sums of d terms


# --- flow ------------------------------------------------------------------------------------------------------------

FLOWS = (
    Strategy("value", time=0.013),
    Strategy("value", few_shot=0.4, replay=0.3, time=0.07),
    Strategy("value", zero_shot=0.5, replay=0.5),
    Strategy("key_query", few_shot=1, replay=0.2, time=0.3),
    Strategy("key_query", few_shot=1, replay=0.5),
)


@pytest.mark.parametrize("strategy", FLOWS, ids=lambda s: s.name)
@pytest.mark.parametrize("name", ["isotropic", "a target", "shots", "matrices"])
def test_it_is_where_the_flow_stands(strategy, name):
    setting = SETTINGS[name].replace(few_shot_shots=6)
    found = fixed_point(strategy, setting=setting)
    if strategy.time is math.inf:
        end = numerics.flow(strategy, setting, until="converged").end
    else:
        end = numerics.flow(strategy, setting, [strategy.time]).end
    for a, b in ((found.v, end.v), (found.Q, end.Q)):
        assert np.abs(a - b).max() < 1e-10  # the flow's own promise is 1e-11


def test_the_gradient_vanishes_at_the_end():
    strategy = Strategy("key_query", few_shot=0.7, replay=0.4)
    model = fixed_point(strategy, setting=OFFICIAL)
    assert np.abs(gradient(model, OFFICIAL, objective(strategy, OFFICIAL)).Q).max() < 1e-12  # of terms of order one


@pytest.mark.parametrize("entries", [("q", "b"), ("B",), ("v_x",), ("w",), ("v_0", "r")[:1]])
def test_a_part_of_a_block(entries):
    """What is not trained stays; along what is, the loss is least."""
    strategy = Strategy(entries, few_shot=0.7, replay=0.4)
    start, model = (fixed_point(s, setting=OFFICIAL) for s in ("pretrained", strategy))
    rows = {"q": (0, 0), "B": (slice(1, -1), slice(1, -1)), "b": (slice(1, -1), -1)}
    columns = {"v_0": 0, "v_x": slice(1, -1), "w": -1}
    slope = gradient(model, OFFICIAL, objective(strategy, OFFICIAL))
    for moved, gradient_, parts in ((model.v - start.v, slope.v, columns), (model.Q - start.Q, slope.Q, rows)):
        left = moved.copy()
        for entry in entries:
            if entry in parts:
                left[parts[entry]] = 0
                assert np.abs(gradient_[parts[entry]]).max() < 1e-12
        assert not left.any()


def test_a_pull_weighs_the_distance_at_the_value_scale():
    """The loss with the pull, by finite differences that are exact for a quadratic."""
    for trains in ("value", "key_query"):
        strategy = Strategy(trains, few_shot=1, pull=0.3)
        setting = OFFICIAL.replace(value_scale=1.7)
        start, model = (fixed_point(s, setting=setting) for s in ("pretrained", strategy))
        slope = gradient(model, setting, objective(Strategy(trains, few_shot=1), setting))
        of_loss, moved = (slope.v, model.v - start.v) if trains == "value" else (slope.Q, model.Q - start.Q)
        assert np.abs(moved).max() > 0.01
        assert np.abs(of_loss + 2 * 0.3 * moved).max() < 1e-12  # of terms of order one


def test_a_weight_of_zero_plus_is_the_limit():
    """few_shot="setting" at weight 0: after replay, along what it leaves; in Fractions, so that a tiny weight says it."""
    setting = Setting(d=3, noise_variance=F(1, 3), pretrain_shots=5)
    for trains in ("value", "key_query"):
        limit = Strategy(trains, few_shot="setting")
        gaps = []
        for weight in (F(1, 10**6), F(1, 10**9)):
            near = Strategy(trains, few_shot=weight)
            gaps.append(abs(risk(near, 4, setting=setting) - risk(limit, 4, setting=setting)))
        assert gaps[1] <= gaps[0] / 900 if gaps[0] else trains == "key_query"
    both = Strategy("value", replay=F(1, 2), few_shot="setting")
    near = Strategy("value", replay=F(1, 2), few_shot=F(1, 10**12))
    assert abs(risk(both, 4, setting=setting) - risk(near, 4, setting=setting)) < F(1, 10**11)


def test_weights_count_relative_to_each_other():
    one, two = Strategy("value", replay=F(1, 3)), Strategy("value", zero_shot=3, replay=1)
    setting = Setting(d=3, noise_variance=F(1, 3), pretrain_shots=5)
    assert risk(one, 4, setting=setting) == risk(two, 4, setting=setting)
    assert risk(Strategy("value", replay=F(0), zero_shot=2), 4, setting=setting) == risk("zs_v", 4, setting=setting)


# --- R13s: a readout of the query ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["isotropic", "noiseless, a target", "matrices"])
def test_a_skip_costs_the_target_s_power(name):
    """R13s: c = theta_0, zero-shot risk sigma^2, price on unseen tasks s_0 at every n; on the target it tends to a^2 s."""
    setting = EXACT[name]
    target = [1, 0, 0, 0, 0] if setting.target is None else setting.target
    power = target @ setting.covariance @ target if name == "matrices" else sum(x * x for x in target)
    skip = Strategy("skip")
    assert risk(skip, 0, setting=setting) == setting.noise_variance
    for n in (0, 3, math.inf):
        price = risk(skip, n, setting=setting, task="unseen") - risk("pretrained", n, setting=setting, task="unseen")
        assert price == power
    model = fixed_point(skip, setting=setting)
    assert list(model.skip) == [0, *target]
    assert risk(model, 3, setting=setting, task="opposite") == risk(skip, 3, setting=setting, task="opposite")
    if name == "isotropic":
        a = F(21, 1) / (21 + 5 + F(5, 10))
        assert risk(skip, math.inf, setting=setting) == F(1, 10) + a**2


def test_a_skip_in_closed_form():
    """Replay and pull shrink it alike; stopped early it is on the way."""
    d, m, mu, sigma2, t = sympy.symbols("d m mu sigma2 t", positive=True)
    excess = {
        key: sympy.simplify(risk(Strategy("skip", **{key: x}), 0, d, noise_variance=sigma2, pretrain_shots=m) - sigma2)
        for key, x in (("replay", mu), ("pull", mu), ("time", t))
    }
    assert sympy.simplify(excess["replay"] - (mu / (1 + mu)) ** 2) == 0
    assert sympy.simplify(excess["pull"] - (mu / (1 + mu)) ** 2) == 0
    assert sympy.simplify(excess["time"] - sympy.exp(-4 * t)) == 0


# --- closed forms ----------------------------------------------------------------------------------------------------


def test_replay_has_a_readable_closed_form():
    d, m, mu, sigma2 = sympy.symbols("d m mu sigma2", positive=True)
    world = {"noise_variance": sigma2, "pretrain_shots": m}
    scalars = fixed_point(Strategy("value", replay=mu), d, **world).isotropic
    alone = fixed_point("zero_shot_value", d, **world).isotropic
    kappa = (1 + m * (m + 3 * d + 5) / ((d + 2) * (d + 4))) / (m + 1) ** 2
    assert sympy.simplify(scalars.alpha / alone.alpha - 1 / (1 + mu * kappa)) == 0
    assert scalars.alpha.count_ops() < 100
    assert scalars.w == alone.w


def test_early_stopping_has_a_closed_form():
    d, m, sigma2, t = sympy.symbols("d m sigma2 t", positive=True)
    world = {"noise_variance": sigma2, "pretrain_shots": m, "value_scale": 1}
    scalars = fixed_point(Strategy("value", time=t), d, **world).isotropic
    alone = fixed_point("zero_shot_value", d, **world).isotropic
    rate = 2 * (d + 2) * (d + 4) * scalars.beta**2
    assert sympy.simplify(scalars.alpha / alone.alpha - (1 - sympy.exp(-rate * t))) == 0


def test_kinds_of_number():
    strategy = Strategy("value", replay=F(1, 2))
    arguments = {"d": 3, "noise_variance": F(1, 2), "pretrain_shots": 4}
    exact = risk(strategy, 3, **arguments)
    assert type(exact) is F
    assert risk(strategy, 3, **{**arguments, "noise_variance": 0.5}) == pytest.approx(float(exact), rel=1e-14)
    ball = risk(strategy, 3, **arguments, certify=True)
    with flint.ctx.workprec(200):  # else the fraction is rounded first
        assert ball.contains(flint.arb(exact.numerator) / exact.denominator)
    assert ball.rel_accuracy_bits() >= 99  # a radius of at most 2^-100 of the value
    timed = risk(Strategy("value", time=F(1, 50)), 3, **arguments)
    assert not timed.has(sympy.Float)
    expected = risk(Strategy("value", time=0.02), 3, **{**arguments, "noise_variance": 0.5})
    assert float(timed) == pytest.approx(expected, rel=1e-13)


def test_flat_directions_in_numbers_that_round():
    """Without noise a direction is flat: mpmath's digits tell, and balls say that they cannot."""
    strategy, arguments = Strategy("key_query", few_shot=1), {"d": 3, "pretrain_shots": 4, "task": "unseen"}
    exact = risk(strategy, 3, noise_variance=F(0), **arguments)
    with mpmath.workdps(40):
        found = risk(strategy, 3, noise_variance=mpmath.mpf(0), **arguments)
        assert abs(found * exact.denominator - exact.numerator) < mpmath.mpf(10) ** -25
    with pytest.raises(ValueError, match=r"certify = True .*a direction is flat; Fractions do"):
        risk(strategy, 3, noise_variance=0, certify=True, **arguments)


def test_arrays_broadcast():
    strategy = Strategy("key_query", few_shot=1, replay=0.5)
    found = risk(strategy, np.arange(3), 4, noise_variance=np.array([[0.1], [0.4]]), pretrain_shots=6)
    for i, noise in enumerate((0.1, 0.4)):
        for n in range(3):
            assert found[i, n] == risk(strategy, n, 4, noise_variance=noise, pretrain_shots=6)


def test_conditions_of_a_composition():
    first, *_ = theory.conditions(Strategy("value", replay=1e9), setting=OFFICIAL, task="unseen")
    plain, *_ = theory.conditions("pretrained", setting=OFFICIAL, task="unseen")
    assert str(first) == str(plain)  # so much replay leaves the pretrained model


@pytest.mark.parametrize("strategy", [Strategy("value", replay=0.5), Strategy("value")], ids=["composed", "named"])
@pytest.mark.parametrize("sigma", [None, [1.0, 2.0, 3.0], SIGMA], ids=["isotropic", "diagonal", "matrix"])
def test_n_is_a_number_of_its_own_at_zero_shots_too(strategy, sigma):
    """N = 7 at every n: no step along v_x makes the loss smaller, as the risk itself says."""
    setting = Setting(d=3, covariance=sigma, noise_variance=0.1, pretrain_shots=12, normalization=7)
    model = fixed_point(strategy, setting=setting)

    def loss(v):
        moved = theory.AttentionParameters(v, model.Q)
        return risk(moved, 0, setting=setting) + strategy.replay * risk(moved, 12, setting=setting, task="unseen")

    for entry in (1, 2, 3):
        step = np.eye(5)[entry]
        assert loss(model.v + step) == pytest.approx(loss(model.v - step), rel=1e-13)  # the loss is quadratic
        assert loss(model.v + step) > loss(model.v)


# --- the type, and what has no law -----------------------------------------------------------------------------------


def test_named_strategies_are_values():
    assert Strategy("value") == theory.STRATEGIES["zero_shot_value"] == Strategy(("w", "v_0", "v_x"), zero_shot=1.0)
    assert Strategy("value").name == "zero_shot_value"
    assert Strategy("all", zero_shot=0, replay=1).theorem == "R1"
    assert which_law.laws_of(Strategy("key_query", few_shot="setting"), OFFICIAL) is laws.LAWS["mixed_kq"]
    assert Strategy("value", time=1.0) != Strategy("value")
    one = Strategy("value", replay=0.3, time=2)
    assert pickle.loads(pickle.dumps(one)) == one
    assert len({one, Strategy("value", replay=0.3, time=2.0), Strategy("value")}) == 2
    assert eval(repr(one)) == one


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ({"trains": "valu"}, ["trains", "'valu'", "did you mean 'value'"]),
        ({"trains": ()}, ["trains", "()", "not empty"]),
        ({"trains": ("v_x", "z")}, ["trains", "'z'", "v_0"]),
        ({"trains": "value", "zero_shot": 0}, ["zero_shot", "few_shot", "replay", "> 0"]),
        ({"trains": "value", "replay": -1}, ["replay", "-1", "from 0"]),
        ({"trains": "value", "pull": math.nan}, ["pull", "nan"]),
        ({"trains": "value", "time": -2.0}, ["time", "-2.0", "from 0"]),
        ({"trains": "value", "start": "zero"}, ["start", "'zero'", "pretrained"]),
    ],
)
def test_a_strategy_is_checked(arguments, parts):
    with pytest.raises(ValueError, match=".*".join(map(re.escape, parts))):
        Strategy(**arguments)
    for wrong in ({"trains": 3}, {"trains": "value", "few_shot": "lambda"}, {"trains": "value", "pull": [1, 2]}):
        with pytest.raises(TypeError):
            Strategy(**wrong)


@pytest.mark.parametrize(
    ("strategy", "parts"),
    [
        (Strategy("all", replay=0.3), ["replay=0.3", "numerics.flow", "until='converged'", "mixed"]),
        (Strategy("all", time=2.0), ["time=2.0", "numerics.flow", "t=[2.0]"]),
        (Strategy(("v_x", "q")), ["v_x", "both"]),
        (Strategy("all_but_q", replay=1), ["all_but_q", "both"]),
    ],
)
def test_what_no_law_covers_is_refused(strategy, parts):
    for question in (lambda: risk(strategy, 3, setting=OFFICIAL), lambda: fixed_point(strategy, setting=OFFICIAL)):
        with pytest.raises(NoClosedForm) as caught:
            question()
        assert all(part in str(caught.value) for part in parts)


def test_where_the_law_has_no_closed_form():
    exact = OFFICIAL.replace(noise_variance=F(1, 10))
    with pytest.raises(NoClosedForm, match=r"time = .*several entries move together"):
        risk(Strategy("value", few_shot=1, time=F(1, 2)), 3, setting=exact)
    wide = Setting(covariance=np.arange(1.0, 31.0), noise_variance=0.1, pretrain_shots=20)
    with pytest.raises(NoClosedForm, match=r"931 directions, and at most 400 .*numerics\.flow"):
        risk(Strategy("key_query", few_shot=1), 3, setting=wide)
