"""Properties that hold for every input, on inputs that hypothesis draws: extremes are among them on purpose.

Where the formulas are pure rational functions, properties are checked in exact arithmetic, as equalities. The profiles
are in conftest.py; 60 examples a property by default, 2,000 nightly.
"""

from __future__ import annotations

import math
import random
from fractions import Fraction as F
from functools import cache

import numpy as np
import pytest
import sympy
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies_for_tests import NORMALIZATIONS, RATIONAL_STRATEGIES, STRATEGIES, identity

import theory
from theory.evaluation import terms_of
from theory.kinds import kind_of

TASKS = ("target", "opposite", "unseen")

# --- what is drawn ---------------------------------------------------------------------------------------------------

strategies = st.sampled_from(STRATEGIES)
rational_strategies = st.sampled_from(RATIONAL_STRATEGIES)
normalizations = st.sampled_from(NORMALIZATIONS)
shots = st.one_of(st.integers(0, 30), st.sampled_from([0, 1, 2, 10**6, 2**53]))
training_shots = st.one_of(st.integers(1, 30), st.sampled_from([1, 2, 10**6, 2**53]))
pretraining = st.one_of(training_shots, st.just(math.inf))
dimensions = st.one_of(st.integers(1, 12), st.sampled_from([1, 2, 10**6, 2**53]))
noises = st.one_of(st.floats(1e-6, 1e6), st.sampled_from([1e-300, 1e-12, 1.0, 1e12, 1e50]))
scales = st.one_of(st.just("balanced"), st.floats(1e-3, 1e3), st.sampled_from([1e-50, 1e50]))
fractions = st.fractions(-4, 4, max_denominator=6)
positive = st.fractions(F(1, 6), 6, max_denominator=6)
nonnegative = st.one_of(st.just(F(0)), positive)


@st.composite
def isotropic_settings(draw, strategy=None):
    """Keywords of an isotropic setting in floats."""
    return {
        "noise_variance": draw(noises), "pretrain_shots": draw(pretraining), "few_shot_shots": draw(training_shots),
        "value_scale": draw(scales), "normalization": draw(normalizations),
    }  # fmt: skip


@st.composite
def vectors(draw, d, nonzero=True):
    """Rational vectors: axes, repeated entries and zeros are what they shrink to."""
    entries = draw(st.lists(fractions, min_size=d, max_size=d))
    if nonzero and not any(entries):
        entries[draw(st.integers(0, d - 1))] = F(1)
    return np.array(entries, dtype=object)


@st.composite
def covariances(draw, d):
    """L D L' with rational L, D: identities and diagonals are what it shrinks to."""
    lower = np.array(identity(d), dtype=object)
    for i in range(d):
        for j in range(i):
            lower[i, j] = draw(st.one_of(st.just(F(0)), fractions))
    pivots = np.array(draw(st.lists(positive, min_size=d, max_size=d)), dtype=object)
    return (lower * pivots) @ lower.T


@st.composite
def rational_settings(draw, dense, d=None):
    """Keywords of a setting in Fractions, of dimension 1 to 3."""
    d = draw(st.integers(1, 3)) if d is None else d
    setting = {
        "noise_variance": draw(nonnegative), "pretrain_shots": draw(st.one_of(st.integers(1, 9), st.just(math.inf))),
        "few_shot_shots": draw(st.integers(1, 9)), "value_scale": draw(positive), "target": draw(vectors(d)),
        "normalization": draw(normalizations),
    }  # fmt: skip
    if dense:
        setting["covariance"] = draw(covariances(d))
        setting["task_covariance"] = draw(st.one_of(st.none(), covariances(d)))
    return setting


@st.composite
def models(draw, d):
    """Any (v, Q) in Fractions, a third of the entries zero: one drawn seed, since forty drawn numbers take a second."""
    rng = random.Random(draw(st.integers(0, 2**32 - 1)))
    numbers = [F(rng.choice((0, 1, -1)) * rng.randint(1, 12), rng.randint(1, 6)) for _ in range((d + 2) * (d + 3))]
    both = np.array(numbers, dtype=object).reshape(d + 3, d + 2)
    return theory.AttentionParameters(both[0], both[1:])


def rotation(d, angle):
    """An exact rational rotation: t -> (1 - t^2, 2t) / (1 + t^2) in the first two coordinates."""
    R = np.array(identity(d), dtype=object)
    if d > 1:
        cosine, sine = (1 - angle**2) / (1 + angle**2), 2 * angle / (1 + angle**2)
        R[0, 0] = R[1, 1] = cosine
        R[0, 1], R[1, 0] = -sine, sine
    return R


def few_shot_strategies_need_noise(strategy, setting):
    """`mixed_kq` is set apart at zero noise: its point then depends on its start."""
    assume(strategy != "mixed_kq" or setting["noise_variance"] > 0)


# --- symmetries, exactly ---------------------------------------------------------------------------------------------


@given(data=st.data(), strategy=rational_strategies, n=st.integers(0, 9))
def test_rotation(data, strategy, n):
    """(theta, Sigma, Psi) -> (R theta, R Sigma R', R Psi R') leaves every risk alone."""
    setting = data.draw(rational_settings(dense=True))
    d = len(setting["target"])
    R, theta = rotation(d, data.draw(fractions)), data.draw(vectors(d))
    turned = {**setting, "target": R @ setting["target"], "covariance": R @ setting["covariance"] @ R.T}
    if setting["task_covariance"] is not None:
        turned["task_covariance"] = R @ setting["task_covariance"] @ R.T
    for here, there in (("target", "target"), ("unseen", "unseen"), (theta, R @ theta)):
        assert theory.risk(strategy, n, task=here, **setting) == theory.risk(strategy, n, task=there, **turned)


@given(data=st.data(), n=st.integers(0, 9), d=st.integers(1, 3))
def test_relabelling_a_model(data, n, d):
    """A permutation of the coordinates (with signs), of the model and of the world."""
    model, sigma, theta = data.draw(models(d)), data.draw(covariances(d)), data.draw(vectors(d))
    order = data.draw(st.permutations(range(d)))
    P = np.array([[F(int(i == j)) for j in order] for i in range(d)], dtype=object)
    T = np.array(identity(d + 2), dtype=object)
    T[1:-1, 1:-1] = P * np.array(
        data.draw(st.lists(st.sampled_from([F(1), F(-1)]), min_size=d, max_size=d)), dtype=object
    )
    P = T[1:-1, 1:-1]
    moved = theory.AttentionParameters(T @ model.v, T @ model.Q @ T.T)
    noise = data.draw(nonnegative)
    before = theory.risk(model, n, covariance=sigma, task=theta, noise_variance=noise)
    after = theory.risk(moved, n, covariance=P @ sigma @ P.T, task=P @ theta, noise_variance=noise)
    assert before == after


@given(data=st.data(), n=st.integers(0, 9), d=st.integers(1, 3), k=positive, normalization=normalizations)
def test_scale_symmetry(data, n, d, k, normalization):
    """(v, Q) -> (k v, Q / k): the same prediction."""
    model, theta = data.draw(models(d)), data.draw(vectors(d))
    scaled = theory.AttentionParameters(k * model.v, model.Q / k)
    others = {"covariance": data.draw(covariances(d)), "noise_variance": data.draw(nonnegative)}
    for task in (theta, "unseen"):
        found = (theory.risk(m, n, task=task, normalization=normalization, **others) for m in (model, scaled))
        assert next(found) == next(found)


@given(data=st.data(), strategy=rational_strategies, n=st.integers(0, 9))
def test_value_scale_cancels(data, strategy, n):
    """Every rational strategy leaves wB alone (or recites): its risk does not see the value scale."""
    setting = data.draw(rational_settings(dense=data.draw(st.booleans())))
    few_shot_strategies_need_noise(strategy, setting)
    other = {**setting, "value_scale": data.draw(positive)}
    for task in TASKS:
        assert theory.risk(strategy, n, task=task, **setting) == theory.risk(strategy, n, task=task, **other)


@given(data=st.data(), n=st.integers(0, 9), d=st.integers(1, 3))
def test_sign_of_the_task(data, n, d):
    """theta -> -theta with v_x -> -v_x, Q_.y -> -Q_.y: labels change sign, and so does the prediction's error."""
    model, theta = data.draw(models(d)), data.draw(vectors(d))
    v, Q = model.v.copy(), model.Q.copy()
    v[:-1], Q[:, -1] = -v[:-1], -Q[:, -1]  # v . z and, on the label's column, u . z follow the sign of y
    others = {"covariance": data.draw(covariances(d)), "noise_variance": data.draw(nonnegative)}
    before = theory.risk(model, n, task=theta, **others)
    assert theory.risk(theory.AttentionParameters(v, Q), n, task=-theta, **others) == before


@given(data=st.data(), n=st.integers(0, 9), strategy=rational_strategies)
def test_sign_of_the_target(data, n, strategy):
    """A strategy tuned to -theta_0, met with -theta, is the one tuned to theta_0 met with theta."""
    setting = data.draw(rational_settings(dense=data.draw(st.booleans())))
    theta = data.draw(vectors(len(setting["target"])))
    mirrored = {**setting, "target": -setting["target"]}
    for here, there in ((theta, -theta), ("target", "target"), ("opposite", "opposite"), ("unseen", "unseen")):
        assert theory.risk(strategy, n, task=here, **setting) == theory.risk(strategy, n, task=there, **mirrored)


@given(data=st.data(), n=st.integers(0, 9), strategy=rational_strategies)
def test_identity_covariance_is_the_isotropic_setting(data, n, strategy):
    setting = data.draw(rational_settings(dense=False))
    d = len(setting["target"])
    theta, one = data.draw(vectors(d)), np.array(identity(d), dtype=object)
    for task in (*TASKS, theta):
        isotropic = theory.risk(strategy, n, task=task, **setting)
        assert theory.risk(strategy, n, task=task, covariance=one, **setting) == isotropic


@given(setting=isotropic_settings(), n=shots, strategy=strategies, task=st.sampled_from(TASKS), d=st.integers(1, 6))
def test_identity_covariance_in_floats(setting, n, strategy, task, d):
    """Also for the strategies with roots. A dense solve at d <= 6 keeps 1e-12."""
    isotropic = theory.risk(strategy, n, d, task=task, **setting)
    dense = theory.risk(strategy, n, task=task, covariance=np.eye(d), **setting)
    assert dense == pytest.approx(isotropic, rel=1e-12)


@given(data=st.data(), n=st.integers(0, 9), d=st.integers(1, 3), c=positive)
def test_units_of_the_label(data, n, d, c):
    """Labels in other units: (theta, sigma^2, v_y, Q_.y) -> (c theta, c^2 sigma^2, v_y, ...) scales a risk by c^2."""
    model, theta, noise = data.draw(models(d)), data.draw(vectors(d)), data.draw(nonnegative)
    v, Q = model.v.copy(), model.Q.copy()
    v[:-1] *= c
    Q[:, -1] = Q[:, -1] / c
    sigma = data.draw(covariances(d))
    before = theory.risk(model, n, covariance=sigma, task=theta, noise_variance=noise)
    after = theory.risk(
        theory.AttentionParameters(v, Q), n, covariance=sigma, task=c * theta, noise_variance=c * c * noise
    )
    assert after == c * c * before


@given(data=st.data(), n=st.integers(0, 9), d=st.integers(1, 3))
def test_units_of_the_inputs(data, n, d):
    """x -> A x for an invertible A: Sigma -> A Sigma A', theta -> A'^-1 theta, v_x and Q_x. follow."""
    model, theta = data.draw(models(d)), data.draw(vectors(d))
    sigma, A = data.draw(covariances(d)), data.draw(covariances(d))
    inverse = kind_of(A).inverse(A)
    T = np.array(identity(d + 2), dtype=object)
    T[1:-1, 1:-1] = inverse  # A is symmetric
    moved = theory.AttentionParameters(T @ model.v, T @ model.Q @ T.T)
    before = theory.risk(model, n, covariance=sigma, task=theta)
    assert theory.risk(moved, n, covariance=A @ sigma @ A, task=inverse @ theta) == before


# --- ends of the range -----------------------------------------------------------------------------------------------


@given(data=st.data(), strategy=strategies)
def test_no_shots(data, strategy):
    """At n = 0 both conventions agree, the pretrained model answers 0, and full fine-tuning leaves the noise alone."""
    setting = data.draw(isotropic_settings())
    d, noise = data.draw(dimensions), setting["noise_variance"]
    found = theory.risk(strategy, 0, d, **setting)
    same_training = theory.fixed_point(strategy, d, **setting)
    for normalization in NORMALIZATIONS:
        world = {"noise_variance": noise, "normalization": normalization}
        assert theory.risk(same_training, 0, d, **world) == pytest.approx(found, rel=1e-9)
    if strategy in ("pretrained", "zero_shot_kq", "mixed_kq"):
        assert found == pytest.approx(1 + noise, rel=1e-13)
    if strategy in ("zero_shot", "mixed"):
        assert found == pytest.approx(noise, rel=1e-13)
    if strategy == "zero_shot_value":
        assert found == pytest.approx(noise + 2 / (d + 4), rel=1e-13)


@given(data=st.data(), strategy=rational_strategies, task=st.sampled_from(TASKS))
def test_infinitely_many_shots(data, strategy, task):
    """risk(n) - limit = O(1/n), exactly: n (risk - limit) at n and 10 n differ by a tenth of what is left."""
    setting = data.draw(rational_settings(dense=data.draw(st.booleans())))
    terms, _ = terms_of(theory.STRATEGIES[strategy], theory.Setting(**setting), task)
    limit = theory.risk_formula.limit_of_many_shots(terms)
    gaps = [n * (theory.risk(strategy, n, task=task, **setting) - limit) for n in (10**9, 10**12, 10**15)]
    assert abs(gaps[2] - gaps[1]) <= abs(gaps[1] - gaps[0]) / 100
    assert abs(gaps[0] / 10**9) <= 1e-6 * (1 + abs(gaps[0]))


@given(data=st.data(), n=shots, strategy=strategies, task=st.sampled_from(TASKS), d=dimensions)
def test_never_below_the_noise(data, n, strategy, task, d):
    setting = data.draw(isotropic_settings())
    found = theory.risk(strategy, n, d, task=task, **setting)
    assert math.isfinite(found)
    assert found >= setting["noise_variance"]


@given(data=st.data(), n=shots, d=st.integers(1, 3))
def test_a_model_is_never_below_the_noise(data, n, d):
    """Exactly, and strictly so unless the model is perfect: risk - sigma^2 is a sum of squares."""
    noise = data.draw(nonnegative)
    for task in (data.draw(vectors(d)), "unseen"):
        found = theory.risk(
            data.draw(models(d)), n, covariance=data.draw(covariances(d)), task=task, noise_variance=noise
        )
        assert found >= noise


# --- monotone, and not -----------------------------------------------------------------------------------------------


@given(data=st.data(), n=st.integers(0, 50), d=st.integers(1, 3), more=positive)
def test_a_given_model_suffers_from_noise(data, n, d, more):
    """At fixed parameters the risk rises with sigma^2, by at least the rise: noise enters as sums of squares."""
    model, theta, noise = data.draw(models(d)), data.draw(vectors(d)), data.draw(nonnegative)
    sigma = data.draw(covariances(d))
    v = model.v.copy()
    Q = model.Q.copy()
    Q[:, -1] = F(0)  # where the label is not a key; else see the counterexample below
    plain = theory.AttentionParameters(v, Q)
    for task in (theta, "unseen"):
        low, high = (
            theory.risk(plain, n, covariance=sigma, task=task, noise_variance=x) for x in (noise, noise + more)
        )
        assert high >= low + more


def test_noise_may_help_a_model_whose_keys_are_labels():
    """The counterexample to monotonicity: a model that recites theta_0 by the sum of y^2, and does so too weakly."""
    model = theory.fixed_point("mixed_kq", 1, noise_variance=F(1), pretrain_shots=1, value_scale=F(1))
    Q = model.Q / 2
    weak = theory.AttentionParameters(model.v, Q)
    excess = [theory.risk(weak, 10**3, noise_variance=s) - s for s in (F(0), F(1, 2), F(1))]
    assert excess[2] < excess[1] < excess[0]


@given(d=dimensions, m=training_shots, noise=noises, factor=st.floats(1.5, 100))
def test_pretrained_suffers_from_noise_at_its_own_number_of_shots(d, m, noise, factor):
    """On unseen tasks at n = m it is the least of losses that all rise with sigma^2. (1e-13 is rounding.)"""
    assume(noise * factor <= 1e50)
    low, high = (
        theory.risk("pretrained", m, d, task="unseen", pretrain_shots=m, noise_variance=x)
        for x in (noise, noise * factor)
    )
    assert high >= low * (1 - 1e-13)


def test_pretrained_may_gain_from_noise_at_other_numbers():
    """The counterexample, which hypothesis found: noise in pretraining shrinks the model, which helps it at one shot."""
    low, high = (theory.risk("pretrained", 1, 10**6, pretrain_shots=10**6, noise_variance=F(x)) for x in (1, 2))
    assert high < low


@given(d=st.integers(1, 50), m=st.integers(1, 200), noise=st.fractions(0, 5, max_denominator=9), n=st.integers(0, 400))
def test_pretrained_gains_from_shots_beyond_the_first(d, m, noise, n):
    """With 'tokens' its excess risk at n + 1 shots is below that at n whenever n >= m."""
    risks = [theory.risk("pretrained", m + n + k, d, pretrain_shots=m, noise_variance=noise + F(0)) for k in (0, 1)]
    assert risks[1] <= risks[0]


def test_more_shots_may_hurt():
    """The counterexample: one shot of a model pretrained on many is worse than none where d is large."""
    none, one = theory.risk("pretrained", [0, 1], 20)
    assert one > none


@given(data=st.data(), n=st.integers(0, 30), d=st.integers(1, 3), c=st.fractions(F(11, 10), 5, max_denominator=10))
def test_a_louder_task_is_not_easier(data, n, d, c):
    """Scale: for a model without a memory of its own (v_x = p = b = 0 and v_0 = 0), risk - sigma^2 rises with |theta|."""
    model, theta, noise = data.draw(models(d)), data.draw(vectors(d)), data.draw(nonnegative)
    v, Q = model.v * 0, model.Q * 0
    v[-1], Q[1:-1, 1:-1] = model.v[-1], model.Q[1:-1, 1:-1]
    plain, sigma = theory.AttentionParameters(v, Q), data.draw(covariances(d))
    quiet, loud = (theory.risk(plain, n, covariance=sigma, task=k * theta, noise_variance=noise) for k in (1, c))
    assert loud >= quiet


def test_a_louder_task_may_be_easier_for_a_model_with_a_memory():
    """The counterexample: a model that recites 2 theta_0 does better on 2 theta_0 than on theta_0."""
    model = theory.AttentionParameters([0, 2, 0], [[1, 0, 0], [0, 0, 0], [0, 0, 0]])
    assert theory.risk(model, 0, task=[2.0]) == 0 < theory.risk(model, 0, task=[1.0])


# --- one call, many ways ---------------------------------------------------------------------------------------------


@given(data=st.data(), strategy=strategies, task=st.sampled_from(TASKS))
def test_broadcasting_is_looping(data, strategy, task):
    several = {
        "n_shots": st.lists(shots, min_size=1, max_size=3), "d": st.lists(dimensions, min_size=1, max_size=2),
        "noise_variance": st.lists(st.one_of(st.just(0.0), noises), min_size=1, max_size=2),
        "pretrain_shots": st.lists(pretraining, min_size=1, max_size=2),
    }  # fmt: skip
    axes = {name: np.array(data.draw(values), dtype=float) for name, values in several.items()}
    shapes = {name: [-1 if k == i else 1 for k in range(4)] for i, name in enumerate(axes)}
    axes = {name: array.reshape(shapes[name]) for name, array in axes.items()}
    others = {"task": task, "few_shot_shots": data.draw(training_shots), "normalization": data.draw(normalizations)}
    found = theory.risk(strategy, **axes, **others)
    everything = np.broadcast_arrays(*axes.values())
    assert found.shape == everything[0].shape
    for index in np.ndindex(found.shape):
        n, d, noise, m = (array[index].item() for array in everything)
        one = theory.risk(strategy, int(n), int(d), noise_variance=noise, pretrain_shots=m, **others)
        assert found[index] == pytest.approx(one, rel=1e-13)


@given(data=st.data(), n=st.integers(0, 20), strategy=rational_strategies)
def test_fractions_equal_floats(data, n, strategy):
    """The exact value rounds to the float, but for the roundings on the way (1e-9: ill-conditioned draws of Sigma)."""
    dense = data.draw(st.booleans())
    setting = data.draw(rational_settings(dense=dense))
    floats = {
        name: x.astype(float) if isinstance(x, np.ndarray) else float(x) if isinstance(x, F) else x
        for name, x in setting.items()
    }
    for task in TASKS:
        exact = theory.risk(strategy, n, task=task, **setting)
        assert type(exact) is F
        assert theory.risk(strategy, n, task=task, **floats) == pytest.approx(
            float(exact), rel=1e-9 if dense else 1e-13
        )


@cache
def in_symbols(strategy, task):
    """The risk as an expression in n, d, s and m: once, and not before it is asked for."""
    n, d, noise, m = sympy.symbols("n d s m", positive=True)
    return theory.risk(strategy, n, d, task=task, noise_variance=noise, pretrain_shots=m)


@given(
    strategy=rational_strategies, task=st.sampled_from(TASKS), n=st.integers(1, 10**6), d=st.integers(1, 10**6),
    m=st.integers(1, 10**6), noise=positive,
)  # fmt: skip
def test_symbols_then_numbers(strategy, task, n, d, m, noise):
    """Symbol, then substitute = the numbers at once, exactly."""
    values = {"n": n, "d": d, "m": m, "s": sympy.Rational(noise.numerator, noise.denominator)}
    found = in_symbols(strategy, task).subs({sympy.Symbol(name, positive=True): x for name, x in values.items()})
    expected = theory.risk(strategy, n, d, task=task, noise_variance=noise, pretrain_shots=m)
    assert found == sympy.Rational(expected.numerator, expected.denominator)


@given(n=shots, d=dimensions, m=training_shots, noise=noises, task=st.sampled_from(TASKS))
def test_untouched_strategies(n, d, m, noise, task):
    """`zero_shot_kq` is the pretrained model; w of `zero_shot_value` is that of the pretrained model."""
    others = {"task": task, "noise_variance": noise, "pretrain_shots": m}
    assert theory.risk("zs_kq", n, d, **others) == theory.risk("pretrained", n, d, **others)


@given(n=shots, strategy=strategies, d=st.integers(2, 9), cosine=st.floats(-1, 1), data=st.data())
def test_a_cosine_is_a_vector(n, strategy, d, cosine, data):
    setting = data.draw(isotropic_settings())
    theta = np.zeros(d)
    theta[0], theta[1] = cosine, math.sqrt(1 - cosine**2)
    assume(math.hypot(*theta) == 1.0)
    by_cosine = theory.risk(strategy, n, d, task=cosine, **setting)
    assert theory.risk(strategy, n, d, task=theta, **setting) == pytest.approx(by_cosine, rel=1e-9)


# --- averages, by an exact cubature ----------------------------------------------------------------------------------


@given(data=st.data(), n=st.integers(0, 5), d=st.integers(1, 3), normalization=normalizations)
def test_unseen_is_the_average_over_the_sphere(data, n, d, normalization):
    """An exact cubature of degree 5: the axes, and +-1 in each pair of axes.

    A risk is a quartic in theta. Its even part splits by degree, from theta and 2 theta; x_i^4 averages to
    3/(d(d+2)) and x_i^2 x_j^2 to 1/(d(d+2)); the pairs, of length sqrt 2, see both.
    """
    model, noise = data.draw(models(d)), data.draw(nonnegative)
    others = {"covariance": data.draw(covariances(d)), "noise_variance": noise, "normalization": normalization}

    @cache
    def along(*theta):
        theta = np.array(theta, dtype=object)
        return (theory.risk(model, n, task=theta, **others) + theory.risk(model, n, task=-theta, **others)) / 2

    def even(theta):
        return along(*theta)

    one = np.array(identity(d), dtype=object)
    at_one, at_two, at_three = (even(F(k) * one[0]) for k in (1, 2, 3))
    fourth = ((at_three - at_one) / 8 - (at_two - at_one) / 3) / 5
    constant = at_one - (at_two - at_one) / 3 + 4 * fourth

    def degrees(theta):
        """The parts of degree 2 and 4."""
        once, twice = even(theta) - constant, even(2 * theta) - constant
        return once - (twice - 4 * once) / 12, (twice - 4 * once) / 12

    on_axes = [degrees(axis) for axis in one]
    on_pairs = [degrees(one[i] + sign * one[j]) for i in range(d) for j in range(i) for sign in (1, -1)]
    quadratic = sum((x for x, _ in on_axes), F(0)) / d
    pure = sum((x for _, x in on_axes), F(0))  # sum of c_iiii
    both = sum((x for _, x in on_pairs), F(0)) / 2 - (d - 1) * pure  # sum over pairs of c_iijj
    average = constant + quadratic + (3 * pure + both) / (d * (d + 2))
    assert theory.risk(model, n, task="unseen", **others) == average


@given(data=st.data(), n=st.integers(0, 5), strategy=rational_strategies)
def test_unseen_on_the_line_is_a_coin(data, n, strategy):
    """d = 1: the unit sphere is {-1, 1}."""
    setting = data.draw(rational_settings(dense=False, d=1))
    sides = [theory.risk(strategy, n, task=[F(k)], **setting) for k in (1, -1)]
    assert theory.risk(strategy, n, task="unseen", **setting) == sum(sides) / 2


# --- fixed points ----------------------------------------------------------------------------------------------------


@given(data=st.data(), strategy=rational_strategies, dense=st.booleans())
def test_no_move_does_better(data, strategy, dense):
    """A rational move of the trained block, exactly: the objective never falls, to any size of the move."""
    setting = data.draw(rational_settings(dense))
    d = len(setting["target"])
    m, few = setting["pretrain_shots"], setting["few_shot_shots"]
    kind = theory.STRATEGIES[strategy]
    weight = data.draw(positive) if strategy == "mixed_value" else F(0)
    model = theory.fixed_point(strategy, few_shot_weight=weight, **setting)
    move = data.draw(models(d))
    v = model.v + (move.v if kind.trained in ("all", "value") else 0 * move.v)
    Q = model.Q + (move.Q if kind.trained in ("all", "key_query") else 0 * move.Q)
    moved = theory.AttentionParameters(v, Q)
    world = {name: x for name, x in setting.items() if name not in ("pretrain_shots", "few_shot_shots", "value_scale")}

    def loss(model):
        if strategy == "pretrained":
            return theory.risk(model, 10**9 if m == math.inf else m, task="unseen", **world)
        total = theory.risk(model, 0, **world)
        if strategy == "mixed_kq":
            return total + theory.risk(model, few, **world)
        return total + (weight * theory.risk(model, few, **world) if weight else 0)

    if strategy == "pretrained" and m == math.inf:
        return  # the infimum over m has no loss of its own; finite m covers it
    assert loss(moved) >= loss(model)


@given(d=st.integers(1, 6), m=training_shots, noise=noises, c=st.floats(0.2, 5), normalization=normalizations)
def test_zero_shot_selection(d, m, noise, c, normalization):
    """|v|^2 - |Q|^2 of `zero_shot` and `mixed` is that of the start, for any value scale c."""
    others = {"noise_variance": noise, "pretrain_shots": m, "value_scale": c, "normalization": normalization}
    assume(m < 10**7)  # beyond, the parameters of `mixed` at small noise leave the digits of a float
    assume(1e-6 <= noise <= 1e6)
    differences, sizes = [], []
    for name in ("pretrained", "zero_shot", "mixed"):
        if name == "mixed" and normalization == "shots" and m == 1:
            continue
        model = theory.fixed_point(name, d, **others)
        v2, Q2 = float(np.sum(model.v**2)), float(np.sum(model.Q**2))
        differences.append(v2 - Q2)
        sizes.append(v2 + Q2)
    assert np.ptp(differences) <= 1e-9 * max(sizes)


# --- the flow --------------------------------------------------------------------------------------------------------


@settings(max_examples=25)
@given(
    strategy=strategies, d=st.integers(1, 4), m=st.integers(2, 20), noise=st.floats(0.05, 2), normalization=normalizations,
    scale=st.one_of(st.just("balanced"), st.floats(0.5, 2)),
)  # fmt: skip
def test_the_flow_descends(strategy, d, m, noise, normalization, scale):
    """Along the gradient flow the loss that descends never rises, in either phase: 1e-9 is the integrator's."""
    import numerics

    setting = theory.Setting(d, noise_variance=noise, pretrain_shots=m, normalization=normalization, value_scale=scale)
    path = numerics.flow(strategy, setting, np.linspace(0, 5, 12))
    for phase in (path.slow, ~path.slow):
        loss = path.loss[phase]
        assert np.all(np.diff(loss) <= 1e-9 * (1 + loss[:-1]))
